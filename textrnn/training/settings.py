"""The settings of a classifier, checked: the network, the training and the processes they mean.

What is imported at the top is light, so that the command line can name and check settings before
NumPy is there.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, Self

from textrnn.errors import UsageError
from textrnn.system.fields import MOST
from textrnn.system.numerals import is_whole
from textrnn.training.declaration import FROM_0, Declared, declared_by, is_meant
from textrnn.training.declared import EMBEDDINGS as EMBEDDINGS
from textrnn.training.declared import F1 as F1
from textrnn.training.declared import NGRAMS as NGRAMS
from textrnn.training.declared import ONE_HOT as ONE_HOT
from textrnn.training.declared import RANDOM as RANDOM
from textrnn.training.declared import WORD2VEC as WORD2VEC
from textrnn.training.declared import DeclaredSettings
from textrnn.wording.messages import Parameter, Setting, stated
from textrnn.wording.quoting import quoted

if TYPE_CHECKING:
    from textrnn.nn.config import NetworkConfig
    from textrnn.training.config import TrainingConfig

USUAL_STEPS = 3_000
MOST_EPOCHS = 50
TEXTS_A_PROCESS = 16
LARGEST_WHOLE = 2**31 - 1
LONGEST_NAME = 1_000
"""Characters of the name of a tokenizer of the user's own."""
OF_CELLS = ("cell", "dropout_recurrent", "gradient_floor")
"""Settings that mean nothing to a body without a cell."""
LARGEST = 2**40
"""Bytes of layers' weights that no machine holds."""


@dataclass(frozen=True)
class Settings(DeclaredSettings):
    """Hyper-parameters; see ``TextRNNClassifier`` for what each one means.

    What else is learned of texts has a class derived from this one, which declares more of them,
    or some otherwise (``declaration.redeclared``, ``declaration.fixed``).
    """

    structure: ClassVar[str] = "a classifier"
    """What they are the settings of, as messages call it."""
    most_epochs: ClassVar[int] = MOST_EPOCHS
    """See ``usual_epochs``."""

    @property
    def fixed_threshold(self) -> float | None:
        """The threshold, if it is a number and need not be tuned."""
        return None if isinstance(self.threshold, str) else self.threshold

    @property
    def reads_both_ways(self) -> bool:
        """Whether the network reads each text from both ends: if its body can."""
        from textrnn.nn.bodies import BODIES

        return self.bidirectional and BODIES[self.body].has_directions

    def network_config(
        self,
        *,
        n_classes: int,
        vocabulary_size: int,
        embedding_dim: int,
        multilabel: bool = False,
        regression: bool = False,
    ) -> NetworkConfig:
        """The network these settings describe."""
        from textrnn.nn.bodies import BODIES
        from textrnn.nn.config import NetworkConfig

        body = BODIES[self.body]
        return NetworkConfig(
            n_classes=n_classes,
            vocabulary_size=vocabulary_size,
            embedding_dim=None if self.embedding == ONE_HOT else embedding_dim,
            cell=self.cell if body.has_cell else None,
            hidden_size=self.hidden_size,
            num_layers=self.num_layers,
            bidirectional=self.reads_both_ways,
            readout=self.readout,
            segment_length=self.segment_length,
            dtype=self.dtype,
            multilabel=multilabel,
            regression=regression,
            body=self.body,
        )

    def training_config(self, n_texts: int, n_words: int, **changes: Any) -> TrainingConfig:
        """The training these settings describe, for so many training texts and words of them.

        What does nothing under its rule is off there, where it can be.
        """
        from textrnn.nn.inputs import EMBEDDING
        from textrnn.training.batching import batch_count
        from textrnn.training.config import TrainingConfig
        from textrnn.training.rules import RULES

        steps = batch_count(
            n_texts, n_words, batch_size=self.batch_size, batch_tokens=self.batch_tokens
        )
        # Steps that are asked for may be any number of epochs.
        epochs = self.max_iter or self.max_steps or usual_epochs(steps, most=self.most_epochs)
        patience = self.n_iter_no_change if self.early_stopping else epochs
        names = {f.name for f in fields(TrainingConfig)} & {f.name for f in fields(self)}
        values = {name: getattr(self, name) for name in names}
        idle = RULES[self.rule].idle
        values |= {n: off for n, off in idle.items() if not DECLARED[n].check.complaint(n, off)}
        frozen = (EMBEDDING,) if self.freeze_embedding else ()
        values |= {"max_iter": epochs, "n_iter_no_change": patience, "frozen": frozen}
        return TrainingConfig(**{**values, **changes})

    def processes(self) -> int:
        """Number of processes that ``n_jobs`` means, as in scikit-learn.

        Of those that are asked for by their number, no more than have a text of each batch, and
        no more than ``MOST_A_CORE`` for each core. Counted from the cores, no more than have
        ``TEXTS_A_PROCESS``: with fewer a process waits more than it works. Of batches by words
        all take part. A rule whose updates are no sums over processes has one.
        """
        from textrnn.system.processes import MOST_A_CORE, available_cores
        from textrnn.training.rules import RULES

        if self.n_jobs is None or RULES[self.rule].is_alone:
            return 1
        cores = available_cores()
        if self.n_jobs > 0:
            wanted, texts = min(self.n_jobs, MOST_A_CORE * cores), 1
        else:
            wanted, texts = max(1, cores + 1 + self.n_jobs), TEXTS_A_PROCESS
        if self.batch_tokens is not None:
            return wanted
        return min(wanted, max(1, self.batch_size // texts))

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values, with a tokenizer of the user's own by its name in Python."""
        values = {f.name: _plain(getattr(self, f.name)) for f in fields(self)}
        if callable(self.tokenizer):
            from textrnn.text.tokenizers import tokenizer_name

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
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The inverse of ``to_dict``; names it does not know are left out."""
        known = {f.name for f in fields(cls)}
        kept = {name: value for name, value in values.items() if name in known}
        if isinstance(kept.get("class_weight"), list):
            kept["class_weight"] = dict(map(tuple, kept["class_weight"]))
        return cls(**kept)

    def validate(self, given: Collection[str] = ()) -> None:
        """Check every value, and those that must go together.

        Args:
            given: settings that were given on purpose, be it with their defaults; those that are
                not the default count as such anyway.

        Raises:
            UsageError: the first one that cannot work, with what could.
        """
        from textrnn.training.rule_check import check_rule

        for name, declared in declared_by(self).items():
            if declared.is_fixed and is_meant(self, name, given):
                raise UsageError(
                    Parameter(name), f" means nothing to {self.structure}; leave it out."
                )
            complaint = declared.check.complaint(name, getattr(self, name))
            if complaint is not None:
                raise UsageError(complaint)
        if self.freeze_embedding and self.embedding == ONE_HOT:
            raise UsageError(
                stated("freeze_embedding", True),
                ", but one-hot words have no vectors to keep; leave it out or choose another ",
                Parameter("embedding"),
                ".",
            )
        if self.init_from is not None and self.embedding != RANDOM:
            raise UsageError(
                stated("embedding", self.embedding),
                ", but word vectors come from ",
                Parameter("init_from"),
                "; give one of them.",
            )
        if isinstance(self.class_weight, Mapping):
            _check_weights(self.class_weight)
        self._check_body(given)
        self._check_loss()
        self._check_cell()
        self._check_size()
        self._check_whole()
        check_rule(self, given)

    def _check_cell(self) -> None:
        """Refuse what a cell has no weights for."""
        from textrnn.nn.cells import CELLS

        if self.dropout_recurrent and not CELLS[self.cell].recurrent_names:
            raise UsageError(
                stated("dropout_recurrent", self.dropout_recurrent),
                f", but the cell {quoted(self.cell)} has no recurrent weights to drop; leave it "
                "out or choose another ",
                Parameter("cell"),
                ".",
            )

    def _check_loss(self) -> None:
        """Refuse to correct answers that a network does not give."""
        if self.loss == "once":
            return
        from textrnn.nn.heads.every_step import why_not_every_step

        reason = why_not_every_step(
            bidirectional=self.reads_both_ways,
            segment_length=self.segment_length,
            readout=self.readout,
        )
        if reason is not None:
            told = " corrects an answer after every word, but "
            raise UsageError(Setting("loss", self.loss), told, reason)

    def _check_whole(self) -> None:
        """Refuse numbers, all of them beyond any use, that a saved model could not keep."""
        for field in fields(self):
            value = getattr(self, field.name)
            if is_whole(value) and abs(value) > LARGEST_WHOLE:
                raise UsageError(
                    stated(field.name, value), f", but must be at most {LARGEST_WHOLE:,}."
                )

    def _check_body(self, given: Collection[str]) -> None:
        """Refuse what means nothing to the body, if somebody meant it."""
        from textrnn.nn.bodies import BODIES

        body = BODIES[self.body]
        for name in () if body.has_cell else OF_CELLS:
            if is_meant(self, name, given):
                self._refuse(name, "has no cell")
        if self.bidirectional and not body.has_directions and "bidirectional" in given:
            self._refuse("bidirectional", "reads in one direction")

    def _refuse(self, name: str, why: str) -> NoReturn:
        """Refuse a setting that means nothing to the body."""
        raise UsageError(
            stated(name, getattr(self, name)),
            f", but the body {quoted(self.body)} {why}; leave it out or choose another ",
            Parameter("body"),
            ".",
        )

    def _check_size(self) -> None:
        """Refuse what no machine holds, for NumPy would explain it badly."""
        H, layers = int(self.hidden_size), int(self.num_layers)
        plain = replace(self, hidden_size=H, num_layers=layers)  # numbers that cannot overflow
        config = plain.network_config(
            n_classes=2, vocabulary_size=1, embedding_dim=int(self.embedding_dim)
        )
        if config.make_body().n_weights * int(self.dtype.removeprefix("float")) // 8 > LARGEST:
            raise UsageError(
                Setting("hidden_size", H),
                ", ",
                Setting("num_layers", layers),
                " and ",
                Setting("embedding_dim", self.embedding_dim),
                f" make weights of more than {LARGEST / 2**40:g} TiB; choose a smaller network.",
            )


DECLARED: dict[str, Declared] = declared_by(Settings)
"""All that is declared of the settings, by name."""


def usual_epochs(steps: int, *, fewest: int = 4, most: int = MOST_EPOCHS) -> int:
    """Epochs of so many steps that make up some 3,000, at least 4 and at most 50.

    On held-out training texts of corpora from 5,000 to 25,000 texts about as many steps
    were best: 4 epochs for the large, 16 for the small.
    """
    return min(max(round(USUAL_STEPS / steps), fewest), most)


def check_seed(seed: int) -> None:
    """Check a seed.

    Raises:
        UsageError: no generator takes it, or no report of a model.
    """
    if seed < 0:
        raise UsageError(Parameter("seed"), f" is {seed}, but must be 0 or more.")
    if seed > MOST:
        raise UsageError(Parameter("seed"), f" is {seed}, but must be at most {MOST}.")


def _check_weights(class_weight: Mapping[Any, float]) -> None:
    """Raise UsageError unless every weight is a number from 0, and one is more."""
    for label, weight in class_weight.items():
        if not FROM_0.is_valid(weight):
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
