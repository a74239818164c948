"""Tests of single flight with a batcher: requests for the same sentence share one item in the queue.

The item is removed from the queue when all of these requests have been cancelled.
"""

import asyncio

import pytest

from service.domain import Hypothesis
from service.errors import EngineError, QueueFull
from service.generation.batcher import Batcher
from service.generation.cached import SingleFlight
from service.generation.scheduler import Limits
from tests.batching.rig import Engines, held, item, running, turns, written

Sentences = SingleFlight[list[Hypothesis]]


def ask(flight: Sentences, batcher: Batcher, words: str) -> list[asyncio.Future[list[Hypothesis]]]:
    """Return a future with the result for each word in ``words``.

    Words for which no work is running are submitted to the batcher together.
    """
    keys = [word.encode() for word in words.split()]
    return flight.join(keys, lambda missing: batcher.submit_many([item(key.decode()) for key in missing]))


async def test_shared_sentences_run_once() -> None:
    flight, engines = Sentences(), Engines()
    async with running(engines) as batcher:
        async with held(engines.first, batcher):
            first, second = ask(flight, batcher, "a b c"), ask(flight, batcher, "b c d b")
        answers = await asyncio.gather(*first, *second)
    assert [written(answer) for answer in answers] == list("ABCBCDB")
    assert sorted(one.tokens[0] for one in engines.batches()[1]) == ["a", "b", "c", "d"]


async def test_refused_request_joins_no_work() -> None:
    flight, engines = Sentences(), Engines()
    async with running(engines, Limits(queue_items=2)) as batcher:
        async with held(engines.first, batcher):
            tickets = ask(flight, batcher, "a b")
            with pytest.raises(QueueFull):
                ask(flight, batcher, "a c")
        assert [written(answer) for answer in await asyncio.gather(*tickets)] == ["A", "B"]
        await turns()
    assert len(flight) == 0


async def test_abandoned_work_leaves_the_queue() -> None:
    flight, engines = Sentences(), Engines()
    async with running(engines) as batcher, held(engines.first, batcher):
        first, second = ask(flight, batcher, "a b"), ask(flight, batcher, "b c")
        for ticket in first:
            ticket.cancel()
        await turns()
        assert len(batcher.queue) == 2
        for ticket in second:
            ticket.cancel()
        await turns()
        assert (len(batcher.queue), len(flight)) == (0, 0)


async def test_lost_engine_fails_every_ticket() -> None:
    flight, engines = Sentences(), Engines()
    async with running(engines) as batcher:
        async with held(engines.first, batcher):
            tickets = ask(flight, batcher, "a b") + ask(flight, batcher, "a b")
            batcher.queue.fail(EngineError("gone"))
        errors = await asyncio.gather(*tickets, return_exceptions=True)
    assert [type(error) for error in errors] == [EngineError] * 4
