"""A document format, and what a document is read to and written from."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

BodyFormat = Literal["text", "html"]


@dataclass(frozen=True, slots=True)
class Document:
    """An article's fields. ``uri`` names it where the document does.

    ``original`` is the submitted object, or the one inside it, in ``original_format``.
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
    """What the service made of a document: the fields in ``language``, and a summary in the same.

    ``source_type`` is the URI of IPTC's digital source type, None where a person wrote the words; ``credit`` names
    software and models.
    """

    language: str
    headline: str | None
    lead: str | None
    body: str
    summary: str | None
    source_type: str | None
    credit: str
    made_at: str


@dataclass(frozen=True, slots=True)
class Format:
    """A document format; a module of this package that has one as ``FORMAT`` is found by the registry.

    ``detects`` says whether a value is in this format. A ``fallback`` is asked after all others. ``parse`` raises
    `InvalidInput` where a value holds no article. ``render`` is None where the format is only read; it raises
    `InvalidInput` where the document lacks what the format needs.
    """

    name: str
    detects: Callable[[object], bool]
    parse: Callable[[Any], Document]
    render: Callable[[Document, Edition], dict[str, Any]] | None = None
    fallback: bool = False
