"""English number words: twelve, twenty-one, two hundred and fifty, third, half a million."""

from fractions import Fraction
from functools import lru_cache

from service.languages.base import ParsedNumber
from service.languages.wordlists import pairs

_ONES = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen"
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_ORDINALS = "third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth"
WORDS = {
    **{word: value for value, word in enumerate(f"{_ONES} eighteen nineteen".split(), 1)},
    **{word: 10 * value for value, word in enumerate(_TENS.split(), 2)},
}
_DECADES = {f"{word[:-1]}ies": value for word, value in WORDS.items() if word.endswith("ty")}
_MORE_ORDINALS = {f"{word[:-1]}ieth": value for word, value in WORDS.items() if word.endswith("ty")}
_TEENTHS = {f"{word}th": value for word, value in WORDS.items() if word.endswith("teen")}
ORDINALS = {
    **{word: value for value, word in enumerate(_ORDINALS.split(), 3)},
    **_MORE_ORDINALS,
    **_TEENTHS,
}
ADDED = frozenset({"hundred", "and", *WORDS, *ORDINALS})
"""The words that may stand in a number beside its first."""
_SCALES = {
    **dict.fromkeys(("hundred", "hundreds"), 100),
    **dict.fromkeys(("thousand", "thousands", "k"), 10**3),
    **dict.fromkeys(("million", "millions", "mn", "mln", "m"), 10**6),
    **dict.fromkeys(("billion", "billions", "bn", "bln", "b"), 10**9),
    **dict.fromkeys(("trillion", "trillions", "tn", "trn"), 10**12),
    **dict.fromkeys(("dozen", "dozens"), 12),
}
LETTERS = frozenset("kmb")
"""Scales that are units and initials too: they count only where they touch their numeral."""
_PLURALS = {"millions": 10**6, "billions": 10**9, "trillions": 10**12}


def scale(word: str) -> Fraction | None:
    """By what a word multiplies the number before it."""
    found = _SCALES.get(word.lower())
    return None if found is None else Fraction(found)


@lru_cache(maxsize=20_000)
def read(word: str) -> ParsedNumber | None:
    """What number a word says or hints at; None for no number."""
    lower = word.lower()
    hints = frozenset(Fraction(value) for value in pairs("number_hints_en").get(lower, ()))
    if lower in _DECADES:
        return ParsedNumber(
            frozenset({Fraction(_DECADES[lower])}), hints | {Fraction(1900 + _DECADES[lower])}, certain=False
        )
    value = WORDS.get(lower) or _PLURALS.get(lower)
    if value is not None:
        return ParsedNumber(frozenset({Fraction(value)}), hints, certain=value > 1)
    if lower in ORDINALS:
        return ParsedNumber(frozenset({Fraction(ORDINALS[lower])}), hints, certain=lower != "third")
    if lower in {"a", "an", "half", "hundred", "thousand", "dozen"}:
        spelt = {"half": Fraction(1, 2), "hundred": Fraction(100), "thousand": Fraction(1000), "dozen": Fraction(12)}
        return ParsedNumber(frozenset({spelt.get(lower, Fraction(1))}), hints, certain=False)
    return ParsedNumber(frozenset(), hints, certain=False) if hints else None
