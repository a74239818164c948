"""Translation of texts with one generator."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from service.cache.tiers import Cache
from service.checks.base import Code, Severity
from service.checks.repetition import repeated_sentences
from service.domain import Notice, Span
from service.generation.aligners import Aligner, AttentionAligner
from service.generation.base import TextGenerator
from service.generation.cached import CachedGenerator, Result
from service.generation.call import TEXT_THREADS, Call, Finished, TextThreads
from service.results import SentencePair, TermUse, Translation
from service.text.html.document import Document
from service.text.html.render import TranslatedSentence, render
from service.text.segmentation import reassemble
from service.translation.postprocessing import (
    COUNTED,
    FinishedSentence,
    SentenceConstraints,
    SentenceKind,
    constraints_of,
    finish_unread,
)
from service.translation.preparation import PLAIN, Part, Sentence, Submitted, TranslationOptions, take_apart

_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f]")  # all but white space
NOT_GERMAN = "source_not_german"


@dataclass(frozen=True, slots=True)
class _Pair:
    """A sentence, its translation, and the place of it in the answer's text (None: nowhere).

    ``cached`` is None where no model was needed.
    """

    part: Part
    sentence: Sentence
    finished: FinishedSentence
    cached: bool | None
    target: Span | None = None

    @property
    def source(self) -> Span:
        """The place of the sentence in the submitted text."""
        return self.part.place(self.sentence.span)

    def within(self, span: Span) -> Span:
        """The place of a range of the sentence in the submitted text."""
        return self.part.place(span.shifted(self.sentence.span.start))


def assembled(
    submitted: Submitted, results: Sequence[Result[FinishedSentence]], manner: TranslationOptions
) -> Translation:
    """The translation of ``submitted``; ``results`` are those of its sentences with letters, in order."""
    left = iter(results)
    pairs = [_pair(part, sentence, left, manner) for part, sentence in submitted.sentences()]
    text, targets = _whole(submitted, pairs)
    pairs = [replace(pair, target=target) for pair, target in zip(pairs, targets, strict=True)]
    work = [pair.cached for pair in pairs if pair.cached is not None]
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
        cached=sum(work),
        of=len(work),
        terms=tuple(use for pair in pairs for use in _terms(pair)),
    )


def _pair(
    part: Part, sentence: Sentence, results: Iterator[Result[FinishedSentence]], manner: TranslationOptions
) -> _Pair:
    if sentence.has_letters:
        result = next(results)
        return _Pair(part, sentence, result.value, result.cached)
    source = sentence.span.of(part.prepared.segmentation.text)
    return _Pair(part, sentence, finish_unread(source, sentence, manner.glossary), None)


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
    worked = [pair for pair in pairs if pair.cached is not None]
    texts = [pair.sentence.text for pair in worked], [pair.finished.text for pair in worked]
    for number, finding in repeated_sentences(*texts):
        message = finding.message
        yield Notice(Code.SENTENCE_REPEATED.value, message, worked[number].source, worked[number].target)


def _terms(pair: _Pair) -> Iterator[TermUse]:
    for applied, uses in ((True, pair.finished.applied), (False, pair.finished.missing)):
        for one in uses:
            if one.kind in COUNTED:
                yield TermUse(one.term, one.text, pair.within(one.span), applied=applied)


Manners = TranslationOptions | Sequence[TranslationOptions]


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A text in parts, and what is asked of the translation of each of its sentences that has letters."""

    submitted: Submitted
    wanted: list[SentenceConstraints]

    @property
    def places(self) -> Iterator[Span]:
        """The places of those sentences in the text."""
        return (part.place(sentence.span) for part, sentence in self.submitted.sentences() if sentence.has_letters)


class _InOrder:
    """Tells of sentences in the text's order: of each as soon as all before it are done."""

    def __init__(self, tell: Callable[[int, FinishedSentence], None]) -> None:
        self._tell = tell
        self._done: dict[int, FinishedSentence] = {}
        self._told = 0

    def land(self, landed: Sequence[tuple[int, Result[FinishedSentence]]]) -> None:
        """Take these as done."""
        self._done.update((number, result.value) for number, result in landed)
        while (one := self._done.pop(self._told, None)) is not None:
            self._tell(self._told, one)
            self._told += 1


class Translator:
    """Translates texts with one generator; its sentences are cached as they are given."""

    def __init__(
        self,
        generator: TextGenerator,
        cache: Cache,
        secret: bytes | None,
        *,
        aligner: Aligner | None = None,
        threads: TextThreads = TEXT_THREADS,
    ) -> None:
        self.generator = generator
        self._threads = threads
        kind = SentenceKind(aligner or AttentionAligner(threads), threads)
        self.sentences = CachedGenerator(generator, kind, cache, secret)

    async def translate(
        self, texts: Sequence[str], call: Call, *, origins: Sequence[str] | None = None, manner: Manners = PLAIN
    ) -> list[Translation]:
        """Translate ``texts``, in order; an empty or blank one gives itself.

        All of them are admitted to the queue together, or none is. ``origins`` are the submitted texts that each was
        taken from, where it is not one itself; ``manner`` is that of all texts, or one of each.

        Raises:
            InvalidInput: a text is no Unicode.
            QueueFull, DeadlineExceeded, EngineError: see `CachedGenerator.results`.
        """
        manners = [manner] * len(texts) if isinstance(manner, TranslationOptions) else manner
        off_loop, chars = self._threads.off_loop, sum(map(len, texts))  # many short texts take as long as a long one
        with call.timings.measured("segment"):
            prepared = [
                await off_loop(chars, self._prepare, text, one) for text, one in zip(texts, manners, strict=True)
            ]
        tags = self.sentences.tags(texts if origins is None else origins)
        wanted = [constraints for one in prepared for constraints in one.wanted]
        tags_of = [tag for one, tag in zip(prepared, tags, strict=True) for _ in one.wanted]
        places = [(n, place) for n, one in enumerate(prepared) for place in one.places]

        def tell(number: int, sentence: FinishedSentence) -> None:
            call.finished(Finished(*places[number], sentence.text))

        results = iter(await self.sentences.results(wanted, tags_of, call, landed=_InOrder(tell).land))
        with call.timings.measured("finish"):
            return [
                await off_loop(chars, assembled, one.submitted, [next(results) for _ in one.wanted], options)
                for one, options in zip(prepared, manners, strict=True)
            ]

    def _prepare(self, text: str, manner: TranslationOptions) -> _Prepared:
        submitted = take_apart(text, manner, self.generator)
        wanted = [
            constraints_of(
                sentence.span.of(part.prepared.segmentation.text),
                sentence,
                manner.glossary,
                aligned=manner.alignment or part.marked_up,
            )
            for part, sentence in submitted.sentences()
            if sentence.has_letters
        ]
        return _Prepared(submitted, wanted)
