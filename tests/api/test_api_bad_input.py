"""Tests that invalid input gets an error with the field and the limit, or a correct result with a warning."""

import json
from typing import Any

import pytest
from fastapi.testclient import TestClient

from service.app import create_app
from service.settings import Settings

ENDPOINTS = {"/v1/translate": "text", "/v1/summarize": "text", "/v1/articles": "body"}
SENTENCE = "Der Bundestag stimmt am Freitag über den neuen Haushalt ab."


def assert_problem(response: Any, status: int, code: str) -> dict[str, Any]:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert body["code"] == code
    assert body["status"] == status
    assert body["request_id"] == response.headers["x-request-id"]
    return body


@pytest.mark.parametrize(("path", "field"), ENDPOINTS.items())
@pytest.mark.parametrize(
    "text",
    ["", " ", "\n\t\u00a0 \u2003", "\u200b", "\ufeff\u00ad\u200b \x00"],
    ids=["empty", "space", "white space", "invisible", "all of it"],
)
def test_blank_text_is_refused(client: TestClient, path: str, field: str, text: str) -> None:
    body = assert_problem(client.post(path, json={field: text}), 422, "text_empty")
    assert body["errors"][0]["pointer"] == f"/{field}"


def test_empty_list_is_refused(client: TestClient) -> None:
    assert_problem(client.post("/v1/translate", json={"text": []}), 422, "text_empty")


def test_empty_member_gives_empty_result(client: TestClient) -> None:
    answer = client.post("/v1/translate", json={"text": ["", SENTENCE, " "]}).json()
    assert [t["text"] == "" for t in answer["translations"]][::2] == [True, False]
    assert answer["translations"][2]["text"] == " "
    summaries = client.post("/v1/summarize", json={"text": ["", SENTENCE]}).json()["summaries"]
    assert [bool(summary["text"]) for summary in summaries] == [False, True]


@pytest.mark.parametrize(("path", "field"), ENDPOINTS.items())
def test_lone_surrogate_is_refused(client: TestClient, path: str, field: str) -> None:
    content = f'{{"{field}": "Guten \\ud800 Tag."}}'
    response = client.post(path, content=content, headers={"content-type": "application/json"})
    body = assert_problem(response, 422, "text_not_unicode")
    assert body["errors"][0]["pointer"] == f"/{field}"


def test_lone_surrogate_in_list_is_located(client: TestClient) -> None:
    content = '{"text": ["Gut.", "\\udfff"]}'
    response = client.post("/v1/translate", content=content, headers={"content-type": "application/json"})
    assert assert_problem(response, 422, "text_not_unicode")["errors"][0]["pointer"] == "/text/1"


@pytest.mark.parametrize(
    ("terms", "pointer"),
    [
        ('"glossary": {"Zug": "\\ud800 train"}', "/glossary"),
        ('"glossary": {"Zug \\ud800": "train"}', "/glossary"),
        ('"do_not_translate": ["Zug", "Bus \\ud800"]', "/do_not_translate/1"),
    ],
)
def test_lone_surrogate_in_term_is_refused(client: TestClient, terms: str, pointer: str) -> None:
    content = f'{{"text": "{SENTENCE}", {terms}}}'
    response = client.post("/v1/translate", content=content, headers={"content-type": "application/json"})
    assert assert_problem(response, 422, "text_not_unicode")["errors"][0]["pointer"] == pointer


@pytest.mark.parametrize("character", ["\x00", "\x07", "\x1b", "\x7f", "\u200b", "\ufeff"])
def test_control_characters_do_not_reach_model(client: TestClient, character: str) -> None:
    text = f"Der Zug{character} fährt heute nicht."
    answer = client.post("/v1/translate", json={"text": text})
    assert answer.status_code == 200
    assert character not in answer.json()["translations"][0]["text"]


def test_control_character_gives_warning(client: TestClient) -> None:
    answer = client.post("/v1/translate", json={"text": "Der Zug\x00 fährt heute nicht."}).json()
    warnings = answer["translations"][0]["warnings"]
    assert "control_characters" in [warning["code"] for warning in warnings]
    assert answer["translations"][0]["needs_review"] is True


@pytest.mark.parametrize("mark", ["<p>{}</p>", "&lt;p&gt;{}&lt;/p&gt;"])
def test_html_that_is_sent_as_plain_text_gives_a_warning(client: TestClient, mark: str) -> None:
    """Check that each output has the warning, and that the same text in the right format does not."""
    body = mark.format("Der Zug fährt heute nicht nach Ulm, weil die Strecke gesperrt ist.")
    article = client.post("/v1/articles", json={"body": body, "outputs": ["translation", "summary"]}).json()
    for part in ("translation", "summary"):
        assert "markup_in_text" in [warning["code"] for warning in article[part]["warnings"]]
        assert article[part]["needs_review"] is True
    html = client.post("/v1/translate", json={"text": body, "format": "html"}).json()["translations"][0]
    assert "markup_in_text" not in [warning["code"] for warning in html["warnings"]]


def test_ten_megabytes_are_refused_unread(client: TestClient) -> None:
    body = assert_problem(client.post("/v1/translate", json={"text": "a" * 10_000_000}), 413, "body_too_large")
    assert body["errors"][0]["limit"] == 4 * 2**20


def test_chunked_body_over_limit_is_refused(client: TestClient) -> None:
    chunks = (b" " * 2**16 for _ in range(200))
    response = client.post("/v1/translate", content=chunks, headers={"content-type": "application/json"})
    assert_problem(response, 413, "body_too_large")


def test_text_over_limit_is_refused(client: TestClient) -> None:
    limit = Settings().max_text_chars
    texts = ["Gut.", "a" * (limit + 1)]
    body = assert_problem(client.post("/v1/translate", json={"text": texts}), 422, "text_too_long")
    assert (body["errors"][0]["pointer"], body["errors"][0]["limit"]) == ("/text/1", limit)


@pytest.mark.parametrize(
    ("path", "field", "chars"),
    [("/v1/summarize", "headline", 1_000), ("/v1/articles", "headline", 1_000), ("/v1/articles", "lead", 10_000)],
)
def test_headline_or_lead_over_limit_is_refused(client: TestClient, path: str, field: str, chars: int) -> None:
    body = {ENDPOINTS[path]: SENTENCE, field: "a" * (chars + 1), "method": "lead"}
    (error,) = assert_problem(client.post(path, json=body), 422, "invalid_request")["errors"]
    assert (error["pointer"], error["limit"]) == (f"/{field}", chars)


@pytest.mark.parametrize(
    ("path", "field"), [("/v1/summarize", "headline"), ("/v1/articles", "headline"), ("/v1/articles", "lead")]
)
def test_lone_surrogate_in_headline_or_lead_is_refused(client: TestClient, path: str, field: str) -> None:
    content = json.dumps({ENDPOINTS[path]: SENTENCE, field: "Haus\udc00halt"})
    response = client.post(path, content=content, headers={"content-type": "application/json"})
    assert assert_problem(response, 422, "text_not_unicode")["errors"][0]["pointer"] == f"/{field}"


def test_too_many_texts_are_refused(client: TestClient) -> None:
    body = assert_problem(client.post("/v1/translate", json={"text": ["a"] * 257}), 422, "too_many_texts")
    assert body["errors"][0]["limit"] == 256


def test_long_line_without_full_stop_is_split(client: TestClient) -> None:
    text = ("die Stadt plant einen neuen Radweg und " * 520)[:20_000]
    answer = client.post("/v1/translate", json={"text": text}, headers={"request-timeout-ms": "300000"})
    assert answer.status_code == 200
    (translation,) = answer.json()["translations"]
    assert "sentence_split" in [warning["code"] for warning in translation["warnings"]]
    assert len(translation["sentences"]) > 20
    assert translation["sentences"][-1]["source"][1] == len(text.rstrip())


def test_long_text_without_spaces_is_answered(client: TestClient) -> None:
    answer = client.post("/v1/translate", json={"text": "x" * 20_000}, headers={"request-timeout-ms": "300000"})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "text",
    [
        "The president said on Friday that the government would not change its plans for the coming year.",
        "Le président a déclaré vendredi que le gouvernement ne changerait pas ses projets pour l'année.",
    ],
)
@pytest.mark.parametrize(
    ("path", "body", "results"),
    [
        ("/v1/translate", {}, "translations"),
        ("/v1/summarize", {}, "summaries"),
        ("/v1/articles", {"outputs": ["summary"]}, "summary"),
        ("/v1/articles", {"outputs": ["translation"]}, "translation"),
    ],
    ids=["translate", "summarize", "article summary", "article translation"],
)
def test_foreign_text_gives_warning(
    client: TestClient, path: str, body: dict[str, Any], results: str, text: str
) -> None:
    answer = client.post(path, json={ENDPOINTS[path]: text, **body})
    assert answer.status_code == 200
    found = answer.json()[results]
    result = found[0] if isinstance(found, list) else found
    assert [warning["code"] for warning in result["warnings"]].count("source_not_german") == 1
    assert result["needs_review"] is True


@pytest.mark.parametrize(
    ("path", "body", "pointer"),
    [
        ("/v1/translate", {"text": 7}, "/text"),
        ("/v1/translate", {"text": [1]}, "/text/0"),
        ("/v1/translate", {"text": None}, "/text"),
        ("/v1/translate", {}, "/text"),
        ("/v1/translate", {"text": "a", "unknown": 1}, "/unknown"),
        ("/v1/translate", {"text": "a", "source_lang": "fr"}, "/source_lang"),
        ("/v1/translate", {"text": "a", "target_lang": "xx"}, "/target_lang"),
        ("/v1/translate", {"text": "a", "format": "pdf"}, "/format"),
        ("/v1/summarize", {"text": "a", "method": "magic"}, "/method"),
        ("/v1/summarize", {"text": "a", "length": "huge"}, "/length"),
        ("/v1/summarize", {"text": "a", "max_words": "7"}, "/max_words"),
        ("/v1/summarize", {"text": "a", "max_words": 0}, "/max_words"),
        ("/v1/summarize", {"text": "a", "style": "rap"}, "/style"),
        ("/v1/articles", {"body": "a", "outputs": []}, "/outputs"),
        ("/v1/articles", {"body": "a", "outputs": ["poem"]}, "/outputs/0"),
        ("/v1/articles", {"body": "a", "clean": "yes"}, "/clean"),
    ],
)
def test_invalid_field_is_named(client: TestClient, path: str, body: dict[str, Any], pointer: str) -> None:
    problem = assert_problem(client.post(path, json=body), 422, "invalid_request")
    assert pointer in [error["pointer"] for error in problem["errors"]]


def test_two_lengths_are_refused(client: TestClient) -> None:
    body = {"text": "a", "max_words": 50, "max_sentences": 2}
    assert_problem(client.post("/v1/summarize", json=body), 422, "length_conflict")


@pytest.mark.parametrize("content", [b"", b"{", b"[1", b"\xff\xfe", b'{"text": "a"'])
def test_non_json_body_is_malformed(client: TestClient, content: bytes) -> None:
    response = client.post("/v1/translate", content=content, headers={"content-type": "application/json"})
    assert_problem(response, 400, "malformed_json")


@pytest.mark.parametrize("depth", [65, 10_000, 100_000])
def test_deep_json_is_refused_with_limit(client: TestClient, depth: int) -> None:
    for content in (b"[" * depth + b"]" * depth, b'{"a":' * depth, b'{"text": "a", "document": ' + b"[" * depth):
        response = client.post("/v1/articles", content=content, headers={"content-type": "application/json"})
        assert assert_problem(response, 422, "json_too_deep")["errors"][0]["limit"] == 64


def test_brackets_in_text_are_not_nesting(client: TestClient) -> None:
    text = "Der Zug " + "[" * 200 + '\\" [' * 100 + " fährt."
    assert client.post("/v1/translate", json={"text": text}).status_code == 200


@pytest.mark.parametrize("media", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_other_media_type_gets_415(client: TestClient, media: str) -> None:
    response = client.post("/v1/translate", content=b'{"text": "a"}', headers={"content-type": media})
    assert_problem(response, 415, "unsupported_media_type")


def test_accept_without_json_gets_406(client: TestClient) -> None:
    response = client.post("/v1/translate", json={"text": "a"}, headers={"accept": "text/html"})
    assert_problem(response, 406, "not_acceptable")


def test_unknown_path_or_method_is_a_problem(client: TestClient) -> None:
    assert_problem(client.get("/v1/nothing"), 404, "not_found")
    assert_problem(client.get("/v1/translate"), 405, "method_not_allowed")


def test_expired_deadline_gets_504(client: TestClient) -> None:
    text = " ".join(f"Der Zug Nummer {n} fährt heute nicht nach Hamburg, sondern nach Kiel." for n in range(400))
    response = client.post("/v1/translate", json={"text": text}, headers={"request-timeout-ms": "1"})
    assert_problem(response, 504, "deadline_exceeded")


@pytest.mark.parametrize("value", ["0", "-5", "soon", "1.5", "3600001"])
def test_invalid_timeout_names_the_header(client: TestClient, value: str) -> None:
    response = client.post("/v1/translate", json={"text": SENTENCE}, headers={"request-timeout-ms": value})
    (error,) = assert_problem(response, 422, "invalid_request")["errors"]
    assert error["pointer"] == "header:Request-Timeout-Ms"


def test_error_never_quotes_text(client: TestClient) -> None:
    text = "Vertrauliche Meldung"
    for body in ({"text": text, "x": text}, {"text": {"a": text}}, {"text": text, "source_lang": text}):
        assert text not in client.post("/v1/translate", json=body).text


def test_warning_never_quotes_text(client: TestClient) -> None:
    answer = client.post("/v1/translate", json={"text": "The quick brown fox \x00 jumps over the lazy dog today."})
    assert "fox" not in json.dumps(answer.json()["translations"][0]["warnings"])


def test_request_while_loading_gets_503() -> None:
    # Without the context manager the application does not start, so no model is loaded.
    response = TestClient(create_app(Settings())).post("/v1/translate", json={"text": SENTENCE})
    assert_problem(response, 503, "not_ready")
    assert int(response.headers["retry-after"]) >= 1


def test_integral_float_is_accepted(client: TestClient) -> None:
    body = {"text": SENTENCE, "method": "lead", "max_sentences": 1.0}
    assert client.post("/v1/summarize", json=body).status_code == 200
    response = client.post("/v1/summarize", json={**body, "max_sentences": 1.5})
    (error,) = assert_problem(response, 422, "invalid_request")["errors"]
    assert error["pointer"] == "/max_sentences"


@pytest.mark.parametrize("body", ["{}", "<p>{}</p>"], ids=["text", "html"])
def test_content_credentials_are_removed_and_reported(client: TestClient, body: str) -> None:
    run = "\ufeff" + "".join(chr(0xE0100 + n % 240) for n in range(1_476))
    sentences = ("Der Zug fährt heute nicht.", "Das Haus ist alt ❤️.")
    text, marked = (body.format(f"{sentences[0]}{mark} {sentences[1]}{mark}") for mark in ("", run))
    kind = "html" if body.startswith("<") else "text"
    (plain,) = client.post("/v1/translate", json={"text": text, "format": kind}).json()["translations"]
    (found,) = client.post("/v1/translate", json={"text": marked, "format": kind}).json()["translations"]
    assert found["text"] == plain["text"]
    assert [warning["code"] for warning in found["warnings"] if warning["code"] == "content_credentials"]
    assert [marked[slice(*one["source"])] for one in found["sentences"]] == list(sentences)
    assert [one["target"] for one in found["sentences"]] == [one["target"] for one in plain["sentences"]]
