"""Translation of texts with one model."""

import asyncio
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Self

from service.checks.base import Code, Severity
from service.checks.repetition import repeated_sentences
from service.domain import DecodingOptions, Notice, Span
from service.generation.call import (
    LONG_CHARS,
    MOST_REMEMBERED_CHARS,
    Call,
    Finished,
    LruMemo,
    in_thread,
    off_loop,
    recalled,
)
from service.generation.decoder import Decoded, Decoder, Source
from service.registry.manifest import Manifest
from service.results import SentencePair, Summary, TermUse, Translation
from service.summarization.lengths import Length
from service.summarization.styles import laid_out
from service.text.html.document import Document
from service.text.html.render import TranslatedSentence, render
from service.text.segmentation import reassemble
from service.translation.postprocessing import (
    COUNTED,
    FinishedSentence,
    NotRememberedError,
    Postprocessor,
    SentenceConstraints,
    finish_unread,
    rerank,
)
from service.translation.preparation import PLAIN, Part, Sentence, Submitted, TranslationOptions, take_apart

_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f]")  # all but white space
NOT_GERMAN = "source_not_german"


@dataclass(frozen=True, slots=True)
class _Pair:
    """A sentence, what it became, and where both stand: in the submitted text, and in the answer's (None: nowhere)."""

    part: Part
    sentence: Sentence
    decoded: Decoded | None
    finished: FinishedSentence
    target: Span | None = None

    @property
    def source(self) -> Span:
        """Where the sentence stands in the submitted text."""
        return self.part.place(self.sentence.span)

    def within(self, span: Span) -> Span:
        """Where a range of the sentence stands in the submitted text."""
        return self.part.place(span.shifted(self.sentence.span.start))


def assembled(
    submitted: Submitted, done: Sequence[tuple[Decoded, FinishedSentence] | None], manner: TranslationOptions
) -> Translation:
    """The translation of ``submitted``; ``done`` has what became of each sentence, None where nothing was to do."""
    pairs = [
        _Pair(part, sentence, *(result or (None, _unread(part, sentence, manner))))
        for (part, sentence), result in zip(submitted.sentences(), done, strict=True)
    ]
    text, targets = _whole(submitted, pairs)
    pairs = [replace(pair, target=target) for pair, target in zip(pairs, targets, strict=True)]
    work = [pair.decoded for pair in pairs if pair.decoded is not None]
    # What was not German has no translation to be doubted.
    german = all(notice.code != NOT_GERMAN for notice in submitted.notices)
    doubts = [*(notice for pair in pairs for notice in _doubts(pair)), *_repeated(pairs)] if german else []
    return Translation(
        text=text,
        sentences=tuple(
            SentencePair(pair.source, pair.target, _words(pair, pair.target) if manner.alignment else None)
            for pair in pairs
            if pair.target is not None
        ),
        notices=(*submitted.notices, *(notice for pair in pairs for notice in _notices(pair)), *doubts),
        truncated=any(pair.finished.cut for pair in pairs),
        cached=sum(result.cached for result in work),
        of=len(work),
        terms=tuple(use for pair in pairs for use in _terms(pair)),
    )


def _unread(part: Part, sentence: Sentence, manner: TranslationOptions) -> FinishedSentence:
    return finish_unread(sentence.span.of(part.prepared.segmentation.text), sentence, manner.glossary)


def _whole(submitted: Submitted, pairs: Sequence[_Pair]) -> tuple[str, list[Span | None]]:
    """The answer's text, and where each sentence stands in it."""
    if submitted.document is not None:
        return _html(submitted.document, submitted.parts, pairs)
    (part,) = submitted.parts
    # Control characters between sentences do not come out again; a blank keeps the offsets as they are.
    segmentation = replace(part.prepared.segmentation, text=_CONTROL.sub(" ", submitted.text))
    whole = reassemble(segmentation, [pair.finished.text for pair in pairs])
    return whole.text, list(whole.spans)


def _html(document: Document, parts: Sequence[Part], pairs: Sequence[_Pair]) -> tuple[str, list[Span | None]]:
    rest = iter(pairs)
    translations = [
        [
            TranslatedSentence(s.span, pair.finished.text, pair.finished.alignment)
            for s, pair in zip(part.prepared.sentences, rest, strict=False)
        ]
        for part in parts
    ]
    rendered = render(document, translations)
    spans: list[Span | None] = []
    for part, found in zip(parts, rendered.sentences, strict=True):
        # Texts of attributes stand within tags, where no span can point to them.
        spans += found or [None] * len(part.prepared.sentences)
    return rendered.html, spans


def _words(pair: _Pair, target: Span) -> tuple[tuple[Span, Span], ...]:
    """Each word of a plain text's translation with the piece of the source that it owes most to, and its neighbours."""
    alignment = pair.finished.alignment
    if alignment is None or pair.part.block is not None:
        return ()
    strongest = (max(range(len(row)), key=row.__getitem__) for row in alignment.weights)
    return tuple(
        (pair.within(alignment.source[piece]), word.shifted(target.start))
        for word, piece in zip(alignment.target, strongest, strict=True)
        if alignment.source[piece].start < alignment.source[piece].end
    )


def _notices(pair: _Pair) -> Iterator[Notice]:
    if pair.finished.cut:
        yield Notice("truncated", "the translation of this sentence met its length limit", pair.source, pair.target)
    for one in pair.finished.missing:
        if one.kind in COUNTED:
            yield Notice("term_not_applied", "this term could not be put into the translation", pair.within(one.span))


def _doubts(pair: _Pair) -> Iterator[Notice]:
    for finding in pair.finished.findings:
        if finding.code is Code.OUTPUT_TOO_SHORT and pair.finished.cut:
            continue  # said already
        source = pair.source if finding.source is None else pair.within(finding.source)
        target = pair.target
        if finding.output is not None and target is not None and pair.part.block is None:
            target = finding.output.shifted(target.start)
        review = finding.severity is Severity.REVIEW
        yield Notice(finding.code.value, finding.message, source, target, review=review)


def _repeated(pairs: Sequence[_Pair]) -> Iterator[Notice]:
    worked = [pair for pair in pairs if pair.decoded is not None]
    texts = [pair.sentence.text for pair in worked], [pair.finished.text for pair in worked]
    for number, finding in repeated_sentences(*texts):
        message = finding.message
        yield Notice(Code.SENTENCE_REPEATED.value, message, worked[number].source, worked[number].target)


def _terms(pair: _Pair) -> Iterator[TermUse]:
    for applied, uses in ((True, pair.finished.applied), (False, pair.finished.missing)):
        for one in uses:
            if one.kind in COUNTED:
                yield TermUse(one.term, one.text, pair.within(one.span), applied=applied)


REMEMBERED = 256
Manners = TranslationOptions | Sequence[TranslationOptions]


@dataclass(frozen=True, slots=True)
class _Taken:
    """A text taken apart, and what each of its sentences that have words asks of its translation."""

    submitted: Submitted
    demands: list[SentenceConstraints]

    @property
    def places(self) -> Iterator[Span]:
        """Where each of those sentences stands in the text."""
        sentences = self.submitted.sentences()
        return (part.place(sentence.span) for part, sentence in sentences if sentence.tokens is not None)


class _Finishing:
    """Finishes sentences as they land, beside the engine's work on the others; a context that ends with the request.

    ``finished`` is told each sentence's number and what it became as soon as all before it are done.
    """

    def __init__(
        self,
        finisher: Postprocessor,
        demands: Sequence[SentenceConstraints],
        may_keep: Callable[[], bool],
        finished: Callable[[int, FinishedSentence], None],
    ) -> None:
        self._finisher = finisher
        self._demands = demands
        self._may_keep = may_keep
        self._finished = finished
        self._begun: list[asyncio.Task[None]] = []
        self._done: dict[int, FinishedSentence] = {}
        self._told = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for task in self._begun:
            task.cancel()

    def begin(self, landed: Sequence[tuple[int, Decoded]]) -> None:
        """Begin with these: the numbers of sentences, and what they were decoded to."""
        chars = sum(len(self._demands[number].source) for number, _ in landed)
        found = self._found(landed) if chars <= LONG_CHARS else {}
        self._tell(found)
        new = [(number, result) for number, result in landed if number not in found]
        if new:  # though they be few: those of a whole batch land at once, and would keep the loop from its probes
            self._begun.append(asyncio.ensure_future(self._finish(chars, new)))

    def _found(self, landed: Sequence[tuple[int, Decoded]]) -> dict[int, FinishedSentence]:
        """Those of them that came from the cache and are remembered: a thread would take longer to be asked."""
        found: dict[int, FinishedSentence] = {}
        for number, result in landed:
            if result.cached:
                with suppress(NotRememberedError):
                    remembered = partial(self._finisher.remembered, self._demands[number])
                    found[number] = rerank(result.candidates, remembered)
        return found

    async def _finish(self, chars: int, landed: Sequence[tuple[int, Decoded]]) -> None:
        self._tell(await in_thread(chars, self._made, landed))

    def _made(self, landed: Sequence[tuple[int, Decoded]]) -> dict[int, FinishedSentence]:
        finish, demands, keep = self._finisher.finish, self._demands, self._may_keep()
        return {
            number: rerank(result.candidates, partial(finish, demands[number], keep=keep)) for number, result in landed
        }

    def _tell(self, done: Mapping[int, FinishedSentence]) -> None:
        """Take these as done, and tell of all that have none before them left to do."""
        self._done.update(done)
        while (one := self._done.get(self._told)) is not None:
            self._finished(self._told, one)
            self._told += 1

    async def results(self) -> list[FinishedSentence]:
        """All sentences, in their order, when all have landed."""
        await asyncio.gather(*self._begun)
        return [self._done[number] for number in range(len(self._demands))]


class Translator:
    """Translates texts with one model."""

    def __init__(self, decoder: Decoder) -> None:
        self.decoder = decoder
        self._finisher = Postprocessor()
        self._taken: LruMemo[_Taken] = LruMemo(REMEMBERED)
        self._options = lru_cache(maxsize=1_024)(partial(_options, decoder.model.manifest))

    async def translate(
        self, texts: Sequence[str], call: Call, *, origins: Sequence[str] | None = None, manner: Manners = PLAIN
    ) -> list[Translation]:
        """Translate ``texts``, in order; an empty or blank one gives itself.

        All of them are admitted to the queue together, or none is. ``origins`` are the submitted texts that each was
        taken from, where it is not one itself; ``manner`` is that of all texts, or one of each.

        Raises:
            InvalidInput: a text is no Unicode.
            QueueFull, DeadlineExceeded, EngineError: see `Decoder.decode`.
        """
        manners = [manner] * len(texts) if isinstance(manner, TranslationOptions) else manner
        with call.timings.measured("segment"):
            chars = sum(map(len, texts))
            taken = [await self._take_apart(text, one, call, chars) for text, one in zip(texts, manners, strict=True)]
        tags = self.decoder.tags(texts if origins is None else origins)
        sources = [source for one, tag in zip(taken, tags, strict=True) for source in self._sources(one, tag)]
        places = [(n, place) for n, one in enumerate(taken) for place in one.places]
        demands = [demand for one in taken for demand in one.demands]

        def finished(number: int, sentence: FinishedSentence) -> None:
            call.finished(Finished(*places[number], sentence.text))

        with _Finishing(self._finisher, demands, partial(self.decoder.may_keep, call), finished) as work:
            decoded = await self.decoder.decode(sources, call, landed=work.begin)
            with call.timings.measured("finish"):
                done = iter(zip(decoded, await work.results(), strict=True))
                return [
                    await _put_together(one, done, wanted, chars) for one, wanted in zip(taken, manners, strict=True)
                ]

    async def _take_apart(self, text: str, manner: TranslationOptions, call: Call, chars: int) -> "_Taken":
        """The text, one of a request of so many characters: many short ones take as long as a long one."""
        model = self.decoder.model
        limit = model.manifest.tokens.max_source_tokens
        plain = replace(manner, glossary=PLAIN.glossary)
        kind = (manner.format, manner.split, manner.attribute_texts, manner.alignment, manner.tags)
        keep = self.decoder.may_keep(call)

        def taken() -> _Taken:
            submitted = take_apart(text, manner, model.tokenizer, limit)
            return _Taken(submitted, self._demands(submitted, plain, keep=keep))

        may_stay = keep and len(text) <= MOST_REMEMBERED_CHARS
        found = await recalled(chars, self._taken, (text,), kind, taken, keep=may_stay)
        if not manner.glossary:
            return found
        return replace(found, demands=await off_loop(chars, self._demands, found.submitted, manner, keep=keep))

    def _demands(self, submitted: Submitted, manner: TranslationOptions, *, keep: bool) -> list[SentenceConstraints]:
        return [
            self._finisher.demand(
                sentence.span.of(part.prepared.segmentation.text),
                sentence,
                manner.glossary,
                aligned=manner.alignment or part.marked_up,
                keep=keep,
            )
            for part, sentence in submitted.sentences()
            if sentence.tokens is not None
        ]

    def _sources(self, taken: "_Taken", tag: bytes) -> Iterator[Source]:
        for demand in taken.demands:
            tokens = demand.sentence.tokens or ()
            yield Source(demand.sentence.text, tokens, self._options(len(tokens), demand.attention), tag)

    def forget(self) -> None:
        """Forget what was made of texts: a story was withdrawn."""
        self.decoder.forget()
        self._taken.forget()
        self._finisher.forget()

    async def summaries(
        self, summaries: Sequence[Summary], length: Length, call: Call, *, origins: Sequence[str]
    ) -> list[Summary]:
        """The same summaries in the target language; what supports them stays the German source.

        ``origins`` are the submitted texts that they summarise.
        """
        every = [(one, o) for first, o in zip(summaries, origins, strict=True) for one in (first, *first.variants)]
        texts = [sentence.text for one, _ in every for sentence in one.sentences]
        of_each = [o for one, o in every for _ in one.sentences]
        translated = iter(await self.translate(texts, call, origins=of_each))

        def next_of(summary: Summary) -> Summary:
            return _translated(summary, [next(translated) for _ in summary.sentences], length)

        firsts = ((next_of(summary), summary.variants) for summary in summaries)
        return [replace(first, variants=tuple(map(next_of, others))) for first, others in firsts]


def _options(manifest: Manifest, source_tokens: int, alignment: bool) -> DecodingOptions:  # noqa: FBT001 - see lru_cache
    options = manifest.decoding_options(source_tokens)
    # A beam is ranked by its scores anyway; nobody asks what a single output has.
    return replace(options, alignment=alignment, scored=options.beam_size > 1)


async def _put_together(
    taken: _Taken, done: Iterator[tuple[Decoded, FinishedSentence]], manner: TranslationOptions, chars: int
) -> Translation:
    """The translation of one text; takes what became of its sentences from ``done``."""
    submitted = taken.submitted
    own = [None if sentence.tokens is None else next(done) for _, sentence in submitted.sentences()]
    return await off_loop(chars, assembled, submitted, own, manner)


def _translated(summary: Summary, translations: Sequence[Translation], length: Length) -> Summary:
    sentences = tuple(
        replace(sentence, text=one.text, verbatim=False)
        for sentence, one in zip(summary.sentences, translations, strict=True)
    )
    notices = [replace(notice, span=None, target=None) for one in translations for notice in one.notices]
    if not length.fits([sentence.text for sentence in sentences]):
        notices.append(Notice("length_exceeded", "the German summary keeps the length, its translation does not"))
    return replace(
        summary,
        text=laid_out(summary.style, [sentence.text for sentence in sentences]),
        sentences=sentences,
        notices=(*summary.notices, *notices),
        truncated=summary.truncated or any(one.truncated for one in translations),
        cached=summary.cached and all(one.cached == one.of for one in translations),
    )
