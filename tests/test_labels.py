"""Labels are one kind, whatever the format they were read from and however they are spelled."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from textrnn import TextRNNClassifier
from textrnn.cli.app import app
from textrnn.corpora import Split, load_corpus, load_labelled, read_split
from textrnn.corpora.hub import HubAddress, _write_splits
from textrnn.corpora.labels import meaning, one_spelling, spelled_as
from textrnn.errors import DataError

BOOLEANS = Path(__file__).parent / "reference/models_0_1_0/named_like_booleans"

# ----------------------------------------------------------------------- the rule


@pytest.mark.parametrize(
    ("labels", "spelled"),
    [
        (["true", "True", "TRUE", "false"], ["true", "true", "true", "false"]),
        (["True", "mostly-true", "False"], ["true", "mostly-true", "false"]),
        (["1.0", "0.0"], ["1", "0"]),
        (["1", "1.0", "2.0", "-3.0"], ["1", "1", "2", "-3"]),
        (["0.5", "1.0"], ["0.5", "1.0"]),
        (["0.5", "1"], ["0.5", "1"]),
        (["0.5", "1", "1.0"], ["0.5", "1.0", "1.0"]),
        (["1.0", "other"], ["1.0", "other"]),
        (["1", "1.0", "other"], ["1.0", "1.0", "other"]),
        (["true", "1", "1.0"], ["true", "1.0", "1.0"]),  # booleans are no numbers
        (["-0", "0", "-0.0", "0.0", "5"], ["0", "0", "0", "0", "5"]),
        (["-0.0", "0.5"], ["0.0", "0.5"]),
        (["1e+16", "10000000000000000", "2.5e+1"], ["10000000000000000"] * 2 + ["25"]),
        (["1e-05", "1"], ["1e-05", "1"]),
        # Words: codes and versions are spelled like that.
        (["007", "7", "7.0"], ["007", "7.0", "7.0"]),
        (["1.10", "1.1"], ["1.10", "1.1"]),
        (["+1", "1", "1e3", "1000", "1_000", "１", ".5", "1."], None),
        (["nan", "NaN", "inf", "-inf", "Infinity", "None", "null"], None),
        (["yes", "Yes", "YES", "t", "on"], None),
        (["9007199254740993", "9007199254740992"], None),
        (["123456789012345678901234567890", "123456789012345678901234567891"], None),
    ],
)
def test_the_rule(labels: list[str], spelled: list[str] | None) -> None:
    found = one_spelling(labels)
    assert [found[label] for label in labels] == (spelled or labels)


LABEL = st.one_of(
    st.sampled_from(["true", "True", "TRUE", "false", "False", "other", "007", "+1", "1e3", "-0"]),
    st.integers().map(str),
    st.integers(-3, 3).map(str),
    st.integers(-3, 3).map(lambda n: f"{n}.0"),
    st.floats(allow_nan=False).map(str),
    st.text(max_size=4),
)
LABELS = st.lists(LABEL, max_size=8)


@settings(deadline=None)
@given(LABELS)
def test_one_spelling_is_one_meaning(labels: list[str]) -> None:
    found = one_spelling(labels)
    assert set(found) == set(labels)
    assert {meaning(a) == meaning(b) for a in labels for b in labels if found[a] == found[b]} <= {
        True
    }
    assert len(set(found.values())) == len({meaning(label) for label in labels})
    for label, spelled in found.items():
        assert meaning(spelled) == meaning(label)
    assert one_spelling(found.values()) == {label: label for label in found.values()}


@settings(deadline=None)
@given(LABELS, st.randoms())
def test_spelling_does_not_depend_on_the_order(labels: list[str], random: Any) -> None:
    shuffled = random.sample(labels, len(labels))
    assert one_spelling(shuffled) == one_spelling(labels)


@settings(deadline=None)
@given(LABELS, LABELS)
def test_a_models_classes_are_found_by_what_they_mean(
    labels: list[str], classes: list[str]
) -> None:
    found = spelled_as(labels, classes)
    for label, spelled in found.items():
        assert meaning(spelled) == meaning(label)
        assert (label in classes) <= (spelled == label)
        same = {name for name in classes if meaning(name) == meaning(label)}
        if len(same) == 1:
            assert {spelled} == same


@settings(deadline=None)
@given(st.lists(st.integers(-(10**20), 10**20), min_size=1))
def test_whole_numbers_are_spelled_as_such(numbers: list[int]) -> None:
    for way in ("{}", "{}.0"):
        found = one_spelling([way.format(n) for n in numbers])
        assert set(found.values()) == {str(n) for n in numbers}


@settings(deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_is_what_python_writes(number: float) -> None:
    assert meaning(str(number)) == Decimal(str(number))


# ------------------------------------------------------------------- every format


def as_csv(path: Path, labels: list[Any], separator: str = ",") -> Path:
    """As pandas writes them: True, 1.0."""
    rows = [f"text {i}{separator}{label}" for i, label in enumerate(labels)]
    path.write_text("\n".join([f"text{separator}label", *rows]) + "\n", encoding="utf-8")
    return path


def as_jsonl(path: Path, labels: list[Any]) -> Path:
    rows = [json.dumps({"text": f"text {i}", "label": label}) for i, label in enumerate(labels)]
    path.write_text("\n".join(rows), encoding="utf-8")
    return path


def as_parquet(path: Path, labels: list[Any], kind: Any = None) -> Path:
    texts = [f"text {i}" for i in range(len(labels))]
    table = pyarrow.table({"text": texts, "label": pyarrow.array(labels, kind)})
    pyarrow.parquet.write_table(table, path)
    return path


def as_folders(path: Path, labels: list[Any]) -> Path:
    for i, label in enumerate(labels):
        (path / str(label)).mkdir(parents=True, exist_ok=True)
        (path / str(label) / f"{i}.txt").write_text(f"text {i}", encoding="utf-8")
    return path


FORMATS: dict[str, Callable[[Path, list[Any]], Path]] = {
    "csv": lambda folder, labels: as_csv(folder / "a.csv", labels),
    "tsv": lambda folder, labels: as_csv(folder / "a.tsv", labels, "\t"),
    "jsonl": lambda folder, labels: as_jsonl(folder / "a.jsonl", labels),
    "jsonl of strings": lambda folder, labels: as_jsonl(folder / "b.jsonl", [*map(str, labels)]),
    "parquet": lambda folder, labels: as_parquet(folder / "a.parquet", labels),
    "folders": lambda folder, labels: as_folders(folder / "classes", labels),
}


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        ([True, False], ["false", "true"]),
        ([1, 0], ["0", "1"]),
        ([1.0, 0.0], ["0", "1"]),
        ([0.5, 1.0], ["0.5", "1.0"]),
        ([2**60 + 1, 2**60], [str(2**60), str(2**60 + 1)]),
        ([1e16, 1.0], ["1", "10000000000000000"]),
        ([1e-7, 0.1], ["0.1", "1e-07"]),
        ([-1.0, -0.0], ["-1", "0"]),
    ],
)
@pytest.mark.parametrize("form", FORMATS)
def test_a_label_is_the_same_in_every_format(
    form: str, labels: list[Any], classes: list[str], tmp_path: Path
) -> None:
    assert read_split(FORMATS[form](tmp_path, labels * 10)).classes == classes


def test_a_number_of_single_precision_is_as_short_as_in_other_formats(tmp_path: Path) -> None:
    for kind in (pyarrow.float32(), pyarrow.float16()):
        values = np.array([0.1, 2.5], np.float32 if kind == pyarrow.float32() else np.float16)
        path = as_parquet(tmp_path / "a.parquet", list(values), kind)
        assert read_split(path).classes == ["0.1", "2.5"]
    gap = as_parquet(tmp_path / "gap.parquet", [1.0, None], pyarrow.float32())
    with pytest.raises(DataError, match="row 2: the label in 'label' is empty"):
        read_split(gap)


def test_labels_of_the_hub_are_the_same(tmp_path: Path) -> None:
    from datasets import Dataset, Features, Value

    found: list[Any] = []
    for kind, values in (
        ("float32", [0.1, 2.0]), ("float64", [0.1, 2.0]), ("string", ["0.1", "2.0"]),
        ("bool", [True, False]), ("string", ["True", "FALSE"]),
        ("int8", [1, 0]), ("float16", [1.0, 0.0]),
    ):  # fmt: skip
        features = Features({"text": Value("string"), "label": Value(kind)})
        data = Dataset.from_dict({"text": ["a", "b"], "label": values}, features=features)
        folder = tmp_path / str(len(found))
        folder.mkdir()
        _write_splits({"train": data}, HubAddress("owner/name"), folder)
        found.append(read_split(folder / "train.csv").classes)
    assert found == [["0.1", "2.0"]] * 3 + [["false", "true"]] * 2 + [["0", "1"]] * 2


@pytest.mark.parametrize(
    ("train", "test", "classes"),
    [
        ([1, 0], [1.0, 0.0], ["0", "1"]),
        ([1.0, 0.0], [1, 0], ["0", "1"]),
        ([1.0, 0.5, 0.0], [1, 0], ["0.0", "0.5", "1.0"]),
        ([1, 0.5, 0], ["1.0", "0.0"], ["0.0", "0.5", "1.0"]),
        (["True", "FALSE"], [True, False], ["false", "true"]),
        (["True", "maybe"], [True], ["maybe", "true"]),
    ],
)
def test_all_splits_decide_together(
    train: list[Any], test: list[Any], classes: list[str], tmp_path: Path
) -> None:
    as_csv(tmp_path / "train.csv", train * 9)
    as_jsonl(tmp_path / "test.jsonl", test * 3)
    corpora = [load_corpus(tmp_path)]
    path = as_jsonl(tmp_path / "other.jsonl", test * 3)
    alone = as_csv(tmp_path / "alone.csv", train * 9)
    corpora.append(load_corpus(alone, test=path))
    for corpus in corpora:
        assert corpus.train.classes == classes
        assert corpus.test is not None
        assert set(corpus.test.classes) <= set(classes)


def test_what_another_test_file_replaces_decides_nothing(tmp_path: Path) -> None:
    as_csv(tmp_path / "train.csv", [1.0, 0.0] * 9)
    as_csv(tmp_path / "test.csv", [0.5, 0.0])
    other = as_csv(tmp_path / "other.csv", [1.0, 0.0])
    assert load_corpus(tmp_path, test=other).train.classes == ["0", "1"]


def test_two_spellings_are_one_class_and_told(tmp_path: Path) -> None:
    path = as_csv(tmp_path / "a.csv", ["True", "true", "False"] * 9)
    corpus = load_corpus(path)
    assert corpus.train.classes == ["false", "true"]
    assert "the labels 'True', 'true' are one: 'true'" in corpus.notes
    only = as_csv(tmp_path / "only.csv", ["True", "true"] * 9)
    with pytest.raises(DataError, match="only one class, 'true'"):
        load_corpus(only)


def test_labels_between_separators(tmp_path: Path) -> None:
    cells = ["True|1.0", "false|2", "1|TRUE|x", "", "x| 2.0"] * 4
    corpus = load_corpus(as_csv(tmp_path / "a.csv", cells), label_separator="|")
    assert corpus.train.classes == ["1.0", "2.0", "false", "true", "x"]
    lists = [[True, 1.0], [False, 2], [1, True, "x"], [], ["x", 2.0]] * 4
    same = load_corpus(as_jsonl(tmp_path / "a.jsonl", lists), label_separator="|")
    assert same.train.label_sets == corpus.train.label_sets
    untouched = Split(["a"], ["b | c"], "|")
    assert untouched.respelled({"b": "b", "c": "c", "d": "e"}) == untouched


def test_missing_labels_stay_errors(tmp_path: Path) -> None:
    for value in (None, "", " ", float("nan")):
        with pytest.raises(DataError, match="label in 'label' is empty"):
            read_split(as_jsonl(tmp_path / "a.jsonl", ["x", value]))


# ---------------------------------------------------------- a model and other files


@pytest.mark.parametrize(
    ("classes", "labels"),
    [
        (["False", "True"], [True, False]),
        (["False", "True"], ["TRUE", "false"]),
        (["0", "1"], [1.0, 0.0]),
        (["0.5", "1.0"], [1, 0.5]),
        (["0.0", "1.0"], [1, 0]),
        (["1", "1.0"], ["1", "1.0"]),  # of a model of old that took them for two
    ],
)
def test_a_file_is_read_with_a_models_classes(
    classes: list[str], labels: list[Any], tmp_path: Path
) -> None:
    path = as_jsonl(tmp_path / "a.jsonl", labels * 5)
    assert load_labelled(path, classes=classes).rows.classes == classes
    corpus = load_labelled(shutil.copy(path, tmp_path / "train.jsonl"), classes=classes)
    assert set(corpus.rows.classes) <= set(classes)


def run(*arguments: str) -> Any:
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    return result


def test_a_model_of_0_1_0_keeps_the_names_it_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    predicted = run("predict", "-m", str(BOOLEANS), "--json", "-q", "--", "a fine film").stdout
    assert set(json.loads(predicted)["probabilities"]) == {"False", "True"}
    reports = []
    for path in (
        as_jsonl(tmp_path / "a.jsonl", [True, False] * 5),
        as_csv(tmp_path / "a.csv", ["True", "False"] * 5),
        as_csv(tmp_path / "b.csv", ["true", "FALSE"] * 5),
        as_parquet(tmp_path / "a.parquet", [True, False] * 5),
    ):
        reports.append(json.loads(run("evaluate", str(BOOLEANS), str(path), "--json").stdout))
        reports[-1].pop("corpus")
    assert reports == reports[:1] * 4
    assert [one["label"] for one in reports[0]["per_class"]] == ["False", "True"]


@pytest.mark.parametrize(
    "y",
    [
        [True, False],
        np.array([True, False]),
        [3, -1],
        np.array([3, -1], np.int8),
        [2.0, 1.0],
        np.array([2.0, 1.0], np.float32),
        ["1", "1.0"],
        ["True", "true"],
    ],
    ids=str,
)
def test_the_library_keeps_the_types_of_y(y: Any, tmp_path: Path) -> None:
    texts = ["good film", "bad play"] * 10
    labels: Any = np.array(list(y) * 10, dtype=y.dtype) if isinstance(y, np.ndarray) else y * 10
    model = TextRNNClassifier(
        hidden_size=2, embedding_dim=2, max_iter=1, ngrams="none", early_stopping=False
    )
    model.fit(texts, labels)
    assert model.classes_.dtype == np.asarray(labels).dtype
    assert model.classes_.tolist() == np.unique(labels).tolist()
    model.save(tmp_path / "m")
    back = TextRNNClassifier.load(tmp_path / "m")
    assert back.classes_.dtype.kind == model.classes_.dtype.kind
    assert back.classes_.tolist() == model.classes_.tolist()
    found = back.predict(texts)
    assert found.tolist() == model.predict(texts).tolist()
    if back.classes_.dtype.kind != "U":  # the file has another spelling
        path = as_jsonl(tmp_path / "a.jsonl", np.asarray(labels).tolist())
        rows = load_labelled(path, classes=[str(c) for c in back.model_.classes]).rows
        assert set(rows.labels) == {str(c) for c in back.model_.classes}
