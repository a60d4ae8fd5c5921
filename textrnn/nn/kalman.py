"""The extended Kalman filter as an optimiser (Puskorius and Feldkamp 1994; Haykin 2001).

The weights are the state of a system that hardly changes, the network's outputs y what is observed
of it, and P the covariance of what is not known of the weights. From the Jacobian H of the outputs,
the answers d that are wanted and the covariance R of their noise:

    K = P H^T (H P H^T + R)^-1        w += K (d - y)        P = P - K H P + Q

All trained weights are one vector (the *global* filter), and the outputs of all texts of a batch
are observed together (*multi-stream*). There is no learning rate: P is one for each direction.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from textrnn.errors import UsageError
from textrnn.nn.gradients import Gradient, Gradients, RowGradient
from textrnn.nn.optimizers import Optimizer
from textrnn.typing import Floats, Params
from textrnn.wording.messages import Message, Parameter

LARGEST = 2**30
"""Bytes of a covariance that are too many."""
INITIAL = 100.0
"""Variance of each weight at first."""
DRIFT = 1e-6
"""What is added to each variance in an update, so that the filter goes on learning."""


class Observation(dict[str, Gradient]):
    """Outputs that were observed; as gradients, that of half their squared errors.

    Args:
        jacobian: of the outputs by all weights, (O, n), float64.
        errors: what is wanted less what the outputs are, (O,).
        noise: the variance of each, (O,).
        params: the weights, by whose names and shapes the gradients are told.
    """

    def __init__(
        self, jacobian: Floats, errors: Floats, noise: Floats, params: Mapping[str, Floats]
    ) -> None:
        self.jacobian, self.errors, self.noise = jacobian, errors, noise
        super().__init__(_unpacked(-(errors / noise) @ jacobian, params))


class KalmanFilter(Optimizer):
    """Changes weights by what is observed of the outputs, see ``Observation``.

    Args:
        params: all weights that may change.
        initial: variance of each at first.
        drift: Q, added to each in an update.

    Raises:
        UsageError: the covariance of so many weights fills more than 1 GiB.
    """

    def __init__(self, params: Params, *, initial: float = INITIAL, drift: float = DRIFT) -> None:
        super().__init__()
        self._names, self.drift = tuple(params), drift
        n = sum(value.size for value in params.values())
        if 8 * n * n > LARGEST:
            raise UsageError(_too_large(n))
        self.moments = {"covariance": initial * np.eye(n)}

    def update(self, params: Params, gradients: Gradients, learning_rate: float) -> None:
        """Take in an ``Observation``; the filter has no use for a learning rate."""
        del learning_rate
        assert isinstance(gradients, Observation)
        self.n_updates += 1
        P, H = self.moments["covariance"], gradients.jacobian
        seen = P @ H.T
        spread = H @ seen
        spread[np.diag_indices_from(spread)] += gradients.noise
        gain = np.linalg.solve(spread, seen.T).T
        change = gain @ gradients.errors
        P -= gain @ seen.T
        P += P.T.copy()  # rounding would let it part from its mirror image
        P *= 0.5
        P[np.diag_indices_from(P)] += self.drift
        own = {name: params[name] for name in self._names}
        for name, value in _unpacked(change, own).items():
            params[name] += value.astype(params[name].dtype)


def packed_gradients(gradients: Gradients, params: Mapping[str, Floats], out: Floats) -> None:
    """Write the gradients of some parameters into one vector, (n,), which holds zeros."""
    place = 0
    for name, value in params.items():
        gradient, part = gradients[name], out[place : place + value.size].reshape(value.shape)
        if isinstance(gradient, RowGradient):
            part[gradient.rows] = gradient.values
        else:
            part[...] = gradient
        place += value.size


def _unpacked(vector: Floats, params: Mapping[str, Floats]) -> dict[str, Floats]:
    """One vector as arrays of the shapes of parameters."""
    ends = np.cumsum([value.size for value in params.values()])
    parts = np.split(vector, ends[:-1])
    return {
        name: part.reshape(value.shape)
        for (name, value), part in zip(params.items(), parts, strict=True)
    }


def _too_large(n: int) -> Message:
    return Message(
        f"the Kalman filter keeps the covariance of all {n:,} weights, {8 * n * n / 2**30:.1f} "
        "GiB; choose a smaller ",
        Parameter("hidden_size"),
        ", ",
        Parameter("embedding_dim"),
        " or ",
        Parameter("max_features"),
        ", or ",
        Parameter("freeze_embedding"),
        ".",
    )
