"""Rendering of translated HTML documents."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple

from service.domain import Span
from service.languages.base import Language
from service.text.alignment import Alignment
from service.text.html.document import Block, Document
from service.text.html.placement import (
    OUTSIDE,
    Placement,
    ProportionalStretch,
    Stretch,
    UnchangedStretch,
    literal_spans,
    place_inline,
    within,
)
from service.text.html.tags import escape_attribute, escape_text
from service.text.normalization import for_model


class HtmlCopy:
    """A copier for the source HTML, which returns spans of the HTML with replacements applied.

    A replaced span must lie entirely inside or entirely outside a copied span.
    """

    def __init__(self, html: str, changed: Mapping[Span, str | None]) -> None:
        """Create a copier.

        ``changed`` maps spans to their replacements. A span that is mapped to None is copied unchanged.
        """
        self.html = html
        self._changes = sorted((span, text) for span, text in changed.items() if text is not None)
        self._starts = [span.start for span, _ in self._changes]
        grown = (len(text) - (span.end - span.start) for span, text in self._changes)
        self._growth = list(accumulate(grown, initial=0))

    def of(self, span: Span) -> str:
        """Return the HTML of a span with the replacements applied."""
        parts: list[str] = []
        done = span.start
        for place, text in self._changes[bisect_left(self._starts, span.start) : bisect_left(self._starts, span.end)]:
            parts += (self.html[done : place.start], text)
            done = place.end
        parts.append(self.html[done : span.end])
        return "".join(parts)

    def length(self, place: int) -> int:
        """Return the length of the copy of everything before ``place``, which must not lie inside a replaced span."""
        return place + self._growth[bisect_left(self._starts, place)]


_LEAST_SHARE = 0.08  # markup is placed in proportion to length if no word has at least this share
_MARKUP_SHARE = 0.5  # a word is marked up if more than this share of its weight comes from source words with the markup
_LITERAL_SHARE = 0.3  # kept text may replace a run only if one of its words has at least this share


class _Run(NamedTuple):
    """The words of a sentence from index ``start`` to ``end`` (exclusive).

    ``value`` is the sum of their scores, or 0 if they were not chosen by their scores.
    """

    value: float
    start: int
    end: int


class AlignedStretch:
    """A sentence and its translation, with a word alignment."""

    def __init__(self, source: Span, source_text: str, target: Span, target_text: str, alignment: Alignment) -> None:
        """Create a stretch for a sentence of a block.

        ``source_text`` and ``target_text`` are the texts of the whole block, whereas the offsets in ``alignment`` are
        relative to the sentence.
        """
        self.source = source
        self.target = target
        self._source_text = source_text
        self._target_text = target_text
        self._proportional = ProportionalStretch(source, source_text, target, target_text)
        self._pieces = [piece.shifted(source.start) for piece in alignment.source]
        self._words = [word.shifted(target.start) for word in alignment.target]
        self._weights = alignment.weights
        self._sums = [list(accumulate(row, initial=0.0)) for row in alignment.weights]

    def spread(self, ranges: Sequence[Span], literals: Sequence[str | None], window: Span) -> list[Span]:
        """Implement `Stretch.spread`.

        If there is only one range and it covers the whole sentence, it gets all words. Otherwise, a range gets the run
        of consecutive free words with the highest total score or, if the scores are too low, the free word nearest to
        its proportional position. Ranges with higher totals are placed first. Markup of part of a word is placed by its
        characters (see `_place_parts`). A literal gets the words of the translation that are equal to the literal or,
        if there are none, its run if a word of the run is strongly aligned with it.
        """
        words = self._within(window)
        if len(ranges) == 1 and words and self._begins(ranges[0]) and self._ends(ranges[0]):
            return [self._span(_Run(0.0, words.start, words.stop))]
        found = self._literal_places(ranges, literals, window)
        self._place_parts(ranges, literals, words, found)
        free = [number in words and not self._meets(number, found) for number in range(len(self._words))]
        scores = [[self._score(number, one) for number in range(len(self._words))] for one in ranges]
        runs = self._runs(ranges, scores, free, [k for k, span in enumerate(found) if span is None])
        for k, literal in enumerate(literals):
            if literal and k in runs and not self._is_replaceable(runs[k], scores[k]):
                del runs[k]
        for k, (one, literal) in enumerate(zip(ranges, literals, strict=True)):
            if k in runs:
                found[k] = self._span(runs[k]) if literal else self._marked(runs[k], one, free)
        return [span or self._empty(one, window) for span, one in zip(found, ranges, strict=True)]

    def first(self, source: Span, window: Span) -> int:
        """Implement `Stretch.first`."""
        words = self._within(window)
        if not words:
            return self._proportional.first(source, window)
        if self._begins(source):
            return self._words[words.start].start
        gains = list(accumulate(self._score(number, source) for number in reversed(words)))
        return self._words[words.stop - 1 - gains.index(max(gains))].start

    def last(self, source: Span, window: Span) -> int:
        """Implement `Stretch.last`."""
        words = self._within(window)
        if not words:
            return self._proportional.last(source, window)
        if self._ends(source):
            return self._words[words.stop - 1].end
        gains = list(accumulate(self._score(number, source) for number in words))
        return self._words[words.start + gains.index(max(gains))].end

    def point(self, at: int, *, monotone: bool) -> int:
        """Implement `Stretch.point`.

        Markup that directly follows a word in the source is placed after the translation of that word. Markup after
        white space is placed before the translation of the next word. If ``monotone`` is True, at the ends of the
        sentence, and if no word has enough alignment weight, the position is proportional.
        """
        if monotone or not self._words or not self.source.start < at < self.source.end:
            return self._proportional.point(at, monotone=monotone)
        follows = not self._source_text[at - 1].isspace()
        letter = Span(at - 1, at) if follows else Span(at, at + 1)
        scores = [self._score(number, letter) for number in range(len(self._words))]
        best = max(scores)
        if best + _MARKUP_SHARE < _LEAST_SHARE:
            return self._proportional.point(at, monotone=True)
        word = self._words[scores.index(best)]
        return word.end if follows else word.start

    def _literal_places(
        self, ranges: Sequence[Span], literals: Sequence[str | None], window: Span
    ) -> list[Span | None]:
        """Return, for each range, the span where the translation contains the literal of the range, or None.

        Case is ignored. If a literal occurs several times, the occurrence with the highest score is used.
        """
        found: list[Span | None] = []
        for one, literal in zip(ranges, literals, strict=True):
            places = [
                (sum(self._score(n, one) for n in range(len(self._words)) if self._meets(n, [place])), place)
                for place in literal_spans(self._target_text, literal, window)
                if not any(other is not None and within(place, other) == place for other in found)
            ]
            found.append(max(places)[1] if places else None)
        return found

    def _place_parts(
        self, ranges: Sequence[Span], literals: Sequence[str | None], words: range, found: list[Span | None]
    ) -> None:
        """Place markup that covers only part of a word, such as the "₂" in "CO₂".

        If the target word with the highest score contains the same characters, the span of these characters is stored
        in ``found``. A word may contain several pieces of such markup, such as a deletion directly followed by an
        insertion.
        """
        for k, one in enumerate(ranges):
            if literals[k] or not words or not self._is_part(one):
                continue
            word = self._words[max(words, key=lambda number: self._score(number, one))]
            previous_end = max((span.end for span in found if span is not None and span.start >= word.start), default=0)
            start = min(max(word.start, previous_end), word.end)
            part = re.compile(re.escape(one.of(self._source_text)), re.IGNORECASE)
            match = part.search(self._target_text, start, word.end)
            if match is not None:
                found[k] = Span(*match.span())

    def _is_part(self, source: Span) -> bool:
        """Return whether a source range consists of letters or digits and is only part of a word."""
        text = self._source_text
        inside = text[source.start : source.end].isalnum()
        return inside and (
            text[source.start - 1 : source.start].isalnum() or text[source.end : source.end + 1].isalnum()
        )

    def _runs(
        self, ranges: Sequence[Span], scores: Sequence[Sequence[float]], free: list[bool], waiting: Sequence[int]
    ) -> dict[int, _Run]:
        """Return a run of free target words for each waiting range, as long as there are free words.

        ``waiting`` contains the indices of the ranges that need a run. The words of the runs are marked in ``free`` as
        no longer free.
        """
        preferred = {k: first for k in waiting if (first := _best(scores[k], free)) is not None}
        assigned: dict[int, _Run] = {}
        for k in sorted(preferred, key=lambda k: -preferred[k].value):
            run: _Run | None = preferred[k]
            if not all(free[preferred[k].start : preferred[k].end]):
                run = _best(scores[k], free)
            if run is not None and self._is_too_weak(run, scores[k], ranges[k]):
                run = self._nearest(self._proportional.first(ranges[k], self.target), free)
            if run is not None:
                assigned[k] = run
                free[run.start : run.end] = [False] * (run.end - run.start)
        return assigned

    def _nearest(self, place: int, free: Sequence[bool]) -> _Run:
        """Return a run of one word, the free word nearest to ``place``.

        A punctuation mark is used only if no other word is free.
        """
        candidates = (n for n, one in enumerate(free) if one)
        number = min(candidates, key=lambda n: (self._is_mark(n), abs(self._words[n].start - place)))
        return _Run(0.0, number, number + 1)

    def _marked(self, run: _Run, source: Span, free: list[bool]) -> Span:
        """Return the span of the run, with the punctuation at its ends adapted to that of the source range.

        If the source range begins or ends with punctuation, so does the span, as far as such a mark is next to the run
        and free. Otherwise, the span does not, unless the run consists of punctuation. A range that is part of a word
        gets the whole run.
        """
        return self._span(run if self._is_part(source) else self._with_marks(run, source, free))

    def _with_marks(self, run: _Run, source: Span, free: list[bool]) -> _Run:
        _, start, end = run
        opens, closes = (self._source_text[at].isalnum() for at in (source.start, source.end - 1))
        while opens and end - start > 1 and self._is_mark(start):
            start += 1
        while closes and end - start > 1 and self._is_mark(end - 1):
            end -= 1
        if not closes and end < len(free) and free[end] and self._is_mark(end) and not self._is_mark(end - 1):
            free[end] = False
            end += 1
        if not opens and start and free[start - 1] and self._is_mark(start - 1) and not self._is_mark(start):
            free[start - 1] = False
            start -= 1
        return _Run(run.value, start, end)

    def _score(self, number: int, source: Span) -> float:
        """Return how strongly the target word with index ``number`` is aligned with a source range.

        The score is the share of the word's alignment weight that comes from the range, minus `_MARKUP_SHARE`. It is
        positive if the word should get the markup of the range.
        """
        low = bisect_right(self._pieces, source.start, key=lambda piece: piece.end)
        high = bisect_left(self._pieces, source.end, key=lambda piece: piece.start)
        if low >= high:
            return -_MARKUP_SHARE
        weights, first, last = self._weights[number], self._pieces[low], self._pieces[high - 1]
        share = self._sums[number][high] - self._sums[number][low]
        if first.start < source.start:
            share -= weights[low] * (source.start - first.start) / (first.end - first.start)
        if last.end > source.end:
            share -= weights[high - 1] * (last.end - source.end) / (last.end - last.start)
        return share - _MARKUP_SHARE

    def _within(self, window: Span) -> range:
        """Return the indices of the words in ``window``."""
        first = bisect_left(self._words, window.start, key=lambda word: word.start)
        return range(first, max(first, bisect_right(self._words, window.end, key=lambda word: word.end)))

    def _begins(self, source: Span) -> bool:
        return all(piece.end <= piece.start or source.start <= piece.start for piece in self._pieces[:2])

    def _ends(self, source: Span) -> bool:
        return all(piece.end <= source.end for piece in self._pieces[-1:])

    def _meets(self, number: int, spans: Sequence[Span | None]) -> bool:
        word = self._words[number]
        return any(span is not None and span.overlaps(word) for span in spans)

    def _is_replaceable(self, run: _Run, scores: Sequence[float]) -> bool:
        return max(scores[run.start : run.end]) + _MARKUP_SHARE >= _LITERAL_SHARE

    def _is_too_weak(self, run: _Run, scores: Sequence[float], source: Span) -> bool:
        """Return whether a run of target words is unlikely to be the translation of a source range.

        This is the case if none of the words has enough alignment weight from the range. It is also the case if the run
        contains only punctuation but the range contains words.
        """
        if max(scores[run.start : run.end]) + _MARKUP_SHARE < _LEAST_SHARE:
            return True
        marks = all(self._is_mark(number) for number in range(run.start, run.end))
        return marks and any(c.isalnum() for c in source.of(self._source_text))

    def _is_mark(self, number: int) -> bool:
        return not any(c.isalnum() for c in self._words[number].of(self._target_text))

    def _span(self, run: _Run) -> Span:
        return Span(self._words[run.start].start, self._words[run.end - 1].end)

    def _empty(self, source: Span, window: Span) -> Span:
        place = within(Span(self.point(source.start, monotone=False), self.target.end), window).start
        return Span(place, place)


def _best(scores: Sequence[float], free: Sequence[bool]) -> _Run | None:
    """Return the run of one or more free words with the highest total score, or None if no word is free.

    The implementation is Kadane's algorithm.
    """
    best = current = None
    for number, score in enumerate(scores):
        if not free[number]:
            current = None
        elif current is not None and current.value > 0:
            current = _Run(current.value + score, current.start, number + 1)
        else:
            current = _Run(score, number, number + 1)
        if current is not None and (best is None or current.value > best.value):
            best = current
    return best


_BARE = frozenset("<&")
_SPACES = frozenset("\t\n\f\r ")


@dataclass(frozen=True, slots=True)
class TranslatedSentence:
    """A sentence with its translation and, if available, their word alignment.

    ``source`` is the span of the sentence in the text of its block. If the sentence was not translated, ``text`` is the
    sentence itself, either unchanged or normalised for the model.
    """

    source: Span
    text: str
    alignment: Alignment | None = None


@dataclass(frozen=True, slots=True)
class Rendered:
    """The translated HTML, and the spans of its sentences.

    ``sentences`` contains one tuple of spans for each block of the document. The tuple is empty if the block is the
    value of an attribute.
    """

    html: str
    sentences: tuple[tuple[Span, ...], ...]


def render(document: Document, translations: Sequence[Sequence[TranslatedSentence]], language: Language) -> Rendered:
    """Replace the text of each block with its translated sentences, and return the new HTML.

    HTML outside the blocks is copied, and so are blocks in which no sentence has changed. ``language`` is the source
    language.

    Raises:
        ValueError: the numbers of translations and blocks differ, or a sentence is out of order or outside its block.
    """
    blocks = list(zip(document.blocks, translations, strict=True))
    changed = {
        block.source: _attribute(_Target(block, sentences, language)) for block, sentences in blocks if block.attribute
    }
    copy = HtmlCopy(document.html, changed)
    parts: list[str] = []
    found: list[tuple[Span, ...]] = []
    done = length = 0
    for block, sentences in blocks:
        if block.attribute:
            found.append(())
            continue
        gap = copy.of(Span(done, block.source.start))
        text, spans = _block(_Target(block, sentences, language), sentences, copy)
        found.append(tuple(span.shifted(length + len(gap)) for span in spans))
        parts += (gap, text)
        length += len(gap) + len(text)
        done = block.source.end
    parts.append(copy.of(Span(done, len(document.html))))
    return Rendered("".join(parts), tuple(found))


def _attribute(target: "_Target") -> str | None:
    """Return the translated attribute value in quotation marks, or None if it has not changed."""
    return None if target.unchanged else f'"{escape_attribute(target.text)}"'


def _block(target: "_Target", sentences: Sequence[TranslatedSentence], copy: HtmlCopy) -> tuple[str, list[Span]]:
    """Return the HTML of a translated block, and the spans of its sentences in this HTML."""
    block = target.block
    if target.unchanged:
        start = copy.length(block.source.start)
        places = (block.in_html(sentence.source) for sentence in sentences)
        spans = [Span(copy.length(place.start) - start, copy.length(place.end) - start) for place in places]
        return copy.of(block.source), spans
    writer = _Writer(target.cells(copy.html), copy)
    writer.write(block, place_inline(block, target.stretches()))
    return "".join(writer.parts), [writer.written(span) for span in target.spans]


class _Target:
    """The translated text of a block, which consists of sentences and the gaps between them."""

    def __init__(self, block: Block, sentences: Sequence[TranslatedSentence], language: Language) -> None:
        self.block = block
        self._pieces = list(_pieces(block, sentences, language))
        self._ends: list[int] = []
        for _, text, _ in self._pieces:
            self._ends.append(len(text) + (self._ends[-1] if self._ends else 0))
        self.text = "".join(text for _, text, _ in self._pieces)

    @property
    def unchanged(self) -> bool:
        return all(self._is_same(source, text) for source, text, _ in self._pieces)

    @property
    def spans(self) -> list[Span]:
        """The spans of the sentences in the translated text."""
        return [
            Span(end - len(text), end)
            for (_, text, sentence), end in zip(self._pieces, self._ends, strict=True)
            if sentence is not None
        ]

    def stretches(self) -> list[Stretch]:
        return [
            self._stretch(source, Span(end - len(text), end), sentence)
            for (source, text, sentence), end in zip(self._pieces, self._ends, strict=True)
            if source.start < source.end
        ]

    def cells(self, html: str) -> list[str]:
        """Return the HTML of each character of the translated text. ``html`` is the source document.

        Where the text has not changed, the HTML is copied from the source document.
        """
        cells: list[str] = []
        for source, text, _ in self._pieces:
            if self._is_same(source, text):
                raw = (html[self.block.starts[at] : self.block.ends[at]] for at in range(*source))
                # A bare "<" or "&" is safe only before the character that follows it in the source.
                cells += (escape_text(one) if one in _BARE else one for one in raw)
            else:
                cells += map(escape_text, text)
        return cells

    def _is_same(self, source: Span, text: str) -> bool:
        return text == source.of(self.block.text)

    def _stretch(self, source: Span, target: Span, sentence: TranslatedSentence | None) -> Stretch:
        if self._is_same(source, target.of(self.text)):
            return UnchangedStretch(source, target.start)
        if sentence is None or sentence.alignment is None:
            return ProportionalStretch(source, self.block.text, target, self.text)
        return AlignedStretch(source, self.block.text, target, self.text, sentence.alignment)


def _pieces(
    block: Block, sentences: Sequence[TranslatedSentence], language: Language
) -> Iterator[tuple[Span, str, TranslatedSentence | None]]:
    """Yield (source span, target text, sentence) for each sentence and for each gap between sentences, in order.

    For a gap, the sentence is None.
    """
    done = 0
    for sentence in sentences:
        start, end = sentence.source
        if not done <= start < end <= len(block.text):
            raise ValueError(f"sentence {sentence.source} is out of order or outside the block")
        if done < start:
            yield Span(done, start), block.text[done:start], None
        source = sentence.source.of(block.text)
        # If the text equals the normalised source, nothing was translated, so the original spelling is used.
        text = source if sentence.text == for_model(source, language) else sentence.text
        yield sentence.source, text, sentence
        done = end
    if done < len(block.text):
        yield Span(done, len(block.text)), block.text[done:], None


class _Writer:
    """A writer for the text and tags of a translated block."""

    def __init__(self, cells: Sequence[str], copy: HtmlCopy) -> None:
        self.parts: list[str] = []
        self._cells = cells
        self._copy = copy
        self._length = 0
        self._places = [0] * (len(cells) + 1)  # the output offset of each character, and of the end of the text

    def write(self, block: Block, placement: Placement) -> None:
        # An explicit stack replaces recursion, because elements may be nested more deeply than Python's stack allows.
        stack = [(OUTSIDE, iter(placement.children.get(OUTSIDE, ())), len(self._cells))]
        done = 0
        while stack:
            parent, children, end = stack[-1]
            number = next(children, None)
            if number is None:
                self._text(done, end)
                done = end
                stack.pop()
                if parent != OUTSIDE:
                    self._markup(block.inlines[parent].closing)
                continue
            inline, span = block.inlines[number], placement.spans[number]
            self._text(done, span.start)
            done = span.start
            if inline.kind in {"kept", "point"} and done and self._cells[done - 1].isalnum():
                self._space(inline.opening.start - 1)
            self._markup(inline.opening)
            if inline.kind in {"kept", "point"} and "".join(self._cells[span.end : span.end + 1]).isalnum():
                self._space(inline.opening.end)
            if inline.kind == "element":
                stack.append((number, iter(placement.children.get(number, ())), span.end))
            else:
                self._skip(span)
                done = span.end

    def written(self, span: Span) -> Span:
        """Return the span of the written HTML that contains the characters of ``span``, a span of the target text."""
        if span.start == span.end:
            return Span(self._places[span.start], self._places[span.start])
        return Span(self._places[span.start], self._places[span.end - 1] + len(self._cells[span.end - 1]))

    def _text(self, start: int, end: int) -> None:
        for at in range(start, end):
            self._places[at] = self._length
            self._length += len(self._cells[at])
        self._places[end] = self._length
        self.parts += self._cells[start:end]

    def _markup(self, span: Span | None) -> None:
        if span is not None:
            self.parts.append(self._copy.of(span))
            self._length += len(self.parts[-1])

    def _space(self, source_place: int) -> None:
        """Write a space between a word and markup without text if the source has white space at ``source_place``."""
        if self._copy.html[source_place : source_place + 1] in _SPACES:
            self.parts.append(" ")
            self._length += 1

    def _skip(self, span: Span) -> None:
        for at in range(*span):
            self._places[at] = self._length
