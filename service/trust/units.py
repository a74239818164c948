"""Checks what is counted: a currency, a percentage or a measure that the source does not name."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from service.trust.facts import Language
from service.trust.findings import Code, Finding
from service.trust.lexicon import entries
from service.trust.passage import Passage
from service.types import Span

_BEFORE = frozenset({"€", "$", "£", "¥", "eur", "usd", "gbp", "chf"})
_SCALES = ("illion", "illiard", "ilion", "iliard", "tausend", "thousand", "hundred", "mio", "mrd")
_AMOUNT = r"(?<![\d.,])[\d½¼¾][\d.,]{0,30}"
_SCALE = (
    r"(?:[\s-]?(?:tausend|million\w*|milliard\w*|billion\w*|trillion\w*|thousand|hundred|mio\.?|mrd\.?|bn|m|b|k)\b)"
)


@dataclass(frozen=True, slots=True)
class _Unit:
    """One unit in both languages; German forms are beginnings of words, English ones are whole words."""

    number: int
    forms: Mapping[Language, tuple[str, ...]]


def units(source: Passage, output: Passage) -> Iterator[Finding]:
    """At most one finding for each unit that stands by more numbers of ``output`` than ``source`` names it.

    Only where a unit of ``source`` is gone in turn: a translator may add "per cent" to a bare number.
    """
    there = _counted(source)
    if not there:  # nothing can be gone
        return
    written = _counted(output)
    added = [number for number, spans in written.items() if len(spans) > _mentions(number, source)]
    lost = [number for number, spans in there.items() if len(spans) > _mentions(number, output)]
    for number in added if lost else ():
        span = written[number][0]
        yield Finding(Code.UNIT_CHANGED, f"the source does not say {span.of(output.text).strip()}", output=span)


def _counted(passage: Passage) -> dict[int, list[Span]]:
    """The units that stand by a number, each with its places."""
    found: dict[int, list[Span]] = {}
    if not passage.has_digit and not any(scale in passage.lower for scale in _SCALES):
        return found
    for match in _beside_number(passage.language).finditer(passage.lower):
        form = match["before"] or match["after"]
        number = next(unit.number for unit in _units() if _fits(form, unit, passage.language))
        found.setdefault(number, []).append(Span(*match.span()))
    return found


def _mentions(number: int, passage: Passage) -> int:
    """How often a unit is named, by a number or not."""
    return sum(1 for _ in _mention(number, passage.language).finditer(passage.lower))


def _fits(form: str, unit: _Unit, language: Language) -> bool:
    forms = unit.forms[language]
    return form in forms or (language == "de" and form.startswith(tuple(f for f in forms if f[0].isalpha())))


@cache
def _units() -> tuple[_Unit, ...]:
    rows = (line.split(" = ") for line in entries("units"))
    return tuple(
        _Unit(number, {"de": tuple(german.split(", ")), "en": tuple(english.split(", "))})
        for number, (german, english) in enumerate(rows)
    )


def _pattern(forms: tuple[str, ...], language: Language) -> str:
    signs = [re.escape(form) for form in forms if not form[0].isalpha()]
    ending = r"(?!\w)" if language == "en" else r"\w*"
    words = [rf"(?<!\w){re.escape(form)}{ending}" for form in sorted(forms, key=len, reverse=True) if form[0].isalpha()]
    return "|".join((*signs, *words))


@cache
def _mention(number: int, language: Language) -> re.Pattern[str]:
    """For a text in lower case, as the lists are."""
    forms = _units()[number].forms[language]
    anywhere = "|".join(re.escape(form) for form in forms if len(form) > 3 and language == "de")  # noqa: PLR2004 - in compounds
    return re.compile("|".join(filter(None, (_pattern(forms, language), anywhere))))


@cache
def _beside_number(language: Language) -> re.Pattern[str]:
    forms = tuple(form for unit in _units() for form in unit.forms[language])
    signs = "|".join(re.escape(form) for form in forms if form in _BEFORE)
    after = "|".join(_pattern(unit.forms[language], language).replace(r"(?<!\w)", "") for unit in _units())
    return re.compile(
        rf"(?P<before>{signs})\s?\d[\d.,]{{0,30}}|(?:{_AMOUNT}{_SCALE}?|{_SCALE})[\s-]?(?P<after>{after})"
    )
