"""A run that is kept on the disk, whatever it trains: its lock, its checkpoint, its model folder.

Two runs do not write one folder; what was trained so far lies beside it and is gone on from; what
had come to its end is not trained again; the folder is replaced when there is something to put in
its place. All of it is here once, for every structure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from textrnn.errors import DamagedModelError, ModelError, TrainingError, UsageError, WorkerError
from textrnn.experiments.data import Say, say_nothing
from textrnn.storage.format import CONFIG, tell_replaced
from textrnn.storage.metrics_validation import validate_report
from textrnn.storage.reading import load_saved
from textrnn.storage.report import RunReport
from textrnn.storage.training_lock import training_at
from textrnn.storage.writing import check_writable
from textrnn.training.checkpoint import Checkpoint, student_path
from textrnn.training.settings import Settings, check_seed
from textrnn.wording.messages import Advice, Message, Parameter
from textrnn.wording.quoting import quoted


@dataclass(frozen=True)
class Kept:
    """What makes a run the one that it is, and where it is kept.

    Attributes:
        out: the model folder; None keeps nothing.
        fingerprint: of the corpus.
        seed: of the run.
        settings: of the training.
        resume: go on from the checkpoint of this very run.
        others: what else makes it this run, JSON-ready; as the report has it under these names.
        say: receives a line about what is kept.
    """

    out: Path | None
    fingerprint: str
    seed: int
    settings: Settings
    resume: bool = False
    others: Mapping[str, Any] = field(default_factory=dict)
    say: Say = say_nothing

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Look at the seed and the folder, and keep others from training there meanwhile.

        Raises:
            UsageError: the seed cannot be one.
            ModelError: the folder cannot be written, or another training is at it.
        """
        check_seed(self.seed)
        if self.out is not None:
            check_writable(self.out)
        with training_at(self.out):
            yield

    def finished(
        self,
        check: Callable[[Any, Path], object] = lambda *_: None,
        is_same: Callable[[RunReport], bool] = lambda _: True,
        *,
        kinds: Sequence[str] = (),
    ) -> RunReport | None:
        """The report of this very run, when it is resumed though it had come to its end.

        Args:
            check: raises a ModelError if the folder's model is not of the kind that is trained.
            is_same: whether a report is of this run in what is not told here.
            kinds: of models that are trained, see ``storage.kinds``; any if none is named.

        Raises:
            ModelError: the folder is damaged, or holds another kind of model.
        """
        out = self.out
        if not self.resume or out is None or not (out / CONFIG).is_file():
            return None
        if checkpoint_path(out).exists():
            return None  # there is a run to go on with, whatever the folder holds
        saved = load_saved(out, kinds=kinds)  # a damaged one is not finished
        report = saved.report
        same = (
            report.finished is True
            and report.fingerprint == self.fingerprint
            and report.seed == self.seed
            and report.settings == self.settings.to_dict()
            and all(getattr(report, name) == value for name, value in self.others.items())
            and is_same(report)
        )
        if not same:
            return None
        check(saved.model, out)
        try:
            validate_report(saved.metrics)
        except ValueError as error:
            raise DamagedModelError(
                f"the model {quoted(out)} is damaged: its report: {error}; train it again without ",
                Parameter("resume"),
                ".",
            ) from error
        self.say(f"this run is finished already; its model is in {quoted(out)}")
        return report

    def tell_replaced(self) -> None:
        """Tell what will be lost, a run or a model, or that there is none to go on from."""
        if self.out is None:
            return
        path = checkpoint_path(self.out)
        if self.resume and not path.exists():
            self.say(f"note: there is no {quoted(path)} to go on from; this run begins anew")
        elif self.resume:
            return
        elif path.exists():
            told = f"note: {quoted(path)}, an unfinished run, will be replaced"
            self.say(Message(told, Advice("; ", Parameter("resume"), " would go on with it")))
        else:
            tell_replaced(self.out, self.say)

    def checkpoint(self, **more: Any) -> Checkpoint | None:
        """What writes the run to its file after every epoch, and takes it up again; see there.

        It goes before other callbacks, so that these see the run where it goes on from.

        Args:
            more: what else makes the training this one.
        """
        if self.out is None:
            return None
        identity = {
            "seed": self.seed,
            "corpus": self.fingerprint,
            **self.others,
            **self.settings.to_dict(),
            "n_jobs": self.settings.processes(),
            **more,
        }
        return Checkpoint(checkpoint_path(self.out), identity, resume=self.resume)

    @property
    def is_begun(self) -> bool:
        """Whether there is a checkpoint to go on from."""
        return self.out is not None and checkpoint_path(self.out).exists()

    def done(self) -> None:
        """The run has come to its end: there is nothing to go on from any more."""
        if self.out is not None:
            path = checkpoint_path(self.out)
            for file in (path, student_path(path)):
                file.unlink(missing_ok=True)


def checkpoint_path(out: Path) -> Path:
    """The file beside a model folder that holds an unfinished run."""
    return out.with_name(out.name + ".checkpoint")


@contextmanager
def told_of_checkpoint(checkpoint: Checkpoint | None) -> Iterator[None]:
    """Where a process dies, say that the run can go on, if it has a checkpoint to go on from."""
    try:
        yield
    except TrainingError as error:
        if not isinstance(error.__cause__, WorkerError) or not _is_of_run(checkpoint):
            raise
        raise TrainingError(
            *error.args,
            Advice(
                " What was trained up to the last whole epoch is in the checkpoint: go on from it "
                "with ",
                Parameter("resume"),
                " and the same ",
                Parameter("n_jobs"),
                ".",
            ),
        ) from error.__cause__


def _is_of_run(checkpoint: Checkpoint | None) -> bool:
    if checkpoint is None:
        return False
    try:
        again = Checkpoint(checkpoint.path, checkpoint.identity, resume=True)
        return again.n_texts() is not None
    except (ModelError, UsageError):
        return False
