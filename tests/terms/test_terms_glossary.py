"""The glossary finds whole words, inflected, the longest first."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.errors import InvalidInput
from service.terms.glossary import Glossary


def found(text: str, translated: dict[str, str], kept: list[str] | None = None) -> list[tuple[str, str]]:
    """(what stands in the text, what has to stand for it)."""
    return [(one.span.of(text), one.text) for one in Glossary(translated, kept or []).find(text)]


@pytest.mark.parametrize(
    ("text", "term"),
    [
        ("Die Länder der Bundesrepublik", "Land"),
        ("Er lobte den Bundestag.", "Bundestag"),
        ("Die Sitzung des Bundestages dauert.", "Bundestag"),
        ("Merkels Rede", "Merkel"),
        ("Kritik an der Deutschen Bahn", "Deutsche Bahn"),
        ("Die Verbände fordern mehr.", "Verband"),
        ("Zwei GmbHs", "GmbH"),
        ("Die Grünen Punkte sammeln", "Grüner Punkt"),
        ("Schnelles Internet fehlt", "schnelles Internet"),
        ("BUNDESTAG TAGT", "Bundestag"),
        ("Kosten von AT&T", "AT&T"),
    ],
)
def test_a_form_of_the_term_is_found(text: str, term: str) -> None:
    assert [target for _, target in found(text, {term: "X"})] == ["X"]


@pytest.mark.parametrize(
    ("text", "term"),
    [
        ("Die Bundestagswahl naht.", "Bundestag"),
        ("Ein AfD-naher Verein", "AfD"),
        ("Er landete sicher.", "Land"),
        ("Das reiche Land", "Reich"),
        ("Bahn. Deutsche sagen", "Deutsche Bahn"),
        ("ein Test", "T.st"),
        ("Die Eule", "E"),
    ],
)
def test_another_word_is_not(text: str, term: str) -> None:
    assert found(text, {term: "X"}) == []


def test_the_longest_term_is_taken() -> None:
    terms = {"Deutsche": "German", "Deutsche Bahn": "Deutsche Bahn AG"}
    assert found("Die Deutsche Bahn baut.", terms) == [("Deutsche Bahn", "Deutsche Bahn AG")]


def test_the_exact_form_wins_over_an_inflected_one() -> None:
    assert found("Die Grünen tagen.", {"Grüne": "Greens", "Grünen": "the Greens"}) == [("Grünen", "the Greens")]


def test_a_kept_term_stands_for_itself() -> None:
    assert found("Kritik an der Tagesschau", {}, ["Tagesschau"]) == [("Tagesschau", "Tagesschau")]


def test_a_regular_expression_is_plain_text() -> None:
    assert found("a.c abc (x|y)* a.c", {"a.c": "yes"}) == [
        ("a.c", "yes"),
        ("a.c", "yes"),
    ]


@pytest.mark.parametrize(("translated", "kept"), [({"": "x"}, []), ({"...": "x"}, []), ({"a": " "}, []), ({}, ["-"])])
def test_a_term_without_words_is_refused(translated: dict[str, str], kept: list[str]) -> None:
    with pytest.raises(InvalidInput, match="term"):
        Glossary(translated, kept)


def test_a_term_in_both_lists_is_refused() -> None:
    with pytest.raises(InvalidInput, match="stands in"):
        Glossary({"Bahn": "rail"}, ["Bahn"])


WORDS = st.sampled_from(["Bahn", "Deutsche", "Land", "Länder", "Bundestages", "und", "a.b", "AfD", "AfD-nah", "x"])


@given(st.lists(WORDS), st.lists(WORDS, min_size=1, max_size=3), st.sampled_from([" ", "\n", ", "]))
def test_what_is_found_is_in_order_and_apart(words: list[str], term: list[str], gap: str) -> None:
    text = gap.join(words)
    spans = [one.span for one in Glossary({" ".join(term): "T", "Land": "country"}).find(text)]
    assert all(a.end <= b.start for a, b in itertools.pairwise(spans))
    assert all(span.of(text).strip() == span.of(text) != "" for span in spans)


def test_ten_thousand_terms_are_looked_up_by_word_not_one_by_one() -> None:
    glossary = Glossary({f"Begriff{number}": f"term {number}" for number in range(10_000)})
    looked_at = max(len(terms) for terms in glossary._by_first.values())
    assert looked_at < 20
    assert [one.text for one in glossary.find("Ein Begriff77 und der Begriff9999")] == ["term 77", "term 9999"]
