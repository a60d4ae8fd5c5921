"""What strengthens a label in writing, against Bayes' rule done by hand over whole beginnings."""

from __future__ import annotations

import numpy as np
import pytest

from tests.test_network_language import model_of
from textrnn.errors import UsageError
from textrnn.inference.generation import STRENGTH, generate
from textrnn.inference.network_language import EACH, FIRST
from textrnn.inference.strengthened import Strengthened
from textrnn.nn.inputs import EMBEDDING

SHARES = (0.25, 0.75)


def by_hand(kind: str, words: list[int], label: int, strength: float) -> list[float]:
    """ln q of each next word and the end, by the probabilities of whole beginnings."""
    model = model_of(kind)
    joint = []
    for other in (0, 1):
        state = model.begin(1, np.array([other]))
        so_far = np.log(SHARES[other])
        for word in words:
            so_far += model.next(state)[0, word]
            state = model.push(state, np.array([word]))
        joint.append(so_far + model.next(state)[0])
        if other == label:
            own = model.next(state)[0]
    found = own + strength * (joint[label] - np.logaddexp(*joint))
    logs: list[float] = (found - np.log(np.exp(found).sum())).tolist()
    return logs


@pytest.mark.parametrize("kind", [FIRST, EACH])
@pytest.mark.parametrize("strength", [0.0, 0.5, 3.0])
def test_bayes_rule_over_the_labels(kind: str, strength: float) -> None:
    model = Strengthened(model_of(kind), strength)
    texts, labels = np.array([[1, 3, 0, 2], [2, 2, 1, 1]]), np.array([1, 0])
    state = model.begin(2, labels)
    for t in range(5):
        found = model.next(state)
        for row in (0, 1):
            expected = by_hand(kind, texts[row, :t].tolist(), int(labels[row]), strength)
            np.testing.assert_allclose(found[row], expected, rtol=1e-9)
        if t < 4:
            state = model.push(state, texts[:, t])
            swapped = model.take(state, np.array([1, 0, 1]))
            np.testing.assert_array_equal(model.next(swapped), model.next(state)[[1, 0, 1]])


def test_no_strength_is_the_model_itself() -> None:
    plain, strong = model_of(EACH), Strengthened(model_of(EACH), 0.0)
    labels = np.array([0, 1])
    np.testing.assert_allclose(
        strong.next(strong.begin(2, labels)), plain.next(plain.begin(2, labels)), rtol=1e-12
    )


def test_what_is_written_tells_its_label_more() -> None:
    model = model_of(EACH)
    model.network.params[EMBEDDING][-2:] *= 3.0  # so that texts of one label differ from others

    def told(strength: float) -> float:
        """Mean ln p(no | text) of texts that are written for it."""
        written = generate(model, 200, label="no", strength=strength, max_tokens=12, seed=1)
        texts = [one.words for one in written]
        encoded = model.encode(texts)
        ends = encoded.starts[:-1] + np.arange(len(texts))
        of = [
            np.add.reduceat(model.log_probabilities(encoded, np.full(len(texts), c)), ends)
            + np.log(SHARES[c])
            for c in (0, 1)
        ]
        return float((of[0] - np.logaddexp(*of)).mean())

    assert told(2.0) > told(0.0) + 0.05
    usual = list(generate(model, 20, label="no", max_tokens=9))
    assert usual == list(generate(model, 20, label="no", max_tokens=9, strength=STRENGTH))
    assert usual != list(generate(model, 20, label="no", max_tokens=9, strength=0.0))
    either = list(generate(model, 20, strength=1.0, max_tokens=3))
    assert {one.label for one in either} == {"no", "yes"}


def test_strengths_that_cannot_be() -> None:
    with pytest.raises(UsageError, match="strength is -1"):
        generate(model_of(EACH), label="yes", strength=-1.0)
    with pytest.raises(UsageError, match="not trained on labels"):
        generate(model_of(), strength=1.0)
