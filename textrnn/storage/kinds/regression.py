"""A network that predicts a number of each text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from textrnn.inference.regression import RegressionModel
from textrnn.nn.config import NetworkConfig
from textrnn.storage.config_fields import check_network
from textrnn.storage.format import WEIGHTS
from textrnn.storage.kinds.base import Fits, Kind, Parts
from textrnn.storage.kinds.classifier import FIELDS, load_text_model, vocabularies
from textrnn.storage.weights_validation import of_network
from textrnn.system.fields import Field, check_fields, is_number, mapping, number
from textrnn.system.strict_json import shown

TARGET = {
    "mean": number(),
    "scale": Field(lambda value: is_number(value) and value > 0, "a number above 0"),
}
"""Of the numbers that are predicted."""


def _check(config: Mapping[str, Any]) -> None:
    check_network(config)
    network = config["network"]
    if not network.get("regression", False):
        raise ValueError("target is there if, and only if, network.regression is true")
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


def _arrays(config: Mapping[str, Any]) -> dict[str, Fits]:
    return {WEIGHTS: of_network(NetworkConfig(**config["network"]))}


def _load(parts: Parts) -> RegressionModel:
    return RegressionModel.of(load_text_model(parts), **parts.config["target"])


KIND = Kind(
    name="regression",
    commands=("predict", "evaluate"),
    training="train reviews.csv",
    fields={**FIELDS, "target": mapping()},
    check=_check,
    vocabularies=vocabularies,
    arrays=_arrays,
    load=_load,
    version=4,
)
