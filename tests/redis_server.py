"""A real redis-server in a separate process, which tests can kill and pause.

If redis-server is not installed, tests are skipped.
"""

import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import RedisError

from benchmarks.server import free_port

__all__ = ["PATIENCE_S", "PROGRAM", "RedisServer", "free_port", "redis_running"]

PROGRAM = "redis-server"
PATIENCE_S = 120.0


class RedisServer:
    """A Redis server with a fixed port.

    The server can be started again after it was killed, and stores nothing on disk.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"redis://127.0.0.1:{self._port}/0"

    def start(self) -> None:
        """Start the server without data, and wait until it answers."""
        own = ["--port", str(self._port), "--bind", "127.0.0.1", "--dir", str(self._folder)]
        quiet = ["--save", "", "--appendonly", "no", "--logfile", str(self._folder / "redis.log")]
        self._process = subprocess.Popen([PROGRAM, *own, *quiet])
        end = time.monotonic() + PATIENCE_S
        while not self._answers():
            if time.monotonic() > end:
                raise RuntimeError(f"{PROGRAM} did not answer after {PATIENCE_S} s")
            time.sleep(0.02)

    def _answers(self) -> bool:
        try:
            with self.client() as client:
                return bool(client.ping())
        except RedisError:
            return False

    def client(self) -> Redis:
        """Return a new client of the server for use by the test."""
        return Redis.from_url(self.url, socket_timeout=PATIENCE_S)

    def kill(self) -> None:
        """Kill the server if it is running."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def pause(self) -> None:
        """Pause the server with SIGSTOP. New connections are still accepted, but requests get no reply."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let the paused server continue."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> None:
        if self._process is None:
            raise RuntimeError(f"{PROGRAM} does not run")
        self._process.send_signal(number)


@contextmanager
def redis_running(folder: Path) -> Iterator[RedisServer]:
    """Start a server, yield it, and kill it at the end of the block.

    Skip the test if redis-server is not installed.
    """
    if shutil.which(PROGRAM) is None:
        pytest.skip(f"{PROGRAM} is not installed")
    server = RedisServer(folder)
    try:
        server.start()
        yield server
    finally:
        server.kill()
