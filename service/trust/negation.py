"""Checks negation: what one text denies, the other has to deny too; in doubt there is no finding."""

import re
from collections.abc import Iterator
from functools import cache

from service.trust.facts import Language
from service.trust.findings import Code, Finding
from service.trust.lexicon import entries
from service.types import Span

_WORD = re.compile(r"\w+")
_AFTER_CHARS = 80


def negations(source: str, output: str, languages: tuple[Language, Language]) -> Iterator[Finding]:
    """Whether ``output`` has fewer negations than ``source``, or more.

    Only where one of them is sure to be kept ("nicht", but not that of "nicht nur"). Much can stand for a negation
    ("fail to", "unable"), so each side's plain ones are held against everything on the other side that may deny.
    """
    denied, denying = _found("negation", source, languages[0]), _found("negation", output, languages[1])
    if denied and _plain(source, languages[0]) > _any(output, languages[1]):
        yield Finding(Code.NEGATION_LOST, f"“{denied[0].of(source)}” has no counterpart", source=denied[0])
    if denying and _plain(output, languages[1]) > _any(source, languages[0]):
        yield Finding(Code.NEGATION_ADDED, f"the source has no “{denying[0].of(output)}”", output=denying[0])


def negations_of_summary(support: str, sentence: str) -> Iterator[Finding]:
    """The same for a German summary sentence, which may leave clauses out.

    A negation is lost only where both words that follow it are kept.
    """
    kept = set(_WORD.findall(sentence.lower()))
    if not _any(sentence, "de"):
        for span in _found("negation", support, "de"):
            after = _WORD.findall(support[span.end : span.end + _AFTER_CHARS].lower())[:2]
            if len(after) == 2 and kept.issuperset(after):  # noqa: PLR2004 - the two words after it
                yield Finding(Code.NEGATION_LOST, f"“{span.of(support)}” is left out", source=span)
                return
    denying = _found("negation", sentence, "de")
    if denying and not _any(support, "de"):
        yield Finding(Code.NEGATION_ADDED, f"no source has “{denying[0].of(sentence)}”", output=denying[0])


def _found(kind: str, text: str, language: Language) -> list[Span]:
    return [Span(*match.span()) for match in _pattern(f"{kind}_{language}").finditer(text)]


def _plain(text: str, language: Language) -> int:
    """How many negations ``text`` has."""
    return len(_found("negation_plain", text, language))


def _any(text: str, language: Language) -> int:
    """How many words of ``text`` may deny."""
    return sum(1 for _ in _pattern(f"negation_plain_{language}", f"negation_hints_{language}").finditer(text))


@cache
def _pattern(*names: str) -> re.Pattern[str]:
    forms = "|".join(form for name in names for form in entries(name))
    return re.compile(rf"\b(?:{forms})\b", re.IGNORECASE)
