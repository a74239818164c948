"""Detection of boilerplate lines by their wording and form, in text that was copied from a web page."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from service.domain import Span
from service.languages.base import Language
from service.languages.page import PageGrammar, Weight, WireGrammar
from service.text.segmentation import paragraphs, segment, strip_span

SURE_WORDS = 12  # a sentence with at least this many words is never boilerplate because of its form
_SHORT_SENTENCE_WORDS = 5
_HEADLINE_WORDS = range(3, 26)
_HEADLINE_CHARS = 180
_KICKER_WORDS = 4
_ALONE_COLON = re.compile(r"\s+:\s+")
_CLOSED = re.compile(r"[.!?…:][“”\"»«’‘)\]]*$")
_STOPPED = re.compile(r"[.…][“”\"»«’‘)\]]*$")
_LINE = re.compile(r"[^\n\r\x0b\x0c\x85\u2028\u2029]+")
_INNER_END = re.compile(r"[a-zß-ÿ]{2}[.!?][“”\"»«)]?\s+[„»\"(]?[A-ZÀ-Þ]")


@dataclass(slots=True)
class Line:
    """A line or wrapped paragraph of a pasted page, with its classification.

    ``page`` is the grammar with which the line is classified. ``after_blank`` is True if a blank line precedes the
    line. ``running`` is True if the line is running text (see `is_running`). ``part`` is "headline", "kicker", "lead"
    or "body". ``reason`` is the code of the reason for removing the line, or None if the line is kept. ``doubt`` is the
    text of the notice for a line that is kept but may be boilerplate. ``unsure`` is True if the line is kept although
    it may not belong to the article.
    """

    text: str
    span: Span
    after_blank: bool
    page: PageGrammar
    reason: str | None = None
    doubt: str | None = None
    unsure: bool = False
    part: str = "body"
    running: bool = field(init=False)

    def __post_init__(self) -> None:
        self.running = is_running(self.text, self.page)

    @property
    def kept(self) -> bool:
        """True if the line has no reason for removal."""
        return self.reason is None

    def one_line(self) -> str:
        """Return the text without line breaks, and without white space before a colon.

        Line breaks occur if a page shows the parts of a headline in separate lines.
        """
        return " ".join(_ALONE_COLON.sub(": ", self.text).split())

    def cut(self, chars: int) -> "tuple[Line, Line]":
        """Split the line after ``chars`` code points, and return both parts without surrounding white space."""
        head, tail = self.text[:chars].rstrip(), self.text[chars:].lstrip()
        first, rest = Span(self.span.start, self.span.start + len(head)), Span(self.span.end - len(tail), self.span.end)
        return Line(head, first, self.after_blank, self.page), Line(tail, rest, False, self.page)  # noqa: FBT003 - after_blank


def read_lines(text: str, language: Language) -> list[Line]:
    """Split ``text`` into paragraphs, and return each of them as a `Line`, in order.

    A byline, a timestamp or a reading time within a paragraph becomes a separate `Line`.
    """
    lines: list[Line] = []
    previous = 0
    for span in (part for whole in paragraphs(text, language) for part in _apart(text, whole, language.page)):
        breaks = text[previous : span.start].replace("\r\n", "\n")
        after_blank = len(breaks.splitlines()) > 1 or not lines
        lines.append(Line(span.of(text), span, after_blank, language.page))
        previous = span.end
    return lines


_ROW_REASONS = frozenset({"byline", "timestamp", "reading_time"})


def _apart(text: str, span: Span, page: PageGrammar) -> Iterator[Span]:
    """Split a paragraph with several lines, and yield the span of each part.

    Each line of the paragraph that is a byline, a timestamp or a reading time becomes a separate part.
    """
    start = span.start
    for match in _LINE.finditer(text, span.start, span.end):
        line = strip_span(text, Span(*match.span()))
        if line.end > line.start and line != span and _is_row(line.of(text), page):
            if start < line.start:
                yield strip_span(text, Span(start, line.start))
            yield line
            start = line.end
    if text[start : span.end].strip():
        yield strip_span(text, Span(start, span.end))


def _is_row(line: str, page: PageGrammar) -> bool:
    if page.byline_start.fullmatch(line):
        return True
    return len(line) <= _MAX_CHARS and any(
        reason in _ROW_REASONS and pattern.fullmatch(line) for pattern, reason, _ in page.lines
    )


def is_running(text: str, page: PageGrammar) -> bool:
    """Return whether a line is running text: a long sentence, or a shorter one that ends with a full stop.

    A line of at least twelve words must end like a sentence, contain the end of a sentence, or contain a word that
    `PageGrammar.verb` matches. A shorter line must have at least five words and end with a full stop or an ellipsis.
    """
    words = len(text.split())
    if words >= SURE_WORDS:
        return bool(_CLOSED.search(text[-8:]) or _INNER_END.search(text) or page.verb.search(text))
    return words >= _SHORT_SENTENCE_WORDS and is_stopped(text)


def has_inner_end(text: str) -> bool:
    """Return whether the line contains the end of a sentence, followed by the beginning of another one."""
    return _INNER_END.search(text) is not None


def is_stopped(text: str) -> bool:
    """Return whether the line ends with a full stop or an ellipsis. A closing quotation mark or bracket may follow."""
    return _STOPPED.search(text[-8:]) is not None


def is_headline_like(text: str) -> bool:
    """Return whether a line could be a headline: 3 to 25 words, and at most 180 characters.

    A line that ends with a full stop, an ellipsis or a colon is not a headline.
    """
    words = [word for word in text.split() if any(map(str.isalnum, word))]
    if len(text) > _HEADLINE_CHARS or len(words) not in _HEADLINE_WORDS:
        return False
    return not is_stopped(text) and not text.endswith(":")


def is_kicker_like(text: str) -> bool:
    """Return whether a line could be a kicker above a headline: at most four words, and no full stop at its end."""
    return len(text.split()) <= _KICKER_WORDS and not is_stopped(text) and any(c.isalpha() for c in text)


_END_CHARS = 240  # the maximum length of a byline or credit at the end of a paragraph


def _tail_chars(pattern: re.Pattern[str], text: str) -> int:
    found = pattern.search(text, max(0, len(text) - _END_CHARS))
    return 0 if found is None else len(text) - found.start()


def glued_meta_chars(line: Line) -> int:
    """Return the number of characters in a byline, timestamp or button label at the end of the line, or 0."""
    return _tail_chars(line.page.meta_end, line.text)


def photo_credit_chars(line: Line) -> int:
    """Return the number of characters in an unambiguous photo credit at the end of the line, or 0."""
    return max((_tail_chars(pattern, line.text) for pattern in line.page.photo_ends), default=0)


def source_credit_chars(line: Line) -> int:
    """Return the number of characters in a credit for a photo or for the report at the end of the line, or 0."""
    return _tail_chars(line.page.source_end, line.text)


_CAPTION_WORDS = 45


def is_caption(line: Line) -> bool:
    """Return whether the line is a photo caption with its credit, of at most 45 words."""
    return len(line.text.split()) <= _CAPTION_WORDS and line.page.caption.fullmatch(line.text) is not None


_APPEAL_CHARS = 2_000
_QUOTE = re.compile(r"[„“”\"«»]")
_MAX_CHARS = 160  # a longer line is not classified by its form
_CRUMB_WORDS = 6
_ORNAMENT = " \t:›»>«‹→↗↓↑▶►•·|-–—…+*#"
_CRUMB_BREAK = re.compile(r"\s*[>›»→]\s*|\s+[/|]\s+")
_DASHES = " \t-–—·•|►▶"
_PART_BREAK = re.compile(r"\s*[·|•]\s*|\s+[-–—/]\s+")
_PART_OR_COLON_BREAK = re.compile(rf"{_PART_BREAK.pattern}|:\s+")
_MAX_PARTS = 8
_ROW = frozenset({"byline", "timestamp", "reading_time", "control", "agency_credit"})
_WITH_NAME = frozenset({"byline", "timestamp", "reading_time"})
_INITIALS_CHARS = 3  # "dpa/abc": the editor's initials follow the agency


@dataclass(frozen=True, slots=True)
class Verdict:
    """The classification of a line as boilerplate.

    ``reason`` is the kind of boilerplate. ``weight`` is "sure" (the line is removed), "context" (the line is removed
    above the text, below it, or next to other boilerplate) or "doubt" (the line is kept and reported). ``opens`` is
    True if the line is the heading of a boilerplate block.
    """

    reason: str
    weight: Weight = "sure"
    opens: bool = False


def judge(line: str, language: Language) -> Verdict | None:
    """Classify a line as a kind of boilerplate, or return None if it does not look like boilerplate.

    A line of running text with at least twelve words is surely boilerplate in only three cases: all its sentences are
    boilerplate, it appeals to the readers for support, or it ends like a teaser. A shorter line of running text may
    also be a copyright notice, or a row of bylines, timestamps and button labels. Running text may also get a verdict
    with the weight "doubt" (see `_doubted`). All other lines are classified by their wording and form if they have at
    most 160 characters. A line that consists of a period, such as the dates of a birth and a death, is never
    boilerplate.
    """
    page = language.page
    if len(line) <= _MAX_CHARS and page.period.fullmatch(line):
        return None
    if _is_boilerplate(line, language):
        return Verdict("boilerplate")
    if page.teaser_end.search(line, max(0, len(line) - _END_CHARS)) is not None:
        return Verdict("related")
    if len(line) <= _MAX_CHARS and len(line.split()) < SURE_WORDS and page.copyright.fullmatch(line):
        return Verdict("copyright")
    if is_running(line, page):
        # "31.12.2021, 10:03 Uhr · Lesezeit: 4 Min." only looks like a short sentence.
        row = _by_parts(line, page) if len(line.split()) < SURE_WORDS else None
        return row or _doubted(line, page)
    return None if len(line) > _MAX_CHARS else _by_phrase(line, page) or _by_form(line, page) or _by_parts(line, page)


def _doubted(line: str, page: PageGrammar) -> Verdict | None:
    """Return a verdict with the weight "doubt" if running text announces related articles or offers a newsletter.

    Otherwise, return None. A line with more than 160 characters is not examined for an offer of a newsletter.
    """
    if _is_announced(line, "related", page):
        return Verdict("related", "doubt")
    offers = len(line) <= _MAX_CHARS and page.newsletter.search(line) is not None
    return Verdict("boilerplate", "doubt") if offers else None


def _by_phrase(line: str, page: PageGrammar) -> Verdict | None:
    bare = line.strip(_ORNAMENT).casefold()
    for reason, headings in page.headings.items():
        if bare in headings:
            return Verdict(reason, opens=True)
        if reason == "related" and page.related.fullmatch(bare):
            return Verdict(reason, opens=True)
        if reason in page.announcing and _is_announced(line, reason, page):
            return Verdict(reason)
    if bare in page.controls:
        return Verdict("control", "sure" if " " in bare else "context")  # a single word may be a subheading
    return Verdict("breadcrumb", "context") if line.strip(_ORNAMENT) in page.sections else None


def _is_announced(line: str, reason: str, page: PageGrammar) -> bool:
    """Return whether the line begins with a heading for the boilerplate kind ``reason``, followed by a colon."""
    before, colon, _ = line.partition(":")
    return bool(colon) and before.strip(_ORNAMENT).casefold() in page.headings.get(reason, frozenset())


def _by_form(line: str, page: PageGrammar) -> Verdict | None:
    if _is_breadcrumb(line, page):
        return Verdict("breadcrumb")
    core = line.strip(_DASHES)
    for pattern, reason, weight in page.lines:
        if pattern.fullmatch(core):
            return Verdict(reason, weight)
    return Verdict("agency_credit") if _is_agencies(line, page) else None


def _by_parts(line: str, page: PageGrammar) -> Verdict | None:
    """Classify a line that combines bylines, timestamps, reading times, button labels and agency credits.

    One of the parts may be only a name if another is a byline, a timestamp or a reading time. Return None if the line
    has other parts, or more than eight parts.
    """
    for pattern in (_PART_BREAK, _PART_OR_COLON_BREAK):
        parts = [part for part in pattern.split(line) if part.strip()]
        if not 1 < len(parts) <= _MAX_PARTS:
            continue
        verdicts = [_by_phrase(part, page) or _by_form(part, page) for part in parts]
        reasons = [verdict.reason for verdict in verdicts if verdict is not None and verdict.reason in _ROW]
        others = [part for part, verdict in zip(parts, verdicts, strict=True) if verdict is None]
        if len(reasons) == len(parts):
            return Verdict(reasons[0])
        named = len(others) == 1 and len(reasons) + 1 == len(parts) and page.bare_names.fullmatch(others[0])
        if named and not _WITH_NAME.isdisjoint(reasons):
            return Verdict("byline")
    return None


def _is_breadcrumb(line: str, page: PageGrammar) -> bool:
    parts = [part.strip() for part in _CRUMB_BREAK.split(line) if part.strip()]
    if not parts[1:] or any(len(part.split()) > _CRUMB_WORDS for part in parts[:-1]):
        return False
    return parts[0] in page.roots or all(part in page.sections for part in parts)


def _is_agencies(line: str, page: PageGrammar) -> bool:
    first, *others = (name.casefold() for name in page.agency_break.split(line.strip("()[] .")))
    known = page.agencies
    return first in known and all(name in known or len(name) <= _INITIALS_CHARS for name in others)


def _is_boilerplate(line: str, language: Language) -> bool:
    """Return whether each sentence of the line begins like a typical sentence of a consent box, paywall or newsletter.

    A paragraph of up to 2,000 characters without quotation marks that appeals to the readers to support the newsroom is
    also boilerplate.
    """
    known, standard = language.page.boilerplate, language.page.standard

    def is_known(sentence: str) -> bool:
        return sentence.startswith(known) or standard.match(sentence) is not None

    if len(line) <= _APPEAL_CHARS and language.page.appeal.search(line) is not None and not _QUOTE.search(line):
        return True
    if not is_known(line.lstrip(_ORNAMENT)):
        return False
    return all(is_known(span.of(line).lstrip(_ORNAMENT)) for span in segment(line, language).sentences)


_WIRE_HEAD_LINES = 10
_MOST_HEADLINE_LINES = 3
_END_LINES = 4
_MARK = "="  # the mark at the end of a headline


def mark_wire(lines: list[Line], grammar: WireGrammar) -> list[Line]:
    """Mark the headline of a news agency report, and mark its header, notes for editors and sign-off as removed.

    In a text without the header or headline of an agency report, only notes with an unambiguous heading are marked.
    Return all lines.
    """
    header = next((n for n, line in enumerate(lines[:_WIRE_HEAD_LINES]) if grammar.header.fullmatch(line.text)), None)
    end = next((n for n, line in enumerate(lines[:_WIRE_HEAD_LINES]) if line.text.endswith(f" {_MARK}")), None)
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
    """Join the lines of the headline into one line, mark this line, and return all lines.

    The headline ends in the line with index ``end``. The lines above the headline are marked as the header of the
    report.
    """
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
        line.reason = "agency_header"
    return [*lines[:start], headline, mark, *lines[end + 1 :]]


def _is_header(line: Line, grammar: WireGrammar) -> bool:
    return any(pattern.fullmatch(line.text) for pattern in (grammar.header, grammar.slug, grammar.version))


def _remove_notes(lines: list[Line], grammar: WireGrammar, *, is_wire: bool) -> None:
    """Mark the notes for editors as removed: all lines from the heading of the notes to the end of the text.

    If ``is_wire`` is False, only an unambiguous heading counts (`WireGrammar.marked_notes`).
    """
    for number, line in enumerate(lines):
        if grammar.marked_notes.match(line.text) or (is_wire and grammar.notes.match(line.text)):
            for note in lines[number:]:
                note.reason = "agency_note"
            return


def _remove_sign_off(lines: list[Line], grammar: WireGrammar) -> None:
    for line in lines[-_END_LINES:]:
        if grammar.sign_off.fullmatch(line.text):
            line.reason = "agency_note"
