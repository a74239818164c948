"""Tests of rate limits: settings, counting, refunds and rejected requests."""

import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from limits import parse

from service.cache.redis import Breaker, Shared
from service.errors import InvalidInput, QuotaExceeded, RateExceeded
from service.events import Event
from service.http.ratelimit import KEY_PREFIX, MemoryWindows, Policy, Rates, Unit, Usage, caller_of, policies
from tests.redis_server import RedisServer, redis_running

PATIENT_S = 30.0


@pytest.fixture(scope="module")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with redis_running(tmp_path_factory.mktemp("redis")) as server:
        yield server


Open = Callable[[Unit, str], Rates]


@pytest.fixture(params=["memory", "redis"])
async def open_limits(request: pytest.FixtureRequest) -> AsyncIterator[Open]:
    """Yield a function that creates empty rate limits, which count in memory or in Redis."""
    url, found = None, list[Rates]()
    if request.param == "redis":
        server: RedisServer = request.getfixturevalue("redis_server")
        with server.client() as client:
            client.flushall()
        url = server.url

    def open_rates(unit: Unit, setting: str) -> Rates:
        found.append(Rates(policies(unit, setting), url, timeout_s=PATIENT_S))
        return found[-1]

    yield open_rates
    for rates in found:
        await rates.close()


def left(usage: Usage) -> list[int]:
    return [status.left for status in usage.statuses]


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("60/minute", [("requests-1-minute", 60, 60)]),
        ("5 per 10 second; 1000/hour", [("requests-10-second", 5, 10), ("requests-1-hour", 1000, 3600)]),
        (None, []),
    ],
)
def test_setting_is_parsed(setting: str | None, expected: list[tuple[str, int, int]]) -> None:
    assert [(one.name, one.amount, one.window_s) for one in policies("requests", setting)] == expected


async def test_limit_is_exact_and_reports_its_end(open_limits: Open) -> None:
    rates = open_limits("requests", "3/hour")
    assert [left(await rates.take("a", "requests", 1)) for _ in range(3)] == [[2], [1], [0]]
    for _ in range(5):
        refused = await rates.take("a", "requests", 1)
        assert isinstance(refused.refusal, RateExceeded)
        assert 3500 <= refused.refusal.retry_after_s <= 3600
        assert left(refused) == [0]
    assert left(await rates.take("b", "requests", 1)) == [2]


async def test_retry_after_the_reported_time_succeeds(open_limits: Open) -> None:
    rates = open_limits("requests", "2/second")
    while (usage := await rates.take("a", "requests", 1)).refusal is None:
        pass
    end = time.monotonic() + usage.refusal.retry_after_s
    while time.monotonic() < end:
        time.sleep(0.05)  # noqa: ASYNC251 - no other task runs
    assert (await rates.take("a", "requests", 1)).refusal is None


async def test_refused_amount_counts_for_no_limit(open_limits: Open) -> None:
    rates = open_limits("characters", "100/hour; 150/day")
    assert left(await rates.take("a", "characters", 90)) == [10, 60]
    assert isinstance((await rates.take("a", "characters", 11)).refusal, RateExceeded)
    assert left(await rates.take("a", "characters", 10)) == [0, 50]


async def test_longest_exceeded_limit_sets_retry_after(open_limits: Open) -> None:
    rates = open_limits("characters", "10/minute; 10/day")
    await rates.take("a", "characters", 10)
    refusal = (await rates.take("a", "characters", 1)).refusal
    assert isinstance(refusal, QuotaExceeded)
    assert refusal.retry_after_s > 86_000


async def test_amount_over_window_is_invalid(open_limits: Open) -> None:
    rates = open_limits("characters", "100/hour")
    with pytest.raises(InvalidInput) as refused:
        await rates.take("a", "characters", 101)
    assert (refused.value.code, refused.value.limit) == ("work_over_rate", 100)


async def test_refund_can_be_used_again(open_limits: Open) -> None:
    rates = open_limits("characters", "100/hour")
    usage = await rates.take("a", "characters", 100)
    await rates.give_back(usage)
    assert left(await rates.take("a", "characters", 100)) == [0]


async def test_refund_skips_a_new_window(open_limits: Open) -> None:
    rates = open_limits("characters", "100/second")
    usage = await rates.take("a", "characters", 100)
    while left(now := await rates.take("a", "characters", 1)) == [0]:
        time.sleep(0.05)  # noqa: ASYNC251 - no other task runs
    assert now.refusal is None
    await rates.give_back(usage)
    # On a slow machine the window may already have ended. The new window then has one character.
    assert left(await rates.take("a", "characters", 1))[0] in {98, 99}
    rates = open_limits("requests", "9/minute")
    usage = await rates.take("once", "requests", 5)
    for _ in range(3):
        await rates.give_back(usage)
    assert left(await rates.take("once", "requests", 0)) == [9]


async def test_reading_quota_keeps_window_end(open_limits: Open) -> None:
    rates = open_limits("requests", "9/hour")
    await rates.take("asked", "requests", 1)
    first = (await rates.take("asked", "requests", 0)).statuses[0]
    time.sleep(0.6)  # noqa: ASYNC251 - no other task runs
    again = (await rates.take("asked", "requests", 0)).statuses[0]
    assert abs(again.ends_s - first.ends_s) < 0.1


async def test_memory_windows_are_bounded_and_expire() -> None:
    windows = MemoryWindows(100)
    assert await windows.incr("busy", 3600) == 1
    for number in range(1000):
        await windows.incr(f"addr:{number}", 3600)
        await windows.incr("busy", 3600)
    assert await windows.incr("addr:0", 3600) == 1
    assert await windows.incr("busy", 3600, 0) == 1001
    assert await windows.reset() == 100
    for number in range(1000):
        await windows.incr(f"addr:{number}", 1)
    time.sleep(1.1)  # noqa: ASYNC251 - no other task runs
    assert await windows.reset() == 0


async def test_processes_share_limits_in_redis(redis_server: RedisServer) -> None:
    rates = [Rates(policies("requests", "2/hour"), redis_server.url, timeout_s=PATIENT_S) for _ in range(2)]
    refusals = [(await one.take("shared", "requests", 1)).refusal for one in (*rates, *rates)]
    assert [refusal is None for refusal in refusals] == [True, True, False, False]
    for one in rates:
        await one.close()


async def test_cache_purge_keeps_counts(redis_server: RedisServer) -> None:
    rates = Rates(policies("requests", "9/hour"), redis_server.url, timeout_s=PATIENT_S)
    await rates.take("kept", "requests", 1)
    shared = Shared(redis_server.url, ttl_s=60, timeout_s=PATIENT_S, breaker=Breaker())
    await shared.clear()
    assert left(await rates.take("kept", "requests", 1)) == [7]
    with redis_server.client() as client:
        (key,) = client.keys(f"{KEY_PREFIX}:*kept*")
        assert 3500 < client.ttl(key) <= 3600
    await shared.close()
    await rates.close()


async def test_failed_redis_falls_back_to_memory(tmp_path: Path) -> None:
    received: list[Event] = []
    with redis_running(tmp_path) as server:
        rates = Rates(policies("requests", "4/hour"), server.url, timeout_s=PATIENT_S, listener=received.append)
        assert left(await rates.take("a", "requests", 1)) == [3]
        server.kill()
        assert [left(await rates.take("a", "requests", 1)) for _ in range(4)] == [[3], [2], [1], [0]]
        assert (await rates.take("a", "requests", 1)).refusal is not None
        reasons = [getattr(event, "reason", "") for event in received]
        assert reasons[:5] == ["unreachable"] * 5
        assert {*reasons} <= {"unreachable", "open"}
        await rates.close()


@pytest.mark.parametrize(
    ("key_id", "address", "expected"),
    [
        ("cms", "192.0.2.1", "key:cms"),
        (None, "192.0.2.1", "addr:192.0.2.1"),
        (None, "::ffff:192.0.2.1", "addr:192.0.2.1"),
        (None, "2001:db8:1:2:3:4:5:6", "net:2001:db8:1:2::"),
        (None, "fe80::1%eth0", "net:fe80::"),
        (None, None, "local"),
        (None, "not an address\r\n", "unknown"),
    ],
)
def test_callers_are_distinguished(key_id: str | None, address: str | None, expected: str) -> None:
    assert caller_of(key_id, address) == expected


@given(st.ip_addresses(v=6, network="2001:db8:7:7::/64"))
def test_ipv6_network_is_one_caller(address: object) -> None:
    assert caller_of(None, str(address)) == "net:2001:db8:7:7::"


def test_policy_name_has_unit_and_window() -> None:
    (policy,) = policies("characters", "2000000/day")
    assert policy == Policy("characters", parse("2000000/day"))
    assert (policy.name, policy.amount, policy.window_s) == ("characters-1-day", 2_000_000, 86_400)
