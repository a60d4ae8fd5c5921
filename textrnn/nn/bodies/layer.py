"""What a layer of a body is: outputs (S, N, H) made of the products of what it reads.

A layer knows nothing of words, vectors or the layers below: it begins with the *input products*
``scale * (x W_x + b)`` and gives their gradient back. It comes in three forms that agree: over a
batch, with a backward pass; over a batch, keeping nothing; and over one document, word by word.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from textrnn.nn.gradients import Gradients
from textrnn.nn.packed import PackedBatch
from textrnn.nn.recurrent import Watch
from textrnn.nn.workspace import Workspace
from textrnn.typing import Floats, Ints, Params

if TYPE_CHECKING:
    from textrnn.nn.cells import Reader
    from textrnn.nn.dropout import Dropout


class LayerGradients(NamedTuple):
    """What a layer's backward pass finds."""

    products: Floats
    """Of ``x W_x + b``, without ``scale``, of all rows of which there are products."""
    own: Params
    """Of its parameters, but for ``W_x`` and ``b``."""
    initial: Params
    """Of its initial states, (S, B, ...) by name, given or not."""
    unrolled: int
    """The rows that it went over."""


class Layer(ABC):
    """One layer, without its parameters.

    States go in and come out by their names, of shape (S, B, ...), documents in the batch's
    sorted order; None in place of initial states is zeros.

    Attributes:
        scale: factor on the products of each gate, (G, 1, 1, 1).
        width: H of the outputs in each direction.
    """

    scale: Floats
    width: int

    @abstractmethod
    def shapes(self, input_size: int) -> dict[str, tuple[int, ...]]:
        """Shape of each parameter over inputs of such a size: ``W_x`` (G, S, D, H), and more."""

    @abstractmethod
    def initialise(self, rng: np.random.Generator, input_size: int) -> Params:
        """Draw parameters of these shapes."""

    def of_inputs(self, weights: Params) -> Params:
        """``W_x``, and ``b`` (G, S, H), as the input products are made of them."""
        return weights

    def of_inputs_backward(self, gradients: Gradients) -> Gradients:
        """The gradients of its parameters, from those of what ``of_inputs`` returns."""
        return gradients

    def masks(self, weights: Params, dropout: Dropout) -> Params:
        """By name, what parameters are multiplied with in a step of training."""
        del weights, dropout
        return {}

    @abstractmethod
    def forward(
        self,
        weights: Params,
        products: Floats,
        indices: Ints,
        batch: PackedBatch,
        *,
        initial: Params | None = None,
        workspace: Workspace,
    ) -> tuple[Any, Params]:
        """Return what ``backward`` needs, of which ``h`` are the outputs, and the final states.

        Args:
            weights: its parameters.
            products: ``scale * (x W_x + b)`` of all that is read, (G, S, U or N, H).
            indices: for each direction and row the place of its products, (S, N); those of the
                second direction of the mirrored documents.
            batch: the documents.
            initial: the states to begin with.
            workspace: where all of it is kept; it is valid until the next pass there.
        """

    @abstractmethod
    def read(
        self,
        weights: Params,
        products: Floats,
        indices: Ints,
        batch: PackedBatch,
        take_in: Callable[[Floats], None],
        *,
        initial: Params | None = None,
        workspace: Workspace,
    ) -> Params:
        """The same without a backward pass; return the final states.

        ``take_in`` is called after every step, from the documents' first words on, with the
        outputs (S, n, H) of the n documents that have begun; later steps overwrite them.
        """

    @abstractmethod
    def backward(
        self,
        weights: Params,
        trace: Any,
        indices: Ints,
        batch: PackedBatch,
        *,
        n_products: int,
        d_outputs: Floats | None,
        d_last: Floats | None,
        d_final: Params | None,
        gradient_floor: float,
        watch: Watch | None,
        workspace: Workspace,
    ) -> LayerGradients:
        """Take back the gradients of what ``forward`` made.

        Args:
            weights: of the forward pass.
            trace: which it returned.
            indices: of it.
            batch: the documents.
            n_products: rows of which there were products.
            d_outputs: gradient of the outputs, (S, N, H), or None.
            d_last: gradient of the documents' last outputs alone, (S, B, H), or None.
            d_final: gradients of final states, or of some of them, by name; None is zeros.
            gradient_floor: what is so small a share of the first gradient may be left out, see
                ``recurrent.backward``.
            watch: sees the gradient of the states at every step, if there are any.
            workspace: of the forward pass.
        """

    @abstractmethod
    def reader(self, weights: Params, direction: int) -> Reader:
        """What reads one document a word at a time, in one direction."""
