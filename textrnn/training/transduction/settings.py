"""The settings of a transducer, checked: what it shares with a classifier, and its own.

What is imported at the top is light, as in ``training.settings``.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from textrnn.text.tokenizers import Tokenizer
from textrnn.text.units import AUTO, UNITS
from textrnn.training.declaration import FLAG, WHOLE, Flag, fixed, one_of, redeclared, setting
from textrnn.training.declared import NETWORK, TEXT
from textrnn.training.settings import Settings
from textrnn.typing import ClassWeight

_UNIT = one_of(lambda: (AUTO, *UNITS))
_OF_UNIT = (
    "word (what stands between blanks), char, or auto: words if they are few and frequent, else "
    "characters."
)


@dataclass(frozen=True)
class TransductionSettings(Settings):
    """Hyper-parameters; see ``TextRNNTransducer`` for what each one means."""

    structure = "a transducer"
    most_epochs = 200
    """Of 500 reversals of up to 20 letters 94 % were learned in 50 epochs, which are 750 steps."""

    source_unit: str = setting(
        AUTO, _UNIT, f"What a source is made of: {_OF_UNIT}", group=TEXT, common=True
    )
    target_unit: str = setting(
        AUTO, _UNIT, f"What a target is made of: {_OF_UNIT}", group=TEXT, common=True
    )
    copy_unknown: bool = setting(
        True,
        FLAG,
        "Copy a symbol of the source that is not known, where the alignment points to it.",
        group=TEXT,
        option="copy",
        flag=Flag(True, "no-copy"),
    )
    attention_size: int = setting(
        64, WHOLE, "Units by which the decoder weighs the words of a source.", group=NETWORK
    )

    hidden_size: int = redeclared(
        "hidden_size",
        128,
        of=Settings,
        help="Units of the decoder, and of each layer and direction of the encoder.",
    )
    embedding_dim: int = redeclared(
        "embedding_dim", 64, of=Settings, help="Size of the vectors of symbols, of both sides."
    )
    num_layers: int = redeclared("num_layers", 1, of=Settings, help="Layers of the encoder.")
    bidirectional: bool = redeclared(
        "bidirectional", True, of=Settings, help="Read each source from both ends."
    )
    max_length: int | None = redeclared(
        "max_length",
        1_000,
        of=Settings,
        help="Symbols read of each source from its beginning; {none} reads all.",
    )
    max_iter: int | None = redeclared(
        "max_iter",
        None,
        of=Settings,
        help="Epochs at most; by default as many as make some 3,000 steps, 4 to 200.",
    )
    dropout_input: float = redeclared(
        "dropout_input", 0.1, of=Settings, help="Dropout of the vectors of symbols."
    )
    dropout_readout: float = redeclared("dropout_readout", 0.1, of=Settings)
    ema_decay: float = redeclared("ema_decay", 0.99, of=Settings)

    body: str = fixed("body", "recurrent", of=Settings)
    readout: str = fixed("readout", "max", of=Settings)
    segment_length: int | None = fixed("segment_length", None, of=Settings)
    embedding: str = fixed("embedding", "random", of=Settings)
    init_from: str | os.PathLike[str] | None = fixed("init_from", None, of=Settings)
    freeze_embedding: bool = fixed("freeze_embedding", False, of=Settings)
    tokenizer: str | Tokenizer = fixed("tokenizer", "word", of=Settings)
    lowercase: bool = fixed("lowercase", False, of=Settings)
    max_df: int | float = fixed("max_df", 1.0, of=Settings)
    unknown_words: str = fixed("unknown_words", "same", of=Settings)
    ngrams: str = fixed("ngrams", "none", of=Settings)
    loss: str = fixed("loss", "once", of=Settings)
    rule: str = fixed("rule", "bptt", of=Settings)
    k1: int | None = fixed("k1", None, of=Settings)
    k2: int | None = fixed("k2", None, of=Settings)
    gradient_floor: float = fixed("gradient_floor", 0.0, of=Settings)
    dropout_recurrent: float = fixed("dropout_recurrent", 0.0, of=Settings)
    dropout_embedding: float = fixed("dropout_embedding", 0.0, of=Settings)
    adversarial: float = fixed("adversarial", 0.0, of=Settings)
    class_weight: ClassWeight = fixed("class_weight", None, of=Settings)
    threshold: float | str | None = fixed("threshold", None, of=Settings)
