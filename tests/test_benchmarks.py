"""What the benchmarks stand on: the environment, the contenders, the tables."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import cells, corpora, few_labels, groups, speed
from benchmarks.linear_models import CONTENDERS
from benchmarks.linear_peers import merged, table
from benchmarks.machine import machine
from benchmarks.made_up import N_GRAMS, default_model
from textrnn import TextRNNClassifier
from textrnn.corpora import Corpus, Split
from textrnn.experiments.run import Experiment
from textrnn.linear.baselines import BASELINES
from textrnn.nn.cells import CELLS
from textrnn.nn.targets import Targets
from textrnn.text.encoded import EncodedTexts
from textrnn.training.examples import Examples

ROOT = Path(__file__).parents[1]
PINNED = {"OPENBLAS_NUM_THREADS": "2", "OPENBLAS_CORETYPE": "Haswell", "OPENBLAS_L2_SIZE": "512"}
LIGHT = sorted(CONTENDERS.keys() - {"floret"})  # whose model takes 800 MB of disk
SHOW = f"import os; print([os.environ.get(name) for name in {list(PINNED)}])"


def said_by(code: str) -> str:
    """What Python prints when the environment pins OpenBLAS."""
    ran = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env={**os.environ, **PINNED},
    )
    return ran.stdout.strip()


def test_a_benchmark_takes_the_pins_away() -> None:
    assert said_by(f"import benchmarks.timing; {SHOW}") == "['1', None, None]"


def test_nothing_is_changed_once_numpy_is_loaded() -> None:
    said = said_by(f"import numpy, benchmarks.timing; {SHOW}")
    assert said == str(list(PINNED.values()))


def test_the_machine_tells_kernels_threads_and_versions() -> None:
    found: dict[str, Any] = machine()
    assert found["numpy"] == np.__version__
    blas = [pool for pool in found["thread_pools"] if pool["name"] in ("openblas", "mkl")]
    assert blas
    assert all({"version", "threads", "library"} <= pool.keys() for pool in blas)


@pytest.mark.parametrize("name", LIGHT)
def test_contenders_learn_and_are_saved(
    name: str, reviews: tuple[list[str], list[str]], tmp_path: Path
) -> None:
    if name == "small_floret" and not find_spec("floret"):
        pytest.skip("floret is not installed: it is part of the bench extra")
    texts, labels = reviews
    data = Split(texts, labels)
    trained = CONTENDERS[name].train(data, data, 0)
    assert trained.preparing > 0
    assert trained.training > 0
    trained.save(tmp_path)
    assert any(file.stat().st_size for file in tmp_path.rglob("*") if file.is_file())
    predicted = trained.predict(texts)
    assert len(predicted) == len(texts)
    assert np.mean(np.asarray(predicted) == np.asarray(labels)) > 0.9


def test_a_pickled_contender_answers_the_same(
    reviews: tuple[list[str], list[str]], tmp_path: Path
) -> None:
    data = Split(*reviews)
    trained = CONTENDERS["tfidf"].train(data, data, 0)
    trained.save(tmp_path)
    vectorizer, classifier = pickle.loads((tmp_path / "model.pickle").read_bytes())
    again = classifier.predict(vectorizer.transform(data.texts))
    assert list(again) == list(trained.predict(data.texts))


def a_run(model: str, seed: int, accuracy: float, training: float) -> dict[str, Any]:
    return {
        "corpus": "sst2",
        "model": model,
        "seed": seed,
        "n_test": 1000,
        "preparing_seconds": 0.5,
        "training_seconds": training,
        "accuracy": accuracy,
        "prediction_microseconds": 12.0,
        "bytes": 3_400_000,
    }


def test_memory_is_that_before_the_baselines(
    monkeypatch: pytest.MonkeyPatch, reviews: tuple[list[str], list[str]]
) -> None:
    """The peak that is told is the one at the first line that a baseline says."""
    steps: list[str] = []
    data = Corpus("reviews", Split(*reviews), test=Split(*reviews))
    patched: Any = corpora
    real = patched.run_experiment

    def run_experiment(experiment: Experiment) -> dict[str, Any]:
        def say(line: str) -> None:
            steps.append(line)
            experiment.say(line)

        small = replace(experiment.settings, max_steps=2, hidden_size=4, n_jobs=1)
        return real(replace(experiment, settings=small, say=say))

    monkeypatch.setattr(corpora, "run_experiment", run_experiment)
    monkeypatch.setattr(corpora, "load_corpus", lambda *_, **__: data)
    monkeypatch.setattr(corpora, "peak_megabytes", lambda: float(len(steps)))
    found = corpora.run("reviews", 0, "default", unlabelled=False)
    of_baselines = [i for i, line in enumerate(steps) if line.split(":")[0] in BASELINES]
    assert found["megabytes"] == of_baselines[0] + 1 < len(steps)


def test_a_made_up_model_is_a_default_one() -> None:
    words = [f"w{i}" for i in range(1_000)]
    model = default_model(words)
    assert model.ngrams is not None
    assert len(model.ngrams.keys) == pytest.approx(N_GRAMS, rel=0.001)
    assert model.ngrams.knows(words).all()
    assert (model.network.config.readout, model.unknown_words) == ("max", "nearest")
    found = model.predict_proba(["w1 w2 w3", "w4 w5"])
    np.testing.assert_allclose(found.sum(axis=1), 1.0, rtol=1e-6)


def test_the_table_has_median_times_and_the_mean_accuracy() -> None:
    figures = ((0, 0.80, 1.0), (1, 0.82, 2.0), (2, 0.81, 30.0))
    row = table([a_run("tfidf", *of_run) for of_run in figures]).splitlines()[-1]
    assert "| 3 | 0.50 | 2.00 | 0.8100 (0.7845 to 0.8331) | 12 | 3.4 |" in row


def test_runs_made_again_replace_the_earlier_ones() -> None:
    earlier = [a_run("tfidf", 0, 0.7, 1.0), a_run("nbsvm", 0, 0.8, 1.0)]
    again = a_run("tfidf", 0, 0.75, 1.0)
    assert merged(earlier, [again]) == [earlier[1], again]


def test_few_labels(monkeypatch: pytest.MonkeyPatch, reviews: tuple[list[str], list[str]]) -> None:
    """Both runs have the same labels; the others are read without, and none that is tested."""
    texts, labels = reviews
    data = Corpus("reviews", Split(texts, labels), test=Split(texts[:6], labels[:6]))
    monkeypatch.setattr(few_labels, "load_corpus", lambda *_, **__: data)
    small = partial(TextRNNClassifier, hidden_size=4, embedding_dim=4, max_iter=2)
    monkeypatch.setattr(few_labels, "TextRNNClassifier", small)
    found = few_labels.run("reviews", 20, 0)
    kept = np.random.default_rng(0).permutation(len(texts))[20:].tolist()
    others = [texts[i] for i in kept if texts[i] not in texts[:6]]
    assert [one["n_unlabelled"] for one in found] == [0, len(others)]
    for one in found:
        assert one["accuracy"].keys() == set(few_labels.PARTS)
        assert all(0.0 <= value <= 1.0 for value in one["accuracy"].values())
    shown = few_labels.table(found)
    assert shown.count("\n") == 3
    assert f"| reviews | 20 | {len(others)} | 1 |" in shown


def test_every_cell_takes_the_place_of_the_lstm(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """All that are registered, also against PyTorch, with which the losses agree; a run of some
    keeps the figures of the others."""
    pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    lengths = rng.integers(1, 9, 16)
    ids = rng.integers(1, 9, lengths.sum()).astype(np.int32)
    texts = EncodedTexts(ids, np.concatenate([[0], np.cumsum(lengths)]), ())
    data = Examples(texts, Targets.hard(rng.integers(0, 2, 16), 2))
    small: dict[str, Any] = {"hidden_size": 8, "vocabulary_size": 9, "embedding_dim": 3}
    jobs = {
        name: replace(job, config=replace(job.config, **small), batch_size=8)
        for name, job in speed.JOBS.items()
    }
    monkeypatch.setattr(cells, "JOBS", jobs)
    monkeypatch.setattr(cells, "examples_of", lambda *_: data)
    monkeypatch.setattr(cells, "OUT", tmp_path / "cells.json")
    names: list[str]
    for names in ([], ["mingru"]):
        monkeypatch.setattr(sys, "argv", ["cells", *names, "--documents", "16", "--turns", "1"])
        cells.main()
        found = json.loads((tmp_path / "cells.json").read_text())
        assert list(found["cells"]) == list(CELLS)
        shown = cells.table(found)
        assert capsys.readouterr().out.endswith(shown + "\n")
        against = [line.split(" | ")[:2] for line in shown.splitlines()[2:]]
        ours = [["| " + name, "our LSTM"] for name in CELLS if name != "lstm"]
        theirs = [["| " + name, "PyTorch's"] for name in ("rnn", "rnn_relu", "lstm", "gru")]
        assert sorted(against) == sorted(ours + theirs)


def test_groups_are_timed_against_the_simple_network(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Steps a second of each way; the table has what is on file."""
    small = {"UNITS": 8, "TEXTS": 3, "WORDS": 9, "DIM": 4, "OUT": tmp_path / "groups.json"}
    for name, value in {**small, "LENGTHS": {"some": (3, 9)}}.items():
        monkeypatch.setattr(groups, name, value)
    monkeypatch.setattr(sys, "argv", ["groups", "--turns", "2"])
    groups.main()
    found = json.loads((tmp_path / "groups.json").read_text())
    assert [run["what"] for run in found["runs"]] == ["layer", "network, last", "network, max"]
    for run in found["runs"]:
        for cell in ("rnn", "clockwork"):
            assert 0 < run["both"][cell] < min(run[way][cell] for way in ("forward", "backward"))
    assert capsys.readouterr().out == groups.table(found) + "\n"
