"""Whether a model's configuration can be used: types, ranges, and what belongs together.

A model folder may come from anybody. What has passed here is trusted by the code that loads it,
and nothing has been made of it before.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from textrnn.inference.bag_of_words import COUNTS, PRESENCE, TFIDF
from textrnn.inference.classifier import UNKNOWN_WORDS
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
from textrnn.text.spelling import SPELLING_RULES
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
LINEAR = {
    "name": text(100),
    "max_n": whole(1, LONGEST_NGRAM),
    "value": choice(COUNTS, PRESENCE, TFIDF),
    "one_against_rest": flag(),
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


def _are_lengths(value: Any) -> bool:
    is_length = whole(1, LONGEST_NGRAM).is_valid
    is_pair = isinstance(value, list) and len(value) == 2 and all(map(is_length, value))
    return is_pair and bool(value[0] <= value[1])


NGRAMS = {
    "max_n": whole(0, LONGEST_NGRAM),
    "char_ngrams": Field(
        _are_lengths, f"the shortest and the longest length, from 1 to {LONGEST_NGRAM}"
    ).or_none(),
}
_COMMON = {
    "format": text(),
    "format_version": whole(1),
    "textrnn_version": text(100),
    "classes": Field(lambda value: isinstance(value, list), "a list"),
    "tokenizer": mapping(),
    "max_length": whole(1).or_none(),
    "settings": mapping(),
    "threshold": number(0.0, 1.0).or_none().maybe(),
    "files": mapping(),
    "checksum": digest(),
}
OF_NETWORK = {
    **_COMMON,
    "network": mapping(),
    "unknown_words": choice(*UNKNOWN_WORDS).maybe(),
    "slip": choice(*SPELLING_RULES).maybe(),
    "ngrams": mapping().or_none().maybe(),
    "target": mapping().maybe(),
}
TARGET = {
    "mean": number(),
    "scale": Field(lambda value: is_number(value) and value > 0, "a number above 0"),
}
"""Of the numbers that a regression predicts."""
OF_LINEAR = {
    **_COMMON,
    "linear": mapping(),
    "max_length": Field(lambda value: value is None, "null"),
}


def validate_config(config: Any, files: Mapping[str, bool]) -> None:
    """Check all that a model's configuration says.

    Args:
        config: as JSON gives it.
        files: the files of a network's folder by name, and whether that of a linear model has
            them, too.

    Raises:
        ValueError: what is wrong, where, the value seen and what it must be.
    """
    is_linear = isinstance(config, dict) and "linear" in config
    check_fields(config, OF_LINEAR if is_linear else OF_NETWORK, "")
    check_fields(config["tokenizer"], TOKENIZER, "tokenizer")
    multilabel = False
    if is_linear:
        check_fields(config["linear"], LINEAR, "linear")
        names = {name for name, has in files.items() if has}
    else:
        multilabel = _check_network(config)
        names = set(files) if config.get("ngrams") else set(files) - {"ngrams.safetensors"}
    check_fields(config["files"], dict.fromkeys(sorted(names), digest()), "files")
    if "target" not in config:
        check_classes(config["classes"])
    for name, value in config["settings"].items():
        if isinstance(value, str) and not text().is_valid(value):
            raise ValueError(f"settings.{shown(name)} has {len(value):,} characters")
    check_fields(config["settings"], SETTINGS, "settings", others=True)
    n_classes = len(config["classes"])
    if config.get("threshold") is not None and n_classes != 2 and not multilabel:
        raise ValueError(
            f"threshold is {shown(config['threshold'])}, but must be null for {n_classes} classes"
        )


def unregistered(network: Any) -> str | None:
    """The part of a network that is nobody's here, if there is one: somebody else's, perhaps."""
    for part, table in (("body", BODIES), ("cell", CELLS), ("readout", POOLINGS)):
        name = network.get(part) if isinstance(network, dict) else None
        if isinstance(name, str) and name not in table:
            return f"{part} {shown(name)}, which is none of {', '.join(table)}"
    return None


def _check_network(config: Mapping[str, Any]) -> bool:
    """Check what only a network has; whether a text has any number of labels."""
    network, ngrams = config["network"], config.get("ngrams")
    check_fields(network, NETWORK, "network")
    _check_body(network)
    if network.get("regression", False) != ("target" in config):
        raise ValueError("target is there if, and only if, network.regression is true")
    if "target" in config:
        _check_regression(config)
    elif network["n_classes"] != len(config["classes"]):
        raise ValueError(
            f"network.n_classes is {network['n_classes']}, but there are "
            f"{len(config['classes'])} classes"
        )
    if ngrams is not None:
        check_fields(ngrams, NGRAMS, "ngrams")
        if not (ngrams["max_n"] or ngrams["char_ngrams"]):
            raise ValueError("ngrams has neither words nor characters")
    return bool(network["multilabel"])


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


def _check_regression(config: Mapping[str, Any]) -> None:
    """Check what only a model that predicts numbers has, and what it cannot have."""
    network = config["network"]
    check_fields(config["target"], TARGET, "target")
    for what, value, wanted in (
        ("network.n_classes", network["n_classes"], 1),
        ("network.multilabel", network["multilabel"], False),
        ("classes", config["classes"], []),
        ("ngrams", config.get("ngrams"), None),
        ("threshold", config.get("threshold"), None),
    ):
        if value != wanted:
            raise ValueError(
                f"{what} is {shown(value)}, but must be {shown(wanted)} of a regression"
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
