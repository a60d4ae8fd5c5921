"""textrnn: recurrent text classification in NumPy, for people with a CPU.

    from textrnn import TextRNNClassifier

The public names are imported when first used, so that a command that only predicts
starts at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from textrnn.system.version import __version__

if TYPE_CHECKING:
    from textrnn.corpora import load_corpus as load_corpus
    from textrnn.estimator.classifier import TextRNNClassifier as TextRNNClassifier
    from textrnn.estimator.language_model import TextRNNLanguageModel as TextRNNLanguageModel
    from textrnn.estimator.regressor import TextRNNRegressor as TextRNNRegressor
    from textrnn.estimator.tagger import TextRNNTagger as TextRNNTagger
    from textrnn.estimator.transducer import TextRNNTransducer as TextRNNTransducer
    from textrnn.inference.classifier import TextModel as TextModel
    from textrnn.storage.loading import load_model as load_model
    from textrnn.storage.writing import save_model as save_model

_HOME = {
    "TextRNNClassifier": "textrnn.estimator.classifier",
    "TextRNNLanguageModel": "textrnn.estimator.language_model",
    "TextRNNRegressor": "textrnn.estimator.regressor",
    "TextRNNTagger": "textrnn.estimator.tagger",
    "TextRNNTransducer": "textrnn.estimator.transducer",
    "TextModel": "textrnn.inference.classifier",
    "load_corpus": "textrnn.corpora",
    "load_model": "textrnn.storage.loading",
    "save_model": "textrnn.storage.writing",
}

__all__ = [
    "TextModel",
    "TextRNNClassifier",
    "TextRNNLanguageModel",
    "TextRNNRegressor",
    "TextRNNTagger",
    "TextRNNTransducer",
    "__version__",
    "load_corpus",
    "load_model",
    "save_model",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        from importlib import import_module

        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
