"""What `WordTokenizer` takes for a word: one pattern, and the cleaning that comes before it.

Every part of the pattern either cannot backtrack or backtracks over characters that the token
after it consumes, so the time is linear even for a million quotes or brackets. Only single
characters are repeated possessively (`[0-9]++`): a repeated group stands in an atomic group,
`(?>(?:...)+)` and never `(?:...)++`, which Python 3.11.0 to 3.11.4 match wrongly.
"""

from __future__ import annotations

import functools
import re
import unicodedata

# Only well-known tags, and attributes only with "=": "a <b and c> d" is no markup, and "<grin>"
# is a word worth keeping. No part of a tag holds "<", so each character is looked at once.
_TAGS = (
    "a|abbr|b|big|blockquote|body|br|center|cite|code|dd|del|div|dl|dt|em|font|h[1-6]|head|hr|"
    "html|i|img|ins|li|ol|p|pre|q|s|small|span|strike|strong|sub|sup|table|tbody|td|th|thead|"
    "tr|tt|u|ul"
)
# Patterns are strings that `re` compiles, and keeps, when a text first needs them: compiling
# all of them would take as long as a prediction.
_MARKUP = rf"(?i)</?(?:{_TAGS})(?:\s[^<>=]*+=[^<>]*+)?\s*+/?>|<!--[^<]*?-->"
# News feeds lose the "&" of an entity: "Italy #39;s largest".
_ENTITY = (
    r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,30});"
    r"|#(?:3[4689]|[0-9]{3,5});"
)
# One spelling each for quotes and ellipsis; \x91 to \x94 are Windows quotes read as Latin-1.
_PLAIN = (
    *((quote, "'") for quote in "‘’´\x91\x92"),
    *((quote, '"') for quote in "“”\x93\x94"),
    ("…", "..."),
    ("\u00ad", ""),  # soft hyphen
)
# The Penn Treebank's spelling of brackets and quotes, and its escapes.
_TREEBANK = (
    ("-lrb-", "("),
    ("-rrb-", ")"),
    ("-LRB-", "("),
    ("-RRB-", ")"),
    ("``", '"'),
    ("''", '"'),
    ("\\/", "/"),
    ("\\*", "*"),
)


def clean(text: str, *, lowercase: bool) -> str:
    """Decode entities, drop markup, and give what looks alike one spelling (NFC among it)."""
    if "&" in text or "#" in text:
        text = re.sub(_ENTITY, _decode_entity, text.replace("n #39;t", "n't"))
    if not text.isascii():
        text = _compose(text)
        for old, new in _PLAIN:
            text = text.replace(old, new)
    if "<" in text:
        text = re.sub(_MARKUP, " ", text)
    if lowercase:
        text = text.lower()
    for old, new in _TREEBANK:
        text = text.replace(old, new)
    return text


def _decode_entity(match: re.Match[str]) -> str:
    import html  # its table of names takes longer to load than most texts to read

    return html.unescape("&" + match[0].removeprefix("&"))


# `normalize` sorts a run of combining marks by insertion: 40,000 of them take a second.
_LONG_RUN = r"[^\w\x00-\x7f]{100}"
_SHORT_RUNS = r"[\w\x00-\x7f]*+[^\w\x00-\x7f]{0,100}+"


def _compose(text: str) -> str:
    """Return the text in normal form C, composed piece by piece where marks pile up."""
    pieces = re.findall(_SHORT_RUNS, text) if re.search(_LONG_RUN, text) else [text]
    return "".join(unicodedata.normalize("NFC", piece) for piece in pieces)


# Scripts that put no space between words: kana, Han, Thai, Lao, Khmer, Burmese.
UNSPACED = (
    r"\u0e01-\u0eff\u1000-\u109f\u1780-\u17ff\u19e0-\u19ff\u2e80-\u2fdf\u3005-\u3007"
    r"\u3021-\u3029\u3031-\u3035\u3038-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    r"\ua9e0-\ua9ff\uaa60-\uaa7f\uf900-\ufaff\uff66-\uff9f\U0001b000-\U0001b16f"
    r"\U00020000-\U0003ffff"
)
_MARK_BLOCKS = ((0x300, 0x1DFF), (0xA600, 0xABFF), (0xFE20, 0xFE2F), (0x11000, 0x11FFF))
# Control and format characters, variation selectors and lone surrogates are no tokens.
_SILENT = (
    r"\x00-\x1f\x7f-\x9f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f"
    r"\ufeff\ud800-\udfff"
)


def _marks() -> str:
    """Return the ranges of accents and vowel signs, which are no `\\w` when they stand alone."""
    points = [
        point
        for first, last in _MARK_BLOCKS
        for point in range(first, last + 1)
        if unicodedata.category(chr(point)).startswith("M")
    ]
    starts = [p for p, before in zip(points, [0, *points], strict=False) if p != before + 1]
    ends = [p for p, after in zip(points, [*points[1:], 0], strict=True) if p != after - 1]
    # Ranges, because a class of single characters takes twenty times as long to compile.
    return "".join(f"{chr(p)}-{chr(q)}" for p, q in zip(starts, ends, strict=True))


@functools.cache
def word_pattern(*, ascii_only: bool) -> re.Pattern[str]:
    """Return the pattern whose matches are the tokens of a cleaned text; it has no groups.

    With `ascii_only` it knows only what an ASCII text can hold and gives the same tokens
    there; it compiles in a tenth of the time, which a single prediction would wait for.
    """
    marks = "" if ascii_only else _marks()
    # With the joiners that Persian and Hindi words hold.
    inner = "" if ascii_only else rf"[{marks}\u200c\u200d]*+"
    letter = "[a-zA-Z0-9]" if ascii_only else rf"[^\W_{UNSPACED}]"
    run = rf"{letter}++{inner}"
    word = run if ascii_only else rf"{run}(?:{run}(?>(?:{run})*)|)"
    clitic = rf"(?i:s|re|ve|ll|d|m)(?!{letter})"
    others = (
        ",",
        r"(?i:https?://|www\.)[!#-;=?-~]*[a-zA-Z0-9]/?",
        # Emoticons: :-) ;( =) :'( :P (: <3 </3 8-) ^_^ -_- >_<
        r"[<>]?[:;=]['^o*-]?[)(\]\[}{|/\\*]",
        r"[:;]['-]?[dpoDPO](?![^\W_])",
        r"\(-?[:;]|</?3(?![0-9]|[.,][0-9])|8-\)|\^_?\^|-_{1,5}+-|>_{1,5}+<",
        *(() if ascii_only else (r"[0-9#*]\ufe0f?\u20e3",)),
        r"[0-9]++(?>(?:[.,:/][0-9]++)+)",
        r"(?>(?:[a-zA-Z]\.){2,})",
        rf"(?i:n't)(?!{letter})",
        rf"{word}(?:'(?!{clitic})(?={letter})|)",
        rf"'{clitic}",
        r"\.{2,}+|-{2,}+|\*{2,}+|={2,}+|_{2,}+|~{2,}+",
        *((r"[!-/:-@\[-`{-~]",) if ascii_only else _beyond_ascii(marks, inner)),
    )
    # Nine tokens of ten are plain words: tried first, and white space tried against nothing
    # else, they make the pattern three times as fast.
    plain = r"[a-zA-Z]++(?![^\x00-\x7f]|['0-9:.])"
    return re.compile(rf"{plain}|(?!\s)(?:{'|'.join(others)})")


def _beyond_ascii(marks: str, inner: str) -> tuple[str, ...]:
    """Characters of unspaced scripts, flags, and symbols such as emoji with what modifies them."""
    symbol = rf"(?:[^\w\s{_SILENT}]|_)[{marks}\ufe0e\ufe0f\u20e3\U0001f3fb-\U0001f3ff]*+"
    return (
        rf"[{UNSPACED}]{inner}",
        r"[\U0001f1e6-\U0001f1ff]{2}",
        rf"{symbol}(?:(?>(?:\u200d{symbol})+)|)",
    )
