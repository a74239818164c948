"""A server process that a benchmark starts, waits for, asks, and stops."""

import asyncio
import contextlib
import os
import random
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import httpx

ROOT = Path(__file__).parent.parent
READY_LIMIT_S = 300.0
STOP_LIMIT_S = 20.0
LOG_CHARS = 2_000
LOOPBACK = "127.0.0.1"
NO_STORE = {"Cache-Control": "no-store"}  # without meaning to systems that have no cache
# Below the ports that Linux and others give to connections and to programs that ask for any port.
PORTS = range(20_000, 32_768)


def free_port() -> int:
    """A port for a server: no process listens on it, and no other call gets it until this process ends.

    Raises:
        RuntimeError: every one of `PORTS` is in use.
    """
    for port in random.SystemRandom().sample(PORTS, len(PORTS)):
        if _is_free(port) and _claim(port):
            return port
    raise RuntimeError(f"no free port from {PORTS.start} to {PORTS.stop - 1}")


def _is_free(port: int) -> bool:
    with socket.socket() as tried, contextlib.suppress(OSError):
        tried.bind((LOOPBACK, port))
        return True
    return False


def _claim(port: int) -> bool:
    """Whether this process now holds the UDP port of that number, which marks the TCP port as taken."""
    with socket.socket(type=socket.SOCK_DGRAM) as claim, contextlib.suppress(OSError):
        claim.bind((LOOPBACK, port))
        claim.detach()  # stays open until the process ends
        return True
    return False


def environment(extra: Mapping[str, str]) -> dict[str, str]:
    """This process's environment without settings of the service, and with no way to a model hub."""
    kept = {name: value for name, value in os.environ.items() if not name.upper().startswith("DEPESCHE_")}
    return {**kept, "HF_HUB_OFFLINE": "1", "PYTHONUNBUFFERED": "1", **extra}


class Server:
    """One process that answers HTTP on ``port``; used with ``async with``, ready inside."""

    def __init__(
        self, command: Sequence[str], port: int, ready: str, *, extra: Mapping[str, str], folder: Path = ROOT
    ) -> None:
        """``ready`` is the path that answers 200 once the models are loaded; ``folder`` is where the process runs."""
        self._command = list(command)
        self._ready = ready
        self._environment = environment(extra)
        self._folder = folder
        self._running = contextlib.AsyncExitStack()
        self._process: subprocess.Popen[bytes] | None = None
        self.http = httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}",
            timeout=None,  # noqa: S113 - a slow system is a result, not a failure
            limits=httpx.Limits(max_connections=None),
            trust_env=False,
        )

    @property
    def pid(self) -> int:
        """The process's number.

        Raises:
            RuntimeError: it was not started.
        """
        if self._process is None:
            raise RuntimeError("the process was not started")
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """How the process ended; None while it runs, and before it was started."""
        return None if self._process is None else self._process.poll()

    async def __aenter__(self) -> Self:
        log = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed with the server
        self._running.callback(log.close)
        self._process = process = subprocess.Popen(  # noqa: ASYNC220 - starting it takes no time
            self._command, cwd=self._folder, env=self._environment, stdout=log, stderr=subprocess.STDOUT
        )
        self._running.push_async_callback(_stop, process)
        await self._running.enter_async_context(self.http)
        try:
            await self._wait(process)
        except SystemExit as error:
            log.seek(0)
            said = log.read()[-LOG_CHARS:]
            await self._running.aclose()
            raise SystemExit(f"{error}; it said:\n{said}") from error
        return self

    async def _wait(self, process: "subprocess.Popen[bytes]") -> None:
        end_s = time.monotonic() + READY_LIMIT_S
        while time.monotonic() < end_s:
            if process.poll() is not None:
                raise SystemExit(f"{self._command} ended with {process.returncode}")
            with contextlib.suppress(httpx.TransportError):
                if (await self.http.get(self._ready)).status_code == httpx.codes.OK:
                    return
            await asyncio.sleep(0.2)
        raise SystemExit(f"{self._command} was not ready after {READY_LIMIT_S} s")

    async def __aexit__(self, *_: object) -> None:
        await self._running.aclose()

    async def post(self, path: str, body: Any, headers: Mapping[str, str]) -> Any:
        """The JSON of the answer.

        Raises:
            httpx.HTTPError: no answer, or one that is no success.
        """
        answer = await self.http.post(path, json=body, headers=dict(headers))
        answer.raise_for_status()
        return answer.json()

    async def sample(self, name: str) -> float:
        """The sum of the service's own metric ``name`` over its labels.

        Raises:
            LookupError: the server has no such metric.
        """
        lines = (await self.http.get("/metrics")).text.splitlines()
        values = [float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith((f"{name} ", f"{name}{{"))]
        if not values:
            raise LookupError(f"the server's metrics have no {name}")
        return sum(values)


async def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        await asyncio.to_thread(process.wait, STOP_LIMIT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        await asyncio.to_thread(process.wait)
