"""The tagger: it learns, tags every token, is saved and goes on, and says what cannot be."""

from __future__ import annotations

import inspect
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors import numpy as safetensors
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from tests.model_mutations import read, with_file
from textrnn import TextRNNClassifier, TextRNNTagger
from textrnn.errors import DamagedModelError, DataError, ModelError, UsageError
from textrnn.inference.tagger import USUAL, TaggerModel
from textrnn.storage.format import WEIGHTS, config_checksum
from textrnn.storage.reading import load
from textrnn.storage.writing import save_model
from textrnn.text.encoded import encode_lists
from textrnn.text.vocabulary import Vocabulary
from textrnn.training.declaration import declared_by
from textrnn.training.tagging.settings import TaggingSettings
from textrnn.training.tagging.stages import tagged, usual_tags

A, B = ["the", "can", "opens"], ["we", "can", "open", "it"]
TAGS = [["DET", "NOUN", "VERB"], ["PRON", "AUX", "VERB", "PRON"]] * 20
TEXTS = [A, B] * 20
SMALL: dict[str, Any] = {
    "hidden_size": 12,
    "embedding_dim": 8,
    "char_dim": 6,
    "learning_rate_init": 0.01,
    "max_iter": 20,
    "batch_size": 8,
    "ema_decay": 0.9,
    "early_stopping": False,
    "random_state": 0,
}


def small(**changes: Any) -> TextRNNTagger:
    return TextRNNTagger(**{**SMALL, **changes})


@pytest.fixture(scope="module")
def tagger() -> TextRNNTagger:
    return small().fit(TEXTS, TAGS)


def test_the_parameters_are_those_that_are_declared() -> None:
    declared = declared_by(TaggingSettings)
    meant = {name: one.default for name, one in declared.items() if not one.is_fixed}
    of_calls = {"warm_start": False, "random_state": None, "verbose": False}
    signature = inspect.signature(TextRNNTagger).parameters
    assert {name: one.default for name, one in signature.items()} == {**meant, **of_calls}


def test_the_tag_of_a_word_hangs_on_its_neighbours(tagger: TextRNNTagger) -> None:
    assert tagger.predict([A, B]) == TAGS[:2]
    assert tagger.score(TEXTS, TAGS) == 1.0
    assert tagger.classes_.tolist() == ["AUX", "DET", "NOUN", "PRON", "VERB"]
    assert tagger.n_iter_ == len(tagger.loss_curve_) == 20
    assert tagger.loss_curve_[-1] < tagger.loss_curve_[0]


def test_as_many_tags_as_tokens_whatever_the_texts(tagger: TextRNNTagger) -> None:
    texts = [["zzz"], [], ["the"] * 3000, A, ["?", "\ud800", ""]]
    found = tagger.predict(texts)
    assert [len(tags) for tags in found] == [1, 0, 3000, 3, 3]
    assert found[3] == TAGS[0]
    assert tagger.predict([]) == []
    assert tagger.predict([[]]) == [[]]
    assert tagger.predict(["we can open it"]) == [TAGS[1]]
    for text, own in zip(texts, tagger.predict_proba(texts), strict=True):
        assert own.shape == (len(text), 5)
        np.testing.assert_allclose(own.sum(axis=1), 1.0)


def test_a_text_is_tagged_alone_as_among_others(tagger: TextRNNTagger) -> None:
    texts = [B, A, ["it"], A + B]
    together = tagger.predict_proba(texts)
    for text, own in zip(texts, together, strict=True):
        np.testing.assert_allclose(tagger.predict_proba([text])[0], own, atol=1e-6)


def test_unknown_words_are_tagged_by_their_ends() -> None:
    rng = np.random.default_rng(0)
    stems = ["".join(rng.choice(list("bcdfgklmn"), 5)) for _ in range(400)]
    ends = {"ing": "VERB", "ly": "ADV", "ness": "NOUN"}
    draws = rng.integers(0, 3, (400, 4))
    words, tags = list(ends), list(ends.values())
    texts = [[stem + words[k] for k in row] for stem, row in zip(stems, draws, strict=True)]
    right = [[tags[k] for k in row] for row in draws]
    settings: dict[str, Any] = {"max_iter": 8}
    spelt = small(**settings).fit(texts[:200], right[:200])
    assert spelt.model_.is_unknown(encode_lists(texts[200:])).all()
    assert spelt.score(texts[200:], right[200:]) > 0.98
    by_word = small(**settings, char_dim=None).fit(texts[:200], right[:200])
    assert by_word.score(texts[200:], right[200:]) < 0.6
    assert len({tuple(tags) for tags in by_word.predict([[text] for text in "abc"])}) == 1


def test_words_are_looked_up_in_lower_case_if_asked() -> None:
    model = small(lowercase=True, char_dim=None).fit(TEXTS, TAGS)
    assert model.predict([["We", "CAN", "open", "It"]]) == [TAGS[1]]
    assert not model.model_.is_unknown(encode_lists([["WE"]])).any()
    assert (
        small(char_dim=None, max_iter=1)
        .fit(TEXTS, TAGS)
        .model_.is_unknown(encode_lists([["WE"]]))
        .all()
    )


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_the_same_seed_gives_the_same_tagger(n_jobs: int) -> None:
    fits = [small(max_iter=2, n_jobs=n_jobs).fit(TEXTS, TAGS) for _ in range(2)]
    for name, value in fits[0].model_.network.params.items():
        np.testing.assert_array_equal(value, fits[1].model_.network.params[name])


def test_two_processes_find_what_one_does() -> None:
    """But for rounding: nothing is random here, and words are spelt in both."""
    off = dict.fromkeys(("dropout_input", "dropout_readout", "unknown_alpha"), 0.0)
    settings = {**off, "max_iter": 2, "shuffle": False, "dtype": "float64"}
    one, two = (small(**settings, n_jobs=n).fit(TEXTS, TAGS) for n in (1, 2))
    for name, value in one.model_.network.params.items():
        np.testing.assert_allclose(value, two.model_.network.params[name], atol=1e-9, err_msg=name)


def test_the_best_epoch_is_that_of_the_most_tags_right() -> None:
    model = small(early_stopping=True, validation_fraction=0.2).fit(
        [*TEXTS, *([word] for word in "abcdefgh")], [*TAGS, *([["DET"]] * 8)]
    )
    assert model.validation_scores_
    assert max(model.validation_scores_) <= 1.0
    told: list[str] = []
    small(max_iter=1).fit(TEXTS, TAGS, on_stage=lambda name, _: told.append(name))
    assert told == ["network", "training"]
    held = small(max_iter=2).fit(TEXTS, TAGS, validation_data=([A], [TAGS[0]]))
    assert len(held.validation_scores_) == 2
    assert all(score * 3 == pytest.approx(round(score * 3)) for score in held.validation_scores_)


def test_all_tokens_weigh_alike_but_for_the_weights_of_their_texts() -> None:
    texts = encode_lists([["a"], [], ["b", "c", "d"]])
    found = tagged(texts, np.array([0, 1, 0, 1]), 2)
    assert len(found) == 2
    np.testing.assert_allclose(np.asarray(found.weights), 0.5)  # of two texts 2 together
    weighted = tagged(texts, np.array([0, 1, 0, 1]), 2, np.array([3.0, 9.0, 1.0]))
    assert np.asarray(weighted.weights).tolist() == pytest.approx([1.0, 1 / 3, 1 / 3, 1 / 3])


def test_texts_of_weight_0_teach_nothing() -> None:
    wrong = [["VERB"] * len(text) for text in TEXTS]
    weights = [1.0] * len(TEXTS) + [0.0] * len(TEXTS)
    model = small().fit(TEXTS + TEXTS, TAGS + wrong, sample_weight=weights)
    assert model.score(TEXTS, TAGS) == 1.0
    assert model.score(TEXTS + TEXTS, TAGS + wrong, sample_weight=weights) == 1.0


def test_tags_may_be_numbers() -> None:
    numbers = [[7 if tag == "VERB" else 3 for tag in tags] for tags in TAGS]
    model = small().fit(TEXTS, numbers)
    assert model.predict([A]) == [[3, 3, 7]]
    assert model.score(TEXTS, numbers) == 1.0


def test_usual_tags_are_counted() -> None:
    texts = encode_lists([["a", "b", "a", "a"], ["b", "b", "c"]])
    vocabulary = Vocabulary.build(texts, min_df=2)  # a stands in one text alone
    tags = tagged(texts, np.array([0, 1, 0, 2, 1, 2, 2]), 3).targets
    assert vocabulary.tokens == ("<unk>", "b")
    assert usual_tags(vocabulary, texts, tags).tolist() == [2, 1]


def test_saved_and_loaded(tagger: TextRNNTagger, tmp_path: Path) -> None:
    tagger.save(tmp_path / "m")
    found = TextRNNTagger.load(tmp_path / "m")
    for one, other in zip(
        found.predict_proba(TEXTS[:2]), tagger.predict_proba(TEXTS[:2]), strict=True
    ):
        np.testing.assert_array_equal(one, other)
    assert found.get_params() == {**tagger.get_params(), "random_state": None}
    assert found.history_ == tagger.history_
    assert found.classes_.tolist() == tagger.classes_.tolist()
    np.testing.assert_array_equal(found.model_.usual, tagger.model_.usual)
    with pytest.raises(ModelError, match=r"is a tagger, not a .*tag predict and textrnn tag eval"):
        TextRNNClassifier.load(tmp_path / "m")
    save_model(tagger.model_, tmp_path / "small", compact=True)
    assert TextRNNTagger.load(tmp_path / "small").predict(TEXTS[:2]) == TAGS[:2]


def altered(folder: Path, **changes: Any) -> None:
    """Alter a configuration as somebody might who knows how checksums are made."""
    config = json.loads((folder / "config.json").read_bytes())
    for name, value in changes.items():
        part, _, key = name.partition("__")
        if key:
            config[part] = {k: v for k, v in {**config[part], key: value}.items() if v is not ...}
        else:
            config[part] = value
    config["checksum"] = config_checksum(config)
    (folder / "config.json").write_text(json.dumps(config))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"classes": ["a", "b"]}, "n_classes is 5, but must be 2"),
        ({"network__head": "text"}, "network.head"),
        ({"network__head": ...}, "network.head is missing"),
        ({"network__segment_length": 5}, "segment_length"),
        ({"network__multilabel": True}, "multilabel"),
        ({"network__regression": True}, "tags are no numbers"),
        ({"network__char_dim": ...}, "one of char_dim and n_pieces"),
        ({"network__embedding_dim": None}, "must have vectors"),
        ({"network__n_pieces": 5}, "pieces.weight"),
        ({"network__char_dim": 0}, "char_dim is 0"),
        ({"network__char_dim": 2**40}, "char_dim"),
        ({"tagger": {}}, "lowercase is missing"),
        ({"tagger": {"lowercase": 1}}, "lowercase is 1"),
        ({"max_length": 5}, "max_length"),
        ({"network__vocabulary_size": 5}, "usual.tags|embedding.weight|vocabulary"),
    ],
)
def test_a_stranger_s_configuration(
    tagger: TextRNNTagger, tmp_path: Path, changes: dict[str, Any], told: str
) -> None:
    tagger.save(tmp_path / "m")
    altered(tmp_path / "m", **changes)
    with pytest.raises(DamagedModelError, match=told):
        load(tmp_path / "m")


def test_a_usual_tag_that_is_none_is_refused(tagger: TextRNNTagger, tmp_path: Path) -> None:
    folder = tmp_path / "m"
    save_model(tagger.model_, folder)
    arrays = safetensors.load((folder / WEIGHTS).read_bytes())
    arrays[USUAL] = np.full_like(arrays[USUAL], 5)
    for name, content in with_file(read(folder), WEIGHTS, safetensors.save(arrays)).items():
        (folder / name).write_bytes(content)
    with pytest.raises(DamagedModelError, match=rf"model '.*m'.* {USUAL} has a number that is"):
        load(folder)
    model: TaggerModel = replace(tagger.model_, usual=np.full_like(tagger.model_.usual, 5))
    with pytest.raises(ModelError, match="cannot be saved"):
        save_model(model, folder)


def test_warm_start_goes_on() -> None:
    model = small(warm_start=True, max_iter=5).fit(TEXTS, TAGS)
    before, first = model.loss_curve_[-1], model.model_
    network = {name: value.copy() for name, value in first.network.params.items()}
    model.fit(TEXTS, TAGS)
    assert model.loss_curve_[0] < 1.5 * before
    assert model.model_.vocabulary is first.vocabulary
    for name, value in network.items():  # the old model is as it was
        np.testing.assert_array_equal(first.network.params[name], value)
    with pytest.raises(DataError, match=r"'X' is of no token to learn from"):
        model.fit(TEXTS, [["X"] * len(text) for text in TEXTS])
    with pytest.raises(UsageError, match=r"char_dim is 5, but was 6"):
        model.set_params(char_dim=5).fit(TEXTS, TAGS)


@pytest.mark.parametrize(
    ("X", "y", "told"),
    [
        ("a b", [["X", "Y"]], "X is a single str"),
        ([["a"]], None, "y is None"),
        ([["a"]], 5, "y is 5, but must be the tags of each text"),
        ([["a", "b"]], [["X"]], "text 0 has 2 tokens, but 1 tags"),
        ([["a"]], [["X"], ["Y"]], "1 texts, but y has tags of 2"),
        ([["a"]], ["X"], "must be a list: a tag of each"),
        ([["a", 3]], [["X", "Y"]], "must be a list of tokens"),
        ([["a"]], [["X"]], "all tokens have the tag 'X'"),
        ([[]], [[]], "no token"),
        ([["a", "b"]], [["X", 3]], "mixes"),
    ],
)
def test_what_cannot_be_learned_from(X: Any, y: Any, told: str) -> None:
    with pytest.raises(DataError, match=told):
        small().fit(X, y)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"char_dim": 0}, "char_dim is 0"),
        ({"embedding": "onehot"}, "has no vectors of words"),
        ({"rule": "rtrl", "bidirectional": False}, "how a word is spelt has several"),
        ({"rule": "ekf", "bidirectional": False}, "how a word is spelt has several"),
    ],
)
def test_settings_that_do_not_go_together(settings: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        TaggingSettings(**settings).validate()


@pytest.mark.parametrize(
    "settings",
    [
        {"rule": "tbptt", "k1": 2, "bidirectional": False},
        {"embedding": "onehot", "char_dim": None},
        {"body": "cnn"},
        {"num_layers": 2, "cell": "gru"},
        {"adversarial": 0.3},
        {"dropout_embedding": 0.1, "dropout_recurrent": 0.1},
        {"max_seconds": 30.0},
    ],
    ids=str,
)
def test_whatever_trains_a_classifier_trains_a_tagger(settings: dict[str, Any]) -> None:
    model = small(**{"max_iter": 15, **settings}).fit(TEXTS, TAGS)
    assert model.score(TEXTS, TAGS) > 0.8


def test_it_is_an_estimator(tagger: TextRNNTagger) -> None:
    again = clone(tagger)
    assert again.get_params() == tagger.get_params()
    with pytest.raises(NotFittedError, match="TextRNNTagger is not fitted"):
        again.predict([A])
    assert "TextRNNTagger(" in repr(tagger)
    with pytest.raises(DataError, match="no token to score"):
        tagger.score([[]], [[]])
