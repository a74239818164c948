"""Tests of the status on the administration port: models, share of flagged sentences, usage of keys, and purges."""

import json
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from service.cache.redis import PurgeIncomplete
from service.domain import Notice, Span
from service.events import CachePurged, RequestDone, ResultGiven, TextAccepted
from service.http.keys import Key, digest_of
from service.http.state import MAX_HOURS, MAX_KEYS, MAX_PURGES, History
from service.results import SentencePair, Translation, flagged_sentences
from tests.api.both import Both, both

TEXT = "Der Zug fährt heute nicht."
HTML = {"accept": "text/html,application/xhtml+xml"}


@pytest.fixture
async def ports(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Both]:
    async with both(monkeypatch) as found:
        yield found


async def status(ports: Both) -> dict[str, Any]:
    answer = await ports.admin.get("/admin/status")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def result(sentences: int, flagged: int) -> ResultGiven:
    return ResultGiven(
        "translation", (), needs_review=flagged > 0, truncated=False, sentences=sentences, flagged=flagged
    )


async def test_status_lists_models_with_their_queues(ports: Both) -> None:
    found = await status(ports)
    assert found["status"] == "ready"
    names = [model.name for model in ports.service.models]
    assert [one["name"] for one in found["models"]] == names
    assert all(
        (one["state"], one["queued_sentences"], one["queued_tokens"]) == ("ready", 0, 0) for one in found["models"]
    )


async def test_status_counts_sentences_and_characters(ports: Both) -> None:
    await ports.translate([TEXT, f"{TEXT} Er steht."])
    await ports.main.post("/v1/translate", json={"text": ""})
    found = await status(ports)
    (hour,) = found["hours"]
    assert (hour["results"], hour["sentences"]) == (2, 3)
    assert hour["flagged_share"] == pytest.approx(hour["flagged_sentences"] / 3, abs=0.001)
    (usage,) = found["usage"]
    assert (usage["key_id"], usage["requests"], usage["failed"]) == (None, 2, 1)
    assert usage["characters"] == 2 * len(TEXT) + len(" Er steht.")


async def test_status_separates_keys_and_needs_the_admin_scope(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    tokens = {name: f"key-of-{name}-" + "x" * 32 for name in ("cms", "operator")}
    lines = (
        Key("cms", frozenset({"translate"}), digest_of(tokens["cms"])).line(),
        Key("operator", frozenset({"admin"}), digest_of(tokens["operator"])).line(),
    )
    (tmp_path / "keys").write_text("\n".join(lines), "utf-8")
    headers = {name: {"authorization": f"Bearer {token}"} for name, token in tokens.items()}
    async with both(monkeypatch, keys_file=tmp_path / "keys") as ports:
        await ports.main.post("/v1/translate", json={"text": TEXT}, headers=headers["cms"])
        assert (await ports.admin.get("/admin/status")).status_code == 401
        assert (await ports.admin.get("/admin/status", headers=headers["cms"])).status_code == 403
        await ports.admin.post("/admin/cache/purge", json={"text": TEXT}, headers=headers["operator"])
        found = (await ports.admin.get("/admin/status", headers=headers["operator"])).json()
    usage = {one["key_id"]: one for one in found["usage"]}
    assert usage["cms"]["characters"] == len(TEXT)
    (purge,) = found["purges"]
    assert (purge["key_id"], purge["kind"], purge["texts"], purge["complete"]) == ("operator", "texts", 1, True)


async def test_purges_are_recorded_without_their_texts(ports: Both, caplog: pytest.LogCaptureFixture) -> None:
    key = (await ports.translate(TEXT)).json()["result_key"]
    with caplog.at_level(logging.INFO, "depesche"):
        for what in ({"text": [TEXT, "Er steht."]}, {"result_key": key}, {"all": True}):
            assert (await ports.purge(**what)).status_code == 200
    kinds = [(one["kind"], one["texts"]) for one in (await status(ports))["purges"]]
    assert kinds == [("all", 0), ("result", 1), ("texts", 2)]
    assert [one.message for one in caplog.records].count("CachePurged") == 3
    assert TEXT not in json.dumps(await status(ports))
    assert TEXT not in caplog.text


async def test_incomplete_purge_is_recorded(ports: Both, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fails(*_: object, **__: object) -> None:
        raise PurgeIncomplete("the shared cache did not respond")

    monkeypatch.setattr(ports.service.cache, "purge", fails)
    assert (await ports.purge(text=TEXT)).status_code == 503
    (purge,) = (await status(ports))["purges"]
    assert (purge["complete"], purge["shared"]) == (False, None)


async def test_browser_gets_a_page_without_scripts(ports: Both) -> None:
    await ports.translate(TEXT)
    answer = await ports.admin.get("/admin/status", headers=HTML)
    assert answer.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "<h1>Depesche: ready</h1>" in answer.text
    assert f"<td>{ports.service.models[0].name}</td>" in answer.text
    assert "<script" not in answer.text
    assert TEXT not in answer.text


async def test_status_answers_only_to_loopback_names(ports: Both) -> None:
    assert (await ports.admin.get("/admin/status", headers={"host": "evil.example"})).status_code == 403


def test_history_is_bounded_and_sorted_by_hour() -> None:
    now_s = 0.0
    history = History(clock=lambda: now_s)
    for hour in range(MAX_HOURS + 5):
        now_s = hour * 3_600 + 59
        history.listen(result(4, 1))
        history.listen(result(6, 0))
    assert len(history.hours) == MAX_HOURS
    assert [history.hours[0].begins_s, history.hours[-1].begins_s] == [5 * 3_600, (MAX_HOURS + 4) * 3_600]
    assert {(one.results, one.reviews, one.sentences, one.flagged) for one in history.hours} == {(2, 1, 10, 1)}
    for number in range(MAX_KEYS + 5):
        history.listen(TextAccepted(7, f"key{number}"))
    assert len(history.keys) == MAX_KEYS
    assert "key0" not in history.keys
    for _ in range(MAX_PURGES + 5):
        history.listen(CachePurged("all", 0, 1, None, complete=True, key_id=None))
    assert len(history.purges) == MAX_PURGES


def test_probes_are_no_usage() -> None:
    history = History()
    for route in ("/livez", "/metrics", "/static/page.js"):
        history.listen(RequestDone("GET", route, 200, 0.1, "id"))
    assert not history.keys


def test_flagged_sentences_are_counted_once() -> None:
    pairs = tuple(SentencePair(Span(start, start + 9), Span(0, 1)) for start in (0, 10, 20))
    notices = (
        Notice("figure_missing", "", Span(12, 14)),
        Notice("name_missing", "", Span(10, 11)),
        Notice("term_unused", "", Span(22, 23), review=False),
        Notice("language", "", None),
        Notice("figure_missing", "", Span(25, 26)),
    )
    found = Translation("", pairs, notices, truncated=False, cached=0, of=3)
    assert flagged_sentences(found) == 2
    assert flagged_sentences(Translation("", (), notices, truncated=False, cached=0, of=0)) == 0
