"""Search for glossary terms, addresses and numerals in a source text, and their placement in its translation."""

import itertools
import json
import re
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from service.domain import Link, Span
from service.errors import InvalidInput, ModelError
from service.languages.base import Inflection, Language, WrittenDate, WrittenTime
from service.terms.constraints import Kind, TermConstraint

# A hyphenated compound is one word, so the term "AfD" is not found in "AfD-nah".
_WORD = re.compile(r"[^\W_]+(?:[-’'·&./][^\W_]+)*")
_BLANK = re.compile(r"\s+")
COMPARISONS_PER_WORD = 64
"""The maximum average number of comparisons for each word of a text.

In real glossaries, a word needs about 20 comparisons if every form of it is a term, and otherwise at most one.
"""


@dataclass(frozen=True, slots=True)
class Term:
    """A term from the caller: its source form, its translation and its words."""

    source: str
    target: str
    kind: Kind
    words: tuple[str, ...]


class Comparisons:
    """A counter of comparisons between words of a text and words of terms. It has an upper limit."""

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
                "too many terms in `glossary` and `do_not_translate` are too similar to be searched for in this text"
            )
            raise InvalidInput("terms_alike", detail, limit=self.limit)


class Trie:
    """A trie of terms, with one edge for each word of a term.

    Index keys limit the search: a word of a text is compared only with words of terms that share a key with it. Nodes
    are built when a text first reaches them, so memory use also depends on the texts.
    """

    def __init__(self, terms: Sequence[Term], inflection: Inflection) -> None:
        """Index ``terms``, which must not be empty.

        If terms differ only in their punctuation or spacing, only the longest of them is indexed. If they are equally
        long, this is the first one.
        """
        by_words: dict[tuple[str, ...], Term] = {}
        for term in terms:
            known = by_words.get(term.words)
            if known is None or len(known.source) < len(term.source):
                by_words[term.words] = term
        self._inflection = inflection
        self._root = _Node(list(by_words.values()), 0, inflection)

    def at(self, words: Sequence[str], joined: Sequence[bool], place: int, comparisons: Comparisons) -> list[Term]:
        """Return the terms that begin at the word with index ``place``, in any of their forms.

        ``joined[n]`` is True if only white space separates word n from the next word.

        Raises:
            InvalidInput: the limit of ``comparisons`` is exceeded.
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
    """A node of the trie. It contains the terms that share their first ``depth`` words."""

    __slots__ = ("_depth", "_edges", "_inflection", "_terms")

    def __init__(self, terms: list[Term], depth: int, inflection: Inflection) -> None:
        self._terms = terms
        self._depth = depth
        self._inflection = inflection
        self._edges: dict[str, list[_Edge]] | None = None

    def edges(self, keys: AbstractSet[str]) -> list["_Edge"]:
        """Return the edges whose words have at least one of the index ``keys``, without duplicates."""
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
    """An edge of the trie: a word of one or more terms.

    It is the last word of ``term``, or an inner word of several terms if ``term`` is None.
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
        """Return the node for the terms that continue after this word."""
        if self._node is None:
            self._node = _Node(self._terms, self._depth + 1, self._inflection)
        return self._node


def _keys(word: str, inflection: Inflection, *, inner: bool) -> set[str]:
    """Return the keys under which a word of a term is indexed. ``inner`` is False for the first word of a term.

    The first word has fewer keys, because fewer inflected forms of it are allowed: "Dem Spiegel" does not count as a
    form of "Der Spiegel".
    """
    return inflection.related(word) if inner else inflection.stems(word)


class Glossary:
    """The terms of one request. They are plain text without wildcards."""

    def __init__(self, translated: Mapping[str, str], kept: Sequence[str] = ()) -> None:
        """Create a glossary.

        ``translated`` maps terms to their translations. ``kept`` lists the terms that must not be translated.

        Raises:
            InvalidInput: a term contains no word, its translation is blank, or it is both translated and kept.
        """
        terms = [_term(source, target, "glossary", "/glossary") for source, target in translated.items()]
        for number, source in enumerate(kept):
            if source in translated:
                detail = "a term is in both `glossary` and `do_not_translate`"
                raise InvalidInput("term_twice", detail, pointer=f"/do_not_translate/{number}")
            terms.append(_term(source, source, "kept", f"/do_not_translate/{number}"))
        self._terms = terms
        self._tries: dict[str, Trie] = {}

    def __bool__(self) -> bool:
        return bool(self._terms)

    def __getstate__(self) -> dict[str, object]:
        """Pickle the terms without their indexes, which can be nested deeply."""
        return {"_terms": self._terms, "_tries": {}}

    def find(self, text: str, language: Language) -> list[TermConstraint]:
        """Find the terms in ``text``, in order and without overlap. ``language`` is the language of the text.

        At each position the longest term wins. The running time depends on the number of words in ``text``, but not on
        the number of terms.

        Raises:
            InvalidInput: the terms are so similar that the search would need more than `COMPARISONS_PER_WORD`
                comparisons per word on average.
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
    """Return a sort key for terms that begin at the same word of a text. The term with the highest key is used.

    Terms with more words come first, then terms whose first word equals ``word`` exactly, and then terms whose first
    word has the most similar form.
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
    """The terms in one glossary file. Some have a translation, and others (``kept``) must not be translated."""

    translated: Mapping[str, str]
    kept: tuple[str, ...]

    @property
    def digest(self) -> str:
        """A hash of the terms, for cache keys. It does not depend on the name of the glossary file."""
        terms = [sorted(self.translated.items()), sorted(self.kept)]
        return sha256(json.dumps(terms, ensure_ascii=False).encode("utf-8", "surrogatepass")).hexdigest()

    def merged_with(self, translated: Mapping[str, str], kept: Sequence[str]) -> Glossary:
        """Create a glossary from the terms in this file and those of a request.

        The terms of the request take precedence.

        Raises:
            InvalidInput: see `Glossary`.
        """
        own = {*translated, *kept}
        more = {source: target for source, target in self.translated.items() if source not in own}
        return Glossary({**more, **translated}, [*kept, *(term for term in self.kept if term not in own)])


def read_glossaries(folder: Path) -> dict[str, Terms]:
    """Read the glossary files ``NAME.tsv`` in ``folder``. Return the terms of each file under its name.

    Each line has the form ``term<TAB>translation``, or contains only a term that must not be translated.

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
                raise ModelError(f"{path.name}, line {number}: expected term<TAB>translation, or only a term")
    return Terms(translated, tuple(kept))


_ADDRESS = re.compile(
    r"""(?P<email>(?<![\w.+-])[\w+-]+(?:\.[\w+-]+)*@[\w-]+(?:\.[\w-]+)+)
      | (?P<url>(?:https?://|ftp://|www\.)[^\s<>"„“”»«]+)
      | (?P<domain>(?<![\w@.-])(?:[a-z0-9-]{2,}\.)+(?:de|at|ch|com|org|net|eu|info)(?:/[^\s<>"„“”»«]*)?(?![\w-]))
      | (?P<handle>(?<!\w)@\w{2,})""",
    re.VERBOSE,
)
# Punctuation marks and closing brackets at the end of an address are not part of it.
_TRAILING = ".,;:!?)]}'’…"


def address_constraints(text: str) -> list[TermConstraint]:
    """Return constraints for the addresses in ``text`` (URLs, domains, email addresses and handles), in order."""
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
    """Return constraints for the numerals in ``text`` that must be written differently in ``target``.

    They are in order and do not overlap. The list is empty if ``source`` has no rules for finding numerals or
    ``target`` has none for writing them.
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


# If the output lacks a term of one of these kinds, it is inserted. Terms of other kinds only replace linked words.
INSERTED: frozenset[Kind] = frozenset({"kept", "address"})
_OUTPUT_WORD = re.compile(r"\w+(?:[-’'.,/]\w+)*|\S")
_DIGIT = re.compile(r"\d")


@dataclass(frozen=True, slots=True)
class PlacementResult:
    """A sentence after its terms have been placed.

    It consists of the new text, the updated links, and the constraints that were applied or are missing.
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
    """Edit ``output`` so that it satisfies as many of the ``required`` constraints as possible.

    ``links`` aligns ``output`` with the source. The source spans of the constraints must not overlap. A constraint that
    ``output`` already satisfies changes nothing. Otherwise, the text of the constraint replaces a copy of the source
    term or, if there is none, the linked words. If there are no linked words either, constraints of the `INSERTED`
    kinds are inserted after the nearest word. A term that is required twice must occur twice.
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
    """Return the run of adjacent output words that is linked most strongly to the source term, if there is one.

    Words in the ``occupied`` spans are not used.
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
    """Return the total weight of the links from ``source`` to ``word``, or 0 if other source words have more weight."""
    inside = outside = 0.0
    for link in links:
        if link.target.start < word.end and word.start < link.target.end:
            if link.source.start < source.end and source.start < link.source.end:
                inside += link.weight
            else:
                outside += link.weight
    return inside if inside > outside else 0.0


def _alike(one: TermConstraint, words: str) -> bool:
    """Return whether the constraint may replace ``words``.

    A number or date may only replace words with a digit. Punctuation is never replaced.
    """
    if one.kind in {"number", "date"}:
        return _DIGIT.search(words) is not None
    return any(char.isalnum() for char in words)


def _insertion(output: str, links: Sequence[Link], one: TermConstraint, occupied: Sequence[Span]) -> _Edit:
    """Return an edit that inserts the text of the constraint.

    The text is inserted after the output word that is linked to the nearest preceding source word. If there is no such
    word, it is inserted at the start.
    """
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
    """Apply ``edits``, which must not overlap, and return the new text and the updated links."""
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
            # The edit replaces words of the link, so the link now covers the replacement.
            start, end = start - max(0, span.start - edit.span.start), max(end, edit.span.end) + grown
    return Span(start, max(start, end))
