"""Truncated learning where every word is answered for: bounded memory, and several processes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.at_tokens import V, network_of, previous_words
from tests.gradcheck import dense
from tests.lessons import assert_same, make_batch, make_examples, make_network, told_in_steps
from textrnn.nn.bodies import Body
from textrnn.nn.inputs import EMBEDDING
from textrnn.training.examples import Examples
from textrnn.training.executors import make_executor
from textrnn.training.lesson import ONCE
from textrnn.training.negatives import Negatives
from textrnn.training.regularisation import Regularisation
from textrnn.training.rules.bptt import BPTT
from textrnn.training.rules.tbptt import TruncatedBPTT
from textrnn.training.step import NOTHING, LearningRule
from textrnn.typing import Params

EXAMPLES = previous_words(12, seed=7, longest=17)
LENGTHS = EXAMPLES.lengths


def told(rule: LearningRule, examples: Examples, **changes: Any) -> list[Any]:
    return told_in_steps(rule, network_of(cell="clockwork", hidden_size=8, **changes), examples)


@pytest.mark.parametrize("weights", [None, True])
@pytest.mark.parametrize(("k1", "k2"), [(3, 3), (3, 7), (4, 5), (16, 16)])
def test_a_text_teaches_the_same_beside_any_others(k1: int, k2: int, weights: Any) -> None:
    """Part by part, whether it is longer than k2, and wherever it ends."""
    examples = previous_words(12, seed=7, longest=17, weights=weights)
    if weights:  # of a single word nothing is asked
        examples = examples.take(np.flatnonzero(examples.lengths > 1))
    network, rule = network_of(cell="clockwork", hidden_size=8), TruncatedBPTT(k1, k2)
    together = [(sums, dense(found)) for sums, found in _copies(rule, network, examples)]
    sums = np.zeros((len(together), 4))
    gradients: list[Params] = [{} for _ in together]
    for row in range(len(examples)):
        one = examples.take(np.array([row]))
        for part, (of_one, found) in enumerate(_copies(rule, network, one)):
            sums[part] += of_one
            for name, value in found.items():
                gradients[part][name] = gradients[part].get(name, 0.0) + value / len(examples)
    for part, (of_all, found) in enumerate(together):
        # Words behind a last answer are told of with the last part that there is.
        rows = [0, 1, 3]
        np.testing.assert_allclose(np.array(of_all)[rows], sums[part][rows], rtol=1e-9, atol=1e-12)
        assert_same(found, gradients[part], 1e-9)


def _copies(rule: LearningRule, network: Any, examples: Examples) -> list[Any]:
    return [
        (sums, {name: value.copy() for name, value in dense(found).items()})
        for sums, found in rule.steps(network, make_batch(examples))
    ]


@pytest.mark.parametrize("k1", [3, 5])
def test_a_part_begins_at_the_time_that_it_has_in_its_text(k1: int) -> None:
    """By it a clockwork's groups tick, whose periods do not divide k1.

    As long as no weight changes, texts lose the same however they are cut.
    """
    network = network_of(cell="clockwork", hidden_size=8)
    sums = [sums for sums, _ in told_in_steps(TruncatedBPTT(k1, k1), network, EXAMPLES)]
    (whole,) = _copies(BPTT(), network, EXAMPLES)
    assert len(sums) > 3
    assert sum(one.loss for one in sums) == pytest.approx(whole[0].loss, rel=1e-10)


def test_words_become_unknown_in_windows() -> None:
    """All of them where that is certain: then nothing else is learned of words."""
    dropping = Regularisation(unknown_probabilities=np.ones(V))
    found = told(TruncatedBPTT(3, 5, dropping), EXAMPLES)
    gradients = np.sum([of_part[EMBEDDING] for _, of_part in found], axis=0)
    assert gradients[0].any()
    assert not gradients[1:].any()


@pytest.mark.parametrize("k", [1, 3, 5, 40])
def test_no_word_is_read_twice(k: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """And no more than k words of a text are held."""
    read, forward = [0], Body.forward

    def counting(self: Body, batch: Any, **given: Any) -> Any:
        read.append(batch.n_tokens)
        assert batch.lengths.max() <= k
        return forward(self, batch, **given)

    monkeypatch.setattr(Body, "forward", counting)
    found = told(TruncatedBPTT(k, k), EXAMPLES)
    assert sum(read) == EXAMPLES.n_tokens == sum(sums.tokens for sums, _ in found)


@pytest.mark.parametrize("k1", [2, 5])
def test_where_nothing_is_asked_nothing_is_told_but_read(k1: int) -> None:
    """At the beginning, in between and at the end; all that is asked adds up to BPTT's gradient."""
    numbers = np.concatenate([np.arange(n) for n in LENGTHS])
    weights = ((numbers > 5) & (numbers != 9) & (numbers < 13)).astype(float)
    examples = replace(EXAMPLES, weights=weights)
    network = network_of()
    steps = [*TruncatedBPTT(k1, 40).steps(network, make_batch(examples))]
    assert steps[0] is NOTHING
    found = told_in_steps(TruncatedBPTT(k1, 40), network, examples)
    (whole,) = _copies(BPTT(), network, examples)
    total = {name: sum(one[name] for _, one in found) for name in whole[1]}
    assert_same({name: np.asarray(value) for name, value in total.items()}, whole[1], 1e-9)
    sums = np.sum([sums for sums, _ in found], axis=0)
    np.testing.assert_allclose(sums[:3], whole[0][:3], rtol=1e-9)


def test_words_are_sampled_anew_for_each_part() -> None:
    """With as many as there are it is the softmax over all."""
    network = network_of(head="next_word")
    for n, is_same in ((10 * V, True), (2, False)):
        sampling = Regularisation(negatives=Negatives.of(EXAMPLES.targets.values, V, n))
        of_some = told_in_steps(TruncatedBPTT(3, 5, sampling), network, EXAMPLES)
        of_all = told_in_steps(TruncatedBPTT(3, 5), network, EXAMPLES)
        assert (
            np.allclose([sums.loss for sums, _ in of_some], [sums.loss for sums, _ in of_all])
            == is_same
        )


# ------------------------------------------------------------------- several processes


@pytest.mark.parametrize("n_jobs", [2, 3])
@pytest.mark.parametrize("what", ["tokens", "weighted tokens", "once", "every"])
def test_processes_go_through_the_parts_together(n_jobs: int, what: str) -> None:
    """They change the weights once for all; texts that have ended give nothing more."""
    if "tokens" in what:
        examples = previous_words(12, 7, longest=17, weights=what == "weighted tokens" or None)
        make: Any = network_of
        loss = ONCE
    else:
        examples, loss = make_examples(), what
        make = make_network
    rule, found = TruncatedBPTT(2, 3, loss=loss), []
    for n in (1, n_jobs, n_jobs):
        network, steps = make(), []
        with make_executor(network, n, train=examples, rule=rule) as executor:
            for sums, gradients in executor.steps(
                np.arange(len(examples)), np.random.default_rng(0)
            ):
                steps.append((sums, {k: v.copy() for k, v in dense(gradients).items()}))
                for name, value in steps[-1][1].items():
                    network.params[name] -= 0.1 * value
            params = {name: value.copy() for name, value in network.params.items()}
        found.append((steps, params))
    (alone, of_one), (together, of_several), (again, of_again) = found
    assert len(alone) == len(together) > 1
    for (one, of_alone), (several, of_all), (same, _) in zip(alone, together, again, strict=True):
        for what_is_told in ("loss", "correct", "unrolled"):
            expected = pytest.approx(getattr(one, what_is_told), rel=1e-9, abs=1e-12)
            assert getattr(several, what_is_told) == expected
        assert_same(of_all, of_alone, 1e-8)
        assert several == same
    # Each tells of words without an answer when it has one, so that their sum is the same.
    assert len({sum(sums.tokens for sums, _ in steps) for steps in (alone, together)}) == 1
    for name, value in of_one.items():
        np.testing.assert_allclose(of_several[name], value, rtol=1e-9)
        assert of_several[name].tobytes() == of_again[name].tobytes()


def test_a_batch_that_is_left_half_way_is_forgotten() -> None:
    """As where a run is stopped within it; the next one begins anew."""
    rule, rows = TruncatedBPTT(2, 3), np.arange(len(EXAMPLES))
    with make_executor(network_of(), 2, train=EXAMPLES, rule=rule) as executor:
        first = [sums for sums, _ in executor.steps(rows, np.random.default_rng(0))]
        steps = executor.steps(rows, np.random.default_rng(0))
        next(steps)
        next(steps)
        again = [sums for sums, _ in executor.steps(rows, np.random.default_rng(0))]
    assert first == again
