"""The minimal GRU (Feng et al. 2024, "Were RNNs All We Needed?"): no gate sees the state.

z   = sigmoid(x W_z + b_z)          update gate
n   = x W_n + b_n                   candidate
h_t = (1 - z) * h_{t-1} + z * n

The candidate is linear, the paper's plain form: on held-out short reviews a tanh was no better,
and the positive g of the paper's log-space form was worse.
"""

from __future__ import annotations

import numpy as np

from textrnn.nn.cells.base import halved_tanh_to_sigmoid
from textrnn.nn.cells.input_gated import KEPT, NEW, InputGated
from textrnn.typing import Floats

UPDATE, CANDIDATE = range(2)


class MinGRU(InputGated):
    """Minimal gated recurrent unit: gates z, n."""

    name = "mingru"
    n_gates = 2
    n_sigmoids = 1

    def activate(self, products: Floats) -> tuple[Floats, tuple[Floats, ...]]:
        z, n = products
        np.tanh(z, out=z)
        halved_tanh_to_sigmoid(z)
        activated = np.empty_like(products)
        np.subtract(1.0, z, out=activated[KEPT])
        np.multiply(z, n, out=activated[NEW])
        return activated, (z, n, activated[KEPT])

    def activate_backward(self, d_activated: Floats, cache: tuple[Floats, ...]) -> Floats:
        z, n, kept = cache
        d_kept, d_new = d_activated
        d_products = np.empty_like(d_activated)
        d_z = np.multiply(d_new, n, out=d_products[UPDATE])
        d_z -= d_kept
        d_z *= z
        d_z *= kept
        np.multiply(d_new, z, out=d_products[CANDIDATE])
        return d_products
