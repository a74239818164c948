"""Tests of numbers, dates and times: equal values are accepted in any form, and different values are reported."""

import pytest

from service.checks.base import Code, Finding, Passage
from service.checks.figures import check_numbers
from tests.languages import DE, EN


def found(german: str, english: str) -> list[Finding]:
    return list(check_numbers(Passage.of(german, DE), Passage.of(english, EN)))


@pytest.mark.parametrize(
    ("german", "english"),
    [
        ("100.000 Euro", "100,000 euros"),
        ("100.000 Euro", "100 thousand euros"),
        ("10 000 Euro", "10,000 euros"),
        ("1,5 Millionen Euro", "1.5 million euros"),
        ("1,5 Mio. Euro", "€1.5m"),
        ("ein Elf-Milliarden-Euro-Paket", "an 11-billion-euro package"),
        ("eine Milliarde, eine Billion", "a billion, a trillion"),
        ("zwölf Tote", "12 dead"),
        ("ein Dutzend, zwei Dutzend", "a dozen, 24"),
        ("eine halbe Million", "half a million"),
        ("zweieinhalb Jahre", "two and a half years"),
        ("fünf bis sieben Millionen", "5-7 million"),
        ("5-7 Prozent", "5 to 7 per cent"),
        ("zweihundertfünfzig Gäste", "two hundred and fifty guests"),
        ("der 14-Jährige, die Zwölfjährige", "the 14-year-old, the twelve-year-old"),
        ("der 3. Platz, der dritte Platz", "3rd place, third place"),
        ("in den 1990er Jahren", "in the '90s"),
        ("die Saison 2017/18", "the 2017-18 season"),
        ("beide Seiten, ein Paar", "the two sides, a couple"),
        ("Sieg mit 2:1", "a 2-1 win"),
        ("vor 14 Tagen", "a fortnight ago"),
        ("31.12.2021", "31 December 2021"),
        ("31.12.2021", "December 31, 2021"),
        ("am 3. Mai", "on the 3rd of May"),
        ("04.05.18", "5/4/2018"),
        ("am Donnerſtag", "on Thursday"),
        ("am Dienstagabend", "on Tuesday evening"),
        ("Mo., 3. April", "Mon., April 3"),
        ("um 14.30 Uhr", "at 2:30 p.m."),
        ("um 20 Uhr", "at 8 in the evening"),
        ("mittags, um Mitternacht", "at noon, at midnight"),
        ("gestern, letzte Woche", "yesterday, last week"),
        ("Julian und Juliane", "Julian and Juliane"),
        ("Er darf kommen.", "He may come."),
    ],
)
def test_equal_value_in_another_form_passes(german: str, english: str) -> None:
    assert found(german, english) == []


@pytest.mark.parametrize(
    ("german", "english", "code"),
    [
        ("1,5 Milliarden Euro", "1.5 trillion euros", Code.MAGNITUDE_CHANGED),
        ("eine Billion Euro", "a billion euros", Code.MAGNITUDE_CHANGED),
        ("1,5 Prozent", "15 percent", Code.MAGNITUDE_CHANGED),
        ("100.000 Menschen", "100.000 people", Code.MAGNITUDE_CHANGED),
        ("Milliarden Euro", "trillions of euros", Code.MAGNITUDE_CHANGED),
        ("fünf Tote", "six dead", Code.NUMBER_UNSUPPORTED),
        ("300 Gäste", "guests", Code.NUMBER_MISSING),
        ("am 31.12.2021", "on 30 December 2021", Code.DATE_UNSUPPORTED),
        ("im Mai", "in June", Code.DATE_UNSUPPORTED),
        ("am Montag", "on Tuesday", Code.DATE_UNSUPPORTED),
        ("am Montag um drei", "at three", Code.DATE_MISSING),
        ("um 20 Uhr", "at 8 a.m.", Code.DATE_UNSUPPORTED),
    ],
)
def test_different_value_is_found(german: str, english: str, code: Code) -> None:
    assert code in {finding.code for finding in found(german, english)}


def test_changed_magnitude_has_both_spans() -> None:
    german, english = "Es kostet 1,5 Milliarden Euro.", "It costs 1.5 trillion euros."
    (finding,) = found(german, english)
    assert finding.source is not None
    assert finding.output is not None
    assert (finding.source.of(german), finding.output.of(english)) == ("1,5 Milliarden", "1.5 trillion")


def test_date_that_differs_twice_is_one_finding() -> None:
    assert [f.code for f in found("am 1. Mai", "on 2 June")] == [Code.DATE_UNSUPPORTED, Code.DATE_MISSING]
