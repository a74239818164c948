"""Tests of whole reports about translated sentences: kinds of good translations that pass, and kinds of errors."""

import pytest

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
