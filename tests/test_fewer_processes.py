"""Jobs beside and inside each other: right in threads, anywhere, and with fewer processes."""

from __future__ import annotations

import errno
import multiprocessing
import os
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from typer.testing import CliRunner

from tests.networks import network_config
from textrnn import TextRNNClassifier
from textrnn.cli.app import app
from textrnn.inference import pool
from textrnn.inference.classifier import TextModel
from textrnn.inference.pool import Predictor
from textrnn.nn.network import Network
from textrnn.system.processes import Processes
from textrnn.system.shared_memory import Shared
from textrnn.system.spawning import is_known_elsewhere, standard_streams_taken, without_main
from textrnn.text import tokenise as tokenising
from textrnn.text.tokenizers import WordTokenizer
from textrnn.text.vocabulary import Vocabulary
from textrnn.training.checkpoint import Checkpoint

WORDS = [f"w{i}" for i in range(300)]
RNG = np.random.default_rng(3)
TEXTS = [" ".join(RNG.choice(WORDS, n)) for n in RNG.integers(1, 30, 200)]
LABELS = ["yes" if "1" in text.split()[0] else "no" for text in TEXTS]

pytestmark = pytest.mark.filterwarnings("ignore:the network learned nothing")


def make_model(seed: int) -> TextModel:
    network = Network.initialise(network_config(2, len(WORDS) + 1, 8), np.random.default_rng(seed))
    return TextModel(WordTokenizer(), Vocabulary.build([WORDS]), network, ("a", "b"), 50)


def fitted(n_jobs: int, **parameters: Any) -> Any:
    """Probabilities of a small model: bits that tell how many processes trained it."""
    classifier = TextRNNClassifier(
        hidden_size=8, embedding_dim=8, max_iter=2, random_state=0, n_jobs=n_jobs, **parameters
    )
    return classifier.fit(TEXTS, LABELS).predict_proba(TEXTS)


def run_script(folder: Path, script: str, *, closed: str = "") -> subprocess.CompletedProcess[str]:
    path = folder / "script.py"
    path.write_text(script, encoding="utf-8")
    command = [sys.executable, str(path)]
    if closed:
        command = ["sh", "-c", f'exec "$@" {closed}', "sh", *command]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


TRAINING = """\
from textrnn import TextRNNClassifier

TEXTS = [f"the {w} was {a} today {i}" for i in range(20) for w in "ab" for a in ("good", "bad")]


def train(n_jobs):
    classifier = TextRNNClassifier(hidden_size=4, max_iter=1, n_jobs=n_jobs, random_state=0)
    return classifier.fit(TEXTS, ["pos", "neg"] * 40).predict_proba(TEXTS).tolist()


"""


# ------------------------------------------------------------------- in threads (memory)


def read_later(shared: Shared[Any]) -> Callable[[Any], Any]:
    """What answers with a shared value as it is when it is asked for."""
    return lambda _: shared.open().tolist()


def test_memory_that_the_parent_lets_go_is_not_given_to_another() -> None:
    processes = Processes(read_later, [Shared(np.arange(1_000))])
    try:
        others = [Shared(np.full(1_000, -1)) for _ in range(5)]
        processes.send(0, None)
        assert processes.receive(0) == list(range(1_000))
        assert len(others) == 5
    finally:
        processes.close()


def test_a_process_that_starts_late_reads_with_its_own_model() -> None:
    """Of two predictions at once, as in two threads, the second one's memory is its own."""
    models = [make_model(seed) for seed in range(2)]
    chunks = [TEXTS[i : i + 10] for i in range(0, len(TEXTS), 10)]
    with (
        Predictor(models[0], 2, patience=0.0) as one,
        Predictor(models[1], 2, patience=0.0) as two,
    ):
        streams = [reader.stream(patiently(reader, chunks)) for reader in (one, two)]
        found: list[list[Any]] = [[], []]
        for answers in zip(*streams, strict=True):
            for kept, (_, probabilities) in zip(found, answers, strict=True):
                kept.append(probabilities)
    for model, parts in zip(models, found, strict=True):
        np.testing.assert_allclose(np.concatenate(parts), model.predict_proba(TEXTS), atol=1e-6)


def patiently(reader: Predictor, chunks: list[list[str]]) -> Iterator[list[str]]:
    """Two chunks, after which others are started, and the rest when they are there."""
    yield from chunks[:2]
    deadline = time.monotonic() + 60
    # The second reader's process is to be started before the first one's has read its model.
    while reader._others is not None and not reader._others.is_ready(0):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    yield from chunks[2:]


def test_two_threads_fit_as_one_alone() -> None:
    alone = fitted(2)
    found: list[Any] = []
    threads = [threading.Thread(target=lambda: found.append(fitted(2))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [value.tobytes() for value in found] == [alone.tobytes()] * 2


def test_shared_values_keep_what_they_are() -> None:
    value: dict[str, Any] = {
        "a": np.arange(6.0).reshape(2, 3),
        "none": np.zeros((0, 2)),
        "b": ("text", None),
    }
    shared = Shared(value)
    one, two = cast(Any, shared.open()), cast(Any, shared.open())
    assert one["b"] == value["b"]
    assert one["none"].shape == (0, 2)
    one["a"][0, 0] = 7.0
    assert two["a"][0, 0] == 7.0
    assert value["a"][0, 0] == 0.0
    assert one["a"].ctypes.data % 64 == 0


@pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="Linux has it")
def test_other_systems_memory_does_it_too(monkeypatch: pytest.MonkeyPatch) -> None:
    two = fitted(2)
    before = set(os.listdir("/dev/shm")) if Path("/dev/shm").is_dir() else set()
    monkeypatch.delattr(os, "memfd_create")
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*process")
        assert fitted(2).tobytes() == two.tobytes()
    assert not before or set(os.listdir("/dev/shm")) <= before


# --------------------------------------------------------------- without the caller's script


def test_a_script_without_the_guard_runs_once(tmp_path: Path) -> None:
    script = (
        "print('begun')\n"
        + TRAINING
        + (
            "import multiprocessing, time\n"
            "from textrnn.inference import pool\n"
            "pool.PATIENCE = 0.0\n"
            "pool.Predictor.__init__.__kwdefaults__['patience'] = 0.0\n"
            "class Review(str):\n"
            "    pass\n"
            "assert train(2) == train(2)\n"
            "classifier = TextRNNClassifier.load('sentiment-en').set_params(n_jobs=2)\n"
            "texts = [Review(text) for text in TEXTS] * 60\n"
            "print(len(classifier.predict(texts)), 'predicted')\n"
        )
    )
    done = run_script(tmp_path, script)
    assert (done.stderr, done.returncode) == ("", 0)
    assert done.stdout == "begun\n4800 predicted\n"


def test_only_the_thread_that_starts_ours_hides_the_main_module(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from multiprocessing import spawn

    monkeypatch.setattr(sys.modules["__main__"], "__file__", "/script.py", raising=False)
    monkeypatch.setattr(sys.modules["__main__"], "__spec__", None)
    told: list[dict[str, Any]] = []
    with without_main():
        told.append(spawn.get_preparation_data("ours"))
        thread = threading.Thread(target=lambda: told.append(spawn.get_preparation_data("theirs")))
        thread.start()
        thread.join()
    told.append(spawn.get_preparation_data("theirs"))
    assert ["init_main_from_path" in of for of in told] == [False, True, True]


def test_classes_of_the_script_are_known_nowhere_else() -> None:
    kind = type("Review", (str,), {"__module__": "__main__"})
    assert is_known_elsewhere(["text", 1, np.str_("text")])
    assert not is_known_elsewhere(["text", kind("text")])


# --------------------------------------------------------------------- inside of processes


def test_nested_in_a_pool_one_process_works_and_says_so_once(tmp_path: Path) -> None:
    script = TRAINING + (
        "if __name__ == '__main__':\n"
        "    import multiprocessing\n"
        "    with multiprocessing.get_context('spawn').Pool(1) as pool:\n"
        "        print(pool.map(train, [2]) == [train(1)])\n"
    )
    done = run_script(tmp_path, script)
    assert done.stdout == "True\n"
    assert done.stderr.count("UserWarning: 1 process works") == 1
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(
    os.name == "posix" and "forkserver" not in multiprocessing.get_all_start_methods(),
    reason="on POSIX joblib's own processes need the fork server, which is hidden here",
)
def test_nested_in_joblib_both_processes_work(tmp_path: Path) -> None:
    script = TRAINING + (
        "if __name__ == '__main__':\n"
        "    from joblib import Parallel, delayed\n"
        "    found = Parallel(n_jobs=2)(delayed(train)(2) for _ in range(2))\n"
        "    print(found == [train(2)] * 2)\n"
    )
    done = run_script(tmp_path, script)
    assert (done.stdout, done.stderr) == ("True\n", "")


@pytest.mark.skipif(os.name != "posix", reason="needs a shell")
@pytest.mark.parametrize("closed", ["<&-", ">&-"])
def test_nested_where_a_standard_stream_is_closed(tmp_path: Path, closed: str) -> None:
    """What takes its number is not what is handed to the process."""
    script = TRAINING + f"open({str(tmp_path / 'out')!r}, 'w').write(str(train(2) == train(2)))\n"
    done = run_script(tmp_path, script, closed=closed)
    assert (done.stderr, done.returncode) == ("", 0)
    assert (tmp_path / "out").read_text() == "True"


def test_numbers_of_standard_streams_are_left_alone() -> None:
    with standard_streams_taken():
        file = os.open(os.devnull, os.O_RDONLY)
    assert file > 2
    os.close(file)


# ------------------------------------------------------------- where none, or few, can be had


def no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: Any) -> None:
        raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")

    monkeypatch.setattr("multiprocessing.process.BaseProcess.start", refuse)


def no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr("multiprocessing.heap.Arena", refuse)


def no_children(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(multiprocessing.current_process()._config, "daemon", True)  # type: ignore[attr-defined]


WANTS = pytest.mark.parametrize("want", [no_process, no_memory, no_children])
Want = Callable[[pytest.MonkeyPatch], None]


@WANTS
@pytest.mark.parametrize("unlabelled", [False, True])
def test_fewer_processes_train_as_so_many(
    monkeypatch: pytest.MonkeyPatch, want: Want, unlabelled: bool
) -> None:
    more = TEXTS[:50] if unlabelled else None
    monkeypatch.setattr(tokenising, "CHARACTERS_A_PROCESS", 1)

    def probabilities(n_jobs: int) -> bytes:
        classifier = TextRNNClassifier(hidden_size=4, max_iter=1, random_state=0, n_jobs=n_jobs)
        classifier.fit(TEXTS, LABELS, unlabelled=more)
        return np.asarray(classifier.predict_proba(TEXTS)).tobytes()

    one = probabilities(1)
    want(monkeypatch)
    with pytest.warns(UserWarning, match="^1 process works, as others cannot be") as told:
        assert probabilities(2) == one
    where = [warning.filename for warning in told if "process" in str(warning.message)]
    assert where == [__file__]


def test_fewer_processes_train_where_some_start(monkeypatch: pytest.MonkeyPatch) -> None:
    two, start, started = fitted(2), multiprocessing.process.BaseProcess.start, [0]

    def refuse_the_second(self: Any) -> None:
        started[0] += 1
        if started[0] == 2:
            raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")
        start(self)

    monkeypatch.setattr("multiprocessing.process.BaseProcess.start", refuse_the_second)
    with pytest.warns(UserWarning, match="^2 processes work, as others cannot be started: Res"):
        assert fitted(3).tobytes() == two.tobytes()
    assert not multiprocessing.active_children()


@WANTS
def test_fewer_processes_predict_and_tokenise(monkeypatch: pytest.MonkeyPatch, want: Want) -> None:
    monkeypatch.setattr(tokenising, "CHARACTERS_A_PROCESS", 1)
    monkeypatch.setitem(cast(Any, Predictor.__init__).__kwdefaults__, "patience", 0.0)
    monkeypatch.setattr(pool, "TEXTS", 10)
    model = make_model(0)
    expected = pool.predict_many(model, TEXTS)
    want(monkeypatch)
    with pytest.warns(UserWarning, match="^1 process works") as told:
        assert pool.predict_many(model, TEXTS, 2).tobytes() == expected.tobytes()
    assert len(told) == 1
    if want is no_memory:
        return  # texts are sent, not shared
    with pytest.warns(UserWarning, match="^1 process works") as told:
        found = tokenising.tokenise(WordTokenizer(), TEXTS, n_jobs=2)
    assert list(found) == [text.split() for text in TEXTS]
    assert len(told) == 1


def test_fewer_processes_are_a_note_on_the_command_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    no_process(monkeypatch)
    monkeypatch.setitem(cast(Any, Predictor.__init__).__kwdefaults__, "patience", 0.0)
    monkeypatch.setattr(pool, "TEXTS", 10)
    model, texts = tmp_path / "m", tmp_path / "texts.txt"
    texts.write_text("\n".join(TEXTS), encoding="utf-8")
    commands = [
        ["train", "cars", "--jobs", "2", "--epochs", "1", "--out", str(model)],
        ["predict", "--file", str(texts), "--jobs", "2", "--model", str(model)],
        ["evaluate", str(model), "cars", "--jobs", "2"],
    ]
    for command in commands:
        done = CliRunner().invoke(app, command)
        assert done.exit_code == 0, done.output
        told = done.stderr
        assert told.count("note: 1 process works, as others cannot be started: Resource") == 1
        assert "Warning" not in told


@pytest.mark.skipif(sys.platform != "linux", reason="limits are set as Linux counts them")
@pytest.mark.parametrize("limit", ["RLIMIT_NOFILE", "RLIMIT_NPROC"])
def test_fewer_processes_by_the_systems_own_limits(tmp_path: Path, limit: str) -> None:
    script = TRAINING + (
        "import os, resource\n"
        "expected = train(1)\n"
        "assert train(2) != expected  # all that is imported has been\n"
        f"if {limit!r} == 'RLIMIT_NPROC' and os.getuid() == 0:\n"
        "    os.setuid(54321)  # nothing limits root\n"
        f"number = 1 if {limit!r} == 'RLIMIT_NPROC' else len(os.listdir('/proc/self/fd'))\n"
        f"resource.setrlimit(resource.{limit}, (number, number))\n"
        "print(train(2) == expected)\n"
    )
    done = run_script(tmp_path, script)
    assert (done.stdout, done.returncode) == ("True\n", 0), done.stderr
    assert done.stderr.count("UserWarning: 1 process works") == 1
    assert "Traceback" not in done.stderr


def test_fewer_processes_that_go_on_with_a_training_are_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    classifier = TextRNNClassifier(hidden_size=4, max_iter=1, random_state=0, n_jobs=2)
    classifier.fit(TEXTS, LABELS, callbacks=[Checkpoint(tmp_path / "run", {})])
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*process")
        again = [Checkpoint(tmp_path / "run", {}, resume=True)]
        classifier.fit(TEXTS, LABELS, callbacks=again)
    no_process(monkeypatch)
    with pytest.warns(UserWarning, match="began with 2 and goes on with 1 of the processes"):
        classifier.fit(TEXTS, LABELS, callbacks=again)


# --------------------------------------------------------------------------------- loading


def test_load_brings_no_processes(tmp_path: Path) -> None:
    classifier = TextRNNClassifier(hidden_size=4, max_iter=1, random_state=0, n_jobs=2)
    classifier.fit(TEXTS, LABELS).save(tmp_path / "m")
    assert TextRNNClassifier.load(tmp_path / "m").n_jobs is None
    for name in ("sentiment-en", "sentiment-zh"):
        assert TextRNNClassifier.load(name).n_jobs is None
