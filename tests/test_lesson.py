"""What a batch asks of a network: which answers, their targets, and how much each counts."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from tests.gradcheck import assert_gradient, dense, random_network
from tests.networks import network_config
from textrnn.errors import DataError
from textrnn.nn.network import Network
from textrnn.nn.targets import Targets
from textrnn.nn.workspace import Workspace
from textrnn.text.encoded import EncodedTexts
from textrnn.training.examples import Examples
from textrnn.training.regularisation import Regularisation
from textrnn.training.rules.bptt import BPTT
from textrnn.training.step import Batch, BatchSums
from textrnn.typing import Floats, Params

LENGTHS = (2, 4, 1, 4)
"""Ragged, not sorted, with a single word and two of one length."""
V, C = 6, 3
N = sum(LENGTHS)
STARTS = np.cumsum([0, *LENGTHS])
KINDS: dict[str, dict[str, Any]] = {
    "hard": {"n_classes": C},
    "multilabel": {"n_classes": C, "multilabel": True},
    "real": {"n_classes": 1, "regression": True},
}


def targets(kind: str, n: int) -> Targets:
    rng = np.random.default_rng(3)
    if kind == "hard":
        return Targets.hard(rng.integers(0, C, n), C)
    if kind == "multilabel":
        return Targets.multilabel(rng.integers(0, 2, (n, C)))
    return Targets.real(rng.standard_normal(n))


def token_examples(kind: str, given: str, weights: Floats | None = None) -> Examples:
    rng = np.random.default_rng(2)
    ids: Any = rng.integers(0, V, N).astype(np.int32)
    if given == "real":
        ids = rng.standard_normal((N, 2))
    return Examples(EncodedTexts(ids, STARTS, ()), targets(kind, N), weights, at_tokens=True)


def token_network(kind: str, given: str, **changes: Any) -> Network:
    reads: dict[str, Any] = {"vocabulary_size": V, "embedding_dim": 2}
    if given == "real":
        reads = {"vocabulary_size": 0, "embedding_dim": None, "n_inputs": 2}
    named = {"head": "token", "cell": "gru", "hidden_size": 2, "dtype": "float64", **changes}
    return random_network(network_config(**KINDS[kind], **reads, **named), np.random.default_rng(1))


def step(
    network: Network, data: Examples, size: int = 5, loss: str = "once", **chance: Any
) -> tuple[BatchSums, Params]:
    batch = Batch(data, size, np.random.default_rng(0), Workspace())
    sums, found = next(BPTT(Regularisation(**chance), loss=loss).steps(network, batch))
    return sums, dense(found)


def by_hand(network: Network, data: Examples, weights: Floats) -> tuple[float, float]:
    """Loss and what is right, one sequence and one token at a time."""
    output, loss, correct = network.config.output, 0.0, 0.0
    for row, (start, end) in enumerate(pairwise(STARTS)):
        logits = network.predict_logits(network.pack([data.texts.ids_of(row)]))
        own = weights[start:end]
        for logit, target, weight in zip(logits, data.targets.values[start:end], own, strict=True):
            one, wanted = logit[np.newaxis], np.array([target])
            loss += weight * output.loss(one, wanted)[0]
            correct += weight / (own.sum() or 1.0) * float(output.right(one, wanted)[0])
    return loss, correct


@pytest.mark.parametrize("bidirectional", [False, True], ids=["one-way", "two-way"])
@pytest.mark.parametrize("given", ["words", "real"])
@pytest.mark.parametrize("kind", KINDS)
def test_each_token_has_its_own_target_and_weight(
    kind: str, given: str, bidirectional: bool
) -> None:
    weights = np.random.default_rng(4).uniform(0.5, 2.0, N)
    weights[[0, 3, 7, 8, 9, 10]] = 0.0  # of the last sequence nothing is asked
    data = token_examples(kind, given, weights)
    network = token_network(kind, given, bidirectional=bidirectional)
    sums, gradients = step(network, data)
    loss, correct = by_hand(network, data, weights)
    assert sums == pytest.approx((loss, correct, N, N))
    for name, value in network.params.items():
        assert_gradient(gradients[name], lambda: step(network, data)[0].loss / 5, value, name)


@pytest.mark.parametrize("loss", ["once", "every", "growing"])
def test_without_weights_the_steps_of_a_sequence_weigh_one_in_all(loss: str) -> None:
    data, network = token_examples("hard", "words"), token_network("hard", "words")
    weights = np.concatenate(
        [
            2 * np.arange(1, T + 1) / (T * (T + 1)) if loss == "growing" else np.full(T, 1 / T)
            for T in LENGTHS
        ]
    )
    sums, _ = step(network, data, loss=loss)
    assert sums[:2] == pytest.approx(by_hand(network, data, weights))


def test_nothing_is_learnt_of_what_is_not_asked() -> None:
    weights = np.zeros(N)
    weights[1] = 1.0  # of the first sequence, its last token
    data, network = token_examples("hard", "real", weights), token_network("hard", "real")
    other = Targets.hard(np.where(weights > 0, data.targets.values, 0), C)
    changed = Examples(data.texts, other, weights, at_tokens=True)
    (sums, found), (of_changed, expected) = step(network, data), step(network, changed)
    assert sums == of_changed
    for name, value in found.items():
        np.testing.assert_array_equal(value, expected[name])


@pytest.mark.parametrize("weighted", [False, True])
def test_sequences_are_taken_with_the_targets_of_their_tokens(weighted: bool) -> None:
    weights = np.random.default_rng(4).uniform(0.5, 2.0, N) if weighted else None
    data, network = token_examples("hard", "words", weights), token_network("hard", "words")
    whole, total = step(network, data)
    parts = [
        step(network, data.take(rows))
        for rows in (np.array([3, 1]), np.array([True, False, True, False]))
    ]
    for value, *each in zip(whole, *(sums for sums, _ in parts), strict=True):
        assert value == pytest.approx(sum(each))
    for name, value in total.items():
        summed: Any = sum(found[name] for _, found in parts)
        np.testing.assert_allclose(value, summed, rtol=1e-9, atol=1e-13, err_msg=name)


def test_targets_must_be_of_what_the_network_answers_for() -> None:
    data = token_examples("hard", "words")
    with pytest.raises(DataError, match=r"text head answers for each text, but .* of tokens"):
        step(token_network("hard", "words", head="text"), data)
    of_texts = Examples(data.texts, targets("hard", len(LENGTHS)))
    with pytest.raises(DataError, match=r"token head answers for each token, but .* of texts"):
        step(token_network("hard", "words"), of_texts)
