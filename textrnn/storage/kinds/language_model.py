"""A network that tells the next word, conditioned on labels or not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from textrnn.inference.network_language import NetworkLanguageModel
from textrnn.nn.config import NetworkConfig
from textrnn.storage.config_fields import MOST_WORDS, SHARES, check_classes, check_network
from textrnn.storage.format import VOCABULARY, WEIGHTS
from textrnn.storage.kinds.base import Fits, Kind, Parts
from textrnn.storage.kinds.classifier import load_network
from textrnn.storage.weights_validation import of_network
from textrnn.system.fields import Field, check_fields, choice, flag, mapping, whole
from textrnn.system.strict_json import shown

OF_LANGUAGE_MODEL = {
    "label_shares": SHARES,
}
OF_NETWORK = {
    "head": choice("next_word"),
    "tied": flag().maybe(),
    "n_labels": whole(0, MOST_WORDS).maybe(),
}


def _check(config: Mapping[str, Any]) -> None:
    check_network(config, OF_NETWORK)
    check_fields(config["language_model"], OF_LANGUAGE_MODEL, "language_model")
    network, labels = config["network"], config["classes"]
    if labels:
        check_classes(labels)
    if not all(isinstance(label, str) for label in labels):
        raise ValueError(f"classes is {shown(labels)}, but must be texts")
    n_labels, n_words = len(labels), _vocabularies(config)[VOCABULARY]
    for what, value, wanted in (
        ("language_model.label_shares", len(config["language_model"]["label_shares"]), n_labels),
        ("network.n_labels", network.get("n_labels", 0) or n_labels, n_labels),
    ):
        if value != wanted:
            raise ValueError(f"{what} is of {value:,} labels, but there are {wanted:,} classes")
    if n_words < 1 or network["n_classes"] != n_words + 1:
        raise ValueError(
            f"network.n_classes is {network['n_classes']:,}, but must be that of the "
            f"{n_words:,} words and the end"
        )
    NetworkConfig(**network)  # knows what does not go together


def _vocabularies(config: Mapping[str, Any]) -> dict[str, int]:
    """Beside words there are an end, and labels; see ``NetworkLanguageModel``."""
    return {VOCABULARY: config["network"]["vocabulary_size"] - 1 - len(config["classes"])}


def _arrays(config: Mapping[str, Any]) -> dict[str, Fits]:
    return {WEIGHTS: of_network(NetworkConfig(**config["network"]))}


def _load(parts: Parts) -> NetworkLanguageModel:
    config = parts.config
    return NetworkLanguageModel(
        tokenizer=parts.tokenizer(),
        vocabulary=parts.vocabulary(VOCABULARY),
        network=load_network(parts),
        labels=tuple(config["classes"]),
        label_shares=np.array(config["language_model"]["label_shares"], np.float64),
        settings=config["settings"],
    )


KIND = Kind(
    name="language model",
    commands=("lm score", "lm next", "lm generate", "lm evaluate"),
    training="lm train agreement",
    fields={
        "language_model": mapping(),
        "network": mapping(),
        "max_length": Field(lambda value: value is None, "null"),
    },
    check=_check,
    vocabularies=_vocabularies,
    arrays=_arrays,
    load=_load,
)
