"""Tests of the cached generator: admission, shared work, cancellation, deadlines and caching."""

import asyncio
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from service.errors import DeadlineExceeded, QueueFull
from service.generation.call import Call
from service.generation.scheduler import Limits
from tests.batching.rig import Clock, held, hold_next, turns
from tests.fake_engine import backwards, writing
from tests.pipeline.rig import SENTENCES, Stand, now_s, stand

A, B, C, D = SENTENCES[:4]
NO_STORE = Call(read_cache=False, write_cache=False)


def backward_stand(pieces: Path, limits: Limits | None = None) -> AbstractAsyncContextManager[Stand]:
    return stand(pieces, limits=limits, handler=writing(backwards))


async def decode(at: Stand, *texts: str, call: Call | None = None) -> list[tuple[str, bool]]:
    """Generate outputs for ``texts``. Return the source text of each output, and whether the output was cached."""
    call = call or Call()
    found = await call.in_time(at.decode(*texts, call=call))
    sources = {at.tokenizer.decode(backwards(at.tokenizer.encode(text)[:-1])): text for text in texts}
    return [(sources[text], cached) for text, cached in found]


async def test_new_work_is_admitted_as_a_whole(pieces: Path) -> None:
    async with backward_stand(pieces, limits=Limits(queue_items=3)) as at:
        async with held(at.engine, at.batcher):
            waiting = asyncio.create_task(decode(at, A, B))
            await turns()
            with pytest.raises(QueueFull):
                await decode(at, C, D)
            assert len(at.batcher.queue) == 2
        assert await waiting == [(A, False), (B, False)]
        assert sorted(at.reached) == sorted([A, B])


async def test_running_work_is_not_queued_twice(pieces: Path) -> None:
    async with backward_stand(pieces, limits=Limits(queue_items=3)) as at:
        async with held(at.engine, at.batcher):
            callers = [asyncio.create_task(decode(at, *texts)) for texts in ((A, B), (B, A, C))]
            await turns()
            assert len(at.batcher.queue) == 3
        assert [len(found) for found in await asyncio.gather(*callers)] == [2, 3]


async def test_repeated_sentence_is_generated_once(pieces: Path) -> None:
    async with backward_stand(pieces) as at:
        assert [text for text, _ in await decode(at, A, B, A)] == [A, B, A]
        assert sorted(at.reached) == sorted([A, B])


async def test_equal_concurrent_requests_share_one_generation(pieces: Path) -> None:
    async with backward_stand(pieces) as at:
        async with held(at.engine, at.batcher):
            callers = [asyncio.create_task(decode(at, *texts)) for texts in ((A,), (B, A))]
            await turns()
        assert await asyncio.gather(*callers) == [[(A, False)], [(B, False), (A, False)]]
        assert sorted(at.reached) == sorted([A, B])


async def test_cancelled_first_caller_leaves_second_caller_unaffected(pieces: Path) -> None:
    async with backward_stand(pieces) as at:
        async with held(at.engine, at.batcher):
            first, second = (asyncio.create_task(decode(at, A)) for _ in range(2))
            await turns()
            first.cancel()
            await turns()
            assert first.cancelled()
        assert await second == [(A, False)]
        assert at.reached == [A]


async def test_work_is_cancelled_with_its_last_caller(pieces: Path) -> None:
    async with backward_stand(pieces) as at:
        async with held(at.engine, at.batcher):
            callers = [asyncio.create_task(decode(at, A)) for _ in range(2)]
            await turns()
            for caller in callers:
                caller.cancel()
            await turns()
            assert len(at.batcher.queue) == 0
        assert at.reached == []


async def test_results_before_the_deadline_are_cached(pieces: Path, clock: Clock) -> None:
    async with backward_stand(pieces, limits=Limits(batch_items=1)) as at:
        async with held(at.engine, at.batcher) as busy:
            late = asyncio.create_task(decode(at, A, B, call=Call(deadline_s=now_s() + 5)))
            await turns()
            at_first = await hold_next(at.engine, busy)
            at_second = await hold_next(at.engine, at_first)
            await clock.turn(5.1)
            with pytest.raises(DeadlineExceeded):
                await late
            at_second.release()
        done, left = at.reached
        assert await decode(at, done) == [(done, True)]
        assert (await decode(at, left))[0] == (left, False)


async def test_deadline_of_one_caller_does_not_affect_another(pieces: Path, clock: Clock) -> None:
    async with backward_stand(pieces) as at:
        async with held(at.engine, at.batcher):
            hasty = asyncio.create_task(decode(at, A, call=Call(deadline_s=now_s() + 5)))
            patient = asyncio.create_task(decode(at, A))
            await turns()
            await clock.turn(5.1)
            with pytest.raises(DeadlineExceeded):
                await hasty
        assert await patient == [(A, False)]


async def test_expired_deadline_starts_no_work(pieces: Path) -> None:
    async with backward_stand(pieces) as at:
        with pytest.raises(DeadlineExceeded):
            await decode(at, A, call=Call(deadline_s=now_s()))
        assert at.reached == []


async def test_no_store_neither_reads_nor_writes_the_cache(pieces: Path) -> None:
    async with backward_stand(pieces) as at:
        assert await decode(at, A, call=NO_STORE) == [(A, False)]
        assert at.memory.stats.entries == 0
        await decode(at, A)
        assert await decode(at, A, call=NO_STORE) == [(A, False)]
        assert at.reached == [A, A, A]


async def test_no_cache_writes_without_reading(pieces: Path) -> None:
    async with backward_stand(pieces) as at:
        await decode(at, A)
        assert await decode(at, A, call=Call(read_cache=False)) == [(A, False)]
        assert await decode(at, A) == [(A, True)]
        assert at.reached == [A, A]


async def test_progress_counts_each_new_sentence(pieces: Path) -> None:
    async with backward_stand(pieces) as at:
        await decode(at, A)
        told: list[tuple[str, int, int]] = []
        await decode(at, A, B, C, call=Call(progress=lambda stage, done, of: told.append((stage, done, of))))
        assert told == [("translation", 0, 2), ("translation", 1, 0), ("translation", 1, 0)]
