"""Tests of the checks for addresses, placeholders, signs, markup, invented words, and words of the source language."""

import time
import unicodedata
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.checks.assessment import check_sentence
from service.checks.base import Code, Severity
from service.text.literals import find_literals
from tests.checks.sentences import sentences
from tests.languages import DE, EN


def codes(german: str, english: str) -> set[Code]:
    return {one.code for one in check_sentence(german, english, DE, EN) if one.severity is Severity.REVIEW}


@pytest.mark.parametrize(
    "literal",
    [
        "leser@zeitung.example",
        "https://www.ulm.example/a?b=1&c=[2]#d",
        "www.stadt.example/hilfe",
        "Spiegel.de",
        "musterhausen.berlin",
        "zeitung.tv",
        "@stadt.ulm",
        "@ulm@social.example",
        "#KeineMachtDenDoofen",
        ":herz:",
        "{name}",
        "{{bild}}",
        "${wert}",
        "$Username",
        "%(user)s",
        '[contact-form-7 id="3" title="Kontakt"]',
        "[/caption]",
        "👍",
        "🇩🇪",
        "👩‍👧",
        "❤️",
        "0171 2345678",
        "+49 30 901820",
        "007",
    ],
)
def test_lost_literal_is_reported_and_kept_literal_is_not(literal: str) -> None:
    german = f"Das meldet {literal} am Montag."
    assert [one.text for one in find_literals(german)] == [literal]
    assert codes(german, f"That is reported by {literal} on Monday.") == set()
    assert codes(german, "That is reported by someone on Monday.") & {Code.LITERAL_MISSING, Code.NUMBER_MISSING}


@pytest.mark.parametrize(
    "text",
    [
        "Er sagte: ja: nein.",
        "Das kostet 5 $ und 20 % mehr.",
        "z.B. im Mai",
        "E.ON baut ab.",
        "[sic]",
        "12:30:00",
        "3.5.24",
    ],
)
def test_ordinary_text_has_no_literal(text: str) -> None:
    assert find_literals(text) == []


@pytest.mark.parametrize(
    ("german", "english"),
    [
        ("An a@b.example oder c@d.example.", "To a@b.examplec@d.example or c@d.example."),
        ("An a@b.example und a@b.example.", "To a@b.example."),
        ("An a@b.example.", "To aa@b.example."),
        ("Siehe #Ulm.", "See #Ulmer."),
    ],
)
def test_literal_that_touches_a_word_counts_as_lost(german: str, english: str) -> None:
    assert Code.LITERAL_MISSING in codes(german, english)


@pytest.mark.parametrize(
    ("german", "english", "code"),
    [
        ("Das kostet 5 €.", "It costs 5.", Code.UNIT_MISSING),
        ("Es sind 30 Prozent.", "It is 30.", Code.UNIT_MISSING),
        ("Nach § 218 ist das verboten.", "According to 218, it is forbidden.", Code.SIGN_MISSING),
        ("Es sind <2 Millimeter.", "It is 2 millimetres.", Code.SIGN_MISSING),
        ("ELVARO® ist neu.", "ELVARO is new.", Code.SIGN_MISSING),
        ("Es waren −5 Punkte.", "It was 5 points.", Code.SIGN_MISSING),
        ("Es waren -5 Punkte.", "It was 5 points.", Code.SIGN_MISSING),
        ("Es waren 5 Punkte.", "It was -5 points.", Code.NUMBER_UNSUPPORTED),
        ("Der Rat tagt.", "The c\ufffduncil meets.", Code.CHARACTER_BROKEN),
        ("Der Rat tagt.", "The <b>council</b> meets.", Code.MARKUP_LEFT),
        ("Rat & Stadt", "Council &amp; city", Code.MARKUP_LEFT),
        ("Das Café öffnet um 8 Uhr.", "The café opens at 8 p.m.", Code.DATE_UNSUPPORTED),
        ("Der Hafen brannte.", "The Hafen burnt.", Code.UNTRANSLATED),
        ("Ein Sturmtief zieht auf.", "A Sturmtief is coming.", Code.UNTRANSLATED),
        ("Sie trug eine schwarze Jacke.", "She wore a schwarz Jacke.", Code.UNTRANSLATED),
        ("Er reiste nach Genf.", "He travelled to Genf.", Code.UNTRANSLATED),
        ("Die OSZE warnt.", "The OSZE warns.", Code.UNTRANSLATED),
        ("Er mag Abonnements.", "He likes subsibilities.", Code.WORD_UNKNOWN),
        ("ÄRZTE STREIKEN", "EURETE\\BBBEN", Code.WORD_UNKNOWN),
        ("Viele streiken.", "Flimgrasting is on strike.", Code.WORD_UNKNOWN),
        ("Niemand war da.", "Larax was empty.", Code.NAME_UNSUPPORTED),
        ("Minister Pistorius sprach.", "Minister Pistorus spoke.", Code.NAME_UNSUPPORTED),
    ],
)
def test_error_is_found(german: str, english: str, code: Code) -> None:
    assert code in codes(german, english)


@pytest.mark.parametrize(
    ("german", "english"),
    [
        ("Das kostet 5 €.", "It costs five euros."),
        ("Das kostet 5 €.", "It costs €5."),
        ("Nach § 218 ist das verboten.", "Under section 218, it is forbidden."),
        ("Es sind <2 Millimeter.", "It is less than 2 millimetres."),
        ("Es waren −5 Grad.", "It was minus five degrees."),
        ("Es waren −5 Grad.", "It was -5 degrees."),
        ("Rat & Stadt", "Council and city"),
        ("Das Café öffnet um 8 Uhr abends.", "The café opens at 8 p.m."),
        ("Das Café öffnet um 8 Uhr.", "The café opens at 8."),
        ("Das Café öffnet um 20 Uhr.", "The café opens at 8 p.m."),
        ("Er las den „Spiegel“.", "He read the Spiegel."),
        ("Die Digitalisierung", "the digitisation"),
        ("Die Schalker jubeln.", "People from Schalke celebrate."),
        ("Der Rat tagt in München.", "The council meets in Munich."),
    ],
)
def test_good_translation_has_no_finding(german: str, english: str) -> None:
    assert codes(german, english) == set()


@settings(max_examples=25)
@given(sentences(DE), sentences(EN))
def test_composed_and_decomposed_texts_have_the_same_findings(german: str, english: str) -> None:
    nfc = [unicodedata.normalize("NFC", text) for text in (german, english)]
    nfd = [unicodedata.normalize("NFD", text) for text in nfc]
    found = check_sentence(nfd[0], nfd[1], DE, EN)
    assert [one.code for one in found] == [one.code for one in check_sentence(nfc[0], nfc[1], DE, EN)]
    for one in found:
        assert one.source is None or 0 <= one.source.start <= one.source.end <= len(nfd[0])
        assert one.output is None or 0 <= one.output.start <= one.output.end <= len(nfd[1])


@given(
    st.lists(
        st.sampled_from(["a@b.de", "www.x.de/y", "#Tag", "{x}", ":herz:", "👍", "0171 234", "Wort", "(", ")."]),
        max_size=12,
    )
)
def test_literals_are_in_order_and_do_not_overlap(words: list[str]) -> None:
    text = " ".join(words)
    found = find_literals(text)
    assert all(one.span.of(text) == one.text for one in found)
    assert all(one.span.end <= other.span.start for one, other in pairwise(found))


def test_long_text_is_checked_in_linear_time() -> None:
    german = "Der Rat hat am Montag 5 € an a@b.de und <Ulm> gezahlt, {x} #y und :herz: "
    english = "The council paid 5 to someone on Monday, more or less, flimgrasts "

    def seconds(times: int) -> float:
        started_s = time.process_time()
        check_sentence(german * times, english * times, DE, EN)
        return time.process_time() - started_s

    seconds(10)
    assert seconds(160) < 12 * max(seconds(40), 0.01)
    for sign in ("[a ", "{", "a.", "@a", "<a ", "#", "$a", ":a", "0 "):
        check_sentence(sign * 4_000, "word", DE, EN)
