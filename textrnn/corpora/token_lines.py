"""Lines of token and tag as people have them: which columns hold them, and where a text ends.

The first text tells: columns are parted by tabs if it has any, else by blanks if it has several
lines of as many words, more than one (files of the CoNLL tasks), else there is one column, which
only who wants no tags can use.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Iterator

from textrnn.corpora.columns import Note
from textrnn.errors import DataError
from textrnn.wording.quoting import quoted

MAX_TOKENS = 1_000_000
"""Of one text: beyond it, the empty lines between texts are missing."""
TOKEN_AND_TAG = "a token, a tab and its tag on each line, an empty line between texts"
DOCSTART = "-DOCSTART-"
_HEADERS = frozenset(
    (token, tag)
    for token in ("token", "tokens", "word", "words", "form")
    for tag in ("tag", "tags", "label", "labels", "pos", "upos", "ner", "chunk")
)
"""What a first line has in its first and last column that names them."""

MOST_LOOKED_AT = 1_000
"""Lines of the first text by which lines of tokens are told from lines that are texts."""

Numbered = tuple[int, str]
"""A line and its number, from 1."""


class TokenLines:
    """Reads one file.

    Args:
        where: what it is, for messages.
        note: receives a line about each guess.
        needs_tags: whether each token must have a tag.
    """

    def __init__(self, where: str, note: Note, *, needs_tags: bool) -> None:
        self.where, self.needs_tags = where, needs_tags
        self._note, self._told = note, set[str]()
        self._separator: str | None = "\t"
        self._n_columns = 0  # until the first text is read
        self._is_conll = False

    def texts(self, lines: Iterable[str]) -> Iterator[tuple[list[str], list[str] | None]]:
        """Yield tokens and tags of each text; DataError for a line that cannot be read."""
        block: list[Numbered] = []
        for number, line in enumerate(lines, start=1):
            line = line.rstrip("\r\n")
            if self._ends_text(line):
                yield from self._text(block)
                block = []
            elif block or not self._is_comment(line):
                block.append((number, line))
                self._check_size(block)
        yield from self._text(block)

    def _ends_text(self, line: str) -> bool:
        if line.lstrip().startswith(DOCSTART):
            self._is_conll = True
            self._tell(f"lines of {DOCSTART} only part texts")
            return True
        return not line.strip()

    def _is_comment(self, line: str) -> bool:
        """Whether a line before the first token of a text says something of it, as in CoNLL-U."""
        if not line.startswith("# ") or "\t" in line:
            return False
        self._tell("lines that begin with # before a text, and have no tab, are left out")
        return True

    def _check_size(self, block: list[Numbered]) -> None:
        if len(block) > MAX_TOKENS:
            raise DataError(
                f"{self.where}: the text that begins in line {block[0][0]} has more than "
                f"{MAX_TOKENS:,} tokens; put an empty line between texts"
            )

    def _text(self, block: list[Numbered]) -> Iterator[tuple[list[str], list[str] | None]]:
        if not block:
            return
        if not self._n_columns:
            self._settle(block)
            if self._is_header(block[0][1]):
                self._tell(f"line {block[0][0]} names the columns")
                block = block[1:]
                if not block:
                    return
        rows = [self._fields(number, line) for number, line in block]
        tags = [row[1] for row in rows]
        has_all = all(tag is not None for tag in tags)
        yield [row[0] for row in rows], [tag or "" for tag in tags] if has_all else None

    def _settle(self, block: list[Numbered]) -> None:
        """Find out by the first text how columns are parted and how many there are."""
        first = block[0][1]
        if any("\t" in line for _, line in block):
            self._n_columns = max(len(line.split("\t")) for _, line in block)
        else:
            counts = {len(line.split()) for _, line in block}
            is_table = len(counts) == 1 and (len(block) > 1 or self._is_conll)
            if is_table and counts != {1}:
                self._separator, self._n_columns = None, counts.pop()
                self._tell("the columns are separated by blanks")
            elif counts == {1} and not self.needs_tags:
                self._n_columns = 1
            elif counts == {1}:
                raise self._without_tag(*block[0])
            else:
                raise DataError(
                    f"{self.where}: line {block[0][0]} has no tab but several words, "
                    f"{quoted(first, 40)}; write "
                    + (TOKEN_AND_TAG if self.needs_tags else "a token a line")
                )
        if self._n_columns > 2:
            self._tell(f"of {self._n_columns} columns the first is the token and the last the tag")

    def _fields(self, number: int, line: str) -> tuple[str, str | None]:
        """The token of a line and its tag."""
        parts = [part.strip() for part in line.split(self._separator)]
        if self._separator and not parts[0]:
            raise DataError(
                f"{self.where}: line {number} has no token before its tab; write {TOKEN_AND_TAG}"
            )
        if not self.needs_tags:
            return parts[0], parts[-1] if len(parts) > 1 and parts[-1] else None
        if len(parts) < 2 or not parts[-1]:
            raise self._without_tag(number, line)
        if len(parts) != self._n_columns:
            raise DataError(
                f"{self.where}: line {number} has {len(parts)} columns where the first text has "
                f"{self._n_columns}; write {TOKEN_AND_TAG}"
            )
        n_words = len(parts[0].split())
        if n_words > 1 and n_words == len(parts[-1].split()):
            raise DataError(
                f"{self.where}: line {number} has {n_words} words before the tab and as many after "
                f"it; write {TOKEN_AND_TAG}"
            )
        return parts[0], parts[-1]

    def _without_tag(self, number: int, line: str) -> DataError:
        return DataError(
            f"{self.where}: line {number} has no tag, only {quoted(line.strip(), 40)}; "
            f"write {TOKEN_AND_TAG}"
        )

    def _is_header(self, line: str) -> bool:
        parts = [part.strip().lower() for part in line.split(self._separator)]
        return len(parts) > 1 and (parts[0], parts[-1]) in _HEADERS

    def _tell(self, line: str) -> None:
        """Tell once."""
        if line not in self._told:
            self._told.add(line)
            self._note(f"{self.where}: {line}")


def are_texts(lines: Iterator[str], tags: Collection[str]) -> tuple[bool, Iterator[str]]:
    """Whether lines are texts, not tokens, as far as the first lines tell, and all of them again.

    They are tokens where there is a tab; where each is a word alone, up to an empty line; or where
    there are several columns, of which the last has nothing but tags.
    """
    begun: list[str] = []
    n_words: list[int] = []
    found = False
    for line in itertools.islice(lines, MOST_LOOKED_AT):
        begun.append(line)
        if line.startswith("# ") and not n_words:  # says something of what follows, or is a text
            continue
        words = line.split()
        if "\t" in line.strip() or line.lstrip().startswith(DOCSTART) or (n_words and not words):
            break
        if words:
            n_words.append(len(words))
        if len(set(n_words)) > 1 or (len(words) > 1 and words[-1] not in tags):
            found = True
            break
    else:
        is_alone = len(n_words) == 1 and n_words[0] > 1
        found = is_alone or (not n_words and any(map(str.strip, begun)))
    return found, itertools.chain(begun, lines)
