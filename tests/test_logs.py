"""Tests of logs: each line is a JSON object with the request id and without any submitted text."""

import asyncio
import contextlib
import io
import json
import logging
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from fastapi.testclient import TestClient

from service.app import create_app
from service.domain import EngineInput
from service.events import SharedCacheFailed
from service.observability import logs
from service.settings import Settings
from service.summarization.summarizer import Summarizer
from tests.conftest import wait_until_ready
from tests.fake_engine import FakeEngine, raising

MARKER = "Zwetschgenkuchen"
TEXT = f"Der {MARKER} ist vertraulich."
FATAL = "Unfall"
CALLERS_LOGGERS = ("httpx", "httpx2")  # the test client runs in the same process
LOGGERS = ("", "uvicorn", "uvicorn.error", "uvicorn.access", *CALLERS_LOGGERS)

Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def lines() -> Iterator[Lines]:
    """Configure logging at level ``debug``, and yield a function that returns the log lines since its last call."""
    before = {name: vars(logging.getLogger(name)).copy() for name in LOGGERS}
    handlers = {name: list(logging.getLogger(name).handlers) for name in LOGGERS}
    stream = io.StringIO()
    with contextlib.redirect_stdout(stream):
        logs.configure("debug")
    for name in CALLERS_LOGGERS:
        logging.getLogger(name).setLevel(logging.WARNING)

    def written() -> list[dict[str, Any]]:
        output = stream.getvalue()
        stream.seek(0)
        stream.truncate()
        assert MARKER not in output
        found = [json.loads(line) for line in output.splitlines()]
        assert all(isinstance(line, dict) and {"event", "level", "timestamp"} <= set(line) for line in found)
        return found

    yield written
    for name in LOGGERS:
        logger = logging.getLogger(name)
        logger.handlers[:] = handlers[name]
        logger.propagate, logger.disabled = before[name]["propagate"], before[name]["disabled"]
        logger.setLevel(before[name]["level"])


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch, lines: Lines) -> Iterator[TestClient]:
    """Start the application with fake engines that fail for texts with the word ``FATAL``.

    The error message contains a submitted text, which must not be logged.
    """

    def fatal(item: EngineInput) -> bool:
        return FATAL in "".join(item.tokens)

    handler = raising(RuntimeError(f"cannot digest {TEXT}"), when=fatal)
    monkeypatch.setattr("service.generation.local.load_engine", lambda *_, **__: FakeEngine(handler))
    with TestClient(create_app(Settings()), raise_server_exceptions=False) as found:
        wait_until_ready(found)
        lines()
        yield found


def crash(*_: object, **__: object) -> None:
    raise ValueError(TEXT)


def of_request(lines: Sequence[dict[str, Any]], request_id: str) -> list[str]:
    return [line["event"] for line in lines if line.get("request_id") == request_id]


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/v1/translate", {"text": TEXT}, 200),
        ("/v1/summarize", {"text": TEXT}, 200),
        ("/v1/articles", {"headline": MARKER, "body": TEXT}, 200),
        ("/v1/translate", {"text": TEXT, MARKER: TEXT}, 422),
        ("/v1/translate", {"text": {"a": TEXT}, "source_lang": TEXT}, 422),
        ("/v1/translate", {"text": f"{TEXT}\udfff"}, 422),
        ("/v1/translate", {"text": f"{FATAL} mit {MARKER}."}, 500),
        (f"/v1/{MARKER}?text={MARKER}", {"text": TEXT}, 404),
    ],
)
def test_log_never_quotes_a_request(
    client: TestClient, lines: Lines, path: str, body: dict[str, Any], status: int
) -> None:
    headers = {"content-type": "application/json", "x-request-id": "cms-42"}
    answer = client.post(path, content=json.dumps(body), headers=headers)
    assert answer.status_code == status
    found = lines()
    assert of_request(found, "cms-42") == ["RequestDone"]
    assert [line["status"] for line in found if line["event"] == "RequestDone"] == [status]
    assert [line["error"] for line in found if line["event"] == "EngineFailed"] == (
        ["RuntimeError"] * 2 if status == 500 else []
    )


def test_crash_is_logged_without_message(client: TestClient, lines: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Summarizer, "summarise", crash)
    answer = client.post("/v1/summarize", json={"text": TEXT}, headers={"x-request-id": "cms-43"})
    assert answer.status_code == 500
    assert MARKER not in answer.text
    found = lines()
    assert of_request(found, "cms-43") == ["crash", "RequestDone"]
    (line,) = [line for line in found if line["event"] == "crash"]
    assert line["error"] == "ValueError"
    assert any(frame.endswith(" crash") for frame in line["frames"])


def test_generated_request_id_is_logged(client: TestClient, lines: Lines) -> None:
    answer = client.post("/v1/translate", json={"text": TEXT})
    assert of_request(lines(), answer.headers["x-request-id"]) == ["RequestDone"]


def test_library_exception_loses_message(lines: Lines) -> None:
    try:
        crash()
    except ValueError:
        logging.getLogger("some.library").exception("it failed")
    (line,) = lines()
    assert (line["event"], line["error"]) == ("it failed", "ValueError")


def test_unawaited_task_error_loses_message(lines: Lines) -> None:
    async def forgetting() -> None:
        async def failing() -> None:
            crash()

        task = asyncio.ensure_future(failing())
        await asyncio.wait({task})
        del task

    asyncio.run(forgetting())
    found = [line for line in lines() if line["level"] == "error"]
    assert [(line["event"], line["error"]) for line in found] == [("Task exception was never retrieved", "ValueError")]


def test_callback_error_loses_arguments(lines: Lines) -> None:
    async def calling() -> None:
        asyncio.get_running_loop().call_soon(crash, TEXT)
        await asyncio.sleep(0)

    asyncio.run(calling())
    found = [line for line in lines() if line["level"] == "error"]
    assert [(line["event"], line["error"]) for line in found] == [("Exception in callback crash", "ValueError")]


def test_only_failed_probes_are_logged(client: TestClient, lines: Lines) -> None:
    logging.getLogger().setLevel(logging.INFO)
    client.get("/livez")
    client.get("/readyz")
    assert [line["route"] for line in lines() if line["event"] == "RequestDone"] == []


def test_unknown_method_is_not_logged(client: TestClient, lines: Lines) -> None:
    client.request(MARKER.upper(), "/v1/translate")
    found = lines()
    assert [line["method"] for line in found if line["event"] == "RequestDone"] == ["other"]
    assert MARKER.upper() not in json.dumps(found)


def test_only_opened_breaker_is_a_warning(lines: Lines) -> None:
    logs.listen(SharedCacheFailed("timeout"))
    logs.listen(SharedCacheFailed("timeout", opened=True))
    logs.listen(SharedCacheFailed("open"))
    assert [line["level"] for line in lines()] == ["debug", "warning", "debug"]
