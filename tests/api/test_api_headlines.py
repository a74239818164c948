"""Tests of headlines in /v1: the API contract, invalid input, and a service with a tiny causal language model."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from service.app import create_app
from service.registry.manifest import dumps
from service.settings import Settings
from tests.conftest import wait_until_ready
from tests.tiny_causal import causal_entry, write_causal

SENTENCE = "Der Bundestag stimmt am Freitag über den neuen Haushalt ab."
TEXT = f"{SENTENCE} Die Opposition lehnt ihn ab."
HEADLINE = "Bundestag stimmt über Haushalt ab"


@pytest.fixture(scope="module")
def causal_client(models_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """Start the application with the tiny translation model and a tiny causal summary model with random weights."""
    models = tmp_path_factory.mktemp("models") / "models"
    shutil.copytree(models_dir, models)
    folder = models / "embedded" / "tiny-causal"
    write_causal(folder)
    manifest = causal_entry(folder, "summary", "shorten").manifest
    (models / "catalog" / "tiny-causal.toml").write_text(
        dumps(manifest).replace('target_vocabulary = ""\n', ""), "utf-8"
    )
    settings = Settings(models_dir=models, summary_model="tiny-causal", installed_dir=models / "none")
    with TestClient(create_app(settings), raise_server_exceptions=False) as found:
        wait_until_ready(found)
        yield found


@pytest.mark.parametrize("path", ["/v1/summarize", "/v1/articles"])
@pytest.mark.parametrize("count", [0, 11, -1, "3", 2.5, True])
def test_invalid_number_is_refused_with_field_and_limit(client: TestClient, path: str, count: object) -> None:
    field = "text" if path == "/v1/summarize" else "body"
    answer = client.post(path, json={field: TEXT, "headlines": count})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    (error,) = answer.json()["errors"]
    assert error["pointer"] == "/headlines"
    assert error["limit"] == {0: 1, -1: 1, 11: 10}.get(count if type(count) is int else None)  # type: ignore[arg-type]


def test_model_that_is_not_causal_answers_an_empty_list_with_a_warning(client: TestClient) -> None:
    answer = client.post("/v1/summarize", json={"text": [TEXT, SENTENCE], "headlines": 2, "method": "lead"}).json()
    for summary in answer["summaries"]:
        assert summary["headlines"] == []
        assert "headlines_unavailable" in [one["code"] for one in summary["warnings"]]
        assert not summary["needs_review"]
    found = client.post("/v1/articles", json={"headline": HEADLINE, "body": TEXT, "outputs": ["headlines"]}).json()
    assert found["headlines"] == []
    assert "headlines_unavailable" in [one["code"] for one in found["article"]["warnings"]]
    assert found["summary"] is None
    assert found["translation"] is None
    assert found["models"]["summary"]["task"] == "summary"
    assert found["provenance"]["digital_source_types"]["headlines"] is None


def test_headlines_that_nobody_requested_are_null(client: TestClient) -> None:
    answer = client.post("/v1/summarize", json={"text": TEXT, "method": "lead"}).json()
    assert answer["summaries"][0]["headlines"] is None
    assert answer["summaries"][0]["warnings"] == []
    found = client.post("/v1/articles", json={"body": TEXT, "outputs": ["summary"], "headlines": 2}).json()
    assert found["headlines"] is None


def test_result_key_depends_on_the_number(client: TestClient) -> None:
    def key(**wanted: Any) -> str:
        found: str = client.post("/v1/summarize", json={"text": TEXT, "method": "lead", **wanted}).json()["result_key"]
        return found

    assert len({key(), key(headlines=1), key(headlines=2)}) == 3
    assert key(headlines=2) == key(headlines=2.0)


def test_all_outputs_together(causal_client: TestClient) -> None:
    outputs = ["summary", "translation", "summary_translation", "headlines"]
    answer = causal_client.post("/v1/articles", json={"headline": HEADLINE, "body": TEXT, "outputs": outputs})
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert all(found[output] is not None for output in outputs)
    assert found["models"]["summary"]["id"] == "depesche/tiny-causal"
    again = causal_client.post("/v1/articles", json={"headline": HEADLINE, "body": TEXT, "outputs": outputs}).json()
    assert again["headlines"] == found["headlines"]
    assert again["summary"]["text"] == found["summary"]["text"]


def test_random_weights_deliver_the_source_without_alarm(causal_client: TestClient) -> None:
    answer = causal_client.post("/v1/summarize", json={"text": TEXT, "headlines": 3})
    assert answer.status_code == 200, answer.text
    (summary,) = answer.json()["summaries"]
    assert summary["text"] == TEXT
    assert all(sentence["verbatim"] for sentence in summary["sentences"])
    assert not summary["needs_review"]
    assert summary["headlines"] == []
    assert "headlines_missing" in [one["code"] for one in summary["warnings"]]


def test_headlines_are_delivered_with_support_in_the_submitted_body(
    causal_client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    newsroom = causal_client.app.state.runtime.newsroom  # type: ignore[attr-defined]  # FastAPI sets it
    (model,) = [one for one in newsroom.models if one.manifest.causal]
    generate = type(model).generate

    def written(_model: Any, sources: Any, **options: Any) -> Any:
        found = generate(_model, sources, **options)
        return [_replaced(future) for future in found] if _model.manifest.causal else found

    async def likely(_model: Any, outputs: Any) -> list[float]:
        return [-9.0 if one.output == "nein" else -0.1 for one in outputs]

    monkeypatch.setattr(type(model), "generate", written)
    monkeypatch.setattr(type(model), "log_probs", likely)
    body = f"Anzeige\n\n{SENTENCE}\n\nDie Opposition lehnt den Haushalt geschlossen ab."
    answer = causal_client.post("/v1/articles", json={"body": body, "outputs": ["headlines"], "headlines": 1})
    (headline,) = answer.json()["headlines"]
    assert headline["text"] == HEADLINE
    assert SENTENCE in [body[start:end] for start, end in headline["support"]]
    assert (headline["warnings"], headline["needs_review"]) == ([], False)
    assert answer.json()["provenance"]["digital_source_types"]["headlines"].endswith("trainedAlgorithmicMedia")


def _replaced(future: Any) -> Any:
    """Return a future that gets the result `HEADLINE` when ``future`` is done.

    Cancelling the returned future also cancels ``future``.
    """
    from service.generation.base import ItemFuture, TextHypothesis

    found: Any = ItemFuture(loop=future.get_loop())
    found.add_done_callback(lambda one: one.cancelled() and future.cancel())
    future.add_done_callback(
        lambda _: None if found.done() else found.set_result([TextHypothesis(HEADLINE, -0.2, "eos")])
    )
    return found
