"""What a recurrent cell is: one step forward, one step back, and the table of those that are known.

A cell knows nothing of sequences; ``recurrent.py`` unrolls it over the batch and hands it
one step at a time. A step works on all S directions at once: they read different words,
but do the same arithmetic.

Sigmoid gates use sigmoid(x) = tanh(x / 2) / 2 + 1/2, with the halving folded into
the weights (``gate_scale``), so that one ``tanh`` call serves all gates of a step.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, TypeVar

import numpy as np

from textrnn.nn import registry
from textrnn.nn.cells.batch_pass import BatchPass
from textrnn.nn.cells.reader import FastReader, Reader
from textrnn.nn.cells.step import TIME, Step, Trace
from textrnn.typing import Floats, Params

C = TypeVar("C", bound="Cell")


class Cell(ABC):
    """A recurrent cell with weights ``W_x`` (G, S, D, H), ``W_h`` (G, S, H, H), ``b`` (G, S, H).

    One without recurrent weights leaves ``W_h`` out of ``shapes``, and all that is made of it.
    """

    name: ClassVar[str]
    n_gates: ClassVar[int]
    n_sigmoids: ClassVar[int] = 0
    """Leading gates that are sigmoids; the others are tanh."""
    gate_names: ClassVar[tuple[str, ...]] = ()
    """What the leading gates are called whose activations ``trace.gates`` holds after a step."""
    keep_gate: ClassVar[str | None] = None
    """The one of them that a carried state is multiplied with from one step to the next."""
    state_names: ClassVar[tuple[str, ...]] = ("h",)
    """Arrays of shape (S, N, H) that a pass keeps."""
    carried_names: ClassVar[tuple[str, ...]] = ("h",)
    """The states that one step hands to the next."""
    recurrent_names: ClassVar[tuple[str, ...]] = ("W_h",)
    """The parameters that states of the step before are multiplied with: recurrent dropout falls
    on them."""
    needs_times: ClassVar[bool] = False
    """Whether its step depends on ``step.times``."""
    batch_pass: ClassVar[type[BatchPass] | None] = None
    """The same over a whole batch, where that is faster than its steps; None takes these."""
    fast_reader: ClassVar[type[FastReader] | None] = None
    """The same step for one row, of few calls; None takes the batch's."""

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
        *_, D, H = shapes["W_x"]
        bound = np.sqrt(6.0 / (D + H))
        params = {name: np.zeros(shape, dtype=dtype) for name, shape in shapes.items()}
        if "W_h" in shapes:
            square = rng.standard_normal(shapes["W_h"])
            params["W_h"] = np.linalg.qr(square)[0].astype(dtype)
        params["W_x"] = rng.uniform(-bound, bound, shapes["W_x"]).astype(dtype)
        return params

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "forward" in cls.__dict__ and "fast_reader" not in cls.__dict__:
            cls.fast_reader = None  # what it inherits takes another step
        if {"forward", "backward"} & set(cls.__dict__) and "batch_pass" not in cls.__dict__:
            cls.batch_pass = None

    def __reduce__(self) -> tuple[Any, ...]:
        return _registered, (type(self),)  # another process knows it once it has it

    def activate(self, products: Floats) -> tuple[Floats, tuple[Floats, ...]]:
        """What no state has a part in: made once for each distinct input, before the steps.

        Args:
            products: ``gate_scale * (x W_x + b)``, shape (G, ..., H); may be overwritten.

        Returns:
            What a step finds in ``trace.gates``, (K, ..., H): by default the products
            themselves, of K = G gates. And what ``activate_backward`` needs, arrays that have
                their inputs along the same axis, (..., U, H).
        """
        return products, ()

    def activate_backward(self, d_activated: Floats, cache: tuple[Floats, ...]) -> Floats:
        """The gradient of ``x W_x + b``, (G, ..., H), from that of what ``activate`` returned."""
        del cache
        return d_activated

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
            d_gates: (K, S, n, H), receives the gradient of the gates' inputs, or of what else
                ``activate`` returned.
        """

    def weight_gradients(
        self, trace: Trace, previous: Callable[[str], Floats], d_gates: Floats
    ) -> Params:
        """Gradients of ``W_h`` and of parameters that only this cell has.

        Args:
            trace: what the forward pass left behind.
            previous: gives, for the name of a carried state, what it was before each of the
                first L rows, shape (S, L, H).
            d_gates: the gradient of the gates' inputs there, (K, S, L, H).
        """
        del trace
        return {"W_h": np.matmul(previous("h").swapaxes(-1, -2), d_gates)}

    def reader(self, params: Params, direction: int) -> Reader:
        """What reads one document a word at a time, in one direction of a layer."""
        if self.fast_reader is not None:
            return self.fast_reader(self.prepare_forward(params), direction, self.n_sigmoids)
        return StepReader(self, params, direction)

    def of_direction(self, params: Params, direction: int) -> Params:
        """The parameters of one direction of a layer, but for ``W_x``, as a layer of one."""
        *_, S, H = params["b"].shape
        axes = self.direction_axes(S, H)
        found = {}
        for name, value in params.items():
            if name != "W_x":
                axis = axes[name]
                found[name] = value if axis is None else value.take([direction], axis)
        return found

    def direction_axes(self, n_directions: int, hidden_size: int) -> dict[str, int | None]:
        """Along which axis each parameter of S > 1 directions has theirs; None if they share it."""
        one, all_ = self.shapes(1, 1, hidden_size), self.shapes(n_directions, 1, hidden_size)
        axes: dict[str, int | None] = {}
        for name, shape in all_.items():
            differs = [a != b for a, b in zip(one[name], shape, strict=True)]
            axes[name] = differs.index(True) if any(differs) else None
        return axes


class StepReader(Reader):
    """A cell's step for a batch, of one row: three to five times as slow as a fast reader.

    Args:
        cell: the kind of recurrence.
        params: of the layer.
        direction: which of its directions, 0 or 1.
    """

    def __init__(self, cell: Cell, params: Params, direction: int) -> None:
        self._cell = cell
        self._weights = cell.prepare_forward(cell.of_direction(params, direction))
        G, _, H = params["b"].shape
        self._zero = np.zeros((1, 1, H), params["b"].dtype)
        self._n_gates = G
        self.reset()

    @property
    def state(self) -> Params:
        found = {name: value[0, 0].copy() for name, value in self._carried.items()}
        return {**found, TIME: np.array([self._n], np.float64)} if self._cell.needs_times else found

    @state.setter
    def state(self, state: Params) -> None:
        dtype = self._zero.dtype
        for name in self._carried:
            self._carried[name] = state[name].astype(dtype)[np.newaxis, np.newaxis]
        self._n = int(state[TIME][0]) if self._cell.needs_times else 0

    def reset(self) -> None:
        self._carried = dict.fromkeys(self._cell.carried_names, self._zero)
        self._n = 0

    def read(self, products: Floats, out: Floats) -> None:
        cell, (T, H) = self._cell, out.shape
        if T == 0:
            return
        of_gates = products.reshape(T, self._n_gates, 1, H).transpose(1, 2, 0, 3)
        gates = np.ascontiguousarray(cell.activate(of_gates)[0])
        states = {name: np.empty((1, T, H), out.dtype) for name in cell.state_names}
        trace = Trace(gates, states, np.empty((len(gates), 1, 1, H), out.dtype))
        for t in range(T):
            times = np.array([self._n + t]) if cell.needs_times else None
            origin, before = (t - 1, None) if t else (0, self._carried)
            step = Step(slice(t, t + 1), slice(origin, origin + 1), 1, times, before)
            cell.forward(self._weights, trace, step)
        out[...] = states["h"][0]
        self._carried = {name: states[name][:, -1:] for name in cell.carried_names}
        self._n += T


CELLS: dict[str, Cell] = {}
"""By name."""


def register(cell: type[C]) -> type[C]:
    """Make a cell known by its ``name``, from outside the package, too; return it.

    A class that is defined anew, as in a notebook, takes the place of what it was before.

    Raises:
        ValueError: another cell has that name.
    """
    registry.register(CELLS, cell)
    return cell


def _registered(cell: type[Cell]) -> Cell:
    if type(CELLS.get(cell.name)) is not cell:
        register(cell)
    return CELLS[cell.name]


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
