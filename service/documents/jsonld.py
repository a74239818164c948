"""schema.org NewsArticle as JSON-LD: read an article's fields, and write the article that was made of it."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from service.documents.base import Document, Edition, Format
from service.errors import InvalidInput

CONTEXT = "https://schema.org"
ARTICLE_TYPE = re.compile(
    r"(?:https?://schema\.org/)?(?:\w*NewsArticle|Article|Report|BlogPosting|LiveBlogPosting|SocialMediaPosting)$"
)
MOST_DEPTH = 8


def article_of(value: object, depth: int = 0) -> Mapping[str, Any] | None:
    """The first article in a JSON-LD value: itself, in a list, in ``@graph``, or as the main entity of a page."""
    if depth > MOST_DEPTH:
        return None
    if isinstance(value, list):
        return next((found for one in value if (found := article_of(one, depth + 1)) is not None), None)
    if not isinstance(value, Mapping):
        return None
    if any(ARTICLE_TYPE.match(name) for name in _strings(value.get("@type"))):
        return value
    inside = (value.get(name) for name in ("@graph", "mainEntity", "mainEntityOfPage"))
    return next((found for one in inside if (found := article_of(one, depth + 1)) is not None), None)


def _strings(value: object) -> Iterator[str]:
    yield from (one for one in (value if isinstance(value, list) else [value]) if isinstance(one, str))


def text_of(value: object) -> str | None:
    """A text property: a string, the first of several, or the value of a language-tagged one."""
    if isinstance(value, Mapping):
        value = value.get("@value")
    first = next(_strings(value), None)
    return first.strip() or None if first is not None else None


def is_jsonld(value: object) -> bool:
    """Whether ``value`` is an object with JSON-LD's own names, or holds an article of schema.org."""
    return isinstance(value, Mapping) and (any(name.startswith("@") for name in value) or article_of(value) is not None)


def read_jsonld(value: object) -> Document:
    """The fields of the article in ``value``.

    Raises:
        InvalidInput: there is no article in it, or the article has no ``articleBody``.
    """
    article = article_of(value)
    if article is None:
        raise InvalidInput("jsonld_invalid", "no article (NewsArticle, Article, …) in it", pointer="/document/@type")
    body = text_of(article.get("articleBody"))
    if body is None:
        raise InvalidInput("document_empty", "the article has no articleBody", pointer="/document/articleBody")
    language = article.get("inLanguage")
    return Document(
        headline=text_of(article.get("headline")) or text_of(article.get("name")),
        lead=text_of(article.get("description")),
        body=body,
        body_format="text",
        language=text_of(language.get("alternateName") if isinstance(language, Mapping) else language),
        uri=text_of(article.get("@id")) or text_of(article.get("url")),
        original=article,
        original_format="jsonld",
    )


# What stays true of a translation; the rest (word count, images' captions, …) is not carried over unread.
KEPT = (
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
    """A NewsArticle of the edition, tied to the work it was made from, with its digital source type."""
    source = {
        "@type": "NewsArticle",
        "@id": document.uri,
        "headline": document.headline,
        "inLanguage": document.language or "de",
    }
    original = document.original if document.original_format == "jsonld" else {}
    tie = "translationOfWork" if edition.language != (document.language or "de")[:2] else "isBasedOn"
    article = {
        "@context": CONTEXT,
        "@type": "NewsArticle",
        **{name: original[name] for name in KEPT if name in original},
        "headline": edition.headline,
        "description": edition.lead,
        "abstract": edition.summary,
        "articleBody": edition.body,
        "inLanguage": edition.language,
        tie: {name: value for name, value in source.items() if value is not None},
        "digitalSourceType": edition.source_type,
        "creditText": edition.credit,
    }
    return {name: value for name, value in article.items() if value is not None}


FORMAT = Format("jsonld", is_jsonld, read_jsonld, write_jsonld)
