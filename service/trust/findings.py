"""What the checks say: a closed set of codes, where each points, and whether an editor has to look."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from service.types import Span


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
