"""Says of one line, taken alone, whether it is furniture of a page."""

import re
from dataclasses import dataclass
from typing import Literal

from service.text import patterns
from service.text.lines import SURE_WORDS, is_running
from service.text.phrases import folded_set, phrase_set, phrases
from service.text.segment import segment

_MAX_CHARS = 160  # longer lines are furniture only as known boilerplate
_CRUMB_WORDS = 6
_ORNAMENT = " \t:›»>«‹→↗↓↑▶►•·|-–—…+*#"
_CRUMB_BREAK = re.compile(r"\s*[>›»→]\s*|\s+[/|]\s+")
ROOTS = frozenset({"Startseite", "Home", "Homepage", "Start"})
_DASHES = " \t-–—·•|►▶"
_PART_BREAK = re.compile(r"\s*[·|•]\s*|\s+[-–—/]\s+")
_PART_OR_COLON_BREAK = re.compile(rf"{_PART_BREAK.pattern}|:\s+")
_MAX_PARTS = 8
_ROW = frozenset({"byline", "timestamp", "reading_time", "control", "agency_credit"})
_WITH_NAME = frozenset({"byline", "timestamp", "reading_time"})
_INITIALS_CHARS = 3  # "dpa/abc": an editor's initials stand beside the agency
_AGENCY_BREAK = re.compile(r"\s*[/,|&]\s*|\s+und\s+|\s+via\s+")

Weight = Literal["sure", "context", "doubt"]
"""``sure`` anywhere; ``context`` beside other furniture or above the text; ``doubt`` never taken off, only told."""

_FORMS: tuple[tuple[re.Pattern[str], str, Weight], ...] = (
    (patterns.READING_TIME, "reading_time", "sure"),
    (patterns.UPDATED_LINE, "timestamp", "sure"),
    (patterns.STAMP_LINE, "timestamp", "context"),
    (patterns.TIMED_BYLINE, "byline", "sure"),
    (patterns.DATED_BYLINE, "byline", "context"),
    (patterns.AGO_LINE, "timestamp", "context"),
    (patterns.AGENCY_NUMBER, "agency_credit", "sure"),
    (patterns.PHOTO_CREDIT, "photo_credit", "sure"),
    (patterns.PICTURE_LINE, "photo_credit", "doubt"),
    (patterns.SOURCE_CREDIT, "source_credit", "sure"),
    (patterns.CAPTION, "photo_caption", "sure"),
    (patterns.HOME_LINK, "control", "context"),
    (patterns.COMMENT_COUNT, "control", "sure"),
    (patterns.MEDIA_LENGTH, "media", "sure"),
    (patterns.MEDIA_LINE, "media", "doubt"),
    (patterns.DESK_BYLINE, "byline", "sure"),
    (patterns.BYLINE, "byline", "context"),
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a line seems to be. ``opens`` is true of headings: what they announce follows."""

    reason: str
    weight: Weight = "sure"
    opens: bool = False


def judge(line: str) -> Verdict | None:
    """What kind of furniture the line is, or None; running text is none, unless it is known boilerplate."""
    if _is_boilerplate(line):
        return Verdict("boilerplate")
    if len(line) <= _MAX_CHARS and len(line.split()) < SURE_WORDS and patterns.COPYRIGHT.fullmatch(line):
        return Verdict("copyright")
    if is_running(line):
        # "31.12.2021, 10:03 Uhr · Lesezeit: 4 Min." only looks like a short sentence.
        row = _by_parts(line) if len(line.split()) < SURE_WORDS else None
        return row or (Verdict("related", "doubt") if _is_announced(line, "related") else None)
    return None if len(line) > _MAX_CHARS else _by_phrase(line) or _by_form(line) or _by_parts(line)


def _by_phrase(line: str) -> Verdict | None:
    bare = line.strip(_ORNAMENT).casefold()
    if bare in folded_set("adverts"):
        return Verdict("advert", opens=True)
    for name, reason in (("related", "related"), ("topics", "topics"), ("partners", "partner")):
        if bare in folded_set(name):
            return Verdict(reason, opens=True)
        if name != "partners" and _is_announced(line, name):
            return Verdict(reason)
    if bare in folded_set("controls"):
        return Verdict("control", "sure" if " " in bare else "context")  # a single word may be a subheading
    return Verdict("breadcrumb", "context") if line.strip(_ORNAMENT) in phrase_set("sections") else None


def _is_announced(line: str, name: str) -> bool:
    """Whether a phrase of the list and a colon stand before the rest of the line."""
    before, colon, _ = line.partition(":")
    return bool(colon) and before.strip(_ORNAMENT).casefold() in folded_set(name)


def _by_form(line: str) -> Verdict | None:
    if _is_breadcrumb(line):
        return Verdict("breadcrumb")
    core = line.strip(_DASHES)
    for pattern, reason, weight in _FORMS:
        if pattern.fullmatch(core):
            return Verdict(reason, weight)
    return Verdict("agency_credit") if _is_agencies(line) else None


def _by_parts(line: str) -> Verdict | None:
    """A row of bylines, times and buttons on one line, of which every part is one; one part may be a bare name."""
    for pattern in (_PART_BREAK, _PART_OR_COLON_BREAK):
        parts = [part for part in pattern.split(line) if part.strip()]
        if not 1 < len(parts) <= _MAX_PARTS:
            continue
        verdicts = [_by_phrase(part) or _by_form(part) for part in parts]
        reasons = [verdict.reason for verdict in verdicts if verdict is not None and verdict.reason in _ROW]
        others = [part for part, verdict in zip(parts, verdicts, strict=True) if verdict is None]
        if len(reasons) == len(parts):
            return Verdict(reasons[0])
        named = len(others) == 1 and len(reasons) + 1 == len(parts) and patterns.BARE_NAMES.fullmatch(others[0])
        if named and not _WITH_NAME.isdisjoint(reasons):
            return Verdict("byline")
    return None


def _is_breadcrumb(line: str) -> bool:
    parts = [part.strip() for part in _CRUMB_BREAK.split(line) if part.strip()]
    if not parts[1:] or any(len(part.split()) > _CRUMB_WORDS for part in parts[:-1]):
        return False
    return parts[0] in ROOTS or all(part in phrase_set("sections") for part in parts)


def _is_agencies(line: str) -> bool:
    first, *others = (name.casefold() for name in _AGENCY_BREAK.split(line.strip("()[] .")))
    known = folded_set("agencies")
    return first in known and all(name in known or len(name) <= _INITIALS_CHARS for name in others)


def _is_boilerplate(line: str) -> bool:
    """Whether every sentence of the line begins as one that consent boxes, paywalls and newsletters use."""
    known = phrases("boilerplate")
    if not line.lstrip(_ORNAMENT).startswith(known):
        return False
    sentences = [span.of(line).lstrip(_ORNAMENT) for span in segment(line).sentences]
    return all(sentence.startswith(known) for sentence in sentences)
