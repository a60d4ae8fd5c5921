"""Named settings to begin with: what to change for little time, for much, or for study.

Other settings count more than those of a preset, so that each is a place to begin.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from textrnn.errors import UsageError, did_you_mean
from textrnn.wording.messages import Parameter
from textrnn.wording.quoting import quoted

if TYPE_CHECKING:
    from textrnn.training.settings import Settings


@dataclass(frozen=True)
class Preset:
    """Settings that differ from the defaults.

    Attributes:
        summary: what it is for, in a few words.
        changes: the settings.
    """

    summary: str
    changes: Mapping[str, Any] = field(default_factory=dict)


DEFAULT = "default"
PRESETS = {
    # Steps and not epochs: their time hardly depends on the size of the corpus.
    "minute": Preset(
        "about a minute for 25,000 reviews on 2 cores",
        {"max_steps": 1_400, "segment_length": 50},
    ),
    DEFAULT: Preset("a few minutes"),
    "best": Preset(
        "long texts, some five minutes for 25,000 reviews",
        {
            "embedding": "word2vec",
            "embedding_dim": 200,
            "max_features": 60_000,
            "segment_length": 50,
            "batch_size": 64,
            "learning_rate_init": 3e-3,
            "dropout_input": 0.5,
            "ema_decay": 0.995,
            "max_steps": 800,
        },
    ),
    "paper": Preset(
        "a plain LSTM to study: one way, last state, no n-grams",
        {
            "hidden_size": 128,
            "embedding_dim": 128,
            "bidirectional": False,
            "readout": "last",
            "ngrams": "none",
            "label_smoothing": 0.0,
            "ema_decay": 0.0,
        },
    ),
}


def changes_of(name: str) -> dict[str, Any]:
    """The settings that a preset changes.

    Raises:
        UsageError: there is no preset of that name.
    """
    if name not in PRESETS:
        raise UsageError(
            Parameter("preset"),
            f" is {quoted(name)}, but must be one of {', '.join(map(repr, PRESETS))}."
            f"{did_you_mean(name, tuple(PRESETS))}",
        )
    return dict(PRESETS[name].changes)


def settings(name: str, **changes: Any) -> Settings:
    """A preset's settings, with changes that count more.

    Raises:
        UsageError: there is no preset of that name.
    """
    from textrnn.training.settings import Settings

    return Settings(**{**changes_of(name), **changes})
