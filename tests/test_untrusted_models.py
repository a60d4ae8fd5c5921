"""A stranger's model folder: it answers with probabilities, or is refused in one line."""

from __future__ import annotations

import json
import os
import random
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load, save

from tests.test_folder import make_model
from textrnn import TextRNNClassifier
from textrnn.corpora import Corpus, Split
from textrnn.errors import DamagedModelError, ModelError
from textrnn.experiments.run import Experiment, run_experiment
from textrnn.storage.checkpoint_file import load_arrays, save_arrays
from textrnn.storage.loading import load_model
from textrnn.storage.reading import describe, load_classifier, load_saved
from textrnn.storage.writing import save_model
from textrnn.training.callbacks import Callback
from textrnn.training.checkpoint import Checkpoint
from textrnn.training.settings import Settings
from textrnn.typing import Params

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.model_mutations import (
    ANSWERS,
    REFERENCE,
    VALUES,
    Case,
    Files,
    Raw,
    cases_of,
    compact_key_cases,
    dumped,
    kind_cases,
    many_cases,
    outcome,
    packed,
    read,
    save_present,
    save_structure,
    sealed,
    unpacked,
    with_metrics,
    with_value,
)

FOLDERS = sorted(path for path in REFERENCE.iterdir() if path.is_dir())
NETWORK = REFERENCE / "network"
FEW = 30
"""Cases that are tried of each folder; ``python -m tests.model_mutations`` tries all."""


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_18_a_folder_altered_anywhere_answers_or_is_refused(folder: Path, tmp_path: Path) -> None:
    files = read(folder)
    cases = list(cases_of(files, random.Random(0)))
    chosen = random.Random(1).sample(cases, FEW)
    odd = {}
    for case in chosen:
        end, told = outcome(case, tmp_path / "m")
        if end not in ("answers", "refused") or not told.isprintable():
            odd[case.name] = (end, told)
    assert odd == {}


@pytest.fixture(scope="module")
def present(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of the present format."""
    folder = tmp_path_factory.mktemp("present") / "m"
    save_present(folder)
    assert {"slip", "ngrams"} <= json.loads((folder / "config.json").read_text()).keys()
    return folder


def check_cases(cases: Iterable[Case], place: Path, ends: tuple[str, ...]) -> None:
    """Check that all cases end in one of some ways."""
    found = {case.name: outcome(case, place) for case in cases}
    assert found
    assert {name: end for name, end in found.items() if end[0] not in ends} == {}


def test_18_a_folder_of_the_present_format_altered_anywhere(present: Path, tmp_path: Path) -> None:
    cases = list(cases_of(read(present), random.Random(0)))
    check_cases(random.Random(2).sample(cases, FEW), tmp_path / "m", ("answers", "refused"))


@pytest.mark.parametrize("key", list(ANSWERS))
def test_18_folders_of_other_structures_altered_anywhere(key: str, tmp_path: Path) -> None:
    save_structure(key, tmp_path / "whole")
    files = read(tmp_path / "whole")
    check_cases([Case("untouched", lambda: files)], tmp_path / "m", ("answers",))
    cases = list(cases_of(files, random.Random(0)))
    check_cases(random.Random(3).sample(cases, FEW), tmp_path / "m", ("answers", "refused"))


def test_18_many_fields_take_no_longer_than_their_bytes(present: Path, tmp_path: Path) -> None:
    check_cases(many_cases(read(present)), tmp_path / "m", ("refused",))


def test_18_compact_keys_of_other_types_answer_or_are_refused(
    present: Path, tmp_path: Path
) -> None:
    cases = list(compact_key_cases(read(present)))
    check_cases(cases, tmp_path / "m", ("answers", "refused"))
    wider = [case for case in cases if case.name[-2:] in ("u4", "u8")]
    assert len(wider) == 2
    check_cases(wider, tmp_path / "m", ("answers",))


@pytest.mark.parametrize("name", ["config.json", "weights.safetensors", "metrics.json"])
def test_18_only_regular_files_of_a_sound_size_are_read(name: str, tmp_path: Path) -> None:
    files = read(NETWORK)
    for told, finish in kind_cases(name):
        end = outcome(Case(told, lambda: files, finish), tmp_path / "m")
        assert end[0] == "refused", (told, end)


def altered(tmp_path: Path, change: Callable[[Files, dict[str, Any]], Any]) -> Path:
    """A copy of a folder with something changed, and checksums that fit."""
    files = read(NETWORK)
    config = json.loads(files["config.json"])
    change(files, config)
    folder = tmp_path / "m"
    folder.mkdir()
    for name, content in sealed(files, config).items():
        (folder / name).write_bytes(content)
    return folder


def tensors_changed(file: str, change: Callable[[dict[str, Any]], Any]) -> Callable[..., None]:
    def alter(files: Files, config: dict[str, Any]) -> None:
        del config
        arrays = load(files[file])
        change(arrays)
        files[file] = save(arrays)

    return alter


def config_changed(change: Callable[[dict[str, Any]], Any]) -> Callable[..., None]:
    def alter(files: Files, config: dict[str, Any]) -> None:
        del files
        change(config)

    return alter


def put(name: str, index: Any, value: float) -> Callable[[dict[str, Any]], Any]:
    def change(arrays: dict[str, Any]) -> None:
        arrays[name][index] = value

    return change


REFUSED = {
    "a weight that is no number": (
        tensors_changed("weights.safetensors", put("linear.bias", 0, np.nan)),
        r"weights\.safetensors: 'linear\.bias' holds a number that is not finite",
    ),
    "an infinite weight of an n-gram": (
        tensors_changed("ngrams.safetensors", put("weights", (3, 0), np.inf)),
        r"ngrams\.safetensors: 'weights' holds a number that is not finite",
    ),
    "a weight beyond reckoning": (
        tensors_changed("weights.safetensors", put("linear.weight", (1, 1), 1e30)),
        r"linear\.weight' holds a number",
    ),
    "unsorted keys": (
        tensors_changed("ngrams.safetensors", lambda a: a.update(keys=a["keys"][::-1].copy())),
        r"key 2 of 444 is not above the one before it",
    ),
    "a key twice": (
        tensors_changed("ngrams.safetensors", lambda a: put("keys", 1, a["keys"][0])(a)),
        r"key 2 of 444",
    ),
    "another shape": (
        tensors_changed("weights.safetensors", lambda a: a.update({"linear.bias": np.zeros(3)})),
        r"'linear\.bias' is of shape \[3\] in F64, but must be of \[2\] in F32 or F16",
    ),
    "a tensor too many": (
        tensors_changed("weights.safetensors", lambda a: a.update(more=np.zeros(3))),
        r"'more' does not belong there",
    ),
    "a threshold of 2": (
        config_changed(lambda c: c.update(threshold=2)),
        r"config\.json: threshold is 2, but must be a number from 0 to 1, or null",
    ),
    "a threshold that is true": (
        config_changed(lambda c: c.update(threshold=True)),
        r"threshold is True",
    ),
    "no number as a threshold": (
        config_changed(lambda c: c.update(threshold=Raw("NaN"))),
        r"config\.json: NaN, which is no number",
    ),
    "a number too large": (
        config_changed(lambda c: c.update(threshold=Raw("1e999"))),
        r"the number '1e999' is too large",
    ),
    "a number of too many digits": (
        config_changed(lambda c: c.update(max_length=Raw("9" * 5_000))),
        r"a number of 5,000 digits",
    ),
    "classes of two kinds": (
        config_changed(lambda c: c.update(classes=["a", 1])),
        r"classes has texts and numbers",
    ),
    "equal classes": (config_changed(lambda c: c.update(classes=["a", "a"])), r"has 'a' twice"),
    "one class": (
        config_changed(lambda c: c.update(classes=["a"], network={**c["network"], "n_classes": 1})),
        r"classes is \['a'\], but must be at least two",
    ),
    "a field twice": (
        config_changed(lambda c: c.update(more=Raw('1, "threshold": 0.1'))),
        r"'threshold' stands there twice",
    ),
    "an unknown field": (
        config_changed(lambda c: c.update({"odd\x1b": 1})),
        r"it has the unknown field 'odd\\x1b'",
    ),
    "too deep": (
        config_changed(lambda c: c["settings"].update(more=Raw("[" * 60 + "]" * 60))),
        r"nested more than 32 deep",
    ),
    "an unknown tokenizer": (
        config_changed(lambda c: c["tokenizer"].update(name="os.system")),
        r"tokenizer\.name is 'os\.system', but must be one of word, char, every_char, jieba, "
        "blank, or null",
    ),
    "endless n-grams": (
        config_changed(lambda c: c["ngrams"].update(max_n=10**9)),
        r"ngrams\.max_n is 1000000000, but must be a whole number from 0 to 10",
    ),
    "a word twice": (
        lambda files, _: files.update(
            {"vocabulary.txt": b"<unk>\t1\n" * files["vocabulary.txt"].count(b"\n")}
        ),
        r"vocabulary\.txt', line 2",
    ),
    "a word too many": (
        lambda files, _: files.update({"vocabulary.txt": files["vocabulary.txt"] + b"w\t1\n"}),
        r"vocabulary\.txt: it has 62 lines, but must have 61",
    ),
    "a count that is no number": (
        lambda files, _: files.update(
            {"vocabulary.txt": files["vocabulary.txt"].replace(b"\t", b"\t+", 1)}
        ),
        r"vocabulary\.txt', line 1",
    ),
}


@pytest.mark.parametrize("fault", REFUSED)
def test_18_a_refusal_says_what_is_wrong_and_where(fault: str, tmp_path: Path) -> None:
    change, told = REFUSED[fault]
    folder = altered(tmp_path, change)
    with pytest.raises(DamagedModelError, match=told) as caught:
        load_classifier(folder)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 500
    with pytest.raises(ModelError, match=told):
        load_saved(folder)


@pytest.mark.parametrize(
    "claim",
    [
        {"hidden_size": 10**9},
        {"vocabulary_size": 2**31 - 1},
        {"vocabulary_size": 2**62},
        {"num_layers": 10**9},
        {"n_classes": 10**9},
        {"embedding_dim": 10**9},
    ],
    ids=str,
)
def test_18_nobody_makes_room_for_what_is_only_claimed(
    claim: dict[str, int], tmp_path: Path
) -> None:
    folder = altered(tmp_path, config_changed(lambda c: c["network"].update(claim)))
    start = time.process_time()
    with pytest.raises(DamagedModelError):
        load_classifier(folder)
    assert time.process_time() - start < 0.5


def test_18_a_header_is_compared_with_the_file_before_it_is_read(tmp_path: Path) -> None:
    """Ten gigabytes that config and header agree on, and that are not there or are but holes."""

    def change(files: Files, config: dict[str, Any]) -> None:
        header, numbers = unpacked(files["weights.safetensors"])
        size = 2**31 - 1
        config["network"]["vocabulary_size"] = size
        place = header["embedding.weight"]["data_offsets"]
        header["embedding.weight"] |= {
            "shape": [size, 8],
            "data_offsets": [place[0], place[0] + 32 * size],
        }
        files["weights.safetensors"] = packed(header, numbers)

    folder = altered(tmp_path, change)
    start = time.process_time()
    with pytest.raises(DamagedModelError, match=r"begins at byte|take .* bytes, but it has"):
        load_classifier(folder)
    with (folder / "weights.safetensors").open("r+b") as file:
        file.truncate(40 * 2**30)
    with pytest.raises(DamagedModelError, match=r"begins at byte|take .* bytes, but it has"):
        load_classifier(folder)
    assert time.process_time() - start < 0.5


COMMANDS = [
    ["predict", "-m", "m", "a text"],
    ["inspect", "m"],
    ["evaluate", "m", "cars"],
    ["shrink", "m", "--out", "small"],
    ["compare", "cars", "--model", "m"],
]


def test_18_every_command_refuses_with_4_in_one_line(tmp_path: Path) -> None:
    altered(tmp_path, config_changed(lambda c: c.update(threshold=2)))
    (tmp_path / "models").mkdir()
    (tmp_path / "m").rename(tmp_path / "models/m")
    for command in COMMANDS:
        found = subprocess.run(
            [sys.executable, "-m", "textrnn", *command],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert found.returncode == 4, (command, found.stderr)
        assert "threshold is 2" in found.stderr
        assert len(found.stderr.splitlines()) == 1, found.stderr


def test_18_settings_that_no_training_has_are_refused(tmp_path: Path) -> None:
    folder = altered(tmp_path, config_changed(lambda c: c["settings"].update(hidden_size="many")))
    with pytest.raises(DamagedModelError, match="hidden_size is 'many'"):
        TextRNNClassifier.load(folder)


@pytest.mark.parametrize(
    "metrics",
    [
        *[{"test": value} for value in ("x", {"accuracy": "x"}, {"accuracy_interval": [1]})],
        *[{"tests": [1]}, {"tests": {"a": 1}}, {"tests": {"a": {"accuracy": []}}}],
        *[{"history": "x"}, {"history": [1]}, {"history": [{"loss": "x"}]}, {"history": [{}]}],
        *[{"warnings": value} for value in (5, "x", [1], [None])],
        *[{"corpus": 1}, {"seed": -1}, {"settings": "x"}, {"teaching": {"kept": 1}}],
        {"validation": {"accuracy": "x"}},
    ],
    ids=str,
)
def test_18_metrics_that_cannot_be_told_are_refused(metrics: Any, tmp_path: Path) -> None:
    folder = altered(
        tmp_path, lambda files, _: files.update({"metrics.json": dumped(metrics).encode()})
    )
    with pytest.raises(DamagedModelError, match=r"metrics\.json"):
        describe(folder)
    with pytest.raises(ModelError, match=r"cannot be saved: metrics\.json: .* another name"):
        save_model(make_model(), tmp_path / "saved", metrics=metrics)
    assert not (tmp_path / "saved").exists()


@pytest.mark.parametrize("metrics", [{}, {"test": {"f1": 0.5}}, {"corpus": "x"}, {"odd": [[]]}])
def test_18_a_script_may_keep_any_other_metrics(metrics: Any, tmp_path: Path) -> None:
    save_model(make_model(), tmp_path / "m", metrics=metrics)
    assert describe(tmp_path / "m").metrics == metrics


REPORTS: dict[str, dict[str, Any]] = {
    "warnings of another kind": {"warnings": 5},
    "no warnings": {"warnings": None},
    "seconds of another kind": {"seconds": "x"},
    "no seconds": {"seconds": None},
    "a baseline's seconds": {"baselines.majority.seconds": "x"},
    "a class without a label": {"test.per_class.0.label": Case},
    "no confusion": {"test.confusion": None},
    "an empty confusion": {"test.confusion": []},
    "no classes": {"test.per_class": None},
    "no word of the clock": {"out_of_time": Case},
    "no word of other texts": {"unlabelled": Case},
    "no verdict": {"verdict": None},
    "no history": {"history": None},
    "an empty epoch": {"history.0": {}},
}


def changed(values: Any, changes: dict[str, Any]) -> Any:
    """A report with other values at some places."""
    for where, value in changes.items():
        place = tuple(int(part) if part.isdigit() else part for part in where.split("."))
        values = with_value(values, place, value)
    return values


def test_18_a_finished_report_is_shown_again_or_refused(
    reviews: tuple[list[str], list[str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from textrnn.cli.output import print_report
    from textrnn.cli.train import _again

    monkeypatch.chdir(tmp_path)
    texts, labels = reviews
    corpus = Corpus("inns", Split(texts, labels), test=Split(texts[:12], labels[:12]))
    settings = Settings(hidden_size=4, embedding_dim=4, max_iter=1, ngrams="none")
    experiment = Experiment(corpus, settings, out=Path("m"), baselines=("majority",))
    first = run_experiment(experiment)
    files = read(Path("m"))
    assert run_experiment(replace(experiment, resume=True)) == first
    ends = {}
    for told, changes in REPORTS.items():
        metrics = changed(json.loads(files["metrics.json"]), changes)
        for name, content in with_metrics(files, metrics).items():
            (Path("m") / name).write_bytes(content)
        try:
            report = run_experiment(replace(experiment, resume=True))
            print_report(report)
            _again(report)
            TextRNNClassifier.load("m").save("again")
            assert len(TextRNNClassifier.load("again").loss_curve_) == len(report["history"] or ())
            ends[told] = "shown"
        except ModelError:
            ends[told] = "refused"
    capsys.readouterr()
    shown = {"no warnings", "no seconds", "no confusion", "no verdict", "no history"}
    assert {told for told, end in ends.items() if end == "shown"} == shown


def test_18_numbers_that_overflow_are_told(tmp_path: Path) -> None:
    model = make_model(cell="rnn_relu")
    for name, value in model.network.params.items():
        if name.endswith(("W_h", "W_x", "b")):
            value[...] = 1e9
    save_model(model, tmp_path / "m")
    with pytest.raises(ModelError, match="logits of text 2 are no numbers"):
        load_model(tmp_path / "m").predict_proba(["a", "a warm day " * 30])


# ----------------------------------------------------------------------- checkpoints


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkpoint of a run that was stopped after an epoch."""
    path = tmp_path_factory.mktemp("run") / "m.checkpoint"
    fit_with(Checkpoint(path, {"seed": 1}))
    return path


def fit_with(*callbacks: Callback) -> None:
    classifier = TextRNNClassifier(
        hidden_size=4, embedding_dim=4, max_iter=2, ngrams="none", random_state=0
    )
    texts = ["what a fine film", "what a dull film"] * 20
    classifier.fit(texts, ["good", "bad"] * 20, callbacks=callbacks)


def resumed(path: Path) -> None:
    fit_with(Checkpoint(path, {"seed": 1}, resume=True))


def test_18_a_checkpoint_is_taken_up(stopped: Path) -> None:
    resumed(stopped)


LATER = {"out_of_time", "n_jobs", "stopped"}
"""Of a state: what 0.1.0 did not write."""


def test_18_a_checkpoint_altered_anywhere_is_refused(stopped: Path, tmp_path: Path) -> None:
    arrays, state = load_arrays(stopped)
    wrong: dict[str, dict[str, Any]] = {}
    for name in state.keys() - {"identity", "n_texts", "validation_seconds"}:
        for value in (-1, "x", [1], {"a": 1}, None, 0.5):
            # Nobody need have scored, and a run may be stopped for any reason.
            if (name, value) not in (("best_score", None), ("stopped", "x")):
                wrong[f"{name} {value!r}"] = {**state, name: value}
        if name not in LATER:
            wrong[f"no {name}"] = {key: value for key, value in state.items() if key != name}
    for n_texts in (1, 39, 41, 2**53):
        wrong[f"{n_texts} texts"] = {**state, "n_texts": n_texts}
    path = tmp_path / "m.checkpoint"
    for told, values in wrong.items():
        save_arrays(path, arrays, values)
        with pytest.raises(ModelError, match="train without resume"):
            resumed(path)
        assert path.exists(), told
    additions: dict[str, Params] = {
        "no number": {"weights/linear.bias": np.full(2, np.nan, np.float32)},
        "shape": {"best/linear.bias": np.zeros(3, np.float32)},
        "dtype": {"moments/mean.linear.bias": np.zeros(2)},
        "a negative square": {"moments/square.linear.bias": np.full(2, -1, np.float32)},
        "another": {"odd": np.zeros(2)},
    }
    for told, others in additions.items():
        save_arrays(path, {**arrays, **others}, state)
        with pytest.raises(ModelError, match="train without resume"):
            resumed(path)
        assert path.exists(), told


def test_18_a_checkpoint_that_is_no_file_is_refused(stopped: Path, tmp_path: Path) -> None:
    path = tmp_path / "m.checkpoint"
    content = stopped.read_bytes()
    for make in (
        lambda: os.mkfifo(path),
        lambda: path.mkdir(),
        lambda: path.write_bytes(b""),
        lambda: path.write_bytes(struct.pack("<Q", 2**62) + content[8:]),
        lambda: (path.write_bytes(content), os.truncate(path, 10 * 2**30)),
        lambda: path.write_bytes(content[:-4]),
    ):
        make()
        with pytest.raises(ModelError, match="train without resume"):
            resumed(path)
        path.rmdir() if path.is_dir() else path.unlink()


def test_18_json_has_one_meaning() -> None:
    from textrnn.system.strict_json import parse_json

    assert parse_json(b'{"a": [1, 2.5, null, true, "\\ud800"]}') == {
        "a": [1, 2.5, None, True, "\ud800"]
    }
    for value in VALUES:
        if isinstance(value, Raw) and value.json[:2] != "-9":
            with pytest.raises(ValueError):
                parse_json(dumped(value).encode())
