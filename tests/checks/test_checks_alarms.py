"""Tests of good translations that the checks must not flag for review, and of the errors that they must still find."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.checks.assessment import check_sentence, check_summary
from service.checks.base import CHECKS_VERSION, Code, Severity
from service.domain import Span
from tests.languages import DE, EN


def for_review(german: str, english: str) -> set[Code]:
    found = check_sentence(german, english, DE, EN)
    return {finding.code for finding in found if finding.severity is Severity.REVIEW}


def test_version_of_the_checks_is_part_of_the_cache_key() -> None:
    assert CHECKS_VERSION == "7"


@pytest.mark.parametrize(
    ("german", "english"),
    [
        ("Er würde das nicht tun.", "Wouldn’t he do that?"),
        ("Die Iraner feierten.", "The Iranians celebrated."),
        ("Präsident Baschar al-Assad sprach.", "President Bashar al-Assad spoke."),
        ("Er lebt in Los Angeles.", "He lives in LA."),
        ("Der Füchtorfer Landwirt kam.", "The farmer from Füchtorf came."),
        ("Das Mährische Fürstentum entstand.", "The Moravian principality came into being."),
        ("Blairs Missgeschicke häuften sich.", "Blair’s mishaps piled up."),
        ("Martin Winterkorn trat zurück.", "Mr Winterkorn stepped down."),
        ("Er nahm Fentanyl.", "He took fentanyl."),
        ("Die Zahl der Coronavirus-Tests stieg.", "The number of coronavirus tests rose."),
        ("Das berichtet die „Bild am Sonntag“.", "“Bild am Sonntag” reports this."),
        ("Der Leser kennt den Spiegel: Der Spiegel berichtete.", "Readers know it: Der Spiegel reported."),
        ("Es war eine intuitive Lösung.", "It was an intuitive solution."),
        ("Das zweite Beben hatte die Stärke 7,4.", "The second quake was of magnitude 7.4."),
        ("In der Nacht zum Sonntag brannte es.", "There was a fire on Saturday night."),
        ("Um drei Uhr morgens war es laut.", "It was very loud at 3am."),
        ("Sie wacht von 22 bis 4.30 Uhr.", "She keeps watch from 10pm until 4.30am."),
        ("Wir sind rund um die Uhr da.", "We are there 24/7."),
        ("Er stand in der Anfangsformation.", "He was in the starting eleven."),
        ("Die siebtgrößte Firma ging pleite.", "The seventh-largest company went bankrupt."),
        ("Es kostet 125 Milliarden Kronen.", "It costs 125 billion Czech crowns."),
        ("Weder er noch sie kam.", "Neither he nor she came."),
        ("Er ließ es sich nicht nehmen, zu kommen.", "He insisted on coming."),
        ("Frankreich hat vor Reisen gewarnt.", "France has warned people not to travel."),
        ("Im Juli heiratete sie Harald Leemann.", "In July she married Harald Leemann."),
        ("Am Wochenende beginnt das Fest.", "The festival begins this weekend."),
        ("Die Seelsorger betreuen Augenzeugen vor Ort.", "The chaplains look after eyewitnesses on site."),
        ("Und die Runde lasst auch weg.", "And leave out the round as well.”"),
    ],
)
def test_good_translation_needs_no_review(german: str, english: str) -> None:
    assert for_review(german, english) == set()


@pytest.mark.parametrize(
    ("german", "english", "code"),
    [
        (
            "Zwischen den beiden Städten fährt ein Zug.",
            "A train runs between the nine cities.",
            Code.NUMBER_UNSUPPORTED,
        ),
        ("Es waren 17 Prozent, mehr als die 15 Prozent.", "It was 17, more than the 15 percent.", Code.UNIT_MISSING),
        ("Es kostet 3 Millionen britische Pfund.", "It costs 3 million.", Code.UNIT_MISSING),
        ("Er lebt in Stuttgart.", "He lives in Stttgart.", Code.NAME_UNSUPPORTED),
        ("Nach Keverns Ansicht war das falsch.", "In Keern’s view, that was wrong.", Code.NAME_UNSUPPORTED),
        (
            "Die Task Force sagte, dass Russland zahlt.",
            "The Task Force said that France pays.",
            Code.NAME_UNSUPPORTED,
        ),
        ("Das würde Einsprüche erlauben.", "This would not allow appeals.", Code.NEGATION_ADDED),
        ("Die Lage ist unklar.", "The situation is not unclear.", Code.NEGATION_ADDED),
        ("Er kam nicht, alles ist unklar.", "He came, everything is unclear.", Code.NEGATION_LOST),
        ("Das Spiel wurde erlaubt.", "The match was banned.", Code.MEANING_REVERSED),
        ("Männer und Frauen kamen.", "Women and women came.", Code.MEANING_REVERSED),
        ("Er kam nicht nach dem Spiel.", "He did not come before the match.", Code.MEANING_REVERSED),
        ("Er besuchte die Türkei.", "He visited Türkei.", Code.UNTRANSLATED),
    ],
)
def test_error_like_a_good_translation_is_found(german: str, english: str, code: Code) -> None:
    assert code in for_review(german, english)


@given(st.sampled_from("Would Could Did Does Are Is Was Were Had Has".split()), st.sampled_from("'’"))
def test_contraction_is_never_a_name(verb: str, mark: str) -> None:
    assert Code.NAME_UNSUPPORTED not in for_review("War das nicht richtig?", f"{verb}n{mark}t that right?")


@given(st.integers(0, 6))
def test_night_before_a_day_may_have_the_name_of_either_day(day: int) -> None:
    german = "Montag Dienstag Mittwoch Donnerstag Freitag Samstag Sonntag".split()
    english = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
    dates = {Code.DATE_MISSING, Code.DATE_UNSUPPORTED}
    for other in range(7):
        found = for_review(f"In der Nacht zum {german[day]} brannte es.", f"It burned in the night, {english[other]}.")
        assert bool(found & dates) is ((day - other) % 7 > 1)


@given(st.sampled_from((("a", "east", "West"), ("in", "north", "Süd"))), st.integers(1, 3))
def test_equal_numbers_of_negations_do_not_hide_an_opposite(words: tuple[str, str, str], times: int) -> None:
    _, english, german = words
    source = f"Er kam {'nicht ' * times}aus dem {german}en, und der Preis fiel."
    output = f"He did {'not ' * times}come from the {english}, and the price rose."
    assert Code.MEANING_REVERSED in for_review(source, output)


def test_repetition_in_a_summary_is_found_if_another_sentence_of_the_article_repeats() -> None:
    article = "Der Rat tagt heute im Rathaus. Das, das ist sehr, sehr, sehr wichtig, wichtig."
    summary = "Der Rat tagt tagt heute im Rathaus."
    support = Span(0, article.index("."))
    found = check_summary(article, summary, [(Span(0, len(summary)), [support])], DE)
    assert Code.REPETITION in {finding.code for finding in found}
