"""A training step of a word language model, against PyTorch on one thread.

    python -m benchmarks.next_word [--turns 5] [--steps 4]

Both have the same network, tied, with the same first weights: 10,000 words, vectors and an LSTM of
256 units; both read 32 texts 35 words at a time, carry the state on, clip the gradient and take a
step of Adam. The words are drawn by Zipf's law. The losses of the first steps must agree. textrnn
is measured over all words and, as PyTorch has no such thing, over those of a sampled softmax, too.
Warm-up is left out; time is the processor's; ratios are medians of neighbouring turns, above 1
where textrnn is faster. Writes benchmarks/results/next_word.json.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.machine import machine
from benchmarks.timing import ratio, take_turns
from textrnn.nn.config import NetworkConfig
from textrnn.nn.gradients import global_norm, scale
from textrnn.nn.network import Network
from textrnn.nn.optimizers import Adam
from textrnn.nn.targets import Targets
from textrnn.nn.workspace import Workspace
from textrnn.system.blas import one_blas_thread
from textrnn.text.encoded import EncodedTexts
from textrnn.training.examples import Examples
from textrnn.training.negatives import Negatives
from textrnn.training.regularisation import Regularisation
from textrnn.training.rules.tbptt import TruncatedBPTT
from textrnn.training.step import Batch

OUT = Path(__file__).parent / "results" / "next_word.json"
V, SIZE, TEXTS, K = 10_000, 256, 32, 35
CLIP, RATE = 5.0, 1e-3
DRAWN = 1_000
"""Wrong words a step of the sampled softmax."""
CONFIG = NetworkConfig(
    V, V, SIZE, "lstm", SIZE, 1, False, "last", "float32", head="next_word", tied=True
)


def drawn_words(steps: int) -> Examples:
    """Texts of so many times 35 words, each followed by the next, by Zipf's law."""
    shares = 1.0 / np.arange(1, V + 1)
    words = np.random.default_rng(0).choice(V, (TEXTS, steps * K + 1), p=shares / shares.sum())
    starts = np.arange(TEXTS + 1) * steps * K
    weights = np.full(TEXTS * steps * K, 1.0 / K, np.float32)
    read = EncodedTexts(words[:, :-1].ravel().astype(np.int32), starts, ())
    return Examples(read, Targets.hard(words[:, 1:].ravel(), V), weights, at_tokens=True)


def ours(network: Network, examples: Examples, negatives: Negatives | None) -> list[float]:
    """Steps from the network's weights, which stay; the mean loss of each."""
    own = Network(network.config, {name: value.copy() for name, value in network.params.items()})
    rule, adam = TruncatedBPTT(K, K, Regularisation(negatives=negatives)), Adam(own.params)
    batch = Batch(examples, TEXTS, np.random.default_rng(0), Workspace())
    losses = []
    for sums, gradients in rule.steps(own, batch):
        norm = global_norm(gradients)
        if norm > CLIP:
            scale(gradients, CLIP / norm)
        adam.update(own.params, gradients, RATE)
        losses.append(sums.loss / TEXTS)
    return losses


def torchs(network: Network, examples: Examples) -> list[float]:
    """The same of PyTorch."""
    import torch

    module, leaves = _as_torch(network)
    embedding, bias, projection = leaves
    parameters = [one for one in [*module.parameters(), *leaves] if one.requires_grad]
    adam = torch.optim.Adam(parameters, lr=RATE)
    read = torch.from_numpy(examples.texts.ids.reshape(TEXTS, -1).astype(np.int64))
    wanted = torch.from_numpy(examples.targets.values.reshape(TEXTS, -1))
    losses, state = [], None
    for start in range(0, read.shape[1], K):
        here = slice(start, start + K)
        out, state = module(torch.nn.functional.embedding(read[:, here], embedding), state)
        state = tuple(one.detach() for one in state)
        z = out.reshape(-1, SIZE) @ projection
        logits = torch.nn.functional.linear(z, embedding, bias)
        loss = torch.nn.functional.cross_entropy(logits, wanted[:, here].reshape(-1))
        adam.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, CLIP)
        adam.step()
        losses.append(loss.item())
    return losses


def _as_torch(network: Network) -> tuple[Any, list[Any]]:
    """An LSTM with a network's weights, and its other parameters as leaves."""
    import torch

    params, order = network.params, [0, 1, 3, 2]  # of our gates i, f, o, g
    module = torch.nn.LSTM(SIZE, SIZE, batch_first=True)
    with torch.no_grad():
        for own, theirs in (("W_x", "weight_ih_l0"), ("W_h", "weight_hh_l0")):
            value = params[f"recurrent.0.{own}"][order, 0].swapaxes(1, 2).reshape(4 * SIZE, SIZE)
            getattr(module, theirs).copy_(torch.from_numpy(value))
        module.bias_ih_l0.copy_(torch.from_numpy(params["recurrent.0.b"][order, 0].reshape(-1)))
        module.bias_hh_l0.zero_()
    module.bias_hh_l0.requires_grad_(False)  # two biases would move twice as fast as our one
    names = ("embedding.weight", "linear.bias", "linear.projection")
    return module, [torch.from_numpy(params[name].copy()).requires_grad_() for name in names]


def measure(turns: int, steps: int) -> dict[str, Any]:
    """Seconds of a step, and ratios to PyTorch."""
    import torch

    torch.set_num_threads(1)
    network = Network.initialise(CONFIG, np.random.default_rng(0))
    examples = drawn_words(steps)
    negatives = Negatives.of(examples.targets.values, V, DRAWN)
    jobs: dict[str, Callable[[], Any]] = {
        "textrnn": partial(ours, network, examples, None),
        "textrnn, sampled": partial(ours, network, examples, negatives),
        "torch": partial(torchs, network, examples),
    }
    with one_blas_thread():
        np.testing.assert_allclose(jobs["textrnn"]()[:2], jobs["torch"]()[:2], rtol=1e-4)
        timings = take_turns(jobs, turns, clock=time.process_time)
    found = {
        name: {
            "seconds a step": timing.median / steps,
            "words a second": TEXTS * K * steps / timing.median,
            "times as fast as torch": ratio(timings["torch"], timing),
            "turns": timing.seconds,
        }
        for name, timing in timings.items()
    }
    return {"steps": steps, "drawn": DRAWN, "jobs": found, "machine": machine()}


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--turns", type=int, default=5, help="turns of each")
    parser.add_argument("--steps", type=int, default=4, help="steps of a turn")
    given = parser.parse_args()
    found = measure(given.turns, given.steps)
    found["command"] = f"python -m benchmarks.next_word --turns {given.turns} --steps {given.steps}"
    for name, figures in found["jobs"].items():
        print(
            f"{name:17} {1e3 * figures['seconds a step']:7.0f} ms a step, "
            f"{figures['words a second']:7,.0f} words a second, "
            f"{figures['times as fast as torch']:.2f} times as fast as torch"
        )
    OUT.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
