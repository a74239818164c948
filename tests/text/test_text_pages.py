"""Tests with pasted pages that have the style and the typical boilerplate of German news sites."""

import pytest

from service.cleaning.clean import CleanedArticle, clean
from tests.languages import DE

ONE = (
    "Die Bundesregierung hat am Montag in Berlin neue Regeln für die Wirtschaft vorgestellt, die ab Mai gelten sollen."
)
TWO = "Kritik kam am Abend aus der Opposition. Die Regeln seien zu spät gekommen und gingen nicht weit genug."
THREE = "Verbände forderten die Regierung auf, die Fristen zu verlängern. Eine Antwort gab es zunächst nicht."
LEAD = "Unternehmen sollen künftig offenlegen, woher ihre Rohstoffe stammen. Was das für die Betriebe bedeutet."
HEADLINE = "Regierung legt neue Regeln für Unternehmen vor"

PUBLIC_BROADCASTER = f"""\
Startseite > Wirtschaft > Neue Regeln

Lieferketten
{HEADLINE}

Stand: 31.12.2021 10:03 Uhr

{LEAD}

Von unserer Redaktion in Berlin

{ONE}

Video: Neue Regeln im Überblick

{TWO}

Mehr zum Thema
Was in dem Entwurf steht
Wer am Ende zahlt

{THREE}

Dieses Thema im Programm: Über dieses Thema berichtete das Radio am 31. Dezember 2021 um 10:00 Uhr.
"""

MAGAZINE = f"""\
Zum Inhalt springen
Menü
Politik
{HEADLINE}

{LEAD}
31.12.2021, 10.03 Uhr
Artikel anhören

Ein Containerschiff im Hafen Foto: picture alliance/dpa
{ONE}

Anzeige

{TWO}

Lesen Sie auch: Was in dem Entwurf steht

{THREE}

Zur Startseite
Feedback
"""

WEEKLY = f"""\
{HEADLINE}
{LEAD}
Von Redaktion Wirtschaft
Aktualisiert am 31. Dezember 2021, 10:03 Uhr
Lesezeit: 3 Min.
12 Kommentare

{ONE}

An dieser Stelle finden Sie einen externen Inhalt, der den Artikel ergänzt. Sie können ihn sich mit einem Klick \
anzeigen lassen und wieder ausblenden.

{TWO}

{THREE}
"""

AGENCY = f"""\
{HEADLINE}

Berlin (dpa) - {ONE}

{TWO}

{THREE}

© dpa-infocom, dpa:211231-99-123456/2
"""

BLOG = f"""\
{HEADLINE}

Von unserer Redaktion
31. Dezember 2021
Keine Kommentare

{ONE}

{TWO}

{THREE}

Teilen:
Facebook
Twitter
E-Mail

Schlagwörter: Wirtschaft, Regeln, Berlin

Das könnte Sie auch interessieren
Was in dem Entwurf steht
Jetzt Newsletter abonnieren
"""

REGIONAL = f"""\
zeitung.example.de
Zurück
Home
Panorama
{HEADLINE}
31. Dezember 2021, 10:03 Uhr · Lesezeit: 2 Min.
(Foto: Reuters)
{ONE}
Feedback
Detailansicht öffnen
{TWO}
Lesen Sie auch
 - Was in dem Entwurf steht
 - Wer am Ende zahlt
{THREE}
Diesen Artikel teilen: Facebook | Twitter | E-Mail
Copyright © 2021 Verlag. Alle Rechte vorbehalten.
"""


def reasons(cleaned: CleanedArticle) -> dict[str, str]:
    return {removed.text: removed.reason for removed in cleaned.removed}


def test_broadcaster_page_is_cleaned() -> None:
    cleaned = clean(PUBLIC_BROADCASTER, DE)
    assert (cleaned.kicker, cleaned.headline, cleaned.lead) == ("Lieferketten", HEADLINE, LEAD)
    assert cleaned.body == f"{ONE}\n\n{TWO}\n\n{THREE}"
    found = reasons(cleaned)
    assert found["Video: Neue Regeln im Überblick"] == "media"
    assert found["Startseite > Wirtschaft > Neue Regeln"] == "breadcrumb"
    assert found["Stand: 31.12.2021 10:03 Uhr"] == "timestamp"
    assert found["Von unserer Redaktion in Berlin"] == "byline"
    assert found["Wer am Ende zahlt"] == "related"


def test_magazine_page_is_cleaned() -> None:
    cleaned = clean(MAGAZINE, DE)
    assert (cleaned.kicker, cleaned.headline, cleaned.lead) == ("Politik", HEADLINE, LEAD)
    assert cleaned.body == f"{ONE}\n\n{TWO}\n\n{THREE}"
    found = reasons(cleaned)
    assert found["Ein Containerschiff im Hafen Foto: picture alliance/dpa"] == "photo_caption"
    assert found["Lesen Sie auch: Was in dem Entwurf steht"] == "related"
    assert found["Feedback"] == "control"


def test_weekly_page_is_cleaned() -> None:
    cleaned = clean(WEEKLY, DE)
    assert (cleaned.headline, cleaned.lead) == (HEADLINE, LEAD)
    assert cleaned.body == f"{ONE}\n\n{TWO}\n\n{THREE}"
    assert set(reasons(cleaned).values()) == {"byline", "timestamp", "reading_time", "control", "boilerplate"}


def test_agency_report_keeps_its_dateline() -> None:
    cleaned = clean(AGENCY, DE)
    assert (cleaned.headline, cleaned.lead) == (HEADLINE, None)
    assert cleaned.body == f"Berlin (dpa) - {ONE}\n\n{TWO}\n\n{THREE}"
    assert reasons(cleaned) == {"© dpa-infocom, dpa:211231-99-123456/2": "copyright"}


def test_blog_page_is_cleaned() -> None:
    cleaned = clean(BLOG, DE)
    assert (cleaned.headline, cleaned.body) == (HEADLINE, f"{ONE}\n\n{TWO}\n\n{THREE}")
    assert reasons(cleaned)["Schlagwörter: Wirtschaft, Regeln, Berlin"] == "topics"


def test_regional_paper_page_is_cleaned() -> None:
    cleaned = clean(REGIONAL, DE)
    assert (cleaned.kicker, cleaned.headline, cleaned.lead) == ("Panorama", HEADLINE, None)
    assert cleaned.body == f"{ONE}\n\n{TWO}\n\n{THREE}"
    found = reasons(cleaned)
    assert found["31. Dezember 2021, 10:03 Uhr · Lesezeit: 2 Min."] == "timestamp"
    assert found["- Wer am Ende zahlt"] == "related"
    assert found["Copyright © 2021 Verlag. Alle Rechte vorbehalten."] == "copyright"


@pytest.mark.parametrize("page", [PUBLIC_BROADCASTER, MAGAZINE, WEEKLY, AGENCY, BLOG])
def test_repeated_headline_is_removed(page: str) -> None:
    cleaned = clean(page, DE, headline=HEADLINE.replace("Regeln", "Regeln\u00a0"), lead=LEAD)
    assert cleaned.headline_span is None
    assert reasons(cleaned)[HEADLINE] == "repeated_headline"
    assert HEADLINE not in cleaned.body
    assert LEAD not in cleaned.body


def test_glued_kicker_is_split_from_the_headline() -> None:
    cleaned = clean(f"Lieferketten{HEADLINE}\n\n{ONE}", DE, headline=HEADLINE)
    assert (cleaned.kicker, cleaned.headline, cleaned.body) == ("Lieferketten", HEADLINE, ONE)


def test_unrepeated_headline_removes_no_text() -> None:
    cleaned = clean(f"{TWO}\n\nEin Abschnitt\n\n{ONE}", DE, headline=HEADLINE)
    assert (cleaned.body, cleaned.removed) == (f"{TWO}\n\nEin Abschnitt\n\n{ONE}", ())


def test_headline_inside_the_body_is_kept() -> None:
    text = f"{ONE}\n\n{TWO}\n\n{HEADLINE}\n\n{THREE}"
    assert clean(text, DE, headline=HEADLINE).body == text


def test_text_below_links_gets_a_notice() -> None:
    text = f"{ONE}\n\nMehr zum Thema\n\n{TWO}"
    cleaned = clean(text, DE)
    assert cleaned.body == f"{ONE}\n\n{TWO}"
    assert [notice.span.of(text) for notice in cleaned.notices if notice.span] == [TWO]


def test_sections_above_the_headline_are_removed() -> None:
    cleaned = clean(f"Startseite\nPolitik\nInland\n{HEADLINE}\n\n{ONE}", DE, headline=HEADLINE)
    assert (cleaned.kicker, cleaned.body) == ("Inland", ONE)
    assert reasons(cleaned) == {"Startseite": "breadcrumb", "Politik": "breadcrumb", HEADLINE: "repeated_headline"}


def test_line_below_an_advert_mark_gets_a_notice() -> None:
    text = f"{ONE}\n\nAnzeige\nStreit um die Pläne\n\n{TWO}"
    cleaned = clean(text, DE)
    assert cleaned.body == f"{ONE}\n\nStreit um die Pläne\n\n{TWO}"
    assert [notice.span.of(text) for notice in cleaned.notices if notice.span] == ["Streit um die Pläne"]


def test_advert_of_several_lines_is_removed() -> None:
    text = f"{ONE}\n\nAnzeige\nshop.example.org\nJetzt Strompreise vergleichen\n\n{TWO}"
    assert clean(text, DE).body == f"{ONE}\n\n{TWO}"


def test_line_between_list_and_text_is_kept() -> None:
    text = f"{ONE}\n\nVerwandte Themen\n\nUSA\n\nErdgas\n\nNeuer Streit\n\n{TWO}"
    cleaned = clean(text, DE)
    assert cleaned.body == f"{ONE}\n\nNeuer Streit\n\n{TWO}"
    assert [notice.span.of(text) for notice in cleaned.notices if notice.span] == ["Neuer Streit"]


@pytest.mark.parametrize("line", ["Kommentare", "Datenschutz", "Suche", "Von Angela Merkel", "31.12.2021"])
def test_possible_subheading_gets_a_notice(line: str) -> None:
    text = f"{ONE}\n\n{line}\n\n{TWO}"
    cleaned = clean(text, DE)
    assert cleaned.body == text
    assert [notice.code for notice in cleaned.notices] == ["maybe_furniture"]


@pytest.mark.parametrize(
    ("paragraph", "text", "reason"),
    [
        (f"{TWO}Von unserer Redaktion", f"{TWO}Von unserer Redaktion", None),
        (f"{TWO}Artikel anhören", TWO, "control"),
        (f"{TWO} 31.12.2021 - 00:57 Uhr Merken Teilen", TWO, "byline"),
        (f"{TWO} Foto: dpa", TWO, "photo_credit"),
        (f"{TWO} (Quelle: dpa)", TWO, "source_credit"),
        (
            "Er nannte es ein „schlechtes“ Bild: ein Haus am See",
            "Er nannte es ein „schlechtes“ Bild: ein Haus am See",
            None,
        ),
        ("Sie feierten am 24. und 25. Dezember.", "Sie feierten am 24. und 25. Dezember.", None),
        (
            "Es geschah an einem Sonntag, dem 31. Dezember 2021",
            "Es geschah an einem Sonntag, dem 31. Dezember 2021",
            None,
        ),
    ],
)
def test_glued_line_is_removed_from_paragraph(paragraph: str, text: str, reason: str | None) -> None:
    cleaned = clean(f"{ONE}\n\n{paragraph}\n\n{THREE}", DE)
    assert cleaned.body == f"{ONE}\n\n{text}\n\n{THREE}"
    assert [removed.reason for removed in cleaned.removed] == ([reason] if reason else [])


def test_long_caption_loses_only_its_credit() -> None:
    text = f"{ONE}\n\n{TWO} Foto: dpa\n\n{THREE}"
    assert [notice.span.of(text) for notice in clean(text, DE).notices if notice.span] == [TWO]


def test_only_sentence_is_never_a_caption() -> None:
    assert (
        clean("Das teilte die Polizei am Montag mit. Quelle: dpa", DE).body == "Das teilte die Polizei am Montag mit."
    )


@pytest.mark.parametrize(
    "line",
    [
        "Copyright-Streit um ein Lied",
        "Klimawandel im Bild: Fotografen zeigen die Arktis",
        "Angela Merkel: Suche",
        "Von unseren Kindern",
        "Hintergrund",
        "3. Oktober",
        "Anzeige gegen den Minister",
        "Video im Netz",
        "Politik und Moral",
        "Die Quelle: ein Brief",
    ],
)
def test_subheadings_with_page_words_are_kept(line: str) -> None:
    text = f"{ONE}\n\n{line}\n\n{TWO}"
    assert clean(text, DE).body == text


def test_pasted_page_has_kicker_headline_and_lead(given_article: str) -> None:
    cleaned = clean(given_article, DE)
    assert cleaned.kicker == "Altenwerder"
    assert cleaned.headline == "Hafenstadt will im Brückenstreit vermitteln – doch der Landkreis bleibt unnachgiebig"
    assert cleaned.lead is not None
    assert cleaned.lead.startswith("Der Stadtrat von Altenwerder hält")
    assert cleaned.lead.endswith("Zweifel an einem Kompromiss.")
    assert cleaned.body.startswith("Altenwerder. Genau 90 Minuten")
    assert cleaned.body.endswith("dagegen ein Veto einzulegen.")
    assert cleaned.notices == ()


def test_pasted_page_keeps_its_subheadings(given_article: str) -> None:
    cleaned = clean(given_article, DE)
    paragraphs = cleaned.body.split("\n\n")
    assert "Landrat: Ein Baustopp wäre „ein großer Fehler“" in paragraphs
    assert "Streit um die Umgehungsstraße nicht vorbei – Land unter Druck" in paragraphs
    assert len(paragraphs) == 18
    assert {"breadcrumb", "byline", "photo_caption", "photo_credit", "topics", "related", "partner", "advert"} == {
        removed.reason for removed in cleaned.removed
    }
    assert all(mapping.cleaned.of(cleaned.body) == mapping.source.of(given_article) for mapping in cleaned.spans)
