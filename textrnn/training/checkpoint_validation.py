"""Whether a run can go on from what a checkpoint holds; anybody may have made the file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from textrnn.storage.weights_validation import Wanted, check_numbers, check_tensors
from textrnn.system.fields import Field, check_fields, flag, is_number, mapping, number, text, whole
from textrnn.system.weights_file import Tensors
from textrnn.training.state import Run
from textrnn.typing import Params

RECORD = {
    **dict.fromkeys(("loss", "accuracy", "backward_share"), number()),
    **dict.fromkeys(("gradient_norm", "learning_rate"), number().maybe()),
    **dict.fromkeys(("epoch", "steps"), whole(1)),
    **dict.fromkeys(("seconds", "words_per_second"), number(0)),
}
"""Of an epoch; what was found on held-out texts may stand beside these."""


def _is_score(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(map(is_number, value))


STATE = {
    "identity": mapping(),
    "n_texts": whole(1),
    "validation_seconds": number(0),
    **dict.fromkeys(("epoch", "steps", "planned_steps"), whole(1)),
    "history": Field(lambda value: isinstance(value, list), "a list"),
    "best_score": Field(_is_score, "accuracy and loss").or_none(),
    **dict.fromkeys(("best_epoch", "stale", "n_updates", "n_averaged"), whole()),
    "finished": flag(),
    "stopped": text().maybe(),
    "out_of_time": flag().maybe(),
    "n_jobs": whole(1).maybe(),
    "rng": mapping(),
}


def check_state(state: Mapping[str, Any], *, has_best: bool | None = None) -> None:
    """Check the values of a run between two epochs.

    Args:
        state: as JSON gives them.
        has_best: whether weights are kept as the best; None if nobody has looked.

    Raises:
        ValueError: what is wrong, the value seen and what it must be.
    """
    check_fields(state, STATE, "")
    history = state["history"]
    if len(history) != state["epoch"]:
        raise ValueError(f"history has {len(history)} epochs, not {state['epoch']}")
    for place, record in enumerate(history):
        check_fields(record, RECORD, f"history.{place}", others=True)
        others = {name: number() for name in record.keys() - RECORD.keys()}
        check_fields(record, others, f"history.{place}", others=True)
    if has_best is not None and has_best != (state["best_score"] is not None):
        raise ValueError("best_score and the best weights do not belong together")


def check_rng(state: Any, rng: np.random.Generator) -> None:
    """Check that a source of randomness can have a state.

    Raises:
        ValueError: it cannot.
    """
    try:
        type(rng.bit_generator)().state = state
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
        raise ValueError(f"rng is no state of {type(rng.bit_generator).__name__}") from error


def fits(run: Run) -> Callable[[Tensors], None]:
    """Checks that a file has the arrays of a run, see ``weights_validation.check_tensors``."""
    groups = {"weights/": run.network.params, "moments/": run.optimizer.moments}
    if run.average is not None:
        groups["average/"] = run.network.params

    def check(found: Tensors) -> None:
        has_best = any(name.startswith("best/") for name in found)
        best = {"best/": run.network.params} if has_best else {}
        wanted = {
            prefix + name: Wanted(value.shape, (f"F{8 * value.dtype.itemsize}",))
            for prefix, params in {**groups, **best}.items()
            for name, value in params.items()
        }
        check_tensors(found, wanted)

    return check


def check_arrays(arrays: Params) -> None:
    """Check that all numbers are finite, and squares not negative.

    Raises:
        ValueError: the first array with a number that is not.
    """
    largest = float(np.finfo(np.float64).max)
    for name, values in arrays.items():
        if not name.startswith("moments/"):
            check_numbers({name: values})
        else:
            least = 0.0 if name.startswith("moments/square.") else -largest
            check_numbers({name: values}, least=least, largest=largest)
