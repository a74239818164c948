"""The door of this room: whatever shape a document has, in and out."""

import json
from collections.abc import Mapping
from typing import Any, Literal

from service.documents.base import Document, Edition
from service.documents.html_page import read_page
from service.documents.jsonld import article_of, read_jsonld, write_jsonld
from service.documents.ninjs import read_ninjs, write_ninjs
from service.errors import InvalidInput

As = Literal["ninjs", "jsonld"]


def read_document(value: str | Mapping[str, Any]) -> Document:
    """A web page as a string, or a JSON-LD or ninjs object.

    Raises:
        InvalidInput: it is none of them, holds no article text, or somewhere what is no Unicode.
    """
    _require_unicode(value)
    if isinstance(value, str):
        return read_page(value)
    if any(name.startswith("@") for name in value) or article_of(value) is not None:
        return read_jsonld(value)
    return read_ninjs(value)


def _require_unicode(value: str | Mapping[str, Any]) -> None:
    """Refuse half a surrogate pair in any field, also in one that would only be handed on."""
    try:
        (value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)).encode()
    except UnicodeEncodeError as error:
        detail = "the document holds a lone surrogate"
        raise InvalidInput("text_not_unicode", detail, pointer="/document") from error


def write_document(document: Document, edition: Edition, shape: As) -> dict[str, Any]:
    """The edition in ``shape``; raises `InvalidInput` where the document lacks what the shape needs."""
    return write_ninjs(document, edition) if shape == "ninjs" else write_jsonld(document, edition)
