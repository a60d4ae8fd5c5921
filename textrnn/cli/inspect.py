"""``textrnn inspect``: what is inside a model folder."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from textrnn.cli.models import find_model
from textrnn.cli.options import Debug, Json
from textrnn.wording.quoting import quoted

if TYPE_CHECKING:
    from textrnn.inference.protocol import Contents
    from textrnn.storage.reading import Saved


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
    from textrnn.storage.kinds import all_kinds, kind_of
    from textrnn.storage.reading import load_saved

    folder = find_model(model, *(kind.name for kind in all_kinds()))
    saved = load_saved(folder, kinds=())
    config = saved.config
    inside: dict[str, Any] = {
        "model": str(folder),
        "kind": kind_of(config).name,
        "format_version": config["format_version"],
        "textrnn_version": config["textrnn_version"],
        "classes": config["classes"],
        **_what_learns(saved),
        "size_bytes": saved.size,
        "tokenizer": config["tokenizer"],
        "max_length": config["max_length"],
        "settings": config["settings"],
        "metrics": saved.metrics,
    }
    if as_json:
        print_json(inside)
        return
    print_entries([(name, [value]) for name, value in _rows(inside, saved)])
    weights = inside["weights"].items()
    print_table(("weight", "shape"), [[name, str(shape)] for name, shape in weights])


def _rows(inside: dict[str, Any], saved: Saved) -> Iterator[tuple[str, str]]:
    """What people want to know first, a name and a value each."""
    for name in ("model", "kind", "textrnn_version", "n_parameters", "size_bytes", "max_length"):
        yield name, str(inside[name])
    classes, config, report = inside["classes"], saved.config, saved.report
    if classes or "target" in config:
        yield "classes", ", ".join(map(str, classes)) or "none: it predicts numbers"
    for part in _parts_of(config).values():
        yield from ((name, str(value)) for name, value in part.items())
    settings = inside["settings"]
    yield from ((name, settings[name]) for name in ("loss", "rule") if name in settings)
    yield "tokenizer", str(config["tokenizer"]["name"])
    if "vocabulary_coverage" in inside:
        yield "training words known", f"{inside['vocabulary_coverage']:.2%}"
        yield "most frequent", " ".join(inside["most_frequent"])
    if report.corpus:
        texts = "" if report.n_train is None else f" ({report.n_train} texts)"
        yield "trained on", f"{report.corpus}{texts}"
    if config.get("threshold") is not None:
        of = "each label" if config["network"].get("multilabel") else quoted(classes[1])
        yield "threshold", f"{config['threshold']:.3f} of {of}"
    tests, mark = report.own_scores, ""
    if not tests:
        tests, mark = report.scores_before, ", before shrinking"
    for name, test in tests.items():
        yield "test accuracy", f"{test.accuracy:.4f} ({name}{mark})"
    yield from ((name, f"{value:.4g}") for name, value in report.known_figures.items())


def _parts_of(config: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What a configuration says that only its kind has, as of a network, by its names."""
    from textrnn.storage.kinds import kind_of

    found = {name: config.get(name) for name in kind_of(config).fields}
    return {name: part for name, part in found.items() if isinstance(part, dict)}


def _what_learns(saved: Saved) -> dict[str, Any]:
    """What a model is made of: its parts, its weights, and the words it knows, if it keeps any."""
    contents: list[Contents] = []
    saved.model.save(contents.append)
    weights = contents[0].weights
    n_learned = sum(value.size for value in weights.values() if value.dtype.kind == "f")
    found = {
        **_parts_of(saved.config),
        "n_parameters": getattr(saved.model, "n_parameters", n_learned),  # counts are learned, too
        "weights": {name: list(value.shape) for name, value in weights.items()},
    }
    vocabulary = getattr(saved.model, "vocabulary", None)
    if vocabulary is None:
        return found
    counts = vocabulary.counts
    known = int(counts[1:].sum())
    return {
        **found,
        "vocabulary_size": len(vocabulary),
        "vocabulary_coverage": known / max(known + int(counts[0]), 1),
        "most_frequent": list(vocabulary.tokens[1:21]),
    }
