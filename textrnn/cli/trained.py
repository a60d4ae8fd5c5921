"""What a saved model's report says of the texts it was trained on, lest it be scored on them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textrnn.cli.options import say
from textrnn.corpora.overlap import TRAIN, VALIDATION, shared_texts, warnings_of
from textrnn.corpora.registry import find_split
from textrnn.errors import UsageError
from textrnn.wording.messages import Parameter
from textrnn.wording.quoting import quoted

if TYPE_CHECKING:
    from textrnn.corpora.loading import Labelled
    from textrnn.corpora.overlap import HasSplits
    from textrnn.corpora.structures import Judged
    from textrnn.inference.protocol import Classifier
    from textrnn.storage.reading import Saved


LEARNED_FROM = {
    TRAIN: "the model was trained on these texts: the scores tell what it knows by heart",
    VALIDATION: "the model was chosen by these texts and then fitted to them, too: the scores are "
    "higher than on new texts",
}
"""What to tell of scores on these splits."""


@dataclass(frozen=True)
class Training:
    """How the texts of a training were drawn; where nothing is known, as ``train`` would.

    Attributes:
        corpus: its name, empty if unknown.
        fingerprint: of its splits, empty if unknown.
        source: the file or folder it came from, empty if unknown.
        seed: of the splits.
        test_fraction: share drawn for the test; None if the corpus had such a split.
        validation_fraction: share of the training texts drawn for validation.
        label_separator: what stood between the labels of a text, if it had any number.
        is_compared: whether ``textrnn compare`` takes the model.
    """

    corpus: str = ""
    fingerprint: str = ""
    source: str = ""
    seed: int = 0
    test_fraction: float | None = None
    validation_fraction: float = 0.1
    label_separator: str | None = None
    is_compared: bool = False

    def warn_of_other_splits(self, corpus: HasSplits) -> list[str]:
        """Tell, and return, that a corpus of the same name has other splits than at the training.

        Nothing if it has not.
        """
        if corpus.name != self.corpus or self.fingerprint in ("", corpus.fingerprint()):
            return []
        told = (
            f"{quoted(corpus.name)} is not what the model was trained on: "
            "the scores may count training texts"
        )
        say(f"warning: {told}")
        return [told]

    def warnings_about(self, judged: Labelled | Judged[Any]) -> list[str]:
        """What to tell beside a score on texts of which most were trained on.

        It is known of the very corpus of the training alone.
        """
        corpus = judged.corpus
        if corpus is None or not self.fingerprint or corpus.fingerprint() != self.fingerprint:
            return []
        if judged.split in LEARNED_FROM:
            return [LEARNED_FROM[judged.split]]
        return warnings_of(shared_texts(corpus), judged.split)

    def warn_beside(self, judged: Labelled | Judged[Any], given: str) -> list[str]:
        """What scores on some texts must not be read without.

        What the splits of the training tell is told at once; the caller tells all of it beside the
        scores.

        Args:
            judged: the texts.
            given: the name or path that they were asked for by.
        """
        if judged.corpus is None:
            told = self.warn_of_training_file(Path(given))
        else:
            told = self.warn_of_other_splits(judged.corpus)
        return told + self.warnings_about(judged)

    def is_training_file(self, path: Path) -> bool:
        """Whether most texts of a file were trained on."""
        source = Path(self.source).absolute()
        return bool(self.source) and path.absolute() in (source, find_split(source, "train"))

    def warn_of_training_file(self, path: Path) -> list[str]:
        """Tell, and return, that all of a file is scored, though its texts were trained on.

        Nothing if they were not.
        """
        if not self.is_training_file(path):
            return []
        told = f"the model was trained on most texts of {quoted(path)}"
        held_out = "; textrnn compare scores it on those held out"
        advice = held_out if self.is_compared else ""
        say(f"warning: {told}{advice}")
        return [told]


def training_of(saved: Saved) -> Training:
    """How a model was trained; of one saved by a script the report may say little or nothing."""
    from textrnn.storage.kinds import kind_of

    report, unknown = saved.report, Training()
    settings = report.settings or {}
    return Training(
        corpus=report.corpus or unknown.corpus,
        fingerprint=report.fingerprint or unknown.fingerprint,
        source=report.source or unknown.source,
        seed=report.seed or unknown.seed,
        test_fraction=report.test_fraction,
        validation_fraction=settings.get("validation_fraction") or unknown.validation_fraction,
        label_separator=report.label_separator,
        # compare takes networks that give a text one class
        is_compared=kind_of(saved.config).name == "classifier" and report.label_separator is None,
    )


def separator_of(model: Classifier, training: Training, given: str | None) -> str | None:
    """What stands between the labels of a text, if it has any number.

    Raises:
        UsageError: something is given, but each text has one class.
    """
    if model.multilabel:
        return given or training.label_separator or "|"
    if given is not None:
        raise UsageError(
            Parameter("label_separator"),
            " is for texts with any number of labels, but the model gives each text one class; "
            "leave it out.",
        )
    return None
