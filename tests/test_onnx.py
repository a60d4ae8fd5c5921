"""Outputs and final states equal those of ONNX's own test cases for its recurrent operators.

The cases stand as Python in the ``onnx`` package, which has no other part in this: weights,
inputs and outputs of every case of RNN, LSTM and GRU that the installed version has. Its helpers,
which computed them, are also asked for what no case has: initial states, ragged batches, both
directions, and both places of the GRU's reset gate; and ONNX's reference evaluator for an RNN whose
activation is affine.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np
import pytest

from tests.gradcheck import rows_of
from textrnn.nn import recurrent
from textrnn.nn.cells import CELLS, Cell
from textrnn.nn.packed import PackedBatch, pack
from textrnn.nn.projection import gather, project
from textrnn.typing import Floats, Params

onnx = pytest.importorskip("onnx", reason="compares with the cases in an installed onnx")

OPERATORS = ("RNN", "LSTM", "GRU")
INPUTS = ("X", "W", "R", "B", "sequence_lens", "initial_h")
MORE_INPUTS = {"LSTM": ("initial_c", "P")}
GATES = {"RNN": [0], "LSTM": [0, 2, 1, 3], "GRU": [1, 0, 2]}
"""Where ONNX's gates stand among ours; each order is its own inverse."""
AFFINE = ("Affine",)
"""alpha x + beta; here x itself."""
ACTIVATIONS: dict[str, dict[tuple[str, ...], str]] = {
    "RNN": {("Tanh",): "rnn", ("Relu",): "rnn_relu", AFFINE: "rnn_linear"},
    "LSTM": {("Sigmoid", "Tanh", "Tanh"): "lstm"},
    "GRU": {("Sigmoid", "Tanh"): "gru"},
}
CANNOT = ("clip", "input_forget", "activation_alpha", "activation_beta")
CLOSE: dict[str, Any] = {"rtol": 1e-5, "atol": 1e-6}
"""The cases are computed and stored in float32."""


def helper(operator: str) -> Any:
    """What computes the outputs of a case, by the same names in every version."""
    module = import_module(f"onnx.backend.test.case.node.{operator.lower()}")
    return next(value for name, value in vars(module).items() if name.endswith("Helper"))


def own_cases() -> list[Any]:
    """Every case of the recurrent operators in the installed package."""
    for operator in OPERATORS:
        helper(operator)  # importing a module adds its cases
    node = import_module("onnx.backend.test.case.node")
    return [
        pytest.param(case, id=case.name)
        for case in node._NodeTestCases
        if case.model.graph.node[0].op_type in OPERATORS
        and "_expanded" not in case.name  # the same, of other operators
    ]


@dataclass
class Layer:
    """A layer in our layout, made of an operator's attributes and inputs."""

    cell: Cell
    params: Params
    x: Floats
    """(T, B, D)."""
    lengths: list[int]
    initial: Params
    """(S, B, H), documents in the given order."""
    is_reversed: bool

    def outputs(self) -> tuple[Floats, Params]:
        """ONNX's Y (T, S, B, H), zeros behind each sequence's end, and the final states."""
        batch = pack([np.zeros(n, dtype=np.int32) for n in self.lengths])
        S = self.params["b"].shape[1]
        x, indices = self._rows(batch), self._indices(batch)
        products = project(x, self.params, self.cell.gate_scale(x.dtype))
        initial = {name: value[:, batch.order] for name, value in self.initial.items()}
        trace, final = recurrent.forward(
            self.cell, self.params, gather(products, indices[:S]), batch, initial=initial
        )
        T, B, _ = self.x.shape
        Y = np.zeros((T, S, B, trace.h.shape[-1]))
        for place, document in enumerate(batch.order):
            rows = rows_of(batch, place)
            for s in range(S):
                backwards = self.is_reversed or s == 1
                read = rows[::-1] if backwards else rows
                Y[: len(rows), s, document] = trace.h[s, read]
        back = np.argsort(batch.order)
        return Y, {name: value[:, back] for name, value in final.items()}

    def _rows(self, batch: PackedBatch) -> Floats:
        x = np.empty((batch.n_tokens, self.x.shape[2]))
        for place, document in enumerate(batch.order):
            rows = rows_of(batch, place)
            x[rows] = self.x[: len(rows), document]
        return x

    def _indices(self, batch: PackedBatch) -> Any:
        own = np.arange(batch.n_tokens)
        first = batch.mirrored_rows if self.is_reversed else own
        return np.stack([first, batch.mirrored_rows])


def as_layer(operator: str, attributes: dict[str, Any], given: dict[str, Floats]) -> Layer:
    """Translate an operator; skips what no cell of ours can express, with the reason."""
    for name in CANNOT:
        if attributes.get(name):
            pytest.skip(f"no cell has ONNX's {name}")
    default = next(iter(ACTIVATIONS[operator]))
    S, _, H = given["R"].shape
    names = [name.decode() for name in attributes.get("activations", [])]
    chosen = {tuple(names[i : i + len(default)]) for i in range(0, len(names), len(default))}
    cell = ACTIVATIONS[operator].get(next(iter(chosen), default))
    if len(chosen) > 1 or cell is None:
        pytest.skip(f"no cell has the activations {names}")
    if "P" in given:
        cell = "lstm_peephole"
    after_product = bool(attributes.get("linear_before_reset", 0))
    if operator == "GRU" and not after_product:
        cell = "gru_reset_before"

    order = GATES[operator]
    G = len(order)
    bias = given.get("B", np.zeros((S, 2 * G * H))).reshape(S, 2, G, H).astype(np.float64)
    if operator == "GRU" and after_product:
        b = bias[:, 0] + bias[:, 1] * np.array([1.0, 1.0, 0.0])[:, np.newaxis]
    else:
        b = bias.sum(axis=1)
    params = {
        "W_x": gates_first(given["W"].reshape(S, G, H, -1))[order],
        "W_h": gates_first(given["R"].reshape(S, G, H, H))[order],
        "b": b.transpose(1, 0, 2)[order],
    }
    if cell == "gru":
        params["b_q"] = bias[:, 1, 2]
    if cell == "lstm_peephole":
        params["p"] = given["P"].reshape(S, 3, H).transpose(1, 0, 2)[[0, 2, 1]].astype(float)

    batchwise = bool(attributes.get("layout", 0))
    x = given["X"].astype(np.float64)
    x = x.swapaxes(0, 1) if batchwise else x
    T, B, _ = x.shape
    initial: Params = {}
    for name in CELLS[cell].carried_names:
        value = given.get(f"initial_{name}")
        if value is None:
            value = np.zeros((S, B, H))
        elif batchwise:
            value = value.swapaxes(0, 1)
        initial[name] = value.astype(np.float64)
    lengths = given.get("sequence_lens", np.full(B, T)).tolist()
    if min(lengths) == 0:
        pytest.skip("a batch of ours has no empty sequence")
    is_reversed = attributes.get("direction", b"forward") == b"reverse"
    return Layer(CELLS[cell], params, x, lengths, initial, is_reversed)


def gates_first(weights: Floats) -> Floats:
    """(S, G, H, D) to (G, S, D, H)."""
    return weights.transpose(1, 0, 3, 2).astype(np.float64)


@pytest.mark.parametrize("case", own_cases())
def test_cases_of_onnx(case: Any) -> None:
    (node,) = case.model.graph.node
    attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
    names = INPUTS + MORE_INPUTS.get(node.op_type, ())
    ((inputs, outputs),) = case.data_sets
    values = iter(inputs)
    # An input that is left out has an empty name.
    given = {
        name: next(values) for name, is_there in zip(names, node.input, strict=False) if is_there
    }
    Y, final = as_layer(node.op_type, attributes, given).outputs()
    found = {"Y": Y, "Y_h": final["h"], "Y_c": final.get("c")}
    asked = [name for name, is_there in zip(found, node.output, strict=False) if is_there]
    assert len(asked) == len(outputs) > 0
    for name, expected in zip(asked, outputs, strict=True):
        actual = found[name]
        assert actual is not None
        if attributes.get("layout", 0):
            actual = actual.transpose(2, 0, 1, 3) if name == "Y" else actual.transpose(1, 0, 2)
        assert actual.shape == expected.shape
        np.testing.assert_allclose(actual, expected, err_msg=name, **CLOSE)


def test_every_operator_has_its_cases() -> None:
    """At least defaults, an initial bias, sequence lengths or peepholes, and batchwise."""
    names = {parameter.id for parameter in own_cases()}
    for operator in ("simple_rnn", "lstm", "gru"):
        assert {f"test_{operator}_defaults", f"test_{operator}_with_initial_bias"} <= names
        assert f"test_{operator}_batchwise" in names
    assert {"test_rnn_seq_length", "test_gru_seq_length", "test_lstm_with_peepholes"} <= names


def affine_rnn(given: dict[str, Floats]) -> list[Floats]:
    """Y and Y_h of ONNX's reference RNN in one direction, whose activation is x itself."""
    from onnx.reference import ReferenceEvaluator

    names = [name if name in given else "" for name in INPUTS]
    node = onnx.helper.make_node(
        "RNN",
        names,
        ["Y", "Y_h"],
        hidden_size=given["R"].shape[-1],
        activations=list(AFFINE),
        activation_alpha=[1.0],
        activation_beta=[0.0],
    )
    double = onnx.TensorProto.DOUBLE
    graph = onnx.helper.make_graph(
        [node],
        "one_direction",
        [onnx.helper.make_tensor_value_info(name, double, None) for name in given],
        [onnx.helper.make_tensor_value_info(name, double, None) for name in ("Y", "Y_h")],
    )
    found = ReferenceEvaluator(onnx.helper.make_model(graph)).run(None, given)
    return list(found)


class Kind(NamedTuple):
    """A kind of operator, and the cell of ours that it is."""

    cell: str
    operator: str
    linear_before_reset: int = 0
    peepholes: bool = False
    activations: tuple[str, ...] = ()


KINDS = [
    Kind("rnn", "RNN"),
    Kind("rnn_linear", "RNN", activations=AFFINE),
    Kind("lstm", "LSTM"),
    Kind("lstm_peephole", "LSTM", peepholes=True),
    Kind("gru_reset_before", "GRU"),
    Kind("gru", "GRU", linear_before_reset=1),
]


@pytest.mark.parametrize("S", [1, 2], ids=["one-way", "two-way"])
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.cell)
def test_ragged_batches_with_initial_states(kind: Kind, S: int) -> None:
    check_against_helper(kind, S)


def check_against_helper(kind: Kind, S: int) -> None:
    """Every sequence, in each direction, is what ONNX's helper makes of it alone, in float64."""
    cell, operator, linear_before_reset, peepholes, activations = kind
    rng = np.random.default_rng(0)
    G, D, H, lengths = len(GATES[operator]), 3, 4, [2, 5, 1, 5]
    B, T = len(lengths), max(lengths)
    given: dict[str, Floats] = {
        "X": rng.standard_normal((T, B, D)),
        "W": rng.standard_normal((S, G * H, D)),
        "R": rng.standard_normal((S, G * H, H)),
        "B": rng.standard_normal((S, 2 * G * H)),
        "sequence_lens": np.array(lengths),
        "initial_h": rng.standard_normal((S, B, H)),
    }
    states = ["h"]
    if operator == "LSTM":
        given["initial_c"] = rng.standard_normal((S, B, H))
        states.append("c")
    if peepholes:
        given["P"] = rng.standard_normal((S, 3 * H))
    attributes = {
        "linear_before_reset": linear_before_reset,
        "activations": [name.encode() for name in activations] * S,
    }
    layer = as_layer(operator, attributes, given)
    assert layer.cell is CELLS[cell]
    Y, final = layer.outputs()
    of_directions = ["W", "R", "B", *(["P"] if peepholes else [])]
    for document, n in enumerate(lengths):
        for s in range(S):
            x = given["X"][:n, document : document + 1]
            alone = {name: given[name][s : s + 1] for name in of_directions}
            for name in states:
                alone[f"initial_{name}"] = given[f"initial_{name}"][
                    s : s + 1, document : document + 1
                ]
            read = {"X": x[::-1] if s else x, **alone}
            if activations == AFFINE:
                expected, *ends = affine_rnn(read)
            else:
                make = helper(operator)
                expected, *ends = make(linear_before_reset=linear_before_reset, **read).step()
            of_words = expected.reshape(n, H)
            np.testing.assert_allclose(
                Y[:n, s, document], of_words[::-1] if s else of_words, rtol=1e-12, atol=1e-12
            )
            np.testing.assert_allclose(final["h"][s, document], of_words[-1], rtol=1e-12)
            for name, end in zip(states, ends, strict=False):  # old ones keep c to themselves
                np.testing.assert_allclose(final[name][s, document], end.ravel(), rtol=1e-12)
            assert not Y[n:, s, document].any()
