"""What a recurrent cell is: one step forward, one step back.

A cell knows nothing of sequences; ``recurrent.py`` walks the batch and hands it
one step at a time. All arrays of a pass live in a ``Trace``, gate-major:
``gates`` has shape (G, N, H), so each gate of a step is one contiguous block and
an elementwise operation on it runs two to three times faster than on the columns
of an (N, G*H) array.

Sigmoid gates use sigmoid(x) = tanh(x / 2) / 2 + 1/2, with the halving folded into
the weights (``gate_scale``), so that one ``tanh`` call serves all gates of a step.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np

from textrnn.typing import Floats, Params


class Step(NamedTuple):
    """One time step of a packed batch, in the direction of reading.

    Attributes:
        rows: the step's rows, one for each document that has a token here.
        previous: the rows that hold the states these documents come from.
        carried: how many of the documents, counted from the first, have such a
            state; the others begin here, with a state of zeros.
    """

    rows: slice
    previous: slice
    carried: int


@dataclass(frozen=True)
class Trace:
    """All that one pass over a batch computes and its way back needs.

    Attributes:
        gates: (G, N, H): input products before a step, activations after it.
        states: arrays of shape (N, H) by name; ``"h"`` is the output.
        scratch: (G, B, H), overwritten at each step.
    """

    gates: Floats
    states: Params
    scratch: Floats

    @property
    def h(self) -> Floats:
        return self.states["h"]


class Cell(ABC):
    """A recurrent cell with weights ``W_x`` (G, D, H), ``W_h`` (G, H, H), ``b`` (G, H)."""

    name: ClassVar[str]
    n_gates: ClassVar[int]
    n_sigmoids: ClassVar[int] = 0
    """Leading gates that are sigmoids; the others are tanh."""
    state_names: ClassVar[tuple[str, ...]] = ("h",)
    """Arrays of shape (N, H) that a pass keeps."""
    carried_names: ClassVar[tuple[str, ...]] = ("h",)
    """The states that one step hands to the next."""

    def gate_scale(self, dtype: np.dtype[Any]) -> Floats:
        """Factor on each gate's input, shape (G, 1, 1): 1/2 for sigmoids."""
        scale = np.ones((self.n_gates, 1, 1), dtype=dtype)
        scale[: self.n_sigmoids] = 0.5
        return scale

    def prepare(self, params: Params) -> Params:
        """Return the weights that a step multiplies with, halved where a gate is a sigmoid."""
        W_h = params["W_h"]
        return {"W_h": W_h * self.gate_scale(W_h.dtype)}

    def shapes(self, input_size: int, hidden_size: int) -> dict[str, tuple[int, ...]]:
        """Shape of each parameter of a layer."""
        G, D, H = self.n_gates, input_size, hidden_size
        return {"W_x": (G, D, H), "W_h": (G, H, H), "b": (G, H)}

    def initialise(
        self, rng: np.random.Generator, input_size: int, hidden_size: int, dtype: np.dtype[Any]
    ) -> Params:
        """Draw weights: Glorot-uniform inputs, orthogonal recurrences, zero biases.

        Glorot and Bengio 2010; Saxe, McClelland and Ganguli 2014.
        """
        G, D, H = self.n_gates, input_size, hidden_size
        bound = np.sqrt(6.0 / (D + H))
        W_x = rng.uniform(-bound, bound, (G, D, H))
        W_h = np.stack([np.linalg.qr(rng.standard_normal((H, H)))[0] for _ in range(G)])
        return {
            "W_x": W_x.astype(dtype),
            "W_h": W_h.astype(dtype),
            "b": np.zeros((G, H), dtype=dtype),
        }

    @abstractmethod
    def forward(self, weights: Params, trace: Trace, step: Step) -> None:
        """Turn the step's input products into activations and write its states."""

    @abstractmethod
    def backward(
        self, params: Params, trace: Trace, step: Step, d_states: Params, d_gates: Floats
    ) -> None:
        """Carry the gradient of a step's states back by one step.

        Args:
            params: the parameters of the layer.
            trace: what the forward pass left behind.
            step: the step, its rows narrowed to those that still have a gradient.
            d_states: for each carried state its gradient, shape (n, H); replaced by
                the gradient of the previous step's state (of no use to a document
                that begins at this step).
            d_gates: (G, n, H), receives the gradient of the gates' inputs.
        """

    def recurrent_gradient(self, trace: Trace, rows: Any, d_gates: Floats) -> Floats:
        """Gradient of the recurrent products ``h W_h`` of some rows, given ``d_gates`` there."""
        del trace, rows
        return d_gates

    def own_gradients(self, d_recurrent: Floats) -> Params:
        """Gradients of parameters that only this cell has."""
        del d_recurrent
        return {}


def add_recurrence(weights: Params, trace: Trace, step: Step) -> Floats:
    """Add ``h_previous W_h`` to the step's input products; return them, (G, n, H)."""
    z = trace.gates[:, step.rows]
    if step.carried:
        product = trace.scratch[:, : step.carried]
        np.matmul(trace.h[step.previous], weights["W_h"], out=product)
        z[:, : step.carried] += product
    return z


def halved_tanh_to_sigmoid(gates: Floats) -> None:
    """Turn tanh(x / 2) into sigmoid(x), in place."""
    gates *= 0.5
    gates += 0.5


def back_through_weights(d_gates: Floats, W_h: Floats, out: Floats) -> None:
    """Write the sum over gates of ``d_gates W_h^T`` into ``out``, shape (n, H)."""
    np.matmul(d_gates[0], W_h[0].T, out=out)
    for d_gate, weight in zip(d_gates[1:], W_h[1:], strict=True):
        out += d_gate @ weight.T
