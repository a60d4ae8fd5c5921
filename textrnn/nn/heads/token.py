"""An answer at every token: of its outputs in all directions, which are put back beside it."""

from __future__ import annotations

from typing import Any

import numpy as np

from textrnn.nn.directions import by_token, by_token_backward
from textrnn.nn.heads.base import Head, RunningFeatures
from textrnn.nn.packed import PackedBatch
from textrnn.nn.poolings import Last, PoolingGradients, Running
from textrnn.typing import Floats, Ints, Params


class TokenHead(Head):
    """Answers at every step: logits (N, C), tokens in the order of the batch's rows.

    With one loss over all of them the gradient is accumulated from the last step to the first
    before anything is updated. ``PackedBatch.places`` puts targets into that order.
    """

    answers_texts = False

    def features(self, h: Floats, batch: PackedBatch, params: Params) -> tuple[Floats, None]:
        del params
        return by_token(h, batch), None

    def features_backward(
        self, d_features: Floats, parts: None, batch: PackedBatch, params: Params
    ) -> PoolingGradients:
        del parts, params
        return PoolingGradients(by_token_backward(d_features, batch, self.n_directions), None, {})

    def running(self, batch: PackedBatch, dtype: np.dtype[Any], params: Params) -> RunningFeatures:
        del params
        return _AllOutputs(np.empty((self.n_directions, batch.n_tokens, self.hidden_size), dtype))

    def so_far(self, dtype: np.dtype[Any], params: Params) -> Running:
        return Last().running((self.n_directions, 1, self.hidden_size), dtype, params)

    def of_document(self, h: Floats, params: Params) -> Floats:
        del params
        return np.concatenate([h[0], *h[1:, ::-1]], axis=1)

    def places(self, batch: PackedBatch) -> Ints:
        return batch.places

    def in_order(self, logits: Floats, batch: PackedBatch) -> Floats:
        return logits[np.argsort(batch.places)]


class _AllOutputs(RunningFeatures):
    """As there is an answer for each, all outputs are kept; they come from the last row up."""

    def __init__(self, h: Floats) -> None:
        self._h, self._missing = h, h.shape[1]

    def add(self, h: Floats) -> None:
        end, self._missing = self._missing, self._missing - h.shape[1]
        self._h[:, self._missing : end] = h

    def value(self, batch: PackedBatch) -> Floats:
        return by_token(self._h, batch)
