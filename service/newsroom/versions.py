"""Comparison of an article with its previous version, and reuse of the previous translation and summary.

A corrected article keeps the wording of each translated and each summary sentence whose source is unchanged, even if a
person wrote or edited that wording.
"""

import unicodedata
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher

from service.domain import Notice, Span
from service.languages.base import Language, LanguagePair
from service.newsroom.sentence_alignment import SizedSentence, align_sentences
from service.results import Change, ChangeReason, ChangeState, SentencePair, Summary, SummarySentence
from service.summarization.guard import repeats_sentence, support
from service.summarization.lengths import Length
from service.summarization.rewriting import prepare_text
from service.summarization.styles import lay_out
from service.summarization.summarizer import find_flaws, with_facts, with_findings
from service.text.normalization import for_model
from service.text.segmentation import segment

LEAST_SHARED = 0.5
"""The minimum share of common words (Dice coefficient) at which a sentence counts as an edited form of another."""
_MOST_CANDIDATES = 20  # limits the comparisons for each sentence, so that the running time is linear


@dataclass(frozen=True, slots=True)
class Sentences:
    """A text with the spans of its sentences."""

    text: str
    spans: tuple[Span, ...]

    @classmethod
    def of(cls, text: str, language: Language) -> "Sentences":
        """Divide ``text`` into sentences."""
        return cls(text, segment(text, language).sentences)

    @property
    def texts(self) -> list[str]:
        """The sentences as strings."""
        return [span.of(self.text) for span in self.spans]


@dataclass(frozen=True, slots=True)
class Unit:
    """Consecutive source sentences ``first`` to ``last`` of the previous version, and the span of their translation."""

    first: int
    last: int
    target: Span


@dataclass(frozen=True, slots=True)
class Comparison:
    """The sentences of the previous version (``old``) and of the current version (``new``) of a body.

    ``same`` maps the index of each new sentence that is unchanged to the index of the equal old sentence. ``edited``
    maps the index of each new sentence that was edited to the index of its old form. ``translation`` is the previous
    translation, or None if it was not submitted. ``units`` pairs the old sentences with their translations.
    """

    old: Sentences
    new: Sentences
    same: Mapping[int, int]
    edited: Mapping[int, int]
    translation: str | None = None
    units: tuple[Unit, ...] = ()

    def known(self) -> dict[Span, str]:
        """Return the previous translations of unchanged sentences, by their spans in the current body.

        The translation of several joined sentences is included only if all of them are unchanged and still adjacent.
        """
        found = {}
        now = {old: new for new, old in self.same.items()}
        for unit in self.units:
            numbers = [now.get(old) for old in range(unit.first, unit.last + 1)]
            first = numbers[0]
            if first is not None and numbers == list(range(first, first + len(numbers))):
                span = Span(self.new.spans[first].start, self.new.spans[first + len(numbers) - 1].end)
                found[span] = unit.target.of(self.translation or "")
        return found

    def before(self, number: int) -> int | None:
        """Return the index of the old sentence that corresponds to the new sentence ``number``, or None."""
        return self.same.get(number, self.edited.get(number))

    def source_changes(self) -> list[Change]:
        """Return the changes of the source sentences: those of the current version, then the sentences that are gone.

        The spans are in the two bodies that were compared.
        """
        changes = []
        for number, span in enumerate(self.new.spans):
            old = self.before(number)
            previous = None if old is None else self.old.spans[old]
            state: ChangeState = "unchanged" if number in self.same else "new" if old is None else "changed"
            changes.append(Change(state, _REASONS[state], span, previous))
        met = {*self.same.values(), *self.edited.values()}
        gone = (span for number, span in enumerate(self.old.spans) if number not in met)
        return [*changes, *(Change("gone", "source_gone", None, span) for span in gone)]

    def translation_changes(self, pairs: Sequence[SentencePair]) -> list[Change]:
        """Return the changes of the translated sentences: those of the current version, then those that are gone.

        ``pairs`` are the sentences of the current translation. Their source spans are in the current body.
        """
        known, unit_of = self.known(), {n: unit for unit in self.units for n in range(unit.first, unit.last + 1)}
        place_of = {span.start: number for number, span in enumerate(self.new.spans)}
        changes, met, number = [], set(), 0
        for pair in pairs:
            number = place_of.get(pair.source.start, number)  # a part of a long sentence keeps the number of its start
            old = self.before(number)
            unit = None if old is None else unit_of.get(old)
            if unit is None:
                reason: ChangeReason = "source_new" if old is None else "no_previous"
                changes.append(Change("new", reason, pair.target, None))
                continue
            met.add(unit)
            if pair.source in known:
                changes.append(Change("unchanged", "source_unchanged", pair.target, unit.target))
            else:
                reason = "source_changed" if number in self.edited else "neighbour_changed"
                changes.append(Change("changed", reason, pair.target, unit.target))
        gone = (unit.target for unit in self.units if unit not in met)
        return [*changes, *(Change("gone", "source_gone", None, span) for span in gone)]


_REASONS: dict[ChangeState, ChangeReason] = {
    "unchanged": "source_unchanged",
    "changed": "source_changed",
    "new": "source_new",
    "gone": "source_gone",
}


def compare_versions(old: str, new: str, translation: str | None, languages: LanguagePair) -> Comparison:
    """Compare the cleaned bodies ``old`` and ``new`` of two versions of an article.

    ``translation`` is the translation of the old version, or None.
    """
    ones, others = Sentences.of(old, languages.source), Sentences.of(new, languages.source)
    same, edited = match_sentences(ones.texts, others.texts)
    units = () if translation is None else tuple(_units(ones, Sentences.of(translation, languages.target), languages))
    return Comparison(ones, others, same, edited, translation, units)


def match_sentences(old: Sequence[str], new: Sequence[str]) -> tuple[dict[int, int], dict[int, int]]:
    """Match the sentences of the previous version ``old`` with those of the current version ``new`` of a text.

    Return the pair (equal sentences, edited sentences). Both map indices in ``new`` to indices in ``old``. Differences
    in white space and in the Unicode normalisation are ignored. An equal sentence may have moved. Each sentence has at
    most one counterpart. An edited sentence is between the same equal sentences in both versions, and shares at least
    ``LEAST_SHARED`` of its words with its counterpart.
    """
    ones, others = [_normal(one) for one in old], [_normal(one) for one in new]
    codes = SequenceMatcher(None, ones, others).get_opcodes()
    same = {
        there: here
        for tag, start, end, at, to in codes
        if tag == "equal"
        for here, there in zip(range(start, end), range(at, to), strict=True)
    }
    met = set(same.values())
    left: dict[str, deque[int]] = defaultdict(deque)
    for number, one in enumerate(ones):
        if number not in met:
            left[one].append(number)
    for number, one in enumerate(others):
        if number not in same and left[one]:
            same[number] = left[one].popleft()
    met = set(same.values())
    edited: dict[int, int] = {}
    for tag, start, end, at, to in codes:
        if tag == "replace":
            here = [number for number in range(start, end) if number not in met]
            there = [number for number in range(at, to) if number not in same]
            edited |= _edited(here, there, ones, others)
    return same, edited


def _normal(sentence: str) -> str:
    return " ".join(unicodedata.normalize("NFC", sentence).split())


def _edited(here: Sequence[int], there: Sequence[int], ones: Sequence[str], others: Sequence[str]) -> dict[int, int]:
    """Map the index of each edited sentence in ``others`` to the index of its earlier form in ``ones``.

    ``ones`` contains the sentences of the old version, and ``others`` contains those of the new version. Only the old
    sentences with the indices ``here`` and the new sentences with the indices ``there`` are compared. Matched sentences
    share at least ``LEAST_SHARED`` of their words and have the same order in both versions.
    """
    words = {number: Counter(ones[number].casefold().split()) for number in here}
    found, start = {}, 0
    for number in there:
        wanted = Counter(others[number].casefold().split())
        candidates = range(start, min(len(here), start + _MOST_CANDIDATES))
        best = max(candidates, key=lambda place: _shared(words[here[place]], wanted), default=None)
        if best is not None and _shared(words[here[best]], wanted) >= LEAST_SHARED:
            found[number], start = here[best], best + 1
    return found


def _shared(one: Counter[str], other: Counter[str]) -> float:
    """Return the Dice coefficient of two bags of words, from 0 to 1."""
    return 2 * (one & other).total() / max(1, one.total() + other.total())


def _units(source: Sentences, target: Sentences, languages: LanguagePair) -> Iterator[Unit]:
    """Yield the aligned sentences of a text and its translation as units, in order.

    A sentence without a counterpart joins the unit before it, or the first unit. A sentence that a person added to the
    translation is therefore kept, and one that a person left out is not inserted again.
    """
    ones = [SizedSentence.of(text, languages.source) for text in source.texts]
    others = [SizedSentence.of(text, languages.target) for text in target.texts]
    first, first_target = 0, 0
    waiting: tuple[int, int] | None = None
    for (_, end), (_, target_end) in align_sentences(ones, others):
        if waiting is not None and waiting[0] < end and waiting[1] < target_end:
            yield _unit(first, waiting[0], first_target, waiting[1], target)
            first, first_target, waiting = *waiting, None
        if first < end and first_target < target_end:
            waiting = end, target_end
    if waiting is not None:
        yield _unit(first, len(ones), first_target, len(others), target)


def _unit(start: int, end: int, target_start: int, target_end: int, target: Sentences) -> Unit:
    return Unit(start, end - 1, Span(target.spans[target_start].start, target.spans[target_end - 1].end))


def merge_summary(
    comparison: Comparison, previous: str, fresh: Summary, length: Length, language: Language
) -> tuple[Summary, list[Change]]:
    """Merge the previous summary with ``fresh``, a summary of the current version. Return the result and the changes.

    A sentence of the previous summary keeps its wording if all its source sentences are unchanged, or if it has none.
    It is dropped if all of them are gone. In all other cases, it is replaced by an unused sentence of ``fresh`` that
    one of the remaining source sentences supports. The remaining source sentences are the edited ones or, if none was
    edited, the unchanged ones. If ``fresh`` has no such sentence, the previous sentence is replaced by copies of those
    remaining source sentences that support no sentence of the new summary yet. If there are none, it is dropped.

    Sentences of ``fresh`` about new source sentences are added if they fit within ``length``. The spans of the changes
    are in the text of the new summary and in ``previous``. The notices of the result are computed again.
    """
    merger = _Merger(comparison, fresh, language)
    found = prepare_text(previous, language)
    for text, span in zip(found.sentences, found.spans, strict=True):
        merger.take(text, span)
    merger.add_new(length)
    sentences = [entry.sentence for entry in merger.entries]
    text = lay_out(fresh.style, [sentence.text for sentence in sentences])
    quoted = all(sentence.verbatim for sentence in sentences)
    method = fresh.method if quoted or fresh.method == "abstractive" else "abstractive"
    merged = replace(fresh, text=text, sentences=tuple(sentences), method=method, notices=(), cached=False)
    body = prepare_text(comparison.new.text, language)
    notices = [*body.notices, *find_flaws(body, merged)]
    if not length.fits([sentence.text for sentence in sentences]):
        notices.append(
            Notice("length_exceeded", "the summary exceeds the requested length, because unchanged sentences were kept")
        )
    merged = with_findings(comparison.new.text, replace(merged, notices=tuple(notices)), language)
    if fresh.facts is not None:
        merged = with_facts(comparison.new.text, merged, language)
    return merged, list(_placed(merged, merger))


@dataclass(frozen=True, slots=True)
class _Entry:
    """A sentence of the new summary. ``previous`` is the span of its counterpart in the previous summary, or None."""

    sentence: SummarySentence
    state: ChangeState
    reason: ChangeReason
    previous: Span | None


class _Merger:
    """The sentences of a new summary while it is merged from the previous and the fresh summary."""

    def __init__(self, comparison: Comparison, fresh: Summary, language: Language) -> None:
        self.entries: list[_Entry] = []
        self.gone: list[tuple[Span, ChangeReason]] = []
        self._comparison = comparison
        self._language = language
        self._left = list(fresh.sentences)
        self._old = comparison.old.texts
        self._now = {old: new for new, old in comparison.same.items()}
        self._edited = {old: new for new, old in comparison.edited.items()}

    def take(self, text: str, span: Span) -> None:
        """Keep, replace or drop the sentence ``text`` at ``span`` of the previous summary."""
        sources = support(text, self._old)
        kept = [self._now[old] for old in sources if old in self._now]
        edited = [self._edited[old] for old in sources if old in self._edited]
        if len(kept) == len(sources):
            self._keep(text, span, kept)
        elif not (kept or edited):
            self.gone.append((span, "source_gone"))
        else:
            reason: ChangeReason = "source_changed" if edited else "source_gone"
            replacements = self._replacements(edited or kept)
            if not replacements:  # an earlier sentence already covers the same source sentences
                self.gone.append((span, reason))
            self.entries += (_Entry(one, "changed", reason, span) for one in replacements)

    def _keep(self, text: str, span: Span, numbers: Sequence[int]) -> None:
        spans = tuple(self._comparison.new.spans[number] for number in numbers)
        verbatim = any(_normal(self._comparison.new.texts[number]) == _normal(text) for number in numbers)
        reason: ChangeReason = "source_unchanged" if numbers else "no_source"
        self._left = [one for one in self._left if not repeats_sentence(one.text, text)]
        self.entries.append(_Entry(SummarySentence(text, spans, verbatim), "unchanged", reason, span))

    def _replacements(self, numbers: Sequence[int]) -> list[SummarySentence]:
        """Return sentences for the new source sentences ``numbers``.

        If one of them supports a sentence of the fresh summary, this sentence is the only result. Otherwise, the result
        is the source sentences themselves, except those that already support a sentence of the summary.
        """
        spans = {self._comparison.new.spans[number] for number in numbers}
        for place, one in enumerate(self._left):
            if any(span.overlaps(other) for span in spans for other in one.support):
                return [self._left.pop(place)]
        covered = [span for entry in self.entries for span in entry.sentence.support]
        return [
            SummarySentence(for_model(span.of(self._comparison.new.text), self._language), (span,), verbatim=True)
            for span in sorted(spans)
            if not any(span.overlaps(other) for other in covered)
        ]

    def add_new(self, length: Length) -> None:
        """Add the sentences of the fresh summary that new source sentences support, at the place of their source.

        A sentence is added only if the summary does not already contain it, and still fits within ``length``.
        """
        new = [
            span for number, span in enumerate(self._comparison.new.spans) if self._comparison.before(number) is None
        ]
        for one in self._left:
            others = [entry.sentence.text for entry in self.entries]
            is_new = any(span.overlaps(other) for span in new for other in one.support)
            if is_new and not any(repeats_sentence(one.text, other) for other in others):
                place = sum(_start(entry.sentence) <= _start(one) for entry in self.entries)
                if length.fits([*others, one.text]):
                    self.entries.insert(place, _Entry(one, "new", "source_new", None))


def _start(sentence: SummarySentence) -> int:
    return min((span.start for span in sentence.support), default=0)


def _placed(summary: Summary, merger: _Merger) -> Iterable[Change]:
    """Yield the changes of the sentences of ``summary`` in order, and then those of the sentences that are gone."""
    end = 0
    for entry in merger.entries:
        start = summary.text.index(entry.sentence.text, end)
        end = start + len(entry.sentence.text)
        yield Change(entry.state, entry.reason, Span(start, end), entry.previous)
    yield from (Change("gone", reason, None, span) for span, reason in merger.gone)
