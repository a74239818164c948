"""Tests of the request headers ``Cache-Control`` and ``Request-Timeout-Ms`` on every endpoint that generates text."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.api.both import Both, both
from tests.fake_engine import Gate

TEXT = "Am {}. Mai öffnet das Museum im alten Hafen wieder seine Türen."
PEERS = ("/v2/translate", "/translate")


@dataclass(frozen=True)
class Endpoint:
    """An endpoint: its path, the body field that contains the text, and the other body fields."""

    path: str
    field: str
    others: dict[str, Any]

    def body(self, text: str) -> dict[str, Any]:
        return {self.field: [text] if self.path == "/v2/translate" else text, **self.others}


ENDPOINTS = [
    Endpoint("/v1/translate", "text", {}),
    Endpoint("/v1/summarize", "text", {}),
    Endpoint("/v1/articles", "body", {}),
    Endpoint("/v2/translate", "text", {"target_lang": "EN", "source_lang": "DE"}),
    Endpoint("/translate", "q", {"target": "en", "source": "de"}),
]
each = pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda one: one.path)


@pytest.fixture
async def ports(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Both]:
    async with both(monkeypatch) as found:
        yield found


def entries(ports: Both) -> int:
    return ports.service.cache.memory.stats.entries


@each
async def test_no_store_writes_no_entry(ports: Both, endpoint: Endpoint) -> None:
    body = endpoint.body(TEXT.format(3))
    answer = await ports.main.post(endpoint.path, json=body, headers={"Cache-Control": "no-store"})
    assert answer.status_code == 200, answer.text
    assert entries(ports) == 0
    assert (await ports.main.post(endpoint.path, json=body)).status_code == 200
    assert entries(ports) > 0


@each
async def test_no_cache_reads_no_entry(ports: Both, endpoint: Endpoint) -> None:
    body = endpoint.body(TEXT.format(4))
    calls = []
    for headers in ({}, {}, {"Cache-Control": "no-cache"}, {"Cache-Control": "no-store"}):
        assert (await ports.main.post(endpoint.path, json=body, headers=headers)).status_code == 200
        calls.append(sum(len(engine.calls) for engine in ports.engines))
    assert calls[0] == calls[1] < calls[2] < calls[3]


@each
async def test_short_timeout_gets_504(monkeypatch: pytest.MonkeyPatch, endpoint: Endpoint) -> None:
    gate = Gate()
    async with both(monkeypatch) as ports:
        ports.handle(gate)
        try:
            async with asyncio.timeout(120):
                body = endpoint.body(TEXT.format(5))
                answer = await ports.main.post(endpoint.path, json=body, headers={"Request-Timeout-Ms": "100"})
        finally:
            gate.release()
    assert answer.status_code == 504
    assert answer.json()["code"] == "deadline_exceeded"


@each
@pytest.mark.parametrize("given", ["0", "-1", "3600001", "soon", "1.5", ""])
async def test_invalid_timeout_is_refused(ports: Both, endpoint: Endpoint, given: str) -> None:
    body = endpoint.body(TEXT.format(6))
    answer = await ports.main.post(endpoint.path, json=body, headers={"Request-Timeout-Ms": given})
    failure = answer.json()
    assert failure["code"] == "invalid_request"
    if endpoint.path in PEERS:
        assert answer.status_code == 400
        assert failure["message"] == failure["error"]
        assert "Request-Timeout-Ms" in failure["message"]
    else:
        assert answer.status_code == 422
        assert answer.headers["content-type"] == "application/problem+json"
        assert [one["pointer"] for one in failure["errors"]] == ["header:Request-Timeout-Ms"]
