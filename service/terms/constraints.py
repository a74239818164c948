"""The constraints of one source sentence: words that its translation has to contain."""

from dataclasses import dataclass
from typing import Literal

from service.domain import Span

Kind = Literal["glossary", "kept", "address", "number", "date"]


@dataclass(frozen=True, slots=True)
class TermConstraint:
    """The translation has to contain ``text`` for the words at ``span`` of the source.

    ``term`` is the name of the constraint in answers; ``accepted`` are other forms that are as good as ``text``.
    """

    span: Span
    text: str
    kind: Kind
    term: str
    accepted: tuple[str, ...] = ()
