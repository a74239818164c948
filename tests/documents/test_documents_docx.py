"""Tests that Word documents are read and written, and that damaged or malicious ones are rejected."""

import base64
import copy
import io
import re
import time
import zipfile
from typing import Any

import docx
import pytest
from docx.oxml import parse_xml

from service.documents.base import Edition
from service.documents.docx import read_docx
from service.documents.registry import read_document, write_document
from service.errors import InvalidInput
from tests.fuzz.docx import docx_of

EDITION = Edition(
    language="en",
    headline="Railway expands",
    lead="It will build.",
    body="<h2>More tracks</h2>\n<p>The <strong>railway</strong> <em>builds</em>.</p>\n"
    '<ul><li>One</li><li>See <a href="https://example.org/?a=1&amp;b=2">here</a></li></ul>',
    summary="It builds.",
    source_type=None,
    credit="made by software",
    made_at="2026-01-02T03:04:05+00:00",
    original_language="de",
)


def encoded(data: bytes) -> dict[str, Any]:
    return {"format": "docx", "content": base64.b64encode(data).decode()}


def word(*paragraphs: tuple[str, str | None]) -> dict[str, Any]:
    document = docx.Document()
    for text, style in paragraphs:
        document.add_paragraph(text, style)
    file = io.BytesIO()
    document.save(file)
    return encoded(file.getvalue())


def test_title_subtitle_headings_and_lists_are_read() -> None:
    found = read_document(
        word(
            ("Bahn baut aus", "Title"),
            ("Die Bahn will bauen.", "Subtitle"),
            ("Die Bahn baut & plant.", None),
            ("Mehr Gleise", "Heading 2"),
            ("Eins", "List Bullet"),
            ("Zwei", "List Bullet"),
        )
    )
    assert (found.headline, found.lead, found.body_format) == ("Bahn baut aus", "Die Bahn will bauen.", "html")
    assert found.body == "<p>Die Bahn baut &amp; plant.</p>\n<h3>Mehr Gleise</h3>\n<ul><li>Eins</li><li>Zwei</li></ul>"


RUN = "<w:r><w:t>{}</w:t></w:r>"


@pytest.mark.parametrize(
    ("inner", "text"),
    [
        (f'<w:ins w:id="1" w:author="x">{RUN}</w:ins>', "neu"),
        (f'<w:moveTo w:id="1" w:author="x">{RUN}</w:moveTo>', "neu"),
        (f'<w:fldSimple w:instr="DATE">{RUN}</w:fldSimple>', "neu"),
        (f"<w:sdt><w:sdtContent>{RUN}</w:sdtContent></w:sdt>", "neu"),
        (f'<w:smartTag w:element="x"><w:customXml w:element="y">{RUN}</w:customXml></w:smartTag>', "neu"),
        (f'<w:hyperlink w:anchor="x"><w:ins w:id="1" w:author="x">{RUN}</w:ins></w:hyperlink>', "neu"),
        ('<w:del w:id="1" w:author="x"><w:r><w:delText>{}</w:delText></w:r></w:del>', ""),
        (f'<w:moveFrom w:id="1" w:author="x">{RUN}</w:moveFrom>', ""),
    ],
)
def test_text_within_other_elements_of_a_paragraph_is_read(inner: str, text: str) -> None:
    document = docx.Document()
    document.add_paragraph("Titel", "Title")
    paragraph = document.add_paragraph("Das ist ")
    namespace = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
    paragraph._p.append(parse_xml(f"<w:r {namespace}><w:t>sehr </w:t></w:r>"))
    paragraph._p.append(parse_xml(re.sub(r"^<[\w:]+", rf"\g<0> {namespace}", inner.format("neu"))))
    paragraph.add_run(".")
    alone = document.add_paragraph()
    alone._p.append(copy.deepcopy(paragraph._p[-2]))
    file = io.BytesIO()
    document.save(file)
    found = read_document(encoded(file.getvalue()))
    assert found.body == f"<p>Das ist sehr {text}.</p>" + (f"\n<p>{text}</p>" if text else "")


def test_first_heading_is_the_headline_if_there_is_no_title() -> None:
    assert read_document(word(("Bahn baut aus", "Heading 1"), ("Sie baut.", None))).headline == "Bahn baut aus"


def test_written_document_keeps_bold_text_links_and_lists() -> None:
    written = write_document(read_document(word(("Die Bahn baut.", None))), EDITION, "docx")
    again = read_document(written)
    assert (again.headline, again.lead) == (EDITION.headline, EDITION.lead)
    assert EDITION.body in again.body
    assert again.body.startswith("<p>It builds.</p>")


def test_plain_text_is_written_as_paragraphs() -> None:
    article = {"@type": "NewsArticle", "headline": "Titel", "articleBody": "Eins.\n\nZwei."}
    plain = Edition("en", "Title", None, "One.\n\nTwo\x01.", None, None, "credit", "2026-01-02T03:04:05+00:00", "de")
    again = read_document(write_document(read_document(article), plain, "docx"))
    assert again.body == "<p>One.</p>\n<p>Two.</p>\n<p>credit</p>"


def bomb() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", b" " * 40 * 2**20)
    return file.getvalue()


def nested() -> dict[str, Any]:
    """Return a Word document whose XML elements are nested 50,000 levels deep, as a value of the field ``document``."""
    source, target = io.BytesIO(base64.b64decode(word(("Text.", None))["content"])), io.BytesIO()
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        for part in old.namelist():
            data = old.read(part)
            if part == "word/document.xml":
                data = data.replace(b"<w:body>", b"<w:body>" + b"<w:sdt>" * 50_000 + b"</w:sdt>" * 50_000)
            new.writestr(part, data)
    return encoded(target.getvalue())


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ({"format": "docx"}, "docx_invalid"),
        ({"format": "docx", "content": "kein Base64!"}, "docx_invalid"),
        (encoded(b"no archive"), "docx_invalid"),
        (encoded(base64.b64decode(word(("Text.", None))["content"])[:-200]), "docx_invalid"),
        (encoded(bomb()), "docx_too_large"),
        (nested(), "docx_invalid"),
        (word(), "document_empty"),
        (word(("Nur ein Titel", "Title")), "document_empty"),
    ],
)
def test_document_that_cannot_be_read_is_refused(value: dict[str, Any], code: str) -> None:
    start = time.process_time()
    with pytest.raises(InvalidInput) as refused:
        read_document(value)
    assert (refused.value.code, refused.value.pointer) == (code, "/document/content")
    assert time.process_time() - start < 5


def test_link_without_an_address_is_plain_text() -> None:
    body = '<w:p><w:hyperlink r:id="rId99"><w:r><w:t>Ein Satz.</w:t></w:r></w:hyperlink></w:p>'
    assert read_docx({"format": "docx", "content": docx_of(body)}).body == "<p>Ein Satz.</p>"


def test_invalid_property_of_a_word_document_is_refused() -> None:
    body = '<w:p><w:r><w:rPr><w:b w:val="vielleicht"/></w:rPr><w:t>Ein Satz.</w:t></w:r></w:p>'
    with pytest.raises(InvalidInput) as refused:
        read_docx({"format": "docx", "content": docx_of(body)})
    assert refused.value.code == "docx_invalid"
