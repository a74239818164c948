"""Checks of the content of a translation or summary: negations, words with opposite meanings, and length."""

import re
from bisect import bisect_right
from collections.abc import Iterator
from functools import lru_cache

from service.checks.base import Code, Finding, Passage, Severity
from service.domain import Span
from service.languages.base import NegationGrammar, OppositeWords, Pole

_ANY_WORD = re.compile(r"\w+")
_AFTER_CHARS = 80
_FOLLOWING_WORDS = 2
_LONG_CHARS = 220


def check_negations(source: Passage, output: Passage) -> Iterator[Finding]:
    """Check that ``output`` loses no negation of ``source`` and adds none.

    Many other words can express a negation ("fail to", "unable"). A negation therefore counts as lost only if
    ``source`` contains more negations than ``output`` contains negations and such words. It counts as added in the
    reverse case. If both texts contain such words ("unklar", "unclear"), one word of each text is assumed to translate
    one of the other, and these pairs are not counted. If the source has more than 220 characters, this assumption is
    often wrong, so a finding that depends on it has the severity ``note``. A finding refers to the first unambiguous
    negation of its text, such as "nicht" (except in "nicht nur"). Without an unambiguous negation, there is no finding.

    Raises:
        ValueError: one of the languages has no negation grammar.
    """
    in_source, in_output = _sure(source), _sure(output)
    lost = _plain(source) - _any(output) if in_source else 0
    added = _plain(output) - _any(source) if in_output else 0
    shared = min(_any(source) - _plain(source), _any(output) - _plain(output)) if in_source or in_output else 0
    long = len(source.text) > _LONG_CHARS
    if in_source and lost + shared > 0:
        message = f"“{in_source[0].of(source.text)}” has no equivalent in the translation"
        severity = Severity.NOTE if long and lost <= 0 else Severity.REVIEW
        yield Finding(Code.NEGATION_LOST, message, source=in_source[0], severity=severity)
    if in_output and added + shared > 0:
        message = f"“{in_output[0].of(output.text)}” has no equivalent in the source"
        severity = Severity.NOTE if long and added <= 0 else Severity.REVIEW
        yield Finding(Code.NEGATION_ADDED, message, output=in_output[0], severity=severity)


def check_summary_negations(support: Passage, sentence: Passage) -> Iterator[Finding]:
    """Compare the unambiguous negations in a summary sentence with those in its supporting sentences.

    A summary may leave out clauses. A negation is therefore reported as lost only if the summary sentence has no word
    that can express a negation, but contains the two words that follow the negation in ``support``. At most one
    negation is reported as lost. The first negation of the summary sentence is reported as added if ``support`` has no
    word that can express a negation.

    Raises:
        ValueError: one of the languages has no negation grammar.
    """
    kept = set(_ANY_WORD.findall(sentence.text.lower()))
    if not _any(sentence):
        for span in _sure(support):
            after = _ANY_WORD.findall(support.text[span.end : span.end + _AFTER_CHARS].lower())[:_FOLLOWING_WORDS]
            if len(after) == _FOLLOWING_WORDS and kept.issuperset(after):
                message = f"the negation “{span.of(support.text)}” is missing from this sentence"
                yield Finding(Code.NEGATION_LOST, message, source=span)
                return
    added = _sure(sentence)
    if added and not _any(support):
        message = f"the negation “{added[0].of(sentence.text)}” is not in the supporting sentences"
        yield Finding(Code.NEGATION_ADDED, message, output=added[0])


def _grammar(passage: Passage) -> NegationGrammar:
    if passage.language.negation is None:
        raise ValueError(
            f"{passage.language.name} has no negation grammar: define `Language.negation` or omit this check"
        )
    return passage.language.negation


def _sure(passage: Passage) -> list[Span]:
    """Return the spans of the unambiguous negations in a passage, which a correct translation always keeps."""
    return [Span(*match.span()) for match in _grammar(passage).sure.finditer(passage.lower)]


def _plain(passage: Passage) -> int:
    """Return the number of negations in a passage, including those that a translation may drop."""
    return sum(1 for _ in _grammar(passage).plain.finditer(passage.lower))


def _any(passage: Passage) -> int:
    """Return the number of words in a passage that can express a negation, including the negations themselves."""
    return sum(1 for _ in _grammar(passage).any.finditer(passage.lower))


_WORD = re.compile(r"[^\W\d_]+(?:[-'’][^\W\d_]+)*")
_FIRM_AXES = frozenset(
    "latitude point daytime day child parent sibling person state crowd bound side trade share".split()
)
_CLAUSE_END = re.compile(r"\s*(?:[.,;:!?)\"“”»«–—]|$|(?:und|oder|aber|als|wie)\b)")
_FIRST_NAME = re.compile(r"(?<!\w)([A-ZÄÖÜ][^\W\d_]+) $")
_FIRST_NAME_CHARS = 30
_LEAST_BEGINNING, _MOST_BEGINNING = 2, 14
_LEAST_ENDING, _MOST_ENDING = 2, 8


def check_opposites(source: Passage, output: Passage) -> Iterator[Finding]:
    """Check that no word of ``source`` was translated as its opposite, such as "fiel" as "rose".

    The words are grouped by axis, such as "change", whose opposite meanings are "rise" and "fall". There are two kinds
    of findings. Either ``output`` has as many words on an axis as ``source``, but fewer with one of the meanings. Or
    each text has words with only one meaning, and the two meanings differ. If the texts differ in the number of other
    words that can express a negation, the check covers only axes whose meanings a negation does not reverse, such as
    "north" and "south". Words in set phrases ("nach Angaben") and surnames after a first name are not counted. Each
    axis results in at most one finding.

    Raises:
        ValueError: the negations must be counted, but one of the languages has no negation grammar.
    """
    in_source = _poles(source)
    in_output = _poles(output) if in_source else {}
    for axis, meanings in in_source.items():
        others = in_output.get(axis, {})
        places = _exchanged(meanings, others)
        if places is None or (axis not in _FIRM_AXES and _negations(source, meanings) != _negations(output, others)):
            continue
        words = places[0].of(source.text), places[1].of(output.text)
        yield Finding(Code.MEANING_REVERSED, f"“{words[1]}” has the opposite meaning of “{words[0]}”", *places)


_Meanings = dict[str, list[Span]]
"""The meanings of words on an axis (see `Pole`), each with the spans of its words."""


def _exchanged(meanings: _Meanings, others: _Meanings) -> tuple[Span, Span] | None:
    """Return the spans of a word of the source and of its opposite in the output, or None (see `check_opposites`).

    ``meanings`` and ``others`` are the words of the source and of the output on the same axis.
    """
    lost = next((one for one, spans in meanings.items() if len(spans) > len(others.get(one, ()))), None)
    added = next((one for one, spans in others.items() if len(spans) > len(meanings.get(one, ()))), None)
    alone = len(meanings) == len(others) == 1
    if lost is None or added is None or lost == added or not (alone or _words_of(meanings) == _words_of(others)):
        return None
    return meanings[lost][0], others[added][-1]


def _words_of(meanings: _Meanings) -> int:
    return sum(map(len, meanings.values()))


def _negations(passage: Passage, meanings: _Meanings) -> int:
    """Return how many words of a passage can express a negation, without counting those in ``meanings`` ("banned")."""
    own = [span for spans in meanings.values() for span in spans]
    found = (Span(*match.span()) for match in _grammar(passage).any.finditer(passage.lower))
    return sum(1 for one in found if not any(one.overlaps(span) for span in own))


def _poles(passage: Passage) -> dict[str, _Meanings]:
    """Map each axis that occurs in a passage to the meanings of the words on it."""
    grammar = passage.language.opposites
    found: dict[str, _Meanings] = {}
    if not grammar.words:
        return found
    phrases = [Span(*match.span()) for match in grammar.phrases.finditer(passage.lower)]
    for match in _WORD.finditer(passage.lower):
        if any(span.start <= match.start() < span.end for span in phrases) or _is_surname(passage, match):
            continue
        for pole in {*_poles_of(match[0], grammar), *_separated(match, passage.lower, grammar)}:
            found.setdefault(pole.axis, {}).setdefault(pole.meaning, []).append(Span(*match.span()))
    return found


def _is_surname(passage: Passage, match: re.Match[str]) -> bool:
    """Return whether the word at ``match`` is capitalised and follows a possible first name ("Harald Leemann")."""
    names, text = passage.language.names, passage.text
    if names is None or not text[match.start()].isupper():
        return False
    before = _FIRST_NAME.search(text, max(0, match.start() - _FIRST_NAME_CHARS), match.start())
    return before is not None and not names.is_common(before[1], True)  # noqa: FBT003 - may open a sentence


@lru_cache(maxsize=20_000)
def _poles_of(word: str, grammar: OppositeWords) -> tuple[Pole, ...]:
    found = list(grammar.words.get(word, ()))
    for end in range(_LEAST_BEGINNING, min(len(word), _MOST_BEGINNING) + 1):
        found += grammar.beginnings.get(word[:end], ())
    for chars in range(_LEAST_ENDING, min(len(word), _MOST_ENDING) + 1):
        found += grammar.endings.get(word[-chars:], ())
    return tuple(found)


_MOST_CLAUSE_CHARS = 200


def _separated(match: re.Match[str], text: str, grammar: OppositeWords) -> Iterator[Pole]:
    """Yield the meanings of the verb at ``match`` if its separable particle ends the clause, as in "gab ... nach".

    ``text`` is the whole text in lower case. The particle must be within 200 characters.
    """
    for particle, pole in grammar.separated.get(match[0], ()):
        clause = text[match.end() : match.end() + _MOST_CLAUSE_CHARS]
        for place in re.finditer(rf"\b{re.escape(particle)}\b", clause):
            if _CLAUSE_END.match(clause, place.end()):
                yield pole
                break


_LEAST_CHARS = 12


def check_length(source: Passage, output: Passage) -> Iterator[Finding]:
    """Check that ``output`` is not much shorter or longer than a typical translation of ``source``.

    The limits are wider for short sources. White space at the ends is not counted. Empty outputs, sources with fewer
    than twelve characters, and pairs of languages without a `LengthRatio` are not checked.
    """
    usual = source.language.length_ratios.get(output.language.code)
    chars = len(source.text.strip())
    if usual is None or chars < _LEAST_CHARS or not output.text.strip():
        return
    step = bisect_right(usual.steps, chars)
    ratio = len(output.text.strip()) / chars
    span = Span(0, len(output.text))
    if ratio < usual.shortest[step]:
        message = f"the translation is only {ratio:.0%} as long as the source; content may be missing"
        yield Finding(Code.OUTPUT_TOO_SHORT, message, output=span)
    elif ratio > usual.longest[step]:
        message = f"the translation is {ratio:.0%} as long as the source; some content may be invented"
        yield Finding(Code.OUTPUT_TOO_LONG, message, output=span)
