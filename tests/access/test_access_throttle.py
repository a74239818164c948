"""Tests of rate limits over HTTP: rejected requests, header fields, and how callers are identified."""

from pathlib import Path
from typing import Any

import pytest
from httpx import ASGITransport, AsyncClient, Response

from service.domain import EngineInput
from service.http.keys import Key, digest_of
from tests.api.both import Both, both
from tests.fake_engine import raising, taking

TEXT = "Der Zug fährt heute nicht."
LONG = TEXT * 40
DEEPL = {"text": [TEXT], "target_lang": "EN"}
LIBRE = {"q": TEXT, "source": "de", "target": "en"}
FATAL = "Unfall"


def assert_refused(answer: Response, code: str, *, most_s: int = 60) -> dict[str, Any]:
    assert answer.status_code == 429, answer.text
    body: dict[str, Any] = answer.json()
    assert body["code"] == code
    assert 1 <= int(answer.headers["retry-after"]) <= most_s
    return body


async def test_request_over_limit_gets_retry_after(monkeypatch: pytest.MonkeyPatch) -> None:
    async with both(monkeypatch, rate_requests="2/minute; 100/hour") as ports:
        first, second, third = [await ports.translate(TEXT) for _ in range(3)]
        assert (first.status_code, second.status_code) == (200, 200)
        assert first.headers["ratelimit-policy"] == '"requests-1-minute";q=2;w=60, "requests-1-hour";q=100;w=3600'
        assert first.headers["ratelimit"] == '"requests-1-minute";r=1;t=60, "requests-1-hour";r=99;t=3600'
        body = assert_refused(third, "rate_exceeded")
        assert third.headers["content-type"] == "application/problem+json"
        assert body["detail"].startswith("the limit of 2 requests per 60 s has been exceeded")
        assert third.headers["ratelimit"].startswith('"requests-1-minute";r=0;t=')
        # Retry-After and RateLimit must agree, as the draft requires.
        assert f";t={third.headers['retry-after']}," in third.headers["ratelimit"]
        metrics = (await ports.main.get("/metrics")).text
        assert 'depesche_requests_refused_total{reason="rate_exceeded"} 1.0' in metrics


async def test_open_paths_have_no_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    async with both(monkeypatch, rate_requests="1/hour") as ports:
        for path in ("/livez", "/readyz", "/metrics", "/", "/static/main.js") * 3:
            answer = await ports.main.get(path)
            assert answer.status_code == 200
            assert "ratelimit" not in answer.headers
        assert (await ports.translate(TEXT)).status_code == 200
        assert (await ports.purge(text=TEXT)).status_code == 200


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/translate", {"text": ["", TEXT]}),
        ("/v1/summarize", {"text": TEXT[1:], "headline": "D", "method": "lead"}),
        ("/v1/articles", {"headline": "D", "lead": "e", "body": TEXT[2:]}),
        ("/v2/translate", DEEPL),
        ("/translate", LIBRE),
        ("/detect", {"q": TEXT}),
    ],
)
async def test_every_endpoint_counts_characters(
    monkeypatch: pytest.MonkeyPatch, path: str, body: dict[str, Any]
) -> None:
    async with both(monkeypatch, rate_chars="1000/hour") as ports:
        answer = await ports.main.post(path, json=body)
        assert answer.status_code == 200, answer.text
        assert answer.headers["ratelimit"] == f'"characters-1-hour";r={1000 - len(TEXT)};t=3600'
        assert answer.headers["ratelimit-policy"] == '"characters-1-hour";q=1000;qu="characters";w=3600'


async def test_text_over_character_limit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    async with both(monkeypatch, rate_chars="1100/minute") as ports:
        assert (await ports.translate(LONG)).status_code == 200
        reached = sum(engine.items for engine in ports.engines)
        assert_refused(await ports.translate(f"{LONG} Und noch ein Satz."), "rate_exceeded")
        stream = await ports.translate(LONG, accept="text/event-stream")
        assert_refused(stream, "rate_exceeded")
        assert sum(engine.items for engine in ports.engines) == reached
        too_long = await ports.translate(LONG * 2)
        assert (too_long.status_code, too_long.json()["code"]) == (422, "work_over_rate")
        assert too_long.json()["errors"][0]["limit"] == 1100
        assert (await ports.translate(TEXT)).status_code == 200


async def test_service_failure_refunds_characters(monkeypatch: pytest.MonkeyPatch) -> None:
    def fatal(item: EngineInput) -> bool:
        return FATAL in "".join(item.tokens)

    async with both(monkeypatch, raising(RuntimeError("x"), when=fatal), rate_chars="1000/hour") as ports:
        assert (await ports.translate(f"Der {FATAL} war schlimm.")).status_code == 500
        answer = await ports.translate(TEXT)
        assert f"r={1000 - len(TEXT)};" in answer.headers["ratelimit"]


async def test_timeout_refunds_no_characters(monkeypatch: pytest.MonkeyPatch) -> None:
    async with both(monkeypatch, rate_chars="1000/hour") as ports:
        ports.handle(taking(2.0))
        late = await ports.translate(TEXT, **{"request-timeout-ms": "200"})
        assert late.status_code == 504, late.text
        assert f"r={1000 - len(TEXT)};" in late.headers["ratelimit"]
        answer = await ports.main.get("/v2/usage")
        assert answer.json()["character_count"] == len(TEXT)


async def test_compatible_rate_error_has_peer_format(monkeypatch: pytest.MonkeyPatch) -> None:
    async with both(monkeypatch, rate_requests="2/hour") as ports:
        await ports.main.get("/v2/usage")
        await ports.main.get("/languages")
        for answer in (await ports.main.post("/v2/translate", json=DEEPL), await ports.main.get("/languages")):
            body = assert_refused(answer, "rate_exceeded", most_s=3_600)
            assert body.keys() == {"message", "error", "code", "request_id"}


async def test_used_quota_is_456_only_for_deepl(monkeypatch: pytest.MonkeyPatch) -> None:
    async with both(monkeypatch, rate_chars="30/day") as ports:
        assert (await ports.main.post("/v2/translate", json=DEEPL)).status_code == 200
        deepl = await ports.main.post("/v2/translate", json=DEEPL)
        assert (deepl.status_code, deepl.json()["code"]) == (456, "quota_exceeded")
        assert int(deepl.headers["retry-after"]) > 86_000
        for answer in (await ports.main.post("/translate", json=LIBRE), await ports.translate(TEXT)):
            assert_refused(answer, "quota_exceeded", most_s=86_400)


async def test_each_key_has_its_own_count(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    tokens = {holder: f"{holder}-" + "x" * 40 for holder in ("cms", "archive")}
    keys = [Key(name, frozenset({"translate"}), digest_of(token)).line() for name, token in tokens.items()]
    (tmp_path / "keys").write_text("\n".join(keys), "utf-8")
    async with both(monkeypatch, keys_file=tmp_path / "keys", rate_requests="1/hour") as ports:
        statuses = []
        for holder in ("cms", "cms", "archive", "archive"):
            headers = {"authorization": f"Bearer {tokens[holder]}"}
            statuses.append((await ports.translate(TEXT, **headers)).status_code)
        assert statuses == [200, 429, 200, 429]
        in_body = {**LIBRE, "api_key": tokens["cms"]}
        assert (await ports.main.post("/translate", json=in_body)).status_code == 429
        assert (await ports.translate(TEXT)).status_code == 401


async def sent_from(ports: Both, address: str, forwarded: str | None) -> int:
    transport: Any = ports.main._transport
    async with AsyncClient(transport=ASGITransport(transport.app, client=(address, 1)), base_url="http://d") as client:
        headers = {} if forwarded is None else {"x-forwarded-for": forwarded}
        return (await client.get("/v1/models", headers=headers)).status_code


async def test_forwarded_address_is_ignored_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    async with both(monkeypatch, rate_requests="1/hour") as ports:
        assert await sent_from(ports, "192.0.2.1", "198.51.100.1") == 200
        assert await sent_from(ports, "192.0.2.1", "198.51.100.2") == 429
        assert await sent_from(ports, "192.0.2.2", "198.51.100.1") == 200


async def test_trusted_proxy_sets_last_address(monkeypatch: pytest.MonkeyPatch) -> None:
    async with both(monkeypatch, rate_requests="1/hour", trusted_proxies="10.0.0.0/8, 192.0.2.9") as ports:
        assert await sent_from(ports, "10.1.2.3", "203.0.113.7, 198.51.100.1") == 200
        # Only the entry that the proxy added counts; the entries before it are ignored.
        assert await sent_from(ports, "192.0.2.9", "203.0.113.8, 198.51.100.1, 10.9.9.9") == 429
        assert await sent_from(ports, "10.1.2.3", "198.51.100.2") == 200
        assert await sent_from(ports, "192.0.2.1", "198.51.100.3") == 200
        assert await sent_from(ports, "192.0.2.1", "198.51.100.4") == 429
