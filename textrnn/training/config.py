"""How the loop trains: the settings of a training, as they are for so many texts."""

from __future__ import annotations

from dataclasses import dataclass

from textrnn.nn.optimizers import SGD, Adam, Optimizer
from textrnn.typing import Params

SOLVERS = ("adam", "sgd")


@dataclass(frozen=True)
class TrainingConfig:
    """How to train; the names are those of ``TextRNNClassifier``."""

    solver: str = "adam"
    learning_rate_init: float = 1e-3
    momentum: float = 0.9
    learning_rate: str = "linear"
    warmup_fraction: float = 0.05
    alpha: float = 0.0
    max_grad_norm: float | None = 1.0
    batch_size: int = 32
    batch_tokens: int | None = None
    max_iter: int = 10
    max_steps: int | None = None
    """Steps after which the run ends, within an epoch too; None takes all epochs."""
    shuffle: bool = True
    dropout_input: float = 0.0
    dropout_readout: float = 0.0
    dropout_recurrent: float = 0.0
    dropout_embedding: float = 0.0
    label_smoothing: float = 0.0
    adversarial: float = 0.0
    ema_decay: float = 0.0
    """Of the average of the weights that is validated and kept; 0 keeps the weights themselves."""
    n_iter_no_change: int | None = 3
    """None waits for a third of all epochs, at least 2."""
    tol: float = 0.0
    gradient_floor: float = 1e-7
    frozen: tuple[str, ...] = ()
    """Names of parameters that keep their first values."""


def make_optimizer(config: TrainingConfig, params: Params) -> Optimizer:
    """The optimiser a configuration asks for, for all parameters that may change."""
    moving = {name: value for name, value in params.items() if name not in config.frozen}
    if config.solver == "sgd":
        return SGD(moving, momentum=config.momentum, alpha=config.alpha)
    return Adam(moving, alpha=config.alpha)
