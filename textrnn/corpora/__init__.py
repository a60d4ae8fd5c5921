"""Where labelled text comes from: files, folders, the hub and the built-in corpus."""

from textrnn.corpora.corpus import (
    Corpus,
    Split,
    check_split,
    indicator,
    stratified_split,
)
from textrnn.corpora.loading import Labelled, load_corpus, load_labelled
from textrnn.corpora.material import Material
from textrnn.corpora.pairs import read_pairs, read_sources
from textrnn.corpora.readers import read_split, read_texts
from textrnn.corpora.registry import CorpusInfo, describe_corpora, describe_generated
from textrnn.corpora.rows import Lines, Pairs, Rows, TaggedTexts
from textrnn.corpora.sampling import holdout, strata
from textrnn.corpora.structures import (
    Judged,
    judged_lines,
    judged_pairs,
    judged_tagged,
    load_lines,
    load_pairs,
    load_tagged,
)
from textrnn.corpora.tagged import read_tagged, read_tokens

__all__ = [
    "Corpus",
    "CorpusInfo",
    "Judged",
    "Labelled",
    "Lines",
    "Material",
    "Pairs",
    "Rows",
    "Split",
    "TaggedTexts",
    "check_split",
    "describe_corpora",
    "describe_generated",
    "holdout",
    "indicator",
    "judged_lines",
    "judged_pairs",
    "judged_tagged",
    "load_corpus",
    "load_labelled",
    "load_lines",
    "load_pairs",
    "load_tagged",
    "read_pairs",
    "read_sources",
    "read_split",
    "read_tagged",
    "read_texts",
    "read_tokens",
    "strata",
    "stratified_split",
]
