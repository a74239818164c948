"""Tests that NewsML-G2 items are read, and that damaged or malicious ones are rejected."""

import re
from html import escape, unescape
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

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


@pytest.mark.parametrize(
    ("content", "body"),
    [
        (
            "<p>Das <span>ist</span> gut. <person>Angela Merkel</person> sagte.</p>",
            "<p>Das ist gut. Angela Merkel sagte.</p>",
        ),
        ("<p><a1>Das <a2>ist <b>sehr</b> gut</a2></a1>.</p>", "<p>Das ist <b>sehr</b> gut.</p>"),
        ("Ohne <b>Absatz</b>", "Ohne <b>Absatz</b>"),
        ("<div>Eins</div><div><span>Zwei</span></div>", "<div>Eins</div><div>Zwei</div>"),
        ("<x><absatz>Eins</absatz><absatz>Zwei</absatz></x>", "<div>Eins</div><div>Zwei</div>"),
        ("<section><p>Eins</p></section><h6>Zwei</h6>", "<p>Eins</p><h6>Zwei</h6>"),
        ("<table><caption>Eins</caption><tbody><tr><td><num>5</num></td></tr></tbody></table>",
         "<table><div>Eins</div><tr><td>5</td></tr></table>"),
        ("Eins<hr/>Zwei", "Eins<hr>Zwei"),
        ("<p>1 <em2>&lt; 2 &amp;amp;</em2></p>", "<p>1 &lt; 2 &amp;amp;</p>"),
    ],
)  # fmt: skip
def test_text_of_other_elements_is_kept(content: str, body: str) -> None:
    assert read_document(item(f"<inlineXML>{content}</inlineXML>")).body == body


def test_reference_to_an_entity_is_kept() -> None:
    doctype = '<!DOCTYPE newsItem PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "xhtml1-strict.dtd">'
    assert read_document(doctype + item("<inlineXML><p>Z&uuml;ge</p></inlineXML>")).body == "<p>Z&uuml;ge</p>"


words = st.text(alphabet="abü &<>;", max_size=8).map(escape)
inline = st.recursive(
    words,
    lambda parts: st.tuples(
        st.sampled_from(["b", "span", "person", "a", "em", "x-y", "q", "org"]), st.lists(parts, max_size=3)
    ).map(lambda pair: f"<{pair[0]}>{''.join(pair[1])}</{pair[0]}>"),
    max_leaves=6,
)
blocks = st.recursive(
    st.one_of(
        st.tuples(st.sampled_from(["p", "h5", "li", "td"]), st.lists(inline, max_size=4)),
        # Direct text shows that the unknown elements beside it are no blocks.
        st.tuples(st.sampled_from(["div", "absatz"]), st.lists(inline, max_size=4).map(lambda parts: ["a ", *parts])),
    ),
    lambda parts: st.tuples(st.sampled_from(["div", "section", "ul", "blockquote", "x"]), st.lists(parts, max_size=3)),
    max_leaves=6,
)


def written(block: Any) -> str:
    return block if isinstance(block, str) else f"<{block[0]}>{''.join(map(written, block[1]))}</{block[0]}>"


def leaves(block: Any) -> list[str]:
    if any(isinstance(one, tuple) for one in block[1]):
        return [leaf for one in block[1] for leaf in leaves(one)]
    return [written(block)]


@given(st.lists(blocks, min_size=1, max_size=4))
def test_words_of_the_body_are_those_of_the_document(found: list[Any]) -> None:
    texts = ["".join(etree.fromstring(leaf).itertext()) for block in found for leaf in leaves(block)]
    expected = " ".join(texts).split()
    if not expected:
        return
    body = read_document(item(f"<inlineXML>{''.join(map(written, found))}</inlineXML>")).body
    apart = re.sub(r"</?(?:p|h5|li|td|div|ul|blockquote)>", " ", body)
    assert unescape(re.sub(r"<[^<>]*>", "", apart)).split() == expected


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
