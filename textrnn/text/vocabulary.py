"""The words a model knows, because a network reads numbers and a person reads words."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import repeat
from numbers import Integral
from pathlib import Path
from typing import Any

import numpy as np

from textrnn.errors import ModelError, UsageError, reason
from textrnn.text.encoded import EncodedTexts
from textrnn.text.spelling import EDIT, NearestWords
from textrnn.typing import Counts, Floats, Ids, Ints
from textrnn.wording.messages import ForScripts, Parameter, Value
from textrnn.wording.quoting import quoted

UNKNOWN = "<unk>"
"""The token that stands for every word the vocabulary does not hold; its id is 0."""

# A file is split at "\n" and "\t" alone, but editors and `splitlines` know more line ends, and
# a lone surrogate is not UTF-8: all of them are written as escapes.
_UNSAFE = re.compile("[\\\\\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff]")
_ESCAPE = re.compile(r"\\(?:[tnr\\]|u[0-9a-f]{4})|\\")
_SHORT = {"\t": "\\t", "\n": "\\n", "\r": "\\r", "\\": "\\\\"}
_LONG = {escape: char for char, escape in _SHORT.items()}


@dataclass(frozen=True, eq=False, repr=False)
class Vocabulary:
    """Tokens and their ids: `UNKNOWN` first, then the more frequent before the less.

    Attributes:
        tokens: The token of each id, `UNKNOWN` at 0, each once.
        counts: How often each occurred in training, int64 of shape (V,), read-only;
            `counts[0]` is the occurrences of tokens that were left out.
        index: The id of each token.
    """

    tokens: tuple[str, ...]
    counts: Counts
    index: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        """Number the tokens and freeze the counts."""
        tokens, counts = tuple(self.tokens), np.array(self.counts, dtype=np.int64)
        index = dict(zip(tokens, range(len(tokens)), strict=True))
        if tokens[:1] != (UNKNOWN,) or len(index) != len(tokens) or counts.shape != (len(tokens),):
            raise UsageError(
                f"a vocabulary of {len(tokens)} tokens and {counts.size} counts cannot be: "
                f"it needs {quoted(UNKNOWN)} first, each token once, and one count a token"
            )
        counts.flags.writeable = False
        for name, value in (("tokens", tokens), ("counts", counts), ("index", index)):
            object.__setattr__(self, name, value)

    @classmethod
    def build(
        cls,
        token_lists: Iterable[Sequence[str]],
        *,
        min_df: float = 1,
        max_df: float = 1.0,
        max_features: int | None = None,
    ) -> Vocabulary:
        """Count the tokens of a corpus and keep those worth an id, or `UNKNOWN` alone.

        Args:
            token_lists: One list of tokens a document; read once.
            min_df: Fewest documents a token must stand in: a number of documents if it is an
                integer, a share of them if it is a float.
            max_df: Most documents it may stand in, likewise.
            max_features: Keep only so many tokens, the most frequent; None keeps all.

        Raises:
            UsageError: for a limit out of range, or strings where lists of tokens belong.
        """
        _check_limits(min_df=min_df, max_df=max_df, max_features=max_features)
        counts, spread, n_documents = _count(token_lists)
        total = counts.total()
        counts.pop(UNKNOWN, None)  # a word that is spelt so is as good as unknown
        fewest, most = (_documents(limit, n_documents) for limit in (min_df, max_df))
        kept = [item for item in counts.items() if fewest <= spread[item[0]] <= most]
        kept.sort(key=lambda item: (-item[1], item[0]))
        kept = kept[:max_features]
        known = sum(count for _, count in kept)
        tokens = (UNKNOWN, *(token for token, _ in kept))
        return cls(tokens, np.array([total - known, *(count for _, count in kept)], dtype=np.int64))

    def __len__(self) -> int:
        """Return V, the number of ids, `UNKNOWN` among them."""
        return len(self.tokens)

    def __contains__(self, token: object) -> bool:
        """Say whether a token has an id of its own."""
        return token in self.index

    def __eq__(self, other: object) -> bool:
        """Say whether tokens and counts are the same."""
        if not isinstance(other, Vocabulary):
            return NotImplemented
        return self.tokens == other.tokens and np.array_equal(self.counts, other.counts)

    def __hash__(self) -> int:
        """Return a hash, as for any immutable value."""
        return hash(self.tokens)

    def __repr__(self) -> str:
        """Return a line that does not list thousands of tokens."""
        return f"Vocabulary({len(self)} tokens, {int(self.counts.sum())} occurrences)"

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle tokens and counts alone; the index follows from them."""
        return Vocabulary, (self.tokens, self.counts)

    def encode(self, tokens: Sequence[str]) -> Ids:
        """Return the ids of a document, int32 of shape (length,), 0 for unknown tokens.

        An empty document becomes `[0]`: every document has at least one step to run.
        """
        if isinstance(tokens, str):
            raise UsageError(f"encode takes a list of tokens, not the string {quoted(tokens[:40])}")
        if not len(tokens):
            return np.zeros(1, dtype=np.int32)
        ids = map(self.index.get, tokens, repeat(0))
        return np.fromiter(ids, dtype=np.int32, count=len(tokens))

    def encode_all(self, texts: EncodedTexts) -> EncodedTexts:
        """Return texts with the ids of this vocabulary, each as `encode` gives them.

        Each distinct token is looked up once.
        """
        ids, lengths = self.encode(texts.words)[texts.ids], texts.lengths
        empty = lengths == 0
        if not empty.any():
            return EncodedTexts(ids, texts.starts, self.tokens)
        ids = np.insert(ids, texts.starts[:-1][empty], self.encode([])[0])
        starts = np.concatenate([[0], np.cumsum(lengths + empty)])
        return EncodedTexts(ids, starts, self.tokens)

    @cached_property
    def nearest(self) -> NearestWords:
        """The known words, to be asked for those that unknown ones are near to."""
        return NearestWords(self.tokens)

    def corrected(self, texts: EncodedTexts, spelling_rule: str = EDIT) -> EncodedTexts:
        """Return texts in which unknown words are replaced by the known ones they are near to.

        Each word keeps its id, so that a word may have several. What is near, ``spelling_rule``
        says: see ``NearestWords.find``.
        """
        unknown = [i for i, word in enumerate(texts.words) if word not in self.index]
        if not unknown:
            return texts
        words = list(texts.words)
        near = self.nearest.find([words[i] for i in unknown], spelling_rule).tolist()
        for i, number in zip(unknown, near, strict=True):
            if number > 0:
                words[i] = self.tokens[number]
        return EncodedTexts(texts.ids, texts.starts, words)

    def decode(self, ids: Ints | Sequence[int]) -> list[str]:
        """Return the tokens of ids.

        Raises:
            UsageError: for an id outside 0 .. V-1.
        """
        numbers = np.asarray(ids, dtype=np.int64).tolist()
        wrong = next((number for number in numbers if not 0 <= number < len(self)), None)
        if wrong is not None:
            raise UsageError(f"the id {wrong} is not in a vocabulary of {len(self)} tokens")
        return [self.tokens[number] for number in numbers]

    def unknown_probabilities(self, alpha: float = 0.25) -> Floats:
        """Return how likely each token is to be read as `UNKNOWN` in training.

        alpha / (count + alpha), so that rare words teach the network what an unknown word is
        like (Kiperwasser and Goldberg 2016, section 4.2). Float32 of shape (V,), 0 for id 0.

        Raises:
            UsageError: for an alpha that is negative or not finite.
        """
        if not 0 <= alpha < np.inf:
            raise UsageError(f"alpha is {alpha}; it must be a finite number, 0 or more")
        probabilities = np.zeros(len(self), dtype=np.float32)
        if alpha:
            probabilities[1:] = alpha / (self.counts[1:] + alpha)
        return probabilities

    def dumps(self) -> str:
        """Return the vocabulary as text: a line `token<TAB>count` for each id, in order."""
        lines = zip(self.tokens, self.counts.tolist(), strict=True)
        return "".join(f"{_UNSAFE.sub(_escape, token)}\t{count}\n" for token, count in lines)

    @classmethod
    def loads(cls, text: str, *, where: str | Path = "vocabulary") -> Vocabulary:
        """Return the vocabulary that `dumps` wrote; `where` (a path, or words) names it in errors.

        Raises:
            ModelError: for a malformed text, with the line.
        """
        lines = text.split("\n")
        if lines.pop() or not lines:
            raise ModelError(
                f"{_place(where)}, line {len(lines) + 1}: the file is cut off; copy it again"
            )
        try:
            if not _has_a_tab_a_line(text):
                raise ValueError("a line without its one tab")
            fields = text[:-1].replace("\n", "\t").split("\t")
            tokens, digits = fields[::2], "".join(fields[1::2])
            if not (digits.isascii() and digits.isdigit()):  # int() knows more numbers than these
                raise ValueError("a count that is none")
            counts = list(map(int, fields[1::2]))
            if "\\" in text:
                tokens = [_unescape(token) if "\\" in token else token for token in tokens]
            if sum(counts) < 2**63:
                return cls(tuple(tokens), np.array(counts, dtype=np.int64))
        except (ValueError, OverflowError):  # what and where, is found out only when needed
            pass
        raise ModelError(_what_is_wrong(lines, where))

    def save(self, path: str | Path) -> None:
        """Write `dumps()` as a UTF-8 file."""
        Path(path).write_text(self.dumps(), encoding="utf-8", newline="\n")

    @classmethod
    def load(cls, path: str | Path) -> Vocabulary:
        """Read a file that `save` wrote.

        Raises:
            ModelError: when the file is missing, malformed or not UTF-8.
        """
        try:
            text = Path(path).read_text(encoding="utf-8")
        except OSError as error:
            raise ModelError(f"{quoted(path)} cannot be read: {reason(error)}") from error
        except UnicodeDecodeError as error:
            line = error.object.count(b"\n", 0, error.start) + 1
            raise ModelError(
                f"{quoted(path)}, line {line}: not UTF-8; copy the file again"
            ) from error
        return cls.loads(text, where=Path(path))


def _has_a_tab_a_line(text: str) -> bool:
    """Whether tabs and line ends take turns."""
    characters = np.frombuffer(text.encode("utf-8", "surrogatepass"), dtype=np.uint8)
    signs = characters[(characters == ord("\t")) | (characters == ord("\n"))]
    return bool((signs[::2] == ord("\t")).all() and (signs[1::2] == ord("\n")).all())


def _is_whole(value: object) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)


def _is_share(value: object) -> bool:
    return isinstance(value, float | np.floating) and bool(0 <= value <= 1)


def _check_limits(*, max_features: int | None, **shares: float) -> None:
    for name, limit in shares.items():
        if not (limit >= 1 if _is_whole(limit) else _is_share(limit)):
            raise UsageError(
                Parameter(name),
                f" is {quoted(limit)}; use a number of documents (1, 2, ...)",
                ForScripts(" or a share of them (0.0 to 1.0)"),
            )
    if max_features is not None and not (_is_whole(max_features) and max_features >= 1):
        raise UsageError(
            Parameter("max_features"),
            f" is {quoted(max_features)}; use 1, 2, ... or ",
            Value("max_features", None),
            " for no limit",
        )


def _documents(limit: float, n_documents: int) -> float:
    """Return a limit as a number of documents, as scikit-learn reads it."""
    return limit if _is_whole(limit) else limit * n_documents


def _count(token_lists: Iterable[Sequence[str]]) -> tuple[Counter[str], Counter[str], int]:
    """Return each token's occurrences, the documents it stands in, and their number."""
    counts: Counter[str] = Counter()
    spread: Counter[str] = Counter()
    n_documents = 0
    if isinstance(token_lists, EncodedTexts):
        occurrences, texts = token_lists.occurrences()
        words = [token_lists.words[i] for i in np.flatnonzero(occurrences).tolist()]
        counts.update(dict(zip(words, occurrences[occurrences > 0].tolist(), strict=True)))
        spread.update(dict(zip(words, texts[occurrences > 0].tolist(), strict=True)))
        return counts, spread, len(token_lists)
    if isinstance(token_lists, str):
        raise UsageError("a vocabulary is built from lists of tokens, not from a string")
    for n_documents, tokens in enumerate(token_lists, start=1):
        if isinstance(tokens, str):
            raise UsageError(f"document {n_documents} is a string; tokenise it first")
        counts.update(tokens)
        spread.update(set(tokens))
    return counts, spread, n_documents


def _escape(match: re.Match[str]) -> str:
    return _SHORT.get(match[0]) or f"\\u{ord(match[0]):04x}"


def _unescape(token: str) -> str:
    return _ESCAPE.sub(_unescape_one, token)


def _unescape_one(match: re.Match[str]) -> str:
    if match[0] == "\\":
        raise ValueError("a lone backslash")
    return _LONG.get(match[0]) or chr(int(match[0][2:], 16))


def _place(where: str | Path) -> str:
    return quoted(where) if isinstance(where, Path) else where


def _what_is_wrong(lines: list[str], where: str | Path) -> str:
    """Return a message about the first malformed line; there is one."""
    seen: set[str] = set()
    total = 0
    for number, line in enumerate(lines, start=1):
        token, _, count = line.partition("\t")
        try:
            token = _unescape(token)
            if not (count.isascii() and count.isdigit()):
                raise ValueError
            total += int(count)
            if total >= 2**63:
                raise ValueError
        except ValueError:
            break
        if token in seen or (number == 1 and token != UNKNOWN):
            break
        seen.add(token)
    return (
        f"{_place(where)}, line {number}: {quoted(line[:60])} is not a new token, a tab and a "
        f"count ({quoted(UNKNOWN)} comes first); take the file from the model again"
    )
