"""The command line, run as a user runs it: what it prints, and the processor's time it takes."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Done:
    """What a command printed on standard output, and its processor seconds."""

    printed: str
    seconds: float

    @property
    def record(self) -> dict[str, Any]:
        """The one JSON object that it printed."""
        found: dict[str, Any] = json.loads(self.printed)
        return found

    @property
    def records(self) -> list[dict[str, Any]]:
        """The JSON objects that it printed, one a line."""
        return [json.loads(line) for line in self.printed.splitlines()]


def textrnn(*words: object, given: str | None = None) -> Done:
    """Run a command.

    Args:
        words: of its command line.
        given: its standard input.

    Raises:
        RuntimeError: it failed; the message has the end of what it told.
    """
    command = [sys.executable, "-m", "textrnn", *map(str, words)]
    begun = _seconds()
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"textrnn {' '.join(command[3:])}: {done.stderr[-2_000:]}")
    return Done(done.stdout, round(_seconds() - begun, 1))


def _seconds() -> float:
    """Processor seconds of all commands that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
