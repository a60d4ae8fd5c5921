"""The command line: what goes to stdout and stderr, the exit codes, the streams."""

from __future__ import annotations

import csv
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from typer.testing import CliRunner

from tests.conftest import LABELS, TEXTS
from textrnn import __version__
from textrnn.cli.app import app
from textrnn.cli.output import width
from textrnn.cli.setting_options import settings_of
from textrnn.corpora import load_corpus
from textrnn.inference.pool import Predictor
from textrnn.storage.loading import load_model
from textrnn.storage.training_lock import training_at
from textrnn.storage.writing import save_model
from textrnn.training import presets
from textrnn.training.declared import GROUPS
from textrnn.training.settings import DECLARED, Settings

SMALL = ["--hidden", "8", "--embedding-dim", "8", "--epochs", "2"]
BASELINES = {"majority", "naive_bayes", "bow_lr", "tfidf_lr", "nbsvm"}
COMMANDS = [
    *("train", "predict", "evaluate", "compare", "tune"),
    *("gradients", "models", "shrink", "corpora", "inspect"),
]
ESCAPE = "\x1b["


def run(*arguments: str, code: int = 0, stdin: str | None = None) -> Any:
    result = CliRunner().invoke(app, list(arguments), input=stdin)
    assert result.exit_code == code, (result.stderr, result.exception)
    return result


def process(*arguments: str, **options: Any) -> subprocess.Popen[str]:
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "PYTHONIOENCODING": "utf-8"}
    return subprocess.Popen(
        [sys.executable, "-m", "textrnn", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        env=environment,
        **options,
    )


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working directory with a corpus and the model ``stays`` trained on it."""
    folder = tmp_path_factory.mktemp("home")
    with (folder / "stays.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("text", "label"), *zip(TEXTS, LABELS, strict=True)])
    here = Path.cwd()
    os.chdir(folder)
    try:
        result = run("train", "stays.csv", *SMALL, "--json")
    finally:
        os.chdir(here)
    (folder / "report.json").write_text(result.stdout, encoding="utf-8")
    (folder / "notes.txt").write_text(result.stderr, encoding="utf-8")
    return folder


@pytest.fixture(autouse=True)
def _at_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home)
    monkeypatch.delenv("TEXTRNN_DATA", raising=False)


# -------------------------------------------------------------------------- train


def test_train_json(home: Path) -> None:
    text = (home / "report.json").read_text(encoding="utf-8")
    assert text.count("\n") == 1
    report = json.loads(text)
    assert report["corpus"] == "stays"
    assert report["model_dir"] == str(Path("models") / "stays")
    assert report["seconds"] > 0
    assert report["epochs"] == 2
    assert set(report["baselines"]) == BASELINES
    for scores in (report["test"], *report["baselines"].values()):
        assert {"accuracy", "macro_f1", "log_loss", "n"} <= scores.keys()
    assert report["verdict"]
    notes = (home / "notes.txt").read_text(encoding="utf-8")
    assert "epoch  2/2" in notes
    assert "model saved in 'models" in notes
    assert json.loads((home / "models/stays/metrics.json").read_text(encoding="utf-8")) == report


def test_train_quietly_and_again_the_same() -> None:
    quiet = ["train", "stays.csv", *SMALL, "--no-baselines", "--quiet"]
    first = run(*quiet, "-o", "again/1")
    assert first.stderr == ""
    assert "accuracy" in first.stdout
    assert "Comparison" not in first.stdout
    run(*quiet, "-o", "again/2")
    weights = [Path(f"again/{i}/weights.safetensors").read_bytes() for i in (1, 2)]
    assert weights[0] == weights[1]


def test_every_option_of_train_reaches_the_settings() -> None:
    given = (
        "--cell gru --layers 2 --one-way --readout mean --embedding word2vec --tokenizer char "
        "--keep-case --max-length 9 --max-features 50 --min-df 2 --patience 3 --batch-size 4 "
        "--lr 0.01 --schedule cosine --solver sgd --dropout 0.1 --dropout-input 0.3 --alpha 0.001 "
        "--max-grad-norm 0 --gradient-floor 0.001 --balanced --validation-fraction 0.2 "
        "--no-early-stopping --freeze-embedding --test-fraction 0.25 --batch-tokens 300 "
        "--dropout-recurrent 0.2 --dropout-embedding 0.15 --label-smoothing 0.05 "
        "--adversarial 0.1 --ema-decay 0.9 "
        "--unknown-alpha 0.75 --max-steps 3 --budget 1h"
    )
    command = ["train", "stays.csv", *SMALL, "--no-baselines", "-q", "--json", "-o", "options/m"]
    report = json.loads(run(*command, *given.split()).stdout)
    wanted = {
        "cell": "gru",
        "num_layers": 2,
        "bidirectional": False,
        "readout": "mean",
        "embedding": "word2vec",
        "tokenizer": "char",
        "lowercase": False,
        "max_length": 9,
        "max_features": 50,
        "min_df": 2,
        "n_iter_no_change": 3,
        "batch_size": 4,
        "batch_tokens": 300,
        "dropout_recurrent": 0.2,
        "dropout_embedding": 0.15,
        "label_smoothing": 0.05,
        "adversarial": 0.1,
        "ema_decay": 0.9,
        "learning_rate_init": 0.01,
        "learning_rate": "cosine",
        "solver": "sgd",
        "dropout_readout": 0.1,
        "dropout_input": 0.3,
        "alpha": 0.001,
        "max_grad_norm": None,
        "gradient_floor": 0.001,
        "class_weight": "balanced",
        "validation_fraction": 0.2,
        "early_stopping": False,
        "freeze_embedding": True,
        "hidden_size": 8,
        "embedding_dim": 8,
        "max_iter": 2,
        "unknown_alpha": 0.75,
        "max_steps": 3,
        "max_seconds": 3600.0,
    }
    assert {name: report["settings"][name] for name in wanted} == wanted
    assert report["n_test"] == len(TEXTS) // 4


def test_no_option_but_one_has_another_default_than_its_setting() -> None:
    """Where an option is not given, its setting is a preset's or has its own default."""
    assert replace(settings_of("default", {}), n_jobs=None) == Settings()
    assert replace(settings_of("paper", {}), n_jobs=None) == presets.settings("paper")
    assert settings_of("default", {}).n_jobs == -1


def test_options_count_more_than_a_preset() -> None:
    command = ["train", "stays.csv", "--embedding-dim", "8", "--no-baselines", "-q", "--json"]
    options = ["--preset", "paper", "--hidden", "5", "--bidirectional", "--max-steps", "2"]
    report = json.loads(run(*command, *options, "-o", "preset/m").stdout)
    settings = report["settings"]
    assert report["preset"] == "paper"
    assert "| preset | paper |" in Path("preset/m/README.md").read_text(encoding="utf-8")
    assert (settings["hidden_size"], settings["bidirectional"]) == (5, True)
    assert (settings["readout"], settings["ngrams"]) == ("last", "none")
    assert report["steps"] == 2
    told = run("train", "stays.csv", "--preset", "minut", code=2).stderr
    assert "--preset is 'minut'" in told
    assert "Did you mean 'minute'" in told


def test_a_budget_ends_the_run_and_says_how_to_repeat_it() -> None:
    train = ["train", "stays.csv", *SMALL, "--no-baselines", "--json", "-o"]
    first = run(*train, "budget/1", "--budget", "0.001s")
    report = json.loads(first.stdout)
    assert report["steps"] == report["planned_steps"] == 1
    assert "--max-steps 1 in place of --budget does the same again" in first.stderr
    run(*train, "budget/2", "--max-steps", "1")
    plenty = run(*train, "budget/3", "--budget", "1h")
    assert json.loads(plenty.stdout)["steps"] == json.loads(plenty.stdout)["planned_steps"] > 1
    run(*train, "budget/4", "--max-steps", str(json.loads(plenty.stdout)["steps"]))
    weights = {i: Path(f"budget/{i}/weights.safetensors").read_bytes() for i in (3, 4)}
    assert weights[3] == weights[4]


def test_ctrl_c_and_resume() -> None:
    long = ["train", "stays.csv", "--hidden", "8", "--epochs", "2000", "--no-early-stopping"]
    long += ["--no-baselines", "-o", "stopped/m"]
    running = process(*long)
    assert running.stderr is not None
    seen = ""
    while "epoch" not in seen:
        seen = running.stderr.readline()
        assert seen, "it ended before its first epoch"
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=30)
    assert running.returncode == 130
    assert "Traceback" not in err
    assert "--resume" in err
    assert "accuracy" not in out
    assert run("predict", "warm", "-m", "stopped/m").stdout
    assert Path("stopped/m.checkpoint").is_file()


def test_notes_about_checkpoints() -> None:
    train = ["train", "stays.csv", *SMALL, "--no-baselines", "-o", "noted/m"]
    path = Path("noted/m.checkpoint")
    told = f"note: there is no {str(path)!r} to go on from"
    assert told in run(*train, "--resume").stderr
    again = run(*train, "--resume").stderr
    assert "this run is finished already" in again
    assert "note:" not in again.replace("note: test", "").replace("note: validation", "")
    replacing = run(*train).stderr
    assert "note: there is no" not in replacing
    assert "note: replaces the model in 'noted/m'" in replacing
    path.write_bytes(b"")
    assert f"note: {str(path)!r}, an unfinished run, will be replaced" in run(*train).stderr


def test_notes_about_small_splits(home: Path) -> None:
    notes = (home / "notes.txt").read_text(encoding="utf-8")
    assert "note: validation texts: about 4, too few to mean much" in notes
    assert "note: test" not in notes
    train = ["train", "stays.csv", *SMALL, "--no-baselines", "-o", "small/m"]
    told = run(*train, "--validation-fraction", "0.999", "--test-fraction", "0.0001").stderr
    assert "note: training texts: about 2," in told
    assert "note: test texts: 1," in told
    told = run("compare", "stays.csv", "--test-fraction", "0.1", "--no-network").stderr
    assert "note: test texts: 5," in told


def test_a_guessed_header_is_read_alike_by_all(home: Path) -> None:
    rows = zip(TEXTS, LABELS, strict=True)
    with (home / "odd.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter=";").writerows([("Customer comment", "Happy?"), *rows])
    told = (
        "note: 'odd.csv': the columns are separated by semicolons\n"
        "note: 'odd.csv': columns: text = 'Customer comment', label = 'Happy?'\n"
    )
    trained = run("train", "odd.csv", *SMALL, "--no-baselines", "--json")
    assert json.loads(trained.stdout)["classes"] == ["bad", "good"]
    assert told in trained.stderr
    evaluated = run("evaluate", "odd", "odd.csv", "--json")
    assert json.loads(evaluated.stdout)["n"] == len(TEXTS)
    assert evaluated.stderr.startswith(told)
    predicted = run("predict", "-f", "odd.csv", "-m", "odd", "--json")
    assert [json.loads(line)["text"] for line in predicted.stdout.splitlines()] == TEXTS
    assert predicted.stderr == told
    assert run("predict", "-f", "odd.csv", "-m", "odd", "-q").stderr == ""


# ------------------------------------------------------------------------ predict


def test_predict_arguments() -> None:
    result = run("predict", "the inn: fresh!", "", "a\tb\nc")
    lines = [line.split("\t") for line in result.stdout.splitlines()]
    assert [line[2] for line in lines] == ["the inn: fresh!", "", "a b c"]
    assert {line[0] for line in lines} <= {"good", "bad"}
    assert all(re.fullmatch(r"[01]\.\d{4}", line[1]) for line in lines)


def test_predict_json() -> None:
    texts = ["the inn: fresh!", "", "  ", "unbekannt 没见过 😀", "a\nb"]
    records = [json.loads(line) for line in run("predict", "--json", *texts).stdout.splitlines()]
    assert [record["text"] for record in records] == texts
    for record in records:
        assert set(record) == {"text", "label", "probability", "probabilities"}
        assert sum(record["probabilities"].values()) == pytest.approx(1, abs=1e-5)
        best = max(record["probabilities"], key=record["probabilities"].get)
        assert record["label"] == best
        assert record["probability"] == record["probabilities"][best]


def test_top_k() -> None:
    fields = run("predict", "fresh", "--top-k", "9").stdout.rstrip("\n").split("\t")
    assert {fields[0], fields[2]} == {"good", "bad"}
    assert fields[4] == "fresh"
    record = json.loads(run("predict", "fresh", "--top-k", "1", "--json").stdout)
    assert [item["label"] for item in record["top"]] == [record["label"]]


def test_predict_says_which_model() -> None:
    run("train", "stays.csv", *SMALL, "--no-baselines", "-q", "-o", "models/newest")
    assert run("predict", "fresh").stderr == f"model: {Path('models/newest')}\n"
    assert run("predict", "fresh", "--quiet").stderr == ""
    assert run("predict", "fresh", "-m", "stays").stderr == ""
    by_name = run("predict", "fresh", "-m", "stays").stdout
    assert run("predict", "fresh", "-m", "models/stays").stdout == by_name
    # a folder that is no model does not hide the model of that name
    Path("stays").mkdir(exist_ok=True)
    assert run("predict", "fresh", "-m", "stays").stdout == by_name


def test_models_are_listed(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "models/broken").mkdir(parents=True, exist_ok=True)
    (home / "models/broken/config.json").write_text("{")
    listed = json.loads(run("models", "--json").stdout)
    (home / "models/broken/config.json").unlink()
    by_name = {model["name"]: model for model in listed}
    assert by_name["stays"]["classes"] == ["bad", "good"]
    assert by_name["stays"]["accuracy"].keys() == {"stays"}
    assert "damaged" in by_name["broken"]["error"]
    assert by_name["sentiment-en"]["in_box"]
    assert [model["in_box"] for model in listed] == sorted(model["in_box"] for model in listed)
    monkeypatch.chdir(tmp_path)
    shown = run("models").stdout
    assert "bundled" in shown
    assert "test accuracy: imdb 0." in shown


def test_without_a_model_of_ones_own_the_box_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    predicted = run("predict", "What a waste of two hours.")
    assert predicted.stdout.startswith("neg\t")
    assert predicted.stderr == "model: sentiment-en, bundled\n"


def test_shrink(home: Path) -> None:
    command = ["shrink", "stays", "-o", "models/small", "--max-words", "10", "--max-ngrams", "20"]
    found = json.loads(run(*command, "--check", "stays.csv", "--json").stdout)
    assert (found["words"], found["ngrams"]) == (10, 20)
    assert found["size_bytes"] < found["size_bytes_before"]
    small = load_model(home / "models/small")
    assert len(small.vocabulary) == 11  # and the unknown word
    assert 0.0 <= found["accuracy"] <= 1.0
    shown = run(*command, "--check", "stays.csv").stdout
    assert re.search(r"accuracy +\d\.\d{4} before, \d\.\d{4} after, on 1?\d\d? texts", shown)
    metrics = json.loads((home / "models/small/metrics.json").read_text())
    assert metrics["test"] is None, "the scores are the larger model's"
    assert metrics["tests"] == {}, "nearly all of these texts were trained on"
    whole = run("shrink", "stays", "-o", "models/again", "--json").stdout
    size = json.loads(whole)["size_bytes"]
    smaller = ["shrink", "models/again", "-o", "models/less", "--max-ngrams", "20"]
    found = json.loads(run(*smaller, "--json").stdout)
    assert found["size_bytes"] < found["size_bytes_before"] == size
    for same in ("models/again", "models/../models/again"):
        refused = run("shrink", "models/again", "-o", same, code=2).stderr
        assert "is the model itself" in refused
        assert "choose another --out" in refused
    assert run("shrink", "stays", "-o", "models/again").stderr == (
        "note: replaces the model in 'models/again'\n"
    )
    wrong = home / "wrong.csv"
    wrong.write_text("text,label\nfine,odd\nbad,odd\n", encoding="utf-8")
    failed = ["shrink", "stays", "-o", "models/failed", "--check", str(wrong)]
    assert "never saw these labels" in run(*failed, code=3).stderr
    assert not (home / "models/failed").exists(), "written before the mistake was told"
    again = run("shrink", "stays", "-o", "models/small", "--max-words", "0", code=2).stderr
    assert "--max-words is 0, but must be 1 or more" in again


def test_scores_before_shrinking_are_told_as_such(home: Path) -> None:
    report = json.loads((home / "report.json").read_text(encoding="utf-8"))
    accuracy = report["test"]["accuracy"]
    run("shrink", "stays", "-o", "models/once")
    run("shrink", "once", "-o", "models/twice")
    for name in ("once", "twice"):
        listed = {m["name"]: m for m in json.loads(run("models", "--json").stdout)}
        assert listed[name]["accuracy"] == {}
        assert listed[name]["accuracy_before_shrinking"] == {"stays": accuracy}
        shown = run("inspect", name).stdout
        assert f"{accuracy:.4f} (stays, before shrinking)" in shown
    assert f"stays {accuracy:.4f}, before shrinking" in run("models").stdout
    told = run("shrink", "stays", "-o", "models/checked", "--check", "stays.csv").stderr
    assert "warning: the model was trained on most texts of 'stays.csv'" in told
    assert "before shrinking" in run("inspect", "checked").stdout
    Path("others.csv").write_text("text,label\nthe inn: warm,good\n", encoding="utf-8")
    check = ["--check", "others.csv", "--json"]
    found = json.loads(run("shrink", "stays", "-o", "models/checked", *check).stdout)
    assert f"{found['accuracy']:.4f} (others.csv)" in run("inspect", "checked").stdout


def test_texts_without_a_known_word_are_counted() -> None:
    told = run("predict", "вкусно", "the inn: warm and kind!", "тепло", "-m", "stays").stderr
    assert told == "note: 2 texts have no word the model knows; it guesses by its bias\n"
    assert run("predict", "вкусно", "-q", "-m", "stays").stderr == ""
    assert run("predict", "the inn", "-m", "stays").stderr == ""
    assert "note: 1 text has no word" in run("predict", "", "-m", "stays").stderr


def test_chinese_is_not_for_the_english_model() -> None:
    hint = "note: sentiment-en reads English; for Chinese take -m sentiment-zh"
    assert hint in run("predict", "房间很干净，服务也好", "-m", "sentiment-en").stderr
    assert hint not in run("predict", "a film of 张艺谋", "-m", "sentiment-en").stderr
    assert hint not in run("predict", "房间很干净", "-m", "sentiment-zh").stderr


def test_a_text_with_a_dash_gets_a_hint() -> None:
    told = run("predict", "-5 stars", code=2).stderr
    assert "put -- before texts that begin with a dash" in told
    assert "put --" not in run("models", "-5", code=2).stderr


@pytest.mark.parametrize("way", ["file", "stdin", "format"])
def test_one_record_out_for_each_in(home: Path, way: str) -> None:
    texts = [f"text {i}" if i % 7 else "" for i in range(600)]
    content = "".join(f"{text}\n" for text in texts)
    (home / "texts.txt").write_text(content, encoding="utf-8")
    jsonl = "".join(json.dumps({"text": text}) + "\n" for text in texts)
    result = {
        "file": lambda: run("predict", "-f", "texts.txt", "--json"),
        "stdin": lambda: run("predict", "-", "--json", stdin=content),
        "format": lambda: run("predict", "--format", "jsonl", "--json", stdin=jsonl),
    }[way]()
    assert [json.loads(line)["text"] for line in result.stdout.splitlines()] == texts


@pytest.mark.parametrize("command", ["predict -f stays.csv", "evaluate stays stays.csv"])
def test_the_number_of_processes_changes_nothing(
    command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = []
    start = Predictor._start
    monkeypatch.setattr(Predictor, "_start", lambda self: started.append(1) or start(self))
    monkeypatch.setitem(cast(Any, Predictor.__init__).__kwdefaults__, "patience", 0.0)
    monkeypatch.setattr("textrnn.inference.pool.TEXTS", 4)
    one, two = (run(*command.split(), "--json", "--jobs", n).stdout for n in "12")
    assert one == two
    assert started == [1]


def test_slow_producer_gets_each_answer_at_once() -> None:
    running = process("predict", "-", "-m", "stays", stdin=subprocess.PIPE)
    assert running.stdin is not None
    assert running.stdout is not None
    for text in ("one", "", "three"):
        running.stdin.write(text + "\n")
        running.stdin.flush()
        # Would wait for ever, were answers held back until a batch is full.
        assert running.stdout.readline().rstrip("\n").split("\t")[2] == text
    running.stdin.close()
    assert running.wait(timeout=30) == 0


def test_ctrl_c_while_waiting_for_input() -> None:
    running = process("predict", "-", "-m", "stays", stdin=subprocess.PIPE)
    assert running.stdin is not None
    assert running.stdout is not None
    assert running.stderr is not None
    running.stdin.write("one\n")
    running.stdin.flush()
    assert running.stdout.readline().endswith("one\n")
    running.send_signal(signal.SIGINT)
    assert running.wait(timeout=30) == 130  # with standard input still open
    assert running.stderr.read() == "textrnn: interrupted\n"
    running.communicate()


def test_memory_is_constant() -> None:
    line = "some words of an ordinary text, warm or cold\n"
    code = (
        "import resource, sys\n"
        "from textrnn.cli.app import main\n"
        "sys.argv = ['textrnn', 'predict', '-', '-m', 'stays']\n"
        "try:\n    main()\n"
        "finally:\n"
        "    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "    print(peak, file=sys.stderr)\n"
    )
    peaks = []
    for n in (1_000, 60_000):
        done = subprocess.run(
            [sys.executable, "-c", code],
            input=line * n,
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.count("\n") == n
        peaks.append(int(done.stderr))
    assert peaks[1] < 1.2 * peaks[0]


@pytest.mark.parametrize("arguments", ["predict - -m stays", "corpora", "inspect stays"])
def test_broken_pipe_is_silent(arguments: str) -> None:
    done = subprocess.run(
        f"yes 'some text' | head -50000 | {sys.executable} -m textrnn {arguments} | head -1",
        shell=True,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.count("\n") == 1
    assert done.stderr == ""


# --------------------------------------------------- evaluate, compare, inspect, corpora


def test_evaluate() -> None:
    report = json.loads(run("evaluate", "stays", "stays.csv", "--json").stdout)
    assert report["model"] == str(Path("models/stays"))
    assert (report["corpus"], report["split"], report["n"]) == ("stays.csv", "all", len(TEXTS))
    assert 0 <= report["accuracy"] <= 1
    assert 0 <= report["macro_f1"] <= 1
    table = run("evaluate", "stays", "stays.csv").stdout
    assert f"{report['accuracy']:.4f}" in table
    assert "true \\ predicted" in table


def test_gate(home: Path) -> None:
    with (home / "copy.csv").open("w", encoding="utf-8", newline="") as file:
        wrong = [LABELS[1], *LABELS[1:]]  # one label that the model will not give
        csv.writer(file).writerows([("text", "label"), *zip(TEXTS, wrong, strict=True)])
    accuracy = json.loads(run("evaluate", "stays", "copy.csv", "--json").stdout)["accuracy"]
    gate = ["evaluate", "stays", "copy.csv", "--json", "--min-accuracy"]
    assert run(*gate, str(accuracy)).stderr == ""
    assert accuracy < 1, "the gate cannot fail"
    failed = run(*gate, "1", code=1)
    assert json.loads(failed.stdout)["accuracy"] == accuracy
    assert failed.stderr.startswith("textrnn: the accuracy of ")
    assert failed.stderr.count("\n") == 1


def test_compare(home: Path) -> None:
    alone = json.loads(run("compare", "stays.csv", "--no-network", "--json", "-q").stdout)
    assert set(alone["baselines"]) == {*BASELINES, "markov"}
    assert alone["test"] is None
    both = json.loads(run("compare", "stays.csv", "--model", "stays", "--json", "-q").stdout)
    trained = json.loads((home / "report.json").read_text(encoding="utf-8"))
    assert both["test"] == trained["test"]
    assert both["verdict"].split(", which")[0] == trained["verdict"].split(", which")[0]
    assert "ms a text" in both["verdict"]  # costs are of this command alone
    assert set(both["costs"]) == {*BASELINES, "markov", "classifier", "network"}
    table = run("compare", "stays.csv", "--model", "stays").stdout
    for shown in ("nbsvm", "calibration error", "ms a text", "MB", both["verdict"][:20]):
        assert shown in table


def test_compare_trains_a_network_and_saves_what_is_asked_for() -> None:
    options = ["--save", "chosen", "--which", "tfidf_lr", "--learning-curve"]
    result = run("compare", "stays.csv", "--json", "-q", *options)
    report = json.loads(result.stdout)
    assert result.stderr == ""
    assert report["test"]["n"] == report["baselines"]["tfidf_lr"]["n"]
    assert report["verdict"]
    assert [p["fraction"] for p in report["learning_curve"]["points"]][-1] == 1.0
    assert report["saved"] == str(Path("models/chosen"))
    scores = json.loads(run("evaluate", "chosen", "stays.csv", "--json").stdout)
    assert scores["classes"] == ["bad", "good"]
    record = json.loads(run("predict", TEXTS[0], "-m", "chosen", "--json").stdout)
    assert set(record["probabilities"]) == {"bad", "good"}
    inside = json.loads(run("inspect", "chosen", "--json").stdout)
    assert inside["linear"]["name"] == "tfidf_lr"
    assert inside["weights"]["scale"] == [inside["weights"]["keys"][0]]
    assert "tfidf" in run("inspect", "chosen").stdout
    assert "chosen" in run("models").stdout
    refused = run("compare", "stays.csv", "-m", "chosen", code=4).stderr
    assert "bag of words (tfidf_lr), not a network" in refused
    again = run("compare", "stays.csv", "--json", "--no-network", "--save", "chosen").stderr
    assert f"note: replaces the model in {str(Path('models/chosen'))!r}" in again


def test_a_learning_curve_is_shown_as_a_table() -> None:
    told = run("compare", "stays.csv", "--no-network", "--learning-curve")
    assert "Accuracy on the test texts by training texts" in told.stdout
    assert "100 %" in told.stdout
    assert "learning curve: " in told.stderr


@pytest.fixture(scope="module")
def seeded(home: Path) -> dict[str, Any]:
    """The report of a model whose test texts were drawn, not by default, from a folder."""
    (home / "drawn").mkdir()
    (home / "drawn" / "train.csv").write_bytes((home / "stays.csv").read_bytes())
    here = Path.cwd()
    os.chdir(home)
    try:
        options = ["--seed", "3", "--test-fraction", "0.4", "--validation-fraction", "0.3"]
        result = run("train", "drawn", *SMALL, "--epochs", "9", "--json", "-q", *options)
        report: dict[str, Any] = {**json.loads(result.stdout), "test_fraction": 0.4}
        save_model(load_model("models/drawn"), "models/drawn", metrics=report)
    finally:
        os.chdir(here)
    return report


def test_test_texts_are_those_held_out_at_the_training(seeded: dict[str, Any]) -> None:
    result = run("evaluate", "drawn", "drawn", "--json")
    scores = json.loads(result.stdout)
    assert {name: scores[name] for name in seeded["test"]} == seeded["test"]
    assert result.stderr == ""
    result = run("compare", "drawn", "-m", "drawn", "--json", "-q")
    both = json.loads(result.stdout)
    assert (both["test"], both["seed"]) == (seeded["test"], 3)
    tuned = {name: scores["validation_accuracy"] for name, scores in both["baselines"].items()}
    del tuned["markov"]  # compare alone has it
    assert tuned == {
        name: scores["validation_accuracy"] for name, scores in seeded["baselines"].items()
    }
    assert result.stderr == ""


def test_other_splits_than_at_the_training_are_told(seeded: dict[str, Any]) -> None:
    told = "warning: 'drawn' is not what the model was trained on: the scores may count training"
    for options in (["--seed", "0"], ["--test-fraction", "0.2"]):
        result = run("compare", "drawn", "-m", "drawn", "-q", *options)
        assert result.stderr.startswith(told)
        assert result.stderr.count("\n") == 1
    unknown = {key: value for key, value in seeded.items() if key in ("corpus", "fingerprint")}
    save_model(load_model("models/drawn"), "models/unknown", metrics=unknown)
    assert run("evaluate", "unknown", "drawn").stderr.startswith(told)
    save_model(load_model("models/drawn"), "models/silent", metrics={})
    assert run("evaluate", "silent", "drawn").stderr == ""
    assert run("evaluate", "drawn", "stays.csv").stderr == ""


def test_scoring_the_training_file_is_told(home: Path, seeded: dict[str, Any]) -> None:
    del seeded
    for model, path in (
        ("stays", "stays.csv"),
        ("stays", str(home / "stays.csv")),
        ("drawn", "drawn/train.csv"),
    ):
        told = run("evaluate", model, path).stderr
        assert told.startswith(
            f"warning: the model was trained on most texts of {str(Path(path))!r};"
        )
        assert told.count("\n") == 1


def test_inspect() -> None:
    inside = json.loads(run("inspect", "stays", "--json").stdout)
    assert inside["classes"] == ["bad", "good"]
    assert inside["metrics"]["corpus"] == "stays"
    assert sum(_size(shape) for shape in inside["weights"].values()) == inside["n_parameters"]
    assert "bad, good" in run("inspect", "stays").stdout


def _size(shape: list[int]) -> int:
    size = 1
    for length in shape:
        size *= length
    return size


def test_corpora() -> None:
    infos = json.loads(run("corpora", "--json").stdout)
    assert {"cars", "imdb"} <= {info["name"] for info in infos}
    shown = run("corpora").stdout
    assert max(map(len, shown.splitlines())) <= 80
    assert all(info["name"] in shown for info in infos)


# --------------------------------------------------------------------------- looks


@pytest.mark.parametrize("option", ["-h", "--help"])
@pytest.mark.parametrize("command", [None, *COMMANDS])
def test_help(command: str | None, option: str) -> None:
    shown = run(*([command] if command else []), option).stdout
    assert max(map(len, shown.splitlines())) <= 80
    if command is None:
        assert all(name in shown for name in COMMANDS)
        assert "..." not in shown.split("Commands:")[1], "a summary is cut"
    else:
        assert "--json" in shown
        assert "--debug" in shown


def test_version_and_no_arguments() -> None:
    assert run("--version").stdout == f"textrnn {__version__}\n"
    assert "Commands:" in run(code=2).stderr


@pytest.mark.parametrize(
    "command",
    [
        "corpora",
        "models",
        "inspect stays",
        "evaluate stays stays.csv",
        "train stays.csv -q -o looks/m",
    ],
)
def test_tables_fit_into_80_columns(command: str) -> None:
    options = [*SMALL, "--baselines"] if command.startswith("train") else []
    shown = run(*command.split(), *options).stdout
    lines = [line for line in shown.splitlines() if not line.endswith(".")]  # the verdict wraps
    assert max(map(width, lines)) <= 80
    assert all(line == line.rstrip() for line in lines)
    assert ESCAPE not in shown


def test_width_of_chinese() -> None:
    assert [width(text) for text in ("ab", "好", "e\u0301", "👍")] == [2, 2, 1, 2]


def test_debug_shows_the_traceback() -> None:
    told = run("predict", "hi", "-m", "none", code=4).stderr
    debug = run("predict", "hi", "-m", "none", "--debug", code=4).stderr
    assert debug.startswith("Traceback (most recent call last):")
    assert debug.endswith(told)


@pytest.mark.skipif(sys.platform != "linux", reason="needs a pseudo-terminal of Linux")
@pytest.mark.parametrize("colour", [True, False])
def test_terminal(colour: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bar moves on a terminal, coloured unless NO_COLOR forbids it."""
    import pty

    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    if not colour:
        monkeypatch.setenv("NO_COLOR", "1")
    ours, theirs = pty.openpty()
    train = ["train", "stays.csv", *SMALL, "--no-baselines", "-o", f"terminal/{colour}"]
    running = subprocess.Popen(
        [sys.executable, "-m", "textrnn", *train], stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    seen = b""
    start = time.monotonic()
    while time.monotonic() - start < 30:
        try:
            piece = os.read(ours, 65_536)
        except OSError:  # how Linux says that the other end is closed
            break
        if not piece:
            break
        seen += piece
    os.close(ours)
    assert running.wait(timeout=30) == 0
    text = seen.decode("utf-8")
    assert "ETA" in text
    assert bool(re.search(r"\x1b\[(3\d|9\d|38;)", text)) == colour


# ------------------------------------------------- the options of train, tune, compare


@pytest.mark.parametrize("command", ["train", "tune", "compare"])
def test_the_help_fits_on_two_screens_and_help_all_has_the_rest(command: str) -> None:
    shown, everything = run(command, "--help").stdout, run(command, "--help-all").stdout
    assert len(shown.splitlines()) <= 80
    assert max(map(len, everything.splitlines())) <= 80
    missing = {"max_seconds"} if command == "tune" else set()
    for name, setting in DECLARED.items():
        option = rf"--{setting.option}\b"
        assert bool(re.search(option, everything)) == (name not in missing), name
        assert bool(re.search(option, shown)) == (setting.is_common and name not in missing), name
    for group in GROUPS:
        assert f"\n{group}:\n" in everything
    assert "--no-cache" in everything
    assert "--no-cache" not in shown
    assert "--help-all" in shown


def test_the_help_names_all_words_that_can_be_given() -> None:
    for name, setting in DECLARED.items():
        for word in setting.check.words():
            assert re.search(rf"\b{word}\b", setting.help), (name, word)


def split_files() -> list[str]:
    """Training texts in one file, validation texts and test texts in two others."""
    rows = list(zip(TEXTS, LABELS, strict=True))
    for name, part in (("given", rows[:32]), ("held_out", rows[32:40]), ("tests", rows[40:])):
        with Path(f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([("text", "label"), *part])
    return ["given.csv", "--validation", "held_out.csv", "--test", "tests.csv", "-q", "--json"]


def test_validation_texts_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    files = split_files()
    trained = json.loads(run("train", *files, *SMALL, "--no-baselines", "-o", "m").stdout)
    sizes = {name: trained[name] for name in ("n_train", "n_validation", "n_test")}
    assert sizes == {"n_train": 32, "n_validation": 8, "n_test": 8}
    whole = load_corpus("given.csv", validation="held_out.csv", test="tests.csv")
    assert trained["fingerprint"] == whole.fingerprint()
    compared = json.loads(run("compare", *files, "--no-network").stdout)
    assert compared["baselines"]["majority"]["n"] == 8
    tuned = json.loads(run("tune", *files, "--time", "1s", "--preset", "paper").stdout)
    assert tuned["command"].startswith(
        "textrnn train given.csv --test tests.csv --validation held_out.csv --preset paper "
    )
    again = shlex.split(tuned["command"])[1:]
    assert json.loads(run(*again, "-q", "--json", "-o", "n").stdout)["n_validation"] == 8


def test_a_corpus_has_one_validation_split() -> None:
    note = "has a validation split of its own (400 texts), which is not used: --validation more.csv"
    with Path("more.csv").open("w", encoding="utf-8") as file:
        file.write("text,label\nThe clown car sped in.,comedy\nThe stolen car sped in.,crime\n")
    told = run("compare", "cars", "--no-network", "--validation", "more.csv").stderr
    assert note in told
    share = ["--no-network", "--validation-fraction", "0.3"]
    note = "note: 'cars' has a validation split of its own: --validation-fraction is not used\n"
    assert note in run("compare", "cars", *share).stderr
    assert "is not used" not in run("compare", "stays.csv", *share).stderr


@pytest.mark.parametrize("command", ["train", "tune", "compare"])
def test_validation_texts_and_a_share_of_others_exclude_each_other(command: str) -> None:
    both = ["--validation", "stays.csv", "--validation-fraction", "0.1"]
    told = run(command, "stays.csv", *both, code=2).stderr
    assert "--validation and --validation-fraction exclude each other" in told
    told = run(command, "stays.csv", "--validation", "none.csv", code=3).stderr
    assert "none.csv" in told


def test_what_is_given_is_not_searched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    tune = ["tune", *split_files(), "--time", "3s", "--epochs", "1", "--ngrams", "none"]
    report = json.loads(run(*tune, "--hidden", "5", "--keep-case").stdout)
    assert len(report["trials"]) > 1
    for trial in report["trials"]:
        assert "hidden_size" not in trial["changes"]
        assert "ngrams" not in trial["changes"]
        assert {"--hidden", "--keep-case", "--ngrams"} <= set(trial["command"].split())


def test_a_comparison_takes_settings() -> None:
    small = ["--hidden", "3", "--embedding-dim", "4", "--epochs", "1", "--cell", "rnn"]
    run("compare", "stays.csv", *small, "-q", "--json", "--save", "compared", "--which", "network")
    config = load_model("models/compared").network.config
    assert (config.cell, config.hidden_size, config.embedding_dim) == ("rnn", 3, 4)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ("--no-network --cell gru", "--cell is for a network that is trained, but none is"),
        ("--no-network --preset best", "--preset is for a network that is trained"),
        ("--model home --tokenizer char", "--tokenizer is for a network that is trained"),
    ],
)
def test_settings_of_no_network_are_refused(options: str, told: str) -> None:
    assert told in run("compare", "stays.csv", *options.split(), code=2).stderr


def test_a_training_that_is_refused_loses_nothing_and_says_so_of_nothing() -> None:
    train = ["train", "stays.csv", *SMALL, "--no-baselines", "-o", "taken/m"]
    run(*train, "-q")
    with training_at(Path("taken/m")):
        told = run(*train, code=4).stderr
        assert "in use by another training" in told
        assert "replace" not in told
        told = run("compare", "stays.csv", "--no-network", "--save", "taken/m", code=4).stderr
        assert "replace" not in told
    assert "note: replaces the model in 'taken/m'" in run(*train).stderr


def test_more_processes_than_can_help_are_not_started() -> None:
    train = ["train", "stays.csv", *SMALL, "--no-baselines", "--batch-size", "2", "-o", "many"]
    told = run(*train, "--jobs", "50").stderr
    assert "--jobs is 50, more than can help: 2 train" in told
    assert "more than can help" not in run(*train, "--jobs", "2").stderr
