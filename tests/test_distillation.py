"""A classifier teaches a new network on texts without labels."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.examples import examples
from textrnn import TextRNNClassifier
from textrnn.corpora import Corpus, Split
from textrnn.errors import DataError, ModelError, UsageError
from textrnn.experiments.run import Experiment, checkpoint_path, run_experiment
from textrnn.inference.classifier import TextModel
from textrnn.nn.targets import Targets
from textrnn.storage.card import model_card
from textrnn.storage.report import RunReport
from textrnn.text.encoded import encode_lists
from textrnn.training import distillation
from textrnn.training.callbacks import Callback
from textrnn.training.checkpoint import student_path
from textrnn.training.distillation import (
    Student,
    _network_like,
    is_kept,
    most_probable,
    pseudo_labelled,
    steps_of,
    without,
)
from textrnn.training.ensemble import Ensemble, fit_ensemble
from textrnn.training.examples import Examples
from textrnn.training.held_out import EnsembleWeights
from textrnn.training.in_time import unlabelled_before
from textrnn.training.ngrams import choose_ngrams
from textrnn.training.settings import Settings
from textrnn.training.state import OUT_OF_TIME, Run, TrainingState

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
        self.smoothing: list[float] = []
        self.first: list[Any] = []
        self.students: list[int] = []

    def on_start(self, run: Run) -> None:
        self.targets.append(run.train.targets.values)
        self.smoothing.append(run.config.label_smoothing)
        self.first.append({name: value.copy() for name, value in run.network.params.items()})

    def on_student(self, n_texts: int) -> None:
        self.students.append(n_texts)


class Stop(Callback):
    """Ends a run that learns from unlabelled texts, in an epoch."""

    def __init__(self, epoch: int, error: type[BaseException]) -> None:
        self.epoch, self.error, self.is_student = epoch, error, False

    def on_student(self, n_texts: int) -> None:
        self.is_student = n_texts > 0

    def on_batch(self, run: Run) -> None:
        if self.is_student and run.state.epoch == self.epoch and run.progress.batches == 2:
            raise self.error


def test_pseudo_labels(model: TextModel) -> None:
    known = examples([["a"], ["b"]], np.array([1, 0]), np.array([0.5, 1.5], np.float32))
    others = encode_lists([["superb", "room"], ["dull"], []])
    texts = pseudo_labelled(model, known, others)
    assert list(texts.texts) == [["a"], ["b"], ["superb", "room"], ["dull"], []]
    np.testing.assert_array_equal(texts.targets.values[:2], [[0, 1], [1, 0]])
    told = model.predict_proba(["superb room", "dull", ""])
    np.testing.assert_allclose(texts.targets.values[2:], told, rtol=1e-6)
    np.testing.assert_array_equal(texts.weights, np.array([0.5, 1.5, 1, 1, 1], np.float32))
    assert pseudo_labelled(model, replace(known, weights=None), others).weights is None


def test_a_student_owns_its_weights(model: TextModel) -> None:
    zeros = {name: np.zeros_like(value) for name, value in model.network.params.items()}
    network = _network_like(model, zeros)
    network.params["linear.bias"] += 1.0
    assert not zeros["linear.bias"].any()
    assert network.config == model.network.config


def test_the_student_begins_where_its_teacher_began(corpus: Corpus) -> None:
    watch, more = Watch(), made_up(40, 2)[0]
    classifier = TextRNNClassifier(
        hidden_size=4, embedding_dim=4, max_iter=2, ngrams="words", random_state=0
    )
    classifier.fit(corpus.train.texts, corpus.train.labels, unlabelled=more, callbacks=[watch])
    assert watch.students == [40]
    assert watch.smoothing == [0.1, 0.0]  # a teacher's answers are as smooth as it is in doubt
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
    accuracy = np.zeros((3, 2))
    for seed in range(3):  # of so few texts one network may be lucky
        for i, more in enumerate((None, made_up(400, 2)[0])):
            classifier = TextRNNClassifier(
                hidden_size=8,
                embedding_dim=8,
                max_iter=20,
                learning_rate_init=0.02,
                ngrams="words",
                random_state=seed,
            )
            model = classifier.fit(texts, labels, unlabelled=more).model_
            found = replace(model, ngrams=None).predict_proba(tested).argmax(axis=1)
            accuracy[seed, i] = np.mean(np.array(model.classes)[found] == right)
    alone, student = accuracy.T
    assert (alone + 0.2 < student).all()
    assert alone.mean() < 0.7 < 0.9 < student.mean()


@pytest.mark.parametrize("much", [False, True])
def test_the_ngrams_learn_from_what_the_new_network_knows(
    model: TextModel, corpus: Corpus, monkeypatch: pytest.MonkeyPatch, much: bool
) -> None:
    """Pseudo-labels twice, then of the first student; of much text words alone are learned."""
    tokens = [text.split() for text in corpus.train.texts]
    train = examples(tokens[:40], np.array([0, 1] * 20))
    held_out = examples(tokens[40:], np.array([0, 1] * 10))
    chosen = choose_ngrams(Settings(ngrams="characters"), train, held_out)
    teacher = fit_ensemble(model, Settings(), chosen, train, held_out)
    teachers: list[TextModel] = []

    def noted(teacher: TextModel, *rest: Any, **named: Any) -> Examples:
        teachers.append(teacher)
        return pseudo_labelled(teacher, *rest, **named)

    def train_network(student: TextModel, *_: Any, **__: Any) -> TrainingState:
        student.network.params["embedding.weight"] += 0.5
        return TrainingState(epoch=1, finished=True)

    monkeypatch.setattr(distillation, "pseudo_labelled", noted)
    monkeypatch.setattr(distillation, "MUCH_TEXT", 50 if much else 10**6)
    taught = distillation.distil(
        teacher, model.network.params, Settings(), train, held_out,
        encode_lists([["superb", "room"], ["dull", "house"]] * 5), train_network,
    )  # fmt: skip
    assert taught is not None
    first, second = (each.network.params["embedding.weight"] for each in teachers)
    np.testing.assert_array_equal(first, model.network.params["embedding.weight"])
    np.testing.assert_array_equal(second, first + np.float32(0.5))
    assert taught.characters != much
    assert taught.ensemble.ngrams is not None
    before, after = (
        {str(part.model.kind) + str(part.C): part.model for part in each.parts}
        for each in (chosen, taught.ensemble.ngrams)
    )
    same = [np.array_equal(before[kind].weights, after[kind].weights) for kind in before]
    assert same == [False, False, much]


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
    watch = Watch()
    classifier.fit(texts, y, unlabelled=made_up(20, 1)[0], callbacks=[watch])
    taught = watch.targets[1]
    assert taught.shape == (54 + 20, 2)
    np.testing.assert_array_equal(taught[:54], np.round(taught[:54]))
    assert ((taught[54:] > 0.0) & (taught[54:] < 1.0)).all()
    assert np.allclose(taught[54:].sum(axis=1), 1.0) != multilabel


def run(
    corpus: Corpus, out: Path | None, more: list[str], *callbacks: Callback, **changes: Any
) -> RunReport:
    experiment = Experiment(
        corpus, SMALL, out=out, baselines=(), unlabelled=more, callbacks=callbacks
    )
    return run_experiment(replace(experiment, **changes))


def test_held_out_and_tested_texts_reach_no_student(corpus: Corpus, model: TextModel) -> None:
    assert corpus.test is not None
    held_out = Split(*made_up(10, 5))
    with_validation = replace(corpus, validation=held_out)
    watch, lines = Watch(), list[str]()
    more = [*corpus.test.texts[:3], held_out.texts[0], *made_up(7, 6)[0], " "]
    report = run(with_validation, None, more, watch, say=lines.append)
    assert watch.students == [7]
    assert any("4 unlabelled texts are empty or test texts" in line for line in lines)
    assert any("learned from 7 of" in line or "stays" in line for line in lines)
    assert report["validation"].keys() == {"accuracy", "whole", "network_accuracy"}
    assert "| learned from without labels | 7 texts |" in model_card(model, report)
    assert report["teaching"].keys() == {
        *("n_texts", "kept", "teacher_accuracy", "teacher_steps", "teacher_history")
    }


@pytest.mark.parametrize("epoch", [0, 1])
def test_a_run_that_stops_goes_on(corpus: Corpus, tmp_path: Path, epoch: int) -> None:
    more = made_up(40, 2)[0]
    run(corpus, tmp_path / "whole", more)
    with pytest.raises(ZeroDivisionError):
        run(corpus, tmp_path / "cut", more, Stop(epoch, ZeroDivisionError))
    assert checkpoint_path(tmp_path / "cut").exists()
    assert student_path(checkpoint_path(tmp_path / "cut")).exists() == (epoch > 0)
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
    assert "| interrupted | yes" in (tmp_path / "m/README.md").read_text(encoding="utf-8")
    assert report["model_dir"] == str(tmp_path / "m")
    assert checkpoint_path(tmp_path / "m").exists()


def test_a_budget_holds_for_both_networks(corpus: Corpus) -> None:
    planned: list[int] = []

    class Plans(Callback):
        def on_end(self, run: Run) -> None:
            planned.append(run.state.planned_steps)

    settings = replace(SMALL, max_iter=None, max_steps=100_000, max_seconds=4.0)
    report = run(corpus, None, made_up(40, 2)[0], Plans(), settings=settings)
    assert len(planned) == 2
    assert planned[0] < planned[1] < 100_000
    assert report["seconds"] < 5.0


def test_a_student_that_does_worse_is_not_kept(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that learns the contrary of what its teacher holds probable."""
    from textrnn.training import distillation

    def contrary(*given: Any, **named: Any) -> Examples:
        texts = pseudo_labelled(*given, **named)
        return replace(texts, targets=Targets.soft(1.0 - texts.targets.values))

    settings = replace(SMALL, ngrams="none", max_iter=30, learning_rate_init=0.02)
    monkeypatch.setattr(distillation, "pseudo_labelled", contrary)
    corpus = replace(corpus, validation=Split(*made_up(20, 5)))
    report = run(corpus, None, made_up(40, 2)[0], settings=settings)
    assert not report["teaching"]["kept"]
    assert report["validation"]["whole"] == report["teaching"]["teacher_accuracy"] > 0.8


@pytest.mark.parametrize("given", ["a text", [1, 2], [None]])
def test_what_is_no_list_of_texts(given: Any, corpus: Corpus) -> None:
    with pytest.raises(DataError, match="unlabelled"):
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
def test_how_long_a_student_learns(
    changes: dict[str, Any], n: int, planned: dict[str, int]
) -> None:
    texts = examples([["a"]] * n, np.zeros((n, 2)))
    assert steps_of(Settings(**changes), texts) == planned


def test_answers_weigh_what_is_sure() -> None:
    targets: Any = np.array([[0.0, 1.0, 0.0], [0.5, 0.2, 0.3], [1 / 3, 1 / 3, 1 / 3]])
    texts = examples([["a"], ["b"], ["c"]], targets)
    found = most_probable(texts)
    np.testing.assert_array_equal(found.targets.values[:2], [1, 0])
    assert found.weights is not None
    np.testing.assert_allclose(found.weights, [1.0, 0.2, 0.0], atol=1e-15)
    weighted = most_probable(replace(texts, weights=np.array([2.0, 3.0, 4.0])))
    assert weighted.weights is not None
    np.testing.assert_allclose(weighted.weights, [2.0, 0.6, 0.0], atol=1e-15)
    many = most_probable(replace(texts, targets=Targets.multilabel(targets)))
    np.testing.assert_array_equal(many.targets.values, [[0, 1, 0], [1, 0, 0], [0, 0, 0]])
    assert many.weights is not None
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
    ("student", "teacher", "kept"),
    [
        ([1, 1, 1, 0], [1, 1, 1, 0], True),
        ([1, 1, 0, 1], [1, 1, 1, 0], True),
        ([1, 0, 1, 1] * 9, [1, 1, 1, 1] * 9, False),
        ([1, 0, 1, 0] * 9, [0, 1, 1, 1] * 9, True),
        ([1, 0, 1, 0] * 36, [0, 1, 1, 1] * 36, False),
        ([0, *[1] * 39], [1] * 40, True),
        ([1, 1, 1], [0, 1, 0], True),
    ],
)
def test_a_student_is_kept_unless_it_is_worse_by_more_than_chance(
    model: TextModel, student: list[int], teacher: list[int], kept: bool
) -> None:
    none = examples([["a"]], np.zeros(1, dtype=int))
    alone = EnsembleWeights(np.ones(1), np.zeros(2), None)
    ours, theirs = (
        Ensemble(model, None, alone, np.array(right, dtype=float), None)
        for right in (student, teacher)
    )
    assert is_kept(Student(ours, TrainingState(), none, True), theirs) == kept


def test_without_held_out_texts_a_student_is_kept_that_came_to_its_end(model: TextModel) -> None:
    none = examples([["a"]], np.zeros(1, dtype=int))
    alone = EnsembleWeights(np.ones(1), np.zeros(2), None)
    weighed = Ensemble(model, None, alone, None, None)
    assert is_kept(Student(weighed, TrainingState(finished=True), none, True), weighed)
    for state in (
        TrainingState(),
        TrainingState(finished=True, stopped=OUT_OF_TIME),
        TrainingState(finished=True, interrupted=True),
    ):
        assert not is_kept(Student(weighed, state, none, True), weighed)


def test_texts_that_are_held_out_reach_no_student() -> None:
    texts = encode_lists([["a", "b"], ["b"], [], ["c", "a"], ["b"]])
    held_out = encode_lists([["b"], ["x"], []])
    assert list(without(texts, held_out)) == [["a", "b"], ["c", "a"]]
    assert len(without(texts, held_out.take(np.zeros(0, dtype=int)))) == 5


def test_no_texts_are_as_none(corpus: Corpus) -> None:
    watch = Watch()
    classifier = TextRNNClassifier(hidden_size=4, embedding_dim=4, max_iter=2, random_state=0)
    classifier.fit(corpus.train.texts, corpus.train.labels, unlabelled=[], callbacks=[watch])
    assert (len(watch.targets), watch.students) == (1, [])


def test_a_student_that_diverges_leaves_its_teacher(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    from textrnn.training import distillation

    def spoilt(*given: Any, **named: Any) -> Examples:
        texts = pseudo_labelled(*given, **named)
        nothing = np.full_like(texts.targets.values, np.nan)
        return replace(texts, targets=replace(texts.targets, values=nothing))

    monkeypatch.setattr(distillation, "pseudo_labelled", spoilt)
    with pytest.warns(UserWarning, match=r"unlabelled texts training diverged.*stays"):
        report = run(corpus, None, made_up(40, 2)[0])
    assert report["teaching"]["kept"] is False
    assert report["validation"]["whole"] == report["teaching"]["teacher_accuracy"]


def test_the_rarer_class_is_that_of_the_labelled_texts() -> None:
    """Unlabelled texts are of one class, which is the rarer one among the labelled."""
    texts, labels = made_up(80, 0)
    rows = [i for i in range(80) if labels[i] == "bad" or i % 6 == 0]
    X, y = [texts[i] for i in rows], [labels[i] for i in rows]
    assert y.count("good") < y.count("bad")
    more = [f"{word} {text}" for text in made_up(60, 3)[0][::2] for word in GOOD]
    asked: list[Any] = []
    from textrnn.training import ensemble

    patched: Any = ensemble
    real = patched.rarer_class
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ensemble, "rarer_class", lambda t, w: asked.append(len(t)) or real(t, w))
        TextRNNClassifier(
            hidden_size=4, embedding_dim=4, max_iter=3, threshold="f1", random_state=0
        ).fit(X, y, unlabelled=more)
    assert len(set(asked)) == 1
    assert asked[0] < len(X)


@pytest.mark.parametrize("changed", ["texts", "none"])
def test_a_run_with_other_unlabelled_texts_is_another(
    corpus: Corpus, tmp_path: Path, changed: str
) -> None:
    more = made_up(40, 2)[0]
    with pytest.raises(ZeroDivisionError):
        run(corpus, tmp_path / "m", more, Stop(1, ZeroDivisionError))
    other = made_up(40, 9)[0] if changed == "texts" else []
    with pytest.raises(UsageError, match="unlabelled texts have changed"):
        run(corpus, tmp_path / "m", other, resume=True)
    run(corpus, tmp_path / "m", more, resume=True)
    watch = Watch()
    run(corpus, tmp_path / "m", other, watch, resume=True)
    assert len(watch.targets) == (2 if other else 1)  # not finished already


def test_a_checkpoint_of_an_older_student_is_not_taken_up(corpus: Corpus, tmp_path: Path) -> None:
    more, path = made_up(40, 2)[0], checkpoint_path(tmp_path / "m")
    with pytest.raises(ZeroDivisionError):
        run(corpus, tmp_path / "m", more, Stop(1, ZeroDivisionError))
    assert student_path(path).exists()

    class Begun(Callback):
        def on_epoch(self, run: Run) -> None:
            raise ZeroDivisionError(run.state.epoch)

    with pytest.raises(ZeroDivisionError):
        run(corpus, tmp_path / "m", more, Begun())
    assert path.exists()
    assert not student_path(path).exists()


def test_a_budget_leaves_out_texts_that_there_is_no_time_for(corpus: Corpus) -> None:
    watch, more = Watch(), [text * 20 for text in made_up(12_000, 2)[0]]
    begun = time.perf_counter()
    settings = replace(SMALL, max_iter=None, max_steps=100_000, max_seconds=4.0)
    report = run(corpus, None, more, watch, settings=settings)
    assert report["validation"]["whole"] > 0.5
    assert sum(watch.students) < len(more)
    assert time.perf_counter() - begun < 9.0


def test_a_half_trained_student_must_do_as_well(model: TextModel) -> None:
    none = examples([["a"]], np.zeros(1, dtype=int))
    alone = EnsembleWeights(np.ones(1), np.zeros(2), None)
    ours, theirs = (
        Ensemble(model, None, alone, np.array(right, dtype=float), None)
        for right in ([0, *[1] * 39], [1] * 40)
    )
    for state in (TrainingState(stopped=OUT_OF_TIME), TrainingState(interrupted=True)):
        assert not is_kept(Student(ours, state, none, True), theirs)
        assert is_kept(Student(theirs, state, none, True), theirs)


def test_no_time_is_told(corpus: Corpus) -> None:
    lines: list[str] = []
    settings = replace(SMALL, max_seconds=0.01)
    report = run(corpus, None, made_up(900, 2)[0], settings=settings, say=lines.append)
    assert report["teaching"] is None
    assert any("no time to learn from the unlabelled texts" in line for line in lines)


@pytest.mark.parametrize("n_student", [-1, 0, 1, 40, 141, 2**53])
def test_18_a_checkpoint_of_another_students_texts_is_refused(n_student: int) -> None:
    with pytest.raises(ModelError, match="which this run has not; train without resume"):
        unlabelled_before(n_student, n_labelled=40, n_unlabelled=100)
    assert unlabelled_before(41, n_labelled=40, n_unlabelled=100) == 1
    assert unlabelled_before(140, n_labelled=40, n_unlabelled=100) == 100
