"""German number words: zwölf, zweihundertfünfzig, zweieinhalb, elfjährig, dritte."""

import re
from fractions import Fraction
from functools import lru_cache

from service.languages.base import ParsedNumber
from service.languages.wordlists import pairs

_ONES = dict(zip("ein zwei drei vier fünf sechs sieben acht neun".split(), range(1, 10), strict=True))
_TEENS = "zehn elf zwölf dreizehn vierzehn fünfzehn sechzehn siebzehn achtzehn neunzehn"
_TENS = "zwanzig dreißig vierzig fünfzig sechzig siebzig achtzig neunzig"
_SPELT = {"eins": 1, "zwo": 2, "dreissig": 30, "sieb": 7, "drit": 3, "": 0}
_VALUES = {
    **_ONES,
    **_SPELT,
    **dict(zip(_TEENS.split(), range(10, 20), strict=True)),
    **dict(zip(_TENS.split(), range(20, 100, 10), strict=True)),
}
_ONE = f"(?:{'|'.join(_ONES)}|zwo)"
_TEN = f"(?:{_TENS.replace(' ', '|')}|dreissig)"
_TEEN = f"(?:{_TEENS.replace(' ', '|')})"
_BELOW_100 = f"(?:(?:{_ONE}und)?{_TEN}|{_TEEN}|eins|{_ONE})"
_BELOW_1000 = f"(?:(?:{_TEEN}|{_ONE})?hundert(?:und)?{_BELOW_100}?|{_BELOW_100})"
_NUMBER = re.compile(f"(?:{_BELOW_1000}?tausend(?:und)?{_BELOW_1000}?|{_BELOW_1000}|drit(?=te|tt)|sieb(?=te))")
_COUNTED = re.compile(
    r"(?:(?:jähr|köpf|täg|stünd|monat|wöch|minüt|stöck|stell|teil|tür|seit|spur|sprach|prozent|stuf|bänd)\w*"
    r"|mal(?:ig\w*)?|fach\w*)?"
)
_ORDINAL = re.compile(r"s?t(?:e[nrsm]?|ens)")
_LEAST_ORDINAL = 3
_SCALES = (
    ("milliardä", None),
    ("millionä", None),
    ("million", 10**6),
    ("mio", 10**6),
    ("milliard", 10**9),
    ("mrd", 10**9),
    ("billion", 10**12),
    ("tausend", 10**3),
    ("tsd", 10**3),
    ("hundert", 100),
    ("dutzend", 12),
)
_SCALE_NAMES = tuple(name for name, _ in _SCALES)
_PLURALS = {"millionen": 10**6, "milliarden": 10**9, "billionen": 10**12}
_MOST_CHARS = 60


def scale(word: str) -> Fraction | None:
    """By what a word multiplies the number before it; compounds count ("Millionenbetrag")."""
    lower = word.lower()
    if not lower.startswith(_SCALE_NAMES):  # as most words do not
        return None
    return next((None if by is None else Fraction(by) for name, by in _SCALES if lower.startswith(name)), None)


@lru_cache(maxsize=20_000)
def read(word: str) -> ParsedNumber | None:
    """What number a word says or hints at; None for no number."""
    lower = word.lower()
    if len(lower) > _MOST_CHARS:
        return None
    hints = _hints(lower)
    if lower in _PLURALS:
        return ParsedNumber(frozenset({Fraction(_PLURALS[lower])}), hints, certain=True)
    if lower == "anderthalb" or lower.startswith("anderthalb"):
        return ParsedNumber(frozenset({Fraction(3, 2)}), hints, certain=False)
    found = _NUMBER.match(lower)
    if found is None:
        halved = lower.startswith("halb")
        return ParsedNumber(frozenset({Fraction(1, 2)} if halved else ()), hints, certain=False) if hints else None
    return _part(found.group(), lower[found.end() :], hints)


def _part(spelt: str, rest: str, hints: frozenset[Fraction]) -> ParsedNumber:
    number = Fraction(_value(spelt))
    if rest.startswith("einhalb"):
        return ParsedNumber(frozenset({number + Fraction(1, 2)}), hints, certain=True)
    if rest.startswith("er"):  # die Fünfziger, die Zwanzigerjahre
        return ParsedNumber(frozenset({number}), hints | {1900 + number}, certain=False)
    counted = _COUNTED.fullmatch(rest) is not None
    ordinal = _ORDINAL.fullmatch(rest) is not None and number >= _LEAST_ORDINAL and spelt != "acht"
    if counted or ordinal:
        return ParsedNumber(frozenset({number}), hints, certain=number > 1)
    articled = spelt == "ein" and rest in {"e", "er", "en", "em", "es"}
    return ParsedNumber(frozenset({number} if articled else ()), hints | {number}, certain=False)


def _value(spelt: str) -> int:
    for name, by in (("tausend", 1000), ("hundert", 100)):
        head, found, tail = spelt.partition(name)
        if found:
            return (_value(head) or 1) * by + _value(tail.removeprefix("und"))
    if spelt in _VALUES:
        return _VALUES[spelt]
    ones, _, tens = spelt.partition("und")
    return _VALUES[ones] + _VALUES[tens]


def _hints(lower: str) -> frozenset[Fraction]:
    hinted = pairs("number_hints_de")
    found = {Fraction(value) for end in range(3, len(lower) + 1) for value in hinted.get(lower[:end], ())}
    found |= {Fraction(by) for name, by in _SCALES if by and name in lower}
    return frozenset(found)
