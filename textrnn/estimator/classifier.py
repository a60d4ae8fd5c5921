"""The scikit-learn face: a classifier over lists of strings."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from sklearn.base import ClassifierMixin

from textrnn.corpora.corpus import missing_classes
from textrnn.errors import UsageError
from textrnn.estimator.base import TextRNNEstimator
from textrnn.estimator.inputs import (
    Texts,
    check_labelled,
    check_labels,
    check_same_model,
    check_sample_weight,
    check_texts,
    classes_of,
    make_generator,
    plain_labels,
)
from textrnn.estimator.preparation import (
    check_same_labels,
    examples_of,
    hold_out,
    tell_shared,
    tokens_of,
    with_class_weight,
)
from textrnn.inference.classifier import TextModel
from textrnn.inference.pool import predict_many
from textrnn.system.blas import one_blas_thread
from textrnn.system.processes import process_count
from textrnn.system.telling import telling_once, warn
from textrnn.text.encoded import EncodedTexts
from textrnn.training.callbacks import Callback
from textrnn.training.class_weight import weighted
from textrnn.training.examples import Examples
from textrnn.training.fit import build_model, check_tunable
from textrnn.training.pipeline import Fit, OnStage, ignore, run_stages
from textrnn.training.progress import Progress
from textrnn.training.settings import Settings
from textrnn.typing import Floats
from textrnn.wording.messages import Parameter, stated
from textrnn.wording.quoting import quoted


class TextRNNClassifier(ClassifierMixin, TextRNNEstimator):  # type: ignore[misc]
    """Recurrent network that reads a text word by word and predicts its class.

    Its parameters are told at ``TextRNNParameters.__init__``.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The class labels; of an indicator matrix the numbers of its columns.
    best_threshold_ : float or None
        The threshold in use, given or tuned.
    model_ : TextModel
        Tokenizer, vocabulary and network.
    vocabulary_ : dict
        Id of each token.
    n_iter_ : int
        Epochs trained.
    loss_curve_ : list of float
        Mean training loss of each epoch, in nats.
    validation_scores_ : list of float
        Accuracy on the held-back texts after each epoch, by their weights, of the classifier as
        it would be with that epoch's network: n-grams, ensemble weights and threshold included,
        these cross-fitted (``training.held_out``). Of many labels the share of right answers. Empty
        without such texts.
    best_validation_score_ : float or None
        The same of ``model_``, before its n-grams are fitted to the held-back texts, too: that
        of the epoch whose network was kept, which is the best by the network's own scores. None
        without such texts. Where the n-grams, too, learn from ``unlabelled`` texts, they
        do so after the last epoch, and it is none of ``validation_scores_``.
    network_validation_scores_ : list of float
        Accuracy on the held-back texts after each epoch of the network alone, by the most
        probable class or labels of at least 0.5.
    best_network_validation_score_ : float or None
        The highest of these: that of the epoch that was kept.
    history_ : list of dict
        All figures of each epoch.
    stopped_ : str
        Why a callback or the clock stopped the training before its end (``run.stop(reason)``);
        empty if none did.

    Examples
    --------
    >>> from textrnn import TextRNNClassifier
    >>> texts = ["what a fine film", "what a dull film"] * 20
    >>> labels = ["good", "bad"] * 20
    >>> classifier = TextRNNClassifier(hidden_size=8, early_stopping=False, random_state=0)
    >>> print(*classifier.fit(texts, labels).predict(["a fine film"]))
    good
    """

    classes_: Any

    # ------------------------------------------------------------------- training

    def fit(
        self,
        X: Texts,
        y: Any,
        sample_weight: Any = None,
        *,
        validation_data: tuple[Texts, Any] | None = None,
        unlabelled: Texts | None = None,
        callbacks: Sequence[Callback] = (),
        on_stage: OnStage = ignore,
    ) -> Self:
        """Train on texts and their labels.

        Args:
            X: n texts.
            y: their labels, shape (n,); or, where a text has any number of labels, an
                indicator matrix of ones and zeros, shape (n, n_classes), as from
                ``sklearn.preprocessing.MultiLabelBinarizer``.
            sample_weight: weight of each text, shape (n,); texts of weight 0 do not
                take part. Only the proportions matter.
            validation_data: texts and labels to choose the best epoch by, instead of a
                part of the training texts.
            unlabelled: texts of the same kind without labels. The classifier then teaches a
                student on them, which takes some times as long (``training.distillation``).
            callbacks: called during the run, see ``textrnn.training.callbacks``.
            on_stage: told the name of each stage (network, n-grams, training, ensemble,
                distillation, refit) that did something, and its figures, when it is done.

        Raises:
            UsageError: a parameter has a value that cannot work.
            DataError: the texts or labels cannot be used.
            TrainingError: the loss became infinite or not a number.
        """
        started = time.perf_counter()
        settings = self._settings()
        go_on = self.warm_start and hasattr(self, "model_")
        if go_on:
            check_same_model(self.model_, settings)
        texts, labels, weights = check_labelled(X, y, sample_weight)
        found = classes_of(labels)
        classes = self.classes_ if go_on else found
        rng = make_generator(self.random_state)
        data = examples_of(texts, labels, weights, classes, settings)
        if go_on:
            check_same_labels(data, len(classes), multilabel=self.model_.multilabel)
        train, validation = self._split(data, texts, classes, validation_data, settings, rng)
        more = None if unlabelled is None else _tokens_of_unlabelled(unlabelled, settings)
        check_tunable(settings, validation)
        with one_blas_thread(), telling_once():
            fit = Fit(
                settings,
                plain_labels(classes),
                train,
                validation,
                rng,
                unlabelled=more,
                go_on_from=self._copy_of_model(settings) if go_on else None,
                started=started,
                callbacks=[*callbacks, *([Progress()] if self.verbose else [])],
                on_stage=on_stage,
            )
            run_stages(fit)
        self._keep(fit)
        self.classes_ = classes  # of the type that they were given in
        return self

    def _split(
        self,
        data: Examples,
        texts: list[str],
        classes: Any,
        validation_data: tuple[Texts, Any] | None,
        settings: Settings,
        rng: np.random.Generator,
    ) -> tuple[Examples, Examples | None]:
        """Texts to train on, and those to validate by: given ones, or some that are held out."""
        if validation_data is None:
            train, held = data, None
            if settings.early_stopping:
                train, held = hold_out(data, texts, settings, self.random_state, rng)
            if held is not None:  # which may be of one class alone, of weight 0
                held = weighted(held, plain_labels(classes), settings)
            return with_class_weight(train, classes, settings), held
        known, labels, weights = check_labelled(*validation_data)
        held = examples_of(known, labels, weights, classes, settings)
        check_same_labels(held, len(classes), multilabel=data.targets.is_multilabel)
        if not data.targets.is_multilabel:
            trained, there = (
                plain_labels(classes[sorted(set(part.targets.values.tolist()))])
                for part in (data, held)
            )
            lacking = missing_classes(trained, there, "validation_data")
            if lacking:
                warn(lacking)
        tell_shared(texts, known)
        return with_class_weight(data, classes, settings), with_class_weight(
            held, classes, settings
        )

    def partial_fit(self, X: Texts, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
        """Train one more epoch on some texts, at a constant learning rate.

        The first call fixes the classes and the vocabulary; words that come later are
        unknown. After ``fit`` the network goes on alone, with a warning: the n-gram model
        beside it cannot learn a few texts at a time, and its ensemble weight is that beside the
        network as it was.

        Args:
            X: n texts.
            y: their labels, shape (n,).
            classes: all labels that will ever come; needed in the first call.
            sample_weight: as in ``fit``.

        Raises:
            UsageError: ``classes`` is missing, or not what it was before.
            DataError: the texts or labels cannot be used.
            TrainingError: the loss became infinite or not a number.
        """
        settings = self._settings()
        texts, labels, sample_weight = check_labelled(X, y, sample_weight)
        first = not hasattr(self, "model_")
        known = self._check_classes(classes, first=first)
        if settings.class_weight == "balanced":
            raise UsageError(
                stated("class_weight", "balanced"),
                ", but partial_fit sees only some texts at a time; "
                "give a dictionary from class to weight.",
            )
        check_tunable(settings, None)
        data = examples_of(texts, labels, sample_weight, known, settings)
        data = weighted(data, plain_labels(known), settings, normalise=False)
        multilabel = data.targets.is_multilabel if first else self.model_.multilabel
        check_same_labels(data, len(known), multilabel=multilabel)
        rng = self._generator()
        with one_blas_thread():
            if first:
                model = build_model(
                    settings,
                    data.texts,
                    plain_labels(known),
                    rng=rng,
                    multilabel=data.targets.is_multilabel,
                )
            else:
                model = self._copy_of_model(settings)
            self._go_on(model, settings, data, rng)
        self.classes_ = known
        return self

    def _check_classes(self, classes: Any, *, first: bool) -> Any:
        if classes is None:
            if first:
                raise UsageError(
                    Parameter("classes"), " must be given in the first call of partial_fit."
                )
            return self.classes_
        known = np.unique(check_labels(classes, "classes"))
        if not first and not np.array_equal(known, self.classes_):
            raise UsageError(
                stated("classes", known.tolist()),
                f", but was {quoted(self.classes_.tolist())} before.",
            )
        return known

    # ----------------------------------------------------------------- prediction

    def predict_proba(self, X: Texts) -> Floats:
        """Probability of each class, shape (n_texts, n_classes), columns as ``classes_``.

        With ``n_jobs`` other processes help once it has taken this one a quarter of a second; the
        result is the same. Those that cannot be started are done without, with a warning.

        Raises:
            WorkerError: one of them died at its work.
        """
        self._check_fitted()
        texts = check_texts(X)
        return predict_many(self.model_, texts, process_count(self.n_jobs))

    def predict_log_proba(self, X: Texts) -> Floats:
        """Logarithm of ``predict_proba``; finite for the surest answer, too."""
        probabilities = self.predict_proba(X)
        sure = probabilities < np.finfo(np.float64).tiny  # so small that no digits are left
        if not sure.any():
            return np.log(probabilities)
        texts = check_texts(X)
        logits = predict_many(self.model_, texts, process_count(self.n_jobs), logits=True)
        found = self.model_.network.config.output.log_probabilities(logits.astype(np.float64))
        return np.log(probabilities, out=found, where=~sure)

    def predict(self, X: Texts) -> Any:
        """The class of each text, shape (n_texts,), or the indicator matrix of its labels.

        It is the most probable one, unless there is a ``threshold``.
        """
        probabilities = self.predict_proba(X)
        decided = self.model_.decide(probabilities)
        return decided if self.model_.multilabel else self.classes_[decided]

    def score(self, X: Texts, y: Any, sample_weight: Any = None) -> float:
        """Accuracy of ``predict``; where a text has any number of labels, of whole sets of them.

        Raises:
            ValueError: the weights are none that ``fit`` would take.
        """
        if sample_weight is not None:
            sample_weight = check_sample_weight(sample_weight, y)
        return float(super().score(X, y, sample_weight))

    @property
    def best_threshold_(self) -> float | None:
        return self.model_.threshold

    # ------------------------------------------------------------------- the rest

    def _take(self, model: TextModel) -> None:
        super()._take(model)
        self.classes_ = np.array(model.classes)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


def _tokens_of_unlabelled(texts: Texts, settings: Settings) -> EncodedTexts:
    """Those of the texts that are not empty."""
    return tokens_of([text for text in check_texts(texts, "unlabelled") if text.strip()], settings)
