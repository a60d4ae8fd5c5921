"""What a batch asks of a network: at which of its answers, what, and how much each counts.

The published form is many-to-one: a text is answered for once, after its last word (``once``).
Else the network answers after every word, by the readout of what it has read so far, and every
answer is corrected: L = 1/T sum_t l(o_t, y) (``every``), or later ones more, with weights
2t / (T (T + 1)) (``growing``). The parameters are the same, and so is what a trained network
predicts; only the errors differ, which are accumulated back to the first word before anything is
updated. A network that answers at every token has a target for each of them.

Any learning rule can take this: it finds the answers as the rows of the logits, whatever they are
of.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from textrnn.errors import DataError
from textrnn.nn.network import Network
from textrnn.nn.packed import PackedBatch
from textrnn.training.batching import drop_to_unknown
from textrnn.training.examples import Examples
from textrnn.training.negatives import Negatives
from textrnn.training.regularisation import Regularisation
from textrnn.training.step import Batch, BatchSums
from textrnn.typing import Floats, Ints

ONCE, EVERY, GROWING = "once", "every", "growing"
LOSSES = (ONCE, EVERY, GROWING)


def _even(numbers: Ints, lengths: Ints) -> Floats:
    del numbers
    return 1.0 / lengths


def _growing(numbers: Ints, lengths: Ints) -> Floats:
    return 2.0 * numbers / (lengths * (lengths + 1.0))


STEP_WEIGHTS: dict[str, Callable[[Ints, Ints], Floats]] = {EVERY: _even, GROWING: _growing}
"""Of the answer after a word of this number, from 1, in a text of this length: 1 in all."""


@dataclass(frozen=True)
class Lesson:
    """A batch as a learning rule needs it.

    Attributes:
        network: over the parameters that are trained, with the head that answers.
        packed: the texts.
        targets: what is to be answered, (answers,) or (answers, C), in the order of the logits.
        weights: of each answer in the loss, (answers,), or None for ones.
        shares: how much each answer counts in what is right, (answers,): of one text 1 together,
            where it has one target that of its last answer. None is ones.
        at_tokens: whether there is an answer for each row of the texts, not one for each text.
        size: texts of the whole step, see ``Batch``.
    """

    network: Network
    packed: PackedBatch
    targets: Any
    weights: Floats | None
    shares: Floats | None
    at_tokens: bool
    size: int

    def loss(self, logits: Floats, *, label_smoothing: float = 0.0) -> tuple[float, Floats]:
        """This batch's share of the step's mean loss, and the gradient of the logits."""
        return self.network.config.output.loss(
            logits,
            self.targets,
            self.weights,
            batch_size=self.size,
            label_smoothing=label_smoothing,
        )

    def sampled(self, negatives: Negatives | None, rng: np.random.Generator) -> Lesson:
        """The same of a softmax over some words, drawn now; of that over all if there are none.

        How many are right is then told among these.
        """
        if negatives is None:
            return self
        words, shift = negatives.among(self.targets, rng)
        view = self.network.among(words, shift.astype(self.network.dtype))
        return replace(self, network=view, targets=np.searchsorted(words, self.targets))

    def sums(self, loss: float, logits: Floats, unrolled: int) -> BatchSums:
        """What a step tells, of its loss as found here, and the rows that were gone back over."""
        right = self.network.config.output.right(logits, self.targets)
        correct = right.sum() if self.shares is None else right @ self.shares
        return BatchSums(loss * self.size, float(correct), self.packed.n_tokens, unrolled)


def make_lesson(
    network: Network, batch: Batch, regularisation: Regularisation, loss: str = ONCE
) -> Lesson:
    """Pack a batch, some of its words unknown at random, and say what is asked.

    Args:
        network: what is trained.
        batch: examples with a target a text or, for a head that answers at every token, a token.
        regularisation: says which words become unknown.
        loss: one of ``LOSSES``. Where each token has a target, weights that are given say all;
            without any, ``once`` is as ``every``.

    Raises:
        DataError: the targets are not of what the network answers for.
    """
    examples, unknown = batch.examples, regularisation.unknown_probabilities
    texts = examples.texts
    ids = texts.ids
    if unknown is not None:
        ids = drop_to_unknown(ids, unknown, batch.rng, texts.forms)
    packed = network.pack_rows(ids, texts.starts, forms=texts.forms)
    check_targets(network, examples)
    if loss != ONCE and not examples.at_tokens:
        network = network.at_every_step()
    places = network.head.places(packed)
    targets = examples.targets.take(places).values
    weights = None if examples.weights is None else examples.weights[places]
    shares = None
    if examples.at_tokens:
        weights = _of_steps(packed, loss, network.dtype) if weights is None else weights
        shares = _shares(weights, packed)
    elif loss != ONCE:
        of_steps = _of_steps(packed, loss, network.dtype)
        weights = of_steps if weights is None else of_steps * weights
        shares = (packed.numbers == packed.lengths[packed.documents]).astype(np.float64)
    at_tokens = examples.at_tokens or loss != ONCE
    return Lesson(network, packed, targets, weights, shares, at_tokens, batch.size)


def check_targets(network: Network, examples: Examples) -> None:
    """Whether there is a target for each answer of a network.

    Raises:
        DataError: the targets are not of what it answers for.
    """
    if examples.at_tokens == network.head.answers_texts:
        raise DataError(
            f"the {network.config.head} head answers for each "
            f"{'text' if examples.at_tokens else 'token'}, but the targets are of "
            f"{'tokens' if examples.at_tokens else 'texts'}."
        )


def step_weights(numbers: Ints, lengths: Ints, loss: str) -> Floats:
    """The weight of the answer after the word of each number, from 1, in texts of such lengths."""
    return STEP_WEIGHTS[EVERY if loss == ONCE else loss](numbers, lengths)


def _of_steps(packed: PackedBatch, loss: str, dtype: np.dtype[Any]) -> Floats:
    """The weight of the answer after each word, (N,)."""
    return step_weights(packed.numbers, packed.lengths[packed.documents], loss).astype(dtype)


def _shares(weights: Floats, packed: PackedBatch) -> Floats:
    """Weights over those of a text's words together, (N,); zeros where nothing is asked."""
    total = np.bincount(packed.documents, weights=weights)
    total[total == 0.0] = 1.0
    shares: Floats = weights / total[packed.documents]
    return shares
