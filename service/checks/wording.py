"""The checks of negation and quotations against the source."""

import re
from collections.abc import Iterator

from service.checks.base import Code, Finding, Passage, Severity
from service.domain import Span
from service.languages.base import NegationGrammar

_WORD = re.compile(r"\w+")
_AFTER_CHARS = 80
_FOLLOWING_WORDS = 2


def negations(source: Passage, output: Passage) -> Iterator[Finding]:
    """Whether ``output`` has fewer negations than ``source``, or more.

    There is a finding only if one of them is a negation that a translation keeps ("nicht", but not in "nicht nur").
    Many words can express a negation ("fail to", "unable"), so the plain negations of one side are compared with all
    words of the other side that may deny. Both languages have a negation grammar.
    """
    denied, denying = _sure(source), _sure(output)
    if denied and _plain(source) > _any(output):
        yield Finding(Code.NEGATION_LOST, f"“{denied[0].of(source.text)}” has no counterpart", source=denied[0])
    if denying and _plain(output) > _any(source):
        yield Finding(Code.NEGATION_ADDED, f"the source has no “{denying[0].of(output.text)}”", output=denying[0])


def negations_of_summary(support: Passage, sentence: Passage) -> Iterator[Finding]:
    """The same for a sentence of a summary, which may leave clauses out.

    A negation is lost only if both words that follow it are kept.
    """
    kept = set(_WORD.findall(sentence.text.lower()))
    if not _any(sentence):
        for span in _sure(support):
            after = _WORD.findall(support.text[span.end : span.end + _AFTER_CHARS].lower())[:_FOLLOWING_WORDS]
            if len(after) == _FOLLOWING_WORDS and kept.issuperset(after):
                yield Finding(Code.NEGATION_LOST, f"“{span.of(support.text)}” is left out", source=span)
                return
    denying = _sure(sentence)
    if denying and not _any(support):
        yield Finding(Code.NEGATION_ADDED, f"no source has “{denying[0].of(sentence.text)}”", output=denying[0])


def _grammar(passage: Passage) -> NegationGrammar:
    if passage.language.negation is None:
        raise ValueError(f"there is no grammar of negation for {passage.language.name}")
    return passage.language.negation


def _sure(passage: Passage) -> list[Span]:
    """The negations that a translation keeps."""
    return [Span(*match.span()) for match in _grammar(passage).sure.finditer(passage.lower)]


def _plain(passage: Passage) -> int:
    """The number of negations."""
    return sum(1 for _ in _grammar(passage).plain.finditer(passage.lower))


def _any(passage: Passage) -> int:
    """The number of words that may deny."""
    return sum(1 for _ in _grammar(passage).any.finditer(passage.lower))


_MARKS = ("„", "“", "”", '"', "«", "»", "``", "''")
_MARK = re.compile("|".join(_MARKS))
_SINGLE = re.compile(r"(?:(?<=[\s(:,„“\"])|^)['‘‚‹`´](?=[^\W\d])|(?<=[.,!?])['’›´](?=\s|$)|#\w")
"""The beginning of words in single marks, or the end of a sentence in them; a hashtag counts as a quoted name."""
_SPACE = re.compile(r"\s+")
_MOST_SCARE_WORDS = 2
_MOST_CHARS = 4_000  # a mark farther away closes nothing


def quotations(text: str) -> list[Span]:
    """The text between two successive quotation marks, without them; a mark without a partner gives none.

    Straight marks open and close alike, and curly marks have other roles in German and English, so marks are paired in
    their order; a mark that can only open („) always begins a new quotation.
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
    """Check that a sentence and its translation have equally many quotations, and no empty one.

    Marks are counted, because a quotation may open in one sentence and close in another. Words in single marks count on
    either side, because English uses them for “so-called” things. More quotations than before are often one that is
    interrupted by its speaker.
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
    """Whether a quotation may be a name or a single word, which languages write with or without marks."""
    if len(words.split()) <= _MOST_SCARE_WORDS and words[-1:] not in ".,!?":
        return True
    return words[-1:] not in ".,!?" and all(word[:1].isupper() or len(word) <= 3 for word in words.split())  # noqa: PLR2004 - articles and "of"


def _count(text: str) -> int:
    return sum(map(text.count, _MARKS))  # no two kinds share a character, so none hides another


def verbatim(source: str, output: str) -> Iterator[Finding]:
    """Check that the source has each quotation of a summary in the same words, and in quotation marks."""
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
