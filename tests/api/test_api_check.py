"""Tests of POST /v1/check: warnings, facts and provenance of a text that a person wrote or edited."""

from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import given, settings
from hypothesis import strategies as st

from service.checks.facts import link_facts
from service.languages.base import language
from service.newsroom.sentence_alignment import SizedSentence, align_sentences

SOURCE = "Der Rat zahlt 5 Millionen Euro. Kanzlerin Merkel kam am 3. Mai nach Ulm. Die Kosten sanken."
GOOD = "The council pays 5 million euros. On 3 May, Chancellor Merkel came to Ulm. Costs fell."


FACTS = "Im Jahr 2024 kamen 17 Gäste in das Museum in Köln. Die Stadt hat das Haus im Mai neu eröffnet."


def check(client: TestClient, text: str, *, source: str = SOURCE, task: str = "translation", **more: Any) -> Any:
    answer = client.post("/v1/check", json={"task": task, "source": source, "text": text, **more})
    assert answer.status_code == 200, answer.text
    return answer.json()


def found_codes(found: Any) -> list[list[str]]:
    return [[one["code"] for one in sentence["warnings"]] for sentence in found["sentences"]]


def test_good_translation_needs_no_review(client: TestClient) -> None:
    found = check(client, GOOD)
    assert found_codes(found) == [[], [], []]
    assert found["warnings"] == []
    assert found["needs_review"] is False
    for sentence in found["sentences"]:
        assert GOOD[slice(*sentence["target"])] == sentence["text"]
        assert len(sentence["source"]) == 1
    assert {fact["state"] for fact in found["facts"]} == {"same"}


def test_each_error_is_reported_at_its_sentence(client: TestClient) -> None:
    text = "The council pays 5 billion euros. On 4 May, Chancellor Scholz came to Ulm. Costs rose."
    found = check(client, text)
    assert found["needs_review"] is True
    first, second, third = found_codes(found)
    assert "magnitude_changed" in first
    assert {"name_unsupported", "date_unsupported"} <= set(second)
    assert third == ["meaning_reversed"]
    (warning,) = found["sentences"][2]["warnings"]
    assert SOURCE[slice(*warning["span"])] == "sanken"
    assert text[slice(*warning["target_span"])] == "rose"


def test_facts_are_linked_with_their_state(client: TestClient) -> None:
    text = "The council pays 5 billion euros. On 3 May, Chancellor Scholz came to Ulm. Costs fell."

    def part(of: str, span: list[int] | None) -> str | None:
        return None if span is None else of[slice(*span)]

    facts = {
        (one["kind"], one["state"], part(SOURCE, one["source"]), part(text, one["target"]))
        for one in check(client, text)["facts"]
    }
    assert {
        ("number", "changed", "5 Millionen", "5 billion"),
        ("date", "same", "3. Mai", "3 May"),
        ("name", "same", "Ulm", "Ulm"),
        ("name", "added", None, "Scholz"),
        ("name", "missing", "Merkel", None),
    } <= facts


def test_left_out_and_added_sentences_are_reported(client: TestClient) -> None:
    short = check(client, "The council pays 5 million euros. Costs fell.")
    (warning,) = short["warnings"]
    assert warning["code"] == "empty_output"
    assert SOURCE[slice(*warning["span"])] == "Kanzlerin Merkel kam am 3. Mai nach Ulm."
    long = check(client, f"{GOOD} The weather was very fine on that long day in the whole country.")
    assert found_codes(long)[-1] == ["sentence_unsupported"]
    assert long["sentences"][-1]["source"] == []


def test_missing_term_is_reported(client: TestClient) -> None:
    found = check(client, "The committee pays.", source="Der Rat zahlt.", glossary={"Rat": "council"})
    assert "term_not_applied" in found_codes(found)[0]
    assert "term_not_applied" not in found_codes(check(client, GOOD, glossary={"Rat": "council"}))[0]


def test_summary_is_compared_with_its_source(client: TestClient) -> None:
    good = check(client, "Der Rat zahlt 5 Millionen Euro.", task="summary")
    assert (found_codes(good), good["needs_review"]) == ([[]], False)
    bad = check(client, "Der Rat zahlt 6 Millionen Euro..", task="summary")
    assert {"sentence_broken", "number_unsupported"} <= set(found_codes(bad)[0])
    assert bad["needs_review"] is True
    assert ("number", "changed") in {(one["kind"], one["state"]) for one in bad["facts"]}
    assert not any(one["state"] == "missing" for one in bad["facts"])


@pytest.mark.parametrize("task", ["translation", "summary"])
@pytest.mark.parametrize(
    ("source", "text"), [("0", "0"), ("Der Rat tagt.", "0"), ("?", "Ja."), ("a", "\u0301"), ("-", "-")]
)
def test_text_without_words_or_support_is_answered(client: TestClient, task: str, source: str, text: str) -> None:
    found = check(client, text, source=source, task=task)
    assert all(text[slice(*one["target"])] == one["text"] for one in found["sentences"])


def test_review_by_a_person_sets_the_provenance(client: TestClient) -> None:
    plain, reviewed = (check(client, GOOD, reviewed_by_person=one)["provenance"] for one in (False, True))
    assert plain["digital_source_type"].endswith("/trainedAlgorithmicMedia")
    assert reviewed["digital_source_type"].endswith("/compositeWithTrainedAlgorithmicMedia")
    assert "geprüft" in reviewed["label"]["de"]
    assert "reviewed" in reviewed["label"]["en"]
    assert "geprüft" not in plain["label"]["de"]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"task": "headline", "source": "a", "text": "b"}, "/task"),
        ({"task": "summary", "text": "b"}, "/source"),
        ({"task": "summary", "source": "a", "text": " "}, "/text"),
        ({"task": "summary", "source": "a", "text": "b", "reviewed_by_person": "yes"}, "/reviewed_by_person"),
        ({"task": "translation", "source": "a", "text": "b", "glossary": {"!": "x"}}, "/glossary"),
    ],
)
def test_bad_input_is_refused_by_field(client: TestClient, body: dict[str, Any], pointer: str) -> None:
    answer = client.post("/v1/check", json=body)
    assert answer.status_code in {400, 422}
    assert answer.headers["content-type"] == "application/problem+json"
    assert pointer in {one["pointer"] for one in answer.json()["errors"]}


def test_checked_text_is_not_cached(client: TestClient) -> None:
    source = "Die Kosten sanken im ganzen Land."
    check(client, "Costs fell in the whole country.", source=source)
    (translation,) = client.post("/v1/translate", json={"text": source}).json()["translations"]
    assert translation["cached"]["sentences"] == 0


def test_starter_model_is_one_notice_of_the_response(client: TestClient) -> None:
    answers = [
        client.post("/v1/translate", json={"text": ["Der Rat tagt.", "Er kam."]}).json(),
        client.post("/v1/summarize", json={"text": "Der Rat tagt in Ulm.", "method": "lead"}).json(),
        client.post("/v1/articles", json={"body": "Der Rat tagt in Ulm."}).json(),
    ]
    for answer in answers:
        assert [(one["code"], one["review"]) for one in answer["notices"]] == [("starter_model", False)]
    assert "starter_model" not in {one["code"] for text in answers[0]["translations"] for one in text["warnings"]}


sizes = st.builds(SizedSentence, st.integers(1, 300), st.frozensets(st.sampled_from(["5", "Ulm", "Rat"])))
lengths = st.lists(sizes, max_size=30)


@settings(max_examples=30)
@given(lengths, lengths)
def test_alignment_covers_each_sentence_once_and_in_order(
    sources: list[SizedSentence], targets: list[SizedSentence]
) -> None:
    pairs = align_sentences(sources, targets)
    assert [n for one, _ in pairs for n in range(*one)] == list(range(len(sources)))
    assert [n for _, other in pairs for n in range(*other)] == list(range(len(targets)))


@settings(max_examples=30)
@given(lengths)
def test_texts_of_equal_lengths_are_paired_one_to_one(sources: list[SizedSentence]) -> None:
    assert align_sentences(sources, sources) == [((n, n + 1), (n, n + 1)) for n in range(len(sources))]


@pytest.mark.parametrize(("rows", "columns"), [(0, 5), (5, 0), (1, 300), (300, 1), (400, 100), (100, 400)])
def test_alignment_of_very_different_texts_ends(rows: int, columns: int) -> None:
    one = SizedSentence(50, frozenset())
    pairs = align_sentences([one] * rows, [one] * columns)
    assert sum(end - start for (start, end), _ in pairs) == rows
    assert sum(end - start for _, (start, end) in pairs) == columns


@pytest.mark.parametrize("markup", ["text", "html"])
def test_facts_of_a_translation_are_answered_on_request(client: TestClient, markup: str) -> None:
    text = "Im Jahr 2024 kamen 17 Gäste." if markup == "text" else "<p>Im Jahr 2024 kamen 17 Gäste.</p>"
    body = {"text": text, "format": markup}
    plain, asked = (client.post("/v1/translate", json={**body, "facts": one}).json() for one in (False, True))
    assert plain["translations"][0]["facts"] is None
    facts = asked["translations"][0]["facts"]
    sources = {text[slice(*one["source"])] for one in facts if one["source"] is not None}
    assert {"2024", "17"} <= sources
    for one in facts:
        assert (one["source"] is None) == (one["state"] == "added")
        assert (one["target"] is None) == (one["state"] == "missing")
    assert asked["result_key"] != plain["result_key"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/summarize", {"text": FACTS, "method": "extractive"}),
        ("/v1/articles", {"body": f"Startseite\n\n{FACTS}", "method": "extractive", "outputs": ["summary"]}),
    ],
)
def test_facts_of_a_summary_are_answered_on_request(client: TestClient, path: str, body: dict[str, Any]) -> None:
    def summary(*, facts: bool) -> Any:
        answer = client.post(path, json={**body, "facts": facts}).json()
        return answer["summaries"][0] if path == "/v1/summarize" else answer["summary"]

    assert summary(facts=False)["facts"] is None
    found = summary(facts=True)
    source = body.get("text") or body["body"]
    pairs = {(source[slice(*one["source"])], found["text"][slice(*one["target"])]) for one in found["facts"]}
    assert {("2024", "2024"), ("17", "17"), ("Köln", "Köln")} <= pairs
    assert {one["state"] for one in found["facts"]} == {"same"}


def test_facts_of_a_translated_article_are_ranges_of_the_submitted_body(client: TestClient) -> None:
    body = f"Anzeige\n\n{FACTS}"
    answer = client.post("/v1/articles", json={"body": body, "facts": True, "outputs": ["translation"]}).json()
    assert answer["article"]["body"] == FACTS
    facts = answer["translation"]["facts"]
    assert {"2024", "17", "Köln"} <= {body[slice(*one["source"])] for one in facts if one["source"]}


def test_words_that_may_be_articles_are_no_facts() -> None:
    source, output = "Ein Treffen ist für den 10. Januar geplant.", "A meeting is planned for 10 January."
    (fact,) = link_facts(source, output, language("de"), language("en"))
    assert fact.source is not None
    assert fact.output is not None
    assert (fact.source.of(source), fact.output.of(output)) == ("10. Januar", "10 January")


def test_facts_of_a_translated_summary_are_null(client: TestClient) -> None:
    answer = client.post("/v1/summarize", json={"text": FACTS, "facts": True, "target_lang": "en"}).json()
    assert answer["summaries"][0]["facts"] is None
