"""Checks for repeated words, phrases and sentences, and the removal of adjacent repetitions from a model output."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

from service.checks.base import Code, Finding, Passage
from service.domain import Span
from service.languages.base import Language, LanguagePair
from service.text.alignment import Alignment

_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_GAP = re.compile(r",?\s+")
_MOST_SHORT_CHARS = 5
_MOST_PERIOD = 12
_PHRASE_WORDS = 5
_LEAST_SENTENCE_WORDS = 4


def check_repetition(source: Passage, output: Passage) -> Iterator[Finding]:
    """Check that ``output`` repeats no word or phrase directly after itself, and no phrase of five words anywhere.

    The function yields at most one finding. It yields none if ``source`` also contains a repetition of one of these
    kinds. `_loop` states which words may occur twice in a row.
    """
    doubled = source.language.doubled_words | output.language.doubled_words
    matches, words = _words(output.text)
    found = _loop(words, doubled) or _phrase(words)
    if found is None:
        return
    source_words = _plain_words(source.text)
    if (_loop(source_words, doubled) or _phrase(source_words)) is None:
        span = Span(matches[found[0]].start(), matches[found[1] - 1].end())
        yield Finding(Code.REPETITION, "these words are repeated", output=span)


class AdjacentRepetition(NamedTuple):
    """A word or phrase that is repeated directly after itself.

    ``once`` is the span of the first occurrence. ``again`` extends from its end to the end of the last of the ``times``
    occurrences that follow.
    """

    once: Span
    again: Span
    times: int


def find_repetition(
    source: str, output: str, source_language: Language, target_language: Language
) -> AdjacentRepetition | None:
    """Return the first adjacent repetition in ``output``, or None if there is none.

    The result is also None if ``source`` contains an adjacent repetition. A word in ``source`` that is repeated only
    across the comma between two clauses is not a repetition. The occurrences in ``output`` may differ only in capital
    letters and commas. Only white space, or a comma and white space, may separate them. If other characters separate
    the first phrase that is repeated in ``output``, the result is None.
    """
    doubled = source_language.doubled_words | target_language.doubled_words
    matches, words = _words(output)
    if (found := _loop(words, doubled)) is None:
        return None
    source_text = source_language.clauses_meet.sub(r"\1", source.replace("-", " "))  # "Bora-Bora" repeats
    if _loop(_plain_words(source_text), doubled) is not None:
        return None
    period = (found[1] - found[0]) // 2
    once = _span(matches, found[0], period)
    end, times = once.end, 0
    for place in range(found[0] + period, len(words) - period + 1, period):
        repeated = _span(matches, place, period)
        if not _GAP.fullmatch(output, end, repeated.start) or _plain(repeated.of(output)) != _plain(once.of(output)):
            break
        end, times = repeated.end, times + 1
    return AdjacentRepetition(once, Span(once.end, end), times) if times else None


def _span(matches: Sequence[re.Match[str]], place: int, words: int) -> Span:
    """Return the span of ``words`` consecutive words, starting with the word at index ``place``."""
    return Span(matches[place].start(), matches[place + words - 1].end())


def _plain(text: str) -> str:
    return text.lower().replace(",", "")


def _words(text: str) -> tuple[list[re.Match[str]], list[str]]:
    """Return a match for each word of a text, and the key by which each word is compared with the others.

    Adjacent equal words have different keys if more than a comma and white space separates them ("one: One"), or if
    they have up to five characters and a comma separates them ("gaped at, at most").
    """
    matches = list(_WORD.finditer(text))
    words = [match.group().lower() for match in matches]
    for place in range(1, len(matches)):
        if words[place] != words[place - 1]:
            continue
        gap = text[matches[place - 1].end() : matches[place].start()]
        if not _GAP.fullmatch(gap) or ("," in gap and len(words[place]) <= _MOST_SHORT_CHARS):
            words[place] += "\0"
    return matches, words


def _plain_words(text: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(text)]


def _loop(words: Sequence[str], doubled: AbstractSet[str]) -> tuple[int, int] | None:
    """Return the index range of the first word or phrase that is repeated immediately, or None if there is none.

    A phrase may have up to twelve words. Numbers and the words in ``doubled`` count only if they occur three times in a
    row. The range includes two occurrences.
    """
    runs: dict[int, tuple[int, int]] = {}  # period: (index of the last match, number of matches in a row)
    places: dict[str, list[int]] = {}
    for place, word in enumerate(words):
        for earlier in reversed(places.setdefault(word, [])):
            period = place - earlier
            if period > _MOST_PERIOD:
                break
            last, length = runs.get(period, (-1, 0))
            runs[period] = (place, length + 1 if last == place - 1 else 1)
            may_double = period == 1 and runs[1][1] == 1 and (word in doubled or word[0].isdigit())
            if runs[period][1] >= period and not may_double:
                return place - 2 * period + 1, place + 1
        places[word].append(place)
    return None


def _phrase(words: Sequence[str]) -> tuple[int, int] | None:
    """Return the index range of the first phrase of five words that repeats an earlier one, or None."""
    seen: set[tuple[str, ...]] = set()
    for place in range(len(words) - _PHRASE_WORDS + 1):
        phrase = tuple(words[place : place + _PHRASE_WORDS])
        if phrase in seen:
            return place, place + _PHRASE_WORDS
        seen.add(phrase)
    return None


def find_repeated_sentences(sources: Sequence[str], outputs: Sequence[str]) -> Iterator[tuple[int, Finding]]:
    """Yield (index, finding) for each output sentence that equals an earlier one with a different source sentence.

    Sentences are equal if they have the same words in the same order, except for capital letters. ``outputs`` and
    ``sources`` contain the sentences in the same order. Outputs of fewer than four words are ignored.

    Raises:
        ValueError: the numbers of sources and outputs differ.
    """
    openings = [_opening(output) for output in outputs]
    times = Counter(openings)
    sources_of: dict[tuple[str, ...], set[tuple[str, ...]]] = {}
    for number, (source, output, opening) in enumerate(zip(sources, outputs, openings, strict=True)):
        if len(opening) < _LEAST_SENTENCE_WORDS or times[opening] == 1:  # equal sentences have equal openings
            continue
        key, origin = tuple(_plain_words(output)), tuple(_plain_words(source))
        if sources_of.get(key, {origin}) != {origin}:
            message = "this sentence repeats an earlier one, although their sources differ"
            yield number, Finding(Code.SENTENCE_REPEATED, message, output=Span(0, len(output)))
        sources_of.setdefault(key, set()).add(origin)


def _opening(text: str) -> tuple[str, ...]:
    """Return the first four words of a text in lower case, or fewer if the text is shorter."""
    return tuple(match[0].lower() for match in islice(_WORD.finditer(text), _LEAST_SENTENCE_WORDS))


class Repetition(NamedTuple):
    """A word or phrase that the model repeated.

    ``span`` is the span of the remaining copy, and ``times`` is the number of removed copies.
    """

    span: Span
    times: int


@dataclass(frozen=True, slots=True)
class Collapsed:
    """A model output from which adjacent repetitions have been removed.

    ``repetitions`` lists the repeated words and phrases in the order of ``text``. ``removed`` lists the deleted ranges
    in the order of deletion. Each range refers to the text as it was just before that deletion.
    """

    text: str
    repetitions: tuple[Repetition, ...] = ()
    removed: tuple[Span, ...] = ()

    def without(self, found: AdjacentRepetition) -> "Collapsed":
        """Return a copy from which the repetition ``found`` has also been removed."""
        once, again, said = found
        times = {once: said}
        for span, before in self.repetitions:
            # Repetitions within the removed copy are counted for the remaining copy.
            place = _after_removal(span, again) or once
            times[place] = times.get(place, 0) + before
        return Collapsed(
            self.text[: again.start] + self.text[again.end :],
            tuple(Repetition(*one) for one in sorted(times.items())),
            (*self.removed, again),
        )

    def aligned(self, alignment: Alignment) -> Alignment:
        """Convert an alignment of the original output into an alignment of this text."""
        target, weights = alignment.target, alignment.weights
        for removed in self.removed:
            moved = [_after_removal(word, removed) for word in target]
            weights = tuple(row for row, word in zip(weights, moved, strict=True) if word is not None)
            target = tuple(word for word in moved if word is not None)
        return Alignment(alignment.source, target, weights)


def collapse_repetitions(source: str, output: str, languages: LanguagePair) -> Collapsed:
    """Remove adjacent repetitions from ``output``, unless ``source`` also contains one.

    docs/adr/0017 explains why a repetition is removed instead of decoding the sentence a second time.
    """
    collapsed = Collapsed(output)
    while (found := find_repetition(source, collapsed.text, *languages)) is not None:
        collapsed = collapsed.without(found)
    return collapsed


def _after_removal(span: Span, removed: Span) -> Span | None:
    """Return the position of ``span`` after the deletion of ``removed``, or None if they overlap."""
    if span.end <= removed.start:
        return span
    return span.shifted(removed.start - removed.end) if span.start >= removed.end else None
