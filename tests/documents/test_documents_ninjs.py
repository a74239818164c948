"""Tests that ninjs items are read, written as in the schema, and rejected with the name of the invalid field."""

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
