"""A network that gives each text a class, or labels, with n-grams beside it or without."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from textrnn.inference.classifier import SAME, UNKNOWN_WORDS, TextModel
from textrnn.linear.ngram_model import NGramModel
from textrnn.nn.config import NetworkConfig
from textrnn.nn.network import Network
from textrnn.storage.config_fields import (
    LONGEST_NGRAM,
    THRESHOLD,
    check_classes,
    check_network,
    check_threshold,
)
from textrnn.storage.format import NGRAMS as NGRAMS_FILE
from textrnn.storage.format import VOCABULARY, WEIGHTS
from textrnn.storage.kinds.base import Fits, Kind, Parts
from textrnn.storage.weights_validation import of_network, of_ngrams
from textrnn.system.compact import dequantise_weights
from textrnn.system.fields import Field, check_fields, choice, mapping, whole
from textrnn.text.spelling import LEFT_OUT, SPELLING_RULES


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
FIELDS = {
    "network": mapping(),
    "unknown_words": choice(*UNKNOWN_WORDS).maybe(),
    "slip": choice(*SPELLING_RULES).maybe(),
    "ngrams": mapping().or_none().maybe(),
    **THRESHOLD,
}


def _check(config: Mapping[str, Any]) -> None:
    check_network(config)
    network, ngrams = config["network"], config.get("ngrams")
    if network.get("regression", False):
        raise ValueError("target is there if, and only if, network.regression is true")
    if network["n_classes"] != len(config["classes"]):
        raise ValueError(
            f"network.n_classes is {network['n_classes']}, but there are "
            f"{len(config['classes'])} classes"
        )
    if ngrams is not None:
        check_fields(ngrams, NGRAMS, "ngrams")
        if not (ngrams["max_n"] or ngrams["char_ngrams"]):
            raise ValueError("ngrams has neither words nor characters")
    check_classes(config["classes"])
    check_threshold(config, multilabel=network["multilabel"])


def vocabularies(config: Mapping[str, Any]) -> dict[str, int]:
    """That of a network, see ``Kind``."""
    return {VOCABULARY: config["network"]["vocabulary_size"]}


def _arrays(config: Mapping[str, Any]) -> dict[str, Fits]:
    network = NetworkConfig(**config["network"])
    found = {WEIGHTS: of_network(network)}
    if config.get("ngrams"):
        found[NGRAMS_FILE] = of_ngrams(network.n_classes, multilabel=network.multilabel)
    return found


def load_network(parts: Parts) -> Network:
    """The network of a folder, never to be changed."""
    shapes = NetworkConfig(**parts.config["network"])
    network = Network(shapes, dequantise_weights(parts.arrays(WEIGHTS), shapes.dtype))
    network.freeze()
    return network


def load_text_model(parts: Parts) -> TextModel:
    """A network with all that reads texts for it."""
    config, network = parts.config, load_network(parts)
    ngrams = config.get("ngrams")
    return TextModel(
        tokenizer=parts.tokenizer(),
        vocabulary=parts.vocabulary(VOCABULARY),
        network=network,
        classes=tuple(config["classes"]),
        max_length=config["max_length"],
        settings=config["settings"],
        threshold=config.get("threshold"),
        unknown_words=config.get("unknown_words", SAME),
        spelling_rule=config.get("slip", LEFT_OUT),
        ngrams=NGramModel.of(ngrams, parts.arrays(NGRAMS_FILE)) if ngrams else None,
    )


KIND = Kind(
    name="classifier",
    commands=("predict", "evaluate"),
    training="train cars",
    fields=FIELDS,
    check=_check,
    vocabularies=vocabularies,
    arrays=_arrays,
    load=load_text_model,
    version=1,
)
