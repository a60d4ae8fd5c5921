"""Heads, losses and kinds of input: a row each, a column a promise.

The columns: gradients by central differences, the batch equal to single documents, reading without
a trace equal to the forward pass, equality with PyTorch. The rows cross what answers (once a text,
at every token), what it learns (classes, labels, numbers) and what it reads (embedded words,
one-hot words, real-valued sequences).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from tests.gradcheck import CELL_NAMES, assert_gradient, dense, random_network, smooth_network
from tests.networks import network_config
from textrnn.nn.config import NetworkConfig
from textrnn.nn.heads import HEADS
from textrnn.nn.incremental import DocumentReader
from textrnn.nn.losses import squared_error
from textrnn.nn.network import Network
from textrnn.nn.optimizers import Adam
from textrnn.nn.packed import PackedBatch
from textrnn.typing import Floats, Params

LENGTHS = (4, 1, 2)
"""Ragged, not sorted, with a single word."""
V, D, C = 5, 2, 3
EXACT: Any = {"rtol": 1e-12, "atol": 1e-14}
CLOSE: Any = {"rtol": 1e-9, "atol": 1e-12}

KINDS: dict[str, dict[str, Any]] = {
    "classes": {"n_classes": C},
    "labels": {"n_classes": C, "multilabel": True},
    "number": {"n_classes": 1, "regression": True},
}
INPUTS: dict[str, dict[str, Any]] = {
    "embedding": {"vocabulary_size": V, "embedding_dim": D},
    "one-hot": {"vocabulary_size": V, "embedding_dim": None},
    "real": {"vocabulary_size": 0, "embedding_dim": None, "n_inputs": D},
}
heads = pytest.mark.parametrize("head", sorted(set(HEADS) - {"next_word"}))
"""But for that of a language model, which answers one kind of question: see ``test_next_word``."""
kinds = pytest.mark.parametrize("kind", list(KINDS))
inputs = pytest.mark.parametrize("given", list(INPUTS))
ways = pytest.mark.parametrize("bidirectional", [False, True], ids=["one-way", "two-way"])
layers = pytest.mark.parametrize("num_layers", [1, 2])


def config_of(head: str, kind: str, given: str, **changes: Any) -> NetworkConfig:
    values: dict[str, Any] = {"hidden_size": 2, "cell": "gru", "dtype": "float64", **changes}
    return network_config(head=head, **KINDS[kind], **INPUTS[given], **values)


def documents_of(given: str, lengths: Sequence[int] = LENGTHS) -> list[Any]:
    rng = np.random.default_rng(2)
    if given == "real":
        return [rng.standard_normal((n, D)) for n in lengths]
    return [rng.integers(0, V - 1, n).astype(np.int32) for n in lengths]


def targets_of(kind: str, n: int) -> Any:
    rng = np.random.default_rng(3)
    if kind == "classes":
        return rng.integers(0, C, n)
    return rng.integers(0, 2, (n, C)) if kind == "labels" else rng.standard_normal(n)


def answers_of(head: str, batch: PackedBatch) -> Any:
    """The place of each answer's target in the caller's list: of documents, or of tokens."""
    return batch.order if head == "text" else batch.places


def loss_of(network: Network, documents: Sequence[Any], targets: Any, weights: Floats) -> float:
    batch = network.pack(documents)
    places = answers_of(network.config.head, batch)
    logits, _ = network.forward(batch)
    return network.config.output.loss(logits, targets[places], weights[places])[0]


def gradients_of(
    network: Network, documents: Sequence[Any], targets: Any, weights: Floats
) -> tuple[Params, Floats | None, PackedBatch]:
    batch = network.pack(documents)
    places = answers_of(network.config.head, batch)
    logits, cache = network.forward(batch)
    _, d_logits = network.config.output.loss(logits, targets[places], weights[places])
    found = network.backward(d_logits, cache)
    return dense(found.params), found.d_inputs, batch


# ----------------------------------------------------------------------- gradients


@pytest.mark.parametrize("segment_length", [None, 2], ids=["whole", "segments"])
@pytest.mark.parametrize("lengths", [LENGTHS, (1,)], ids=["ragged", "one-word"])
@layers
@ways
@inputs
@kinds
@heads
def test_gradients(
    head: str,
    kind: str,
    given: str,
    bidirectional: bool,
    num_layers: int,
    lengths: tuple[int, ...],
    segment_length: int | None,
) -> None:
    """Of all parameters, and of the real-valued inputs themselves."""
    config = config_of(
        head,
        kind,
        given,
        bidirectional=bidirectional,
        num_layers=num_layers,
        segment_length=segment_length,
    )
    network = random_network(config, np.random.default_rng(1))
    check_gradients(network, documents_of(given, lengths))


@heads
@pytest.mark.parametrize("cell", CELL_NAMES)
def test_gradients_of_every_cell(cell: str, head: str) -> None:
    config = config_of(head, "number", "real", cell=cell, bidirectional=True)
    documents = documents_of("real")
    batch = Network.initialise(config, np.random.default_rng(0)).pack(documents)
    check_gradients(smooth_network(config, batch, lambda: None), documents)


def check_gradients(network: Network, documents: Sequence[Any]) -> None:
    config = network.config
    n = len(documents) if config.head == "text" else sum(map(len, documents))
    kind = "number" if config.regression else "labels" if config.multilabel else "classes"
    targets, weights = targets_of(kind, n), np.random.default_rng(4).uniform(0.5, 2.0, n)

    def loss() -> float:
        return loss_of(network, documents, targets, weights)

    gradients, d_inputs, batch = gradients_of(network, documents, targets, weights)
    assert {name: g.shape for name, g in gradients.items()} == config.shapes()
    for name, value in network.params.items():
        assert_gradient(gradients[name], loss, value, name)
    if config.n_inputs is None:
        return
    assert d_inputs is not None
    by_token = np.empty_like(d_inputs)
    by_token[batch.places] = d_inputs
    ends = np.cumsum([*map(len, documents)])
    for x, d_x in zip(documents, np.split(by_token, ends), strict=False):
        assert_gradient(d_x, loss, x, "inputs")


# ------------------------------------------------------- batch, single, without a trace


@pytest.mark.parametrize("segment_length", [None, 2], ids=["whole", "segments"])
@layers
@ways
@inputs
@heads
def test_a_batch_is_its_documents(
    head: str, given: str, bidirectional: bool, num_layers: int, segment_length: int | None
) -> None:
    """Each answered as if it were alone, in the caller's order; with and without a trace."""
    config = config_of(
        head,
        "classes",
        given,
        bidirectional=bidirectional,
        num_layers=num_layers,
        segment_length=segment_length,
    )
    network, documents = random_network(config, np.random.default_rng(1)), documents_of(given)
    batch = network.pack(documents)
    logits, cache = network.forward(batch)
    read, final = network.read(batch)
    np.testing.assert_allclose(read, logits, **EXACT)
    for there, here in zip(cache.body.final, final, strict=True):
        for name, value in there.items():
            np.testing.assert_allclose(here[name], value, **EXACT)
    together = network.predict_logits(batch)
    alone = [network.predict_logits(network.pack([one])) for one in documents]
    reader = DocumentReader(network)
    if segment_length is None:
        one_by_one = [reader.predict_logits(one).reshape(-1, C) for one in documents]
        np.testing.assert_allclose(together, np.concatenate(one_by_one), **EXACT)
        shares = [reader.predict_proba(one).reshape(-1, C) for one in documents]
        np.testing.assert_allclose(network.predict_proba(batch), np.concatenate(shares), **EXACT)
    assert together.shape == (len(documents) if head == "text" else sum(LENGTHS), C)
    np.testing.assert_allclose(together, np.concatenate(alone), **EXACT)


def test_a_long_batch_is_read_without_its_trace() -> None:
    """More rows than are read at once; a token's answer is that of the forward pass."""
    config = config_of("token", "classes", "embedding", bidirectional=True)
    network = random_network(config, np.random.default_rng(1))
    batch = network.pack(documents_of("embedding", [700, 3, 500, 40]))
    np.testing.assert_allclose(network.read(batch)[0], network.forward(batch)[0], **CLOSE)


@pytest.mark.parametrize("segment_length", [None, 2])
def test_places_put_a_value_of_each_token_into_its_row(segment_length: int | None) -> None:
    network = random_network(
        config_of("token", "classes", "one-hot", segment_length=segment_length),
        np.random.default_rng(0),
    )
    documents = documents_of("one-hot", [5, 1, 4])
    batch = network.pack(documents)
    np.testing.assert_array_equal(np.concatenate(documents)[batch.places], batch.ids)
    assert sorted(batch.places.tolist()) == list(range(10))


@pytest.mark.parametrize("segment_length", [None, 2])
@heads
def test_answers_come_in_the_order_of_the_rows_given(head: str, segment_length: int | None) -> None:
    config = config_of(head, "classes", "one-hot", segment_length=segment_length)
    network = random_network(config, np.random.default_rng(0))
    documents = documents_of("one-hot", [5, 1, 4, 3])
    starts = np.cumsum([0, *map(len, documents)])
    rows = np.array([3, 0, 2])
    batch = network.pack_rows(np.concatenate(documents), starts, rows)
    alone = [network.predict_logits(network.pack([documents[row]])) for row in rows]
    np.testing.assert_allclose(network.predict_logits(batch), np.concatenate(alone), **EXACT)
    given = np.concatenate([documents[row] for row in rows])
    np.testing.assert_array_equal(given[batch.places], batch.ids)


@layers
@inputs
@heads
def test_a_backward_pass_changes_nothing(head: str, given: str, num_layers: int) -> None:
    config = config_of(head, "classes", given, num_layers=num_layers, bidirectional=True)
    network = random_network(config, np.random.default_rng(1))
    logits, cache = network.forward(network.pack(documents_of(given)))
    kept = []
    for _ in range(2):
        found = network.backward(np.ones_like(logits), cache)
        assert len(found.unrolled) == len(found.d_initial) == num_layers
        states = {f"{i}.{n}": v for i, s in enumerate(found.d_initial) for n, v in s.items()}
        kept.append(
            {n: v.copy() for n, v in {**dense(found.params), **states}.items()}
            | ({} if found.d_inputs is None else {"inputs": found.d_inputs.copy()})
        )
    first, second = kept
    assert set(first) == set(second)
    for name, value in first.items():
        np.testing.assert_array_equal(second[name], value, err_msg=name)


def test_a_reader_of_one_document_refuses_what_is_cut_into_segments() -> None:
    network = random_network(
        config_of("text", "classes", "one-hot", segment_length=2), np.random.default_rng(0)
    )
    reader, (short, long) = DocumentReader(network), documents_of("one-hot", [2, 3])
    expected = network.predict_logits(network.pack([short]))[0]
    np.testing.assert_allclose(reader.predict_logits(short), expected, **EXACT)
    with pytest.raises(ValueError, match="in segments of 2"):
        reader.predict_logits(long)


def test_float32_stays_float32_over_float64_sequences() -> None:
    network = random_network(
        config_of("token", "number", "real", dtype="float32"), np.random.default_rng(0)
    )
    logits, cache = network.forward(network.pack(documents_of("real")))
    assert logits.dtype == np.float32
    gradients = network.backward(logits, cache).params
    assert {value.dtype.name for value in dense(gradients).values()} == {"float32"}


# -------------------------------------------------------------------------- PyTorch


@layers
@ways
@heads
@pytest.mark.parametrize("kind", ["classes", "number"])
def test_equals_torch(kind: str, head: str, bidirectional: bool, num_layers: int) -> None:
    """``nn.LSTM`` and ``nn.Linear`` under MSELoss and CrossEntropyLoss, once and at every token."""
    torch = pytest.importorskip("torch", reason="compares with an installed PyTorch")
    config = config_of(
        head, kind, "real", cell="lstm", bidirectional=bidirectional, num_layers=num_layers
    )
    network, documents = random_network(config, np.random.default_rng(1)), documents_of("real")
    n = len(documents) if head == "text" else sum(LENGTHS)
    targets = targets_of(kind, n)
    gradients, d_inputs, batch = gradients_of(network, documents, targets, np.ones(n))
    loss = loss_of(network, documents, targets, np.ones(n))

    module, linear = torch_of(network)
    leaves = [torch.tensor(x, requires_grad=True) for x in documents]
    logits = []
    for leaf in leaves:  # one after the other: no packing that could be wrong in the same way
        out, (state, _) = module(leaf[None])
        last = state[-config.n_directions :].transpose(0, 1).reshape(1, -1)
        logits.append(linear(last if head == "text" else out[0]))
    found = torch.cat(logits)
    lossy = torch.nn.MSELoss() if kind == "number" else torch.nn.CrossEntropyLoss()
    expected = lossy(found[:, 0] if kind == "number" else found, torch.tensor(targets))
    expected.backward()

    np.testing.assert_allclose(network.predict_logits(batch), found.detach().numpy(), **CLOSE)
    np.testing.assert_allclose(loss, expected.item(), **CLOSE)
    assert d_inputs is not None
    of_leaves = np.concatenate([leaf.grad.numpy() for leaf in leaves])
    np.testing.assert_allclose(d_inputs, of_leaves[batch.places], **CLOSE)
    weight, bias = linear.weight.grad.numpy().T, linear.bias.grad.numpy()
    np.testing.assert_allclose(gradients["linear.weight"], weight, **CLOSE)
    np.testing.assert_allclose(gradients["linear.bias"], bias, **CLOSE)
    for layer in range(num_layers):
        for s, way in enumerate(["", "_reverse"][: config.n_directions]):
            for ours, theirs in (("W_x", "weight_ih"), ("W_h", "weight_hh")):
                grad = getattr(module, f"{theirs}_l{layer}{way}").grad.numpy()
                own = gradients[f"recurrent.{layer}.{ours}"][:, s]
                np.testing.assert_allclose(own, in_our_order(grad), err_msg=ours, **CLOSE)


ORDER = [0, 1, 3, 2]
"""Of PyTorch's gates i, f, g, o the places of ours, i, f, o, g."""


def in_our_order(weight: Floats) -> Floats:
    """(4 * H, D) of PyTorch to (4, D, H)."""
    blocks: Floats = np.stack(np.split(weight, 4))[ORDER].swapaxes(1, 2)
    return blocks


def torch_of(network: Network) -> tuple[Any, Any]:
    import torch

    config = network.config
    module = torch.nn.LSTM(
        D,
        config.hidden_size,
        config.num_layers,
        batch_first=True,
        bidirectional=config.bidirectional,
        dtype=torch.float64,
    )
    linear = torch.nn.Linear(network.body.n_outputs, config.n_classes, dtype=torch.float64)
    with torch.no_grad():
        for layer in range(config.num_layers):
            own = network.layer(layer)
            for s, way in enumerate(["", "_reverse"][: config.n_directions]):
                for ours, theirs in (("W_x", "weight_ih"), ("W_h", "weight_hh")):
                    value = own[ours][ORDER, s].swapaxes(1, 2).reshape(4 * config.hidden_size, -1)
                    getattr(module, f"{theirs}_l{layer}{way}").copy_(torch.tensor(value))
                bias = torch.tensor(own["b"][ORDER, s].reshape(-1))
                getattr(module, f"bias_ih_l{layer}{way}").copy_(bias)
                getattr(module, f"bias_hh_l{layer}{way}").zero_()
        linear.weight.copy_(torch.tensor(network.params["linear.weight"].T))
        linear.bias.copy_(torch.tensor(network.params["linear.bias"]))
    return module, linear


# --------------------------------------------------------------------- what it learns


def adding_problem(rng: np.random.Generator, n: int, length: int) -> tuple[list[Floats], Floats]:
    """Sequences of numbers, two of them marked, whose sum is wanted (Hochreiter 1997)."""
    sequences, sums = [], []
    for _ in range(n):
        T = int(rng.integers(length, length + 5))
        values, marks = rng.uniform(0.0, 1.0, T), np.zeros(T)
        marks[[rng.integers(0, T // 2), rng.integers(T // 2, T)]] = 1.0
        sequences.append(np.stack([values, marks], axis=1))
        sums.append(float(values @ marks))
    return sequences, np.array(sums)


def train(network: Network, batches: int, make: Any, *, rate: float) -> None:
    adam = Adam(network.params)
    for _ in range(batches):
        documents, targets = make()
        batch = network.pack(documents)
        logits, cache = network.forward(batch)
        places = answers_of(network.config.head, batch)
        _, d_logits = squared_error(logits, targets[places])
        adam.update(network.params, network.backward(d_logits, cache).params, rate)


def test_the_adding_problem_is_learnt() -> None:
    rng = np.random.default_rng(0)
    config = network_config(
        1, 0, None, "gru", 24, regression=True, n_inputs=2, dtype="float32", readout="last"
    )
    network = Network.initialise(config, rng)
    train(network, 400, lambda: adding_problem(rng, 32, 10), rate=0.01)
    sequences, sums = adding_problem(rng, 200, 10)
    found = network.predict_proba(network.pack(sequences))[:, 0]
    # The mean alone is off by a sixth; without the marks that are far apart by a twelfth.
    assert np.mean((found - sums) ** 2) < 0.01 < 0.1 < np.var(sums)


def test_the_next_value_of_a_sine_is_learnt_at_every_step() -> None:
    rng = np.random.default_rng(0)
    config = network_config(1, 0, None, "lstm", 16, regression=True, n_inputs=1, head="token")
    network = Network.initialise(config, rng)

    def waves() -> tuple[list[Floats], Floats]:
        found = [
            np.sin(rng.uniform(0, 6) + rng.uniform(0.3, 0.9) * np.arange(int(rng.integers(15, 25))))
            for _ in range(16)
        ]
        return [w[:-1, np.newaxis] for w in found], np.concatenate([w[1:] for w in found])

    train(network, 300, waves, rate=0.01)
    sequences, nexts = waves()
    found = network.predict_logits(network.pack(sequences))[:, 0]
    assert np.mean((found - nexts) ** 2) < 0.1 * np.var(nexts)
