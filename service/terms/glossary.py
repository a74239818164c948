"""Glossaries, and the search for their terms in a source text."""

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
from service.text.normalization import check_text, compose

# A hyphenated compound is one word, so the term "AfD" is not found in "AfD-nah". A sign between words is also a word.
_WORD = re.compile(r"[^\W_]+(?:[-'·&./][^\W_]+)*|[^\w\s]")
FOLDED = {"’": "'", "‘": "'", "\u2010": "-", "\u2011": "-", "\u00a0": " ", "\u202f": " "}
"""Typographic characters, and the plain ones to which they count as equal in terms and texts."""
COMPARISONS_PER_WORD = 64
"""The maximum average number of comparisons for each word of a text.

In real glossaries, a word needs about 20 comparisons if every form of it is a term, and otherwise at most one.
"""


@dataclass(frozen=True, slots=True)
class Term:
    """A glossary term.

    ``source`` is the term as the caller wrote it, without white space at its ends, and ``target`` is its required
    translation, which equals ``source`` for a ``kept`` term. ``words`` are the words of the term, without punctuation
    at its ends.
    """

    source: str
    target: str
    kind: Kind
    words: tuple[str, ...]


class Comparisons:
    """A counter of comparisons between words of a text and words of terms, with an upper limit."""

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
            detail = (
                "too many terms in `glossary` and `do_not_translate` are too similar to be searched for in this text; "
                "remove some of these terms"
            )
            raise InvalidInput("terms_alike", detail, limit=self.limit)


class Trie:
    """A prefix tree of terms, with one edge for each word of a term.

    A word of a text is compared only with those words of terms that have an index key in common with it. A node is
    built when it is first reached. Memory use therefore depends on the texts as well as on the terms.
    """

    def __init__(self, terms: Sequence[Term], inflection: Inflection) -> None:
        """Create a tree of ``terms``, each of which must have at least one word.

        If several terms consist of the same words, and differ only in their spacing or in punctuation around them, only
        the longest of them is used. If they are equally long, the first of them is used.
        """
        by_words: dict[tuple[str, ...], Term] = {}
        for term in terms:
            known = by_words.get(term.words)
            if known is None or len(known.source) < len(term.source):
                by_words[term.words] = term
        self._inflection = inflection
        self._root = _Node(list(by_words.values()), 0, inflection)

    def at(self, words: Sequence[str], joined: Sequence[bool], place: int, comparisons: Comparisons) -> list[Term]:
        """Return the terms that begin at the word of a text with the index ``place``, in any inflected form.

        ``words`` contains the words of the text. ``joined[n]`` is True if nothing but white space separates word n from
        the next word. ``comparisons`` counts the comparisons.

        Raises:
            InvalidInput: there were more comparisons than the limit of ``comparisons`` allows.
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
    """A node of the tree. It represents the terms ``terms``, whose first ``depth`` words are the same."""

    __slots__ = ("_depth", "_edges", "_inflection", "_terms")

    def __init__(self, terms: list[Term], depth: int, inflection: Inflection) -> None:
        self._terms = terms
        self._depth = depth
        self._inflection = inflection
        self._edges: dict[str, list[_Edge]] | None = None

    def edges(self, keys: AbstractSet[str]) -> list["_Edge"]:
        """Return the edges whose word has at least one of the index ``keys``. Each edge is returned once."""
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
    """An edge of the tree, which represents a word of one or more terms.

    If ``term`` is None, the word is followed by further words in all of these terms. Otherwise, it is the last word of
    ``term``.
    """

    __slots__ = ("_depth", "_inflection", "_node", "_terms", "term", "word")

    def __init__(self, word: str, depth: int, terms: list[Term], term: Term | None, inflection: Inflection) -> None:
        self.word = word
        self.term = term
        self._terms = terms
        self._depth = depth
        self._inflection = inflection
        self._node: _Node | None = None

    def node(self) -> _Node:
        """Return the node for the terms that continue after the word of this edge."""
        if self._node is None:
            self._node = _Node(self._terms, self._depth + 1, self._inflection)
        return self._node


def _keys(word: str, inflection: Inflection, *, inner: bool) -> set[str]:
    """Return the index keys of a word of a term or of a text. ``inner`` is False for the first word of a term.

    The first word has fewer keys, because fewer inflected forms of it are accepted. For example, "Dem Spiegel" does not
    count as a form of "Der Spiegel".
    """
    return inflection.related(word) if inner else inflection.stems(word)


class Glossary:
    """The terms that apply to one request. Terms are plain text and contain no wildcards."""

    def __init__(self, translated: Mapping[str, str], kept: Sequence[str] = ()) -> None:
        """Create a glossary.

        ``translated`` maps terms to their translations. ``kept`` contains the terms that must not be translated.

        Raises:
            InvalidInput: a term contains no letter or digit, has a blank translation, or is in both ``translated`` and
                ``kept``; or a term or its translation is not valid Unicode.
        """
        terms = [_term(source, target, "glossary", "/glossary") for source, target in translated.items()]
        for number, source in enumerate(kept):
            if source in translated:
                detail = "a term is in both `glossary` and `do_not_translate`; remove it from one of them"
                raise InvalidInput("term_twice", detail, pointer=f"/do_not_translate/{number}")
            terms.append(_term(source, source, "kept", f"/do_not_translate/{number}"))
        self._terms = terms
        self._tries: dict[str, Trie] = {}

    def __bool__(self) -> bool:
        return bool(self._terms)

    def __getstate__(self) -> dict[str, object]:
        """Return the state to pickle.

        It contains the terms but not the prefix trees, which can be nested too deeply to pickle.
        """
        return {"_terms": self._terms, "_tries": {}}

    def find(self, text: str, language: Language) -> list[TermConstraint]:
        """Find the terms in ``text``, which is in ``language``. Return them in order and without overlap.

        If several terms begin at the same word, the one with the most words is used. The running time depends on the
        number of words in ``text``, but not on the number of terms.

        Raises:
            InvalidInput: the terms are so similar that the search would need more than `COMPARISONS_PER_WORD`
                comparisons per word on average.
        """
        if not self._terms:
            return []
        trie = self._trie(language)
        folded = compose(text, FOLDED)
        spans = [Span(*match.span()) for match in _WORD.finditer(folded.text)]
        words = [span.of(folded.text) for span in spans]
        gaps = (folded.text[one.end : other.start] for one, other in itertools.pairwise(spans))
        joined = [not gap or gap.isspace() for gap in gaps]
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
            span = folded.span(Span(spans[place].start, spans[last].end))
            found.append(TermConstraint(span, term.target, term.kind, term.source))
            place = last + 1
        return found

    def _trie(self, language: Language) -> Trie:
        if language.code not in self._tries:
            self._tries[language.code] = Trie(self._terms, language.inflection)
        return self._tries[language.code]


def _term(source: str, target: str, kind: Kind, pointer: str) -> Term:
    try:
        check_text(source)
        check_text(target)
    except InvalidInput as error:
        raise InvalidInput(error.code, error.detail, pointer=pointer) from error
    words = _WORD.findall(compose(source.strip(), FOLDED).text)
    worded = [place for place, word in enumerate(words) if word[0].isalnum()]
    if not worded:
        raise InvalidInput("term_empty", "a term contains no letter or digit; remove the term", pointer=pointer)
    inner = tuple(words[worded[0] : worded[-1] + 1])  # the text need not contain the punctuation around a term
    if not target.strip():
        raise InvalidInput(
            "term_empty", "the translation of a term is blank; enter one or remove the term", pointer=pointer
        )
    return Term(source.strip(), target.strip(), kind, inner)


def _preference(term: Term, word: str, inflection: Inflection) -> tuple[int, bool, bool, int, int]:
    """Return a sort key for the terms that begin at the same word of a text. The term with the highest key is used.

    ``word`` is this word of the text. Terms with more words come first, then terms whose first word equals ``word``,
    then terms whose first word differs from ``word`` only in case or umlauts, then terms with a longer first word, and
    then terms with more characters.
    """
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
    """The terms in one glossary file.

    Terms in ``translated`` have a translation, and terms in ``kept`` are not translated.
    """

    translated: Mapping[str, str]
    kept: tuple[str, ...]
    changed_s: float = 0.0
    """The time of the last change to the file, in seconds since 1970."""

    @property
    def entries(self) -> Mapping[str, str]:
        """A mapping of all terms to their translations. A term that must not be translated is mapped to itself."""
        return {**self.translated, **{term: term for term in self.kept}}

    @property
    def digest(self) -> str:
        """A hash of the terms for use in cache keys. The name of the glossary file does not affect the hash."""
        terms = [sorted(self.translated.items()), sorted(self.kept)]
        return sha256(json.dumps(terms, ensure_ascii=False).encode("utf-8", "surrogatepass")).hexdigest()

    def merged_with(self, translated: Mapping[str, str], kept: Sequence[str]) -> Glossary:
        """Return a glossary that contains the terms of this file and those of a request.

        If a term occurs in both, the entry of the request is used.

        Raises:
            InvalidInput: for the same reasons as in `Glossary`.
        """
        own = {*translated, *kept}
        more = {source: target for source, target in self.translated.items() if source not in own}
        return Glossary({**more, **translated}, [*kept, *(term for term in self.kept if term not in own)])


def read_glossaries(folder: Path) -> dict[str, Terms]:
    """Read the glossary files ``NAME.tsv`` in ``folder``, and return the terms of each file by its NAME.

    Each line is either ``term<TAB>translation`` or only a term, which must not be translated. Blank lines and lines
    that start with "#" are ignored.

    Raises:
        ModelError: the folder or a file cannot be read, or a line does not have this form.
    """
    try:
        return {path.stem: _terms(path) for path in sorted(folder.iterdir()) if path.suffix == SUFFIX}
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"the glossaries cannot be read: {error}") from error


def _terms(path: Path) -> Terms:
    translated: dict[str, str] = {}
    kept: list[str] = []
    for number, line in enumerate(path.read_text("utf-8-sig").splitlines(), 1):
        columns = [column.strip() for column in line.split("\t")]
        if not any(columns) or line.startswith(COMMENT):
            continue
        match columns:
            case [source, target] if source and target:
                translated[source] = target
            case [source] if source:
                kept.append(source)
            case _:
                raise ModelError(f"{path.name}, line {number}: expected term<TAB>translation, or only a term")
    return Terms(translated, tuple(kept), path.stat().st_mtime)
