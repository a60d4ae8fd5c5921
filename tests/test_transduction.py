"""The training of a transducer and what it leaves: its rule, its pairs, its model, its folder."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from textrnn.corpora.material import Material
from textrnn.corpora.rows import Pairs
from textrnn.errors import DataError, ModelError, UsageError
from textrnn.experiments.structure import run_structure
from textrnn.experiments.transduction import (
    BASELINES,
    TransductionExperiment,
    evaluate_transducer,
)
from textrnn.inference.transduction import MOST_SYMBOLS, TransductionModel
from textrnn.nn.gradients import Gradients, RowGradient
from textrnn.nn.transducer import Written, greedy
from textrnn.nn.word_loss import WORDS, word_cross_entropy
from textrnn.nn.workspace import Workspace
from textrnn.storage.reading import load
from textrnn.storage.writing import save_model
from textrnn.text.encoded import EncodedTexts, encode_lists
from textrnn.training.regularisation import Regularisation
from textrnn.training.settings import Settings
from textrnn.training.step import BatchOf, BatchSums
from textrnn.training.transduction.fit import (
    LEAST_UNKNOWN,
    build_model,
    encode_pairs,
    make_run,
    twins_of,
)
from textrnn.training.transduction.forcing import Judge, TeacherForcing
from textrnn.training.transduction.pairs import EncodedPairs, drop_to_unknown
from textrnn.training.transduction.settings import TransductionSettings

SMALL: dict[str, Any] = {"hidden_size": 6, "embedding_dim": 5, "attention_size": 4}
LETTERS = "abcdefgh"


def reversals(n: int, longest: int, *, seed: int = 0) -> Pairs:
    """Strings of letters, and the same from their ends."""
    rng = random.Random(seed)
    sources = ["".join(rng.choices(LETTERS, k=rng.randint(1, longest))) for _ in range(n)]
    return Pairs(sources, [text[::-1] for text in sources])


def untrained(pairs: Pairs, **changes: Any) -> TransductionModel:
    """A model with its first weights, larger than they are drawn, so that answers differ."""
    settings = TransductionSettings(**{**SMALL, "dtype": "float64", **changes})
    settings.validate()
    model = build_model(settings, pairs.sources, pairs.targets, rng=np.random.default_rng(1))
    for value in model.transducer.params.values():
        value *= 3.0
    return model


def told_of(
    rule: TeacherForcing, model: TransductionModel, pairs: EncodedPairs, size: int
) -> tuple[BatchSums, Gradients]:
    """What a rule tells of some pairs of a step of so many."""
    batch = BatchOf(pairs, size, np.random.default_rng(0), Workspace())
    ((sums, gradients),) = rule.steps(model.transducer, batch)
    return sums, gradients


def dense(gradient: Any) -> Any:
    """A gradient as one array."""
    if not isinstance(gradient, RowGradient):
        return gradient
    whole = np.zeros((gradient.n_rows, *gradient.values.shape[1:]))
    whole[gradient.rows] = gradient.values
    return whole


# ---------------------------------------------------------------------- the rule


def test_sums_and_gradients_of_parts_add_up() -> None:
    pairs = Pairs(["ab", "", "abcab", "c"], ["ba", "a", "bacba", ""])
    model = untrained(pairs)
    encoded = encode_pairs(model, pairs.sources, pairs.targets)
    rule = TeacherForcing()
    sums, gradients = told_of(rule, model, encoded, 4)
    parts = [told_of(rule, model, encoded.take(np.array(rows)), 4) for rows in ([0, 3], [1], [2])]
    assert sums == pytest.approx(np.sum([part[0] for part in parts], axis=0))
    assert sums.tokens == encoded.n_tokens == 8 + 8 + 2 * 4
    for name, gradient in gradients.items():
        total = sum(dense(part[1][name]) for part in parts)
        np.testing.assert_allclose(dense(gradient), total, atol=1e-12, err_msg=name)
    assert gradients.keys() == model.transducer.params.keys()


def test_the_gradient_is_that_of_the_mean_loss_of_pairs() -> None:
    pairs = Pairs(["abc", "b", ""], ["cb", "bbbb", "a"])
    model = untrained(pairs)
    encoded = encode_pairs(model, pairs.sources, pairs.targets)
    rule = TeacherForcing(Regularisation(label_smoothing=0.1))
    _, gradients = told_of(rule, model, encoded, 3)
    rng, step = np.random.default_rng(2), 1e-5
    for name, value in model.transducer.params.items():
        direction = rng.normal(size=value.shape)
        found = []
        for sign in (1, -1):
            value += sign * step * direction
            found.append(told_of(rule, model, encoded, 3)[0].loss / 3)
            value -= sign * step * direction
        slope = (found[0] - found[1]) / (2 * step)
        assert slope == pytest.approx(np.sum(dense(gradients[name]) * direction), abs=1e-7), name


def test_losses_are_found_as_those_of_many_words_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whose one pass over them is what a large vocabulary has time for."""
    pairs = reversals(10, 5)
    model = untrained(pairs)
    encoded = encode_pairs(model, pairs.sources, pairs.targets)
    calls = []

    def counting(*given: Any, **named: Any) -> Any:
        calls.append(len(given[0]))
        return word_cross_entropy(*given, **named)

    words = "textrnn.training.transduction.forcing.WORDS"
    monkeypatch.setattr(words, WORDS._replace(loss=counting))
    told_of(TeacherForcing(), model, encoded, 10)
    Judge(copies=True)(model.transducer, encoded, Workspace())
    assert calls == [encoded.targets.n_tokens + 10] * 2


def test_a_pair_is_right_if_that_is_what_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is judged by reading a target once is what comes out where nothing is known of it."""
    sources = [text for text in reversals(60, 5).sources if text]
    model = untrained(Pairs(sources, [text[:2] for text in sources]), copy_unknown=False)
    model.transducer.params["linear.bias"][-1] += 4.0  # so that answers come to an end
    written = [found.text for found in model.write(sources)]
    some = [i for i, text in enumerate(written) if len(text) < model.most]
    assert len(some) > 5
    targets = [written[i] if i % 3 else written[i] + "a" for i in some]
    encoded = encode_pairs(model, [sources[i] for i in some], targets)
    judged = Judge(copies=False)(model.transducer, encoded, Workspace())
    monkeypatch.setattr("textrnn.training.transduction.forcing.ROOM", 1)  # a pair at a time
    again = Judge(copies=False)(model.transducer, encoded, Workspace())
    assert again == pytest.approx(judged)
    assert judged.answers == len(some)
    assert judged.right == sum(i % 3 > 0 for i in some)


def test_an_unknown_symbol_is_right_just_where_it_can_be_copied() -> None:
    pairs = reversals(60, 5)
    model = untrained(pairs)
    bias = model.transducer.params["linear.bias"]
    bias[0] += 2.0  # so that answers have some of them
    bias[-1] += 3.0  # and come to an end
    encoded = encode_pairs(model, pairs.sources, pairs.targets).sources
    packed = model.transducer.pack_sources(encoded.ids, encoded.starts)
    written = [found.ids for found in greedy(model.transducer, packed, max_length=model.most)]
    some = [i for i, ids in enumerate(written) if len(ids) < model.most and 0 in ids]
    assert some
    starts = np.cumsum([0, *(len(written[i]) for i in some)])
    answers = EncodedTexts(np.concatenate([written[i] for i in some]), starts, ())
    asked = EncodedPairs(encoded.take(np.array(some)), answers)
    assert Judge(copies=True)(model.transducer, asked, Workspace()).right == len(some)
    assert Judge(copies=False)(model.transducer, asked, Workspace()).right == 0


# --------------------------------------------------------------------- the pairs


def test_a_symbol_becomes_unknown_on_both_sides_of_a_pair() -> None:
    sources = encode_lists([list("aba"), list("cb")])
    targets = encode_lists([list("aab"), list("bca")])
    pairs = EncodedPairs(sources, targets)
    # Ids: a 0, b 1, c 2 of sources; a 0, b 1, c 2 of targets. None may be the unknown one.
    pairs = EncodedPairs(encode_lists([["?"], *sources])[1:], encode_lists([["?"], *targets])[1:])
    probabilities = np.array([0.0, 1.0, 0.0, 1.0], np.float32)  # of ?, a, b, c
    twins = np.array([0, 1, 2, 0], np.int32)  # c has none among the targets
    found = drop_to_unknown(pairs, probabilities, twins, np.random.default_rng(0))
    assert [list(text) for text in found.sources] == [["?", "b", "?"], ["?", "b"]]
    # The a of the second target stays: its source has none.
    assert [list(text) for text in found.targets] == [["?", "?", "b"], ["b", "c", "a"]]


def test_symbols_are_dropped_as_often_as_they_should() -> None:
    sources = encode_lists([["?"], *([["a", "b"]] * 4_000)])[1:]
    pairs = EncodedPairs(sources, sources)
    probabilities = np.array([0.0, 0.2, 0.0], np.float32)
    twins = np.array([0, 1, 2], np.int32)
    found = drop_to_unknown(pairs, probabilities, twins, np.random.default_rng(0))
    assert (found.sources.ids == 0).mean() == pytest.approx(0.1, abs=0.01)
    assert np.array_equal(found.sources.ids, found.targets.ids)


def test_symbols_that_can_be_copied_are_unknown_now_and_then() -> None:
    pairs = Pairs(["ab", "ab"] * 5_000, ["a1", "a2"] * 5_000)
    settings = TransductionSettings(**SMALL)
    model = build_model(settings, pairs.sources, pairs.targets, rng=np.random.default_rng(0))
    encoded = encode_pairs(model, pairs.sources[:2], pairs.targets[:2])
    made = make_run(model, settings, encoded, rng=np.random.default_rng(0))
    unknown: Any = made.rule.regularisation.unknown_probabilities  # type: ignore[attr-defined]
    a, b = (unknown[model.vocabulary.index[symbol]] for symbol in "ab")
    assert a == pytest.approx(LEAST_UNKNOWN)
    assert b == pytest.approx(0.25 / 10_000.25)
    assert unknown[0] == 0.0


def test_pairs_are_counted_with_their_marks() -> None:
    pairs = EncodedPairs(encode_lists([["a"], []]), encode_lists([["b", "c"], []]))
    assert pairs.lengths.tolist() == [5, 2]
    assert pairs.n_tokens == 7
    assert pairs.take(np.array([1])).lengths.tolist() == [2]
    assert len(pairs.bare()) == 2


# --------------------------------------------------------------------- the model


def test_no_answer_depends_on_its_neighbours() -> None:
    model = untrained(reversals(40, 6))
    sources = ["abc", "", "hgfedcba", "z", "a"]
    alone = [model.write([text])[0] for text in sources]
    for together in (model.write(sources), model.write(sources[::-1])[::-1]):
        for one, other in zip(alone, together, strict=True):
            assert one.symbols == other.symbols
            assert one.log_probability == pytest.approx(other.log_probability)
            np.testing.assert_allclose(one.alignment, other.alignment, atol=1e-12)


def test_what_is_told_of_an_answer() -> None:
    model = untrained(reversals(40, 6))
    (found,) = model.write(["abc"])
    assert found.source == ["a", "b", "c"]
    assert found.alignment.shape == (len(found.symbols) + 1, 4)
    np.testing.assert_allclose(found.alignment.sum(axis=1), 1.0)
    assert found.text == "".join(found.symbols)
    (best,) = model.write(["abc"], beam_width=5)
    assert best.log_probability >= found.log_probability - 1e-12
    assert model.write([]) == []
    with pytest.raises(UsageError, match="single string"):
        model.write("abc")


@pytest.mark.parametrize("beam_width", [1, 3])
def test_weights_that_make_no_numbers_are_told(beam_width: int) -> None:
    model = untrained(reversals(40, 6), dtype="float32")
    model.transducer.params["linear.weight"][...] = 3e38
    with pytest.raises(ModelError, match="weights are so large that the logits of some texts"):
        model.write(["abc", "a"], beam_width=beam_width)


def test_a_long_target_allows_no_more_than_a_folder_may_say() -> None:
    model = untrained(Pairs(["a", "b"], ["x" * MOST_SYMBOLS, "y"]))
    assert model.most == MOST_SYMBOLS


def test_an_unknown_symbol_is_copied_from_where_the_alignment_points() -> None:
    model = untrained(reversals(40, 6))
    model.transducer.params["linear.bias"][0] = 100.0  # it knows nothing
    (found,) = model.write(["xyz"])
    looked_at = found.alignment[: model.most, :3].argmax(axis=1).tolist()
    assert found.symbols == ["xyz"[place] for place in looked_at]
    assert not found.is_whole
    (of_nothing,) = model.write([""])
    assert of_nothing.symbols == []
    assert of_nothing.alignment.shape == (1, 1)
    assert model.copies
    never = untrained(reversals(40, 6), copy_unknown=False)
    never.transducer.params["linear.bias"][0] = 100.0
    assert set(never.write(["xyz"])[0].symbols) <= set(LETTERS)


def test_the_mark_behind_a_source_is_no_symbol_of_it() -> None:
    """Symbols and rows of the alignment belong together also where the mark weighs most."""
    model = untrained(reversals(40, 6))
    alignment = np.array([[0.2, 0.1, 0.7], [0.0, 0.0, 1.0], [0.1, 0.6, 0.3]])
    found = model._told(["x", "y"], Written(np.array([0, 1], np.int32), -1.0, alignment))
    assert found.symbols == ["x", model.target_vocabulary.tokens[1]]
    np.testing.assert_array_equal(found.alignment, alignment)
    found = model._told([], Written(np.array([0, 1], np.int32), -1.0, np.ones((3, 1))))
    assert len(found.alignment) == len(found.symbols) + 1 == 2


def test_nothing_is_copied_where_the_sides_share_no_symbol() -> None:
    model = untrained(Pairs(["a b", "b a"], ["1 2", "2 1"]), source_unit="word")
    assert not model.copies
    assert not twins_of(model).any()


def test_units_are_chosen_or_given() -> None:
    phrases = Pairs(["one two", "two one two"] * 60, ["12", "212"] * 60)
    assert [unit.name for unit in units_of(untrained(phrases))] == ["word", "char"]
    given = untrained(phrases, source_unit="char", target_unit="word")
    assert [unit.name for unit in units_of(given)] == ["char", "word"]
    with pytest.raises(DataError, match="none of the 2 targets has a symbol"):
        untrained(Pairs(["a", "b"], ["", ""]))


def units_of(model: TransductionModel) -> tuple[Any, Any]:
    """Of both sides."""
    return model.tokenizer, model.target_unit


# -------------------------------------------------------------------- the folder


def test_a_saved_model_writes_the_same(tmp_path: Path) -> None:
    model = untrained(reversals(40, 6), dtype="float32")
    save_model(model, tmp_path / "m", metrics={"figures": {"exact": 0.5}})
    again = load(tmp_path / "m", "transducer")
    assert isinstance(again, TransductionModel)
    sources = ["abc", "", "xyz"]
    for one, other in zip(model.write(sources), again.write(sources), strict=True):
        assert one.symbols == other.symbols
        assert one.log_probability == other.log_probability
        assert np.array_equal(one.alignment, other.alignment)
    assert again.settings == model.settings
    save_model(model, tmp_path / "m")  # one is replaced by another
    with pytest.raises(ModelError, match=r"is a transducer, not a classifier.*transduce predict"):
        load(tmp_path / "m", "classifier")


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("most", 0, "most is 0"),
        ("most", 100_001, "most is 100001, but must be a whole number from 1 to 100000"),
        ("source_unit", "syllable", "source_unit is 'syllable'"),
        ("copies", 1, "copies is 1"),
        ("cell", "none", "cell is 'none'"),
        ("hidden_size", 7, "shape"),
        ("num_layers", 2**30, "too few"),
        ("target_vocabulary_size", 3, "lines|shape"),
        ("source_vocabulary_size", 1, "source_vocabulary_size is 1"),
        ("dtype", "float16", "dtype"),
        ("more", 1, "unknown field"),
    ],
)
def test_a_folder_is_not_trusted(tmp_path: Path, name: str, value: Any, told: str) -> None:
    save_model(untrained(reversals(20, 4), dtype="float32"), tmp_path / "m")
    path = tmp_path / "m" / "config.json"
    config = json.loads(path.read_text())
    config["transducer"][name] = value
    path.write_text(json.dumps(resealed(config)))
    with pytest.raises(ModelError, match=f"damaged.*({told})"):
        load(tmp_path / "m")


def test_the_words_of_both_sides_are_those_that_were_written(tmp_path: Path) -> None:
    save_model(untrained(reversals(20, 4)), tmp_path / "m")
    words = tmp_path / "m" / "target_vocabulary.txt"
    words.write_text(words.read_text().replace("a\t", "z\t"))
    with pytest.raises(ModelError, match=r"target_vocabulary\.txt"):
        load(tmp_path / "m")
    words.unlink()
    with pytest.raises(ModelError, match=r"target_vocabulary\.txt"):
        load(tmp_path / "m")


def resealed(config: dict[str, Any]) -> dict[str, Any]:
    """A configuration with the checksum that fits it, as anybody can make it."""
    from textrnn.storage.format import config_checksum

    del config["checksum"]
    return {**config, "checksum": config_checksum(config)}


# ----------------------------------------------------------------------- the run


def run(pairs: Pairs, out: Path | None = None, **changes: Any) -> Any:
    """A short run over pairs, of which a tenth are the test."""
    train, test = pairs.parted(0.1, random_state=0)
    how = {name: changes.pop(name) for name in ("resume", "callbacks", "seed") if name in changes}
    settings = TransductionSettings(**{**SMALL, "max_iter": 2, "n_iter_no_change": 9, **changes})
    material = Material("reversals", train, test=test)
    return run_structure(TransductionExperiment(material, settings, out, **how))


def test_several_processes_learn_what_one_learns() -> None:
    pairs = reversals(80, 6)
    settings = TransductionSettings(
        **SMALL,
        dtype="float64",
        max_iter=1,
        dropout_input=0.0,
        dropout_readout=0.0,
        unknown_alpha=0.0,
    )
    found = []
    for n_jobs in (1, 2):
        chosen = TransductionSettings.from_dict({**settings.to_dict(), "n_jobs": n_jobs})
        rng = np.random.default_rng(0)
        model = build_model(chosen, pairs.sources, pairs.targets, rng=rng)
        encoded = encode_pairs(model, pairs.sources, pairs.targets)
        held = encoded.take(np.arange(20))
        state = make_run(model, chosen, encoded, validation=held, rng=rng).run()
        found.append((model.transducer.params, state.history))
    for name, value in found[0][0].items():
        np.testing.assert_allclose(found[1][0][name], value, atol=1e-9, err_msg=name)
    for one, other in zip(found[0][1], found[1][1], strict=True):
        assert one["validation_loss"] == pytest.approx(other["validation_loss"])
        assert one["validation_exact"] == other["validation_exact"]


class StopAfter:
    """A callback that stops a run after so many epochs, as Ctrl-C would."""

    def __new__(cls, epochs: int) -> Any:
        from textrnn.training.callbacks import Callback

        class Stop(Callback):
            def on_batch(self, run: Any) -> None:
                if run.state.epoch == epochs:
                    raise KeyboardInterrupt

        return Stop()


def test_a_run_that_goes_on_ends_with_the_same_bits(tmp_path: Path) -> None:
    pairs = reversals(80, 6)
    report = run(pairs, tmp_path / "whole", max_iter=4)
    assert (report.finished, report.epochs) == (True, 4)
    stopped = run(pairs, tmp_path / "parts", max_iter=4, callbacks=[StopAfter(2)])
    assert (stopped.interrupted, stopped.epochs, stopped.figures) == (True, 2, None)
    with pytest.raises(UsageError, match="embedding_dim"):
        run(pairs, tmp_path / "parts", max_iter=4, resume=True, embedding_dim=9)
    resumed = run(pairs, tmp_path / "parts", max_iter=4, resume=True)
    for name in ("weights.safetensors", "vocabulary.txt", "target_vocabulary.txt"):
        whole, parts = ((tmp_path / folder / name).read_bytes() for folder in ("whole", "parts"))
        assert whole == parts
    assert resumed.figures == report.figures
    again = run(pairs, tmp_path / "parts", max_iter=4, resume=True)
    assert again.seconds == resumed.seconds  # not trained once more
    assert set(again.others[BASELINES]) == {"copy", "nearest", "most frequent symbol"}


def test_few_pairs_are_gone_through_more_often_than_texts_with_classes() -> None:
    epochs = [
        kind().training_config(n, 10 * n).max_iter
        for kind in (Settings, TransductionSettings)
        for n in (400, 3_200, 50_000)
    ]
    assert epochs == [50, 30, 4, 200, 30, 4]
    assert TransductionSettings(max_iter=3).training_config(400, 4_000).max_iter == 3
    patience = TransductionSettings(early_stopping=False).training_config(400, 4_000)
    assert patience.n_iter_no_change == 200


def test_the_same_seed_gives_the_same_bits(tmp_path: Path) -> None:
    pairs = reversals(60, 5)
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        run(pairs, tmp_path / name, seed=seed)
    a, b, c = ((tmp_path / name / "weights.safetensors").read_bytes() for name in "abc")
    assert a == b
    assert a != c


def test_a_run_stopped_in_its_first_epoch_leaves_the_folder_alone(tmp_path: Path) -> None:
    report = run(reversals(60, 5), tmp_path / "m", callbacks=[StopAfter(0)])
    assert report.model_dir is None
    assert not (tmp_path / "m").exists()


def test_reversal_is_learned_and_its_alignment_runs_backwards(tmp_path: Path) -> None:
    """The claim in small, with the settings as they are: all but one of 200 new strings."""
    pairs = reversals(1_000, 8)
    train, test = pairs.take(np.arange(800)), pairs.take(np.arange(800, 1_000))
    settings = TransductionSettings(hidden_size=64, max_iter=24)
    run_structure(TransductionExperiment(Material("r", train, test=test), settings, tmp_path / "m"))
    model = load(tmp_path / "m")
    assert isinstance(model, TransductionModel)
    scores = evaluate_transducer(model, test)
    assert scores.exact >= 0.99
    backwards = places = 0
    for found in model.write([text for text in test.sources if len(text) > 3]):
        looked_at = found.alignment[:-1].argmax(axis=1)  # a wrong answer may have another length
        wanted = reversed(range(len(found.source)))
        backwards += sum(one == other for one, other in zip(looked_at, wanted, strict=False))
        places += len(found.source)
    assert backwards / places > 0.95
