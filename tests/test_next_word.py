"""The head of a language model: tied and untied, all words and some, against numbers and PyTorch.

The vocabulary has marks that are read and never predicted; the texts are ragged, one of one word.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.gradcheck import assert_gradient, dense, random_network
from tests.networks import network_config
from tests.test_heads import in_our_order
from textrnn.nn.config import NetworkConfig
from textrnn.nn.gradients import RowGradient
from textrnn.nn.heads.next_word import PROJECTION, UNTIED
from textrnn.nn.incremental import DocumentReader
from textrnn.nn.losses import cross_entropy
from textrnn.nn.network import Network
from textrnn.nn.packed import PackedBatch
from textrnn.typing import Floats, Ids, Ints

V, C, D = 8, 6, 3
"""Of which the last two are read alone."""
LENGTHS = (4, 1, 2, 6)
CLOSE: Any = {"rtol": 1e-9, "atol": 1e-12}
EXACT: Any = {"rtol": 1e-12, "atol": 1e-14}
FORMS: dict[str, dict[str, Any]] = {
    "tied": {"embedding_dim": D, "hidden_size": D, "tied": True},
    "tied, narrow": {"embedding_dim": D, "hidden_size": 2, "tied": True},
    "untied": {"embedding_dim": D, "hidden_size": 2},
    "one-hot": {"embedding_dim": None, "hidden_size": 2},
}
forms = pytest.mark.parametrize("form", list(FORMS))
layers = pytest.mark.parametrize("num_layers", [1, 2])


def config_of(form: str, **changes: Any) -> NetworkConfig:
    values = {"cell": "lstm", "dtype": "float64", "head": "next_word", **FORMS[form], **changes}
    return network_config(C, V, **values)


def network_of(form: str, seed: int = 1, **changes: Any) -> Network:
    return random_network(config_of(form, **changes), np.random.default_rng(seed))


def texts() -> tuple[list[Ids], Ints]:
    """What is read, each text after a mark, and what comes next at each word."""
    rng = np.random.default_rng(3)
    words = [rng.integers(0, C - 1, n).astype(np.int32) for n in LENGTHS]
    marks = [np.array([C - 1 + i % 3], np.int32) for i in range(len(words))]
    read = [np.concatenate([mark, ids[:-1]]) for mark, ids in zip(marks, words, strict=True)]
    return read, np.concatenate(words)


def loss_of(network: Network, batch: PackedBatch, targets: Ints) -> tuple[float, Floats, Any]:
    logits, cache = network.forward(batch)
    return *cross_entropy(logits, targets[batch.places]), cache


# ------------------------------------------------------------------------- gradients


@layers
@forms
def test_gradients(form: str, num_layers: int) -> None:
    """Of all parameters, those of an embedding from both of its ends."""
    network = network_of(form, num_layers=num_layers)
    read, targets = texts()
    batch = network.pack(read)
    _, d_logits, cache = loss_of(network, batch, targets)
    found = network.backward(d_logits, cache).params
    assert {n: g.shape for n, g in dense(found).items()} == network.config.shapes()
    for name, value in network.params.items():
        assert_gradient(
            dense(found)[name], lambda: loss_of(network, batch, targets)[0], value, name
        )


@forms
def test_gradients_among_some_words(form: str) -> None:
    """They touch the rows of these words and of those that are read."""
    network = network_of(form)
    read, targets = texts()
    words = np.unique(targets)
    assert len(words) < C
    shift = np.random.default_rng(5).standard_normal(len(words))
    view = network.among(words, shift)
    batch, places = network.pack(read), np.searchsorted(words, targets)
    _, d_logits, cache = loss_of(view, batch, places)
    found = view.backward(d_logits, cache).params
    of_table = found[view.head.tables[0]]
    assert isinstance(of_table, RowGradient)
    assert set(of_table.rows) == set(words) | (set(batch.ids) if network.config.tied else set())
    for name, value in network.params.items():
        assert_gradient(dense(found)[name], lambda: loss_of(view, batch, places)[0], value, name)


@forms
def test_all_words_are_some_words(form: str) -> None:
    network = network_of(form)
    read, targets = texts()
    batch = network.pack(read)
    loss, d_logits, cache = loss_of(network, batch, targets)
    view = network.among(np.arange(C), np.zeros(C))
    same, d_same, cache_same = loss_of(view, batch, targets)
    np.testing.assert_allclose(same, loss, **EXACT)
    here, there = dense(network.backward(d_logits, cache).params), view.backward(d_same, cache_same)
    for name, value in dense(there.params).items():
        np.testing.assert_allclose(value, here[name], err_msg=name, **EXACT)
    assert view.params is network.params


# ------------------------------------------------------------------ other ways to read


@layers
@forms
def test_a_batch_is_its_texts(form: str, num_layers: int) -> None:
    network = network_of(form, num_layers=num_layers)
    read, _ = texts()
    batch = network.pack(read)
    together = network.predict_logits(batch)
    assert together.shape == (sum(LENGTHS), C)
    alone = [network.predict_logits(network.pack([one])) for one in read]
    np.testing.assert_allclose(together, np.concatenate(alone), **EXACT)
    reader = DocumentReader(network)
    one_row = [reader.predict_logits(one) for one in read]
    np.testing.assert_allclose(together, np.concatenate(one_row), **EXACT)


@forms
def test_new_parameters_have_their_shapes(form: str) -> None:
    config = config_of(form, dtype="float32")
    params = Network.initialise(config, np.random.default_rng(0)).params
    assert {name: value.shape for name, value in params.items()} == config.shapes()
    assert {value.dtype.name for value in params.values()} == {"float32"}
    assert (PROJECTION in params) == config.tied
    assert (UNTIED in params) == (not config.tied)
    assert (params["linear.bias"] == 0.0).all()
    assert NetworkConfig(**config.to_dict()) == config


@forms
def test_scaled_parameters_have_scaled_logits(form: str) -> None:
    network, (read, _) = network_of(form), texts()
    scaled = Network(network.config, network.head.scaled(network.params, 0.5))
    batch = network.pack(read)
    expected = 0.5 * network.predict_logits(batch)
    np.testing.assert_allclose(scaled.predict_logits(batch), expected, **EXACT)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"bidirectional": True}, "one way"),
        ({"segment_length": 3}, "one way"),
        ({"body": "cnn", "cell": None}, "one way"),
        ({"multilabel": True}, "one of many"),
        ({"n_classes": V + 1}, "9 words are predicted, but only 8"),
        ({"embedding_dim": None, "tied": True}, "tied"),
        ({"head": "token", "tied": True}, "tied"),
        ({"vocabulary_size": 2**20, "n_labels": 2**11}, "1048576 words with 2048 labels"),
    ],
)
def test_what_cannot_tell_the_next_word_is_refused(changes: dict[str, Any], told: str) -> None:
    values = {**config_of("untied").to_dict(), **changes}
    with pytest.raises(ValueError, match=told):
        NetworkConfig(**values)


# -------------------------------------------------------------------------- PyTorch


@layers
@pytest.mark.parametrize("tied", [True, False], ids=["tied", "untied"])
def test_equals_torch(tied: bool, num_layers: int) -> None:
    equals_torch(tied=tied, num_layers=num_layers)


def equals_torch(*, tied: bool, num_layers: int) -> None:
    """``nn.Embedding``, ``nn.LSTM``, a linear layer of the same weight, and cross-entropy."""
    torch = pytest.importorskip("torch", reason="compares with an installed PyTorch")
    network = network_of("tied" if tied else "untied", num_layers=num_layers)
    read, targets = texts()
    batch = network.pack(read)
    loss, d_logits, cache = loss_of(network, batch, targets)
    gradients = dense(network.backward(d_logits, cache).params)

    module, leaves = _torch_of(network)
    embedding = leaves["embedding.weight"]
    weight = embedding if tied else leaves[UNTIED]
    logits = []
    for ids in read:  # one after the other: no packing that could be wrong in the same way
        out, _ = module(torch.nn.functional.embedding(torch.tensor(ids).long(), embedding)[None])
        z = out[0] @ leaves[PROJECTION] if tied else out[0]
        logits.append(torch.nn.functional.linear(z, weight[:C], leaves["linear.bias"]))
    found = torch.cat(logits)
    expected = torch.nn.functional.cross_entropy(found, torch.tensor(targets).long())
    expected.backward()
    np.testing.assert_allclose(network.predict_logits(batch), found.detach().numpy(), **CLOSE)
    np.testing.assert_allclose(loss, expected.item(), **CLOSE)
    for name, leaf in leaves.items():
        np.testing.assert_allclose(gradients[name], leaf.grad.numpy(), err_msg=name, **CLOSE)
    for layer in range(num_layers):
        for ours, theirs in (("W_x", "weight_ih"), ("W_h", "weight_hh")):
            wanted = in_our_order(getattr(module, f"{theirs}_l{layer}").grad.numpy())
            own = gradients[f"recurrent.{layer}.{ours}"][:, 0]
            np.testing.assert_allclose(own, wanted, err_msg=ours, **CLOSE)


def _torch_of(network: Network) -> tuple[Any, dict[str, Any]]:
    """An LSTM with the network's weights, and its other parameters as leaves."""
    import torch

    H, order = network.config.hidden_size, [0, 1, 3, 2]
    module = torch.nn.LSTM(D, H, network.config.num_layers, batch_first=True, dtype=torch.float64)
    with torch.no_grad():
        for layer in range(network.config.num_layers):
            own = network.layer(layer)
            for ours, theirs in (("W_x", "weight_ih"), ("W_h", "weight_hh")):
                value = own[ours][order, 0].swapaxes(1, 2).reshape(4 * H, -1)
                getattr(module, f"{theirs}_l{layer}").copy_(torch.tensor(value))
            bias = torch.tensor(own["b"][order, 0].reshape(-1))
            getattr(module, f"bias_ih_l{layer}").copy_(bias)
            getattr(module, f"bias_hh_l{layer}").zero_()
    leaves = {
        name: torch.tensor(value, requires_grad=True)
        for name, value in network.params.items()
        if not name.startswith("recurrent")
    }
    return module, leaves
