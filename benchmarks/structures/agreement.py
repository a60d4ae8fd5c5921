"""Which of two sentences a language model prefers: the one whose verb agrees, or the other.

1,000 pairs of `corpora.generated.agreement`, whose nouns between subject and verb are all of the
other number, by the words between; a network and Markov chains beside it.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.family.part import Job, Part, Run
from benchmarks.structures.command import textrnn
from benchmarks.structures.part import SEEDS, Options, of_seeds, share
from textrnn.corpora.generated import agreement

ORDERS = (2, 3, 4, 5, 6)
DISTANCES = range(1, agreement.MOST_BETWEEN + 1)


def preferred(model: Path) -> dict[int, list[bool]]:
    """For each number of words between, of which pairs the right sentence is the likelier one."""
    pairs = agreement.pairs()
    texts = [text for one in pairs for text in (one.text, one.mistaken)]
    given = "".join(f"{text}\n" for text in texts)
    told = textrnn("lm", "score", "--model", model, "--json", "-", given=given).records
    assert [record["text"] for record in told] == texts
    found: dict[int, list[bool]] = {distance: [] for distance in DISTANCES}
    for i, one in enumerate(pairs):
        right, wrong = (record["log_probability"] for record in told[2 * i : 2 * i + 2])
        found[one.n_between].append(right > wrong)
    return found


def run(order: int, seed: int, words: tuple[str, ...]) -> Run:
    """One training, of a chain or, of order 0, of a network, and what it prefers."""
    own = ("--markov", order) if order else ("--seed", seed, *words)
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model"
        trained = textrnn("lm", "train", "agreement", "--out", model, "-q", *own)
        judged = textrnn("lm", "evaluate", model, "agreement", "--json").record
        found = preferred(model)
    return {
        "order": order,
        "seed": seed,
        "words": list(words) if order == 0 else [],
        "perplexity": judged["perplexity"],
        "right": {str(distance): sum(one) for distance, one in found.items()},
        "pairs": {str(distance): len(one) for distance, one in found.items()},
        "seconds": trained.seconds,
    }


def jobs(options: Options) -> list[Job]:
    """A network with every seed, and a chain of every order."""
    networks = [Job(run, (0, seed, options.words)) for seed in options.seeds or SEEDS]
    return [*networks, *(Job(run, (order, 0, ())) for order in ORDERS)]


def table(runs: list[Run]) -> str:
    """Markdown: a row a model, a column a distance."""
    head = " | ".join(map(str, DISTANCES))
    lines = [
        f"| model | perplexity | all pairs | {head} | seeds |",
        "|---" * (len(DISTANCES) + 4) + "|",
    ]
    for order in (0, *ORDERS):
        of = [run for run in runs if run["order"] == order]
        if not of:
            continue
        pairs = of[0]["pairs"]
        right = {d: sum(run["right"][d] for run in of) for d in pairs}
        by_distance = " | ".join(f"{right[d] / (len(of) * pairs[d]):.3f}" for d in pairs)
        lines.append(
            f"| {f'chain of order {order}' if order else 'network'} "
            f"| {of_seeds([run['perplexity'] for run in of], 2) if not order else _alone(of)} "
            f"| {share(sum(right.values()), len(of) * sum(pairs.values()))} | {by_distance} "
            f"| {len(of) if not order else ''} |"
        )
    return "\n".join(lines)


def _alone(runs: list[Run]) -> str:
    return f"{runs[0]['perplexity']:.2f}"


PART: Part[Options] = Part(jobs, table, ("order", "seed"))
