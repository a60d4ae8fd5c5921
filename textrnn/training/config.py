"""How the loop trains: the settings of a training, as they are for so many texts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from textrnn.nn.optimizers import SGD, Adam, Optimizer
from textrnn.typing import Params

SOLVERS = ("adam", "sgd")


@dataclass(frozen=True)
class TrainingConfig:
    """How to train: what ``Settings`` say, whose names these are and which alone have defaults."""

    loss: str
    """One of ``lesson.LOSSES``."""
    solver: str
    learning_rate_init: float
    momentum: float
    learning_rate: str
    warmup_fraction: float
    alpha: float
    max_grad_norm: float | None
    batch_size: int
    batch_tokens: int | None
    max_iter: int
    max_steps: int | None
    """Steps after which the run ends, within an epoch too; None takes all epochs."""
    shuffle: bool
    dropout_input: float
    dropout_readout: float
    dropout_recurrent: float
    dropout_embedding: float
    label_smoothing: float
    adversarial: float
    ema_decay: float
    """Of the average of the weights that is validated and kept; 0 keeps the weights themselves."""
    n_iter_no_change: int | None
    """None waits for a third of all epochs, at least 2."""
    tol: float
    gradient_floor: float
    rule: str
    """A name of ``rules.RULES``."""
    k1: int | None
    """Words between two updates of a rule that is cut off; None is as it has it."""
    k2: int | None
    """Words that such a rule goes back over at most."""
    frozen: tuple[str, ...]
    """Names of parameters that keep their first values."""

    def floor(self, dtype: np.dtype[Any]) -> float:
        """The ``gradient_floor`` of a network of such numbers."""
        # float64 is for proof: nothing is cut off there.
        return self.gradient_floor if dtype == np.float32 else 0.0


def make_optimizer(config: TrainingConfig, params: Params) -> Optimizer:
    """The optimiser a configuration asks for, for all parameters that may change."""
    moving = {name: value for name, value in params.items() if name not in config.frozen}
    if config.solver == "sgd":
        return SGD(moving, momentum=config.momentum, alpha=config.alpha)
    return Adam(moving, alpha=config.alpha)
