"""The lines of a pasted page, and what their mere form says: running text, headline or neither."""

import re
from dataclasses import dataclass, field

from service.text.paragraphs import paragraphs
from service.types import Span

SURE_WORDS = 12  # a sentence of that many words is never furniture by its form
_SHORT_SENTENCE_WORDS = 5
_HEADLINE_WORDS = range(3, 26)
_HEADLINE_CHARS = 180
_KICKER_WORDS = 4
_CLOSED = re.compile(r"[.!?…:][“”\"»«’‘)\]]*$")
_STOPPED = re.compile(r"[.…][“”\"»«’‘)\]]*$")
_INNER_END = re.compile(r"[a-zäöüß]{2}[.!?][“”\"»«)]?\s+[„»\"(]?[A-ZÄÖÜ]")
_VERB = re.compile(
    r"\b(?:ist|sind|war|waren|wird|werden|wurden?|hat|haben|hatten?|kann|können|konnten?|soll|sollen|sollten?|will|wollen|"
    r"wollten?|muss|müssen|mussten?|darf|dürfen|habe|sei|seien|wäre|wären|würden?|sagten?|gibt|gab|geht|ging|kommt|kam|"
    r"steht|stand|liegt|lag|bleibt|blieb|macht|machte|[a-zäöüß]{3,}(?:te|ten))\b"
)


@dataclass(slots=True)
class Line:
    """One line (or wrapped paragraph) of a page and what became of it.

    ``reason`` says why it is taken off, ``doubt`` why it is kept although it may be furniture; ``part`` is headline,
    kicker, lead or body. ``after_blank`` is true where a blank line stands before it.
    """

    text: str
    span: Span
    after_blank: bool
    reason: str | None = None
    doubt: str | None = None
    part: str = "body"
    running: bool = field(init=False)

    def __post_init__(self) -> None:
        self.running = is_running(self.text)

    @property
    def kept(self) -> bool:
        return self.reason is None

    def cut(self, chars: int) -> "tuple[Line, Line]":
        """The line's first ``chars`` code points and the rest, as lines of their own, stripped."""
        head, tail = self.text[:chars].rstrip(), self.text[chars:].lstrip()
        first = Line(head, Span(self.span.start, self.span.start + len(head)), self.after_blank)
        return first, Line(tail, Span(self.span.end - len(tail), self.span.end), after_blank=False)


def read_lines(text: str) -> list[Line]:
    """The paragraphs of ``text`` as lines, in order; everything between them is white space."""
    lines: list[Line] = []
    previous = 0
    for span in paragraphs(text):
        breaks = text[previous : span.start].replace("\r\n", "\n")
        lines.append(Line(span.of(text), span, after_blank=len(breaks.splitlines()) > 1 or not lines))
        previous = span.end
    return lines


def is_running(text: str) -> bool:
    """Whether a line reads as running text: a long sentence, or a short one that is closed by a full stop."""
    words = len(text.split())
    if words >= SURE_WORDS:
        return bool(_CLOSED.search(text[-8:]) or _INNER_END.search(text) or _VERB.search(text))
    return words >= _SHORT_SENTENCE_WORDS and is_stopped(text)


def is_stopped(text: str) -> bool:
    """Whether a full stop or an ellipsis closes the line."""
    return _STOPPED.search(text[-8:]) is not None


def is_headline_like(text: str) -> bool:
    """Whether a line can be a headline: some words, on one line, not closed by a full stop or colon."""
    words = [word for word in text.split() if any(map(str.isalnum, word))]
    if len(text) > _HEADLINE_CHARS or len(words) not in _HEADLINE_WORDS:
        return False
    return not is_stopped(text) and not text.endswith(":")


def is_kicker_like(text: str) -> bool:
    """Whether a line can be a kicker: a few words above a headline."""
    return len(text.split()) <= _KICKER_WORDS and not is_stopped(text) and any(c.isalpha() for c in text)
