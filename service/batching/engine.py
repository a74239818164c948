"""An engine behind its thread: built, watched for hangs, proved with a warm-up, and rebuilt when it fails that."""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

from service.batching.limits import Limits
from service.batching.thread import EngineThread, Raised, Returned
from service.engines.base import EagerEngine, Engine
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
    """What one call gave: for each item its hypotheses; all their tokens counted; the wall time in the thread."""

    outputs: list[list[Hypothesis]]
    output_tokens: int
    seconds: float


class Begun:
    """A call that an engine has taken before the one it works on is finished. Used in the engine's thread."""

    def __init__(self, engine: EagerEngine, items: Sequence[EngineInput]) -> None:
        self._engine = engine
        self._items = items
        self._results: Callable[[], list[list[Hypothesis]]] | None = None

    def begin(self) -> None:
        """Give the call to the engine."""
        self._results = self._engine.begin(self._items)

    def results(self) -> list[list[Hypothesis]]:
        """Wait for the call; one that could not begin is tried again, so that its failure is told here."""
        return (self._results or self._engine.begin(self._items))()


class SupervisedEngine:
    """Owns one engine, the thread that alone touches it, and the ``condition`` that probes read."""

    def __init__(
        self, model: str, factory: Callable[[], Engine], warm_up: EngineInput, *, limits: Limits, listener: Listener
    ) -> None:
        self.condition: Condition = "loading"
        self._model = model
        self._factory = factory
        self._warm_up = warm_up
        self._limits = limits
        self._listener = listener
        self._thread = EngineThread(model)
        self._engine: Engine | None = None
        self._eager: EagerEngine | None = None

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
        self._thread.start()
        await self._load(limit_s=None)

    @property
    def is_eager(self) -> bool:
        """Whether the engine can take a batch before it is done with the one before."""
        return self._eager is not None

    def begin(self, items: Sequence[EngineInput]) -> Begun | None:
        """Let the engine have ``items`` at once, for a `generate` that comes later; None where it cannot."""
        if self._eager is None:
            return None
        begun = Begun(self._eager, items)
        self._thread.call(begun.begin)
        return begun

    async def generate(
        self, items: Sequence[EngineInput], *, on_hang: OnHang | None = None, begun: Begun | None = None
    ) -> Generated:
        """One engine call. ``on_hang`` hears of a hang as soon as it is noticed, while the call still runs.

        ``begun`` is that call where it has begun already; its time counts from now.

        Raises:
            EngineHung: the call returned, but after ``engine_hang_s``: the engine has to ``recover``.
            EngineError: the engine raised, or as ``WrongCount``: results are missing or too many.
            EngineLost: the call had not returned after twice ``engine_hang_s``.
        """
        engine = self._engine
        if engine is None:
            raise EngineError("the engine is not loaded")
        work = begun.results if begun is not None else lambda: engine.generate(items)
        returned = await self._call(lambda: _checked(work, len(items)), self._limits.engine_hang_s, on_hang)
        outputs, output_tokens = returned.value
        return Generated(outputs, output_tokens, returned.seconds)

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
        """Close the engine and end its thread; one that hangs is left behind, its thread is a daemon."""
        engine = self._let_go()
        closing = self._thread.call(engine.close) if engine is not None else None
        self._thread.stop()
        if closing is not None and self.condition == "ready":
            await asyncio.wait({closing}, timeout=CLOSE_LIMIT_S)

    async def _load(self, limit_s: float | None, *, rebuilt: bool = False) -> None:
        loop = asyncio.get_running_loop()
        started_s = loop.time()
        engine = (await self._call(self._factory, limit_s)).value
        # Asked once an engine, not once a batch: the question what an object can do is a slow one.
        self._engine, self._eager = engine, engine if isinstance(engine, EagerEngine) else None
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
        engine, self._engine, self._eager = self._engine, None, None
        return engine

    async def _call(self, work: Callable[[], T], limit_s: float | None, on_hang: OnHang | None = None) -> Returned[T]:
        call = self._thread.call(work)
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


def _checked(work: Callable[[], list[list[Hypothesis]]], items: int) -> tuple[list[list[Hypothesis]], int]:
    """Runs in the engine's thread, so that a malformed result counts as the engine's failure."""
    outputs = work()
    if len(outputs) != items:
        raise WrongCount(f"the engine returned {len(outputs)} results for {items} items")
    return outputs, sum(len(hypothesis.tokens) for hypotheses in outputs for hypothesis in hypotheses)


async def _done_within(call: "asyncio.Future[T]", limit_s: float | None) -> bool:
    done, _ = await asyncio.wait({call}, timeout=limit_s)
    return bool(done)
