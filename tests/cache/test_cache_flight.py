"""Tests of single flight: concurrent callers with the same key share one execution.

If one caller is cancelled, the others still get the result.
"""

import asyncio
from collections.abc import Awaitable

import pytest

from service.generation.cached import SingleFlight


class Work:
    """An asynchronous callable that waits until ``outcome`` is set, and counts its calls and cancellations."""

    def __init__(self) -> None:
        self.begun = 0
        self.cancelled = 0
        self.outcome: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def __call__(self) -> str:
        self.begun += 1
        try:
            return await asyncio.shield(self.outcome)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise


async def do(flight: SingleFlight[str], key: bytes, work: Work) -> str:
    """Return the result for ``key``. Start ``work`` only if no other caller has started work for this key."""
    (ticket,) = flight.join([key], lambda _: [work()])
    return await ticket


async def turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_equal_work_is_done_once() -> None:
    flight, work = SingleFlight[str](), Work()
    callers = [asyncio.create_task(do(flight, b"k", work)) for _ in range(10)]
    await turns()
    work.outcome.set_result("done")
    assert await asyncio.gather(*callers) == ["done"] * 10
    assert work.begun == 1


async def test_different_keys_are_separate_work() -> None:
    flight, work = SingleFlight[str](), Work()
    callers = [asyncio.create_task(do(flight, key, work)) for key in (b"k", b"l")]
    await turns()
    work.outcome.set_result("done")
    await asyncio.gather(*callers)
    assert work.begun == 2


async def test_cancelled_first_waiter_does_not_cancel_others() -> None:
    flight, work = SingleFlight[str](), Work()
    first, second = (asyncio.create_task(do(flight, b"k", work)) for _ in range(2))
    await turns()
    first.cancel()
    await turns()
    work.outcome.set_result("done")
    assert await second == "done"
    assert (first.cancelled(), work.cancelled) == (True, 0)


async def test_work_without_waiters_is_cancelled() -> None:
    flight, work = SingleFlight[str](), Work()
    callers = [asyncio.create_task(do(flight, b"k", work)) for _ in range(3)]
    await turns()
    for caller in callers:
        caller.cancel()
    await turns()
    assert (work.cancelled, len(flight)) == (1, 0)


async def test_caller_after_cancelled_work_starts_new_work() -> None:
    flight, abandoned, fresh = SingleFlight[str](), Work(), Work()
    leaving = asyncio.create_task(do(flight, b"k", abandoned))
    await turns()
    leaving.cancel()
    await asyncio.sleep(0)
    fresh.outcome.set_result("fresh")
    assert await do(flight, b"k", fresh) == "fresh"
    assert len(flight) == 0


async def test_error_reaches_all_waiters_and_is_not_stored() -> None:
    flight, work, retry = SingleFlight[str](), Work(), Work()
    callers = [asyncio.create_task(do(flight, b"k", work)) for _ in range(3)]
    await turns()
    work.outcome.set_exception(LookupError("none"))
    errors = await asyncio.gather(*callers, return_exceptions=True)
    assert [type(error) for error in errors] == [LookupError] * 3
    retry.outcome.set_result("later")
    assert await do(flight, b"k", retry) == "later"


async def test_start_gets_only_missing_distinct_keys() -> None:
    flight, started = SingleFlight[str](), list[list[bytes]]()
    futures = {key: asyncio.get_running_loop().create_future() for key in (b"a", b"b", b"c")}

    def start(keys: list[bytes]) -> list[Awaitable[str]]:
        started.append(keys)
        return [futures[key] for key in keys]

    first = flight.join([b"a"], start)
    second = flight.join([b"b", b"a", b"b", b"c"], start)
    third = flight.join([b"c", b"a"], start)
    for key, future in futures.items():
        future.set_result(key.decode())
    assert await asyncio.gather(*first, *second, *third) == list("ababcca"[:1] + "babc" + "ca")
    assert started == [[b"a"], [b"b", b"c"]]


async def test_refused_work_changes_nothing() -> None:
    flight = SingleFlight[str]()

    def refuse(keys: list[bytes]) -> list[Awaitable[str]]:
        raise OverflowError(keys)

    with pytest.raises(OverflowError):
        flight.join([b"a", b"b"], refuse)
    assert len(flight) == 0


async def test_last_cancelled_waiter_cancels_the_work_future() -> None:
    flight, future = SingleFlight[str](), asyncio.get_running_loop().create_future()
    one, two = flight.join([b"a", b"a"], lambda _: [future])
    one.cancel()
    await turns()
    assert not future.done()
    two.cancel()
    await turns()
    assert future.cancelled()


async def test_externally_cancelled_work_cancels_waiters() -> None:
    flight, future = SingleFlight[str](), asyncio.get_running_loop().create_future()
    (ticket,) = flight.join([b"a"], lambda _: [future])
    future.cancel()
    await turns()
    assert ticket.cancelled()
