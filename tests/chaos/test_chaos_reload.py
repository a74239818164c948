"""Tests of reloads while requests are in progress: no request is dropped, and a failed load changes nothing."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from service.errors import ModelError
from tests.api.both import Both, both
from tests.batching.rig import entered
from tests.fake_engine import FakeEngine, Gate, raising

STORY = "Der Zug fährt heute nicht. Der Bus fährt auch nicht."
MODELS = 2
HANG_S = 1.5  # longer than any call of a working engine takes on a busy machine


@pytest.fixture
async def ports(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Both]:
    async with both(monkeypatch, engine_replicas=1) as found:  # one engine per model
        yield found


async def reload(ports: Both) -> tuple[int, str]:
    answer = await ports.admin.post("/admin/reload", json={})
    return answer.status_code, answer.json().get("code", "")


async def closed(ports: Both, number: int) -> None:
    """Wait until ``number`` engines have been closed."""
    async with asyncio.timeout(120):
        while sum(engine.closed for engine in ports.engines) < number:  # noqa: ASYNC110 - an engine has no event
            await asyncio.sleep(0.01)


async def test_reload_closes_the_old_models(ports: Both) -> None:
    before = list(ports.engines)
    assert await reload(ports) == (200, "")
    await closed(ports, MODELS)
    assert all(engine.closed for engine in before)
    assert (await ports.translate(STORY)).status_code == 200
    assert (await ports.main.get("/readyz")).status_code == 200


async def test_request_keeps_its_models(ports: Both) -> None:
    gate = Gate()
    ports.handle(gate)
    asked = asyncio.create_task(
        ports.main.post("/v1/summarize", json={"text": STORY, "target_lang": "en", "method": "lead"})
    )
    await entered(gate)
    old = list(ports.engines)
    assert await reload(ports) == (200, "")
    later = await ports.translate("Die Fähre legt pünktlich ab.")
    assert (later.status_code, [engine.closed for engine in old]) == (200, [False] * MODELS)
    gate.release()
    assert (await asked).status_code == 200
    await closed(ports, MODELS)


async def test_stream_keeps_its_models(ports: Both) -> None:
    gate = Gate()
    ports.handle(gate)
    asked = asyncio.create_task(ports.translate(STORY, accept="text/event-stream"))
    await entered(gate)
    assert await reload(ports) == (200, "")
    gate.release()
    answer = await asked
    assert "event: result" in answer.text
    assert "event: error" not in answer.text


async def test_failed_load_keeps_the_old_models(ports: Both, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ModelError("the weights are damaged")

    monkeypatch.setattr("service.generation.local.load_engine", broken)
    assert await reload(ports) == (500, "model_invalid")
    assert (await ports.translate(STORY)).status_code == 200
    assert not any(engine.closed for engine in ports.engines)
    assert (await ports.main.get("/readyz")).status_code == 200


async def test_failed_warm_up_keeps_the_old_models(ports: Both, monkeypatch: pytest.MonkeyPatch) -> None:
    made = len(ports.engines)

    def failing(*_: object, **__: object) -> FakeEngine:
        ports.engines.append(FakeEngine(raising(RuntimeError("out of memory"))))
        return ports.engines[-1]

    monkeypatch.setattr("service.generation.local.load_engine", failing)
    assert await reload(ports) == (500, "engine_failed")
    await closed(ports, len(ports.engines) - made)
    assert (await ports.translate(STORY)).status_code == 200


async def test_second_reload_gets_503(ports: Both) -> None:
    gate = Gate()
    ports.handle(gate)
    first, second = await asyncio.gather(reload(ports), reload(ports))
    assert sorted([first, second]) == [(200, ""), (503, "not_ready")]


async def test_hung_warm_up_keeps_the_old_models(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    died: list[bool] = []
    monkeypatch.setattr("service.app.exit_dead", lambda: died.append(True))
    async with both(monkeypatch, engine_replicas=1, engine_hang_s=HANG_S) as ports:
        gate = Gate()
        monkeypatch.setattr("service.generation.local.load_engine", lambda *_, **__: FakeEngine(gate))
        assert await reload(ports) == (504, "engine_hung")
        gate.release()
        assert (await ports.translate(STORY)).status_code == 200
        assert (await ports.main.get("/livez")).status_code == 200
        assert not died


async def test_reload_retries_a_failed_first_load(monkeypatch: pytest.MonkeyPatch) -> None:
    async with both(monkeypatch, engine_replicas=1) as ports:
        ports.service._pool.current = None
        ports.service.lifecycle.fail("the volume was not there")
        assert (await ports.main.get("/readyz")).status_code == 503
        assert await reload(ports) == (200, "")
        assert (await ports.main.get("/readyz")).status_code == 200
