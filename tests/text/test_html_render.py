"""Tests that rendering places inline markup around the right words, and neither loses nor duplicates markup."""

import pytest

from service.domain import Span
from service.text.alignment import Alignment, align
from service.text.html.document import parse
from service.text.html.render import TranslatedSentence, render
from tests.languages import DE
from tests.text.html_cases import backwards, bare, same, shout, through, translated, words


def once(html: str, target: str, links: str | None) -> str:
    """Return the HTML with its only sentence translated to ``target``.

    ``links`` contains the index of the aligned source word for each target word, or is None for no alignment.
    """
    document = parse(html)
    (block,) = document.blocks
    there = words(block.text)
    alignment = None
    if links is not None:
        rows = [[float(str(n) == link) for n in range(len(there))] for link in links.split()]
        alignment = Alignment(there, words(target), tuple(map(tuple, rows)))
    sentence = TranslatedSentence(Span(0, len(block.text)), target, alignment)
    return render(document, [[sentence]], DE).html


ALIGNED = [
    ("Der <b>rote</b> Hund", "The red dog", "0 1 2", "The <b>red</b> dog"),
    ("Er hat <b>ihn</b> <i>gesehen</i>.", "He has seen him.", "0 1 3 2 4", "He has <i>seen</i> <b>him</b>."),
    ("<a href='x'><b>Alles</b> ist neu</a>", "All is new", "0 1 2", "<a href='x'><b>All</b> is new</a>"),
    ("<i>Am</i> <b>Montag</b>, so", "On Monday, so", "0 1 2 3", "<i>On</i> <b>Monday</b>, so"),
    ("Der <b>Hund,</b> der bellt", "The dog, that barks", "0 1 2 3 4", "The <b>dog,</b> that barks"),
    ("<b>Er fängt</b> gut an", "He starts well", "0 1 2", "<b>He starts</b> well"),
    ("Ein <b>Haus</b>boot", "A houseboat", "0 1", "A <b>houseboat</b>"),
    ("Viel CO<sub>2</sub> hier", "Here much CO2", "2 0 1", "Here much CO<sub>2</sub>"),
    ("Er<sup>[1]</sup> kam spät", "Late came he", "2 1 0", "Late came he<sup>[1]</sup>"),
    ("Da <img src=x> kam er", "There he came", "0 2 1", "There he <img src=x> came"),
    ("Nur <b>doch</b> dies", "Only this", "0 2", "Only <b>this</b>"),
    ("Der <code>a&lt;b</code> gilt", "The a<b holds", "0 1 2 3 4", "The <code>a&lt;b</code> holds"),
    ("Das <i translate=no>Neue Ja</i> gilt", "The new yes holds", "0 1 2 3", "The <i translate=no>Neue Ja</i> holds"),
    ("<b><i><u>Ja</u></i></b> nein", "No yes", "1 0", "No <b><i><u>yes</u></i></b>"),
    ("A &lt; &amp; B", 'X < & "Y"', "0 1 2 3 3 3", 'X &lt; &amp; "Y"'),
    ("Der <b></b>Hund", "The dog", "0 1", "The <b></b>dog"),
]  # fmt: skip


@pytest.mark.parametrize(("html", "target", "links", "expected"), ALIGNED)
def test_markup_follows_the_alignment(html: str, target: str, links: str, expected: str) -> None:
    assert once(html, target, links) == expected


@pytest.mark.parametrize(
    ("html", "target", "expected"),
    [
        ("<b>Alles ist neu.</b>", "All is new.", "<b>All is new.</b>"),
        ("Der <b>rote</b> Hund", "The red dog", "The <b>red</b> dog"),
        ("Es waren <b>17 Leute</b> da", "There were <17> people", "There were &lt;<b>17&gt; people</b>"),
        ("Nur <b>eins</b> <i>zwei</i> <u>drei</u>", "One", "<b>One</b><i></i><u></u>"),
        ("Der <b>rote</b> Hund", "", "<b></b>"),
        ("Der Befehl <code>git</code> hilft", "The command git helps", "The command <code>git</code> helps"),
        ("Der <code>Hund</code> bellt", "The dog barks", "The <code>Hund</code> dog barks"),
    ],
)
def test_markup_without_alignment_is_proportional(html: str, target: str, expected: str) -> None:
    assert once(html, target, None) == expected


def test_markup_may_span_two_sentences() -> None:
    html = "<p>Er kam <b>spät. Sie</b> ging früh.</p>"
    assert through(html, shout) == "<p>ER KAM <b>SPÄT. SIE</b> GING FRÜH.</p>"
    assert through(html, backwards) == "<p><b>. SPÄT KAM ER .</b> FRÜH GING SIE</p>"


def test_line_break_stays_between_sentences() -> None:
    html = "<p>Es regnet.<br />\n  Es schneit.<br><br>Ende.</p>"
    assert through(html, shout) == "<p>ES REGNET.<br />\n  ES SCHNEIT.<br><br>ENDE.</p>"


def test_unchanged_block_is_copied() -> None:
    html = "<p>\n M&uuml;ller  <b> &amp; < Sohn</b> <i>x</b> </p>"
    assert through(html, same) == html


def test_normalised_source_is_no_translation() -> None:
    document = parse("<p>10&nbsp;&ndash;&nbsp;12 <b>Uhr</b></p>")
    whole = TranslatedSentence(Span(0, 11), "10 – 12 Uhr")
    assert render(document, [[whole]], DE).html == document.html


def test_unchanged_sentence_keeps_its_references() -> None:
    document = parse("<p>M&uuml;ller &amp; Co. Es regnet.</p>")
    (block,) = document.blocks
    kept, changed = Span(0, 12), Span(13, len(block.text))
    sentences = [TranslatedSentence(kept, kept.of(block.text)), TranslatedSentence(changed, "It rains & pours.")]
    assert render(document, [sentences], DE).html == "<p>M&uuml;ller &amp; Co. It rains &amp; pours.</p>"


def test_attributes_are_translated_on_request() -> None:
    html = """<p title='Ein Satz'>Er <img alt=Bild src=x> kam</p>"""
    assert through(html, shout, attribute_texts=True) == '<p title="EIN SATZ">ER <img alt="BILD" src=x> KAM</p>'
    assert through(html, lambda _: ('a "b" <c>', None), attribute_texts=True).startswith(
        '<p title="a &quot;b&quot; &lt;c&gt;">'
    )


def test_script_attributes_are_unchanged() -> None:
    html = """<a href="javascript:alert('x > y')" onclick='f("<b>")'>Hier</a> ist es"""
    assert bare(through(html, backwards)).count("""<a href="javascript:alert('x > y')" onclick='f("<b>")'>""") == 1


def test_spans_locate_sentences_in_the_html() -> None:
    document = parse("<p title='Ein Titel'>Er <b>kam. Sie</b> ging &amp; lief.</p>\n<p>Ende.</p>", attribute_texts=True)
    for translate in (shout, same):
        rendered = render(document, translated(document, translate), DE)
        found = [[span.of(rendered.html).upper() for span in spans] for spans in rendered.sentences]
        assert found == [[], ["ER <B>KAM.", "SIE</B> GING &AMP; LIEF."], ["ENDE."]]


def test_sentences_out_of_order_are_refused() -> None:
    document = parse("Eins. Zwei.")
    first, second = TranslatedSentence(Span(0, 5), "One."), TranslatedSentence(Span(6, 11), "Two.")
    with pytest.raises(ValueError, match="out of order"):
        render(document, [[second, first]], DE)
    with pytest.raises(ValueError, match="longer"):
        render(document, [[first], [second]], DE)


def test_attention_of_pieces_places_markup() -> None:
    document = parse("Die <b>Feuerwehr</b> kam")
    pieces = ["▁Die", "▁Feuer", "wehr", "▁kam"]
    attention = [[0.8, 0.1, 0, 0, 0.1], [0, 0.9, 0, 0, 0], [0, 0.1, 0.6, 0.2, 0], [0, 0, 0, 0.9, 0.1]]
    alignment = align(
        "Die Feuerwehr kam", "The fire brigade came", pieces, ["▁The", "▁fire", "▁brigade", "▁came"], attention
    )
    sentence = TranslatedSentence(Span(0, 17), "The fire brigade came", alignment)
    assert render(document, [[sentence]], DE).html == "The <b>fire brigade</b> came"


def test_invisible_element_covers_no_word() -> None:
    """Check that an editor's bookmark, which contains only a zero-width character, encloses no word."""
    html = "<p>Die Stadt<span id='b'>\ufeff</span> warnt.</p>"
    assert "<span id='b'></span>" in through(html, backwards)


def test_two_marked_parts_of_a_word_are_kept() -> None:
    """Check that a tracked change is kept: a deletion and an insertion without a space between them."""
    html = "<p>Er <del>dementierte</del><ins>bestätigte</ins> es.</p>"
    assert through(html, shout) == "<p>ER <del>DEMENTIERTE</del><ins>BESTÄTIGTE</ins> ES.</p>"
