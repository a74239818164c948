"""Bodies, languages and work that the compatible endpoints share."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, TypeVar
from urllib.parse import parse_qsl

from fastapi import Request
from pydantic import BaseModel, BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError
from starlette.exceptions import HTTPException

from service.errors import InvalidInput
from service.generation.call import off_loop
from service.http.requests import forms_of, texts_of
from service.http.schemas import form, whole
from service.languages.base import Language
from service.newsroom.commands import CallContext, TextLimits, TranslateCommand
from service.newsroom.newsroom import Newsroom
from service.text.html.document import parse
from service.text.language_id import foreign_notice, likely_languages
from service.translation.preparation import TranslationOptions

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


_ON, _OFF = frozenset({"1", "t", "true", "y", "yes", "on"}), frozenset({"0", "f", "false", "n", "no", "off"})
_SWITCH_PATTERN = "^([01]|[Tt]([Rr][Uu][Ee])?|[Ff]([Aa][Ll][Ss][Ee])?|[Yy]([Ee][Ss])?|[Nn][Oo]?|[Oo][Nn]|[Oo][Ff][Ff])$"
MOST_DIGITS = 18
_DIGITS = re.compile(f"[0-9]{{1,{MOST_DIGITS}}}")


def _switched(value: Any) -> bool:
    word = value.lower() if isinstance(value, str) else str(int(value)) if value in (0, 1) else None
    if word not in _ON | _OFF:
        raise PydanticCustomError("switch", "must be true or false")
    return word in _ON


def _counted(value: Any) -> int:
    if isinstance(value, str) and _DIGITS.fullmatch(value):
        return int(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value // 1:
        raise PydanticCustomError("count", "must be a whole number")
    return int(value)


Switch = Annotated[
    bool,
    BeforeValidator(_switched),
    WithJsonSchema(
        {"anyOf": [{"type": "boolean"}, {"enum": [0, 1]}, {"type": "string", "pattern": _SWITCH_PATTERN}]},
        mode="validation",
    ),
]
"""On or off: a boolean, 0 or 1, or a word for it."""

Count = Annotated[
    int,
    BeforeValidator(_counted),
    Field(ge=0, lt=10**MOST_DIGITS),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 0, "exclusiveMaximum": 10**MOST_DIGITS},
                {"type": "string", "pattern": f"^[0-9]{{1,{MOST_DIGITS}}}$"},
            ]
        },
        mode="validation",
    ),
]
"""A whole number that is not negative, of at most 18 digits."""


TO_DETECT = frozenset({"", "auto"})
UNSUPPORTED = {"source": "source_lang_unsupported", "target": "target_lang_unsupported"}
Detected = tuple[str, float]


def require_target(target: str, served: Language, field: str) -> None:
    """Refuse a target language that is not the served one in one of its forms."""
    forms = forms_of(served)
    if target.strip().lower() not in forms:
        shown = ", ".join((forms[0], *sorted(forms[1:], reverse=True)))
        detail = f"Value for '{field}' not supported: texts are translated to {served.name} only ({shown})."
        raise InvalidInput(UNSUPPORTED["target"], detail, pointer=f"/{field}")


def is_to_detect(source: str | None, served: Language, field: str) -> bool:
    """Whether no source language is given.

    Raises:
        InvalidInput: one is given, and it is not the served one.
    """
    given = "" if source is None else source.strip().lower()
    if given not in {*TO_DETECT, *forms_of(served)}:
        detail = f"Value for '{field}' not supported: only {served.name} ({served.code}) is translated."
        raise InvalidInput(UNSUPPORTED["source"], detail, pointer=f"/{field}")
    return given in TO_DETECT


async def sources_of(
    source: str | None, texts: Sequence[str], options: TranslationOptions, served: Language, field: str
) -> list[Detected]:
    """The language of each text with how sure that is (0 to 1): as given, or detected.

    Raises:
        InvalidInput: a language that is not served was given, or a text is surely in one.
    """
    if is_to_detect(source, served, field):
        return await asyncio.to_thread(_detected, texts, options, served, field)
    return [(served.code, 1.0) for _ in texts]


def _detected(texts: Sequence[str], options: TranslationOptions, served: Language, field: str) -> list[Detected]:
    return [_language_of(_words(text, options), number, served, field) for number, text in enumerate(texts)]


def _words(text: str, options: TranslationOptions) -> str:
    """The text without its markup, whose English names would mislead."""
    if options.format == "text":
        return text
    return "\n".join(block.text for block in parse(text, rules=options.tags).blocks)


def _language_of(text: str, number: int, served: Language, field: str) -> Detected:
    """The language of a text. A text whose language is unclear (a headline, a name) counts as the served one."""
    found = likely_languages(text, served)
    if foreign_notice(text, served) is not None:
        other = next(code for code, _ in found if code != served.code)
        name = f"{served.name} ({served.code})"
        detail = f"The language of text {number + 1} seems to be '{other}'; only {name} is translated."
        raise InvalidInput(UNSUPPORTED["source"], detail, pointer=f"/{field}")
    return served.code, dict(found).get(served.code, 0.0)


def texts_in(field: str, value: str | list[str], limits: TextLimits) -> list[str]:
    """The text or texts of the parameter ``field`` as a list.

    Raises:
        InvalidInput: as `texts_of`, in the words of the compatible endpoints.
    """
    try:
        return texts_of(value, limits)
    except InvalidInput as error:
        place = error.pointer.replace("/text", field, 1)
        detail = f"Value for '{place.replace('/', '.')}' not supported: {error.detail}"
        raise InvalidInput(error.code, detail, pointer=f"/{place}", limit=error.limit) from error


async def translated(
    newsroom: Newsroom, texts: Sequence[str], options: TranslationOptions, context: CallContext
) -> list[str]:
    """The translations, in order; raises what `Newsroom.translate` does."""
    answer = await newsroom.translate(TranslateCommand(texts, options), context)
    return [one.text for one in answer.translations]
