"""Tests of sentences that depend on the previous sentence or on the speaker, and of sentences without a verb."""

from collections.abc import Sequence

import pytest

from service.domain import Span
from service.languages.base import language
from service.results import Summary
from service.summarization.guard import flaw
from service.summarization.rewriting import Text, asked, prepare_text
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


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("Jedenfalls die selbstgemachten!", "has no verb"),
        ("Und ist bis heute in der ganzen Stadt bekannt.", "has no subject"),
        (
            "Der Umsatz stieg, auch wenn die Ziele nicht erreicht worden sein, hieß es.",
            "has a clause without a finite verb",
        ),
        ("Voraussetzungen, die an vielen Schulen kaum gegeben sind.", "has a part without a verb"),
        ("Ein Zustand, mit dem die Eltern nicht zufrieden sind.", "has a part without a verb"),
        ("„Die Leute, die wir hier täglich beraten“, ergänzt Beispiel.", "has a part without a verb"),
        ("Die teuren Autos zweifellos, aber daran arbeitet die Stadt.", "has a part without a verb"),
        ("Die Stadt plant eine diskreditierten Werbung für das Bad.", "has a word in a wrong form"),
        ("Der mit Spannung erwartetet Kampf beginnt am Abend.", "has a word in a wrong form"),
        ("Der Sieg gelang dem Team, das zuletzt in der Liga ausgeschieden waren.", "has a word in a wrong form"),
        ("Hier sind einige Tipps, wie man das Unkraut bekämpft.", "announces what follows it"),
    ],
)
def test_broken_sentence_is_found_and_left_out(sentence: str, expected: str) -> None:
    assert flaw(sentence) == expected


@pytest.mark.parametrize(
    "sentence",
    [
        "Das registrieren auch die Verbände.",
        "Nun aber kommt Beispiel.",
        "Immer wieder entdeckt Sicherheitspersonal Drohnen über Kasernen.",
        "Es gibt keine Impfstoffe gegen das Virus, das von Nagetieren übertragen wird.",
        "Eine Frau, die ein Kind bekam, und die Stiftung hatten den Mann verklagt.",
        "In einer Gesellschaft, die online ist, muss das wiederbelebt werden.",
        "Die Stadt, die Kreise und das Land zahlen.",
        "Achte auf Zink, denn Studien zeigen einen Nutzen.",
        "Einen Trick gibt es nicht, aber einige Lebensmittel helfen.",
        "Die Polizei meldet eine deutschen Behörden bekannte Gruppe.",
        "Er glaubt, dass er gewinnt, ohne gut zu sein.",
        "Hier ist die Zahl der Anzeigen gestiegen.",
        "Das Land ist ein Ziel, das viele gewohnt sind.",
        "Und wird das so bleiben?",
        "Denn Ulm hat’s halt drauf.",
    ],
)
def test_unusual_sentence_is_not_broken(sentence: str) -> None:
    assert flaw(sentence) is None


@pytest.mark.parametrize(
    "sentence",
    [
        "Im Gegenteil, die Stadt zahlt alles.",
        "Auf der anderen Seite spart die Kasse Geld.",
        "Viele werden im Ausland behandelt.",
        "Über ein Fünftel davon kann nicht lesen.",
        "An der Schule ist Englisch nämlich die Unterrichtssprache.",
        "Rund 600 Menschen sind dagegen arbeitslos gemeldet.",
        "Die Maßstäbe hat es schon vor Jahren gesetzt.",
        "„Eindeutig ja“, antwortet Beispiel.",
        "Seitdem wird die Anlage zurückgebaut.",
        "In der Betreuung waren es 16 von 33 Kindern.",
        "Der Trainer entschied sich für die zweite Variante.",
    ],
)
def test_sentence_that_continues_another_one_depends_on_it(sentence: str) -> None:
    assert depends_on_previous(sentence)


@pytest.mark.parametrize(
    "sentence",
    [
        "Die Polizei geht davon aus, dass niemand verletzt wurde.",
        "Der Rat sprach sich dagegen aus.",
        "Viele Menschen werden im Ausland behandelt.",
        "Nicht nur die Stadt, sondern auch das Land zahlt.",
    ],
)
def test_sentence_that_stands_alone_does_not_depend_on_another_one(sentence: str) -> None:
    assert not depends_on_previous(sentence)


def test_pronoun_after_the_verb_needs_the_sentence_with_its_name() -> None:
    first, pronoun = "Ein Konzert machte am Montag Schlagzeilen.", "Nach dem Auftritt lobte sie das Publikum."
    named = "Die Musikerin Ida Beispiel sang lange."
    assert flaws((first, named, pronoun), 0, 2) == [("reference_lost", pronoun)]
    assert flaws((first, named, pronoun), 0, 1, 2) == []
    assert flaws((first, "Es kamen viele Leute.", pronoun), 0, 2) == []


def test_place_of_a_report_is_not_part_of_the_summary() -> None:
    text = "München/London – Der König reist am Montag ab. Der Hof bestätigte das."
    assert prepare_text(text, language("de")).sentences[0] == "Der König reist am Montag ab."
    assert prepare_text("Der Rat – ein Gremium – tagt heute.", language("de")).sentences == (
        "Der Rat – ein Gremium – tagt heute.",
    )


def test_questions_of_an_interview_are_not_part_of_the_summary() -> None:
    question = "Beispiel News: Mehrere Staaten haben geholfen. Wie wichtig war das?"
    answer = "Ida Beispiel: Die Hilfe hat den Ausschlag gegeben. Man wusste von dem Plan."
    text = prepare_text(f"{question}\n\n{answer}", language("de"))
    assert [text.sentences[number] for number in sorted(asked(text))] == [
        "Beispiel News: Mehrere Staaten haben geholfen.",
        "Wie wichtig war das?",
    ]
