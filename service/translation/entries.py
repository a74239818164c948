"""The findings and the word alignment of a translated sentence as fields of its cache entry.

All functions that read a field raise ValueError if it is malformed. ``source_chars`` and ``output_chars`` are the
lengths of the source sentence and of its translation, which limit the spans.
"""

from collections.abc import Sequence
from typing import Any

from service.cache import entries as codec
from service.checks.base import Code, Finding, Severity
from service.text.alignment import Alignment

_CODES = tuple(Code)
_SEVERITIES = tuple(Severity)


def findings_field(found: Sequence[Finding]) -> list[tuple[Any, ...]]:
    """Return the field for ``found``."""
    return [(one.code, one.message, one.source, one.output, one.severity) for one in found]


def findings(field: Any, source_chars: int, output_chars: int) -> tuple[Finding, ...]:
    """Read the field that `findings_field` returned."""
    return tuple(_finding(one, source_chars, output_chars) for one in codec.rows(field))


def _finding(value: Any, source_chars: int, output_chars: int) -> Finding:
    code, message, source, output, severity = codec.row(value, 5)
    return Finding(
        Code(codec.choice(code, _CODES)),
        codec.text(message),
        codec.optional_span(source, source_chars),
        codec.optional_span(output, output_chars),
        Severity(codec.choice(severity, _SEVERITIES)),
    )


def alignment_field(found: Alignment | None) -> tuple[Any, ...] | None:
    """Return the field for ``found``."""
    return None if found is None else (found.source, found.target, found.weights)


def alignment(field: Any, source_chars: int, output_chars: int) -> Alignment | None:
    """Read the field that `alignment_field` returned."""
    if field is None:
        return None
    source, target, weights = codec.row(field, 3)
    pieces, words = codec.spans(source, source_chars), codec.spans(target, output_chars)
    return Alignment(pieces, words, codec.shares(weights, len(words), len(pieces)))
