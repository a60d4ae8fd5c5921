"""What can be hooked into a training run: at its start, after a batch, an epoch, the end."""

from __future__ import annotations

from textrnn.training.state import Run


class Callback:
    """Base of all callbacks; each hook does nothing unless overridden.

    The run is handed to every hook: its ``state`` (epoch, history, best weights), its
    ``network`` and ``config`` are there to be read. ``run.stop(reason)`` ends it.
    """

    def on_start(self, run: Run) -> None:
        """Before the first batch of a run, new or resumed."""

    def on_rehearsal(self, run: Run) -> None:
        """Where the clock plans the steps: what takes as long as ``on_epoch``, without a trace."""

    def on_batch(self, run: Run) -> None:
        """After the weights have changed; ``run.progress`` tells how far the epoch is."""

    def on_epoch(self, run: Run) -> None:
        """After an epoch and its validation; ``run.state.history[-1]`` is its record."""

    def on_student(self, n_texts: int) -> None:
        """Before another run, in which a student learns from the finished classifier, too.

        ``n_texts`` have no labels but the classifier's.
        """

    def on_end(self, run: Run) -> None:
        """After the last epoch, an early stop or an interruption, best weights restored."""
