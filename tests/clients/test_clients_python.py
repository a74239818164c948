"""Tests of the Python client, which calls a running service."""

import ast
import json
import time
from pathlib import Path

import httpx
import pytest

from clients.python.depesche_client import AsyncDepesche, Depesche, Refused, passage
from clients.python.depesche_client.options import BatchArticle
from tests.clients.conftest import Scripted, scripted

SOURCE = Path(__file__).parents[2] / "clients" / "python" / "depesche_client"
TEXT = "Der Rat hat am Dienstag den Haushalt beschlossen.\u2028Die Mehrheit stimmte dafür. 😀"
RUNNING: Scripted = (200, {"Retry-After": "0"}, b'{"status": "running"}')
FAILED = b'{"status": "failed", "problem": {"status": 500, "code": "engine_failed"}}'
BUSY: Scripted = (503, {"Retry-After": "0"}, json.dumps({"code": "queue_full", "detail": "the queue is full"}).encode())


def test_article_has_both_outputs(url: str) -> None:
    with Depesche(url) as depesche:
        assert depesche.is_ready()
        assert {one["task"] for one in depesche.models()} == {"translation", "summary"}
        result = depesche.article(body=TEXT, headline="Haushalt", length="short", write_as="jsonld")
    assert result["summary"]["text"]
    assert result["translation"]["text"]
    assert result["document"]["@type"]


def test_span_is_a_passage(url: str) -> None:
    text = "😀 Der Rat tagt. Er berät den Haushalt."
    with Depesche(url) as depesche:
        (translation,) = depesche.translate(text)["translations"]
    assert [passage(text, one["source"]) for one in translation["sentences"]] == [
        "😀 Der Rat tagt.",
        "Er berät den Haushalt.",
    ]


def test_batch_returns_a_result_for_each_article(url: str) -> None:
    with Depesche(url) as depesche:
        good, bad = depesche.articles([{"body": TEXT, "outputs": ["translation"], "write_as": "jsonld"}, {"body": " "}])
    assert (good["status"], bad["status"]) == (200, 422)
    assert good["article"]["document"]["@type"]
    assert bad["problem"]["code"] == "text_empty"


def test_job_has_the_results(jobs_url: str) -> None:
    with Depesche(jobs_url) as depesche:
        one = depesche.send_article(body=TEXT, outputs=["translation"], write_as="jsonld")
        many = depesche.send_articles([{"id": "a", "body": TEXT, "outputs": ["translation"]}, {"body": " "}])
        result = depesche.wait(one)
        results = depesche.wait(many)["results"]
        assert depesche.job(one)["status"] == "succeeded"
    assert result["document"]["@type"]
    assert [(found["id"], found["status"]) for found in results] == [("a", 200), (None, 422)]


async def test_asynchronous_client_waits_for_jobs(jobs_url: str) -> None:
    async with AsyncDepesche(jobs_url) as depesche:
        one = await depesche.send_article(body=TEXT, outputs=["translation"])
        many = await depesche.send_articles([{"body": TEXT, "outputs": ["translation"]}])
        assert (await depesche.wait(one))["translation"]["text"]
        assert (await depesche.wait(many))["succeeded"] == 1
        assert (await depesche.job(one))["status"] == "succeeded"


@pytest.mark.parametrize(
    ("answers", "message", "reads"),
    [
        ([RUNNING, (200, {}, FAILED)], "500 engine_failed", 2),
        ([BUSY, RUNNING, (404, {}, b'{"code": "job_unknown"}')], "404 job_unknown", 3),
    ],
)
async def test_failed_job_is_refused(answers: list[Scripted], message: str, reads: int) -> None:
    with (
        scripted("", *answers) as (front, paths),
        Depesche(front) as depesche,
        pytest.raises(Refused, match=message),
    ):
        depesche.wait("a-job")
    assert paths == ["/v1/jobs/a-job"] * reads
    with scripted("", *answers) as (front, paths):
        async with AsyncDepesche(front) as asynchronous:
            with pytest.raises(Refused, match=message):
                await asynchronous.wait("a-job")
    assert paths == ["/v1/jobs/a-job"] * reads


def test_waiting_for_a_job_ends() -> None:
    running: Scripted = (200, {"Retry-After": "2"}, b'{"status": "running"}')
    with scripted("", running) as (front, _), Depesche(front) as depesche, pytest.raises(TimeoutError, match="a-job"):
        depesche.wait("a-job", limit_s=1)


def test_jobs_need_a_redis_server(url: str) -> None:
    with Depesche(url) as depesche, pytest.raises(Refused, match="501 async_unavailable"):
        depesche.send_article(body=TEXT)


async def test_stream_of_a_batch_has_an_event_for_each_article(url: str) -> None:
    articles: list[BatchArticle] = [{"id": "a", "body": TEXT, "outputs": ["translation"]}, {"id": "b", "body": " "}]
    with Depesche(url) as depesche:
        found = list(depesche.stream_articles(articles))
    assert {one.data["id"]: one.data["status"] for one in found if one.name == "article"} == {"a": 200, "b": 422}
    assert found[-1] == ("result", {"succeeded": 1, "failed": 1})
    async with AsyncDepesche(url) as asynchronous:
        names = [one.name async for one in asynchronous.stream_articles(articles)]
    assert names == ["article", "article", "result"]


def test_stream_ends_with_the_result(url: str) -> None:
    with Depesche(url) as depesche:
        found = list(depesche.stream_article(body=TEXT, clean=False))
    assert found[-1].name == "result"
    assert {one.name for one in found} <= {"progress", "sentence", "result"}
    assert found[-1].data["article"]["body"] == TEXT


async def test_asynchronous_client_has_the_same_results(url: str) -> None:
    async with AsyncDepesche(url) as depesche:
        assert await depesche.is_ready()
        assert len(await depesche.models()) == 2
        (summary,) = (await depesche.summarize([TEXT], method="lead"))["summaries"]
        found = [one async for one in depesche.stream_article(body=TEXT, outputs=["translation"])]
        plain = await depesche.article(body=TEXT, outputs=["translation"])
        (result,) = await depesche.articles([{"body": TEXT, "outputs": ["translation"]}])
        (translation,) = (await depesche.translate(TEXT))["translations"]
    assert summary["method"] == "lead"
    assert found[-1].data["translation"]["text"] == plain["translation"]["text"]
    assert result["article"]["result_key"] == plain["result_key"]
    assert translation["text"]


def test_error_has_code_and_request_id(url: str) -> None:
    with Depesche(url) as depesche:
        with pytest.raises(Refused) as refused:
            depesche.translate(" ")
        with pytest.raises(Refused, match="text_empty"):
            list(depesche.stream_article(body=" "))
    assert (refused.value.status, refused.value.code) == (422, "text_empty")
    assert refused.value.request_id
    assert refused.value.errors[0]["pointer"] == "/text"


def test_busy_service_is_asked_again(url: str) -> None:
    with scripted(url, BUSY, BUSY) as (front, paths), Depesche(front) as depesche:
        assert depesche.translate(TEXT)["translations"]
    assert paths == ["/v1/translate"] * 3


async def test_asynchronous_client_also_retries_streams(url: str) -> None:
    with scripted(url, BUSY) as (front, paths):
        async with AsyncDepesche(front) as depesche:
            assert [one async for one in depesche.stream_article(body=TEXT)][-1].name == "result"
    assert len(paths) == 2


@pytest.mark.parametrize("status", [400, 401, 413, 422, 500])
def test_other_errors_are_not_retried(url: str, status: int) -> None:
    answer = (status, dict[str, str](), b"<html>")
    with scripted(url, answer) as (front, paths), Depesche(front) as depesche, pytest.raises(Refused) as refused:
        depesche.translate(TEXT)
    assert (refused.value.status, refused.value.code, refused.value.detail) == (status, "http_error", "<html>")
    assert len(paths) == 1


def test_long_retry_after_is_refused_at_once(url: str) -> None:
    answer = (503, {"Retry-After": "60"}, b'{"code": "unavailable"}')
    begun_s = time.monotonic()
    with scripted(url, answer) as (front, paths), Depesche(front) as depesche, pytest.raises(Refused, match="unavail"):
        depesche.translate(TEXT)
    assert len(paths) == 1
    assert time.monotonic() - begun_s < 50


def test_last_attempt_is_refused(url: str) -> None:
    refusal = pytest.raises(Refused, match="queue_full")
    with scripted(url, BUSY, BUSY) as (front, paths), Depesche(front, attempts=2) as depesche, refusal:
        depesche.translate(TEXT)
    assert len(paths) == 2


def test_error_in_a_stream_is_raised(url: str) -> None:
    event = (
        'event: progress\ndata: {"done":1,"of":2}\n\nevent: error\ndata: {"status":504,"code":"deadline_exceeded"}\n\n'
    )
    answer = (200, {"Content-Type": "text/event-stream"}, event.encode())
    with scripted(url, answer) as (front, _), Depesche(front) as depesche, pytest.raises(Refused, match="deadline"):
        list(depesche.stream_article(body=TEXT))


def test_broken_stream_is_an_error(url: str) -> None:
    answer = (200, {"Content-Type": "text/event-stream"}, b'event: progress\ndata: {"done":1,"of":2}\n\n')
    failure = pytest.raises(httpx.RemoteProtocolError, match="without a result")
    with scripted(url, answer) as (front, _), Depesche(front) as depesche, failure:
        list(depesche.stream_article(body=TEXT))


def test_closed_port_is_an_error() -> None:
    with Depesche("http://127.0.0.1:9", attempts=2) as depesche:
        assert not depesche.is_ready()
        with pytest.raises(httpx.ConnectError):
            depesche.translate(TEXT)


def lines_of_code(source: str) -> int:
    """Return the number of lines that are neither blank nor part of a docstring."""
    documented = [
        node.body[0]
        for node in ast.walk(ast.parse(source))
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef))
        and ast.get_docstring(node) is not None
    ]
    in_docstrings = sum((one.end_lineno or one.lineno) - one.lineno + 1 for one in documented)
    return sum(bool(line.strip()) for line in source.splitlines()) - in_docstrings


def test_client_is_small() -> None:
    assert sum(lines_of_code(file.read_text("utf-8")) for file in SOURCE.glob("*.py")) < 400
