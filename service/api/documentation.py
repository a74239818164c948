"""Pieces of the OpenAPI document that the framework does not write by itself: whole schemas, forms, and links."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

_DEFINITIONS = "#/$defs/"
Responses = dict[int | str, dict[str, Any]]
VISIBLE = r"\S"
"""The pattern of a text that is not blank."""


def whole(model: type[BaseModel]) -> dict[str, Any]:
    """The JSON schema of ``model`` without references, which would point out of the place where it is put."""
    schema = model.model_json_schema()
    definitions = schema.pop("$defs", {})
    found: dict[str, Any] = _resolved(schema, definitions)
    return found


def _resolved(value: Any, definitions: Mapping[str, Any]) -> Any:
    if isinstance(value, list):
        return [_resolved(one, definitions) for one in value]
    if not isinstance(value, dict):
        return value
    name = value.get("$ref", "")
    if isinstance(name, str) and name.startswith(_DEFINITIONS):
        return _resolved(definitions[name.removeprefix(_DEFINITIONS)], definitions)
    return {key: _resolved(one, definitions) for key, one in value.items()}


def form(model: type[BaseModel]) -> dict[str, Any]:
    """The schema of ``model`` as a form: a field may be left out, but there is no null in it."""
    schema = whole(model)
    return {**schema, "properties": {name: _without_null(field) for name, field in schema["properties"].items()}}


def _without_null(field: dict[str, Any]) -> dict[str, Any]:
    found = {key: value for key, value in field.items() if (key, value) != ("default", None)}
    if "anyOf" in found:
        found["anyOf"] = [one for one in found["anyOf"] if one.get("type") != "null"]
    return found


def link(operation: str, description: str, *, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """A link to an operation by its id; ``body`` says what of this answer goes into the next request."""
    found = {"operationId": operation, "description": description}
    return found if body is None else {**found, "requestBody": dict(body)}


def linked(responses: Responses, **links: Mapping[str, Any]) -> Responses:
    """``responses`` of an endpoint whose result leads on to others."""
    return {**responses, 200: {**responses.get(200, {}), "links": links}}
