"""Whatever a user gives: it works, or one clear line says what was wrong and what to do."""

from __future__ import annotations

import csv
import gzip
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from textrnn import TextRNNClassifier
from textrnn.cli.app import app
from textrnn.cli.run import guarded
from textrnn.corpora import load_corpus
from textrnn.errors import DataError, UsageError

TINY = ["--hidden", "4", "--embedding-dim", "4", "--epochs", "1", "--no-baselines", "-q"]
USAGE, DATA, MODEL, FAULT = 2, 3, 4, 70
ROWS = [
    (f"{mood} stay number {i}", label)
    for i in range(20)
    for mood, label in (("warm", "pos"), ("cold", "neg"))
]


def write(
    path: Path, rows: Sequence[Sequence[str]], header: Sequence[str] = ("text", "label")
) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model, to be copied before it is harmed."""
    folder = tmp_path_factory.mktemp("trained")
    corpus = write(folder / "stays.csv", ROWS)
    assert run("train", str(corpus), *TINY, "-o", str(folder / "model")).exit_code == 0
    return folder / "model"


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trained: Path) -> Path:
    """An empty working directory with one good corpus and one good model."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TEXTRNN_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    write(tmp_path / "ok.csv", ROWS)
    shutil.copytree(trained, tmp_path / "models" / "m")
    return tmp_path


def run(*arguments: str, stdin: bytes | None = None) -> Any:
    return CliRunner().invoke(app, list(arguments), input=stdin)


def check_told(result: Any, code: int, *needles: str) -> None:
    """One line on stderr with all that it should say, nothing on stdout, the right code."""
    assert result.exit_code == code, (result.exit_code, result.stderr, result.exception)
    assert result.stdout == ""
    lines = result.stderr.splitlines()
    assert len(lines) == 1, lines
    assert lines[0].startswith("textrnn: ")
    assert "Traceback" not in lines[0]
    assert len(lines[0]) < 1_100
    for needle in needles:
        assert needle in lines[0], (needle, lines[0])


# ------------------------------------------------------------------- bad corpora

CORPORA: dict[str, tuple[str, bytes, tuple[str, ...]]] = {
    "empty": ("a.csv", b"", ("'a.csv' is empty", "text,label")),
    "blank lines": ("a.csv", b"\n\n\n", ("is empty",)),
    "empty jsonl": ("a.jsonl", b"", ("is empty", '"text"')),
    "header only": ("a.csv", b"text,label\n", ("empty", "two classes")),
    "one class": ("a.csv", b"text,label\na,pos\nb,pos\n", ("only one class, 'pos'",)),
    "no label column": ("a.csv", b"a,b,c\n1,2,3\n", ("'a', 'b', 'c'", "--label-column")),
    "one column": ("a.csv", b"text\na\nb\n", ("'text'", "--label-column")),
    "text twice": ("a.csv", b"text,text,label\na,b,x\n", ("more than one", "'text'", "Rename")),
    "label twice": ("a.csv", b"text,label,label\na,x,y\n", ("more than one", "'label'", "Rename")),
    "latin-1": ("a.csv", b"text,label\nsch\xf6n,x\n", ("line 2, byte 4 (0xf6)", "iconv")),
    "utf-16": ("a.csv", "text,label\na,x\n".encode("utf-16"), ("UTF-16", "iconv")),
    "NUL": ("a.csv", b"text,label\na\0b,x\n", ("line 2 holds a NUL byte", "remove")),
    "open quote": (
        "a.csv",
        b'text,label\n"a,x\nb,y\n',
        ("a quote is left open", "check the quotes"),
    ),
    "ragged": ("a.csv", b"text,label\na,b,x\n", ("line 2 has 3 fields", "in quotes")),
    "no label": ("a.csv", b"text,label\na,x\nb,\n", ("line 3", "label", "empty", "fill it in")),
    "no JSON": ("a.jsonl", b'{"text":"a","label":"x"}\nno\n', ("line 2 is not JSON",)),
    "no gzip": ("a.csv.gz", b"text,label\na,x\n", ("a.csv.gz", "fetch it again")),
    "cut gzip": (
        "a.csv.gz",
        gzip.compress(b"text,label\n" + b"a,x\n" * 99)[:-9],
        ("fetch it again",),
    ),
    "no xz": ("a.csv.xz", b"text,label\na,x\n", ("a.csv.xz", "fetch it again")),
    "no parquet": ("a.parquet", b"text,label\na,x\n", ("is not a Parquet file",)),
    "plain text": ("a.txt", b"a\nb\n", (".csv",)),
    "strange ending": ("a.docx", b"text,label\na,x\n", ("a.docx", ".csv")),
    "two rows": ("a.csv", b"text,label\na,x\nb,y\n", ("2 rows", "too few", "--test")),
    "three rows": ("a.csv", b"text,label\na,x\nb,y\nc,x\n", ("too few", "--validation-fraction")),
}


TRAINING_ONLY = ("one class", "two rows", "three rows")  # evaluation needs no more


@pytest.mark.parametrize("command", ["train", "compare", "evaluate"])
@pytest.mark.parametrize("case", CORPORA)
def test_bad_corpus(place: Path, command: str, case: str) -> None:
    name, data, needles = CORPORA[case]
    (place / name).write_bytes(data)
    options = {"train": TINY, "compare": ["-q", "--no-network"], "evaluate": []}[command]
    corpus = ["m", name] if command == "evaluate" else [name]
    result = run(command, *corpus, *options)
    if command == "evaluate" and case in TRAINING_ONLY:
        needles = () if case == "one class" else ("never saw",)
    if command == "evaluate" and case == "header only":
        needles = ("empty",)
    if needles:
        check_told(result, DATA, *needles)
    else:
        assert result.exit_code == 0, result.stderr


@pytest.mark.parametrize(
    ("corpus", "code", "needles"),
    [
        ("missing.csv", DATA, ("no file 'missing.csv'",)),
        ("okk.csv", DATA, ("no file 'okk.csv'", "Did you mean 'ok.csv'?")),
        ("no/where.csv", DATA, ("no/where.csv",)),
        ("imbd", DATA, ("'imbd'", "Did you mean 'imdb'?", "hf:owner/name")),
        ("folder", DATA, ("'folder' holds neither train.csv", "class folders")),
        ("hf:imdb", USAGE, ("'hf:imdb'", "hf:owner/name")),
    ],
)
@pytest.mark.parametrize("command", ["train", "compare", "evaluate"])
def test_corpus_not_there(command: str, corpus: str, code: int, needles: tuple[str, ...]) -> None:
    Path("folder").mkdir()
    if command == "evaluate" and corpus == "folder":
        needles = ("'folder' holds no class folders",)
    arguments = ["m", corpus] if command == "evaluate" else [corpus]
    check_told(run(command, *arguments), code, *needles)


@pytest.mark.parametrize("command", ["train", "compare", "evaluate"])
@pytest.mark.parametrize("corpus", ["imdb", "hf:someone/something"])
def test_offline(command: str, corpus: str) -> None:
    arguments = ["m", corpus] if command == "evaluate" else [corpus]
    check_told(run(command, *arguments, "--offline"), DATA, corpus, "switched off", "train.csv")


# ------------------------------------------------------------------- bad options

OPTIONS: dict[str, tuple[int, tuple[str, ...]]] = {
    "--hidden 0": (USAGE, ("--hidden is 0", "a whole number from 1")),
    "--hidden abc": (USAGE, ("--hidden", "'abc'", "textrnn train --help")),
    "--hiden 4": (USAGE, ("--hiden", "--hidden")),
    "--lr nan": (USAGE, ("--lr is nan", "above 0")),
    "--lr=-1": (USAGE, ("--lr is -1.0", "above 0")),
    "--lr -1": (USAGE, ("--lr is -1.0", "above 0")),
    "--lr inf": (USAGE, ("--lr is inf",)),
    "--epochs 0": (USAGE, ("--epochs is 0, but must be a whole number from 1.",)),
    "--patience 0": (USAGE, ("--patience is 0, but must be a whole number from 1.",)),
    "--max-length -1": (USAGE, ("--max-length is -1", "from 1, or 0.")),
    "--batch-size 0": (USAGE, ("--batch-size is 0",)),
    "--dropout 1": (USAGE, ("--dropout is 1.0", "below 1")),
    "--layers 0": (USAGE, ("--layers is 0",)),
    "--seed -1": (USAGE, ("--seed is -1", "0 or more")),
    "--validation-fraction 1.5": (USAGE, ("--validation-fraction is 1.5", "below 1")),
    "--test-fraction 1.5": (USAGE, ("--test-fraction is 1.5", "below 1")),
    "--test-fraction nan": (USAGE, ("--test-fraction is nan",)),
    "--test a.csv --test-fraction 0.5": (USAGE, ("--test", "exclude each other")),
    "--readout nonsense": (USAGE, ("--readout is 'nonsense'", "'max'")),
    "--cell lsm": (USAGE, ("--cell is 'lsm'", "Did you mean 'lstm'?")),
    "--solver adm": (USAGE, ("--solver is 'adm'", "Did you mean 'adam'?")),
    "--schedule linar": (USAGE, ("--schedule is 'linar'", "Did you mean 'linear'?")),
    "--tokenizer wrd": (
        USAGE,
        (
            "--tokenizer is 'wrd'; use one of word, char, every_char, jieba, blank.",
            "Did you mean 'word'?",
        ),
    ),
    "--embedding missing.txt": (DATA, ("--embedding is 'missing.txt'", "no such file")),
    "--embedding word2vecc": (DATA, ("Did you mean 'word2vec'?",)),
    "--embedding models": (DATA, ("models", "folder")),
    "--embedding ok.csv": (DATA, ("'ok.csv' holds no word vectors",)),
    "--embedding word2vec --unlabelled missing.txt": (DATA, ("missing.txt", "no such file")),
    "--embedding word2vec --unlabelled auto": (DATA, ("no unlabelled texts",)),
    "--unlabelled missing.txt": (DATA, ("missing.txt", "no such file")),
    "--min-df 1000": (USAGE, ("--min-df 1000 excludes every word", "Lower --min-df.")),
    "--min-df 0": (USAGE, ("--min-df is 0, but must be a whole number from 1.",)),
    "--gradient-floor 1": (USAGE, ("--gradient-floor is 1.0", "below 1")),
    f"--epochs {10**22}": (USAGE, (f"--epochs is {10**22}", "at most 1,000,000")),
    f"--layers {10**9}": (USAGE, ("--layers",)),
    f"--jobs {10**9}": (USAGE, ("--jobs",)),
    "--test missing.csv": (DATA, ("missing.csv", "no such file")),
    "--test strange.csv": (DATA, ("'strange'", "Training labels: 'neg', 'pos'")),
    "--text-column txt": (DATA, ("no column 'txt'", "Did you mean 'text'?")),
    "--label-column lable": (DATA, ("no column 'lable'", "Did you mean 'label'?")),
    "--hidden 10000000": (USAGE, ("--hidden", "smaller")),
    "--hidden 1000000000": (USAGE, ("--hidden", "smaller")),
    "--out ok.csv": (MODEL, ("'ok.csv'", "file")),
    "--out ok.csv/below": (MODEL, ("ok.csv/below",)),
    "--out /dev/full": (MODEL, ("/dev/full",)),
    "--out /proc/none": (MODEL, ("/proc/none", "another folder")),
    "--out data": (MODEL, ("data' holds 'mine.csv', which is not of a model", "another folder")),
    "--out /": (USAGE, ("--out is '/'", "a name of its own")),
    "--out .": (USAGE, ("--out is '.'", "a name of its own")),
    "--out=": (USAGE, ("--out is '.'", "a name of its own")),
    "--out data/..": (USAGE, ("--out is 'data/..'", "a name of its own")),
}


@pytest.mark.parametrize("options", OPTIONS)
def test_bad_options_of_train(place: Path, options: str) -> None:
    write(place / "strange.csv", [("a", "strange")])
    (place / "data").mkdir()
    write(place / "data" / "mine.csv", ROWS)
    before = sorted(place.rglob("*"))
    small = [] if options.startswith("--hidden") else ["--hidden", "4"]
    result = run("train", "ok.csv", "-q", "--no-baselines", *small, *options.split())
    check_told(result, OPTIONS[options][0], *OPTIONS[options][1])
    assert sorted(place.rglob("*")) == before, "something was written"


@pytest.mark.parametrize(
    ("arguments", "code", "needles"),
    [
        ("nonsense", USAGE, ("'nonsense'", "textrnn --help")),
        ("train", USAGE, ("missing argument", "textrnn train --help")),
        ("compare ok.csv --validation-fraction 2", USAGE, ("--validation-fraction is 2.0",)),
        ("compare ok.csv --seed -1", USAGE, ("--seed is -1",)),
        ("compare ok.csv --which nbsvm", USAGE, ("--which nbsvm", "--save NAME")),
        ("compare ok.csv --save x --which nbsvn", USAGE, ("--which is", "Did you mean 'nbsvm'?")),
        ("compare ok.csv --save x/y.csv/z --which network --no-network", USAGE, ("--which is",)),
        ("compare ok.csv --tokenizer wrd", USAGE, ("Did you mean 'word'?",)),
        ("evaluate m ok.csv --min-accuracy 88", USAGE, ("--min-accuracy is 88.0", "from 0 to 1")),
        ("evaluate m ok.csv --min-accuracy nan", USAGE, ("--min-accuracy is nan",)),
        ("evaluate m ok.csv --split test", USAGE, ("'ok.csv' has no splits", "--split")),
        ("evaluate m cars --split tset", USAGE, ("no split 'tset'", "train, validation, test")),
        ("evaluate m cars", DATA, ("never saw", "'comedy'")),
        ("predict hi -m m --top-k 0", USAGE, ("--top-k is 0", "1 or more")),
        ("predict hi -m m --jobs 0", USAGE, ("--jobs is 0", "-1 for all cores")),
        ("evaluate m ok.csv --jobs 5000", USAGE, ("--jobs is 5000", "at most 1,000")),
        ("predict hi -m m --top-k x", USAGE, ("--top-k", "'x'")),
        ("predict hi -m m --format csv", USAGE, ("--format csv", "leave it out")),
        ("predict hi -m m --text-column t", USAGE, ("--text-column t", "leave it out")),
        ("predict hi -m m -f ok.csv", USAGE, ("--file",)),
        ("predict hi - -m m", USAGE, ("standard input",)),
        ("predict -f ok.csv -m m --format cvs", USAGE, ("'cvs'", "Did you mean 'csv'?")),
        ("predict -f ok.csv -m m --text-column txt", DATA, ("'txt'", "Did you mean 'text'?")),
        ("predict -f missing.csv -m m", DATA, ("missing.csv", "no such file")),
        ("predict -f models -m m", DATA, ("'models' is a folder",)),
    ],
)
def test_bad_arguments(arguments: str, code: int, needles: tuple[str, ...]) -> None:
    check_told(run(*arguments.split()), code, *needles)


@pytest.mark.parametrize(
    ("name", "data", "needles"),
    [
        ("a.csv", b"text\nsch\xf6n\n", ("line 2, byte 4 (0xf6)", "iconv")),
        ("a.txt", b"sch\xf6n\n", ("line 1, byte 4 (0xf6)", "iconv")),
        ("a.txt", b"a\0b\n", ("NUL byte",)),
        ("a.csv", b"", ("is empty",)),
        ("a.csv", b"a,b,c\n1,2,3\n", ("'a', 'b', 'c'", "--text-column")),
        ("a.jsonl", b"no\n", ("line 1 is not JSON",)),
        ("a.csv.gz", b"text\na\n", ("fetch it again",)),
        ("a.parquet", b"no", ("Parquet",)),
        ("a.docx", b"PK\x03\x04\0\0", ("NUL byte",)),
    ],
)
def test_bad_file_for_predict(
    place: Path, name: str, data: bytes, needles: tuple[str, ...]
) -> None:
    (place / name).write_bytes(data)
    check_told(run("predict", "-f", name, "-m", "m"), DATA, name, *needles)


def test_bad_standard_input() -> None:
    check_told(run("predict", "-", "-m", "m", stdin=b"sch\xf6n\n"), DATA, "byte 4 (0xf6)")


def test_an_array_too_big_for_any_machine(capsys: pytest.CaptureFixture[str]) -> None:
    for size in (2**62, 2**80):
        with pytest.raises(typer.Exit) as end:
            guarded(np.empty)((size, 8))
        assert end.value.exit_code == FAULT
        assert capsys.readouterr().err.startswith("textrnn: out of memory; lower --hidden")


# -------------------------------------------------------------------- bad models


def _flip(file: str, place: int) -> Callable[[Path], None]:
    def harm(model: Path) -> None:
        content = bytearray((model / file).read_bytes())
        content[place] ^= 1
        (model / file).write_bytes(content)

    return harm


def _cut(model: Path) -> None:
    content = (model / "weights.safetensors").read_bytes()
    (model / "weights.safetensors").write_bytes(content[: len(content) // 2])


def _newer(model: Path) -> None:
    config = json.loads((model / "config.json").read_text(encoding="utf-8"))
    config |= {"format_version": 99, "textrnn_version": "9.0"}
    (model / "config.json").write_text(json.dumps(config), encoding="utf-8")


def _replace(file: str, text: str) -> Callable[[Path], object]:
    return lambda model: (model / file).write_text(text, encoding="utf-8")


MODELS: dict[str, tuple[Callable[[Path], object], tuple[str, ...]]] = {
    "flipped weight": (_flip("weights.safetensors", -5), ("damaged", "weights", "train it again")),
    "flipped header": (_flip("weights.safetensors", 9), ("damaged", "weights")),
    "flipped word": (_flip("vocabulary.txt", -3), ("damaged", "vocabulary.txt")),
    "flipped config": (_flip("config.json", 200), ("damaged", "config.json")),
    "cut weights": (_cut, ("damaged", "weights.safetensors")),
    "no weights": (
        lambda m: (m / "weights.safetensors").unlink(),
        ("weights.safetensors is missing",),
    ),
    "no config": (lambda m: (m / "config.json").unlink(), ("config.json is missing",)),
    "foreign": (_replace("config.json", '{"model_type": "other"}'), ("no textrnn model",)),
    "no JSON": (_replace("config.json", '{"format": '), ("not valid JSON",)),
    "newer": (_newer, ("format 99", "textrnn 9.0", "Upgrade textrnn")),
    "gone": (shutil.rmtree, ("no model folder 'm'",)),
}


@pytest.mark.parametrize("command", ["predict", "inspect", "evaluate", "compare"])
@pytest.mark.parametrize(("harm", "needles"), MODELS.values(), ids=MODELS)
def test_bad_model(
    place: Path, command: str, harm: Callable[[Path], object], needles: tuple[str, ...]
) -> None:
    harm(place / "models" / "m")
    arguments = {
        "predict": ["warm", "-m", "m"],
        "inspect": ["m"],
        "evaluate": ["m", "ok.csv"],
        "compare": ["ok.csv", "-m", "m"],
    }[command]
    check_told(run(command, *arguments), MODEL, "m'", *needles)


def test_no_model_at_all(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.rmtree(place / "models")
    monkeypatch.setattr("textrnn.storage.bundled.BUNDLED", ())
    check_told(run("predict", "warm"), MODEL, "no model under ./models", "textrnn train")
    check_told(run("inspect", "ok.csv"), MODEL, "no model folder 'ok.csv'")


def test_name_nearly_right() -> None:
    check_told(run("inspect", "n"), MODEL, "no model folder 'n'", "Models under ./models: 'm'.")


def test_resume_with_another_setting(place: Path) -> None:
    from textrnn.training.callbacks import Callback
    from textrnn.training.state import Run

    class Stop(Callback):
        def on_epoch(self, run: Run) -> None:
            del run
            raise KeyboardInterrupt

    from textrnn.corpora import load_corpus
    from textrnn.experiments.run import Experiment, run_experiment
    from textrnn.training.settings import Settings

    run_experiment(
        Experiment(
            load_corpus("ok.csv"),
            Settings(hidden_size=4, embedding_dim=4, max_iter=1, n_jobs=-1),
            out=place / "models" / "half",
            callbacks=[Stop()],
        )
    )
    again = ["train", "ok.csv", *TINY, "-o", "models/half", "--resume"]
    check_told(run(*again, "--hidden", "5"), USAGE, "--hidden was 4 and is 5 now", "--resume")
    for options, told in {
        "--lr 0.1": "--lr was 0.002 and is 0.1 now",
        "--balanced": "--balanced was off and is on now",
        "--keep-case": "--keep-case was off and is on now",
        "--one-way": "--bidirectional was on and is off now",
        "--max-grad-norm 0": "--max-grad-norm was 1.0 and is 0 now",
        "--patience 3": "--patience was not given and is 3 now",
        "--test-fraction 0.4": "is of another run: the corpus has changed. Use",
    }.items():
        check_told(run(*again, *options.split()), USAGE, told, "--resume")
    assert run(*again).exit_code == 0


# --------------------------------------------------------- odd, but nothing wrong

CHINESE: list[tuple[str, ...]] = [
    *((f"第{i}次来住，房间干净，服务热情。", "好") for i in range(12)),
    *((f"第{i}次来住，又脏又吵，非常失望。", "差") for i in range(12)),
]
ODD: dict[str, tuple[list[tuple[str, ...]], tuple[str, ...], list[str]]] = {
    "empty texts": ([*ROWS, ("", "pos"), ("   ", "neg")], ("text", "label"), ["neg", "pos"]),
    "a class of one": ([*ROWS, ("odd", "none")], ("text", "label"), ["neg", "none", "pos"]),
    "spaces around labels": (
        [(text, f" {label}" if i % 3 else f"{label} ") for i, (text, label) in enumerate(ROWS)],
        ("text", "label"),
        ["neg", "pos"],
    ),
    "numbers": ([(t, str(len(k + t) % 2 + 1)) for t, k in ROWS], ("text", "stars"), ["1", "2"]),
    "1,000 columns": (
        [(text, label, *"x" * 998) for text, label in ROWS],
        ("text", "label", *(f"c{i}" for i in range(998))),
        ["neg", "pos"],
    ),
    "emoji": (
        [(f"😀 {t}", "👍" if k == "pos" else "👎") for t, k in ROWS],
        ("text", "label"),
        ["👍", "👎"],
    ),
    "right to left": ([(f"שלום مرحبا {t}", k) for t, k in ROWS], ("text", "label"), ["neg", "pos"]),
    "Chinese": (CHINESE, ("text", "label"), ["好", "差"]),
    "four rows": ([*ROWS[:4]], ("text", "label"), ["neg", "pos"]),
    "ten rows": ([*ROWS[:10]], ("text", "label"), ["neg", "pos"]),
    "200 small classes": (
        [(f"{text} of kind {i}", f"k{i:03}") for i in range(200) for text, _ in ROWS[:4]],
        ("text", "label"),
        [f"k{i:03}" for i in range(200)],
    ),
}


@pytest.mark.parametrize(("rows", "header", "classes"), ODD.values(), ids=ODD)
def test_odd_corpora_work(
    place: Path, rows: list[tuple[str, ...]], header: tuple[str, ...], classes: list[str]
) -> None:
    write(place / "reviews.csv", rows, header)
    result = run("train", "reviews.csv", *TINY, "--json")
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["classes"] == classes
    told = run("predict", rows[0][0], "", "zzz 没见过", "--json", "-q")
    assert [json.loads(line)["text"] for line in told.stdout.splitlines()] == [
        rows[0][0],
        "",
        "zzz 没见过",
    ]
    assert run("inspect").exit_code == 0
    assert run("evaluate", "reviews", "reviews.csv").exit_code == 0


@pytest.mark.parametrize("name", ["with space.csv", "Straße 旅馆.csv", "-dash.csv", "UPPER.CSV"])
def test_odd_names(place: Path, name: str) -> None:
    write(place / name, ROWS)
    result = run("train", *TINY, "--out", "a folder/模型 1", "--", name)
    assert result.exit_code == 0, result.stderr
    assert run("predict", "warm", "-m", "a folder/模型 1").exit_code == 0


def test_long_text(place: Path) -> None:
    text = "warm stay " * 500_000
    write(place / "long.csv", [*ROWS, (text, "pos")])
    start = time.perf_counter()
    assert run("train", "long.csv", *TINY).exit_code == 0
    (place / "long.txt").write_text(f"{text}\ncold\n", encoding="utf-8")
    result = run("predict", "-f", "long.txt", "-q")
    assert len(result.stdout.splitlines()) == 2
    assert time.perf_counter() - start < 20


# ------------------------------------------------------------- in a process of its own

LIMITED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_{what}, ({limit}, {limit}))
from textrnn.cli.app import main
main()
"""


def limited(what: str, limit: int, *arguments: str, **options: Any) -> Any:
    """Run the command line with a resource limit; the result looks like a runner's."""
    code = LIMITED.format(what=what, limit=limit)
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        check=False,
        **options,
    )
    done.exit_code = done.returncode  # type: ignore[attr-defined]
    done.exception = None  # type: ignore[attr-defined]
    return done


def test_full_disk(place: Path) -> None:
    result = limited(
        "FSIZE", 4_000, "train", "ok.csv", "-q", "--epochs", "1", "--jobs", "1", "--out", "new"
    )
    check_told(result, MODEL, "cannot write", "new", "another folder")
    assert not list(place.glob("*new*")), "something was left behind"


def test_out_of_memory() -> None:
    train = ["train", "ok.csv", "-q", "--no-baselines", "--hidden", "20000", "--jobs", "1"]
    check_told(limited("AS", 3 * 2**30, *train), FAULT, "out of memory", "lower --hidden")


@pytest.mark.parametrize("arguments", ["inspect m", "predict warm -m m", "--help"])
def test_closed_standard_output(arguments: str) -> None:
    closed = 'exec "$0" -m textrnn "$@" >&-'
    done = subprocess.run(
        ["sh", "-c", closed, sys.executable, *arguments.split()],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == DATA
    assert done.stderr.splitlines() == [
        "textrnn: cannot write the results to standard output: it is closed"
    ]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
@pytest.mark.parametrize("arguments", ["inspect m", "corpora", "predict warm -m m", "--help"])
def test_full_disk_under_the_results(arguments: str) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "textrnn", *arguments.split()],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == DATA
    assert done.stderr.splitlines() == [
        "textrnn: cannot write the results to standard output: No space left on device"
    ]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["big.csv", "big.jsonl", "big.txt"])
def test_line_of_200_megabytes(place: Path, name: str) -> None:
    """Training refuses such a line after 64 MiB; prediction answers it like any other."""
    before, after = {
        "big.csv": (b'text,label\nwarm,pos\n"', b'",neg\n'),
        "big.jsonl": (b'{"text": "', b'", "label": "neg"}\n'),
        "big.txt": (b"", b"\n"),
    }[name]
    with (place / name).open("wb") as file:
        file.write(before)
        for _ in range(200):
            file.write(b"word " * 209_716)
        file.write(after)
    start = time.perf_counter()
    trained = limited("AS", 3 * 2**30, "train", name, *TINY)
    check_told(trained, DATA, name, ".csv" if name == "big.txt" else "64 MiB")
    predict = ["predict", "-m", "m", "--top-k", "1"]
    with (place / name).open("rb") as stream:
        source = ["-"] if name == "big.txt" else ["-f", name]
        answered = limited("AS", 3 * 2**30, *predict, *source, stdin=stream)
    assert answered.returncode == 0, answered.stderr
    assert len(answered.stdout.splitlines()) == (2 if name == "big.csv" else 1)
    assert time.perf_counter() - start < 60
    (place / name).unlink()  # pytest keeps what tests leave behind


@pytest.mark.parametrize("content", ["", "\n  \n"])
def test_unlabelled_files_without_a_text(content: str) -> None:
    Path("blank.txt").write_text(content, encoding="utf-8")
    found = run("train", "ok.csv", "-q", "--unlabelled", "blank.txt")
    check_told(found, DATA, "blank.txt", "no text")


def rows_of(path: Path, labels: Sequence[str]) -> str:
    """A file of some texts of each label."""
    with path.open("w", newline="") as stream:
        csv.writer(stream).writerows(
            [("text", "label")]
            + [(f"{label} {path.stem} day {i}", label) for i in range(20) for label in labels]
        )
    return str(path)


@pytest.mark.parametrize(
    ("held", "code", "told"),
    [("a", DATA, "has no text of 'b', 'c', but 'a' alone"), ("ab", 0, "has no text of 'c'; the")],
)
def test_validation_texts_without_a_class(tmp_path: Path, held: str, code: int, told: str) -> None:
    data = rows_of(tmp_path / "data.csv", "abc")
    validation = rows_of(tmp_path / "held.csv", held)
    result = run(
        "train", data, "--validation", validation, "--out", str(tmp_path / "m"), *TINY[:-1]
    )
    assert result.exit_code == code
    written = " ".join(result.output.split())
    assert "held.csv' " in written
    assert told in written
    labels = [label for label in "abc" for _ in range(8)]
    texts = [f"{label} text {i}" for i, label in enumerate(labels)]
    model = TextRNNClassifier(hidden_size=4, embedding_dim=4, max_iter=1)
    given = ([f"{label} other" for label in held], list(held))
    if code:
        with pytest.raises(DataError, match="validation_data has no text of"):
            model.fit(texts, labels, validation_data=given)
    else:
        with pytest.warns(UserWarning, match="validation_data has no text of"):
            model.fit(texts, labels, validation_data=given)


@pytest.mark.parametrize("option", ["--test", "--validation"])
def test_an_empty_path_is_no_folder(tmp_path: Path, option: str) -> None:
    data = rows_of(tmp_path / "data.csv", "ab")
    with pytest.raises(UsageError, match="is empty; give a file"):
        load_corpus(data, **{option[2:]: ""})  # type: ignore[arg-type]


def test_both_bounds_are_named_where_no_word_is_left(tmp_path: Path) -> None:
    data = rows_of(tmp_path / "data.csv", "ab")
    result = run("train", data, "--max-df", "0", "--out", str(tmp_path / "m"), *TINY)
    assert result.exit_code == USAGE
    assert "Lower --min-df or raise --max-df" in " ".join(result.output.split())
