"""Tests that repetitions of the submitted headline and lead are removed from the text in linear time."""

import time

import pytest

from service.cleaning.clean import clean
from tests.languages import DE

BODY = "Die Bundesregierung hat am Montag in Berlin neue Regeln vorgestellt, die ab Mai für alle gelten sollen."
SHORT_LINES = "ab cd\n" * 40_000 + BODY
LARGEST = "ab cd, " * 35_714


@pytest.mark.parametrize(
    "line",
    ["Streit  um die „Regeln“", 'STREIT UM DIE "REGELN".', "Streit um die »Regeln« | Beispiel Zeitung"],
    ids=["white space", "case, quotation marks, full stop", "name of the site"],
)
def test_repeated_headline_is_found_in_any_form(line: str) -> None:
    (removed,) = clean(f"{line}\n\n{BODY}", DE, headline="Streit um die „Regeln“").removed
    assert (removed.reason, removed.text) == ("repeated_headline", line)


def test_headline_of_marks_removes_no_line() -> None:
    assert clean(f"Kurze Zeile hier\n\n{BODY}", DE, headline="…").removed == ()


def test_sections_above_repetitions_are_removed() -> None:
    page = f"Politik\nInland\nStreit um Regeln\nWirtschaft\nSport\nStreit um Regeln\n\n{BODY}"
    removed = [(removed.text, removed.reason) for removed in clean(page, DE, headline="Streit um Regeln").removed]
    repeated = ("Streit um Regeln", "repeated_headline")
    assert removed == [("Politik", "breadcrumb"), repeated, ("Wirtschaft", "breadcrumb"), repeated]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("headline", "lead"),
    [(LARGEST, None), (LARGEST + " ", None), (None, LARGEST), ("ab cd", None), ("Ab  cd", "ab cd"), ("…", LARGEST)],
    ids=["headline", "headline with a space", "lead", "repeated in each line", "repeated as both", "marks"],
)
def test_time_is_linear_in_the_page(headline: str | None, lead: str | None) -> None:
    began = time.process_time()
    clean(SHORT_LINES, DE, headline=headline, lead=lead)
    assert time.process_time() - began < 12  # measured: under 1 s each; a quadratic algorithm would take minutes
