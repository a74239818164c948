"""What callers of the compatible endpoints send: JSON, a form or a query, checked against one model."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import parse_qsl

from fastapi import Request
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from service.api.documentation import form, whole
from service.errors import InvalidInput
from service.pipeline.threads import off_loop

Fields = TypeVar("Fields", bound=BaseModel)
Pairs = Sequence[tuple[str, str]]
JSON = "application/json"
URLENCODED = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"
MOST_FORM_FIELDS = 1_000


async def read_body(request: Request, model: type[Fields]) -> Fields:
    """The fields of a body that is JSON or a form.

    Raises:
        HTTPException: the body is neither (415), or no JSON object (400).
        InvalidInput: the form cannot be read.
        ValidationError: a field is missing, unknown or wrong.
    """
    media = _media_type(request)
    if media in {URLENCODED, MULTIPART}:
        return model.model_validate(_by_name(await _form(request)))
    if media != JSON:
        raise HTTPException(415, "the body must be JSON or a form")
    try:
        value = await request.json()
    except (ValueError, RecursionError) as error:
        raise HTTPException(400, "the body is not JSON") from error
    if not isinstance(value, Mapping):
        raise HTTPException(400, "the body is no JSON object")
    return model.model_validate(value)


async def read_parameters(request: Request, model: type[Fields]) -> Fields:
    """The parameters of a GET: those of its query and, as DeepL's Python client sends them, of a form in its body.

    Raises:
        InvalidInput: the form cannot be read.
        ValidationError: a parameter is unknown or wrong.
    """
    given = [*request.query_params.multi_items()]
    if _media_type(request) in {URLENCODED, MULTIPART}:
        given += await _form(request)
    return model.model_validate(_by_name(given))


def documented(model: type[BaseModel]) -> dict[str, Any]:
    """The request body of ``model`` in OpenAPI's terms: the framework does not see what `read_body` reads."""
    forms = {media: {"schema": form(model)} for media in (URLENCODED, MULTIPART)}
    return {"requestBody": {"required": True, "content": {JSON: {"schema": whole(model)}, **forms}}}


def _media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _by_name(pairs: Pairs) -> dict[str, str | list[str]]:
    """A field given several times, or named like ``text[]``, is a list."""
    values: dict[str, list[str]] = {}
    listed = set()
    for written, value in pairs:
        name = written.removesuffix("[]")
        values.setdefault(name, []).append(value)
        if name != written or len(values[name]) > 1:
            listed.add(name)
    return {name: found if name in listed else found[0] for name, found in values.items()}


async def _form(request: Request) -> Pairs:
    body = await request.body()
    try:
        if _media_type(request) == URLENCODED:
            # The framework's parser takes UTF-8 that is not percent-encoded, as curl sends it, for Latin-1.
            text = body.decode()
            return await off_loop(
                len(text), parse_qsl, text, keep_blank_values=True, errors="strict", max_num_fields=MOST_FORM_FIELDS
            )
        # What a part may hold is limited by what the body may hold.
        async with request.form(max_files=0, max_fields=MOST_FORM_FIELDS, max_part_size=len(body)) as form:
            return [(name, value) for name, value in form.multi_items() if isinstance(value, str)]
    except UnicodeDecodeError as error:
        raise InvalidInput("malformed_form", "the form is not UTF-8") from error
    except ValueError as error:
        raise InvalidInput("malformed_form", f"the form has more than {MOST_FORM_FIELDS} fields") from error
    except HTTPException as error:
        raise InvalidInput("malformed_form", f"the form cannot be read: {error.detail}") from error
