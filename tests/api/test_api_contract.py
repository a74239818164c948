"""Tests of the responses that callers rely on: the endpoints under /v1, the probes, and the OpenAPI document."""

import json
import re
import time
from typing import Any

import pytest
from fastapi.testclient import TestClient

from service.app import create_app
from service.settings import Settings
from tests.chaos.server import PATIENCE_S
from tests.conftest import wait_until_ready

TEXT = (
    "Der Bundestag stimmt am Freitag über den neuen Haushalt ab. Die Regierung rechnet mit einer Mehrheit.\n\n"
    "In Hamburg regnete es am Wochenende stärker als erwartet."
)


def test_translation_keeps_paragraphs_and_spans(client: TestClient) -> None:
    answer = client.post("/v1/translate", json={"text": TEXT}).json()
    (translation,) = answer["translations"]
    assert translation["text"].count("\n\n") == 1
    sources = [TEXT[start:end] for start, end in (s["source"] for s in translation["sentences"])]
    assert sources == re.split(r"(?<=\.)\s+", TEXT)
    targets = [translation["text"][start:end] for start, end in (s["target"] for s in translation["sentences"])]
    assert all(targets)
    assert translation["cached"]["of"] == 3


def test_answer_names_model_and_quality(client: TestClient) -> None:
    model = client.post("/v1/translate", json={"text": "Guten Tag."}).json()["model"]
    assert model["quality"] == "starter"
    assert model["engine"] == "ctranslate2"
    assert model["licence"]
    assert model["revision"]


def test_repeated_sentence_comes_from_cache(client: TestClient) -> None:
    first = "Das Museum öffnet am Sonntag um zehn Uhr."
    client.post("/v1/translate", json={"text": first})
    again = client.post("/v1/translate", json={"text": f"{first} Der Eintritt ist an diesem Tag frei."}).json()
    assert again["translations"][0]["cached"] == {"sentences": 1, "of": 2}


def test_result_key_identifies_the_request(client: TestClient) -> None:
    def key(**body: Any) -> str:
        found: str = client.post("/v1/summarize", json={"text": TEXT, **body}).json()["result_key"]
        return found

    assert key() == key()
    assert len({key(), key(length="short"), key(method="lead"), key(text=TEXT + "!")}) == 4


def test_offsets_count_code_points(client: TestClient) -> None:
    text = "😀 Der Zug fährt heute nicht. 🚆🚆 Der Bus fährt."
    (translation,) = client.post("/v1/translate", json={"text": text}).json()["translations"]
    assert translation["sentences"][-1]["source"][1] == len(text)


def test_texts_keep_their_order(client: TestClient) -> None:
    texts = [f"Am {day}. Mai fährt kein Zug." for day in range(1, 8)]
    together = client.post("/v1/translate", json={"text": texts}).json()["translations"]
    alone = [client.post("/v1/translate", json={"text": text}).json()["translations"][0] for text in texts]
    assert [t["text"] for t in together] == [t["text"] for t in alone]


@pytest.mark.parametrize("method", ["extractive", "lead"])
def test_verbatim_methods_quote_the_text(client: TestClient, method: str) -> None:
    body = {"text": TEXT, "method": method, "max_sentences": 2}
    (summary,) = client.post("/v1/summarize", json=body).json()["summaries"]
    assert summary["method"] == method
    assert len(summary["sentences"]) == 2
    for sentence in summary["sentences"]:
        ((start, end),) = sentence["support"]
        assert sentence["verbatim"] is True
        assert sentence["text"] == TEXT[start:end]


@pytest.mark.parametrize(("limit", "value"), [("max_words", 12), ("max_chars", 80), ("max_sentences", 1)])
def test_summary_keeps_its_length(client: TestClient, limit: str, value: int) -> None:
    (summary,) = client.post("/v1/summarize", json={"text": TEXT, limit: value}).json()["summaries"]
    size = {
        "max_words": len(summary["text"].split()),
        "max_chars": len(summary["text"]),
        "max_sentences": len(summary["sentences"]),
    }
    assert 0 < size[limit] <= value


def test_unreachable_length_gives_warning(client: TestClient) -> None:
    body = {"text": TEXT, "max_chars": 20, "method": "lead"}
    (summary,) = client.post("/v1/summarize", json=body).json()["summaries"]
    assert summary["text"] == ""
    assert [warning["code"] for warning in summary["warnings"]] == ["length_unreachable"]


def test_english_summary_names_both_models(client: TestClient) -> None:
    answer = client.post("/v1/summarize", json={"text": TEXT, "target_lang": "en", "method": "lead"}).json()
    assert answer["model"]["task"] == "summary"
    assert answer["translation_model"]["task"] == "translation"
    assert answer["summaries"][0]["text"]


def test_article_has_requested_outputs(client: TestClient) -> None:
    body = {"headline": "Haushalt im Bundestag", "body": TEXT, "outputs": ["summary_translation"]}
    answer = client.post("/v1/articles", json=body).json()
    assert answer["summary"] is None
    assert answer["translation"] is None
    assert answer["summary_translation"]["text"]
    assert answer["article"]["headline"] == "Haushalt im Bundestag"


def test_article_without_cleaning_is_unchanged(client: TestClient) -> None:
    text = "1. Startseite\n\nAnzeige\n\n" + TEXT
    answer = client.post("/v1/articles", json={"body": text, "clean": False, "method": "lead"}).json()
    assert answer["article"]["body"] == text
    assert answer["article"]["removed"] == []


def test_readiness_names_models(client: TestClient) -> None:
    answer = client.get("/readyz").json()
    assert answer["status"] == "ready"
    assert [model["state"] for model in answer["models"]] == ["ready", "ready"]
    assert client.get("/health").json() == answer
    assert client.get("/livez").json() == {"status": "alive"}


def test_readiness_follows_warm_up() -> None:
    with TestClient(create_app(Settings())) as client:
        assert client.get("/livez").status_code == 200
        first = client.get("/readyz")
        assert first.status_code == 503
        assert first.headers["retry-after"]
        wait_until_ready(client)


def test_wrong_weights_keep_service_unready(tmp_path: Any) -> None:
    settings = Settings(models_dir=tmp_path)
    with TestClient(create_app(settings)) as client:
        end = time.monotonic() + PATIENCE_S
        while (answer := client.get("/readyz").json())["status"] != "failed":
            assert time.monotonic() < end, answer
            time.sleep(0.05)
        assert "no translation model for de→en" in answer["detail"]
        assert client.get("/livez").status_code == 200


def test_models_are_listed(client: TestClient) -> None:
    names = [model["name"] for model in client.get("/v1/models").json()["models"]]
    assert names == ["starter-de-en", "starter-sum-de"]


def test_plain_request_id_is_kept(client: TestClient) -> None:
    assert client.get("/livez", headers={"x-request-id": "cms-42"}).headers["x-request-id"] == "cms-42"
    for other in ("a b", "a" * 65, "", "{}"):
        given = client.get("/livez", headers={"x-request-id": other}).headers["x-request-id"]
        assert re.fullmatch("[0-9a-f]{32}", given)


def test_openapi_names_endpoints_and_problems(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    for path in ("/v1/translate", "/v1/summarize", "/v1/articles"):
        responses = document["paths"][path]["post"]["responses"]
        assert {"200", "400", "413", "415", "422", "503", "504"} <= set(responses)
        for status, response in responses.items():
            media = {"application/json", "text/event-stream"} if status == "200" else {"application/problem+json"}
            media = {"application/json"} if status == "202" else media
            assert set(response["content"]) == media, status
            if status not in {"200", "202"}:
                schema = response["content"]["application/problem+json"]["schema"]
                assert schema == {"$ref": "#/components/schemas/Problem"}
    assert {"/v1/models", "/livez", "/readyz", "/health"} <= set(document["paths"])
    assert "HTTPValidationError" not in json.dumps(document)
