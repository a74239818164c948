"""Reading and writing of schema.org NewsArticle objects in JSON-LD."""

import re
from collections.abc import Iterator, Mapping
from html import unescape
from typing import Any

from service.documents.base import BodyFormat, Document, Edition, Format
from service.errors import InvalidInput

CONTEXT = "https://schema.org"
ARTICLE_TYPE = re.compile(
    r"(?:https?://schema\.org/)?(?:\w*NewsArticle|Article|Report|BlogPosting|LiveBlogPosting|SocialMediaPosting)$"
)
MOST_DEPTH = 8


def find_articles(value: object) -> list[Mapping[str, Any]]:
    """Return all articles in a JSON-LD value, in order.

    The function searches the value itself, the items of lists, and the properties ``@graph``, ``mainEntity`` and
    ``mainEntityOfPage``, to a depth of eight levels. The properties of an article are not searched.
    """
    return list(_articles(value, 0))


def _articles(value: object, depth: int) -> Iterator[Mapping[str, Any]]:
    if depth > MOST_DEPTH:
        return
    if isinstance(value, list):
        for one in value:
            yield from _articles(one, depth + 1)
    elif isinstance(value, Mapping):
        if any(ARTICLE_TYPE.match(name) for name in _strings(value.get("@type"))):
            yield value
            return
        for name in ("@graph", "mainEntity", "mainEntityOfPage"):
            yield from _articles(value.get(name), depth + 1)


def article_addresses(article: Mapping[str, Any]) -> list[str]:
    """Return the addresses of an article from its properties ``@id``, ``url`` and ``mainEntityOfPage``.

    A value without a slash is not an address.
    """
    page = article.get("mainEntityOfPage")
    values = (article.get("@id"), article.get("url"), page.get("@id") if isinstance(page, Mapping) else page)
    return [text for value in values if (text := text_value(value)) is not None and "/" in text]


def _strings(value: object) -> Iterator[str]:
    yield from (one for one in (value if isinstance(value, list) else [value]) if isinstance(one, str))


def text_value(value: object) -> str | None:
    """Return the value of a text property: a string, a language-tagged string, or the first string of a list.

    Return None if there is no string or if it is empty.
    """
    if isinstance(value, Mapping):
        value = value.get("@value")
    first = next(_strings(value), None)
    return first.strip() or None if first is not None else None


_TAG = re.compile(r"<(?=[A-Za-z/!?])[^<>]{0,2000}>")
_MARKUP = re.compile(
    r"</?(?:p|br|div|h[1-6]|ul|ol|li|strong|em|b|i|u|a|span|blockquote|figure|section)\b[^<>]{0,2000}>"
)


def plain_text(text: str | None) -> str | None:
    """Return a text in one line, without tags and with decoded character references, or None if it is empty.

    Character references are also decoded if they were escaped twice.
    """
    return " ".join(_TAG.sub(" ", unescape(unescape(text))).split()) or None if text else None


def has_markup(text: str) -> bool:
    """Return whether a text contains a common HTML tag, such as ``p`` or ``strong``, in lower case."""
    return _MARKUP.search(text) is not None


def plain_field(value: object) -> str | None:
    """Return a text property without tags and with decoded character references, or None if it has no text."""
    text = text_value(value)
    return plain_text(text) if text is not None and (has_markup(text) or unescape(text) != text) else text


def body_text(value: object) -> tuple[str, BodyFormat] | None:
    """Return the text of an ``articleBody`` and its format, or None if it contains no text.

    If ``value`` is a list, each item is a paragraph. HTML is also recognised if its tags are escaped.
    """
    values = value if isinstance(value, list) else [value]
    pieces = [text for one in values if (text := text_value(one)) is not None]
    pieces = [unescape(piece) if not has_markup(piece) and has_markup(unescape(piece)) else piece for piece in pieces]
    if any(map(has_markup, pieces)):
        return "\n".join(piece if has_markup(piece) else f"<p>{piece}</p>" for piece in pieces), "html"
    return ("\n\n".join(map(unescape, pieces)), "text") if pieces else None


def is_jsonld(value: object) -> bool:
    """Return whether ``value`` is an object that has a JSON-LD keyword (``@…``) or contains a schema.org article."""
    return isinstance(value, Mapping) and (any(name.startswith("@") for name in value) or bool(find_articles(value)))


def read_jsonld(value: object) -> Document:
    """Read the fields of the article in ``value``.

    Raises:
        InvalidInput: ``value`` contains no article, no article with text, or several articles with text.
    """
    articles = find_articles(value)
    if not articles:
        detail = "the document contains no article (NewsArticle, Article, …)"
        raise InvalidInput("jsonld_invalid", detail, pointer="/document/@type")
    bodies = [(one, body) for one in articles if (body := body_text(one.get("articleBody"))) is not None]
    if not bodies:
        raise InvalidInput(
            "document_empty", "no article has an articleBody with text; add one", pointer="/document/articleBody"
        )
    if len(bodies) > 1:
        detail = f"the document contains {len(bodies)} articles with an articleBody; send one article per request"
        raise InvalidInput("document_ambiguous", detail, pointer="/document")
    article, (text, body_format) = bodies[0]
    language = article.get("inLanguage")
    return Document(
        headline=plain_field(article.get("headline")) or plain_field(article.get("name")),
        lead=plain_field(article.get("description")),
        body=text,
        body_format=body_format,
        language=text_value(language.get("alternateName") if isinstance(language, Mapping) else language),
        uri=text_value(article.get("@id")) or text_value(article.get("url")),
        original=article,
        original_format="jsonld",
    )


# Properties that are also valid for a translation. Other properties (word count, captions, …) may not be, so they are
# left out.
KEPT = (
    "articleSection",
    "keywords",
    "author",
    "publisher",
    "datePublished",
    "dateModified",
    "image",
    "isAccessibleForFree",
    "license",
    "copyrightHolder",
)


def write_jsonld(document: Document, edition: Edition) -> dict[str, Any]:
    """Render the edition as a NewsArticle with its digital source type and a link to the original ``document``."""
    source = {
        "@type": "NewsArticle",
        "@id": document.uri,
        "headline": document.headline,
        "inLanguage": document.language or edition.original_language,
    }
    original = document.original if document.original_format == "jsonld" else {}
    is_translation = edition.language != (document.language or edition.original_language)[:2]
    relation = "translationOfWork" if is_translation else "isBasedOn"
    article = {
        "@context": CONTEXT,
        "@type": "NewsArticle",
        **{name: original[name] for name in KEPT if name in original},
        "headline": edition.headline,
        "description": edition.lead,
        "abstract": edition.summary,
        "articleBody": edition.body,
        "inLanguage": edition.language,
        relation: {name: value for name, value in source.items() if value is not None},
        "digitalSourceType": edition.source_type,
        "creditText": edition.credit,
    }
    return {name: value for name, value in article.items() if value is not None}


FORMAT = Format("jsonld", is_jsonld, read_jsonld, write_jsonld)
