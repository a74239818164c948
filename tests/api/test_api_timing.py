"""Tests of the header ``Server-Timing``, which contains the duration of each stage in milliseconds."""

import asyncio
import re
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.api.both import both
from tests.batching.rig import entered, stopped_clock
from tests.fake_engine import Gate

TEXT = "Am {}. August öffnet der Tierpark Nummer {} schon um acht Uhr. Der Eintritt bleibt unverändert."


def timing(response: Any) -> dict[str, float]:
    """Return the duration of each stage in milliseconds from the header ``Server-Timing``."""
    parts = [re.fullmatch(r"([a-z]+);dur=(\d+\.\d)", part) for part in response.headers["server-timing"].split(", ")]
    return {part[1]: float(part[2]) for part in parts if part}


@pytest.mark.parametrize(
    ("path", "field", "stages", "side_by_side"),
    [
        ("/v1/translate", "text", {"segment", "finish"}, 1),
        ("/v1/summarize", "text", {"segment", "select", "finish"}, 1),
        ("/v1/articles", "body", {"clean", "segment", "select", "finish"}, 2),
    ],
)
def test_every_stage_has_a_time(client: TestClient, path: str, field: str, stages: set[str], side_by_side: int) -> None:
    body = {field: TEXT.format(len(path), len(field))}
    found = timing(client.post(path, json=body))
    assert found.keys() == stages | {"cache", "queue", "inference", "total"}
    assert found["inference"] > 0
    assert all(passed_ms <= side_by_side * found["total"] + 0.1 for passed_ms in found.values())


def test_cached_answer_has_no_engine_time(client: TestClient) -> None:
    text = TEXT.format(1, 2)
    client.post("/v1/translate", json={"text": text})
    twice = {"text": f"{text}\n\n{text}"}  # another text with the same sentences
    assert timing(client.post("/v1/translate", json=twice)).keys() == {"segment", "cache", "finish", "total"}


async def test_timed_out_request_has_timing(monkeypatch: pytest.MonkeyPatch) -> None:
    async with both(monkeypatch) as ports:
        gate = Gate()
        ports.handle(gate)
        with stopped_clock() as clock:
            asked = asyncio.create_task(ports.translate(TEXT, **{"request-timeout-ms": "60000"}))
            await entered(gate)
            await clock.turn(60.0)
            answer = await asked
        gate.release()
    assert answer.status_code == 504
    found = timing(answer)
    assert found.keys() == {"segment", "cache", "queue", "inference", "total"}
    assert found["inference"] == pytest.approx(60_000)


def test_streams_have_no_timing(client: TestClient) -> None:
    stream = client.post("/v1/translate", json={"text": "Guten Tag."}, headers={"accept": "text/event-stream"})
    assert "server-timing" not in stream.headers
    assert "server-timing" not in client.get("/readyz").headers
