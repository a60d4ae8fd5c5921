"""Truncated BPTT: equal to BPTT where nothing is cut off, and cut off where it says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.gradcheck import dense
from tests.lessons import (
    LENGTHS,
    N,
    assert_same,
    make_batch,
    make_examples,
    make_network,
    told_in_steps,
    told_once,
)
from textrnn.nn import recurrent
from textrnn.nn.cells import CELLS
from textrnn.nn.poolings import POOLINGS
from textrnn.training.lesson import LOSSES, make_lesson
from textrnn.training.regularisation import Regularisation
from textrnn.training.rules.bptt import BPTT
from textrnn.training.rules.tbptt import TruncatedBPTT

LONGEST = max(LENGTHS)


def summed(told: list[Any]) -> tuple[Any, Any]:
    sums = tuple(map(sum, zip(*(sums for sums, _ in told), strict=True)))
    names = {name for _, found in told for name in found}
    return sums, {name: sum(found[name] for _, found in told if name in found) for name in names}


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("cell", CELLS)
def test_with_all_words_it_is_bptt(cell: str, loss: str) -> None:
    network, examples = make_network(cell=cell), make_examples()
    alone, expected = told_once(BPTT(loss=loss), network, examples)
    for k1, k2 in ((LONGEST, LONGEST), (LONGEST + 3, 50)):
        ((sums, found),) = told_in_steps(TruncatedBPTT(k1, k2, loss=loss), network, examples)
        np.testing.assert_allclose(sums, alone, rtol=1e-12)
        assert_same(found, expected, 1e-12)


@pytest.mark.parametrize("inputs", ["embedding", "one-hot", "numbers"])
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("readout", POOLINGS)
@pytest.mark.parametrize("num_layers", [1, 2])
def test_parts_that_reach_back_to_the_beginning_add_up_to_bptt(
    readout: str, loss: str, inputs: str, num_layers: int
) -> None:
    """While weights stay: states, times and poolings are carried rightly, and nothing twice."""
    network = make_network(inputs, readout=readout, num_layers=num_layers)
    examples = make_examples(inputs, weights=np.array([1.0, 0.5, 2.0, 1.0, 0.3, 1.0]))
    alone, expected = told_once(BPTT(loss=loss), network, examples)
    for k1 in (1, 2, 3, 5):
        told = told_in_steps(TruncatedBPTT(k1, LONGEST, loss=loss), network, examples)
        sums, found = summed(told)
        np.testing.assert_allclose(sums[:3], alone[:3], rtol=1e-12)
        assert_same(found, expected, 1e-11)


@pytest.mark.parametrize("cell", CELLS)
def test_so_they_do_at_every_token_of_any_cell(cell: str) -> None:
    network = make_network("numbers", cell=cell, head="token")
    examples = make_examples("numbers", at_tokens=True)
    alone, expected = told_once(BPTT(), network, examples)
    for k1 in (1, 3):
        sums, found = summed(told_in_steps(TruncatedBPTT(k1, 7), network, examples))
        np.testing.assert_allclose(sums[:3], alone[:3], rtol=1e-12)
        assert_same(found, expected, 1e-11)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(("k1", "k2"), [(1, 1), (2, 2), (2, 3), (3, 5)])
def test_it_is_cut_off_after_k2_words(cell: str, k1: int, k2: int) -> None:
    """Each part's gradient is that of its last k2 words from the states they begin with.

    They are counted from the beginnings of texts, of those that end before the part does, too,
    but for those that are no longer than that.
    """
    network = make_network("numbers", cell=cell, head="token")
    examples = make_examples("numbers", at_tokens=True)
    told = told_in_steps(TruncatedBPTT(k1, k2), network, examples)
    assert len(told) == -(-LONGEST // k1)
    texts = examples.texts
    starts = texts.starts
    for number, (sums, found) in enumerate(told):
        expected: dict[str, Any] = {}
        end, unrolled = (number + 1) * k1, 0
        for i, length in enumerate(LENGTHS):
            stop = min(end, length)
            if stop <= number * k1:
                continue
            first = 0 if length <= k2 else max(0, end - k2)
            ids, initial = texts.ids[starts[i] : starts[i] + stop], None
            if first:
                initial = network.body.forward(network.pack([ids[:first]])).final
            batch = network.pack([ids[first:]])
            logits, cache = network.forward(batch, initial=initial)
            targets = examples.targets.values[starts[i] : starts[i] + stop][first:][::-1]
            asked = (np.arange(first, stop)[::-1] >= number * k1) / length
            _, d_logits = network.config.output.loss(
                logits, targets, asked, batch_size=len(LENGTHS)
            )
            unrolled += stop - first
            for name, value in dense(network.backward(d_logits, cache).params).items():
                expected[name] = expected.get(name, 0.0) + value
        assert_same(found, expected, 1e-11)
        assert sums.unrolled == unrolled
    assert sum(sums.tokens for sums, _ in told) == N


def test_where_a_text_is_answered_for_once_only_its_last_words_teach() -> None:
    network, examples = make_network("one-hot", readout="last"), make_examples("one-hot")
    examples.texts.ids[:] = np.arange(N) % 3 + 3
    for i, length in enumerate(LENGTHS):  # what is more than two words before the end is words 0, 1
        start = examples.texts.starts[i]
        examples.texts.ids[start : start + max(length - 2, 0)] %= 2
    _, found = summed(told_in_steps(TruncatedBPTT(2, 2), network, examples))
    assert not found["recurrent.0.W_x"][:2].any()
    assert found["recurrent.0.W_x"][3:].any()


def test_weights_may_change_between_two_parts() -> None:
    """The words gone back over are read anew, from states as they were carried."""
    examples = make_examples("numbers", at_tokens=True)
    network, before = (make_network("numbers", head="token") for _ in range(2))
    steps = TruncatedBPTT(3, 3).steps(network, make_batch(examples))
    next(steps)
    for value in network.params.values():
        value += 0.1
    sums, _ = next(steps)
    texts, expected = examples.texts, 0.0
    for i in (1, 3, 4):
        start, stop = texts.starts[i], texts.starts[i] + min(LENGTHS[i], 6)
        carried = before.body.forward(before.pack([texts.ids[start : start + 3]])).final
        read_anew = network.pack([texts.ids[start + 3 : stop]])
        logits, _ = network.forward(read_anew, initial=carried)
        targets = examples.targets.values[start + 3 : stop][::-1]
        weights = np.full(len(targets), 1 / LENGTHS[i])
        loss, _ = network.config.output.loss(logits, targets, weights)
        expected += len(targets) * loss
    assert sums.loss == pytest.approx(expected, rel=1e-12)


def test_dropout_is_that_of_bptt_where_nothing_is_cut_off() -> None:
    network, examples = make_network(), make_examples()
    noisy = Regularisation(0.3, 0.5, dropout_recurrent=0.2, label_smoothing=0.1)
    _, expected = told_once(BPTT(noisy), network, examples)
    ((_, found),) = told_in_steps(TruncatedBPTT(9, 9, noisy), network, examples)
    assert_same(found, expected, 1e-12)


def test_what_is_frozen_gets_no_gradient() -> None:
    rule = TruncatedBPTT(2, 4, frozen=("embedding.weight",))
    for _, found in told_in_steps(rule, make_network(), make_examples()):
        assert set(found) == set(make_network().params) - {"embedding.weight"}


@pytest.mark.parametrize("loss", ["once", "every"])
def test_dropout_is_drawn_anew_for_each_part(loss: str) -> None:
    """For the words that are passed by, too: what they leave is what a network in training reads.

    One text, its parts read by the network itself from where the part before has left off.
    """
    noisy = Regularisation(0.3, 0.4, dropout_recurrent=0.3, dropout_embedding=0.3)
    network, examples = make_network(readout="last"), make_examples().take(np.array([3]))
    rule = TruncatedBPTT(2, 2, regularisation=noisy, loss=loss)
    told = told_in_steps(rule, network, examples)
    ids, rng, initial = examples.texts.ids, make_batch(examples).rng, None
    lesson = make_lesson(network, make_batch(examples), Regularisation(), loss)
    expected = []
    for start in range(0, len(ids), 2):
        batch, dropout = network.pack([ids[start : start + 2]]), noisy.dropout(rng)
        if loss == "once" and start + 2 < len(ids):
            initial = network.body.forward(batch, dropout=dropout, initial=initial).final
            continue
        reader = network if loss == "once" else network.at_every_step()
        logits, cache = reader.forward(batch, dropout=dropout, initial=initial)
        weights = np.full(len(logits), 1.0 if loss == "once" else 1 / len(ids))
        targets = np.repeat(lesson.targets[:1], len(logits))
        _, d_logits = network.config.output.loss(logits, targets, weights, batch_size=1)
        expected.append(dense(reader.backward(d_logits, cache).params))
        initial = cache.body.final
    assert len(told) == len(expected) == (1 if loss == "once" else 2)
    for (_, found), one in zip(told, expected, strict=True):
        assert_same(found, one, 1e-11)


@pytest.mark.parametrize("rule", [BPTT, lambda **told: TruncatedBPTT(3, 7, **told)])
def test_a_gradient_floor_ends_the_way_back(rule: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a step whose gradient is nothing beside that of the last word."""
    monkeypatch.setattr(recurrent, "CHECK_EVERY", 1)
    network, examples = make_network(readout="last", cell="rnn"), make_examples()
    network.params["recurrent.0.W_h"][...] *= 1e-3

    def unrolled(floor: float) -> int:
        learns, batch = rule(gradient_floor=floor), make_batch(examples)
        whole = isinstance(learns, BPTT)
        told = [next(learns.steps(network, batch))] if whole else learns.steps(network, batch)
        return sum(sums.unrolled for sums, _ in told)

    assert unrolled(0.0) == N
    assert unrolled(0.1) < N
