"""Encoder and decoder equal those of PyTorch: the loss, every gradient, and greedy search."""

from __future__ import annotations

import numpy as np
import pytest

from tests.gradcheck import dense
from tests.test_transducer import SOURCES, TARGETS, flat, make_config, packed, random_transducer
from textrnn.nn.losses import cross_entropy
from textrnn.nn.transducer import greedy

torch = pytest.importorskip("torch", reason="compares with an installed PyTorch")


@pytest.mark.parametrize("num_layers", [1, 2])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_loss_and_gradients(cell: str, bidirectional: bool, num_layers: int) -> None:
    from benchmarks.transducer_peer import TorchTransducer, state_of

    config = make_config(cell, bidirectional=bidirectional, num_layers=num_layers)
    transducer = random_transducer(config, 4)
    sources, targets, wanted = packed(transducer, SOURCES, TARGETS)
    logits, cache = transducer.forward(sources, targets)
    loss, d_logits = cross_entropy(logits, wanted)
    gradients = dense(transducer.backward(d_logits, cache))

    leaves = {n: torch.tensor(p, requires_grad=True) for n, p in transducer.params.items()}
    marked = [torch.tensor([*source, config.source_end]) for source in SOURCES]
    texts = [torch.tensor(target, dtype=torch.long) for target in TARGETS]
    theirs = torch.func.functional_call(
        TorchTransducer(config).double(), state_of(leaves, config), (marked, texts)
    )
    theirs.backward()
    assert loss == pytest.approx(theirs.item(), rel=1e-12)
    for name, leaf in leaves.items():
        np.testing.assert_allclose(
            gradients[name], leaf.grad.numpy(), rtol=1e-9, atol=1e-12, err_msg=name
        )


def test_greedy_search() -> None:
    from benchmarks.transducer_peer import TorchTransducer, state_of

    config = make_config()
    transducer = random_transducer(config, 8, std=1.0)
    model = TorchTransducer(config).double()
    ours = {name: torch.from_numpy(value) for name, value in transducer.params.items()}
    model.load_state_dict(state_of(ours, config))
    marked = [torch.tensor([*source, config.source_end]) for source in SOURCES]
    with torch.inference_mode():
        theirs = model.greedy(marked, 9).tolist()
    for text, row in zip(
        greedy(transducer, transducer.pack_sources(*flat(SOURCES)), max_length=9),
        theirs,
        strict=True,
    ):
        ids = text.ids.tolist()
        assert row[: len(ids)] == ids
        assert len(ids) == 9 or row[len(ids)] == config.target_end
