"""Say how good a tagger is: by token, on words that it does not know, by tag, and by entity."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from textrnn.errors import DataError, MissingDependencyError
from textrnn.evaluation.metrics import ClassScores
from textrnn.typing import Bools, Floats, Ints

RESAMPLES = 2_000
_BIO = re.compile(r"O|[BI]-.+")


@dataclass(frozen=True)
class EntityScores:
    """Of whole entities, as BIO tags mark them: found are those with all their tokens and no other.

    Attributes:
        precision: share of those found that are right.
        recall: share of the right ones that were found.
        f1: the harmonic mean of both.
        per_type: a line for each type.
    """

    precision: float
    recall: float
    f1: float
    per_type: tuple[ClassScores, ...]


@dataclass(frozen=True)
class TagReport:
    """Scores of one tagger.

    Attributes:
        n_texts: texts.
        n_tokens: tokens.
        accuracy: share of the tokens with the right tag.
        exact: share of the texts with all tags right.
        macro_f1: mean over the tags.
        unknown: share of the tokens whose word is not in the vocabulary.
        unknown_accuracy: that of these; None if there are none.
        baseline_accuracy: of the most frequent tag of each word in training.
        per_tag: a line for each tag that is right or was given.
        entities: None where tags do not mark any, or seqeval is not there.
    """

    n_texts: int
    n_tokens: int
    accuracy: float
    exact: float
    macro_f1: float
    unknown: float
    unknown_accuracy: float | None
    baseline_accuracy: float
    per_tag: tuple[ClassScores, ...]
    entities: EntityScores | None = None

    @property
    def figures(self) -> dict[str, float]:
        """The numbers of it that tell most, those that there are, by name."""
        told = {
            "accuracy": self.accuracy,
            "unknown_accuracy": self.unknown_accuracy,
            "unknown": self.unknown,
            "baseline_accuracy": self.baseline_accuracy,
            "macro_f1": self.macro_f1,
            "exact": self.exact,
            "entity_f1": None if self.entities is None else self.entities.f1,
        }
        return {name: value for name, value in told.items() if value is not None}

    def to_dict(self) -> dict[str, Any]:
        """Plain lists and numbers, ready for JSON."""
        values = asdict(self)
        values["entity_f1"] = self.figures.get("entity_f1")
        return values


def evaluate_tags(
    right: Sequence[Sequence[str]],
    predicted: Sequence[Sequence[str]],
    *,
    unknown: Bools,
    baseline_right: Bools,
    with_entities: bool,
) -> TagReport:
    """Score the tags of some texts, of which one has a token.

    Args:
        right: the tags of each text.
        predicted: those that were given.
        unknown: of each token, text after text, whether its word is unknown, (n_tokens,).
        baseline_right: whether the most frequent tag of its word is right, (n_tokens,).
        with_entities: score entities, too, where tags mark some.

    Raises:
        MissingDependencyError: entities are to be scored, and seqeval is not installed.
    """
    correct = right_tokens(right, predicted)
    lengths = [len(tags) for tags in right]
    exact = [
        found == tags for found, tags in zip(map(list, predicted), map(list, right), strict=True)
    ]
    per_tag = _per_tag([t for tags in right for t in tags], [t for tags in predicted for t in tags])
    f1 = [line.f1 for line in per_tag if line.f1 is not None]
    return TagReport(
        n_texts=len(lengths),
        n_tokens=len(correct),
        accuracy=float(correct.mean()),
        exact=float(np.mean(exact)),
        macro_f1=float(np.mean(f1)),
        unknown=float(unknown.mean()),
        unknown_accuracy=float(correct[unknown].mean()) if unknown.any() else None,
        baseline_accuracy=float(baseline_right.mean()),
        per_tag=per_tag,
        entities=entity_scores(right, predicted)
        if with_entities and mark_entities(right)
        else None,
    )


def right_tokens(right: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]) -> Bools:
    """Of each token, text after text, whether its tag is right, (n_tokens,)."""
    pairs = zip(right, predicted, strict=True)
    return np.array([a == b for one, other in pairs for a, b in zip(one, other, strict=True)], bool)


def _per_tag(right: Sequence[str], predicted: Sequence[str]) -> tuple[ClassScores, ...]:
    """A line for each tag that occurs; None where there is nothing to divide by."""
    number = {tag: i for i, tag in enumerate(sorted({*right, *predicted}))}
    true, given = (np.array([number[tag] for tag in tags]) for tags in (right, predicted))
    n = len(number)
    support, found = np.bincount(true, minlength=n), np.bincount(given, minlength=n)
    hits = np.bincount(true[true == given], minlength=n)
    return tuple(
        ClassScores(
            label=tag,
            precision=_share(hits[i], found[i]),
            recall=_share(hits[i], support[i]),
            f1=_share(2 * hits[i], found[i] + support[i]),
            support=int(support[i]),
        )
        for tag, i in number.items()
    )


def _share(part: int, whole: int) -> float | None:
    return float(part) / float(whole) if whole else None


# ------------------------------------------------------------------------- entities


def mark_entities(tags: Sequence[Sequence[str]]) -> bool:
    """Whether tags are those of BIO: O outside, B-X at the beginning of an X, I-X within it."""
    kinds = {tag for of_text in tags for tag in of_text}
    return all(map(_BIO.fullmatch, kinds)) and any(tag.startswith("B-") for tag in kinds)


def check_entities(tags: Sequence[Sequence[str]]) -> None:
    """See that entities can be scored, before there is anything to score.

    Raises:
        DataError: the tags mark none.
        MissingDependencyError: seqeval is not installed.
    """
    if not mark_entities(tags):
        raise DataError("there are no entities to score: all tags must be O, B-X or I-X.")
    _seqeval()


def _seqeval() -> tuple[Any, Any]:
    """What of seqeval is needed: its scores, and what finds entities.

    Raises:
        MissingDependencyError: it is not installed.
    """
    try:
        from seqeval.metrics.sequence_labeling import (
            get_entities,
            precision_recall_fscore_support,
        )
    except ImportError as error:
        raise MissingDependencyError(
            "scores of entities need the package seqeval: pip install 'textrnn[tagging]'"
        ) from error
    return precision_recall_fscore_support, get_entities


def entity_scores(
    right: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]
) -> EntityScores:
    """Scores of the entities that BIO tags mark, as seqeval and conlleval find them.

    Raises:
        MissingDependencyError: seqeval is not installed.
    """
    scores, get_entities = _seqeval()
    true, given = [list(tags) for tags in right], [list(tags) for tags in predicted]
    types = sorted({kind for tags in (true, given) for kind, *_ in get_entities(tags)})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of types that nobody has found
        precision, recall, f1, _ = scores(true, given, average="micro")
        lines = scores(true, given, average=None)
    per_type = zip(types, *(column.tolist() for column in lines), strict=True)
    return EntityScores(
        precision=float(precision),
        recall=float(recall),
        f1=float(f1),
        per_type=tuple(ClassScores(kind, p, r, f, int(n)) for kind, p, r, f, n in per_type),
    )


# ------------------------------------------------------------------------- verdict


@dataclass(frozen=True)
class PairedTokens:
    """How much more, or fewer, tokens of the same texts one tagger has right than another.

    Attributes:
        difference: of their accuracies.
        interval: holds 95 %, over texts drawn again: tokens of a text depend on each other.
    """

    difference: float
    interval: tuple[float, float]

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, ready for JSON."""
        return {"difference": self.difference, "interval": list(self.interval)}


def paired_tokens(ours: Bools, theirs: Bools, lengths: Ints) -> PairedTokens:
    """Compare two taggers by which tokens each has right, (n_tokens,), text after text.

    The texts have so many tokens each, none of them 0.
    """
    starts = np.cumsum(lengths) - lengths
    more = np.add.reduceat(ours.astype(np.int64) - theirs, starts)
    rng = np.random.default_rng(0)
    found: Floats = np.empty(RESAMPLES)
    for i in range(RESAMPLES):
        drawn = rng.integers(0, len(lengths), len(lengths))
        found[i] = more[drawn].sum() / lengths[drawn].sum()
    low, high = np.quantile(found, [0.025, 0.975]).tolist()
    return PairedTokens(float(more.sum() / lengths.sum()), (low, high))


def recommended_of(paired: PairedTokens, name: str) -> tuple[str, str]:
    """The name of the one to use, the network or a baseline of that name, and why.

    A network that is not clearly better loses: it is slower and harder to understand.
    """
    low, high = paired.interval
    size, span = abs(paired.difference), f"95 % interval {low:+.4f} to {high:+.4f}"
    if low > 0.0:
        return "network", (
            f"Use the network: it has {size:.4f} more of the tags right than {name} ({span})."
        )
    if high < 0.0:
        return name, (
            f"Use {name}: it has {size:.4f} more of the tags right (95 % interval {-high:+.4f} to "
            f"{-low:+.4f})."
        )
    return name, (
        f"Use {name}: no clear difference from the network ({span} of the tags), and it is faster "
        "to train and easier to understand."
    )
