"""Reading of IPTC NewsML-G2 news items."""

import re
from collections.abc import Iterator
from html import escape

from lxml import etree

from service.documents.base import BodyFormat, Document, Format
from service.errors import InvalidInput
from service.text.html.tags import BLOCK, WITHIN_SENTENCES

NAMESPACE = "http://iptc.org/std/nar/2006-10-01/"
_XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
_START_CHARS = 4_000
_LEAD_ROLE = re.compile(r"lead|teaser|summary|abstract|intro", re.IGNORECASE)
_CAPTION_ROLE = re.compile(r"caption", re.IGNORECASE)
# The tags that remain in the HTML body, by their names in XHTML and in NITF.
_TAGS = {
    **{
        name: name
        for name in "p h1 h2 h3 h4 h5 h6 ul ol li blockquote strong em b i a br hr table tr td th div".split()
    },
    "hl1": "h2",
    "hl2": "h3",
    "bq": "blockquote",
    "em": "em",
}
_VOID = frozenset({"br", "hr"})
_TEXT_TAGS = frozenset("p h1 h2 h3 h4 h5 h6 li td th".split())
_SKIPPED = frozenset({"head", "body.head", "script", "style", "media", "figure"})
_XML_TEXT = ("text/xml", "application/xml", "application/xhtml+xml", "text/html", "application/nitf+xml")


def is_newsml(value: object) -> bool:
    """Return whether the first 4,000 characters of the string ``value`` contain the namespace and root of NewsML-G2."""
    if not isinstance(value, str) or NAMESPACE not in value[:_START_CHARS]:
        return False
    return re.search(r"<(?:\w+:)?(?:newsItem|newsMessage|packageItem)\b", value[:_START_CHARS]) is not None


def read_newsml(source: str) -> Document:
    """Read a NewsML-G2 document that contains exactly one news item with text.

    Raises:
        InvalidInput: the XML is damaged, or the document contains no news item with text, or several of them.
    """
    # Entities and external files are not resolved. The parser limits the nesting depth and the size of a text node.
    parser = etree.XMLParser(
        encoding="utf-8", resolve_entities=False, no_network=True, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(source.lstrip("\ufeff \t\r\n").encode("utf-8"), parser=parser)
    except etree.XMLSyntaxError as error:
        detail = f"the NewsML-G2 document is damaged: {error.msg}"
        raise InvalidInput("newsml_invalid", detail, pointer="/document") from error
    items = [root] if _name(root) == "newsItem" else list(root.iter(f"{{{NAMESPACE}}}newsItem"))
    found = [(item, body) for item in items if (body := _body(item)) is not None]
    if not found:
        detail = "the document contains no news item with text; add inlineXML or inlineData"
        raise InvalidInput("document_empty", detail, pointer="/document")
    if len(found) > 1:
        detail = f"the document contains {len(found)} news items with text; send one item per request"
        raise InvalidInput("document_ambiguous", detail, pointer="/document")
    item, (text, body_format) = found[0]
    return Document(
        headline=_text(item, "contentMeta", "headline") or _text(item, "itemMeta", "title"),
        lead=_lead(item),
        body=text,
        body_format=body_format,
        language=_language(item),
        uri=item.get("guid"),
    )


def _name(element: etree._Element) -> str:
    return str(etree.QName(element).localname) if isinstance(element.tag, str) else ""


def _children(element: etree._Element, *path: str) -> list[etree._Element]:
    return list(element.findall("/".join(f"{{{NAMESPACE}}}{name}" for name in path)))


def _text(element: etree._Element, *path: str) -> str | None:
    texts = (" ".join("".join(one.itertext()).split()) for one in _children(element, *path))
    return next((text for text in texts if text), None)


def _lead(item: etree._Element) -> str | None:
    """Return the description with the role of a lead, or else the first description that is not a caption, or None."""
    described = _children(item, "contentMeta", "description")
    others = [one for one in described if not _CAPTION_ROLE.search(one.get("role") or "")]
    chosen = next((one for one in others if _LEAD_ROLE.search(one.get("role") or "")), next(iter(others), None))
    return None if chosen is None else " ".join("".join(chosen.itertext()).split()) or None


def _language(item: etree._Element) -> str | None:
    tags = [one.get("tag") for one in _children(item, "contentMeta", "language")]
    tags += [one.get(_XML_LANG) for one in (*_children(item, "contentSet"), item)]
    return next((str(tag) for tag in tags if tag), None)


def _body(item: etree._Element) -> tuple[str, BodyFormat] | None:
    """Return the text of an item and its format, or None if the item has no text.

    The content of ``inlineXML`` is returned as HTML. The content of ``inlineData`` is returned as plain text or, if its
    media type is that of XML or HTML, as HTML. Content of other media types is ignored.
    """
    for content in _children(item, "contentSet", "inlineXML"):
        html = "".join(_html(content)).strip()
        if re.sub(r"<[^>]*>", "", html).strip():
            return html, "html"
    for content in _children(item, "contentSet", "inlineData"):
        text = "".join(content.itertext()).strip()
        kind = (content.get("contenttype") or "text/plain").partition(";")[0].strip().lower()
        if text and kind == "text/plain":
            return text, "text"
        if text and kind in _XML_TEXT:
            return text, "html"
    return None


def _html(element: etree._Element, *, in_text: bool = False) -> Iterator[str]:
    """Convert the content of an element to HTML with the tags in ``_TAGS``.

    Other tags are left out, but their text is kept. A ``div`` takes the place of another block with text. A reference
    to an entity is kept. The content of heads, scripts, styles and media is left out. ``in_text`` is True if the
    element is part of a line of text, so that unknown elements in it are no blocks.
    """
    in_text = in_text or _has_text(element)
    yield escape(element.text or "", quote=False)
    for child in element:
        name = _name(child)
        if child.tag is etree.Entity:
            yield child.text or ""
        elif name not in _SKIPPED:
            tag = _TAGS.get(name) or ("div" if _is_text_block(child, in_text=in_text) else None)
            href = f' href="{escape(child.get("href"))}"' if tag == "a" and child.get("href") else ""
            if tag is not None:
                yield f"<{tag}{href}>"
            yield from _html(child, in_text=tag in _TEXT_TAGS or _is_inline(child, in_text=in_text))
            if tag is not None and tag not in _VOID:
                yield f"</{tag}>"
        yield escape(child.tail or "", quote=False)


def _has_text(element: etree._Element) -> bool:
    """Return whether an element contains text that is not in one of its child elements."""
    return bool((element.text or "").strip()) or any((child.tail or "").strip() for child in element)


def _is_inline(element: etree._Element, *, in_text: bool) -> bool:
    name = _name(element)
    return name in WITHIN_SENTENCES or (in_text and name not in BLOCK and name not in _TAGS)


def _is_text_block(element: etree._Element, *, in_text: bool) -> bool:
    """Return whether an element is a block that contains text or inline elements, not only other blocks."""
    if _is_inline(element, in_text=in_text):
        return False
    return _has_text(element) or any(_is_inline(child, in_text=False) for child in element)


FORMAT = Format("newsml", is_newsml, read_newsml)
