"""Summaries: sentences chosen from the whole text, and for the abstractive method rewritten group by group."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

from service.engines.tokenizer import Tokenizer
from service.pipeline.call import Call
from service.pipeline.decoded import Candidate, Decoded, Decoder, Source
from service.pipeline.results import Method, Summary, SummarySentence
from service.pipeline.sentences import OFF_LOOP_CHARS
from service.summary.guard import objection
from service.summary.lead import lead
from service.summary.lengths import Length, best_within
from service.summary.novelty import copies
from service.summary.plan import Group, groups
from service.summary.selection import select
from service.summary.support import support
from service.summary.words import word_list
from service.text.normalise import check_text, for_model
from service.text.segment import segment
from service.types import Notice, Span

T = TypeVar("T")

LEAST_OUTPUT_TOKENS = 8
PUNCTUATION = " , . : ; ! ? – - „ “ ( ) % €"


@dataclass(frozen=True, slots=True)
class _Text:
    """The sentences of a text, as the model gets them, and where they stand."""

    sentences: tuple[str, ...]
    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class _Rewritten:
    """What became of one group; ``decoded`` is None where it was too long for the model to read."""

    sentence: SummarySentence
    score: float
    decoded: Decoded | None
    refused: bool


class Summariser:
    """Summarises texts with one model."""

    def __init__(self, decoder: Decoder) -> None:
        self.decoder = decoder
        self._free_pieces = _free_pieces(decoder.model.tokenizer)

    async def summarise(
        self, text: str, length: Length, method: Method, call: Call, *, headline: str | None = None
    ) -> Summary:
        """Summarise ``text``; a blank one gives an empty summary.

        Raises:
            InvalidInput: the text is no Unicode.
            QueueFull, DeadlineExceeded, EngineError: see `Decoder.decode`.
        """
        notices = check_text(text)
        found: _Text = await _off_loop(text, partial(_read, text))
        if not found.sentences:
            return Summary("", method, (), tuple(notices), truncated=False, cached=False)
        if method == "abstractive":
            planned = await _off_loop(text, partial(groups, found.sentences, headline=headline, length=length))
            summary = await self._abstractive(found, planned, length, call)
        else:
            chosen = await _off_loop(text, partial(_chosen, found.sentences, length, method, headline))
            summary = _verbatim(found, chosen, method)
        if not summary.sentences:
            notices.append(Notice("length_unreachable", "no whole sentence is short enough for this length"))
        return replace(summary, notices=(*notices, *summary.notices))

    async def _abstractive(self, found: _Text, planned: Sequence[Group], length: Length, call: Call) -> Summary:
        sources = [self._source(found, group) for group in planned]
        decoded = iter(await self.decoder.decode([source for source in sources if source is not None], call))
        rewritten = [
            _settled(found, group, None if source is None else next(decoded))
            for group, source in zip(planned, sources, strict=True)
        ]
        texts = [one.sentence.text for one in rewritten]
        kept = best_within(texts, [one.score for one in rewritten], length)
        return _summary([rewritten[n] for n in kept])

    def _source(self, found: _Text, group: Group) -> Source | None:
        """The group's sentences, or its core alone where they are too long; None where that is, too.

        Decoding is limited to the pieces of these sentences and to the free ones.
        """
        model = self.decoder.model
        for numbers in (group.members, (group.core,)):
            text = " ".join(found.sentences[n] for n in numbers)
            tokens = model.tokenizer.encode(text)
            if len(tokens) <= model.manifest.tokens.max_source_tokens:
                options = replace(
                    model.manifest.decoding_options(len(tokens)),
                    allowed=model.tokenizer.pieces(text) | self._free_pieces,
                    min_output_tokens=LEAST_OUTPUT_TOKENS,
                )
                return Source(text, tokens, options)
        return None


def _free_pieces(tokenizer: Tokenizer) -> frozenset[str]:
    """Pieces that need no support: those of function words, in both cases, and of punctuation."""
    listed = word_list("function_words")
    return tokenizer.pieces(" ".join([*listed, *(word.capitalize() for word in listed), *PUNCTUATION.split()]))


async def _off_loop(text: str, work: Callable[[], T]) -> T:
    return await asyncio.to_thread(work) if len(text) > OFF_LOOP_CHARS else work()


def _read(text: str) -> _Text:
    spans = [span for span in segment(text).sentences if any(char.isalpha() for char in span.of(text))]
    return _Text(tuple(for_model(span.of(text)) for span in spans), tuple(spans))


def _chosen(sentences: Sequence[str], length: Length, method: Method, headline: str | None) -> list[int]:
    return lead(sentences, budget=length) if method == "lead" else select(sentences, budget=length, headline=headline)


def _verbatim(found: _Text, chosen: Sequence[int], method: Method) -> Summary:
    sentences = tuple(SummarySentence(found.sentences[n], (found.spans[n],), verbatim=True) for n in chosen)
    text = " ".join(sentence.text for sentence in sentences)
    return Summary(text, method, sentences, (), truncated=False, cached=False)


def _settled(found: _Text, group: Group, decoded: Decoded | None) -> _Rewritten:
    """The first hypothesis to which there is no objection; else the group's core as it stands in the text."""
    members = [found.sentences[n] for n in group.members]
    for candidate in () if decoded is None else decoded.candidates:
        if _acceptable(candidate, members):
            numbers = [group.members[n] for n in support(candidate.text, members)] or [group.core]
            spans = tuple(found.spans[n] for n in numbers)
            sentence = SummarySentence(candidate.text, spans, verbatim=copies(candidate.text, members))
            return _Rewritten(sentence, group.score, decoded, refused=False)
    sentence = SummarySentence(found.sentences[group.core], (found.spans[group.core],), verbatim=True)
    return _Rewritten(sentence, group.score, decoded, refused=True)


def _acceptable(candidate: Candidate, members: Sequence[str]) -> bool:
    return candidate.finish_reason == "eos" and objection(candidate.text, members) is None


def _summary(kept: Sequence[_Rewritten]) -> Summary:
    notices = [
        Notice(
            "sentence_verbatim",
            "no rewriting of this sentence held; it stands as in the source",
            one.sentence.support[0],
        )
        for one in kept
        if one.refused
    ]
    method: Method = "abstractive"
    if kept and all(one.sentence.verbatim for one in kept):
        method = "extractive"
        notices.append(Notice("method_changed", "every sentence stands in the source as it is: this is an extract"))
    return Summary(
        text=" ".join(one.sentence.text for one in kept),
        method=method,
        sentences=tuple(one.sentence for one in kept),
        notices=tuple(notices),
        truncated=any(one.decoded is None for one in kept),
        cached=bool(kept) and all(one.decoded is not None and one.decoded.cached for one in kept),
    )
