"""What a training's limit on the norm of its gradients does to batches of some texts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from textrnn.inference.classifier import TextModel
from textrnn.nn.gradients import global_norm
from textrnn.nn.network import Network
from textrnn.training.batching import epoch_batches
from textrnn.training.class_weight import weighted
from textrnn.training.examples import Examples
from textrnn.training.executors.single import SingleProcess
from textrnn.training.executors.worker import Task
from textrnn.training.regularisation import Regularisation
from textrnn.training.rules import RULES
from textrnn.training.settings import Settings


@dataclass(frozen=True)
class Clipping:
    """What ``max_grad_norm`` does (Pascanu, Mikolov and Bengio 2013).

    Attributes:
        max_grad_norm: of the model's own training.
        batches: of as many texts as in the training, or of all where there are fewer.
        batch_size: texts of each, on average.
        share: of the batches whose gradient is longer than that, and so is shortened.
        factor: that these are multiplied with, on average; None where there are none.
        smallest_norm: of the gradients of all batches.
        median_norm: of them.
        largest_norm: of them.
    """

    max_grad_norm: float
    batches: int
    batch_size: float
    share: float
    factor: float | None
    smallest_norm: float
    median_norm: float
    largest_norm: float


def clipping(
    model: TextModel, network: Network, examples: Examples, *, random_state: int
) -> Clipping | None:
    """Look at gradients of batches as the model was trained with, of its weights as they are.

    They are those of its loss, weights of classes and smoothed labels included, without what is
    random in a training, as dropout; and they are those of backpropagation through whole texts,
    whatever the learning rule: one that is truncated clips the gradients of its parts.

    Args:
        model: with its settings.
        network: the model's in double precision, in which no small gradient is cut off.
        examples: with ids of its vocabulary.
        random_state: seed of the batches.

    Returns:
        None where its training clips nothing, or where nothing is known of that.
    """
    if model.settings.get("max_grad_norm") is None:
        return None
    settings = Settings.from_dict({**model.settings, "dtype": network.config.dtype})
    texts = examples.texts
    limit = settings.max_grad_norm
    if limit is None or "max_grad_norm" in RULES[settings.rule].idle:
        return None
    config = settings.training_config(len(texts), texts.n_tokens)
    regularisation = Regularisation(label_smoothing=config.label_smoothing)
    rule = RULES["bptt"].configured(config, regularisation, network.dtype)
    examples = weighted(examples, model.classes, settings)
    rng = np.random.default_rng(random_state)
    batches = epoch_batches(
        texts.lengths,
        batch_size=config.batch_size,
        batch_tokens=config.batch_tokens,
        shuffle=config.shuffle,
        rng=rng,
    )
    executor = SingleProcess(Task(network, examples, rule))
    norms = np.array(
        [global_norm(of_step) for rows in batches for _, of_step in executor.steps(rows, rng)]
    )
    clipped = norms > limit
    return Clipping(
        max_grad_norm=limit,
        batches=len(norms),
        batch_size=len(texts) / len(norms),
        share=float(clipped.mean()),
        factor=float((limit / norms[clipped]).mean()) if clipped.any() else None,
        smallest_norm=float(norms.min()),
        median_norm=float(np.median(norms)),
        largest_norm=float(norms.max()),
    )
