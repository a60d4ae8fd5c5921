"""From checked texts and labels to examples: tokenised, numbered, held out and weighted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from numbers import Integral
from typing import Any

import numpy as np

from textrnn.corpora.overlap import TRAIN, VALIDATION, shared_between, warnings_of
from textrnn.errors import DataError
from textrnn.estimator.inputs import plain_labels
from textrnn.nn.targets import Targets
from textrnn.system.processes import process_count
from textrnn.system.telling import quietly, warn
from textrnn.text.encoded import EncodedTexts, encode_lists
from textrnn.text.reading import read_texts
from textrnn.text.tokenise import tokenise
from textrnn.text.tokenizers import Tokenizer, make_tokenizer, tokenizer_name
from textrnn.training.class_weight import number_classes, weighted
from textrnn.training.examples import Examples
from textrnn.training.settings import Settings
from textrnn.training.validation_split import validation_rows
from textrnn.typing import Floats
from textrnn.wording.messages import Parameter
from textrnn.wording.quoting import quoted


def examples_of(
    texts: Sequence[str], labels: Any, weights: Floats | None, classes: Any, settings: Settings
) -> Examples:
    """Tokenise texts and number their classes; the weights are those of the texts alone.

    Raises:
        DataError: a label is not among ``classes``, or the tokenizer does not return tokens.
    """
    if labels.ndim == 2:
        targets = Targets.multilabel(labels)
    else:
        numbers = number_classes(plain_labels(labels), plain_labels(classes))
        targets = Targets.hard(numbers, len(classes))
    return Examples(tokens_of(texts, settings), targets, weights)


def with_class_weight(examples: Examples, classes: Any, settings: Settings) -> Examples:
    """The examples with the weights of their classes, at a mean of 1.

    Raises:
        UsageError: ``class_weight`` has other classes.
        DataError: no text has a weight above 0.
    """
    found = weighted(examples, plain_labels(classes), settings)
    if found.weights is not None and not found.weights.any():
        raise DataError(
            "every text has weight 0 by its class; change ", Parameter("class_weight"), "."
        )
    return found


def tokens_of(texts: Sequence[str], settings: Settings) -> EncodedTexts:
    """Tokenise texts without labels, and cut them to what is read of them.

    Raises:
        DataError: the tokenizer does not return tokens.
    """
    tokenizer = make_tokenizer(settings.tokenizer, lowercase=settings.lowercase)
    if tokenizer_name(tokenizer) is None:
        found = encode_lists(checked_tokens(tokenizer, texts))
    else:
        with quietly():  # where no process can be started, the training will find that, and warn
            found = tokenise(tokenizer, texts, n_jobs=process_count(settings.n_jobs))
    return read_texts(tokenizer, found, settings.max_length)


def check_same_labels(data: Examples, n_classes: int, *, multilabel: bool) -> None:
    """Texts to validate on, or to go on with, have as many labels as those trained on.

    Raises:
        DataError: they have one label each and the others any number, or other numbers of them.
    """
    found = data.targets
    if found.is_multilabel != multilabel or found.n_classes != n_classes:
        wanted = f"(n, {n_classes})" if multilabel else "(n,)"
        raise DataError(
            f"labels of shape {found.values.shape} do not go with those trained on, of shape "
            f"{wanted}; give them in the same form."
        )


def checked_tokens(tokenizer: Tokenizer, texts: Sequence[str]) -> Iterator[list[str]]:
    """The tokens of each text by a tokenizer of the user's own.

    Raises:
        DataError: it returned something else than a list of strings.
    """
    name = getattr(tokenizer, "__qualname__", type(tokenizer).__qualname__)
    for position, text in enumerate(texts):
        tokens = tokenizer(text)
        is_list = isinstance(tokens, list | tuple | np.ndarray)
        if not is_list or not all(isinstance(token, str) for token in tokens):
            raise DataError(
                f"the tokenizer {quoted(name)} returned {quoted(tokens)} for text {position}, but "
                "must return a list of strings."
            )
        yield tokens


def tell_shared(train: Sequence[str], validation: Sequence[str]) -> None:
    """Warn of validation texts that are trained on."""
    shared = shared_between(VALIDATION, validation, TRAIN, train)
    if shared.n:
        told = warnings_of([shared], VALIDATION) or [shared.note]
        warn(told[0])


def hold_out(
    data: Examples,
    texts: Sequence[str],
    settings: Settings,
    random_state: Any,
    rng: np.random.Generator,
) -> tuple[Examples, Examples | None]:
    """Split texts into those to train on and those to choose the best epoch by.

    A whole number as ``random_state`` is the seed of the split, as ``textrnn train --seed`` is;
    otherwise ``rng`` gives one. Warns if there are too few texts to hold any out.
    """
    is_seed = isinstance(random_state, Integral)
    seed = int(random_state) if is_seed else int(rng.integers(2**31))
    held = validation_rows(texts, data.targets, settings.validation_fraction, seed=seed)
    if held.any():
        return data.take(~held), data.take(held)
    warn(
        f"{len(data)} texts ({len(set(texts))} different) are too few to hold any back: no "
        "early stopping"
    )
    return data, None
