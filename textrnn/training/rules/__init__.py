"""Learning rules by their names: a new one is a file beside these and a row in ``RULES``."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from textrnn.training.config import TrainingConfig
from textrnn.training.regularisation import Regularisation
from textrnn.training.rules.bptt import BPTT
from textrnn.training.step import LearningRule


class Configured(Protocol):
    """What makes a rule for a training."""

    def configured(
        self, config: TrainingConfig, regularisation: Regularisation, dtype: np.dtype[Any]
    ) -> LearningRule:
        """The rule for a network of such numbers."""


RULES: dict[str, Configured] = {"bptt": BPTT}
