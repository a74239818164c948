"""Boilerplate of a pasted page: lines, patterns and blocks that are not the article."""

import re
from dataclasses import dataclass, field
from functools import cache
from typing import Literal

from service.domain import Span
from service.languages.wordlists import folded_set, phrase_set, phrases
from service.text.segmentation import paragraphs, segment

SURE_WORDS = 12  # a sentence of that many words is never furniture by its form
_SHORT_SENTENCE_WORDS = 5
_HEADLINE_WORDS = range(3, 26)
_HEADLINE_CHARS = 180
_KICKER_WORDS = 4
_CLOSED = re.compile(r"[.!?…:][“”\"»«’‘)\]]*$")
_STOPPED = re.compile(r"[.…][“”\"»«’‘)\]]*$")
_INNER_END = re.compile(r"[a-zäöüß]{2}[.!?][“”\"»«)]?\s+[„»\"(]?[A-ZÄÖÜ]")
_VERB = re.compile(
    r"\b(?:ist|sind|war|waren|wird|werden|wurden?|hat|haben|hatten?|kann|können|konnten?|soll|sollen|sollten?|will|wollen|"
    r"wollten?|muss|müssen|mussten?|darf|dürfen|habe|sei|seien|wäre|wären|würden?|sagten?|gibt|gab|geht|ging|kommt|kam|"
    r"steht|stand|liegt|lag|bleibt|blieb|macht|machte|[a-zäöüß]{3,}(?:te|ten))\b"
)


@dataclass(slots=True)
class Line:
    """One line (or wrapped paragraph) of a page and what became of it.

    ``reason`` says why it is taken off, ``doubt`` why it is kept although it may be furniture; ``part`` is headline,
    kicker, lead or body. ``after_blank`` is true where a blank line stands before it.
    """

    text: str
    span: Span
    after_blank: bool
    reason: str | None = None
    doubt: str | None = None
    part: str = "body"
    running: bool = field(init=False)

    def __post_init__(self) -> None:
        self.running = is_running(self.text)

    @property
    def kept(self) -> bool:
        return self.reason is None

    def cut(self, chars: int) -> "tuple[Line, Line]":
        """The line's first ``chars`` code points and the rest, as lines of their own, stripped."""
        head, tail = self.text[:chars].rstrip(), self.text[chars:].lstrip()
        first = Line(head, Span(self.span.start, self.span.start + len(head)), self.after_blank)
        return first, Line(tail, Span(self.span.end - len(tail), self.span.end), after_blank=False)


def read_lines(text: str) -> list[Line]:
    """The paragraphs of ``text`` as lines, in order; everything between them is white space."""
    lines: list[Line] = []
    previous = 0
    for span in paragraphs(text):
        breaks = text[previous : span.start].replace("\r\n", "\n")
        lines.append(Line(span.of(text), span, after_blank=len(breaks.splitlines()) > 1 or not lines))
        previous = span.end
    return lines


def is_running(text: str) -> bool:
    """Whether a line reads as running text: a long sentence, or a short one that is closed by a full stop."""
    words = len(text.split())
    if words >= SURE_WORDS:
        return bool(_CLOSED.search(text[-8:]) or _INNER_END.search(text) or _VERB.search(text))
    return words >= _SHORT_SENTENCE_WORDS and is_stopped(text)


def is_stopped(text: str) -> bool:
    """Whether a full stop or an ellipsis closes the line."""
    return _STOPPED.search(text[-8:]) is not None


def is_headline_like(text: str) -> bool:
    """Whether a line can be a headline: some words, on one line, not closed by a full stop or colon."""
    words = [word for word in text.split() if any(map(str.isalnum, word))]
    if len(text) > _HEADLINE_CHARS or len(words) not in _HEADLINE_WORDS:
        return False
    return not is_stopped(text) and not text.endswith(":")


def is_kicker_like(text: str) -> bool:
    """Whether a line can be a kicker: a few words above a headline."""
    return len(text.split()) <= _KICKER_WORDS and not is_stopped(text) and any(c.isalpha() for c in text)


_NAME = r"[A-ZÄÖÜ][\w'’-]+\.?"
_PERSON = rf"{_NAME}(?:\s(?:(?:von|van|de|der|den|zu|da|di|la|le)\s){{0,2}}{_NAME}){{1,3}}"
_PERSONS = rf"{_PERSON}(?:(?:,\s|\sund\s|\s&\s|\s?/\s?){_PERSON}){{0,4}}"
_PLACE = rf"(?:,\s(?:z\.\s?Zt\.\s)?{_NAME}(?:[\s/]{_NAME})?)?"
_MONTH = r"(?:Jan|Feb|Mär|Apr|Mai|Jun|Jul|Aug|Sep|Okt|Nov|Dez)[a-zä]*\.?"
_WEEKDAY = r"(?:(?:Mo|Di|Mi|Do|Fr|Sa|So)[a-z]*\.?,?\s(?:den\s)?)?"
_DAY = rf"(?:{_WEEKDAY}\d{{1,2}}\.\s?(?:\d{{1,2}}\.|{_MONTH})\s?(?:\d{{4}}|\d{{2}})?|\d{{4}}-\d{{2}}-\d{{2}})"
_FULL_DAY = rf"{_WEEKDAY}\d{{1,2}}\.\s?(?:\d{{1,2}}\.|{_MONTH})\s?\d{{4}}"
_CLOCK = r"(?:um\s)?\d{1,2}[:.]\d{2}(?:\sUhr)?"
_STAMP = rf"{_DAY}(?:\s?[-–,|·•/]?\s?{_CLOCK})?"
_UPDATED = (
    r"(?:Stand|(?:Zuletzt\s|Letzte\s)?[Aa]ktualisier(?:t|ung)|Veröffentlicht|Erschienen|Erstellt|Publiziert|"
    r"Update|Datum)"
)
BARE_NAMES = re.compile(_PERSONS)
_DATED = rf"(?:Von\s)?{_PERSONS}{_PLACE}\s?[-–,|·•]?\s?{_DAY}"
DATED_BYLINE = re.compile(_DATED)
TIMED_BYLINE = re.compile(rf"{_DATED}\s?[-–,|·•/]?\s?{_CLOCK}(?:\sUhr)?")
STAMP_LINE = re.compile(rf"{_STAMP}(?:\sUhr)?")
UPDATED_LINE = re.compile(rf"{_UPDATED}(?:\sam)?\s?:?\s(?:{_STAMP}|{_CLOCK}|vor\s\d+\s\w+)(?:\sUhr)?")
AGO_LINE = re.compile(r"[Vv]or\s\d{1,2}\s(?:Minuten?|Std\.|Stunden?|Tag(?:en)?)")
BYLINE = re.compile(
    rf"(?:[Vv]on:?|Text:|Autor(?:in)?:|Autor:innen:|Redaktion:|Eine?\s\w+\s(?:von|aus)|Aus\s{_NAME}\sberichtet)\s{_PERSONS}{_PLACE}"
)
DESK_BYLINE = re.compile(
    r"[Vv]on\s(?:unsere[rmn]\s(?:Redak|Korrespondent|Reporter|Mitarbeiter|Autor|Gast)\w*(?:,?\s(?:in|aus)\s[\w-]+)?"
    r"|der\sRedaktion|(?:dpa|AFP|Reuters)\b.{0,20})"
)
READING_TIME = re.compile(
    r"(?:Lesezeit|Lesedauer)\s?:?\s?(?:ca\.\s)?\d+\s?(?:[Mm]in\.?|Minuten?)"
    r"|\d+\s?(?:[Mm]in\.?|Minuten?)\s(?:Lesezeit|Lesedauer)|\d{1,2}\s?[Mm]in(?:\.|\sread)?"
)
HOME_LINK = re.compile(r"(?:Zur|Zurück\szur)\s[\w.-]+-Startseite|(?:[\w-]+\.){1,3}(?:de|com|at|ch|net|org)")
COMMENT_COUNT = re.compile(
    r"(?:\d+|(?:Noch\s)?[Kk]eine)\s(?:Kommentare?|Leserkommentare?)|(?:Leserk|K)ommentare?\s\(\d+\)"
)
AGENCY_NUMBER = re.compile(r"(?:©\s?)?(?:dpa(?:-infocom)?,?\s)?dpa:\d{6}-\d{2,3}-\d+/\d+")
COPYRIGHT = re.compile(r"(?:©|\(c\)|\(C\)|Copyright\s(?=©|\d{4}|by\s)|Copyright:)\s?.{1,80}")
_PHOTO = (
    r"(?:Foto|Fotos|Bild|Bilder|Grafik|Infografik|Illustration|Symbolbild|Symbolfoto|Archivbild|Archivfoto|"
    r"Bildquelle|Fotocredit|Rubriklistenbild|Titelbild)"
)
_AGENCY = r"(?:\b(?:dpa|AFP|AP|Reuters|Getty|Imago|IMAGO|imago|picture[ -]alliance|privat|Archiv)\b|/|©)"
PHOTO_CREDIT = re.compile(rf"[(\[|]?{_PHOTO}\s?(?::|©)\s?(?:.{{0,100}}{_AGENCY}.{{0,100}}|{_NAME}(?:\s{_NAME}){{0,3}})")
PICTURE_LINE = re.compile(rf"{_PHOTO}\s?:\s.+")
CAPTION = re.compile(
    rf".{{3,120}}(?:\s?[(\[|]\s?(?:{_PHOTO}|Quelle)\s?(?::|©)\s?[^.!?]{{1,60}}"
    rf"|\s(?:{_PHOTO}|Quelle)\s?(?::|©)\s?[^.!?]{{0,40}}{_AGENCY}[^.!?]{{0,40}})"
)
SOURCE_CREDIT = re.compile(r"[(\[]?Quellen?\s?:\s?.{1,80}[)\]]?")
MEDIA_LINE = re.compile(
    r"(?:Video|Audio|Podcast|Bilderstrecke|Fotostrecke|Galerie|Bildergalerie)\s?(?:[:|]\s?.+|\d{1,2}:\d{2}.*)"
)
MEDIA_LENGTH = re.compile(
    r"(?:Video|Audio|Podcast)\s?[|]?\s?\d{1,2}:\d{2}(?:\s?Min\.?)?|\d{1,2}:\d{2}\s?(?:min|Min\.?)"
)
DATELINE = re.compile(r"[A-ZÄÖÜ][\w/ .-]{1,40}\s?\((?:dpa|AFP|Reuters|AP|KNA|epd|sid|dts)[\w/ -]*\)\s?[-–—.:]?\s")

_END_CHARS = 240  # how far from a paragraph's end what is glued to it may begin
_AFTER_SENTENCE = r"(?<=[.!?…“”\"»«)])(?<!\d\.)"
_AFTER_STOP = r"(?:(?<=[.!?…])|(?<=[.!?…][“”\"»«)]))"
_PHOTO_END = re.compile(rf"{_AFTER_STOP}\s*[(\[|]?(?:{_PHOTO}\s?(?::|©)\s?|©\s?)[^.!?]{{1,80}}$")
_CLEAR_SOURCE_END = re.compile(
    rf"{_AFTER_STOP}\s*Quelle\s?:\s?(?:\([^()]{{1,80}}\)|[^.!?()]{{0,60}}(?:/|\svia\s)[^.!?()]{{1,60}})$"
)
_SOURCE_END = re.compile(rf"{_AFTER_STOP}\s*[(\[]?Quelle\s?:\s?[^.!?]{{1,60}}$")


@cache
def _meta_end() -> re.Pattern[str]:
    """What is glued to a paragraph's end: a name only with a date or glued, a date only with year and time, buttons.

    A date without them may belong to the sentence: "am 24. und 25. Dezember".
    """
    buttons = sorted((re.escape(phrase) for phrase in phrases("controls")), key=len, reverse=True)
    button = rf"(?:{'|'.join(buttons)})"
    clear_button = rf"(?:{'|'.join(phrase for phrase in buttons if ' ' in phrase)})"
    named = rf"\s*(?:Von\s)?{_PERSONS}\s?[-–,|·•]?\s?{_FULL_DAY}(?:\s?[-–,|·•/]?\s?{_CLOCK})?"
    timed = rf"\s*{_FULL_DAY}\s?[-–,|·•/]?\s?{_CLOCK}"
    dated = rf"(?:{named}|{timed})(?:\sUhr)?(?:\s*{button})*"
    return re.compile(rf"{_AFTER_SENTENCE}(?:{dated}|Von\s{_PERSONS}|\s*{clear_button}(?:\s+{button})*)$")


def _tail_chars(pattern: re.Pattern[str], text: str) -> int:
    found = pattern.search(text, max(0, len(text) - _END_CHARS))
    return 0 if found is None else len(text) - found.start()


def glued_meta_chars(text: str) -> int:
    """How many code points at the end of ``text`` are a byline, a time or a button; 0 where none."""
    return _tail_chars(_meta_end(), text)


def photo_credit_chars(text: str) -> int:
    """How many code points at the end of ``text`` are surely a picture's credit; 0 where none."""
    return _tail_chars(_PHOTO_END, text) or _tail_chars(_CLEAR_SOURCE_END, text)


def source_credit_chars(text: str) -> int:
    """How many code points at the end of ``text`` name a source, of a picture or of the report; 0 where none."""
    return _tail_chars(_SOURCE_END, text)


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
    (READING_TIME, "reading_time", "sure"),
    (UPDATED_LINE, "timestamp", "sure"),
    (STAMP_LINE, "timestamp", "context"),
    (TIMED_BYLINE, "byline", "sure"),
    (DATED_BYLINE, "byline", "context"),
    (AGO_LINE, "timestamp", "context"),
    (AGENCY_NUMBER, "agency_credit", "sure"),
    (PHOTO_CREDIT, "photo_credit", "sure"),
    (PICTURE_LINE, "photo_credit", "doubt"),
    (SOURCE_CREDIT, "source_credit", "sure"),
    (CAPTION, "photo_caption", "sure"),
    (HOME_LINK, "control", "context"),
    (COMMENT_COUNT, "control", "sure"),
    (MEDIA_LENGTH, "media", "sure"),
    (MEDIA_LINE, "media", "doubt"),
    (DESK_BYLINE, "byline", "sure"),
    (BYLINE, "byline", "context"),
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
    if len(line) <= _MAX_CHARS and len(line.split()) < SURE_WORDS and COPYRIGHT.fullmatch(line):
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
        named = len(others) == 1 and len(reasons) + 1 == len(parts) and BARE_NAMES.fullmatch(others[0])
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
