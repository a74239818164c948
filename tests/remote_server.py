"""A fake OpenAI-compatible server on 127.0.0.1.

A function of the test returns the reply to each chat completion request.
"""

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SENTENCE = re.compile(r"^Sentence to translate:\n1: (.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Reply:
    """A response of the fake server: a chat completion with one choice for each of ``contents``, or an error.

    An error has a ``status`` other than 200. If ``broken`` is True, the server closes the connection in the middle of
    the body. ``delay_s`` is the time before the response, in seconds. If ``raw`` is not None, it is the body. ``usage``
    is the JSON object with the token counts.
    """

    contents: tuple[str, ...] = ()
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    log_prob: float | None = None
    finish_reason: str = "stop"
    broken: bool = False
    delay_s: float = 0.0
    raw: bytes | None = None
    usage: Any = None

    def body(self) -> bytes:
        """Return the body of the response."""
        if self.raw is not None:
            return self.raw
        logprobs = None if self.log_prob is None else {"content": [{"token": "x", "logprob": self.log_prob}] * 3}
        choices = [
            {
                "index": number,
                "message": {"role": "assistant", "content": content},
                "finish_reason": self.finish_reason,
                "logprobs": logprobs,
            }
            for number, content in enumerate(self.contents)
        ]
        return json.dumps({"object": "chat.completion", "choices": choices, "usage": self.usage}).encode()


def said(*contents: str, **options: Any) -> Reply:
    """Return a reply with one choice for each of ``contents``. ``options`` are other fields of `Reply`."""
    return Reply(contents, **options)


def sentence_of(body: dict[str, Any]) -> str:
    """Return the sentence to translate from the prompt in the request ``body``."""
    found = SENTENCE.search(body["messages"][-1]["content"])
    assert found is not None, body
    return found[1]


Script = Callable[[dict[str, Any]], Reply]


@dataclass
class RemoteStandIn:
    """The state of the fake server. Tests can change it while the server is running.

    ``script`` returns the reply to each request. ``bodies`` and ``headers`` contain the bodies and headers of all chat
    completion requests. ``checks`` counts the requests for the list of models. ``most_at_once`` is the largest number
    of requests that were in progress at the same time.
    """

    script: Script
    url: str = ""
    bodies: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    checks: int = 0
    most_at_once: int = 0
    models_status: int = 200
    _running: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, body: dict[str, Any], headers: dict[str, str]) -> Reply:
        """Record a request, wait for the delay of its reply, and return the reply of ``script``."""
        with self._lock:
            self.bodies.append(body)
            self.headers.append(headers)
            self._running += 1
            self.most_at_once = max(self.most_at_once, self._running)
        try:
            reply = self.script(body)
            time.sleep(reply.delay_s)
            return reply
        finally:
            with self._lock:
                self._running -= 1

    def sentences(self) -> list[str]:
        """Return the sentence to translate of each request, in order."""
        return list(map(sentence_of, self.bodies))


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_state: RemoteStandIn

    def log_message(self, *_: Any) -> None:
        """Suppress the log line of a request."""

    def do_GET(self) -> None:
        self.server_state.checks += 1
        self._send(self.server_state.models_status, b'{"object": "list", "data": []}', ())

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        reply = self.server_state.answer(json.loads(content), dict(self.headers))
        body = reply.body()
        if reply.broken:
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: len(body) // 2])
            self.close_connection = True
            return
        self._send(reply.status, body, reply.headers)

    def _send(self, status: int, body: bytes, headers: tuple[tuple[str, str], ...]) -> None:
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_: Any) -> None:
        """Ignore clients that disconnect."""


@contextmanager
def remote_server(script: Script, *, port: int = 0) -> Iterator[RemoteStandIn]:
    """Start a fake server whose replies come from ``script``, and yield its state.

    Stop the server after the ``with`` block.

    If ``port`` is 0, the server uses a free port.
    """
    state = RemoteStandIn(script)
    handler = type("Handler", (_Handler,), {"server_state": state})
    server = _Server(("127.0.0.1", port), handler)
    state.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
