"""Reading and writing of schema.org NewsArticle objects in JSON-LD."""

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


def find_article(value: object, depth: int = 0) -> Mapping[str, Any] | None:
    """Return the first article in a JSON-LD value, or None if there is none.

    The article may be the value itself, or it may be in a list, in ``@graph`` or in a main entity. ``depth`` is the
    nesting depth of the value.
    """
    if depth > MOST_DEPTH:
        return None
    if isinstance(value, list):
        return next((found for one in value if (found := find_article(one, depth + 1)) is not None), None)
    if not isinstance(value, Mapping):
        return None
    if any(ARTICLE_TYPE.match(name) for name in _strings(value.get("@type"))):
        return value
    inside = (value.get(name) for name in ("@graph", "mainEntity", "mainEntityOfPage"))
    return next((found for one in inside if (found := find_article(one, depth + 1)) is not None), None)


def _strings(value: object) -> Iterator[str]:
    yield from (one for one in (value if isinstance(value, list) else [value]) if isinstance(one, str))


def text_value(value: object) -> str | None:
    """Return the value of a text property: a string, a language-tagged string, or the first string of a list."""
    if isinstance(value, Mapping):
        value = value.get("@value")
    first = next(_strings(value), None)
    return first.strip() or None if first is not None else None


def is_jsonld(value: object) -> bool:
    """Return whether ``value`` is an object that has a JSON-LD keyword (``@…``) or contains a schema.org article."""
    return isinstance(value, Mapping) and (
        any(name.startswith("@") for name in value) or find_article(value) is not None
    )


def read_jsonld(value: object) -> Document:
    """Read the fields of the article in ``value``.

    Raises:
        InvalidInput: ``value`` contains no article, or the article has no ``articleBody``.
    """
    article = find_article(value)
    if article is None:
        detail = "the document contains no article (NewsArticle, Article, …)"
        raise InvalidInput("jsonld_invalid", detail, pointer="/document/@type")
    body = text_value(article.get("articleBody"))
    if body is None:
        raise InvalidInput("document_empty", "the article has no articleBody", pointer="/document/articleBody")
    language = article.get("inLanguage")
    return Document(
        headline=text_value(article.get("headline")) or text_value(article.get("name")),
        lead=text_value(article.get("description")),
        body=body,
        body_format="text",
        language=text_value(language.get("alternateName") if isinstance(language, Mapping) else language),
        uri=text_value(article.get("@id")) or text_value(article.get("url")),
        original=article,
        original_format="jsonld",
    )


# Properties that stay valid for a translation. Others (word count, captions, …) may not, so they are left out.
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
    """Render the edition as a NewsArticle, with a link to the original work and the digital source type."""
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
