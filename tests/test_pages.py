"""Tests of the training of the model that classifies the lines of a page, and of the scores of the pages benchmark."""

import gzip
import json
from pathlib import Path

import pytest

from benchmarks.pages import Found, is_foreign, overlap, score, table
from models.pages.field import Text, train
from models.pages.pages import examples
from service.cleaning.line_model import STATES
from tests.languages import DE
from tests.text.test_text_whole_page import HEADLINE, LEAD, TEXT, page

GOLD = {"title": HEADLINE, "summary": [LEAD], "sections": [{"headline": [], "paragraphs": ["Eins zwei drei vier."]}]}


def test_overlap_counts_repeated_words() -> None:
    assert overlap(["a", "a", "b"], ["a", "b", "c"]) == pytest.approx((2 / 3, 2 / 3, 2 / 3))
    assert overlap([], ["a"]) == (0.0, 0.0, 0.0)


def test_score_compares_body_headline_and_lead() -> None:
    found = score(Found(HEADLINE.upper(), None, "eins zwei"), GOLD)
    assert (found.precision, found.recall, found.headline, found.lead) == (1.0, 0.5, True, False)


def test_foreign_sentence_shares_few_word_pairs_with_the_article() -> None:
    assert not is_foreign("Eins zwei drei.", GOLD)
    assert not is_foreign(LEAD, GOLD)
    assert is_foreign("Eins sind die Cookies von vier Partnern.", GOLD)


def test_table_has_the_means_of_each_form() -> None:
    one, other = score(Found(None, LEAD, "eins zwei drei vier"), GOLD), score(Found(HEADLINE, None, ""), GOLD)
    row = table([("all", one), ("all", other)])["all"]
    assert (row["pages"], row["f1"], row["headline"], row["lead"]) == (2, 0.5, 0.5, 0.5)


def test_field_learns_what_its_features_show() -> None:
    text = Text([["a"], ["b"], ["c"], ["d"]], ["before", "headline", "text", "after"])
    weights = train([text] * 4, least=1, decay=0.01, rounds=80)
    scores = weights.scores([["b"], ["c"], ["unknown"]])
    assert [STATES[row.argmax()] for row in scores[:2]] == ["headline", "text"]
    assert not scores[2].any()


def test_states_in_a_wrong_order_are_refused() -> None:
    with pytest.raises(ValueError, match="not allowed"):
        train([Text([["a"], ["b"]], ["after", "before"])])


def test_lines_of_a_page_are_marked_by_comparison_with_the_article(tmp_path: Path) -> None:
    sections = [
        {"headline": [], "paragraphs": TEXT[:2]},
        {"headline": [TEXT[2]], "paragraphs": TEXT[3:]},
    ]
    gold = {"title": HEADLINE, "summary": [LEAD], "sections": sections}
    (tmp_path / "Muster_2025.json").write_text(json.dumps(gold), "utf-8")
    for form in ("all", "column", "drag"):
        (tmp_path / f"Muster_2025.{form}.txt.gz").write_bytes(gzip.compress(page().encode()))
    (tmp_path / "Muster_2025.html.gz").write_bytes(gzip.compress(f"<h1>{HEADLINE}</h1>".encode()))
    first = next(examples(tmp_path, DE))
    at = first.states.index("headline")
    assert first.states[at : at + 5] == ["headline", "head_meta", "head_meta", "lead", "head_caption"]
    assert first.states[at + 5 : at + 10] == ["text", "text", "subheading", "text", "text"]
    assert set(first.states[:at]) <= {"before", "kicker"}
    assert set(first.states[at + 10 :]) == {"after"}
