"""Whether a network goes along whole texts as they are read, from their first word to their last.

Then it has an answer after every word, and a learning rule can follow its states.
"""

from __future__ import annotations

from textrnn.wording.messages import Message, Setting


def why_not_one_way(*, bidirectional: bool, segment_length: int | None) -> Message | None:
    """Why a network of such settings does not; None if it does.

    Whoever reads the message is told first what they asked for.
    """
    if bidirectional:
        return Message(
            "the network reads each text from both ends instead of one way; train with ",
            Setting("bidirectional", False),
            ".",
        )
    if segment_length is not None:
        return Message(
            f"texts are read in segments of {segment_length} words; train with ",
            Setting("segment_length", None),
            ".",
        )
    return None
