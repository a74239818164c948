"""Tests of the rules that reword German sentences."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.generation.base import TextHypothesis
from service.generation.cached import Result
from service.languages.base import language
from service.languages.de.clauses import FINITE, tagged
from service.languages.de.rewording import _CONDITIONS, _equivalents, reworded
from service.languages.de.tenses import _weak_preterite
from service.summarization.lengths import from_request
from service.summarization.rewriting import (
    Group,
    RewordingKind,
    RewriteInput,
    SummaryOptions,
    Text,
    Wordings,
    prepare_text,
    rewrite_result,
)

GERMAN = language("de")


_WORDINGS = [
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
    (
        "Noch in diesem Jahr soll die Bahnsteigüberdachung saniert werden.",
        "Die Bahnsteigüberdachung soll noch in diesem Jahr saniert werden.",
    ),
    (
        "Durch den anhaltenden Schneefall werden auch die Rettungsarbeiten behindert.",
        "Auch die Rettungsarbeiten werden durch den anhaltenden Schneefall behindert.",
    ),
    (
        "Mit Befremden reagierte die Partei am Mittwoch auf die Forderung des Ministers.",
        "Die Partei hat am Mittwoch mit Befremden auf die Forderung des Ministers reagiert.",
    ),
    (
        "Van Basten spielte von 1981 bis 1987 selber bei Ajax.",
        "Von 1981 bis 1987 hat Van Basten selber bei Ajax gespielt.",
    ),
    (
        "Die nächste Annäherung ist für den August geplant.",
        "Für den August ist die nächste Annäherung geplant.",
    ),
    (
        "Beide Clubs müssen ein Strafgeld von je 50.000 Euro zahlen.",
        "Ein Strafgeld von je 50.000 Euro müssen beide Clubs zahlen.",
    ),
    ("Der Rat lehnt den Antrag ab.", "Den Antrag lehnt der Rat ab."),
    (
        "Auslöser des Streits war die Änderung der Flugroute durch den Piloten.",
        "Die Änderung der Flugroute durch den Piloten war Auslöser des Streits.",
    ),
    ("Vertreten ist auch das größte Fass der Welt.", "Auch das größte Fass der Welt ist vertreten."),
    (
        "Es wurde eine Sammelstelle für Angehörige eingerichtet.",
        "Eine Sammelstelle für Angehörige ist eingerichtet worden.",
    ),
    (
        "Ein Sprecher der Armee sagte, die Angreifer hätten Gewehre auf die Gruppe abgefeuert.",
        "Die Angreifer hätten Gewehre auf die Gruppe abgefeuert, sagte ein Sprecher der Armee.",
    ),
    (
        "Braslavski antwortet unmissverständlich: „Eindeutig ja.“",
        "„Eindeutig ja“, antwortet Braslavski unmissverständlich.",
    ),
    (
        "„Das Dach ist undicht“, erklärte Frank Martin, Geschäftsführer der Bank.",
        "Frank Martin, Geschäftsführer der Bank, erklärte: „Das Dach ist undicht.“",
    ),
    (
        "Ersten Angaben zufolge könnte die Ursache ein Defekt gewesen sein.",
        "Nach ersten Angaben könnte die Ursache ein Defekt gewesen sein.",
    ),
    (
        "Nach Angaben der Veranstalter nahmen an den Demonstrationen viele Leute teil.",
        "Angaben der Veranstalter zufolge haben an den Demonstrationen viele Leute teilgenommen.",
    ),
    (
        "Der Angriff ereignete sich, als die Soldaten ihre Mahlzeit einnahmen.",
        "Als die Soldaten ihre Mahlzeit einnahmen, ereignete sich der Angriff.",
    ),
    (
        "Die Besucher sind am Montag in Sicherheit gebracht worden.",
        "Am Montag wurden die Besucher in Sicherheit gebracht.",
    ),
    ("Erste Verdachtsfälle sind beim Menschen aufgetreten.", "Beim Menschen traten erste Verdachtsfälle auf."),
    (
        "Ein kleineres Flugzeug mit zehn Springern stürzte kurz nach dem Start ab.",
        "Ein kleineres Flugzeug mit zehn Springern ist kurz nach dem Start abgestürzt.",
    ),
    (
        "Der Präsident zeichnete am Montag in Berlin drei Forscher aus.",
        "Am Montag hat der Präsident in Berlin drei Forscher ausgezeichnet.",
    ),
    (
        "Danach starben behördlichen Angaben zufolge alle vier Insassen.",
        "Danach sind laut behördlichen Angaben alle vier Insassen gestorben.",
    ),
    (
        "Die Häuser wurden durch den Sturm zerstört, der über die Inseln zog.",
        "Die Häuser sind durch den Sturm zerstört worden, der über die Inseln zog.",
    ),
    (  # "davor" refers to the clause
        "Die Forscher warnten davor, der Sturm könne ähnliche Folgen haben.",
        "Die Forscher haben davor gewarnt, der Sturm könne ähnliche Folgen haben.",
    ),
    (  # the stop of an ordinal number does not end the clause
        "Zehn Menschen kamen durch die Flut am 14. und 15. Juli ums Leben.",
        "Zehn Personen kamen durch die Flut am 14. und 15. Juli ums Leben.",
    ),
    ("Der Zug hält etwa 20 Minuten.", "Der Zug hält rund 20 Minuten."),
    ("Offen ist derzeit nur noch das Wetter in Bonn.", "Offen ist zurzeit nur noch das Wetter in Bonn."),
    ("Das Spiel fand statt, weil Zahlen fehlten.", "Das Spiel fand statt, da Zahlen fehlten."),
]


@pytest.mark.parametrize(("sentence", "expected"), _WORDINGS)
def test_sentence_of_a_simple_structure_is_reworded(sentence: str, expected: str) -> None:
    assert reworded(sentence) == expected


@pytest.mark.parametrize(
    "sentence",
    [
        "Am Freitag helfen der Frau zwei Männer.",  # "der Frau" is not the subject
        "Seit dem Morgen liefen viele Kinder durch Bonn.",  # the perfect would state that they have finished
        "Das Gericht hat soeben einen Zeugen befragt.",
        "Danach sah der Pilot Probleme an einem der Triebwerke.",  # the object follows the subject
        "Früher war die Leiche eines Mannes mittleren Alters gefunden worden.",  # an attribute without an article
        "Laut dem Bericht des Mädchens kennt sie den Mann.",  # the pronoun refers to the words before it
        "Knapp 100 Leute sahen das Spiel.",  # "knapp" belongs to the subject
        "Weitere Länder verlangten einen Schuldenerlass, sagte Lawson, ein Sprecher.",  # may be the subjunctive
        "Andere führten Berichte, Reden und einen Film als Beweise dafür an.",  # the particle follows a comma
        "Goethe wurde 1749 in Frankfurt geboren.",
        "Wenn er käme, wäre alles gut.",
        "Ab dem 1. November ist das Profil 1.1 vorgeschrieben.",  # the number is a part of the subject
        "Bislang war der Upload illegaler Dateien strafbar, sagte X.",  # a genitive without an article
        "Der Motorradfahrer wurde vom Wagen erfasst und starb.",  # the second verb shares the subject
        "Die Polizei geht nach Informationen unserer Redaktion von Brandstiftung aus.",  # a genitive, not a subject
        "Verletzte gab es keine, wie das Amt mitteilte.",  # the noun before the verb is the object
        "Kosten und Zeitplan",
        "",
        "Am Freitag kann der Sieger des Kampfes der neue Weltmeister werden.",
    ],
)
def test_sentence_of_another_structure_is_left_alone(sentence: str) -> None:
    assert reworded(sentence) is None


@pytest.mark.parametrize(
    ("sentence", "word"),
    [
        ("Die Ansichten des Gastgebers wurden beim Thema Ethanol offenbar.", "anscheinend"),  # a predicate
        ("Gerade jetzt, da die Union angegriffen wird, ist Ruhe geboten.", "weil"),  # "da" means "when"
        ("Er tat dies deshalb, weil es notwendig war.", "da"),
        ("Die Flieger, die die Versorgung aufrecht erhielten, kamen nachts.", "bekamen"),
        ("Der Bericht handelt über 300 Zimmer.", "mehr"),
        ("Es würde somit nicht mehr die Mehrheit aller Stimmen benötigt.", "braucht"),
        ("Grönland soll pro Jahr zehn Schiffe bauen dürfen.", "im"),
        ("Er kommt daher, weil er hier lebt.", "deshalb"),
        ("„Die Lage ist derzeit offen“ war in Bonn zu hören.", "zurzeit"),
        ("Gleichzeitig zur Premiere erscheint das Buch.", "Zugleich"),
        ("Er fragte den Mann, welche der Impfstoffe unklar seien.", "die"),
    ],
)
def test_word_in_another_use_is_not_replaced(sentence: str, word: str) -> None:
    made = reworded(sentence) or sentence
    assert word not in re.findall(r"\w+", made)


@pytest.mark.parametrize(
    ("sentence", "part"),
    [
        ("Zum Ende des Jahres Elisabeth II.", "Elisabeth II."),
        ("Die Premiere hat einen Erfolg im (Queer-)Theater gefeiert.", "(Queer-)Theater"),
        ("Das letzte Erdbeben ereignete sich im Mai dieses Jahres.", "im mai dieses jahres"),
        ("Der Orkan soll erst in der Nacht zum Montag die Küste erreichen.", "in der nacht zum montag"),
        ("Der Flug käme für Demjanjuk einer Folter gleich.", "Flug einer Folter gleich"),
        ("Die Suche begann um 10:05 Uhr Moskauer Zeit.", "10:05 uhr moskauer zeit"),
        ("Das Haus liegt in der Nähe des Parks der alten Stadt.", "in der nähe des parks der alten stadt"),
    ],
)
def test_phrase_stays_whole(sentence: str, part: str) -> None:
    assert part.lower() in (reworded(sentence) or sentence).lower()


_SUBJECTS = ("Der Stadtrat", "Die Polizei", "Das Gericht", "Frau Müller", "Angela Merkel", "Zwei Forscher")
_TIMES = ("am Freitag", "im Mai", "gestern", "in der Nacht zum Montag", "am 3. Mai 2021", "seit Jahren")
_ENDS = (
    "in Bonn einen Plan vorgestellt",
    "mit 3,5 Prozent gerechnet",
    "das Haus durchsucht",
    "über 20 Fälle berichtet",
)
_ADVERBS = ("", "bereits ", "etwa 300 Mal ", "nach eigenen Angaben ")


@given(st.sampled_from(_SUBJECTS), st.sampled_from(_TIMES), st.sampled_from(_ADVERBS), st.sampled_from(_ENDS))
def test_names_numbers_and_the_second_place_of_the_verb_are_kept(
    subject: str, time: str, adverb: str, end: str
) -> None:
    auxiliary = "haben" if subject.startswith("Zwei") else "hat"
    sentence = f"{subject} {auxiliary} {time} {adverb}{end}."
    made = reworded(sentence)
    if made is None:
        return
    for text in re.findall(r"\d[\d,.]*|\b[A-ZÄÖÜ]\w+", f"{sentence[:1].lower()}{sentence[1:]}"):
        assert text.rstrip(".") in made
    tokens = tagged(made)
    verbs = [n for n, token in enumerate(tokens) if token.tag in FINITE]
    assert len(verbs) == 1
    front = made.split(f" {tokens[verbs[0]].text} ")[0].lower()
    whole = [part.lower() for part in (*_SUBJECTS, *_TIMES)]
    assert front in {*whole, "nach eigenen angaben", "über 20 fälle", "mit 3,5 prozent"}


def test_every_equivalent_has_a_known_condition() -> None:
    assert {condition for _, condition in _equivalents().values()} <= {"", *_CONDITIONS}


@pytest.mark.parametrize("infinitive", ["rechnen", "zeichnen", "öffnen", "atmen", "reden", "arbeiten"])
def test_weak_verb_with_an_inserted_vowel(infinitive: str) -> None:
    assert _weak_preterite(infinitive).endswith("ete")


@pytest.mark.parametrize("infinitive", ["wohnen", "lernen", "filmen", "rühmen", "machen"])
def test_weak_verb_without_an_inserted_vowel(infinitive: str) -> None:
    assert not _weak_preterite(infinitive).endswith("ete")


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
        "Der Minister drehte am Montag in Berlin durch.",
        "Der neue Minister trat am Montag sein Amt an.",
        "Die Polizei durchsuchte am Montag in Bonn mehrere Wohnungen.",
    ],
)
def test_verb_whose_perfect_is_uncertain_keeps_its_tense(sentence: str) -> None:
    made = reworded(sentence) or sentence
    assert "hat" not in made.split()
    assert "ist" not in made.split()


async def _wordings(sentence: str) -> Wordings:
    """Return the accepted wordings of a sentence that the rules reword."""
    made = reworded(sentence)
    assert made is not None
    output = ((sentence,), [TextHypothesis(made, None, "eos")])
    (wordings,) = await RewordingKind(GERMAN).make([output], lambda _: [])
    return wordings


async def test_wording_that_loses_a_negation_is_not_offered() -> None:
    assert await _wordings("Am Freitag begann der Umbau des Hallenbads (nicht des Freibads) in Bonn.") == ()


async def test_reworded_sentence_precedes_the_unchanged_one_in_a_summary() -> None:
    text = prepare_text("Am Freitag begann der Umbau des Hallenbads in Bonn.", GERMAN)
    options = SummaryOptions(from_request("short"), None, "abstract", 1)
    (one,) = _inputs(text)
    made = await _wordings(text.sentences[0])
    wordings = rewrite_result(text, one, Result(made, cached=False), options).wordings
    assert [(found.text, found.verbatim, found.support) for found in wordings] == [
        ("Der Umbau des Hallenbads hat am Freitag in Bonn begonnen.", False, text.spans),
        ("Am Freitag begann der Umbau des Hallenbads in Bonn.", True, text.spans),
    ]
