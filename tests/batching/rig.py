"""Helpers for the batching tests: inputs, factories of fake engines, started batchers and a manual clock."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import pytest

from service.domain import DecodingOptions, EngineInput, Hypothesis
from service.generation.batcher import Batcher
from service.generation.scheduler import Limits
from tests.fake_engine import FakeEngine, Gate, Handler

PATIENCE_S = 120.0
WARM_UP = EngineInput(("warm", "up"), DecodingOptions())


def item(source: str, **options: Any) -> EngineInput:
    """Return an engine input whose tokens are the words of ``source``. ``options`` contains the decoding options."""
    return EngineInput(tuple(source.split()), DecodingOptions(**options))


def sized(tokens: int, mark: str = "w") -> EngineInput:
    """Return an engine input of ``tokens`` tokens, which are all equal to ``mark``."""
    return EngineInput((mark,) * tokens, DecodingOptions())


async def submit(batcher: Batcher, one: EngineInput) -> list[Hypothesis]:
    """Submit one input and return its hypotheses. If the caller is cancelled, the input is removed from the queue."""
    (answer,) = batcher.submit_many([one])
    return await answer


def written(hypotheses: list[Hypothesis]) -> str:
    """Return the text of the best hypothesis."""
    return " ".join(hypotheses[0].tokens)


class Engines:
    """A factory of fake engines that records its engines.

    The n-th engine gets the n-th handler or, if there are fewer handlers, the last one.
    """

    def __init__(self, *handlers: Handler | None) -> None:
        self._handlers = handlers or (None,)
        self.built: list[FakeEngine] = []

    def __call__(self) -> FakeEngine:
        engine = FakeEngine(self._handlers[min(len(self.built), len(self._handlers) - 1)])
        self.built.append(engine)
        return engine

    @property
    def first(self) -> FakeEngine:
        return self.built[0]

    def batches(self) -> list[tuple[EngineInput, ...]]:
        """Return the items of each engine call, in order, for all engines. Warm-up calls are left out."""
        return [call for engine in self.built for call in engine.calls if call != (WARM_UP,)]


@asynccontextmanager
async def running(factory: Engines, limits: Limits | None = None, **options: Any) -> AsyncIterator[Batcher]:
    """Start a batcher whose engines come from ``factory``, yield it, and shut it down at the end of the block."""
    batcher = Batcher("model", factory, WARM_UP, limits=limits, **options)
    await batcher.start()
    try:
        yield batcher
    finally:
        await batcher.drain(0.0)


@asynccontextmanager
async def held(engine: FakeEngine, batcher: Batcher) -> AsyncIterator[Gate]:
    """Block the engine with a separate batch, and yield the gate that blocks it.

    The gate opens when the test releases it or the block ends.
    """
    gate = Gate()
    engine.handler = gate
    blocker = batcher.submit_many([item("busy")])
    await entered(gate)
    try:
        yield gate
    finally:
        gate.release()
        await asyncio.wait(blocker)


async def hold_next(engine: FakeEngine, gate: Gate) -> Gate:
    """Release the batch that is blocked at ``gate``, and return the gate that blocks the next batch.

    The function waits until the next batch has reached its gate.
    """
    second = Gate()
    engine.handler = second
    gate.release()
    await entered(second)
    return second


async def entered(gate: Gate) -> None:
    """Wait until an engine call is blocked at the gate."""
    assert await asyncio.to_thread(gate.entered.wait, PATIENCE_S), "no call came to the gate"


async def turns(count: int = 10) -> None:
    """Yield control to the event loop ``count`` times, so that it runs the callbacks that are due."""
    for _ in range(count):
        await asyncio.sleep(0)


class Clock:
    """A clock for the event loop that only the test advances."""

    def __init__(self, now_s: float) -> None:
        self.now_s = now_s

    def __call__(self) -> float:
        return self.now_s

    async def turn(self, seconds: float) -> None:
        """Advance the clock by ``seconds``, and run the callbacks that are due then."""
        self.now_s += seconds
        await turns()


@contextmanager
def stopped_clock() -> Iterator[Clock]:
    """Replace the clock of the running event loop within the block. Only the test advances the new clock."""
    loop = asyncio.get_running_loop()
    clock = Clock(loop.time())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "time", clock)
        yield clock
