"""Rewriting of sentence groups by the model, and extracts as a fallback."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import dropwhile

from service.cache import codec
from service.cache.keys import Field
from service.checks.base import CHECKS_VERSION
from service.domain import Notice, Span
from service.generation.base import FreeWords, GenerationOptions, Source, TextGenerator, TextHypothesis
from service.generation.cached import Result
from service.generation.call import TEXT_THREADS, TextThreads
from service.registry.manifest import Acceptance
from service.results import Style, SummarySentence
from service.summarization.guard import objection, support
from service.summarization.lengths import Length, lead
from service.summarization.planning import Group, groups, loose_joints
from service.summarization.selection import assess, relevance, select
from service.summarization.styles import FORMS, admits, barred
from service.summarization.variants import Offer, variants
from service.summarization.words import GRAMMAR
from service.text.normalization import NORMALISER_VERSION

LEAST_OUTPUT_TOKENS = 8
FILLERS = 16
PUNCTUATION = ", . : ; ! ? – - „ “ ( ) % €"


@dataclass(frozen=True, slots=True)
class Text:
    """The normalised sentences of a text and their spans in it."""

    sentences: tuple[str, ...]
    spans: tuple[Span, ...]
    notices: tuple[Notice, ...]

    def verbatim(self, number: int) -> SummarySentence:
        """An unchanged sentence of the text."""
        return SummarySentence(self.sentences[number], (self.spans[number],), verbatim=True)


@dataclass(frozen=True, slots=True)
class SummaryOptions:
    """Options of a summary. ``variants`` is the number of different summaries of each text."""

    length: Length
    headline: str | None
    style: Style
    variants: int

    def barred(self, text: Text) -> frozenset[int]:
        """The indices of the sentences that must not be chosen."""
        return barred(self.style, text.sentences, self.headline)


Members = tuple[str, ...]
"""The sentences of a group, in order. They are rewritten as one sentence."""


@dataclass(frozen=True, slots=True)
class Wording:
    """One accepted rewriting, and the indices of the members that support it. If there are none, the core does."""

    text: str
    support: tuple[int, ...]


Wordings = tuple[Wording, ...]


@dataclass(frozen=True, slots=True)
class RewriteInput:
    """The model's input for a group. ``members`` holds the indices of its sentences, or only the core if ``cut``.

    ``rewritten`` is False for a filler, and for a core that is too long for the model.
    """

    group: Group
    members: tuple[int, ...]
    rewritten: bool
    cut: bool

    def sentences(self, text: Text) -> Members:
        """The sentences of ``members``."""
        return tuple(text.sentences[number] for number in self.members)


@dataclass(frozen=True, slots=True)
class RewriteResult:
    """The possible sentences of one group, best first. The last one is the unchanged core.

    ``refused`` means that no rewriting was accepted.
    """

    wordings: tuple[SummarySentence, ...]
    rewrite_input: RewriteInput
    cached: bool
    refused: bool


def rewrite_inputs(text: Text, options: SummaryOptions, generator: TextGenerator) -> list[RewriteInput]:
    """The model's inputs for all variants of a summary, in the order of the cores."""
    found = groups(
        text.sentences,
        headline=options.headline,
        length=options.length,
        barred=options.barred(text),
        spares=FORMS[options.style].spares,
        fillers=FILLERS,
        further=options.variants - 1,
    )
    return [_input(text, group, generator) for group in found]


def _input(text: Text, group: Group, generator: TextGenerator) -> RewriteInput:
    """The sentences of the group, or only its core if they are too long for the model."""
    if group.filler:
        return RewriteInput(group, group.members, rewritten=False, cut=False)
    for members in (group.members, (group.core,)):
        if generator.fits(" ".join(text.sentences[n] for n in members)):
            return RewriteInput(group, members, rewritten=True, cut=members != group.members)
    return RewriteInput(group, (group.core,), rewritten=False, cut=True)


def rewrite_result(
    text: Text, rewrite_input: RewriteInput, written: Result[Wordings] | None, options: SummaryOptions
) -> RewriteResult:
    """The wordings that the style admits: rewritings first, then copies, then the unchanged core."""
    members = rewrite_input.sentences(text)
    wordings = () if written is None else written.value
    fit = [one for one in wordings if admits(options.style, one.text, options.headline)]
    fit.sort(key=lambda one: any(one.text in member for member in members))
    core = text.verbatim(rewrite_input.group.core)
    distinct = {one.text: one for one in reversed(fit)}
    order = dict.fromkeys(one.text for one in fit if one.text != core.text)
    return RewriteResult(
        (*(_sentence(text, rewrite_input, distinct[written_text], members) for written_text in order), core),
        rewrite_input,
        cached=written is not None and written.cached,
        refused=written is not None and not fit,
    )


def _sentence(text: Text, rewrite_input: RewriteInput, one: Wording, members: Members) -> SummarySentence:
    numbers = [rewrite_input.members[n] for n in one.support] or [rewrite_input.group.core]
    verbatim = any(one.text in member for member in members)
    return SummarySentence(one.text, tuple(text.spans[n] for n in numbers), verbatim=verbatim)


class WordingKind:
    """The `ResultKind` of wordings, which depend only on the sentences of a group."""

    def __init__(self, acceptance: Acceptance, threads: TextThreads = TEXT_THREADS) -> None:
        self._acceptance = acceptance
        self._threads = threads

    @property
    def versions(self) -> tuple[str, ...]:
        """See `ResultKind.versions`."""
        return CHECKS_VERSION, NORMALISER_VERSION, repr(self._acceptance)

    def key(self, wanted: Members) -> Field:
        """See `ResultKind.key`."""
        return wanted

    def source(self, wanted: Members) -> Source:
        """See `ResultKind.source`."""
        free = free_words() if self._acceptance.source_pieces_only else None
        options = GenerationOptions(scored=True, min_output_tokens=LEAST_OUTPUT_TOKENS, source_only=free)
        return Source(" ".join(wanted), options)

    async def make(self, outputs: Sequence[tuple[Members, list[TextHypothesis]]]) -> list[Wordings]:
        """See `ResultKind.make`."""
        chars = sum(len(sentence) for members, _ in outputs for sentence in members)
        return await self._threads.in_thread(chars, self._made, outputs)

    def _made(self, outputs: Sequence[tuple[Members, list[TextHypothesis]]]) -> list[Wordings]:
        return [
            tuple(
                Wording(one.text, tuple(support(one.text, members)))
                for one in hypotheses
                if _acceptable(one, members, self._acceptance)
            )
            for members, hypotheses in outputs
        ]

    def encode(self, result: Wordings) -> bytes:
        """See `ResultKind.encode`."""
        return codec.encode([(one.text, one.support) for one in result])

    def decode(self, entry: bytes, wanted: Members) -> Wordings:
        """See `ResultKind.decode`."""
        pairs = (codec.row(one, 2) for one in codec.rows(codec.decode(entry)))
        return tuple(Wording(codec.text(text), codec.numbers(numbers, len(wanted) - 1)) for text, numbers in pairs)


@cache
def free_words() -> FreeWords:
    """The words that a rewriting may contain although its sources do not: function words and punctuation."""
    return FreeWords(GRAMMAR.function_words, PUNCTUATION)


def _acceptable(candidate: TextHypothesis, members: Members, acceptance: Acceptance) -> bool:
    """Whether an output is complete, has a sufficient score and few loose joints, and passes the guard."""
    return (
        candidate.finish_reason == "eos"
        and candidate.score is not None
        and candidate.score >= acceptance.least_score
        and loose_joints(candidate.text, members) <= acceptance.most_loose_joints
        and objection(candidate.text, members) is None
    )


MOST_OFFERS = 100  # limit of sentences to make variants from; later ones are not relevant enough


def beginning(text: Text, options: SummaryOptions) -> list[int]:
    """The indices of the lead sentences. Styles other than abstract skip leading sentences that do not fit."""
    barred = options.barred(text)
    free = [number for number in range(len(text.sentences)) if number not in barred]
    if options.style != "abstract":
        free = list(dropwhile(lambda number: not options.length.fits([text.sentences[number]]), free))
    return [free[n] for n in lead([text.sentences[number] for number in free], budget=options.length)]


def selections(text: Text, options: SummaryOptions) -> list[list[int]]:
    """The sentence indices of each variant, best variant first. If nothing fits, the only variant is empty."""
    barred = options.barred(text)
    first = _selected(text, options, barred)
    if options.variants == 1 or not first:
        return [first]
    ranked = relevance(assess(text.sentences, headline=options.headline).without(barred))
    scores = dict([(number, score) for number, score in ranked if number not in barred][:MOST_OFFERS])
    order = sorted({*scores, *first})
    offers = [Offer((text.sentences[number],), scores.get(number, 0.0)) for number in order]
    made = variants([(order.index(number), 0) for number in first], offers, options.length, options.variants)
    return [[order[offer] for offer, _ in choices] for choices in made]


def _selected(text: Text, options: SummaryOptions, barred: frozenset[int]) -> list[int]:
    """The best sentences. If they are fewer than ``min_sentences``, shorter sentences may replace them."""
    length = options.length
    found = select(text.sentences, budget=length, headline=options.headline, barred=barred)
    if len(found) >= length.min_sentences:
        return found
    share = length.share()
    long = {number for number, sentence in enumerate(text.sentences) if not share.fits([sentence])}
    short = select(text.sentences, budget=length, headline=options.headline, barred=barred | long)
    return max(found, short, key=len)
