"""What fixes the shapes of a network, and which parts it is made of."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from textrnn.nn.bodies import BODIES, Body
from textrnn.nn.cells import CELLS
from textrnn.nn.heads import HEADS, Head
from textrnn.nn.inputs import EMBEDDING, Embedding, Input, OneHot, RealValued
from textrnn.nn.labelled import LabelledEmbedding, pairs_have_numbers
from textrnn.nn.losses import Output, output_of
from textrnn.nn.spelt import SpeltWords
from textrnn.nn.word_loss import WORDS
from textrnn.typing import Params


@dataclass(frozen=True)
class NetworkConfig:
    """Everything that fixes the shapes of a network.

    Attributes:
        n_classes: C; of a regression 1.
        vocabulary_size: V, the unknown word included; 0 where no words are read.
        embedding_dim: D, or None for one-hot input.
        cell: a name in ``CELLS``; None of a body without a cell.
        hidden_size: H of each direction.
        num_layers: layers of the body, one on top of the other.
        bidirectional: read each text in both directions.
        readout: a name in ``POOLINGS``, of the text head.
        dtype: ``"float32"`` for work, ``"float64"`` for proof.
        segment_length: longer documents are read in segments of at most so many words, each
            from an empty state; the readout goes over all of them (Johnson and Zhang 2016).
            None reads documents whole.
        multilabel: each document has any number of the C labels, not one of C classes.
        regression: the outputs are numbers themselves, learnt with squared error.
        head: a name in ``HEADS``: answer once for a text, at every token, or there with the word
            that comes next, one of the first C of the vocabulary.
        n_inputs: D of real-valued sequences (T, D) in place of words, or None.
        body: a name in ``BODIES``: what reads the text.
        tied: the vectors by which the next word is told are those of the embedding.
        char_dim: size of the vectors that words have of how they are spelt, or None.
        n_pieces: numbers that pieces of spellings may have; 0 without these vectors.
        n_labels: labels, with one of which each word is read; see ``LabelledEmbedding``.

    Those that have a default are what a folder of 0.1.0 need not say; all others are told by
    ``Settings``, which alone have defaults.
    """

    n_classes: int
    vocabulary_size: int
    embedding_dim: int | None
    cell: str | None
    hidden_size: int
    num_layers: int
    bidirectional: bool
    readout: str
    dtype: str
    segment_length: int | None = None
    multilabel: bool = False
    regression: bool = False
    head: str = "text"
    n_inputs: int | None = None
    body: str = "recurrent"
    tied: bool = False
    char_dim: int | None = None
    n_pieces: int = 0
    n_labels: int = 0

    def __post_init__(self) -> None:
        """Refuse outputs that mean two things, and what a body or a head does not have.

        Raises:
            ValueError: the outputs are labels and numbers at once, or a body without a cell or
                without directions has one or two, or what tells the next word has seen it; or
                words are spelt that have no vectors, or read with labels that have none, or with
                so many that a pair of both has no number.
        """
        if self.multilabel and self.regression:
            raise ValueError("multilabel and regression are both set, but a network is one of them")
        body = BODIES[self.body]
        if body.has_cell == (self.cell is None):
            needs = "needs a cell" if body.has_cell else "has no cell"
            raise ValueError(f"cell is {self.cell}, but the body {self.body} {needs}")
        if self.bidirectional and not body.has_directions:
            raise ValueError(f"bidirectional is set, but the body {self.body} has no directions")
        if HEADS[self.head].predicts_words:
            self._check_next_word()
        if self.tied and not (HEADS[self.head].predicts_words and self.embedding_dim is not None):
            raise ValueError("tied is set, but there are not both an embedding and words to tell")
        if self.char_dim is not None and (self.embedding_dim is None or self.n_pieces < 1):
            raise ValueError("char_dim is set, but words have no vectors, or pieces no numbers")
        if self.n_labels and not (self.n_labels < self.vocabulary_size and self.embedding_dim):
            raise ValueError("n_labels is set, but the embedding has no rows for labels")
        if self.n_labels and not pairs_have_numbers(self.vocabulary_size, self.n_labels):
            raise ValueError(
                f"{self.vocabulary_size} words with {self.n_labels} labels are more pairs than "
                "have numbers"
            )

    def _check_next_word(self) -> None:
        if self.multilabel or self.regression:
            raise ValueError("the next word is one of many; multilabel or regression is set")
        if self.bidirectional or self.segment_length is not None or not BODIES[self.body].has_cell:
            raise ValueError("the next word is told by a cell that reads whole texts one way")
        if self.n_classes > self.vocabulary_size:
            raise ValueError(
                f"{self.n_classes} words are predicted, but only {self.vocabulary_size} are read"
            )

    @property
    def output(self) -> Output:
        """What the logits mean."""
        if HEADS[self.head].predicts_words:
            return WORDS
        return output_of(multilabel=self.multilabel, regression=self.regression)

    @property
    def n_directions(self) -> int:
        """S."""
        return 2 if self.bidirectional else 1

    @property
    def n_features(self) -> int:
        """F, the width of what reaches the linear layer."""
        return self.make_head().n_features

    def to_dict(self) -> dict[str, Any]:
        """All values but those of later versions that are as if they were not there."""
        later = {
            "regression": False,
            "head": "text",
            "n_inputs": None,
            "body": "recurrent",
            "tied": False,
            "char_dim": None,
            "n_pieces": 0,
            "n_labels": 0,
        }
        return {
            name: value
            for name, value in asdict(self).items()
            if name not in later or value != later[name]
        }

    def make_input(self) -> Input:
        """What the first layer reads: the one place that tells the kinds apart."""
        if self.n_inputs is not None:
            return RealValued(self.n_inputs)
        if self.embedding_dim is not None and self.char_dim is not None:
            return SpeltWords(
                self.vocabulary_size,
                self.embedding_dim,
                n_pieces=self.n_pieces,
                piece_size=self.char_dim,
            )
        if self.embedding_dim is not None:
            size, D = self.vocabulary_size, self.embedding_dim
            return (
                LabelledEmbedding(size, D, self.n_labels) if self.n_labels else Embedding(size, D)
            )
        return OneHot(self.vocabulary_size, f"{BODIES[self.body].prefix}.0.W_x")

    def make_body(self, params: Params | None = None) -> Body:
        """What reads a text, over parameters if there are any yet."""
        return BODIES[self.body](
            self.make_input(),
            {} if params is None else params,
            cell=None if self.cell is None else CELLS[self.cell],
            hidden_size=self.hidden_size,
            num_layers=self.num_layers,
            n_directions=self.n_directions,
            dtype=np.dtype(self.dtype),
        )

    def make_head(self) -> Head:
        """What makes logits of the top layer's outputs."""
        body = self.make_body()
        return HEADS[self.head](
            body.n_directions,
            body.width,
            self.n_classes,
            pooling=self.readout,
            embedding=self.make_input().shapes()[EMBEDDING] if self.tied else None,
        )

    def tables(self) -> tuple[str, ...]:
        """Names of the parameters of which a batch may touch only some rows, those of its words."""
        return tuple(dict.fromkeys(self.make_input().tables + self.make_head().tables))

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Name and shape of every parameter."""
        return self.make_body().shapes() | self.make_head().shapes()
