"""One run: corpus, model, baselines, metrics, model folder.

What ``textrnn train`` and a script of one's own both call.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from textrnn import __version__
from textrnn.baselines import BASELINES, fit_baselines
from textrnn.corpora import Corpus, Split, holdout
from textrnn.errors import DataError, UsageError
from textrnn.evaluation import Report, best_baseline, evaluate, verdict
from textrnn.model import TextModel, add_logits
from textrnn.model_card import model_card
from textrnn.persistence import CONFIG, check_writable, load_model, read_metrics, save_model
from textrnn.predictor import predict_many
from textrnn.processes import process_count
from textrnn.significance import paired_test
from textrnn.text.token_cache import tokenise_once
from textrnn.text.tokenised import NumberedTexts
from textrnn.text.tokenizers import Tokenizer, make_tokenizer
from textrnn.training.callbacks import Callback
from textrnn.training.checkpoint import Checkpoint
from textrnn.training.fit import (
    TokenisedTexts,
    build_model,
    make_run,
    number_classes,
    weights_by_class,
)
from textrnn.training.loop import TrainingState
from textrnn.training.ngrams_beside import choose_ngrams, join_parts
from textrnn.training.settings import Settings
from textrnn.typing import ClassWeight, Floats

Say = Callable[[str], None]
"""Receives a line about what is being done."""


def say_nothing(line: str) -> None:
    """The quiet default."""
    del line


@dataclass(frozen=True)
class Experiment:
    """What is to be run.

    Attributes:
        corpus: the labelled texts.
        settings: of the network.
        out: the model folder to write; None writes nothing.
        seed: of the split, the weights, the order and the dropout.
        baselines: names of the bag-of-words models to compare with.
        resume: go on from the checkpoint that an unfinished run left beside ``out``.
        unlabelled: further texts for word2vec.
        cache: keep tokens on disk, and use those that were kept.
        callbacks: called during the training of the network.
        say: receives a line about each stage.
    """

    corpus: Corpus
    settings: Settings
    out: Path | None = None
    seed: int = 0
    baselines: Sequence[str] = BASELINES
    resume: bool = False
    unlabelled: Iterable[str] = ()
    cache: bool = True
    callbacks: Sequence[Callback] = ()
    say: Say = say_nothing


@dataclass(frozen=True)
class Data:
    """A corpus split and tokenised.

    Attributes:
        train: texts to learn from.
        validation: texts to choose by.
        test: texts to score on, or None.
        tokens: those of each part, by its name.
        from_cache: whether the tokens were read and not made.
    """

    train: Split
    validation: Split
    test: Split | None
    tokens: dict[str, NumberedTexts]
    from_cache: bool = False


def checkpoint_path(out: Path) -> Path:
    """The file beside a model folder that holds an unfinished run."""
    return out.with_name(out.name + ".checkpoint")


def run_experiment(experiment: Experiment) -> dict[str, Any]:
    """Train, compare, evaluate and save.

    Returns:
        A JSON-ready report: ``corpus, model_dir, seconds, epochs, n_train, test,
        baselines, paired, verdict, settings, history, ...``. After Ctrl-C it has
        ``interrupted`` set and no baselines.

    Raises:
        UsageError: a setting cannot work.
        DataError: the corpus cannot be used.
        ModelError: the model folder cannot be written.
        TrainingError: the loss became infinite or not a number.
    """
    started = time.perf_counter()
    settings, out, say = experiment.settings, experiment.out, experiment.say
    settings.validate()
    if experiment.seed < 0:
        raise UsageError(f"seed is {experiment.seed}, but must be 0 or more.")
    if out is not None:
        check_writable(out)
        finished = _finished_report(experiment)
        if finished is not None:
            say(f"this run is finished already; its model is in {out}")
            return finished
    tokenizer = make_tokenizer(settings.tokenizer, lowercase=settings.lowercase)
    data = prepare(
        experiment.corpus,
        tokenizer,
        validation_fraction=settings.validation_fraction,
        seed=experiment.seed,
        n_jobs=settings.n_jobs,
        cache=experiment.cache,
        say=say,
    )
    prepared = time.perf_counter()

    model, state = _train_network(experiment, data)
    trained = time.perf_counter()
    report: dict[str, Any] = {
        "corpus": experiment.corpus.name,
        "fingerprint": experiment.corpus.fingerprint(),
        "source": experiment.corpus.source,
        "model_dir": None if out is None else str(out),
        "textrnn_version": __version__,
        "seed": experiment.seed,
        "classes": list(model.classes),
        "test_fraction": experiment.corpus.test_fraction,
        "n_train": len(data.train),
        "n_validation": len(data.validation),
        "n_test": len(data.test) if data.test else 0,
        "n_parameters": model.network.n_parameters,
        "vocabulary_size": len(model.vocabulary),
        "seconds": round(trained - started, 2),
        "seconds_preparing": round(prepared - started, 2),
        "tokens_from_cache": data.from_cache,
        "epochs": state.epoch,
        "best_epoch": state.best_epoch,
        "interrupted": state.interrupted,
        "validation": {"accuracy": state.best_score[0]} if state.best_params else {},
        "test": None,
        "baselines": {},
        "paired": None,
        "verdict": "",
        "settings": settings.to_dict(),
        "history": state.history,
    }
    if out is not None and state.best_params is None:
        report["model_dir"] = None
        say(f"stopped before the first epoch was done; {out} is as it was")
    elif out is not None:
        _save(model, report, out)  # before the baselines, which take time and may be stopped
        say(f"model saved in {out}")
    if data.test is not None and not state.interrupted:
        report |= compare(
            data,
            model,
            names=experiment.baselines,
            class_weight=settings.class_weight,
            n_jobs=settings.n_jobs,
            say=say,
        )
    report["finished"] = not state.interrupted
    if out is not None and report["finished"]:
        _save(model, report, out)
        checkpoint_path(out).unlink(missing_ok=True)
    return report


def _finished_report(experiment: Experiment) -> dict[str, Any] | None:
    """The report of this very run, when it is resumed though it had come to its end."""
    out = experiment.out
    if not experiment.resume or out is None or not (out / CONFIG).is_file():
        return None
    if checkpoint_path(out).exists():
        return None  # there is a run to go on with, whatever the folder holds
    report = read_metrics(out)
    same = (
        report.get("finished") is True
        and report.get("fingerprint") == experiment.corpus.fingerprint()
        and report.get("seed") == experiment.seed
        and report.get("settings") == experiment.settings.to_dict()
        and set(experiment.baselines) <= report.get("baselines", {}).keys()
    )
    if not same:
        return None
    load_model(out)  # a damaged one is not finished
    return report


def prepare(
    corpus: Corpus,
    tokenizer: Tokenizer,
    *,
    validation_fraction: float,
    seed: int,
    n_jobs: int | None = None,
    cache: bool = True,
    say: Say = say_nothing,
) -> Data:
    """Split a corpus into training, validation and test texts and tokenise them.

    Args:
        corpus: labelled texts.
        tokenizer: text to tokens.
        validation_fraction: share of the training texts to hold back, if the corpus has no
            validation texts of its own.
        seed: of the split.
        n_jobs: processes to tokenise with, as in scikit-learn.
        cache: keep the tokens on disk, and use those that were kept.
        say: receives a line about the corpus.

    Raises:
        DataError: too few texts to hold any back for validation.
    """
    train, validation = corpus.train, corpus.validation
    rows = {"train": np.arange(len(train))}
    if validation is None:
        held = holdout(train.texts, train.labels, validation_fraction, random_state=seed)
        train, validation = train.take(~held), train.take(held)
        rows = {"train": np.flatnonzero(~held), "validation": np.flatnonzero(held)}
    if len(validation) == 0:
        raise DataError(
            f"{len(train)} texts ({len(set(train.texts))} different) are too few to hold "
            f"{validation_fraction:.0%} of each class back for validation; bring more texts or "
            "raise --validation-fraction."
        )
    parts = {"train": train, "validation": validation, "test": corpus.test}
    sizes = ", ".join(f"{len(part):,} {name}" for name, part in parts.items() if part)
    say(f"{corpus.name}: {sizes} texts from {corpus.source}")
    for note in corpus.notes:
        say(f"note: {note}")
    # All texts in the corpus's own order, so that another split finds the same tokens kept.
    texts = list(corpus.train.texts)
    for name, part in (("validation", corpus.validation), ("test", corpus.test)):
        if part:
            rows[name] = np.arange(len(texts), len(texts) + len(part))
            texts += part.texts
    found, kept = tokenise_once(tokenizer, texts, n_jobs=process_count(n_jobs), cache=cache)
    if kept:
        say("tokens: from the cache")
    tokens = {name: found.take(rows[name]) for name, part in parts.items() if part}
    return Data(train, validation, corpus.test, tokens, kept)


def _train_network(experiment: Experiment, data: Data) -> tuple[TextModel, TrainingState]:
    settings, out = experiment.settings, experiment.out
    rng = np.random.default_rng(experiment.seed)
    classes = data.train.classes
    train = _labelled(data.tokens["train"], data.train, classes, settings)
    validation = _labelled(data.tokens["validation"], data.validation, classes, settings)
    unlabelled = _unlabelled_tokens(experiment)
    model = build_model(settings, train.tokens, classes, rng=rng, unlabelled=unlabelled)
    callbacks: list[Callback] = []
    if out is not None:
        identity = {
            "seed": experiment.seed,
            "corpus": experiment.corpus.fingerprint(),
            "unlabelled": bool(experiment.unlabelled),
            **settings.to_dict(),
            "n_jobs": settings.processes(),
        }
        # First, so that the others see the run where it goes on from.
        callbacks.append(Checkpoint(checkpoint_path(out), identity, resume=experiment.resume))
    callbacks += experiment.callbacks
    chosen = None
    if settings.ngrams != "none":
        chosen = choose_ngrams(settings, train, validation, len(classes))
        experiment.say(f"n-grams alone: {chosen.accuracy:.4f} of the held-out texts right")
    run = make_run(model, settings, train, validation=validation, rng=rng, callbacks=callbacks)
    state = run.run()
    if chosen is not None and not state.interrupted:
        model = join_parts(model, chosen, train, validation)
    return model, state


def _unlabelled_tokens(experiment: Experiment) -> Iterator[list[str]]:
    """Tokens of the unlabelled texts, which are read when they are first asked for."""
    settings = experiment.settings
    tokenizer = make_tokenizer(settings.tokenizer, lowercase=settings.lowercase)
    jobs = process_count(settings.n_jobs)
    texts = list(experiment.unlabelled)
    yield from tokenise_once(tokenizer, texts, n_jobs=jobs, cache=experiment.cache)[0]


def _labelled(
    tokens: NumberedTexts, split: Split, classes: list[str], settings: Settings
) -> TokenisedTexts:
    weights = weights_by_class(split.labels, settings.class_weight)
    cast = None if weights is None else weights.astype(settings.dtype)
    return TokenisedTexts(tokens, number_classes(split.labels, classes), cast)


def compare(
    data: Data,
    model: TextModel | None,
    *,
    names: Sequence[str] = BASELINES,
    class_weight: ClassWeight = None,
    n_jobs: int | None = None,
    say: Say = say_nothing,
) -> dict[str, Any]:
    """Evaluate a model and the baselines on the test texts.

    Each baseline is tuned on the validation texts and then trained on training and
    validation texts together. The paired test is against the baseline that is best on
    the test texts: the choice favours the baseline.

    Returns:
        JSON-ready ``test, parts, baselines, paired, verdict``; the parts are the accuracies
        of the network and the n-gram model, each alone.

    Raises:
        DataError: there are no test texts.
    """
    if data.test is None:
        raise DataError("there are no test texts; give some with --test or --test-fraction.")
    labels = data.test.labels
    result: dict[str, Any] = {
        "test": None,
        "parts": {},
        "baselines": {},
        "paired": None,
        "verdict": "",
    }
    network = None
    if model is not None:
        probabilities, result["parts"] = _scored(model, data, process_count(n_jobs))
        network = evaluate(labels, probabilities, [str(c) for c in model.classes])
        ours = [str(model.classes[i]) for i in probabilities.argmax(axis=1)]
        result["test"] = network.to_dict()

    reports: dict[str, Report] = {}
    predicted: dict[str, list[str]] = {}
    for fitted in fit_baselines(
        data.tokens["train"],
        data.train.labels,
        data.tokens["validation"],
        data.validation.labels,
        names=names,
        class_weight=class_weight,
        on_progress=say,
    ):
        scores = fitted.predict_proba(data.tokens["test"])
        reports[fitted.name] = evaluate(labels, scores, fitted.classes)
        predicted[fitted.name] = [fitted.classes[i] for i in scores.argmax(axis=1)]
        result["baselines"][fitted.name] = {
            **reports[fitted.name].to_dict(),
            "seconds": round(fitted.seconds, 2),
            "params": fitted.params,
            "validation_accuracy": fitted.validation_accuracy,
        }
    if reports and network is not None:
        best = best_baseline(reports)
        paired = paired_test(labels, ours, predicted[best])
        result["paired"] = {"baseline": best, **paired.to_dict()}
        result["verdict"] = verdict(network, reports, paired)
    return result


def _scored(model: TextModel, data: Data, n_jobs: int) -> tuple[Floats, dict[str, float]]:
    """A model's probabilities of the test texts, and the accuracy of each of its parts."""
    assert data.test is not None
    tokens = data.tokens["test"].cut(model.max_length)
    if model.ngrams is None:
        return predict_many(model, tokens, n_jobs), {}
    network = predict_many(replace(model, ngrams=None), tokens, n_jobs)
    ngrams = model.ngrams.logits(tokens)
    targets = number_classes(data.test.labels, [str(label) for label in model.classes])
    parts = {"network": network, "ngrams": ngrams}
    alone = {name: float((p.argmax(axis=1) == targets).mean()) for name, p in parts.items()}
    return add_logits(network, ngrams), alone


def _save(model: TextModel, report: dict[str, Any], out: Path) -> None:
    save_model(model, out, metrics=report, card=model_card(model, report))
