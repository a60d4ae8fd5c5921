"""The scikit-learn face: a classifier over lists of strings."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import ConvergenceWarning, NotFittedError

from textrnn.errors import DamagedModelError, UsageError
from textrnn.estimator.inputs import (
    Texts,
    check_classes,
    check_labelled,
    check_labels,
    check_same_labels,
    check_same_model,
    check_sample_weight,
    check_texts,
    hold_back,
    join_weights,
    make_generator,
    plain,
    tell_shared,
    tokenise,
    tokenise_alone,
)
from textrnn.evaluation.held_out_scores import NETWORK, WHOLE, scores_of
from textrnn.inference.classifier import TextModel
from textrnn.inference.pool import predict_many
from textrnn.inference.stream import Stream
from textrnn.nn.network import Network
from textrnn.storage.bundled import bundled_folder
from textrnn.storage.card import model_card
from textrnn.storage.folder import check_network, load_saved, save_model
from textrnn.system.blas import one_blas_thread
from textrnn.system.files import find_folder
from textrnn.system.processes import process_count
from textrnn.system.telling import telling_once, warn
from textrnn.text.tokenizers import Tokenizer, make_tokenizer, tokenizer_name
from textrnn.training.callbacks import Callback
from textrnn.training.fit import build_model, check_threshold, check_tunable, make_run
from textrnn.training.pipeline import train_whole
from textrnn.training.presets import changes_of
from textrnn.training.prior_baseline import nothing_learned
from textrnn.training.progress import Progress
from textrnn.training.settings import Settings
from textrnn.typing import ClassWeight, Floats
from textrnn.wording.messages import stated
from textrnn.wording.quoting import quoted


@dataclass(frozen=True)
class PartialState:
    """What one call of ``partial_fit`` hands to the next."""

    rng: np.random.Generator
    optimizer: dict[str, Any]


class TextRNNClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Recurrent network that reads a text word by word and predicts its class.

    Parameters
    ----------
    cell : {"lstm", "lstm_forget", "gru", "rnn", "rnn_relu"}, default="lstm"
        Long short-term memory (Hochreiter and Schmidhuber 1997), the same with its forget
        gate alone (Johnson and Zhang 2016), gated recurrent unit (Cho et al. 2014), or a
        simple recurrence with tanh or ReLU.
    hidden_size : int, default=64
        Units of each recurrent layer and direction.
    num_layers : int, default=1
        Recurrent layers, one on top of the other.
    bidirectional : bool, default=True
        Read each text from both ends.
    readout : {"max", "mean", "last", "max_mean", "max_mean_last", "attention"}, default="max"
        What of all states reaches the linear layer: each unit's largest value, their
        mean, or the state after the text's own last word; some of these side by side; or
        a weighted mean, with weights that are learned (Yang et al. 2016).
    segment_length : int or None, default=None
        Read longer texts in segments of at most so many words, side by side and each from an
        empty state; the readout goes over all of them (Johnson and Zhang 2016). Long texts
        train about twice as fast. None reads texts whole.
    embedding : {"random", "word2vec", "onehot"} or path, default="random"
        What a word enters as: a vector learned from a random start, or from word2vec
        trained on the same texts, or from a file (word2vec text or binary, GloVe);
        or a one-hot vector.
    embedding_dim : int, default=100
        Size of the word vectors; a file brings its own.
    freeze_embedding : bool, default=False
        Keep the word vectors as they are.
    tokenizer : {"word", "char", "jieba"} or callable, default="word"
        How a text is cut into tokens; a callable takes a string and returns a list.
    lowercase : bool, default=True
        Ignore case. A callable tokenizer sees to that itself.
    min_df, max_df : int or float, default=1 and 1.0
        Words in fewer or more training texts than this (a share if float) are unknown.
    max_features : int or None, default=30000
        Size of the vocabulary: the most frequent words.
    max_length : int or None, default=1000
        Words read of each text, from its beginning. None reads all.
    unknown_alpha : float, default=0.25
        In training a word that occurs n times becomes the unknown word with
        probability ``alpha / (n + alpha)`` (Kiperwasser and Goldberg 2016).
    unknown_words : {"nearest", "same"}, default="nearest"
        Whether a word that is not in the vocabulary is first read as a known one that is one
        edit away, or all such words are read as the same. An edit is a letter
        too many, too few or wrong, or two neighbours that changed places; of several the most
        frequent word is meant. Only words of four letters or more, and nothing but letters, are
        read so: in prediction and streaming, and where training texts hold words that ``min_df``,
        ``max_df`` or ``max_features`` left out. The n-grams are fitted to words as they are
        written; in prediction they take the known word unless they have a weight for the other.
    ngrams : {"auto", "words", "characters", "none"}, default="auto"
        A linear model over n-grams beside the network (Wang and Manning 2012), whose logits
        are added to the network's: of up to three words, or of these and of 2 to 5 characters
        within a word. "auto" takes both, or the words alone of more than 1.5 million tokens.
        ``partial_fit`` trains the network alone, and after ``fit`` drops the n-grams.
    solver : {"adam", "sgd"}, default="adam"
        The optimiser.
    learning_rate_init : float, default=0.002
        The highest learning rate.
    learning_rate : {"linear", "cosine", "slanted", "constant"}, default="linear"
        How it falls over the run, after a warm-up. "slanted" is linear too, but begins and
        ends at a 32nd of the highest rate (Howard and Ruder 2018).
    warmup_fraction : float, default=0.05
        Share of the run over which the learning rate rises.
    momentum : float, default=0.9
        Of ``solver="sgd"``.
    alpha : float, default=0.0
        Weight decay, decoupled from the gradient; not on biases and word vectors.
    gradient_floor : float, default=1e-7
        With the last readout, where the way back through a text ends: at this share of
        the batch's largest gradient. 0 walks all texts to their first word. float64
        always does.
    max_grad_norm : float or None, default=1.0
        Gradients of a larger norm are scaled down to it.
    batch_size : int, default=32
        Texts in a step.
    batch_tokens : int or None, default=None
        Words in a step, on average, instead of a number of texts: few long texts or many
        short ones.
    max_iter : int or None, default=None
        Epochs at most. None takes as many as make up some 3,000 steps, from 4 to 50.
    max_steps : int or None, default=None
        Steps of all epochs together, after which the learning rate has come to its end; the
        last epoch may be a part.
    max_seconds : float or None, default=None
        Time of ``fit`` at most. A few steps are timed, and no more are planned than fit, so
        that two runs need not be alike; ``max_steps`` does the same again. What comes before
        the steps (tokens, word2vec, one n-gram model) takes the time it takes, and at least
        one step is done.
    shuffle : bool, default=True
        Draw a new order in every epoch.
    dropout_input, dropout_readout : float, default=0.3 and 0.5
        Share of the inputs of each recurrent layer, and of the vector that reaches
        the linear layer, that is dropped in training.
    dropout_recurrent, dropout_embedding : float, default=0.0 and 0.0
        Share of the recurrent weights that is dropped in a step, and share of the words
        whose whole vector is, wherever they stand in the step's texts (AWD-LSTM, Merity
        et al. 2018).
    label_smoothing : float, default=0.1
        Share of each label that is spread evenly over all classes in training (Szegedy
        et al. 2016).
    adversarial : float, default=0.0
        Above 0 each step is taken twice, the second time with the word vectors moved by this
        share of their length to where the loss grows fastest (Miyato et al. 2017); 0.3 is usual.
        Training takes twice as long.
    ema_decay : float, default=0.998
        Above 0, the model is an exponential moving average of the weights over some
        ``1 / (1 - ema_decay)`` steps; that is what is validated, too. ``partial_fit``
        does not average.
    early_stopping : bool, default=True
        Hold back part of the training texts, stop when the accuracy on them no longer
        rises, and keep the best weights.
    validation_fraction : float, default=0.1
        The share that is held back, stratified by class.
    n_iter_no_change : int or None, default=None
        Epochs to wait for a better accuracy. None waits for a third of all, at least 2.
    tol : float, default=0.0
        By how much it must be better.
    class_weight : dict, "balanced" or None, default=None
        Weight of each class in the loss; a dictionary has all classes.
    threshold : float, "f1" or None, default=None
        Of two classes, the probability from which the second of ``classes_`` is predicted;
        None predicts the more probable one. Of many labels a text, the probability from
        which it has a label; None is 0.5. "f1" takes what has the highest F1 on the held-back
        texts, by their weights unless there is a ``class_weight``: of the class that is rarer in
        training, or micro-averaged over the labels.
    dtype : {"float32", "float64"}, default="float32"
        Floating-point type of all arithmetic.
    n_jobs : int or None, default=None
        Processes that share the work; None is 1, -1 takes all cores (in training those
        that get at least 16 texts of each batch). The same seed and number give the same
        model; predictions are the same with any number. Where no more processes can be started,
        as in one of a ``multiprocessing.Pool``, fewer do the work, with a warning of how many.
    warm_start : bool, default=False
        Let ``fit`` go on from the weights of the last call, with its vocabulary.
    random_state : int, RandomState, Generator or None, default=None
        The same seed gives the same model, bit for bit.
    verbose : bool, default=False
        Show progress on stderr.

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
        it would be with that epoch's network: n-grams, factors and threshold included, these
        cross-fitted (``training.held_out``). Of many labels the share of right answers. Empty
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
    model_: TextModel
    history_: list[dict[str, float]]
    best_validation_score_: float | None
    best_network_validation_score_: float | None

    def __init__(
        self,
        *,
        cell: str = "lstm",
        hidden_size: int = 64,
        num_layers: int = 1,
        bidirectional: bool = True,
        readout: str = "max",
        segment_length: int | None = None,
        embedding: str | os.PathLike[str] = "random",
        embedding_dim: int = 100,
        freeze_embedding: bool = False,
        tokenizer: str | Tokenizer = "word",
        lowercase: bool = True,
        min_df: int | float = 1,
        max_df: int | float = 1.0,
        max_features: int | None = 30_000,
        max_length: int | None = 1_000,
        unknown_alpha: float = 0.25,
        unknown_words: str = "nearest",
        ngrams: str = "auto",
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
        label_smoothing: float = 0.1,
        adversarial: float = 0.0,
        ema_decay: float = 0.998,
        early_stopping: bool = True,
        validation_fraction: float = 0.1,
        n_iter_no_change: int | None = None,
        tol: float = 0.0,
        class_weight: ClassWeight = None,
        threshold: float | str | None = None,
        dtype: str = "float32",
        n_jobs: int | None = None,
        warm_start: bool = False,
        random_state: Any = None,
        verbose: bool = False,
    ) -> None:
        self.cell = cell
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bidirectional = bidirectional
        self.readout = readout
        self.segment_length = segment_length
        self.embedding = embedding
        self.embedding_dim = embedding_dim
        self.freeze_embedding = freeze_embedding
        self.tokenizer = tokenizer
        self.lowercase = lowercase
        self.min_df = min_df
        self.max_df = max_df
        self.max_features = max_features
        self.max_length = max_length
        self.unknown_alpha = unknown_alpha
        self.unknown_words = unknown_words
        self.ngrams = ngrams
        self.solver = solver
        self.learning_rate_init = learning_rate_init
        self.learning_rate = learning_rate
        self.warmup_fraction = warmup_fraction
        self.momentum = momentum
        self.alpha = alpha
        self.max_grad_norm = max_grad_norm
        self.gradient_floor = gradient_floor
        self.batch_size = batch_size
        self.batch_tokens = batch_tokens
        self.max_iter = max_iter
        self.max_steps = max_steps
        self.max_seconds = max_seconds
        self.shuffle = shuffle
        self.dropout_input = dropout_input
        self.dropout_readout = dropout_readout
        self.dropout_recurrent = dropout_recurrent
        self.dropout_embedding = dropout_embedding
        self.label_smoothing = label_smoothing
        self.adversarial = adversarial
        self.ema_decay = ema_decay
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.class_weight = class_weight
        self.threshold = threshold
        self.dtype = dtype
        self.n_jobs = n_jobs
        self.warm_start = warm_start
        self.random_state = random_state
        self.verbose = verbose

    @classmethod
    def from_preset(cls, name: str, **changes: Any) -> Self:
        """A classifier with the parameters of a preset, and changes that count more.

        Args:
            name: "minute" (about a minute for 25,000 reviews on 2 cores), "default", "best"
                (long texts, some five minutes for 25,000 reviews) or "paper" (a plain LSTM to
                study: one way, last state, no n-grams).
            changes: other parameters.

        Raises:
            UsageError: there is no preset of that name.
        """
        return cls(**{**changes_of(name), **changes})

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
            unlabelled: texts of the same kind without labels. What is trained then teaches a
                new network on them, which takes some times as long (``training.self_training``).
            callbacks: called during the run, see ``textrnn.training.callbacks``.

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
        given = check_labelled(X, y, sample_weight)
        found = check_classes(given.labels)
        classes = self.classes_ if go_on else found
        rng = make_generator(self.random_state)
        train = tokenise(given, classes, settings, join_weights(given, settings))
        if go_on:
            check_same_labels(train, len(classes), multilabel=self.model_.multilabel)
        validation = None
        if validation_data is not None:
            held = check_labelled(*validation_data)
            validation = tokenise(held, classes, settings)
            validation = replace(validation, weights=join_weights(held, settings))
            check_same_labels(validation, len(classes), multilabel=train.multilabel)
            tell_shared(given.texts, held.texts)
        more = None
        if unlabelled is not None:
            texts = [text for text in check_texts(unlabelled, "unlabelled") if text.strip()]
            more = tokenise_alone(texts, settings)
        if validation is None and settings.early_stopping:
            train, validation = hold_back(train, given, settings, rng)
        check_tunable(settings, validation)
        with one_blas_thread(), telling_once():
            if go_on:
                model = self._copy_of_model(settings)
            else:
                model = build_model(
                    settings,
                    train.tokens,
                    plain(classes),
                    rng=rng,
                    unlabelled=more,
                    multilabel=train.multilabel,
                )
            watching = [*callbacks, *([Progress()] if self.verbose else [])]
            model, state, accuracy, *_ = train_whole(
                model,
                settings,
                train,
                validation=validation,
                rng=rng,
                started=started,
                unlabelled=more,
                callbacks=watching,
            )
        if state.interrupted and state.epoch == 0:
            raise KeyboardInterrupt  # there is nothing to keep
        self.model_, self.classes_ = model, classes
        self.history_ = state.history
        self.best_validation_score_ = accuracy
        self.best_network_validation_score_ = state.best_score[0] if state.best_params else None
        self._partial: PartialState | None = None
        self._report: dict[str, Any] = {}
        if state.interrupted:
            warn("training was interrupted", ConvergenceWarning)
        told = nothing_learned(state, validation, len(classes))
        if told:
            warn(told, ConvergenceWarning)
        return self

    def _copy_of_model(self, settings: Settings) -> TextModel:
        """The model to go on with; a failure leaves the old one whole."""
        network = self.model_.network
        params = {name: value.copy() for name, value in network.params.items()}
        copied = Network(network.config, params)
        check_threshold(settings, len(self.classes_), multilabel=self.model_.multilabel)
        return replace(
            self.model_,
            network=copied,
            settings=settings.to_dict(),
            threshold=settings.fixed_threshold,
        )

    def partial_fit(self, X: Texts, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
        """Train one more epoch on some texts, at a constant learning rate.

        The first call fixes the classes and the vocabulary; words that come later are
        unknown. After ``fit`` the network goes on alone, with a warning: the n-gram model
        beside it cannot learn a few texts at a time, and was weighed against the network as
        it was.

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
        given = check_labelled(X, y, sample_weight)
        first = not hasattr(self, "model_")
        known = self._check_classes(classes, first=first)
        if settings.class_weight == "balanced":
            raise UsageError(
                stated("class_weight", "balanced"),
                ", but partial_fit sees only some texts at a time; "
                "give a dictionary from class to weight.",
            )
        check_tunable(settings, None)
        weights = join_weights(given, settings, normalise=False)
        data = tokenise(given, known, settings, weights)
        multilabel = data.multilabel if first else self.model_.multilabel
        check_same_labels(data, len(known), multilabel=multilabel)
        before = getattr(self, "_partial", None)
        # A copy: after a failure the next call begins where this one did.
        rng = deepcopy(before.rng) if before else make_generator(self.random_state)
        with one_blas_thread():
            if first:
                model = build_model(
                    settings, data.tokens, plain(known), rng=rng, multilabel=data.multilabel
                )
            else:
                model = self._copy_of_model(settings)
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
        self.model_, self.classes_ = model, known
        self._partial = PartialState(rng, run.optimizer.state())
        self.history_ = [*([] if first else self.history_), *state.history]
        self.best_validation_score_ = self.best_network_validation_score_ = None
        self._report = {}
        return self

    def _check_classes(self, classes: Any, *, first: bool) -> Any:
        if classes is None:
            if first:
                raise UsageError("classes must be given in the first call of partial_fit.")
            return self.classes_
        known = np.unique(check_labels(classes, "classes"))
        if not first and not np.array_equal(known, self.classes_):
            raise UsageError(
                stated("classes", known.tolist()),
                f", but was {quoted(self.classes_.tolist())} before.",
            )
        return known

    def _settings(self) -> Settings:
        """The parameters as checked settings."""
        settings = Settings(**{f.name: getattr(self, f.name) for f in fields(Settings)})
        settings.validate()
        return settings

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
        """Logarithm of ``predict_proba``."""
        return np.log(self.predict_proba(X))

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

    def stream(self) -> Stream:
        """A reader of one token at a time, with the class probabilities so far after each.

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
    def best_threshold_(self) -> float | None:
        return self.model_.threshold

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
        """Write a model folder; see ``textrnn.storage.folder``."""
        self._check_fitted()
        metrics = {
            **self._report,
            "history": self.history_,
            "best_validation_score": self.best_validation_score_,
            "best_network_validation_score": self.best_network_validation_score_,
        }
        save_model(self.model_, path, metrics=metrics, card=model_card(self.model_, self._report))

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
        model, report = check_network(saved.model, path), saved.metrics
        saved_name = saved.config["tokenizer"]["name"]
        if tokenizer is not None and saved_name is not None:
            raise UsageError(
                f"the model {quoted(path)} reads texts with the tokenizer {quoted(saved_name)}; "
                "load it without tokenizer=."
            )
        estimator = cls(**_parameters_of(model, path))
        estimator.model_ = model
        estimator.classes_ = np.array(model.classes)
        estimator.history_ = report.get("history") or []
        validation = report.get("validation") or {}  # where ``textrnn train`` writes it
        estimator.best_validation_score_ = report.get(
            "best_validation_score", validation.get("accuracy")
        )
        estimator.best_network_validation_score_ = report.get(
            "best_network_validation_score", validation.get("network_accuracy")
        )
        estimator._report = report if "corpus" in report else {}
        return estimator

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.two_d_array = False
        tags.input_tags.one_d_array = True
        tags.classifier_tags.multi_label = True
        tags.non_deterministic = self.random_state is None
        return tags


def _folder_of(path: str | os.PathLike[str]) -> Path:
    """Where the model is that a path means, or the name of a bundled one."""
    folder = find_folder(Path(path))
    if not folder.is_dir():
        return bundled_folder(os.fspath(path)) or folder
    return folder


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
