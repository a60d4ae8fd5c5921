"""A corpus split and tokenised, which is where every training and every comparison begins."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from textrnn.corpora import Corpus, Split, indicator
from textrnn.corpora.overlap import Overlap, shared_texts
from textrnn.errors import DataError
from textrnn.nn.targets import Targets
from textrnn.system.processes import process_count
from textrnn.text.cache import tokenise_once
from textrnn.text.encoded import EncodedTexts
from textrnn.text.tokenizers import Tokenizer
from textrnn.training.class_weight import number_classes
from textrnn.training.validation_split import validation_rows
from textrnn.wording.messages import Advice, Message, Parameter
from textrnn.wording.quoting import quoted

Say = Callable[[str], None]
"""Receives a line about what is being done."""


def say_nothing(line: str) -> None:
    """The quiet default."""
    del line


@dataclass(frozen=True)
class Prepared:
    """A corpus with validation texts, and the tokens of all its texts.

    Attributes:
        corpus: the labelled texts; those to validate by are its own, or held out of those to
            train on.
        tokens: those of each split, by its name.
        tokenizer: what made them.
        from_cache: whether the tokens were read and not made.
        shared: what the corpus's own splits share.
    """

    corpus: Corpus
    tokens: dict[str, EncodedTexts]
    tokenizer: Tokenizer
    from_cache: bool = False
    shared: tuple[Overlap, ...] = ()

    @property
    def train(self) -> Split:
        """Texts to learn from."""
        return self.corpus.train

    @property
    def validation(self) -> Split:
        """Texts to choose by."""
        assert self.corpus.validation is not None
        return self.corpus.validation

    @property
    def test(self) -> Split | None:
        """Texts to score on, or None."""
        return self.corpus.test


def prepare(
    corpus: Corpus,
    tokenizer: Tokenizer,
    *,
    validation_fraction: float,
    seed: int,
    n_jobs: int | None = None,
    cache: bool = True,
    say: Say = say_nothing,
) -> Prepared:
    """Split a corpus into training, validation and test texts and tokenise them.

    Args:
        corpus: labelled texts.
        tokenizer: text to tokens.
        validation_fraction: share of the training texts to hold back, if the corpus has no
            validation texts of its own.
        seed: of the split.
        n_jobs: processes to tokenise with, as in scikit-learn.
        cache: keep the tokens on disk, and use those that were kept.
        say: receives a line about the corpus.

    Raises:
        DataError: too few texts to hold any back for validation.
    """
    train, validation = corpus.train, corpus.validation
    rows = {"train": np.arange(len(train))}
    if validation is None:
        targets = targets_of(train, train.classes)
        held = validation_rows(train.texts, targets, validation_fraction, seed=seed)
        train, validation = train.take(~held), train.take(held)
        rows = {"train": np.flatnonzero(~held), "validation": np.flatnonzero(held)}
    if len(validation) == 0:
        raise DataError(
            f"{len(train)} texts ({len(set(train.texts))} different) are too few to hold "
            f"{validation_fraction:.0%} of each class back for validation; bring more texts",
            Advice(" or raise ", Parameter("validation_fraction")),
            ".",
        )
    parts = {"train": train, "validation": validation, "test": corpus.test}
    sizes = ", ".join(f"{len(part):,} {name}" for name, part in parts.items() if part)
    say(f"{quoted(corpus.name)}: {sizes} texts from {quoted(corpus.source)}")
    shared = shared_texts(corpus)
    # A corpus that was loaded has these among its notes, one that a script made has not.
    for note in dict.fromkeys([*corpus.notes, *(one.note for one in shared if one.n)]):
        say(Message("note: ", note))
    # All texts in the corpus's own order, so that another split finds the same tokens kept.
    texts = list(corpus.train.texts)
    for name, part in (("validation", corpus.validation), ("test", corpus.test)):
        if part:
            rows[name] = np.arange(len(texts), len(texts) + len(part))
            texts += part.texts
    found, kept = tokenise_once(tokenizer, texts, n_jobs=process_count(n_jobs), cache=cache)
    if kept:
        say("tokens: from the cache")
    tokens = {name: found.take(rows[name]) for name, part in parts.items() if part}
    parted = replace(corpus, train=train, validation=validation)
    return Prepared(parted, tokens, tokenizer, kept, shared)


def targets_of(split: Split, classes: Sequence[str]) -> Targets:
    """The labels of a split among some classes, or its numbers.

    Raises:
        DataError: one is not among them.
    """
    if split.numeric:
        return Targets.real(split.numbers)
    if split.separator is not None:
        return Targets.multilabel(indicator(split.label_sets, classes))
    return Targets.hard(number_classes(split.labels, classes), len(classes))
