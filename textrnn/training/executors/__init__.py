"""Where steps are computed: in this process, or in several; see ``step.Executor``."""

from __future__ import annotations

from collections.abc import Sequence

from textrnn.errors import WorkerError
from textrnn.nn.network import Network
from textrnn.system.processes import tell_fewer
from textrnn.training.executors.processes import SeveralProcesses
from textrnn.training.executors.single import SingleProcess
from textrnn.training.step import Executor, LabelledDocuments, LearningRule
from textrnn.typing import Ids


def make_executor(
    network: Network,
    documents: Sequence[Ids],
    n_jobs: int,
    *,
    data: LabelledDocuments | None = None,
    rule: LearningRule | None = None,
) -> Executor:
    """So many processes, or with a warning those that can be started.

    Args:
        network: what is trained.
        documents: what is predicted, or trained on if ``data`` is given.
        n_jobs: processes, this one included.
        data: what to train on, with classes and weights: the first of the documents.
        rule: how it is trained.
    """
    if n_jobs > 1:
        try:
            return SeveralProcesses(network, documents, n_jobs, data=data, rule=rule)
        except WorkerError as error:
            tell_fewer(1, error)
    return SingleProcess(network, documents, data=data, rule=rule)
