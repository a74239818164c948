"""The features of the lines of a pasted page, by which the line model finds the article."""

import re
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from service.cleaning.boilerplate import Line, Verdict
from service.languages.base import Language
from service.languages.page import PageGrammar

LONG_CHARS = 80  # shorter lines are mostly not running text (see docs/adr/0026)
_SEEN_CHARS = 400  # in a longer line, patterns are applied only to the two ends, so that their running time is bounded
_MOST_CHARS = 600  # the maximum contribution of one line to the score of a range (see `best_stretch`)
_STEM_CHARS = 6
_LEAST_STEM_CHARS = 5
_NEAR_LONG = 10  # the words of a line are compared with this number of long lines before and after it
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
    """Properties of a line that are computed only once.

    ``words`` is the number of words. ``stems`` contains the first six letters of each content word, that is, of each
    word with at least five letters. ``key`` is the text in lower case with normalised white space, for comparisons.
    ``long`` is True if the line has more than ``LONG_CHARS`` characters and is not part of a reader's comment.
    """

    words: int
    stems: frozenset[str]
    key: str
    long: bool


def _shape(line: Line, *, comment: bool) -> Shape:
    text = line.text
    stems = frozenset(word[:_STEM_CHARS].casefold() for word in _STEM.findall(text))
    return Shape(len(text.split()), stems, " ".join(text.casefold().split()), len(text) > LONG_CHARS and not comment)


def best_stretch(lines: Sequence[Line], penalty: int) -> tuple[int, int]:
    """Return the range of consecutive lines that contains the most text, as a start index and an exclusive end index.

    The score of a range is the total length of its long lines in characters, minus ``penalty`` for each other line. A
    long line counts as at most ``_MOST_CHARS`` characters. Without a long line, the range is empty.
    """
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
    """Facts about the lines of a page that depend on the whole page. Lines are identified by their indices.

    ``anchors`` are lines that are almost certainly part of the article. ``own`` are paragraphs on the topic of the
    article. ``shares`` contains, for each line, the share of its content words that also occur in the long lines of the
    range with the most text, or None if the line has no content words. ``copied`` are lines that occur more than once
    on the page or closely resemble another line.
    """

    anchors: Sequence[int]
    own: frozenset[int]
    shares: Sequence[float | None]
    copied: frozenset[int]


class _Overlap:
    """A calculator for the share of a line's content words that also occur in a range of long lines.

    ``longs`` contains the indices of all long lines in ``shapes``. The word counts are updated incrementally as the
    range moves down the page.
    """

    def __init__(self, shapes: Sequence[Shape], longs: Sequence[int]) -> None:
        self._shapes, self._longs = shapes, longs
        self._counts: Counter[str] = Counter()
        self._start = self._end = 0

    def share(self, number: int, start: int, end: int) -> float | None:
        """Return the share for the line with index ``number`` and the items ``start`` to ``end`` of ``longs``.

        If the line is one of these long lines, its own words are not counted. ``start`` and ``end`` must not decrease
        from one call to the next. The result is None if the line has no content words.
        """
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
    """Return the names of the features of each line, and facts about the whole page.

    ``verdicts`` contains the verdict of the boilerplate rules on each line. The running time is linear in the length of
    the page.
    """
    end = comments_start(lines)
    shapes = [_shape(line, comment=number >= end) for number, line in enumerate(lines)]
    own = [_own(*one, language.page) for one in zip(lines, shapes, verdicts, strict=True)]
    context, facts = _context(lines, shapes, end)
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


def has_clock(text: str) -> bool:
    """Return whether a line contains a time of day."""
    return _CLOCK.search(text) is not None


def line_ending(text: str) -> str:
    """Return the punctuation mark at the end of a line, before closing quotation marks and brackets, or "none"."""
    match = _LAST.search(text[-8:])
    return match[0][0] if match else "none"


def _own(line: Line, shape: Shape, verdict: Verdict | None, page: PageGrammar) -> list[str]:
    text = (
        line.text
        if len(line.text) <= _SEEN_CHARS
        else f"{line.text[: _SEEN_CHARS // 2]} {line.text[-_SEEN_CHARS // 2 :]}"
    )
    words = text.split()
    size, ending = _SIZE_BIN(shape.words), line_ending(text)
    capital = sum(word[:1].isupper() for word in words)
    digits = sum(map(str.isdigit, text))
    names = ["bias", f"words {_WORD_BIN(shape.words)}", f"end {ending}", f"size {size} end {ending}"]
    checks = {
        "inner end": _INNER_END.search(text),
        "lower": text[:1].islower(),
        "digit first": text[:1].isdigit(),
        "quote first": text[:1] in '„“"»«‚',
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
    """Return the few features of a line that are also used as features of its neighbours."""
    size = _SIZE_BIN(shape.words)
    names = [f"size {size}", f"size {size} end {line_ending(line.text)}"]
    reason = line.reason or (verdict.reason if verdict is not None else None)
    if reason is not None:
        names.append(f"reason {reason}")
    if line.after_blank:
        names.append("blank before")
    return tuple(names)


def _context(lines: Sequence[Line], shapes: Sequence[Shape], end: int) -> tuple[list[list[str]], Facts]:
    """Return the features of each line that depend on the whole page, and the facts about the page.

    ``end`` is the index of the line where the comments of readers begin.
    """
    longs = [number for number, shape in enumerate(shapes) if shape.long]
    near, region = _Overlap(shapes, longs), _Overlap(shapes, longs)
    stretches = {penalty: best_stretch(lines[:end], penalty) for penalty in _PENALTIES}
    first, last = stretches[_PENALTIES[0]]
    in_region = bisect_left(longs, first), bisect_left(longs, last)
    copies = Counter(shape.key for shape in shapes)
    seen: Counter[str] = Counter()
    copied = frozenset(n for n, shape in enumerate(shapes) if copies[shape.key] > 1) | _similar(shapes)
    shares = [region.share(number, *in_region) for number in range(len(lines))]
    strong = [n < end and _is_strong(line, share) for n, (line, share) in enumerate(zip(lines, shares, strict=True))]
    strongs = [0, *accumulate(strong)]
    meta = [0, *accumulate(line.reason in META_REASONS for line in lines)]
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
        names += _around(number, size, strongs, meta)
        if strong[number]:
            names += (
                "strong",
                f"strong above {min(strongs[number], 3)} after {min(strongs[-1] - strongs[number + 1], 3)}",
            )
        if number in copied:
            names += ("copied", f"copied size {size}")
        names += _repetition(shape, size, copies, seen)
        names += [name for name, place in (("first line", 0), ("last line", len(lines) - 1)) if number == place]
        found.append(names)
    own = (n for n, line in enumerate(lines[:end]) if _is_strong(line, shares[n], _OWN_CHARS))
    anchors = _anchors(strong, first, last)
    anchors += _later_runs(lines[:end], shares, anchors[-1] if anchors else last - 1)
    return found, Facts(_before_comments(lines, anchors), frozenset(own) | set(anchors), shares, copied)


def _around(number: int, size: int, strongs: Sequence[int], meta: Sequence[int]) -> Iterator[str]:
    """Yield the features that describe how many strong lines and metadata lines surround the line ``number``.

    ``strongs`` and ``meta`` are cumulative counts: item n is the number of such lines before line n. A strong line is a
    long paragraph on the topic of the article (see `_is_strong`). Metadata lines are bylines, timestamps and reading
    times. ``size`` is the class of the line's length.
    """
    rest, gone = strongs[-1] - strongs[number + 1], strongs[number]
    yield f"strong after {min(rest, 3)}"
    yield f"strong above {min(gone, 3)}"
    yield f"strong after {min(rest, 3)} size {size}"
    yield f"strong above {min(gone, 1)} after {min(rest, 1)} size {size}"
    below = meta[min(len(meta) - 1, number + 1 + META_REACH)] - meta[number + 1]
    above = meta[number] - meta[max(0, number - META_REACH)]
    yield f"meta below {min(below, 1)} above {min(above, 1)}"
    yield f"meta below {min(below, 1)} above {min(above, 1)} size {size}"


def _repetition(shape: Shape, size: int, copies: Counter[str], seen: Counter[str]) -> Iterator[str]:
    """Yield the features of a line whose text occurs several times on the page, and count the line in ``seen``.

    ``copies`` counts the lines of the page by key, and ``seen`` the lines above this line. ``size`` is the class of the
    line's length.
    """
    if copies[shape.key] > 1:
        yield "repeated"
        yield f"repeated size {size}"
        yield "repeated above" if seen[shape.key] else "repeated below"
    if copies[shape.key] > seen[shape.key] + 1 and seen[shape.key]:
        yield "repeated both"
    seen[shape.key] += 1


_OWN_CHARS = 100
_SIMILAR = 0.6
_SIMILAR_STEMS = range(2, 12)
_MOST_LINES_OF_STEM = 12


def _similar(shapes: Sequence[Shape]) -> frozenset[int]:
    """Return the indices of short lines that share most of their content words with another short line.

    The page title and the headline are such a pair, for example.
    """
    places: dict[str, list[int]] = defaultdict(list)
    for number, shape in enumerate(shapes):
        if len(shape.stems) in _SIMILAR_STEMS:
            for stem in shape.stems:
                places[stem].append(number)
    found: set[int] = set()
    for number, shape in enumerate(shapes):
        if len(shape.stems) in _SIMILAR_STEMS:
            others = Counter(
                n for stem in shape.stems if len(places[stem]) <= _MOST_LINES_OF_STEM for n in places[stem]
            )
            if any(n != number and c >= _SIMILAR * len(shape.stems | shapes[n].stems) for n, c in others.items()):
                found.add(number)
    return frozenset(found)


def _anchors(strong: Sequence[bool], start: int, end: int) -> list[int]:
    """Return the indices of the strong lines in the range from ``start`` to ``end``, and of those near this range.

    If there is no strong line in the range, the list is empty. ``strong`` contains, for each line, whether it is strong
    (see `_is_strong`).
    """
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


def _later_runs(lines: Sequence[Line], shares: Sequence[float | None], last: int) -> list[int]:
    """Return the indices of paragraphs below the line ``last`` that continue the article after an interruption.

    At most 24 lines, such as links to other articles, may interrupt the text. At least two long paragraphs on the topic
    of the article must follow each other directly, because this is rare in teasers and comments.
    """
    found: list[int] = []
    run: list[int] = []
    for number in range(max(0, last + 1), len(lines)):
        if number - (found[-1] if found else last) > _RUN_GAP and not run:
            break
        if _is_strong(lines[number], shares[number], _RUN_CHARS, _RUN_SHARE):
            run.append(number)
            continue
        if run == [number - 1] and not lines[number].running:
            continue  # a caption may follow the first paragraph of the run
        found += _whole_run(run, shares)
        run = []
    return found + _whole_run(run, shares)


def _whole_run(run: list[int], shares: Sequence[float | None]) -> list[int]:
    on_topic = max((shares[number] or 0 for number in run), default=0) >= _STRONG_SHARE
    adjacent = any(other - one == 1 for one, other in pairwise(run))
    return run if adjacent and on_topic else []


_COMMENT_ROWS = 2
_COMMENT_REACH = 40


def comments_start(lines: Sequence[Line]) -> int:
    """Return the index of the line where the comments of readers begin, or the number of lines if there are none.

    Comments are recognised by at least two lines with their buttons ("Antworten"). They begin at their heading or, if
    there is none in the 39 lines above the first button, at this button.
    """
    rows = [n for n, line in enumerate(lines) if not line.running and line.page.comment_row.fullmatch(line.text)]
    if len(rows) < _COMMENT_ROWS:
        return len(lines)
    above = range(rows[0], max(0, rows[0] - _COMMENT_REACH), -1)
    heading = next((n for n in above if lines[n].page.comments.fullmatch(lines[n].text)), None)
    return rows[0] if heading is None else heading


def _before_comments(lines: Sequence[Line], anchors: list[int]) -> list[int]:
    """Return the anchors above the heading of the comments section.

    If there is no such heading, or if no more than half of the anchors' text is above it, return all anchors.
    """
    for number in range(anchors[0] if anchors else len(lines), len(lines)):
        if not lines[number].running and lines[number].page.comments.fullmatch(lines[number].text):
            above = [one for one in anchors if one < number]
            if 2 * sum(len(lines[one].text) for one in above) > sum(len(lines[one].text) for one in anchors):
                return above
    return anchors


_RUN_CHARS = 140
_RUN_SHARE = 0.15
_RUN_GAP = 24
_PENALTIES = (80, 160)
META_REASONS = frozenset({"byline", "timestamp", "reading_time"})
META_REACH = 6
_STRONG_CHARS = 200
_STRONG_SHARE = 0.3
_MOST_OFFERS = 2
_SURE_CHARS = 400  # the words of offers do not count against a longer paragraph
_SURE_SHARE = 0.4
_ANCHOR_GAP = 30
_OFFERS = ("account", "mailing", "consent", "advert", "legal")


def _is_strong(line: Line, share: float | None, least: int = _STRONG_CHARS, least_share: float = _STRONG_SHARE) -> bool:
    """Return whether the line is a kept paragraph on the topic of the article with at least ``least`` characters.

    ``share`` is the share of the line's content words that also occur in the long lines of the article (see `Facts`).
    It must be at least ``least_share``. A line with the words of two kinds of offers, such as an account and a mailing
    list, is not strong, unless it has at least 400 characters and ``share`` is at least 0.4.
    """
    if not line.running or line.reason is not None or len(line.text) < least or (share or 0) < least_share:
        return False
    if len(line.text) >= _SURE_CHARS and (share or 0) >= _SURE_SHARE:
        return True
    cues = line.page.cues
    offers = sum(name in cues and cues[name].search(line.text) is not None for name in _OFFERS)
    return offers < _MOST_OFFERS


_REACHES = (3, 8)
_FAR = 1_000


def _place(number: int, start: int, end: int) -> str:
    """Return the feature for the position of the line ``number`` relative to the range from ``start`` to ``end``."""
    if start == end:
        return "none"
    if number < start:
        return f"before {_DISTANCE_BIN(start - number)}"
    if number >= end:
        return f"after {_DISTANCE_BIN(number - end + 1)}"
    return f"inside {min(number - start, 3)} {'last' if number == end - 1 else ''}"


def _of_page(lines: Sequence[Line], shapes: Sequence[Shape]) -> list[str]:
    """Return the features that are the same for all lines of a page.

    These features depend on the number of lines, the number of short lines outside the range with the most text, and
    the number of lines that the rules have recognised as boilerplate.
    """
    start, end = best_stretch(lines, _PENALTIES[0])
    outside = sum(not shape.long for shape in (*shapes[:start], *shapes[end:]))
    known = sum(line.reason is not None for line in lines)
    return [
        f"page lines {_COUNT_BIN(len(lines))}",
        f"page outside {_COUNT_BIN(outside)}",
        f"page known {_COUNT_BIN(known)}",
    ]
