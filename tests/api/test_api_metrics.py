"""Metrics: what was done is counted, under names in base units, without any text."""

import re

from fastapi.testclient import TestClient


def value(text: str, sample: str) -> float:
    """The value of a sample by its name and labels as they are written."""
    (line,) = [line for line in text.splitlines() if line.startswith(sample + " ")]
    return float(line.rsplit(" ", 1)[1])


def test_a_sentence_is_counted_on_its_way(client: TestClient) -> None:
    before = client.get("/metrics").text
    client.post("/v1/translate", json={"text": "Die Brücke bleibt bis Donnerstag gesperrt."})
    after = client.get("/metrics").text
    for sample in (
        'depesche_batch_sentences_sum{model="starter-de-en"}',
        'depesche_cache_lookups_total{task="translation",tier="none"}',
        'depesche_http_request_seconds_count{route="/v1/translate",status="200"}',
    ):
        assert value(after, sample) == (value(before, sample) if sample in before else 0) + 1


def test_every_model_is_named_with_its_readiness(client: TestClient) -> None:
    text = client.get("/metrics").text
    for model in ("starter-de-en", "starter-sum-de"):
        assert value(text, f'depesche_model_ready{{model="{model}"}}') == 1
        assert value(text, f'depesche_queue_sentences{{model="{model}"}}') == 0
    assert len(re.findall(r'depesche_model_info\{.*quality="starter".*\} 1\.0', text)) == 2


def test_unknown_paths_share_one_label(client: TestClient) -> None:
    for path in ("/a", "/b", "/c"):
        client.get(path)
    assert re.findall(r'route="([^"]*)",status="404"', client.get("/metrics").text)[0] == "unmatched"
