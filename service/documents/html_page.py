"""Extraction of articles from web pages.

The library trafilatura extracts the text. Before the extraction, the tree of the page is changed so that trafilatura
does not lose drop caps and live blogs. JSON-LD, meta tags and the layout provide the other fields.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice

from lxml import html as lxml_html
from lxml.etree import ParserError

from service.documents.base import Document, Format
from service.documents.jsonld import article_addresses, find_articles, plain_text, text_value
from service.errors import InvalidInput
from service.languages.base import codes, language
from service.text.html.tokens import require_few_attributes

JSONLD = "application/ld+json"
_MOST_JSONLD_CHARS = 1_000_000
# Matches what can precede the root element: an XML declaration, processing instructions, comments and a DOCTYPE.
_PROLOGUE = re.compile(r"\ufeff?(?:\s+|<\?(?:(?!\?>).)*+\?>|<!--(?:(?!-->).)*+-->|<![A-Za-z][^>]*+>)*+", re.DOTALL)
_ROOT = re.compile(r"<([A-Za-z_][^\s/>]*+)([^>]*+)")


def is_page(value: object) -> bool:
    """Return whether ``value`` is a string that can be parsed as HTML.

    Plain text counts as HTML. XML does not, unless its root element is ``html``. A document is XML if it has an XML
    declaration, or if its root element has a namespace or a prefix.
    """
    if not isinstance(value, str):
        return False
    root = _ROOT.match(value, _PROLOGUE.match(value).end())  # type: ignore[union-attr]  # it matches any string
    if root is not None and root[1].lower() == "html":
        return True
    is_xml = value.lstrip("\ufeff \t\r\n").startswith("<?xml")
    if root is None:
        return not is_xml
    return not (is_xml or "xmlns" in root[2] or ":" in root[1])


_WHOLE = re.compile(r"<(?:html|head|body|title)[\s>]", re.IGNORECASE)
_WHOLE_CHARS = 2_000


def is_whole_page(source: str) -> bool:
    """Return whether an HTML text is a whole page, not a fragment.

    A whole page begins with a document type declaration or with the tag html, head, body or title.
    """
    start = source[: _PROLOGUE.match(source).end()]  # type: ignore[union-attr]  # it matches any string
    if "<!doctype html" in start[:_WHOLE_CHARS].casefold():
        return True
    return is_page(source) and _WHOLE.match(source, len(start)) is not None


def read_page(source: str, pointer: str = "/document") -> Document:
    """Extract the article of an HTML page as plain text with one paragraph per line.

    ``pointer`` is the JSON Pointer of the field that contains the page. Errors report this pointer.

    Raises:
        InvalidInput: no article was found in the page, a tag has too many attributes, or the elements are nested too
            deeply.
    """
    require_few_attributes(source, pointer)
    try:
        tree = parse_tree(source)
    except ParserError:
        raise _empty(pointer) from None
    require_flat(tree, pointer)
    from trafilatura import extract  # noqa: PLC0415 - the import takes half a second, and only this format needs it

    text = extract(
        str(lxml_html.tostring(tree, encoding="unicode")) if prepare(tree) else source,
        output_format="txt",
        include_comments=False,
        include_formatting=False,
        deduplicate=False,
        favor_precision=True,
    )
    if not text:
        raise _empty(pointer)
    address = _canonical(tree) or _meta(tree, "og:url")
    article = _jsonld(tree, [_canonical(tree), _meta(tree, "og:url")])
    named = [text_value(article.get(name)) for name in ("headline", "alternativeHeadline")]
    headline = _headline(tree, [_meta(tree, "og:title"), *named])
    described = [text_value(article.get("description")), _meta(tree, "og:description"), _meta(tree, "description")]
    lead = _lead(_blocks(tree), headline, [plain for one in described if (plain := plain_text(one))], text)
    return Document(
        headline=headline,
        lead=lead,
        body=_without(text, {headline, lead}),
        body_format="text",
        language=text_value(article.get("inLanguage")) or tree.get("lang"),
        uri=address,
        original=article,
        original_format="jsonld",
    )


def _empty(pointer: str) -> InvalidInput:
    return InvalidInput(
        "document_empty", "no article was found in the page; send the text of the article instead", pointer=pointer
    )


def _jsonld(tree: lxml_html.HtmlElement, addresses: Sequence[str | None]) -> dict[str, object]:
    """Return the JSON-LD article that describes the page, or an empty dict if there is none.

    ``addresses`` contains the addresses of the page. The function uses the first article that has one of these
    addresses, or whose headline is at the beginning or end of the title or a heading of the page. If there is none, but
    the page contains exactly one article, it uses this article, unless the article has a headline and a different
    address than the page and therefore describes another page.
    """
    found = [dict(one) for script in tree.iter("script") if _is_jsonld(script) for one in _articles(script.text or "")]
    own = {_address(one) for one in addresses if one}
    titles = {_key(words_of(one)) for name in ("title", *_HEADINGS) for one in tree.iter(name)}

    def is_own(article: dict[str, object]) -> bool:
        headline = _key(plain_text(text_value(article.get("headline"))) or "")
        shown = bool(headline) and any(title.startswith(headline) or title.endswith(headline) for title in titles)
        return shown or not own.isdisjoint(map(_address, article_addresses(article)))

    matching = next((one for one in found if is_own(one)), None)
    if matching is not None or len(found) != 1:
        return matching or {}
    elsewhere = own and any(article_addresses(found[0])) and "headline" in found[0]
    return {} if elsewhere else found[0]


def _address(address: str) -> str:
    """Return an address in lower case without its scheme, "www.", query, fragment and final slash, for comparisons."""
    return re.sub(r"^https?://(?:www\.)?|[?#].*$", "", address.strip()).rstrip("/").casefold()


def _is_jsonld(script: lxml_html.HtmlElement) -> bool:
    return str(script.get("type") or "").partition(";")[0].strip().lower() == JSONLD


# Some sites add a BOM, an HTML comment, a CDATA section or a final semicolon to the JSON.
_WRAPPING = re.compile(r"^[\s\ufeff]*(?:(?:<!--|(?://|/\*)?\s*<!\[CDATA\[(?:\s*\*/)?)\s*)*")
_WRAPPING_END = re.compile(r"(?:;|-->|(?://|/\*)?\s*\]\]>(?:\s*\*/)?|\s)+$")
_STRING_OR_COMMA = re.compile(r'("(?:[^"\\]|\\.)*+")|,(?=\s*[}\]])')


def _articles(text: str) -> list[Mapping[str, object]]:
    """Return the articles in a JSON-LD block.

    The list is empty if the block is not valid JSON. Line breaks in strings, trailing commas, and comments or CDATA
    sections around the block are accepted.
    """
    text = _WRAPPING_END.sub("", _WRAPPING.sub("", text[:_MOST_JSONLD_CHARS]))
    for candidate in (text, _STRING_OR_COMMA.sub(lambda match: match[1] or "", text)):
        try:
            return find_articles(json.loads(candidate, strict=False))
        except (ValueError, RecursionError):
            continue
    return []


def _meta(tree: lxml_html.HtmlElement, name: str) -> str | None:
    for meta in tree.iter("meta"):
        if name in {meta.get("property"), meta.get("name")} and (content := (meta.get("content") or "").strip()):
            return str(content)
    return None


def _canonical(tree: lxml_html.HtmlElement) -> str | None:
    links = (link for link in tree.iter("link") if (link.get("rel") or "").lower() == "canonical")
    return next((href for link in links if (href := link.get("href"))), None)


_KICKER_CLASS = re.compile(r"kicker|overline|topline|roofline|dachzeile|topic|rubrik|subtitle", re.IGNORECASE)
_LEAD_CLASS = re.compile(r"lead|teaser|intro|excerpt|summary|standfirst|vorspann|abstract|\bdek\b", re.IGNORECASE)
_SITE = re.compile(r"\s+[|–—-]\s+[^|–—-]{1,40}$")
_CUT = re.compile(r"(?:…|\.\.\.)$")
_STOPPED = re.compile(r"[.!?…][“”\"»«)]*$")
_BLOCK = frozenset(
    "address article aside blockquote dd details div dl dt fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6 "
    "header hgroup li main nav ol p pre section table tbody td th tr ul".split()
)
_HEADINGS = ("h1", "h2", "h3")
_SKIPPED = frozenset("script style noscript template nav footer form button select svg".split())
_PICTURE = frozenset({"figure", "figcaption", "picture"})
_LEAD_CHARS = range(30, 600)
_LEAD_WORDS = 6
_LONG_CHARS = 80
_MOST_KICKER_CHARS = 80
_LEAST_HEAD_CHARS = 8  # a shorter headline can be the end of another one
_HEAD_LINES = 6
_PREFIX_CHARS = 40
_NEAR_BLOCKS = 8


@dataclass(frozen=True, slots=True)
class _Part:
    """A block of the page that contains no other blocks.

    ``key`` is the text in the form for comparisons (see `_key`). ``place`` is equal for blocks with the same parent,
    tag and class. ``bold`` is True if the whole text is bold, ``caption`` if the block belongs to a picture, and
    ``named_lead`` if the block or its parent has a class name for leads.
    """

    text: str
    key: str
    tag: str
    place: tuple[int, str, str]
    bold: bool
    caption: bool
    named_lead: bool


def _key(text: str) -> str:
    """Return the letters and digits of a text in lower case, for comparisons."""
    return "".join(filter(str.isalnum, text.casefold()))


def _headline(tree: lxml_html.HtmlElement, described: Sequence[str | None]) -> str | None:
    """Return the headline of the page, or None if there is none.

    This is the first headline in the metadata (``described``) that is also a heading of the page. If there is none, it
    is the first h1 of the page without its kicker. If the page has no h1 either, it is the first headline in the
    metadata. Headings in menus and breadcrumb trails are ignored, because they are often written for search engines.
    """
    elements = [one for name in _HEADINGS for one in tree.iter(name) if not _in_menu(one)]
    keys = [_key(shown) for one in elements for shown in _shown(one)]
    named = [plain for one in described if (plain := plain_text(one))]
    for text in (*named, *(_SITE.sub("", one) for one in named)):
        if any(_repeats(key, _key(text)) for key in keys):
            return text
    first = next((shown[-1] for one in elements if one.tag == "h1" and (shown := _shown(one))), None)
    return first or next(iter(named), None)


def _in_menu(element: lxml_html.HtmlElement) -> bool:
    """Return whether an element is part of a menu or a breadcrumb trail."""
    near = (element, *element.iterancestors())
    return any(one.tag == "nav" or "breadcrumb" in (one.get("class") or "").casefold() for one in near)


def _shown(heading: lxml_html.HtmlElement) -> list[str]:
    """Return the text of a heading, followed by the text without the kicker if the heading contains a kicker."""
    whole = words_of(heading)
    kickers = [words_of(child) for child in heading if _KICKER_CLASS.search(child.get("class") or "")]
    rest = whole.removeprefix(kickers[0]).lstrip(" :–-") if kickers else ""
    return [text for text in (whole, rest) if text]


def _blocks(tree: lxml_html.HtmlElement) -> list[_Part]:
    """Return the innermost blocks of the page that contain text, in order, except those in menus, footers and forms."""
    elements = [element for element in tree.iter() if isinstance(element.tag, str)]
    inner: set[lxml_html.HtmlElement] = set()
    for element in reversed(elements):
        if (element.tag in _BLOCK or element in inner) and element.getparent() is not None:
            inner.add(element.getparent())
    skipped: set[lxml_html.HtmlElement] = set()
    pictured: set[lxml_html.HtmlElement] = set()
    found: list[_Part] = []
    for element in elements:
        parent = element.getparent()
        if element.tag in _SKIPPED or parent in skipped:
            skipped.add(element)
            continue
        if element.tag in _PICTURE or parent in pictured:
            pictured.add(element)
        if element.tag in _BLOCK and element not in inner and (text := words_of(element)):
            found.append(_part(element, text, caption=element in pictured))
    return found


def _part(element: lxml_html.HtmlElement, text: str, *, caption: bool) -> _Part:
    parent = element.getparent()
    names = [one.get("class") or "" for one in (element, parent) if one is not None]
    bold = any(words_of(child) == text for child in element if child.tag in {"b", "strong"})
    place = (id(parent), str(element.tag), names[0])
    named = any(map(_LEAD_CLASS.search, names))
    return _Part(text, _key(text), str(element.tag), place, bold, caption, named)


def _lead(blocks: Sequence[_Part], headline: str | None, described: Sequence[str], text: str) -> str | None:
    """Return the lead of an article, or None if there is none.

    The lead is the paragraph that the page shows as a lead below the headline (see `_shown_lead`). If there is no such
    paragraph, the lead is the first usable description in the metadata (``described``). A description that is part of
    the caption of a picture, or the beginning of a report, is not used. A truncated description is replaced with the
    paragraph of the page that it was taken from, and is not used if there is none. ``text`` is the extracted text.
    """
    body = [_key(line) for line in text.split("\n") if len(line) >= _LONG_CHARS]
    shown = _shown_lead(blocks, headline, set(body))
    if shown is not None:
        return shown
    captions = {block.key for block in blocks if block.caption}
    for one in described:
        if _is_dateline(one) or any(caption and _key(one) in caption for caption in captions):
            continue
        if not _CUT.search(one):
            return one
        start = _key(one)[:_PREFIX_CHARS]
        whole = next((b.text for b in blocks if b.key.startswith(start) and not _CUT.search(b.text)), None)
        if whole is not None and len(whole) in _LEAD_CHARS:
            return whole
    return None


def _shown_lead(blocks: Sequence[_Part], headline: str | None, body: set[str]) -> str | None:
    """Return the first paragraph below the page's headline if the layout marks it as a lead, or None.

    Only paragraphs of the extracted text, and those that may be a lead, are considered. ``body`` contains the keys of
    the long lines of the extracted text (see `_key`).
    """
    if headline is None:
        return None
    wanted = _key(headline)
    texts = [n for n, block in enumerate(blocks) if block.key in body and block.tag not in _HEADINGS]
    titles = [n for n, block in enumerate(blocks) if block.tag[0] == "h" and block.key.endswith(wanted)]
    for title in (n for n in reversed(titles) if texts and n < texts[-1]):
        below = (n for n in range(title + 1, len(blocks)) if blocks[n].key in body or _may_be_lead(blocks[n]))
        first = next(below, None)
        if first is not None and _is_set_apart(blocks, first, body):
            return blocks[first].text
    return None


def _is_set_apart(blocks: Sequence[_Part], number: int, body: set[str]) -> bool:
    """Return whether the layout marks the block with index ``number`` as a lead.

    The block must have the form of a lead (see `_may_be_lead`). In addition, it must be bold, have a class name for
    leads, or have a different format from the following text. For the last condition, a block in the extracted text
    must have the same parent and tag as the text that follows, but another class. ``body`` contains the keys of the
    long lines of this text (see `_key`).
    """
    block = blocks[number]
    if not _may_be_lead(block):
        return False
    if block.bold or block.named_lead:
        return True
    following = [other for other in blocks[number + 1 : number + _NEAR_BLOCKS] if other.key in body]
    if block.key not in body:
        return not any(other.place == block.place for other in following)
    parent, tag, _ = block.place
    return bool(following) and following[0].place[:2] == (parent, tag) and following[0].place != block.place


def _is_dateline(text: str) -> bool:
    """Return whether a text begins with the place and the agency of a report, in any language of the service."""
    return any(pattern.match(text) for pattern in _datelines())


@cache
def _datelines() -> tuple[re.Pattern[str], ...]:
    return tuple(language(code).page.dateline for code in codes())


def _may_be_lead(block: _Part) -> bool:
    """Return whether a block can be a lead because of its text.

    A lead has 30 to 599 characters and at least six words, and ends like a sentence. It is not a caption, and does not
    begin with the place and agency of a report.
    """
    if _is_dateline(block.text):
        return False  # the text of a report begins with its place and agency
    long_enough = not block.caption and len(block.text) in _LEAD_CHARS and len(block.text.split()) >= _LEAD_WORDS
    return long_enough and _STOPPED.search(block.text) is not None


def _without(text: str, heads: set[str | None]) -> str:
    """Remove the headline and the lead (``heads``) from the first six lines of the text that trafilatura extracted.

    A kicker on the same line as the headline is also removed. If no other text remains, nothing is removed.
    """
    lines = [line for line in text.split("\n") if line.strip()]
    keys = {_key(head) for head in heads if head}
    kept = [line for line in lines[:_HEAD_LINES] if not _is_head(_key(line), keys)] + lines[_HEAD_LINES:]
    return "\n".join(kept or lines)


def _is_head(line: str, heads: set[str]) -> bool:
    return any(_repeats(line, head) for head in heads if head)


def _repeats(line: str, head: str) -> bool:
    """Return whether the key of a line is the key ``head``, possibly with a kicker in front (see `_key`).

    There must be no kicker before a key with fewer than eight characters.
    """
    if len(head) < _LEAST_HEAD_CHARS:
        return line == head
    return line.endswith(head) and len(line) <= len(head) + _MOST_KICKER_CHARS


_DROP_CAP = re.compile(r"drop-?_?cap|initial|first-?letter|versal", re.IGNORECASE)
_CLOCK = re.compile(r"\d{1,2}[:.]\d{2}(?:\s?Uhr)?")
_ENTRY_HEADINGS = ("h2", "h3", "h4")
_LISTS = frozenset({"ul", "ol"})
_LEAST_ENTRIES = 3  # the minimum number of entries in a live blog
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
"""The maximum nesting depth of the elements of a page. libxml2 drops elements nested more than 255 levels deep."""


def require_flat(tree: lxml_html.HtmlElement, pointer: str) -> None:
    """Raise `InvalidInput` if the elements of a page are nested more than `MAX_DEPTH` levels deep.

    ``pointer`` is the JSON Pointer of the field that contains the page. The error reports this pointer.
    """
    level = [tree]
    for _ in range(MAX_DEPTH):
        level = [child for element in level for child in element]
        if not level:
            return
    detail = (
        f"the elements of the page are nested more than {MAX_DEPTH} levels deep; send the text of the article instead"
    )
    raise InvalidInput("html_too_deep", detail, pointer=pointer, limit=MAX_DEPTH)


def prepare(tree: lxml_html.HtmlElement) -> bool:
    """Change the tree of a page so that trafilatura extracts drop caps (large first letters) and live blogs.

    Drop caps are joined to their words. The times of a live blog are moved into the headings of its entries, and
    entries in list items become div elements. Return whether the tree was changed.
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
    """Write the times of a live blog into the headings of its entries. Return whether the page is a live blog."""
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
    """Return the element with the time of a live blog's entry, within or directly before its heading, or None."""
    for element in heading.iter("time"):
        if _is_clock(element):
            return element
    before = heading.getprevious()
    return before if before is not None and isinstance(before.tag, str) and _is_clock(before) else None


def _is_clock(element: lxml_html.HtmlElement) -> bool:
    text = words_of(element)
    return len(text) <= _CLOCK_CHARS and _CLOCK.fullmatch(text) is not None


def _unwrap_entries(tree: lxml_html.HtmlElement) -> bool:
    """Convert the entries of a live blog, and the lists around them, to div elements. Return whether there are entries.

    The entries are at least three list items that contain a heading and a paragraph.
    """
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


FORMAT = Format("page", is_page, read_page)
