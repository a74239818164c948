"""Numbers of a German or English text, in digits or in words."""

import re
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from functools import lru_cache
from itertools import zip_longest
from typing import NamedTuple

from service.checks.base import Fact, Language, number_keys
from service.domain import Span
from service.languages.base import ParsedNumber
from service.languages.de import numbers as german_numbers
from service.languages.en import numbers as english_numbers

MOST_DIGITS = 30  # longer runs are no quantities, and big numbers cost time
_GROUPED = {
    "de": r"\d{1,3}(?:(?:\.\d{3})+|(?:['’\u00a0\u202f ]\d{3})+)(?![\d])(?:,\d+)?",
    "en": r"\d{1,3}(?:(?:,\d{3})+|(?:['’\u00a0\u202f ]\d{3})+)(?![\d])(?:\.\d+)?",
}
_PLAIN = r"\d+(?:[.,]\d+(?![.,]?\d))?"
_BARE_DECIMALS = r"(?<![\w.,])[.,]\d+(?![.,]?\d)"
NUMERAL = {
    language: rf"(?<![\d.,])(?:{grouped}|{_PLAIN})|{_BARE_DECIMALS}|(?<=[.,])\d+|[½¼¾]"
    for language, grouped in _GROUPED.items()
}
"""One pattern a language; what it does not join ("4.5.2018") is several numerals."""
_VULGAR = {"½": Fraction(1, 2), "¼": Fraction(1, 4), "¾": Fraction(3, 4)}
_GROUP_DIGITS = 3


def values(numeral: str, language: Language) -> frozenset[Fraction]:
    """What ``numeral`` may mean, without its sign; more than one value where usage differs (1,500 in German)."""
    return frozenset() if len(numeral) > MOST_DIGITS else _values(numeral, language)


@lru_cache(maxsize=2_000)
def _values(numeral: str, language: Language) -> frozenset[Fraction]:
    if numeral in _VULGAR:
        return frozenset({_VULGAR[numeral]})
    group, point = (".", ",") if language == "de" else (",", ".")
    if " " in numeral:  # "10 000", or two numbers in a row
        parts = [part for piece in numeral.split(" ") for part in values(piece, language)]
        return frozenset({*values(numeral.replace(" ", "\u202f"), language), *parts})
    plain = re.sub(r"['’\u00a0\u202f]", "", numeral)
    whole, _, decimals = plain.partition(point)
    if decimals:
        found = {_decimal(whole.replace(group, ""), decimals)}
        if language == "de" and len(decimals) == _GROUP_DIGITS and group not in whole and whole != "0":
            found.add(Fraction(int(whole + decimals)))
        return frozenset(found)
    head, _, tail = whole.partition(group)
    if not tail or (len(tail.rpartition(group)[2]) == _GROUP_DIGITS and head != "0"):
        return frozenset({Fraction(int(whole.replace(group, "")))})
    return frozenset({_decimal(head, tail)})


def _decimal(whole: str, decimals: str) -> Fraction:
    return Fraction(int((whole or "0") + decimals), 10 ** len(decimals))


_TOKEN = {
    language: re.compile(rf"(?![½¼¾])[^\W\d_]+|(?=[\d.,½¼¾])({numeral})") for language, numeral in NUMERAL.items()
}
"""Words and, as group 1, numerals, which begin as no word does; words come first, for they are more."""
_READ: dict[Language, Callable[[str], ParsedNumber | None]] = {"de": german_numbers.read, "en": english_numbers.read}
_SCALE: dict[Language, Callable[[str], Fraction | None]] = {
    "de": german_numbers.scale,
    "en": english_numbers.scale,
}
_JOINING = re.compile(r"[ \u00a0\u202f]?|-|\.-")
_HALF_MORE = re.compile(r"[ -]and[ -]a[ -]half\b")
_POINTED_AT = re.compile(r"\b(?:the|these|those) $")
_ONE = Fraction(1)
_MOST_SCALES = 2
_AND = re.compile(r"[ -](?:and )?")
_RANGE = re.compile(r"\s?(?:-|–|—|bis(?: zu)?|to|and|und|or|oder|/)\s?(?:\$|€|£|a |an )?")
_YEAR_BEFORE = re.compile(r"(?:1[89]|20)\d\d[/–-]")
_DECADE_AFTER = re.compile(r"er|['’]?s\b")
_YEAR_CHARS = 5
_CENTURIES = (1900, 2000)


_Token = re.Match[str]


class _Quantity(NamedTuple):
    """A number and the scale that was applied to it (1: none)."""

    span: Span
    part: ParsedNumber
    scale: Fraction


def scale(word: str, language: Language) -> bool:
    """Whether ``word`` multiplies the number before it."""
    return _SCALE[language](word) is not None


def numbers(text: str, language: Language) -> list[Fact]:
    """The numbers of ``text``, in order."""
    found = list(_quantities(text, language))
    return [_fact(one) for one in _with_ranges(text, found)]


def _quantities(text: str, language: Language) -> Iterator[_Quantity]:
    tokens = list(_TOKEN[language].finditer(text))
    read, end = _READ[language], 0
    for place, first in enumerate(tokens):
        if place < end:
            continue
        is_numeral = first.lastindex is not None
        part = _numeral(text, first, language) if is_numeral else read(first[0])
        if part is None:
            continue
        end = place + 1
        if language == "en" and not is_numeral:
            part, end = _in_english(text, tokens, place, part)
        part, end, by = _scaled(text, tokens, end, part, language)
        yield _Quantity(Span(first.start(), tokens[end - 1].end()), part, by)


def _numeral(text: str, token: _Token, language: Language) -> ParsedNumber:
    found = values(token[0], language)
    return ParsedNumber(found | _years(text, token, found), frozenset(), certain=bool(found))


def _years(text: str, token: _Token, found: frozenset[Fraction]) -> frozenset[Fraction]:
    """The years that "90er", "1990s", "'90" and the 18 of "2017/18" may be, with and without their century."""
    before = text[max(0, token.start() - _YEAR_CHARS) : token.start()]
    if not (
        _DECADE_AFTER.match(text, token.end()) or _YEAR_BEFORE.fullmatch(before) or before.endswith(("'", "’", "`"))
    ):
        return frozenset()
    short = {value - century for value in found for century in _CENTURIES if century <= value < century + 100}
    return frozenset(short | {century + value for value in found if value < 100 for century in _CENTURIES})  # noqa: PLR2004 - a year's last two digits


def _in_english(text: str, tokens: Sequence[_Token], place: int, part: ParsedNumber) -> tuple[ParsedNumber, int]:
    """What becomes of an English number word beside its neighbours, and the place after those it takes in."""
    if part.certain and _may_be_more_than_a_number(text, tokens[place]):
        part = part._replace(certain=False)
    return _added(text, tokens, place, part) if part.values else (part, place + 1)


def _may_be_more_than_a_number(text: str, token: _Token) -> bool:
    """Whether an English number word may be a name ("Six Nations") or an article's companion ("the two do differ")."""
    before = text[max(0, token.start() - 6) : token.start()]
    return (token[0][0].isupper() and before[-2:-1].isalpha()) or _POINTED_AT.search(before) is not None


def _added(text: str, tokens: Sequence[_Token], place: int, part: ParsedNumber) -> tuple[ParsedNumber, int]:
    """English number words that add up: "twenty-one", "two hundred and fifty"; and the place after them."""
    (total,) = part.values
    end, certain, limit = place + 1, part.certain, _room(tokens[place][0], total)
    while end < len(tokens) and (word := tokens[end][0].lower()) in english_numbers.ADDED:
        gap = text[tokens[end - 1].end() : tokens[end].start()]
        if word == "hundred" and _JOINING.fullmatch(gap) and total < 100:  # noqa: PLR2004 - "nineteen hundred"
            total, limit, certain = total * 100, Fraction(100), True
        elif word == "and" and limit == 100 and end + 1 < len(tokens) and _adds(tokens[end + 1], limit):  # noqa: PLR2004 - after "hundred"
            pass
        elif _adds(tokens[end], limit) and _AND.fullmatch(gap):
            value = Fraction(english_numbers.WORDS.get(word) or english_numbers.ORDINALS[word])
            total, limit, certain = total + value, _room(word, value), True
        else:
            break
        end += 1
    return (part if end == place + 1 else ParsedNumber(frozenset({total}), part.hints, certain)), end


def _room(word: str, value: Fraction) -> Fraction:
    """What may still be added below: after tens ones, after a hundred what is less, after ones nothing."""
    if word.lower() == "hundred":
        return Fraction(100)
    return Fraction(10) if word.lower().endswith("ty") and value < 100 else Fraction(0)  # noqa: PLR2004 - tens


def _adds(token: _Token, limit: Fraction) -> bool:
    word = token[0].lower()
    value = english_numbers.WORDS.get(word) or english_numbers.ORDINALS.get(word)
    return value is not None and value < limit


def _scaled(
    text: str, tokens: Sequence[_Token], end: int, part: ParsedNumber, language: Language
) -> tuple[ParsedNumber, int, Fraction]:
    """The number times the scales after it, and the place after them."""
    by, scales = _ONE, 0
    while part.values and scales < _MOST_SCALES and (place := _scale_place(text, tokens, end, language)) is not None:
        word = tokens[place][0]
        found = _SCALE[language](word) or by
        if language == "en" and word.lower() in english_numbers.LETTERS:
            if tokens[place].start() > tokens[end - 1].end() or tokens[end - 1].lastindex is None:
                break
            return ParsedNumber(part.values | _times(part.values, found), part.hints, certain=True), place + 1, found
        part = ParsedNumber(_times(part.values, found), part.hints | {found}, certain=True)
        by, scales, end = by * found, scales + 1, place + 1
    if language == "en" and _HALF_MORE.match(text, tokens[end - 1].end()):
        part = part._replace(values=part.values | {value + by / 2 for value in part.values})
    return part, end, by


def _scale_place(text: str, tokens: Sequence[_Token], end: int, language: Language) -> int | None:
    """Where the scale stands that belongs to the number before ``end``, past the article of "half a million"."""
    if tokens[end - 1][0].lower() == "half" and end + 1 < len(tokens) and tokens[end][0].lower() == "a":
        end += 1
    if end >= len(tokens) or _SCALE[language](tokens[end][0]) is None:  # which no numeral is
        return None
    gap = text[tokens[end - 1].end() : tokens[end].start()]
    return end if _JOINING.fullmatch(gap) else None


def _times(found: frozenset[Fraction], by: Fraction) -> frozenset[Fraction]:
    return frozenset(value * by for value in found)


def _with_ranges(text: str, found: Sequence[_Quantity]) -> Iterator[_Quantity]:
    """In "5 bis 7 Millionen" the first may be millions too."""
    for one, following in zip_longest(found, found[1:]):
        if following is not None and following.scale > 1 and one.scale == 1 and one.part.values:
            between = text[one.span.end : following.span.start]
            if _RANGE.fullmatch(between):
                part = one.part._replace(values=one.part.values | _times(one.part.values, following.scale))
                yield one._replace(part=part)
                continue
        yield one


def _fact(one: _Quantity) -> Fact:
    return Fact("number", one.span, number_keys(one.part.values), number_keys(one.part.hints), one.part.certain)
