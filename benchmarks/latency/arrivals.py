"""Open-loop load: requests start at fixed times, and latency counts from the scheduled time."""

import asyncio
import gc
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

Ask = Callable[[], Awaitable[None]]


async def steady(ask: Ask, rate_per_s: float, seconds: float) -> list[float]:
    """Return the seconds of each request. Requests start at ``rate_per_s`` for ``seconds``; there are at least two.

    Delays of this process count as latency: asyncio's timers alone are late by up to a millisecond.

    Raises:
        ExceptionGroup: a request failed; the others are cancelled.
    """
    loop = asyncio.get_running_loop()
    start_s = loop.time()

    async def timed(due_s: float) -> float:
        await ask()
        return loop.time() - due_s

    tasks: list[asyncio.Task[float]] = []
    async with asyncio.TaskGroup() as group:
        for number in range(max(2, round(rate_per_s * seconds))):
            due_s = start_s + number / rate_per_s
            await asyncio.sleep(max(0.0, due_s - loop.time()))
            tasks.append(group.create_task(timed(due_s)))
    return [task.result() for task in tasks]


@contextmanager
def no_collection() -> Iterator[None]:
    """Switch off this process's garbage collector, whose pauses are not the server's."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
