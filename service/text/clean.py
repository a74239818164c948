"""Takes the furniture of a web page off a pasted article, and says what it took off and where."""

from dataclasses import dataclass
from typing import NamedTuple

from service.text.blocks import take_off, unglued
from service.text.head import mark_lead, with_headline
from service.text.lines import Line, read_lines
from service.types import Notice, Span

_PARAGRAPH_GAP = "\n\n"
_ALL_FURNITURE = "Every line looks like furniture of a page; all were kept."


@dataclass(frozen=True, slots=True)
class Removed:
    """Something taken off: its text, why, and where it stood in the submitted text.

    Reasons: ``advert``, ``agency_credit``, ``boilerplate``, ``breadcrumb``, ``byline``, ``control``, ``copyright``,
    ``media``, ``partner``, ``photo_caption``, ``photo_credit``, ``reading_time``, ``related``, ``repeated_headline``,
    ``repeated_lead``, ``source_credit``, ``timestamp``, ``topics``.
    """

    text: str
    reason: str
    span: Span


class Mapping(NamedTuple):
    """Where a part of the cleaned body stood in the submitted text; both spans have the same length."""

    cleaned: Span
    source: Span


@dataclass(frozen=True, slots=True)
class Cleaned:
    """An article told apart. Every visible character of the submitted text is in one part or in ``removed``.

    ``body`` holds paragraphs parted by one blank line, ``spans`` maps it to the submitted text, paragraph by paragraph.
    A headline or lead given by the caller has no span; the others have theirs in the submitted text.
    """

    headline: str | None
    kicker: str | None
    lead: str | None
    body: str
    spans: tuple[Mapping, ...]
    removed: tuple[Removed, ...]
    notices: tuple[Notice, ...]
    headline_span: Span | None
    kicker_span: Span | None
    lead_span: Span | None


def clean(text: str, *, headline: str | None = None, lead: str | None = None) -> Cleaned:
    """Tell kicker, headline, lead and body of a pasted page apart, and take off what is furniture.

    Running text is never taken off: what may be furniture, but not surely, is kept with a notice ``maybe_furniture``.
    ``headline`` and ``lead`` are the caller's; where the text repeats them at its top, the repetition is taken off.
    """
    headline, lead = headline if headline and headline.strip() else None, lead if lead and lead.strip() else None
    lines = unglued(read_lines(text))
    take_off(lines)
    lines = with_headline(lines, headline)
    mark_lead(lines, lead, has_headline=headline is not None or any(line.part == "headline" for line in lines))
    if any(line.kept and line.part == "body" for line in lines) or all(_is_repeated(line) for line in lines):
        return _assembled(lines, headline, lead, [])
    everything = read_lines(text)
    return _assembled(everything, headline, lead, [Notice("maybe_furniture", _ALL_FURNITURE)])


def _is_repeated(line: Line) -> bool:
    return line.reason in {"repeated_headline", "repeated_lead"} or line.part != "body"


def _assembled(lines: list[Line], headline: str | None, lead: str | None, notices: list[Notice]) -> Cleaned:
    found = {part: next((line for line in lines if line.part == part), None) for part in ("headline", "kicker", "lead")}
    told_apart = {id(line) for line in found.values()}
    body = [line for line in lines if line.kept and id(line) not in told_apart]
    doubts = [
        Notice("maybe_furniture", line.doubt, line.span) for line in lines if line.kept and line.doubt is not None
    ]
    return Cleaned(
        headline=headline if headline is not None else _text(found["headline"]),
        kicker=_text(found["kicker"]),
        lead=lead if lead is not None else _text(found["lead"]),
        body=_PARAGRAPH_GAP.join(line.text for line in body),
        spans=tuple(_mappings(body)),
        removed=tuple(Removed(line.text, line.reason, line.span) for line in lines if line.reason is not None),
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
