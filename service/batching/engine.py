"""An engine behind its threads: built, watched for hangs, proved with a warm-up, and rebuilt when it fails that."""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from service.batching.limits import Limits
from service.batching.line import Line, Turn
from service.batching.thread import EngineThreads, Raised, Returned
from service.engines.base import Engine
from service.errors import DepescheError, EngineError, EngineHung
from service.events import EngineFailed, EngineReady, Event, Listener
from service.types import EngineInput, Hypothesis

T = TypeVar("T")
Condition = Literal["loading", "ready", "hung", "dead"]
OnHang = Callable[[EngineHung], None]

CLOSE_LIMIT_S = 5.0


class EngineLost(Exception):
    """No engine comes back in this process any more; ``answer`` is what its callers are told."""

    def __init__(self, answer: EngineError) -> None:
        super().__init__(str(answer))
        self.answer = answer


class WrongCount(EngineError):
    """The engine returned another number of results than it was given items."""


@dataclass(frozen=True, slots=True)
class Generated:
    """What one call gave: for each item its hypotheses; all their tokens counted; the wall time since its turn."""

    outputs: list[list[Hypothesis]]
    output_tokens: int
    seconds: float


class SupervisedEngine:
    """Owns one engine, the threads that alone touch it, and the ``condition`` that probes read.

    It works on ``replicas`` calls at the same time, and takes ``ahead`` more.
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
        self._line = Line()
        self._engine: Engine | None = None
        self.replicas, self.ahead = 1, 0

    def tell(self, event: Event) -> None:
        """Let the listener hear of ``event`` in the loop's next turn, so that what it raises hurts no work."""
        asyncio.get_running_loop().call_soon(self._listener, event)

    async def start(self) -> None:
        """Build the engine, however long that takes, and warm it up; ready afterwards.

        Raises:
            ModelError: the model's files cannot be loaded.
            EngineError: the factory or the warm-up failed.
            EngineLost: the warm-up hung.
        """
        await self._load(limit_s=None)

    async def generate(self, items: Sequence[EngineInput], *, on_hang: OnHang | None = None) -> Generated:
        """One engine call. ``on_hang`` hears of a hang as soon as it is noticed, while the call still runs.

        Its time counts from when a replica is free for it.

        Raises:
            EngineHung: the call returned, but after ``engine_hang_s``: the engine has to ``recover``.
            EngineError: the engine raised, or as ``WrongCount``: results are missing or too many.
            EngineLost: the call had not returned after twice ``engine_hang_s``.
        """
        engine = self._engine
        if engine is None:
            raise EngineError("the engine is not loaded")
        turn = self._line.join()
        try:
            returned = await self._call(
                lambda: _checked(engine.generate, items), self._limits.engine_hang_s, on_hang, turn
            )
            # One that overtook those before it was at work all the time.
            seconds = asyncio.get_running_loop().time() - turn.result() if turn.done() else returned.seconds
        finally:
            self._line.leave(turn)
        outputs, output_tokens = returned.value
        return Generated(outputs, output_tokens, seconds)

    async def recover(self) -> None:
        """After a failure: ready once this engine passes the warm-up or, when it does not, a rebuilt one does.

        Raises:
            EngineLost: no attempt to rebuild it gave an engine that passes.
        """
        try:
            await self.generate([self._warm_up])
        except DepescheError:  # told as an event where it arose
            await self._rebuild()
        else:
            self.condition = "ready"

    async def close(self) -> None:
        """Close the engine and end its threads. One that does not return is left behind: its threads are daemons."""
        engine, limit_s = self._let_go(), CLOSE_LIMIT_S if self.condition == "ready" else 0.0
        if engine is not None and await self._threads.idle(limit_s):
            await asyncio.wait({self._threads.call(engine.close)}, timeout=limit_s)
        self._threads.stop()

    async def _load(self, limit_s: float | None, *, rebuilt: bool = False) -> None:
        loop = asyncio.get_running_loop()
        started_s = loop.time()
        engine = (await self._call(self._factory, limit_s)).value
        self._engine, self.replicas, self.ahead = engine, engine.replicas, engine.ahead
        self._line.replicas = engine.replicas
        await self.generate([self._warm_up])
        self.condition = "ready"
        self.tell(EngineReady(self._model, engine.name, loop.time() - started_s, rebuilt=rebuilt))

    async def _rebuild(self) -> None:
        for pause_s in self._limits.rebuild_pauses_s:
            self.condition = "loading"
            await asyncio.sleep(pause_s)
            with contextlib.suppress(DepescheError):  # told as an event where it arose; the next attempt follows
                await self._discard()
                await self._load(self._limits.engine_hang_s, rebuilt=True)
                return
        self.condition = "dead"
        raise EngineLost(EngineError("the engine failed and could not be rebuilt"))

    async def _discard(self) -> None:
        """Free the old engine before the new one is built: both may not fit into memory."""
        engine = self._let_go()
        if engine is not None:
            await self._call(engine.close, self._limits.engine_hang_s)

    def _let_go(self) -> Engine | None:
        engine, self._engine = self._engine, None
        return engine

    async def _call(
        self, work: Callable[[], T], limit_s: float | None, on_hang: OnHang | None = None, turn: Turn | None = None
    ) -> Returned[T]:
        call = self._threads.call(work)
        if turn is not None:
            either: set[asyncio.Future[Any]] = {call, turn}
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
        self.tell(EngineFailed(self._model, "hung", type(hung).__name__))
        if on_hang is not None:
            on_hang(hung)

    def _failed(self, error: BaseException) -> DepescheError:
        """The error for the callers. Only its type is told: a foreign message may hold the article's text."""
        reason: Literal["raised", "wrong_count"] = "wrong_count" if isinstance(error, WrongCount) else "raised"
        self.tell(EngineFailed(self._model, reason, type(error).__name__))
        if isinstance(error, DepescheError):
            return error
        failed = EngineError(f"the engine raised {type(error).__name__}")
        failed.__cause__ = error
        return failed


def _checked(
    generate: Callable[[Sequence[EngineInput]], list[list[Hypothesis]]], items: Sequence[EngineInput]
) -> tuple[list[list[Hypothesis]], int]:
    """Runs in an engine's thread, so that a malformed result counts as the engine's failure."""
    outputs = generate(items)
    if len(outputs) != len(items):
        raise WrongCount(f"the engine returned {len(outputs)} results for {len(items)} items")
    return outputs, sum(len(hypothesis.tokens) for hypotheses in outputs for hypothesis in hypotheses)


async def _done_within(call: "asyncio.Future[T]", limit_s: float | None) -> bool:
    done, _ = await asyncio.wait({call}, timeout=limit_s)
    return bool(done)
