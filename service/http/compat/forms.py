"""Functions that the DeepL- and LibreTranslate-compatible endpoints share.

They read request bodies, check the languages, and translate the texts.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, TypeVar
from urllib.parse import parse_qsl

from fastapi import Request
from pydantic import BaseModel, BeforeValidator, Field, ValidationError, WithJsonSchema
from pydantic_core import PydanticCustomError
from starlette.exceptions import HTTPException

from service.errors import InvalidInput
from service.generation.call import off_loop
from service.http.admission import SMALL_BYTES
from service.http.bodies import in_worker, require_few_values
from service.http.compat.errors import first_fault
from service.http.language_fields import forms_of
from service.http.requests import texts_of
from service.http.schemas import reference
from service.languages.base import Language
from service.newsroom.commands import CallContext, GlossaryTerms, TextLimits, TranslateCommand
from service.newsroom.newsroom import Newsroom
from service.text.html.document import parse
from service.text.language_id import foreign_notice, likely_languages
from service.translation.preparation import TranslationOptions

Fields = TypeVar("Fields", bound=BaseModel)
Pairs = Sequence[tuple[str, str]]
JSON = "application/json"
URLENCODED = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"
MAX_FORM_FIELDS = 1_000
NO_TERMS = GlossaryTerms()


async def read_body(request: Request, model: type[Fields]) -> Fields:
    """Read a JSON or form body, and validate its fields against ``model``.

    Raises:
        HTTPException: the body is neither JSON nor a form (415).
        InvalidInput: the body is malformed, or a field of a JSON body is missing, unknown or invalid.
        ValidationError: a form field is missing, unknown or invalid.
    """
    media = media_type(request)
    if media in {URLENCODED, MULTIPART}:
        return model.model_validate(_without_empty(_by_name(await _form(request))))
    if media != JSON:
        raise HTTPException(415, "the body must be JSON or a form")
    body = await request.body()
    if len(body) <= SMALL_BYTES:
        return parse_fields(body, model)
    fields: Fields = await in_worker(request, parse_fields, body, model)
    return fields


def parse_fields(body: bytes, model: type[Fields]) -> Fields:
    """Parse a JSON body, and validate its fields against ``model``.

    Raises:
        InvalidInput: the body is not a JSON object, contains too many values, or has a missing, unknown or invalid
            field.
    """
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InvalidInput("malformed_json", "the body is not valid JSON") from error
    if not isinstance(value, Mapping):
        raise InvalidInput("malformed_json", "the body is not a JSON object")
    require_few_values(value)
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise InvalidInput("invalid_request", first_fault(error)) from None


async def read_parameters(request: Request, model: type[Fields]) -> Fields:
    """Read the parameters of a GET request, and validate them against ``model``.

    The parameters may be in the query string or in a form in the body, because DeepL's Python client sends such a form.

    Raises:
        InvalidInput: the form is malformed.
        ValidationError: a parameter is missing, unknown or invalid.
    """
    pairs = [*request.query_params.multi_items()]
    if media_type(request) in {URLENCODED, MULTIPART}:
        pairs += await _form(request)
    return model.model_validate(_without_empty(_by_name(pairs)))


def documented_body(model: type[BaseModel]) -> dict[str, Any]:
    """Return the OpenAPI description of a request body with the fields of ``model``.

    FastAPI cannot describe the bodies of these endpoints, because they call `read_body` themselves.
    """
    forms = {media: {"schema": reference(model, form=True)} for media in (URLENCODED, MULTIPART)}
    return {"requestBody": {"required": True, "content": {JSON: {"schema": reference(model)}, **forms}}}


def media_type(request: Request) -> str:
    """Return the media type of the body of a request in lower case, without its parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _by_name(pairs: Pairs) -> dict[str, str | list[str]]:
    """Return a mapping of field names to values.

    If a field occurs more than once or its name ends in ``[]``, the value is a list. The ending is removed from the
    name.
    """
    values: dict[str, list[str]] = {}
    listed = set()
    for written, value in pairs:
        name = written.removesuffix("[]")
        values.setdefault(name, []).append(value)
        if name != written or len(values[name]) > 1:
            listed.add(name)
    return {name: found if name in listed else found[0] for name, found in values.items()}


TEXT_FIELDS = frozenset({"text", "q"})


def _without_empty(fields: dict[str, str | list[str]]) -> dict[str, str | list[str]]:
    """Return ``fields`` without empty values. The fields in `TEXT_FIELDS` are kept even if they are empty.

    A form cannot send a null value, and the original APIs ignore empty parameters.
    """
    return {name: value for name, value in fields.items() if value != "" or name in TEXT_FIELDS}


async def _form(request: Request) -> Pairs:
    body = await request.body()
    try:
        if media_type(request) == URLENCODED:
            # curl sends UTF-8 without percent-encoding, which the framework's parser would decode as Latin-1.
            text = body.decode()
            return await off_loop(len(text), _urlencoded, text)
        # The size of the body is already limited, and no part can be larger.
        async with request.form(max_files=0, max_fields=MAX_FORM_FIELDS, max_part_size=len(body)) as form:
            return [(name, value) for name, value in form.multi_items() if isinstance(value, str)]
    except UnicodeDecodeError as error:
        raise InvalidInput("malformed_form", "the form is not valid UTF-8") from error
    except HTTPException as error:
        raise InvalidInput("malformed_form", f"the form is malformed: {error.detail}") from error


def _urlencoded(text: str) -> Pairs:
    try:
        return parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MAX_FORM_FIELDS)
    except UnicodeDecodeError as error:
        raise InvalidInput("malformed_form", "the form is not valid UTF-8") from error
    except ValueError as error:
        raise InvalidInput("malformed_form", f"the form has more than {MAX_FORM_FIELDS} fields") from error


_ON, _OFF = frozenset({"1", "t", "true", "y", "yes", "on"}), frozenset({"0", "f", "false", "n", "no", "off"})
_SWITCH_PATTERN = "^([01]|[Tt]([Rr][Uu][Ee])?|[Ff]([Aa][Ll][Ss][Ee])?|[Yy]([Ee][Ss])?|[Nn][Oo]?|[Oo][Nn]|[Oo][Ff][Ff])$"
MAX_DIGITS = 18
_DIGITS = re.compile(f"[0-9]{{1,{MAX_DIGITS}}}")


def _parse_switch(value: Any) -> bool:
    word = value.lower() if isinstance(value, str) else str(int(value)) if value in (0, 1) else None
    if word not in _ON | _OFF:
        raise PydanticCustomError("switch", "must be true or false")
    return word in _ON


def _parse_count(value: Any) -> int:
    if isinstance(value, str) and _DIGITS.fullmatch(value):
        return int(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value // 1:
        raise PydanticCustomError("count", "must be a whole number")
    return int(value)


Switch = Annotated[
    bool,
    BeforeValidator(_parse_switch),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "boolean"},
                {"type": "integer", "enum": [0, 1]},
                {"type": "string", "pattern": _SWITCH_PATTERN},
            ]
        },
        mode="validation",
    ),
]
"""A boolean, 0 or 1, or a word such as "yes" or "off"."""

Count = Annotated[
    int,
    BeforeValidator(_parse_count),
    Field(ge=0, lt=10**MAX_DIGITS),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 0, "exclusiveMaximum": 10**MAX_DIGITS},
                {"type": "string", "pattern": f"^[0-9]{{1,{MAX_DIGITS}}}$"},
            ]
        },
        mode="validation",
    ),
]
"""A non-negative integer of at most 18 digits."""


TO_DETECT = frozenset({"", "auto"})
UNSUPPORTED = {"source": "source_lang_unsupported", "target": "target_lang_unsupported"}
Detected = tuple[str, float]


def require_target(target: str, served: Language, field: str) -> None:
    """Check that ``target`` is a code of ``served``, the supported target language.

    ``field`` is the name of the request field that contains ``target``. The error message contains this name.

    Raises:
        InvalidInput: ``target`` is the code of another language.
    """
    forms = forms_of(served)
    if target.strip().lower() not in forms:
        shown = ", ".join((forms[0], *sorted(forms[1:], reverse=True)))
        detail = f"Value for '{field}' not supported: the only target language is {served.name} ({shown})."
        raise InvalidInput(UNSUPPORTED["target"], detail, pointer=f"/{field}")


def needs_detection(source: str | None, served: Language, field: str) -> bool:
    """Return whether the source language must be detected: True if ``source`` is None, blank or "auto".

    ``served`` is the supported source language. ``field`` is the name of the request field that contains ``source``.

    Raises:
        InvalidInput: ``source`` is a language other than the supported one.
    """
    code = "" if source is None else source.strip().lower()
    if code not in {*TO_DETECT, *forms_of(served)}:
        detail = f"Value for '{field}' not supported: the only source language is {served.name} ({served.code})."
        raise InvalidInput(UNSUPPORTED["source"], detail, pointer=f"/{field}")
    return code in TO_DETECT


async def source_languages(
    source: str | None,
    texts: Sequence[str],
    options: TranslationOptions,
    served: Language,
    field: str,
    context: CallContext,
) -> list[Detected]:
    """Return the language of each text, with its probability (0 to 1).

    If ``source`` is a language code, it is the language of all texts. If it is None, blank or "auto", the languages are
    detected.

    If there are several texts, a text may be in a language other than ``served``, the supported one. `translate_texts`
    then returns this text unchanged and translates the other texts.

    Raises:
        InvalidInput: ``source`` is not the supported language, or the only text is clearly in another language.
    """
    if needs_detection(source, served, field):
        chars = sum(map(len, texts))
        return await context.in_time(off_loop(chars, _detect_languages, texts, options, served, field))
    return [(served.code, 1.0) for _ in texts]


def _detect_languages(
    texts: Sequence[str], options: TranslationOptions, served: Language, field: str
) -> list[Detected]:
    alone = len(texts) == 1
    return [
        _detect_language(_plain_text(text, options), number, served, field, is_alone=alone)
        for number, text in enumerate(texts)
    ]


def _plain_text(text: str, options: TranslationOptions) -> str:
    """Return the text without markup, because English tag names would mislead the language detection."""
    if options.format == "text":
        return text
    return "\n".join(block.text for block in parse(text, rules=options.tags).blocks)


def _detect_language(text: str, number: int, served: Language, field: str, *, is_alone: bool) -> Detected:
    """Return the language of the text with index ``number``, and its probability (0 to 1).

    If the language is unclear (as in a headline or a name), assume the supported language ``served``.

    Raises:
        InvalidInput: the text is clearly in another language, and ``is_alone`` is True.
    """
    found = likely_languages(text, served)
    if foreign_notice(text, served) is not None:
        other, probability = next(one for one in found if one[0] != served.code)
        if not is_alone:
            return other, probability
        name = f"{served.name} ({served.code})"
        detail = f"The language of text {number + 1} seems to be '{other}'; the only source language is {name}."
        raise InvalidInput(UNSUPPORTED["source"], detail, pointer=f"/{field}")
    return served.code, dict(found).get(served.code, 0.0)


def texts_of_parameter(field: str, value: str | list[str], limits: TextLimits) -> list[str]:
    """Return the texts in ``value``, the value of the parameter ``field``, as a list.

    Raises:
        InvalidInput: for the same reasons as `texts_of`. The message names ``field``.
    """
    try:
        return texts_of(value, limits)
    except InvalidInput as error:
        place = error.pointer.replace("/text", field, 1)
        detail = f"Value for '{place.replace('/', '.')}' not supported: {error.detail}"
        raise InvalidInput(error.code, detail, pointer=f"/{place}", limit=error.limit) from error


async def translate_texts(
    newsroom: Newsroom,
    texts: Sequence[str],
    sources: Sequence[Detected],
    options: TranslationOptions,
    context: CallContext,
    *,
    terms: GlossaryTerms = NO_TERMS,
) -> list[str]:
    """Translate ``texts``, and return the translations in the same order.

    ``sources`` contains the detected language of each text. A text in a language other than the supported one is
    returned unchanged, because the original APIs return a text unchanged if it is already in the target language.

    Raises:
        DepescheError: see `Newsroom.translate`.
    """
    served = newsroom.languages.source.code
    places = [place for place, (code, _) in enumerate(sources) if code == served]
    found = list(texts)
    answer = await newsroom.translate(TranslateCommand([texts[place] for place in places], options, terms), context)
    for place, translation in zip(places, answer.translations, strict=True):
        found[place] = translation.text
    return found
