"""A stretch of a block, source and target, and where markup goes when nothing but the order of words is known."""

import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Protocol

from service.text.markup_alignment import WORD
from service.types import Span

_NEAR_CHARS = 500  # how far from its share of the way a text that is not translated is looked for


class Stretch(Protocol):
    """Ranges of a block's source and target text that correspond."""

    source: Span
    target: Span

    def spread(self, ranges: Sequence[Span], literals: Sequence[str | None], window: Span) -> list[Span]:
        """Where in ``window`` each of the source ranges goes (disjoint, in order); empty where there is no room.

        A range with a literal is text that is not translated: it takes the place only of words that surely stand for
        it, and is empty where there are none.
        """
        ...

    def first(self, source: Span, window: Span) -> int:
        """Where in ``window`` a range begins that goes on behind this stretch."""
        ...

    def last(self, source: Span, window: Span) -> int:
        """Where in ``window`` a range ends that began before this stretch."""
        ...

    def point(self, at: int, *, monotone: bool) -> int:
        """Where a point goes: with the word beside it, or (``monotone``) as far on its way as in the source."""
        ...


def within(span: Span, window: Span) -> Span:
    """The part of ``span`` in ``window``; empty, at the edge that is nearer, where there is none."""
    start = min(max(span.start, window.start), window.end)
    return Span(start, max(start, min(span.end, window.end)))


def literal_spans(text: str, literal: str | None, window: Span) -> list[Span]:
    """The places in ``window`` where a text that is not translated stands as whole words."""
    if not literal:
        return []
    whole = re.compile(rf"(?<!\w){re.escape(literal)}(?!\w)", re.IGNORECASE)
    return [Span(*match.span()) for match in whole.finditer(text, *window)]


def _distance(place: int, span: Span) -> int:
    return abs(span.start - place)


class Same:
    """Text that is the same in both: gaps between sentences, and sentences that stay as they are."""

    def __init__(self, source: Span, target_start: int) -> None:
        self.source = source
        self.target = Span(target_start, target_start + source.end - source.start)

    def spread(self, ranges: Sequence[Span], literals: Sequence[str | None], window: Span) -> list[Span]:
        """See `Stretch.spread`: the same ranges."""
        del literals
        return [within(one.shifted(self.target.start - self.source.start), window) for one in ranges]

    def first(self, source: Span, window: Span) -> int:
        """See `Stretch.first`."""
        return within(Span(self.point(source.start, monotone=True), window.end), window).start

    def last(self, source: Span, window: Span) -> int:
        """See `Stretch.last`."""
        return within(Span(window.start, self.point(source.end, monotone=True)), window).end

    def point(self, at: int, *, monotone: bool) -> int:
        """See `Stretch.point`."""
        del monotone
        return at - self.source.start + self.target.start


class Proportional:
    """A sentence and a translation without an alignment: what stands a third of the way stays there.

    Words that both have once, such as names and numbers, are fixed; between them the way is shared out evenly.
    """

    def __init__(self, source: Span, source_text: str, target: Span, target_text: str) -> None:
        """``source_text`` and ``target_text`` are the whole block's."""
        self.source = source
        self.target = target
        self._text = target_text
        # A mark is no word to put markup over.
        words = [Span(*found.span()) for found in WORD.finditer(target_text, *target) if found[0][-1].isalnum()]
        self._starts = [word.start for word in words]
        self._ends = [word.end for word in words]
        inner = _knots(source, source_text, words, target_text)
        knots = [(source.start, target.start), *inner, (source.end, target.end)]
        self._sources = [knot[0] for knot in knots]
        self._targets = [knot[1] for knot in knots]

    def spread(self, ranges: Sequence[Span], literals: Sequence[str | None], window: Span) -> list[Span]:
        """See `Stretch.spread`: the ranges keep their order, and each has a word if there is one for it."""
        spans: list[Span] = []
        rest = window
        for one, literal in zip(ranges, literals, strict=True):
            start = self.first(one, rest)
            near = within(Span(start - _NEAR_CHARS, start + _NEAR_CHARS), rest)
            places = literal_spans(self._text, literal, near)
            other = Span(start, start if literal else self.last(one, rest))
            found = min(places, key=partial(_distance, start), default=other)
            spans.append(within(found, rest))
            rest = Span(spans[-1].end, rest.end)
        return spans

    def first(self, source: Span, window: Span) -> int:
        """See `Stretch.first`."""
        place = _nearest(self._starts, self._at(source.start), window)
        return within(Span(place, place), window).start

    def last(self, source: Span, window: Span) -> int:
        """See `Stretch.last`."""
        begins = self.first(source, window)
        ends = Span(bisect_right(self._ends, begins), bisect_right(self._ends, window.end))
        if ends.start >= ends.end:
            return begins
        if source.end >= self.source.end:
            return window.end
        return _nearest(self._ends, self._at(source.end), Span(self._ends[ends.start], window.end))

    def point(self, at: int, *, monotone: bool) -> int:
        """See `Stretch.point`."""
        del monotone
        if not self.source.start < at < self.source.end:
            return self.target.start if at <= self.source.start else self.target.end
        return _nearest(self._starts, self._at(at), self.target)

    def _at(self, place: int) -> int:
        """The place in the target that is as far on its way as ``place`` between the knots round it."""
        knot = min(max(bisect_right(self._sources, place), 1), len(self._sources) - 1)
        low, high = self._sources[knot - 1 : knot + 1]
        start, end = self._targets[knot - 1 : knot + 1]
        return end if high <= low else start + round((place - low) * (end - start) / (high - low))


def _nearest(places: Sequence[int], place: int, window: Span) -> int:
    """Of the sorted ``places`` in ``window``, ends included, the nearest; ``place`` itself where there is none."""
    low, high = bisect_left(places, window.start), bisect_right(places, window.end)
    at = bisect_left(places, place, low, high)
    near = places[max(at - 1, low) : min(at + 1, high)]
    return min(near, key=lambda other: abs(other - place), default=place)


def _knots(source: Span, source_text: str, words: Sequence[Span], target_text: str) -> Iterator[tuple[int, int]]:
    """(place in the source, in the target) of the ends of each word that both have once, where the order agrees."""
    places: dict[str, list[Span]] = {}
    for match in WORD.finditer(source_text, *source):
        places.setdefault(match[0], []).append(Span(*match.span()))
    there = Counter(word.of(target_text) for word in words)
    last = source.start
    for word in words:
        found = places.get(word.of(target_text), [])
        if len(found) == 1 and there[word.of(target_text)] == 1 and found[0].start >= last:
            yield found[0].start, word.start
            yield found[0].end, word.end
            last = found[0].end
