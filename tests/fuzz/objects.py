"""Fuzz targets for JSON-LD and ninjs objects: an edition that was written for a document can be read again."""

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from service.documents.base import Document
from service.documents.jsonld import read_jsonld, write_jsonld
from service.documents.ninjs import read_ninjs, write_ninjs
from service.errors import InvalidInput
from tests.fuzz.documents import EDITION
from tests.fuzz.target import Target


def _object(text: str) -> dict[str, Any]:
    with suppress(ValueError, RecursionError):
        value = json.loads(text)
        if isinstance(value, dict):
            return value
    return {}


def object_target(
    name: str, read: Callable[[Any], Document], write: Callable[..., dict[str, Any]], seeds: tuple[str, ...], words: str
) -> Target:
    """Return a target for the format ``name``. ``words`` are the names of fields, separated by spaces."""

    def work(text: str) -> Document | None:
        with suppress(InvalidInput):
            return read(_object(text))
        return None

    def check(text: str) -> None:
        document = work(text)
        if document is None:
            return
        assert document.body.strip()
        for field in (document.headline, document.lead, document.language, document.uri):
            assert field is None or isinstance(field, str)
        with suppress(InvalidInput):  # for example a document without a URI
            again = read(json.loads(json.dumps(write(document, EDITION))))
            assert (again.headline, again.body) == (EDITION.headline, EDITION.body)

    quoted = (f'"{word}"' for word in words.split())
    return Target(name, check, work, seeds, (*quoted, "null", "[]", "{}", "true", "1e9", '"<p>Ja.</p>"', '"\\ud800"'))


JSONLD = object_target(
    "jsonld",
    read_jsonld,
    write_jsonld,
    (
        (
            '{"@context": "https://schema.org", "@type": ["NewsArticle"], "headline": "Bahn", "articleBody": '
            '["Ein Satz.", "<p>Zwei.</p>"], "inLanguage": {"alternateName": "de"}, "@id": "https://example.org/1"}'
        ),
        '{"@graph": [{"@type": "WebPage", "mainEntity": {"@type": "Article", "articleBody": {"@value": "Ja. Ja."}}}]}',
        '{"@type": "LiveBlogPosting", "name": "Ticker", "url": ["https://example.org"], "articleBody": "a&lt;b&gt;"}',
    ),
    "@type @graph @id @value @context mainEntity NewsArticle Article articleBody headline name description inLanguage "
    "alternateName url author image keywords",
)
NINJS = object_target(
    "ninjs",
    read_ninjs,
    write_ninjs,
    (
        (
            '{"uri": "urn:newsml:1", "type": "text", "standard": {"name": "ninjs", "version": "3.0"}, '
            '"language": "de", "bodies": [{"role": "main", "contentType": "text/html", "value": "<p>Ja.</p>"}], '
            '"headlines": [{"role": "main", "value": "Zug"}], "descriptions": [{"value": "Kurz"}]}'
        ),
        '{"uri": "u", "headline": "Zug", "body_html": "<p>Ja.</p>", "description_text": "Kurz", "language": "de"}',
        '{"uri": "u", "standard": {"name": "ninjs", "version": "2.1"}, "bodies": [{"value": "a"}]}',
    ),
    "uri type standard version language bodies headlines descriptions role value contentType contenttype body_html "
    "body_text headline description_text people associations genres rightsInfo text/html text/plain main",
)
