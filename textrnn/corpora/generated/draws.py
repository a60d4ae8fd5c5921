"""How generated corpora draw: by ``Random.random`` alone, whose sequence Python keeps to."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from random import Random
from typing import TypeVar

from textrnn.corpora.rows import Rows, TaggedTexts

T = TypeVar("T")
Key = TypeVar("Key", bound=Hashable)


def words(text: str) -> tuple[str, ...]:
    """What stands between blanks, as a pool."""
    return tuple(text.split())


def phrases(text: str) -> tuple[str, ...]:
    """What stands between commas, as a pool."""
    return tuple(text.split(", "))


def pick(rng: Random, pool: Sequence[T]) -> T:
    """One of a pool, each as likely."""
    return pool[int(rng.random() * len(pool))]


def weighted(rng: Random, pool: Sequence[tuple[T, float]]) -> T:
    """One of a pool of pairs with their weights, as likely as these say."""
    at = rng.random() * sum(weight for _, weight in pool)
    for item, weight in pool:
        at -= weight
        if at < 0.0:
            return item
    return pool[-1][0]


def number(rng: Random, least: int, most: int) -> int:
    """A whole number from ``least`` to ``most``, each as likely."""
    return least + int(rng.random() * (most - least + 1))


def shuffled(rng: Random, items: Sequence[T]) -> list[T]:
    """The items in random order."""
    mixed = list(items)
    for last in range(len(mixed) - 1, 0, -1):
        other = int(rng.random() * (last + 1))
        mixed[last], mixed[other] = mixed[other], mixed[last]
    return mixed


def distinct(n: int, draw: Callable[[], T], key: Callable[[T], Key], taken: set[Key]) -> list[T]:
    """As many draws as are asked for, whose keys differ and are not taken; they are then."""
    found: list[T] = []
    while len(found) < n:
        one = draw()
        if key(one) not in taken:
            taken.add(key(one))
            found.append(one)
    return found


def tagged_splits(
    n_rows: Mapping[str, int], draw: Callable[[], tuple[list[str], list[str]]]
) -> dict[str, Rows]:
    """So many texts of tokens with tags for each split, no two of them equal."""
    taken: set[tuple[str, ...]] = set()
    splits: dict[str, Rows] = {}
    for split, n in n_rows.items():
        drawn = distinct(n, draw, lambda one: tuple(one[0]), taken)
        splits[split] = TaggedTexts([tokens for tokens, _ in drawn], [tags for _, tags in drawn])
    return splits
