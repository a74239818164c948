"""Threads for work on texts that needs the processor, so that the event loop stays free for probes and requests."""

import asyncio
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import ParamSpec, TypeVar

from service.pipeline.recent import Recent

OFF_LOOP_CHARS = 500
LONG_CHARS = 20_000
# One thread each: more of them would only take the interpreter from each other. What is long holds up nothing short.
_USUAL = ThreadPoolExecutor(1, "texts")
_LONG = ThreadPoolExecutor(1, "long-texts")

P = ParamSpec("P")
T = TypeVar("T")


async def off_loop(chars: int, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Do ``work`` on texts of so many characters: at once where they are few, else `in_thread`."""
    return work(*args, **kwargs) if chars <= OFF_LOOP_CHARS else await in_thread(chars, work, *args, **kwargs)


async def in_thread(chars: int, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Do ``work`` on texts of so many characters in a thread, in order of asking."""
    thread = _USUAL if chars <= LONG_CHARS else _LONG
    whole = partial(copy_context().run, work, *args, **kwargs)
    return await asyncio.get_running_loop().run_in_executor(thread, whole)


async def recalled(
    chars: int, recent: Recent[T], texts: tuple[str, ...], kind: Hashable, make: Callable[[], T], *, keep: bool
) -> T:
    """What ``recent`` has, at once; what it has not is made as `off_loop` does work, and kept as `Recent.get` says."""
    found = recent.find(texts, kind)
    return found if found is not None else await off_loop(chars, recent.get, texts, kind, make, keep=keep)
