"""Where labelled texts come from: the options that ``train``, ``tune`` and ``compare`` share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from textrnn.cli.options import Offline, tell_small_splits
from textrnn.cli.train_checks import check_validation
from textrnn.training.declared import DATA
from textrnn.wording.messages import Message, Parameter
from textrnn.wording.quoting import quoted

if TYPE_CHECKING:
    from textrnn.corpora import Corpus

ManyLabels = Annotated[
    str | None,
    typer.Option(
        help="Texts have any number of labels, with this between them, as '|', or as JSON lists.",
        rich_help_panel=DATA,
    ),
]


@dataclass(frozen=True)
class CorpusOptions:
    """A corpus, and what its files do not say themselves; each field is an option."""

    corpus: Annotated[
        str,
        typer.Argument(
            help="Name (see textrnn corpora), hf:owner/name, a file (.csv .tsv .jsonl .parquet, "
            "also .gz .xz) or a folder of class folders."
        ),
    ]
    test: Annotated[
        str | None, typer.Option(help="File with the test texts.", rich_help_panel=DATA)
    ] = None
    validation: Annotated[
        str | None,
        typer.Option(
            help="File with the texts that tune and stop the training.", rich_help_panel=DATA
        ),
    ] = None
    test_fraction: Annotated[
        float | None,
        typer.Option(
            help="Share held out for the test if there is no split; as for a saved model, or 0.2.",
            rich_help_panel=DATA,
        ),
    ] = None
    text_column: Annotated[
        str | None,
        typer.Option(help="Column with the text, if it is not found.", rich_help_panel=DATA),
    ] = None
    label_column: Annotated[
        str | None,
        typer.Option(help="Column with the label, if it is not found.", rich_help_panel=DATA),
    ] = None
    offline: Offline = False

    def check(self, given: Mapping[str, Any]) -> None:
        """Refuse what cannot go together, before anything is read.

        Raises:
            UsageError: validation texts are given, and a share of others to be held out for them.
        """
        check_validation(self.validation, given)

    def load(
        self,
        given: Mapping[str, Any],
        *,
        validation_fraction: float,
        tell: Callable[[str], None],
        **how: Any,
    ) -> Corpus:
        """Read the corpus, and tell of splits that are too small to mean much.

        Args:
            given: settings that were given.
            validation_fraction: share that will be held out, if there are no validation texts.
            tell: receives a line about each.
            how: further arguments of `load_corpus`.
        """
        from textrnn.corpora import load_corpus
        from textrnn.corpora.corpus import missing_classes

        where = asdict(self)
        loaded = load_corpus(where.pop("corpus"), **where, **how)
        if loaded.validation is not None and "validation_fraction" in given:
            told = f"note: {quoted(loaded.name)} has a validation split of its own: "
            tell(Message(told, Parameter("validation_fraction"), " is not used"))
        held = loaded.validation
        if held is not None and held.separator is None and not held.numeric:
            whose = quoted(self.validation or loaded.name)
            source = whose if self.validation else f"the validation split of {whose}"
            if lacking := missing_classes(loaded.train.labels, held.labels, source):
                tell(f"warning: {lacking}")
        tell_small_splits(loaded, validation_fraction, tell)
        return loaded

    def words(self) -> list[str]:
        """The options that were given, as words of a command line; the corpus is not among them."""
        words: list[str] = []
        for name, value in asdict(self).items():
            option = "--" + name.replace("_", "-")
            if name != "corpus" and value not in (None, False):
                words += [option] if value is True else [option, str(value)]
        return words
