"""Tests that texts and keys from requests do not appear in any log line, metric, trace or cache entry."""

import base64
import contextlib
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.http.keys import SCOPES, Key, digest_of
from tests.chaos.server import PATIENCE_S, Line, Server, serving
from tests.redis_server import RedisServer, free_port
from tests.test_tracing import collector

pytestmark = pytest.mark.slow

# A tokenizer may split these words, so their first letters are searched for as well.
MARKS = ("Zwetschgenkuchen", "Xanthippenfest", "Quarkkeulchen", "Yamswurzelbrei", "Joghurtbecherdeckel")
TEXT = f"Der {MARKS[0]} ist vertraulich. Das {MARKS[1]} beginnt am Freitag um 9 Uhr in Kiel."
TOKEN = "depesche_geheimer-schluessel-" + "x" * 30
WRONG = "depesche_falscher-schluessel-" + "y" * 30
SEAL = base64.b64encode(b"s" * 32).decode()
SECRETS = (TOKEN, WRONG, TOKEN[9:30], WRONG[9:30], SEAL, "geheimnis-des-caches")
AUTH = {"authorization": f"Bearer {TOKEN}"}
MARKED = {"text": TEXT}
ENDLESS = {"text": " ".join(f"{TEXT} Der Zug Nummer {number} fährt." for number in range(400))}
REQUESTS: list[tuple[str, dict[str, Any], int]] = [
    ("/v1/translate", {"json": MARKED}, 200),
    ("/v1/translate", {"json": {**MARKED, "glossary": {MARKS[0]: MARKS[2]}, "do_not_translate": [MARKS[3]]}}, 200),
    ("/v1/translate", {"json": {"text": f"<p>{TEXT} <b>{MARKS[2]}</b>", "format": "html"}}, 200),
    ("/v1/translate", {"json": MARKED, "headers": {"accept": "text/event-stream"}}, 200),
    ("/v1/translate", {"json": {**MARKED, "context": MARKS[2]}}, 200),
    ("/v1/summarize", {"json": {**MARKED, "headline": MARKS[2]}}, 200),
    ("/v1/summarize", {"json": {**MARKED, "method": "extractive", "target_lang": "en"}}, 200),
    ("/v1/articles", {"json": {"headline": MARKS[2], "lead": MARKS[3], "body": TEXT}}, 200),
    ("/v1/articles", {"json": {"document": f"<html><body><article><p>{TEXT * 9}</p></article></body></html>"}}, 200),
    (
        "/v1/articles",
        {"json": {"body": TEXT, "previous": {"body": TEXT, "summary": MARKS[2], "translation": MARKS[3]}}},
        200,
    ),
    ("/v1/articles", {"json": {"body": TEXT}, "headers": {"prefer": "respond-async"}}, 202),
    ("/v1/articles:batch", {"json": {"articles": [{"body": TEXT}, {"id": "bad", "body": 5, "length": MARKS[4]}]}}, 200),
    ("/v2/translate", {"json": {"text": [TEXT], "target_lang": "EN"}}, 200),
    ("/v2/translate", {"data": {"text": TEXT, "target_lang": "EN", "auth_key": TOKEN}}, 200),
    ("/v1/translate", {"json": {**MARKED, "house_style": {"spelling": "british"}}}, 200),
    ("/translate", {"json": {"q": TEXT, "source": "de", "target": "en", "api_key": TOKEN}}, 200),
    (
        "/translate_file",
        {"data": {"target": "en", "api_key": TOKEN}, "files": {"file": (f"{MARKS[2]}.txt", TEXT)}},
        200,
    ),
    ("/detect", {"json": {"q": TEXT, "api_key": TOKEN}}, 200),
    # Requests that are refused, and one that exceeds its deadline.
    ("/v1/translate", {"json": {**MARKED, MARKS[3]: MARKS[4]}}, 422),
    ("/v1/translate", {"json": {"text": {MARKS[0]: TEXT}}}, 422),
    (
        "/v1/articles",
        {
            "json": {"body": TEXT},
            "headers": {"prefer": "respond-async", "depesche-webhook": f"http://{MARKS[2]}.example/{MARKS[3]}"},
        },
        422,
    ),
    ("/v1/translate", {"content": f'{{"text": "{TEXT}'.encode()}, 400),
    ("/v1/translate", {"content": f'{{"text": "{TEXT}\\udfff"}}'.encode()}, 422),
    ("/v1/translate", {"content": f'{{"{MARKS[0]}":'.encode() * 100}, 422),
    ("/v1/translate", {"json": MARKED, "headers": {"content-encoding": "gzip"}}, 415),
    ("/v1/translate", {"json": {"text": TEXT * 4_000}}, 422),
    ("/v1/translate", {"content": TEXT.encode() * 80_000}, 413),
    ("/v1/translate", {"json": ENDLESS, "headers": {"request-timeout-ms": "1", "cache-control": "no-store"}}, 504),
    ("/v1/translate", {"json": MARKED, "headers": {"authorization": f"Bearer {WRONG}"}}, 401),
    ("/v1/translate", {"json": MARKED, "headers": {"authorization": f"Basic {WRONG}"}}, 401),
    ("/v1/translate", {"json": {**MARKED, "house_style": {"base": MARKS[3]}}}, 422),
    (f"/v1/{MARKS[0]}?{MARKS[1]}={TOKEN}", {"json": MARKED}, 404),
    ("/translate", {"json": {"q": TEXT, "target": MARKS[2], "api_key": TOKEN}}, 400),
    ("/translate", {"json": {"q": TEXT, "target": "en", "api_key": WRONG}}, 403),
    ("/v2/translate", {"data": {"text": TEXT, "target_lang": "EN", MARKS[4]: TEXT}}, 400),
    (
        "/v2/translate",
        {"json": {"text": [f"<p><![CDATA[{TEXT}]]></p>"], "target_lang": "EN", "tag_handling": "xml"}},
        400,
    ),
]
# A refusal repeats only one name that the caller chose: that of the wrong parameter or element.
NAMING = {422: 1, 400: 1}


def sent(server: Server, path: str, request: dict[str, Any]) -> httpx.Response:
    """Send a request with a marker word and a secret key in its headers.

    ``request`` contains the other arguments of the request, such as its body.
    """
    given = {"content-type": "application/json"} if "content" in request else {}
    fields = {*request.get("json", ()), *request.get("data", ())}
    auth = {} if fields & {"api_key", "auth_key"} else AUTH
    headers = {"user-agent": MARKS[4], "referer": f"http://{MARKS[4]}/", "cookie": TOKEN, **auth, **given}
    everything = {**request, "headers": {**headers, **request.get("headers", {})}}
    return httpx.post(server.url + path, timeout=PATIENCE_S, **everything)


def words_in(written: str | bytes) -> list[str]:
    """Return the secrets and the marker words that occur in ``written``.

    Only the first nine letters of each marker word are searched for.
    """
    text = (written if isinstance(written, str) else written.decode("utf-8", "replace")).lower()
    sought = [*SECRETS, *(mark[:9] for mark in MARKS)]
    return [word for word in sought if word.lower() in text]


class Overheard:
    """The recorded log, metrics, traces and cache entries of a server."""

    def __init__(self) -> None:
        self.log = ""
        self.metrics = ""
        self.traces = b""
        self.stored: dict[bytes, bytes] = {}


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("keys") / "keys"
    file.write_text(Key("cms", frozenset(SCOPES) - {"embargo"}, digest_of(TOKEN)).line(), "utf-8")
    return file


def settings_of(keys: Path, redis: RedisServer) -> dict[str, Any]:
    return {
        "keys_file": str(keys),
        "redis_url": redis.url,
        "redis_timeout_ms": "2000",
        "cache_key": "geheimnis-des-caches",
        "cache_seal_key": SEAL,
        "rate_requests": "10000/hour",
        "admin_port": str(free_port()),
    }


def drained(server: Server) -> str:
    """Stop the server with SIGTERM, and return the unread part of its log and its error output."""
    server.process.terminate()
    server.process.wait(PATIENCE_S)
    lines: list[str] = []

    def kept(line: Line) -> bool:
        lines.append(json.dumps(line, ensure_ascii=False))
        return False

    with contextlib.suppress(AssertionError):  # the server has exited, so there are no more lines
        server.line(kept)
    return "\n".join(lines) + server._complained()


@pytest.fixture
def overheard(keys: Path, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> Overheard:
    """Send all test requests to a server, send three of them again without Redis, and return what was recorded."""
    found = Overheard()
    with collector() as (endpoint, bodies):
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
        given = settings_of(keys, redis_server)
        with serving(**given) as server:
            for path, request, status in REQUESTS:
                answer = sent(server, path, request)
                assert answer.status_code == status, (path, answer.status_code, answer.text[:300])
                if status >= 400:
                    assert len(words_in(answer.text)) <= NAMING.get(status, 0), (path, answer.text)
                    assert not set(words_in(answer.text)) & set(SECRETS)
            with redis_server.client() as client:
                found.stored = {key: client.dump(key) or b"" for key in client.scan_iter()}
            redis_server.kill()
            for path, request, status in REQUESTS[:3]:
                assert sent(server, path, request).status_code == status
            shown = httpx.get(f"http://127.0.0.1:{given['admin_port']}/admin/status", headers=AUTH, timeout=PATIENCE_S)
            assert shown.json()["usage"]
            assert words_in(shown.text) == []
            found.metrics = httpx.get(f"{server.url}/metrics", timeout=PATIENCE_S).text
            found.log = drained(server)
        found.traces = b"".join(bodies)
    return found


def test_request_text_never_leaves_the_service(overheard: Overheard) -> None:
    assert overheard.log.count("RequestDone") > len(REQUESTS)
    assert '"key_id": "cms"' in overheard.log
    assert words_in(overheard.log) == []
    assert "depesche_http_requests_total" in overheard.metrics
    assert words_in(overheard.metrics) == []
    assert b"POST /v1/translate" in overheard.traces
    assert words_in(overheard.traces) == []
    assert len(overheard.stored) > 10
    for key, value in overheard.stored.items():
        assert words_in(key) == []
        assert words_in(value) == []
