"""Presets: that they can work, and that what is given beside them counts more."""

from __future__ import annotations

from typing import Any

import pytest
from typer.testing import CliRunner

from textrnn import TextRNNClassifier
from textrnn.cli.app import app
from textrnn.cli.durations import seconds_of
from textrnn.errors import UsageError
from textrnn.training import presets
from textrnn.training.settings import Settings


@pytest.mark.parametrize("name", presets.PRESETS)
def test_each_can_work(name: str) -> None:
    presets.settings(name).validate()
    TextRNNClassifier.from_preset(name)._settings()


def test_the_default_is_the_default() -> None:
    assert presets.settings("default") == Settings()


def test_paper_is_the_plain_network() -> None:
    paper = presets.settings("paper")
    assert (paper.cell, paper.bidirectional, paper.readout) == ("lstm", False, "last")
    assert (paper.hidden_size, paper.num_layers, paper.ngrams) == (128, 1, "none")


def test_changes_count_more() -> None:
    changed = presets.settings("paper", hidden_size=7, alpha=0.5)
    assert (changed.hidden_size, changed.alpha, changed.readout) == (7, 0.5, "last")
    model = TextRNNClassifier.from_preset("paper", hidden_size=7, random_state=3)
    assert (model.hidden_size, model.random_state, model.readout) == (7, 3, "last")


def test_an_unknown_name_is_told() -> None:
    with pytest.raises(UsageError, match=r"preset is 'minut'.*Did you mean 'minute'"):
        presets.settings("minut")


def test_the_help_tells_them_all() -> None:
    shown = " ".join(CliRunner().invoke(app, ["train", "--help"]).stdout.split())
    for name, preset in presets.PRESETS.items():
        told = f"{name} ({preset.summary})" if name != presets.DEFAULT else name
        assert told in shown


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        *[("90", 90), ("60s", 60), ("1.5s", 1.5), ("10m", 600), ("1h", 3600), ("1h30m", 5400)],
        *[("0.5h", 1800), (" 2M ", 120), ("1m30", 90), ("1h1m1s", 3661)],
    ],
)
def test_times(text: str, seconds: float) -> None:
    assert seconds_of(text, "--budget") == seconds


@pytest.mark.parametrize(
    "text",
    ["", "s", "ten", "-5s", "5x", "5 s", "1m1h", "0", "0s", "0h0m", "inf", "nan", "9" * 400],
)
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(UsageError, match="--budget is") as caught:
        seconds_of(text, "--budget")
    assert "60s" in str(caught.value)


def test_both_names_of_a_setting_are_its_own() -> None:
    """A misspelt setting in the table would be found here and not by a user."""
    known: dict[str, Any] = vars(Settings())
    for preset in presets.PRESETS.values():
        assert preset.changes.keys() <= known.keys()
