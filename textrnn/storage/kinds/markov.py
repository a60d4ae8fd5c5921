"""Markov chains, one or one for each label, and what their arrays must be to be believed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from textrnn.inference.markov import MarkovModel, chains_of
from textrnn.storage.config_fields import LONGEST_NGRAM, MOST_WORDS, SHARES, check_classes
from textrnn.storage.format import VOCABULARY, WEIGHTS
from textrnn.storage.kinds.base import Fits, Kind, Parts
from textrnn.storage.weights_validation import Wanted, check_tensors
from textrnn.system.fields import Field, check_fields, mapping, whole
from textrnn.system.strict_json import shown
from textrnn.system.weights_file import Tensors
from textrnn.typing import Params

WHOLE = ("U8", "U16", "U32", "U64")
MOST_COUNT = 2**53
"""Of all counts together: beyond it a float64 is no whole number."""


OF_CHAINS = {
    "order": whole(1, LONGEST_NGRAM),
    "n_words": whole(1, MOST_WORDS),
    "label_shares": SHARES,
}


def check_chains(config: Mapping[str, Any], of: Mapping[str, Any], where: str) -> None:
    """Check what a configuration says of its chains.

    Args:
        config: all of it.
        of: the part about the chains.
        where: it stands, in messages.

    Raises:
        ValueError: what is wrong, the value seen and what it must be.
    """
    check_fields(of, OF_CHAINS, where)
    labels, n_shares = config["classes"], len(of["label_shares"])
    if labels:
        check_classes(labels)
    if n_shares != len(labels):
        raise ValueError(
            f"{where}.label_shares is of {n_shares:,} labels, but there are {len(labels):,} classes"
        )


def fits(*, n_words: int, n_chains: int, order: int) -> Fits:
    """Checks the header of the arrays of chains; see ``inference.markov.arrays_of``."""

    def check(found: Tensors) -> None:
        if n_chains > len(found):  # so that nobody counts to a billion
            raise ValueError(f"{len(found)} tensors are too few for {n_chains:,} chains")
        wanted = {}
        for c in range(n_chains):
            n_ngrams = n_words + 1
            wanted[f"{c}.discounts"] = Wanted((order, 3), ("F64",))
            wanted[f"{c}.counts.1"] = Wanted((n_ngrams,), WHOLE)
            for n in range(2, order + 1):
                words = found.get(f"{c}.words.{n}")
                wanted[f"{c}.followers.{n}"] = Wanted((n_ngrams,), WHOLE)
                n_ngrams = words.shape[0] if words is not None and words.shape else 0
                wanted[f"{c}.words.{n}"] = Wanted((n_ngrams,), WHOLE)
                wanted[f"{c}.counts.{n}"] = Wanted((n_ngrams,), WHOLE)
        check_tensors(found, wanted)

    return check


def check_ngrams(arrays: Params) -> None:
    """Check that the arrays of chains can be n-grams, and have probabilities.

    Raises:
        ValueError: what is wrong with the first that cannot be.
    """
    for name, values in arrays.items():
        chain, what, *n = name.split(".")
        if what == "discounts":
            if not ((values > 0.0) & (values <= (1.0, 2.0, 3.0))).all():
                raise ValueError(f"{shown(name)} holds a discount that no count can give")
        elif what == "counts":
            _check_counts(name, values, of_words=n[0] == "1")
        elif what == "followers":
            _check_words(name, values, arrays[f"{chain}.words.{n[0]}"])
        elif values.max(initial=0) >= len(arrays[f"{chain}.counts.1"]):
            raise ValueError(f"{shown(name)} holds a word that there is not")


def _check_counts(name: str, counts: Any, *, of_words: bool) -> None:
    """Check that something occurred; a single word may be one that never did, an n-gram did."""
    total = float(counts.sum(dtype=np.float64))
    if not int(of_words) <= total <= MOST_COUNT or not (of_words or counts.all()):
        raise ValueError(f"{shown(name)} holds counts that cannot be")


def _check_words(name: str, followers: Any, words: Any) -> None:
    """Check that the words after each n-gram are as many as there are, and each once."""
    if float(followers.sum(dtype=np.float64)) != len(words):
        raise ValueError(f"{shown(name)} does not count the {len(words):,} n-grams")
    is_first = np.zeros(len(words) + 1, dtype=bool)
    is_first[np.cumsum(followers, dtype=np.int64)] = True
    if not ((words[1:] > words[:-1]) | is_first[1:-1]).all():
        raise ValueError(f"the words of {shown(name)} do not ascend after each n-gram")


def _check(config: Mapping[str, Any]) -> None:
    check_chains(config, config["markov"], "markov")
    if not all(isinstance(label, str) for label in config["classes"]):
        raise ValueError(f"classes is {shown(config['classes'])}, but must be texts")


def _arrays(config: Mapping[str, Any]) -> dict[str, Fits]:
    of, n_chains = config["markov"], len(config["classes"]) or 1
    return {WEIGHTS: fits(n_words=of["n_words"], n_chains=n_chains, order=of["order"])}


def _load(parts: Parts) -> MarkovModel:
    config, of = parts.config, parts.config["markov"]
    labels = tuple(config["classes"])
    return MarkovModel(
        tokenizer=parts.tokenizer(),
        vocabulary=parts.vocabulary(VOCABULARY),
        chains=chains_of(parts.arrays(WEIGHTS), n_chains=len(labels) or 1, order=of["order"]),
        labels=labels,
        label_shares=np.array(of["label_shares"], dtype=np.float64),
        settings=config["settings"],
    )


KIND = Kind(
    name="Markov chain",
    commands=("lm score", "lm next", "lm generate", "lm evaluate"),
    training="lm train agreement",
    fields={
        "markov": mapping(),
        "max_length": Field(lambda value: value is None, "null"),
    },
    check=_check,
    vocabularies=lambda config: {VOCABULARY: config["markov"]["n_words"]},
    arrays=_arrays,
    numbers=lambda arrays, _: check_ngrams(arrays),
    load=_load,
)
