"""A network as a language model: its marks, its labels, its folder; against sums done by hand.

The texts are ragged, one is empty and one has unknown words alone.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.gradcheck import assert_gradient, dense, random_network
from tests.model_mutations import CONFIG, read, sealed
from tests.networks import network_config
from tests.test_next_word import config_of
from textrnn.errors import DamagedModelError, ModelError
from textrnn.inference.language import score
from textrnn.inference.network_language import EACH, FIRST, NetworkLanguageModel
from textrnn.nn.inputs import EMBEDDING
from textrnn.nn.losses import cross_entropy, log_softmax
from textrnn.storage.loading import load_model
from textrnn.storage.reading import load, load_classifier
from textrnn.storage.writing import save_model
from textrnn.text.tokenizers import EveryCharTokenizer, WordTokenizer
from textrnn.text.vocabulary import Vocabulary

WORDS = ["<unk>", "a", "b", "c"]
TEXTS = ["a b c", "", "b", "zz yy", "c c c c c c a"]
LABELS = np.array([0, 1, 1, 0, 1])
KINDS: dict[str, Any] = {"none": 0, FIRST: 2, EACH: 2}
kinds = pytest.mark.parametrize("kind", list(KINDS))


def model_of(kind: str = "none", **changes: Any) -> NetworkLanguageModel:
    """A small model with random weights, in double precision."""
    n_labels, told = KINDS[kind], len(WORDS) + 1
    config = network_config(
        told,
        told + n_labels,
        embedding_dim=3,
        hidden_size=4,
        dtype="float64",
        head="next_word",
        tied=True,
        n_labels=n_labels if kind == EACH else 0,
        **changes,
    )
    return NetworkLanguageModel(
        tokenizer=WordTokenizer(),
        vocabulary=Vocabulary(tuple(WORDS), np.ones(len(WORDS), np.int64)),
        network=random_network(config, np.random.default_rng(1)),
        labels=("no", "yes")[:n_labels],
        label_shares=np.array([0.25, 0.75])[:n_labels],
    )


def labels_of(kind: str) -> Any:
    return LABELS if KINDS[kind] else None


def by_hand(model: NetworkLanguageModel, text: str, label: int | None) -> list[float]:
    """ln p of each word and of the end, a text at a time, by the forward pass of the proofs."""
    words = [WORDS.index(w) if w in WORDS else 0 for w in text.split()]
    end, size = len(WORDS), model.network.config.vocabulary_size
    read = [end, *words]
    if label is not None and model.condition == FIRST:
        read[0] = end + 1 + label
    elif label is not None:
        read = [size * (1 + label) + word for word in read]
    batch = model.network.pack([np.array(read, np.int32)])
    logs = log_softmax(model.network.forward(batch)[0])[::-1]  # of its steps the last comes first
    return [float(logs[t, word]) for t, word in enumerate([*words, end])]


@kinds
def test_log_probabilities_are_those_of_one_text_at_a_time(kind: str) -> None:
    model, labels = model_of(kind), labels_of(kind)
    encoded = model.encode(TEXTS)
    found = model.log_probabilities(encoded, labels)
    each = [
        by_hand(model, text, None if labels is None else int(labels[i]))
        for i, text in enumerate(TEXTS)
    ]
    assert list(map(len, each)) == (encoded.lengths + 1).tolist()
    np.testing.assert_allclose(found, np.concatenate(each), rtol=1e-12)


@kinds
def test_word_by_word_is_as_whole_texts(kind: str) -> None:
    model, labels = model_of(kind), labels_of(kind)
    encoded = model.encode(TEXTS)
    whole = model.log_probabilities(encoded, labels)
    for row, start in enumerate((encoded.starts[:-1] + np.arange(len(TEXTS))).tolist()):
        # Beside a text that goes another way, and in the second of two places.
        own = None if labels is None else np.array([1, labels[row]])
        state = model.begin(2, own)
        ids = encoded.ids_of(row).tolist()
        for t, word in enumerate([*ids, model.end]):
            logs = model.next(state)
            assert logs.shape == (2, len(WORDS) + 1)
            np.testing.assert_allclose(np.exp(logs).sum(axis=1), 1.0)
            np.testing.assert_allclose(logs[1, word], whole[start + t], rtol=1e-10)
            if word != model.end:
                before = model.next(state)
                after = model.push(state, np.array([2, word]))
                np.testing.assert_array_equal(model.next(state), before)  # as it was
                state = model.take(model.take(after, np.array([1, 0, 1])), np.array([1, 2]))


@kinds
def test_what_is_read_and_told(kind: str) -> None:
    model, labels = model_of(kind), labels_of(kind)
    encoded = model.encode(TEXTS)
    read, told = model.inputs(encoded, labels), model.targets(encoded)
    assert read.lengths.tolist() == (encoded.lengths + 1).tolist()
    size = model.network.config.vocabulary_size
    marks = read.ids[read.starts[:-1]]
    if kind == "none":
        assert set(marks.tolist()) == {model.end}
    elif kind == FIRST:
        assert marks.tolist() == (model.end + 1 + LABELS).tolist()
    else:
        assert marks.tolist() == (model.end + size * (1 + LABELS)).tolist()
        of_label = np.repeat(LABELS, read.lengths)
        assert (read.ids // size).tolist() == (1 + of_label).tolist()
    assert (told[read.starts[1:] - 1] == model.end).all()
    assert told.max() == model.end  # labels are read, and never told


def test_labels_must_be_given_to_those_that_have_some() -> None:
    plain, labelled = model_of(), model_of(FIRST)
    with pytest.raises(ValueError, match="has labels, but none are given"):
        labelled.log_probabilities(labelled.encode(["a"]))
    with pytest.raises(ValueError, match="has no labels, but some are given"):
        plain.begin(1, np.array([0]))


def test_a_text_without_a_label_is_one_under_any() -> None:
    model = model_of(EACH)
    each = [score(model, TEXTS, label=name).log_probability for name in model.labels]
    expected = np.log(0.25 * np.exp(each[0]) + 0.75 * np.exp(each[1]))
    np.testing.assert_allclose(score(model, TEXTS).log_probability, expected)
    given = score(model, TEXTS, labels=LABELS).log_probability
    np.testing.assert_array_equal(given, np.choose(LABELS, each))


# --------------------------------------------------------------------- pairs as inputs


def test_a_word_with_a_label_is_the_sum_of_their_vectors() -> None:
    network = model_of(EACH).network
    table, source = network.params[EMBEDDING], network.body.input
    size = network.config.vocabulary_size
    pairs = np.array([2 + size, 2 + 2 * size, 4 + 2 * size])
    found = source.of_document(network.params, pairs)
    expected = [table[2] + table[5], table[2] + table[6], table[4] + table[6]]
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("form", ["tied", "tied, narrow", "untied"])
def test_gradients_of_words_with_labels(form: str) -> None:
    """Of all parameters: a label's vector has a part of that of every word read with it."""
    network = random_network(config_of(form, n_labels=2), np.random.default_rng(2))
    size, rng = network.config.vocabulary_size, np.random.default_rng(3)
    texts = [
        (rng.integers(0, 6, n) + size * (1 + i % 2)).astype(np.int32)
        for i, n in enumerate((4, 1, 2, 6))
    ]
    batch = network.pack(texts)
    targets = rng.integers(0, network.config.n_classes, batch.n_tokens)

    def loss() -> float:
        return cross_entropy(network.forward(batch)[0], targets)[0]

    logits, cache = network.forward(batch)
    found = dense(network.backward(cross_entropy(logits, targets)[1], cache).params)
    for name, value in network.params.items():
        assert_gradient(found[name], loss, value, name)


# ------------------------------------------------------------------------ characters


def test_every_character_is_kept() -> None:
    tokenizer = EveryCharTokenizer()
    text = " a  B\t\u3000c" + "x " * 40_000
    assert "".join(tokenizer(text)) == text.lower()
    assert "".join(replace(tokenizer, lowercase=False)(text)) == text
    assert tokenizer.first(text, 3) == [" ", "a", " "]
    assert replace(model_of(), tokenizer=tokenizer).is_characters


# --------------------------------------------------------------------------- a folder


@kinds
def test_saved_and_loaded(kind: str, tmp_path: Path) -> None:
    model, labels = model_of(kind), labels_of(kind)
    save_model(model, tmp_path / "m")
    found = load(tmp_path / "m", "language model")
    assert isinstance(found, NetworkLanguageModel)
    assert (found.labels, found.condition, found.end) == (model.labels, model.condition, 4)
    np.testing.assert_array_equal(found.label_shares, model.label_shares)
    np.testing.assert_array_equal(
        found.log_probabilities(found.encode(TEXTS), labels),
        model.log_probabilities(model.encode(TEXTS), labels),
    )
    for read_classifier in (load_model, load_classifier):
        with pytest.raises(ModelError, match=r"language model.*lm score"):
            read_classifier(tmp_path / "m")


def _set(*path: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(config: dict[str, Any]) -> None:
        place = config
        for name in path[:-1]:
            place = place[name]
        place[path[-1]] = value

    return change


ALTERED: dict[str, tuple[Callable[[dict[str, Any]], None], str]] = {
    "one label": (_set("classes", value=["x"]), "classes"),
    "numbers for labels": (_set("classes", value=[1, 2]), "classes is"),
    "a label more": (_set("classes", value=["a", "b", "c"]), "label_shares is of 2 labels"),
    "no labels": (_set("classes", value=[]), "label_shares is of 2 labels"),
    "shares beyond 1": (
        _set("language_model", "label_shares", value=[0.7, 0.7]),
        "label_shares is .* 1 together",
    ),
    "shares that are none": (_set("language_model", "label_shares", value="x"), "label_shares is"),
    "more words told": (_set("network", "n_classes", value=6), "n_classes is 6"),
    "fewer words": (_set("network", "vocabulary_size", value=6), "n_classes is 5"),
    "no words": (_set("network", "vocabulary_size", value=2), "n_classes is 5"),
    "labels of inputs": (_set("network", "n_labels", value=3), "n_labels is of 3 labels"),
    "another head": (_set("network", "head", value="text"), "network.head"),
    "both ways": (_set("network", "bidirectional", value=True), "one way"),
    "something more": (_set("language_model", "x", value=1), "unknown field"),
    "not an object": (_set("language_model", value=3), "language_model is 3"),
    "cut": (_set("max_length", value=3), "max_length is 3"),
}


@pytest.mark.parametrize("altered", list(ALTERED))
def test_an_altered_folder_is_refused(altered: str, tmp_path: Path) -> None:
    save_model(model_of(EACH), tmp_path / "m")
    files = read(tmp_path / "m")
    change, told = ALTERED[altered]
    config = json.loads(files[CONFIG])
    change(config)
    (tmp_path / "m" / CONFIG).write_bytes(sealed(files, config)[CONFIG])
    with pytest.raises(DamagedModelError, match=told):
        load(tmp_path / "m")


@kinds
def test_weights_that_make_no_numbers_are_told(kind: str) -> None:
    model = model_of(kind)
    model.network.params["linear.bias"][1:3] = 1e308, -1e308
    model.network.params["linear.bias"][0] = np.inf
    labels = LABELS if model.labels else None
    with pytest.raises(ModelError, match="weights are so large that the logits of some words"):
        model.log_probabilities(model.encode(TEXTS), labels)
    with pytest.raises(ModelError, match="weights are so large that the logits of text 1 "):
        model.next(model.begin(5, labels))
