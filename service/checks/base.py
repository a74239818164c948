"""Findings, facts and passages, which all checks share."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from fractions import Fraction
from functools import lru_cache
from typing import Literal, NamedTuple

from service.domain import Span

CHECKS_VERSION = "1"
"""Part of every cache key: raise it whenever checks, term placement or the choice among outputs give another result."""


class Code(StrEnum):
    """Everything that can be found; docs/trust.md says what each means and what to do."""

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
    """``review``: an editor has to look before this is published. ``note``: often harmless, shown all the same."""

    REVIEW = "review"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """One doubt; ``source`` and ``output`` are code points of the two texts, None where there is no place."""

    code: Code
    message: str
    source: Span | None = None
    output: Span | None = None
    severity: Severity = Severity.REVIEW

    def shifted(self, source_chars: int, output_chars: int) -> "Finding":
        """The same finding in texts that begin that many code points earlier."""
        return replace(
            self,
            source=None if self.source is None else self.source.shifted(source_chars),
            output=None if self.output is None else self.output.shifted(output_chars),
        )


def needs_review(findings: Iterable[Finding]) -> bool:
    """Whether at least one finding asks for an editor."""
    return any(finding.severity is Severity.REVIEW for finding in findings)


Language = Literal["de", "en"]
Key = tuple[Literal["number", "month", "weekday", "time"], Fraction]
"""``number``: its value; ``month``: 1 to 12; ``weekday``: 0 is Monday; ``time``: minutes since midnight."""


class Fact(NamedTuple):
    """Something said at ``span``.

    ``readings`` are what it may mean; one of them has to be found in the other text. ``hints`` may support a fact of
    the other text too. A fact that is not ``certain`` ("ein", "May") supports others but need not be found.
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
    """The certain facts of which no reading is among the readings and hints of ``others``."""
    known: set[Key] = set().union(*(keys for other in others for keys in (other.readings, other.hints)))
    return [fact for fact in facts if fact.certain and fact.readings.isdisjoint(known)]


_OTHERS = str.maketrans({"ſ": "s", "ı": "i", "İ": "i"})


def fold_case(text: str) -> str:
    """``text`` in lower case, of the same length.

    Three letters pass for "s" and "i" where case is ignored, which ``str.lower`` leaves as they are or makes two of.
    """
    if "ſ" in text or "ı" in text or "İ" in text:
        text = text.translate(_OTHERS)
    return text.lower()


_WORD = re.compile(r"[^\W\d_]+")
_DIGIT = re.compile(r"[\d½¼¾]")


class Passage(NamedTuple):
    """A sentence, or whatever else is held against another text.

    ``words`` are runs of letters, in order; ``lower`` is the text without its capitals (see `caseless`);
    ``has_digit``: whether there is a figure or a sign for a fraction.
    """

    text: str
    language: Language
    words: list[str]
    lower: str
    has_digit: bool

    @classmethod
    def of(cls, text: str, language: Language) -> "Passage":
        """``text``, read."""
        return cls(text, language, _WORD.findall(text), fold_case(text), _DIGIT.search(text) is not None)
