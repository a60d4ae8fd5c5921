"""What ``textrnn gradients`` shows: tables, and a sentence for each reading."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from textrnn.cli.output import figure, is_unicode, print_entries, print_line, print_table

if TYPE_CHECKING:
    from textrnn.diagnosis.flow import GradientFlow, Reading
    from textrnn.diagnosis.gates import GateActivity
    from textrnn.diagnosis.jacobians import SingularValues

SHOWN = (0, 1, 2, 3, 5, 7, 10, 15, 20, 30, 40, 50, 70, 100, 150, 200, 300, 500, 700, 1000)
"""Distances of which there is a row."""
BAR = 30
"""Columns of a bar of all that there is."""


def print_flow(flow: GradientFlow) -> None:
    """All of it, the top layer first."""
    of = "" if flow.n_texts == flow.of_texts else f" of {flow.of_texts:,}, drawn by chance"
    print_line(f"{flow.cell}, {flow.n_texts:,} text{'' if flow.n_texts == 1 else 's'}{of}")
    print_line()
    for reading in flow.readings:
        _print_reading(reading, several=len(flow.readings) > 1)
    if flow.readout != "last":
        print_line(
            f"The readout {flow.readout} may hand a gradient to every state. Shown is the one "
            "that the last state would get alone, and hand on."
        )
    print_line(_clipping(flow))


def _print_reading(reading: Reading, *, several: bool) -> None:
    title = f"Layer {reading.layer + 1}, {reading.direction}" if several else ""
    full = "█" if is_unicode(sys.stdout) else "#"
    last = len(reading.distance) - 1
    shown = [d for d in SHOWN if d < last] + [last]
    scale = BAR / max((reading.left[d] for d in shown), default=1.0)
    rows = [
        [
            f"{d:,}",
            f"{reading.norm[d]:.2e}",
            f"{100 * reading.left[d]:.3g} %",
            f"{reading.texts[d]:,}",
            full * round(scale * reading.left[d]) or ".",
        ]
        for d in shown
    ]
    print_table(("distance", "norm", "left", "texts", ""), rows, title=title)
    print_entries(_entries(reading))
    gates = [[name, *_gate(of)] for name, of in reading.gates.items()]
    print_table(("gate", "kind", "mean", "below 0.1", "above 0.9", "tenth left after"), gates)


def _entries(reading: Reading) -> list[tuple[str, list[str]]]:
    found = [("gradient", [verdict(reading)])]
    if reading.singular_values is not None:
        found.append(("one step", [_step("h", reading.singular_values)]))
    if reading.state_singular_values is not None:
        carried = " and ".join(reading.states)
        found[-1][1].append(_step(carried, reading.state_singular_values))
    return found


def verdict(reading: Reading) -> str:
    """What the gradient does from word to word, in a sentence."""
    decay = reading.decay
    if decay is None:
        return "no text is long enough to tell how it changes from word to word"
    if decay == 0.0:
        return "it is gone at once: nothing of it reaches the word before the last"
    if reading.memory_length is None:
        change = "stays as it is" if decay < 1.0005 else f"grows by {_percent(decay - 1.0)} a word"
        return f"it {change}: it does not fade"
    left = "is left" if reading.memory_length <= reading.distance[-1] else "would be left"
    measured = "" if reading.tenth_after is None else f"; measured, after {reading.tenth_after:,}"
    return (
        f"it falls by {_percent(1.0 - decay)} a word: at that rate a tenth {left} after "
        f"{_words(reading.memory_length)}{measured}"
    )


def _percent(share: float) -> str:
    return f"{100 * share:.2g} %" if share < 0.1 else f"{100 * share:.0f} %"


def _words(length: float) -> str:
    words = f"{length:,.0f}" if length >= 9.95 else f"{length:.1f}"
    return f"{words} word{'' if words == '1.0' else 's'}"


def _step(of: str, values: SingularValues) -> str:
    largest, smallest = values.largest, values.smallest
    return (
        f"singular values by {of}: the largest {largest['median']:.2f} "
        f"({largest['p10']:.2f} to {largest['p90']:.2f}), the median "
        f"{values.median['median']:.2f}, the smallest {smallest['median']:.1g}, "
        f"over {values.steps:,} steps"
    )


def _gate(of: GateActivity) -> list[str]:
    memory = "" if of.memory is None else _words(of.memory)
    if of.memory is not None and of.longest_memory is not None:
        memory += f", at most {_words(of.longest_memory)}"
    return [of.kind, figure(of.mean, 2), *(f"{100 * x:.0f} %" for x in (of.low, of.high)), memory]


def _clipping(flow: GradientFlow) -> str:
    found = flow.clipped
    if found is None:
        return "Clipping: the training clips no gradient, or did not say."
    norms = f"norms {found.smallest_norm:.2g} to {found.largest_norm:.2g}"
    batches = f"{found.batches:,} batches" if found.batches > 1 else "one batch"
    told = f"Clipping at {found.max_grad_norm:g}: {found.share:.0%} of {batches}"
    if found.factor is not None:
        told += f", which are shortened to {found.factor:.0%} of their length on average"
    return f"{told} ({norms})."
