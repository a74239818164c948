"""The types of all checks: findings, facts and passages."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from fractions import Fraction
from functools import lru_cache
from typing import Literal, NamedTuple

from service.domain import Span
from service.languages.base import Language

CHECKS_VERSION = "1"
"""A part of every cache key. Increase it when the result of checks, term placement or reranking changes."""


class Code(StrEnum):
    """The code of a finding. docs/trust.md explains each code and the action that it needs."""

    NUMBER_UNSUPPORTED = "number_unsupported"
    NUMBER_MISSING = "number_missing"
    MAGNITUDE_CHANGED = "magnitude_changed"
    UNIT_CHANGED = "unit_changed"
    DATE_UNSUPPORTED = "date_unsupported"
    DATE_MISSING = "date_missing"
    NAME_UNSUPPORTED = "name_unsupported"
    NAME_MISSING = "name_missing"
    QUOTATION_MISSING = "quotation_missing"
    QUOTATION_ADDED = "quotation_added"
    QUOTATION_EMPTY = "quotation_empty"
    QUOTATION_ALTERED = "quotation_altered"
    NEGATION_LOST = "negation_lost"
    NEGATION_ADDED = "negation_added"
    REPETITION = "repetition"
    REPETITION_REMOVED = "repetition_removed"
    SENTENCE_REPEATED = "sentence_repeated"
    OUTPUT_TOO_SHORT = "output_too_short"
    OUTPUT_TOO_LONG = "output_too_long"
    UNTRANSLATED = "untranslated"
    EMPTY_OUTPUT = "empty_output"
    HYPOTHESIS_CHANGED = "hypothesis_changed"
    SENTENCE_UNSUPPORTED = "sentence_unsupported"


class Severity(StrEnum):
    """``review``: an editor must check the text before publication. ``note``: often harmless."""

    REVIEW = "review"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """One possible error in an output.

    ``source`` and ``output`` are spans in the two texts, in code points, or None.
    """

    code: Code
    message: str
    source: Span | None = None
    output: Span | None = None
    severity: Severity = Severity.REVIEW

    def shifted(self, source_chars: int, output_chars: int) -> "Finding":
        """The finding with its spans moved by these numbers of code points."""
        return replace(
            self,
            source=None if self.source is None else self.source.shifted(source_chars),
            output=None if self.output is None else self.output.shifted(output_chars),
        )


def needs_review(findings: Iterable[Finding]) -> bool:
    """Whether at least one finding needs review by an editor."""
    return any(finding.severity is Severity.REVIEW for finding in findings)


Key = tuple[Literal["number", "month", "weekday", "time"], Fraction]
"""``number``: its value; ``month``: 1 to 12; ``weekday``: 0 is Monday; ``time``: minutes since midnight."""


class Fact(NamedTuple):
    """A number or a part of a date, at ``span``.

    ``readings`` are its possible meanings; the other text must contain one of them. ``hints`` support facts in the
    other text, which does not need to contain them. A fact that is not ``certain`` ("ein", "May") only supports others.
    """

    kind: Literal["number", "date"]
    span: Span
    readings: frozenset[Key]
    hints: frozenset[Key] = frozenset()
    certain: bool = True


def number_key(value: Fraction | int) -> Key:
    """The key of a number."""
    return ("number", Fraction(value))


@lru_cache(maxsize=2_000)
def number_keys(values: frozenset[Fraction]) -> frozenset[Key]:
    """The keys of numbers."""
    return frozenset(map(number_key, values))


def unsupported(facts: Iterable[Fact], others: Sequence[Fact]) -> list[Fact]:
    """The certain facts without a reading among the readings and hints of ``others``."""
    known: set[Key] = set().union(*(keys for other in others for keys in (other.readings, other.hints)))
    return [fact for fact in facts if fact.certain and fact.readings.isdisjoint(known)]


_WORD = re.compile(r"[^\W\d_]+")
_SAME_LENGTH = str.maketrans({"ſ": "s", "ı": "i", "İ": "i"})


def lower_same_length(text: str) -> str:
    """``text`` in lower case, with the same length.

    `str.lower` keeps or lengthens three letters. They become "s" and "i", as in case-insensitive patterns.
    """
    return text.translate(_SAME_LENGTH).lower()


class Passage(NamedTuple):
    """A text for comparison with another text.

    ``words`` are its runs of letters, in order. ``lower`` is the result of `lower_same_length`.
    """

    text: str
    language: Language
    words: list[str]
    lower: str

    @classmethod
    def of(cls, text: str, language: Language) -> "Passage":
        """The passage of a ``text`` in ``language``."""
        return cls(text, language, _WORD.findall(text), lower_same_length(text))
