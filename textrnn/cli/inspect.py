"""``textrnn inspect``: what is inside a model folder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from textrnn.cli.models import find_model
from textrnn.cli.options import Debug, Json
from textrnn.wording.quoting import quoted

if TYPE_CHECKING:
    from textrnn.inference.protocol import Classifier


def inspect(
    model: Annotated[
        str | None, typer.Argument(help="Folder or name; by default the one trained last.")
    ] = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Show what is inside a model folder."""
    del debug
    from textrnn.cli.output import print_entries, print_json, print_table
    from textrnn.storage.reading import load_saved

    folder = find_model(model)
    saved = load_saved(folder)
    loaded, config, report = saved.model, saved.config, saved.report
    inside: dict[str, Any] = {
        "model": str(folder),
        "format_version": config["format_version"],
        "textrnn_version": config["textrnn_version"],
        "classes": config["classes"],
        **_what_learns(loaded, config),
        "size_bytes": saved.size,
        "tokenizer": config["tokenizer"],
        "max_length": config["max_length"],
        "settings": config["settings"],
        "metrics": saved.metrics,
    }
    if as_json:
        print_json(inside)
        return
    shown = ("model", "textrnn_version", "n_parameters", "size_bytes", "max_length")
    rows = [[name, str(inside[name])] for name in shown]
    kind = inside["network"] if "network" in inside else inside["linear"]
    rows += [["classes", ", ".join(map(str, inside["classes"])) or "none: it predicts numbers"]]
    rows += [[name, str(value)] for name, value in kind.items()]
    settings = inside["settings"]
    rows += [[name, settings[name]] for name in ("loss", "rule") if name in settings]
    rows += [["tokenizer", str(config["tokenizer"]["name"])]]
    if "network" in inside:
        rows += [["training words known", f"{inside['vocabulary_coverage']:.2%}"]]
        rows += [["most frequent", " ".join(inside["most_frequent"])]]
    if report.corpus:
        texts = "" if report.n_train is None else f" ({report.n_train} texts)"
        rows += [["trained on", f"{report.corpus}{texts}"]]
    tests, mark = report.own_scores, ""
    if not tests:
        tests, mark = report.scores_before, ", before shrinking"
    if config.get("threshold") is not None:
        of = "each label" if kind.get("multilabel") else quoted(inside["classes"][1])
        rows += [["threshold", f"{config['threshold']:.3f} of {of}"]]
    for name, test in tests.items():
        rows += [["test accuracy", f"{test.accuracy:.4f} ({name}{mark})"]]
    print_entries([(name, [value]) for name, value in rows])
    weights = inside["weights"].items()
    print_table(("weight", "shape"), [[name, str(shape)] for name, shape in weights])


def _what_learns(model: Classifier, config: dict[str, Any]) -> dict[str, Any]:
    """The network and the words it knows, or the form of a linear model; their weights."""
    from textrnn.inference.bag_of_words import LinearModel
    from textrnn.inference.classifier import TextModel

    if isinstance(model, LinearModel):
        return {
            "linear": config["linear"],
            "n_parameters": model.n_parameters,
            "weights": {name: list(value.shape) for name, value in model.arrays().items()},
        }
    assert isinstance(model, TextModel)
    counts = model.vocabulary.counts
    known = int(counts[1:].sum())
    return {
        "network": config["network"],
        "n_parameters": model.network.n_parameters,
        "vocabulary_size": len(model.vocabulary),
        "vocabulary_coverage": known / max(known + int(counts[0]), 1),
        "most_frequent": list(model.vocabulary.tokens[1:21]),
        "weights": {name: list(value.shape) for name, value in model.network.params.items()},
    }
