"""Importing the package, or any part of it, changes nothing in the process of whoever does it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "textrnn"
MODULES = sorted(
    ".".join(file.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")
    for file in PACKAGE.rglob("*.py")
    if file.stem != "__main__"
)
OTHERS = ("numpy", "scipy.sparse", "sklearn.linear_model", "sklearn.pipeline", "gensim", "typer")
"""Packages of others change what they like; they are imported before one looks."""

LOOK = f"""
import gc, importlib, json, locale, logging, os, random, signal, socket, sys, threading, warnings

for name in {OTHERS!r}:
    importlib.import_module(name)
import numpy as np

def looked():
    return {{
        "environment": dict(os.environ),
        "garbage": [gc.get_threshold(), gc.isenabled(), gc.get_freeze_count()],
        "warnings": [list(map(str, warnings.filters)), str(warnings.showwarning)],
        "signals": [str(signal.getsignal(number)) for number in signal.valid_signals()],
        "locale": locale.setlocale(locale.LC_ALL),
        "random": [str(random.getstate()), str(np.random.get_state())],
        "errors of NumPy": [np.geterr(), np.get_printoptions()],
        "hooks": [str(sys.excepthook), str(sys.unraisablehook), str(threading.excepthook)],
        "streams": [str(sys.stdin), str(sys.stdout), str(sys.stderr)],
        "limits": [sys.getrecursionlimit(), socket.getdefaulttimeout(), sys.getswitchinterval()],
        "logging": [logging.root.level, str(logging.root.handlers)],
        "path": [sys.path[:], os.getcwd()],
        "threads": threading.active_count(),
    }}

changed = {{}}
for name in sys.argv[1:]:
    before = looked()
    importlib.import_module(name)
    after = looked()
    what = [key for key in before if before[key] != after[key]]
    if what:
        changed[name] = what
print(json.dumps(changed))
"""


def test_importing_any_module_changes_nothing() -> None:
    assert len(MODULES) > 100
    found = subprocess.run(
        [sys.executable, "-c", LOOK, *MODULES], capture_output=True, text=True, check=True
    )
    assert json.loads(found.stdout) == {}
    assert found.stderr == ""


def test_a_change_would_be_seen(tmp_path: Path) -> None:
    faults = {
        "environment": "import os; os.environ['OMP_NUM_THREADS'] = '17'",
        "garbage": "import gc; gc.set_threshold(50_001)",
        "signals": "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)",
        "random": "import numpy; numpy.random.seed(3)",
        "warnings": "import warnings; warnings.simplefilter('ignore')",
    }
    for name, fault in faults.items():
        (tmp_path / f"faulty_{name}.py").write_text(fault)
    found = subprocess.run(
        [sys.executable, "-c", LOOK, *(f"faulty_{name}" for name in faults)],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(tmp_path), "LC_ALL": "C"},
    )
    assert json.loads(found.stdout) == {f"faulty_{name}": [name] for name in faults}
