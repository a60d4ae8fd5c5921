"""The hub as the client library really speaks to it, served on loopback."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.hub_server import HubServer, Repo
from textrnn.corpora import load_corpus
from textrnn.corpora.hub import parse_address
from textrnn.corpora.registry import ENTRIES
from textrnn.errors import CorpusNotFoundError, UsageError

OLD, NEW = "a" * 40, "b" * 40
ROOT = Path(__file__).resolve().parents[1]
ROWS: dict[str, list[Any]] = {
    "text": ["what a song", "what a bore", "lovely", "dreadful"],
    "label": [1, 0, 1, 0],
}
CSV = b"text,label\nfine day,sun\nwet day,rain\nhot day,sun\ngrey day,rain\nmild day,sun\n"
RUN = """
import json, sys
from textrnn.corpora import load_corpus
from textrnn.errors import TextRNNError
answers = []
for name, options in json.loads(sys.argv[1]):
    try:
        corpus = load_corpus(name, **options)
    except TextRNNError as error:
        answers.append({"error": type(error).__name__, "message": str(error)})
        continue
    splits = {
        split: list(zip(data.texts, data.labels))
        for split in ("train", "validation", "test")
        if (data := getattr(corpus, split)) is not None
    }
    answers.append(
        {**splits, "unlabelled": corpus.unlabelled, "source": corpus.source, "notes": corpus.notes}
    )
print("ANSWERS" + json.dumps(answers))
"""


def parquet(rows: dict[str, list[Any]], names: list[str] | None = None) -> bytes:
    """Write rows as the hub keeps them, with class names when given."""
    import datasets

    data = datasets.Dataset.from_dict(rows)
    if names:
        data = data.cast_column("label", datasets.ClassLabel(names=names))
    out = io.BytesIO()
    data.to_parquet(out)
    return out.getvalue()


@pytest.fixture(scope="module")
def repos() -> dict[str, Repo]:
    named = parquet(ROWS, ["neg", "pos"])
    hidden = parquet({"text": ["who knows", "nobody"], "label": [-1, -1]}, ["neg", "pos"])
    imdb = {
        "plain_text/train-00000-of-00001.parquet": named,
        "plain_text/test-00000-of-00001.parquet": named,
        "plain_text/unsupervised-00000-of-00001.parquet": parquet(
            {"text": ["lovely", "never rated"], "label": [-1, -1]}, ["neg", "pos"]
        ),
        "README.md": b"---\nconfigs:\n- config_name: plain_text\n  data_files:\n"
        b"  - split: train\n    path: plain_text/train-*\n"
        b"  - split: test\n    path: plain_text/test-*\n"
        b"  - split: unsupervised\n    path: plain_text/unsupervised-*\n---\n",
    }
    trec_row = {"text": "who sang it ?", "label": 3, "label_coarse_original": "HUM"}
    other = {"text": "when was it ?", "label": 4, "label_coarse_original": "NUM"}
    lines = "".join(json.dumps(row) + "\n" for row in (trec_row, other)).encode()
    trec = {
        "train.jsonl": lines,
        "test.jsonl": lines,
        "train_5500.label": b"HUM:ind who sang it ?\n",
        "prepare.py": b"print('no script is run')\n",
    }
    assert ENTRIES["imdb"].revision is not None
    two = b"---\nconfigs:\n- config_name: day\n  data_files: day.csv\n"
    two += b"- config_name: night\n  data_files: night.csv\n---\n"
    night = CSV.replace(b"day", b"night")
    return {
        "stanfordnlp/imdb": Repo({ENTRIES["imdb"].revision: imdb}),
        "SetFit/TREC-QC": Repo({NEW: trec}),
        "own/weather": Repo({OLD: {"train.csv": CSV.upper()}, NEW: {"train.csv": CSV}}),
        "own/named": Repo({NEW: {"train.parquet": named, "test.parquet": hidden}}),
        "own/two": Repo({NEW: {"README.md": two, "day.csv": CSV, "night.csv": night}}),
        "own/odd": Repo({NEW: {"train.csv": b"a,b,c\n1,2,3\n4,5,6\n"}}),
        "own/gated": Repo({NEW: {"train.csv": CSV}}, gated=True),
        "own/broken": Repo({NEW: {"train.csv": CSV}}, broken=True),
    }


@pytest.fixture(scope="module")
def hub(repos: dict[str, Repo]) -> Iterator[HubServer]:
    with HubServer(repos) as server:
        yield server


def ask(url: str, home: Path, *asked: tuple[str, dict[str, Any]], **env: str) -> list[Any]:
    """Load corpora in a fresh process, the hub's address being read at import."""
    clean = {
        key: value for key, value in os.environ.items() if not key.startswith(("HF_", "TEXTRNN"))
    }
    settings = {
        "HF_ENDPOINT": url,
        "HF_HOME": str(home / "hf"),
        "XDG_CACHE_HOME": str(home / "cache"),
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "PYTHONPATH": str(ROOT),
    }
    home.mkdir(exist_ok=True)
    done = subprocess.run(
        [sys.executable, "-c", RUN, json.dumps(asked)],
        env={**clean, **settings, **env},
        cwd=home,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answers: list[Any] = json.loads(done.stdout.split("ANSWERS")[1])
    return answers


def test_data_sets_of_the_hub(hub: HubServer, tmp_path: Path) -> None:
    asked: list[tuple[str, dict[str, Any]]] = [
        ("imdb", {"unlabelled": True}),
        ("trec", {}),
        ("hf:own/weather", {}),
        (f"hf:own/weather@{OLD}", {"text_column": "TEXT", "label_column": "LABEL"}),
        ("hf:own/named", {"test_fraction": 0.5}),
        ("hf:own/two:night", {}),
    ]
    imdb, trec, weather, older, named, night = first = ask(hub.url, tmp_path / "home", *asked)

    assert imdb["train"] == [
        [text, ["neg", "pos"][i]] for text, i in zip(*ROWS.values(), strict=True)
    ]
    assert imdb["unlabelled"] == ["never rated"]  # "lovely" is a test text
    assert imdb["source"].startswith(
        f"huggingface.co/datasets/stanfordnlp/imdb at {ENTRIES['imdb'].revision}"
    )
    assert trec["test"] == [["who sang it ?", "HUM"], ["when was it ?", "NUM"]]
    assert len(weather["train"]) + len(weather["test"]) == 5
    assert ["fine day", "sun"] in weather["train"] + weather["test"]
    assert NEW in weather["source"]
    assert ["FINE DAY", "SUN"] in older["train"] + older["test"]
    assert OLD in older["source"]
    assert {label for _, label in named["train"]} == {"neg", "pos"}
    assert any("hidden" in note for note in named["notes"])
    assert ["wet night", "rain"] in night["train"] + night["test"]

    asked_before = len(hub.requests)
    # Nothing listens there: what was fetched is read from the cache, HF's own being gone.
    again = ask("http://127.0.0.1:9", tmp_path / "home", *asked, HF_HOME=str(tmp_path / "none"))
    assert again == first
    assert len(hub.requests) == asked_before


def test_what_can_go_wrong_is_told_in_one_line(hub: HubServer, tmp_path: Path) -> None:
    start = time.monotonic()
    answers = ask(
        hub.url,
        tmp_path / "home",
        ("hf:own/missing", {}),
        (f"hf:own/weather@{'c' * 40}", {}),
        ("hf:own/gated", {}),
        ("hf:own/broken", {}),
        ("hf:own/odd", {}),
        ("hf:own/two", {}),
        ("hf:own/weather", {"text_column": "txt"}),
        ("mr", {}),
    )
    expected = [
        ("CorpusNotFoundError", "the hub has no data set 'own/missing'"),
        ("CorpusNotFoundError", "'own/weather' has no revision"),
        ("CorpusNotFoundError", "'own/gated' is gated"),
        ("CorpusNotFoundError", "answered 500"),
        ("DataError", "columns: 'a', 'b', 'c'"),
        ("DataError", "['day', 'night']"),
        ("DataError", "no column 'txt'"),
        ("CorpusNotFoundError", "rotten_tomatoes"),
    ]
    for answer, (kind, message) in zip(answers, expected, strict=True):
        assert answer["error"] == kind, answer
        assert message in answer["message"]
        assert "\n" not in answer["message"]
    assert time.monotonic() - start < 50
    assert not list((tmp_path / "home").rglob(".fetching-*"))


def test_no_hub_at_all(tmp_path: Path) -> None:
    start = time.monotonic()
    answer, other = ask("http://127.0.0.1:9", tmp_path / "h", ("imdb", {}), ("hf:own/weather", {}))
    for found in (answer, other):
        assert found["error"] == "CorpusNotFoundError"
        assert "cannot be reached" in found["message"]
    assert time.monotonic() - start < 30


@pytest.mark.parametrize("variable", ["TEXTRNN_OFFLINE", "HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE"])
@pytest.mark.parametrize("name", ["imdb", "hf:own/weather"])
def test_offline_asks_nobody(
    name: str, variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("TEXTRNN_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(variable, "1")
    monkeypatch.setattr("textrnn.corpora.sources.download", None)
    with pytest.raises(CorpusNotFoundError, match=r"switched off.*train\.csv"):
        load_corpus(name)
    monkeypatch.setenv(variable, "0")
    with pytest.raises(CorpusNotFoundError, match="switched off"):
        load_corpus(name, offline=True)


def test_addresses() -> None:
    address = parse_address("own/name:config@refs/convert/parquet")
    assert (address.hub_id, address.config) == ("own/name", "config")
    assert address.revision == "refs/convert/parquet"
    for wrong in ("name", "a/b/c", "own/", "own/na me"):
        with pytest.raises(UsageError, match="hf:owner/name"):
            parse_address(wrong)
