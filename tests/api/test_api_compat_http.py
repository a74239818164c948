"""The compatible endpoints as any program may call them: bodies, refusals, limits, and their documentation."""

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
from service.http.compat.forms import MOST_FORM_FIELDS, read_body
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
def narrow() -> Iterator[TestClient]:
    """A service that takes two texts of fifty characters, and two sentences at once."""
    with TestClient(create_app(Settings(max_texts=2, max_text_chars=50, queue_items=2, max_body_bytes=2_000))) as found:
        wait_until_ready(found)
        yield found


def english(client: TestClient, text: str) -> str:
    found: str = client.post("/v1/translate", json={"text": text}).json()["translations"][0]["text"]
    return found


def translated(response: Any) -> list[str]:
    """The translations of either shape."""
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
def test_json_and_both_kinds_of_forms_say_the_same(client: TestClient, path: str) -> None:
    fields = FIELDS[path]
    parts = {name: (None, value[0] if isinstance(value, list) else value) for name, value in fields.items()}
    answers = [client.post(path, json=fields), client.post(path, data=fields), client.post(path, files=parts)]
    assert [translated(answer) for answer in answers] == [[english(client, TEXT)]] * 3


@BOTH
@pytest.mark.parametrize("suffix", ["", "[]"])
def test_a_repeated_field_of_a_form_is_a_list(client: TestClient, path: str, suffix: str) -> None:
    name = TEXT_FIELD[path] + suffix
    fields = {"target_lang" if path == DEEPL else "target": "en", name: [OTHER, TEXT]}
    parts = [(name, (None, OTHER)), (name, (None, TEXT)), *((key, (None, "en")) for key in fields if key != name)]
    wanted = [english(client, OTHER), english(client, TEXT)]
    assert translated(client.post(path, data=fields)) == wanted
    assert translated(client.post(path, files=parts)) == wanted


def test_one_text_in_a_list_is_answered_with_a_list(client: TestClient) -> None:
    for answer in (
        client.post(LIBRE, json={"q": [TEXT], "target": "en"}),
        client.post(LIBRE, data={"q[]": TEXT, "target": "en"}),
    ):
        assert answer.json()["translatedText"] == [english(client, TEXT)]
        assert len(answer.json()["detectedLanguage"]) == 1


def test_umlauts_of_a_form_may_come_as_they_are(client: TestClient) -> None:
    content = f"text={TEXT}&target_lang=EN".encode()
    assert translated(client.post(DEEPL, content=content, headers={"content-type": FORM})) == [english(client, TEXT)]


@given(pairs=st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=20), min_size=2, max_size=4))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.differing_executors])
def test_the_texts_of_a_form_arrive_as_they_were_sent(pairs: list[str]) -> None:
    content = urlencode([*(("q", each) for each in pairs), ("target", "en")]).encode()

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": content, "more_body": False}

    request = Request({"type": "http", "headers": [(b"content-type", FORM.encode())]}, receive)
    assert asyncio.run(read_body(request, LibreRequest)).q == pairs


@BOTH
def test_a_form_that_is_not_utf8_is_refused(client: TestClient, path: str) -> None:
    for content in (b"text=T%FCr", "text=Tür".encode("latin-1")):
        answer = client.post(path, content=content, headers={"content-type": FORM})
        assert_failure(answer, 400, "malformed_form", "UTF-8")


@BOTH
def test_a_form_of_too_many_fields_is_refused(client: TestClient, path: str) -> None:
    many = {TEXT_FIELD[path]: ["a"] * (MOST_FORM_FIELDS + 1)}
    assert_failure(client.post(path, data=many), 400, "malformed_form", str(MOST_FORM_FIELDS))
    parts = [(TEXT_FIELD[path], (None, "a"))] * (MOST_FORM_FIELDS + 1)
    assert_failure(client.post(path, files=parts), 400, "malformed_form", str(MOST_FORM_FIELDS))


@BOTH
def test_files_and_broken_multipart_are_refused(client: TestClient, path: str) -> None:
    uploaded = client.post(path, files={TEXT_FIELD[path]: ("a.txt", b"Guten Tag.")})
    assert_failure(uploaded, 400, "malformed_form")
    broken = client.post(path, content=b"--x", headers={"content-type": "multipart/form-data"})
    assert_failure(broken, 400, "malformed_form")


@BOTH
@pytest.mark.parametrize("media", ["text/plain", "application/xml", ""])
def test_other_content_types_are_refused(client: TestClient, path: str, media: str) -> None:
    answer = client.post(path, content=b"text=a", headers={"content-type": media})
    assert_failure(answer, 415, "unsupported_media_type", "JSON or a form")


@BOTH
@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'"text"', b"\xff"])
def test_a_body_that_is_no_json_object_is_refused(client: TestClient, path: str, content: bytes) -> None:
    answer = client.post(path, content=content, headers={"content-type": "application/json"})
    assert_failure(answer, 400, "malformed_json")


@pytest.mark.parametrize(
    ("path", "field"), [(DEEPL, "text"), (DEEPL, "target_lang"), (LIBRE, "q"), (LIBRE, "target"), ("/detect", "q")]
)
def test_a_missing_field_is_named(client: TestClient, path: str, field: str) -> None:
    fields = {name: value for name, value in FIELDS.get(path, {}).items() if name != field}
    assert_failure(client.post(path, json=fields), 400, "invalid_request", f"Parameter '{field}' is missing")
    assert_failure(client.post(path, data=fields or {"api_key": "a"}), 400, "invalid_request", field, "missing")


@BOTH
def test_an_unknown_field_is_named_whatever_its_name(client: TestClient, path: str) -> None:
    answer = client.post(path, json={**FIELDS[path], "pages": "1"})
    assert_failure(answer, 400, "invalid_request", "Parameter 'pages' is not supported")
    long = client.post(path, json={**FIELDS[path], "a" * 9_000: "1"})
    assert_failure(long, 400, "invalid_request")
    assert len(long.json()["message"]) < 200
    lone = client.post(path, content=b'{"\\ud800": 1}', headers={"content-type": "application/json"})
    assert_failure(lone, 400, "invalid_request")


@BOTH
@pytest.mark.parametrize("value", [5, None, {"a": "b"}, [5]], ids=repr)
def test_what_is_no_text_is_refused_by_the_fields_name(client: TestClient, path: str, value: Any) -> None:
    answer = client.post(path, json={**FIELDS[path], TEXT_FIELD[path]: value})
    assert_failure(answer, 400, "invalid_request", f"Value for '{TEXT_FIELD[path]}")


@BOTH
def test_a_list_without_a_text_is_refused(client: TestClient, path: str) -> None:
    answer = client.post(path, json={**FIELDS[path], TEXT_FIELD[path]: []})
    assert_failure(answer, 400, "text_empty", f"Value for '{TEXT_FIELD[path]}' not supported")


@BOTH
def test_a_lone_surrogate_is_refused_by_its_place(client: TestClient, path: str) -> None:
    content = json.dumps({**FIELDS[path], TEXT_FIELD[path]: ["a", "\ud800"]})
    answer = client.post(path, content=content, headers={"content-type": "application/json"})
    assert_failure(answer, 400, "text_not_unicode", f"Value for '{TEXT_FIELD[path]}.1' not supported")


def test_a_blank_text_is_refused_alone_and_kept_in_a_list(client: TestClient) -> None:
    assert_failure(client.post(LIBRE, json={**FIELDS[LIBRE], "q": "  "}), 400, "text_empty", "'q'")
    assert translated(client.post(LIBRE, json={**FIELDS[LIBRE], "q": ["  ", TEXT]}))[0] == "  "
    assert translated(client.post(DEEPL, json={**FIELDS[DEEPL], "text": ["", TEXT]}))[0] == ""


@BOTH
def test_limits_are_named(narrow: TestClient, path: str) -> None:
    field = TEXT_FIELD[path]

    def ask(text: list[str]) -> Any:
        return narrow.post(path, json={**FIELDS[path], field: text})

    assert_failure(ask(["a"] * 3), 400, "too_many_texts", f"'{field}'", "3 texts, at most 2")
    assert_failure(ask(["a", "b" * 51]), 400, "text_too_long", f"'{field}.1'", "51 characters, at most 50")
    assert_failure(ask(["Guten Tag. Gute Nacht. Gut so."]), 400, "work_too_large", "at most 2")
    assert_failure(narrow.post(path, content=b"a" * 2_001), 413, "body_too_large", "2000")


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v2/translate", 405, "method_not_allowed"),
        ("DELETE", "/languages", 405, "method_not_allowed"),
        ("GET", "/v2/glossaries", 404, "not_found"),
        ("POST", "/v2/document", 404, "not_found"),
        ("POST", "/v2/%0A", 400, "path_invalid"),
        ("GET", "/v2", 404, "not_found"),
        ("POST", "/translate_file", 404, "not_found"),
        ("GET", "/frontend/settings", 404, "not_found"),
    ],
)
def test_what_routing_refuses_is_told_in_the_peers_shape(
    client: TestClient, method: str, path: str, status: int, code: str
) -> None:
    assert_failure(client.request(method, path), status, code)


@BOTH
def test_a_crash_is_told_in_the_peers_shape(client: TestClient, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    def crash(*_: Any, **__: Any) -> None:
        raise RuntimeError("not foreseen")

    monkeypatch.setattr("service.translation.translator.prepare_submission", crash)
    answer = client.post(path, json={**FIELDS[path], TEXT_FIELD[path]: "Ein Satz, den niemand kennt."})
    assert_failure(answer, 500, "internal", "request id")
    assert "not foreseen" not in answer.text


@pytest.mark.parametrize("path", ["/v1/glossaries", "/v2x", "/translations", "/x/translate"])
def test_other_paths_keep_the_shape_of_v1(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == 404


@pytest.mark.parametrize(
    ("given", "ignored"),
    [("b,i", True), ("b, I ", True), (["b", "i"], True), (["b,i"], True), ("", False), (None, False), ([], False)],
)
def test_tags_are_named_in_a_list_or_with_commas(client: TestClient, given: Any, ignored: bool) -> None:  # noqa: FBT001 - a parameter
    markup = f"<p>{OTHER} <b><i>Der Rat</i></b></p>"
    fields = {"text": [markup], "target_lang": "EN", "tag_handling": "xml", "ignore_tags": given}
    (found,) = translated(client.post(DEEPL, json=fields))
    assert ("<b><i>Der Rat</i></b>" in found) == ignored
    if isinstance(given, str):
        assert translated(client.post(DEEPL, data={**fields, "ignore_tags": given})) == [found]


@pytest.mark.parametrize("given", [7, [1], {"b": 1}])
def test_tags_that_are_no_names_are_refused(client: TestClient, given: Any) -> None:
    fields = {**FIELDS[DEEPL], "tag_handling": "xml", "splitting_tags": given}
    assert_failure(client.post(DEEPL, json=fields), 400, "invalid_request", "'splitting_tags")


@BOTH
async def test_a_full_queue_says_when_to_come_back(monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    gate = Gate()
    async with both(monkeypatch, queue_items=1) as ports:
        ports.handle(gate)
        try:
            working = asyncio.create_task(ports.translate(TEXT))
            await asyncio.to_thread(gate.entered.wait, READY_S)
            waiting = asyncio.create_task(ports.translate(OTHER))
            while not ports.service.models[0].batcher.queue.tokens:  # noqa: ASYNC110 - nothing tells of it
                await asyncio.sleep(0.01)
            refused = await ports.main.post(path, json={**FIELDS[path], TEXT_FIELD[path]: "Guten Abend."})
        finally:
            gate.release()
        assert {answer.status_code for answer in await asyncio.gather(working, waiting)} == {200}
    assert_failure(refused, 503, "queue_full")
    assert int(refused.headers["retry-after"]) >= 1


@pytest.mark.parametrize("key", ["DeepL-Auth-Key any", "Bearer any", ""])
def test_any_key_will_do(client: TestClient, key: str) -> None:
    headers = {"authorization": key}
    assert translated(client.post(DEEPL, json={**FIELDS[DEEPL], "auth_key": key}, headers=headers))
    assert translated(client.post(LIBRE, json={**FIELDS[LIBRE], "api_key": key}, headers=headers))
    assert client.get(f"/v2/usage?auth_key={key}", headers=headers).status_code == 200


@pytest.mark.parametrize("source", [{}, {"source": "auto"}, {"source": ""}], ids=repr)
def test_a_source_that_is_not_named_is_detected(client: TestClient, source: dict[str, str]) -> None:
    found = client.post(LIBRE, json={"q": OTHER, "target": "en", **source}).json()["detectedLanguage"]
    assert found["language"] == "de"
    assert 50 < found["confidence"] <= 100
    english_text = client.post(LIBRE, json={"q": ENGLISH, "target": "en", **source})
    assert_failure(english_text, 400, "source_lang_unsupported", "'en'")


def test_a_source_that_is_named_is_not_detected(client: TestClient) -> None:
    assert client.post(LIBRE, json={"q": ENGLISH, "source": "de", "target": "en"}).json().keys() == {"translatedText"}


@pytest.mark.parametrize("text", ["Berlin", "Angela", "12.30", "Hello world", "Der Zug fährt."])
def test_a_very_short_text_counts_as_german(client: TestClient, text: str) -> None:
    answer = client.post(DEEPL, json={"text": text, "target_lang": "en"}).json()
    assert answer["translations"][0]["detected_source_language"] == "DE"


def test_a_long_german_text_is_detected_by_its_words_and_not_by_its_markup(client: TestClient) -> None:
    attributes = 'class="this is the way that english names are written in a very long and wordy list of classes"'
    body = {"q": f"<p {attributes}>{TEXT}</p>", "target": "en", "format": "html"}
    answer = client.post(LIBRE, json=body)
    assert translated(answer)[0].startswith(f"<p {attributes}>")
    foreign = client.post(LIBRE, json={**body, "q": f"<p>{ENGLISH}</p>"})
    assert_failure(foreign, 400, "source_lang_unsupported", "'en'")


@pytest.mark.parametrize(("alternatives", "answered"), [(0, None), (3, [])])
def test_alternatives_are_preferred_and_not_given(client: TestClient, alternatives: int, answered: Any) -> None:
    body = {**FIELDS[LIBRE], "alternatives": alternatives}
    assert client.post(LIBRE, json=body).json().get("alternatives") == answered
    assert client.post(LIBRE, data=body).json().get("alternatives") == answered
    several = client.post(LIBRE, json={**body, "q": [TEXT, OTHER]}).json()
    assert several.get("alternatives") == (None if answered is None else [[], []])


@pytest.mark.parametrize("text", [" ", ["a", "b"]], ids=repr)
def test_what_cannot_be_detected_is_refused(client: TestClient, text: Any) -> None:
    response = client.post("/detect", json={"q": text})
    assert response.status_code == 400
    assert "'q'" in response.json()["error"]


def test_a_text_without_words_is_detected_as_german_without_confidence(client: TestClient) -> None:
    assert client.post("/detect", json={"q": "12.30"}).json() == [{"confidence": 0.0, "language": "de"}]


def test_billed_characters_are_given_on_demand_alone(client: TestClient) -> None:
    (plain,) = client.post(DEEPL, json=FIELDS[DEEPL]).json()["translations"]
    assert plain.keys() == {"detected_source_language", "text"}
    (billed,) = client.post(DEEPL, data={**FIELDS[DEEPL], "show_billed_characters": "1"}).json()["translations"]
    assert billed["billed_characters"] == len(TEXT)


def test_switches_may_be_numbers(client: TestClient) -> None:
    found = client.post(DEEPL, json={**FIELDS[DEEPL], "split_sentences": 1, "preserve_formatting": 0})
    assert translated(found) == [english(client, TEXT)]


def test_an_unknown_kind_of_languages_is_refused(client: TestClient) -> None:
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


def test_the_documentation_has_the_bodies_and_the_failures(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    for path, required in {DEEPL: {"text", "target_lang"}, LIBRE: {"q", "target"}, "/detect": {"q"}}.items():
        operation = document["paths"][path]["post"]
        content = operation["requestBody"]["content"]
        assert content.keys() == {"application/json", FORM, "multipart/form-data"}
        assert all(set(media["schema"]["required"]) == required for media in content.values())
        assert {"200", "400", "403", "408", "413", "415", "429", "500", "503", "504"} == operation["responses"].keys()
        for status in ("400", "413", "415", "500", "503", "504"):
            schema = operation["responses"][status]["content"]["application/json"]["schema"]
            assert schema["properties"].keys() == {"message", "error", "code", "request_id"}
    (parameter,) = document["paths"]["/v2/languages"]["get"]["parameters"]
    assert parameter["schema"]["enum"] == ["source", "target"]
    assert {"/v2/usage", "/languages"} <= document["paths"].keys()
    assert not [name for name in document["components"]["schemas"] if "__" in name]
