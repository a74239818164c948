"""The heap: memory that was freed goes back to the system now and then, which glibc's allocator by itself keeps."""

import asyncio
import ctypes
import time
from collections.abc import Callable
from typing import cast

PERIOD_S = 10.0
BUSY_S = 0.1
"""Of processor time in a period: who used less freed next to nothing."""


def trimmer() -> Callable[[], object] | None:
    """What gives freed memory back; None where the C library has no such thing (musl, which keeps less).

    It takes some milliseconds, in which threads that allocate wait for it.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    return None if trim is None else lambda: cast("object", trim(0))


async def kept_small(
    trim: Callable[[], object] | None, *, period_s: float = PERIOD_S, clock: Callable[[], float] = time.process_time
) -> None:
    """Call ``trim`` in a thread once a period in which the process worked, until cancelled.

    glibc gives back the end of its heaps alone, and only by large steps: what many threads freed in between is kept for
    them. docs/adr/0018 has the figures.
    """
    if trim is None:
        return
    before_s = clock()
    while True:
        await asyncio.sleep(period_s)
        if clock() - before_s >= BUSY_S:
            await asyncio.to_thread(trim)
        before_s = clock()
