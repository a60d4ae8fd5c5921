"""The average of the weights over the updates of a run (Polyak and Juditsky 1992).

An exponential moving average, corrected for its start so that the first weights do not
count for more than later ones: after n updates the weights after update i have a share in
proportion to ``decay ** (n - i)``.

Of a table a batch changes a few rows. A row that rests pulls its average nearer at each
update all the same; how far, over k updates, is one power of ``decay``. So a row's average
is brought up to date only when the row is about to change, or when all is asked for: the
result is that of averaging everything at every update.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from textrnn.nn.gradients import Gradients, RowGradient
from textrnn.typing import Floats, Ints, Params


class WeightAverage:
    """Average of parameters that change step by step.

    Args:
        params: as they are before the first update.
        decay: from 0 to below 1; the average is over some ``1 / (1 - decay)`` updates.
        tables: names of the parameters that change by rows.
    """

    def __init__(self, params: Params, decay: float, tables: Collection[str] = ()) -> None:
        self.decay = decay
        self.n_updates = 0
        self.values = {name: value.copy() for name, value in params.items()}
        # Up to which update the average goes: of each row of a table, of all else as a whole.
        self._up_to = {
            name: np.zeros(len(value) if name in tables else 1, dtype=np.int64)
            for name, value in params.items()
        }

    def before_update(self, params: Params, gradients: Gradients) -> None:
        """Take in what the next update will change; call it before each one."""
        for name, gradient in gradients.items():
            rows = gradient.rows if isinstance(gradient, RowGradient) else slice(None)
            self._take_in(name, params[name], rows)
        self.n_updates += 1

    def of(self, params: Params) -> Params:
        """The average up to now, which is valid until the next update."""
        for name, value in params.items():
            self._take_in(name, value, slice(None))
        return self.values

    def restore(self, values: Params, n_updates: int) -> None:
        """Take up what ``of`` returned after so many updates."""
        self.n_updates = n_updates
        for name, value in values.items():
            self.values[name][...] = value
            self._up_to[name][...] = n_updates

    def _take_in(self, name: str, value: Floats, rows: Ints | slice) -> None:
        """Take in the weights of all updates in which these rows have rested."""
        if self.n_updates == 0:
            return
        average, up_to = self.values[name], self._up_to[name]
        rested = self.n_updates - up_to[rows]
        share = (1.0 - self.decay**rested) / (1.0 - self.decay**self.n_updates)
        share = share.astype(value.dtype).reshape(-1, *[1] * (value.ndim - 1))
        before = average[rows]
        average[rows] = before + share * (value[rows] - before)
        up_to[rows] = self.n_updates
