"""Of two trainings to one folder the second is refused, and what died blocks nobody."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from textrnn.cli.models import trained_models
from textrnn.cli.shrink import shrink
from textrnn.corpora import Corpus, Split
from textrnn.errors import ModelError
from textrnn.experiments.contest import Contest, run_contest
from textrnn.experiments.run import Experiment, checkpoint_path, run_experiment
from textrnn.storage import training_lock
from textrnn.storage.training_lock import training_at
from textrnn.storage.writing import save_model
from textrnn.training.callbacks import Callback
from textrnn.training.settings import Settings

HOLD = """
import sys, time
from pathlib import Path
from textrnn.storage.training_lock import training_at
with training_at(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def held_by_another(folder: Path) -> subprocess.Popen[str]:
    """A process that trains to a folder."""
    command = [sys.executable, "-c", HOLD, str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def names_in(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir()}


def check_refused(folder: Path, pid: int) -> None:
    with pytest.raises(ModelError, match=rf"in use by another training \(process {pid} on "):
        training_at(folder).__enter__()


@pytest.fixture(params=["with locks", "without locks"])
def _locks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system that can lock files, and one that cannot."""
    if request.param == "without locks":
        monkeypatch.setitem(sys.modules, "fcntl", None)


@pytest.mark.usefixtures("_locks")
def test_18_the_second_training_is_refused_and_the_third_is_not(tmp_path: Path) -> None:
    with training_at(tmp_path / "m"):
        check_refused(tmp_path / "m", os.getpid())
        with training_at(tmp_path / "other"), training_at(None):
            pass
    assert names_in(tmp_path) == set()
    with training_at(tmp_path / "m"):
        pass
    assert names_in(tmp_path) == set()


@pytest.mark.usefixtures("_locks")
def test_18_another_process_is_named_and_its_death_frees(tmp_path: Path) -> None:
    other = held_by_another(tmp_path / "m")
    try:
        check_refused(tmp_path / "m", other.pid)
    finally:
        os.kill(other.pid, signal.SIGKILL)
        other.wait()
    assert names_in(tmp_path) == {".m.lock"}
    with training_at(tmp_path / "m"):
        check_refused(tmp_path / "m", os.getpid())
    assert names_in(tmp_path) == set()


def test_18_a_number_that_a_dead_process_had_before_us_blocks_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "fcntl", None)
    with training_at(tmp_path / "m"):
        content = (tmp_path / ".m.lock").read_bytes()
    (tmp_path / ".m.lock").write_bytes(content)
    with training_at(tmp_path / "m"):
        pass
    for content in (b"", b"{", b"[]", b'{"pid": -1, "host": "x"}', b"\x00" * 100):
        (tmp_path / ".m.lock").write_bytes(content)
        with training_at(tmp_path / "m"):
            pass


def test_18_on_another_machine_a_training_counts_for_a_day(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "fcntl", None)
    lock = tmp_path / ".m.lock"
    lock.write_text('{"pid": 1, "host": "elsewhere.example"}')
    with pytest.raises(ModelError, match=r"process 1 on elsewhere\.example"):
        training_at(tmp_path / "m").__enter__()
    os.utime(lock, (0, 0))
    with training_at(tmp_path / "m"):
        pass


def test_18_two_names_of_one_folder_are_one(tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    for name in ("latest", "best"):
        (tmp_path / name).symlink_to("runs/seven")
    with training_at(tmp_path / "latest"):
        for name in ("runs/seven", "best", "latest"):
            check_refused(tmp_path / name, os.getpid())
    assert names_in(tmp_path) == {"runs", "latest", "best"}
    assert names_in(tmp_path / "runs") == set()


@pytest.mark.usefixtures("_locks")
def test_18_one_of_many_that_come_at_once_wins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = training_lock._is_alive

    def look_slowly(path: Path) -> bool:
        found = look(path)
        time.sleep(0.005)  # in which others could look, too
        return found

    monkeypatch.setattr(training_lock, "_is_alive", look_slowly)
    dead = json.dumps({"pid": 2**31 - 2, "host": socket.gethostname()}).encode()
    for content in (None, b"", dead):
        if content is not None:  # of one that died
            (tmp_path / ".m.lock").write_bytes(content)
        check_one_wins(tmp_path / "m")
        assert names_in(tmp_path) == set()


def check_one_wins(folder: Path, n: int = 6) -> None:
    """Of some that come at once, one is let in, and the others are refused while it is there."""
    ends: list[str] = []
    start, all_refused = threading.Barrier(n), threading.Event()

    def end(how: str) -> None:
        ends.append(how)
        if len(ends) == n:
            all_refused.set()

    def train() -> None:
        start.wait()
        try:
            with training_at(folder):
                end("in")
                all_refused.wait(5)
        except ModelError:
            end("refused")

    threads = [threading.Thread(target=train) for _ in range(n)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(ends) == ["in"] + ["refused"] * (n - 1)


@pytest.mark.usefixtures("_locks")
def test_18_never_two_are_in(tmp_path: Path) -> None:
    start = threading.Barrier(4)
    inside: list[int] = []
    found: list[int] = []

    def train() -> None:
        start.wait()
        for _ in range(20):
            with contextlib.suppress(ModelError), training_at(tmp_path / "m"):
                inside.append(1)
                found.append(len(inside))
                time.sleep(0.001)
                inside.pop()

    threads = [threading.Thread(target=train) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(found) == {1}
    assert names_in(tmp_path) == set()


def test_18_who_died_in_its_turn_blocks_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "fcntl", None)
    turn = tmp_path / ".m.lock.turn"
    turn.touch()
    with pytest.raises(ModelError, match="in use by another training"):
        training_at(tmp_path / "m").__enter__()
    os.utime(turn, (0, 0))
    with training_at(tmp_path / "m"):
        assert not turn.exists()


def test_18_a_lock_is_no_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with training_at(Path("models/m")):
        assert trained_models() == []
        assert list(training_lock.lock_paths(Path("models/m"))) == [tmp_path / "models" / ".m.lock"]


def test_18_a_training_beside_another_is_refused_and_a_killed_one_goes_on(
    reviews: tuple[list[str], list[str]], tmp_path: Path
) -> None:
    texts, labels = reviews
    corpus = Corpus("inns", Split(texts, labels), test=Split(texts[:12], labels[:12]))
    settings = Settings(hidden_size=4, embedding_dim=4, max_iter=2, ngrams="none")
    out = tmp_path / "m"
    experiment = Experiment(corpus, settings, out=out, baselines=())
    path = checkpoint_path(out)
    other = held_by_another(out)
    try:
        path.write_text("of another training")
        for resume in (False, True):
            with pytest.raises(
                ModelError, match=f"in use by another training .process {other.pid}"
            ):
                run_experiment(replace(experiment, resume=resume))
        contest = Contest(corpus, settings, network=False, baselines=("majority",), out=out)
        with pytest.raises(ModelError, match="in use by another training"):
            run_contest(contest)
        assert path.read_text() == "of another training"
        assert not out.exists()
    finally:
        other.kill()
        other.wait()
    run_experiment(experiment)
    assert names_in(tmp_path) == {"m"}
    run_contest(contest)
    assert names_in(tmp_path) == {"m"}


def test_18_a_training_that_fails_leaves_no_lock(
    reviews: tuple[list[str], list[str]], tmp_path: Path
) -> None:
    texts, labels = reviews
    corpus = Corpus("inns", Split(texts, labels))

    class Fail(Callback):
        def on_epoch(self, run: object) -> None:
            del run
            assert (tmp_path / ".m.lock").exists()
            raise RuntimeError

    settings = Settings(hidden_size=4, embedding_dim=4, max_iter=2, ngrams="none")
    experiment = Experiment(corpus, settings, out=tmp_path / "m", callbacks=(Fail(),))
    with pytest.raises(RuntimeError):
        run_experiment(experiment)
    assert names_in(tmp_path) == {"m.checkpoint"}


def test_18_nothing_is_shrunk_into_a_folder_in_use(tmp_path: Path) -> None:
    source = Path(__file__).parent / "reference/models_0_1_0/network"
    with training_at(tmp_path / "small"), pytest.raises(ModelError, match="in use by another"):
        shrink(str(source), tmp_path / "small", jobs=1)


def test_18_a_folder_is_kept_while_it_is_shrunk_into(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = Path(__file__).parent / "reference/models_0_1_0/network"
    saved = []

    def save(*args: object, **kwargs: object) -> None:
        check_refused(tmp_path / "small", os.getpid())
        saved.append(1)
        save_model(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr("textrnn.storage.writing.save_model", save)
    shrink(str(source), tmp_path / "small", jobs=1)
    assert saved == [1]
    assert names_in(tmp_path) == {"small"}
