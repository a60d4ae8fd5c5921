"""Which kinds of model there are: each is a file beside this one and a row in ``OF_KEYS``.

A file is imported when a model of its kind turns up, so that one kind costs the others nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from textrnn.storage.kinds.base import Kind

OF_KEYS = {
    "linear": "bag_of_words",
    "markov": "markov",
    "markov_bayes": "markov_classifier",
    "target": "regression",
    "language_model": "language_model",
    "tagger": "tagger",
    "transducer": "transducer",
}
"""The file of each kind by what only its ``config.json`` has; a classifier has none of them."""
CLASSIFIERS = ("classifier", "regression", "bag of words", "Markov classifier")
"""Kinds of which each text gets an answer: what fulfils ``inference.protocol.Classifier``."""
LANGUAGE_MODELS = ("language model", "Markov chain")
"""Kinds that know which word comes next: what fulfils ``inference.language.LanguageModel``."""


def kind_of(config: Mapping[str, Any]) -> Kind:
    """The kind of a model, by its configuration, which need not be checked yet."""
    name = next((file for key, file in OF_KEYS.items() if key in config), "classifier")
    found: Kind = import_module(f"textrnn.storage.kinds.{name}").KIND
    return found


def all_kinds() -> list[Kind]:
    """All of them."""
    return [kind_of({}), *(kind_of({key: None}) for key in OF_KEYS)]
