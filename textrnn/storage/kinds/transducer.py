"""An encoder-decoder: what reads a source and writes a target, with a vocabulary for each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from textrnn.inference.transduction import MOST_SYMBOLS, TransductionModel
from textrnn.nn.cells import CELLS
from textrnn.nn.transducer import Transducer, TransducerConfig
from textrnn.storage.config_fields import MOST_SIZE, MOST_WORDS
from textrnn.storage.format import TARGET_VOCABULARY, VOCABULARY, WEIGHTS
from textrnn.storage.kinds.base import Fits, Kind, Parts
from textrnn.storage.weights_validation import of_network
from textrnn.system.compact import dequantise_weights
from textrnn.system.fields import Field, check_fields, choice, flag, mapping, registered, whole
from textrnn.text.units import UNITS

KEY = "transducer"
MARKS = 1
"""Above the words of each vocabulary."""
NETWORK = {
    "source_vocabulary_size": whole(1 + MARKS, MOST_WORDS),
    "target_vocabulary_size": whole(1 + MARKS, MOST_WORDS),
    "embedding_dim": whole(1, MOST_SIZE),
    "cell": registered(CELLS),
    "hidden_size": whole(1, MOST_SIZE),
    "num_layers": whole(1, MOST_SIZE),
    "bidirectional": flag(),
    "attention_size": whole(1, MOST_SIZE),
    "dtype": choice("float32", "float64"),
}
OF_TEXTS = {
    "source_unit": choice(*UNITS),
    "target_unit": choice(*UNITS),
    "most": whole(1, MOST_SYMBOLS),
    "copies": flag(),
}


def _check(config: Mapping[str, Any]) -> None:
    check_fields(config[KEY], {**NETWORK, **OF_TEXTS}, KEY)


def _network(config: Mapping[str, Any]) -> TransducerConfig:
    return TransducerConfig(**{name: config[KEY][name] for name in NETWORK})


def _vocabularies(config: Mapping[str, Any]) -> dict[str, int]:
    network = _network(config)
    return {
        VOCABULARY: network.source_vocabulary_size - MARKS,
        TARGET_VOCABULARY: network.target_vocabulary_size - MARKS,
    }


def _arrays(config: Mapping[str, Any]) -> dict[str, Fits]:
    return {WEIGHTS: of_network(_network(config))}


def _load(parts: Parts) -> TransductionModel:
    config, shapes = parts.config, _network(parts.config)
    said = config[KEY]
    transducer = Transducer(shapes, dequantise_weights(parts.arrays(WEIGHTS), shapes.dtype))
    transducer.freeze()
    return TransductionModel(
        tokenizer=UNITS[said["source_unit"]],
        target_unit=UNITS[said["target_unit"]],
        vocabulary=parts.vocabulary(VOCABULARY),
        target_vocabulary=parts.vocabulary(TARGET_VOCABULARY),
        transducer=transducer,
        most=said["most"],
        copies=said["copies"],
        max_length=config["max_length"],
        settings=config["settings"],
    )


KIND = Kind(
    name="transducer",
    commands=("transduce predict", "transduce evaluate"),
    training="transduce train numbers",
    fields={
        KEY: mapping(),
        "classes": Field(lambda value: value == [], "an empty list"),
    },
    check=_check,
    vocabularies=_vocabularies,
    arrays=_arrays,
    load=_load,
)
