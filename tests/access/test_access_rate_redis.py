"""Tests of a separate Redis server for rate limits: counters are not evicted, and requests succeed if Redis is full."""

from collections.abc import Iterator
from typing import Any

import pytest
from redis.exceptions import ResponseError

from service.events import Event, RateStoreFailed
from service.http.ratelimit import KEY_PREFIX, Rates, policies
from tests.api.both import both
from tests.redis_server import RedisServer, redis_running

PATIENT_S = 30.0
HOURLY = policies("requests", "9/hour")
TEXT = "Der Zug fährt heute nicht."


@pytest.fixture
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with redis_running(tmp_path_factory.mktemp("cache")) as server:
        yield server


@pytest.fixture
def rates(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with redis_running(tmp_path_factory.mktemp("rates")) as server:
        yield server


def counters_in(server: RedisServer) -> int:
    with server.client() as client:
        return sum(1 for key in client.scan_iter() if KEY_PREFIX.encode() in key)


async def test_counters_are_in_the_rate_redis(
    monkeypatch: pytest.MonkeyPatch, cache: RedisServer, rates: RedisServer
) -> None:
    urls: dict[str, Any] = {"redis_url": cache.url, "rate_redis_url": rates.url, "redis_timeout_ms": 5_000}
    async with both(monkeypatch, rate_requests="1/hour", **urls) as ports:
        assert [(await ports.translate(TEXT)).status_code for _ in range(2)] == [200, 429]
    assert (counters_in(cache), counters_in(rates)) == (0, 1)
    with cache.client() as client:
        assert client.dbsize() > 0


async def test_counters_default_to_the_cache_redis(monkeypatch: pytest.MonkeyPatch, cache: RedisServer) -> None:
    async with both(monkeypatch, rate_requests="1/hour", redis_url=cache.url, redis_timeout_ms=5_000) as ports:
        assert (await ports.translate(TEXT)).status_code == 200
    assert counters_in(cache) == 1


def fill(server: RedisServer, policy: str) -> None:
    """Set the eviction policy to ``policy``, and fill Redis to its memory limit.

    The entries expire after a week.
    """
    with server.client() as client:
        client.config_set("maxmemory-policy", policy)
        client.config_set("maxmemory", client.info("memory")["used_memory"] + 2**20)
        for number in range(400):
            try:
                client.set(f"entry-{number}", "x" * 10_000, ex=7 * 86_400)
            except ResponseError:  # noeviction: Redis is full
                return


async def test_noeviction_redis_keeps_counters(rates: RedisServer) -> None:
    counted = {}
    for policy in ("volatile-ttl", "noeviction"):
        counting = Rates(HOURLY, rates.url, timeout_s=PATIENT_S)
        with rates.client() as client:
            client.flushall()
        await counting.take("a", "requests", 5)
        fill(rates, policy)
        counted[policy] = counters_in(rates)
        await counting.close()
    assert counted == {"volatile-ttl": 0, "noeviction": 1}


async def test_full_redis_costs_no_request(rates: RedisServer) -> None:
    received: list[Event] = []
    fill(rates, "noeviction")
    with rates.client() as client:
        client.config_set("maxmemory", 1)
    counting = Rates(HOURLY, rates.url, timeout_s=PATIENT_S, listener=received.append)
    usages = [await counting.take("a", "requests", 1) for _ in range(2)]
    assert [one.statuses[0].left for one in usages] == [8, 7]
    await counting.close()
    assert [type(event) for event in received] == [RateStoreFailed] * 2
