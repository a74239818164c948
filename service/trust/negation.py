"""Checks negation: what one text denies, the other has to deny too; in doubt there is no finding."""

import re
from collections.abc import Iterator
from functools import cache

from service.trust.findings import Code, Finding
from service.trust.lexicon import entries
from service.trust.passage import Passage
from service.types import Span

_WORD = re.compile(r"\w+")
_AFTER_CHARS = 80
_STEMS = {
    "de": ("nicht", "kein", "nie", "ohne", "weder", "nirgend"),
    "en": ("not", "n't", "n’t", "nobody", "never", "without", "neither", "no\n"),
}
"""Every form of the lists ``negation_de`` and ``negation_en`` has one of these; "no" counts as the last word only."""


def negations(source: Passage, output: Passage) -> Iterator[Finding]:
    """Whether ``output`` has fewer negations than ``source``, or more.

    Only where one of them is sure to be kept ("nicht", but not that of "nicht nur"). Much can stand for a negation
    ("fail to", "unable"), so each side's plain ones are held against everything on the other side that may deny.
    """
    denied, denying = _sure(source), _sure(output)
    if denied and _outnumber(source, output, answered=bool(denying)):
        yield Finding(Code.NEGATION_LOST, f"“{denied[0].of(source.text)}” has no counterpart", source=denied[0])
    if denying and _outnumber(output, source, answered=bool(denied)):
        yield Finding(Code.NEGATION_ADDED, f"the source has no “{denying[0].of(output.text)}”", output=denying[0])


def negations_of_summary(support: Passage, sentence: Passage) -> Iterator[Finding]:
    """The same for a German summary sentence, which may leave clauses out.

    A negation is lost only where both words that follow it are kept.
    """
    kept = set(_WORD.findall(sentence.text.lower()))
    if not _any(sentence):
        for span in _sure(support):
            after = _WORD.findall(support.text[span.end : span.end + _AFTER_CHARS].lower())[:2]
            if len(after) == 2 and kept.issuperset(after):  # noqa: PLR2004 - the two words after it
                yield Finding(Code.NEGATION_LOST, f"“{span.of(support.text)}” is left out", source=span)
                return
    denying = _sure(sentence)
    if denying and not _any(support):
        yield Finding(Code.NEGATION_ADDED, f"no source has “{denying[0].of(sentence.text)}”", output=denying[0])


def _sure(passage: Passage) -> list[Span]:
    """The negations that a translation keeps."""
    ended = f"{passage.lower}\n"
    if not any(stem in ended for stem in _STEMS[passage.language]):
        return []
    return [Span(*match.span()) for match in _pattern(f"negation_{passage.language}").finditer(passage.lower)]


def _outnumber(passage: Passage, other: Passage, *, answered: bool) -> bool:
    """Whether ``passage`` has more negations than ``other`` has words that may deny; ``answered``: a sure one is there.

    What is sure is plain and may deny, too, so a lone negation that is answered needs no count of the rest.
    """
    plain = _plain(passage)
    return plain > answered and plain > _any(other)


def _plain(passage: Passage) -> int:
    """How many negations there are."""
    return _number(passage, f"negation_plain_{passage.language}")


def _any(passage: Passage) -> int:
    """How many words may deny."""
    return _number(passage, f"negation_plain_{passage.language}", f"negation_hints_{passage.language}")


def _number(passage: Passage, *names: str) -> int:
    return sum(1 for _ in _pattern(*names).finditer(passage.lower))


@cache
def _pattern(*names: str) -> re.Pattern[str]:
    """Any form of the lists, for a text in lower case, as they are."""
    forms = "|".join(form for name in names for form in entries(name))
    return re.compile(rf"\b(?:{forms})\b")
