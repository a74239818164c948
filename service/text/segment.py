"""Cuts a text into sentences without loss: spans over the original, and the gaps between them."""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from sentencex import get_sentence_boundaries

from service.text.german import belongs_together, missing_boundaries
from service.text.kicker import glued_kicker_chars
from service.text.normalise import visible_span
from service.text.paragraphs import paragraphs
from service.types import Span

_WINDOW_CHARS = 4_000  # sentencex is quadratic in unclosed quotation marks: it never sees more at once
_LONG_SPEECH_CHARS = 200  # direct speech of several sentences stays whole up to here
_SURROGATE = re.compile(r"[\ud800-\udfff]")  # sentencex takes UTF-8, which has none
_QUOTED = re.compile(r"„[^„“”\"]{0,1000}[“”\"]|»[^»«]{0,1000}«|[‚‘›‹]")
_SINGLE_QUOTES = str.maketrans("‚‘›‹", "„“»«")
_MASKED_QUOTES = str.maketrans(dict.fromkeys('„“”"»«‚‘›‹', "_"))
_CUT_PATTERNS = (
    re.compile(r"[;:](?=\s)|\s[–—-](?=\s)"),
    re.compile(
        r",(?=\s+(?:und|oder|aber|sondern|denn|doch|dass|weil|wenn|obwohl|während|nachdem|bevor|damit|als|ob)\b)"
    ),
    re.compile(r",(?=\s)"),
    re.compile(r"(?=\s)"),
)
_CAPITAL_NEXT = re.compile(r"\s*[„»‚›]?[A-ZÄÖÜ0-9]")


@dataclass(frozen=True, slots=True)
class Segmentation:
    """A text and where its sentences and paragraphs lie; both in order, without overlap.

    Every sentence lies within one paragraph and has something that a model can see at both ends; whatever lies between
    sentences is a gap. Offsets count code points.
    """

    text: str
    sentences: tuple[Span, ...]
    paragraphs: tuple[Span, ...]


def segment(text: str) -> Segmentation:
    """The sentences and paragraphs of ``text``; any string will do. Time grows in step with the length."""
    bounds = paragraphs(text)
    sentences = tuple(sentence for bound in bounds for sentence in _sentences(text, bound))
    return Segmentation(text, sentences, bounds)


def split_long(text: str, span: Span) -> tuple[Span, Span] | None:
    """The two halves of an over-long sentence, cut at the best place near its middle; None under two code points.

    Best are semicolon, colon and dash, then a comma before a conjunction, any comma, white space; else it is cut
    between any two code points, before no combining mark where that can be had. White space at the cut belongs to
    neither half.
    """
    whole = visible_span(text, span)
    for cut in _cuts(text, whole):
        halves = (visible_span(text, Span(whole.start, cut)), visible_span(text, Span(cut, whole.end)))
        if all(half.start < half.end for half in halves):
            return halves
    return None


def _sentences(text: str, bound: Span) -> Iterator[Span]:
    """The sentences of one paragraph; none where a model would see nothing."""
    paragraph = bound.of(text)
    start = 0
    for end in (*_boundaries(paragraph), len(paragraph)):
        sentence = visible_span(paragraph, Span(start, end))
        start = end
        if sentence.start < sentence.end:
            yield sentence.shifted(bound.start)


def _boundaries(paragraph: str) -> list[int]:
    """Where sentences begin within a paragraph, the first one left out."""
    prepared = _prepared(paragraph)
    accepted = _accepted(paragraph, {*_found(prepared), *missing_boundaries(paragraph), glued_kicker_chars(paragraph)})
    if len(paragraph) > _LONG_SPEECH_CHARS:
        accepted = _with_speech_cut(paragraph, accepted)
    return accepted


def _prepared(paragraph: str) -> str:
    """The paragraph, as long as before, with quotation marks in pairs that sentencex knows."""
    return _QUOTED.sub(_as_double_quotes, _SURROGATE.sub("\ufffd", paragraph))


def _as_double_quotes(match: re.Match[str]) -> str:
    """Of „…" the proper pair, of a single quotation mark outside double ones the double one."""
    found = match[0]
    return f"{found[:-1]}“" if found.endswith('"') else found.translate(_SINGLE_QUOTES) if len(found) == 1 else found


def _found(paragraph: str) -> Iterator[int]:
    """What sentencex finds, window by window; the last sentence of a window is begun again with the next."""
    start = 0
    while start < len(paragraph):
        window = paragraph[start : start + _WINDOW_CHARS]
        ends = [int(found["end_index"]) for found in get_sentence_boundaries("de", window)]
        inner = [end for end in ends if 0 < end < len(window)]
        yield from (start + end for end in inner)
        if start + len(window) >= len(paragraph):
            return
        start += inner[-1] if inner else len(window)


def _accepted(paragraph: str, candidates: Iterable[int]) -> list[int]:
    """The candidates that the German layer leaves; a piece without letters or digits goes with what precedes it."""
    inner = sorted(edge for edge in set(candidates) if 0 < edge < len(paragraph))
    edges = [0, *inner, len(paragraph)]
    worded = [_has_words(paragraph, *piece) for piece in pairwise(edges)]
    accepted: list[int] = []
    start, complete = 0, worded[0]
    for edge, has_words in zip(inner, worded[1:], strict=True):
        if complete and has_words and not belongs_together(paragraph, start, edge):
            accepted.append(edge)
            start = edge
        complete = complete or has_words
    return accepted


def _has_words(text: str, start: int, end: int) -> bool:
    return any(text[index].isalnum() for index in range(start, end))


def _with_speech_cut(paragraph: str, accepted: list[int]) -> list[int]:
    """``accepted``, and the boundaries inside quotations where a sentence would be very long without them."""
    masked = _SURROGATE.sub("\ufffd", paragraph).translate(_MASKED_QUOTES)
    extra: list[int] = []
    for start, end in pairwise([0, *accepted, len(paragraph)]):
        if end - start > _LONG_SPEECH_CHARS:
            found = (start + edge for edge in _found(masked[start:end]))
            extra.extend(edge for edge in found if _CAPITAL_NEXT.match(paragraph, edge))
    return _accepted(paragraph, [*accepted, *extra]) if extra else accepted


def _cuts(text: str, span: Span) -> Iterator[int]:
    """Places to cut, the best first: for each kind of place the one nearest to the middle of the span."""
    middle = (span.start + span.end) // 2
    margin = (span.end - span.start) // 5
    for pattern in _CUT_PATTERNS:
        cuts = (match.end() for match in pattern.finditer(text, span.start + margin, span.end - margin))
        nearest = min(cuts, key=lambda cut: abs(cut - middle), default=None)
        if nearest is not None:
            yield nearest
    yield next((i for i in range(middle, span.end) if unicodedata.combining(text[i]) == 0), middle)
    yield from range(span.start + 1, span.end)
