"""Tests that the headline and the lead of a web page are found."""

import pytest

from service.documents.html_page import MAX_DEPTH, is_whole_page
from service.documents.registry import read_document
from service.errors import InvalidInput
from service.text.html.tokens import MAX_ATTRIBUTES

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


@pytest.mark.parametrize(
    "block",
    [
        '{"@type":"NewsArticle","headline":"Bahn baut aus","description":"Mehr Geld\nfür Züge.\tJetzt."}',
        '{"@type":"NewsArticle","headline":"Bahn baut aus","description":"Mehr Geld für Züge. Jetzt.",}',
        '<!-- {"@type":"NewsArticle","headline":"Bahn baut aus","description":"Mehr Geld für Züge. Jetzt."} -->',
        '//<![CDATA[\n{"@type":"Article","headline":"Bahn baut aus","description":"Mehr Geld für Züge. Jetzt."}\n//]]>',
        '\ufeff{"@type":"NewsArticle","headline":"Bahn baut aus","description":"Mehr Geld für Züge. Jetzt."};',
    ],
)
@pytest.mark.parametrize("kind", ["application/ld+json", "application/ld+json; charset=utf-8"])
def test_block_that_is_nearly_json_is_read(block: str, kind: str) -> None:
    head = f'<meta property="og:title" content="Verkehr"><script type="{kind}">{block}</script>'
    found = read_document(page(head, top=""))
    assert found.original["headline"] == "Bahn baut aus"
    assert found.lead == "Mehr Geld für Züge. Jetzt."


def test_block_about_another_article_is_ignored() -> None:
    block = '{"@type":"NewsArticle","headline":"Hund beißt Mann","url":"https://example.org/hund","description":"Aua."}'
    head = (
        f'<link rel="canonical" href="https://example.org/bahn"><script type="application/ld+json">{block}</script>'
        + described("Im Süden entstehen neue Gleise.")
    )
    found = read_document(page(head))
    assert (found.headline, found.lead, found.original) == ("Bahn baut aus", "Im Süden entstehen neue Gleise.", {})


def test_block_with_the_address_of_the_page_is_chosen() -> None:
    other = '{"@type":"NewsArticle","headline":"Hund beißt Mann","url":"https://example.org/hund"}'
    own = '{"@type":"NewsArticle","headline":"Neue Gleise","url":"https://www.example.org/bahn/?a=1"}'
    head = f"""<link rel="canonical" href="https://example.org/bahn">
    <script type="application/ld+json">[{other}]</script><script type="application/ld+json">{own}</script>"""
    assert read_document(page(head, top="")).headline == "Neue Gleise"


def test_headline_in_a_breadcrumb_trail_is_not_chosen() -> None:
    top = "<nav><h1>Bahn: Alle neuen Gleise im Überblick</h1></nav><h2><span>Verkehr</span>Bahn baut aus</h2>"
    head = '<meta property="og:title" content="Bahn: Alle neuen Gleise im Überblick">'
    head += '<script type="application/ld+json">{"@type":"NewsArticle","headline":"Bahn baut aus"}</script>'
    assert read_document(page(head, top=top)).headline == "Bahn baut aus"


def test_drop_cap_is_joined_to_its_word() -> None:
    lead = f'<p><span class="outer"><span class="initial-letter">D</span></span> <span>{ONE[1:]}</span></p>'
    assert ONE.strip() in read_document(page(lead=lead)).body


@pytest.mark.parametrize(
    "entry",
    [
        '<div class="entry"><h3><time>{time}</time> {head}</h3><p>{text}</p></div>',
        '<article class="entry"><time>{time}</time><h3>{head}</h3><p>{text}</p></article>',
        "<li><h3><time>{time}</time>{head}</h3><p>{text}</p></li>",
    ],
)
def test_live_ticker_keeps_the_times_of_its_entries(entry: str) -> None:
    heads = [(f"1{n}:0{n} Uhr", f"Meldung Nummer {n}") for n in range(1, 6)]
    entries = "".join(
        entry.format(time=time, head=head, text=TWO if n % 2 else ONE) for n, (time, head) in enumerate(heads)
    )
    lines = read_document(page(lead=f"<ul>{entries}</ul>" if "<li>" in entry else entries)).body.split("\n")
    assert [line for line in lines if "Meldung" in line] == [f"{time} {head}" for time, head in heads]


@pytest.mark.parametrize("start", ["<!DOCTYPE html>", "<html>", "\ufeff<!-- x --><html lang='de'>", "<body class='a'>"])
def test_whole_page_is_told_from_a_fragment(start: str) -> None:
    assert is_whole_page(f"{start}<p>Text</p>")
    assert not is_whole_page(f"<p>{start}</p>")


def test_comparisons_in_scripts_are_no_tags() -> None:
    script = "<script>if(a<b" + ",".join(f"c{n} = 1" for n in range(3_000)) + ")</script>"
    assert read_document(page(script)).headline == "Bahn baut aus"


@pytest.mark.parametrize("start", ["", "<title><script></title>", "<textarea><style></textarea>"])
def test_tag_with_many_attributes_is_refused(start: str) -> None:
    tag = f"<a {' '.join(f'a{n}=1' for n in range(MAX_ATTRIBUTES + 1))}>"
    with pytest.raises(InvalidInput, match="attributes"):
        read_document(page(top=f"{start}{tag}</a>"))


@pytest.mark.parametrize(
    "top",
    ["<div>" * 400 + f"<p>{ONE}</p>" + "</div>" * 400, f"<p>{'<b>' * 50_000}{ONE}", "<ul><li>" * 20_000 + ONE],
)
def test_deeply_nested_page_is_refused(top: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_document(page(top=top))
    assert (refused.value.code, refused.value.pointer, refused.value.limit) == ("html_too_deep", "/document", MAX_DEPTH)


@pytest.mark.parametrize("source", ["", " ", "<!doctype html>", "<html></html>", "<html><body> </body></html>"])
def test_empty_page_is_refused(source: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_document(source)
    assert refused.value.code == "document_empty"


def test_first_of_two_articles_on_one_page_is_read() -> None:
    other = f"<article><h1>Rat tagt</h1><div><p>{ONE.replace('Bahn', 'Stadt')}</p></div></article>"
    found = read_document(page().replace("</body>", f"{other}</body>"))
    assert found.headline == "Bahn baut aus"
    assert found.body.startswith(f"{ONE.strip()}\n{TWO.strip()}")


def test_beginning_of_a_report_is_no_lead() -> None:
    report = "München (dpa) - Im Süden des Landes entstehen neue Gleise, wie der Verkehrsminister am Montag sagte."
    assert read_document(page(described(report), lead=f"<p>{report}</p>")).lead is None
