"""One run of a language model: texts, model, its perplexity on others, model folder.

What ``textrnn lm train`` and a script of one's own both call. The model is a network, or a Markov
chain; a network is compared with chains.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from textrnn.corpora.material import Material
from textrnn.corpora.rows import Lines
from textrnn.errors import DataError
from textrnn.experiments.kept import told_of_checkpoint
from textrnn.experiments.structure import Learned, StructureExperiment
from textrnn.inference.language import LanguageModel, score
from textrnn.inference.network_language import NetworkLanguageModel
from textrnn.storage.report import RunReport
from textrnn.system.processes import process_count
from textrnn.text.cache import tokenise_once
from textrnn.training.fit import make_vocabulary
from textrnn.training.language.settings import CHAR, LanguageModelSettings
from textrnn.training.language.stages import STAGES, texts_to_learn
from textrnn.training.markov import ORDERS, ChainTexts, fit_markov
from textrnn.training.pipeline import Fit, run_stages
from textrnn.typing import Ints
from textrnn.wording.quoting import quoted

TRAIN, VALIDATION, TEST = "train", "validation", "test"


@dataclass(frozen=True)
class LanguageExperiment(StructureExperiment[Lines]):
    """What is to be run; see ``StructureExperiment``.

    Attributes:
        material: the texts, with labels where these are to be conditioned on.
        baselines: compare a network with Markov chains.
        markov: the order of a Markov chain to fit in the place of a network.
        cache: keep tokens on disk, and use those that were kept.
    """

    settings: LanguageModelSettings
    markov: int | None = None
    cache: bool = True

    @property
    def kind(self) -> str:
        return "language model" if self.markov is None else "Markov chain"

    def is_same(self, report: RunReport) -> bool:
        return report.known_figures.get("order") == self.markov

    def learn(self, material: Material[Lines]) -> Learned:
        """A network, the best of its epochs by the validation texts; or a chain."""
        labels, splits = prepare(self, material)
        if self.markov is None:
            fit = train(self, labels, splits)
            return Learned(fit.model, fit.state, fit.model.network.n_parameters, splits)
        chain = fit_markov(
            splits[TRAIN],
            splits[VALIDATION],
            tokenizer=self.settings.make_tokenizer(),
            vocabulary=make_vocabulary(self.settings, splits[TRAIN].tokens),
            labels=labels,
            orders=[self.markov],
            settings=self.settings.to_dict(),
            say=self.say,
        ).model
        return Learned(chain, None, chain.n_parameters, splits)

    def test(self, learned: Learned, material: Material[Lines]) -> dict[str, Any]:
        """The model's perplexity, and beside a network's that of a chain."""
        del material
        figures = _figures_of(learned.model, learned.data[TEST])
        if self.markov is not None:
            return {"figures": {"order": self.markov, **figures}}
        if not self.baselines:
            return {"figures": figures}
        return _compared(self, learned.model, learned.data, figures)


def prepare(
    experiment: LanguageExperiment, material: Material[Lines]
) -> tuple[tuple[str, ...], dict[str, ChainTexts]]:
    """The labels of the texts, if they have some, and each split tokenised.

    Raises:
        DataError: all texts have one label.
    """
    settings = experiment.settings
    labels = tuple(material.train.classes)
    if len(labels) == 1:
        raise DataError(f"all texts have the label {quoted(labels[0])}: nothing depends on it.")
    # All texts in their own order, so that another split finds the same tokens kept.
    tokens = {}
    tokenizer = settings.make_tokenizer()
    parts = {TRAIN: material.train, VALIDATION: material.validation, TEST: material.test}
    for name, rows in parts.items():
        if not rows:
            continue
        found, _ = tokenise_once(
            tokenizer, rows.texts, n_jobs=process_count(settings.n_jobs), cache=experiment.cache
        )
        tokens[name] = ChainTexts(found, _numbers(rows, labels))
    return labels, tokens


def _numbers(rows: Lines, labels: Sequence[str]) -> Ints | None:
    """The number of the label of each text.

    Raises:
        DataError: one has a label that no text to learn has.
    """
    if rows.labels is None:
        return None
    number = {label: i for i, label in enumerate(labels)}
    strange = next((label for label in rows.labels if label not in number), None)
    if strange is not None:
        raise DataError(f"the label {quoted(strange)} is of no text to learn from.")
    return np.array([number[label] for label in rows.labels], np.int64)


def train(
    experiment: LanguageExperiment, labels: tuple[str, ...], splits: dict[str, ChainTexts]
) -> Fit:
    """Train a network; with ``out``, keep a checkpoint."""
    learned, held = splits[TRAIN], splits[VALIDATION]
    fit = Fit(
        experiment.settings,
        labels,
        texts_to_learn(learned.tokens, learned.labels, len(labels)),
        texts_to_learn(held.tokens, held.labels, len(labels)),
        np.random.default_rng(experiment.seed),
        started=experiment.started,
        callbacks=experiment.callbacks,
        on_stage=experiment.on_stage,
    )
    checkpoint = experiment.kept.checkpoint()
    if checkpoint is not None:
        checkpoint.n_texts()  # of another run, it is told before the vocabulary is made
        fit = replace(fit, callbacks=[checkpoint, *fit.callbacks])
    with told_of_checkpoint(checkpoint):
        return run_stages(fit, STAGES)


def _figures_of(model: LanguageModel, texts: ChainTexts) -> dict[str, float]:
    """What a model says of some texts, by name; see ``language.Figures``."""
    return score(model, texts.tokens, labels=texts.labels).figures._asdict()


def _compared(
    experiment: LanguageExperiment,
    model: NetworkLanguageModel,
    splits: dict[str, ChainTexts],
    figures: dict[str, float],
) -> dict[str, Any]:
    """Beside the figures those of the Markov chain of the order that the held-out texts chose."""
    by_characters = experiment.settings.unit == CHAR
    fit = fit_markov(
        splits[TRAIN],
        splits[VALIDATION],
        tokenizer=model.tokenizer,
        vocabulary=model.vocabulary,
        labels=model.labels,
        orders=(*ORDERS, 6) if by_characters else ORDERS,
        say=experiment.say,
    )
    chain = fit.model
    other = _figures_of(chain, splits[TEST])
    figures = {**figures, "markov_order": chain.order}
    figures |= {f"markov_{name}": other[name] for name in ("perplexity", "bits_per_token")}
    unit = "bits_per_token" if by_characters else "perplexity"
    told = "bits of a character" if by_characters else "perplexity"
    own, theirs = figures[unit], other[unit]
    line = f"{told} {own:,.3f} of the network and {theirs:,.3f} of a Markov chain of order "
    line += f"{chain.order}: "
    if own < theirs:
        line += f"{1.0 - own / theirs:.1%} less, use the network"
    else:
        line += "no less, use the chain"
    return {"figures": figures, "recommendation": line}
