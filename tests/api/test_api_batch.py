"""Tests of `/v1/articles:batch`: each article has its own status, time limit and result."""

import json
from typing import Any

import pytest
from fastapi.testclient import TestClient

from service.newsroom.answers import ArticleAnswer
from service.newsroom.commands import ArticleCommand, CallContext
from service.newsroom.newsroom import Newsroom

BODY = "Der Stadtrat hat am Montag den Haushalt für das kommende Jahr beschlossen."
OTHER = "Die Opposition kritisierte die hohen Schulden der Stadt am Abend."
GOOD = {"body": BODY, "outputs": ["translation"]}
LATE = {**GOOD, "timeout_ms": 1, "body": " ".join(f"Der Zug Nummer {number} fährt nach Ulm." for number in range(400))}
BAD: dict[str, tuple[Any, int, str]] = {
    "no object": (5, 422, "invalid_request"),
    "no body": ({"headline": "Haushalt"}, 422, "invalid_request"),
    "unknown field": ({"body": BODY, "boddy": BODY}, 422, "invalid_request"),
    "wrong option": ({"body": BODY, "length": "huge"}, 422, "invalid_request"),
    "blank body": ({"body": " "}, 422, "text_empty"),
    "long body": ({"body": BODY * 700}, 422, "text_too_long"),
    "lone surrogate": ({"body": "Der Rat \udfff tagt."}, 422, "text_not_unicode"),
    "document without an article": ({"document": {"@type": "NewsArticle"}}, 422, "document_empty"),
    "two lengths": ({"body": BODY, "length": "short", "max_words": 20}, 422, "length_conflict"),
    "unsupported language": ({"body": BODY, "target_lang": "fr"}, 422, "invalid_request"),
    "short time limit": (LATE, 504, "deadline_exceeded"),
}


def send(client: TestClient, *articles: Any, **headers: str) -> Any:
    # `json=` would reject lone surrogates.
    content = json.dumps({"articles": articles})
    answer = client.post("/v1/articles:batch", content=content, headers={"content-type": "application/json"} | headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_articles_have_the_results_of_single_requests(client: TestClient) -> None:
    answer = send(client, {"id": "a", **GOOD}, {"id": "b", "body": OTHER, "outputs": ["summary"]})
    assert [(one["index"], one["id"], one["status"]) for one in answer["results"]] == [(0, "a", 200), (1, "b", 200)]
    assert (answer["succeeded"], answer["failed"]) == (2, 0)
    alone = client.post("/v1/articles", json=GOOD).json()
    of_batch = answer["results"][0]["article"]
    assert of_batch["result_key"] == alone["result_key"]
    assert of_batch["translation"]["text"] == alone["translation"]["text"]
    assert answer["results"][1]["article"]["summary"]["sentences"]


@pytest.mark.parametrize("name", BAD)
def test_bad_article_does_not_fail_the_others(client: TestClient, name: str) -> None:
    article, status, code = BAD[name]
    answer = send(client, GOOD, article, {**GOOD, "body": OTHER}, **{"cache-control": "no-store"})
    assert [one["status"] for one in answer["results"]] == [200, status, 200]
    problem = answer["results"][1]["problem"]
    assert problem["code"] == code
    assert answer["results"][1]["article"] is None
    assert (answer["succeeded"], answer["failed"]) == (2, 1)


def test_error_of_an_article_points_into_the_article(client: TestClient) -> None:
    answer = send(client, GOOD, {"id": "b", "body": BODY, "length": "huge"})
    (error,) = answer["results"][1]["problem"]["errors"]
    assert error["pointer"] == "/length"
    assert answer["results"][1]["id"] == "b"


def test_large_batch_is_validated_in_a_worker(client: TestClient) -> None:
    answer = send(client, {**GOOD, "body": f"{BODY}\n\n" * 400}, {"length": "huge"}, {"id": "c", "body": 5})
    assert [one["status"] for one in answer["results"]] == [200, 422, 422]
    assert [one["problem"] and one["problem"]["errors"][0]["pointer"] for one in answer["results"]][2] == "/body"
    assert answer["results"][2]["id"] == "c"


def test_crash_in_one_article_is_its_own_error(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    article = Newsroom.article

    async def crash(newsroom: Newsroom, command: ArticleCommand, context: CallContext) -> ArticleAnswer:
        if command.body == OTHER:
            raise ZeroDivisionError(command.body)
        return await article(newsroom, command, context)

    monkeypatch.setattr(Newsroom, "article", crash)
    answer = send(client, GOOD, {"body": OTHER})
    assert [one["status"] for one in answer["results"]] == [200, 500]
    assert OTHER not in json.dumps(answer["results"][1], ensure_ascii=False)


def test_batch_work_waits_for_interactive_work(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    priorities = []
    article = Newsroom.article

    async def note(newsroom: Newsroom, command: ArticleCommand, context: CallContext) -> ArticleAnswer:
        priorities.append(command.priority)
        return await article(newsroom, command, context)

    monkeypatch.setattr(Newsroom, "article", note)
    send(client, GOOD)
    assert priorities == ["bulk"]
    send(client, {**GOOD, "priority": "interactive"})
    assert priorities[1:] == ["interactive"]


def test_whole_batch_has_a_time_limit_if_the_header_sets_one(client: TestClient) -> None:
    late = {**LATE, "timeout_ms": None, "body": str(LATE["body"])[:4_000]}  # a body over 20 KB may be late
    answer = send(client, *[late] * 3, **{"request-timeout-ms": "1"})
    assert [one["status"] for one in answer["results"]] == [504] * 3


def test_results_are_streamed(client: TestClient) -> None:
    content = {"articles": [{"id": "good", **GOOD}, {"id": "bad", "body": " "}]}
    answer = client.post("/v1/articles:batch", json=content, headers={"accept": "text/event-stream"})
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = [
        dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        for block in answer.text.strip().split("\n\n")
    ]
    events = [event for event in events if event]
    assert [event["event"] for event in events] == ["article", "article", "result"]
    found = {one["id"]: one["status"] for one in map(json.loads, (event["data"] for event in events[:2]))}
    assert found == {"good": 200, "bad": 422}
    assert json.loads(events[2]["data"]) == {"succeeded": 1, "failed": 1}


@pytest.mark.parametrize(
    ("body", "code"), [({"articles": [GOOD] * 65}, "too_many_articles"), ({"articles": []}, "invalid_request")]
)
def test_number_of_articles_is_limited(client: TestClient, body: Any, code: str) -> None:
    answer = client.post("/v1/articles:batch", json=body)
    assert answer.status_code == 422
    assert answer.json()["code"] == code
    assert answer.json()["errors"][0]["pointer"] == "/articles"
    assert answer.json()["errors"][0]["limit"] in {64, 1}
