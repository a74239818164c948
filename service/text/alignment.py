"""Word alignment of a translation and its source, from the attention between their pieces."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from service.domain import Span

WORD = re.compile(r"\w+(?:[-'’.,/:]\w+)*|[^\w\s]")
_BYTE = re.compile(r"<0x([0-9A-F]{2})>")
_WORD_START = "▁"
_LOOK_AHEAD_CHARS = 8
_UNSEEN = frozenset({"Cc", "Cf", "Zs"})


@dataclass(frozen=True, slots=True)
class Alignment:
    """The weight of each piece of a source sentence for each word of its translation.

    ``source`` are the m pieces as ranges of the source sentence, ``target`` the n words as ranges of the translation,
    both in order, in code points; ``weights`` is n × m, and no row sums to more than 1.
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
    """The alignment of a sentence, as its text has it, and its translation.

    Pieces are SentencePiece's and without end-of-sentence; ``attention`` has a row for each target piece and at least a
    column for each source piece. What a word owes is the mean over its pieces; marks are words of their own.
    """
    columns = piece_spans(source_pieces, source)
    words = tuple(Span(*found.span()) for found in WORD.finditer(target))
    rows: list[list[float]] = [[0.0] * len(columns) for _ in words]
    shares = [0] * len(words)
    for word, piece, chars in _overlaps(words, piece_spans(target_pieces, target)):
        shares[word] += chars
        rows[word] = [have + chars * more for have, more in zip(rows[word], attention[piece], strict=False)]
    weights = (
        tuple(weight / share for weight in row) if share else tuple(row)
        for row, share in zip(rows, shares, strict=True)
    )
    return Alignment(columns, words, tuple(weights))


def piece_spans(pieces: Sequence[str], text: str) -> tuple[Span, ...]:
    """The spans of the pieces of a text in it; a piece that the text does not show has an empty span at its place.

    Pieces are of a normal form of the text, so compatible characters count as equal, and a character without a partner
    within a few characters is skipped. Linear in the length.
    """
    written = [
        (character, number)
        for number, piece in enumerate(pieces)
        for character in _letters(_surface(pieces, number, piece))
    ]
    there = [(character, at) for at, one in enumerate(text) for character in _letters(one)]
    starts: dict[int, int] = {}
    ends: dict[int, int] = {}
    for (_, number), (_, at) in _matches(written, there):
        starts.setdefault(number, at)
        ends[number] = at + 1
    spans: list[Span] = []
    for number in range(len(pieces)):
        last = spans[-1].end if spans else 0
        start = max(last, starts.get(number, last))
        spans.append(Span(start, max(start, ends.get(number, start))))
    return tuple(spans)


def _surface(pieces: Sequence[str], number: int, piece: str) -> str:
    """The characters of a piece; a run of single bytes has them in its first."""
    if _BYTE.fullmatch(piece) is None:
        return piece.replace(_WORD_START, "")
    if number and _BYTE.fullmatch(pieces[number - 1]):
        return ""
    run = bytearray()
    while number < len(pieces) and (byte := _BYTE.fullmatch(pieces[number])):
        run.append(int(byte[1], 16))
        number += 1
    return run.decode("utf-8", "replace")


def _letters(text: str) -> str:
    """What is left of a text in any normal form: no space and nothing invisible."""
    if text.isascii():
        return "".join(text.split())
    return "".join(c for c in unicodedata.normalize("NFKD", text) if unicodedata.category(c) not in _UNSEEN)


Letter = tuple[str, int]


def _matches(written: Sequence[Letter], there: Sequence[Letter]) -> Iterator[tuple[Letter, Letter]]:
    """The letters that correspond, in order."""
    i = j = 0
    while i < len(written) and j < len(there):
        if written[i][0] != there[j][0]:
            skips = _skips(written, there, i, j)
            i, j = i + skips[0], j + skips[1]
            continue
        yield written[i], there[j]
        i, j = i + 1, j + 1


def _skips(written: Sequence[Letter], there: Sequence[Letter], i: int, j: int) -> tuple[int, int]:
    """How many letters to pass over on either side until they agree again; one on both where they do not soon."""
    for total in range(1, _LOOK_AHEAD_CHARS + 1):
        for first in range(total + 1):
            if (
                i + first < len(written)
                and j + total - first < len(there)
                and written[i + first][0] == there[j + total - first][0]
            ):
                return first, total - first
    return 1, 1


def _overlaps(words: Sequence[Span], pieces: Sequence[Span]) -> Iterator[tuple[int, int, int]]:
    """(word, piece, code points in common) wherever there are any, in order."""
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
