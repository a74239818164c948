"""Tests that the cleaning of an article reports each removal and never removes the running text."""

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from service.cleaning.clean import CleanedArticle, clean
from service.domain import Span
from tests.languages import DE

PROSE = [
    "Die Bundesregierung hat am Montag in Berlin neue Regeln für die Wirtschaft vorgestellt, die ab Mai gelten.",
    "Nach Angaben der Polizei kamen am 3. Mai rund 2.000 Menschen, um gegen die Pläne zu demonstrieren.",
    "„Wir haben das lange geprüft und uns dann entschieden“, sagte ein Sprecher des Ministeriums.",
    "Anzeige erstattete der Betreiber nach eigenen Worten erst, als die Frist schon seit zwei Wochen abgelaufen war.",
    "Von Bonn nach Berlin zog das Parlament vor vielen Jahren um, und noch heute pendeln viele Beamte jede Woche.",
    "Mehr zum Thema sagte der Sprecher am Freitag nicht, obwohl ihn die Abgeordneten mehrfach danach gefragt hatten.",
    "Das Foto zeigt nach Ansicht des Gerichts eindeutig, dass der Wagen auf der Straße stand und nicht fuhr.",
    "Stand: Ende Dezember hatten die Länder nach eigenen Angaben erst ein Drittel der Mittel abgerufen.",
    "Kommentare zu dem Urteil kamen aus allen Parteien, doch niemand nannte einen Termin.",
    "Werbung verschickte die Firma trotz der Abmahnung weiter, wie es am Dienstag hieß.",
    "Video: Das Material hat die Behörde inzwischen gesichert, und es soll nun von Fachleuten ausgewertet werden.",
    "Wer verliert, der zahlt, und zwar alles; das gilt nach dem neuen Gesetz auch für die kleinen Gemeinden am Rhein.",
]
FURNITURE = [
    "Anzeige", "Werbung", "Mehr zum Thema", "Unsere Partner", "Verwandte Themen", "USA", "Lesen Sie auch",
    "Teilen", "Foto: AP", "Von unserer Redaktion", "Stand: 31.12.2021, 10:03 Uhr", "Lesezeit 3 Min",
    "Startseite > Politik",
    "1. Startseite", "2. Politik", "Kommentare", "Newsletter", "Artikel anhören", "Quelle: dpa", "31.12.2021", "Video",
    "© dpa-infocom", "(dpa)",
    "Was der Streit für die Länder bedeutet", "Direkt hier lesen!", "Politik", "Lesen Sie auch: Was jetzt gilt",
]  # fmt: skip
paragraph = st.lists(st.sampled_from(PROSE), min_size=1, max_size=3).map(" ".join)
page = st.lists(st.one_of(paragraph, st.sampled_from(FURNITURE), st.just("")), max_size=14).map("\n".join)


def parts(cleaned: CleanedArticle) -> list[tuple[Span, str]]:
    head = [
        (cleaned.headline_span, cleaned.headline),
        (cleaned.kicker_span, cleaned.kicker),
        (cleaned.lead_span, cleaned.lead),
    ]
    found = [(span, value) for span, value in head if span is not None and value is not None]
    found += [(mapping.source, mapping.cleaned.of(cleaned.body)) for mapping in cleaned.spans]
    return sorted(found + [(removed.span, removed.text) for removed in cleaned.removed])


def assert_nothing_is_lost(text: str, cleaned: CleanedArticle) -> None:
    done = 0
    for span, value in parts(cleaned):
        assert span.start >= done
        if span == cleaned.headline_span:  # its lines are joined
            assert "".join(span.of(text).split()) == "".join(value.split())
        else:
            assert span.of(text) == value
        assert not text[done : span.start].strip()
        done = span.end
    assert not text[done:].strip()
    assert "\n\n".join(mapping.cleaned.of(cleaned.body) for mapping in cleaned.spans) == cleaned.body


@given(st.one_of(st.text(), page))
@example("USA\nUSABiden will im Konflikt vermitteln\n\n" + PROSE[0])
@example("\ud800\x00\u200b")
def test_each_visible_character_is_in_one_part(text: str) -> None:
    assert_nothing_is_lost(text, clean(text, DE))


HEAD = ["bdt0123 4 pl 210 dpa 0456", "Neue Regeln für die Wirtschaft ="]


@given(
    st.tuples(st.sets(st.sampled_from(HEAD)), page).map(lambda parts: "\n".join([*sorted(parts[0]), parts[1]])),
    st.sampled_from([*FURNITURE, *PROSE, "Neue Regeln für die Wirtschaft", " "]),
    st.sampled_from([*PROSE, ""]),
)
def test_no_text_is_lost_with_a_given_head(text: str, headline: str, lead: str) -> None:
    cleaned = clean(text, DE, headline=headline, lead=lead)
    assert cleaned.headline_span is None or not headline.strip()
    assert cleaned.lead_span is None or not lead
    assert_nothing_is_lost(text, cleaned)


@given(page)
def test_running_text_is_never_removed(text: str) -> None:
    cleaned = clean(text, DE)
    kept = " ".join(part for part in (cleaned.headline, cleaned.lead, cleaned.body) if part)
    for sentence in PROSE:
        assert kept.count(sentence) == text.count(sentence)


@given(st.lists(paragraph, min_size=1, max_size=8))
def test_plain_prose_is_unchanged(paragraphs: list[str]) -> None:
    body = "\n\n".join(paragraphs)
    cleaned = clean(body, DE)
    assert (cleaned.body, cleaned.headline, cleaned.lead, cleaned.removed, cleaned.notices) == (
        body,
        None,
        None,
        (),
        (),
    )


@pytest.mark.parametrize("text", ["", " \n\r\n\t"])
def test_empty_page_is_an_empty_article(text: str) -> None:
    cleaned = clean(text, DE)
    assert (cleaned.body, cleaned.removed, cleaned.notices) == ("", (), ())


@pytest.mark.parametrize("text", ["Anzeige", "Teilen\nMerken\nDrucken", "Foto: AP"])
def test_page_of_boilerplate_is_kept_with_a_notice(text: str) -> None:
    cleaned = clean(text, DE)
    assert cleaned.body.split("\n\n") == text.split("\n")
    assert {notice.code for notice in cleaned.notices} == {"maybe_furniture"}


@pytest.mark.parametrize("text", ["\x00", "\ud800 Er kam.", "שלום עולם", "😀", "Wort " * 4_000])
def test_unusual_text_stays_in_the_body(text: str) -> None:
    assert clean(text, DE).body == text.strip()


def test_subheading_is_a_paragraph_of_the_body() -> None:
    text = f"{PROSE[0]}\n\nStreit um die Pläne\n\n{PROSE[1]}"
    assert clean(text, DE).body == text


def test_notices_never_contain_the_text() -> None:
    text = f"{PROSE[0]}\n\nTeilen\n\n{PROSE[1]}\n\nMehr zum Thema\n\n{PROSE[2]}"
    notices = clean(text, DE).notices
    assert notices
    assert all("Teilen" not in notice.message and notice.span is not None for notice in notices)


HOSTILE = {
    "article": (" ".join(PROSE) + "\n\n") * 180,
    "short lines": "ab cd\n" * 40_000,
    "adverts": "Anzeige\n" * 15_000,
    "lists": "Mehr zum Thema\nx y z\n" * 5_000 + PROSE[0],
    "topics": "Verwandte Themen\n\nx y z\n\n" * 4_000 + PROSE[0],
    "paths": "1. Startseite\n" * 8_000,
    "names": ("Von " + "Aa Bb, " * 22 + "1\n") * 1_600,
    "captions": ("Aa Foto:" * 19 + "\n") * 1_600,
    "boilerplate": "Wir verwenden Cookies. " * 10_000,
    "white space": "Anzeige" + " " * 240_000,
    "full stops": "." * (4 << 20),
}


@pytest.mark.slow
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_time_is_linear_in_the_length(text: str) -> None:
    began = time.process_time()
    clean(text, DE)
    assert time.process_time() - began < 12  # measured: under 2 s each; a quadratic algorithm would take minutes


REPORT = (
    "Der Stadtrat von Musterhausen hat den Bau der neuen Brücke über den Fluss ein Jahr verschoben. Die Mehrheit "
    "stimmte am Mittwoch zu."
)


@pytest.mark.parametrize("dates", ["12. Mai 1940 – 3. Juni 2024", "* 12.05.1940 - † 03.06.2024"])
def test_dates_of_a_life_are_kept(dates: str) -> None:
    text = f"Uli Muster\n\n{dates}\n\n{REPORT}\n\nEr starb."
    found = clean(text, DE)
    assert found.removed == ()


def test_short_sentence_next_to_a_time_is_kept() -> None:
    assert "Er starb." in clean(f"Rat tagt\n\n12.03.2025, 14:05 Uhr\n\n{REPORT}\n\nEr starb.", DE).body


@pytest.mark.parametrize("heading", ["Mehr wichtige Nachrichten aus der Region:", "Weitere Artikel zum Thema Verkehr"])
def test_links_below_a_worded_heading_are_removed(heading: str) -> None:
    found = clean(f"{REPORT}\n\n{heading}\n- Unfall auf der A8\n- Brand in Ulm", DE)
    assert found.body == REPORT
    assert {part.reason for part in found.removed} == {"related"}


@pytest.mark.parametrize(
    "offer",
    [
        "Keine wichtigen News mehr verpassen! Hier kostenlos den Newsletter abonnieren.",
        "Täglich wissen, was in Musterstadt passiert: Hier geht es zum Newsletter.",
    ],
)
def test_offer_of_a_newsletter_is_reported(offer: str) -> None:
    text = f"{REPORT}\n\n{offer}\n\n{REPORT}"
    assert [notice.span.of(text) for notice in clean(text, DE).notices if notice.span is not None] == [offer]
