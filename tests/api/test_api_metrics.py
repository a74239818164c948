"""Metrics over HTTP: what was done is counted under its route, and nothing that a caller writes becomes a label."""

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
from tests.test_metrics import documented

MARKER = "Zwetschgenkuchen"
FATAL = "Unfall"
ODD_REQUESTS = 200


def value(text: str, sample: str) -> float:
    """The value of a sample by its name and labels as they are written; 0 where it is not there."""
    found = [line for line in text.splitlines() if line.startswith(sample + " ")]
    return float(found[0].rsplit(" ", 1)[1]) if found else 0.0


def series(client: TestClient) -> set[str]:
    """The names of all samples with their labels."""
    lines = client.get("/metrics").text.splitlines()
    return {line.rsplit(" ", 1)[0] for line in lines if not line.startswith("#")}


def translator_of(client: TestClient) -> LocalGenerator:
    """The model that translates."""
    runtime: Runtime = client.app.state.runtime  # type: ignore[attr-defined]  # any ASGI application, for the type
    return runtime.newsroom.models[0]


@pytest.fixture
def faked(monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    """The application over engines that raise where the text holds ``FATAL``."""

    def fatal(item: EngineInput) -> bool:
        return FATAL in "".join(item.tokens)

    handler = raising(RuntimeError(MARKER), when=fatal)
    monkeypatch.setattr("service.generation.local.load_engine", lambda *_, **__: FakeEngine(handler))
    with TestClient(create_app(Settings()), raise_server_exceptions=False) as client:
        wait_until_ready(client)
        yield client


def test_a_sentence_is_counted_on_its_way(client: TestClient) -> None:
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


def test_of_forty_sentences_only_the_edited_one_reaches_the_engine(faked: TestClient) -> None:
    counter = 'depesche_source_tokens_total{model="starter-de-en"}'
    sentences = [f"Am {day}. Mai fuhr der Zug nicht nach Hamburg." for day in range(1, 41)]
    assert faked.post("/v1/translate", json={"text": " ".join(sentences)}).status_code == 200
    before = value(faked.get("/metrics").text, counter)
    assert before > len(sentences)
    sentences[17] = edited = "Am Tag darauf fuhr er doch wieder."
    assert faked.post("/v1/translate", json={"text": " ".join(sentences)}).status_code == 200
    assert value(faked.get("/metrics").text, counter) - before == len(translator_of(faked).tokenizer.encode(edited))


def test_every_model_is_named_with_its_readiness(client: TestClient) -> None:
    text = client.get("/metrics").text
    for model in ("starter-de-en", "starter-sum-de"):
        assert value(text, f'depesche_model_ready{{model="{model}"}}') == 1
        assert f'depesche_model_hung{{model="{model}"}} 0.0' in text
        assert f'depesche_queue_sentences{{model="{model}"}} 0.0' in text
        assert f'depesche_queue_oldest_seconds{{model="{model}",priority="bulk"}} 0.0' in text
    assert len(re.findall(r'depesche_model_info\{.*quality="starter".*\} 1\.0', text)) == 2
    assert "depesche_ready 1.0" in text


def test_every_sample_has_the_labels_that_its_document_says(client: TestClient) -> None:
    labels = {name: labels for name, (_, labels) in documented().items()}
    for sample in series(client):
        name, _, rest = sample.partition("{")
        family = name if name in labels else re.sub("_(bucket|count|sum)$", "", name)
        assert set(re.findall(r'(\w+)="', rest)) - {"le"} == labels[family], sample


def test_a_failure_within_a_stream_is_counted_as_one(faked: TestClient) -> None:
    answer = faked.post("/v1/translate", json={"text": f"Der {FATAL}."}, headers={"accept": "text/event-stream"})
    assert (answer.status_code, "event: error" in answer.text) == (200, True)
    text = faked.get("/metrics").text
    assert value(text, 'depesche_requests_failed_total{reason="engine_failed"}') == 1
    assert value(text, 'depesche_engine_failures_total{model="starter-de-en",reason="raised"}') > 0
    assert value(text, 'depesche_results_total{output="translation"}') == 0


def test_what_an_article_gives_is_counted_by_output_and_warning(faked: TestClient) -> None:
    outputs = ["summary", "translation", "summary_translation"]
    assert faked.post("/v1/articles", json={"body": "Guten Tag. 12", "outputs": outputs}).status_code == 200
    text = faked.get("/metrics").text
    for output in ("article", *outputs):
        assert value(text, f'depesche_results_total{{output="{output}"}}') == 1
    needing_review = value(text, 'depesche_results_needing_review_total{output="summary"}')
    assert needing_review == 1
    assert 'depesche_warnings_total{code="other"} 0.0' in text


def test_variants_are_counted_as_the_results_that_they_are(client: TestClient) -> None:
    """With their warnings: an editor may publish any of them."""
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


def test_a_refused_body_is_counted_by_its_reason(faked: TestClient) -> None:
    faked.post("/v1/translate", content=b" " * (4 * 2**20 + 1))
    assert value(faked.get("/metrics").text, 'depesche_requests_refused_total{reason="body_too_large"}') == 1


def odd(client: TestClient, draw: random.Random) -> None:
    """One request that nobody foresaw."""
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


def test_two_hundred_odd_requests_make_few_series_and_as_many_more_make_none(faked: TestClient) -> None:
    draw = random.Random(4)
    before = series(faked)
    for _ in range(ODD_REQUESTS):
        odd(faked, draw)
    after = series(faked)
    for _ in range(ODD_REQUESTS):
        odd(faked, draw)
    requests = {one for one in after - before if one.startswith("depesche_http_requests_total")}
    assert len(requests) < 30
    assert series(faked) == after


def test_nothing_that_a_caller_writes_is_in_the_metrics(faked: TestClient) -> None:
    draw = random.Random(5)
    for _ in range(50):
        odd(faked, draw)
    for path in ("/v1/translate", "/v1/summarize"):
        faked.post(path, json={"text": f"Der {MARKER} ist da."})
        faked.post(path, json={"text": f"Der {FATAL} mit {MARKER}."})
    assert MARKER not in faked.get("/metrics").text
    assert 'method="other"' in faked.get("/metrics").text
    assert 'route="unmatched"' in faked.get("/metrics").text
