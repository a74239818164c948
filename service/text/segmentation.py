"""Division of a text into paragraphs and sentences, and reassembly of the text from translated sentences."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise

from sentencex import get_sentence_boundaries

from service.domain import Span
from service.errors import InvalidInput
from service.languages.base import Language, SentenceGrammar
from service.text.normalization import mask_credentials, visible_span

_LINE = re.compile(r"[^\n\r\x0b\x0c\x85\u2028\u2029]+")
_SINGLE_BREAKS = frozenset({"\n", "\r\n", "\r", "\x0b", "\x85", "\u2028"})
_MIN_WRAP_CHARS = 40  # shorter lines are headings, list items or verses
_MAX_WRAP_CHARS = 120  # longer lines are whole paragraphs
_FILLED_SHARE = 0.6
_EVIDENCE_SHARE = 1 / 3
_LIST_ITEM = re.compile(r"[-*•–—·▪▶►■]\s")
_DOMAIN = re.compile(r"[\w-]{2,}\.[a-z]{2,}\b")  # an advertiser's address in a list of links
_SENTENCE_END = re.compile(r"[.!?…:][“”\"»«’‘)\]]*$")


MAX_SENTENCES = 10_000
"""The maximum number of sentences in a request."""


def require_sentences(count: int) -> None:
    """Raise `InvalidInput` if ``count``, the number of sentences in a request, is greater than `MAX_SENTENCES`."""
    if count > MAX_SENTENCES:
        detail = f"the texts of a request may have {MAX_SENTENCES:,} sentences in total; send them in several requests"
        raise InvalidInput("too_many_sentences", detail, limit=MAX_SENTENCES)


def paragraphs(text: str, language: Language) -> tuple[Span, ...]:
    """Return the spans of the paragraphs in ``text``, in order. Text outside these spans is white space."""
    found: list[Span] = []
    for block in _blocks(text):
        found.extend(_joined(text, block, language.sentences))
    return tuple(found)


def strip_span(text: str, span: Span) -> Span:
    """Return ``span`` without the white space at both ends.

    If the span contains only white space, return an empty span at its start.
    """
    part = span.of(text)
    kept = part.strip()
    if not kept:
        return Span(span.start, span.start)
    start = span.start + len(part) - len(part.lstrip())
    return Span(start, start + len(kept))


def _blocks(text: str) -> list[list[Span]]:
    """Group the lines of ``text`` into blocks. Between the lines of a block, there are only single line breaks."""
    blocks: list[list[Span]] = []
    previous_end: int | None = None
    for match in _LINE.finditer(text):
        line = strip_span(text, Span(*match.span()))
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


def _joined(text: str, block: list[Span], grammar: SentenceGrammar) -> list[Span]:
    """Return the paragraphs of a block of lines.

    A line that continues the sentence or the wrapped paragraph of the previous line is joined to that line. A line that
    contains only a colon is joined to the lines above and below it.
    """
    if len(block) == 1:
        return block
    lines = [span.of(text) for span in block]
    width = max(map(len, lines))
    wrapped = _is_wrapped(lines, width, grammar)
    result = [block[0]]
    for span, (line, following) in zip(block[1:], pairwise(lines), strict=True):
        if (
            ":" in {line, following}
            or _continues(line, following, grammar)
            or (wrapped and _wraps(line, following, width, grammar))
        ):
            result[-1] = Span(result[-1].start, span.end)
        else:
            result.append(span)
    return result


def _is_wrapped(lines: list[str], width: int, grammar: SentenceGrammar) -> bool:
    """Return whether the lines look like prose that is wrapped at ``width`` characters, the length of the longest line.

    In wrapped prose, the width is 40 to 120 characters. Of all lines but the last, at least 60% are full, and at least
    a third seem to end in the middle of a sentence.
    """
    if not _MIN_WRAP_CHARS <= width <= _MAX_WRAP_CHARS:
        return False
    joints = list(pairwise(lines))
    filled = sum(1 for line, following in joints if _is_filled(line, following, width))
    evidence = sum(
        1
        for line, following in joints
        if following[0].islower() or grammar.unfinished.search(line) or grammar.open_word.search(line[-20:])
    )
    return filled >= _FILLED_SHARE * len(joints) and evidence >= _EVIDENCE_SHARE * len(joints)


def _is_filled(line: str, following: str, width: int) -> bool:
    return len(line) + 1 + len(following.split(maxsplit=1)[0]) > width


def _ends_sentence(line: str, grammar: SentenceGrammar) -> bool:
    end = line[-12:]
    return _SENTENCE_END.search(end) is not None and grammar.unfinished.search(end) is None


def _wraps(line: str, following: str, width: int, grammar: SentenceGrammar) -> bool:
    own_line = _LIST_ITEM.match(following) or _DOMAIN.match(following)
    return _is_filled(line, following, width) and not _ends_sentence(line, grammar) and own_line is None


def _continues(line: str, following: str, grammar: SentenceGrammar) -> bool:
    """Return whether a sentence continues from ``line`` to the next line, ``following``.

    ``line`` must have at least 40 characters and must not end like a sentence. ``following`` must begin with a
    lower-case letter and not with a domain name.
    """
    if len(line) < _MIN_WRAP_CHARS or _ends_sentence(line, grammar) or not following[0].islower():
        return False
    return _DOMAIN.match(following) is None


_MIN_HEADLINE_WORDS = 4  # a brand name such as "EuropaPark" is not a headline
_MAX_HEADLINE_CHARS = 200
_GLUED_QUOTE = re.compile(r"[„“\"»«][^„“”\"»«\n]{3,60}[“”\"»«](?=[^\W\d_])")


def glued_kicker_chars(line: str, language: Language, known: Iterable[str] = ()) -> int:
    """Return the length of the kicker at the start of ``line``, if no space separates it from the headline, or else 0.

    A kicker is a short line above a headline. The function looks for the kickers of the language, for those in
    ``known``, such as the topics of the page, and for a short quotation. If several kickers match, the longest one is
    used. For a line with more than 200 characters or fewer than four words, the result is 0.
    """
    if len(line) > _MAX_HEADLINE_CHARS or len(line.split()) < _MIN_HEADLINE_WORDS:
        return 0
    quoted = _GLUED_QUOTE.match(line)
    candidates = (*language.kickers, *known, *([quoted[0]] if quoted else []))
    return max((len(c) for c in candidates if _is_glued(line, c)), default=0)


def _is_glued(line: str, kicker: str) -> bool:
    rest = line[len(kicker) : len(kicker) + 2]
    return line.startswith(kicker) and (rest[:1] in {"„", "»"} or (rest[:1].isupper() and rest[1:].islower()))


_WINDOW_CHARS = 4_000  # sentencex takes quadratic time in the number of unclosed quotation marks
_LONG_SPEECH_CHARS = 200  # shorter direct speech is not split, even if it contains several sentences
_SURROGATE = re.compile(r"[\ud800-\udfff]")  # sentencex requires UTF-8, which cannot represent surrogates
_SINGLE_QUOTES = str.maketrans("‚‘›‹", "„“»«")
_MASKED_QUOTES = str.maketrans(dict.fromkeys('„“”"»«‚‘›‹', "_"))
_STRONG_CUT = re.compile(r"[;:](?=\s)|\s[–—-](?=\s)")
_COMMA_CUT = re.compile(r",(?=\s)")
_SPACE_CUT = re.compile(r"(?=\s)")
_CAPITAL_NEXT = re.compile(r"\s*[„»‚›]?[A-ZÄÖÜ0-9]")


@dataclass(frozen=True, slots=True)
class Segmentation:
    """A text with the spans of its sentences and paragraphs, which are in order and do not overlap.

    Every sentence is within one paragraph, and starts and ends with a visible character. Offsets are in code points.
    """

    text: str
    sentences: tuple[Span, ...]
    paragraphs: tuple[Span, ...]


def segment(text: str, language: Language) -> Segmentation:
    """Divide ``text`` into paragraphs and sentences. The running time is linear.

    Raises:
        InvalidInput: the text has more than `MAX_SENTENCES` sentences.
    """
    masked = mask_credentials(text)
    bounds = paragraphs(masked, language)
    found = (sentence for bound in bounds for sentence in _sentences(masked, bound, language))
    sentences = tuple(islice(found, MAX_SENTENCES + 1))
    require_sentences(len(sentences))
    return Segmentation(text, sentences, bounds)


def split_long(text: str, span: Span, language: Language) -> tuple[Span, Span] | None:
    """Divide the sentence at ``span`` near its middle, or return None if it has fewer than two visible code points.

    The following places are tried in order: after a semicolon, colon or dash; after a comma that matches the clause
    pattern of the language; after any comma; at white space; and between any two code points, preferably not before a
    combining mark. The first and the last fifth of the sentence are searched only for the last kind of place. White
    space at the cut belongs to neither half.
    """
    whole = visible_span(text, span)
    for cut in _cuts(text, whole, language.sentences.clause):
        halves = (visible_span(text, Span(whole.start, cut)), visible_span(text, Span(cut, whole.end)))
        if all(half.start < half.end for half in halves):
            return halves
    return None


def _sentences(text: str, bound: Span, language: Language) -> Iterator[Span]:
    """Yield the spans of the sentences in the paragraph ``bound``.

    Sentences without a visible character are left out.
    """
    paragraph = bound.of(text)
    start = 0
    for end in (*_boundaries(paragraph, language), len(paragraph)):
        sentence = visible_span(paragraph, Span(start, end))
        start = end
        if sentence.start < sentence.end:
            yield sentence.shifted(bound.start)


def _boundaries(paragraph: str, language: Language) -> list[int]:
    """Return the offset at which each sentence of a paragraph begins, except that of the first sentence."""
    grammar = language.sentences
    # The replacements do not change the length, and they turn quotation marks into pairs that sentencex recognises.
    prepared = grammar.quoted.sub(_as_double_quotes, _SURROGATE.sub("\ufffd", paragraph))
    candidates = {*_found(prepared, grammar), *grammar.missing(paragraph), glued_kicker_chars(paragraph, language)}
    accepted = _accepted(paragraph, candidates, grammar)
    if len(paragraph) > _LONG_SPEECH_CHARS:
        accepted = _with_speech_cut(paragraph, accepted, grammar)
    return accepted


def _as_double_quotes(match: re.Match[str]) -> str:
    """Replace quotation marks with the marks that the sentencex library recognises.

    „…" becomes „…“, and a single quotation mark outside double quotation marks becomes the corresponding double mark.
    """
    text = match[0]
    return f"{text[:-1]}“" if text.endswith('"') else text.translate(_SINGLE_QUOTES) if len(text) == 1 else text


def _found(paragraph: str, grammar: SentenceGrammar) -> Iterator[int]:
    """Yield the sentence boundaries that the sentencex library finds in a paragraph.

    The paragraph is processed in windows. Each window starts with the last sentence of the previous window, or after
    this window if it contains no boundary.
    """
    start = 0
    while start < len(paragraph):
        window = paragraph[start : start + _WINDOW_CHARS]
        ends = [int(found["end_index"]) for found in get_sentence_boundaries(grammar.splitter, window)]
        inner = [end for end in ends if 0 < end < len(window)]
        yield from (start + end for end in inner)
        if start + len(window) >= len(paragraph):
            return
        start += inner[-1] if inner else len(window)


def _accepted(paragraph: str, candidates: Iterable[int], grammar: SentenceGrammar) -> list[int]:
    """Return those of the offsets ``candidates`` that are actual sentence boundaries, in order.

    Text without a letter or digit belongs to the preceding sentence or, at the start, to the first one.
    """
    inner = sorted(edge for edge in set(candidates) if 0 < edge < len(paragraph))
    edges = [0, *inner, len(paragraph)]
    worded = [_has_words(paragraph, *piece) for piece in pairwise(edges)]
    accepted: list[int] = []
    start, complete = 0, worded[0]
    for edge, has_words in zip(inner, worded[1:], strict=True):
        if complete and has_words and not grammar.continues(paragraph, start, edge):
            accepted.append(edge)
            start = edge
        complete = complete or has_words
    return accepted


def _has_words(text: str, start: int, end: int) -> bool:
    return any(text[index].isalnum() for index in range(start, end))


def _with_speech_cut(paragraph: str, accepted: list[int], grammar: SentenceGrammar) -> list[int]:
    """Return the boundaries ``accepted``, with additional boundaries inside quotations in very long sentences.

    In a sentence with more than 200 characters, these are boundaries that the splitter finds without the quotation
    marks, before a capital letter or a digit.
    """
    masked = _SURROGATE.sub("\ufffd", paragraph).translate(_MASKED_QUOTES)
    extra: list[int] = []
    for start, end in pairwise([0, *accepted, len(paragraph)]):
        if end - start > _LONG_SPEECH_CHARS:
            found = (start + edge for edge in _found(masked[start:end], grammar))
            extra.extend(edge for edge in found if _CAPITAL_NEXT.match(paragraph, edge))
    return _accepted(paragraph, [*accepted, *extra], grammar) if extra else accepted


def _cuts(text: str, span: Span, clause: re.Pattern[str]) -> Iterator[int]:
    """Yield the offsets at which a sentence can be divided, best first.

    For each kind of place, such as after a comma, yield the offset that is nearest to the middle of the sentence,
    unless it is in the first or the last fifth. Then yield the next offset from the middle on that precedes no
    combining mark, and all other offsets. ``clause`` is the pattern for a comma between clauses.
    """
    middle = (span.start + span.end) // 2
    margin = (span.end - span.start) // 5
    for pattern in (_STRONG_CUT, clause, _COMMA_CUT, _SPACE_CUT):
        cuts = (match.end() for match in pattern.finditer(text, span.start + margin, span.end - margin))
        nearest = min(cuts, key=lambda cut: abs(cut - middle), default=None)
        if nearest is not None:
            yield nearest
    yield next((i for i in range(middle, span.end) if unicodedata.combining(text[i]) == 0), middle)
    yield from range(span.start + 1, span.end)


@dataclass(frozen=True, slots=True)
class AssembledText:
    """A text in which each sentence has been replaced, for example with its translation.

    ``spans`` contains the span of each replacement in ``text``, in order. Offsets are in code points.
    """

    text: str
    spans: tuple[Span, ...]

    @property
    def blank(self) -> tuple[int, ...]:
        """The indices of the sentences whose replacement is blank. Callers must warn about these sentences."""
        return tuple(number for number, span in enumerate(self.spans) if not span.of(self.text).strip())


def reassemble(segmentation: Segmentation, outputs: Sequence[str]) -> AssembledText:
    """Replace each sentence of a segmented text with the corresponding element of ``outputs``.

    The text between the sentences remains unchanged.

    Raises:
        ValueError: the number of outputs differs from the number of sentences.
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
    return AssembledText("".join(parts), tuple(spans))
