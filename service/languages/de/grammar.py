"""German grammar: sentence boundaries, numbers, dates, inflection, and the recognition of names."""

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from functools import lru_cache
from pathlib import Path

from service.domain import Span
from service.languages.base import (
    NUMERIC_DATE,
    YEAR,
    DateGrammar,
    ParsedNumber,
    Token,
    WrittenAmount,
    WrittenDate,
    WrittenNumber,
    WrittenNumeral,
    WrittenTime,
    WrittenValue,
)
from service.languages.wordlists import WordLists

LISTS = WordLists(Path(__file__).parent / "data")

_TAIL_CHARS = 60  # the number of characters to examine before a boundary; no abbreviation is longer
_OPENING = "„»«“\"'‚›‹([{"
_CITED = '”“"»«’‘'
_WORD = re.compile(r"[^\W_]+")
_MARKER = re.compile(r"\W*(?:\d{1,3}|[IVX]+|[A-Za-z])[.)]+$")
_ORDINAL_NUMBER = re.compile(r"(?:\d{1,2}[./])*\d{1,3}\.$")
_LARGE_ORDINAL = re.compile(r"\d{1,3}(?:\.\d{3})+\.$")
_BEFORE_LARGE_ORDINAL = frozenset({"der", "die", "das", "dem", "den", "des", "zum", "zur", "vom", "beim", "am"})
_BEFORE_ORDINAL = frozenset({"und", "oder", "bis", "-", "–", "—"})
_ROMAN = re.compile(r"[IVXL]{2,}\.$")
_ROMAN_NEXT = re.compile(r"(?<!\w)[IVXL]{2,}\.\s+[„»\"]?(?=([^\W\d_]+))")
_ADDRESS = re.compile(r"://|www\.|@|\.(?:de|com|org|net|eu|at|ch|info|tv|io|me|uk|fr)(?:[/.:,)]|$)", re.IGNORECASE)
_SHORT_PARTS = re.compile(r"(?:^|\W)(?:[^\W\d_]|\d{1,3})\.$")
_NUMBER_NEXT = re.compile(rf"([^\W\d_]{{3,}})[{_CITED}]?[.!?][{_CITED}]?\s+(?=\d)")
_YEARS = re.compile(r"(?<!\d)(?:19|20)\d{2}\.\s+(?=(?:19|20)\d{2}\s)")
_SOURCE_NEXT = re.compile(r"(?<=[a-zäöüß)][.!?])\s+(?=\([a-z]{2,8}\)\s[A-ZÄÖÜ]|[`´][A-ZÄÖÜ])")  # "(dpa) Die …"
_PARENTHESIS = re.compile(r"[.!?…][)\]]\s+(?=[\"„»«(]?[^\W\d_a-zäöüß])")
_ELLIPSIS = re.compile(r"…\s+(?=([^\W\d_]+))")
_STOP = re.compile(rf"\.[{_CITED})]?\s+[„»\"]?(?=([^\W\d_]+))")
_INITIAL = re.compile(r"(?<![\w.])[A-ZÄÖÜ]\.\s+(?=[^\W\d_])")

_ABBREVIATIONS = LISTS.phrases("abbreviations")
_FINAL_ABBREVIATIONS = LISTS.folded("final_abbreviations")
_DETERMINERS = LISTS.folded("determiners")
_ORDINAL_NOUNS = LISTS.phrases("ordinal_nouns")
_STREET = re.compile(r"[^\W\d_]{3,}(?:str|pl|gässl|gäßl)")  # "Goethestr. 12", "Bahnhofstr. Ecke Lindenweg"
_STREET_NEXT = re.compile(r"\d|Ecke\b|/")
_STARTERS = LISTS.phrases("sentence_starters")
_FINAL_FORMS = "|".join(re.escape(form).replace(r"\ ", r"\s?") for form in LISTS.lines("final_abbreviations"))
_FINAL = re.compile(rf"(?<![\w.])(?:{_FINAL_FORMS})\Z", re.IGNORECASE)
_FINAL_CHARS = max(map(len, LISTS.lines("final_abbreviations")))


def continues(text: str, start: int, boundary: int) -> bool:
    """Return whether the sentence that begins at ``start`` continues after ``boundary``.

    ``boundary`` is the offset at which the general sentence splitter ends the sentence.
    """
    left = text[max(start, boundary - _TAIL_CHARS) : boundary].rstrip()
    right = text[boundary : boundary + _TAIL_CHARS].lstrip()
    if not left or not right:
        return False
    if right[0] in ",;:)]}" or (boundary - start < _TAIL_CHARS and _MARKER.fullmatch(left)):
        return True
    glued = not text[boundary - 1].isspace() and not text[boundary].isspace()
    return (glued and _is_one_token(left, right)) or _is_ordinal(left, right) or _is_abbreviated(left, right)


def missing_boundaries(text: str) -> Iterator[int]:
    """Yield, in any order, the offsets of sentence starts that the general sentence splitter does not find."""
    yield from (match.end() for match in _NUMBER_NEXT.finditer(text) if _can_end_sentence(match[1]))
    yield from (match.end() for match in _YEARS.finditer(text))
    yield from (match.end() for match in _SOURCE_NEXT.finditer(text))
    yield from (match.end() for match in _PARENTHESIS.finditer(text) if _opens_sentence(text, match.start()))
    yield from (match.end() for match in _ROMAN_NEXT.finditer(text) if match[1] in _STARTERS)
    yield from (match.end() for match in _ELLIPSIS.finditer(text) if match[1] in _STARTERS)
    # The pattern starts with the full stop, because few words are followed by one.
    stops = (match for match in _STOP.finditer(text) if match[1] in _STARTERS)
    yield from (match.end() for match in stops if _may_end_sentence(text, match.start()))


def _may_end_sentence(text: str, stop: int) -> bool:
    """Return whether the text before ``stop`` ends with an initial or an abbreviation that may end a sentence."""
    if _FINAL.search(text, max(0, stop - _FINAL_CHARS), stop):
        return True
    return stop > 0 and _INITIAL.match(text, stop - 1) is not None


def _starts_sentence(right: str) -> bool:
    word = _WORD.match(right.lstrip(_OPENING))
    return word is not None and word[0] in _STARTERS


def _is_one_token(left: str, right: str) -> bool:
    """Return whether the mark at the end of ``left`` is inside an address, a number or an abbreviation ("z.B.").

    ``right`` is the text that directly follows the mark. The result is also True if ``right`` does not begin with a
    capital letter, a digit, or an opening quotation mark or bracket.
    """
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
    if _LARGE_ORDINAL.fullmatch(number):  # "auf 12.500." usually ends a sentence, "dem 12.500." does not
        return before.lstrip(_OPENING).lower() in _BEFORE_LARGE_ORDINAL and not _starts_sentence(right)
    if not _ORDINAL_NUMBER.fullmatch(number) or word is None:
        return False
    if word[0] in _ORDINAL_NOUNS:
        return True
    counted = before.lstrip(_OPENING).lower() in _DETERMINERS or before in _BEFORE_ORDINAL
    preceded = counted or before.endswith(":") or _ORDINAL_NUMBER.fullmatch(before) is not None
    return preceded and not _starts_sentence(right)


def _is_abbreviated(left: str, right: str) -> bool:
    if not left.endswith("."):
        return False
    word = _last(left).lstrip(_OPENING)[:-1]
    if _STREET.fullmatch(word) and _STREET_NEXT.match(right):
        return True
    return _is_abbreviation(word) and not _starts_sentence(right)


def _last(text: str) -> str:
    """Return the last word of a text, including the punctuation next to it."""
    return text.rsplit(maxsplit=1)[-1]


def _is_abbreviation(word: str) -> bool:
    return word in _ABBREVIATIONS or word.casefold() in _FINAL_ABBREVIATIONS


def _can_end_sentence(word: str) -> bool:
    return (
        not _is_abbreviation(word)
        and not _STREET.fullmatch(word)
        and re.search("[aeiouyäöü]", word, re.IGNORECASE) is not None
    )


def _opens_sentence(text: str, stop: int) -> bool:
    """Return whether the bracket around the punctuation mark at ``stop`` was opened at the start of a sentence."""
    opened = max(text.rfind("(", max(0, stop - 2_000), stop), text.rfind("[", max(0, stop - 2_000), stop))
    before = text[max(0, opened - 3) : max(0, opened)].rstrip()
    return opened >= 0 and (not before or before[-1] in f".!?…{_CITED}")


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
_NUMBER_WORD = re.compile(f"(?:{_BELOW_1000}?tausend(?:und)?{_BELOW_1000}?|{_BELOW_1000}|drit(?=t)|sieb(?=t))")
_COUNTED = re.compile(
    r"(?:(?:jähr|köpf|täg|stünd|monat|wöch|minüt|stöck|stell|teil|tür|seit|spur|sprach|prozent|stuf|bänd)\w*"
    r"|mal(?:ig\w*)?|fach\w*)?"
)
_ORDINAL_ENDING = re.compile(r"s?t(?:e[nrsm]?|ens)")
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
_PLURALS = {"millionen": 10**6, "milliarden": 10**9, "billionen": 10**12}
_HINTS = LISTS.pairs("number_hints")
_MOST_CHARS = 60


@lru_cache(maxsize=20_000)
def scale(word: str) -> Fraction | None:
    """Return the factor by which a scale word such as "Millionen" multiplies the number before it.

    The word may be a compound such as "Millionenbetrag". For any other word, return None.
    """
    lower = word[:_MOST_CHARS].lower()
    return next((None if by is None else Fraction(by) for name, by in _SCALES if lower.startswith(name)), None)


@lru_cache(maxsize=20_000)
def read_number(word: str) -> ParsedNumber | None:
    """Return the number that a word means, or None if it is not a number word.

    Examples of number words are "zwölf", "zweihundertfünfzig", "zweieinhalb", "elfjährig" and "dritte". A word that
    only suggests a number has hints, but no value.
    """
    lower = word.lower()
    if len(lower) > _MOST_CHARS:
        return None
    hints = _hints(lower)
    if word == "Elf":  # also a football team
        return ParsedNumber(frozenset({Fraction(11)}), hints, certain=False)
    if lower in _PLURALS:
        return ParsedNumber(frozenset({Fraction(_PLURALS[lower])}), hints, certain=True)
    if lower.startswith("anderthalb"):
        return ParsedNumber(frozenset({Fraction(3, 2)}), hints, certain=False)
    found = _NUMBER_WORD.match(lower)
    if found is None:
        halved = lower.startswith("halb")
        return ParsedNumber(frozenset({Fraction(1, 2)} if halved else ()), hints, certain=False) if hints else None
    return _part(found.group(), lower[found.end() :], hints)


def extend_number(text: str, tokens: Sequence[Token], place: int, part: ParsedNumber) -> tuple[ParsedNumber, int]:
    """Read the time in "halb drei" (2:30), and return its number and the index of the token after it.

    All other numbers are returned unchanged.
    """
    following = tokens[place + 1] if place + 1 < len(tokens) else None
    if tokens[place][0].lower() != "halb" or following is None or text[tokens[place].end() : following.start()] != " ":
        return part, place + 1
    hour = _SMALL.get(following[0].lower()) or (1 if following[0].lower() == "eins" else None)
    if hour is None or hour > _HALF_DAY_H:
        return part, place + 1
    before = Fraction((hour - 2) % _HALF_DAY_H + 1)
    hints = frozenset({before, before + _HALF_DAY_H, Fraction(1, 2), Fraction(30), before + Fraction(30, 100)})
    return ParsedNumber(frozenset({before + Fraction(1, 2)}), hints, certain=False), place + 2


_HALF_DAY_H = 12


def _part(spelt: str, rest: str, hints: frozenset[Fraction]) -> ParsedNumber:
    number = Fraction(_value(spelt))
    if rest.startswith("einhalb"):
        return ParsedNumber(frozenset({number + Fraction(1, 2)}), hints, certain=True)
    if rest.startswith("er"):  # die Fünfziger, die Zwanzigerjahre
        return ParsedNumber(frozenset({number}), hints | {1900 + number}, certain=False)
    counted = _COUNTED.fullmatch(rest) is not None
    ordinal = _ORDINAL_ENDING.fullmatch(rest) is not None and number >= _LEAST_ORDINAL and spelt != "acht"
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
    found = {Fraction(value) for end in range(3, len(lower) + 1) for value in _HINTS.get(lower[:end], ())}
    found |= {Fraction(by) for name, by in _SCALES if by and name in lower}
    return frozenset(found)


_FULL_MONTHS = "Januar|Jänner|Februar|Feber|März|April|Mai|Juni|Juli|August|September|Oktober|November|Dezember"
_SHORT_MONTHS = r"(?:Jan|Feb|Mär|Mrz|Apr|Jun|Jul|Aug|Sept?|Okt|Nov|Dez)\b\.?"
_MONTH = rf"(?:{_FULL_MONTHS}|{_SHORT_MONTHS})"
_WEEKDAYS = "montag dienstag mittwoch donnerstag freitag samstag sonntag".split()
DATES = DateGrammar(
    date=re.compile(
        rf"{NUMERIC_DATE}|\b(?P<day>\d{{1,2}})\.\s?(?P<month>{_MONTH})(?:\s(?P<year>{YEAR})\b)?"
        rf"|\b(?P<alone>{_MONTH})\s(?P<of>{YEAR})\b"
    ),
    lone_month=re.compile(
        rf"\b(?:(?P<full>{_FULL_MONTHS})(?:(?:e?s)?\b(?!-)|(?P<more>-|woche|tag|abend|sonne|hälfte|ausgabe))"
        rf"|(?P<short>{_SHORT_MONTHS}))"
    ),
    months={name: int(number) for name, (number,) in LISTS.pairs("months").items()},
    plain_months=frozenset({"mai", "august"}),
    before_month=re.compile(r"\b(?:im|in|seit|ab|bis|Anfang|Mitte|Ende|zum|vom)[ -]$"),
    weekday=re.compile(rf"(?i:(?P<w>{'|'.join(_WEEKDAYS)}|sonnabend))(?P<rest>\w*)"),
    weekdays={**dict(zip(_WEEKDAYS, range(7), strict=True)), "sonnabend": 5},
    day_parts=("abend", "morgen", "nachmittag", "nacht"),
    night_before=re.compile(r"\b[Nn]acht\s(?:zu[mr]?|auf)(?:\sden)?\s$"),
    dotted=True,
    short_day=re.compile(r"\b(?:Mo|Di|Mi|Do|Fr|Sa|So)\.(?=,)"),
    short_days=dict(zip("mo di mi do fr sa so".split(), range(7), strict=True)),
    clock=re.compile(
        r"\b(?P<h>\d{1,2})(?:[.:](?P<min>\d\d))?(?:\s?(?:-|–|bis)\s?(?P<to_h>\d{1,2})(?:[.:](?P<to_min>\d\d))?)?\s?"
        r"(?P<mark>Uhr\b|h\b)(?:\s(?P<after>\d\d)\b)?"
        r"|\b(?P<h2>\d{1,2}):(?P<min2>\d\d)\b(?![:,.]\d)"
    ),
    named_time=re.compile(r"\b(?P<noon>[Mm]ittags?)\b|\b(?P<midnight>[Mm]itternacht)"),
    full_day=True,
    later_half=re.compile(r"abend|nachmittag|nacht|mittag|nachm\.|pm\b", re.IGNORECASE),
)

_SMALL = {
    "zwei": 2, "drei": 3, "vier": 4, "fünf": 5, "sechs": 6, "sieben": 7, "acht": 8, "neun": 9, "zehn": 10, "elf": 11,
    "zwölf": 12, "zwanzig": 20, "dreißig": 30, "vierzig": 40, "fünfzig": 50, "hundert": 100,
}  # fmt: skip
_UNIT_KEYS = {"euro": "euro", "dollar": "dollar", "franken": "franc", "pfund": "pound"}
_DATE = re.compile(r"(?<![\d.])(\d{1,2})\.\s?(\d{1,2})\.(?:\s?((?:19|20)\d\d)(?!\d))?(?![\d])")
_TIME = re.compile(r"(?<![\d.,])(\d{1,2})[.:](\d\d)(?=\s?Uhr\b)")
_AMOUNT = re.compile(
    rf"(?<!\w)({'|'.join(_SMALL)}|\d+(?:,\d+)?)-({'|'.join(_PLURALS)})-({'|'.join(_UNIT_KEYS)})(?![a-zäöüß])",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"(?<![\w.,:/-])(\d{1,3}(?:\.\d{3})+(?:,\d+)?|\d+,\d+)(?![\w]|[.,:/]\d)")
_MOST_DAYS, _MOST_MONTHS, _MOST_HOURS, _MOST_MINUTES = 31, 12, 24, 59


def find_numerals(text: str) -> list[WrittenNumeral]:
    """Return the numeric dates, times, amounts and numbers with separators in a text, in order and without overlaps.

    An amount is a compound such as "Elf-Milliarden-Euro".
    """
    found: list[WrittenNumeral] = []
    for pattern, read in _FORMS:
        for match in pattern.finditer(text):
            span, value = Span(*match.span()), read(match)
            if value is not None and not any(span.overlaps(one.span) for one in found):
                found.append(WrittenNumeral(span, value))
    return sorted(found, key=lambda one: one.span)


def _date(match: re.Match[str]) -> WrittenDate | None:
    day, month = int(match[1]), int(match[2])
    return WrittenDate(day, month, match[3]) if 1 <= day <= _MOST_DAYS and 1 <= month <= _MOST_MONTHS else None


def _time(match: re.Match[str]) -> WrittenTime | None:
    hour, minute = int(match[1]), match[2]
    return WrittenTime(hour, minute) if hour <= _MOST_HOURS and int(minute) <= _MOST_MINUTES else None


def _amount(match: re.Match[str]) -> WrittenAmount:
    count = match[1].casefold()
    digits = str(_SMALL[count]) if count in _SMALL else count.replace(",", ".")
    return WrittenAmount(digits, _PLURALS[match[2].casefold()], _UNIT_KEYS[match[3].casefold()])


def _number(match: re.Match[str]) -> WrittenNumber:
    whole, _, decimals = match.group().partition(",")
    return WrittenNumber(tuple(whole.split(".")), decimals)


_FORMS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], WrittenValue | None]], ...] = (
    (_DATE, _date),
    (_TIME, _time),
    (_AMOUNT, _amount),
    (_NUMBER, _number),
)


class GermanForms:
    """German inflection rules, which use endings and umlauts instead of a dictionary (see `Inflection`).

    All forms of a noun are capitalised. The only ending of an acronym is "s". The vowel of a word changes only together
    with an ending ("Verband", "Verbände") or in a plural without an ending ("Mütter").
    """

    _endings = ("", "s", "es", "n", "en", "e", "er", "ern", "em", "ens")
    _umlaut_endings = ("", "e", "er", "ern", "en", "n")
    _adjective_endings = ("e", "er", "es", "en", "em")
    _umlauts = str.maketrans("äöü", "aou")
    _least_stem_chars = 3

    def folded(self, word: str) -> str:
        return unicodedata.normalize("NFC", word).casefold().translate(self._umlauts)

    def stems(self, word: str) -> set[str]:
        whole = self.folded(word)
        return {
            whole.removesuffix(ending) for ending in self._endings if len(whole) - len(ending) >= min(len(whole), 2)
        }

    def related(self, word: str) -> set[str]:
        adjective = self._adjective_stem(word)
        keys = self.stems(word)
        if adjective is not None:
            keys.add(self.folded(adjective))
        if word.isupper():
            keys.add(self.folded(word) + "s")
        return keys

    def is_form(self, word: str, term: str, *, last: bool) -> bool:
        if word == term or self._differs_in_case(word, term):
            return True
        if not term.isalpha() or not word.isalpha() or (term[0].isupper() and not word[0].isupper()):
            return False
        if term.isupper():
            return word == f"{term}s"
        if len(term) < self._least_stem_chars:
            return False
        same_adjective = not last and self._adjective_stem(word) == self._adjective_stem(term) is not None
        return self._is_noun_form(word, term) or same_adjective

    def _differs_in_case(self, word: str, term: str) -> bool:
        """Return whether ``word`` is ``term`` with a capital first letter.

        If ``term`` has more than three letters, ``word`` may also consist of capital letters only.
        """
        begins = term[0].islower() and word == term[0].upper() + term[1:]
        capitals = word.isupper() and len(term) > self._least_stem_chars and self.folded(word) == self.folded(term)
        return begins or capitals

    def _is_noun_form(self, word: str, term: str) -> bool:
        small, base = word.casefold(), term.casefold()
        if any(small == base + ending for ending in self._endings):
            return True
        other_vowel = [c for c in small if c in "äöü"] != [c for c in base if c in "äöü"]
        return other_vowel and any(self.folded(small) == self.folded(base) + ending for ending in self._umlaut_endings)

    def _adjective_stem(self, word: str) -> str | None:
        small = word.casefold()
        found = max((e for e in self._adjective_endings if small.endswith(e)), key=len, default=None)
        return None if found is None else small.removesuffix(found)


_LEAST_COMPOUND_CHARS = 4
_NOUN = re.compile(
    r"(?:ung|heit|keit|schaft|tion|nis|ismus|innen|isten|ieren|tät|ung(?:en|s)|jährigen?r?|iker)$|^Jährige"
)
_NOUNS, _NAMES, _OPENERS = LISTS.words("nouns"), LISTS.words("surnames"), LISTS.words("openers")


@lru_cache(maxsize=20_000)
def is_common(word: str, opens: bool) -> bool:  # noqa: FBT001 - the signature of `NameGrammar.is_common`
    """Return whether a capitalised word is a common word and not a name.

    Acronyms, nouns, and frequent words at the start of a sentence are common words, unless they are in the list of
    surnames. ``opens`` is True if the word is the first word of a sentence.
    """
    if word in _NAMES or word.removesuffix("s") in _NAMES:
        return False
    return word.isupper() or (opens and word.lower() in _OPENERS) or _is_noun(word)


def _is_noun(word: str) -> bool:
    """Return whether the word, or the last part of a compound, is in the list of nouns or has the ending of a noun."""
    ends = (word[start:].capitalize() for start in range(2, len(word) - _LEAST_COMPOUND_CHARS + 1))
    return _NOUN.search(word) is not None or word in _NOUNS or any(end in _NOUNS for end in ends)


_FOLD = str.maketrans({"ä": "a", "ö": "o", "ü": "u", "ß": "ss"})
_SUFFIXES = ("ungen", "ern", "ung", "est", "end", "em", "er", "en", "es", "et", "st", "te", "e", "n", "s", "t")
_LEAST_STEM_CHARS = 4


@lru_cache(maxsize=50_000)
def _stem(word: str) -> str:
    found = word.lower().translate(_FOLD)
    if not found.isalpha():
        return found
    for _ in range(2):
        for suffix in _SUFFIXES:
            if found.endswith(suffix) and len(found) - len(suffix) >= _LEAST_STEM_CHARS:
                found = found[: -len(suffix)]
                break
    return found


def stem(word: str) -> str:
    """Return the stem of a word, in lower case, with umlauts replaced by plain vowels and without inflectional endings.

    At most two endings are removed, each only if at least four letters remain. Nothing is removed from a word that does
    not consist of letters.
    """
    return _stem(word) if len(word) <= _MOST_CHARS else _stem.__wrapped__(word)
