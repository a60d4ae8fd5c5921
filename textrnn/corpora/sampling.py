"""Which rows to hold out, or to draw, so that each class has its share of them.

Rows of equal text are a group that stays together. A group is of one class, or mixed: empty texts,
say, that carry all labels there are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from typing import TYPE_CHECKING

from textrnn.errors import UsageError

if TYPE_CHECKING:
    import numpy as np

    from textrnn.typing import Bools, Ints

Group = list[int]
"""Rows of equal text, ascending."""


def strata(label_sets: Sequence[Sequence[Hashable]]) -> list[Hashable]:
    """One label for each text by which to split them: of its labels the rarest, or ``""``.

    Whole sets of labels are too many to have a share of each on both sides.
    """
    counts = Counter(label for labels in label_sets for label in labels)
    return [min(labels, key=lambda x: counts[x], default="") for labels in label_sets]


def holdout(
    texts: Sequence[Hashable],
    labels: Sequence[Hashable],
    fraction: float,
    *,
    random_state: int,
    label_sets: Sequence[Sequence[Hashable]] | None = None,
) -> Bools:
    """Choose the rows to hold out, each class in proportion; equal texts stay on one side.

    Every class keeps at least one row, so a class with a single distinct text is
    not held out; of texts with any number of labels, of which ``label_sets`` tells,
    so does every label. Of many small classes some give a row and some none, so that
    the total is right. Texts that carry labels of several classes are held out in
    proportion, too, as far as they fit; the others make up for them. Returns shape (n,),
    bool, True for a row held out; none is where the texts are too few. Raises UsageError
    for a fraction outside (0, 1).
    """
    import numpy as np

    if not 0.0 < fraction < 1.0:
        raise UsageError(f"the fraction to set aside is {fraction:g}; give one between 0 and 1")
    rng = np.random.default_rng(random_state)
    classes = sorted(set(labels), key=lambda label: (str(label), type(label).__name__))
    number = {label: i for i, label in enumerate(classes)}
    rows_of: dict[Hashable, Group] = {}
    for row, text in enumerate(texts):
        rows_of.setdefault(text, []).append(row)
    of_class: list[list[Group]] = [[] for _ in classes]
    mixed: list[Group] = []
    for rows in rows_of.values():
        found = {labels[row] for row in rows}
        (of_class[number[found.pop()]] if len(found) == 1 else mixed).append(rows)
    part = _Part(np.array([number[label] for label in labels], dtype=np.int64), fraction)
    drawn = [[groups[i] for i in rng.permutation(len(groups))] for groups in of_class]
    mixed = [mixed[i] for i in rng.permutation(len(mixed))] if mixed else []
    part.take_mixed(mixed)
    for of_one, groups in enumerate(drawn):
        part.take(groups, of_one)
    part.make_up(mixed)
    wanted = [[label] for label in labels] if label_sets is None else label_sets
    _return_lost(part.held, [rows_of[text] for text in texts], labels, wanted)
    return part.held


class _Part:
    """A part of some rows under choice.

    Attributes:
        held: the rows that are in it, (n,).
        left: rows of each class that are not in it, (C,).
        lacking: rows of each class that it still lacks; negative where it has too many, (C,).
    """

    def __init__(self, numbers: Ints, fraction: float) -> None:
        import numpy as np

        self.numbers, self.fraction = numbers, fraction
        self.held: Bools = np.zeros(len(numbers), dtype=bool)
        self.left: Ints = np.bincount(numbers)
        self.lacking: Ints = np.array(shares(self.left.tolist(), fraction), dtype=np.int64)

    def take(self, groups: Iterable[Group], number: int) -> None:
        """Take groups of one class, in order, until it has enough of them or none fits."""
        for rows in groups:
            if self.lacking[number] <= 0:
                return
            if len(rows) <= self.lacking[number]:
                self.held[rows] = True
                self.left[number] -= len(rows)
                self.lacking[number] -= len(rows)

    def take_mixed(self, groups: Sequence[Group]) -> None:
        """Take a share of mixed groups, in order, of those that no class has too much of."""
        n = int(self.fraction * sum(map(len, groups)))
        for rows in groups:
            counts = self._counts(rows)
            if len(rows) <= n and (counts <= self.lacking).all() and self._leaves_some(counts):
                self._take_mixed(rows, counts)
                n -= len(rows)

    def make_up(self, groups: Sequence[Group]) -> None:
        """Take further mixed groups where that brings the classes nearer to their shares.

        Or as near, if the total is nearer or there is nothing yet.
        """
        for rows in groups:
            counts = self._counts(rows)
            if self.held[rows[0]] or not self._leaves_some(counts):
                continue
            before, after = abs(self.lacking).sum(), abs(self.lacking - counts).sum()
            total = int(self.lacking.sum())
            is_nearer = abs(total - len(rows)) < abs(total) or not self.held.any()
            if after < before or (after == before and is_nearer):
                self._take_mixed(rows, counts)

    def _counts(self, rows: Group) -> Ints:
        import numpy as np

        counts: Ints = np.bincount(self.numbers[rows], minlength=len(self.lacking))
        return counts

    def _leaves_some(self, counts: Ints) -> bool:
        """Whether a row of each class would be left outside."""
        return bool((counts < self.left)[counts > 0].all())

    def _take_mixed(self, rows: Group, counts: Ints) -> None:
        self.held[rows] = True
        self.left -= counts
        self.lacking -= counts


def shares(sizes: Sequence[int], fraction: float) -> list[int]:
    """Return how many rows each class should give: its fraction, rounded up for the largest rests.

    At least one row is asked for in all, first of the classes nearest to a whole row.
    """
    found = [int(fraction * size) for size in sizes]
    lacking = max(1, round(fraction * sum(sizes))) - sum(found)
    by_rest = sorted(range(len(sizes)), key=lambda i: found[i] - fraction * sizes[i])
    for i in by_rest[: max(lacking, 0)]:
        found[i] += 1
    return found


def _return_lost(
    held: Bools,
    group_of: Sequence[Group],
    labels: Sequence[Hashable],
    label_sets: Sequence[Sequence[Hashable]],
) -> None:
    """Give one text back of every label that was held out wholly, of one class if there is one."""
    kept = {label for i in (~held).nonzero()[0].tolist() for label in label_sets[i]}
    for take_mixed in (False, True):
        for group, found in zip(group_of, label_sets, strict=True):
            if kept.issuperset(found):
                continue
            if take_mixed or len({labels[row] for row in group}) == 1:
                held[group] = False
                kept.update(label for row in group for label in label_sets[row])


def drawn_rows(label_sets: Sequence[Sequence[Hashable]], n: int, rng: np.random.Generator) -> Ints:
    """Draw some n rows, ascending: each class in proportion, and at least one of each label.

    Args:
        label_sets: of each row one label, or any number.
        n: rows; more are drawn if there are more labels.
        rng: the source of randomness.
    """
    import numpy as np

    if n >= len(label_sets):
        return np.arange(len(label_sets))
    order = rng.permutation(len(label_sets)).tolist()
    of_row = strata(label_sets)
    sizes = Counter(of_row)
    share = dict(zip(sizes, shares(list(sizes.values()), n / len(label_sets)), strict=True))
    chosen = one_of_each(label_sets, order)
    least = Counter(of_row[row] for row in chosen)
    for label, count in least.items():
        share[label] = max(share[label], count)
    for _ in range(sum(share.values()) - n):  # make room for them, where there are most
        fullest = max(share, key=lambda label: share[label] - least[label])
        share[fullest] -= share[fullest] > least[fullest]
    for row in order:
        if row not in chosen and least[of_row[row]] < share[of_row[row]]:
            chosen.add(row)
            least[of_row[row]] += 1
    return np.array(sorted(chosen), dtype=np.int64)


def one_of_each(label_sets: Sequence[Sequence[Hashable]], order: Iterable[int]) -> set[int]:
    """Rows that together have all labels, the first in an order."""
    seen: set[Hashable] = set()
    found = set()
    for row in order:
        if not seen.issuperset(label_sets[row]):
            seen.update(label_sets[row])
            found.add(row)
    return found
