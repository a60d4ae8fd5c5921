"""From tokenised texts to a trained model: vocabulary, embedding, network, training run.

What the estimator and a command line run share.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from textrnn.errors import UsageError
from textrnn.model import TextModel
from textrnn.network import Network
from textrnn.text.tokenizers import make_tokenizer
from textrnn.text.vectors import embedding_matrix, load_vectors, train_word2vec
from textrnn.text.vocabulary import Vocabulary
from textrnn.training.callbacks import Callback
from textrnn.training.gradient import LabelledDocuments
from textrnn.training.loop import TrainingConfig, TrainingRun
from textrnn.training.settings import ONE_HOT, RANDOM, WORD2VEC, Settings
from textrnn.typing import Bools, Floats, Ints

TokenLists = Sequence[Sequence[str]]

WORD2VEC_MIN_COUNT = 5
"""Occurrences below which word2vec learns nothing useful of a word."""
SMALL_CORPUS = 500_000
"""Tokens below which word2vec keeps rarer words, as there is little else."""


@dataclass(frozen=True)
class TokenisedTexts:
    """Tokenised texts with their classes.

    Attributes:
        tokens: the tokens of each text.
        targets: class numbers, shape (n,).
        weights: weight of each text in the loss, shape (n,), or None.
    """

    tokens: TokenLists
    targets: Ints
    weights: Floats | None = None

    def __len__(self) -> int:
        return len(self.tokens)

    def take(self, rows: Ints | Bools) -> TokenisedTexts:
        """The texts at some positions."""
        positions: list[int] = np.arange(len(self.tokens))[rows].tolist()
        weights = None if self.weights is None else self.weights[positions]
        return TokenisedTexts([self.tokens[i] for i in positions], self.targets[positions], weights)

    def encode(self, model: TextModel) -> LabelledDocuments:
        """Token ids by a model's vocabulary, cut at its ``max_length``."""
        encode, limit = model.vocabulary.encode, model.max_length
        documents = [encode(tokens[:limit]) for tokens in self.tokens]
        return LabelledDocuments(documents, self.targets, self.weights)


def build_model(
    settings: Settings,
    tokens: TokenLists,
    classes: Sequence[str | int | float | bool],
    *,
    rng: np.random.Generator,
    unlabelled: Iterable[Sequence[str]] = (),
) -> TextModel:
    """Make an untrained model for some texts.

    Args:
        settings: checked settings.
        tokens: the training texts; the vocabulary is theirs.
        classes: label of each class.
        rng: the source of chance.
        unlabelled: further tokenised texts for word2vec to learn from.

    Raises:
        UsageError: no word is left in the vocabulary.
        DataError: the word vector file cannot be read.
    """
    limit = settings.max_length
    cut = [text[:limit] for text in tokens] if limit else tokens
    vocabulary = Vocabulary.build(
        cut, min_df=settings.min_df, max_df=settings.max_df, max_features=settings.max_features
    )
    if len(vocabulary) == 1:
        raise UsageError(
            f"no word is left: min_df={settings.min_df} and max_df={settings.max_df} exclude "
            f"every word of {len(tokens)} texts. Lower min_df or raise max_df."
        )
    vectors = _word_vectors(settings, vocabulary, cut, unlabelled, rng)
    config = settings.network_config(
        n_classes=len(classes),
        vocabulary_size=len(vocabulary),
        embedding_dim=settings.embedding_dim if vectors is None else vectors.shape[1],
    )
    return TextModel(
        tokenizer=make_tokenizer(settings.tokenizer, lowercase=settings.lowercase),
        vocabulary=vocabulary,
        network=Network.initialise(config, rng, vectors),
        classes=tuple(classes),
        max_length=limit,
        settings=settings.to_dict(),
    )


def _word_vectors(
    settings: Settings,
    vocabulary: Vocabulary,
    tokens: TokenLists,
    unlabelled: Iterable[Sequence[str]],
    rng: np.random.Generator,
) -> Floats | None:
    """The embedding to start from, (V, D), or None for one drawn at random."""
    if settings.embedding in (ONE_HOT, RANDOM):
        return None
    if settings.embedding == WORD2VEC:
        texts = [*tokens, *unlabelled]
        small = sum(map(len, texts)) < SMALL_CORPUS
        vectors = train_word2vec(
            texts,
            vector_size=settings.embedding_dim,
            min_count=1 if small else WORD2VEC_MIN_COUNT,
            random_state=int(rng.integers(2**31)),
        )
    else:
        vectors = load_vectors(settings.embedding)
    matrix, _ = embedding_matrix(vocabulary, vectors, rng=rng, dtype=np.dtype(settings.dtype))
    return matrix


def make_run(
    model: TextModel,
    settings: Settings,
    train: TokenisedTexts,
    *,
    validation: TokenisedTexts | None = None,
    rng: np.random.Generator,
    callbacks: Sequence[Callback] = (),
    config: TrainingConfig | None = None,
) -> TrainingRun:
    """A run, ready to start, that trains ``model`` in place."""
    unknown = model.vocabulary.unknown_probabilities(settings.unknown_alpha)
    return TrainingRun(
        model.network,
        config or settings.training_config(len(train)),
        train.encode(model),
        validation=None if validation is None else validation.encode(model),
        unknown_probabilities=unknown if settings.unknown_alpha > 0 else None,
        rng=rng,
        callbacks=callbacks,
        n_jobs=settings.processes(),
    )


def stratified_holdout(targets: Ints, fraction: float, rng: np.random.Generator) -> Bools:
    """Choose the share of each class that is kept back for validation, at random.

    Args:
        targets: class numbers, shape (n,).
        fraction: share to keep back; a class always leaves one text to train on.
        rng: the source of chance.

    Returns:
        True for each text kept back, shape (n,).
    """
    held = np.zeros(len(targets), dtype=bool)
    for target in np.unique(targets):
        members = rng.permutation(np.flatnonzero(targets == target))
        held[members[: min(round(fraction * len(members)), len(members) - 1)]] = True
    return held
