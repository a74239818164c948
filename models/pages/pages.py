"""News pages whose article was marked by an editor, and the state (such as headline or text) of each of their lines.

The folder of pages contains three kinds of files. ``NAME.json`` is the marked article with ``title``, ``summary`` and
``sections``, each of which has a ``headline`` and ``paragraphs``. ``NAME.html.gz`` is the HTML of the page.
``NAME.FORM.txt.gz`` is the text of the page, copied in one of the ways that `FORMS` lists. The part of NAME before the
first underscore is the publisher.
"""

import gzip
import json
import lzma
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lxml import html

from service.cleaning.boilerplate import Line, Verdict, read_lines
from service.cleaning.line_features import features
from service.cleaning.rules import remove_boilerplate, split_glued_lines
from service.languages.base import Language

FORMS = ("all", "column", "drag")
_WORD = re.compile(r"\w+")
_LEAST_WORDS = 5  # a shorter line is found only if it equals the whole paragraph
_NEARLY = 0.85
_MUCH = 0.5
_KICKER_WORDS = 6
_META_WORDS = 14
_CAPTION_CHARS = 120
_SAME_SITE = 0.09  # publishers that share at least this share of their lines count as one house
_META = frozenset({"byline", "timestamp", "reading_time"})
_CAPTIONS = frozenset({"photo_caption", "photo_credit", "source_credit"})
_CREDIT = re.compile(
    r"©|\b(?:Foto|Bild|Fotos|Grafik|Bildrechte|Quelle|Rechte)\s?:|\b(?:IMAGO|Getty|picture alliance)\b", re.IGNORECASE
)


def words(text: str) -> list[str]:
    """Return the words of a text in lower case, without soft hyphens and zero-width spaces."""
    plain = unicodedata.normalize("NFKC", text or "").replace("\u00ad", "").replace("\u200b", "")
    return [word.casefold() for word in _WORD.findall(plain)]


@dataclass(frozen=True, slots=True)
class Example:
    """A training example: the features and the state of each line of a text."""

    name: str
    publisher: str
    form: str
    features: Sequence[Sequence[str]]
    states: Sequence[str]


def gold_of(path: Path) -> Mapping[str, Any]:
    """Return the marked article of a page. ``path`` is the JSON file of the page."""
    found: Mapping[str, Any] = json.loads(path.read_text("utf-8"))
    return found


def body_of(gold: Mapping[str, Any]) -> list[str]:
    """Return the subheadings and paragraphs of the marked article ``gold``, in order."""
    return [line for section in gold["sections"] for line in (*section["headline"], *section["paragraphs"])]


def headings_of(gold: Mapping[str, Any], source: str) -> list[list[str]]:
    """Return the words of each possible title: the marked title, the ``h1`` headings and the ``og:title`` of the page.

    The headings of a page may be worded differently from the marked title. Titles of one word are left out. ``gold`` is
    the marked article, and ``source`` is the HTML of the page.
    """
    tree = html.document_fromstring(source.encode("utf-8"), parser=html.HTMLParser(encoding="utf-8"))
    social = (meta.get("content") or "" for meta in tree.iter("meta") if meta.get("property") == "og:title")
    titles = [gold["title"], *(heading.text_content() for heading in tree.iter("h1")), *social]
    return [found for title in titles if len(found := words(title)) > 1]


def read_text(path: Path) -> str:
    """Return the content of a text file that is compressed with gzip."""
    with gzip.open(path, "rt", encoding="utf-8", errors="replace") as file:
        return file.read()


def publisher_of(name: str) -> str:
    """Return the publisher of a page, which is the first part of the page's name."""
    return name.partition("_")[0]


def judged(text: str, language: Language) -> tuple[list[Line], list[Verdict | None]]:
    """Return the lines of a text, and the verdict of the cleaning rules about each line.

    The line model is not applied.
    """
    lines = split_glued_lines(read_lines(text, language))
    return lines, remove_boilerplate(lines, language)


def examples(folder: Path, language: Language) -> Iterator[Example]:
    """Yield the training examples from the pages in a folder.

    Each page whose text was copied yields one example for each of the `FORMS`.
    """
    for path in sorted(folder.glob("*.json")):
        name, gold = path.stem, gold_of(path)
        texts = {form: folder / f"{name}.{form}.txt.gz" for form in FORMS}
        if not texts["column"].exists():
            continue
        column = judged(read_text(texts["column"]), language)[0]
        headings = headings_of(gold, read_text(folder / f"{name}.html.gz"))
        kicker = _above_headline(column, headings)
        for form, file in texts.items():
            lines, verdicts = judged(read_text(file), language)
            states = mark(lines, verdicts, gold, headings, kicker)
            yield Example(name, publisher_of(name), form, features(lines, verdicts, language)[0], states)


def articles(path: Path, language: Language, count: int) -> Iterator[Example]:
    """Yield examples in which every line belongs to the article.

    Two thirds of the examples are whole articles, and one third are articles without headline and lead. ``path`` is an
    xz-compressed file of JSON lines with the fields ``split``, ``title``, ``summary`` and ``article``. ``count`` is the
    maximum number of examples.
    """
    with lzma.open(path, "rt", encoding="utf-8") as file:
        found = [item for line in file if (item := json.loads(line))["split"] == "train"]
    for number, item in enumerate(found[:: max(1, len(found) // count)][:count]):
        headed = number % 3 != 0
        head = [("headline", item["title"]), ("lead", item["summary"])] if headed else []
        parts = [*head, *((None, part) for part in re.split(r"\n+", item["article"]) if part.strip())]
        lines, verdicts = judged("\n\n".join(text for _, text in parts), language)
        marked = {" ".join(text.split()): kind for kind, text in parts if kind}
        states = [marked.get(" ".join(line.text.split())) or _article_state(line) for line in lines]
        if not lines or "headline" in states[1:] or "lead" in states[2:]:
            continue
        yield Example(
            f"article {number}", f"article {number}", "article", features(lines, verdicts, language)[0], states
        )


def _article_state(line: Line) -> str:
    if line.running:
        return "text"
    return "list" if _BULLET.match(line.text) or len(line.text.split()) > _SUBHEADING_WORDS else "subheading"


_BULLET = re.compile(r"[-*•–·]\s|\d+[.)]\s")
_SUBHEADING_WORDS = 12


def is_part(line: Sequence[str], unit: Sequence[str]) -> bool:
    """Return whether ``line`` equals ``unit``, is a part of ``unit``, or has nearly the same words as ``unit``.

    Both arguments are lists of words. ``unit`` is a title or a paragraph. A line of fewer than `_LEAST_WORDS` words
    must equal ``unit``. The lists have nearly the same words if their common words are at least the share `_NEARLY` of
    ``line`` and at least the share `_MUCH` of ``unit``.
    """
    if not line or not unit:
        return False
    if line == unit:
        return True
    if len(line) < _LEAST_WORDS:
        return False
    if f" {' '.join(line)} " in f" {' '.join(unit)} ":
        return True
    common = sum((Counter(line) & Counter(unit)).values())
    return common >= _NEARLY * len(line) and common >= _MUCH * len(unit)


def _headline_at(lines: Sequence[Sequence[str]], titles: Sequence[Sequence[str]], end: int) -> int | None:
    """Return the index of the headline in the first ``end`` lines, or None if there is no headline.

    The headline is the last line that equals one of ``titles``. If there is no such line, the last line that is part of
    a title is used. If there is no such line either, the last line is used that contains a title and has at most twice
    as many words.
    """
    same = [number for number in range(end) for title in titles if lines[number] == title]
    near = [number for number in range(end) for title in titles if is_part(lines[number], title)]
    more = [n for n in range(end) for title in titles if len(lines[n]) <= 2 * len(title) and is_part(title, lines[n])]
    return max(same or near or more, default=None)


def _above_headline(lines: Sequence[Line], titles: Sequence[Sequence[str]]) -> str | None:
    """Return the kicker of the article, which is the short line directly above the headline, or None.

    ``titles`` contains the words of each possible title.
    """
    found = [words(line.text) for line in lines]
    at = _headline_at(found, titles, len(lines))
    if not at or not 0 < len(found[at - 1]) <= _KICKER_WORDS or lines[at - 1].reason is not None:
        return None
    return lines[at - 1].text


def mark(
    lines: Sequence[Line],
    verdicts: Sequence[Verdict | None],
    gold: Mapping[str, Any],
    headings: Sequence[Sequence[str]],
    kicker: str | None,
) -> list[str]:
    """Return the state of each line.

    The lines are compared with the marked article ``gold`` and with ``headings``, the words of each possible title.
    ``verdicts`` are those of the cleaning rules, and ``kicker`` is the line above the headline.
    """
    found = [words(line.text) for line in lines]
    texts = [words(unit) for section in gold["sections"] for unit in section["paragraphs"]]
    subheadings = [words(unit) for section in gold["sections"] for unit in section["headline"]]
    leads = [words(unit) for unit in gold["summary"]]
    kinds = _kinds(found, texts, subheadings)
    inside = [number for number, kind in enumerate(kinds) if kind == "text"]
    if not inside:
        return ["before"] * len(lines)
    first, last = inside[0], inside[-1]
    topic = topic_of(gold)
    at = _headline_at(found, headings, first)
    lead = [n for n in range(first) if any(is_part(found[n], unit) for unit in leads) and (at is None or n > at)]
    if lead and at is None:
        lead = lead[-1:]
    start = min([first, *lead])
    top = start if at is None else at + 1
    states = ["before"] * top
    if at is not None:
        states[at] = "headline"
        if at and lines[at - 1].text == kicker:
            states[at - 1] = "kicker"
    for number, line in list(enumerate(lines))[top:]:
        if number in lead:
            states.append("lead")
        elif number > last:
            states.append("after")
        elif kinds[number] is not None and number >= first:
            states.append(str(kinds[number]))
        elif number > first and is_own(line, found[number], verdicts[number], topic):
            states.append("text")
        else:
            kind = _waste(lines, verdicts, number)
            states.append(f"head_{kind}" if number < first and at is not None else kind)
    return states


def topic_of(gold: Mapping[str, Any]) -> set[str]:
    """Return the words of the paragraphs of ``gold`` that have at least `_TOPIC_CHARS` characters, in lower case."""
    units = (unit for section in gold["sections"] for unit in section["paragraphs"])
    return {word for unit in units for word in words(unit) if len(word) >= _TOPIC_CHARS}


def is_own(line: Line, found: Sequence[str], verdict: Verdict | None, topic: set[str]) -> bool:
    """Return whether a line that is missing from the marked article probably belongs to the article.

    Some marked articles leave out list items or boxes. The line must be long running text that neither a cleaning rule
    nor a cue marks as boilerplate, and at least the share `_OWN_SHARE` of its longer words must be in ``topic``.
    ``found`` contains the words of the line, and ``topic`` contains the longer words of the marked article.
    """
    own = {word for word in found if len(word) >= _TOPIC_CHARS}
    if verdict is not None or line.reason is not None or len(line.text) < _OWN_CHARS or not line.running or not own:
        return False
    cues = {name for name, pattern in line.page.cues.items() if pattern.search(line.text)}
    return not cues & _FOREIGN_CUES and len(own & topic) >= _OWN_SHARE * len(own)


_TOPIC_CHARS = 5
_OWN_CHARS = 100
_OWN_SHARE = 0.35
_FOREIGN_CUES = frozenset({"account", "mailing", "consent", "advert", "legal", "credit", "sharing", "author", "poll"})


def _kinds(
    found: Sequence[Sequence[str]], texts: Sequence[Sequence[str]], titles: Sequence[Sequence[str]]
) -> list[str | None]:
    """Return the kind of each line: ``text``, ``list``, ``subheading`` or None.

    ``found`` contains the words of each line. ``texts`` and ``titles`` contain the words of each paragraph and of each
    subheading of the marked article. The kind is None if a line does not match any of them, or if the line is outside
    the part of the page that contains the article.
    """
    kinds: list[str | None] = []
    index: dict[str, list[int]] = defaultdict(list)
    for number, unit in enumerate(texts):
        for word in set(unit):
            index[word].append(number)
    for line in found:
        candidates = Counter(unit for word in set(line) for unit in index.get(word, ()))
        best = [unit for unit, _ in candidates.most_common(6)]
        if any(is_part(line, texts[unit]) for unit in best):
            kinds.append("text" if len(line) >= _LEAST_WORDS else "list")
        else:
            kinds.append("subheading" if list(line) in titles else None)
    sure = [number for number, line in enumerate(found) if kinds[number] == "text" and len(line) >= 2 * _LEAST_WORDS]
    if not sure:
        return kinds
    best = max(_runs(sure), key=lambda run: sum(len(found[number]) for number in run))
    first, last = best[0], best[-1]
    while first > 0 and any(kinds[first - n - 1] == "text" for n in range(min(first, 6))):
        first = next(first - n - 1 for n in range(6) if kinds[first - n - 1] == "text")
    while any(kind == "text" for kind in kinds[last + 1 : last + 7]):
        last = next(n for n in range(last + 1, last + 7) if kinds[n] == "text")
    return [kind if first <= number <= last else None for number, kind in enumerate(kinds)]


_GAP = 60


def _runs(numbers: Sequence[int]) -> list[list[int]]:
    runs = [[numbers[0]]]
    for number in numbers[1:]:
        if number - runs[-1][-1] > _GAP:
            runs.append([])
        runs[-1].append(number)
    return runs


def _waste(lines: Sequence[Line], verdicts: Sequence[Verdict | None], number: int) -> str:
    """Return the kind of a line that is between lines of the article but not part of its text.

    The result is ``meta``, ``caption`` or ``boilerplate``. ``number`` is the index of the line.
    """
    line, verdict = lines[number], verdicts[number]
    reasons = {line.reason, None if verdict is None else verdict.reason}
    if reasons & _META:
        return "meta"
    near = [
        one
        for one in lines[max(0, number - 1) : number + 2]
        if one is line or (line.running and len(one.text) < _CAPTION_CHARS)
    ]
    if reasons & _CAPTIONS or any(_CREDIT.search(one.text) for one in near):
        return "caption"
    cues = line.page.cues
    short = len(line.text.split()) <= _META_WORDS
    if short and not line.running and (cues["author"].search(line.text) or cues["time"].search(line.text)):
        return "meta"
    return "boilerplate"


def houses(folder: Path) -> dict[str, str]:
    """Map each publisher to its publishing house. Publishers whose pages share many lines count as one house."""
    lines: dict[str, set[str]] = defaultdict(set)
    for path in sorted(folder.glob("*.all.txt.gz")):
        lines[publisher_of(path.name)] |= {line.strip() for line in read_text(path).splitlines() if line.strip()}
    house = {name: name for name in lines}
    for name, own in lines.items():
        for other, theirs in lines.items():
            if name < other and len(own & theirs) >= _SAME_SITE * len(own | theirs):
                old, new = house[other], house[name]
                house = {one: new if where == old else where for one, where in house.items()}
    return house


def fold_of(folder: Path, held_out: Sequence[str], folds: int) -> dict[str, int]:
    """Map each publisher to the number of its fold.

    Publishers of the same publishing house are in the same fold (see `houses`). The publishers in ``held_out`` are in
    fold -1. ``folder`` contains the pages, and ``folds`` is the number of folds.
    """
    house = houses(folder)
    names = sorted({house[name] for name in house if name not in held_out})
    return {name: -1 if name in held_out else names.index(house[name]) % folds for name in house}
