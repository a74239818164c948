"""Tests that NewsML-G2 items are read, and that damaged or malicious ones are rejected."""

import pytest

from service.documents.registry import read_document
from service.errors import InvalidInput

XHTML = """<inlineXML contenttype="application/xhtml+xml"><html xmlns="http://www.w3.org/1999/xhtml"><head><title>x</title>
</head><body><p>Die Bahn <b>baut</b> &amp; plant.</p><h2>Mehr Gleise</h2><p>Mehr
<a href="https://example.org/?a=1&amp;b=2">hier</a>.</p></body></html></inlineXML>"""
NITF = """<inlineXML contenttype="application/nitf+xml"><nitf xmlns="http://iptc.org/std/NITF/2006-10-18/"><body><body.head>
<hedline><hl1>Titel</hl1></hedline></body.head><body.content><p>Die Bahn baut.</p><hl2>Mehr Gleise</hl2></body.content>
</body></nitf></inlineXML>"""


def item(content: str, guid: str = "urn:newsml:example.org:2024:1") -> str:
    return f"""<newsItem xmlns="http://iptc.org/std/nar/2006-10-01/" guid="{guid}" version="2" xml:lang="de">
    <itemMeta><title>Titel</title></itemMeta><contentMeta><language tag="de"/><headline>Bahn baut aus</headline>
    <description role="drol:caption">Ein Zug.</description>
    <description role="drol:summary">Die Bahn will bauen.</description>
    </contentMeta><contentSet>{content}</contentSet></newsItem>"""


def message(*items: str) -> str:
    content = "".join(items)
    return f'<newsMessage xmlns="http://iptc.org/std/nar/2006-10-01/"><itemSet>{content}</itemSet></newsMessage>'


def test_xhtml_body_keeps_its_markup() -> None:
    document = read_document('<?xml version="1.0" encoding="UTF-8"?>' + item(XHTML))
    assert (document.headline, document.lead) == ("Bahn baut aus", "Die Bahn will bauen.")
    assert (document.uri, document.language) == ("urn:newsml:example.org:2024:1", "de")
    assert document.body_format == "html"
    assert "<p>Die Bahn <b>baut</b> &amp; plant.</p><h2>Mehr Gleise</h2>" in document.body
    assert '<a href="https://example.org/?a=1&amp;b=2">' in document.body


def test_nitf_body_becomes_html() -> None:
    assert read_document(item(NITF)).body == "<p>Die Bahn baut.</p><h3>Mehr Gleise</h3>"


def test_plain_text_is_read() -> None:
    document = read_document(item('<inlineData contenttype="text/plain">Die Bahn baut.</inlineData>'))
    assert (document.body, document.body_format) == ("Die Bahn baut.", "text")


@pytest.mark.parametrize(
    ("source", "code"),
    [
        (item(XHTML)[:-30], "newsml_invalid"),
        (item(""), "document_empty"),
        (item("<inlineXML><p> </p></inlineXML>"), "document_empty"),
        (message(item(XHTML), item(NITF, "urn:x:2")), "document_ambiguous"),
        (item("<inlineXML>" + "<p>" * 5_000 + "x" + "</p>" * 5_000 + "</inlineXML>"), "newsml_invalid"),
    ],
)
def test_document_without_exactly_one_text_is_refused(source: str, code: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_document(source)
    assert refused.value.code == code


def test_entities_that_grow_are_refused() -> None:
    bomb = "".join(f'<!ENTITY {name} "{f"&{other};" * 10}">' for other, name in zip("abcdefg", "bcdefgh", strict=True))
    doctype = f'<!DOCTYPE newsItem [<!ENTITY a "aaaaaaaaaa">{bomb}]>'
    source = f'<?xml version="1.0"?>{doctype}{item("<inlineXML><p>Die Bahn &h;</p></inlineXML>")}'
    with pytest.raises(InvalidInput, match="damaged"):
        read_document(source)


def test_declared_encoding_of_a_string_is_ignored() -> None:
    source = '<?xml version="1.0" encoding="ISO-8859-1"?>' + item("<inlineXML><p>Züge</p></inlineXML>")
    assert read_document(source).body == "<p>Züge</p>"
