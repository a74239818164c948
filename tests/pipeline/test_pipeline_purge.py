"""Tests of purges: all cached results of a withdrawn text are deleted and are not stored again."""

import asyncio
import time
from dataclasses import replace
from pathlib import Path

import pytest

from service.cache.entries import tag_key
from service.cache.tiers import Purged
from service.errors import DeadlineExceeded
from service.generation.cached import CachedGenerator
from service.generation.call import Call
from service.generation.scheduler import Limits
from service.newsroom.article import ArticleInput, ArticlePipeline
from service.newsroom.commands import SummaryForm
from service.newsroom.summary_translation import translate_summaries
from service.summarization.lengths import from_request
from service.summarization.summarizer import Summarizer
from tests.batching.rig import Clock, held, hold_next, turns
from tests.pipeline.rig import SENTENCES, BestTexts, Stand, stand

A, B, C, D = SENTENCES[:4]
RESULT = "0" * 64
MEDIUM = from_request(length="medium")


async def decode(at: Stand, *texts: str, origin: str | None = None, call: Call | None = None) -> list[bool]:
    """Generate outputs for ``texts``, and return whether each of them was cached."""
    return [cached for _, cached in await at.decode(*texts, origin=origin, call=call)]


async def purge(at: Stand, *texts: str) -> Purged:
    return await at.cache.purge(at.cached.tags(texts))


async def test_shared_sentence_is_purged_with_either_text(pieces: Path) -> None:
    async with stand(pieces) as at:
        await decode(at, A, B, origin="first")
        assert await decode(at, B, C, origin="second") == [True, False]
        assert await purge(at, "second") == Purged(memory=2, shared=None)
        assert await decode(at, A, B, C) == [True, False, False]


async def test_fully_cached_request_writes_its_tags(pieces: Path) -> None:
    async with stand(pieces) as at:
        await decode(at, A, B, origin="first")
        assert await decode(at, A, origin="second", call=Call(result_key=RESULT)) == [True]
        assert await at.cache.purge([tag_key("result", RESULT, None)]) == Purged(memory=1, shared=None)
        assert await decode(at, A, B) == [False, True]


async def test_no_store_writes_no_tag(pieces: Path) -> None:
    async with stand(pieces) as at:
        await decode(at, A, call=Call(read_cache=False, write_cache=False, result_key=RESULT))
        assert at.memory.stats.entries == 0


async def test_result_of_running_work_is_not_stored_after_purge(pieces: Path) -> None:
    async with stand(pieces) as at:
        async with held(at.engine, at.batcher):
            under_way = asyncio.create_task(decode(at, A, origin="story"))
            await turns()
            assert await purge(at, "story") == Purged(memory=0, shared=None)
        assert await under_way == [False]
        assert at.memory.stats.entries == 0


async def test_shared_work_from_before_purge_is_not_stored(pieces: Path) -> None:
    async with stand(pieces) as at:
        async with held(at.engine, at.batcher):
            callers = [asyncio.create_task(decode(at, A, origin=origin)) for origin in ("story", "other")]
            await turns()
            await purge(at, "story")
        await asyncio.gather(*callers)
        assert at.memory.stats.entries == 0


async def test_later_steps_of_a_request_store_nothing_after_purge(pieces: Path) -> None:
    async with stand(pieces) as at:
        call = Call()
        await decode(at, A, origin="story", call=call)
        await purge(at, "story")
        await decode(at, B, origin="story", call=call)
        assert at.memory.stats.entries == 0
        await decode(at, B, origin="story", call=replace(call, started_s=time.monotonic()))
        assert await decode(at, B) == [True]


async def test_failed_request_tags_its_stored_results(pieces: Path) -> None:
    async with stand(pieces, limits=Limits(batch_items=1)) as at:
        async with held(at.engine, at.batcher) as busy:
            leaving = asyncio.create_task(decode(at, A, B, origin="story"))
            await turns()
            second = await hold_next(at.engine, await hold_next(at.engine, busy))
            leaving.cancel()
            await asyncio.gather(leaving, return_exceptions=True)
            second.release()
        assert await purge(at, "story") == Purged(memory=1, shared=None)


@pytest.mark.parametrize("outputs", [["summary"], ["translation"], ["summary", "translation", "summary_translation"]])
async def test_purge_of_submitted_body_deletes_all_article_results(pieces: Path, outputs: list[str]) -> None:
    async with stand(pieces) as at, stand(pieces, "summary") as other:
        translator = at.translator()
        summariser = Summarizer(other.generator, at.cache, None)
        body = " ".join(SENTENCES[:6])
        submission = ArticleInput(body, "Eine Überschrift", "Ein Vorspann.", clean=True)
        await ArticlePipeline(translator, summariser).run(submission, outputs, SummaryForm(MEDIUM), Call())  # type: ignore[arg-type]  # parametrized
        assert (await purge(at, body)).memory > 0
        assert at.memory.stats.entries == 0


async def test_purge_of_german_text_deletes_english_summary(pieces: Path) -> None:
    async with stand(pieces) as at, stand(pieces, "summary") as other:
        translator, texts = at.translator(), [" ".join(SENTENCES[:3]), " ".join(SENTENCES[3:6])]
        summaries = await other.summarizer().summarise(texts, MEDIUM, "lead", Call())
        await translate_summaries(translator, summaries, MEDIUM, Call(), origins=texts)
        for text in texts:
            assert (await purge(at, text)).memory == 3
        assert at.memory.stats.entries == 0


async def test_request_time_is_reported_by_stage(pieces: Path, clock: Clock) -> None:
    async with stand(pieces) as at:
        call = Call()
        async with held(at.engine, at.batcher):
            working = asyncio.create_task(at.translator().translate([A], call))
            while not len(at.batcher.queue):  # noqa: ASYNC110 - the queue has no event for this
                await asyncio.sleep(0)
            await clock.turn(3.0)
        await working
        assert call.timings.seconds.keys() == {"segment", "cache", "queue", "inference", "finish"}
        assert call.timings.seconds["queue"] == pytest.approx(3.0)
        again = Call()
        await at.translator().translate([A], again)
        assert again.timings.seconds.keys() == {"segment", "cache", "finish"}


async def test_other_compute_type_is_another_entry(pieces: Path) -> None:
    async with stand(pieces) as at:
        await decode(at, A)
        other = replace(at.generator, compute_type="float16/cuda")
        (found,) = await CachedGenerator(other, BestTexts(), at.cache, None).results([A], at.cached.tags([A]), Call())
        assert not found.cached


async def test_work_without_engine_respects_the_deadline() -> None:
    call = Call(asyncio.get_running_loop().time() + 0.01)
    with pytest.raises(DeadlineExceeded):
        await call.in_time(asyncio.sleep(30))
