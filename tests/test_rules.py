"""Every learning rule in a training: what goes with it, what does not, and that nothing is lost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from tests.lessons import make_examples, make_network
from tests.test_run import Stop, weights_of
from textrnn import TextRNNClassifier, TextRNNRegressor
from textrnn.cli.app import app
from textrnn.corpora import Corpus, Split
from textrnn.errors import UsageError
from textrnn.experiments.run import Experiment, checkpoint_path, run_experiment
from textrnn.storage.checkpoint_file import load_arrays, save_arrays
from textrnn.training.callbacks import Callback
from textrnn.training.regularisation import Regularisation
from textrnn.training.rules import RULES, check_training
from textrnn.training.settings import DECLARED, Settings

SMALL: dict[str, Any] = {
    "cell": "gru", "hidden_size": 4, "embedding_dim": 4, "bidirectional": False, "max_iter": 3,
    "batch_size": 8, "ngrams": "none",
}  # fmt: skip
OTHERS = [name for name in RULES if name != "bptt"]
CUT = [name for name in RULES if RULES[name].is_cut]


@pytest.fixture
def corpus(reviews: tuple[list[str], list[str]]) -> Corpus:
    texts, labels = reviews
    return Corpus("inns", Split(texts, labels), test=Split(texts[:12], labels[:12]), source="here")


@pytest.mark.parametrize("rule", RULES)
def test_a_run_that_was_cut_off_goes_on_to_the_same_bits(
    corpus: Corpus, tmp_path: Path, rule: str
) -> None:
    settings = Settings(**{**SMALL, "rule": rule, "k1": 2 if rule in CUT else None})

    def run(name: str, **changes: Any) -> Any:
        experiment = Experiment(corpus, settings, out=tmp_path / name, baselines=(), **changes)
        return run_experiment(experiment)

    whole = run("whole")
    with pytest.raises(MemoryError):
        run("cut", callbacks=[Stop(2, MemoryError)])
    cut = run("cut", resume=True)
    assert weights_of(tmp_path / "cut") == weights_of(tmp_path / "whole")
    assert [r["loss"] for r in whole["history"]] == [r["loss"] for r in cut["history"]]
    assert whole["settings"]["rule"] == rule


def test_a_checkpoint_from_before_there_were_rules_is_of_bptt(
    corpus: Corpus, tmp_path: Path
) -> None:
    def run(**changes: Any) -> None:
        settings = Settings(**{**SMALL, **changes.pop("settings", {})})
        run_experiment(Experiment(corpus, settings, out=tmp_path / "m", baselines=(), **changes))

    with pytest.raises(MemoryError):
        run(callbacks=[Stop(1, MemoryError)])
    path = checkpoint_path(tmp_path / "m")
    arrays, saved = load_arrays(path)
    for name in ("rule", "k1", "k2"):
        del saved["identity"][name]
    save_arrays(path, arrays, saved)
    with pytest.raises(UsageError, match="rule was 'bptt' and is 'tbptt' now"):
        run(resume=True, settings={"rule": "tbptt"})
    run(resume=True)


class Count(Callback):
    """Counts what a run tells."""

    def __init__(self) -> None:
        self.batches, self.updates = 0, 0

    def on_batch(self, run: Any) -> None:
        self.batches += 1
        self.updates = run.progress.updates


@pytest.mark.parametrize("rule", RULES)
def test_it_learns_and_tells(rule: str, corpus: Corpus) -> None:
    count = Count()
    changes = {} if "learning_rate_init" in RULES[rule].idle else {"learning_rate_init": 0.02}
    settings = Settings(**{**SMALL, "max_iter": 12, "rule": rule, **changes})
    report = run_experiment(Experiment(corpus, settings, baselines=(), callbacks=[count]))
    history = report["history"]
    assert history[-1]["loss"] < history[0]["loss"]
    assert all(0.0 <= r["accuracy"] <= 1.0 and 0.0 < r["backward_share"] <= 1.0 for r in history)
    follows = rule != "ekf"
    assert all(("gradient_norm" in r, "learning_rate" in r) == (follows,) * 2 for r in history)
    assert count.batches == report["steps"]
    assert count.updates >= 1


@pytest.mark.parametrize("rule", RULES)
def test_estimators_take_it(rule: str, reviews: tuple[list[str], list[str]]) -> None:
    texts, labels = reviews
    told = {**SMALL, "rule": rule, "random_state": 0, "early_stopping": False}
    first, again = (TextRNNClassifier(**told).fit(texts, labels) for _ in range(2))
    np.testing.assert_array_equal(first.predict_proba(texts), again.predict_proba(texts))
    del told["ngrams"]
    numbers = [float(len(text)) for text in texts]
    assert np.isfinite(TextRNNRegressor(**told).fit(texts, numbers).predict(texts)).all()


@pytest.mark.parametrize("rule", RULES)
def test_whether_it_is_shared_is_told(
    rule: str, reviews: tuple[list[str], list[str]], recwarn: pytest.WarningsRecorder
) -> None:
    TextRNNClassifier(**{**SMALL, "max_iter": 1}, rule=rule, n_jobs=2).fit(*reviews)
    told = [str(one.message) for one in recwarn]
    expected = f"n_jobs is 2, but one trains: rule='{rule}' changes the weights on the way"
    assert any(one.startswith(expected) for one in told) == RULES[rule].is_alone
    assert Settings(**SMALL, rule=rule, n_jobs=2).processes() == (1 if RULES[rule].is_alone else 2)


@pytest.mark.parametrize(
    ("rule", "given", "expected"),
    [
        ("tbptt", {}, (20, 40)),
        ("tbptt", {"k1": 3}, (3, 6)),
        ("tbptt", {"k2": 7}, (7, 7)),
        ("tbptt", {"k2": 50}, (20, 50)),
        ("tbptt", {"k1": 3, "k2": 50}, (3, 50)),
        ("ekf", {}, (None, None)),
        ("ekf", {"k1": 3}, (3, 6)),
        ("ekf", {"k2": 7}, (7, 7)),
        ("ekf", {"k1": 3, "k2": 50}, (3, 50)),
    ],
)
def test_where_it_is_cut_off_by_default(rule: str, given: Any, expected: Any) -> None:
    config = Settings(**SMALL, rule=rule, **given).training_config(10, 100)
    made: Any = RULES[rule].configured(config, Regularisation(), np.dtype(np.float32))
    assert (made.k1, made.k2) == expected


@pytest.mark.parametrize("rule", ["bptt", "tbptt"])
def test_gradients_are_cut_off_at_a_floor_but_for_proof(rule: str) -> None:
    config = Settings(**SMALL, rule=rule, gradient_floor=0.03).training_config(10, 100)
    for dtype, floor in ((np.float32, 0.03), (np.float64, 0.0)):
        made: Any = RULES[rule].configured(config, Regularisation(), np.dtype(dtype))
        assert made.gradient_floor == floor


@pytest.mark.parametrize("rule", RULES)
def test_layers_without_states_are_told_of(rule: str) -> None:
    """A body from elsewhere may have a cell, and layers of its own."""
    network, examples = make_network(), make_examples()
    vars(network.body)["layers"] = [object()]
    config = Settings(**SMALL, rule=rule).training_config(6, 24)
    if rule == "bptt":
        check_training(RULES[rule], config, network, examples)
    else:
        with pytest.raises(UsageError, match=f"rule='{rule}' .* body 'recurrent' has layers of"):
            check_training(RULES[rule], config, network, examples)


def test_what_does_nothing_is_off() -> None:
    """Its default would scale what a filter is told as if that were a gradient."""
    config = Settings(**SMALL, rule="ekf").training_config(10, 100)
    off = (config.max_grad_norm, config.alpha, config.gradient_floor, config.adversarial)
    assert off == (None, 0.0, 0.0, 0.0)
    assert Settings(**SMALL).training_config(10, 100).max_grad_norm == 1.0


class Rates(Callback):
    """The rate after each batch, and how often the weights were changed in the epoch so far."""

    def __init__(self) -> None:
        self.rates: list[float] = []
        self.updates: list[int] = []

    def on_batch(self, run: Any) -> None:
        self.rates.append(run.progress.learning_rate)
        self.updates.append(run.progress.updates)


@pytest.mark.parametrize("rule", ["bptt", "tbptt", "rtrl"])
def test_a_schedule_goes_by_batches_however_often_weights_change(
    rule: str, reviews: tuple[list[str], list[str]]
) -> None:
    """The rate falls to nothing at the end of the run, no sooner."""
    changes: dict[str, Any] = {"k1": 1, "k2": 1, "loss": "every"} if rule in CUT else {}
    changes |= {"learning_rate": "linear", "warmup_fraction": 0.0, "early_stopping": False}
    rates = Rates()
    model = TextRNNClassifier(**{**SMALL, **changes}, rule=rule, random_state=0)
    model.fit(*reviews, callbacks=[rates])
    n = len(rates.rates)
    assert (max(rates.updates) > n) == (rule in CUT)
    np.testing.assert_allclose(rates.rates, model.learning_rate_init * (1 - np.arange(n) / n))


@pytest.mark.parametrize("rule", OTHERS)
@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"bidirectional": True}, "both ends instead of one way; train with bidirectional=False"),
        ({"segment_length": 20}, "segments of 20 words; train with segment_length=None"),
        ({"adversarial": 0.3}, "adversarial is 0.3, but does nothing under rule="),
    ],
)
def test_what_does_not_go_with_it_is_refused(rule: str, changes: Any, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        Settings(**{**SMALL, "rule": rule, **changes}).validate()


@pytest.mark.parametrize("rule", RULES)
def test_what_does_nothing_is_refused_if_it_was_asked_for(rule: str) -> None:
    """With its default, too, if that was given on purpose."""
    others: dict[str, Any] = {"solver": "sgd", "learning_rate": "cosine", "adversarial": 0.3}
    for name, off in RULES[rule].idle.items():
        if DECLARED[name].check.complaint(name, off) is None:  # some cannot be told to do nothing
            Settings(**{**SMALL, "rule": rule, name: off}).validate()
        other = others.get(name, 0.0123)
        with pytest.raises(UsageError, match=f"{name} is .*, but does nothing under rule='{rule}'"):
            Settings(**{**SMALL, "rule": rule, name: other}).validate()
        if DECLARED[name].default != off:
            with pytest.raises(UsageError, match=f"{name} is .*, but does nothing"):
                Settings(**{**SMALL, "rule": rule}).validate({name})


@pytest.mark.parametrize("name", ["k1", "k2"])
def test_where_it_is_cut_off_is_of_those_that_are(name: str) -> None:
    for rule in RULES:
        settings = Settings(**{**SMALL, "rule": rule, name: 5})
        if rule in CUT:
            settings.validate()
        else:
            with pytest.raises(UsageError, match=f"{name} is 5, but is for rule 'tbptt', 'ekf'"):
                settings.validate()
    with pytest.raises(UsageError, match="k2 is 3, but must be at least k1, 4"):
        Settings(**SMALL, rule="tbptt", k1=4, k2=3).validate()


@pytest.mark.parametrize("rule", OTHERS)
def test_the_command_line_refuses_it_with_2(rule: str) -> None:
    asks = f"--rule {rule} goes along whole texts as they are read, but "
    for options, told in (
        ([], "reads each text from both ends instead of one way; train with --one-way."),
        (["--one-way", "--segment-length", "9"], "segments of 9 words; train with --segment-le"),
    ):
        done = CliRunner().invoke(app, ["train", "cars", "--rule", rule, *options])
        assert done.exit_code == 2
        assert asks in done.stderr
        assert told in done.stderr
