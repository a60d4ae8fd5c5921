"""The gradient of some documents of a batch: what a worker computes, or the only process."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from textrnn.nn.dropout import Dropout
from textrnn.nn.gradients import Gradients, copied, values_of
from textrnn.nn.network import Network
from textrnn.nn.packed import PackedBatch
from textrnn.nn.workspace import Workspace
from textrnn.training.batching import drop_to_unknown
from textrnn.typing import Floats, Ids, Ints


@dataclass(frozen=True)
class LabelledDocuments:
    """Encoded documents with their classes.

    Attributes:
        documents: token ids of each.
        targets: class numbers, shape (n,), or ones and zeros, (n, C), for many labels; or what
            a teacher holds probable, (n, C).
        weights: weight of each document in the loss, shape (n,), or None for ones.
    """

    documents: Sequence[Ids]
    targets: Ints
    weights: Floats | None = None

    def __len__(self) -> int:
        return len(self.documents)


@dataclass(frozen=True)
class Regularisation:
    """What chance does to a text in training, and where its way back ends.

    Attributes:
        dropout_input: rate, see ``Dropout``.
        dropout_readout: rate, see ``Dropout``.
        unknown_probabilities: chance of each word to become the unknown word, (V,), or None.
        gradient_floor: see ``nn.recurrent.backward``.
        frozen: names of parameters that get no gradient.
        dropout_recurrent: rate, see ``Dropout``.
        dropout_embedding: rate, see ``Dropout``.
        label_smoothing: see ``nn.losses``.
        adversarial: how far word vectors are moved against the text, see ``adversary``.
    """

    dropout_input: float = 0.0
    dropout_readout: float = 0.0
    unknown_probabilities: Floats | None = None
    gradient_floor: float = 0.0
    frozen: tuple[str, ...] = ()
    dropout_recurrent: float = 0.0
    dropout_embedding: float = 0.0
    label_smoothing: float = 0.0
    adversarial: float = 0.0

    def dropout(self, rng: np.random.Generator) -> Dropout:
        """The dropout of one pass."""
        return Dropout(
            input=self.dropout_input,
            readout=self.dropout_readout,
            recurrent=self.dropout_recurrent,
            embedding=self.dropout_embedding,
            rng=rng,
        )


class BatchSums(NamedTuple):
    """Sums over the documents of a batch, or of a worker's part of it."""

    loss: float
    correct: float
    """Documents, or of many labels a document their shares, that are right."""
    tokens: int
    walked: int
    """Tokens that the way back passed before the gradient was gone, in the top layer."""


def batch_gradient(
    network: Network,
    data: LabelledDocuments,
    rows: Ints,
    regularisation: Regularisation,
    *,
    batch_size: int,
    rng: np.random.Generator,
    workspace: Workspace,
) -> tuple[BatchSums, Gradients]:
    """Forward and backward over the documents at ``rows``.

    Args:
        network: its parameters are read only.
        data: all documents.
        rows: positions of this part of the batch.
        regularisation: dropout and the like.
        batch_size: documents of the whole batch; the gradient is that of these
            documents' share of its mean loss.
        rng: the source of chance.
        workspace: buffers; the gradient is valid until the next pass there.
    """
    documents = [data.documents[i] for i in rows.tolist()]
    unknown = regularisation.unknown_probabilities
    if unknown is not None:
        documents = [drop_to_unknown(ids, unknown, rng) for ids in documents]
    batch = network.pack(documents)
    order = rows[batch.order]
    targets = data.targets[order]
    weights = None if data.weights is None else data.weights[order]

    output = network.config.output

    def there_and_back(moved: Floats | None) -> tuple[float, Floats, Gradients, int]:
        dropout = regularisation.dropout(rng)
        logits, cache = network.forward(batch, dropout=dropout, moved=moved, workspace=workspace)
        loss, d_logits = output.loss(
            logits,
            targets,
            weights,
            batch_size=batch_size,
            label_smoothing=regularisation.label_smoothing,
        )
        floor = regularisation.gradient_floor
        gradients = network.backward(d_logits, cache, gradient_floor=floor)
        return loss, logits, gradients, cache.walked[0]

    loss, logits, gradients, walked = there_and_back(None)
    if regularisation.adversarial > 0.0:
        gradients = {name: copied(gradient) for name, gradient in gradients.items()}
        moved = adversary(network, batch, gradients, regularisation.adversarial)
        _, _, of_moved, _ = there_and_back(moved)
        for name, gradient in of_moved.items():
            mean = values_of(gradients[name])
            mean += values_of(gradient)
            mean *= 0.5
    for name in regularisation.frozen:
        gradients.pop(name, None)
    correct = float(output.right(logits, targets).sum())
    return BatchSums(loss * batch_size, correct, batch.n_tokens, walked), gradients


def adversary(
    network: Network, batch: PackedBatch, gradients: Gradients, size: float
) -> Floats | None:
    """How a batch's word vectors move so that the loss grows fastest (Miyato et al. 2017).

    There each place of a text moves by itself, and vectors are normalised so that the network
    cannot escape by making them longer. Here a word moves as a whole, which costs nothing more
    where its product is shared by all its places, and by a share of the vectors' own length.

    Args:
        network: the network.
        batch: some documents.
        gradients: of the loss on them.
        size: length of the whole move over that of all vectors together.

    Returns:
        What is added to the rows of the distinct words, or None where the gradient is zero.
    """
    (table,) = network.config.tables()
    direction = values_of(gradients[table])
    length = float(np.linalg.norm(direction))
    if not 0.0 < length < np.inf:
        return None
    vectors = network.params[table][batch.distinct]
    scale = size * float(np.linalg.norm(vectors)) / length
    moved: Floats = direction * direction.dtype.type(scale)
    return moved
