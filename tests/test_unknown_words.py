"""A misspelt word is read as the word that was meant, by the network and by the n-grams."""

from __future__ import annotations

import json
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.networks import network_config
from textrnn.errors import ModelError
from textrnn.estimator.classifier import TextRNNClassifier
from textrnn.inference.classifier import NEAREST, SAME, TextModel
from textrnn.linear.hashing import NGramKind, distinct_ngrams
from textrnn.linear.ngram_model import NGramModel
from textrnn.nn.losses import softmax
from textrnn.nn.network import Network
from textrnn.storage.format import config_checksum
from textrnn.storage.loading import load_model
from textrnn.storage.prune import prune
from textrnn.storage.reading import read_config
from textrnn.storage.writing import save_model
from textrnn.text.encoded import encode_lists
from textrnn.text.spelling import EDIT, LEFT_OUT, SPELLING_RULES, NearestWords
from textrnn.text.tokenizers import make_tokenizer
from textrnn.text.vocabulary import Vocabulary

WORDS = [["a", "great", "great", "film"], ["a", "terrible", "film"], ["great", "start"]]
RARE = [["a", "griffin"], ["a", "greet"]]
OF_THEN = Path(__file__).parent / "reference/models_0_1_0/network"


def make_model(*, bidirectional: bool = True, unknown_words: str = NEAREST) -> TextModel:
    """A model whose n-grams know two words more than its vocabulary."""
    rng = np.random.default_rng(5)
    vocabulary = Vocabulary.build(WORDS)
    config = network_config(
        2, len(vocabulary), embedding_dim=4, hidden_size=3, bidirectional=bidirectional
    )
    network = Network.initialise(config, rng)
    kind = NGramKind(2)
    keys = np.unique(
        np.concatenate([k for k, _ in distinct_ngrams(encode_lists(WORDS + RARE), kind)])
    )
    weights = rng.normal(0, 1, (len(keys), 1)).astype(np.float32)
    ngrams = NGramModel(kind, keys, weights, np.zeros(1, np.float32))
    return TextModel(
        make_tokenizer("word"),
        vocabulary,
        network,
        ("no", "yes"),
        ngrams=ngrams,
        unknown_words=unknown_words,
    )


def test_a_vocabulary_mends_only_what_it_does_not_know() -> None:
    vocabulary = Vocabulary.build(WORDS)
    texts = encode_lists([["a", "graet", "film"], ["filn", "zebra", "great"]])
    corrected = vocabulary.corrected(texts)
    assert list(corrected) == [["a", "great", "film"], ["film", "zebra", "great"]]
    known = encode_lists(WORDS)
    assert vocabulary.corrected(known) is known


def test_no_word_is_mended_to_the_unknown_one() -> None:
    """Which looks like a word, and is none."""
    texts = encode_lists([["<unkk>", "<unc>", "unk"]])
    assert list(Vocabulary.build(WORDS).corrected(texts)) == list(texts)


def test_of_two_near_words_the_more_frequent_one_is_meant() -> None:
    vocabulary = Vocabulary.build([["mist", "most", "most"]])
    assert list(vocabulary.corrected(encode_lists([["mxst"]]))) == [["most"]]


def test_both_parts_read_the_word_that_was_meant() -> None:
    model = make_model()
    meant, misspelt = model.predict_proba(["a terrible film", "a terible film"])
    np.testing.assert_array_equal(meant, misspelt)
    plain = replace(model, unknown_words=SAME)
    meant, misspelt = plain.predict_proba(["a terrible film", "a terible film"])
    assert not np.allclose(meant, misspelt)


def test_ngrams_keep_a_word_of_their_own() -> None:
    model = make_model()
    assert model.ngrams is not None
    assert model.ngrams.knows(["greet", "great", "graet"]).tolist() == [True, True, False]
    tokens = model.tokens(["a greet"])
    np.testing.assert_array_equal(model.ngram_logits(tokens), model.ngrams.logits(tokens))
    # The network, which has no such word, takes it for a great one.
    assert (
        model.encode(["a greet"]).ids_of(0).tolist() == model.encode(["a great"]).ids_of(0).tolist()
    )


def test_what_the_ngrams_know_is_put_back() -> None:
    model = make_model()
    assert model.ngrams is not None
    texts = encode_lists([["a", "graet"], ["greet", "great", "zebra"]])
    kept = model.ngrams.keep_known(texts, model.vocabulary.corrected(texts))
    assert list(kept) == [["a", "great"], ["greet", "great", "zebra"]]


def test_words_are_mended_once_for_both_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    model = make_model()
    tokens = model.tokens(["a graet greet film", "terible"])
    network = replace(model, ngrams=None).predict_logits(tokens)
    expected = softmax((network + model.ngram_logits(tokens)).astype(np.float64))
    asked: list[list[str]] = []
    find = NearestWords.find
    monkeypatch.setattr(
        NearestWords,
        "find",
        lambda self, words, spelling_rule: (
            asked.append([*words]) or find(self, words, spelling_rule)
        ),
    )
    np.testing.assert_array_equal(model.predict_proba(tokens), expected)
    assert asked == [["graet", "greet", "terible"]]


def test_an_empty_ngram_model_knows_nothing() -> None:
    none = NGramModel(NGramKind(1), np.zeros(0, np.uint64), np.zeros((0, 1)), np.zeros(1))
    assert none.knows(["great"]).tolist() == [False]


@pytest.mark.parametrize("spelling_rule", SPELLING_RULES)
@pytest.mark.parametrize("unknown_words", [SAME, NEAREST])
def test_streaming_equals_reading_at_once(unknown_words: str, spelling_rule: str) -> None:
    model = make_model(bidirectional=False, unknown_words=unknown_words)
    model = replace(model, ngrams=None, spelling_rule=spelling_rule)
    stream = model.stream()
    words = ["a", "graet", "zebra", "reatg", "film"]
    for n, word in enumerate(words, start=1):
        streamed = stream.feed(word)
        at_once = model.predict_proba([words[:n]])[0]
        np.testing.assert_allclose(streamed, at_once, rtol=1e-5)


def test_two_slips_are_read_as_one_only_by_the_models_of_then() -> None:
    model = make_model()
    then = replace(model, spelling_rule=LEFT_OUT)
    great, unknown = model.encode(["great"]).ids_of(0).tolist(), [0]
    assert [m.encode(["reatg"]).ids_of(0).tolist() for m in (model, then)] == [unknown, great]
    assert [m.encode(["graet"]).ids_of(0).tolist() for m in (model, then)] == [great, great]
    tokens = model.tokens(["a reatg film"])
    meant = model.ngram_logits(model.tokens(["a great film"]))
    np.testing.assert_array_equal(then.ngram_logits(tokens), meant)
    assert not np.allclose(model.ngram_logits(tokens), meant)


@pytest.mark.parametrize("compact", [False, True])
def test_the_rule_of_slips_is_saved_where_an_older_program_would_answer_otherwise(
    tmp_path: Path, compact: bool
) -> None:
    plain = 2 if compact else 1
    for unknown_words, spelling_rule, noted, version in [
        (NEAREST, EDIT, EDIT, 3),
        (NEAREST, LEFT_OUT, None, plain),
        (SAME, EDIT, None, plain),
    ]:
        model = replace(make_model(unknown_words=unknown_words), spelling_rule=spelling_rule)
        save_model(model, tmp_path / "m", compact=compact)
        config = read_config(tmp_path / "m")
        assert (config.get("slip"), config["format_version"]) == (noted, version)
        if unknown_words == NEAREST:
            assert load_model(tmp_path / "m").spelling_rule == spelling_rule


def test_a_model_of_then_keeps_its_rule_wherever_it_is_taken(tmp_path: Path) -> None:
    assert load_model(OF_THEN).spelling_rule == LEFT_OUT
    shrunken = prune(load_model(OF_THEN), max_ngrams=5)
    save_model(shrunken, tmp_path / "m", compact=True)
    assert load_model(tmp_path / "m").spelling_rule == LEFT_OUT
    for go_on in ("fit", "partial_fit"):
        classifier = TextRNNClassifier.load(OF_THEN)
        classifier.set_params(warm_start=True, max_iter=1, ngrams="none", early_stopping=False)
        texts, labels = ["a good film", "a bad film"], classifier.classes_[:2]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the n-grams go
            getattr(classifier, go_on)(texts, labels)
        assert classifier.model_.spelling_rule == LEFT_OUT
        classifier.save(tmp_path / go_on)
        assert load_model(tmp_path / go_on).spelling_rule == LEFT_OUT


def test_a_slip_of_no_known_kind_is_damage(tmp_path: Path) -> None:
    save_model(make_model(), tmp_path / "m")
    config = json.loads((tmp_path / "m/config.json").read_text())
    config["slip"] = "guess"
    config["checksum"] = config_checksum(config)
    (tmp_path / "m/config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match="slip"):
        load_model(tmp_path / "m")


@pytest.mark.parametrize("unknown_words", [SAME, NEAREST])
def test_the_choice_is_saved(tmp_path: Path, unknown_words: str) -> None:
    save_model(make_model(unknown_words=unknown_words), tmp_path / "m")
    assert load_model(tmp_path / "m").unknown_words == unknown_words
