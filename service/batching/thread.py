"""Daemon threads that do an engine's work and tell the event loop how each piece of it ended."""

import asyncio
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any, Generic, TypeVar

T = TypeVar("T")
ENGINE_THREADS = "engine-"
"""How the names of engines' threads begin."""


@dataclass(frozen=True, slots=True)
class Returned(Generic[T]):
    """The work gave ``value`` after ``seconds`` of wall time."""

    value: T
    seconds: float


@dataclass(frozen=True, slots=True)
class Raised:
    """The work raised."""

    error: BaseException


Outcome = Returned[T] | Raised


@dataclass(frozen=True, slots=True)
class _Call:
    work: Callable[[], Any]
    outcome: asyncio.Future[Any]


class EngineThreads:
    """As many threads as there were ever calls at the same time; calls begin in the order in which they were given.

    Daemons, unlike a ThreadPoolExecutor's threads: a model that never returns does not hold up the process's exit.
    """

    def __init__(self, name: str) -> None:
        self._name = f"{ENGINE_THREADS}{name}"
        self._calls: SimpleQueue[_Call | None] = SimpleQueue()
        self._under_way: set[asyncio.Future[Any]] = set()
        self._count = 0
        self._stopped = False

    def call(self, work: Callable[[], T]) -> asyncio.Future[Outcome[T]]:
        """Do ``work``; the future never carries an exception, a raise is a value.

        Raises:
            RuntimeError: the threads were stopped, nobody would do the work.
        """
        if self._stopped:
            raise RuntimeError("the engine's threads were stopped")
        outcome: asyncio.Future[Outcome[T]] = asyncio.get_running_loop().create_future()
        self._under_way.add(outcome)
        outcome.add_done_callback(self._under_way.discard)
        if len(self._under_way) > self._count:
            self._count += 1
            threading.Thread(target=self._run, name=self._name, daemon=True).start()
        self._calls.put(_Call(work, outcome))
        return outcome

    async def idle(self, limit_s: float) -> bool:
        """Whether all calls are done, within ``limit_s`` at the latest."""
        return not self._under_way or not (await asyncio.wait(self._under_way, timeout=limit_s))[1]

    def stop(self) -> None:
        """End the threads once they have done what was given before."""
        self._stopped = True
        for _ in range(self._count):
            self._calls.put(None)

    def _run(self) -> None:
        while (call := self._calls.get()) is not None:
            outcome, told = _attempt(call.work), call.outcome
            # Whoever holds the last reference to an engine frees it: never a daemon, which the process's end would
            # kill in the middle of the library's destructors.
            del call
            try:
                told.get_loop().call_soon_threadsafe(_settle, told, outcome)
            except RuntimeError:  # the event loop is closed: nobody is left to tell
                return
            del outcome, told


def _attempt(work: Callable[[], T]) -> Outcome[T]:
    started_s = time.perf_counter()
    try:
        value = work()
    except BaseException as error:  # noqa: BLE001 whatever the model raises is an answer: a dead thread would give none
        return Raised(error)
    return Returned(value, time.perf_counter() - started_s)


def _settle(future: asyncio.Future[Outcome[T]], outcome: Outcome[T]) -> None:
    if not future.done():
        future.set_result(outcome)
