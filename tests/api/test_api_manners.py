"""Tests of HEAD, Accept, compression, line separators in event streams, and models that cannot be loaded."""

import asyncio
import gzip
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from service.app import create_app
from service.http.responses import _one_line
from service.settings import Settings

BODY = {"text": "Der Rat tagt heute."}
LONG = {"text": " ".join(f"Am {day}. Mai fährt kein Zug." for day in range(1, 25))}


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/health"])
def test_probes_answer_head(client: TestClient, path: str) -> None:
    answer = client.head(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == client.get(path).headers["content-type"]


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("*/*", "json"),
        ("application/json", "json"),
        ("text/event-stream", "events"),
        ("application/json, text/event-stream;q=0.1", "json"),
        ("application/json;q=0.5, text/event-stream", "events"),
        ("application/json, text/event-stream", "events"),
        ("application/json;q=0.9, */*", "json"),
        ("text/event-stream; q=0, */*", "json"),
        ("TEXT/EVENT-STREAM;Q=0.2, application/*;q=0.1", "events"),
        ("text/html, application/json;q=0.001", "json"),
        ("application/json;q=soon", "json"),
        ("text/html", "none"),
        ("application/json;q=0", "none"),
        ("application/json;q=0.000, text/event-stream;q=0.0", "none"),
        ("", "none"),
    ],
)
def test_accept_chooses_the_representation(client: TestClient, accept: str, kind: str) -> None:
    answer = client.post("/v1/translate", json=BODY, headers={"accept": accept})
    media = answer.headers["content-type"].partition(";")[0]
    expected = {"json": "application/json", "events": "text/event-stream", "none": "application/problem+json"}
    assert media == expected[kind]
    assert answer.status_code == (406 if kind == "none" else 200)


def test_long_answer_is_compressed(client: TestClient) -> None:
    plain = client.post("/v1/translate", json=LONG, headers={"accept-encoding": "identity"})
    packed = client.post("/v1/translate", json=LONG, headers={"accept-encoding": "gzip"})
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert "Accept-Encoding" in packed.headers["vary"]
    assert int(packed.headers["content-length"]) < len(plain.content) / 3
    assert packed.json()["translations"][0]["text"] == plain.json()["translations"][0]["text"]


@pytest.mark.parametrize("accepted", ["", "identity", "br", "gzip;q=0", "gzip; q=0.0"])
def test_answer_is_compressed_only_on_request(client: TestClient, accepted: str) -> None:
    answer = client.post("/v1/translate", json=LONG, headers={"accept-encoding": accepted})
    assert "content-encoding" not in answer.headers


def test_short_answer_is_not_compressed(client: TestClient) -> None:
    assert "content-encoding" not in client.get("/livez", headers={"accept-encoding": "gzip"}).headers


def test_event_stream_is_not_compressed(client: TestClient) -> None:
    headers = {"accept": "text/event-stream", "accept-encoding": "gzip"}
    answer = client.post("/v1/translate", json=LONG, headers=headers)
    assert "content-encoding" not in answer.headers
    assert "event: result" in answer.text


def test_files_of_the_page_keep_their_size_and_tag(client: TestClient) -> None:
    page = client.get("/static/page.css", headers={"accept-encoding": "gzip"})
    assert "content-encoding" not in page.headers


def test_compression_is_reproducible(client: TestClient) -> None:
    def raw() -> bytes:
        with client.stream("GET", "/openapi.json", headers={"accept-encoding": "gzip"}) as answer:
            return b"".join(answer.iter_raw())

    assert raw() == raw()
    assert json.loads(gzip.decompress(raw()))["openapi"] == "3.1.0"


class Data(BaseModel):
    """A model with one text field, for the data of an event."""

    text: str


@given(st.text(st.characters(codec="utf-8") | st.sampled_from("\u0085\u2028\u2029\v\f\x1c\x1d\x1e\r\n")))
def test_event_data_is_one_line_for_every_reader(text: str) -> None:
    line = _one_line(Data(text=text).model_dump_json())
    assert line.splitlines() == [line]
    assert json.loads(line) == {"text": text}


def test_streamed_separators_are_read_line_by_line(client: TestClient) -> None:
    body = {"body": "Der Rat tagt heute.\u2028Die Sitzung ist öffentlich.\u2029Sie beginnt um acht.", "clean": False}
    with client.stream("POST", "/v1/articles", json=body, headers={"accept": "text/event-stream"}) as answer:
        data = [json.loads(line[6:]) for line in answer.iter_lines() if line.startswith("data: ")]
    assert data[-1]["article"]["body"] == body["body"]


async def test_models_that_cannot_be_loaded_are_reported(tmp_path: Path) -> None:
    failures: list[str] = []
    app = create_app(Settings(models_dir=tmp_path), on_failed=failures.append)
    transport: Any = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://test") as client,
    ):
        async with asyncio.timeout(60):
            while not failures:  # noqa: ASYNC110 - the callback has no event
                await asyncio.sleep(0.02)
        refused = await client.post("/v1/translate", json=BODY)
        peer = await client.post("/translate", json={"q": BODY["text"], "source": "de", "target": "en"})
    assert len(failures) == 1
    assert failures[0].startswith("there is no translation model for de→en")
    assert refused.status_code == 503
    assert refused.json()["code"] == "unavailable"
    assert refused.json()["detail"] == "model_invalid: the models could not be loaded; inform the operator"
    assert refused.headers["retry-after"] == "60"
    assert (peer.status_code, peer.json()["code"]) == (503, "unavailable")
