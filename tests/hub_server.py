"""A model hub on 127.0.0.1 that implements the requests of the real Hugging Face client.

Tests can make its responses fail.
"""

import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

LARGE_BYTES = 4096  # files of this size or more are stored separately, as by git-lfs
_PIECE_BYTES = 1 << 16


@dataclass
class Repo:
    """A repository with one commit on the branch ``main``."""

    files: dict[str, bytes]
    commit: str = "1" * 40
    token: str | None = None
    gated: bool = False
    etag: str | None = None  # sent instead of the real ETags of the files
    size_bytes: int | None = None  # sent instead of the real size of large files

    def listing(self) -> list[dict[str, Any]]:
        """Return the files of the commit in the format of the hub's API."""
        return [{"type": "directory", "path": "onnx", "oid": "0" * 40}, *map(self._listed, sorted(self.files))]

    def _listed(self, name: str) -> dict[str, Any]:
        content = self.files[name]
        git = hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
        entry: dict[str, Any] = {"type": "file", "path": name, "size": len(content), "oid": git}
        if len(content) >= LARGE_BYTES:
            oid = hashlib.sha256(content).hexdigest()
            entry |= {"oid": "f" * 40, "lfs": {"oid": oid, "size": len(content), "pointerSize": 134}}
        return entry


@dataclass
class Hub:
    """The state of the hub, which tests may change while the server is running."""

    url: str = ""
    store_url: str = ""  # another host for large files: the client uses the metadata in the redirect
    repos: dict[str, Repo] = field(default_factory=dict)
    asked: list[tuple[str, str, str | None]] = field(default_factory=list)  # method, path, range
    cut_after_bytes: list[int] = field(default_factory=list)  # each entry cuts off one answer with a large file
    spoilt: set[str] = field(default_factory=set)  # SHA-256 of large files that are altered in transit
    status: int | None = None  # if set, the status of every answer
    held: threading.Event = field(default_factory=threading.Event)  # if not set, large files stop half way
    half: threading.Event = field(default_factory=threading.Event)  # set when a file has stopped half way

    def __post_init__(self) -> None:
        self.held.set()

    def fetched(self) -> list[str]:
        """Return the paths of the files that clients have requested with GET, in order."""
        return [path for method, path, _ in self.asked if method == "GET" and not path.startswith("/api/")]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub

    def log_message(self, *_: Any) -> None:
        """Do nothing, so that requests are not logged."""

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.hub.asked.append((self.command, path, self.headers.get("Range")))
        if self.hub.status is not None:
            self._send(self.hub.status)
        elif found := re.fullmatch(r"/api/models/([^/]+/[^/]+)/(revision|tree)/([^/]+)", path):
            self._describe(*found.groups())
        elif found := re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
            self._resolve(*found.groups())
        elif found := re.fullmatch(r"/large/(\w{64})", path):
            self._large(found[1])
        else:
            self._send(404)

    def _repo(self, name: str, revision: str) -> Repo | None:
        """Return the repository ``name``, or send an error response and return None."""
        repo = self.hub.repos.get(name)
        if repo is None:
            self._send(404 if "Authorization" in self.headers else 401, {"X-Error-Code": "RepoNotFound"})
        elif repo.gated:
            self._send(403, {"X-Error-Code": "GatedRepo"})
        elif repo.token is not None and self.headers.get("Authorization") != f"Bearer {repo.token}":
            self._send(401, {"X-Error-Message": "Invalid credentials in Authorization header"})
        elif revision not in {"main", repo.commit}:
            self._send(404, {"X-Error-Code": "RevisionNotFound"})
        else:
            return repo
        return None

    def _describe(self, name: str, what: str, revision: str) -> None:
        if repo := self._repo(name, revision):
            info = {"id": name, "modelId": name, "sha": repo.commit, "siblings": [], "tags": []}
            self._send(
                200, {"Content-Type": "application/json"}, json.dumps(info if what == "revision" else repo.listing())
            )

    def _resolve(self, name: str, revision: str, file: str) -> None:
        repo = self._repo(name, revision)
        if repo is None:
            return
        if file not in repo.files:
            self._send(404, {"X-Error-Code": "EntryNotFound"})
            return
        content = repo.files[file]
        headers = {
            "X-Repo-Commit": repo.commit,
            "ETag": f'"{repo.etag or hashlib.sha1(content, usedforsecurity=False).hexdigest()}"',
        }
        if len(content) < LARGE_BYTES:
            self._send(200, headers, content)
            return
        sha256 = hashlib.sha256(content).hexdigest()
        linked = {"X-Linked-Size": str(repo.size_bytes or len(content)), "X-Linked-Etag": f'"{sha256}"'}
        self._send(302, headers | linked | {"Location": f"{self.hub.store_url}/large/{sha256}"})

    def _large(self, sha256: str) -> None:
        contents = (content for repo in self.hub.repos.values() for content in repo.files.values())
        content = next(content for content in contents if hashlib.sha256(content).hexdigest() == sha256)
        if sha256 in self.hub.spoilt:
            content = content[:-1] + bytes([content[-1] ^ 1])
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if asked is None:
            self._send(200, {}, content)
        else:
            start = int(asked[1])
            described = f"bytes {start}-{len(content) - 1}/{len(content)}"
            self._send(206, {"Content-Range": described}, content[start:])

    def _send(self, status: int, headers: dict[str, str] | None = None, body: str | bytes = b"") -> None:
        content = body.encode() if isinstance(body, str) else body
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command == "GET":
            self._write(content)

    def _write(self, content: bytes) -> None:
        large = len(content) >= LARGE_BYTES
        cut = self.hub.cut_after_bytes.pop(0) if large and self.hub.cut_after_bytes else None
        for start in range(0, len(content), _PIECE_BYTES):
            if cut is not None and start >= cut:
                self.close_connection = True
                return
            if large and start >= len(content) // 2 and not self.hub.held.is_set():
                self.hub.half.set()
                self.hub.held.wait(60)
            try:
                self.wfile.write(content[start : start + _PIECE_BYTES])
            except OSError:  # the client was killed
                self.close_connection = True
                return


@contextmanager
def serving() -> Iterator[Hub]:
    """Run a hub in a thread during the block, and yield its state."""
    hub = Hub()
    handler = type("Handler", (_Handler,), {"hub": hub})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        hub.url = f"http://127.0.0.1:{server.server_port}"
        hub.store_url = f"http://localhost:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield hub
        finally:
            hub.held.set()
            server.shutdown()
            thread.join()
