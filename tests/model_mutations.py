"""Model folders as a stranger would alter them, their checksums made to fit.

``python -m tests.model_mutations`` tries all of them on the small folders of the reference and
counts how they end; ``--every N`` takes each Nth.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import io
import json
import os
import random
import resource
import shutil
import signal
import socket
import struct
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

REFERENCE = Path(__file__).parent / "reference" / "models_0_1_0"
CONFIG, METRICS, NGRAMS = "config.json", "metrics.json", "ngrams.safetensors"
TEXTS = ["a warm day", "", "the inn: fresh! never again", "x" * 300]
SECONDS, BYTES = 3.0, 200_000_000

Files = dict[str, bytes]


class Raw(NamedTuple):
    """JSON that Python would not write."""

    json: str


VALUES: list[Any] = [
    *(None, True, False, -1, 0, 1, 2, 3, 10**6, 10**9, 2**31, 2**62, 2**63, 2**64, 10**30),
    *(0.5, -0.5, 1.5, 2.0, 1e308, Raw("NaN"), Raw("Infinity"), Raw("-Infinity"), Raw("1e999")),
    *(Raw("9" * 5_000), Raw("-" + "9" * 50)),
    *("", "x", "lstm", "1", "\x1b[31m\r\n\u2028\u202e", "\ud800", "a" * 200_000),
    *([], [1, 2], [[1], [2]], ["x", "x"], [None], {}, {"a": 1}, {"": {}}),
    Raw("[" * 200 + "]" * 200),
    Raw("[" * 50_000 + "]" * 50_000),
    Raw('{"a": 1, "a": 2}'),
]


LABELS = [(str(value.json) if isinstance(value, Raw) else repr(value))[:30] for value in VALUES]


class Case(NamedTuple):
    """An altered folder.

    Attributes:
        name: what was altered, and how.
        make: its files.
        finish: makes of the written folder what no bytes can say.
    """

    name: str
    make: Callable[[], Files]
    finish: Callable[[Path], None] | None = None


def read(folder: Path) -> Files:
    """The files of a folder."""
    return {file.name: file.read_bytes() for file in sorted(folder.iterdir()) if file.is_file()}


def dumped(value: Any) -> str:
    """JSON with what is raw in it as it is."""
    if isinstance(value, Raw):
        return value.json
    if isinstance(value, dict):
        inside = (f"{json.dumps(name)}: {dumped(item)}" for name, item in value.items())
        return "{" + ", ".join(inside) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(dumped, value)) + "]"
    return json.dumps(value)


def sealed(files: Files, config: Any = None) -> Files:
    """The files with checksums that fit, as far as a configuration can have any."""
    config = json.loads(files[CONFIG]) if config is None else config
    if not isinstance(config, dict):
        return {**files, CONFIG: dumped(config).encode()}
    given = config.get("files")
    if isinstance(given, dict):
        sums = {name: hashlib.sha256(files[name]).hexdigest() for name in given if name in files}
        config = {**config, "files": {**given, **sums}}
    config.pop("checksum", None)
    try:
        plain = json.loads(dumped(config))
        content = json.dumps(plain, sort_keys=True).encode()
        config = {**config, "checksum": hashlib.sha256(content).hexdigest()}
    except (ValueError, RecursionError):
        pass  # nobody can read it
    return {**files, CONFIG: dumped(config).encode()}


def with_metrics(files: Files, metrics: Any) -> Files:
    """The files with other metrics."""
    return sealed({**files, METRICS: dumped(metrics).encode()})


def with_file(files: Files, name: str, content: bytes | Callable[[], bytes]) -> Files:
    """The files with another one."""
    return sealed({**files, name: content() if callable(content) else content})


def paths_in(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where the values of nested JSON stand, the first two of each list."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for place, item in items:
        if isinstance(place, int) and place > 1:
            break
        yield (*path, place)
        if isinstance(item, dict | list):
            yield from paths_in(item, (*path, place))


def with_value(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    """A copy of nested JSON with another value somewhere; the type ``Case`` removes it."""
    place, *rest = path
    copy = dict(value) if isinstance(value, dict) else list(value)
    if rest:
        copy[place] = with_value(copy[place], tuple(rest), new)
    elif new is Case:
        del copy[place]
    else:
        copy[place] = new
    return copy


def json_cases(value: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Nested JSON with each value altered in each way."""
    for path in paths_in(value):
        if path[0] == "checksum":
            continue
        where = ".".join(map(str, (name, *path)))
        for told, new in zip((*LABELS, "removed"), (*VALUES, Case), strict=True):
            yield f"{where} {told}", with_value(value, path, new)
        yield (
            f"{where} with more",
            with_value(value, (*path[:-1], "more"), 1) if not isinstance(path[-1], int) else value,
        )
    for told, whole in zip(LABELS, VALUES, strict=True):
        yield f"{name} is {told}", whole
    if isinstance(value, dict):
        yield f"{name} reversed", dict(reversed(value.items()))


def unpacked(content: bytes) -> tuple[dict[str, Any], bytes]:
    """Header and numbers of a safetensors file."""
    (length,) = struct.unpack("<Q", content[:8])
    return json.loads(content[8 : 8 + length]), content[8 + length :]


def packed(header: Any, numbers: bytes) -> bytes:
    """The way back of ``unpacked``."""
    text = dumped(header).encode("utf-8", "surrogatepass")
    return struct.pack("<Q", len(text)) + text + numbers


def tensor_cases(
    content: bytes, name: str, rng: random.Random
) -> Iterator[tuple[str, bytes | Callable[[], bytes]]]:
    """A safetensors file with its header and its numbers altered."""
    header, numbers = unpacked(content)
    for told, altered in json_cases(header, name):
        yield told, partial(packed, altered, numbers)
    for length in (0, 1, 7, 2**20, 2**31, 2**63, 2**64 - 1):
        yield f"{name} header of {length}", struct.pack("<Q", length) + content[8:]
    for tensor, entry in header.items():
        first, last = entry["data_offsets"]
        for told, place in {
            "hole": [first + 8, last + 8],
            "overlap": [max(first - 8, 0), max(last - 8, 0)],
            "backwards": [last, first],
            "huge": [first, 2**40],
        }.items():
            altered = {**header, tensor: {**entry, "data_offsets": place}}
            yield f"{name} {tensor} {told}", packed(altered, numbers)
        yield (
            f"{name} {tensor} renamed",
            packed(
                {("odd" if key == tensor else key): value for key, value in header.items()}, numbers
            ),
        )
        for value in (np.nan, np.inf, -np.inf, 3e38, 1e300, -1.0, 0.0):
            yield f"{name} {tensor} of {value}", packed(header, filled(numbers, entry, value, rng))
        if last - first >= 16:
            middle = np.frombuffer(numbers[first:last], np.uint8).reshape(-1, 4)
            back = middle[::-1].tobytes()
            yield (
                f"{name} {tensor} backwards",
                packed(header, numbers[:first] + back + numbers[last:]),
            )
            twice = numbers[first : first + 8] * ((last - first) // 8)
            twice += numbers[last - (last - first) % 8 : last]
            yield (
                f"{name} {tensor} all the same",
                packed(header, numbers[:first] + twice + numbers[last:]),
            )
    for _ in range(20):
        flipped = bytearray(content)
        flipped[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
        yield f"{name} flipped", bytes(flipped)
    for _ in range(5):
        yield f"{name} noise", packed(header, rng.randbytes(len(numbers)))


def filled(numbers: bytes, entry: dict[str, Any], value: float, rng: random.Random) -> bytes:
    """Numbers with one of a tensor's set to a value."""
    dtypes = {"F16": "<f2", "F32": "<f4", "F64": "<f8", "I8": "|i1"}
    dtypes |= {"U8": "|u1", "U16": "<u2", "U32": "<u4", "U64": "<u8"}
    first, last = entry["data_offsets"]
    array = np.frombuffer(numbers[first:last], dtypes[entry["dtype"]]).copy()
    if not array.size:
        return numbers
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        array[rng.randrange(array.size)] = np.array(value).astype(array.dtype)
    return numbers[:first] + array.tobytes() + numbers[last:]


def vocabulary_cases(content: bytes) -> Iterator[tuple[str, bytes]]:
    """A vocabulary with its lines altered."""
    lines = content.split(b"\n")[:-1]
    for place in (0, 1, len(lines) - 1):
        token = lines[place].split(b"\t")[0]
        for new in (
            *(b"", b"\t", token, token + b"\t", b"\t1", token + b"\t-1", token + b"\t1.5"),
            *(token + b"\tx", token + b"\t1e5", token + b"\t" + b"9" * 30, token + b"\t1\t1"),
            *(token + b"\t" + b"9" * 5_000, token + "\t\u0663".encode(), token + b"\t1_0"),
            *(token + b"\t 1", token + b"\t+1", token + b"\t" + str(2**63 - 1).encode()),
            *(b"\xff\t1", b"\xed\xa0\x80\t1", b"\\x\t1", b"\\\t1", b"\\ud800\t1", b"\x00\t1"),
            *(b"\r\t1", lines[-2], lines[0], b"w" * 10**6 + b"\t1"),
        ):
            altered = [*lines[:place], new, *lines[place + 1 :]]
            yield f"vocabulary line {place} {new[:20]!r}", b"\n".join(altered) + b"\n"
        yield (
            f"vocabulary without line {place}",
            b"\n".join([*lines[:place], *lines[place + 1 :]]) + b"\n",
        )
    yield "vocabulary with a line more", content + b"more\t1\n"
    yield (
        "vocabulary with many lines more",
        content + b"".join(b"m%d\t1\n" % i for i in range(10**5)),
    )
    yield "vocabulary cut", content[:-1]
    yield "vocabulary of UTF-16", content.decode().encode("utf-16")


def kind_cases(name: str) -> Iterator[tuple[str, Callable[[Path], None]]]:
    """A file of another kind."""

    def after_removal(make: Callable[[Path], None]) -> Callable[[Path], None]:
        def finish(folder: Path) -> None:
            (folder / name).unlink()
            make(folder / name)

        return finish

    def make_socket(path: Path) -> None:
        here = os.getcwd()
        os.chdir(path.parent)
        with contextlib.closing(socket.socket(socket.AF_UNIX)) as made:
            made.bind(path.name)
        os.chdir(here)

    def make_sparse(path: Path) -> None:
        with path.open("wb") as file:
            file.truncate(10 * 2**30)

    def lengthen(folder: Path) -> None:
        with (folder / name).open("ab") as file:
            file.truncate(10 * 2**30)

    yield f"{name} missing", lambda folder: (folder / name).unlink()
    for told, make in {
        "a folder": Path.mkdir,
        "a pipe": os.mkfifo,
        "a socket": make_socket,
        "a link to itself": lambda path: path.symlink_to(path.name),
        "a link to nothing": lambda path: path.symlink_to("nowhere"),
        "a link to a device": lambda path: path.symlink_to("/dev/zero"),
        "a link to its folder": lambda path: path.symlink_to("."),
        "sparse": make_sparse,
        "empty": lambda path: path.touch(),
    }.items():
        yield f"{name} {told}", after_removal(make)  # type: ignore[arg-type]
    yield f"{name} with 10 GB more", lengthen


def many_cases(files: Files) -> Iterator[Case]:
    """Files with so many fields that a second look at each, for each, would take minutes."""
    many = ", ".join(f'"{i:x}": {i % 10}' for i in range(60_000))
    twice = Raw(f'{{{many}, "ea5f": 1}}')
    config = json.loads(files[CONFIG])
    metrics = json.loads(files[METRICS])
    labels = [f"{i:x}" for i in range(60_000)]
    kind = next(key for key in ("linear", "network", *ANSWERS) if key in config)
    sized = {**config[kind], "n_classes": len(labels) + 1} if kind == "network" else config[kind]
    for told, altered in {
        "settings": {**config, "settings": twice},
        "fields": {**config, "odd": twice},
        "classes": {**config, "classes": [*labels, "ea5f"], kind: sized},
        "long classes": {**config, "classes": [*labels, "x" * 10**6], kind: sized},
        "weights of classes": {
            **config,
            "settings": {"class_weight": [[i * (2**61 - 1), 1] for i in range(20_000)]},
        },
    }.items():
        yield Case(f"config with many {told}", partial(sealed, files, altered))
    yield Case("metrics with many", partial(with_metrics, files, {**metrics, "odd": twice}))
    for name, content in files.items():
        if name.endswith(".safetensors"):
            header, numbers = unpacked(content)
            end_of_file = [len(numbers)] * 2
            place = json.dumps({"dtype": "U8", "shape": [0], "data_offsets": end_of_file})
            more = ", ".join(f'"{i:x}": {place}' for i in range(40_000))
            for told, end in (("", ""), (", one twice", f', "abc": {place}')):
                raw = Raw(f"{dumped(header)[:-1]}, {more}{end}}}")
                altered_file = packed(raw, numbers)
                yield Case(
                    f"{name} of many tensors{told}", partial(with_file, files, name, altered_file)
                )


def compact_key_cases(files: Files) -> Iterator[Case]:
    """Compact keys of n-grams in other dtypes and shapes; none of other folders."""
    header, _ = unpacked(files.get(NGRAMS, packed({}, b"")))
    if "keys.low" not in header:
        return
    from safetensors.numpy import load, save

    arrays = load(files[NGRAMS])
    low, high = arrays["keys.low"], arrays["keys.high"]
    for told, altered in {
        **{str(dtype): {"keys.high": high.astype(dtype)} for dtype in ("u1", "u2", "u4", "u8")},
        "flat": {"keys.low": low.ravel()},
        "of one": {"keys.low": low[:, 0].copy()},
        "deep": {"keys.low": low[:, :, None]},
        "narrow": {"keys.low": low[:, :2].copy()},
        "empty": {"keys.low": low[:0], "keys.high": np.zeros_like(high)},
        "high in two dimensions": {"keys.high": high[:, None]},
        "high of none": {"keys.high": high[:0]},
        "high beyond": {"keys.high": np.full(high.shape, 2**64 - 1, np.uint64)},
    }.items():
        content = save({**arrays, **altered})
        yield Case(f"compact keys {told}", partial(with_file, files, NGRAMS, content))


def save_present(folder: Path) -> None:
    """Write a small folder of the present format: compact, and with what a slip is."""
    from textrnn.inference.classifier import NEAREST
    from textrnn.storage import loading, reading, writing
    from textrnn.text.spelling import EDIT

    source = REFERENCE / "compact"
    model = loading.load_model(source)
    model = replace(model, unknown_words=NEAREST, spelling_rule=EDIT)
    metrics = reading.read_metrics(source)
    writing.save_model(model, folder, metrics=metrics, compact=True)


def cases_of(files: Files, rng: random.Random) -> Iterator[Case]:
    """A folder altered in all ways."""
    config = json.loads(files[CONFIG])
    for told, altered in json_cases(config, "config"):
        yield Case(told, partial(sealed, files, altered))
    yield from many_cases(files)
    yield from compact_key_cases(files)
    twice = {**config, "a": Raw('1, "classes": ["x", "y"]')}
    yield Case("config twice", partial(sealed, files, twice))
    for told, altered in json_cases(json.loads(files[METRICS]), "metrics"):
        yield Case(told, partial(with_metrics, files, altered))
    for field in (
        *("test", "tests", "before_shrinking", "corpus", "validation", "teaching", "seed"),
        *("best_validation_score", "history", "test_fraction", "label_separator", "baselines"),
        *("warnings", "verdict", "n_train"),
    ):
        for value in (*VALUES, {"accuracy": "x"}, {"cars": {"accuracy": "x"}}, {"cars": {}}):
            told = f"metrics.{field} added {str(value)[:30]}"
            yield Case(told, partial(with_metrics, files, {field: value}))
    for name, content in files.items():
        if name.endswith(".safetensors"):
            for told, altered in tensor_cases(content, name, rng):
                yield Case(told, partial(with_file, files, name, altered))
        elif name.endswith("vocabulary.txt"):
            for told, altered in vocabulary_cases(content):
                yield Case(told, partial(with_file, files, name, altered))
        for told, finish in kind_cases(name):
            yield Case(told, lambda: files, finish)
        if name != "README.md":
            half = content[: len(content) // 2]
            for told, altered in (("cut", content[:-3]), ("half", half), ("long", content + b"1")):
                yield Case(f"{name} {told}", partial(sealed, {**files, name: altered}, config))


# ------------------------------------------------------------------------ how they end


class Hang(BaseException):
    """It took too long."""


def _stop(*_: object) -> None:
    raise Hang


def use(folder: Path, *, faces: bool = False) -> str:
    """Load a folder and answer with it, as commands do.

    Returns:
        ``answers``, or ``odd answers`` if these are no probabilities.
    """
    from textrnn.storage import reading

    if any(key in reading.config_in(folder) for key in ANSWERS):
        return use_structure(folder)
    model = reading.load_classifier(folder)
    found = model.predict_proba(TEXTS)
    reading.read_metrics(folder)
    sums = found.sum(axis=1)
    is_sound = bool(np.isfinite(found).all() and (found >= 0).all() and (found <= 1.00001).all())
    is_sound = is_sound and (model.multilabel or np.allclose(sums, 1.0, atol=1e-4))
    answers = model.decide(found)
    assert len(answers) == len(TEXTS)
    if faces:
        use_faces(folder, is_network=hasattr(model, "network"))
    return "answers" if is_sound else "odd answers"


def use_language_model(model: Any) -> bool:
    """Score texts and write some, and say whether the answers are sound."""
    from textrnn.inference.generation import generate, next_words
    from textrnn.inference.language import score

    found = score(model, TEXTS).log_probability
    likely = next_words(model, "a warm", top_k=3)
    written = list(generate(model, 2, max_tokens=5))
    is_sound = (found <= 1e-6).all() and 0.0 <= likely.end <= 1.00001
    return bool(is_sound and all(len(one.words) <= 5 for one in written))


def use_tagger(model: Any) -> bool:
    """Tag texts, and say whether the answers are sound."""
    tokens = model.tokens(TEXTS)
    sums = model.predict_proba(tokens).sum(axis=1)
    as_many = [len(tags) for tags in model.predict(tokens)] == tokens.lengths.tolist()
    return bool(as_many and np.allclose(sums, 1.0, atol=1e-4))


def use_transducer(model: Any) -> bool:
    """Write what some sources become, and say whether the answers are sound."""
    return all(
        one.log_probability <= 1e-6 and np.allclose(one.alignment.sum(axis=1), 1.0, atol=1e-4)
        for one in model.write(TEXTS)
    )


ANSWERS: dict[str, Callable[[Any], bool]] = {
    "language_model": use_language_model,
    "markov": use_language_model,
    "tagger": use_tagger,
    "transducer": use_transducer,
}
"""Of the kinds that are no classifiers, by what only their ``config.json`` has."""


def use_structure(folder: Path) -> str:
    """Load a folder of a kind that is no classifier, and answer with it; as ``use``."""
    from textrnn.storage import reading

    config, model = reading.config_in(folder), reading.load(folder)
    is_sound = next(answer for key, answer in ANSWERS.items() if key in config)(model)
    reading.read_metrics(folder)
    return "answers" if is_sound else "odd answers"


def save_structure(key: str, folder: Path) -> None:
    """Write a small folder of a kind of ``ANSWERS``, hardly trained."""
    from textrnn import TextRNNLanguageModel, TextRNNTagger, TextRNNTransducer
    from textrnn.inference.language import encode
    from textrnn.inference.markov import MarkovModel, fit_models
    from textrnn.storage.writing import save_model
    from textrnn.text.reading import read_texts
    from textrnn.text.tokenizers import WordTokenizer
    from textrnn.text.vocabulary import Vocabulary

    texts = ["a warm day", "the inn was fresh", "never again", "a cold day"] * 5
    small: dict[str, Any] = {
        "hidden_size": 4,
        "embedding_dim": 4,
        "max_iter": 1,
        "early_stopping": False,
        "random_state": 0,
    }
    if key == "language_model":
        TextRNNLanguageModel(**small).fit(texts, ["x", "y"] * 10).save(folder)
    elif key == "tagger":
        tags = [["X", *["Y"] * (len(text.split()) - 1)] for text in texts]
        TextRNNTagger(**small, char_dim=4).fit([text.split() for text in texts], tags).save(folder)
    elif key == "transducer":
        TextRNNTransducer(**small, attention_size=4).fit(texts, texts[::-1]).save(folder)
    else:
        words = WordTokenizer()
        vocabulary = Vocabulary.build(read_texts(words, texts, None))
        (fitted,) = fit_models(encode(words, vocabulary, texts, None), orders=[2])[2]
        save_model(MarkovModel(words, vocabulary, (fitted.chain,)), folder)


def use_faces(folder: Path, *, is_network: bool) -> None:
    """Look at a folder as the library and the command line do."""
    from textrnn import TextRNNClassifier
    from textrnn.cli.inspect import inspect
    from textrnn.cli.models import _described, _lines
    from textrnn.cli.shrink import shrink

    with contextlib.redirect_stdout(io.StringIO()):
        inspect(str(folder))
        inspect(str(folder), as_json=True)
        told = _described(folder, is_bundled=False)
        assert "error" not in told, told
        _lines(told)
        if is_network:
            TextRNNClassifier.load(folder).predict(TEXTS)
            with tempfile.TemporaryDirectory() as out:
                shrink(str(folder), Path(out) / "small", max_words=5, jobs=1)


def outcome(case: Case, place: Path, *, faces: bool = False) -> tuple[str, str]:
    """How a case ends, and what is told."""
    from textrnn.errors import ModelError

    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    for name, content in case.make().items():
        (place / name).write_bytes(content)
    if case.finish is not None:
        case.finish(place)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start, told = time.process_time(), ""  # of this process: others may keep it waiting
    signal.signal(signal.SIGALRM, _stop)
    signal.setitimer(signal.ITIMER_REAL, 10 * SECONDS)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", RuntimeWarning)
            found = use(place, faces=faces)
    except ModelError as error:
        found, told = "refused", str(error)
    except Hang:
        return "hang", ""
    except Exception as error:
        return f"fault {type(error).__name__}", str(error)[:100]
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    if time.process_time() - start > SECONDS:
        return "slow", f"{time.process_time() - start:.1f} s {told}"
    if 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) > BYTES:
        return "large", told
    return found, told


def main() -> None:
    """Count how all cases end."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--faces", action="store_true", help="inspect, shrink and load, too")
    parser.add_argument("folders", type=Path, nargs="*")
    given = parser.parse_args()
    if given.faces:  # which take their time to import, and that is not the folder's
        from textrnn import TextRNNClassifier

        TextRNNClassifier()
    resource.setrlimit(resource.RLIMIT_AS, (6 * 2**30, 6 * 2**30))
    folders = given.folders or sorted(path for path in REFERENCE.iterdir() if path.is_dir())
    total: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as parent:
        if not given.folders:
            folders.append(Path(parent) / "present")
            save_present(folders[-1])
            for key in ANSWERS:
                folders.append(Path(parent) / key)
                save_structure(key, folders[-1])
        for folder in folders:
            counts: Counter[str] = Counter()
            for number, case in enumerate(cases_of(read(folder), random.Random(0))):
                if number % given.every:
                    continue
                end, told = outcome(case, Path(parent) / "m", faces=given.faces)
                counts[end] += 1
                if end not in ("answers", "refused"):
                    print(f"{folder.name}: {case.name}: {end}: {told}", file=sys.stderr)
                elif not told.isprintable():
                    print(f"{folder.name}: {case.name}: not printable: {told!r}", file=sys.stderr)
            print(folder.name, dict(counts), flush=True)
            total += counts
    print("all", sum(total.values()), dict(total))


if __name__ == "__main__":
    main()
