"""Rewriting: from the groups of a text to what the model reads, and from its hypotheses to wordings that may stand."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from service.engines.tokenizer import Tokenizer
from service.manifest import Acceptance
from service.pipeline.candidate import Candidate
from service.pipeline.decoded import Decoded, Source
from service.pipeline.results import SummarySentence
from service.pipeline.served import ServedModel
from service.summary.guard import objection
from service.summary.joints import loose_joints
from service.summary.lengths import Length
from service.summary.plan import Group, groups
from service.summary.styles import FORMS, Style, admits, barred
from service.summary.support import support
from service.summary.words import word_list
from service.types import Notice, Span

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
class Brief:
    """What a summary has to be, whatever the text; ``variants`` is how many of each are wanted."""

    length: Length
    headline: str | None
    style: Style
    variants: int

    def barred(self, text: Text) -> frozenset[int]:
        """Numbers of the sentences that must not be chosen."""
        return barred(self.style, text.sentences, self.headline)


@dataclass(frozen=True, slots=True)
class Job:
    """A group to rewrite: ``source`` holds its members.

    It is None for a filler, which is not rewritten, and where not even the core fits the model.
    """

    group: Group
    members: tuple[int, ...]
    source: Source | None
    cut: bool


@dataclass(frozen=True, slots=True)
class Rewritten:
    """What became of one group: its wordings, the best first, the core as it stands among them.

    ``refused`` where the core is the only one.
    """

    wordings: tuple[SummarySentence, ...]
    job: Job
    cached: bool
    refused: bool


class Rewriter:
    """Plans what one model rewrites, and judges what it wrote."""

    def __init__(self, model: ServedModel) -> None:
        self.model = model
        self._free_pieces = _free_pieces(model.tokenizer)

    def jobs(self, text: Text, tag: bytes, brief: Brief) -> list[Job]:
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

    def _job(self, text: Text, tag: bytes, group: Group) -> Job:
        """The group's sentences, or its core alone where they are too long for the model."""
        model = self.model
        if group.filler:
            return Job(group, group.members, None, cut=False)
        for members in (group.members, (group.core,)):
            joined = " ".join(text.sentences[n] for n in members)
            tokens = model.tokenizer.encode(joined)
            if len(tokens) <= model.manifest.tokens.max_source_tokens:
                options = replace(
                    model.manifest.decoding_options(len(tokens)),
                    allowed=self._allowed(joined),
                    min_output_tokens=LEAST_OUTPUT_TOKENS,
                )
                return Job(group, members, Source(joined, tokens, options, tag), cut=members != group.members)
        return Job(group, (group.core,), None, cut=True)

    def _allowed(self, source: str) -> frozenset[str] | None:
        """The pieces that a rewriting of ``source`` may be written with; None: all."""
        if not self.model.manifest.acceptance.source_pieces_only:
            return None
        return self.model.tokenizer.pieces(source) | self._free_pieces

    def settled(self, text: Text, job: Job, decoded: Decoded | None, brief: Brief) -> Rewritten:
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
        return Rewritten(
            (*wordings, core),
            job,
            cached=decoded is not None and decoded.cached,
            refused=decoded is not None and not fit,
        )


def _sentence(text: Text, job: Job, written: str, members: Sequence[str]) -> SummarySentence:
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
