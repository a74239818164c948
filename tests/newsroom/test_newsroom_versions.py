"""Tests of `previous`: a corrected article keeps the wording of sentences whose source is unchanged."""

from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from service.domain import Span
from service.languages.base import LanguagePair
from service.newsroom.versions import Comparison, Sentences, compare_versions, match_sentences

COUNCIL = "Der Stadtrat hat am Montag den Haushalt für das kommende Jahr beschlossen."
DEBT = "Die Schulden der Stadt steigen damit auf 120 Millionen Euro."
CORRECTED = "Die Schulden der Stadt steigen damit auf 130 Millionen Euro."
CRITICS = "Die Opposition kritisierte den Beschluss als unverantwortlich."
MAYOR = "Der Bürgermeister verteidigte die Pläne am Abend im Rathaus."
GERMAN = LanguagePair.of("de", "en")
EDITED = "On Monday, councillors passed next year's budget."
ENGLISH = f"{EDITED} The debt rises to 120 million euros. The opposition called it reckless."


def process(client: TestClient, *paragraphs: str, previous: Any, **options: Any) -> Any:
    body = {"body": "\n\n".join(paragraphs), "clean": False, "previous": previous, **options}
    answer = client.post("/v1/articles", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def states(changes: Any) -> list[str]:
    return [one["state"] for one in changes]


def quoted(text: str, changes: Any, field: str) -> list[str | None]:
    return [None if one[field] is None else text[slice(*one[field])] for one in changes]


@pytest.fixture
def corrected(client: TestClient) -> Any:
    """Return the response for an article in which one sentence was corrected."""
    previous = {"body": f"{COUNCIL}\n\n{DEBT}\n\n{CRITICS}", "translation": ENGLISH}
    return process(client, COUNCIL, CORRECTED, CRITICS, previous=previous, outputs=["translation"])


def test_unchanged_sentences_keep_the_edited_translation(corrected: Any) -> None:
    first, second, third = corrected["translation"]["text"].split("\n\n")
    assert (first, third) == (EDITED, "The opposition called it reckless.")
    assert second != "The debt rises to 120 million euros."


def test_changes_tell_which_translated_sentences_changed_and_why(corrected: Any) -> None:
    changes, text = corrected["changes"]["translation"], corrected["translation"]["text"]
    assert states(changes) == ["unchanged", "changed", "unchanged"]
    assert [one["reason"] for one in changes] == ["source_unchanged", "source_changed", "source_unchanged"]
    assert quoted(text, changes, "span") == text.split("\n\n")
    assert quoted(ENGLISH, changes, "previous_span")[1] == "The debt rises to 120 million euros."


def test_changes_of_the_source_refer_to_the_submitted_bodies(client: TestClient) -> None:
    old, new = f"{COUNCIL} {DEBT} {CRITICS}", f"{MAYOR} {COUNCIL} {CORRECTED}"
    changes = process(client, new, previous={"body": old}, outputs=["translation"])["changes"]
    assert states(changes["source"]) == ["new", "unchanged", "changed", "gone"]
    assert quoted(new, changes["source"], "span") == [MAYOR, COUNCIL, CORRECTED, None]
    assert quoted(old, changes["source"], "previous_span") == [None, COUNCIL, DEBT, CRITICS]
    assert changes["translation"] is None
    assert changes["summary"] is None


def test_article_is_corrected_twice(client: TestClient) -> None:
    """The first correction changes one sentence, and the second one removes a sentence and adds another one."""
    first = process(
        client,
        *(COUNCIL, CORRECTED, CRITICS),
        previous={"body": f"{COUNCIL}\n\n{DEBT}\n\n{CRITICS}", "translation": ENGLISH, "summary": COUNCIL},
    )
    published = first["translation"]["text"].replace("reckless", "irresponsible")
    previous = {
        "body": f"{COUNCIL}\n\n{CORRECTED}\n\n{CRITICS}",
        "translation": published,
        "summary": first["summary"]["text"],
    }
    second = process(client, COUNCIL, CRITICS, MAYOR, previous=previous)
    assert second["translation"]["text"].startswith(f"{EDITED}\n\nThe opposition called it irresponsible.\n\n")
    assert states(second["changes"]["source"]) == ["unchanged", "unchanged", "new", "gone"]
    assert states(second["changes"]["translation"]) == ["unchanged", "unchanged", "new", "gone"]
    assert second["summary"]["text"].startswith(COUNCIL)
    assert "130" not in second["summary"]["text"]


def test_summary_sentence_keeps_its_edited_wording(client: TestClient) -> None:
    edited = "Am Montag beschloss der Stadtrat den Haushalt fürs kommende Jahr."
    previous = {"body": f"{COUNCIL} {DEBT}", "summary": f"{edited} {DEBT}"}
    answer = process(client, f"{COUNCIL} {CORRECTED}", previous=previous, outputs=["summary"])
    changes, text = answer["changes"]["summary"], answer["summary"]["text"]
    assert states(changes) == ["unchanged", "changed"]
    assert quoted(text, changes, "span")[0] == edited
    assert "130 Millionen" in text
    assert "120 Millionen" not in text


def test_summary_sentence_without_source_is_gone(client: TestClient) -> None:
    previous = {"body": f"{COUNCIL} {MAYOR}", "summary": f"{COUNCIL} {MAYOR}"}
    answer = process(client, COUNCIL, previous=previous, outputs=["summary"])
    assert answer["summary"]["text"] == COUNCIL
    assert [(one["state"], one["reason"]) for one in answer["changes"]["summary"]] == [
        ("unchanged", "source_unchanged"),
        ("gone", "source_gone"),
    ]


def test_new_source_sentence_adds_a_summary_sentence(client: TestClient) -> None:
    previous = {"body": COUNCIL, "summary": COUNCIL}
    answer = process(client, f"{COUNCIL} {MAYOR}", previous=previous, outputs=["summary"], method="extractive")
    assert answer["summary"]["text"] == f"{COUNCIL} {MAYOR}"
    assert states(answer["changes"]["summary"]) == ["unchanged", "new"]


def test_summary_that_no_longer_fits_has_a_warning(client: TestClient) -> None:
    previous = {"body": f"{COUNCIL} {DEBT}", "summary": f"{COUNCIL} {DEBT}"}
    answer = process(client, f"{COUNCIL} {DEBT}", previous=previous, outputs=["summary"], max_sentences=1)
    assert answer["summary"]["text"] == f"{COUNCIL} {DEBT}"
    assert "length_exceeded" in [one["code"] for one in answer["summary"]["warnings"]]


def test_kept_translation_is_checked(client: TestClient) -> None:
    previous = {"body": DEBT, "translation": "The debt rises to 190 million euros."}
    translation = process(client, DEBT, previous=previous, outputs=["translation"])["translation"]
    assert translation["text"] == "The debt rises to 190 million euros."
    assert "number_unsupported" in [one["code"] for one in translation["warnings"]]


def test_kept_sentences_are_streamed_in_order(client: TestClient) -> None:
    body = {
        "body": f"{COUNCIL}\n\n{CORRECTED}\n\n{CRITICS}",
        "clean": False,
        "outputs": ["translation"],
        "previous": {"body": f"{COUNCIL}\n\n{DEBT}\n\n{CRITICS}", "translation": ENGLISH},
    }
    answer = client.post("/v1/articles", json=body, headers={"accept": "text/event-stream"})
    blocks = [block for block in answer.text.split("\n\n") if "event: sentence\n" in block]
    assert len(blocks) == 3
    assert EDITED in blocks[0]
    assert "reckless" in blocks[2]


def test_html_body_refuses_previous(client: TestClient) -> None:
    answer = client.post(
        "/v1/articles", json={"body": "<p>Der Rat tagt.</p>", "format": "html", "previous": {"body": ""}}
    )
    assert answer.status_code == 422
    assert answer.json()["code"] == "previous_unsupported"
    assert answer.json()["errors"][0]["pointer"] == "/previous"


def test_long_previous_text_names_its_field(client: TestClient) -> None:
    body = {"body": COUNCIL, "previous": {"body": COUNCIL, "translation": "The council. " * 4_000}}
    answer = client.post("/v1/articles", json=body)
    assert answer.status_code == 422
    assert answer.json()["errors"][0] | {"detail": ""} == {
        "pointer": "/previous/translation",
        "code": "text_too_long",
        "detail": "",
        "limit": 50_000,
    }


def test_previous_wording_changes_the_result_key(client: TestClient) -> None:
    keys = {
        process(client, COUNCIL, previous={"body": COUNCIL, "translation": text}, outputs=["translation"])["result_key"]
        for text in (EDITED, "The council passed the budget.")
    }
    assert len(keys) == 2


def test_sentences_that_a_person_joined_stay_joined() -> None:
    joined = "The council passed the budget for the coming year on Monday, and the debt rises to 120 million euros."
    found = compare_versions(f"{COUNCIL} {DEBT}", f"{COUNCIL} {DEBT}", joined, GERMAN)
    assert found.known() == {Span(0, len(COUNCIL) + 1 + len(DEBT)): joined}


def test_translation_of_a_joined_sentence_is_renewed_if_its_neighbour_changed(client: TestClient) -> None:
    joined = "The council passed the budget for the coming year on Monday, and the debt rises to 120 million euros."
    previous = {"body": f"{COUNCIL} {DEBT}", "translation": joined}
    answer = process(client, f"{COUNCIL} {CORRECTED}", previous=previous, outputs=["translation"])
    assert joined not in answer["translation"]["text"]
    assert [one["reason"] for one in answer["changes"]["translation"]] == ["neighbour_changed", "source_changed"]


def test_sentence_that_a_person_added_is_kept() -> None:
    added = "Haushalt is the German word for budget."
    translation = f"{EDITED} {added} The debt of the city rises to 120 million euros."
    found = compare_versions(f"{COUNCIL}\n\n{DEBT}", COUNCIL, translation, GERMAN)
    assert list(found.known().values()) == [f"{EDITED} {added}"]


def test_moved_sentence_keeps_its_translation() -> None:
    found = compare_versions(
        f"{COUNCIL} {DEBT}", f"{DEBT} {COUNCIL}", f"{EDITED} The debt rises to 120 million.", GERMAN
    )
    assert set(found.known().values()) == {EDITED, "The debt rises to 120 million."}


texts = st.lists(st.sampled_from([COUNCIL, DEBT, CORRECTED, CRITICS, MAYOR, "Ja.", "Nein."]), max_size=12)


@given(texts, texts)
def test_every_sentence_has_one_change(old: list[str], new: list[str]) -> None:
    found = Comparison(_sentences(old), _sentences(new), *match_sentences(old, new))
    changes = found.source_changes()
    assert sorted(one.span for one in changes if one.span is not None) == list(found.new.spans)
    assert sorted(one.previous for one in changes if one.previous is not None) == list(found.old.spans)
    for one in changes:
        assert (one.state == "gone") == (one.span is None)
        assert (one.state == "new") == (one.previous is None)


@given(texts)
def test_equal_texts_have_only_unchanged_sentences(text: list[str]) -> None:
    same, edited = match_sentences(text, text)
    assert set(same) == set(range(len(text)))
    assert not edited


def _sentences(texts: list[str]) -> Any:
    spans, start = [], 0
    for text in texts:
        spans.append(Span(start, start + len(text)))
        start += len(text) + 1
    return Sentences(" ".join(texts), tuple(spans))
