"""The stages of the fit of a tagger: a vocabulary, a network over it, its training.

A fit begins with the texts in their own words, and the number of the tag of each token as its
target.
"""

from __future__ import annotations

from typing import Any, cast

import numpy as np

from textrnn.inference.tagger import TaggerModel
from textrnn.nn.network import Network
from textrnn.nn.targets import Targets
from textrnn.text.encoded import EncodedTexts, encode_lists
from textrnn.text.tokenizers import make_tokenizer
from textrnn.text.vocabulary import Vocabulary
from textrnn.training.examples import Examples
from textrnn.training.fit import make_vocabulary, run_over, word_vectors
from textrnn.training.pipeline import Fit, Info, Stage
from textrnn.training.tagging.settings import TaggingSettings
from textrnn.typing import Floats, Ints


def tagged(texts: EncodedTexts, tags: Ints, n_tags: int, weights: Floats | None = None) -> Examples:
    """What a fit begins with: texts that are not empty, and the number of the tag of each token.

    All tokens weigh alike, in whichever text they stand, but for the weights of their texts; a mean
    loss is that of a token.

    Args:
        texts: in their own words.
        tags: of their tokens, one text after the other, (n_tokens,).
        n_tags: how many there are.
        weights: of each text, (n_texts,), at a mean of 1; None is ones.
    """
    filled = np.flatnonzero(texts.lengths)
    places, texts = texts.tokens_of(filled), texts.take(filled)
    each = np.ones(len(filled)) if weights is None else weights[filled]
    of_tokens = np.repeat(each, texts.lengths)
    of_tokens *= len(texts) / max(of_tokens.sum(), 1e-300)
    return Examples(texts, Targets.hard(tags[places], n_tags), of_tokens, at_tokens=True)


def untrained(
    settings: TaggingSettings, train: Examples, tags: tuple[Any, ...], rng: np.random.Generator
) -> TaggerModel:
    """A tagger with its first weights, for texts in their own words.

    Raises:
        UsageError: no word is left in the vocabulary.
        DataError: the word vector file cannot be read, or has no word of the texts.
    """
    texts = train.texts
    if settings.lowercase:
        texts = encode_lists([[word.lower() for word in tokens] for tokens in texts])
    vocabulary = make_vocabulary(settings, texts)
    vectors = word_vectors(settings, vocabulary, texts, rng)
    config = settings.tagger_config(
        n_tags=len(tags),
        vocabulary_size=len(vocabulary),
        word_dim=settings.embedding_dim if vectors is None else vectors.shape[1],
    )
    return TaggerModel(
        tokenizer=make_tokenizer(settings.tokenizer, lowercase=False),
        vocabulary=vocabulary,
        network=Network.initialise(config, rng, vectors),
        classes=tags,
        usual=usual_tags(vocabulary, texts, train.targets),
        settings=settings.to_dict(),
        lowercase=settings.lowercase,
    )


def usual_tags(vocabulary: Vocabulary, texts: EncodedTexts, tags: Targets) -> Ints:
    """The most frequent tag of each word of a vocabulary, of several the first, (V,).

    That of the unknown word is the most frequent of all.
    """
    from scipy.sparse import coo_array

    ids = vocabulary.encode(texts.words)[texts.ids]
    shape = (len(vocabulary), tags.n_classes)
    counts = coo_array((np.ones(len(ids)), (ids, tags.values)), shape=shape).tocsr()
    usual = np.asarray(counts.argmax(axis=1)).reshape(-1).astype(np.int32)
    usual[0] = np.bincount(tags.values, minlength=tags.n_classes).argmax()
    return usual


def make_network(fit: Fit) -> Info:
    """A vocabulary of the texts and a network with its first weights, or those to go on from."""
    settings = cast("TaggingSettings", fit.settings)
    model = cast("TaggerModel | None", fit.go_on_from)
    if model is None:
        model = untrained(settings, fit.train, tuple(fit.classes), fit.rng)
    fit.model = cast("Any", model)
    network = model.network
    return {"n_parameters": network.n_parameters, "vocabulary_size": len(model.vocabulary)}


def train_network(fit: Fit) -> Info:
    """The network's run; the best epoch is that of the most held-out tags right."""
    model, settings = cast("TaggerModel", fit.model), fit.settings
    unknown = model.vocabulary.unknown_probabilities(settings.unknown_alpha)
    run = run_over(
        model.network,
        settings,
        _as_read(model, fit.train),
        validation=None if fit.validation is None else _as_read(model, fit.validation),
        unknown_probabilities=unknown if settings.unknown_alpha > 0 else None,
        rng=fit.rng,
        callbacks=fit.callbacks,
        deadline=fit.deadline,
    )
    fit.state = run.run()
    fit.accuracy = None if fit.state.best_params is None else fit.state.best_score[0]
    return {"epochs": fit.state.epoch, "steps": fit.state.steps, "stopped": fit.state.stopped}


def _as_read(model: TaggerModel, examples: Examples) -> Examples:
    """Examples with the ids that the network reads."""
    assert examples.weights is not None
    return Examples(
        model.encode(examples.texts),
        examples.targets,
        examples.weights.astype(model.network.dtype),
        at_tokens=True,
    )


STAGES = (Stage("network", make_network), Stage("training", train_network))
"""Of a tagger, in their order."""
