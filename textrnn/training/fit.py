"""From tokenised texts to a trained model: vocabulary, embedding, network, training run.

What the estimator and a command line run share.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np

from textrnn.errors import DataError, UsageError
from textrnn.inference.classifier import TextModel
from textrnn.nn.network import Network
from textrnn.system.telling import warn
from textrnn.text.encoded import EncodedTexts, concatenated
from textrnn.text.tokenizers import make_tokenizer
from textrnn.text.vectors import embedding_matrix, load_vectors, train_word2vec
from textrnn.text.vocabulary import Vocabulary
from textrnn.training.budget import Deadline
from textrnn.training.callbacks import Callback
from textrnn.training.class_weight import check_class_weight
from textrnn.training.examples import Examples
from textrnn.training.initialisation import source_of
from textrnn.training.loop import TrainingRun
from textrnn.training.measure import Measure
from textrnn.training.negatives import Negatives
from textrnn.training.rules import RULES, Kind
from textrnn.training.settings import F1, ONE_HOT, RANDOM, WORD2VEC, Settings
from textrnn.training.trainable import Material, Trainable
from textrnn.typing import Floats
from textrnn.wording.messages import Message, Parameter, Setting, stated
from textrnn.wording.quoting import quoted

M = TypeVar("M", bound=Material)

WORD2VEC_MIN_COUNT = 5
"""Occurrences below which word2vec learns nothing useful of a word."""
SMALL_CORPUS = 500_000
"""Tokens below which word2vec keeps rarer words, as there is little else."""
LOW_COVERAGE = 0.1
"""Share of running words with a vector below which something is likely wrong."""


def check_threshold(settings: Settings, n_classes: int, *, multilabel: bool) -> None:
    """Make sure that a threshold means something.

    Raises:
        UsageError: there are more than two classes, of which each text has one.
    """
    if settings.threshold is not None and n_classes > 2 and not multilabel:
        raise UsageError(
            Setting("threshold", settings.threshold),
            " needs two classes, of which the second is the answer from that probability on, but "
            f"there are {n_classes}; leave it out.",
        )


def check_tunable(settings: Settings, validation: Examples | None) -> None:
    """Make sure that there is something to tune a threshold on.

    Raises:
        UsageError: there are no held-out texts.
    """
    if settings.threshold == F1 and validation is None:
        raise UsageError(
            Setting("threshold", F1),
            " is tuned on held-out texts, but no texts are held out; hold some out or give a ",
            Parameter("threshold"),
            " from 0 to 1.",
        )


def build_model(
    settings: Settings,
    texts: EncodedTexts,
    classes: Sequence[str | int | float | bool],
    *,
    rng: np.random.Generator,
    unlabelled: EncodedTexts | None = None,
    multilabel: bool = False,
    regression: bool = False,
    tell: Callable[[str], None] = lambda _: None,
) -> TextModel:
    """Make an untrained model for some texts.

    Args:
        settings: checked settings.
        texts: the training texts, as they are read.
        classes: label of each class.
        rng: the source of randomness.
        unlabelled: further texts, whose words the vocabulary has too and word2vec learns.
        multilabel: a text has any number of the classes.
        regression: a text has a number, and there are no classes.
        tell: is told what was taken from a language model that is begun from.

    Raises:
        UsageError: no word is left in the vocabulary, or ``class_weight`` or ``threshold`` is
            for other classes.
        DataError: the word vector file cannot be read, or has no word of the texts.
        ModelError: there is no language model to begin from.
    """
    check_class_weight(settings.class_weight, classes, multilabel=multilabel)
    check_threshold(settings, len(classes), multilabel=multilabel)
    every = texts if unlabelled is None else concatenated([texts, unlabelled])
    vocabulary = make_vocabulary(settings, every)
    tokenizer = make_tokenizer(settings.tokenizer, lowercase=settings.lowercase)
    source, n_words = None, 0
    if settings.init_from is None:
        vectors = word_vectors(settings, vocabulary, every, rng)
    else:
        source = source_of(settings.init_from, tokenizer)
        vectors, n_words = source.vectors(vocabulary, rng)
    config = settings.network_config(
        n_classes=1 if regression else len(classes),
        vocabulary_size=len(vocabulary),
        embedding_dim=settings.embedding_dim if vectors is None else vectors.shape[1],
        multilabel=multilabel,
        regression=regression,
    )
    network = Network.initialise(config, rng, vectors)
    if source is not None:
        tell(source.told(network, vocabulary, n_words, source.take_layers(network)))
    return TextModel(
        tokenizer=tokenizer,
        vocabulary=vocabulary,
        network=network,
        classes=tuple(classes),
        max_length=settings.max_length,
        settings=settings.to_dict(),
        unknown_words=settings.unknown_words,
        threshold=settings.fixed_threshold,
    )


def make_vocabulary(settings: Settings, texts: EncodedTexts) -> Vocabulary:
    """The vocabulary of some texts, within the limits that are set.

    Raises:
        UsageError: no word is left in it.
    """
    vocabulary = Vocabulary.build(
        texts, min_df=settings.min_df, max_df=settings.max_df, max_features=settings.max_features
    )
    if len(vocabulary) == 1 and not texts.n_tokens:
        raise UsageError(
            f"no word is left: none of the {len(texts)} texts has a word; give texts with words."
        )
    if len(vocabulary) == 1:
        bounded = settings.max_df != 1 or isinstance(settings.max_df, int)  # 1.0 excludes nothing
        told = (" and ", Setting("max_df", settings.max_df), " exclude")
        raise UsageError(
            "no word is left: ",
            Setting("min_df", settings.min_df),
            *(told if bounded else (" excludes",)),
            f" every word of {len(texts)} texts. Lower ",
            Parameter("min_df"),
            *((" or raise ", Parameter("max_df")) if bounded else ()),
            ".",
        )
    return vocabulary


def word_vectors(
    settings: Settings,
    vocabulary: Vocabulary,
    texts: EncodedTexts,
    rng: np.random.Generator,
) -> Floats | None:
    """The embedding to start from, (V, D), or None for one drawn at random."""
    dtype = np.dtype(settings.dtype)
    if settings.embedding in (ONE_HOT, RANDOM):
        return None
    if settings.embedding == WORD2VEC:
        small = texts.n_tokens < SMALL_CORPUS
        vectors = train_word2vec(
            texts,
            vector_size=settings.embedding_dim,
            min_count=1 if small else WORD2VEC_MIN_COUNT,
            random_state=int(rng.integers(2**31)),
        )
        return embedding_matrix(vocabulary, vectors, rng=rng, dtype=dtype)[0]
    vectors = load_vectors(settings.embedding)
    matrix, covered = embedding_matrix(vocabulary, vectors, rng=rng, dtype=dtype)
    _check_coverage(covered, settings.embedding, vocabulary)
    return matrix


def _check_coverage(covered: float, path: Any, vocabulary: Vocabulary) -> None:
    """Vectors of few words of the texts are those of another language, or cut otherwise."""
    if covered == 0.0:
        raise DataError(
            f"{quoted(path)} has a vector for none of the {len(vocabulary) - 1} words of the texts "
            f"(as {quoted(vocabulary.tokens[1])}); give vectors of the same language and tokenizer."
        )
    if covered < LOW_COVERAGE:
        warn(
            f"{quoted(path)} has vectors for only {covered:.1%} of the words of the texts; the "
            "others start at random"
        )


def make_run(
    model: TextModel,
    settings: Settings,
    train: Examples,
    *,
    validation: Examples | None = None,
    rng: np.random.Generator,
    callbacks: Sequence[Callback] = (),
    deadline: Deadline | None = None,
    scorer: Callable[[Floats], float] | None = None,
    **changes: Any,
) -> TrainingRun:
    """A run, ready to start, that trains ``model`` in place.

    It plans no more steps than fit before the ``deadline``. ``changes`` are of the training
    that the settings describe; the ``scorer`` is that of ``TrainingRun``.
    """
    unknown = model.vocabulary.unknown_probabilities(settings.unknown_alpha)
    return run_over(
        model.network,
        settings,
        train.encode(model),
        validation=None if validation is None else validation.encode(model),
        unknown_probabilities=unknown if settings.unknown_alpha > 0 else None,
        rng=rng,
        callbacks=callbacks,
        deadline=deadline,
        scorer=scorer,
        **changes,
    )


def run_over(
    network: Trainable,
    settings: Settings,
    train: M,
    *,
    validation: M | None,
    unknown_probabilities: Floats | None = None,
    negatives: Negatives | None = None,
    rng: np.random.Generator,
    callbacks: Sequence[Callback],
    deadline: Deadline | None,
    scorer: Callable[[Floats], float] | None = None,
    kind: Kind | None = None,
    measure: Measure[Any] | None = None,
    **changes: Any,
) -> TrainingRun:
    """A run over examples with the ids that a network reads; see ``make_run``.

    ``unknown_probabilities`` are of each word to be replaced by the unknown one, (V,); for
    ``negatives`` see ``TrainingRun``. For ``kind`` and ``measure`` see ``state.Run``: what is no
    network over texts has its own.
    """
    n_jobs = settings.processes()
    if n_jobs < (settings.n_jobs or 1):
        told: object = (
            f", more than can help: {n_jobs} train, by the cores and the texts of a batch"
        )
        if RULES[settings.rule].is_alone:
            told = Message(
                ", but one trains: ",
                Setting("rule", settings.rule),
                " changes the weights on the way through a batch",
            )
        warn(Message(stated("n_jobs", settings.n_jobs), told))
    return TrainingRun(
        network,
        settings.training_config(len(train), train.n_tokens, **changes),
        train,
        validation=validation,
        unknown_probabilities=unknown_probabilities,
        negatives=negatives,
        rng=rng,
        callbacks=callbacks,
        n_jobs=n_jobs,
        deadline=deadline,
        scorer=scorer,
        kind=kind,
        measure=measure,
    )
