"""Checks of translated sentences and of summaries.

This module contains the checks for negations, quotations, length and untranslated words, and the functions that run all
checks.
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from itertools import chain

from service.checks.base import Code, Finding, Passage, Severity
from service.checks.figures import check_numbers, check_units, fact_keys
from service.checks.names import Index, check_added_names, check_names
from service.checks.repetition import check_repetition, find_repeated_sentences
from service.domain import Span
from service.languages.base import Language, NegationGrammar

_ANY_WORD = re.compile(r"\w+")
_AFTER_CHARS = 80
_FOLLOWING_WORDS = 2


def check_negations(source: Passage, output: Passage) -> Iterator[Finding]:
    """Check that ``output`` contains as many negations as ``source``.

    A finding always refers to an unambiguous negation, such as "nicht" (except in "nicht nur"). Many other words can
    express a negation ("fail to", "unable"). The check therefore compares the number of negations in one text with the
    number of words in the other text that can express a negation.

    Raises:
        ValueError: one of the languages has no negation grammar.
    """
    in_source, in_output = _sure(source), _sure(output)
    if in_source and _plain(source) > _any(output):
        message = f"“{in_source[0].of(source.text)}” has no equivalent in the translation"
        yield Finding(Code.NEGATION_LOST, message, source=in_source[0])
    if in_output and _plain(output) > _any(source):
        message = f"“{in_output[0].of(output.text)}” has no equivalent in the source"
        yield Finding(Code.NEGATION_ADDED, message, output=in_output[0])


def check_summary_negations(support: Passage, sentence: Passage) -> Iterator[Finding]:
    """Compare the negations in a summary sentence with those in its supporting sentences.

    A summary may leave out clauses. A negation is therefore reported as lost only if the summary sentence contains the
    two words that follow the negation in the source.

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
        raise ValueError(f"{passage.language.name} has no negation grammar")
    return passage.language.negation


def _sure(passage: Passage) -> list[Span]:
    """Return the spans of the negations that a translation always keeps."""
    return [Span(*match.span()) for match in _grammar(passage).sure.finditer(passage.lower)]


def _plain(passage: Passage) -> int:
    return sum(1 for _ in _grammar(passage).plain.finditer(passage.lower))


def _any(passage: Passage) -> int:
    """Count all words that can express a negation."""
    return sum(1 for _ in _grammar(passage).any.finditer(passage.lower))


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
    count too, because English also uses them to distance the writer from a word (‘so-called’). If the source contains a
    quotation, the translation may contain more of them, because translations often interrupt a quotation to name its
    speaker.
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


_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_RUN_WORDS = 4
_SHOWN_WORDS = 5
_LEAST_SHARE = 0.11
_LEAST_WORDS = 3
_LEAST_COPIED_CHARS = 5
_LEAST_COPIED = 2
_APART = re.compile(
    r"(?<!\S)\S{0,200}(?:@|://|www\.|\.\w{2,4}/)\S*|[„“”\"»«'‚‘(\[][^„“”\"»«'’‚‘()\[\]]{1,80}[“”\"»«'’‘)\]]"
)


def check_untranslated(source: Passage, output: Passage) -> Iterator[Finding]:
    """Check that ``output`` does not contain text in the source language.

    The check looks for frequent words of the source language, for copied words and for copied runs of words. It yields
    at most one finding. Quoted words and addresses may remain untranslated, and capitalised words may be names.
    """
    words, foreign = _WORD.findall(source.text), _Foreign(source.language, output.language)
    if _is_copy(words, _WORD.findall(output.text), foreign):
        yield Finding(Code.UNTRANSLATED, "the translation is identical to the source", output=Span(0, len(output.text)))
        return
    found = list(_WORD.finditer(_APART.sub(lambda match: " " * len(match[0]), output.text)))
    left = _frequent(found, source.language) or _copied(found, words, foreign) or _run(found, words, foreign)
    if left:
        span = Span(left[0].start(), left[-1].end())
        shown = " ".join(match[0] for match in left[:_SHOWN_WORDS])
        yield Finding(Code.UNTRANSLATED, f"some words are still in {source.language.name}: {shown}", output=span)


class _Foreign:
    """A classifier that recognises words that do not belong to the target language."""

    def __init__(self, source: Language, target: Language) -> None:
        self._frequent = source.frequent_words
        self._knows = target.knows

    def unknown(self, word: str) -> bool:
        """Return whether the word is long, in lower case, and missing from the word list of the target language."""
        return len(word) >= _LEAST_COPIED_CHARS and word.islower() and self._knows is not None and not self._knows(word)

    def untranslated(self, word: str) -> bool:
        return word in self._frequent or self.unknown(word)


def _frequent(found: Sequence[re.Match[str]], source: Language) -> list[re.Match[str]]:
    """Return the words that are frequent in the source language.

    The list is empty unless there are at least three such words and they make up at least 11 % of all words.
    """
    frequent = [match for match in found if match[0] in source.frequent_words]
    return frequent if len(frequent) >= _LEAST_WORDS and len(frequent) >= _LEAST_SHARE * len(found) else []


def _copied(found: Sequence[re.Match[str]], source: Sequence[str], foreign: _Foreign) -> list[re.Match[str]]:
    """Return the words that are copied from the source and unknown in the target language.

    The list is empty unless it contains at least two different words.
    """
    source_words = set(source)
    copied = [match for match in found if match[0] in source_words and foreign.unknown(match[0])]
    return copied if len({match[0] for match in copied}) >= _LEAST_COPIED else []


def _run(found: Sequence[re.Match[str]], source: Sequence[str], foreign: _Foreign) -> list[re.Match[str]]:
    """Return the first run of four words that is copied from the source and contains an untranslated word."""
    source_runs = {tuple(source[place : place + _RUN_WORDS]) for place in range(len(source) - _RUN_WORDS + 1)}
    for place in range(len(found) - _RUN_WORDS + 1):
        run = found[place : place + _RUN_WORDS]
        words = tuple(match[0] for match in run)
        if words in source_runs and any(map(foreign.untranslated, words)):
            return list(run)
    return []


def _is_copy(words: Sequence[str], others: Sequence[str], foreign: _Foreign) -> bool:
    if len(words) != len(others) or any(one.lower() != other.lower() for one, other in zip(words, others, strict=True)):
        return False
    return len(words) >= _LEAST_WORDS and any(map(foreign.untranslated, words))


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
        ("repetition", check_repetition, True),
        ("length", check_length, target.code in source.length_ratios),
        ("untranslated", check_untranslated, bool(source.frequent_words) and target.knows is not None),
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
    passages = Passage.of(source, source_language), Passage.of(output, target_language)
    running = checks_of(source_language, target_language).running
    return [finding for _, check in running for finding in check(*passages)]


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
            yield from check_units(support, sentence)
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
