"""Tests of the record of an evaluation: pairs, marks, scores and the two pages."""

import importlib.util
import json
from pathlib import Path

import pytest

from service.errors import DepescheError
from service.evaluation import scores
from service.evaluation.command import read_record
from service.evaluation.pages import marking_page, report_page
from service.evaluation.record import Evaluation, Mark, Marks, Segment, aligned, sign_test, verdict
from service.evaluation.scores import scores_of
from tests.evaluation.records import article_of, evaluation_of, output_of, system_of

A = output_of(["One is there.", "Two is there.", "Three is there."])
B = output_of(["One is here.", "Two is there.", "Three is here."], flags={"low_confidence": 1})


def test_only_different_sentences_become_pairs() -> None:
    found = evaluation_of(article_of(A, B))
    assert {pair.source: pair.texts for pair in found.pairs} == {
        "Eins ist da.": ("One is there.", "One is here."),
        "Drei ist da.": ("Three is there.", "Three is here."),
    }
    assert (found.equal, found.left_out) == (1, 0)
    assert {pair.before for pair in found.pairs} == {"", "Eins ist da. Zwei ist da."}


def test_the_seed_determines_sample_order_and_sides() -> None:
    articles = [article_of(A, B, f"{n}.txt") for n in range(20)]
    first, same, other = (evaluation_of(*articles, seed=seed, most=30) for seed in (1, 1, 2))
    assert first == same
    assert first.pairs != other.pairs
    assert {pair.first for pair in first.pairs} == {"left", "right"}
    assert (len(first.pairs), first.left_out) == (30, 10)


def test_a_failed_article_has_no_pairs() -> None:
    found = evaluation_of(article_of(A, output_of([], failure="engine_unavailable")), article_of(A, B, "b.txt"))
    assert {pair.article for pair in found.pairs} == {"b.txt"}
    assert [article.name for article in found.compared] == ["b.txt"]


def test_sentences_that_are_split_differently_are_compared_together() -> None:
    split = [Segment(0, 5, 0, 4), Segment(6, 10, 5, 9), Segment(11, 20, 10, 19)]
    whole = [Segment(0, 10, 0, 9), Segment(11, 20, 10, 19)]
    assert list(aligned(split, whole)) == [(split[:2], whole[:1]), (split[2:], whole[1:])]
    assert list(aligned(whole, split)) == [(whole[:1], split[:2]), (whole[1:], split[2:])]


@pytest.mark.parametrize(
    ("first", "second", "chance"), [(0, 0, 1.0), (5, 5, 1.0), (1, 9, 22 / 1024), (10, 0, 2 / 1024)]
)
def test_sign_test(first: int, second: int, chance: float) -> None:
    assert sign_test(first, second) == pytest.approx(chance)


def test_marks_count_for_the_system_on_the_marked_side() -> None:
    found = evaluation_of(*(article_of(A, B, f"{n}.txt") for n in range(4)))
    other: dict[Mark, Mark] = {"left": "right", "right": "left"}
    marks: dict[str, Mark] = {pair.id: pair.first for pair in found.pairs[:5]}
    marks |= {pair.id: other[pair.first] for pair in found.pairs[5:7]}
    marks[found.pairs[7].id] = "equal"
    counted = verdict(found, [Marks(evaluation=found.id, marks=marks)] * 2)
    assert (counted.first, counted.second, counted.equal) == (10, 4, 2)


@pytest.mark.parametrize(
    ("marks", "message"),
    [
        ({"evaluation": "other", "marks": {}}, "belong to the evaluation other, not to"),
        ({"evaluation": None, "marks": {"p9999": "left"}}, "contain p9999, which is not a pair of evaluation"),
    ],
)
def test_marks_of_another_evaluation_are_refused(marks: dict[str, object], message: str) -> None:
    found = evaluation_of(article_of(A, B))
    with pytest.raises(DepescheError, match=message):
        verdict(found, [Marks.model_validate({**marks, "evaluation": marks["evaluation"] or found.id})])


@pytest.mark.parametrize("content", ["", "[]", '{"evaluation": "x"}', '{"evaluation": "x", "marks": {"p1": "best"}}'])
def test_a_file_with_another_content_is_named(tmp_path: Path, content: str) -> None:
    file = tmp_path / "marks.json"
    file.write_text(content, "utf-8")
    with pytest.raises(DepescheError, match=r"marks\.json is not a valid file of `depesche evaluate`"):
        read_record(file, Marks)


def test_scores_of_a_perfect_translation() -> None:
    referenced = [article_of(A, B, f"{n}.txt", reference=A.text) for n in range(3)]
    bleu, chrf = scores_of([*referenced, article_of(B, A)], "translation")
    assert (bleu.name, chrf.name) == ("BLEU", "chrF")
    assert bleu.values[0] == pytest.approx(100)
    assert bleu.values[1] < 60
    assert chrf.values[0] == pytest.approx(100)
    assert bleu.chance is not None
    assert bleu.chance < 0.05
    assert [one.chance for one in scores_of(referenced[:1], "translation")] == [None, None]
    assert scores_of([article_of(A, B)], "translation") == []


def test_rouge_keeps_umlauts() -> None:
    pair = output_of(["Öl übt"]), output_of(["Al abt"])
    one, *_ = scores_of([article_of(*pair, reference="öl übt")], "summary")
    assert (one.name, one.values) == ("ROUGE-1", (100.0, 0.0))


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(DepescheError, match=r"sacrebleu.*make evaluation"):
        scores.require_packages("translation")


def test_the_marking_page_hides_the_systems_and_escapes_texts() -> None:
    hostile = output_of(["</script><script>alert(1)</script>", "Two is there.", "$data"])
    found = evaluation_of(article_of(hostile, B))
    page = marking_page(found, "de", "en")
    assert "alpha" not in page
    assert "beta" not in page
    assert "<script>alert" not in page
    assert page.count("</script>") == 2
    data = json.loads(page.split('id="data">')[1].split("</script>")[0])
    shown = {pair["id"]: (pair["left"], pair["right"]) for pair in data["pairs"]}
    assert shown == {p.id: p.texts if p.first == "left" else p.texts[::-1] for p in found.pairs}


def test_the_report_escapes_names_and_counts_flags() -> None:
    systems = system_of("<b>alpha"), system_of("beta")
    found = evaluation_of(article_of(A, B), article_of(A, output_of([], failure="engine_failed")), systems=systems)
    report = report_page(found, [])
    assert "<b>alpha" not in report
    assert "&lt;b&gt;alpha" in report
    assert "<td>0.0</td><td>33.3</td>" in report  # one warning in three sentences
    assert "<td>none</td><td>engine_failed 1</td>" in report
    assert "1 of 2 articles, because a system failed" in report
    assert "No marks yet" in report
    assert "No article has a reference" in report


def preference(evaluation: Evaluation, first: int) -> str:
    """Return the report with marks that prefer the first system for ``first`` pairs, and the second for the others."""
    other: dict[str, Mark] = {"left": "right", "right": "left"}
    marks = {p.id: p.first if n < first else other[p.first] for n, p in enumerate(evaluation.pairs)}
    return report_page(evaluation, [Marks(evaluation=evaluation.id, marks=marks)])


def test_the_report_states_what_editors_prefer_and_whether_it_may_be_chance() -> None:
    found = evaluation_of(*(article_of(A, B, f"{n}.txt") for n in range(5)))
    assert "The editors preferred alpha</strong> (sign test, p = 0.021)" in preference(found, 9)
    expected = "preferred beta more often, but the difference may be due to chance (sign test, p = 0.75)"
    assert expected in preference(found, 4)
    assert "preferred both systems equally often" in preference(found, 5)


def test_costs_are_machine_time_or_the_price_of_tokens() -> None:
    remote = {"host": "private", "calls": 3, "prompt_tokens": 600_000, "output_tokens": 100_000}
    priced = system_of("beta", **remote, input_price=0.5, output_price=2.0)
    report = report_page(evaluation_of(article_of(A, B), systems=(system_of("alpha", seconds=7.2), priced)), [])
    assert "2 hours of this machine" in report
    assert "500.00 per 1,000 articles (600,000 prompt and 100,000 output tokens)" in report
    unpriced = (
        system_of("alpha", **remote),
        system_of("beta", **{**remote, "prompt_tokens": None, "output_tokens": None}),
    )
    report = report_page(evaluation_of(article_of(A, B), systems=unpriced), [])
    assert "set the keys input-price and output-price" in report
    assert "the server did not report token counts" in report
