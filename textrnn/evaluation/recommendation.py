"""Say in plain English which of the compared classifiers to use, and why."""

from __future__ import annotations

from collections.abc import Mapping

from textrnn.evaluation.metrics import Report
from textrnn.evaluation.scores import Costs as Costs
from textrnn.evaluation.significance import PairedTest

SIGNIFICANCE = 0.05
NOTABLE_F1 = 0.01
"""Of macro F1: what another classifier must lead by to be named beside the one to use."""
CLASSIFIER = "classifier"
"""The name of what was trained, network and n-grams together, among the baselines."""
NETWORK = "network"
"""That of its network alone, among its parts, and of the whole in 0.1.0."""
MAJORITY = "majority"


def best_baseline(baselines: Mapping[str, Report]) -> str:
    """Return the name with the highest accuracy, the first of equals."""
    return max(baselines, key=lambda name: baselines[name].accuracy)


def recommended(baselines: Mapping[str, Report], paired: PairedTest | None) -> str:
    """Return the name of the classifier to use.

    ``paired`` is the test of the classifier (a) against ``best_baseline(baselines)`` (b), corrected
    for the choice of that baseline (``significance.against_best``); None without one. One
    that is not significantly better loses: it is slower to train and harder to
    understand.
    """
    if paired is not None and paired.p_value < SIGNIFICANCE and paired.difference > 0:
        return CLASSIFIER
    return best_baseline(baselines)


def recommendation(
    classifier: Report,
    baselines: Mapping[str, Report],
    paired: PairedTest,
    *,
    over_ngrams: PairedTest | None = None,
    costs: Mapping[str, Costs] | None = None,
) -> str:
    """Say which classifier is ``recommended``, and what is known of the choice.

    ``over_ngrams`` is the test of the classifier (a) against its n-gram part alone (b),
    ``costs`` those of the classifiers by their names.
    """
    best = best_baseline(baselines)
    costs = costs or {}
    told = [_choice(classifier.accuracy, best, baselines[best].accuracy, paired, bool(costs))]
    if best != MAJORITY and CLASSIFIER in costs and best in costs:
        told.append(
            f"The classifier takes {_price(costs[CLASSIFIER])}; {best} takes {_price(costs[best])}."
        )
    if over_ngrams is not None:
        told.append(_what_reading_adds(over_ngrams))
    told += _of_rare_classes({CLASSIFIER: classifier, **baselines}, recommended(baselines, paired))
    return " ".join(told)


def _choice(classifier: float, best: str, baseline: float, paired: PairedTest, costed: bool) -> str:
    better, worse = f"{max(classifier, baseline):.3f}", f"{min(classifier, baseline):.3f}"
    p = _chance(paired)
    significant = paired.p_value < SIGNIFICANCE
    if significant and paired.difference > 0:
        return f"Use the classifier: it beats the best baseline, {best} ({better} vs {worse}, {p})."
    if best == MAJORITY:
        return (
            "Use neither: nothing does better than always answering the commonest label "
            f"(classifier {classifier:.3f}, majority {baseline:.3f}, {p})."
        )
    if significant:
        return f"A bag of words is enough here: use {best} ({better} vs {worse}, {p})."
    why = "simpler" if costed else "simpler and faster to train"
    scores = f"classifier {classifier:.3f}, {best} {baseline:.3f}"
    return (
        f"A bag of words is enough here: use {best}, which is {why}. "
        f"The difference is not significant ({scores}, {p})."
    )


def _what_reading_adds(over_ngrams: PairedTest) -> str:
    """What the recurrent part gives to the n-gram part beside it."""
    found = f"{over_ngrams.difference:+.3f} accuracy, {_chance(over_ngrams)}"
    if over_ngrams.p_value >= SIGNIFICANCE:
        return (
            f"What reading in order adds to the classifier's own n-grams may be chance ({found})."
        )
    verb = "adds to" if over_ngrams.difference > 0 else "takes from"
    return f"Reading in order {verb} the classifier's own n-grams ({found})."


def _of_rare_classes(reports: Mapping[str, Report], chosen: str) -> list[str]:
    """A sentence where another classifier than the one to use is clearly better at them."""
    best = max(reports, key=lambda name: reports[name].macro_f1)
    gain = reports[best].macro_f1 - reports[chosen].macro_f1
    if gain < NOTABLE_F1:
        return []
    figures = f"{reports[best].macro_f1:.3f} vs {reports[chosen].macro_f1:.3f}"
    return [f"By macro F1, which counts rare classes as much as others, {best} leads ({figures})."]


def _price(costs: Costs) -> str:
    training = "" if costs.seconds is None else f"{costs.seconds:,.1f} s to train, "
    return f"{training}{costs.latency_ms:.2f} ms a text and {_size(costs.size_bytes)}"


def _size(n: int) -> str:
    return f"{n / 1e6:,.1f} MB" if n >= 1e6 else f"{n / 1e3:,.1f} kB"


def _chance(paired: PairedTest) -> str:
    return "p < 0.001" if paired.p_value < 0.001 else f"p = {paired.p_value:.3f}"
