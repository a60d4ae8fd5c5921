"""Outputs and gradients of PyTorch on tiny networks, stored so that no test needs PyTorch.

``python tests/reference/make_torch_reference.py`` writes ``torch_reference.npz`` anew.
The file holds the parameters too, so it does not lean on a random stream staying as it is.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tests.networks import network_config
from textrnn.nn.config import NetworkConfig
from textrnn.typing import Floats, Params

STORED = Path(__file__).with_name("torch_reference.npz")
DOCUMENTS = [np.array(ids, dtype=np.int32) for ids in ([1, 4], [2, 0, 2, 3, 5], [3], [5, 5, 1, 0])]
TARGETS = np.array([2, 0, 1, 1])
GATE_ORDER = {"rnn": [0], "rnn_relu": [0], "lstm": [0, 1, 3, 2], "gru": [0, 1, 2]}
"""Where PyTorch's gates stand among ours; each order is its own inverse."""


class Case(NamedTuple):
    """A kind of network."""

    cell: str
    readout: str
    num_layers: int
    bidirectional: bool

    @property
    def name(self) -> str:
        ways = "two-way" if self.bidirectional else "one-way"
        return f"{self.cell}-{self.readout}-{self.num_layers}-{ways}"

    @property
    def config(self) -> NetworkConfig:
        return network_config(
            n_classes=3,
            vocabulary_size=7,
            embedding_dim=3,
            hidden_size=2,
            dtype="float64",
            **self._asdict(),
        )


CASES = [
    Case(cell, readout, num_layers, bidirectional)
    for cell in GATE_ORDER
    for readout in ("last", "mean", "max", "max_mean", "max_mean_last", "attention")
    for num_layers, bidirectional in ((1, False), (2, True))
]


STATE_CASES = [
    Case(cell, "mean", num_layers, bidirectional)
    for cell in GATE_ORDER
    for num_layers in (1, 2)
    for bidirectional in (False, True)
]
"""These begin with a state, and their loss takes in the final one."""


def draw_params(case: Case, seed: int) -> Params:
    """Random parameters in our layout, none of them zero."""
    rng = np.random.default_rng(seed)
    return {name: rng.normal(0.0, 0.7, shape) for name, shape in case.config.shapes().items()}


def state_shapes(case: Case) -> dict[str, tuple[int, ...]]:
    """Shape of each state of each layer, as ``0.h``, documents in their given order."""
    shape = (case.config.n_directions, len(DOCUMENTS), case.config.hidden_size)
    names = ("h", "c") if case.cell == "lstm" else ("h",)
    return {f"{layer}.{name}": shape for name in names for layer in range(case.num_layers)}


def draw_states(case: Case, seed: int) -> Params:
    """Random initial states, or weights of the final ones in the loss."""
    rng = np.random.default_rng([seed, 1])
    return {name: rng.normal(0.0, 0.7, shape) for name, shape in state_shapes(case).items()}


def run_torch(
    case: Case, params: Params, initial: Params | None = None, of_final: Params | None = None
) -> Params:
    """Logits, loss and all gradients, computed by PyTorch, named and laid out as ours.

    Documents are in their given order. The sum over a word's places of the gradient of the
    recurrent layers' input is that of its embedding. Given initial states and the weight of the
    final ones in the loss, also the top layer's outputs (B, T, S * H), the final states, and the
    gradients of the initial ones.
    """
    import torch
    from torch.nn import functional as F  # noqa: N812
    from torch.nn.utils import rnn as packing

    config = case.config
    leaves = {k: torch.tensor(v, requires_grad=True) for k, v in params.items()}
    module = build_module(case, params)
    padded = packing.pad_sequence([torch.tensor(d) for d in DOCUMENTS], batch_first=True)
    lengths = torch.tensor([len(d) for d in DOCUMENTS])
    x = leaves["embedding.weight"][padded.long()]
    packed = packing.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
    begin = {k: torch.tensor(v, requires_grad=True) for k, v in (initial or {}).items()}
    # PyTorch has a tensor for each state, all layers in it, and of an LSTM a pair of them.
    states, n = list(begin.values()), case.num_layers
    whole = tuple(torch.cat(states[i : i + n]) for i in range(0, len(states), n))
    outputs, ends = module(packed, whole if len(whole) > 1 else next(iter(whole), None))
    h, _ = packing.pad_packed_sequence(outputs, batch_first=True)

    H, rows = config.hidden_size, torch.arange(len(DOCUMENTS))
    inside = (torch.arange(h.shape[1]) < lengths[:, None])[:, :, None]

    def read(name: str, of_direction: Any, s: int) -> Any:
        if name == "last":
            return of_direction[rows, lengths - 1] if s == 0 else of_direction[:, 0]
        if name == "mean":
            return (of_direction * inside).sum(dim=1) / lengths[:, None]
        if name == "max":
            return of_direction.masked_fill(~inside, -torch.inf).max(dim=1).values
        weight, bias = leaves["attention.W"][s], leaves["attention.b"][s]
        scores = torch.tanh(of_direction @ weight + bias) @ leaves["attention.context"][s]
        weights = scores.masked_fill(~inside[:, :, 0], -torch.inf).softmax(dim=1)
        return (weights[:, :, None] * of_direction).sum(dim=1)

    parts = [
        read(name, h[:, :, s * H : (s + 1) * H], s)
        for s in range(config.n_directions)
        for name in case.readout.split("_")
    ]
    features = torch.cat(parts, dim=1)
    logits = features @ leaves["linear.weight"] + leaves["linear.bias"]
    loss = F.cross_entropy(logits, torch.tensor(TARGETS))
    final: dict[str, Any] = {}
    if of_final is not None:
        ends = ends if isinstance(ends, tuple) else (ends,)
        parts = [part for end in ends for part in torch.split(end, config.n_directions)]
        final = dict(zip(state_shapes(case), parts, strict=True))
        loss = loss + sum((torch.tensor(of_final[name]) * final[name]).sum() for name in final)
    loss.backward()

    result = {"logits": logits.detach().numpy(), "loss": loss.detach().numpy()}
    if of_final is not None:
        result["outputs"] = h.detach().numpy()
    result |= {f"final.{name}": value.detach().numpy() for name, value in final.items()}
    of_begin = {name: leaf.grad for name, leaf in begin.items()}
    result |= {f"gradient.initial.{n}": d.numpy() for n, d in of_begin.items() if d is not None}
    for name, leaf in leaves.items():
        if leaf.grad is not None and not name.startswith("recurrent."):
            result[f"gradient.{name}"] = leaf.grad.numpy()
    for layer in range(case.num_layers):
        for name, value in layer_gradients(case, module, layer).items():
            result[f"gradient.recurrent.{layer}.{name}"] = value
    return result


def torch_suffixes(case: Case, layer: int) -> list[str]:
    """How the names of PyTorch's weights end, for each direction of a layer."""
    return [f"_l{layer}", f"_l{layer}_reverse"][: case.config.n_directions]


def layer_gradients(case: Case, module: Any, layer: int) -> Params:
    """The gradients that PyTorch left in a layer, named and laid out as ours."""
    H, directions = case.config.hidden_size, []
    for suffix in torch_suffixes(case, layer):
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        of_torch = {name: getattr(module, name + suffix).grad.numpy() for name in names}
        directions.append(to_ours(case.cell, of_torch, H))
    # Ours have an axis of directions, after that of gates; b_q has no gates.
    return {
        name: np.stack([d[name] for d in directions], axis=0 if name == "b_q" else 1)
        for name in directions[0]
    }


def build_module(case: Case, params: Params) -> Any:
    """PyTorch's recurrent module, its weights taken from ours."""
    import torch

    kinds: dict[str, Any] = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU}
    options = {"rnn_relu": {"nonlinearity": "relu"}}.get(case.cell, {})
    module = kinds.get(case.cell, torch.nn.RNN)(
        case.config.embedding_dim,
        case.config.hidden_size,
        num_layers=case.num_layers,
        bidirectional=case.bidirectional,
        dtype=torch.float64,
        **options,
    )
    with torch.no_grad():
        for layer in range(case.num_layers):
            for s, suffix in enumerate(torch_suffixes(case, layer)):
                of_direction = {
                    name: params[f"recurrent.{layer}.{name}"][:, s] for name in ("W_x", "W_h", "b")
                }
                if case.cell == "gru":
                    of_direction["b_q"] = params[f"recurrent.{layer}.b_q"][s]
                for name, value in to_torch(case.cell, of_direction).items():
                    getattr(module, name + suffix).copy_(torch.tensor(value))
    return module


def to_torch(cell: str, params: Params) -> Params:
    """A direction's (G, D, H) weights as PyTorch's (G*H, D), biases on the input's side."""
    order = GATE_ORDER[cell]
    bias = params["b"][order]
    recurrent_bias = np.zeros_like(bias)
    if cell == "gru":
        recurrent_bias[2] = params["b_q"]
    H = bias.shape[1]
    return {
        "weight_ih": params["W_x"][order].transpose(0, 2, 1).reshape(len(order) * H, -1),
        "weight_hh": params["W_h"][order].transpose(0, 2, 1).reshape(len(order) * H, -1),
        "bias_ih": bias.reshape(-1),
        "bias_hh": recurrent_bias.reshape(-1),
    }


def to_ours(cell: str, of_torch: dict[str, Floats], H: int) -> Params:
    """PyTorch's gradients of a direction in the layout of ours, the inverse of ``to_torch``."""
    order = GATE_ORDER[cell]
    G = len(order)
    result = {
        "W_x": of_torch["weight_ih"].reshape(G, H, -1).transpose(0, 2, 1)[order],
        "W_h": of_torch["weight_hh"].reshape(G, H, -1).transpose(0, 2, 1)[order],
        "b": of_torch["bias_ih"].reshape(G, H)[order],
    }
    if cell == "gru":
        result["b_q"] = of_torch["bias_hh"].reshape(G, H)[2]
    return result


def flatten(arrays: Params) -> Floats:
    """One vector; a file of many small arrays would be mostly their headers."""
    return np.concatenate([value.reshape(-1) for value in arrays.values()])


def result_shapes(case: Case, *, with_states: bool = False) -> dict[str, tuple[int, ...]]:
    """Shape of each result, in the order in which they are stored."""
    shapes: dict[str, tuple[int, ...]] = {"logits": (len(DOCUMENTS), 3), "loss": ()}
    shapes |= {f"gradient.{name}": shape for name, shape in case.config.shapes().items()}
    if with_states:
        T = max(map(len, DOCUMENTS))
        shapes["outputs"] = (len(DOCUMENTS), T, case.config.make_body().n_outputs)
        for kind in ("final", "gradient.initial"):
            shapes |= {f"{kind}.{name}": shape for name, shape in state_shapes(case).items()}
    return shapes


def load(case: Case) -> tuple[Params, Params]:
    """The stored parameters of a case and what PyTorch made of them."""
    with np.load(STORED) as stored:
        return (
            unflatten(stored[f"{case.name}/params"], case.config.shapes()),
            unflatten(stored[f"{case.name}/results"], result_shapes(case)),
        )


def load_with_states(case: Case) -> tuple[Params, Params, Params, Params]:
    """The stored parameters, initial states and weights of final ones, and the results."""
    with np.load(STORED) as stored:
        params, initial, of_final, results = (
            stored[f"states/{case.name}/{what}"]
            for what in ("params", "initial", "of_final", "results")
        )
    states = state_shapes(case)
    return (
        unflatten(params, case.config.shapes()),
        unflatten(initial, states),
        unflatten(of_final, states),
        unflatten(results, result_shapes(case, with_states=True)),
    )


def unflatten(vector: Floats, shapes: dict[str, tuple[int, ...]]) -> Params:
    """The arrays that ``flatten`` concatenated."""
    sizes = [int(np.prod(shape)) for shape in shapes.values()]
    assert sum(sizes) == len(vector)
    parts = np.split(vector, np.cumsum(sizes)[:-1])
    return {
        name: part.reshape(shape) for (name, shape), part in zip(shapes.items(), parts, strict=True)
    }


def main() -> None:
    """Write the stored values of every case."""
    arrays: Params = {}
    for seed, case in enumerate(CASES):
        params = draw_params(case, seed)
        results = run_torch(case, params)
        arrays[f"{case.name}/params"] = flatten(params)
        arrays[f"{case.name}/results"] = flatten({n: results[n] for n in result_shapes(case)})
    for seed, case in enumerate(STATE_CASES, start=1_000):
        params, initial = draw_params(case, seed), draw_states(case, seed)
        of_final = draw_states(case, seed + 1_000)
        results = run_torch(case, params, initial, of_final)
        names = result_shapes(case, with_states=True)
        found = {"params": params, "initial": initial, "of_final": of_final}
        found["results"] = {name: results[name] for name in names}
        arrays |= {f"states/{case.name}/{what}": flatten(v) for what, v in found.items()}
    np.savez_compressed(STORED, allow_pickle=False, **arrays)


if __name__ == "__main__":
    main()
