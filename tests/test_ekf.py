"""The extended Kalman filter: its update is the one that is written out here."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.gradcheck import dense
from tests.lessons import LENGTHS, assert_same, make_batch, make_examples, make_network
from textrnn import TextRNNClassifier
from textrnn.errors import UsageError
from textrnn.nn import kalman
from textrnn.nn.cells import CELLS
from textrnn.nn.check import numeric_gradient
from textrnn.nn.gradients import values_of
from textrnn.nn.kalman import KalmanFilter, Observation
from textrnn.nn.network import Network
from textrnn.nn.targets import Targets
from textrnn.nn.workspace import Workspace
from textrnn.training.examples import Examples
from textrnn.training.lesson import make_lesson
from textrnn.training.regularisation import Regularisation
from textrnn.training.rules.ekf import ExtendedKalman
from textrnn.training.rules.parts import Reading
from textrnn.typing import Floats

KINDS: dict[str, tuple[dict[str, Any], Any]] = {
    "classes": ({"n_classes": 3}, Targets.hard([0, 2, 1, 1, 0, 2], 3)),
    "labels": (
        {"n_classes": 2, "multilabel": True},
        Targets.multilabel([[0, 1], [1, 1], [0, 0], [1, 0], [0, 1], [1, 1]]),
    ),
    "numbers": (
        {"n_classes": 1, "regression": True},
        Targets.real([0.3, -1.0, 0.0, 2.0, 0.5, 1.0]),
    ),
}


def observed(rule: ExtendedKalman, network: Network, examples: Examples) -> list[Observation]:
    found = [told for _, told in rule.steps(network, make_batch(examples))]
    assert all(isinstance(one, Observation) for one in found)
    return found  # type: ignore[return-value]


def by_differences(network: Network, examples: Examples) -> tuple[Floats, Floats]:
    """The outputs of all texts in the batch's sorted order, and their Jacobian."""
    packed = network.pack_rows(examples.texts.ids, examples.texts.starts)
    y = network.predict_proba(packed)[packed.order]
    rows = []
    for answer, k in np.ndindex(y.shape):

        def output(answer: int = answer, k: int = k) -> float:
            return float(network.predict_proba(packed)[packed.order[answer], k])

        numeric = [numeric_gradient(output, value) for value in network.params.values()]
        rows.append(np.concatenate([one.reshape(-1) for one in numeric]))
    return y, np.array(rows)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("readout", ["last", "max"])
def test_its_update_is_that_of_the_book(kind: str, readout: str) -> None:
    """w += K (d - y) with K = P H' (H P H' + R)^-1, and P = P - K H P + Q, twice."""
    changes, targets = KINDS[kind]
    weights = np.array([1.0, 0.5, 2.0, 1.0, 0.25, 1.0])
    texts = make_examples().texts
    network = make_network(cell="rnn", hidden_size=2, readout=readout, **changes)
    own = make_network(cell="rnn", hidden_size=2, readout=readout, **changes)
    rule, filtering = (
        ExtendedKalman(noise=0.7),
        KalmanFilter(network.params, initial=2.0, drift=0.01),
    )
    w = np.concatenate([value.reshape(-1) for value in own.params.values()])
    P = 2.0 * np.eye(len(w))
    for _ in range(2):
        examples = Examples(texts, targets, weights)
        (found,) = observed(rule, network, examples)
        filtering.update(network.params, found, 123.0)

        y, H = by_differences(own, examples)
        np.testing.assert_allclose(found.jacobian, H, rtol=1e-6, atol=1e-9)
        order = own.pack_rows(texts.ids, texts.starts).order
        C = y.shape[1]
        values = targets.values[order]
        d = np.eye(3)[values] if kind == "classes" else values.reshape(len(values), -1)
        R = np.diag((0.7 / weights[order]).repeat(C))
        K = P @ H.T @ np.linalg.inv(H @ P @ H.T + R)
        w = w + K @ (d - y).reshape(-1)
        P = P - K @ H @ P + 0.01 * np.eye(len(w))
        place = 0
        for value in own.params.values():
            value[...] = w[place : place + value.size].reshape(value.shape)
            place += value.size
        for name, value in own.params.items():
            np.testing.assert_allclose(network.params[name], value, rtol=1e-6, atol=1e-8)
        covariance = filtering.moments["covariance"]
        np.testing.assert_allclose(covariance, P, rtol=1e-6, atol=1e-8)
        np.testing.assert_array_equal(covariance, covariance.T)


def test_as_a_gradient_it_is_that_of_half_the_squared_errors() -> None:
    changes, targets = KINDS["numbers"]
    network = make_network(**changes)
    (found,) = observed(
        ExtendedKalman(noise=0.5), network, Examples(make_examples().texts, targets)
    )
    packed = network.pack_rows(make_examples().texts.ids, make_examples().texts.starts)

    def half_squares() -> float:
        errors = network.predict_proba(packed)[:, 0] - targets.values
        return float((errors**2).sum() / (2 * 0.5))

    for name, value in network.params.items():
        numeric = numeric_gradient(half_squares, value)
        np.testing.assert_allclose(values_of(found[name]), numeric, rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize(("kind", "spread"), [("classes", 1 / 3), ("labels", 1 / 2)])
def test_smoothed_answers_are_wanted(kind: str, spread: float) -> None:
    """A share of each is spread over all classes, or over yes and no, as in the loss."""
    changes, targets = KINDS[kind]
    network, texts = make_network(**changes), make_examples().texts
    (found,) = observed(
        ExtendedKalman(regularisation=Regularisation(label_smoothing=0.3)),
        network,
        Examples(texts, targets),
    )
    packed = network.pack_rows(texts.ids, texts.starts)
    values = targets.values
    sure = np.eye(3)[values] if kind == "classes" else values
    wanted = 0.7 * sure + 0.3 * spread
    errors = (wanted - network.predict_proba(packed))[packed.order]
    np.testing.assert_allclose(found.errors, errors.reshape(-1), rtol=1e-12)


@pytest.mark.parametrize("k1", [1, 3])
def test_after_every_k1_answers_it_observes_these(k1: int) -> None:
    """Their derivatives add up to those of whole texts, as long as nothing is cut off."""
    network, examples = (
        make_network("numbers", head="token"),
        make_examples("numbers", at_tokens=True),
    )
    (whole,) = observed(ExtendedKalman(), network, examples)
    parts = observed(ExtendedKalman(k1, max(LENGTHS)), network, examples)
    assert [len(one.errors) for one in parts] == [
        3 * sum(min(max(n - start, 0), k1) for n in LENGTHS) for start in range(0, 7, k1)
    ]
    of_parts = np.concatenate([np.column_stack([p.errors, p.noise, p.jacobian]) for p in parts])
    of_whole = np.column_stack([whole.errors, whole.noise, whole.jacobian])
    np.testing.assert_allclose(np.sort(of_parts, axis=0), np.sort(of_whole, axis=0), atol=1e-10)
    cut = observed(ExtendedKalman(k1, k1), network, examples)
    assert not np.allclose(cut[-1].jacobian, parts[-1].jacobian)


def test_an_answer_that_weighs_nothing_is_no_observation() -> None:
    weights = np.array([1.0, 0.0, 1.0, 1.0, 1.0, 1.0])
    (found,) = observed(ExtendedKalman(), make_network(), make_examples(weights=weights))
    assert len(found.errors) == 3 * 5
    assert np.isfinite(found.noise).all()


def test_frozen_vectors_are_not_among_the_weights() -> None:
    network = make_network()
    (found,) = observed(ExtendedKalman(frozen=("embedding.weight",)), network, make_examples())
    assert set(found) == set(network.params) - {"embedding.weight"}
    assert found.jacobian.shape[1] == sum(network.params[name].size for name in found)


def test_a_covariance_that_does_not_fit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kalman, "LARGEST", 8 * 200**2)
    told: Any = {"rule": "ekf", "bidirectional": False, "ngrams": "none", "early_stopping": False}
    with pytest.raises(UsageError, match=r"covariance of all [\d,]+ weights.*smaller hidden_size"):
        TextRNNClassifier(**told).fit(["a b", "b a"] * 9, [0, 1] * 9)


@pytest.mark.parametrize("inputs", ["embedding", "one-hot", "numbers"])
@pytest.mark.parametrize("cell", CELLS)
def test_all_outputs_are_gone_back_from_as_each_by_itself(cell: str, inputs: str) -> None:
    """Of two layers under dropout, in the middle of a text."""
    network = make_network(inputs, cell=cell, num_layers=2, readout="max")
    examples = make_examples(inputs).take(np.array([1]))
    noisy = Regularisation(0.3, 0.3, dropout_recurrent=0.3, dropout_embedding=0.3)
    lesson = make_lesson(network, make_batch(examples), noisy, "every")
    rng, space = np.random.default_rng(4), Workspace()
    reading = Reading(lesson, 2, 3, regularisation=noisy, rng=rng, workspace=space)
    for start in (0, 2, 4):
        part = reading.part(start)
        assert part is not None
        d_logits = np.random.default_rng(5).standard_normal((4, *part.logits.shape))
        for found, d in zip(part.backward_each(d_logits), d_logits, strict=True):
            assert_same(dense(found), dense(part.backward(d)[0]), 1e-11)
