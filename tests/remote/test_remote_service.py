"""Tests of the service with a remote model: readiness, errors, provenance, and requests under embargo."""

import logging
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from service.app import create_app
from service.http.keys import Key, digest_of
from service.settings import Settings
from tests.conftest import wait_until_ready
from tests.remote.test_remote_faults import ENGLISH, FIRST, SECOND, TEXT, WHOLE, good
from tests.remote_server import Reply, remote_server, said

ROOT = Path(__file__).parents[2]
EMBARGO = {"DEPESCHE-Embargo": "1"}
TOKEN = "k" * 43


@pytest.fixture(scope="session")
def remote_models(models_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a models folder with the tiny test models and the manifests of two remote models."""
    folder = tmp_path_factory.mktemp("remote-models")
    shutil.copytree(models_dir / "catalog", folder / "catalog")
    (folder / "embedded").symlink_to(models_dir / "embedded")
    for name in ("remote-de-en", "remote-sum-de"):
        shutil.copy(ROOT / "models" / "catalog" / f"{name}.toml", folder / "catalog")
    return folder


@contextmanager
def serving(models: Path, url: str, **settings: Any) -> Iterator[TestClient]:
    """Start the service with a remote translation model on the server at ``url``, and yield a client of the service."""
    own = {"models_dir": models, "remote_url": url, "remote_model": "llm-1", "translation_model": "remote-de-en"}
    with TestClient(create_app(Settings(**{**own, **settings})), raise_server_exceptions=False) as client:
        wait_until_ready(client)
        yield client


def post(client: TestClient, path: str, headers: dict[str, str] | None = None, **body: Any) -> Any:
    """Send a request with the JSON ``body``, check that it succeeds, and return the JSON of the response."""
    response = client.post(path, json=body, headers=headers)
    assert response.status_code == 200, response.text
    return response.json()


def metric(client: TestClient, line: str) -> float:
    """Return the value of ``line``, the name and the labels of one sample, in the metrics of the service."""
    (found,) = [one for one in client.get("/metrics").text.splitlines() if one.startswith(f"{line} ")]
    return float(found.rpartition(" ")[2])


def test_a_remote_model_translates_and_is_named_with_its_host(remote_models: Path) -> None:
    with remote_server(good) as server, serving(remote_models, server.url) as client:
        found = post(client, "/v1/translate", text=TEXT)
        (remote, *local) = client.get("/v1/models").json()["models"]
    assert found["translations"][0]["text"] == WHOLE
    expected = {"name": "remote-de-en", "revision": "llm-1", "engine": "openai", "quality": "draft", "host": "private"}
    assert expected.items() <= found["model"].items()
    assert expected.items() <= remote.items()
    assert {one["host"] for one in local} == {"process"}
    assert {one["name"] for one in local} == {"starter-sum-de", "starter-de-en"}


def test_context_reaches_the_model_and_is_part_of_the_result_key(remote_models: Path) -> None:
    with remote_server(good) as server, serving(remote_models, server.url) as client:
        plain = post(client, "/v1/translate", text=SECOND)
        found = post(client, "/v1/translate", text=SECOND, context=FIRST)
        again = post(client, "/v1/translate", text=SECOND, context=FIRST)
        form = {"text": [SECOND], "target_lang": "EN", "context": "Nachrichten aus dem Sport."}
        deepl = client.post("/v2/translate", json=form)
    assert deepl.json()["translations"][0]["text"] == ENGLISH[SECOND]
    prompts = [body["messages"][-1]["content"] for body in server.bodies]
    assert [FIRST in one for one in prompts] == [False, True, False]
    assert "Nachrichten aus dem Sport." in prompts[2]
    assert found["notices"] == []
    assert found["result_key"] == again["result_key"] != plain["result_key"]


def test_context_has_a_limit_and_is_reported_if_no_model_uses_it(remote_models: Path) -> None:
    with remote_server(good) as server, serving(remote_models, server.url, max_text_chars=500) as client:
        long = client.post("/v1/translate", json={"text": SECOND, "context": "Ja. " * 126})
        assert (long.status_code, long.json()["errors"][0]["pointer"]) == (422, "/context")
        found = post(client, "/v1/translate", EMBARGO, text=SECOND, context=FIRST)  # a model in the process
        plain = post(client, "/v1/translate", EMBARGO, text=SECOND)
    assert "context_unused" in [one["code"] for one in found["notices"]]
    assert "context_unused" not in [one["code"] for one in plain["notices"]]
    assert found["result_key"] == plain["result_key"]


def test_provenance_names_the_host(remote_models: Path) -> None:
    with remote_server(good) as server, serving(remote_models, server.url, remote_host="public") as client:
        found = post(client, "/v1/articles", body=TEXT, outputs=["translation"])
    (_, instrument) = found["provenance"]["jsonld"]["instrument"]
    assert instrument["runtimePlatform"] == "on a server in a public network"
    assert found["models"]["translation"]["host"] == "public"
    assert found["provenance"]["embargo"] is False


def test_while_the_server_is_away_the_service_stays_ready(remote_models: Path) -> None:
    with remote_server(good) as server, serving(remote_models, server.url) as client:
        post(client, "/v1/translate", text=FIRST)
        server.script, server.models_status = lambda _: Reply(status=500), 500
        for _ in range(2):
            failed = client.post("/v1/translate", json={"text": SECOND})
        assert (failed.status_code, failed.json()["code"]) == (503, "engine_unavailable")
        assert int(failed.headers["Retry-After"]) >= 1
        assert "Verwaltung" not in failed.text
        ready = client.get("/readyz")
        assert ready.status_code == 200
        assert {"name": "remote-de-en", "state": "away", "quality": "draft"} in ready.json()["models"]
        assert client.get("/livez").status_code == 200
        assert metric(client, 'depesche_remote_away{model="remote-de-en"}') == 1
        assert metric(client, 'depesche_requests_refused_total{reason="engine_unavailable"}') == 2
        assert post(client, "/v1/translate", text=FIRST)["translations"][0]["text"] == ENGLISH[FIRST]  # cached
        assert post(client, "/v1/summarize", text=TEXT)["model"]["host"] == "process"
        cleaned = post(client, "/v1/articles", body=TEXT, outputs=["summary"], method="lead")
        assert cleaned["summary"]["text"]
        server.script, server.models_status = good, 200
        _wait(lambda: metric(client, 'depesche_remote_away{model="remote-de-en"}') == 0)
        assert post(client, "/v1/translate", text=SECOND)["translations"][0]["text"] == ENGLISH[SECOND]
        assert metric(client, 'depesche_remote_calls_total{model="remote-de-en",outcome="server_error"}') >= 5


def _wait(until: Callable[[], bool]) -> None:
    end_s = time.monotonic() + 15
    while not until():
        assert time.monotonic() < end_s
        time.sleep(0.1)


def test_a_remote_summary_model_rewrites_behind_the_guard(remote_models: Path) -> None:
    def script(body: dict[str, Any]) -> Reply:
        source = body["messages"][-1]["content"].rpartition("\n1: ")[2]
        if "Stadtrat" in source:
            return said("1: Der Stadtrat hat den Haushalt beschlossen.")
        return said("1: Die Kosten betragen zwölf Millionen Euro, sagt der Bürgermeister von Köln.")

    article = " ".join([*ENGLISH, "Anwohner kritisieren den Plan, weil sie mehr Lärm erwarten."])
    settings = {"translation_model": None, "summary_model": "remote-sum-de"}
    with remote_server(script) as server, serving(remote_models, server.url, **settings) as client:
        found = post(client, "/v1/summarize", text=article)["summaries"][0]
    assert server.bodies
    assert "zwölf" not in found["text"]
    assert "Köln" not in found["text"]


def test_headers_of_embargo_must_be_0_or_1(remote_models: Path) -> None:
    with remote_server(good) as server, serving(remote_models, server.url) as client:
        for path, body in (
            ("/v1/translate", {"text": FIRST}),
            ("/v2/translate", {"text": [FIRST], "target_lang": "EN"}),
        ):
            refused = client.post(path, json=body, headers={"DEPESCHE-Embargo": "yes"})
            assert refused.status_code in {400, 422}, refused.text
            assert "DEPESCHE-Embargo" in refused.text or "depesche-embargo" in refused.text
        assert server.bodies == []
        post(client, "/v1/translate", {"DEPESCHE-Embargo": "0"}, text=FIRST)
        assert server.sentences() == [FIRST]


@pytest.fixture
def keys_file(tmp_path: Path) -> Path:
    """Return the path of a key file. Its key has the scope ``embargo``."""
    file = tmp_path / "keys"
    scopes = frozenset({"translate", "summarize", "articles", "embargo"})
    file.write_text(Key("desk", scopes, digest_of(TOKEN)).line(), "utf-8")  # type: ignore[arg-type]  # literals
    return file


UNPUBLISHED = "Geheimplan Zugspitze wird am Freitag vorgestellt."
PATHS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("/v1/translate", {"text": UNPUBLISHED}),
    ("/v1/articles", {"body": f"{UNPUBLISHED} {TEXT}", "outputs": ["summary", "translation", "summary_translation"]}),
    ("/v1/summarize", {"text": f"{UNPUBLISHED} {TEXT}", "target_lang": "en"}),
    ("/v2/translate", {"text": [UNPUBLISHED], "target_lang": "EN"}),
    ("/translate", {"q": UNPUBLISHED, "source": "de", "target": "en"}),
)


@pytest.mark.parametrize("by_key", [False, True], ids=["header", "key"])
def test_a_text_under_embargo_reaches_no_server_no_cache_and_no_log(
    *,
    by_key: bool,
    remote_models: Path,
    keys_file: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    settings = {"keys_file": keys_file} if by_key else {}
    headers = {"Authorization": f"Bearer {TOKEN}"} if by_key else EMBARGO
    with remote_server(good) as server, serving(remote_models, server.url, **settings) as client:
        for path, body in PATHS:
            for _ in range(2):  # the second one would find what the first one had stored
                response = client.post(path, json=body, headers=headers)
                assert response.status_code == 200, response.text
        assert server.bodies == []
        newsroom = client.app.state.runtime.newsroom  # type: ignore[attr-defined]  # a Starlette app
        assert newsroom.cache.memory.stats.entries == 0
        assert not newsroom.cache.documents._kept
        assert "Zugspitze" not in client.get("/metrics").text
    assert "Zugspitze" not in caplog.text


def test_provenance_reports_an_embargo(remote_models: Path) -> None:
    with remote_server(good) as server, serving(remote_models, server.url) as client:
        found = post(client, "/v1/articles", EMBARGO, body=TEXT, outputs=["translation"])
    assert found["provenance"]["embargo"] is True
    assert found["models"]["translation"]["name"] == "starter-de-en"
    assert found["models"]["translation"]["host"] == "process"


def test_without_local_models_a_request_under_embargo_is_refused(remote_models: Path) -> None:
    with remote_server(good) as server, serving(remote_models, server.url, embargo_models=False) as client:
        refused = client.post("/v1/translate", json={"text": FIRST}, headers=EMBARGO)
        assert (refused.status_code, refused.json()["code"]) == (422, "embargo_not_served")
        assert server.bodies == []


def test_without_local_models_a_check_under_embargo_is_answered(remote_models: Path) -> None:
    with remote_server(good) as server, serving(remote_models, server.url, embargo_models=False) as client:
        post(client, "/v1/check", EMBARGO, task="translation", source=FIRST, text=ENGLISH[FIRST])
        assert server.bodies == []


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"remote_url": None}, "set DEPESCHE_REMOTE_URL"),
        ({"translation_model": None}, "names a remote model"),
        ({"remote_key_file": Path("/nonexistent")}, "the file that DEPESCHE_REMOTE_KEY_FILE names cannot be read"),
    ],
)
def test_settings_that_do_not_fit_are_reported_by_the_probe(
    settings: dict[str, Any], reason: str, remote_models: Path
) -> None:
    own = {"models_dir": remote_models, "remote_url": "http://127.0.0.1:9/v1", "translation_model": "remote-de-en"}
    with TestClient(create_app(Settings(**{**own, **settings}))) as client:
        _wait(lambda: client.get("/readyz").json()["status"] == "failed")
        assert reason in client.get("/readyz").json()["detail"]


@pytest.mark.parametrize("url", ["vllm:8000", "ftp://vllm/v1", "http://user:pw@vllm/v1", "http://vllm/v1?key=x"])
def test_a_url_that_is_no_base_url_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="remote_url"):
        Settings(remote_url=url)


def test_purge_deletes_the_sentences_of_a_remote_model(remote_models: Path) -> None:
    with remote_server(good) as server, serving(remote_models, server.url) as client:
        post(client, "/v1/translate", text=FIRST)
        newsroom = client.app.state.runtime.newsroom  # type: ignore[attr-defined]  # a Starlette app
        assert newsroom.cache.memory.stats.entries > 0
        client.portal.call(lambda: newsroom.purge(texts=[FIRST]))  # type: ignore[union-attr]  # it is running
        post(client, "/v1/translate", text=FIRST)
    assert server.sentences() == [FIRST, FIRST]
