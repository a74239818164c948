"""The length of a summary, and the lead that keeps it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import takewhile

from service.errors import InvalidInput
from service.summarization.words import GRAMMAR, count_words

WORDS_A_SENTENCE = 13  # rewritten; see docs/adr/0007-summaries-fill-their-length.md


@dataclass(frozen=True, slots=True)
class Length:
    """Limits of a summary; None: no such limit.

    ``max_chars`` counts the sentences joined by single spaces, and ``mark_chars`` for what stands before each of them.
    ``min_words`` and ``min_sentences`` are aims: an article may be shorter than that, and sentences are never cut or
    padded to meet them.
    """

    min_words: int = 0
    min_sentences: int = 0
    max_words: int | None = None
    max_chars: int | None = None
    max_sentences: int | None = None
    mark_chars: int = 0

    def fits(self, sentences: Sequence[str]) -> bool:
        """Whether ``sentences`` together keep every upper limit."""
        room = Room(self)
        return all(map(room.take, sentences))

    def share(self) -> "Length":
        """What one sentence may take where the least number of them is to fit; limits below one fit none."""
        parts = max(1, self.min_sentences)
        return replace(
            self,
            max_words=None if self.max_words is None else self.max_words // parts,
            max_chars=None if self.max_chars is None else (self.max_chars + 1) // parts - 1,
        )

    def expected_sentences(self) -> int:
        """How many rewritten sentences of 11 to 15 words fill this length; at least one."""
        limits = []
        if self.max_sentences is not None:
            limits.append(float(self.max_sentences))
        if self.max_words is not None:
            limits.append(self.max_words / WORDS_A_SENTENCE)
        if self.max_chars is not None:
            limits.append(self.max_chars / (GRAMMAR.chars_per_word * WORDS_A_SENTENCE))
        return max(1, round(min(limits))) if limits else 1


class Room:
    """What a length still has room for while sentences are taken one by one; each is counted once."""

    def __init__(self, length: Length) -> None:
        self._sentences = math.inf if length.max_sentences is None else length.max_sentences
        self._words = math.inf if length.max_words is None else length.max_words
        self._between = 1 + length.mark_chars
        # The first sentence has no space before it.
        self._chars = math.inf if length.max_chars is None else length.max_chars + 1

    def take(self, sentence: str) -> bool:
        """Take ``sentence`` if it fits beside those taken before; else nothing changes and the answer is False."""
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
    """The length that a request asks for: a preset (``medium`` where nothing is said) or exactly one limit.

    Raises:
        InvalidInput: ``length_conflict`` for more than one of them, ``length_unknown`` for a preset that does not
            exist, ``length_too_small`` for a limit below one.
    """
    limits = {"max_chars": max_chars, "max_words": max_words, "max_sentences": max_sentences}
    given = [name for name, value in {"length": length, **limits}.items() if value is not None]
    if len(given) > 1:
        raise InvalidInput("length_conflict", f"give one of {', '.join(given)}, not more", pointer=f"/{given[1]}")
    for name, value in limits.items():
        if value is not None and value < 1:
            raise InvalidInput("length_too_small", f"{name} must be at least 1", pointer=f"/{name}")
    if given and length is None:
        return Length(max_chars=max_chars, max_words=max_words, max_sentences=max_sentences)
    preset = PRESETS.get(length or DEFAULT)
    if preset is None:
        raise InvalidInput("length_unknown", f"length is one of {', '.join(PRESETS)}", pointer="/length")
    return preset


def lead(sentences: Sequence[str], *, budget: Length) -> list[int]:
    """Numbers of the first sentences up to ``budget``; it stops at the first that does not fit. [] where none fits."""
    room = Room(budget)
    return [number for number, _ in takewhile(lambda numbered: room.take(numbered[1]), enumerate(sentences))]
