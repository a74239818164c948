"""Extraction of articles from web pages.

trafilatura extracts the text. JSON-LD and meta tags provide the other fields.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import unescape

from lxml import html as lxml_html

from service.documents.base import Document, Format
from service.documents.jsonld import find_article, text_value
from service.errors import InvalidInput

JSONLD = "application/ld+json"
# Matches what can precede the root element: an XML declaration, processing instructions, comments and a DOCTYPE.
_PROLOGUE = re.compile(r"\ufeff?(?:\s+|<\?(?:(?!\?>).)*+\?>|<!--(?:(?!-->).)*+-->|<![A-Za-z][^>]*+>)*+", re.DOTALL)
_ROOT = re.compile(r"<([A-Za-z_][^\s/>]*+)([^>]*+)")


def is_page(value: object) -> bool:
    """Return whether ``value`` is a string that can be parsed as HTML.

    Other XML documents are excluded, even if their root element has the name of an HTML element.
    """
    if not isinstance(value, str):
        return False
    root = _ROOT.match(value, _PROLOGUE.match(value).end())  # type: ignore[union-attr]  # it also matches an empty string
    if root is None or root[1].lower() == "html":
        return True
    return not (value.lstrip("\ufeff \t\r\n").startswith("<?xml") or "xmlns" in root[2] or ":" in root[1])


def read_page(source: str) -> Document:
    """Extract the article of an HTML page as plain text with one paragraph per line.

    Raises:
        InvalidInput: no article was found in the page.
    """
    from trafilatura import extract  # noqa: PLC0415 - the import takes half a second, and only this format needs it

    text = extract(
        source,
        output_format="txt",
        include_comments=False,
        include_formatting=False,
        deduplicate=False,
        favor_precision=True,
    )
    if not text:
        raise InvalidInput("document_empty", "no article was found in the page", pointer="/document")
    tree = _tree(source)
    article = _jsonld(tree)
    headline = _headline(tree, [text_value(article.get("headline")), _meta(tree, "og:title")])
    described = [text_value(article.get("description")), _meta(tree, "og:description"), _meta(tree, "description")]
    lead = _lead(_blocks(tree), headline, [plain for one in described if (plain := _plain(one))], text)
    return Document(
        headline=headline,
        lead=lead,
        body=_without(text, {headline, lead}),
        body_format="text",
        language=text_value(article.get("inLanguage")) or tree.get("lang"),
        uri=_canonical(tree) or _meta(tree, "og:url"),
        original=article,
        original_format="jsonld",
    )


def _tree(source: str) -> lxml_html.HtmlElement:
    # lxml rejects a str that contains an encoding declaration, so pass bytes.
    return lxml_html.document_fromstring(source.encode("utf-8"), parser=lxml_html.HTMLParser(encoding="utf-8"))


def _jsonld(tree: lxml_html.HtmlElement) -> dict[str, object]:
    """Return the first article in the JSON-LD of the page. Blocks with invalid JSON are skipped."""
    for script in tree.iter("script"):
        if script.get("type", "").strip().lower() == JSONLD:
            try:
                found = find_article(json.loads(script.text or ""))
            except (ValueError, RecursionError):
                continue
            if found is not None:
                return dict(found)
    return {}


def _meta(tree: lxml_html.HtmlElement, name: str) -> str | None:
    for meta in tree.iter("meta"):
        if name in {meta.get("property"), meta.get("name")} and (content := (meta.get("content") or "").strip()):
            return str(content)
    return None


def _canonical(tree: lxml_html.HtmlElement) -> str | None:
    links = (link for link in tree.iter("link") if (link.get("rel") or "").lower() == "canonical")
    return next((href for link in links if (href := link.get("href"))), None)


_TAG = re.compile(r"<[^<>]{0,2000}>")
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
_HEAD_LINES = 6
_PREFIX_CHARS = 40
_NEAR_BLOCKS = 8


@dataclass(frozen=True, slots=True)
class _Part:
    """A block of the page that contains no other blocks. ``place`` is equal for blocks of the same kind."""

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


def _plain(text: str | None) -> str | None:
    """Return a metadata value as plain text.

    Tags are removed, and entities are decoded, even if they were escaped twice.
    """
    return " ".join(_TAG.sub(" ", unescape(unescape(text))).split()) or None if text else None


def _words_of(element: lxml_html.HtmlElement) -> str:
    return " ".join(element.text_content().split())


def _headline(tree: lxml_html.HtmlElement, described: Sequence[str | None]) -> str | None:
    """Return the headline of the page.

    This is the first headline in the metadata (``described``) that is also a heading of the page. If there is none, it
    is the first h1 of the page without its kicker. If the page has no h1 either, it is the first headline in the
    metadata.
    """
    headings = [shown for name in _HEADINGS for one in tree.iter(name) for shown in _shown(one)]
    keys = {_key(heading) for heading in headings}
    named = [plain for one in described if (plain := _plain(one))]
    for text in (*named, *(_SITE.sub("", one) for one in named)):
        if _key(text) in keys:
            return text
    first = next((shown[-1] for one in tree.iter("h1") if (shown := _shown(one))), None)
    return first or next(iter(named), None)


def _shown(heading: lxml_html.HtmlElement) -> list[str]:
    """Return the text of a heading. If the heading contains a kicker, also return its text without the kicker."""
    whole = _words_of(heading)
    kickers = [_words_of(child) for child in heading if _KICKER_CLASS.search(child.get("class") or "")]
    rest = whole.removeprefix(kickers[0]).lstrip(" :–-") if kickers else ""
    return [text for text in (whole, rest) if text]


def _blocks(tree: lxml_html.HtmlElement) -> list[_Part]:
    """Return the innermost blocks of the page in order."""
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
        if element.tag in _BLOCK and element not in inner and (text := _words_of(element)):
            found.append(_part(element, text, caption=element in pictured))
    return found


def _part(element: lxml_html.HtmlElement, text: str, *, caption: bool) -> _Part:
    parent = element.getparent()
    names = [one.get("class") or "" for one in (element, parent) if one is not None]
    bold = any(_words_of(child) == text for child in element if child.tag in {"b", "strong"})
    place = (id(parent), str(element.tag), names[0])
    named = any(map(_LEAD_CLASS.search, names))
    return _Part(text, _key(text), str(element.tag), place, bold, caption, named)


def _lead(blocks: Sequence[_Part], headline: str | None, described: Sequence[str], text: str) -> str | None:
    """Return the lead of an article.

    This is the paragraph that the page shows as a lead between the headline and the text. If there is none, it is the
    first usable description in the metadata (``described``). A description that is the caption of a picture is not
    used. A truncated description is replaced with the paragraph of the page that it was taken from.
    """
    body = [_key(line) for line in text.split("\n") if len(line) >= _LONG_CHARS]
    shown = _shown_lead(blocks, headline, set(body))
    if shown is not None:
        return shown
    captions = {block.key for block in blocks if block.caption}
    for one in described:
        if any(caption and _key(one) in caption for caption in captions):
            continue
        if not _CUT.search(one):
            return one
        start = _key(one)[:_PREFIX_CHARS]
        whole = next((b.text for b in blocks if b.key.startswith(start) and not _CUT.search(b.text)), None)
        if whole is not None and len(whole) in _LEAD_CHARS:
            return whole
    return None


def _shown_lead(blocks: Sequence[_Part], headline: str | None, body: set[str]) -> str | None:
    """Return the first paragraph below the heading that repeats the headline, if the layout marks it as a lead."""
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
    """Return whether the layout distinguishes a block as a lead.

    It does if the block is bold, has a class name for leads, has a different format from the following text, or is not
    part of the extracted text (``body``).
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


def _may_be_lead(block: _Part) -> bool:
    long_enough = not block.caption and len(block.text) in _LEAD_CHARS and len(block.text.split()) >= _LEAD_WORDS
    return long_enough and _STOPPED.search(block.text) is not None


def _without(text: str, heads: set[str | None]) -> str:
    """Remove the headline and the lead (``heads``) from the top of the extracted text.

    trafilatura includes them there. A kicker before the headline on the same line is removed with it.
    """
    lines = [line for line in text.split("\n") if line.strip()]
    keys = {_key(head) for head in heads if head}
    kept = [line for line in lines[:_HEAD_LINES] if not _is_head(_key(line), keys)] + lines[_HEAD_LINES:]
    return "\n".join(kept or lines)


def _is_head(line: str, heads: set[str]) -> bool:
    return any(head and line.endswith(head) and len(line) <= len(head) + _MOST_KICKER_CHARS for head in heads)


FORMAT = Format("page", is_page, read_page)
