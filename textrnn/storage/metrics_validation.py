"""Whether what a folder says of its model's training can be told: the types of what is read of it.

A script may keep anything in ``metrics.json``. What textrnn itself reads there is of these types,
or null, or not there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from textrnn.system.fields import Field, check_fields, flag, is_number, mapping, number, text, whole
from textrnn.system.strict_json import shown

Table = Mapping[str, Field]


def _list_of(is_item: Callable[[Any], bool], wanted: str) -> Field:
    return Field(lambda value: isinstance(value, list) and all(map(is_item, value)), wanted)


def _optional(table: Table) -> dict[str, Field]:
    return {name: field.or_none().maybe() for name, field in table.items()}


def _are_numbers(value: Any) -> bool:
    return isinstance(value, dict) and all(n is None or is_number(n) for n in value.values())


def _is_epoch(value: Any) -> bool:
    return _are_numbers(value) and "loss" in value


def _are_two_numbers(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(map(is_number, value))


def _are_counts(value: Any) -> bool:
    return isinstance(value, list) and all(map(whole().is_valid, value))


_SCORES: Table = {
    "accuracy": number(0.0, 1.0),
    "accuracy_interval": _list_of(is_number, "two numbers"),
    **dict.fromkeys(("macro_f1", "micro_f1", "hamming_loss", "log_loss", "roc_auc"), number()),
    "calibration_error": number(),
    **dict.fromkeys(("mean_absolute_error", "r2", "spearman"), number()),
    **dict.fromkeys(
        ("mean_absolute_error_interval", "r2_interval", "spearman_interval"),
        Field(_are_two_numbers, "two numbers"),
    ),
    "n": whole(),
    "per_class": _list_of(lambda value: isinstance(value, dict), "a list of objects"),
    "confusion": _list_of(_are_counts, "rows of counts"),
}
SCORES = _optional(_SCORES)
"""Of a model on the texts of a corpus."""
SHOWN = {name: _SCORES[name] for name in ("accuracy", "accuracy_interval", "n", "per_class")}
"""What ``train`` shows of them, be it there or not."""
COMPARED = {
    **{name: _SCORES[name] for name in ("accuracy", "accuracy_interval", "macro_f1", "log_loss")},
    "roc_auc": number().or_none(),
    "seconds": number().or_none().maybe(),
}
"""What it shows of the scores of a baseline, and of the network beside it."""
NUMBERS = {
    "mean_absolute_error": number(),
    "mean_absolute_error_interval": _SCORES["mean_absolute_error_interval"],
    "n": whole(),
}
"""What it shows of scores of numbers, be they there or not."""
CLASS_SCORES: Table = {
    "label": Field(lambda value: isinstance(value, str | bool | int | float), "a label"),
    **dict.fromkeys(("precision", "recall", "f1"), number().or_none()),
    "support": whole(),
}
"""Of each class."""
DISTILLATION = {"kept": flag(), "n_texts": whole()}
METRICS = _optional(
    {
        **dict.fromkeys(("corpus", "fingerprint", "source", "preset", "stopped"), text()),
        **dict.fromkeys(("recommendation", "verdict"), text()),  # the latter's name in 0.1.0
        "textrnn_version": text(100),
        "label_separator": text(),
        "unlabelled": text(),
        "shrunk_from": text(),
        "seed": whole(),
        "test_fraction": number(0.0, 1.0),
        **dict.fromkeys(("n_train", "n_train_in_time", "n_validation", "n_test"), whole()),
        **dict.fromkeys(("steps", "planned_steps"), whole()),
        **dict.fromkeys(("interrupted", "finished", "out_of_time"), flag()),
        "settings": mapping(),
        "history": _list_of(_is_epoch, "a list of objects of numbers, a loss in each"),
        "warnings": _list_of(text().is_valid, "a list of texts"),
        **dict.fromkeys(("validation", "figures"), Field(_are_numbers, "an object of numbers")),
        "best_validation_score": number(),
        **dict.fromkeys(
            ("teaching", "distillation", "test", "tests", "before_shrinking", "baselines"),
            mapping(),
        ),
    }
)
REPORT = {
    **dict.fromkeys(("n_train", "n_train_in_time", "steps", "planned_steps"), whole()),
    **dict.fromkeys(("interrupted", "out_of_time"), flag()),
    "unlabelled": text().or_none(),
    "seconds": number().or_none().maybe(),
}
"""What ``train`` tells beside the scores, be it there or not."""
SETTINGS = _optional({"validation_fraction": number(0.0, 1.0)})


def validate_metrics(metrics: Any) -> None:
    """Check what is read of a model's metrics.

    Raises:
        ValueError: what is wrong, where, the value seen and what it must be.
    """
    check_fields(metrics, METRICS, "", others=True)
    check_fields(metrics.get("settings") or {}, SETTINGS, "settings", others=True)
    for name in ("teaching", "distillation"):  # its name in 0.1.0, and its name now
        if metrics.get(name):
            check_fields(metrics[name], DISTILLATION, name, others=True)
    if metrics.get("test"):
        check_scores(metrics["test"], "test")
    for group in ("tests", "before_shrinking", "baselines"):
        for name, scores in (metrics.get(group) or {}).items():
            if scores is not None or group != "baselines":
                check_scores(scores, f"{group}.{shown(name)}")


def check_scores(scores: Any, where: str) -> None:
    """Check the scores of a model on some texts; see ``validate_metrics``."""
    check_fields(scores, SCORES, where, others=True)
    interval = scores.get("accuracy_interval")
    if interval is not None and len(interval) != 2:
        raise ValueError(f"{where}.accuracy_interval is {shown(interval)}, but must be two numbers")
    for number_, line in enumerate(scores.get("per_class") or ()):
        check_fields(line, CLASS_SCORES, f"{where}.per_class.{number_}", others=True)


def validate_report(report: Mapping[str, Any]) -> None:
    """Check that metrics are a whole report, which ``train`` can show once more.

    Args:
        report: what ``validate_metrics`` has passed.

    Raises:
        ValueError: as of ``validate_metrics``.
    """
    test, baselines = report.get("test"), report.get("baselines") or {}
    compared = COMPARED
    if test and report.get("classes") == []:
        compared = NUMBERS
    elif test:
        check_fields(test, SHOWN, "test", others=True)
        size = len(test["per_class"])
        rows = test.get("confusion")
        if rows is not None and [len(row) for row in rows] != [size] * size:
            raise ValueError(f"test.confusion is not of {size} classes")
    for name, scores in baselines.items():
        if scores is not None:
            check_scores(scores, f"baselines.{shown(name)}")
            check_fields(scores, compared, f"baselines.{shown(name)}", others=True)
    if test and (baselines or compared is NUMBERS):
        check_fields(test, compared, "test", others=True)
    check_fields(report, REPORT, "", others=True)
