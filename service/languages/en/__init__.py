"""The English language package."""

import re
import unicodedata
from collections.abc import Sequence
from fractions import Fraction
from functools import cache, lru_cache
from pathlib import Path

from spellchecker import SpellChecker

from service.languages.base import (
    NUMERIC_DATE,
    YEAR,
    DateGrammar,
    Language,
    NameGrammar,
    NegationGrammar,
    NumberGrammar,
    ParsedNumber,
    SentenceGrammar,
    Token,
    UnitGrammar,
    WrittenAmount,
    WrittenDate,
    WrittenNumber,
    WrittenTime,
    WrittenValue,
)
from service.languages.en.house_style import style_rules
from service.languages.house_style import HouseStyle
from service.languages.wordlists import WordLists

_LISTS = WordLists(Path(__file__).parent / "data")

_ONES = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen"
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_ORDINALS = "third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth"
_CARDINAL_VALUES = {
    **{word: value for value, word in enumerate(f"{_ONES} eighteen nineteen".split(), 1)},
    **{word: 10 * value for value, word in enumerate(_TENS.split(), 2)},
}
_DECADES = {f"{word[:-1]}ies": value for word, value in _CARDINAL_VALUES.items() if word.endswith("ty")}
_ORDINAL_VALUES = {
    **{word: value for value, word in enumerate(_ORDINALS.split(), 3)},
    **{f"{word[:-1]}ieth": value for word, value in _CARDINAL_VALUES.items() if word.endswith("ty")},
    **{f"{word}th": value for word, value in _CARDINAL_VALUES.items() if word.endswith("teen")},
}
_INNER_WORDS = frozenset({"hundred", "and", *_CARDINAL_VALUES, *_ORDINAL_VALUES})  # inside multi-word numbers
_SCALES = {
    **dict.fromkeys(("hundred", "hundreds"), 100),
    **dict.fromkeys(("thousand", "thousands", "k"), 10**3),
    **dict.fromkeys(("million", "millions", "mn", "mln", "m"), 10**6),
    **dict.fromkeys(("billion", "billions", "bn", "bln", "b"), 10**9),
    **dict.fromkeys(("trillion", "trillions", "tn", "trn"), 10**12),
    **dict.fromkeys(("dozen", "dozens"), 12),
}
_PLURALS = {"millions": 10**6, "billions": 10**9, "trillions": 10**12}
_HINTS = _LISTS.pairs("number_hints")
_AND = re.compile(r"[ -](?:and )?")
_JOINING = re.compile(r"[ \u00a0\u202f]?|-|\.-")
_POINTED_AT = re.compile(r"\b(?:the|these|those) $")  # "the two" may be people whom the source names


def _scale(word: str) -> Fraction | None:
    found = _SCALES.get(word.lower())
    return None if found is None else Fraction(found)


@lru_cache(maxsize=20_000)
def _read(word: str) -> ParsedNumber | None:
    lower = word.lower()
    hints = frozenset(Fraction(value) for value in _HINTS.get(lower, ()))
    if lower in _DECADES:
        decade = _DECADES[lower]
        return ParsedNumber(frozenset({Fraction(decade)}), hints | {Fraction(1900 + decade)}, certain=False)
    value = _CARDINAL_VALUES.get(lower) or _PLURALS.get(lower)
    if value is not None:
        return ParsedNumber(frozenset({Fraction(value)}), hints, certain=value > 1)
    if lower in _ORDINAL_VALUES:
        return ParsedNumber(frozenset({Fraction(_ORDINAL_VALUES[lower])}), hints, certain=lower != "third")
    if lower in {"a", "an", "half", "hundred", "thousand", "dozen"}:
        spelt = {"half": Fraction(1, 2), "hundred": Fraction(100), "thousand": Fraction(1000), "dozen": Fraction(12)}
        return ParsedNumber(frozenset({spelt.get(lower, Fraction(1))}), hints, certain=False)
    return ParsedNumber(frozenset(), hints, certain=False) if hints else None


def _extend(text: str, tokens: Sequence[Token], place: int, part: ParsedNumber) -> tuple[ParsedNumber, int]:
    """Return the number that begins with the token at index ``place``, and the index of the token after the number.

    ``part`` is the meaning of the first word. The values of the words are combined ("twenty-one", "two hundred and
    fifty").
    """
    if part.certain and _may_be_no_number(text, tokens[place]):
        part = part._replace(certain=False)
    return _sum(text, tokens, place, part) if part.values else (part, place + 1)


def _may_be_no_number(text: str, token: Token) -> bool:
    """Return whether a number word may belong to a name ("Six Nations") or to a phrase such as "the two".

    The first applies to a capitalised word after another word, and the second to "one" and "two" after "the", "these"
    or "those".
    """
    before = text[max(0, token.start() - 6) : token.start()]
    pointed = token[0].lower() in {"one", "two"} and _POINTED_AT.search(before) is not None
    return pointed or (token[0][0].isupper() and before[-2:-1].isalpha())


def _sum(text: str, tokens: Sequence[Token], place: int, part: ParsedNumber) -> tuple[ParsedNumber, int]:
    (total,) = part.values
    end, certain, limit = place + 1, part.certain, _room(tokens[place][0], total)
    while end < len(tokens) and (word := tokens[end][0].lower()) in _INNER_WORDS:
        gap = text[tokens[end - 1].end() : tokens[end].start()]
        if word == "hundred" and _JOINING.fullmatch(gap) and total < 100:  # noqa: PLR2004 - "nineteen hundred"
            total, limit, certain = total * 100, Fraction(100), True
        elif word == "and" and limit == 100 and end + 1 < len(tokens) and _adds(tokens[end + 1], limit):  # noqa: PLR2004 - after "hundred"
            pass
        elif _adds(tokens[end], limit) and _AND.fullmatch(gap):
            value = Fraction(_CARDINAL_VALUES.get(word) or _ORDINAL_VALUES[word])
            total, limit, certain = total + value, _room(word, value), True
        else:
            break
        end += 1
    return (part if end == place + 1 else ParsedNumber(frozenset({total}), part.hints, certain)), end


def _room(word: str, value: Fraction) -> Fraction:
    """Return the exclusive upper limit for the value of the number word after ``word``.

    The limit is 100 after "hundred", 10 after a multiple of ten such as "twenty", and 0 after any other word.
    """
    if word.lower() == "hundred":
        return Fraction(100)
    return Fraction(10) if word.lower().endswith("ty") and value < 100 else Fraction(0)  # noqa: PLR2004 - tens


def _adds(token: Token, limit: Fraction) -> bool:
    word = token[0].lower()
    value = _CARDINAL_VALUES.get(word) or _ORDINAL_VALUES.get(word)
    return value is not None and value < limit


_MONTH_NAMES = "January February March April May June July August September October November December".split()
_FULL_MONTHS = "|".join(_MONTH_NAMES)
_SHORT_MONTHS = r"(?:Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)\b\.?"
_MONTH = rf"(?:{_FULL_MONTHS}|{_SHORT_MONTHS})"
_DATES = DateGrammar(
    date=re.compile(
        rf"{NUMERIC_DATE}"
        rf"|\b(?P<day>\d{{1,2}})(?:st|nd|rd|th)?[\s-](?:of\s)?(?P<month>{_MONTH})\b(?:,?\s(?P<year>{YEAR})\b)?"
        rf"|\b(?P<us_m>{_MONTH})\s(?:the\s)?(?P<us_d>\d{{1,2}})(?:st|nd|rd|th)?\b(?!\d)(?:,?\s(?P<us_y>{YEAR})\b)?"
        rf"|\b(?P<alone>{_MONTH})(?:\sof|,)?\s(?P<of>{YEAR})\b"
    ),
    lone_month=re.compile(rf"\b(?:(?P<full>{_FULL_MONTHS})\b(?P<more>)|(?P<short>{_SHORT_MONTHS}))"),
    months={name: int(number) for name, (number,) in _LISTS.pairs("months").items()},
    plain_months=frozenset({"may", "march", "april", "june", "august"}),
    before_month=re.compile(r"\b(?:in|since|until|till|by|of|early|late|mid|last|next|end|this|from)[ -]$"),
    weekday=re.compile(r"\b(?P<w>Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day(?P<rest>\w*)"),
    weekdays=dict(zip("mon tues wednes thurs fri satur sun".split(), range(7), strict=True)),
    short_day=re.compile(r"\b(?:Mon|Tues?|Wed|Thurs?|Fri|Sat|Sun)\b\.?"),
    short_days=dict(zip("mo tu we th fr sa su".split(), range(7), strict=True)),
    month_may_lead=True,
    clock=re.compile(
        r"\b(?P<h>\d{1,2})(?:[.:](?P<min>\d\d))?\s?"
        r"(?P<mark>[aApP]\.?\s?[mM]\b\.?|o['’]?\s?clock|hrs?\b|hours\b(?=\s(?:on|and|GMT|CET)))"
        r"|\b(?P<h2>\d{1,2}):(?P<min2>\d\d)\b(?![:,.]\d)"
    ),
    named_time=re.compile(r"\b(?P<noon>[Nn]oon|[Mm]idday)\b|\b(?P<midnight>[Mm]idnight)\b"),
    half_days=True,
)

_LARGE = {10**6: "million", 10**9: "billion", 10**12: "trillion"}


def _write_numeral(value: WrittenValue) -> tuple[str, tuple[str, ...]] | None:
    match value:
        case WrittenDate():
            return _write_date(value)
        case WrittenTime(hour, minute):
            return f"{hour}:{minute}", (f"{(hour - 1) % 12 + 1}:{minute}", f"{hour:02}:{minute}")
        case WrittenAmount(digits, scale, unit):
            large = _LARGE[scale]
            accepted = (f"{digits} {large} {unit}", f"{digits}-{large} {unit}", f"{digits} {large}-{unit}")
            return f"{digits}-{large}-{unit}", (*accepted, f"€{digits} {large}")
        case WrittenNumber(groups, decimals):
            end = f".{decimals}" if decimals else ""
            return f"{','.join(groups)}{end}", (f"{''.join(groups)}{end}", f"{' '.join(groups)}{end}")


def _write_date(date: WrittenDate) -> tuple[str, tuple[str, ...]]:
    name = _MONTH_NAMES[date.month - 1]
    end = f" {date.year}" if date.year else ""
    american = f"{name} {date.day}, {date.year}" if date.year else f"{name} {date.day}"
    accepted = (american, f"{date.day}th {name}{end}", f"{name} {date.day}{end}", f"{date.day} {name[:3]}{end}")
    return f"{date.day} {name}{end}", accepted


_WORDS = _LISTS.words("words")
_UNNAMED = _WORDS | _LISTS.words("capitals")
_ENDINGS = ("s", "es", "ed", "d", "ing", "er", "ers", "ly", "al", "ness", "less", "able")
_CAPITAL_ENDINGS = ("'s", "s", "es", "ed", "ing", "er", "ers", "ly", "al", "ness", "ies", "ment")
_OPENING_ENDINGS = ("ing", "ed", "ly", "ies")
_COMMON_ENDING = re.compile(
    r"(?:\w{2}(?:tion|sion|ity|ness|hood|ship|ology|ical|ment|ism|ist|ive|ous|able|ible|ful)|\w{6}(?:ary|ery|ry|ing|ance|ence))s?$"
)
"""Endings of words that are rarely names. Endings that also occur in names (Henry, Boeing) require a longer word."""


def _knows(word: str) -> bool:
    """Return whether the word, or the word without an English ending such as "ing", is in the word list."""
    return not _WORDS.isdisjoint({word, *(word.removesuffix(ending) for ending in _ENDINGS)})


@lru_cache(maxsize=20_000)
def _is_common(word: str, opens: bool) -> bool:  # noqa: FBT001 - the signature of `NameGrammar.is_common`
    lower = word.lower()
    stems = {lower, *(lower.removesuffix(ending) for ending in _CAPITAL_ENDINGS)}
    if not _UNNAMED.isdisjoint(stems) or (opens and lower.endswith(_OPENING_ENDINGS)):
        return True
    return _COMMON_ENDING.search(lower) is not None and _spells(lower)


@cache
def _dictionary() -> frozenset[str]:
    """Return the words of the English dictionary in the library ``pyspellchecker``, in lower case.

    The first call takes half a second.
    """
    return frozenset(SpellChecker(language="en").word_frequency.words())


_PREFIX = re.compile(
    r"(?:un|non|re|anti|micro|mega|multi|over|under|sub|super|pre|post|co|de|dis|semi|bio|eco|geo|electro|tele|cyber|"
    r"photo|hydro|nano|crypto|inter|out|mini|mid|pro|self|pseudo|neo|intra|extra|ultra|hyper|trans)(?=\w{4})"
)
_BRITISH = (
    (re.compile(r"is(?=(?:e[drs]?|es|ing|ation|ations|able)$)"), "iz"),
    (re.compile(r"(?<=\w)our(?=(?:s|ed|ing|ful|able|ite|less|er|ers)?$)"), "or"),
    (re.compile(r"(?<=[a-z][bcdghktv])re(?=s?$)"), "er"),
    (re.compile(r"(?<=\w)ll(?=(?:ed|ing|ers?)$)"), "l"),
    (re.compile(r"[ao]e(?=\w{3})"), "e"),
    (re.compile(r"ys(?=(?:e[drs]?|es|ing)$)"), "yz"),
    (re.compile(r"quor(?=ice)"), "cor"),
)
_DICTIONARY_ENDINGS = ("", *"s es ed d ing er ers or ors ly ness able ism ist ists istic wide".split())
_VERB_ENDING = re.compile(r"iz(?:e[drs]?|es|ing|ation)$")
_LEAST_PART_CHARS = 4


@lru_cache(maxsize=20_000)
def _spells(word: str) -> bool:
    """Return whether a word in lower case is in the dictionary or is formed from words in it.

    The word may have a prefix, an ending, accents or British spelling, or consist of two frequent words
    ("floodwaters").
    """
    bare = "".join(char for char in unicodedata.normalize("NFKD", word) if not unicodedata.combining(char))
    forms = {word, bare, _PREFIX.sub("", word, count=1), _VERB_ENDING.sub("y", word)}
    forms |= {pattern.sub(other, bare) for pattern, other in _BRITISH}
    return any(map(_is_spelt, forms)) or any(
        _knows(word[:cut]) and _knows(word[cut:]) for cut in range(_LEAST_PART_CHARS, len(word) - _LEAST_PART_CHARS + 1)
    )


def _is_spelt(word: str) -> bool:
    return _knows(word) or not _dictionary().isdisjoint(word.removesuffix(ending) for ending in _DICTIONARY_ENDINGS)


_SIBILANT = re.compile(r"(?:s|x|z|ch|sh)$")
_CONSONANT_Y = re.compile(r"[^aeiou\W]y$")


def _forms(term: str) -> tuple[str, ...]:
    """Return the regular plural of an English term."""
    if _CONSONANT_Y.search(term):
        return (f"{term[:-1]}ies",)
    return (f"{term}es" if _SIBILANT.search(term) else f"{term}s",)


def _any_of(*names: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(form for name in names for form in _LISTS.lines(name))})\b")


LANGUAGE = Language(
    code="en",
    name="English",
    regions={"en-gb": "English (British)", "en-us": "English (American)"},
    warm_up="Good morning, London.",
    probe="On Thursday the government discussed the budget, and many towns are waiting for the money.",
    sentences=SentenceGrammar(splitter="en"),
    numbers=NumberGrammar(
        group=",",
        point=".",
        read=_read,
        scale=_scale,
        extend=_extend,
        touching_scales=frozenset("kmb"),  # these letters are also units and initials
        half_more=re.compile(r"[ -]and[ -]a[ -]half\b"),
        half_of=("half", "a"),
        range_words="to|and|or",
        decade_after=re.compile(r"['’]?s\b"),
        phrases=re.compile(
            r"\b(?:24/7|24-hour|4x4|9/11|911|mp3|the\s101|(?:starting|first|national)[ -]eleven"
            r"|(?:a(?:\s\w+)?|one) or two)\b",
            re.IGNORECASE,
        ),
    ),
    dates=_DATES,
    negation=NegationGrammar(
        sure=_any_of("negation"), plain=_any_of("negation_plain"), any=_any_of("negation_plain", "negation_hints")
    ),
    names=NameGrammar(is_common=_is_common, opening_is_weak=True),
    units=UnitGrammar(
        forms=_LISTS.forms("units"),
        whole_words=True,
        scale_words=r"million\w*|billion\w*|trillion\w*|thousand|hundred|bn|m|b|k",
        qualifier=r"(?:\w{2,}(?:ian|ish|ese|ch)|swiss|german|hong\skong|new\szealand|metric|square|british)",
    ),
    forms=_forms,
    knows=_knows,
    spells=_spells,
    sign_words=_LISTS.forms("signs"),
    opposites=_LISTS.opposites("opposites", "opposite_phrases"),
    speech=re.compile(
        r"\b(?:sa(?:id|ys?|ying)|t(?:old|ells?)|according\sto|a(?:sk|dd|dmit|nnounc|nswer|ccus|rgu|gree|ppeal|ssur|ssert)\w*|"
        r"c(?:all|laim|omment|omplain|onced|onfirm|onclud|ontinu|riticis|riticiz)\w*|de(?:clar|mand|ni|scrib)\w*|"
        r"emphasi[sz]\w*|expl(?:ain)\w*|express\w*|in(?:sist|form|dicat)\w*|kn(?:ows?|ew)|m(?:ention|aintain)\w*|not(?:e[sd]?|ing)|"
        r"point(?:s|ed)?\sout|pr(?:ais|edict|omis)\w*|quot\w+|re(?:call|ply|plies|plied|port|member|spond|veal|mark|peat)\w*|"
        r"s(?:tat|tress|uggest|ummari[sz]|ens|tress)\w*|th(?:inks?|ought)|believ\w*|urg(?:e|es|ed|ing)|warn\w*|"
        r"wr(?:ote|ites?)|underlin\w*|is\s(?:sure|convinced|certain))\b",
        re.IGNORECASE,
    ),
    doubled_words=frozenset(
        "very had that so no yes ha really much more many blah never ever far again long her that's is it in on to "
        "over up out by off about through".split()
    ),
    write_numeral=_write_numeral,
    style_rules=style_rules,
    region_styles={"en-gb": HouseStyle(spelling="british"), "en-us": HouseStyle(spelling="american")},
)
