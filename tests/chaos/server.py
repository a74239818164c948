"""The real server in a separate process, whose log lines can be read one at a time."""

import json
import os
import queue
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

Line = dict[str, Any]
# A start with its imports takes seconds of processor time, and a busy machine gives a process only a small share of it.
PATIENCE_S = 300.0
LISTENS = re.compile(r"Uvicorn running on (http://\S+)")
CLOCK_TICKS_A_S = os.sysconf("SC_CLK_TCK")


class Server:
    """A process ``python -m PROGRAM serve`` on a free port, with debug logs and one engine thread."""

    url = ""  # until it listens

    def __init__(self, program: str = "service", **settings: str) -> None:
        given = {f"DEPESCHE_{name.upper()}": value for name, value in settings.items()}
        self._complaints = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed in `stop`
        self.process = subprocess.Popen(
            [sys.executable, "-m", program, "serve", "--port", "0"],
            stdout=subprocess.PIPE,
            stderr=self._complaints,
            env={**os.environ, "DEPESCHE_LOG_LEVEL": "debug", "DEPESCHE_THREADS": "1", **given},
        )
        self._lines: queue.SimpleQueue[Line | None] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as lines:
            for line in lines:
                self._lines.put(json.loads(line))
        self._lines.put(None)

    def listen(self) -> None:
        """Wait until the log contains the server's address, and store the address in ``url``."""
        told = self.line(lambda line: LISTENS.match(line["event"]) is not None)
        found = LISTENS.match(told["event"])
        assert found is not None
        self.url = found[1]

    def stop(self) -> None:
        """Kill the process and read the rest of its log."""
        self.process.kill()
        self.process.wait()
        self._reader.join()
        self._complaints.close()

    def line(self, wanted: Callable[[Line], bool]) -> Line:
        """Return the next log line for which ``wanted`` returns True, and skip the lines before it."""
        end = time.monotonic() + PATIENCE_S
        while True:
            found = self._lines.get(timeout=max(0.0, end - time.monotonic()))
            assert found is not None, f"the server ended: {self._complained()}"
            if wanted(found):
                return found

    def _complained(self) -> str:
        self._complaints.seek(0)
        return self._complaints.read()

    def event(self, name: str, **fields: Any) -> Line:
        """Return the next log line for the event ``name`` that contains ``fields``."""
        return self.line(lambda line: line["event"] == name and fields.items() <= line.items())

    def until(self, path: str, wanted: Callable[[httpx.Response | None], bool]) -> httpx.Response | None:
        """Request ``path`` until ``wanted`` returns True for the response, and return this response.

        The response is None if the connection failed.
        """
        end = time.monotonic() + PATIENCE_S
        while not wanted(answer := self._asked(path)):
            assert answer is not None or self.process.poll() is None, f"the server ended: {self._complained()}"
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
        """Send a POST request with the JSON body ``body`` on a new connection."""
        return httpx.post(self.url + path, json=body, timeout=timeout_s, headers=headers)

    def sample(self, name: str) -> float:
        """Return the value of a metric, or 0 if it does not exist. ``name`` includes the labels, as in ``/metrics``."""
        lines = httpx.get(f"{self.url}/metrics", timeout=PATIENCE_S).text.splitlines()
        return next((float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(f"{name} ")), 0.0)

    @property
    def processor_s(self) -> float:
        """Return the processor time that all threads of the server have used, in seconds (see proc(5))."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text("ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / CLOCK_TICKS_A_S


@contextmanager
def serving(*, ready: bool = True, program: str = "service", **settings: str) -> Iterator[Server]:
    """Start a server, wait until it is ready, and kill it at the end of the block.

    If ``ready`` is False, wait only until the server is listening. ``settings`` are environment variables in lower
    case, without the prefix ``DEPESCHE_``.
    """
    server = Server(program, **settings)
    try:
        server.listen()
        if ready:
            server.until("/readyz", lambda answer: answer is not None and answer.status_code == 200)
        yield server
    finally:
        server.stop()
