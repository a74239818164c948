"""The line model: a linear-chain conditional random field that finds the article among the lines of a pasted page.

Each line gets a state. The states before the headline, in the head of the article, in its text and after it are
different ones, so the best sequence of states (Viterbi) is at the same time the best article region. The features of
a line are binary. The method is that of Lafferty, McCallum and Pereira, "Conditional Random Fields" (2001). The weights
belong to a language; ``models/pages`` trains them.
"""

import json
import re
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np

from service.cleaning.boilerplate import Line, Verdict
from service.languages.base import Language, PageGrammar

STATES = (
    "before",
    "kicker",
    "headline",
    "lead",
    "head_meta",
    "head_caption",
    "head_boilerplate",
    "text",
    "subheading",
    "list",
    "meta",
    "caption",
    "boilerplate",
    "after",
)
ARTICLE = frozenset({"kicker", "headline", "lead", "text", "subheading", "list"})
OUTSIDE = frozenset({"before", "after"})
GROUPS = {  # states of the same kind of line; they share weights in training
    "before": "boilerplate",
    "after": "boilerplate",
    "head_boilerplate": "boilerplate",
    "boilerplate": "boilerplate",
    "head_meta": "meta",
    "meta": "meta",
    "head_caption": "caption",
    "caption": "caption",
}
_HEAD = ("lead", "head_meta", "head_caption", "head_boilerplate")
_TEXT = ("text", "subheading", "list", "meta", "caption", "boilerplate")
_FIRST = ("before", "kicker", "headline", "lead", *_TEXT)
_NEXT = {
    "before": (*_FIRST, "after"),
    "kicker": ("headline",),
    "headline": (*_HEAD, *_TEXT),
    **dict.fromkeys(_HEAD, (*_HEAD, *_TEXT)),
    **dict.fromkeys(_TEXT, (*_TEXT, "after")),
    "after": ("after",),
}
ALLOWED = np.array([[state in _NEXT[previous] for state in STATES] for previous in STATES])
"""Which state (column) may follow which (row). There is at most one headline, and ``after`` lasts to the end."""
STARTS = np.array([state in _FIRST for state in STATES])
_NOTHING = -1e9

LONG_CHARS = 80  # shorter lines are mostly not running text (see docs/adr/0025)
_SEEN_CHARS = 400  # patterns are applied to the two ends of a longer line, so that their time is bounded
_MOST_CHARS = 600  # what one line may contribute to the region
_STEM_CHARS = 6
_LEAST_STEM_CHARS = 5
_NEAR_LONG = 10  # long lines before and after a line whose words are compared with its own
_STEM = re.compile(rf"[^\W\d_]{{{_LEAST_STEM_CHARS},}}")
_LAST = re.compile(r"[.!?…:,;][“”\"»«’‘)\]]*$")
_INNER_END = re.compile(r"[a-zß-ÿ]{2}[.!?][“”\"»«)]?\s+[„»\"(]?[A-ZÀ-Þ]")
_QUOTE = re.compile(r"[„“”\"»«‚‘]")
_CLOCK = re.compile(r"\b\d{1,2}[:.]\d{2}\b")
_DATE = re.compile(r"\b\d{1,2}[./]\s?(?:\d{1,2}[./]|[A-Z][a-zä]+)\s?(?:\d{2,4})?|\b\d{4}-\d{2}-\d{2}\b")
_DOMAIN = re.compile(r"\b[\w-]+\.(?:de|at|ch|com|net|org|lu|li|info|tv)\b|://|@")
_BULLET = re.compile(r"\s*(?:[-*•–—·▪▶►■›»→+]|\d{1,2}[.)])\s")


def _bins(*edges: float) -> Callable[[float], int]:
    return lambda value: bisect_right(edges, value)


_WORD_BIN = _bins(2, 3, 4, 6, 9, 13, 20, 28, 40, 60, 90)
_SIZE_BIN = _bins(4, 9, 16, 30, 50)
_DISTANCE_BIN = _bins(1, 2, 3, 4, 7, 13, 26)
_COUNT_BIN = _bins(1, 2, 4, 11, 31, 101)
_SHARE_BIN = _bins(0.001, 0.2, 0.4, 0.7)
_OVERLAP_BIN = _bins(0.001, 0.34, 0.6)


@dataclass(frozen=True, slots=True)
class Shape:
    """What is counted once for a line: its words, its content stems, and whether it is a long line of running text."""

    words: int
    stems: frozenset[str]
    key: str
    long: bool


def _shape(line: Line) -> Shape:
    text = line.text
    stems = frozenset(word[:_STEM_CHARS].casefold() for word in _STEM.findall(text))
    return Shape(len(text.split()), stems, " ".join(text.casefold().split()), len(text) > LONG_CHARS)


def best_stretch(lines: Sequence[Line], penalty: int) -> tuple[int, int]:
    """Return the range of lines with the most text: long lines count their length, others cost ``penalty``."""
    best, best_range = 0, (0, 0)
    total, start = 0, 0
    for number, line in enumerate(lines):
        chars = len(line.text)
        total += min(chars, _MOST_CHARS) if chars > LONG_CHARS else -penalty
        if total <= 0:
            total, start = 0, number + 1
        elif total > best:
            best, best_range = total, (start, number + 1)
    return best_range


@dataclass(frozen=True, slots=True)
class Facts:
    """What the whole page says about its lines.

    ``anchors`` are the lines that surely are in the article, and ``own`` those that are on its topic and of some length.
    ``shares`` are the shares of each line's content words that the article's long lines have, or None without words.
    ``copied`` are the lines of which the page has a copy or a similar line.
    """

    anchors: Sequence[int]
    own: frozenset[int]
    shares: Sequence[float | None]
    copied: frozenset[int]


class _Overlap:
    """The share of a line's content words that also occur in the long lines near it, by a sliding count."""

    def __init__(self, shapes: Sequence[Shape], longs: Sequence[int]) -> None:
        self._shapes, self._longs = shapes, longs
        self._counts: Counter[str] = Counter()
        self._start = self._end = 0

    def share(self, number: int, start: int, end: int) -> float | None:
        """Return the share for the long lines from ``start`` to ``end``, which never decrease; None without words."""
        while self._end < end:
            self._counts.update(self._shapes[self._longs[self._end]].stems)
            self._end += 1
        while self._start < start:
            self._counts.subtract(self._shapes[self._longs[self._start]].stems)
            self._start += 1
        shape = self._shapes[number]
        at = bisect_left(self._longs, number)
        inside = start <= at < end and self._longs[at : at + 1] == [number]
        known = sum(1 for stem in shape.stems if self._counts[stem] > inside)
        return known / len(shape.stems) if shape.stems else None


def features(
    lines: Sequence[Line], verdicts: Sequence[Verdict | None], language: Language
) -> tuple[list[list[str]], Facts]:
    """Return the names of the features of each line, and the facts about the page.

    The running time is linear in the length of the page.
    """
    shapes = [_shape(line) for line in lines]
    own = [_own(*one, language.page) for one in zip(lines, shapes, verdicts, strict=True)]
    context, facts = _context(lines, shapes)
    page = _of_page(lines, shapes)
    short = [_brief(*one) for one in zip(lines, shapes, verdicts, strict=True)]
    found: list[list[str]] = []
    for number, names in enumerate(own):
        before = short[number - 1] if number else ("edge",)
        behind = short[number + 1] if number + 1 < len(lines) else ("edge",)
        around = (*(f"prev {name}" for name in before), *(f"next {name}" for name in behind))
        two = (
            *(f"prev2 {name}" for name in (short[number - 2] if number > 1 else ("edge",))),
            *(f"next2 {name}" for name in (short[number + 2] if number + 2 < len(lines) else ("edge",))),
        )
        found.append([*names, *context[number], *around, *two, *page])
    return found, facts


def _ending(text: str) -> str:
    match = _LAST.search(text[-8:])
    return match[0][0] if match else "none"


def _own(line: Line, shape: Shape, verdict: Verdict | None, page: PageGrammar) -> list[str]:
    text = line.text if len(line.text) <= _SEEN_CHARS else f"{line.text[: _SEEN_CHARS // 2]} {line.text[-_SEEN_CHARS // 2 :]}"
    words = text.split()
    size, ending = _SIZE_BIN(shape.words), _ending(text)
    capital = sum(word[:1].isupper() for word in words)
    digits = sum(map(str.isdigit, text))
    names = ["bias", f"words {_WORD_BIN(shape.words)}", f"end {ending}", f"size {size} end {ending}"]
    checks = {
        "inner end": _INNER_END.search(text),
        "lower": text[:1].islower(),
        "digit first": text[:1].isdigit(),
        "quote first": text[:1] in "„“\"»«‚",
        "quote": _QUOTE.search(text),
        "capitals": text.isupper() and len(text) > 3,  # noqa: PLR2004 - shorter ones are acronyms
        "digits": digits > 0,
        "many digits": digits * 4 > len(text),
        "date": _DATE.search(text),
        "clock": _CLOCK.search(text),
        "domain": _DOMAIN.search(text),
        "bullet": _BULLET.match(text),
        "bar": "|" in text or " / " in text,
        "slash": "/" in text,
        "dot": "·" in text or "•" in text,
        "copyright": "©" in text,
        "colon inside": ":" in text[:-1],
        "plus": "+" in text,
        "bracket end": text.endswith(")"),
        "verb": page.verb.search(text),
        "running": line.running,
        "blank before": line.after_blank,
        "all capital": capital == len(words) and len(words) > 1,
    }
    names += [name for name, found in checks.items() if found]
    names.append(f"size {size} capital {_SHARE_BIN(capital / max(1, len(words)))}")
    cues = [name for name, pattern in page.cues.items() if pattern.search(text)]
    names += (f"cue {name}" for name in cues)
    names += (f"size {size} cue {name}" for name in cues)
    names.append(f"size {size} cues {min(len(cues), 4)}")
    if verdict is not None:
        names += (f"verdict {verdict.reason}", f"weight {verdict.weight}")
    if line.reason is not None:
        names += ("reason", f"reason {line.reason}")
    return names


def _brief(line: Line, shape: Shape, verdict: Verdict | None) -> tuple[str, ...]:
    """Return the few features of a line that its neighbours see."""
    size = _SIZE_BIN(shape.words)
    names = [f"size {size}", f"size {size} end {_ending(line.text)}"]
    reason = line.reason or (verdict.reason if verdict is not None else None)
    if reason is not None:
        names.append(f"reason {reason}")
    if line.after_blank:
        names.append("blank before")
    return tuple(names)


def _context(lines: Sequence[Line], shapes: Sequence[Shape]) -> tuple[list[list[str]], Facts]:
    """Return the features of each line that depend on the whole page (place, neighbours, repetitions), and the facts."""
    longs = [number for number, shape in enumerate(shapes) if shape.long]
    near, region = _Overlap(shapes, longs), _Overlap(shapes, longs)
    stretches = {penalty: best_stretch(lines, penalty) for penalty in _PENALTIES}
    first, last = stretches[_PENALTIES[0]]
    in_region = bisect_left(longs, first), bisect_left(longs, last)
    copies = Counter(shape.key for shape in shapes)
    seen: Counter[str] = Counter()
    copied = frozenset(n for n, shape in enumerate(shapes) if copies[shape.key] > 1) | _similar(shapes)
    shares = [region.share(number, *in_region) for number in range(len(lines))]
    strong = [_is_strong(line, share) for line, share in zip(lines, shares, strict=True)]
    strongs = [0, *accumulate(strong)]
    meta = [0, *accumulate(line.reason in _META for line in lines)]
    sums = [0, *accumulate(shape.long for shape in shapes)]
    found: list[list[str]] = []
    for number, shape in enumerate(shapes):
        at = bisect_left(longs, number)
        size = _SIZE_BIN(shape.words)
        names: list[str] = []
        for penalty, stretch in stretches.items():
            place = _place(number, *stretch)
            names += (f"at {penalty} {place}", f"at {penalty} {place} size {size}")
        for name, share in (
            ("near", near.share(number, max(0, at - _NEAR_LONG), min(len(longs), at + _NEAR_LONG + shape.long))),
            ("region", shares[number]),
        ):
            bin_ = "none" if share is None else _OVERLAP_BIN(share)
            names += (f"{name} {bin_}", f"{name} {bin_} size {size}", f"{name} {bin_} {place.partition(' ')[0]}")
        ahead = longs[at + shape.long] - number if at + shape.long < len(longs) else _FAR
        behind = number - longs[at - 1] if at else _FAR
        names += (f"long ahead {_DISTANCE_BIN(ahead)}", f"long behind {_DISTANCE_BIN(behind)}")
        for reach in _REACHES:
            after = sums[min(len(lines), number + 1 + reach)] - sums[number + 1]
            above = sums[number] - sums[max(0, number - reach)]
            names += (f"longs after {reach} {_DISTANCE_BIN(after)}", f"longs above {reach} {_DISTANCE_BIN(above)}")
        rest, gone = strongs[-1] - strongs[number + 1], strongs[number]
        names += (f"strong after {min(rest, 3)}", f"strong above {min(gone, 3)}", f"strong after {min(rest, 3)} size {size}")
        names.append(f"strong above {min(gone, 1)} after {min(rest, 1)} size {size}")
        if strong[number]:
            names += ("strong", f"strong above {min(gone, 3)} after {min(rest, 3)}")
        below = meta[min(len(lines), number + 1 + _META_REACH)] - meta[number + 1]
        above = meta[number] - meta[max(0, number - _META_REACH)]
        names += (f"meta below {min(below, 1)} above {min(above, 1)}", f"meta below {min(below, 1)} above {min(above, 1)} size {size}")
        if number in copied:
            names += ("copied", f"copied size {size}")
        if copies[shape.key] > 1:
            names += ("repeated", f"repeated size {size}", "repeated above" if seen[shape.key] else "repeated below")
        if copies[shape.key] > seen[shape.key] + 1 and seen[shape.key]:
            names.append("repeated both")
        seen[shape.key] += 1
        if number == 0:
            names.append("first line")
        if number == len(lines) - 1:
            names.append("last line")
        found.append(names)
    own = (n for n, line in enumerate(lines) if _is_strong(line, shares[n], _OWN_CHARS))
    return found, Facts(_anchors(strong, first, last), frozenset(own), shares, copied)


_OWN_CHARS = 100
_SIMILAR = 0.6
_SIMILAR_STEMS = range(2, 12)
_MOST_LINES_OF_STEM = 12


def _similar(shapes: Sequence[Shape]) -> frozenset[int]:
    """Return the short lines that share most of their content words with another short line, as title and headline."""
    places: dict[str, list[int]] = defaultdict(list)
    for number, shape in enumerate(shapes):
        if len(shape.stems) in _SIMILAR_STEMS:
            for stem in shape.stems:
                places[stem].append(number)
    found: set[int] = set()
    for number, shape in enumerate(shapes):
        if len(shape.stems) in _SIMILAR_STEMS:
            others = Counter(n for stem in shape.stems if len(places[stem]) <= _MOST_LINES_OF_STEM for n in places[stem])
            if any(n != number and c >= _SIMILAR * len(shape.stems | shapes[n].stems) for n, c in others.items()):
                found.add(number)
    return frozenset(found)


def _anchors(strong: Sequence[bool], start: int, end: int) -> list[int]:
    """Return the long paragraphs on the topic in the long stretch, and those near it on both sides."""
    numbers = [number for number, is_strong in enumerate(strong) if is_strong]
    found = [number for number in numbers if start <= number < end]
    if not found:
        return []
    for number in (number for number in numbers if number >= end):
        if number - found[-1] <= _ANCHOR_GAP:
            found.append(number)
    for number in reversed([number for number in numbers if number < start]):
        if found[0] - number <= _ANCHOR_GAP:
            found.insert(0, number)
    return found


_PENALTIES = (80, 160)
_META = frozenset({"byline", "timestamp", "reading_time"})
_META_REACH = 6
_STRONG_CHARS = 200
_STRONG_SHARE = 0.3
_MOST_OFFERS = 2
_OFFERS = ("account", "mailing", "consent", "advert", "legal")


def _is_strong(line: Line, share: float | None, least: int = _STRONG_CHARS) -> bool:
    """Return whether the line is a paragraph of at least ``least`` characters on the topic of the long stretch."""
    if not line.running or line.reason is not None or len(line.text) < least or (share or 0) < _STRONG_SHARE:
        return False
    cues = line.page.cues
    offers = sum(name in cues and cues[name].search(line.text) is not None for name in _OFFERS)
    return offers < _MOST_OFFERS


_REACHES = (3, 8)
_FAR = 1_000


def _place(number: int, start: int, end: int) -> str:
    """Return where the line lies relative to the stretch from ``start`` to ``end``."""
    if start == end:
        return "none"
    if number < start:
        return f"before {_DISTANCE_BIN(start - number)}"
    if number >= end:
        return f"after {_DISTANCE_BIN(number - end + 1)}"
    return f"inside {min(number - start, 3)} {'last' if number == end - 1 else ''}"


def _of_page(lines: Sequence[Line], shapes: Sequence[Shape]) -> list[str]:
    """Return the features that all lines of a page share: how much of it lies outside the long stretch."""
    start, end = best_stretch(lines, _PENALTIES[0])
    outside = sum(not shape.long for shape in (*shapes[:start], *shapes[end:]))
    known = sum(line.reason is not None for line in lines)
    return [f"page lines {_COUNT_BIN(len(lines))}", f"page outside {_COUNT_BIN(outside)}", f"page known {_COUNT_BIN(known)}"]


@dataclass(frozen=True, slots=True)
class Weights:
    """The weights of a model.

    ``rows`` maps each feature to a row of ``emission`` (features x states). ``transition`` (states x states) and
    ``start`` (states) are logarithmic; what is not allowed is a very large negative number.
    """

    rows: dict[str, int]
    emission: "np.ndarray[Any, np.dtype[np.float64]]"
    transition: "np.ndarray[Any, np.dtype[np.float64]]"
    start: "np.ndarray[Any, np.dtype[np.float64]]"

    def scores(self, found: Sequence[Sequence[str]]) -> "np.ndarray[Any, np.dtype[np.float64]]":
        """Return the score of each state for each line (lines x states). Unknown features count nothing."""
        result = np.zeros((len(found), len(STATES)))
        for number, names in enumerate(found):
            known = [row for name in names if (row := self.rows.get(name)) is not None]
            result[number] = self.emission[known].sum(axis=0)
        return result


@cache
def read_weights(path: Path) -> Weights:
    """Read the weights of a language, which are whole hundredths in the file.

    Raises:
        OSError: the file cannot be read.
        ValueError: the states of the file are not those of this module.
    """
    content = json.loads(path.read_text("utf-8"))
    if tuple(content["states"]) != STATES:
        raise ValueError(f"{path.name}: the model has other states than this version")
    emission = np.array(list(content["features"].values()), dtype=float) / 100
    transition = np.where(ALLOWED, np.array(content["transition"], dtype=float) / 100, _NOTHING)
    start = np.where(STARTS, np.array(content["start"], dtype=float) / 100, _NOTHING)
    return Weights({name: row for row, name in enumerate(content["features"])}, emission, transition, start)


@dataclass(frozen=True, slots=True)
class Labelled:
    """The best state of each line, the probability of each state for each line (lines x states), and the facts."""

    states: tuple[str, ...]
    chances: "np.ndarray[Any, np.dtype[np.float64]]"
    facts: Facts

    def chance(self, number: int, states: frozenset[str]) -> float:
        """Return the probability that the line has one of ``states``."""
        return float(self.chances[number, [STATES.index(state) for state in states]].sum())


def label(lines: Sequence[Line], verdicts: Sequence[Verdict | None], language: Language, weights: Weights) -> Labelled:
    """Find the best sequence of states (Viterbi) and the probabilities (forward and backward sums)."""
    found, facts = features(lines, verdicts, language)
    scores = weights.scores(found)
    if not len(scores):
        return Labelled((), scores, facts)
    _forbid(scores, lines, verdicts, facts.anchors)
    best = scores[0] + weights.start
    pointers = np.zeros(scores.shape, dtype=np.int64)
    for number in range(1, len(scores)):
        ways = best[:, None] + weights.transition
        pointers[number] = ways.argmax(axis=0)
        best = ways.max(axis=0) + scores[number]
    path = [int(best.argmax())]
    for number in range(len(scores) - 1, 0, -1):
        path.append(int(pointers[number, path[-1]]))
    chances = _chances(scores, weights)
    states = _with_headline([STATES[state] for state in reversed(path)], lines, verdicts, chances, facts)
    return Labelled(tuple(states), chances, facts)


_HEAD_LINES = 40
_HEADLINE_WORDS = range(2, 26)
_USUAL_WORDS = range(4, 17)
_LEAD_CHARS = range(60, 600)


def _with_headline(
    states: list[str],
    lines: Sequence[Line],
    verdicts: Sequence[Verdict | None],
    chances: "np.ndarray[Any, np.dtype[np.float64]]",
    facts: Facts,
) -> list[str]:
    """Choose the headline among the lines above the text, and return the states that fit it.

    The field sees only neighbouring lines. What makes a headline is where it stands in the page: it has the words of
    the text below it, the page often repeats it, and the byline follows. The best sum of these points wins.
    """
    first = next((n for n, state in enumerate(states) if state in _TEXT and (n in facts.own or state == "text")), None)
    if first is not None and facts.anchors:
        first = min(first, facts.anchors[0])
    if not first:
        return states
    best: tuple[float, int] | None = None
    for number in range(max(0, first - _HEAD_LINES), first):
        points = _headline_points(number, first, lines, verdicts, chances, facts)
        if points is not None and (best is None or points >= best[0]):
            best = points, number
    if best is None or best[0] < _LEAST_POINTS:
        return states
    headline = best[1]
    found = ["before"] * headline + ["headline"]
    if headline and states[headline - 1] == "kicker":
        found[headline - 1] = "kicker"
    for number in range(headline + 1, first):
        state = states[number]
        found.append(state if state in _HEAD else "head_boilerplate")
    if "lead" not in (*found, *states[first : first + 2]):
        for number in range(headline + 1, first):
            line = lines[number]
            free = line.reason is None and verdicts[number] is None and line.running and number not in facts.copied
            if free and len(line.text) in _LEAD_CHARS and found[number] != "head_caption":
                found[number] = "lead"
                break
    return found + states[first:]


_LEAST_POINTS = 2.0


def _headline_points(
    number: int,
    first: int,
    lines: Sequence[Line],
    verdicts: Sequence[Verdict | None],
    chances: "np.ndarray[Any, np.dtype[np.float64]]",
    facts: Facts,
) -> float | None:
    """Return how much speaks for a line as headline of the text that begins at ``first``; None if it cannot be one."""
    line, verdict = lines[number], verdicts[number]
    words = len(line.text.split())
    known = line.reason is not None or (verdict is not None and verdict.weight != "doubt")
    if known or words not in _HEADLINE_WORDS or len(line.text) > _HEADLINE_CHARS:
        return None
    below = lines[number + 1 : min(first, number + 1 + _META_REACH)]
    points = 3 * (facts.shares[number] or 0) + 2 * float(chances[number, STATES.index("headline")])
    points += (words in _USUAL_WORDS) + 1.5 * (number in facts.copied)
    points += any(one.reason in _META for one in below) + 0.5 * any(one.running for one in below)
    points -= 0.08 * (first - number) + 1.5 * (_ending(line.text) in {".", ":", ","})
    return points


_FORBIDDEN = -1e4
_HEADLINE_CHARS = 200
_LEAD_WORDS = 6
_KICKER_WORDS = 8
_ANCHOR_GAP = 30


def _forbid(
    scores: "np.ndarray[Any, np.dtype[np.float64]]",
    lines: Sequence[Line],
    verdicts: Sequence[Verdict | None],
    anchors: Sequence[int],
) -> None:
    """Rule out states whose form does not fit, and the states outside the article between the first and last anchor."""
    headline, lead, kicker = (STATES.index(state) for state in ("headline", "lead", "kicker"))
    for number, (line, verdict) in enumerate(zip(lines, verdicts, strict=True)):
        words = len(line.text.split())
        known = line.reason is not None or (verdict is not None and verdict.weight != "doubt")
        if known or words < 2 or len(line.text) > _HEADLINE_CHARS:  # noqa: PLR2004 - one word is no headline
            scores[number, headline] += _FORBIDDEN
        if known or words < _LEAD_WORDS:
            scores[number, lead] += _FORBIDDEN
        if words > _KICKER_WORDS:
            scores[number, kicker] += _FORBIDDEN
    if anchors:
        scores[anchors[0] :, STATES.index("before")] += _FORBIDDEN
        scores[: anchors[-1] + 1, STATES.index("after")] += _FORBIDDEN


def _chances(
    scores: "np.ndarray[Any, np.dtype[np.float64]]", weights: Weights
) -> "np.ndarray[Any, np.dtype[np.float64]]":
    moves, emitted = np.exp(weights.transition), np.exp(scores - scores.max(axis=1, keepdims=True))
    forward, backward = np.zeros(scores.shape), np.ones(scores.shape)
    state = np.exp(weights.start) * emitted[0]
    for number in range(len(scores)):
        if number:
            state = (forward[number - 1] @ moves) * emitted[number]
        forward[number] = state / max(state.sum(), _LEAST)
    for number in range(len(scores) - 2, -1, -1):
        state = moves @ (emitted[number + 1] * backward[number + 1])
        backward[number] = state / max(state.sum(), _LEAST)
    result = forward * backward
    return np.asarray(result / np.maximum(result.sum(axis=1, keepdims=True), _LEAST))


_LEAST = 1e-300
