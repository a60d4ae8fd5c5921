import os
import pickle
import subprocess
import sys
import time
import unicodedata
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from textrnn.errors import MissingDependencyError, UsageError
from textrnn.text import tokenizers
from textrnn.text._words import word_pattern
from textrnn.text.tokenizers import (
    BLOCK,
    TOKENIZERS,
    CharTokenizer,
    JiebaTokenizer,
    WordTokenizer,
    blocks,
    first_tokens,
    make_tokenizer,
    tokenizer_name,
)

WORDS = [
    ("I don't like it.", "i do n't like it ."),
    ("I don’t, can't and WON'T!!", "i do n't , ca n't and wo n't ! !"),
    ("She's sure they'll say we'd", "she 's sure they 'll say we 'd"),
    ("l'amour de O'Hara's aunt", "l' amour de o' hara 's aunt"),
    ("it is n't -LRB- so -RRB- ``bad''", 'it is n\'t ( so ) " bad "'),
    ("'quoted' in the '90s", "' quoted ' in the ' 90s"),
    ("soooo goood?!", "soooo goood ? !"),
    ("8/10, 3.5%, 1,000 at 10:30pm.", "8/10 , 3.5 % , 1,000 at 10:30 pm ."),
    ("tie-in -- well...", "tie - in -- well ..."),
    ("the U.S. and e.g. Spain.", "the u.s. and e.g. spain ."),
    (
        ":-) :( ;) (nice :)) :'( XD =) :D <3 </3 ^_^",
        ":-) :( ;) ( nice :) ) :'( xd =) :d <3 </3 ^_^",
    ),
    ("I <3 you, a < b and c>d", "i <3 you , a < b and c > d"),
    ("under <30 or <3.5 euros", "under < 30 or < 3.5 euros"),
    ("Bad.<br /><BR>So<b>bold</b>", "bad . so bold"),
    ("a <a href='x y'>link</a><!-- no -->!", "a link !"),
    ("<b and c> is no tag, nor is <grin>", "< b and c > is no tag , nor is < grin >"),
    (
        "salt &amp; pepper &lt;3 caf&eacute; &#39;so&#39; &bogus;",
        "salt & pepper <3 café ' so ' & bogus ;",
    ),
    ("Rome #39;s mayor didn #39;t &#xe9;", "rome 's mayor did n't é"),
    (
        "see https://a.example/b?c=1. Or www.b.example!",
        "see https://a.example/b?c=1 . or www.b.example !",
    ),
    ("snake_case @you #tag", "snake _ case @ you # tag"),
    ("Ça m'a plu, Über ŽENA", "ça m' a plu , über žena"),
    ("हिन्दी में नमस्ते", "हिन्दी में नमस्ते"),
    ("שָׁלוֹם مَرْحَبًا", "שָׁלוֹם مَرْحَبًا"),
    ("我喜欢iPhone！", "我 喜 欢 iphone ！"),
    ("すごい ที่นี่ 좋아요", "す ご い ที่ นี่ 좋아요"),
    ("👍🏽👍🏽👩‍👧 ❤️ 🇩🇪🇫🇷 1️⃣", "👍🏽 👍🏽 👩‍👧 ❤️ 🇩🇪 🇫🇷 1️⃣"),
    # Python 3.11.0 to 3.11.4 read these otherwise where a pattern repeats groups possessively.
    (
        "She's at O'Hara's dogs' rock'n'roll, y'all'd've",
        "she 's at o' hara 's dogs ' rock' n' roll , y' all 'd 've",
    ),
    (
        "12:30: 1,000. 1.2.3. 1/2/ 3::4 5.,6 a1's",
        "12:30 : 1,000 . 1.2.3 . 1/2 / 3 : : 4 5 . , 6 a1 's",
    ),
    ("a.b.c. e.g., i.e.: U.S.A", "a.b.c. e.g. , i.e. : u.s. a"),
    (
        "l'e\u0301te\u0301's e\u0301\u0323x'e\u0301 हिन्दी'स नमस्ते's में'",
        "l' été 's \u1eb9\u0301x' é हिन्दी' स नमस्ते 's में '",
    ),
    ("x' 'x ''x x''s 's", "x ' ' x \" x x \" s 's"),
    ("👩\u200d👧\u200d👦x 👩\u200d 👩\u200dx 🏽👍🏽", "👩\u200d👧\u200d👦 x 👩 👩 x 🏽 👍🏽"),
    ("nul\0 and \ud800 lone", "nul and lone"),
    ("", ""),
    (" \t\n\u3000", ""),
]
NASTY = ["<", "'", ":", "-", "a", "a'", "n't", "<a ", "<b =", "<!--", "http://", "&", "&#", "#39;"]
NASTY += [
    ".",
    "1,",
    "^_",
    "\u0301\u0323",
    "a\u0301",
    "👍\u200d",
    "\u200d",
    "中",
    " ",
    "\0",
    "\ud800",
]
TEXTS = st.text(st.one_of(st.characters(), st.sampled_from("<>&;'.:-_ \n#a\u0301\u200d")))


@pytest.mark.parametrize(("text", "expected"), WORDS, ids=range(len(WORDS)))
def test_words(text: str, expected: str) -> None:
    assert WordTokenizer()(text) == expected.split(" ") * bool(expected)


def test_capitals_are_kept_on_demand() -> None:
    assert WordTokenizer(lowercase=False)("I DON'T, He'S :D") == [
        *("I", "DO", "N'T", ",", "He", "'S", ":D")
    ]
    assert CharTokenizer(lowercase=False)("aB") == ["a", "B"]


@settings(deadline=None)
@given(TEXTS)
def test_a_word_token_is_never_empty_and_never_holds_white_space(text: str) -> None:
    assert all(token and not any(map(str.isspace, token)) for token in WordTokenizer()(text))


@settings(deadline=None)
@given(TEXTS)
def test_words_do_not_depend_on_the_normal_form(text: str) -> None:
    composed, decomposed = (unicodedata.normalize(form, text) for form in ("NFC", "NFD"))
    assert WordTokenizer()(composed) == WordTokenizer()(decomposed)


@settings(deadline=None)
@given(st.lists(st.sampled_from(["good", "don't", "bad!", "it's", "3.5", "e.g.", "ok..."])))
def test_tokens_joined_by_spaces_give_the_same_tokens(words: list[str]) -> None:
    tokens = WordTokenizer()(" ".join(words))
    assert WordTokenizer()(" ".join(tokens)) == tokens


def test_piled_up_marks_are_composed_all_the_same() -> None:
    text = "e\u0301" + "x\u0323" * 3 + "\u0301" * 500 + " e\u0301"
    assert WordTokenizer()(text)[-1] == "é"


@pytest.mark.parametrize("tokenizer", [WordTokenizer(), CharTokenizer()], ids=["word", "char"])
@pytest.mark.parametrize("unit", NASTY, ids=ascii)
def test_time_is_linear(tokenizer: WordTokenizer | CharTokenizer, unit: str) -> None:
    # A quadratic pattern takes minutes for this; a linear one well under a second.
    text = unit * (200_000 // len(unit))
    started = time.perf_counter()
    tokens = tokenizer(text)
    assert time.perf_counter() - started < 10
    assert tokenizer.first(text, 7) == tokens[:7]


@settings(deadline=None)
@given(TEXTS)
def test_characters(text: str) -> None:
    tokens = CharTokenizer(lowercase=False)(text)
    assert all(len(token) == 1 for token in tokens)
    assert "".join(tokens).split() == text.split()
    assert "  " not in "".join(tokens)


@pytest.mark.parametrize("tokenizer", [WordTokenizer(), CharTokenizer()], ids=["word", "char"])
@settings(max_examples=15, deadline=None)
@given(text=TEXTS, limit=st.integers(0, 20))
def test_first_is_the_beginning(
    tokenizer: WordTokenizer | CharTokenizer, text: str, limit: int
) -> None:
    assert tokenizer.first(text, limit) == tokenizer(text)[:limit]
    long = (text + " filler") * (BLOCK // (len(text) + 7) + 2)
    assert tokenizer.first(long, limit) == tokenizer(long)[:limit]


def test_first_reads_no_more_than_it_needs() -> None:
    class Watched(WordTokenizer):
        read = 0

        def _tokens(self, block: str) -> list[str]:
            Watched.read += len(block)
            return super()._tokens(block)

    text = "some words " * 100_000
    assert Watched().first(text, 3) == ["some", "words", "some"]
    assert Watched.read <= BLOCK


@settings(deadline=None)
@given(
    st.lists(st.sampled_from(["word", " ", "\n", "<br />", "é", "a < b", "x" * 5000, " " * 999]))
)
def test_blocks_cut_nothing_but_white_space(parts: list[str]) -> None:
    text = "".join(parts) * 20
    pieces = list(blocks(text))
    assert all(len(piece) <= BLOCK for piece in pieces)
    assert "".join(pieces).split() == text.split()


def test_a_long_text_has_the_tokens_of_its_parts() -> None:
    part = "It's <b class='x'>good</b>, isn't it? 8/10 :-) "
    assert WordTokenizer()(part * 5000) == WordTokenizer()(part) * 5000
    spaced = "a" + " " * (2 * BLOCK) + "b"
    assert CharTokenizer()(spaced) == ["a", " ", "b"]


def test_jieba_finds_chinese_words() -> None:
    pytest.importorskip("jieba")
    tokenizer = JiebaTokenizer()
    assert tokenizer("我来到北京清华大学, OK?") == [
        "我",
        "来到",
        "北京",
        "清华大学",
        ",",
        "ok",
        "?",
    ]
    assert tokenizer.first("我来到北京清华大学", 2) == ["我", "来到"]
    assert tokenizer("") == []
    started = time.perf_counter()
    assert "".join(tokenizer("龘" * 30_000)) == "龘" * 30_000
    assert time.perf_counter() - started < 10


def test_jieba_is_quiet() -> None:
    pytest.importorskip("jieba")
    code = "from textrnn.text.tokenizers import JiebaTokenizer as J; J()('我来到北京')"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout + result.stderr == ""


def test_jieba_is_asked_for_when_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jieba", None)
    tokenizers._jieba_cut.cache_clear()
    with pytest.raises(MissingDependencyError, match="pip install jieba"):
        make_tokenizer("jieba")


@pytest.mark.parametrize("name", TOKENIZERS)
@pytest.mark.parametrize("lowercase", [True, False])
def test_a_named_tokenizer_is_a_plain_value(name: str, lowercase: bool) -> None:
    if name == "jieba":
        pytest.importorskip("jieba")
    tokenizer = make_tokenizer(name, lowercase=lowercase)
    assert isinstance(tokenizer, TOKENIZERS[name])
    assert tokenizer_name(tokenizer) == name
    assert tokenizer.lowercase is lowercase
    assert tokenizer == TOKENIZERS[name](lowercase=lowercase)
    assert tokenizer != TOKENIZERS[name](lowercase=not lowercase)
    assert pickle.loads(pickle.dumps(tokenizer)) == tokenizer
    assert repr(tokenizer) == f"{TOKENIZERS[name].__name__}(lowercase={lowercase})"


def test_foreign_callables() -> None:
    assert make_tokenizer(str.split) is str.split
    assert tokenizer_name(str.split) is None
    assert first_tokens(str.split, "a b c", 2) == ["a", "b"]
    assert first_tokens(str.split, "a b c", None) == ["a", "b", "c"]
    assert first_tokens(WordTokenizer(), "a b c", 2) == ["a", "b"]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [("wrod", "Did you mean 'word'"), ("", "use one of"), (7, "tokenizer is 7")],
)
def test_what_is_no_tokenizer(wrong: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        make_tokenizer(wrong)


def test_real_reviews() -> None:
    folder = Path(os.environ.get("TEXTRNN_DATA", "")) / "imdb"
    if "TEXTRNN_DATA" not in os.environ or not folder.is_dir():
        pytest.skip("TEXTRNN_DATA names no folder that holds imdb")
    import lzma

    with lzma.open(folder / "train.csv.xz", "rt", encoding="utf-8") as file:
        text = file.read(3_000_000)
    tokens = WordTokenizer()(text)
    assert 550_000 < len(tokens) < 700_000
    assert tokens.count("br") < 5


@given(st.text(st.characters(max_codepoint=127), max_size=200))
@example("Don't :-) <3 a_b __ 'tis it's 3.5 u.s. www.x.y/z -- ... ~~ `` #1 \x1f \x7f ^_^")
def test_the_pattern_for_ascii_gives_the_same_tokens(text: str) -> None:
    few, many = word_pattern(ascii_only=True), word_pattern(ascii_only=False)
    assert few.findall(text) == many.findall(text)


DIGESTS = {
    "imdb": "502ebfcfb3c18e05",
    "sst2": "bb5205c83512c46d",
    "tweets": "8c30e22d554e966e",
    "chnsenticorp": "209ec6710db4db53",
}


@pytest.mark.parametrize("corpus", DIGESTS)
def test_real_texts_have_the_tokens_of_the_first_release_on_every_python(
    real_corpora: Path, corpus: str
) -> None:
    import csv
    import hashlib
    import lzma

    with lzma.open(real_corpora / corpus / "test.csv.xz", "rt", encoding="utf-8") as file:
        texts = [row["text"] for row in islice(csv.DictReader(file), 1_000)]
    digest = hashlib.sha256()
    for text in texts:
        digest.update("\0".join([*WordTokenizer()(text), "\n"]).encode())
    assert digest.hexdigest()[:16] == DIGESTS[corpus]
