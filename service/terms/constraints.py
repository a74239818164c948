"""Constraints, each of which requires a translation to contain a certain text, and functions that derive them.

The functions in this module need no glossary. They derive constraints from literal passages, names, signs and numerals.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from service.domain import Span
from service.languages.base import Language, WrittenDate, WrittenTime
from service.text.literals import find_literals, find_signs

Kind = Literal["glossary", "kept", "literal", "sign", "name", "number", "date"]
"""The kind of a constraint.

A ``glossary`` term and its translation come from the request or from a glossary file. A ``kept`` term also comes from
there, but is not translated. A ``literal`` is a passage that `find_literals` finds, such as an address or a telephone
number. A ``sign`` is a symbol, and a ``name`` is a word with letters that many models cannot write. A ``date`` (a
numeric date or time) or a ``number`` (another numeral) is written differently in the target language.
"""


@dataclass(frozen=True, slots=True)
class TermConstraint:
    """A requirement that the source words at ``span`` appear as ``text`` in the translation.

    ``accepted`` contains other forms that also satisfy the requirement. ``term`` is the source term, which responses
    report.
    """

    span: Span
    text: str
    kind: Kind
    term: str
    accepted: tuple[str, ...] = ()


def literal_constraints(text: str) -> list[TermConstraint]:
    """Return a constraint for each literal passage in ``text``, such as an address, in order. See `find_literals`."""
    return [TermConstraint(one.span, one.text, "literal", one.text) for one in find_literals(text)]


_LETTERS = re.compile(r"[^\W\d_]+(?:[-'’][^\W\d_]+)*")
_COMMON_LETTERS = re.compile(r"[A-Za-zÄÖÜäöüßẞéèêëáàâçñôóòîïíúùûåæøÉÈÀÁÅØÇ'’-]+")
_PLAIN_LETTERS = {"ı": "i", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "ð": "d", "þ": "th", "ß": "ss"}


def name_constraints(text: str) -> Iterator[TermConstraint]:
    """Yield a constraint for each word with a letter that many models cannot write, such as "Gündoğan".

    Words that are not in NFC are left out. The translation may contain the word itself or a form with plain letters
    ("Gundogan").
    """
    if _COMMON_LETTERS.fullmatch(text.replace(" ", "")):
        return
    for match in _LETTERS.finditer(text):
        word = match[0]
        if _COMMON_LETTERS.fullmatch(word) or not unicodedata.is_normalized("NFC", word):
            continue
        parted = unicodedata.normalize("NFKD", word)
        bare = "".join(_PLAIN_LETTERS.get(char, char) for char in parted if not unicodedata.combining(char))
        yield TermConstraint(Span(*match.span()), word, "name", word, (bare,) if bare != word else ())


_WRITABLE_SIGNS = "%&+="  # every model can write these
_MINUS = re.compile(r"(?<![\w.,)\]/–−-])−(?=\d)")


def sign_constraints(text: str, target: Language) -> Iterator[TermConstraint]:
    """Yield a constraint for each sign in ``text`` that not every model can write, such as "§".

    A minus sign counts only before a number, and its constraint requires a hyphen. The translation may contain the sign
    itself or the words for it in the language ``target``.
    """
    for span in find_signs(text):
        sign = span.of(text)
        if sign not in _WRITABLE_SIGNS and sign != "−":
            yield TermConstraint(span, sign, "sign", sign, target.sign_forms(sign))
    for match in _MINUS.finditer(text):
        yield TermConstraint(Span(*match.span()), "-", "sign", "−", target.sign_forms("-"))


def numeral_constraints(text: str, source: Language, target: Language) -> list[TermConstraint]:
    """Return constraints for the numeric dates, times, amounts and numbers with separators in ``text``.

    Each constraint requires the form that the language ``target`` uses.
    The constraints are in order and do not overlap. The list is empty if the language ``source`` has no rules for
    finding numerals, or ``target`` has no rules for writing them.
    """
    if source.find_numerals is None or target.write_numeral is None:
        return []
    found: list[TermConstraint] = []
    for span, value in source.find_numerals(text):
        written = target.write_numeral(value)
        if written is not None:
            kind: Kind = "date" if isinstance(value, WrittenDate | WrittenTime) else "number"
            found.append(TermConstraint(span, written[0], kind, span.of(text), written[1]))
    return found
