"""The contenders of ``benchmarks.linear_peers``, each from raw texts to a trained model.

All get the same texts. textrnn's network stops early on the validation texts, its NB-SVM
is tuned on them and then fitted on training and validation texts together; the others,
which have nothing to tune here, are fitted on both together from the start.
"""

from __future__ import annotations

import pickle
import random
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from textrnn.corpora import Corpus, Split
from textrnn.storage.writing import save_model
from textrnn.system.processes import available_cores
from textrnn.text.tokenizers import make_tokenizer


@dataclass(frozen=True)
class Trained:
    """A model, and the seconds it took.

    Attributes:
        preparing: seconds from the texts to what the training reads.
        training: seconds of training, the choice of settings included.
        predict: texts to labels.
        save: writes the model into a folder that exists.
    """

    preparing: float
    training: float
    predict: Callable[[list[str]], Sequence[str]]
    save: Callable[[Path], None]


@dataclass(frozen=True)
class Contender:
    """``train`` takes training texts, validation texts and a seed."""

    title: str
    train: Callable[[Split, Split, int], Trained]


def network(train: Split, validation: Split, seed: int) -> Trained:
    """textrnn as it comes, on all cores; its n-gram model is part of its training."""
    from textrnn.experiments.data import prepare
    from textrnn.experiments.experiment import Experiment
    from textrnn.experiments.training import train_network
    from textrnn.inference.pool import predict_many
    from textrnn.training.settings import Settings

    settings = Settings(n_jobs=-1)
    tokenizer = make_tokenizer(settings.tokenizer, lowercase=settings.lowercase)
    corpus = Corpus("", train, validation)
    began = time.perf_counter()
    data = prepare(
        corpus,
        tokenizer,
        validation_fraction=settings.validation_fraction,
        seed=seed,
        n_jobs=settings.n_jobs,
        cache=False,
    )
    prepared = time.perf_counter()
    model = train_network(Experiment(corpus, settings, seed=seed, cache=False), data).model
    trained = time.perf_counter()

    def predict(texts: list[str]) -> list[str]:
        probabilities = predict_many(model, texts, available_cores())
        return [str(model.classes[i]) for i in model.decide(probabilities).tolist()]

    return Trained(
        prepared - began,
        trained - prepared,
        predict,
        lambda folder: save_model(model, folder / "model"),
    )


def nbsvm(train: Split, validation: Split, seed: int) -> Trained:
    """textrnn's strongest baseline; the counting of n-grams is part of its training."""
    from textrnn.linear.baselines import fit_baselines

    del seed
    tokenizer = make_tokenizer("word")
    began = time.perf_counter()
    tokens = [[tokenizer(text) for text in part.texts] for part in (train, validation)]
    prepared = time.perf_counter()
    (fitted,) = fit_baselines(
        tokens[0], train.labels, tokens[1], validation.labels, names=["nbsvm"]
    )
    return Trained(
        prepared - began,
        time.perf_counter() - prepared,
        lambda texts: fitted.pipeline.predict([tokenizer(text) for text in texts]),
        lambda folder: _pickle(fitted.pipeline, folder),
    )


def tfidf(train: Split, validation: Split, seed: int) -> Trained:
    """scikit-learn's TF-IDF of words and pairs, and its logistic regression, untuned."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    del seed
    vectorizer = TfidfVectorizer(ngram_range=(1, 2))
    classifier = LogisticRegression(max_iter=1000)
    both = _together(train, validation)
    began = time.perf_counter()
    rows = vectorizer.fit_transform(both.texts)
    prepared = time.perf_counter()
    classifier.fit(rows, both.labels)
    return Trained(
        prepared - began,
        time.perf_counter() - prepared,
        lambda texts: classifier.predict(vectorizer.transform(texts)),
        lambda folder: _pickle((vectorizer, classifier), folder),
    )


def floret(train: Split, validation: Split, seed: int) -> Trained:
    """fastText by floret: words and pairs, 5 epochs and 2,000,000 buckets, which are its own."""
    return _floret(train, validation, seed, buckets=2_000_000)


def small_floret(train: Split, validation: Split, seed: int) -> Trained:
    """The same with a tenth of the buckets: pairs share vectors, the model is a tenth."""
    return _floret(train, validation, seed, buckets=200_000)


def _floret(train: Split, validation: Split, seed: int, *, buckets: int) -> Trained:
    import floret

    tokenizer = make_tokenizer("word")
    both = _together(train, validation)
    classes = both.classes
    number = {label: i for i, label in enumerate(classes)}  # a label may hold a space

    def line(text: str) -> str:
        return " ".join(tokenizer(text))

    def predict(texts: list[str]) -> list[str]:
        best, _ = model.predict([line(text) for text in texts])
        return [classes[int(label.removeprefix("__label__"))] for (label,) in best]

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "train.txt"
        began = time.perf_counter()
        lines = [
            f"__label__{number[label]} {line(text)}\n"
            for text, label in zip(both.texts, both.labels, strict=True)
        ]
        # It reads the file from top to bottom, and IMDB's texts come class by class.
        random.Random(seed).shuffle(lines)
        file.write_text("".join(lines), encoding="utf-8")
        prepared = time.perf_counter()
        model = floret.train_supervised(
            str(file),
            wordNgrams=2,
            dim=100,
            lr=0.5,
            thread=available_cores(),
            seed=seed,
            epoch=5,
            bucket=buckets,
            verbose=0,
        )
        trained = time.perf_counter()
    return Trained(
        prepared - began,
        trained - prepared,
        predict,
        lambda folder: model.save_model(str(folder / "model.bin")),
    )


def _together(train: Split, validation: Split) -> Split:
    return Split(train.texts + validation.texts, train.labels + validation.labels)


def _pickle(model: object, folder: Path) -> None:
    (folder / "model.pickle").write_bytes(pickle.dumps(model))


CONTENDERS = {
    "network": Contender("textrnn, default network", network),
    "nbsvm": Contender("textrnn, NB-SVM", nbsvm),
    "tfidf": Contender("scikit-learn, TF-IDF and logistic regression", tfidf),
    "floret": Contender("floret, 2,000,000 buckets", floret),
    "small_floret": Contender("floret, 200,000 buckets", small_floret),
}
