"""Of two trainings to one folder the second is refused, and what died blocks nobody."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from textrnn import training_lock
from textrnn.cli.models import trained_models
from textrnn.errors import ModelError
from textrnn.training_lock import training_at

HOLD = """
import sys, time
from pathlib import Path
from textrnn.training_lock import training_at
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


def test_18_one_of_many_that_come_at_once_wins(tmp_path: Path) -> None:
    ended: list[str] = []
    start = threading.Barrier(8)

    def train() -> None:
        start.wait()
        for _ in range(20):
            try:
                with training_at(tmp_path / "m"):
                    inside.append(1)
                    assert len(inside) == 1
                    time.sleep(0.001)
                    inside.pop()
            except ModelError:
                ended.append("refused")

    inside: list[int] = []
    threads = [threading.Thread(target=train) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert inside == []
    assert names_in(tmp_path) == set()


def test_18_a_lock_is_no_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with training_at(Path("models/m")):
        assert trained_models() == []
        assert list(training_lock.lock_paths(Path("models/m"))) == [tmp_path / "models" / ".m.lock"]


SMALL = ["--hidden", "4", "--embedding-dim", "4", "--ngrams", "none", "--jobs", "1", "-q"]


def run(place: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "textrnn", *arguments]
    return subprocess.run(command, cwd=place, capture_output=True, text=True, check=False)


def test_18_a_training_beside_another_is_refused_and_a_killed_one_goes_on(tmp_path: Path) -> None:
    words = [("fine", 1), ("dull", 0)] * 40
    rows = [f"room {i} was {word},{label}" for i, (word, label) in enumerate(words)]
    (tmp_path / "r.csv").write_text("text,label\n" + "\n".join(rows))
    train = ["train", "r.csv", "--out", "models/m", "--no-baselines", *SMALL]
    command = [sys.executable, "-m", "textrnn", *train, "--epochs", "100000", "--patience", "99999"]
    with subprocess.Popen(command, cwd=tmp_path) as first:
        checkpoint = tmp_path / "models/m.checkpoint"
        until = time.monotonic() + 60
        while not checkpoint.exists() and time.monotonic() < until and first.poll() is None:
            time.sleep(0.05)
        told = f"in use by another training (process {first.pid} on "
        for second in (
            [*train, "--epochs", "1"],
            [*train, "--epochs", "1", "--resume"],
            ["compare", "r.csv", "--save", "m", "--no-network", "-q"],
        ):
            found = run(tmp_path, *second)
            assert (found.returncode, told in found.stderr) == (4, True), found.stderr
            assert len(found.stderr.splitlines()) == 1, found.stderr
        assert checkpoint.exists()
        first.kill()
    assert checkpoint.exists()
    found = run(tmp_path, *train, "--epochs", "1")
    assert found.returncode == 0, found.stderr
    assert names_in(tmp_path / "models") == {"m"}
