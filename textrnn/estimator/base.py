"""What all estimators share: the run of a training, what is told of it, saving and loading."""

from __future__ import annotations

import os
from copy import deepcopy
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
from sklearn.exceptions import ConvergenceWarning, NotFittedError

from textrnn.errors import DamagedModelError, UsageError
from textrnn.estimator.inputs import make_generator
from textrnn.estimator.parameters import TextRNNParameters
from textrnn.evaluation.held_out_scores import NETWORK, WHOLE, scores_of
from textrnn.inference.classifier import TextModel
from textrnn.inference.protocol import Classifier
from textrnn.inference.stream import Stream
from textrnn.nn.network import Network
from textrnn.storage.bundled import bundled_folder
from textrnn.storage.card import model_card
from textrnn.storage.loading import check_network
from textrnn.storage.reading import load_saved
from textrnn.storage.report import HeldOutAccuracy, RunReport
from textrnn.storage.writing import save_model
from textrnn.system.files import find_folder
from textrnn.system.telling import warn
from textrnn.text.tokenizers import Tokenizer, make_tokenizer, tokenizer_name
from textrnn.training.examples import Examples
from textrnn.training.fit import check_threshold, make_run
from textrnn.training.pipeline import Fit
from textrnn.training.prior_baseline import nothing_learned
from textrnn.training.settings import Settings
from textrnn.wording.quoting import quoted


@dataclass(frozen=True)
class PartialState:
    """What one call of ``partial_fit`` hands to the next."""

    rng: np.random.Generator
    optimizer: dict[str, Any]


class TextRNNEstimator(TextRNNParameters):
    """Base of the estimators over lists of strings.

    A subclass makes arrays of what its user gives, trains, hands the result to ``_keep`` or
    ``_go_on``, and makes answers of the model's outputs.
    """

    model_: TextModel
    history_: list[dict[str, float]]
    best_validation_score_: float | None
    best_network_validation_score_: float | None
    stopped_: str
    _report: RunReport

    # ------------------------------------------------------------------- training

    def _take(self, model: TextModel) -> None:
        """Answer with this model from now on."""
        self.model_ = model

    def _keep(self, fit: Fit) -> None:
        """Keep what a fit leaves, and warn of what went wrong.

        Raises:
            KeyboardInterrupt: it was interrupted in the first epoch, so that nothing is left.
        """
        state = fit.state
        if fit.is_lost:
            raise KeyboardInterrupt
        self._take(fit.model)
        self.history_, self.stopped_ = state.history, state.stopped
        self.best_validation_score_ = fit.accuracy
        self.best_network_validation_score_ = state.best_score[0] if state.best_params else None
        self._partial: PartialState | None = None
        self._report = RunReport()
        if state.interrupted:
            warn("training was interrupted", ConvergenceWarning)
        told = nothing_learned(state, fit.validation, len(fit.classes))
        if told:
            warn(told, ConvergenceWarning)

    def _generator(self) -> np.random.Generator:
        """The source of randomness as the last ``partial_fit`` left it, or a new one.

        It is a copy: after a failure the next call begins where this one did.
        """
        before = getattr(self, "_partial", None)
        return deepcopy(before.rng) if before else make_generator(self.random_state)

    def _go_on(
        self, model: TextModel, settings: Settings, data: Examples, rng: np.random.Generator
    ) -> None:
        """Train the network of a new model, or of a copy of ``model_``, one epoch and keep it.

        Raises:
            TrainingError: the loss became infinite or not a number.
        """
        before = getattr(self, "_partial", None)
        history = self.history_ if hasattr(self, "model_") else []
        if model.ngrams is not None:
            warn(
                "partial_fit goes on with the network alone: the n-gram model that fit "
                "put beside it is dropped. Use ngrams='none' to train without one."
            )
            model = replace(model, ngrams=None)
        # No average: what the next call goes on from are the weights themselves.
        run = make_run(
            model,
            settings,
            data,
            rng=rng,
            max_iter=1,
            max_steps=None,
            learning_rate="constant",
            warmup_fraction=0.0,
            ema_decay=0.0,
        )
        if before:
            run.optimizer.restore(before.optimizer)
        state = run.run()
        if state.interrupted:
            raise KeyboardInterrupt
        self._take(model)
        self._partial = PartialState(rng, run.optimizer.state())
        self.history_ = [*history, *state.history]
        self.best_validation_score_ = self.best_network_validation_score_ = None
        self.stopped_ = state.stopped
        self._report = RunReport()

    def _copy_of_model(self, settings: Settings) -> TextModel:
        """The model to go on with; a failure leaves the old one whole."""
        network = self.model_.network
        params = {name: value.copy() for name, value in network.params.items()}
        copied = Network(network.config, params)
        check_threshold(settings, len(self.model_.classes), multilabel=self.model_.multilabel)
        return replace(
            self.model_,
            network=copied,
            settings=settings.to_dict(),
            threshold=settings.fixed_threshold,
        )

    # ----------------------------------------------------------------- prediction

    def stream(self) -> Stream:
        """A reader of one token at a time, with the class probabilities, or number, after each.

        Raises:
            UsageError: the network reads from both ends (``bidirectional=True``).
        """
        self._check_fitted()
        return self.model_.stream()

    def _check_fitted(self) -> None:
        if not hasattr(self, "model_"):
            raise NotFittedError(
                f"this {type(self).__name__} is not fitted yet; call fit with texts and labels."
            )

    # ----------------------------------------------------------- fitted attributes

    @property
    def vocabulary_(self) -> dict[str, int]:
        return self.model_.vocabulary.index

    @property
    def n_iter_(self) -> int:
        return len(self.history_)

    @property
    def loss_curve_(self) -> list[float]:
        return [record["loss"] for record in self.history_]

    @property
    def validation_scores_(self) -> list[float]:
        return scores_of(self.history_, WHOLE)

    @property
    def network_validation_scores_(self) -> list[float]:
        return scores_of(self.history_, NETWORK)

    # ---------------------------------------------------------------- persistence

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a model folder; see ``textrnn.storage.format``."""
        self._check_fitted()
        report = replace(
            self._report,
            history=self.history_,
            stopped=self.stopped_ or self._report.stopped,
            best_validation_score=self.best_validation_score_,
            best_network_validation_score=self.best_network_validation_score_,
        )
        card = model_card(self.model_, report)
        save_model(self.model_, path, metrics=report.to_dict(), card=card)

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, tokenizer: Tokenizer | None = None) -> Self:
        """Read a model folder, from ``save`` or from ``textrnn train``, or a shipped model.

        ``TextRNNClassifier.load("sentiment-en")`` reads reviews without any training.

        The parameters come back too, but for ``n_jobs``, ``random_state``, ``verbose`` and
        ``warm_start``, which are of a call and not of a model. Of a folder written by 0.1.0
        the held-out scores are known of the network alone; those of the classifier stay empty
        and None, unless it is nothing but a network.

        Args:
            path: the folder; where there is none, the name of a bundled model
                (``textrnn.storage.bundled.BUNDLED``).
            tokenizer: the callable it was trained with, if it was not a named one.

        Raises:
            ModelError: the folder is missing, damaged, foreign or too new.
            UsageError: ``tokenizer`` is given, but the model has a named one.
        """
        path = _folder_of(path)
        saved = load_saved(path, tokenizer=tokenizer)
        model, report = cls._checked(saved.model, path), saved.report
        saved_name = saved.config["tokenizer"]["name"]
        if tokenizer is not None and saved_name is not None:
            raise UsageError(
                f"the model {quoted(path)} reads texts with the tokenizer {quoted(saved_name)}; "
                "load it without tokenizer=.",
                parameter="tokenizer",
            )
        known = set(cls._get_param_names())
        parameters = _parameters_of(model, path)
        estimator = cls(**{name: parameters[name] for name in parameters.keys() & known})
        estimator._take(model)
        estimator.history_ = report.history or []
        estimator.stopped_ = report.stopped or ""
        held_out = report.validation or HeldOutAccuracy()  # where ``textrnn train`` writes it
        estimator.best_validation_score_ = _first_known(
            report.best_validation_score, held_out.accuracy
        )
        estimator.best_network_validation_score_ = _first_known(
            report.best_network_validation_score, held_out.network_accuracy
        )
        estimator._report = RunReport() if report.corpus is None else report
        return estimator

    @staticmethod
    def _checked(model: Classifier, path: Path) -> TextModel:
        """The model of a folder, if it is of the kind that this estimator makes.

        Raises:
            ModelError: it is not.
        """
        return check_network(model, path)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.two_d_array = False
        tags.input_tags.one_d_array = True
        tags.non_deterministic = self.random_state is None
        return tags


def _folder_of(path: str | os.PathLike[str]) -> Path:
    """Where the model is that a path means, or the name of a bundled one."""
    folder = find_folder(Path(path))
    if not folder.is_dir():
        return bundled_folder(os.fspath(path)) or folder
    return folder


def _first_known(*values: float | None) -> float | None:
    return next((value for value in values if value is not None), None)


def _parameters_of(model: TextModel, path: Path) -> dict[str, Any]:
    """The parameters a model was trained with; a named tokenizer by its name.

    Raises:
        DamagedModelError: a training cannot have had them.
    """
    try:
        settings = replace(Settings.from_dict(model.settings), n_jobs=None)
        settings.validate()
    except (TypeError, ValueError) as error:
        raise DamagedModelError(
            f"the model {quoted(path)} is damaged: its settings: {str(error)[:400]}; get or "
            "train it again."
        ) from error
    parameters = {f.name: getattr(settings, f.name) for f in fields(settings)}
    name = tokenizer_name(model.tokenizer)
    by_name = name and make_tokenizer(name, lowercase=settings.lowercase) == model.tokenizer
    return {**parameters, "tokenizer": name if by_name else model.tokenizer}
