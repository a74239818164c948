"""The German layer over a general sentence splitter: where its boundaries are wrong, and where some are missing."""

import re
from collections.abc import Iterator
from functools import cache

from service.languages.wordlists import folded_set, phrase_set, phrases

_TAIL_CHARS = 60  # how far back a decision looks; no German abbreviation is longer
_OPENING = "„»«“\"'‚›‹([{"
_WORD = re.compile(r"[^\W_]+")
_MARKER = re.compile(r"\W*(?:\d{1,3}|[IVX]+|[A-Za-z])[.)]+$")
_ORDINAL = re.compile(r"(?:\d{1,2}[./])*\d{1,3}\.$")
_BEFORE_ORDINAL = frozenset({"und", "oder", "bis", "-", "–", "—"})
_ROMAN = re.compile(r"[IVXL]{2,}\.$")
_ADDRESS = re.compile(r"://|www\.|@|\.(?:de|com|org|net|eu|at|ch|info|tv|io|me|uk|fr)(?:[/.:,)]|$)", re.IGNORECASE)
_SHORT_PARTS = re.compile(r"(?:^|\W)(?:[^\W\d_]|\d{1,3})\.$")

_CITED = '”“"»«’‘'
_DIGIT_NEXT = re.compile(rf"[.!?][{_CITED}]?\s+\d")
"""Stands wherever the next two do, and is found much faster."""
_NUMBER_NEXT = re.compile(rf"([^\W\d_]{{3,}})[{_CITED}]?[.!?][{_CITED}]?\s+(?=\d)")
_YEARS = re.compile(r"(?<!\d)(?:19|20)\d{2}\.\s+(?=(?:19|20)\d{2}\s)")
_SOURCE_NEXT = re.compile(r"(?<=[a-zäöüß)][.!?])\s+(?=\([a-z]{2,8}\)\s[A-ZÄÖÜ]|[`´][A-ZÄÖÜ])")  # "(dpa) Die …"
_PARENTHESIS = re.compile(r"[.!?…][)\]]\s+(?=[\"„»«(]?[^\W\d_a-zäöüß])")
_ELLIPSIS = re.compile(r"…\s+(?=([^\W\d_]+))")
_STOP = re.compile(rf"\.[{_CITED})]?\s+[„»\"]?(?=([^\W\d_]+))")
_INITIAL = re.compile(r"(?<![\w.])[A-ZÄÖÜ]\.\s+(?=[^\W\d_])")


def belongs_together(text: str, start: int, boundary: int) -> bool:
    """Whether the sentence that began at ``start`` goes on after ``boundary``, against the splitter's view."""
    left = text[max(start, boundary - _TAIL_CHARS) : boundary].rstrip()
    right = text[boundary : boundary + _TAIL_CHARS].lstrip()
    if not left or not right:
        return False
    if right[0] in ",;:)]}" or (boundary - start < _TAIL_CHARS and _MARKER.fullmatch(left)):
        return True
    glued = not text[boundary - 1].isspace() and not text[boundary].isspace()
    return (glued and _is_one_token(left, right)) or _is_ordinal(left, right) or _is_abbreviated(left, right)


def missing_boundaries(text: str) -> Iterator[int]:
    """Where sentences begin that a general splitter overlooks, as offsets into ``text``, in no order."""
    if _DIGIT_NEXT.search(text):
        yield from (match.end() for match in _NUMBER_NEXT.finditer(text) if _can_end_sentence(match[1]))
        yield from (match.end() for match in _YEARS.finditer(text))
    if "(" in text or "`" in text or "´" in text:
        yield from (match.end() for match in _SOURCE_NEXT.finditer(text))
    if ")" in text or "]" in text:
        yield from (match.end() for match in _PARENTHESIS.finditer(text) if _opens_sentence(text, match.start()))
    starters = phrase_set("sentence_starters")
    yield from (match.end() for match in _ELLIPSIS.finditer(text) if match[1] in starters)
    # From the stop backwards, since few words have one.
    stops = (match for match in _STOP.finditer(text) if match[1] in starters)
    yield from (match.end() for match in stops if _may_end_sentence(text, match.start()))


def _may_end_sentence(text: str, stop: int) -> bool:
    """Whether an initial or an abbreviation that may be a sentence's last word stands before the stop."""
    pattern, most_chars = _final_abbreviation()
    if pattern.search(text, max(0, stop - most_chars), stop):
        return True
    return stop > 0 and _INITIAL.match(text, stop - 1) is not None


@cache
def _final_abbreviation() -> tuple[re.Pattern[str], int]:
    """An abbreviation that may end a sentence, at a text's end; and how many characters the longest has."""
    known = phrases("final_abbreviations")
    spelt = "|".join(re.escape(phrase).replace(r"\ ", r"\s?") for phrase in known)
    return re.compile(rf"(?<![\w.])(?:{spelt})\Z", re.IGNORECASE), max(map(len, known))


def _starts_sentence(right: str) -> bool:
    word = _WORD.match(right.lstrip(_OPENING))
    return word is not None and word[0] in phrase_set("sentence_starters")


def _is_one_token(left: str, right: str) -> bool:
    """Whether the stop stands inside an address, an abbreviation such as "z.B." or a number."""
    token, first = _last(left), right.split(maxsplit=1)[0]
    if _ADDRESS.search(token + first) or _SHORT_PARTS.search(token):
        return True
    return not (first[0].isupper() or first[0].isdigit() or first[0] in _OPENING)


def _is_ordinal(left: str, right: str) -> bool:
    before, last = ("", *left.rsplit(maxsplit=2)[-2:])[-2:]
    number = last.lstrip(_OPENING)
    if _ROMAN.fullmatch(number):
        return not _starts_sentence(right)
    word = _WORD.match(right)
    if not _ORDINAL.fullmatch(number) or word is None:
        return False
    if word[0] in phrase_set("ordinal_nouns"):
        return True
    counted = before.lstrip(_OPENING).lower() in folded_set("determiners") or before in _BEFORE_ORDINAL
    return (counted or before.endswith(":") or _ORDINAL.fullmatch(before) is not None) and not _starts_sentence(right)


def _is_abbreviated(left: str, right: str) -> bool:
    return left.endswith(".") and _is_known(_last(left).lstrip(_OPENING)[:-1]) and not _starts_sentence(right)


def _last(text: str) -> str:
    """The last word of a text that ends with one, and what touches it."""
    return text.rsplit(maxsplit=1)[-1]


def _is_known(word: str) -> bool:
    return word in phrase_set("abbreviations") or word.casefold() in folded_set("final_abbreviations")


def _can_end_sentence(word: str) -> bool:
    return not _is_known(word) and re.search("[aeiouyäöü]", word, re.IGNORECASE) is not None


def _opens_sentence(text: str, stop: int) -> bool:
    """Whether the bracket that closes after ``stop`` opened where a sentence begins."""
    opened = max(text.rfind("(", max(0, stop - 2_000), stop), text.rfind("[", max(0, stop - 2_000), stop))
    before = text[max(0, opened - 3) : max(0, opened)].rstrip()
    return opened >= 0 and (not before or before[-1] in f".!?…{_CITED}")
