"""Outputs and all gradients equal those of PyTorch, stored and, where it is installed, live."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.examples import texts_of
from tests.gradcheck import dense, last_rows, loss_and_gradients, mirror, rows_of
from tests.reference.make_torch_reference import (
    CASES,
    DOCUMENTS,
    STATE_CASES,
    TARGETS,
    Case,
    build_module,
    draw_params,
    draw_states,
    layer_gradients,
    load,
    load_with_states,
    run_torch,
)
from textrnn.inference.batches import predict_proba
from textrnn.nn import recurrent
from textrnn.nn.losses import cross_entropy, softmax
from textrnn.nn.network import Network
from textrnn.nn.packed import pack
from textrnn.nn.projection import gather, project, project_back, sum_by_index
from textrnn.typing import Params

CLOSE: dict[str, Any] = {"rtol": 1e-9, "atol": 1e-12}


def compare(case: Case, params: Params, expected: Params) -> None:
    network = Network(case.config, params)
    logits, _ = network.forward(pack(DOCUMENTS))
    loss, gradients = loss_and_gradients(network, DOCUMENTS, TARGETS)
    order = pack(DOCUMENTS).order
    np.testing.assert_allclose(logits, expected["logits"][order], **CLOSE)
    np.testing.assert_allclose(loss, expected["loss"], **CLOSE)
    np.testing.assert_allclose(
        predict_proba(network, texts_of(DOCUMENTS)), softmax(expected["logits"]), **CLOSE
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


def compare_with_states(
    case: Case, params: Params, initial: Params, of_final: Params, expected: Params
) -> None:
    network = Network(case.config, params)
    batch = network.pack(DOCUMENTS)
    order, layers = batch.order, range(case.num_layers)

    def of_layers(states: Params) -> list[Params]:
        names = ("h", "c") if case.cell == "lstm" else ("h",)
        return [{name: states[f"{layer}.{name}"][:, order] for name in names} for layer in layers]

    logits, cache = network.forward(batch, initial=of_layers(initial))
    loss, d_logits = cross_entropy(logits, TARGETS[order])
    found = network.backward(d_logits, cache, d_final=of_layers(of_final))
    gradients = dense(found.params)
    read, read_final = network.read(batch, initial=of_layers(initial))
    np.testing.assert_allclose(read, logits, **CLOSE)
    np.testing.assert_allclose(logits, expected["logits"][order], **CLOSE)
    H, h = case.config.hidden_size, cache.body.layers[-1].trace.h
    for place, document in enumerate(order):
        rows = rows_of(batch, place)
        outputs = np.concatenate([h[0, rows], *(h[1:, rows[::-1]])], axis=-1)
        np.testing.assert_allclose(outputs, expected["outputs"][document, : len(rows)], **CLOSE)
    assert h.shape[-1] == H
    for layer in layers:
        for name, value in cache.body.final[layer].items():
            wanted = expected[f"final.{layer}.{name}"][:, order]
            np.testing.assert_allclose(value, wanted, **CLOSE)
            np.testing.assert_allclose(read_final[layer][name], wanted, **CLOSE)
            loss += float((wanted * of_final[f"{layer}.{name}"][:, order]).sum())
            d_initial = expected[f"gradient.initial.{layer}.{name}"][:, order]
            np.testing.assert_allclose(found.d_initial[layer][name], d_initial, **CLOSE)
    np.testing.assert_allclose(loss, expected["loss"], **CLOSE)
    for name, gradient in gradients.items():
        np.testing.assert_allclose(gradient, expected[f"gradient.{name}"], err_msg=name, **CLOSE)


@pytest.mark.parametrize("case", STATE_CASES, ids=lambda case: case.name)
def test_initial_states_equal_stored_values(case: Case) -> None:
    """Outputs, final states, and all gradients, those of the initial states too."""
    compare_with_states(case, *load_with_states(case))


@pytest.mark.parametrize("seed", [200, 201])
@pytest.mark.parametrize("case", STATE_CASES, ids=lambda case: case.name)
def test_initial_states_equal_torch(case: Case, seed: int) -> None:
    pytest.importorskip("torch", reason="compares with an installed PyTorch")
    params, initial = draw_params(case, seed), draw_states(case, seed)
    of_final = draw_states(case, seed + 10)
    expected = run_torch(case, params, initial, of_final)
    compare_with_states(case, params, initial, of_final, expected)


@pytest.mark.parametrize("given", [[1.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]], ids=str)
@pytest.mark.parametrize("cell_name", ["rnn", "rnn_relu", "lstm", "gru"])
def test_layer_equals_torch(cell_name: str, given: list[float]) -> None:
    """One layer from any gradient of its outputs, down to that of its input at each place.

    ``given`` tells which directions have a gradient.
    """
    torch = pytest.importorskip("torch", reason="compares with an installed PyTorch")
    case = Case(cell_name, "last", num_layers=1, bidirectional=len(given) == 2)
    everything = draw_params(case, seed=7)
    params = {k.removeprefix("recurrent.0."): v for k, v in everything.items()}
    rng = np.random.default_rng(8)
    batch = pack(DOCUMENTS)
    S, H = case.config.n_directions, case.config.hidden_size
    x = rng.standard_normal((batch.n_tokens, 3))
    share = np.reshape(given, (S, 1, 1))
    d_outputs = share * rng.standard_normal((S, batch.n_tokens, H))
    d_final = share * rng.standard_normal((S, batch.n_sequences, H))

    # The second direction reads, and is given gradients for, the mirrored documents.
    mirrored = mirror(batch)
    indices = np.stack([np.arange(batch.n_tokens), mirrored][:S])
    cell = Network(case.config, everything).cell
    products = project(x, params, cell.gate_scale(x.dtype))
    trace, _ = recurrent.forward(cell, params, gather(products, indices), batch)
    d_gates, own, _ = recurrent.backward(
        cell, params, trace, batch, d_outputs=d_outputs, d_final=d_final
    )
    d_products = sum_by_index(d_gates, indices, batch.n_tokens)
    d_x, of_inputs = project_back(d_products, x, params)

    module = build_module(case, everything)
    # PyTorch aligns documents at their first words: its rows are ours mirrored.
    leaf = torch.tensor(x[mirrored], requires_grad=True)
    packed = torch.nn.utils.rnn.PackedSequence(leaf, torch.tensor(batch.batch_sizes))
    outputs, final = module(packed)
    states = final[0] if cell_name == "lstm" else final
    h = torch.stack([outputs.data[mirrored, :H], outputs.data[:, H:]][:S])
    np.testing.assert_allclose(trace.h, h.detach().numpy(), **CLOSE)
    np.testing.assert_allclose(trace.h[:, last_rows(batch)], states.detach().numpy(), **CLOSE)
    of_outputs = (h * torch.tensor(d_outputs)).sum()
    of_final = (states * torch.tensor(d_final)).sum()
    (of_outputs + of_final).backward()

    np.testing.assert_allclose(d_x, leaf.grad.numpy()[mirrored], **CLOSE)
    expected = layer_gradients(case, module, layer=0)
    assert set(expected) == {*own, *of_inputs}
    for name, value in expected.items():
        np.testing.assert_allclose({**own, **of_inputs}[name], value, err_msg=name, **CLOSE)
