"""Checks of translated sentences and of summaries.

This module contains the checks for negations, quotations, length and untranslated words, and the functions that run all
checks.
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from itertools import chain

from service.checks.base import Code, Finding, Passage, Severity
from service.checks.figures import check_numbers, check_units, fact_keys
from service.checks.literals import check_literals, check_markup, check_signs
from service.checks.meaning import check_negations, check_opposites, check_summary_negations
from service.checks.names import Index, check_added_names, check_names
from service.checks.repetition import check_repetition, find_repeated_sentences
from service.checks.vocabulary import check_untranslated, check_words
from service.domain import Span
from service.languages.base import Language
from service.text.normalization import Composed, compose

_MARKS = ("„", "“", "”", '"', "«", "»", "``", "''")
_MARK = re.compile("|".join(_MARKS))
_SINGLE = re.compile(r"(?:(?<=[\s(:,„“\"])|^)['‘‚‹`´](?=[^\W\d])|(?<=[.,!?])['’›´](?=\s|$)|#\w")
"""The start of a phrase in single quotation marks, or the end of a sentence in them. A hashtag also counts."""
_SPACE = re.compile(r"\s+")
_MOST_SCARE_WORDS = 2
_MOST_CHARS = 4_000  # longer passages between two marks are not quotations


def quotations(text: str) -> list[Span]:
    """Return the spans between pairs of quotation marks, without the marks. Unpaired marks are ignored.

    A straight mark can open or close a quotation, and curly marks have different roles in German and English. The marks
    are therefore paired in sequence. The mark „ can only open a quotation, so it always starts a new pair.
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
    """Check that a translation keeps the quotations of its source sentence and that no quotation is empty.

    The check counts marks, because a quotation may open in one sentence and close in another. Single quotation marks
    count too, because English uses them for “so-called” things. If the source contains a quotation, the translation may
    contain more of them, because translations often interrupt a quotation to name its speaker.
    """
    in_source, in_output = _count(source), _count(output)
    if not in_source and not in_output:
        return
    for span in quotations(output):
        if not any(char.isalnum() for char in span.of(output)):
            yield Finding(Code.QUOTATION_EMPTY, "the quotation contains no words", output=span)
    if in_source > in_output + 2 * len(_SINGLE.findall(output)):
        place = next(iter(quotations(source)), None)
        severity = Severity.REVIEW if in_output else _severity(place, source)
        message = f"the number of quotation marks differs: {in_source} in the source, {in_output} in the translation"
        yield Finding(Code.QUOTATION_MISSING, message, place, severity=severity)
    if in_output and not in_source and not _SINGLE.search(source):
        place = next(iter(quotations(output)), None)
        severity = _severity(place, output)
        message = "the translation contains a quotation, but the source does not"
        yield Finding(Code.QUOTATION_ADDED, message, output=place, severity=severity)


def _severity(place: Span | None, text: str) -> Severity:
    return Severity.NOTE if place is not None and _is_title(place.of(text)) else Severity.REVIEW


def _is_title(words: str) -> bool:
    """Return whether a quotation could be a title, a name or a short phrase.

    These may also be written without quotation marks.
    """
    if len(words.split()) <= _MOST_SCARE_WORDS and words[-1:] not in ".,!?":
        return True
    return words[-1:] not in ".,!?" and all(word[:1].isupper() or len(word) <= 3 for word in words.split())  # noqa: PLR2004 - articles and "of"


def _count(text: str) -> int:
    return sum(map(text.count, _MARKS))  # no character occurs in two of the marks, so no mark is counted twice


def check_verbatim(source: str, output: str) -> Iterator[Finding]:
    """Check that each quotation in a summary also occurs verbatim and in quotation marks in the source."""
    whole = _SPACE.sub(" ", source)
    spoken = [_SPACE.sub(" ", span.of(source)) for span in quotations(source)]
    for span in quotations(output):
        words = _SPACE.sub(" ", span.of(output)).strip(" .,!?…")
        if not any(char.isalnum() for char in words):
            yield Finding(Code.QUOTATION_EMPTY, "the quotation contains no words", output=span)
        elif words not in whole:
            yield Finding(Code.QUOTATION_ALTERED, "the quoted words do not appear in the source", output=span)
        elif not any(words in one for one in spoken):
            yield Finding(Code.QUOTATION_ADDED, "these words are not in quotation marks in the source", output=span)


Check = Callable[[Passage, Passage], Iterator[Finding]]

_LEAST_CHARS = 12


def check_length(source: Passage, output: Passage) -> Iterator[Finding]:
    """Check that ``output`` is not much shorter or longer than a typical translation of ``source``.

    The shorter the source, the wider the limits. Sources with fewer than twelve characters are not checked.
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


def _check_quotations(source: Passage, output: Passage) -> Iterator[Finding]:
    return check_quotations(source.text, output.text)


@dataclass(frozen=True, slots=True)
class SentenceChecks:
    """The checks for a language pair.

    ``running`` contains (name, check) pairs in execution order. ``missing`` contains the names of the checks that
    cannot run because one of the languages lacks a grammar.
    """

    running: tuple[tuple[str, Check], ...]
    missing: tuple[str, ...]


@cache
def checks_of(source: Language, target: Language) -> SentenceChecks:
    """Return the checks for sentences that are translated from ``source`` to ``target``.

    A check runs only if both languages provide the grammar that it needs. Otherwise it is listed as missing.
    """
    dated = source.dates is not None and target.dates is not None
    candidates: tuple[tuple[str, Check, bool], ...] = (
        ("numbers", partial(check_numbers, dated=dated), source.numbers is not None and target.numbers is not None),
        ("units", check_units, source.units is not None and target.units is not None),
        ("names", check_names, source.names is not None and target.names is not None),
        ("quotations", _check_quotations, True),
        ("negation", check_negations, source.negation is not None and target.negation is not None),
        ("opposites", check_opposites, source.negation is not None and target.negation is not None),
        ("repetition", check_repetition, True),
        ("length", check_length, target.code in source.length_ratios),
        ("untranslated", check_untranslated, bool(source.frequent_words) and target.knows is not None),
        ("words", check_words, target.spells is not None),
        ("literals", check_literals, True),
        ("signs", check_signs, True),
        ("markup", check_markup, True),
    )
    missing = [name for name, _, possible in candidates if not possible]
    if not dated or "numbers" in missing:
        missing.append("dates")
    return SentenceChecks(tuple((name, check) for name, check, possible in candidates if possible), tuple(missing))


def check_sentence(source: str, output: str, source_language: Language, target_language: Language) -> list[Finding]:
    """Check one translated sentence and return the findings.

    The spans of a finding are relative to the source sentence and to its translation. A call takes about 1 ms.
    """
    if not any(char.isalnum() for char in output):
        return list(_emptied(source, output))
    composed = compose(source), compose(output)
    passages = Passage.of(composed[0].text, source_language), Passage.of(composed[1].text, target_language)
    running = checks_of(source_language, target_language).running
    found = [finding for _, check in running for finding in check(*passages)]
    return found if composed[0].text == source and composed[1].text == output else _placed(found, *composed)


def _placed(findings: Sequence[Finding], source: Composed, output: Composed) -> list[Finding]:
    """Return findings about composed texts with the spans of the original texts."""
    return [
        replace(
            one,
            source=None if one.source is None else source.span(one.source),
            output=None if one.output is None else output.span(one.output),
        )
        for one in findings
    ]


def _emptied(source: str, output: str) -> Iterator[Finding]:
    if any(char.isalpha() for char in source):
        message = "the translation contains no words"
        yield Finding(Code.EMPTY_OUTPUT, message, Span(0, len(source)), Span(0, len(output)))


def check_summary(
    source: str, summary: str, sentences: Sequence[tuple[Span, Sequence[Span]]], language: Language
) -> list[Finding]:
    """Check each sentence of a summary against the source and return the findings.

    ``sentences`` contains, for each sentence of the summary, its span in ``summary`` and the spans of its supporting
    sentences in ``source``. Numbers, units and negations are compared with the supporting sentences. Names and
    quotations are compared with the whole source. If a number occurs only elsewhere in the source, the finding is a
    note.

    The spans of the findings are offsets in ``source`` and ``summary``, in code points. A finding about missing content
    refers to the first supporting sentence.
    """
    whole = Passage.of(source, language)
    checks = _SummaryChecks(whole)
    outputs = [span.of(summary) for span, _ in sentences]
    supports = [" ".join(span.of(source) for span in support) for _, support in sentences]
    repeated = {number: [finding] for number, finding in find_repeated_sentences(supports, outputs)}
    found: list[Finding] = []
    for number, (span, support) in enumerate(sentences):
        sentence = Passage.of(outputs[number], language)
        whole_sentence = Span(0, len(outputs[number]))
        if not any(char.isalnum() for char in outputs[number]):
            message = "the sentence contains no words"
            own: Iterator[Finding] = iter([Finding(Code.EMPTY_OUTPUT, message, output=whole_sentence)])
        elif not support:
            message = "no sentence in the source supports this one"
            own = iter([Finding(Code.SENTENCE_UNSUPPORTED, message, output=whole_sentence)])
        else:
            own = checks.against_support(Passage.of(supports[number], language), sentence)
        shared = chain(checks.against_source(sentence), repeated.get(number, ()))
        found += [_with_article_spans(finding, span, support) for finding in chain(own, shared)]
    return found


class _SummaryChecks:
    """The checks for summary sentences. A check is skipped if the language lacks the grammar that it needs."""

    def __init__(self, source: Passage) -> None:
        self._source = source
        self._running = {name for name, _ in checks_of(source.language, source.language).running}
        self._dated = source.language.dates is not None
        self._keys = fact_keys(source) if "numbers" in self._running else frozenset()
        self._index = Index(source, source.language)

    def against_support(self, support: Passage, sentence: Passage) -> Iterator[Finding]:
        if "numbers" in self._running:
            yield from check_numbers(support, sentence, dated=self._dated, complete=False, elsewhere=self._keys)
        if "units" in self._running:
            yield from check_units(support, sentence, complete=False)
        if "negation" in self._running:
            yield from check_summary_negations(support, sentence)

    def against_source(self, sentence: Passage) -> Iterator[Finding]:
        if "names" in self._running:
            yield from check_added_names(self._index, sentence)
        yield from check_verbatim(self._source.text, sentence.text)
        yield from check_repetition(self._source, sentence)


def _with_article_spans(finding: Finding, sentence: Span, support: Sequence[Span]) -> Finding:
    """Return the finding with spans that are relative to the whole source and the whole summary.

    If the finding has a source span, the span of the first supporting sentence replaces it.
    """
    output = None if finding.output is None else finding.output.shifted(sentence.start)
    source = support[0] if support and finding.source is not None else None
    return Finding(finding.code, finding.message, source, output, finding.severity)
