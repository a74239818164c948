"""Tests of overload, huge requests, draining and disconnects: each accepted sentence gets exactly one result."""

import asyncio
import random
from collections.abc import Sequence

import pytest

from service.domain import EngineInput, Hypothesis
from service.errors import DepescheError, Draining, QueueFull
from service.generation.scheduler import Limits, ResultFuture
from tests.batching.rig import WARM_UP, Clock, Engines, held, hold_next, item, running, sized, submit, turns, written
from tests.fake_engine import FakeEngine, losing_one, raising


async def test_cancel_mid_batch_affects_no_other() -> None:
    engines = Engines()
    async with running(engines) as batcher, held(engines.first, batcher) as gate:
        leaving, staying = (asyncio.create_task(submit(batcher, item(word))) for word in ("leaves", "stays"))
        await turns()
        second = await hold_next(engines.first, gate)
        leaving.cancel()
        await turns()
        second.release()
        assert written(await staying) == "STAYS"
    assert leaving.cancelled()


async def test_cancel_in_queue_costs_no_work() -> None:
    engines = Engines()
    async with running(engines) as batcher:
        async with held(engines.first, batcher):
            leaving = [asyncio.create_task(submit(batcher, item(f"s{n}"))) for n in range(100)]
            await turns()
            for task in leaving:
                task.cancel()
            await turns()
            assert len(batcher.queue) == 0
        await submit(batcher, item("next"))
    assert [len(batch) for batch in engines.batches()] == [1, 1]


async def test_full_queue_gives_a_retry_time() -> None:
    engines = Engines()
    async with running(engines, Limits(queue_items=4)) as batcher:
        await submit(batcher, item("measured"))
        async with held(engines.first, batcher):
            accepted = batcher.submit_many([item("a")] * 4)
            before = batcher.state
            with pytest.raises(QueueFull) as refused:
                batcher.submit_many([item("b")])
            assert refused.value.retry_after_s > 0
            assert (batcher.state, before.ready) == (before, True)
        assert len(await asyncio.gather(*accepted)) == 4
        assert written(await submit(batcher, item("c"))) == "C"


async def test_2000_requests_share_few_calls() -> None:
    engines = Engines()
    async with running(engines, Limits(batch_items=64)) as batcher:
        answers = await asyncio.gather(*(submit(batcher, item(f"s{n}")) for n in range(2_000)))
    assert [written(answer) for answer in answers] == [f"S{n}" for n in range(2_000)]
    assert len(engines.batches()) <= 2_000 // 64 + 2


async def test_short_requests_pass_a_huge_one(clock: Clock) -> None:
    engines, order = Engines(), list[str]()
    async with running(engines, Limits(batch_items=50)) as batcher:
        async with held(engines.first, batcher):
            huge = batcher.submit_many([sized(1 + n % 40, "huge") for n in range(2_000)])
            await clock.turn(3.5)
            short = [batcher.submit_many([item(f"short{n}")])[0] for n in range(50)]
            for answer in (*huge, *short):
                answer.add_done_callback(lambda done: order.append(done.result()[0].tokens[0][:4]))
        await asyncio.gather(*huge, *short)
        await turns()
    last_short = max(place for place, word in enumerate(order) if word == "SHOR")
    assert len(order) == 2_050
    assert last_short < 500


async def test_bulk_advances_under_interactive_load(clock: Clock) -> None:
    engines = Engines()
    async with running(engines, Limits(batch_items=2)) as batcher:
        async with held(engines.first, batcher):
            (bulk,) = batcher.submit_many([item("bulk")], priority="bulk")
            stream = batcher.submit_many([item("a")] * 8)
        rounds = 0
        while not bulk.done():
            rounds += 1
            clock.now_s += 1.0
            stream = [answer for answer in stream if not answer.done()]
            stream += batcher.submit_many([item("a")] * 4)
            await asyncio.wait([*stream, bulk], return_when=asyncio.FIRST_COMPLETED)
        assert written(bulk.result()) == "BULK"
        assert rounds < 500


async def test_drain_finishes_accepted_work() -> None:
    engines = Engines()
    async with running(engines, Limits(batch_items=8)) as batcher:
        async with held(engines.first, batcher):
            accepted = batcher.submit_many([item(f"s{n}") for n in range(300)])
            draining = asyncio.create_task(batcher.drain(30.0))
            await turns()
            assert (batcher.state.alive, batcher.state.ready) == (True, False)
            with pytest.raises(Draining):
                batcher.submit_many([item("late")])
        await draining
        assert [written(answer.result()) for answer in accepted] == [f"S{n}" for n in range(300)]
    assert engines.first.closed


async def test_drain_timeout_fails_the_rest(clock: Clock) -> None:
    engines = Engines()
    async with running(engines) as batcher:
        async with held(engines.first, batcher):
            accepted = batcher.submit_many([item("a")] * 3)
            draining = asyncio.create_task(batcher.drain(5.0))
            await turns()
            await clock.turn(5.1)
            assert [type(answer.exception()) for answer in accepted] == [Draining] * 3
        await draining


@pytest.mark.parametrize("seed", range(5))
async def test_every_future_ends_despite_faults(seed: int) -> None:
    draw = random.Random(seed)
    faults = [
        raising(RuntimeError("weather")),
        losing_one,
        raising(ValueError("hail"), when=lambda one: len(one.tokens) > 6),
    ]

    def stormy(items: Sequence[EngineInput]) -> list[list[Hypothesis]]:
        if draw.random() < 0.3 and WARM_UP not in items:
            return draw.choice(faults)(items)
        return FakeEngine().handler(items)

    answers: list[ResultFuture] = []
    async with running(Engines(stormy), Limits(batch_items=8)) as batcher:
        for n in range(60):
            answers += batcher.submit_many([sized(draw.randint(1, 9), f"r{n}") for _ in range(draw.randint(1, 12))])
            draw.choice(answers).cancel()
            await turns(draw.randint(0, 5))
        done, lost = await asyncio.wait(answers, timeout=120)
        assert batcher.state.ready
    assert not lost
    errors = [one.exception() for one in done if not one.cancelled()]
    assert all(error is None or isinstance(error, DepescheError) for error in errors)
    assert any(error is None for error in errors)
