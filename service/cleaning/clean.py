"""Cleaning of text that was copied from a web page: removal of boilerplate around the headline, lead and body."""

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
    is_caption,
    is_stopped,
    judge,
    mark_wire,
    photo_credit_chars,
    read_lines,
    source_credit_chars,
)
from service.cleaning.head import MAX_LEAD_WORDS, mark_headline, mark_kicker, mark_lead
from service.cleaning.line_features import META_REASONS
from service.cleaning.line_model import ARTICLE, OUTSIDE, Labelled, label, read_weights
from service.domain import Notice, Span
from service.languages.base import Language

_MAYBE_CAPTION_WORDS = 30
_MAX_CREDIT_CHARS = 160
_TOPIC_WORDS = 6
_TO_THE_END = frozenset({"related", "partner"})  # below such a heading at the end of a page, there is no article text
# A single date or button next to one of these lines is boilerplate. Next to a photo credit it may be a subheading.
_BOILERPLATE_NEIGHBOURS = frozenset(
    {"advert", "byline", "control", "partner", "reading_time", "related", "timestamp", "topics"}
)
_LEAST_OTHERS = 5  # in a shorter text, a caption with a credit may be the text itself, so only its credit is removed
_BELOW_LEAD = frozenset({"byline", "timestamp"})
_NUMBERED = re.compile(r"\d{1,2}\.\s+(.+)")

MAYBE_BOILERPLATE = "This line may be page boilerplate; it was kept."
MAYBE_CAPTION = "This paragraph may be the caption of a photo whose credit was removed; it was kept."
MAYBE_ITEM = "This line may be a subheading or the last link in a list; it was kept."
AFTER_HEADING = "This text follows a boilerplate heading; it was kept."


def split_glued_lines(lines: list[Line]) -> list[Line]:
    """Split off bylines, timestamps, button labels and credits from the ends of paragraphs.

    Return all lines in order.
    """
    running = sum(line.running for line in lines)
    last = max((number for number, line in enumerate(lines) if line.running), default=0)
    result: list[Line] = []
    for number, line in enumerate(lines):
        if running > _LEAST_OTHERS and number != last and is_caption(line):
            line.reason = "photo_caption"
            result.append(line)
            continue
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


def remove_boilerplate(lines: list[Line], language: Language) -> list[Verdict | None]:
    """Set ``reason`` for each line that is boilerplate according to its wording, its form and its neighbours.

    Return the verdict on each line, or None for a line that does not look like boilerplate.
    """
    verdicts = [judge(line.text, language) if line.kept else None for line in lines]
    for line, verdict in zip(lines, verdicts, strict=True):
        if verdict is not None and verdict.weight == "sure":
            line.reason = verdict.reason
    _remove_numbered_path(lines)
    _remove_blocks(lines, verdicts)
    _remove_neighbours(lines, verdicts)
    return verdicts


def _remove_numbered_path(lines: list[Line]) -> None:
    """Mark the lines of a numbered breadcrumb trail above the text as removed ("1. Startseite", "2. Politik")."""
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
    """Mark the block below the boilerplate heading at index ``heading`` as removed, with the code ``reason``.

    The block consists of the lines directly below the heading or, if there are none, of the lines below it that each
    follow a blank line.
    """
    items = list(_items(lines, heading, reason, parted=False))
    if not items and reason != "advert":
        items = list(_items(lines, heading, reason, parted=True))
    after = heading + 1 + len(items)
    if items and after < len(lines) and lines[after].running and _may_be_subheading(items, reason, lines[after]):
        items.pop().doubt = MAYBE_ITEM
    for item in items:
        item.reason = reason


def _may_be_subheading(items: list[Line], reason: str, below: Line) -> bool:
    """Return whether the last of the list ``items`` may be a subheading of the text in the line ``below``."""
    alone = len(items) == 1
    if not alone and items[-1].text[0] == items[-2].text[0] and not items[-1].text[0].isalnum():
        return False  # the previous item has the same bullet
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
    """Mark lines that may be boilerplate as removed if they are above the text, below it or next to boilerplate.

    Set ``doubt`` for all other lines that may be boilerplate.
    """
    running = [number for number, line in enumerate(lines) if line.kept and line.running]
    first, last = (running[0], running[-1]) if running else (0, len(lines))
    order = range(len(lines))
    for number in (*order, *reversed(order)):  # in both directions, so a whole row of such lines is removed
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


_LEAST_PAGE_LINES = 20
_PAGE_LINES = 5  # a text with at least this many unknown lines around the article is a whole page
_LEAST_ARTICLE = 0.15  # in a whole page, a line of the region stays if it is of the article with this probability

_SURELY_NOT = 0.15  # in another copy from a page, a line is removed only below this probability
_SURELY_NO_SENTENCE = 0.1  # the same for a full sentence
_LEAST_KNOWN = 4  # the rules must have recognised at least this number of lines before a full sentence is removed
_LEAST_LINES = 16  # the text must have at least this number of lines before a full sentence is removed
_DOUBT = 0.05
_LEAD_CHARS = range(60, 600)
_LEAD_OR_TEXT = frozenset({"lead", "text"})
_LEAST_LEAD = 0.3
_KEPT_OWN = frozenset({"boilerplate", "head_boilerplate"})
_SURELY_HEAD = 0.8
_LIKELY_HEAD = 0.4
_META_LINES = 4
_REASONS = {
    "head_meta": "byline",
    "meta": "byline",
    "head_caption": "photo_caption",
    "caption": "photo_caption",
    "head_boilerplate": "boilerplate",
    "boilerplate": "boilerplate",
    "before": "outside_article",
    "after": "outside_article",
}


def label_lines(lines: list[Line], verdicts: list[Verdict | None], language: Language) -> Labelled | None:
    """Classify the lines with the line model of the language.

    Return None if the language has no line model, or if no line has been recognised as boilerplate. A text without
    boilerplate is not a copy of a page but an article or a part of one, so no line of it may be removed.
    """
    if language.page.weights is None or all(line.reason is None for line in lines):
        return None
    return label(lines, verdicts, language, read_weights(language.page.weights))


def is_whole_page(lines: list[Line], labelled: Labelled) -> bool:
    """Return whether a whole page was pasted.

    This is assumed if the text has many lines that the line model places outside the article and that no rule has
    recognised as boilerplate.
    """
    outside = sum(line.kept and state in OUTSIDE for line, state in zip(lines, labelled.states, strict=True))
    return len(lines) >= _LEAST_PAGE_LINES and outside >= _PAGE_LINES and "text" in labelled.states


def remove_outside(lines: list[Line], verdicts: list[Verdict | None], labelled: Labelled, *, whole_page: bool) -> None:
    """Set ``reason`` for each line that is not part of the article according to the line model.

    If ``whole_page`` is False, this applies only to lines between parts of the article. A full sentence is then removed
    only if the text contains several other lines that are boilerplate.
    """
    known = sum(line.reason is not None for line in lines)
    sentence_limit = _SURELY_NO_SENTENCE if known >= _LEAST_KNOWN and len(lines) >= _LEAST_LINES else 0
    for number, (line, verdict, state) in enumerate(zip(lines, verdicts, labelled.states, strict=True)):
        chance = labelled.chance(number, ARTICLE)
        if not line.kept or state in ARTICLE or (number in labelled.facts.own and state in _KEPT_OWN):
            continue
        if whole_page:
            if chance >= _LEAST_ARTICLE and state not in OUTSIDE:
                continue
        elif state in OUTSIDE or chance >= (sentence_limit if _is_sentence(line) else _SURELY_NOT):
            continue
        if verdict is not None:
            line.reason = verdict.reason
        elif chance >= _DOUBT:
            line.reason = "maybe_article"
        else:
            line.reason = "timestamp" if "meta" in state and line.text[0].isdigit() else _REASONS[state]


def _is_sentence(line: Line) -> bool:
    return line.running or is_stopped(line.text)


def mark_by_model(lines: list[Line], labelled: Labelled, language: Language, *, whole_page: bool) -> list[Line]:
    """Mark the headline, kicker and lead that the line model has found, and return all lines.

    If ``whole_page`` is False, a part is marked only if the model is certain of it.
    """
    marked: dict[str, Line] = {}
    states = zip(lines, labelled.states, strict=True)
    # In a text that is not a whole page, a line with a full stop is not a headline.
    if not whole_page and not any(state == "headline" and not is_stopped(line.text) for line, state in states):
        return lines
    for part in ("headline", "kicker", "lead"):
        found = [number for number, state in enumerate(labelled.states) if state == part]
        found = [number for number in found if lines[number].kept or (whole_page and part == "headline")]
        if part == "lead":
            found = [number for number in found if len(lines[number].text.split()) <= MAX_LEAD_WORDS]
            found = [number for number in found if _opens(lines, labelled, number, language)]
        best = max(found, key=lambda number: labelled.chance(number, frozenset({part})), default=None)
        if best is None:
            continue
        if part == "lead" and "headline" in marked:
            best = _first_paragraph(lines, labelled, lines.index(marked["headline"]), best)
        if whole_page or _is_sure(lines, labelled, best, part, headed="headline" in marked):
            marked[part] = lines[best]
            lines[best].reason = None
            lines[best].part = part
    if "headline" not in marked:
        return lines
    first = next((number for number, line in enumerate(lines) if line.kept and line.running), len(lines))
    return mark_kicker(lines, marked["headline"], first, language)


def _is_sure(lines: list[Line], labelled: Labelled, number: int, part: str, *, headed: bool) -> bool:
    """Return whether the line with index ``number`` is surely the ``part`` of a text that is not a whole page.

    A byline or timestamp below a headline confirms it. A lead below a sure headline (``headed``) may be uncertain.
    """
    chance = labelled.chance(number, frozenset({part}))
    if part == "headline":
        confirmed = any(line.reason in META_REASONS for line in lines[number + 1 : number + 1 + _META_LINES])
        return labelled.has_headline(_SURELY_HEAD) or chance >= (_LIKELY_HEAD if confirmed else _SURELY_HEAD)
    if part == "lead" and headed:
        return labelled.chance(number, _LEAD_OR_TEXT) >= _LIKELY_HEAD
    return chance >= _SURELY_HEAD


def _first_paragraph(lines: list[Line], labelled: Labelled, headline: int, lead: int) -> int:
    """Return the index of the first paragraph between the lines ``headline`` and ``lead``, or ``lead`` without one.

    The lead of an article is its first paragraph, so a paragraph above the line that looks most like a lead is used
    instead. It must be likely to be a lead, or it must be followed by a byline or timestamp that is not also above it.
    """
    for number in range(headline + 1, lead):
        line = lines[number]
        is_text = line.kept and line.running and len(line.text) in _LEAD_CHARS
        above, below = ({one.reason for one in part} for part in (lines[headline:number], lines[number + 1 : lead]))
        separated = not META_REASONS & above and bool(META_REASONS & below)
        if is_text and (separated or labelled.chance(number, _LEAD_OR_TEXT) >= _LEAST_LEAD):
            return number
    return lead


def _opens(lines: list[Line], labelled: Labelled, number: int, language: Language) -> bool:
    """Return whether the line with index ``number`` can be the lead.

    A line cannot be the lead if a dateline begins this line or any line between the headline and this line.
    """
    headline = max((n for n, state in enumerate(labelled.states[:number]) if state == "headline"), default=number - 1)
    return not any(language.page.dateline.match(line.text) for line in lines[headline + 1 : number + 1])


_PARAGRAPH_GAP = "\n\n"
_ALL_BOILERPLATE = "Every line looks like page boilerplate, so all of them were kept."


@dataclass(frozen=True, slots=True)
class RemovedPart:
    """A removed part of the submitted text, with the reason for its removal and its span.

    The reason is one of ``advert``, ``agency_credit``, ``agency_header``, ``agency_note``, ``boilerplate``,
    ``breadcrumb``, ``byline``, ``control``, ``copyright``, ``maybe_article``, ``media``, ``outside_article``,
    ``partner``, ``photo_caption``, ``photo_credit``, ``reading_time``, ``related``, ``repeated_headline``,
    ``repeated_lead``, ``source_credit``, ``timestamp`` and ``topics``. A part with the reason ``maybe_article`` may
    belong to the article.
    """

    text: str
    reason: str
    span: Span


class Mapping(NamedTuple):
    """A span of the cleaned body and the corresponding span of the submitted text.

    The two spans have the same length.
    """

    cleaned: Span
    source: Span


@dataclass(frozen=True, slots=True)
class CleanedArticle:
    """The headline, kicker, lead and body of an article, and the parts of the submitted text that were removed.

    Each visible character of the submitted text is either in the article or in ``removed``. Blank lines separate the
    paragraphs of ``body``, and ``spans`` maps each paragraph to the submitted text. The headline, kicker and lead have
    a span in the submitted text unless the caller provided them.
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
    """Find the kicker, headline, lead and body in text that was copied from a web page, and remove boilerplate.

    ``text`` is in ``language``. If a whole page was pasted, the lines outside the article are also removed, and a
    ``page_pasted`` notice reports this. Lines that may be boilerplate are kept and reported with a ``maybe_furniture``
    notice. If no line looks like boilerplate, or if all lines do, the whole text is kept. If the caller provides
    ``headline`` or ``lead``, repetitions of it at the top of the text are removed.
    """
    headline, lead = headline if headline and headline.strip() else None, lead if lead and lead.strip() else None
    lines = split_glued_lines(read_lines(text, language))
    lines = mark_wire(lines, language.page.wire)
    is_wire = any(line.reason == "agency_header" for line in lines)
    verdicts = remove_boilerplate(lines, language)
    labelled = None if is_wire else label_lines(lines, verdicts, language)
    whole_page = labelled is not None and is_whole_page(lines, labelled)
    if labelled is not None:
        remove_outside(lines, verdicts, labelled, whole_page=whole_page)
        if headline is None:
            lines = mark_by_model(lines, labelled, language, whole_page=whole_page)
    if headline is not None or not any(line.part == "headline" for line in lines):
        lines = mark_headline(lines, headline, language)
    if lead is not None or not any(line.part == "lead" for line in lines):
        mark_lead(lines, lead, has_headline=headline is not None or any(line.part == "headline" for line in lines))
    if any(line.kept and line.part == "body" for line in lines) or all(_is_repeated(line) for line in lines):
        return _assemble(lines, headline, lead, [_page_pasted(lines)] if whole_page else [])
    everything = read_lines(text, language)
    return _assemble(everything, headline, lead, [Notice("maybe_furniture", _ALL_BOILERPLATE)])


def _page_pasted(lines: list[Line]) -> Notice:
    words, kept, doubtful = (
        sum(len(line.text.split()) for line in lines if chosen(line))
        for chosen in (lambda _: True, lambda line: line.kept, lambda line: line.reason == "maybe_article")
    )
    share = round(100 * kept / max(1, words))
    message = (
        f"The text looks like a whole web page. {share} % of its words were kept as the article. {doubtful} words "
        "that may belong to the article were removed with the reason maybe_article."
    )
    return Notice("page_pasted", message)


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
        headline=headline
        if headline is not None
        else None
        if found["headline"] is None
        else found["headline"].one_line(),
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
