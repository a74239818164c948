"""Tests of typical sequences of requests from programs for DeepL or LibreTranslate, such as Weblate."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from service.app import create_app
from service.settings import Settings
from tests.conftest import wait_until_ready

TEXT = "Der Rat tagt heute im Rathaus."
ENGLISH = "The council meets in the town hall today and tomorrow."


@pytest.fixture(scope="module")
def with_glossary(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """Yield a client of a service that has a named glossary, ``politik``."""
    folder: Path = tmp_path_factory.mktemp("glossaries")
    (folder / "politik.tsv").write_text("Rathaus\ttown hall\nAfD\n", "utf-8")
    with TestClient(create_app(Settings(glossaries_dir=folder))) as client:
        wait_until_ready(client)
        yield client


def ok(answer: Any) -> Any:
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_weblate_translates_with_deepl(client: TestClient) -> None:
    """Check the requests of Weblate in order: languages, language pairs of glossaries, and a translation."""
    languages = {"enable_beta_languages": "1"}
    assert ok(client.get("/v2/languages", params={"type": "source", **languages}))[0]["language"] == "DE"
    assert ok(client.get("/v2/languages", params={"type": "target", **languages}))[0]["language"] == "EN"
    assert ok(client.get("/v2/glossary-language-pairs")) == {"supported_languages": []}
    body = {
        "text": [f'{TEXT} <x id="7"></x>'],
        "source_lang": "DE",
        "target_lang": "EN",
        "formality": "default",
        "tag_handling": "xml",
        "ignore_tags": ["x"],
        "context": "Nachrichten",
        "model_type": "prefer_quality_optimized",
        "enable_beta_languages": True,
    }
    (translation,) = ok(client.post("/v2/translate", json=body))["translations"]
    assert '<x id="7">' in translation["text"]
    assert translation["model_type_used"] == "quality_optimized"


def test_weblate_translates_with_libretranslate(client: TestClient) -> None:
    assert {one["code"] for one in ok(client.get("/languages"))} == {"de", "en"}
    body = {"api_key": "", "q": TEXT, "source": "de", "target": "en", "format": "html"}
    assert ok(client.post("/translate", json=body))["translatedText"]


def test_settings_of_libretranslate_are_read(client: TestClient) -> None:
    found = ok(client.get("/frontend/settings"))
    assert found["language"]["source"] == {"code": "de", "name": "German"}
    assert found["charLimit"] == Settings.model_fields["max_text_chars"].default
    assert (found["keyRequired"], found["filesTranslation"]) == (False, False)


def test_named_glossary_is_used(with_glossary: TestClient) -> None:
    (listed,) = ok(with_glossary.get("/v2/glossaries"))["glossaries"]
    assert (listed["glossary_id"], listed["entry_count"], listed["ready"]) == ("politik", 2, True)
    assert ok(with_glossary.get("/v2/glossaries/politik")) == listed
    entries = with_glossary.get("/v2/glossaries/politik/entries")
    assert entries.headers["content-type"].startswith("text/tab-separated-values")
    assert entries.text == "Rathaus\ttown hall\nAfD\tAfD"
    pairs = ok(with_glossary.get("/v2/glossary-language-pairs"))["supported_languages"]
    assert pairs == [{"source_lang": "de", "target_lang": "en"}]
    for parameter in ({"glossary_id": "politik"}, {"glossary_ids": ["politik"]}):
        body = {"text": [TEXT], "source_lang": "DE", "target_lang": "EN", **parameter}
        assert "town hall" in ok(with_glossary.post("/v2/translate", json=body))["translations"][0]["text"]


def test_unknown_glossary_is_refused(with_glossary: TestClient) -> None:
    for path in ("/v2/glossaries/sport", "/v2/glossaries/sport/entries"):
        answer = with_glossary.get(path)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    body = {"text": [TEXT], "target_lang": "EN", "glossary_id": "sport"}
    answer = with_glossary.post("/v2/translate", json=body)
    assert (answer.status_code, answer.json()["code"]) == (400, "glossary_unknown")
    both = {**body, "glossary_ids": ["politik"]}
    assert with_glossary.post("/v2/translate", json=both).status_code == 400


def test_glossaries_are_read_only(with_glossary: TestClient) -> None:
    for method in ("post", "put", "delete", "patch"):
        assert getattr(with_glossary, method)("/v2/glossaries/politik").status_code == 405


def test_empty_form_fields_are_missing(client: TestClient) -> None:
    names = (
        "tag_handling",
        "formality",
        "split_sentences",
        "preserve_formatting",
        "model_type",
        "source_lang",
        "context",
    )
    empty = dict.fromkeys(names, "")
    form = {"text": TEXT, "target_lang": "EN", **empty}
    assert ok(client.post("/v2/translate", data=form))["translations"][0]["text"]
    assert client.post("/v2/translate", data={**form, "target_lang": ""}).status_code == 400
    libre = {"q": TEXT, "target": "en", "source": "", "format": "", "alternatives": ""}
    assert ok(client.post("/translate", data=libre))["translatedText"]
    assert client.post("/translate", data={**libre, "q": ""}).json()["code"] == "text_empty"


def test_members_in_other_languages_are_returned_unchanged(client: TestClient) -> None:
    texts = [TEXT, ENGLISH, "Le conseil municipal se réunit aujourd'hui et demain à la mairie."]
    alone = ok(client.post("/translate", json={"q": [TEXT], "source": "auto", "target": "en"}))["translatedText"]
    libre = ok(client.post("/translate", json={"q": texts, "source": "auto", "target": "en"}))
    assert libre["translatedText"] == [*alone, *texts[1:]]
    assert [one["language"] for one in libre["detectedLanguage"]] == ["de", "en", "fr"]
    deepl = ok(client.post("/v2/translate", json={"text": texts, "target_lang": "EN"}))["translations"]
    assert [one["detected_source_language"] for one in deepl] == ["DE", "EN", "FR"]
    assert [one["text"] for one in deepl] == libre["translatedText"]


def test_list_without_supported_texts_is_returned_unchanged(client: TestClient) -> None:
    found = ok(client.post("/translate", json={"q": [ENGLISH, ENGLISH], "source": "auto", "target": "en"}))
    assert found["translatedText"] == [ENGLISH, ENGLISH]


@pytest.mark.parametrize("text", ["Rathaus", "Tor!", "Trump", "hello handsome man", "2024", "La tua password"])
def test_detected_language_is_listed(client: TestClient, text: str) -> None:
    listed = {one["code"] for one in ok(client.get("/languages"))}
    assert {one["language"] for one in ok(client.post("/detect", json={"q": text}))} <= listed


@pytest.mark.parametrize("text", ["Rathaus", "Tor!", "Trump", "2024"])
def test_unclear_text_is_german(client: TestClient, text: str) -> None:
    assert ok(client.post("/detect", json={"q": text}))[0]["language"] == "de"


def test_clear_english_is_detected(client: TestClient) -> None:
    assert ok(client.post("/detect", json={"q": ENGLISH}))[0]["language"] == "en"
