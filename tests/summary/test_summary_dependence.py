"""Tests of sentences that depend on the previous sentence or on the speaker, and of sentences without a verb."""

from collections.abc import Sequence

import pytest

from service.domain import Span
from service.results import Summary
from service.summarization.guard import flaw
from service.summarization.rewriting import Text
from service.summarization.summarizer import find_flaws
from service.summarization.words import depends_on_previous, reports_speech


@pytest.mark.parametrize(
    "sentence",
    [
        "Er kam am Montag nach Bonn.",
        "Bis dahin wird es noch dauern.",
        "Das ist der Titel des Weltmeisters.",
        "Das vermutete auch der Autor.",
        "Das, so sagen Fachleute, kann hier nicht geschehen.",
        "Gestern sagte er alle Termine ab.",
        "Bereits zuvor hatte der Rat getagt.",
        "Deswegen konnte die Brücke nicht öffnen.",
        "Sondern darum, wie wir leben.",
    ],
)
def test_sentence_depends_on_the_previous_one(sentence: str) -> None:
    assert depends_on_previous(sentence)


@pytest.mark.parametrize(
    "sentence",
    [
        "Das geltende Recht verbietet den Verkauf.",
        "Die gesamte deutsche Wirtschaft wächst.",
        "Der Rat tagte am Montag.",
        "In diesem Jahr steigen die Preise.",
        "Die Stadt baut eine Brücke.",
        "Scholz sagte, er wolle bleiben.",
        "Merkel erklärte, diese Reform sei nötig.",
    ],
)
def test_sentence_stands_alone(sentence: str) -> None:
    assert not depends_on_previous(sentence)


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("Das Bild sei verzerrt und für junge Menschen riskant.", True),
        ("Das Bild sei verzerrt, sagte der Minister.", False),
        ("Ich habe das Bild gesehen.", False),
        ("Das Bild ist verzerrt.", False),
    ],
)
def test_reported_speech_names_its_speaker(sentence: str, expected: bool) -> None:  # noqa: FBT001 - a parameter of the test
    assert reports_speech(sentence) is expected


@pytest.mark.parametrize("sentence", ["Nicht besser als der Lehrer.", "Eine Stunde Unterricht in der siebten Klasse."])
def test_sentence_without_a_verb_is_broken(sentence: str) -> None:
    assert flaw(sentence) == "has no verb"


@pytest.mark.parametrize(
    "sentence",
    [
        "Die Polizei sucht Zeugen.",
        "Der Trainer lobt Müller.",
        "Die Länder fordern Reformen.",
        "Die Bahn baut Stellen ab.",
        "Der Kanzler trifft Macron in Paris.",
    ],
)
def test_verb_before_a_noun_is_a_verb(sentence: str) -> None:
    assert flaw(sentence) is None


def test_sentence_after_a_quotation_in_guillemets_is_whole() -> None:
    written = (
        "«Das ist ein gutes Ergebnis», sagte der Trainer.",
        "Am Abend ging Müller nach Hause.",
        "Der Verein plant.",
    )
    assert flaws(written, 1, 2) == []


def flaws(written: Sequence[str], *numbers: int) -> list[tuple[str, str]]:
    """Return the code and the sentence of each flaw of a summary that copies sentences of a text.

    ``written`` contains the sentences of the text, and ``numbers`` the indices of the copied ones.
    """
    starts = [sum(len(one) + 1 for one in written[:number]) for number in range(len(written))]
    spans = tuple(Span(start, start + len(one)) for start, one in zip(starts, written, strict=True))
    found = Text(tuple(written), spans, ())
    sentences = tuple(found.verbatim(number) for number in numbers)
    summary = Summary(
        " ".join(one.text for one in sentences), "extractive", sentences, (), truncated=False, cached=False
    )
    return [(one.code, (one.target or Span(0, 0)).of(summary.text)) for one in find_flaws(found, summary)]


QUOTED = ("„Wir brauchen mehr Geld.", "Die Schule hat ein undichtes Dach.", "Das Geld fehlt“, sagte die Rektorin.")
SPOKEN = ("Die Rektorin wandte sich an den Rat.", "Das Dach der Schule sei undicht.", "Der Rat tagt am Montag.")


def test_sentence_from_the_middle_of_a_quotation_is_broken() -> None:
    assert flaws(QUOTED, 1) == [("sentence_broken", "Die Schule hat ein undichtes Dach.")]


def test_reported_speech_needs_the_sentence_before_it() -> None:
    assert flaws(SPOKEN, 1) == [("reference_lost", "Das Dach der Schule sei undicht.")]
    assert flaws(SPOKEN, 0, 1) == []


def test_sentence_after_a_quotation_is_whole() -> None:
    assert flaws((*QUOTED, "Der Rat der Stadt tagt am Montag."), 3) == []
