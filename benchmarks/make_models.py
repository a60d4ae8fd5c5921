"""Make the bundled models: train, prune, quantise, score, write the model card.

    TEXTRNN_DATA=DIR python -m benchmarks.make_models [NAME ...] [--few N] [--out DIR]

Nothing is trained or chosen on the test texts; they were also scored while this was built.
With ``--few`` only N texts of each corpus are trained on: a rehearsal, which takes a minute.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from textrnn.corpora import Corpus, Split, load_corpus, stratified_split
from textrnn.evaluation.metrics import evaluate
from textrnn.experiments.run import Experiment, run_experiment
from textrnn.inference.classifier import TextModel
from textrnn.inference.pool import predict_many
from textrnn.storage.bundled import BUNDLED
from textrnn.storage.loading import load_model
from textrnn.storage.prune import prune
from textrnn.storage.reading import read_metrics
from textrnn.storage.writing import save_model
from textrnn.system.processes import process_count
from textrnn.training.progress import Progress
from textrnn.training.settings import Settings

MODELS = Path(__file__).resolve().parents[1] / "models"
LIMIT = 2_500_000
"""Bytes that a shipped model may take."""
SENTENCES_TIMES = 2
"""How often each sentence of SST-2 stands in the training texts, so that 7,000 short texts are
heard beside 25,000 long ones."""
HELD_OUT = 0.1


@dataclass(frozen=True)
class Recipe:
    """How a bundled model is made.

    Attributes:
        title: what it tells, for the card.
        corpora: what it is trained on, each with the source as the card names it.
        gather: the training, validation and unlabelled texts of the corpora.
        settings: of the training.
        max_ngrams: that are kept.
        limits: what a user should know, for the card.
        notes: on the making, for the card.
    """

    title: str
    corpora: dict[str, str]
    gather: Callable[[dict[str, Corpus]], Corpus]
    settings: Settings
    max_ngrams: int
    limits: str
    notes: str = ""
    seed: int = field(default=0)


def english(corpora: dict[str, Corpus]) -> Corpus:
    """Reviews and sentences together; each held out in its own proportion."""
    reviews, sentences = corpora["imdb"], corpora["sst2"]
    train, validation = stratified_split(reviews.train, HELD_OUT, random_state=0)
    assert sentences.validation is not None, "SST-2 has one of its own"
    for _ in range(SENTENCES_TIMES):
        train = concatenated(train, sentences.train)
    return Corpus(
        "sentiment-en",
        train,
        concatenated(validation, sentences.validation),
        read_unlabelled=reviews.read_unlabelled,
        source="imdb and sst2",
    )


def chinese(corpora: dict[str, Corpus]) -> Corpus:
    """The hotel reviews as they are, without their test texts."""
    train, validation = stratified_split(corpora["chnsenticorp"].train, HELD_OUT, random_state=0)
    return Corpus("sentiment-zh", train, validation, source="chnsenticorp")


def concatenated(a: Split, b: Split) -> Split:
    """The rows of both."""
    return Split(a.texts + b.texts, a.labels + b.labels)


NO_LICENCE = "its authors state no licence and ask to be cited"
RECIPES = {
    "sentiment-en": Recipe(
        title="Whether an English text, from a sentence to a long review, is positive or negative",
        corpora={
            "imdb": "Large Movie Review Dataset (Maas et al., ACL 2011), its 25,000 labelled "
            f"training reviews and 50,000 unlabelled ones; {NO_LICENCE}",
            "sst2": "Stanford Sentiment Treebank, two classes, whole sentences (Socher et al., "
            f"EMNLP 2013), its 6,920 training sentences; {NO_LICENCE}",
        },
        gather=english,
        settings=Settings(embedding="word2vec", embedding_dim=64, max_features=12_000, n_jobs=-1),
        max_ngrams=200_000,
        limits="It was trained on film reviews: of other subjects it knows less, and of irony "
        'and of news little. Negation misleads it: "not bad at all" is taken for bad. It has no '
        "class between its two. 123 of IMDB's test reviews also stand, word for word, in its "
        "training split. Do not score it on the corpus mr, whose sentences are in part those of "
        "SST-2.",
        notes=f"Each sentence of SST-2 was shown {SENTENCES_TIMES} times. Word vectors began as "
        "word2vec's over all training texts and the unlabelled reviews, without those that also "
        "stand in the test split.",
    ),
    "sentiment-zh": Recipe(
        title="Whether a Chinese review is positive or negative",
        corpora={
            "chnsenticorp": "ChnSentiCorp hotel reviews (Songbo Tan), 6,211 of them; no licence "
            "is stated",
        },
        gather=chinese,
        # What stands in one or two texts may be a sentence without spaces: it is not shipped.
        settings=Settings(min_df=3, n_jobs=-1),
        max_ngrams=300_000,
        limits="It was trained on reviews of hotels alone, in simplified characters, 69 % of them "
        "positive. Chinese is read character by character. The split into training and test "
        "texts is no official one.",
    ),
}


def make(name: str, *, out: Path, few: int | None) -> dict[str, Any]:
    """Train a model and write its folder; return what was measured."""
    recipe = RECIPES[name]
    corpora = {
        key: load_corpus(key, offline=True, unlabelled=key == "imdb") for key in recipe.corpora
    }
    gathered = recipe.gather({key: _fewer(corpus, few) for key, corpus in corpora.items()})
    big, report = _trained(recipe, gathered, few)
    small = prune(big, max_ngrams=recipe.max_ngrams)
    kept = ("textrnn_version", "seed", "classes", "n_train", "n_validation", "epochs", "settings")
    metrics: dict[str, Any] = {key: report[key] for key in kept}
    metrics |= {"corpus": name, "seconds": report["seconds"]}
    save_model(small, out / name, metrics=metrics, compact=True)
    small = load_model(out / name)
    tests = {key: corpus.test for key, corpus in corpora.items() if corpus.test is not None}
    metrics["tests"] = {key: scores(small, test) for key, test in tests.items()}
    metrics["before_shrinking"] = {key: scores(big, test) for key, test in tests.items()}
    save_model(small, out / name, metrics=metrics, card=card(name, small, metrics), compact=True)
    size = sum(file.stat().st_size for file in (out / name).iterdir())
    assert size <= LIMIT, f"{name} takes {size:,} bytes, more than {LIMIT:,}"
    return {"name": name, "size": size, **metrics}


def _trained(recipe: Recipe, corpus: Corpus, few: int | None) -> tuple[TextModel, dict[str, Any]]:
    """The model before it is made smaller, and the report of its training."""
    with tempfile.TemporaryDirectory() as temporary:
        out = Path(temporary) / corpus.name
        run_experiment(
            Experiment(
                corpus,
                recipe.settings,
                out=out,
                seed=recipe.seed,
                baselines=(),
                unlabelled=(corpus.unlabelled or [])[:few],
                callbacks=(Progress(),),
                say=print,
            )
        )
        return load_model(out), read_metrics(out)


def _fewer(corpus: Corpus, few: int | None) -> Corpus:
    """A corpus with at most so many training texts."""
    if few is None or few >= len(corpus.train):
        return corpus
    share = few / len(corpus.train)
    return replace(corpus, train=stratified_split(corpus.train, share, random_state=0)[1])


def scores(model: TextModel, test: Split) -> dict[str, Any]:
    """Accuracy of a model with its interval, and the calibration of its probabilities."""
    classes = [str(label) for label in model.classes]
    probabilities = predict_many(model, test.texts, process_count(-1))
    report = evaluate(test.labels, probabilities, classes).to_dict()
    kept = ("n", "accuracy", "accuracy_interval", "macro_f1", "log_loss", "calibration_error")
    return {key: report[key] for key in kept}


def card(name: str, model: TextModel, metrics: dict[str, Any]) -> str:
    """The model card."""
    recipe, config = RECIPES[name], model.network.config
    ngrams = 0 if model.ngrams is None else len(model.ngrams.keys)
    lines = [
        f"# {name}",
        "",
        f"{recipe.title}: {' or '.join(map(str, model.classes))}.",
        "",
        f'    textrnn predict -m {name} "..."',
        "",
        "## Accuracy on test texts, which were not trained on",
        "",
        "| corpus | texts | accuracy | 95 % interval | macro-F1 | log loss |",
        "|---|---|---|---|---|---|",
    ]
    for key, test in metrics["tests"].items():
        low, high = test["accuracy_interval"]
        lines.append(
            f"| {key} | {test['n']:,} | {test['accuracy']:.4f} | {low:.4f} to {high:.4f} | "
            f"{test['macro_f1']:.4f} | {test['log_loss']:.4f} |"
        )
    before = [
        f"{test['accuracy']:.4f} on {key}" for key, test in metrics["before_shrinking"].items()
    ]
    direction = "bidirectional" if config.bidirectional else "left to right"
    lines += [
        "",
        f"Before it was made smaller: {', '.join(before)}.",
        "",
        "## What it is",
        "",
        f"A {direction} {(config.cell or config.body).upper()} of {config.num_layers} x "
        f"{config.hidden_size} units with {config.readout} readout over "
        f"{len(model.vocabulary) - 1:,} words of {config.embedding_dim} dimensions, and a linear "
        f"model over {ngrams:,} n-grams beside it. Word vectors are kept in 8 bits, other weights "
        "in half precision.",
        "",
        "## What it was trained on",
        "",
        *(f"- {source}." for source in recipe.corpora.values()),
        "",
        "The folder holds words with their counts and no text of a corpus.",
        "",
        "## How it was made",
        "",
        f"    TEXTRNN_DATA=DIR python -m benchmarks.make_models {name}",
        "",
        f"with textrnn {metrics['textrnn_version']}, seed {metrics['seed']}, "
        f"{metrics['epochs']} epochs, {metrics['seconds']:.0f} s. {recipe.notes}".strip(),
        "",
        "## Limits",
        "",
        recipe.limits,
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*")
    parser.add_argument("--few", type=int)
    parser.add_argument("--out", type=Path, default=MODELS)
    options = parser.parse_args()
    unknown = sorted(set(options.names) - set(RECIPES))
    if unknown:
        parser.error(f"there is no recipe for {unknown[0]!r}, but for {', '.join(RECIPES)}")
    for name in options.names or BUNDLED:
        made = make(name, out=options.out, few=options.few)
        print(f"{name}: {made['size']:,} bytes")
        for key, test in made["tests"].items():
            print(f"  {key}: {test['accuracy']:.4f}")


if __name__ == "__main__":
    main()
