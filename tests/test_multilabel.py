"""Texts with any number of labels: loss, network, n-grams, classifier, scores, files."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn import metrics
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import MultiLabelBinarizer
from typer.testing import CliRunner

from tests.examples import examples, targets_of, texts_of
from tests.gradcheck import assert_gradient, dense, random_documents
from tests.networks import network_config
from textrnn import TextRNNClassifier
from textrnn.cli.app import app
from textrnn.corpora import indicator, load_corpus, read_split, strata
from textrnn.errors import DataError, UsageError
from textrnn.evaluation.multilabel import evaluate_multilabel
from textrnn.inference.batches import predict_proba
from textrnn.linear.fit import fit_ngrams, ngram_features
from textrnn.linear.hashing import NGramKind
from textrnn.nn.losses import SIGMOID, binary_cross_entropy, sigmoid
from textrnn.nn.network import Network
from textrnn.nn.workspace import Workspace
from textrnn.text.encoded import encode_lists
from textrnn.training.regularisation import Regularisation
from textrnn.training.rules.bptt import BPTT
from textrnn.training.step import Batch
from textrnn.typing import Params

WORDS = {"fruit": ["apple", "pear"], "tool": ["saw", "drill"], "animal": ["cat", "dog"]}
LABELS = sorted(WORDS)


def tagged(n: int, seed: int) -> tuple[list[str], list[list[str]]]:
    """Texts with a word for each of their labels, among words that say nothing."""
    rng = np.random.default_rng(seed)
    texts, label_sets = [], []
    for _ in range(n):
        labels = [label for label in LABELS if rng.random() < 0.4]
        said = [str(rng.choice(WORDS[label])) for label in labels]
        words = [*said, *(f"w{i}" for i in rng.integers(0, 9, 4))]
        texts.append(" ".join(rng.permutation(words)))
        label_sets.append(labels)
    return texts, label_sets


TEXTS, LABEL_SETS = tagged(300, 0)
NEW_TEXTS, NEW_LABEL_SETS = tagged(200, 1)
TRUTH = MultiLabelBinarizer(classes=LABELS).fit_transform(LABEL_SETS)
NEW_TRUTH = MultiLabelBinarizer(classes=LABELS).fit_transform(NEW_LABEL_SETS)


def small(**changes: Any) -> TextRNNClassifier:
    settings = {
        "hidden_size": 8,
        "embedding_dim": 8,
        "max_iter": 15,
        "dropout_input": 0.0,
        "dropout_readout": 0.0,
        "learning_rate_init": 0.02,
        "ngrams": "none",
        "label_smoothing": 0.0,
        "ema_decay": 0.0,
        "random_state": 0,
    }
    return TextRNNClassifier(**{**settings, **changes})


# ------------------------------------------------------------------------------ loss


@pytest.mark.parametrize("weighted", [False, True])
def test_the_loss_is_torchs(weighted: bool) -> None:
    torch = pytest.importorskip("torch", reason="compares with an installed PyTorch")
    rng = np.random.default_rng(0)
    logits, targets = 3.0 * rng.standard_normal((7, 4)), rng.integers(0, 2, (7, 4))
    weights = rng.uniform(0.0, 2.0, 7) if weighted else None
    leaf = torch.tensor(logits, requires_grad=True)
    of_torch = torch.nn.BCEWithLogitsLoss(
        weight=None if weights is None else torch.tensor(weights)[:, None], reduction="sum"
    )
    expected = of_torch(leaf, torch.tensor(targets, dtype=torch.float64)) / 7
    expected.backward()
    loss, gradient = binary_cross_entropy(logits, targets, weights)
    assert loss == pytest.approx(expected.item(), rel=1e-12)
    np.testing.assert_allclose(gradient, leaf.grad.numpy(), rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("label_smoothing", [0.0, 0.2])
def test_the_gradient_of_the_loss(label_smoothing: float) -> None:
    rng = np.random.default_rng(1)
    logits, targets, weights = rng.normal(size=(5, 3)), rng.integers(0, 2, (5, 3)), rng.random(5)

    def value() -> float:
        return binary_cross_entropy(
            logits, targets, weights, batch_size=9, label_smoothing=label_smoothing
        )[0]

    _, gradient = binary_cross_entropy(
        logits, targets, weights, batch_size=9, label_smoothing=label_smoothing
    )
    assert_gradient(gradient, value, logits)


def test_the_gradient_of_a_whole_batch() -> None:
    """As training asks for it, through all layers."""
    rng = np.random.default_rng(2)
    config = network_config(
        3, 7, 4, hidden_size=3, readout="mean", dtype="float64", multilabel=True
    )
    network = Network.initialise(config, rng)
    documents = random_documents(rng, [3, 1, 4], 7)
    data = examples(documents, rng.integers(0, 2, (3, 3)), np.array([1.0, 0.5, 2.0]))

    def pass_over() -> tuple[float, Params]:
        rng, rows = np.random.default_rng(0), np.arange(3)
        batch = Batch(data.take(rows), 3, rng, Workspace())
        sums, gradients = next(BPTT(Regularisation(label_smoothing=0.1)).steps(network, batch))
        return sums.loss / 3, dense(gradients)

    _, gradients = pass_over()
    for name, value in network.params.items():
        assert_gradient(gradients[name], lambda: pass_over()[0], value, name)


def test_large_logits_are_finite_and_keep_their_type() -> None:
    logits = np.array([[1e4, -1e4]], dtype=np.float32)
    loss, gradient = binary_cross_entropy(logits, np.array([[0, 0]]))
    assert loss == pytest.approx(1e4)
    assert gradient.dtype == np.float32
    np.testing.assert_array_equal(gradient, [[1.0, 0.0]])
    np.testing.assert_array_equal(SIGMOID.probabilities(logits), [[1.0, 0.0]])


def test_a_label_that_is_said_twice_is_there_once() -> None:
    found = indicator([["b", "b"], [], ["a", "b"]], ["a", "b"])
    assert found.tolist() == [[0, 1], [0, 0], [1, 1]]


def test_right_counts_labels() -> None:
    z = np.array([[1.0, -1.0, 2.0], [-1.0, -1.0, -1.0]])
    assert SIGMOID.right(z, np.array([[1, 0, 0], [0, 0, 0]])) == pytest.approx([2 / 3, 1.0])


# --------------------------------------------------------------------------- network


@pytest.mark.parametrize("readout", ["max", "last"])
def test_one_text_alone_is_read_as_in_a_batch(readout: str) -> None:
    config = network_config(4, 9, 5, hidden_size=6, readout=readout, multilabel=True)
    network = Network.initialise(config, np.random.default_rng(0))
    documents = [np.array(ids, dtype=np.int32) for ids in ([1, 2, 3], [8], [4, 4, 5, 1])]
    together = predict_proba(network, texts_of(documents))
    alone = np.concatenate([predict_proba(network, texts_of([document])) for document in documents])
    np.testing.assert_allclose(alone, together, rtol=1e-5)
    logits, _ = network.forward(network.pack([documents[1]]))
    np.testing.assert_allclose(together[1], sigmoid(logits)[0], rtol=1e-5)
    assert (together > 0.5).any(axis=1).sum() > 0
    assert not np.allclose(together.sum(axis=1), 1.0)


def test_the_ngrams_are_a_logistic_regression_a_label() -> None:
    texts = encode_lists([text.split() for text in TEXTS])
    features = ngram_features(texts, NGramKind(1), max_features=100)
    model = fit_ngrams(features, targets_of(TRUTH), C=3.0)
    X = features.matrix.toarray()
    for k in range(3):
        p, q = (1 + X[TRUTH[:, k] == yes].sum(axis=0) for yes in (1, 0))
        ratio = np.log(p / p.sum()) - np.log(q / q.sum())
        scaled = X / np.sqrt(X.sum(axis=1, keepdims=True)) * ratio
        theirs = LogisticRegression(C=3.0, tol=1e-8, max_iter=10_000).fit(scaled, TRUTH[:, k])
        expected = theirs.predict_proba(scaled)[:, 1]
        np.testing.assert_allclose(sigmoid(model.logits(texts))[:, k], expected, atol=2e-2)


# ------------------------------------------------------------------------ classifier


@pytest.mark.parametrize("ngrams", ["none", "words"])
def test_it_learns(ngrams: str, tmp_path: Path) -> None:
    model = small(ngrams=ngrams).fit(TEXTS, TRUTH)
    predicted = model.predict(NEW_TEXTS)
    assert metrics.f1_score(NEW_TRUTH, predicted, average="micro") > 0.95
    assert model.score(NEW_TEXTS, NEW_TRUTH) == (predicted == NEW_TRUTH).all(axis=1).mean()
    np.testing.assert_array_equal(predicted, model.predict_proba(NEW_TEXTS) >= 0.5)
    np.testing.assert_array_equal(model.classes_, [0, 1, 2])
    assert max(model.validation_scores_) > 0.9
    model.save(tmp_path / "model")
    again = TextRNNClassifier.load(tmp_path / "model")
    np.testing.assert_array_equal(again.predict_proba(NEW_TEXTS), model.predict_proba(NEW_TEXTS))
    np.testing.assert_array_equal(again.predict(NEW_TEXTS), predicted)


@pytest.mark.parametrize("form", [csr_array, np.ndarray.tolist, lambda y: y.astype(bool)])
def test_forms_of_the_indicator_matrix(form: Callable[[Any], Any]) -> None:
    expected = small(max_iter=1).fit(TEXTS, TRUTH).predict_proba(NEW_TEXTS)
    found = small(max_iter=1).fit(TEXTS, form(TRUTH)).predict_proba(NEW_TEXTS)
    np.testing.assert_array_equal(found, expected)


def test_several_processes_give_the_same_kind_of_model() -> None:
    model = small(n_jobs=2).fit(TEXTS, TRUTH)
    assert metrics.f1_score(NEW_TRUTH, model.predict(NEW_TEXTS), average="micro") > 0.9


def test_threshold() -> None:
    model = small(max_iter=2, threshold=0.2).fit(TEXTS, TRUTH)
    p = model.predict_proba(NEW_TEXTS)
    np.testing.assert_array_equal(model.predict(NEW_TEXTS), p >= 0.2)
    held = TEXTS[:100], TRUTH[:100]
    tuned = small(max_iter=2, threshold="f1").fit(TEXTS[100:], TRUTH[100:], validation_data=held)
    p = tuned.predict_proba(held[0])

    def micro(threshold: float) -> float:
        return metrics.f1_score(held[1], p >= threshold, average="micro", zero_division=0)

    assert tuned.best_threshold_ is not None
    assert micro(tuned.best_threshold_) >= max(map(micro, np.linspace(0.01, 0.99, 99)))


def test_weights_and_partial_fit() -> None:
    weights = np.where(np.arange(300) < 150, 1.0, 0.0)
    half = small(early_stopping=False, max_iter=2).fit(TEXTS[:150], TRUTH[:150])
    weighted = small(early_stopping=False, max_iter=2).fit(TEXTS, TRUTH, weights)
    np.testing.assert_array_equal(half.predict_proba(TEXTS), weighted.predict_proba(TEXTS))
    step = small()
    for _ in range(3):
        step.partial_fit(TEXTS, TRUTH, classes=[0, 1, 2])
    assert step.predict(TEXTS).shape == TRUTH.shape
    step.set_params(warm_start=True, max_iter=5).fit(TEXTS, TRUTH)
    assert metrics.f1_score(TRUTH, step.predict(TEXTS), average="micro") > 0.9


@pytest.mark.parametrize(
    ("changes", "y", "error", "message"),
    [
        ({"class_weight": "balanced"}, TRUTH, UsageError, "class_weight is 'balanced'"),
        ({"class_weight": {0: 2.0}}, TRUTH, UsageError, "class_weight is"),
        ({}, TRUTH + 1, DataError, r"must hold only ones and zeros"),
        ({}, LABEL_SETS, DataError, "MultiLabelBinarizer"),
        ({}, TRUTH[:-1], DataError, "300 texts, but y has 299"),
        ({"threshold": 1.5}, TRUTH, UsageError, "threshold is 1.5"),
        ({"threshold": "f1", "early_stopping": False}, TRUTH, UsageError, "no texts are held out"),
    ],
)
def test_mistakes(changes: Any, y: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        small(**changes).fit(TEXTS, y)


def test_both_kinds_of_labels_do_not_mix() -> None:
    one = [labels[0] if labels else "none" for labels in LABEL_SETS]
    numbers = TRUTH.argmax(axis=1)
    with pytest.raises(DataError, match="do not go with"):
        small().fit(TEXTS, numbers, validation_data=(NEW_TEXTS, NEW_TRUTH))
    with pytest.raises(DataError, match="do not go with"):
        small().fit(TEXTS, TRUTH, validation_data=(NEW_TEXTS, NEW_TRUTH[:, :2]))
    model = small(max_iter=1, warm_start=True).fit(TEXTS, TRUTH)
    with pytest.raises(DataError):
        model.fit(TEXTS, one)
    with pytest.raises(DataError, match="do not go with"):
        model.partial_fit(TEXTS, numbers)


# ---------------------------------------------------------------------------- scores


def test_scores_are_scikit_learns() -> None:
    p = np.random.default_rng(0).random((200, 3)).astype(np.float32)
    report = evaluate_multilabel(NEW_LABEL_SETS, p, LABELS, 0.4)
    predicted = p >= 0.4
    assert report.accuracy == metrics.accuracy_score(NEW_TRUTH, predicted)
    assert report.hamming_loss == metrics.hamming_loss(NEW_TRUTH, predicted)
    for average, found in (("micro", report.micro_f1), ("macro", report.macro_f1)):
        assert found == metrics.f1_score(NEW_TRUTH, predicted, average=average)
    each = [metrics.log_loss(NEW_TRUTH[:, k], p[:, k].astype(float)) for k in range(3)]
    assert report.log_loss == pytest.approx(sum(each))
    recalls = metrics.recall_score(NEW_TRUTH, predicted, average=None)
    assert [scores.recall for scores in report.per_class] == pytest.approx(recalls)
    assert [scores.support for scores in report.per_class] == NEW_TRUTH.sum(axis=0).tolist()
    json.dumps(report.to_dict(), allow_nan=False)


def test_calibration_is_that_of_every_answer() -> None:
    p = np.array([[0.9, 0.2]])
    report = evaluate_multilabel([["a"]], p, ["a", "b"])
    assert report.calibration_error == pytest.approx((0.1 + 0.2) / 2)


def test_an_unknown_label_is_named() -> None:
    with pytest.raises(DataError, match=r"'c' of row 1"):
        evaluate_multilabel([["c"]], np.array([[0.9, 0.2]]), ["a", "b"])
    with pytest.raises(DataError, match="no texts"):
        evaluate_multilabel([], np.zeros((0, 2)), ["a", "b"])


# ----------------------------------------------------------------------------- files


def write(path: Path, texts: list[str], label_sets: list[list[str]], separator: str = "|") -> Path:
    lines = [
        f"{text},{separator.join(labels)}" for text, labels in zip(texts, label_sets, strict=True)
    ]
    path.write_text("\n".join(["text,label", *lines]) + "\n", encoding="utf-8")
    return path


def test_reading(tmp_path: Path) -> None:
    path = tmp_path / "tags.csv"
    path.write_text('text,label\none,a|b\ntwo,\nthree," b | a |b"\n', encoding="utf-8")
    split = read_split(path, label_separator="|")
    assert split.label_sets == [["a", "b"], [], ["b", "a"]]
    assert split.classes == ["a", "b"]
    assert split.take(np.array([2])).label_sets == [["b", "a"]]
    assert indicator(split.label_sets, ["a", "b"]).tolist() == [[1, 1], [0, 0], [1, 1]]
    lines: list[dict[str, Any]] = [
        {"text": "one", "label": ["a", "b"]},
        {"text": "two", "label": []},
    ]
    lines += [{"text": "three", "label": 7}, {"text": "four", "label": None}]
    listed = tmp_path / "tags.jsonl"
    listed.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    assert read_split(listed, label_separator="|").label_sets == [["a", "b"], [], ["7"], []]
    with pytest.raises(DataError, match="the label in 'label' is empty"):
        read_split(path)
    with pytest.raises(UsageError, match="label_separator is empty"):
        read_split(path, label_separator="")


def test_texts_are_split_by_their_rarest_label(tmp_path: Path) -> None:
    assert strata([["a", "b"], ["a"], [], ["b"], ["b", "c"]]) == ["a", "a", "", "b", "c"]
    corpus = load_corpus(
        str(write(tmp_path / "tags.csv", TEXTS, LABEL_SETS)), label_separator="|", test_fraction=0.3
    )
    assert corpus.test is not None
    assert len(corpus.test) == pytest.approx(0.3 * 300, abs=3)
    for label in LABELS:
        share = sum(label in labels for labels in corpus.test.label_sets)
        assert share == pytest.approx(0.3 * TRUTH[:, LABELS.index(label)].sum(), rel=0.35)
    other = load_corpus(
        str(write(tmp_path / "tags.csv", TEXTS, LABEL_SETS)), label_separator=";", test_fraction=0.3
    )
    assert corpus.fingerprint() != other.fingerprint()


def run(*arguments: str | Path) -> Any:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    train = write(tmp_path / "tags.csv", TEXTS, LABEL_SETS, ";")
    options = ["--label-separator", ";", "--hidden", "8", "--embedding-dim", "8", "--jobs", "1"]
    options += ["--epochs", "8", "--lr", "0.02", "--ngrams", "words", "--tune-threshold", "f1"]
    trained = run("train", train, *options, "-o", "tags", "--json")
    assert trained.exit_code == 0, trained.stderr
    report = json.loads(trained.stdout)
    assert report["classes"] == LABELS
    assert report["test"]["micro_f1"] > 0.9
    assert report["baselines"] == {}
    assert "no baselines" in trained.stderr
    assert "Hamming" not in trained.stdout

    scored = run("evaluate", "tags", write(tmp_path / "new.csv", NEW_TEXTS, NEW_LABEL_SETS, ";"))
    assert scored.exit_code == 0, scored.stderr
    for name in ("micro F1", "macro F1", "Hamming loss", "calibration error"):
        assert name in scored.stdout
    nothing = run("evaluate", "tags", "new.csv", "--threshold", "1", "--json")
    assert json.loads(nothing.stdout)["micro_f1"] < 0.1

    answers = run("predict", "the apple and the saw", "w1", "--json", "-m", "tags")
    first, second = map(json.loads, answers.stdout.splitlines())
    assert sorted(first["labels"]) == ["fruit", "tool"]
    assert second["labels"] == []
    assert set(first["probabilities"]) == set(LABELS)
    line = run("predict", "the apple and the saw", "-m", "tags").stdout.rstrip("\n").split("\t")
    assert line[0].split("|") == first["labels"]
    assert [float(p) for p in line[1].split("|")] == pytest.approx(
        [first["probabilities"][label] for label in first["labels"]], abs=1e-4
    )
    all_of_them = run("predict", "w1", "-m", "tags", "--threshold", "0")
    assert len(all_of_them.stdout.split("\t")[0].split("|")) == 3

    one_each = write(tmp_path / "one.csv", TEXTS, [labels[:1] or ["tool"] for labels in LABEL_SETS])
    compared = run("compare", one_each, "-m", "tags")
    assert compared.exit_code == UsageError.exit_code
    assert "textrnn evaluate" in compared.stderr


def test_a_run_can_be_resumed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    train = write(tmp_path / "tags.csv", TEXTS, LABEL_SETS)
    options = ["--label-separator", "|", "--hidden", "4", "--epochs", "1", "--jobs", "1", "-o", "m"]
    assert run("train", train, *options).exit_code == 0
    again = run("train", train, *options, "--resume")
    assert "finished already" in again.stderr


def test_a_smaller_model_is_checked_by_whole_sets(tmp_path: Path) -> None:
    model = small().fit(TEXTS, TRUTH)
    model.model_ = replace(model.model_, classes=tuple(LABELS))
    model.save(tmp_path / "m")
    data = write(tmp_path / "tags.csv", NEW_TEXTS, NEW_LABEL_SETS)
    out = tmp_path / "smaller"
    result = run("shrink", tmp_path / "m", "--out", out, "--check", data, "--json")
    found = json.loads(result.stdout)
    whole = (model.predict(NEW_TEXTS) == NEW_TRUTH).all(axis=1).mean()
    assert found["accuracy_before"] == whole
    assert found["accuracy"] == pytest.approx(whole, abs=0.02)
