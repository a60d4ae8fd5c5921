"""Weight updates: stochastic gradient descent with momentum, and Adam.

An optimiser owns its moments and updates parameters in place. For a table of which
only some rows took part it updates those rows and their moments alone, so a word's
moments rest while the word does not occur ("lazy" Adam).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np

from textrnn.nn.gradients import Gradients, RowGradient
from textrnn.typing import Floats, Params

DECAYED = (".W_x", ".W_h", ".W", ".context", ".weight")
"""Endings of the names of parameters that weight decay falls on: not of biases."""


class Optimizer(ABC):
    """What changes weights, and keeps all that outlives an update, by name.

    Attributes:
        n_updates: how many there were.
        moments: what is kept of them.
    """

    def __init__(self) -> None:
        self.n_updates = 0
        self.moments: Params = {}

    @abstractmethod
    def update(self, params: Params, gradients: Gradients, learning_rate: float) -> None:
        """Change every parameter that has a gradient, in place."""

    def state(self) -> dict[str, Any]:
        """All that a later run needs to go on: moments and the number of updates."""
        return {"moments": self.moments, "n_updates": self.n_updates}

    def restore(self, state: dict[str, Any]) -> None:
        """Take up the state of an earlier run."""
        self.n_updates = int(state["n_updates"])
        for name, value in state["moments"].items():
            self.moments[name][...] = value


class Descent(Optimizer):
    """Goes down the gradient, each parameter by itself, with moments of its own."""

    moment_names: tuple[str, ...] = ()

    def __init__(self, params: Params, *, alpha: float = 0.0) -> None:
        super().__init__()
        self.alpha = alpha
        self.moments = {
            f"{moment}.{name}": np.zeros_like(value)
            for moment in self.moment_names
            for name, value in params.items()
        }

    def update(self, params: Params, gradients: Gradients, learning_rate: float) -> None:
        self.n_updates += 1
        for name, gradient in gradients.items():
            moments = [self.moments[f"{moment}.{name}"] for moment in self.moment_names]
            if isinstance(gradient, RowGradient):
                rows = gradient.rows
                taken = [moment[rows] for moment in moments]
                params[name][rows] -= self._change(gradient.values, taken, learning_rate)
                for moment, value in zip(moments, taken, strict=True):
                    moment[rows] = value
                continue
            if self.alpha and name.endswith(DECAYED):
                # Decoupled from the gradient (Loshchilov and Hutter 2019).
                params[name] *= 1.0 - learning_rate * self.alpha
            params[name] -= self._change(gradient, moments, learning_rate)

    @abstractmethod
    def _change(self, gradient: Floats, moments: list[Floats], learning_rate: float) -> Floats:
        """Update the moments in place and return what to subtract from the parameter."""


class SGD(Descent):
    """Gradient descent with momentum (Sutskever et al. 2013, the form without look-ahead)."""

    moment_names = ("velocity",)

    def __init__(self, params: Params, *, momentum: float = 0.9, alpha: float = 0.0) -> None:
        super().__init__(params, alpha=alpha)
        self.momentum = momentum

    def _change(self, gradient: Floats, moments: list[Floats], learning_rate: float) -> Floats:
        (velocity,) = moments
        velocity *= self.momentum
        velocity += gradient
        return velocity * learning_rate


class Adam(Descent):
    """Adam (Kingma and Ba 2015), with decoupled weight decay when ``alpha`` is not zero."""

    moment_names = ("mean", "square")

    def __init__(
        self,
        params: Params,
        *,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        alpha: float = 0.0,
    ) -> None:
        super().__init__(params, alpha=alpha)
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon

    def _change(self, gradient: Floats, moments: list[Floats], learning_rate: float) -> Floats:
        mean, square = moments
        mean *= self.beta_1
        mean += (1.0 - self.beta_1) * gradient
        square *= self.beta_2
        square += (1.0 - self.beta_2) * (gradient * gradient)
        # Both bias corrections in two scalars, as in section 2 of the paper.
        correction = np.sqrt(1.0 - self.beta_2**self.n_updates)
        rate = float(learning_rate * correction / (1.0 - self.beta_1**self.n_updates))
        change: Floats = np.sqrt(square)
        change += float(self.epsilon * correction)
        np.divide(mean, change, out=change)
        change *= rate
        return change
