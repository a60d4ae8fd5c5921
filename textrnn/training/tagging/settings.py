"""The settings of a tagger: those of a classifier, but for what answers once a text."""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from textrnn.errors import UsageError
from textrnn.training.declaration import WHOLE, fixed, optional, redeclared, setting
from textrnn.training.declared import NETWORK, ONE_HOT
from textrnn.training.settings import Settings
from textrnn.wording.messages import Parameter, Setting, stated

if TYPE_CHECKING:
    from textrnn.nn.config import NetworkConfig
    from textrnn.text.tokenizers import Tokenizer
    from textrnn.typing import ClassWeight

N_PIECES = 2**14
"""Rows of the table of pieces: English has some 10,000 in a million words, and those that share a
row are rare."""
OVER_WORDS = ("rtrl", "ekf")
"""Rules that follow a table by its words, one row for each."""


@dataclass(frozen=True)
class TaggingSettings(Settings):
    """Hyper-parameters of a tagger; see ``TextRNNTagger`` for what each one means."""

    structure: ClassVar[str] = "a tagger"

    readout: str = fixed("readout", "last", of=Settings)
    segment_length: int | None = fixed("segment_length", None, of=Settings)
    max_length: int | None = fixed("max_length", None, of=Settings)
    unknown_words: str = fixed("unknown_words", "same", of=Settings)
    ngrams: str = fixed("ngrams", "none", of=Settings)
    loss: str = fixed("loss", "once", of=Settings)
    init_from: str | os.PathLike[str] | None = fixed("init_from", None, of=Settings)
    class_weight: ClassWeight = fixed("class_weight", None, of=Settings)
    threshold: float | str | None = fixed("threshold", None, of=Settings)
    tokenizer: str | Tokenizer = redeclared(
        "tokenizer",
        "blank",
        of=Settings,
        help="How texts are cut that are no lists of tokens: blank, word, char or jieba.",
        is_common=False,
    )
    lowercase: bool = redeclared(
        "lowercase",
        False,
        of=Settings,
        help="Ignore the case of words, though not of how they are spelt.",
        option="lowercase",
        flag=None,
    )
    learning_rate_init: float = redeclared("learning_rate_init", 4e-3, of=Settings)
    dropout_input: float = redeclared("dropout_input", 0.2, of=Settings)
    dropout_readout: float = redeclared("dropout_readout", 0.3, of=Settings)
    label_smoothing: float = redeclared("label_smoothing", 0.0, of=Settings)
    char_dim: int | None = setting(
        50,
        optional(WHOLE),
        "Size of the vectors that words have of their beginnings, ends and shape, by which unknown "
        "ones are told apart; {none} has none.",
        group=NETWORK,
        zero_is_none=True,
        common=True,
    )

    def validate(self, given: Collection[str] = ()) -> None:
        """Check every value, and those that must go together; see ``Settings.validate``."""
        super().validate(given)
        if self.char_dim is None:
            return
        told = " has no vectors of words beside which those of their spelling could stand; "
        if self.embedding == ONE_HOT:
            raise UsageError(
                Setting("embedding", ONE_HOT), told, "add ", stated("char_dim", None), "."
            )
        if self.rule in OVER_WORDS:
            raise UsageError(
                Setting("rule", self.rule),
                " follows one row for each word, but how a word is spelt has several; set ",
                Parameter("char_dim"),
                " to none, or choose another ",
                Parameter("rule"),
                ".",
            )

    def tagger_config(self, *, n_tags: int, vocabulary_size: int, word_dim: int) -> NetworkConfig:
        """The network these settings describe, for so many tags and words."""
        from dataclasses import replace

        config = self.network_config(
            n_classes=n_tags, vocabulary_size=vocabulary_size, embedding_dim=word_dim
        )
        more: dict[str, Any] = {"head": "token"}
        if self.char_dim is not None:
            more |= {"char_dim": self.char_dim, "n_pieces": N_PIECES}
        return replace(config, **more)
