"""The supervised engine, which runs an engine in its own threads, detects hangs and recovers from failures."""

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from queue import SimpleQueue
from typing import Any, Generic, Literal, TypeVar

from service.domain import EngineInput, Hypothesis
from service.errors import DepescheError, EngineError, EngineHung
from service.events import EngineFailed, EngineReady, Event, Listener
from service.generation.engines.base import Engine
from service.generation.scheduler import Limits

SlotFuture = asyncio.Future[float]
"""A future that completes when a replica starts the call. Its result is the start time on the event loop's clock."""


class ReplicaSlots:
    """A registry of engine calls that estimates when each call starts on a replica.

    It assumes that the oldest ``replicas`` calls are running. An engine may also split one call over several replicas,
    but the estimate ignores such splits. All methods must be called from the event loop.
    """

    def __init__(self) -> None:
        self.replicas = 1
        self._calls: dict[SlotFuture, None] = {}

    def join(self) -> SlotFuture:
        """Register a new call, which waits for a replica.

        Return a future that completes with the current time as soon as a replica is free for the call.
        """
        slot: SlotFuture = asyncio.get_running_loop().create_future()
        self._calls[slot] = None
        self._assign()
        return slot

    def leave(self, slot: SlotFuture) -> None:
        """Remove a finished call, so that the next waiting call gets its replica.

        ``slot`` is the future from `join`.
        """
        del self._calls[slot]
        self._assign()

    def _assign(self) -> None:
        for slot in islice(self._calls, self.replicas):
            if not slot.done():
                slot.set_result(slot.get_loop().time())


T = TypeVar("T")
ENGINE_THREADS = "engine-"
"""The prefix of the names of engine threads."""


@dataclass(frozen=True, slots=True)
class Returned(Generic[T]):
    """The outcome of work that returned ``value`` after ``seconds`` of wall-clock time."""

    value: T
    seconds: float


@dataclass(frozen=True, slots=True)
class Raised:
    """The outcome of work that raised ``error``."""

    error: BaseException


Outcome = Returned[T] | Raised


@dataclass(frozen=True, slots=True)
class _Call:
    work: Callable[[], Any]
    outcome: asyncio.Future[Any]


class EngineThreads:
    """A pool of daemon threads, which grows to the largest number of parallel calls so far.

    Calls start in the order in which they arrive. ThreadPoolExecutor is not suitable, because its threads are not
    daemons. A hung model would therefore prevent the process from exiting.
    """

    def __init__(self, name: str) -> None:
        self._name = f"{ENGINE_THREADS}{name}"
        self._calls: SimpleQueue[_Call | None] = SimpleQueue()
        self._running: set[asyncio.Future[Any]] = set()
        self._count = 0
        self._stopped = False

    def call(self, work: Callable[[], T]) -> asyncio.Future[Outcome[T]]:
        """Run ``work`` in a thread, and return a future for its outcome.

        The future never raises an exception, because exceptions of ``work`` are returned as `Raised`.

        Raises:
            RuntimeError: the threads have been stopped.
        """
        if self._stopped:
            raise RuntimeError("the engine's threads have been stopped")
        outcome: asyncio.Future[Outcome[T]] = asyncio.get_running_loop().create_future()
        self._running.add(outcome)
        outcome.add_done_callback(self._running.discard)
        if len(self._running) > self._count:
            self._count += 1
            threading.Thread(target=self._run, name=self._name, daemon=True).start()
        self._calls.put(_Call(work, outcome))
        return outcome

    async def idle(self, limit_s: float) -> bool:
        """Wait up to ``limit_s`` seconds for the running calls, and return whether all of them are done."""
        return not self._running or not (await asyncio.wait(self._running, timeout=limit_s))[1]

    def stop(self) -> None:
        """Accept no further calls. The threads end when they have finished all submitted calls."""
        self._stopped = True
        for _ in range(self._count):
            self._calls.put(None)

    def _run(self) -> None:
        while (call := self._calls.get()) is not None:
            outcome, future = _attempt(call.work), call.outcome
            # This thread must not hold the last reference to an engine. When the process exits, daemon threads are
            # killed, possibly in the middle of the library's destructors.
            del call
            try:
                future.get_loop().call_soon_threadsafe(_settle, future, outcome)
            except RuntimeError:  # the event loop is closed, so no caller is waiting
                return
            del outcome, future


def _attempt(work: Callable[[], T]) -> Outcome[T]:
    started_s = time.perf_counter()
    try:
        value = work()
    except BaseException as error:  # noqa: BLE001 - every exception must reach the caller: a dead thread would answer nothing
        return Raised(error)
    return Returned(value, time.perf_counter() - started_s)


def _settle(future: asyncio.Future[Outcome[T]], outcome: Outcome[T]) -> None:
    if not future.done():
        future.set_result(outcome)


Condition = Literal["loading", "ready", "hung", "dead"]
OnHang = Callable[[EngineHung], None]

CLOSE_LIMIT_S = 5.0


class EngineLost(Exception):
    """The engine cannot be recovered in this process. ``error`` is the error that waiting callers receive."""

    def __init__(self, error: EngineError) -> None:
        super().__init__(str(error))
        self.error = error


class WrongCount(EngineError):
    """The engine returned more or fewer results than it received items."""


@dataclass(frozen=True, slots=True)
class Generated:
    """The result of one engine call.

    ``outputs`` contains the hypotheses of each item, and ``output_tokens`` is their total number of tokens. ``seconds``
    is the wall-clock time of the call, without the time that it waited for a replica.
    """

    outputs: list[list[Hypothesis]]
    output_tokens: int
    seconds: float


class SupervisedEngine:
    """An engine that runs in its own threads and is monitored for hangs and failures.

    ``condition`` is the state of the engine for the health probes. The engine runs ``replicas`` calls in parallel and
    accepts ``ahead`` further calls, which wait for a replica.
    """

    def __init__(
        self, model: str, factory: Callable[[], Engine], warm_up: EngineInput, *, limits: Limits, listener: Listener
    ) -> None:
        self.condition: Condition = "loading"
        self._model = model
        self._factory = factory
        self._warm_up = warm_up
        self._limits = limits
        self._listener = listener
        self._threads = EngineThreads(model)
        self._slots = ReplicaSlots()
        self._engine: Engine | None = None
        self.replicas, self.ahead = 1, 0

    def emit(self, event: Event) -> None:
        """Send ``event`` to the listener in the next iteration of the event loop.

        An error in the listener therefore cannot break an engine call.
        """
        asyncio.get_running_loop().call_soon(self._listener, event)

    async def start(self) -> None:
        """Build the engine and run the warm-up input. There is no time limit for building the engine.

        Raises:
            ModelError: the model's files cannot be loaded.
            EngineError: the factory or the warm-up failed.
            EngineLost: the warm-up did not return.
        """
        await self._load(limit_s=None)

    async def generate(self, items: Sequence[EngineInput], *, on_hang: OnHang | None = None) -> Generated:
        """Run one engine call. Its time limit starts when a replica is free for the call.

        ``on_hang`` is called as soon as a hang is detected, while the call is still running.

        Raises:
            EngineHung: the call took longer than ``engine_hang_s`` seconds to return. Call `recover` before the next
                call.
            WrongCount: the engine returned the wrong number of results.
            EngineError: the engine is not loaded, or it raised an exception.
            EngineLost: the call did not return within twice ``engine_hang_s``.
        """
        engine = self._engine
        if engine is None:
            raise EngineError("the model is not loaded; retry later")
        slot = self._slots.join()
        try:
            returned = await self._call(
                lambda: _checked(engine.generate, items), self._limits.engine_hang_s, on_hang, slot
            )
            # A call that overtook earlier ones has no slot yet, so its own duration is used.
            seconds = asyncio.get_running_loop().time() - slot.result() if slot.done() else returned.seconds
        finally:
            self._slots.leave(slot)
        outputs, output_tokens = returned.value
        return Generated(outputs, output_tokens, seconds)

    async def recover(self) -> None:
        """Make the engine ready again after a failure.

        The warm-up is repeated. If the warm-up fails, the engine is rebuilt.

        Raises:
            EngineLost: an engine call did not return, or the engine could not be rebuilt.
        """
        try:
            await self.generate([self._warm_up])
        except DepescheError:  # `generate` has reported the error as an event
            await self._rebuild()
        else:
            self.condition = "ready"

    async def close(self) -> None:
        """Close the engine and end its threads.

        An engine with running calls is not closed if it is not ready, or if the calls do not end within `CLOSE_LIMIT_S`
        seconds. Its threads are daemons, so they do not prevent the process from exiting.
        """
        engine, limit_s = self._release(), CLOSE_LIMIT_S if self.condition == "ready" else 0.0
        if engine is not None and await self._threads.idle(limit_s):
            await asyncio.wait({self._threads.call(engine.close)}, timeout=limit_s)
        self._threads.stop()

    async def _load(self, limit_s: float | None, *, rebuilt: bool = False) -> None:
        loop = asyncio.get_running_loop()
        started_s = loop.time()
        engine = (await self._call(self._factory, limit_s)).value
        self._engine, self.replicas, self.ahead = engine, engine.replicas, engine.ahead
        self._slots.replicas = engine.replicas
        await self.generate([self._warm_up])
        self.condition = "ready"
        self.emit(EngineReady(self._model, engine.name, loop.time() - started_s, rebuilt=rebuilt))

    async def _rebuild(self) -> None:
        for pause_s in self._limits.rebuild_pauses_s:
            self.condition = "loading"
            await asyncio.sleep(pause_s)
            with contextlib.suppress(DepescheError):  # reported as an event, and the next attempt follows
                await self._discard()
                await self._load(self._limits.engine_hang_s, rebuilt=True)
                return
        self.condition = "dead"
        raise EngineLost(EngineError("the engine failed and could not be rebuilt; restart the service"))

    async def _discard(self) -> None:
        """Free the old engine before a new engine is built, because the two may not fit into memory together."""
        engine = self._release()
        if engine is not None:
            await self._call(engine.close, self._limits.engine_hang_s)

    def _release(self) -> Engine | None:
        engine, self._engine = self._engine, None
        return engine

    async def _call(
        self,
        work: Callable[[], T],
        limit_s: float | None,
        on_hang: OnHang | None = None,
        slot: SlotFuture | None = None,
    ) -> Returned[T]:
        call = self._threads.call(work)
        if slot is not None:
            either: set[asyncio.Future[Any]] = {call, slot}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if not await _done_within(call, limit_s):
            hung = EngineHung(f"the engine did not return within {limit_s} s")
            self._hang(hung, on_hang)
            if not await _done_within(call, limit_s):
                self.condition = "dead"
                raise EngineLost(hung)
            raise hung
        outcome = call.result()
        if isinstance(outcome, Raised):
            raise self._failed(outcome.error)
        return outcome

    def _hang(self, hung: EngineHung, on_hang: OnHang | None) -> None:
        self.condition = "hung"
        self.emit(EngineFailed(self._model, "hung", type(hung).__name__))
        if on_hang is not None:
            on_hang(hung)

    def _failed(self, error: BaseException) -> DepescheError:
        """Report an exception as an event, and convert the exception to an error for the callers.

        Only the type of the exception is reported, because its message may contain article text. A `DepescheError` is
        returned unchanged.
        """
        reason: Literal["raised", "wrong_count"] = "wrong_count" if isinstance(error, WrongCount) else "raised"
        self.emit(EngineFailed(self._model, reason, type(error).__name__))
        if isinstance(error, DepescheError):
            return error
        failed = EngineError(f"the engine raised {type(error).__name__}")
        failed.__cause__ = error
        return failed


def _checked(
    generate: Callable[[Sequence[EngineInput]], list[list[Hypothesis]]], items: Sequence[EngineInput]
) -> tuple[list[list[Hypothesis]], int]:
    """Generate outputs for ``items``, and return the outputs with their total number of tokens.

    The number of results is checked in the engine's thread, so that a wrong number counts as a failure of the engine.

    Raises:
        WrongCount: the engine returned more or fewer results than it received items.
    """
    outputs = generate(items)
    if len(outputs) != len(items):
        raise WrongCount(f"the engine returned {len(outputs)} results for {len(items)} items")
    return outputs, sum(len(hypothesis.tokens) for hypotheses in outputs for hypothesis in hypotheses)


async def _done_within(call: "asyncio.Future[T]", limit_s: float | None) -> bool:
    done, _ = await asyncio.wait({call}, timeout=limit_s)
    return bool(done)
