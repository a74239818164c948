"""Tests of API keys over HTTP: scopes, paths that need no key, keys in headers and bodies, and the form of errors."""

import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus

import pytest
from starlette.requests import Request

from service.http import admission as credentials
from service.http.keys import Key, Scope, digest_of
from service.http.state import needs_key
from tests.api.both import Both, both

ALL: tuple[Scope, ...] = ("translate", "summarize", "articles", "admin")
TOKENS = {scope: f"key-for-{scope}-" + "x" * 32 for scope in ALL}
NEEDED: dict[str, set[Scope]] = {
    "/v1/translate": {"translate"},
    "/v1/check": {"translate"},
    "/v1/summarize": {"summarize"},
    "/v1/articles": {"articles"},
    "/v1/articles:batch": {"articles"},
    "/v1/jobs/{job_id}": {"articles"},
    "/v1/results/{result_key}": {"articles"},
    "/v1/models": set(ALL),
    "/translate": {"translate"},
    "/detect": {"translate"},
    "/v2/translate": {"translate"},
    "/v2/languages": {"translate"},
    "/v2/usage": {"translate"},
    "/v2/glossary-language-pairs": {"translate"},
    "/v2/glossaries": {"translate"},
    "/v2/glossaries/{glossary_id}": {"translate"},
    "/v2/glossaries/{glossary_id}/entries": {"translate"},
    "/v3/languages": {"translate"},
    "/v3/glossaries": {"translate"},
    "/v3/glossaries/{glossary_id}": {"translate"},
    "/v3/glossaries/{glossary_id}/entries": {"translate"},
    "/translate_file": {"translate"},
    "/admin/cache/purge": {"admin"},
    "/admin/reload": {"admin"},
    "/admin/status": {"admin"},
}
TEXT = "Der Zug fährt heute nicht."
CHALLENGE = 'Bearer realm="depesche"'
WORK: dict[str, tuple[Scope, dict[str, Any]]] = {
    "/v1/translate": ("translate", {"text": TEXT}),
    "/v1/summarize": ("summarize", {"text": TEXT, "method": "lead"}),
    "/v1/articles": ("articles", {"body": TEXT, "outputs": ["translation"]}),
}
PEERS: dict[str, dict[str, Any]] = {
    "/v2/translate": {"text": [TEXT], "target_lang": "EN"},
    "/translate": {"q": TEXT, "source": "de", "target": "en"},
    "/detect": {"q": TEXT},
}


def write_keys(file: Path, *scopes: Scope) -> None:
    lines = (Key(f"cms-{scope}", frozenset({scope}), digest_of(TOKENS[scope])).line() for scope in scopes)
    file.write_text("\n".join(lines), "utf-8")


def bearer(scope: Scope) -> dict[str, str]:
    return {"authorization": f"Bearer {TOKENS[scope]}"}


@pytest.fixture
async def ports(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AsyncIterator[Both]:
    """Start the application on the main and the administration port, and yield the clients.

    There is one key for each scope.
    """
    write_keys(tmp_path / "keys", *ALL)
    async with both(monkeypatch, keys_file=tmp_path / "keys", metrics_port="both") as found:
        yield found


@pytest.mark.parametrize("path", WORK)
async def test_endpoint_requires_its_scope(ports: Both, path: str) -> None:
    needed, body = WORK[path]
    for scope in ALL:
        answer = await ports.main.post(path, json=body, headers=bearer(scope))
        assert answer.status_code == (200 if scope == needed else 403), answer.text
        if scope != needed:
            assert answer.json()["code"] == "scope_missing"
            assert answer.headers["www-authenticate"] == f'{CHALLENGE}, error="insufficient_scope", scope="{needed}"'


@pytest.mark.parametrize(
    ("header", "code", "challenge"),
    [
        (None, "key_missing", CHALLENGE),
        ("", "key_missing", CHALLENGE),
        ("Bearer", "key_missing", CHALLENGE),
        ("Bearer  ", "key_missing", CHALLENGE),
        ("Basic dXNlcjpwYXNz", "key_missing", CHALLENGE),
        (TOKENS["translate"], "key_missing", CHALLENGE),
        ("Bearer wrong", "key_unknown", f'{CHALLENGE}, error="invalid_token"'),
        (f"Bearer {TOKENS['translate']}x", "key_unknown", f'{CHALLENGE}, error="invalid_token"'),
        (f"Bearer {'x' * 20_000}", "key_unknown", f'{CHALLENGE}, error="invalid_token"'),
        ("Bearer sch\u00f6n", "key_unknown", f'{CHALLENGE}, error="invalid_token"'),
    ],
)
async def test_body_is_not_read_without_valid_key(ports: Both, header: str | None, code: str, challenge: str) -> None:
    headers = {} if header is None else {"authorization": header.encode("latin-1")}
    answer = await ports.main.post("/v1/translate", content=b"no json", headers=headers)  # type: ignore[arg-type]  # bytes
    assert (answer.status_code, answer.json()["code"]) == (401, code)
    assert answer.headers["www-authenticate"] == challenge
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["request_id"] == answer.headers["x-request-id"]
    assert header is None or len(header) < 10 or header[7:] not in answer.text


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "DeepL-Auth-Key", "BEARER "])
async def test_both_schemes_work_on_all_paths(ports: Both, scheme: str) -> None:
    headers = {"authorization": f"{scheme} {TOKENS['translate']}"}
    assert (await ports.main.post("/v1/translate", json={"text": TEXT}, headers=headers)).status_code == 200
    assert (await ports.main.get("/v2/usage", headers=headers)).status_code == 200


@pytest.mark.parametrize("path", PEERS)
@pytest.mark.parametrize("field", ["api_key", "auth_key"])
async def test_key_is_found_in_json_and_form_bodies(ports: Both, path: str, field: str) -> None:
    body = {**PEERS[path], field: TOKENS["translate"]}
    known = field == ("auth_key" if path == "/v2/translate" else "api_key")
    parts = {name: (None, value[0] if isinstance(value, list) else value) for name, value in body.items()}
    for given in ({"json": body}, {"data": body}, {"files": parts}):
        answer = await ports.main.post(path, **given)
        assert answer.status_code == (200 if known else 400), answer.text


@pytest.mark.parametrize("path", PEERS)
async def test_compatible_refusal_has_peer_format(ports: Both, path: str) -> None:
    wrong: list[dict[str, Any]] = [
        {"json": PEERS[path]},
        {"json": {**PEERS[path], "api_key": "wrong"}},
        {"json": {**PEERS[path], "api_key": ["a"]}},
        {"json": [1]},
        {"content": b"{"},
        {"content": b"[" * 100_000},
        {"content": b"\xff", "headers": {"content-type": "application/x-www-form-urlencoded"}},
        {"content": b"-", "headers": {"content-type": "multipart/form-data"}},
        {"json": PEERS[path], "params": {"api_key": TOKENS["translate"], "auth_key": TOKENS["translate"]}},
        {"json": PEERS[path], "headers": bearer("admin")},
    ]
    for request in wrong:
        answer = await ports.main.post(path, **request)
        assert answer.status_code == 403, request
        body = answer.json()
        assert body.keys() == {"message", "error", "code", "request_id"}
        assert body["code"] in {"key_missing", "key_unknown", "scope_missing"}


async def test_open_paths_need_no_key(ports: Both) -> None:
    for path in (
        "/livez",
        "/readyz",
        "/health",
        "/metrics",
        "/",
        "/static/main.js",
        "/openapi.json",
        "/docs",
        "/languages",
    ):
        assert (await ports.main.get(path)).status_code == 200, path
    assert (await ports.admin.get("/metrics")).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/v1/models",
        "/v1/nothing",
        "/nothing",
        "/v1/translate/",
        "/V1/translate",
        "//v1/translate",
        "/static",
        "/livez/",
        "/metrics/x",
        "/v2/languages",
        "/languages/",
        "/%2e%2e/v1/models",
    ],
)
async def test_other_paths_need_a_key(ports: Both, path: str) -> None:
    assert (await ports.main.get(path)).status_code in {401, 403}


@pytest.mark.parametrize("path", ["/static/../v1/models", "/static/%2e%2e/v1/models", "/static//v1/models", "/static/"])
async def test_paths_below_open_paths_need_a_key(ports: Both, path: str) -> None:
    answer = await ports.main.get(path)
    assert answer.status_code in {401, 404}
    assert "starter" not in answer.text


async def test_administration_requires_its_scope(ports: Both) -> None:
    purge = {"text": TEXT}
    statuses = {
        scope: (await ports.admin.post("/admin/cache/purge", json=purge, headers=bearer(scope))).status_code
        for scope in ALL
    }
    assert statuses == {"translate": 403, "summarize": 403, "articles": 403, "admin": 200}
    assert (await ports.purge(text=TEXT)).status_code == 401


async def test_removed_key_is_refused_without_restart(ports: Both, tmp_path: Path) -> None:
    assert (await ports.main.get("/v1/models", headers=bearer("summarize"))).status_code == 200
    write_keys(tmp_path / "keys", "translate")
    store = ports.main._transport.app.state.runtime.keys  # type: ignore[attr-defined]  # the ASGI transport's application
    await store.refresh()
    assert (await ports.main.get("/v1/models", headers=bearer("summarize"))).status_code == 401
    assert (await ports.main.get("/v1/models", headers=bearer("translate"))).status_code == 200
    assert "depesche_keys 1.0" in (await ports.main.get("/metrics")).text


async def test_keys_are_ignored_without_key_file(monkeypatch: pytest.MonkeyPatch) -> None:
    async with both(monkeypatch) as ports:
        for headers in ({}, {"authorization": "Bearer whatever"}, {"authorization": "Basic eDp5"}):
            assert (await ports.translate(TEXT, **headers)).status_code == 200
        assert (await ports.purge(text=TEXT)).status_code == 200


async def test_every_route_is_open_or_has_a_scope(ports: Both) -> None:
    found: dict[str, set[str]] = {}
    for client in (ports.main, ports.admin):
        transport: Any = client._transport  # the administration port does not serve its document
        for path, operations in transport.app.openapi()["paths"].items():
            for method in operations if needs_key(path) else ():
                answers = {scope: await client.request(method, path, json={}, headers=bearer(scope)) for scope in ALL}
                found[path] = {scope for scope, answer in answers.items() if answer.status_code != 403}
    assert found == NEEDED


@pytest.mark.parametrize("path", [*NEEDED, "/livez", "/nothing"])
@pytest.mark.parametrize("end", ["%0A", "%0D%0A", "%00", "%7F", "%C2%85"])
async def test_control_character_in_path_is_refused(ports: Both, path: str, end: str) -> None:
    for client in (ports.main, ports.admin):
        for headers in ({}, bearer("admin")):
            answer = await client.post(f"{path}{end}", json={"body": TEXT, "text": TEXT}, headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (400, "path_invalid")


async def test_valid_key_gets_404_on_unknown_path(ports: Both) -> None:
    for path in ("/v1/nothing", "/admin/reload", "/v2/nothing"):
        assert (await ports.main.post(path)).status_code in {401, 403}
        assert (await ports.main.post(path, headers=bearer("summarize"))).status_code == 404


FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize("fill", ["%", "&", "&a=b", "%26", "+"])
async def test_large_form_without_key_is_not_parsed(ports: Both, monkeypatch: pytest.MonkeyPatch, fill: str) -> None:
    decoded: list[int] = []

    def counted(text: str) -> str:
        decoded.append(len(text))
        return unquote_plus(text)

    monkeypatch.setattr(credentials, "unquote_plus", counted)
    monkeypatch.setattr(Request, "form", None)
    body = ("q=" + fill * 2**20)[: 2**20]
    answer = await ports.main.post("/translate", content=body, headers={"content-type": FORM})
    assert (answer.status_code, answer.json()["code"]) == (403, "key_missing")
    assert sum(decoded) <= 2 * credentials.MAX_KEY_BYTES


async def test_large_body_is_scanned_in_a_thread(ports: Both, monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[threading.Thread] = []
    look = credentials._key

    def noted(content_type: bytes, body: bytes) -> str | None:
        threads.append(threading.current_thread())
        return look(content_type, body)

    monkeypatch.setattr(credentials, "_key", noted)
    body = f"q={'a' * 100_000}&target=en&api_key=wrong"
    answer = await ports.main.post("/translate", content=body, headers={"content-type": FORM})
    assert answer.json()["code"] == "key_unknown"
    assert threads[0] is not threading.main_thread()


async def test_body_with_key_has_smaller_limit(ports: Both) -> None:
    for headers in ({"content-type": FORM}, {"content-type": "application/json"}):
        answer = await ports.main.post("/translate", content=b"q" * (2**20 + 1), headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
    answer = await ports.main.post("/translate", content=b"q" * (2**20 + 1), headers=bearer("translate"))
    assert answer.status_code == 415


@pytest.fixture
async def counted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AsyncIterator[Both]:
    """Start the application with a limit of three requests per hour and address without a valid key."""
    write_keys(tmp_path / "keys", *ALL)
    async with both(monkeypatch, keys_file=tmp_path / "keys", rate_denied="3/hour") as found:
        yield found


async def denied(ports: Both, times: int) -> list[int]:
    body, headers = {"text": TEXT}, {"authorization": "Bearer wrong"}
    return [(await ports.main.post("/v1/translate", json=body, headers=headers)).status_code for _ in range(times)]


async def test_address_with_many_invalid_keys_gets_429(counted: Both) -> None:
    assert await denied(counted, 5) == [401, 401, 401, 429, 429]
    answer = await counted.main.post("/v1/summarize", json={"text": TEXT})
    assert (answer.status_code, answer.json()["code"]) == (429, "rate_exceeded")
    assert 1 <= int(answer.headers["retry-after"]) <= 3_600


async def test_valid_key_is_accepted_from_a_limited_address(counted: Both) -> None:
    await denied(counted, 5)
    assert (await counted.main.post("/v1/translate", json={"text": TEXT}, headers=bearer("translate"))).is_success
    body = {**PEERS["/translate"], "api_key": TOKENS["translate"]}
    assert (await counted.main.post("/translate", json=body)).is_success


async def test_large_body_without_key_is_not_read_from_a_limited_address(
    counted: Both, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unread(*_: object) -> str:
        raise AssertionError("the body was read")

    await denied(counted, 3)
    monkeypatch.setattr(credentials, "key_in_body", unread)
    large = b"q=" + b"a" * credentials.SMALL_BYTES

    async def streamed() -> AsyncIterator[bytes]:
        yield b"q=a"

    contents: list[bytes | AsyncIterator[bytes]] = [large, streamed()]
    for content in contents:
        answer = await counted.main.post("/translate", content=content, headers={"content-type": FORM})
        assert answer.status_code == 429, answer.text


async def test_requests_with_a_valid_key_are_not_counted(counted: Both) -> None:
    for _ in range(5):
        await counted.main.post("/v1/translate", json={"text": TEXT}, headers=bearer("translate"))
        await counted.main.get("/livez")
    assert await denied(counted, 1) == [401]


async def test_limit_on_invalid_keys_can_be_turned_off(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    write_keys(tmp_path / "keys", *ALL)
    async with both(monkeypatch, keys_file=tmp_path / "keys", rate_denied="none") as ports:
        assert set(await denied(ports, 70)) == {401}
