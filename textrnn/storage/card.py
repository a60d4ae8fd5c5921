"""The model card: what a saved model is, for the eye."""

from __future__ import annotations

from typing import Any

from textrnn.inference.bag_of_words import Classifier, LinearModel
from textrnn.inference.classifier import TextModel
from textrnn.wording.quoting import in_markdown


def model_card(model: Classifier, report: dict[str, Any]) -> str:
    """Markdown that tells what a model is, how it was trained and what it scored.

    Args:
        model: the trained model.
        report: of the experiment it comes from; may be empty.
    """
    lines = [
        "# A textrnn model",
        "",
        "| | |",
        "|---|---|",
        f"| classes | {', '.join(in_markdown(str(name)) for name in model.classes)} |",
        *(_of_weights(model) if isinstance(model, LinearModel) else _of_network(model)),
    ]
    if model.threshold is not None:
        lines.append(f"| threshold | {model.threshold:.4g} |")
    if report:
        lines += [
            f"| trained on | {in_markdown(str(report['corpus']))}{_texts(report.get('n_train'))} |",
            *(
                f"| {name} | {in_markdown(str(report[name]))} |"
                for name in ("preset", "epochs")
                if name in report
            ),
            f"| seed | {report.get('seed')} |",
        ]
    if report.get("interrupted"):
        lines.append("| interrupted | yes: this is what was trained till then |")
    teaching = report.get("teaching")
    if teaching and teaching.get("kept"):
        lines.append(f"| learned from without labels | {teaching['n_texts']:,} texts |")
    test = report.get("test")
    if test and {name for name, value in test.items() if value is not None} >= _TOLD:
        low, high = test["accuracy_interval"]
        lines += [
            "",
            "## Test",
            "",
            f"Accuracy {test['accuracy']:.4f} (95 % interval {low:.4f} to {high:.4f}), macro-F1 "
            f"{test['macro_f1']:.4f}, log loss {test['log_loss']:.4f} on {test['n']:,} texts.",
        ]
        for warning in report.get("warnings") or ():
            lines += ["", f"**Warning:** {in_markdown(warning)}."]
    if report.get("verdict"):
        lines += ["", in_markdown(report["verdict"])]
    return "\n".join(lines) + "\n"


_TOLD = {"accuracy", "accuracy_interval", "macro_f1", "log_loss", "n"}
"""Of the scores on test texts; a script may keep others."""


def _texts(n: int | None) -> str:
    return "" if n is None else f" ({n:,} texts)"


def _of_network(model: TextModel) -> list[str]:
    config = model.network.config
    direction = "bidirectional" if config.bidirectional else "left to right"
    inputs = "one-hot" if config.embedding_dim is None else f"{config.embedding_dim} dimensions"
    return [
        f"| network | {config.cell}, {direction}, {config.num_layers} x "
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
