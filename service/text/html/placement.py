"""Placement of inline markup in the translation of a block."""

import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from service.domain import Span
from service.text.alignment import WORD
from service.text.html.document import Block
from service.text.normalization import is_invisible

_NEAR_CHARS = 500  # how far the search for a kept text extends before and after its proportional position


class Stretch(Protocol):
    """A span of a block's source text together with the corresponding span of the target text."""

    source: Span
    target: Span

    def spread(self, ranges: Sequence[Span], literals: Sequence[str | None], window: Span) -> list[Span]:
        """Return, for each source range, the target span for its markup. All target spans are within ``window``.

        ``ranges`` must be in order and must not overlap. If there is no space for a range, its target span is empty. If
        a range must not be translated, its text is in ``literals``. For all other ranges, ``literals`` contains None.
        The target span of a literal contains only words that very probably correspond to the literal, and is empty if
        there are none.
        """
        ...

    def first(self, source: Span, window: Span) -> int:
        """Return the start, in ``window``, of the target span for a source range that ends in a later stretch."""
        ...

    def last(self, source: Span, window: Span) -> int:
        """Return the end, in ``window``, of the target span for a source range that starts in an earlier stretch."""
        ...

    def point(self, at: int, *, monotone: bool) -> int:
        """Return the target position of markup that covers no text. ``at`` is the position of the markup in the source.

        If ``monotone`` is True, the target position is in proportion to the length of the text. Otherwise, the target
        position is next to the translation of the neighbouring word, if this translation is known.
        """
        ...


def within(span: Span, window: Span) -> Span:
    """Return the part of ``span`` that is inside ``window``.

    If ``span`` is outside ``window``, return an empty span at the nearer edge of ``window``.
    """
    start = min(max(span.start, window.start), window.end)
    return Span(start, max(start, min(span.end, window.end)))


def literal_spans(text: str, literal: str | None, window: Span) -> list[Span]:
    """Return the spans of ``text`` in ``window`` where ``literal`` occurs as whole words. Case is ignored.

    If ``literal`` is None or empty, there are no such spans.
    """
    if not literal:
        return []
    whole = re.compile(rf"(?<!\w){re.escape(literal)}(?!\w)", re.IGNORECASE)
    return [Span(*match.span()) for match in whole.finditer(text, *window)]


def _distance(place: int, span: Span) -> int:
    return abs(span.start - place)


class UnchangedStretch:
    """A stretch with equal source and target text: a gap between sentences, or an unchanged sentence."""

    def __init__(self, source: Span, target_start: int) -> None:
        self.source = source
        self.target = Span(target_start, target_start + source.end - source.start)

    def spread(self, ranges: Sequence[Span], literals: Sequence[str | None], window: Span) -> list[Span]:
        """Implement `Stretch.spread`. The target spans are the source ranges, shifted to the target."""
        del literals
        return [within(one.shifted(self.target.start - self.source.start), window) for one in ranges]

    def first(self, source: Span, window: Span) -> int:
        """Implement `Stretch.first`."""
        return within(Span(self.point(source.start, monotone=True), window.end), window).start

    def last(self, source: Span, window: Span) -> int:
        """Implement `Stretch.last`."""
        return within(Span(window.start, self.point(source.end, monotone=True)), window).end

    def point(self, at: int, *, monotone: bool) -> int:
        """Implement `Stretch.point`."""
        del monotone
        return at - self.source.start + self.target.start


class ProportionalStretch:
    """A sentence and its translation, without a word alignment.

    Positions are mapped in proportion to length. Words that occur exactly once in both texts, such as names and
    numbers, are fixed points if they have the same order in both. Positions between them are interpolated linearly.
    """

    def __init__(self, source: Span, source_text: str, target: Span, target_text: str) -> None:
        """Create a stretch for a sentence of a block.

        ``source_text`` and ``target_text`` are the texts of the whole block.
        """
        self.source = source
        self.target = target
        self._text = target_text
        # Markup never covers only a punctuation mark, so punctuation marks are left out.
        words = [Span(*found.span()) for found in WORD.finditer(target_text, *target) if found[0][-1].isalnum()]
        self._starts = [word.start for word in words]
        self._ends = [word.end for word in words]
        inner = _knots(source, source_text, words, target_text)
        knots = [(source.start, target.start), *inner, (source.end, target.end)]
        self._sources = [knot[0] for knot in knots]
        self._targets = [knot[1] for knot in knots]

    def spread(self, ranges: Sequence[Span], literals: Sequence[str | None], window: Span) -> list[Span]:
        """Implement `Stretch.spread`.

        The target spans have the same order as the ranges. Each range that may be translated gets at least one word, as
        long as there are words left.
        """
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
        """Implement `Stretch.first`."""
        place = _nearest(self._starts, self._at(source.start), window)
        return within(Span(place, place), window).start

    def last(self, source: Span, window: Span) -> int:
        """Implement `Stretch.last`."""
        begins = self.first(source, window)
        ends = Span(bisect_right(self._ends, begins), bisect_right(self._ends, window.end))
        if ends.start >= ends.end:
            return begins
        if source.end >= self.source.end:
            return window.end
        return _nearest(self._ends, self._at(source.end), Span(self._ends[ends.start], window.end))

    def point(self, at: int, *, monotone: bool) -> int:
        """Implement `Stretch.point`."""
        del monotone
        if not self.source.start < at < self.source.end:
            return self.target.start if at <= self.source.start else self.target.end
        return _nearest(self._starts, self._at(at), self.target)

    def _at(self, place: int) -> int:
        """Return the target position for ``place``, a source position.

        The target position is interpolated between the two nearest fixed points.
        """
        knot = min(max(bisect_right(self._sources, place), 1), len(self._sources) - 1)
        low, high = self._sources[knot - 1 : knot + 1]
        start, end = self._targets[knot - 1 : knot + 1]
        return end if high <= low else start + round((place - low) * (end - start) / (high - low))


def _nearest(places: Sequence[int], place: int, window: Span) -> int:
    """Return the offset in ``places`` that is nearest to ``place``. Only offsets within ``window`` are considered.

    If there are none, return ``place``. ``places`` must be sorted.
    """
    low, high = bisect_left(places, window.start), bisect_right(places, window.end)
    at = bisect_left(places, place, low, high)
    near = places[max(at - 1, low) : min(at + 1, high)]
    return min(near, key=lambda other: abs(other - place), default=place)


def _knots(source: Span, source_text: str, words: Sequence[Span], target_text: str) -> Iterator[tuple[int, int]]:
    """Yield (source position, target position) for both ends of each word that occurs exactly once in both texts.

    ``words`` are the spans of the words in ``target_text``. Words that would break the order of the source positions
    are skipped.
    """
    places: dict[str, list[Span]] = {}
    for match in WORD.finditer(source_text, *source):
        places.setdefault(match[0], []).append(Span(*match.span()))
    counts = Counter(word.of(target_text) for word in words)
    last = source.start
    for word in words:
        found = places.get(word.of(target_text), [])
        if len(found) == 1 and counts[word.of(target_text)] == 1 and found[0].start >= last:
            yield found[0].start, word.start
            yield found[0].end, word.end
            last = found[0].end


OUTSIDE = -1
"""The parent index of markup that is not inside an element."""


@dataclass(frozen=True, slots=True)
class Placement:
    """The target spans of a block's inline markup, and the target order of each element's children.

    ``spans`` has one entry for each entry of the block's ``inlines``. ``children`` maps the index of an element to the
    indices of its children in target order. The spans of an element's children do not overlap and lie within the span
    of the element. Tags that are written in this order are therefore properly nested.
    """

    spans: tuple[Span, ...]
    children: dict[int, tuple[int, ...]]


def place_inline(block: Block, stretches: Sequence[Stretch]) -> Placement:
    """Place the inline markup of a block in its translation.

    ``stretches`` must cover the source and target texts of the block, in order and without gaps.
    """
    return _InlinePlacer(block, stretches).placement()


class _InlinePlacer:
    def __init__(self, block: Block, stretches: Sequence[Stretch]) -> None:
        self._block = block
        self._stretches = stretches
        self._starts = [stretch.source.start for stretch in stretches]
        self._ranges = _visible_ranges(block)
        self._spans = [Span(0, 0)] * len(block.inlines)

    def placement(self) -> Placement:
        children: dict[int, list[int]] = {}
        for number, inline in enumerate(self._block.inlines):
            children.setdefault(inline.parent, []).append(number)
        ordered = {parent: tuple(self._place(parent, children[parent])) for parent in sorted(children)}
        return Placement(tuple(self._spans), ordered)

    def _place(self, parent: int, numbers: Sequence[int]) -> list[int]:
        """Place the children of an element that has already been placed, and return their indices in target order.

        ``parent`` is the index of the element, and ``numbers`` are the indices of its children.
        """
        whole = Span(0, self._stretches[-1].target.end)
        window = whole if parent == OUTSIDE else self._spans[parent]
        wide: list[int] = []
        points: list[int] = []
        for number in numbers:
            (wide if self._ranges[number].start < self._ranges[number].end else points).append(number)
        if parent != OUTSIDE and len(wide) == 1 and self._ranges[wide[0]] == self._ranges[parent]:
            self._spans[wide[0]] = window
        else:
            self._place_wide(wide, window)
        self._place_points(points, wide, window)
        return self._in_target_order(numbers, window)

    def _place_wide(self, numbers: Sequence[int], window: Span) -> None:
        """Place those children of an element that cover text. ``numbers`` are their indices.

        Children that extend over several stretches are placed first. The others are placed in the remaining space.
        ``window`` is the target span of the element.
        """
        rooms: dict[int, Span] = {}
        single: dict[int, list[int]] = {}
        for number in numbers:
            first, last = self._stretch(self._ranges[number].start), self._stretch(self._ranges[number].end - 1)
            for stretch in (first, last):
                rooms.setdefault(stretch, within(self._stretches[stretch].target, window))
            if first == last:
                single.setdefault(first, []).append(number)
                continue
            start = self._stretches[first].first(self._ranges[number], rooms[first])
            end = self._stretches[last].last(self._ranges[number], rooms[last])
            self._spans[number] = Span(start, end)
            rooms[first] = Span(rooms[first].start, start)
            rooms[last] = Span(end, rooms[last].end)
        for stretch, members in single.items():
            spans = self._stretches[stretch].spread(
                [self._ranges[number] for number in members], [self._literal(n) for n in members], rooms[stretch]
            )
            for number, span in zip(members, spans, strict=True):
                self._spans[number] = span

    def _place_points(self, numbers: Sequence[int], wide: Sequence[int], window: Span) -> None:
        """Place those children of an element that cover no text. ``numbers`` are their indices.

        ``wide`` contains the indices of the children that cover text. Markup without text is not placed inside these
        children, because it is outside them in the source.
        """
        occupied = sorted((self._spans[number], number) for number in wide)
        for number in numbers:
            inline = self._block.inlines[number]
            stretch = self._stretches[self._stretch_before(inline.text.start)]
            at = stretch.point(inline.text.start, monotone=inline.kind == "break")
            at = min(max(at, window.start), window.end)
            before = bisect_right(occupied, at, key=lambda one: one[0].start) - 1
            if before >= 0 and occupied[before][0].start < at < occupied[before][0].end:
                span, sibling = occupied[before]
                at = span.start if number < sibling else span.end
            self._spans[number] = Span(at, at)

    def _in_target_order(self, numbers: Sequence[int], window: Span) -> list[int]:
        """Return ``numbers``, the indices of an element's children, in the order of their target spans.

        The target spans are trimmed so that they lie within ``window`` and do not overlap.
        """
        order = sorted(numbers, key=lambda number: (*self._spans[number], number))
        room = window
        for number in order:
            self._spans[number] = within(self._spans[number], room)
            room = Span(self._spans[number].end, room.end)
        return order

    def _stretch(self, at: int) -> int:
        """Return the index of the stretch that contains the character at offset ``at``."""
        return bisect_right(self._starts, at) - 1

    def _stretch_before(self, at: int) -> int:
        """Return the index of the stretch that contains the character before offset ``at``.

        At the start of the text, return 0.
        """
        return max(self._stretch(at - 1), 0)

    def _literal(self, number: int) -> str | None:
        kept = self._block.inlines[number].kind == "kept"
        return self._ranges[number].of(self._block.text) if kept else None


def _visible_ranges(block: Block) -> list[Span]:
    """Return the source span of each piece of inline markup, without invisible characters at both ends.

    A span is empty if none of its characters is visible.
    """
    length = len(block.text)
    invisible = [one.isspace() or is_invisible(one) for one in block.text]
    following, preceding = list(range(length + 1)), list(range(length + 1))
    for at in range(length - 1, -1, -1):
        following[at] = following[at + 1] if invisible[at] else at
    for at in range(1, length + 1):
        preceding[at] = preceding[at - 1] if invisible[at - 1] else at
    starts = [following[inline.text.start] for inline in block.inlines]
    return [Span(s, max(s, preceding[inline.text.end])) for s, inline in zip(starts, block.inlines, strict=True)]
