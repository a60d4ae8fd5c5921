"""One document, word by word, with nothing kept for a backward pass: what reads one row a step.

With one row a step the arithmetic takes no time and the calls all of it. So the weights of
all gates are put side by side for one product, the views are made once, and a step is nine
calls or so, each on memory that is there. A cell's step for a batch is the reference that the
tests compare this with.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from textrnn.typing import Floats, Params


class Reader(ABC):
    """One direction of a recurrent layer, and the state it is in."""

    @property
    @abstractmethod
    def state(self) -> Params:
        """A copy of the state that the next word will find, (H,) by name."""

    @state.setter
    @abstractmethod
    def state(self, state: Params) -> None: ...

    @abstractmethod
    def reset(self) -> None:
        """Forget what was read."""

    @abstractmethod
    def read(self, products: Floats, out: Floats) -> None:
        """Read words one after the other; go on where the last call ended.

        Args:
            products: ``gate_scale * (x W_x + b)`` of each word, shape (T, G * H); may be
                overwritten.
            out: receives the output after each word, shape (T, H). Its last row is the
                state that the next call begins with, and must be left alone until then.
        """


class FastReader(Reader):
    """A step of few calls: the weights of all gates side by side.

    Args:
        weights: of the layer, from the cell's ``prepare_forward``.
        direction: which of the layer's directions, 0 or 1.
        n_sigmoids: leading gates that are sigmoids.
    """

    def __init__(self, weights: Params, direction: int, n_sigmoids: int) -> None:
        W_h = weights["W_h"][:, direction]
        G, H, _ = W_h.shape
        self.hidden_size, self.dtype = H, W_h.dtype
        # (H, G * H): a gate beside the other.
        self._W_h = np.ascontiguousarray(W_h.transpose(1, 0, 2)).reshape(H, G * H)
        self._product = np.empty(G * H, self.dtype)
        self._half = np.full(n_sigmoids * H, 0.5, self.dtype)
        self._first = np.zeros(H, self.dtype)
        self._h = self._first

    @property
    def state(self) -> Params:
        return {"h": self._h.copy()}

    @state.setter
    def state(self, state: Params) -> None:
        self._h = state["h"].astype(self.dtype)

    def reset(self) -> None:
        self._h = self._first


class FastReaderWithCell(FastReader):
    """The same of a cell with a second state ``c``, which is kept in the memory it is given."""

    _c: Floats

    @property
    def state(self) -> Params:
        return {"h": self._h.copy(), "c": self._c.copy()}

    @state.setter
    def state(self, state: Params) -> None:
        self._h = state["h"].astype(self.dtype)
        self._c[...] = state["c"]

    def reset(self) -> None:
        self._h = self._first
        self._c[...] = 0.0
