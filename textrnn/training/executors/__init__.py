"""Where steps are computed: in this process, or in several; see ``step.Executor``."""

from __future__ import annotations

from textrnn.errors import WorkerError
from textrnn.inference.batches import check_answers_texts
from textrnn.nn.network import Network
from textrnn.system.processes import tell_fewer
from textrnn.training.executors.processes import SeveralProcesses
from textrnn.training.executors.single import SingleProcess
from textrnn.training.executors.worker import Task
from textrnn.training.step import Executor, Judge, LearningRule
from textrnn.training.trainable import Material, Trainable


def make_executor(
    network: Trainable,
    n_jobs: int,
    *,
    train: Material | None = None,
    rule: LearningRule | None = None,
    held_out: Material | None = None,
    judge: Judge | None = None,
) -> Executor:
    """So many processes, or with a warning those that can be started.

    Args:
        network: what is trained.
        n_jobs: processes, this one included.
        train: what to train on, if anything.
        rule: how.
        held_out: what is judged or, without a ``judge``, predicted: texts of a network that
            answers once for each.
        judge: how sums over what is held out are found.

    Raises:
        UsageError: logits are to be predicted of a network that answers at every token.
    """
    if held_out is not None and judge is None:
        assert isinstance(network, Network)
        check_answers_texts(network)
    task = Task(network, train, rule, held_out, judge)
    if n_jobs > 1:
        try:
            return SeveralProcesses(task, n_jobs)
        except WorkerError as error:
            tell_fewer(1, error)
    return SingleProcess(task)
