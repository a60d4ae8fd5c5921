"""Ctrl-C pressed once or five times in a second, at any moment: all ends in order."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest

from textrnn.storage.checkpoint_file import load_arrays
from textrnn.storage.loading import load_model

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals of process groups")
READY = (
    "import os, sys; from textrnn.cli import interrupts, main\n"
    "interrupts.watch()\n"  # as main does first; a press before it meets Python alone
    "os.write(int(sys.argv.pop(1)), b'r'); sys.argv[0] = 'textrnn'; main()"
)
TINY = ["--hidden", "8", "--embedding-dim", "8", "--no-early-stopping", "--epochs", "400"]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corpus, and a model of it."""
    home = tmp_path_factory.mktemp("home")
    rng = random.Random(0)
    words = ["inn", "farm", "room", "bed", "host", "bath", "door", "lamp"]
    rows = [
        f"{' '.join(rng.choices(words, k=9))} {how},{label}"
        for _ in range(150)
        for how, label in (("warm and kind", "good"), ("cold and rude", "bad"))
    ]
    (home / "c.csv").write_text("text,label\n" + "\n".join(rows) + "\n")
    quick = ["train", "c.csv", "-q", "--no-baselines", "--jobs", "1", "--out", "models/m"]
    with process(home, *quick, *TINY[:4], "--epochs", "1") as running:
        assert running.wait(timeout=120) == 0
    return home


@contextmanager
def process(
    home: Path, *arguments: str, stdin: int | IO[bytes] = subprocess.DEVNULL
) -> Iterator[subprocess.Popen[bytes]]:
    """A command with a group of its own, as a terminal gives it; it has just begun its imports."""
    ready, told = os.pipe()
    running = subprocess.Popen(
        [sys.executable, "-c", READY, str(told), *arguments],
        cwd=home,
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        pass_fds=[told],
    )
    os.close(told)
    try:
        assert os.read(ready, 1) == b"r"
        yield running
    finally:
        os.close(ready)
        if running.poll() is None:
            os.killpg(running.pid, signal.SIGKILL)
        running.communicate()


def press(running: subprocess.Popen[bytes], rng: random.Random) -> None:
    """Press Ctrl-C two to five times, 50 to 300 milliseconds apart."""
    for number in range(rng.randint(2, 5)):
        if number:
            time.sleep(rng.uniform(0.05, 0.3))
        try:
            os.killpg(running.pid, signal.SIGINT)
        except ProcessLookupError:
            return


def wait_for(stream: IO[bytes] | None, what: bytes) -> bytes:
    """Read lines until one holds this."""
    assert stream is not None
    lines = b""
    for line in stream:
        lines += line
        if what in line:
            break
    return lines


def check_end(running: subprocess.Popen[bytes], before: bytes = b"") -> str:
    """The command ends in order; return what it told."""
    try:
        _, told = running.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        pytest.fail("it hangs")
    stderr = (before + told).decode()
    assert running.returncode == 130, stderr
    for word in ("Traceback", "Exception ignored", "Error", "File "):
        assert word not in stderr, stderr
    return stderr


@pytest.mark.parametrize("seed", range(2))
def test_14_ctrl_c_as_modules_are_imported(home: Path, seed: int) -> None:
    rng = random.Random(seed)
    with process(home, "train", "c.csv", "--out", "models/never") as running:
        time.sleep(0.4 * rng.random())
        press(running, rng)
        check_end(running)
    assert not (home / "models" / "never").exists()


@pytest.mark.parametrize(
    ("jobs", "moment"), [("2", b"test texts from"), ("1", b"epoch  1/"), ("2", b"epoch  2/")]
)
def test_14_ctrl_c_in_a_training(home: Path, jobs: str, moment: bytes) -> None:
    name = f"models/t{jobs}{moment.split()[1][:1].decode()}"
    rng = random.Random(f"{jobs}{moment!r}")
    train = ["train", "c.csv", "--out", name, "--jobs", jobs, *TINY]
    with process(home, *train) as running:
        before = wait_for(running.stderr, moment)
        time.sleep(0.2 * rng.random())
        press(running, rng)
        check_end(running, before)
    checkpoint = home / f"{name}.checkpoint"
    assert not list((home / "models").glob(".*")), "something was left half-written"
    if moment.startswith(b"epoch"):
        epochs = load_arrays(checkpoint)[1]["epoch"]
        assert epochs >= 1
        load_model(home / name)
        with process(home, *train, "--resume") as running:
            before = wait_for(running.stderr, b"resuming after epoch %d" % epochs)
            assert b"resuming" in before
            press(running, rng)
            check_end(running, before)


def test_14_ctrl_c_in_a_prediction_from_a_pipe(home: Path) -> None:
    rng = random.Random(0)
    with subprocess.Popen(["yes", "the inn was warm"], stdout=subprocess.PIPE) as texts:
        assert texts.stdout is not None
        with process(home, "predict", "-", "-m", "m", stdin=texts.stdout) as running:
            wait_for(running.stdout, b"inn")
            press(running, rng)
            assert check_end(running) in ("", "textrnn: interrupted\n")
        texts.kill()


def test_14_ctrl_c_in_a_search(home: Path) -> None:
    rng = random.Random(1)
    with process(home, "tune", "c.csv", "--jobs", "1") as running:
        before = wait_for(running.stderr, b"test texts from")
        time.sleep(rng.random())
        press(running, rng)
        check_end(running, before)


WATCHED = (
    "import os, signal, sys, time\n"
    "from textrnn.cli import interrupts\n"
    "interrupts.watch()\n"
    "me = lambda: os.kill(os.getpid(), signal.SIGINT)\n"
)


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", WATCHED + code], capture_output=True, text=True, check=False
    )


def test_14_presses_in_a_moment_are_one() -> None:
    done = run("try:\n    me()\nexcept KeyboardInterrupt:\n    me(); me(); me(); print('kept')")
    assert (done.returncode, done.stdout, done.stderr) == (0, "kept\n", "")


def test_14_who_presses_later_does_not_want_to_wait() -> None:
    done = run(
        "interrupts.PATIENCE = 0.1\n"
        "try:\n    me()\nexcept KeyboardInterrupt:\n    time.sleep(0.2); me(); print('waited')"
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_14_an_interrupt_that_nobody_can_raise_is_not_lost() -> None:
    done = run(
        "class Odd:\n    def __del__(self):\n        me()\n        for _ in range(9): pass\n"
        "try:\n    Odd(); time.sleep(20)\nexcept KeyboardInterrupt:\n    print('raised')"
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "raised\n", "")


def test_14_nothing_is_told_of_the_end_of_python() -> None:
    done = run("interrupts.no_more()\nimport atexit\natexit.register(me)")
    assert (done.returncode, done.stderr) == (0, "")


def test_14_a_job_in_the_background_is_not_interrupted() -> None:
    code = "import signal, subprocess, sys\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n"
    inner = WATCHED + "me(); print(interrupts.came())"
    code += f"subprocess.run([sys.executable, '-c', {inner!r}], check=True)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
