"""Types and functions that the checks share, for findings, facts and passages."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from fractions import Fraction
from functools import lru_cache
from typing import Literal, NamedTuple

from service.domain import Notice, Span
from service.languages.base import Language

CHECKS_VERSION = "7"
"""A part of every cache key. Increase it whenever the results of the checks, term placement or reranking change."""


class Code(StrEnum):
    """The code of a finding. docs/trust.md explains each code and says what an editor should do about it."""

    NUMBER_UNSUPPORTED = "number_unsupported"
    NUMBER_MISSING = "number_missing"
    MAGNITUDE_CHANGED = "magnitude_changed"
    UNIT_CHANGED = "unit_changed"
    UNIT_MISSING = "unit_missing"
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
    MEANING_REVERSED = "meaning_reversed"
    LITERAL_MISSING = "literal_missing"
    SIGN_MISSING = "sign_missing"
    MARKUP_LEFT = "markup_left"
    CHARACTER_BROKEN = "character_broken"
    REPETITION = "repetition"
    REPETITION_REMOVED = "repetition_removed"
    SENTENCE_REPEATED = "sentence_repeated"
    OUTPUT_TOO_SHORT = "output_too_short"
    OUTPUT_TOO_LONG = "output_too_long"
    UNTRANSLATED = "untranslated"
    WORD_UNKNOWN = "word_unknown"
    EMPTY_OUTPUT = "empty_output"
    HYPOTHESIS_CHANGED = "hypothesis_changed"
    SENTENCE_UNSUPPORTED = "sentence_unsupported"
    ANSWER_INVALID = "answer_invalid"
    TRANSLATION_UNSUPPORTED = "translation_unsupported"
    INSTRUCTION_IN_SOURCE = "instruction_in_source"
    LOW_CONFIDENCE = "low_confidence"


class Severity(StrEnum):
    """The severity of a finding.

    ``review`` means that an editor must check the text before publication. A finding with the severity ``note`` is
    often harmless.
    """

    REVIEW = "review"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """A possible error in a translation or summary.

    ``source`` and ``output`` are the affected spans of the source text and of the translation or summary, in code
    points. A span is None if the finding does not refer to a passage of that text.
    """

    code: Code
    message: str
    source: Span | None = None
    output: Span | None = None
    severity: Severity = Severity.REVIEW

    def shifted(self, source_chars: int, output_chars: int) -> "Finding":
        """Return the finding with its spans moved by ``source_chars`` and ``output_chars`` code points."""
        return replace(
            self,
            source=None if self.source is None else self.source.shifted(source_chars),
            output=None if self.output is None else self.output.shifted(output_chars),
        )


def notice_of(finding: Finding) -> Notice:
    """Convert a finding to a notice for the editor."""
    review = finding.severity is Severity.REVIEW
    return Notice(finding.code.value, finding.message, finding.source, finding.output, review=review)


def needs_review(findings: Iterable[Finding]) -> bool:
    """Return whether at least one of the findings requires a review by an editor."""
    return any(finding.severity is Severity.REVIEW for finding in findings)


Key = tuple[Literal["number", "month", "weekday", "time"], Fraction]
"""The kind and the value of one possible meaning of a fact.

The value of a ``number`` is the number itself, of a ``month`` 1 to 12, of a ``weekday`` 0 (Monday) to 6, and of a
``time`` the minutes since midnight.
"""


class Fact(NamedTuple):
    """A number, a time of day, or a part of a date, that occurs in a text at ``span``.

    The kind ``date`` includes times of day. A fact is compared with the facts of another text, for example a number of
    the source with those of the translation. ``readings`` contains the possible meanings of the fact. One of them must
    be among the readings and hints of the facts in the other text. ``hints`` contains meanings that are only used to
    support facts of the other text. ``certain`` is False if the fact may be missing from the other text, for example
    because its words may be ordinary words ("ein", "May"). Such a fact can support other facts, but needs no support
    itself.
    """

    kind: Literal["number", "date"]
    span: Span
    readings: frozenset[Key]
    hints: frozenset[Key] = frozenset()
    certain: bool = True


def number_key(value: Fraction | int) -> Key:
    """Return the key by which a number is compared with other facts: the kind ``number`` and the exact value."""
    return ("number", Fraction(value))


@lru_cache(maxsize=2_000)
def number_keys(values: frozenset[Fraction]) -> frozenset[Key]:
    """Return the keys by which numbers are compared with other facts (see `number_key`)."""
    return frozenset(map(number_key, values))


def unsupported(facts: Iterable[Fact], others: Sequence[Fact]) -> list[Fact]:
    """Return each certain fact that has no reading in common with the readings and hints of ``others``."""
    known: set[Key] = set().union(*(keys for other in others for keys in (other.readings, other.hints)))
    return [fact for fact in facts if fact.certain and fact.readings.isdisjoint(known)]


_WORD = re.compile(r"[^\W\d_]+")
_SAME_LENGTH = str.maketrans({"ſ": "s", "ı": "i", "İ": "i"})


def lower_same_length(text: str) -> str:
    """Convert ``text`` to lower case without changing its length.

    `str.lower` would leave "ſ" and "ı" unchanged and convert "İ" to two characters. This function converts "ſ" to "s",
    and "ı" and "İ" to "i", as case-insensitive patterns do.
    """
    return text.translate(_SAME_LENGTH).lower()


class Passage(NamedTuple):
    """A text that has been prepared for comparison with another text.

    ``words`` lists the sequences of letters in the text, in order. ``lower`` is the text in lower case, with the same
    length as ``text``.
    """

    text: str
    language: Language
    words: list[str]
    lower: str

    @classmethod
    def of(cls, text: str, language: Language) -> "Passage":
        """Create a passage from ``text``, which is in ``language``."""
        return cls(text, language, _WORD.findall(text), lower_same_length(text))
