"""Tests of HTTP requests: limits on the body, security headers, and cross-origin requests (CORS)."""

import asyncio
import gzip
import zlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.api.both import Both, both

TEXT = "Der Zug fährt heute nicht."
JSON = {"content-type": "application/json"}
CMS = "https://cms.example"
PEERS = ("/v2/translate", "/translate", "/detect")


@pytest.fixture
async def ports(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Both]:
    async with both(monkeypatch, cors_origins=f"{CMS}, http://localhost:3000") as found:
        yield found


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", "deflate", "br", "zstd", "gzip, identity", "x"])
async def test_compressed_body_is_refused(ports: Both, encoding: str) -> None:
    bomb = gzip.compress(zlib.compress(bytes(50_000_000)))
    answer = await ports.main.post("/v1/translate", content=bomb, headers={**JSON, "content-encoding": encoding})
    assert (answer.status_code, answer.json()["code"]) == (415, "encoding_unsupported")
    assert answer.headers["accept-encoding"] == "identity"


async def test_identity_encoding_is_accepted(ports: Both) -> None:
    answer = await ports.translate(TEXT, **{"content-encoding": "identity"})
    assert answer.status_code == 200


@pytest.mark.parametrize("path", PEERS)
async def test_compatible_limit_error_has_peer_format(ports: Both, path: str) -> None:
    for content, headers, status, code in (
        (b" " * (4 * 2**20 + 1), JSON, 413, "body_too_large"),
        (b"[" * 10_000, JSON, 400, "json_too_deep"),
        (b"{}", {**JSON, "content-encoding": "gzip"}, 415, "encoding_unsupported"),
    ):
        answer = await ports.main.post(path, content=content, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert answer.json().keys() == {"message", "error", "code", "request_id"}


async def test_incomplete_body_times_out(monkeypatch: pytest.MonkeyPatch) -> None:
    begun = [b'{"text": ']

    async with both(monkeypatch, body_timeout_s=0.2) as ports:
        # The test transport consumes the body's source while the application waits for the body.
        transport: Any = ports.main._transport
        answers: list[Any] = []

        async def send(message: Any) -> None:
            answers.append(message)

        async def receive() -> Any:
            if not begun:
                await asyncio.Event().wait()
            return {"type": "http.request", "body": begun.pop(), "more_body": True}

        scope = {
            "type": "http",
            "method": "POST",
            "path": "/v1/translate",
            "raw_path": b"/v1/translate",
            "query_string": b"",
            "root_path": "",
            "headers": [(b"content-type", b"application/json"), (b"transfer-encoding", b"chunked")],
            "http_version": "1.1",
            "scheme": "http",
            "server": ("d", 80),
        }
        await transport.app(scope, receive, send)
    assert answers[0]["status"] == 408
    assert (b"connection", b"close") in answers[0]["headers"]
    assert b'"code":"body_timeout"' in answers[1]["body"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/livez", 200),
        ("GET", "/metrics", 200),
        ("GET", "/v1/models", 200),
        ("GET", "/nothing", 404),
        ("PUT", "/v1/translate", 405),
        ("POST", "/v1/translate", 415),
        ("POST", "/translate", 415),
        ("GET", "/", 200),
        ("GET", "/static/main.js", 200),
        ("GET", "/static/none.js", 404),
        ("GET", "/openapi.json", 200),
        ("GET", "/docs", 200),
    ],
)
async def test_answers_have_security_headers_once(ports: Both, method: str, path: str, status: int) -> None:
    for client in (ports.main, ports.admin):
        answer = await client.request(method, path)
        assert client is ports.admin or answer.status_code == status
        for name, value in {"x-content-type-options": "nosniff", "referrer-policy": "no-referrer"}.items():
            assert answer.headers.get_list(name) == [value]
        (policy,) = answer.headers.get_list("content-security-policy")
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy


async def test_crash_has_security_headers(ports: Both, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.http.requests.texts_of", lambda *_: 1 / 0)
    answer = await ports.translate(TEXT)
    assert answer.status_code == 500
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("origin", [CMS, "http://localhost:3000"])
async def test_allowed_origin_passes_cors(ports: Both, origin: str) -> None:
    asked = {"origin": origin, "access-control-request-method": "POST"}
    headers = {"access-control-request-headers": "authorization,content-type,request-timeout-ms"}
    preflight = await ports.main.options("/v1/translate", headers={**asked, **headers})
    assert preflight.status_code == 200
    assert preflight.headers["access-control-allow-origin"] == origin
    assert "access-control-allow-credentials" not in preflight.headers
    answer = await ports.translate(TEXT, origin=origin)
    assert answer.headers["access-control-allow-origin"] == origin
    assert "Retry-After" in answer.headers["access-control-expose-headers"]


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "https://cms.example.evil.example", "http://cms.example", "null", CMS + ":8443"]
)
async def test_other_origin_fails_cors(ports: Both, origin: str) -> None:
    asked = {"origin": origin, "access-control-request-method": "POST"}
    preflight = await ports.main.options("/v1/translate", headers=asked)
    assert preflight.status_code == 400
    answer = await ports.translate(TEXT, origin=origin)
    for one in (preflight, answer):
        assert "access-control-allow-origin" not in one.headers


async def test_cors_is_off_by_default_and_for_admin(ports: Both, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "access-control-allow-origin" not in (await ports.admin.get("/metrics", headers={"origin": CMS})).headers
    async with both(monkeypatch) as closed:
        assert "access-control-allow-origin" not in (await closed.translate(TEXT, origin=CMS)).headers


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "", "a\tb", "[::1", "x" * 5_000])
async def test_host_header_is_not_echoed(ports: Both, host: str) -> None:
    for path in ("/v1/models/", "/docs/", "/", "/docs", "/openapi.json", "/static"):
        answer = await ports.main.get(path, headers={"host": host})
        assert "location" not in answer.headers
        assert "evil.example" not in answer.text + str(answer.headers)


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("../settings.py", 404),
        ("%2e%2e/settings.py", 404),
        ("..%2fsettings.py", 404),
        ("..%5csettings.py", 404),
        ("/etc/passwd", 404),
        ("%00", 400),  # control character
        ("main.js%00", 400),
    ],
)
async def test_files_outside_page_folder_get_404(ports: Both, name: str, status: int) -> None:
    answer = await ports.main.get(f"/static/{name}")
    assert answer.status_code == status
    assert "DEPESCHE" not in answer.text


async def test_connection_closes_after_a_body_with_two_lengths(ports: Both) -> None:
    body = b'{"text": "Der Zug."}'
    both_lengths = {"content-type": "application/json", "content-length": "5", "transfer-encoding": "chunked"}
    answer = await ports.main.post("/v1/translate", content=body, headers=both_lengths)
    assert (answer.status_code, answer.headers.get("connection")) == (200, "close")
    answer = await ports.main.post("/v1/translate", json={"text": "Der Zug."})
    assert "connection" not in answer.headers
