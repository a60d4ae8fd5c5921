"""The model card: what a saved model is, for the eye."""

from __future__ import annotations

from typing import Any

from textrnn.model import TextModel


def model_card(model: TextModel, report: dict[str, Any]) -> str:
    """Markdown that tells what a model is, how it was trained and what it scored.

    Args:
        model: the trained model.
        report: of the experiment it comes from; may be empty.
    """
    network = model.network
    config = network.config
    direction = "bidirectional" if config.bidirectional else "left to right"
    inputs = "one-hot" if config.embedding_dim is None else f"{config.embedding_dim} dimensions"
    lines = [
        "# A textrnn model",
        "",
        "| | |",
        "|---|---|",
        f"| classes | {', '.join(map(str, model.classes))} |",
        f"| network | {config.cell}, {direction}, {config.num_layers} x "
        f"{config.hidden_size} units, {config.readout} readout |",
        f"| word vectors | {inputs} |",
        f"| vocabulary | {len(model.vocabulary):,} words |",
        f"| parameters | {network.n_parameters:,} |",
        f"| words read of a text | {model.max_length or 'all'} |",
    ]
    if report:
        lines += [
            f"| trained on | {report['corpus']} ({report['n_train']:,} texts) |",
            f"| epochs | {report['epochs']} |",
            f"| seed | {report['seed']} |",
        ]
    test = report.get("test")
    if test:
        low, high = test["accuracy_interval"]
        lines += [
            "",
            "## Test",
            "",
            f"Accuracy {test['accuracy']:.4f} (95 % interval {low:.4f} to {high:.4f}), macro-F1 "
            f"{test['macro_f1']:.4f}, log loss {test['log_loss']:.4f} on {test['n']:,} texts.",
        ]
    if report.get("verdict"):
        lines += ["", report["verdict"]]
    return "\n".join(lines) + "\n"
