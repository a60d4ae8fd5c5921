"""The gradient of a batch, or a part of one, against that of its documents one by one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.examples import examples
from tests.gradcheck import dense
from tests.networks import network_config
from textrnn.nn.inputs import EMBEDDING
from textrnn.nn.network import Network
from textrnn.nn.workspace import Workspace
from textrnn.training.examples import Examples
from textrnn.training.regularisation import Regularisation
from textrnn.training.rules.bptt import BPTT
from textrnn.training.step import Batch, BatchSums
from textrnn.typing import Floats, Params

V, C = 9, 3
LENGTHS = [2, 5, 1, 4, 3]
"""In no order: a batch is packed longest first, and each document has its own target."""


def some_documents(*, multilabel: bool, weighted: bool) -> Examples:
    rng = np.random.default_rng(0)
    documents = [rng.integers(1, V, n).astype(np.int32) for n in LENGTHS]
    n = len(documents)
    targets = rng.integers(0, 2, (n, C)) if multilabel else np.array([0, 1, 2, 1, 0])
    return examples(documents, targets, rng.uniform(0.5, 3.0, n) if weighted else None)


def network_for(**changes: Any) -> Network:
    named: dict[str, Any] = {"bidirectional": True, "readout": "max", "hidden_size": 4}
    config = network_config(C, V, 3, dtype="float64", **{**named, **changes})
    network = Network.initialise(config, np.random.default_rng(1))
    network.params["linear.weight"] *= 3.0
    return network


def gradient(
    network: Network,
    data: Examples,
    rows: list[int],
    batch_size: int,
    *,
    frozen: tuple[str, ...] = (),
    **chance: Any,
) -> tuple[BatchSums, Params]:
    rng = np.random.default_rng(0)
    batch = Batch(data.take(np.array(rows)), batch_size, rng, Workspace())
    sums, found = next(BPTT(Regularisation(**chance), frozen=frozen).steps(network, batch))
    return sums, dense(found)


@pytest.mark.parametrize("segment_length", [None, 2])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("multilabel", [False, True])
def test_a_batch_is_the_sum_of_its_documents(
    multilabel: bool, weighted: bool, segment_length: int | None
) -> None:
    """Each with its own target and weight, whatever their order; over the whole batch's size."""
    network = network_for(multilabel=multilabel, segment_length=segment_length)
    data = some_documents(multilabel=multilabel, weighted=weighted)
    rows, batch_size = [3, 0, 4, 1], 7
    sums, found = gradient(network, data, rows, batch_size, label_smoothing=0.1)
    alone = [gradient(network, data, [row], batch_size, label_smoothing=0.1) for row in rows]
    for total, *each in zip(sums, *(own for own, _ in alone), strict=True):
        assert total == pytest.approx(sum(each))
    assert sums.tokens == sums.unrolled == sum(LENGTHS[row] for row in rows)
    for name, value in found.items():
        expected: Floats = sum(own[name] for _, own in alone)  # type: ignore[assignment]
        np.testing.assert_allclose(value, expected, rtol=1e-9, atol=1e-13, err_msg=name)


def test_the_loss_does_not_depend_on_the_size_of_the_whole_batch() -> None:
    network, data = network_for(), some_documents(multilabel=False, weighted=True)
    (few, of_few), (many, of_many) = (gradient(network, data, [0, 1], n) for n in (2, 8))
    assert few == pytest.approx(many)
    for name, value in of_few.items():
        np.testing.assert_allclose(value, 4 * of_many[name], rtol=1e-9, atol=1e-13)


def test_words_that_become_unknown_teach_the_unknown_word() -> None:
    network, data = network_for(), some_documents(multilabel=False, weighted=False)
    always = np.ones(V, dtype=np.float32)
    _, found = gradient(network, data, [0, 1, 2], 3, unknown_probabilities=always)
    assert found[EMBEDDING][0].any()
    assert not found[EMBEDDING][1:].any()


def test_frozen_parameters_have_none() -> None:
    network, data = network_for(), some_documents(multilabel=False, weighted=False)
    frozen = (EMBEDDING, "recurrent.0.W_h")
    for adversarial in (0.0, 0.3):
        _, found = gradient(network, data, [0, 1], 2, frozen=frozen, adversarial=adversarial)
        assert found.keys() == network.params.keys() - set(frozen)
