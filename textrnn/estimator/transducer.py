"""The scikit-learn face of transducers: texts in, texts out, learned from pairs of them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from numbers import Integral
from typing import Any, NamedTuple, Self

import numpy as np

from textrnn.corpora.rows import Pairs
from textrnn.errors import DataError, UsageError
from textrnn.estimator.inputs import Texts, check_texts, keep_parameters, make_generator
from textrnn.estimator.preparation import tell_shared
from textrnn.estimator.structure import TextRNNStructure
from textrnn.inference.transduction import Transduced, TransductionModel
from textrnn.nn.transducer import Transducer
from textrnn.system.blas import one_blas_thread
from textrnn.system.telling import telling_once, warn
from textrnn.training.callbacks import Callback
from textrnn.training.declaration import WHOLE
from textrnn.training.progress import Progress
from textrnn.training.transduction.fit import build_model, encode_pairs, fit_model
from textrnn.training.transduction.settings import TransductionSettings
from textrnn.typing import Floats
from textrnn.wording.messages import stated
from textrnn.wording.quoting import quoted

OF_MODEL = (
    *("source_unit", "target_unit", "cell", "hidden_size", "num_layers", "bidirectional"),
    *("embedding_dim", "attention_size", "copy_unknown", "max_length", "dtype"),
)
"""Parameters that are built into a model and cannot change when its training goes on."""


class Alignment(NamedTuple):
    """How the symbols of a text and of what is written of it belong together.

    Attributes:
        source: symbols that were read.
        target: symbols that were written.
        weights: of each symbol of the source, and of the mark behind them, as each symbol of the
            target, and the mark behind these, was written: shape (written + 1, read + 1). Rows
            add up to 1.
    """

    source: list[str]
    target: list[str]
    weights: Floats


class TextRNNTransducer(TextRNNStructure):
    """Recurrent encoder and decoder with attention, which write a text of another.

    The encoder reads the source in both directions; the decoder writes the target a symbol at a
    time, each time with a mean of the encoder's outputs h_j before it, of weights that it finds by
    its own state s (Bahdanau, Cho and Bengio 2015):

        w_j = softmax_j(v . tanh(s W + h_j U + b))      c = sum_j w_j h_j

    The loss is -ln p of a symbol of the target, on average, the mark behind it included.

    Its parameters are told at ``__init__``.

    Attributes
    ----------
    model_ : TransductionModel
        Units, vocabularies and network.
    vocabulary_, target_vocabulary_ : dict
        Id of each symbol of the sources, and of the targets.
    n_iter_ : int
        Epochs trained.
    loss_curve_ : list of float
        Mean training loss of each epoch, in nats of a symbol.
    validation_scores_ : list of float
        Share of the held-back targets that are written without a fault after each epoch; the epoch
        of the highest, and of equals that of the least loss, is kept. Empty without such pairs.
    history_ : list of dict
        All figures of each epoch; ``exact`` is the share of the training targets that are right
        as they are read.
    stopped_ : str
        Why a callback or the clock stopped the training before its end; empty if none did.

    Examples
    --------
    >>> from textrnn import TextRNNTransducer
    >>> X = [f"{a}{b}{c}" for a in "abcd" for b in "abcd" for c in "abcd"]
    >>> y = [text[::-1] for text in X]
    >>> model = TextRNNTransducer(hidden_size=32, early_stopping=False, random_state=0).fit(X, y)
    >>> model.predict(["abc", "dda"])
    ['cba', 'add']
    >>> model.align("abc").weights.argmax(axis=1)[:3].tolist()
    [2, 1, 0]
    """

    settings_class = TransductionSettings
    kinds = ("transducer",)
    model_: TransductionModel

    def __init__(
        self,
        *,
        source_unit: str = "auto",
        target_unit: str = "auto",
        copy_unknown: bool = True,
        attention_size: int = 64,
        cell: str = "lstm",
        hidden_size: int = 128,
        num_layers: int = 1,
        bidirectional: bool = True,
        embedding_dim: int = 64,
        min_df: int | float = 1,
        max_features: int | None = 30_000,
        max_length: int | None = 1_000,
        unknown_alpha: float = 0.25,
        solver: str = "adam",
        learning_rate_init: float = 2e-3,
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
        dropout_input: float = 0.1,
        dropout_readout: float = 0.1,
        label_smoothing: float = 0.1,
        ema_decay: float = 0.99,
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
        source_unit, target_unit : {"auto", "word", "char"}, default="auto"
            What a text is made of: words, which are what stands between blanks, or characters.
            "auto" takes words where texts have several, and nearly all of them are frequent: as
            numbers in words; else characters, as of dates.
        copy_unknown : bool, default=True
            Where a symbol of the source is not known, it can be copied into the target: the
            decoder writes that it is unknown, and that symbol stands there that most was looked
            at (Luong et al. 2015). In training rare symbols are unknown now and then, see
            ``unknown_alpha``, in a source and in its target. False never writes an unknown one.
        attention_size : int, default=64
            Units of the layer by which symbols of the source are weighed.
        hidden_size : int, default=128
            Units of the decoder, and of each direction of each layer of the encoder.
        num_layers : int, default=1
            Layers of the encoder; the decoder has one.
        bidirectional : bool, default=True
            Read each source from both ends.
        embedding_dim : int, default=64
            Size of the vectors of symbols, of both sides.
        min_df : int or float, default=1
            Symbols in fewer training texts of a side (a share if float) are unknown there.
        max_features : int or None, default=30000
            Symbols that are known of each side: the most frequent ones.
        max_length : int or None, default=1000
            Symbols read of each source, from its beginning. None reads all.
        max_iter : int or None, default=None
            Epochs at most. None takes as many as make up some 3,000 steps, from 4 to 200.
        """
        keep_parameters(self, locals())

    # ------------------------------------------------------------------- training

    def fit(
        self,
        X: Texts,
        y: Texts,
        *,
        validation_data: tuple[Texts, Texts] | None = None,
        callbacks: Sequence[Callback] = (),
    ) -> Self:
        """Learn to write the targets of sources.

        Args:
            X: n sources.
            y: the target of each.
            validation_data: sources and targets to choose the best epoch by, instead of a part of
                those to learn.
            callbacks: called during the run, see ``textrnn.training.callbacks``.

        Raises:
            UsageError: a parameter has a value that cannot work.
            DataError: the texts cannot be used.
            TrainingError: the loss became infinite or not a number.
        """
        started = time.perf_counter()
        settings: TransductionSettings = self._settings()
        before = self.model_ if self.warm_start and hasattr(self, "model_") else None
        if before is not None:
            _check_goes_on(before, settings)
        rng = make_generator(self.random_state)
        pairs, held = _pairs(X, y), None
        if validation_data is not None:
            held = _pairs(*validation_data, name="validation_data")
            tell_shared(pairs.sources, held.sources)
        elif settings.early_stopping:
            pairs, held = self._held_back(pairs, settings, rng)
        with one_blas_thread(), telling_once():
            if before is None:
                model = build_model(settings, pairs.sources, pairs.targets, rng=rng)
            else:
                model = _copy(before, settings)
            state = fit_model(
                model,
                settings,
                encode_pairs(model, pairs.sources, pairs.targets),
                None if held is None else encode_pairs(model, held.sources, held.targets),
                rng=rng,
                started=started,
                callbacks=[*callbacks, *([Progress()] if self.verbose else [])],
            )
        self._keep(model, state)
        return self

    def _held_back(
        self, pairs: Pairs, settings: TransductionSettings, rng: np.random.Generator
    ) -> tuple[Pairs, Pairs | None]:
        """Pairs to learn from, and those to choose the best epoch by, if there are enough.

        A whole number as ``random_state`` is the seed of the split, as ``--seed`` is.
        """
        is_seed = isinstance(self.random_state, Integral)
        seed = int(self.random_state) if is_seed else int(rng.integers(2**31))
        train, held = pairs.parted(settings.validation_fraction, random_state=seed)
        if len(held):
            return train, held
        warn(
            f"{len(pairs)} pairs ({len(set(pairs.sources))} different sources) are too few to "
            "hold any back: no early stopping"
        )
        return pairs, None

    # -------------------------------------------------------------------- answers

    def predict(self, X: Texts, *, beam_width: int = 1) -> list[str]:
        """What is written of each source.

        Args:
            X: n sources.
            beam_width: beginnings of an answer that are followed at the same time, of which the
                most probable answer is taken; 1 takes the most probable symbol at each place.
        """
        return [found.text for found in self._written(X, beam_width)]

    def log_probabilities(self, X: Texts, *, beam_width: int = 1) -> Floats:
        """ln p of what is written of each source, its end included, float64 of shape (n,)."""
        found = [one.log_probability for one in self._written(X, beam_width)]
        return np.array(found, dtype=np.float64)

    def align(self, text: str, *, beam_width: int = 1) -> Alignment:
        """Of what is written of a source: which symbols of it were looked at, each time."""
        (found,) = self._written([text], beam_width)
        return Alignment(found.source, found.symbols, found.alignment)

    def score(self, X: Texts, y: Texts, *, beam_width: int = 1) -> float:
        """Share of the sources of which the very target is written."""
        self._check_fitted()
        pairs, unit = _pairs(X, y), self.model_.target_unit
        found = self._written(pairs.sources, beam_width)
        right = (a.symbols == unit(b) for a, b in zip(found, pairs.targets, strict=True))
        return sum(right) / len(pairs)

    def _written(self, X: Texts, beam_width: Any) -> list[Transduced]:
        self._check_fitted()
        if not WHOLE.is_valid(beam_width):
            raise UsageError(
                f"beam_width is {quoted(beam_width)}, but must be a whole number from 1.",
                parameter="beam_width",
            )
        return self.model_.write(check_texts(X), beam_width=int(beam_width))

    # ----------------------------------------------------------- fitted attributes

    @property
    def target_vocabulary_(self) -> dict[str, int]:
        self._check_fitted()
        return self.model_.target_vocabulary.index

    @property
    def validation_scores_(self) -> list[float]:
        key = "validation_exact"
        return [record[key] for record in self.history_ if key in record]


def _pairs(X: Any, y: Any, *, name: str = "") -> Pairs:
    """Sources and targets, checked."""
    sources = check_texts(X, f"the first of {name}" if name else "X")
    if y is None:
        raise DataError("y is None, but must be the targets: a list of a text for each of X.")
    targets = check_texts(y, f"the second of {name}" if name else "y")
    if not sources:
        raise DataError(f"{name or 'X'} is empty: there are no pairs.")
    if len(sources) != len(targets):
        raise DataError(
            f"there are {len(sources):,} sources but {len(targets):,} targets; each needs one."
        )
    return Pairs(sources, targets)


def _check_goes_on(model: TransductionModel, settings: TransductionSettings) -> None:
    """Raise UsageError if a training that goes on would need another model."""
    now = settings.to_dict()
    for name in OF_MODEL:
        if model.settings.get(name) != now[name]:
            raise UsageError(
                stated(name, now[name]),
                f", but was {quoted(model.settings.get(name))} when the model was made; with "
                "warm_start it cannot change.",
            )


def _copy(model: TransductionModel, settings: TransductionSettings) -> TransductionModel:
    """A model to go on with; a failure leaves the old one whole."""
    params = {name: value.copy() for name, value in model.transducer.params.items()}
    copied = Transducer(model.transducer.config, params)
    return replace(model, transducer=copied, settings=settings.to_dict())
