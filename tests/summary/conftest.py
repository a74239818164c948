"""Fixtures of the summary tests."""

import pytest


@pytest.fixture
def article() -> list[str]:
    """Return an article of sixteen sentences on one subject, some of which are unsuitable for a summary."""
    return [
        "Die Stadt Musterhausen baut das alte Hallenbad für zwölf Millionen Euro um.",
        "Der Stadtrat stimmte dem Umbau des Hallenbads am Dienstagabend mit großer Mehrheit zu.",
        "Sie sprachen drei Stunden lang.",
        "Kosten und Zeitplan",
        "Für den Umbau des Hallenbads rechnet die Verwaltung mit einer Bauzeit von zwei Jahren.",
        "Das Land übernimmt vier Millionen Euro der Kosten.",
        "„Das ist ein guter Tag für alle Schwimmer.“",
        "Wie soll es bis dahin weitergehen?",
        "Die Schulen weichen während der Bauzeit in das Freibad und in zwei Nachbarstädte aus.",
        "Auch die Vereine müssen sich neue Hallen suchen.",
        "Der Schwimmverein fürchtet, dass er in der Bauzeit viele Mitglieder verliert.",
        "Im vergangenen Jahr kamen rund 90.000 Gäste in das Hallenbad.",
        "Das Dach des Hallenbads aus dem Jahr 1974 ist undicht und lässt Wärme entweichen.",
        "Nach dem Umbau soll das Hallenbad halb so viel Energie verbrauchen wie bisher.",
        "Die Eintrittspreise steigen nach Angaben der Verwaltung um höchstens einen Euro.",
        "Die ersten Bagger sollen im Frühjahr anrücken.",
    ]
