"""The page that tells how to write a cell is run: what it writes stands outside the package."""

from __future__ import annotations

import pickle
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.test_conformance import COLUMNS, ELSEWHERE, Row, check_row
from textrnn import TextRNNClassifier
from textrnn.nn.bodies import BODIES, Body
from textrnn.nn.cells import CELLS, Cell, Step, TanhRNN, Trace
from textrnn.nn.check import CHECKS, TRIES, Layer
from textrnn.nn.packed import pack
from textrnn.typing import Floats, Params

PAGE = Path(__file__).parents[1] / "docs" / "extending.md"
ROOT = str(PAGE.parents[1])


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    """What the page writes, a file of all blocks of one name, in a folder of its own."""
    found: dict[str, str] = {}
    text = PAGE.read_text(encoding="utf-8")
    for name, code in re.findall(r"```py\n# (\S+)\n(.*?)```", text, re.S):
        found[name] = found.get(name, "") + code + "\n"
    for name, code in found.items():
        (tmp_path / name).write_text(code, encoding="utf-8")
    return found


@pytest.fixture
def theirs(
    files: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Cell]:
    assert "my_cells.py" in files
    monkeypatch.syspath_prepend(tmp_path)
    module = import_module("my_cells")
    assert not (module.__file__ or "").startswith(ROOT)
    yield CELLS["my_peephole"]
    del CELLS["my_peephole"], sys.modules["my_cells"]


@pytest.mark.parametrize("name", ["check.py", "use.py", "use_body.py"])
def test_it_runs_as_it_stands(files: dict[str, str], name: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, name],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={"PYTHONPATH": ROOT, "OPENBLAS_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == re.findall(r"^print\(.*\)  # (.*)$", files[name], re.M)


class WrongForSome(TanhRNN):
    """Its backward step is wrong in layers with a first weight of one sign."""

    name = "wrong_for_some"
    wrong = -1.0

    def backward(
        self, weights: Params, trace: Trace, step: Step, d_states: Params, d_gates: Floats
    ) -> None:
        super().backward(weights, trace, step, d_states, d_gates)
        if np.sign(weights["W_h_T"].flat[0]) == self.wrong:
            d_gates *= 1.01


def test_a_cell_that_is_wrong_for_some_layers_is_told() -> None:
    cell = WrongForSome()
    signs = [np.sign(Layer(cell, 1, seed).params["W_h"].flat[0]) for seed in range(TRIES)]
    assert len(set(signs)) == 2
    WrongForSome.wrong = signs[0]
    with pytest.raises(AssertionError, match="gradient of inputs"):
        CHECKS["gradient"](cell)


def test_every_block_is_of_a_file_that_is_run(files: dict[str, str]) -> None:
    assert set(files) == {"my_cells.py", "check.py", "use.py", "my_bodies.py", "use_body.py"}
    assert len(re.findall("```py", PAGE.read_text(encoding="utf-8"))) == 8


@pytest.mark.parametrize("check", CHECKS)
def test_its_cell_passes_the_checks(theirs: Cell, check: str) -> None:
    CHECKS[check](theirs)


@pytest.mark.parametrize("column", [name for name in COLUMNS if name not in ELSEWHERE])
def test_its_cell_passes_the_table(theirs: Cell, column: str, tmp_path: Path) -> None:
    """The columns of the conformance table, but for those of other libraries."""
    check_row(Row("cell", theirs.name), column, tmp_path)


def test_its_cell_is_ours(theirs: Cell) -> None:
    """The same outputs and gradients, bit for bit or nearly so, of the same weights."""
    one, other = Layer(theirs, 2, seed=3), Layer(CELLS["lstm_peephole"], 2, seed=3)
    batch = pack([np.array(ids, dtype=np.int32) for ids in ([0, 3, 2], [1], [4, 4])])
    found: list[list[Params]] = []
    for layer in (one, other):
        trace, final = layer.forward(batch, layer.states(3))
        d_gates, own, d_initial = layer.backward(trace, batch, *layer.random_gradients(batch))
        found.append([{"h": trace.h, "gates": d_gates}, final, own, d_initial])
    for mine, ours in zip(*found, strict=True):
        assert set(mine) == set(ours)
        for name, value in mine.items():
            np.testing.assert_allclose(value, ours[name], rtol=1e-12, err_msg=name)


@pytest.mark.usefixtures("theirs")
def test_its_cell_works_in_several_processes(reviews: tuple[list[str], list[str]]) -> None:
    texts, labels = reviews
    options: dict[str, Any] = {"hidden_size": 5, "embedding_dim": 4, "max_iter": 2}
    probabilities = [
        TextRNNClassifier(cell=cell, **options, ngrams="none", n_jobs=2, random_state=0)
        .fit(texts, labels)
        .predict_proba(texts)
        for cell in ("my_peephole", "lstm_peephole")
    ]
    assert probabilities[0].shape == (len(texts), 2)
    assert np.isfinite(probabilities[0]).all()


@pytest.fixture
def their_body(
    files: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[type[Body]]:
    assert "my_bodies.py" in files
    monkeypatch.syspath_prepend(tmp_path)
    import_module("my_bodies")
    yield BODIES["fading"]
    BODIES.pop("fading", None)
    del sys.modules["my_bodies"]


@pytest.mark.parametrize("column", [name for name in COLUMNS if name not in ELSEWHERE])
def test_its_body_passes_the_table(their_body: type[Body], column: str, tmp_path: Path) -> None:
    check_row(Row("body", their_body.name), column, tmp_path)


def test_another_process_knows_the_body_once_it_has_it(their_body: type[Body]) -> None:
    network = Row("body", their_body.name).network()
    sent = pickle.dumps(network)
    del BODIES["fading"]
    again = pickle.loads(sent)
    assert BODIES["fading"] is their_body
    batch = pack([np.array([0, 3, 2], dtype=np.int32)])
    np.testing.assert_array_equal(again.predict_logits(batch), network.predict_logits(batch))
