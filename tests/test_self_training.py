"""A classifier teaches a new network on texts without labels."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from textrnn import TextRNNClassifier
from textrnn.corpora import Corpus, Split
from textrnn.experiment import Experiment, checkpoint_path, run_experiment
from textrnn.model import TextModel
from textrnn.text.tokenised import number_texts
from textrnn.training.callbacks import Callback
from textrnn.training.checkpoint import taught_path
from textrnn.training.fit import TokenisedTexts
from textrnn.training.loop import TrainingRun
from textrnn.training.self_training import answers, lesson, pupil, steps_of
from textrnn.training.settings import Settings
from textrnn.training.whole import is_worse

SMALL = Settings(hidden_size=6, embedding_dim=6, max_iter=3, n_iter_no_change=9, batch_size=8)
GOOD, BAD = ["fine", "good", "lovely", "superb", "warm"], ["awful", "bad", "cold", "dull", "poor"]
PLAIN = ["the", "room", "was", "and", "our", "stay", "in", "this", "house", "we", "had", "it"]


def made_up(n: int, seed: int, n_words: int = 5) -> tuple[list[str], list[str]]:
    """Texts of plain words and a word of praise or blame, of which there are so many."""
    rng = np.random.default_rng(seed)
    labels = [("good", "bad")[i % 2] for i in range(n)]
    words = {"good": GOOD[:n_words], "bad": BAD[:n_words]}
    texts = [[*rng.choice(PLAIN, 6), rng.choice(words[label])] for label in labels]
    return [" ".join(rng.permutation(text).tolist()) for text in texts], labels


@pytest.fixture
def corpus() -> Corpus:
    return Corpus("inns", Split(*made_up(60, 0)), test=Split(*made_up(20, 1)), source="here")


@pytest.fixture
def model(corpus: Corpus) -> TextModel:
    classifier = TextRNNClassifier(hidden_size=4, embedding_dim=4, max_iter=2, random_state=0)
    return classifier.fit(corpus.train.texts, corpus.train.labels).model_


class Watch(Callback):
    """Keeps what each run is trained on."""

    def __init__(self) -> None:
        self.targets: list[Any] = []
        self.first: list[Any] = []
        self.taught: list[int] = []

    def on_start(self, run: TrainingRun) -> None:
        self.targets.append(run.train.targets)
        self.first.append({name: value.copy() for name, value in run.network.params.items()})

    def on_taught(self, n_texts: int) -> None:
        self.taught.append(n_texts)


class Stop(Callback):
    """Ends a run that learns from unlabelled texts, in an epoch."""

    def __init__(self, epoch: int, error: type[BaseException]) -> None:
        self.epoch, self.error, self.taught = epoch, error, False

    def on_taught(self, n_texts: int) -> None:
        self.taught = n_texts > 0

    def on_batch(self, run: TrainingRun) -> None:
        if self.taught and run.state.epoch == self.epoch and run.progress.batches == 2:
            raise self.error


def test_a_lesson(model: TextModel) -> None:
    known = TokenisedTexts([["a"], ["b"]], np.array([1, 0]), np.array([0.5, 1.5], np.float32))
    others = number_texts([["superb", "room"], ["dull"], []])
    texts = lesson(model, known, others)
    assert list(texts.tokens) == [["a"], ["b"], ["superb", "room"], ["dull"], []]
    np.testing.assert_array_equal(texts.targets[:2], [[0, 1], [1, 0]])
    told = model.predict_proba(["superb room", "dull", ""])
    np.testing.assert_allclose(texts.targets[2:], told, rtol=1e-6)
    np.testing.assert_array_equal(texts.weights, np.float32([0.5, 1.5, 1, 1, 1]))
    assert lesson(model, replace(known, weights=None), others).weights is None


def test_a_pupil_owns_its_weights(model: TextModel) -> None:
    zeros = {name: np.zeros_like(value) for name, value in model.network.params.items()}
    network = pupil(model, zeros)
    network.params["linear.bias"] += 1.0
    assert not zeros["linear.bias"].any()
    assert network.config == model.network.config


def test_the_pupil_begins_where_its_teacher_began(corpus: Corpus) -> None:
    watch, more = Watch(), made_up(40, 2)[0]
    classifier = TextRNNClassifier(
        hidden_size=4, embedding_dim=4, max_iter=2, ngrams="words", random_state=0
    )
    classifier.fit(corpus.train.texts, corpus.train.labels, unlabelled=more, callbacks=[watch])
    assert watch.taught == [40]
    teacher, taught = watch.targets
    assert taught.shape == (len(teacher) + 40, 2)
    np.testing.assert_array_equal(taught[: len(teacher)], np.eye(2)[teacher])
    np.testing.assert_allclose(taught.sum(axis=1), 1.0, rtol=1e-6)
    for name, value in watch.first[0].items():
        np.testing.assert_array_equal(watch.first[1][name], value)
    again = TextRNNClassifier(**classifier.get_params())
    again.fit(corpus.train.texts, corpus.train.labels, unlabelled=more)
    for name, value in classifier.model_.network.params.items():
        np.testing.assert_array_equal(again.model_.network.params[name], value)


def test_the_network_learns_what_the_ngrams_know() -> None:
    """Thirty labelled texts teach the n-grams ten words, a network alone hardly any."""
    texts, labels = made_up(30, 0)
    tested, right = made_up(200, 1)
    accuracy = []
    for more in (None, made_up(400, 2)[0]):
        classifier = TextRNNClassifier(
            hidden_size=8,
            embedding_dim=8,
            max_iter=20,
            learning_rate_init=0.02,
            ngrams="words",
            random_state=0,
        )
        model = classifier.fit(texts, labels, unlabelled=more).model_
        found = replace(model, ngrams=None).predict_proba(tested).argmax(axis=1)
        accuracy.append(np.mean(np.array(model.classes)[found] == right))
    assert accuracy[0] < 0.8 < 0.95 < accuracy[1]


@pytest.mark.parametrize("multilabel", [False, True])
def test_many_labels(multilabel: bool) -> None:
    texts, labels = made_up(60, 0)
    y: Any = labels
    if multilabel:
        y = np.array(
            [[label == "good", "room" in text] for text, label in zip(texts, labels, strict=True)]
        )
        y = y.astype(int)
    classifier = TextRNNClassifier(hidden_size=4, embedding_dim=4, max_iter=2, random_state=0)
    classifier.fit(texts, y, unlabelled=made_up(20, 1)[0])
    assert classifier.predict_proba(texts).shape == (60, 2)


def run(
    corpus: Corpus, out: Path | None, more: list[str], *callbacks: Callback, **changes: Any
) -> dict[str, Any]:
    experiment = Experiment(
        corpus, SMALL, out=out, baselines=(), unlabelled=more, callbacks=callbacks
    )
    return run_experiment(replace(experiment, **changes))


def test_held_out_and_tested_texts_teach_nobody(corpus: Corpus) -> None:
    assert corpus.test is not None
    held_out = Split(*made_up(10, 5))
    with_validation = replace(corpus, validation=held_out)
    watch, lines = Watch(), list[str]()
    more = [*corpus.test.texts[:3], held_out.texts[0], *made_up(7, 6)[0]]
    report = run(with_validation, None, more, watch, say=lines.append)
    assert watch.taught == [7]
    assert any("4 unlabelled texts are held out or tested" in line for line in lines)
    assert report["validation"].keys() == {"accuracy", "whole", "teacher"}


@pytest.mark.parametrize("epoch", [0, 1])
def test_a_run_that_stops_goes_on(corpus: Corpus, tmp_path: Path, epoch: int) -> None:
    more = made_up(40, 2)[0]
    run(corpus, tmp_path / "whole", more)
    with pytest.raises(ZeroDivisionError):
        run(corpus, tmp_path / "cut", more, Stop(epoch, ZeroDivisionError))
    assert checkpoint_path(tmp_path / "cut").exists()
    assert taught_path(checkpoint_path(tmp_path / "cut")).exists() == (epoch > 0)
    run(corpus, tmp_path / "cut", more, resume=True)
    one, other = (
        (tmp_path / name / "weights.safetensors").read_bytes() for name in ("whole", "cut")
    )
    assert one == other
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cut", "whole"]


@pytest.mark.parametrize("epoch", [0, 1])
def test_ctrl_c_keeps_what_there_is(corpus: Corpus, tmp_path: Path, epoch: int) -> None:
    more = made_up(40, 2)[0]
    report = run(corpus, tmp_path / "m", more, Stop(epoch, KeyboardInterrupt))
    assert report["interrupted"]
    assert report["model_dir"] == str(tmp_path / "m")
    assert checkpoint_path(tmp_path / "m").exists()


def test_a_budget_holds_for_both_networks(corpus: Corpus) -> None:
    planned: list[int] = []

    class Plans(Callback):
        def on_end(self, run: TrainingRun) -> None:
            planned.append(run.state.planned_steps)

    settings = replace(SMALL, max_iter=None, max_steps=100_000, max_seconds=4.0)
    report = run(corpus, None, made_up(40, 2)[0], Plans(), settings=settings)
    assert len(planned) == 2
    assert planned[0] < planned[1] < 100_000
    assert report["seconds"] < 5.0


def test_a_pupil_that_does_worse_is_not_kept(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that learns the contrary of what its teacher holds probable."""
    from textrnn.training import whole

    def contrary(*given: Any, **named: Any) -> TokenisedTexts:
        texts = lesson(*given, **named)
        return replace(texts, targets=1.0 - texts.targets)

    settings = replace(SMALL, ngrams="none", max_iter=30, learning_rate_init=0.02)
    monkeypatch.setattr(whole, "lesson", contrary)
    corpus = replace(corpus, validation=Split(*made_up(20, 5)))
    report = run(corpus, None, made_up(40, 2)[0], settings=settings)
    assert report["validation"]["whole"] == report["validation"]["teacher"] > 0.8


@pytest.mark.parametrize("given", ["a text", [1, 2], [None]])
def test_what_is_no_list_of_texts(given: Any, corpus: Corpus) -> None:
    with pytest.raises(ValueError, match=r"text|string"):
        TextRNNClassifier().fit(corpus.train.texts, corpus.train.labels, unlabelled=given)


@pytest.mark.parametrize(
    ("changes", "n", "planned"),
    [
        ({"batch_size": 10}, 20_000, {"max_iter": 2}),
        ({"batch_size": 10}, 6_000, {"max_iter": 5}),
        ({"batch_size": 10}, 10, {"max_iter": 50}),
        ({"batch_size": 10, "max_steps": 300}, 6_000, {"max_steps": 1_200}),
        ({"batch_size": 10, "max_steps": 3_000}, 6_000, {"max_steps": 3_000}),
        ({"batch_size": 10, "max_iter": 7}, 6_000, {}),
    ],
)
def test_the_length_of_a_lesson(changes: dict[str, Any], n: int, planned: dict[str, int]) -> None:
    texts = TokenisedTexts([["a"]] * n, np.zeros((n, 2)))
    assert steps_of(Settings(**changes), texts) == planned


def test_answers_weigh_what_is_sure() -> None:
    targets = np.array([[0.0, 1.0, 0.0], [0.5, 0.2, 0.3], [1 / 3, 1 / 3, 1 / 3]])
    texts = TokenisedTexts([["a"], ["b"], ["c"]], targets)
    found = answers(texts, multilabel=False)
    np.testing.assert_array_equal(found.targets[:2], [1, 0])
    np.testing.assert_allclose(found.weights, [1.0, 0.2, 0.0], atol=1e-15)
    weighted = answers(replace(texts, weights=np.array([2.0, 3.0, 4.0])), multilabel=False)
    np.testing.assert_allclose(weighted.weights, [2.0, 0.6, 0.0], atol=1e-15)
    many = answers(texts, multilabel=True)
    np.testing.assert_array_equal(many.targets, [[0, 1, 0], [1, 0, 0], [0, 0, 0]])
    np.testing.assert_allclose(many.weights, [1.0, (0 + 0.6 + 0.4) / 3, 1 / 3])


def test_the_ngrams_learn_words_that_only_unlabelled_texts_have() -> None:
    """The labelled texts have one word of praise and one of blame; others stand beside them."""
    texts, labels = made_up(200, 0, n_words=1)
    rng = np.random.default_rng(3)
    beside = [(word, other) for words in (GOOD, BAD) for word in words[:1] for other in words[1:]]
    more = [" ".join([*rng.choice(PLAIN, 4), *beside[i % len(beside)]]) for i in range(400)]
    unseen, right = [*GOOD[1:], *BAD[1:]], [*["good"] * 4, *["bad"] * 4]
    named: dict[str, Any] = {"hidden_size": 4, "embedding_dim": 4, "max_iter": 3}
    found = []
    for unlabelled in (None, more):
        classifier = TextRNNClassifier(**named, ngrams="words", random_state=0)
        model = classifier.fit(texts, labels, unlabelled=unlabelled).model_
        by_ngrams = model.ngram_logits(model.tokens(unseen)).argmax(axis=1)
        found.append(np.mean(np.array(model.classes)[by_ngrams] == right))
    assert found[0] <= 0.5 < found[1] == 1.0


@pytest.mark.parametrize(
    ("pupil", "teacher", "worse"),
    [(0.9, 0.9, False), (0.88, 0.9, False), (0.86, 0.9, True), (None, 0.9, False)],
)
def test_how_much_worse_is_worse(pupil: float | None, teacher: float, worse: bool) -> None:
    texts = TokenisedTexts([["a"]] * 100, np.zeros(100, dtype=int))
    assert is_worse(pupil, teacher, texts) == worse
    assert not is_worse(pupil, teacher, None)
