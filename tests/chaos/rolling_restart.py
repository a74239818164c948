"""A rolling restart of processes behind nginx, one at a time, with the steps by which Kubernetes stops a pod.

First, nginx stops sending requests to the process (see `tests.chaos.cluster`). After a pause, which corresponds to the
pod's ``preStop`` hook, the process receives SIGTERM, finishes its requests, and exits with code 0. When a new process
on the same port is ready, nginx sends requests to it. nginx uses the default value of ``proxy_next_upstream``, which
retries a POST request only if it has not been sent yet. Therefore, nginx does not hide rejected or lost requests.
"""

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.server import free_port
from tests.chaos.cluster import Endpoints, Process, endpoints, process
from tests.chaos.traffic import Answers, Traffic, traffic

PAUSE_S = 1.0


@dataclass(frozen=True, slots=True)
class Rolled:
    """The result of a rolling restart: all responses, the number of responses during restarts, and the exit codes."""

    answers: Answers
    during: int
    exit_codes: tuple[int | None, ...]


class Pod:
    """A port and the process that is listening on it. The process corresponds to a pod in Kubernetes."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._stack = contextlib.AsyncExitStack()
        self._process: Process | None = None

    async def start(self) -> None:
        """Start a new process and wait until it is ready."""
        self._process = await self._stack.enter_async_context(process(self.port, None))

    async def stop(self) -> int | None:
        """Stop the process with SIGTERM. Return its exit code, or None if there was no process."""
        await self._stack.aclose()
        return None if self._process is None else self._process.server.exit_code


async def roll(processes: int, requests: int, clients: int) -> Rolled:
    """Restart each of ``processes`` processes once, while ``clients`` callers send at least ``requests`` requests.

    Raises:
        SystemExit: a process did not become ready.
    """
    pods = [Pod(free_port()) for _ in range(processes)]
    async with contextlib.AsyncExitStack() as stack:
        for pod in pods:
            stack.push_async_callback(pod.stop)
        await asyncio.gather(*(pod.start() for pod in pods))
        front = await stack.enter_async_context(endpoints([pod.port for pod in pods]))
        async with traffic(front.url, clients) as load:
            codes, during = await _restart_all(pods, front, load, requests // (processes + 1))
            await load.until(requests)
    return Rolled(load.answers, during, tuple(codes))


async def _restart_all(
    pods: Sequence[Pod], front: Endpoints, load: Traffic, between: int
) -> tuple[list[int | None], int]:
    """Restart the pods one after the other, each after ``between`` further requests.

    Return the exit codes of the processes, and the number of responses during the restarts.
    """
    codes: list[int | None] = []
    during = 0
    for pod in pods:
        await load.more(between)
        before = load.requests
        front.take_out(pod.port)
        await asyncio.sleep(PAUSE_S)
        codes.append(await pod.stop())
        await pod.start()
        front.put_back(pod.port)
        during += load.requests - before
    return codes, during
