"""Learning rules by their names: a new one is a file beside these and a row in ``RULES``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from textrnn.errors import UsageError
from textrnn.nn.bodies.recurrent import RecurrentLayer
from textrnn.nn.network import Network
from textrnn.nn.optimizers import Optimizer
from textrnn.training.config import TrainingConfig, make_optimizer
from textrnn.training.regularisation import Regularisation
from textrnn.training.rules.bptt import BPTT
from textrnn.training.rules.ekf import ExtendedKalman, kalman_filter
from textrnn.training.rules.rtrl import RTRL, check_cost
from textrnn.training.rules.tbptt import TruncatedBPTT
from textrnn.training.step import LearningRule
from textrnn.training.trainable import Material, Trainable
from textrnn.typing import Params
from textrnn.wording.messages import Parameter, Setting
from textrnn.wording.quoting import quoted


@dataclass(frozen=True)
class Kind:
    """What a training knows of a rule.

    Attributes:
        configured: makes it, for a network of such numbers.
        optimizer: makes what changes the weights by what the rule tells, and keeps all that
            outlives a step.
        check: raises UsageError where a network or its texts are too large for it, or warns.
        is_one_way: whether it goes along whole texts from their beginnings.
        is_alone: whether one process trains: what it tells of parts of a batch does not add up.
        is_cut: whether it is cut off by ``k1`` and ``k2``.
        idle: settings that do nothing under it, and the value of each that says so, if it has one.
    """

    configured: Callable[[TrainingConfig, Regularisation, np.dtype[Any]], LearningRule]
    optimizer: Callable[[TrainingConfig, Params], Optimizer] = make_optimizer
    check: Callable[[TrainingConfig, Any, Any], None] = lambda *_: None
    is_one_way: bool = True
    is_alone: bool = False
    is_cut: bool = False
    idle: Mapping[str, Any] = field(default_factory=dict)


RULES: dict[str, Kind] = {
    "bptt": Kind(BPTT.configured, is_one_way=False),
    "tbptt": Kind(TruncatedBPTT.configured, is_cut=True, idle={"adversarial": 0.0}),
    "rtrl": Kind(
        RTRL.configured, check=check_cost, idle={"adversarial": 0.0, "gradient_floor": 0.0}
    ),
    "ekf": Kind(
        ExtendedKalman.configured,
        kalman_filter,
        is_alone=True,
        is_cut=True,
        idle={
            "solver": None,
            "learning_rate_init": None,
            "learning_rate": None,
            "warmup_fraction": None,
            "momentum": None,
            "alpha": 0.0,
            "max_grad_norm": None,
            "gradient_floor": 0.0,
            "adversarial": 0.0,
            # What the filter observes is to be noisy by R alone, and P remembers all updates.
            "dropout_input": 0.0,
            "dropout_readout": 0.0,
            "dropout_recurrent": 0.0,
            "dropout_embedding": 0.0,
            "ema_decay": 0.0,
        },
    ),
}


def check_training(kind: Kind, config: TrainingConfig, network: Trainable, train: Material) -> None:
    """Whether a rule can train something by some examples.

    Raises:
        UsageError: it goes along states, and layers of the network have none; or what the rule's
            own ``Kind.check`` raises.
    """
    if kind.is_one_way:
        assert isinstance(network, Network)
        body = network.body
        if not all(isinstance(layer, RecurrentLayer) for layer in body.layers):
            raise UsageError(
                Setting("rule", config.rule),
                f" goes along the states of recurrent layers, but the body {quoted(body.name)} "
                "has layers of another kind; choose another ",
                Parameter("rule"),
                ".",
            )
    kind.check(config, network, train)
