"""Translation: sentences through cache, queue and engine, and back into the text's own gaps."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from service.pipeline.call import Call, Finished
from service.pipeline.decoded import Decoded, Decoder, Source
from service.pipeline.results import SentencePair, Summary, Translation
from service.pipeline.sentences import Prepared, Sentence, off_loop, prepare
from service.summary.lengths import Length
from service.text.reassemble import reassemble
from service.types import Notice

_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f]")  # all but white space


class Translator:
    """Translates texts with one model."""

    def __init__(self, decoder: Decoder) -> None:
        self.decoder = decoder

    async def translate(self, texts: Sequence[str], call: Call) -> list[Translation]:
        """Translate ``texts``, in order; an empty or blank one gives itself.

        All of them are admitted to the queue together, or none is.

        Raises:
            InvalidInput: a text is no Unicode.
            QueueFull, DeadlineExceeded, EngineError: see `Decoder.decode`.
        """
        model = self.decoder.model
        limit = model.manifest.tokens.max_source_tokens
        prepared = [await off_loop(text, prepare, text, model.tokenizer, limit) for text in texts]
        places = [
            (number, s.span) for number, one in enumerate(prepared) for s in one.sentences if s.tokens is not None
        ]

        def finished(number: int, result: Decoded) -> None:
            call.finished(Finished(*places[number], result.best.text))

        results = iter(await self.decoder.decode(list(self._sources(prepared)), call, finished=finished))
        decoded = [[None if s.tokens is None else next(results) for s in one.sentences] for one in prepared]
        return [
            await off_loop(text, _assembled, one, found)
            for text, one, found in zip(texts, prepared, decoded, strict=True)
        ]

    def _sources(self, prepared: Sequence[Prepared]) -> Iterator[Source]:
        options = self.decoder.model.manifest.decoding_options
        for one in prepared:
            yield from (Source(s.text, s.tokens, options(len(s.tokens))) for s in one.sentences if s.tokens is not None)

    async def summaries(self, summaries: Sequence[Summary], length: Length, call: Call) -> list[Summary]:
        """The same summaries in the target language; what supports them stays the German source."""
        texts = [sentence.text for summary in summaries for sentence in summary.sentences]
        translated = iter(await self.translate(texts, call))
        return [_translated(summary, [next(translated) for _ in summary.sentences], length) for summary in summaries]


def _translated(summary: Summary, translations: Sequence[Translation], length: Length) -> Summary:
    sentences = tuple(
        replace(sentence, text=one.text, verbatim=False)
        for sentence, one in zip(summary.sentences, translations, strict=True)
    )
    notices = [replace(notice, span=None) for one in translations for notice in one.notices]
    if not length.fits([sentence.text for sentence in sentences]):
        notices.append(Notice("length_exceeded", "the German summary keeps the length, its translation does not"))
    return replace(
        summary,
        text=" ".join(sentence.text for sentence in sentences),
        sentences=sentences,
        notices=(*summary.notices, *notices),
        truncated=summary.truncated or any(one.truncated for one in translations),
        cached=summary.cached and all(one.cached == one.of for one in translations),
    )


def _assembled(prepared: Prepared, decoded: Sequence[Decoded | None]) -> Translation:
    outputs = [
        sentence.text if result is None else result.best.text
        for sentence, result in zip(prepared.sentences, decoded, strict=True)
    ]
    # Control characters between sentences do not come out again; a blank keeps the offsets as they are.
    segmentation = replace(prepared.segmentation, text=_CONTROL.sub(" ", prepared.segmentation.text))
    whole = reassemble(segmentation, outputs)
    pairs = [SentencePair(s.span, t) for s, t in zip(prepared.sentences, whole.spans, strict=True)]
    work = [result for result in decoded if result is not None]
    cut = [n for n, result in enumerate(decoded) if result is not None and result.best.finish_reason == "length"]
    return Translation(
        text=whole.text,
        sentences=tuple(pairs),
        notices=(
            *prepared.notices,
            *_said("truncated", "the translation of this sentence met its length limit", prepared.sentences, cut),
            *_said("empty_output", "the model gave no translation of this sentence", prepared.sentences, whole.blank),
        ),
        truncated=bool(cut),
        cached=sum(result.cached for result in work),
        of=len(work),
    )


def _said(code: str, message: str, sentences: Sequence[Sentence], numbers: Sequence[int]) -> Iterator[Notice]:
    return (Notice(code, message, sentences[number].span) for number in numbers)
