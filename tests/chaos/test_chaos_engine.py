"""Tests of engine failures: all waiting callers get a response, and the engine recovers or is reported as dead."""

import asyncio
import math
import threading
from collections.abc import Sequence

import pytest

from service.domain import EngineInput, Hypothesis
from service.errors import EngineError, EngineHung, ModelError, NotReady
from service.events import BatchDone, EngineFailed, Event
from service.generation import scheduler as queue
from service.generation.batcher import Batcher, State
from service.generation.scheduler import Limits, ResultFuture
from tests.batching.rig import (
    PATIENCE_S,
    WARM_UP,
    Clock,
    Engines,
    entered,
    held,
    item,
    running,
    submit,
    turns,
    written,
)
from tests.fake_engine import FakeEngine, Gate, Handler, backwards, losing_one, raising, writing

READY = State(alive=True, ready=True, hung=False, dead=False)
HUNG = State(alive=True, ready=False, hung=True, dead=False)
NO_PAUSES = Limits(rebuild_pauses_s=(0.0, 0.0))


def poisoned(one: EngineInput) -> bool:
    return "poison" in one.tokens


async def outcomes(answers: Sequence[ResultFuture]) -> list[str]:
    """Wait for all results, and return the text of each result or the class name of its error."""
    results = await asyncio.gather(*answers, return_exceptions=True)
    return [type(one).__name__ if isinstance(one, BaseException) else written(one) for one in results]


async def test_bad_item_fails_alone() -> None:
    engines = Engines(raising(RuntimeError("poison"), when=poisoned))
    sources = [f"s{n}" for n in range(64)]
    sources[41] = "poison"
    async with running(engines) as batcher:
        got = await outcomes(batcher.submit_many([item(source) for source in sources]))
        assert batcher.state == READY
    expected = [source.upper() for source in sources]
    expected[41] = "EngineError"
    assert got == expected


async def test_bad_item_is_found_in_few_calls() -> None:
    engines = Engines(raising(RuntimeError("poison"), when=poisoned))
    async with running(engines) as batcher:
        await outcomes(batcher.submit_many([*[item("fine")] * 63, item("poison")]))
    assert len(engines.batches()) <= 1 + 2 * math.log2(64)


async def test_item_that_breaks_the_engine_fails_alone() -> None:
    def fragile() -> Handler:
        broken = threading.Event()

        def handle(items: Sequence[EngineInput]) -> list[list[Hypothesis]]:
            if broken.is_set() or any(map(poisoned, items)):
                broken.set()
                raise RuntimeError("device lost")
            return writing(backwards)(items)

        return handle

    engines = Engines(*(fragile() for _ in range(20)))
    async with running(engines) as batcher:
        got = await outcomes(batcher.submit_many([item(word) for word in ("a", "b", "poison", "c", "d")]))
        assert batcher.state == READY
    assert got == ["A", "B", "EngineError", "C", "D"]


async def test_bad_item_rebuilds_no_healthy_engine() -> None:
    engines = Engines(raising(RuntimeError("poison"), when=poisoned))
    async with running(engines) as batcher:
        assert await outcomes(batcher.submit_many([item("poison")])) == ["EngineError"]
    assert len(engines.built) == 1


async def test_broken_engine_is_rebuilt() -> None:
    engines = Engines(None)
    async with running(engines) as batcher:
        engines.first.handler = raising(RuntimeError("broken for good"))
        assert await outcomes(batcher.submit_many([item("a"), item("b")])) == ["A", "B"]
        assert batcher.state == READY
    assert [engine.closed for engine in engines.built] == [True, True]


async def test_rebuild_is_not_ready() -> None:
    engines, seen = Engines(), []

    def factory() -> FakeEngine:
        seen.append(batcher.state.ready)
        return engines()

    batcher = Batcher("model", factory, WARM_UP)
    await batcher.start()
    engines.first.handler = raising(RuntimeError("broken for good"))
    await submit(batcher, item("a"))
    assert (seen, batcher.state) == ([False, False], READY)
    await batcher.drain(0.0)


async def test_engine_that_fails_all_work_answers_errors() -> None:
    engines = Engines(raising(RuntimeError("no"), when=lambda one: one != WARM_UP))
    async with running(engines) as batcher:
        assert await outcomes(batcher.submit_many([item("a")] * 10)) == ["EngineError"] * 10
        assert batcher.state == READY


async def test_failed_rebuild_fails_all_waiting_work() -> None:
    engines, dead = Engines(None, raising(MemoryError())), asyncio.Event()
    async with running(engines, Limits(batch_items=2, rebuild_pauses_s=(0.0, 0.0)), on_dead=dead.set) as batcher:
        engines.first.handler = raising(MemoryError())
        answers = batcher.submit_many([item("a")] * 10)
        assert await outcomes(answers) == ["EngineError"] * 10
        assert dead.is_set()
        assert batcher.state == State(alive=False, ready=False, hung=False, dead=True)
        with pytest.raises(NotReady):
            batcher.submit_many([item("late")])


async def test_vanished_model_is_dead() -> None:
    first = FakeEngine()
    built = iter([first])

    def factory() -> FakeEngine:
        for engine in built:
            return engine
        raise ModelError("the files are gone")

    batcher = Batcher("model", factory, WARM_UP, limits=NO_PAUSES)
    await batcher.start()
    first.handler = raising(RuntimeError("broken for good"))
    assert await outcomes(batcher.submit_many([item("a")])) == ["EngineError"]
    assert batcher.state.dead
    await batcher.drain(0.0)


async def test_missing_result_fails_its_batch_alone() -> None:
    engines = Engines()
    async with running(engines, Limits(batch_items=3)) as batcher:
        async with held(engines.first, batcher):
            answers = batcher.submit_many([item("a")] * 6)
            engines.first.handler = losing_one
        got = await outcomes(answers)
    assert got == ["WrongCount"] * 3 + ["A"] * 3


async def test_malformed_result_is_an_engine_error() -> None:
    def malformed(items: Sequence[EngineInput]) -> list[list[Hypothesis]]:
        return [None] * len(items)  # type: ignore[list-item]  # what a broken engine might do

    engines = Engines()
    async with running(engines) as batcher:
        engines.first.handler = malformed
        assert await outcomes(batcher.submit_many([item("a"), item("b")])) == ["A", "B"]
    assert len(engines.built) == 2


async def test_item_without_hypotheses_fails_alone() -> None:
    def forgetful(items: Sequence[EngineInput]) -> list[list[Hypothesis]]:
        return [[] if poisoned(one) else [Hypothesis(one.tokens, 0.0, "eos")] for one in items]

    async with running(Engines(forgetful)) as batcher:
        assert await outcomes(batcher.submit_many([item("a"), item("poison")])) == ["a", "EngineError"]


async def test_failure_events_omit_the_message() -> None:
    events: list[Event] = []
    engines = Engines(raising(ValueError("Der Text des Artikels"), when=poisoned))
    async with running(engines, listener=events.append) as batcher:
        await outcomes(batcher.submit_many([item("poison")]))
        await turns()
    failures = [event for event in events if isinstance(event, EngineFailed)]
    assert failures == [EngineFailed("model", "raised", "ValueError")] * 2


async def test_listener_that_raises_stops_no_work() -> None:
    def deaf(event: Event) -> None:
        raise LookupError(event)

    complaints: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context["exception"]))
    async with running(Engines(), listener=deaf) as batcher:
        assert [written(await submit(batcher, item("a"))) for _ in range(3)] == ["A"] * 3
    assert complaints


async def test_hang_ends_readiness_at_its_limit(clock: Clock) -> None:
    engines, gate = Engines(), Gate()
    async with running(engines, Limits(engine_hang_s=10.0)) as batcher:
        engines.first.handler = gate
        (answer,) = batcher.submit_many([item("a")])
        await entered(gate)
        await clock.turn(9.9)
        assert (answer.done(), batcher.state) == (False, READY)
        await clock.turn(0.2)
        assert isinstance(answer.exception(), EngineHung)
        assert batcher.state == HUNG
        with pytest.raises(NotReady):
            batcher.submit_many([item("b")])
        gate.release()


async def test_recovered_engine_serves_waiting_work(clock: Clock) -> None:
    engines, gate = Engines(), Gate()
    async with running(engines, Limits(engine_hang_s=10.0)) as batcher:
        engines.first.handler = gate
        batcher.submit_many([item("hung")])
        await entered(gate)
        waited = batcher.submit_many([item("waited")])
        await clock.turn(10.1)
        gate.release()
        assert await outcomes(waited) == ["WAITED"]
        assert batcher.state == READY
    assert engines.first.calls.count((WARM_UP,)) == 2


async def test_hung_engine_is_dead_after_two_periods(clock: Clock) -> None:
    engines, gate, dead = Engines(), Gate(), asyncio.Event()
    async with running(engines, Limits(engine_hang_s=10.0), on_dead=dead.set) as batcher:
        engines.first.handler = gate
        batcher.submit_many([item("hung")])
        await entered(gate)
        waited = batcher.submit_many([item("waited")] * 3)
        await clock.turn(10.1)
        await clock.turn(9.8)
        assert (dead.is_set(), batcher.state) == (False, HUNG)
        await clock.turn(0.3)
        assert dead.is_set()
        assert batcher.state.dead
        assert await outcomes(waited) == ["EngineHung"] * 3
        gate.release()


async def test_drain_does_not_wait_for_a_hung_engine(clock: Clock) -> None:
    engines, gate = Engines(), Gate()
    async with running(engines, Limits(engine_hang_s=10.0)) as batcher:
        engines.first.handler = gate
        batcher.submit_many([item("hung")])
        await entered(gate)
        await clock.turn(10.1)
        await batcher.drain(30.0)
        assert not engines.first.closed
        gate.release()


async def test_hung_rebuild_fails_all_waiting_work(clock: Clock) -> None:
    engines, building, built = Engines(), threading.Event(), threading.Event()

    def factory() -> FakeEngine:
        if engines.built:
            building.set()
            built.wait(PATIENCE_S)
        return engines()

    batcher = Batcher("model", factory, WARM_UP, limits=Limits(engine_hang_s=10.0))
    await batcher.start()
    engines.first.handler = raising(RuntimeError("broken for good"))
    answers = batcher.submit_many([item("a")])
    await asyncio.to_thread(building.wait, PATIENCE_S)
    await clock.turn(10.1)
    await clock.turn(10.1)
    assert await outcomes(answers) == ["EngineHung"]
    assert batcher.state.dead
    built.set()
    await batcher.drain(0.0)


async def test_hang_during_bisection_fails_all(clock: Clock) -> None:
    engines, gate = Engines(), Gate()
    async with running(engines, Limits(engine_hang_s=10.0)) as batcher:

        def raise_then_hang(items: Sequence[EngineInput]) -> list[list[Hypothesis]]:
            if WARM_UP in items:
                engines.first.handler = gate
                return [[Hypothesis((), 0.0, "eos")]]
            raise RuntimeError("first")

        engines.first.handler = raise_then_hang
        answers = batcher.submit_many([item("a"), item("b")])
        await entered(gate)
        await clock.turn(10.1)
        gate.release()
        assert await outcomes(answers) == ["EngineHung", "B"]


async def test_every_call_is_an_event() -> None:
    events: list[Event] = []
    engines = Engines(raising(RuntimeError("poison"), when=poisoned))
    async with running(engines, listener=events.append) as batcher:
        await outcomes(batcher.submit_many([item("a"), item("poison")]))
        await turns()
    assert sum(event.items for event in events if isinstance(event, BatchDone)) == 1


async def test_engine_error_keeps_type_and_cause() -> None:
    async with running(Engines(raising(KeyError("secret"), when=poisoned))) as batcher:
        with pytest.raises(EngineError) as failed:
            await submit(batcher, item("poison"))
    assert isinstance(failed.value.__cause__, KeyError)
    assert "secret" not in str(failed.value)


async def test_scheduler_fault_fails_all_waiting_work(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> list[int]:
        raise ZeroDivisionError

    complaints: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context["exception"]))
    dead = asyncio.Event()
    async with running(Engines(), on_dead=dead.set) as batcher:
        monkeypatch.setattr(queue, "plan", broken)
        assert await outcomes(batcher.submit_many([item("a")] * 3)) == ["EngineError"] * 3
        assert (dead.is_set(), batcher.state.dead) == (True, True)
    assert [type(complaint) for complaint in complaints] == [ZeroDivisionError]
