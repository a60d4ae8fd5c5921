"""What is told of held-out examples after an epoch, and which epoch is the best by that.

All that differs here between structures: whether their examples are judged by logits, one row for
each text, or by sums that leave no trace of any of them (``Judge``); what the score is called, in
an epoch's record and on the screen; and whether the highest score is the best, or the least loss.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np

from textrnn.evaluation.held_out_scores import NETWORK, WHOLE
from textrnn.nn.losses import Output, mean_one
from textrnn.nn.network import Network
from textrnn.training.examples import Examples
from textrnn.training.judging import judge_answers
from textrnn.training.step import Executor, Judge, Judged
from textrnn.training.trainable import Trainable
from textrnn.typing import Floats, Ints

R_SQUARED = "R2"
"""Of numbers, in the place of an accuracy."""
LARGEST = math.log(np.finfo(np.float64).max)
"""Nats above which a perplexity is no number."""
R = TypeVar("R")


class Found(NamedTuple):
    """What was found of held-out examples."""

    loss: float
    """A mean, in nats."""
    score: float
    """Of the network alone."""
    figures: dict[str, float]
    """What an epoch's record tells of it."""


class Measure(ABC, Generic[R]):
    """How examples are judged; ``R`` is what a forward pass over them leaves.

    Attributes:
        name: of the score, on the screen.
        judge: how sums are found, where they are.
    """

    name: str
    judge: Judge | None = None

    @property
    @abstractmethod
    def key(self) -> str:
        """Of the score, in a record."""

    @property
    def by_loss(self) -> bool:
        """Whether the epoch of the least loss is the best, whatever the score.

        Else it is that of the highest score and, of equals, of the least loss.
        """
        return False

    @property
    def waits_for_loss(self) -> bool:
        """Whether a score that stays is progress as long as the loss falls.

        An encoder-decoder may have no text whole for many epochs, each of which is nearer to it.
        """
        return False

    @abstractmethod
    def read(self, executor: Executor, rows: Ints | None = None) -> R:
        """A forward pass over the held-out examples at some rows, or over all."""

    @abstractmethod
    def found(self, read: R, examples: Any) -> Found:
        """What the pass over all of the examples tells."""

    def of_training(self, loss: float, right: float) -> tuple[str, float]:
        """What is shown of what is learned from, by its mean loss and the share that is right.

        Its name and the number: what a learning rule calls right, which may be another score.
        """
        del loss
        return "accuracy", right

    @property
    def highest(self) -> float:
        """The score that none can be better than."""
        return math.inf

    def rank(self, found: Found) -> tuple[float, float]:
        """The better an epoch is, the higher."""
        if self.by_loss:
            return -found.loss, found.score
        return found.score, -found.loss


@dataclass(frozen=True)
class OfTexts(Measure[Floats]):
    """Of a network that answers once for a text: by all of its logits.

    Attributes:
        output: what they mean.
        scorer: see ``state.Run``.
    """

    output: Output
    scorer: Callable[[Floats], float] | None = None
    name: str = "accuracy"

    @property
    def key(self) -> str:
        return WHOLE

    def read(self, executor: Executor, rows: Ints | None = None) -> Floats:
        return executor.predict_logits(rows)

    def of_training(self, loss: float, right: float) -> tuple[str, float]:
        del loss
        return self.name, right

    def found(self, read: Floats, examples: Examples) -> Found:
        loss, score = loss_and_accuracy(
            self.output, read, examples.targets.values, examples.weights
        )
        figures = {"validation_loss": loss, WHOLE: score}
        if self.scorer is not None:
            figures |= {WHOLE: self.scorer(read), NETWORK: score}
        return Found(loss, score, figures)


@dataclass(frozen=True)
class OfSums(Measure[Judged]):
    """By sums of loss and of what is right, over as many answers: the score is a share of these.

    Attributes:
        judge: finds them.
        name: see ``Measure``.
    """

    judge: Judge = judge_answers
    name: str = "accuracy"

    @property
    def key(self) -> str:
        """The name, of what is held out."""
        return f"validation_{self.name}"

    @property
    def waits_for_loss(self) -> bool:
        return True

    @property
    def highest(self) -> float:
        """1: it is a share."""
        return math.inf if self.by_loss else 1.0

    def read(self, executor: Executor, rows: Ints | None = None) -> Judged:
        return executor.judge(rows)

    def found(self, read: Judged, examples: Any) -> Found:
        del examples
        loss, right = read.loss / read.answers, read.right / read.answers
        score = self.score(loss, right)
        return Found(loss, score, {"validation_loss": loss, self.key: score})

    def score(self, loss: float, right: float) -> float:
        """Of the means."""
        del loss
        return right


@dataclass(frozen=True)
class Perplexity(OfSums):
    """exp(loss), of an answer on average: the less, the better.

    Attributes:
        is_sampled: whether words are told in training from some others alone, which is easier: the
            perplexity shown of what is learned from is then called so.
    """

    name: str = "perplexity"
    is_sampled: bool = False

    @property
    def by_loss(self) -> bool:
        return True

    def score(self, loss: float, right: float) -> float:
        del right
        return perplexity(loss)

    def of_training(self, loss: float, right: float) -> tuple[str, float]:
        name = f"{self.name} (sampled)" if self.is_sampled else self.name
        return name, self.score(loss, right)


def perplexity(loss: float) -> float:
    """That of a mean loss in nats; of one that is too large, the largest number there is."""
    return math.exp(min(loss, LARGEST))


def measure_of(network: Trainable, scorer: Callable[[Floats], float] | None) -> Measure[Any]:
    """That of a network over texts: of its texts, of their tokens, or of the words that follow."""
    assert isinstance(network, Network), "another structure says itself how it is judged"
    if not network.head.answers_texts:
        return Perplexity() if network.head.predicts_words else OfSums()
    output = network.config.output
    return OfTexts(output, scorer, R_SQUARED if network.config.regression else "accuracy")


def loss_and_accuracy(
    output: Output, logits: Floats, targets: Ints, weights: Floats | None = None
) -> tuple[float, float]:
    """Mean loss in nats, and share that is right, of logits (n, C) and targets.

    With weights (n,) both are means over the weighted documents.
    """
    weights = mean_one(weights)
    loss, _ = output.loss(logits, targets, weights)
    return loss, output.score(logits, targets, weights)
