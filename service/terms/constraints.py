"""Term constraints of a source sentence: words that its translation must contain."""

from dataclasses import dataclass
from typing import Literal

from service.domain import Span

Kind = Literal["glossary", "kept", "address", "number", "date"]


@dataclass(frozen=True, slots=True)
class TermConstraint:
    """The translation must contain ``text`` for the source words at ``span``.

    ``term`` is the name of the constraint in answers. ``accepted`` are other valid forms.
    """

    span: Span
    text: str
    kind: Kind
    term: str
    accepted: tuple[str, ...] = ()
