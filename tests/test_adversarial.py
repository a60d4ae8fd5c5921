"""Word vectors that move against the text: the move, its gradient, and the step they make."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.examples import examples
from tests.gradcheck import CELL_NAMES, assert_gradient, dense, random_network, smooth_network
from tests.networks import network_config
from textrnn import TextRNNClassifier
from textrnn.errors import UsageError
from textrnn.nn.config import NetworkConfig
from textrnn.nn.gradients import values_of
from textrnn.nn.losses import cross_entropy
from textrnn.nn.network import Network
from textrnn.nn.packed import PackedBatch, pack
from textrnn.nn.targets import Targets
from textrnn.nn.workspace import Workspace
from textrnn.text.encoded import EncodedTexts
from textrnn.training.examples import Examples
from textrnn.training.regularisation import Regularisation
from textrnn.training.rules.adversarial import perturbation
from textrnn.training.rules.bptt import BPTT
from textrnn.training.step import Batch
from textrnn.typing import Floats, Params

DOCUMENTS = [np.array(ids, dtype=np.int32) for ids in ([2, 0, 2, 3], [1], [3, 3])]
TARGETS = np.array([1, 0, 2])


def a_config(cell: str = "lstm", embedding_dim: int | None = 2, **changes: Any) -> NetworkConfig:
    named: dict[str, Any] = {"bidirectional": True, "readout": "max", "hidden_size": 2}
    return network_config(3, 5, embedding_dim, cell, dtype="float64", **{**named, **changes})


def loss_of(network: Network, batch: PackedBatch, moved: Floats | None) -> float:
    logits, _ = network.forward(batch, perturbation=moved)
    return cross_entropy(logits, TARGETS[batch.order])[0]


def gradients_of(network: Network, batch: PackedBatch, moved: Floats | None) -> Params:
    logits, cache = network.forward(batch, perturbation=moved)
    return dense(network.backward(cross_entropy(logits, TARGETS[batch.order])[1], cache).params)


def table_of(network: Network) -> str:
    return network.config.tables()[0]


@pytest.mark.parametrize("num_layers", [1, 2])
@pytest.mark.parametrize("embedding_dim", [2, None], ids=["embedding", "one-hot"])
@pytest.mark.parametrize("cell", CELL_NAMES)
def test_gradients_where_words_have_moved(
    cell: str, embedding_dim: int | None, num_layers: int
) -> None:
    """Of all parameters, and of the move itself."""
    config = a_config(cell, embedding_dim, num_layers=num_layers)
    batch = pack(DOCUMENTS)
    network = smooth_network(config, batch, lambda: None)
    table = table_of(network)
    shape = (len(batch.distinct), *config.shapes()[table][1:])
    moved: Floats = 0.1 * np.random.default_rng(0).standard_normal(shape)
    gradients = gradients_of(network, batch, moved)
    for name, value in network.params.items():
        assert_gradient(gradients[name], lambda: loss_of(network, batch, moved), value, name)
    of_move = gradients[table][batch.distinct]
    assert_gradient(of_move, lambda: loss_of(network, batch, moved), moved, "moved")


def test_a_move_is_as_a_change_of_the_table() -> None:
    network, batch = random_network(a_config(), np.random.default_rng(0)), pack(DOCUMENTS)
    moved = np.random.default_rng(1).standard_normal((len(batch.distinct), 2))
    expected, _ = network.forward(batch, perturbation=moved)
    network.params["embedding.weight"][batch.distinct] += moved
    np.testing.assert_allclose(network.forward(batch)[0], expected, rtol=1e-12)


@pytest.mark.parametrize("embedding_dim", [2, None], ids=["embedding", "one-hot"])
def test_no_move_of_its_length_does_more_harm(embedding_dim: int | None) -> None:
    config = a_config(embedding_dim=embedding_dim)
    network, batch = random_network(config, np.random.default_rng(0)), pack(DOCUMENTS)
    logits, cache = network.forward(batch)
    loss, d_logits = cross_entropy(logits, TARGETS[batch.order])
    moved = perturbation(network, batch, network.backward(d_logits, cache).d_inputs, 0.01)
    assert moved is not None
    vectors = network.params[table_of(network)][batch.distinct]
    assert np.linalg.norm(moved) == pytest.approx(0.01 * np.linalg.norm(vectors))
    worst = loss_of(network, batch, moved)
    assert worst > loss
    rng = np.random.default_rng(1)
    for _ in range(20):
        other = rng.standard_normal(moved.shape)
        other *= np.linalg.norm(moved) / np.linalg.norm(other)
        assert loss_of(network, batch, other) < worst


def test_real_valued_sequences_are_perturbed_but_have_no_words_to_drop() -> None:
    config = network_config(3, 0, None, n_inputs=2, dtype="float64", bidirectional=True)
    network, rng = random_network(config, np.random.default_rng(0)), np.random.default_rng(1)
    sequences = [rng.standard_normal((n, 2)) for n in (4, 1, 3)]
    texts = EncodedTexts(np.concatenate(sequences), np.array([0, 4, 5, 8]), ())
    data = Examples(texts, Targets.hard(TARGETS, 3))
    batch = Batch(data, 3, rng, Workspace())
    _, found = next(BPTT(Regularisation(adversarial=0.3)).steps(network, batch))
    packed = pack(sequences)
    logits, cache = network.forward(packed)
    d_logits = cross_entropy(logits, TARGETS[packed.order])[1]
    first = network.backward(d_logits, cache)
    moved = perturbation(network, packed, first.d_inputs, 0.3)
    assert moved is not None
    assert np.linalg.norm(moved) == pytest.approx(0.3 * np.linalg.norm(packed.ids))
    own, theirs = dense(first.params), gradients_of(network, packed, moved)
    for name, value in dense(found).items():
        np.testing.assert_allclose(value, (own[name] + theirs[name]) / 2, rtol=1e-10, atol=1e-13)
    dropping = BPTT(Regularisation(unknown_probabilities=np.ones(2, np.float32)))
    with pytest.raises(UsageError, match="no words to drop"):
        next(dropping.steps(network, batch))


def test_where_there_is_no_gradient_nothing_moves() -> None:
    network, batch = random_network(a_config(), np.random.default_rng(0)), pack(DOCUMENTS)
    logits, cache = network.forward(batch)
    d_inputs = network.backward(np.zeros_like(logits), cache).d_inputs
    assert perturbation(network, batch, d_inputs, 0.3) is None


@pytest.mark.parametrize("embedding_dim", [2, None], ids=["embedding", "one-hot"])
@pytest.mark.parametrize(("cell", "bidirectional"), [("lstm", True), ("rnn", False)])
def test_a_step_is_the_mean_of_both(
    cell: str, bidirectional: bool, embedding_dim: int | None
) -> None:
    """Also of one gate and one direction, whose gradient of rows lies in a buffer as it is."""
    config = a_config(cell, embedding_dim, bidirectional=bidirectional)
    network = random_network(config, np.random.default_rng(0))
    batch, data = pack(DOCUMENTS), examples(DOCUMENTS, TARGETS)
    rng = np.random.default_rng(0)
    batch_of_all = Batch(data.take(np.arange(3)), 3, rng, Workspace())
    sums, found = next(BPTT(Regularisation(adversarial=0.3)).steps(network, batch_of_all))
    logits, cache = network.forward(batch)
    loss, d_logits = cross_entropy(logits, TARGETS[batch.order])
    assert sums.loss == pytest.approx(3 * loss)
    first = network.backward(d_logits, cache)
    moved = perturbation(network, batch, first.d_inputs, 0.3)
    own, theirs = dense(first.params), gradients_of(network, batch, moved)
    assert not np.allclose(own["linear.weight"], theirs["linear.weight"])
    for name, value in dense(found).items():
        np.testing.assert_allclose(value, (own[name] + theirs[name]) / 2, rtol=1e-10, atol=1e-13)
    assert values_of(found[table_of(network)]).dtype == np.float64


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_training(n_jobs: int, reviews: tuple[list[str], list[str]]) -> None:
    texts, labels = reviews
    named: dict[str, Any] = {"hidden_size": 4, "embedding_dim": 4, "max_iter": 2, "random_state": 0}
    named |= {"n_jobs": n_jobs, "ngrams": "none", "freeze_embedding": True}
    plain = TextRNNClassifier(**named).fit(texts, labels)
    moved = TextRNNClassifier(**named, adversarial=0.3).fit(texts, labels)
    again = TextRNNClassifier(**named, adversarial=0.3).fit(texts, labels)
    weights = [one.model_.network.params["recurrent.0.W_h"] for one in (plain, moved, again)]
    assert not np.array_equal(weights[0], weights[1])
    np.testing.assert_array_equal(weights[1], weights[2])
