"""Tests of summary styles and variants in /v1, with the tiny models."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from service.summarization.words import count_words

METHODS = ("abstractive", "extractive", "lead")
STYLES = ("abstract", "teaser", "bullets", "seo")


def summary_of(client: TestClient, article: str, output: str = "summary", **wanted: Any) -> dict[str, Any]:
    answer = client.post("/v1/articles", json={"body": article, "outputs": [output], **wanted})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()[output]
    return found


def all_of(summary: dict[str, Any]) -> list[dict[str, Any]]:
    return [summary, *summary["variants"]]


def texts_of(one: dict[str, Any]) -> list[str]:
    return [sentence["text"] for sentence in one["sentences"]]


@pytest.mark.parametrize("method", METHODS)
def test_teaser_has_at_most_two_sentences(client: TestClient, given_article: str, method: str) -> None:
    for one in all_of(summary_of(client, given_article, style="teaser", method=method, variants=3)):
        assert 1 <= len(one["sentences"]) <= 2
        assert count_words(one["text"]) <= 40
        assert one["text"] == " ".join(texts_of(one))
        assert one["text"].endswith(".")
        assert "Biden will im Ukraine-Konflikt vermitteln" not in one["text"]


@pytest.mark.parametrize("method", METHODS)
def test_bullets_are_three_to_five_lines(client: TestClient, given_article: str, method: str) -> None:
    for one in all_of(summary_of(client, given_article, style="bullets", method=method, variants=3)):
        assert one["text"].splitlines() == [f"• {text}" for text in texts_of(one)]
        assert 3 <= len(one["sentences"]) <= 5
        places = [sentence["support"][0][0] for sentence in one["sentences"]]
        assert places == sorted(places)


@pytest.mark.parametrize("method", METHODS)
def test_seo_is_one_short_sentence(client: TestClient, given_article: str, method: str) -> None:
    for one in all_of(summary_of(client, given_article, style="seo", method=method, variants=3)):
        assert texts_of(one) == [one["text"]]
        assert len(one["text"]) <= 160


def test_unreachable_seo_is_not_cut(client: TestClient, given_article: str) -> None:
    found = summary_of(client, given_article, style="seo", max_chars=20)
    assert found["text"] == ""
    assert [warning["code"] for warning in found["warnings"]] == ["length_unreachable"]


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("method", ["abstractive", "extractive"])
def test_variants_differ(client: TestClient, given_article: str, style: str, method: str) -> None:
    alone = summary_of(client, given_article, style=style, method=method)
    several = summary_of(client, given_article, style=style, method=method, variants=5)
    assert alone["variants"] == []
    assert several["text"] == alone["text"]
    assert len({one["text"] for one in all_of(several)}) == 5


def test_every_variant_has_support(client: TestClient, given_article: str) -> None:
    for one in all_of(summary_of(client, given_article, method="extractive", style="bullets", variants=4)):
        for sentence in one["sentences"]:
            ((start, end),) = sentence["support"]
            assert given_article[start:end] == sentence["text"]


def test_english_bullets_are_lines(client: TestClient, given_article: str) -> None:
    wanted: dict[str, Any] = {"output": "summary_translation", "style": "bullets", "method": "lead", "max_chars": 400}
    german = summary_of(client, given_article, **{**wanted, "output": "summary"})
    english = summary_of(client, given_article, **wanted)
    assert english["text"].splitlines() == [f"• {text}" for text in texts_of(english)]
    assert len(english["sentences"]) == len(german["sentences"])


def test_english_variants_translate_german_ones(client: TestClient, given_article: str) -> None:
    wanted: dict[str, Any] = {"style": "seo", "method": "extractive", "variants": 3}
    german = summary_of(client, given_article, **wanted)
    english = summary_of(client, given_article, "summary_translation", **wanted)
    supports = [[one["sentences"][0]["support"] for one in all_of(found)] for found in (german, english)]
    assert supports[0] == supports[1]
    assert len({one["text"] for one in all_of(german) + all_of(english)}) == 6


def test_result_key_depends_on_style_and_variants(client: TestClient) -> None:
    text = "Der Rat tagte am Montag in der Halle. Es ging um das Bad."

    def key(**wanted: Any) -> str:
        body = {"text": text, "method": "lead", **wanted}
        found: str = client.post("/v1/summarize", json=body).json()["result_key"]
        return found

    keys = [key(), key(variants=2), *(key(style=style) for style in STYLES[1:])]
    assert len(set(keys)) == len(keys)
    assert key(style="seo", max_chars=300) == key(style="seo")


@pytest.mark.parametrize("wanted", [{"variants": 0}, {"variants": 6}, {"variants": "2"}, {"style": "poem"}])
def test_invalid_style_or_number_is_refused(client: TestClient, wanted: dict[str, Any]) -> None:
    answer = client.post("/v1/summarize", json={"text": "Ein Satz.", **wanted})
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == [f"/{next(iter(wanted))}"]
