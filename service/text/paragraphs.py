"""Cuts a text into paragraphs: blank lines always bound, single line ends unless the line was only wrapped."""

import re
from itertools import pairwise

from service.types import Span

_LINE = re.compile(r"[^\n\r\x0b\x0c\x85\u2028\u2029]+")
_SINGLE_BREAKS = frozenset({"\n", "\r\n", "\r", "\x0b", "\x85", "\u2028"})
_MIN_WRAP_CHARS = 40  # shorter lines are headings, list items or verses
_MAX_WRAP_CHARS = 120  # nobody wraps wider than this; longer lines are whole paragraphs
_FILLED_SHARE = 0.6
_EVIDENCE_SHARE = 1 / 3
_LIST_ITEM = re.compile(r"[-*•–—·▪▶►■]\s")
_DOMAIN = re.compile(r"[\w-]{2,}\.[a-z]{2,}\b")  # an advertiser's address, as links below each other show it
_SENTENCE_END = re.compile(r"[.!?…:][“”\"»«’‘)\]]*$")
_UNFINISHED = re.compile(r"(?:\b(?:\d{1,2}|Dr|Prof|Nr|Abs|Art|St|bzw|ca|vgl|[a-zA-Z])\.|[,;-])$")
_OPEN_WORD = re.compile(
    r"(?:^|\s)(?:der|die|das|de[nms]|eine?[nmrs]?|und|oder|mit|von|vom|zu[mr]?|in|im|an|am|auf|aus|"
    r"bei|beim|für|gegen|nach|über|um|unter|vor|durch|als|wie|dass|sich|seine?[nmrs]?|ihre?[nmrs]?)$"
)


def paragraphs(text: str) -> tuple[Span, ...]:
    """The paragraphs as spans of ``text`` without surrounding white space, in order; everything else is white space."""
    found: list[Span] = []
    for block in _blocks(text):
        found.extend(_joined(text, block))
    return tuple(found)


def stripped(text: str, span: Span) -> Span:
    """``span`` without white space at its ends; empty, at its start, where nothing is left."""
    part = span.of(text)
    kept = part.strip()
    if not kept:
        return Span(span.start, span.start)
    start = span.start + len(part) - len(part.lstrip())
    return Span(start, start + len(kept))


def _blocks(text: str) -> list[list[Span]]:
    """Runs of lines that only single line ends part."""
    blocks: list[list[Span]] = []
    previous_end: int | None = None
    for match in _LINE.finditer(text):
        line = stripped(text, Span(*match.span()))
        if line.start == line.end:
            previous_end = None
            continue
        adjacent = previous_end is not None and text[previous_end : match.start()] in _SINGLE_BREAKS
        if adjacent:
            blocks[-1].append(line)
        else:
            blocks.append([line])
        previous_end = match.end()
    return blocks


def _joined(text: str, block: list[Span]) -> list[Span]:
    """The block's lines, with those put together that were one line before something wrapped it."""
    if len(block) == 1:
        return block
    lines = [span.of(text) for span in block]
    width = max(map(len, lines))
    wrapped = _is_wrapped(lines, width)
    result = [block[0]]
    for span, (line, following) in zip(block[1:], pairwise(lines), strict=True):
        if _continues(line, following) or (wrapped and _wraps(line, following, width)):
            result[-1] = Span(result[-1].start, span.end)
        else:
            result.append(span)
    return result


def _is_wrapped(lines: list[str], width: int) -> bool:
    """Whether a block looks like prose that was wrapped at a column: lines full, and broken in mid-sentence."""
    if not _MIN_WRAP_CHARS <= width <= _MAX_WRAP_CHARS:
        return False
    joints = list(pairwise(lines))
    filled = sum(1 for line, following in joints if _is_filled(line, following, width))
    evidence = sum(
        1 for line, following in joints if following[0].islower() or _UNFINISHED.search(line) or _is_open(line)
    )
    return filled >= _FILLED_SHARE * len(joints) and evidence >= _EVIDENCE_SHARE * len(joints)


def _is_filled(line: str, following: str, width: int) -> bool:
    return len(line) + 1 + len(following.split(maxsplit=1)[0]) > width


def _is_open(line: str) -> bool:
    return _OPEN_WORD.search(line[-20:]) is not None


def _ends_sentence(line: str) -> bool:
    end = line[-12:]
    return _SENTENCE_END.search(end) is not None and _UNFINISHED.search(end) is None


def _wraps(line: str, following: str, width: int) -> bool:
    own_line = _LIST_ITEM.match(following) or _DOMAIN.match(following)
    return _is_filled(line, following, width) and not _ends_sentence(line) and own_line is None


def _continues(line: str, following: str) -> bool:
    """A line of any width that stops in mid-sentence, as a page's own line breaks leave it."""
    if len(line) < _MIN_WRAP_CHARS or _ends_sentence(line) or not following[0].islower():
        return False
    return _DOMAIN.match(following) is None
