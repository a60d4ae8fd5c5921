"""The scikit-learn face of language models: texts to learn, then probabilities and texts."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any, Self

import numpy as np

from textrnn.errors import DataError, UsageError
from textrnn.estimator.inputs import Texts, check_texts, keep_parameters, make_generator, make_seed
from textrnn.estimator.language_inputs import (
    check_goes_on,
    check_labelled_texts,
    known_labels,
    label_numbers,
    labels_of_texts,
    texts_with_labels,
)
from textrnn.estimator.preparation import hold_out, tell_shared
from textrnn.estimator.structure import TextRNNStructure, trained_further
from textrnn.inference.generation import NextWords, Sampling, generate, next_words
from textrnn.inference.language import Scores, score
from textrnn.inference.network_language import NetworkLanguageModel
from textrnn.system.blas import one_blas_thread
from textrnn.system.telling import telling_once
from textrnn.text.tokenizers import Tokenizer
from textrnn.training.callbacks import Callback
from textrnn.training.language.settings import LanguageModelSettings
from textrnn.training.language.stages import STAGES
from textrnn.training.pipeline import Fit, OnStage, ignore, run_stages
from textrnn.training.progress import Progress
from textrnn.typing import Floats
from textrnn.wording.quoting import listed


class TextRNNLanguageModel(TextRNNStructure):
    """Recurrent network that reads a text word by word and tells which word comes next.

    The probability of a text w_1 ... w_n is that of all its words and of its end,

        p(w_1, ..., w_n) = p(w_1) p(w_2 | w_1) ... p(w_n | w_1 ... w_n-1) p(end | w_1 ... w_n)

    and each factor a softmax over the vocabulary and the end, of the state h_t that the network is
    in after the words before: p(w | ...) = softmax(E h_t + b)_w, where E are the vectors that the
    words are read by (``tied``; Press and Wolf 2017) or others. The loss is -ln p of a token.
    All words that are not in the vocabulary are one.

    Attributes
    ----------
    labels_ : tuple of str
        What texts are conditioned on; none if ``fit`` was given no labels.
    model_ : NetworkLanguageModel
        Tokenizer, vocabulary and network; ``vocabulary_`` is a dict, the id of each word.
    n_iter_, loss_curve_ : int and list of float
        Epochs trained, and the mean training loss of each, in nats of a token.
    validation_perplexities_ : list of float
        Perplexity on the held-back texts after each epoch: the least is that of the epoch that was
        kept. Empty without such texts.
    history_, stopped_ : list of dict and str
        All figures of each epoch, and why the training was stopped before its end, if it was.

    Examples
    --------
    >>> from textrnn import TextRNNLanguageModel
    >>> texts = ["the cat sleeps", "the cats sleep"] * 50
    >>> model = TextRNNLanguageModel(hidden_size=16, max_iter=20, random_state=0)
    >>> model = model.fit(texts)
    >>> better, worse = model.score_samples(["the cats sleep", "the cats sleeps"])
    >>> bool(better > worse)
    True
    >>> model.next_words("the cat", top_k=1).words[0][0]
    'sleeps'
    """

    settings_class = LanguageModelSettings
    kinds = ("language model",)
    needs_targets = False
    model_: NetworkLanguageModel

    def __init__(
        self,
        *,
        unit: str = "word",
        label_at: str = "each",
        tied: bool = True,
        sampled: int | None = 600,
        cell: str = "lstm",
        hidden_size: int = 256,
        num_layers: int = 1,
        embedding: str | os.PathLike[str] = "random",
        embedding_dim: int = 256,
        freeze_embedding: bool = False,
        tokenizer: str | Tokenizer = "word",
        lowercase: bool = True,
        min_df: int | float = 1,
        max_df: int | float = 1.0,
        max_features: int | None = 10_000,
        unknown_alpha: float = 0.25,
        rule: str = "tbptt",
        k1: int | None = None,
        k2: int | None = None,
        solver: str = "adam",
        learning_rate_init: float = 5e-3,
        learning_rate: str = "linear",
        warmup_fraction: float = 0.05,
        momentum: float = 0.9,
        alpha: float = 0.0,
        max_grad_norm: float | None = 1.0,
        batch_size: int = 32,
        batch_tokens: int | None = None,
        max_iter: int | None = None,
        max_steps: int | None = None,
        max_seconds: float | None = None,
        shuffle: bool = True,
        dropout_input: float | None = None,
        dropout_readout: float | None = None,
        dropout_recurrent: float = 0.0,
        dropout_embedding: float = 0.0,
        label_smoothing: float = 0.0,
        ema_decay: float = 0.998,
        early_stopping: bool = True,
        validation_fraction: float = 0.05,
        n_iter_no_change: int | None = None,
        tol: float = 0.0,
        dtype: str = "float32",
        n_jobs: int | None = None,
        warm_start: bool = False,
        random_state: Any = None,
        verbose: bool = False,
    ) -> None:
        """Store the parameters, which ``fit`` checks; others are as ``TextRNNClassifier`` has them.

        Parameters
        ----------
        unit : {"word", "char"}, default="word"
            What is told one after the other: words, or every character of a text, blanks too.
        label_at : {"each", "first"}, default="each"
            Where a text's label is read, if ``fit`` is given labels: with every word, to whose
            vector that of the label is added; or in the place of the mark at its beginning.
        tied : bool, default=True
            Tell words by the vectors that they are read by (Press and Wolf 2017), not by others.
        sampled : int or None, default=600
            Tell a word in training from so many others that are drawn (Jean et al. 2015), where
            there are more; the training loss is among these. None tells it from all.
        max_features : int or None, default=10000
            Size of the vocabulary: the most frequent words; all others are one.
        unknown_alpha : float, default=0.25
            A word that occurs n times is the unknown one in training with probability
            ``alpha / (n + alpha)``, read and told: else others would be held for impossible.
        rule : {"bptt", "tbptt"}, default="tbptt"
            Through all of a text, or cut off after ``k2`` words, the weights changing after each
            ``k1``; the state is carried on.
        k1, k2 : int or None, default=None
            None is 35 words, or 50 characters.
        dropout_input, dropout_readout : float or None, default=None
            None is 0.3 up to 100,000 words, and 0.1 less for ten times as many.
        """
        keep_parameters(self, locals())

    # ------------------------------------------------------------------- training

    def fit(
        self,
        X: Texts,
        y: Any = None,
        *,
        validation_data: tuple[Texts, Any] | Texts | None = None,
        callbacks: Sequence[Callback] = (),
        on_stage: OnStage = ignore,
    ) -> Self:
        """Learn texts.

        Args:
            X: n texts; empty ones are left out.
            y: the label of each, shape (n,), which texts are then conditioned on; None for none.
            validation_data: texts to choose the best epoch by, with labels a pair of both, instead
                of a part of those to learn.
            callbacks: called during the run, see ``textrnn.training.callbacks``.
            on_stage: told the name of each stage (network, training) and its figures, when it is
                done.

        Raises:
            UsageError: a parameter has a value that cannot work.
            DataError: the texts or labels cannot be used.
            TrainingError: the loss became infinite or not a number.
        """
        started = time.perf_counter()
        settings: LanguageModelSettings = self._settings()
        go_on = self.model_ if self.warm_start and hasattr(self, "model_") else None
        texts, labels = check_labelled_texts(X, y)
        if not texts:
            raise DataError("there is no text to learn from: all are empty.")
        known = known_labels(labels) if go_on is None else go_on.labels
        if go_on is not None:
            check_goes_on(go_on, settings)
            go_on = replace(
                go_on, network=trained_further(go_on.network), settings=settings.to_dict()
            )
        rng = make_generator(self.random_state)
        train, held = texts_with_labels(texts, labels, known, settings), None
        if validation_data is not None:
            is_pair = isinstance(validation_data, tuple) and labels is not None
            pair = validation_data if is_pair else (validation_data, None)
            held_texts, held_labels = check_labelled_texts(*pair)
            tell_shared(texts, held_texts)
            held = texts_with_labels(held_texts, held_labels, known, settings)
        elif settings.early_stopping:
            train, held = hold_out(train, texts, settings, self.random_state, rng)
        with one_blas_thread(), telling_once():
            fit = Fit(
                settings,
                known,
                train,
                held,
                rng,
                go_on_from=go_on,  # type: ignore[arg-type]
                started=started,
                callbacks=[*callbacks, *([Progress()] if self.verbose else [])],
                on_stage=on_stage,
            )
            run_stages(fit, STAGES)
        self._keep(fit.model, fit.state)
        return self

    # -------------------------------------------------------------------- answers

    def score_samples(self, X: Texts, y: Any = None) -> Floats:
        """ln p of each text, its end included, float64 of shape (n_texts,).

        Args:
            X: n texts.
            y: the label of each; without, a model with labels gives ln sum_l p(l) p(text | l).
        """
        return self._scores(X, y).log_probability

    def log_probabilities(self, X: Texts, y: Any = None) -> list[Floats]:
        """ln p of every word of each text, and of its end: an array (n_words + 1,) of each.

        Args:
            X: n texts.
            y: the label of each, which a model with labels needs.

        Raises:
            UsageError: the model has labels and none are given, or the other way round.
        """
        self._check_fitted()
        model = self.model_
        encoded = model.encode(check_texts(X))
        if (y is None) == bool(model.labels):
            lacking = "y is missing" if y is None else "it has none, but y is there"
            raise UsageError(
                f"the model's labels are: {listed(model.labels)}; {lacking}.", parameter="y"
            )
        labels = None
        if y is not None:
            labels = label_numbers(labels_of_texts(y, len(encoded)), model.labels)
        each = model.log_probabilities(encoded, labels)
        starts = (encoded.starts + np.arange(len(encoded) + 1)).tolist()
        return [each[begin:end] for begin, end in pairwise(starts)]

    def perplexity(self, X: Texts, y: Any = None) -> float:
        """exp(-sum ln p / n_tokens) of all texts together; an end counts as a token, too."""
        return self._scores_of_some(X, y).figures.perplexity

    def score(self, X: Texts, y: Any = None) -> float:
        """Mean ln p of a token, the higher the better: -ln of the perplexity."""
        scores = self._scores_of_some(X, y)
        return float(scores.log_probability.sum() / scores.n_tokens.sum())

    def next_words(
        self, text: str, top_k: int | None = 5, *, label: str | None = None
    ) -> NextWords:
        """The most probable words after a beginning of a text; see ``generation.NextWords``."""
        self._check_fitted()
        return next_words(self.model_, text, top_k=top_k, label=label)

    def sample(
        self,
        n: int = 1,
        *,
        prompt: str = "",
        label: str | None = None,
        strength: float | None = None,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        max_tokens: int = 200,
        random_state: Any = 0,
    ) -> list[str]:
        """Texts as the model has them, each with the prompt that it begins with.

        Args:
            n: how many.
            prompt: the beginning of each.
            label: of a model with labels; None draws one for each text.
            strength: how much it counts what a word tells of the label, 1 if None.
            temperature: words are drawn in proportion to p ** (1 / temperature); 0 takes the most
                probable one.
            top_k: draw from so many words, the most probable; None from all.
            top_p: draw from the fewest words that have this probability together (Holtzman et al.
                2020); None from all.
            max_tokens: words of a text at most, those of the prompt not counted.
            random_state: the seed, or what scikit-learn takes for one; None is another each time.
        """
        self._check_fitted()
        written = generate(
            self.model_,
            n,
            beginning=prompt,
            max_tokens=max_tokens,
            sampling=Sampling(temperature, top_k, top_p),
            label=label,
            strength=strength,
            seed=make_seed(random_state),
        )
        return [one.text for one in written]

    def _scores_of_some(self, X: Texts, y: Any) -> Scores:
        """Those of texts of which there must be one."""
        scores = self._scores(X, y)
        if not len(scores.n_tokens):
            raise DataError("there is no text to measure the model on.")
        return scores

    def _scores(self, X: Texts, y: Any) -> Scores:
        self._check_fitted()
        texts = check_texts(X)
        if y is None:
            return score(self.model_, texts)
        labels = label_numbers(labels_of_texts(y, len(texts)), self.model_.labels)
        return score(self.model_, texts, labels=labels)

    # ----------------------------------------------------------- fitted attributes

    @property
    def labels_(self) -> tuple[str, ...]:
        self._check_fitted()
        return self.model_.labels

    @property
    def validation_perplexities_(self) -> list[float]:
        key = "validation_perplexity"
        return [record[key] for record in self.history_ if key in record]
