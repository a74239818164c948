"""Stutters: words that the search wrote twice in a row, and the source has no such, are written once."""

from dataclasses import replace

from service.pipeline.candidate import Candidate, SaidAgain
from service.text.markup_alignment import piece_spans
from service.trust.repetition import Stutter, stutter
from service.types import Attention, Span


def said_once(source: str, candidate: Candidate) -> Candidate:
    """The candidate without what it says again at once; ``said_again`` are the words that stand for themselves now.

    Its pieces and their attention go with the words. docs/adr/0017 has why the words are not decoded again instead.
    """
    while (found := stutter(source, candidate.text)) is not None:
        candidate = _without(candidate, found)
    return candidate


def _without(candidate: Candidate, found: Stutter) -> Candidate:
    once, again, said = found
    spans = piece_spans(candidate.tokens, candidate.text)
    kept = [number for number, span in enumerate(spans) if not (again.start <= span.start < span.end <= again.end)]
    times = {once: said}
    for span, before in candidate.said_again:
        place = _moved(span, again) or once  # what goes with the second saying is counted with the first
        times[place] = times.get(place, 0) + before
    return replace(
        candidate,
        text=candidate.text[: again.start] + candidate.text[again.end :],
        tokens=tuple(candidate.tokens[number] for number in kept),
        attention=None if candidate.attention is None else _of_pieces(candidate.attention, kept),
        said_again=tuple(SaidAgain(*one) for one in sorted(times.items())),
    )


def _moved(span: Span, removed: Span) -> Span | None:
    """Where ``span`` stands once ``removed`` is out of the text; None where it goes, too."""
    if span.end <= removed.start:
        return span
    return span.shifted(removed.start - removed.end) if span.start >= removed.end else None


def _of_pieces(attention: Attention, kept: list[int]) -> Attention:
    width = attention.columns
    rows = (attention.levels[number * width : (number + 1) * width] for number in kept)
    return Attention(width, b"".join(rows))
