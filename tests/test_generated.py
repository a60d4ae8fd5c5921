"""Corpora that the package makes: the same each time, and each hard in the way that it says."""

from __future__ import annotations

import itertools
import re
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from textrnn.corpora import (
    Pairs,
    Rows,
    TaggedTexts,
    describe_generated,
    judged_lines,
    judged_tagged,
    load_corpus,
    load_lines,
    load_pairs,
    load_tagged,
)
from textrnn.corpora.generated import GENERATED, agreement, dates, draws, far, grammar, numbers
from textrnn.errors import DataError

LOADERS: dict[str, Callable[..., object]] = {
    "classifier": load_corpus,
    "language model": load_lines,
    "tagger": load_tagged,
    "transducer": load_pairs,
}
FINGERPRINTS = {
    "agreement": "0710f266b1e7",
    "far": "7994c1d196f1",
    "grammar": "145b330b743d",
    "reversal": "681fbf7e4667",
    "numbers": "543beb3141c6",
    "dates": "1c250ec531f0",
}
"""The beginning of that of each training split."""


@pytest.fixture(scope="module")
def made() -> dict[str, dict[str, Rows]]:
    return {name: corpus.splits() for name, corpus in GENERATED.items()}


@pytest.mark.parametrize("name", GENERATED)
def test_a_corpus_is_the_same_each_time(name: str, made: dict[str, dict[str, Rows]]) -> None:
    splits = made[name]
    assert tuple(len(rows) for rows in splits.values()) == GENERATED[name].rows
    assert [*splits] == ["train", "validation", "test"]
    assert splits["train"].fingerprint()[:12] == FINGERPRINTS[name]
    keys = [key for rows in splits.values() for key in rows.keys]
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize("name", GENERATED)
def test_each_structure_takes_its_own(name: str) -> None:
    structure = GENERATED[name].structure
    for other, load in LOADERS.items():
        if other != structure:
            with pytest.raises(
                DataError, match=rf"'{name}' is a corpus for a {structure}; textrnn"
            ):
                load(name)
    found = LOADERS[structure](name)
    assert getattr(found, "test_fraction", 0) is None
    (info,) = (info for info in describe_generated() if info.name == name)
    assert (info.structure, info.is_local) == (structure, True)
    assert info.command.endswith(f" train {name}")


def test_they_are_judged_by_their_test_texts(made: dict[str, dict[str, Rows]]) -> None:
    assert judged_lines("agreement").rows == made["agreement"]["test"]
    assert judged_tagged("far", split="validation").rows == made["far"]["validation"]
    with pytest.raises(DataError, match="the texts of 'agreement' have no labels"):
        load_lines("agreement", condition="label")


def number_of(word: str) -> str:
    """Of a noun, whether it is one or several; nothing for other words."""
    if word in (*agreement.NOUNS, *agreement.NAMES):
        return "one"
    return "several" if word.endswith("s") and word[:-1] in agreement.NOUNS else ""


def test_pairs_differ_in_the_verb_alone_and_mislead() -> None:
    found = agreement.pairs()
    assert len(found) == 1_000
    assert Counter(one.n_between for one in found).keys() == set(range(1, 7))
    for one in found:
        right, wrong = one.text.split(), one.mistaken.split()
        (at,) = [t for t, pair in enumerate(zip(right, wrong, strict=True)) if len(set(pair)) > 1]
        assert {right[at], wrong[at]} == {right[at].rstrip("s"), right[at].rstrip("s") + "s"}
        subject, *between = [number_of(word) for word in right[:at] if number_of(word)]
        assert subject == ("one" if right[at].endswith("s") else "several")
        assert subject not in between
        assert bool(between) == (one.n_between > 1)
        assert number_of(right[at - one.n_between - 1]) == subject


FORMS = {*agreement.VERBS, *(f"{verb}s" for verb in agreement.VERBS)}


def test_no_text_has_the_words_of_a_pair_before_its_verb(made: dict[str, dict[str, Rows]]) -> None:
    begun = {
        tuple(itertools.takewhile(lambda word: word not in FORMS, str(text).split()))
        for rows in made["agreement"].values()
        for text in rows.keys
    }
    assert len(begun) > 10_000
    assert begun.isdisjoint(tuple(one.before.split()) for one in agreement.pairs())


def test_all_verbs_of_the_texts_agree(made: dict[str, dict[str, Rows]]) -> None:
    between, equal = Counter[int](), 0
    for rows in made["agreement"].values():
        for text in rows.keys:
            words = str(text).split()
            (at,) = [t for t, word in enumerate(words) if word in FORMS]
            nouns = [t for t in range(at) if number_of(words[t])]
            assert (number_of(words[nouns[0]]) == "one") == words[at].endswith("s")
            between[at - nouns[0] - 1] += 1
            equal += number_of(words[nouns[-1]]) == number_of(words[nouns[0]])
    assert between.keys() == set(range(7))
    assert min(between.values()) > 0.12 * between.total()
    assert 0.6 < equal / between.total() < 0.7  # all where none is between, else half


def most_frequent(splits: dict[str, Rows]) -> float:
    """The share of test tokens with the tag that their word has most often in training."""
    train, test = splits["train"], splits["test"]
    assert isinstance(train, TaggedTexts)
    assert isinstance(test, TaggedTexts)
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for tokens, tags in zip(train.tokens, train.tags, strict=True):
        for token, tag in zip(tokens, tags, strict=True):
            counts[token][tag] += 1
    right = [
        bool(counts[token]) and counts[token].most_common(1)[0][0] == tag
        for tokens, tags in zip(test.tokens, test.tags, strict=True)
        for token, tag in zip(tokens, tags, strict=True)
    ]
    return sum(right) / len(right)


def test_tags_are_not_those_of_words(made: dict[str, dict[str, Rows]]) -> None:
    assert most_frequent(made["far"]) == pytest.approx(0.79, abs=0.01)
    assert most_frequent(made["grammar"]) == pytest.approx(0.745, abs=0.01)


def test_the_place_is_ten_words_before_or_more(made: dict[str, dict[str, Rows]]) -> None:
    train = made["far"]["train"]
    assert isinstance(train, TaggedTexts)
    orders = Counter[bool]()
    for tokens, tags in zip(train.tokens, train.tags, strict=True):
        named = [t for t, token in enumerate(tokens) if token in far.TAGS]
        (here,) = [t for t in named if tokens[t - 3 : t] != ["not", "in", "the"]]
        tagged = [t for t, tag in enumerate(tags) if tag != "O"]
        assert [t for t, token in enumerate(tokens) if token in far.THINGS] == tagged
        assert {tags[t] for t in tagged} == {far.TAGS[tokens[here]]}
        assert len(named) == 2
        assert tagged[0] - max(named) >= 1
        assert tagged[0] - here >= far.LEAST
        orders[here == named[0]] += 1
    assert 0.45 < orders[True] / orders.total() < 0.55


def test_there_are_fifty_rules_and_all_are_used() -> None:
    assert sum(map(len, grammar.RULES.values())) == 50
    assert all(len(set(expansions)) == len(expansions) for expansions in grammar.RULES.values())
    parts = {part for rules in grammar.RULES.values() for rule, _ in rules for part in rule.split()}
    assert parts | {"S"} == {*grammar.RULES, *grammar.WORDS}
    kinds = Counter(word for words in grammar.WORDS.values() for word in words)
    assert sum(n > 1 for n in kinds.values()) > 0.5 * len(kinds)


def test_sentences_are_those_of_the_grammar(made: dict[str, dict[str, Rows]]) -> None:
    """Found again by a chart parser over the tags' kinds."""
    test = made["grammar"]["test"]
    assert isinstance(test, TaggedTexts)
    for words, tags in [*zip(test.tokens, test.tags, strict=True)][:60]:
        assert derives(words, tags)


def derives(words: list[str], tags: list[str]) -> bool:
    """Whether the rules give a sentence, by the ends that each phrase can have from each place."""
    known: dict[tuple[str, int], set[int]] = defaultdict(set)
    for t, (word, tag) in enumerate(zip(words, tags, strict=True)):
        for kind, of_kind in grammar.WORDS.items():
            if word in of_kind and grammar.TAG_OF.get(kind, kind) == tag:
                known[kind, t].add(t + 1)
    while True:
        n = sum(map(len, known.values()))
        for phrase, rules in grammar.RULES.items():
            for start in range(len(words)):
                for rule, _ in rules:
                    ends = {start}
                    for part in rule.split():
                        ends = {end for at in ends for end in known.get((part, at), ())}
                    known[phrase, start] |= ends
        if sum(map(len, known.values())) == n:
            return len(words) in known["S", 0]


def test_strings_are_reversed(made: dict[str, dict[str, Rows]]) -> None:
    for rows in made["reversal"].values():
        assert isinstance(rows, Pairs)
        assert [one[::-1] for one in rows.sources] == rows.targets
        assert {len(one) for one in rows.sources} == set(range(2, 13))


WORTH = {
    **{word: i for i, word in enumerate(numbers.UNITS)},
    **{word: 10 * (i + 2) for i, word in enumerate(numbers.TENS)},
}


def value_of(words: str) -> int:
    """What number words mean, another way than they were made."""
    total = current = 0
    for word in words.split():
        if word == "thousand":
            total, current = current * 1_000, 0
        elif word == "hundred":
            current *= 100
        elif word != "and":
            current += WORTH[word]
    return total + current


def test_number_words_mean_their_digits(made: dict[str, dict[str, Rows]]) -> None:
    for rows in made["numbers"].values():
        assert isinstance(rows, Pairs)
        assert [str(value_of(one)) for one in rows.sources] == rows.targets
        assert {len(one) for one in rows.targets} >= set(range(3, 7))
    assert numbers.in_words(40_007) == "forty thousand and seven"
    assert numbers.in_words(110_117) == "one hundred and ten thousand one hundred and seventeen"
    assert [numbers.in_words(n) for n in (0, 20, 300)] == ["zero", "twenty", "three hundred"]


def test_dates_are_days_of_the_calendar(made: dict[str, dict[str, Rows]]) -> None:
    from datetime import datetime

    for rows in made["dates"].values():
        assert isinstance(rows, Pairs)
        for one, other in zip(rows.sources, rows.targets, strict=True):
            assert datetime.strptime(one, "%d %B %Y").date().isoformat() == other
    assert dates.in_words((2021, 3, 3)) == "3 March 2021"


def test_draws_are_fair_and_keep_to_their_bounds() -> None:
    rng = Random(0)
    counts = Counter(draws.number(rng, 2, 5) for _ in range(4_000))
    assert counts.keys() == {2, 3, 4, 5}
    assert min(counts.values()) > 900
    weighted = Counter(draws.weighted(rng, [("a", 3.0), ("b", 1.0)]) for _ in range(4_000))
    assert weighted["a"] == pytest.approx(3_000, abs=120)
    assert sorted(draws.shuffled(rng, range(9))) == [*range(9)]
    assert sorted(draws.distinct(3, lambda: draws.number(rng, 0, 3), abs, {2})) == [0, 1, 3]


@pytest.mark.parametrize("name", GENERATED)
def test_the_files_of_a_corpus_are_read_as_it(
    name: str, tmp_path: Path, made: dict[str, dict[str, Rows]]
) -> None:
    command = [sys.executable, "-m", "textrnn.corpora.generated", name, str(tmp_path)]
    subprocess.run(command, check=True)
    found = LOADERS[GENERATED[name].structure](tmp_path)
    for split, rows in made[name].items():
        assert getattr(found, split) == rows
    if name == "agreement":
        lines = (tmp_path / "pairs.tsv").read_text().splitlines()
        assert lines[0].split("\t") == [
            agreement.pairs()[0].text,
            agreement.pairs()[0].mistaken,
            "1",
        ]
        assert len(lines) == 1_000
        assert all(re.fullmatch(r"[^\t]+\t[^\t]+\t[1-6]", line) for line in lines)


def test_the_command_says_how_it_is_used() -> None:
    command = [sys.executable, "-m", "textrnn.corpora.generated", "cars", "x"]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert found.returncode == 1
    assert "NAME is one of agreement, far" in found.stderr
