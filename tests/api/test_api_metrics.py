"""Tests that the metrics count requests by route, and that no label of a metric contains input from callers."""

import json
import random
import re
from collections import Counter
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from service.app import create_app
from service.domain import EngineInput
from service.generation.local import LocalGenerator
from service.http.state import Runtime
from service.settings import Settings
from tests.conftest import wait_until_ready
from tests.fake_engine import FakeEngine, raising
from tests.test_metrics import documented_metrics

MARKER = "Zwetschgenkuchen"
FATAL = "Unfall"
ODD_REQUESTS = 200


def value(text: str, sample: str) -> float:
    """Return the value of ``sample`` in the metrics ``text``, or 0 if it is missing.

    ``sample`` is the name of a metric with its labels.
    """
    found = [line for line in text.splitlines() if line.startswith(sample + " ")]
    return float(found[0].rsplit(" ", 1)[1]) if found else 0.0


def series(client: TestClient) -> set[str]:
    """Return the names of all samples in the metrics of the service, with their labels."""
    lines = client.get("/metrics").text.splitlines()
    return {line.rsplit(" ", 1)[0] for line in lines if not line.startswith("#")}


def translator_of(client: TestClient) -> LocalGenerator:
    """Return the service's translation model."""
    runtime: Runtime = client.app.state.runtime  # type: ignore[attr-defined]  # typed as any ASGI application
    model = runtime.newsroom.models[0]
    assert isinstance(model, LocalGenerator)
    return model


@pytest.fixture
def fatal_client(monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    """Yield a client of an application whose engines raise an exception if a text contains ``FATAL``."""

    def fatal(item: EngineInput) -> bool:
        return FATAL in "".join(item.tokens)

    handler = raising(RuntimeError(MARKER), when=fatal)
    monkeypatch.setattr("service.generation.local.load_engine", lambda *_, **__: FakeEngine(handler))
    with TestClient(create_app(Settings()), raise_server_exceptions=False) as client:
        wait_until_ready(client)
        yield client


def test_sentence_is_counted(client: TestClient) -> None:
    before = client.get("/metrics").text
    client.post("/v1/translate", json={"text": "Die Brücke bleibt bis Donnerstag gesperrt."})
    after = client.get("/metrics").text
    for sample in (
        'depesche_batch_sentences_sum{model="starter-de-en"}',
        'depesche_cache_lookups_total{task="translation",tier="none"}',
        'depesche_http_requests_total{method="POST",route="/v1/translate",status="200"}',
        'depesche_http_request_seconds_count{route="/v1/translate",status="200"}',
        'depesche_results_total{output="translation"}',
    ):
        assert value(after, sample) == value(before, sample) + 1
    assert value(after, "depesche_http_requests_in_progress") == 1


def test_edit_reaches_engine_with_one_sentence(fatal_client: TestClient) -> None:
    counter = 'depesche_source_tokens_total{model="starter-de-en"}'
    sentences = [f"Am {day}. Mai fuhr der Zug nicht nach Hamburg." for day in range(1, 41)]
    assert fatal_client.post("/v1/translate", json={"text": " ".join(sentences)}).status_code == 200
    before = value(fatal_client.get("/metrics").text, counter)
    assert before > len(sentences)
    sentences[17] = edited = "Am Tag darauf fuhr er doch wieder."
    assert fatal_client.post("/v1/translate", json={"text": " ".join(sentences)}).status_code == 200
    assert value(fatal_client.get("/metrics").text, counter) - before == len(
        translator_of(fatal_client).tokenizer.encode(edited)
    )


def test_every_model_has_readiness(client: TestClient) -> None:
    text = client.get("/metrics").text
    for model in ("starter-de-en", "starter-sum-de"):
        assert value(text, f'depesche_model_ready{{model="{model}"}}') == 1
        assert f'depesche_model_hung{{model="{model}"}} 0.0' in text
        assert f'depesche_queue_sentences{{model="{model}"}} 0.0' in text
        assert f'depesche_queue_oldest_seconds{{model="{model}",priority="bulk"}} 0.0' in text
    assert len(re.findall(r'depesche_model_info\{.*quality="starter".*\} 1\.0', text)) == 2
    assert "depesche_ready 1.0" in text


def test_samples_have_documented_labels(client: TestClient) -> None:
    labels = {name: labels for name, (_, labels) in documented_metrics().items()}
    for sample in series(client):
        name, _, rest = sample.partition("{")
        family = name if name in labels else re.sub("_(bucket|count|sum)$", "", name)
        assert set(re.findall(r'(\w+)="', rest)) - {"le"} == labels[family], sample


def test_stream_failure_is_counted_once(fatal_client: TestClient) -> None:
    answer = fatal_client.post("/v1/translate", json={"text": f"Der {FATAL}."}, headers={"accept": "text/event-stream"})
    assert (answer.status_code, "event: error" in answer.text) == (200, True)
    text = fatal_client.get("/metrics").text
    assert value(text, 'depesche_requests_failed_total{reason="engine_failed"}') == 1
    assert value(text, 'depesche_engine_failures_total{model="starter-de-en",reason="raised"}') > 0
    assert value(text, 'depesche_results_total{output="translation"}') == 0


def test_article_is_counted_by_output_and_warning(fatal_client: TestClient) -> None:
    outputs = ["summary", "translation", "summary_translation"]
    answer = fatal_client.post("/v1/articles", json={"body": "Guten Tag. 12", "outputs": outputs})
    assert answer.status_code == 200
    text = fatal_client.get("/metrics").text
    for output in ("article", *outputs):
        assert value(text, f'depesche_results_total{{output="{output}"}}') == 1
    for output in outputs:
        needing_review = value(text, f'depesche_results_needing_review_total{{output="{output}"}}')
        assert needing_review == int(answer.json()[output]["needs_review"])
    assert answer.json()["translation"]["needs_review"]
    assert 'depesche_warnings_total{code="other"} 0.0' in text


def test_variants_are_counted_as_results(client: TestClient) -> None:
    """Check that the warnings of all variants are counted, because an editor may publish any variant."""
    text = (
        "Der Stadtrat hat am Montag den Bau einer neuen Brücke beschlossen. Die Arbeiten sollen im März beginnen und"
        " zwei Jahre dauern. Die alte Brücke wird im Herbst für den Verkehr gesperrt. Anwohner klagen seit langem über"
        " Lärm und Staus. Die Kosten trägt zur Hälfte das Land."
    )
    before = client.get("/metrics").text
    answer = client.post("/v1/summarize", json={"text": text, "variants": 3, "max_sentences": 2}).json()
    after = client.get("/metrics").text
    (first,) = answer["summaries"]
    results = [first, *first["variants"]]
    assert len(results) > 1
    wanted = {
        'depesche_results_total{output="summary"}': len(results),
        'depesche_results_needing_review_total{output="summary"}': sum(one["needs_review"] for one in results),
    }
    codes = Counter(code for one in results for code in {warning["code"] for warning in one["warnings"]})
    wanted |= {f'depesche_warnings_total{{code="{code}"}}': times for code, times in codes.items()}
    assert {sample: value(after, sample) - value(before, sample) for sample in wanted} == wanted


def test_refused_body_is_counted_by_reason(fatal_client: TestClient) -> None:
    fatal_client.post("/v1/translate", content=b" " * (4 * 2**20 + 1))
    assert value(fatal_client.get("/metrics").text, 'depesche_requests_refused_total{reason="body_too_large"}') == 1


def send_odd_request(client: TestClient, draw: random.Random) -> None:
    word = f"{MARKER}{draw.randrange(10**9)}"
    method = draw.choice(["GET", "POST", "PUT", "TRACE", word])
    path = draw.choice([f"/{word}", f"/v1/{word}", f"/v1/translate?{word}={word}", "/v1/summarize", f"/livez/{word}"])
    body = draw.choice([{"text": word, word: word}, {"text": [word], "method": word}, word])
    headers = {"content-type": draw.choice(["application/json", word]), "accept": "*/*", "x-request-id": f"ä{word}"}
    client.request(
        method,
        path,
        content=json.dumps(body),
        headers={name.encode(): value.encode() for name, value in headers.items()},
    )


def test_odd_requests_make_few_series(fatal_client: TestClient) -> None:
    draw = random.Random(4)
    before = series(fatal_client)
    for _ in range(ODD_REQUESTS):
        send_odd_request(fatal_client, draw)
    after = series(fatal_client)
    for _ in range(ODD_REQUESTS):
        send_odd_request(fatal_client, draw)
    requests = {one for one in after - before if one.startswith("depesche_http_requests_total")}
    assert len(requests) < 30
    assert series(fatal_client) == after


def test_metrics_contain_no_caller_input(fatal_client: TestClient) -> None:
    draw = random.Random(5)
    for _ in range(50):
        send_odd_request(fatal_client, draw)
    for path in ("/v1/translate", "/v1/summarize"):
        fatal_client.post(path, json={"text": f"Der {MARKER} ist da."})
        fatal_client.post(path, json={"text": f"Der {FATAL} mit {MARKER}."})
    assert MARKER not in fatal_client.get("/metrics").text
    assert 'method="other"' in fatal_client.get("/metrics").text
    assert 'route="unmatched"' in fatal_client.get("/metrics").text
