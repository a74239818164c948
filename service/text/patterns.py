"""The forms of bylines, times and credits on German news pages, for whole lines and at the end of a paragraph."""

import re
from functools import cache

from service.text.phrases import phrases

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
