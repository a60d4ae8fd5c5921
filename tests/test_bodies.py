"""Bodies beside the recurrent one: each against its definition, PyTorch and central differences."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from tests.gradcheck import assert_gradient, dense, random_documents, random_network
from tests.networks import network_config
from textrnn import TextRNNClassifier, TextRNNRegressor
from textrnn.errors import ModelError, UsageError
from textrnn.nn.bodies import BODIES, CNN, Body, register
from textrnn.nn.config import NetworkConfig
from textrnn.nn.dropout import Dropout
from textrnn.nn.incremental import DocumentReader
from textrnn.nn.network import Network
from textrnn.nn.packed import PackedBatch, pack
from textrnn.storage.config_validation import validate_config
from textrnn.training.settings import Settings
from textrnn.typing import Floats, Ids, Params

V, C = 7, 3
LENGTHS = (3, 1, 9, 6, 9)
"""Of documents: shorter and longer than the largest window, of one word, two of one length."""
CLOSE: dict[str, Any] = {"rtol": 1e-10, "atol": 1e-12}
OTHERS = ("cnn", "feedforward")
others = pytest.mark.parametrize("body", OTHERS)
inputs = pytest.mark.parametrize("dim", [3, None], ids=["embedding", "one-hot"])


def config_of(body: str, **changes: Any) -> NetworkConfig:
    values = {"hidden_size": 2, "readout": "max", "dtype": "float64", **changes}
    dim = values.pop("embedding_dim", 3)
    return network_config(C, V, dim, None, body=body, **values)


def network_of(body: str, seed: int = 1, **changes: Any) -> Network:
    return random_network(config_of(body, **changes), np.random.default_rng(seed))


def documents() -> list[Ids]:
    return random_documents(np.random.default_rng(3), LENGTHS, V)


# --------------------------------------------------------------------------- definitions


def windows(x: Floats, weights: Params) -> Floats:
    """The convolution of one document (T, D), window by window: outputs (T, 3 * H)."""
    outputs = []
    for word in range(len(x)):
        maps, gate = [np.array(b) for b in weights["b"][:, 0]], 0
        for offset in range(5):
            for place, size in enumerate((3, 4, 5)):
                if size > offset:
                    if offset <= word:
                        maps[place] += x[word - offset] @ weights["W_x"][gate, 0]
                    gate += 1
        outputs.append(np.maximum(np.concatenate(maps), 0.0))
    return np.array(outputs)


def running_means(x: Floats, weights: Params) -> Floats:
    means = [x[: n + 1].mean(axis=0) for n in range(len(x))]
    return np.tanh(np.array(means) @ weights["W_x"][0, 0] + weights["b"][0, 0])


DEFINITIONS = {"cnn": windows, "feedforward": running_means}


def outputs_of(network: Network, ids: Ids) -> Floats:
    """Those of one document, first word first."""
    h = network.body.forward(network.pack([ids])).outputs
    found: Floats = h[0, ::-1]
    return found


@others
def test_outputs_are_those_of_the_definition(body: str) -> None:
    network = network_of(body)
    for ids in documents():
        x = network.params["embedding.weight"][ids]
        expected = DEFINITIONS[body](x, network.layer(0))
        np.testing.assert_allclose(outputs_of(network, ids), expected, **CLOSE)


def test_one_hot_words_are_looked_up() -> None:
    """The same as vectors that are the rows of an identity."""
    for body in OTHERS:
        one_hot = network_of(body, embedding_dim=None)
        table = f"{one_hot.body.prefix}.0.W_x"
        assert one_hot.config.tables() == (table,)
        params = {**one_hot.params, table: one_hot.params[table].transpose(1, 2, 0, 3)}
        embedded = Network(
            replace(one_hot.config, embedding_dim=V), {**params, "embedding.weight": np.eye(V)}
        )
        for ids in documents():
            np.testing.assert_allclose(outputs_of(one_hot, ids), outputs_of(embedded, ids), **CLOSE)


def test_the_windows_of_the_paper_are_those_within_the_text() -> None:
    """The other k - 1 begin before it, and max-over-time differs at most by what they add."""
    network = network_of("cnn")
    (ids,) = random_documents(np.random.default_rng(0), [12], V)
    weights, x = network.layer(0), network.params["embedding.weight"][ids]
    found, gate_of = outputs_of(network, ids), {}
    gate = 0
    for offset in range(5):
        for size in (3, 4, 5):
            if size > offset:
                gate_of[size, offset] = gate
                gate += 1
    for place, size in enumerate((3, 4, 5)):
        filters = np.stack([weights["W_x"][gate_of[size, o], 0] for o in reversed(range(size))])
        within = [
            np.maximum(np.einsum("kd,kdh->h", x[i : i + size], filters) + weights["b"][place, 0], 0)
            for i in range(len(ids) - size + 1)
        ]
        of_size = found[:, 2 * place : 2 * place + 2]
        np.testing.assert_allclose(of_size[size - 1 :], within, **CLOSE)


def test_a_bag_has_no_order() -> None:
    network = network_of("feedforward", readout="last", num_layers=2)
    ids = np.array([1, 5, 2, 2, 6, 0], dtype=np.int32)
    expected = network.predict_logits(network.pack([ids]))
    found = network.predict_logits(network.pack([ids[[3, 0, 5, 1, 4, 2]]]))
    np.testing.assert_allclose(found, expected, **CLOSE)
    other = network.predict_logits(network.pack([ids[:-1]]))
    assert np.abs(other - expected).max() > 1e-6


def test_of_one_word_it_is_the_network_from_one_input_to_one_output() -> None:
    network = network_of("feedforward", readout="last")
    for word in range(V):
        p = network.params
        hidden = np.tanh(
            p["embedding.weight"][word] @ p["feedforward.0.W_x"][0, 0] + p["feedforward.0.b"][0, 0]
        )
        expected = hidden @ p["linear.weight"] + p["linear.bias"]
        found = network.predict_logits(network.pack([np.array([word], dtype=np.int32)]))[0]
        np.testing.assert_allclose(found, expected, **CLOSE)


def test_first_weights_of_a_convolution() -> None:
    """Glorot-uniform: a window of k words has k times the inputs and outputs of one; no biases."""
    config = network_config(C, V, 30, None, 20, 2, body="cnn")
    params = Network.initialise(config, np.random.default_rng(0)).params
    for layer, width in enumerate((30, 60)):
        W_x = iter(params[f"convolution.{layer}.W_x"][:, 0])
        for offset in range(5):
            for size in (3, 4, 5):
                if size > offset:
                    bound = np.sqrt(6.0 / (size * (width + 20)))
                    assert 0.98 * bound < np.abs(next(W_x)).max() <= bound
        assert not list(W_x)
        assert not params[f"convolution.{layer}.b"].any()


# --------------------------------------------------------------------------- gradients


def objective_of(
    network: Network, batch: PackedBatch, initial: list[Params] | None = None
) -> tuple[Callable[[], float], Any]:
    """Random multiples of logits and final states, summed, and the gradient of that."""
    rng = np.random.default_rng(4)
    logits, cache = network.forward(batch, initial=initial)
    of_logits = rng.standard_normal(logits.shape)
    of_final: list[Params] = [
        {name: rng.standard_normal(v.shape) for name, v in layer.items() if name != "time"}
        for layer in cache.body.final
    ]

    def objective() -> float:
        found, final = network.read(batch, initial=initial)
        total = float((of_logits * found).sum())
        for weights, states in zip(of_final, final, strict=True):
            total += sum(float((w * states[name]).sum()) for name, w in weights.items())
        return total

    return objective, network.backward(of_logits, cache, d_final=of_final)


@others
@inputs
@pytest.mark.parametrize("num_layers", [1, 2])
@pytest.mark.parametrize("readout", ["max", "last", "max_mean_last"])
@pytest.mark.parametrize("head", ["text", "token"])
def test_gradients(body: str, dim: int | None, num_layers: int, readout: str, head: str) -> None:
    """Of all parameters and initial states, ragged, with a text of one word."""
    network = network_of(body, embedding_dim=dim, num_layers=num_layers, readout=readout, head=head)
    batch = network.pack(documents())
    initial = random_states(network, batch)
    objective, found = objective_of(network, batch, initial)
    gradients = dense(found.params)
    assert {name: g.shape for name, g in gradients.items()} == network.config.shapes()
    for name, value in network.params.items():
        assert_gradient(gradients[name], objective, value, name)
    for states, d_states in zip(initial, found.d_initial, strict=True):
        assert set(d_states) == set(states) - {"time"}
        for name, d in d_states.items():
            assert_gradient(d, objective, states[name], name)


def random_states(network: Network, batch: PackedBatch) -> list[Params]:
    """Of each layer; of documents of which some words were read before."""
    rng = np.random.default_rng(6)
    zero = network.body.forward(batch).final
    times = rng.integers(0, 5, (1, batch.n_sequences, 1)).astype(np.float64)
    return [
        {n: times if n == "time" else rng.normal(0.0, 0.6, v.shape) for n, v in layer.items()}
        for layer in zero
    ]


@others
def test_gradients_of_vectors_in_place_of_words(body: str) -> None:
    network = random_network(
        replace(config_of(body), embedding_dim=None, vocabulary_size=0, n_inputs=3),
        np.random.default_rng(1),
    )
    rng = np.random.default_rng(2)
    batch = network.pack([rng.standard_normal((n, 3)) for n in LENGTHS])
    objective, found = objective_of(network, batch)
    x: Any = batch.ids
    assert_gradient(found.d_inputs, objective, x, "inputs")


@others
def test_gradients_with_dropout_and_segments(body: str) -> None:
    """Masks of inputs in both layers, of words and of the readout; texts in parts of 4 words."""
    network = network_of(body, num_layers=2, segment_length=4)
    batch = network.pack(documents())

    def dropout() -> Dropout:
        return Dropout(0.3, 0.3, np.random.default_rng(7), embedding=0.3)

    logits, cache = network.forward(batch, dropout=dropout())
    weights = np.random.default_rng(4).standard_normal(logits.shape)
    gradients = dense(network.backward(weights, cache).params)

    def objective() -> float:
        return float((weights * network.forward(batch, dropout=dropout())[0]).sum())

    for name, value in network.params.items():
        assert_gradient(gradients[name], objective, value, name)


def test_the_way_back_ends_with_the_largest_window() -> None:
    """With the readout ``last`` no word before it has a gradient; the bag takes them all.

    Whether there is one left is looked at every eight words.
    """
    ids = random_documents(np.random.default_rng(0), [40], V)
    for body, most in (("cnn", 8), ("feedforward", 40)):
        network = network_of(body, readout="last")
        logits, cache = network.forward(network.pack(ids))
        (passed,) = network.backward(np.ones_like(logits), cache).unrolled
        assert passed == most


# ------------------------------------------------------------------ PyTorch, live


def convolution_of_torch(x: Any, weights: dict[str, Any], number: int) -> Any:
    """A layer by ``nn.functional.conv1d``, of one document (T, D)."""
    import torch

    del number

    maps, gates = [], [(k, o) for o in range(5) for k in (3, 4, 5) if k > o]
    for place, size in enumerate((3, 4, 5)):
        own = [weights["W_x"][gates.index((size, o)), 0] for o in reversed(range(size))]
        kernel = torch.stack(own, dim=2).permute(1, 0, 2)  # (H, D, size), the oldest word first
        padded = torch.nn.functional.pad(x.T, (size - 1, 0))
        maps.append(torch.nn.functional.conv1d(padded[None], kernel, weights["b"][place, 0])[0].T)
    return torch.relu(torch.cat(maps, dim=1))


def layer_of_torch(x: Any, weights: dict[str, Any], number: int) -> Any:
    """The layer over the mean, the first one; and over each output, those above."""
    import torch

    counts = torch.arange(1, len(x) + 1, dtype=x.dtype)[:, None]
    means = x if number else x.cumsum(0) / counts
    return torch.tanh(torch.nn.functional.linear(means, weights["W_x"][0, 0].T, weights["b"][0, 0]))


PARTS_OF_TORCH: dict[str, Callable[..., Any]] = {
    "cnn": convolution_of_torch,
    "feedforward": layer_of_torch,
}


def compare_with_torch(network: Network, texts: Sequence[Ids]) -> None:
    """Logits and all gradients, those of the word vectors included, with the readout ``max``."""
    torch = pytest.importorskip("torch", reason="compares with an installed PyTorch")
    body = network.body
    leaves = {n: torch.tensor(v, requires_grad=True) for n, v in network.params.items()}
    rows = []
    for ids in texts:
        x = leaves["embedding.weight"][torch.tensor(ids, dtype=torch.long)]
        for number in range(body.num_layers):
            prefix = f"{body.prefix}.{number}."
            own = {n.removeprefix(prefix): v for n, v in leaves.items() if n.startswith(prefix)}
            x = PARTS_OF_TORCH[body.name](x, own, number)
        rows.append(x.max(dim=0).values @ leaves["linear.weight"] + leaves["linear.bias"])
    expected = torch.stack(rows)
    batch = network.pack(texts)
    logits, cache = network.forward(batch)
    np.testing.assert_allclose(logits, expected.detach().numpy()[batch.order], **CLOSE)
    weights = np.random.default_rng(4).standard_normal(logits.shape)
    (expected[torch.tensor(batch.order)] * torch.tensor(weights)).sum().backward()
    for name, gradient in dense(network.backward(weights, cache).params).items():
        np.testing.assert_allclose(gradient, leaves[name].grad.numpy(), err_msg=name, **CLOSE)


# ------------------------------------------------------------------ chunks, word by word


@others
@pytest.mark.parametrize("head", ["text", "token"])
def test_chunks_and_words_are_the_whole(body: str, head: str) -> None:
    """Documents side by side in chunks, gradients too; and one of them word by word."""
    network = network_of(body, num_layers=2, head=head)
    ids = random_documents(np.random.default_rng(5), [6], V)[0]
    expected, final = network.read(network.pack([ids]))
    reader = DocumentReader(network)
    np.testing.assert_allclose(reader.predict_logits(ids).reshape(-1, C), expected[::-1], **CLOSE)
    for k in range(1, 7):
        state: list[Params] | None = None
        outputs = []
        for start in range(0, 6, k):
            chunk = network.body.forward(pack([ids[start : start + k]]), initial=state)
            state = chunk.final
            outputs.append(chunk.outputs[0, ::-1])
        np.testing.assert_allclose(np.concatenate(outputs), outputs_of(network, ids), **CLOSE)
        assert state is not None
        for here, there in zip(state, final, strict=True):
            for name, value in there.items():
                np.testing.assert_allclose(here[name], value, **CLOSE)
    reader.reset()
    reader.outputs(ids[:2])
    other = DocumentReader(network)
    other.state = reader.state
    found = other.outputs(ids[2:])
    np.testing.assert_allclose(found[0], outputs_of(network, ids)[2:], **CLOSE)


@others
def test_states_of_other_shapes_are_refused(body: str) -> None:
    network = network_of(body)
    batch = network.pack(documents())
    (state,) = network.body.forward(batch).final
    with pytest.raises(ValueError, match="initial states must be"):
        network.forward(batch, initial=[{name: v[:, :1] for name, v in state.items()}])
    with pytest.raises(ValueError, match="initial states must be"):
        network.forward(batch, initial=[{"h": np.zeros((1, 5, 2))}])


@others
def test_many_rows_are_read_in_parts(body: str) -> None:
    """More rows than are gathered at once; float32 stays what it is."""
    network = network_of(body, dtype="float32")
    texts = random_documents(np.random.default_rng(0), [700, 3, 900, 650], V)
    batch = network.pack(texts)
    logits, cache = network.forward(batch)
    assert logits.dtype == cache.body.outputs.dtype == np.float32
    np.testing.assert_array_equal(network.read(batch)[0], logits)
    gradients = dense(network.backward(np.ones_like(logits), cache).params)
    assert {g.dtype.name for g in gradients.values()} == {"float32"}
    for place, text in enumerate(texts):
        alone = network.predict_logits(network.pack([text]))[0]
        together = logits[list(batch.order).index(place)]
        np.testing.assert_allclose(alone, together, rtol=1e-5, atol=1e-6)


# ------------------------------------------------------------------ settings and folders


@others
def test_what_has_no_meaning_is_refused(body: str) -> None:
    Settings(body=body).validate()
    Settings(body=body, bidirectional=False).validate(given={"bidirectional"})
    meant: list[tuple[dict[str, Any], tuple[str, ...]]] = [
        ({"cell": "gru"}, ()),
        ({"cell": "lstm"}, ("cell",)),
        ({"dropout_recurrent": 0.2}, ()),
        ({"gradient_floor": 0.1}, ()),
        ({"bidirectional": True}, ("bidirectional",)),
    ]
    for changes, given in meant:
        with pytest.raises(UsageError, match=f"{next(iter(changes))} is .* but the body '{body}'"):
            Settings(body=body, **changes).validate(given)
        Settings(**changes).validate(given)  # of recurrent layers it has one


def test_a_body_has_a_cell_or_none() -> None:
    config = config_of("cnn")
    assert config.to_dict()["body"] == "cnn"
    assert "body" not in network_config(C, V).to_dict()
    for changes in ({"cell": "lstm"}, {"bidirectional": True}, {"body": "recurrent"}):
        with pytest.raises(ValueError, match="the body"):
            replace(config, **changes)
    with pytest.raises(ValueError, match="has no cell"):
        _ = network_of("cnn").cell


TEXTS = ["a warm room", "a cold room", "kind people", "rude people", "warm kind"] * 6
LABELS = [["good", "bad"][i % 2] for i in range(30)]
SMALL: dict[str, Any] = {
    "hidden_size": 4,
    "embedding_dim": 5,
    "max_iter": 2,
    "batch_size": 8,
    "random_state": 0,
}


@others
@pytest.mark.parametrize("embedding", ["random", "onehot"])
def test_an_estimator_of_it(body: str, embedding: str, tmp_path: Path) -> None:
    """With the defaults; saved, loaded, compact, in two processes and as a stream."""
    model = TextRNNClassifier(body=body, embedding=embedding, ngrams="none", **SMALL)
    model.fit(TEXTS, LABELS)
    config = model.model_.network.config
    assert (config.body, config.cell, config.bidirectional) == (body, None, False)
    expected = model.predict_proba(TEXTS[:5])
    model.save(tmp_path / "m")
    again = TextRNNClassifier.load(tmp_path / "m")
    np.testing.assert_array_equal(again.predict_proba(TEXTS[:5]), expected)
    stream = again.stream()
    for word in TEXTS[0].split():
        found = stream.feed(word)
    np.testing.assert_allclose(found, expected[0], rtol=1e-5)
    assert f"| network | {body}, 1 x 4 units" in (tmp_path / "m" / "README.md").read_text()


@others
def test_numbers_and_several_labels(body: str) -> None:
    numbers = TextRNNRegressor(body=body, early_stopping=False, **SMALL).fit(TEXTS, np.arange(30.0))
    assert np.isfinite(numbers.predict(TEXTS)).all()
    many = TextRNNClassifier(body=body, **SMALL).fit(
        TEXTS, [[i % 2, i % 3 == 0] for i in range(30)]
    )
    assert many.predict_proba(TEXTS).shape == (30, 2)


@others
def test_two_processes_train_what_one_trains(body: str) -> None:
    """But for masks of dropout, which each draws for itself."""
    one, two = (
        TextRNNClassifier(
            **{"body": body, **SMALL, "n_jobs": n, "dropout_input": 0.0, "dropout_readout": 0.0},
            ngrams="none",
            unknown_alpha=0.0,
            dtype="float64",
        ).fit(TEXTS, LABELS)
        for n in (1, 2)
    )
    for name, value in one.model_.network.params.items():
        np.testing.assert_allclose(
            two.model_.network.params[name], value, 1e-8, 1e-10, err_msg=name
        )


@pytest.mark.parametrize("is_told", [True, False], ids=["told", "of 0.1.0"])
def test_a_warm_start_keeps_the_body(is_told: bool) -> None:
    model = TextRNNClassifier(ngrams="none", **SMALL).fit(TEXTS, LABELS)
    if not is_told:
        del model.model_.settings["body"]
    with pytest.raises(UsageError, match="body is 'cnn', but was 'recurrent' when"):
        model.set_params(body="cnn", warm_start=True).fit(TEXTS, LABELS)


@others
@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("body", "nobody", "body"),
        ("body", None, "body"),
        ("cell", "lstm", "network.cell is 'lstm', but must be null"),
        ("bidirectional", True, "network.bidirectional is true, but must be false"),
    ],
)
def test_untrusted_configurations(
    body: str, name: str, value: Any, told: str, tmp_path: Path
) -> None:
    model = TextRNNClassifier(body=body, ngrams="none", **SMALL).fit(TEXTS, LABELS)
    model.save(tmp_path / "m")
    config = json.loads((tmp_path / "m" / "config.json").read_text())
    validate_config(config)
    config["network"][name] = value
    with pytest.raises(ValueError, match=told):
        validate_config(config)
    (tmp_path / "m" / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError):
        TextRNNClassifier.load(tmp_path / "m")


# ------------------------------------------------------------------ from outside


def test_a_body_of_ones_own_works() -> None:
    class Pairs(CNN):
        name = "pairs"
        sizes: ClassVar[tuple[int, ...]] = (2,)

    register(Pairs)
    try:
        model = TextRNNClassifier(body="pairs", ngrams="none", **SMALL).fit(TEXTS, LABELS)
        assert model.model_.network.params["convolution.0.W_x"].shape == (2, 1, 5, 4)
        ids = random_documents(np.random.default_rng(0), [5], V)
        network = network_of("pairs")
        x, weights = network.params["embedding.weight"][ids[0]], network.layer(0)
        W, b = weights["W_x"][:, 0], weights["b"][0, 0]
        before = np.vstack([np.zeros(3), x[:-1]])
        expected = np.maximum(x @ W[0] + before @ W[1] + b, 0.0)
        np.testing.assert_allclose(outputs_of(network, ids[0]), expected, **CLOSE)
    finally:
        del BODIES["pairs"]


def test_a_name_is_given_once() -> None:
    class Other(CNN):
        name = "recurrent"

    with pytest.raises(ValueError, match="recurrent is the name of Recurrent"):
        register(Other)
    assert all(issubclass(body, Body) for body in BODIES.values())
