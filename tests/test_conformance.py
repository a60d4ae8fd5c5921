"""One table: a row for each registered body, cell, pooling and head, a column for each promise.

A row is a small network in which that part stands beside ordinary ones. Whatever is registered
has a row. In the last two columns stands what equals it elsewhere, or why nothing does: a part
without an entry there fails the table.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.gradcheck import dense, random_documents, random_network
from tests.networks import network_config
from tests.reference.make_torch_reference import (
    CASES,
    DOCUMENTS,
    STATE_CASES,
    load,
    load_with_states,
)
from tests.test_bodies import PARTS_OF_TORCH, compare_with_torch
from tests.test_next_word import equals_torch
from tests.test_torch_equality import CLOSE, compare, compare_with_states
from textrnn.inference.classifier import TextModel
from textrnn.inference.stream import Stream
from textrnn.nn.bodies import BODIES
from textrnn.nn.cells import CELLS
from textrnn.nn.check import CHECKS, TRIES, numeric_gradient
from textrnn.nn.config import NetworkConfig
from textrnn.nn.heads import HEADS
from textrnn.nn.incremental import DocumentReader
from textrnn.nn.network import Network
from textrnn.nn.packed import pack
from textrnn.nn.poolings import POOLINGS
from textrnn.storage.loading import load_model
from textrnn.storage.writing import save_model
from textrnn.text.tokenizers import make_tokenizer
from textrnn.text.vocabulary import Vocabulary
from textrnn.typing import Ids

V, C = 7, 3
LENGTHS = (3, 1, 5, 3)
WORDS = [f"w{i}" for i in range(V - 1)]
"""And the unknown one."""
EXACT: dict[str, Any] = {"rtol": 1e-12, "atol": 1e-12}


@dataclass(frozen=True)
class Row:
    """A registered part."""

    kind: str
    name: str

    def config(self, **changes: Any) -> NetworkConfig:
        """A small network with that part."""
        parts = {"cell": "gru", "readout": "last", "head": "text", self.kind: self.name}
        values = {"embedding_dim": 3, "hidden_size": 2, "dtype": "float64", **parts, **changes}
        body = BODIES[values.get("body", "recurrent")]
        if not body.has_cell:
            values["cell"] = None
        if not body.has_directions:
            values["bidirectional"] = False
        if values["head"] == "next_word":
            values |= {"bidirectional": False, "tied": True}
        return network_config(C, V, **values)

    def network(self, seed: int = 0, **changes: Any) -> Network:
        return random_network(self.config(**changes), np.random.default_rng(seed))


ROWS = [
    *(Row("body", name) for name in BODIES),
    *(Row("cell", name) for name in CELLS),
    *(Row("readout", name) for name in POOLINGS),
    *(Row("head", name) for name in HEADS),
]
IS_NONE = "none: "
"""Begins the reason why a part has no counterpart."""
PYTORCH: dict[str, dict[str, str]] = {
    "body": {
        "recurrent": "nn.GRU",
        "cnn": "nn.Conv1d of each size over zeros and the words",
        "feedforward": "nn.Linear of the running mean",
    },
    "cell": {
        "rnn": "nn.RNN",
        "rnn_relu": "nn.RNN(nonlinearity='relu')",
        "rnn_linear": IS_NONE + "PyTorch has tanh and ReLU alone; ONNX has Affine",
        "jordan": IS_NONE + "PyTorch has no back projection; test_formulas has its own",
        "clockwork": IS_NONE + "PyTorch has no clockwork; test_formulas has its own",
        "lstm": "nn.LSTM",
        "lstm_forget": IS_NONE + "PyTorch has no LSTM without input and output gate",
        "lstm_peephole": IS_NONE + "PyTorch has no peepholes; ONNX has",
        "gru": "nn.GRU",
        "gru_reset_before": IS_NONE + "PyTorch resets after the product; ONNX has both",
        "mingru": IS_NONE + "PyTorch's GRU has a tanh for its candidate",
        "minlstm": IS_NONE + "PyTorch has no LSTM whose gates see the input alone",
    },
    "readout": {
        "last": "the last output",
        "mean": "sum over the outputs",
        "max": "max over the outputs",
        "max_mean": "both",
        "max_mean_last": "all three",
        "attention": "softmax over the outputs",
    },
    "head": {
        "text": "nn.Linear of a pooling",
        "token": "nn.Linear of every output",
        "next_word": "functional.linear with nn.Embedding's weight",
    },
}
ONNX: dict[str, dict[str, str]] = {
    "body": {
        "recurrent": IS_NONE + "its cells have theirs",
        "cnn": IS_NONE + "no recurrent operator; PyTorch has the convolution",
        "feedforward": IS_NONE + "no recurrent operator; PyTorch has the layer",
    },
    "cell": {
        "rnn": "RNN",
        "rnn_relu": IS_NONE + "onnx has no case of RNN with Relu; PyTorch has the cell",
        "rnn_linear": "RNN with Affine",
        "jordan": IS_NONE + "ONNX has no back projection; test_formulas has its own",
        "clockwork": IS_NONE + "ONNX has no clockwork; test_formulas has its own",
        "lstm": "LSTM",
        "lstm_forget": IS_NONE + "ONNX has no LSTM without input and output gate",
        "lstm_peephole": "LSTM with P",
        "gru": "GRU with linear_before_reset=1",
        "gru_reset_before": "GRU with linear_before_reset=0",
        "mingru": IS_NONE + "the GRU of ONNX's evaluator has a tanh for its candidate",
        "minlstm": IS_NONE + "ONNX has no LSTM whose gates share out what they keep and take",
    },
    "readout": dict.fromkeys(POOLINGS, IS_NONE + "no operator of ONNX pools ragged texts"),
    "head": dict.fromkeys(HEADS, IS_NONE + "a matrix product is no recurrent operator"),
}


def documents() -> list[Ids]:
    return random_documents(np.random.default_rng(3), LENGTHS, V)


# ------------------------------------------------------------------------- columns


def gradient(row: Row) -> None:
    """Of all parameters, ragged, both directions, two layers, by central differences."""
    if row.kind == "cell":
        CHECKS["gradient"](CELLS[row.name])  # of initial states, too
    _check_gradients(lambda seed: row.network(seed, bidirectional=True, num_layers=2))


def _check_gradients(make: Callable[[int], Network]) -> None:
    for seed in range(TRIES):
        try:
            _check_gradient(make(seed))
            return
        except AssertionError:  # a kink may be near
            if seed == TRIES - 1:
                raise


def _check_gradient(network: Network) -> None:
    batch = network.pack(documents())
    logits, cache = network.forward(batch)
    weights = np.random.default_rng(4).standard_normal(logits.shape)
    gradients = dense(network.backward(weights, cache).params)
    assert {name: g.shape for name, g in gradients.items()} == network.config.shapes()
    for name, value in network.params.items():
        expected = numeric_gradient(lambda: float((weights * network.read(batch)[0]).sum()), value)
        np.testing.assert_allclose(gradients[name], expected, 1e-6, 1e-8, err_msg=name)


def batch_is_single(row: Row) -> None:
    """With its neighbours, alone, and word by word without a batch."""
    if row.kind == "cell":
        CHECKS["batch = single"](CELLS[row.name])
        CHECKS["one row"](CELLS[row.name])
    network = row.network(bidirectional=True, num_layers=2)
    together = network.predict_logits(network.pack(documents()))
    alone = [network.predict_logits(network.pack([ids])) for ids in documents()]
    reader = DocumentReader(network)
    one_row = [reader.predict_logits(ids).reshape(-1, C) for ids in documents()]
    np.testing.assert_allclose(np.concatenate(alone), together, **EXACT)
    np.testing.assert_allclose(np.concatenate(one_row), together, **EXACT)


def chunked_is_whole(row: Row) -> None:
    """The state carried from chunk to chunk, and what the head has gathered."""
    if row.kind == "cell":
        CHECKS["chunked = whole"](CELLS[row.name])  # the gradients, too
    network = row.network(num_layers=2)
    for ids in documents():
        whole = network.pack([ids])
        expected, final = network.read(whole)
        for k in range(1, len(ids) + 2):
            features = network.head.running(whole, network.dtype, network.params)
            state = None
            for start in range(0, len(ids), k):
                chunk = pack([ids[start : start + k]])
                state = network.body.forward(chunk, initial=state, take_in=features.add).final
            found = network.head.logits(features.value(whole), network.params)
            np.testing.assert_allclose(found, expected, **EXACT)
            assert state is not None
            for here, there in zip(state, final, strict=True):
                for name, value in there.items():
                    np.testing.assert_allclose(here[name], value, **EXACT)


def saved_is_loaded(row: Row, folder: Path) -> None:
    """A model folder, or, of a head that no folder holds, its two parts: the same bits."""
    network = row.network(dtype="float32", bidirectional=True)
    again = Network(
        NetworkConfig(**json.loads(json.dumps(network.config.to_dict()))), dict(network.params)
    )
    batch = network.pack(documents())
    expected = network.predict_logits(batch)
    np.testing.assert_array_equal(again.predict_logits(batch), expected)
    if network.config.head != "text":
        return
    vocabulary = Vocabulary.build([WORDS])
    model = TextModel(make_tokenizer("word"), vocabulary, network, ("a", "b", "c"))
    save_model(model, folder / "model")
    loaded = load_model(folder / "model").network
    assert loaded.config == network.config
    np.testing.assert_array_equal(loaded.predict_logits(batch), expected)


def streaming(row: Row) -> None:
    """After each word, what a batch of the words so far answers; also from a state put back."""
    network = row.network(num_layers=2)
    vocabulary = Vocabulary.build([WORDS])
    stream = Stream(network, vocabulary)
    ids = np.random.default_rng(5).integers(0, V, 6).astype(np.int32)
    for n in range(1, len(ids) + 1):
        expected = network.predict_proba(network.pack([ids[:n]]))[-1]
        other = Stream(network, vocabulary)  # which has read nothing of it itself
        other.state = stream.state
        for found in (stream.feed_id(int(ids[n - 1])), other.feed_id(int(ids[n - 1]))):
            np.testing.assert_allclose(found, expected, **EXACT)


def every_word(row: Row) -> None:
    """The answers after every word are those of the words so far; their gradients, as above."""
    if row.name in ("token", "next_word"):
        return  # which have no others
    network = row.network(num_layers=2)
    together = network.at_every_step().predict_logits(network.pack(documents()))
    alone = [
        network.predict_logits(network.pack([ids[:n]]))
        for ids in documents()
        for n in range(1, len(ids) + 1)
    ]
    np.testing.assert_allclose(together, np.concatenate(alone), **EXACT)
    reader = DocumentReader(network.at_every_step())
    one_row = [reader.predict_logits(ids) for ids in documents()]
    np.testing.assert_allclose(np.concatenate(one_row), together, **EXACT)
    _check_gradients(lambda seed: row.network(seed, num_layers=2).at_every_step())


def pytorch(row: Row) -> None:
    """The stored values of PyTorch: outputs, loss and all gradients; cells from a state, too."""
    if row.name == "token":
        return _tokens_of_pytorch()
    if row.name == "next_word":
        return equals_torch(tied=True, num_layers=2)
    if row.name in PARTS_OF_TORCH:
        return compare_with_torch(row.network(num_layers=2, readout="max"), documents())
    cases = [case for case in CASES if row.name in (case.cell, case.readout, "text", "recurrent")]
    assert cases
    for case in cases:
        compare(case, *load(case))
    for case in STATE_CASES:
        if case.cell == row.name:
            compare_with_states(case, *load_with_states(case))
    return None


def _tokens_of_pytorch() -> None:
    """The linear layer of every output; its gradients are compared in ``test_heads``."""
    for case in STATE_CASES:
        params, initial, _, expected = load_with_states(case)
        network = Network(NetworkConfig(**{**case.config.to_dict(), "head": "token"}), params)
        batch = network.pack(DOCUMENTS)
        names = network.cell.carried_names
        state = [
            {name: initial[f"{layer}.{name}"][:, batch.order] for name in names}
            for layer in range(case.num_layers)
        ]
        logits = network.head.in_order(network.read(batch, initial=state)[0], batch)
        outputs = [
            of_one[: len(ids)] for of_one, ids in zip(expected["outputs"], DOCUMENTS, strict=True)
        ]
        wanted = np.concatenate(outputs) @ params["linear.weight"] + params["linear.bias"]
        np.testing.assert_allclose(logits, wanted, **CLOSE)


def onnx(row: Row) -> None:
    """What ONNX's own helper makes of ragged batches from initial states, in both directions."""
    from tests.test_onnx import KINDS, check_against_helper  # skips where there is no onnx

    kinds = [kind for kind in KINDS if kind.cell == row.name]
    assert kinds
    for kind in kinds:
        for n_directions in (1, 2):
            check_against_helper(kind, n_directions)


COLUMNS: dict[str, Callable[..., None]] = {
    "gradient": gradient,
    "batch = single": batch_is_single,
    "chunked = whole": chunked_is_whole,
    "save/load": saved_is_loaded,
    "streaming": streaming,
    "every word": every_word,
    "PyTorch": pytorch,
    "ONNX": onnx,
}
ELSEWHERE = {"PyTorch": PYTORCH, "ONNX": ONNX}


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.kind}-{row.name}")
def test_table(row: Row, column: str, tmp_path: Path) -> None:
    if column in ELSEWHERE:
        counterpart = ELSEWHERE[column][row.kind][row.name]
        if counterpart.startswith(IS_NONE):
            pytest.skip(counterpart.removeprefix(IS_NONE))
    check_row(row, column, tmp_path)


def check_row(row: Row, column: str, folder: Path) -> None:
    """Hold a part to one promise; ``folder`` is for models."""
    check = COLUMNS[column]
    check(row, folder) if column == "save/load" else check(row)


@pytest.mark.parametrize("column", ELSEWHERE)
def test_every_part_says_what_equals_it_elsewhere(column: str) -> None:
    registered = {
        "body": set(BODIES),
        "cell": set(CELLS),
        "readout": set(POOLINGS),
        "head": set(HEADS),
    }
    assert {kind: set(parts) for kind, parts in ELSEWHERE[column].items()} == registered


def test_what_has_no_counterpart_in_one_place_has_one_in_another() -> None:
    """All but what nobody else has; the minimal cells ``test_input_gated`` holds against the
    formulas of their paper."""
    alone = [
        name
        for name in CELLS
        if all(table["cell"][name].startswith(IS_NONE) for table in ELSEWHERE.values())
    ]
    assert alone == ["jordan", "clockwork", "lstm_forget", "mingru", "minlstm"]
