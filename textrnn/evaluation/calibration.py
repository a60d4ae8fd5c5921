"""The weight of each model of an ensemble, fitted to texts that none of them has seen."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from textrnn.nn.losses import Output, mean_one
from textrnn.typing import Floats, Ints

PENALTY = 1e-2
"""Pulls the weights to equal parts and the biases to zero: few held-out texts say little."""
ALONE = 1e-4
"""The same for one model, whose single number they do tell: it only keeps it finite."""


def fit_ensemble_weights(
    output: Output,
    parts: Sequence[Floats],
    targets: Ints,
    weights: Floats | None = None,
    *,
    start: tuple[Floats, Floats] | None = None,
) -> tuple[Floats, Floats]:
    """Weights of some models' logits whose sum has the least loss.

    Of one model alone the weight is 1 / temperature (Guo et al. 2017), and there is no bias:
    what it holds most probable stays so.

    Args:
        output: what the logits mean.
        parts: logits (n, C) of each model.
        targets: of the texts.
        weights: of the texts in the loss, shape (n,), or None.
        start: ensemble weights and bias that are near to those sought; they are found sooner.

    Returns:
        The weight of each model, from 0, shape (len(parts),), and a bias of each class, (C,).
    """
    from scipy.optimize import minimize

    logits = np.stack([part.astype(np.float64) for part in parts])
    n_parts, _, C = logits.shape
    weights = mean_one(weights)
    penalty = PENALTY if n_parts > 1 else ALONE

    def loss_and_gradient(values: Floats) -> tuple[float, Floats]:
        of_models, bias = values[:n_parts], values[n_parts:]
        loss, d_total = output.loss(combined(logits, of_models, bias), targets, weights)
        away = of_models - 1.0 / n_parts
        loss += penalty * float(np.vdot(away, away) + np.vdot(bias, bias))
        d_of_models = logits.reshape(n_parts, -1) @ d_total.ravel() + 2 * penalty * away
        d_bias = d_total.sum(axis=0) + 2 * penalty * bias
        return loss, np.concatenate([d_of_models, d_bias])

    begin = (np.full(n_parts, 1.0 / n_parts), np.zeros(C)) if start is None else start
    bias_bounds = (0.0, 0.0) if n_parts == 1 else (None, None)
    bounds = [(0.0, None)] * n_parts + [bias_bounds] * C
    solved = minimize(
        loss_and_gradient, np.concatenate(begin), jac=True, method="L-BFGS-B", bounds=bounds
    )
    return solved.x[:n_parts], solved.x[n_parts:]


def combined(logits: Floats | Sequence[Floats], of_models: Floats, bias: Floats) -> Floats:
    """Logits (n, C) of the parts' (P, n, C), their weights (P,) and a bias (C,)."""
    total: Floats = np.tensordot(of_models, np.asarray(logits), 1) + bias
    return total
