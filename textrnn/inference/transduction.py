"""A trained transducer without its training: a text in, a text out, and how they are aligned."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from textrnn.inference.batches import length_batches
from textrnn.inference.protocol import Contents
from textrnn.nn.transducer import Transducer, Written, beam, greedy
from textrnn.system.blas import one_blas_thread
from textrnn.text.encoded import EncodedTexts
from textrnn.text.reading import Text, read_texts
from textrnn.text.units import Unit
from textrnn.text.vocabulary import Vocabulary
from textrnn.typing import Floats, Ints

TARGET_VOCABULARY = "target_vocabulary.txt"
"""The file of the symbols that are written, beside the vocabulary of those that are read."""
MOST_SYMBOLS = 100_000
"""That any model writes of a source: a stranger's may never tell the end."""
AT_ONCE = 16_384
"""Symbols of the sources that are read together, times the beginnings that are followed of each."""


class Transduced(NamedTuple):
    """What was written of a source.

    Attributes:
        text: the symbols as one text.
        symbols: of it, unknown ones copied from the source.
        source: the symbols that were read.
        log_probability: natural, of all symbols and the mark behind them.
        alignment: the weight of each symbol of the source, and of the mark behind them, as each
            symbol was written, and the mark behind these, (symbols + 1, source + 1). Rows add up
            to 1.
        is_whole: whether it came to its end before it had as many symbols as may be.
    """

    text: str
    symbols: list[str]
    source: list[str]
    log_probability: float
    alignment: Floats
    is_whole: bool


@dataclass(frozen=True)
class TransductionModel:
    """Two units, two vocabularies and a transducer.

    Attributes:
        tokenizer: a source to symbols.
        target_unit: a target to symbols, and back.
        vocabulary: symbols of sources to ids.
        target_vocabulary: symbols of targets to ids.
        transducer: ids to ids.
        most: symbols that are written at most.
        copies: whether an unknown symbol can be the answer: then that symbol of the source stands
            in its place that was looked at most.
        max_length: symbols read of each source, counted from its beginning; None reads all.
        settings: how it was trained, for those who look inside.
    """

    tokenizer: Unit
    target_unit: Unit
    vocabulary: Vocabulary
    target_vocabulary: Vocabulary
    transducer: Transducer
    most: int
    copies: bool = True
    max_length: int | None = None
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def classes(self) -> tuple[str, ...]:
        """There are none."""
        return ()

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the logits."""
        return self.transducer.dtype

    def tokens(self, texts: Iterable[Text]) -> EncodedTexts:
        """The symbols that are read of each source; see ``read_texts``."""
        return read_texts(self.tokenizer, texts, self.max_length)

    def write(self, texts: Iterable[Text], *, beam_width: int = 1) -> list[Transduced]:
        """What is written of each source, in their order.

        Args:
            texts: sources, or their symbols; one may be empty.
            beam_width: beginnings of answers that are followed at the same time; 1 takes the most
                probable symbol at each place.

        Raises:
            UsageError: ``texts`` is a bare string.
            ModelError: the weights make numbers that are not finite.
        """
        tokens = self.tokens(texts)
        encoded = with_ids(self.vocabulary, tokens)
        found: dict[int, Transduced] = {}
        with one_blas_thread(), np.errstate(over="ignore", invalid="ignore"):
            for rows in length_batches(encoded.lengths + 1, max_tokens=AT_ONCE // beam_width):
                for row, written in zip(
                    rows.tolist(), self._search(encoded, rows, beam_width), strict=True
                ):
                    found[row] = self._told(tokens[row], written)
        return [found[row] for row in range(len(tokens))]

    def _search(self, texts: EncodedTexts, rows: Ints, beam_width: int) -> list[Written]:
        """What is written of some sources, as ids."""
        sources = self.transducer.pack_sources(texts.ids, texts.starts, rows)
        never = () if self.copies else (0,)
        if beam_width == 1:
            return greedy(self.transducer, sources, max_length=self.most, never=never)
        found = beam(self.transducer, sources, width=beam_width, max_length=self.most, never=never)
        return [best for best, *_ in found]

    def _told(self, source: list[str], written: Written) -> Transduced:
        """The symbols of ids; in the place of an unknown one that of the source most looked at.

        Where there is none, of an empty source, an unknown symbol is left out with its weights.
        """
        symbols, rows = [], []
        for row, number in enumerate(written.ids.tolist()):
            if number:
                symbols.append(self.target_vocabulary.tokens[number])
            elif source:  # the mark behind its symbols, also looked at, is none to be copied
                symbols.append(source[int(written.alignment[row, : len(source)].argmax())])
            else:
                continue
            rows.append(row)
        return Transduced(
            text=self.target_unit.join(symbols),
            symbols=symbols,
            source=source,
            log_probability=written.log_probability,
            alignment=written.alignment[[*rows, len(written.ids)]],
            is_whole=len(written.ids) < self.most,
        )

    def save(self, write: Callable[[Contents], None]) -> None:
        """Hand over what a folder holds of it; see ``protocol.Model``."""
        config = {
            "transducer": {
                **self.transducer.config.to_dict(),
                "source_unit": self.tokenizer.name,
                "target_unit": self.target_unit.name,
                "most": self.most,
                "copies": self.copies,
            }
        }
        others = {
            TARGET_VOCABULARY: self.target_vocabulary.dumps().encode("utf-8", "surrogatepass")
        }
        write(
            Contents(
                config,
                self.transducer.params,
                self.transducer.config.tables(),
                self.vocabulary.dumps(),
                others=others,
            )
        )


def with_ids(vocabulary: Vocabulary, texts: EncodedTexts) -> EncodedTexts:
    """Texts with ids of a vocabulary; one without symbols stays so."""
    ids = vocabulary.encode([*texts.words])[texts.ids]
    return EncodedTexts(ids, texts.starts, vocabulary.tokens)
