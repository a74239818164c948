"""Cleaning of text that was copied from a web page: detection of the headline and lead, and removal of boilerplate."""

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
    has_inner_end,
    is_headline_like,
    is_kicker_like,
    is_stopped,
    judge,
    mark_wire,
    photo_credit_chars,
    read_lines,
    source_credit_chars,
)
from service.cleaning.line_model import ARTICLE, OUTSIDE, Labelled, label, read_weights
from service.domain import Notice, Span
from service.languages.base import Language
from service.text.normalization import normalize_unicode
from service.text.segmentation import glued_kicker_chars

_MAX_LEAD_WORDS = 70
_MAX_GLUED_KICKER_CHARS = 40
_KICKER_ALONE_WORDS = 2  # a longer line before a blank line may be the headline itself
_SITE_NAME_WORDS = 4
_META = frozenset({"byline", "timestamp", "reading_time"})
_NEAR_LEAD = frozenset({"control", "photo_caption", "photo_credit", "source_credit"})
_CRUMB_NUMBER = re.compile(r"^\d{1,2}\.\s+")
_PLAIN = str.maketrans(dict.fromkeys("„“”«»‚‘’›‹'", '"') | dict.fromkeys("–—‐‑", "-"))


def comparison_key(text: str) -> str:
    """Return a key by which texts are compared.

    The key does not depend on case, white space, the kind of quotation marks and dashes, or a final full stop.
    """
    return " ".join(normalize_unicode(text, "NFKC").translate(_PLAIN).casefold().split()).rstrip(" .")


def mark_headline(lines: list[Line], headline: str | None, language: Language) -> list[Line]:
    """Mark the headline and the kicker (a few words above the headline), and return all lines.

    If ``headline`` is not None, the caller has provided it. In this case, mark only the kicker, and mark repetitions of
    the headline in ``lines`` as removed.
    """
    first = next((number for number, line in enumerate(lines) if line.kept and line.running), None)
    if headline is not None:
        return _without_repeated(lines, headline, 1 if first is None else first + 1)
    if first is not None and _is_long_headline(lines, first):
        first = next(n for n in range(first + 1, len(lines)) if lines[n].kept and lines[n].running)
    return lines if first is None else _with_found_headline(lines, first, language)


def _is_long_headline(lines: list[Line], at: int) -> bool:
    """Return whether the line with index ``at`` is a long headline: one sentence without a full stop.

    The line is the first one that looks like running text. Longer running text must follow it, and no other kept line
    may precede it.
    """
    line = lines[at]
    if not is_headline_like(line.text) or has_inner_end(line.text) or any(one.kept for one in lines[:at]):
        return False
    return any(one.kept and one.running and len(one.text) > len(line.text) for one in lines[at + 1 :])


def _without_repeated(lines: list[Line], headline: str, limit: int) -> list[Line]:
    """Mark repetitions of ``headline`` in the first ``limit`` lines as removed, and return all lines.

    The headline may be very long, and every line may repeat it. To limit the running time, the comparison key of the
    headline is computed only once, and the lines above a repetition are examined only once.
    """
    result: list[Line] = []
    headline, wanted = headline.strip(), comparison_key(headline)
    seen = 0
    for line in lines[:limit]:
        parts = _split_at_headline(line, headline) if line.kept else [line]
        if parts[-1].kept and _repeats(parts[-1].text, wanted):
            parts[-1].reason = "repeated_headline"
            _mark_kicker_above(result)
            _remove_sections(result[seen:])
            seen = len(result)
        result.extend(parts)
    return [*result, *lines[limit:]]


def _remove_sections(above: list[Line]) -> None:
    for line in above:
        if line.kept and line.part == "body" and _is_section(line):
            line.reason = "breadcrumb"


def _mark_kicker_above(above: list[Line]) -> None:
    if above and above[-1].kept and above[-1].part == "body" and is_kicker_like(above[-1].text):
        above[-1].part = "kicker"


def _split_at_headline(line: Line, headline: str) -> list[Line]:
    chars = len(line.text) - len(headline)
    if not 0 < chars <= _MAX_GLUED_KICKER_CHARS or not line.text.endswith(headline):
        return [line]
    kicker, rest = line.cut(chars)
    kicker.part = "kicker"
    return [kicker, rest]


def _repeats(text: str, wanted: str) -> bool:
    """Return whether the comparison key of the text is ``wanted``, with or without a site name after the last " | "."""
    if comparison_key(text) == wanted:
        return True
    title, bar, site = text.rpartition(" | ")
    return bool(bar) and len(site.split()) <= _SITE_NAME_WORDS and comparison_key(title) == wanted


def _with_found_headline(lines: list[Line], first: int, language: Language) -> list[Line]:
    head: list[Line] = []
    for line in lines[:first]:
        if line.kept and is_stopped(line.text):
            break
        if line.kept:
            head.append(line)
    titles = (number for number, line in enumerate(head) if is_headline_like(line.text) and not _is_section(line))
    at = next(titles, None)
    if at is None:
        return lines
    if at > 0 and _is_kicker(head[at - 1], head[at]):
        head[at - 1].part = "kicker"
    elif at + 1 < len(head) and _is_kicker(head[at], head[at + 1]):
        head[at].part = "kicker"
        at += 1
    _remove_sections(head[:at])
    return _marked(lines, head[at], first, language)


def _is_section(line: Line) -> bool:
    return line.text.strip("+ ") in line.page.sections


def _is_kicker(line: Line, below: Line) -> bool:
    if not is_kicker_like(line.text) or not is_headline_like(below.text):
        return False
    short = len(line.text.split()) <= _KICKER_ALONE_WORDS
    return short or _is_section(line) or not below.after_blank


def _marked(lines: list[Line], headline: Line, first: int, language: Language) -> list[Line]:
    at = lines.index(headline)
    known = [_CRUMB_NUMBER.sub("", line.text) for line in lines if line.reason in {"breadcrumb", "topics"}]
    chars = glued_kicker_chars(headline.text, language, known)
    parts = list(headline.cut(chars)) if chars else [headline]
    if chars:
        parts[0].part = "kicker"
    parts[-1].part = "headline"
    wanted = comparison_key(parts[-1].text)
    for line in lines[:first]:
        if line is not headline and line.kept and line.part == "body" and _repeats(line.text, wanted):
            line.reason = "repeated_headline"
    return [*lines[:at], *parts, *lines[at + 1 :]]


def mark_lead(lines: list[Line], lead: str | None, *, has_headline: bool) -> None:
    """Mark the lead, if the page has one. The lead is the introductory paragraph below the headline.

    If ``lead`` is not None, the caller has provided it. In this case, mark its repetitions above the text as removed.
    """
    running = [number for number, line in enumerate(lines) if line.kept and line.running and line.part == "body"]
    if lead is not None:
        _remove_given_lead(lines, lead, running[0] if running else len(lines) - 1)
    elif has_headline and len(running) > 1 and _is_lead(lines, running[0], running[1]):
        lines[running[0]].part = "lead"


def _remove_given_lead(lines: list[Line], lead: str, limit: int) -> None:
    wanted = comparison_key(lead)
    for line in lines[: limit + 1]:
        if line.kept and line.part == "body" and comparison_key(line.text) == wanted:
            line.reason = "repeated_lead"


def _is_lead(lines: list[Line], at: int, following: int) -> bool:
    """Return whether the paragraph with index ``at`` is the lead. ``following`` is the index of the next paragraph.

    A short paragraph is the lead if a byline, timestamp or photo separates it from the next paragraph, or if the next
    paragraph opens with a dateline.
    """
    if len(lines[at].text.split()) > _MAX_LEAD_WORDS or any(line.kept for line in lines[at + 1 : following]):
        return False
    above = {line.reason for line in lines[:at]}
    between = {line.reason for line in lines[at + 1 : following]}
    # If there is a byline above, a photo or button proves nothing, because it may follow the first body paragraph.
    separated = bool(between & _META) or (bool(between & _NEAR_LEAD) and not above & _META)
    return separated or lines[following].page.dateline.match(lines[following].text) is not None


_MAYBE_CAPTION_WORDS = 30
_MAX_CREDIT_CHARS = 160
_TOPIC_WORDS = 6
_TO_THE_END = frozenset({"related", "partner"})  # below such a heading at the end of a page, there is no article text
# A single date or button next to one of these lines is boilerplate. Next to a photo credit it may be a subheading.
_BOILERPLATE_NEIGHBOURS = frozenset(
    {"advert", "byline", "control", "partner", "reading_time", "related", "timestamp", "topics"}
)
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
_DOUBT = 0.05
_KEPT_OWN = frozenset({"boilerplate", "head_boilerplate"})
_SURELY_HEAD = 0.8
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

    If ``whole_page`` is False, this applies only to lines between parts of the article that are not sentences.
    """
    for number, (line, verdict, state) in enumerate(zip(lines, verdicts, labelled.states, strict=True)):
        chance = labelled.chance(number, ARTICLE)
        if not line.kept or state in ARTICLE or (number in labelled.facts.own and state in _KEPT_OWN):
            continue
        if whole_page:
            if chance >= _LEAST_ARTICLE and state not in OUTSIDE:
                continue
        elif state in OUTSIDE or chance >= _SURELY_NOT or line.running or is_stopped(line.text):
            continue
        if verdict is not None:
            line.reason = verdict.reason
        elif chance >= _DOUBT:
            line.reason = "maybe_article"
        else:
            line.reason = "timestamp" if "meta" in state and line.text[0].isdigit() else _REASONS[state]


def mark_by_model(lines: list[Line], labelled: Labelled, language: Language, *, whole_page: bool) -> list[Line]:
    """Mark the headline, kicker and lead that the line model has found, and return all lines.

    If ``whole_page`` is False, a part is marked only if the model is certain of it.
    """
    marked: dict[str, Line] = {}
    states = zip(lines, labelled.states, strict=True)
    # In a text that is no whole page, a line with a full stop is no headline.
    if not whole_page and not any(state == "headline" and not is_stopped(line.text) for line, state in states):
        return lines
    for part in ("headline", "kicker", "lead"):
        found = [number for number, state in enumerate(labelled.states) if state == part]
        found = [number for number in found if lines[number].kept or (whole_page and part == "headline")]
        if part == "lead":
            found = [number for number in found if _opens(lines, labelled, number, language)]
        best = max(found, key=lambda number: labelled.chance(number, frozenset({part})), default=None)
        if best is None:
            continue
        sure = part == "headline" and labelled.has_headline(_SURELY_HEAD)
        if whole_page or sure or labelled.chance(best, frozenset({part})) >= _SURELY_HEAD:
            marked[part] = lines[best]
            lines[best].reason = None
            lines[best].part = part
    if "headline" not in marked:
        return lines
    first = next((number for number, line in enumerate(lines) if line.kept and line.running), len(lines))
    return _marked(lines, marked["headline"], first, language)


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
