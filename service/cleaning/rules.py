"""Removal of boilerplate lines from a pasted text by rules: their wording, their form, and their neighbours."""

import re
from collections import Counter
from collections.abc import Iterator
from itertools import dropwhile, islice, takewhile

from service.cleaning.boilerplate import (
    SURE_WORDS,
    Line,
    Verdict,
    glued_meta_chars,
    has_inner_end,
    is_caption,
    judge,
    photo_credit_chars,
    source_credit_chars,
)
from service.languages.base import Language

MAYBE_CAPTION_WORDS = 30
PARAGRAPH_CHARS = 200
_MAX_CREDIT_CHARS = 160
_TOPIC_WORDS = 6
_TO_THE_END = frozenset({"related", "partner"})  # below such a heading at the end of a page, there is no article text
# A single date or button next to one of these lines is boilerplate. Next to a photo credit it may be a subheading.
_BOILERPLATE_NEIGHBOURS = frozenset(
    {"advert", "byline", "control", "partner", "reading_time", "related", "timestamp", "topics"}
)
_LEAST_OTHERS = 5  # in a shorter text, a caption with a credit may be the text itself, so only its credit is removed
_BELOW_LEAD = frozenset({"byline", "timestamp"})
_KICKER_COLON = re.compile(r"\S\s*\n\s*:\s*\n\s*\S")
_MOST_NAME_LINES = 4
_QUESTION_WORDS, _ANSWER_WORDS = 25, 12
_LEAST_ANSWERS, _MOST_ANSWERS = 3, 8
_NUMBERED = re.compile(r"\d{1,2}\.\s+(.+)")

MAYBE_BOILERPLATE = "This line may be page boilerplate; it was kept."
MAYBE_CAPTION = "This paragraph may be the caption of a photo whose credit was removed; it was kept."
MAYBE_ITEM = "This line may be a subheading or the last link in a list; it was kept."
AFTER_HEADING = "This text follows a boilerplate heading; it was kept."


def split_glued_lines(lines: list[Line]) -> list[Line]:
    """Split off bylines, timestamps, button labels and credits from the ends of paragraphs, and mark them as removed.

    A caption is marked as removed together with its credit, unless the caption may be the text itself. Return all lines
    in order.
    """
    running = sum(line.running for line in lines)
    last = max((number for number, line in enumerate(lines) if line.running), default=0)
    result: list[Line] = []
    for number, line in enumerate(lines):
        if running > _LEAST_OTHERS and number != last and is_caption(line):
            line.reason = "photo_caption"
            result.append(line)
            continue
        neighbours = (*lines[max(0, number - 1) : number], *lines[number + 1 : number + 2])
        by_picture = any(_is_photo_credit(other) for other in neighbours)
        result.extend(_split_glued_line(line, by_picture=by_picture, alone=running - line.running == 0))
    return result


def _is_photo_credit(line: Line) -> bool:
    return len(line.text) <= _MAX_CREDIT_CHARS and line.page.photo_credit.fullmatch(line.text) is not None


def _split_glued_line(line: Line, *, by_picture: bool, alone: bool) -> Iterator[Line]:
    chars = glued_meta_chars(line)
    if chars:
        text, meta = line.cut(len(line.text) - chars)
        byline = any(c.isdigit() for c in meta.text) or line.page.byline_start.match(meta.text) is not None
        meta.reason = "byline" if byline else "control"
        yield from (text, meta)
        return
    clear = photo_credit_chars(line)
    chars = clear or source_credit_chars(line)
    if not chars:
        yield line
        return
    text, credit = line.cut(len(line.text) - chars)
    words = len(text.text.split())
    if (clear or by_picture) and words < SURE_WORDS and not alone:
        line.reason = "photo_caption"
        yield line
        return
    credit.reason = "photo_credit" if clear else "source_credit"
    text.doubt = MAYBE_CAPTION if words <= MAYBE_CAPTION_WORDS else None
    yield from (text, credit)


def remove_boilerplate(lines: list[Line], language: Language) -> list[Verdict | None]:
    """Set ``reason`` for each line that is boilerplate according to its wording, its form and its neighbours.

    Return the verdict on each line. It is None for a line that was already removed or does not look like boilerplate.
    """
    verdicts = [judge(line.text, language) if line.kept else None for line in lines]
    for line, verdict in zip(lines, verdicts, strict=True):
        if verdict is not None and verdict.weight == "sure":
            line.reason = verdict.reason
    _remove_numbered_path(lines)
    _remove_split_bylines(lines)
    _remove_polls(lines)
    _remove_kicker_teasers(lines)
    _remove_blocks(lines, verdicts)
    _remove_neighbours(lines, verdicts)
    return verdicts


def _remove_numbered_path(lines: list[Line]) -> None:
    """Mark the lines of a numbered breadcrumb trail above the text as removed ("1. Startseite", "2. Politik")."""
    above = takewhile(lambda line: not line.running, lines)
    path = dropwhile(lambda line: not _NUMBERED.fullmatch(line.text), above)
    crumbs = list(takewhile(lambda line: _NUMBERED.fullmatch(line.text), path))
    root = _NUMBERED.fullmatch(crumbs[0].text) if crumbs else None
    if root is not None and root[1] in crumbs[0].page.roots:
        for crumb in crumbs:
            crumb.reason = "breadcrumb"


def _remove_split_bylines(lines: list[Line]) -> None:
    """Mark as removed each line that is a word such as "Von", and up to four lines of names directly below it."""
    for number, line in enumerate(lines):
        if line.page.byline_start.fullmatch(line.text) is None:
            continue
        names = takewhile(_is_names, lines[number + 1 : number + 1 + _MOST_NAME_LINES])
        for one in (line, *names):
            one.reason = one.reason or "byline"


def _is_names(line: Line) -> bool:
    return line.page.bare_names.fullmatch(line.text.rstrip(" ,")) is not None


def _remove_polls(lines: list[Line]) -> None:
    """Mark reader polls as removed: a question, and at least three short answers, including one such as yes or no."""
    for number, line in enumerate(lines):
        if not line.text.endswith("?") or len(line.text.split()) > _QUESTION_WORDS:
            continue
        short = takewhile(_may_be_answer, lines[number + 1 :])
        answers = list(islice(short, _MOST_ANSWERS))
        if len(answers) >= _LEAST_ANSWERS and any(one.page.answer.fullmatch(one.text) for one in answers):
            for one in (line, *answers):
                one.reason = one.reason or "boilerplate"


def _may_be_answer(line: Line) -> bool:
    return "?" not in line.text and len(line.text.split()) <= _ANSWER_WORDS


def _remove_kicker_teasers(lines: list[Line]) -> None:
    """Mark as removed each teaser in the text that consists of a kicker, a colon on a separate line, and a headline.

    Only the lines below the first long paragraph are examined.
    """
    first = next((n for n, line in enumerate(lines) if line.running and len(line.text) >= PARAGRAPH_CHARS), len(lines))
    for line in lines[first + 1 :]:
        if _KICKER_COLON.search(line.text) is not None and line.reason is None:
            line.reason = "related"


def _remove_blocks(lines: list[Line], verdicts: list[Verdict | None]) -> None:
    last_running = max((number for number, line in enumerate(lines) if line.kept and line.running), default=-1)
    to_the_end: str | None = None
    links_above = False
    for number, (line, verdict) in enumerate(zip(lines, verdicts, strict=True)):
        if verdict is not None and verdict.opens:
            endless = verdict.reason in _TO_THE_END
            to_the_end = verdict.reason if number > last_running and (to_the_end or endless) else None
            links_above = links_above or endless
            _remove_list(lines, number, verdict.reason)
        elif line.kept and to_the_end is not None:
            line.reason = to_the_end
        elif line.kept and line.running and links_above:
            line.doubt, links_above = AFTER_HEADING, False


def _remove_list(lines: list[Line], heading: int, reason: str) -> None:
    """Mark the block below the boilerplate heading at index ``heading`` as removed, with the code ``reason``.

    The block consists of the lines directly below the heading, up to the first line of running text. If a blank line
    follows the heading, and it is not that of an advert, the block consists of the lines below it that are separated by
    blank lines. A line of more than six words ends a block of topics. The last line is kept if it may be a subheading.
    """
    items = list(_items(lines, heading, reason, parted=False))
    if not items and reason != "advert":
        items = list(_items(lines, heading, reason, parted=True))
    after = heading + 1 + len(items)
    if items and after < len(lines) and lines[after].running and _may_be_subheading(items, reason, lines[after]):
        items.pop().doubt = MAYBE_ITEM
    for item in items:
        item.reason = reason


def _may_be_subheading(items: list[Line], reason: str, below: Line) -> bool:
    """Return whether the last line in ``items`` may be a subheading of the text in the line ``below``."""
    alone = len(items) == 1
    if not alone and items[-1].text[0] == items[-2].text[0] and not items[-1].text[0].isalnum():
        return False  # the previous item has the same bullet
    return items[-1].after_blank or not below.after_blank or (alone and reason == "advert")


def _items(lines: list[Line], heading: int, reason: str, *, parted: bool) -> Iterator[Line]:
    for number in range(heading + 1, len(lines)):
        line = lines[number]
        if line.running or not line.kept or line.after_blank != parted:
            return
        if reason == "topics" and len(line.text.split()) > _TOPIC_WORDS:
            return
        yield line


def _remove_neighbours(lines: list[Line], verdicts: list[Verdict | None]) -> None:
    """Mark lines that may be boilerplate as removed if they are above the text, below it or next to boilerplate.

    A byline or timestamp directly below the first paragraph is also marked, unless this paragraph is the first line.
    Set ``doubt`` for all other lines that may be boilerplate. Lines that may be breadcrumbs are not changed.
    """
    running = [number for number, line in enumerate(lines) if line.kept and line.running]
    first, last = (running[0], running[-1]) if running else (0, len(lines))
    order = range(len(lines))
    for number in (*order, *reversed(order)):  # in both directions, so a whole row of such lines is removed
        line, verdict = lines[number], verdicts[number]
        if verdict is None or verdict.weight != "context" or not line.kept or verdict.reason == "breadcrumb":
            continue
        below_lead = number == first + 1 and first > 0 and verdict.reason in _BELOW_LEAD
        if below_lead or not first <= number <= last or _is_next_to_boilerplate(lines, number):
            line.reason = verdict.reason
    for line, verdict in zip(lines, verdicts, strict=True):
        if verdict is not None and line.kept and verdict.reason != "breadcrumb":
            line.doubt = line.doubt or MAYBE_BOILERPLATE


def _is_next_to_boilerplate(lines: list[Line], number: int) -> bool:
    neighbours = (*lines[max(0, number - 1) : number], *lines[number + 1 : number + 2])
    return any(neighbour.reason in _BOILERPLATE_NEIGHBOURS for neighbour in neighbours)


_DIGEST_ITEMS = range(2, 9)
_DIGEST_WORDS = 40
_LEAST_QUOTE_WORDS = 5
_NO_LETTERS = re.compile(r"[\W_]+")


def doubt_repetitions(lines: list[Line]) -> None:
    """Set ``unsure`` for paragraphs that repeat content of the article.

    These are the items of a box with the main points of the article, captions and teasers that the page shows twice,
    and pull quotes, that is, sentences of the article that are repeated in large letters.
    """
    for number, line in enumerate(lines):
        if line.page.digest.fullmatch(line.text.strip(" :")):
            items = list(islice(takewhile(_may_be_item, lines[number + 1 :]), _DIGEST_ITEMS.stop))
            if len(items) in _DIGEST_ITEMS:
                for item in items:
                    item.unsure = item.kept
    body = [line for line in lines if line.kept and line.part == "body"]
    for line in _repeated(body):
        line.unsure = True


def _repeated(lines: list[Line]) -> Iterator[Line]:
    """Yield the lines of 5 to 30 words that occur a second time in ``lines``, alone or within another line.

    Case and punctuation are ignored.
    """
    found = [_NO_LETTERS.sub(" ", line.text.casefold()).split() for line in lines]
    size = _LEAST_QUOTE_WORDS
    starts = Counter(tuple(words[n : n + size]) for words in found for n in range(len(words) - size + 1))
    whole = "\n".join(f" {' '.join(words)} " for words in found)
    for line, words in zip(lines, found, strict=True):
        # Most lines are not compared with the whole text, because the five words at their beginning occur only once.
        may_repeat = size <= len(words) <= MAYBE_CAPTION_WORDS and starts[tuple(words[:size])] > 1
        if may_repeat and whole.count(f" {' '.join(words)} ") > 1:
            yield line


def _may_be_item(line: Line) -> bool:
    """Return whether the line may be an item of a box with the main points of the article."""
    return line.running and len(line.text.split()) <= _DIGEST_WORDS and not has_inner_end(line.text)
