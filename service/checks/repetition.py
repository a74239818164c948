"""Finds what comes back: a word or phrase at once, a phrase within its sentence, a whole sentence."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from operator import eq
from typing import NamedTuple

from service.checks.base import Code, Finding, Passage
from service.domain import Span

_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_GAP = re.compile(r",?\s+")
_MOST_PERIOD = 12
_PHRASE_WORDS = 5
_DOUBLED = frozenset(
    "very had that so no yes ha ja na really much more many bla blah never ever far again long her that's is it "
    "die der das sehr nein denen dem den wer in on to over up out by off about through".split()
)
"""Words that writers double: "had had", "sworn in in Berlin", "sehr, sehr"; German "die, die" parts a clause."""
_CLAUSES_MEET = re.compile(
    r"\b(ist|sind|war|waren|sei|seien|sein|wird|werden|wurde|wurden|hat|habe|haben|hatte|hatten|kann|können|konnte|"
    r"konnten|soll|sollen|sollte|sollten|will|wollen|wollte|wollten|muss|müssen|musste|mussten|darf|dürfen|"
    r"welche[rsnm]?|deren|dessen),\s+\1\b",
    re.IGNORECASE,
)
"""German words on both sides of a comma, "Was gut ist, ist gut": English does not say them twice for that."""
_LEAST_SENTENCE_WORDS = 4


def repeated_words(source: Passage, output: Passage) -> Iterator[Finding]:
    """At most one finding: a word or phrase of ``output`` follows itself, or a phrase of five words comes twice.

    What ``source`` repeats as often may be repeated.
    """
    # Where there is no digit, each of the words here has one or more of the passage's.
    if not _may_come_back(_plain_words(output.text) if output.has_digit else list(map(str.lower, output.words))):
        return
    matches, words = _words(output.text)
    found = _loop(words) or _phrase(words)
    if found is None or _repeats_too(source.text):
        return
    span = Span(matches[found[0]].start(), matches[found[1] - 1].end())
    yield Finding(Code.REPETITION, "the same words again", output=span)


class Stutter(NamedTuple):
    """The first saying of some words, and what says them again at once, ``times`` in a row, from the first's end on."""

    once: Span
    again: Span
    times: int


def stutter(source: str, output: str) -> Stutter | None:
    """The first words of ``output`` that follow themselves, where none of ``source`` do.

    A German verb or pronoun on both sides of a comma, where clauses meet, is none that ``source`` repeats. All sayings
    are the same but for capitals and commas, with a blank or a comma and a blank between them; where the first that
    comes back does so in another way, there is none.
    """
    if not _may_come_back(_plain_words(output)):
        return None
    matches, words = _words(output)
    said = _CLAUSES_MEET.sub(r"\1", source.replace("-", " "))  # Bora-Bora
    if (found := _loop(words)) is None or _loop(_plain_words(said)) is not None:
        return None
    period = (found[1] - found[0]) // 2
    once = _said(matches, found[0], period)
    end, times = once.end, 0
    for place in range(found[0] + period, len(words) - period + 1, period):
        saying = _said(matches, place, period)
        if not _GAP.fullmatch(output, end, saying.start) or _plain(saying.of(output)) != _plain(once.of(output)):
            break
        end, times = saying.end, times + 1
    return Stutter(once, Span(once.end, end), times) if times else None


def _said(matches: Sequence[re.Match[str]], place: int, words: int) -> Span:
    """Where so many words from that one on stand."""
    return Span(matches[place].start(), matches[place + words - 1].end())


def _plain(text: str) -> str:
    return text.lower().replace(",", "")


def _words(text: str) -> tuple[list[re.Match[str]], list[str]]:
    """The words of a text, and how they compare: "Saxony, Saxony-Anhalt", "(Women", "one: One" are no loops."""
    matches = list(_WORD.finditer(text))
    words = [match.group().lower() for match in matches]
    for place in range(1, len(matches)):
        if words[place] == words[place - 1] and not _GAP.fullmatch(
            text, matches[place - 1].end(), matches[place].start()
        ):
            words[place] += "\0"
    return matches, words


def _repeats_too(source: str) -> bool:
    words = _plain_words(source)
    return (_loop(words) or _phrase(words)) is not None


def _plain_words(text: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(text)]


def _may_come_back(words: Sequence[str]) -> bool:
    """Whether a word comes again at once or after one other, or three in a row come twice.

    The first is so in a loop of one word, the second in a loop of two, the third in longer ones and in a phrase.
    """
    threes = list(zip(words, words[1:], words[2:], strict=False))
    near = any(map(eq, words, words[1:])) or any(map(eq, words, words[2:]))
    return near or len(set(threes)) < len(threes)


def _loop(words: Sequence[str]) -> tuple[int, int] | None:
    """Where words [start, end) are one word twice in a row, or a phrase of two to twelve words twice in a row."""
    runs: dict[int, tuple[int, int]] = {}  # period: (place of the last match, matches in a row)
    places: dict[str, list[int]] = {}
    for place, word in enumerate(words):
        for earlier in reversed(places.setdefault(word, [])):
            period = place - earlier
            if period > _MOST_PERIOD:
                break
            last, length = runs.get(period, (-1, 0))
            runs[period] = (place, length + 1 if last == place - 1 else 1)
            if runs[period][1] >= period and not (period == 1 and runs[1][1] == 1 and _may_double(word)):
                return place - 2 * period + 1, place + 1
        places[word].append(place)
    return None


def _may_double(word: str) -> bool:
    return word in _DOUBLED or word[0].isdigit()


def _phrase(words: Sequence[str]) -> tuple[int, int] | None:
    """Where a phrase of five words comes for the second time."""
    seen: set[tuple[str, ...]] = set()
    for place in range(len(words) - _PHRASE_WORDS + 1):
        phrase = tuple(words[place : place + _PHRASE_WORDS])
        if phrase in seen:
            return place, place + _PHRASE_WORDS
        seen.add(phrase)
    return None


def repeated_sentences(sources: Sequence[str], outputs: Sequence[str]) -> Iterator[tuple[int, Finding]]:
    """The numbers of outputs that repeat an earlier one whose source is another, each with its finding.

    Sentences of fewer than four words may come back.
    """
    openings = [_opening(output) for output in outputs]
    times = Counter(openings)
    said: dict[tuple[str, ...], set[tuple[str, ...]]] = {}
    for number, (source, output, opening) in enumerate(zip(sources, outputs, openings, strict=True)):
        if len(opening) < _LEAST_SENTENCE_WORDS or times[opening] == 1:  # the same sentences begin with the same words
            continue
        key, origin = tuple(_plain_words(output)), tuple(_plain_words(source))
        if said.get(key, {origin}) != {origin}:
            whole = Span(0, len(output))
            yield number, Finding(Code.SENTENCE_REPEATED, "an earlier sentence again", output=whole)
        said.setdefault(key, set()).add(origin)


def _opening(text: str) -> tuple[str, ...]:
    """The first words of a text, as they compare."""
    return tuple(match[0].lower() for match in islice(_WORD.finditer(text), _LEAST_SENTENCE_WORDS))
