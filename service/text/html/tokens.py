"""Cuts HTML into tokens without loss: every character belongs to exactly one, with its offsets.

The states of the WHATWG tokenizer that decide where a token ends, as patterns that never backtrack over what they have
passed. No library does this: tree builders (lxml, selectolax, html5lib, justhtml) drop and move tags of broken HTML,
turbohtml counts places after it has changed line ends, html.parser takes quadratic time on unclosed comments and
quotation marks. Comments in scripts that themselves hold a script element are not looked into.
"""

import re
from collections.abc import Iterator
from html.entities import html5
from typing import Literal, NamedTuple

from service.domain import Span

Kind = Literal["text", "start", "end", "comment", "raw"]

_SPACE = r"[\t\n\f\r ]"
_ATTRIBUTE = (
    rf"(?:{_SPACE}|/(?!>))*+/*+(?P<name>[^\t\n\f\r />][^\t\n\f\r />=]*+)"
    rf"(?:{_SPACE}*+={_SPACE}*+"
    rf"(?:(?P<value>\"[^\"]*+(?:\"|\Z)|'[^']*+(?:'|\Z)|[^\t\n\f\r >\"'][^\t\n\f\r >]*+)|(?=>)))?+"
)
_UNNAMED = re.sub(r"\(\?P<\w+>", "(?:", _ATTRIBUTE)
ATTRIBUTE = re.compile(_ATTRIBUTE)
_MARKUP = re.compile(
    rf"""
    (?P<comment><!--(?:-?>|[\s\S]*?(?:-->|--!>|\Z))      # up to its end or the text's
      |<(?:[!?]|/(?=[^a-zA-Z]))[^>]*+(?:>|\Z))           # doctypes, instructions, and what browsers take for comments
    |<(?P<end>/)?(?P<tag>[a-zA-Z][^\t\n\f\r />]*+)(?:{_UNNAMED})*+(?:{_SPACE}|/)*+(?P<closed>>)?
    """,
    re.VERBOSE,
)
_ENTITY = re.compile(r"&(?P<name>[a-zA-Z_:][\w:.-]{0,99});")
_RAW_TEXT = frozenset("iframe noembed noframes noscript script style textarea title xmp".split())
_RAW_ENDS = {name: re.compile(rf"</{name}(?=[\t\n\f\r />])", re.IGNORECASE) for name in _RAW_TEXT}


class Token(NamedTuple):
    """A piece of HTML; ``name`` is a tag's, in lower case, or that of the element that a raw text belongs to.

    ``raw`` is text without tags (of ``script``, ``title``, …); ``comment`` also stands for doctypes and for a tag that
    the text ends in, which browsers ignore.
    """

    kind: Kind
    start: int
    end: int
    name: str = ""

    @property
    def span(self) -> Span:
        """The range of the token in the HTML."""
        return Span(self.start, self.end)


class Attribute(NamedTuple):
    """One attribute of a tag: its name in lower case and where its value stands, quotation marks included."""

    name: str
    value: Span | None


def tokens(html: str, *, xml: bool = False, raw_texts: bool = True) -> Iterator[Token]:
    """The tokens of any string, in order and without gaps; linear in its length.

    ``xml``: an element may be empty, as in ``<script/>``, and a reference to an entity that HTML does not know is a
    ``comment``: it may or may not have words. Without ``raw_texts`` the text of every element may have tags.
    """
    done = 0
    while done < len(html):
        found = _MARKUP.search(html, done)
        end = len(html) if found is None else found.start()
        if done < end:
            yield from _texts(html, done, end) if xml else (Token("text", done, end),)
        if found is None:
            return
        token = _markup(html, found)
        yield token
        done = token.end
        if token.kind == "start" and raw_texts and _opens_raw(html, token, xml=xml):
            end = _raw_end(html, token.name, done)
            if done < end:
                yield Token("raw", done, end, token.name)
            done = end


def attributes(html: str, tag: Token) -> Iterator[Attribute]:
    """The attributes of a start tag, in order; of two with one name browsers take the first."""
    place = tag.start + 1 + len(tag.name)
    while (found := ATTRIBUTE.match(html, place, tag.end)) is not None:
        value = None if found["value"] is None else Span(*found.span("value"))
        yield Attribute(found["name"].lower(), value)
        place = found.end()


def _texts(html: str, start: int, end: int) -> Iterator[Token]:
    for found in _ENTITY.finditer(html, start, end):
        if f"{found['name']};" not in html5:
            if start < found.start():
                yield Token("text", start, found.start())
            yield Token("comment", *found.span())
            start = found.end()
    if start < end:
        yield Token("text", start, end)


def _markup(html: str, found: re.Match[str]) -> Token:
    if found["comment"] is not None:
        return Token("comment", *found.span())
    if found["closed"] is None:  # the text ends within the tag
        return Token("comment", found.start(), len(html))
    return Token("end" if found["end"] else "start", *found.span(), found["tag"].lower())


def _opens_raw(html: str, token: Token, *, xml: bool) -> bool:
    named = token.name in _RAW_TEXT or token.name == "plaintext"
    return named and not (xml and html[token.end - 2] == "/")


def _raw_end(html: str, name: str, start: int) -> int:
    """Where the text of an element without tags in it ends: at its end tag, else with the HTML."""
    found = _RAW_ENDS[name].search(html, start) if name in _RAW_ENDS else None
    return len(html) if found is None else found.start()
