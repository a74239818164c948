"""What one source sentence asks of its translation: a place in the source and the text that has to stand for it."""

from dataclasses import dataclass
from typing import Literal

from service.domain import Span

Kind = Literal["glossary", "kept", "address", "number", "date"]


@dataclass(frozen=True, slots=True)
class TermConstraint:
    """``text`` has to stand in the translation for the source's ``span``; ``term`` is what it is called in answers.

    ``accepted`` are other forms that are as good.
    """

    span: Span
    text: str
    kind: Kind
    term: str
    accepted: tuple[str, ...] = ()
