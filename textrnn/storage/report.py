"""What is told of a training, as one type: what ``metrics.json`` holds and ``train`` shows.

A file may be of textrnn 0.1.0, or of a script that kept what it liked: every field may be unknown,
and what is none of them stays beside them. Keys that have other names now are written under both
for one release, and a report can be read by its keys as the dictionary that it was.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Self

from textrnn.evaluation.scores import Scores

VERSION = 1
"""Of reports; textrnn 0.1.0 wrote none, which is 0."""
ALIASES = {"recommendation": "verdict", "distillation": "teaching"}
"""Keys of 0.1.0 for what is called otherwise now."""

History = list[dict[str, float]]


@dataclass(frozen=True)
class HeldOutAccuracy:
    """On the held-out texts: ``accuracy`` of the classifier, the other of its network alone."""

    accuracy: float | None = None
    network_accuracy: float | None = None

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The inverse of ``to_dict``."""
        return cls(values.get("accuracy"), values.get("network_accuracy"))

    def to_dict(self) -> dict[str, float]:
        """What is known; ``whole`` is what 0.1.0 called the classifier's."""
        values = {**vars(self), "whole": self.accuracy}
        return {name: value for name, value in values.items() if value is not None}


@dataclass(frozen=True)
class Distillation:
    """How a student was trained on texts without labels.

    Attributes:
        n_texts: those that there was time for.
        kept: whether the student took its teacher's place.
        teacher_accuracy: on the held-out texts.
        teacher_steps: of its run.
        teacher_history: of its run.
    """

    n_texts: int | None = None
    kept: bool = False
    teacher_accuracy: float | None = None
    teacher_steps: int | None = None
    teacher_history: History = field(default_factory=list)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The inverse of ``to_dict``."""
        return cls(**{f.name: values[f.name] for f in fields(cls) if f.name in values})

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values."""
        return asdict(self)


@dataclass(frozen=True, eq=False)
class Comparison(Mapping[str, Any]):
    """How a classifier did on test texts, beside others.

    Attributes:
        test: its scores, None without test texts.
        parts: accuracy of its network and of its n-grams, each alone, if it has both.
        baselines: scores of bags of words, by their names.
        paired: the paired test against the best of these, with its name as ``baseline``.
        over_ngrams: the paired test of the classifier against its own n-grams.
        recommended: the name of the one to use.
        recommendation: the same in words, with the reasons.
    """

    test: Scores | None = None
    parts: dict[str, float] = field(default_factory=dict)
    baselines: dict[str, Scores] = field(default_factory=dict)
    paired: dict[str, Any] | None = None
    over_ngrams: dict[str, Any] | None = None
    recommended: str | None = None
    recommendation: str = ""

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values, under their names of 0.1.0, too."""
        values = {f.name: _plain(getattr(self, f.name)) for f in fields(self)}
        return values | {old: values[new] for new, old in ALIASES.items() if new in values}

    def __getitem__(self, key: str) -> Any:
        return self.to_dict()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.to_dict())

    def __len__(self) -> int:
        return len(self.to_dict())


@dataclass(frozen=True, eq=False)
class RunReport(Comparison):
    """What is known of a training; None of what is not.

    Attributes:
        report_version: of this form.
        corpus: its name.
        fingerprint: of its texts and splits.
        source: the file or folder it came from.
        model_dir: where the model was written.
        textrnn_version: that trained.
        preset: name of the settings that were begun with.
        seed: of the split, the weights, the order and the dropout.
        classes: the labels.
        test_fraction: share drawn for the test, if the corpus has no such split.
        label_separator: what stands between the labels of a text, if it has any number.
        n_train: training texts.
        n_train_in_time: those that there was time for.
        n_validation: held-out texts.
        n_test: test texts.
        shared: how many texts the splits share.
        warnings: what the scores must not be read without.
        n_parameters: of the network.
        vocabulary_size: words that it knows.
        seconds: until the model was trained, those of preparing included.
        seconds_preparing: reading, splitting, tokenising.
        seconds_of_stages: of each stage of the fit, by its name.
        tokens_from_cache: whether tokens were read and not made.
        steps: of the network's run.
        planned_steps: of the network's run.
        out_of_time: whether the clock stopped it.
        epochs: of the network's run.
        best_epoch: that was kept.
        interrupted: whether Ctrl-C stopped it.
        stopped: why something else did, in its own words.
        unlabelled: fingerprint of texts without labels.
        distillation: what was learned from them.
        validation: accuracy on the held-out texts.
        settings: of the training.
        history: a record for each epoch.
        finished: whether all was done.
        best_validation_score: the classifier's of ``validation``, where an estimator was fitted.
        best_network_validation_score: its network's, where an estimator was fitted.
        tests: scores on test texts by the names of their corpora, if there are several.
        before_shrinking: scores of the larger model that this one was made of.
        shrunk_from: its folder.
        figures: what was measured of a model of another kind, as ``perplexity``, by name.
        others: what else stands in the file.
    """

    report_version: int = VERSION
    corpus: str | None = None
    fingerprint: str | None = None
    source: str | None = None
    model_dir: str | None = None
    textrnn_version: str | None = None
    preset: str | None = None
    seed: int | None = None
    classes: list[Any] | None = None
    test_fraction: float | None = None
    label_separator: str | None = None
    n_train: int | None = None
    n_train_in_time: int | None = None
    n_validation: int | None = None
    n_test: int | None = None
    shared: Any = None
    warnings: list[str] | None = None
    n_parameters: int | None = None
    vocabulary_size: int | None = None
    seconds: float | None = None
    seconds_preparing: float | None = None
    seconds_of_stages: dict[str, float] | None = None
    tokens_from_cache: bool | None = None
    steps: int | None = None
    planned_steps: int | None = None
    out_of_time: bool | None = None
    epochs: int | None = None
    best_epoch: int | None = None
    interrupted: bool | None = None
    stopped: str | None = None
    unlabelled: str | None = None
    distillation: Distillation | None = None
    validation: HeldOutAccuracy | None = None
    settings: dict[str, Any] | None = None
    history: History | None = None
    finished: bool | None = None
    best_validation_score: float | None = None
    best_network_validation_score: float | None = None
    tests: dict[str, Scores] | None = None
    before_shrinking: dict[str, Scores] | None = None
    shrunk_from: str | None = None
    figures: dict[str, float] | None = None
    others: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The report in a file's values, which ``validate_metrics`` has passed.

        Held-out scores have their present names; see ``held_out_scores.as_named_now``.
        """
        named = dict(values)
        for new, old in ALIASES.items():
            if old in named:
                named.setdefault(new, named.pop(old))
                named.pop(old, None)
        names = {f.name for f in fields(cls)} - {"others"}
        known: dict[str, Any] = {
            name: value for name, value in named.items() if name in names and value is not None
        }
        known.setdefault("report_version", 0)
        for name, read in _READERS.items():
            if name in known:
                known[name] = read(known[name])
        others = {name: value for name, value in named.items() if name not in names}
        return cls(**known, others=others)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values; of a model that a script saved what is known alone."""
        values = super().to_dict()
        others = values.pop("others")
        if self.corpus is None:
            values = {name: value for name, value in values.items() if value not in (None, "", {})}
        else:
            values = {k: v for k, v in values.items() if v is not None or k not in _SELDOM}
        return {**others, **values}

    def shrunk(self, folder: str) -> Self:
        """Of a smaller model, made of the one in a folder: the scores are that one's."""
        return replace(
            self,
            before_shrinking=self.own_scores or self.scores_before,
            test=None,
            tests={},
            paired=None,
            recommended=None,
            recommendation="",
            shrunk_from=folder,
        )

    @property
    def own_scores(self) -> dict[str, Scores]:
        """Those of the model itself on test texts, by the names of their corpora."""
        tests = dict(self.tests or {})
        if not tests and self.test is not None:
            tests = {self.corpus or "": self.test}
        return _with_accuracy(tests)

    @property
    def known_figures(self) -> dict[str, float]:
        """Those of the ``figures`` that have a value."""
        return {name: value for name, value in (self.figures or {}).items() if value is not None}

    @property
    def scores_before(self) -> dict[str, Scores]:
        """The same of the larger model that a shrunken one was made of."""
        return _with_accuracy(self.before_shrinking or {})


_SELDOM = {
    *("best_validation_score", "best_network_validation_score", "seconds_of_stages"),
    *("tests", "before_shrinking", "shrunk_from", "finished", "figures"),
}
"""What the report of a run tells only where it is known."""


def _with_accuracy(scores: Mapping[str, Scores]) -> dict[str, Scores]:
    """Those of the scores, by name, that have what is told of them; a script may keep any."""
    return {name: of for name, of in scores.items() if of.accuracy is not None}


def _all_scores(values: Mapping[str, Any]) -> dict[str, Scores]:
    return {name: Scores.from_dict(of) for name, of in values.items() if of is not None}


_READERS: dict[str, Any] = {
    "test": Scores.from_dict,
    **dict.fromkeys(("baselines", "tests", "before_shrinking"), _all_scores),
    "validation": HeldOutAccuracy.from_dict,
    "distillation": Distillation.from_dict,
}


def _plain(value: Any) -> Any:
    """JSON-ready, of what has a ``to_dict`` of its own or holds such values."""
    if hasattr(value, "to_dict"):
        return value.to_dict()
    if isinstance(value, dict):
        return {key: _plain(of) for key, of in value.items()}
    return [_plain(of) for of in value] if isinstance(value, list | tuple) else value
