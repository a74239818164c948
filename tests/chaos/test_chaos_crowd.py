"""Tests of a very long article among short ones, and of a full queue, with an engine that simulates time."""

import asyncio
import math
import re
import time
from collections.abc import Sequence

import pytest

from service.domain import EngineInput, Hypothesis
from tests.api.both import Both, both
from tests.batching.rig import Clock, entered, stopped_clock
from tests.fake_engine import Gate, backwards, writing

LONG_CHARS = 50_000
SHORT_ARTICLES, SENTENCES = 25, 5
GIANTS_LEAD_S = 1.0
CALL_S, TOKEN_S = 0.02, 0.0005
MOST_RATIO = 3.0
PROBES = ("/livez", "/readyz", "/health")
SENTENCE = "Am {}. Tag fuhr der Zug Nummer {} nicht nach Kiel."


BYTE = re.compile(r"<0x(\w\w)>")  # of a character that is not in the vocabulary


def _char(byte: re.Match[str]) -> str:
    return chr(int(byte[1], 16))


def story(number: int) -> str:
    return " ".join(SENTENCE.format(day, number) for day in range(1, SENTENCES + 1))


def giant() -> str:
    size = LONG_CHARS // len(SENTENCE)
    return " ".join(SENTENCE.format(day, "0") for day in range(100, 100 + size))[:LONG_CHARS]


class Meter:
    """An engine handler that adds up simulated time.

    Each call takes ``CALL_S``, and each padded source token takes ``TOKEN_S``. The measured times therefore do not
    depend on the speed of the machine. ``done_s`` maps the number of each text to the simulated time at which its last
    sentence was finished.
    """

    def __init__(self) -> None:
        self.now_s = 0.0
        self.done_s: dict[int, float] = {}

    def __call__(self, items: Sequence[EngineInput]) -> list[list[Hypothesis]]:
        longest = max(len(item.tokens) for item in items)
        self.now_s += CALL_S + TOKEN_S * longest * len(items)
        for item in items:
            found = re.search(r"Nummer (\d+)", BYTE.sub(_char, "".join(item.tokens)).replace("▁", " "))
            if found is not None:
                self.done_s[int(found[1])] = self.now_s
        return writing(backwards)(items)


async def queued(ports: Both, sentences: int) -> None:
    """Wait until the translation queue contains ``sentences`` sentences. The clock of the event loop may be stopped."""
    queue = ports.translator.batcher.queue
    while len(queue) < sentences:
        await asyncio.to_thread(time.sleep, 0.005)


async def p95_s(ports: Both, meter: Meter, busy_with: str, clock: Clock, first: int) -> float:
    """Return the 95th percentile of the simulated times of short articles, in seconds, while the engine is busy.

    The engine is busy with the text ``busy_with`` when the short articles arrive. ``first`` is the number of the first
    short article.
    """
    gate = Gate(meter)
    ports.handle(gate)
    other = asyncio.create_task(ports.translate(busy_with))
    await entered(gate)
    clock.now_s += GIANTS_LEAD_S
    start_s, waiting = meter.now_s, len(ports.translator.batcher.queue)
    numbers = range(first, first + SHORT_ARTICLES)
    short = [asyncio.create_task(ports.translate(story(number))) for number in numbers]
    await queued(ports, waiting + SHORT_ARTICLES * SENTENCES)
    gate.release()
    assert {answer.status_code for answer in await asyncio.gather(other, *short)} == {200}
    seconds = sorted(meter.done_s[number] - start_s for number in numbers)
    return seconds[math.ceil(0.95 * SHORT_ARTICLES) - 1]


@pytest.mark.slow
async def test_short_articles_pass_a_giant_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with both(monkeypatch, max_text_chars=LONG_CHARS, queue_items=20_000, queue_tokens=400_000) as ports:
        meter = Meter()
        with stopped_clock() as clock:
            alone_s = await p95_s(ports, meter, "Die Bahn fährt.", clock, first=1)
            before_s = meter.now_s
            beside_s = await p95_s(ports, meter, giant(), clock, first=1001)
            giant_s = meter.now_s - before_s
    assert giant_s > 2 * MOST_RATIO * alone_s
    assert beside_s < MOST_RATIO * alone_s


async def test_full_queue_keeps_probes_green(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with both(monkeypatch, queue_items=2 * SENTENCES) as ports:
        gate = Gate()
        ports.handle(gate)
        accepted = [asyncio.create_task(ports.translate("Die Bahn fährt."))]
        await entered(gate)
        accepted += [asyncio.create_task(ports.translate(story(number))) for number in (1, 2)]
        await queued(ports, 2 * SENTENCES)
        refused = await ports.translate(story(3))
        assert (refused.status_code, refused.json()["code"]) == (503, "queue_full")
        assert int(refused.headers["retry-after"]) >= 1
        for probe in PROBES:
            assert (await ports.main.get(probe)).status_code == 200
        gate.release()
        assert {answer.status_code for answer in await asyncio.gather(*accepted)} == {200}
        assert (await ports.translate(story(3))).status_code == 200
