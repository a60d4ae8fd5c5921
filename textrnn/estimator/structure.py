"""What estimators of structures that are no classifiers share: checks, attributes, a folder."""

from __future__ import annotations

import os
from copy import copy
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, ClassVar, Self

from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning, NotFittedError

from textrnn.errors import DamagedModelError, UsageError
from textrnn.nn.network import Network
from textrnn.storage.card import structure_card
from textrnn.storage.reading import load_saved
from textrnn.storage.report import RunReport
from textrnn.storage.writing import save_model
from textrnn.system.files import find_folder
from textrnn.system.telling import warn
from textrnn.text.tokenizers import Tokenizer, tokenizer_name
from textrnn.training.settings import Settings
from textrnn.training.state import TrainingState
from textrnn.wording.quoting import quoted


class TextRNNStructure(BaseEstimator):  # type: ignore[misc]
    """Base of estimators over texts with settings and a kind of model of their own.

    A subclass spells its parameters out, trains, hands the result to ``_keep``, and answers by
    ``model_``.
    """

    settings_class: ClassVar[type[Settings]]
    kinds: ClassVar[tuple[str, ...]]
    """Kinds of models that ``load`` takes, see ``storage.kinds``."""

    needs_targets: ClassVar[bool] = True
    """Whether ``fit`` can do nothing without ``y``."""

    model_: Any
    history_: list[dict[str, float]]
    stopped_: str
    _report: RunReport

    def _settings(self) -> Any:
        """The parameters as checked settings."""
        kind = self.settings_class
        own = self._get_param_names()
        values = {f.name: getattr(self, f.name) for f in fields(kind) if f.name in own}
        settings = kind(**values)
        settings.validate()
        return settings

    def _keep(self, model: Any, state: TrainingState) -> None:
        """Keep what a run leaves, and warn if it was interrupted.

        Raises:
            KeyboardInterrupt: it was in the first epoch, so that nothing is left.
        """
        if state.interrupted and state.epoch == 0:
            raise KeyboardInterrupt
        self.model_, self._report = model, RunReport()
        self.history_, self.stopped_ = state.history, state.stopped
        if state.interrupted:
            warn("training was interrupted", ConvergenceWarning)

    def _check_fitted(self) -> None:
        if not hasattr(self, "model_"):
            raise NotFittedError(f"this {type(self).__name__} is not fitted yet; call fit first.")

    @property
    def vocabulary_(self) -> dict[str, int]:
        self._check_fitted()
        index: dict[str, int] = self.model_.vocabulary.index
        return index

    @property
    def n_iter_(self) -> int:
        return len(self.history_)

    @property
    def loss_curve_(self) -> list[float]:
        return [record["loss"] for record in self.history_]

    # ---------------------------------------------------------------- persistence

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a model folder; see ``textrnn.storage.format``."""
        self._check_fitted()
        report = replace(
            self._report, history=self.history_, stopped=self.stopped_ or self._report.stopped
        )
        card = structure_card(self.model_, report)
        save_model(self.model_, path, metrics=report.to_dict(), card=card)

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, tokenizer: Tokenizer | None = None) -> Self:
        """Read a model folder, from ``save`` or from the command line.

        The parameters come back, too, but for ``n_jobs``, ``random_state``, ``verbose`` and
        ``warm_start``, which are of a call and not of a model.

        Args:
            path: the folder.
            tokenizer: the callable it was trained with, if it was not a named one.

        Raises:
            ModelError: the folder is missing, damaged, foreign, too new or of another kind.
            UsageError: ``tokenizer`` is given, but the model has a named one.
        """
        folder = find_folder(Path(path))
        saved = load_saved(folder, kinds=cls.kinds, tokenizer=tokenizer)
        named = saved.config["tokenizer"]["name"]
        if tokenizer is not None and named is not None:
            raise UsageError(
                f"the model {quoted(path)} reads texts with the tokenizer {quoted(named)}; "
                "load it without tokenizer=.",
                parameter="tokenizer",
            )
        estimator = cls(**cls._parameters_of(saved.model, folder))
        estimator.model_, estimator._report = saved.model, saved.report
        estimator.history_ = saved.report.history or []
        estimator.stopped_ = saved.report.stopped or ""
        return estimator

    @classmethod
    def _parameters_of(cls, model: Any, path: Path) -> dict[str, Any]:
        """The parameters that a model was trained with.

        Raises:
            DamagedModelError: a training cannot have had them.
        """
        try:
            settings = replace(cls.settings_class.from_dict(model.settings), n_jobs=None)
            settings.validate()
        except (TypeError, ValueError) as error:
            raise DamagedModelError(
                f"the model {quoted(path)} is damaged: its settings: {str(error)[:400]}; get or "
                "train it again."
            ) from error
        own = set(cls._get_param_names())
        values = {f.name: getattr(settings, f.name) for f in fields(settings) if f.name in own}
        if "tokenizer" in own and tokenizer_name(model.tokenizer) is None:
            values["tokenizer"] = model.tokenizer
        return values

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.two_d_array = False
        tags.input_tags.one_d_array = True
        tags.target_tags.required = self.needs_targets
        tags.non_deterministic = self.random_state is None
        return tags


def trained_further(network: Network) -> Network:
    """A copy whose weights can change: a failure leaves the model that it was of whole."""
    copied = copy(network)
    return Network(copied.config, {name: value.copy() for name, value in network.params.items()})
