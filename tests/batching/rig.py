"""What the tests of batching share: inputs, factories of fake engines, a running batcher, a clock that tests turn."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import pytest

from service.domain import DecodingOptions, EngineInput, Hypothesis
from service.generation.batcher import Batcher
from service.generation.engines.fake import FakeEngine, Gate, Handler
from service.generation.scheduler import Limits

PATIENCE_S = 30.0
WARM_UP = EngineInput(("warm", "up"), DecodingOptions())


def item(source: str, **options: Any) -> EngineInput:
    """An input of the words of ``source``."""
    return EngineInput(tuple(source.split()), DecodingOptions(**options))


def sized(tokens: int, mark: str = "w") -> EngineInput:
    """An input of ``tokens`` times the same word."""
    return EngineInput((mark,) * tokens, DecodingOptions())


async def submit(batcher: Batcher, one: EngineInput) -> list[Hypothesis]:
    """The hypotheses of one item; leaving takes it out of the queue."""
    (answer,) = batcher.submit_many([one])
    return await answer


def written(hypotheses: list[Hypothesis]) -> str:
    """The best hypothesis as text."""
    return " ".join(hypotheses[0].tokens)


class Engines:
    """A factory that gives its n-th engine the n-th handler, later ones the last, and keeps what it built."""

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
        """The calls of all engines but the warm-ups."""
        return [call for engine in self.built for call in engine.calls if call != (WARM_UP,)]


@asynccontextmanager
async def running(factory: Engines, limits: Limits | None = None, **options: Any) -> AsyncIterator[Batcher]:
    """A started batcher, drained at the end."""
    batcher = Batcher("model", factory, WARM_UP, limits=limits, **options)
    await batcher.start()
    try:
        yield batcher
    finally:
        await batcher.drain(0.0)


@asynccontextmanager
async def held(engine: FakeEngine, batcher: Batcher) -> AsyncIterator[Gate]:
    """The engine is busy with a batch of its own until the gate is released, at the end at the latest."""
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
    """Let the batch at ``gate`` through; the gate at which the next one, gathered meanwhile, now waits."""
    second = Gate()
    engine.handler = second
    gate.release()
    await entered(second)
    return second


async def entered(gate: Gate) -> None:
    """Until a call waits at the gate."""
    assert await asyncio.to_thread(gate.entered.wait, PATIENCE_S), "no call came to the gate"


async def turns(count: int = 10) -> None:
    """Let the event loop run what is due."""
    for _ in range(count):
        await asyncio.sleep(0)


class Clock:
    """The event loop's time, which stands still until a test turns it."""

    def __init__(self, now_s: float) -> None:
        self.now_s = now_s

    def __call__(self) -> float:
        return self.now_s

    async def turn(self, seconds: float) -> None:
        """Let ``seconds`` pass and what they make due happen."""
        self.now_s += seconds
        await turns()


@contextmanager
def stopped_clock() -> Iterator[Clock]:
    """The running loop's clock, stopped until the block ends; the test turns it."""
    loop = asyncio.get_running_loop()
    clock = Clock(loop.time())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "time", clock)
        yield clock
