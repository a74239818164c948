"""Tests of purges while a batch is running, without Redis, and with a Redis that sends errors or invalid replies."""

import asyncio
import random
from collections.abc import Awaitable

import pytest
from httpx import Response

from service.cache.memory import Memory
from service.cache.redis import Breaker, PurgeIncomplete, Shared
from service.cache.tiers import Cache, Purged
from tests.api.both import both
from tests.batching.rig import entered, turns
from tests.fake_engine import Gate, taking
from tests.redis_server import RedisServer, free_port

STORY = "Der Zug fährt heute nicht. Der Bus fährt auch nicht."


async def test_batch_during_purge_stores_nothing(redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    async with both(monkeypatch, redis_url=redis_server.url, redis_timeout_ms=5_000) as ports:
        gate = Gate()
        ports.handle(gate)
        under_way = asyncio.create_task(ports.translate(STORY))
        await entered(gate)
        assert (await ports.purge(text=STORY)).json() == {"purged": {"memory": 0, "shared": 0}}
        gate.release()
        assert (await under_way).status_code == 200
        assert ports.service.cache.memory.stats.entries == 0
        with redis_server.client() as client:
            assert client.dbsize() == 0
        assert await ports.cached(STORY) == 0
        assert (await ports.purge(text=STORY)).json() == {"purged": {"memory": 2, "shared": 2}}


async def test_purge_without_redis_gets_503(redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    async with both(monkeypatch, redis_url=redis_server.url, redis_timeout_ms=5_000) as ports:
        await ports.translate(STORY)
        redis_server.kill()
        for what in ({"text": STORY}, {"all": True}):
            answer = await ports.purge(**what)
            assert (answer.status_code, answer.json()["code"]) == (503, "purge_incomplete")
            assert int(answer.headers["retry-after"]) >= 1
            assert await ports.cached(STORY) == 0
        redis_server.start()
        answer = await ports.purge(text=STORY)
        assert (answer.status_code, answer.json()["purged"]["memory"]) == (200, 2)


def over(url: str, *, timeout_s: float = 0.3) -> Cache:
    shared = Shared(url, ttl_s=60.0, timeout_s=timeout_s, breaker=Breaker())
    return Cache(Memory(max_bytes=1 << 20, ttl_s=60.0), shared)


async def test_purge_ignores_the_open_breaker(redis_server: RedisServer) -> None:
    cache = over(redis_server.url)
    key, tag = bytes(32), b"T" * 32
    await cache.put_many({key: b"a"}, {tag: {key}}, started_s=float("inf"))
    redis_server.pause()
    while not cache.shared_blocked:
        with pytest.raises(PurgeIncomplete):
            await cache.purge([tag])
    redis_server.resume()
    assert await cache.purge([tag]) == Purged(memory=0, shared=1)
    await cache.close()


async def test_purge_on_readonly_redis_fails(redis_server: RedisServer) -> None:
    cache = over(redis_server.url, timeout_s=5.0)
    key, tag = bytes(32), b"T" * 32
    await cache.put_many({key: b"a"}, {tag: {key}}, started_s=float("inf"))
    with redis_server.client() as client:
        client.replicaof("127.0.0.1", str(free_port()))
        with pytest.raises(PurgeIncomplete):
            await cache.purge([tag])
        client.replicaof("NO", "ONE")
    assert await cache.purge([tag]) == Purged(memory=0, shared=1)
    await cache.close()


async def test_purge_of_a_foreign_value_fails(redis_server: RedisServer) -> None:
    cache = over(redis_server.url, timeout_s=5.0)
    with redis_server.client() as client:
        client.set(b"depesche:tag:" + b"T" * 32, b"foreign")
    with pytest.raises(PurgeIncomplete):
        await cache.purge([b"T" * 32])
    await cache.close()


@pytest.mark.parametrize("seed", range(3))
async def test_concurrent_purges_leave_no_untagged_entry(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    draw = random.Random(seed)
    texts = [f"Der Zug Nummer {n % 4} fährt heute nicht. Der Bus Nummer {n} auch nicht." for n in range(12)]

    async def later(work: Awaitable[Response]) -> Response:
        await turns(draw.randint(0, 400))
        return await work

    async with both(monkeypatch, redis_url=redis_server.url, redis_timeout_ms=5_000) as ports:
        ports.handle(taking(0.01))
        work = [later(ports.translate(draw.choice(texts))) for _ in range(60)]
        purges = [later(ports.purge(text=draw.choice(texts))) for _ in range(20)]
        answers = await asyncio.gather(*work, *purges)
        assert {answer.status_code for answer in answers} == {200}
        await ports.translate(texts[0])
        assert (await ports.purge(text=texts)).json()["purged"]["memory"] > 0
        assert (await ports.purge(all=True)).json() == {"purged": {"memory": 0, "shared": 0}}
