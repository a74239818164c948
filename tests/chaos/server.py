"""The real server as a process of its own, its log as a queue of lines."""

import json
import os
import queue
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx

Line = dict[str, Any]
PATIENCE_S = 120.0


class Server:
    """``python -m service serve`` on a free port; talkative, and on one core."""

    def __init__(self, **settings: str) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        given = {f"DEPESCHE_{name.upper()}": value for name, value in settings.items()}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "service", "serve", "--port", str(port)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "DEPESCHE_LOG_LEVEL": "debug", "DEPESCHE_THREADS": "1", **given},
        )
        self._lines: queue.SimpleQueue[Line] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as lines:
            for line in lines:
                self._lines.put(json.loads(line))

    def stop(self) -> None:
        """End the process, however busy it is, and read the last of its log."""
        self.process.kill()
        self.process.wait()
        self._reader.join()

    def line(self, wanted: Callable[[Line], bool]) -> Line:
        """The next line of the log that is ``wanted``; what comes before it is passed over."""
        end = time.monotonic() + PATIENCE_S
        while True:
            found = self._lines.get(timeout=max(0.0, end - time.monotonic()))
            if wanted(found):
                return found

    def event(self, name: str, **fields: Any) -> Line:
        """The next line that says ``name`` with these fields."""
        return self.line(lambda line: line["event"] == name and fields.items() <= line.items())

    def until(self, path: str, wanted: Callable[[httpx.Response | None], bool]) -> httpx.Response | None:
        """Ask ``path`` until the answer is ``wanted``; None stands for a refused connection."""
        end = time.monotonic() + PATIENCE_S
        while not wanted(answer := self._asked(path)):
            assert time.monotonic() < end, answer
            time.sleep(0.02)
        return answer

    def _asked(self, path: str) -> httpx.Response | None:
        try:
            return httpx.get(self.url + path, timeout=PATIENCE_S)
        except httpx.TransportError:
            return None

    def post(
        self, path: str, body: Any, headers: dict[str, str] | None = None, *, timeout_s: float = PATIENCE_S
    ) -> httpx.Response:
        """One request on a connection of its own."""
        return httpx.post(self.url + path, json=body, timeout=timeout_s, headers=headers)


@contextmanager
def serving(*, ready: bool = True, **settings: str) -> Iterator[Server]:
    """A server, ready unless told otherwise, killed at the end."""
    server = Server(**settings)
    try:
        if ready:
            server.until("/readyz", lambda answer: answer is not None and answer.status_code == 200)
        yield server
    finally:
        server.stop()
