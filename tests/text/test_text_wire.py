"""Tests of reports as news agencies transmit them: the headline is found, and notes for editors are removed."""

import pytest

from service.cleaning.clean import clean
from tests.languages import DE
from tests.text.test_text_clean import assert_nothing_is_lost

HEADER = "bdt0123 4 pl 210 dpa 0456\n\n"
SLUG = "Bundestag/Haushalt/\n(Zusammenfassung 1530)\n"
HEADLINE = "Bundestag beschließt Haushalt für das nächste Jahr"
TEXT = """Berlin (dpa) - Der Bundestag hat am Freitag den Haushalt für das kommende Jahr beschlossen.
Die Koalition stimmte geschlossen für den Entwurf der Regierung.

Die Opposition kritisierte die hohen Schulden. Der Minister wies die Kritik zurück."""
NOTES = """# Notizblock

## Internet
- [Haushalt](https://example.org/haushalt)

## Orte
- [Bundestag](Platz der Republik 1, 11011 Berlin)

* * * *
Die folgenden Informationen sind nicht zur Veröffentlichung bestimmt

## dpa-Kontakte
- Autorin: Ida Beispiel, +49 30 0000000, <beispiel@example.org>
"""
SIGN_OFF = "dpa ib yyzz n1 mm\n011530 Mai 24\n"


@pytest.mark.parametrize("header", [HEADER, HEADER + SLUG, SLUG])
@pytest.mark.parametrize("headline", [HEADLINE, HEADLINE.replace("Haushalt ", "Haushalt\n")])
def test_report_with_all_parts_is_read(header: str, headline: str) -> None:
    text = f"{header}{headline} =\n\n{TEXT}\n\n{NOTES}\n{SIGN_OFF}"
    found = clean(text, DE)
    assert found.headline == HEADLINE
    assert " ".join(found.body.split()) == " ".join(TEXT.split())
    assert "beispiel@example.org" in " ".join(part.text for part in found.removed if part.reason == "agency_note")
    assert {part.reason for part in found.removed} == {"agency_header", "agency_note"}
    assert_nothing_is_lost(text, found)


def test_notes_are_removed_from_a_report_without_a_header() -> None:
    found = clean(f"{HEADLINE}\n\n{TEXT}\n\n{NOTES}", DE)
    assert found.headline == HEADLINE
    assert "example.org" not in found.body
    assert {part.reason for part in found.removed} == {"agency_note"}


def test_sign_off_without_notes_is_removed() -> None:
    found = clean(f"{HEADER}{SLUG}{HEADLINE} =\n\n{TEXT}\n\n{SIGN_OFF}", DE)
    assert " ".join(found.body.split()) == " ".join(TEXT.split())


@pytest.mark.parametrize(
    "text",
    [
        "Die Formel lautet:\n\nx = 3 und y =\n\nDas ist der Anfang einer Rechnung in der dritten Klasse.",
        f"{HEADLINE}\n\n{TEXT}\n\nKontakt\n\nDie Fraktionen wollen den Kontakt zur Regierung nicht abbrechen.",
    ],
)
def test_other_texts_keep_all_their_lines(text: str) -> None:
    assert clean(text, DE).removed == ()


@pytest.mark.parametrize("headline", [HEADLINE, HEADLINE.replace("Haushalt ", "Haushalt\n")])
@pytest.mark.parametrize(
    ("given", "reason"),
    [("Haushalt steht", "agency_header"), (HEADLINE, "repeated_headline"), (HEADLINE + ".", "repeated_headline")],
)
def test_headline_of_the_report_is_removed_if_the_caller_provides_one(headline: str, given: str, reason: str) -> None:
    text = f"{HEADER}{SLUG}{headline} =\n\n{TEXT}"
    found = clean(text, DE, headline=given)
    assert (found.headline, found.headline_span) == (given, None)
    assert [part.reason for part in found.removed if part.text == headline] == [reason]
    assert " ".join(found.body.split()) == " ".join(TEXT.split())
    assert_nothing_is_lost(text, found)


def test_words_above_the_caller_s_headline_in_the_report_are_its_kicker() -> None:
    text = f"{HEADER}Debatte {HEADLINE} =\n\n{TEXT}"
    found = clean(text, DE, headline=HEADLINE)
    assert (found.kicker, found.headline_span) == ("Debatte", None)
    assert_nothing_is_lost(text, found)
