"""A network that gives each token of a text a tag."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from textrnn.inference.tagger import USUAL, TaggerModel
from textrnn.nn.config import NetworkConfig
from textrnn.nn.network import Network
from textrnn.storage.config_fields import MOST_SIZE, check_classes, check_network
from textrnn.storage.format import VOCABULARY, WEIGHTS
from textrnn.storage.kinds.base import Fits, Kind, Parts
from textrnn.storage.weights_validation import Wanted, check_tensors, of_network
from textrnn.system.compact import dequantise_weights
from textrnn.system.fields import Field, check_fields, choice, flag, mapping, whole
from textrnn.system.strict_json import shown
from textrnn.system.weights_file import Tensors
from textrnn.typing import Params

OF_NETWORK = {
    "head": choice("token"),
    "char_dim": whole(1, MOST_SIZE).maybe(),
    "n_pieces": whole(1, MOST_SIZE).maybe(),
}
"""What its network says beside that of a classifier."""
TAGGER = {"lowercase": flag()}


def _check(config: Mapping[str, Any]) -> None:
    check_network(config, OF_NETWORK)
    check_fields(config["tagger"], TAGGER, "tagger")
    check_classes(config["classes"])
    network, n_tags = config["network"], len(config["classes"])
    for name, wanted in {
        "n_classes": n_tags,
        "multilabel": False,
        "segment_length": None,
    }.items():
        if network[name] != wanted:
            raise ValueError(
                f"network.{name} is {shown(network[name])}, but must be {shown(wanted)} of a "
                f"tagger with {n_tags} tags"
            )
    if network.get("regression", False):
        raise ValueError("network.regression is true, but tags are no numbers")
    if ("char_dim" in network) != ("n_pieces" in network):
        raise ValueError("network has one of char_dim and n_pieces, but must have both or none")
    if "char_dim" in network and network["embedding_dim"] is None:
        raise ValueError("network.embedding_dim is null, but spelt words must have vectors")


def _arrays(config: Mapping[str, Any]) -> dict[str, Fits]:
    network = NetworkConfig(**config["network"])

    def fits(found: Tensors) -> None:
        of_network(network)({name: one for name, one in found.items() if name != USUAL})
        usual = {name: one for name, one in found.items() if name == USUAL}
        check_tensors(usual, {USUAL: Wanted((network.vocabulary_size,), ("U32",))})

    return {WEIGHTS: fits}


def _numbers(arrays: Params, config: Mapping[str, Any]) -> None:
    n_tags = len(config["classes"])
    if int(arrays[USUAL].max()) >= n_tags:
        raise ValueError(f"{USUAL} has a number that is none of the {n_tags} tags")


def _load(parts: Parts) -> TaggerModel:
    config, arrays = parts.config, parts.arrays(WEIGHTS)
    usual = arrays.pop(USUAL)
    shapes = NetworkConfig(**config["network"])
    network = Network(shapes, dequantise_weights(arrays, shapes.dtype))
    network.freeze()
    return TaggerModel(
        tokenizer=parts.tokenizer(),
        vocabulary=parts.vocabulary(VOCABULARY),
        network=network,
        classes=tuple(config["classes"]),
        usual=usual.astype(np.int32),
        settings=config["settings"],
        lowercase=config["tagger"]["lowercase"],
    )


KIND = Kind(
    name="tagger",
    commands=("tag predict", "tag evaluate"),
    training="tag train grammar",
    fields={
        "network": mapping(),
        "tagger": mapping(),
        "max_length": Field(lambda value: value is None, "null"),
    },
    check=_check,
    vocabularies=lambda config: {VOCABULARY: config["network"]["vocabulary_size"]},
    arrays=_arrays,
    numbers=_numbers,
    load=_load,
)
