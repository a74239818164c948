"""The types `Document` (a parsed article), `Edition` (the output for an article) and `Format` (a document format)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

BodyFormat = Literal["text", "html"]


@dataclass(frozen=True, slots=True)
class Document:
    """The fields of an article. ``uri`` is None if the document does not contain one.

    ``original`` is the article as an object in the format ``original_format``: the submitted object, or the JSON-LD
    article in a submitted page. It is empty if there is no such object. ``language`` is the language that the document
    states, or None.
    """

    headline: str | None
    lead: str | None
    body: str
    body_format: BodyFormat
    language: str | None = None
    uri: str | None = None
    original: Mapping[str, Any] = field(default_factory=dict, repr=False)
    original_format: str | None = None


@dataclass(frozen=True, slots=True)
class Edition:
    """The service's output for a document: the text fields and a summary, all in ``language``.

    ``original_language`` is the language that is assumed for a document that does not state one. ``source_type`` is the
    URI of the IPTC digital source type, or None if a person wrote the text. ``credit`` names the software and the
    models. ``made_at`` is the time at which the texts were generated, as an ISO 8601 string.
    """

    language: str
    headline: str | None
    lead: str | None
    body: str
    summary: str | None
    source_type: str | None
    credit: str
    made_at: str
    original_language: str


@dataclass(frozen=True, slots=True)
class Format:
    """A document format. `service.documents.registry` finds it as ``FORMAT`` in a module of this package.

    ``detects`` returns whether a value is in this format. Formats with ``fallback`` are tried last. ``parse`` raises
    `InvalidInput` if it cannot read an article from the value. ``render`` raises `InvalidInput` if the document lacks a
    required field. ``render`` is None if the format can only be read.
    """

    name: str
    detects: Callable[[object], bool]
    parse: Callable[[Any], Document]
    render: Callable[[Document, Edition], dict[str, Any]] | None = None
    fallback: bool = False
