"""Which source sentences stand behind a sentence of a summary."""

from collections.abc import Sequence

from service.summary.words import content_stems

LEAST_SHARE = 0.2
LEAST_ADDED_SHARE = 0.15
MOST_SOURCES = 3
_COMPOUND_CHARS = 6


def support(sentence: str, sources: Sequence[str]) -> list[int]:
    """Numbers of at most three source sentences that together hold the most of ``sentence``'s content, in order.

    A stem counts as held where a source has it or a word that begins with the same six letters (compounds). [] where
    no source holds a fifth of the content; a second and third source must each add 15 %.
    """
    missing = set(content_stems(sentence))
    total = len(missing)
    stems = [set(content_stems(source)) for source in sources]
    chosen: list[int] = []
    while missing and len(chosen) < MOST_SOURCES:
        held = [_held(missing, found) for found in stems]
        best = max(range(len(sources)), key=lambda n: (len(held[n]), -n), default=None)
        least = LEAST_ADDED_SHARE if chosen else LEAST_SHARE
        if best is None or len(held[best]) < least * total or not held[best]:
            break
        chosen.append(best)
        missing -= held[best]
    return sorted(chosen)


def _held(wanted: set[str], found: set[str]) -> set[str]:
    beginnings = {stem[:_COMPOUND_CHARS] for stem in found if len(stem) >= _COMPOUND_CHARS}
    return {stem for stem in wanted if stem in found or stem[:_COMPOUND_CHARS] in beginnings}
