"""Postprocessing of translated sentences: removal of repetitions, term placement, checks, and choice of candidates."""

import math
import re
from collections.abc import Awaitable, Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

from service.cache import entries as codec
from service.cache.entries import Field
from service.checks.assessment import LEAST_REFEREE_SCORE, check_obedience, check_sentence
from service.checks.base import CHECKS_VERSION, Code, Finding, Severity
from service.checks.names import garbles
from service.checks.repetition import Collapsed, collapse_repetitions
from service.domain import Link, Mark, Prompt, Span
from service.generation.aligners import Aligner
from service.generation.base import (
    GenerationOptions,
    GivenOutput,
    Referee,
    Scorer,
    Source,
    TextGenerator,
    TextHypothesis,
)
from service.generation.cached import Search
from service.generation.call import TEXT_THREADS, TextThreads
from service.languages.base import LanguagePair
from service.registry.manifest import BACKWARD_MARK
from service.terms.constraints import TermConstraint
from service.terms.glossary import Glossary
from service.terms.placement import PlacementResult, place_terms
from service.text.alignment import Alignment
from service.text.normalization import NORMALISER_VERSION, REPLACEMENT, for_model
from service.translation.preparation import CALLER_TERMS, Sentence, SentenceConstraints, hinted, terms_of

Text = TypeVar("Text", TextHypothesis, "FinishedSentence")
_CODES = tuple(Code)
_SEVERITIES = tuple(Severity)
LEAST_LINK_WEIGHT = 0.05  # links with less weight are noise
SHORT_WORDS = 3
"""The maximum length, in words, of a repeated phrase that needs no review.

A longer phrase, or one that the model wrote more than twice, must be reviewed because other content may be missing.
"""
_YEAR = re.compile(r"\d{4}$")
BREAKS = frozenset(
    {
        Code.UNTRANSLATED,
        Code.EMPTY_OUTPUT,
        Code.OUTPUT_TOO_LONG,
        Code.REPETITION,
        Code.REPETITION_REMOVED,
        Code.ANSWER_INVALID,
    }
)
"""The codes of findings for review that make a translation unusable, such as untranslated text and loops."""


@dataclass(frozen=True, slots=True)
class FinishedSentence:
    """A translated sentence after postprocessing.

    ``applied`` contains the required terms that occur in the translation, and ``missing`` contains the other required
    terms. ``findings`` are the problems that the checks found, and notes about the choice of the translation.
    ``alignment`` is None if it was not required, or if the sentence could not be aligned. ``cut`` is True if the model
    stopped at its output limit. ``log_prob`` is the log-probability per token of the model's output. It is None if it
    is unknown or the sentence came from the cache. ``confidence`` is the estimated probability that the translation has
    no major error, or None if it was not estimated.
    """

    text: str
    applied: tuple[TermConstraint, ...] = ()
    missing: tuple[TermConstraint, ...] = ()
    findings: tuple[Finding, ...] = ()
    alignment: Alignment | None = None
    cut: bool = False
    log_prob: float | None = None
    confidence: float | None = None

    def with_findings(self, further: Iterable[Finding]) -> "FinishedSentence":
        """Return a copy of this sentence with the findings ``further`` added to its own."""
        return replace(self, findings=(*self.findings, *further))

    @property
    def for_review(self) -> list[Finding]:
        """Those findings that an editor must review."""
        return [one for one in self.findings if one.severity is Severity.REVIEW]

    @property
    def broken(self) -> bool:
        """True if the translation is unusable: it is cut off, or a finding for review has a code in `BREAKS`."""
        return self.cut or any(one.code in BREAKS for one in self.for_review)

    @property
    def answered(self) -> bool:
        """True if the model gave a usable answer. Otherwise, ``text`` is the source sentence in normalised form."""
        return all(one.code is not Code.ANSWER_INVALID for one in self.findings)

    @property
    def doubts(self) -> int:
        """The number of problems that an editor must look at.

        Problems are findings for review, missing terms of the caller, and an output that was cut off.
        """
        return len(self.for_review) + sum(one.kind in CALLER_TERMS for one in self.missing) + self.cut


Finishing = Generator[TextHypothesis, Alignment | None, FinishedSentence]
"""A generator that yields hypotheses, receives their word alignments, and returns the finished sentence."""


def finish(constraints: SentenceConstraints, languages: LanguagePair, hypothesis: TextHypothesis) -> Finishing:
    """Return a generator that converts one output of the model, the hypothesis, to a finished sentence.

    The generator yields the hypothesis if its word alignment is required, or is needed because terms must be placed or
    broken characters removed. The caller must then send the alignment, or None if there is none. If the hypothesis is
    invalid, the sentence stays untranslated.
    """
    required = constraints.required
    if hypothesis.finish_reason == "invalid":
        return FinishedSentence(constraints.sentence.text, missing=required, findings=(_UNANSWERED,))
    written = collapse_repetitions(constraints.sentence.text, hypothesis.text, languages)
    placed = PlacementResult(written.text, (), (), ())
    if required or REPLACEMENT in written.text:
        placed = place_terms(written.text, (), required)
    # If the output already contains all terms, no alignment is needed to place them.
    complete = placed.text == written.text and not placed.missing
    alignment = None
    if constraints.aligned or not complete:
        found = yield hypothesis
        alignment = None if found is None else written.aligned(found)
    if not complete:
        placed = place_terms(written.text, _links(alignment), required)
    if not constraints.aligned:
        alignment = None
    elif alignment is not None and placed.text != written.text:
        alignment = _realigned(alignment, placed.links)
    # Placing a term moves the words after it, so the findings about repetitions then refer to the whole sentence.
    removed = tuple(_repetition_findings(written, known=placed.text == written.text))
    if REPLACEMENT in written.text and REPLACEMENT not in placed.text:
        message = "the model wrote a character that could not be decoded; it was removed"
        removed = (*removed, Finding(Code.CHARACTER_BROKEN, message))
    findings = (*check_sentence(constraints.source, placed.text, *languages), *removed)
    cut = hypothesis.finish_reason == "length"
    return FinishedSentence(
        placed.text, placed.applied, placed.missing, findings, alignment, cut, log_prob=hypothesis.score
    )


_UNANSWERED = Finding(
    Code.ANSWER_INVALID, "the language model gave no usable answer for this sentence, so it is not translated"
)


_UNCERTAIN = Finding(Code.LOW_CONFIDENCE, "the model was not certain of this translation; compare it with the source")


def finish_without_model(
    source: str, sentence: Sentence, glossary: Glossary | None, languages: LanguagePair
) -> FinishedSentence:
    """Translate a sentence without letters by converting its numerals and applying its terms.

    A date without a year is left unchanged, because "1.2." is often the number of a section.
    """
    required = [one for one in terms_of(source, glossary, languages) if one.kind != "date" or _YEAR.search(one.text)]
    if not required:
        return FinishedSentence(sentence.text)
    text, done = "", 0
    for one in required:
        text += source[done : one.span.start] + one.text
        done = one.span.end
    return FinishedSentence(text + source[done:], applied=tuple(required))


def _repetition_findings(best: Collapsed, *, known: bool) -> Iterator[Finding]:
    """Yield a finding for each phrase whose repetitions were removed.

    ``known`` is True if offsets in ``best.text`` are also valid in the final translation. Otherwise, the findings have
    no span.
    """
    for span, times in best.repetitions:
        short = times == 1 and len(span.of(best.text).split()) <= SHORT_WORDS
        yield Finding(
            Code.REPETITION_REMOVED,
            f"the model wrote this {times + 1} times in a row; the repetitions were removed",
            output=span if known else None,
            severity=Severity.NOTE if short else Severity.REVIEW,
        )


def _links(alignment: Alignment | None) -> list[Link]:
    if alignment is None:
        return []
    return [
        Link(word, piece, weight)
        for word, row in zip(alignment.target, alignment.weights, strict=True)
        for piece, weight in zip(alignment.source, row, strict=True)
        if weight >= LEAST_LINK_WEIGHT and piece.start < piece.end
    ]


def _realigned(alignment: Alignment, links: Sequence[Link]) -> Alignment:
    """Return the word alignment of a translation after terms have been placed in it. ``links`` are the updated links.

    Words that were replaced by the same term count as one word. If two source pieces have the same span because they
    form one character, such as "′", the second piece gets the larger weight of the two.
    """
    columns = {piece: number for number, piece in enumerate(alignment.source)}
    rows: dict[Span, list[float]] = {}
    end = 0
    for link in sorted(links, key=lambda link: link.target):
        target = Span(max(link.target.start, end), link.target.end) if link.target not in rows else link.target
        if target.start >= target.end:
            continue
        row = rows.setdefault(target, [0.0] * len(alignment.source))
        row[columns[link.source]] = max(row[columns[link.source]], link.weight)
        end = max(end, target.end)
    return Alignment(alignment.source, tuple(rows), tuple(map(tuple, rows.values())))


FACTS = frozenset(
    {
        Code.NUMBER_UNSUPPORTED,
        Code.NUMBER_MISSING,
        Code.MAGNITUDE_CHANGED,
        Code.UNIT_CHANGED,
        Code.DATE_UNSUPPORTED,
        Code.DATE_MISSING,
        Code.NAME_UNSUPPORTED,
        Code.NAME_MISSING,
        Code.NEGATION_LOST,
        Code.NEGATION_ADDED,
    }
)
"""The codes of findings that concern facts.

A hypothesis with more of them can replace the first one only if the first one is not a usable answer.
"""


def rerank(hypotheses: Iterable[TextHypothesis], finish: Callable[[TextHypothesis], Finishing]) -> Finishing:
    """Return a generator that chooses the best of one or more hypotheses and converts it to a finished sentence.

    ``hypotheses`` are ordered best first. ``finish`` returns the generator for one hypothesis (see `finish` in this
    module). Doubts are problems that an editor must look at. If the first hypothesis raises no doubts, it is used, and
    the others are not examined. Otherwise, the hypothesis with the fewest doubts is used, or the earliest of several
    such hypotheses. A hypothesis with more doubts about facts than the first one is never used. docs/adr/0019 gives the
    reasons.
    """
    left = iter(hypotheses)
    first = best = yield from finish(next(left))
    facts = _facts(first)
    while best.doubts and (hypothesis := next(left, None)) is not None:
        other = yield from finish(hypothesis)
        if other.doubts < best.doubts and _facts(other) <= facts:
            best = other
    return best if best is first else replace(best, findings=(*best.findings, _changed(first)))


def _facts(finished: FinishedSentence) -> int:
    """Return the number of findings for review that concern facts, such as numbers and names."""
    return sum(one.code in FACTS for one in finished.for_review)


def _changed(first: FinishedSentence) -> Finding:
    doubted = dict.fromkeys(one.code.value for one in first.for_review)
    told = f" ({', '.join(doubted)})" if doubted else ""
    message = f"the model's first choice raised more doubts{told}; an alternative translation was used"
    return Finding(Code.HYPOTHESIS_CHANGED, message, severity=Severity.NOTE)


def best(source: str, finished: Sequence[FinishedSentence]) -> list[int]:
    """Return the indices of the best translations of ``source`` among the candidates ``finished``, in order.

    All of these translations are equally good. The first candidate is the result of the normal search. If it is a
    usable answer, candidates with more doubts about facts, or with a misspelt name, are excluded. Translations that are
    not broken are better than broken ones. Otherwise, translations with fewer doubts are better.
    """
    first = finished[0]
    fit = [
        number
        for number, one in enumerate(finished)
        if one is first
        or not first.answered
        or (_facts(one) <= _facts(first) and not garbles(source, first.text, one.text))
    ]
    ranks = {number: (finished[number].broken, finished[number].doubts) for number in fit}
    least = min(ranks.values())
    return [number for number in fit if ranks[number] == least]


class SentenceKind:
    """The implementation of `ResultKind` for translated sentences.

    If the manifest of ``generator`` defines a thorough search, a sentence with a doubtful translation is searched
    again. If the search has a ``backward_weight``, ``scorer`` then computes the log-probability of the source, given
    each of the best candidates. ``aligner`` aligns the words of a translation with its source. ``referee`` is a small
    translation model that judges the outputs of a remote model. An output that the referee considers very unlikely
    needs a review.
    """

    def __init__(
        self,
        aligner: Aligner,
        languages: LanguagePair,
        threads: TextThreads = TEXT_THREADS,
        *,
        generator: TextGenerator | None = None,
        scorer: Scorer | None = None,
        referee: Referee | None = None,
    ) -> None:
        """Create the result kind.

        Raises:
            ValueError: the manifest requires scores of the source, given the translation, but there is no ``scorer``.
        """
        self._aligner = aligner
        self._languages = languages
        self._threads = threads
        self._generator = generator
        self._scorer = scorer
        self._referee = referee
        self._thorough = None if generator is None else generator.manifest.thorough
        prompts = None if generator is None else generator.manifest.prompts
        self._table = None if generator is None else generator.manifest.confidence_for(generator.engine)
        self._marked = prompts is not None and prompts.hints
        self._remote = generator is not None and generator.manifest.remote is not None
        self.hints = self._marked or self._remote
        self._task = () if prompts is None else (Mark(prompts.task),)
        if self._thorough is not None and self._thorough.backward_weight and scorer is None:
            raise ValueError("`backward_weight` in the manifest requires a `scorer`; pass one, or set the weight to 0")

    @property
    def versions(self) -> tuple[str, ...]:
        """Implement `ResultKind.versions`."""
        referee = "" if self._referee is None else f"{self._referee.identity} {LEAST_REFEREE_SCORE}"
        table = "" if self._table is None else self._table.model_dump_json()
        return CHECKS_VERSION, NORMALISER_VERSION, self._aligner.identity, referee, table

    def key(self, wanted: SentenceConstraints) -> Field:
        """Implement `ResultKind.key`. The key includes the preceding sentences that the model sees."""
        terms = [(*one.span, one.text, one.kind, one.term, one.accepted) for one in wanted.required]
        return [wanted.source, wanted.aligned, terms, wanted.context or NO_CONTEXT]

    def source(self, wanted: SentenceConstraints) -> Source:
        """Implement `ResultKind.source`."""
        attention = self._aligner.needs_attention and (wanted.aligned or bool(wanted.required))
        options = GenerationOptions(attention=attention, scored=self._thorough is not None or self._table is not None)
        if self._remote:
            return Source(wanted.sentence.text, options, wanted.context, self._terms(wanted))
        return Source(self._prompt(wanted), options)

    async def finish_each(
        self, wanted: SentenceConstraints, hypotheses: Sequence[TextHypothesis]
    ) -> list[FinishedSentence]:
        """Convert each usable hypothesis for a sentence to a finished sentence, in order and without duplicates."""
        steps = [finish(wanted, self._languages, one) for one in hypotheses]
        found = [one for one in await self._finished([wanted] * len(steps), steps) if one.answered]
        return [self._with_confidence(one) for one in _distinct(found)]

    def _terms(self, wanted: SentenceConstraints) -> tuple[tuple[str, str], ...]:
        """Return the caller's terms in a sentence, each with the words that the translation must contain for it."""
        callers = [one for one in wanted.required if one.kind in CALLER_TERMS]
        pairs = ((for_model(one.span.of(wanted.source), self._languages.source), one.text) for one in callers)
        return tuple(dict.fromkeys(pairs))

    def _prompt(self, wanted: SentenceConstraints) -> str | Prompt:
        """Return the sentence with translation hints (see `hinted`), or the normalised sentence without hints.

        There are no hints if the caller has no terms in the sentence, if the model does not support hints, or if the
        sentence is too long with them.
        """
        prompt = hinted(wanted, self._languages) if self._marked else None
        if prompt is None or self._generator is None:
            return wanted.sentence.text
        fits = self._generator.fits("".join(part for part in prompt if isinstance(part, str)))
        return (*prompt, *self._task) if fits else wanted.sentence.text

    async def make(
        self, outputs: Sequence[tuple[SentenceConstraints, list[TextHypothesis]]], search: Search
    ) -> list[FinishedSentence | Awaitable[FinishedSentence]]:
        """Implement `ResultKind.make`."""
        wanted = [constraints for constraints, _ in outputs]
        count = None if self._thorough is None else 1
        steps = [rerank(hypotheses[:count], partial(finish, one, self._languages)) for one, hypotheses in outputs]
        return [
            self._again(one, hypotheses, first, search)
            if self._is_doubtful(first, hypotheses[0])
            else self._with_confidence(first)
            for (one, hypotheses), first in zip(outputs, await self._finished(wanted, steps), strict=True)
        ]

    def _is_doubtful(self, first: FinishedSentence, hypothesis: TextHypothesis) -> bool:
        if self._thorough is None:
            return False
        return bool(first.doubts) or (hypothesis.score is not None and hypothesis.score < self._thorough.below_score)

    async def _again(
        self,
        wanted: SentenceConstraints,
        hypotheses: Sequence[TextHypothesis],
        first: FinishedSentence,
        search: Search,
    ) -> FinishedSentence:
        """Search for translations of a sentence again, and return the best of all candidates, old and new.

        ``hypotheses`` are the outputs of the first search, and ``first`` is the finished sentence for the first of
        them. If several candidates have the same score, the earliest is used.
        """
        source = self.source(wanted)
        (future,) = search([replace(source, options=replace(source.options, thorough=True))])
        try:
            every = [*hypotheses, *await future]
        finally:
            future.cancel()
        hypotheses = _distinct(every)
        steps = [finish(wanted, self._languages, one) for one in hypotheses[1:]]
        finished = [first, *await self._finished([wanted] * len(steps), steps)]
        places = best(wanted.source, finished)
        scores = await self._scores(wanted, [(hypotheses[n], finished[n]) for n in places])
        chosen = finished[places[scores.index(max(scores))]]
        if chosen.doubts < first.doubts:
            chosen = chosen.with_findings([_changed(first)])
        return self._with_confidence(chosen)

    def _with_confidence(self, finished: FinishedSentence) -> FinishedSentence:
        """Return the sentence with its confidence and, if this is low, with a finding about it."""
        if self._table is None or not finished.answered:
            return finished
        value = self._table.confidence(finished.log_prob, finished.doubts)
        low = value is not None and value < self._table.below
        return replace(finished.with_findings([_UNCERTAIN] if low else []), confidence=value)

    async def _scores(
        self, wanted: SentenceConstraints, candidates: Sequence[tuple[TextHypothesis, FinishedSentence]]
    ) -> list[float]:
        """Return the score of each candidate, that is, the log-probability per token of its output.

        An unknown log-probability counts as minus infinity. If there are several candidates and the manifest has a
        ``backward_weight``, add their backward scores with this weight. A backward score is
        the log-probability per token of the source, given the candidate.
        """
        forward = [-math.inf if one.score is None else one.score for one, _ in candidates]
        weight = 0.0 if self._thorough is None else self._thorough.backward_weight
        if self._scorer is None or not weight or len(candidates) == 1:
            return forward
        given = [GivenOutput((one.text, Mark(BACKWARD_MARK)), wanted.sentence.text) for _, one in candidates]
        backward = await self._scorer.log_probs(given)
        return [one + weight * other for one, other in zip(forward, backward, strict=True)]

    async def _finished(
        self, wanted: Sequence[SentenceConstraints], steps: Sequence[Finishing]
    ) -> list[FinishedSentence]:
        """Run one generator for each of the sentences ``wanted``, all together, and return their results in order."""
        chars = sum(len(one.source) for one in wanted)
        done: dict[int, FinishedSentence] = {}
        answers: dict[int, Alignment | None] = dict.fromkeys(range(len(steps)))
        while answers:
            asked = await self._threads.in_thread(chars, _advance, steps, answers, done)
            pairs = [(wanted[number].source, hypothesis) for number, hypothesis in asked.items()]
            answers = dict(zip(asked, await self._aligner.align(pairs), strict=True)) if asked else {}
        finished = [done[number] for number in range(len(steps))]
        return await self._judged(wanted, finished) if self._remote else finished

    async def _judged(
        self, wanted: Sequence[SentenceConstraints], finished: Sequence[FinishedSentence]
    ) -> list[FinishedSentence]:
        """Return the sentences with the findings of the checks that only a remote model needs.

        Such a model may follow instructions in a sentence instead of translating it.
        """
        given = [GivenOutput(one.sentence.text, sentence.text) for one, sentence in zip(wanted, finished, strict=True)]
        scores = [None] * len(given) if self._referee is None else await self._referee.log_probs(given)
        return [
            sentence.with_findings(check_obedience(one.source, self._languages.source, score))
            if sentence.answered
            else sentence
            for one, sentence, score in zip(wanted, finished, scores, strict=True)
        ]

    def cacheable(self, result: FinishedSentence) -> bool:
        """Implement `ResultKind.cacheable`.

        A sentence without a usable answer is not cached, so the next request tries it again.
        """
        return result.answered

    def encode(self, result: FinishedSentence) -> bytes:
        """Implement `ResultKind.encode`."""
        terms = sorted([*((one.span, True) for one in result.applied), *((one.span, False) for one in result.missing)])
        return codec.encode(
            (
                result.text,
                [there for _, there in terms],
                _findings_field(result.findings),
                _alignment_field(result.alignment),
                result.cut,
                result.confidence,
            )
        )

    def decode(self, entry: bytes, wanted: SentenceConstraints) -> FinishedSentence:
        """Implement `ResultKind.decode`."""
        text, applied, findings, alignment, cut, confident = codec.row(codec.decode(entry), 6)
        text, source_chars = codec.text(text), len(wanted.source)
        flags = list(map(codec.flag, codec.row(applied, len(wanted.required))))
        terms = list(zip(wanted.required, flags, strict=True))
        if (alignment is not None) and not wanted.aligned:
            raise ValueError("the cache entry has a word alignment although none was requested")
        return FinishedSentence(
            text,
            applied=tuple(one for one, there in terms if there),
            missing=tuple(one for one, there in terms if not there),
            findings=_findings_of(findings, source_chars, len(text)),
            alignment=_alignment_of(alignment, source_chars, len(text)),
            cut=codec.flag(cut),
            confidence=None if confident is None else codec.share(confident),
        )


def _findings_field(found: Sequence[Finding]) -> list[tuple[Any, ...]]:
    """Return findings in the form in which a cache entry contains them."""
    return [(one.code, one.message, one.source, one.output, one.severity) for one in found]


def _findings_of(field: Any, source_chars: int, output_chars: int) -> tuple[Finding, ...]:
    """Read the field that `_findings_field` returned."""
    return tuple(_finding(one, source_chars, output_chars) for one in codec.rows(field))


def _finding(value: Any, source_chars: int, output_chars: int) -> Finding:
    code, message, source, output, severity = codec.row(value, 5)
    return Finding(
        Code(codec.choice(code, _CODES)),
        codec.text(message),
        codec.optional_span(source, source_chars),
        codec.optional_span(output, output_chars),
        Severity(codec.choice(severity, _SEVERITIES)),
    )


def _alignment_field(found: Alignment | None) -> tuple[Any, ...] | None:
    """Return an alignment in the form in which a cache entry contains it."""
    return None if found is None else (found.source, found.target, found.weights)


def _alignment_of(field: Any, source_chars: int, output_chars: int) -> Alignment | None:
    """Read the field that `_alignment_field` returned."""
    if field is None:
        return None
    source, target, weights = codec.row(field, 3)
    pieces, words = codec.spans(source, source_chars), codec.spans(target, output_chars)
    return Alignment(pieces, words, codec.shares(weights, len(words), len(pieces)))


NO_CONTEXT = ""


def _distinct(found: Sequence[Text]) -> list[Text]:
    """Return the elements of ``found`` in order, without those whose text equals that of an earlier element."""
    kept: dict[str, Text] = {}
    for one in found:
        kept.setdefault(one.text, one)
    return list(kept.values())


def _advance(
    steps: Sequence[Finishing], answers: dict[int, Alignment | None], done: dict[int, FinishedSentence]
) -> dict[int, TextHypothesis]:
    """Resume those generators in ``steps`` that are waiting for an alignment. Return the hypotheses that they yield.

    ``answers`` maps the index of each of these generators to the alignment to send. The result maps the same index to a
    hypothesis that needs an alignment. If a generator ends, its finished sentence is added to ``done`` instead.
    """
    wanted: dict[int, TextHypothesis] = {}
    for number, answer in answers.items():
        try:
            wanted[number] = steps[number].send(answer)
        except StopIteration as finished:
            done[number] = finished.value
    return wanted
