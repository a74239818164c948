"""Rewriting of groups of sentences, and extracts in their place."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import dropwhile

from service.domain import Notice, Span
from service.generation.decoder import Candidate, Decoded, Source
from service.generation.engines.tokenizers import Tokenizer
from service.generation.model import ServedModel
from service.registry.manifest import Acceptance
from service.results import SummarySentence
from service.summarization.guard import objection, support
from service.summarization.lengths import Length, lead
from service.summarization.planning import Group, groups, loose_joints
from service.summarization.selection import assess, relevance, select
from service.summarization.styles import FORMS, Style, admits, barred
from service.summarization.variants import Offer, variants
from service.summarization.words import word_list

LEAST_OUTPUT_TOKENS = 8
FILLERS = 16
PUNCTUATION = ", . : ; ! ? – - „ “ ( ) % €"


@dataclass(frozen=True, slots=True)
class Text:
    """The sentences of a text, as the model gets them, and where they stand."""

    sentences: tuple[str, ...]
    spans: tuple[Span, ...]
    notices: tuple[Notice, ...]

    def verbatim(self, number: int) -> SummarySentence:
        """A sentence as it stands."""
        return SummarySentence(self.sentences[number], (self.spans[number],), verbatim=True)


@dataclass(frozen=True, slots=True)
class SummaryOptions:
    """What a summary has to be, whatever the text; ``variants`` is how many of each are wanted."""

    length: Length
    headline: str | None
    style: Style
    variants: int

    def barred(self, text: Text) -> frozenset[int]:
        """Numbers of the sentences that must not be chosen."""
        return barred(self.style, text.sentences, self.headline)


@dataclass(frozen=True, slots=True)
class RewriteInput:
    """A group to rewrite: ``source`` holds its members.

    It is None for a filler, which is not rewritten, and where not even the core fits the model.
    """

    group: Group
    members: tuple[int, ...]
    source: Source | None
    cut: bool


@dataclass(frozen=True, slots=True)
class RewriteResult:
    """What became of one group: its wordings, the best first, the core as it stands among them.

    ``refused`` where the core is the only one.
    """

    wordings: tuple[SummarySentence, ...]
    job: RewriteInput
    cached: bool
    refused: bool


class Rewriter:
    """Plans what one model rewrites, and judges what it wrote."""

    def __init__(self, model: ServedModel) -> None:
        self.model = model
        self._free_pieces = _free_pieces(model.tokenizer)

    def jobs(self, text: Text, tag: bytes, brief: SummaryOptions) -> list[RewriteInput]:
        """What the model reads for all variants of a summary, in the order of the cores."""
        found = groups(
            text.sentences,
            headline=brief.headline,
            length=brief.length,
            barred=brief.barred(text),
            spares=FORMS[brief.style].spares + brief.variants - 1,
            fillers=FILLERS,
        )
        return [self._job(text, tag, group) for group in found]

    def _job(self, text: Text, tag: bytes, group: Group) -> RewriteInput:
        """The group's sentences, or its core alone where they are too long for the model."""
        model = self.model
        if group.filler:
            return RewriteInput(group, group.members, None, cut=False)
        for members in (group.members, (group.core,)):
            joined = " ".join(text.sentences[n] for n in members)
            tokens = model.tokenizer.encode(joined)
            if len(tokens) <= model.manifest.tokens.max_source_tokens:
                options = replace(
                    model.manifest.decoding_options(len(tokens)),
                    allowed=self._allowed(joined),
                    min_output_tokens=LEAST_OUTPUT_TOKENS,
                )
                return RewriteInput(group, members, Source(joined, tokens, options, tag), cut=members != group.members)
        return RewriteInput(group, (group.core,), None, cut=True)

    def _allowed(self, source: str) -> frozenset[str] | None:
        """The pieces that a rewriting of ``source`` may be written with; None: all."""
        if not self.model.manifest.acceptance.source_pieces_only:
            return None
        return self.model.tokenizer.pieces(source) | self._free_pieces

    def settled(self, text: Text, job: RewriteInput, decoded: Decoded | None, brief: SummaryOptions) -> RewriteResult:
        """The hypotheses to which there is no objection, rewritings before copies, and then the core as it stands."""
        members = [text.sentences[n] for n in job.members]
        acceptance = self.model.manifest.acceptance
        candidates: Iterable[Candidate] = () if decoded is None else decoded.candidates
        fit = [
            candidate.text
            for candidate in candidates
            if _acceptable(candidate, members, acceptance) and admits(brief.style, candidate.text, brief.headline)
        ]
        fit.sort(key=lambda written: any(written in member for member in members))
        core = text.verbatim(job.group.core)
        wordings = [_sentence(text, job, written, members) for written in dict.fromkeys(fit) if written != core.text]
        return RewriteResult(
            (*wordings, core),
            job,
            cached=decoded is not None and decoded.cached,
            refused=decoded is not None and not fit,
        )


def _sentence(text: Text, job: RewriteInput, written: str, members: Sequence[str]) -> SummarySentence:
    numbers = [job.members[n] for n in support(written, members)] or [job.group.core]
    verbatim = any(written in member for member in members)
    return SummarySentence(written, tuple(text.spans[n] for n in numbers), verbatim=verbatim)


def _acceptable(candidate: Candidate, members: Sequence[str], acceptance: Acceptance) -> bool:
    """Whether it is whole, likely enough, well joined, and beyond objection."""
    return (
        candidate.finish_reason == "eos"
        and candidate.score is not None
        and candidate.score >= acceptance.least_score
        and loose_joints(candidate.text, members) <= acceptance.most_loose_joints
        and objection(candidate.text, members) is None
    )


def _free_pieces(tokenizer: Tokenizer) -> frozenset[str]:
    """Pieces that need no support: function words that are one piece each, and punctuation.

    Fragments of longer ones, and capitals, would only serve to begin words that no source has.
    """
    single = (pieces for word in word_list("function_words") if len(pieces := tokenizer.pieces(word)) == 1)
    return tokenizer.pieces(PUNCTUATION).union(*single)


MOST_OFFERS = 100  # of which variants are made; what comes later in the order says too little


def beginning(text: Text, brief: SummaryOptions) -> list[int]:
    """The first sentences; in a style with a form of its own the first that fits is the first of them."""
    barred = brief.barred(text)
    free = [number for number in range(len(text.sentences)) if number not in barred]
    if brief.style != "abstract":
        free = list(dropwhile(lambda number: not brief.length.fits([text.sentences[number]]), free))
    return [free[n] for n in lead([text.sentences[number] for number in free], budget=brief.length)]


def selections(text: Text, brief: SummaryOptions) -> list[list[int]]:
    """The sentences of each variant, best first, in their own order; one that is empty where none fits."""
    barred = brief.barred(text)
    first = _selected(text, brief, barred)
    if brief.variants == 1 or not first:
        return [first]
    ranked = relevance(assess(text.sentences, headline=brief.headline).without(barred))
    scores = dict([(number, score) for number, score in ranked if number not in barred][:MOST_OFFERS])
    order = sorted({*scores, *first})
    offers = [Offer((text.sentences[number],), scores.get(number, 0.0)) for number in order]
    made = variants([(order.index(number), 0) for number in first], offers, brief.length, brief.variants)
    return [[order[offer] for offer, _ in choices] for choices in made]


def _selected(text: Text, brief: SummaryOptions, barred: frozenset[int]) -> list[int]:
    """The best sentences; the short ones among them where the others leave no room for as many as there have to be."""
    length = brief.length
    found = select(text.sentences, budget=length, headline=brief.headline, barred=barred)
    if len(found) >= length.min_sentences:
        return found
    share = length.share()
    long = {number for number, sentence in enumerate(text.sentences) if not share.fits([sentence])}
    short = select(text.sentences, budget=length, headline=brief.headline, barred=barred | long)
    return max(found, short, key=len)
