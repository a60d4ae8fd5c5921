"""The scikit-learn face of taggers: texts as tokens, and a tag of each."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import replace
from numbers import Integral
from typing import Any, Self

import numpy as np

from textrnn.corpora.rows import TaggedTexts
from textrnn.errors import DataError, UsageError
from textrnn.estimator.inputs import (
    check_sample_weight,
    keep_parameters,
    make_generator,
    plain_labels,
)
from textrnn.estimator.structure import TextRNNStructure, trained_further
from textrnn.estimator.tagger_inputs import (
    TaggedInput,
    TaggerTexts,
    check_tag_lists,
    check_tagged,
    check_tokens,
    tag_numbers,
)
from textrnn.evaluation.tags import right_tokens
from textrnn.inference.tagger import TaggerModel, in_texts
from textrnn.system.blas import one_blas_thread
from textrnn.system.telling import telling_once, warn
from textrnn.text.encoded import encode_lists
from textrnn.text.tokenizers import Tokenizer, make_tokenizer
from textrnn.training.callbacks import Callback
from textrnn.training.examples import Examples
from textrnn.training.pipeline import Fit, OnStage, ignore, run_stages
from textrnn.training.progress import Progress
from textrnn.training.tagging.settings import TaggingSettings
from textrnn.training.tagging.stages import STAGES, tagged
from textrnn.typing import Floats
from textrnn.wording.messages import Setting, stated
from textrnn.wording.quoting import quoted

OF_MODEL = (
    *("body", "cell", "hidden_size", "num_layers", "bidirectional", "embedding", "embedding_dim"),
    *("char_dim", "tokenizer", "lowercase", "dtype"),
)
"""Settings that are built into a model and cannot change when its training goes on."""


class TextRNNTagger(TextRNNStructure):
    """Recurrent network that reads a text from both ends and gives each of its tokens a tag.

    The tag of a token is told from the states that both directions are in at it. A word enters as
    a vector of its own beside the sum of those of the pieces that it is spelt with, its beginnings,
    ends and shape, so that words are told apart that were never seen.

    Its parameters are told at ``__init__``.

    Attributes
    ----------
    classes_ : array of shape (n_tags,)
        The tags, sorted.
    model_ : TaggerModel
        Vocabulary and network.
    vocabulary_ : dict
        Id of each word.
    n_iter_ : int
        Epochs trained.
    loss_curve_ : list of float
        Mean training loss of each epoch, in nats of a token.
    validation_scores_ : list of float
        Share of the held-back tokens with the right tag after each epoch; the weights of the best
        one are kept. Empty without such texts.
    history_ : list of dict
        All figures of each epoch.
    stopped_ : str
        Why a callback or the clock stopped the training before its end; empty if none did.

    Examples
    --------
    >>> from textrnn import TextRNNTagger
    >>> texts = [["the", "can", "opens"], ["we", "can", "open", "it"]] * 40
    >>> tags = [["DET", "NOUN", "VERB"], ["PRON", "AUX", "VERB", "PRON"]] * 40
    >>> tagger = TextRNNTagger(hidden_size=16, max_iter=20, early_stopping=False, random_state=0)
    >>> tagger.fit(texts, tags).predict([["the", "can", "opens"]])
    [['DET', 'NOUN', 'VERB']]
    """

    settings_class = TaggingSettings
    kinds = ("tagger",)
    model_: TaggerModel
    classes_: Any

    def __init__(
        self,
        *,
        char_dim: int | None = 50,
        body: str = "recurrent",
        cell: str = "lstm",
        hidden_size: int = 64,
        num_layers: int = 1,
        bidirectional: bool = True,
        embedding: str | os.PathLike[str] = "random",
        embedding_dim: int = 100,
        freeze_embedding: bool = False,
        tokenizer: str | Tokenizer = "blank",
        lowercase: bool = False,
        min_df: int | float = 1,
        max_df: int | float = 1.0,
        max_features: int | None = 30_000,
        unknown_alpha: float = 0.25,
        rule: str = "bptt",
        k1: int | None = None,
        k2: int | None = None,
        solver: str = "adam",
        learning_rate_init: float = 4e-3,
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
        dropout_input: float = 0.2,
        dropout_readout: float = 0.3,
        dropout_recurrent: float = 0.0,
        dropout_embedding: float = 0.0,
        label_smoothing: float = 0.0,
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
        """Store the parameters, which ``fit`` checks.

        Those that are not told here are as those of ``TextRNNClassifier``.

        Parameters
        ----------
        char_dim : int or None, default=50
            Size of the vectors that words have of how they are spelt: of their first one to three
            characters, last one to four, the whole of them in lower case and their shape. None has
            no such vectors; all unknown words are then one.
        tokenizer : {"blank", "word", "char", "jieba"} or callable, default="blank"
            How texts are cut that are strings, and no lists of tokens.
        lowercase : bool, default=False
            Look words up in lower case; how they are spelt is not changed by it.
        """
        keep_parameters(self, locals())

    # ------------------------------------------------------------------- training

    def fit(
        self,
        X: TaggerTexts,
        y: Any,
        sample_weight: Any = None,
        *,
        validation_data: tuple[TaggerTexts, Any] | None = None,
        callbacks: Sequence[Callback] = (),
        on_stage: OnStage = ignore,
    ) -> Self:
        """Learn texts and the tags of their tokens.

        Args:
            X: n texts, lists of tokens, none of which is left out, however long; or strings.
            y: a list of tags of each, one for each token.
            sample_weight: weight of each text, shape (n,); texts of weight 0 do not take part.
                Only the proportions matter.
            validation_data: texts and tags to choose the best epoch by, instead of a part of those
                to learn.
            callbacks: called during the run, see ``textrnn.training.callbacks``.
            on_stage: told the name of each stage (network, training) and its figures, when it is
                done.

        Raises:
            UsageError: a parameter has a value that cannot work.
            DataError: the texts or tags cannot be used.
            TrainingError: the loss became infinite or not a number.
        """
        started = time.perf_counter()
        settings: TaggingSettings = self._settings()
        before = self.model_ if self.warm_start and hasattr(self, "model_") else None
        if before is not None:
            check_goes_on(before, settings)
        tokenizer = make_tokenizer(settings.tokenizer, lowercase=False)
        data = check_tagged(X, y, sample_weight, tokenizer)
        classes = np.unique(data.tags) if before is None else self.classes_
        if len(classes) < 2:
            raise DataError(f"all tokens have the tag {quoted(plain_labels(classes[0]))}.")
        rng = make_generator(self.random_state)
        train, held = _examples(data, classes), None
        if validation_data is not None:
            held = _examples(check_tagged(*validation_data, None, tokenizer), classes)
        elif settings.early_stopping:
            train, held = self._hold_out(data, classes, settings, rng)
        with one_blas_thread(), telling_once():
            fit = Fit(
                settings,
                plain_labels(classes),
                train,
                held,
                rng,
                go_on_from=None if before is None else _further(before, settings),
                started=started,
                callbacks=[*callbacks, *([Progress()] if self.verbose else [])],
                on_stage=on_stage,
            )
            run_stages(fit, STAGES)
        self._keep(fit.model, fit.state)
        self.classes_ = classes  # of the type that they were given in
        return self

    def _hold_out(
        self, data: TaggedInput, classes: Any, settings: TaggingSettings, rng: np.random.Generator
    ) -> tuple[Examples, Examples | None]:
        """Texts to learn and to choose by, those that ``textrnn tag train --seed`` would take."""
        is_seed = isinstance(self.random_state, Integral)
        seed = int(self.random_state) if is_seed else int(rng.integers(2**31))
        tokens = encode_lists(data.tokens)
        names = list(in_texts([str(tag) for tag in data.tags.tolist()], tokens))
        rows = TaggedTexts(data.tokens, names)
        held = rows.holdout(settings.validation_fraction, random_state=seed)
        examples = _examples(data, classes)
        if not held.any():
            warn(f"{len(rows)} texts are too few to hold any back: no early stopping")
            return examples, None
        parts = [_examples(_taken(data, which), classes) for which in (~held, held)]
        return parts[0], parts[1]

    # -------------------------------------------------------------------- answers

    def predict(self, X: TaggerTexts) -> list[list[Any]]:
        """The tags of each text: a list of as many as it has tokens."""
        self._check_fitted()
        return self.model_.predict(check_tokens(X, self.model_.tokenizer))

    def predict_proba(self, X: TaggerTexts) -> list[Floats]:
        """Probabilities of the tags of each text: an array (n_tokens, n_tags), as ``classes_``."""
        self._check_fitted()
        texts = encode_lists(check_tokens(X, self.model_.tokenizer))
        found = self.model_.predict_proba(texts)
        return [found[a:b] for a, b in zip(texts.starts[:-1], texts.starts[1:], strict=True)]

    def score(self, X: TaggerTexts, y: Any, sample_weight: Any = None) -> float:
        """Share of the tokens that ``predict`` gives the right tag, by the weights of texts.

        Raises:
            DataError: the tags do not go with the texts, or there are none.
        """
        self._check_fitted()
        tokens = check_tokens(X, self.model_.tokenizer)
        right = check_tag_lists(y, tokens)
        lengths = [len(tags) for tags in right]
        if not sum(lengths):
            raise DataError("there is no token to score.")
        weights: Floats = np.ones(len(tokens))
        if sample_weight is not None:
            weights = check_sample_weight(sample_weight, np.arange(len(tokens)))
        found = right_tokens(right, self.model_.predict(tokens))
        return float(np.average(found, weights=np.repeat(weights, lengths)))

    # ----------------------------------------------------------- fitted attributes

    @property
    def validation_scores_(self) -> list[float]:
        key = "validation_accuracy"
        return [record[key] for record in self.history_ if key in record]

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, tokenizer: Tokenizer | None = None) -> Self:
        """Read a model folder; see ``TextRNNStructure.load``."""
        tagger = super().load(path, tokenizer=tokenizer)
        tagger.classes_ = np.array(tagger.model_.classes)
        return tagger


def _examples(data: TaggedInput, classes: Any) -> Examples:
    """What a fit begins with, the weights of texts at a mean of 1."""
    weights = None if data.weights is None else data.weights / data.weights.mean()
    numbers = tag_numbers(data.tags, classes)
    return tagged(encode_lists(data.tokens), numbers, len(classes), weights)


def _taken(data: TaggedInput, rows: Any) -> TaggedInput:
    """Some of the texts, by booleans (n_texts,)."""
    lengths = [len(tokens) for tokens in data.tokens]
    tokens = [data.tokens[i] for i in np.flatnonzero(rows)]
    weights = None if data.weights is None else data.weights[rows]
    return TaggedInput(tokens, data.tags[np.repeat(rows, lengths)], weights)


def _further(model: TaggerModel, settings: TaggingSettings) -> Any:
    """A copy of a model that can be trained on; a failure leaves the old one whole."""
    network = trained_further(model.network)
    return replace(model, network=network, settings=settings.to_dict())


def check_goes_on(model: TaggerModel, settings: TaggingSettings) -> None:
    """A warm start keeps vocabulary and network: their settings must be the same.

    Raises:
        UsageError: one is not.
    """
    now = settings.to_dict()
    for name in OF_MODEL:
        before = model.settings.get(name, now[name])
        if before != now[name]:
            raise UsageError(
                stated(name, now[name]),
                f", but was {quoted(before)} when the model that warm_start goes on with was made; "
                "set ",
                Setting("warm_start", False),
                " to begin anew.",
            )
