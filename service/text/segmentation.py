"""Segmentation: paragraphs and sentences of a text, and the text put back from them."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from sentencex import get_sentence_boundaries

from service.domain import Span
from service.languages.de.boundaries import belongs_together, missing_boundaries
from service.languages.wordlists import phrases
from service.text.normalization import visible_span

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


_MIN_HEADLINE_WORDS = 4  # a brand such as "EuropaPark" alone is no headline
_MAX_HEADLINE_CHARS = 200


def glued_kicker_chars(line: str, known: Iterable[str] = ()) -> int:
    """How many code points of ``line`` are a kicker glued to what follows; 0 where there is none.

    Only kickers of the phrase lists and of ``known`` (the page's own breadcrumbs and topics) count, the longest first.
    """
    if len(line) > _MAX_HEADLINE_CHARS or len(line.split()) < _MIN_HEADLINE_WORDS:
        return 0
    candidates = (*phrases("acronyms"), *phrases("sections"), *known)
    if not line.startswith(candidates):  # as most lines do not
        return 0
    return max((len(c) for c in candidates if _is_glued(line, c)), default=0)


def _is_glued(line: str, kicker: str) -> bool:
    rest = line[len(kicker) : len(kicker) + 2]
    return line.startswith(kicker) and (rest[:1] in {"„", "»"} or (rest[:1].isupper() and rest[1:].islower()))


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


@dataclass(frozen=True, slots=True)
class Assembled:
    """A text made of gaps and outputs; ``spans`` says where each sentence's output lies, in order, in code points."""

    text: str
    spans: tuple[Span, ...]

    @property
    def blank(self) -> tuple[int, ...]:
        """The numbers of the sentences that have no output: the caller owes the reader a warning for each."""
        return tuple(number for number, span in enumerate(self.spans) if not span.of(self.text).strip())


def reassemble(segmentation: Segmentation, outputs: Sequence[str]) -> Assembled:
    """The segmentation's text with ``outputs[i]`` in the place of sentence ``i``, gaps verbatim.

    Raises:
        ValueError: there is not exactly one output a sentence.
    """
    parts: list[str] = []
    spans: list[Span] = []
    length = done = 0
    for sentence, output in zip(segmentation.sentences, outputs, strict=True):
        gap = segmentation.text[done : sentence.start]
        start = length + len(gap)
        length = start + len(output)
        parts += (gap, output)
        spans.append(Span(start, length))
        done = sentence.end
    parts.append(segmentation.text[done:])
    return Assembled("".join(parts), tuple(spans))
