"""A block: a text to translate, and the inline markup over it."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Literal

from service.text.markup_parts import Part
from service.text.markup_references import pieces
from service.text.markup_tokens import tokens
from service.types import Span

InlineKind = Literal["element", "kept", "point", "break"]

_SPACES = "\t\n\f\r "
_WORD = re.compile(r"[^\W_]")


@dataclass(frozen=True, slots=True)
class Inline:
    """Inline markup over a block's text.

    An ``element`` has a start tag (``opening``) and an end tag (``closing``); anything else is copied whole from
    ``opening``. ``kept`` lies over words that the model may see but that are not translated (``translate="no"``,
    ``code``); a ``point`` has no width; a ``break`` neither, and the block's text has a line end after it.
    ``parent`` is the number of the element round it, -1 for none.
    """

    kind: InlineKind
    text: Span
    opening: Span
    closing: Span | None
    parent: int


@dataclass(frozen=True)
class Block:
    """A text to translate: ``source`` is the range of the HTML that its translation takes the place of.

    White space of the source is collapsed in ``text`` and stripped at its ends, references are decoded. Character i
    stands at ``starts[i]`` to ``ends[i]`` in the HTML. ``inlines`` are in the order of their start, parents first.
    """

    text: str
    source: Span
    starts: Sequence[int]
    ends: Sequence[int]
    inlines: tuple[Inline, ...] = ()
    attribute: bool = False

    @cached_property
    def kept(self) -> tuple[Span, ...]:
        """The ranges of ``text`` that are not translated, in order."""
        kept = (inline.text for inline in self.inlines if inline.kind == "kept")
        return tuple(span for span in kept if span.start < span.end)

    def in_html(self, span: Span) -> Span:
        """The range of the HTML from the first to the last character of a range of ``text`` that is not empty."""
        return Span(self.starts[span.start], self.ends[span.end - 1])


class _Text:
    """A block's text while it grows, with the place of each character."""

    def __init__(self, html: str) -> None:
        self.html = html
        self.characters: list[str] = []
        self.starts: list[int] = []
        self.ends: list[int] = []

    def __len__(self) -> int:
        return len(self.characters)

    def add(self, span: Span) -> None:
        for kind, text, (start, end) in pieces(self.html, span):
            if kind == "space":
                self._add_space(start, end)
                continue
            self.characters += text
            # Of a reference for several characters the first stands for its whole range.
            self.starts += range(start, end) if kind == "plain" else (start, *[end] * (len(text) - 1))[: len(text)]
            self.ends += range(start + 1, end + 1) if kind == "plain" else [end] * len(text)

    def add_break(self, end: int) -> None:
        self.characters.append("\n")
        self.starts.append(end)
        self.ends.append(end)

    def _add_space(self, start: int, end: int) -> None:
        last = self.characters[-1] if self.characters else " "
        if last == "\n" and self.ends[-1] == start:
            self.ends[-1] = end  # the source's own line end after <br>
        elif last not in " \n":
            self.characters.append(" ")
            self.starts.append(start)
            self.ends.append(end)

    def finished(self) -> str:
        """The text without white space at its end."""
        while self.characters and self.characters[-1] in " \n":
            self.characters.pop()
        del self.starts[len(self) :], self.ends[len(self) :]
        return "".join(self.characters)


@dataclass(slots=True)
class _Mark:
    kind: InlineKind
    start: int
    end: int
    opening: Span
    parent: int
    closing: Span | None = None


def block(html: str, run: Sequence[Part]) -> Block | None:
    """The block of parts between two boundaries; None where they have nothing to translate."""
    text = _Text(html)
    marks = _marks(run, text)
    content = text.finished()
    inlines = tuple(_inline(mark, len(content)) for mark in marks)
    found = Block(content, _without_spaces(html, run), text.starts, text.ends, inlines)
    return found if any(_WORD.search(content, *gap) for gap in _between(found.kept, len(content))) else None


def attribute_block(html: str, value: Span) -> Block | None:
    """The block of an attribute's value, its quotation marks included; None where there is nothing to translate."""
    text = _Text(html)
    text.add(Span(value.start + 1, value.end - 1) if html[value.start] in "\"'" else value)
    content = text.finished()
    return Block(content, value, text.starts, text.ends, attribute=True) if _WORD.search(content) else None


def _marks(run: Sequence[Part], text: _Text) -> list[_Mark]:
    """The inline markup of a run, whose text is written to ``text`` on the way."""
    marks: list[_Mark] = []
    opened = [-1]
    for part in run:
        if part.role == "text":
            text.add(part.span)
        elif part.role == "close":
            mark = marks[opened.pop()]
            mark.end, mark.closing = len(text), part.span
        else:
            mark = _Mark(_kind(part), len(text), len(text), part.span, opened[-1])
            marks.append(mark)
            if mark.kind == "element":
                opened.append(len(marks) - 1)
            elif mark.kind == "break":
                text.add_break(part.end)
            elif mark.kind == "kept":
                _add_words(text, part)
                mark.end = len(text)
    return marks


def _kind(part: Part) -> InlineKind:
    if part.role == "open":
        return "element"
    if part.role == "kept":
        return "kept"
    return "break" if part.name == "br" else "point"


def _add_words(text: _Text, part: Part) -> None:
    """Let the model see the words of what is kept, where it has any."""
    if not part.silent:
        for token in tokens(part.span.of(text.html)):
            if token.kind == "text":
                text.add(token.span.shifted(part.start))


def _inline(mark: _Mark, length: int) -> Inline:
    span = Span(min(mark.start, length), min(mark.end, length))
    return Inline(mark.kind, span, mark.opening, mark.closing, mark.parent)


def _without_spaces(html: str, run: Sequence[Part]) -> Span:
    """The range of a run without the white space round it, which is no part of the block."""
    start, end = run[0].start, run[-1].end
    if run[0].role == "text":
        start = run[0].end - len(run[0].span.of(html).lstrip(_SPACES))
    if run[-1].role == "text":
        end = run[-1].start + len(run[-1].span.of(html).rstrip(_SPACES))
    return Span(start, max(start, end))


def _between(kept: Sequence[Span], length: int) -> Iterator[Span]:
    edges = [0, *(edge for span in kept for edge in span), length]
    return (Span(start, end) for start, end in list(pairwise(edges))[::2])
