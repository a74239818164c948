"""Tests of features for newsrooms over HTTP: HTML bodies, glossary terms, documents and provenance."""

import re
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

BODY = (
    '<!-- wp:paragraph --><p class="lead">Die <b>Deutsche Bahn</b> hat am 31.12.2021 rund 100.000 Menschen '
    'nach <a href="/koeln">Köln</a> gebracht.</p><!-- /wp:paragraph -->\n<pre>bleibt   so</pre>\n'
    "<p>Der Zug fährt heute nicht &lt;mehr&gt;.<br>Mehr steht unter https://example.org/a?b=c im Netz.</p>"
)
ARTICLE = (
    "Der Stadtrat hat am Montag den Bau einer neuen Brücke beschlossen. Die Arbeiten sollen im Frühjahr beginnen und "
    "zwei Jahre dauern. Die Kosten schätzt die Verwaltung auf elf Millionen Euro. Anwohner kritisieren den Plan, weil "
    "sie mehr Lärm erwarten. Die Stadt verspricht, nachts nicht zu bauen."
)
TAG = re.compile(r"<[^>]+>")
TRAINED = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"


def answer(client: TestClient, path: str, **body: Any) -> Any:
    response = client.post(path, json=body)
    assert response.status_code == 200, response.text
    return response.json()


def translated(client: TestClient, **body: Any) -> Any:
    return answer(client, "/v1/translate", **body)["translations"][0]


def test_html_keeps_markup(client: TestClient) -> None:
    found = translated(client, text=BODY, format="html")
    assert sorted(TAG.findall(found["text"])) == sorted(TAG.findall(BODY))
    assert "<pre>bleibt   so</pre>" in found["text"]
    assert "https://example.org/a?b=c" in found["text"]
    assert "<mehr>" not in found["text"]


def test_html_sentences_have_spans(client: TestClient) -> None:
    found = translated(client, text=BODY, format="html")
    places = [(one["source"], one["target"]) for one in found["sentences"]]
    assert [
        BODY[slice(*source)].startswith(word) for (source, _), word in zip(places, ("Die", "Der", "Mehr"), strict=True)
    ]
    assert all(found["text"][slice(*target)].strip() for _, target in places)


def test_markup_white_space_has_no_effect(client: TestClient) -> None:
    loose = BODY.replace(" rund", "\n\t  rund")
    one, other = (translated(client, text=text, format="html")["text"] for text in (BODY, loose))
    assert one.split("</p>")[0] == other.split("</p>")[0]


def test_text_and_html_share_sentences(client: TestClient) -> None:
    sentence = "Die Feuerwehr rückte am Abend mit 17 Wagen aus."
    plain = translated(client, text=sentence)
    marked = translated(client, text=f"<p>{sentence}</p>", format="html")
    assert marked["cached"] == {"sentences": 1, "of": 1}
    assert marked["text"] == f"<p>{plain['text']}</p>"


def test_attribute_texts_are_optional(client: TestClient) -> None:
    text = '<p><img alt="Ein altes Haus am Fluss" src="a.png"> Das Haus ist alt.</p>'
    assert 'alt="Ein altes Haus am Fluss"' in translated(client, text=text, format="html")["text"]
    assert (
        'alt="Ein altes Haus am Fluss"'
        not in translated(client, text=text, format="html", attribute_texts=True)["text"]
    )


def test_terms_are_applied_and_counted(client: TestClient) -> None:
    text = "Die Deutsche Bahn entlässt im März viele Lokführer."
    found = translated(
        client, text=text, glossary={"Lokführer": "engine driver"}, do_not_translate=["Deutsche Bahn", "Stadtwerke"]
    )
    assert "Deutsche Bahn" in found["text"]
    assert [use["source"] for use in found["terms"]["uses"]] == ["Deutsche Bahn", "Lokführer"]
    assert found["terms"]["applied"] + found["terms"]["missing"] == 2
    missing = [use for use in found["terms"]["uses"] if not use["applied"]]
    warned = [one["span"] for one in found["warnings"] if one["code"] == "term_not_applied"]
    assert warned == [use["span"] for use in missing]


def test_numbers_and_dates_become_english(client: TestClient) -> None:
    found = translated(client, text="Bis zum 31.12.2021 kamen 100.000 Gäste.")
    assert "100.000" not in found["text"]
    assert "31.12.2021" not in found["text"]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"glossary": {"...": "x"}}, "/glossary"),
        ({"glossary": {"a": "b"}, "do_not_translate": ["a"]}, "/do_not_translate/0"),
        ({"glossary_name": "fehlt"}, "/glossary_name"),
        ({"glossary": {f"Wort{n}": "x" for n in range(10_001)}}, "/glossary"),
    ],
)
def test_invalid_terms_are_named(client: TestClient, body: dict[str, Any], pointer: str) -> None:
    response = client.post("/v1/translate", json={"text": "Ein Satz.", **body})
    assert response.status_code == 422
    assert response.json()["errors"][0]["pointer"] == pointer


def test_alignment_pairs_words(client: TestClient) -> None:
    text = "Der Bundestag tagt am Freitag in Berlin."
    found = translated(client, text=text, alignment=True)
    (sentence,) = found["sentences"]
    pairs = {found["text"][slice(*w["target"])]: text[slice(*w["source"])] for w in sentence["words"]}
    assert pairs
    assert translated(client, text=text)["sentences"][0]["words"] is None


def test_warnings_have_both_spans(client: TestClient) -> None:
    text = "Am 3. März 2019 zahlte Angela Merkel 17,3 Milliarden Euro nicht zurück."
    found = translated(client, text=text)
    assert found["needs_review"] == any(one["review"] for one in found["warnings"])
    for one in found["warnings"]:
        assert one["span"] is None or text[slice(*one["span"])]
        assert one["target_span"] is None or one["target_span"][1] <= len(found["text"])


def test_whole_html_page_in_the_body_is_read_as_a_page(client: TestClient) -> None:
    paragraphs = "".join(f"<p>{part}</p>" for part in ARTICLE.split("\n\n") * 3)
    page = f"<!doctype html><title>Seite</title><nav><a href='/'>Start</a></nav><h1>Rat tagt</h1>{paragraphs}"
    found = answer(client, "/v1/articles", body=page, format="html", outputs=["summary"], length="short")["article"]
    assert found["headline"] == "Rat tagt"
    assert "Start" not in found["body"]
    assert found["submitted_body"]


def test_whole_html_page_without_an_article_is_refused(client: TestClient) -> None:
    response = client.post("/v1/articles", json={"body": "<!doctype html><p></p>", "format": "html"})
    assert (response.status_code, response.json()["errors"][0]["pointer"]) == (422, "/body")


def test_html_article_is_summarised_and_translated(client: TestClient) -> None:
    body = "".join(f"<p>{sentence}.</p>" for sentence in ARTICLE.rstrip(".").split(". ")).replace(
        "Montag", "<i>Montag</i>"
    )
    found = answer(client, "/v1/articles", body=body, format="html", length="short")
    assert found["translation"]["text"].count("<p>") == 5
    assert found["translation"]["text"].count("<i>") == 1
    assert "<" not in found["summary"]["text"]
    for sentence in found["summary"]["sentences"]:
        assert all(body[slice(*span)][-1] == "." for span in sentence["support"])


def ninjs() -> dict[str, Any]:
    body = {"role": "main", "contentType": "text/plain", "value": ARTICLE}
    return {
        "uri": "urn:newsml:example.org:1",
        "language": "de",
        "headlines": [{"value": "Stadt baut eine Brücke"}],
        "bodies": [body],
        "located": "Köln",
    }


def test_ninjs_item_becomes_english(client: TestClient) -> None:
    outputs = ["translation", "summary_translation"]
    found = answer(client, "/v1/articles", document=ninjs(), outputs=outputs, **{"as": "ninjs", "length": "short"})
    item = found["document"]
    assert (item["language"], item["located"]) == ("en", "Köln")
    assert item["bodies"][0]["value"] == found["translation"]["text"]
    assert item["headlines"][0]["value"] == found["translation"]["headline"]
    assert item["digitalSourceType"]["uri"] == TRAINED
    assert item["descriptions"][-1] == {"role": "summary", "value": found["summary_translation"]["text"]}
    assert found["article"]["submitted_body"] == ARTICLE


def test_json_ld_with_summary_stays_german(client: TestClient) -> None:
    document = {"@context": "https://schema.org", "@type": "NewsArticle", "headline": "Brücke", "articleBody": ARTICLE}
    options = {"outputs": ["summary"], "method": "extractive", "length": "short", "as": "jsonld"}
    found = answer(client, "/v1/articles", document=document, **options)["document"]
    assert found["inLanguage"] == "de"
    assert found["abstract"]
    assert "digitalSourceType" not in found


@pytest.mark.parametrize(
    ("german", "english"),
    [
        ("1.000,50", "1,000.50"),
        ("31.12.2021", "31 December 2021"),
        ("2,5 %", "2.5 %"),
        ("1.2.", "1.2."),
        ("3:1", "3:1"),
    ],
)
def test_lone_numerals_become_english(client: TestClient, german: str, english: str) -> None:
    """Check that HTML table cells that contain only numerals are converted without the model."""
    html = f"<table><tr><td>Der Umsatz stieg.</td><td>{german}</td></tr></table>"
    texts = [
        client.post("/v1/translate", json={"text": given, "format": kind}).json()["translations"][0]["text"]
        for given, kind in ((german, "text"), (html, "html"))
    ]
    assert texts[0] == english
    assert f"<td>{english}</td>" in texts[1]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, ""),
        ({"body": ARTICLE, "document": "x"}, ""),
        ({"document": {"uri": "urn:x:1", "bodies": [{"value": 3}]}}, "/document/bodies/0/value"),
        ({"document": "<p></p>"}, "/document"),
        ({"document": {"@type": "Recipe", "name": "Kuchen"}}, "/document/@type"),
        ({"body": ARTICLE, "as": "ninjs"}, "/as"),
    ],
)
def test_invalid_document_is_refused(client: TestClient, body: dict[str, Any], pointer: str) -> None:
    response = client.post("/v1/articles", json=body)
    assert response.status_code == 422, response.text
    assert response.json()["errors"][0]["pointer"] == pointer


@pytest.mark.parametrize(("method", "uri"), [("abstractive", TRAINED), ("extractive", None), ("lead", None)])
def test_provenance_depends_on_method(client: TestClient, method: str, uri: str | None) -> None:
    found = answer(client, "/v1/articles", body=ARTICLE, method=method, length="short", outputs=["summary"])
    kept = found["summary"]["method"]
    assert found["provenance"]["digital_source_types"]["summary"] == (uri if kept == method else None)
    assert found["provenance"]["human_reviewed"] is None
    assert found["provenance"]["jsonld"]["@type"] == "CreateAction"


GLOSSARY = "# eigene Wörter\nLokführer\tengine driver\nTagesschau\n\n"


def test_named_glossary_is_read_from_file(tmp_path: Path) -> None:
    from service.errors import ModelError
    from service.terms.glossary import read_glossaries

    (tmp_path / "haus.tsv").write_text(GLOSSARY, "utf-8")
    (terms,) = read_glossaries(tmp_path).values()
    assert (terms.translated, terms.kept) == ({"Lokführer": "engine driver"}, ("Tagesschau",))
    (tmp_path / "schlecht.tsv").write_text("a\tb\tc", "utf-8")
    with pytest.raises(ModelError, match="line 1"):
        read_glossaries(tmp_path)


def test_term_next_to_two_piece_character(client: TestClient) -> None:
    text = "Meldung 449: Der Gipfel von L′Aquila ist zu Ende."
    found = translated(client, text=text, glossary={"Meldung": "report"}, alignment=True)
    assert found["terms"]["applied"] == 1
    assert found["sentences"][0]["words"]
