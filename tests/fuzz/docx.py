"""A fuzz target for Word documents: reading one returns an article or raises the documented error.

The input is the body of the main part of the document, in XML. All other parts are those of an empty document.
"""

import base64
import io
import zipfile
from contextlib import suppress
from functools import lru_cache

import docx

from service.documents.base import Document
from service.documents.docx import read_docx
from service.errors import InvalidInput
from tests.fuzz.target import Target, encoded

MAIN_PART = "word/document.xml"
NAMESPACES = " ".join(
    f'xmlns:{prefix}="http://schemas.openxmlformats.org/{path}"'
    for prefix, path in (
        ("w", "wordprocessingml/2006/main"),
        ("r", "officeDocument/2006/relationships"),
    )
)


@lru_cache(maxsize=1)
def _other_parts() -> dict[str, bytes]:
    file = io.BytesIO()
    docx.Document().save(file)
    with zipfile.ZipFile(file) as archive:
        return {name: archive.read(name) for name in archive.namelist() if name != MAIN_PART}


def docx_of(body: str) -> str:
    """Return the Base64 text of a Word document with this ``body``, in XML."""
    whole = f"<w:document {NAMESPACES}><w:body>{body}</w:body></w:document>"
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in {**_other_parts(), MAIN_PART: encoded(whole)}.items():
            archive.writestr(name, content)
    return base64.b64encode(file.getvalue()).decode("ascii")


def work(text: str) -> Document | None:
    """Read a Word document whose body is ``text``. Return None if it is not valid."""
    with suppress(InvalidInput):
        return read_docx({"format": "docx", "content": docx_of(text)})
    return None


def check(text: str) -> None:
    """Raise an exception if the article has no body, or if reading raises an undocumented exception."""
    document = work(text)
    if document is not None:
        assert document.body.strip()
        assert document.headline is None or document.headline.strip()


def _paragraph(text: str, style: str = "") -> str:
    properties = f'<w:pPr><w:pStyle w:val="{style}"/></w:pPr>' if style else ""
    return f"<w:p>{properties}<w:r><w:t>{text}</w:t></w:r></w:p>"


SEEDS = (
    _paragraph("Bahn will mehr Züge", "Title") + _paragraph("Ab Mai.", "Subtitle") + _paragraph("Ein Satz."),
    _paragraph("Zwischentitel", "Heading2") + _paragraph("Eins", "ListBullet") + _paragraph("Zwei", "ListBullet"),
    '<w:p><w:hyperlink r:id="rId1"><w:r><w:rPr><w:b/><w:i w:val="0"/></w:rPr><w:t>Ja</w:t></w:r></w:hyperlink></w:p>',
    '<w:p><w:hyperlink r:id="rId99" w:anchor="a"><w:r><w:t>Ja</w:t></w:r></w:hyperlink></w:p>',
    f"<w:tbl><w:tr><w:tc>{_paragraph('Zelle')}</w:tc></w:tr></w:tbl><w:sectPr/>",
    '<w:p><w:pPr><w:pStyle w:val="Unbekannt"/></w:pPr><w:r><w:tab/><w:br/><w:t> a </w:t></w:r></w:p>',
)
WORDS = (
    *("<w:p>", "</w:p>", "<w:r>", "</w:r>", "<w:t>", "</w:t>", "<w:pPr>", "</w:pPr>", "<w:rPr>", "</w:rPr>", "<w:b/>"),
    *(
        '<w:pStyle w:val="',
        '"/>',
        "Title",
        "Subtitle",
        "Heading1",
        "ListBullet",
        '<w:hyperlink r:id="',
        "</w:hyperlink>",
    ),
    *("<w:tbl>", "<w:tr>", "<w:tc>", "</w:tc>", "</w:tr>", "</w:tbl>", "<w:br/>", "<w:tab/>", "<w:noBreakHyphen/>"),
    *(
        '<w:i w:val="',
        "<w:drawing/>",
        "<w:lastRenderedPageBreak/>",
        "<w:del>",
        "</w:del>",
        "<w:ins>",
        "</w:ins>",
        "&#0;",
    ),
)
TARGET = Target("docx", check, work, SEEDS, WORDS)
