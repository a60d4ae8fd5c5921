"""Every setting of a classifier in one place: its default, and what values can work.

The estimator's parameters and the command line's options carry these names and
defaults; both end here.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, fields
from numbers import Integral, Real
from typing import Any, TypeAlias

from textrnn.errors import UsageError, did_you_mean
from textrnn.inference.classifier import NEAREST, UNKNOWN_WORDS
from textrnn.nn.cells import CELLS
from textrnn.nn.network import EMBEDDING, NetworkConfig
from textrnn.nn.poolings import POOLINGS
from textrnn.nn.schedules import SCHEDULES
from textrnn.system.fields import MOST
from textrnn.system.processes import available_cores as available_cores
from textrnn.text.tokenizers import Tokenizer, tokenizer_name
from textrnn.training.batching import batch_count
from textrnn.training.loop import SOLVERS, TrainingConfig
from textrnn.typing import ClassWeight
from textrnn.wording.messages import Advice, ForScripts, Message, Parameter, Setting, Value, stated
from textrnn.wording.quoting import listed, quoted

ONE_HOT, RANDOM, WORD2VEC = "onehot", "random", "word2vec"
USUAL_STEPS = 3_000
TEXTS_A_PROCESS = 16
LARGEST_WHOLE = 2**31 - 1
LONGEST_NAME = 1_000
"""Characters of the name of a tokenizer of the user's own."""
LARGEST = 2**40
"""Bytes of recurrent weights that no machine holds."""
EMBEDDINGS = (RANDOM, WORD2VEC, ONE_HOT)
F1 = "f1"
"""A threshold that is tuned on held-out texts for the highest F1."""
NGRAMS = ("auto", "words", "characters", "none")


@dataclass(frozen=True)
class Settings:
    """Hyper-parameters; see ``TextRNNClassifier`` for what each one means."""

    cell: str = "lstm"
    hidden_size: int = 64
    num_layers: int = 1
    bidirectional: bool = True
    readout: str = "max"
    segment_length: int | None = None
    embedding: str = RANDOM
    embedding_dim: int = 100
    freeze_embedding: bool = False
    tokenizer: str | Tokenizer = "word"
    lowercase: bool = True
    min_df: int | float = 1
    max_df: int | float = 1.0
    max_features: int | None = 30_000
    max_length: int | None = 1_000
    unknown_alpha: float = 0.25
    unknown_words: str = NEAREST
    ngrams: str = "auto"
    solver: str = "adam"
    learning_rate_init: float = 2e-3
    learning_rate: str = "linear"
    warmup_fraction: float = 0.05
    momentum: float = 0.9
    alpha: float = 0.0
    max_grad_norm: float | None = 1.0
    gradient_floor: float = 1e-7
    batch_size: int = 32
    batch_tokens: int | None = None
    max_iter: int | None = None
    max_steps: int | None = None
    max_seconds: float | None = None
    shuffle: bool = True
    dropout_input: float = 0.3
    dropout_readout: float = 0.5
    dropout_recurrent: float = 0.0
    dropout_embedding: float = 0.0
    label_smoothing: float = 0.1
    adversarial: float = 0.0
    ema_decay: float = 0.998
    early_stopping: bool = True
    validation_fraction: float = 0.1
    n_iter_no_change: int | None = None
    tol: float = 0.0
    class_weight: ClassWeight = None
    threshold: float | str | None = None
    dtype: str = "float32"
    n_jobs: int | None = None

    @property
    def fixed_threshold(self) -> float | None:
        """The threshold, if it is a number and need not be tuned."""
        return None if isinstance(self.threshold, str) else self.threshold

    def network_config(
        self,
        *,
        n_classes: int,
        vocabulary_size: int,
        embedding_dim: int,
        multilabel: bool = False,
    ) -> NetworkConfig:
        """The network these settings describe."""
        return NetworkConfig(
            n_classes=n_classes,
            vocabulary_size=vocabulary_size,
            embedding_dim=None if self.embedding == ONE_HOT else embedding_dim,
            cell=self.cell,
            hidden_size=self.hidden_size,
            num_layers=self.num_layers,
            bidirectional=self.bidirectional,
            readout=self.readout,
            segment_length=self.segment_length,
            dtype=self.dtype,
            multilabel=multilabel,
        )

    def training_config(self, n_texts: int, n_words: int, **changes: Any) -> TrainingConfig:
        """The training these settings describe, for so many training texts and words of them."""
        steps = batch_count(
            n_texts, n_words, batch_size=self.batch_size, batch_tokens=self.batch_tokens
        )
        # Steps that are asked for may be any number of epochs.
        epochs = self.max_iter or self.max_steps or usual_epochs(steps)
        patience = self.n_iter_no_change if self.early_stopping else epochs
        names = {f.name for f in fields(TrainingConfig)} & {f.name for f in fields(self)}
        values = {name: getattr(self, name) for name in names}
        frozen = (EMBEDDING,) if self.freeze_embedding else ()
        values |= {"max_iter": epochs, "n_iter_no_change": patience, "frozen": frozen}
        return TrainingConfig(**{**values, **changes})

    def processes(self) -> int:
        """Number of processes that ``n_jobs`` means, as in scikit-learn.

        Counted from the cores, no more than have ``TEXTS_A_PROCESS`` of each batch: with
        fewer a process waits more than it works. Of batches by words all cores take part.
        """
        if self.n_jobs is None:
            return 1
        if self.n_jobs > 0:
            return self.n_jobs
        wanted = max(1, available_cores() + 1 + self.n_jobs)
        if self.batch_tokens is not None:
            return wanted
        return min(wanted, max(1, self.batch_size // TEXTS_A_PROCESS))

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values, with a tokenizer of the user's own by its name in Python."""
        values = {f.name: _plain(getattr(self, f.name)) for f in fields(self)}
        if callable(self.tokenizer):
            named = tokenizer_name(self.tokenizer)
            values["tokenizer"] = (
                named
                or getattr(self.tokenizer, "__qualname__", type(self.tokenizer).__qualname__)[
                    :LONGEST_NAME
                ]
            )
        if isinstance(self.class_weight, Mapping):
            pairs = self.class_weight.items()
            values["class_weight"] = [[_plain(label), float(weight)] for label, weight in pairs]
        return values

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Settings:
        """The way back of ``to_dict``; names it does not know are left out."""
        known = {f.name for f in fields(cls)}
        kept = {name: value for name, value in values.items() if name in known}
        if isinstance(kept.get("class_weight"), list):
            kept["class_weight"] = dict(map(tuple, kept["class_weight"]))
        return cls(**kept)

    def validate(self) -> None:
        """Check every value.

        Raises:
            UsageError: the first one that cannot work, with what could.
        """
        for name, (is_valid, wanted) in CONSTRAINTS.items():
            value = getattr(self, name)
            if not is_valid(value):
                raise UsageError(stated(name, value), ", but must be ", wanted, ".")
        for name, table in CHOICES.items():
            value, choices = getattr(self, name), tuple(table)
            if value not in choices:
                hint = did_you_mean(str(value), choices)
                told = f", but must be one of {listed(choices)}.{hint}"
                raise UsageError(stated(name, value), told)
        is_vectors = isinstance(self.embedding, str | os.PathLike)
        if not is_vectors or not str(self.embedding):
            raise UsageError(
                stated("embedding", self.embedding),
                f", but must be one of {listed(EMBEDDINGS)} or the path of a word vector file.",
            )
        if self.freeze_embedding and self.embedding == ONE_HOT:
            raise UsageError(
                stated("freeze_embedding", True),
                ", but one-hot words have no vectors to keep; leave it out or choose another ",
                Parameter("embedding"),
                ".",
            )
        if isinstance(self.class_weight, Mapping):
            _check_weights(self.class_weight)
        self._check_size()
        self._check_whole()

    def _check_whole(self) -> None:
        """Refuse numbers, all of them beyond any use, that a saved model could not keep."""
        for field in fields(self):
            value = getattr(self, field.name)
            if _is_integer(value) and abs(value) > LARGEST_WHOLE:
                raise UsageError(
                    stated(field.name, value), f", but must be at most {LARGEST_WHOLE:,}."
                )

    def _check_size(self) -> None:
        """Refuse what no machine holds, for NumPy would explain it badly."""
        H, layers = int(self.hidden_size), int(self.num_layers)
        units = 2 * H if self.bidirectional else H
        inputs = int(self.embedding_dim) + (layers - 1) * units
        size = int(self.dtype.removeprefix("float")) // 8
        if CELLS[self.cell].n_gates * units * (layers * H + inputs) * size > LARGEST:
            raise UsageError(
                Setting("hidden_size", H),
                ", ",
                Setting("num_layers", layers),
                " and ",
                Setting("embedding_dim", self.embedding_dim),
                f" make recurrent weights of more than {LARGEST / 2**40:g} TiB; choose a smaller "
                "network.",
            )


def check_seed(seed: int) -> None:
    """Check a seed.

    Raises:
        UsageError: no generator takes it, or no report of a model.
    """
    if seed < 0:
        raise UsageError(Parameter("seed"), f" is {seed}, but must be 0 or more.")
    if seed > MOST:
        raise UsageError(Parameter("seed"), f" is {seed}, but must be at most {MOST}.")


def usual_epochs(steps: int, *, fewest: int = 4) -> int:
    """Epochs of so many steps that make up some 3,000, at least 4 and at most 50.

    On held-out training texts of corpora from 5,000 to 25,000 texts about as many steps
    were best: 4 epochs for the large, 16 for the small.
    """
    return min(max(round(USUAL_STEPS / steps), fewest), 50)


def _check_weights(class_weight: Mapping[Any, float]) -> None:
    """Raise UsageError unless every weight is a number from 0, and one is more."""
    for label, weight in class_weight.items():
        if not _at_least_zero(weight):
            raise UsageError(
                Parameter("class_weight"),
                f" of {quoted(_plain(label))} is {quoted(_plain(weight))}, but must be a number "
                "from 0.",
            )
    if not any(class_weight.values()):
        raise UsageError(
            Parameter("class_weight"),
            f" is {quoted(dict(class_weight))}, but must be above 0 for some class.",
        )


def _plain(value: Any) -> Any:
    """A NumPy number as Python's, a path as its text."""
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    return value.item() if hasattr(value, "item") else value


def _is_integer(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _positive_integer(value: Any) -> bool:
    return _is_integer(value) and value >= 1


def _at_least_zero(value: Any) -> bool:
    return _is_number(value) and 0.0 <= value < float("inf")


def _above_zero(value: Any) -> bool:
    return _is_number(value) and 0.0 < value < float("inf")


def _share(value: Any) -> bool:
    return _is_number(value) and 0.0 <= value < 1.0


def _is_bool(value: Any) -> bool:
    return type(value).__name__ in ("bool", "bool_")


def _optional(check: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: value is None or check(value)


def _document_frequency(value: Any) -> bool:
    return _positive_integer(value) or (isinstance(value, float) and 0.0 <= value <= 1.0)


Constraint: TypeAlias = Callable[[Any], bool]
_WHOLE = (_positive_integer, "a whole number from 1")
_FLAG = (_is_bool, "True or False")
_RATE = (_share, "a number from 0 to below 1")
_POSITIVE = (_above_zero, "a number above 0")
_FREQUENCY = (
    _document_frequency,
    Message(
        "a whole number",
        ForScripts(" of documents or a share from 0.0 to 1.0", otherwise=" from 1"),
    ),
)


def _or_none(name: str, check: Constraint, wanted: str) -> tuple[Constraint, str]:
    return _optional(check), Message(wanted, Advice(", or ", Value(name, None)))


CONSTRAINTS: dict[str, tuple[Constraint, str]] = {
    "hidden_size": _WHOLE,
    "num_layers": _WHOLE,
    "bidirectional": _FLAG,
    "embedding_dim": _WHOLE,
    "freeze_embedding": _FLAG,
    "lowercase": _FLAG,
    "min_df": _FREQUENCY,
    "max_df": _FREQUENCY,
    "max_features": _or_none("max_features", _positive_integer, "a whole number from 1"),
    "segment_length": _or_none("segment_length", _positive_integer, "a whole number from 1"),
    "max_length": _or_none("max_length", _positive_integer, "a whole number from 1"),
    "unknown_alpha": (_at_least_zero, "a number from 0"),
    "learning_rate_init": _POSITIVE,
    "warmup_fraction": _RATE,
    "momentum": _RATE,
    "alpha": (_at_least_zero, "a number from 0"),
    "gradient_floor": _RATE,
    "max_grad_norm": _or_none("max_grad_norm", _above_zero, "a number above 0"),
    "batch_size": _WHOLE,
    "batch_tokens": _or_none("batch_tokens", _positive_integer, "a whole number from 1"),
    "max_iter": _or_none("max_iter", _positive_integer, "a whole number from 1"),
    "max_steps": _or_none("max_steps", _positive_integer, "a whole number from 1"),
    "max_seconds": _or_none("max_seconds", _above_zero, "a number above 0"),
    "shuffle": _FLAG,
    "dropout_input": _RATE,
    "dropout_readout": _RATE,
    "dropout_recurrent": _RATE,
    "dropout_embedding": _RATE,
    "label_smoothing": _RATE,
    "adversarial": (_at_least_zero, "a number from 0"),
    "ema_decay": _RATE,
    "early_stopping": _FLAG,
    "validation_fraction": (lambda v: _share(v) and v > 0, "a number above 0 and below 1"),
    "n_iter_no_change": _or_none("n_iter_no_change", _positive_integer, "a whole number from 1"),
    "tol": (_at_least_zero, "a number from 0"),
    "n_jobs": (
        _optional(lambda v: _is_integer(v) and v != 0),
        Message("a whole number from 1, or -1 for all cores", ForScripts(", or None")),
    ),
    "class_weight": (
        lambda v: v is None or isinstance(v, Mapping) or (isinstance(v, str) and v == "balanced"),
        "None, 'balanced' or a dictionary from class to weight",
    ),
    "threshold": (
        lambda v: v is None or v == F1 or (_is_number(v) and 0.0 <= v <= 1.0),
        Message("a number from 0 to 1", ForScripts(f", {quoted(F1)} or None")),
    ),
}

CHOICES: dict[str, Collection[str]] = {
    "ngrams": NGRAMS,
    "unknown_words": UNKNOWN_WORDS,
    "cell": CELLS,
    "readout": POOLINGS,
    "solver": SOLVERS,
    "learning_rate": SCHEDULES,
    "dtype": ("float32", "float64"),
}
