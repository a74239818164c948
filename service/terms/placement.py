"""Placement of required terms, addresses and numerals in a translation."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from service.domain import Link, Span
from service.languages.base import Language, WrittenDate, WrittenTime
from service.terms.constraints import Kind, TermConstraint

_ADDRESS = re.compile(
    r"""(?P<email>(?<![\w.+-])[\w+-]+(?:\.[\w+-]+)*@[\w-]+(?:\.[\w-]+)+)
      | (?P<url>(?:https?://|ftp://|www\.)[^\s<>"„“”»«]+)
      | (?P<domain>(?<![\w@.-])(?:[a-z0-9-]{2,}\.)+(?:de|at|ch|com|org|net|eu|info)(?:/[^\s<>"„“”»«]*)?(?![\w-]))
      | (?P<handle>(?<!\w)@\w{2,})""",
    re.VERBOSE,
)
# Marks that end a sentence or close a bracket after an address. They are not a part of the address.
_TRAILING = ".,;:!?)]}'’…"


def address_constraints(text: str) -> list[TermConstraint]:
    """The addresses in ``text`` (URLs, domains, email addresses, handles), in order."""
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


def numeral_constraints(text: str, source: Language, target: Language) -> list[TermConstraint]:
    """The numerals of a text in ``source`` that ``target`` writes differently, in order and without overlap.

    The list is empty if ``source`` cannot find numerals or ``target`` cannot write them.
    """
    if source.find_numerals is None or target.write_numeral is None:
        return []
    found: list[TermConstraint] = []
    for span, value in source.find_numerals(text):
        written = target.write_numeral(value)
        if written is not None:
            kind: Kind = "date" if isinstance(value, WrittenDate | WrittenTime) else "number"
            found.append(TermConstraint(span, written[0], kind, span.of(text), written[1]))
    return found


# Missing terms of these kinds are inserted. Other terms only replace aligned words.
INSERTED: frozenset[Kind] = frozenset({"kept", "address"})
_WORD = re.compile(r"\w+(?:[-’'.,/]\w+)*|\S")
_DIGIT = re.compile(r"\d")


@dataclass(frozen=True, slots=True)
class PlacementResult:
    """A sentence after placement: its text, its updated links, and the applied and the missing constraints."""

    text: str
    links: tuple[Link, ...]
    applied: tuple[TermConstraint, ...]
    missing: tuple[TermConstraint, ...]


@dataclass(frozen=True, slots=True)
class _Edit:
    span: Span
    text: str


def place_terms(output: str, links: Sequence[Link], required: Sequence[TermConstraint]) -> PlacementResult:
    """Make ``output`` contain each of ``required`` (without overlap) as often as it is required.

    A constraint that ``output`` already meets in an accepted form changes nothing. Otherwise its text replaces a copy
    of the source form, or else the linked words. If both are missing, `INSERTED` kinds are inserted after the nearest
    word.
    """
    occupied: list[Span] = []
    edits: list[_Edit] = []
    applied, missing = [], []
    for one in required:
        found = _present(output, one, occupied)
        if found is None and (edit := _edit(output, links, one, occupied)) is not None:
            edits.append(edit)
            found = edit.span
        if found is None:
            missing.append(one)
            continue
        occupied.append(found)
        applied.append(one)
    text, moved = _edited(output, links, edits)
    return PlacementResult(text, moved, tuple(applied), tuple(missing))


def _present(output: str, one: TermConstraint, occupied: Sequence[Span]) -> Span | None:
    return next(
        (span for form in (one.text, *one.accepted) for span in _occurrences(output, form) if _free(span, occupied)),
        None,
    )


def _occurrences(output: str, form: str) -> list[Span]:
    whole = re.compile(rf"(?<!\w)(?<!\d[.,]){re.escape(form)}(?!\w)(?![.,]\d)", re.IGNORECASE)
    return [Span(*match.span()) for match in whole.finditer(output)]


def _free(span: Span, occupied: Sequence[Span]) -> bool:
    return not any(span.start < other.end and other.start < span.end for other in occupied)


def _edit(output: str, links: Sequence[Link], one: TermConstraint, occupied: Sequence[Span]) -> _Edit | None:
    copied = next((span for span in _occurrences(output, one.term) if _free(span, occupied)), None)
    span = copied or _linked(output, links, one, occupied)
    if span is not None:
        return _Edit(span, _cased(one, span, output))
    return _insertion(output, links, one, occupied) if one.kind in INSERTED else None


def _linked(output: str, links: Sequence[Link], one: TermConstraint, occupied: Sequence[Span]) -> Span | None:
    """The run of output words that is linked to the constraint's source span with the largest weight."""
    words = [Span(*match.span()) for match in _WORD.finditer(output)]
    weights = [_weight(word, links, one.span) for word in words]
    runs: list[tuple[float, Span]] = []
    start = 0
    while start < len(words):
        end = start
        while end < len(words) and weights[end] > 0 and _free(words[end], occupied):
            end += 1
        if end > start:
            runs.append((sum(weights[start:end]), Span(words[start].start, words[end - 1].end)))
        start = max(end, start + 1)
    runs = [run for run in runs if _alike(one, run[1].of(output))]
    return max(runs, key=lambda run: run[0], default=(0.0, None))[1]


def _weight(word: Span, links: Sequence[Link], source: Span) -> float:
    """The weight of the links from ``source`` to ``word``; 0 if the links from other source words weigh more."""
    inside = outside = 0.0
    for link in links:
        if link.target.start < word.end and word.start < link.target.end:
            if link.source.start < source.end and source.start < link.source.end:
                inside += link.weight
            else:
                outside += link.weight
    return inside if inside > outside else 0.0


def _alike(one: TermConstraint, words: str) -> bool:
    """Whether the constraint may replace the words. A numeral replaces only numerals. Punctuation is never replaced."""
    if one.kind in {"number", "date"}:
        return _DIGIT.search(words) is not None
    return any(char.isalnum() for char in words)


def _insertion(output: str, links: Sequence[Link], one: TermConstraint, occupied: Sequence[Span]) -> _Edit:
    """An insertion after the word linked to the nearest source word before the constraint, or at the start."""
    before = [link for link in links if link.source.end <= one.span.start]
    nearest = max(before, key=lambda link: (link.source.end, link.weight), default=None)
    place = 0 if nearest is None else nearest.target.end
    place = max([place, *(span.end for span in occupied if span.start < place < span.end)])
    left = " " if place > 0 and not output[place - 1].isspace() else ""
    right = " " if place < len(output) and (output[place].isalnum() or not left) else ""
    return _Edit(Span(place, place), f"{left}{one.text}{right}")


def _cased(one: TermConstraint, span: Span, output: str) -> str:
    begins = not output[: span.start].strip(" \"'“”„«»(")
    if begins and one.kind == "glossary" and span.of(output)[:1].isupper():
        return one.text[:1].upper() + one.text[1:]
    return one.text


def _edited(output: str, links: Sequence[Link], edits: Sequence[_Edit]) -> tuple[str, tuple[Link, ...]]:
    """The text after all ``edits``, which do not overlap, and the updated links."""
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
            # The edit replaced words of the link, so the link covers the replacement.
            start, end = start - max(0, span.start - edit.span.start), max(end, edit.span.end) + grown
    return Span(start, max(start, end))
