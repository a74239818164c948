"""Tests of the administration port: removal of cache entries, reloads, metrics, and rejected work at shutdown."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.api.both import Both, both

STORY = "Der Zug fährt heute nicht. Der Bus fährt auch nicht."
OTHER = "Der Zug fährt heute nicht. Die Fähre legt pünktlich ab."


@pytest.fixture
async def ports(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Both]:
    async with both(monkeypatch) as found:
        yield found


async def test_purge_by_text_deletes_shared_sentences(ports: Both) -> None:
    await ports.translate(STORY)
    await ports.translate(OTHER)
    answer = await ports.purge(text=STORY)
    assert answer.json() == {"purged": {"memory": 2, "shared": None}}
    assert await ports.cached(OTHER) == 1
    assert await ports.cached(STORY) == 1  # the other text has just put it into the cache again


async def test_purge_accepts_several_texts(ports: Both) -> None:
    await ports.translate([STORY, OTHER])
    assert (await ports.purge(text=[STORY, OTHER])).json()["purged"]["memory"] == 3


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/translate", {"text": [STORY, OTHER]}),
        ("/v1/summarize", {"text": STORY, "target_lang": "en"}),
        ("/v1/articles", {"body": STORY, "outputs": ["summary", "translation", "summary_translation"]}),
    ],
)
async def test_purge_by_result_key_deletes_its_entries(ports: Both, path: str, body: dict[str, Any]) -> None:
    key = (await ports.main.post(path, json=body)).json()["result_key"]
    assert (await ports.purge(result_key=key)).json()["purged"]["memory"] > 0
    assert ports.service.cache.memory.stats.entries == 0


async def test_purge_by_key_of_cached_result(ports: Both) -> None:
    await ports.translate(OTHER)
    key = (await ports.translate("Der Zug fährt heute nicht.")).json()["result_key"]
    assert (await ports.purge(result_key=key)).json()["purged"]["memory"] == 1


async def test_purge_all_deletes_everything(ports: Both) -> None:
    await ports.translate([STORY, OTHER])
    assert (await ports.purge(all=True)).json() == {"purged": {"memory": 3, "shared": None}}
    assert await ports.cached(STORY) == 0


async def test_unknown_text_purges_nothing(ports: Both) -> None:
    assert (await ports.purge(text="Nie gesehen.")).json()["purged"] == {"memory": 0, "shared": None}
    assert (await ports.purge(result_key="0" * 64)).json()["purged"] == {"memory": 0, "shared": None}


@pytest.mark.parametrize(
    "body",
    [{}, {"text": "a", "all": True}, {"all": False}, {"result_key": "A" * 64}, {"text": []}, {"text": 1}, {"x": 1}],
)
async def test_invalid_purge_is_a_problem(ports: Both, body: dict[str, Any]) -> None:
    answer = await ports.admin.post("/admin/cache/purge", json=body, headers={"x-request-id": "operator-1"})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["request_id"] == answer.headers["x-request-id"] == "operator-1"


async def test_admin_port_has_body_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    async with both(monkeypatch, max_body_bytes=1_000) as ports:
        answer = await ports.purge(text="a" * 1_000)
        assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


async def test_admin_port_without_keys_answers_only_to_loopback_names(ports: Both) -> None:
    for host, status in (("127.0.0.1:8001", 200), ("[::1]:8001", 200), ("rebound.example:8001", 403)):
        answer = await ports.admin.post("/admin/cache/purge", json={"text": "Hund"}, headers={"host": host})
        assert answer.status_code == status
    assert answer.json()["code"] == "host_refused"
    assert "Host header" in answer.json()["detail"]


async def test_admin_port_has_no_api_document(ports: Both) -> None:
    assert (await ports.admin.get("/openapi.json")).status_code == 404


async def test_main_port_has_no_admin_paths(ports: Both) -> None:
    assert (await ports.main.post("/admin/cache/purge", json={"all": True})).status_code == 404
    assert (await ports.admin.post("/v1/translate", json={"text": STORY})).status_code == 404
    assert not [path for path in (await ports.main.get("/openapi.json")).json()["paths"] if "admin" in path]


@pytest.mark.parametrize(("where", "expected"), [("main", (200, 404)), ("admin", (404, 200)), ("both", (200, 200))])
async def test_metrics_port_follows_setting(
    monkeypatch: pytest.MonkeyPatch, where: str, expected: tuple[int, int]
) -> None:
    async with both(monkeypatch, metrics_port=where) as ports:
        found = [(await client.get("/metrics")).status_code for client in (ports.main, ports.admin)]
        assert tuple(found) == expected


async def test_new_work_while_refusing_gets_503(ports: Both) -> None:
    ports.service.lifecycle.refuse_work()
    answer = await ports.translate(STORY)
    assert (answer.status_code, answer.json()["code"]) == (503, "draining")
    assert int(answer.headers["retry-after"]) >= 1
    assert (await ports.main.get("/livez")).status_code == 200
    assert (await ports.purge(text=STORY)).status_code == 200


@pytest.mark.parametrize(
    ("sent", "status"), [({"content": b""}, 415), ({"json": {"models": []}}, 422), ({"json": []}, 422)]
)
async def test_reload_requires_empty_object(ports: Both, sent: dict[str, Any], status: int) -> None:
    assert (await ports.admin.post("/admin/reload", **sent)).status_code == status
