"""The built-in corpus: made again bit for bit, and out of reach of counted words."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import MultinomialNB

from textrnn.corpora import Split, load_corpus
from textrnn.corpora.cars import COMEDY, CRIME, LABELS, bag_of_words, generate
from textrnn.corpora.registry import ENTRIES

ROOT = Path(__file__).resolve().parents[1]
STRENGTHS = (0.01, 0.1, 1.0, 10.0, 100.0)
WORDS = {"words": r"(?u)\b\w\w+\b", "words and marks": r"\w+|[^\w\s]"}


@pytest.fixture(scope="module")
def made() -> dict[str, Split]:
    return {
        name: Split([text for text, _ in rows], [label for _, label in rows])
        for name, rows in generate().items()
    }


@pytest.fixture(scope="module")
def splits(made: dict[str, Split]) -> tuple[Split, Split]:
    """What the baselines learn from, training and validation texts together, and the test."""
    train, validation = made["train"], made["validation"]
    learnt = Split(train.texts + validation.texts, train.labels + validation.labels)
    return learnt, made["test"]


def tokens(text: str) -> list[str]:
    return re.findall(r"\w+|[^\w\s]", text.lower())


def best_logistic(features: tuple[object, object], splits: tuple[Split, Split]) -> float:
    """Return the test accuracy of the best penalty, chosen on the test split itself."""
    return max(
        LogisticRegression(C=strength, max_iter=300, tol=1e-3)
        .fit(features[0], splits[0].labels)
        .score(features[1], splits[1].labels)
        for strength in STRENGTHS
    )


def test_files_are_made_again_bit_for_bit(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "textrnn.corpora.cars", str(tmp_path)]
    subprocess.run(command, check=True, cwd=ROOT, timeout=60)
    for name in ("train.csv", "validation.csv", "test.csv"):
        assert (tmp_path / name).read_bytes() == (ROOT / "data" / "cars" / name).read_bytes()


def test_shape(made: dict[str, Split], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TEXTRNN_DATA", raising=False)
    corpus = load_corpus("cars")
    assert {"train": corpus.train, "validation": corpus.validation, "test": corpus.test} == made
    assert corpus.test_fraction is None
    assert tuple(len(split) for split in made.values()) == ENTRIES["cars"].rows
    for split in made.values():
        assert Counter(split.labels) == dict.fromkeys(LABELS, len(split) // 2)
    train = made["train"]
    assert 100 <= len({word for text in train.texts for word in tokens(text)}) <= 200
    where = dict(zip(train.texts, train.labels, strict=True))
    assert where["The stolen car sped into the arena."] == "crime"
    assert where["The clown car sped into the arena."] == "comedy"


def test_no_bag_of_words_stands_in_two_splits(made: dict[str, Split]) -> None:
    bags = [{bag_of_words(text) for text in split.texts} for split in made.values()]
    assert len(set().union(*bags)) == sum(map(len, bags))


def test_validation_tells_what_counting_is_worth(made: dict[str, Split]) -> None:
    """Were twins parted, the bag of words would validate below chance."""
    vectorizer = CountVectorizer(token_pattern=WORDS["words and marks"])
    train = vectorizer.fit_transform(made["train"].texts)
    bayes = MultinomialNB().fit(train, made["train"].labels)
    scores = [
        bayes.score(vectorizer.transform(made[name].texts), made[name].labels)
        for name in ("validation", "test")
    ]
    assert min(scores) >= 0.5
    assert abs(scores[0] - scores[1]) <= 0.05


def test_long_sentences_come_with_their_twin(made: dict[str, Split]) -> None:
    """Equal bags of words, opposite labels, on one side of the split."""
    for split in made.values():
        bags: dict[tuple[str, ...], Counter[str]] = {}
        for text, label in zip(split.texts, split.labels, strict=True):
            words = tokens(text)
            if set(words) & set(COMEDY) and set(words) & set(CRIME):
                bags.setdefault(tuple(sorted(words)), Counter())[label] += 1
        assert sum(bag.total() for bag in bags.values()) >= 0.9 * len(split)
        assert all(bag["comedy"] == bag["crime"] for bag in bags.values())


def test_distances_vary(made: dict[str, Split]) -> None:
    distances = []
    for text, label in zip(made["train"].texts, made["train"].labels, strict=True):
        words = tokens(text)
        hero = next(i for i, w in enumerate(words) if w in (CRIME if label == "crime" else COMEDY))
        distances.append(words.index("into") - 1 - hero)
    assert min(distances) == 2
    assert 20 <= max(distances) <= 35
    assert len(set(distances)) > 15


@pytest.mark.parametrize("pattern", WORDS.values(), ids=WORDS)
@pytest.mark.parametrize(
    ("most", "n", "kind"),
    [(0.58, 1, CountVectorizer), (0.70, 2, TfidfVectorizer), (0.72, 3, TfidfVectorizer)],
)
def test_counting_stays_near_chance(
    most: float, n: int, kind: type[CountVectorizer], pattern: str, splits: tuple[Split, Split]
) -> None:
    vectorizer = kind(ngram_range=(1, n), token_pattern=pattern)
    features = vectorizer.fit_transform(splits[0].texts), vectorizer.transform(splits[1].texts)
    assert best_logistic(features, splits) <= most
    for smoothing in (0.1, 1.0):
        bayes = MultinomialNB(alpha=smoothing).fit(features[0], splits[0].labels)
        assert bayes.score(features[1], splits[1].labels) <= most


@pytest.mark.parametrize("pattern", WORDS.values(), ids=WORDS)
def test_weighted_trigrams_stay_near_chance(pattern: str, splits: tuple[Split, Split]) -> None:
    """Binary n-grams scaled by their log-count ratio (Wang and Manning 2012)."""
    vectorizer = CountVectorizer(ngram_range=(1, 3), token_pattern=pattern, binary=True)
    train = vectorizer.fit_transform(splits[0].texts)
    crime = np.array(splits[0].labels) == "crime"
    p, q = (np.asarray(train[rows].sum(axis=0)).ravel() + 1.0 for rows in (crime, ~crime))
    ratio = np.log((p / p.sum()) / (q / q.sum()))
    test = vectorizer.transform(splits[1].texts)
    features = train.multiply(ratio).tocsr(), test.multiply(ratio).tocsr()
    assert best_logistic(features, splits) <= 0.72
