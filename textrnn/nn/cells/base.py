"""What a recurrent cell is: one step forward, one step back.

A cell knows nothing of sequences; ``recurrent.py`` unrolls it over the batch and hands it
one step at a time. A step works on all S directions at once: they read different words,
but do the same arithmetic.

All arrays of a pass live in a ``Trace``, gate-major: ``gates`` has shape (G, S, N, H),
so each gate of a step is one contiguous block a direction, and an elementwise operation
on it runs two to three times faster than on the columns of an (N, G*H) array.

Sigmoid gates use sigmoid(x) = tanh(x / 2) / 2 + 1/2, with the halving folded into
the weights (``gate_scale``), so that one ``tanh`` call serves all gates of a step.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np

from textrnn.typing import Floats, Ints, Params

TIME = "time"
"""Beside a time-dependent cell's states: how many words were read, float64 of shape (S, B, 1)."""


class Step(NamedTuple):
    """One time step of a packed batch.

    Attributes:
        rows: the step's rows, one for each document that has a token here.
        previous: the rows that hold the states these documents come from, see
            ``Trace.previous``.
        carried: how many of the documents, counted from the first, have such a
            state; the others begin here, with a state of zeros.
        times: for each of the step's rows how many words of its document were read before,
            shape (n,), the same in both directions; None unless the cell asks for it.
        before: the arrays that ``previous`` points into, where documents begin here with a
            state that is not zero; else None, and it points into those of the trace.
    """

    rows: slice
    previous: slice
    carried: int
    times: Ints | None = None
    before: Params | None = None


@dataclass(frozen=True)
class Trace:
    """All that one pass over a batch computes and its backward pass needs.

    Attributes:
        gates: (G, S, N, H): input products before a step, activations after it.
        states: arrays of shape (S, N, H) by name; ``"h"`` is the output.
        scratch: (G, S, B, H), overwritten at each step.
        initial: the carried states before each document's first word, (S, B, H); None if
            they are zero.
        begun: words of each document that were read before, (B,); None unless the cell
            asks for times.
    """

    gates: Floats
    states: Params
    scratch: Floats
    initial: Params | None = None
    begun: Ints | None = None

    @property
    def h(self) -> Floats:
        return self.states["h"]

    def previous(self, name: str, step: Step) -> Floats:
        """A carried state as the step finds it, (S, k, H), of its k carried documents."""
        return (self.states if step.before is None else step.before)[name][:, step.previous]


class Cell(ABC):
    """A recurrent cell with weights ``W_x`` (G, S, D, H), ``W_h`` (G, S, H, H), ``b`` (G, S, H)."""

    name: ClassVar[str]
    n_gates: ClassVar[int]
    n_sigmoids: ClassVar[int] = 0
    """Leading gates that are sigmoids; the others are tanh."""
    state_names: ClassVar[tuple[str, ...]] = ("h",)
    """Arrays of shape (S, N, H) that a pass keeps."""
    carried_names: ClassVar[tuple[str, ...]] = ("h",)
    """The states that one step hands to the next."""
    needs_times: ClassVar[bool] = False
    """Whether its step depends on ``step.times``."""

    def gate_scale(self, dtype: np.dtype[Any]) -> Floats:
        """Factor on each gate's input, shape (G, 1, 1, 1): 1/2 for sigmoids."""
        scale = np.ones((self.n_gates, 1, 1, 1), dtype=dtype)
        scale[: self.n_sigmoids] = 0.5
        return scale

    def prepare_forward(self, params: Params) -> Params:
        """The weights that a step multiplies with, halved where a gate is a sigmoid."""
        W_h = params["W_h"]
        return {"W_h": W_h * self.gate_scale(W_h.dtype)}

    def prepare_backward(self, params: Params) -> Params:
        """The weights that a step back multiplies with, transposed once for all steps."""
        return {"W_h_T": np.ascontiguousarray(params["W_h"].swapaxes(-1, -2))}

    def shapes(
        self, n_directions: int, input_size: int, hidden_size: int
    ) -> dict[str, tuple[int, ...]]:
        """Shape of each parameter of a layer."""
        G, S, D, H = self.n_gates, n_directions, input_size, hidden_size
        return {"W_x": (G, S, D, H), "W_h": (G, S, H, H), "b": (G, S, H)}

    def initialise(
        self,
        rng: np.random.Generator,
        shapes: dict[str, tuple[int, ...]],
        dtype: np.dtype[Any],
    ) -> Params:
        """Draw weights: Glorot-uniform inputs, orthogonal recurrences, zero biases.

        Glorot and Bengio 2010; Saxe, McClelland and Ganguli 2014.
        """
        G, S, D, H = shapes["W_x"]
        bound = np.sqrt(6.0 / (D + H))
        square = rng.standard_normal((G, S, H, H))
        return {
            "W_x": rng.uniform(-bound, bound, shapes["W_x"]).astype(dtype),
            "W_h": np.linalg.qr(square)[0].astype(dtype),
            **{
                name: np.zeros(shape, dtype=dtype)
                for name, shape in shapes.items()
                if name not in ("W_x", "W_h")
            },
        }

    @abstractmethod
    def forward(self, weights: Params, trace: Trace, step: Step) -> None:
        """Turn the step's input products into activations and write its states."""

    @abstractmethod
    def backward(
        self, weights: Params, trace: Trace, step: Step, d_states: Params, d_gates: Floats
    ) -> None:
        """Carry the gradient of a step's states back by one step.

        Args:
            weights: from ``prepare_backward``.
            trace: what the forward pass left behind.
            step: the step.
            d_states: for each carried state its gradient, shape (S, n, H); replaced by
                the gradient of the state before the step, also where a document begins.
            d_gates: (G, S, n, H), receives the gradient of the gates' inputs.
        """

    def weight_gradients(
        self, trace: Trace, previous: Callable[[str], Floats], d_gates: Floats
    ) -> Params:
        """Gradients of ``W_h`` and of parameters that only this cell has.

        Args:
            trace: what the forward pass left behind.
            previous: gives, for the name of a carried state, what it was before each of the
                first L rows, shape (S, L, H).
            d_gates: the gradient of the gates' inputs there, (G, S, L, H).
        """
        del trace
        return {"W_h": np.matmul(previous("h").swapaxes(-1, -2), d_gates)}


def add_recurrence(weights: Params, trace: Trace, step: Step) -> Floats:
    """Add ``h_previous W_h`` to the step's input products; return them, (G, S, n, H)."""
    z = trace.gates[:, :, step.rows]
    if step.carried:
        product = trace.scratch[:, :, : step.carried]
        np.matmul(trace.previous("h", step), weights["W_h"], out=product)
        z[:, :, : step.carried] += product
    return z


def halved_tanh_to_sigmoid(gates: Floats) -> None:
    """Turn tanh(x / 2) into sigmoid(x), in place."""
    gates *= 0.5
    gates += 0.5


def back_through_weights(d_gates: Floats, weights: Params, scratch: Floats, out: Floats) -> None:
    """Write the sum over gates of ``d_gates W_h^T`` into ``out``, shape (S, n, H)."""
    products = scratch[:, :, : d_gates.shape[2]]
    np.matmul(d_gates, weights["W_h_T"], out=products)
    np.add.reduce(products, axis=0, out=out)
