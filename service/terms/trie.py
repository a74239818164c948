"""A trie over the words of all terms: a place in a text is compared with the terms that begin as it does."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from service.errors import InvalidInput
from service.languages.de.inflection import is_form, related, stems
from service.terms.constraints import Kind


@dataclass(frozen=True, slots=True)
class Term:
    """What the caller listed: the German term, its words, and what stands for it in the translation."""

    source: str
    target: str
    kind: Kind
    words: tuple[str, ...]


class Comparisons:
    """Counts comparisons of a text's words with terms' words, and bounds them."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.made = 0

    def count(self) -> None:
        """Count one.

        Raises:
            InvalidInput: it is one too many.
        """
        self.made += 1
        if self.made > self.limit:
            detail = "too many terms of the glossary and of do_not_translate are alike to be looked for in this text"
            raise InvalidInput("terms_alike", detail, limit=self.limit)


class Trie:
    """Terms by their words. A node is made when a text first reaches it, so that memory follows the text, too."""

    def __init__(self, terms: Sequence[Term]) -> None:
        """``terms``: at least one. Of terms with the same words the longest is taken, then the first."""
        by_words: dict[tuple[str, ...], Term] = {}
        for term in terms:
            known = by_words.get(term.words)
            if known is None or len(known.source) < len(term.source):
                by_words[term.words] = term
        self._root = _Node(list(by_words.values()), 0)

    def at(self, words: Sequence[str], joined: Sequence[bool], place: int, comparisons: Comparisons) -> list[Term]:
        """The terms whose forms ``words`` are from ``place`` on.

        ``joined[n]``: only blanks are between word n and the next. Raises InvalidInput as `Comparisons.count` does.
        """
        fitting: list[Term] = []
        nodes = [self._root]
        while nodes and place < len(words):
            word, reached = words[place], nodes
            keys, nodes = _keys(word, inner=reached[0] is not self._root), []
            for node in reached:
                for edge in node.edges(keys):
                    comparisons.count()
                    if not is_form(word, edge.word, last=edge.term is not None):
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

    __slots__ = ("_depth", "_edges", "_terms")

    def __init__(self, terms: list[Term], depth: int) -> None:
        self._terms = terms
        self._depth = depth
        self._edges: dict[str, list[_Edge]] | None = None

    def edges(self, keys: AbstractSet[str]) -> list["_Edge"]:
        """The edges of which a word with these keys may be a form, each once."""
        if self._edges is None:
            self._edges = self._indexed()
        return list({id(edge): edge for key in keys for edge in self._edges.get(key, ())}.values())

    def _indexed(self) -> dict[str, list["_Edge"]]:
        inner: dict[str, list[Term]] = {}
        edges = []
        for term in self._terms:
            word = term.words[self._depth]
            if len(term.words) == self._depth + 1:
                edges.append(_Edge(word, self._depth, [], term))
            else:
                inner.setdefault(word, []).append(term)
        edges += [_Edge(word, self._depth, terms, None) for word, terms in inner.items()]
        index: dict[str, list[_Edge]] = {}
        for edge in edges:
            for key in _keys(edge.word, inner=self._depth > 0):
                index.setdefault(key, []).append(edge)
        return index


class _Edge:
    """One word of terms: their last one, where ``term`` is given, or one that more words follow."""

    __slots__ = ("_depth", "_node", "_terms", "term", "word")

    def __init__(self, word: str, depth: int, terms: list[Term], term: Term | None) -> None:
        self.word = word
        self.term = term
        self._terms = terms
        self._depth = depth
        self._node: _Node | None = None

    def node(self) -> _Node:
        """What follows the word."""
        if self._node is None:
            self._node = _Node(self._terms, self._depth + 1)
        return self._node


def _keys(word: str, *, inner: bool) -> set[str]:
    """Of a term's first word the stems alone: "Der Spiegel" is not "Dem Spiegel"."""
    return related(word) if inner else stems(word)
