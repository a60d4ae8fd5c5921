"""What users of a tagger hand over, checked: texts as tokens, and a tag of each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from textrnn.errors import DataError
from textrnn.estimator.inputs import check_labels, check_sample_weight
from textrnn.text.tokenizers import Tokenizer
from textrnn.typing import Floats, Ints
from textrnn.wording.quoting import quoted

TaggerTexts: TypeAlias = Sequence[Sequence[str]] | Iterable[Sequence[str]]
"""Texts as lists of tokens; or strings, which are cut by the tokenizer."""


class TaggedInput(NamedTuple):
    """Checked texts with their tags."""

    tokens: list[list[str]]
    tags: Any
    """Of all tokens, text after text: an array (n_tokens,) of one kind."""
    weights: Floats | None
    """Of each text, (n_texts,)."""


def check_tokens(X: Any, tokenizer: Tokenizer, name: str = "X") -> list[list[str]]:
    """The tokens of each text in ``X``, which the user calls ``name``.

    Raises:
        DataError: it is a bare string, or a text is neither a string nor a list of strings.
    """
    if isinstance(X, str | bytes):
        raise DataError(
            f"{name} is a single {type(X).__name__}, but must be a list of texts: write [text]."
        )
    try:
        texts = list(X)
    except TypeError:
        raise DataError(f"{name} is {type(X).__name__}, but must be a list of texts.") from None
    found = []
    for number, text in enumerate(texts):
        tokens = tokenizer(text) if isinstance(text, str) else text
        is_list = isinstance(tokens, list | tuple | np.ndarray)
        if not is_list or not all(isinstance(token, str) for token in tokens):
            raise DataError(
                f"text {number} of {name} is {quoted(text)} ({type(text).__name__}), but must be a "
                "list of tokens, or a string."
            )
        found.append([str(token) for token in tokens])
    return found


def check_tagged(
    X: Any, y: Any, sample_weight: Any, tokenizer: Tokenizer, name: str = "X"
) -> TaggedInput:
    """Checked texts, tags and weights, without the texts of weight 0.

    Raises:
        DataError: the texts or tags cannot be used, or do not go together.
        ValueError: the weights cannot be used; see ``check_sample_weight``.
    """
    tokens = check_tokens(X, tokenizer, name)
    if y is None:
        raise DataError("y is None, but must be the tags of each text, one for each token.")
    tags = check_tag_lists(y, tokens)
    weights = None
    if sample_weight is not None:
        weights = check_sample_weight(sample_weight, np.arange(len(tokens)))
        kept = np.flatnonzero(weights)
        tokens, tags, weights = [tokens[i] for i in kept], [tags[i] for i in kept], weights[kept]
    flat = [tag for own in tags for tag in own]
    if not flat:
        raise DataError(f"{name} has no token with a tag: there is nothing to learn from.")
    return TaggedInput(tokens, check_labels(flat), weights)


def check_tag_lists(y: Any, tokens: Sequence[Sequence[str]]) -> list[list[Any]]:
    """The tags of each text, one for each of its tokens.

    Raises:
        DataError: they are not lists, or of other lengths than those of the texts.
    """
    if isinstance(y, str) or not hasattr(y, "__iter__"):
        raise DataError(f"y is {quoted(y)}, but must be the tags of each text, a list of each.")
    tags = list(y)
    if len(tags) != len(tokens):
        raise DataError(f"X has {len(tokens)} texts, but y has tags of {len(tags)}.")
    for number, (own, given) in enumerate(zip(tokens, tags, strict=True)):
        if isinstance(given, str) or not hasattr(given, "__len__"):
            raise DataError(
                f"the tags of text {number} are {quoted(given)}, but must be a list: a tag of each "
                "token."
            )
        if len(given) != len(own):
            raise DataError(f"text {number} has {len(own)} tokens, but {len(given)} tags.")
    return [list(given) for given in tags]


def tag_numbers(tags: Any, classes: Any) -> Ints:
    """The number of each tag (n,) among sorted classes (C,).

    Raises:
        DataError: one is not among them.
    """
    if len(tags) and np.asarray(tags).dtype.kind != np.asarray(classes).dtype.kind:
        raise DataError(f"the tag {quoted(tags[0])} is of another kind than those of training.")
    places: Ints = np.minimum(np.searchsorted(classes, tags), len(classes) - 1)
    strange = np.flatnonzero(classes[places] != tags)
    if len(strange):
        raise DataError(f"the tag {quoted(tags[strange[0]])} is of no token to learn from.")
    return places
