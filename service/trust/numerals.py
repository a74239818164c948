"""Numbers written in digits, in German (1.234,5) and English (1,234.5) notation."""

import re
from fractions import Fraction
from functools import lru_cache

from service.trust.facts import Language

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
