"""The stages of the fit of a language model: a vocabulary, a network over it, its training.

A fit begins with the texts in their own words, and the number of the label of each as its target;
texts without labels have all the same one. The words that are to be told follow from the
vocabulary.
"""

from __future__ import annotations

from typing import Any, cast

import numpy as np

from textrnn.inference.network_language import NetworkLanguageModel
from textrnn.nn.heads.base import BIAS
from textrnn.nn.network import Network
from textrnn.nn.targets import Targets
from textrnn.text.encoded import EncodedTexts
from textrnn.text.vocabulary import Vocabulary
from textrnn.training.batching import drop_to_unknown
from textrnn.training.examples import Examples
from textrnn.training.fit import make_vocabulary, run_over, word_vectors
from textrnn.training.language.settings import LanguageModelSettings
from textrnn.training.measure import Perplexity
from textrnn.training.negatives import Negatives
from textrnn.training.pipeline import Fit, Info, Stage
from textrnn.typing import Floats, Ints


def texts_to_learn(texts: EncodedTexts, labels: Ints | None, n_labels: int) -> Examples:
    """What a fit begins with: texts, and for each the number of its label, (n,), if it has one."""
    numbers = np.zeros(len(texts), np.int64) if labels is None else labels
    return Examples(texts, Targets.hard(numbers, max(n_labels, 1)))


def untrained(
    settings: LanguageModelSettings,
    texts: Examples,
    labels: tuple[str, ...],
    rng: np.random.Generator,
) -> NetworkLanguageModel:
    """A language model with its first weights.

    Args:
        settings: checked settings.
        texts: those to learn, in their own words.
        labels: what they are conditioned on; none if they are not.
        rng: the source of randomness.

    Raises:
        UsageError: no word is left in the vocabulary.
        DataError: the word vector file cannot be read, or has no word of the texts.
    """
    vocabulary = make_vocabulary(settings, texts.texts)
    vectors = word_vectors(settings, vocabulary, texts.texts, rng)
    config = settings.language_network(
        n_words=len(vocabulary),
        n_labels=len(labels),
        embedding_dim=settings.embedding_dim if vectors is None else vectors.shape[1],
    )
    if vectors is not None:
        marks = rng.normal(0.0, vectors.std(), (1 + len(labels), vectors.shape[1]))
        vectors = np.concatenate([vectors, marks.astype(vectors.dtype)])
    counts = np.bincount(texts.targets.values, minlength=len(labels))
    network = Network.initialise(config, rng, vectors)
    network.params[BIAS][...] = frequencies(vocabulary, len(texts))
    return NetworkLanguageModel(
        tokenizer=settings.make_tokenizer(),
        vocabulary=vocabulary,
        network=network,
        labels=labels,
        label_shares=counts / counts.sum() if labels else np.zeros(0),
        settings=settings.to_dict(),
    )


def frequencies(vocabulary: Vocabulary, n_texts: int) -> Floats:
    """The logarithm of the frequency of each word and of the end, (V + 1,), one of none as of one.

    Words that are told by no more than these are where a network without them gets to first.
    """
    counts = np.maximum(np.append(vocabulary.counts, n_texts), 1)
    logarithms: Floats = np.log(counts / counts.sum())
    return logarithms


def at_tokens(
    model: NetworkLanguageModel, texts: Examples, unknown: Floats | None, rng: np.random.Generator
) -> Examples:
    """The words that are read of texts, and at each the one that is to be told.

    All tokens weigh alike, in whichever text they stand: a training's mean loss is that of a token.

    Args:
        model: its vocabulary and marks are read.
        texts: with their labels.
        unknown: probability of each word to become the unknown one, to be read and to be told,
            (V,): what comes in its place is learnt from the rarest words. None leaves all as they
            are.
        rng: the source of randomness.
    """
    encoded = model.encode(texts.texts)
    if unknown is not None:
        ids = drop_to_unknown(encoded.ids, unknown, rng)
        encoded = EncodedTexts(ids, encoded.starts, encoded.words)
    labels = texts.targets.values if model.labels else None
    read, told = model.inputs(encoded, labels), model.targets(encoded)
    weights = np.full(len(told), len(texts) / max(len(told), 1), model.network.dtype)
    return Examples(read, Targets.hard(told, model.end + 1), weights, at_tokens=True)


def negatives_of(settings: LanguageModelSettings, targets: Ints, n_told: int) -> Negatives | None:
    """What stands for most words where so many are told; None if all do for themselves."""
    if settings.sampled is None or settings.sampled >= n_told:
        return None
    return Negatives.of(targets, n_told, settings.sampled)


def make_network(fit: Fit) -> Info:
    """A vocabulary of the texts and a network with its first weights, or those to go on from."""
    settings = cast("LanguageModelSettings", fit.settings)
    model = cast("NetworkLanguageModel | None", fit.go_on_from)
    if model is None:
        model = untrained(settings, fit.train, tuple(fit.classes), fit.rng)
    fit.model = cast("Any", model)
    network = model.network
    return {"n_parameters": network.n_parameters, "vocabulary_size": len(model.vocabulary)}


def train_network(fit: Fit) -> Info:
    """The network's run; the best epoch is that of the least loss of a held-out token."""
    model = cast("NetworkLanguageModel", fit.model)
    settings = cast("LanguageModelSettings", fit.settings)
    unknown = model.vocabulary.unknown_probabilities(settings.unknown_alpha)
    train = at_tokens(model, fit.train, unknown if unknown.any() else None, fit.rng)
    held_out = fit.validation
    negatives = negatives_of(settings, train.targets.values, model.end + 1)
    run = run_over(
        model.network,
        settings,
        train,
        validation=None if held_out is None else at_tokens(model, held_out, None, fit.rng),
        negatives=negatives,
        rng=fit.rng,
        callbacks=fit.callbacks,
        deadline=fit.deadline,
        measure=Perplexity(is_sampled=negatives is not None),
    )
    fit.state = run.run()
    return {"epochs": fit.state.epoch, "steps": fit.state.steps, "stopped": fit.state.stopped}


STAGES = (Stage("network", make_network), Stage("training", train_network))
"""Of a language model, in their order."""
