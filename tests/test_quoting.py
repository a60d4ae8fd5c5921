"""What users wrote stands in messages as they wrote it, quoted in one way."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from textrnn import errors
from textrnn.cli.app import app
from textrnn.cli.run import LONGEST, short
from textrnn.system.strict_json import shown
from textrnn.wording.quoting import PATH, QUOTED, listed, quoted

PACKAGE = Path(__file__).parents[1] / "textrnn"
FILES = sorted(PACKAGE.rglob("*.py"))
IDS = [str(file.relative_to(PACKAGE)) for file in FILES]
MANY = 10**5000
BY_PYTHON = {
    ("__init__.py", "__name__"),  # what Python itself says of a missing attribute
    ("__init__.py", "name"),
    ("inference/fitted_baselines.py", "classifier"),  # an assertion
}
"""Values that may be written otherwise."""
OF_USERS = {
    *("path", "folder", "directory", "file", "out", "source", "given", "temporary", "target"),
    *("label", "word", "column", "value", "text", "tokens", "corpus.name", "corpus.source"),
    *("folder.parent", "path.name", "contest.out", "self.path", "address", "experiment.out"),
}
"""Names of values that come from users."""
OWN = {
    ("storage/prune.py", "value"),  # whole numbers
    ("cli/shrink.py", "value"),
    ("cli/shrink.py", "out"),  # in a table, which makes its cells harmless
    ("cli/shrink.py", "folder"),
    ("corpora/sources.py", "folder"),  # in what is quoted as a whole
    ("cli/train_checks.py", "value"),
    ("corpora/hub.py", "text"),  # of another library
    ("estimator/inputs.py", "column"),  # its number
}


def shown_in(tree: ast.AST) -> set[str]:
    """Values that f-strings of several words show as they are."""
    return {
        ast.unparse(part.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.JoinedStr) and " " in "".join(map(constant, node.values))
        for part in node.values
        if isinstance(part, ast.FormattedValue) and part.format_spec is None
    }


def constant(part: ast.expr) -> str:
    """The text between values."""
    return str(part.value) if isinstance(part, ast.Constant) else ""


@pytest.mark.parametrize("file", FILES, ids=IDS)
def test_12_there_is_one_way_to_quote(file: Path) -> None:
    name = str(file.relative_to(PACKAGE))
    tree = ast.parse(file.read_text(encoding="utf-8"))
    by_python = [
        ast.unparse(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.FormattedValue) and node.conversion in (ord("r"), ord("a"))
    ]
    assert not {(name, value) for value in by_python} - BY_PYTHON
    assert name == "wording/quoting.py" or "reprlib" not in {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    assert not {(name, value) for value in shown_in(tree) & OF_USERS} - OWN


def test_12_the_scan_finds_what_is_not_quoted() -> None:
    source = 'raise DataError(f"{path} is {len(path)} long")\ntold = f"in {out}"\nx = f"{folder}"'
    assert shown_in(ast.parse(source)) == {"path", "len(path)", "out"}


@pytest.mark.parametrize("file", FILES, ids=IDS)
def test_12_the_command_line_prints_only_what_is_harmless(file: Path) -> None:
    printed = {
        ast.unparse(node)
        for function in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(function, ast.FunctionDef)
        and (file.name, function.name) not in HARMLESS_PRINTERS
        for node in ast.walk(function)
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("print", "typer.echo")
    }
    assert not printed


HARMLESS_PRINTERS = {
    *(("output.py", f"print_{what}") for what in ("json", "line", "table", "entries")),
    ("options.py", "say"),
    ("app.py", "_print_version"),
    ("setting_options.py", "_show_all"),
}
"""Functions that print what they have made harmless, or what is the package's own."""


@pytest.mark.parametrize("value", [MANY, -MANY, [MANY], {"a": (MANY,)}], ids=range(4))
def test_12_any_number_can_be_shown(value: object) -> None:
    assert "digits" in quoted(value)
    assert len(quoted(value)) < 2 * QUOTED
    assert "digits" in shown(value)


def test_12_small_numbers_are_shown_as_they_are() -> None:
    assert quoted(10**40) == "1" + "0" * 40
    assert quoted([1, "a", None]) == "[1, 'a', None]"


@given(st.text(max_size=QUOTED))
def test_12_a_path_is_quoted_as_its_text(text: str) -> None:
    assert quoted(Path("a") / "b  c") == repr(str(Path("a") / "b  c"))
    assert quoted(text) == repr(text) == quoted(np.str_(text))


def test_12_a_long_path_is_not_cut() -> None:
    path = Path("/" + "/".join(["folder"] * 50))
    assert len(str(path)) > QUOTED
    assert quoted(path) == repr(str(path))
    assert len(quoted(Path("x" * 10 * PATH))) < 2 * PATH


def test_12_an_array_is_quoted_on_one_line() -> None:
    assert "\n" not in quoted(np.zeros((4, 4)))


def test_12_names_in_a_list_are_quoted() -> None:
    assert listed(["a", "b\x1b"]) == "'a', 'b\\x1b'"
    assert listed(range(30), 2) == "0, 1, ..."
    assert listed(["x" * 99], each=9) == "'xx...xx'"


def test_what_an_error_says_has_one_form() -> None:
    assert errors.reason(FileNotFoundError(2, "No such file", "a")) == "No such file"
    assert errors.reason(ValueError("it is odd.")) == "it is odd"
    assert errors.reason(KeyboardInterrupt()) == "KeyboardInterrupt"


@pytest.mark.parametrize("name", ["a  b.csv", "a   b   c.csv", " a.csv", "a\u3000\u3000b.csv"])
def test_12_a_path_is_told_with_all_its_spaces(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    told = CliRunner().invoke(app, ["train", name]).stderr
    assert f"there is no file {quoted(name)} in {quoted(tmp_path)}" in told


def test_12_a_message_loses_its_own_line_ends_alone() -> None:
    assert short("one \n   two\n\n three  four\n") == "one two three  four"
    assert len(short("x " * LONGEST)) <= LONGEST + len(" ...")


@pytest.mark.skipif(sys.platform == "win32", reason="such names cannot be given there")
def test_12_warnings_beside_a_score_are_harmless(capsys: pytest.CaptureFixture[str]) -> None:
    from textrnn.cli.output import print_warnings
    from textrnn.storage.card import model_card
    from textrnn.storage.loading import load_model
    from textrnn.storage.report import RunReport

    name = "e\x1b[31m<b>x</b>.csv"
    report = {"warnings": [f"trained on {name}"]}
    print_warnings(report["warnings"])
    assert capsys.readouterr().out == "Warning: trained on e [31m<b>x</b>.csv.\n"
    test = {"accuracy": 1.0, "accuracy_interval": [0.9, 1.0], "macro_f1": 1.0, "log_loss": 0.1}
    of = {"corpus": "c", "test": {**test, "n": 9}, **report}
    model = load_model(PACKAGE.parent / "models" / "sentiment-en")
    card = model_card(model, RunReport.from_dict(of))
    (line,) = (line for line in card.splitlines() if line.startswith("**Warning:**"))
    assert "\x1b" not in line
    assert "<" not in line
