"""What the tags of one document mean: those of HTML, or of any XML, with what a caller says of its own."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from service.text import markup_elements as html_elements
from service.text.markup_tokens import Token, tokens

_NOTHING: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class TagRules:
    """What a caller says of tags, by their names in lower case.

    ``xml``: the markup is XML, whose elements may have any name and be empty (``<x/>``). Tags that are ``splitting``
    are boundaries and win over those that are ``non_splitting``, which stand within sentences; what ``ignored`` ones
    hold is not translated. Without ``outline`` no other tag is a boundary.
    """

    xml: bool = False
    ignored: frozenset[str] = _NOTHING
    splitting: frozenset[str] = _NOTHING
    non_splitting: frozenset[str] = _NOTHING
    outline: bool = True


HTML_RULES = TagRules()


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The meaning of the tags of one document; of XML in words of its own only ``blocks`` are known."""

    rules: TagRules
    blocks: frozenset[str]
    html: bool

    @property
    def xml(self) -> bool:
        """Whether ``<x/>`` is an empty element."""
        return self.rules.xml

    def is_void(self, markup: str, tag: Token) -> bool:
        """Whether a start tag has no end tag."""
        if self.xml and markup[tag.end - 2] == "/":
            return True
        return self.html and tag.name in html_elements.VOID

    def is_kept(self, markup: str, tag: Token) -> bool:
        """Whether a start tag opens what comes out byte for byte, its end tag included."""
        if tag.name in self.rules.ignored:
            return True
        return (html_elements.is_kept if self.html else html_elements.forbids_translation)(markup, tag)

    def is_silent(self, name: str) -> bool:
        """Whether an element that is kept has no words for the sentence round it."""
        return self.html and name not in self.rules.ignored and html_elements.is_silent(name)

    def ended_by(self, name: str) -> frozenset[str]:
        """The elements whose end tag may be left out before the start tag ``name``."""
        return html_elements.ended_by(name) if self.html else _NOTHING


def vocabulary(markup: str, rules: TagRules) -> Vocabulary:
    """The meaning of a document's tags.

    XML whose elements are all HTML's is XHTML. In other XML an element is a boundary unless it stands beside text
    somewhere in the document or has the name of one that marks words in HTML.
    """
    if not rules.xml:
        return _of_html(rules)
    names = {token.name for token in tokens(markup, xml=True, raw_texts=False) if token.name}
    if names <= html_elements.ALL:
        return _of_html(rules)
    within = html_elements.WITHIN_SENTENCES
    structure = names - within - _beside_text(markup) if rules.outline else _NOTHING
    return Vocabulary(rules, _with_callers(structure, rules), html=False)


@lru_cache(maxsize=64)
def _of_html(rules: TagRules) -> Vocabulary:
    return Vocabulary(rules, _with_callers(html_elements.BLOCK if rules.outline else _NOTHING, rules), html=True)


def _with_callers(blocks: Iterable[str], rules: TagRules) -> frozenset[str]:
    return (frozenset(blocks) - rules.non_splitting) | rules.splitting


def _beside_text(markup: str) -> set[str]:
    """The names of elements that share their parent with text, in one place at least; linear in the length."""
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
    """An open element: whether it has text of its own, and which elements."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.has_text = False
        self.children: set[str] = set()

    def mixed(self) -> set[str]:
        """The elements that share this one with text."""
        return self.children if self.has_text else set()
