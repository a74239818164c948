"""Placement of required terms, addresses and numerals in a translation."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from service.domain import Link, Span
from service.terms.constraints import Kind, TermConstraint

_ADDRESS = re.compile(
    r"""(?P<email>(?<![\w.+-])[\w+-]+(?:\.[\w+-]+)*@[\w-]+(?:\.[\w-]+)+)
      | (?P<url>(?:https?://|ftp://|www\.)[^\s<>"„“”»«]+)
      | (?P<domain>(?<![\w@.-])(?:[a-z0-9-]{2,}\.)+(?:de|at|ch|com|org|net|eu|info)(?:/[^\s<>"„“”»«]*)?(?![\w-]))
      | (?P<handle>(?<!\w)@\w{2,})""",
    re.VERBOSE,
)
_SIGNS = ("@", "://", "www.")
_INNER_STOP = re.compile(r"\.[a-z]")
"""It or one of the signs stands in every address; most sentences have none, and are done with."""
# What ends a sentence or closes a bracket behind an address is none of it.
_TRAILING = ".,;:!?)]}'’…"


def addresses(text: str) -> list[TermConstraint]:
    """Every address in ``text``, in order."""
    if _INNER_STOP.search(text) is None and not any(sign in text for sign in _SIGNS):
        return []
    found = []
    for match in _ADDRESS.finditer(text):
        whole = match.group()
        kept = whole.rstrip(_TRAILING)
        if whole[len(kept) : len(kept) + 1] == ")" and kept.count("(") > kept.count(")"):
            kept += ")"
        if kept:
            span = Span(match.start(), match.start() + len(kept))
            found.append(TermConstraint(span, kept, "address", kept))
    return found


MONTHS = ("January February March April May June July August September October November December").split()
SMALL = {
    "zwei": 2, "drei": 3, "vier": 4, "fünf": 5, "sechs": 6, "sieben": 7, "acht": 8, "neun": 9, "zehn": 10, "elf": 11,
    "zwölf": 12, "zwanzig": 20, "dreißig": 30, "vierzig": 40, "fünfzig": 50, "hundert": 100,
}  # fmt: skip
LARGE = {"millionen": "million", "milliarden": "billion", "billionen": "trillion"}
UNITS = {"euro": "euro", "dollar": "dollar", "franken": "franc", "pfund": "pound"}

MOST_DAYS = 31

_DATE = re.compile(r"(?<![\d.])(\d{1,2})\.\s?(\d{1,2})\.(?:\s?((?:19|20)\d\d)(?!\d))?(?![\d])")
_TIME = re.compile(r"(?<![\d.,])(\d{1,2})[.:](\d\d)(?=\s?Uhr\b)")
_AMOUNT = re.compile(
    rf"(?<!\w)({'|'.join(SMALL)}|\d+(?:,\d+)?)-({'|'.join(LARGE)})-({'|'.join(UNITS)})(?![a-zäöüß])", re.IGNORECASE
)
_NUMBER = re.compile(r"(?<![\w.,:/-])(\d{1,3}(?:\.\d{3})+(?:,\d+)?|\d+,\d+)(?![\w]|[.,:/]\d)")
_MARKED = re.compile(r"\d[.,:]")
"""Stands in every date, time and number; like the two hyphens of an amount, it is found much faster, and seldom."""


def numerals(text: str) -> list[TermConstraint]:
    """Every numeral in ``text`` whose English form is another one, in order, none inside another."""
    if _MARKED.search(text) is None and text.count("-") < 2:  # noqa: PLR2004 - "Elf-Milliarden-Euro"
        return []
    found: list[TermConstraint] = []
    for pattern, form in _FORMS:
        for match in pattern.finditer(text):
            span = Span(*match.span())
            required = form(match, span)
            if required is not None and not any(_meet(span, other.span) for other in found):
                found.append(required)
    return sorted(found, key=lambda one: one.span)


def _meet(one: Span, other: Span) -> bool:
    return one.start < other.end and other.start < one.end


def _date(match: re.Match[str], span: Span) -> TermConstraint | None:
    day, month, year = int(match[1]), int(match[2]), match[3]
    if not (1 <= day <= MOST_DAYS and 1 <= month <= len(MONTHS)):
        return None
    name = MONTHS[month - 1]
    end = f" {year}" if year else ""
    american = f"{name} {day}, {year}" if year else f"{name} {day}"
    accepted = (american, f"{day}th {name}{end}", f"{name} {day}{end}", f"{day} {name[:3]}{end}")
    return TermConstraint(span, f"{day} {name}{end}", "date", match.group(), accepted)


def _time(match: re.Match[str], span: Span) -> TermConstraint | None:
    hour, minute = int(match[1]), match[2]
    if hour > 24 or int(minute) > 59:  # noqa: PLR2004 - hours and minutes of a day
        return None
    half_day = f"{(hour - 1) % 12 + 1}:{minute}"
    return TermConstraint(span, f"{hour}:{minute}", "date", match.group(), (half_day, f"{hour:02}:{minute}"))


def _amount(match: re.Match[str], span: Span) -> TermConstraint:
    count = match[1].casefold()
    size = str(SMALL[count]) if count in SMALL else count.replace(",", ".")
    large, unit = LARGE[match[2].casefold()], UNITS[match[3].casefold()]
    accepted = (f"{size} {large} {unit}", f"{size}-{large} {unit}", f"{size} {large}-{unit}", f"€{size} {large}")
    return TermConstraint(span, f"{size}-{large}-{unit}", "number", match.group(), accepted)


def _number(match: re.Match[str], span: Span) -> TermConstraint:
    german = match.group()
    english = german.translate(str.maketrans(".,", ",."))
    return TermConstraint(span, english, "number", german, (english.replace(",", ""), english.replace(",", " ")))


Form = Callable[[re.Match[str], Span], TermConstraint | None]
_FORMS: tuple[tuple[re.Pattern[str], Form], ...] = (
    (_DATE, _date),
    (_TIME, _time),
    (_AMOUNT, _amount),
    (_NUMBER, _number),
)


# These are kept at any price; a term is only put where the alignment shows the word that it replaces.
INSERTED: frozenset[Kind] = frozenset({"kept", "address"})
_WORD = re.compile(r"\w+(?:[-’'.,/]\w+)*|\S")
_DIGIT = re.compile(r"\d")


@dataclass(frozen=True, slots=True)
class Placed:
    """A sentence with what it needs: its text, its links moved along, and which of the required stand in it."""

    text: str
    links: tuple[Link, ...]
    applied: tuple[TermConstraint, ...]
    missing: tuple[TermConstraint, ...]


@dataclass(frozen=True, slots=True)
class _Edit:
    span: Span
    text: str


def place(output: str, links: Sequence[Link], required: Sequence[TermConstraint]) -> Placed:
    """Make each of ``required`` (none inside another) stand in ``output``, once for each time it is required.

    What stands there already, in one of its accepted forms, is left alone. Otherwise a copy of the German form is
    replaced, then the words that the links give for it; ``INSERTED`` kinds go behind the nearest earlier word.
    """
    taken: list[Span] = []
    edits: list[_Edit] = []
    applied, missing = [], []
    for one in required:
        found = _standing(output, one, taken)
        if found is None and (edit := _edit(output, links, one, taken)) is not None:
            edits.append(edit)
            found = edit.span
        if found is None:
            missing.append(one)
            continue
        taken.append(found)
        applied.append(one)
    text, moved = _edited(output, links, edits)
    return Placed(text, moved, tuple(applied), tuple(missing))


def _standing(output: str, one: TermConstraint, taken: Sequence[Span]) -> Span | None:
    return next(
        (span for form in (one.text, *one.accepted) for span in _occurrences(output, form) if _free(span, taken)), None
    )


def _occurrences(output: str, form: str) -> list[Span]:
    whole = re.compile(rf"(?<!\w)(?<!\d[.,]){re.escape(form)}(?!\w)(?![.,]\d)", re.IGNORECASE)
    return [Span(*match.span()) for match in whole.finditer(output)]


def _free(span: Span, taken: Sequence[Span]) -> bool:
    return not any(span.start < other.end and other.start < span.end for other in taken)


def _edit(output: str, links: Sequence[Link], one: TermConstraint, taken: Sequence[Span]) -> _Edit | None:
    copied = next((span for span in _occurrences(output, one.term) if _free(span, taken)), None)
    span = copied or _linked(output, links, one, taken)
    if span is not None:
        return _Edit(span, _cased(one, span, output))
    return _insertion(output, links, one, taken) if one.kind in INSERTED else None


def _linked(output: str, links: Sequence[Link], one: TermConstraint, taken: Sequence[Span]) -> Span | None:
    """The words of the output that come from the required place: the heaviest run of neighbours among them."""
    words = [Span(*match.span()) for match in _WORD.finditer(output)]
    weights = [_weight(word, links, one.span) for word in words]
    runs: list[tuple[float, Span]] = []
    start = 0
    while start < len(words):
        end = start
        while end < len(words) and weights[end] > 0 and _free(words[end], taken):
            end += 1
        if end > start:
            runs.append((sum(weights[start:end]), Span(words[start].start, words[end - 1].end)))
        start = max(end, start + 1)
    runs = [run for run in runs if _alike(one, run[1].of(output))]
    return max(runs, key=lambda run: run[0], default=(0.0, None))[1]


def _weight(word: Span, links: Sequence[Link], source: Span) -> float:
    """How much of ``word`` comes from ``source``; nothing when more of it comes from elsewhere."""
    inside = outside = 0.0
    for link in links:
        if link.target.start < word.end and word.start < link.target.end:
            if link.source.start < source.end and source.start < link.source.end:
                inside += link.weight
            else:
                outside += link.weight
    return inside if inside > outside else 0.0


def _alike(one: TermConstraint, words: str) -> bool:
    """A numeral only replaces a numeral, and punctuation alone is replaced by nothing."""
    if one.kind in {"number", "date"}:
        return _DIGIT.search(words) is not None
    return any(char.isalnum() for char in words)


def _insertion(output: str, links: Sequence[Link], one: TermConstraint, taken: Sequence[Span]) -> _Edit:
    """Behind the word that comes from just before the required place, at the start when there is none."""
    before = [link for link in links if link.source.end <= one.span.start]
    nearest = max(before, key=lambda link: (link.source.end, link.weight), default=None)
    place = 0 if nearest is None else nearest.target.end
    place = max([place, *(span.end for span in taken if span.start < place < span.end)])
    left = " " if place > 0 and not output[place - 1].isspace() else ""
    right = " " if place < len(output) and (output[place].isalnum() or not left) else ""
    return _Edit(Span(place, place), f"{left}{one.text}{right}")


def _cased(one: TermConstraint, span: Span, output: str) -> str:
    begins = not output[: span.start].strip(" \"'“”„«»(")
    if begins and one.kind == "glossary" and span.of(output)[:1].isupper():
        return one.text[:1].upper() + one.text[1:]
    return one.text


def _edited(output: str, links: Sequence[Link], edits: Sequence[_Edit]) -> tuple[str, tuple[Link, ...]]:
    """The text after all ``edits``, which do not meet, and the links at their new places."""
    parts: list[str] = []
    end = 0
    for edit in sorted(edits, key=lambda edit: edit.span):
        parts += (output[end : edit.span.start], edit.text)
        end = edit.span.end
    text = "".join((*parts, output[end:]))
    return text, tuple(link._replace(target=_moved(link.target, edits)) for link in links)


def _moved(span: Span, edits: Sequence[_Edit]) -> Span:
    start, end = span
    for edit in edits:
        grown = len(edit.text) - (edit.span.end - edit.span.start)
        if edit.span.end <= span.start:
            start, end = start + grown, end + grown
        elif edit.span.start < span.end:
            # The link's words, or some of them, were replaced: it now covers what replaced them.
            start, end = start - max(0, span.start - edit.span.start), max(end, edit.span.end) + grown
    return Span(start, max(start, end))
