"""A rolling restart behind nginx, one process after the other, in the order in which Kubernetes ends a pod.

The endpoint is taken out first (`tests.chaos.cluster`), as the control plane does; after a pause, which stands
for ``preStop``, comes SIGTERM; the process ends with exit code 0 once its requests are answered; a new one on the same
port becomes ready, and only then is its endpoint put back. Nginx has no ``proxy_next_upstream`` beyond its default,
which asks another process only where a POST was not sent yet: it hides no refusal and no lost request.
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
    """What came of it: all answers, how many of them during restarts, and the processes' exit codes."""

    answers: Answers
    during: int
    exit_codes: tuple[int | None, ...]


class Pod:
    """One place in the roll-out: a port, and the process that has it now."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._stack = contextlib.AsyncExitStack()
        self._process: Process | None = None

    async def start(self) -> None:
        """A new process, ready."""
        self._process = await self._stack.enter_async_context(process(self.port, None))

    async def stop(self) -> int | None:
        """SIGTERM; its exit code, None where none was there."""
        await self._stack.aclose()
        return None if self._process is None else self._process.server.exit_code


async def roll(processes: int, requests: int, clients: int) -> Rolled:
    """Restart each of ``processes`` once under load; at least ``requests`` are made.

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
    """``between`` requests are made before each restart, beside those during it; exit codes, and those during."""
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
