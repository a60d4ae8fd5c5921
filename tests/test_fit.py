"""From tokenised texts to a model and a run: what of the settings and texts arrives there."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.examples import examples
from textrnn.text.encoded import as_encoded, encode_lists
from textrnn.text.vectors import train_word2vec
from textrnn.training import fit
from textrnn.training.class_weight import number_classes, weights_by_class
from textrnn.training.fit import (
    build_model,
    make_run,
)
from textrnn.training.rules.bptt import BPTT
from textrnn.training.settings import Settings
from textrnn.typing import ClassWeight

TOKENS = [["a", "b", "late"], ["a", "c"], ["b", "a", "rare"], ["c"]]
TARGETS = np.array([0, 1, 0, 1])
TEXTS = examples(TOKENS, TARGETS, np.array([1.0, 2.0, 3.0, 4.0]))


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def small(**changes: Any) -> Settings:
    return Settings(**{"hidden_size": 3, "embedding_dim": 4, **changes})


@pytest.mark.parametrize("rows", [[2, 0], [False, True, False, True]])
def test_texts_are_taken_with_their_targets_and_weights(rows: list[Any]) -> None:
    taken = TEXTS.take(np.array(rows))
    positions = np.arange(4)[rows]
    assert list(taken.texts) == [TOKENS[i] for i in positions]
    np.testing.assert_array_equal(taken.targets.values, TARGETS[positions])
    np.testing.assert_array_equal(taken.weights, positions + 1.0)


def test_weights_of_classes_keep_their_proportions_at_a_mean_of_one() -> None:
    labels, class_weight = ["x", "y", "y", "y"], {"x": 6.0, "y": 2.0}
    assert weights_by_class(labels, None) is None
    cases: tuple[tuple[ClassWeight, bool, list[float]], ...] = (
        (class_weight, True, [2.0, *[2 / 3] * 3]),
        (class_weight, False, [6.0, 2.0, 2.0, 2.0]),
        ("balanced", True, [2.0, *[2 / 3] * 3]),
    )
    for given, normalise, expected in cases:
        weights = weights_by_class(labels, given, normalise=normalise)
        assert weights is not None
        np.testing.assert_allclose(weights, expected)


def test_classes_are_numbered_as_they_stand() -> None:
    assert number_classes(["y", "x", "y"], ["x", "y"]).tolist() == [1, 0, 1]


def test_the_vocabulary_has_the_words_that_are_read() -> None:
    """Of texts as they are cut, with labels and without."""
    unlabelled = encode_lists([["new", "a", "cut"]])
    cut = as_encoded(TOKENS).cut(2)
    unlabelled = unlabelled.cut(2)
    model = build_model(small(max_length=2), cut, ("x", "y"), rng=rng(), unlabelled=unlabelled)
    assert set(model.vocabulary.tokens[1:]) == {"a", "b", "c", "new"}
    assert model.vocabulary.index["a"] == 1
    alone = build_model(small(max_length=2), cut, ("x", "y"), rng=rng())
    assert set(alone.vocabulary.tokens[1:]) == {"a", "b", "c"}


@pytest.mark.parametrize("alpha", [0.0, 0.25, 3.0])
def test_a_run_has_what_is_asked_for(alpha: float) -> None:
    settings = small(unknown_alpha=alpha, n_jobs=3, max_iter=2)
    model = build_model(settings, as_encoded(TOKENS), ("x", "y"), rng=rng())
    chance = rng()
    held_out = TEXTS.take(np.array([1, 3]))
    run = make_run(model, settings, TEXTS, validation=held_out, rng=chance, momentum=0.3)
    assert isinstance(run.rule, BPTT)
    unknown = run.rule.regularisation.unknown_probabilities
    if alpha == 0.0:
        assert unknown is None
    else:
        np.testing.assert_array_equal(unknown, model.vocabulary.unknown_probabilities(alpha))
    assert run.network is model.network
    assert run.rng is chance
    assert run.n_jobs == 3
    assert (run.config.max_iter, run.config.momentum) == (2, 0.3)
    assert run.train.weights is TEXTS.weights
    assert run.validation is not None
    np.testing.assert_array_equal(run.validation.weights, [2.0, 4.0])
    np.testing.assert_array_equal(run.validation.targets.values, [1, 1])


def test_word2vec_depends_on_the_seed_of_the_run() -> None:
    texts = [["a", "b", "c", "a"], ["b", "c", "a", "b"]] * 5

    def vectors(seed: int) -> Any:
        settings, chance = small(embedding="word2vec"), np.random.default_rng(seed)
        model = build_model(settings, as_encoded(texts), ("x", "y"), rng=chance)
        return model.network.params["embedding.weight"][1:]

    np.testing.assert_array_equal(vectors(1), vectors(1))
    assert not np.array_equal(vectors(1), vectors(2))


@pytest.mark.parametrize(("small_corpus", "fewest"), [(True, 1), (False, 5)])
def test_word2vec_keeps_rarer_words_of_little_text(
    monkeypatch: pytest.MonkeyPatch, small_corpus: bool, fewest: int
) -> None:
    asked: list[int] = []

    def noted(tokens: Any, *, min_count: int, **named: Any) -> Any:
        asked.append(min_count)
        return train_word2vec(tokens, min_count=1, **named)

    monkeypatch.setattr(fit, "train_word2vec", noted)
    n_words = sum(map(len, TOKENS))
    monkeypatch.setattr(fit, "SMALL_CORPUS", n_words + small_corpus)
    build_model(small(embedding="word2vec"), as_encoded(TOKENS), ("x", "y"), rng=rng())
    assert asked == [fewest]


@pytest.mark.parametrize(("known", "is_told"), [(1, True), (3, False)])
def test_vectors_of_few_of_the_words_are_told(tmp_path: Path, known: int, is_told: bool) -> None:
    """A tenth of the running words is enough."""
    texts = [[f"word{chr(97 + i)}" for i in range(20)]]
    lines = [f"{word} 0.5 -0.5" for word in texts[0][:known]]
    path = tmp_path / "vectors.txt"
    path.write_text(f"{known} 2\n" + "\n".join(lines) + "\n", encoding="utf-8")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        build_model(small(embedding=str(path)), as_encoded(texts), ("x", "y"), rng=rng())
    assert [f"vectors for only {known / 20:.1%}" in str(w.message) for w in caught] == (
        [True] if is_told else []
    )
