"""The settings of a language model: those of any network that mean something to it, and its own."""

from __future__ import annotations

import math
import os
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from textrnn.errors import UsageError
from textrnn.training.declaration import (
    FLAG,
    SHARE,
    WHOLE,
    Flag,
    fixed,
    one_of,
    optional,
    redeclared,
    setting,
)
from textrnn.training.declared import NETWORK, ONE_HOT, TEXT, TRAINING
from textrnn.training.settings import Settings
from textrnn.wording.messages import Parameter, stated

if TYPE_CHECKING:
    from textrnn.nn.config import NetworkConfig
    from textrnn.text.tokenizers import Tokenizer
    from textrnn.training.config import TrainingConfig

WORD, CHAR = "word", "char"
UNITS = (WORD, CHAR)
EVERY_CHARACTER = "every_char"
"""The tokenizer of characters that leaves none out."""

K1_WORDS, K1_CHARACTERS = 35, 50
"""Between two updates, by the unit."""
MOST_DROPOUT, LITTLE, PER_DECADE = 0.3, 100_000, 0.1
"""The rate of dropout up to so many words, and by how much it falls with ten times as many."""


def usual_dropout(n_words: int) -> float:
    """The rate for so many words to learn from: those of a small corpus are soon known by heart."""
    rate = MOST_DROPOUT - PER_DECADE * math.log10(max(n_words, LITTLE) / LITTLE)
    return round(max(rate, 0.0), 2)


def _conditions() -> tuple[str, ...]:
    from textrnn.inference.network_language import CONDITIONS

    return CONDITIONS


@dataclass(frozen=True)
class LanguageModelSettings(Settings):
    """Hyper-parameters; see ``TextRNNLanguageModel`` for what each one means."""

    structure = "a language model"

    unit: str = setting(
        WORD,
        one_of(lambda: UNITS),
        "What is told one after the other: words, or char, every character of a text.",
        group=TEXT,
        common=True,
    )
    label_at: str = setting(
        "each",
        one_of(_conditions),
        "Where a label is read: each, with every word, which keeps texts to it; or first, in the "
        "place of the mark at a text's beginning.",
        group=NETWORK,
    )
    tied: bool = setting(
        True,
        FLAG,
        "Tell words by the vectors that they are read by, not by others.",
        group=NETWORK,
        flag=Flag(True, "untied"),
        common=True,
    )
    sampled: int | None = setting(
        600,
        optional(WHOLE),
        "Tell a word in training from so many others that are drawn by their frequency, where the "
        "vocabulary has more; {none} tells it from all. Label smoothing goes over "
        "these words alone.",
        group=TRAINING,
        zero_is_none=True,
    )
    body: str = fixed("body", "recurrent", of=Settings)
    hidden_size: int = redeclared("hidden_size", 256, of=Settings)
    embedding_dim: int = redeclared("embedding_dim", 256, of=Settings)
    bidirectional: bool = fixed("bidirectional", False, of=Settings)
    readout: str = fixed("readout", "last", of=Settings)
    segment_length: int | None = fixed("segment_length", None, of=Settings)
    init_from: str | os.PathLike[str] | None = fixed("init_from", None, of=Settings)
    max_features: int | None = redeclared("max_features", 10_000, of=Settings)
    max_length: int | None = fixed("max_length", None, of=Settings)
    unknown_words: str = fixed("unknown_words", "same", of=Settings)
    ngrams: str = fixed("ngrams", "none", of=Settings)
    loss: str = fixed("loss", "once", of=Settings)
    rule: str = redeclared("rule", "tbptt", of=Settings)
    k1: int | None = redeclared(
        "k1",
        None,
        of=Settings,
        help="Of the rule tbptt: words between two updates; by default 35, or 50 characters.",
    )
    k2: int | None = redeclared(
        "k2",
        None,
        of=Settings,
        help="Of the rule tbptt: words that are gone back over at most, by default k1.",
    )
    learning_rate_init: float = redeclared("learning_rate_init", 5e-3, of=Settings)
    dropout_input: float | None = redeclared(  # type: ignore[assignment]
        "dropout_input",
        None,
        of=Settings,
        check=optional(SHARE),
        help="Dropout of the inputs; by default the less, the more there is to learn from.",
    )
    dropout_readout: float | None = redeclared(  # type: ignore[assignment]
        "dropout_readout",
        None,
        of=Settings,
        check=optional(SHARE),
        help="Dropout of the readout; by default the less, the more there is to learn from.",
    )
    label_smoothing: float = redeclared("label_smoothing", 0.0, of=Settings)
    adversarial: float = fixed("adversarial", 0.0, of=Settings)
    gradient_floor: float = fixed("gradient_floor", 0.0, of=Settings)
    validation_fraction: float = redeclared("validation_fraction", 0.05, of=Settings)
    class_weight: Any = fixed("class_weight", None, of=Settings)
    threshold: float | str | None = fixed("threshold", None, of=Settings)

    def language_network(self, *, n_words: int, n_labels: int, embedding_dim: int) -> NetworkConfig:
        """The network that these settings describe.

        Args:
            n_words: of the vocabulary, the unknown one among them.
            n_labels: that texts are conditioned on.
            embedding_dim: of the word vectors.

        Raises:
            UsageError: pairs of a word and a label, as they are to be read, are too many.
        """
        from textrnn.nn.labelled import pairs_have_numbers

        told = n_words + 1
        config = self.network_config(
            n_classes=told, vocabulary_size=told + n_labels, embedding_dim=embedding_dim
        )
        read_with = n_labels if self.label_at == "each" else 0
        if not pairs_have_numbers(told + n_labels, read_with):
            raise UsageError(
                f"{n_words:,} words, each read with one of {n_labels:,} labels, are more pairs "
                "than can be told apart; give ",
                stated("label_at", "first"),
                " or fewer ",
                Parameter("max_features"),
                ".",
            )
        return replace(config, head="next_word", tied=self.tied, n_labels=read_with)

    def training_config(self, n_texts: int, n_words: int, **changes: Any) -> TrainingConfig:
        """The training they describe; what is left to us is by the unit, or by so many words."""
        usual: dict[str, Any] = {
            name: usual_dropout(n_words)
            for name in ("dropout_input", "dropout_readout")
            if getattr(self, name) is None
        }
        if self.rule == "tbptt":
            k1 = self.k1 or (K1_CHARACTERS if self.unit == CHAR else K1_WORDS)
            usual |= {"k1": k1, "k2": self.k2 or k1}
        return super().training_config(n_texts, n_words, **{**usual, **changes})

    def make_tokenizer(self) -> Tokenizer:
        """What cuts texts into the units that are told."""
        from textrnn.text.tokenizers import make_tokenizer

        name = EVERY_CHARACTER if self.unit == CHAR else self.tokenizer
        return make_tokenizer(name, lowercase=self.lowercase)

    def validate(self, given: Collection[str] = ()) -> None:
        """Check every value, and those that must go together; see ``Settings.validate``.

        Raises:
            UsageError: the first one that cannot work, with what could.
        """
        super().validate(given)
        if self.tied and self.embedding == ONE_HOT:
            raise UsageError(
                stated("tied", True),
                ", but one-hot words have no vectors to tell them by; leave ",
                Parameter("tied"),
                " out or choose another ",
                Parameter("embedding"),
                ".",
            )
        if self.unit == CHAR and self.tokenizer != "word":
            raise UsageError(
                stated("tokenizer", self.tokenizer),
                " cuts texts into words, but ",
                Parameter("unit"),
                f" is {CHAR}; give one of them.",
            )
