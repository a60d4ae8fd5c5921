"""The same classifier in PyTorch, in the three idioms its users choose from.

``padded``: every text cut or padded to 500, as in many tutorials. ``bucketed``: like
lengths together, padded to the longest of the batch. ``packed``: the same with
``pack_padded_sequence``, which computes no padding and is exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence

from textrnn.nn.network import Network
from textrnn.typing import Ids, Ints

IDIOMS = ("padded", "bucketed", "packed")
PADDED_LENGTH = 500
KINDS: dict[str, Any] = {
    "rnn": nn.RNN,
    "rnn_relu": partial(nn.RNN, nonlinearity="relu"),
    "lstm": nn.LSTM,
    "gru": nn.GRU,
}
"""The cells that PyTorch has, by our names."""
ORDERS = {"rnn": [0], "rnn_relu": [0], "lstm": [0, 1, 3, 2], "gru": [0, 1, 2]}
"""Where PyTorch's gates stand among ours: of the LSTM ours are i, f, o, g, theirs i, f, g, o."""


class TorchClassifier(nn.Module):
    """Embedding, recurrent layer, readout, linear layer."""

    def __init__(self, network: Network, idiom: str) -> None:
        super().__init__()
        config = network.config
        self.idiom, self.readout = idiom, config.readout
        assert config.embedding_dim is not None
        self.embedding = nn.Embedding(config.vocabulary_size + 1, config.embedding_dim)
        self.recurrent = KINDS[network.cell.name](
            config.embedding_dim,
            config.hidden_size,
            batch_first=True,
            bidirectional=config.bidirectional,
        )
        self.linear = nn.Linear(config.n_features, config.n_classes)
        self.padding = config.vocabulary_size
        self.load(network)

    def load(self, network: Network) -> None:
        """Take over the weights of one of our networks."""
        params = network.params
        with torch.no_grad():
            self.embedding.weight[:-1] = torch.from_numpy(params["embedding.weight"])
            self.linear.weight.copy_(torch.from_numpy(params["linear.weight"].T))
            self.linear.bias.copy_(torch.from_numpy(params["linear.bias"]))
            order, H = ORDERS[network.cell.name], network.config.hidden_size
            for s, suffix in enumerate(("", "_reverse")[: network.config.n_directions]):
                W_x, W_h, b = (params[f"recurrent.0.{n}"][order, s] for n in ("W_x", "W_h", "b"))
                of = {"weight_ih_l0": W_x, "weight_hh_l0": W_h}
                for name, value in of.items():
                    rows = np.concatenate(list(value.swapaxes(1, 2)))
                    getattr(self.recurrent, name + suffix).copy_(torch.from_numpy(rows))
                getattr(self.recurrent, "bias_ih_l0" + suffix).copy_(torch.from_numpy(b.ravel()))
                of_states = getattr(self.recurrent, "bias_hh_l0" + suffix)
                of_states.zero_()
                if "recurrent.0.b_q" in params:
                    of_states[-H:] = torch.from_numpy(params["recurrent.0.b_q"][s])

    def forward(self, ids: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        vectors = self.embedding(ids)
        if self.idiom == "packed":
            packed = pack_padded_sequence(vectors, lengths, batch_first=True, enforce_sorted=True)
            outputs, state = self.recurrent(packed)
            if self.readout == "last":
                h = state[0] if isinstance(state, tuple) else state
                return self.linear(torch.cat(list(h), dim=1))
            outputs, _ = nn.utils.rnn.pad_packed_sequence(outputs, batch_first=True)
        else:
            outputs, _ = self.recurrent(vectors)
        if self.readout == "last":
            return self.linear(outputs[torch.arange(len(ids)), lengths - 1])
        mask = torch.arange(ids.shape[1])[None, :] < lengths[:, None]
        if self.readout == "mean":
            features = (outputs * mask[:, :, None]).sum(1) / lengths[:, None]
        else:
            features = outputs.masked_fill(~mask[:, :, None], -torch.inf).amax(1)
        return self.linear(features)

    def batch(self, documents: Sequence[Ids]) -> tuple[torch.Tensor, torch.Tensor, list[int]]:
        """Padded ids, lengths, and the order the documents were put in."""
        order = sorted(range(len(documents)), key=lambda i: -len(documents[i]))
        width = PADDED_LENGTH if self.idiom == "padded" else len(documents[order[0]])
        width = max(width, len(documents[order[0]]))
        ids = np.full((len(order), width), self.padding, dtype=np.int64)
        for row, i in enumerate(order):
            ids[row, : len(documents[i])] = documents[i]
        lengths = torch.tensor([len(documents[i]) for i in order])
        return torch.from_numpy(ids), lengths, order


class TorchTrainer:
    """Adam steps over given batches."""

    def __init__(self, network: Network, idiom: str, learning_rate: float) -> None:
        self.model = TorchClassifier(network, idiom)
        self.start = {name: value.clone() for name, value in self.model.state_dict().items()}
        self.learning_rate = learning_rate

    def epoch(self, documents: Sequence[Ids], targets: Ints, batches: list[Ints]) -> list[float]:
        """One pass over the batches, from the first weights; the loss of each."""
        self.model.load_state_dict(self.start)
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=self.learning_rate)
        losses: list[float] = []
        loss_of: Any = nn.functional.cross_entropy
        for rows in batches:
            ids, lengths, order = self.model.batch([documents[i] for i in rows.tolist()])
            y = torch.from_numpy(targets[rows[order]])
            self.optimizer.zero_grad(set_to_none=True)
            loss = loss_of(self.model(ids, lengths), y)
            loss.backward()
            self.optimizer.step()
            losses.append(loss.item())
        return losses

    def predict(self, documents: Sequence[Ids], batches: list[Ints]) -> Any:
        """Probabilities of the documents, in their order."""
        out = np.empty((len(documents), self.model.linear.out_features), dtype=np.float32)
        with torch.inference_mode():
            for rows in batches:
                ids, lengths, order = self.model.batch([documents[i] for i in rows.tolist()])
                out[rows[order]] = torch.softmax(self.model(ids, lengths), 1).numpy()
        return out


def prepare_threads(threads: int) -> None:
    """Flush denormals before the worker threads exist, so that they inherit it."""
    torch.set_flush_denormal(True)
    torch.set_num_threads(threads)
