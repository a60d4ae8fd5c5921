"""One run of a transducer: pairs in, a model folder out, and how it does on pairs it never saw."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from textrnn.corpora.material import Material
from textrnn.corpora.rows import Pairs
from textrnn.evaluation.transduction import TransductionScores, score_answers
from textrnn.experiments.kept import told_of_checkpoint
from textrnn.experiments.structure import Learned, StructureExperiment
from textrnn.inference.transduction import TransductionModel
from textrnn.linear.pair_baselines import pair_baselines
from textrnn.storage.report import RunReport
from textrnn.system.fields import is_number
from textrnn.text.units import AUTO
from textrnn.training.transduction.fit import build_model, encode_pairs, fit_model
from textrnn.training.transduction.settings import TransductionSettings

BASELINES = "baseline_figures"
"""Where a report keeps the figures of the baselines."""


@dataclass(frozen=True)
class TransductionExperiment(StructureExperiment[Pairs]):
    """What is to be run; see ``StructureExperiment``."""

    settings: TransductionSettings

    kind = "transducer"
    unit = "pairs"

    def learn(self, material: Material[Pairs]) -> Learned:
        """A model of the training pairs, the best of its epochs by the validation pairs."""
        settings, train, validation = self.settings, material.train, material.validation
        assert validation is not None
        rng = np.random.default_rng(self.seed)
        model = build_model(settings, train.sources, train.targets, rng=rng)
        if AUTO in (settings.source_unit, settings.target_unit):
            self.say(
                f"sources are read by {model.tokenizer.name}, targets written by "
                f"{model.target_unit.name}"
            )
        checkpoint = self.kept.checkpoint()
        with told_of_checkpoint(checkpoint):
            state = fit_model(
                model,
                settings,
                encode_pairs(model, train.sources, train.targets),
                encode_pairs(model, validation.sources, validation.targets),
                rng=rng,
                started=self.started,
                callbacks=[*([checkpoint] if checkpoint else []), *self.callbacks],
            )
        return Learned(model, state, model.transducer.n_parameters)

    def test(self, learned: Learned, material: Material[Pairs]) -> dict[str, Any]:
        """All figures on the test pairs, of the model and of what learns nothing."""
        train, test, model = material.train, material.test, learned.model
        assert test is not None
        others: dict[str, Any] = {}
        if self.baselines:
            answers = pair_baselines(
                train.sources,
                train.targets,
                test.sources,
                source_symbols=model.tokenizer,
                target_symbols=model.target_unit,
            )
            right = [model.target_unit(text) for text in test.targets]
            others[BASELINES] = {
                name: score_answers(found, right).figures() for name, found in answers.items()
            }
        return {"figures": evaluate_transducer(model, test).figures(), "others": others}


def evaluate_transducer(
    model: TransductionModel, pairs: Pairs, *, beam_width: int = 1
) -> TransductionScores:
    """The scores of what a model writes of the sources of pairs; see ``score_answers``."""
    written = model.write(pairs.sources, beam_width=beam_width)
    right = [model.target_unit(text) for text in pairs.targets]
    return score_answers([one.symbols for one in written], right)


def baseline_figures(report: RunReport) -> dict[str, dict[str, float]]:
    """The figures of the baselines, as far as a report, which may be anybody's, has numbers."""
    kept = report.others.get(BASELINES)
    return {
        name: {key: float(value) for key, value in found.items() if is_number(value)}
        for name, found in (kept.items() if isinstance(kept, dict) else ())
        if isinstance(found, dict)
    }
