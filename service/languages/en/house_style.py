"""The rules for the house style of English texts: spelling, dates, numbers, currencies, units and titles."""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from pathlib import Path

from breame.data.spelling_constants import AMERICAN_ENGLISH_SPELLINGS, BRITISH_ENGLISH_SPELLINGS

from service.domain import Span
from service.languages.house_style import Edit, HouseStyle, StyleRule
from service.languages.wordlists import WordLists

_LISTS = WordLists(Path(__file__).parent / "data")
Found = re.Match[str]

# Spelling

_ISE = re.compile(r"is(?:e[drs]?|ers|es|ing|able|ations?)$")
_ENDINGS = "e ed es er ers ing able ation ations".split()
_WORD = re.compile(r"(?<![\w@#/.\\-])[A-Za-z]+(?:(?=['’-])|(?![\w@/\\]))|(?<=[a-z]-)[A-Za-z]+(?![\w@/\\])")
_OPENS = re.compile(r"(?:^|[.!?:…]\s|[–—]\s|[-•*]\s)[\s\"'“‘(\[]*$")


@lru_cache(maxsize=2)
def spellings(target: str) -> Mapping[str, str]:
    """Return a mapping of words in lower case to their spelling in ``target`` ("british" or "american").

    The pairs come from the library breame, without the exceptions in ``spelling.txt``. For each verb in "-ise", the
    mapping also contains its regular forms and derived nouns.
    """
    pairs = dict(BRITISH_ENGLISH_SPELLINGS) | {british: us for us, british in AMERICAN_ENGLISH_SPELLINGS.items()}
    for british, american in list(pairs.items()):
        if _ISE.search(british) and american == _ISE.sub(lambda m: f"iz{m[0][2:]}", british):
            stem = _ISE.sub("", british)
            pairs |= {f"{stem}is{end}": f"{stem}iz{end}" for end in _ENDINGS}
    exceptions = _LISTS.pairs("spelling")
    left_out = exceptions["never"] | exceptions[f"to_{target}"]
    chosen = {british: american for british, american in pairs.items() if british not in left_out}
    if target == "american":
        return {british: american for british, american in chosen.items() if american not in chosen}
    return {american: british for british, american in chosen.items() if british not in chosen.values()}


def _spelling(text: str, style: HouseStyle, shared: frozenset[str]) -> list[Edit]:
    """Change the spelling of words.

    A capitalised word inside a sentence, or before another capitalised word, may be a name. A word that the source also
    contains is probably a name. Such words, and words in capital letters, are left unchanged.
    """
    words = spellings(style.spelling or "")
    return [
        Edit(Span(*match.span()), _like(words[match[0].lower()], match[0]))
        for match in _WORD.finditer(text)
        if match[0].lower() in words and match[0] not in shared and _is_plain(text, match)
    ]


def _is_plain(text: str, match: Found) -> bool:
    word = match[0]
    if word.islower():
        return True
    opens = _OPENS.search(text[max(0, match.start() - 8) : match.start()]) is not None
    following = text[match.end() : match.end() + 2]
    return opens and word.istitle() and not following[1:].isupper()


def _like(word: str, model: str) -> str:
    return word.capitalize() if model.istitle() else word


# Dates

_MONTH = "(?P<month>January|February|March|April|May|June|July|August|September|October|November|December)"
_DAY = r"(?P<day>0?[1-9]|[12]\d|3[01])"
_YEAR = r"(?P<year>[12]\d{3})"
_ORDINAL = "(?:st|nd|rd|th)?"
_NO_RANGE = r"(?!\w|[-–/:’']\w|[.,]\d|\s?(?:and|or|to|[-–—])\s?\d{1,2}\b)"
_MONTH_DAY = re.compile(
    rf"\b(?<!\d )(?<![Tt]he ){_MONTH} {_DAY}{_ORDINAL}"
    rf"(?:,? {_YEAR}(?![\d%])|(?! \d)(?!, [12]\d{{3}}\b)){_NO_RANGE}"
)
_DAY_MONTH = re.compile(
    rf"(?<![\w.,:/–-])(?<![Tt]he )(?<!\d )(?<!and )(?<!or )(?<!to ){_DAY}{_ORDINAL} (?:of )?{_MONTH}"
    rf"(?:,? {_YEAR}(?![\d%])|(?!,? \d)){_NO_RANGE}"
)


def _dates(text: str, style: HouseStyle, _shared: frozenset[str]) -> list[Edit]:
    if style.dates == "day_month":
        return _replaced(text, _MONTH_DAY, lambda m: f"{int(m['day'])} {m['month']}{_after(' ', m['year'])}")
    return _replaced(text, _DAY_MONTH, lambda m: f"{m['month']} {int(m['day'])}{_after(', ', m['year'])}")


def _after(gap: str, part: str | None) -> str:
    return "" if part is None else f"{gap}{part}"


def _replaced(text: str, pattern: re.Pattern[str], write: Callable[[Found], str | None]) -> list[Edit]:
    """Return an edit for each match of ``pattern`` that ``write`` changes. ``write`` returns None to keep the match."""
    written = ((match, write(match)) for match in pattern.finditer(text))
    return [Edit(Span(*match.span()), new) for match, new in written if new is not None and new != match[0]]


# Numbers

_NARROW = "\u2009\u202f\u00a0"
_COMMAS = re.compile(r"(?<![\w.,])(?<!\d[-–/])\d{1,3}(?:,\d{3})+(?![\w,]|\.\d{3}\b)")
_SPACES = re.compile(rf"(?<![\w.,])(?<![\w.,][{_NARROW}])\d{{1,3}}(?:[{_NARROW}]\d{{3}})+(?![\w,]|[{_NARROW}]\d)")
_NUMBER = rf"\d{{1,3}}(?:[,{_NARROW}]\d{{3}})+(?:\.\d+)?|\d+(?:\.\d+)?"
_ALONE = rf"(?<![\w.,$€£¥])(?<![-–/])(?<![\d][{_NARROW}])"
_IN_RANGE = re.compile(r"\d[^\s]*\s(?:to|and|or|by|[-–—])\s$|[-–—]$")
_PERCENT_SIGN = re.compile(rf"(?P<n>\d)[ {_NARROW}]?%(?![\w%-])")
_PERCENT_WORD = re.compile(rf"(?P<n>\d)[ {_NARROW}](?:per cent|percent)\b(?!-)")
_PERCENT = {"percent": re.compile(r"(?<!-)\bper cent\b"), "per cent": re.compile(r"(?<!-)\bpercent\b")}


def _thousands(text: str, style: HouseStyle, _shared: frozenset[str]) -> list[Edit]:
    if style.thousands == "comma":
        return _replaced(text, _SPACES, lambda m: re.sub(f"[{_NARROW}]", ",", m[0]))
    return _replaced(text, _COMMAS, lambda m: m[0].replace(",", "\u202f"))


def _percent(text: str, style: HouseStyle, _shared: frozenset[str]) -> list[Edit]:
    word = style.percent or ""
    if word == "sign":
        return _replaced(text, _PERCENT_WORD, lambda m: f"{m['n']}%")
    signs = _replaced(text, _PERCENT_SIGN, lambda m: f"{m['n']} {word}")
    return sorted([*signs, *_replaced(text, _PERCENT[word], lambda _: word)])


_CURRENCIES = {"€": ("euro", "euros"), "$": ("dollar", "dollars"), "£": ("pound", "pounds"), "¥": ("yen", "yen")}
_SCALE = r"(?: (?P<scale>thousand|million|billion|trillion))?"
_SIGNED = re.compile(rf"(?<![\w$€£¥-])(?P<sign>[€$£¥])(?P<n>{_NUMBER}){_SCALE}(?![\w%]|[.,]\d|[-–—/]\w)")
# "Pounds" may also be a weight.
_NAMED = re.compile(
    rf"{_ALONE}(?P<n>{_NUMBER}){_SCALE}[ {_NARROW}](?P<word>euros?|dollars?|yen)\b(?![-–’'/]| and \d+ cents?\b| \d)"
)
_SIGN_OF = {word: sign for sign, words in _CURRENCIES.items() for word in words}
# In "$5 to $7 million", the scale applies to both numbers.
_SHARED_SCALE = re.compile(rf" (?:to|or|and) [€$£¥]?(?:{_NUMBER}) (?:thousand|million|billion|trillion)\b")


def _currency(text: str, style: HouseStyle, _shared: frozenset[str]) -> list[Edit]:
    if style.currency == "sign":
        return _replaced(text, _NAMED, partial(_signed, text))
    return _replaced(text, _SIGNED, partial(_named, text))


def _signed(text: str, match: Found) -> str | None:
    word, single = match["word"], match["n"] == "1" and match["scale"] is None
    fits = word == "yen" or word.endswith("s") != single
    if not fits or _IN_RANGE.search(text[: match.start()]):
        return None
    return f"{_SIGN_OF[word]}{match['n']}{_after(' ', match['scale'])}"


def _named(text: str, match: Found) -> str | None:
    scale = match["scale"]
    if _IN_RANGE.search(text[: match.start()]) if scale else _SHARED_SCALE.match(text, match.end()):
        return None
    one, many = _CURRENCIES[match["sign"]]
    return f"{match['n']}{_after(' ', scale)} {one if match['n'] == '1' and not scale else many}"


# Units. Symbols with several meanings, such as "m", are left out.

_UNITS = {
    "km/h": ("kilometre per hour", "kilometres per hour"),
    "km": ("kilometre", "kilometres"),
    "cm": ("centimetre", "centimetres"),
    "mm": ("millimetre", "millimetres"),
    "kg": ("kilogram", "kilograms"),
    "ha": ("hectare", "hectares"),
    "°C": ("degree Celsius", "degrees Celsius"),
}
_UNIT_OF = {word: symbol for symbol, words in _UNITS.items() for word in words}
_UNIT_OF |= {word.replace("metre", "meter"): symbol for word, symbol in _UNIT_OF.items()}
_SYMBOLS = re.compile(rf"{_ALONE}(?P<n>{_NUMBER})[ {_NARROW}]?(?P<unit>{'|'.join(_UNITS)})(?![\w²³/°^-])")
_UNIT_WORDS = re.compile(
    rf"{_ALONE}(?P<n>{_NUMBER})[ {_NARROW}](?P<unit>{'|'.join(sorted(_UNIT_OF, key=len, reverse=True))})\b"
    r"(?![-–’'/]| per | an hour| a )"
)


def _units(text: str, style: HouseStyle, _shared: frozenset[str]) -> list[Edit]:
    if style.units == "symbol":
        return _replaced(text, _UNIT_WORDS, partial(_symbol, text))

    def word(match: Found) -> str:
        name = _UNITS[match["unit"]][match["n"] != "1"]
        return f"{match['n']} {name.replace('metre', 'meter') if style.spelling == 'american' else name}"

    return _replaced(text, _SYMBOLS, word)


def _symbol(text: str, match: Found) -> str | None:
    symbol = _UNIT_OF[match["unit"]]
    name = match["unit"].replace("meter", "metre")
    is_plural = name == _UNITS[symbol][1]
    if is_plural == (match["n"] == "1") or _IN_RANGE.search(text[: match.start()]):
        return None
    return f"{match['n']} {symbol}"


# Titles

_WITH_POINT = re.compile(r"\b(?P<title>Mr|Mrs|Ms|Dr|Prof)\.(?= [^\W\d_])")
_NO_POINT = re.compile(r"\b(?P<title>Mr|Mrs|Ms|Dr|Prof)(?= [^\W\d_])")


def _titles(text: str, style: HouseStyle, _shared: frozenset[str]) -> list[Edit]:
    if style.titles == "point":
        return _replaced(text, _NO_POINT, lambda m: f"{m['title']}.")
    return _replaced(text, _WITH_POINT, lambda m: m["title"])


_RULES = (
    StyleRule("spelling", _spelling),
    StyleRule("dates", _dates),
    StyleRule("thousands", _thousands),
    StyleRule("percent", _percent),
    StyleRule("currency", _currency),
    StyleRule("units", _units),
    StyleRule("titles", _titles),
)


def style_rules(style: HouseStyle) -> tuple[StyleRule, ...]:
    """Return the rules that ``style`` sets, in the order in which they are applied.

    `service.translation.house_style` applies the rule for quotation marks.
    """
    return tuple(rule for rule in _RULES if getattr(style, rule.name) is not None)
