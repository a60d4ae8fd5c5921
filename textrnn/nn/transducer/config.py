"""What fixes the shapes of a transducer: an encoder, a decoder, and the attention between them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from textrnn.nn.bodies import Recurrent
from textrnn.nn.cells import CELLS, Cell
from textrnn.nn.inputs import EMBEDDING, Embedding
from textrnn.typing import Params
from textrnn.wording.quoting import listed, quoted

ENCODER, DECODER = "encoder.", "decoder."
"""Before the names of the parameters of each."""


@dataclass(frozen=True)
class TransducerConfig:
    """Everything that fixes the shapes of a transducer.

    Each vocabulary has one mark above its words, the highest id. It stands behind every source;
    of a target it is read at the beginning and predicted at the end.

    Attributes:
        source_vocabulary_size: words of the sources, the unknown word and the mark included.
        target_vocabulary_size: the same of the targets.
        embedding_dim: D, of words of both sides.
        cell: a name in ``CELLS``, of the encoder and of the decoder.
        hidden_size: H of the decoder, and of each direction of the encoder.
        num_layers: of the encoder; the decoder has one.
        bidirectional: whether the encoder reads in both directions.
        attention_size: A, the width of the hidden layer that weighs words of the source.
        dtype: ``"float32"`` for work, ``"float64"`` for proof.
    """

    source_vocabulary_size: int
    target_vocabulary_size: int
    embedding_dim: int
    cell: str
    hidden_size: int
    num_layers: int
    bidirectional: bool
    attention_size: int
    dtype: str

    def __post_init__(self) -> None:
        """Refuse sizes that nothing can be made of.

        Raises:
            ValueError: there is no such cell or dtype, or a size is not positive; a vocabulary has
                at least an unknown word and the mark.
        """
        if self.cell not in CELLS:
            raise ValueError(f"cell is {quoted(self.cell)}, not one of {listed(CELLS)}")
        if self.dtype not in ("float32", "float64"):
            raise ValueError(f"dtype is {quoted(self.dtype)}, neither float32 nor float64")
        least = {"source_vocabulary_size": 2, "target_vocabulary_size": 2}
        for name, size in asdict(self).items():
            if type(size) is int and size < least.get(name, 1):
                raise ValueError(f"{name} is {size}, not at least {least.get(name, 1)}")

    @property
    def source_end(self) -> int:
        """The mark behind a source."""
        return self.source_vocabulary_size - 1

    @property
    def target_end(self) -> int:
        """The mark that a target begins with as it is read, and ends with as it is written."""
        return self.target_vocabulary_size - 1

    @property
    def n_directions(self) -> int:
        """S of the encoder."""
        return 2 if self.bidirectional else 1

    @property
    def n_outputs(self) -> int:
        """F, the width of the encoder's outputs in all directions together."""
        return self.n_directions * self.hidden_size

    def to_dict(self) -> dict[str, Any]:
        """All values."""
        return asdict(self)

    def make_cell(self) -> Cell:
        return CELLS[self.cell]

    def make_encoder(self, params: Params | None = None) -> Recurrent:
        """What reads the sources, over parameters named without ``ENCODER`` if there are any."""
        return Recurrent(
            Embedding(self.source_vocabulary_size, self.embedding_dim),
            {} if params is None else params,
            cell=self.make_cell(),
            hidden_size=self.hidden_size,
            num_layers=self.num_layers,
            n_directions=self.n_directions,
            dtype=np.dtype(self.dtype),
        )

    def make_decoder_input(self) -> Embedding:
        """What the decoder reads beside the context: the word before."""
        return Embedding(self.target_vocabulary_size, self.embedding_dim)

    def tables(self) -> tuple[str, ...]:
        """Names of the parameters of which a batch touches only its words' rows."""
        return ENCODER + EMBEDDING, DECODER + EMBEDDING

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Name and shape of every parameter."""
        D, H, A, F = self.embedding_dim, self.hidden_size, self.attention_size, self.n_outputs
        C = self.target_vocabulary_size
        cell = self.make_cell()
        encoder = self.make_encoder().shapes()
        decoder = self.make_decoder_input().shapes() | cell.shapes(1, D + F, H)
        return {
            **{ENCODER + name: shape for name, shape in encoder.items()},
            **{DECODER + name: shape for name, shape in decoder.items()},
            "initial.W": (len(cell.carried_names), F, H),
            "initial.b": (len(cell.carried_names), H),
            "attention.state.W": (H, A),
            "attention.source.W": (F, A),
            "attention.b": (A,),
            "attention.context": (A,),
            "readout.W": (H + F, H),
            "readout.b": (H,),
            "linear.weight": (H, C),
            "linear.bias": (C,),
        }

    def initialise(self, rng: np.random.Generator) -> Params:
        """Draw all parameters.

        Those of the encoder and the decoder's cell as in other networks; else Glorot-uniform
        weights and zero biases.
        """
        dtype, shapes = np.dtype(self.dtype), self.shapes()
        cell, D = self.make_cell(), self.embedding_dim
        encoder = self.make_encoder().initialise(rng)
        of_cell = cell.shapes(1, D + self.n_outputs, self.hidden_size)
        decoder = self.make_decoder_input().initialise(rng, dtype, None)
        decoder |= cell.initialise(rng, of_cell, dtype)
        params = {ENCODER + name: value for name, value in encoder.items()}
        params |= {DECODER + name: value for name, value in decoder.items()}
        for name, shape in shapes.items():
            if name in params:
                continue
            if name.endswith((".b", ".bias")):
                params[name] = np.zeros(shape, dtype)
                continue
            bound = np.sqrt(6.0 / (shape[-2] + shape[-1] if len(shape) > 1 else shape[0] + 1))
            params[name] = rng.uniform(-bound, bound, shape).astype(dtype)
        return params
