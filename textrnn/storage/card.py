"""The model card: what a saved model is, for the eye."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from textrnn.evaluation.scores import Scores
from textrnn.inference.bag_of_words import LinearModel
from textrnn.inference.classifier import TextModel
from textrnn.inference.markov_classifier import MarkovClassifier
from textrnn.inference.protocol import Classifier
from textrnn.inference.regression import RegressionModel
from textrnn.storage.report import RunReport
from textrnn.wording.quoting import in_markdown


def model_card(model: Classifier, report: RunReport) -> str:
    """Markdown that tells what a model is, how it was trained and what it scored.

    Args:
        model: the trained model.
        report: of its training.
    """
    lines = [
        "# A textrnn model",
        "",
        "| | |",
        "|---|---|",
        f"| {_what_it_predicts(model)} |",
        *(_of_network(model) if isinstance(model, TextModel) else []),
        *(_of_weights(model) if isinstance(model, LinearModel) else []),
        *(_of_chains(model) if isinstance(model, MarkovClassifier) else []),
    ]
    if model.threshold is not None:
        lines.append(f"| threshold | {model.threshold:.4g} |")
    lines += _of_training(report)
    distillation = report.distillation
    if distillation and distillation.kept:
        lines.append(f"| learned from without labels | {distillation.n_texts:,} texts |")
    test = report.test
    if test is not None:
        lines += _of_test(test)
        for warning in report.warnings or ():
            lines += ["", f"**Warning:** {in_markdown(warning)}."]
    if report.recommendation:
        lines += ["", in_markdown(report.recommendation)]
    return "\n".join(lines) + "\n"


def structure_card(model: Any, report: RunReport, rows: Sequence[str] = ()) -> str:
    """The same of a model that is no classifier, with what was measured of it.

    Args:
        model: the trained model, of any kind.
        report: of its training.
        rows: of the table, that tell of its kind.
    """
    lines = ["# A textrnn model", "", "| | |", "|---|---|", *rows]
    if model.classes:
        lines.append(f"| labels | {', '.join(in_markdown(str(name)) for name in model.classes)} |")
    lines += _of_training(report)
    if report.known_figures:
        told = [f"| {in_markdown(name)} | {n:.6g} |" for name, n in report.known_figures.items()]
        lines += ["", "## Figures", "", "| | |", "|---|---|", *told]
    if report.recommendation:
        lines += ["", in_markdown(report.recommendation)]
    return "\n".join(lines) + "\n"


def _of_training(report: RunReport) -> list[str]:
    """Rows on what a model learned from, and how that ended."""
    lines = []
    if report.corpus is not None:
        lines.append(f"| trained on | {in_markdown(report.corpus)}{_texts(report.n_train)} |")
        for name, value in (("preset", report.preset), ("epochs", report.epochs)):
            if value is not None:
                lines.append(f"| {name} | {in_markdown(str(value))} |")
        lines.append(f"| seed | {report.seed} |")
    if report.interrupted:
        lines.append("| interrupted | yes: this is what was trained till then |")
    if report.stopped:
        lines.append(f"| stopped | {in_markdown(report.stopped)} |")
    return lines


def _what_it_predicts(model: Classifier) -> str:
    if isinstance(model, RegressionModel):
        return f"predicts | numbers, in training {model.mean:.4g} ± {model.scale:.4g}"
    return f"classes | {', '.join(in_markdown(str(name)) for name in model.classes)}"


def _of_test(test: Scores) -> list[str]:
    """A paragraph on the scores, if all are known that it tells; a script may keep others."""
    if test.mean_absolute_error is not None:
        return ["", "## Test", "", _of_numbers(test)]
    told = (test.accuracy, test.accuracy_interval, test.macro_f1, test.log_loss, test.n)
    if None in told or test.accuracy_interval is None:
        return []
    low, high = test.accuracy_interval
    return [
        "",
        "## Test",
        "",
        f"Accuracy {test.accuracy:.4f} (95 % interval {low:.4f} to {high:.4f}), macro-F1 "
        f"{test.macro_f1:.4f}, log loss {test.log_loss:.4f} on {test.n:,} texts.",
    ]


def _of_numbers(test: Scores) -> str:
    within = ""
    if test.mean_absolute_error_interval is not None:
        low, high = test.mean_absolute_error_interval
        within = f" (95 % interval {low:.4f} to {high:.4f})"
    shown = {"R²": test.r2, "rank correlation": test.spearman}
    others = "".join(f", {name} {value:.4f}" for name, value in shown.items() if value is not None)
    texts = "" if test.n is None else f" on {test.n:,} texts"
    return f"Mean absolute error {test.mean_absolute_error:.4f}{within}{others}{texts}."


def _texts(n: int | None) -> str:
    return "" if n is None else f" ({n:,} texts)"


def _of_network(model: TextModel) -> list[str]:
    config = model.network.config
    ways = "bidirectional" if config.bidirectional else "left to right"
    kind = f"{config.cell}, {ways}" if model.network.body.has_directions else config.body
    inputs = "one-hot" if config.embedding_dim is None else f"{config.embedding_dim} dimensions"
    return [
        f"| network | {kind}, {config.num_layers} x "
        f"{config.hidden_size} units, {config.readout} readout |",
        f"| word vectors | {inputs} |",
        f"| vocabulary | {len(model.vocabulary):,} words |",
        f"| parameters | {model.network.n_parameters:,} |",
        f"| words read of a text | {model.max_length or 'all'} |",
    ]


def _of_weights(model: LinearModel) -> list[str]:
    words = "words" if model.form.max_n == 1 else f"n-grams of up to {model.form.max_n} words"
    return [
        f"| bag of words | {model.form.name}, {len(model.keys):,} {words} |",
        f"| parameters | {model.n_parameters:,} |",
    ]


def _of_chains(model: MarkovClassifier) -> list[str]:
    return [f"| Markov chains | one a class, of order {model.order}, {model.n_ngrams:,} n-grams |"]
