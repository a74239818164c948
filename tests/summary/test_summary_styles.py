"""Tests of the styles of summaries: limits of length, the sentences that a style allows, and the layout."""

from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.results import Style
from service.summarization.lengths import PRESETS, Length
from service.summarization.styles import FORMS, admits, barred, lay_out, length_of, repeats

HEADLINE = "Stadtrat stimmt dem Umbau des Hallenbads zu"
SENTENCES = st.lists(st.text("aä ,.–1", min_size=1, max_size=40), max_size=6)


def test_each_style_has_a_form() -> None:
    assert set(FORMS) == set(get_args(Style))


@pytest.mark.parametrize(
    ("style", "asked", "length"),
    [
        ("abstract", {}, PRESETS["medium"]),
        ("abstract", {"max_chars": 300}, Length(max_chars=300)),
        ("teaser", {}, Length(max_words=40, max_sentences=2)),
        ("teaser", {"max_words": 60}, Length(max_words=60, max_sentences=2)),
        ("teaser", {"max_sentences": 1}, Length(max_sentences=1)),
        ("teaser", {"length": "long"}, Length(max_words=200, max_sentences=2)),
        ("bullets", {}, Length(min_sentences=3, max_words=120, max_sentences=5, mark_chars=2)),
        ("bullets", {"max_sentences": 2}, Length(min_sentences=2, max_sentences=2, mark_chars=2)),
        ("bullets", {"max_sentences": 9}, Length(min_sentences=3, max_sentences=5, mark_chars=2)),
        ("seo", {}, Length(max_chars=160, max_sentences=1)),
        ("seo", {"max_chars": 120}, Length(max_chars=120, max_sentences=1)),
        ("seo", {"max_chars": 300}, Length(max_chars=160, max_sentences=1)),
        ("seo", {"length": "short"}, Length(max_words=40, max_chars=160, max_sentences=1)),
    ],
)
def test_tighter_limit_applies(style: Style, asked: dict[str, Any], length: Length) -> None:
    assert length_of(style, **asked) == length


def test_bullets_are_separate_lines() -> None:
    assert lay_out("bullets", ["Eins.", "Zwei."]) == "• Eins.\n• Zwei."


@settings(max_examples=60)
@given(SENTENCES, st.sampled_from(get_args(Style)))
def test_length_counts_the_laid_out_text(sentences: list[str], style: Style) -> None:
    size = len(lay_out(style, sentences))
    marks = FORMS[style].limits.mark_chars
    assert Length(max_chars=size, mark_chars=marks).fits(sentences)
    assert not sentences or not Length(max_chars=size - 1, mark_chars=marks).fits(sentences)


@pytest.mark.parametrize(
    "sentence",
    [
        HEADLINE,
        "Der Stadtrat stimmt dem Umbau des Hallenbads am Dienstag zu.",
        "Umbau des Hallenbads.",
        f"{HEADLINE}, berichtete am Mittwoch die Sprecherin der Verwaltung nach stundenlanger Sitzung in der Aula.",
    ],
)
def test_near_copy_repeats_the_headline(sentence: str) -> None:
    assert repeats(sentence, HEADLINE)
    assert not any(admits(style, sentence, HEADLINE) for style in FORMS)


@pytest.mark.parametrize(
    "sentence",
    [
        "Der Umbau des Hallenbads kostet zwölf Millionen Euro und dauert zwei Jahre.",
        "Die Schulen weichen in Nachbarstädte aus.",
        "Und so kam es.",
    ],
)
def test_sentence_with_more_content_does_not_repeat_headline(sentence: str) -> None:
    assert not repeats(sentence, HEADLINE)


@pytest.mark.parametrize(
    "sentence", ["Berlin.", "Kosten und Zeitplan der Sanierung", "Sie sprachen drei Stunden lang."]
)
def test_only_abstract_admits_dependent_sentences(sentence: str) -> None:
    assert [style for style in FORMS if admits(style, sentence, None)] == ["abstract"]


def test_teaser_uses_the_opening(article: list[str]) -> None:
    free = set(range(len(article))) - barred("teaser", article, None)
    assert free == {0, 1, 4, 5, 7, 8, 10, 11, 12, 13}


def test_style_without_admissible_sentences_bars_only_headline() -> None:
    assert barred("seo", [HEADLINE, "Kurz.", "Sie sprachen lange."], HEADLINE) == {0}


def test_abstract_without_headline_bars_only_the_subheading(article: list[str]) -> None:
    assert barred("abstract", article, None) == {article.index("Kosten und Zeitplan")}


def test_repeated_sentence_is_barred_after_its_first_place(article: list[str]) -> None:
    assert barred("abstract", [*article[:2], article[0]], None) == {2}


@pytest.mark.parametrize(
    "fragment", ["Berlin.", "„Er kam heim.", "und ging nach Hause.", "Er kam..", "Wie er mitteilt."]
)
def test_fragment_is_barred_unless_there_is_nothing_else(article: list[str], fragment: str) -> None:
    assert barred("abstract", [fragment, *article[:2]], None) == {0}
    assert barred("abstract", [fragment], None) == frozenset()
