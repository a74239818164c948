"""Tests that German numerals are converted to their English form, and that addresses in a text are found."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.terms.constraints import literal_constraints, numeral_constraints
from tests.languages import DE, EN


@pytest.mark.parametrize(
    ("german", "english"),
    [
        ("100.000 Menschen", "100,000"),
        ("1.234.567,89 Euro", "1,234,567.89"),
        ("um 1,5 Prozent", "1.5"),
        ("am 31.12.2021", "31 December 2021"),
        ("am 3. 4. 1999", "3 April 1999"),
        ("am 24.12. und", "24 December"),
        ("um 14.30 Uhr", "14:30"),
        ("das Elf-Milliarden-Euro-Paket", "11-billion-euro"),
        ("ein 3,5-Millionen-Dollar-Vertrag", "3.5-million-dollar"),
        ("zwei-Billionen-Euro", "2-trillion-euro"),
    ],
)
def test_numeral_has_an_english_form(german: str, english: str) -> None:
    assert [one.text for one in numeral_constraints(german, DE, EN)] == [english]


@pytest.mark.parametrize(
    "german", ["2021", "Version 3.11", "10.0.0.1", "Tel. 030/123456", "im Verhältnis 3:2", "45.13.2021", "A380", ""]
)
def test_equal_numeral_is_ignored(german: str) -> None:
    assert numeral_constraints(german, DE, EN) == []


def test_numerals_are_ordered_and_disjoint() -> None:
    text = "Am 31.12.2021 um 14.30 Uhr zahlte er 100.000 Euro für 1,5 Tonnen."
    spans = [one.span for one in numeral_constraints(text, DE, EN)]
    assert [span.of(text) for span in spans] == ["31.12.2021", "14.30", "100.000", "1,5"]


@given(st.text(alphabet="0123456789.,:/- UhrElf-Milon", max_size=40))
def test_any_text_is_accepted(text: str) -> None:
    for one in numeral_constraints(text, DE, EN):
        assert one.span.of(text) == one.term


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("Siehe https://example.org/a_(b)?c=d.", "https://example.org/a_(b)?c=d"),
        ("(www.example.org)", "www.example.org"),
        ("an info@example.org, bitte", "info@example.org"),
        ("auf example.de.", "example.de"),
        ("folgt @depesche!", "@depesche"),
    ],
)
def test_address_excludes_punctuation(text: str, address: str) -> None:
    assert [one.text for one in literal_constraints(text)] == [address]


@pytest.mark.parametrize("text", ["z.B. hier", "Herr Dr.Com", "3.5", "a@", "@ a"])
def test_other_text_is_no_address(text: str) -> None:
    assert literal_constraints(text) == []
