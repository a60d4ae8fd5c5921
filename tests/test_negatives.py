"""A sampled softmax: its gradient tends to that of the whole one, whatever the learning rule."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.gradcheck import assert_gradient, dense
from tests.lessons import STARTS, make_batch, told_in_steps, told_once
from tests.test_next_word import C, V, config_of, network_of
from textrnn.nn.config import NetworkConfig
from textrnn.nn.network import Network
from textrnn.nn.targets import Targets
from textrnn.text.encoded import EncodedTexts
from textrnn.training.examples import Examples
from textrnn.training.lesson import make_lesson
from textrnn.training.negatives import Negatives
from textrnn.training.regularisation import Regularisation
from textrnn.training.rules.bptt import BPTT
from textrnn.training.rules.rtrl import RTRL
from textrnn.training.rules.tbptt import TruncatedBPTT
from textrnn.typing import Floats, Ints, Params

N = int(STARTS[-1])


def examples_of(n_words: int = C, n_read: int = V) -> Examples:
    rng = np.random.default_rng(3)
    ids = rng.integers(0, n_read, N).astype(np.int32)
    targets = Targets.hard(rng.integers(0, n_words, N), n_words)
    return Examples(EncodedTexts(ids, STARTS, ()), targets, np.ones(N), at_tokens=True)


def sampling(targets: Ints, n: int, n_words: int = C) -> Regularisation:
    return Regularisation(negatives=Negatives.of(targets, n_words, n))


# --------------------------------------------------------------------------- the draw


def test_words_in_question_are_the_right_ones_and_some_drawn() -> None:
    targets = np.array([5, 5, 900, 3])
    negatives = Negatives.of(np.arange(1000).repeat(2), 1000, 50)
    words, shift = negatives.among(targets, np.random.default_rng(0))
    assert {3, 5, 900} <= set(words)
    assert 40 < len(words) == len(shift) <= 53
    assert (np.diff(words) > 0).all()
    again, _ = negatives.among(targets, np.random.default_rng(0))
    np.testing.assert_array_equal(again, words)


def test_sums_over_all_words_are_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not in each step, which costs by the words in question."""
    negatives, made = Negatives.of(np.arange(20), 20, 3), []
    cumsum = np.cumsum
    monkeypatch.setattr(np, "cumsum", lambda *given: made.append(1) or cumsum(*given))
    for _ in range(3):
        negatives.among(np.arange(2), np.random.default_rng(0))
    assert len(made) == 1


def test_a_word_is_as_often_in_question_as_it_is_said_to_be() -> None:
    """Right words drawn by their frequencies, and wrong ones."""
    rng = np.random.default_rng(0)
    counts = np.array([1, 2, 5, 20, 60, 200])
    negatives = Negatives.of(np.repeat(np.arange(6), counts), 6, 3)
    np.testing.assert_allclose(negatives.frequencies, counts / counts.sum())
    seen, told = np.zeros(6), np.zeros(6)
    for _ in range(6_000):
        words, shift = negatives.among(rng.choice(6, 4, p=negatives.frequencies), rng)
        seen[words] += 1
        told[words] = np.exp(-shift)
    np.testing.assert_allclose(told, seen / 6_000, atol=0.02)


def test_words_that_are_never_right_are_drawn_too() -> None:
    negatives = Negatives.of(np.array([0, 0, 0]), 4, 2)
    assert (negatives.drawn > 0.0).all()
    assert (negatives.frequencies > 0.0).all()
    np.testing.assert_allclose([negatives.drawn.sum(), negatives.frequencies.sum()], 1.0)


# ----------------------------------------------------------------------- the gradient


@pytest.mark.parametrize("form", ["tied, narrow", "untied"])
def test_gradients_of_a_sampled_step(form: str) -> None:
    """Of the loss among the words drawn, by central differences."""
    network, examples = network_of(form), examples_of()
    rule = BPTT(sampling(examples.targets.values, 2))

    def told() -> Any:
        return next(rule.steps(network, make_batch(examples)))  # with the same randomness

    gradients = dense(told()[1])
    for name, value in network.params.items():
        assert_gradient(gradients[name], lambda: told()[0].loss / len(examples), value, name)


@pytest.mark.parametrize("form", ["tied", "untied", "one-hot"])
def test_with_all_words_it_is_the_whole_softmax(form: str) -> None:
    network, examples = network_of(form), examples_of()
    for plain, sampled in zip(
        _rules(None), _rules(sampling(examples.targets.values, C)), strict=True
    ):
        here, there = _told(plain, network, examples), _told(sampled, network, examples)
        np.testing.assert_allclose(here[0], there[0], rtol=1e-12)
        for name, value in here[1].items():
            np.testing.assert_allclose(there[1][name], value, rtol=1e-10, atol=1e-13)


def _rules(regularisation: Regularisation | None) -> list[Any]:
    given = Regularisation() if regularisation is None else regularisation
    return [BPTT(given), TruncatedBPTT(2, 3, given), RTRL(given)]


def _told(rule: Any, network: Network, examples: Examples) -> tuple[Floats, Params]:
    if isinstance(rule, TruncatedBPTT):
        told = told_in_steps(rule, network, examples)
        names = told[0][1]
        total = {n: np.sum([found[n] for _, found in told], axis=0) for n in names}
        return np.sum([sums for sums, _ in told], axis=0), total
    sums, found = told_once(rule, network, examples)
    return np.array(sums), found


def test_its_mean_gradient_tends_to_that_of_the_whole_softmax() -> None:
    n_words = 300
    values = config_of("tied").to_dict() | {"n_classes": n_words, "vocabulary_size": n_words}
    config = NetworkConfig(**values)
    network = Network.initialise(config, np.random.default_rng(0))
    network.params["embedding.weight"] *= 8.0
    examples = examples_of(n_words, n_words)
    _, whole = told_once(BPTT(), network, examples)

    def error(n: int, draws: int = 60) -> float:
        """Of the mean over some draws, as a share of the whole gradient."""
        rule = BPTT(sampling(np.arange(n_words), n, n_words))
        total = {name: np.zeros_like(value) for name, value in whole.items()}
        for seed in range(draws):
            batch = replace(make_batch(examples), rng=np.random.default_rng(seed))
            for name, value in dense(next(rule.steps(network, batch))[1]).items():
                total[name] += value / draws
        off = sum(float(((total[name] - whole[name]) ** 2).sum()) for name in whole)
        return float(np.sqrt(off / sum(float((v**2).sum()) for v in whole.values())))

    errors = [error(n) for n in (10, 100, 1_000)]
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] < 0.01


def test_what_it_learns_hardly_depends_on_how_few_are_drawn() -> None:
    """The answers' true probabilities are where its loss is least: its mean gradient is 0 there."""
    rng, n_words = np.random.default_rng(0), 12
    true = rng.dirichlet(np.full(n_words, 0.7))
    negatives = Negatives(2, true, np.full(n_words, 1 / n_words))
    total = np.zeros(n_words)
    for _ in range(6_000):
        targets = rng.choice(n_words, 3, p=true)
        words, shift = negatives.among(targets, rng)
        logits = np.log(true)[words] + shift
        shares = np.exp(logits - logits.max())
        np.add.at(total, words, 3 * shares / shares.sum())
        np.add.at(total, targets, -1.0)
    assert np.abs(total / 18_000).max() < 0.01
    assert np.abs(np.full(n_words, 1 / n_words) - true).max() > 0.1


# --------------------------------------------------------------------------- a lesson


def test_a_lesson_over_all_words_stays_as_it_is() -> None:
    network, examples = network_of("tied"), examples_of()
    lesson = make_lesson(network, make_batch(examples), Regularisation())
    assert lesson.sampled(None, np.random.default_rng(0)) is lesson


def test_a_head_of_classes_has_no_words_to_draw() -> None:
    network = Network.initialise(config_of("untied", head="token"), np.random.default_rng(0))
    with pytest.raises(ValueError, match="token head does not tell the next word"):
        network.among(np.arange(2), np.zeros(2))
