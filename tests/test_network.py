"""The whole network: documents do not know of each other, names and shapes fit, masks are fair."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.examples import texts_of
from tests.gradcheck import (
    CELL_NAMES,
    READOUT_NAMES,
    dense,
    loss_and_gradients,
    mirror,
    random_documents,
    random_network,
    rows_of,
)
from tests.networks import network_config
from textrnn.inference.batches import predict_proba
from textrnn.nn import recurrent
from textrnn.nn.cells import CELLS
from textrnn.nn.config import NetworkConfig
from textrnn.nn.directions import by_direction, side_by_side
from textrnn.nn.dropout import Dropout, dropout_mask
from textrnn.nn.gradients import RowGradient
from textrnn.nn.inputs import EMBEDDING
from textrnn.nn.network import Network
from textrnn.nn.packed import pack
from textrnn.typing import Floats, Params

EXACT: dict[str, Any] = {"rtol": 1e-12, "atol": 1e-12}
V = 12
LENGTHS = [5, 1, 9, 9, 2, 1, 17]

ALL_KINDS = [
    pytest.param(
        network_config(3, V, dim, cell, 4, layers, bidirectional, readout, "float64"),
        id=f"{cell}-{readout}-{layers}-{'two' if bidirectional else 'one'}-way-{dim or 'one-hot'}",
    )
    for cell in CELL_NAMES
    for readout in READOUT_NAMES
    for layers, bidirectional in ((1, False), (2, True))
    for dim in (3, None)
]
all_kinds = pytest.mark.parametrize("config", ALL_KINDS)


def example(config: NetworkConfig) -> tuple[Network, list[Any], Any]:
    rng = np.random.default_rng(0)
    documents = random_documents(rng, LENGTHS, config.vocabulary_size)
    targets = rng.integers(0, config.n_classes, len(documents))
    return random_network(config, rng), documents, targets


@all_kinds
def test_batched_equals_one_at_a_time(config: NetworkConfig) -> None:
    """Probabilities of each document, and the mean of the single documents' gradients."""
    network, documents, targets = example(config)
    probabilities = network.predict_proba(pack(documents))
    loss, gradients = loss_and_gradients(network, documents, targets)
    B = len(documents)
    total: Params = {name: np.zeros_like(value) for name, value in gradients.items()}
    losses = 0.0
    for i, ids in enumerate(documents):
        np.testing.assert_allclose(network.predict_proba(pack([ids]))[0], probabilities[i], **EXACT)
        own_loss, own = loss_and_gradients(network, [ids], targets[i : i + 1])
        losses += own_loss
        for name, value in own.items():
            total[name] += value
    assert losses / B == pytest.approx(loss, rel=1e-12)
    for name, value in gradients.items():
        np.testing.assert_allclose(total[name] / B, value, err_msg=name, **EXACT)


@all_kinds
def test_order_of_documents_does_not_matter(config: NetworkConfig) -> None:
    network, documents, targets = example(config)
    probabilities = network.predict_proba(pack(documents))
    _, gradients = loss_and_gradients(network, documents, targets)
    order = np.random.default_rng(1).permutation(len(documents))
    mixed = [documents[i] for i in order]
    np.testing.assert_allclose(network.predict_proba(pack(mixed)), probabilities[order], **EXACT)
    _, of_mixed = loss_and_gradients(network, mixed, targets[order])
    for name, value in gradients.items():
        np.testing.assert_allclose(of_mixed[name], value, err_msg=name, **EXACT)


@all_kinds
def test_a_neighbour_does_not_matter(config: NetworkConfig) -> None:
    """Documents with another, longer neighbour of no weight: same results, same gradients."""
    network, documents, targets = example(config)
    probabilities = network.predict_proba(pack(documents))
    _, gradients = loss_and_gradients(network, documents, targets)
    longer = [*documents, np.arange(40, dtype=np.int32) % V]
    np.testing.assert_allclose(network.predict_proba(pack(longer))[:-1], probabilities, **EXACT)
    B = len(documents)
    weights = np.append(np.full(B, (B + 1) / B), 0.0)
    _, of_longer = loss_and_gradients(network, longer, np.append(targets, 0), weights)
    for name, value in gradients.items():
        np.testing.assert_allclose(of_longer[name], value, err_msg=name, **EXACT)


@all_kinds
def test_doubled_weight_is_a_doubled_document(config: NetworkConfig) -> None:
    network, documents, targets = example(config)
    B = len(documents)
    weights = np.ones(B)
    weights[2] = 2.0
    loss, weighted = loss_and_gradients(network, documents, targets, weights)
    twice, doubled = loss_and_gradients(
        network, [*documents, documents[2]], np.append(targets, targets[2])
    )
    assert loss * B == pytest.approx(twice * (B + 1), rel=1e-12)
    for name, value in weighted.items():
        np.testing.assert_allclose(value * B, doubled[name] * (B + 1), err_msg=name, **EXACT)


def directions_exchanged(params: Params) -> Params:
    """The same network with its second direction in the first one's place."""

    def halves_exchanged(value: Floats, axis: int) -> Floats:
        return np.roll(value, value.shape[axis] // 2, axis)

    exchanged = {}
    for name, value in params.items():
        if name == "linear.weight":
            value = halves_exchanged(value, axis=0)
        elif name.startswith("attention."):
            value = np.flip(value, axis=0)
        elif name.startswith("recurrent."):
            one_hot = name == "recurrent.0.W_x" and EMBEDDING not in params
            value = np.flip(value, axis=0 if name.endswith("b_q") else 2 if one_hot else 1)
            if name.endswith("W_x") and not name.startswith("recurrent.0."):
                value = halves_exchanged(value, axis=2)
        exchanged[name] = value
    return exchanged


@pytest.mark.parametrize("num_layers", [1, 2, 3])
@pytest.mark.parametrize("dim", [3, None], ids=["embedding", "one-hot"])
@pytest.mark.parametrize("readout", READOUT_NAMES)
@pytest.mark.parametrize("cell", CELL_NAMES)
def test_exchanged_directions_read_the_reversed_text(
    cell: str, readout: str, dim: int | None, num_layers: int
) -> None:
    """The second direction is the first one on mirrored documents, in every layer."""
    config = network_config(3, V, dim, cell, 4, num_layers, True, readout, "float64")
    network, documents, targets = example(config)
    exchanged = Network(config, directions_exchanged(network.params))
    mirrored = [ids[::-1] for ids in documents]
    probabilities = network.predict_proba(pack(documents))
    np.testing.assert_allclose(exchanged.predict_proba(pack(mirrored)), probabilities, **EXACT)
    assert np.abs(network.predict_proba(pack(mirrored)) - probabilities).max() > 1e-3
    loss, gradients = loss_and_gradients(network, documents, targets)
    of_mirrored, others = loss_and_gradients(exchanged, mirrored, targets)
    assert of_mirrored == pytest.approx(loss, rel=1e-12)
    for name, value in directions_exchanged(gradients).items():
        np.testing.assert_allclose(others[name], value, err_msg=name, **EXACT)


def test_features_stand_side_by_side() -> None:
    """The first direction's, then the second's, of each document; and back."""
    vectors = np.array([[[1, 2], [3, 4], [5, 6]], [[10, 20], [30, 40], [50, 60]]], dtype=float)
    features = side_by_side(vectors)
    np.testing.assert_array_equal(features, [[1, 2, 10, 20], [3, 4, 30, 40], [5, 6, 50, 60]])
    np.testing.assert_array_equal(by_direction(features, 2), vectors)
    np.testing.assert_array_equal(by_direction(side_by_side(vectors[:1]), 1), vectors[:1])


@pytest.mark.parametrize("bidirectional", [False, True], ids=["one-way", "two-way"])
@pytest.mark.parametrize("readout", READOUT_NAMES)
@pytest.mark.parametrize("dim", [3, None], ids=["embedding", "one-hot"])
@pytest.mark.parametrize("num_layers", [1, 2])
@pytest.mark.parametrize("cell", CELL_NAMES)
def test_gradient_floor_is_noise(
    cell: str, num_layers: int, dim: int | None, readout: str, bidirectional: bool
) -> None:
    """In float32, on documents of up to 400 words, read in one and in both directions.

    Small gradients of single words are compared with their own size as well, as far as
    it is above that of the noise.
    """
    config = network_config(3, V, dim, cell, 6, num_layers, bidirectional, readout)
    rng = np.random.default_rng(2)
    network = random_network(config, rng, std=0.3)
    documents = random_documents(rng, [400, 2, 230, 61, 1, 400], V)
    targets = rng.integers(0, 3, len(documents))
    _, full = loss_and_gradients(network, documents, targets)
    _, cut = loss_and_gradients(network, documents, targets, gradient_floor=1e-7)
    for name, value in full.items():
        noise = 2e-6 * float(np.abs(value).max())
        np.testing.assert_allclose(cut[name], value, rtol=0, atol=noise, err_msg=name)
        if name == EMBEDDING or (dim is None and name == "recurrent.0.W_x"):
            for word, (of_word, expected) in enumerate(zip(cut[name], value, strict=True)):
                error = float(np.linalg.norm(of_word - expected))
                size = float(np.linalg.norm(expected))
                assert error <= 1e-4 * size + noise / 10, (name, word)


@pytest.mark.parametrize("bidirectional", [False, True], ids=["one-way", "two-way"])
@pytest.mark.parametrize("dim", [3, None], ids=["embedding", "one-hot"])
@pytest.mark.parametrize("cell", CELL_NAMES)
def test_gradient_floor_drops_only_words_far_from_the_loss(
    cell: str, dim: int | None, bidirectional: bool
) -> None:
    """A word that only stands far away has a gradient of nothing, and had nearly nothing."""
    config = network_config(3, V, dim, cell, 6, 1, bidirectional)
    rng = np.random.default_rng(2)
    network = random_network(config, rng, std=0.3)
    far, near, rare = V - 1, V - 2, V - 3
    documents = random_documents(rng, [400, 7, 400], V - 3)
    documents[0][200] = far  # from both ends
    documents[2][[0, -1]] = near
    documents[1][3] = rare  # once, in a short text
    targets = rng.integers(0, 3, len(documents))
    _, full = loss_and_gradients(network, documents, targets)
    _, cut = loss_and_gradients(network, documents, targets, gradient_floor=1e-7)
    name = EMBEDDING if dim else "recurrent.0.W_x"
    assert not cut[name][far].any()
    assert np.abs(full[name][far]).max() < 1e-7 * np.abs(full[name]).max()
    for word in (near, rare):
        of_word = full[name][word]
        assert np.abs(of_word).max() > 1e-5
        noise = 1e-5 * float(np.abs(of_word).max())
        np.testing.assert_allclose(cut[name][word], of_word, rtol=0, atol=noise)


@pytest.mark.parametrize("bidirectional", [False, True], ids=["one-way", "two-way"])
@pytest.mark.parametrize("num_layers", [1, 3])
@pytest.mark.parametrize("readout", READOUT_NAMES)
@pytest.mark.parametrize("cell", CELL_NAMES)
def test_walked_tells_the_rows_of_the_way_back(
    cell: str, readout: str, num_layers: int, bidirectional: bool
) -> None:
    """Of each layer, the top one first: it alone can stop, if only its last states count."""
    config = network_config(3, V, 3, cell, 6, num_layers, bidirectional, readout)
    rng = np.random.default_rng(2)
    network = random_network(config, rng, std=0.3)
    batch = pack(random_documents(rng, [400, 2, 230, 61, 1, 400], V))
    for floor in (0.0, 1e-7):
        logits, cache = network.forward(batch)
        found = network.backward(np.ones_like(logits), cache, gradient_floor=floor)
        top, *below = found.unrolled
        assert below == [batch.n_tokens] * (num_layers - 1)
        if floor and readout == "last":
            assert batch.n_sequences < top < batch.n_tokens
            assert top in batch.offsets[:: recurrent.CHECK_EVERY]
        else:
            assert top == batch.n_tokens


@all_kinds
def test_gradients_of_words_are_rows(config: NetworkConfig) -> None:
    """Only words of the batch have one; names, shapes and types are the parameters'."""
    network, documents, _ = example(config)
    batch = pack([ids % 5 for ids in documents])
    logits, cache = network.forward(batch)
    gradients = network.backward(np.ones_like(logits), cache).params
    first = [name for name in gradients if name.startswith("recurrent.0.") and "W_x" in name]
    for name in [EMBEDDING] if config.embedding_dim else first:
        gradient = gradients[name]
        assert isinstance(gradient, RowGradient)
        np.testing.assert_array_equal(gradient.rows, batch.distinct)
    found = {name: (g.shape, g.dtype) for name, g in dense(gradients).items()}
    assert found == {name: (p.shape, p.dtype) for name, p in network.params.items()}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("cell", CELL_NAMES)
def test_type_is_kept(cell: str, dtype: str) -> None:
    """No step of a float32 network works in float64 by accident, which costs twice the time."""
    config = network_config(2, V, 3, cell, 4, 2, bidirectional=True, readout="mean", dtype=dtype)
    network, documents, _ = example(config)
    dropout = Dropout(0.2, 0.2, np.random.default_rng(0), recurrent=0.2, embedding=0.2)
    logits, cache = network.forward(pack(documents), dropout=dropout)
    assert logits.dtype == dtype
    arrays = [cache.head.features, cache.head.mask]
    for layer in cache.body.layers:
        trace = layer.trace
        arrays += [
            layer.inputs.x,
            layer.inputs.mask,
            *layer.weights.values(),
            trace.gates,
            trace.scratch,
            *trace.states.values(),
        ]
    assert {a.dtype.name for a in arrays if a is not None} == {dtype}
    gradients = dense(network.backward(np.ones_like(logits), cache).params)
    assert {g.dtype.name for g in gradients.values()} == {dtype}


@pytest.mark.parametrize("cell", CELL_NAMES)
def test_initial_parameters(cell: str) -> None:
    config = network_config(3, V, 5, cell, 16, 2, bidirectional=True)
    network = Network.initialise(config, np.random.default_rng(0))
    again = Network.initialise(config, np.random.default_rng(0))
    for name, value in network.params.items():
        assert value.dtype == np.float32
        np.testing.assert_array_equal(value, again.params[name])
    assert network.n_parameters == sum(np.prod(s) for s in config.shapes().values())
    W_x = network.params["recurrent.1.W_x"]
    bound = np.sqrt(6 / (32 + 16))
    assert 0.95 * bound < np.abs(W_x).max() <= bound
    # Each direction draws its own.
    assert not (W_x[:, 0] == W_x[:, 1]).any()
    for name in {"W_h"} & set(network.cell.recurrent_names):
        weights = network.params[f"recurrent.1.{name}"]
        for weight in weights.reshape(-1, 16, 16):
            np.testing.assert_allclose(weight @ weight.T, np.eye(16), atol=1e-5)
        if cell != "rnn_relu":  # which starts from the identity
            exists = weights[:, 0] != 0.0  # some of clockwork's do not
            assert not (weights[:, 0] == weights[:, 1])[exists].any()
    bias = network.params["recurrent.0.b"]
    expected = np.zeros_like(bias)
    if cell.startswith("lstm"):
        expected[0 if cell == "lstm_forget" else 1] = 1.0  # the forget gate
    np.testing.assert_array_equal(bias, expected)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_given_word_vectors_are_copied(dtype: str) -> None:
    vectors = np.arange(V * 3, dtype=dtype).reshape(V, 3)
    config = network_config(2, V, 3, "rnn", 4)
    network = Network.initialise(config, np.random.default_rng(0), vectors)
    np.testing.assert_array_equal(network.params[EMBEDDING], vectors)
    assert network.params[EMBEDDING].dtype == np.float32
    network.params[EMBEDDING][:] = 0.0
    assert vectors[1, 1] == 4.0


def test_parameters_that_do_not_fit() -> None:
    config = network_config(2, V, 3, "rnn", 4)
    params = Network.initialise(config, np.random.default_rng(0)).params
    del params["linear.bias"]
    with pytest.raises(ValueError, match=r"do not fit the configuration.*linear\.bias"):
        Network(config, params)


def test_prediction_keeps_the_given_order_over_many_batches() -> None:
    config = network_config(3, V, 3, "gru", 4, dtype="float64")
    network, _, _ = example(config)
    rng = np.random.default_rng(5)
    documents = random_documents(rng, rng.integers(1, 30, 600).tolist(), V)
    together = predict_proba(network, texts_of(documents))
    np.testing.assert_allclose(together.sum(axis=1), 1.0)
    for i in range(0, 600, 37):
        np.testing.assert_allclose(network.predict_proba(pack([documents[i]]))[0], together[i])
    assert predict_proba(network, texts_of([])).shape == (0, 3)


# ------------------------------------------------------------------------- dropout


@given(st.floats(0.0, 0.95), st.integers(0, 2**32))
def test_mask_keeps_the_mean(rate: float, seed: int) -> None:
    mask = dropout_mask(np.random.default_rng(seed), (200, 100), rate, np.dtype(np.float64))
    kept = mask[mask > 0]
    assert np.ptp(kept) == 0.0
    # The rate is rounded to 1/256; the rest is chance, five standard deviations of it.
    share = 1 - round(rate * 256) / 256
    deviation = np.sqrt(share * (1 - share) / mask.size)
    assert len(kept) / mask.size == pytest.approx(share, abs=5.5 * deviation)
    assert mask.mean() == pytest.approx(1.0, abs=5.5 * deviation / share)
    assert kept[0] == pytest.approx(1 / share)


@pytest.mark.parametrize("rate", [0.998, 0.9985, 0.999])
def test_highest_rates(rate: float) -> None:
    """Every rate below one is allowed, so every one has to work."""
    mask = dropout_mask(np.random.default_rng(0), (500, 500), rate, np.dtype(np.float32))
    assert np.isfinite(mask).all()


def test_no_dropout_is_plain_forward() -> None:
    config = network_config(2, V, 3, "lstm", 4, dtype="float64")
    network, documents, _ = example(config)
    batch = pack(documents)
    plain, _ = network.forward(batch)
    none, _ = network.forward(batch, dropout=Dropout(0.0, 0.0, np.random.default_rng(0)))
    np.testing.assert_array_equal(plain, none)
    some, _ = network.forward(batch, dropout=Dropout(0.5, 0.0, np.random.default_rng(0)))
    assert (some != plain).any()


def test_input_dropout_masks_a_word_alike_wherever_it_stands() -> None:
    """With mean pooling and no recurrence, equal words must give equal outputs.

    In both directions: with equal weights they must give the same.
    """
    config = network_config(2, V, 8, "rnn", 4, bidirectional=True, dtype="float64")
    network, _, _ = example(config)
    network.params["recurrent.0.W_h"][:] = 0.0
    for name in ("W_x", "b"):
        value = network.params[f"recurrent.0.{name}"]
        value[:, 1] = value[:, 0]
    batch = pack([np.array([3, 1, 3, 3], dtype=np.int32), np.array([1, 3], dtype=np.int32)])
    _, cache = network.forward(batch, dropout=Dropout(0.5, 0.0, np.random.default_rng(1)))
    h = cache.body.layers[0].trace.h
    np.testing.assert_allclose(h[1], h[0][mirror(batch)])
    for word in (1, 3):
        of_word = h[0][batch.ids == word]
        np.testing.assert_allclose(of_word, np.broadcast_to(of_word[0], of_word.shape))


@pytest.mark.parametrize("dim", [3, None], ids=["embedding", "one-hot"])
def test_dropped_words_are_dropped_wherever_they_stand(dim: int | None) -> None:
    """The same as a network without their vectors, the others' scaled up; in the first layer."""
    config = network_config(3, V, dim, "lstm", 4, 2, bidirectional=True, dtype="float64")
    network, documents, _ = example(config)
    batch = pack(documents)
    dropout = Dropout(0.0, 0.0, np.random.default_rng(1), embedding=0.5)
    logits, cache = network.forward(batch, dropout=dropout)
    mask = cache.body.layers[0].inputs.mask
    assert mask is not None
    assert cache.body.layers[1].inputs.mask is None
    assert mask.shape == (len(batch.distinct), 1)
    assert set(np.unique(mask)) == {0.0, 2.0}
    table = EMBEDDING if dim else "recurrent.0.W_x"
    scaled = network.params[table].copy()
    scaled[batch.distinct] *= mask.reshape(-1, *[1] * (scaled.ndim - 1))
    expected, _ = Network(config, {**network.params, table: scaled}).forward(batch)
    np.testing.assert_allclose(logits, expected, **EXACT)


def test_words_and_inputs_are_dropped_together() -> None:
    config = network_config(3, V, 40, "gru", 4, dtype="float64")
    network, documents, _ = example(config)
    dropout = Dropout(0.25, 0.0, np.random.default_rng(1), embedding=0.5)
    _, cache = network.forward(pack(documents), dropout=dropout)
    mask = cache.body.layers[0].inputs.mask
    assert mask is not None
    kept = mask[mask.any(axis=1)]
    assert 0 < len(kept) < len(mask)  # some words are gone
    assert np.ptp(mask[mask > 0]) == 0.0
    assert kept.max() == pytest.approx(2 / 0.75)
    assert (kept == 0).mean() == pytest.approx(0.25, abs=0.1)  # of the others some inputs


@pytest.mark.parametrize("cell", CELL_NAMES)
def test_recurrent_dropout_is_one_mask_on_the_weights(cell: str) -> None:
    """The same as a network that has the thinned weights; each layer draws its own."""
    config = network_config(3, V, 5, cell, 6, 2, bidirectional=True, dtype="float64")
    network, documents, _ = example(config)
    if not network.cell.recurrent_names:
        dropout = Dropout(0.0, 0.0, np.random.default_rng(1), recurrent=0.5)
        _, cache = network.forward(pack(documents), dropout=dropout)
        assert [layer.masks for layer in cache.body.layers] == [{}, {}]
        return
    before = {name: value.copy() for name, value in network.params.items()}
    batch = pack(documents)
    dropout = Dropout(0.0, 0.0, np.random.default_rng(1), recurrent=0.5)
    logits, cache = network.forward(batch, dropout=dropout)
    thinned = dict(network.params)
    masks = []
    for i, layer in enumerate(cache.body.layers):
        masks.append(layer.masks)
        for name, mask in layer.masks.items():
            assert set(np.unique(mask)) == {0.0, 2.0}
            thinned[f"recurrent.{i}.{name}"] = thinned[f"recurrent.{i}.{name}"] * mask
    for name in network.cell.recurrent_names:
        assert (masks[0][name] != masks[1][name]).any()
        assert (masks[0][name][:, 0] != masks[0][name][:, 1]).any()
    expected, _ = Network(config, thinned).forward(batch)
    np.testing.assert_allclose(logits, expected, **EXACT)
    gradients = network.backward(np.ones_like(logits), cache).params
    for i, of_layer in enumerate(masks):
        for name, mask in of_layer.items():
            gradient = gradients[f"recurrent.{i}.{name}"]
            assert isinstance(gradient, np.ndarray)
            assert not gradient[mask == 0.0].any()
    for name, value in network.params.items():
        np.testing.assert_array_equal(value, before[name])


@pytest.mark.parametrize("cell", ["rnn", "rnn_relu", "rnn_linear", "jordan"])
def test_recurrent_dropout_falls_on_all_that_comes_back(cell: str) -> None:
    """Where all of it is dropped, such a cell knows nothing of the words before."""
    network, _, _ = example(network_config(3, V, 5, cell, 6, dtype="float64"))
    for name in network.cell.recurrent_names:
        network.params[f"recurrent.0.{name}"][...] = 0.0
    words = np.arange(V, dtype=np.int32)
    _, whole = network.forward(pack([words]))
    _, alone = network.forward(pack([words[-1:]]))
    np.testing.assert_allclose(whole.body.outputs[:, :1], alone.body.outputs, **EXACT)


def test_a_dropped_one_hot_word_leaves_only_the_bias() -> None:
    config = network_config(2, V, None, "rnn", 4, dtype="float64")
    network, _, _ = example(config)
    network.params["recurrent.0.W_h"][:] = 0.0
    batch = pack([np.arange(V, dtype=np.int32)])
    _, cache = network.forward(batch, dropout=Dropout(0.5, 0.0, np.random.default_rng(1)))
    mask = cache.body.layers[0].inputs.mask
    assert mask is not None
    assert mask.shape == (V, 1)
    h = cache.body.layers[0].trace.h[0][rows_of(batch, 0)]  # word after word, as in the mask
    dropped = h[mask[:, 0] == 0.0]
    assert 0 < len(dropped) < V
    bias = np.tanh(network.params["recurrent.0.b"][:, 0])
    np.testing.assert_allclose(dropped, np.broadcast_to(bias, dropped.shape))


@pytest.mark.parametrize("cell", CELL_NAMES)
def test_first_weights(cell: str) -> None:
    """Glorot-uniform, orthogonal or the identity; no biases but the forget gates', which are 1."""
    config = network_config(3, 200, 30, cell, 20, 2, bidirectional=True, dtype="float64")
    params = Network.initialise(config, np.random.default_rng(0)).params
    assert params[EMBEDDING].std() == pytest.approx(0.1, rel=0.05)
    bound = np.sqrt(6.0 / (40 + 3))
    assert 0.9 * bound < np.abs(params["linear.weight"]).max() <= bound
    for layer, size in enumerate((30, 40)):
        bound = np.sqrt(6.0 / (size + 20))
        assert 0.98 * bound < np.abs(params[f"recurrent.{layer}.W_x"]).max() <= bound
        b = params[f"recurrent.{layer}.b"]
        for name in {"W_h"} & set(CELLS[cell].recurrent_names):
            W_h = params[f"recurrent.{layer}.{name}"]
            eye = np.broadcast_to(np.eye(20), W_h.shape)
            np.testing.assert_allclose(W_h @ W_h.swapaxes(-1, -2), eye, atol=1e-12)
            assert np.array_equal(W_h, eye) == (cell == "rnn_relu")
        forget = {"lstm": 1, "lstm_peephole": 1, "lstm_forget": 0}.get(cell)
        for gate, value in enumerate(b):
            assert (value == (1.0 if gate == forget else 0.0)).all()


def test_configuration_as_a_dictionary() -> None:
    config = network_config(3, V, None, "gru", 8, 2, bidirectional=True, readout="max")
    assert NetworkConfig(**config.to_dict()) == config
    shapes = config.shapes()
    assert shapes["recurrent.0.W_x"] == (V, 3, 2, 8)
    assert shapes["recurrent.1.W_x"] == (3, 2, 16, 8)
    assert shapes["recurrent.1.W_h"] == (3, 2, 8, 8)
    assert shapes["recurrent.1.b"] == (3, 2, 8)
    assert shapes["recurrent.1.b_q"] == (2, 8)
    assert shapes["linear.weight"] == (16, 3)
    assert set(CELLS["gru"].shapes(1, 5, 8)) == {"W_x", "W_h", "b", "b_q"}


def test_outputs_have_one_meaning() -> None:
    with pytest.raises(ValueError, match="multilabel and regression"):
        network_config(n_classes=1, vocabulary_size=3, multilabel=True, regression=True)
