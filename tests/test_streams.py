"""What a shell does to the streams changes no exit code but that of results nobody can have."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import pytest

from textrnn import TextRNNClassifier

pytestmark = pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
TINY = "--hidden 4 --embedding-dim 4 --epochs 1 --no-baselines --jobs 1"
COMMANDS = {
    "predict warm -m m": 0,
    "evaluate m c.csv": 0,
    "evaluate m wrong.csv --min-accuracy 1": 1,
    "evaluate m c.csv --min-accuracy 7": 2,
    "evaluate m none.csv": 3,
    "evaluate none c.csv": 4,
    "models": 0,
    "predict --help": 0,
    "--nonsense": 2,
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, reviews_here: tuple[list[str], ...]) -> Path:
    """A model, texts that it knows, and some whose labels are wrong."""
    home = tmp_path_factory.mktemp("home")
    texts, labels = reviews_here
    tiny = TextRNNClassifier(max_iter=1, hidden_size=4, embedding_dim=4, random_state=0)
    tiny.fit(texts, labels).save(home / "models" / "m")
    wrong = [labels[1], *labels[1:], "bad", "good"]
    for name, column in (("c.csv", labels), ("wrong.csv", wrong)):
        with (home / name).open("w", encoding="utf-8", newline="") as file:
            rows = zip([*texts, "nobody", "nobody"], column, strict=False)
            csv.writer(file).writerows([("text", "label"), *rows])
    return home


@pytest.fixture(scope="module")
def reviews_here() -> tuple[list[str], list[str]]:
    """Texts of two kinds."""
    places = [f"the {place}" for place in ("inn", "farm", "hotel", "hostel", "lodge", "camp")]
    texts = [f"{place} was {how}" for place in places for how in ("warm", "cold", "kind", "rude")]
    return texts, ["good", "bad"] * (len(texts) // 2)


def shell(home: Path, line: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            "bash",
            "-o",
            "pipefail",
            "-c",
            line.replace("textrnn", f"{sys.executable} -m textrnn", 1),
        ],
        cwd=home,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_13_an_unwritable_stderr_changes_no_code(home: Path, command: str) -> None:
    for stderr in ("2>&-", "2>/dev/full"):
        done = shell(home, f"textrnn {command} {stderr}")
        assert (done.returncode, done.stderr) == (COMMANDS[command], ""), stderr


def test_13_nor_does_one_that_closes_while_progress_is_told(home: Path) -> None:
    for stderr in ("2>&-", "2>/dev/full", "2> >(head -c 1 >/dev/null)"):
        done = shell(home, f"textrnn train c.csv --out models/new {TINY} {stderr}")
        assert (done.returncode, done.stderr) == (0, ""), stderr
        assert "accuracy" in done.stdout


@pytest.mark.parametrize("command", [c for c, code in COMMANDS.items() if code < 2])
def test_13_results_that_cannot_be_written_are_an_error(home: Path, command: str) -> None:
    for stdout, reason in ((">/dev/full", "No space left on device"), (">&-", "it is closed")):
        done = shell(home, f"textrnn {command} {stdout}")
        assert done.returncode == 3
        told = f"textrnn: cannot write the results to standard output: {reason}"
        assert done.stderr.splitlines()[-1] == told
        assert shell(home, f"textrnn {command} {stdout} 2>/dev/full").returncode == 3


@pytest.mark.parametrize(
    ("command", "code"),
    [(c, code) for c, code in COMMANDS.items() if code < 2] + [("train --help", 0)],
)
def test_13_a_reader_who_goes_changes_no_code(home: Path, command: str, code: int) -> None:
    done = shell(home, f"textrnn {command} | true")
    assert done.returncode == code
    assert "Error" not in done.stderr
    assert "Traceback" not in done.stderr
