"""Prediction starts at once: it imports nothing heavy."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

import pytest

from tests.model_mutations import save_structure
from textrnn import TextRNNClassifier

HEAVY = (
    *("sklearn", "scipy", "gensim", "datasets", "pandas", "pyarrow", "rich", "huggingface_hub"),
    *("safetensors", "multiprocessing"),
)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of ordinary size: 20,000 words, 100 dimensions."""
    folder = tmp_path_factory.mktemp("models") / "m"
    words = [f"w{i}" for i in range(20_000)]
    texts = [" ".join(words[i : i + 50]) for i in range(0, 20_000, 50)]
    labels = ["a", "b"] * (len(texts) // 2)
    TextRNNClassifier(max_iter=1, random_state=0).fit(texts, labels).save(folder)
    return folder


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # or textrnn alone is compiled each time
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, check=True, env=environment
    )


@pytest.mark.parametrize("through", ["argument", "file", "stdin"])
def test_predict_imports_nothing_heavy(saved: Path, tmp_path: Path, through: str) -> None:
    file = tmp_path / "texts.csv"
    file.write_text("text\nw1 w2\n")
    arguments = {
        "argument": ["w1 w2"],
        "file": ["--file", str(file)],
        "stdin": ["-"],
    }[through]
    found = starts_at_once("predict", "--model", str(saved), "--json", *arguments)
    assert '"label"' in found


def starts_at_once(*arguments: str) -> str:
    """Run a command that must import nothing heavy; what it says."""
    code = (
        "import sys\n"
        f"sys.argv = ['textrnn', *{arguments!r}]\n"
        "from textrnn.cli import main\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code\n"
        f"heavy = [name for name in {HEAVY!r} if name in sys.modules]\n"
        "assert not heavy, heavy\n"
        "import gc\n"
        "looks = [generation['collections'] for generation in gc.get_stats()]\n"
        "assert sum(looks) <= 30, looks\n"  # 70 if they are not put off
    )
    found = subprocess.run(
        [sys.executable, "-c", code], input="w1 w2\n", capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stderr
    return found.stdout


@pytest.mark.parametrize(
    ("key", "command", "told"),
    [
        ("language_model", ("lm", "score"), "log_probability"),
        ("markov", ("lm", "score"), "log_probability"),
        ("tagger", ("tag", "predict"), "tags"),
        ("transducer", ("transduce", "predict"), "target"),
    ],
)
def test_other_structures_import_nothing_heavy(
    key: str, command: tuple[str, str], told: str, tmp_path: Path
) -> None:
    save_structure(key, tmp_path / "m")
    found = starts_at_once(*command, "--model", str(tmp_path / "m"), "--json", "a warm day")
    assert f'"{told}"' in found


def test_cold_start_of_predict(saved: Path) -> None:
    ratios = []
    for _ in range(7):
        start = time.perf_counter()
        run("-c", "import numpy, typer")
        middle = time.perf_counter()
        run("-m", "textrnn", "predict", "w1 w2 w3", "--model", str(saved))
        ratios.append((time.perf_counter() - middle) / (middle - start))
    assert median(ratios) <= 1.7, ratios  # 1.3 on a machine at rest
