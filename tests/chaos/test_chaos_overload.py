"""Tests of overload: accepted requests finish in time, and callers that obey ``Retry-After`` are served."""

import asyncio

import pytest
from httpx import Response

from tests.api.both import Both, both
from tests.batching.rig import entered, stopped_clock
from tests.fake_engine import Gate, taking

MOST_TRIES = 4
MOST_REFUSALS = 20
CALL_S = 0.05
SENTENCES = 4


def story(number: int) -> str:
    return " ".join(f"Der Zug Nummer {number} fährt am {day}. Mai nicht." for day in range(1, SENTENCES + 1))


async def joined(ports: Both, callers: int) -> None:
    """Wait until each sentence that is being translated has exactly ``callers`` waiting requests."""
    running = ports.service._pool.serving.translator.sentences._flight._running
    while {len(work.waiters) for work in running.values()} != {callers}:  # noqa: ASYNC110 - a flight has no event
        await asyncio.sleep(0)


async def patiently(ports: Both, number: int) -> tuple[Response, int]:
    """Translate the test article ``number``, and retry after the time in ``Retry-After`` while the queue is full.

    Return the last response and the number of rejected attempts before it.
    """
    refusals = 0
    while (answer := await ports.translate(story(number), **{"request-timeout-ms": "120000"})).status_code == 503:
        assert answer.json()["code"] == "queue_full"
        refusals += 1
        await asyncio.sleep(int(answer.headers["retry-after"]))
    return answer, refusals


@pytest.mark.slow
async def test_retrying_callers_are_served_under_overload(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with both(monkeypatch, queue_items=10 * SENTENCES, batch_items=SENTENCES) as ports:
        ports.handle(taking(CALL_S))
        found = await asyncio.gather(*(patiently(ports, number) for number in range(40)))
        assert {answer.status_code for answer, _ in found} == {200}
        refused = [refusals for _, refusals in found if refusals]
        assert len(refused) >= 10
        # All callers retry in the same second, so some are refused again. On an idle machine four tries are enough.
        assert max(refused) <= MOST_REFUSALS


@pytest.mark.slow
async def test_short_deadline_gets_503(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with both(monkeypatch, batch_items=SENTENCES) as ports:
        ports.handle(taking(CALL_S))
        ahead = [asyncio.create_task(ports.translate(story(number))) for number in range(60)]
        await asyncio.wait(ahead, return_when=asyncio.FIRST_COMPLETED)
        hasty = {"request-timeout-ms": "1000"}
        answer = await ports.translate(story(99), **hasty)
        assert not all(one.done() for one in ahead)  # the refusal is sent before the work is done
        assert (answer.status_code, answer.json()["code"]) == (503, "too_slow")
        for _ in range(MOST_TRIES):  # the estimate does not take other load on this machine into account
            await asyncio.sleep(int(answer.headers.get("retry-after", "1")))
            answer = await ports.translate(story(99), **hasty)
            if answer.status_code == 200:
                break
        assert answer.status_code == 200
        assert {one.status_code for one in await asyncio.gather(*ahead)} == {200}


async def test_timeout_keeps_shared_work_for_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with both(monkeypatch) as ports:
        gate = Gate()
        ports.handle(gate)
        with stopped_clock() as clock:
            hasty = asyncio.create_task(ports.translate(story(1), **{"request-timeout-ms": "300"}))
            await entered(gate)
            patient = asyncio.create_task(ports.translate(story(1)))
            await joined(ports, 2)
            await clock.turn(0.3)
            assert (await hasty).status_code == 504
        gate.release()
        assert (await patient).status_code == 200
