"""Many texts to token ids, in as many processes as pay for their start.

This process begins with the first text at once. Each other one, when it has started, gets a
fair share of what is left from the end, so nobody waits for a slow start, and the result is the
same whoever did the work.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from textrnn.errors import WorkerError
from textrnn.system.processes import Processes, tell_fewer
from textrnn.system.spawning import is_known_elsewhere
from textrnn.text.encoded import EncodedTexts, concatenated, encode_lists
from textrnn.text.tokenizers import Tokenizer, tokenizer_name
from textrnn.typing import Counts, Ids

CHARACTERS_A_PROCESS = 8_000_000
"""Characters, half a second's work, of which each process must have as many: two were slower than
one on 15 million (1.03 s against 0.81 s) and faster on 20 million (0.67 s against 1.02 s)."""
LOOK_EVERY = 64
"""Texts after which this process looks whether another has started."""


def tokenise(tokenizer: Tokenizer, texts: Sequence[str], *, n_jobs: int = 1) -> EncodedTexts:
    """Tokenise texts and give the tokens ids as they first occur.

    Args:
        tokenizer: one with a name may work in several processes, another stays in this one.
        texts: texts of any length.
        n_jobs: processes at most, this one included; small corpora take fewer.

    Raises:
        WorkerError: a process died at its work. One that cannot start is done without.
    """
    reach = np.cumsum([len(text) for text in texts], dtype=np.int64)
    useful = int(reach[-1]) // CHARACTERS_A_PROCESS if len(texts) else 0
    n_jobs = min(n_jobs, useful)
    if n_jobs < 2 or tokenizer_name(tokenizer) is None or not is_known_elsewhere(texts):
        return encode_lists(map(tokenizer, texts))
    try:
        processes = Processes(_prepare, [tokenizer] * (n_jobs - 1))
    except WorkerError as error:
        tell_fewer(1, error)
        return encode_lists(map(tokenizer, texts))
    try:
        busy: list[int] = []
        first = encode_lists(_tokens_not_given_away(tokenizer, texts, reach, processes, busy))
        # Shares were given from the end.
        rest = [EncodedTexts(*processes.receive(i)) for i in reversed(busy)]
        processes.tell_lost()
        return concatenated([first, *rest])
    finally:
        processes.close()


def _tokens_not_given_away(
    tokenizer: Tokenizer,
    texts: Sequence[str],
    reach: Counts,
    processes: Processes,
    busy: list[int],
) -> Iterator[list[str]]:
    """Tokenise text by text from the beginning, and give shares away from the end.

    ``reach`` is the number of characters up to the end of each text; processes that got a
    share are added to ``busy``, in order.
    """
    idle = list(range(len(processes.pipes)))
    row, end = 0, len(texts)
    while row < end:
        if row % LOOK_EVERY == 0:
            for i in idle.copy():
                try:
                    started = processes.is_ready(i)
                except WorkerError:  # it will never start: others, or this one, do its work
                    idle.remove(i)
                    continue
                left = reach[end - 1] - reach[row]
                share = left / (len(idle) + 1)
                begin = int(np.searchsorted(reach, reach[end - 1] - share)) + 1
                # Among empty texts a share of the characters may begin anywhere.
                begin = max(begin, row + 1)
                if started and begin < end:
                    processes.send(i, texts[begin:end])
                    idle.remove(i)
                    busy.append(i)
                    end = begin
        yield tokenizer(texts[row])
        row += 1


def _prepare(tokenizer: Tokenizer) -> Callable[[Sequence[str]], tuple[Ids, Counts, Sequence[str]]]:
    """What another process answers with: the fields of its `EncodedTexts`."""

    def answer(texts: Sequence[str]) -> tuple[Ids, Counts, Sequence[str]]:
        found = encode_lists(map(tokenizer, texts))
        return found.ids, found.starts, found.words

    return answer
