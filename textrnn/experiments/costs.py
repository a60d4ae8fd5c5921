"""What a compared classifier costs: time of training, time of an answer, bytes."""

from __future__ import annotations

import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np

from textrnn.evaluation.scores import Costs
from textrnn.experiments.comparison import Contender
from textrnn.experiments.data import Prepared
from textrnn.inference.fitted_baselines import as_model
from textrnn.inference.protocol import Classifier
from textrnn.linear.baselines import FittedBaseline
from textrnn.storage.reading import load_classifier
from textrnn.storage.writing import save_model

TIMED_TEXTS = 50


def served(contender: Contender, data: Prepared) -> Classifier:
    """The model that a folder would hold."""
    if isinstance(contender.classifier, FittedBaseline):
        return as_model(contender.classifier, data.tokenizer)
    return contender.classifier


def costs_of(contender: Contender, data: Prepared) -> Costs:
    """What a classifier costs as it is served: saved, read back, asked for one text at a time."""
    assert data.test is not None
    model, texts = served(contender, data), data.test.texts
    chosen = np.linspace(0, len(texts) - 1, min(TIMED_TEXTS, len(texts))).astype(int)
    with TemporaryDirectory() as parent:
        folder = Path(parent) / "model"
        save_model(model, folder)
        size = sum(file.stat().st_size for file in folder.iterdir())
        loaded = load_classifier(folder, tokenizer=model.tokenizer)
    loaded.predict_proba([texts[0]])
    times = []
    for row in chosen.tolist():
        start = time.perf_counter()
        loaded.predict_proba([texts[row]])
        times.append(time.perf_counter() - start)
    return Costs(contender.seconds, round(1e3 * median(times), 4), size)
