"""Run a server process for a benchmark: start it, wait until it is ready, send requests, and stop it."""

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
NO_STORE = {"Cache-Control": "no-store"}  # systems without a cache ignore it
# These are below the ephemeral ports of Linux and other systems.
PORTS = range(20_000, 32_768)


def free_port() -> int:
    """Return a TCP port on which no process is listening.

    Until this process ends, no other call returns the same port, not even in another process.

    Raises:
        RuntimeError: no port in `PORTS` is free.
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
    """Mark a TCP port as taken by binding the UDP port with the same number. Return whether the UDP port was free."""
    with socket.socket(type=socket.SOCK_DGRAM) as claim, contextlib.suppress(OSError):
        claim.bind((LOOPBACK, port))
        claim.detach()  # stays open until the process ends
        return True
    return False


def environment(extra: Mapping[str, str]) -> dict[str, str]:
    """Return the environment variables of this process, with ``extra`` added.

    The settings of the service (``DEPESCHE_*``) are not copied from this process, and access to a model hub is
    disabled.
    """
    kept = {name: value for name, value in os.environ.items() if not name.upper().startswith("DEPESCHE_")}
    return {**kept, "HF_HUB_OFFLINE": "1", "PYTHONUNBUFFERED": "1", **extra}


class Server:
    """A process that serves HTTP on ``port``. Inside ``async with``, it is running and ready."""

    def __init__(
        self, command: Sequence[str], port: int, ready: str, *, extra: Mapping[str, str], folder: Path = ROOT
    ) -> None:
        """Configure the process without starting it.

        ``extra`` contains environment variables to add. The path ``ready`` must return status 200 once the models are
        loaded. ``folder`` is the working directory.
        """
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
        """The process ID.

        Raises:
            RuntimeError: the process has not been started.
        """
        if self._process is None:
            raise RuntimeError("the process has not been started")
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """The exit code, or None if the process is still running or has not been started."""
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
            raise SystemExit(f"{error}; its output:\n{said}") from error
        return self

    async def _wait(self, process: "subprocess.Popen[bytes]") -> None:
        end_s = time.monotonic() + READY_LIMIT_S
        while time.monotonic() < end_s:
            if process.poll() is not None:
                raise SystemExit(f"{self._command} exited with status {process.returncode}")
            with contextlib.suppress(httpx.TransportError):
                if (await self.http.get(self._ready)).status_code == httpx.codes.OK:
                    return
            await asyncio.sleep(0.2)
        raise SystemExit(f"{self._command} was not ready after {READY_LIMIT_S} s")

    async def __aexit__(self, *_: object) -> None:
        await self._running.aclose()

    async def post(self, path: str, body: Any, headers: Mapping[str, str]) -> Any:
        """Send ``body`` as JSON to ``path``, and return the parsed JSON of the response.

        Raises:
            httpx.HTTPError: there is no response, or its status is an error.
        """
        answer = await self.http.post(path, json=body, headers=dict(headers))
        answer.raise_for_status()
        return answer.json()

    async def sample(self, name: str) -> float:
        """Return the value of the metric ``name`` from the server, summed over its labels.

        Raises:
            LookupError: the server does not report this metric.
        """
        lines = (await self.http.get("/metrics")).text.splitlines()
        values = [float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith((f"{name} ", f"{name}{{"))]
        if not values:
            raise LookupError(f"the server does not report the metric {name}")
        return sum(values)


async def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        await asyncio.to_thread(process.wait, STOP_LIMIT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        await asyncio.to_thread(process.wait)
