"""Reading of agency reports as they come over the wire: header lines, headline, report, notes and sign-off."""

from itertools import pairwise

from service.cleaning.boilerplate import Line
from service.domain import Span
from service.languages.base import WireGrammar

_HEAD_LINES = 10
_MOST_HEADLINE_LINES = 3
_END_LINES = 4
_MARK = "="  # ends the headline


def mark_wire(lines: list[Line], grammar: WireGrammar) -> list[Line]:
    """Mark the headline of an agency report, and remove its header, notes for editors and sign-off.

    The notes are also removed if the report was pasted without its header. A text of another kind is returned
    unchanged.
    """
    header = next((n for n, line in enumerate(lines[:_HEAD_LINES]) if grammar.header.fullmatch(line.text)), None)
    end = next((n for n, line in enumerate(lines[:_HEAD_LINES]) if line.text.endswith(f" {_MARK}")), None)
    dated = end is not None and any(line.page.dateline.match(line.text) for line in lines[end + 1 : end + 4])
    is_wire = header is not None or dated
    _remove_notes(lines, grammar, is_wire=is_wire)
    if not is_wire:
        return lines
    _remove_sign_off(lines, grammar)
    if end is None:
        for line in lines[: (header or 0) + 1]:
            line.reason = "agency_header"
        return lines
    return _with_headline(lines, end, grammar)


def _with_headline(lines: list[Line], end: int, grammar: WireGrammar) -> list[Line]:
    """Return the lines with the headline as one line, which ends at ``end``. The lines above it are the header."""
    start = end
    while start > max(0, end - _MOST_HEADLINE_LINES + 1) and not _is_header(lines[start - 1], grammar):
        start -= 1
    joined = lines[start]
    for previous, line in pairwise(lines[start : end + 1]):
        if line.span.start - previous.span.end != 1:  # more than a line break
            joined = line
            start = lines.index(line)
            continue
        span = Span(joined.span.start, line.span.end)
        joined = Line(f"{joined.text}\n{line.text}", span, joined.after_blank, joined.page)
    headline, mark = joined.cut(len(joined.text) - len(_MARK))
    headline.part = "headline"
    mark.reason = "agency_header"
    for line in lines[:start]:
        line.reason, line.part = "agency_header", "body"
    for line in lines[end + 1 :]:
        line.part = "body"
    return [*lines[:start], headline, mark, *lines[end + 1 :]]


def _is_header(line: Line, grammar: WireGrammar) -> bool:
    return any(pattern.fullmatch(line.text) for pattern in (grammar.header, grammar.slug, grammar.version))


def _remove_notes(lines: list[Line], grammar: WireGrammar, *, is_wire: bool) -> None:
    """Remove everything from the heading of the notes to the end, which is not for publication."""
    for number, line in enumerate(lines):
        if grammar.marked_notes.match(line.text) or (is_wire and grammar.notes.match(line.text)):
            for note in lines[number:]:
                note.reason = "agency_note"
            return


def _remove_sign_off(lines: list[Line], grammar: WireGrammar) -> None:
    for line in lines[-_END_LINES:]:
        if grammar.sign_off.fullmatch(line.text):
            line.reason = "agency_note"
