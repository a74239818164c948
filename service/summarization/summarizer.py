"""A summarizer that selects sentences, has a text generator rewrite them, and assembles summaries from the rewrites."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from service.cache.tiers import Cache
from service.checks.assessment import check_summary
from service.checks.base import Finding, notice_of
from service.checks.facts import link_facts
from service.domain import Notice, Span
from service.generation.base import Scorer, TextGenerator
from service.generation.cached import CachedGenerator, Result
from service.generation.call import TEXT_THREADS, Call, TextThreads
from service.languages.base import Language, language
from service.results import Method, Style, Summary, SummarySentence
from service.summarization.candidates import CandidateGenerator, Candidates, Request, candidate_generator, tasks_for
from service.summarization.guard import flaw, repeats_sentence
from service.summarization.lengths import Length
from service.summarization.rewriting import (
    RewordingKind,
    RewriteInput,
    RewriteResult,
    SummaryOptions,
    Text,
    Wording,
    WordingKind,
    Wordings,
    beginning,
    prepare_text,
    rewrite_inputs,
    rewrite_result,
    selections,
    spoken,
)
from service.summarization.styles import lay_out, repeats
from service.summarization.variants import Choice, Offer, choose, variants
from service.summarization.words import (
    count_words,
    depends_on_previous,
    loses_noun,
    reports_speech,
    require_grammar,
    words,
)


def with_findings(source: str, summary: Summary, language: Language) -> Summary:
    """Check the sentences of ``summary`` that were not copied against the article ``source``.

    Return the summary with an additional notice for each finding.
    """
    spans = list(_spans(summary))
    pairs = [(span, one.support) for span, one in zip(spans, summary.sentences, strict=True)]
    written = [span for span, one in zip(spans, summary.sentences, strict=True) if not one.verbatim]
    if not written:
        return summary
    findings = (one for one in check_summary(source, summary.text, pairs, language) if _within(one, written))
    return replace(summary, notices=(*summary.notices, *map(notice_of, findings)))


def _spans(summary: Summary) -> Iterator[Span]:
    """Yield, for each sentence of the summary, its span in the text of the summary."""
    end = 0
    for sentence in summary.sentences:
        start = summary.text.index(sentence.text, end)
        end = start + len(sentence.text)
        yield Span(start, end)


def with_facts(source: str, summary: Summary, language: Language) -> Summary:
    """Return the summary and its variants with the facts of each sentence.

    A fact is linked with a fact of the supporting source text, which extends from the first to the last sentence that
    supports the summary sentence. ``source`` is the text that was summarised. The text and the summary are in
    ``language``.
    """
    facts = [
        fact.shifted(start, target.start)
        for target, sentence in zip(_spans(summary), summary.sentences, strict=True)
        if sentence.support
        for start, end in [(min(sentence.support).start, max(span.end for span in sentence.support))]
        for fact in link_facts(source[start:end], target.of(summary.text), language, language, complete=False)
    ]
    variants = tuple(with_facts(source, variant, language) for variant in summary.variants)
    return replace(summary, facts=tuple(facts), variants=variants)


def _within(finding: Finding, spans: list[Span]) -> bool:
    place = finding.output
    return place is None or any(span.start <= place.start and place.end <= span.end for span in spans)


Written = Result[Wordings] | None
"""The accepted wordings of an input, or None if it was not rewritten."""


class Summarizer:
    """A summarizer that uses one text generator and caches the rewrites of sentence groups.

    A causal model shortens, rewords or fuses sentences, and ``scorer`` scores the results. Any other model rewrites
    each group in one way, and needs no ``scorer``. A generator that applies rules rewords only the core of each group.
    """

    def __init__(
        self,
        generator: TextGenerator,
        cache: Cache,
        secret: bytes | None,
        *,
        scorer: Scorer | None = None,
        threads: TextThreads = TEXT_THREADS,
    ) -> None:
        """Create a summarizer. ``secret`` is the key for the hashes that are used as cache keys.

        Raises:
            ModelError: the language has no rules for summaries, or `candidate_generator` raises this error.
        """
        manifest = generator.manifest
        self._threads = threads
        self._language = language(manifest.source_lang)
        require_grammar(self._language)
        kind = RewordingKind(self._language, threads) if manifest.rules else WordingKind(manifest.acceptance, threads)
        self._rewrites = CachedGenerator(generator, kind, cache, secret)
        self._candidates = candidate_generator(generator, scorer, self._language, cache, secret, threads)

    async def summarise(
        self,
        texts: Sequence[str],
        length: Length,
        method: Method,
        call: Call,
        *,
        headline: str | None = None,
        origins: Sequence[str] | None = None,
        doubtful: Sequence[Span] = (),
        style: Style = "abstract",
        variants: int = 1,
        facts: bool = False,
    ) -> list[Summary]:
        """Summarise ``texts`` and return the summaries in the same order. The summary of a blank text is empty.

        The work for all texts and variants is queued together or not at all. ``length`` must be a result of `length_of`
        for the same style. ``headline`` is the existing headline of the texts, which the summaries do not repeat. A
        cache entry is tagged with the text as it was submitted. If ``texts`` were changed after submission, ``origins``
        contains the submitted texts. ``doubtful`` contains the spans of parts of a single text that may not belong to
        the article; the summary uses them only if there is little other text (see `prepare_text`). ``variants`` is the
        maximum number of different summaries of each text. If ``facts`` is True, the summaries contain their facts.

        Raises:
            InvalidInput: a text is not valid Unicode or has too many sentences.
            QueueFull, DeadlineExceeded, EngineError: see `CachedGenerator.results`.
        """
        quoting = self._candidates is not None
        options = SummaryOptions(length, headline, style, variants, quoting)
        off_loop = self._threads.off_loop
        with call.timings.measured("segment"):
            found = [await off_loop(len(text), prepare_text, text, self._language, doubtful) for text in texts]
        if method == "abstractive":
            made = await self._abstractive(texts, found, origins or texts, options, call)
        else:
            with call.timings.measured("select"):
                made = [
                    await off_loop(len(text), _from_source, text, one, options, method, self._language)
                    for text, one in zip(texts, found, strict=True)
                ]
        if not facts:
            return made
        with call.timings.measured("finish"):
            return [
                await off_loop(len(text), with_facts, text, one, self._language)
                for text, one in zip(texts, made, strict=True)
            ]

    async def _abstractive(
        self, texts: Sequence[str], found: Sequence[Text], origins: Sequence[str], options: SummaryOptions, call: Call
    ) -> list[Summary]:
        off_loop, generator = self._threads.off_loop, self._rewrites.generator
        limit = None if generator.manifest.rules else generator.limit
        with call.timings.measured("select"):
            inputs = [
                await off_loop(len(text), rewrite_inputs, one, options, limit)
                for text, one in zip(texts, found, strict=True)
            ]
        tags = self._rewrites.tags(origins)
        if self._candidates is None:
            wordings = await self._rewrite(found, inputs, tags, call)
        else:
            wordings = await _choose(self._candidates, found, inputs, tags, call)
        with call.timings.measured("finish"):
            return [
                await off_loop(len(text), _compose, text, one, of_text, done, options, self._language)
                for text, one, of_text, done in zip(texts, found, inputs, wordings, strict=True)
            ]

    async def _rewrite(
        self, found: Sequence[Text], inputs: Sequence[Sequence[RewriteInput]], tags: Sequence[bytes], call: Call
    ) -> list[list[Written]]:
        """Return the accepted rewrites of each input, grouped by text.

        The result is None for an input that is not rewritten.
        """
        wanted = [
            (one.sentences(text), tag)
            for text, of_text, tag in zip(found, inputs, tags, strict=True)
            for one in of_text
            if one.rewritten
        ]
        written = iter(await self._rewrites.results([one for one, _ in wanted], [tag for _, tag in wanted], call))
        return [[next(written) if one.rewritten else None for one in of_text] for of_text in inputs]


async def _choose(
    generator: CandidateGenerator,
    found: Sequence[Text],
    inputs: Sequence[Sequence[RewriteInput]],
    tags: Sequence[bytes],
    call: Call,
) -> list[list[Written]]:
    """Return the accepted candidates of each input, grouped by text.

    The candidates for all tasks of an input are merged. The result is None for an input that is not rewritten.
    """
    tasks = [[_tasks(text, one) for one in of_text] for text, of_text in zip(found, inputs, strict=True)]
    wanted = [
        (request, tag)
        for of_text, tag in zip(tasks, tags, strict=True)
        for of_input in of_text
        for _, request in of_input
    ]
    made = iter(await generator.results([one for one, _ in wanted], [tag for _, tag in wanted], call))
    return [[_ranked([(places, next(made)) for places, _ in of_input]) for of_input in of_text] for of_text in tasks]


def _tasks(text: Text, one: RewriteInput) -> list[tuple[tuple[int, ...], Request]]:
    """Return the requests for an input, each with the positions of its sentences within the input."""
    if not one.rewritten:
        return []
    members = one.sentences(text)
    tasks = tasks_for(members, one.members.index(one.group.core))
    return [(places, Request(task, tuple(members[place] for place in places))) for task, places in tasks]


def _ranked(results: Sequence[tuple[tuple[int, ...], Result[Candidates]]]) -> Written:
    """Merge the candidates for all tasks of one input, best first. Return None if ``results`` is empty.

    Each result comes with the positions, within the input, of the sentences of its task.
    """
    if not results:
        return None
    candidates = [(one, places) for places, result in results for one in result.value]
    candidates.sort(key=lambda pair: -pair[0].rank)
    wordings = (Wording(one.text, tuple(places[n] for n in one.support) or places) for one, places in candidates)
    return Result(tuple(wordings), all(result.cached for _, result in results))


def _compose(
    source: str,
    text: Text,
    inputs: Sequence[RewriteInput],
    written: Sequence[Written],
    options: SummaryOptions,
    language: Language,
) -> Summary:
    """Compose a summary from the accepted rewrites and the unchanged cores of the groups.

    If too few of them fit, use an extractive summary instead. If too few source sentences fit as well, use the rewrites
    and cores that fit, if there are any. ``source`` is the whole text. ``written`` contains the accepted rewrites of
    each of ``inputs``.
    """
    done = [rewrite_result(text, one, wordings, options) for one, wordings in zip(inputs, written, strict=True)]
    rewritten = _rewritten(done, options)
    if not _is_long_enough(rewritten, options.length):
        extracts = _extracts(text, options)
        rewritten = extracts if _is_long_enough(extracts, options.length) or not rewritten else rewritten
    return _with_variants(source, text, rewritten, options, language)


def _from_source(source: str, text: Text, options: SummaryOptions, method: Method, language: Language) -> Summary:
    """Summarise a text without a model, with the method ``extractive`` or ``lead``.

    ``source`` is the whole text.
    """
    return _with_variants(source, text, _extractive(text, options, method), options, language)


def _rewritten(done: Sequence[RewriteResult], options: SummaryOptions) -> list[Summary]:
    """Return the variants of a summary that can be made from rewrites and unchanged cores, best first.

    The list is empty if none of them fits.
    """
    offers = [
        Offer(
            tuple(w.text for w in one.wordings),
            group.score,
            spare=group.spare,
            filler=group.filler,
            in_first=group.in_first,
            in_further=group.in_further,
        )
        for one in done
        for group in (one.rewrite_input.group,)
    ]
    first = choose(offers, options.length)
    if options.quoting_is_usual:
        while (repeated := _repetition(first, offers)) is not None:
            offers[repeated[0]] = offers[repeated[0]].without(repeated[1])
            first = choose(offers, options.length)
    made = variants(first, offers, options.length, options.variants) if first else []
    if options.quoting_is_usual:
        made = [choices for choices in made if _repetition(choices, offers) is None]
    return [_summary(done, choices, options) for choices in made]


def _repetition(choices: Sequence[Choice], offers: Sequence[Offer]) -> Choice | None:
    """Find a rewritten sentence that repeats another sentence of the summary, and return the choice to drop.

    This is the rewritten sentence, unless the other sentence is only a filler. Return None if no sentence is repeated.
    """
    texts = {number: offers[number].wordings[rank] for number, rank in choices}
    rewritten = [(number, rank) for number, rank in choices if rank < len(offers[number].wordings) - 1]
    for number, rank in rewritten:
        for other, other_rank in choices:
            if other != number and repeats_sentence(texts[number], texts[other]):
                return (other, other_rank) if offers[other].filler else (number, rank)
    return None


def _extractive(text: Text, options: SummaryOptions, method: Method) -> list[Summary]:
    """Return the variants of an extractive summary, best first.

    For the method ``lead``, return only the opening of the text.
    """
    numbers = [beginning(text, options)] if method == "lead" else selections(text, options)
    return [
        _lay_out([text.verbatim(n) for n in of_one], options.style, method, (), truncated=False, cached=False)
        for of_one in numbers
    ]


def _is_long_enough(summaries: Sequence[Summary], length: Length) -> bool:
    """Return whether the first summary has at least one sentence and the minimum number of sentences of ``length``.

    Return False if there is no summary.
    """
    return bool(summaries) and len(summaries[0].sentences) >= max(1, length.min_sentences)


def _extracts(text: Text, options: SummaryOptions) -> list[Summary]:
    """Return extractive summaries that replace abstractive ones, each with a notice that the method has changed.

    If no source sentence fits, return an empty summary without this notice.
    """
    extracts = _extractive(text, options, "extractive")
    if not extracts[0].sentences:
        return [replace(extracts[0], method="abstractive")]
    return [replace(one, notices=(_method_changed(),)) for one in extracts]


def _summary(done: Sequence[RewriteResult], choices: Sequence[Choice], options: SummaryOptions) -> Summary:
    choices = _distinct(done, choices)
    kept = [done[number] for number, _ in choices]
    sentences = [done[number].wordings[rank] for number, rank in choices]
    notices = [notice for one in kept for notice in _notices(one)]
    method: Method = "abstractive"
    if all(sentence.verbatim for sentence in sentences):
        method = "extractive"
        notices.append(_method_changed())
    truncated = any(one.rewrite_input.cut for one in kept)
    asked = [one for one in kept if not one.rewrite_input.group.filler]
    cached = bool(asked) and all(one.cached for one in asked)
    return _lay_out(sentences, options.style, method, notices, truncated=truncated, cached=cached)


def _distinct(done: Sequence[RewriteResult], choices: Sequence[Choice]) -> list[Choice]:
    """Return the choices, without those whose sentence has the same words as the sentence of an earlier choice."""
    firsts: dict[tuple[str, ...], Choice] = {}
    for number, rank in choices:
        firsts.setdefault(tuple(words(done[number].wordings[rank].text)), (number, rank))
    return list(firsts.values())


def _lay_out(
    sentences: Sequence[SummarySentence],
    style: Style,
    method: Method,
    notices: Sequence[Notice],
    *,
    truncated: bool,
    cached: bool,
) -> Summary:
    text = lay_out(style, [sentence.text for sentence in sentences])
    return Summary(text, method, tuple(sentences), tuple(notices), truncated, cached, style)


def _method_changed() -> Notice:
    message = "the summary is an extract: all sentences are copied unchanged from the source"
    return Notice("method_changed", message, review=False)


def _notices(one: RewriteResult) -> list[Notice]:
    place = one.wordings[0].support[0]
    notices = []
    if one.rewrite_input.cut:
        notices.append(Notice("truncated", "together, these sentences are too long for the model", place))
    return notices


def _with_variants(
    source: str, text: Text, summaries: Sequence[Summary], options: SummaryOptions, language: Language
) -> Summary:
    """Return the first of ``summaries`` with its notices. The other summaries become its variants."""
    first, *others = (
        with_findings(
            source,
            replace(one, notices=(*one.notices, *find_flaws(text, one), *_length_notices(text, one, options))),
            language,
        )
        for one in summaries
    )
    fewer = []
    if first.sentences and len(summaries) < options.variants:
        fewer.append(
            Notice(
                "variants_fewer",
                f"only {len(summaries)} of {options.variants} variants are available; "
                "the others were too similar or failed the checks",
            )
        )
    return replace(first, notices=(*text.notices, *first.notices, *fewer), variants=tuple(others))


def find_flaws(text: Text, summary: Summary) -> Iterator[Notice]:
    """Yield a notice for each sentence of the summary that is badly formed or depends on a sentence that is left out.

    A sentence from the middle of a longer quotation counts as badly formed. Reported speech depends on the sentence
    that names the speaker.
    """
    numbers = {span: number for number, span in enumerate(text.spans)}
    inside = spoken(text)
    before: set[int] = set()
    for place, sentence in zip(_spans(summary), summary.sentences, strict=True):
        support = [numbers[span] for span in sentence.support if span in numbers]
        first = next(iter(sentence.support), None)
        found = flaw(sentence.text)
        if found is not None:
            yield Notice("sentence_broken", f"this sentence {found}", first, place)
        elif sentence.verbatim and inside.intersection(support):
            message = "this sentence is part of a quotation that begins before it and ends after it"
            yield Notice("sentence_broken", message, first, place)
        elif support and min(support) > 0 and min(support) - 1 not in before:
            last = max((number for number in before if number < min(support)), default=-1)
            left_out = text.sentences[last + 1 : min(support)]
            lost = _lost_reference(sentence.text, text.sentences[min(support)], left_out)
            if lost is not None:
                yield Notice("reference_lost", lost, first, place)
        before.update(support)


def _lost_reference(sentence: str, source: str, left_out: Sequence[str]) -> str | None:
    """Return a message if a sentence refers to one of the sentences ``left_out`` directly before it, or None.

    ``source`` is the source of the sentence. A reworded sentence no longer begins with the word that refers back.
    """
    if any(depends_on_previous(one) or loses_noun(one, left_out) for one in (sentence, source)):
        return "this sentence refers to a sentence that the summary leaves out"
    if reports_speech(sentence):
        return "this sentence reports what someone said, but the summary leaves out who said it"
    return None


def _length_notices(text: Text, summary: Summary, options: SummaryOptions) -> list[Notice]:
    """Return a notice if the summary is empty or shorter than requested, and otherwise an empty list."""
    length, count = options.length, len(summary.sentences)
    if not text.sentences:
        return [Notice("nothing_to_summarise", "the text contains no letters")]
    if not count and options.headline and all(repeats(sentence, options.headline) for sentence in text.sentences):
        return [Notice("nothing_to_summarise", "the text only repeats the headline")]
    if not count:
        return [Notice("length_unreachable", "no complete sentence fits within the requested length")]
    if count < length.min_sentences:
        return [
            Notice(
                "shorter_than_asked",
                f"the summary has only {count} of the {length.min_sentences} sentences that this style requires",
            )
        ]
    written, there = (sum(map(count_words, texts)) for texts in ((summary.text,), text.sentences))
    if written < length.min_words <= there:
        return [
            Notice(
                "shorter_than_asked", f"the summary has {written} words, but at least {length.min_words} were requested"
            )
        ]
    return []
