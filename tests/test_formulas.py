"""Formulas as books and papers write them, evaluated literally, and what the engine makes of them.

Loops over vectors in float64 with none of the engine's code; docs/formulas.md has the list. A
book's vectors are columns and its matrices stand before them, the engine's are rows and stand
before the matrices: ``W_hx`` of a book is the transpose of ours.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.gradcheck import dense, random_network
from tests.lessons import make_batch, make_examples, make_network
from tests.networks import network_config
from textrnn.nn.check import numeric_gradient
from textrnn.nn.network import Network
from textrnn.training.lesson import make_lesson
from textrnn.training.regularisation import Regularisation
from textrnn.typing import Floats, Ints, Params

EXACT: dict[str, Any] = {"rtol": 1e-12, "atol": 1e-12}
T, D, H, C = 7, 3, 4, 3
PHI: dict[str, Any] = {
    "rnn_linear": lambda z: z,
    "rnn": np.tanh,
    "rnn_relu": lambda z: np.maximum(z, 0.0),
}
"""The activation of each simple cell."""
SLOPE: dict[str, Any] = {
    "rnn_linear": np.ones_like,
    "rnn": lambda h: 1.0 - h * h,
    "rnn_relu": lambda h: 1.0 * (h > 0.0),
}
"""Its derivative, told from the activation."""
SIMPLE = pytest.mark.parametrize("cell", PHI)


def softmax(o: Floats) -> Floats:
    p: Floats = np.exp(o) / np.exp(o).sum()
    return p


@dataclass
class Book:
    """A network with an answer at every step, and the losses' mean, in a book's letters.

    h_t = phi(W_hx x_t + W_hh h_{t-1} + b_h), o_t = W_qh h_t + b_q, L = 1/T sum_t l(o_t, y_t),
    where l is the cross-entropy of softmax(o_t). Steps count from 1; h[0] is zero.
    """

    cell: str
    x: Floats
    y: Ints
    W_hx: Floats
    W_hh: Floats
    b_h: Floats
    W_qh: Floats
    b_q: Floats

    def forward(self) -> tuple[list[Floats], list[Floats]]:
        """h_0 .. h_T, and o_0 .. o_T, of which the first means nothing."""
        h: list[Floats] = [np.zeros(len(self.b_h))]
        o: list[Floats] = [np.zeros(C)]
        for x in self.x:
            h.append(PHI[self.cell](self.W_hx @ x + self.W_hh @ h[-1] + self.b_h))
            o.append(self.W_qh @ h[-1] + self.b_q)
        return h, o

    def loss(self) -> float:
        _, o = self.forward()
        n = len(self.y)
        return sum(-np.log(softmax(o[t])[self.y[t - 1]]) for t in range(1, n + 1)) / n

    def d_o(self) -> list[Floats]:
        """dL/do_t = 1/T dl(o_t, y_t)/do_t."""
        _, o = self.forward()
        steps = range(1, T + 1)
        return [np.zeros(C), *((softmax(o[t]) - np.eye(C)[self.y[t - 1]]) / T for t in steps)]

    def d_h(self) -> list[Floats]:
        """dL/dh_t by the recursion, with phi' where there is an activation."""
        h, _ = self.forward()
        d_o = self.d_o()
        d_h: list[Floats] = [np.zeros(H) for _ in range(T + 1)]
        d_h[T] = self.W_qh.T @ d_o[T]
        for t in range(T - 1, 0, -1):
            d_z = SLOPE[self.cell](h[t + 1]) * d_h[t + 1]
            d_h[t] = self.W_hh.T @ d_z + self.W_qh.T @ d_o[t]
        return d_h

    def d_z(self) -> list[Floats]:
        """The gradient of what phi is applied to; dL/dh_t itself of the linear network."""
        h, _ = self.forward()
        return [SLOPE[self.cell](h[t]) * d for t, d in enumerate(self.d_h())]


@dataclass
class Engine:
    """What the engine found for the same network: gradients by a book's names, and dL/dh_t."""

    loss: float
    gradients: Params
    d_h: list[Floats]
    probabilities: Floats
    weights: tuple[Floats, ...]
    """As the backward pass left them."""


def weights_of(network: Network) -> tuple[Floats, ...]:
    """Copies of W_hx, W_hh, b_h, W_qh and b_q."""
    names = (
        *(f"recurrent.0.{name}" for name in ("W_x", "W_h", "b")),
        "linear.weight",
        "linear.bias",
    )
    return tuple(network.params[name].squeeze().T.copy() for name in names)


def book_and_engine(cell: str, seed: int = 0) -> tuple[Book, Engine]:
    """The same random network twice, over real-valued inputs."""
    rng = np.random.default_rng(seed)
    config = network_config(C, 0, None, cell, H, dtype="float64", head="token", n_inputs=D)
    network = random_network(config, rng)
    x, y = rng.standard_normal((T, D)), rng.integers(0, C, T)
    book = Book(cell, x, y, *weights_of(network))

    batch = network.pack([x])
    logits, cache = network.forward(batch)
    loss, d_logits = network.config.output.loss(logits, y[batch.places])
    d_h: dict[int, Floats] = {}

    def watch(layer: int, rows: slice, states: Params) -> None:
        del layer  # there is one
        d_h[rows.start] = states["h"][0, 0].copy()

    found = dense(network.backward(d_logits, cache, watch=watch).params)
    of_layer = {name: found[f"recurrent.0.{name}"][0, 0] for name in ("W_x", "W_h", "b")}
    gradients = {
        "W_qh": found["linear.weight"].T,
        "b_q": found["linear.bias"],
        "W_hx": of_layer["W_x"].T,
        "W_hh": of_layer["W_h"].T,
        "b_h": of_layer["b"],
    }
    steps = [np.zeros(H), *(d_h[T - t] for t in range(1, T + 1))]
    return book, Engine(
        float(loss), gradients, steps, network.predict_proba(batch), weights_of(network)
    )


@SIMPLE
def test_the_loss_is_the_mean_over_the_steps(cell: str) -> None:
    """L = 1/T sum_t l(o_t, y_t)."""
    book, engine = book_and_engine(cell)
    assert engine.loss == pytest.approx(book.loss(), rel=1e-12)


@SIMPLE
def test_the_loss_of_a_training_is_the_mean_over_each_texts_steps(cell: str) -> None:
    """L = 1/T sum_t l(o_t, y_t) of every text, with a T of its own, and the mean over the texts."""
    network = make_network("numbers", cell=cell, head="token")
    examples = make_examples("numbers", at_tokens=True)
    lesson = make_lesson(network, make_batch(examples), Regularisation())
    found, _ = lesson.loss(network.forward(lesson.packed)[0])
    losses = []
    for start, end in pairwise(examples.texts.starts.tolist()):
        x: Any = examples.texts.ids[start:end]
        y = examples.targets.values[start:end]
        losses.append(Book(cell, x, y, *weights_of(network)).loss())
    assert found == pytest.approx(np.mean(losses), rel=1e-12)


@SIMPLE
def test_output_layer(cell: str) -> None:
    """dL/dW_qh = sum_t dL/do_t h_t^T and dL/db_q = sum_t dL/do_t."""
    book, engine = book_and_engine(cell)
    (h, _), d_o = book.forward(), book.d_o()
    of_weight = sum(np.outer(d_o[t], h[t]) for t in range(1, T + 1))
    np.testing.assert_allclose(engine.gradients["W_qh"], of_weight, **EXACT)
    np.testing.assert_allclose(engine.gradients["b_q"], sum(d_o[1:]), **EXACT)


@SIMPLE
def test_recursion_of_the_states_gradient(cell: str) -> None:
    """dL/dh_T = W_qh^T dL/do_T; dL/dh_t = W_hh^T (phi' dL/dh_{t+1}) + W_qh^T dL/do_t."""
    book, engine = book_and_engine(cell)
    for found, expected in zip(engine.d_h[1:], book.d_h()[1:], strict=True):
        np.testing.assert_allclose(found, expected, **EXACT)


def test_closed_sum_of_the_states_gradient() -> None:
    """dL/dh_t = sum_{i=t}^T (W_hh^T)^{T-i} W_qh^T dL/do_{T+t-i}, of the linear network."""
    book, engine = book_and_engine("rnn_linear")
    d_o = book.d_o()
    for t in range(1, T + 1):
        total = np.zeros(H)
        for i in range(t, T + 1):
            power = np.linalg.matrix_power(book.W_hh.T, T - i)
            total = total + power @ book.W_qh.T @ d_o[T + t - i]
        np.testing.assert_allclose(engine.d_h[t], total, **EXACT)


@pytest.mark.parametrize("cell", ["rnn", "rnn_relu"])
def test_closed_sum_with_an_activation(cell: str) -> None:
    """The power becomes a product, phi' of every step passed between its factors."""
    book, engine = book_and_engine(cell)
    (h, _), d_o = book.forward(), book.d_o()
    for t in range(1, T + 1):
        total = np.zeros(H)
        for s in range(t, T + 1):  # the step whose loss it is: s = T + t - i
            carried = book.W_qh.T @ d_o[s]
            for passed in range(s, t, -1):
                carried = book.W_hh.T @ (SLOPE[cell](h[passed]) * carried)
            total = total + carried
        np.testing.assert_allclose(engine.d_h[t], total, **EXACT)


@SIMPLE
def test_hidden_layer(cell: str) -> None:
    """dL/dW_hx = sum_t dL/dh_t x_t^T, dL/dW_hh = sum_t dL/dh_t h_{t-1}^T, dL/db_h = sum_t dL/dh_t.

    Literally of the linear network; with an activation dL/dh_t is multiplied by phi' first.
    """
    book, engine = book_and_engine(cell)
    (h, _), d_z = book.forward(), book.d_z()
    steps = range(1, T + 1)
    of_inputs = sum(np.outer(d_z[t], book.x[t - 1]) for t in steps)
    of_states = sum(np.outer(d_z[t], h[t - 1]) for t in steps)
    np.testing.assert_allclose(engine.gradients["W_hx"], of_inputs, **EXACT)
    np.testing.assert_allclose(engine.gradients["W_hh"], of_states, **EXACT)
    np.testing.assert_allclose(engine.gradients["b_h"], sum(d_z[1:]), **EXACT)


@pytest.mark.parametrize("cell", ["rnn", "rnn_relu"])
def test_without_the_slope_the_formulas_are_wrong(cell: str) -> None:
    """As they are printed, for a state without an activation, they miss these gradients."""
    book, engine = book_and_engine(cell)
    h, _ = book.forward()
    d_o, d_h, missed = book.d_o(), np.zeros(H), np.zeros((H, H))
    for t in range(T, 0, -1):
        d_h = book.W_hh.T @ d_h + book.W_qh.T @ d_o[t]
        missed += np.outer(d_h, h[t - 1])
    assert np.abs(missed - engine.gradients["W_hh"]).max() > 1e-2


@pytest.mark.parametrize("cell", ["rnn", "rnn_relu"])
def test_unrolled_network(cell: str) -> None:
    """o_t = g(V f(U x_t + W f(U x_{t-1} + ...))), g the softmax; b_h and b_q beside them."""
    book, engine = book_and_engine(cell)
    f, U, W, V = PHI[cell], book.W_hx, book.W_hh, book.W_qh

    def state(t: int) -> Floats:
        inner: Floats = f(U @ book.x[t - 1] + (W @ state(t - 1) if t > 1 else 0.0) + book.b_h)
        return inner

    for t in range(1, T + 1):
        o = softmax(V @ state(t) + book.b_q)
        np.testing.assert_allclose(engine.probabilities[t - 1], o, **EXACT)


@SIMPLE
def test_weights_change_after_the_walk_back(cell: str) -> None:
    """A weight that is updated on the way back makes the rest of the gradient wrong: none is."""
    book, engine = book_and_engine(cell)
    (h, _), d_o = book.forward(), book.d_o()

    def walk_back(rate: float) -> Floats:
        W_hh, total, d_h = book.W_hh.copy(), np.zeros((H, H)), np.zeros(H)
        for t in range(T, 0, -1):
            d_h = d_h + book.W_qh.T @ d_o[t]
            d_z = SLOPE[cell](h[t]) * d_h
            of_step = np.outer(d_z, h[t - 1])
            total = total + of_step
            W_hh -= rate * of_step
            d_h = W_hh.T @ d_z
        return total

    true = numeric_gradient(book.loss, book.W_hh)
    np.testing.assert_allclose(engine.gradients["W_hh"], true, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(walk_back(0.0), true, rtol=1e-6, atol=1e-8)
    assert np.abs(walk_back(0.5) - engine.gradients["W_hh"]).max() > 1e-3
    before = (book.W_hx, book.W_hh, book.b_h, book.W_qh, book.b_q)
    for weight, after in zip(before, engine.weights, strict=True):
        np.testing.assert_array_equal(weight, after)


def sigmoid(x: Floats) -> Floats:
    y: Floats = 1.0 / (1.0 + np.exp(-x))
    return y


class OneText:
    """A network of random weights that reads one text from zeros, and what it made of it."""

    def __init__(self, cell: str, n_words: int = 6, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        self.n_units = 3
        config = network_config(
            C, 0, None, cell, self.n_units, dtype="float64", head="token", n_inputs=D
        )
        network = random_network(config, rng)
        words = rng.standard_normal((n_words, D))
        trace = network.forward(network.pack([words]))[1].body.layers[0].trace
        self.params = {name: value[:, 0] for name, value in network.body.layer(0).items()}
        """Those of the one direction."""
        gates = list(zip(self.params["W_x"], self.params["b"], strict=True))
        self.x = np.array([[x @ W_x + b for W_x, b in gates] for x in words])
        """x W_x + b of each word and gate, (T, G, H)."""
        self.states = {name: value[0, ::-1] for name, value in trace.states.items()}
        """After each word, (T, H)."""


def test_lstm() -> None:
    """The six equations: three gates, the candidate, the cell state and the output."""
    text = OneText("lstm")
    W_i, W_f, W_o, W_g = text.params["W_h"]
    h: Floats = np.zeros(text.n_units)
    c = h
    for (x_i, x_f, x_o, x_g), found_c, found_h in zip(
        text.x, text.states["c"], text.states["h"], strict=True
    ):
        i = sigmoid(x_i + h @ W_i)
        f = sigmoid(x_f + h @ W_f)
        o = sigmoid(x_o + h @ W_o)
        g = np.tanh(x_g + h @ W_g)
        c = f * c + i * g
        h = o * np.tanh(c)
        np.testing.assert_allclose(found_c, c, **EXACT)
        np.testing.assert_allclose(found_h, h, **EXACT)


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
    W_h, h = text.params["W_h"][0], [0.0] * text.n_units
    for t, ((x,), found) in enumerate(zip(text.x, text.states["h"], strict=True)):
        new = list(h)
        for j in range(text.n_units):
            if t % periods[j] == 0:
                heard = sum(
                    h[i] * W_h[i, j] for i in range(text.n_units) if periods[i] >= periods[j]
                )
                new[j] = np.tanh(x[j] + heard)
        h = new
        np.testing.assert_allclose(found, h, **EXACT)


def test_the_page_names_every_formula() -> None:
    page = (Path(__file__).parents[1] / "docs" / "formulas.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(test_\w+)`", page))
    formulas = {name for name in globals() if name.startswith("test_")}
    assert named == formulas - {"test_the_page_names_every_formula"}
