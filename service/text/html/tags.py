"""The roles of HTML and XML tags: blocks, inline elements, and elements that are copied unchanged."""

import html
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NamedTuple

from lxml.html.defs import tags

from service.domain import Span
from service.text.html.tokens import Token, attributes, tokens

VOID = frozenset(
    """area base basefont bgsound br col embed frame hr image img input keygen link meta param source track
    wbr""".split()
)
# Embedded objects such as videos are blocks, because no sentence continues across them.
BLOCK = frozenset(
    """address article aside audio base blockquote body button canvas caption center col colgroup dd details dialog
    dir div dl dt embed fieldset figcaption figure footer form frame frameset h1 h2 h3 h4 h5 h6 head header hgroup
    hr html iframe label legend li link listing main menu meta nav noembed noframes noscript object ol optgroup
    option p plaintext pre search section select summary table tbody td template tfoot th thead title tr ul video
    xmp""".split()
)
FOREIGN = frozenset({"math", "svg"})
ALL = frozenset(tags) | VOID | BLOCK | FOREIGN
"""The names of all HTML elements, including obsolete ones, and of ``math`` and ``svg``."""
WITHIN_SENTENCES = frozenset(
    """a abbr acronym b bdi bdo big br cite del dfn em font i ins kbd mark nobr q s small span strike strong sub sup tt
    u wbr""".split()
)
"""Inline elements of HTML. Other XML vocabularies that borrow these names use them with the same meaning."""
# Elements in `_WORDS` and `_SILENT` are copied with their content. The model sees only the content of `_WORDS`.
_WORDS = frozenset("code kbd samp tt var".split())
_SILENT = frozenset(
    """audio canvas iframe listing math noembed noframes noscript object plaintext pre script select style svg template
    textarea video xmp""".split()
)
_IMPLIED_ENDS = {
    "li": frozenset({"li"}),
    "dt": frozenset({"dt", "dd"}),
    "dd": frozenset({"dt", "dd"}),
    "td": frozenset({"td", "th"}),
    "th": frozenset({"td", "th"}),
    "tr": frozenset({"td", "th", "tr"}),
    "option": frozenset({"option"}),
    "button": frozenset(),
    "label": frozenset(),
}
_PARAGRAPH = frozenset({"p"})
_NOTHING: frozenset[str] = frozenset()
TEXT_ATTRIBUTES = frozenset({"alt", "title"})


def is_kept(html: str, tag: Token) -> bool:
    """Return whether the HTML element that ``tag`` starts is copied byte for byte, with its content and end tag."""
    return tag.name in _WORDS or tag.name in _SILENT or forbids_translation(html, tag)


def is_silent(name: str) -> bool:
    """Return whether the model must not see the words in an element ``name`` that is copied unchanged."""
    return name in _SILENT


def forbids_translation(html: str, tag: Token) -> bool:
    """Return whether a start tag contains ``translate="no"`` or the class ``notranslate``."""
    if "translate" not in html[tag.start : tag.end].lower():
        return False
    found: dict[str, str] = {}
    for name, value in attributes(html, tag):
        found.setdefault(name, "" if value is None else value.of(html).strip("\"'").lower())
    return found.get("translate") == "no" or "notranslate" in found.get("class", "").split()


def ended_by(name: str) -> frozenset[str]:
    """Return the names of the open elements that are implicitly closed by a start tag ``name``."""
    return _IMPLIED_ENDS.get(name, _PARAGRAPH if name in BLOCK else _NOTHING)


@dataclass(frozen=True, slots=True)
class TagRules:
    """The caller's rules for tags. All tag names are in lower case.

    If ``xml`` is True, the markup is XML: elements may have any name and may be empty (``<x/>``). The tags in
    ``splitting`` are block boundaries. The tags in ``non_splitting`` are inline, unless they are also in ``splitting``.
    The content of the tags in ``ignored`` is not translated. If ``outline`` is False, only the tags in ``splitting``
    are block boundaries.
    """

    xml: bool = False
    ignored: frozenset[str] = _NOTHING
    splitting: frozenset[str] = _NOTHING
    non_splitting: frozenset[str] = _NOTHING
    outline: bool = True


HTML_RULES = TagRules()


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The roles of the tags in one document.

    ``rules`` are the caller's rules, and ``blocks`` contains the names of block elements. ``html`` is True for HTML and
    XHTML. In these documents, the name of a tag determines whether the element has no content, is copied unchanged, or
    may lack an end tag.
    """

    rules: TagRules
    blocks: frozenset[str]
    html: bool

    @property
    def xml(self) -> bool:
        """True if the document is XML, so that ``<x/>`` is an empty element."""
        return self.rules.xml

    def is_void(self, markup: str, tag: Token) -> bool:
        """Return whether the element with the start tag ``tag`` has neither content nor an end tag."""
        if self.xml and markup[tag.end - 2] == "/":
            return True
        return self.html and tag.name in VOID

    def is_kept(self, markup: str, tag: Token) -> bool:
        """Return whether the element that ``tag`` starts is copied byte for byte, with its content and end tag."""
        if tag.name in self.rules.ignored:
            return True
        return (is_kept if self.html else forbids_translation)(markup, tag)

    def is_silent(self, name: str) -> bool:
        """Return whether the model must not see the words in an element ``name`` that is copied unchanged."""
        return self.html and name not in self.rules.ignored and is_silent(name)

    def ended_by(self, name: str) -> frozenset[str]:
        """Return the names of the open elements that are implicitly closed by a start tag ``name``."""
        return ended_by(name) if self.html else _NOTHING


def vocabulary(markup: str, rules: TagRules) -> Vocabulary:
    """Return the roles of the tags in the document ``markup``.

    XML that contains only HTML elements is treated as XHTML. In other XML, an element is inline if it has text as a
    sibling somewhere in the document, or if it has the name of an inline element of HTML. All other elements are block
    boundaries. The caller's ``rules`` have priority.
    """
    if not rules.xml:
        return _of_html(rules)
    names = {token.name for token in tokens(markup, xml=True, raw_texts=False) if token.name}
    if names <= ALL:
        return _of_html(rules)
    within = WITHIN_SENTENCES
    structure = names - within - _siblings_of_text(markup) if rules.outline else _NOTHING
    return Vocabulary(rules, _with_rules(structure, rules), html=False)


@lru_cache(maxsize=64)
def _of_html(rules: TagRules) -> Vocabulary:
    return Vocabulary(rules, _with_rules(BLOCK if rules.outline else _NOTHING, rules), html=True)


def _with_rules(blocks: Iterable[str], rules: TagRules) -> frozenset[str]:
    return (frozenset(blocks) - rules.non_splitting) | rules.splitting


def _siblings_of_text(markup: str) -> set[str]:
    """Return the names of all elements that have text as a sibling somewhere in ``markup``.

    The running time is linear.
    """
    found: set[str] = set()
    levels = [_Level("")]
    opened: Counter[str] = Counter()
    for token in tokens(markup, xml=True, raw_texts=False):
        if token.kind == "text":
            levels[-1].has_text |= not markup[token.start : token.end].isspace()
        elif token.kind == "start":
            levels[-1].children.add(token.name)
            if markup[token.end - 2] != "/":
                levels.append(_Level(token.name))
                opened[token.name] += 1
        elif token.kind == "end" and opened[token.name]:
            _close(token.name, levels, opened, found)
    for level in levels:
        found |= level.mixed()
    return found


def _close(name: str, levels: list["_Level"], opened: Counter[str], found: set[str]) -> None:
    while True:
        level = levels.pop()
        found |= level.mixed()
        opened[level.name] -= 1
        if level.name == name:
            return


class _Level:
    """An open element, with the names of its child elements and a flag that is True if it contains text."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.has_text = False
        self.children: set[str] = set()

    def mixed(self) -> set[str]:
        """Return the names of the child elements if the element also contains text, and otherwise an empty set."""
        return self.children if self.has_text else set()


_PIECE = re.compile(
    r"(?P<space>[\t\n\f\r ]+)"
    r"|(?P<reference>&(?:#[0-9]+;?|#[xX][0-9a-fA-F]+;?|[a-zA-Z][a-zA-Z0-9]{1,31};?))"
    r"|[^\t\n\f\r &]+|&"
)
_LONGEST_NUMBER_CHARS = 100  # int() rejects thousands of digits, and no valid code point needs that many
_NO_CHARACTER = "\ufffd"
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_QUOTED = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"})


class Piece(NamedTuple):
    """A run of white space, a character reference or plain text.

    ``text`` is the decoded text of the piece, which is a single space for white space. ``span`` is its place in the
    HTML.
    """

    kind: Literal["space", "reference", "plain"]
    text: str
    span: Span


def pieces(markup: str, span: Span) -> Iterator[Piece]:
    """Divide a span of ``markup`` that contains no tags into pieces, in order and without gaps.

    The running time is linear.
    """
    for found in _PIECE.finditer(markup, *span):
        if found["space"] is not None:
            yield Piece("space", " ", Span(*found.span()))
        elif found["reference"] is not None:
            text = _character(found["reference"])
            kind: Literal["reference", "plain"] = "plain" if text == found["reference"] else "reference"
            yield Piece(kind, text, Span(*found.span()))
        else:
            yield Piece("plain", found[0], Span(*found.span()))


def escape_text(text: str) -> str:
    """Escape ``text`` for use as the text between tags."""
    return text.translate(_ESCAPES)


def escape_attribute(text: str) -> str:
    """Escape ``text`` for use as an attribute value in single or double quotation marks."""
    return text.translate(_QUOTED)


def _character(reference: str) -> str:
    """Return the characters that a character reference represents, or the reference itself if it is unknown.

    The result for a numeric reference of more than 100 characters is U+FFFD.
    """
    if reference[1] == "#" and len(reference) > _LONGEST_NUMBER_CHARS:
        return _NO_CHARACTER
    return html.unescape(reference)
