"""The minimal LSTM (Feng et al. 2024, "Were RNNs All We Needed?"): no gate sees the state.

f, i = sigmoid(x W_x + b)                           forget and input gate
n    = x W_n + b_n                                  candidate
h_t  = f / (f + i) * h_{t-1} + i / (f + i) * n

Both gates may be too small for a number while their quotient is not. With e(x) = exp(-x),

f / (f + i) = (1 + e(x_i)) / (2 + e(x_f) + e(x_i))

where all terms are divided by the largest, so that none overflows and one is 1.
"""

from __future__ import annotations

import numpy as np

from textrnn.nn.cells.input_gated import KEPT, NEW, InputGated
from textrnn.typing import Floats

FORGET, INPUT, CANDIDATE = range(3)


class MinLSTM(InputGated):
    """Minimal long short-term memory: gates f, i, n."""

    name = "minlstm"
    n_gates = 3

    def activate(self, products: Floats) -> tuple[Floats, tuple[Floats, ...]]:
        gates, n = products[:CANDIDATE], products[CANDIDATE]
        largest = np.maximum(-gates.min(axis=0), 0.0)
        one = np.exp(-largest)
        inverse_f, inverse_i = np.exp(-gates - largest) + one  # 1 / f and 1 / i
        total = inverse_f + inverse_i
        activated = np.empty_like(gates)
        np.divide(inverse_i, total, out=activated[KEPT])
        taken = np.divide(inverse_f, total, out=inverse_f)
        np.multiply(taken, n, out=activated[NEW])
        return activated, (gates, n, activated[KEPT], taken)

    def activate_backward(self, d_activated: Floats, cache: tuple[Floats, ...]) -> Floats:
        gates, n, kept, taken = cache
        d_kept, d_new = d_activated
        d_products = np.empty((self.n_gates, *d_kept.shape), d_kept.dtype)
        # f' and i' are a softmax of log f and log i, whose slopes are 1 - f and 1 - i.
        d_log = (d_kept - d_new * n) * kept * taken
        closed = 0.5 - 0.5 * np.tanh(0.5 * gates)
        np.multiply(d_log, closed[FORGET], out=d_products[FORGET])
        np.multiply(-d_log, closed[INPUT], out=d_products[INPUT])
        np.multiply(d_new, taken, out=d_products[CANDIDATE])
        return d_products
