"""How a cell goes over a whole batch that need not take it one step after the other."""

from __future__ import annotations

from abc import ABC, abstractmethod

from textrnn.nn.packed import PackedBatch
from textrnn.nn.workspace import Workspace
from textrnn.typing import Floats, Ints, Params

CHECK_EVERY = 8
"""Words between two looks at whether a gradient is gone; each look costs a pass over it."""


class BatchPass(ABC):
    """One pass over a batch, with what its way back needs.

    It finds what the steps of the cell would, which are the reference that the tests compare it
    with.
    """

    @abstractmethod
    def __init__(
        self,
        weights: Params,
        batch: PackedBatch,
        *,
        gates: Floats,
        states: Params,
        initial: Params | None,
        read_before: Ints | None,
        workspace: Workspace,
    ) -> None:
        """Read the batch.

        Args:
            weights: from ``Cell.prepare_forward``.
            batch: the documents.
            gates: the input products, see ``Trace``.
            states: receive those after every word, (S, N, H) by name.
            initial: the carried states before each document's first word, (S, B, H); None is zeros.
            read_before: words of each document that were read before, (B,), if the cell needs it.
            workspace: where more is kept; it is valid until the next pass there.
        """

    @abstractmethod
    def backward(
        self,
        params: Params,
        *,
        d_outputs: Floats | None,
        d_states: Params,
        floor: float,
        d_gates: Floats,
    ) -> tuple[int, Params]:
        """Carry the gradient back.

        Args:
            params: of the layer.
            d_outputs: gradient of the outputs, (S, N, H), or None.
            d_states: gradients of the final states, (S, B, H) by name; replaced by those of the
                initial ones.
            floor: what is smaller may be left out, where ``d_outputs`` are None.
            d_gates: receives the gradient of what was in ``gates``, (K, S, N, H).

        Returns:
            How many rows have a gradient there, that of the others is zero: those of all steps,
            or of a multiple of ``CHECK_EVERY``. And the gradients of ``W_h`` and of parameters that
            only this cell has.
        """
