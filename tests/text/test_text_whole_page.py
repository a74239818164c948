"""Tests that the article in the pasted text of a whole page is found, and that everything around it is removed."""

import json
from pathlib import Path

import pytest

from service.cleaning.boilerplate import judge
from service.cleaning.clean import clean
from service.cleaning.line_model import STATES, read_weights
from tests.languages import DE
from tests.text.test_text_clean import assert_nothing_is_lost

MENU = """\
Zum Inhalt springen
Anmelden
Abo
Startseite
Politik
Wirtschaft
Sport
Kultur
Region
Reise und Genuss
Rätsel und Spiele
Stellenmarkt
Trauerfälle
Newsletter
Podcasts
E-Paper
"""
HEAD = """\
Startseite
Politik
{headline}
{headline}
Von Ida Beispiel
12.03.2025, 14:05 Uhr
{lead}
Die Brücke am Hafen wird seit dem Sommer saniert. Foto: Max Muster/dpa
"""
HEADLINE = "Stadtrat von Musterhausen verschiebt den Bau der neuen Brücke"
LEAD = "Die Kosten sind in einem Jahr um ein Drittel gestiegen. Nun will der Stadtrat neu über die Brücke entscheiden."
TEXT = [
    (
        "Der Stadtrat von Musterhausen hat den Bau der neuen Brücke über den Fluss ein Jahr verschoben. Die Mehrheit "
        "der Abgeordneten stimmte am Mittwoch nach langer Sitzung für den Antrag, den die Verwaltung gestellt hatte."
    ),
    (
        "Nach Angaben der Verwaltung kostet die Brücke 42 Millionen Euro statt 31 Millionen Euro. Vor allem Stahl "
        "und Beton seien teurer geworden, sagte der Leiter des Bauamts den Abgeordneten. Auch Löhne seien gestiegen."
    ),
    "Kritik von der Opposition",
    (
        "Die Opposition im Stadtrat warf der Verwaltung vor, zu spät über die Kosten der Brücke informiert zu haben. "
        "Der Bau müsse nun neu ausgeschrieben werden, und das dauere mindestens acht Monate, hieß es in der Sitzung."
    ),
    (
        "Die Verwaltung will dem Stadtrat im Herbst einen neuen Plan vorlegen. Bis dahin bleibt die alte Brücke für "
        "Lastwagen gesperrt, und der Verkehr wird über die Autobahn umgeleitet."
    ),
]
FOOT = """\
Mehr zum Thema
Warum alte Brücken oft gesperrt werden
So teuer wird das neue Schwimmbad
Meistgelesen
Unfall auf der Autobahn bei Musterstadt
Das Wetter am Wochenende
Neuer Trainer für den Verein
Über uns
Kontakt
Impressum
Datenschutz
Nutzungsbedingungen
Mediadaten
Barrierefreiheit
Abo kündigen
Alle Rechte vorbehalten
"""


def page(headline: str = HEADLINE) -> str:
    return MENU + HEAD.format(headline=headline, lead=LEAD) + "\n" + "\n\n".join(TEXT) + "\n\n" + FOOT


def test_article_of_a_whole_page_is_found() -> None:
    found = clean(page(), DE)
    assert (found.headline, found.lead) == (HEADLINE, LEAD)
    assert found.body.split("\n\n") == TEXT
    assert_nothing_is_lost(page(), found)


def test_whole_page_is_announced_with_the_share_that_was_kept() -> None:
    (notice,) = (notice for notice in clean(page(), DE).notices if notice.code == "page_pasted")
    words = len(page().split())
    kept = len(" ".join([HEADLINE, LEAD, *TEXT]).split())
    assert f" {round(100 * kept / words)}% " in notice.message


def test_lines_around_the_article_have_a_reason() -> None:
    removed = {part.text: part.reason for part in clean(page(), DE).removed}
    assert removed["Von Ida Beispiel"] == "byline"
    assert removed["12.03.2025, 14:05 Uhr"] == "timestamp"
    assert removed["Das Wetter am Wochenende"] in {"outside_article", "maybe_article", "related"}
    assert set(MENU.split("\n")) - {""} <= set(removed)


@pytest.mark.parametrize(
    "headline",
    [
        "Warum wird die Brücke in Musterhausen nicht gebaut?",
        "Brücke in Musterhausen: Wann der Bau beginnt, was er kostet und wer am Ende für alles zahlt",
        "„Die Brücke kommt später“",
    ],
)
def test_headline_may_be_a_question_or_a_sentence(headline: str) -> None:
    found = clean(page(headline), DE)
    assert found.headline == headline
    assert found.body.split("\n\n") == TEXT


def test_given_headline_is_removed_from_the_page() -> None:
    found = clean(page(), DE, headline=HEADLINE, lead=LEAD)
    assert (found.headline, found.lead) == (HEADLINE, LEAD)
    assert found.body.split("\n\n") == TEXT


@pytest.mark.parametrize(
    ("headline", "lead", "kept"),
    [
        (None, LEAD, []),
        (None, "Ein anderer Vorspann.", [LEAD]),
        (HEADLINE, "Ein anderer Vorspann.", [LEAD]),
        ("Ein anderer Titel", "Ein anderer Vorspann.", [HEADLINE, LEAD]),
    ],
)
def test_other_headline_and_lead_of_the_page_stay_in_the_body(headline: str | None, lead: str, kept: list[str]) -> None:
    found = clean(page(), DE, headline=headline, lead=lead)
    assert (found.headline, found.lead) == (headline or HEADLINE, lead)
    assert found.body.split("\n\n") == [*kept, *TEXT]
    assert (found.headline_span is None, found.lead_span) == (headline is not None, None)
    assert_nothing_is_lost(page(), found)


@pytest.mark.parametrize(
    "parts",
    [[HEADLINE, LEAD, *TEXT], TEXT, TEXT[1:3], TEXT[:1], [LEAD], ["- Erstens\n- Zweitens\n- Drittens", TEXT[0]]],
)
def test_article_or_fragment_stays_whole(parts: list[str]) -> None:
    text = "\n\n".join(parts)
    found = clean(text, DE)
    kept = [part for part in (found.headline, found.lead, found.body) if part]
    assert " ".join(" ".join(kept).split()) == " ".join(text.split())
    assert (found.removed, found.notices) == ((), ())


def test_headline_is_not_glued_to_the_byline_below_it() -> None:
    text = f"{HEADLINE}\nvon Ida Beispiel\n\n" + "\n\n".join(TEXT)
    found = clean(text, DE)
    assert found.headline == HEADLINE
    assert [(part.text, part.reason) for part in found.removed] == [("von Ida Beispiel", "byline")]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("Von Ida Beispiel, Redakteurin", "byline"),
        ("Von Ida Beispiel, Redakteurin für Politik", "byline"),
        ("Von Ida Beispiel und Max Muster, dpa", "byline"),
        ("VON IDA BEISPIEL", "byline"),
        ("von Ida Beispiel , Max Muster", "byline"),
        ("17.04.2024, 12:24Lesezeit: 5 Min.", "timestamp"),
        ("Publiziert17. Dezember 2024, 12:17", "timestamp"),
        ("Publiziert heute um 12:17", "timestamp"),
        ("Zuerst veröffentlicht am 30/04/2024", "timestamp"),
        ("Online seit heute, 7.57 Uhr", "timestamp"),
        ("Heute, 12:37 Uhr", "timestamp"),
        ("13:37 Uhr", "timestamp"),
        ("28. Juni 2025 - 16.03 Uhr", "timestamp"),
        ("Max Muster/Getty Images", "photo_credit"),
        ("picture alliance / dpa | Max Muster", "photo_credit"),
        ("IMAGO/Muster", "photo_credit"),
        ("Bildrechte: Max Muster", "photo_credit"),
        ("(Foto: REUTERS)", "photo_credit"),
        ("Rechte: Musterfunk", "photo_credit"),
    ],
)
def test_forms_of_bylines_times_and_credits_are_known(line: str, reason: str) -> None:
    verdict = judge(line, DE)
    assert verdict is not None
    assert verdict.reason == reason


@pytest.mark.parametrize(
    "line", ["Heute wird gefeiert", "Imago ist ein Wort", "Von Bonn nach Berlin", "Rechte und Pflichten"]
)
def test_similar_lines_are_no_boilerplate(line: str) -> None:
    assert judge(line, DE) is None


def test_two_pages_pasted_one_after_the_other_lose_no_text() -> None:
    text = page() + page("Verein aus Musterstadt feiert den Aufstieg in die zweite Liga")
    assert_nothing_is_lost(text, clean(text, DE))


def test_weights_with_other_states_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "weights.json"
    path.write_text(json.dumps({"states": STATES[1:], "start": [], "transition": [], "features": {}}), "utf-8")
    with pytest.raises(ValueError, match="another version of the line model"):
        read_weights(path)


@pytest.mark.parametrize("kicker", ["Stadtrat", "Bauprojekt am Hafen"])
def test_headline_with_a_kicker_is_chosen_over_the_one_in_the_breadcrumb_trail(kicker: str) -> None:
    search = "Musterhausen: Neue Brücke kommt später, der Stadtrat verschiebt den Bau"
    text = page().replace(f"{HEADLINE}\n{HEADLINE}", f"{search}\n{kicker}\n{HEADLINE}")
    assert clean(text, DE).headline == HEADLINE


def test_kicker_in_quotation_marks_is_cut_off_the_headline() -> None:
    text = page().replace(f"{HEADLINE}\n{HEADLINE}", f'"Das wird zu teuer"{HEADLINE}')
    found = clean(text, DE)
    assert (found.kicker, found.headline) == ('"Das wird zu teuer"', HEADLINE)


def test_headline_in_several_lines_is_joined_at_the_colon() -> None:
    text = page().replace(f"{HEADLINE}\n{HEADLINE}", "Streit im Stadtrat\n:\nNeue Brücke kommt später")
    found = clean(text, DE)
    assert found.headline == "Streit im Stadtrat: Neue Brücke kommt später"
    assert_nothing_is_lost(text, found)


@pytest.mark.parametrize(
    "byline",
    ["Kolumne von Ida Beispiel - 12.03.2025 um 14:05 Uhr - 12 Kommentare", "von Ida Beispiel12.03.2025, 14:05 Uhr"],
)
def test_byline_with_a_genre_or_a_glued_date_is_no_headline(byline: str) -> None:
    found = clean(page().replace("Von Ida Beispiel\n12.03.2025, 14:05 Uhr", byline), DE)
    assert found.headline == HEADLINE
    assert byline in {part.text for part in found.removed}


def test_paragraphs_below_a_list_of_related_links_belong_to_the_article() -> None:
    links = "\n".join(f"So wird die Region {number}\nIda Beispiel\n12.03.2025" for number in range(5))
    text = page().replace(TEXT[1], f"{TEXT[1]}\n\n{links}")
    found = clean(text, DE).body.split("\n\n")
    assert [part for part in TEXT if part in found] == [part for part in TEXT if len(part) > 100]


def test_comments_of_readers_do_not_belong_to_the_article() -> None:
    comment = (
        "Der Stadtrat sollte die neue Brücke über den Fluss sofort bauen. Die Verwaltung hat bei den Kosten der Brücke "
        "geschlafen, und die Mehrheit der Abgeordneten hat im Stadtrat nur zugesehen, statt den Bau zu retten."
    )
    text = page().replace(FOOT, f"2 Kommentare\nMax Muster\n{comment}\nAntworten\n{comment}\nAntworten\n{FOOT}")
    assert comment not in clean(text, DE).body


def test_long_headline_without_a_full_stop_is_found_in_an_article_alone() -> None:
    headline = "Neue Brücke in Musterhausen kommt später: Wann der Bau beginnt, was er kostet und wer zahlt!"
    assert clean("\n\n".join([headline, *TEXT]), DE).headline == headline


CAPTION = "Die Brücke am Hafen soll nach den Plänen der Verwaltung erst in acht Monaten gebaut werden."


@pytest.mark.parametrize(
    "credit",
    [
        " © Max Muster",
        " Foto: Max Muster/dpa",
        " (Foto: Muster)",
        "Getty Images",
        " IMAGO/Max Muster",
        " Bild © Muster (hr)",
    ],
)
def test_caption_with_a_credit_is_removed_as_a_whole(credit: str) -> None:
    text = page().replace(TEXT[2], f"{CAPTION}{credit}\n\n{TEXT[2]}")
    found = clean(text, DE)
    assert found.body.split("\n\n") == TEXT
    assert {part.text: part.reason for part in found.removed}[f"{CAPTION}{credit}"] == "photo_caption"


@pytest.mark.parametrize(
    "line",
    [
        "Er nannte die Brücke ein „schlechtes“ Bild: ein Haus am See",
        "Auf Instagram zeigte die Verwaltung ein Foto: Es zeigt die Brücke am Abend.",
        "Die Verwaltung verwies am Mittwoch auf einen Bericht der Agenturen dpa und AFP.",
    ],
)
def test_sentence_about_a_picture_is_no_caption(line: str) -> None:
    assert not DE.page.caption.fullmatch(line)


@pytest.mark.parametrize(
    "line",
    [
        "An dieser Stelle findest du einen externen Inhalt von YouTube, der den Artikel ergänzt.",
        "Ich bin damit einverstanden, dass mir Inhalte von Instagram angezeigt werden.",
        "Personenbezogene Daten können an Drittplattformen übermittelt werden.",
        "Mit meiner Anmeldung zum Newsletter stimme ich der Werbevereinbarung zu.",
        "Musterblatt hat diese Meldung nicht redaktionell bearbeitet.",
        "Sie wurde automatisch von der Deutschen Presse-Agentur übernommen.",
        "In diesem Artikel sind sogenannte Affiliate-Links enthalten.",
        "Sie sind bereits Kunde?",
        "Haben Sie einen Fehler gefunden? Wir freuen uns über Ihr Feedback.",
    ],
)
def test_standard_sentences_of_sites_are_boilerplate(line: str) -> None:
    verdict = judge(line, DE)
    assert verdict is not None
    assert (verdict.reason, verdict.weight) == ("boilerplate", "sure")


@pytest.mark.parametrize(
    "line",
    [
        "An dieser Stelle stand früher eine Brücke aus Holz, die bei einem Hochwasser zerstört wurde.",
        "Ich bin damit einverstanden, dass der Rat noch einmal über die Brücke berät, sagte er.",
        "Der Link wurde am Abend von der Verwaltung entfernt, weil er zu einem falschen Plan führte.",
        "Die Redakteurin war bei der Sitzung dabei und stellte der Verwaltung mehrere Fragen.",
    ],
)
def test_sentences_with_words_of_boilerplate_are_kept(line: str) -> None:
    assert judge(line, DE) is None


def test_teasers_that_end_with_a_link_are_removed() -> None:
    teaser = "Bereits im vergangenen Jahr war die alte Brücke am Hafen mehrfach für Lastwagen gesperrt worden. mehr"
    found = clean(page().replace(TEXT[2], f"{teaser}\n\n{TEXT[2]}"), DE)
    assert found.body.split("\n\n") == TEXT
    assert {part.text: part.reason for part in found.removed}[teaser] == "related"


def test_long_comments_of_readers_do_not_replace_a_short_article() -> None:
    comment = "Die Brücke im Stadtrat ist ein Skandal, und die Verwaltung hat die Kosten lange verschwiegen. " * 6
    rows = "\n".join(f"Leserin {n}\n1{n}.03.2025, 14:05 Uhr\n{comment.strip()}\nAntworten\nMelden" for n in range(6))
    found = clean(page().replace("\nMehr zum Thema", f"\n6 Kommentare\n{rows}\nMehr zum Thema"), DE)
    assert found.headline == HEADLINE
    assert found.body.split("\n\n") == TEXT


def test_headline_is_found_below_teasers_on_the_same_topic() -> None:
    teasers = (
        "Neue Brücke in Musterstadt: Verwaltung plant den Bau\n"
        "Auch in Musterstadt plant die Verwaltung den Bau einer neuen Brücke über den Fluss, und die Kosten steigen.\n"
        "Max Muster\n"
    )
    top = f"{HEADLINE}\n{HEADLINE}\n"
    found = clean(
        page().replace(top, f"{teasers}{HEADLINE}\n").replace("Mehr zum Thema", f"{HEADLINE}\nMehr zum Thema"), DE
    )
    assert (found.headline, found.lead) == (HEADLINE, LEAD)


def test_headline_in_other_words_below_its_title_is_chosen() -> None:
    shown = "Sanierung am Fluss Stadtrat von Musterhausen verschiebt neue Brücke um ein Jahr"
    found = clean(page().replace(f"{HEADLINE}\n{HEADLINE}\n", f"{HEADLINE}\n{shown}\n"), DE)
    assert found.headline == shown
    assert found.body.split("\n\n") == TEXT


def test_pasted_page_in_another_language_loses_no_paragraph() -> None:
    english = [
        "The council decided on Monday to postpone the construction of the new bridge across the river by one year.",
        "The costs have increased by a third within one year, the head of the building authority told the members.",
        "The opposition criticised the administration because it had informed the members about the costs too late.",
    ]
    found = clean(MENU + "\n\n".join(english) + "\n\n" + FOOT, DE)
    kept = " ".join(part for part in (found.headline, found.lead, found.body) if part)
    assert all(paragraph in kept for paragraph in english)
    assert_nothing_is_lost(MENU + "\n\n".join(english) + "\n\n" + FOOT, found)


def test_page_without_an_article_loses_no_text() -> None:
    assert_nothing_is_lost(MENU + FOOT, clean(MENU + FOOT, DE))
