"""What users of a language model hand over, checked: texts, labels, a model to go on with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from textrnn.errors import DataError, UsageError
from textrnn.estimator.inputs import check_labels, check_texts
from textrnn.estimator.preparation import checked_tokens
from textrnn.inference.network_language import NetworkLanguageModel
from textrnn.system.processes import process_count
from textrnn.system.telling import quietly
from textrnn.text.encoded import EncodedTexts, encode_lists
from textrnn.text.tokenise import tokenise
from textrnn.text.tokenizers import tokenizer_name
from textrnn.training.examples import Examples
from textrnn.training.language.settings import LanguageModelSettings
from textrnn.training.language.stages import texts_to_learn
from textrnn.typing import Ints
from textrnn.wording.messages import Setting, stated
from textrnn.wording.quoting import listed, quoted

OF_MODEL = (
    *("cell", "hidden_size", "num_layers", "embedding", "embedding_dim", "tied", "label_at"),
    *("unit", "tokenizer", "lowercase", "dtype"),
)
"""Settings that are built into a model and cannot change when its training goes on."""


def check_labelled_texts(X: Any, y: Any) -> tuple[list[str], list[str] | None]:
    """The texts that are not empty, and their labels if there are any.

    Raises:
        DataError: they cannot be used.
    """
    texts = check_texts(X)
    if y is None:
        return [text for text in texts if text.strip()], None
    labels = labels_of_texts(y, len(texts))
    kept = [i for i, text in enumerate(texts) if text.strip()]
    return [texts[i] for i in kept], [labels[i] for i in kept]


def labels_of_texts(y: Any, n: int) -> list[str]:
    """Labels of n texts, each a string.

    Raises:
        DataError: there are more or fewer, or they are none.
    """
    labels = [str(label) for label in check_labels(y).tolist()] if n or len(y) else []
    if len(labels) != n:
        raise DataError(f"X has {n} texts, but y has {len(labels)} labels.")
    return labels


def known_labels(labels: Sequence[str] | None) -> tuple[str, ...]:
    """The distinct labels to condition on, sorted; none if there are none.

    Raises:
        DataError: there is one alone.
    """
    known = tuple(sorted(set(labels or ())))
    if len(known) == 1:
        raise DataError(
            f"y has one label only, {quoted(known[0])}, on which nothing depends; leave it out."
        )
    return known


def label_numbers(labels: Sequence[str], known: Sequence[str]) -> Ints:
    """The number of each label among those that a model has.

    Raises:
        DataError: one is not among them.
    """
    numbers = {label: number for number, label in enumerate(known)}
    strange = next((label for label in labels if label not in numbers), None)
    if strange is not None:
        has = listed(known) if known else "none"
        raise DataError(f"y has the label {quoted(strange)}; the model's labels are: {has}.")
    return np.array([numbers[label] for label in labels], np.int64)


def texts_with_labels(
    texts: Sequence[str],
    labels: Sequence[str] | None,
    known: Sequence[str],
    settings: LanguageModelSettings,
) -> Examples:
    """Tokenised texts, with the number of the label of each."""
    if (labels is None) == bool(known):
        has = f"the labels {listed(known)}" if known else "no labels"
        raise DataError(f"the texts to learn have {has}; give all texts in the same form.")
    numbers = None if labels is None else label_numbers(labels, known)
    return texts_to_learn(_tokens(texts, settings), numbers, len(known))


def _tokens(texts: Sequence[str], settings: LanguageModelSettings) -> EncodedTexts:
    tokenizer = settings.make_tokenizer()
    if tokenizer_name(tokenizer) is None:
        return encode_lists(checked_tokens(tokenizer, texts))
    with quietly():  # where no process can be started, the training will find that, and warn
        return tokenise(tokenizer, texts, n_jobs=process_count(settings.n_jobs))


def check_goes_on(model: NetworkLanguageModel, settings: LanguageModelSettings) -> None:
    """A warm start keeps vocabulary and network: their settings must be the same.

    Raises:
        UsageError: one is not.
    """
    now = settings.to_dict()
    for name in OF_MODEL:
        if model.settings.get(name, now[name]) != now[name]:
            raise UsageError(
                stated(name, now[name]),
                f", but was {quoted(model.settings[name])} when the model that warm_start goes on "
                "with was made; set ",
                Setting("warm_start", False),
                " to begin anew.",
            )
