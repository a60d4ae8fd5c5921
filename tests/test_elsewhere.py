"""Systems that lack what Linux has: spawning alone, no POSIX calls."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ELSEWHERE = Path(__file__).parent / "elsewhere"
SEEN = """
import multiprocessing, os, resource, types
body = '''
import os, signal
assert not hasattr(os, "getuid") and not hasattr(signal, "SIGKILL")
try:
    import fcntl
except ImportError:
    refused = True
'''
product = types.ModuleType("textrnn.probe")
exec(body, vars(product))
assert product.refused
assert os.getuid() >= 0  # others still see it
assert multiprocessing.get_all_start_methods() == ["spawn"]
try:
    os.fork()
except AttributeError as error:
    print("no fork:", error)
"""
TRAIN = """
from textrnn import TextRNNClassifier

if __name__ == "__main__":
    texts = ["what a fine film", "what a dull film", "fine acting", "dull acting"] * 10
    labels = ["good", "bad"] * 20
    classifier = TextRNNClassifier(hidden_size=4, max_iter=2, n_jobs=2, random_state=0)
    classifier.fit(texts, labels).save("m")
    print(*TextRNNClassifier.load("m").predict(texts[:2]))
"""


def elsewhere(*arguments: str, cwd: Path) -> str:
    """Run Python where processes can only be spawned and POSIX is hidden; return its stdout."""
    env = {**os.environ, "PYTHONPATH": str(ELSEWHERE), "TEXTRNN_ELSEWHERE": "spawn,posix"}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=cwd, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_what_is_hidden_is_hidden_from_us_alone(tmp_path: Path) -> None:
    assert "no fork" in elsewhere("-c", SEEN, cwd=tmp_path)


def test_training_in_two_processes_saving_and_predicting(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(TRAIN, encoding="utf-8")
    assert elsewhere("train.py", cwd=tmp_path) == "good bad\n"
    told = elsewhere("-m", "textrnn", "predict", "fine acting", "--model", "m", cwd=tmp_path)
    assert "good" in told
