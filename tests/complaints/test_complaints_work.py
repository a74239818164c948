"""Tests that the service does not have the faults in docs/complaints.md, except those of markup."""

import asyncio
import gc
import itertools
import threading
import tracemalloc
from typing import Any

import pytest
from fastapi.testclient import TestClient

from service.app import create_app
from service.settings import Settings
from tests.api.both import READY_S, both
from tests.conftest import wait_until_ready
from tests.fake_engine import FakeEngine, raising, writing

HEADLINE = "Sturm tobt über der Küste"
MOST_GROWTH_BYTES = 400_000  # a single unbounded memo of these texts would take three times this much


def sentences(first: int, count: int) -> list[str]:
    return [f"Am Montag zählte das Museum genau {first + number} Gäste." for number in range(count)]


async def test_every_sentence_is_translated(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text = " ".join(sentences(1_000, 120)) + "\n\nNach dem letzten Satz steht nichts"
    async with both(monkeypatch, writing(lambda tokens: tokens)) as ports:
        (found,) = (await ports.translate(text)).json()["translations"]
    assert found["text"] == text
    assert found["cached"]["of"] == len(found["sentences"]) == 121


async def test_texts_of_a_list_share_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    async with both(monkeypatch) as ports:
        before = [len(one.calls) for one in ports.engines]
        answer = await ports.translate(sentences(0, 32))
        calls = [call for one, first in zip(ports.engines, before, strict=True) for call in one.calls[first:]]
    assert len(answer.json()["translations"]) == sum(map(len, calls)) == 32
    assert len(calls) <= 4


async def test_repetition_loop_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    """Check that a phrase that the model repeats is removed from the output and reported in a warning."""
    async with both(monkeypatch, writing(lambda _: ("▁train", "▁over", "▁the", "▁town") * 8)) as ports:
        (found,) = (await ports.translate(HEADLINE)).json()["translations"]
    assert found["text"].count("train") == 1
    assert "repetition_removed" in {warning["code"] for warning in found["warnings"]}
    assert found["needs_review"]


def stories(count: int) -> list[str]:
    """Return ``count`` texts that consist of the same words but have no sentence in common."""
    days, places, verbs = "Montag Dienstag Mittwoch Donnerstag Freitag", "Museum Rathaus Theater Bad", "schließt öffnet"
    every = [
        f"Am {day} nach dem {number}. März {verb} das {place} {when}."
        for number, day, place, verb, when in itertools.product(
            range(1, 11), days.split(), places.split(), verbs.split(), ("früh", "spät", "nie")
        )
    ]
    size = len(every) // count
    return [" ".join(every[start : start + size]) for start in range(0, size * count, size)]


@pytest.mark.slow
async def test_memory_does_not_grow_with_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Check that, with a small cache, memory use hardly grows from the sixth text to the 24th."""
    async with both(monkeypatch, writing(lambda tokens: tokens), cache_bytes=50_000) as ports:
        texts = iter(stories(24))

        async def translated(count: int) -> None:
            for _ in range(count):
                assert (await ports.translate(next(texts))).status_code == 200
                for engine in ports.engines:
                    engine.calls.clear()  # memory that the fake engine uses

        def kept() -> int:
            gc.collect()
            return tracemalloc.get_traced_memory()[0]

        tracemalloc.start()
        try:
            await translated(6)
            before = kept()
            await translated(18)
            grown = kept() - before
        finally:
            tracemalloc.stop()
    assert grown < MOST_GROWTH_BYTES


def test_loading_service_is_alive_not_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    """Check that the liveness probe succeeds while the models are loading, although the service is not ready.

    If this probe failed, Kubernetes would kill the process during startup.
    """
    loaded = threading.Event()

    def slowly(*_: object, **__: object) -> FakeEngine:
        loaded.wait(READY_S)
        return FakeEngine()

    monkeypatch.setattr("service.generation.local.load_engine", slowly)
    with TestClient(create_app(Settings())) as client:
        refused = client.post("/v1/translate", json={"text": HEADLINE})
        assert (refused.status_code, refused.json()["code"]) == (503, "not_ready")
        assert int(refused.headers["retry-after"]) >= 1
        assert [client.get(probe).status_code for probe in ("/livez", "/readyz", "/health")] == [200, 503, 503]
        loaded.set()
        wait_until_ready(client)


async def test_dead_engine_fails_health(monkeypatch: pytest.MonkeyPatch) -> None:
    """Check that every health probe fails after an engine has failed and cannot be loaded again."""
    ended = asyncio.Event()
    monkeypatch.setattr("service.app.exit_dead", ended.set)
    async with both(monkeypatch) as ports:

        def gone(*_: Any, **__: Any) -> None:
            raise MemoryError

        monkeypatch.setattr("service.generation.local.load_engine", gone)
        ports.handle(raising(MemoryError()))
        answer = await ports.translate(HEADLINE)
        assert (answer.status_code, answer.json()["code"]) == (500, "engine_failed")
        for probe in ("/readyz", "/health"):
            assert (await ports.main.get(probe)).status_code == 503
        async with asyncio.timeout(READY_S):
            await ended.wait()
        assert (await ports.main.get("/livez")).status_code == 503
        assert (await ports.translate(HEADLINE)).status_code == 503
