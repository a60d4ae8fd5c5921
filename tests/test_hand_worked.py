"""Networks small enough for pencil and paper, forward and back, to 1e-12.

Inputs are logarithms, so that the activations are fractions:

    sigmoid(ln 2) = 2/3   sigmoid(ln 3) = 3/4   sigmoid(ln 4) = 4/5
    tanh(ln 2)    = 3/5   tanh(ln 3)    = 4/5
"""

from __future__ import annotations

from math import log, tanh
from typing import Any

import numpy as np
import pytest

from tests.gradcheck import dense
from tests.networks import network_config
from textrnn.nn import recurrent
from textrnn.nn.cells import CELLS
from textrnn.nn.gradients import RowGradient
from textrnn.nn.inputs import EMBEDDING
from textrnn.nn.losses import cross_entropy
from textrnn.nn.network import Network
from textrnn.nn.packed import pack
from textrnn.nn.projection import project, project_back
from textrnn.typing import Params

CLOSE: dict[str, Any] = {"rtol": 0.0, "atol": 1e-12}
READ = [1, 0]
"""Rows of a text of two words in the order of reading; the first word's comes last."""


def test_simple_network_over_two_words() -> None:
    """A text of two words, one hidden unit, two classes; the whole way there and back."""
    V = 5 / 4 * log(3)
    params: Params = {
        EMBEDDING: np.array([[9.0], [1.0], [-1.0]]),  # word 0 does not occur
        "recurrent.0.W_x": np.array([[[[log(2)]]]]),
        "recurrent.0.W_h": np.array([[[[5 / 3 * log(6)]]]]),
        "recurrent.0.b": np.array([[[0.0]]]),
        "linear.weight": np.array([[0.0, V]]),
        "linear.bias": np.array([0.0, 0.0]),
    }
    network = Network(network_config(2, 3, 1, "rnn", 1, dtype="float64"), params)
    batch = pack([np.array([1, 2], dtype=np.int32)])

    # z1 = 1 ln 2                          h1 = tanh(ln 2) = 3/5
    # z2 = -1 ln 2 + 3/5 (5/3 ln 6) = ln 3   h2 = tanh(ln 3) = 4/5
    # logits = (0, 4/5 * 5/4 ln 3) = (0, ln 3)
    # probabilities = (1, 3) / 4; the loss of class 1 is ln 4/3
    logits, cache = network.forward(batch)
    np.testing.assert_allclose(cache.body.layers[0].trace.h[:, READ], [[[3 / 5], [4 / 5]]], **CLOSE)
    np.testing.assert_allclose(logits, [[0.0, log(3)]], **CLOSE)
    np.testing.assert_allclose(network.predict_proba(batch), [[1 / 4, 3 / 4]], **CLOSE)
    loss, d_logits = cross_entropy(logits, np.array([1]))
    assert loss == pytest.approx(log(4 / 3), rel=0, abs=1e-12)
    np.testing.assert_allclose(d_logits, [[1 / 4, -1 / 4]], **CLOSE)

    # d_h2 = -1/4 V
    # d_z2 = (1 - 16/25) d_h2 = -9/100 V
    # d_h1 = (5/3 ln 6) d_z2  = -3/20 ln 6 V
    # d_z1 = (1 - 9/25) d_h1  = -12/125 ln 6 V
    d_z2, d_z1 = -9 / 100 * V, -12 / 125 * log(6) * V
    gradients = network.backward(d_logits, cache).params
    of_words = gradients.pop(EMBEDDING)
    assert isinstance(of_words, RowGradient)
    np.testing.assert_array_equal(of_words.rows, [1, 2])
    np.testing.assert_allclose(of_words.values, [[log(2) * d_z1], [log(2) * d_z2]], **CLOSE)
    expected: dict[str, Any] = {
        "recurrent.0.W_x": [[[[1.0 * d_z1 - 1.0 * d_z2]]]],
        "recurrent.0.W_h": [[[[3 / 5 * d_z2]]]],
        "recurrent.0.b": [[[d_z1 + d_z2]]],
        "linear.weight": [[4 / 5 / 4, -4 / 5 / 4]],
        "linear.bias": [1 / 4, -1 / 4],
    }
    assert set(gradients) == set(expected)
    for name, gradient in dense(gradients).items():
        np.testing.assert_allclose(gradient, expected[name], err_msg=name, **CLOSE)


def test_two_directions_over_two_words() -> None:
    """Each direction has weights of its own; the second reads the last word first."""
    config = network_config(2, 3, 1, "rnn", 1, bidirectional=True, dtype="float64")
    there, back = 5 / 3 * log(6), 5 / 4 * log(4 / 3)
    params: Params = {
        EMBEDDING: np.array([[9.0], [1.0], [-1.0]]),
        "recurrent.0.W_x": np.array([log(2), -log(3)]).reshape(1, 2, 1, 1),
        "recurrent.0.W_h": np.array([there, back]).reshape(1, 2, 1, 1),
        "recurrent.0.b": np.array([0.0, log(2)]).reshape(1, 2, 1),
        "linear.weight": np.array([[0.0, 1.0], [0.0, 10.0]]),
        "linear.bias": np.array([0.0, 0.0]),
    }
    network = Network(config, params)
    logits, cache = network.forward(pack([np.array([1, 2], dtype=np.int32)]))

    # First:  as above, h = 3/5, 4/5.
    # Second: z1 = ln 3 + ln 2 = ln 6                      tanh(ln 6) = 35/37, of word 2
    #         z2 = -ln 3 + ln 2 + 35/37 W_hb               of word 1, the final state
    h1 = 35 / 37
    h2 = tanh(log(2 / 3) + h1 * back)
    h = cache.body.layers[0].trace.h[:, READ, 0]
    np.testing.assert_allclose(h, [[3 / 5, 4 / 5], [h1, h2]], **CLOSE)
    np.testing.assert_allclose(logits, [[0.0, 4 / 5 + 10.0 * h2]], **CLOSE)

    # With a gradient of 1 on the second logit:
    # first:  d_z2 = 9/25          d_z1 = 16/25 W_hf d_z2
    # second: e_z2 = 10 (1 - h2^2)   e_z1 = (1 - h1^2) W_hb e_z2
    d_z2 = 9 / 25
    d_z1 = 16 / 25 * there * d_z2
    e_z2 = 10.0 * (1 - h2**2)
    e_z1 = (1 - h1**2) * back * e_z2
    gradients = network.backward(np.array([[0.0, 1.0]]), cache).params
    of_words = gradients[EMBEDDING]
    assert isinstance(of_words, RowGradient)
    words = [[log(2) * d_z1 - log(3) * e_z2], [log(2) * d_z2 - log(3) * e_z1]]
    np.testing.assert_allclose(of_words.values, words, **CLOSE)
    expected = {
        "recurrent.0.W_x": [d_z1 - d_z2, e_z2 - e_z1],
        "recurrent.0.W_h": [3 / 5 * d_z2, h1 * e_z2],
        "recurrent.0.b": [d_z1 + d_z2, e_z1 + e_z2],
        "linear.weight": [0.0, 4 / 5, 0.0, h2],
    }
    whole = dense(gradients)
    for name, value in expected.items():
        np.testing.assert_allclose(whole[name].ravel(), value, err_msg=name, **CLOSE)


def test_one_unit_lstm_over_two_words() -> None:
    """Gates in the order i, f, o, g; the loss is the last output."""
    # c1 = 2/3 * 3/5 = 2/5 (below), h1 = 4/5 tanh(2/5); W_hg turns h1 into ln 2.
    T1, T2 = tanh(2 / 5), tanh(7 / 10)
    h1, h2 = 4 / 5 * T1, 4 / 5 * T2
    W_hg = log(2) / h1
    params: Params = {
        "W_x": np.array([0.0, 0.0, 0.0, log(2)]).reshape(4, 1, 1, 1),
        "W_h": np.array([0.0, 0.0, 0.0, W_hg]).reshape(4, 1, 1, 1),
        "b": np.array([log(2), log(3), log(4), 0.0]).reshape(4, 1, 1),
    }
    cell, batch = CELLS["lstm"], pack([np.array([0, 1], dtype=np.int32)])
    x = np.array([[1.0], [0.0]])

    # Both steps: i = 2/3, f = 3/4, o = 4/5, by their biases alone.
    # g1 = tanh(1 ln 2) = 3/5                c1 = i g1          = 2/5
    # g2 = tanh(0 + h1 W_hg) = 3/5           c2 = f c1 + i g2   = 3/10 + 2/5 = 7/10
    products = project(x[READ], params, cell.gate_scale(x.dtype))
    trace, _ = recurrent.forward(cell, params, products, batch)
    gates = [[2 / 3] * 2, [3 / 4] * 2, [4 / 5] * 2, [3 / 5] * 2]
    np.testing.assert_allclose(trace.gates[:, 0, READ, 0], gates, **CLOSE)
    np.testing.assert_allclose(trace.states["c"][:, READ], [[[2 / 5], [7 / 10]]], **CLOSE)
    np.testing.assert_allclose(trace.h[:, READ], [[[h1], [h2]]], **CLOSE)

    # Step 2, with d_h2 = 1:
    # d_c2 = o (1 - T2^2)
    # d_i = d_c2 g2 i (1 - i)     = d_c2 * 3/5 * 2/9   = 2/15 d_c2
    # d_f = d_c2 c1 f (1 - f)     = d_c2 * 2/5 * 3/16  = 3/40 d_c2
    # d_o = T2 o (1 - o)                               = 4/25 T2
    # d_g = d_c2 i (1 - g2^2)     = d_c2 * 2/3 * 16/25 = 32/75 d_c2
    d_c2 = 4 / 5 * (1 - T2**2)
    d_2 = np.array([2 / 15 * d_c2, 3 / 40 * d_c2, 4 / 25 * T2, 32 / 75 * d_c2])
    # Step 1: d_h1 comes through the candidate's weight, d_c1 also along the cell;
    # d_f is zero, for no cell came before.
    d_h1 = 32 / 75 * d_c2 * W_hg
    d_c1 = 3 / 4 * d_c2 + d_h1 * 4 / 5 * (1 - T1**2)
    d_1 = np.array([2 / 15 * d_c1, 0.0, 4 / 25 * T1 * d_h1, 32 / 75 * d_c1])

    d_gates, own, _ = recurrent.backward(
        cell, params, trace, batch, d_outputs=None, d_final=np.array([[[1.0]]])
    )
    d_x, of_inputs = project_back(d_gates, x[READ], params)
    np.testing.assert_allclose(d_gates[:, 0, READ, 0].T, [d_1, d_2], **CLOSE)
    np.testing.assert_allclose(own["W_h"].ravel(), h1 * d_2, **CLOSE)
    np.testing.assert_allclose(of_inputs["W_x"].ravel(), 1.0 * d_1 + 0.0 * d_2, **CLOSE)
    np.testing.assert_allclose(of_inputs["b"].ravel(), d_1 + d_2, **CLOSE)
    np.testing.assert_allclose(d_x[READ], [[log(2) * d_1[3]], [log(2) * d_2[3]]], **CLOSE)


def test_one_unit_gru_over_two_words() -> None:
    """Gates in the order r, u, n; the reset gate meets the product and its bias b_q."""
    # r = 3/4, u = 2/3 by their biases; b_q = 4/3 ln 2, so that r b_q = ln 2.
    # q1 = b_q                  n1 = tanh(ln 2) = 3/5     h1 = (1 - u) n1 = 1/5
    # q2 = h1 W_hn + b_q        W_hn = 5 (4/3 ln 3 - 4/3 ln 2), so that r q2 = ln 3
    #                           n2 = tanh(ln 3) = 4/5     h2 = 4/15 + 2/15 = 2/5
    b_q = 4 / 3 * log(2)
    W_hn = 20 / 3 * log(3 / 2)
    params: Params = {
        "W_x": np.array([0.0, 0.0, 1.0]).reshape(3, 1, 1, 1),
        "W_h": np.array([0.0, 0.0, W_hn]).reshape(3, 1, 1, 1),
        "b": np.array([log(3), log(2), 0.0]).reshape(3, 1, 1),
        "b_q": np.array([[b_q]]),
    }
    cell, batch = CELLS["gru"], pack([np.array([0, 0], dtype=np.int32)])
    x = np.zeros((2, 1))
    products = project(x[READ], params, cell.gate_scale(x.dtype))
    trace, _ = recurrent.forward(cell, params, products, batch)
    np.testing.assert_allclose(trace.h[:, READ], [[[1 / 5], [2 / 5]]], **CLOSE)

    # Step 2, with d_h2 = 1:
    # d_n = (1 - u)(1 - n2^2)      = 1/3 * 9/25          = 3/25
    # d_u = (h1 - n2) u (1 - u)    = -3/5 * 2/9          = -2/15
    # d_r = d_n q2 r (1 - r)       = 3/25 (4/3 ln 3) 3/16 = 3/100 ln 3
    # d_q = d_n r                                        = 9/100
    # d_h1 = u + d_q W_hn          = 2/3 + 3/5 ln(3/2)
    # Step 1: the same with h0 = 0, n1 = 3/5, q1 = b_q
    d_2 = np.array([3 / 100 * log(3), -2 / 15, 3 / 25])
    d_h1 = 2 / 3 + 3 / 5 * log(3 / 2)
    # d_n = d_h1 * 1/3 * 16/25 = 16/75 d_h1;  d_u = -3/5 * 2/9 d_h1 = -2/15 d_h1
    # d_r = d_n (4/3 ln 2) 3/16 = d_n ln 2 / 4 = 4/75 ln 2 d_h1
    d_1 = np.array([4 / 75 * log(2), -2 / 15, 16 / 75]) * d_h1

    d_gates, own, _ = recurrent.backward(
        cell, params, trace, batch, d_outputs=None, d_final=np.array([[[1.0]]])
    )
    np.testing.assert_allclose(d_gates[:, 0, READ, 0].T, [d_1, d_2], **CLOSE)
    d_q1, d_q2 = 3 / 4 * d_1[2], 9 / 100
    np.testing.assert_allclose(own["b_q"], [[d_q1 + d_q2]], **CLOSE)
    # Only step 2 has a state before it, h1 = 1/5.
    np.testing.assert_allclose(own["W_h"].ravel(), [d_2[0] / 5, d_2[1] / 5, d_q2 / 5], **CLOSE)
