"""The numbers, dates, names and quotations of a text, linked with those of its translation or summary."""

from collections.abc import Iterator, Sequence
from itertools import islice, zip_longest
from typing import Literal, NamedTuple

from service.checks.base import Fact, Key, Passage
from service.checks.copied import quotations
from service.checks.figures import find_facts
from service.checks.names import Index, find_names
from service.domain import Span
from service.languages.base import Language
from service.text.normalization import compose

FactKind = Literal["number", "date", "name", "quotation"]
FactState = Literal["same", "missing", "added", "changed"]
_MOST_NAMES = 60  # limits the running time, because each name is compared with each word of the other text


class LinkedFact(NamedTuple):
    """A fact of the source and its counterpart in the output.

    The fact is a number, date, name or quotation. The kind ``date`` includes times of day. ``source`` is None if the
    state is ``added``, and ``output`` is None if the state is ``missing``. In the states ``same`` and ``changed``, both
    spans are set. In the state ``changed``, the passages at these spans differ in their meaning or, for a name or a
    quotation, in their spelling or wording. The spans are in code points.
    """

    kind: FactKind
    state: FactState
    source: Span | None
    output: Span | None

    def shifted(self, source_chars: int, output_chars: int) -> "LinkedFact":
        """Return the fact with its spans moved by ``source_chars`` and ``output_chars`` code points."""
        return self._replace(
            source=None if self.source is None else self.source.shifted(source_chars),
            output=None if self.output is None else self.output.shifted(output_chars),
        )


class _Figure(NamedTuple):
    """A number, a time of day or a whole date in a text, at ``span``.

    ``kind`` is ``date`` for a date or time. ``keys`` contains the possible meanings. ``hints`` and ``certain`` have the
    same meaning as in `Fact`.
    """

    kind: Literal["number", "date"]
    span: Span
    keys: frozenset[Key]
    hints: frozenset[Key]
    certain: bool


def link_facts(
    source: str, output: str, source_language: Language, target_language: Language, *, complete: bool = True
) -> list[LinkedFact]:
    """Return the facts of a sentence and of its translation. Facts with the same meaning are linked.

    The facts are sorted by their position in ``output``, and missing facts come last. If ``complete`` is False,
    ``output`` is a sentence of a summary. A summary may omit facts, so missing facts are then left out. Of each text,
    at most 60 names are examined.
    """
    composed = compose(source), compose(output)
    passages = Passage.of(composed[0].text, source_language), Passage.of(composed[1].text, target_language)
    found = [*_figures(*passages), *_names(*passages), *_quotations(*passages)]
    if not complete:
        found = [one for one in found if one.state != "missing"]
    placed = [
        one._replace(
            source=None if one.source is None else composed[0].span(one.source),
            output=None if one.output is None else composed[1].span(one.output),
        )
        for one in found
    ]
    return sorted(placed, key=lambda one: (one.output is None, one.output or one.source or Span(0, 0), one.kind))


def _figures(source: Passage, output: Passage) -> Iterator[LinkedFact]:
    # Words that may be articles ("ein", "a") are matched last, so that they are not linked with the counterparts of
    # numerals. A pair of two such words is not a fact.
    left = sorted(_merged(find_facts(source)), key=_is_uncertain)
    unmatched: list[_Figure] = []
    for one in sorted(_merged(find_facts(output)), key=_is_uncertain):
        match = next((other for other in left if _agree(one, other)), None)
        if match is not None:
            left.remove(match)
            if match.certain or one.certain:
                yield LinkedFact(match.kind, "same", match.span, one.span)
        elif one.certain:
            unmatched.append(one)
    for one, other in zip_longest(unmatched, [other for other in left if other.certain]):
        if one is not None and other is not None and one.kind == other.kind:
            yield LinkedFact(other.kind, "changed", other.span, one.span)
            continue
        if one is not None:
            yield LinkedFact(one.kind, "added", None, one.span)
        if other is not None:
            yield LinkedFact(other.kind, "missing", other.span, None)


def _is_uncertain(figure: _Figure) -> bool:
    return not figure.certain


def _merged(facts: Sequence[Fact]) -> list[_Figure]:
    """Convert facts to figures, sorted by position.

    Facts within the span of another fact, such as the parts of a date, are merged with it.
    """
    found: list[_Figure] = []
    for one in sorted(facts, key=lambda fact: (fact.span.start, -fact.span.end, fact.kind)):
        if found and one.span.end <= found[-1].span.end:
            last = found[-1]
            found[-1] = last._replace(
                keys=last.keys | one.readings, hints=last.hints | one.hints, certain=last.certain or one.certain
            )
        else:
            found.append(_Figure(one.kind, one.span, one.readings, one.hints, one.certain))
    return found


def _agree(one: _Figure, other: _Figure) -> bool:
    return not (one.keys.isdisjoint(other.keys | other.hints) and other.keys.isdisjoint(one.hints))


def _names(source: Passage, output: Passage) -> Iterator[LinkedFact]:
    """Yield the names of both texts, linked where possible.

    A name of the output is linked with the first capitalised word of the source that supports the name and is not
    linked yet (see `Index.supports`). If there is no such word, the name is ``changed`` if it misspells a name of the
    source, and ``added`` if no word of the source supports it. A name of the source is ``missing`` if it is certainly a
    name (see `find_names`) and no word of the output supports it.
    """
    index = Index(source, output.language)
    words = [
        (span, Index(Passage.of(span.of(source.text), source.language), output.language)) for span in _capitals(source)
    ]
    linked: set[Span] = set()
    for span in islice(find_names(output), _MOST_NAMES):
        name = span.of(output.text)
        match = next((place for place, word in words if place not in linked and word.supports(name)), None)
        if match is not None:
            linked.add(match)
            yield LinkedFact("name", "same", match, span)
            continue
        known = index.misspells(name)
        place = None if known is None else source.text.find(known)
        if known is not None and place is not None and place >= 0:
            linked.add(Span(place, place + len(known)))
            yield LinkedFact("name", "changed", Span(place, place + len(known)), span)
        elif not index.supports(name):
            yield LinkedFact("name", "added", None, span)
    there = Index(output, source.language)
    for span in islice(find_names(source, sure=output.language.code), _MOST_NAMES):
        if span not in linked and not there.supports(span.of(source.text)):
            yield LinkedFact("name", "missing", span, None)


def _capitals(passage: Passage) -> list[Span]:
    return list(islice(find_names(passage, common=True), 2 * _MOST_NAMES))


def _quotations(source: Passage, output: Passage) -> Iterator[LinkedFact]:
    for one, other in zip_longest(quotations(source.text), quotations(output.text)):
        state: FactState = "same" if one is not None and other is not None else "added" if one is None else "missing"
        if source.language is output.language and one is not None and other is not None:
            state = "same" if one.of(source.text) == other.of(output.text) else "changed"
        yield LinkedFact("quotation", state, one, other)
