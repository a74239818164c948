"""The rewriting of source sentences for abstractive summaries.

The model rewrites each group of related sentences as one sentence. If no rewrite of a group passes the checks, the
central sentence of the group is used unchanged.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import dropwhile, pairwise

from service.cache import entries as codec
from service.cache.entries import Field
from service.checks.assessment import check_summary
from service.checks.base import CHECKS_VERSION
from service.domain import Notice, Span
from service.generation.base import FreeWords, GenerationOptions, InputLimit, Source, TextHypothesis
from service.generation.cached import Result, Search
from service.generation.call import TEXT_THREADS, TextThreads
from service.languages.base import Language
from service.registry.manifest import Acceptance
from service.results import Style, SummarySentence
from service.summarization.guard import is_whole, objection, objection_to_rules, support
from service.summarization.lengths import Length, lead
from service.summarization.selection import Assessment, assess, opening, relevance, relevance_order, select
from service.summarization.styles import FORMS, admits, barred
from service.summarization.variants import Offer, variants
from service.summarization.words import GRAMMAR, count_words, depends_on_previous, spaced_words
from service.text.language_id import foreign_notice
from service.text.normalization import NORMALISER_VERSION, check_text, for_model, markup_notice
from service.text.segmentation import segment

SEAMS = frozenset(',;:–—()[]„“”»«".!?…')


def loose_joints(sentence: str, sources: Sequence[str]) -> int:
    """Count the loose joints in ``sentence``, that is, the pairs of adjacent words that are not adjacent in any source.

    Two words also count as adjacent in a source if the second one follows the first, and the text between them begins
    or ends at punctuation. Two further loose joints are counted at the edges: one if the first word does not begin a
    clause in any source, and one if the last word does not end a clause in any source. A source from which only whole
    clauses were removed therefore has no loose joints.
    """
    found = [word.lower() for word, _ in spaced_words(sentence)]
    texts = [_Source(source) for source in sources]
    inner = sum(not any(text.joins(one, other) for text in texts) for one, other in pairwise(found))
    if not found:
        return 0
    ends = (any(text.begins(found[0]) for text in texts), any(text.ends(found[-1]) for text in texts))
    return inner + ends.count(False)


class _Source:
    """The words of a source sentence, and the places where punctuation separates its clauses."""

    def __init__(self, text: str) -> None:
        spaced = spaced_words(text)
        self._places: dict[str, list[int]] = {}
        for place, (word, _) in enumerate(spaced):
            self._places.setdefault(word.lower(), []).append(place)
        self._seam_after = [bool(SEAMS & set(space)) for _, space in spaced]
        if self._seam_after:
            self._seam_after[-1] = True

    def _seam_before(self, place: int) -> bool:
        return place == 0 or self._seam_after[place - 1]

    def begins(self, word: str) -> bool:
        """Return whether a clause of this source starts with ``word``."""
        return any(self._seam_before(place) for place in self._places.get(word, ()))

    def ends(self, word: str) -> bool:
        """Return whether a clause of this source ends with ``word``."""
        return any(self._seam_after[place] for place in self._places.get(word, ()))

    def joins(self, one: str, other: str) -> bool:
        """Return whether ``other`` follows ``one`` directly, or would follow it after clauses were removed."""
        return any(
            later == place + 1 or (later > place and (self._seam_after[place] or self._seam_before(later)))
            for place in self._places.get(one, ())
            for later in self._places.get(other, ())
        )


MAX_GROUP_WORDS = 48  # about 110 pieces with a vocabulary of 8,000 pieces
MAX_MEMBERS = 3
LEAST_SIMILARITY = 0.15


@dataclass(frozen=True, slots=True)
class Group:
    """A group of sentences that the model rewrites as one sentence.

    ``core`` is the index of the central sentence, and ``score`` is the score of this sentence (see `Assessment`).
    ``members`` contains the indices of all sentences of the group, in order. If the summary is too long, the groups
    with the lowest scores are dropped. A ``spare`` group is used only if the other groups leave room. A ``filler`` is a
    group of a single sentence that fills the remaining room and that no model rewrites. ``in_first`` states whether the
    first variant of the summary may use the group, and ``in_further`` whether the other variants may.
    """

    core: int
    members: tuple[int, ...]
    score: float
    spare: bool = False
    filler: bool = False
    in_first: bool = True
    in_further: bool = True


def groups(
    sentences: Sequence[str],
    *,
    headline: str | None,
    length: Length,
    max_group_words: int = MAX_GROUP_WORDS,
    max_members: int = MAX_MEMBERS,
    barred: Collection[int] = (),
    spares: int = 0,
    fillers: int = 0,
    further: int = 0,
) -> list[Group]:
    """Choose groups of sentences for a summary of the given ``length``, and return them in the order of their cores.

    The core of a group is its central sentence. Only a sentence with a positive score can be a core (see `assess`).
    Sentences without content words, and those with the indices ``barred``, score 0. A group has at most ``max_members``
    sentences and ``max_group_words`` words. A core with more words forms a group alone.

    The remaining sentences provide up to ``spares`` spare groups and ``fillers`` fillers (see `Group`). ``further`` is
    the number of additional spare groups, which only the second and later variants of the summary use. The first
    variant therefore does not depend on the number of variants. No two groups of the same variant share a sentence.
    """
    first = opening(sentences, headline=headline, barred=barred)
    assessed = assess(sentences, headline=headline).without(barred).promoted(first)
    scores = assessed.scores
    cores = _cores(assessed, length.expected_sentences())
    every = _cores(assessed, len(sentences))
    taken = set(cores)
    made: list[Group] = []

    def make(core: int, *, spare: bool, in_first: bool = True) -> None:
        company = [other for other in _company(core, sentences, assessed) if other not in taken]
        members = _members(core, company, sentences, max_group_words, max_members)
        taken.update(members)
        made.append(Group(core, tuple(sorted(members)), float(scores[core]), spare, in_first=in_first))

    def left() -> list[int]:
        return [core for core in every if core not in taken]

    for core in sorted(cores, key=lambda n: (-scores[n], n)):
        make(core, spare=False)
    for core in every:
        if core not in taken and len(made) < len(cores) + spares:
            make(core, spare=True)
    fillers_of_first = left()[:fillers]
    for core in every:
        if core not in taken and len(made) < len(cores) + spares + further:
            make(core, spare=True, in_first=False)
    fillers_of_further = left()[:fillers]
    for core in {*fillers_of_first, *fillers_of_further}:
        in_first, in_further = core in fillers_of_first, core in fillers_of_further
        made.append(Group(core, (core,), float(scores[core]), filler=True, in_first=in_first, in_further=in_further))
    return sorted(made, key=lambda group: group.core)


def _members(
    core: int, company: Iterable[int], sentences: Sequence[str], max_words: int, max_members: int
) -> list[int]:
    """Return the index ``core``, followed by those indices in ``company`` whose sentences fit into the same group.

    ``company`` contains the indices of candidates, most relevant first. The group has at most ``max_members`` sentences
    and, unless the core alone is longer, at most ``max_words`` words.
    """
    room = max_words - count_words(sentences[core])
    members = [core]
    for other in company:
        if len(members) < max_members and count_words(sentences[other]) <= room:
            members.append(other)
            room -= count_words(sentences[other])
    return members


def _cores(assessed: Assessment, wanted: int) -> list[int]:
    """Return the indices of up to ``wanted`` sentences with a positive score, in order of marginal relevance."""
    return [number for number in relevance_order(assessed) if assessed.scores[number] > 0][:wanted]


def _company(core: int, sentences: Sequence[str], assessed: Assessment) -> list[int]:
    """Return the indices of sentences that could be rewritten together with the sentence ``core``, most relevant first.

    The previous sentence comes first if the core refers to it. The next sentence follows if it refers to the core. The
    sentences of the article that are most similar to the core come last.
    """
    company = []
    if core > 0 and depends_on_previous(sentences[core]):
        company.append(core - 1)
    if core + 1 < len(sentences) and depends_on_previous(sentences[core + 1]):
        company.append(core + 1)
    close = assessed.closest(core, least=LEAST_SIMILARITY, most=MAX_MEMBERS)
    return company + [number for number in close if number not in company]


LEAST_OUTPUT_TOKENS = 8
_MARKS = re.compile('[„“”"«»]')
_LIST_MARK = re.compile(r"[-–—•*▪‣·]\s+(?=\S)")
FILLERS = 16
FURTHER_A_VARIANT = 2  # some groups are too long for a short style
PUNCTUATION = ", . : ; ! ? – - „ “ ( ) % €"


@dataclass(frozen=True, slots=True)
class Text:
    """The sentences of a text in normalised form, their spans in the original text, and notices about the text."""

    sentences: tuple[str, ...]
    spans: tuple[Span, ...]
    notices: tuple[Notice, ...]

    def verbatim(self, number: int) -> SummarySentence:
        """Return the sentence with the index ``number`` as a summary sentence that is copied unchanged."""
        return SummarySentence(self.sentences[number], (self.spans[number],), verbatim=True)


LEAST_LEFT = 3


def prepare_text(text: str, language: Language, doubtful: Sequence[Span] = ()) -> Text:
    """Split a text into sentences, without list marks and without sentences that contain no letters.

    The place with which a report begins is also left out. ``doubtful`` contains the spans of parts that may not belong
    to the article, such as captions. Sentences that overlap these parts are also left out, unless fewer than
    `LEAST_LEFT` other sentences remain. The result contains a notice if the text is not in ``language`` or contains
    markup, and the notices of `check_text`.

    Raises:
        InvalidInput: the text is not valid Unicode, or it has too many sentences.
    """
    about = (markup_notice(text), foreign_notice(text, language))
    notices = [*check_text(text), *(one for one in about if one is not None)]
    found = [_without_list_mark(text, span) for span in segment(text, language).sentences]
    found[:1] = [_without_place(text, span) for span in found[:1]]
    spans = [span for span in found if any(char.isalpha() for char in span.of(text))]
    sure = [span for span in spans if not any(span.overlaps(part) for part in doubtful)] if doubtful else spans
    spans = sure if len(sure) >= LEAST_LEFT else spans
    return Text(tuple(for_model(span.of(text), language) for span in spans), tuple(spans), tuple(notices))


def _without_list_mark(text: str, span: Span) -> Span:
    mark = _LIST_MARK.match(text, span.start, span.end)
    return span if mark is None else Span(mark.end(), span.end)


def _without_place(text: str, span: Span) -> Span:
    """Return the span without the place and the dash with which a report begins, if the rest is a complete sentence."""
    place = GRAMMAR.place.match(text, span.start, span.end)
    return span if place is None or not is_whole(text[place.end() : span.end]) else Span(place.end(), span.end)


def asked(text: Text) -> frozenset[int]:
    """Return the indices of the questions of an interview, which often consist of several sentences.

    These are, in each paragraph that begins with the name of a speaker, all sentences up to the last one that ends with
    a question mark. Paragraphs are separated as in `spoken`.
    """
    found: set[int] = set()
    start, named = 0, False
    for number, span in enumerate(text.spans):
        if not number or span.start - text.spans[number - 1].end > 1:
            start, named = number, GRAMMAR.label.match(text.sentences[number]) is not None
        if named and text.sentences[number].endswith("?"):
            found.update(range(start, number + 1))
            start = number + 1
    return frozenset(found)


def spoken(text: Text) -> frozenset[int]:
    """Return the indices of the sentences inside a quotation that begins before them and ends after them.

    A quotation ends at the end of its paragraph at the latest. Two sentences count as different paragraphs if more than
    one character separates them.
    """
    found: set[int] = set()
    opened = False
    for number, (sentence, span) in enumerate(zip(text.sentences, text.spans, strict=True)):
        if number and span.start - text.spans[number - 1].end > 1:
            opened = False
        marks = _MARKS.findall(sentence)
        if opened and not marks:
            found.add(number)
        for mark in marks:
            opened = mark == "„" or (mark in '"«»' and not opened)
    return frozenset(found)


@dataclass(frozen=True, slots=True)
class SummaryOptions:
    """Options for a summary.

    ``headline`` is the existing headline of the article. ``variants`` is the number of different summaries of each
    text. ``quoting_is_usual`` is True if a summary normally contains both rewritten and unchanged sentences, as with a
    causal model.
    """

    length: Length
    headline: str | None
    style: Style
    variants: int
    quoting_is_usual: bool = False

    def barred(self, text: Text) -> frozenset[int]:
        """Return the indices of those sentences of ``text`` that the summary must not use.

        These include sentences inside a longer quotation, because they do not name their speaker, and questions of an
        interview. However, if at least half of the sentences are of these kinds, only the sentences that the style
        excludes are returned.
        """
        inside = spoken(text) | asked(text)
        by_style = barred(self.style, text.sentences, self.headline)
        return by_style | inside if 2 * len(inside) < len(text.sentences) else by_style


Members = tuple[str, ...]
"""The sentences of a group, in order, which are rewritten as one sentence."""


@dataclass(frozen=True, slots=True)
class Wording:
    """An accepted rewrite of a group.

    ``support`` contains the indices, within the input of the model, of the sentences that support the rewrite. If it is
    empty, the central sentence of the group counts as support.
    """

    text: str
    support: tuple[int, ...]


Wordings = tuple[Wording, ...]


@dataclass(frozen=True, slots=True)
class RewriteInput:
    """The input for rewriting a group of sentences.

    ``members`` contains the indices of the input's sentences in the text. If all sentences of the group together are
    too long for the model, the input contains only the core, and ``cut`` is True. ``rewritten`` is False for a filler,
    and for a core that is too long for the model. If rules reword the sentences instead of a model, the input contains
    only the core, ``rewritten`` is True and ``cut`` is False.
    """

    group: Group
    members: tuple[int, ...]
    rewritten: bool
    cut: bool

    def sentences(self, text: Text) -> Members:
        """Return the sentences of this input. ``text`` is the text that contains them."""
        return tuple(text.sentences[number] for number in self.members)


@dataclass(frozen=True, slots=True)
class RewriteResult:
    """The candidate sentences for one group, best first. The last candidate is the unchanged core of the group."""

    wordings: tuple[SummarySentence, ...]
    rewrite_input: RewriteInput
    cached: bool


def rewrite_inputs(text: Text, options: SummaryOptions, limit: InputLimit | None) -> list[RewriteInput]:
    """Return the model inputs for all variants of a summary, in text order.

    There is one input for each group of sentences.
    """
    found = groups(
        text.sentences,
        headline=options.headline,
        length=options.length,
        barred=options.barred(text),
        spares=FORMS[options.style].spares,
        fillers=FILLERS,
        further=FURTHER_A_VARIANT * (options.variants - 1),
    )
    return [_input(text, group, limit) for group in found]


def _input(text: Text, group: Group, limit: InputLimit | None) -> RewriteInput:
    """Return the model input for a group. If the whole group is too long, the input contains only its core.

    Without a ``limit``, the input contains only the core, even if the group is a filler.
    """
    if limit is None:
        return RewriteInput(group, (group.core,), rewritten=True, cut=False)
    if group.filler:
        return RewriteInput(group, group.members, rewritten=False, cut=False)
    for members in (group.members, (group.core,)):
        if limit.fits(" ".join(text.sentences[n] for n in members)):
            return RewriteInput(group, members, rewritten=True, cut=members != group.members)
    return RewriteInput(group, (group.core,), rewritten=False, cut=True)


def rewrite_result(
    text: Text, rewrite_input: RewriteInput, written: Result[Wordings] | None, options: SummaryOptions
) -> RewriteResult:
    """Return the candidate sentences for a group, without those that the style does not allow.

    ``written`` contains the accepted rewrites of the group, or is None if the group was not rewritten. Rewrites that
    differ from the source come first. Rewrites that are copies of source text follow, and the unchanged core comes
    last.
    """
    members = rewrite_input.sentences(text)
    wordings = () if written is None else written.value
    fit = [one for one in wordings if admits(options.style, one.text, options.headline)]
    fit.sort(key=lambda one: any(one.text in member for member in members))
    core = text.verbatim(rewrite_input.group.core)
    distinct = {one.text: one for one in reversed(fit)}
    order = dict.fromkeys(one.text for one in fit if one.text != core.text)
    return RewriteResult(
        (*(_sentence(text, rewrite_input, distinct[written_text], members) for written_text in order), core),
        rewrite_input,
        cached=written is not None and written.cached,
    )


def _sentence(text: Text, rewrite_input: RewriteInput, one: Wording, members: Members) -> SummarySentence:
    numbers = [rewrite_input.members[n] for n in one.support] or [rewrite_input.group.core]
    verbatim = any(one.text in member for member in members)
    return SummarySentence(one.text, tuple(text.spans[n] for n in numbers), verbatim=verbatim)


class WordingKind:
    """The implementation of `ResultKind` for rewritten groups. A result depends only on the sentences of its group."""

    def __init__(self, acceptance: Acceptance, threads: TextThreads = TEXT_THREADS) -> None:
        self._acceptance = acceptance
        self._threads = threads

    @property
    def versions(self) -> tuple[str, ...]:
        """Implement `ResultKind.versions`."""
        return CHECKS_VERSION, NORMALISER_VERSION, repr(self._acceptance)

    def key(self, wanted: Members) -> Field:
        """Implement `ResultKind.key`."""
        return wanted

    def source(self, wanted: Members) -> Source:
        """Implement `ResultKind.source`."""
        free = free_words() if self._acceptance.source_pieces_only else None
        options = GenerationOptions(scored=True, min_output_tokens=LEAST_OUTPUT_TOKENS, source_only=free)
        return Source(" ".join(wanted), options)

    async def make(self, outputs: Sequence[tuple[Members, list[TextHypothesis]]], search: Search) -> list[Wordings]:
        """Implement `ResultKind.make`."""
        del search  # one search is enough
        chars = sum(len(sentence) for members, _ in outputs for sentence in members)
        return await self._threads.in_thread(chars, self._made, outputs)

    def _made(self, outputs: Sequence[tuple[Members, list[TextHypothesis]]]) -> list[Wordings]:
        return [
            tuple(
                Wording(one.text, tuple(support(one.text, members)))
                for one in hypotheses
                if _acceptable(one, members, self._acceptance)
            )
            for members, hypotheses in outputs
        ]

    def cacheable(self, result: Wordings) -> bool:
        """Implement `ResultKind.cacheable`."""
        del result
        return True

    def encode(self, result: Wordings) -> bytes:
        """Implement `ResultKind.encode`."""
        return codec.encode([(one.text, one.support) for one in result])

    def decode(self, entry: bytes, wanted: Members) -> Wordings:
        """Implement `ResultKind.decode`."""
        pairs = (codec.row(one, 2) for one in codec.rows(codec.decode(entry)))
        return tuple(Wording(codec.text(text), codec.numbers(numbers, len(wanted) - 1)) for text, numbers in pairs)


class RewordingKind(WordingKind):
    """The implementation of `ResultKind` for single sentences that are reworded by rules.

    A result has no wording if no rule applies, or if the new wording does not pass the checks of rewrites.
    """

    def __init__(self, language: Language, threads: TextThreads = TEXT_THREADS) -> None:
        super().__init__(Acceptance(), threads)
        self._language = language

    def source(self, wanted: Members) -> Source:
        """Implement `ResultKind.source`."""
        (sentence,) = wanted
        return Source(sentence)

    def _made(self, outputs: Sequence[tuple[Members, list[TextHypothesis]]]) -> list[Wordings]:
        return [
            tuple(Wording(one.text, (0,)) for one in hypotheses if self._is_sound(one.text, *members))
            for members, hypotheses in outputs
        ]

    def _is_sound(self, made: str, sentence: str) -> bool:
        if made == sentence or objection_to_rules(made, sentence) is not None:
            return False
        return not check_summary(sentence, made, [(Span(0, len(made)), [Span(0, len(sentence))])], self._language)


@cache
def free_words() -> FreeWords:
    """Return the function words and punctuation marks that a rewrite may contain even if its sources do not."""
    return FreeWords(GRAMMAR.function_words, PUNCTUATION)


_UNKNOWN_SCORE = -100.0
"""The assumed score of a rewrite without a score, which some remote servers do not return.

Such a rewrite is accepted only if ``least_score`` in the manifest has its default value.
"""


def _acceptable(candidate: TextHypothesis, members: Members, acceptance: Acceptance) -> bool:
    """Return whether a rewrite is complete, meets the conditions ``acceptance`` and has no `objection`."""
    return (
        candidate.finish_reason == "eos"
        and (_UNKNOWN_SCORE if candidate.score is None else candidate.score) >= acceptance.least_score
        and loose_joints(candidate.text, members) <= acceptance.most_loose_joints
        and objection(candidate.text, members) is None
    )


MOST_OFFERS = 100  # the maximum number of sentences to build variants from; less relevant ones are ignored


def beginning(text: Text, options: SummaryOptions) -> list[int]:
    """Return the indices of sentences at the beginning of the text that together fit the requested length.

    Sentences that the style does not allow are skipped. In styles other than ``abstract``, sentences at the very
    beginning that are too long by themselves are skipped as well.
    """
    barred = options.barred(text)
    free = [number for number in range(len(text.sentences)) if number not in barred]
    if options.style != "abstract":
        free = list(dropwhile(lambda number: not options.length.fits([text.sentences[number]]), free))
    return [free[n] for n in lead([text.sentences[number] for number in free], budget=options.length)]


def selections(text: Text, options: SummaryOptions) -> list[list[int]]:
    """Return the variants of an extractive summary, best first. Each variant is a list of sentence indices.

    If no sentence fits, return one variant without sentences.
    """
    barred = options.barred(text)
    first = _selected(text, options, barred)
    if options.variants == 1 or not first:
        return [first]
    opens = opening(text.sentences, headline=options.headline, barred=barred)
    ranked = relevance(assess(text.sentences, headline=options.headline).without(barred).promoted(opens))
    scores = dict([(number, score) for number, score in ranked if number not in barred][:MOST_OFFERS])
    order = sorted({*scores, *first})
    offers = [Offer((text.sentences[number],), scores.get(number, 0.0)) for number in order]
    made = variants([(order.index(number), 0) for number in first], offers, options.length, options.variants)
    return [[order[offer] for offer, _ in choices] for choices in made]


def _selected(text: Text, options: SummaryOptions, barred: frozenset[int]) -> list[int]:
    """Return the indices of the best sentences for an extractive summary.

    If there are fewer of them than the minimum number of sentences, choose again among shorter sentences only, and
    return the choice that has more sentences.
    """
    length = options.length
    found = select(text.sentences, budget=length, headline=options.headline, barred=barred)
    if len(found) >= length.min_sentences:
        return found
    share = length.share()
    long = {number for number, sentence in enumerate(text.sentences) if not share.fits([sentence])}
    short = select(text.sentences, budget=length, headline=options.headline, barred=barred | long)
    return max(found, short, key=len)
