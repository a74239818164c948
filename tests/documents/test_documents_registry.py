"""Tests that the registry finds the document formats, and that one new file adds a format."""

import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from service import documents
from service.documents.base import Document, Edition
from service.documents.html_page import is_page
from service.documents.registry import formats, read_document, writable_formats, write_document
from service.errors import InvalidInput

WIRE = '''
"""Wire copy: a headline, a blank line, the body."""

from service.documents.base import Document, Edition, Format


def _parse(value: str) -> Document:
    headline, body = value.removeprefix("ZCZC ").split("\\n\\n", 1)
    return Document(headline, None, body, "text")


def _render(document: Document, edition: Edition) -> dict[str, str]:
    return {"wire": f"ZCZC {edition.headline}\\n\\n{edition.body}"}


FORMAT = Format("wire", lambda value: isinstance(value, str) and value.startswith("ZCZC "), _parse, _render)
'''
EDITION = Edition("en", "Headline", None, "Body.", None, None, "credit", "2026-01-02T03:04:05Z", "de")


@pytest.fixture
def wire(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Add a document format named ``wire`` to the package `service.documents` during a test."""
    (tmp_path / "a_wire.py").write_text(textwrap.dedent(WIRE), "utf-8")
    monkeypatch.setattr(documents, "__path__", [str(tmp_path), *documents.__path__])
    formats.cache_clear()
    yield
    formats.cache_clear()


def test_new_format_is_one_file(wire: None) -> None:
    del wire
    document = read_document("ZCZC Bahn baut aus\n\nDie Bahn baut.")
    assert (document.headline, document.body) == ("Bahn baut aus", "Die Bahn baut.")
    assert write_document(document, EDITION, "wire") == {"wire": "ZCZC Headline\n\nBody."}
    assert set(writable_formats()) == {"docx", "jsonld", "ninjs", "wire"}


def test_fallback_format_is_last() -> None:
    assert list(formats())[-1] == "ninjs"
    assert set(writable_formats()) == {"docx", "jsonld", "ninjs"}


@pytest.mark.parametrize("name", ["page", "none"])
def test_read_only_format_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        write_document(Document(None, None, "x", "text"), EDITION, name)
    assert (refused.value.code, refused.value.pointer) == ("format_unknown", "/as")


@pytest.mark.parametrize(
    "value",
    [
        '<?xml version="1.0"?><nitf><body>Text</body></nitf>',
        '\ufeff<?xml version="1.0"?>\n<!-- wire -->\n<rss version="2.0"></rss>',
        '<feed xmlns="http://www.w3.org/2005/Atom"><p>Text</p></feed>',
        "<w:document><w:p>Text</w:p></w:document>",
    ],
)
def test_other_xml_is_no_page(value: str) -> None:
    assert not is_page(value)
    with pytest.raises(InvalidInput) as refused:
        read_document(value)
    assert (refused.value.code, refused.value.pointer) == ("document_unknown", "/document")


@pytest.mark.parametrize(
    "value",
    [
        "Text",
        "",
        "<p>Text</p>",
        "<!doctype html><html lang=de>",
        "<!-- x --><article>",
        '<?xml version="1.0"?><!DOCTYPE html PUBLIC "a" "b"><html xmlns="http://www.w3.org/1999/xhtml">',
        "<!-- never closed",
        "<" * 50_000,
        "<!--" * 50_000,
    ],
)
def test_html_and_fragments_are_pages(value: str) -> None:
    assert is_page(value)
