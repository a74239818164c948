"""Tests that articles are read from JSON-LD and web pages, and that outputs are written as JSON-LD."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.documents.base import Edition
from service.documents.registry import read_document, write_document
from service.errors import InvalidInput

ARTICLE: dict[str, Any] = {
    "@context": "https://schema.org",
    "@type": "NewsArticle",
    "@id": "https://example.org/artikel",
    "headline": "Bahn baut aus",
    "description": "Die Bahn will bauen.",
    "articleBody": "Die Bahn baut.",
    "inLanguage": "de-DE",
    "author": {"@type": "Organization", "name": "Redaktion"},
    "wordCount": 3,
}
SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
SENTENCES = "Die Bahn baut neue Gleise im Süden des Landes, und die Züge fahren bald wieder nach Plan. "
PAGE = f"""<!doctype html><html lang="de"><head><title>Bahn baut aus - Zeitung</title>
<meta property="og:title" content="Bahn baut aus"><meta name="description" content="Die Bahn will bauen.">
<link rel="canonical" href="https://example.org/artikel">
<script type="application/ld+json">no JSON</script>
</head><body><nav><ul><li><a href="/">Start</a></li><li><a href="/politik">Politik</a></li></ul></nav>
<article><h1>Bahn baut aus</h1><p>Die Bahn will bauen.</p><h2>Mehr Gleise</h2><p>{SENTENCES * 4}</p>
<p>{SENTENCES * 3}</p></article><footer>Impressum und Datenschutz</footer></body></html>"""


def edition(language: Any = "en") -> Edition:
    """Return the outputs to write into a document, in ``language``."""
    return Edition(
        language, "Headline", "Lead.", "Body.", "Summary.", SOURCE_TYPE, "credit", "2026-01-02T03:04:05Z", "de"
    )


@pytest.mark.parametrize(
    "value",
    [
        ARTICLE,
        {"@context": "https://schema.org", "@graph": [{"@type": "WebPage"}, ARTICLE]},
        {"@context": "https://schema.org", "@type": "WebPage", "mainEntity": ARTICLE},
        ARTICLE | {"@type": ["Thing", "https://schema.org/ReportageNewsArticle"]},
    ],
)
def test_article_is_found_at_any_place(value: dict[str, Any]) -> None:
    document = read_document(value)
    assert (document.headline, document.lead, document.body) == (
        "Bahn baut aus",
        "Die Bahn will bauen.",
        "Die Bahn baut.",
    )


@pytest.mark.parametrize(
    "value",
    [
        {"@context": "https://schema.org", "@type": "Recipe", "name": "Brot"},
        {"@context": "https://schema.org", "@type": "NewsArticle", "headline": "ohne Text"},
        {"@context": "https://schema.org", "@type": "NewsArticle", "articleBody": ["", 3]},
    ],
)
def test_value_without_article_text_is_refused(value: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        read_document(value)


def test_translation_names_its_source() -> None:
    written = write_document(read_document(ARTICLE), edition(), "jsonld")
    assert written["translationOfWork"]["@id"] == ARTICLE["@id"]
    assert written["digitalSourceType"] == SOURCE_TYPE
    assert written["author"] == ARTICLE["author"]
    assert "wordCount" not in written


def test_german_edition_is_based_on_its_source() -> None:
    assert "isBasedOn" in write_document(read_document(ARTICLE), edition("de"), "jsonld")


def test_written_article_can_be_read() -> None:
    again = read_document(write_document(read_document(ARTICLE), edition(), "jsonld"))
    assert (again.headline, again.lead, again.body, again.language) == ("Headline", "Lead.", "Body.", "en")


def test_page_is_read_without_boilerplate() -> None:
    document = read_document(PAGE)
    assert (document.headline, document.lead) == ("Bahn baut aus", "Die Bahn will bauen.")
    assert document.body.split("\n")[0] == "Mehr Gleise"
    assert "Impressum" not in document.body
    assert "Politik" not in document.body
    assert document.uri == "https://example.org/artikel"


def test_page_address_becomes_the_item_uri() -> None:
    assert write_document(read_document(PAGE), edition(), "ninjs")["uri"] == "https://example.org/artikel#en"


@pytest.mark.parametrize("page", ["", "<p>", "Nur ein Satz.", "\x00<>"])
def test_page_without_an_article_is_refused(page: str) -> None:
    with pytest.raises(InvalidInput):
        read_document(page)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["@type", "@graph", "@context", "articleBody", "bodies", "uri", "x"]), inner)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["@type", "@graph", "@context", "mainEntity", "articleBody", "uri"]), JSON))
def test_any_object_is_read_or_refused(value: dict[str, Any]) -> None:
    with suppress(InvalidInput):
        assert read_document(value).body.strip()


@pytest.mark.parametrize(
    "document",
    [
        "<article><p>Ein Satz, der lang genug ist.</p>\ud800</article>",
        {"@type": "NewsArticle", "articleBody": "Ein Satz.", "author": [{"name": "\udc00"}]},
        {"uri": "urn:1", "bodies": [{"value": "Ein Satz."}], "people": [{"\ud800": 1}]},
    ],
)
def test_lone_surrogate_is_refused(document: str | dict[str, Any]) -> None:
    with pytest.raises(InvalidInput) as caught:
        read_document(document)
    assert (caught.value.code, caught.value.pointer) == ("text_not_unicode", "/document")


def test_paragraphs_in_a_list_are_all_read() -> None:
    document = read_document(ARTICLE | {"articleBody": ["Der Rat tagt.", {"@value": "Es geht ums Geld."}, " "]})
    assert (document.body, document.body_format) == ("Der Rat tagt.\n\nEs geht ums Geld.", "text")


@pytest.mark.parametrize(
    "body", ["<p>Der Rat tagt f&uuml;r alle.</p>", "&lt;p&gt;Der Rat tagt f&uuml;r alle.&lt;/p&gt;"]
)
def test_markup_in_the_body_is_read_as_html(body: str) -> None:
    document = read_document(ARTICLE | {"headline": "Rat <em>t&auml;gt</em> &quot;morgen&quot;", "articleBody": body})
    assert (document.headline, document.body_format) == ('Rat tägt "morgen"', "html")
    assert document.body.startswith("<p>Der Rat tagt")


def test_entities_in_a_body_without_markup_are_decoded() -> None:
    assert read_document(ARTICLE | {"articleBody": "Der Rat sagt Ja &amp; Nein."}).body == "Der Rat sagt Ja & Nein."


def test_two_articles_with_a_text_are_refused() -> None:
    with pytest.raises(InvalidInput, match="2 articles") as caught:
        read_document({"@graph": [ARTICLE, ARTICLE | {"@id": "https://example.org/zwei"}]})
    assert (caught.value.code, caught.value.pointer) == ("document_ambiguous", "/document")


def test_article_with_a_text_is_chosen_among_teasers() -> None:
    teaser = {"@type": "NewsArticle", "headline": "Anderes"}
    assert read_document({"@graph": [teaser, ARTICLE]}).headline == "Bahn baut aus"


def test_section_and_keywords_are_kept() -> None:
    document = read_document(ARTICLE | {"articleSection": "Politik", "keywords": ["Bahn"]})
    written = write_document(document, edition(), "jsonld")
    assert (written["articleSection"], written["keywords"]) == ("Politik", ["Bahn"])


@pytest.mark.parametrize(
    ("headline", "text"),
    [
        ("Umsatz &lt; 5 und Gewinn &gt; 3 Millionen", "Umsatz < 5 und Gewinn > 3 Millionen"),
        ("<b>Neu:</b> 2 < 3 und 4 > 1", "Neu: 2 < 3 und 4 > 1"),
        ("<!-- x --><b>Neu</b></p>", "Neu"),
    ],
)
def test_comparisons_in_a_headline_are_no_tags(headline: str, text: str) -> None:
    article = {"@type": "NewsArticle", "headline": headline, "articleBody": "Die Bahn baut."}
    assert read_document(article).headline == text
