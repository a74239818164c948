"""Extraction of articles from web pages.

trafilatura extracts the text. JSON-LD and meta tags provide the other fields.
"""

import json
import re

from lxml import html as lxml_html

from service.documents.base import Document, Format
from service.documents.jsonld import find_article, text_value
from service.errors import InvalidInput

JSONLD = "application/ld+json"
# Matches what can precede the root element: an XML declaration, processing instructions, comments and a DOCTYPE.
_PROLOGUE = re.compile(r"\ufeff?(?:\s+|<\?(?:(?!\?>).)*+\?>|<!--(?:(?!-->).)*+-->|<![A-Za-z][^>]*+>)*+", re.DOTALL)
_ROOT = re.compile(r"<([A-Za-z_][^\s/>]*+)([^>]*+)")


def is_page(value: object) -> bool:
    """Return whether ``value`` is a string that can be parsed as HTML.

    Other XML documents are excluded, even if their root element has the name of an HTML element.
    """
    if not isinstance(value, str):
        return False
    root = _ROOT.match(value, _PROLOGUE.match(value).end())  # type: ignore[union-attr]  # it also matches an empty string
    if root is None or root[1].lower() == "html":
        return True
    return not (value.lstrip("\ufeff \t\r\n").startswith("<?xml") or "xmlns" in root[2] or ":" in root[1])


def read_page(source: str) -> Document:
    """Extract the article of an HTML page as plain text with one paragraph per line.

    Raises:
        InvalidInput: no article was found in the page.
    """
    from trafilatura import extract  # noqa: PLC0415 - the import takes half a second, and only this format needs it

    text = extract(source, output_format="txt", include_comments=False, include_formatting=False, deduplicate=False)
    if not text:
        raise InvalidInput("document_empty", "no article was found in the page", pointer="/document")
    tree = _tree(source)
    article = _jsonld(tree)
    headline = text_value(article.get("headline")) or _meta(tree, "og:title") or _first_heading(tree)
    lead = text_value(article.get("description")) or _meta(tree, "og:description") or _meta(tree, "description")
    return Document(
        headline=headline,
        lead=lead,
        body=_without(text, {headline, lead}),
        body_format="text",
        language=text_value(article.get("inLanguage")) or tree.get("lang"),
        uri=_canonical(tree) or _meta(tree, "og:url"),
        original=article,
        original_format="jsonld",
    )


def _tree(source: str) -> lxml_html.HtmlElement:
    # lxml rejects a str that contains an encoding declaration, so pass bytes.
    return lxml_html.document_fromstring(source.encode("utf-8"), parser=lxml_html.HTMLParser(encoding="utf-8"))


def _jsonld(tree: lxml_html.HtmlElement) -> dict[str, object]:
    """Return the first article in the JSON-LD of the page. Blocks with invalid JSON are skipped."""
    for script in tree.iter("script"):
        if script.get("type", "").strip().lower() == JSONLD:
            try:
                found = find_article(json.loads(script.text or ""))
            except (ValueError, RecursionError):
                continue
            if found is not None:
                return dict(found)
    return {}


def _meta(tree: lxml_html.HtmlElement, name: str) -> str | None:
    for meta in tree.iter("meta"):
        if name in {meta.get("property"), meta.get("name")} and (content := (meta.get("content") or "").strip()):
            return str(content)
    return None


def _canonical(tree: lxml_html.HtmlElement) -> str | None:
    links = (link for link in tree.iter("link") if (link.get("rel") or "").lower() == "canonical")
    return next((href for link in links if (href := link.get("href"))), None)


def _first_heading(tree: lxml_html.HtmlElement) -> str | None:
    headings = (" ".join(heading.text_content().split()) for heading in tree.iter("h1"))
    return next((heading for heading in headings if heading), None)


def _without(text: str, heads: set[str | None]) -> str:
    """Remove the headline and the lead from the top of the body, because trafilatura includes them."""
    lines = [line for line in text.split("\n") if line.strip()]
    while lines and " ".join(lines[0].split()) in heads and len(lines) > 1:
        lines.pop(0)
    return "\n".join(lines)


FORMAT = Format("page", is_page, read_page)
