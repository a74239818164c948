"""Tests of the errors of grammar and spelling for which a sentence counts as broken."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.languages.de.rewording import reworded
from service.languages.de.sentence_errors import error_of, with_correct_spelling
from service.summarization.guard import flaw, is_whole
from service.summarization.lengths import Length
from service.summarization.rewriting import SummaryOptions, Text, selections
from service.summarization.styles import barred
from service.text.segmentation import segment
from tests.languages import DE


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("Bei dem Sturz des Gerüsts gab es drei Verletze.", "has a misspelt word"),
        ("Die Verletzen kamen am Abend in die Klinik.", "has a misspelt word"),
        ("Der Radverkehrsbeauftrage Max Muster lobt den neuen Weg.", "has a misspelt word"),
        ("Das Land sucht einen neuen Tierschutzbeauftragen für die Ämter.", "has a misspelt word"),
        ("Das Angebot ist nur im Mai gültig Ebenso gilt es für alle Kinder.", "has no stop between two sentences"),
        ("Das Haus wurde ganz zerstört Ein alter Nachbar rief die Feuerwehr.", "has no stop between two sentences"),
        (
            "Für sechs Euro erhalten die Gäste eine Karte für das Bad an.",
            "has a separable particle that its verb does not take",
        ),
        ("Die Stadt verkauft drei Häuser am Hafen ein.", "has a separable particle that its verb does not take"),
        ("Der Chor nimmt gern Lieder- und Texte auf.", "has a suspended hyphen before a word that is no compound"),
        (
            "Am Montag fehlten den kleinen Vereinen Züchtern die Hallen.",
            "lacks a conjunction or a comma between two nouns",
        ),
        (
            "Die Kammer hilft den jungen Bäckerinnen Metzgern bei der Suche.",
            "lacks a conjunction or a comma between two nouns",
        ),
        ("Der Rat hat einen Plan, in dem der großen Hersteller die Preise nennen.", "has an article in a wrong form"),
        ("Der örtlichen Banken haben das Geld schon ausgezahlt.", "has an article in a wrong form"),
        ("Die Verwaltung haben den neuen Plan am Montag geändert.", "has a plural verb with a subject in the singular"),
        ("Die Umfrage von Anna Muster zeigen ein düsteres Bild.", "has a plural verb with a subject in the singular"),
        ("Es kam anders, die neue Brücke sind gesperrt worden.", "has a plural verb with a subject in the singular"),
    ],
)
def test_sentence_with_an_error_is_broken(sentence: str, expected: str) -> None:
    assert flaw(sentence) == expected


@pytest.mark.parametrize(
    "sentence",
    [
        "Bei dem Sturz des Gerüsts gab es drei Verletzte.",
        "Der Versicherer zahlt dem Mann keinen Cent.",
        "Das Verletzen von Tieren ist verboten.",
        "Die Beauftragte der Stadt für den Sport spricht am Abend.",
        "Belege und Besuche sind dem Amt zu melden.",
    ],
)
def test_word_with_the_stem_of_a_participle_is_no_misspelling(sentence: str) -> None:
    assert flaw(sentence) is None


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("Der Verletze kam in die Klinik.", "Der Verletzte kam in die Klinik."),
        ("Am Bahnhof gab es drei Verletze, sagte die Polizei.", "Am Bahnhof gab es drei Verletzte, sagte die Polizei."),
        ("Die Radverkehrsbeauftrage mag „Babo“.", "Die Radverkehrsbeauftragte mag „Babo“."),
    ],
)
def test_misspelt_word_is_corrected(sentence: str, expected: str) -> None:
    assert flaw(sentence) == "has a misspelt word"
    assert is_whole(sentence)
    assert with_correct_spelling(sentence) == expected
    assert flaw(expected) is None


def test_rewording_corrects_misspelt_words() -> None:
    assert reworded("Für den Radverkehr gibt es die Beauftrage.") == "Für den Radverkehr gibt es die Beauftragte."
    assert reworded("Gestern kamen zwei Verletze an und") == "Gestern kamen zwei Verletzte an und"


def test_misspelt_word_in_a_quotation_is_not_corrected() -> None:
    sentence = "„Der Verletze ist in der Klinik“, sagte Max Muster."
    assert with_correct_spelling(sentence) == sentence


@pytest.mark.parametrize(
    "sentence",
    [
        "Er sah den Film Das Boot am Abend.",
        "Der Satz aus Also sprach Zarathustra ist alt.",
        "Die Fahrt ist ein ständiges Auf und Ab.",
        "Die Band The Queen Never Dies spielt am Abend.",
        "Die Band spielt Lieder von Die drei Freunde.",
        "Das Angebot ist im Mai gültig. Ebenso gilt es für Kinder.",
        "Der Wagen fuhr in Richtung Am feuchten Winkel davon.",
        "Der Rat fragt: „Wann kommt das Geld?“ Ebenso fragt der Bund.",
    ],
)
def test_capital_letter_in_a_title_or_after_a_mark_is_correct(sentence: str) -> None:
    assert flaw(sentence) is None


@pytest.mark.parametrize(
    "sentence",
    [
        "Die Regierung erkennt den neuen Staat an.",
        "Die Stadt behält die alte Regel bei.",
        "Der Verein bereitet sich auf das Finale vor.",
        "Der Bund bezieht die Länder in die Planung ein.",
        "Die Gäste erhalten vom ersten Tag an eine Karte.",
        "Die Leute erzählen den Witz, den sie gehört haben, nach wie vor.",
        "Mit der Säge ernten die Bauern das Feld ab.",
        "Das Amt fordert verstärkt neue Wagen an.",
        "Die Räte verlangten ein oder zwei neue Wagen.",
        "Die Gäste besuchen das Bad ab und an.",
        "Dort tritt eine als Rinne (Sulcus) bezeichnete Form auf.",
        "Die Räte besprachen am Montag die Konferenz vor.",
        "Die Leute bezweifeln die Worte und stufen sie auf Rat der Stadt als falsch ein.",
        "Die Kinder beteten die Figur an.",
    ],
)
def test_particle_of_a_preposition_or_verb_is_correct(sentence: str) -> None:
    assert flaw(sentence) is None


@pytest.mark.parametrize(
    "sentence",
    [
        "Die Firma verkauft Hard- und Software.",
        "Der Händler kommt aus dem In- und Ausland.",
        "Der Chor nimmt gern Lieder- und Gedichtbände auf.",
        "An der Nord- und Ostsee regnet es am Abend.",
        "Der Rat nennt die Vor- und Nachteile.",
        "Für Innen- und Außenräume gilt das Verbot.",
        "Sie lehrt Kultur- und Public Management.",
    ],
)
def test_suspended_hyphen_before_a_compound_is_correct(sentence: str) -> None:
    assert flaw(sentence) is None


@pytest.mark.parametrize(
    "sentence",
    [
        "In den kommenden Wochen Lehrern zu helfen, ist ein gutes Ziel.",
        "Das Gesetz erlaubt es, in einigen Fällen Anwohnern zu helfen.",
        "Das Amt will von den Hunderten Helfern keinen vergessen.",
        "Die Kammer hilft den jungen Bäckern und Metzgern bei der Suche.",
        "Das Amt hat den kleinen Vereinen Gelder für die Hallen gegeben.",
        "Die Stadt will den armen Gemeinden Steuern erlassen.",
        "Der Bund gibt den Gemeinden Kritikern zufolge zu wenig Geld.",
        "Das Museum zeigt in den neuen Sälen Besuchern alte Bilder.",
    ],
)
def test_adjacent_nouns_of_different_phrases_are_correct(sentence: str) -> None:
    assert flaw(sentence) is None


@pytest.mark.parametrize(
    "sentence",
    [
        "Der gefallenen Soldaten gedachte die Stadt am Sonntag.",
        "Der neuen Regierung fehlt das Geld für die Schulen.",
        "Der Rat hat einen Plan, in dem der großen Mauer ein Kapitel gehört.",
        "Während der letzten Tage starben viele Tiere.",
        "Im Haus, an dem der alte Hersteller beteiligt war, brannte es.",
        "Der Rat lobt das Haus, das der großen Banken findet er kalt.",
        "Der vielen Kritiker überdrüssig, trat er im Mai zurück.",
        "Der schweren Unwetter wegen fiel das Spiel aus.",
        "Der beiden Länder größtes Problem ist das Wasser.",
        "Viele Kunden der großen Banken haben das Geld schon.",
    ],
)
def test_genitive_with_its_noun_is_correct(sentence: str) -> None:
    assert flaw(sentence) is None


@pytest.mark.parametrize(
    "sentence",
    [
        "Die Regierung kritisieren vor allem die Verbände.",
        "Die Sprache lernen Kinder in der Schule.",
        "Die Mehrheit der Gäste sind mit dem Bus gekommen.",
        "Die Leute haben das Haus am Abend verlassen.",
        "Die Gemälde haben den Brand gut überstanden.",
        "Die Erlasse regeln das Verfahren im Land.",
        "Die Zeitung erschien das letzte Mal im Mai.",
        "Die Polizei riefen wir am Abend an.",
        "Die neuen Anlagen haben den Test bestanden.",
        "Die Folge sind lange Debatten im Rat.",
        "Er sucht Leute, die Erfahrung haben im Umgang mit der Technik.",
        "Die Regelung haben in Bonn Experten kritisiert.",
        "Die Rolle übernehmen Anna Muster und Max Beispiel.",
        "Die Wahrheit sagen wollte der Zeuge am Montag nicht.",
        "Der Rat, die Verwaltung haben das Ziel erreicht.",
        "Die Städte haben das Geld schon.",
        "Die Toucouleur sind ein altes Volk.",
    ],
)
def test_plural_verb_with_a_possible_plural_subject_is_correct(sentence: str) -> None:
    assert flaw(sentence) is None


@pytest.mark.parametrize(
    "sentence",
    ["Es ist ein Problem, das gelöst werden muss.", "Das ist eine zwischen Bonn und Köln verkehrende Bahn."],
)
def test_form_that_its_position_allows_is_correct(sentence: str) -> None:
    assert flaw(sentence) is None


def test_summary_uses_another_sentence() -> None:
    text = (
        "Die Stadt Musterhausen baut das alte Hallenbad um. Die Verwaltung haben den Plan für das Hallenbad geändert. "
        "Der Stadtrat stimmte dem Umbau des Hallenbads zu. Die Schulen weichen in das Freibad aus."
    )
    sentences = tuple(span.of(text) for span in segment(text, DE).sentences)
    options = SummaryOptions(Length(max_sentences=3), None, "abstract", 1)
    assert selections(Text(sentences, segment(text, DE).sentences, ()), options) == [[0, 2, 3]]


def test_text_in_which_all_sentences_have_an_error_is_summarised() -> None:
    sentences = [
        "Die Verwaltung haben den Plan für das Bad geändert.",
        "Die Regierung haben das Geld am Montag bezahlt.",
    ]
    assert barred("abstract", sentences, None) == frozenset()


@given(st.text("Die der den Verwaltung haben Bildern- und Texte erhalten Verletze an, Ebenso die.", max_size=150))
def test_no_text_makes_the_search_for_errors_fail(text: str) -> None:
    assert flaw(text) != ""


@pytest.mark.parametrize(
    "part",
    ["den ", "Die a", "erhalten ", ", der aen ", "Boot Der a ", "die Verletze", "Bild- und Textband "],
)
def test_long_text_takes_little_time(part: str) -> None:
    started_s = time.process_time()
    error_of(part * (200_000 // len(part)))
    assert time.process_time() - started_s < 3
