"""A run from corpus to model folder: its report, and that stopping it loses nothing."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from textrnn.corpora import Corpus, Split, stratified_split
from textrnn.errors import DataError, ModelError, UsageError
from textrnn.experiments.data import prepare
from textrnn.experiments.run import Experiment, checkpoint_path, run_experiment
from textrnn.storage.checkpoint_file import load_arrays, save_arrays
from textrnn.storage.loading import load_model
from textrnn.storage.reading import read_metrics
from textrnn.text import cache
from textrnn.text.spelling import EDIT, LEFT_OUT
from textrnn.text.tokenizers import WordTokenizer
from textrnn.training import pipeline
from textrnn.training.callbacks import Callback
from textrnn.training.settings import Settings

SMALL = Settings(hidden_size=6, embedding_dim=6, max_iter=5, n_iter_no_change=9, batch_size=8)


@pytest.fixture
def corpus(reviews: tuple[list[str], list[str]]) -> Corpus:
    texts, labels = reviews
    return Corpus("inns", Split(texts, labels), test=Split(texts[:12], labels[:12]), source="here")


def weights_of(folder: Path) -> bytes:
    return (folder / "weights.safetensors").read_bytes()


class Stop(Callback):
    """Ends the process's work after an epoch, as Ctrl-C or a crash would."""

    def __init__(self, epoch: int, error: type[BaseException]) -> None:
        self.epoch, self.error = epoch, error

    def on_batch(self, run: Any) -> None:
        if run.state.epoch == self.epoch and run.progress.batches == 2:
            raise self.error


def test_the_report_and_the_folder(corpus: Corpus, tmp_path: Path) -> None:
    lines: list[str] = []
    report = run_experiment(Experiment(corpus, SMALL, out=tmp_path / "m", say=lines.append))
    assert report["corpus"] == "inns"
    assert report["model_dir"] == str(tmp_path / "m")
    assert report["epochs"] == 5
    assert set(report["baselines"]) == {"majority", "naive_bayes", "bow_lr", "tfidf_lr", "nbsvm"}
    for result in (report["test"], *report["baselines"].values()):
        assert 0.0 <= result["accuracy"] <= 1.0
        assert {"macro_f1", "log_loss", "roc_auc", "accuracy_interval"} <= result.keys()
    assert report["verdict"]
    assert report["finished"]
    assert read_metrics(tmp_path / "m") == report
    assert not checkpoint_path(tmp_path / "m").exists()
    assert "inns" in (tmp_path / "m/README.md").read_text()
    assert [path.name for path in tmp_path.iterdir()] == ["m"]
    assert any("here" in line for line in lines)
    model = load_model(tmp_path / "m")
    accuracy = (model.predict_proba(corpus.test.texts).argmax(axis=1)).tolist()  # type: ignore[union-attr]
    predicted = [model.classes[i] for i in accuracy]
    right = sum(a == b for a, b in zip(predicted, corpus.test.labels, strict=True))  # type: ignore[union-attr]
    assert right / 12 == report["test"]["accuracy"]


@pytest.mark.parametrize("epoch", [0, 1, 3])
@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_resuming_after_a_crash_gives_the_same_bits(
    corpus: Corpus, tmp_path: Path, epoch: int, cell: str
) -> None:
    settings = Settings(**{**vars(SMALL), "cell": cell})
    run_experiment(Experiment(corpus, settings, out=tmp_path / "whole", baselines=()))

    def run(**changes: Any) -> None:
        run_experiment(Experiment(corpus, settings, out=tmp_path / "cut", baselines=(), **changes))

    with pytest.raises(MemoryError):
        run(callbacks=[Stop(epoch, MemoryError)])
    run(resume=True)
    assert weights_of(tmp_path / "cut") == weights_of(tmp_path / "whole")
    whole, cut = read_metrics(tmp_path / "whole"), read_metrics(tmp_path / "cut")
    assert [r["loss"] for r in whole["history"]] == [r["loss"] for r in cut["history"]]


def test_a_resumed_run_keeps_its_rule_of_slips(corpus: Corpus, tmp_path: Path) -> None:
    for name, then, expected in (("then", True, LEFT_OUT), ("now", False, EDIT)):
        out = tmp_path / name
        path = checkpoint_path(out)
        for epoch in (2, 3):  # stopped twice: what goes on keeps a checkpoint, too
            stop = Stop(epoch, RuntimeError)
            with pytest.raises(RuntimeError):
                run_experiment(
                    Experiment(corpus, SMALL, out=out, callbacks=[stop], resume=epoch > 2)
                )
            if then and epoch == 2:  # as textrnn 0.1.0 wrote it
                arrays, saved = load_arrays(path)
                del saved["identity"]["slip"]
                save_arrays(path, arrays, saved)
        run_experiment(Experiment(corpus, SMALL, out=out, baselines=(), resume=True))
        assert load_model(out).spelling_rule == expected


def test_a_resumed_run_goes_on_with_the_same_texts(
    corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many there would be time for now."""
    settings = dataclasses.replace(SMALL, max_seconds=1e4, max_steps=12)

    def run(name: str, n_texts: int, **changes: Any) -> Any:
        monkeypatch.setattr(pipeline, "texts_that_fit", lambda *_: n_texts)
        return run_experiment(
            Experiment(corpus, settings, out=tmp_path / name, baselines=(), **changes)
        )

    first = run("whole", 30)
    with pytest.raises(MemoryError):
        run("cut", 30, callbacks=[Stop(2, MemoryError)])
    again = run("cut", 24, resume=True)
    assert again["n_train_in_time"] == first["n_train_in_time"] == 30
    assert [r["loss"] for r in again["history"]] == [r["loss"] for r in first["history"]]
    assert weights_of(tmp_path / "cut") == weights_of(tmp_path / "whole")


def test_ctrl_c_saves_the_best_model_and_can_be_resumed(corpus: Corpus, tmp_path: Path) -> None:
    out = tmp_path / "m"
    stopped = run_experiment(
        Experiment(corpus, SMALL, out=out, callbacks=[Stop(3, KeyboardInterrupt)])
    )
    assert stopped["interrupted"]
    assert stopped["epochs"] == 3
    assert not stopped["baselines"]
    assert load_model(out).ngrams is not None
    resumed = run_experiment(Experiment(corpus, SMALL, out=out, baselines=(), resume=True))
    assert resumed["finished"]
    run_experiment(Experiment(corpus, SMALL, out=tmp_path / "whole", baselines=()))
    assert weights_of(out) == weights_of(tmp_path / "whole")


def test_resuming_a_finished_run_only_reports(corpus: Corpus, tmp_path: Path) -> None:
    first = run_experiment(Experiment(corpus, SMALL, out=tmp_path / "m", baselines=()))
    lines: list[str] = []
    again = run_experiment(
        Experiment(corpus, SMALL, out=tmp_path / "m", baselines=(), resume=True, say=lines.append)
    )
    assert again == first
    assert any("finished already" in line for line in lines)


def test_a_checkpoint_of_another_run_is_refused(corpus: Corpus, tmp_path: Path) -> None:
    with pytest.raises(MemoryError):
        run_experiment(
            Experiment(corpus, SMALL, out=tmp_path / "m", callbacks=[Stop(2, MemoryError)])
        )
    with pytest.raises(UsageError, match="seed was 0 and is 1 now"):
        run_experiment(Experiment(corpus, SMALL, out=tmp_path / "m", seed=1, resume=True))


def test_a_new_run_replaces_an_old_checkpoint_once_it_has_one(
    corpus: Corpus, tmp_path: Path
) -> None:
    out = tmp_path / "m"

    def stop(epoch: int, **changes: Any) -> None:
        with pytest.raises(MemoryError):
            run_experiment(
                Experiment(corpus, SMALL, out=out, callbacks=[Stop(epoch, MemoryError)], **changes)
            )

    stop(2)
    stop(0, seed=1)  # nothing to keep of this one: the old run can still go on
    stop(3, resume=True)
    stop(1, seed=1)
    run_experiment(Experiment(corpus, SMALL, out=out, seed=1, baselines=(), resume=True))


def test_ctrl_c_in_the_first_epoch_leaves_an_old_model_alone(
    corpus: Corpus, tmp_path: Path
) -> None:
    out = tmp_path / "m"
    run_experiment(Experiment(corpus, SMALL, out=out, baselines=()))
    before = weights_of(out)
    lines: list[str] = []
    stopped = run_experiment(
        Experiment(corpus, SMALL, out=out, callbacks=[Stop(0, KeyboardInterrupt)], say=lines.append)
    )
    assert stopped["interrupted"]
    assert stopped["model_dir"] is None
    assert weights_of(out) == before
    assert any("as it was" in line for line in lines)


def test_resuming_a_damaged_model_is_an_error(corpus: Corpus, tmp_path: Path) -> None:
    run_experiment(Experiment(corpus, SMALL, out=tmp_path / "m", baselines=()))
    weights = bytearray(weights_of(tmp_path / "m"))
    weights[-1] ^= 1
    (tmp_path / "m/weights.safetensors").write_bytes(weights)
    with pytest.raises(ModelError, match="damaged"):
        run_experiment(Experiment(corpus, SMALL, out=tmp_path / "m", baselines=(), resume=True))


def test_a_checkpoint_counts_more_than_a_damaged_older_model(
    corpus: Corpus, tmp_path: Path
) -> None:
    out = tmp_path / "m"
    run_experiment(Experiment(corpus, SMALL, out=out, baselines=()))
    whole = weights_of(out)
    with pytest.raises(MemoryError):
        run_experiment(Experiment(corpus, SMALL, out=out, callbacks=[Stop(2, MemoryError)]))
    (out / "metrics.json").write_text("{")
    run_experiment(Experiment(corpus, SMALL, out=out, baselines=(), resume=True))
    assert weights_of(out) == whole


def test_resuming_adds_the_baselines_that_were_left_out(corpus: Corpus, tmp_path: Path) -> None:
    run_experiment(Experiment(corpus, SMALL, out=tmp_path / "m", baselines=()))
    again = run_experiment(Experiment(corpus, SMALL, out=tmp_path / "m", resume=True))
    assert set(again["baselines"]) == {"majority", "naive_bayes", "bow_lr", "tfidf_lr", "nbsvm"}


def test_resuming_into_an_empty_folder_begins(corpus: Corpus, tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    run_experiment(Experiment(corpus, SMALL, out=tmp_path / "m", baselines=(), resume=True))
    load_model(tmp_path / "m")


@pytest.mark.parametrize("jobs", [1, 2])
def test_the_same_seed_and_processes_give_the_same_bits(
    corpus: Corpus, tmp_path: Path, jobs: int
) -> None:
    settings = Settings(**{**vars(SMALL), "n_jobs": jobs})
    for name in ("one", "two"):
        run_experiment(Experiment(corpus, settings, out=tmp_path / name, baselines=()))
    assert weights_of(tmp_path / "one") == weights_of(tmp_path / "two")


def test_tokens_are_kept_whatever_the_split(
    corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "WORTH_KEEPING", 1)
    monkeypatch.setenv("TEXTRNN_CACHE", str(tmp_path))
    tokenizer = WordTokenizer()
    for seed, kept, expected in ((0, False, False), (0, True, False), (1, True, True)):
        data = prepare(corpus, tokenizer, validation_fraction=0.2, seed=seed, cache=kept)
        assert data.from_cache == expected
        parts = {"train": data.train, "validation": data.validation, "test": data.test}
        for name, part in parts.items():
            assert part
            assert list(data.tokens[name]) == [tokenizer(text) for text in part.texts]
    train, held = stratified_split(corpus.train, 0.2, random_state=1)
    assert (data.train, data.validation) == (train, held)
    own = dataclasses.replace(corpus, validation=corpus.test)
    data = prepare(own, tokenizer, validation_fraction=0.2, seed=0)
    assert list(data.tokens["train"]) == [tokenizer(text) for text in corpus.train.texts]
    assert list(data.tokens["validation"]) == list(data.tokens["test"])


def test_kept_tokens_train_the_same_model(
    corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "WORTH_KEEPING", 1)
    monkeypatch.setenv("TEXTRNN_CACHE", str(tmp_path / "cache"))
    reports = [
        run_experiment(Experiment(corpus, SMALL, out=tmp_path / name, cache=cache))
        for name, cache in (("without", False), ("made", True), ("kept", True))
    ]
    assert [report["tokens_from_cache"] for report in reports] == [False, False, True]
    for name in ("made", "kept"):
        assert weights_of(tmp_path / name) == weights_of(tmp_path / "without")
    for name in reports[0]["baselines"]:
        assert len({report["baselines"][name]["log_loss"] for report in reports}) == 1


@pytest.mark.parametrize("n", [1, 2])
def test_few_texts_of_a_class(corpus: Corpus, n: int) -> None:
    texts = [*corpus.train.texts, *["a rare thing"] * n]
    labels = [*corpus.train.labels, *["rare"] * n]
    report = run_experiment(Experiment(Corpus("x", Split(texts, labels), test=corpus.test), SMALL))
    assert report["classes"] == ["bad", "good", "rare"]


def test_too_few_texts_to_validate() -> None:
    tiny = Corpus("tiny", Split(["one", "two"], ["a", "b"]))
    with pytest.raises(DataError, match="too few"):
        run_experiment(Experiment(tiny, SMALL))


def test_the_output_is_checked_before_the_training(corpus: Corpus, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for out in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(ModelError, match=r"is a file|cannot write"):
            run_experiment(Experiment(corpus, SMALL, out=out, callbacks=[Stop(0, AssertionError)]))


def train_cars(folder: Path, *options: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "textrnn", "train", "cars", "--no-baselines", "--hidden", "16"]
    command += ["--epochs", "3", "--patience", "9", "--out", str(folder / "m"), *options]
    return subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def test_kill_9_and_resume_end_with_the_same_weights(tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    uninterrupted = train_cars(whole)
    killed = train_cars(cut)
    deadline = time.monotonic() + 120
    while not checkpoint_path(cut / "m").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    killed.kill()
    assert killed.wait() == -signal.SIGKILL
    assert checkpoint_path(cut / "m").exists()
    killed.communicate()
    _, told = train_cars(cut, "--resume").communicate(timeout=120)
    assert "resuming after epoch" in told
    uninterrupted.communicate(timeout=120)
    assert weights_of(cut / "m") == weights_of(whole / "m")


def test_ctrl_c_of_the_command(tmp_path: Path) -> None:
    process = train_cars(tmp_path, "--json")
    deadline = time.monotonic() + 120
    while not checkpoint_path(tmp_path / "m").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGINT)
    out, told = process.communicate(timeout=120)
    assert process.returncode == 130
    assert '"interrupted": true' in out
    assert "--resume" in told
    assert "Traceback" not in told
    load_model(tmp_path / "m")
