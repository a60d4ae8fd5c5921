"""Teacher forcing: the decoder reads the right symbols, and is asked at each for the next one.

Its gradient is exact, back through all symbols of the target and, by way of the attention, of the
source. The loss of a pair is the mean over the symbols of its target and the mark behind them, so
that a short pair counts as much as a long one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from textrnn.nn.packed import PackedBatch
from textrnn.nn.transducer import Transducer
from textrnn.nn.word_loss import WORDS
from textrnn.nn.workspace import Workspace
from textrnn.training.config import TrainingConfig
from textrnn.training.regularisation import Regularisation
from textrnn.training.rules import Kind
from textrnn.training.step import BatchOf, BatchSums, Judged, Told
from textrnn.training.transduction.pairs import EncodedPairs, drop_to_unknown
from textrnn.typing import Floats, Ids, Ints

ROOM = 2**24
"""Logits that are made at once where epochs are judged: those of all pairs would be as many as
their symbols, times the vocabulary."""


@dataclass(frozen=True)
class TeacherForcing:
    """The learning rule of a transducer; see ``step.LearningRule``.

    Attributes:
        regularisation: dropout and the like; its unknown symbols are those of the sources.
        twins: for each id of the sources the id that targets have of the same symbol, (V,).
        frozen: names of parameters that get no gradient: none.
    """

    regularisation: Regularisation = field(default_factory=Regularisation)
    twins: Ids = field(default_factory=lambda: np.zeros(1, np.int32))
    frozen: tuple[str, ...] = ()
    is_online: ClassVar[bool] = False

    @classmethod
    def kind(cls, twins: Ids) -> Kind:
        """What a training knows of it, for symbols that have such twins."""

        def configured(
            config: TrainingConfig, regularisation: Regularisation, dtype: np.dtype[Any]
        ) -> TeacherForcing:
            del config, dtype
            return cls(regularisation, twins)

        return Kind(configured, is_one_way=False)

    def steps(self, network: Transducer, batch: BatchOf[EncodedPairs]) -> Iterator[Told]:
        """Forward and backward over the pairs of a batch, once."""
        pairs, unknown = batch.examples, self.regularisation.unknown_probabilities
        if unknown is not None:
            pairs = drop_to_unknown(pairs, unknown, self.twins, batch.rng)
        sources, targets, wanted = packed(network, pairs)
        logits, cache = network.forward(
            sources,
            targets,
            dropout=self.regularisation.dropout(batch.rng),
            workspace=batch.workspace,
        )
        loss, d_logits = WORDS.loss(
            logits,
            wanted,
            shares(targets, network.dtype),
            batch_size=batch.size,
            label_smoothing=self.regularisation.label_smoothing,
        )
        gradients = network.backward(d_logits, cache)
        right = float(all_right(logits, wanted, targets).sum())
        yield BatchSums(loss * batch.size, right, pairs.n_tokens, pairs.n_tokens), gradients


@dataclass(frozen=True)
class Judge:
    """Finds sums over pairs of their losses, and of answers that are right as a whole.

    An answer is what the decoder writes by itself, at each place the most probable symbol. As ids,
    it is right if, and only if, at each place the right symbol is the most probable one after those
    before it: for this the target need be read but once, and nothing be written. As texts, no more
    are right than that: of an unknown symbol it is not asked whether the one that is copied in its
    place is the right one, nor whether a target is longer than answers may be. The loss is found as
    in training.

    Attributes:
        copies: whether an unknown symbol can be the answer, see ``TransductionModel``.
    """

    copies: bool

    def __call__(self, network: Transducer, pairs: EncodedPairs, workspace: Workspace) -> Judged:
        """See ``step.Judge``."""
        longest = int(pairs.targets.lengths.max()) + 1
        at_once = max(1, ROOM // (network.config.target_vocabulary_size * longest))
        loss = right = 0.0
        for begin in range(0, len(pairs), at_once):
            some = pairs.take(np.arange(begin, min(begin + at_once, len(pairs))))
            found = self._judged(network, some, workspace)
            loss, right = loss + found[0], right + found[1]
        return Judged(loss, right, float(len(pairs)))

    def _judged(
        self, network: Transducer, pairs: EncodedPairs, workspace: Workspace
    ) -> tuple[float, float]:
        """The sums over so few pairs that there is room for all of their logits."""
        sources, targets, wanted = packed(network, pairs)
        logits, _ = network.forward(sources, targets, workspace=workspace)
        loss, _ = WORDS.loss(logits, wanted, shares(targets, network.dtype), batch_size=1)
        if not self.copies:
            logits[:, 0] = -np.inf
        return loss, float(all_right(logits, wanted, targets).sum())


def packed(network: Transducer, pairs: EncodedPairs) -> tuple[PackedBatch, PackedBatch, Ints]:
    """The sources, what is read of the targets, and what is asked after each of its symbols."""
    sources = network.pack_sources(pairs.sources.ids, pairs.sources.starts)
    targets, wanted = network.pack_targets(pairs.targets.ids, pairs.targets.starts)
    return sources, targets, wanted


def shares(targets: PackedBatch, dtype: np.dtype[Any]) -> Floats:
    """How much each answer counts in the loss, (N,): those of a target 1 together."""
    found: Floats = (1.0 / targets.lengths[targets.documents]).astype(dtype)
    return found


def all_right(logits: Floats, wanted: Ints, targets: PackedBatch) -> Ints:
    """Whether all answers of a target are right, 1 or 0, (B,), in sorted order."""
    wrong = logits.argmax(axis=1) != wanted
    found: Ints = (np.bincount(targets.documents, weights=wrong) == 0).astype(np.int64)
    return found
