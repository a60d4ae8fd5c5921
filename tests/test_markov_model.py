"""Markov chains as models: asked as any language model is, fitted, and kept in a folder."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import pytest
from safetensors.numpy import load, save
from typer.testing import CliRunner

from textrnn.cli.app import app
from textrnn.errors import DamagedModelError, ModelError
from textrnn.inference.generation import Sampling, generate, next_words
from textrnn.inference.language import LanguageModel, read, score
from textrnn.inference.markov import MarkovModel
from textrnn.linear.markov import fit_chain
from textrnn.storage.format import CONFIG, WEIGHTS, config_checksum
from textrnn.storage.kinds import LANGUAGE_MODELS
from textrnn.storage.reading import load as load_model
from textrnn.storage.reading import load_classifier
from textrnn.storage.writing import save_model
from textrnn.text.encoded import EncodedTexts, encode_lists
from textrnn.text.tokenizers import CharTokenizer, WordTokenizer
from textrnn.text.vocabulary import Vocabulary
from textrnn.training.markov import ChainTexts, fit_markov

HAPPY = ["the sun is warm", "the warm sun", "a warm day is a good day", "the day is good", ""] * 4
SAD = ["the rain is cold", "a cold day", "the cold rain is a bad rain", "the day is bad"] * 3
WORDS = WordTokenizer()


def tokens(texts: list[str]) -> EncodedTexts:
    return encode_lists(map(WORDS, texts))


def fitted(orders: tuple[int, ...] = (3,), **options: Any) -> MarkovModel:
    found = tokens([*HAPPY, *SAD])
    vocabulary = Vocabulary.build(found, min_df=2)
    options = {"tokenizer": WORDS, "vocabulary": vocabulary, "orders": orders, **options}
    return fit_markov(ChainTexts(found), None, **options).model


def conditioned() -> MarkovModel:
    found = tokens([*HAPPY, *SAD])
    numbers = np.repeat([0, 1], [len(HAPPY), len(SAD)])
    return fit_markov(
        ChainTexts(found, numbers),
        None,
        tokenizer=WORDS,
        vocabulary=Vocabulary.build(found),
        labels=("happy", "sad"),
        orders=[2],
    ).model


PLAIN, OF_LABELS = fitted(), conditioned()
BOTH = pytest.mark.parametrize("model", [PLAIN, OF_LABELS], ids=["plain", "labels"])
_: LanguageModel = PLAIN  # mypy: it is one


@BOTH
def test_word_by_word_is_as_text_by_text(model: MarkovModel) -> None:
    texts = ["a cold day is warm", "the sun", "", "never is rain"]
    encoded = model.encode(texts)
    labels = np.array([1, 0, 1, 0]) if model.labels else None
    at_once = model.log_probabilities(encoded, labels)
    one_by_one = []
    for row in range(len(texts)):
        state = model.begin(1, None if labels is None else labels[row : row + 1])
        for word in [*encoded.ids_of(row).tolist(), len(model.vocabulary)]:
            one_by_one.append(model.next(state)[0, word])
            if word < len(model.vocabulary):
                state = model.push(state, np.array([word]))
    np.testing.assert_allclose(at_once, one_by_one, rtol=1e-12)


def test_states_are_taken_in_any_order_and_stay_as_they_were() -> None:
    state = OF_LABELS.begin(2, np.array([0, 1]))
    before = OF_LABELS.next(state)
    OF_LABELS.push(state, np.array([1, 2]))
    np.testing.assert_array_equal(OF_LABELS.next(state), before)
    taken = OF_LABELS.take(state, np.array([1, 0, 1]))
    np.testing.assert_array_equal(OF_LABELS.next(taken), before[[1, 0, 1]])
    assert not np.array_equal(before[0], before[1])


def test_a_label_has_the_chain_of_its_texts() -> None:
    alone = Vocabulary.build(tokens([*HAPPY, *SAD]))
    found = alone.encode_all(tokens([text for text in SAD if text]))
    chain = fit_chain(found.ids, found.starts, n_marks=len(alone) + 1, order=2).chain
    texts = OF_LABELS.encode(["the day is cold"])
    np.testing.assert_array_equal(
        OF_LABELS.log_probabilities(texts, np.array([1])),
        chain.log_probabilities(texts.ids, texts.starts),
    )
    assert OF_LABELS.label_shares.tolist() == [20 / 32, 12 / 32]


def test_labels_that_are_not_there_or_not_given_are_refused() -> None:
    with pytest.raises(ValueError, match="has no labels"):
        PLAIN.begin(1, np.array([0]))
    with pytest.raises(ValueError, match="has labels"):
        OF_LABELS.begin(1)


def test_it_is_asked_as_any_language_model_is() -> None:
    good, bad = score(PLAIN, ["the sun is warm", "warm the is sun"]).log_probability
    assert good > bad + 3
    assert next_words(PLAIN, "the sun is", top_k=1).words[0][0] == "warm"
    assert read(OF_LABELS, "the cold rain").shares[1] > 0.9
    written = [one.text for one in generate(OF_LABELS, 30, label="sad", seed=3)]
    assert sum("warm" in text for text in written) < sum("cold" in text for text in written)
    (likeliest,) = generate(PLAIN, sampling=Sampling(temperature=0.0), max_tokens=4)
    assert likeliest.text.startswith("the")


def test_characters_are_words_of_a_chain_too() -> None:
    found = encode_lists(map(CharTokenizer(), HAPPY * 5))
    vocabulary = Vocabulary.build(found)
    model = fit_markov(
        ChainTexts(found), None, tokenizer=CharTokenizer(), vocabulary=vocabulary, orders=[6]
    ).model
    (text,) = generate(model, sampling=Sampling(temperature=0.0), beginning="the s")
    assert text.text.startswith("the sun")


# ---------------------------------------------------------------------------- the fit


def test_the_order_is_the_one_of_the_least_held_out_perplexity() -> None:
    told: list[str] = []
    held_out = tokens(["the sun is warm", "a cold day is a bad day"])
    train = tokens([*HAPPY, *SAD])
    vocabulary = Vocabulary.build(train)
    found = fit_markov(
        ChainTexts(train),
        ChainTexts(held_out),
        tokenizer=WORDS,
        vocabulary=vocabulary,
        settings={"seed": 1},
        say=told.append,
    )
    assert list(found.perplexities) == [1, 2, 3, 4, 5]
    assert found.model.order == min(found.perplexities, key=lambda n: found.perplexities[n]) > 1
    assert found.model.settings == {"seed": 1, "markov": found.model.order}
    assert sum("held-out perplexity" in line for line in told) == 5
    # It was chosen without the held-out texts, and learned from them in the end.
    alone = fitted((found.model.order,), vocabulary=vocabulary)
    perplexity = score(alone, held_out).figures.perplexity
    assert found.perplexities[alone.order] == pytest.approx(perplexity, rel=1e-12)
    assert score(found.model, held_out).figures.perplexity < perplexity


def test_discounts_that_are_not_the_texts_own_are_told() -> None:
    told: list[str] = []
    fitted((2,), say=told.append)
    assert len(told) == 1
    assert "Markov chain: too few counts of 1, 2 and 3 for the discounts of order 2;" in told[0]


# ------------------------------------------------------------------------- the folder


@BOTH
def test_what_is_saved_gives_the_same_bits(model: MarkovModel, tmp_path: Path) -> None:
    save_model(model, tmp_path / "chain", metrics={"figures": {"perplexity": 3.5}})
    again = load_model(tmp_path / "chain", *LANGUAGE_MODELS)
    assert isinstance(again, MarkovModel)
    assert (again.labels, again.order, again.settings) == (
        model.labels,
        model.order,
        model.settings,
    )
    assert inspected(tmp_path / "chain")["n_parameters"] == model.n_ngrams
    for label in model.labels or (None,):
        texts = ["the cold sun is never warm", ""]
        np.testing.assert_array_equal(
            score(again, texts, label=label).log_probability,
            score(model, texts, label=label).log_probability,
        )
    assert score(again, ["a day"]) == score(model, ["a day"])
    with pytest.raises(ModelError, match=r"is a Markov chain, not a .*; textrnn lm score"):
        load_classifier(tmp_path / "chain")


def inspected(folder: Path) -> dict[str, Any]:
    """What ``textrnn inspect`` says of a folder."""
    found = CliRunner().invoke(app, ["inspect", str(folder), "--json"])
    assert found.exit_code == 0, found.stderr
    said: dict[str, Any] = json.loads(found.stdout)
    return said


class Folder(NamedTuple):
    config: dict[str, Any]
    arrays: dict[str, Any]


Change: TypeAlias = Callable[[Folder], None]


def altered(folder: Path, change: Change) -> None:
    """Change the configuration and arrays of a folder, its checksums made to fit."""
    config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    arrays = load((folder / WEIGHTS).read_bytes())
    change(Folder(config, arrays))
    content = save(arrays)
    (folder / WEIGHTS).write_bytes(content)
    config["files"][WEIGHTS] = hashlib.sha256(content).hexdigest()
    config["checksum"] = config_checksum(config)
    (folder / CONFIG).write_text(json.dumps(config), encoding="utf-8")


def put(name: str, place: Any, value: Any) -> Change:
    def change(folder: Folder) -> None:
        folder.arrays[name] = folder.arrays[name].copy()
        folder.arrays[name][place] = value

    return change


def configured(**values: Any) -> Change:
    def change(folder: Folder) -> None:
        folder.config["markov"] |= values

    return change


def as_float(folder: Folder) -> None:
    folder.arrays["0.words.2"] = folder.arrays["0.words.2"].astype(np.float32)


def without_level(folder: Folder) -> None:
    del folder.arrays["0.words.3"]


def with_one_more(folder: Folder) -> None:
    folder.arrays["0.more"] = np.zeros(1)


def with_labels(folder: Folder) -> None:
    folder.config["classes"] = ["a", "b"]


def with_numbers(folder: Folder) -> None:
    folder.config["classes"] = [1, 2]
    folder.config["markov"]["label_shares"] = [0.5, 0.5]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (put("0.discounts", (0, 0), 0.0), "'0.discounts' holds a discount"),
        (put("0.discounts", (1, 1), 2.1), "'0.discounts' holds a discount"),
        (put("0.discounts", (1, 1), np.nan), "not finite"),
        (put("0.counts.1", slice(None), 0), "'0.counts.1' holds counts"),
        (put("0.counts.3", 2, 0), "'0.counts.3' holds counts"),
        (put("0.words.2", -1, 200), "'0.words.2' holds a word that there is not"),
        (put("0.words.2", slice(None), 0), "do not ascend"),
        (put("0.followers.2", 0, 99), "'0.followers.2' does not count"),
        (configured(order=2), "'0.discounts' is of shape"),
        (configured(order=4), "'0.discounts' is of shape"),
        (configured(order=0), "markov.order is 0"),
        (configured(order=10**6), "markov.order is 1000000"),
        (configured(n_words=3), "must have 3"),
        (with_one_more, "'0.more' does not belong there"),
        (configured(label_shares=[1.0]), "label_shares is of 1 labels"),
        (configured(label_shares=[0.5]), "markov.label_shares is"),
        (with_labels, "label_shares is of 0 labels"),
        (with_numbers, "must be texts"),
        (as_float, "'0.words.2' is of shape"),
        (without_level, "'0.words.3' is missing"),
    ],
)
def test_a_folder_that_cannot_be_is_refused(change: Change, message: str, tmp_path: Path) -> None:
    save_model(PLAIN, tmp_path / "chain")
    altered(tmp_path / "chain", change)
    with pytest.raises(DamagedModelError, match=message):
        load_model(tmp_path / "chain", *LANGUAGE_MODELS)


def test_an_untouched_folder_passes_the_same_way(tmp_path: Path) -> None:
    save_model(PLAIN, tmp_path / "chain")
    altered(tmp_path / "chain", lambda _: None)
    load_model(tmp_path / "chain", "Markov chain")
