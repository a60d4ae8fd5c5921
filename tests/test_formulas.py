"""Formulas as books and papers write them, evaluated literally, and what the engine makes of them.

Loops over plain vectors in float64, none of the engine's code; docs/formulas.md has the list.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from textrnn.nn.cells import CELLS
from textrnn.nn.check import Layer
from textrnn.nn.packed import pack
from textrnn.typing import Floats

EXACT: dict[str, Any] = {"rtol": 1e-12, "atol": 1e-12}


def sigmoid(x: Floats) -> Floats:
    y: Floats = 1.0 / (1.0 + np.exp(-x))
    return y


class OneText:
    """A layer of random weights that reads one text from zeros, and what it made of it."""

    def __init__(self, cell: str, n_words: int = 6, seed: int = 0) -> None:
        layer = Layer(CELLS[cell], 1, seed)
        self.H = layer.of_words.shape[-1]
        words = np.random.default_rng(seed).integers(0, 5, n_words).astype(np.int32)
        trace, _ = layer.forward(pack([words]), None)
        self.x = layer.of_words[:, 0, words].swapaxes(0, 1)
        """x W_x + b of each word and gate, (T, G, H)."""
        self.params = {name: value[:, 0] for name, value in layer.params.items()}
        """Those of the one direction."""
        self.states = {name: value[0, ::-1] for name, value in trace.states.items()}
        """After each word, (T, H)."""


def test_jordan() -> None:
    """s_t = tanh(x_t W_x + s_{t-1} W_h + y_{t-1} W_y + b), y_t = sigmoid(s_t V + b_y)."""
    text = OneText("jordan")
    W_h, W_y, V, b_y = (text.params[name][0] for name in ("W_h", "W_y", "V", "b_y"))
    s: Floats = np.zeros(3)
    y = s
    for (x,), found_s, found_y in zip(text.x, text.states["s"], text.states["h"], strict=True):
        s = np.tanh(x + s @ W_h + y @ W_y)
        y = sigmoid(s @ V + b_y)
        np.testing.assert_allclose(found_s, s, **EXACT)
        np.testing.assert_allclose(found_y, y, **EXACT)


def test_clockwork() -> None:
    """h_t = tanh(x_t W_x + h_{t-1} W_h + b) of units whose period divides t, who hear no faster."""
    text = OneText("clockwork", n_words=18)
    periods = [1, 2, 4]  # of three units
    W_h, h = text.params["W_h"][0], [0.0] * text.H
    for t, ((x,), found) in enumerate(zip(text.x, text.states["h"], strict=True)):
        new = list(h)
        for j in range(text.H):
            if t % periods[j] == 0:
                heard = sum(h[i] * W_h[i, j] for i in range(text.H) if periods[i] >= periods[j])
                new[j] = np.tanh(x[j] + heard)
        h = new
        np.testing.assert_allclose(found, h, **EXACT)
