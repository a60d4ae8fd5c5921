"""Outputs and all gradients equal those of PyTorch, stored and, where it is installed, live."""

from __future__ import annotations

import numpy as np
import pytest
from gradcheck import loss_and_gradients
from reference.make_torch_reference import (
    CASES,
    DOCUMENTS,
    TARGETS,
    Case,
    build_module,
    draw_params,
    load,
    run_torch,
    to_ours,
    torch_suffixes,
)

from textrnn.inference import predict_proba
from textrnn.network import Network
from textrnn.nn import recurrent
from textrnn.nn.losses import softmax
from textrnn.nn.packed import pack
from textrnn.nn.projection import project, project_back
from textrnn.typing import Params

CLOSE = {"rtol": 1e-9, "atol": 1e-12}


def compare(case: Case, params: Params, expected: Params) -> None:
    network = Network(case.config, params)
    logits, _ = network.forward(pack(DOCUMENTS))
    loss, gradients = loss_and_gradients(network, DOCUMENTS, TARGETS)
    order = pack(DOCUMENTS).order
    np.testing.assert_allclose(logits, expected["logits"][order], **CLOSE)
    np.testing.assert_allclose(loss, expected["loss"], **CLOSE)
    np.testing.assert_allclose(
        predict_proba(network, DOCUMENTS), softmax(expected["logits"]), **CLOSE
    )
    assert {f"gradient.{name}" for name in gradients} == set(expected) - {"logits", "loss"}
    for name, value in gradients.items():
        np.testing.assert_allclose(value, expected[f"gradient.{name}"], err_msg=name, **CLOSE)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_network_equals_stored_values(case: Case) -> None:
    compare(case, *load(case))


@pytest.mark.parametrize("seed", [100, 101, 102])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_network_equals_torch(case: Case, seed: int) -> None:
    pytest.importorskip("torch", reason="compares with an installed PyTorch")
    params = draw_params(case, seed)
    compare(case, params, run_torch(case, params))


@pytest.mark.parametrize("reverse", [False, True], ids=["forward", "backward"])
@pytest.mark.parametrize("cell_name", ["rnn", "rnn_relu", "lstm", "gru"])
def test_layer_equals_torch(cell_name: str, reverse: bool) -> None:
    """One layer from any gradient of its outputs, down to that of its input at each place."""
    torch = pytest.importorskip("torch", reason="compares with an installed PyTorch")
    case = Case(cell_name, "last", num_layers=1, bidirectional=True)
    ours, suffix = torch_suffixes(case)[int(reverse)]
    everything = draw_params(case, seed=7)
    params = {k.removeprefix(ours): v for k, v in everything.items() if k.startswith(ours)}
    rng = np.random.default_rng(8)
    batch = pack(DOCUMENTS)
    H = case.config.hidden_size
    x = rng.standard_normal((batch.n_tokens, 3))
    d_outputs = rng.standard_normal((batch.n_tokens, H))
    d_final = rng.standard_normal((batch.n_documents, H))

    cell = Network(case.config, everything).cell
    scale = cell.gate_scale(x.dtype)
    trace = recurrent.forward(cell, params, project(x, params, scale), batch, reverse=reverse)
    d_inputs, own = recurrent.backward(
        cell, params, trace, batch, d_outputs=d_outputs, d_final=d_final, reverse=reverse
    )
    d_x, of_inputs = project_back(d_inputs.values, x, params)

    module = build_module(case, everything)
    leaf = torch.tensor(x, requires_grad=True)
    packed = torch.nn.utils.rnn.PackedSequence(leaf, torch.tensor(batch.batch_sizes))
    outputs, final = module(packed)
    states = final[0] if cell_name == "lstm" else final
    h = outputs.data[:, H:] if reverse else outputs.data[:, :H]
    np.testing.assert_allclose(trace.h, h.detach().numpy(), **CLOSE)
    of_outputs = (h * torch.tensor(d_outputs)).sum()
    of_final = (states[int(reverse)] * torch.tensor(d_final)).sum()
    (of_outputs + of_final).backward()

    np.testing.assert_allclose(d_x, leaf.grad.numpy(), **CLOSE)
    of_torch = {
        name.removesuffix(suffix): p.grad.numpy()
        for name, p in module.named_parameters()
        if name.endswith(suffix)
    }
    for name, value in to_ours(cell_name, of_torch, H).items():
        np.testing.assert_allclose({**own, **of_inputs}[name], value, err_msg=name, **CLOSE)
