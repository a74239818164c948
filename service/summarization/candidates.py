"""Rewritten sentences and headlines from a causal model, and the rules that they must pass.

For each task, the model writes several outputs, which are called hypotheses. The sentences that they are written from
are called their sources. A hypothesis becomes a candidate only if it passes every rule. Two of the rules use scores
that the same model computes: one measures whether the hypothesis is a complete sentence, and the other whether it
follows from its sources.

A rewritten sentence must also have a positive rank. The rank of a candidate is

    saved_weight * s + novelty_weight * n + score_weight * p + entailment_weight * e

where s is the share of words by which the candidate is shorter than its sources, n is the share of its four-word
sequences that occur in no source, p is its log-probability per token, and e is the log-probability that it follows from
its sources. p and e are at most 0. An unchanged sentence has the rank 0. The weights are in the manifest.
"""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Literal

from service.cache import entries as codec
from service.cache.entries import Field
from service.cache.tiers import Cache
from service.checks.assessment import check_summary
from service.checks.base import CHECKS_VERSION
from service.domain import Mark, Span
from service.errors import ModelError
from service.generation.base import (
    GenerationOptions,
    GivenOutput,
    Scorer,
    Source,
    TextGenerator,
    TextHypothesis,
)
from service.generation.cached import CachedGenerator, Search
from service.generation.call import TEXT_THREADS, TextThreads
from service.languages.base import Language
from service.registry.manifest import Acceptance
from service.summarization.guard import is_unbalanced, objection_to_rewording, repeats_content, support
from service.summarization.rewriting import Members
from service.summarization.variants import novelty
from service.summarization.words import count_words
from service.text.language_id import foreign_notice
from service.text.normalization import NORMALISER_VERSION

RewritingTask = Literal["shorten", "reword", "fuse"]
Task = RewritingTask | Literal["headline"]
"""A task of the model. For each task, the manifest contains a mark of the same name, a special token of the model."""

RULES_VERSION = "1"
YES, NO = "ja", "nein"
LEAST_HEADLINE_WORDS = 2
SHORTENED_WORDS = 12
"""Sentences with fewer words are not shortened."""
_END = re.compile(r"[.!?…]+[“”\"»«’)\]]*$")
_UNFINISHED = re.compile(r"[,;:–—-]$|…$|\.\.\.$")


@dataclass(frozen=True, slots=True)
class Request:
    """A request for candidate texts for one task.

    ``members`` are the sentences on which the candidates are based. ``max_chars`` is the maximum length of a headline
    in characters. It is None for all other tasks.
    """

    task: Task
    members: Members
    max_chars: int | None = None

    @property
    def text(self) -> str:
        """The sentences of the request as one text."""
        return " ".join(self.members)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A rewritten sentence or a headline that passed every rule.

    ``support`` contains the indices, in the request, of the sentences that support the candidate. Candidates with a
    higher ``rank`` are better.
    """

    text: str
    support: tuple[int, ...]
    rank: float


Candidates = tuple[Candidate, ...]
"""The candidates of a request, best first."""


def tasks_for(members: Members, core: int) -> list[tuple[RewritingTask, tuple[int, ...]]]:
    """Return the rewriting tasks for a group of sentences, each with the indices of the sentences to rewrite.

    The indices refer to ``members``. A group of several sentences is fused into one sentence, and a single sentence is
    reworded. ``core`` is the index of the central sentence. If this sentence has at least `SHORTENED_WORDS` words, it
    is also shortened.
    """
    every = tuple(range(len(members)))
    tasks: list[tuple[RewritingTask, tuple[int, ...]]] = [("fuse" if len(members) > 1 else "reword", every)]
    if count_words(members[core]) >= SHORTENED_WORDS:
        tasks.append(("shorten", (core,)))
    return tasks


def objection_to_text(request: Request, one: TextHypothesis, acceptance: Acceptance, language: Language) -> str | None:
    """Return a one-word reason to reject the wording of a hypothesis, or None if the wording is acceptable.

    The hypothesis must be finished, have a score that is high enough, be in ``language``, and have an acceptable form.
    The sentences of the request must support its names, numbers, dates, units, negations and quotations.
    """
    text, members = one.text, request.members
    if one.finish_reason != "eos":
        return "unfinished"
    if one.score is None or not one.score >= acceptance.least_score:
        return "unlikely"
    if foreign_notice(text, language) is not None:
        return "foreign"
    found = objection_to_headline(text, request) if request.task == "headline" else _objection(text, members)
    if found is not None:
        return found
    whole = Span(0, len(request.text))
    return "unsupported" if check_summary(request.text, text, [(Span(0, len(text)), [whole])], language) else None


def _objection(text: str, members: Members) -> str | None:
    return "unchanged" if text in members else objection_to_rewording(text, members)


def objection_to_headline(text: str, request: Request) -> str | None:
    """Return a one-word reason to reject a headline, or None if it is acceptable.

    A headline must have the right length and a correct form, must not repeat itself, and must be supported by the
    sentences of ``request``.
    """
    rules = (
        ("length", request.max_chars is not None and len(text) > request.max_chars),
        ("length", count_words(text) < LEAST_HEADLINE_WORDS or "\n" in text),
        ("fragment", _UNFINISHED.search(text) is not None),
        ("unbalanced", is_unbalanced(text)),
        ("repetition", repeats_content(text)),
        ("unsupported", not support(text, request.members)),
    )
    return next((name for name, applies in rules if applies), None)


@dataclass(frozen=True, slots=True)
class Scores:
    """The scores of a hypothesis.

    ``score`` is the log-probability per token of the hypothesis. ``whole`` is the log-probability per token of the
    closing punctuation, given the rest of the sentence. It is None for a headline and for a sentence without closing
    punctuation. ``entailment`` is log P(ja) - log P(nein). "ja" (yes) and "nein" (no) are the answers of the model to
    the question of whether the hypothesis follows from its sources.
    """

    score: float
    whole: float | None
    entailment: float


def objection_to_scores(scores: Scores, acceptance: Acceptance) -> str | None:
    """Return a one-word reason to reject a hypothesis because of its scores, or None if the scores are high enough.

    If ``whole`` or ``entailment`` is NaN, the hypothesis is rejected.
    """
    if scores.whole is not None and not scores.whole >= acceptance.least_whole:
        return "cut"
    return None if scores.entailment >= acceptance.least_entailment else "unfaithful"


def rank(text: str, members: Members, scores: Scores, acceptance: Acceptance) -> float:
    """Return the rank of the rewritten sentence ``text``. The docstring of this module contains the formula."""
    most = sum(map(count_words, members))
    return (
        acceptance.saved_weight * (1 - count_words(text) / max(1, most))
        + acceptance.novelty_weight * novelty(text, members)
        + headline_rank(scores, acceptance)
    )


def headline_rank(scores: Scores, acceptance: Acceptance) -> float:
    """Return the rank of a headline, which is at most 0.

    The rank is the sum of the last two terms of the formula in the docstring of this module.
    """
    return acceptance.score_weight * min(0.0, scores.score) + acceptance.entailment_weight * _log_sigmoid(
        scores.entailment
    )


def _log_sigmoid(log_odds: float) -> float:
    return -math.log1p(math.exp(-log_odds)) if log_odds > 0 else log_odds - math.log1p(math.exp(log_odds))


def entailment_outputs(premise: str, hypothesis: str) -> tuple[GivenOutput, GivenOutput]:
    """Return the two answers "ja" and "nein" to the question of whether ``hypothesis`` follows from ``premise``.

    The log-probabilities of the two answers, given this question, determine the entailment score.
    """
    prompt = premise, Mark("entail"), hypothesis, Mark("verdict")
    return GivenOutput(prompt, YES, ended=False, total=True), GivenOutput(prompt, NO, ended=False, total=True)


def whole_output(sentence: str) -> GivenOutput | None:
    """Return the closing punctuation of a sentence as an output to be scored. Its source is the rest of the sentence.

    Return None if the sentence has no closing punctuation.
    """
    end = _END.search(sentence)
    return None if end is None else GivenOutput((sentence[: end.start()],), end.group(), ended=False)


class CandidateKind:
    """The implementation of `ResultKind` for candidates. A result depends only on the request."""

    def __init__(
        self, acceptance: Acceptance, scorer: Scorer, language: Language, threads: TextThreads = TEXT_THREADS
    ) -> None:
        self._acceptance = acceptance
        self._scorer = scorer
        self._language = language
        self._threads = threads

    @property
    def versions(self) -> tuple[str, ...]:
        """Implement `ResultKind.versions`."""
        return "candidates", RULES_VERSION, CHECKS_VERSION, NORMALISER_VERSION, repr(self._acceptance)

    def key(self, wanted: Request) -> Field:
        """Implement `ResultKind.key`."""
        return wanted.task, wanted.members, wanted.max_chars

    def source(self, wanted: Request) -> Source:
        """Implement `ResultKind.source`."""
        return Source((wanted.text, Mark(wanted.task)), GenerationOptions(scored=True, thorough=True))

    async def make(self, outputs: Sequence[tuple[Request, list[TextHypothesis]]], search: Search) -> list[Candidates]:
        """Implement `ResultKind.make`."""
        del search  # one search is enough
        chars = sum(len(request.text) for request, _ in outputs)
        sound = await self._threads.in_thread(chars, self._sound, outputs)
        asked = [(request, text) for (request, _), texts in zip(outputs, sound, strict=True) for text in texts]
        judged = await self._judged(asked)
        scores = iter(judged)
        return [
            self._accepted(request, [(text, score, *next(scores)) for text, score in texts.items()])
            for (request, _), texts in zip(outputs, sound, strict=True)
        ]

    def _sound(self, outputs: Sequence[tuple[Request, list[TextHypothesis]]]) -> list[dict[str, float]]:
        """Return, for each request, the different texts that pass the rules on wording.

        Each dict maps a text to the log-probability per token of the first hypothesis with this text.
        """
        found: list[dict[str, float]] = []
        for request, hypotheses in outputs:
            texts: dict[str, float] = {}
            for one in hypotheses:
                if objection_to_text(request, one, self._acceptance, self._language) is None and one.score is not None:
                    texts.setdefault(one.text, one.score)
            found.append(texts)
        return found

    async def _judged(self, asked: Sequence[tuple[Request, str]]) -> list[tuple[float | None, float]]:
        """Return the scores ``whole`` and ``entailment`` (see `Scores`) of each text, in order."""
        whole = {n: one for n, (request, text) in enumerate(asked) if (one := _whole(request, text)) is not None}
        pairs = [entailment_outputs(request.text, text) for request, text in asked]
        if not pairs:
            return []
        found = await self._scorer.log_probs([*chain.from_iterable(pairs), *whole.values()])
        ends = dict(zip(whole, found[2 * len(pairs) :], strict=True))
        return [(ends.get(n), found[2 * n] - found[2 * n + 1]) for n in range(len(pairs))]

    def _accepted(self, request: Request, texts: Sequence[tuple[str, float, float | None, float]]) -> Candidates:
        return tuple(sorted(self._candidates(request, texts), key=lambda one: -one.rank))

    def _candidates(
        self, request: Request, texts: Sequence[tuple[str, float, float | None, float]]
    ) -> Iterator[Candidate]:
        for text, score, whole, entailment in texts:
            scores = Scores(score, whole, entailment)
            if objection_to_scores(scores, self._acceptance) is not None:
                continue
            is_headline = request.task == "headline"
            found = (
                headline_rank(scores, self._acceptance)
                if is_headline
                else rank(text, request.members, scores, self._acceptance)
            )
            if is_headline or found > 0:
                yield Candidate(text, tuple(support(text, request.members)), found)

    def cacheable(self, result: Candidates) -> bool:
        """Implement `ResultKind.cacheable`."""
        del result
        return True

    def encode(self, result: Candidates) -> bytes:
        """Implement `ResultKind.encode`."""
        return codec.encode([(one.text, one.support, one.rank) for one in result])

    def decode(self, entry: bytes, wanted: Request) -> Candidates:
        """Implement `ResultKind.decode`."""
        triples = (codec.row(one, 3) for one in codec.rows(codec.decode(entry)))
        return tuple(
            Candidate(codec.text(text), codec.numbers(places, len(wanted.members) - 1), codec.number(found))
            for text, places, found in triples
        )


def _whole(request: Request, text: str) -> GivenOutput | None:
    return None if request.task == "headline" else whole_output(text)


CandidateGenerator = CachedGenerator[Request, Candidates]


def candidate_generator(
    generator: TextGenerator,
    scorer: Scorer | None,
    language: Language,
    cache: Cache,
    secret: bytes | None,
    threads: TextThreads = TEXT_THREADS,
) -> CandidateGenerator | None:
    """Return a generator of candidates that caches its results, or None if the model is not causal.

    Raises:
        ModelError: the model is causal, but there is no ``scorer``; or the manifest lacks a mark for a task or for the
            entailment score.
    """
    manifest = generator.manifest
    if manifest.prompts is None:
        return None
    wanted = {"shorten", "reword", "fuse", "headline", "entail", "verdict"}
    if missing := sorted(wanted.difference(manifest.prompts.marks)):
        marks = ", ".join(missing)
        raise ModelError(f"{generator.name} cannot summarise: its manifest lacks the marks {marks}; use another model")
    if scorer is None:
        raise ModelError(f"{generator.name} cannot summarise: there is no scorer; pass one as `scorer`")
    return CachedGenerator(generator, CandidateKind(manifest.acceptance, scorer, language, threads), cache, secret)
