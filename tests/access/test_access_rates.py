"""Rate limits: who is counted as one, what is counted, and what a refusal promises."""

import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.cache.redis import Breaker, Shared
from service.errors import InvalidInput, QuotaExceeded, RateExceeded
from service.events import Event
from service.http.ratelimit import KEY_PREFIX, Counters, Policy, Rates, Windows, caller_of, policies
from tests.redis_server import RedisServer, redis_running

PATIENT_S = 30.0


@pytest.fixture(scope="module")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with redis_running(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(params=["memory", "redis"])
async def counters(request: pytest.FixtureRequest) -> AsyncIterator[Counters]:
    """Counters of either kind, empty."""
    url = None
    if request.param == "redis":
        server: RedisServer = request.getfixturevalue("redis_server")
        with server.client() as client:
            client.flushall()
        url = server.url
    found = Counters(url, timeout_s=PATIENT_S)
    yield found
    await found.close()


def left(taken_from: object) -> list[int]:
    return [standing.left for standing in taken_from.standings]  # type: ignore[attr-defined]  # a Taken


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("60/minute", [("requests-1-minute", 60, 60)]),
        ("5 per 10 second; 1000/hour", [("requests-10-second", 5, 10), ("requests-1-hour", 1000, 3600)]),
        (None, []),
    ],
)
def test_a_setting_names_its_limits(setting: str | None, expected: list[tuple[str, int, int]]) -> None:
    assert [(one.name, one.amount, one.window_s) for one in policies("requests", setting)] == expected


async def test_a_limit_holds_exactly_and_says_when_it_ends(counters: Counters) -> None:
    rates = Rates(policies("requests", "3/hour"), counters)
    assert [left(await rates.take("a", "requests", 1)) for _ in range(3)] == [[2], [1], [0]]
    for _ in range(5):
        refused = await rates.take("a", "requests", 1)
        assert isinstance(refused.refusal, RateExceeded)
        assert 3500 <= refused.refusal.retry_after_s <= 3600
        assert left(refused) == [0]
    assert left(await rates.take("b", "requests", 1)) == [2]


async def test_after_the_promised_time_there_is_more(counters: Counters) -> None:
    rates = Rates(policies("requests", "2/second"), counters)
    while (taken := await rates.take("a", "requests", 1)).refusal is None:
        pass
    end = time.monotonic() + taken.refusal.retry_after_s
    while time.monotonic() < end:
        time.sleep(0.05)  # noqa: ASYNC251 - nothing else is to happen meanwhile
    assert (await rates.take("a", "requests", 1)).refusal is None


async def test_what_one_limit_refuses_counts_for_none(counters: Counters) -> None:
    rates = Rates(policies("characters", "100/hour; 150/day"), counters)
    assert left(await rates.take("a", "characters", 90)) == [10, 60]
    assert isinstance((await rates.take("a", "characters", 11)).refusal, RateExceeded)
    assert left(await rates.take("a", "characters", 10)) == [0, 50]


async def test_of_several_limits_the_one_that_lasts_longest_says_when_to_come_back(counters: Counters) -> None:
    rates = Rates(policies("characters", "10/minute; 10/day"), counters)
    await rates.take("a", "characters", 10)
    refusal = (await rates.take("a", "characters", 1)).refusal
    assert isinstance(refusal, QuotaExceeded)
    assert refusal.retry_after_s > 86_000


async def test_what_no_window_holds_is_refused_for_good(counters: Counters) -> None:
    rates = Rates(policies("characters", "100/hour"), counters)
    with pytest.raises(InvalidInput) as refused:
        await rates.take("a", "characters", 101)
    assert (refused.value.code, refused.value.limit) == ("work_over_rate", 100)


async def test_what_is_given_back_can_be_used_again(counters: Counters) -> None:
    rates = Rates(policies("characters", "100/hour"), counters)
    taken = await rates.take("a", "characters", 100)
    await rates.give_back(taken.charges)
    assert left(await rates.take("a", "characters", 100)) == [0]


async def test_nothing_is_given_back_to_a_window_that_was_not_charged(counters: Counters) -> None:
    rates = Rates(policies("characters", "100/second"), counters)
    taken = await rates.take("a", "characters", 100)
    while left(now := await rates.take("a", "characters", 1)) == [0]:
        time.sleep(0.05)  # noqa: ASYNC251 - nothing else is to happen meanwhile
    assert now.refusal is None
    await rates.give_back(taken.charges)
    # The window may have ended once more on a slow machine: it then holds the one character alone.
    assert left(await rates.take("a", "characters", 1))[0] in {98, 99}
    counted = await counters.add("once", 60, 5)
    for _ in range(3):
        await counters.give_back(counted.charge)
    assert (await counters.add("once", 60, 0)).count == 0


async def test_asking_for_the_quota_puts_no_windows_end_off(counters: Counters) -> None:
    first = (await counters.add("asked", 3600, 0)).charge
    time.sleep(0.6)  # noqa: ASYNC251 - nothing else is to happen meanwhile
    again = (await counters.add("asked", 3600, 0)).charge
    assert abs(again.ends_ms - first.ends_ms) < 100


def test_windows_in_memory_are_bounded_and_those_that_ended_are_gone() -> None:
    windows = Windows(100)
    assert windows.add("busy", 3600, 1).count == 1
    for number in range(1000):
        windows.add(f"addr:{number}", 3600, 1)
        windows.add("busy", 3600, 1)
    assert len(windows) == 100
    assert windows.add("busy", 3600, 0).count == 1001
    assert windows.add("addr:0", 3600, 1).count == 1
    short = Windows()
    for number in range(1000):
        short.add(f"addr:{number}", 1, 1)
    time.sleep(1.1)
    assert len(short) == 0


async def test_processes_that_share_a_redis_share_the_limits(redis_server: RedisServer) -> None:
    both = [Counters(redis_server.url, timeout_s=PATIENT_S) for _ in range(2)]
    rates = [Rates(policies("requests", "2/hour"), one) for one in both]
    taken = [(await one.take("shared", "requests", 1)).refusal for one in (*rates, *rates)]
    assert [refusal is None for refusal in taken] == [True, True, False, False]
    for one in both:
        await one.close()


async def test_a_purge_of_the_cache_forgets_no_count(redis_server: RedisServer) -> None:
    counters = Counters(redis_server.url, timeout_s=PATIENT_S)
    await counters.add("kept", 3600, 1)
    shared = Shared(redis_server.url, ttl_s=60, timeout_s=PATIENT_S, breaker=Breaker())
    await shared.clear()
    assert (await counters.add("kept", 3600, 1)).count == 2
    with redis_server.client() as client:
        (key,) = client.keys(f"{KEY_PREFIX}:*kept*")
        assert 3500 < client.ttl(key) <= 3600
    await shared.close()
    await counters.close()


async def test_a_redis_that_is_gone_leaves_each_process_its_own_limits(tmp_path: Path) -> None:
    told: list[Event] = []
    with redis_running(tmp_path) as server:
        counters = Counters(server.url, timeout_s=PATIENT_S, listener=told.append)
        rates = Rates(policies("requests", "4/hour"), counters)
        assert left(await rates.take("a", "requests", 1)) == [3]
        server.kill()
        assert [left(await rates.take("a", "requests", 1)) for _ in range(4)] == [[3], [2], [1], [0]]
        assert (await rates.take("a", "requests", 1)).refusal is not None
        reasons = [getattr(event, "reason", "") for event in told]
        assert reasons[:5] == ["unreachable"] * 5
        assert {*reasons} <= {"unreachable", "open"}
        await counters.close()


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
def test_callers_are_told_apart(key_id: str | None, address: str | None, expected: str) -> None:
    assert caller_of(key_id, address) == expected


@given(st.ip_addresses(v=6, network="2001:db8:7:7::/64"))
def test_all_addresses_of_a_network_of_version_6_are_one_caller(address: object) -> None:
    assert caller_of(None, str(address)) == "net:2001:db8:7:7::"


def test_a_policy_is_named_by_unit_and_window() -> None:
    (policy,) = policies("characters", "2000000/day")
    assert policy == Policy("characters-1-day", "characters", 2_000_000, 86_400)
