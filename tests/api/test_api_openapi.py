"""Tests of the OpenAPI document, its copy in docs/api, and the detection of changes that break callers."""

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient
from jsonschema import Draft202012Validator

from service.app import create_app
from service.http import codes
from service.settings import Settings
from tools import api
from tools.api_changes import compare

Document = dict[str, Any]


@pytest.fixture(scope="module")
def document() -> Document:
    return api.current()


def every(value: Any, key: str) -> Iterator[Any]:
    """Yield each value that has the key ``key`` at any level of the nested JSON ``value``."""
    for one in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from every(one, key)
    if isinstance(value, dict) and key in value:
        yield value[key]


def test_stored_document_is_current(document: Document) -> None:
    changes = "\n".join(map(str, api.changed(document)))
    assert api.DOCUMENT.read_text("utf-8") == api.encoded(document), f"run `make api`; changes:\n{changes}"


def test_no_schema_has_alternatives_beside_properties(document: Document) -> None:
    for name, schema in document["components"]["schemas"].items():
        assert not ("properties" in schema and {"oneOf", "anyOf", "allOf"} & schema.keys()), name


def test_each_problem_is_a_reference(document: Document) -> None:
    for path, method, operation in operations(document):
        for status, response in operation["responses"].items():
            for media in response.get("content", {}) if status.startswith("4") else ():
                assert "$ref" in response["content"][media]["schema"], (method, path, status)


def operations(document: Document) -> Iterator[tuple[str, str, Document]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def test_reference_lists_every_field_of_a_body_without_a_named_schema(document: Document) -> None:
    page = api.DOCUMENT.with_name("reference.md").read_text("utf-8")
    for path, method, operation in operations(document):
        (_, section) = page.split(f"\n### {method.upper()} {path}\n")
        for content in operation.get("requestBody", {}).get("content", {}).values():
            for field in content["schema"].get("properties", {}):
                assert f"| `{field}` |" in section.split("\n### ")[0], (path, field)


def test_operations_without_body_declare_no_faults_of_bodies(document: Document) -> None:
    for path, method, operation in operations(document):
        if method in {"get", "delete"}:
            assert not {"406", "408", "413", "415", "504"} & operation["responses"].keys(), path
            assert "not valid JSON" not in operation["responses"].get("400", {}).get("description", ""), path


def test_operation_ids_are_short_names(document: Document) -> None:
    ids = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(set(ids)) == len(ids)
    assert {"translate", "summarize", "process_article", "deepl_translate", "libretranslate_translate"} <= set(ids)
    assert not [one for one in ids if one.endswith(("_post", "_get"))]


def test_codes_are_listed_but_others_are_permitted(document: Document) -> None:
    schemas = document["components"]["schemas"]
    assert set(schemas["ErrorCode"]["enum"]) == {one.code for one in (*codes.ERRORS, *codes.PEER_ERRORS)}
    assert "source_not_german" in schemas["WarningCode"]["enum"]
    for name, listed in (("Problem", "ErrorCode"), ("Failure", "ErrorCode"), ("WarningOut", "WarningCode")):
        alternatives = schemas[name]["properties"]["code"]["anyOf"]
        assert alternatives == [{"$ref": f"#/components/schemas/{listed}"}, {"type": "string"}]


def test_examples_conform_to_their_schemas(document: Document) -> None:
    found = {
        name: schema["examples"] for name, schema in document["components"]["schemas"].items() if "examples" in schema
    }
    assert {"TranslateRequest", "SummarizeRequest", "ArticleRequest"} <= found.keys()
    for name, examples in found.items():
        validator = Draft202012Validator({"$ref": f"#/components/schemas/{name}", **document})
        for example in examples:
            validator.validate(example)


def test_examples_are_accepted(client: TestClient, document: Document) -> None:
    for path, method, operation in operations(document):
        reference = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
        schema = document["components"]["schemas"].get(reference.get("$ref", "").rpartition("/")[2], {})
        for example in schema.get("examples", []):
            assert client.request(method, path, json=example).status_code == 200, path


@pytest.mark.parametrize(
    "body", [{}, {"body": "Text.", "document": "<p>"}, {"body": None}, {"headline": "Titel"}, {"document": None}]
)
def test_schema_refuses_what_the_service_refuses(client: TestClient, document: Document, body: Document) -> None:
    validator = Draft202012Validator({"$ref": "#/components/schemas/ArticleRequest", **document})
    assert not validator.is_valid(body)
    assert client.post("/v1/articles", json=body).status_code == 422


def test_headers_are_described(document: Document) -> None:
    responses = document["paths"]["/v1/articles"]["post"]["responses"]
    assert "Retry-After" in responses["503"]["headers"]
    assert "Retry-After" in responses["429"]["headers"]
    assert "WWW-Authenticate" in responses["401"]["headers"]
    assert {"X-Request-Id", "Server-Timing", "RateLimit"} <= responses["200"]["headers"].keys()


def test_described_headers_are_sent(client: TestClient) -> None:
    answer = client.post("/v1/translate", json={"text": "Guten Tag."})
    assert {"x-request-id", "server-timing"} <= answer.headers.keys()


def test_key_is_optional_only_without_key_file(document: Document, tmp_path: Any) -> None:
    assert document["paths"]["/v1/articles"]["post"]["security"] == [{"bearer": []}, {}]
    assert "security" not in document["paths"]["/livez"]["get"]
    keys = tmp_path / "keys"
    keys.write_text(f"cms translate sha256:{'0' * 64}\n")
    secured = create_app(Settings(keys_file=keys)).openapi()
    assert secured["paths"]["/v1/articles"]["post"]["security"] == [{"bearer": []}]
    assert {"deepl": []} in secured["paths"]["/v2/translate"]["post"]["security"]


def test_event_streams_are_described(document: Document) -> None:
    for path in ("/v1/translate", "/v1/summarize", "/v1/articles"):
        content = document["paths"][path]["post"]["responses"]["200"]["content"]
        assert list(content) == ["application/json", "text/event-stream"]
        events = content["text/event-stream"]["schema"]["x-events"]
        assert events.keys() == {"progress", "sentence", "result", "error"}
        assert events["result"] == content["application/json"]["schema"]


def test_document_has_no_marks(document: Document) -> None:
    assert "x-depesche" not in json.dumps(document)


def test_response_fields_are_always_present(client: TestClient, document: Document) -> None:
    schema = document["components"]["schemas"]["ArticleResponse"]
    assert set(schema["required"]) == set(schema["properties"])
    answer = client.post("/v1/articles", json={"body": "Der Rat tagt heute.", "outputs": ["translation"]}).json()
    assert answer.keys() == schema["properties"].keys()


def edited(document: Document, change: Callable[[Document], Any]) -> Document:
    found = copy.deepcopy(document)
    change(found)
    return found


def request_of(document: Document) -> Document:
    found: Document = document["components"]["schemas"]["TranslateRequest"]
    return found


def response_of(document: Document) -> Document:
    found: Document = document["components"]["schemas"]["TranslationOut"]
    return found


BREAKING: dict[str, Callable[[Document], Any]] = {
    "operation removed": lambda d: d["paths"].pop("/v1/models"),
    "operation renamed": lambda d: d["paths"]["/v1/models"]["get"].update(operationId="models"),
    "request field removed": lambda d: request_of(d)["properties"].pop("alignment"),
    "request field required": lambda d: request_of(d)["required"].append("glossary"),
    "request value removed": lambda d: request_of(d)["properties"]["format"]["enum"].remove("html"),
    "request limit lowered": lambda d: request_of(d)["properties"]["do_not_translate"].update(maxItems=5),
    "response field removed": lambda d: response_of(d)["properties"].pop("text"),
    "response field optional": lambda d: response_of(d)["required"].remove("text"),
    "response type changed": lambda d: response_of(d)["properties"]["text"].update(type="array"),
    "response value added": lambda d: d["components"]["schemas"]["Readiness"]["properties"]["status"]["enum"].append(
        "x"
    ),
    "request rule added": lambda d: request_of(d)["properties"]["glossary_name"].update(pattern="^a"),
    "key required": lambda d: d["paths"]["/v1/models"]["get"].update(security=[{"bearer": []}]),
}
COMPATIBLE: dict[str, Callable[[Document], Any]] = {
    "operation added": lambda d: d["paths"].update({"/v1/new": {"get": d["paths"]["/v1/models"]["get"]}}),
    "request field added": lambda d: request_of(d)["properties"].update(new={"type": "string"}),
    "request rule dropped": lambda d: request_of(d)["properties"]["source_lang"].pop("const"),
    "request field optional": lambda d: request_of(d).update(required=[]),
    "request limit raised": lambda d: request_of(d)["properties"]["do_not_translate"].update(maxItems=50_000),
    "response field added": lambda d: response_of(d)["properties"].update(new={"type": "string"}),
    "code added": lambda d: d["components"]["schemas"]["WarningCode"]["enum"].append("new_code"),
    "description changed": lambda d: request_of(d).update(description="Other words."),
}


@pytest.mark.parametrize("name", BREAKING)
def test_breaking_change_is_reported(document: Document, name: str) -> None:
    assert any(one.breaking for one in compare(document, edited(document, BREAKING[name])))


@pytest.mark.parametrize("name", COMPATIBLE)
def test_compatible_change_is_not_reported_as_breaking(document: Document, name: str) -> None:
    assert not any(one.breaking for one in compare(document, edited(document, COMPATIBLE[name])))


def test_equal_documents_have_no_changes(document: Document) -> None:
    assert compare(document, copy.deepcopy(document)) == []


def test_breaking_change_is_written_only_on_request(
    document: Document, monkeypatch: pytest.MonkeyPatch, tmp_path: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    old = edited(document, lambda d: request_of(d)["properties"].update(old={"type": "string"}))
    stored = tmp_path / "openapi.json"
    stored.write_text(api.encoded(old))
    monkeypatch.setattr(api, "DOCUMENT", stored)
    monkeypatch.setattr(api, "current", lambda: document)
    assert api.main(["--check"]) == 1
    assert api.main([]) == 1
    assert "BREAKING: POST /v1/translate body.old: the field was removed" in capsys.readouterr().out
    assert stored.read_text() == api.encoded(old)
    assert api.main(["--breaking"]) == 0
    assert api.main(["--check"]) == 0
