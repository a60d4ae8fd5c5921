"""From pairs of texts to a trained transducer: units, vocabularies, network, training run.

What the estimator and a command line run share.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from textrnn.errors import DataError
from textrnn.inference.transduction import MOST_SYMBOLS, TransductionModel, with_ids
from textrnn.nn.transducer import Transducer, TransducerConfig
from textrnn.text.encoded import EncodedTexts, encode_lists
from textrnn.text.reading import read_texts
from textrnn.text.units import AUTO, Unit, choose_unit, unit_of
from textrnn.text.vocabulary import Vocabulary
from textrnn.training.budget import Deadline
from textrnn.training.callbacks import Callback
from textrnn.training.fit import run_over
from textrnn.training.loop import TrainingRun
from textrnn.training.measure import OfSums
from textrnn.training.pipeline import SAVING_SHARE
from textrnn.training.state import TrainingState
from textrnn.training.transduction.forcing import Judge, TeacherForcing
from textrnn.training.transduction.pairs import EncodedPairs
from textrnn.training.transduction.settings import TransductionSettings
from textrnn.typing import Ids

ROOM = 2
"""Times as long as the longest target of the training may be an answer: a longer one goes round in
circles."""
LEAST_UNKNOWN = 0.003
"""How likely a symbol that can be copied is to be unknown in a pair, however frequent it is."""


def chosen_units(
    settings: TransductionSettings, sources: Sequence[str], targets: Sequence[str]
) -> tuple[Unit, Unit]:
    """What sources and targets are made of: as is set, or what serves these best."""
    given = ((settings.source_unit, sources), (settings.target_unit, targets))
    source, target = (choose_unit(texts) if name == AUTO else name for name, texts in given)
    return unit_of(source), unit_of(target)


def build_model(
    settings: TransductionSettings,
    sources: Sequence[str],
    targets: Sequence[str],
    *,
    rng: np.random.Generator,
) -> TransductionModel:
    """Make an untrained transducer for some pairs, of which there must be one.

    Raises:
        DataError: no target has a symbol.
    """
    source_unit, target_unit = chosen_units(settings, sources, targets)
    read = read_texts(source_unit, sources, settings.max_length)
    written = encode_lists(map(target_unit, targets))
    if not written.n_tokens:
        raise DataError(f"none of the {len(targets):,} targets has a symbol; there is no answer")
    known = [
        Vocabulary.build(texts, min_df=settings.min_df, max_features=settings.max_features)
        for texts in (read, written)
    ]
    config = TransducerConfig(
        source_vocabulary_size=len(known[0]) + 1,
        target_vocabulary_size=len(known[1]) + 1,
        embedding_dim=settings.embedding_dim,
        cell=settings.cell,
        hidden_size=settings.hidden_size,
        num_layers=settings.num_layers,
        bidirectional=settings.bidirectional,
        attention_size=settings.attention_size,
        dtype=settings.dtype,
    )
    model = TransductionModel(
        tokenizer=source_unit,
        target_unit=target_unit,
        vocabulary=known[0],
        target_vocabulary=known[1],
        transducer=Transducer.initialise(config, rng),
        most=min(ROOM * int(written.lengths.max()), MOST_SYMBOLS),
        copies=False,
        max_length=settings.max_length,
        settings=settings.to_dict(),
    )
    return replace(model, copies=settings.copy_unknown and bool(twins_of(model).any()))


def twins_of(model: TransductionModel) -> Ids:
    """For each id of the sources the id that targets have of the same symbol, or 0, (V,)."""
    index = model.target_vocabulary.index
    ids = [index.get(symbol, 0) for symbol in model.vocabulary.tokens]
    return np.array(ids, dtype=np.int32)


def encode_pairs(
    model: TransductionModel, sources: Sequence[str], targets: Sequence[str]
) -> EncodedPairs:
    """Pairs with the ids of a model's vocabularies."""
    written: EncodedTexts = encode_lists(map(model.target_unit, targets))
    return EncodedPairs(
        with_ids(model.vocabulary, model.tokens(sources)),
        with_ids(model.target_vocabulary, written),
    )


def make_run(
    model: TransductionModel,
    settings: TransductionSettings,
    train: EncodedPairs,
    *,
    validation: EncodedPairs | None = None,
    rng: np.random.Generator,
    callbacks: Sequence[Callback] = (),
    deadline: Deadline | None = None,
) -> TrainingRun:
    """A run, ready to start, that trains a model in place."""
    unknown = model.vocabulary.unknown_probabilities(settings.unknown_alpha)
    twins = twins_of(model) if model.copies else np.zeros(len(unknown), np.int32)
    # Of many texts each symbol is frequent, and the decoder would never see what to copy.
    unknown = np.where(twins > 0, np.maximum(unknown, LEAST_UNKNOWN), unknown)
    return run_over(
        model.transducer,
        settings,
        train,
        validation=validation,
        unknown_probabilities=unknown if settings.unknown_alpha > 0 else None,
        rng=rng,
        callbacks=callbacks,
        deadline=deadline,
        kind=TeacherForcing.kind(twins),
        measure=OfSums(judge=Judge(model.copies), name="exact"),
    )


def fit_model(
    model: TransductionModel,
    settings: TransductionSettings,
    train: EncodedPairs,
    validation: EncodedPairs | None,
    *,
    rng: np.random.Generator,
    started: float,
    callbacks: Sequence[Callback] = (),
) -> TrainingState:
    """Train a model in place, within the time that is set, which counts from ``started``.

    Raises:
        TrainingError: the loss became infinite or not a number.
    """
    deadline = None
    if settings.max_seconds is not None:
        deadline = Deadline(started + (1.0 - SAVING_SHARE) * settings.max_seconds)
    run = make_run(
        model,
        settings,
        train,
        validation=validation,
        rng=rng,
        callbacks=callbacks,
        deadline=deadline,
    )
    return run.run()
