"""Functions that edit a translation so that it contains the required terms."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from service.domain import Link, Span
from service.terms.constraints import Kind, TermConstraint
from service.text.normalization import REPLACEMENT

# If the output lacks a term of one of these kinds, it is inserted. Other terms, except signs, only replace words.
INSERTED: frozenset[Kind] = frozenset({"kept", "literal"})
_OUTPUT_WORD = re.compile(r"\w+(?:[-’'.,/]\w+)*|\S")
_DIGIT = re.compile(r"\d")
_INNER_CAPITAL = re.compile(r"\w[A-ZÄÖÜ]")
_BROKEN = re.compile(f"{REPLACEMENT}+")
_COPIED: frozenset[Kind] = frozenset({"kept", "literal", "name"})


@dataclass(frozen=True, slots=True)
class PlacementResult:
    """A translated sentence after the required terms have been placed.

    ``links`` aligns ``text`` with the source. ``applied`` contains the constraints that ``text`` satisfies, and
    ``missing`` those that it does not satisfy.
    """

    text: str
    links: tuple[Link, ...]
    applied: tuple[TermConstraint, ...]
    missing: tuple[TermConstraint, ...]


@dataclass(frozen=True, slots=True)
class _Edit:
    span: Span
    text: str


def place_terms(output: str, links: Sequence[Link], required: Sequence[TermConstraint]) -> PlacementResult:
    """Edit the translation ``output`` so that it satisfies as many of the ``required`` constraints as possible.

    ``links`` aligns ``output`` with the source. The source spans of the constraints must not overlap. If ``output``
    already satisfies a constraint, nothing is changed for it. Otherwise, the text of the constraint replaces an
    untranslated copy of the source term or, if there is no copy, the words that are linked to the term. If there are no
    linked words that it may replace (see `_alike`), a term of one of the `INSERTED` kinds is inserted after the word
    that is linked to the nearest preceding source word, or at the start. A sign is written next to the number or word
    to which it belongs. If two constraints require the same term, the term must occur twice.

    Replacement characters (U+FFFD), which the model wrote by mistake, are removed, unless a constraint contains one.
    """
    occupied: list[Span] = []
    edits: list[_Edit] = []
    applied, missing = [], []
    for one in sorted(required, key=lambda one: one.kind == "sign"):  # signs are placed next to other terms
        found = _present(output, one, occupied)
        if found is None and (edit := _edit(output, links, one, occupied)) is not None:
            edits.append(edit)
            found = edit.span
        if found is None:
            missing.append(one)
            continue
        occupied.append(found)
        applied.append(one)
    if all(REPLACEMENT not in one.text for one in required):
        broken = (Span(place.start(), place.end()) for place in _BROKEN.finditer(output))
        edits += [_Edit(span, "") for span in broken if _free(span, [edit.span for edit in edits])]
    text, moved = _edited(output, links, edits)
    return PlacementResult(text, moved, _in_order(applied), _in_order(missing))


def missing_terms(output: str, required: Sequence[TermConstraint]) -> list[TermConstraint]:
    """Return the constraints that ``output`` does not satisfy.

    If two constraints require the same term, the term must occur twice.
    """
    occupied: list[Span] = []
    missing: list[TermConstraint] = []
    for one in required:
        found = _present(output, one, occupied)
        if found is None:
            missing.append(one)
        else:
            occupied.append(found)
    return missing


def _in_order(found: Sequence[TermConstraint]) -> tuple[TermConstraint, ...]:
    return tuple(sorted(found, key=lambda one: one.span))


def _present(output: str, one: TermConstraint, occupied: Sequence[Span]) -> Span | None:
    return next(
        (
            span
            for form in (one.text, *one.accepted)
            for span in _occurrences(output, form, one.kind)
            if _free(span, occupied)
        ),
        None,
    )


def _occurrences(output: str, form: str, kind: Kind, *, exact: bool = True) -> list[Span]:
    """Return the spans at which ``form``, a form of a term of the kind ``kind``, occurs in ``output``.

    If ``exact`` is True, the case of letters must match for forms that are copied from the source, and for forms with a
    capital letter inside a word ("US" does not match "us").
    """
    exact = exact and (kind in _COPIED or _INNER_CAPITAL.search(form) is not None)
    if kind == "sign" and not form.isalnum():
        edges = ("", "")
    elif kind == "literal":
        edges = (r"(?<![\w@])", r"(?![\w@])") if form[0].isascii() else ("", "")
    else:
        edges = (r"(?<!\w)(?<!\d[.,])", r"(?!\w)(?![.,]\d)")
    whole = re.compile(edges[0] + re.escape(form) + edges[1], 0 if exact else re.IGNORECASE)
    return [Span(*match.span()) for match in whole.finditer(output)]


def _free(span: Span, occupied: Sequence[Span]) -> bool:
    return not any(span.overlaps(other) for other in occupied)


def _edit(output: str, links: Sequence[Link], one: TermConstraint, occupied: Sequence[Span]) -> _Edit | None:
    if one.kind == "sign":
        return _sign(output, links, one)
    copied = next(
        (span for span in _occurrences(output, one.term, one.kind, exact=False) if _free(span, occupied)), None
    )
    span = copied or _linked(output, links, one, occupied)
    if span is not None and one.kind == "literal":
        return _with_edges(_Edit(_whole_token(output, span, occupied), one.text), output)
    if span is not None:
        return _Edit(span, _cased(one, span, output))
    return _insertion(output, links, one, occupied) if one.kind in INSERTED else None


_INNER = re.compile(r"[\w@#/&=%+~{}\[\]$-]")


def _whole_token(output: str, span: Span, occupied: Sequence[Span]) -> Span:
    """Extend ``span`` to all adjacent characters that may belong to an address, but not into the spans ``occupied``."""
    start, end = span
    taken = {place for other in occupied for place in range(*other)}
    while start > 0 and start - 1 not in taken and _INNER.match(output[start - 1]):
        start -= 1
    while end < len(output) and end not in taken and _INNER.match(output[end]):
        end += 1
    return Span(start, end)


def _with_edges(edit: _Edit, output: str) -> _Edit:
    """Add spaces around the text of ``edit`` where it would otherwise touch a word or another address."""
    start, end = edit.span
    left = " " if start > 0 and (output[start - 1].isalnum() or output[start - 1] in "@_") else ""
    right = " " if end < len(output) and (output[end].isalnum() or output[end] in "@_") else ""
    return _Edit(edit.span, f"{left}{edit.text}{right}")


_CURRENCIES = "€$£¥"


def _sign(output: str, links: Sequence[Link], one: TermConstraint) -> _Edit | None:
    """Return an edit that writes a sign next to the output word that is linked to the neighbouring word in the source.

    The neighbouring word is the preceding one if the sign touches only this word, or if no following word is linked.
    Otherwise, it is the following one. A currency sign is always written before a number. Return None if no
    neighbouring word is linked.
    """
    after = [link for link in links if one.span.end <= link.source.start <= one.span.end + 1]
    before = [link for link in links if one.span.start - 1 <= link.source.end <= one.span.start]
    leading = bool(after) and (
        not before or before[-1].source.end < one.span.start or after[0].source.start == one.span.end
    )
    beside = max(after if leading else before, key=lambda link: link.weight, default=None)
    if beside is None:
        return None
    word = _token_at(output, beside.target)
    is_number = output[word.start].isdigit()
    if leading or (one.text in _CURRENCIES and is_number):
        gap = "" if not leading or one.text in _CURRENCIES or one.text in "-#<>±" else " "
        return _Edit(Span(word.start, word.start), f"{one.text}{gap}")
    gap = "" if one.text in "®™©°²³½¼¾‰" else " "
    return _Edit(Span(word.end, word.end), f"{gap}{one.text}")


def _token_at(output: str, span: Span) -> Span:
    """Return the span of the word in ``output`` that contains the start of ``span``, or ``span`` if there is none."""
    return next(
        (Span(*match.span()) for match in _OUTPUT_WORD.finditer(output) if match.start() <= span.start < match.end()),
        span,
    )


def _linked(output: str, links: Sequence[Link], one: TermConstraint, occupied: Sequence[Span]) -> Span | None:
    """Return the span of those adjacent output words that are linked most strongly to the source term, or None.

    Words in the spans ``occupied``, and sequences of words that the text of the constraint may not replace (see
    `_alike`), are not used.
    """
    words = [Span(*match.span()) for match in _OUTPUT_WORD.finditer(output)]
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
    """Return the total weight of the links from ``source`` to ``word``.

    Return 0 if the links from other source words to ``word`` have at least the same weight.
    """
    inside = outside = 0.0
    for link in links:
        if link.target.overlaps(word):
            if link.source.overlaps(source):
                inside += link.weight
            else:
                outside += link.weight
    return inside if inside > outside else 0.0


def _alike(one: TermConstraint, words: str) -> bool:
    """Return whether the text of the constraint may replace ``words``.

    A number or date may only replace words that contain a digit. Punctuation alone is never replaced.
    """
    if one.kind in {"number", "date"}:
        return _DIGIT.search(words) is not None
    return any(char.isalnum() for char in words)


def _insertion(output: str, links: Sequence[Link], one: TermConstraint, occupied: Sequence[Span]) -> _Edit:
    """Return an edit that inserts the text of the constraint.

    The text is inserted after the output word that is linked to the nearest preceding source word. If no preceding
    source word is linked, the text is inserted at the start.
    """
    before = [link for link in links if link.source.end <= one.span.start]
    nearest = max(before, key=lambda link: (link.source.end, link.weight), default=None)
    place = 0 if nearest is None else _token_at(output, nearest.target).end
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
    """Apply ``edits``, which must not overlap. Return the new text, and the links with their new output spans."""
    parts: list[str] = []
    end = 0
    for edit in sorted(edits, key=lambda edit: edit.span):
        parts += (output[end : edit.span.start], edit.text)
        end = edit.span.end
    text = "".join((*parts, output[end:]))
    return text, tuple(link._replace(target=_moved(link.target, edits)) for link in links)


def _moved(span: Span, edits: Sequence[_Edit]) -> Span:
    start, end = span
    before = inside = 0
    for edit in edits:
        grown = len(edit.text) - (edit.span.end - edit.span.start)
        if edit.span.end <= span.start:
            before += grown
        elif edit.span.start < span.end:
            # The edit replaces words of the link, so the link now covers the replacement.
            start, end = min(start, edit.span.start), max(end, edit.span.end)
            inside += grown
    return Span(start + before, max(start, end + inside) + before)
