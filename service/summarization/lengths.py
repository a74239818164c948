"""Length limits for summaries: parsing, counting, and selection of the opening sentences that fit."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import takewhile

from service.errors import InvalidInput
from service.summarization.words import GRAMMAR, count_words

WORDS_A_SENTENCE = 13  # the mean length of rewritten sentences; see docs/adr/0007-summaries-fill-their-length.md


@dataclass(frozen=True, slots=True)
class Length:
    """Length limits for a summary. None means that there is no limit.

    ``max_chars`` applies to the sentences joined by single spaces, with ``mark_chars`` characters for the bullet before
    each sentence. ``min_words`` and ``min_sentences`` are targets that a summary may miss. Sentences are never cut
    to fit a limit, and a summary is never padded to reach a target.
    """

    min_words: int = 0
    min_sentences: int = 0
    max_words: int | None = None
    max_chars: int | None = None
    max_sentences: int | None = None
    mark_chars: int = 0

    def fits(self, sentences: Sequence[str]) -> bool:
        """Return whether the combined length of ``sentences`` is within all upper limits."""
        room = Room(self)
        return all(map(room.take, sentences))

    def share(self) -> "Length":
        """Return the limits for one sentence if ``min_sentences`` sentences share the limits of the summary equally."""
        parts = max(1, self.min_sentences)
        return replace(
            self,
            max_words=None if self.max_words is None else self.max_words // parts,
            max_chars=None if self.max_chars is None else (self.max_chars + 1) // parts - 1,
        )

    def expected_sentences(self) -> int:
        """Return how many rewritten sentences of average length (`WORDS_A_SENTENCE` words) fit within the upper limits.

        The result is rounded, and at least 1. Without upper limits, it is 1.
        """
        limits = []
        if self.max_sentences is not None:
            limits.append(float(self.max_sentences))
        if self.max_words is not None:
            limits.append(self.max_words / WORDS_A_SENTENCE)
        if self.max_chars is not None:
            limits.append(self.max_chars / (GRAMMAR.chars_per_word * WORDS_A_SENTENCE))
        return max(1, round(min(limits))) if limits else 1


class Room:
    """The room that remains within a length limit while sentences are added one by one."""

    def __init__(self, length: Length) -> None:
        self._sentences = math.inf if length.max_sentences is None else length.max_sentences
        self._words = math.inf if length.max_words is None else length.max_words
        self._between = 1 + length.mark_chars
        # No space precedes the first sentence.
        self._chars = math.inf if length.max_chars is None else length.max_chars + 1

    def take(self, sentence: str) -> bool:
        """Add ``sentence`` if it fits, and return whether it was added."""
        words, chars = count_words(sentence), len(sentence) + self._between
        if self._sentences < 1 or self._words < words or self._chars < chars:
            return False
        self._sentences -= 1
        self._words -= words
        self._chars -= chars
        return True


PRESETS = {
    "short": Length(max_words=40),
    "medium": Length(min_words=40, max_words=120),
    "long": Length(min_words=80, max_words=200),
}
DEFAULT = "medium"


def from_request(
    length: str | None = None,
    *,
    max_chars: int | None = None,
    max_words: int | None = None,
    max_sentences: int | None = None,
) -> Length:
    """Return the length limits for a request that specifies a preset, a single limit, or neither.

    ``length`` is the name of the preset. If all arguments are None, the preset is ``medium``.

    Raises:
        InvalidInput: ``length_conflict`` if more than one of the arguments is given, ``length_unknown`` for an unknown
            preset, or ``length_too_small`` for a limit below one.
    """
    limits = {"max_chars": max_chars, "max_words": max_words, "max_sentences": max_sentences}
    given = [name for name, value in {"length": length, **limits}.items() if value is not None]
    if len(given) > 1:
        raise InvalidInput("length_conflict", f"specify only one of {', '.join(given)}", pointer=f"/{given[1]}")
    for name, value in limits.items():
        if value is not None and value < 1:
            raise InvalidInput("length_too_small", f"`{name}` must be at least 1", pointer=f"/{name}")
    if given and length is None:
        return Length(max_chars=max_chars, max_words=max_words, max_sentences=max_sentences)
    preset = PRESETS.get(length or DEFAULT)
    if preset is None:
        raise InvalidInput("length_unknown", f"`length` must be one of {', '.join(PRESETS)}", pointer="/length")
    return preset


def lead(sentences: Sequence[str], *, budget: Length) -> list[int]:
    """Return the indices of the opening sentences that fit within ``budget``, up to the first one that does not fit."""
    room = Room(budget)
    return [number for number, _ in takewhile(lambda numbered: room.take(numbered[1]), enumerate(sentences))]
