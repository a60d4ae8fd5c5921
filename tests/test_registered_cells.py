"""A cell of somebody else's: known by its name wherever a name is asked for, and nowhere before."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.gradcheck import random_network
from tests.networks import network_config
from textrnn import TextRNNClassifier
from textrnn.errors import ModelError, UsageError
from textrnn.inference.pool import Predictor
from textrnn.nn import cells
from textrnn.nn.cells import CELLS, Cell
from textrnn.nn.cells.reader import FastReader
from textrnn.nn.incremental import DocumentReader
from textrnn.nn.packed import pack

CODE = '''
import numpy as np
from textrnn.nn.cells import Cell, add_recurrence, back_through_weights

class Twice(Cell):
    """A simple recurrent cell that adds half of its state to the next; with a bias of its own."""
    name = "twice"
    n_gates = 1

    def shapes(self, n_directions, input_size, hidden_size):
        common = super().shapes(n_directions, input_size, hidden_size)
        return {**common, "own": (n_directions, hidden_size)}

    def prepare_forward(self, params):
        return {**super().prepare_forward(params), "own": params["own"][:, np.newaxis]}

    def forward(self, weights, trace, step):
        z = add_recurrence(weights, trace, step)
        z += weights["own"]
        h = trace.h[:, step.rows]
        np.tanh(z[0], out=h)
        h[:, :step.carried] += 0.5 * trace.previous("h", step)

    def backward(self, weights, trace, step, d_states, d_gates):
        tanh = np.tanh(trace.gates[0, :, step.rows])
        np.multiply(1.0 - tanh * tanh, d_states["h"], out=d_gates[0])
        straight = 0.5 * d_states["h"]
        back_through_weights(d_gates, weights, trace.scratch, out=d_states["h"])
        d_states["h"] += straight

    def weight_gradients(self, trace, previous, d_gates):
        return {**super().weight_gradients(trace, previous, d_gates), "own": d_gates[0].sum(axis=1)}
'''
OPTIONS: dict[str, Any] = {
    "cell": "twice",
    "hidden_size": 5,
    "embedding_dim": 4,
    "ngrams": "none",
    "max_iter": 2,
    "early_stopping": False,
    "random_state": 0,
}


@pytest.fixture
def twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Cell]]:
    """The cell in a module of its own, registered for the time of a test."""
    (tmp_path / "their_cells.py").write_text(CODE)
    monkeypatch.syspath_prepend(tmp_path)
    kind: type[Cell] = import_module("their_cells").Twice
    yield cells.register(kind)
    CELLS.pop("twice", None)
    del sys.modules["their_cells"]


def test_it_trains_predicts_streams_saves_and_loads(
    twice: type[Cell], reviews: tuple[list[str], list[str]], tmp_path: Path
) -> None:
    texts, labels = reviews
    model = TextRNNClassifier(**OPTIONS, bidirectional=False).fit(texts, labels)
    together = model.predict_proba(texts)
    for text, expected in zip(texts[:4], together, strict=False):
        np.testing.assert_allclose(model.predict_proba([text])[0], expected, atol=1e-6)
        stream = model.stream()
        for token in model.model_.tokenizer(text):
            found = stream.feed(token)
        np.testing.assert_allclose(found, expected, atol=1e-6)
    model.save(tmp_path / "model")
    loaded = TextRNNClassifier.load(tmp_path / "model")
    np.testing.assert_array_equal(loaded.predict_proba(texts), together)
    assert type(loaded.model_.network.cell) is twice


@pytest.mark.usefixtures("twice")
def test_who_does_not_know_it_says_so(reviews: tuple[list[str], list[str]], tmp_path: Path) -> None:
    TextRNNClassifier(**OPTIONS).fit(*reviews).save(tmp_path / "model")
    del CELLS["twice"]
    with pytest.raises(ModelError, match=r"has the cell 'twice', which is none of .*; import what"):
        TextRNNClassifier.load(tmp_path / "model")
    with pytest.raises(UsageError, match="cell is 'twice', but must be one of 'rnn'"):
        TextRNNClassifier(**OPTIONS).fit(*reviews)


@pytest.mark.usefixtures("twice")
@pytest.mark.parametrize("S", [1, 2])
def test_a_step_for_one_row_is_made_of_the_step_for_a_batch(S: int) -> None:
    """With parameters of its own, whose axis of directions is found by their shapes."""
    config = network_config(3, 9, 4, "twice", 5, 2, bidirectional=S == 2, dtype="float64")
    network = random_network(config, np.random.default_rng(0))
    reader = DocumentReader(network)
    for n in (1, 2, 7):
        ids = np.random.default_rng(n).integers(0, 9, n).astype(np.int32)
        expected = network.predict_logits(pack([ids]))[0]
        np.testing.assert_allclose(reader.predict_logits(ids), expected, rtol=1e-12)


def test_other_processes_know_it(twice: type[Cell], reviews: tuple[list[str], list[str]]) -> None:
    """They get it with the network, whether their own import registers it or not."""
    texts, labels = reviews
    model = TextRNNClassifier(**OPTIONS, n_jobs=2).fit(texts, labels)
    with Predictor(model.model_, 2, patience=0.0) as predictor:
        source = [texts * 20] * 12
        found = [probabilities for _, probabilities in predictor.stream(source)]
        assert predictor.n_jobs == 2
    for probabilities in found:
        np.testing.assert_allclose(probabilities[:48], model.predict_proba(texts), atol=1e-6)
    CELLS.pop("twice")
    back = pickle.loads(pickle.dumps(twice()))
    assert CELLS["twice"] is back


def test_one_of_the_script_works_in_its_process_alone(tmp_path: Path) -> None:
    """And the reason is told."""
    script = tmp_path / "script.py"
    rest = f"""
from textrnn import TextRNNClassifier
from textrnn.nn.cells import register
register(Twice)
options = {OPTIONS!r}
texts, labels = ["good film", "bad film"] * 20, ["g", "b"] * 20
model = TextRNNClassifier(**options, n_jobs=2).fit(texts, labels)
print(model.predict_proba(texts).shape)
"""
    script.write_text(CODE + rest)
    done = subprocess.run(
        [sys.executable, script],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[1],
        env={"PYTHONPATH": "."},
    )
    assert done.stdout.strip() == "(40, 2)"
    assert "Twice is defined in the script that runs" in done.stderr
    assert "put it into a module of its own" in done.stderr


def test_a_name_is_taken_once(twice: type[Cell]) -> None:
    class Other(twice):  # type: ignore[misc, valid-type]
        name = "lstm"

    with pytest.raises(ValueError, match="lstm is the name of LSTM already"):
        cells.register(Other)
    again = type("Twice", (twice,), {"__module__": twice.__module__, "__qualname__": "Twice"})
    cells.register(again)  # defined anew, as a notebook does
    assert type(CELLS["twice"]) is again


def test_another_step_does_not_inherit_a_fast_one() -> None:
    class Same(cells.LSTM):
        name = "same"

    class Another(cells.LSTM):
        name = "another"

        def forward(self, *args: Any) -> None:
            super().forward(*args)

    class WithFast(Another):
        fast_reader = FastReader  # type: ignore[assignment]

    assert Same.fast_reader is cells.LSTM.fast_reader
    assert Another.fast_reader is None
    assert WithFast.fast_reader is FastReader
