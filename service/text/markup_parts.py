"""Tells what each piece of HTML is to a translation: a boundary, text, inline markup, or something to keep whole."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from service.text.markup_elements import FOREIGN
from service.text.markup_tokens import Token, tokens
from service.text.markup_vocabulary import HTML_RULES, Vocabulary, vocabulary
from service.types import Span

Role = Literal["boundary", "text", "open", "close", "point", "kept"]

_EDITOR_BLOCK = re.compile(r"<!--\s*/?wp:")
# A reference to a footnote is no part of a word; "m²" and "CO₂" are.
_FOOTNOTE = re.compile(r"\s*(?:<a\b|[\[(]?\d{1,3}[\])]?\s*</sup\s*></a|[\[(]\d)", re.IGNORECASE)


@dataclass(slots=True)
class Part:
    """A range of the HTML and its role.

    ``open`` and ``close`` come in pairs, properly nested, between two boundaries. A ``point`` has no text: void
    elements, comments, tags without a partner. ``kept`` is an element that stays as it is within a sentence, and
    ``silent`` where the model should see nothing of it. ``tag`` is the start tag whose attributes may have texts to
    translate.
    """

    role: Role
    start: int
    end: int
    name: str = ""
    tag: Token | None = None
    silent: bool = False

    @property
    def span(self) -> Span:
        """The part's range in the HTML."""
        return Span(self.start, self.end)


@dataclass(slots=True)
class _Open:
    name: str
    place: int  # of its start tag among the parts
    kept: bool
    holds_boundary: bool = False


class _Parts:
    """The parts so far, and the elements that are open."""

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
            last.role = "boundary"  # it may be open, and would swallow what came behind it
        return self.parts

    def _pop(self, end: int, *, closed: bool) -> None:
        """Close the innermost element at ``end``; a start tag without an end tag is left as a point."""
        element = self._open.pop()
        self._names[element.name] -= 1
        if element.kept and element.name in FOREIGN:
            element.holds_boundary = False  # its elements only have the names of HTML's
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
    """The parts of any string, in order and without gaps; linear in its length. Without ``words`` it is HTML.

    Inline elements that hold blocks are boundaries themselves: a link round a whole teaser, say.
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
    """The stretches of parts between boundaries, none of them empty."""
    run: list[Part] = []
    for part in found:
        if part.role != "boundary":
            run.append(part)
        elif run:
            yield run
            run = []
    if run:
        yield run
