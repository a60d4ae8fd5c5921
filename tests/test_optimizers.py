"""Optimisers against PyTorch's and against their formulas; gradients of some rows of a table."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from textrnn.nn.gradients import Gradients, RowGradient, global_norm, scale
from textrnn.nn.optimizers import SGD, Adam, Optimizer
from textrnn.typing import Floats, Params

SHAPES: dict[str, tuple[int, ...]] = {
    "recurrent.0.W_x": (2, 2, 4, 3),
    "recurrent.0.W_h": (2, 2, 3, 3),
    "recurrent.0.b": (2, 2, 3),
    "recurrent.0.b_q": (2, 3),
    "attention.W": (2, 3, 2),
    "attention.b": (2, 2),
    "attention.context": (2, 2),
    "linear.weight": (3, 2),
    "linear.bias": (2,),
}
RATES = [0.1, 0.05, 0.2, 0.01]
CLOSE: dict[str, Any] = {"rtol": 1e-12, "atol": 1e-14}


def draw(seed: int) -> Params:
    rng = np.random.default_rng(seed)
    return {name: rng.standard_normal(shape) for name, shape in SHAPES.items()}


def is_bias(name: str) -> bool:
    return name.endswith((".b", ".b_q", ".bias"))


def walk(make: Callable[[Params], Optimizer]) -> Params:
    """Four updates by random gradients."""
    params = draw(0)
    optimizer = make(params)
    for k, rate in enumerate(RATES, start=1):
        optimizer.update(params, {**draw(k)}, rate)
    return params


@pytest.mark.parametrize("alpha", [0.0, 0.3])
def test_adam_is_its_formula(alpha: float) -> None:
    params = walk(lambda p: Adam(p, beta_1=0.8, beta_2=0.95, epsilon=1e-3, alpha=alpha))
    for name, p in draw(0).items():
        m = v = np.zeros_like(p)
        for t, rate in enumerate(RATES, start=1):
            g = draw(t)[name]
            if not is_bias(name):
                p = p - rate * alpha * p
            m = 0.8 * m + 0.2 * g
            v = 0.95 * v + 0.05 * g**2
            p = p - rate * (m / (1 - 0.8**t)) / (np.sqrt(v / (1 - 0.95**t)) + 1e-3)
        np.testing.assert_allclose(params[name], p, err_msg=name, **CLOSE)


@pytest.mark.parametrize("alpha", [0.0, 0.3])
def test_the_usual_constants(alpha: float) -> None:
    """Those of the papers, which training takes."""
    adam = walk(lambda p: Adam(p, beta_1=0.9, beta_2=0.999, epsilon=1e-8, alpha=alpha))
    sgd = walk(lambda p: SGD(p, momentum=0.9, alpha=alpha))
    for name in SHAPES:
        np.testing.assert_array_equal(walk(lambda p: Adam(p, alpha=alpha))[name], adam[name])
        np.testing.assert_array_equal(walk(lambda p: SGD(p, alpha=alpha))[name], sgd[name])


@pytest.mark.parametrize("alpha", [0.0, 0.3])
def test_sgd_is_its_formula(alpha: float) -> None:
    params = walk(lambda p: SGD(p, momentum=0.7, alpha=alpha))
    for name, p in draw(0).items():
        velocity = np.zeros_like(p)
        for t, rate in enumerate(RATES, start=1):
            if not is_bias(name):
                p = p - rate * alpha * p
            velocity = 0.7 * velocity + draw(t)[name]
            p = p - rate * velocity
        np.testing.assert_allclose(params[name], p, err_msg=name, **CLOSE)


def of_torch(make: Callable[[list[Any]], Any], seeds: list[str]) -> Params:
    """The same four updates by an optimiser of PyTorch."""
    import torch

    params = {name: torch.tensor(draw(0)[name]) for name in seeds}
    optimizer = make([{"params": [p], "name": name} for name, p in params.items()])
    for k, rate in enumerate(RATES, start=1):
        for group in optimizer.param_groups:
            group["lr"] = rate
        for name, p in params.items():
            p.grad = torch.tensor(draw(k)[name])
        optimizer.step()
    return {name: p.numpy() for name, p in params.items()}


def test_adam_equals_torch() -> None:
    torch = pytest.importorskip("torch", reason="compares with an installed PyTorch")
    expected = of_torch(lambda groups: torch.optim.Adam(groups, lr=1.0), list(SHAPES))
    params = walk(Adam)
    for name, value in expected.items():
        np.testing.assert_allclose(params[name], value, err_msg=name, **CLOSE)


def test_adam_with_weight_decay_equals_torch() -> None:
    torch = pytest.importorskip("torch", reason="compares with an installed PyTorch")

    def make(groups: list[Any]) -> Any:
        for group in groups:
            group["weight_decay"] = 0.0 if is_bias(group["name"]) else 0.3
        return torch.optim.AdamW(groups, lr=1.0)

    expected = of_torch(make, list(SHAPES))
    params = walk(lambda p: Adam(p, alpha=0.3))
    for name, value in expected.items():
        np.testing.assert_allclose(params[name], value, err_msg=name, **CLOSE)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_sgd_equals_torch(momentum: float) -> None:
    torch = pytest.importorskip("torch", reason="compares with an installed PyTorch")
    expected = of_torch(lambda g: torch.optim.SGD(g, lr=1.0, momentum=momentum), list(SHAPES))
    params = walk(lambda p: SGD(p, momentum=momentum))
    for name, value in expected.items():
        np.testing.assert_allclose(params[name], value, err_msg=name, **CLOSE)


# ---------------------------------------------------------------- rows of a table

ROWS = [[0, 2, 5], [2, 3], [0], [2, 5]]
"""Rows 1 and 4 never take part."""


def row_gradients() -> list[RowGradient]:
    rng = np.random.default_rng(1)
    return [RowGradient(np.array(r), rng.standard_normal((len(r), 3)), 6) for r in ROWS]


def first_table() -> Floats:
    return np.random.default_rng(2).standard_normal((6, 3))


def test_lazy_adam_equals_torch_sparse_adam() -> None:
    torch = pytest.importorskip("torch", reason="compares with an installed PyTorch")
    params = {"table": first_table()}
    # Theirs adds epsilon before the bias correction: make it too small to matter.
    optimizer = Adam(params, epsilon=1e-30)
    table = torch.tensor(first_table())
    theirs = torch.optim.SparseAdam([table], lr=0.1, eps=1e-30)
    for gradient in row_gradients():
        optimizer.update(params, {"table": gradient}, 0.1)
        table.grad = torch.sparse_coo_tensor(
            torch.tensor(gradient.rows)[None],
            torch.tensor(gradient.values),
            (6, 3),
            check_invariants=True,
        ).coalesce()
        theirs.step()
    np.testing.assert_allclose(params["table"], table.numpy(), **CLOSE)


@pytest.mark.parametrize("make", [Adam, SGD], ids=["adam", "sgd"])
def test_rows_that_take_no_part_rest(make: Callable[..., Optimizer]) -> None:
    """Neither the row nor its moments change, not even by weight decay."""
    params = {"table": first_table()}
    optimizer = make(params, alpha=0.5)
    for gradient in row_gradients():
        before = params["table"].copy()
        moments = {name: value.copy() for name, value in optimizer.moments.items()}
        optimizer.update(params, {"table": gradient}, 0.1)
        resting = np.setdiff1d(np.arange(6), gradient.rows)
        np.testing.assert_array_equal(params["table"][resting], before[resting])
        assert (params["table"][gradient.rows] != before[gradient.rows]).all()
        for name, value in optimizer.moments.items():
            np.testing.assert_array_equal(value[resting], moments[name][resting])
            assert (value[gradient.rows] != moments[name][gradient.rows]).any()


@pytest.mark.parametrize("make", [Adam, SGD], ids=["adam", "sgd"])
def test_all_rows_equal_a_dense_gradient(make: Callable[..., Optimizer]) -> None:
    rng = np.random.default_rng(3)
    lazy, full = {"table": first_table()}, {"table": first_table()}
    of_lazy, of_full = make(lazy), make(full)
    for _ in range(3):
        values = rng.standard_normal((6, 3))
        of_lazy.update(lazy, {"table": RowGradient(np.arange(6), values.copy(), 6)}, 0.1)
        of_full.update(full, {"table": values.copy()}, 0.1)
    np.testing.assert_allclose(lazy["table"], full["table"], **CLOSE)


@pytest.mark.parametrize("make", [Adam, SGD], ids=["adam", "sgd"])
def test_gradients_are_only_read_and_types_kept(make: Callable[..., Optimizer]) -> None:
    params = {name: value.astype(np.float32) for name, value in draw(0).items()}
    gradients = {name: value.astype(np.float32) for name, value in draw(1).items()}
    kept = {name: value.copy() for name, value in gradients.items()}
    optimizer = make(params, alpha=0.1)
    optimizer.update(params, {**gradients}, 0.1)
    for name, value in gradients.items():
        np.testing.assert_array_equal(value, kept[name])
        assert params[name].dtype == np.float32
    assert all(value.dtype == np.float32 for value in optimizer.moments.values())


@pytest.mark.parametrize("make", [Adam, SGD], ids=["adam", "sgd"])
def test_parameters_without_a_gradient_rest(make: Callable[..., Optimizer]) -> None:
    params = draw(0)
    optimizer = make(params, alpha=0.5)
    optimizer.update(params, {"linear.bias": np.ones(2)}, 0.1)
    for name, value in draw(0).items():
        assert np.array_equal(params[name], value) == (name != "linear.bias")


@pytest.mark.parametrize("make", [Adam, SGD], ids=["adam", "sgd"])
def test_state_goes_on_where_it_stopped(make: Callable[..., Optimizer]) -> None:
    whole = walk(make)
    params = draw(0)
    first = make(params)
    for k in (1, 2):
        first.update(params, {**draw(k)}, RATES[k - 1])
    second = make(params)
    second.restore(first.state())
    for k in (3, 4):
        second.update(params, {**draw(k)}, RATES[k - 1])
    for name, value in whole.items():
        np.testing.assert_array_equal(params[name], value)


@pytest.mark.parametrize("make", [Adam, SGD], ids=["adam", "sgd"])
def test_a_state_that_was_taken_up_stays_as_it_was(make: Callable[..., Optimizer]) -> None:
    """So a failure on the way can go back to it."""
    params = draw(0)
    first, second = make(params), make(params)
    first.update(params, {**draw(1)}, 0.1)
    before = {name: value.copy() for name, value in first.moments.items()}
    second.restore(first.state())
    second.update(params, {**draw(2)}, 0.1)
    for name, value in before.items():
        np.testing.assert_array_equal(first.moments[name], value)
    assert (first.n_updates, second.n_updates) == (1, 2)


# -------------------------------------------------------------- norms and scaling


def test_to_dense() -> None:
    gradient = RowGradient(np.array([1, 3]), np.array([[1.0, 2.0], [3.0, 4.0]], np.float32), 5)
    expected = np.array([[0, 0], [1, 2], [0, 0], [3, 4], [0, 0]], np.float32)
    np.testing.assert_array_equal(gradient.to_dense(), expected)
    assert gradient.to_dense().dtype == np.float32


def test_scaling_and_norm() -> None:
    arrays = draw(0)
    row = RowGradient(np.array([4, 7]), np.full((2, 3), 2.0), 9)
    total = math.sqrt(sum(float((v**2).sum()) for v in arrays.values()) + 2 * 3 * 4.0)
    table = RowGradient(row.rows, row.values.copy(), 9)
    scaled: Gradients = {**draw(0), "table": table}
    assert global_norm(scaled) == pytest.approx(total)
    scale(scaled, 0.25)
    assert global_norm(scaled) == pytest.approx(total / 4)
    for name, value in arrays.items():
        np.testing.assert_array_equal(scaled[name], 0.25 * value)
    np.testing.assert_allclose(table.values, 0.25 * row.values)
