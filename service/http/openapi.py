"""The parts of the OpenAPI document that FastAPI cannot derive from the routes.

FastAPI describes the paths, the request models and the response models. `install` adds the shared schemas, the error
and warning codes, the languages, the security schemes, the headers, the event streams and the server. Each schema
occurs only once, under ``components``, so that client generators create one type for it.
"""

from collections.abc import Callable, Iterator
from copy import deepcopy
from functools import cache
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from service.http import codes, schemas
from service.http.compat.deepl import DeeplRequest
from service.http.compat.libretranslate import DetectRequest, LibreRequest
from service.http.language_fields import describe_languages
from service.http.problems import Failure
from service.http.schemas import CODE_MARK, SCHEMAS
from service.http.state import needs_key
from service.languages.base import LanguagePair

Document = dict[str, Any]
FORMS: tuple[type[BaseModel], ...] = (DeeplRequest, LibreRequest, DetectRequest)
ANSWERS: tuple[type[BaseModel], ...] = (
    schemas.Problem,
    Failure,
    schemas.ProgressEvent,
    schemas.SentenceEvent,
    schemas.BatchSummary,
)
EVENTS = "text/event-stream"
BODYLESS = frozenset({"get", "head", "delete"})
# The statuses that only the body of a request, or the work on it, can cause.
OF_BODIES = frozenset({"406", "408", "413", "415", "504"})
OF_PARAMETERS = frozenset({"400", "422"})
OF_KEYS = frozenset({"401", "403"})
PROBLEM = "application/problem+json"
HEADERS: dict[str, tuple[str, dict[str, Any]]] = {
    "X-Request-Id": ("Id of the request, which log entries and problems contain.", {"type": "string"}),
    "Server-Timing": ("Duration of each stage of the work, in milliseconds.", {"type": "string"}),
    "RateLimit": ("The remaining requests or characters, and the seconds until the window ends.", {"type": "string"}),
    "RateLimit-Policy": ("The rate limits of the caller.", {"type": "string"}),
    "Retry-After": ("Number of seconds to wait before a retry.", {"type": "integer", "minimum": 1}),
    "Location": ("Path of the status and the result of the job.", {"type": "string"}),
    "Preference-Applied": ("The preference that the service applied (RFC 7240).", {"type": "string"}),
    "WWW-Authenticate": ("The required authentication scheme (RFC 6750).", {"type": "string"}),
}
# The headers of successful responses, and those of specific statuses.
ON_SUCCESS = ("X-Request-Id", "Server-Timing", "RateLimit", "RateLimit-Policy")
ON_STATUS = {
    "202": ("X-Request-Id", "Location", "Preference-Applied", "Retry-After"),
    "401": ("X-Request-Id", "WWW-Authenticate"),
    "403": ("X-Request-Id", "WWW-Authenticate"),
    "429": ("X-Request-Id", "Retry-After", "RateLimit", "RateLimit-Policy"),
    "503": ("X-Request-Id", "Retry-After"),
}
PARAMETERS = {
    "RequestId": ("X-Request-Id", "Id for this request: 1 to 64 letters, digits, dots, dashes or underscores."),
    "CacheControl": (
        "Cache-Control",
        "`no-cache`: the service does not read its cache. `no-store`: the service neither reads nor writes its cache.",
    ),
    "Traceparent": ("Traceparent", "Trace of the caller (W3C Trace Context, version 00)."),
}
SECURITY_SCHEMES = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "An API key from `depesche keys new`. It is required only if the service has API keys.",
    },
    "deepl": {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": "The header that clients of DeepL send: `DeepL-Auth-Key KEY`.",
    },
}
TAGS = [
    {"name": "news", "description": "Summaries and translations of news articles."},
    {"name": "health", "description": "Probes and metrics."},
    {"name": "DeepL-compatible", "description": "Endpoints for clients of DeepL's API, version 2."},
    {"name": "LibreTranslate-compatible", "description": "Endpoints for clients of LibreTranslate."},
    {"name": "administration", "description": "Endpoints of the administration port."},
]


def install(app: FastAPI, languages: LanguagePair, *, needs_keys: bool, server: str = "/") -> None:
    """Replace ``app.openapi`` with a function that returns the complete OpenAPI document.

    ``needs_keys`` states whether requests need an API key. ``server`` is the URL of the service, relative to the host.
    """
    generate: Callable[[], Document] = app.openapi

    @cache
    def document() -> Document:
        found = deepcopy(generate())
        _complete(found, languages, needs_keys=needs_keys)
        found["servers"] = [{"url": server, "description": "The service that returned this document."}]
        return found

    app.openapi = document  # type: ignore[method-assign]  # the way that FastAPI documents


def _complete(document: Document, languages: LanguagePair, *, needs_keys: bool) -> None:
    components = document.setdefault("components", {})
    schemas_by_name = components.get("schemas", {}) | _shared_schemas() | _code_schemas(languages)
    _replace_marks(schemas_by_name)
    for path, method, operation in operations(document):
        _describe_operation(path, method, operation, needs_keys=needs_keys)
    used = _referenced(document["paths"], schemas_by_name)
    components["schemas"] = {name: schemas_by_name[name] for name in sorted(used)}
    components["securitySchemes"] = SECURITY_SCHEMES
    components["headers"] = {
        name: {"description": meaning, "schema": schema} for name, (meaning, schema) in HEADERS.items()
    }
    components["parameters"] = {
        key: {"name": name, "in": "header", "required": False, "description": meaning, "schema": {"type": "string"}}
        for key, (name, meaning) in PARAMETERS.items()
    }
    tags = {tag for _, _, operation in operations(document) for tag in operation["tags"]}
    document["tags"] = [tag for tag in TAGS if tag["name"] in tags]
    describe_languages(document, languages)


def _referenced(value: Any, schemas_by_name: Document) -> set[str]:
    """Return the names of all schemas that ``value`` refers to, directly or through other schemas."""
    found: set[str] = set()
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, list):
            waiting += one
        elif isinstance(one, dict):
            name = str(one.get("$ref", "")).removeprefix(SCHEMAS)
            if name in schemas_by_name and name not in found:
                found.add(name)
                waiting.append(schemas_by_name[name])
            waiting += one.values()
    return found


def operations(document: Document) -> Iterator[tuple[str, str, Document]]:
    """Yield the path, the HTTP method and the description of each operation in an OpenAPI document."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def _describe_operation(path: str, method: str, operation: Document, *, needs_keys: bool) -> None:
    if method in BODYLESS:
        operation["responses"] = _without_body(path, operation)
    else:
        # The endpoints of the administration port do not use the cache for their results.
        shared = [key for key in PARAMETERS if key != "CacheControl" or not path.startswith("/admin/")]
        parameters = operation.setdefault("parameters", [])
        parameters += [{"$ref": f"#/components/parameters/{key}"} for key in shared]
    if needs_key(path):
        schemes: list[Document] = [{"bearer": []}]
        schemes += [{"deepl": []}] if path.startswith(("/v2/", "/v3/")) else []
        operation["security"] = schemes if needs_keys else [*schemes, {}]
    for status, response in operation["responses"].items():
        if response["description"] == "Successful Response":  # FastAPI's default
            response["description"] = "The result."
        names = ON_SUCCESS if status == "200" else ON_STATUS.get(status, ("X-Request-Id",))
        response["headers"] = {name: {"$ref": f"#/components/headers/{name}"} for name in names}
        if EVENTS in response.get("content", {}):
            _describe_events(response["content"])


def _without_body(path: str, operation: Document) -> Document:
    """Return the responses of an operation whose requests have no body, without those that cannot occur.

    The routers declare the same errors for all of their routes.
    """
    impossible = OF_BODIES
    if not operation.get("parameters"):
        impossible |= OF_PARAMETERS
    if not needs_key(path):
        impossible |= OF_KEYS
    responses = {status: one for status, one in operation["responses"].items() if status not in impossible}
    if PROBLEM in responses.get("400", {}).get("content", {}):
        responses["400"] = {**responses["400"], "description": "The path contains a control character."}
    return responses


def _describe_events(content: Document) -> None:
    """Add the description of an event stream to ``content``, the ``content`` object of a response.

    OpenAPI 3.1 has no keyword for the events of a stream, so the extension ``x-events`` lists them.
    """
    result = content["application/json"]["schema"]
    example = 'id: 1\nevent: progress\ndata: {"stage":"translation","done":1,"of":2}\n\n'
    events = {"progress": "ProgressEvent", "sentence": "SentenceEvent"}
    if result == {"$ref": f"{SCHEMAS}CheckResponse"}:
        events, example = {}, "id: 1\nevent: result\ndata: {…}\n\n"
    if result == {"$ref": f"{SCHEMAS}BatchResponse"}:
        events, result = {"article": "BatchResult"}, {"$ref": f"{SCHEMAS}BatchSummary"}
        example = 'event: result\ndata: {"succeeded":2,"failed":0}\n\n'
    # Generators read the first media type.
    content[EVENTS] = {
        "schema": {
            "type": "string",
            "description": "Server-sent events. The data of each event is one line of JSON.",
            "x-events": {
                **{name: {"$ref": f"{SCHEMAS}{model}"} for name, model in events.items()},
                "result": result,
                "error": {"$ref": f"{SCHEMAS}Problem"},
            },
        },
        "example": example,
    }
    content["application/json"], content[EVENTS] = content.pop("application/json"), content.pop(EVENTS)


def _shared_schemas() -> Document:
    """Return the schemas that the document needs in addition to those that FastAPI finds in the routes."""
    requests = _schemas_of(FORMS, "validation")
    forms = {f"{name}Form": _as_form(schema) for name, schema in requests.items()}
    return _schemas_of(ANSWERS, "serialization") | requests | forms


def _schemas_of(models: tuple[type[BaseModel], ...], mode: Any) -> Document:
    _, found = models_json_schema([(model, mode) for model in models], ref_template=f"{SCHEMAS}{{model}}")
    schemas_by_name: Document = found["$defs"]
    return schemas_by_name


def _as_form(schema: Document) -> Document:
    """Return the variant of ``schema`` for form data, in which an optional field may be empty but not null."""
    required = set(schema["required"])
    fields = {
        name: field if name in required else _possibly_empty(field) for name, field in schema["properties"].items()
    }
    return {**schema, "title": f"{schema['title']}Form", "properties": fields}


def _possibly_empty(field: Document) -> Document:
    notes: Document = {key: field[key] for key in ("title", "description") if key in field}
    rules = {key: value for key, value in field.items() if key not in {"anyOf", "default", *notes}}
    branches = [one for one in field.get("anyOf", [rules]) if one.get("type") != "null"]
    return {**notes, "anyOf": [*branches, {"type": "string", "maxLength": 0}]}


def _code_schemas(languages: LanguagePair) -> Document:
    errors = [one.code for one in codes.ERRORS]
    peers = [one.code for one in codes.PEER_ERRORS]
    return {
        "ErrorCode": _enum("A code of an error. Later versions may add codes.", [*errors, *peers]),
        "WarningCode": _enum(
            "A code of a warning. Later versions may add codes.",
            [one.code for one in codes.warnings_for(languages.source)],
        ),
    }


def _enum(description: str, values: list[str]) -> Document:
    return {"type": "string", "description": description, "enum": sorted(values)}


def _replace_marks(value: Any) -> None:
    """Replace each `CODE_MARK` in ``value`` with a reference to the list of error or warning codes, in place.

    The marked field also accepts any other string, because a strict client would reject a code that a later version
    adds.
    """
    if isinstance(value, list):
        for one in value:
            _replace_marks(one)
    elif isinstance(value, dict):
        name = value.pop(CODE_MARK, None)
        if name is not None:
            del value["type"]
            value["anyOf"] = [{"$ref": f"{SCHEMAS}{name}"}, {"type": "string"}]
        for one in value.values():
            _replace_marks(one)
