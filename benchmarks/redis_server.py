"""A real redis-server as a process of its own, which benchmarks and tests kill, pause and fill."""

import signal
import subprocess
import time
from pathlib import Path

from redis import Redis
from redis.exceptions import RedisError

from benchmarks.load.server import free_port

PROGRAM = "redis-server"
PATIENCE_S = 30.0


class RedisServer:
    """One server on one port, as often as it is started; it keeps nothing on disk."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"redis://127.0.0.1:{self._port}/0"

    def start(self) -> None:
        """Start it, empty, and wait until it answers."""
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
        """A client beside the tested one."""
        return Redis.from_url(self.url, socket_timeout=PATIENCE_S)

    def kill(self) -> None:
        """End it at once; nothing when it does not run."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def pause(self) -> None:
        """It still takes connections, and answers none."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Go on after a pause."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> None:
        if self._process is None:
            raise RuntimeError(f"{PROGRAM} does not run")
        self._process.send_signal(number)
