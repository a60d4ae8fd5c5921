"""Real-time recurrent learning (Williams and Zipser 1989): the gradient of BPTT, carried forward.

A batch is read once, and its states and gates are kept as for backpropagation through time, so that
it is known what every output does to the loss, whatever readout and loss there are. Then the
influence of every parameter on the state is carried along what is kept, from each first word on
(``nn/influence.py``). What it finds is the gradient that backpropagation through time finds. It is
for small networks: a word costs O(M² P), of M states and P parameters. The influences do not grow
with the length of a text but for its distinct words; what is kept of the batch does.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import numpy as np

from textrnn.errors import UsageError
from textrnn.nn.gradients import add_gradients
from textrnn.nn.influence import COPIES, influence_backward
from textrnn.nn.network import Network
from textrnn.system.telling import warn
from textrnn.training.config import TrainingConfig
from textrnn.training.examples import Examples
from textrnn.training.lesson import ONCE, make_lesson
from textrnn.training.regularisation import Regularisation
from textrnn.training.step import Batch, Told
from textrnn.wording.messages import Advice, Message, Parameter, Setting

FLOPS = 1e9
"""Operations a second that are counted on."""
LONG = 3_600.0
"""Seconds from which on a training is warned of."""
LARGEST = 2**30
"""Bytes of one text's influences that are too many."""


@dataclass(frozen=True)
class RTRL:
    """The exact gradient of a batch's loss, found without going back.

    Attributes:
        regularisation: dropout and the like.
        frozen: names of parameters that get no gradient.
        loss: which answers are corrected, see ``lesson``.
    """

    regularisation: Regularisation = field(default_factory=Regularisation)
    frozen: tuple[str, ...] = ()
    loss: str = ONCE
    is_online: ClassVar[bool] = False

    @classmethod
    def configured(
        cls, config: TrainingConfig, regularisation: Regularisation, dtype: np.dtype[Any]
    ) -> Self:
        """The rule of a training; see ``rules.RULES``."""
        del dtype
        return cls(regularisation, config.frozen, config.loss)

    def steps(self, network: Network, batch: Batch) -> Iterator[Told]:
        """Once: forward for outputs' gradients, then along the steps for those of parameters."""
        lesson = make_lesson(network, batch, self.regularisation, self.loss)
        lesson = lesson.sampled(self.regularisation.negatives, batch.rng)
        network, packed = lesson.network, lesson.packed
        dropout = self.regularisation.dropout(batch.rng)
        logits, cache = network.forward(packed, dropout=dropout, workspace=batch.workspace)
        smoothing = self.regularisation.label_smoothing
        loss, d_logits = lesson.loss(logits, label_smoothing=smoothing)
        d_outputs, d_last, of_head = network.head.backward(
            d_logits, cache.head, packed, network.params
        )
        d_h = np.zeros_like(cache.body.outputs) if d_outputs is None else d_outputs
        if d_last is not None:
            d_h[:, : packed.n_sequences] += d_last
        of_body = influence_backward(network.body, cache.body, d_h, frozen=self.frozen)
        gradients = add_gradients(of_head, of_body)
        for name in self.frozen:
            gradients.pop(name, None)
        yield lesson.sums(loss, logits, packed.n_tokens), gradients


def check_cost(config: TrainingConfig, network: Network, train: Examples) -> None:
    """Refuse what takes too much memory, and warn of what takes hours.

    Raises:
        UsageError: there are several layers, or the influences on the state of one text fill more
            than 1 GiB.
    """
    if network.config.num_layers > 1:
        raise UsageError(
            Setting("rule", "rtrl"),
            " is for one layer, as the influence of one on the next is not carried; give ",
            Setting("num_layers", 1),
            ".",
        )
    body, cell = network.body, network.cell
    shapes, H = cell.shapes(1, body.input.size or 0, body.width), body.width
    M = len(cell.carried_names) * H
    words = 0
    is_frozen = body.input.table in config.frozen and body.input.size is not None
    if body.input.table is not None and not is_frozen:
        words = min(int(train.texts.lengths.max()), body.input.vocabulary_size)  # type: ignore[attr-defined]
    P = sum(int(np.prod(shape)) for shape in shapes.values()) + words * cell.n_gates * H
    what = f"M² P a word, of {M:,} states and {P:,} parameters that act on them"
    remedy = Advice(
        "; choose a smaller ",
        Parameter("hidden_size"),
        " or ",
        Parameter("max_length"),
        ", or another ",
        Parameter("rule"),
    )
    kept = COPIES * network.dtype.itemsize * M * P
    if kept > LARGEST:
        told = f" keeps {COPIES} M P numbers of each text, here {kept / 2**30:.1f} GiB ({what})"
        raise UsageError(Setting("rule", "rtrl"), told, remedy, ".")
    seconds = 2.0 * M * M * P * train.texts.n_tokens * config.max_iter / FLOPS
    if seconds > LONG:
        told = f" takes {what}: with these texts some {seconds / 3600:.0f} hours"
        warn(Message(Setting("rule", "rtrl"), told, remedy))
