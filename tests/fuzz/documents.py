"""A fuzz target for documents, pages and JSON objects: reading returns an article or raises the documented error."""

import json
from contextlib import suppress

from service.documents.base import Document, Edition
from service.documents.registry import read_document, writable_formats, write_document
from service.errors import InvalidInput
from tests.fuzz.target import Target

PARAGRAPH = "<p>Die Bahn will ab Mai mehr Züge von Bonn nach Berlin schicken, wie ein Sprecher am Montag mitteilte.</p>"
SEEDS = (
    (
        '<html lang="de"><head><title>Bahn</title><meta property="og:title" content="Bahn will mehr Züge">'
        '<link rel="canonical" href="https://example.org/1"></head><body><nav><a href="/">Start</a></nav>'
        f"<article><h1>Bahn will mehr Züge</h1>{PARAGRAPH * 3}<aside>Anzeige</aside></article></body></html>"
    ),
    (
        '<script type="application/ld+json">{"@graph": [{"@type": "NewsArticle", "headline": "A", "inLanguage": "de"}]}'
        f"</script><main>{PARAGRAPH * 2}<table><tr><td>Eins<td>Zwei</table><ul><li>Drei</ul></main>"
    ),
    (
        '{"@context": "https://schema.org", "@type": ["NewsArticle"], "headline": "Bahn", "articleBody": "Ein Satz.", '
        '"inLanguage": {"alternateName": "de"}, "@id": "https://example.org/1", "author": [{"name": "dpa"}]}'
    ),
    (
        '{"uri": "urn:newsml:1", "type": "text", "bodies": [{"contentType": "text/html", "value": "<p>Ja.</p>"}], '
        '"headlines": [{"role": "main", "value": "Zug"}], "versionCreated": "2024-05-03T10:00:00Z", "associations": []}'
    ),
)
EDITION = Edition(
    "en", "Rail", None, "A sentence.", "Short.", "https://example.org/type", "Depesche", "2024-05-03", "de"
)


def work(text: str) -> Document | None:
    """Read ``text`` as a document. Return the document, or None if the text is not a valid document."""
    with suppress(InvalidInput):
        return read_document(_value(text))
    return None


def _value(text: str) -> str | dict[str, object]:
    """Return the JSON object in ``text``.

    If ``text`` is not a JSON object, return ``text`` unchanged, as the source of an HTML page.
    """
    with suppress(ValueError, RecursionError):
        value = json.loads(text) if text.startswith("{") else None
        if isinstance(value, dict):
            return value
    return text


def check(text: str) -> None:
    """Raise an exception if the document in ``text`` has no body, or a field that is not a string.

    Undocumented exceptions of the reader and the writer are not caught.
    """
    document = work(text)
    if document is None:
        return
    assert document.body.strip()
    for field in (document.headline, document.lead, document.language, document.uri):
        assert field is None or isinstance(field, str)
    for shape in writable_formats():
        with suppress(InvalidInput):
            json.dumps(write_document(document, EDITION, shape), ensure_ascii=False).encode()


WORDS = (
    *("<article>", "</article>", "<main>", "<p>", "</p>", "<h1>", "</h1>", "<meta ", "<link ", "<script ", "</script>"),
    *('type="application/ld+json"', "property=", "og:title", "og:description", "content=", "rel=canonical", "href="),
    *(
        '"@type"',
        '"@graph"',
        '"mainEntity"',
        '"NewsArticle"',
        '"articleBody"',
        '"headline"',
        '"inLanguage"',
        '"@value"',
    ),
    *('"uri"', '"bodies"', '"value"', '"contentType"', '"text/html"', '"headlines"', '"role"', '"descriptions"'),
    *('"associations"', '"edNote"', '"language"', "null", "<table>", "<td>", "<ul>", "<li>", "<br>", "&nbsp;", "<!--"),
)
TARGET = Target("documents", check, work, SEEDS, WORDS)
