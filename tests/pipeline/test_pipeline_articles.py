"""Tests of processing a whole article: cleaning, summary and translation."""

import re
from typing import Any

import pytest
from fastapi.testclient import TestClient

Json = dict[str, Any]

FURNITURE = (
    "Anzeige",
    "energiefuchs.example",
    "Startseite",
    "Artikel anhören",
    "Verwandte Themen",
    "Kommunalpolitik",
    "Foto: ZPA",
    "Hausblick",
)


@pytest.fixture(scope="module")
def answer(client: TestClient, given_article: str) -> Json:
    response = client.post("/v1/articles", json={"body": given_article})
    assert response.status_code == 200
    found: Json = response.json()
    return found


def test_article_splits_into_headline_lead_and_body(answer: Json) -> None:
    article = answer["article"]
    assert article["headline"] == "Hafenstadt will im Brückenstreit vermitteln – doch der Landkreis bleibt unnachgiebig"
    assert article["lead"].startswith("Der Stadtrat von Altenwerder hält")
    assert article["lead"].endswith("Zweifel an einem Kompromiss.")
    assert article["body"].startswith("Altenwerder. Genau 90 Minuten")
    assert article["body"].endswith("ein Veto einzulegen.")


def test_cleaned_body_has_no_boilerplate(answer: Json) -> None:
    assert not [phrase for phrase in FURNITURE if phrase in answer["article"]["body"]]


def test_removed_boilerplate_has_its_span(answer: Json, given_article: str) -> None:
    for removed in answer["article"]["removed"]:
        start, end = removed["span"]
        assert given_article[start:end] == removed["text"]
        assert removed["reason"]


def test_cleaned_body_maps_to_submitted_body(answer: Json, given_article: str) -> None:
    article = answer["article"]
    for mapping in article["spans"]:
        (start, end), (source_start, source_end) = mapping["cleaned"], mapping["source"]
        assert article["body"][start:end] == given_article[source_start:source_end]


def test_summary_is_german_relevant_and_of_requested_length(answer: Json) -> None:
    summary = answer["summary"]
    assert 40 <= len(summary["text"].split()) <= 120
    assert re.search("Brücke|Landrat", summary["text"])
    assert summary["method"] == "abstractive"


@pytest.mark.slow
def test_abstractive_summary_does_not_copy_the_lead(embedded_client: TestClient, given_article: str) -> None:
    answer = embedded_client.post("/v1/articles", json={"body": given_article, "outputs": ["summary"]}).json()
    body, sentences = answer["article"]["body"], answer["summary"]["sentences"]
    assert not body.startswith(answer["summary"]["text"][:80])
    assert [sentence for sentence in sentences if sentence["text"] not in body]


def test_summary_covers_the_whole_article(answer: Json, given_article: str) -> None:
    places = [start for sentence in answer["summary"]["sentences"] for start, _ in sentence["support"]]
    assert min(places) < len(given_article) / 3
    assert max(places) > len(given_article) / 2


def test_summary_sentences_have_support_in_submitted_text(answer: Json, given_article: str) -> None:
    for sentence in answer["summary"]["sentences"]:
        assert sentence["support"]
        for start, end in sentence["support"]:
            assert given_article[start:end].strip() == given_article[start:end] != ""


def test_translation_keeps_the_number_of_paragraphs(answer: Json) -> None:
    translation = answer["translation"]
    assert len(translation["text"].split("\n\n")) == len(answer["article"]["body"].split("\n\n"))
    assert translation["headline"]
    assert translation["lead"]


@pytest.mark.slow
def test_translation_is_english(embedded_client: TestClient, given_article: str) -> None:
    answer = embedded_client.post("/v1/articles", json={"body": given_article, "outputs": ["translation"]}).json()
    found = answer["translation"]["text"].lower().split()
    english, german = (
        sum(found.count(word) for word in words) for words in (("the", "of", "and"), ("der", "die", "und"))
    )
    assert english > 20
    assert german < 5


def test_second_request_is_cached(client: TestClient, given_article: str, answer: Json) -> None:
    again = client.post("/v1/articles", json={"body": given_article}).json()
    assert again["translation"]["cached"]["sentences"] == again["translation"]["cached"]["of"]
    assert again["summary"]["cached"] is True
    assert again["translation"]["text"] == answer["translation"]["text"]
    assert again["summary"]["text"] == answer["summary"]["text"]
