"""Word alignment between a sentence and its translation, computed from the model's attention weights."""

import html
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from service.domain import Span

WORD = re.compile(r"\w+(?:[-'’.,/:]\w+)*|[^\w\s]")
_BYTE = re.compile(r"<0x([0-9A-F]{2})>")
_WORD_START, _WORD_END = "▁", "</w>"
_LOOK_AHEAD_CHARS = 8
_UNSEEN = frozenset({"Cc", "Cf", "Zs"})


@dataclass(frozen=True, slots=True)
class Alignment:
    """A word alignment between a source sentence and its translation.

    ``source`` lists the spans of the m subword pieces of the source sentence. ``target`` lists the spans of the n words
    of the translation. Both lists are in text order, and offsets are in code points. ``weights`` is an n × m matrix
    with one row for each word and one weight for each source piece. Each row sums to at most 1, because weights of
    other tokens are left out.
    """

    source: tuple[Span, ...]
    target: tuple[Span, ...]
    weights: tuple[tuple[float, ...], ...]


def align(
    source: str,
    target: str,
    source_pieces: Sequence[str],
    target_pieces: Sequence[str],
    attention: Sequence[Sequence[float]],
) -> Alignment:
    """Align a sentence with its translation.

    The pieces are SentencePiece pieces without the end-of-sentence token. ``attention`` contains one row for each
    target piece. A row has at least as many columns as there are source pieces, and further columns are ignored. The
    weights of a word are the mean of the rows of its pieces, weighted by the number of characters that each piece
    contributes. A punctuation mark counts as a word. The weights of a word without pieces are 0.
    """
    columns = piece_spans(source_pieces, source)
    words = tuple(Span(*found.span()) for found in WORD.finditer(target))
    rows: list[list[float]] = [[0.0] * len(columns) for _ in words]
    covered_chars = [0] * len(words)
    for word, piece, chars in _overlaps(words, piece_spans(target_pieces, target)):
        covered_chars[word] += chars
        rows[word] = [total + chars * weight for total, weight in zip(rows[word], attention[piece], strict=False)]
    weights = (
        tuple(weight / chars for weight in row) if chars else tuple(row)
        for row, chars in zip(rows, covered_chars, strict=True)
    )
    return Alignment(columns, words, tuple(weights))


def piece_spans(pieces: Sequence[str], text: str) -> tuple[Span, ...]:
    """Return the span of each piece in ``text``, or an empty span if the piece does not occur there.

    The tokenizer normalises text, so characters with the same compatibility decomposition count as equal. A character
    that has no match within the next few characters is skipped. White space is ignored. The running time is linear in
    the length of the text.
    """
    piece_letters = [
        (character, number)
        for number, piece in enumerate(pieces)
        for character in _letters(_surface(pieces, number, piece))
    ]
    text_letters = [(letter, at) for at, character in enumerate(text) for letter in _letters(character)]
    starts: dict[int, int] = {}
    ends: dict[int, int] = {}
    for (_, number), (_, at) in _matches(piece_letters, text_letters):
        starts.setdefault(number, at)
        ends[number] = at + 1
    spans: list[Span] = []
    for number in range(len(pieces)):
        last = spans[-1].end if spans else 0
        start = max(last, starts.get(number, last))
        spans.append(Span(start, max(start, ends.get(number, start))))
    return tuple(spans)


def _surface(pieces: Sequence[str], number: int, piece: str) -> str:
    """Return the characters that ``piece`` represents. ``number`` is the index of ``piece`` in ``pieces``.

    Pieces of a Moses tokenizer contain character references such as ``&quot;``, and mark the end of a word with
    ``</w>``. A byte piece represents one byte. The first piece in a sequence of byte pieces represents all characters
    that the sequence encodes. The other byte pieces represent no characters.
    """
    if _BYTE.fullmatch(piece) is None:
        return html.unescape(piece.removesuffix(_WORD_END).replace(_WORD_START, ""))
    if number and _BYTE.fullmatch(pieces[number - 1]):
        return ""
    run = bytearray()
    while number < len(pieces) and (byte := _BYTE.fullmatch(pieces[number])):
        run.append(int(byte[1], 16))
        number += 1
    return run.decode("utf-8", "replace")


def _letters(text: str) -> str:
    """Return the NFKD form of ``text`` without white space and, unless it is ASCII, other invisible characters."""
    if text.isascii():
        return "".join(text.split())
    return "".join(c for c in unicodedata.normalize("NFKD", text) if unicodedata.category(c) not in _UNSEEN)


Letter = tuple[str, int]


def _matches(one: Sequence[Letter], other: Sequence[Letter]) -> Iterator[tuple[Letter, Letter]]:
    """Yield pairs of equal letters from the two sequences, in order. Letters without a match are skipped."""
    i = j = 0
    while i < len(one) and j < len(other):
        if one[i][0] != other[j][0]:
            skips = _skips(one, other, i, j)
            i, j = i + skips[0], j + skips[1]
            continue
        yield one[i], other[j]
        i, j = i + 1, j + 1


def _skips(one: Sequence[Letter], other: Sequence[Letter], i: int, j: int) -> tuple[int, int]:
    """Return how many letters to skip in each sequence to reach the next pair of equal letters.

    The first number counts letters of ``one`` from the index ``i``. The second counts letters of ``other`` from the
    index ``j``. The result is (1, 1) if there is no such pair within the next eight letters.
    """
    for total in range(1, _LOOK_AHEAD_CHARS + 1):
        for first in range(total + 1):
            if (
                i + first < len(one)
                and j + total - first < len(other)
                and one[i + first][0] == other[j + total - first][0]
            ):
                return first, total - first
    return 1, 1


def _overlaps(words: Sequence[Span], pieces: Sequence[Span]) -> Iterator[tuple[int, int, int]]:
    """Yield (word index, piece index, number of shared code points) for each word and each piece that overlaps it.

    The tuples are sorted by word and then by piece.
    """
    first = 0
    for number, word in enumerate(words):
        while first < len(pieces) and pieces[first].end <= word.start:
            first += 1
        at = first
        while at < len(pieces) and pieces[at].start < word.end:
            common = min(word.end, pieces[at].end) - max(word.start, pieces[at].start)
            if common > 0:
                yield number, at, common
            at += 1
