"""One document, word by word, with nothing kept for a way back.

With one row a step the arithmetic takes no time and the calls all of it. So the weights of
all gates are put side by side for one product, the views are made once, and a step is nine
calls or so, each on memory that is there. The cells of a batch (``nn.cells``) are the
reference that the tests compare this with.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from textrnn.nn.cells import Cell
from textrnn.typing import Floats, Params


class Reader(ABC):
    """One direction of a recurrent layer, and the state it is in.

    Args:
        cell: the kind of recurrence.
        params: of the layer.
        direction: which of its directions, 0 or 1.
    """

    def __init__(self, cell: Cell, params: Params, direction: int) -> None:
        W_h = cell.prepare_forward(params)["W_h"][:, direction]
        G, H, _ = W_h.shape
        dtype = W_h.dtype
        # (H, G * H): a gate beside the other.
        self._W_h = np.ascontiguousarray(W_h.transpose(1, 0, 2)).reshape(H, G * H)
        self._product = np.empty(G * H, dtype)
        self._half = np.full(cell.n_sigmoids * H, 0.5, dtype)
        self._first = np.zeros(H, dtype)
        self.hidden_size = H
        self.reset()

    def reset(self) -> None:
        """Forget what was read."""
        self._h = self._first

    @abstractmethod
    def read(self, products: Floats, out: Floats) -> None:
        """Read words one after the other; go on where the last call ended.

        Args:
            products: ``gate_scale * (x W_x + b)`` of each word, shape (T, G * H).
            out: receives the output after each word, shape (T, H). Its last row is the
                state that the next call begins with, and must be left alone until then.
        """


class RNNReader(Reader):
    """Of the simple recurrent cells."""

    def __init__(self, cell: Cell, params: Params, direction: int) -> None:
        super().__init__(cell, params, direction)
        self._rectify = cell.name == "rnn_relu"

    def read(self, products: Floats, out: Floats) -> None:
        W_h, product, h = self._W_h, self._product, self._h
        for x, new in zip(products, out, strict=True):
            h.dot(W_h, product)
            np.add(x, product, new)
            if self._rectify:
                np.maximum(new, 0.0, out=new)
            else:
                np.tanh(new, new)
            h = new
        self._h = h


class LSTMReader(Reader):
    """Of the LSTM: gates i, f, o, g, and behind them the cell state."""

    def __init__(self, cell: Cell, params: Params, direction: int) -> None:
        super().__init__(cell, params, direction)
        H, dtype = self.hidden_size, self._W_h.dtype
        row = np.zeros(5 * H, dtype)
        self._c = row[4 * H :]
        self._gates, self._sigmoids, self._output = row[: 4 * H], row[: 3 * H], row[2 * H : 3 * H]
        # (i, f) times (g, c): the two terms of the new cell state in one product.
        self._in_and_kept, self._new_and_old = row[: 2 * H], row[3 * H :]
        terms = np.empty(2 * H, dtype)
        self._terms, self._taken_in, self._kept = terms, terms[:H], terms[H:]
        self._tanh_c = np.empty(H, dtype)

    def reset(self) -> None:
        super().reset()
        if hasattr(self, "_c"):
            self._c[...] = 0.0

    def read(self, products: Floats, out: Floats) -> None:
        W_h, product, half, h = self._W_h, self._product, self._half, self._h
        gates, sigmoids, output, c = self._gates, self._sigmoids, self._output, self._c
        factors, values, terms = self._in_and_kept, self._new_and_old, self._terms
        taken_in, kept, tanh_c = self._taken_in, self._kept, self._tanh_c
        add, multiply, tanh = np.add, np.multiply, np.tanh
        for x, new in zip(products, out, strict=True):
            h.dot(W_h, product)
            add(x, product, gates)
            tanh(gates, gates)
            multiply(sigmoids, half, sigmoids)
            add(sigmoids, half, sigmoids)
            multiply(factors, values, terms)
            add(taken_in, kept, c)
            tanh(c, tanh_c)
            multiply(output, tanh_c, new)
            h = new
        self._h = h


class ForgetLSTMReader(Reader):
    """Of the LSTM with the forget gate alone: gates f, u."""

    def __init__(self, cell: Cell, params: Params, direction: int) -> None:
        super().__init__(cell, params, direction)
        H, dtype = self.hidden_size, self._W_h.dtype
        self._gates, self._c = np.empty(2 * H, dtype), np.zeros(H, dtype)

    def reset(self) -> None:
        super().reset()
        if hasattr(self, "_c"):
            self._c[...] = 0.0

    def read(self, products: Floats, out: Floats) -> None:
        H, W_h, product, half, h = self.hidden_size, self._W_h, self._product, self._half, self._h
        gates, c = self._gates, self._c
        forget, candidate = gates[:H], gates[H:]
        for x, new in zip(products, out, strict=True):
            h.dot(W_h, product)
            np.add(x, product, gates)
            np.tanh(gates, gates)
            np.multiply(forget, half, forget)
            np.add(forget, half, forget)
            np.multiply(c, forget, c)
            np.add(c, candidate, c)
            np.tanh(c, new)
            h = new
        self._h = h


class GRUReader(Reader):
    """Of the GRU: gates r, u, n."""

    def __init__(self, cell: Cell, params: Params, direction: int) -> None:
        super().__init__(cell, params, direction)
        H = self.hidden_size
        self._b_q = params["b_q"][direction]
        self._gates = np.empty(2 * H, self._W_h.dtype)
        self._candidate = np.empty(H, self._W_h.dtype)

    def read(self, products: Floats, out: Floats) -> None:
        H, W_h, product, half, h = self.hidden_size, self._W_h, self._product, self._half, self._h
        gates, n, b_q = self._gates, self._candidate, self._b_q
        reset, update = gates[:H], gates[H:]
        of_gates, q = product[: 2 * H], product[2 * H :]
        add, multiply, tanh = np.add, np.multiply, np.tanh
        for x_gates, x_n, new in zip(products[:, : 2 * H], products[:, 2 * H :], out, strict=True):
            h.dot(W_h, product)
            add(x_gates, of_gates, gates)
            tanh(gates, gates)
            multiply(gates, half, gates)
            add(gates, half, gates)
            add(q, b_q, q)
            multiply(reset, q, n)
            add(n, x_n, n)
            tanh(n, n)
            # (1 - u) n + u h = n + u (h - n)
            np.subtract(h, n, new)
            multiply(new, update, new)
            add(new, n, new)
            h = new
        self._h = h


READERS: dict[str, type[Reader]] = {
    "rnn": RNNReader,
    "rnn_relu": RNNReader,
    "lstm": LSTMReader,
    "lstm_forget": ForgetLSTMReader,
    "gru": GRUReader,
}
