"""Tests that ninjs items are read, that outputs follow the ninjs schema, and that errors name the invalid field."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from service.documents.base import Edition
from service.documents.registry import read_document, write_document
from service.errors import InvalidInput

SAMPLES = Path(__file__).parents[1] / "data" / "ninjs"
SCHEMA = json.loads((SAMPLES / "schema.json").read_text("utf-8"))
ITEM: dict[str, Any] = {
    "uri": "urn:newsml:example.org:2021:1",
    "type": "text",
    "version": "2",
    "language": "de",
    "headlines": [{"role": "sub", "value": "Nebenzeile"}, {"role": "main", "value": "Bahn baut aus"}],
    "descriptions": [{"role": "short", "value": "Die Bahn will bauen."}],
    "bodies": [
        {"role": "main", "contentType": "text/plain", "value": "Die Bahn baut."},
        {"role": "richtext", "contentType": "application/xhtml+xml", "value": "<p>Die Bahn baut.</p>"},
    ],
    "people": [{"name": "Eine Person", "rel": "about"}],
    "located": "Berlin",
}
EDITION = Edition(
    language="en",
    headline="Railway expands",
    lead=None,
    body="<p>The railway builds.</p>",
    summary="It builds.",
    source_type="http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia",
    credit="made by software",
    made_at="2026-01-02T03:04:05+00:00",
    original_language="de",
)


def test_html_body_headline_and_lead_are_read() -> None:
    document = read_document(ITEM)
    assert (document.headline, document.lead) == ("Bahn baut aus", "Die Bahn will bauen.")
    assert (document.body, document.body_format) == ("<p>Die Bahn baut.</p>", "html")
    assert (document.language, document.uri) == ("de", ITEM["uri"])


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"uri": 3}, "/document/uri"),
        ({"uri": "no uri"}, "/document/uri"),
        ({"bodies": []}, "/document/bodies"),
        ({"bodies": [{"role": "main"}]}, "/document/bodies/0/value"),
        ({"bodies": [{"value": " "}]}, "/document/bodies"),
        ({"bodies": [{"value": "x", "contentType": "video/mp4"}]}, "/document/bodies"),
        ({"urgency": 10}, "/document/urgency"),
        ({"versionCreated": "yesterday"}, "/document/versionCreated"),
        ({"headline": "ninjs 1"}, "/document/headline"),
    ],
)
def test_wrong_field_is_named(change: dict[str, Any], pointer: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_document(ITEM | change)
    assert refused.value.pointer == pointer


def test_item_keeps_metadata_and_names_its_source() -> None:
    item = write_document(read_document(ITEM), EDITION, "ninjs")
    assert (item["located"], item["people"]) == (ITEM["located"], ITEM["people"])
    assert item["associations"] == [{"name": "source", "rel": "source", "uri": ITEM["uri"]}]
    assert item["uri"] != ITEM["uri"]
    assert item["bodies"] == [{"role": "main", "contentType": "text/html", "value": EDITION.body}]
    assert item["headlines"] == [{"role": "main", "value": "Railway expands"}]


def test_written_item_can_be_read() -> None:
    again = read_document(write_document(read_document(ITEM), EDITION, "ninjs"))
    assert (again.headline, again.body, again.language) == (EDITION.headline, EDITION.body, "en")


def test_items_are_valid_by_the_schema() -> None:
    jsonschema.validate(ITEM, SCHEMA)
    jsonschema.validate(write_document(read_document(ITEM), EDITION, "ninjs"), SCHEMA)


@pytest.mark.parametrize("name", ["agency.json", "article.json"])
def test_samples_give_valid_items(name: str) -> None:
    sample = json.loads((SAMPLES / name).read_text("utf-8"))
    jsonschema.validate(sample, SCHEMA)
    document = read_document(sample)
    assert document.headline
    assert document.body_format == "html"
    jsonschema.validate(write_document(document, EDITION, "ninjs"), SCHEMA)


def test_document_without_a_uri_is_refused() -> None:
    document = read_document({"@context": "https://schema.org", "@type": "NewsArticle", "articleBody": "Text."})
    with pytest.raises(InvalidInput, match="requires a URI"):
        write_document(document, EDITION, "ninjs")


@pytest.mark.parametrize("kind", ["text/html; charset=utf-8", "TEXT/HTML", " application/xhtml+xml;profile=x"])
def test_content_type_may_have_parameters(kind: str) -> None:
    document = read_document(ITEM | {"bodies": [{"value": "<p>Die Bahn baut.</p>", "contentType": kind}]})
    assert document.body_format == "html"


@pytest.mark.parametrize("kind", [{"contentType": "text/html"}, {}])
def test_markup_in_a_headline_is_removed(kind: dict[str, str]) -> None:
    headline = {"value": "Dax &amp; Co. <em>steigen</em>", **kind}
    assert read_document(ITEM | {"headlines": [headline]}).headline == "Dax & Co. steigen"


OLD: dict[str, Any] = {
    "uri": "urn:newsml:example.org:2015:1",
    "versioncreated": "2015-01-02T03:04:05Z",
    "language": "de",
    "headline": "Bahn baut aus",
    "description_text": "Die Bahn will bauen.",
    "body_text": "Die Bahn baut.",
    "body_html": "<p>Die Bahn baut.</p>",
    "subject": [{"name": "Verkehr"}],
    "associations": {"picture": {"uri": "urn:x:picture"}},
}
LOWER: dict[str, Any] = {
    "uri": "urn:newsml:example.org:2020:1",
    "versioncreated": "2020-01-02T03:04:05Z",
    "pubstatus": "usable",
    "language": "de",
    "headlines": [{"role": "main", "value": "Bahn baut aus"}],
    "descriptions": [{"role": "lead", "value": "Die Bahn will bauen.", "contenttype": "text/plain"}],
    "bodies": [{"role": "main", "contenttype": "text/html", "value": "<p>Die Bahn baut.</p>"}],
}


@pytest.mark.parametrize("item", [OLD, LOWER])
def test_older_versions_are_read(item: dict[str, Any]) -> None:
    document = read_document(item)
    assert (document.headline, document.lead) == ("Bahn baut aus", "Die Bahn will bauen.")
    assert (document.body, document.body_format, document.uri) == ("<p>Die Bahn baut.</p>", "html", item["uri"])


def test_an_empty_text_of_version_1_is_named_by_its_own_property() -> None:
    item = OLD | {"body_text": " "}
    del item["body_html"]
    with pytest.raises(InvalidInput) as refused:
        read_document(item)
    assert (refused.value.code, refused.value.pointer) == ("document_empty", "/document/body_text")


@pytest.mark.parametrize("item", [OLD, LOWER])
def test_older_versions_are_written_in_their_own_form(item: dict[str, Any]) -> None:
    written = write_document(read_document(item), EDITION, "ninjs")
    assert set(item) - {"body_text", "description_text"} - set(written) <= {"descriptions"}
    again = read_document(written)
    assert (again.headline, again.body, again.language) == (EDITION.headline, EDITION.body, "en")


def test_version_1_keeps_its_other_properties() -> None:
    written = write_document(read_document(OLD), EDITION, "ninjs")
    assert written["subject"] == OLD["subject"]
    assert written["associations"] == {**OLD["associations"], "source": {"uri": OLD["uri"]}}
    assert (written["description_summary"], written["body_html"]) == (EDITION.summary, EDITION.body)
    assert "body_text" not in written


@pytest.mark.parametrize(
    ("item", "pointer"),
    [
        (OLD | {"body_html": 3}, "/document/body_html"),
        (OLD | {"headline": ["x"]}, "/document/headline"),
        (LOWER | {"versioncreated": "yesterday"}, "/document/versioncreated"),
        ({"uri": "urn:x:1", "headline": "Bahn baut aus"}, "/document/body_text"),
    ],
)
def test_wrong_field_of_an_older_version_is_named(item: dict[str, Any], pointer: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_document(item)
    assert refused.value.pointer == pointer
