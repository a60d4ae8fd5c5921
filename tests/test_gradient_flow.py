"""How a gradient flows back: the norms by differences and in closed form, and what is told of them.

The network of a model is small, random and in double precision.
"""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.conftest import LABELS, TEXTS
from tests.gradcheck import CELL_NAMES, random_network, rows_of
from tests.networks import network_config
from textrnn import TextRNNClassifier, TextRNNRegressor
from textrnn.diagnosis import GradientFlow, Reading, gradient_flow
from textrnn.diagnosis.decay import ByDistance, Slopes, memory_length
from textrnn.diagnosis.jacobians import SingularValues, steps_at
from textrnn.diagnosis.norms import by_distance, carried_norms, norm, whole_norms
from textrnn.errors import DataError, ModelError, UsageError
from textrnn.inference.classifier import TextModel
from textrnn.inference.fitted_baselines import as_linear_model
from textrnn.inference.regression import RegressionModel
from textrnn.linear.baselines import fit_baselines
from textrnn.nn.gradients import global_norm
from textrnn.nn.losses import log_softmax
from textrnn.nn.network import Network
from textrnn.nn.targets import Targets
from textrnn.text.tokenizers import WordTokenizer
from textrnn.text.vocabulary import UNKNOWN, Vocabulary
from textrnn.typing import Floats, Params

WORDS = ("a", "b", "c", "d", "e")
SHORT = ["b", "a c e", "e d c b a", "d d a", "c b e a b"]
CLASSES = ("x", "y", "z")
ANSWERS = ["x", "z", "y", "y", "x"]
EPSILON = 1e-6


def network_of(cell: str = "rnn", **more: Any) -> Network:
    config = network_config(
        3,
        len(WORDS) + 1,
        embedding_dim=4,
        cell=cell,
        **{"hidden_size": 3, "dtype": "float64", **more},
    )
    return random_network(config, np.random.default_rng(5))


def model_of(network: Network, **more: Any) -> TextModel:
    vocabulary = Vocabulary((UNKNOWN, *WORDS), np.ones(len(WORDS) + 1, np.int64))
    return TextModel(WordTokenizer(), vocabulary, network, CLASSES, **more)


def flow_of(network: Network, texts: list[str] = SHORT, **more: Any) -> GradientFlow:
    return gradient_flow(model_of(network), texts, **more)


def documents() -> list[Any]:
    return [np.array([1 + WORDS.index(word) for word in text.split()], np.int32) for text in SHORT]


def targets() -> Targets:
    return Targets.hard([CLASSES.index(answer) for answer in ANSWERS], 3)


def loss_of(network: Network, h: Floats, target: int) -> float:
    """The loss of an answer told from features alone."""
    logits = h @ network.params["linear.weight"] + network.params["linear.bias"]
    return -float(log_softmax(logits[np.newaxis])[0, target])


# ------------------------------------------------------------------- the norms


@pytest.mark.parametrize("cell", CELL_NAMES)
def test_carried_norms_by_differences(cell: str) -> None:
    """Each state of each text is moved, and the rest of the text is read from there."""
    network = network_of(cell, readout="max")
    batch = network.pack(documents())
    _, cache = network.forward(batch)
    (found,) = carried_norms(network, batch, cache, targets())
    for place, position in enumerate(batch.order.tolist()):
        ids, target = documents()[position], int(targets().values[position])
        for t, row in enumerate(rows_of(batch, place)):
            _, read = network.forward(network.pack([ids[: t + 1]]))
            after = read.body.final[0]

            def objective(states: Params, rest: Any = ids[t + 1 :], target: int = target) -> float:
                if len(rest):
                    _, read = network.forward(network.pack([rest]), initial=[states])
                    states = read.body.final[0]
                return loss_of(network, states["h"][0, 0], target)

            for name in network.cell.carried_names:
                gradient = np.empty(3)
                for unit in range(3):
                    moved = {n: value.copy() for n, value in after.items()}
                    moved[name][0, 0, unit] += EPSILON
                    above = objective(moved)
                    moved[name][0, 0, unit] -= 2 * EPSILON
                    gradient[unit] = (above - objective(moved)) / (2 * EPSILON)
                wanted = float(np.linalg.norm(gradient))
                assert found[name][0, row] == pytest.approx(wanted, rel=1e-5, abs=1e-9)


@pytest.mark.parametrize("cell", CELL_NAMES)
def test_whole_norms_by_differences(cell: str) -> None:
    """The readout sees the state that is moved, those before it and those after it."""
    network = network_of(cell, readout="mean")
    batch = network.pack(documents())
    logits, cache = network.forward(batch)
    (found,) = whole_norms(network, batch, logits, cache, targets())
    for place, position in enumerate(batch.order.tolist()):
        ids, target = documents()[position], int(targets().values[position])
        outputs = cache.body.outputs[0, rows_of(batch, place)]
        for t, row in enumerate(rows_of(batch, place)):
            _, read = network.forward(network.pack([ids[: t + 1]]))
            gradient = np.empty(3)
            for unit in range(3):
                values = []
                for sign in (1, -1):
                    moved = {n: value.copy() for n, value in read.body.final[0].items()}
                    moved["h"][0, 0, unit] += sign * EPSILON
                    seen = [*outputs[:t], moved["h"][0, 0]]
                    if len(rest := ids[t + 1 :]):
                        _, later = network.forward(network.pack([rest]), initial=[moved])
                        seen += list(later.body.outputs[0])
                    values.append(loss_of(network, np.mean(seen, axis=0), target))
                gradient[unit] = (values[0] - values[1]) / (2 * EPSILON)
            wanted = float(np.linalg.norm(gradient))
            assert found["h"][0, row] == pytest.approx(wanted, rel=1e-5, abs=1e-9)


@pytest.mark.parametrize("cell", CELL_NAMES)
def test_of_the_last_state_the_whole_is_carried(cell: str) -> None:
    """And following one gradient leaves all that the next one needs."""
    network = network_of(cell, num_layers=2)
    batch = network.pack(documents())
    logits, cache = network.forward(batch)
    before = whole_norms(network, batch, logits, cache, targets())
    carried = carried_norms(network, batch, cache, targets())
    after = whole_norms(network, batch, logits, cache, targets())
    for of_layer in zip(before, carried, after, strict=True):
        for name in network.cell.carried_names:
            one, other, again = (norms[name] for norms in of_layer)
            np.testing.assert_allclose(one, other, rtol=1e-12)
            np.testing.assert_array_equal(one, again)


def rotation(size: int, factor: float) -> Floats:
    square = np.random.default_rng(2).standard_normal((size, size))
    turned: Floats = factor * np.linalg.qr(square)[0]
    return turned


@pytest.mark.parametrize("factor", [0.5, 0.9, 1.0, 1.1])
def test_a_linear_network_has_a_closed_form(factor: float) -> None:
    """∂L/∂h_t = ∂L/∂h_T W^(T - t): with a scaled rotation for W a power of the scale."""
    network = network_of("rnn_linear", hidden_size=6)
    network.params["recurrent.0.W_h"][...] = rotation(6, factor)
    main = flow_of(network, labels=ANSWERS).main
    assert main.decay == pytest.approx(factor, rel=1e-12)
    for d, left in enumerate(main.left):
        assert left == pytest.approx(factor**d, rel=1e-12)
    if factor < 1.0:
        assert main.memory_length == pytest.approx(math.log(0.1) / math.log(factor))
    elif factor > 1.0:
        assert main.memory_length is None
    values = main.singular_values
    assert values is not None
    for of in (values.largest, values.median, values.smallest):
        assert list(of.values()) == pytest.approx([factor] * 3)


def test_norms_of_a_linear_network_are_those_of_a_product() -> None:
    """W^(T - t) written out, of any weights, over texts of all lengths."""
    network = network_of("rnn_linear")
    W_h = network.params["recurrent.0.W_h"][0, 0]
    batch = network.pack(documents())
    logits, cache = network.forward(batch)
    d_logits = np.exp(log_softmax(logits))
    d_logits[np.arange(5), targets().values[batch.order]] -= 1.0
    d_h = d_logits @ network.params["linear.weight"].T
    found = by_distance(carried_norms(network, batch, cache, targets())[0]["h"][0], batch)
    for t in range(5):
        of_long = np.linalg.norm(d_h @ np.linalg.matrix_power(W_h.T, t), axis=1)
        wanted = np.where(batch.lengths > t, of_long, np.nan)
        np.testing.assert_allclose(found[t], wanted, rtol=1e-12)


def test_the_second_direction_reads_mirrored_texts() -> None:
    """With the directions' parameters exchanged, the mirrored texts have the exchanged norms."""
    network = network_of("lstm", bidirectional=True, readout="max")
    exchanged = {}
    for name, value in network.params.items():
        if name.startswith("recurrent."):
            value = value[:, ::-1].copy()
        if name == "linear.weight":
            value = np.concatenate([value[3:], value[:3]])
        exchanged[name] = value
    mirrored = [" ".join(reversed(text.split())) for text in SHORT]
    one = flow_of(network, labels=ANSWERS)
    other = flow_of(Network(network.config, exchanged), mirrored, labels=ANSWERS)
    assert [reading.direction for reading in one.readings] == ["forward", "backward"]
    assert one.readings[0].norm != pytest.approx(one.readings[1].norm, rel=0.01)
    for reading, of_other in zip(one.readings, reversed(other.readings), strict=True):
        for name in ("norm", "left", "whole", "decay"):
            assert getattr(reading, name) == pytest.approx(getattr(of_other, name), rel=1e-10)
        assert reading.gates.keys() == of_other.gates.keys()
        for gate, activity in reading.gates.items():
            assert activity.mean == pytest.approx(of_other.gates[gate].mean, rel=1e-12)


def test_layers_are_told_from_the_top() -> None:
    flow = flow_of(network_of("gru", num_layers=2, bidirectional=True))
    found = [(reading.layer, reading.direction) for reading in flow.readings]
    assert found == [(1, "forward"), (1, "backward"), (0, "forward"), (0, "backward")]


def test_means_are_geometric_and_over_texts_that_are_long_enough() -> None:
    network = network_of()
    batch = network.pack(documents())
    _, cache = network.forward(batch)
    norms = by_distance(carried_norms(network, batch, cache, targets())[0]["h"][0], batch)
    main = flow_of(network, labels=ANSWERS).main
    assert main.distance == [0, 1, 2, 3, 4]
    assert main.texts == [5, 4, 4, 2, 2]
    for d in main.distance:
        there = norms[d][~np.isnan(norms[d])]
        assert main.norm[d] == pytest.approx(np.exp(np.log(there).mean()))
        shares = norms[d] / norms[0]
        assert main.left[d] == pytest.approx(np.exp(np.nanmean(np.log(shares))))


def test_segments_are_read_from_their_own_ends() -> None:
    whole = network_of("gru")
    cut = network_of("gru", segment_length=2)
    assert whole.params["linear.weight"] == pytest.approx(cut.params["linear.weight"])
    main = flow_of(cut, ["a b c d"], labels=["y"]).main
    pieces = flow_of(whole, ["a b", "c d"], labels=["y", "y"]).main
    assert main.norm == pytest.approx(pieces.norm)
    assert main.texts == [2, 2]


# ------------------------------------------------------- the decay and the memory


def test_the_decay_of_an_exact_power_is_its_factor() -> None:
    """Whatever the losses of the texts and their lengths."""
    norms = np.full((20, 4), np.nan)
    for b, (length, first) in enumerate([(20, 1.0), (3, 1e-9), (2, 1e5), (1, 1.0)]):
        norms[:length, b] = first * 0.8 ** np.arange(length)
    slopes = Slopes()
    slopes.add(norms)
    assert slopes.decay == pytest.approx(0.8, rel=1e-12)


def test_what_is_left_after_a_ten_thousandth_does_not_count() -> None:
    norms = 0.5 ** np.arange(400.0)[:, np.newaxis]
    norms[20:] = 1e-9
    norms[300:] = 0.0
    slopes = Slopes()
    slopes.add(norms)
    assert slopes.decay == pytest.approx(0.5, rel=1e-12)


def test_the_first_distance_may_be_left_out() -> None:
    norms = 0.7 ** np.arange(8.0)[:, np.newaxis]
    norms[0] = 50.0
    slopes = Slopes(first=1)
    slopes.add(norms)
    assert slopes.decay == pytest.approx(0.7, rel=1e-12)


def test_a_gradient_that_is_gone_at_once() -> None:
    slopes = Slopes()
    slopes.add(np.array([[1.0], [0.0], [0.0]]))
    assert slopes.decay == 0.0
    assert memory_length(0.0) == 0.0


def test_one_word_tells_of_no_decay() -> None:
    slopes = Slopes()
    slopes.add(np.array([[1.0, 2.0]]))
    assert slopes.decay is None
    assert memory_length(None) is None


def test_memory_length() -> None:
    length = memory_length(0.88)
    assert length is not None
    assert 0.88**length == pytest.approx(0.1)
    assert memory_length(1.0) is None
    assert memory_length(1.2) is None


def test_what_is_gone_is_counted_and_not_averaged() -> None:
    means = ByDistance()
    means.add(np.array([[1.0, 4.0], [0.0, 2.0]]))
    means.add(np.array([[2.0], [np.nan]]))
    assert means.texts.tolist() == [3, 2]
    assert means.gone.tolist() == [0, 1]
    assert means.means == pytest.approx([2.0, 2.0])
    assert means.left == pytest.approx([1.0, 0.5])


def test_norms_of_numbers_whose_squares_are_too_small() -> None:
    vectors = np.array([[3e-200, 4e-200], [0.0, 0.0], [3.0, 4.0]])
    assert norm(vectors) == pytest.approx([5e-200, 0.0, 5.0], rel=1e-14, abs=0.0)


def test_a_dead_rectifier() -> None:
    network = network_of("rnn_relu")
    network.params["recurrent.0.b"][...] = -100.0
    main = flow_of(network, labels=ANSWERS).main
    assert main.decay == 0.0
    assert main.memory_length == 0.0
    assert main.gone[1:] == main.texts[1:]
    assert main.norm[1:] == [0.0] * 4


def test_one_word_texts() -> None:
    flow = flow_of(network_of("lstm"), ["a", "b", ""])
    main = flow.main
    assert main.distance == [0]
    assert (main.decay, main.memory_length, main.singular_values) == (None, None, None)
    assert main.tenth_after is None


# --------------------------------------------------------- singular values and gates


def test_singular_values_of_the_simple_network() -> None:
    """∂h_t/∂h_{t-1} = diag(1 - h_t²) W^T, of all words but the first ones."""
    network = network_of()
    W_h = network.params["recurrent.0.W_h"][0, 0]
    found = []
    for ids in documents():
        _, cache = network.forward(network.pack([ids]))
        later = cache.body.outputs[0, : len(ids) - 1]  # but for the first word's, the last row
        found += [np.linalg.svd(np.diag(1 - h * h) @ W_h.T, compute_uv=False) for h in later]
    values = flow_of(network).main.singular_values
    assert values is not None
    assert values.steps == len(found)
    largest, median, smallest = np.array(found).T
    for of, wanted in (
        (values.largest, largest),
        (values.median, median),
        (values.smallest, smallest),
    ):
        levels = np.quantile(wanted, [0.1, 0.5, 0.9])
        assert list(of.values()) == pytest.approx(levels.tolist())


@pytest.mark.parametrize("cell", CELL_NAMES)
def test_singular_values_of_the_whole_state(cell: str) -> None:
    """Only of a cell that carries more than h; its memory c shows in it, not in that of h."""
    network = network_of(cell)
    main = flow_of(network).main
    assert isinstance(main.singular_values, SingularValues)
    assert (main.state_singular_values is None) == (len(network.cell.carried_names) == 1)


def test_a_gate_that_is_held_open_keeps_as_long_as_it_says() -> None:
    network = network_of("lstm")
    for name in ("W_x", "W_h", "b"):
        network.params[f"recurrent.0.{name}"][...] = 0.0
    forget = np.array([0.5, 0.8, 0.95])
    network.params["recurrent.0.b"][1, 0] = np.log(forget / (1 - forget))
    gates = flow_of(network).main.gates
    assert list(gates) == ["input", "forget", "output", "candidate", "state"]
    assert gates["forget"].mean == pytest.approx(forget.mean())
    assert gates["forget"].high == pytest.approx(1 / 3)
    assert gates["forget"].memory == pytest.approx(math.log(0.1) / math.log(0.8))
    assert gates["forget"].longest_memory == pytest.approx(math.log(0.1) / math.log(0.95))
    assert gates["input"].mean == pytest.approx(0.5)
    assert gates["input"].memory is None
    assert (gates["candidate"].mean, gates["candidate"].low) == (0.0, 1.0)


@pytest.mark.parametrize("cell", CELL_NAMES)
def test_the_gate_that_keeps_is_the_factor_of_the_state(cell: str) -> None:
    """With no other way from a state to the next one, the Jacobian is the gate itself."""
    network = network_of(cell)
    keep = network.cell.keep_gate
    if keep is None:
        pytest.skip("no gate is said to keep the state")
    for name in ("recurrent.0.W_h", "recurrent.0.p"):
        network.params.get(name, np.zeros(()))[...] = 0.0
    main = flow_of(network, ["a b"]).main
    values = main.state_singular_values or main.singular_values
    assert values is not None
    _, cache = network.forward(network.pack([np.array([1, 2], np.int32)]))
    gate = cache.body.layers[0].trace.gates[network.cell.gate_names.index(keep), 0, 0]
    kept = np.sort(gate)
    jacobian = values.largest["median"]
    if main.state_singular_values is None:
        assert jacobian == pytest.approx(kept[-1])
    else:
        # ∂c_t/∂c_{t-1} = f, and h_t = o tanh(c_t) hears of it, too.
        assert kept[-1] * math.sqrt(2) >= jacobian >= kept[-1] * (1 - 1e-12)


def test_steps_of_a_clockwork_are_taken_at_their_times() -> None:
    network = network_of("clockwork")
    batch = network.pack(documents())
    _, cache = network.forward(batch)
    for place in range(batch.n_sequences):
        rows = rows_of(batch, place)[1:]
        steps = steps_at(network.cell, cache.body.layers[0].trace, batch, np.array(rows, int))
        np.testing.assert_array_equal(steps.read_before, np.arange(1, len(rows) + 1))


# ----------------------------------------------------------------------- clipping


def test_clipping_is_that_of_the_training() -> None:
    network = network_of("gru")
    settings = {"max_grad_norm": 1e-3, "batch_size": 2, "shuffle": False, "label_smoothing": 0.2}
    model = model_of(network, settings=settings)
    found = gradient_flow(model, SHORT, ANSWERS).clipped
    assert found is not None
    norms = []
    for rows in ([0, 1], [2, 3], [4]):
        batch = network.pack([documents()[row] for row in rows])
        logits, cache = network.forward(batch)
        wanted = targets().values[rows][batch.order]
        _, d_logits = network.config.output.loss(logits, wanted, label_smoothing=0.2)
        norms.append(global_norm(network.backward(d_logits, cache).params))
    assert (found.batches, found.max_grad_norm, found.share) == (3, 1e-3, 1.0)
    assert found.batch_size == pytest.approx(5 / 3)
    assert found.factor == pytest.approx(np.mean(1e-3 / np.array(norms)))
    assert found.median_norm == pytest.approx(np.median(norms))
    assert (found.smallest_norm, found.largest_norm) == pytest.approx((min(norms), max(norms)))


def test_clipping_weighs_classes_as_the_training_does() -> None:
    network, weight = network_of("gru"), {"x": 1.0, "y": 5.0, "z": 0.3}
    settings: dict[str, Any] = {
        "max_grad_norm": 1e-3,
        "label_smoothing": 0.0,
        "class_weight": [[label, of] for label, of in weight.items()],
    }
    found = gradient_flow(model_of(network, settings=settings), SHORT, ANSWERS).clipped
    batch = network.pack(documents())
    logits, cache = network.forward(batch)
    weights = np.array([weight[answer] for answer in ANSWERS])
    weights *= len(weights) / weights.sum()
    wanted = targets().values[batch.order]
    _, d_logits = network.config.output.loss(logits, wanted, weights[batch.order])
    assert found is not None
    norm_of_all = global_norm(network.backward(d_logits, cache).params)
    assert found.largest_norm == pytest.approx(norm_of_all, rel=1e-12)


@pytest.mark.parametrize("rule", ["bptt", "tbptt", "rtrl"])
def test_clipping_is_found_in_double_precision_and_of_whole_texts(rule: str) -> None:
    """Nothing is cut off, neither by a floor nor by a rule."""
    network = network_of("gru", dtype="float32")
    double = replace(network.config, dtype="float64")
    params: Params = {name: value.astype(np.float64) for name, value in network.params.items()}
    settings: dict[str, Any] = {
        "max_grad_norm": 0.1,
        "gradient_floor": 0.5,
        "rule": rule,
        "dtype": "float32",
    }
    found = gradient_flow(model_of(network, settings=settings), SHORT, ANSWERS).clipped
    exact = model_of(Network(double, params), settings={"max_grad_norm": 0.1})
    assert found == gradient_flow(exact, SHORT, ANSWERS).clipped


@pytest.mark.parametrize(
    "settings", [{}, {"max_grad_norm": None}, {"max_grad_norm": 1.0, "rule": "ekf"}]
)
def test_a_training_that_clips_nothing(settings: dict[str, Any]) -> None:
    assert gradient_flow(model_of(network_of(), settings=settings), SHORT).clipped is None


def test_gradients_that_are_short_enough_are_left() -> None:
    model = model_of(network_of(), settings={"max_grad_norm": 1e6})
    found = gradient_flow(model, SHORT).clipped
    assert found is not None
    assert (found.share, found.factor, found.batches) == (0.0, None, 1)


# -------------------------------------------------------------- models and texts


def test_texts_without_labels_take_the_models_own_answer() -> None:
    model = model_of(network_of("lstm"))
    answers = [CLASSES[i] for i in model.decide(model.predict_proba(SHORT))]
    own, told = gradient_flow(model, SHORT), gradient_flow(model, SHORT, answers)
    assert (own.labelled, told.labelled) == (False, True)
    assert own.readings == told.readings
    other = gradient_flow(model, SHORT, [CLASSES[CLASSES.index(a) - 1] for a in answers])
    assert other.main.norm != pytest.approx(own.main.norm, rel=0.01)


def test_any_number_of_labels() -> None:
    network = network_of("gru", multilabel=True)
    model = model_of(network)
    decided = model.decide(model.predict_proba(SHORT))
    labels = [[c for c, there in zip(CLASSES, row, strict=True) if there] for row in decided]
    assert gradient_flow(model, SHORT).readings == gradient_flow(model, SHORT, labels).readings


def test_a_regression_is_taken_to_be_off_by_a_standard_deviation() -> None:
    network = network_of("gru", regression=True)
    params = {**network.params}
    params["linear.weight"] = params["linear.weight"][:, :1]
    params["linear.bias"] = params["linear.bias"][:1]
    alone = Network(replace(network.config, n_classes=1), params)
    base = replace(model_of(alone), classes=())
    model = RegressionModel.of(base, mean=10.0, scale=4.0)
    numbers = (model.predict_proba(SHORT)[:, 0] + 4.0).tolist()
    own = gradient_flow(model, SHORT)
    told = gradient_flow(model, SHORT, numbers)
    assert own.main.norm[0] > 0.0
    assert own.main.norm == pytest.approx(told.main.norm)
    # (o - y)² at an error of one: 2 times the last layer's weights.
    assert own.main.norm[0] == pytest.approx(2 * float(np.linalg.norm(params["linear.weight"])))


def test_a_limit_draws_texts_by_the_seed() -> None:
    model, texts = model_of(network_of()), SHORT * 4
    few = gradient_flow(model, texts, limit=7)
    assert (few.n_texts, few.of_texts) == (7, 20)
    assert few.main.texts[0] == 7
    assert few == gradient_flow(model, texts, limit=7)
    assert few.main != gradient_flow(model, texts, limit=7, random_state=1).main
    every = gradient_flow(model, texts, limit=None)
    assert (every.n_texts, every.of_texts) == (20, 20)


def test_labels_stay_with_their_texts() -> None:
    model = model_of(network_of())
    texts, labels = SHORT * 4, ANSWERS * 4
    rows = np.sort(np.random.default_rng(0).choice(np.arange(20), 7, replace=False)).tolist()
    few = gradient_flow(model, texts, labels, limit=7)
    told = gradient_flow(model, [texts[i] for i in rows], [labels[i] for i in rows], limit=None)
    assert few.main.norm == pytest.approx(told.main.norm)


def test_numbers_do_not_depend_on_the_precision_of_the_model() -> None:
    """A gradient that float32 could not hold is followed to its end."""
    network = network_of("rnn_linear")
    network.params["recurrent.0.W_h"][...] = rotation(3, 0.01)
    single = {name: value.astype(np.float32) for name, value in network.params.items()}
    model = model_of(Network(replace(network.config, dtype="float32"), single))
    main = gradient_flow(model, ["a b c d e " * 12], ["x"]).main
    assert main.left[59] == pytest.approx(0.01**59, rel=1e-4, abs=0.0)
    assert main.decay == pytest.approx(0.01, rel=1e-5)


@pytest.mark.parametrize("more", [{}, {"bidirectional": True, "readout": "attention"}])
@pytest.mark.parametrize("cell", CELL_NAMES)
def test_all_of_it_is_plain_json(cell: str, more: dict[str, Any]) -> None:
    network = network_of(cell, num_layers=2, **more)
    found = flow_of(network, [*SHORT, "", "unheard of"]).to_dict()
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    keys = {"distance", "norm", "decay", "memory_length", "singular_values", "gates", "clipped"}
    assert keys <= set(found)
    assert found["norm"] == found["readings"][0]["norm"]


def test_what_explodes_is_plain_json_too() -> None:
    network = network_of("rnn_linear")
    network.params["recurrent.0.W_h"][...] = rotation(3, 30.0)
    network.params["embedding.weight"][...] *= 1e-200
    network.params["recurrent.0.b"][...] = 0.0
    main = flow_of(network, ["a b c d e " * 30], labels=["x"]).main
    json.dumps(main.norm + main.left, allow_nan=False)
    assert main.decay == pytest.approx(30.0)
    assert main.memory_length is None


def test_weights_that_make_no_numbers() -> None:
    network = network_of("rnn_linear")
    network.params["recurrent.0.W_h"][...] = rotation(3, 1e300)
    with pytest.raises(ModelError, match="no numbers"):
        flow_of(network, ["a b c d e"], labels=["x"])


def test_a_fitted_model(reviews: tuple[list[str], list[str]]) -> None:
    texts, labels = reviews
    classifier = TextRNNClassifier(hidden_size=4, embedding_dim=4, max_iter=1, random_state=0)
    classifier.fit(texts, labels)
    flow = gradient_flow(classifier.model_, texts, labels)
    assert (flow.cell, flow.readout, flow.n_texts) == ("lstm", "max", len(texts))
    assert flow.clipped is not None
    assert flow.clipped.max_grad_norm == 1.0
    numbers = [float(label == "good") for label in labels]
    regressor = TextRNNRegressor(hidden_size=4, embedding_dim=4, max_iter=1, random_state=0)
    regressor.fit(texts, numbers)
    assert gradient_flow(regressor.model_, texts, numbers).main.norm[0] > 0.0


def test_a_bag_of_words_has_no_gradient_to_follow() -> None:
    tokens = [WordTokenizer()(text) for text in TEXTS]
    model = as_linear_model(next(fit_baselines(tokens, LABELS, tokens, LABELS)), WordTokenizer())
    with pytest.raises(ModelError, match=r"bag of words, .* give a recurrent network"):
        gradient_flow(model, TEXTS)


def test_mistakes_are_told() -> None:
    model = model_of(network_of())
    with pytest.raises(DataError, match="no texts"):
        gradient_flow(model, [])
    with pytest.raises(UsageError, match="5 texts, but 1 labels"):
        gradient_flow(model, SHORT, ["x"])
    with pytest.raises(UsageError, match="limit is 0"):
        gradient_flow(model, SHORT, limit=0)
    with pytest.raises(UsageError, match="single string"):
        gradient_flow(model, "a b c")
    with pytest.raises(DataError, match="not one of the classes"):
        gradient_flow(model, SHORT, ["x", "y", "z", "w", "x"])


def test_every_part_of_a_reading_is_told() -> None:
    """The docstring of a reading names each of its fields."""
    for name in Reading.__dataclass_fields__:
        assert f"        {name}: " in (Reading.__doc__ or ""), name
