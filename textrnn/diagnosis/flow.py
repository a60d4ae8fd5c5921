"""How far back a trained network looks: its gradient from the end of texts to their beginnings.

All is measured in double precision, without dropout, on the weights as they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from textrnn.corpora import indicator
from textrnn.diagnosis.clipping import Clipping, clipping
from textrnn.diagnosis.decay import LEFT, ByDistance, Slopes, memory_length
from textrnn.diagnosis.gates import GateActivity, Gates
from textrnn.diagnosis.jacobians import STEPS, Jacobians, SingularValues
from textrnn.diagnosis.norms import by_distance, carried_norms, whole_norms
from textrnn.errors import DataError, ModelError, UsageError
from textrnn.inference.batches import length_batches
from textrnn.inference.classifier import TextModel
from textrnn.inference.protocol import Classifier
from textrnn.inference.regression import RegressionModel
from textrnn.nn.finite import check_finite
from textrnn.nn.network import Network
from textrnn.nn.packed import PackedBatch
from textrnn.nn.targets import Targets
from textrnn.system.blas import one_blas_thread
from textrnn.text.encoded import EncodedTexts
from textrnn.text.reading import Text, check_is_no_text
from textrnn.training.class_weight import number_classes
from textrnn.training.examples import Examples
from textrnn.typing import Bools, Floats, Params
from textrnn.wording.messages import Parameter

LIMIT = 500
"""Texts that are looked at, if nothing else is said: the means over them are known well enough."""
MAX_DOCUMENTS, MAX_TOKENS = 64, 16_384
"""Bounds of a batch, of which everything is kept."""
BAG = "is a bag of words"
FORWARD, BACKWARD = "forward", "backward"
DIRECTIONS = (FORWARD, BACKWARD)


@dataclass(frozen=True)
class Reading:
    """What one layer does in one direction of reading.

    Attributes:
        layer: its number from the bottom, 0 the first.
        direction: ``forward``, or ``backward`` from a text's last word to its first.
        distance: words between a state and the last one that the direction reads, 0 for that
            itself; of texts that are read in segments, within a segment.
        norm: ‖∂L/∂h_t‖ at that distance, L being each text's own loss as if the readout saw the
            last state alone: what the recurrence carries. The geometric mean over the texts of
            which anything is left there.
        left: the same of each text's share of its own norm at distance 0.
        whole: the same of the loss as the model has it, whose readout may see all states.
        texts: how many are that long.
        gone: those of them of whose carried gradient nothing is left.
        states: the norms as in ``norm`` by each carried state: an LSTM's of h and of c.
        decay: the factor by which the norm changes from one word to the one before it, or None.
        memory_length: words after which a tenth of the gradient is left at that rate; None where
            it does not fade.
        tenth_after: the first distance at which no more than a tenth is left, as measured; None
            where there is none. A gradient that falls by another factor at first than later on has
            another memory in this than by its mean rate.
        singular_values: of ∂h_t/∂h_{t-1}; None where no text has two words.
        state_singular_values: of the whole carried state; None where that is h alone.
        gates: what each gate does, and the output, by their names.
    """

    layer: int
    direction: str
    distance: list[int]
    norm: list[float]
    left: list[float]
    whole: list[float]
    texts: list[int]
    gone: list[int]
    states: dict[str, list[float]]
    decay: float | None
    memory_length: float | None
    tenth_after: int | None
    singular_values: SingularValues | None
    state_singular_values: SingularValues | None
    gates: dict[str, GateActivity]


@dataclass(frozen=True)
class GradientFlow:
    """How a network's gradient flows back through some texts.

    Attributes:
        cell: its kind of recurrence.
        readout: what its classes are told from.
        n_texts: that were looked at.
        of_texts: of so many that there were.
        labelled: whether the loss is that of the texts' labels, or of the model's own answers.
        readings: of each layer and direction, the top layer and the forward direction first.
        clipped: what the training's ``max_grad_norm`` does to such texts; None if it has none.
    """

    cell: str
    readout: str
    n_texts: int
    of_texts: int
    labelled: bool
    readings: tuple[Reading, ...]
    clipped: Clipping | None

    @property
    def main(self) -> Reading:
        """The top layer, as it reads from a text's first word to its last."""
        return self.readings[0]

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values: those of the main reading, of all, and what is common to them."""
        common = {
            name: getattr(self, name)
            for name in ("cell", "readout", "n_texts", "of_texts", "labelled")
        }
        readings = [asdict(reading) for reading in self.readings]
        clipped = None if self.clipped is None else asdict(self.clipped)
        return {**common, **readings[0], "clipped": clipped, "readings": readings}


def gradient_flow(
    model: Classifier,
    texts: Iterable[Text],
    labels: Sequence[Any] | None = None,
    *,
    limit: int | None = LIMIT,
    random_state: int = 0,
) -> GradientFlow:
    """Follow the gradient of a network's loss back through texts.

    Args:
        model: a recurrent network, with or without n-grams beside it, which are left out: what an
            estimator has in ``model_``, or ``textrnn.storage.reading.load_classifier`` reads.
        texts: strings, or lists of tokens.
        labels: of each text; of many labels a text a collection of them, of a regression a
            number. None takes the model's own answers; a regression's would have no error, so
            there it is its number and one standard deviation of the training's numbers.
        limit: look at so many texts at most, drawn by chance; None looks at all.
        random_state: seed of the texts, of the steps whose singular values are found, and of the
            batches that are clipped.

    Raises:
        DataError: there are no texts, or a label is none of the model's.
        ModelError: the model has no recurrent states, or its weights make no finite numbers.
        UsageError: the limit is below 1, or there are other numbers of labels and texts.
    """
    if why := why_without_states(model):
        raise ModelError(f"the model {why}")
    assert isinstance(model, TextModel)
    check_is_no_text(texts)
    chosen, given, n = _drawn(list(texts), labels, limit, random_state)
    with one_blas_thread(), np.errstate(over="ignore", invalid="ignore", under="ignore"):
        tokens = model.tokens(chosen)
        examples = Examples(model.encode(tokens), _targets(model, tokens, given))
        network = _in_double_precision(model.network)
        readings = _readings(network, examples, random_state)
        clipped = clipping(model, network, examples, random_state=random_state)
    config = model.network.config
    return GradientFlow(
        model.network.cell.name,
        *(config.readout, len(examples), n, labels is not None, readings, clipped),
    )


def why_without_states(model: Classifier) -> str | None:
    """Why a model has no gradient to follow, as the end of a sentence; None if it has one."""
    if isinstance(model, TextModel) and model.network.body.has_cell:
        return None
    kind = f"has the body {model.network.body.name}" if isinstance(model, TextModel) else BAG
    return (
        f"{kind}, which has no states that a gradient goes back through from word to word; "
        "give a recurrent network, as textrnn train makes one."
    )


def _drawn(
    texts: list[Text], labels: Sequence[Any] | None, limit: int | None, random_state: int
) -> tuple[list[Text], list[Any] | None, int]:
    """Some of the texts in their order, their labels, and how many texts there were."""
    if not texts:
        raise DataError("there are no texts to follow a gradient through; give at least one.")
    if labels is not None and len(labels) != len(texts):
        raise UsageError(f"there are {len(texts):,} texts, but {len(labels):,} labels.")
    if limit is not None and limit < 1:
        raise UsageError(Parameter("limit"), f" is {limit}, but must be 1 or more.")
    rows = np.arange(len(texts))
    if limit is not None and limit < len(texts):
        rows = np.sort(np.random.default_rng(random_state).choice(rows, limit, replace=False))
    places = rows.tolist()
    given = None if labels is None else [labels[i] for i in places]
    return [texts[i] for i in places], given, len(texts)


def _targets(model: TextModel, tokens: EncodedTexts, labels: list[Any] | None) -> Targets:
    """What the loss is of: labels, or the model's own answers."""
    classes = [str(c) for c in model.classes]
    if isinstance(model, RegressionModel):
        if labels is None:
            return Targets.real(model.predict_logits(tokens)[:, 0] + 1.0)
        return Targets.real((np.asarray(labels, np.float64) - model.mean) / model.scale)
    if labels is None:
        answers = model.decide(model.predict_proba(tokens))
        if model.multilabel:
            return Targets.multilabel(answers)
        return Targets.hard(answers, len(classes))
    if model.multilabel:
        return Targets.multilabel(indicator([[str(x) for x in of] for of in labels], classes))
    return Targets.hard(number_classes([str(x) for x in labels], classes), len(classes))


def _in_double_precision(network: Network) -> Network:
    params: Params = {name: value.astype(np.float64) for name, value in network.params.items()}
    return Network(replace(network.config, dtype="float64"), params)


def _readings(network: Network, examples: Examples, random_state: int) -> tuple[Reading, ...]:
    """Of each layer and direction, those of the top layer first."""
    texts = examples.texts
    layers = [_Layer(network, number) for number in range(network.config.num_layers)]
    is_chosen = _chosen_steps(texts, random_state)
    batches = length_batches(texts.lengths, max_documents=MAX_DOCUMENTS, max_tokens=MAX_TOKENS)
    for rows in batches:
        batch = network.pack_rows(texts.ids, texts.starts, rows)
        targets = examples.targets.take(rows)
        logits, cache = network.forward(batch)
        check_finite(logits, "some texts")
        carried = carried_norms(network, batch, cache, targets)
        whole = whole_norms(network, batch, logits, cache, targets)
        of_batch = is_chosen[texts.tokens_of(rows)]
        for layer, norms, of_whole, found in zip(
            layers, carried, whole, cache.body.layers, strict=True
        ):
            layer.add(norms, of_whole, batch)
            layer.jacobians.add(found.trace, batch, of_batch[batch.places])
            for gates in layer.gates:
                gates.add(found.trace)
    return tuple(reading for layer in reversed(layers) for reading in layer.readings())


def _chosen_steps(texts: EncodedTexts, random_state: int) -> Bools:
    """The tokens, none of them a text's first, at which singular values are found, (N,)."""
    is_chosen = np.ones(texts.n_tokens, dtype=bool)
    is_chosen[texts.starts[:-1]] = False
    there = np.flatnonzero(is_chosen)
    if len(there) > STEPS:
        drawn = np.random.default_rng(random_state).choice(there, STEPS, replace=False)
        is_chosen[:] = False
        is_chosen[drawn] = True
    return is_chosen


class _Layer:
    """What is collected of one layer, batch after batch."""

    def __init__(self, network: Network, number: int) -> None:
        cell, S = network.cell, network.config.n_directions
        self._number, self._names = number, cell.carried_names
        # At distance 0 the readout's gradient is that of h alone, which no other state has met.
        first = min(len(cell.carried_names) - 1, 1)
        self._slopes = [Slopes(first) for _ in range(S)]
        self._carried = [{name: ByDistance() for name in cell.carried_names} for _ in range(S)]
        self._whole = [ByDistance() for _ in range(S)]
        self.gates = [Gates(cell, s) for s in range(S)]
        self.jacobians = Jacobians(cell, network.layer(number))

    def add(self, carried: dict[str, Floats], whole: dict[str, Floats], batch: PackedBatch) -> None:
        """Take in the norms of a batch, (S, N) by state."""
        for s, slopes in enumerate(self._slopes):
            for name, means in self._carried[s].items():
                norms = by_distance(carried[name][s], batch)
                means.add(norms)
                if name == "h":
                    slopes.add(norms)
            self._whole[s].add(by_distance(whole["h"][s], batch))

    def readings(self) -> list[Reading]:
        """Of each direction."""
        return [self._reading(s) for s in range(len(self._slopes))]

    def _reading(self, s: int) -> Reading:
        of_h, decay = self._carried[s]["h"], self._slopes[s].decay
        return Reading(
            layer=self._number,
            direction=DIRECTIONS[s],
            distance=list(range(len(of_h.texts))),
            norm=of_h.means.tolist(),
            left=of_h.left.tolist(),
            whole=self._whole[s].means.tolist(),
            texts=of_h.texts.tolist(),
            gone=of_h.gone.tolist(),
            states={name: means.means.tolist() for name, means in self._carried[s].items()},
            decay=decay,
            memory_length=memory_length(decay),
            tenth_after=next((d for d, left in enumerate(of_h.left) if left <= LEFT), None),
            singular_values=self.jacobians.of_h(s),
            state_singular_values=self.jacobians.of_all(s),
            gates=self.gates[s].activity(),
        )
