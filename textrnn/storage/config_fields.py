"""What the configurations of several kinds of models have: types, ranges, what belongs together.

A model folder may come from anybody. What has passed here is trusted by the code that loads it,
and nothing has been made of it before.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from textrnn.nn.bodies import BODIES
from textrnn.nn.cells import CELLS
from textrnn.nn.poolings import POOLINGS
from textrnn.system.fields import (
    Field,
    check_fields,
    choice,
    digest,
    flag,
    is_number,
    mapping,
    number,
    registered,
    text,
    whole,
)
from textrnn.system.strict_json import first_twice, shown
from textrnn.text.tokenizers import TOKENIZERS

MOST_WORDS = 2**31 - 1
"""Ids are of 32 bits."""
MOST_SIZE = 2**31
"""Of a layer: far more than any weights can be."""
MOST_OF_LABELS = 2**26
"""Characters of all labels, each as long as the longest."""
LONGEST_NGRAM = 10
"""Words or characters; the time for an n-gram model grows with it."""

TOKENIZER = {"name": choice(*TOKENIZERS).or_none(), "lowercase": flag()}
NETWORK = {
    "n_classes": whole(1, MOST_SIZE),
    "vocabulary_size": whole(1, MOST_WORDS),
    "embedding_dim": whole(1, MOST_SIZE).or_none(),
    "body": registered(BODIES).maybe(),
    "cell": registered(CELLS).or_none(),
    "hidden_size": whole(1, MOST_SIZE),
    "num_layers": whole(1, MOST_SIZE),
    "bidirectional": flag(),
    "readout": registered(POOLINGS),
    "dtype": choice("float32", "float64"),
    "segment_length": whole(1).or_none(),
    "multilabel": flag(),
    "regression": flag().maybe(),
}


def _are_weights(value: Any) -> bool:
    """Whether weights of classes are a name of them all, or pairs of a label and a number."""
    return isinstance(value, str | dict) or (
        isinstance(value, list)
        and all(
            isinstance(pair, list) and len(pair) == 2 and _kind(pair[0]) and is_number(pair[1])
            for pair in value
        )
    )


SETTINGS = {
    "class_weight": Field(_are_weights, "'balanced', or pairs of a label and a number")
    .or_none()
    .maybe()
}
"""Of the settings of the training, which ``training.settings`` checks, what it reads before."""


COMMON = {
    "format": text(),
    "format_version": whole(1),
    "textrnn_version": text(100),
    "classes": Field(lambda value: isinstance(value, list), "a list"),
    "tokenizer": mapping(),
    "max_length": whole(1).or_none(),
    "settings": mapping(),
    "files": mapping(),
    "checksum": digest(),
}
"""What the configurations of all models have."""
MISSED = 1e-6
"""By how much shares may miss 1 together."""


def _are_shares(value: Any) -> bool:
    are_shares = isinstance(value, list) and all(is_number(n) and 0 <= n <= 1 for n in value)
    return are_shares and (not value or abs(sum(value) - 1.0) <= MISSED)


SHARES = Field(_are_shares, "numbers from 0 that are 1 together")
"""Of labels, or of none."""
THRESHOLD = {"threshold": number(0.0, 1.0).or_none().maybe()}
"""Of those of classifiers."""


def unregistered(network: Any) -> str | None:
    """The part of a network that is nobody's here, if there is one: somebody else's, perhaps."""
    for part, table in (("body", BODIES), ("cell", CELLS), ("readout", POOLINGS)):
        name = network.get(part) if isinstance(network, dict) else None
        if isinstance(name, str) and name not in table:
            return f"{part} {shown(name)}, which is none of {', '.join(table)}"
    return None


def check_network(config: Mapping[str, Any], more: Mapping[str, Field] | None = None) -> None:
    """Check what a configuration says of its network, which may have more fields than usual.

    Raises:
        ValueError: what is wrong, the value seen and what it must be.
    """
    check_fields(config["network"], {**NETWORK, **(more or {})}, "network")
    _check_body(config["network"])


def _check_body(network: Mapping[str, Any]) -> None:
    """Check that a network has a cell, and a direction, if and only if its body has them."""
    name = network.get("body", "recurrent")
    body = BODIES[name]
    if body.has_cell == (network["cell"] is None):
        wanted = "a cell" if body.has_cell else "null"
        raise ValueError(
            f"network.cell is {shown(network['cell'])}, but must be {wanted} of the body {name}"
        )
    if network["bidirectional"] and not body.has_directions:
        raise ValueError(f"network.bidirectional is true, but must be false of the body {name}")


def check_settings(settings: Mapping[str, Any]) -> None:
    """Check settings as far as whoever shows them relies on it.

    Raises:
        ValueError: one is too long, or of another type.
    """
    for name, value in settings.items():
        if isinstance(value, str) and not text().is_valid(value):
            raise ValueError(f"settings.{shown(name)} has {len(value):,} characters")
    check_fields(settings, SETTINGS, "settings", others=True)


def check_threshold(config: Mapping[str, Any], *, multilabel: bool) -> None:
    """Check that a threshold, if there is one, is of two classes or of labels.

    Raises:
        ValueError: it is not.
    """
    n_classes = len(config["classes"])
    if config.get("threshold") is not None and n_classes != 2 and not multilabel:
        raise ValueError(
            f"threshold is {shown(config['threshold'])}, but must be null for {n_classes} classes"
        )


def check_classes(classes: list[Any]) -> None:
    """Check the labels of classes: two or more, each once, all of one kind.

    Raises:
        ValueError: they are not.
    """
    if len(classes) < 2:
        raise ValueError(f"classes is {shown(classes)}, but must be at least two")
    kinds = [_kind(label) for label in classes]
    for label, kind in zip(classes, kinds, strict=True):
        if kind is None:
            raise ValueError(f"classes has {shown(label)}, but must be texts, numbers or booleans")
        if kind != kinds[0]:
            raise ValueError(f"classes has {kinds[0]} and {kind}, but must be all of one kind")
    if len(set(classes)) < len(classes):
        raise ValueError(f"classes has {shown(first_twice(classes))} twice")
    # NumPy gives each text of an array the room of the longest.
    longest = max((len(label) for label in classes if isinstance(label, str)), default=0)
    if len(classes) * longest > MOST_OF_LABELS:
        raise ValueError(
            f"classes has {len(classes):,} texts of up to {longest:,} characters, but at most "
            f"{MOST_OF_LABELS:,} must be the product"
        )


def _kind(label: Any) -> str | None:
    if isinstance(label, str):
        return "texts"
    if isinstance(label, bool):
        return "booleans"
    if isinstance(label, int):  # as NumPy holds it
        return "numbers" if -(2**63) <= label < 2**63 else None
    return "numbers" if is_number(label) else None
