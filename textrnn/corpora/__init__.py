"""Where labelled text comes from: files, folders, the hub and the built-in corpus."""

from textrnn.corpora.corpus import (
    Corpus,
    Split,
    check_split,
    indicator,
    stratified_split,
)
from textrnn.corpora.loading import Labelled, load_corpus, load_labelled
from textrnn.corpora.readers import read_split, read_texts
from textrnn.corpora.registry import CorpusInfo, describe_corpora
from textrnn.corpora.sampling import holdout, strata

__all__ = [
    "Corpus",
    "CorpusInfo",
    "Labelled",
    "Split",
    "check_split",
    "describe_corpora",
    "holdout",
    "indicator",
    "load_corpus",
    "load_labelled",
    "read_split",
    "read_texts",
    "strata",
    "stratified_split",
]
