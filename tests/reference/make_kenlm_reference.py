"""What KenLM's lmplz, a known implementation of modified Kneser-Ney smoothing, makes of a corpus.

    python -m tests.reference.make_kenlm_reference path/to/lmplz

writes ``kenlm_reference.json``: the log10 probability of every word, and of the end, of texts that
were held out, by the file in ARPA format that ``lmplz -o ORDER --discount_fallback`` makes of the
others. The file that is there was made by KenLM at commit 4cb443e60b7bf2c0ddf3c745378f76cb59e254e5
(Heafield et al. 2013; https://github.com/kpu/kenlm). The corpus is generated, words and all.
"""

from __future__ import annotations

import json
import random
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

PARTS = {"all": 1_500, "few": 40}
"""Texts to learn from: of few of them some discounts cannot be estimated."""
ORDERS = (1, 2, 3, 5)
HERE = Path(__file__).with_name("kenlm_reference.json")
N_HELD_OUT = 60
UNKNOWN = "never"
"""A word of held-out texts alone."""


def corpus() -> tuple[list[list[str]], list[list[str]]]:
    """Texts to learn from, and others: made of 500 words, each of which likes a few others.

    Some texts are empty, and in the held-out ones some words are unknown.
    """
    rng = random.Random(12)
    words = [f"w{i}" for i in range(500)]

    def some(n: int) -> str:
        """Of the first n words the earlier ones more often."""
        return words[int(n * rng.random() ** 4)]

    likes = {word: [some(500) for _ in range(4)] for word in words}

    def text() -> list[str]:
        found = [some(100)]
        while rng.random() < 0.85:
            last = found[-1]
            found.append(likes[last][int(4 * rng.random())] if rng.random() < 0.6 else some(500))
        return found

    training = [text() if rng.random() < 0.99 else [] for _ in range(PARTS["all"])]
    held_out = [
        [UNKNOWN if rng.random() < 0.05 else word for word in text()] for _ in range(N_HELD_OUT)
    ]
    return training, [*held_out, []]


def log10s(arpa: str, text: Sequence[str]) -> list[float]:
    """The log10 probability of each word of a text and of its end, by a file in ARPA format."""
    table = {}
    for line in arpa.splitlines():
        fields = line.split("\t")
        if len(fields) > 1 and not line.startswith("ngram"):
            found = (float(fields[0]), float(fields[2]) if len(fields) > 2 else 0.0)
            table[tuple(fields[1].split())] = found
    order = max(map(len, table))
    marks = ["<s>", *(w if (w,) in table else "<unk>" for w in text), "</s>"]

    def log10(history: tuple[str, ...], word: str) -> float:
        if (*history, word) in table:
            return table[(*history, word)][0]
        return table.get(history, (0.0, 0.0))[1] + log10(history[1:], word)

    return [log10(tuple(marks[max(0, i - order + 1) : i]), marks[i]) for i in range(1, len(marks))]


def made_by(lmplz: str, order: int, lines: str, held_out: list[list[str]]) -> dict[str, object]:
    """What lmplz makes of some lines: the orders whose discounts it replaced, and probabilities."""
    command = [lmplz, "-o", str(order), "--discount_fallback", "-S", "100M"]
    done = subprocess.run(command, input=lines, capture_output=True, text=True, check=True)
    replaced = re.findall(r"fallback discounts for order (\d+)", done.stderr)
    return {
        "fallbacks": [int(number) + 1 for number in replaced],  # it counts orders from 0
        "log10": [log10s(done.stdout, text) for text in held_out],
    }


def main(lmplz: str) -> None:
    """Run lmplz at each order, and write what it makes of the held-out texts."""
    training, held_out = corpus()
    reference: dict[str, dict[str, object]] = {}
    for part, n in PARTS.items():
        lines = "".join(" ".join(text) + "\n" for text in training[:n])
        reference[part] = {str(order): made_by(lmplz, order, lines, held_out) for order in ORDERS}
    HERE.write_text(json.dumps(reference) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
