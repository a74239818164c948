"""Tests of whole reports about translated sentences: good translations that pass, and errors that are found."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.checks.assessment import check_sentence
from service.checks.base import Code, Severity
from tests.languages import DE, EN


def for_review(german: str, english: str) -> set[Code]:
    findings = check_sentence(german, english, DE, EN)
    return {finding.code for finding in findings if finding.severity is Severity.REVIEW}


@pytest.mark.parametrize(
    ("german", "english"),
    [
        ("Neue Proteste von Fridays for Future in Bonn.", "New protests by Fridays for Future in Bonn."),
        ("Nicht wenige Gäste trinken sich Mut an.", "Quite a few guests drink for courage."),
        ("Es ist noch unklar, ob er wirklich kommt.", "It is unclear whether or not he will come."),
        ("Die Straße soll erst 2026 öffnen.", "The road is not expected to open until 2026."),
        (
            "Der ADFC plant im nächsten Jahr einen neuen Radweg durch die ganze Stadt.",
            "The ADFC (German Cyclists Association) is planning a new cycle path through the whole city next year.",
        ),
        ("Präsident Alexander van der Bellen sprach in Wien.", "President Alexander van der Bellen spoke in Vienna."),
        ("Die Ausbeute blieb kümmerlich.", "The yield remained meagre."),
        ("Das neue Gerät wird im Labor getestet.", "The new device is being trialled in the laboratory."),
        ("Der Artikel „Kö“ nennt „das Ende der Allee“.", "The article Kö mentions “the end of the avenue”."),
        ("„Das war gut“, sagte Annacker.", "“That was good,” said Annacker."),
        ("Tausende Menschen kamen.", "Thousands of people came."),
    ],
)
def test_good_translation_needs_no_review(german: str, english: str) -> None:
    assert for_review(german, english) == set()


@pytest.mark.parametrize(
    ("german", "english", "code"),
    [
        ("Astronomen beobachten einen Kometen.", "Astronomen are observing a comet.", Code.UNTRANSLATED),
        ("Vermieter müssen um Einnahmen fürchten.", "Vermieters must fear for income.", Code.UNTRANSLATED),
        ("Rätsel gelöst: Der Hund war es.", "Rätsel solved: It was the dog.", Code.UNTRANSLATED),
        ("Tausende Fischer wurden festgenommen.", "Hundreds of fishermen were arrested.", Code.MEANING_REVERSED),
        ("Die Prinzessin ist verlobt.", "The princess is married.", Code.MEANING_REVERSED),
        ("Der Rat tagt am Freitag.", "The council meets on Monday.", Code.DATE_UNSUPPORTED),
        (
            "„Wir haben lange darauf gewartet“, sagte sie im „Park“.",
            "We have been waiting for it, she said in the “park”.",
            Code.QUOTATION_MISSING,
        ),
    ],
)
def test_error_is_for_review(german: str, english: str, code: Code) -> None:
    assert code in for_review(german, english)


@pytest.mark.parametrize(
    ("german", "english"),
    [
        ("„Das Segment ist schwierig“, sagte er.", "The segment is difficult, he said."),
        ("„Das könnte ein Grund gewesen sein.", "This could have been a reason."),
        ("Regel zwei: trinkt nie die schwarze Sau.", "Rule two: never drink “die schwarze Sau”."),
        ("Was Lohan bewogen hat, ist unklar.", "What moved Lindsay Lohan is unclear."),
        ("Ob Lahm folgt, wollte er nicht sagen.", "He did not want to say whether or not Lahm will follow."),
        ("Die Runde beginnt um halb drei.", "The round begins at half past two."),
        ("Er bekommt eine Karte mit „3.4.2“.", "He gets a card with “3.4.2”."),
        ("Seibert sagte es der Bild am Sonntag.", "Seibert said so to the Bild on Sunday."),
        ("Er wird nicht begafft, höchstens angesehen.", "He is not gaped at, at most he is looked at."),
        ("Kronach - Nordhalben wurde betrieben.", "Kronach - Nordhalben was operated."),
        ("Die Fahrt mit 160 km/h dauert lange.", "The trip at 160km/h takes long."),
        ("Sie zahlen je 20 Millionen Dollar.", "They each pay 20 million US dollars."),
        ("Es sind 15, 11 und 10 Prozent.", "It is 15, 11 and 10 percent."),
        ("Die deutsch-russischen Beziehungen leiden.", "German-Russian relations suffer."),
        ("Der e-tron kommt.", "The e-tron is coming."),
        ("Jens Spahn und Siemens warten.", "Jens Spahn and Siemens are waiting."),
    ],
)
def test_usual_freedom_of_translators_needs_no_review(german: str, english: str) -> None:
    assert for_review(german, english) == set()


@pytest.mark.parametrize(
    ("german", "english", "code"),
    [
        ("Bidens erstes Jahr war schwer.", "Bidens first year was hard.", Code.UNTRANSLATED),
        ("Trumps Regierung plant das.", "Trumps government is planning it.", Code.UNTRANSLATED),
        ("Die deutsch-russischen Beziehungen leiden.", "The deutsch-russian relations suffer.", Code.UNTRANSLATED),
        ("Er sprach mit fester Stimme.", "He spoke with a fester voice.", Code.UNTRANSLATED),
        ("Er sprach von einem substanziellen Gespräch.", "He spoke of a substancial conversation.", Code.WORD_UNKNOWN),
        ("Das Kanzleramt schweigt dazu.", "The Kanzleramd is silent about it.", Code.NAME_UNSUPPORTED),
        ("Ferrari nimmt 280.000 Euro ein und macht 69.000 Euro Gewinn.",
         "Ferrari takes in 280,000 euros and makes a profit of 69,000.", Code.UNIT_MISSING),
        ("Er zahlt 900 Pfund und 825 Euro.", "He pays €900 and €825.", Code.UNIT_CHANGED),
        ("Das Pfund verliert gegenüber dem Euro.", "The pound loses against the dollar.", Code.UNIT_CHANGED),
        ("Das Beben war um 13.59 Uhr das erste.", "The quake at 1:59 a.m. was the first.", Code.DATE_UNSUPPORTED),
        ("Die Runde beginnt um halb drei.", "The round begins at half past three.", Code.NUMBER_UNSUPPORTED),
        ("Er war nicht in Südbrasilien.", "He was not in northern Brazil.", Code.MEANING_REVERSED),
        ("Die Frau kam nicht.", "The man did not come.", Code.MEANING_REVERSED),
    ],
)  # fmt: skip
def test_error_of_a_machine_is_for_review(german: str, english: str, code: Code) -> None:
    assert code in for_review(german, english)


@pytest.mark.parametrize(
    ("german", "english"),
    [
        ("Das sagte Jörg Hesselmann.", "Jörg Heselmann said so."),
        ("Merkels Regierung geht.", "Merkels government leaves."),
    ],
)
def test_spelling_that_may_be_right_is_a_note(german: str, english: str) -> None:
    found = check_sentence(german, english, DE, EN)
    assert found
    assert {one.severity for one in found} == {Severity.NOTE}


@given(st.sampled_from(["Euro", "Dollar", "Pfund", "Prozent", "Kilometer", "Tonnen"]), st.integers(2, 99_999))
def test_lost_unit_is_found_for_any_number(unit: str, number: int) -> None:
    german = f"Hier sind es {number} {unit}, dort ist es mehr."
    codes = {one.code for one in check_sentence(german, f"Here it is {number:,}, there it is more.", DE, EN)}
    assert Code.UNIT_MISSING in codes
