"""A small data-set hub on loopback, speaking as much of the protocol as the client asks for."""

from __future__ import annotations

import hashlib
import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import unquote, urlsplit


@dataclass
class Repo:
    """One data set: its versions (commit → files), the newest last."""

    versions: dict[str, dict[str, bytes]]
    gated: bool = False
    broken: bool = False
    branches: dict[str, str] = field(default_factory=dict)

    def commit(self, revision: str) -> str | None:
        if revision == "main":
            return list(self.versions)[-1]
        revision = self.branches.get(revision, revision)
        return revision if revision in self.versions else None


class HubServer:
    """Serve ``repos`` (owner/name → Repo) while the ``with`` block lasts."""

    def __init__(self, repos: dict[str, Repo]) -> None:
        self.repos = repos
        self.requests: list[str] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> HubServer:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


def _handler(hub: HubServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: Any) -> None:
            pass

        def do_GET(self) -> None:
            self._serve()

        do_HEAD = do_POST = do_GET  # noqa: N815

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            path = unquote(urlsplit(self.path).path)
            hub.requests.append(f"{self.command} {path}")
            parts = path.strip("/").split("/")
            if parts[:2] == ["api", "datasets"] and len(parts) >= 4:
                self._api("/".join(parts[2:4]), parts[4:], body)
            elif parts[0] == "datasets" and len(parts) >= 6 and parts[3] == "resolve":
                self._file("/".join(parts[1:3]), parts[4], "/".join(parts[5:]))
            else:
                self._error(404, "EntryNotFound")

        def _repo(self, name: str, revision: str) -> tuple[Repo, str] | None:
            repo = hub.repos.get(name)
            if repo is None:
                self._error(401, "RepoNotFound")  # what the hub tells those not logged in
                return None
            if repo.broken:
                self._error(500, "")
                return None
            commit = repo.commit(revision)
            if commit is None:
                self._error(404, "RevisionNotFound")
                return None
            return repo, commit

        def _api(self, name: str, rest: list[str], body: bytes) -> None:
            revision = rest[1] if len(rest) > 1 else "main"
            found = self._repo(name, revision)
            if found is None:
                return
            repo, commit = found
            files = repo.versions[commit]
            entries = [_entry(path, data) for path, data in files.items()]
            match rest[0] if rest else "revision":
                case "revision":
                    info = {"id": name, "sha": commit, "private": False, "gated": repo.gated}
                    siblings = [{"rfilename": path} for path in files]
                    self._json({**info, "siblings": siblings, "tags": [], "downloads": 0})
                case "tree":
                    self._json(_listing(entries, "/".join(rest[2:])))
                case "paths-info":
                    wanted = json.loads(body)["paths"] if body.startswith(b"{") else _form(body)
                    self._json([entry for entry in entries if entry["path"] in wanted])
                case _:
                    self._error(404, "EntryNotFound")

        def _file(self, name: str, revision: str, path: str) -> None:
            found = self._repo(name, revision)
            if found is None:
                return
            repo, commit = found
            if repo.gated:
                self._error(403, "GatedRepo", commit)
                return
            data = repo.versions[commit].get(path)
            if data is None:
                self._error(404, "EntryNotFound", commit)
                return
            start, end = 0, len(data)
            if wanted := self.headers.get("Range"):
                first, last = wanted.removeprefix("bytes=").split("-")
                start, end = int(first), min(int(last) + 1, end) if last else end
                self.send_response(206)
                self.send_header("Content-Range", f"bytes {start}-{end - 1}/{len(data)}")
            else:
                self.send_response(200)
            self.send_header("ETag", f'"{hashlib.sha1(data).hexdigest()}"')
            self.send_header("X-Repo-Commit", commit)
            self.send_header("Accept-Ranges", "bytes")
            self._end(data[start:end])

        def _json(self, value: object) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self._end(json.dumps(value).encode())

        def _error(self, status: int, code: str, commit: str = "") -> None:
            self.send_response(status)
            self.send_header("X-Error-Code", code)
            self.send_header("X-Error-Message", code)
            if commit:
                self.send_header("X-Repo-Commit", commit)
            self._end(b"")

        def _end(self, data: bytes) -> None:
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data)

    return Handler


def _entry(path: str, data: bytes) -> dict[str, Any]:
    return {"type": "file", "path": path, "size": len(data), "oid": hashlib.sha1(data).hexdigest()}


def _listing(entries: list[dict[str, Any]], folder: str) -> list[dict[str, Any]]:
    """Return every file below ``folder`` and the folders on the way."""
    prefix = f"{folder}/" if folder else ""
    files = [entry for entry in entries if entry["path"].startswith(prefix)]
    folders = {
        "/".join(entry["path"].split("/")[:depth])
        for entry in files
        for depth in range(1, entry["path"].count("/") + 1)
    }
    below = sorted(path for path in folders if path.startswith(prefix))
    return files + [{"type": "directory", "path": path, "oid": "0" * 40} for path in below]


def _form(body: bytes) -> list[str]:
    from urllib.parse import parse_qs

    return parse_qs(body.decode()).get("paths", [])
