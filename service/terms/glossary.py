"""The glossary: which terms of a caller's list stand in a German text, whole words, inflected, longest first."""

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from service.errors import InvalidInput
from service.terms.inflection import folded, is_form, stems
from service.terms.required import Kind, Required
from service.types import Span

# A compound with a hyphen is one word: "AfD" is no part of "AfD-nah" that could be replaced there.
_WORD = re.compile(r"[^\W_]+(?:[-’'·&./][^\W_]+)*")
_BLANK = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Term:
    """What the caller listed: the German term, its words, and what stands for it in the translation."""

    source: str
    target: str
    kind: Kind
    words: tuple[str, ...]


class Glossary:
    """Terms of one request. Terms are plain text: nothing in them has a meaning beyond its letters."""

    def __init__(self, translated: Mapping[str, str], kept: Sequence[str] = ()) -> None:
        """Index ``translated`` (German term → English) and ``kept``, which are not translated.

        Raises:
            InvalidInput: a term holds no word, its translation is blank, or it is in both lists.
        """
        self._by_first: dict[str, list[Term]] = {}
        for source, target in translated.items():
            self._add(source, target, "glossary", "/glossary")
        for number, source in enumerate(kept):
            if source in translated:
                detail = "a term stands in the glossary and in do_not_translate"
                raise InvalidInput("term_twice", detail, pointer=f"/do_not_translate/{number}")
            self._add(source, source, "kept", f"/do_not_translate/{number}")
        for terms in self._by_first.values():
            terms.sort(key=lambda term: (len(term.words), len(term.source)), reverse=True)

    def __bool__(self) -> bool:
        return bool(self._by_first)

    def _add(self, source: str, target: str, kind: Kind, pointer: str) -> None:
        words = tuple(_WORD.findall(source))
        if not words:
            raise InvalidInput("term_empty", "a term holds no word", pointer=pointer)
        if not target.strip():
            raise InvalidInput("term_empty", "the translation of a term is blank", pointer=pointer)
        term = Term(source.strip(), target.strip(), kind, words)
        for stem in stems(words[0]):
            self._by_first.setdefault(stem, []).append(term)

    def find(self, text: str) -> list[Required]:
        """The terms in ``text``, in its order, none inside another; at one place the longest is taken."""
        if not self._by_first:
            return []
        words = [(match.group(), Span(*match.span())) for match in _WORD.finditer(text)]
        found: list[Required] = []
        place = 0
        while place < len(words):
            term = self._at(text, words, place)
            if term is None:
                place += 1
                continue
            last = place + len(term.words) - 1
            span = Span(words[place][1].start, words[last][1].end)
            found.append(Required(span, term.target, term.kind, term.source))
            place = last + 1
        return found

    def _at(self, text: str, words: Sequence[tuple[str, Span]], place: int) -> Term | None:
        candidates = {
            id(term): term for stem in stems(words[place][0]) for term in self._by_first.get(stem, ())
        }.values()
        fitting = [term for term in candidates if _stands(term, text, words[place : place + len(term.words)])]
        return max(fitting, key=lambda term: (len(term.words), _likeness(term, words[place][0])), default=None)


def _stands(term: Term, text: str, words: Sequence[tuple[str, Span]]) -> bool:
    """Whether ``words``, with nothing but blanks between them, are forms of the term's."""
    if len(words) < len(term.words):
        return False
    gaps = (text[a.end : b.start] for (_, a), (_, b) in itertools.pairwise(words))
    last = len(term.words) - 1
    return all(_BLANK.fullmatch(gap) for gap in gaps) and all(
        is_form(word, wanted, last=number == last)
        for number, ((word, _), wanted) in enumerate(zip(words, term.words, strict=True))
    )


def _likeness(term: Term, word: str) -> tuple[bool, bool, int]:
    """The exact form first, then the nearest."""
    return (term.words[0] == word, folded(term.words[0]) == folded(word), len(term.words[0]))
