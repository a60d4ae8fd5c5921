"""``textrnn inspect``: what is inside a model folder."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from textrnn.cli.models import find_model
from textrnn.cli.options import Debug, Json


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
    from textrnn.persistence import load_model, read_config, read_metrics

    folder = find_model(model)
    loaded, config, metrics = load_model(folder), read_config(folder), read_metrics(folder)
    counts = loaded.vocabulary.counts
    known = int(counts[1:].sum())
    weights = {name: list(value.shape) for name, value in loaded.network.params.items()}
    inside: dict[str, Any] = {
        "model": str(folder),
        "format_version": config["format_version"],
        "textrnn_version": config["textrnn_version"],
        "classes": config["classes"],
        "network": config["network"],
        "n_parameters": loaded.network.n_parameters,
        "size_bytes": sum(file.stat().st_size for file in folder.iterdir() if file.is_file()),
        "tokenizer": config["tokenizer"],
        "max_length": config["max_length"],
        "vocabulary_size": len(loaded.vocabulary),
        "vocabulary_coverage": known / max(known + int(counts[0]), 1),
        "most_frequent": list(loaded.vocabulary.tokens[1:21]),
        "weights": weights,
        "settings": config["settings"],
        "metrics": metrics,
    }
    if as_json:
        print_json(inside)
        return
    shown = ("model", "textrnn_version", "n_parameters", "size_bytes", "max_length")
    rows = [[name, str(inside[name])] for name in shown]
    rows += [["classes", ", ".join(map(str, inside["classes"]))]]
    rows += [[name, str(value)] for name, value in config["network"].items()]
    rows += [["tokenizer", str(config["tokenizer"]["name"])]]
    rows += [["training words known", f"{inside['vocabulary_coverage']:.2%}"]]
    rows += [["most frequent", " ".join(inside["most_frequent"])]]
    if metrics.get("corpus"):
        rows += [["trained on", f"{metrics['corpus']} ({metrics['n_train']} texts)"]]
    if metrics.get("test"):
        rows += [["test accuracy", f"{metrics['test']['accuracy']:.4f}"]]
    print_entries([(name, [value]) for name, value in rows])
    print_table(("weight", "shape"), [[name, str(shape)] for name, shape in weights.items()])
