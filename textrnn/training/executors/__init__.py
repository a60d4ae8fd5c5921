"""Where steps are computed: in this process, or in several; see ``step.Executor``."""

from __future__ import annotations

from textrnn.errors import WorkerError
from textrnn.nn.network import Network
from textrnn.system.processes import tell_fewer
from textrnn.text.encoded import EncodedTexts
from textrnn.training.examples import Examples
from textrnn.training.executors.processes import SeveralProcesses
from textrnn.training.executors.single import SingleProcess
from textrnn.training.step import Executor, OnlineRule, Rule


def make_executor(
    network: Network,
    texts: EncodedTexts,
    n_jobs: int,
    *,
    examples: Examples | None = None,
    rule: Rule | None = None,
) -> Executor:
    """So many processes, or with a warning those that can be started.

    Args:
        network: what is trained.
        texts: what is predicted, or trained on if there are ``examples``.
        n_jobs: processes, this one included.
        examples: what to train on, with targets and weights: the first of the texts.
        rule: how it is trained; one that changes weights on the way has one process.
    """
    if n_jobs > 1 and not isinstance(rule, OnlineRule):
        try:
            return SeveralProcesses(network, texts, n_jobs, examples=examples, rule=rule)
        except WorkerError as error:
            tell_fewer(1, error)
    return SingleProcess(network, texts, examples=examples, rule=rule)
