"""A proxy that delays the results of a service, and that can be switched off."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread

import httpx

PATIENCE_S = 180.0
HEADERS = ("Content-Type", "Accept", "Prefer", "Request-Timeout-Ms")


class Gate:
    """While ``opened`` is not set, articles wait and jobs do not end. While ``away`` is set, connections are closed.

    ``started`` is set when the first article has arrived.
    """

    def __init__(self, service: str) -> None:
        self.service = service
        self.url = ""
        self.started, self.opened, self.away = Event(), Event(), Event()

    def passed_on(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, str, bytes]:
        """Forward a request, and return the status, the media type and the body of the response."""
        if method == "POST":
            self.started.set()
            if "Prefer" not in headers:
                assert self.opened.wait(PATIENCE_S)
        answer = httpx.request(method, self.service + path, content=body, headers=headers, timeout=PATIENCE_S)
        content = answer.content
        if method == "GET" and not self.opened.is_set():
            content = json.dumps({**answer.json(), "status": "running", "result": None}).encode()
        return answer.status_code, answer.headers["content-type"], content


@contextmanager
def gated(service: str) -> Iterator[Gate]:
    """Start a proxy in front of the URL ``service``, and yield it. It is opened at the end of the block."""
    gate = Gate(service)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self._answer("POST", self.rfile.read(int(self.headers["Content-Length"])))

        def do_GET(self) -> None:
            self._answer("GET", b"")

        def _answer(self, method: str, body: bytes) -> None:
            if gate.away.is_set():
                self.close_connection = True
                return
            headers = {name: self.headers[name] for name in HEADERS if name in self.headers}
            status, kind, content = gate.passed_on(method, self.path, headers, body)
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    gate.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield gate
    finally:
        gate.opened.set()
        server.shutdown()
        thread.join()
        server.server_close()
