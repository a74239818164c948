"""The checks that run on each translated sentence and on each summary.

The other modules of this package contain the checks. This module selects the checks for the languages and runs them.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from itertools import chain

from service.checks.base import Code, Finding, Passage
from service.checks.content import check_length, check_negations, check_opposites, check_summary_negations
from service.checks.copied import check_literals, check_markup, check_quotations, check_signs, check_verbatim
from service.checks.figures import check_numbers, fact_keys
from service.checks.names import Index, check_added_names, check_names
from service.checks.repetition import check_repetition, find_repeated_sentences
from service.checks.units import check_units
from service.checks.vocabulary import check_compounds, check_genitives, check_untranslated, check_words
from service.domain import Span
from service.languages.base import Language
from service.text.normalization import Composed, compose

Check = Callable[[Passage, Passage], Iterator[Finding]]


def _check_quotations(source: Passage, output: Passage) -> Iterator[Finding]:
    return check_quotations(source.text, output.text, speech=output.language.speech)


@dataclass(frozen=True, slots=True)
class SentenceChecks:
    """The checks for translations from one language into another.

    ``running`` contains (name, check) pairs in execution order. ``missing`` contains the names of the checks that
    cannot run because the languages lack a grammar, a word list or length limits that the check needs.
    """

    running: tuple[tuple[str, Check], ...]
    missing: tuple[str, ...]


@cache
def checks_of(source: Language, target: Language) -> SentenceChecks:
    """Return the checks for sentences that are translated from ``source`` to ``target``.

    A check can run only if the two languages provide the data that it needs. Otherwise, its name is in ``missing``. The
    check ``numbers`` also compares dates. If it cannot compare them, ``missing`` contains ``dates``.
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
        ("compounds", check_compounds, target.spells is not None),
        ("genitives", check_genitives, source.names is not None),
        ("literals", check_literals, True),
        ("signs", check_signs, True),
        ("markup", check_markup, True),
    )
    missing = [name for name, _, possible in candidates if not possible]
    if not dated or "numbers" in missing:
        missing.append("dates")
    return SentenceChecks(tuple((name, check) for name, check, possible in candidates if possible), tuple(missing))


def check_sentence(source: str, output: str, source_language: Language, target_language: Language) -> list[Finding]:
    """Check ``output``, the translation of the sentence ``source``, and return the findings.

    If ``output`` contains no letter and no digit, the only finding has the code ``empty_output``. In this case, there
    is no finding if ``source`` contains no letter.

    The spans of the findings are offsets in ``source`` and ``output``, in code points. A call takes about 1 ms.
    """
    if not any(char.isalnum() for char in output):
        return list(_emptied(source, output))
    composed = compose(source), compose(output)
    passages = Passage.of(composed[0].text, source_language), Passage.of(composed[1].text, target_language)
    running = checks_of(source_language, target_language).running
    found = [finding for _, check in running for finding in check(*passages)]
    return found if composed[0].text == source and composed[1].text == output else _placed(found, *composed)


def _placed(findings: Sequence[Finding], source: Composed, output: Composed) -> list[Finding]:
    """Convert the spans of the findings to spans of the original texts.

    The findings refer to the NFC forms of the two texts, which are ``source.text`` and ``output.text``.
    """
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


LEAST_REFEREE_SCORE = -4.0
"""The lowest log-probability per token at which `check_obedience` accepts a translation.

A small translation model computes the log-probability. Among 20 correct translations of news sentences, the lowest
score of the embedded model was -3.6. Among 20 translations that were scored with a wrong source sentence, 18 had a
score below -4.0.
"""


def check_obedience(source: str, language: Language, score: float | None) -> Iterator[Finding]:
    """Yield findings if a language model may have obeyed ``source`` or invented its output, instead of translating.

    The function yields one finding if ``source``, which is in ``language``, contains the wording of an instruction. It
    yields another if ``score`` is less than ``LEAST_REFEREE_SCORE``. ``score`` is the log-probability per token that a
    small translation model assigns to the output. A score that is None or not finite is unknown and is not checked.
    """
    found = language.instructions.search(source)
    if found is not None:
        message = "this passage may be an instruction to a language model; check that it was translated, not obeyed"
        yield Finding(Code.INSTRUCTION_IN_SOURCE, message, source=Span(*found.span()))
    if score is not None and math.isfinite(score) and score < LEAST_REFEREE_SCORE:
        message = "a second translation model considers this an unlikely translation of the sentence"
        yield Finding(Code.TRANSLATION_UNSUPPORTED, message)


def check_summary(
    source: str, summary: str, sentences: Sequence[tuple[Span, Sequence[Span]]], language: Language
) -> list[Finding]:
    """Check each sentence of a summary against the source text, and return the findings.

    ``sentences`` contains, for each sentence of the summary, its span in ``summary`` and the spans of its supporting
    sentences in ``source``. Both texts are in ``language``. Numbers, units, negations and repetitions are compared with
    the supporting sentences. Names and quotations are compared with the whole source. A number or date that occurs in
    the source, but not in the supporting sentences, results in a finding with the severity ``note``.

    A sentence that contains no letter and no digit, or that has no supporting sentence, results in a finding. So does a
    sentence of at least four words that repeats an earlier one with different supporting sentences. A comparison for
    which the language lacks the grammar is left out.

    The spans of the findings are offsets in ``source`` and ``summary``, in code points. A source span is always the
    span of the first supporting sentence.
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
            message = "no sentence in the source supports this sentence"
            own = iter([Finding(Code.SENTENCE_UNSUPPORTED, message, output=whole_sentence)])
        else:
            own = checks.against_support(Passage.of(supports[number], language), sentence)
        shared = chain(checks.against_source(sentence), repeated.get(number, ()))
        found += [_with_article_spans(finding, span, support) for finding in chain(own, shared)]
    return found


class _SummaryChecks:
    """The checks for the sentences of one summary.

    A check does not run if the language lacks the grammar that it needs.
    """

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
        yield from check_repetition(support, sentence)

    def against_source(self, sentence: Passage) -> Iterator[Finding]:
        if "names" in self._running:
            yield from check_added_names(self._index, sentence)
        yield from check_verbatim(self._source.text, sentence.text)


def _with_article_spans(finding: Finding, sentence: Span, support: Sequence[Span]) -> Finding:
    """Return a finding about a summary sentence with spans that refer to the whole source and the whole summary.

    ``sentence`` is the span of the summary sentence, and ``support`` contains the spans of its supporting sentences. If
    the finding has a source span, the span of the first supporting sentence replaces that span.
    """
    output = None if finding.output is None else finding.output.shifted(sentence.start)
    source = support[0] if support and finding.source is not None else None
    return Finding(finding.code, finding.message, source, output, finding.severity)
