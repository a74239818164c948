"""Fixtures for tests of clients: a running service, and a server that sends prepared responses in its place."""

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import httpx
import pytest

from tests.chaos.server import serving as serving_process
from tests.outside.schemathesis_run import serving
from tests.redis_server import redis_running

Scripted = tuple[int, dict[str, str], bytes]


@pytest.fixture(scope="session")
def url() -> Iterator[str]:
    """Start a service with the tiny models, and yield its URL."""
    with serving() as found:
        yield found


@pytest.fixture(scope="session")
def jobs_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start a service with a Redis server, which therefore runs jobs, and yield its URL."""
    seal = base64.b64encode(b"s" * 32).decode()
    with (
        redis_running(tmp_path_factory.mktemp("redis")) as redis,
        serving_process(redis_url=redis.url, cache_seal_key=seal) as found,
    ):
        yield found.url


@contextmanager
def scripted(url: str, *answers: Scripted) -> Iterator[tuple[str, list[str]]]:
    """Start a server that sends the responses ``answers``, one for each request, and then forwards requests to ``url``.

    It forwards only POST requests. Yield the URL of the server, and a list to which the server appends the path of each
    request.
    """
    waiting, paths = list(answers), list[str]()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            paths.append(self.path)
            self._send(*waiting.pop(0))

        def do_POST(self) -> None:
            paths.append(self.path)
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if waiting:
                status, headers, content = waiting.pop(0)
            else:
                given = {"Content-Type": "application/json", "Accept": self.headers["Accept"]}
                answer = httpx.post(f"{url}{self.path}", content=body, headers=given, timeout=120)
                status, content = answer.status_code, answer.content
                headers = {"Content-Type": answer.headers["content-type"]}
            self._send(status, headers, content)

        def _send(self, status: int, headers: dict[str, str], content: bytes) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", paths
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
