"""Constraints that require a translation to contain certain terms."""

from dataclasses import dataclass
from typing import Literal

from service.domain import Span

Kind = Literal["glossary", "kept", "address", "number", "date"]


@dataclass(frozen=True, slots=True)
class TermConstraint:
    """A requirement that the source words at ``span`` appear as ``text`` in the translation.

    ``accepted`` lists other valid forms. ``term`` is the source term, which identifies the constraint in responses.
    """

    span: Span
    text: str
    kind: Kind
    term: str
    accepted: tuple[str, ...] = ()
