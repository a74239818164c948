"""Glossaries: terms of a request and of named files, found in a text in any inflected form."""

import itertools
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from service.domain import Span
from service.errors import InvalidInput, ModelError
from service.languages.de.inflection import folded
from service.terms.constraints import Kind, TermConstraint
from service.terms.trie import Comparisons, Term, Trie

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

    def find(self, text: str) -> list[TermConstraint]:
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
        found: list[TermConstraint] = []
        place = 0
        while place < len(words):
            fitting = self._trie.at(words, joined, place, comparisons)
            term = max(fitting, key=lambda term: _preference(term, words[place]), default=None)
            if term is None:
                place += 1
                continue
            last = place + len(term.words) - 1
            found.append(TermConstraint(Span(spans[place].start, spans[last].end), term.target, term.kind, term.source))
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


SUFFIX = ".tsv"
COMMENT = "#"


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms of one file: those with an English one, and those that stay as they are."""

    translated: Mapping[str, str]
    kept: tuple[str, ...]

    @property
    def digest(self) -> str:
        """Equal for equal terms: a result depends on what a file holds, not on its name."""
        terms = [sorted(self.translated.items()), sorted(self.kept)]
        return sha256(json.dumps(terms, ensure_ascii=False).encode("utf-8", "surrogatepass")).hexdigest()

    def beside(self, translated: Mapping[str, str], kept: Sequence[str]) -> Glossary:
        """A request's own terms, and those of the file that it does not give itself.

        Raises:
            InvalidInput: a term cannot be looked for.
        """
        own = {*translated, *kept}
        more = {source: target for source, target in self.translated.items() if source not in own}
        return Glossary({**more, **translated}, [*kept, *(term for term in self.kept if term not in own)])


def read_glossaries(folder: Path) -> dict[str, Terms]:
    """Every ``NAME.tsv`` in ``folder``: ``German<TAB>English`` a line, a German term alone where it is kept.

    Raises:
        ModelError: the folder or a file cannot be read, or a line has more than two columns.
    """
    try:
        return {path.stem: _terms(path) for path in sorted(folder.iterdir()) if path.suffix == SUFFIX}
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"the glossaries cannot be read: {error}") from error


def _terms(path: Path) -> Terms:
    translated: dict[str, str] = {}
    kept: list[str] = []
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        columns = [column.strip() for column in line.split("\t")]
        if not any(columns) or line.startswith(COMMENT):
            continue
        match columns:
            case [source, target] if source and target:
                translated[source] = target
            case [source] if source:
                kept.append(source)
            case _:
                raise ModelError(f"{path.name}, line {number}: not German<TAB>English")
    return Terms(translated, tuple(kept))
