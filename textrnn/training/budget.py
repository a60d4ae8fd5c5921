"""A training that must end in time: how many steps fit, and when the time is over.

The number of steps is fixed before the first one, so that the learning rate ends its decay
where the run ends. It follows from a rehearsal (``training.rehearsal``).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

MARGIN = 0.05
"""Of the time left that is kept for steps which take longer than those rehearsed."""


@dataclass(frozen=True)
class Deadline:
    """A moment of a clock.

    Attributes:
        end: when the time is over.
        clock: seconds since some moment; never goes back.
    """

    end: float
    clock: Callable[[], float] = time.perf_counter

    def left(self) -> float:
        """Seconds to go; negative once the time is over."""
        return self.end - self.clock()

    def sooner(self, seconds: float) -> Deadline:
        """The same, less time for what is to be done afterwards."""
        return replace(self, end=self.end - seconds)


@dataclass(frozen=True)
class Pace:
    """Seconds of one step, and of one validation with what callbacks do after it."""

    step: float
    validation: float


def steps_that_fit(seconds: float, pace: Pace, steps_an_epoch: int) -> int:
    """Steps for which there is time if each epoch, also the last part of one, is validated.

    At least one.
    """
    epoch = steps_an_epoch * pace.step + pace.validation
    epochs, rest = divmod(max(seconds, 0.0), max(epoch, 1e-9))
    part = (rest - pace.validation) / max(pace.step, 1e-9)
    return max(int(epochs) * steps_an_epoch + max(int(part), 0), 1)
