"""A parser that divides HTML and XML into blocks of text with inline markup."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Literal

from service.domain import Span
from service.text.html.tags import FOREIGN, HTML_RULES, TEXT_ATTRIBUTES, TagRules, Vocabulary, pieces, vocabulary
from service.text.html.tokens import Token, attributes, tokens

Role = Literal["boundary", "text", "open", "close", "point", "kept"]

_EDITOR_BLOCK = re.compile(r"<!--\s*/?wp:")
# A footnote number is not part of a word, but the "²" in "m²" is.
_FOOTNOTE = re.compile(r"\s*(?:<a\b|[\[(]?\d{1,3}[\])]?\s*</sup\s*></a|[\[(]\d)", re.IGNORECASE)


@dataclass(slots=True)
class Part:
    """A span of the HTML, and the role of this span.

    Between two parts with the role ``boundary``, parts with the roles ``open`` and ``close`` form properly nested
    pairs. A ``point`` contains no text: it is an element without content, a comment or an unpaired tag. A ``kept`` part
    is an inline element that is copied unchanged, with its content. If it is ``silent``, its words are not shown to the
    model. ``name`` is the name of the element. ``tag`` is set for a start tag whose attributes may be translated.
    """

    role: Role
    start: int
    end: int
    name: str = ""
    tag: Token | None = None
    silent: bool = False

    @property
    def span(self) -> Span:
        """The span of the part in the HTML."""
        return Span(self.start, self.end)


@dataclass(slots=True)
class _Open:
    name: str
    place: int  # the index of its start tag in the list of parts
    kept: bool
    holds_boundary: bool = False


class _Parts:
    """A builder for the list of parts of a document, with a stack of the elements that are open."""

    def __init__(self, html: str, words: Vocabulary) -> None:
        self.html = html
        self._words = words
        self.parts: list[Part] = []
        self._open: list[_Open] = []
        self._names: Counter[str] = Counter()

    def add(self, role: Role, token: Token, *, tag: bool = False) -> None:
        if role == "boundary" and self._open:
            self._open[-1].holds_boundary = True
        self.parts.append(Part(role, token.start, token.end, token.name, token if tag else None))

    def start(self, token: Token) -> None:
        block = token.name in self._words.blocks
        while self._open and self._open[-1].name in self._words.ended_by(token.name):
            self._pop(token.start, closed=False)
        kept = self._words.is_kept(self.html, token) or self._is_footnote(token)
        foreign_end = token.name in FOREIGN and self.html[token.end - 2] == "/"
        if foreign_end or self._words.is_void(self.html, token):
            self.add("boundary" if block else "kept" if foreign_end else "point", token, tag=not kept)
            return
        self.add("boundary" if block else "point", token, tag=not kept)
        self._open.append(_Open(token.name, len(self.parts) - 1, kept, block and kept))
        self._names[token.name] += 1

    def end(self, token: Token) -> None:
        if not self._names[token.name]:
            self.add("boundary" if token.name in self._words.blocks else "point", token)
            return
        while self._open[-1].name != token.name:
            self._pop(token.start, closed=False)
        self.add("boundary" if token.name in self._words.blocks else "point", token)
        self._pop(token.end, closed=True)

    def finish(self) -> list[Part]:
        while self._open:
            self._pop(len(self.html), closed=False)
        last = self.parts[-1] if self.parts else None
        if last is not None and (last.role == "kept" or (last.role == "point" and not last.name)):
            last.role = "boundary"  # it may be unfinished and would then hide the text after it
        return self.parts

    def _pop(self, end: int, *, closed: bool) -> None:
        """Close the innermost open element at the offset ``end``.

        ``closed`` is False if the element has no end tag. In this case, the role of its start tag does not change,
        unless the element is copied unchanged.
        """
        element = self._open.pop()
        self._names[element.name] -= 1
        if element.kept and element.name in FOREIGN:
            element.holds_boundary = False  # its children are not HTML elements, even if they share their names
        if element.holds_boundary and self._open:
            self._open[-1].holds_boundary = True
        opening = self.parts[element.place]
        if element.kept:
            role: Role = "boundary" if element.holds_boundary else "kept"
            silent = element.name == "sup" or self._words.is_silent(element.name)
            self.parts[element.place :] = [Part(role, opening.start, end, element.name, silent=silent)]
        elif closed and opening.role == "point":
            roles: tuple[Role, Role] = ("boundary", "boundary") if element.holds_boundary else ("open", "close")
            opening.role, self.parts[-1].role = roles

    def _is_footnote(self, token: Token) -> bool:
        return token.name == "sup" and _FOOTNOTE.match(self.html, token.end) is not None


def parts(html: str, words: Vocabulary | None = None) -> list[Part]:
    """Divide any string into parts, in order and without gaps.

    ``words`` contains the roles of tags. By default, these are the roles in HTML. An inline element that contains a
    block, such as a link around a whole teaser, is a boundary. The running time is linear in the length of the string.
    """
    words = words or vocabulary(html, HTML_RULES)
    found = _Parts(html, words)
    for token in tokens(html, xml=words.xml, raw_texts=words.html):
        if token.kind == "start":
            found.start(token)
        elif token.kind == "end":
            found.end(token)
        elif token.kind == "comment":
            found.add("boundary" if _EDITOR_BLOCK.match(html, token.start) else "point", token)
        else:
            found.add("text", token)
    return found.finish()


def runs(found: Iterable[Part]) -> Iterable[list[Part]]:
    """Yield the sequences of parts between the boundaries. Empty sequences are left out."""
    run: list[Part] = []
    for part in found:
        if part.role != "boundary":
            run.append(part)
        elif run:
            yield run
            run = []
    if run:
        yield run


def _with_links_apart(found: Iterable[Part]) -> Iterator[Part]:
    """Yield the parts ``found``, with an additional empty boundary between links that directly follow each other.

    Menus consist of such links, and each link is a separate text. Links inside another inline element are not
    separated, because an inline element must not contain a boundary.
    """
    depth, before = 0, ""
    for part in found:
        if part.role == "open" and part.name == before == "a" and depth == 0:
            yield Part("boundary", part.start, part.start)
        depth += (part.role == "open") - (part.role == "close")
        before = part.name if part.role == "close" else ""
        yield part


InlineKind = Literal["element", "kept", "point", "break"]

_SPACES = "\t\n\f\r "
_WORD = re.compile(r"[^\W_]")


@dataclass(frozen=True, slots=True)
class Inline:
    """A piece of inline markup in a block. ``text`` is the span of the block's text that the markup encloses.

    An ``element`` has a start tag (``opening``) and an end tag (``closing``). For the other kinds, ``opening`` is the
    whole markup, which is copied unchanged, and ``closing`` is None. Markup of the kind ``kept`` contains words that
    are not translated, as in ``code``. The model may see these words as context. Markup of the kinds ``point`` and
    ``break`` encloses no text, and a ``break`` is followed by a line break in the text. ``parent`` is the index of the
    enclosing element, or -1 if there is none.
    """

    kind: InlineKind
    text: Span
    opening: Span
    closing: Span | None
    parent: int


@dataclass(frozen=True)
class Block:
    """A text to translate. Its translation replaces ``source``, which is a span of the HTML.

    In ``text``, white space is collapsed and stripped, and character references are decoded. Character i of ``text``
    comes from the HTML between the offsets ``starts[i]`` and ``ends[i]``. ``inlines`` is sorted by start, with
    enclosing elements before the elements inside them. ``attribute`` is True if the text is the value of an attribute.
    """

    text: str
    source: Span
    starts: Sequence[int]
    ends: Sequence[int]
    inlines: tuple[Inline, ...] = ()
    attribute: bool = False

    @cached_property
    def kept(self) -> tuple[Span, ...]:
        """The spans of ``text`` that must not be translated, in order."""
        kept = (inline.text for inline in self.inlines if inline.kind == "kept")
        return tuple(span for span in kept if span.start < span.end)

    def in_html(self, span: Span) -> Span:
        """Convert a non-empty span of ``text`` to the corresponding span of the HTML."""
        return Span(self.starts[span.start], self.ends[span.end - 1])


class _Text:
    """A builder for the text of a block. It records the HTML offsets of each character."""

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
            # If a reference decodes to several characters, the first one gets the whole span of the reference.
            self.starts += range(start, end) if kind == "plain" else (start, *[end] * (len(text) - 1))[: len(text)]
            self.ends += range(start + 1, end + 1) if kind == "plain" else [end] * len(text)

    def add_break(self, end: int) -> None:
        self.characters.append("\n")
        self.starts.append(end)
        self.ends.append(end)

    def _add_space(self, start: int, end: int) -> None:
        last = self.characters[-1] if self.characters else " "
        if last == "\n" and self.ends[-1] == start:
            self.ends[-1] = end  # the line break in the source that follows <br>
        elif last not in " \n":
            self.characters.append(" ")
            self.starts.append(start)
            self.ends.append(end)

    def finished(self) -> str:
        """Remove trailing white space, and return the text."""
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
    """Return the block for ``run``, the parts between two boundaries, or None if they contain no text to translate."""
    text = _Text(html)
    marks = _marks(run, text)
    content = text.finished()
    inlines = tuple(_inline(mark, len(content)) for mark in marks)
    found = Block(content, _without_spaces(html, run), text.starts, text.ends, inlines)
    return found if any(_WORD.search(content, *gap) for gap in _between(found.kept, len(content))) else None


def attribute_block(html: str, value: Span) -> Block | None:
    """Return the block for an attribute value, or None if the value contains no text to translate.

    ``value`` is the span of the value, including its quotation marks if it has any.
    """
    text = _Text(html)
    text.add(Span(value.start + 1, value.end - 1) if html[value.start] in "\"'" else value)
    content = text.finished()
    return Block(content, value, text.starts, text.ends, attribute=True) if _WORD.search(content) else None


def _marks(run: Sequence[Part], text: _Text) -> list[_Mark]:
    """Append the text of the parts ``run`` to ``text``, and return the inline markup among these parts."""
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
    """Append the words of a kept part to ``text``, unless the part is silent."""
    if not part.silent:
        for token in tokens(part.span.of(text.html)):
            if token.kind == "text":
                text.add(token.span.shifted(part.start))


def _inline(mark: _Mark, length: int) -> Inline:
    span = Span(min(mark.start, length), min(mark.end, length))
    return Inline(mark.kind, span, mark.opening, mark.closing, mark.parent)


def _without_spaces(html: str, run: Sequence[Part]) -> Span:
    """Return the span of the parts ``run`` without the white space at its ends, which is not part of the block."""
    start, end = run[0].start, run[-1].end
    if run[0].role == "text":
        start = run[0].end - len(run[0].span.of(html).lstrip(_SPACES))
    if run[-1].role == "text":
        end = run[-1].start + len(run[-1].span.of(html).rstrip(_SPACES))
    return Span(start, max(start, end))


def _between(kept: Sequence[Span], length: int) -> Iterator[Span]:
    edges = [0, *(edge for span in kept for edge in span), length]
    return (Span(start, end) for start, end in list(pairwise(edges))[::2])


@dataclass(frozen=True, slots=True)
class Document:
    """An HTML document and its blocks, sorted by start. The block of an attribute may be inside another block."""

    html: str
    blocks: tuple[Block, ...]


def parse(html: str, *, attribute_texts: bool = False, rules: TagRules = HTML_RULES) -> Document:
    """Return the document for any string of HTML or XML, with all blocks of text that it contains.

    If ``attribute_texts`` is True, the values of the attributes ``title`` and ``alt`` are blocks too, except in
    elements that are copied unchanged. ``rules`` contains the caller's rules for tags. They also state whether the
    string is HTML or XML. The running time is linear in the length of the string.
    """
    found = parts(html, vocabulary(html, rules))
    blocks = [one for run in runs(_with_links_apart(found)) if (one := block(html, run)) is not None]
    if attribute_texts:
        blocks += _attribute_blocks(html, found)
        blocks.sort(key=lambda one: (one.source.start, one.attribute))
    return Document(html, tuple(blocks))


def _attribute_blocks(html: str, found: Sequence[Part]) -> Iterator[Block]:
    for part in found:
        if part.tag is None:
            continue
        seen: set[str] = set()
        for name, value in attributes(html, part.tag):
            if name in TEXT_ATTRIBUTES - seen and value is not None:
                seen.add(name)
                one = attribute_block(html, value)
                if one is not None:
                    yield one
