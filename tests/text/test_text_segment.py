"""Tests that German texts are split into sentences correctly."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.text.normalization import for_model
from service.text.segmentation import segment
from tests.languages import DE


def cut(text: str) -> list[str]:
    return [span.of(text) for span in segment(text, DE).sentences]


# "|" marks the end of a sentence.
SENTENCES = [
    "„Das ist gut.“| Er ging.",
    "»Nein!«, sagte er.| Dann ging er.",
    "»Nein!« sagte er.| Dann ging er.",
    "„Kommst du?“, fragte sie.| Er nickte.",
    "„Kommst du?“ fragte sie.| Er nickte.",
    "Er sagte: „Ich komme. Du gehst.“| Dann ging er.",
    'Er sagte: „Ich komme. Du gehst."| Dann ging er.',
    '"Das ist gut."| Er ging.',
    "‚Ja.‘| Er ging.| ›Nein.‹| Sie blieb.",
    "Am 10. Januar kam er.| Am 12. Januar ging er.",
    "Friedrich II. kam im 20. Jahrhundert.",
    "Der 2. Weltkrieg endete 1945.| Danach kam Ruhe.",
    "Art. 5 Abs. 2 GG gilt.| Das sagte Prof. Dr. h. c. Meier.",
    "Es sind ca. 3 Mio. Euro.| Siehe Nr. 7.",
    "St. Pauli gewann gegen den 1. FC Köln.| Der 1. FC Köln verlor.",
    "1. FC Köln gewinnt.",
    "Die 1. und 2. Bundesliga pausiert.| Die 3. Liga spielt.",
    "Der 1. Mai war warm.| Es waren 1933.| Danach kam Ruhe.",
    "Er kam bzw. sie ging.| Sie kauften Brot, Salz usw.| Dann gingen sie.",
    "Es kostet 3 Mio.| Das ist viel.",
    "Um 15.30 Uhr stand es auf www.example.org zu lesen.| Dann nicht mehr.",
    "Er sagte nichts...| Was nun?!| Doch!!!",
    "Er zögerte …| Dann ging er.",
    "Er kam z. B. am Montag, u. a. nach Berlin, d. h. zu spät.",
    "Es waren 5 Prozent.| 2 sind weg.",
    "Er kam am 3.|\n\n|Dann ging er.".replace("|\n\n|", "|\n\n"),
    "(Er kam nicht.)| Dann kam er doch.",
    "George W. Bush kam.| Es gab Plan B.| Dann ging er.",
    "Er wurde in Platz 3.| Das war gut.",
    "Der Dipl.-Ing. Meier kam.| Inkl. Steuern kostet es viel.",
    "Willen zur Deeskalation.|Annett Meiritz 31.12.2021 - 00:57 Uhr Artikel anhören",
    "USA|Biden will im Ukraine-Konflikt vermitteln – doch Putin bleibt unberechenbar",
    "Washington.| Exakt 50 Minuten dauerte das Telefonat.",
    "So war es 2008.| 2010 wird es anders.",
    "Der Schiedsrichter pfiff.| (dpa) Die Mannschaft feierte.",
    "Am 3. 10. 2021 kam er vom 9./10. Mai.",
    "Er kam.[1]| Dann ging er.",
    "Das ist so.| Merkel sagte das.",
    "Er wohnt in der Goethestr. 12 in Ulm.| Das Haus ist alt.",
    "Treffpunkt ist am Karlspl. 3.| Sie wohnt in der Lindenstr. 7, 10115 Berlin.",
    "An der Bahnhofstr. Ecke Lindenweg krachte es.| Verletzt wurde niemand.",
    "Sie wohnt in der Goethestr.| Er kommt aus Ulm.",
    "Der Papst heißt Leo XIV.| Er kommt aus Chicago.",
    "Vor ihm war es Benedikt XVI.| Danach kam Franziskus.",
    "Unter Ludwig XIV. wuchs das Land.| Karl VI.| Die Oper ist alt.",
    "Prof. em. Dr. h. c. mult. Uli Muster sprach.| PD Dr. habil. Eva Beispiel hörte zu.",
]


@pytest.mark.parametrize("marked", SENTENCES)
def test_german_sentences_are_split(marked: str) -> None:
    assert cut(marked.replace("|", "")) == [sentence.strip() for sentence in marked.split("|")]


def test_wrapped_line_end_stays_in_its_sentence() -> None:
    text = "Die Bundesregierung hat am Montag in Berlin neue Regeln für\ndie Wirtschaft vorgestellt. Sie gelten ab Mai."
    assert cut(text)[0].endswith("für\ndie Wirtschaft vorgestellt.")


def test_long_direct_speech_is_split() -> None:
    speech = "Wir haben das lange geprüft und uns am Ende so entschieden."
    text = f"Er sagte: „{' '.join([speech] * 5)}“ Dann ging er."
    assert len(segment(text, DE).sentences) == 6


def test_each_sentence_is_in_one_paragraph() -> None:
    found = segment("Überschrift ohne Punkt\n\nErster Satz. Zweiter Satz.\n\nDritter Satz.", DE)
    assert [sum(p.start <= s.start and s.end <= p.end for s in found.sentences) for p in found.paragraphs] == [1, 2, 1]


@pytest.mark.parametrize("text", ["", " ", "\n\n\r\n", "\x00", "\u200b\ufeff", "\x00 \n \x07"])
def test_invisible_text_has_no_sentence(text: str) -> None:
    assert segment(text, DE).sentences == ()


@pytest.mark.parametrize(
    "text", ["\ud800 Er kam. \udfff Ja.", "שלום עולם. מה שלומך?", "😀 Er kam. 👨‍👩‍👧 Ja.", "***", "."]
)
def test_unusual_text_keeps_visible_characters(text: str) -> None:
    seen = "".join("".join(cut(text)).split())
    assert seen == "".join(text.split())


@given(st.text(alphabet=st.one_of(st.characters(), st.sampled_from(" \n\r.!?„“»«\"'Aa1…()"))))
def test_gaps_have_no_visible_characters(text: str) -> None:
    done = 0
    for span in segment(text, DE).sentences:
        assert for_model(text[done : span.start], DE) == ""
        assert span.start >= done
        assert for_model(span.of(text), DE) != ""
        done = span.end
    assert for_model(text[done:], DE) == ""


HOSTILE = {
    "article": ("Das ist ein Satz vom 3. Mai mit Dr. Meier und „wörtlicher Rede“. " * 6 + "\n\n") * 640,
    "no full stop": "Wort " * 4_000,
    "line ends": "\n" * 100_000,
    "full stops": "." * (4 << 20),
    "parted full stops": ". " * 100_000,
    "opening quotes": "„" * 200_000,
    "brackets": "(a.) " * 40_000,
    "numbers": "1. " * 60_000,
    "white space": "ab. 1" + " \t" * 100_000,
}


@pytest.mark.slow
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_time_is_linear_in_the_length(text: str) -> None:
    began = time.process_time()
    segment(text, DE)
    assert time.process_time() - began < 8  # measured: under 1 s each; a quadratic algorithm would take minutes
