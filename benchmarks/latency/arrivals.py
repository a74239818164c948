"""Open-loop load: requests start at fixed times, and latency is measured from the scheduled time."""

import asyncio
import gc
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

Ask = Callable[[], Awaitable[None]]


async def steady(ask: Ask, rate_per_s: float, seconds: float) -> list[float]:
    """Call ``ask``, which sends a request, ``rate_per_s`` times per second for ``seconds``, but at least twice.

    Return the latencies in seconds. They are measured from the scheduled times, so delays in this process are included.
    asyncio timers can be up to a millisecond late, so a latency may be too high by one millisecond.

    Raises:
        ExceptionGroup: a request failed. The other requests are cancelled.
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
    """Disable the garbage collector of this process within a ``with`` block.

    Its pauses are therefore not attributed to the server.
    """
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
