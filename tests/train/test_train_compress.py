"""Compression by rules: what is dropped, what has to stay, and that what is left reads as a sentence."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.train.compress import compress, is_well_formed


@pytest.mark.parametrize(
    ("sentence", "shorter"),
    [
        (
            "Der Flughafen in der Hauptstadt (er liegt im Süden) bleibt bis Freitag geschlossen.",
            "Der Flughafen in der Hauptstadt bleibt bis Freitag geschlossen.",
        ),
        (
            "Die Brücke über den Fluss, die seit Jahren als baufällig gilt, wurde am Montag gesperrt.",
            "Die Brücke über den Fluss wurde am Montag gesperrt.",
        ),
        (
            "Der Stadtrat stimmte dem Umbau des Bades zu, obwohl die Kosten deutlich gestiegen waren.",
            "Der Stadtrat stimmte dem Umbau des Bades zu.",
        ),
        (
            "Die Partei änderte ihr Programm in vielen Punkten, um mehr Wähler auf dem Land zu erreichen.",
            "Die Partei änderte ihr Programm in vielen Punkten.",
        ),
        (
            "Der Konzern schließt jedoch drei Werke in Sachsen, darunter das alte Werk in Zwickau.",
            "Der Konzern schließt drei Werke in Sachsen.",
        ),
        (
            "Der Fahrer des Wagens, so die Polizei am Abend, wurde bei dem Unfall leicht verletzt.",
            "Der Fahrer des Wagens wurde bei dem Unfall leicht verletzt.",
        ),
        (
            "Die Sitzung im Rathaus dauerte bis zum Abend; am Dienstag wird sie fortgesetzt.",
            "Die Sitzung im Rathaus dauerte bis zum Abend.",
        ),
    ],
)
def test_what_the_main_clause_can_do_without_is_dropped(sentence: str, shorter: str) -> None:
    assert compress(sentence) == shorter


@pytest.mark.parametrize(
    "sentence",
    [
        "Ausländer, die gegen die Gesetze des Landes verstoßen, können unter Umständen ausgewiesen werden.",
        "Derzeit gibt es nur 113 Modelle im Handel, die unter der neuen Grenze bleiben.",
        "Das ist die einzige Stadt des Landes, die keinen Hafen am Meer besitzt.",
        "Die Opfer wurden nicht entschädigt, weil sie nicht gelitten hatten, sondern aus anderen Gründen.",
        "Die Reform gilt nur dann als gelungen, wenn die Zahl der Arbeitslosen sinkt.",
        "Der Rat prüft die Pläne für das neue Bad am Freitag in öffentlicher Sitzung.",
    ],
)
def test_what_the_statement_hangs_on_stays(sentence: str) -> None:
    assert compress(sentence) is None


@pytest.mark.parametrize(
    "sentence",
    [
        "Reicht auch das nicht aus für alle Kinder.",
        "Der Mann mit dem Hut und der.",
        "die Stadt baut das alte Bad um.",
        "Die Stadt „baut das alte Bad um.",
        "Zwar gab es im Sommer viele neue Versuche.",
        "Die Geräte können auf jedem Rechner das Programm.",
    ],
)
def test_ill_formed_sentences_are_told(sentence: str) -> None:
    assert not is_well_formed(sentence)


def test_clock_times_and_results_are_no_typing_errors() -> None:
    assert is_well_formed("Die Mannschaft gewann um 20:45 Uhr mit 2:1.")


@settings(max_examples=60, deadline=None)
@given(st.text("Derdi wat,;()„“–.", max_size=80))
def test_whatever_is_compressed_is_shorter_and_well_formed(sentence: str) -> None:
    shorter = compress(sentence)
    assert shorter is None or (is_well_formed(shorter) and len(shorter) < len(sentence))
