"""Translation of summaries, sentence by sentence."""

from collections.abc import Sequence
from dataclasses import replace

from service.domain import Notice
from service.generation.call import Call
from service.languages.house_style import HouseStyle
from service.results import Summary, Translation
from service.summarization.lengths import Length
from service.summarization.styles import lay_out
from service.translation.preparation import TranslationOptions
from service.translation.translator import Translator


async def translate_summaries(
    translator: Translator,
    summaries: Sequence[Summary],
    length: Length,
    call: Call,
    *,
    origins: Sequence[str],
    house_style: HouseStyle | None = None,
) -> list[Summary]:
    """Translate summaries and their variants. The ranges of the supporting sentences still refer to the source text.

    A translation that exceeds ``length`` gets a notice. ``origins`` contains the submitted text of each summary.
    ``house_style`` applies to the translations.

    Raises:
        DepescheError: see `Translator.translate`.
    """
    every = [(one, o) for first, o in zip(summaries, origins, strict=True) for one in (first, *first.variants)]
    texts = [sentence.text for one, _ in every for sentence in one.sentences]
    sentence_origins = [o for one, o in every for _ in one.sentences]
    options = TranslationOptions(house_style=house_style)
    translated = iter(await translator.translate(texts, call, origins=sentence_origins, options=options))

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
        notices.append(Notice("length_exceeded", "the translated summary exceeds the length limit"))
    return replace(
        summary,
        text=lay_out(summary.style, [sentence.text for sentence in sentences]),
        sentences=sentences,
        notices=(*summary.notices, *notices),
        truncated=summary.truncated or any(one.truncated for one in translations),
        facts=None,
        cached=summary.cached and all(one.cached == one.of for one in translations),
    )
