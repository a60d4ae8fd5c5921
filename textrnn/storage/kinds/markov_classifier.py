"""A classifier by Bayes' rule over Markov chains, as a baseline is saved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from textrnn.inference.markov import chains_of
from textrnn.inference.markov_classifier import MarkovClassifier
from textrnn.storage.config_fields import THRESHOLD, check_classes, check_threshold
from textrnn.storage.format import VOCABULARY, WEIGHTS
from textrnn.storage.kinds.base import Fits, Kind, Parts
from textrnn.storage.kinds.markov import check_chains, check_ngrams, fits
from textrnn.system.fields import Field, mapping
from textrnn.system.strict_json import shown


def _check(config: Mapping[str, Any]) -> None:
    check_classes(config["classes"])
    check_chains(config, config["markov_bayes"], "markov_bayes")
    if not all(config["markov_bayes"]["label_shares"]):
        shares = shown(config["markov_bayes"]["label_shares"])
        raise ValueError(f"markov_bayes.label_shares is {shares}, but must be above 0")
    check_threshold(config, multilabel=False)


def _arrays(config: Mapping[str, Any]) -> dict[str, Fits]:
    of, n_chains = config["markov_bayes"], len(config["classes"])
    return {WEIGHTS: fits(n_words=of["n_words"], n_chains=n_chains, order=of["order"])}


def _load(parts: Parts) -> MarkovClassifier:
    config, of = parts.config, parts.config["markov_bayes"]
    classes = tuple(config["classes"])
    return MarkovClassifier(
        tokenizer=parts.tokenizer(),
        vocabulary=parts.vocabulary(VOCABULARY),
        chains=chains_of(parts.arrays(WEIGHTS), n_chains=len(classes), order=of["order"]),
        prior=np.array(of["label_shares"], dtype=np.float64),
        classes=classes,
        settings=config["settings"],
        threshold=config.get("threshold"),
    )


KIND = Kind(
    name="Markov classifier",
    commands=("predict", "evaluate"),
    training="compare cars",
    fields={
        "markov_bayes": mapping(),
        "max_length": Field(lambda value: value is None, "null"),
        **THRESHOLD,
    },
    check=_check,
    vocabularies=lambda config: {VOCABULARY: config["markov_bayes"]["n_words"]},
    arrays=_arrays,
    numbers=lambda arrays, _: check_ngrams(arrays),
    load=_load,
)
