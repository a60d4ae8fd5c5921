"""A run's state on the disk after every epoch, so that nothing is lost and it can go on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from textrnn.errors import UsageError
from textrnn.evaluation.held_out_scores import as_named_now
from textrnn.storage.checkpoint_file import load_arrays, load_state, reading, save_arrays
from textrnn.text.spelling import EDIT, LEFT_OUT, SPELLING_RULES
from textrnn.training.callbacks import Callback
from textrnn.training.checkpoint_validation import check_arrays, check_rng, check_state, fits
from textrnn.training.settings import DECLARED
from textrnn.training.state import OUT_OF_TIME, Run, TrainingState
from textrnn.typing import Params
from textrnn.wording.messages import Advice, Parameter, Value
from textrnn.wording.quoting import quoted

FINGERPRINTS = {
    "corpus": "the corpus has changed",
    "unlabelled": "the unlabelled texts have changed",
}
"""Parts of an identity that say no more than that they differ, and what that means."""


class Checkpoint(Callback):
    """Writes the run to one file after every epoch; takes it up again at the start.

    Args:
        path: the file.
        identity: JSON-ready values that make this run what it is (settings, corpus).
            A checkpoint of another identity is refused.
        resume: go on from the file if there is one.
    """

    def __init__(self, path: Path, identity: dict[str, Any], *, resume: bool = False) -> None:
        self.path = path
        self.identity = identity
        self.resume = resume
        self.is_student = False

    def on_start(self, run: Run) -> None:
        if self.resume and self.path.exists():
            restore(run, *self.read(run))
        elif not self.is_student:
            student_path(self.path).unlink(missing_ok=True)  # of another run

    def read(self, run: Run) -> tuple[Params, dict[str, Any]]:
        """The arrays and values from which a run goes on.

        Raises:
            UsageError: they are of another run.
            ModelError: the file is damaged.
        """
        self._state(self.path)  # whose run it is, is told before what does not fit
        arrays, saved = load_arrays(self.path, fits(run))
        with reading(self.path):
            check_state(saved, has_best=any(name.startswith("best/") for name in arrays))
            if saved["n_texts"] != len(run.train):
                raise ValueError(f"it is of {saved['n_texts']:,} texts, not {len(run.train):,}")
            check_rng(saved["rng"], run.rng)
            check_arrays(arrays)
        return arrays, saved

    def _state(self, path: Path) -> dict[str, Any]:
        """The values in a file alone, checked."""
        saved = load_state(path)
        with reading(path):
            check_state(saved)
        self._check_identity(saved["identity"])
        return saved

    def on_student(self, n_texts: int) -> None:
        """Keep the student's run in a file of its own: its teacher is not to be trained again."""
        del n_texts
        self.path, self.is_student = student_path(self.path), True

    def n_texts(self) -> int | None:
        """Training texts of the run to go on with, which may have had no time for all."""
        return self._n_texts(self.path)

    def n_student(self) -> int | None:
        """The same of the student's run."""
        return self._n_texts(student_path(self.path))

    def _n_texts(self, path: Path) -> int | None:
        return self._state(path)["n_texts"] if self.resume and path.exists() else None

    def on_rehearsal(self, run: Run) -> None:
        arrays, saved = snapshot(run)
        best = {f"best/{name}": value for name, value in run.network.params.items()}
        beside = self.path.with_name(self.path.name + ".rehearsal")
        try:
            save_arrays(beside, {**arrays, **best}, saved)
        finally:
            beside.unlink(missing_ok=True)

    def on_epoch(self, run: Run) -> None:
        arrays, saved = snapshot(run)
        save_arrays(self.path, arrays, {**saved, "identity": self.identity})

    def _check_identity(self, saved: dict[str, Any]) -> None:
        for key in {**self.identity, **saved}:
            # A setting that came later was as if it were not there.
            later = DECLARED[key].default if key in DECLARED else None
            before, now = saved.get(key, later), self.identity.get(key, later)
            if before != now:
                raise UsageError(
                    f"the checkpoint {quoted(self.path)} is of another run: ",
                    *_difference(key, before, now),
                    ". Use the same ",
                    "texts" if key in FINGERPRINTS else "settings",
                    ", or train without ",
                    Parameter("resume"),
                    ".",
                )


def _difference(key: str, before: Any, now: Any) -> tuple[object, ...]:
    """In which respect a run is another one."""
    if key in FINGERPRINTS:
        return (FINGERPRINTS[key],)
    return (
        Parameter(key),
        Advice(" was ", Value(key, before), otherwise=" was not given"),
        Advice(" and is ", Value(key, now), " now", otherwise=" and is not given now"),
    )


def spelling_rule_of(path: Path, *, resume: bool) -> str:
    """What counts as one edit of a word in a run: where it goes on, what it was when the run began.

    Raises:
        ModelError: the file is damaged.
    """
    if not (resume and path.exists()):
        return EDIT
    with reading(path):
        saved = load_state(path)
        check_state(saved)
        spelling_rule: str = saved["identity"].get("slip", LEFT_OUT)
        if spelling_rule not in SPELLING_RULES:
            raise ValueError(f"identity.slip must be one of {', '.join(SPELLING_RULES)}")
    return spelling_rule


def student_path(path: Path) -> Path:
    """The file of a student's run, beside that of its teacher; named as by 0.1.0."""
    return path.with_name(path.name + ".taught")


def snapshot(run: Run) -> tuple[Params, dict[str, Any]]:
    """All of a run between two epochs: arrays by name, and JSON-ready values."""
    state = run.state
    arrays = {f"weights/{name}": value for name, value in run.network.params.items()}
    moments = run.optimizer.state()["moments"]
    arrays |= {f"moments/{name}": value for name, value in moments.items()}
    arrays |= {f"best/{name}": value for name, value in (state.best_params or {}).items()}
    average = run.average
    if average is not None:
        values = average.of(run.network.params)
        arrays |= {f"average/{name}": value for name, value in values.items()}
    return arrays, {
        "n_texts": len(run.train),
        "n_jobs": run.n_jobs,
        "validation_seconds": run.validation_seconds,
        "epoch": state.epoch,
        "steps": state.steps,
        "planned_steps": state.planned_steps,
        "history": state.history,
        "best_score": list(state.best_score) if state.best_params is not None else None,
        "best_epoch": state.best_epoch,
        "stale": state.stale,
        "finished": state.finished,
        "stopped": state.stopped,
        "out_of_time": state.out_of_time,
        "n_updates": run.optimizer.n_updates,
        "n_averaged": average.n_updates if average is not None else 0,
        "rng": run.rng.bit_generator.state,
    }


def restore(run: Run, arrays: Params, saved: dict[str, Any]) -> None:
    """Put a run back to where a snapshot was taken."""

    def part(prefix: str) -> Params:
        return {k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)}

    for name, value in part("weights/").items():
        run.network.params[name][...] = value
    run.optimizer.restore({"moments": part("moments/"), "n_updates": saved["n_updates"]})
    if run.average is not None:
        run.average.restore(part("average/"), saved["n_averaged"])
    best = part("best/")
    history = saved["history"]
    if run.scorer is not None:
        history = as_named_now({"history": history}, is_alone=False)["history"]
    run.state = TrainingState(
        planned_steps=saved["planned_steps"],
        steps=saved["steps"],
        epoch=saved["epoch"],
        history=history,
        best_epoch=saved["best_epoch"],
        best_params={name: np.array(value) for name, value in best.items()} or None,
        stale=saved["stale"],
        finished=saved["finished"],
        stopped=saved.get("stopped", OUT_OF_TIME if saved.get("out_of_time") else ""),
    )
    if saved["best_score"] is not None:
        run.state.best_score = (saved["best_score"][0], saved["best_score"][1])
    run.validation_seconds = saved["validation_seconds"]
    run.n_jobs_before = saved.get("n_jobs")
    run.rng.bit_generator.state = saved["rng"]
