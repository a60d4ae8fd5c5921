"""How far back each cell looks, before and after it has learnt the cars: a table by cell.

    python -m benchmarks.gradient_flow

trains every cell for a few epochs, with one direction and the last state as the readout, so that
the loss sees nothing else, and writes ``benchmarks/results/gradient_flow.json``. Names of cells
may be given: then the others are kept as they are on file.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from benchmarks.machine import machine
from textrnn import TextRNNClassifier
from textrnn.corpora import load_corpus
from textrnn.diagnosis import GradientFlow, gradient_flow
from textrnn.nn.cells import CELLS

RESULTS = Path(__file__).parent / "results" / "gradient_flow.json"
SETTINGS: dict[str, Any] = {
    "bidirectional": False,
    "readout": "last",
    "ngrams": "none",
    "max_iter": 8,
    "early_stopping": False,
    "random_state": 0,
}
UNTRAINED: dict[str, Any] = {"max_steps": 1, "learning_rate_init": 1e-12}
"""One step that moves nothing: the weights as they are drawn."""
TEXTS = 200
"""Test texts that are looked at."""


def measure(cell: str) -> dict[str, Any]:
    """One cell, as it begins and as it ends."""
    cars = load_corpus("cars")
    assert cars.test is not None
    found: dict[str, Any] = {}
    for name, more in (("untrained", UNTRAINED), ("trained", {})):
        classifier = TextRNNClassifier(cell=cell, **SETTINGS, **more)
        classifier.fit(cars.train.texts, cars.train.labels)
        flow = gradient_flow(classifier.model_, cars.test.texts, cars.test.labels, limit=TEXTS)
        accuracy = classifier.score(cars.test.texts, cars.test.labels)
        found[name] = {**_of(flow), "accuracy": float(accuracy)}
    return found


def _of(flow: GradientFlow) -> dict[str, Any]:
    main = flow.main
    values = main.state_singular_values or main.singular_values
    assert values is not None
    return {
        "decay": main.decay,
        "memory_length": main.memory_length,
        "tenth_after": main.tenth_after,
        "left_at_20": main.left[20],
        "largest": values.largest["median"],
        "median": values.median["median"],
    }


def table(runs: dict[str, Any]) -> str:
    """The table of the documentation."""
    lines = [
        "| cell | weights | accuracy | factor a word | memory, words | a tenth is left after | "
        "left after 20 | largest singular value | median one |",
        "|---|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for cell, of in runs.items():
        for name, run in of.items():
            memory, tenth, left = (run[n] for n in ("memory_length", "tenth_after", "left_at_20"))
            cells = [
                f"`{cell}`" if name == "untrained" else "",
                "as drawn" if name == "untrained" else name,
                f"{run['accuracy']:.3f}",
                f"{run['decay']:.3f}",
                "–" if memory is None else f"{memory:.1f}",
                "–" if tenth is None else f"{tenth}",
                f"{100 * left:.2g} %" if left < 0.1 else f"{100 * left:.0f} %",
                f"{run['largest']:.2f}",
                f"{run['median']:.2f}",
            ]
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure cells, all if none is named, and print the table of all that are on file."""
    known: dict[str, Any] = {}
    if RESULTS.exists():
        known = json.loads(RESULTS.read_text(encoding="utf-8"))["runs"]
    for cell in sys.argv[1:] or CELLS:
        known[cell] = measure(cell)
    runs = {cell: known[cell] for cell in CELLS if cell in known}
    content = {"machine": machine(), "texts": TEXTS, "runs": runs}
    RESULTS.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    print(table(runs))


if __name__ == "__main__":
    main()
