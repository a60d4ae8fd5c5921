"""Small networks to look into: one layer that reads left to right and answers at the last state."""

from __future__ import annotations

from typing import Any

from textrnn.nn.config import NetworkConfig


def network_config(
    n_classes: int,
    vocabulary_size: int,
    embedding_dim: int | None = 100,
    cell: str | None = "lstm",
    hidden_size: int = 64,
    num_layers: int = 1,
    bidirectional: bool = False,
    readout: str = "last",
    dtype: str = "float32",
    **more: Any,
) -> NetworkConfig:
    """The simplest network that there is, with some changes; the package has no such default."""
    return NetworkConfig(
        n_classes,
        vocabulary_size,
        embedding_dim,
        cell,
        hidden_size,
        num_layers,
        bidirectional,
        readout,
        dtype,
        **more,
    )
