"""Read a model of the one kind of classifier that will do."""

from __future__ import annotations

import os

from textrnn.errors import ModelError
from textrnn.inference.bag_of_words import LinearModel
from textrnn.inference.classifier import TextModel
from textrnn.inference.protocol import Classifier
from textrnn.inference.regression import RegressionModel
from textrnn.storage.reading import load_classifier
from textrnn.text.tokenizers import Tokenizer
from textrnn.wording.quoting import quoted


def load_model(path: str | os.PathLike[str], *, tokenizer: Tokenizer | None = None) -> TextModel:
    """Read the folder of a network; as ``load_classifier``, of which see the arguments.

    Raises:
        ModelError: the folder is missing, damaged, foreign or too new, or holds a linear model.
    """
    return check_network(load_classifier(path, tokenizer=tokenizer), path)


def check_network(model: Classifier, path: str | os.PathLike[str]) -> TextModel:
    """The model of a folder, which must be a network that predicts classes.

    Raises:
        ModelError: it is a baseline, or a regression.
    """
    if isinstance(model, RegressionModel):
        raise ModelError(
            f"the model {quoted(path)} predicts numbers, not classes; predict, evaluate and "
            "inspect serve it, and TextRNNRegressor.load reads it."
        )
    if not isinstance(model, TextModel):
        of = f" ({model.form.name})" if isinstance(model, LinearModel) else ""
        kind = "bag of words" if of else "Markov classifier"
        raise ModelError(
            f"the model {quoted(path)} is a {kind}{of}, not a network; "
            "predict, evaluate and inspect serve it, and "
            "textrnn.storage.reading.load_classifier reads it."
        )
    return model


def check_regression(model: Classifier, path: str | os.PathLike[str]) -> RegressionModel:
    """The model of a folder, which must predict numbers.

    Raises:
        ModelError: it predicts classes.
    """
    if not isinstance(model, RegressionModel):
        raise ModelError(
            f"the model {quoted(path)} predicts classes, not numbers; TextRNNClassifier.load or "
            "textrnn.storage.reading.load_classifier reads it."
        )
    return model
