"""One network learns one task, by one of the package's learning rules and its optimiser."""

from __future__ import annotations

import time
from collections.abc import Mapping
from itertools import accumulate
from types import MappingProxyType
from typing import Any

import numpy as np

from benchmarks.family.task import Drawn, Measures, Task
from textrnn.nn.gradients import global_norm, scale
from textrnn.nn.network import Network
from textrnn.nn.schedules import learning_rate_at
from textrnn.nn.targets import Targets
from textrnn.nn.workspace import Workspace
from textrnn.text.encoded import EncodedTexts
from textrnn.training.examples import Examples
from textrnn.training.regularisation import Regularisation
from textrnn.training.rules import RULES
from textrnn.training.settings import Settings
from textrnn.training.step import Batch

N_HELD_OUT = 2_000
N_CHECK = 500
AT_ONCE = 250
"""Sequences that are read side by side where none is learnt from."""
TRAIN, CHECK, VERDICT = range(3)
"""What the seeds are for."""
BPTT: Mapping[str, Any] = MappingProxyType({"rule": "bptt"})


class Learner:
    """A network, and what changes its weights.

    Args:
        task: what is learnt.
        cell: the kind of recurrence.
        seed: of the weights and the sequences.
        by: settings of the learning rule, its name among them.
        hidden_size: H, or None for the recipe's.
    """

    def __init__(
        self,
        task: Task,
        cell: str,
        seed: int = 0,
        *,
        by: Mapping[str, Any] = BPTT,
        hidden_size: int | None = None,
    ) -> None:
        self.task, self.recipe = task, task.recipe
        self.rng = np.random.default_rng([seed, TRAIN])
        self.network = Network.initialise(task.config(cell, hidden_size), self.rng)
        settings = Settings(**by, gradient_floor=0.0)
        config, kind = settings.training_config(1, 1), RULES[settings.rule]
        self._rule = kind.configured(config, Regularisation(), self.network.dtype)
        self._optimizer = kind.optimizer(config, self.network.params)
        self._space = Workspace()
        clips = "max_grad_norm" not in kind.idle  # what a Kalman filter is told is no gradient
        self._longest = self.recipe.max_grad_norm if clips else np.inf

    def update(self, drawn: Drawn, rate: float) -> float:
        """Learn from some sequences, once; return the mean loss before that."""
        rule, n = self._rule, len(drawn.documents)
        batch = Batch(examples(drawn, self.network), n, self.rng, self._space)
        loss = 0.0
        for sums, gradients in rule.steps(self.network, batch):
            loss += sums.loss / n
            norm = global_norm(gradients)
            if not np.isfinite(norm):
                continue  # a step that has no direction is left out
            if norm > self._longest:
                scale(gradients, self._longest / norm)
            self._optimizer.update(self.network.params, gradients, rate)
        return loss

    def measured(self, drawn: Drawn) -> Measures:
        """What the network's answers on some sequences are worth."""
        network, documents = self.network, drawn.documents
        logits = [
            network.predict_logits(network.pack(documents[i : i + AT_ONCE]))
            for i in range(0, len(documents), AT_ONCE)
        ]
        return self.task.measure(np.concatenate(logits), drawn)


def learn(
    task: Task,
    cell: str,
    seed: int = 0,
    *,
    by: Mapping[str, Any] = BPTT,
    hidden_size: int | None = None,
    max_steps: int | None = None,
    n_held_out: int = N_HELD_OUT,
) -> dict[str, Any]:
    """Train a network on fresh sequences until it is solved or the steps are over; judge it."""
    recipe = task.recipe
    steps = min(recipe.steps, max_steps or recipe.steps)
    learner = Learner(task, cell, seed, by=by, hidden_size=hidden_size)
    check = task.held_out(np.random.default_rng([seed, CHECK]), N_CHECK)
    began, done, stopped = time.perf_counter(), 0, False
    with np.errstate(over="ignore", invalid="ignore"):
        while done < steps and not stopped:
            rate = learning_rate_at(
                done,
                base=recipe.learning_rate,
                schedule="cosine",
                warmup_updates=0,
                total_updates=recipe.steps,
            )
            learner.update(task.draw(learner.rng, recipe.batch_size), rate)
            done += 1
            if done % recipe.check_every == 0:
                stopped = task.reaches(learner.measured(check), task.stop_at)
        seconds = time.perf_counter() - began
        found = learner.measured(task.held_out(np.random.default_rng(VERDICT), n_held_out))
    return {
        "task": task.name,
        "cell": cell,
        "seed": seed,
        "steps": done,
        "seconds": round(seconds, 1),
        "solved": task.reaches(found, task.solved_at),
        **found,
    }


def examples(drawn: Drawn, network: Network) -> Examples:
    """Sequences as a learning rule takes them."""
    ids: Any = np.concatenate(drawn.documents)  # or vectors, which a network packs as well
    starts = np.array([0, *accumulate(map(len, drawn.documents))])
    config = network.config
    targets = (
        Targets.real(drawn.targets)
        if config.regression
        else Targets.hard(drawn.targets, config.n_classes)
    )
    at_tokens = not network.head.answers_texts
    return Examples(EncodedTexts(ids, starts, ()), targets, drawn.weights, at_tokens)
