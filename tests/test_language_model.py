"""The estimator of language models: it learns, answers, goes on, and says what cannot be."""

from __future__ import annotations

import inspect
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from textrnn import TextRNNClassifier, TextRNNLanguageModel, TextRNNTagger, TextRNNTransducer
from textrnn.errors import DataError, ModelError, UsageError
from textrnn.training.declaration import declared_by
from textrnn.training.language.settings import LanguageModelSettings

ONE, MANY = "the cat sleeps", "the cats sleep"
TEXTS = [ONE, MANY, "a bird sings", "birds sing"] * 25
NUMBERS = ["one", "many"] * 50
SMALL: dict[str, Any] = {
    "hidden_size": 16,
    "embedding_dim": 16,
    "learning_rate_init": 0.01,
    "max_iter": 60,
    "batch_size": 16,
    "dropout_input": 0.1,
    "dropout_readout": 0.2,
    "ema_decay": 0.9,
    "early_stopping": False,
    "random_state": 0,
}


def small(**changes: Any) -> TextRNNLanguageModel:
    return TextRNNLanguageModel(**{**SMALL, **changes})


@pytest.fixture(scope="module")
def plain() -> TextRNNLanguageModel:
    return small().fit(TEXTS)


@pytest.fixture(scope="module", params=["first", "each"])
def labelled(request: pytest.FixtureRequest) -> TextRNNLanguageModel:
    return small(label_at=request.param).fit(TEXTS, NUMBERS)


def test_the_parameters_are_those_that_are_declared() -> None:
    declared = declared_by(LanguageModelSettings)
    meant = {name: one.default for name, one in declared.items() if not one.is_fixed}
    of_calls = {"warm_start": False, "random_state": None, "verbose": False}
    signature = inspect.signature(TextRNNLanguageModel).parameters
    assert {name: one.default for name, one in signature.items()} == {**meant, **of_calls}


def test_it_learns(plain: TextRNNLanguageModel) -> None:
    assert plain.perplexity(TEXTS) < 1.8  # one of 4 texts of 4 and 3 tokens: 1.5 at best
    right, wrong = plain.score_samples([MANY, "the cats sleeps"])
    assert right > wrong + 1.0
    assert plain.next_words("the cat", top_k=1).words[0][0] == "sleeps"
    assert plain.n_iter_ == len(plain.loss_curve_) == 60
    assert plain.loss_curve_[-1] < plain.loss_curve_[0]


def test_scores_are_sums_of_log_probabilities(plain: TextRNNLanguageModel) -> None:
    texts = [MANY, "", "zz", "the the the"]
    each = plain.log_probabilities(texts)
    assert [len(one) for one in each] == [4, 1, 2, 4]
    sums = plain.score_samples(texts)
    np.testing.assert_allclose(sums, [one.sum() for one in each])
    assert plain.perplexity(texts) == pytest.approx(math.exp(-sums.sum() / 11))
    assert plain.score(texts) == pytest.approx(-math.log(plain.perplexity(texts)))
    assert [len(one) for one in plain.log_probabilities([""])] == [1]
    assert plain.log_probabilities([]) == []


def test_texts_are_written_as_the_seed_says(plain: TextRNNLanguageModel) -> None:
    written = plain.sample(50, random_state=3)
    assert written == plain.sample(50, random_state=3) != plain.sample(50, random_state=4)
    assert written[:10] == plain.sample(10, random_state=3)
    assert len(set(written) & set(TEXTS)) == 4
    assert all(text.startswith("the cats") for text in plain.sample(5, prompt="the cats"))
    assert plain.sample(2, temperature=0.0)[0] in TEXTS
    assert all(len(text.split()) <= 2 for text in plain.sample(5, max_tokens=2))


def test_labels_decide_what_is_written(labelled: TextRNNLanguageModel) -> None:
    assert labelled.labels_ == ("many", "one")
    wanted = {"one": set(TEXTS[::2]), "many": set(TEXTS[1::2])}
    for label, texts in wanted.items():
        written = labelled.sample(1_000, label=label)
        assert sum(text in texts for text in written) >= 850
    right = labelled.score_samples([ONE, MANY], ["one", "many"])
    wrong = labelled.score_samples([ONE, MANY], ["many", "one"])
    assert (right > wrong + 1.0).all()
    np.testing.assert_allclose(
        labelled.score_samples([ONE, MANY]), np.logaddexp(right, wrong) + math.log(0.5)
    )
    assert labelled.score(TEXTS, NUMBERS) > labelled.score(TEXTS)


def test_saved_and_loaded(labelled: TextRNNLanguageModel, tmp_path: Path) -> None:
    labelled.save(tmp_path / "m")
    found = TextRNNLanguageModel.load(tmp_path / "m")
    np.testing.assert_array_equal(found.score_samples(TEXTS[:4]), labelled.score_samples(TEXTS[:4]))
    left_out = {"random_state": None}
    assert found.get_params() == {**labelled.get_params(), **left_out}
    assert found.history_ == labelled.history_
    assert found.sample(3, label="one") == labelled.sample(3, label="one")
    with pytest.raises(ModelError, match="language model"):
        TextRNNClassifier.load(tmp_path / "m")


def test_of_another_kind(tmp_path: Path) -> None:
    classifier = TextRNNClassifier(hidden_size=4, max_iter=1, early_stopping=False, ngrams="none")
    classifier.fit(["good one", "bad one"] * 4, ["good", "bad"] * 4).save(tmp_path / "m")
    with pytest.raises(ModelError, match="is a classifier, not a language model"):
        TextRNNLanguageModel.load(tmp_path / "m")


def test_characters_with_their_blanks(tmp_path: Path) -> None:
    text = "a  b\tc d"
    model = small(unit="char").fit([text] * 40)
    assert model.sample(1, temperature=0.0) == [text]
    assert [len(one) for one in model.log_probabilities([text, " "])] == [len(text) + 1, 2]
    model.save(tmp_path / "m")
    assert TextRNNLanguageModel.load(tmp_path / "m").sample(1, temperature=0.0) == [text]


def test_a_text_longer_than_what_is_read_at_once() -> None:
    """All of it is learned: the word before the end depends on none of the last k2."""
    texts = [" ".join([start, *["a", "b", "c", "d", "e"] * 12, "end"]) for start in ("x", "y")] * 10
    model = small(k1=7, k2=7).fit(texts)
    (found,) = model.log_probabilities(texts[:1])
    assert len(found) == 63
    assert found[1:].sum() > -12.0
    history = model.history_[-1]
    assert history["loss"] < 0.5


def test_the_best_epoch_is_that_of_the_least_held_out_loss() -> None:
    # What is held out is learned nowhere: more of the same makes it worse.
    model = small(early_stopping=True, max_iter=30, learning_rate="constant", ema_decay=0.0)
    rest = ["a dog barks", "dogs bark"] * 5
    model.fit(TEXTS, validation_data=rest)
    losses = [record["validation_loss"] for record in model.history_]
    assert model.perplexity(rest) == pytest.approx(math.exp(min(losses)), rel=1e-5)
    assert model.validation_perplexities_ == pytest.approx(list(map(math.exp, losses)))
    assert min(losses) < losses[-1]
    assert len(losses) < 30  # it stopped


def test_the_same_seed_gives_the_same_bits() -> None:
    def weights(**changes: Any) -> bytes:
        params = small(max_iter=2, **changes).fit(TEXTS).model_.network.params
        return b"".join(value.tobytes() for value in params.values())

    assert weights() == weights() != weights(random_state=1)


def test_words_told_from_some_others_alone() -> None:
    """What is learned is the same softmax over all, if more slowly."""
    model = small(sampled=3, max_iter=120).fit(TEXTS)
    assert model.history_[0]["loss"] != small(max_iter=1).fit(TEXTS).history_[0]["loss"]
    assert model.perplexity(TEXTS) < 2.2
    every = small(sampled=1000, max_iter=3).fit(TEXTS)
    np.testing.assert_array_equal(
        every.score_samples(TEXTS[:4]), small(max_iter=3).fit(TEXTS).score_samples(TEXTS[:4])
    )


def test_warm_start_goes_on() -> None:
    model = small(warm_start=True, max_iter=2).fit(TEXTS)
    before = model.model_
    first = model.perplexity(TEXTS)
    model.fit(TEXTS)
    assert model.perplexity(TEXTS) < first
    assert model.model_ is not before
    assert model.model_.vocabulary is before.vocabulary
    model.set_params(hidden_size=8)
    with pytest.raises(UsageError, match="hidden_size is 8, but was 16"):
        model.fit(TEXTS)
    again = clone(model.set_params(hidden_size=16))
    assert not hasattr(again, "model_")


def test_unknown_words_are_learned_from_rare_ones() -> None:
    """A vocabulary of all words would hold others for impossible."""
    texts = [f"the {'cat' if i % 3 else f'animal{i}'} sleeps" for i in range(150)]
    found = {}
    for alpha in (0.0, 0.25):
        model = small(unknown_alpha=alpha).fit(texts)
        found[alpha] = model.log_probabilities(["the wombat sleeps"])[0][1]
    assert found[0.25] > found[0.0] + 1.0
    assert found[0.25] > math.log(0.01)


@pytest.mark.parametrize(
    ("fit", "error", "told"),
    [
        (lambda: small().fit("a text"), DataError, "single str"),
        (lambda: small().fit(["", "  "]), DataError, "all are empty"),
        (lambda: small().fit(np.array(["a", 1], object)), DataError, "text 1 is 1"),
        (lambda: small().fit(["a", "b"], ["x"]), DataError, "2 texts, but y has 1 label"),
        (lambda: small().fit(["a", "b"], ["x", "x"]), DataError, "one label only"),
        (lambda: small(unit="word", min_df=9).fit(["a", "b"]), UsageError, "min_df"),
        (lambda: small(unit="syllable").fit(["a"]), UsageError, "unit is 'syllable'"),
        (lambda: small(embedding="onehot").fit(["a"]), UsageError, "no vectors to tell"),
        (lambda: small(unit="char", tokenizer="jieba").fit(["a"]), UsageError, "give one of them"),
        (lambda: small(bidirectional=True), TypeError, "bidirectional"),
    ],
)
def test_what_cannot_be_is_told(fit: Any, error: type[Exception], told: str) -> None:
    with pytest.raises(error, match=told):
        fit()


def test_one_word_texts_and_unknown_ones(plain: TextRNNLanguageModel) -> None:
    model = small(max_iter=3).fit(["yes", "no"] * 20)
    assert model.perplexity(["yes"]) < 4.0
    assert np.isfinite(plain.score_samples(["qq ww", "", "the"])).all()
    with pytest.raises(DataError, match="no text"):
        plain.perplexity([])
    with pytest.raises(DataError, match="no text"):
        plain.score([])
    assert plain.score_samples([]).shape == (0,)
    with pytest.raises(UsageError, match="label"):
        plain.sample(1, label="one")
    with pytest.raises(DataError, match="'x'; the model's labels are: none"):
        plain.score_samples(["a", "b"], ["x", "y"])
    with pytest.raises(NotFittedError):
        small().sample(1)


def test_a_random_state_is_any_that_scikit_learn_takes(plain: TextRNNLanguageModel) -> None:
    for made in (np.random.RandomState, np.random.default_rng):
        ours, again = made(3), made(3)
        first = plain.sample(20, random_state=ours)
        assert first == plain.sample(20, random_state=again) != plain.sample(20, random_state=ours)
    assert plain.sample(20, random_state=None) != plain.sample(20, random_state=None)
    assert plain.sample(20, random_state=np.int64(3)) == plain.sample(20, random_state=3)


@pytest.mark.parametrize(
    "wrong",
    [
        *({"n": 1.5}, {"max_tokens": 2.5}, {"top_k": "a"}, {"temperature": "x"}, {"top_p": "x"}),
        *({"strength": "x"}, {"random_state": "x"}, {"random_state": -1}),
    ],
)
def test_what_is_no_such_number_is_told(plain: TextRNNLanguageModel, wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=f"{next(iter(wrong))}|seed"):
        plain.sample(**wrong)
    with pytest.raises(UsageError, match="top_k"):
        plain.next_words("the", top_k=1.5)  # type: ignore[arg-type]


def test_only_a_language_model_needs_no_targets() -> None:
    for kind in (TextRNNLanguageModel, TextRNNTagger, TextRNNTransducer):
        required = kind().__sklearn_tags__().target_tags.required
        assert required == (kind is not TextRNNLanguageModel)
        with pytest.raises(NotFittedError):
            _ = kind().vocabulary_
