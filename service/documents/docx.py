"""Reading and writing of Word documents (DOCX), which requests and responses contain as Base64 text in a JSON object.

The object has the members ``format`` ("docx") and ``content``. The title, the subtitle and headings are recognised by
their styles. Bold and italic text, links, lists and headings are converted to HTML.
"""

import base64
import binascii
import io
import re
import zipfile
from collections.abc import Iterator, Mapping
from html import escape
from itertools import groupby
from typing import TYPE_CHECKING, Any

from lxml import html as lxml_html

from service.documents.base import Document, Edition, Format
from service.errors import InvalidInput

if TYPE_CHECKING:
    from docx.document import Document as WordDocument
    from docx.text.hyperlink import Hyperlink
    from docx.text.paragraph import Paragraph
    from docx.text.run import Run

NAME = "docx"
CONTENT = "/document/content"
_MOST_PARTS = 2_000
_MOST_BYTES = 32 * 2**20  # of all parts when unpacked
_HEADING = re.compile(r"(?:heading|überschrift) ?([1-9])", re.IGNORECASE)
_LIST = re.compile(r"^list|aufzählung|listen", re.IGNORECASE)
_WEB = re.compile(r"(?:https?|mailto):", re.IGNORECASE)
_FIRST_LEVEL, _LAST_LEVEL = 2, 4


def is_docx(value: object) -> bool:
    """Return whether ``value`` is a JSON object whose member ``format`` is "docx"."""
    return isinstance(value, Mapping) and value.get("format") == NAME


def read_docx(value: Mapping[str, Any]) -> Document:
    """Read the article of a Word document from its JSON object ``value``.

    The headline is the first paragraph in the style of a title. If there is none, and the document begins with a
    first-level heading, this heading is the headline. The lead is the first paragraph in the style of a subtitle.

    Raises:
        InvalidInput: the content is not Base64 text, is damaged, is too large when unpacked, or contains no text
            besides the headline and the lead.
    """
    blocks = _read_blocks(value.get("content"))
    title = next((n for n, (kind, _, text) in enumerate(blocks) if kind == "title" and text), None)
    if title is None and blocks and blocks[0][0] == "h2":
        title = 0
    headline = blocks.pop(title)[2] if title is not None else None
    lead = next((n for n, (kind, _, _) in enumerate(blocks) if kind == "subtitle"), None)
    lead_text = blocks.pop(lead)[2] if lead is not None else None
    if not blocks:
        raise InvalidInput(
            "document_empty", "the Word document contains no text besides the headline and lead", pointer=CONTENT
        )
    return Document(
        headline=headline,
        lead=lead_text,
        body="\n".join(_with_lists((kind, html) for kind, html, _ in blocks)),
        body_format="html",
    )


def _read_blocks(content: object) -> list[tuple[str, str, str]]:
    """Return the (kind, HTML, text) of each paragraph with text in the Word document with the Base64 text ``content``.

    Raises:
        InvalidInput: the content is not Base64 text, is damaged, or is too large when unpacked.
    """
    import docx  # noqa: PLC0415 - only this format needs it

    if not isinstance(content, str):
        raise InvalidInput("docx_invalid", "content must be the Base64 text of a Word document", pointer=CONTENT)
    try:
        data = base64.b64decode("".join(content.split()), validate=True)
        _require_small(data)
        return list(_blocks(docx.Document(io.BytesIO(data))))  # python-docx parses many parts only when they are used
    except InvalidInput:
        raise
    except binascii.Error as error:
        raise InvalidInput(
            "docx_invalid", "content is not valid Base64; encode the file again", pointer=CONTENT
        ) from error
    except Exception as error:  # python-docx raises errors of many kinds for damaged files
        raise InvalidInput(
            "docx_invalid", "content is not a Word document; save the file as DOCX", pointer=CONTENT
        ) from error


def _require_small(data: bytes) -> None:
    """Check the number and the unpacked size of the parts of a Word document, which is a ZIP archive.

    The sizes are taken from the directory of the archive. A part is never unpacked beyond its stated size.

    Raises:
        InvalidInput: the document has too many parts or is too large when unpacked.
    """
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        parts = archive.infolist()
        unpacked = sum(part.file_size for part in parts)
    if len(parts) > _MOST_PARTS or unpacked > _MOST_BYTES:
        detail = (
            f"the Word document may have at most {_MOST_PARTS} parts and {_MOST_BYTES} bytes when unpacked; "
            "remove its pictures"
        )
        raise InvalidInput("docx_too_large", detail, pointer=CONTENT)


def _blocks(document: "WordDocument") -> Iterator[tuple[str, str, str]]:
    """Yield (kind, HTML, text) for each paragraph that contains text, including paragraphs in tables.

    The kind is "title", "subtitle", "p", "li" or "h2" to "h4".
    """
    from docx.text.paragraph import Paragraph  # noqa: PLC0415 - only this format needs it

    for element in document.element.body.iter("{*}p"):
        paragraph = Paragraph(element, document)
        text = " ".join("".join(run.text for run, _ in _runs(paragraph._p, paragraph)).split())  # noqa: SLF001 - see `_runs`
        if text:
            yield _kind(paragraph), "".join(_inline(paragraph)), text


def _kind(paragraph: "Paragraph") -> str:
    style = paragraph.style.name or "" if paragraph.style is not None else ""
    if style.casefold() in {"title", "subtitle", "titel", "untertitel"}:
        return "title" if style.casefold() in {"title", "titel"} else "subtitle"
    heading = _HEADING.match(style)
    if heading is not None:
        return f"h{min(int(heading[1]) + _FIRST_LEVEL - 1, _LAST_LEVEL)}"
    return "li" if _LIST.search(style) else "p"


def _inline(paragraph: "Paragraph") -> Iterator[str]:
    for link, parts in groupby(_runs(paragraph._p, paragraph), key=lambda pair: pair[1]):  # noqa: SLF001 - see `_runs`
        runs = "".join(_marked(escape(run.text, quote=False), run.bold, run.italic) for run, _ in parts)
        url = "" if link is None else _url(link)
        yield f'<a href="{escape(url)}">{runs}</a>' if _WEB.match(url) else runs


_REPLACED = frozenset({"del", "moveFrom", "Fallback"})


def _runs(
    element: Any, paragraph: "Paragraph", link: "Hyperlink | None" = None
) -> Iterator[tuple["Run", "Hyperlink | None"]]:
    """Yield each run of text in the XML element of a paragraph, with the link that contains the run or None.

    python-docx skips runs within other elements, such as inserted text, fields and content controls. Deleted and moved
    text is left out, and so is the alternative for older programs.
    """
    from docx.oxml.ns import qn  # noqa: PLC0415 - only this format needs it
    from docx.text.hyperlink import Hyperlink  # noqa: PLC0415
    from docx.text.run import Run  # noqa: PLC0415

    for child in element.iterchildren("*"):
        if child.tag == qn("w:r"):
            yield Run(child, paragraph), link
        elif child.tag == qn("w:hyperlink"):
            yield from _runs(child, paragraph, Hyperlink(child, paragraph))
        elif child.tag.rpartition("}")[2] not in _REPLACED:
            yield from _runs(child, paragraph, link)


def _url(link: "Hyperlink") -> str:
    """Return the address of the link, or an empty string if the document does not contain its address."""
    try:
        return link.url
    except KeyError:  # the link refers to a missing entry
        return ""


def _marked(html: str, bold: bool | None, italic: bool | None) -> str:  # noqa: FBT001 - properties of a run
    if not html.strip():
        return html
    html = f"<em>{html}</em>" if italic else html
    return f"<strong>{html}</strong>" if bold else html


def _with_lists(blocks: Iterator[tuple[str, str]]) -> Iterator[str]:
    """Convert (kind, HTML) pairs to HTML elements. Consecutive list items are put into one list."""
    items: list[str] = []
    for kind, html in blocks:
        if kind == "li":
            items.append(f"<li>{html}</li>")
            continue
        if items:
            yield f"<ul>{''.join(items)}</ul>"
            items = []
        tag = "p" if kind in {"title", "subtitle"} else kind
        yield f"<{tag}>{html}</{tag}>"
    if items:
        yield f"<ul>{''.join(items)}</ul>"


def write_docx(document: Document, edition: Edition) -> dict[str, Any]:
    """Render the edition as the JSON object of a Word document.

    The Word document contains the headline, the lead, the summary, the body and the credit. The edition's body has the
    same format (HTML or plain text) as the body of ``document``, the original.
    """
    import docx  # noqa: PLC0415 - only this format needs it

    word = docx.Document()
    for text, style in ((edition.headline, "Title"), (edition.lead, "Subtitle"), (edition.summary, "Intense Quote")):
        if text:
            word.add_paragraph(_legal(text), style)
    if document.body_format == "html":
        tree = lxml_html.fragment_fromstring(edition.body, create_parent="div")
        _write_blocks(word, tree)
    else:
        for text in filter(None, map(str.strip, edition.body.splitlines())):
            word.add_paragraph(_legal(text))
    word.add_paragraph(_legal(edition.credit), "Caption")
    properties = word.core_properties
    properties.language, properties.author, properties.comments = edition.language, "", ""
    file = io.BytesIO()
    word.save(file)
    return {"format": NAME, "content": base64.b64encode(file.getvalue()).decode("ascii")}


_STYLES = {"h1": "Heading 1", "h2": "Heading 1", "h3": "Heading 2", "h4": "Heading 3", "li": "List Bullet"}
_BLOCKS = frozenset("p h1 h2 h3 h4 h5 h6 li ul ol div section article blockquote table tbody tr td th".split())
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


def _legal(text: str) -> str:
    """Return the text without the characters that XML cannot contain, such as control characters."""
    return _CONTROL.sub("", text)


def _write_blocks(word: "WordDocument", element: lxml_html.HtmlElement) -> None:
    """Write each innermost block of the HTML ``element`` to ``word`` as a paragraph.

    Text that is not in an innermost block also becomes a paragraph.
    """
    paragraph: Paragraph | None = None

    def write(text: str | None, marks: frozenset[str], href: str | None) -> None:
        nonlocal paragraph
        text = re.sub(r"\s+", " ", _legal(text or ""))
        if not text.strip() and paragraph is None:
            return
        paragraph = paragraph or word.add_paragraph()
        _add_run(paragraph, text, marks, href)

    def walk(node: lxml_html.HtmlElement, marks: frozenset[str], href: str | None) -> None:
        nonlocal paragraph
        tag = node.tag if isinstance(node.tag, str) else ""
        if tag in _BLOCKS:
            paragraph = word.add_paragraph(style=_STYLES.get(tag)) if tag in {"p", *_STYLES} else None
        if tag:
            inner = marks | {tag}
            address = node.get("href") if tag == "a" else href
            write(node.text, inner, address)
            for child in node:
                walk(child, inner, address)
                write(child.tail, inner, address)
        if tag in _BLOCKS:
            paragraph = None

    walk(element, frozenset(), None)


def _add_run(paragraph: "Paragraph", text: str, marks: frozenset[str], href: str | None) -> None:
    from docx.opc.constants import RELATIONSHIP_TYPE  # noqa: PLC0415 - only this format needs it
    from docx.oxml import OxmlElement  # noqa: PLC0415
    from docx.oxml.ns import qn  # noqa: PLC0415

    run = paragraph.add_run(text)
    run.bold = True if marks & {"b", "strong"} else None
    run.italic = True if marks & {"i", "em"} else None
    if href and _WEB.match(href):
        link = OxmlElement("w:hyperlink")
        link.set(qn("r:id"), paragraph.part.relate_to(href, RELATIONSHIP_TYPE.HYPERLINK, is_external=True))
        paragraph._p.append(link)  # noqa: SLF001 - python-docx reads links but cannot write them
        link.append(run._r)  # noqa: SLF001


FORMAT = Format(NAME, is_docx, read_docx, write_docx)
