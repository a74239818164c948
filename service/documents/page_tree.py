"""Parsing of web pages, and changes to the tree of a page that preserve text which trafilatura would lose."""

import re
from itertools import islice

from lxml import html as lxml_html

from service.errors import InvalidInput

_DROP_CAP = re.compile(r"drop-?_?cap|initial|first-?letter|versal", re.IGNORECASE)
_CLOCK = re.compile(r"\d{1,2}[:.]\d{2}(?:\s?Uhr)?")
_ENTRY_HEADINGS = ("h2", "h3", "h4")
_LISTS = frozenset({"ul", "ol"})
_LEAST_ENTRIES = 3  # fewer headings with a time are no live ticker
_CLOCK_CHARS = 12
_MOST_DROP_CAPS = 40


def parse_tree(source: str) -> lxml_html.HtmlElement:
    """Parse a web page, and return the root element of its tree.

    Raises:
        lxml.etree.ParserError: the page is empty.
    """
    # lxml rejects a str that contains an encoding declaration, so pass bytes.
    return lxml_html.document_fromstring(source.encode("utf-8"), parser=lxml_html.HTMLParser(encoding="utf-8"))


MAX_DEPTH = 250
"""The maximum nesting depth of the elements of a page. libxml2 drops what is nested deeper than 255 levels."""


def require_flat(tree: lxml_html.HtmlElement, pointer: str) -> None:
    """Raise `InvalidInput` if the elements of a page are nested more than `MAX_DEPTH` levels deep.

    ``pointer`` is the JSON Pointer of the field that contains the page. The error reports it.
    """
    level = [tree]
    for _ in range(MAX_DEPTH):
        level = [child for element in level for child in element]
        if not level:
            return
    detail = f"the elements of the page are nested more than {MAX_DEPTH} levels deep"
    raise InvalidInput("html_too_deep", detail, pointer=pointer, limit=MAX_DEPTH)


def prepare(tree: lxml_html.HtmlElement) -> bool:
    """Change the tree of a page so that trafilatura extracts drop caps (large first letters) and live tickers.

    Drop caps are joined to their words. The times of a live ticker are moved into the headings of its entries, and
    entries in list items become sections. Return whether the tree was changed.
    """
    return any([_join_drop_caps(tree), _keep_times(tree), _unwrap_entries(tree)])


def words_of(element: lxml_html.HtmlElement) -> str:
    """Return the text of an element with single spaces between the words."""
    return " ".join(element.text_content().split())


def _join_drop_caps(tree: lxml_html.HtmlElement) -> bool:
    """Join each drop cap (a large first letter) with the rest of its word. Return whether the page has a drop cap."""
    found = False
    named = (one for one in tree.iter() if isinstance(one.tag, str) and _DROP_CAP.search(one.get("class") or ""))
    for element in list(islice(named, _MOST_DROP_CAPS)):
        letter = words_of(element)
        if len(letter) != 1 or not letter.isalpha():
            continue
        outer = element
        while outer.getparent() is not None and words_of(outer.getparent()) == letter:
            outer = outer.getparent()
        parent, rest = outer.getparent(), (outer.tail or "").lstrip()
        following = outer.getnext()
        if parent is None or not (rest or following is not None):
            continue
        after = rest or words_of(following)
        if after[:1].islower():
            outer.tail = None
            _set_text_before(outer, letter + rest)
            parent.remove(outer)
            found = True
    return found


def _set_text_before(element: lxml_html.HtmlElement, text: str) -> None:
    """Insert ``text`` into the tree directly before ``element``."""
    before, parent = element.getprevious(), element.getparent()
    if before is not None:
        before.tail = (before.tail or "") + text
    else:
        parent.text = (parent.text or "") + text


def _keep_times(tree: lxml_html.HtmlElement) -> bool:
    """Write the times of a live ticker into the headings of its entries. Return whether the page is a live ticker."""
    timed = [(heading, time) for heading in tree.iter(*_ENTRY_HEADINGS) if (time := _time_of(heading)) is not None]
    if len(timed) < _LEAST_ENTRIES:
        return False
    for heading, element in timed:
        text = words_of(element)
        if element.getparent() is not None:
            element.drop_tree()
        heading.text = f"{text} {(heading.text or '').lstrip()}"
    return True


def _time_of(heading: lxml_html.HtmlElement) -> lxml_html.HtmlElement | None:
    """Return the element with the time of a live ticker's entry, within or directly before its heading, or None."""
    for element in heading.iter("time"):
        if _is_clock(element):
            return element
    before = heading.getprevious()
    return before if before is not None and isinstance(before.tag, str) and _is_clock(before) else None


def _is_clock(element: lxml_html.HtmlElement) -> bool:
    text = words_of(element)
    return len(text) <= _CLOCK_CHARS and _CLOCK.fullmatch(text) is not None


def _unwrap_entries(tree: lxml_html.HtmlElement) -> bool:
    """Convert list items that contain a heading and paragraphs to sections. Return whether the tree was changed."""
    items = [
        item
        for item in tree.iter("li")
        if item.find(".//p") is not None and any(item.find(f".//{name}") is not None for name in _ENTRY_HEADINGS)
    ]
    lists = {item.getparent() for item in items}
    if len(items) < _LEAST_ENTRIES:
        return False
    for element in (*items, *(one for one in lists if one is not None and one.tag in _LISTS)):
        element.tag = "div"
    return True
