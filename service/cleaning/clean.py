"""Cleaning of a pasted page: removes boilerplate by its words, form and place, and finds the head of the article."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import dropwhile, takewhile
from typing import NamedTuple

from service.cleaning.boilerplate import (
    SURE_WORDS,
    Line,
    Verdict,
    glued_meta_chars,
    judge,
    photo_credit_chars,
    read_lines,
    source_credit_chars,
)
from service.cleaning.headline import mark_headline, mark_lead
from service.domain import Notice, Span
from service.languages.base import Language

_MAYBE_CAPTION_WORDS = 30
_MAX_CREDIT_CHARS = 160
_TOPIC_WORDS = 6
_TO_THE_END = frozenset({"related", "partner"})  # only links and offers follow these headings at the end of a page
# A single date or button next to one of these lines is boilerplate. Next to a picture credit it may be a subheading.
_BOILERPLATE_NEIGHBOURS = frozenset(
    {"advert", "byline", "control", "partner", "reading_time", "related", "timestamp", "topics"}
)
_BELOW_LEAD = frozenset({"byline", "timestamp"})
_NUMBERED = re.compile(r"\d{1,2}\.\s+(.+)")

MAYBE_BOILERPLATE = "The line may be boilerplate of the page; it was kept."
MAYBE_CAPTION = "The paragraph may be the caption of a picture whose credit was removed; it was kept."
MAYBE_ITEM = "The line may be the last link of a list or a subheading; it was kept."
AFTER_HEADING = "The text follows a heading of boilerplate; it was kept."


def split_glued_lines(lines: list[Line]) -> list[Line]:
    """The lines, with bylines, times, buttons and credits at the end of paragraphs as separate lines."""
    running = sum(line.running for line in lines)
    result: list[Line] = []
    for number, line in enumerate(lines):
        neighbours = (*lines[max(0, number - 1) : number], *lines[number + 1 : number + 2])
        by_picture = any(_is_photo_credit(other) for other in neighbours)
        result.extend(_split_glued_line(line, by_picture=by_picture, alone=running - line.running == 0))
    return result


def _is_photo_credit(line: Line) -> bool:
    return len(line.text) <= _MAX_CREDIT_CHARS and line.page.photo_credit.fullmatch(line.text) is not None


def _split_glued_line(line: Line, *, by_picture: bool, alone: bool) -> Iterator[Line]:
    chars = glued_meta_chars(line)
    if chars:
        text, meta = line.cut(len(line.text) - chars)
        start = line.page.byline_start
        byline = any(c.isdigit() for c in meta.text) or (start is not None and meta.text.startswith(start))
        meta.reason = "byline" if byline else "control"
        yield from (text, meta)
        return
    clear = photo_credit_chars(line)
    chars = clear or source_credit_chars(line)
    if not chars:
        yield line
        return
    text, credit = line.cut(len(line.text) - chars)
    words = len(text.text.split())
    if (clear or by_picture) and words < SURE_WORDS and not alone:
        line.reason = "photo_caption"
        yield line
        return
    credit.reason = "photo_credit" if clear else "source_credit"
    text.doubt = MAYBE_CAPTION if words <= _MAYBE_CAPTION_WORDS else None
    yield from (text, credit)


def remove_boilerplate(lines: list[Line], language: Language) -> None:
    """Set the reason of each line that is boilerplate, by its words, its form and its neighbours."""
    verdicts = [judge(line.text, language) if line.kept else None for line in lines]
    for line, verdict in zip(lines, verdicts, strict=True):
        if verdict is not None and verdict.weight == "sure":
            line.reason = verdict.reason
    _remove_numbered_path(lines)
    _remove_blocks(lines, verdicts)
    _remove_neighbours(lines, verdicts)


def _remove_numbered_path(lines: list[Line]) -> None:
    """Remove a numbered breadcrumb trail from the first page ("1. Startseite", "2. Politik") above the text."""
    above = takewhile(lambda line: not line.running, lines)
    path = dropwhile(lambda line: not _NUMBERED.fullmatch(line.text), above)
    crumbs = list(takewhile(lambda line: _NUMBERED.fullmatch(line.text), path))
    root = _NUMBERED.fullmatch(crumbs[0].text) if crumbs else None
    if root is not None and root[1] in crumbs[0].page.roots:
        for crumb in crumbs:
            crumb.reason = "breadcrumb"


def _remove_blocks(lines: list[Line], verdicts: list[Verdict | None]) -> None:
    last_running = max((number for number, line in enumerate(lines) if line.kept and line.running), default=-1)
    to_the_end: str | None = None
    links_above = False
    for number, (line, verdict) in enumerate(zip(lines, verdicts, strict=True)):
        if verdict is not None and verdict.opens:
            endless = verdict.reason in _TO_THE_END
            to_the_end = verdict.reason if number > last_running and (to_the_end or endless) else None
            links_above = links_above or endless
            _remove_list(lines, number, verdict.reason)
        elif line.kept and to_the_end is not None:
            line.reason = to_the_end
        elif line.kept and line.running and links_above:
            line.doubt, links_above = AFTER_HEADING, False


def _remove_list(lines: list[Line], heading: int, reason: str) -> None:
    """Remove the block of a heading: the lines directly below it, or else the lines after blank lines."""
    items = list(_items(lines, heading, reason, parted=False))
    if not items and reason != "advert":
        items = list(_items(lines, heading, reason, parted=True))
    after = heading + 1 + len(items)
    if items and after < len(lines) and lines[after].running and _may_be_subheading(items, reason, lines[after]):
        items.pop().doubt = MAYBE_ITEM
    for item in items:
        item.reason = reason


def _may_be_subheading(items: list[Line], reason: str, below: Line) -> bool:
    """Whether the last item of a list may be a subheading of the text ``below``."""
    alone = len(items) == 1
    if not alone and items[-1].text[0] == items[-2].text[0] and not items[-1].text[0].isalnum():
        return False  # the item before has the same bullet
    return items[-1].after_blank or not below.after_blank or (alone and reason == "advert")


def _items(lines: list[Line], heading: int, reason: str, *, parted: bool) -> Iterator[Line]:
    for number in range(heading + 1, len(lines)):
        line = lines[number]
        if line.running or not line.kept or line.after_blank != parted:
            return
        if reason == "topics" and len(line.text.split()) > _TOPIC_WORDS:
            return
        yield line


def _remove_neighbours(lines: list[Line], verdicts: list[Verdict | None]) -> None:
    """Remove uncertain lines above the text, below the text, or next to boilerplate. Report the others."""
    running = [number for number, line in enumerate(lines) if line.kept and line.running]
    first, last = (running[0], running[-1]) if running else (0, len(lines))
    order = range(len(lines))
    for number in (*order, *reversed(order)):  # both directions, so that a whole row of such lines is removed
        line, verdict = lines[number], verdicts[number]
        if verdict is None or verdict.weight != "context" or not line.kept or verdict.reason == "breadcrumb":
            continue
        below_lead = number == first + 1 and first > 0 and verdict.reason in _BELOW_LEAD
        if below_lead or not first <= number <= last or _is_next_to_boilerplate(lines, number):
            line.reason = verdict.reason
    for line, verdict in zip(lines, verdicts, strict=True):
        if verdict is not None and line.kept and verdict.reason != "breadcrumb":
            line.doubt = line.doubt or MAYBE_BOILERPLATE


def _is_next_to_boilerplate(lines: list[Line], number: int) -> bool:
    neighbours = (*lines[max(0, number - 1) : number], *lines[number + 1 : number + 2])
    return any(neighbour.reason in _BOILERPLATE_NEIGHBOURS for neighbour in neighbours)


_PARAGRAPH_GAP = "\n\n"
_ALL_BOILERPLATE = "All lines look like boilerplate of the page; they were kept."


@dataclass(frozen=True, slots=True)
class RemovedPart:
    """A removed part of the submitted text: its text, the reason, and its span.

    Reasons: ``advert``, ``agency_credit``, ``boilerplate``, ``breadcrumb``, ``byline``, ``control``, ``copyright``,
    ``media``, ``partner``, ``photo_caption``, ``photo_credit``, ``reading_time``, ``related``, ``repeated_headline``,
    ``repeated_lead``, ``source_credit``, ``timestamp``, ``topics``.
    """

    text: str
    reason: str
    span: Span


class Mapping(NamedTuple):
    """A span of the cleaned body and its span in the submitted text. Both have the same length."""

    cleaned: Span
    source: Span


@dataclass(frozen=True, slots=True)
class CleanedArticle:
    """The parts of an article. Each visible character of the submitted text is in one part or in ``removed``.

    One blank line separates the paragraphs of ``body``. ``spans`` maps ``body`` to the submitted text, paragraph by
    paragraph. A headline or lead from the caller has no span. The other parts have a span in the submitted text.
    """

    headline: str | None
    kicker: str | None
    lead: str | None
    body: str
    spans: tuple[Mapping, ...]
    removed: tuple[RemovedPart, ...]
    notices: tuple[Notice, ...]
    headline_span: Span | None
    kicker_span: Span | None
    lead_span: Span | None


def clean(text: str, language: Language, *, headline: str | None = None, lead: str | None = None) -> CleanedArticle:
    """Find kicker, headline, lead and body of a pasted page in ``language``, and remove boilerplate.

    Running text is never removed. Uncertain lines are kept, with a notice ``maybe_furniture``. If the caller gives
    ``headline`` or ``lead``, repetitions of them at the top of the text are removed.
    """
    headline, lead = headline if headline and headline.strip() else None, lead if lead and lead.strip() else None
    lines = split_glued_lines(read_lines(text, language))
    remove_boilerplate(lines, language)
    lines = mark_headline(lines, headline, language)
    mark_lead(lines, lead, has_headline=headline is not None or any(line.part == "headline" for line in lines))
    if any(line.kept and line.part == "body" for line in lines) or all(_is_repeated(line) for line in lines):
        return _assemble(lines, headline, lead, [])
    everything = read_lines(text, language)
    return _assemble(everything, headline, lead, [Notice("maybe_furniture", _ALL_BOILERPLATE)])


def _is_repeated(line: Line) -> bool:
    return line.reason in {"repeated_headline", "repeated_lead"} or line.part != "body"


def _assemble(lines: list[Line], headline: str | None, lead: str | None, notices: list[Notice]) -> CleanedArticle:
    found = {part: next((line for line in lines if line.part == part), None) for part in ("headline", "kicker", "lead")}
    head = {id(line) for line in found.values()}
    body = [line for line in lines if line.kept and id(line) not in head]
    doubts = [
        Notice("maybe_furniture", line.doubt, line.span) for line in lines if line.kept and line.doubt is not None
    ]
    return CleanedArticle(
        headline=headline if headline is not None else _text(found["headline"]),
        kicker=_text(found["kicker"]),
        lead=lead if lead is not None else _text(found["lead"]),
        body=_PARAGRAPH_GAP.join(line.text for line in body),
        spans=tuple(_mappings(body)),
        removed=tuple(RemovedPart(line.text, line.reason, line.span) for line in lines if line.reason is not None),
        notices=(*notices, *doubts),
        headline_span=_span(found["headline"]),
        kicker_span=_span(found["kicker"]),
        lead_span=_span(found["lead"]),
    )


def _mappings(body: list[Line]) -> list[Mapping]:
    mappings: list[Mapping] = []
    start = 0
    for line in body:
        mappings.append(Mapping(Span(start, start + len(line.text)), line.span))
        start += len(line.text) + len(_PARAGRAPH_GAP)
    return mappings


def _text(line: Line | None) -> str | None:
    return None if line is None else line.text


def _span(line: Line | None) -> Span | None:
    return None if line is None else line.span
