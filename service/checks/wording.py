"""The checks of negations and quotations against the source."""

import re
from collections.abc import Iterator

from service.checks.base import Code, Finding, Passage, Severity
from service.domain import Span
from service.languages.base import NegationGrammar

_WORD = re.compile(r"\w+")
_AFTER_CHARS = 80
_FOLLOWING_WORDS = 2


def check_negations(source: Passage, output: Passage) -> Iterator[Finding]:
    """Check that ``output`` has as many negations as ``source``.

    There is a finding only if one of them is a negation that a translation keeps ("nicht", but not in "nicht nur").
    Many words can express a negation ("fail to", "unable"). So the plain negations of one side are compared with all
    possible negations of the other side. Both languages must have a negation grammar.
    """
    in_source, in_output = _sure(source), _sure(output)
    if in_source and _plain(source) > _any(output):
        message = f"“{in_source[0].of(source.text)}” has no counterpart in the output"
        yield Finding(Code.NEGATION_LOST, message, source=in_source[0])
    if in_output and _plain(output) > _any(source):
        message = f"“{in_output[0].of(output.text)}” has no counterpart in the source"
        yield Finding(Code.NEGATION_ADDED, message, output=in_output[0])


def check_summary_negations(support: Passage, sentence: Passage) -> Iterator[Finding]:
    """Like `check_negations`, for a sentence of a summary, which may leave clauses out.

    A negation counts as lost only if the sentence contains the two words after it.
    """
    kept = set(_WORD.findall(sentence.text.lower()))
    if not _any(sentence):
        for span in _sure(support):
            after = _WORD.findall(support.text[span.end : span.end + _AFTER_CHARS].lower())[:_FOLLOWING_WORDS]
            if len(after) == _FOLLOWING_WORDS and kept.issuperset(after):
                yield Finding(Code.NEGATION_LOST, f"“{span.of(support.text)}” is missing", source=span)
                return
    added = _sure(sentence)
    if added and not _any(support):
        message = f"“{added[0].of(sentence.text)}” is not in the supporting sentences"
        yield Finding(Code.NEGATION_ADDED, message, output=added[0])


def _grammar(passage: Passage) -> NegationGrammar:
    if passage.language.negation is None:
        raise ValueError(f"{passage.language.name} has no negation grammar")
    return passage.language.negation


def _sure(passage: Passage) -> list[Span]:
    """The negations that a translation keeps."""
    return [Span(*match.span()) for match in _grammar(passage).sure.finditer(passage.lower)]


def _plain(passage: Passage) -> int:
    """The number of negations."""
    return sum(1 for _ in _grammar(passage).plain.finditer(passage.lower))


def _any(passage: Passage) -> int:
    """The number of possible negations."""
    return sum(1 for _ in _grammar(passage).any.finditer(passage.lower))


_MARKS = ("„", "“", "”", '"', "«", "»", "``", "''")
_MARK = re.compile("|".join(_MARKS))
_SINGLE = re.compile(r"(?:(?<=[\s(:,„“\"])|^)['‘‚‹`´](?=[^\W\d])|(?<=[.,!?])['’›´](?=\s|$)|#\w")
"""The start of words in single quotation marks, or the end of a sentence in them. A hashtag counts as a quotation."""
_SPACE = re.compile(r"\s+")
_MOST_SCARE_WORDS = 2
_MOST_CHARS = 4_000  # longer quotations do not count


def quotations(text: str) -> list[Span]:
    """The spans between successive quotation marks, without the marks. An unpaired mark is ignored.

    Straight marks can open and close, and curly marks differ between German and English. So marks are paired in
    sequence. The mark „ can only open, so it always begins a new quotation.
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


def check_quotations(source: str, output: str) -> Iterator[Finding]:
    """Check that a translation keeps the quotations of its sentence, and that no quotation is empty.

    The check counts marks, because a quotation may open in one sentence and close in another. Words in single marks
    also count, because English uses them for “so-called” things. Additional quotations are accepted if the source has
    one, because a translation often interrupts a quotation with its speaker.
    """
    in_source, in_output = _count(source), _count(output)
    if not in_source and not in_output:
        return
    for span in quotations(output):
        if not any(char.isalnum() for char in span.of(output)):
            yield Finding(Code.QUOTATION_EMPTY, "the quotation has no words", output=span)
    if in_source > in_output + 2 * len(_SINGLE.findall(output)):
        place = next(iter(quotations(source)), None)
        severity = Severity.REVIEW if in_output else _severity(place, source)
        message = f"the source has {in_source} quotation marks, the output {in_output}"
        yield Finding(Code.QUOTATION_MISSING, message, place, severity=severity)
    if in_output and not in_source and not _SINGLE.search(source):
        place = next(iter(quotations(output)), None)
        severity = _severity(place, output)
        message = "the output has a quotation, the source has none"
        yield Finding(Code.QUOTATION_ADDED, message, output=place, severity=severity)


def _severity(place: Span | None, text: str) -> Severity:
    return Severity.NOTE if place is not None and _is_title(place.of(text)) else Severity.REVIEW


def _is_title(words: str) -> bool:
    """Whether a quotation may be a title, a name or one or two words, which may also be written without marks."""
    if len(words.split()) <= _MOST_SCARE_WORDS and words[-1:] not in ".,!?":
        return True
    return words[-1:] not in ".,!?" and all(word[:1].isupper() or len(word) <= 3 for word in words.split())  # noqa: PLR2004 - articles and "of"


def _count(text: str) -> int:
    return sum(map(text.count, _MARKS))  # the marks have no characters in common, so none is counted twice


def check_verbatim(source: str, output: str) -> Iterator[Finding]:
    """Check that the source has each quotation of a summary word for word and in quotation marks."""
    whole = _SPACE.sub(" ", source)
    spoken = [_SPACE.sub(" ", span.of(source)) for span in quotations(source)]
    for span in quotations(output):
        words = _SPACE.sub(" ", span.of(output)).strip(" .,!?…")
        if not any(char.isalnum() for char in words):
            yield Finding(Code.QUOTATION_EMPTY, "the quotation has no words", output=span)
        elif words not in whole:
            yield Finding(Code.QUOTATION_ALTERED, "the quoted words are not in the source", output=span)
        elif not any(words in one for one in spoken):
            yield Finding(Code.QUOTATION_ADDED, "the source has these words outside quotation marks", output=span)
