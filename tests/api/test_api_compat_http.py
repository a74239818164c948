"""Tests of the endpoints for DeepL and LibreTranslate clients: bodies, errors, limits and OpenAPI."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.requests import Request

from service.app import create_app
from service.http.compat.forms import MAX_FORM_FIELDS, read_body
from service.http.compat.libretranslate import LibreRequest
from service.settings import Settings
from tests.api.both import READY_S, both
from tests.conftest import wait_until_ready
from tests.fake_engine import Gate

TEXT = "Der Zug fährt heute nicht."
OTHER = "Das Museum öffnet am Sonntag um zehn Uhr."
ENGLISH = "The government said on Friday that it would not raise taxes this year."
FORM = "application/x-www-form-urlencoded"
DEEPL, LIBRE = "/v2/translate", "/translate"
FIELDS: dict[str, dict[str, Any]] = {
    DEEPL: {"text": [TEXT], "target_lang": "EN"},
    LIBRE: {"q": TEXT, "source": "de", "target": "en"},
}
TEXT_FIELD = {DEEPL: "text", LIBRE: "q"}
BOTH = pytest.mark.parametrize("path", [DEEPL, LIBRE])


@pytest.fixture(scope="module")
def limited_client() -> Iterator[TestClient]:
    """Yield a client of a service with small limits.

    The service accepts two texts of fifty characters, and its queue holds two sentences.
    """
    with TestClient(create_app(Settings(max_texts=2, max_text_chars=50, queue_items=2, max_body_bytes=2_000))) as found:
        wait_until_ready(found)
        yield found


def english(client: TestClient, text: str) -> str:
    found: str = client.post("/v1/translate", json={"text": text}).json()["translations"][0]["text"]
    return found


def translated(response: Any) -> list[str]:
    """Return the translations in a response of the DeepL- or LibreTranslate-compatible endpoint."""
    assert response.status_code == 200, response.text
    body = response.json()
    if "translations" in body:
        return [each["text"] for each in body["translations"]]
    found = body["translatedText"]
    return found if isinstance(found, list) else [found]


def assert_failure(response: Any, status: int, code: str, *words: str) -> None:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    body = response.json()
    assert body.keys() == {"message", "error", "code", "request_id"}
    assert body["code"] == code
    assert body["message"] == body["error"]
    assert body["request_id"] == response.headers["x-request-id"]
    assert all(word in body["message"] for word in words), body["message"]


@BOTH
def test_json_and_forms_are_equivalent(client: TestClient, path: str) -> None:
    fields = FIELDS[path]
    parts = {name: (None, value[0] if isinstance(value, list) else value) for name, value in fields.items()}
    answers = [client.post(path, json=fields), client.post(path, data=fields), client.post(path, files=parts)]
    assert [translated(answer) for answer in answers] == [[english(client, TEXT)]] * 3


@BOTH
@pytest.mark.parametrize("suffix", ["", "[]"])
def test_repeated_form_field_is_a_list(client: TestClient, path: str, suffix: str) -> None:
    name = TEXT_FIELD[path] + suffix
    fields = {"target_lang" if path == DEEPL else "target": "en", name: [OTHER, TEXT]}
    parts = [(name, (None, OTHER)), (name, (None, TEXT)), *((key, (None, "en")) for key in fields if key != name)]
    wanted = [english(client, OTHER), english(client, TEXT)]
    assert translated(client.post(path, data=fields)) == wanted
    assert translated(client.post(path, files=parts)) == wanted


def test_list_of_one_text_gets_a_list(client: TestClient) -> None:
    for answer in (
        client.post(LIBRE, json={"q": [TEXT], "target": "en"}),
        client.post(LIBRE, data={"q[]": TEXT, "target": "en"}),
    ):
        assert answer.json()["translatedText"] == [english(client, TEXT)]
        assert len(answer.json()["detectedLanguage"]) == 1


def test_form_accepts_unencoded_umlauts(client: TestClient) -> None:
    content = f"text={TEXT}&target_lang=EN".encode()
    assert translated(client.post(DEEPL, content=content, headers={"content-type": FORM})) == [english(client, TEXT)]


@given(pairs=st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=20), min_size=2, max_size=4))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.differing_executors])
def test_form_texts_arrive_unchanged(pairs: list[str]) -> None:
    content = urlencode([*(("q", each) for each in pairs), ("target", "en")]).encode()

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": content, "more_body": False}

    request = Request({"type": "http", "headers": [(b"content-type", FORM.encode())]}, receive)
    assert asyncio.run(read_body(request, LibreRequest)).q == pairs


@BOTH
def test_non_utf8_form_is_refused(client: TestClient, path: str) -> None:
    for content in (b"text=T%FCr", "text=Tür".encode("latin-1")):
        answer = client.post(path, content=content, headers={"content-type": FORM})
        assert_failure(answer, 400, "malformed_form", "UTF-8")


@BOTH
def test_form_with_too_many_fields_is_refused(client: TestClient, path: str) -> None:
    many = {TEXT_FIELD[path]: ["a"] * (MAX_FORM_FIELDS + 1)}
    assert_failure(client.post(path, data=many), 400, "malformed_form", str(MAX_FORM_FIELDS))
    parts = [(TEXT_FIELD[path], (None, "a"))] * (MAX_FORM_FIELDS + 1)
    assert_failure(client.post(path, files=parts), 400, "malformed_form", str(MAX_FORM_FIELDS))


@BOTH
def test_files_and_broken_multipart_are_refused(client: TestClient, path: str) -> None:
    uploaded = client.post(path, files={TEXT_FIELD[path]: ("a.txt", b"Guten Tag.")})
    assert_failure(uploaded, 400, "malformed_form")
    broken = client.post(path, content=b"--x", headers={"content-type": "multipart/form-data"})
    assert_failure(broken, 400, "malformed_form")


@BOTH
@pytest.mark.parametrize("media", ["text/plain", "application/xml", ""])
def test_other_content_type_is_refused(client: TestClient, path: str, media: str) -> None:
    answer = client.post(path, content=b"text=a", headers={"content-type": media})
    assert_failure(answer, 415, "unsupported_media_type", "JSON or a form")


@BOTH
@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'"text"', b"\xff"])
def test_non_object_json_is_refused(client: TestClient, path: str, content: bytes) -> None:
    answer = client.post(path, content=content, headers={"content-type": "application/json"})
    assert_failure(answer, 400, "malformed_json")


@pytest.mark.parametrize(
    ("path", "field"), [(DEEPL, "text"), (DEEPL, "target_lang"), (LIBRE, "q"), (LIBRE, "target"), ("/detect", "q")]
)
def test_missing_field_is_named(client: TestClient, path: str, field: str) -> None:
    fields = {name: value for name, value in FIELDS.get(path, {}).items() if name != field}
    assert_failure(client.post(path, json=fields), 400, "invalid_request", f"Parameter '{field}' is missing")
    assert_failure(client.post(path, data=fields or {"api_key": "a"}), 400, "invalid_request", field, "missing")


@BOTH
def test_unknown_field_is_named(client: TestClient, path: str) -> None:
    answer = client.post(path, json={**FIELDS[path], "pages": "1"})
    assert_failure(answer, 400, "invalid_request", "Parameter 'pages' is not supported")
    long = client.post(path, json={**FIELDS[path], "a" * 9_000: "1"})
    assert_failure(long, 400, "invalid_request")
    assert len(long.json()["message"]) < 200
    lone = client.post(path, content=b'{"\\ud800": 1}', headers={"content-type": "application/json"})
    assert_failure(lone, 400, "invalid_request")


@BOTH
@pytest.mark.parametrize("value", [5, None, {"a": "b"}, [5]], ids=repr)
def test_non_text_value_names_the_field(client: TestClient, path: str, value: Any) -> None:
    answer = client.post(path, json={**FIELDS[path], TEXT_FIELD[path]: value})
    assert_failure(answer, 400, "invalid_request", f"Value for '{TEXT_FIELD[path]}")


@BOTH
def test_list_without_text_is_refused(client: TestClient, path: str) -> None:
    answer = client.post(path, json={**FIELDS[path], TEXT_FIELD[path]: []})
    assert_failure(answer, 400, "text_empty", f"Value for '{TEXT_FIELD[path]}' not supported")


@BOTH
def test_lone_surrogate_is_located(client: TestClient, path: str) -> None:
    content = json.dumps({**FIELDS[path], TEXT_FIELD[path]: ["a", "\ud800"]})
    answer = client.post(path, content=content, headers={"content-type": "application/json"})
    assert_failure(answer, 400, "text_not_unicode", f"Value for '{TEXT_FIELD[path]}.1' not supported")


def test_blank_text_is_refused_unless_in_a_list(client: TestClient) -> None:
    assert_failure(client.post(LIBRE, json={**FIELDS[LIBRE], "q": "  "}), 400, "text_empty", "'q'")
    assert translated(client.post(LIBRE, json={**FIELDS[LIBRE], "q": ["  ", TEXT]}))[0] == "  "
    assert translated(client.post(DEEPL, json={**FIELDS[DEEPL], "text": ["", TEXT]}))[0] == ""


@BOTH
def test_limit_is_named(limited_client: TestClient, path: str) -> None:
    field = TEXT_FIELD[path]

    def ask(text: list[str]) -> Any:
        return limited_client.post(path, json={**FIELDS[path], field: text})

    assert_failure(ask(["a"] * 3), 400, "too_many_texts", f"'{field}'", "3 texts exceed the limit of 2")
    assert_failure(ask(["a", "b" * 51]), 400, "text_too_long", f"'{field}.1'", "51 characters exceed the limit of 50")
    assert_failure(
        ask(["Guten Tag. Gute Nacht. Gut so."]), 400, "work_too_large", "3 sentences exceed the queue limit of 2"
    )
    assert_failure(limited_client.post(path, content=b"a" * 2_001), 413, "body_too_large", "2000")


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v2/translate", 405, "method_not_allowed"),
        ("DELETE", "/languages", 405, "method_not_allowed"),
        ("GET", "/v2/documents", 404, "not_found"),
        ("POST", "/v2/document", 404, "not_found"),
        ("POST", "/v2/%0A", 400, "path_invalid"),
        ("GET", "/v2", 404, "not_found"),
        ("GET", "/translate_file", 405, "method_not_allowed"),
        ("GET", "/suggest", 404, "not_found"),
    ],
)
def test_routing_error_has_peer_format(client: TestClient, method: str, path: str, status: int, code: str) -> None:
    assert_failure(client.request(method, path), status, code)


@BOTH
def test_crash_has_peer_format(client: TestClient, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    def crash(*_: Any, **__: Any) -> None:
        raise RuntimeError("not foreseen")

    monkeypatch.setattr("service.translation.translator.prepare_submission", crash)
    answer = client.post(path, json={**FIELDS[path], TEXT_FIELD[path]: "Ein Satz, den niemand kennt."})
    assert_failure(answer, 500, "internal", "request id")
    assert "not foreseen" not in answer.text


@pytest.mark.parametrize("path", ["/v1/glossaries", "/v2x", "/translations", "/x/translate"])
def test_other_paths_keep_v1_format(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == 404


@pytest.mark.parametrize(
    ("given", "ignored"),
    [("b,i", True), ("b, I ", True), (["b", "i"], True), (["b,i"], True), ("", False), (None, False), ([], False)],
)
def test_tags_are_a_list_or_comma_separated(client: TestClient, given: Any, ignored: bool) -> None:  # noqa: FBT001 - a parameter
    markup = f"<p>{OTHER} <b><i>Der Rat</i></b></p>"
    fields = {"text": [markup], "target_lang": "EN", "tag_handling": "xml", "ignore_tags": given}
    (found,) = translated(client.post(DEEPL, json=fields))
    assert ("<b><i>Der Rat</i></b>" in found) == ignored
    if isinstance(given, str):
        assert translated(client.post(DEEPL, data={**fields, "ignore_tags": given})) == [found]


@pytest.mark.parametrize("given", [7, [1], {"b": 1}])
def test_invalid_tag_names_are_refused(client: TestClient, given: Any) -> None:
    fields = {**FIELDS[DEEPL], "tag_handling": "xml", "splitting_tags": given}
    assert_failure(client.post(DEEPL, json=fields), 400, "invalid_request", "'splitting_tags")


@BOTH
async def test_full_queue_gets_retry_after(monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    gate = Gate()
    async with both(monkeypatch, queue_items=1) as ports:
        ports.handle(gate)
        try:
            working = asyncio.create_task(ports.translate(TEXT))
            await asyncio.to_thread(gate.entered.wait, READY_S)
            waiting = asyncio.create_task(ports.translate(OTHER))
            while not ports.translator.batcher.queue.tokens:  # noqa: ASYNC110 - there is no event to wait for
                await asyncio.sleep(0.01)
            refused = await ports.main.post(path, json={**FIELDS[path], TEXT_FIELD[path]: "Guten Abend."})
        finally:
            gate.release()
        assert {answer.status_code for answer in await asyncio.gather(working, waiting)} == {200}
    assert_failure(refused, 503, "queue_full")
    assert int(refused.headers["retry-after"]) >= 1


@pytest.mark.parametrize("key", ["DeepL-Auth-Key any", "Bearer any", ""])
def test_any_key_is_accepted_without_key_file(client: TestClient, key: str) -> None:
    headers = {"authorization": key}
    assert translated(client.post(DEEPL, json={**FIELDS[DEEPL], "auth_key": key}, headers=headers))
    assert translated(client.post(LIBRE, json={**FIELDS[LIBRE], "api_key": key}, headers=headers))
    assert client.get(f"/v2/usage?auth_key={key}", headers=headers).status_code == 200


@pytest.mark.parametrize("source", [{}, {"source": "auto"}, {"source": ""}], ids=repr)
def test_missing_source_is_detected(client: TestClient, source: dict[str, str]) -> None:
    found = client.post(LIBRE, json={"q": OTHER, "target": "en", **source}).json()["detectedLanguage"]
    assert found["language"] == "de"
    assert 50 < found["confidence"] <= 100
    english_text = client.post(LIBRE, json={"q": ENGLISH, "target": "en", **source})
    assert_failure(english_text, 400, "source_lang_unsupported", "'en'")


def test_given_source_is_not_detected(client: TestClient) -> None:
    assert client.post(LIBRE, json={"q": ENGLISH, "source": "de", "target": "en"}).json().keys() == {"translatedText"}


@pytest.mark.parametrize("text", ["Berlin", "Angela", "12.30", "Hello world", "Der Zug fährt."])
def test_short_text_counts_as_german(client: TestClient, text: str) -> None:
    answer = client.post(DEEPL, json={"text": text, "target_lang": "en"}).json()
    assert answer["translations"][0]["detected_source_language"] == "DE"


def test_detection_ignores_markup(client: TestClient) -> None:
    attributes = 'class="this is the way that english names are written in a very long and wordy list of classes"'
    body = {"q": f"<p {attributes}>{TEXT}</p>", "target": "en", "format": "html"}
    answer = client.post(LIBRE, json=body)
    assert translated(answer)[0].startswith(f"<p {attributes}>")
    foreign = client.post(LIBRE, json={**body, "q": f"<p>{ENGLISH}</p>"})
    assert_failure(foreign, 400, "source_lang_unsupported", "'en'")


@pytest.mark.parametrize(("alternatives", "answered"), [(0, None), (3, [])])
def test_alternatives_are_empty(client: TestClient, alternatives: int, answered: Any) -> None:
    body = {**FIELDS[LIBRE], "alternatives": alternatives}
    assert client.post(LIBRE, json=body).json().get("alternatives") == answered
    assert client.post(LIBRE, data=body).json().get("alternatives") == answered
    several = client.post(LIBRE, json={**body, "q": [TEXT, OTHER]}).json()
    assert several.get("alternatives") == (None if answered is None else [[], []])


@pytest.mark.parametrize("text", [" ", ["a", "b"]], ids=repr)
def test_invalid_detect_request_is_refused(client: TestClient, text: Any) -> None:
    response = client.post("/detect", json={"q": text})
    assert response.status_code == 400
    assert "'q'" in response.json()["error"]


def test_text_without_words_has_zero_confidence(client: TestClient) -> None:
    assert client.post("/detect", json={"q": "12.30"}).json() == [{"confidence": 0.0, "language": "de"}]


def test_billed_characters_need_the_option(client: TestClient) -> None:
    (plain,) = client.post(DEEPL, json=FIELDS[DEEPL]).json()["translations"]
    assert plain.keys() == {"detected_source_language", "text"}
    (billed,) = client.post(DEEPL, data={**FIELDS[DEEPL], "show_billed_characters": "1"}).json()["translations"]
    assert billed["billed_characters"] == len(TEXT)


def test_switch_may_be_a_number(client: TestClient) -> None:
    found = client.post(DEEPL, json={**FIELDS[DEEPL], "split_sentences": 1, "preserve_formatting": 0})
    assert translated(found) == [english(client, TEXT)]


def test_unknown_language_type_is_refused(client: TestClient) -> None:
    assert_failure(client.get("/v2/languages?type=both"), 400, "invalid_request", "'type'")
    assert [each["language"] for each in client.get("/v2/languages?type=target").json()] == ["EN", "EN-GB", "EN-US"]


def test_results_are_counted(client: TestClient) -> None:
    def count() -> float:
        lines = client.get("/metrics").text.splitlines()
        name = 'depesche_results_total{output="translation"} '
        return next(float(line.removeprefix(name)) for line in lines if line.startswith(name))

    before = count()
    client.post(DEEPL, json={"text": [TEXT, OTHER], "target_lang": "en"})
    client.post(LIBRE, json=FIELDS[LIBRE])
    assert count() == before + 3


def test_openapi_has_bodies_and_failures(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    for path, required in {DEEPL: {"text", "target_lang"}, LIBRE: {"q", "target"}, "/detect": {"q"}}.items():
        operation = document["paths"][path]["post"]
        content = operation["requestBody"]["content"]
        assert content.keys() == {"application/json", FORM, "multipart/form-data"}
        names = [media["schema"]["$ref"].rpartition("/")[2] for media in content.values()]
        assert all(set(document["components"]["schemas"][name]["required"]) == required for name in names)
        assert {"200", "400", "403", "408", "413", "415", "429", "500", "503", "504"} == operation["responses"].keys()
        for status in ("400", "413", "415", "500", "503", "504"):
            schema = operation["responses"][status]["content"]["application/json"]["schema"]
            assert schema == {"$ref": "#/components/schemas/Failure"}
    failure = document["components"]["schemas"]["Failure"]
    assert failure["properties"].keys() == {"message", "error", "code", "request_id"}
    (parameter,) = document["paths"]["/v2/languages"]["get"]["parameters"]
    assert parameter["schema"]["enum"] == ["source", "target"]
    assert {"/v2/usage", "/languages"} <= document["paths"].keys()
    assert not [name for name in document["components"]["schemas"] if "__" in name]
