"""Glossaries: the terms of a request and of named files, and their inflected forms in a text."""

import itertools
import json
import re
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from service.domain import Span
from service.errors import InvalidInput, ModelError
from service.languages.base import Inflection, Language
from service.terms.constraints import Kind, TermConstraint

# A compound with a hyphen is one word, so the term "AfD" is not found in "AfD-nah".
_WORD = re.compile(r"[^\W_]+(?:[-’'·&./][^\W_]+)*")
_BLANK = re.compile(r"\s+")
COMPARISONS_PER_WORD = 64
"""Real glossaries need about 20 for a word whose forms are all terms, and at most one for other words."""


@dataclass(frozen=True, slots=True)
class Term:
    """A term of the caller, its translation and its words."""

    source: str
    target: str
    kind: Kind
    words: tuple[str, ...]


class Comparisons:
    """Counts comparisons of words of a text with words of terms, up to a limit."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.made = 0

    def count(self) -> None:
        """Count one comparison.

        Raises:
            InvalidInput: the limit is exceeded.
        """
        self.made += 1
        if self.made > self.limit:
            detail = "too many terms of the glossary and of do_not_translate are too similar to find them in this text"
            raise InvalidInput("terms_alike", detail, limit=self.limit)


class Trie:
    """A trie over the words of all terms. It compares a word of a text only with terms that have the same prefix.

    A node is built when a text first reaches it, so the memory also depends on the text.
    """

    def __init__(self, terms: Sequence[Term], inflection: Inflection) -> None:
        """Index ``terms`` (at least one). If terms have the same words, the longest wins, then the first."""
        by_words: dict[tuple[str, ...], Term] = {}
        for term in terms:
            known = by_words.get(term.words)
            if known is None or len(known.source) < len(term.source):
                by_words[term.words] = term
        self._inflection = inflection
        self._root = _Node(list(by_words.values()), 0, inflection)

    def at(self, words: Sequence[str], joined: Sequence[bool], place: int, comparisons: Comparisons) -> list[Term]:
        """The terms that begin at the word ``place``, in any of their forms.

        ``joined[n]``: only white space separates word n from the next.

        Raises:
            InvalidInput: as `Comparisons.count`.
        """
        fitting: list[Term] = []
        nodes = [self._root]
        while nodes and place < len(words):
            word, reached = words[place], nodes
            keys, nodes = _keys(word, self._inflection, inner=reached[0] is not self._root), []
            for node in reached:
                for edge in node.edges(keys):
                    comparisons.count()
                    if not self._inflection.is_form(word, edge.word, last=edge.term is not None):
                        continue
                    if edge.term is not None:
                        fitting.append(edge.term)
                    else:
                        nodes.append(edge.node())
            if not (place < len(joined) and joined[place]):
                break
            place += 1
        return fitting


class _Node:
    """The terms that begin with the same ``depth`` words."""

    __slots__ = ("_depth", "_edges", "_inflection", "_terms")

    def __init__(self, terms: list[Term], depth: int, inflection: Inflection) -> None:
        self._terms = terms
        self._depth = depth
        self._inflection = inflection
        self._edges: dict[str, list[_Edge]] | None = None

    def edges(self, keys: AbstractSet[str]) -> list["_Edge"]:
        """The edges whose word may have a form with one of these keys, without duplicates."""
        if self._edges is None:
            self._edges = self._indexed()
        return list({id(edge): edge for key in keys for edge in self._edges.get(key, ())}.values())

    def _indexed(self) -> dict[str, list["_Edge"]]:
        inner: dict[str, list[Term]] = {}
        edges = []
        for term in self._terms:
            word = term.words[self._depth]
            if len(term.words) == self._depth + 1:
                edges.append(_Edge(word, self._depth, [], term, self._inflection))
            else:
                inner.setdefault(word, []).append(term)
        edges += [_Edge(word, self._depth, terms, None, self._inflection) for word, terms in inner.items()]
        index: dict[str, list[_Edge]] = {}
        for edge in edges:
            for key in _keys(edge.word, self._inflection, inner=self._depth > 0):
                index.setdefault(key, []).append(edge)
        return index


class _Edge:
    """A word of terms: the last word of ``term``, or an inner word if ``term`` is None."""

    __slots__ = ("_depth", "_inflection", "_node", "_terms", "term", "word")

    def __init__(self, word: str, depth: int, terms: list[Term], term: Term | None, inflection: Inflection) -> None:
        self.word = word
        self.term = term
        self._terms = terms
        self._depth = depth
        self._inflection = inflection
        self._node: _Node | None = None

    def node(self) -> _Node:
        """The node of the terms that continue after the word."""
        if self._node is None:
            self._node = _Node(self._terms, self._depth + 1, self._inflection)
        return self._node


def _keys(word: str, inflection: Inflection, *, inner: bool) -> set[str]:
    """The index keys of a word. The first word of a term has only stems: "Dem Spiegel" is no form of "Der Spiegel"."""
    return inflection.related(word) if inner else inflection.stems(word)


class Glossary:
    """The terms of one request. Terms are plain text, without wildcards."""

    def __init__(self, translated: Mapping[str, str], kept: Sequence[str] = ()) -> None:
        """Take ``translated`` (term → translation) and ``kept`` (terms that are not translated).

        Raises:
            InvalidInput: a term contains no word, its translation is blank, or the term is in both lists.
        """
        terms = [_term(source, target, "glossary", "/glossary") for source, target in translated.items()]
        for number, source in enumerate(kept):
            if source in translated:
                detail = "a term is both in the glossary and in do_not_translate"
                raise InvalidInput("term_twice", detail, pointer=f"/do_not_translate/{number}")
            terms.append(_term(source, source, "kept", f"/do_not_translate/{number}"))
        self._terms = terms
        self._tries: dict[str, Trie] = {}

    def __bool__(self) -> bool:
        return bool(self._terms)

    def find(self, text: str, language: Language) -> list[TermConstraint]:
        """The terms in a text in ``language``, in order and without overlap. The longest term wins at each place.

        The time depends on the number of words in ``text`` and not on the number of terms.

        Raises:
            InvalidInput: the terms are too similar: the search needs more than `COMPARISONS_PER_WORD` comparisons per
                word on average.
        """
        if not self._terms:
            return []
        trie = self._trie(language)
        spans = [Span(*match.span()) for match in _WORD.finditer(text)]
        words = [span.of(text) for span in spans]
        joined = [_BLANK.fullmatch(text, one.end, other.start) is not None for one, other in itertools.pairwise(spans)]
        comparisons = Comparisons(COMPARISONS_PER_WORD * len(words))
        found: list[TermConstraint] = []
        place = 0
        while place < len(words):
            fitting = trie.at(words, joined, place, comparisons)
            term = max(fitting, key=lambda term: _preference(term, words[place], language.inflection), default=None)
            if term is None:
                place += 1
                continue
            last = place + len(term.words) - 1
            found.append(TermConstraint(Span(spans[place].start, spans[last].end), term.target, term.kind, term.source))
            place = last + 1
        return found

    def _trie(self, language: Language) -> Trie:
        if language.code not in self._tries:
            self._tries[language.code] = Trie(self._terms, language.inflection)
        return self._tries[language.code]


def _term(source: str, target: str, kind: Kind, pointer: str) -> Term:
    words = tuple(_WORD.findall(source))
    if not words:
        raise InvalidInput("term_empty", "a term contains no word", pointer=pointer)
    if not target.strip():
        raise InvalidInput("term_empty", "the translation of a term is blank", pointer=pointer)
    return Term(source.strip(), target.strip(), kind, words)


def _preference(term: Term, word: str, inflection: Inflection) -> tuple[int, bool, bool, int, int]:
    """The sort key of a term: the longest term wins, then the exact form, then the most similar form."""
    first = term.words[0]
    return (
        len(term.words),
        first == word,
        inflection.folded(first) == inflection.folded(word),
        len(first),
        len(term.source),
    )


SUFFIX = ".tsv"
COMMENT = "#"


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms of one file: terms with a translation, and terms that are not translated."""

    translated: Mapping[str, str]
    kept: tuple[str, ...]

    @property
    def digest(self) -> str:
        """A cache key of the terms. Results depend on the content of a file, not on its name."""
        terms = [sorted(self.translated.items()), sorted(self.kept)]
        return sha256(json.dumps(terms, ensure_ascii=False).encode("utf-8", "surrogatepass")).hexdigest()

    def merged_with(self, translated: Mapping[str, str], kept: Sequence[str]) -> Glossary:
        """A glossary of the terms of a request and of the file. The terms of the request take precedence.

        Raises:
            InvalidInput: as `Glossary`.
        """
        own = {*translated, *kept}
        more = {source: target for source, target in self.translated.items() if source not in own}
        return Glossary({**more, **translated}, [*kept, *(term for term in self.kept if term not in own)])


def read_glossaries(folder: Path) -> dict[str, Terms]:
    """The glossaries ``NAME.tsv`` in ``folder``, by name.

    Each line has the form ``term<TAB>translation``, or it is a term that is not translated.

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
                raise ModelError(f"{path.name}, line {number}: the form must be term<TAB>translation")
    return Terms(translated, tuple(kept))
