"""Tests of the rules that reword German sentences."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.languages.base import language
from service.languages.de.rewording import reworded
from service.summarization import rewriting
from service.summarization.lengths import from_request
from service.summarization.rewriting import (
    Group,
    RewriteInput,
    SummaryOptions,
    Text,
    prepare_text,
    rewrite_result,
)

GERMAN = language("de")


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        (
            "Am Freitag begann der Umbau des Hallenbads in Musterhausen.",
            "Der Umbau des Hallenbads hat am Freitag in Musterhausen begonnen.",
        ),
        (
            "Nach Angaben der Polizei wurde ein Mann bei dem Unfall verletzt.",
            "Ein Mann ist nach Angaben der Polizei bei dem Unfall verletzt worden.",
        ),
        (
            "Daraufhin hat sich die Stadt entschlossen, den alten Bahnhof neu zu bauen.",
            "Die Stadt hat sich daraufhin entschlossen, den alten Bahnhof neu zu bauen.",
        ),
        (
            "Das Gremium habe dies beschlossen, teilte das Amt mit.",
            "Das Amt teilte mit, das Gremium habe dies beschlossen.",
        ),
        ("„Das Dach ist undicht“, sagte Müller am Montag.", "Müller sagte am Montag: „Das Dach ist undicht.“"),
        (
            "Obwohl der Rückbau noch lange läuft, bereitet der Konzern die Nutzung des Geländes vor.",
            "Der Konzern bereitet die Nutzung des Geländes vor, obwohl der Rückbau noch lange läuft.",
        ),
        (
            "Der Dax gab leicht um 0,2 Prozent auf 19.378 Punkte nach.",
            "Der Dax hat leicht um 0,2 Prozent auf 19.378 Punkte nachgegeben.",
        ),
        (
            "Der Aufsichtsrat der Bank hat den Vorstand für vier Jahre nominiert.",
            "Der Aufsichtsrat der Bank nominierte den Vorstand für vier Jahre.",
        ),
        (
            "Das Ministerium prüft den Vorschlag der Gewerkschaft (IG Bau) in dieser Woche.",
            "Das Ministerium prüft den Vorschlag der Gewerkschaft in dieser Woche.",
        ),
    ],
)
def test_sentence_of_a_simple_structure_is_reworded(sentence: str, expected: str) -> None:
    assert reworded(sentence) == expected


@pytest.mark.parametrize(
    "sentence",
    [
        "Am Freitag helfen der Frau zwei Männer.",  # "der Frau" is not the subject
        "Zudem sah der Pilot Probleme an einem der Triebwerke.",  # the object follows the subject
        "Früher war die Leiche eines Mannes mittleren Alters gefunden worden.",  # an attribute without an article
        "Nach Angaben des Mädchens kennt sie den Mann.",  # the pronoun refers to the words before it
        "Rund 100 Menschen sahen das Spiel.",  # "rund" belongs to the subject
        "Weitere Länder benötigten einen Schuldenerlass, sagte Lawson, ein Sprecher.",  # may be the subjunctive
        "Andere führten Berichte, Reden und einen Film als Beweise dafür an.",  # the particle follows a comma
        "Goethe wurde 1749 in Frankfurt geboren.",
        "Wenn er käme, wäre alles gut.",
        "Kosten und Zeitplan",
        "",
    ],
)
def test_sentence_of_another_structure_is_left_alone(sentence: str) -> None:
    assert reworded(sentence) is None


def test_singular_verb_that_ends_like_a_plural_keeps_its_number() -> None:
    assert reworded("Koech gewann den Marathon in Hamburg.") == "Koech hat den Marathon in Hamburg gewonnen."


def test_long_word_is_not_tagged() -> None:
    assert reworded(f"Am Freitag begann der Umbau des {'Hallenbad' * 50}s in Bonn.") is None


@given(st.text("Am Freitag„“«»()[]:;,.–- begann der Umbau 12 nicht weil", max_size=120))
def test_no_text_makes_the_rules_fail(text: str) -> None:
    made = reworded(text)
    assert made is None or made


def _inputs(text: Text) -> list[RewriteInput]:
    group = Group(0, (0,), 1.0)
    return [RewriteInput(group, (0,), rewritten=False, cut=False)] if text.sentences else []


@pytest.mark.parametrize(
    "sentence",
    ["Am Montag kam Angela Merkel", "Der Mann sah das Haus,.", "Weil", ",.", "„"],
)
def test_unfinished_sentence_is_not_reworded(sentence: str) -> None:
    assert reworded(sentence) is None


@pytest.mark.parametrize(
    "sentence",
    [
        "Der Minister traf am Montag in Berlin ein.",
        "Der neue Minister trat am Montag sein Amt an.",
        "Die Polizei durchsuchte am Montag in Bonn mehrere Wohnungen.",
    ],
)
def test_verb_whose_perfect_is_uncertain_keeps_its_tense(sentence: str) -> None:
    made = reworded(sentence) or sentence
    assert "hat" not in made.split()
    assert "ist" not in made.split()


def test_wording_that_loses_a_negation_is_not_offered() -> None:
    text = prepare_text("Am Freitag begann der Umbau des Hallenbads (nicht des Freibads) in Bonn.", GERMAN)
    assert reworded(text.sentences[0]) is not None
    assert rewriting.reworded(text, _inputs(text), GERMAN) == [None]


def test_reworded_sentence_precedes_the_unchanged_one_in_a_summary() -> None:
    text = prepare_text("Am Freitag begann der Umbau des Hallenbads in Bonn.", GERMAN)
    options = SummaryOptions(from_request("short"), None, "abstract", 1)
    (one,) = _inputs(text)
    (made,) = rewriting.reworded(text, [one], GERMAN)
    wordings = rewrite_result(text, one, made, options).wordings
    assert [(found.text, found.verbatim, found.support) for found in wordings] == [
        ("Der Umbau des Hallenbads hat am Freitag in Bonn begonnen.", False, text.spans),
        ("Am Freitag begann der Umbau des Hallenbads in Bonn.", True, text.spans),
    ]
