"""Messages know the parameters they speak of: scripts read their names, commands their options."""

from __future__ import annotations

import ast
import functools
import importlib
import pickle
import re
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from tests.examples import examples
from textrnn import TextRNNClassifier
from textrnn.cli.app import COMMANDS, GROUPS, app
from textrnn.cli.option_names import OTHERS, Options, in_options, options_of
from textrnn.errors import MissingDependencyError, TextRNNError, TrainingError, UsageError
from textrnn.text.tokenizers import make_tokenizer
from textrnn.training.declaration import declared_by
from textrnn.training.language.settings import LanguageModelSettings
from textrnn.training.prior_baseline import nothing_learned
from textrnn.training.settings import DECLARED, Settings
from textrnn.training.state import TrainingState
from textrnn.training.tagging.settings import TaggingSettings
from textrnn.training.transduction.settings import TransductionSettings
from textrnn.wording.messages import Advice, ForScripts, Message, Parameter, Setting, Value, stated

PACKAGE = Path(__file__).parents[1] / "textrnn"
SETTINGS = {
    **declared_by(TransductionSettings),
    **declared_by(TaggingSettings),
    **declared_by(LanguageModelSettings),
    **DECLARED,
}
OPTIONS = {**OTHERS, **{name: f"--{setting.option}" for name, setting in SETTINGS.items()}}
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]+")
ALL = Message(
    *(Advice(Parameter(name), "; ") for name in OPTIONS),
    *(Advice(Setting(name, value), "; ") for name in OPTIONS for value in (True, False, None, 3)),
    Advice(Setting("threshold", "f1")),
)
"""Every name there is, each said only where there is a word for it."""
EVERY = (*COMMANDS, *(f"{name} {one}" for name, group in GROUPS.items() for one in group.commands))
"""All commands, those of groups by both names."""


@functools.cache
def command_of(name: str) -> Any:
    """A command as typer makes it."""
    found = cast(Any, typer.main.get_command(app))
    for part in name.split():
        found = found.get_command(None, part)
    return found


def options_in(name: str) -> set[str]:
    """All options of a command."""
    found = {o for p in command_of(name).params for o in (*p.opts, *p.secondary_opts)}
    return {*found, "--help", "--debug"}


@pytest.mark.parametrize(
    ("message", "script", "told"),
    [
        (Message(stated("max_length", 0), "."), "max_length is 0.", "--max-length is 0."),
        (Message(stated("max_length", None)), "max_length is None", "--max-length is 0"),
        (Message(Setting("bidirectional", False)), "bidirectional=False", "--one-way"),
        (Message(Setting("class_weight", "balanced")), "class_weight='balanced'", "--balanced"),
        (Message(stated("lowercase", False)), "lowercase is False", "--keep-case is on"),
        (Message(Setting("segment_length", None)), "segment_length=None", "--segment-length 0"),
        (Message(Setting("threshold", "f1")), "threshold='f1'", "--tune-threshold f1"),
        (Message("a", ForScripts(" or b", otherwise=" c")), "a or b", "a c"),
        (Message("a", Advice(", or ", Value("max_iter", None))), "a, or None", "a"),
        (Message("a", Advice(", or ", Value("max_length", None))), "a, or None", "a, or 0"),
        (Message(Parameter("warm_start"), " is odd"), "warm_start is odd", "warm_start is odd"),
        (Message("x ", Message("y ", Parameter("n_jobs"))), "x y n_jobs", "x y --jobs"),
        (
            UsageError("'max_length is None' in ", "max_length.csv").message,
            "'max_length is None' in max_length.csv",
            "'max_length is None' in max_length.csv",
        ),
    ],
)
def test_13_each_face_has_its_words(message: Message, script: str, told: str) -> None:
    assert str(message) == message == script
    assert message.told(Options()) == in_options(message) == told


@pytest.mark.parametrize("kind", [UsageError, TrainingError, MissingDependencyError])
def test_13_errors_and_warnings_travel_with_their_pieces(kind: type[TextRNNError]) -> None:
    error = kind(stated("max_grad_norm", None), Advice("; lower ", Parameter("batch_size")))
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is kind
    assert str(again) == str(error) == "max_grad_norm is None; lower batch_size"
    assert in_options(again.message) == "--max-grad-norm is 0; lower --batch-size"
    with pytest.warns(UserWarning, match="max_iter") as caught:
        warnings.warn(Message(stated("max_iter", 1)), stacklevel=1)
    message = cast(Warning, pickle.loads(pickle.dumps(caught[0].message))).args[0]
    assert in_options(message) == "--epochs is 1"


@pytest.mark.parametrize("name", DECLARED)
def test_13_every_setting_is_complained_of_by_its_option(name: str) -> None:
    with pytest.raises(UsageError) as caught:
        Settings(**{name: cast(Any, object())}).validate()
    assert str(caught.value).startswith(f"{name} is <object")
    told = in_options(caught.value.message)
    assert told.startswith(OPTIONS.get(name, name))
    assert "None" not in told or name not in OPTIONS or name == "class_weight"


@pytest.mark.parametrize("name", EVERY)
def test_13_no_command_is_told_of_an_option_that_it_lacks(name: str) -> None:
    with options_of(command_of(name)):
        told = in_options(ALL)
    assert set(OPTION.findall(told)) <= options_in(name)
    assert set(OPTION.findall(in_options(ALL))) - options_in(name), "nothing could be told wrong"


def strings_of(file: Path) -> list[str]:
    """The strings of a file but for those that document it."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    documents = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    return [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and id(node) not in documents
    ]


def test_13_the_library_knows_no_options() -> None:
    found = {
        (file.name, option)
        for file in PACKAGE.rglob("*.py")
        if "cli" not in file.relative_to(PACKAGE).parts
        for text in strings_of(file)
        for option in OPTION.findall(text)
    }
    assert not found


SERVED = {
    "train_checks": ("train",),
    "setting_options": ("train", "tune", "compare"),
    "incoming": ("predict", "tag predict"),
    "lm asking": ("lm score", "lm next"),
}
SHARED = {"option_names", "app", "options", "run"}
"""Where options are declared, named by pieces only, or are those that all commands have."""


@pytest.mark.parametrize("file", sorted((PACKAGE / "cli").rglob("*.py")), ids=lambda f: f.stem)
def test_13_what_a_command_says_itself_names_its_own_options(file: Path) -> None:
    if file.stem in {"option_names", "app"}:
        return
    name = " ".join(file.relative_to(PACKAGE / "cli").with_suffix("").parts)
    commands = SERVED.get(name, (name,) if name in EVERY else EVERY)
    known = set.intersection(*map(options_in, commands))
    declared = {"--offline", "--json", "--quiet", "--no-cache", "--cache", "--text-column"}
    declared |= {"--label-column", "--label-separator"}
    named = {option for text in strings_of(file) for option in OPTION.findall(text)}
    if file.stem == "tune":
        known |= options_in("train")  # the command that it prints
    allowed = known | declared if file.stem == "options" else known
    assert named <= allowed


def test_13_every_parameter_of_a_message_has_an_option_or_is_of_scripts() -> None:
    of_scripts = {"warm_start", "random_state", "classes"}
    named = set()
    for file in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args:
                is_piece = node.func.id in ("Parameter", "Setting", "Value", "stated")
                if is_piece and isinstance(node.args[0], ast.Constant):
                    named.add(node.args[0].value)
    assert named - {*OPTIONS} == of_scripts
    assert len(named) > 20


@pytest.mark.parametrize("name", ["max_length is None.csv", "min_df.csv", "n_jobs=1.csv"])
def test_13_nobodys_path_is_rewritten(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["train", f"./{name}", "-q"])
    assert done.exit_code == 3
    assert name in done.stderr
    (tmp_path / name).write_text("max_length is None,lowercase is True\na,b\n")
    done = CliRunner().invoke(app, ["train", f"./{name}", "-q", "--label-column", "max_iter is 3"])
    assert name in done.stderr
    assert "'max_iter is 3'" in done.stderr


def state(**changes: Any) -> TrainingState:
    """Of a run that has ended with some loss."""
    values = {"best_params": {"w": 1}, "steps": 4, "out_of_time": False, **changes}
    return cast(TrainingState, SimpleNamespace(**values))


RARE = examples([["word"]] * 400, np.array([0] * 380 + [1] * 20), None)


def test_13_too_few_steps_are_no_reason_for_a_lower_rate() -> None:
    told = nothing_learned(state(best_score=(0.95, -0.69)), RARE, 2)
    assert "4 steps were too few" in told
    assert "learning_rate_init" not in told
    with options_of(command_of("train")):
        assert "raise --epochs (or --max-steps) or bring more texts" in in_options(told)
    with options_of(command_of("evaluate")):
        assert in_options(told).endswith("too few; bring more texts")
    late = nothing_learned(state(best_score=(0.95, -0.69), out_of_time=True), RARE, 2)
    with options_of(command_of("train")):
        assert "raise --budget or bring more texts" in in_options(late)


def test_13_a_network_gone_astray_wants_a_lower_rate() -> None:
    told = nothing_learned(state(best_score=(0.95, -6.9)), RARE, 2)
    assert told.endswith("; lower learning_rate_init")
    with options_of(command_of("train")):
        assert in_options(told).endswith("; lower --lr")
    with options_of(command_of("evaluate")):
        assert in_options(told).endswith("of the prior baseline)")


def test_13_memory_is_saved_by_options_that_are_there(capsys: pytest.CaptureFixture[str]) -> None:
    run = importlib.import_module("textrnn.cli.run")
    for name, told in (
        ("train", "; lower --hidden, "),
        ("predict", "; lower --jobs\n"),
        ("models", "memory\n"),
    ):
        with options_of(command_of(name)):
            assert run._tell(MemoryError()) == 70
        assert told in capsys.readouterr().err


def test_13_a_base_error_fails_no_gate() -> None:
    assert TextRNNError.exit_code == 70


# ------------------------------------------------------- what an error is about


@pytest.mark.parametrize("name", sorted(DECLARED))
def test_an_error_of_a_setting_is_about_it(name: str) -> None:
    """And the command line has an option for it that it names in the message."""
    wrong: dict[str, Any] = {"tokenizer": "none such", "class_weight": 5, "embedding": ""}

    def check() -> None:
        settings = Settings(**{name: wrong.get(name, object())})
        settings.validate()
        make_tokenizer(settings.tokenizer)  # which is looked at there

    with pytest.raises(UsageError) as caught:
        check()
    assert caught.value.parameter == name
    option = Options().name(name)
    if option is not None:
        assert option in caught.value.message.told(Options())


def test_an_error_of_no_parameter_is_about_none() -> None:
    assert UsageError("nothing to predict").parameter is None
    assert UsageError("no texts", Advice("; raise ", Parameter("max_df"))).parameter is None
    assert TrainingError("diverged; lower ", Parameter("learning_rate_init")).parameter is None


def test_an_error_may_say_what_it_is_about() -> None:
    error = UsageError("two of ", Parameter("min_df"), parameter="max_df")
    assert error.parameter == "max_df"
    again = pickle.loads(pickle.dumps(error))
    assert (again.parameter, str(again)) == ("max_df", "two of min_df")
    assert UsageError("no word: ", Setting("min_df", 3), " excludes all").parameter == "min_df"


def test_errors_of_the_library_are_about_their_arguments() -> None:
    with pytest.raises(UsageError) as caught:
        TextRNNClassifier().partial_fit(["a", "b"], ["x", "y"])
    assert caught.value.parameter == "classes"
    with pytest.raises(UsageError) as caught:
        TextRNNClassifier(random_state="no").fit(["a", "b"] * 5, ["x", "y"] * 5)
    assert caught.value.parameter == "random_state"
    with pytest.raises(UsageError) as caught:
        TextRNNClassifier.load("sentiment-en", tokenizer=str.split)
    assert caught.value.parameter == "tokenizer"
