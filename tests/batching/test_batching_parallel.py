"""Tests of parallel engine calls: replicas, batches that wait for a replica, blocked calls and failures."""

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from service.domain import EngineInput, Hypothesis
from service.errors import EngineHung
from service.events import BatchDone, EngineFailed, Event
from service.generation.batcher import Batcher
from service.generation.scheduler import Limits, TooSlow
from tests.batching.rig import PATIENCE_S, WARM_UP, Clock, item, sized, submit, turns, written
from tests.fake_engine import FakeEngine, Handler, backwards, writing

PAIRS = Limits(batch_items=2, rebuild_pauses_s=(0.0,), engine_hang_s=10.0)
WRITE = writing(backwards)


class Replicas(FakeEngine):
    """A fake engine with two replicas and room for one waiting call.

    A call is blocked until the test releases the call's first word.
    """

    replicas = 2
    ahead = 1

    def __init__(self, then: Handler = WRITE) -> None:
        super().__init__(self._held)
        self._then = then
        self._open: dict[str, threading.Event] = {}
        self._begun = threading.Condition()
        self.all_open = False

    def _held(self, items: Sequence[EngineInput]) -> list[list[Hypothesis]]:
        with self._begun:
            self._begun.notify_all()
            gate = None if self.all_open or WARM_UP in items else self.gate(items[0].tokens[0])
        assert gate is None or gate.wait(PATIENCE_S)
        return self._then(items)

    def gate(self, word: str) -> threading.Event:
        return self._open.setdefault(word, threading.Event())

    def let_all_go(self) -> None:
        with self._begun:
            self.all_open = True
            for gate in self._open.values():
                gate.set()

    async def begun(self, calls: int) -> None:
        """Wait until ``calls`` calls have started, and assert that no further call starts."""

        def wait() -> bool:
            with self._begun:
                return self._begun.wait_for(lambda: len(self.sizes) >= calls, PATIENCE_S)

        assert await asyncio.to_thread(wait), "too few calls began"
        await turns(20)
        assert len(self.sizes) == calls

    @property
    def sizes(self) -> list[int]:
        return [len(call) for call in self.calls if call != (WARM_UP,)]


@asynccontextmanager
async def serving(engine: Replicas, limits: Limits = PAIRS, **options: object) -> AsyncIterator[Batcher]:
    batcher = Batcher("model", lambda: engine, WARM_UP, limits=limits, **options)  # type: ignore[arg-type]
    await batcher.start()
    try:
        yield batcher
    finally:
        engine.let_all_go()
        await batcher.drain(PATIENCE_S)


async def test_replicas_are_busy_one_batch_is_ahead_rest_waits() -> None:
    engine = Replicas()
    async with serving(engine) as batcher:
        futures = batcher.submit_many([item(f"s{n}") for n in range(9)])
        await engine.begun(3)
        assert (engine.sizes, len(batcher.queue)) == ([2, 2, 2], 3)
        engine.let_all_go()
        assert [written(one) for one in await asyncio.gather(*futures)] == [f"S{n}" for n in range(9)]


async def test_no_batch_ahead_without_backlog() -> None:
    engine = Replicas()
    async with serving(engine) as batcher:
        futures = batcher.submit_many([item(f"s{n}") for n in range(6)])
        await engine.begun(2)
        assert len(batcher.queue) == 2
        engine.let_all_go()
        await asyncio.gather(*futures)


async def test_request_starts_immediately_on_free_replica() -> None:
    engine = Replicas()
    async with serving(engine) as batcher:
        first = batcher.submit_many([item("a")])
        await engine.begun(1)
        second = batcher.submit_many([item("b")])
        await engine.begun(2)
        engine.gate("b").set()
        assert [written(one) for one in await asyncio.gather(*second)] == ["B"]
        assert not first[0].done()


async def test_single_request_is_split_across_replicas() -> None:
    engine = Replicas()
    async with serving(engine, Limits()) as batcher:
        futures = batcher.submit_many([*[sized(20, "long")] * 4, *[sized(5, "short")] * 4])
        await engine.begun(2)
        assert engine.sizes == [4, 4]
        engine.gate("short").set()
        await asyncio.wait(futures[4:])
        assert not any(answer.done() for answer in futures[:4])
        engine.let_all_go()
        await asyncio.gather(*futures)


async def test_hung_replica_is_noticed_while_another_works(clock: Clock) -> None:
    engine = Replicas()
    async with serving(engine) as batcher:
        hung = batcher.submit_many([item("hung")])
        await engine.begun(1)
        for second in range(11):
            if batcher.state.hung:
                break
            answer = batcher.submit_many([item(f"s{second}")])[0]
            engine.gate(f"s{second}").set()
            await asyncio.wait([answer])
            await clock.turn(1.0)
        assert batcher.state.hung
        assert isinstance(hung[0].exception(), EngineHung)


async def test_time_of_call_ahead_starts_with_free_replica(clock: Clock) -> None:
    events: list[Event] = []
    engine = Replicas()
    async with serving(engine, listener=events.append) as batcher:
        futures = batcher.submit_many([item(f"s{n}") for n in range(7)])
        await engine.begun(3)
        await clock.turn(9.0)
        engine.gate("s0").set()
        await asyncio.wait(futures[:2])
        await clock.turn(0.5)
        engine.gate("s2").set()
        await asyncio.wait(futures[2:4])
        await clock.turn(8.0)
        assert not batcher.state.hung
        engine.gate("s4").set()
        await asyncio.wait(futures[4:6])
        await turns()
        took_s = [event.inference_s for event in events if isinstance(event, BatchDone)]
        assert took_s == [9.0, 9.5, 8.5]


async def test_running_batches_finish_before_recovery() -> None:
    def poisoned(items: Sequence[EngineInput]) -> list[list[Hypothesis]]:
        if any("poison" in one.tokens for one in items):
            raise RuntimeError("poison")
        return WRITE(items)

    engine, failed = Replicas(poisoned), asyncio.Event()

    def listen(event: Event) -> None:
        if isinstance(event, EngineFailed):
            failed.set()

    async with serving(engine, listener=listen) as batcher:
        futures = batcher.submit_many([item(word) for word in ("poison", "a", "b", "c", "d", "e", "f")])
        await engine.begun(3)
        engine.gate("poison").set()
        await failed.wait()
        await turns(50)
        assert len(engine.sizes) == 3
        engine.let_all_go()
        results = await asyncio.gather(*futures, return_exceptions=True)
        assert [isinstance(one, BaseException) for one in results] == [True, *[False] * 6]
        assert written(await submit(batcher, item("g"))) == "G"


async def test_drain_waits_for_running_calls() -> None:
    engine = Replicas()
    async with serving(engine) as batcher:
        batcher.submit_many([item("a")])
        await engine.begun(1)
        closing = asyncio.create_task(batcher.drain(0.0))
        await turns(50)
        assert not engine.closed
        engine.let_all_go()
        await closing
        assert engine.closed


async def test_two_replicas_halve_the_backlog_estimate(clock: Clock) -> None:
    engine = Replicas()
    async with serving(engine) as batcher:
        futures = batcher.submit_many([item(f"s{n}") for n in range(8)])
        await engine.begun(3)
        await clock.turn(4.0)
        for word in ("s0", "s2"):
            engine.gate(word).set()
        await asyncio.wait(futures[:4])
        batcher.submit_many([item("w " * 96)])
        with pytest.raises(TooSlow):  # 100 tokens at one token a second
            batcher.submit_many([item("x")], deadline_s=clock.now_s + 60.0)
        (late,) = batcher.submit_many([item("x")], deadline_s=clock.now_s + 80.0)
        late.cancel()
