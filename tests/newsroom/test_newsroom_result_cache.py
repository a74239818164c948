"""Tests of the cache for complete results: a repeated request does not run its pipeline."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from service.app import create_app
from service.newsroom.article import ArticlePipeline
from service.settings import Settings
from service.translation.translator import Translator
from tests.conftest import wait_until_ready

TEXT = "Der Bundestag hat am Donnerstag den Haushalt beschlossen. Die Opposition stimmte dagegen."
BODIES = {"/v1/translate": {"text": TEXT}, "/v1/articles": {"body": TEXT, "outputs": ["translation"]}}
KEPT = pytest.mark.parametrize("path", BODIES)


@pytest.fixture
def service() -> Iterator[TestClient]:
    with TestClient(create_app(Settings()), raise_server_exceptions=False) as found:
        wait_until_ready(found)
        yield found


@pytest.fixture
def stop(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that makes every later call of a pipeline fail."""

    async def fail(*_: object, **__: object) -> None:
        raise AssertionError

    def stop_pipelines() -> None:
        monkeypatch.setattr(Translator, "translate", fail)
        monkeypatch.setattr(ArticlePipeline, "run", fail)

    return stop_pipelines


def ask(service: TestClient, path: str, **headers: str) -> Any:
    return service.post(path, json=BODIES[path], headers=headers)


@KEPT
def test_repeated_command_needs_no_pipeline(service: TestClient, stop: Any, path: str) -> None:
    first, second = ask(service, path).json(), ask(service, path).json()
    stop()
    third = ask(service, path).json()
    for answer in (first, second, third):
        answer.pop("provenance", None)
    assert third == second
    assert third["result_key"] == first["result_key"]


def test_stored_translation_counts_as_cached(service: TestClient, stop: Any) -> None:
    assert ask(service, "/v1/translate").json()["translations"][0]["cached"] == {"sentences": 0, "of": 2}
    stop()
    assert ask(service, "/v1/translate").json()["translations"][0]["cached"] == {"sentences": 2, "of": 2}


@KEPT
@pytest.mark.parametrize("control", ["no-cache", "no-store"])
def test_cache_control_skips_stored_results(service: TestClient, stop: Any, path: str, control: str) -> None:
    ask(service, path), ask(service, path)
    stop()
    assert ask(service, path, **{"Cache-Control": control}).status_code == 500


@KEPT
def test_no_store_stores_no_result(service: TestClient, stop: Any, path: str) -> None:
    for _ in range(2):
        ask(service, path, **{"Cache-Control": "no-store"})
    stop()
    assert ask(service, path).status_code == 500


@KEPT
async def test_purge_deletes_stored_results(service: TestClient, stop: Any, path: str) -> None:
    ask(service, path), ask(service, path)
    await service.app.state.runtime.newsroom.clear()  # type: ignore[attr-defined]  # TestClient types it as ASGIApp
    stop()
    assert ask(service, path).status_code == 500


def test_unknown_glossary_is_refused_after_same_text(service: TestClient) -> None:
    ask(service, "/v1/translate")
    answer = service.post("/v1/translate", json={"text": TEXT, "glossary_name": "absent"})
    assert (answer.status_code, answer.json()["code"]) == (422, "glossary_unknown")


@pytest.mark.parametrize("bounds", [{"cache_bytes": 0}, {"cache_bytes": 50_000}, {"cache_ttl_s": 0.001}])
def test_results_keep_to_the_bounds_of_the_cache(stop: Any, bounds: Any) -> None:
    with TestClient(create_app(Settings(**bounds)), raise_server_exceptions=False) as bounded:
        wait_until_ready(bounded)
        ask(bounded, "/v1/translate")
        time.sleep(0.01)
        stop()
        assert ask(bounded, "/v1/translate").status_code == 500


def test_forgotten_result_is_computed_again(service: TestClient) -> None:
    first = ask(service, "/v1/translate", **{"depesche-cache": "memory"}).json()
    answer = service.delete(f"/v1/results/{first['result_key']}")
    assert answer.json() == {"forgotten": 2}
    again = ask(service, "/v1/translate").json()
    assert again["translations"][0]["cached"] == {"sentences": 0, "of": 2}


def test_malformed_result_key_is_refused(service: TestClient) -> None:
    assert service.delete("/v1/results/x").status_code == 422


def test_unknown_tier_is_refused(service: TestClient) -> None:
    assert ask(service, "/v1/translate", **{"depesche-cache": "disk"}).status_code == 422
