"""Settings: what they refuse, and that they come back from JSON as they were."""

from __future__ import annotations

import functools
import json
import math
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from textrnn.cli.run import Command, guarded
from textrnn.cli.setting_options import checked_settings, takes_settings
from textrnn.cli.settings_table import table
from textrnn.errors import UsageError
from textrnn.nn.inputs import EMBEDDING
from textrnn.text.tokenizers import make_tokenizer
from textrnn.training.declaration import WHOLE, fixed, redeclared, setting
from textrnn.training.declared import TEXT
from textrnn.training.settings import DECLARED, Settings, usual_epochs

PACKAGE = Path(__file__).parents[1] / "textrnn"
labels = st.booleans() | st.integers(-9, 9) | st.text(max_size=3)


@pytest.mark.parametrize("name", DECLARED)
def test_every_setting_is_checked(name: str) -> None:
    nothing: Any = object()
    with pytest.raises(UsageError, match=f"^{name} is <object .*, but must be "):
        Settings(**{name: nothing}).validate()
    assert [f.name for f in fields(Settings)] == list(DECLARED)


def test_the_defaults_can_work() -> None:
    Settings().validate()


@given(st.dictionaries(labels, st.floats(0, 9), max_size=4))
def test_class_weights_come_back_from_json(class_weight: dict[Any, float]) -> None:
    settings = Settings(class_weight=class_weight)
    values = json.loads(json.dumps(settings.to_dict()))
    assert Settings.from_dict(values) == settings


def test_odd_types_come_back_as_plain_ones() -> None:
    odd = Settings(
        hidden_size=np.int64(8),  # type: ignore[arg-type]
        embedding=Path("some/vectors"),  # type: ignore[arg-type]
        class_weight={np.str_("a"): np.float32(2.0), np.int64(1): 1},  # type: ignore[dict-item]
        tokenizer=make_tokenizer("char"),
    )
    odd.validate()
    back = Settings.from_dict(json.loads(json.dumps({**odd.to_dict(), "of later": 1})))
    assert back == Settings(
        hidden_size=8,
        embedding=str(Path("some/vectors")),
        class_weight={"a": 2.0, 1: 1.0},
        tokenizer="char",
    )
    assert Settings(tokenizer=str.split).to_dict()["tokenizer"] == "str.split"


@pytest.mark.parametrize(
    "changes",
    [
        {"hidden_size": 10**9},
        {"hidden_size": np.int64(2**62)},
        {"hidden_size": 10**30},
        {"embedding_dim": 10**12},
        {"num_layers": 10**9},
        {"hidden_size": 400_000, "cell": "rnn", "dtype": "float64"},
    ],
)
def test_a_network_that_no_machine_holds(changes: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="more than 1 TiB; choose a smaller network"):
        Settings(**changes).validate()


def test_the_bound_is_that_of_the_weights() -> None:
    """4 gates x 2 directions x H x (H + 100) x 4 bytes, all the weights of the default network."""
    fits = int(np.sqrt(2**40 / 32)) - 51
    Settings(hidden_size=fits).validate()
    with pytest.raises(UsageError, match="TiB"):
        Settings(hidden_size=fits + 5).validate()
    Settings(hidden_size=fits, dtype="float32", bidirectional=False).validate()


def test_one_hot_words_have_no_vectors_to_freeze() -> None:
    settings = Settings(embedding="onehot", freeze_embedding=True)
    with pytest.raises(UsageError, match="no vectors to keep"):
        settings.validate()
    replace(settings, embedding="random").validate()


@pytest.mark.parametrize(("n_texts", "epochs"), [(1, 50), (1_000, 50), (10_000, 10), (10**6, 4)])
def test_epochs_go_by_the_size_of_the_corpus(n_texts: int, epochs: int) -> None:
    n_words = 100 * n_texts
    assert usual_epochs(math.ceil(n_texts / 32)) == epochs
    assert Settings().training_config(n_texts, n_words).max_iter == epochs
    by_words = Settings(batch_tokens=3_200).training_config(n_texts, n_words)
    assert (by_words.max_iter, by_words.batch_tokens) == (epochs, 3_200)
    assert Settings(max_iter=7).training_config(n_texts, n_words).max_iter == 7


@pytest.mark.parametrize(
    ("steps", "epochs"), [(59, 50), (60, 50), (100, 30), (380, 8), (420, 7), (1_000, 4)]
)
def test_usual_epochs_make_up_some_3000_steps(steps: int, epochs: int) -> None:
    assert usual_epochs(steps) == epochs
    assert usual_epochs(1_000, fewest=2) == 3


def test_without_early_stopping_all_epochs_are_done() -> None:
    """Whatever else is said of patience; and embeddings may be frozen."""
    asked = Settings(max_iter=12, n_iter_no_change=2)
    assert asked.training_config(100, 1_000).n_iter_no_change == 2
    assert replace(asked, early_stopping=False).training_config(100, 1_000).n_iter_no_change == 12
    assert asked.training_config(100, 1_000).frozen == ()
    assert replace(asked, freeze_embedding=True).training_config(100, 1_000).frozen == (EMBEDDING,)


def test_settings_go_into_network_and_training_by_their_names() -> None:
    """Each value differs from the defaults of all three."""
    changes: dict[str, Any] = {
        "cell": "gru", "hidden_size": 7, "num_layers": 3, "bidirectional": False,
        "readout": "mean", "segment_length": 11, "dtype": "float64", "solver": "sgd",
        "learning_rate_init": 0.5, "learning_rate": "cosine", "warmup_fraction": 0.3,
        "momentum": 0.4, "alpha": 0.6, "max_grad_norm": 3.0, "gradient_floor": 1e-3,
        "batch_size": 9, "batch_tokens": 77, "max_iter": 5, "max_steps": 6, "shuffle": False,
        "dropout_input": 0.11, "dropout_readout": 0.12, "dropout_recurrent": 0.13,
        "dropout_embedding": 0.14, "label_smoothing": 0.15, "adversarial": 0.16,
        "ema_decay": 0.17, "n_iter_no_change": 8, "tol": 0.18,
    }  # fmt: skip
    settings = Settings(**changes)
    settings.validate()
    training = settings.training_config(50, 500)
    network = settings.network_config(n_classes=3, vocabulary_size=20, embedding_dim=13)
    found = {**vars(training), **vars(network)}
    assert {name: found[name] for name in changes} == changes
    # Which rules and losses there are and what goes with them, tests/test_rules.py and
    # tests/test_losses_at_steps.py ask.
    of_training = {f.name for f in fields(training)} - {"frozen", "rule", "k1", "k2", "loss"}
    assert of_training <= set(changes)
    assert (network.n_classes, network.vocabulary_size, network.embedding_dim) == (3, 20, 13)
    assert not network.multilabel
    one_hot = Settings(embedding="onehot").network_config(
        n_classes=3, vocabulary_size=20, embedding_dim=13, multilabel=True
    )
    assert one_hot.embedding_dim is None
    assert one_hot.multilabel


@pytest.mark.parametrize(
    ("name", "allowed", "refused"),
    [
        ("dropout_input", [0, 0.0, 0.999], [1.0, -0.1, True, float("nan")]),
        ("learning_rate_init", [1e-9], [0.0, float("inf"), True]),
        ("alpha", [0.0, 5], [-1e-9, float("inf")]),
        ("validation_fraction", [1e-9, 0.999], [0.0, 1.0]),
        ("threshold", [0.0, 0, 1.0, 1, 0.5, None, "f1"], [-0.01, 1.01, True, "f2"]),
        ("min_df", [1, 7, 0.0, 1.0], [0, -1, 1.5, True]),
        ("max_iter", [1, None], [0, 1.0, True]),
        ("n_jobs", [None, 1, -1], [0, 1.5, True]),
        ("shuffle", [True, np.bool_(False)], [0, 1, None]),
        ("class_weight", [None, "balanced", {"a": 0, "b": 1}], ["even", {"a": 0}, {"a": -1}]),
    ],
)
def test_the_edges_of_what_can_work(name: str, allowed: list[Any], refused: list[Any]) -> None:
    for value in allowed:
        Settings(**{name: value}).validate()
    for value in refused:
        with pytest.raises(UsageError, match=name):
            Settings(**{name: value}).validate()


@pytest.mark.parametrize(
    ("n_jobs", "batch_size", "expected"),
    [
        *[(None, 32, 1), (1, 32, 1), (3, 32, 3), (-1, 32, 2), (-1, 15, 1), (-1, 256, 8)],
        *[(-8, 256, 1), (32, 64, 32), (33, 64, 32), (500, 64, 32), (500, 5, 5), (6, 5, 5)],
    ],
)
def test_processes(
    n_jobs: int | None, batch_size: int, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("textrnn.system.processes.available_cores", lambda: 8)
    assert Settings(n_jobs=n_jobs, batch_size=batch_size).processes() == expected


@pytest.mark.parametrize(("n_jobs", "expected"), [(None, 1), (1, 1), (-1, 8), (-9, 1), (500, 32)])
def test_processes_of_batches_by_words(
    n_jobs: int | None, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("textrnn.system.processes.available_cores", lambda: 8)
    settings = Settings(n_jobs=n_jobs, batch_size=1, batch_tokens=4_000)
    assert settings.processes() == expected


# --------------------------------------------------- one declaration, and what follows

NEW = """    sharpness: float = setting(
        0.5,
        SHARE,
        "How sharp the answers are.",
        group=TRAINING,
        option="sharp",
        searched=(0.25, 0.5),
    )
"""
"""A setting that there is not."""


@pytest.fixture(scope="module")
def with_one_more(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package to which one declaration was added, and nothing else."""
    place = tmp_path_factory.mktemp("copy")
    shutil.copytree(PACKAGE, place / "textrnn", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(PACKAGE.parent / "data", place / "data")
    declared = place / "textrnn/training/declared.py"
    source = declared.read_text(encoding="utf-8")
    declared.write_text(source + NEW, encoding="utf-8")
    return place


def called(place: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """What a copy of the package answers to a command."""
    environment = {**os.environ, "PYTHONPATH": str(place)}
    return subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
        cwd=place,
    )


def test_a_setting_is_added_by_one_declaration(with_one_more: Path) -> None:
    textrnn = functools.partial(called, with_one_more, "-m", "textrnn")
    for command in ("train", "tune", "compare"):
        everything = " ".join(textrnn(command, "--help-all").stdout.split())
        assert "--sharp <float> How sharp the answers are. [default: 0.5]" in everything
    refused = textrnn("train", "cars", "--sharp", "1.5")
    assert refused.returncode == 2
    assert "--sharp is 1.5, but must be a number from 0 to below 1." in refused.stderr
    misspelt = textrnn("train", "cars", "--sharpe", "0.5")
    assert misspelt.returncode == 2
    assert "--sharp" in misspelt.stderr.replace("--sharpe", "")

    small = ["--hidden", "4", "--max-steps", "2", "--ngrams", "none", "--no-baselines"]
    trained = textrnn("train", "cars", *small, "--sharp", "0.25", "-o", "m", "--json")
    assert json.loads(trained.stdout)["settings"]["sharpness"] == 0.25
    inspected = json.loads(textrnn("inspect", "m", "--json").stdout)
    assert inspected["settings"]["sharpness"] == 0.25

    script = (
        "from textrnn.experiments.search import SPACE\n"
        "from textrnn.training.settings import DECLARED, Settings\n"
        "from textrnn.cli.settings_table import table\n"
        "from textrnn.cli.setting_options import as_options\n"
        "print(SPACE['sharpness'])\n"
        "print(as_options(Settings(sharpness=0.1), Settings()))\n"
        "print([line for line in table(DECLARED).splitlines() if 'sharp' in line])\n"
        "Settings(sharpness=1).validate()"
    )
    found = called(with_one_more, "-c", script)
    assert found.stdout.splitlines() == [
        "(0.25, 0.5)",
        "['--sharp', '0.1']",
        "['| `sharpness` | `--sharp` | 0.5 | a number from 0 to below 1 | How sharp the answers "
        "are. | 0.25, 0.5 |']",
    ]
    assert "sharpness is 1, but must be a number from 0 to below 1." in found.stderr


def test_the_documents_have_all_settings() -> None:
    """Where they differ, docs/settings.md wants this table in place of its own."""
    document = (PACKAGE.parent / "docs/settings.md").read_text(encoding="utf-8")
    assert table(DECLARED) in document, table(DECLARED)


def test_the_table_of_the_readme_has_settings_and_their_words() -> None:
    readme = (PACKAGE.parent / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ((?:`[a-z_]+`(?:, )?)+) \| (.*) \|$", readme, re.M)
    named = {name: told for names, told in rows for name in re.findall(r"`([a-z_]+)`", names)}
    assert {"cell", "readout", "ngrams"} <= named.keys() <= DECLARED.keys()
    for name in ("ngrams", "unknown_words", "embedding"):
        assert set(DECLARED[name].check.words()) <= set(re.findall(r"`(\w+)`", named[name]))


# ------------------------------------------------------- settings of what is no classifier


@dataclass(frozen=True)
class OfSongs(Settings):
    """Settings of a structure that nobody has."""

    structure = "a song"
    hidden_size: int = redeclared("hidden_size", 7, of=Settings)
    ngrams: str = fixed("ngrams", "none", of=Settings)
    verses: int = setting(3, WHOLE, "Verses of a song.", group=TEXT)


def of_songs() -> Any:
    """A command that tells its settings."""

    @takes_settings(OfSongs)
    def sing(given: dict[str, Any]) -> None:
        typer.echo(json.dumps(checked_settings(OfSongs, given, given).to_dict()))

    app = typer.Typer(rich_markup_mode=None)
    app.command(cls=Command)(guarded(sing))
    return lambda *words: CliRunner().invoke(app, [*words])


def test_a_structure_has_settings_of_its_own() -> None:
    assert [f.name for f in fields(OfSongs)] == [*DECLARED, "verses"]
    OfSongs().validate()
    assert (OfSongs().hidden_size, OfSongs().verses) == (7, 3)
    assert OfSongs.from_dict(OfSongs(verses=4).to_dict()) == OfSongs(verses=4)
    assert Settings().hidden_size == 64
    with pytest.raises(UsageError, match="verses is 0, but must be a whole number from 1"):
        OfSongs(verses=0).validate()
    with pytest.raises(UsageError, match="ngrams means nothing to a song; leave it out"):
        OfSongs(ngrams="words").validate()
    with pytest.raises(UsageError, match="ngrams means nothing to a song"):
        OfSongs().validate(given={"ngrams"})


def test_its_command_has_options_for_them() -> None:
    sing = of_songs()
    assert json.loads(sing().stdout) == OfSongs(n_jobs=-1).to_dict()
    assert json.loads(sing("--verses", "9", "--hidden", "5").stdout)["verses"] == 9
    shown = sing("--help-all").stdout
    assert "--verses" in shown
    assert "--ngrams" not in shown
    assert re.search(r"Units of each layer.*\[default: 7\]", shown, re.S)
    assert sing("--ngrams", "none").exit_code == 2
    told = sing("--verses", "0")
    assert (told.exit_code, "--verses is 0" in told.stderr) == (2, True)
