"""Learning rules by their names: a new one is a file beside these and a row in ``RULES``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from textrnn.nn.optimizers import Optimizer
from textrnn.training.config import TrainingConfig, make_optimizer
from textrnn.training.regularisation import Regularisation
from textrnn.training.rules.bptt import BPTT
from textrnn.training.step import Rule
from textrnn.typing import Params


@dataclass(frozen=True)
class Kind:
    """What a training knows of a rule.

    Attributes:
        configured: makes it, for a network of such numbers.
        optimizer: makes what changes the weights by what the rule tells, and keeps all that
            outlives a step.
    """

    configured: Callable[[TrainingConfig, Regularisation, np.dtype[Any]], Rule]
    optimizer: Callable[[TrainingConfig, Params], Optimizer] = make_optimizer


RULES: dict[str, Kind] = {"bptt": Kind(BPTT.configured)}
