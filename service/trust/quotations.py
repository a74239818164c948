"""Finds quotations and checks that they came through: marked in both texts, not empty, in a summary word for word."""

import re
from collections.abc import Iterator

from service.trust.findings import Code, Finding, Severity
from service.types import Span

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
