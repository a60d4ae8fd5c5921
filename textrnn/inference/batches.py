"""Prediction over any number of encoded texts, in batches of like length."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from weakref import WeakKeyDictionary

import numpy as np

from textrnn.errors import UsageError
from textrnn.nn.incremental import DocumentReader
from textrnn.nn.network import Network
from textrnn.nn.workspace import Workspace
from textrnn.system.blas import one_blas_thread
from textrnn.text.encoded import EncodedTexts
from textrnn.typing import Floats, Ints

MAX_DOCUMENTS = 256
MAX_TOKENS = 131_072
"""Bounds of a batch: wide enough for fast products, and of memory. Reading keeps no trace, so
that tokens cost little memory; a quarter of them took a sixth longer over long reviews."""


def length_batches(
    lengths: Ints, *, max_documents: int = MAX_DOCUMENTS, max_tokens: int = MAX_TOKENS
) -> Iterator[Ints]:
    """Group documents of like length: arrays of their positions, longest documents first.

    A batch holds at most ``max_documents`` and at most ``max_tokens`` tokens, unless
    one document alone has more.
    """
    order = np.argsort(-lengths, kind="stable")
    start = 0
    while start < len(order):
        # The first document of a batch is its longest: bound tokens by its length.
        fits = max(1, max_tokens // max(int(lengths[order[start]]), 1))
        stop = start + min(fits, max_documents)
        yield order[start:stop]
        start = stop


def predict_proba(
    network: Network, texts: EncodedTexts, workspace: Workspace | None = None
) -> Floats:
    """Class probabilities of encoded texts, shape (n, C); see ``predict_logits``."""
    return network.config.output.probabilities(predict_logits(network, texts, workspace))


def predict_logits(
    network: Network, texts: EncodedTexts, workspace: Workspace | None = None
) -> Floats:
    """Logits of texts with ids of the network's vocabulary, shape (n, C), in the given order.

    A workspace is worth giving where many calls follow each other.

    Raises:
        UsageError: the network's head does not answer once a text.
    """
    check_answers_texts(network)
    out = np.empty((len(texts), network.config.n_classes), dtype=network.dtype)
    lengths = texts.lengths
    workspace = workspace or Workspace()
    with one_blas_thread():
        if len(texts) == 1 and lengths[0] <= (network.config.segment_length or lengths[0]):
            out[0] = _KEPT.reader(network).predict_logits(texts.ids_of(0))
            return out
        for rows in length_batches(lengths):
            packed = network.pack_rows(texts.ids, texts.starts, rows, texts.forms)
            out[rows] = network.predict_logits(packed, workspace)
    return out


def check_answers_texts(network: Network) -> None:
    """Raise UsageError where a head answers at every token: ``Network`` alone serves it."""
    if not network.head.answers_texts:
        raise UsageError(
            f"the {network.config.head} head answers at every token; texts are trained on and "
            "predicted with one answer each. Call the network itself."
        )


class _KeptReaders(threading.local):
    """Readers of single documents: they have a state, so each thread has its own."""

    def __init__(self) -> None:
        self._readers: WeakKeyDictionary[Network, DocumentReader] = WeakKeyDictionary()

    def reader(self, network: Network) -> DocumentReader:
        """A reader, kept for the next call if the network's weights cannot change."""
        if not network.is_frozen:
            return DocumentReader(network)
        reader = self._readers.get(network)
        if reader is None:
            reader = self._readers[network] = DocumentReader(network)
        return reader


_KEPT = _KeptReaders()
