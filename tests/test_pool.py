"""Prediction by several processes: the same bits as one, in order, nothing left behind."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
import pytest

from tests.examples import documents_of
from tests.networks import network_config
from textrnn import TextRNNClassifier
from textrnn.errors import UsageError, WorkerError
from textrnn.inference import pool as module
from textrnn.inference.classifier import TextModel
from textrnn.inference.pool import CHARACTERS, TEXTS, Predictor, chunks, predict_many
from textrnn.nn.network import Network
from textrnn.storage.writing import save_model
from textrnn.system.processes import process_count
from textrnn.text.encoded import EncodedTexts, encode_lists
from textrnn.text.tokenizers import WordTokenizer
from textrnn.text.vocabulary import Vocabulary

CHILDREN = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children")
WORDS = [f"w{i}" for i in range(500)]
RNG = np.random.default_rng(3)
TEXT = [" ".join(RNG.choice(WORDS, n)) for n in RNG.integers(0, 60, 400)]


def split_at_spaces(text: str) -> list[str]:
    """A tokenizer of the user's own."""
    return text.split(" ")


def make_model(tokenizer: Any = None) -> TextModel:
    config = network_config(3, len(WORDS) + 1, 8, "lstm", 6, bidirectional=True, readout="max")
    network = Network.initialise(config, np.random.default_rng(0))
    vocabulary = Vocabulary.build([WORDS])
    return TextModel(tokenizer or WordTokenizer(), vocabulary, network, ("a", "b", "c"), 50)


def pieces(texts: list[Any], size: int = 20) -> list[list[Any]]:
    return [texts[i : i + size] for i in range(0, len(texts), size)]


def test_chunks_are_bounded_by_texts_and_by_characters() -> None:
    measured = 0

    class Text(str):
        def __len__(self) -> int:
            nonlocal measured
            measured += 1
            return super().__len__()

    found = list(chunks(Text("some words") for _ in range(2 * TEXTS + 1)))
    assert list(map(len, found)) == [TEXTS, TEXTS, 1]
    assert measured == 2 * TEXTS + 1
    long = "x" * (CHARACTERS // 2)
    assert list(map(len, chunks([long, long, long]))) == [2, 1]
    assert list(chunks([])) == []


@pytest.mark.parametrize("kind", ["texts", "ids", "tokenizer of one's own"])
def test_processes_give_the_bits_of_one(kind: str) -> None:
    model = make_model(split_at_spaces if kind == "tokenizer of one's own" else None)
    texts: list[Any] = documents_of(model.encode(TEXT)) if kind == "ids" else TEXT
    with Predictor(model) as one:
        expected = list(one.stream(pieces(texts)))
    with Predictor(model, 3, patience=0.0) as predictor:
        for _ in range(2):  # the processes are kept from stream to stream
            found = list(predictor.stream(slowly(predictor, pieces(texts))))
            assert [chunk for chunk, _ in found] == [chunk for chunk, _ in expected]
            for (_, ours), (_, theirs) in zip(found, expected, strict=True):
                assert ours.tobytes() == theirs.tobytes()
        assert len(multiprocessing.active_children()) == 2
    assert not multiprocessing.active_children()


def slowly(predictor: Predictor, source: list[list[Any]]) -> Iterator[list[Any]]:
    """Chunks that wait, after the first two, until the other processes are there."""
    for number, chunk in enumerate(source):
        yield chunk
        if number == 2 and predictor._others is not None:
            wait_until(lambda: are_ready(predictor))


def are_ready(predictor: Predictor) -> bool:
    others = predictor._others
    return others is not None and all(map(others.is_ready, range(len(others.pipes))))


def wait_until(condition: Any, seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert condition()


def test_others_do_a_part(monkeypatch: pytest.MonkeyPatch) -> None:
    model, own = make_model(), []
    with Predictor(model, 2, patience=0.0) as predictor:
        read = predictor._read
        monkeypatch.setattr(predictor, "_read", lambda chunk: own.append(chunk) or read(chunk))
        assert len(list(predictor.stream(slowly(predictor, pieces(TEXT))))) == 20
    assert 3 <= len(own) < 20


def test_many_texts_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    model = make_model()
    assert predict_many(model, []).shape == (0, 3)
    np.testing.assert_allclose(predict_many(model, TEXT), model.predict_proba(TEXT), atol=1e-6)
    monkeypatch.setattr(module, "TEXTS", 7)
    np.testing.assert_allclose(predict_many(model, TEXT, 2), model.predict_proba(TEXT), atol=1e-6)


@pytest.mark.parametrize("characters", [1, 40, CHARACTERS])
def test_numbered_texts_are_read_as_numbers(
    monkeypatch: pytest.MonkeyPatch, characters: int
) -> None:
    """They need no lists of strings, and give the bits that those do, in the same chunks."""
    model = make_model()
    tokens = encode_lists(map(model.tokenizer, TEXT))
    monkeypatch.setattr(module, "TEXTS", 30)
    monkeypatch.setattr(module, "CHARACTERS", characters)
    expected = predict_many(model, list(tokens))
    seen: list[Any] = []
    read = Predictor._read
    monkeypatch.setattr(
        Predictor, "_read", lambda self, chunk: seen.append(chunk) or read(self, chunk)
    )
    assert predict_many(model, tokens).tobytes() == expected.tobytes()
    longest_first = sorted(TEXT, key=lambda text: -len(text.split()))
    sizes = [len(chunk) for chunk in chunks(text.split() for text in longest_first)]
    assert [len(chunk) for chunk in seen] == sizes
    assert all(isinstance(chunk, EncodedTexts) for chunk in seen)
    assert predict_many(model, tokens[:0]).shape == (0, 3)


def test_a_tokenizer_of_ones_own_reads_before_others_do() -> None:
    """A process that does not know it gets the tokens as numbers."""
    model = make_model(split_at_spaces)
    tokens = encode_lists(map(split_at_spaces, TEXT))
    source = [tokens[i : i + 20].compact() for i in range(0, len(TEXT), 20)]
    with Predictor(model, 2, patience=0.0) as predictor:
        found = [p for _, p in predictor.stream(slowly(predictor, source))]  # type: ignore[arg-type]
    np.testing.assert_allclose(np.concatenate(found), model.predict_proba(TEXT), atol=1e-6)


def test_a_bare_string_is_told() -> None:
    for predict in (make_model().predict_proba, lambda text: predict_many(make_model(), text)):
        with pytest.raises(UsageError, match=r"single string 'bad', but must be a list"):
            predict("bad")


def test_the_estimator_shares_its_predictions(monkeypatch: pytest.MonkeyPatch) -> None:
    started = []
    start = Predictor._start
    monkeypatch.setattr(Predictor, "_start", lambda self: started.append(1) or start(self))
    monkeypatch.setitem(cast(Any, Predictor.__init__).__kwdefaults__, "patience", 0.0)
    monkeypatch.setattr(module, "TEXTS", 20)
    classifier = TextRNNClassifier(hidden_size=4, max_iter=1, early_stopping=False, random_state=0)
    labels = [text.count("1") > 5 for text in TEXT]
    one = classifier.fit(TEXT, labels).predict_proba(TEXT)
    assert not started
    two = classifier.set_params(n_jobs=2).predict_proba(TEXT)
    assert started == [1]
    assert one.tobytes() == two.tobytes()
    with pytest.raises(UsageError, match="n_jobs is 0"):
        classifier.set_params(n_jobs=0).predict(TEXT)


def test_a_short_prediction_starts_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: Predictor) -> None:
        raise AssertionError("started")

    monkeypatch.setattr(Predictor, "_start", fail)
    with Predictor(make_model(), 2) as predictor:
        assert len(list(predictor.stream(pieces(TEXT, 200)))) == 2
    with pytest.raises(AssertionError), Predictor(make_model(), 2, patience=0.0) as predictor:
        list(predictor.stream(pieces(TEXT, 200)))


def test_an_empty_chunk_has_all_before_it_answered() -> None:
    answered: list[Any] = []

    def source() -> Iterator[list[str]]:
        for number, chunk in enumerate(pieces(TEXT)):
            yield chunk
            if number % 5 == 4:
                yield []
                assert len(answered) == number + 1

    with Predictor(make_model(), 2, patience=0.0) as predictor:
        for chunk, _ in predictor.stream(source()):
            answered.append(chunk)
    assert answered == pieces(TEXT)


def test_an_error_of_the_source_comes_after_the_answers() -> None:
    def source() -> Iterator[list[str]]:
        yield TEXT[:2]
        yield TEXT[2:3]
        raise LookupError("line 4")

    with Predictor(make_model()) as predictor:
        answers = predictor.stream(source())
        assert [len(next(answers)[0]) for _ in range(2)] == [2, 1]
        with pytest.raises(LookupError):
            next(answers)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="another system's signals")
def test_a_dead_process_is_an_error() -> None:
    def source() -> Iterator[list[str]]:
        for number, chunk in enumerate(pieces(TEXT, 2)):
            yield chunk
            if number == 2:
                wait_until(lambda: are_ready(predictor))
            if number == 20:
                (child,) = multiprocessing.active_children()
                os.kill(child.pid or 0, signal.SIGKILL)

    with (
        Predictor(make_model(), 2, patience=0.0) as predictor,
        pytest.raises(WorkerError, match=r"died \(exit code -9\)"),
    ):
        list(predictor.stream(source()))
    assert not multiprocessing.active_children()


def test_where_no_process_can_start_one_goes_on_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise BlockingIOError("no more processes")

    monkeypatch.setattr("multiprocessing.process.BaseProcess.start", refuse)
    with Predictor(make_model(), 2, patience=0.0) as predictor:
        with pytest.warns(UserWarning, match=r"^1 process works, .*: no more processes$") as told:
            assert len(list(predictor.stream(pieces(TEXT)))) == 20
        assert len(told) == 1


def test_an_error_in_a_process_comes_back() -> None:
    wrong: Any = None  # no text
    with Predictor(make_model(), 2, patience=0.0) as predictor:
        list(predictor.stream(slowly(predictor, pieces(TEXT))))
        with pytest.raises(TypeError):
            list(predictor.stream([[wrong], *pieces(TEXT[:40])]))


@pytest.mark.parametrize(("n_jobs", "expected"), [(None, 1), (1, 1), (7, 7), (-1, 4), (-2, 3)])
def test_process_count(n_jobs: int, expected: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("textrnn.system.processes.available_cores", lambda: 4)
    assert process_count(n_jobs) == expected
    assert process_count(-9) == 1
    with pytest.raises(UsageError, match="n_jobs is 0"):
        process_count(0)


# ------------------------------------------------------------------- real processes


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "m"
    save_model(make_model(), folder)
    return folder


def predicting(saved: Path, jobs: int, **options: Any) -> subprocess.Popen[bytes]:
    """``textrnn predict`` over a stream, its helpers started at once."""
    code = (
        "import sys\n"
        "import textrnn.inference.pool as p\n"
        "from textrnn.cli.app import main\n"
        "if __name__ == '__main__':\n"
        "    p.Predictor.__init__.__kwdefaults__['patience'] = 0.0\n"
        f"    sys.argv = ['textrnn', 'predict', '-', '-m', {str(saved)!r}, '--json',\n"
        f"                '--format', 'jsonl', '--jobs', '{jobs}']\n"
        "    main()\n"
    )
    return subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        **options,
    )


def records(size: int) -> Iterator[bytes]:
    """Some JSON lines of about a megabyte each time, some megabytes in all."""
    block = "".join(json.dumps({"text": text}) + "\n" for text in TEXT * 12).encode()
    for _ in range(max(1, round(size * 2**20 / len(block)))):
        yield block


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="another system's signals")
@pytest.mark.parametrize("how", ["SIGKILL", "SIGINT", "SIGTERM"])
def test_nothing_is_left_behind(saved: Path, how: str) -> None:
    running = predicting(
        saved, 3, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    )
    assert running.stdin is not None
    assert running.stdout is not None
    threading.Thread(target=write, args=(running.stdin, records(20)), daemon=True).start()
    for _ in range(3 * TEXTS):
        assert running.stdout.readline()
    # As the terminal does it, Ctrl-C goes to all processes of the group.
    number = getattr(signal, how)
    (os.killpg if how == "SIGINT" else os.kill)(running.pid, number)
    # What it still has to say must have somewhere to go, or it waits for ever.
    threading.Thread(target=running.stdout.read, daemon=True).start()
    assert running.stderr is not None
    told = running.stderr.read()  # communicate() would flush what the thread writes to
    assert running.wait(timeout=30) == (130 if how == "SIGINT" else -number)
    if how == "SIGINT":
        assert told == b"textrnn: interrupted\n"
    wait_until(lambda: not group_is_alive(running.pid))


def group_is_alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def write(stream: IO[bytes], blocks: Iterator[bytes]) -> None:
    """Write to a reader that may have seen enough."""
    with contextlib.suppress(OSError), stream:
        for block in blocks:
            stream.write(block)


@pytest.mark.skipif(not CHILDREN.exists(), reason="memory is read from /proc")
def test_memory_does_not_grow_with_the_stream(saved: Path) -> None:
    """The highest resident memory of all processes, over a stream and one three times as long."""
    short, long = (peak_memory(saved, size) for size in (6, 18))
    assert max(short) < 100
    assert len(short) == len(long) == 2
    for before, after in zip(short, long, strict=True):
        assert after < 1.1 * before + 5


def peak_memory(saved: Path, megabytes: int) -> list[float]:
    """Megabytes that each process of a prediction had at its highest, the largest first."""
    running = predicting(saved, 2, stdout=subprocess.PIPE)
    assert running.stdin is not None
    assert running.stdout is not None
    peaks: dict[int, float] = {}
    sent = sum(block.count(b"\n") for block in records(megabytes))
    threading.Thread(target=write, args=(running.stdin, records(megabytes)), daemon=True).start()
    for number in range(sent):
        assert running.stdout.readline()
        if number % (sent // 50) == 0:
            peaks |= {pid: resident(pid) for pid in (running.pid, *children(running.pid))}
    assert running.stdout.read() == b""
    assert running.wait(timeout=30) == 0
    return sorted(peaks.values(), reverse=True)[:2]  # the third one only tracks resources


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def resident(pid: int) -> float:
    """The highest resident memory of a process so far, in megabytes."""
    status = Path(f"/proc/{pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024
