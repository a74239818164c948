"""The glossary: which terms of a caller's list stand in a German text, whole words, inflected, longest first."""

import itertools
import re
from collections.abc import Mapping, Sequence

from service.errors import InvalidInput
from service.terms.inflection import folded
from service.terms.required import Kind, Required
from service.terms.trie import Comparisons, Term, Trie
from service.types import Span

# A compound with a hyphen is one word: "AfD" is no part of "AfD-nah" that could be replaced there.
_WORD = re.compile(r"[^\W_]+(?:[-’'·&./][^\W_]+)*")
_BLANK = re.compile(r"\s+")
COMPARISONS_PER_WORD = 64
"""A newsroom's list needs about 20 at a word of which it has all forms, and one at most others."""


class Glossary:
    """Terms of one request. Terms are plain text: nothing in them has a meaning beyond its letters."""

    def __init__(self, translated: Mapping[str, str], kept: Sequence[str] = ()) -> None:
        """Take ``translated`` (German term → English) and ``kept``, which are not translated.

        Raises:
            InvalidInput: a term holds no word, its translation is blank, or it is in both lists.
        """
        terms = [_term(source, target, "glossary", "/glossary") for source, target in translated.items()]
        for number, source in enumerate(kept):
            if source in translated:
                detail = "a term stands in the glossary and in do_not_translate"
                raise InvalidInput("term_twice", detail, pointer=f"/do_not_translate/{number}")
            terms.append(_term(source, source, "kept", f"/do_not_translate/{number}"))
        self._trie = Trie(terms) if terms else None

    def __bool__(self) -> bool:
        return self._trie is not None

    def find(self, text: str) -> list[Required]:
        """The terms in ``text``, in its order, none inside another; at one place the longest is taken.

        The time follows the number of words in ``text``, not the number of terms.

        Raises:
            InvalidInput: so many terms are alike that a word would be compared with more than `COMPARISONS_PER_WORD`
                on average.
        """
        if self._trie is None:
            return []
        spans = [Span(*match.span()) for match in _WORD.finditer(text)]
        words = [span.of(text) for span in spans]
        joined = [_BLANK.fullmatch(text, one.end, other.start) is not None for one, other in itertools.pairwise(spans)]
        comparisons = Comparisons(COMPARISONS_PER_WORD * len(words))
        found: list[Required] = []
        place = 0
        while place < len(words):
            fitting = self._trie.at(words, joined, place, comparisons)
            term = max(fitting, key=lambda term: _preference(term, words[place]), default=None)
            if term is None:
                place += 1
                continue
            last = place + len(term.words) - 1
            found.append(Required(Span(spans[place].start, spans[last].end), term.target, term.kind, term.source))
            place = last + 1
        return found


def _term(source: str, target: str, kind: Kind, pointer: str) -> Term:
    words = tuple(_WORD.findall(source))
    if not words:
        raise InvalidInput("term_empty", "a term holds no word", pointer=pointer)
    if not target.strip():
        raise InvalidInput("term_empty", "the translation of a term is blank", pointer=pointer)
    return Term(source.strip(), target.strip(), kind, words)


def _preference(term: Term, word: str) -> tuple[int, bool, bool, int, int]:
    """The longest term first, then the exact form, then the nearest."""
    first = term.words[0]
    return (len(term.words), first == word, folded(first) == folded(word), len(first), len(term.source))
