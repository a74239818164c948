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
    """Whether ``output`` has fewer negations than ``source`` surely has, or surely has more.

    Much can stand for a negation ("fail to", "unable", "erst"), so each side's sure ones are held against everything
    on the other side that may deny.
    """
    denied, denying = _found("negation", source, languages[0]), _found("negation", output, languages[1])
    if denied and len(denied) > len(_found("negation_hints", output, languages[1])):
        yield Finding(Code.NEGATION_LOST, f"“{denied[0].of(source)}” has no counterpart", source=denied[0])
    if denying and len(denying) > len(_found("negation_hints", source, languages[0])):
        yield Finding(Code.NEGATION_ADDED, f"the source has no “{denying[0].of(output)}”", output=denying[0])


def negations_of_summary(support: str, sentence: str) -> Iterator[Finding]:
    """The same for a German summary sentence, which may leave clauses out.

    A negation is lost only where both words that follow it are kept.
    """
    kept = set(_WORD.findall(sentence.lower()))
    if not _found("negation_hints", sentence, "de"):
        for span in _found("negation", support, "de"):
            after = _WORD.findall(support[span.end : span.end + _AFTER_CHARS].lower())[:2]
            if len(after) == 2 and kept.issuperset(after):  # noqa: PLR2004 - the two words after it
                yield Finding(Code.NEGATION_LOST, f"“{span.of(support)}” is left out", source=span)
                return
    denying = _found("negation", sentence, "de")
    if denying and not _found("negation_hints", support, "de"):
        yield Finding(Code.NEGATION_ADDED, f"no source has “{denying[0].of(sentence)}”", output=denying[0])


def _found(kind: str, text: str, language: Language) -> list[Span]:
    return [Span(*match.span()) for match in _pattern(f"{kind}_{language}").finditer(text)]


@cache
def _pattern(name: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(entries(name))})\b", re.IGNORECASE)
