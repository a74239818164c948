"""A daemon thread that does one piece of work after another and tells the event loop how each ended."""

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


class EngineThread:
    """Daemon, unlike a ThreadPoolExecutor's threads: a model that never returns does not hold up the process's exit."""

    def __init__(self, name: str) -> None:
        self._calls: SimpleQueue[_Call | None] = SimpleQueue()
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name=f"{ENGINE_THREADS}{name}", daemon=True)

    def start(self) -> None:
        """Begin with the work; once."""
        self._thread.start()

    def call(self, work: Callable[[], T]) -> asyncio.Future[Outcome[T]]:
        """Do ``work`` after what was given before; the future never carries an exception, a raise is a value.

        Raises:
            RuntimeError: the thread was stopped, nobody would do the work.
        """
        if self._stopped:
            raise RuntimeError("the engine's thread was stopped")
        outcome: asyncio.Future[Outcome[T]] = asyncio.get_running_loop().create_future()
        self._calls.put(_Call(work, outcome))
        return outcome

    def stop(self) -> None:
        """End the thread once it has done what was given before."""
        self._stopped = True
        self._calls.put(None)

    def _run(self) -> None:
        while (call := self._calls.get()) is not None:
            outcome = _attempt(call.work)
            try:
                call.outcome.get_loop().call_soon_threadsafe(_settle, call.outcome, outcome)
            except RuntimeError:  # the event loop is closed: nobody is left to tell
                return


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
