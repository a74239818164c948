"""Tests that HTML is split into blocks, and that the text and the inline markup of each block are found."""

import pytest

from service.text.html.document import parse
from tests.text.html_cases import texts


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<p>Eins</p><p>Zwei</p>", ["Eins", "Zwei"]),
        ("<li>Eins<li>Zwei", ["Eins", "Zwei"]),
        ("Vorher <div>mitten</div> nachher", ["Vorher", "mitten", "nachher"]),
        ("Ein <em><span><strong>tiefer</strong></span></em> Satz", ["Ein tiefer Satz"]),
        ("<a href=x><em>Alles\n  ansehen</em> <em>hier!</em></a>", ["Alles ansehen hier!"]),
        ("<a href=x><h3>Titel</h3><p>Text</p></a>", ["Titel", "Text"]),
        ("<p>Eins<!-- wp:x -->Zwei<!-- note -->Drei</p>", ["Eins", "ZweiDrei"]),
        ("<p>Zeile<br>Neue Zeile<br /> <br>Ende</p>", ["Zeile\nNeue Zeile\n\nEnde"]),
        ("<pre>Nein</pre><style>p{}</style><script>x</script><textarea>y</textarea>", []),
        ("<iframe>Nein</iframe><video>Nein</video><svg><text>Nein</text></svg><p>&nbsp;</p>", []),
        ("Sieh <svg><title>nein</title></svg> hier", ["Sieh hier"]),
        ("<p translate=no>Nein</p><p class='x notranslate'>Nein</p><p translate=yes>Ja</p>", ["Ja"]),
        ("<div class=notranslate><div>Nein</div>Nein</div>Ja", ["Ja"]),
        ("<p translate=no>Nein<p>Ja", ["Ja"]),
        ("<title>Titel &amp; <b></title>", ["Titel & <b>"]),
        ("M&uuml;ller &lt;b&gt; &amp;amp; &unbekannt; &#8222;x&#x201c; &", ["Müller <b> &amp; &unbekannt; „x“ &"]),
        ("Satz<sup>[1]</sup> und <a href=#f><sup>2</sup></a> m<sup>2</sup>", ["Satz und m2"]),
        ("<td>12,5</td><td>–</td>", ["12,5"]),
        ("<nav><a href=/a>Politik</a><a href=/b>Sport</a> <a href=/c>Kultur</a></nav>", ["Politik", "Sport Kultur"]),
        ("<p><em><a>Nord</a><a>see</a></em></p>", ["Nordsee"]),
        ("<p><button>Ja</button><button>Nein</button> oder <label>Name</label></p>", ["Ja", "Nein", "oder", "Name"]),
        ("", []),
    ],
)
def test_boundaries_separate_blocks(html: str, expected: list[str]) -> None:
    assert texts(html) == expected


@pytest.mark.parametrize(
    "html",
    [
        "<p>Die <b>rote</b> Katze</p>",
        "<p>\n\tDie\n  <b>\n rote\t</b>\r\n Katze </p>",
        "<p>Die <b> rote</b> Katze<!-- x --> </p>",
    ],
)
def test_white_space_is_collapsed(html: str) -> None:
    assert texts(html) == ["Die rote Katze"]


def test_inline_markup_has_spans_of_the_text() -> None:
    html = "Die <a href=x><b>rote</b> Katze</a><img> aß<i></i>."
    (block,) = parse(html).blocks
    found = [(one.kind, one.text.of(block.text), one.opening.of(html), one.parent) for one in block.inlines]
    assert found == [
        ("element", "rote Katze", "<a href=x>", -1),
        ("element", "rote", "<b>", 0),
        ("point", "", "<img>", -1),
        ("element", "", "<i>", -1),
    ]


def test_misnested_tags_become_points() -> None:
    html = "<b>Eins <i>zwei</b> drei</i>"
    (block,) = parse(html).blocks
    assert [(one.kind, one.opening.of(html)) for one in block.inlines] == [
        ("element", "<b>"),
        ("point", "<i>"),
        ("point", "</i>"),
    ]


def test_model_sees_kept_words() -> None:
    html = "Der Befehl <code>a &lt; b</code> und <span translate=no>Die <b>Firma</b></span>."
    (block,) = parse(html).blocks
    assert block.text == "Der Befehl a < b und Die Firma."
    assert [span.of(block.text) for span in block.kept] == ["a < b", "Die Firma"]


def test_span_of_a_block_maps_to_the_html() -> None:
    html = "<p>M&uuml;ller\n <b>&amp; Sohn</b></p>"
    (block,) = parse(html).blocks
    start = block.text.index("& Sohn")
    assert block.in_html(block.kept[0] if block.kept else type(block.source)(start, start + 6)).of(html) == "&amp; Sohn"
    assert block.source.of(html) == html[3:-4]


def test_attribute_texts_are_blocks_on_request() -> None:
    html = """<p title='Ein "Titel"'>Text <img alt=Bild alt=nein> <code title=Nein>x</code></p><img alt="" title="7">"""
    assert [block.text for block in parse(html, attribute_texts=True).blocks] == ['Ein "Titel"', "Text x", "Bild", "7"]
    assert texts(html) == ["Text x"]
