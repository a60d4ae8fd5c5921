"""A linear model over n-grams of words, as a baseline is saved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from textrnn.inference.bag_of_words import COUNTS, PRESENCE, TFIDF, LinearModel
from textrnn.storage.config_fields import (
    LONGEST_NGRAM,
    THRESHOLD,
    check_classes,
    check_threshold,
)
from textrnn.storage.format import WEIGHTS
from textrnn.storage.kinds.base import Fits, Kind, Parts
from textrnn.storage.weights_validation import of_linear
from textrnn.system.fields import Field, check_fields, choice, flag, mapping, text, whole

LINEAR = {
    "name": text(100),
    "max_n": whole(1, LONGEST_NGRAM),
    "value": choice(COUNTS, PRESENCE, TFIDF),
    "one_against_rest": flag(),
}


def _check(config: Mapping[str, Any]) -> None:
    check_fields(config["linear"], LINEAR, "linear")
    check_classes(config["classes"])
    check_threshold(config, multilabel=False)


def _arrays(config: Mapping[str, Any]) -> dict[str, Fits]:
    return {WEIGHTS: of_linear(len(config["classes"]), config["linear"]["value"])}


def _load(parts: Parts) -> LinearModel:
    config = parts.config
    return LinearModel.of(
        config["linear"],
        parts.arrays(WEIGHTS),
        tokenizer=parts.tokenizer(),
        classes=config["classes"],
        settings=config["settings"],
        threshold=config.get("threshold"),
    )


KIND = Kind(
    name="bag of words",
    commands=("predict", "evaluate"),
    training="compare cars",
    fields={
        "linear": mapping(),
        "max_length": Field(lambda value: value is None, "null"),
        **THRESHOLD,
    },
    check=_check,
    vocabularies=lambda _: {},
    arrays=_arrays,
    load=_load,
    version=1,
)
