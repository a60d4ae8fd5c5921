"""Cells whose gates see the input alone: their paper's formulas, and what is done once a word."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.gradcheck import assert_gradient, dense, random_documents, random_network
from tests.networks import network_config
from textrnn import TextRNNClassifier
from textrnn.errors import UsageError
from textrnn.nn.cells import CELLS, InputGated, MinGRU, MinLSTM
from textrnn.nn.cells.base import StepReader
from textrnn.nn.dropout import Dropout
from textrnn.nn.packed import pack
from textrnn.training.settings import Settings
from textrnn.typing import Floats

MINIMAL = pytest.mark.parametrize("cell", ["mingru", "minlstm"])
V, D, H = 8, 3, 4


def sigmoid(x: Any) -> Any:
    return 1.0 / (1.0 + np.exp(-x))


def outputs_of_the_paper(cell: str, x: Floats, W_x: Floats, b: Floats) -> list[Floats]:
    """h_1 to h_T of vectors (T, D) from a state of zeros, word by word and gate by gate."""
    h, found = np.zeros(b.shape[-1]), []
    for x_t in x:
        if cell == "mingru":
            z, n = sigmoid(x_t @ W_x[0] + b[0]), x_t @ W_x[1] + b[1]
            h = (1 - z) * h + z * n
        else:
            f, i = sigmoid(x_t @ W_x[0] + b[0]), sigmoid(x_t @ W_x[1] + b[1])
            n = x_t @ W_x[2] + b[2]
            h = f / (f + i) * h + i / (f + i) * n
        found.append(h)
    return found


@MINIMAL
def test_they_are_what_their_paper_writes(cell: str) -> None:
    """In both directions, of ragged texts; the second direction reads from the end."""
    config = network_config(2, V, D, cell, H, bidirectional=True, dtype="float64")
    network = random_network(config, np.random.default_rng(0))
    documents = [np.array(ids, np.int32) for ids in ([1, 4, 4, 2, 1], [7], [3, 5, 3])]
    batch = network.pack(documents)
    h = network.body.forward(batch).outputs
    params = network.params
    W_x, b = params["recurrent.0.W_x"], params["recurrent.0.b"]
    for place, number in enumerate(batch.order):
        rows = np.flatnonzero(batch.documents == place)[::-1]  # word after word
        x = params["embedding.weight"][documents[number]]
        for s, read in enumerate((x, x[::-1])):
            expected = outputs_of_the_paper(cell, read, W_x[:, s], b[:, s])
            np.testing.assert_allclose(h[s, rows], expected, rtol=1e-12, atol=1e-14)


@MINIMAL
def test_no_weight_is_for_a_state(cell: str) -> None:
    config = network_config(2, V, D, cell, H, 2, bidirectional=True)
    names = {name for name in config.shapes() if name.startswith("recurrent")}
    assert names == {f"recurrent.{i}.{name}" for i in (0, 1) for name in ("W_x", "b")}
    assert CELLS[cell].recurrent_names == ()


@MINIMAL
@pytest.mark.parametrize("embedding_dim", [D, None], ids=["vectors", "one-hot"])
def test_gates_are_made_once_for_each_distinct_word(
    cell: str, embedding_dim: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In training, and in reading without a backward pass; in a layer above once for each word."""
    made: list[int] = []
    kind = type(CELLS[cell])
    real = kind.activate

    def activate(self: InputGated, products: Floats) -> Any:
        made.append(products.shape[-2])
        return real(self, products)

    monkeypatch.setattr(kind, "activate", activate)
    network = random_network(
        network_config(2, V, embedding_dim, cell, H, 2, bidirectional=True),
        np.random.default_rng(0),
    )
    batch = pack([np.array([1, 2, 1, 2, 1], np.int32), np.array([2, 2], np.int32)])
    network.forward(batch)
    network.read(batch)
    assert made == [2, 7, 2, 7]


@MINIMAL
@pytest.mark.parametrize("num_layers", [1, 2])
@pytest.mark.parametrize("reads", ["vectors", "one-hot", "numbers"])
def test_gradients_whatever_is_read(cell: str, reads: str, num_layers: int) -> None:
    """Central differences of all parameters; both directions, texts in segments, one of a word."""
    source: dict[str, Any] = {"vocabulary_size": V, "embedding_dim": D}
    if reads != "vectors":
        source["embedding_dim"] = None
    if reads == "numbers":
        source |= {"vocabulary_size": 0, "n_inputs": D}
    config = network_config(
        n_classes=2,
        cell=cell,
        hidden_size=2,
        num_layers=num_layers,
        bidirectional=True,
        readout="mean",
        dtype="float64",
        segment_length=3,
        **source,
    )
    rng = np.random.default_rng(3)
    network = random_network(config, rng)
    documents: list[Any] = random_documents(rng, [7, 1, 3], V)
    if reads == "numbers":
        documents = [rng.standard_normal((len(ids), D)) for ids in documents]
    batch = network.pack(documents)
    assert batch.n_sequences == 5
    logits, cache = network.forward(batch)
    weights = rng.standard_normal(logits.shape)
    gradients = dense(network.backward(weights, cache).params)
    assert set(gradients) == set(network.params)

    def objective() -> float:
        return float((weights * network.read(batch)[0]).sum())

    for name, value in network.params.items():
        assert_gradient(gradients[name], objective, value, name)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_gates_of_the_minimal_lstm_share_out_what_is_too_small_for_a_number(dtype: str) -> None:
    """f / (f + i) depends on the difference alone where both are next to 0, and both next to 1
    are alike; slopes are numbers, too."""
    x_f = np.array([-800.0, -802.0, 800.0, -800.0, 800.0, 0.0], dtype)
    x_i = np.array([-802.0, -800.0, 900.0, 800.0, -800.0, 0.0], dtype)
    products = np.stack([x_f, x_i, np.ones_like(x_f)])
    (kept, new), cache = MinLSTM().activate(products[:, np.newaxis])
    expected = [sigmoid(2.0), sigmoid(-2.0), 0.5, 0.0, 1.0, 0.5]
    np.testing.assert_allclose(kept[0], expected, rtol=1e-6)
    np.testing.assert_allclose(new[0], 1.0 - np.array(expected), rtol=1e-6)
    d_products = MinLSTM().activate_backward(np.ones((2, 1, 6), dtype), cache)
    assert d_products.dtype == dtype
    assert np.isfinite(d_products).all()


@MINIMAL
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_step_for_one_row_is_the_one_of_a_batch(cell: str, dtype: str) -> None:
    """Fast and slow: to rounding, also of no word at all."""
    kind, rng = CELLS[cell], np.random.default_rng(1)
    params = {n: rng.normal(0, 1, s).astype(dtype) for n, s in kind.shapes(2, D, H).items()}
    fast, slow = kind.reader(params, 1), StepReader(kind, params, 1)
    for n in (3, 0, 1):
        products = rng.standard_normal((n, kind.n_gates * H)).astype(dtype)
        found, expected = np.empty((n, H), dtype), np.empty((n, H), dtype)
        fast.read(products.copy(), found)
        slow.read(products.copy(), expected)
        np.testing.assert_allclose(found, expected, rtol=1e-6)
        np.testing.assert_allclose(fast.state["h"], slow.state["h"], rtol=1e-6)


@MINIMAL
def test_recurrent_dropout_is_refused(cell: str) -> None:
    told = f"dropout_recurrent is 0.2, but the cell {cell!r} has no recurrent weights to drop"
    with pytest.raises(UsageError, match=told):
        Settings(cell=cell, dropout_recurrent=0.2).validate()
    Settings(cell=cell, dropout_recurrent=0.0).validate()
    Settings(cell="gru", dropout_recurrent=0.2).validate()


@MINIMAL
def test_a_dropped_word_leaves_only_the_bias(cell: str) -> None:
    """In the gates that are made once for each word."""
    config = network_config(2, V, None, cell, H, dtype="float64")
    network = random_network(config, np.random.default_rng(2))
    batch = pack([np.arange(V, dtype=np.int32)])
    dropout = Dropout(0.0, 0.0, np.random.default_rng(1), embedding=0.5)
    _, cache = network.forward(batch, dropout=dropout)
    mask = cache.body.layers[0].inputs.mask
    assert mask is not None
    bias = network.params["recurrent.0.b"][:, :, np.newaxis]
    expected, _ = CELLS[cell].activate(bias * CELLS[cell].gate_scale(np.dtype(np.float64)))
    gates = cache.body.layers[0].trace.gates[:, 0, ::-1]  # word after word
    dropped = gates[:, mask[:, 0] == 0.0]
    assert 0 < dropped.shape[1] < V
    np.testing.assert_allclose(dropped, np.broadcast_to(expected[:, 0], dropped.shape))


@MINIMAL
def test_it_is_trained_saved_and_streamed(
    cell: str, reviews: tuple[list[str], list[str]], tmp_path: Any
) -> None:
    """One-hot words, segments, both directions; and one way, word by word."""
    texts, labels = reviews
    options: dict[str, Any] = {
        "cell": cell,
        "hidden_size": 8,
        "embedding_dim": 8,
        "ngrams": "none",
        "random_state": 0,
        "max_iter": 15,
        "learning_rate_init": 2e-2,
        "early_stopping": False,
    }
    model = TextRNNClassifier(embedding="onehot", segment_length=3, **options).fit(texts, labels)
    assert model.score(texts, labels) > 0.95
    model.save(tmp_path / "model")
    again = TextRNNClassifier.load(tmp_path / "model").predict_proba(texts)
    np.testing.assert_array_equal(again, model.predict_proba(texts))

    one_way = TextRNNClassifier(bidirectional=False, **options).fit(texts, labels)
    stream = one_way.stream()
    for token in one_way.model_.tokenizer(texts[0]):
        found = stream.feed(token)
    np.testing.assert_allclose(found, one_way.predict_proba(texts[:1])[0], atol=1e-6)


def test_another_kind_says_only_what_is_kept_and_what_is_new() -> None:
    assert isinstance(CELLS["mingru"], MinGRU)
    for name in ("forward", "backward", "reader", "weight_gradients"):
        assert all(getattr(kind, name) is getattr(InputGated, name) for kind in (MinGRU, MinLSTM))
