"""Tests of the record of an archive line: it is equal to the response of POST /v1/articles.

For an invalid line, the record contains the error, and no exception is raised.
"""

import json
from collections.abc import Callable
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from service.backfill.journal import FilePosition, InputLine
from service.backfill.record import EngineDead, Record, Worker, encoded
from service.backfill.runner import verdict
from service.errors import EngineError, EngineHung, QueueFull
from service.http.state import Runtime
from service.newsroom.answers import ArticleAnswer
from service.newsroom.article import ArticlePipeline, ArticleResult
from service.newsroom.commands import ArticleCommand, CallContext
from service.newsroom.newsroom import Newsroom

BODY = "Der Bundestag stimmt am Freitag über den Haushalt ab. In Hamburg regnete es am Wochenende stärker als erwartet."
LIMIT_BYTES = 2_000
FAST: dict[str, Any] = {"outputs": ["summary"], "method": "lead", "clean": False}
Ask = Callable[..., Record]


@pytest.fixture
def ask(client: TestClient) -> Ask:
    """Return a function that processes an archive line, given as an object or as bytes, and returns its record."""

    def record(line: Any, *, number: int = 7, defaults: dict[str, Any] | None = None, cache: bool = False) -> Record:
        assert isinstance(client.app, FastAPI)
        runtime: Runtime = client.app.state.runtime
        given = FAST if defaults is None else defaults
        worker = Worker(runtime.newsroom, runtime.limits, LIMIT_BYTES, given, cache=cache)
        data = line if line is None or isinstance(line, bytes) else json.dumps(line).encode()
        assert client.portal is not None
        found: Record = json.loads(encoded(client.portal.call(worker.record, InputLine(number, data, FilePosition()))))
        return found

    return record


def timeless(answer: dict[str, Any]) -> dict[str, Any]:
    jsonld = {**answer["provenance"]["jsonld"], "endTime": None}
    return {**answer, "provenance": {**answer["provenance"], "generated_at": None, "jsonld": jsonld}}


def test_a_result_is_what_the_endpoint_answers(ask: Ask, client: TestClient) -> None:
    line = {"headline": "Haushalt", "lead": "Es geht um Geld.", "body": BODY, "length": "short"}
    answer = client.post("/v1/articles", json=line, headers={"Cache-Control": "no-store"})
    assert answer.status_code == 200
    record = ask({"id": "a-1", **line}, defaults={})
    assert list(record) == ["id", "line", "result"]
    assert (record["id"], record["line"]) == ("a-1", 7)
    assert timeless(record["result"]) == timeless(answer.json())


def test_verdict_has_the_warnings_of_every_text(ask: Ask) -> None:
    outputs = ["summary", "translation", "summary_translation", "headlines"]
    record = ask({"body": BODY, "outputs": outputs}, defaults={})
    result = record["result"]
    for summary in (result["summary"], result["summary_translation"]):
        summary["variants"] = [dict(summary)]
    result["headlines"] = [{"text": "Haushalt", "support": [], "warnings": [], "needs_review": False}]
    variants = [result[one]["variants"][0] for one in ("summary", "summary_translation")]
    parts = [result["article"], *(result[one] for one in outputs[:3]), *variants, *result["headlines"]]
    for number, part in enumerate(parts):
        part["warnings"] = [{"code": f"code_{number}"}]
    assert sorted(verdict(record).warnings) == [f"code_{number}" for number in range(len(parts))]


@pytest.mark.parametrize(
    "line",
    [
        b"not JSON",
        b'{"body": "x"',
        b"\xff\xfe{",
        b"[" * 1_500,
        b'["a list"]',
        b"12",
        {},
        {"body": " "},
        {"body": 12},
        {"body": BODY, "colour": "red", "a/b": 1},
        {"body": BODY, "length": "huge"},
        {"body": BODY, "length": "short", "max_words": 20},
        {"body": BODY, "max_words": 1},
        {"body": "half a pair: \ud800"},
        {"body": BODY, "headline": "\ud800"},
        {"body": BODY, "outputs": []},
        {"body": BODY, "priority": "urgent"},
    ],
)
def test_an_error_is_what_the_endpoint_answers(ask: Ask, client: TestClient, line: Any) -> None:
    data = line if isinstance(line, bytes) else json.dumps(line).encode()
    answer = client.post("/v1/articles", content=data, headers={"Content-Type": "application/json"}).json()
    record = ask(data, defaults={})
    assert list(record) == ["id", "line", "error"]
    assert record["id"] == 7
    error = record["error"]
    assert error.pop("request_id") == "line-7"
    answer.pop("request_id")
    if answer["code"] == "malformed_json":
        error.pop("detail")
        answer.pop("detail")
    assert error == answer


def test_a_line_that_is_too_long_is_an_error_with_the_limit(ask: Ask) -> None:
    record = ask(None)
    assert record["error"]["code"] == "body_too_large"
    assert record["error"]["status"] == 413
    assert record["error"]["errors"][0]["limit"] == LIMIT_BYTES


@pytest.mark.parametrize("name", ["", "ä/1", 0, -12, 1.5, 10**30])
def test_an_id_is_passed_through(ask: Ask, name: str | float) -> None:
    assert ask({"id": name, "body": BODY})["id"] == name
    assert ask({"id": name, "body": ""})["id"] == name


@pytest.mark.parametrize("name", [None, True, [1], {"a": 1}, "x" * 1_001, "\ud800", float("nan"), float("inf")])
def test_an_id_that_is_none_is_an_error_under_the_lines_number(ask: Ask, name: Any) -> None:
    record = ask({"id": name, "body": BODY})
    assert record["id"] == 7
    assert record["error"]["code"] == "id_invalid"
    assert record["error"]["errors"][0]["pointer"] == "/id"


def test_a_lone_surrogate_in_a_fields_name_does_not_stop_the_output(ask: Ask) -> None:
    record = ask({"body": BODY, "\ud800": 1})
    assert record["error"]["code"] == "text_not_unicode"


def test_defaults_are_for_lines_that_say_nothing_themselves(ask: Ask) -> None:
    defaults: dict[str, Any] = {"outputs": ["summary"], "method": "lead", "clean": False, "length": "short"}
    towns = (
        "Bremen",
        "Erfurt",
        "Fulda",
        "Jena",
        "Kassel",
        "Mainz",
        "Passau",
        "Rostock",
        "Siegen",
        "Trier",
        "Ulm",
        "Worms",
    )
    body = " ".join(f"Der Stadtrat von {town} hat am Montag den Bau einer neuen Brücke beschlossen." for town in towns)
    article = {"body": body}

    def words(**line: Any) -> int:
        return len(ask({**article, **line}, defaults=defaults)["result"]["summary"]["text"].split())

    assert words() <= 40
    assert words(length=None) <= 40
    assert 40 < words(length="medium") <= 120
    assert 40 < words(max_words=60) <= 60
    assert ask({**article, "method": "extractive"}, defaults=defaults)["result"]["summary"]["method"] == "extractive"


def test_the_cache_is_left_alone_unless_asked_for(ask: Ask) -> None:
    article = {
        "body": "Das Museum öffnet am Dienstag nach langem Umbau wieder seine Türen.",
        "outputs": ["translation"],
    }
    cached = [
        ask(article, defaults={"clean": False}, cache=cache)["result"]["translation"]["cached"]["sentences"]
        for cache in (False, False, True, True, False)
    ]
    assert cached == [0, 0, 0, 1, 0]


class Failing:
    """A replacement for the article pipeline that raises each of ``errors`` in one call and then works normally."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *errors: Exception) -> None:
        self._errors = list(errors)
        self._run = ArticlePipeline.run
        self.calls = 0
        # A bound method would not be given the editor.
        monkeypatch.setattr(ArticlePipeline, "run", lambda *given, **options: self._call(*given, **options))  # noqa: PLW0108 as said

    async def _call(self, *given: Any, **options: Any) -> ArticleResult:
        self.calls += 1
        if self._errors:
            raise self._errors.pop(0)
        return await self._run(*given, **options)


def test_a_full_queue_is_waited_for(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    editor = Failing(monkeypatch, *[QueueFull("full", retry_after_s=0.01) for _ in range(20)])
    assert "result" in ask({"body": BODY})
    assert editor.calls == 21


def test_a_hang_is_tried_again_and_a_failure_is_not(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.backfill.record.HANG_PAUSE_S", 0.01)
    Failing(monkeypatch, EngineHung("slow"), EngineHung("slow"))
    assert "result" in ask({"body": BODY})
    Failing(monkeypatch, *[EngineHung("slow")] * 3)
    assert ask({"body": BODY})["error"]["code"] == "engine_hung"
    Failing(monkeypatch, EngineError("the engine raised RuntimeError"))
    assert ask({"body": BODY})["error"]["code"] == "engine_failed"


def test_a_fault_of_our_own_is_an_error_without_its_message(
    ask: Ask, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    Failing(monkeypatch, RuntimeError("Der geheime Satz"))
    record = ask({"body": BODY})
    assert record["error"]["code"] == "internal"
    assert "geheim" not in json.dumps(record) + caplog.text
    assert "line 7" in caplog.text
    assert "RuntimeError" in caplog.text


def test_a_lost_engine_ends_the_run_and_is_no_lines_error(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    Failing(monkeypatch, EngineHung("lost"))
    monkeypatch.setattr(Newsroom, "dead", True)
    with pytest.raises(EngineDead):
        ask({"body": BODY})


def test_every_line_is_bulk_work_without_a_deadline(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[str, float | None]] = []
    article = Newsroom.article

    async def watched(newsroom: Newsroom, command: ArticleCommand, context: CallContext) -> ArticleAnswer:
        seen.append((command.priority, context.deadline_s))
        return await article(newsroom, command, context)

    monkeypatch.setattr(Newsroom, "article", watched)
    assert "result" in ask({"body": BODY, "priority": "interactive"})
    assert seen == [("bulk", None)]
