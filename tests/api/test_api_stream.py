"""Tests of event streams: sentences, progress, results and errors."""

import json
from typing import Any

import pytest
from fastapi.testclient import TestClient

SENTENCES = [f"Am {day}. Juli bleibt die Bibliothek in der Altstadt geschlossen." for day in range(3, 9)]
STREAM = {"accept": "text/event-stream"}


def events(client: TestClient, path: str, body: dict[str, Any], **headers: str) -> list[tuple[str, Any]]:
    """Send a request, and return the events of the streamed response as pairs of name and data."""
    response = client.post(path, json=body, headers={**STREAM, **headers})
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/event-stream")
    found = []
    for block in response.text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if fields:
            found.append((fields["event"], json.loads(fields["data"])))
    return found


def test_sentences_precede_the_result(client: TestClient) -> None:
    text = " ".join(SENTENCES)
    found = events(client, "/v1/translate", {"text": text}, **{"cache-control": "no-store"})
    names = [name for name, _ in found]
    assert names[-1] == "result"
    assert set(names) == {"progress", "sentence", "result"}
    sentences = [data for name, data in found if name == "sentence"]
    assert [text[slice(*data["source"])] for data in sentences] == SENTENCES
    whole = found[-1][1]["translations"][0]
    assert " ".join(data["text"] for data in sentences) == whole["text"]


def test_streamed_result_matches_plain_answer(client: TestClient) -> None:
    body = {"text": SENTENCES[:2], "source_lang": "de"}
    plain = client.post("/v1/translate", json=body).json()
    (*_, (_, streamed)) = events(client, "/v1/translate", body)
    assert streamed["result_key"] == plain["result_key"]
    assert [t["text"] for t in streamed["translations"]] == [t["text"] for t in plain["translations"]]


def test_cached_sentences_are_streamed(client: TestClient) -> None:
    body = {"text": " ".join(SENTENCES)}
    client.post("/v1/translate", json=body)
    names = [name for name, _ in events(client, "/v1/translate", body)]
    assert names == ["sentence"] * len(SENTENCES) + ["result"]


def test_progress_reaches_all_work(client: TestClient) -> None:
    found = events(client, "/v1/translate", {"text": " ".join(SENTENCES)}, **{"cache-control": "no-store"})
    progress = [data["done"] for name, data in found if name == "progress"]
    assert progress == sorted(progress)
    assert progress[-1] == len(SENTENCES)


def test_progress_never_goes_back_within_a_stage(client: TestClient) -> None:
    found = events(client, "/v1/articles", {"body": "\n\n".join(SENTENCES)}, **{"cache-control": "no-store"})
    progress = [data for name, data in found if name == "progress"]
    assert {data["stage"] for data in progress} == {"translation", "summary"}
    for stage in ("translation", "summary"):
        for field in ("done", "of"):
            numbers = [data[field] for data in progress if data["stage"] == stage]
            assert numbers == sorted(numbers)
        last = [data for data in progress if data["stage"] == stage][-1]
        assert last["done"] == last["of"] > 0


def test_events_are_numbered_in_order(client: TestClient) -> None:
    response = client.post("/v1/translate", json={"text": " ".join(SENTENCES)}, headers=STREAM)
    numbers = [int(line.removeprefix("id: ")) for line in response.text.splitlines() if line.startswith("id: ")]
    assert numbers == list(range(1, response.text.count("event: ") + 1))


@pytest.mark.parametrize(("path", "field"), [("/v1/summarize", "text"), ("/v1/articles", "body")])
def test_every_endpoint_streams_its_result(client: TestClient, path: str, field: str) -> None:
    found = events(client, path, {field: "\n\n".join(SENTENCES)})
    assert found[-1][0] == "result"
    assert found[-1][1]["result_key"]


def test_article_sentences_refer_to_submitted_body(client: TestClient) -> None:
    body = "1. Startseite\n2. Politik\n\n" + "\n\n".join(SENTENCES)
    found = events(
        client, "/v1/articles", {"headline": "Bibliothek geschlossen", "body": body, "outputs": ["translation"]}
    )
    of_body = [data for name, data in found if name == "sentence" and data["text_number"] == 0]
    assert [body[slice(*data["source"])] for data in of_body] == SENTENCES


def test_error_before_stream_is_a_problem(client: TestClient) -> None:
    response = client.post("/v1/translate", json={"text": " "}, headers=STREAM)
    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"


def test_error_in_stream_is_an_event(client: TestClient) -> None:
    text = " ".join(f"Der Bus Nummer {n} fährt heute nicht nach Kiel, sondern nach Husum." for n in range(200))
    found = events(client, "/v1/translate", {"text": text}, **{"request-timeout-ms": "1"})
    assert found[-1][0] == "error"
    assert (found[-1][1]["code"], found[-1][1]["status"]) == ("deadline_exceeded", 504)
    assert found[-1][1]["request_id"]
