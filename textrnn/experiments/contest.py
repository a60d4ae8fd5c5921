"""All classifiers on one corpus: what each scores and costs, and which to use.

What ``textrnn compare`` and a script of one's own both call.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from textrnn.corpora import Corpus
from textrnn.corpora.overlap import as_counts, warnings_of
from textrnn.errors import UsageError, did_you_mean
from textrnn.evaluation.recommendation import CLASSIFIER, NETWORK, Costs, best_baseline
from textrnn.experiments.comparison import (
    Contender,
    baseline_contenders,
    check_one_class,
    compared,
    labels_to_find,
    network_contender,
    paired_with_best,
)
from textrnn.experiments.contest_report import ContestReport
from textrnn.experiments.costs import costs_of, served
from textrnn.experiments.data import Prepared, Say, prepare, say_nothing
from textrnn.experiments.experiment import Experiment
from textrnn.experiments.learning_curve import FEWEST, LearningCurve, Point, crossing, part_of
from textrnn.experiments.training import train_network
from textrnn.inference.classifier import TextModel
from textrnn.linear.baselines import ALL_BASELINES
from textrnn.storage.card import model_card
from textrnn.storage.format import tell_replaced
from textrnn.storage.report import RunReport
from textrnn.storage.training_lock import training_at
from textrnn.storage.writing import check_writable, save_model
from textrnn.system.version import __version__
from textrnn.text.tokenizers import make_tokenizer
from textrnn.training.callbacks import Callback
from textrnn.training.progress import clock
from textrnn.training.settings import Settings, check_seed
from textrnn.wording.messages import Parameter
from textrnn.wording.quoting import quoted

BEST = "best"


@dataclass(frozen=True)
class Contest:
    """What is to be compared.

    Attributes:
        corpus: the labelled texts.
        settings: of the network; its tokenizer and share of validation texts are all
            classifiers'.
        seed: of the splits, of the network, and of the shares of a learning curve.
        network: train one.
        model: a trained network to set beside the baselines in its place.
        baselines: names of the baselines.
        fractions: shares of the training texts for a learning curve; none draws none.
        out: the model folder to write; None writes nothing.
        which: the classifier to write: a name, or ``best`` for the one to use.
        cache: keep tokens on disk, and use those that were kept.
        callbacks: called during the training of the network.
        say: receives a line about each stage.
    """

    corpus: Corpus
    settings: Settings
    seed: int = 0
    network: bool = True
    model: TextModel | None = None
    baselines: Sequence[str] = ALL_BASELINES
    fractions: Sequence[float] = ()
    out: Path | None = None
    which: str = BEST
    cache: bool = True
    callbacks: Sequence[Callback] = ()
    say: Say = say_nothing

    @property
    def names(self) -> tuple[str, ...]:
        """Of all that take part."""
        has_network = self.network or self.model is not None
        return (*self.baselines, CLASSIFIER) if has_network else tuple(self.baselines)


def run_contest(contest: Contest) -> ContestReport:
    """Train, score, time, compare and save.

    After Ctrl-C the report is of what was done till then, with ``interrupted`` set.

    Raises:
        UsageError: a setting or name cannot work.
        DataError: the corpus cannot be used.
        ModelError: the model folder cannot be written, or another training is at it.
        TrainingError: the loss became infinite or not a number.
    """
    contest = replace(contest, which=current_name(contest.which))
    _check(contest)
    with training_at(contest.out):
        return _run(contest)


def _run(contest: Contest) -> ContestReport:
    """What ``run_contest`` does where nobody else is at the folder."""
    if contest.out is not None:
        tell_replaced(contest.out, contest.say)
    data = _prepare(contest)
    labels_to_find(data)
    found: list[Contender] = []
    costs: dict[str, Costs] = {}
    points: list[Point] = []
    interrupted = False
    try:
        for contender in _contenders(contest, data, callbacks=contest.callbacks):
            found.append(contender)
            costs[contender.name] = costs_of(contender, data)
            contest.say(
                f"{len(found)} of {len(contest.names)}: {contender.name} has "
                f"{contender.report.accuracy:.4f} of the test texts right"
            )
        if contest.fractions:
            points.extend(_curve(contest, data, found, costs))  # those before a Ctrl-C stay
    except KeyboardInterrupt:
        interrupted = True
        contest.say("interrupted: what was finished till then follows")
    network = next((one for one in found if one.name == CLASSIFIER), None)
    baselines = [one for one in found if one.name != CLASSIFIER]
    report = ContestReport(
        **vars(compared(data, baselines, network, costs)),
        costs=costs,
        learning_curve=_curve_of(points) if contest.fractions else None,
        shared=as_counts(data.shared),
        warnings=warnings_of(data.shared),
        interrupted=interrupted,
    )
    if contest.out is None:
        return report
    return replace(report, saved=_save(contest, data, found, report))


def _check(contest: Contest) -> None:
    """Tell a mistake before the training, not after it."""
    contest.settings.validate()
    check_seed(contest.seed)
    check_which(contest.which, contest.names)
    if contest.model is not None:
        check_one_class(contest.model)
    if contest.out is not None:
        check_writable(contest.out)


def current_name(which: str) -> str:
    """What a classifier is called now; of the whole 0.1.0 said ``network``."""
    return CLASSIFIER if which == NETWORK else which


def check_which(which: str, names: Sequence[str]) -> None:
    """Raise UsageError unless ``which`` is ``best`` or a name."""
    choices = (BEST, *names)
    if which not in choices:
        raise UsageError(
            Parameter("which"),
            f" is {quoted(which)}, but must be one of {', '.join(choices)}."
            f"{did_you_mean(which, choices)}",
        )


def _prepare(contest: Contest) -> Prepared:
    settings = contest.settings
    if contest.model is not None:
        tokenizer = contest.model.tokenizer
    else:
        tokenizer = make_tokenizer(settings.tokenizer, lowercase=settings.lowercase)
    return prepare(
        contest.corpus,
        tokenizer,
        validation_fraction=settings.validation_fraction,
        seed=contest.seed,
        n_jobs=settings.n_jobs,
        cache=contest.cache,
        say=contest.say,
    )


def _contenders(
    contest: Contest, data: Prepared, *, callbacks: Sequence[Callback] = (), say: Say | None = None
) -> Iterator[Contender]:
    """The baselines and then the network, each trained when it is asked for."""
    settings, say = contest.settings, say or contest.say
    yield from baseline_contenders(
        data, names=contest.baselines, class_weight=settings.class_weight, say=say
    )
    if contest.model is not None:
        yield network_contender(data, contest.model, n_jobs=settings.n_jobs)
    elif contest.network:
        started = time.perf_counter()
        experiment = Experiment(
            contest.corpus, settings, seed=contest.seed, callbacks=callbacks, say=say
        )
        trained = train_network(experiment, data)
        seconds = time.perf_counter() - started
        if trained.state.interrupted:
            raise KeyboardInterrupt  # half a training would be compared with whole ones
        scored = network_contender(data, trained.model, n_jobs=settings.n_jobs)
        yield replace(scored, seconds=round(seconds, 2), epochs=trained.state.epoch)


# --------------------------------------------------------------- the learning curve


def _curve(
    contest: Contest, data: Prepared, whole: Sequence[Contender], costs: dict[str, Costs]
) -> Iterator[Point]:
    """A point for each share of the training texts, the whole first, as it is known already.

    A saved model was trained on all of them, so that it stands at the last point alone.
    """
    shares = sorted(set(contest.fractions) - {1.0})
    seconds = sum(cost.seconds or 0.0 for cost in costs.values())
    yield _point(1.0, data, whole, seconds)
    parts = [(share, part_of(data, share, seed=contest.seed)) for share in shares]
    few = [f"{100 * share:g} %" for share, part in parts if len(part.train) < FEWEST]
    if few:
        contest.say(f"note: learning curve without {', '.join(few)}: fewer than {FEWEST} texts")
    parts = [(share, part) for share, part in parts if len(part.train) >= FEWEST]
    work = [_work(contest.settings, part) for _, part in parts]
    pace = seconds / _work(contest.settings, data)
    for i, (share, part) in enumerate(parts):
        start = time.perf_counter()
        left = clock(pace * sum(work[i:]))
        contest.say(
            f"learning curve: {len(part.train):,} texts ({100 * share:g} %); about {left} to go"
        )
        alone = replace(contest, model=None, network=contest.network and contest.model is None)
        found = list(_contenders(alone, part, say=say_nothing))
        spent = time.perf_counter() - start
        pace = spent / work[i]
        yield _point(share, part, found, spent)


def _work(settings: Settings, data: Prepared) -> int:
    """Words that the network reads in its training: a measure of the time it takes."""
    words = data.tokens["train"].n_tokens
    return 1 + words * settings.training_config(len(data.train), words).max_iter


def _point(fraction: float, data: Prepared, found: Sequence[Contender], seconds: float) -> Point:
    baselines = [one for one in found if one.name != CLASSIFIER]
    network = next((one for one in found if one.name == CLASSIFIER), None)
    best, paired = "", None
    if baselines:
        best = best_baseline({one.name: one.report for one in baselines})
    if network is not None and baselines:
        best, paired = paired_with_best(labels_to_find(data), network, baselines)
    return Point(
        fraction=fraction,
        n_train=len(data.train),
        accuracy={one.name: one.report.accuracy for one in found},
        best_baseline=best,
        p_value=None if paired is None else paired.p_value,
        seconds=round(seconds, 2),
        p_value_uncorrected=None if paired is None else paired.p_value_uncorrected,
        correction=None if paired is None else paired.correction,
    )


def _curve_of(points: Sequence[Point]) -> LearningCurve:
    ordered = sorted(points, key=lambda point: point.fraction)
    return LearningCurve(tuple(ordered), crossing(ordered))


# ------------------------------------------------------------------------- the winner


def _save(
    contest: Contest, data: Prepared, found: Sequence[Contender], report: ContestReport
) -> str | None:
    """Write the model folder that is asked for, if its classifier was trained."""
    name = report.recommended if contest.which == BEST else contest.which
    contender = next((one for one in found if one.name == name), None)
    # The best of some of them is not what was asked for.
    too_early = contest.which == BEST and len(found) < len(contest.names)
    if contender is None or too_early:
        contest.say(
            f"{quoted(contest.out)} is not written: {quoted(contest.which)} is not known yet"
        )
        return None
    assert contest.out is not None
    model = served(contender, data)
    known = RunReport(
        **report.of(contender),
        corpus=contest.corpus.name,
        fingerprint=contest.corpus.fingerprint(),
        source=contest.corpus.source,
        textrnn_version=__version__,
        seed=contest.seed,
        classes=list(model.classes),
        test_fraction=contest.corpus.test_fraction,
        # A baseline is fitted again to both.
        n_train=len(data.train) + (0 if isinstance(model, TextModel) else len(data.validation)),
        n_validation=len(data.validation),
        n_test=len(labels_to_find(data)),
        settings=contest.settings.to_dict(),
    )
    save_model(model, contest.out, metrics=known.to_dict(), card=model_card(model, known))
    contest.say(f"{name} saved in {quoted(contest.out)}")
    return str(contest.out)
