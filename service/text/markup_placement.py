"""Where each piece of a block's inline markup goes in the block's translation."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from service.text.markup_block import Block
from service.text.markup_stretch import Stretch, within
from service.text.normalise import is_invisible
from service.types import Span

OUTSIDE = -1
"""The parent of what lies in no element."""


@dataclass(frozen=True, slots=True)
class Placement:
    """The range of the target for each of a block's inlines, and the order of those in each element.

    What lies in one element is disjoint and within the element's range, so that tags written in this order nest.
    """

    spans: tuple[Span, ...]
    children: dict[int, tuple[int, ...]]


def place(block: Block, stretches: Sequence[Stretch]) -> Placement:
    """Place a block's inlines; ``stretches`` cover its text and the target, in order and without gaps."""
    return _Placing(block, stretches).placement()


class _Placing:
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
        """Place what lies in one element, which has its own place already; return it in the order of the target."""
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
        return self._settled(numbers, window)

    def _place_wide(self, numbers: Sequence[int], window: Span) -> None:
        """Place what has a width: first what goes over several stretches, then the rest in what is left of each."""
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
        """Place what has no width, never within an element that it does not belong to."""
        taken = sorted((self._spans[number], number) for number in wide)
        for number in numbers:
            inline = self._block.inlines[number]
            stretch = self._stretches[self._stretch_before(inline.text.start)]
            at = stretch.point(inline.text.start, monotone=inline.kind == "break")
            at = min(max(at, window.start), window.end)
            before = bisect_right(taken, at, key=lambda one: one[0].start) - 1
            if before >= 0 and taken[before][0].start < at < taken[before][0].end:
                span, sibling = taken[before]
                at = span.start if number < sibling else span.end
            self._spans[number] = Span(at, at)

    def _settled(self, numbers: Sequence[int], window: Span) -> list[int]:
        """The order in the target; no span begins before the one in front of it ends."""
        order = sorted(numbers, key=lambda number: (*self._spans[number], number))
        room = window
        for number in order:
            self._spans[number] = within(self._spans[number], room)
            room = Span(self._spans[number].end, room.end)
        return order

    def _stretch(self, at: int) -> int:
        """The stretch that has the character ``at``."""
        return bisect_right(self._starts, at) - 1

    def _stretch_before(self, at: int) -> int:
        """The stretch in which, or at whose end, the place ``at`` lies."""
        return max(self._stretch(at - 1), 0)

    def _literal(self, number: int) -> str | None:
        kept = self._block.inlines[number].kind == "kept"
        return self._ranges[number].of(self._block.text) if kept else None


def _visible_ranges(block: Block) -> list[Span]:
    """The ranges of the inlines without what nobody sees at their ends; empty where there is nothing else."""
    length = len(block.text)
    unseen = [one.isspace() or is_invisible(one) for one in block.text]
    following, preceding = list(range(length + 1)), list(range(length + 1))
    for at in range(length - 1, -1, -1):
        following[at] = following[at + 1] if unseen[at] else at
    for at in range(1, length + 1):
        preceding[at] = preceding[at - 1] if unseen[at - 1] else at
    starts = [following[inline.text.start] for inline in block.inlines]
    return [Span(s, max(s, preceding[inline.text.end])) for s, inline in zip(starts, block.inlines, strict=True)]
