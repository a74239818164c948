"""Translation: sentences through cache, queue and engine, and back into the text's own gaps."""

from collections.abc import Sequence
from dataclasses import replace

from service.pipeline.call import Call, together
from service.pipeline.decoded import Decoded, Decoder, Source
from service.pipeline.results import SentencePair, Summary, Translation
from service.pipeline.sentences import Prepared, Sentence, prepare
from service.text.language import german_notice
from service.text.normalise import check_text
from service.text.reassemble import reassemble
from service.types import Notice


class Translator:
    """Translates texts with one model."""

    def __init__(self, decoder: Decoder) -> None:
        self.decoder = decoder

    async def translate(self, text: str, call: Call) -> Translation:
        """Translate ``text``; an empty or blank one gives itself.

        Raises:
            InvalidInput: the text is no Unicode.
            QueueFull, DeadlineExceeded, EngineError: see `Decoder.decode`.
        """
        model = self.decoder.model
        notices = check_text(text)
        prepared = await prepare(text, model.tokenizer, model.manifest.tokens.max_source_tokens)
        language = german_notice(text)
        if language is not None:
            notices.append(language)
        decoded = await self._decode(prepared.sentences, call)
        return _assembled(prepared, decoded, (*notices, *prepared.notices))

    async def summary(self, summary: Summary, call: Call) -> Summary:
        """The same summary in the target language; what supports it stays the German source."""
        texts = [sentence.text for sentence in summary.sentences]
        translated: list[Translation] = await together(*(self.translate(text, call) for text in texts))
        sentences = tuple(
            replace(sentence, text=one.text, verbatim=False)
            for sentence, one in zip(summary.sentences, translated, strict=True)
        )
        doubts = [replace(notice, span=None) for one in translated for notice in one.notices]
        return replace(
            summary,
            text=" ".join(sentence.text for sentence in sentences),
            sentences=sentences,
            notices=(*summary.notices, *doubts),
            truncated=summary.truncated or any(one.truncated for one in translated),
            cached=summary.cached and all(one.cached == one.of for one in translated),
        )

    async def _decode(self, sentences: Sequence[Sentence], call: Call) -> list[Decoded | None]:
        """One result a sentence; None where there is nothing to translate."""
        manifest = self.decoder.model.manifest
        sources = [
            Source(s.text, s.tokens, manifest.decoding_options(len(s.tokens)))
            for s in sentences
            if s.tokens is not None
        ]
        results = iter(await self.decoder.decode(sources, call))
        return [None if sentence.tokens is None else next(results) for sentence in sentences]


def _assembled(prepared: Prepared, decoded: Sequence[Decoded | None], notices: tuple[Notice, ...]) -> Translation:
    outputs = [
        sentence.text if result is None else result.best.text
        for sentence, result in zip(prepared.sentences, decoded, strict=True)
    ]
    whole = reassemble(prepared.segmentation, outputs)
    pairs = [SentencePair(s.span, t) for s, t in zip(prepared.sentences, whole.spans, strict=True)]
    work = [(s, d) for s, d in zip(prepared.sentences, decoded, strict=True) if d is not None]
    return Translation(
        text=whole.text,
        sentences=tuple(pairs),
        notices=(*notices, *(notice for s, d in work for notice in _doubts(s, d))),
        truncated=any(d.best.finish_reason == "length" for _, d in work),
        cached=sum(d.cached for _, d in work),
        of=len(work),
    )


def _doubts(sentence: Sentence, decoded: Decoded) -> list[Notice]:
    if decoded.best.finish_reason == "length":
        return [Notice("truncated", "the translation of this sentence met its length limit", sentence.span)]
    if not decoded.best.text:
        return [Notice("empty_output", "the model gave no translation of this sentence", sentence.span)]
    return []
