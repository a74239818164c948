"""Summaries: sentences chosen from the whole text, and for the abstractive method rewritten group by group."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from service.engines.tokenizer import Tokenizer
from service.manifest import Acceptance
from service.pipeline.call import Call
from service.pipeline.decoded import Candidate, Decoded, Decoder, Source
from service.pipeline.results import Method, Summary, SummarySentence
from service.pipeline.sentences import notices_of, off_loop
from service.summary.guard import objection
from service.summary.joints import loose_joints
from service.summary.lead import lead
from service.summary.lengths import Length, best_within
from service.summary.plan import Group, groups
from service.summary.selection import select
from service.summary.support import support
from service.summary.words import count_words, word_list
from service.text.normalise import for_model
from service.text.segment import segment
from service.types import Notice, Span

LEAST_OUTPUT_TOKENS = 8
PUNCTUATION = ", . : ; ! ? – - „ “ ( ) % €"


@dataclass(frozen=True, slots=True)
class _Text:
    """The sentences of a text, as the model gets them, and where they stand."""

    sentences: tuple[str, ...]
    spans: tuple[Span, ...]
    notices: tuple[Notice, ...]


@dataclass(frozen=True, slots=True)
class _Job:
    """One group to rewrite: the sentences that the model reads. ``source`` is None where not even the core fits."""

    core: int
    members: tuple[int, ...]
    score: float
    source: Source | None
    cut: bool


@dataclass(frozen=True, slots=True)
class _Rewritten:
    """What became of one group; ``refused`` where its core stands as it is."""

    sentence: SummarySentence
    job: _Job
    cached: bool
    refused: bool


class Summariser:
    """Summarises texts with one model."""

    def __init__(self, decoder: Decoder) -> None:
        self.decoder = decoder
        self._free_pieces = _free_pieces(decoder.model.tokenizer)

    async def summarise(
        self, texts: Sequence[str], length: Length, method: Method, call: Call, *, headline: str | None = None
    ) -> list[Summary]:
        """Summarise each of ``texts``, in order; a blank one gives an empty summary.

        The new work of all of them is admitted to the queue together, or none is.

        Raises:
            InvalidInput: a text is no Unicode.
            QueueFull, DeadlineExceeded, EngineError: see `Decoder.decode`.
        """
        found = [await off_loop(text, _read, text) for text in texts]
        if method == "abstractive":
            summaries = await self._abstractive(texts, found, length, call, headline)
        else:
            summaries = [
                await off_loop(text, _verbatim, one, length, method, headline)
                for text, one in zip(texts, found, strict=True)
            ]
        return [
            replace(summary, notices=(*one.notices, *summary.notices, *_doubts(one, summary, length)))
            for one, summary in zip(found, summaries, strict=True)
        ]

    async def _abstractive(
        self, texts: Sequence[str], found: Sequence[_Text], length: Length, call: Call, headline: str | None
    ) -> list[Summary]:
        jobs = [await off_loop(text, self._jobs, one, length, headline) for text, one in zip(texts, found, strict=True)]
        sources = [job.source for of_text in jobs for job in of_text if job.source is not None]
        decoded = iter(await self.decoder.decode(sources, call))
        summaries = []
        for one, of_text in zip(found, jobs, strict=True):
            done = [self._settled(one, job, None if job.source is None else next(decoded)) for job in of_text]
            kept = best_within([d.sentence.text for d in done], [d.job.score for d in done], length)
            summaries.append(_summary([done[n] for n in kept]))
        return summaries

    def _jobs(self, found: _Text, length: Length, headline: str | None) -> list[_Job]:
        return [self._job(found, group) for group in groups(found.sentences, headline=headline, length=length)]

    def _job(self, found: _Text, group: Group) -> _Job:
        """The group's sentences, or its core alone where they are too long for the model.

        Decoding is limited to the pieces of these sentences and to the free ones.
        """
        model = self.decoder.model
        for members in (group.members, (group.core,)):
            text = " ".join(found.sentences[n] for n in members)
            tokens = model.tokenizer.encode(text)
            if len(tokens) <= model.manifest.tokens.max_source_tokens:
                options = replace(
                    model.manifest.decoding_options(len(tokens)),
                    allowed=model.tokenizer.pieces(text) | self._free_pieces,
                    min_output_tokens=LEAST_OUTPUT_TOKENS,
                )
                source = Source(text, tokens, options)
                return _Job(group.core, members, group.score, source, cut=members != group.members)
        return _Job(group.core, (group.core,), group.score, None, cut=True)

    def _settled(self, found: _Text, job: _Job, decoded: Decoded | None) -> _Rewritten:
        """The first hypothesis to which there is no objection, a rewriting before a copy; else the group's core."""
        members = [found.sentences[n] for n in job.members]
        acceptance = self.decoder.model.manifest.acceptance
        candidates = () if decoded is None else decoded.candidates
        fit = [candidate.text for candidate in candidates if _acceptable(candidate, members, acceptance)]
        fit.sort(key=lambda text: any(text in member for member in members))
        cached = decoded is not None and decoded.cached
        if not fit:
            sentence = SummarySentence(found.sentences[job.core], (found.spans[job.core],), verbatim=True)
            return _Rewritten(sentence, job, cached=cached, refused=decoded is not None)
        numbers = [job.members[n] for n in support(fit[0], members)] or [job.core]
        verbatim = any(fit[0] in member for member in members)
        sentence = SummarySentence(fit[0], tuple(found.spans[n] for n in numbers), verbatim=verbatim)
        return _Rewritten(sentence, job, cached=cached, refused=False)


def _acceptable(candidate: Candidate, members: Sequence[str], acceptance: Acceptance) -> bool:
    """Whether it is whole, likely enough, well joined, and beyond objection."""
    return (
        candidate.finish_reason == "eos"
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


def _read(text: str) -> _Text:
    notices = notices_of(text)
    spans = [span for span in segment(text).sentences if any(char.isalpha() for char in span.of(text))]
    return _Text(tuple(for_model(span.of(text)) for span in spans), tuple(spans), tuple(notices))


def _verbatim(found: _Text, length: Length, method: Method, headline: str | None) -> Summary:
    if method == "lead":
        chosen = lead(found.sentences, budget=length)
    else:
        chosen = select(found.sentences, budget=length, headline=headline)
    sentences = tuple(SummarySentence(found.sentences[n], (found.spans[n],), verbatim=True) for n in chosen)
    text = " ".join(sentence.text for sentence in sentences)
    return Summary(text, method, sentences, (), truncated=False, cached=False)


def _summary(kept: Sequence[_Rewritten]) -> Summary:
    notices = [notice for one in kept for notice in _notices(one)]
    method: Method = "abstractive"
    if kept and all(one.sentence.verbatim for one in kept):
        method = "extractive"
        notices.append(Notice("method_changed", "every sentence stands in the source as it is: this is an extract"))
    return Summary(
        text=" ".join(one.sentence.text for one in kept),
        method=method,
        sentences=tuple(one.sentence for one in kept),
        notices=tuple(notices),
        truncated=any(one.job.cut for one in kept),
        cached=bool(kept) and all(one.cached for one in kept),
    )


def _notices(one: _Rewritten) -> list[Notice]:
    place = one.sentence.support[0]
    notices = []
    if one.job.cut:
        notices.append(Notice("truncated", "sentences here are longer than the model reads at once", place))
    if one.refused:
        notices.append(Notice("sentence_verbatim", "no rewriting of this sentence held; it stands as it is", place))
    return notices


def _doubts(found: _Text, summary: Summary, length: Length) -> list[Notice]:
    """What an editor should know of the whole: nothing to say, nothing that fits, or less than was asked for."""
    if summary.sentences:
        written, there = (sum(map(count_words, texts)) for texts in ((summary.text,), found.sentences))
        if written < length.min_words <= there:
            return [Notice("shorter_than_asked", f"{written} words, where at least {length.min_words} were asked for")]
        return []
    if found.sentences:
        return [Notice("length_unreachable", "no whole sentence is short enough for this length")]
    return [Notice("nothing_to_summarise", "the text has no sentence with letters")]
