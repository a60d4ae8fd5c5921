"""Texts with a target at each token, and networks that answer there: shared by tests."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.examples import texts_of
from tests.networks import network_config
from textrnn.nn.network import Network
from textrnn.nn.targets import Targets
from textrnn.training.config import TrainingConfig
from textrnn.training.examples import Examples
from textrnn.training.settings import Settings
from textrnn.typing import Floats

V = 8
PLAIN = Settings(
    learning_rate_init=0.03,
    batch_size=8,
    max_iter=6,
    dropout_input=0.0,
    dropout_readout=0.0,
    label_smoothing=0.0,
    ema_decay=0.0,
    n_iter_no_change=6,
)


def config_of(**changes: Any) -> TrainingConfig:
    """How to train on 48 short texts."""
    return Settings(**{**PLAIN.to_dict(), **changes}).training_config(48, 400)


def previous_words(
    n: int, seed: int, *, longest: int = 14, weights: Floats | bool | None = None
) -> Examples:
    """The answer at each token is the word before it, at the first one 0: it has to be remembered.

    With ``weights`` True nothing is asked at the first token, and elsewhere each counts as one.
    """
    rng = np.random.default_rng(seed)
    documents = [
        rng.integers(0, V, length).astype(np.int32) for length in rng.integers(1, longest, n)
    ]
    texts = texts_of(documents)
    before = np.concatenate([np.concatenate([[0], ids[:-1]]) for ids in documents])
    given = None
    if weights is True:
        given = np.concatenate([(np.arange(len(ids)) > 0).astype(float) for ids in documents])
    return Examples(texts, Targets.hard(before, V), given, at_tokens=True)


def network_of(seed: int = 0, **changes: Any) -> Network:
    """One that answers at every token."""
    shapes = {"embedding_dim": 6, "hidden_size": 12, "head": "token", "dtype": "float64"}
    config = network_config(V, V, **{**shapes, **changes})
    return Network.initialise(config, np.random.default_rng(seed))
