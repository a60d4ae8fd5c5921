"""Whatever a label, a path or a text holds, it is one harmless cell wherever it is shown."""

from __future__ import annotations

import json
import math
import os
import re
import subprocess
import sys
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from textrnn import TextRNNClassifier
from textrnn.cli import predict as command
from textrnn.cli.app import app
from textrnn.storage.card import model_card
from textrnn.storage.checkpoint_file import load_arrays, save_arrays
from textrnn.storage.report import RunReport
from textrnn.system.plain_json import json_line, to_json
from textrnn.wording.quoting import (
    QUOTED,
    in_json,
    in_markdown,
    list_item,
    one_line,
    quoted,
    shell_word,
)

VISIBLE_FORMATS = (
    "\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd"
)
JOINERS = "\u200c\u200d"
NASTY = (
    "\t",
    "\n",
    "\r",
    "\x0b",
    "\x0c",
    "\x1c",
    "\x85",
    "\u2028",
    "\u2029",
    "\x1b[31m",
    "\x1b]0;title\x07",
    "\x9b31m",
    "\x7f",
    "\0",
    "\u202e",
    "\u2066",
    "\u2069",
    "\u200f",
    "\u061c",
    "\u200b",
    "\u200d",
    "\ufeff",
    "\xad",
    "\U000e0041",
    "\ud800",
    "\udcff",
    "|",
    "<script>alert(1)</script>",
    "`",
    "```",
    "[a](http://b.c)",
    "![i](j)",
    "**b**",
    "_e_",
    "~~s~~",
    "[red]",
    "[/]",
    "[bold red on blue]",
    "\\",
    "https://a.b",
    "",
    " ",
    "Ａ",
    "שלום",
    "👩\u200d💻",
    "می\u200cخواهم",
)
ANYTHING = st.text(st.characters(), max_size=12) | st.lists(st.sampled_from(NASTY), max_size=4).map(
    "a".join
)


def is_harmless(text: str) -> bool:
    """Whether every character can be seen, or joins two that can."""
    odd = [c for c in text if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp")]
    return not set(odd) - set(VISIBLE_FORMATS) - set(JOINERS) and not re.search(
        f"[{JOINERS}](?![^\\x00-\\x7f])|(?<![^\\x00-\\x7f])[{JOINERS}]", text
    )


@given(ANYTHING)
@example("a\u200db")
@example("\U000e0041")
def test_12_a_cell_is_one_line_that_shows_all_of_it(text: str) -> None:
    cell = one_line(text)
    assert is_harmless(cell)
    assert cell.splitlines() in ([cell], [])
    cell.encode("utf-8")
    assert one_line(cell) == cell or set(text) & set(JOINERS)
    assert "|" not in list_item(text)


def test_12_every_control_and_format_character_is_known() -> None:
    """Python's tables know them all; ours are ranges."""
    for point in range(sys.maxunicode + 1):
        c = chr(point)
        kind = unicodedata.category(c)
        if kind in ("Cc", "Cf", "Cs", "Zl", "Zp") and c not in VISIBLE_FORMATS:
            assert is_harmless(one_line(f"a{c}b")), hex(point)
        elif kind[0] in "LNPS":
            assert one_line(c) == c, hex(point)


@pytest.mark.parametrize(
    "text", ["👩\u200d💻", "می\u200cخواهم", "ＡＢ", "क्\u200dष", "a\xa0b", "中文"]
)
def test_12_what_people_write_stays(text: str) -> None:
    assert one_line(text) == text


@given(ANYTHING)
def test_12_json_means_the_same_and_harms_nobody(text: str) -> None:
    for ascii_only in (False, True):
        line = json_line({text: text}, ascii_only=ascii_only)
        assert json.loads(line) == {text: text}
        assert is_harmless(line)
        assert not set(line) & set(JOINERS)
        assert line.isascii() or not ascii_only
        line.encode("utf-8")
    assert json.loads(to_json({"of": text}).decode("utf-8")) == {"of": text}


@given(
    st.recursive(
        st.floats() | st.integers() | st.none() | st.booleans() | st.text(max_size=3),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
        max_leaves=6,
    )
)
@example({"a": [math.nan, -math.inf, np.float32("inf")]})
def test_12_json_has_no_bare_nan(value: object) -> None:
    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is no JSON")

    for text in (json_line(value), to_json(value).decode("utf-8")):
        json.loads(text, parse_constant=refuse)


def test_12_a_checkpoint_has_no_bare_nan(tmp_path: Path) -> None:
    path = tmp_path / "m.checkpoint"
    save_arrays(path, {"a": np.zeros(1)}, {"best": math.nan, "label": "a\ud800", "n": np.int64(3)})
    assert b"NaN" not in path.read_bytes()
    assert load_arrays(path)[1] == {"best": None, "label": "a\ud800", "n": 3}


@given(ANYTHING)
@example("a|b`c*d_e[f](g)<h>&i;~j~$k$\\")
def test_12_a_markdown_cell_is_one_cell(text: str) -> None:
    cell = in_markdown(text)
    assert is_harmless(cell)
    bare = re.sub(r"\\[\\`*\[\]|~$_]|&(amp|lt|gt|#64|#58|#46);", "", cell)
    assert not set(bare) & set("\\`*[]|~$<>@&")
    assert not re.search(r"(?<![^\W_])_|_(?![^\W_])|://", bare)


def test_12_a_markdown_cell_can_be_read() -> None:
    assert in_markdown("sms_spam") == "sms_spam"
    assert in_markdown("sentiment-en: 4 of 5 (80 %)") == "sentiment-en: 4 of 5 (80 %)"


@given(ANYTHING | st.integers() | st.lists(st.text()) | st.floats())
def test_12_a_quoted_value_is_short_and_plain(value: object) -> None:
    shown = quoted(value)
    assert is_harmless(shown)
    assert not set(shown) & set(JOINERS)


def test_12_a_quoted_value_has_a_limit() -> None:
    assert len(quoted("x" * 100_000)) <= QUOTED
    assert len(quoted(["x" * 100_000] * 1000)) < 10 * QUOTED
    assert quoted("lstmm") == "'lstmm'"


@settings(max_examples=30, deadline=None)
@given(st.lists(ANYTHING.filter(lambda text: "\0" not in text), min_size=1, max_size=4))
@example(["a\nb", "it's", "$HOME `id` \\", "a\udcffb", "\u202e", "-x", ""])
def test_12_a_shell_gets_back_each_word(words: list[str]) -> None:
    bash = Path("/bin/bash")
    if not bash.exists():
        pytest.skip("there is no bash here")
    words = [re.sub("[\ud800-\udc7f\udd00-\udfff]", "", word) for word in words]
    line = " ".join(map(shell_word, words))
    assert is_harmless(line)
    assert not set(line) & set(JOINERS)
    done = subprocess.run(
        [bash, "-c", f"printf '%s\\0' {line}"],
        capture_output=True,
        check=True,
        env={**os.environ, "LC_ALL": "C.UTF-8"},
    )
    assert done.stdout.split(b"\0")[:-1] == [os.fsencode(word) for word in words]


# ------------------------------------------------------------------------------ records


@given(
    st.lists(ANYTHING, min_size=1, max_size=3),
    st.lists(ANYTHING, min_size=1, max_size=4),
    st.booleans(),
)
def test_12_a_record_out_for_each_record_in(
    texts: list[str], labels: list[str], multilabel: bool
) -> None:
    cells = [list_item(label) if multilabel else one_line(label) for label in labels]
    ranked = [(0.5, cell) for cell in cells]
    chosen = ranked if multilabel else ranked[0]
    out = "".join(command._as_line(text, chosen, ranked, None) for text in texts)
    assert out.count("\n") == len(texts) == len(out.splitlines())
    for line in out.splitlines():
        label, probability, text = line.split("\t")
        assert is_harmless(label + text)
        if multilabel:
            assert len(label.split("|")) == len(probability.split("|")) == len(labels)


LABELS = ["good\tstuff|x", "bad\nstuff\x1b[31m", "\u202e<script>`a`[l](http://x.y)\u2028**b**"]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model whose labels hold everything, of a corpus that is named as badly."""
    home = tmp_path_factory.mktemp("home")
    texts = [f"word{n % 3} of the {['inn', 'farm', 'hotel', 'camp'][n % 4]}" for n in range(36)]
    labels = [LABELS[n % 3] for n in range(36)]
    rows = [json.dumps({"text": t, "label": la}) for t, la in zip(texts, labels, strict=True)]
    (home / "odd \x1b[31m\u202e.jsonl").write_text("\n".join(rows), encoding="utf-8")
    tiny = TextRNNClassifier(max_iter=1, hidden_size=4, embedding_dim=4, random_state=0)
    fitted = tiny.fit(texts, labels)
    fitted.save(home / "models" / "m")
    card = model_card(fitted.model_, RunReport(corpus="a|b\n<i>", n_train=3, seed=0))
    (home / "card.md").write_text(card, encoding="utf-8")
    return home


@pytest.mark.parametrize(
    "arguments",
    [
        ["predict", "one", "two\tthree\n\u202efour", "-m", "m"],
        ["predict", "one", "two\tthree\n\u202efour", "-m", "m", "--top-k", "3"],
        ["predict", "one", "two\tthree\n\u202efour", "-m", "m", "--json"],
        ["evaluate", "m", "odd \x1b[31m\u202e.jsonl"],
        ["evaluate", "m", "odd \x1b[31m\u202e.jsonl", "--json"],
        ["inspect", "m"],
        ["inspect", "m", "--json"],
        ["models"],
        ["models", "--json"],
        ["corpora"],
        ["evaluate", "m", "none\n\x1b[31m\u202e.csv"],
        ["predict", "-f", "none\n\x1b[31m\u202e.csv", "-m", "m"],
        ["train", "odd \x1b[31m\u202e.jsonl", "--cell", "l\x1b[31m\u202e"],
        ["predict", "hi", "-m", "none\n\x1b[31m\u202e"],
        ["train\x1b[31m\u202e"],
        ["train", "--x\x1b[31m\u202e"],
    ],
    ids=lambda arguments: ascii(" ".join(arguments))[:60],
)
def test_12_no_command_shows_what_harms(
    home: Path, arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(home)
    done = CliRunner().invoke(app, arguments)
    for line in (done.stdout + done.stderr).split("\n"):
        assert is_harmless(line.replace("\t", ""))
    if arguments[0] == "predict" and done.exit_code == 0:
        records = done.stdout.splitlines()
        assert len(records) == 2
        if "--json" in arguments:
            assert {json.loads(line)["label"] for line in records} <= set(LABELS)
        else:
            fields = 7 if "--top-k" in arguments else 3
            assert [line.count("\t") + 1 for line in records] == [fields] * 2
    if done.exit_code:
        assert done.stderr.count("\n") == 1


def test_12_the_model_card_keeps_its_cells(home: Path) -> None:
    card = (home / "card.md").read_text(encoding="utf-8")
    assert "<" not in card
    rows = [line for line in card.splitlines() if line.startswith("|")]
    for row in rows:
        assert len(re.findall(r"(?<!\\)\|", row)) == 3, row
    assert is_harmless(card.replace("\n", ""))


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
@pytest.mark.parametrize("arguments", ["predict -m m --json", "predict -m m", "evaluate -h"])
def test_12_no_terminal_is_too_small(home: Path, arguments: str, encoding: str) -> None:
    text = "中文 👩\u200d💻 \udcff \x1b[31m"
    given_texts = [text] if arguments.startswith("predict") else []
    done = subprocess.run(
        [sys.executable, "-m", "textrnn", *arguments.split(), *given_texts],
        cwd=home,
        env={**os.environ, "PYTHONIOENCODING": encoding, "LANG": "C", "LC_ALL": "C"},
        capture_output=True,
        check=True,
    )
    told = done.stdout.decode(encoding)
    assert b"Traceback" not in done.stderr
    assert done.stderr.count(b"\n") == (len(given_texts) == 1)  # of no word it knows
    if "--json" in arguments:
        assert json.loads(told)["text"] == text
        assert told.isascii() or encoding == "utf-8"


def test_12_json_of_nothing_but_a_string() -> None:
    assert in_json('"a"') == '"a"'
