"""The same classifier in Keras on TensorFlow, as its tutorials write it: padded, masked."""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from collections.abc import Sequence
from typing import Any

import numpy as np

from textrnn.nn.config import NetworkConfig
from textrnn.typing import Ids, Ints

PADDED_LENGTH = 500


class KerasTrainer:
    """Adam steps over texts padded to 500, in Keras's own loop."""

    def __init__(self, config: NetworkConfig, learning_rate: float) -> None:
        import keras

        keras.utils.set_random_seed(0)
        layers: list[Any] = [
            keras.layers.Embedding(
                config.vocabulary_size + 1, config.embedding_dim, mask_zero=True
            ),
            keras.layers.LSTM(config.hidden_size),
            keras.layers.Dense(config.n_classes),
        ]
        self.model = keras.Sequential(layers)
        self.model.compile(
            optimizer=keras.optimizers.Adam(learning_rate),
            loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        )

    def epoch(self, documents: Sequence[Ids], targets: Ints, batch_size: int) -> None:
        """One pass over all documents. Id 0 is Keras's padding, so ours move up by one."""
        ids = np.zeros((len(documents), PADDED_LENGTH), dtype=np.int32)
        for row, document in enumerate(documents):
            ids[row, : len(document)] = document + 1
        self.model.fit(ids, targets, batch_size=batch_size, epochs=1, verbose=0)
