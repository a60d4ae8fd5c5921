"""A feed-forward network on the bag of the words read so far.

    h_t = tanh(mean over i <= t of x_i W_x + b)

With the readout ``last`` it sees the bag of all words of a text, and nothing of their order; of
one word it is the network from one input to one output. More layers stand on the first and take
no mean of their own: h_t = tanh(h_t of the layer below W_x + b). It is kin to the deep averaging
network (Iyyer, Manjunatha, Boyd-Graber and Daumé III 2015).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from textrnn.nn.bodies.base import Body
from textrnn.nn.bodies.scan import ScanLayer
from textrnn.nn.cells import TIME
from textrnn.typing import Floats, Params

SUM = "sum"
"""The state: of the products of all words so far, (S, B, H)."""


class Dense(ScanLayer):
    """One hidden layer at each word for itself; parameters ``W_x`` (1, S, D, H), ``b`` (1, S, H).

    Args:
        n_directions: S.
        hidden_size: H.
        dtype: of all arrays.
        state_sizes: of a kind that carries something.
    """

    def __init__(
        self,
        *,
        n_directions: int,
        hidden_size: int,
        dtype: np.dtype[Any],
        state_sizes: dict[str, int] | None = None,
    ) -> None:
        super().__init__(
            n_gates=1,
            n_directions=n_directions,
            hidden_size=hidden_size,
            state_sizes=state_sizes or {},
            dtype=dtype,
        )

    def shapes(self, input_size: int) -> dict[str, tuple[int, ...]]:
        S, H = self.n_directions, self.hidden_size
        return {"W_x": (1, S, input_size, H), "b": (1, S, H)}

    def initialise(self, rng: np.random.Generator, input_size: int) -> Params:
        """Draw Glorot-uniform weights and zero biases."""
        shapes = self.shapes(input_size)
        bound = np.sqrt(6.0 / (input_size + self.hidden_size))
        return {
            "W_x": rng.uniform(-bound, bound, shapes["W_x"]).astype(self.dtype),
            "b": np.zeros(shapes["b"], self.dtype),
        }

    def step(self, gates: Floats, state: Params, h: Floats) -> Any:
        del state
        np.tanh(gates[0], out=h)

    def step_back(
        self, h: Floats, kept: Any, d_h: Floats | None, d_state: Params, d_gates: Floats
    ) -> None:
        del kept, d_state
        np.multiply(1.0 - h * h, 0.0 if d_h is None else d_h, out=d_gates[0])


class DenseOfMean(Dense):
    """The same of the mean of all words so far; the mean of products is the product of the mean."""

    counts_words = True

    def __init__(self, *, n_directions: int, hidden_size: int, dtype: np.dtype[Any]) -> None:
        super().__init__(
            n_directions=n_directions,
            hidden_size=hidden_size,
            dtype=dtype,
            state_sizes={SUM: hidden_size},
        )

    def step(self, gates: Floats, state: Params, h: Floats) -> Floats:
        total = state[SUM]
        total += gates[0]
        state[TIME] += 1.0
        shares: Floats = (1.0 / state[TIME]).astype(self.dtype)
        np.multiply(total, shares, out=gates[0])
        super().step(gates, state, h)
        return shares

    def step_back(
        self, h: Floats, kept: Floats, d_h: Floats | None, d_state: Params, d_gates: Floats
    ) -> None:
        super().step_back(h, None, d_h, d_state, d_gates)
        d_total = d_state[SUM]
        d_total += kept * d_gates[0]
        d_gates[0] = d_total


class FeedForward(Body):
    """A layer over the mean of all words so far, and layers over that."""

    name = "feedforward"
    prefix = "feedforward"

    def make_layer(self, number: int) -> Dense:
        return (Dense if number else DenseOfMean)(
            n_directions=self.n_directions, hidden_size=self.hidden_size, dtype=self.dtype
        )
