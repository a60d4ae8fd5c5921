"""Greedy and beam search: against all targets there are, each other, and one source at a time."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from tests.gradcheck import CELL_NAMES
from tests.test_transducer import SOURCES, flat, make_config, packed, random_transducer
from textrnn.nn.losses import log_softmax
from textrnn.nn.transducer import Transducer, Written, beam, greedy

MAX_LENGTH = 3


def log_probability(transducer: Transducer, source: list[int], target: list[int]) -> float:
    """Of a target and the mark behind it, by the forward pass that is trained."""
    sources, targets, wanted = packed(transducer, [source], [target])
    logits, _ = transducer.forward(sources, targets)
    return float(log_softmax(logits)[np.arange(len(wanted)), wanted].sum())


def penalty(target: list[int], a: float) -> float:
    return float(((5 + len(target) + 1) / 6) ** a)


def exhaustive(transducer: Transducer, source: list[int], a: float) -> list[list[int]]:
    """All targets of at most so many words, the best first."""
    words = range(transducer.config.target_end)
    targets = [[*t] for n in range(MAX_LENGTH + 1) for t in product(words, repeat=n)]

    def score(target: list[int]) -> float:
        return log_probability(transducer, source, target) / penalty(target, a)

    return sorted(targets, key=score, reverse=True)


def assert_told_right(transducer: Transducer, source: list[int], found: Written) -> None:
    """Log-probability and alignment are those of the forward pass over what was found."""
    target = found.ids.tolist()
    sources, targets, _ = packed(transducer, [source], [target])
    _, cache = transducer.forward(sources, targets)
    np.testing.assert_allclose(found.alignment, cache.alignments[0], rtol=1e-9)
    assert found.log_probability == pytest.approx(log_probability(transducer, source, target))


@pytest.mark.parametrize("a", [0.0, 1.5])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_wide_beam_finds_the_best_of_all(seed: int, a: float) -> None:
    transducer = random_transducer(make_config(), seed, std=1.0)
    found = beam(
        transducer,
        transducer.pack_sources(*flat(SOURCES)),
        width=27,
        max_length=MAX_LENGTH,
        length_penalty=a,
        n_best=5,
    )
    for source, of_source in zip(SOURCES, found, strict=True):
        best = exhaustive(transducer, source, a)[:5]
        assert [text.ids.tolist() for text in of_source] == best
        for text in of_source:
            assert_told_right(transducer, source, text)


@pytest.mark.parametrize("cell", CELL_NAMES)
def test_a_beam_of_one_is_greedy(cell: str) -> None:
    transducer = random_transducer(make_config(cell), 5, std=0.5)
    sources = transducer.pack_sources(*flat(SOURCES))
    for source, text, (other,) in zip(
        SOURCES,
        greedy(transducer, sources, max_length=6),
        beam(transducer, sources, width=1, max_length=6),
        strict=True,
    ):
        assert text.ids.tolist() == other.ids.tolist()
        np.testing.assert_allclose(text.alignment, other.alignment, rtol=1e-12)
        assert len(text.ids) == 6 or log_probability(transducer, source, text.ids.tolist()) < 0
        assert_told_right(transducer, source, text)


def test_greedy_takes_the_best_word_at_each_step() -> None:
    transducer = random_transducer(make_config(), 7, std=1.0)
    end = transducer.config.target_end
    for source, text in zip(
        SOURCES,
        greedy(transducer, transducer.pack_sources(*flat(SOURCES)), max_length=4),
        strict=True,
    ):
        sources, targets, _ = packed(transducer, [source], [text.ids.tolist()])
        logits, _ = transducer.forward(sources, targets)
        best = logits[::-1].argmax(axis=1).tolist()
        assert best[: len(text.ids)] == text.ids.tolist()
        assert len(text.ids) == 4 or best[-1] == end


@pytest.mark.parametrize("width", [0, 1, 3])
def test_many_sources_at_once_are_as_one(width: int) -> None:
    rng = np.random.default_rng(0)
    transducer = random_transducer(make_config("gru"), 3, std=1.2)
    texts = [rng.integers(0, 4, n).tolist() for n in rng.integers(0, 9, 40)]

    def write(some: list[list[int]]) -> list[Written]:
        sources = transducer.pack_sources(*flat(some))
        if width == 0:
            return greedy(transducer, sources, max_length=9)
        return [f[0] for f in beam(transducer, sources, width=width, max_length=9)]

    lengths = set()
    for text, together in zip(texts, write(texts), strict=True):
        (alone,) = write([text])
        assert together.ids.tolist() == alone.ids.tolist()
        assert together.log_probability == pytest.approx(alone.log_probability)
        np.testing.assert_allclose(together.alignment, alone.alignment, rtol=1e-9)
        assert together.alignment.shape == (len(alone.ids) + 1, len(text) + 1)
        lengths.add(len(alone.ids))
    assert len(lengths) > 2, "all are done at once, so that nothing is let go of"


def test_a_wider_beam_is_no_worse() -> None:
    transducer = random_transducer(make_config(), 11, std=1.0)
    sources = transducer.pack_sources(*flat(SOURCES))
    narrow, wide = (
        [f[0].log_probability for f in beam(transducer, sources, width=k, max_length=5)]
        for k in (1, 300)
    )
    assert all(b >= a - 1e-12 for a, b in zip(narrow, wide, strict=True))
    assert wide != narrow


@pytest.mark.parametrize("width", [0, 4])
def test_what_may_not_be_written_is_not(width: int) -> None:
    """And the other words share its probability."""
    transducer = random_transducer(make_config(), 2, std=1.0)
    transducer.params["linear.bias"][0] = 5.0
    sources = transducer.pack_sources(*flat(SOURCES))

    def write(never: tuple[int, ...]) -> list[list[Written]]:
        if width == 0:
            return [[text] for text in greedy(transducer, sources, max_length=3, never=never)]
        return beam(transducer, sources, width=width, max_length=3, n_best=width, never=never)

    assert any(0 in text.ids for found in write(()) for text in found)
    for source, found in zip(SOURCES, write((0,)), strict=True):
        for text in found:
            assert 0 not in text.ids
            one, targets, wanted = packed(transducer, [source], [text.ids.tolist()])
            logits, _ = transducer.forward(one, targets)
            logits[:, 0] = -np.inf
            total = log_softmax(logits)[np.arange(len(wanted)), wanted].sum()
            assert text.log_probability == pytest.approx(float(total))


def test_impossible_searches_are_refused() -> None:
    transducer = random_transducer(make_config())
    sources = transducer.pack_sources(*flat(SOURCES))
    with pytest.raises(ValueError, match="n_best is 3"):
        beam(transducer, sources, width=2, max_length=3, n_best=3)
    with pytest.raises(ValueError, match="length_penalty"):
        beam(transducer, sources, width=2, max_length=3, length_penalty=-0.5)
