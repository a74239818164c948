"""Tests of the JavaScript client, which runs in Node.js and calls a running service."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.clients.conftest import Scripted, scripted

CLIENT = Path(__file__).parents[2] / "clients" / "js" / "depesche.js"
TEXT = "😀 Der Rat hat am Dienstag den Haushalt beschlossen. Die Mehrheit stimmte dafür."
BUSY: Scripted = (503, {"Retry-After": "0"}, json.dumps({"code": "queue_full", "detail": "full"}).encode())
RUNNING: Scripted = (200, {"Retry-After": "0"}, b'{"status": "running"}')
FAILED = b'{"status": "failed", "problem": {"status": 500, "code": "engine_failed"}}'
STREAM = {"Content-Type": "text/event-stream"}


def called(url: str, task: str, text: str = TEXT) -> dict[str, Any]:
    """Run a task of client.mjs, a program that uses the JavaScript client, and return the JSON that it prints."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    command = [node, str(Path(__file__).with_name("client.mjs")), url, task, text]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_every_method_returns_its_result(url: str) -> None:
    found = called(url, "all")
    assert (found["ready"], found["models"], found["method"]) == (True, 2, "lead")
    assert found["summary"]
    assert found["translation"]
    assert found["passages"] == [
        "😀 Der Rat hat am Dienstag den Haushalt beschlossen.",
        "Die Mehrheit stimmte dafür.",
    ]


def test_batch_returns_a_result_for_each_article(url: str) -> None:
    assert called(url, "batch", "Der Rat tagt.") == {"statuses": [200, 422], "body": "Der Rat tagt."}


def test_job_has_the_results(jobs_url: str) -> None:
    found = called(jobs_url, "job", "Der Rat tagt.")
    assert found["translation"]
    assert (found["statuses"], found["status"]) == ([200, 422], "succeeded")


@pytest.mark.parametrize(
    ("answers", "outcome", "reads"),
    [
        ([RUNNING, (200, {}, FAILED)], ("engine_failed", 500), 2),
        ([BUSY, RUNNING, (404, {}, b'{"code": "job_unknown"}')], ("job_unknown", 404), 3),
    ],
)
def test_failed_job_is_refused(answers: list[Scripted], outcome: tuple[str, int], reads: int) -> None:
    with scripted("", *answers) as (front, paths):
        found = called(front, "read", "a-job")
    assert (found["code"], found["status"]) == outcome
    assert paths == ["/v1/jobs/a-job"] * reads


def test_waiting_for_a_job_ends() -> None:
    with scripted("", (200, {"Retry-After": "2"}, b'{"status": "running"}')) as (front, _):
        assert called(front, "readBriefly", "a-job") == {"error": "the job a-job did not end within 1500 ms"}


def test_stream_of_a_batch_has_an_event_for_each_article(url: str) -> None:
    found = called(url, "batchStream")
    assert found["names"] == ["article", "article", "result"]
    assert found["numbers"] == {"succeeded": 1, "failed": 1}


def test_stream_ends_with_the_result(url: str) -> None:
    text = f"{TEXT}\u2028Die Sitzung ist öffentlich."
    found = called(url, "stream", text)
    assert found["names"][-1] == "result"
    assert found["body"] == text


def test_reader_may_leave_a_stream(url: str) -> None:
    assert called(url, "leave")["first"] in {"progress", "sentence", "result"}


def test_call_can_be_cancelled(url: str) -> None:
    text = " ".join(f"Am {n}. Mai fährt Zug {n} nicht nach Kiel." for n in range(1, 1000))
    assert called(url, "cancel", text) == {"error": "TimeoutError", "quick": True}


def test_busy_service_is_asked_again(url: str) -> None:
    with scripted(url, BUSY, BUSY) as (front, paths):
        assert called(front, "stream")["names"][-1] == "result"
    assert len(paths) == 3


def test_refusal_has_code_and_field(url: str) -> None:
    found = called(url, "stream", " ")
    assert (found["status"], found["code"], found["errors"][0]["pointer"]) == (422, "text_empty", "/body")
    assert found["id"]


@pytest.mark.parametrize(
    ("answers", "code", "attempts"),
    [
        ([BUSY, BUSY, BUSY], "queue_full", 3),
        ([(503, {"Retry-After": "60"}, b'{"code": "unavailable"}')], "unavailable", 1),
        ([(500, {}, b"<html>")], "http_error", 1),
        ([(200, STREAM, b'event: error\ndata: {"status":504,"code":"deadline_exceeded"}\n\n')], "deadline_exceeded", 1),
    ],
)
def test_failure_is_refused(url: str, answers: list[Scripted], code: str, attempts: int) -> None:
    with scripted(url, *answers) as (front, paths):
        assert called(front, "stream")["code"] == code
    assert len(paths) == attempts


def test_broken_stream_is_an_error(url: str) -> None:
    with scripted(url, (200, STREAM, b'event: progress\ndata: {"done":1,"of":2}\n\n')) as (front, _):
        assert called(front, "stream") == {"error": "the stream ended without a result"}


def test_client_is_small() -> None:
    assert len(CLIENT.read_text("utf-8").splitlines()) < 400
