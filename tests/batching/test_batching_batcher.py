"""Tests of the batcher with a fake engine."""

import asyncio

import pytest

from service.domain import EngineInput, Hypothesis
from service.errors import EngineError, ModelError, NotReady
from service.events import BatchDone, EngineReady, Event
from service.generation.batcher import Batcher
from service.generation.scheduler import Limits
from tests.batching.rig import WARM_UP, Engines, held, item, running, submit, turns, written
from tests.fake_engine import FakeEngine, raising


async def test_output_reaches_the_caller_unchanged() -> None:
    async with running(Engines()) as batcher:
        assert written(await submit(batcher, item("eins zwei"))) == "ZWEI EINS"


async def test_outputs_are_in_the_order_of_items() -> None:
    sources = [" ".join([f"w{n}"] * (1 + n * 7 % 5)) for n in range(100)]
    async with running(Engines(), Limits(batch_items=8)) as batcher:
        futures = await asyncio.gather(*batcher.submit_many([item(source) for source in sources]))
    assert [written(answer) for answer in futures] == [source.upper() for source in sources]


async def test_idle_engine_starts_immediately_and_later_items_share_a_batch() -> None:
    engines = Engines()
    async with running(engines) as batcher:
        async with held(engines.first, batcher):
            later = [asyncio.create_task(submit(batcher, item(f"s{n}"))) for n in range(20)]
            await turns()
        await asyncio.gather(*later)
    assert [len(batch) for batch in engines.batches()] == [1, 20]


async def test_different_options_share_no_batch() -> None:
    engines = Engines()
    async with running(engines) as batcher:
        await asyncio.gather(*batcher.submit_many([item("a"), item("b", beam_size=4), item("c")]))
    assert [len({one.options for one in batch}) for batch in engines.batches()] == [1, 1]


async def test_batches_stay_within_token_budget() -> None:
    engines = Engines()
    async with running(engines, Limits(token_budget=10)) as batcher:
        await asyncio.gather(*batcher.submit_many([item("w " * (1 + n % 7)) for n in range(50)]))
    padded = [max(len(one.tokens) for one in batch) * len(batch) for batch in engines.batches()]
    assert max(padded) <= 10


async def test_batch_event_contains_no_text() -> None:
    events: list[Event] = []
    async with running(Engines(), listener=events.append) as batcher:
        await asyncio.gather(*batcher.submit_many([item("a b c"), item("d")]))
        await turns()
    ready, done = events
    assert isinstance(ready, EngineReady)
    assert isinstance(done, BatchDone)
    assert (done.items, done.padded_tokens, done.output_tokens) == (2, 6, 4)


async def test_work_before_warm_up_is_refused() -> None:
    batcher = Batcher("model", FakeEngine, WARM_UP)
    assert (batcher.state.alive, batcher.state.ready) == (True, False)
    with pytest.raises(NotReady):
        batcher.submit_many([item("a")])


async def test_load_error_fails_the_start_unchanged() -> None:
    def factory() -> FakeEngine:
        raise ModelError("no weights")

    batcher = Batcher("model", factory, WARM_UP)
    with pytest.raises(ModelError):
        await batcher.start()
    assert not batcher.state.ready
    await batcher.drain(0.0)


async def test_failed_warm_up_leaves_engine_not_ready() -> None:
    batcher = Batcher("model", lambda: FakeEngine(raising(ValueError("bad weights"))), WARM_UP)
    with pytest.raises(EngineError):
        await batcher.start()
    assert not batcher.state.ready
    await batcher.drain(0.0)


async def test_drain_closes_the_engine() -> None:
    engines = Engines()
    async with running(engines):
        pass
    assert [engine.closed for engine in engines.built] == [True]


async def test_failed_conversion_fails_only_its_item() -> None:
    def convert(one: EngineInput, hypotheses: list[Hypothesis]) -> str:
        if one.tokens == ("b",):
            raise ValueError("cannot be decoded")
        return written(hypotheses)

    async with running(Engines()) as batcher:
        futures = batcher.submit_many([item("a"), item("b"), item("c")], convert=convert)
        first, second, third = await asyncio.gather(*futures, return_exceptions=True)
        assert (first, third) == ("A", "C")
        assert isinstance(second, ValueError)
        assert batcher.state.ready
