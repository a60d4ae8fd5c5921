"""Any labelled data set of the Hugging Face hub, kept as CSV so that it is fetched once."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from textrnn.corpora.columns import LABEL_NAMES, TEXT_NAMES, find_column, unclear_columns
from textrnn.corpora.formats import as_written
from textrnn.corpora.labels import meaning
from textrnn.corpora.readers import check_label, check_text
from textrnn.corpora.registry import SPLIT_NAMES
from textrnn.errors import CorpusNotFoundError, DataError, UsageError, reason
from textrnn.wording.quoting import listed, quoted

TIMEOUT = 10.0
"""Seconds the hub may take to answer the first request."""
OFFLINE_VARIABLES = ("TEXTRNN_OFFLINE", "HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE")
_ADDRESS = re.compile(
    r"(?P<hub_id>[\w.-]+/[\w.-]+)(?::(?P<config>[\w.-]+))?(?:@(?P<revision>[\w./-]+))?"
)


@dataclass(frozen=True)
class HubAddress:
    """What to fetch: a data set, one of its configurations, one of its versions."""

    hub_id: str
    config: str | None = None
    revision: str | None = None
    text_column: str | None = None
    label_column: str | None = None
    renamed: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        config = f":{self.config}" if self.config else ""
        return f"{self.hub_id}{config}" + (f"@{self.revision}" if self.revision else "")

    @property
    def folder_name(self) -> str:
        """A folder name that differs for every address."""
        columns = [name or "" for name in (self.text_column, self.label_column)]
        return re.sub(r"[^\w.@-]", "--", "+".join([str(self), *filter(None, columns)]))


def parse_address(text: str) -> HubAddress:
    """Return the address in ``owner/name``, ``owner/name:config``, ``...@revision``."""
    found = _ADDRESS.fullmatch(text)
    if found is None:
        raise UsageError(
            f"{quoted('hf:' + text)} names no data set of the hub; write hf:owner/name, "
            "hf:owner/name:config or hf:owner/name@revision"
        )
    return HubAddress(found["hub_id"], found["config"], found["revision"])


def is_offline() -> bool:
    """Return whether an environment variable forbids connections."""
    values = (os.environ.get(name, "") for name in OFFLINE_VARIABLES)
    return any(value.strip().upper() in {"1", "ON", "YES", "TRUE"} for value in values)


def download(address: HubAddress, folder: Path) -> None:
    """Fetch a data set into ``folder``: a CSV file a split and ``SOURCE.txt``.

    The folder appears complete or not at all. Raises CorpusNotFoundError when
    the hub cannot be reached or will not give the data set, and DataError when
    it holds no labelled texts.
    """
    import shutil
    import tempfile

    revision = _find_revision(address)
    splits = _fetch(address, revision)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=".fetching-", dir=folder.parent))
    except OSError as error:
        raise DataError(f"{quoted(folder.parent)} cannot be written ({reason(error)})") from None
    try:
        notes = _write_splits(splits, address, work)
        source = f"huggingface.co/datasets/{address.hub_id} at {revision}"
        (work / "SOURCE.txt").write_text("\n".join([source, *notes]) + "\n", encoding="utf-8")
        if not folder.exists():  # else another process was faster; its copy is as good
            work.rename(folder)
    except OSError as error:
        raise DataError(f"{quoted(folder)} cannot be written ({reason(error)})") from None
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _find_revision(address: HubAddress) -> str:
    """Ask the hub for the commit: a quick answer that also tells what is wrong."""
    from huggingface_hub import HfApi

    try:
        info = HfApi().dataset_info(address.hub_id, revision=address.revision, timeout=TIMEOUT)
    except Exception as error:  # requests, httpx or the hub's own, by version of the library
        raise _explained(error, address) from None
    return str(info.sha)


def _fetch(address: HubAddress, revision: str) -> Mapping[str, Any]:
    import datasets

    try:
        # An explicit commit keeps the library from asking further servers about "main".
        loaded = datasets.load_dataset(address.hub_id, address.config, revision=revision)
    except Exception as error:
        raise _explained(error, address) from None
    return dict(loaded)


def _explained(error: Exception, address: HubAddress) -> DataError:
    """Return one line on what went wrong at the hub, and what to do."""
    response = getattr(error, "response", None) or getattr(error.__cause__, "response", None)
    status = getattr(response, "status_code", None)
    kind, text = type(error).__name__, " ".join(str(error).split())
    name = quoted(str(address))
    if kind == "GatedRepoError" or "is a gated dataset" in text:
        return CorpusNotFoundError(
            f"{name} is gated: ask for access at huggingface.co/datasets/{address.hub_id}, "
            "then log in with 'hf auth login'"
        )
    if kind == "RevisionNotFoundError" or "Revision '" in text:
        return CorpusNotFoundError(
            f"{quoted(address.hub_id)} has no revision {quoted(address.revision)}; "
            "see its list of commits"
        )
    if kind in {"RepositoryNotFoundError", "DatasetNotFoundError", "HFValidationError"}:
        return CorpusNotFoundError(
            f"the hub has no data set {quoted(address.hub_id)}, or it is private; "
            "check owner and name, or log in with 'hf auth login'"
        )
    if status in (401, 403):
        return CorpusNotFoundError(
            f"the hub refuses {name} ({status}); log in with 'hf auth login'"
        )
    if status is not None:
        return CorpusNotFoundError(f"the hub answered {status} for {name}; try again later")
    if _is_connection_error(error):
        return CorpusNotFoundError(
            f"the hub cannot be reached for {name} ({kind}); check the connection, "
            "or put train.csv and test.csv (header text,label) into a folder and name that"
        )
    return DataError(f"{name} cannot be read from the hub: {text[:300] or kind}")


def _is_connection_error(error: BaseException | None) -> bool:
    """Return whether a failed connection is among the causes of ``error``."""
    while error is not None:
        kind = type(error).__name__
        if isinstance(error, ConnectionError | TimeoutError) or re.search(
            "Connect|Timeout|NetworkError|ProtocolError", kind
        ):
            return True
        error = error.__cause__ or error.__context__
    return False


def _write_splits(splits: Mapping[str, Any], address: HubAddress, folder: Path) -> list[str]:
    """Write a CSV file for each usable split; return notes on the others."""
    notes = []
    ours = {name: _our_split(name) for name in splits}
    if "train" not in ours.values():
        if len(splits) != 1:
            raise DataError(
                f"{quoted(str(address))} has no training split; splits: {listed(splits)}"
            )
        ours = dict.fromkeys(splits, "train")
    for name, data in splits.items():
        target = ours[name]
        if target is None or (folder / f"{target}.csv").exists():
            notes.append(f"split {quoted(name)} ({len(data):,} rows) is not used")
        elif target == "unsup":
            _write(folder / "unsup.csv", ("text",), ((row[0],) for row in _rows(data, address)))
        elif _is_hidden(data, address):
            notes.append(f"split {quoted(name)} is not used: its labels are hidden (-1)")
        else:
            _write(folder / f"{target}.csv", ("text", "label"), _rows(data, address, True))
    return notes


def _our_split(name: str) -> str | None:
    return next((ours for ours, names in SPLIT_NAMES.items() if name.lower() in names), None)


def _columns(data: Any, address: HubAddress, with_label: bool) -> list[str]:
    """Return the names of the text column and, if asked, the label column."""
    names, where = list(data.column_names), quoted(str(address))
    text = find_column(names, address.text_column, TEXT_NAMES, where=where, what="the text")
    chosen = [text]
    if with_label:
        named = {name for name, kind in data.features.items() if hasattr(kind, "names")}
        known = LABEL_NAMES + tuple(name.lower() for name in names if name in named)
        chosen.append(
            find_column(names, address.label_column, known, where=where, what="the label")
        )
    if None in chosen or len(set(chosen)) != len(chosen):
        raise unclear_columns(names, where)
    return [names[i] for i in chosen if i is not None]


def _is_hidden(data: Any, address: HubAddress) -> bool:
    """Return whether every label is the hub's mark for "not told", -1."""
    column = _columns(data, address, True)[1]
    is_whole = str(getattr(data.features[column], "dtype", "")).startswith("int")
    return len(data) > 0 and is_whole and set(data.unique(column)) == {-1}


def _rows(data: Any, address: HubAddress, with_label: bool = False) -> Iterable[tuple[str, ...]]:
    """Yield (text,) or (text, label), class numbers turned into the names the hub gives."""
    columns = _columns(data, address, with_label)
    names = getattr(data.features[columns[-1]], "names", None) if with_label else None
    renamed = {meaning(label): name for label, name in address.renamed.items()}
    kind = getattr(data.features[columns[-1]], "dtype", "")
    number = 0
    for batch in data.select_columns(columns).iter(batch_size=1000):
        for values in zip(*(batch[name] for name in columns), strict=True):
            number += 1
            where = f"{quoted(str(address))}: row {number}"
            text = check_text(values[0], where, columns[0])
            if not with_label:
                yield (text,)
                continue
            value = values[1]
            if hasattr(value, "item"):  # half precision, which old versions leave to NumPy
                value = value.item()
            if kind in ("float16", "float32") and isinstance(value, float):
                value = as_written(value, kind)
            if names and isinstance(value, int) and 0 <= value < len(names):
                value = names[value]
            label = check_label(value, where, columns[1])
            yield text, renamed.get(meaning(label), label)


def _write(path: Path, header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> None:
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
