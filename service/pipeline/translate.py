"""Translation: sentences through cache, queue and engine, and back into the text's own gaps or markup."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from service.pipeline.assembled import assembled
from service.pipeline.call import Call, Finished
from service.pipeline.decoded import Decoded, Decoder, Source
from service.pipeline.finishing import Finisher
from service.pipeline.manner import PLAIN, Manner
from service.pipeline.recent import MOST_REMEMBERED_CHARS, Recent
from service.pipeline.results import Summary, Translation
from service.pipeline.sentences import off_loop
from service.pipeline.submitted import Submitted, take_apart
from service.summary.lengths import Length
from service.summary.styles import laid_out
from service.types import DecodingOptions, Notice

REMEMBERED = 256
Manners = Manner | Sequence[Manner]


class Translator:
    """Translates texts with one model."""

    def __init__(self, decoder: Decoder) -> None:
        self.decoder = decoder
        self._finisher = Finisher()
        self._taken: Recent[Submitted] = Recent(REMEMBERED)

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
        manners = [manner] * len(texts) if isinstance(manner, Manner) else manner
        with call.timings.measured("segment"):
            taken = [await self._take_apart(text, one, call) for text, one in zip(texts, manners, strict=True)]
        tags = self.decoder.tags(texts if origins is None else origins)
        places = [
            (number, part.place(sentence.span))
            for number, one in enumerate(taken)
            for part, sentence in one.sentences()
            if sentence.tokens is not None
        ]

        def finished(number: int, result: Decoded) -> None:
            call.finished(Finished(*places[number], result.best.text))

        sources = list(self._sources(taken, tags, manners))
        results = iter(await self.decoder.decode(sources, call, finished=finished))
        decoded = [[None if s.tokens is None else next(results) for _, s in one.sentences()] for one in taken]
        with call.timings.measured("finish"):
            return [
                await off_loop(one.text, assembled, one, found, self._finisher, wanted, keep=call.write_cache)
                for one, found, wanted in zip(taken, decoded, manners, strict=True)
            ]

    async def _take_apart(self, text: str, manner: Manner, call: Call) -> Submitted:
        model = self.decoder.model
        limit = model.manifest.tokens.max_source_tokens
        kind = (manner.format, manner.split, manner.attribute_texts)
        keep = call.write_cache and len(text) <= MOST_REMEMBERED_CHARS

        def taken() -> Submitted:
            return take_apart(text, manner, model.tokenizer, limit)

        return await off_loop(text, self._taken.get, (text,), kind, taken, keep=keep)

    def _sources(
        self, taken: Sequence[Submitted], tags: Sequence[bytes], manners: Sequence[Manner]
    ) -> Iterator[Source]:
        for one, tag, manner in zip(taken, tags, manners, strict=True):
            for _, sentence in one.sentences():
                if sentence.tokens is not None:
                    yield Source(sentence.text, sentence.tokens, self._options(len(sentence.tokens), manner), tag)

    def _options(self, source_tokens: int, manner: Manner) -> DecodingOptions:
        """A greedy search gives the alignment for nothing, so that one cache entry serves all; a beam pays for it."""
        options = self.decoder.model.manifest.decoding_options(source_tokens)
        wanted = manner.format == "html" or manner.alignment or bool(manner.glossary)
        return replace(options, alignment=options.beam_size == 1 or wanted)

    def forget(self) -> None:
        """Forget what was made of texts: a story was withdrawn."""
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
