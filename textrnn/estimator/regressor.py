"""The scikit-learn face: a regressor over lists of strings."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from sklearn.base import RegressorMixin

from textrnn.estimator.base import TextRNNEstimator
from textrnn.estimator.inputs import (
    Texts,
    check_same_model,
    check_sample_weight,
    check_texts,
    make_generator,
)
from textrnn.estimator.number_inputs import check_numbered
from textrnn.estimator.preparation import hold_out, tell_shared, tokens_of
from textrnn.inference.classifier import TextModel
from textrnn.inference.pool import predict_many
from textrnn.inference.protocol import Classifier
from textrnn.inference.regression import RegressionModel
from textrnn.nn.targets import Targets
from textrnn.storage.loading import check_regression
from textrnn.system.blas import one_blas_thread
from textrnn.system.processes import process_count
from textrnn.system.telling import telling_once, warn
from textrnn.text.tokenizers import Tokenizer
from textrnn.training.callbacks import Callback
from textrnn.training.examples import Examples
from textrnn.training.pipeline import Fit, OnStage, ignore, run_stages
from textrnn.training.presets import changes_of
from textrnn.training.progress import Progress
from textrnn.training.regression import OF_CLASSES, Scaling, regression_stages, without_classes
from textrnn.training.settings import Settings
from textrnn.typing import Floats


class TextRNNRegressor(RegressorMixin, TextRNNEstimator):  # type: ignore[misc]
    """Recurrent network that reads a text word by word and predicts a number, as of stars.

    It learns by squared error; numbers are standardised inside. Its parameters are told at
    ``TextRNNParameters.__init__``; those that are for classes are missing, and so is ``ngrams``:
    the network is alone.

    Attributes
    ----------
    model_ : RegressionModel
        Tokenizer, vocabulary and network.
    vocabulary_ : dict
        Id of each token.
    n_iter_ : int
        Epochs trained.
    loss_curve_ : list of float
        Mean squared error in training of each epoch, in standard units of the targets.
    validation_scores_, network_validation_scores_ : list of float
        Share of the variance of the targets that is explained on the held-back texts after each
        epoch, in standard units of the training texts: R², but for the variance taken. Empty
        without such texts.
    best_validation_score_, best_network_validation_score_ : float or None
        The highest of these: that of the epoch that was kept.
    history_ : list of dict
        All figures of each epoch; ``accuracy`` is the same share.

    Examples
    --------
    >>> from textrnn import TextRNNRegressor
    >>> texts = ["what a fine film", "what a dull film"] * 20
    >>> regressor = TextRNNRegressor(hidden_size=8, early_stopping=False, random_state=0)
    >>> print(regressor.fit(texts, [5, 1] * 20).predict(["a fine film"]).round())
    [5.]
    """

    model_: RegressionModel

    def __init__(
        self,
        *,
        body: str = "recurrent",
        cell: str = "lstm",
        hidden_size: int = 64,
        num_layers: int = 1,
        bidirectional: bool = True,
        readout: str = "max",
        segment_length: int | None = None,
        embedding: str | os.PathLike[str] = "random",
        embedding_dim: int = 100,
        init_from: str | os.PathLike[str] | None = None,
        freeze_embedding: bool = False,
        tokenizer: str | Tokenizer = "word",
        lowercase: bool = True,
        min_df: int | float = 1,
        max_df: int | float = 1.0,
        max_features: int | None = 30_000,
        max_length: int | None = 1_000,
        unknown_alpha: float = 0.25,
        unknown_words: str = "nearest",
        loss: str = "once",
        rule: str = "bptt",
        k1: int | None = None,
        k2: int | None = None,
        solver: str = "adam",
        learning_rate_init: float = 2e-3,
        learning_rate: str = "linear",
        warmup_fraction: float = 0.05,
        momentum: float = 0.9,
        alpha: float = 0.0,
        max_grad_norm: float | None = 1.0,
        gradient_floor: float = 1e-7,
        batch_size: int = 32,
        batch_tokens: int | None = None,
        max_iter: int | None = None,
        max_steps: int | None = None,
        max_seconds: float | None = None,
        shuffle: bool = True,
        dropout_input: float = 0.3,
        dropout_readout: float = 0.5,
        dropout_recurrent: float = 0.0,
        dropout_embedding: float = 0.0,
        adversarial: float = 0.0,
        ema_decay: float = 0.998,
        early_stopping: bool = True,
        validation_fraction: float = 0.1,
        n_iter_no_change: int | None = None,
        tol: float = 0.0,
        dtype: str = "float32",
        n_jobs: int | None = None,
        warm_start: bool = False,
        random_state: Any = None,
        verbose: bool = False,
    ) -> None:
        parameters = {name: value for name, value in locals().items() if name in _OWN}
        super().__init__(**parameters, **OF_CLASSES)

    @classmethod
    def from_preset(cls, name: str, **changes: Any) -> Self:
        """A regressor with the parameters of a preset; see ``TextRNNParameters.from_preset``."""
        of_preset = {k: v for k, v in changes_of(name).items() if k not in OF_CLASSES}
        return cls(**{**of_preset, **changes})

    # ------------------------------------------------------------------- training

    def fit(
        self,
        X: Texts,
        y: Any,
        sample_weight: Any = None,
        *,
        validation_data: tuple[Texts, Any] | None = None,
        callbacks: Sequence[Callback] = (),
        on_stage: OnStage = ignore,
    ) -> Self:
        """Train on texts and their numbers.

        Args:
            X: n texts.
            y: the number of each, shape (n,).
            sample_weight: weight of each text, shape (n,); texts of weight 0 do not take part.
                Only the proportions matter.
            validation_data: texts and numbers to choose the best epoch by, instead of a part of
                the training texts.
            callbacks: called during the run, see ``textrnn.training.callbacks``.
            on_stage: told the name of each stage (network, training) and its figures, when it is
                done.

        Raises:
            UsageError: a parameter has a value that cannot work.
            DataError: the texts or numbers cannot be used.
            TrainingError: the loss became infinite or not a number.
        """
        started = time.perf_counter()
        settings = self._settings()
        without_classes(settings, [n for n, v in OF_CLASSES.items() if getattr(settings, n) != v])
        go_on = self.warm_start and hasattr(self, "model_")
        if go_on:
            check_same_model(self.model_, settings)
        texts, numbers, weights = check_numbered(X, y, sample_weight)
        if (numbers == numbers[0]).all():
            warn(f"every target is {numbers[0]:g}: nothing varies with the texts.")
        rng = make_generator(self.random_state)
        train = _examples(texts, numbers, weights, settings)
        validation: Examples | None = None
        if validation_data is not None:
            held = check_numbered(*validation_data)
            tell_shared(texts, held[0])
            validation = _examples(*held, settings)
        elif settings.early_stopping:
            train, validation = hold_out(train, texts, settings, self.random_state, rng)
        scaling = (
            Scaling(self.model_.mean, self.model_.scale)
            if go_on
            else Scaling.of(train.targets.values, train.weights)
        )
        train = scaling.standardised(train)
        validation = validation and scaling.standardised(validation)
        with one_blas_thread(), telling_once():
            fit = Fit(
                settings,
                (),
                train,
                validation,
                rng,
                go_on_from=self._copy_of_model(settings) if go_on else None,
                started=started,
                callbacks=[*callbacks, *([Progress()] if self.verbose else [])],
                on_stage=on_stage,
            )
            run_stages(fit, regression_stages(scaling))
        self._keep(fit)
        return self

    # ----------------------------------------------------------------- prediction

    def predict(self, X: Texts) -> Floats:
        """The number of each text, float64 of shape (n_texts,).

        With ``n_jobs`` other processes help, as in ``TextRNNClassifier.predict_proba``.

        Raises:
            WorkerError: one of them died at its work.
        """
        self._check_fitted()
        return predict_many(self.model_, check_texts(X), process_count(self.n_jobs))[:, 0]

    def score(self, X: Texts, y: Any, sample_weight: Any = None) -> float:
        """R² of ``predict``: 1 is perfect, 0 as good as always saying the mean.

        Raises:
            ValueError: the weights are none that ``fit`` would take.
        """
        if sample_weight is not None:
            sample_weight = check_sample_weight(sample_weight, y)
        return float(super().score(X, y, sample_weight))

    # ------------------------------------------------------------------- the rest

    @staticmethod
    def _checked(model: Classifier, path: Path) -> TextModel:
        return check_regression(model, path)


_OWN = frozenset(TextRNNRegressor._get_param_names())


def _examples(
    texts: Sequence[str], numbers: Floats, weights: Floats | None, settings: Settings
) -> Examples:
    """Tokenised texts with their numbers, and weights of mean 1."""
    if weights is not None:
        weights = (weights / weights.mean()).astype(settings.dtype)
    return Examples(tokens_of(texts, settings), Targets.real(numbers), weights)
