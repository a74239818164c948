"""The checks of negation and quotations against the source."""

import re
from collections.abc import Iterator
from functools import cache

from service.checks.base import Code, Finding, Passage, Severity
from service.domain import Span
from service.languages.wordlists import entries

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


_MARKS = ("„", "“", "”", '"', "«", "»", "``", "''")
_MARK = re.compile("|".join(_MARKS))
_SINGLE = re.compile(r"(?:(?<=[\s(:,„“\"])|^)['‘‚‹`´](?=[^\W\d])|(?<=[.,!?])['’›´](?=\s|$)|#\w")
"""Where words in single marks begin, or a sentence in them ends; a hashtag stands for its quoted name."""
_SPACE = re.compile(r"\s+")
_MOST_SCARE_WORDS = 2
_MOST_CHARS = 4_000  # further on a mark is taken to close nothing


def quotations(text: str) -> list[Span]:
    """What stands between two quotation marks in a row, without them; a mark without a partner gives none.

    Straight marks open and close alike, and German and English curly ones swap roles, so marks pair in their order,
    but a mark that can only open („) always begins a new quotation.
    """
    found = []
    opened: int | None = None
    for mark in _MARK.finditer(text):
        if opened is None or mark.group() == "„" or mark.start() - opened > _MOST_CHARS:
            opened = mark.end()
        else:
            found.append(Span(opened, mark.start()))
            opened = None
    return found


def quoted(source: str, output: str) -> Iterator[Finding]:
    """Checks a sentence and its translation: as many quotations in both, none of them empty.

    What opens in one sentence and closes in another is counted by its marks. Words in single marks count on either
    side, for English writes “so-called” things so. More quotations than before are often one that its speaker parts.
    """
    there, written = _count(source), _count(output)
    if not there and not written:
        return
    for span in quotations(output):
        if not any(char.isalnum() for char in span.of(output)):
            yield Finding(Code.QUOTATION_EMPTY, "a quotation without words", output=span)
    if there > written + 2 * len(_SINGLE.findall(output)):
        place = next(iter(quotations(source)), None)
        severity = Severity.REVIEW if written else _severity(place, source)
        yield Finding(Code.QUOTATION_MISSING, f"{there} quotation marks became {written}", place, severity=severity)
    if written and not there and not _SINGLE.search(source):
        place = next(iter(quotations(output)), None)
        severity = _severity(place, output)
        yield Finding(Code.QUOTATION_ADDED, "the output quotes, the source does not", output=place, severity=severity)


def _severity(place: Span | None, text: str) -> Severity:
    return Severity.NOTE if place is not None and _is_title(place.of(text)) else Severity.REVIEW


def _is_title(words: str) -> bool:
    """Whether a quotation may be a name or a single word, which both languages write with marks or without."""
    if len(words.split()) <= _MOST_SCARE_WORDS and words[-1:] not in ".,!?":
        return True
    return words[-1:] not in ".,!?" and all(word[:1].isupper() or len(word) <= 3 for word in words.split())  # noqa: PLR2004 - articles and "of"


def _count(text: str) -> int:
    return sum(map(text.count, _MARKS))  # no two kinds share a character, so none hides another


def verbatim(source: str, output: str) -> Iterator[Finding]:
    """Checks a summary: what it quotes stands in the source in the same words, and there in quotation marks too."""
    whole = _SPACE.sub(" ", source)
    spoken = [_SPACE.sub(" ", span.of(source)) for span in quotations(source)]
    for span in quotations(output):
        words = _SPACE.sub(" ", span.of(output)).strip(" .,!?…")
        if not any(char.isalnum() for char in words):
            yield Finding(Code.QUOTATION_EMPTY, "a quotation without words", output=span)
        elif words not in whole:
            yield Finding(Code.QUOTATION_ALTERED, "these words are not in the source", output=span)
        elif not any(words in one for one in spoken):
            yield Finding(Code.QUOTATION_ADDED, "the source says this, but does not quote it", output=span)
