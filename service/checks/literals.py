"""Checks that a translation keeps addresses, placeholders and signs, and contains no markup."""

import re
from collections import Counter
from collections.abc import Iterator
from functools import cache

from service.checks.base import Code, Finding, Passage
from service.domain import Span
from service.languages.base import NEVER, Language
from service.text.literals import find_literals, find_signs, literal_pattern
from service.text.normalization import REPLACEMENT

_SHOWN_CHARS = 60
_MOST_SEARCHED = 100  # limits the running time, because each search reads the whole output
_MINUS = re.compile(r"(?<![\w.,)\]/–−-])[-−–](?=\d)")
_MARKUP = re.compile(
    r"</?[A-Za-z][\w-]{0,30}(?:\s[^<>]{0,200})?/?>|&(?:[a-z]{2,8}|#\d{2,5}|#x[0-9a-f]{2,5});|\*\*(?=\w)"
    r"|\]\(https?://",
    re.IGNORECASE,
)


def check_literals(source: Passage, output: Passage) -> Iterator[Finding]:
    """Check that each literal passage of ``source`` occurs unchanged in ``output``.

    Literal passages are addresses, placeholders, emoji, telephone numbers and codes with leading zeros. A passage that
    occurs twice in the source must occur twice in the output.
    """
    wanted = find_literals(source.text)
    if not wanted:
        return
    there = Counter(one.text for one in find_literals(output.text))
    lost = set(there)  # texts that occur too rarely, or not at all
    searched = 0
    for one in wanted:
        if there[one.text] > 0:
            there[one.text] -= 1
            continue
        if one.text not in lost and searched < _MOST_SEARCHED:
            searched += 1
            if literal_pattern(one).search(output.text) is not None:
                continue
        lost.add(one.text)
        code = Code.NUMBER_MISSING if one.kind == "number" else Code.LITERAL_MISSING
        shown = one.text[:_SHOWN_CHARS]
        yield Finding(code, f"“{shown}” does not appear unchanged in the translation", source=one.span)


def check_signs(source: Passage, output: Passage) -> Iterator[Finding]:
    """Check that each kind of sign in ``source`` occurs in ``output``, as a sign or in words, and the minus signs.

    Signs that stand for a unit are checked with the units. Emoji are checked as literals.
    """
    reported: set[str] = set()
    skipped = {place for one in find_literals(source.text) for place in range(*one.span)}
    for span in find_signs(source.text):
        sign = span.of(source.text)
        if sign == "−" or sign in reported or span.start in skipped or sign in output.text or _is_unit(sign, source):
            continue
        reported.add(sign)
        if not _in_words(sign, output):
            yield Finding(Code.SIGN_MISSING, f"the sign “{sign}” does not appear in the translation", source=span)
    yield from _check_minus(source, output)


def _is_unit(sign: str, passage: Passage) -> bool:
    units = passage.language.units
    return units is not None and any(sign in forms for forms in units.forms.values())


def _in_words(sign: str, passage: Passage) -> bool:
    return _words(sign, passage.language).search(passage.lower) is not None


@cache
def _words(sign: str, language: Language) -> re.Pattern[str]:
    forms = language.sign_forms(sign)
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, forms))})(?!\w)") if forms else NEVER


def _check_minus(source: Passage, output: Passage) -> Iterator[Finding]:
    """Check that a number is negative in both texts or in neither."""
    in_source, in_output = _MINUS.search(source.text), _MINUS.search(output.text)
    if in_source and not in_output and not _in_words("-", output):
        span = Span(in_source.start(), in_source.end() + 1)
        yield Finding(Code.SIGN_MISSING, "the minus sign does not appear in the translation", source=span)
    if in_output and not in_source and not _in_words("-", source):
        span = Span(in_output.start(), in_output.end() + 1)
        yield Finding(Code.NUMBER_UNSUPPORTED, "the number is not negative in the source", output=span)


def check_markup(source: Passage, output: Passage) -> Iterator[Finding]:
    """Check that ``output`` contains no markup, no character reference and no replacement character (U+FFFD).

    A replacement character is not reported if ``source`` contains one as well.
    """
    found = _MARKUP.search(output.text)
    if found is not None:
        yield Finding(Code.MARKUP_LEFT, "the translation contains markup", output=Span(*found.span()))
    place = output.text.find(REPLACEMENT)
    if place >= 0 and REPLACEMENT not in source.text:
        message = "the translation contains a character that could not be decoded"
        yield Finding(Code.CHARACTER_BROKEN, message, output=Span(place, place + 1))
