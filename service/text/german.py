"""The German layer over a general sentence splitter: where its boundaries are wrong, and where some are missing."""

import re
from collections.abc import Iterator
from functools import cache

from service.text.phrases import folded_set, phrase_set, phrases

_TAIL_CHARS = 60  # how far back a decision looks; no German abbreviation is longer
_OPENING = "„»«“\"'‚›‹([{"
_LAST_TOKEN = re.compile(r"(\S+)\s*$")
_TWO_LAST_TOKENS = re.compile(r"(?:(\S+)\s+)?(\S+)\s*$")
_WORD = re.compile(r"[^\W_]+")
_MARKER = re.compile(r"\W*(?:\d{1,3}|[IVX]+|[A-Za-z])[.)]+$")
_ORDINAL = re.compile(r"(?:\d{1,2}[./])*\d{1,3}\.$")
_BEFORE_ORDINAL = frozenset({"und", "oder", "bis", "-", "–", "—"})
_ROMAN = re.compile(r"[IVXL]{2,}\.$")
_ADDRESS = re.compile(r"://|www\.|@|\.(?:de|com|org|net|eu|at|ch|info|tv|io|me|uk|fr)(?:[/.:,)]|$)", re.IGNORECASE)
_SHORT_PARTS = re.compile(r"(?:^|\W)(?:[^\W\d_]|\d{1,3})\.$")

_CITED = '”“"»«’‘'
_NUMBER_NEXT = re.compile(rf"([^\W\d_]{{3,}})[{_CITED}]?[.!?][{_CITED}]?\s+(?=\d)")
_YEARS = re.compile(r"(?<!\d)(?:19|20)\d{2}\.\s+(?=(?:19|20)\d{2}\s)")
_SOURCE_NEXT = re.compile(r"(?<=[a-zäöüß)][.!?])\s+(?=\([a-z]{2,8}\)\s[A-ZÄÖÜ]|[`´][A-ZÄÖÜ])")  # "(dpa) Die …"
_PARENTHESIS = re.compile(r"[.!?…][)\]]\s+(?=[\"„»«(]?[^\W\d_a-zäöüß])")
_ELLIPSIS = re.compile(r"…\s+(?=([^\W\d_]+))")
_INITIAL = re.compile(r"(?<![\w.])[A-ZÄÖÜ]\.\s+(?=([^\W\d_]+))")


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
    for match in _NUMBER_NEXT.finditer(text):
        if _can_end_sentence(match[1]):
            yield match.end()
    yield from (match.end() for pattern in (_YEARS, _SOURCE_NEXT) for match in pattern.finditer(text))
    for match in _PARENTHESIS.finditer(text):
        if _opens_sentence(text, match.start()):
            yield match.end()
    for pattern in (_ELLIPSIS, _INITIAL, _final_abbreviation()):
        yield from (match.end() for match in pattern.finditer(text) if match[1] in phrase_set("sentence_starters"))


@cache
def _final_abbreviation() -> re.Pattern[str]:
    """An abbreviation that may end a sentence, and the word after it."""
    spelt = (re.escape(phrase).replace(r"\ ", r"\s?") for phrase in phrases("final_abbreviations"))
    return re.compile(rf"(?<![\w.])(?:{'|'.join(spelt)})\.[{_CITED})]?\s+[„»\"]?(?=([^\W\d_]+))", re.IGNORECASE)


def _starts_sentence(right: str) -> bool:
    word = _WORD.match(right.lstrip(_OPENING))
    return word is not None and word[0] in phrase_set("sentence_starters")


def _is_one_token(left: str, right: str) -> bool:
    """Whether the stop stands inside an address, an abbreviation such as "z.B." or a number."""
    last, first = _LAST_TOKEN.search(left), right.split(maxsplit=1)[0]
    token = last[1] if last else left
    if _ADDRESS.search(token + first) or _SHORT_PARTS.search(token):
        return True
    return not (first[0].isupper() or first[0].isdigit() or first[0] in _OPENING)


def _is_ordinal(left: str, right: str) -> bool:
    tokens = _TWO_LAST_TOKENS.search(left)
    if tokens is None:
        return False
    before, number = tokens[1] or "", tokens[2].lstrip(_OPENING)
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
    last = _LAST_TOKEN.search(left)
    if last is None or not last[1].endswith("."):
        return False
    return _is_known(last[1].lstrip(_OPENING)[:-1]) and not _starts_sentence(right)


def _is_known(word: str) -> bool:
    return word in phrase_set("abbreviations") or word.casefold() in folded_set("final_abbreviations")


def _can_end_sentence(word: str) -> bool:
    return not _is_known(word) and re.search("[aeiouyäöü]", word, re.IGNORECASE) is not None


def _opens_sentence(text: str, stop: int) -> bool:
    """Whether the bracket that closes after ``stop`` opened where a sentence begins."""
    opened = max(text.rfind("(", max(0, stop - 2_000), stop), text.rfind("[", max(0, stop - 2_000), stop))
    before = text[max(0, opened - 3) : max(0, opened)].rstrip()
    return opened >= 0 and (not before or before[-1] in f".!?…{_CITED}")
