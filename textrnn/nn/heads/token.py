"""An answer at every token: of its outputs in all directions, which are put back beside it."""

from __future__ import annotations

from typing import Any

import numpy as np

from textrnn.nn.directions import by_token, by_token_backward
from textrnn.nn.heads.base import AllOutputs, Head, RunningFeatures
from textrnn.nn.packed import PackedBatch
from textrnn.nn.poolings import Last, PoolingGradients, Running
from textrnn.typing import Floats, Ints, Params


class TokenHead(Head):
    """Answers at every step: logits (N, C), tokens in the order of the batch's rows.

    With one loss over all of them the gradient is accumulated from the last step to the first
    before anything is updated. ``PackedBatch.places`` puts targets into that order.
    """

    answers_texts = False
    is_local = True

    def features(self, h: Floats, batch: PackedBatch, params: Params) -> tuple[Floats, None]:
        del params
        return by_token(h, batch), None

    def features_backward(
        self, d_features: Floats, parts: None, batch: PackedBatch, params: Params
    ) -> PoolingGradients:
        del parts, params
        return PoolingGradients(by_token_backward(d_features, batch, self.n_directions), None, {})

    def running(self, batch: PackedBatch, dtype: np.dtype[Any], params: Params) -> RunningFeatures:
        return AllOutputs(self, batch, dtype, params)

    def so_far(self, dtype: np.dtype[Any], params: Params) -> Running:
        return Last().running((self.n_directions, 1, self.hidden_size), dtype, params)

    def of_document(self, h: Floats, params: Params) -> Floats:
        del params
        return np.concatenate([h[0], *h[1:, ::-1]], axis=1)

    def places(self, batch: PackedBatch) -> Ints:
        return batch.places

    def in_order(self, logits: Floats, batch: PackedBatch) -> Floats:
        return logits[np.argsort(batch.places)]
