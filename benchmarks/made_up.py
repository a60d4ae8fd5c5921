"""A default model with made-up words and random weights, for what does not depend on them.

Network, n-grams beside it and the mending of unknown words are those of the default settings,
so that its time and memory are those of an ordinary model.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from textrnn.inference.classifier import TextModel
from textrnn.linear.hashing import FIRST_OF_CHARACTERS, NGramKind, keys_of, word_hashes
from textrnn.linear.ngram_model import NGramModel
from textrnn.nn.network import Network
from textrnn.text.encoded import encode_lists
from textrnn.text.tokenizers import make_tokenizer
from textrnn.text.vocabulary import Vocabulary
from textrnn.training.settings import Settings

N_GRAMS = 400_000
"""About as many as a large corpus leaves."""


def default_model(words: Sequence[str]) -> TextModel:
    """A model of two classes that knows the words; so do its n-grams."""
    settings, rng = Settings(), np.random.default_rng(0)
    vocabulary = Vocabulary.build([words])
    config = settings.network_config(
        n_classes=2, vocabulary_size=len(vocabulary), embedding_dim=settings.embedding_dim
    )
    return TextModel(
        make_tokenizer("word"),
        vocabulary,
        Network.initialise(config, rng),
        ("neg", "pos"),
        settings.max_length,
        ngrams=_ngram_model(words, rng),
        unknown_words=settings.unknown_words,
    )


def _ngram_model(words: Sequence[str], rng: np.random.Generator) -> NGramModel:
    """Weights of the words and of longer n-grams, whose keys are random as hashes are.

    Of characters there are none, as in a model that was trained on a large corpus.
    """
    of_words = keys_of(word_hashes(encode_lists([words])))
    longer = rng.integers(FIRST_OF_CHARACTERS, size=N_GRAMS - len(of_words), dtype=np.uint64)
    keys = np.unique(np.concatenate([of_words, longer]))
    weights = rng.normal(0.0, 0.1, (len(keys), 1)).astype(np.float32)
    return NGramModel(NGramKind(3), keys, weights, np.zeros(1, dtype=np.float32))
