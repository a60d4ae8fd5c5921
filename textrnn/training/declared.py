"""Every setting of a classifier, declared once: to add one, add it here.

Its option, its check, its place in help, search, report and ``docs/settings.md`` follow. Only the
estimator spells its parameters out once more, as scikit-learn wants; a test compares.

Long: a list, of which each entry can be read alone.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from textrnn.system.numerals import is_real, is_whole
from textrnn.training.declaration import (
    ABOVE_0,
    FLAG,
    FROM_0,
    PART,
    SHARE,
    WHOLE,
    Check,
    Duration,
    Flag,
    Word,
    one_of,
    optional,
    setting,
)
from textrnn.wording.messages import ForScripts, Message
from textrnn.wording.quoting import quoted

if TYPE_CHECKING:
    from textrnn.text.tokenizers import Tokenizer
    from textrnn.typing import ClassWeight

ONE_HOT, RANDOM, WORD2VEC = "onehot", "random", "word2vec"
EMBEDDINGS = (RANDOM, WORD2VEC, ONE_HOT)
F1 = "f1"
"""A threshold that is tuned on held-out texts for the highest F1."""
NGRAMS = ("auto", "words", "characters", "none")

GROUPS = ("Data", "Text", "Network", "Training", "Regularisation")
"""Headings of the settings, in their order."""
DATA, TEXT, NETWORK, TRAINING, REGULARISATION = GROUPS


# Names that are asked for when they are needed: users register cells of their own.
def _cells() -> tuple[str, ...]:
    from textrnn.nn.cells import CELLS

    return tuple(CELLS)


def _bodies() -> tuple[str, ...]:
    from textrnn.nn.bodies import BODIES

    return tuple(BODIES)


def _readouts() -> tuple[str, ...]:
    from textrnn.nn.poolings import POOLINGS

    return tuple(POOLINGS)


def _solvers() -> tuple[str, ...]:
    from textrnn.training.config import SOLVERS

    return SOLVERS


def _schedules() -> tuple[str, ...]:
    from textrnn.nn.schedules import SCHEDULES

    return SCHEDULES


def _losses() -> tuple[str, ...]:
    from textrnn.training.lesson import LOSSES

    return LOSSES


def _rules() -> tuple[str, ...]:
    from textrnn.training.rules import RULES

    return tuple(RULES)


def _unknown_words() -> tuple[str, ...]:
    from textrnn.inference.classifier import UNKNOWN_WORDS

    return UNKNOWN_WORDS


def _is_frequency(value: Any) -> bool:
    return WHOLE.is_valid(value) or (isinstance(value, float) and 0.0 <= value <= 1.0)


_MIN_DF = Check(
    Message(
        "a whole number",
        ForScripts(" of documents or a share from 0.0 to 1.0", otherwise=" from 1"),
    ),
    _is_frequency,
    int,
)
_MAX_DF = Check(
    Message(ForScripts("a whole number of documents or "), "a share from 0.0 to 1.0"),
    _is_frequency,
    float,
)
_EMBEDDING = Check(
    "the path of a word vector file",
    lambda value: isinstance(value, str | os.PathLike) and bool(str(value)),
    words=lambda: EMBEDDINGS,
)
_MODEL = Check(
    "the folder of a model",
    lambda value: isinstance(value, str | os.PathLike) and bool(str(value)),
    or_none=True,
)
_TOKENIZER = Check("a name or a callable", lambda value: isinstance(value, str) or callable(value))
_SECONDS = Check(ABOVE_0.wanted, ABOVE_0.is_valid, Duration, or_none=True)
_CLASS_WEIGHT = Check(
    "None, 'balanced' or a dictionary from class to weight",
    lambda value: value is None or isinstance(value, Mapping) or _is_word(value, "balanced"),
)
_THRESHOLD = Check(
    Message("a number from 0 to 1", ForScripts(f" or {quoted(F1)}")),
    lambda value: _is_word(value, F1) or (is_real(value) and 0.0 <= value <= 1.0),
    float,
    or_none=True,
)
_JOBS = Check(
    "a whole number from 1, or -1 for all cores",
    lambda value: is_whole(value) and value != 0,
    int,
    or_none=True,
)


def _is_word(value: Any, word: str) -> bool:
    return isinstance(value, str) and value == word


@dataclass(frozen=True)
class DeclaredSettings:
    """Hyper-parameters; see ``TextRNNClassifier`` for what each one means."""

    body: str = setting(
        "recurrent",
        one_of(_bodies),
        "recurrent, cnn (windows of 3 to 5 words) or feedforward (the bag of words so far).",
        group=NETWORK,
        common=True,
    )
    cell: str = setting(
        "lstm",
        one_of(_cells),
        "lstm, lstm_forget (without its other gates), lstm_peephole, gru, gru_reset_before, "
        "minlstm and mingru (gates of the input alone: fast), rnn (tanh), rnn_relu, "
        "rnn_linear, jordan or clockwork.",
        group=NETWORK,
        common=True,
    )
    hidden_size: int = setting(
        64,
        WHOLE,
        "Units of each layer and direction; of a cnn, of each window.",
        group=NETWORK,
        option="hidden",
        common=True,
        searched=(32, 64, 100, 128),
    )
    num_layers: int = setting(
        1,
        WHOLE,
        "Layers of the body.",
        group=NETWORK,
        option="layers",
        option_most=100,
        common=True,
    )
    bidirectional: bool = setting(
        True,
        FLAG,
        "Read each text from both ends.",
        group=NETWORK,
        flag=Flag(True, "one-way"),
        common=True,
    )
    readout: str = setting(
        "max",
        one_of(_readouts),
        "The classes are told from the max, mean or last of all states, max_mean or max_mean_last "
        "together, or attention.",
        group=NETWORK,
        common=True,
        searched=("max", "max_mean", "mean", "attention"),
    )
    segment_length: int | None = setting(
        None,
        optional(WHOLE),
        "Read longer texts in segments of at most so many words, side by side: long texts train up "
        "to twice as fast. {none} reads them whole.",
        group=NETWORK,
        zero_is_none=True,
    )
    embedding: str = setting(
        RANDOM,
        _EMBEDDING,
        "random, word2vec, onehot, or a file of word vectors.",
        group=NETWORK,
        common=True,
    )
    embedding_dim: int = setting(
        100, WHOLE, "Size of the word vectors.", group=NETWORK, searched=(50, 100, 200)
    )
    init_from: str | os.PathLike[str] | None = setting(
        None,
        _MODEL,
        "Language model to begin from, a folder: its word vectors, and its layers if they fit.",
        group=NETWORK,
    )
    freeze_embedding: bool = setting(
        False, FLAG, "Keep the word vectors as they are.", group=NETWORK, flag=Flag(True)
    )
    tokenizer: str | Tokenizer = setting(
        "word",
        _TOKENIZER,
        "word, char, jieba for Chinese words (pip install jieba), or blank for what stands "
        "between blanks.",
        group=TEXT,
        common=True,
    )
    lowercase: bool = setting(
        True,
        FLAG,
        "Ignore case.",
        group=TEXT,
        option="keep-case",
        flag=Flag(False, help="Do not ignore case."),
    )
    min_df: int | float = setting(1, _MIN_DF, "Texts a word must occur in to be known.", group=TEXT)
    max_df: int | float = setting(
        1.0, _MAX_DF, "Share of the texts from which a word is too common to be known.", group=TEXT
    )
    max_features: int | None = setting(
        30_000,
        optional(WHOLE),
        "Size of the vocabulary; {none} keeps every word.",
        group=TEXT,
        zero_is_none=True,
    )
    max_length: int | None = setting(
        1_000,
        optional(WHOLE),
        "Words read of each text from its beginning; {none} reads all.",
        group=TEXT,
        zero_is_none=True,
        common=True,
    )
    unknown_alpha: float = setting(
        0.25,
        FROM_0,
        "Rare words become the unknown word in training: of n occurrences the share "
        "alpha / (n + alpha).",
        group=REGULARISATION,
        searched=(0.0, 0.25, 1.0),
    )
    unknown_words: str = setting(
        "nearest",
        one_of(_unknown_words),
        "nearest: read an unknown word (of four letters or more) as the most frequent known one "
        "that is one edit away, a letter more, less or other, or two neighbours swapped; same: "
        "read all as one word.",
        group=TEXT,
    )
    ngrams: str = setting(
        "auto",
        one_of(lambda: NGRAMS),
        "N-grams of the linear model beside the network: words, characters (and words), "
        "auto (both, or words alone of much text) or none.",
        group=TEXT,
        searched=("auto", "words", "none"),
    )
    loss: str = setting(
        "once",
        one_of(_losses),
        "once: a text is answered for, and corrected, at its end; every: after each of its words, "
        "for better answers to its first quarter; growing: likewise, later answers counting more. "
        "The last two need one way of reading, and whole texts.",
        group=TRAINING,
    )
    rule: str = setting(
        "bptt",
        one_of(_rules),
        "How it learns: bptt, back through all words of a text; tbptt, truncated after k2 words; "
        "rtrl, exactly, going forward; ekf, the extended Kalman filter (both slow, for small "
        "networks). All but bptt need one-way.",
        group=TRAINING,
    )
    k1: int | None = setting(
        None,
        optional(WHOLE),
        "Of the rules tbptt and ekf: words read between two updates, by default 20 and all.",
        group=TRAINING,
    )
    k2: int | None = setting(
        None,
        optional(WHOLE),
        "Of the rules tbptt and ekf: words that are gone back over at most, by default 2 k1.",
        group=TRAINING,
    )
    solver: str = setting("adam", one_of(_solvers), "adam or sgd.", group=TRAINING)
    learning_rate_init: float = setting(
        2e-3,
        ABOVE_0,
        "Highest learning rate.",
        group=TRAINING,
        option="lr",
        common=True,
        searched=(5e-4, 1e-3, 2e-3, 4e-3, 8e-3),
    )
    learning_rate: str = setting(
        "linear",
        one_of(_schedules),
        "linear or cosine decay, slanted (linear to a 32nd), or constant.",
        group=TRAINING,
        option="schedule",
    )
    warmup_fraction: float = setting(
        0.05, SHARE, "Share of the steps in which the learning rate rises.", group=TRAINING
    )
    momentum: float = setting(0.9, SHARE, "Of the solver sgd.", group=TRAINING)
    alpha: float = setting(0.0, FROM_0, "Weight decay.", group=REGULARISATION)
    max_grad_norm: float | None = setting(
        1.0,
        optional(ABOVE_0),
        "Clip gradients to this norm; {none} does not.",
        group=TRAINING,
        zero_is_none=True,
    )
    gradient_floor: float = setting(
        1e-7,
        SHARE,
        "With the readout last: where the backward pass through a text ends, as a share of the "
        "largest gradient; 0 goes to its first word.",
        group=TRAINING,
    )
    batch_size: int = setting(
        32, WHOLE, "Texts in a step.", group=TRAINING, common=True, searched=(16, 32, 64)
    )
    batch_tokens: int | None = setting(
        None, optional(WHOLE), "Words in a step, on average, instead of texts.", group=TRAINING
    )
    max_iter: int | None = setting(
        None,
        optional(WHOLE),
        "Epochs at most; by default as many as make some 3,000 steps, 4 to 50.",
        group=TRAINING,
        option="epochs",
        option_most=1_000_000,
        common=True,
    )
    max_steps: int | None = setting(
        None,
        optional(WHOLE),
        "Steps of all epochs together; the last epoch may be a part. With unlabelled texts the "
        "student takes at least two epochs.",
        group=TRAINING,
        option_most=10**9,
    )
    max_seconds: float | None = setting(
        None,
        _SECONDS,
        "Time at most for all but the baselines, as 60s, 10m or 1h: as many steps as fit, so "
        "that no two runs need be alike.",
        group=TRAINING,
        option="budget",
        common=True,
    )
    shuffle: bool = setting(True, FLAG, "Draw a new order in every epoch.", group=TRAINING)
    dropout_input: float = setting(
        0.3,
        SHARE,
        "Dropout of the inputs.",
        group=REGULARISATION,
        searched=(0.0, 0.15, 0.3, 0.5),
    )
    dropout_readout: float = setting(
        0.5,
        SHARE,
        "Dropout of the readout.",
        group=REGULARISATION,
        option="dropout",
        searched=(0.0, 0.25, 0.5, 0.7),
    )
    dropout_recurrent: float = setting(
        0.0, SHARE, "Dropout of the recurrent weights.", group=REGULARISATION
    )
    dropout_embedding: float = setting(0.0, SHARE, "Dropout of whole words.", group=REGULARISATION)
    label_smoothing: float = setting(
        0.1,
        SHARE,
        "Share of each label that is spread over all classes.",
        group=REGULARISATION,
        searched=(0.0, 0.05, 0.1),
    )
    adversarial: float = setting(
        0.0,
        FROM_0,
        "Take each step again with the word vectors perturbed by this share of their length "
        "to where the loss grows fastest; 0 does not, which takes half the time.",
        group=REGULARISATION,
    )
    ema_decay: float = setting(
        0.998,
        SHARE,
        "Average the weights over some 1 / (1 - decay) steps, as 0.998; 0 does not.",
        group=REGULARISATION,
    )
    early_stopping: bool = setting(
        True, FLAG, "Stop when the validation accuracy rises no more.", group=TRAINING
    )
    validation_fraction: float = setting(
        0.1, PART, "Share of the training texts that tunes and stops.", group=DATA
    )
    n_iter_no_change: int | None = setting(
        None,
        optional(WHOLE),
        "Epochs to wait for a better accuracy; by default a third of all.",
        group=TRAINING,
        option="patience",
    )
    tol: float = setting(0.0, FROM_0, "By how much it must be better.", group=TRAINING)
    class_weight: ClassWeight = setting(
        None,
        _CLASS_WEIGHT,
        "Weight classes by how rare they are.",
        group=TRAINING,
        option="balanced",
        flag=Flag("balanced"),
        common=True,
    )
    threshold: float | str | None = setting(
        None,
        _THRESHOLD,
        "Probability from which the second of two classes in alphabetical order, or each label of "
        "a text, is the answer.",
        group=TRAINING,
        word=Word(
            F1,
            "tune-threshold",
            "f1: take the threshold with which the rarer class has its highest F1 on the "
            "validation texts.",
        ),
    )
    dtype: str = setting(
        "float32",
        one_of(lambda: ("float32", "float64")),
        "Floating-point type of all arithmetic, float32 or float64.",
        group=TRAINING,
    )
    n_jobs: int | None = setting(
        None,
        _JOBS,
        "Processes; -1 takes all cores. As the seed, part of what fixes a run.",
        group=TRAINING,
        option="jobs",
        option_default=-1,
        option_most=1_000,
        common=True,
    )
