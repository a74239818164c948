"""The registry of document formats: a module of `service.documents` that has a ``FORMAT`` is one."""

import importlib
import json
import pkgutil
from collections.abc import Mapping
from functools import cache
from typing import Any

from service import documents
from service.documents.base import Document, Edition, Format
from service.errors import InvalidInput


@cache
def formats() -> Mapping[str, Format]:
    """All formats by name, in the order in which they are asked whether a value is theirs."""
    names = [f"{documents.__name__}.{module.name}" for module in pkgutil.iter_modules(documents.__path__)]
    modules = [importlib.import_module(name) for name in names if name != __name__]
    found = [module.FORMAT for module in modules if hasattr(module, "FORMAT")]
    return {one.name: one for one in sorted(found, key=lambda one: one.fallback)}


def written_formats() -> tuple[str, ...]:
    """The names of the formats in which outputs can be given."""
    return tuple(name for name, one in formats().items() if one.render is not None)


def read_document(value: str | Mapping[str, Any]) -> Document:
    """The document in ``value``, read by the format that detects it.

    Raises:
        InvalidInput: no format does, it holds no article text, or somewhere what is no Unicode.
    """
    _require_unicode(value)
    for one in formats().values():
        if one.detects(value):
            return one.parse(value)
    detail = f"none of the known formats: {', '.join(formats())}"
    raise InvalidInput("document_unknown", detail, pointer="/document")


def _require_unicode(value: str | Mapping[str, Any]) -> None:
    """Refuse half a surrogate pair in any field, also in one that would only be handed on."""
    try:
        (value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)).encode()
    except UnicodeEncodeError as error:
        detail = "the document holds a lone surrogate"
        raise InvalidInput("text_not_unicode", detail, pointer="/document") from error


def write_document(document: Document, edition: Edition, name: str) -> dict[str, Any]:
    """The edition in the format called ``name``.

    Raises:
        InvalidInput: there is no such format to write, or the document lacks what it needs.
    """
    one = formats().get(name)
    if one is None or one.render is None:
        raise InvalidInput("format_unknown", f"one of {', '.join(written_formats())}", pointer="/as")
    return one.render(document, edition)
