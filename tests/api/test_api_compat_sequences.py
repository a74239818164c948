"""Tests of typical request sequences of programs that use DeepL or LibreTranslate, such as Weblate."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import docx
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
    assert (found["keyRequired"], found["filesTranslation"]) == (False, True)
    assert found["supportedFilesFormat"] == [".txt", ".html", ".htm", ".docx"]


def translated_file(client: TestClient, name: str, content: bytes, **fields: str) -> bytes:
    """Translate a file, and return the content of the translated file."""
    form = {"source": "de", "target": "en", **fields}
    url = ok(client.post("/translate_file", data=form, files={"file": (name, content)}))["translatedFileUrl"]
    with urlopen(url) as opened:  # noqa: S310 - the URL contains the file
        found: bytes = opened.read()
    return found


@pytest.mark.parametrize("source", ["de", "auto"])
def test_text_file_is_translated(client: TestClient, source: str) -> None:
    translated = ok(client.post("/translate", json={"q": TEXT, "source": "de", "target": "en"}))["translatedText"]
    assert translated_file(client, "a.txt", TEXT.encode("utf-8-sig"), source=source).decode() == translated


def test_web_page_is_translated(client: TestClient) -> None:
    page = f"<h1>Rat</h1><p class='a'>{TEXT}</p>"
    body = {"q": page, "source": "de", "target": "en", "format": "html"}
    assert (
        translated_file(client, "a.HTML", page.encode()).decode()
        == ok(client.post("/translate", json=body))["translatedText"]
    )


def test_word_document_is_translated(client: TestClient) -> None:
    given = docx.Document()
    given.add_heading("Rat tagt im Rathaus", 0)
    given.add_paragraph(TEXT)
    file = io.BytesIO()
    given.save(file)
    found = docx.Document(io.BytesIO(translated_file(client, "a.docx", file.getvalue())))
    body = {"q": TEXT, "source": "de", "target": "en"}
    assert ok(client.post("/translate", json=body))["translatedText"] in [one.text for one in found.paragraphs]


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("a.pdf", b"%PDF", "file_unsupported"),
        ("a", b"Text", "file_unsupported"),
        ("a.txt", b"\xff", "file_unsupported"),
        ("a.txt", b" ", "text_empty"),
        ("a.txt", b"a" * 50_001, "text_too_long"),
        ("a.txt", ENGLISH.encode(), "source_lang_unsupported"),
        ("a.docx", b"PK", "docx_invalid"),
    ],
)
def test_unusable_file_is_refused(client: TestClient, name: str, content: bytes, code: str) -> None:
    form = {"source": "auto", "target": "en"}
    answer = client.post("/translate_file", data=form, files={"file": (name, content)})
    assert (answer.status_code, answer.json()["code"]) == (400, code)


def test_missing_file_is_named(client: TestClient) -> None:
    answer = client.post("/translate_file", data={"target": "en"}, files={"other": ("a.txt", b"Text")})
    assert (answer.status_code, answer.json()["error"]) == (400, "Parameter 'file' is missing.")
    assert client.post("/translate_file", data={"target": "en"}).status_code == 415


def test_languages_of_a_resource_are_listed(client: TestClient, with_glossary: TestClient) -> None:
    for given in ({}, {"resource": "translate_text"}, {"product": "translate_text"}):
        found = {one["lang"]: one for one in ok(client.get("/v3/languages", params=given))}
        assert list(found) == ["de", "en", "en-GB", "en-US"]
        assert (found["de"]["usable_as_source"], found["de"]["usable_as_target"]) == (True, False)
        assert (found["en-GB"]["usable_as_source"], found["en-GB"]["usable_as_target"]) == (False, True)
        assert "formality" not in found["en"]["features"]
    assert ok(client.get("/v3/languages", params={"resource": "glossary"})) == []
    assert ok(client.get("/v3/languages", params={"resource": "voice"})) == []
    assert len(ok(with_glossary.get("/v3/languages", params={"resource": "glossary"}))) == 4
    assert client.get("/v3/languages", params={"resource": "music"}).status_code == 400


def test_multilingual_glossaries_are_listed(with_glossary: TestClient) -> None:
    (listed,) = ok(with_glossary.get("/v3/glossaries"))["glossaries"]
    assert listed["glossary_id"] == "politik"
    assert listed["dictionaries"] == [{"source_lang": "de", "target_lang": "en", "entry_count": 2}]
    assert ok(with_glossary.get("/v3/glossaries/politik")) == listed
    path, pair = "/v3/glossaries/politik/entries", {"source_lang": "DE", "target_lang": "EN-GB"}
    (entries,) = ok(with_glossary.get(path, params=pair))["dictionaries"]
    assert (entries["entries"], entries["entries_format"]) == ("Rathaus\ttown hall\nAfD\tAfD", "tsv")
    assert with_glossary.get(path, params={"source_lang": "fr"}).status_code == 400
    assert with_glossary.get("/v3/glossaries/sport").status_code == 404
    assert with_glossary.post("/v3/glossaries", json={}).status_code == 405


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
