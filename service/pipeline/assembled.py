"""A translated text put together: sentences between the text's own gaps, or within its HTML, and what to say of it."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from service.pipeline.decoded import Decoded
from service.pipeline.finishing import COUNTED, Finished, finish_unread
from service.pipeline.manner import Manner
from service.pipeline.results import SentencePair, TermUse, Translation
from service.pipeline.sentences import Sentence
from service.pipeline.submitted import Part, Submitted
from service.text.markup_document import Document
from service.text.markup_render import TranslatedSentence, render
from service.text.reassemble import reassemble
from service.trust.findings import Code, Severity
from service.trust.repetition import repeated_sentences
from service.types import Notice, Span

_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f]")  # all but white space
NOT_GERMAN = "source_not_german"


@dataclass(frozen=True, slots=True)
class _Pair:
    """A sentence, what it became, and where both stand: in the submitted text, and in the answer's (None: nowhere)."""

    part: Part
    sentence: Sentence
    decoded: Decoded | None
    finished: Finished
    target: Span | None = None

    @property
    def source(self) -> Span:
        """Where the sentence stands in the submitted text."""
        return self.part.place(self.sentence.span)

    def within(self, span: Span) -> Span:
        """Where a range of the sentence stands in the submitted text."""
        return self.part.place(span.shifted(self.sentence.span.start))


def assembled(submitted: Submitted, done: Sequence[tuple[Decoded, Finished] | None], manner: Manner) -> Translation:
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


def _unread(part: Part, sentence: Sentence, manner: Manner) -> Finished:
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
