"""One network learns one task, by exact backpropagation through time and Adam."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from benchmarks.family.task import Drawn, Measures, Task
from textrnn.nn.gradients import global_norm, scale
from textrnn.nn.network import Network
from textrnn.nn.optimizers import Adam
from textrnn.nn.packed import PackedBatch
from textrnn.nn.schedules import learning_rate_at
from textrnn.nn.workspace import Workspace
from textrnn.typing import Ints

N_HELD_OUT = 2_000
N_CHECK = 500
AT_ONCE = 250
"""Sequences that are read side by side where none is learnt from."""
TRAIN, CHECK, VERDICT = range(3)
"""What the seeds are for."""


def learn(
    task: Task,
    cell: str,
    seed: int = 0,
    *,
    max_steps: int | None = None,
    n_held_out: int = N_HELD_OUT,
) -> dict[str, Any]:
    """Train a network on fresh sequences until it is solved or the steps are over; judge it."""
    recipe = task.recipe
    steps = min(recipe.steps, max_steps or recipe.steps)
    rng = np.random.default_rng([seed, TRAIN])
    network = Network.initialise(task.config(cell), rng)
    check = task.held_out(np.random.default_rng([seed, CHECK]), N_CHECK)
    optimizer, space, began = Adam(network.params), Workspace(), time.perf_counter()
    done, stopped = 0, False
    with np.errstate(over="ignore", invalid="ignore"):
        while done < steps and not stopped:
            rate = learning_rate_at(
                done,
                base=recipe.learning_rate,
                schedule="cosine",
                warmup_updates=0,
                total_updates=recipe.steps,
            )
            drawn = task.draw(rng, recipe.batch_size)
            update(network, optimizer, drawn, rate, recipe.max_grad_norm, space)
            done += 1
            if done % recipe.check_every == 0:
                stopped = task.reaches(measured(network, task, check), task.stop_at)
        seconds = time.perf_counter() - began
        verdict = task.held_out(np.random.default_rng(VERDICT), n_held_out)
        found = measured(network, task, verdict)
    return {
        "task": task.name,
        "cell": cell,
        "seed": seed,
        "steps": done,
        "seconds": round(seconds, 1),
        "solved": task.reaches(found, task.solved_at),
        **found,
    }


def update(
    network: Network,
    optimizer: Adam,
    drawn: Drawn,
    rate: float,
    max_grad_norm: float,
    space: Workspace,
) -> float:
    """One step on some sequences; return the loss before it."""
    batch = network.pack(drawn.documents)
    logits, cache = network.forward(batch, workspace=space)
    rows = rows_of(network, batch)
    weights = None if drawn.weights is None else drawn.weights[rows]
    size = len(rows) if weights is None else int(np.count_nonzero(weights))
    loss, d_logits = network.config.output.loss(
        logits, drawn.targets[rows], weights, batch_size=size
    )
    gradients = network.backward(d_logits, cache).params
    norm = global_norm(gradients)
    if not np.isfinite(norm):
        return loss  # a step that has no direction is left out
    if norm > max_grad_norm:
        scale(gradients, max_grad_norm / norm)
    optimizer.update(network.params, gradients, rate)
    return loss


def rows_of(network: Network, batch: PackedBatch) -> Ints:
    """For each row of the logits the place of its target."""
    return batch.order if network.head.answers_texts else batch.places


def measured(network: Network, task: Task, drawn: Drawn) -> Measures:
    """What a network's answers on some sequences are worth."""
    logits = [
        network.predict_logits(network.pack(drawn.documents[i : i + AT_ONCE]))
        for i in range(0, len(drawn.documents), AT_ONCE)
    ]
    return task.measure(np.concatenate(logits), drawn)
