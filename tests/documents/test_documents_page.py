"""Tests of the headline and lead of web pages."""

import pytest

from service.documents.registry import read_document

ONE = "Die Bahn baut neue Gleise im Süden des Landes, und die Züge fahren bald wieder nach Plan. " * 3
TWO = "Der Verkehrsminister stellte das Vorhaben am Montag in München vor, und die Länder stimmten ihm zu. " * 3
LEAD = "Im Süden des Landes entstehen neue Gleise. Was das für Pendler bedeutet."


def page(head: str = "", top: str = "<h1>Bahn baut aus</h1>", lead: str = "") -> str:
    return f"""<!doctype html><html lang="de"><head><title>Bahn</title>{head}</head><body>
    <article>{top}{lead}<div class="body"><p>{ONE}</p><p>{TWO}</p></div></article></body></html>"""


def described(text: str) -> str:
    return f'<meta property="og:description" content="{text}">'


def test_shown_lead_comes_before_the_description() -> None:
    found = read_document(page(described("Hier finden Sie alles über Züge."), lead=f'<p class="lead">{LEAD}</p>'))
    assert found.lead == LEAD
    assert found.body.split("\n") == [ONE.strip(), TWO.strip()]


def test_caption_in_the_description_is_not_the_lead() -> None:
    caption = "Ein Bagger steht am Montag auf einer Baustelle der Bahn in München."
    figure = f"<figure><img src='a.jpg'><figcaption>{caption} Foto: Muster</figcaption></figure>"
    assert read_document(page(described(caption), lead=figure)).lead is None


def test_entities_of_the_metadata_are_decoded() -> None:
    head = '<meta property="og:title" content="Z&amp;uuml;ge fahren">' + described("F&amp;uuml;r alle.")
    found = read_document(page(head, top="<h1>Züge fahren</h1>"))
    assert (found.headline, found.lead) == ("Züge fahren", "Für alle.")


def test_cut_description_is_replaced_by_the_paragraph_of_the_page() -> None:
    teaser = f'<div class="box"><p class="note">{LEAD}</p></div>'
    found = read_document(page(described(LEAD[:50] + "…"), top="", lead=teaser))
    assert found.lead == LEAD


def test_shown_headline_comes_before_the_metadata() -> None:
    head = '<meta property="og:title" content="Zugverkehr: Alles zum Ausbau der Bahn">'
    assert read_document(page(head)).headline == "Bahn baut aus"


def test_site_name_is_left_out_of_the_headline() -> None:
    assert (
        read_document(page('<meta property="og:title" content="Bahn baut aus - Musterblatt">')).headline
        == "Bahn baut aus"
    )


@pytest.mark.parametrize("name", ["kicker", "article__overline", "seite-topline"])
def test_kicker_in_the_heading_is_left_out(name: str) -> None:
    top = f'<h1><span class="{name}">Verkehr</span> <span>Bahn baut aus</span></h1>'
    found = read_document(page('<meta property="og:title" content="Bahn baut aus">', top=top))
    assert found.headline == "Bahn baut aus"
    assert "Bahn baut aus" not in found.body


def test_first_paragraph_of_the_text_is_no_lead() -> None:
    found = read_document(page())
    assert found.lead is None
    assert found.body.split("\n") == [ONE.strip(), TWO.strip()]
