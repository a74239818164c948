"""Fusion: two statements about one subject become one sentence."""

import pytest

from models.train.fuse import fuse


@pytest.mark.parametrize(
    ("first", "second", "fused"),
    [
        (
            "Der Angeklagte kam am Montag vor Gericht.",
            "Er wird des Betrugs beschuldigt.",
            "Der Angeklagte kam am Montag vor Gericht und wird des Betrugs beschuldigt.",
        ),
        (
            "Die Halle ist das größte Haus der Stadt.",
            "Sie ist ein Werk der Nachkriegszeit.",
            "Die Halle ist das größte Haus der Stadt und ein Werk der Nachkriegszeit.",
        ),
    ],
)
def test_one_subject_is_said_once(first: str, second: str, fused: str) -> None:
    assert fuse(first, second) == fused


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Die Stadt baute eine Halle.", "Er wurde Bürgermeister der Nachbarstadt."),
        ("Der Minister trat am Abend zurück.", "Er sei krank gewesen."),
        ("Die Spieler feierten bis zum Morgen.", "Sie war sehr zufrieden mit dem Spiel."),
        ("Gefordert wurde der Rücktritt des Ministers.", "Er lehnte das ab."),
        ("Der Minister kam und ging wieder.", "Er sagte nichts."),
    ],
)
def test_unsure_subjects_are_not_joined(first: str, second: str) -> None:
    assert fuse(first, second) is None
