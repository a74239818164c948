"""The registry of document formats. Each module of `service.documents` that contains a ``FORMAT`` defines a format."""

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
    """Return all formats by name, in the order in which `read_document` tries them."""
    names = [f"{documents.__name__}.{module.name}" for module in pkgutil.iter_modules(documents.__path__)]
    modules = [importlib.import_module(name) for name in names if name != __name__]
    found = [module.FORMAT for module in modules if hasattr(module, "FORMAT")]
    return {one.name: one for one in sorted(found, key=lambda one: one.fallback)}


def writable_formats() -> tuple[str, ...]:
    """Return the names of the formats that can be written."""
    return tuple(name for name, one in formats().items() if one.render is not None)


def read_document(value: str | Mapping[str, Any]) -> Document:
    """Parse the document in ``value`` with the first format that detects it.

    Raises:
        InvalidInput: the document contains a lone surrogate, no format detects it, or the format cannot read an article
            from it (see ``Format.parse``).
    """
    _require_unicode(value)
    for one in formats().values():
        if one.detects(value):
            return one.parse(value)
    detail = f"the document must be in one of these formats: {', '.join(formats())}"
    raise InvalidInput("document_unknown", detail, pointer="/document")


def _require_unicode(value: str | Mapping[str, Any]) -> None:
    """Reject lone surrogates in all fields, even in fields that are only copied to the output.

    Raises:
        InvalidInput: a field contains a lone surrogate.
    """
    try:
        (value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)).encode()
    except UnicodeEncodeError as error:
        detail = "the document contains a lone surrogate; send valid Unicode"
        raise InvalidInput("text_not_unicode", detail, pointer="/document") from error


def write_document(document: Document, edition: Edition, name: str) -> dict[str, Any]:
    """Render ``edition``, the output for ``document``, in the format ``name``.

    Raises:
        InvalidInput: no format with this name can be written, or the document lacks a field that the format requires.
    """
    one = formats().get(name)
    if one is None or one.render is None:
        raise InvalidInput(
            "format_unknown", f"the format must be one of {', '.join(writable_formats())}", pointer="/as"
        )
    return one.render(document, edition)
