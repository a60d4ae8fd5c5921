"""The same encoder and decoder in PyTorch, as its users write it, for equality and for speed.

The encoder is ``nn.LSTM`` or ``nn.GRU`` over packed sequences, the decoder a cell in a loop over
padded targets; attention is written out, with the keys made once and a mask over what is padded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence

from benchmarks.torch_peer import ORDERS
from textrnn.nn.transducer import TransducerConfig

LAYERS: dict[str, Any] = {"lstm": nn.LSTM, "gru": nn.GRU}
CELLS: dict[str, Any] = {"lstm": nn.LSTMCell, "gru": nn.GRUCell}
NOTHING = -100
"""The target that PyTorch's loss leaves out."""


class TorchTransducer(nn.Module):
    """Encoder, additive attention, and a decoder of one cell; ``state_of`` makes its weights."""

    def __init__(self, config: TransducerConfig) -> None:
        super().__init__()
        self.config = config
        D, H, F = config.embedding_dim, config.hidden_size, config.n_outputs
        A, C = config.attention_size, config.target_vocabulary_size
        n_states = 2 if config.cell == "lstm" else 1
        self.sources = nn.Embedding(config.source_vocabulary_size, D)
        self.targets = nn.Embedding(C, D)
        self.encoder = LAYERS[config.cell](
            D, H, config.num_layers, batch_first=True, bidirectional=config.bidirectional
        )
        self.initial = nn.ModuleList(nn.Linear(F, H) for _ in range(n_states))
        self.query, self.key = nn.Linear(H, A, bias=False), nn.Linear(F, A)
        self.score = nn.Linear(A, 1, bias=False)
        self.cell = CELLS[config.cell](D + F, H)
        self.hidden, self.linear = nn.Linear(H + F, H), nn.Linear(H, C)

    def encode(self, sources: Sequence[torch.Tensor]) -> tuple[Any, ...]:
        """Outputs, keys, what is padded, and the first state of the decoder."""
        lengths = torch.tensor([len(source) for source in sources])
        vectors = self.sources(pad_sequence([*sources], batch_first=True))
        packed = pack_padded_sequence(vectors, lengths, batch_first=True, enforce_sorted=False)
        outputs, final = self.encoder(packed)
        h, _ = pad_packed_sequence(outputs, batch_first=True)
        final = final[0] if isinstance(final, tuple) else final
        ends = torch.cat([*final[-self.config.n_directions :]], dim=1)
        padded = torch.arange(h.shape[1]) >= lengths[:, None]
        state = [torch.tanh(layer(ends)) for layer in self.initial]
        return h, self.key(h), padded, state

    def step(
        self, x: torch.Tensor, h: torch.Tensor, keys: torch.Tensor, padded: torch.Tensor, state: Any
    ) -> tuple[Any, ...]:
        """Features and state after a word, of vectors (B, D)."""
        u = torch.tanh(keys + self.query(state[0])[:, None])
        weights = self.score(u)[:, :, 0].masked_fill(padded, -torch.inf).softmax(dim=1)
        context = torch.bmm(weights[:, None], h)[:, 0]
        found = self.cell(torch.cat([x, context], dim=1), state if len(state) > 1 else state[0])
        state = found if len(state) > 1 else (found,)
        return torch.cat([state[0], context], dim=1), state

    def forward(
        self, sources: Sequence[torch.Tensor], targets: Sequence[torch.Tensor]
    ) -> torch.Tensor:
        """The mean loss over all answers; targets without marks."""
        end = self.targets.weight.new_full((1,), self.config.target_end, dtype=torch.long)
        read = pad_sequence([torch.cat([end, t]) for t in targets], batch_first=True)
        wanted = pad_sequence(
            [torch.cat([t, end]) for t in targets], batch_first=True, padding_value=NOTHING
        )
        h, keys, padded, state = self.encode(sources)
        features = []
        for x in self.targets(read).unbind(dim=1):
            found, state = self.step(x, h, keys, padded, state)
            features.append(found)
        logits = self.linear(torch.tanh(self.hidden(torch.stack(features, dim=1))))
        return nn.functional.cross_entropy(
            logits.flatten(0, 1), wanted.flatten(), ignore_index=NOTHING
        )

    def greedy(self, sources: Sequence[torch.Tensor], max_length: int) -> torch.Tensor:
        """The most probable word at each step, (B, n), until every text has ended.

        To be called in ``torch.inference_mode``.
        """
        h, keys, padded, state = self.encode(sources)
        words = torch.full((len(sources),), self.config.target_end)
        done, found = torch.zeros(len(sources), dtype=torch.bool), []
        for _ in range(max_length):
            features, state = self.step(self.targets(words), h, keys, padded, state)
            words = self.linear(torch.tanh(self.hidden(features))).argmax(dim=1)
            found.append(words)
            done |= words == self.config.target_end
            if bool(done.all()):
                break
        return torch.stack(found, dim=1)


def state_of(ours: Mapping[str, torch.Tensor], config: TransducerConfig) -> dict[str, torch.Tensor]:
    """The weights of a ``TorchTransducer``, of a transducer's; gradients flow through."""
    found = {
        "sources.weight": ours["encoder.embedding.weight"],
        "targets.weight": ours["decoder.embedding.weight"],
        "query.weight": ours["attention.state.W"].T,
        "key.weight": ours["attention.source.W"].T,
        "key.bias": ours["attention.b"],
        "score.weight": ours["attention.context"][None],
        "hidden.weight": ours["readout.W"].T,
        "hidden.bias": ours["readout.b"],
        "linear.weight": ours["linear.weight"].T,
        "linear.bias": ours["linear.bias"],
    }
    for k, (W, b) in enumerate(zip(ours["initial.W"], ours["initial.b"], strict=True)):
        found |= {f"initial.{k}.weight": W.T, f"initial.{k}.bias": b}
    for number in range(config.num_layers):
        for s, suffix in enumerate(("", "_reverse")[: config.n_directions]):
            layer = _of_cell(ours, f"encoder.recurrent.{number}.", s, config)
            found |= {f"encoder.{name}_l{number}{suffix}": value for name, value in layer.items()}
    decoder = _of_cell(ours, "decoder.", 0, config)
    return found | {f"cell.{name}": value for name, value in decoder.items()}


def _of_cell(
    ours: Mapping[str, torch.Tensor], prefix: str, s: int, config: TransducerConfig
) -> dict[str, torch.Tensor]:
    """One direction of a recurrent layer. Of two biases that are added one is enough."""
    order = ORDERS[config.cell]
    W_x, W_h, b = (ours[prefix + name][order, s] for name in ("W_x", "W_h", "b"))
    of_states = torch.zeros_like(b)
    if prefix + "b_q" in ours:
        of_states = torch.cat([of_states[:-1], ours[prefix + "b_q"][s][None]])
    return {
        "weight_ih": W_x.swapaxes(1, 2).flatten(0, 1),
        "weight_hh": W_h.swapaxes(1, 2).flatten(0, 1),
        "bias_ih": b.flatten(),
        "bias_hh": of_states.flatten(),
    }
