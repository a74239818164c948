"""A document as it was submitted: its article's fields, and what is needed to give the same shape back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Shape = Literal["page", "jsonld", "ninjs"]
BodyFormat = Literal["text", "html"]


@dataclass(frozen=True, slots=True)
class Document:
    """An article's fields. ``uri`` names it where the document does, ``original`` is the submitted object."""

    shape: Shape
    headline: str | None
    lead: str | None
    body: str
    body_format: BodyFormat
    language: str | None = None
    uri: str | None = None
    original: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Edition:
    """What the service made of a document: the fields in ``language``, and a summary in the same.

    ``source_type`` is the URI of IPTC's digital source type, None where a person wrote the words; ``credit`` names
    software and models.
    """

    language: Literal["de", "en"]
    headline: str | None
    lead: str | None
    body: str
    summary: str | None
    source_type: str | None
    credit: str
    made_at: str
