"""A translator that divides texts into sentences, translates these with one generator, and assembles the results."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from service.cache.tiers import Cache
from service.checks.assessment import check_sentence
from service.checks.base import Code, Severity
from service.checks.facts import LinkedFact, link_facts
from service.checks.repetition import find_repeated_sentences
from service.domain import Notice, Span
from service.errors import InvalidInput
from service.generation.aligners import Aligner, AttentionAligner
from service.generation.base import InputLimit, Referee, Scorer, TextGenerator
from service.generation.cached import CachedGenerator, Result
from service.generation.call import TEXT_THREADS, Call, Finished, TextThreads, nothing
from service.languages.base import Language, LanguagePair
from service.results import Alternative, SentencePair, TermUse, Translation
from service.terms.glossary import Glossary
from service.terms.placement import missing_terms
from service.text.html.document import Document
from service.text.html.render import TranslatedSentence, render
from service.text.language_id import foreign_code
from service.text.normalization import for_model, remove_credentials
from service.text.segmentation import reassemble, require_sentences, segment
from service.translation.house_style import StyleChange, Stylist
from service.translation.postprocessing import FinishedSentence, SentenceKind, finish_without_model
from service.translation.preparation import (
    CALLER_TERMS,
    MAX_WITH_ALTERNATIVES,
    PLAIN,
    Part,
    Sentence,
    SentenceConstraints,
    Submission,
    TranslationOptions,
    constraints_of,
    prepare_submission,
    terms_of,
)

_CONTEXT_CHARS = 2_000
"""The maximum number of characters of the caller's context that are read, from its end.

A model sees only a few sentences of the context, so more characters are not needed.
"""
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f]")  # control characters except white space


@dataclass(frozen=True, slots=True)
class _Pair:
    """A source sentence and its translation.

    ``part`` is the part of the text that contains the sentence. ``target`` is the span of the translation in the
    translated text. It is None for the text of an HTML attribute, and before `assemble` has written the translated
    text. ``cached`` is True if the translation came from the cache, False if the model wrote it for this request, and
    None if the sentence needed no model. ``from_memory`` is True if the translation is a correction. ``changes`` are
    the changes by the house style.
    """

    part: Part
    sentence: Sentence
    finished: FinishedSentence
    cached: bool | None
    changes: tuple[StyleChange, ...] = ()
    target: Span | None = None
    from_memory: bool = False

    @property
    def source(self) -> Span:
        """The span of the sentence in the submitted text."""
        return self.part.place(self.sentence.span)

    def within(self, span: Span) -> Span:
        """Convert ``span``, which is relative to the start of the source sentence, to a span of the submitted text."""
        return self.part.place(span.shifted(self.sentence.span.start))


def assemble(
    submission: Submission,
    results: Sequence[Result[FinishedSentence]],
    options: TranslationOptions,
    languages: LanguagePair,
    alternatives: Sequence[Sequence[FinishedSentence]] = (),
) -> Translation:
    """Assemble the translation of a text from the translations of its sentences.

    ``results`` contains one result for each sentence that needs the model, in order. If the options request
    alternatives, ``alternatives`` contains those of each sentence with letters, in order.
    """
    left, stylist = iter(results), _stylist_of(options, languages.target)
    others = iter(alternatives)
    pairs = [_pair(part, sentence, left, options, languages, stylist) for part, sentence in submission.sentences()]
    text, targets = _translated_text(submission, pairs, languages.source)
    pairs = [replace(pair, target=target) for pair, target in zip(pairs, targets, strict=True)]
    further = [_alternatives(pair, others, options, languages) for pair in pairs]
    work = [pair.cached for pair in pairs if pair.cached is not None]
    # The checks are meaningless for a text in another language.
    foreign = any(notice.code == foreign_code(languages.source) for notice in submission.notices)
    found = [notice for pair in pairs for notice in _finding_notices(pair)]
    doubts = [one for one in found if one.code == Code.ANSWER_INVALID] if foreign else [*found, *_repeated(pairs)]
    return Translation(
        text=text,
        sentences=tuple(
            SentencePair(
                pair.source,
                pair.target,
                _words(pair, pair.target) if options.alignment else None,
                pair.finished.confidence,
                from_memory=pair.from_memory,
                alternatives=found,
            )
            for pair, found in zip(pairs, further, strict=True)
            if pair.target is not None
        ),
        notices=(
            *submission.notices,
            *(notice for pair in pairs for notice in _notices(pair)),
            *doubts,
            *(notice for pair in pairs for notice in _style_notices(pair)),
            *(notice for pair, found in zip(pairs, further, strict=True) for notice in _fewer(pair, found, options)),
        ),
        truncated=any(pair.finished.cut for pair in pairs),
        cached=sum(work),
        of=len(work),
        terms=tuple(use for pair in pairs for use in _terms(pair)),
        facts=tuple(fact for pair in pairs for fact in _facts(pair, languages)) if options.facts else None,
    )


def _pair(
    part: Part,
    sentence: Sentence,
    results: Iterator[Result[FinishedSentence]],
    options: TranslationOptions,
    languages: LanguagePair,
    stylist: Stylist | None,
) -> _Pair:
    """Return a sentence with its translation in the house style. A known translation is not changed."""
    source = sentence.span.of(part.prepared.segmentation.text)
    if (known := _known(part, sentence, options)) is not None:
        finished = _finish_known(source, known.text, options.glossary, languages)
        return _Pair(part, sentence, finished, None, from_memory=known.from_memory)
    if sentence.has_letters:
        result = next(results)
        return _styled(_Pair(part, sentence, result.value, result.cached), stylist)
    finished = finish_without_model(source, sentence, options.glossary, languages)
    return _styled(_Pair(part, sentence, finished, None), stylist)


def _finish_known(source: str, text: str, glossary: Glossary | None, languages: LanguagePair) -> FinishedSentence:
    """Check ``text``, a known translation of ``source``, and return it unchanged as a finished sentence.

    A person may have written or edited the translation.
    """
    required = terms_of(source, glossary, languages)
    missing = missing_terms(text, required)
    applied = tuple(one for one in required if one not in missing)
    return FinishedSentence(text, applied, tuple(missing), tuple(check_sentence(source, text, *languages)))


class _Known(NamedTuple):
    """The known translation of a sentence. ``from_memory`` is True if it is a correction."""

    text: str
    from_memory: bool


def _known(part: Part, sentence: Sentence, options: TranslationOptions) -> _Known | None:
    """Return the known translation of a sentence, or None if there is none.

    A translation in ``options.known``, from the previous version of the article, has priority over a correction.
    """
    if part.block is None and (text := options.known.get(sentence.span)) is not None:
        return _Known(text, from_memory=False)
    if options.corrections is None:
        return None
    text = options.corrections.target_of(sentence.span.of(part.prepared.segmentation.text))
    return None if text is None else _Known(text, from_memory=True)


def _stylist_of(options: TranslationOptions, language: Language) -> Stylist | None:
    return None if options.house_style is None else Stylist(options.house_style, language)


def _styled(pair: _Pair, stylist: Stylist | None) -> _Pair:
    if stylist is None:
        return pair
    styled = stylist.apply(pair.part, pair.sentence, pair.finished)
    return replace(pair, finished=styled.finished, changes=styled.changes)


def _translated_text(
    submission: Submission, pairs: Sequence[_Pair], language: Language
) -> tuple[str, list[Span | None]]:
    """Return the translated text, and the span of each translated sentence in it.

    A translated attribute of an HTML tag has no span.
    """
    if submission.document is not None:
        return remove_credentials(*_html(submission.document, submission.parts, pairs, language))
    (part,) = submission.parts
    # Replace control characters between sentences with spaces, which preserves the offsets.
    segmentation = replace(part.prepared.segmentation, text=_CONTROL.sub(" ", submission.text))
    whole = reassemble(segmentation, [pair.finished.text for pair in pairs])
    return remove_credentials(whole.text, list(whole.spans))


def _html(
    document: Document, parts: Sequence[Part], pairs: Sequence[_Pair], language: Language
) -> tuple[str, list[Span | None]]:
    rest = iter(pairs)
    translations = [
        [
            TranslatedSentence(s.span, pair.finished.text, pair.finished.alignment)
            for s, pair in zip(part.prepared.sentences, rest, strict=False)
        ]
        for part in parts
    ]
    rendered = render(document, translations, language)
    spans: list[Span | None] = []
    for part, found in zip(parts, rendered.sentences, strict=True):
        # Attribute texts are inside tags and have no span.
        spans += found or [None] * len(part.prepared.sentences)
    return rendered.html, spans


def _words(pair: _Pair, target: Span) -> tuple[tuple[Span, Span], ...]:
    """Return the spans of aligned words as (source, target) pairs, in the order of the translation.

    Each word of the translation is paired with the source piece that has the highest alignment weight. A word is left
    out if this piece does not occur in the source. Return no pairs for HTML.
    """
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
        yield Notice(
            "truncated",
            "the translation of this sentence reached the length limit and is incomplete",
            pair.source,
            pair.target,
        )
    for one in pair.finished.missing:
        if one.kind in CALLER_TERMS:
            yield Notice("term_not_applied", "this term could not be used in the translation", pair.within(one.span))


def _finding_notices(pair: _Pair) -> Iterator[Notice]:
    for finding in pair.finished.findings:
        if finding.code is Code.OUTPUT_TOO_SHORT and pair.finished.cut:
            continue  # the "truncated" notice already reports this
        source = pair.source if finding.source is None else pair.within(finding.source)
        target = pair.target
        if finding.output is not None and target is not None and pair.part.block is None:
            target = finding.output.shifted(target.start)
        review = finding.severity is Severity.REVIEW
        yield Notice(finding.code.value, finding.message, source, target, review=review)


def _style_notices(pair: _Pair) -> Iterator[Notice]:
    for change in pair.changes:
        message = f"{change.rule.replace('_', ' ')}: “{change.before}” became “{change.after}”"
        target = pair.target
        if target is not None and pair.part.block is None:
            target = change.span.shifted(target.start)
        yield Notice("house_style_applied", message, pair.source, target, review=False)


def _alternatives(
    pair: _Pair, found: Iterator[Sequence[FinishedSentence]], options: TranslationOptions, languages: LanguagePair
) -> tuple[Alternative, ...] | None:
    """Return the alternatives of a sentence in the house style. ``found`` yields those of the next sentence."""
    if not options.alternatives:
        return None
    if not pair.sentence.has_letters:
        return ()
    styled = (
        _styled(replace(pair, finished=one), _stylist_of(options, languages.target)).finished for one in next(found)
    )
    return tuple(Alternative(one.text, one.log_prob, one.confidence, tuple(_notices_of(pair, one))) for one in styled)


def _notices_of(pair: _Pair, finished: FinishedSentence) -> Iterator[Notice]:
    """Yield the notices about ``finished``, an alternative translation of a sentence."""
    alone = replace(pair, finished=finished, target=Span(0, len(finished.text)))
    yield from _notices(alone)
    yield from _finding_notices(alone)


def _fewer(pair: _Pair, found: Sequence[Alternative] | None, options: TranslationOptions) -> Iterator[Notice]:
    if found is not None and pair.sentence.has_letters and len(found) < options.alternatives:
        message = f"the model found only {len(found)} of {options.alternatives} different translations"
        yield Notice("alternatives_fewer", message, pair.source, pair.target, review=False)


def _repeated(pairs: Sequence[_Pair]) -> Iterator[Notice]:
    worked = [pair for pair in pairs if pair.cached is not None]
    texts = [pair.sentence.text for pair in worked], [pair.finished.text for pair in worked]
    for number, finding in find_repeated_sentences(*texts):
        message = finding.message
        yield Notice(Code.SENTENCE_REPEATED.value, message, worked[number].source, worked[number].target)


def _facts(pair: _Pair, languages: LanguagePair) -> Iterator[LinkedFact]:
    """Yield the facts of a sentence, linked with those of its translation.

    In HTML, the span of a fact in the translation is that of the whole sentence.
    """
    written = pair.sentence.span.of(pair.part.prepared.segmentation.text)
    for one in link_facts(written, pair.finished.text, *languages):
        target = pair.target
        if one.output is not None and target is not None and pair.part.block is None:
            target = one.output.shifted(target.start)
        yield one._replace(
            source=None if one.source is None else pair.within(one.source),
            output=None if one.output is None else target,
        )


def _terms(pair: _Pair) -> Iterator[TermUse]:
    for applied, uses in ((True, pair.finished.applied), (False, pair.finished.missing)):
        for one in uses:
            if one.kind in CALLER_TERMS:
                yield TermUse(one.term, one.text, pair.within(one.span), applied=applied)


Manners = TranslationOptions | Sequence[TranslationOptions]


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A text that has been divided into sentences, with the requirements for each sentence that contains letters.

    If the translation of a sentence is known, ``requirements`` contains this translation instead. ``searched`` contains
    the requirements for alternative translations.
    """

    submission: Submission
    requirements: list[SentenceConstraints | str]
    searched: list[SentenceConstraints]

    @property
    def wanted(self) -> list[SentenceConstraints]:
        """The requirements for the sentences that need the model."""
        return [one for one in self.requirements if not isinstance(one, str)]

    @property
    def sentences(self) -> Iterator[tuple[Part, Sentence]]:
        """An iterator over the sentences that contain letters, in order, with the parts that contain them."""
        return (pair for pair in self.submission.sentences() if pair[1].has_letters)


class _InOrder:
    """A reporter that receives finished sentences in any order and reports them in text order.

    Each sentence is reported as soon as it and all sentences before it are finished.
    """

    def __init__(
        self, tell: Callable[[int, FinishedSentence | str], None], sentences: Sequence[SentenceConstraints | str]
    ) -> None:
        """Create a reporter that calls ``tell`` with the index and the translation of each sentence.

        Sentences whose translations are known count as finished. Those at the beginning of the text are reported
        immediately.
        """
        self._tell = tell
        self._done: dict[int, FinishedSentence | str] = {
            number: one for number, one in enumerate(sentences) if isinstance(one, str)
        }
        self._numbers = [number for number, one in enumerate(sentences) if not isinstance(one, str)]
        self._told = 0
        self.add([])

    def add(self, on_results: Sequence[tuple[int, Result[FinishedSentence]]]) -> None:
        """Add finished sentences, and report those that are next in text order.

        ``on_results`` contains (index, result) pairs. The index counts only the sentences that need the model.
        """
        self._done.update((self._numbers[number], result.value) for number, result in on_results)
        while (one := self._done.pop(self._told, None)) is not None:
            self._tell(self._told, one)
            self._told += 1


class Translator:
    """A translator that uses one text generator and caches finished sentences."""

    def __init__(
        self,
        generator: TextGenerator,
        cache: Cache,
        secret: bytes | None,
        *,
        aligner: Aligner | None = None,
        scorer: Scorer | None = None,
        referee: Referee | None = None,
        threads: TextThreads = TEXT_THREADS,
    ) -> None:
        """Create a translator.

        ``secret`` is the key for the hashes that are used as cache keys, or None for hashes without a key. ``aligner``
        aligns words. If it is None, the attention of the model is used. ``scorer`` computes the log-probability of a
        source, given its translation. It is normally the generator itself. ``referee`` is a small translation model
        that judges the outputs of a remote model.

        Raises:
            ValueError: the manifest requires scores of the source, given the translation, but there is no ``scorer``.
        """
        self.generator = generator
        self._threads = threads
        manifest = generator.manifest
        self.languages = LanguagePair.of(manifest.source_lang, manifest.target_lang)
        self._kind = SentenceKind(
            aligner or AttentionAligner(threads),
            self.languages,
            threads,
            generator=generator,
            scorer=scorer,
            referee=referee,
        )
        self.context_sentences = 0 if manifest.remote is None else manifest.remote.context_sentences
        """The maximum number of preceding sentences that the model sees. It is 0 if the model uses no context."""
        self.sentences = CachedGenerator(generator, self._kind, cache, secret)

    async def translate(
        self, texts: Sequence[str], call: Call, *, origins: Sequence[str] | None = None, options: Manners = PLAIN
    ) -> list[Translation]:
        """Translate ``texts`` and return the translations in the same order. A blank text is returned unchanged.

        The sentences of all texts are queued together or not at all. A cached sentence is tagged with the text as it
        was submitted, so that it can be purged with this text. If ``texts`` were changed after submission, ``origins``
        contains the submitted texts. ``options`` is either one value for all texts or one value for each text.

        Raises:
            InvalidInput: a text is not valid Unicode, the texts have too many sentences or are too complex, or the
                glossary terms are too similar to be searched for.
            Unavailable, DeadlineExceeded, EngineError: see `CachedGenerator.results`.
            QueueFull, WorkerLost: see `Workers.run`.
        """
        options_of_texts = [options] * len(texts) if isinstance(options, TranslationOptions) else options
        off_loop, chars = self._threads.off_loop, sum(map(len, texts))
        with call.timings.measured("segment"):
            given, limit, hints = (
                list(zip(texts, options_of_texts, strict=True)),
                self.generator.limit,
                self._kind.hints,
            )
            prepared = await off_loop(
                chars, _prepare, given, limit, self.languages, hints=hints, context_sentences=self.context_sentences
            )
        tags = self.sentences.tags(texts if origins is None else origins)
        wanted = [constraints for one in prepared for constraints in one.wanted]
        tags_of = [tag for one, tag in zip(prepared, tags, strict=True) for _ in one.wanted]
        places = [(n, *pair) for n, one in enumerate(prepared) for pair in one.sentences]
        stylists = [_stylist_of(options, self.languages.target) for options in options_of_texts]

        def tell(number: int, finished: FinishedSentence | str) -> None:
            text_number, part, sentence = places[number]
            if isinstance(finished, FinishedSentence):
                stylist = stylists[text_number]
                styled = finished if stylist is None else stylist.apply(part, sentence, finished).finished
                finished = styled.text
            call.finished(Finished(text_number, part.place(sentence.span), finished))

        in_order = _InOrder(tell, [one for text in prepared for one in text.requirements])
        on_results = in_order.add if call.follows else nothing
        results = iter(await self.sentences.results(wanted, tags_of, call, on_results=on_results))
        others = [
            await self._alternatives(one.searched, options.alternatives, call)
            for one, options in zip(prepared, options_of_texts, strict=True)
        ]
        with call.timings.measured("finish"):
            done = [
                (one.submission, [next(results) for _ in one.wanted], options, found)
                for one, options, found in zip(prepared, options_of_texts, others, strict=True)
            ]
            return await off_loop(chars, _assemble, done, self.languages)

    async def _alternatives(
        self, wanted: Sequence[SentenceConstraints], count: int, call: Call
    ) -> list[list[FinishedSentence]]:
        """Search for ``count`` translations of each sentence, and return those that differ, best first.

        The search belongs to a request that was already admitted, so the limits of the queue do not apply to it.
        """
        if not wanted:
            return []
        stage, found = self.generator.manifest.task, []
        sources = [self._kind.source(one) for one in wanted]
        futures = self.generator.generate(
            [
                replace(one, options=replace(one.options, thorough=True, scored=True, hypotheses=count))
                for one in sources
            ],
            priority=call.priority,
            deadline_s=call.deadline_s,
            admitted=True,
        )
        call.progress(stage, 0, len(futures))
        try:
            for one, future in zip(wanted, futures, strict=True):
                found.append(await self._kind.finish_each(one, (await future)[:count]))
                call.progress(stage, 1, 0)
        finally:
            for future in futures:
                future.cancel()
        return found


def _require_few(sentences: int, options: TranslationOptions) -> None:
    if options.alternatives and sentences > MAX_WITH_ALTERNATIVES:
        detail = (
            f"{sentences} sentences exceed the limit of {MAX_WITH_ALTERNATIVES} for a request with `alternatives`; "
            "send the text in several requests"
        )
        raise InvalidInput("too_many_sentences", detail, pointer="/alternatives", limit=MAX_WITH_ALTERNATIVES)


def _prepare(
    texts: Sequence[tuple[str, TranslationOptions]],
    limit: InputLimit,
    languages: LanguagePair,
    *,
    hints: bool,
    context_sentences: int,
) -> list[_Prepared]:
    """Divide the texts of a request into sentences, and collect the requirements for each sentence.

    ``limit`` is the input limit of the model. If ``hints`` is True, the model gets the required translations of
    glossary terms and may inflect them. ``context_sentences`` is the maximum number of preceding sentences that the
    model sees.
    """
    prepared = []
    sentences = 0
    for text, options in texts:
        submission = prepare_submission(text, options, limit, languages.source)
        sentences += sum(len(part.prepared.sentences) for part in submission.parts)
        require_sentences(sentences)
        _require_few(sentences, options)
        pairs = [(part, sentence) for part, sentence in submission.sentences() if sentence.has_letters]
        before = [*_last(options.context, context_sentences, languages.source), *(one.text for _, one in pairs)]
        start = len(before) - len(pairs)
        found: list[SentenceConstraints | str] = []
        searched: list[SentenceConstraints] = []
        for n, (part, sentence) in enumerate(pairs):
            known = _known(part, sentence, options)
            if known is not None and not options.alternatives:
                found.append(known.text)
                continue
            constraints = constraints_of(
                sentence.span.of(part.prepared.segmentation.text),
                sentence,
                options.glossary,
                languages,
                aligned=options.alignment or part.marked_up,
                inflected=hints,
                context=tuple(before[max(0, start + n - context_sentences) : start + n]),
            )
            found.append(constraints if known is None else known.text)
            if options.alternatives:
                searched.append(replace(constraints, aligned=False))
        prepared.append(_Prepared(submission, found, searched))
    return prepared


def _last(context: str, count: int, language: Language) -> list[str]:
    """Return at most ``count`` sentences from the end of ``context``, in normalised form."""
    if not (context and count):
        return []
    end = context[-_CONTEXT_CHARS:]
    texts = [for_model(span.of(end), language) for span in segment(end, language).sentences]
    return [text for text in texts if text][-count:]


def _assemble(
    texts: Sequence[
        tuple[Submission, Sequence[Result[FinishedSentence]], TranslationOptions, Sequence[Sequence[FinishedSentence]]]
    ],
    languages: LanguagePair,
) -> list[Translation]:
    """Assemble the translations of the texts of a request, in order."""
    return [assemble(submission, results, options, languages, found) for submission, results, options, found in texts]
