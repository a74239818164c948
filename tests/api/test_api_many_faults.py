"""Tests that the response to a body with many errors lists only a limited number of them."""

import asyncio
from typing import Any

import pytest
from fastapi.exceptions import RequestValidationError
from fastapi.testclient import TestClient
from pydantic import BaseModel, ValidationError

from service.bounded import MAX_ERRORS
from service.documents.ninjs import Item
from service.generation.call import TEXT_THREADS
from service.http.compat.deepl import DeeplRequest
from service.http.compat.libretranslate import LibreRequest

MANY = 20_000
MOST_BYTES = 10_000
WRONG: list[dict[str, Any]] = [
    {"text": [1] * 5_000},
    {"text": [1] * MANY},
    {"text": "a", "glossary": {f"a{n}": 1 for n in range(5_000)}},
    {"text": "a", "glossary": {f"a{n}": 1 for n in range(MANY)}},
    {"text": "a", "do_not_translate": [1] * 5_000},
    {"text": "a", **{f"a{n}": 1 for n in range(MANY)}},
]


@pytest.fixture
def error_counts(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list to which each rejected request appends its number of validation errors."""
    counts: list[int] = []
    init = RequestValidationError.__init__

    def counted(self: RequestValidationError, errors: Any, **more: Any) -> None:
        counts.append(len(errors))
        init(self, errors, **more)

    monkeypatch.setattr(RequestValidationError, "__init__", counted)
    return counts


@pytest.mark.parametrize("body", WRONG)
def test_few_errors_are_formed_and_shown(client: TestClient, error_counts: list[int], body: dict[str, Any]) -> None:
    answer = client.post("/v1/translate", json=body)
    assert answer.status_code == 422
    assert error_counts[0] <= MAX_ERRORS + 1
    assert 1 <= len(answer.json()["errors"]) <= MAX_ERRORS
    assert len(answer.content) < MOST_BYTES
    assert answer.json()["detail"].endswith("and more") == (error_counts[0] > MAX_ERRORS)


def test_long_list_is_refused_by_its_length(client: TestClient) -> None:
    problem = client.post("/v1/translate", json={"text": [1] * 10_001}).json()
    (error,) = problem["errors"]
    assert (problem["code"], error["pointer"], error["code"], error["limit"]) == (
        "too_many_texts", "/text", "too_many_texts", 10_000,
    )  # fmt: skip


def test_detail_mentions_more_errors(client: TestClient) -> None:
    bodies = [{"text": "a", **{f"a{n}": 1 for n in range(count)}} for count in (MAX_ERRORS, MAX_ERRORS + 1)]
    few, many = (client.post("/v1/translate", json=body).json() for body in bodies)
    assert len(few["errors"]) == len(many["errors"]) == MAX_ERRORS
    assert not few["detail"].endswith("and more")
    assert many["detail"].endswith("and more")


@pytest.mark.parametrize("path", ["/translate", "/v2/translate"])
@pytest.mark.parametrize("shape", ["members", "fields", "tags"])
def test_compatible_endpoints_form_few_errors(client: TestClient, path: str, shape: str) -> None:
    field = {"/translate": "q", "/v2/translate": "text"}[path]
    body: dict[str, Any] = (
        {field: "Hund", "target": "en"} if path == "/translate" else {field: ["Hund"], "target_lang": "EN"}
    )
    wrong = {
        "members": {**body, field: [1] * 5_000},
        "fields": {**body, **{f"a{n}": 1 for n in range(MANY)}},
        "tags": {**body, "ignore_tags": list(range(MANY))},
    }[shape]
    answer = client.post(path, json=wrong)
    assert answer.status_code == 400
    assert set(answer.json()) == {"message", "error", "code", "request_id"}
    model: type[BaseModel] = LibreRequest if path == "/translate" else DeeplRequest
    with pytest.raises(ValidationError) as refused:
        model.model_validate(wrong)
    assert refused.value.error_count() <= MAX_ERRORS + 2


@pytest.mark.parametrize(
    "wrong",
    [
        {"people": [1] * MANY},
        {"bodies": [{"value": 1}] * MANY},
        {f"a{n}": 1 for n in range(MANY)},
        {"headlines": [{"value": "a", **{f"a{n}": 1 for n in range(MANY)}}]},
    ],
    ids=["objects", "bodies", "fields", "content"],
)
def test_ninjs_item_forms_few_errors(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as refused:
        Item.model_validate({"uri": "urn:x", "bodies": [{"value": "Hund"}], **wrong})
    assert refused.value.error_count() <= MAX_ERRORS + 1


@pytest.mark.parametrize("path", ["/v1/translate", "/v1/articles", "/v2/translate"])
def test_time_limit_of_the_caller_holds_while_the_body_is_parsed(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    async def never_ends(*_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(TEXT_THREADS.workers, "run", never_ends)
    answer = client.post(path, json={"text": ["a" * 30_000]}, headers={"request-timeout-ms": "50"})
    assert answer.status_code == 504, answer.text
