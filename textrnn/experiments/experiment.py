"""What is to be run: a corpus, settings, and where the model goes."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from textrnn.corpora import Corpus
from textrnn.corpora.corpus import fingerprint_of
from textrnn.experiments.data import Say, say_nothing
from textrnn.experiments.kept import Kept
from textrnn.linear.baselines import BASELINES
from textrnn.training.callbacks import Callback
from textrnn.training.pipeline import OnStage, ignore
from textrnn.training.presets import DEFAULT
from textrnn.training.settings import Settings


@dataclass(frozen=True)
class Experiment:
    """What is to be run.

    Attributes:
        corpus: the labelled texts.
        settings: of the network.
        out: the model folder to write; None writes nothing.
        seed: of the split, the weights, the order and the dropout.
        baselines: names of the bag-of-words models to compare with.
        preset: name of the settings that were begun with, for the report.
        started: when the work began, by ``time.perf_counter``: ``max_seconds`` counts from then.
        resume: go on from the checkpoint that an unfinished run left beside ``out``.
        unlabelled: further texts without labels to learn from, see ``training.distillation``.
        cache: keep tokens on disk, and use those that were kept.
        callbacks: called during the training of the network.
        on_stage: told the name of each stage of the fit, and its figures, when it is done.
        say: receives a line about each stage.
    """

    corpus: Corpus
    settings: Settings
    out: Path | None = None
    seed: int = 0
    baselines: Sequence[str] = BASELINES
    preset: str = DEFAULT
    started: float = field(default_factory=time.perf_counter)
    resume: bool = False
    unlabelled: Sequence[str] = ()
    cache: bool = True
    callbacks: Sequence[Callback] = ()
    on_stage: OnStage = ignore
    say: Say = say_nothing

    @cached_property
    def unlabelled_fingerprint(self) -> str | None:
        """What tells these unlabelled texts from others; None for no texts."""
        return fingerprint_of(self.unlabelled)[:16] if self.unlabelled else None

    def without_tested(self) -> Experiment:
        """The same without unlabelled texts by which it will be tested."""
        if not self.unlabelled:
            return self
        test = self.corpus.test
        tested = set(test.texts if test else ())
        given = list(self.unlabelled)
        kept = [text for text in given if text not in tested and text.strip()]
        if len(kept) < len(given):
            left_out = len(given) - len(kept)
            self.say(f"note: {left_out:,} unlabelled texts are empty or test texts: left out")
        return replace(self, unlabelled=kept)

    @property
    def kept(self) -> Kept:
        """Where the run is kept, and what makes it this one."""
        return Kept(
            self.out,
            self.corpus.fingerprint(),
            self.seed,
            self.settings,
            resume=self.resume,
            others={"unlabelled": self.unlabelled_fingerprint},
            say=self.say,
        )
