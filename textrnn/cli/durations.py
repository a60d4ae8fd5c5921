"""Times as people write them: 90, 60s, 10m, 1h30m."""

from __future__ import annotations

import re

from textrnn.errors import UsageError
from textrnn.wording.quoting import quoted

_NUMBER = r"(\d+(?:\.\d+)?)"
_DURATION = re.compile(rf"(?:{_NUMBER}h)?(?:{_NUMBER}m)?(?:{_NUMBER}s?)?")


def seconds_of(text: str, option: str) -> float:
    """Seconds that a text means.

    Args:
        text: hours, minutes and seconds, or any of them; a bare number is seconds.
        option: where it was given, for the message.

    Raises:
        UsageError: it is no time, or no time at all.
    """
    match = _DURATION.fullmatch(text.strip().lower())
    if match is None or not any(match.groups()):
        raise UsageError(
            f"{option} is {quoted(text)}, but must be a time such as 60s, 10m or 1h30m."
        )
    hours, minutes, seconds = (float(part or 0) for part in match.groups())
    total = 3600 * hours + 60 * minutes + seconds
    if not 0.0 < total < float("inf"):
        raise UsageError(f"{option} is {quoted(text)}, but must be longer than nothing, as 60s.")
    return total
