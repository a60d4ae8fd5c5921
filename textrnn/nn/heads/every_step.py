"""An answer after every word of what was read so far, over the parameters of the text head.

At a text's last word it is that head's answer; before it, what a stream answers. So a network is
trained to answer early, and stays the network that it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from textrnn.nn.directions import by_direction, side_by_side
from textrnn.nn.heads.base import AllOutputs, RunningFeatures
from textrnn.nn.heads.text import TextHead
from textrnn.nn.one_way import why_not_one_way
from textrnn.nn.packed import PackedBatch
from textrnn.nn.poolings import POOLINGS, Pooling, PoolingGradients
from textrnn.typing import Floats, Ints, Params
from textrnn.wording.messages import Message, Parameter
from textrnn.wording.quoting import quoted

if TYPE_CHECKING:
    from textrnn.nn.dropout import Dropout


class EveryStepHead(TextHead):
    """Pools what was read so far: logits (N, C), answers in the order of the batch's rows.

    Of one direction, and of documents that are read whole.
    """

    def mask(self, dropout: Dropout, features: Floats, batch: PackedBatch) -> Floats | None:
        """One for each text, which it keeps at all its words: the network that reads it is one."""
        shape = (batch.n_sequences, features.shape[1])
        mask = dropout.of_readout(shape, features.dtype)
        return None if mask is None else mask[batch.documents]

    def features(self, h: Floats, batch: PackedBatch, params: Params) -> tuple[Floats, Any]:
        vectors, cache = self.pooling.every_step(h, batch, params)
        return side_by_side(vectors), cache

    def features_backward(
        self, d_features: Floats, parts: Any, batch: PackedBatch, params: Params
    ) -> PoolingGradients:
        d_vectors = by_direction(d_features, self.n_directions)
        return self.pooling.every_step_backward(d_vectors, parts, batch, params)

    def running(self, batch: PackedBatch, dtype: np.dtype[Any], params: Params) -> RunningFeatures:
        return AllOutputs(self, batch, dtype, params)

    def of_document(self, h: Floats, params: Params) -> Floats:
        so_far = self.so_far(h.dtype, params)
        found = []
        for t in range(h.shape[1]):
            so_far.add(h[:, t : t + 1])
            found.append(so_far.value(np.array([t + 1])).reshape(-1).copy())  # it goes on
        return np.stack(found)

    def places(self, batch: PackedBatch) -> Ints:
        # A text has one target for all its answers.
        return batch.order[batch.documents]

    def in_order(self, logits: Floats, batch: PackedBatch) -> Floats:
        return logits[np.argsort(batch.places)]


def why_not_every_step(
    *, bidirectional: bool, segment_length: int | None, readout: str
) -> Message | None:
    """Why a network of such settings cannot learn from an answer after every word; None if it can.

    Whoever reads the message is told first what they asked for.
    """
    reason = why_not_one_way(bidirectional=bidirectional, segment_length=segment_length)
    if reason is not None:
        return reason
    if type(POOLINGS[readout]).every_step is Pooling.every_step:
        return Message(
            f"the pooling {quoted(readout)} has no backward pass at every word (every_step); give "
            "it one, or choose another ",
            Parameter("readout"),
            ".",
        )
    return None
