"""Small batches to learn from, and what a learning rule tells of them: shared by tests of rules."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.gradcheck import dense, random_network
from tests.networks import network_config
from textrnn.nn.network import Network
from textrnn.nn.targets import Targets
from textrnn.nn.workspace import Workspace
from textrnn.text.encoded import EncodedTexts
from textrnn.training.examples import Examples
from textrnn.training.step import Batch, BatchSums
from textrnn.typing import Floats, Params

LENGTHS = (2, 7, 1, 4, 7, 3)
"""Ragged, not sorted, with a single word and two of one length."""
V, C = 6, 3
STARTS = np.cumsum([0, *LENGTHS])
N = int(STARTS[-1])
INPUTS: dict[str, dict[str, Any]] = {
    "embedding": {"vocabulary_size": V, "embedding_dim": 2},
    "one-hot": {"vocabulary_size": V, "embedding_dim": None},
    "numbers": {"vocabulary_size": 0, "embedding_dim": None, "n_inputs": 2},
}


def make_network(inputs: str = "embedding", seed: int = 1, **changes: Any) -> Network:
    """A small network of random parameters."""
    named = {"n_classes": C, "cell": "gru", "hidden_size": 3, "dtype": "float64", **changes}
    return random_network(network_config(**INPUTS[inputs], **named), np.random.default_rng(seed))


def make_examples(
    inputs: str = "embedding", *, at_tokens: bool = False, weights: Floats | None = None
) -> Examples:
    """Texts with random targets."""
    rng = np.random.default_rng(2)
    ids: Any = rng.integers(0, V, N).astype(np.int32)
    if inputs == "numbers":
        ids = rng.standard_normal((N, 2))
    targets = Targets.hard(rng.integers(0, C, N if at_tokens else len(LENGTHS)), C)
    return Examples(EncodedTexts(ids, STARTS, ()), targets, weights, at_tokens=at_tokens)


def make_batch(examples: Examples) -> Batch:
    """All of them as one step."""
    return Batch(examples, len(examples), np.random.default_rng(0), Workspace())


def told_once(rule: Any, network: Network, examples: Examples) -> tuple[BatchSums, Params]:
    """What a rule tells that learns once from a batch."""
    sums, gradients = next(rule.steps(network, make_batch(examples)))
    return sums, {name: value.copy() for name, value in dense(gradients).items()}


def told_in_steps(
    rule: Any, network: Network, examples: Examples
) -> list[tuple[BatchSums, Params]]:
    """What a rule tells that goes on through a batch, whose weights do not change here."""
    return [
        (sums, {name: value.copy() for name, value in dense(gradients).items()})
        for sums, gradients in rule.steps(network, make_batch(examples))
        if gradients
    ]


def assert_same(found: Params, expected: Params, tolerance: float) -> None:
    """All gradients are equal, by their names."""
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(
            found[name], value, rtol=tolerance, atol=tolerance / 10, err_msg=name
        )
