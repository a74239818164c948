"""A lossless HTML tokenizer: every character belongs to exactly one token, and each token records its offsets.

Regular expressions with possessive quantifiers implement those states of the WHATWG tokenizer that determine where a
token ends. No library is suitable. Tree builders (lxml, selectolax, html5lib, justhtml) drop and move tags in broken
HTML, turbohtml normalises line breaks before it counts offsets, and html.parser takes quadratic time for unclosed
comments and quotation marks. The state for a script element inside a comment inside a script is not implemented.
"""

import re
from collections.abc import Iterator
from html.entities import html5
from typing import Literal, NamedTuple

from service.domain import Span
from service.errors import InvalidInput

Kind = Literal["text", "start", "end", "comment", "raw"]

_SPACE = r"[\t\n\f\r ]"
_ATTRIBUTE = (
    rf"(?:{_SPACE}|/(?!>))*+/*+(?P<name>[^\t\n\f\r />][^\t\n\f\r />=]*+)"
    rf"(?:{_SPACE}*+={_SPACE}*+"
    rf"(?:(?P<value>\"[^\"]*+(?:\"|\Z)|'[^']*+(?:'|\Z)|[^\t\n\f\r >\"'][^\t\n\f\r >]*+)|(?=>)))?+"
)
_UNNAMED = re.sub(r"\(\?P<\w+>", "(?:", _ATTRIBUTE)
ATTRIBUTE = re.compile(_ATTRIBUTE)
_TAG = r"[a-zA-Z][^\t\n\f\r />]*+"
_TAG_NAME = re.compile(_TAG)
_MARKUP = re.compile(
    rf"""
    (?P<comment><!--(?:-?>|[\s\S]*?(?:-->|--!>|\Z))      # to the end of the comment or of the text
      |<(?:[!?]|/(?=[^a-zA-Z]))[^>]*+(?:>|\Z))           # doctypes, instructions, and bogus comments
    |<(?P<end>/)?(?P<tag>{_TAG})(?:{_UNNAMED})*+(?:{_SPACE}|/)*+(?P<closed>>)?
    """,
    re.VERBOSE,
)
_ENTITY = re.compile(r"&(?P<name>[a-zA-Z_:][\w:.-]{0,99});")
_RAW_TEXT = frozenset("iframe noembed noframes noscript script style textarea title xmp".split())
_RAW_ENDS = {name: re.compile(rf"</{name}(?=[\t\n\f\r />])", re.IGNORECASE) for name in _RAW_TEXT}


class Token(NamedTuple):
    """A token of HTML.

    ``name`` is the lower-case name of the tag. For a token of the kind ``raw``, it is the name of the element that
    contains the token. A ``raw`` token is text in which tags are not recognised, as in ``script`` or ``title``. A
    ``comment`` token may also be a doctype, a processing instruction, an unfinished tag at the end of the text, which
    browsers ignore, or, in XML, a reference to an unknown entity. ``name`` is empty for tokens of the kinds ``text``
    and ``comment``. ``start`` and ``end`` are offsets in the HTML.
    """

    kind: Kind
    start: int
    end: int
    name: str = ""

    @property
    def span(self) -> Span:
        """The span of the token in the HTML."""
        return Span(self.start, self.end)


class Attribute(NamedTuple):
    """An attribute of a tag. ``name`` is in lower case.

    ``value`` is the span of the value, including its quotation marks, or None if the attribute has no value.
    """

    name: str
    value: Span | None


def tokens(html: str, *, xml: bool = False, raw_texts: bool = True) -> Iterator[Token]:
    """Divide any string into tokens, in order and without gaps. The running time is linear in the length of the string.

    If ``xml`` is True, any element may be empty (``<script/>``), and a reference to an unknown entity is a ``comment``
    token, because its replacement text is unknown. If ``raw_texts`` is False, tags are recognised inside every element.
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
    """Yield the attributes of a start tag in order. If a name occurs twice, both attributes are yielded.

    Browsers use only the first of several attributes with the same name.
    """
    place = _name_end(html, tag)
    while (found := ATTRIBUTE.match(html, place, tag.end)) is not None:
        value = None if found["value"] is None else Span(*found.span("value"))
        yield Attribute(found["name"].lower(), value)
        place = found.end()


def _name_end(html: str, tag: Token) -> int:
    """Return the offset behind the name of a start tag.

    ``tag.name`` has a different length if the name contains a character such as "İ", and is empty for unfinished tags.
    """
    found = _TAG_NAME.match(html, tag.start + 1, tag.end)
    return tag.start + 1 if found is None else found.end()


MAX_ATTRIBUTES = 1_000
"""The maximum number of attributes of a tag. Parsers such as libxml2 take quadratic time in this number."""


def require_few_attributes(html: str, pointer: str) -> None:
    """Raise `InvalidInput` if a tag has more than `MAX_ATTRIBUTES` attributes.

    ``pointer`` is the JSON Pointer of the field that contains the HTML. The error reports this pointer.
    """
    for token in _parsed_tags(html):
        if token.end - token.start <= 2 * MAX_ATTRIBUTES or html[token.start + 1] in "!?/":
            continue
        place, count = _name_end(html, token), 0
        while (found := ATTRIBUTE.match(html, place, token.end)) is not None:
            place, count = found.end(), count + 1
            if count > MAX_ATTRIBUTES:
                detail = f"a tag has more than {MAX_ATTRIBUTES:,} attributes; remove some of them"
                raise InvalidInput("too_many_attributes", detail, pointer=pointer, limit=MAX_ATTRIBUTES)


_SCRIPT_ENDS = {name: re.compile(rf"</{name}", re.IGNORECASE) for name in ("script", "style")}


def _parsed_tags(html: str) -> Iterator[Token]:
    """Yield all tokens that a parser may read as tags.

    The content of scripts and style sheets is skipped, because comparisons in it ("a<b") look like tags. The content of
    other elements with raw text is not skipped, because parsers disagree about where it ends. The same applies to a
    script inside such an element.
    """
    done, outer = 0, ""
    while (found := _MARKUP.search(html, done)) is not None:
        token = _markup(html, found)
        yield token
        done = token.end
        if token.kind == "end" and token.name == outer:
            outer = ""
        elif token.kind == "start" and not outer:
            if token.name in _SCRIPT_ENDS:
                end = _SCRIPT_ENDS[token.name].search(html, done)
                done = len(html) if end is None else end.start()
            elif _opens_raw(html, token, xml=False):
                outer = token.name


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
    if found["closed"] is None:  # the text ends inside the tag
        return Token("comment", found.start(), len(html))
    return Token("end" if found["end"] else "start", *found.span(), found["tag"].lower())


def _opens_raw(html: str, token: Token, *, xml: bool) -> bool:
    named = token.name in _RAW_TEXT or token.name == "plaintext"
    return named and not (xml and html[token.end - 2] == "/")


def _raw_end(html: str, name: str, start: int) -> int:
    """Return the offset at which the raw text of an element ends.

    This is the start of the end tag or, if there is no end tag, the end of the HTML.
    """
    found = _RAW_ENDS[name].search(html, start) if name in _RAW_ENDS else None
    return len(html) if found is None else found.start()
