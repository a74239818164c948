"""Endpoints that are compatible with version 2 of DeepL's API.

A request with an unsupported parameter is rejected with an error that names the parameter.
"""

import datetime as dt
import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from pydantic import BaseModel, BeforeValidator, ConfigDict, FailFast, Field
from pydantic_core import PydanticCustomError

from service.bounded import Bounded, at_most
from service.errors import InvalidInput
from service.http.admission import Requires
from service.http.compat.errors import FAILURES, UNSUPPORTED, CompatibleRoute
from service.http.compat.forms import (
    Switch,
    documented_body,
    read_body,
    read_parameters,
    require_target,
    source_languages,
    texts_of_parameter,
    translate_texts,
)
from service.http.language_fields import SourceForm, TargetForm
from service.http.requests import MAX_TEXTS, SomeTexts
from service.http.responses import PEER_PARAMETERS, PeerContextDep
from service.http.routes import require_open
from service.http.schemas import link, with_links
from service.http.state import NewsroomDep, RuntimeDep, info_of
from service.newsroom.commands import GlossaryTerms
from service.newsroom.newsroom import Newsroom
from service.terms.glossary import Terms
from service.text.html.tags import TagRules
from service.translation.preparation import Split, TranslationOptions

# DeepL's clients compute the number of remaining characters from this limit.
NO_LIMIT_CHARS = 1_000_000_000_000
SPLITS: dict[str | None, Split] = {None: "lines", "1": "lines", "nonewlines": "sentences", "0": "no"}
_UNREAD = {"a CDATA section": re.compile(r"<!\[CDATA\["), "an internal DTD": re.compile(r"<!DOCTYPE[^>\[]*\[")}

router = APIRouter(
    prefix="/v2",
    route_class=CompatibleRoute,
    dependencies=[Depends(Requires("translate")), Depends(require_open)],
    responses=FAILURES,
    tags=["DeepL-compatible"],
)


def _refuse_value(value: Any) -> None:
    """Raise a validation error if ``value`` is not empty, because the service does not support the parameter."""
    if value not in (None, "", [], [""]):
        raise PydanticCustomError(UNSUPPORTED, "not supported")


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _names(value: Any) -> Any:
    """Return the tag names in ``value`` in lower case.

    ``value`` is a string with comma-separated names, or a list of such strings. Any other value is returned unchanged.
    """
    parts = _as_list([] if value is None else value)
    if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
        return value
    return [name.lower() for part in parts for name in map(str.strip, part.split(",")) if name]


Unsupported = Annotated[None, BeforeValidator(_refuse_value, json_schema_input_type=Literal[""] | None)]
Texts = Annotated[
    list[str],
    FailFast(),
    at_most(MAX_TEXTS, "too_many_texts"),
    BeforeValidator(_as_list, json_schema_input_type=str | SomeTexts),
]
# The fields have no default in the schema, because generated clients would send `[]` as a string.
Tags = Annotated[frozenset[str], FailFast(), BeforeValidator(_names, json_schema_input_type=str | list[str] | None)]
# DeepL's clients send a string. Some other clients send a number.
Splitting = Annotated[
    Literal["0", "1", "nonewlines"] | None,
    BeforeValidator(
        lambda value: str(int(value)) if _is_number(value) and value in {0, 1} else value,
        # Generators of clients need a type for each enumeration.
        json_schema_input_type=Literal["0", "1", "nonewlines"] | Literal[0, 1] | None,  # noqa: PYI030
    ),
]


class DeeplRequest(Bounded):
    """The parameters of DeepL's ``translate`` endpoint. All values of ``model_type`` select the same model."""

    model_config = ConfigDict(extra="forbid", protected_namespaces=())

    text: Texts = Field(description="One text, or a list of texts.")
    source_lang: SourceForm | None = Field(default=None, description="The language is detected if this is missing.")
    target_lang: TargetForm = Field(
        description="A code with or without a region. The region selects British or American spelling."
    )
    split_sentences: Splitting = Field(
        default=None,
        description="0: each text is one sentence; 1 (default): sentences end at punctuation and line breaks; "
        "nonewlines: sentences end only at punctuation.",
    )
    preserve_formatting: Switch = Field(default=False, description="Accepted, but has no effect.")
    formality: Literal["default", "prefer_more", "prefer_less"] = Field(
        default="default", description="Accepted, but has no effect."
    )
    model_type: Literal["quality_optimized", "prefer_quality_optimized", "latency_optimized"] | None = Field(
        default=None, description="Has no effect on the translation. The response repeats it as `model_type_used`."
    )
    show_billed_characters: Switch = Field(
        default=False, description="Whether the response contains the number of characters of each text."
    )
    tag_handling: Literal["html", "xml"] | None = Field(
        default=None, description="Format of the texts. If null, they are plain text."
    )
    tag_handling_version: Literal["v1", "v2"] | None = Field(default=None, description="Accepted, but has no effect.")
    outline_detection: Switch = Field(
        default=True,
        description="If false, only `splitting_tags` separate sentences. This requires `tag_handling` to be `xml`.",
    )
    ignore_tags: Tags = Field(default_factory=frozenset, description="The content of these tags is not translated.")
    non_splitting_tags: Tags = Field(default_factory=frozenset, description="These tags do not separate sentences.")
    splitting_tags: Tags = Field(default_factory=frozenset, description="These tags separate sentences.")
    context: str | None = Field(
        default=None, description="Text that precedes the texts. Some remote models use its last two sentences."
    )
    glossary_id: str | None = Field(default=None, description="Name of a glossary that is stored on the server.")
    glossary_ids: Annotated[list[str], at_most(1)] | None = Field(
        default=None, description="A list with the name of one glossary."
    )
    enable_beta_languages: Switch = Field(default=False, description="Accepted, but has no effect.")
    auth_key: str | None = Field(default=None, description="The API key, if it is not in a header.")


class DeeplTranslation(BaseModel):
    """A translated text."""

    detected_source_language: str = Field(description="Code of the source language.")
    text: str = Field(description="The translation.")
    billed_characters: int | None = Field(
        default=None, description="Characters of the text, if requested. Nothing is billed."
    )
    model_type_used: str | None = Field(default=None, description="The requested model type, if there is one.")


class DeeplTranslations(BaseModel):
    """The translations, in the same order as the texts of the request."""

    translations: list[DeeplTranslation] = Field(description="One translation for each text.")


@router.post(
    "/translate",
    operation_id="deepl_translate",
    response_model_exclude_none=True,
    openapi_extra={**documented_body(DeeplRequest), "parameters": PEER_PARAMETERS},
    responses=with_links(FAILURES, usage=link("deepl_get_usage", "The usage after this request.")),
)
async def translate(request: Request, runtime: RuntimeDep, context: PeerContextDep) -> DeeplTranslations:
    """Translate texts for clients of DeepL's API."""
    fields = await read_body(request, DeeplRequest)
    source, target = runtime.newsroom.languages
    require_target(fields.target_lang, target, "target_lang")
    texts, options = texts_of_parameter("text", fields.text, runtime.limits), _options(fields)
    region = fields.target_lang.strip().lower()
    runtime.limits.require_fitting(fields.context or "", "/context")
    options = replace(options, house_style=target.region_styles.get(region), context=fields.context or "")
    if fields.tag_handling == "xml":
        _require_readable(texts)
    sources = await source_languages(fields.source_lang, texts, options, source, "source_lang", context)
    terms = GlossaryTerms(name=_glossary_name(fields))
    found = await translate_texts(runtime.newsroom, texts, sources, options, context, terms=terms)
    billed = [len(text) if fields.show_billed_characters else None for text in texts]
    used = None if fields.model_type is None else fields.model_type.removeprefix("prefer_")
    return DeeplTranslations(
        translations=[
            DeeplTranslation(
                detected_source_language=code.upper(), text=text, billed_characters=chars, model_type_used=used
            )
            for (code, _), text, chars in zip(sources, found, billed, strict=True)
        ]
    )


def _glossary_name(fields: DeeplRequest) -> str | None:
    """Return the name of the requested glossary, or None if no glossary is requested.

    Raises:
        InvalidInput: both ``glossary_id`` and ``glossary_ids`` are set.
    """
    if fields.glossary_id and fields.glossary_ids:
        detail = "Value for 'glossary_ids' not supported: 'glossary_id' is also set."
        raise InvalidInput("invalid_request", detail, pointer="/glossary_ids")
    return next(iter(fields.glossary_ids or []), fields.glossary_id or None)


def _require_readable(texts: Iterable[str]) -> None:
    """Raise `InvalidInput` if a text contains an XML construct that the parser does not support.

    Without this check, text in such a construct would stay untranslated without a warning.
    """
    for text in texts:
        for name, pattern in _UNREAD.items():
            if pattern.search(text):
                detail = f"Value for 'tag_handling' not supported: 'xml' cannot be combined with {name}."
                raise InvalidInput("markup_unsupported", detail, pointer="/tag_handling")


def _options(fields: DeeplRequest) -> TranslationOptions:
    """Return the translation options of a request.

    Raises:
        InvalidInput: a parameter requires a value of ``tag_handling`` that the request does not have.
    """
    split = SPLITS[fields.split_sentences]
    if fields.tag_handling is None:
        _refuse_tags(fields, "ignore_tags", "non_splitting_tags", "splitting_tags")
    if fields.tag_handling != "xml" and not fields.outline_detection:
        raise _needs_tag_handling("outline_detection", "this parameter requires 'tag_handling' to be 'xml'.")
    if fields.tag_handling is None:
        return TranslationOptions(split=split)
    return TranslationOptions(format="html", split=split, tags=_rules(fields))


def _refuse_tags(fields: DeeplRequest, *names: str) -> None:
    for name in names:
        if getattr(fields, name):
            raise _needs_tag_handling(name, "this parameter requires 'tag_handling' to be 'html' or 'xml'.")


def _needs_tag_handling(name: str, why: str) -> InvalidInput:
    return InvalidInput("needs_tag_handling", f"Value for '{name}' not supported: {why}", pointer=f"/{name}")


def _rules(fields: DeeplRequest) -> TagRules:
    return TagRules(
        xml=fields.tag_handling == "xml",
        ignored=fields.ignore_tags,
        splitting=fields.splitting_tags,
        non_splitting=fields.non_splitting_tags,
        outline=fields.outline_detection,
    )


class DeeplLanguage(BaseModel):
    """A language, in the format of DeepL's API."""

    language: str = Field(description="Code of the language.")
    name: str = Field(description="Name of the language.")
    supports_formality: bool | None = Field(default=None, description="False. Only target languages have this field.")


class LanguagesQuery(Bounded):
    """The parameters of DeepL's ``languages`` endpoint."""

    model_config = ConfigDict(extra="forbid")

    type: Literal["source", "target"] = "source"
    enable_beta_languages: Switch = False
    auth_key: str | None = None


_DOCUMENTED_TYPE = {
    "name": "type",
    "in": "query",
    "description": "Whether to list source languages or target languages.",
    "schema": LanguagesQuery.model_json_schema()["properties"]["type"],
}


@router.get(
    "/languages",
    operation_id="deepl_list_languages",
    response_model_exclude_none=True,
    openapi_extra={"parameters": [_DOCUMENTED_TYPE]},
)
async def languages(request: Request, newsroom: NewsroomDep) -> list[DeeplLanguage]:
    """List the supported source languages or, if ``type`` is "target", the supported target languages."""
    source, target = newsroom.languages
    if (await read_parameters(request, LanguagesQuery)).type == "source":
        return [DeeplLanguage(language=source.code.upper(), name=source.name)]
    listed = [(target.code, target.name), *((code, name) for code, name in target.regions.items() if name)]
    return [DeeplLanguage(language=code.upper(), name=name, supports_formality=False) for code, name in listed]


class LanguagePairOut(BaseModel):
    """A pair of source and target language for which the server can have glossaries."""

    source_lang: str = Field(description="Code of the source language.")
    target_lang: str = Field(description="Code of the target language.")


class LanguagePairs(BaseModel):
    """The language pairs for which the server has glossaries."""

    supported_languages: list[LanguagePairOut] = Field(description="The language pairs.")


@router.get("/glossary-language-pairs", operation_id="deepl_list_glossary_language_pairs")
async def glossary_language_pairs(newsroom: NewsroomDep) -> LanguagePairs:
    """List the language pairs for which the server has glossaries. The list is empty if there are no glossaries."""
    source, target = newsroom.languages
    pair = LanguagePairOut(source_lang=source.code, target_lang=target.code)
    return LanguagePairs(supported_languages=[pair] if newsroom.glossaries else [])


class DeeplGlossary(BaseModel):
    """A glossary that is stored on the server. ``glossary_id`` and ``name`` are the same."""

    glossary_id: str = Field(description="Name of the glossary.")
    name: str = Field(description="Name of the glossary.")
    ready: bool = Field(default=True, description="Always true.")
    source_lang: str = Field(description="Code of the source language.")
    target_lang: str = Field(description="Code of the target language.")
    creation_time: dt.datetime = Field(description="Time of the last change to the file.")
    entry_count: int = Field(description="Number of entries.")


class DeeplGlossaries(BaseModel):
    """The glossaries that are stored on the server."""

    glossaries: list[DeeplGlossary] = Field(description="The glossaries.")


def _glossary_out(name: str, newsroom: Newsroom) -> DeeplGlossary:
    source, target = newsroom.languages
    terms = newsroom.glossaries[name]
    return DeeplGlossary(
        glossary_id=name,
        name=name,
        source_lang=source.code,
        target_lang=target.code,
        creation_time=dt.datetime.fromtimestamp(terms.changed_s, dt.UTC),
        entry_count=len(terms.entries),
    )


@router.get("/glossaries", operation_id="deepl_list_glossaries")
async def glossaries(newsroom: NewsroomDep) -> DeeplGlossaries:
    """List the glossaries that are stored on the server. Clients cannot create or delete them."""
    return DeeplGlossaries(glossaries=[_glossary_out(name, newsroom) for name in newsroom.glossaries])


# The parameter is documented by hand. Otherwise, FastAPI would document a validation error that cannot occur.
PRINTABLE = r"^[^\x00-\x1f\x7f-\x9f]+$"
_GLOSSARY_ID = {
    "name": "glossary_id",
    "in": "path",
    "description": "Name of the glossary.",
    "required": True,
    "schema": {"type": "string", "pattern": PRINTABLE},
}
ONE_GLOSSARY: dict[str, Any] = {
    "openapi_extra": {"parameters": [_GLOSSARY_ID]},
    "responses": FAILURES | {404: {**FAILURES[400], "description": "There is no glossary with this id."}},
}


@router.get("/glossaries/{glossary_id}", operation_id="deepl_get_glossary", **ONE_GLOSSARY)  # noqa: FAST003
async def glossary(request: Request, newsroom: NewsroomDep) -> DeeplGlossary:
    """Return the name, the languages and the number of entries of a glossary."""
    return _glossary_out(required_glossary(request, newsroom), newsroom)


@router.get(
    "/glossaries/{glossary_id}/entries",  # noqa: FAST003
    operation_id="deepl_get_glossary_entries",
    response_class=Response,
    openapi_extra=ONE_GLOSSARY["openapi_extra"],
    responses=ONE_GLOSSARY["responses"]
    | {200: {"content": {"text/tab-separated-values": {"schema": {"type": "string"}}}}},
)
async def glossary_entries(request: Request, newsroom: NewsroomDep) -> Response:
    """Return the entries of a glossary, one per line. A tab separates each term from its translation."""
    entries = entries_as_tsv(newsroom.glossaries[required_glossary(request, newsroom)])
    return Response(entries, media_type="text/tab-separated-values; charset=utf-8")


def entries_as_tsv(terms: Terms) -> str:
    """Return the entries of a glossary, one per line. A tab separates each term from its translation."""
    return "\n".join(f"{term}\t{translation}" for term, translation in terms.entries.items())


def required_glossary(request: Request, newsroom: Newsroom) -> str:
    """Return the name of the glossary from the path of the request.

    Raises:
        HTTPException: there is no glossary with this name (404).
    """
    name = str(request.path_params["glossary_id"])
    if name not in newsroom.glossaries:
        raise HTTPException(404, "there is no glossary with this id")
    return name


class DeeplUsage(BaseModel):
    """The number of characters that the caller has used, and the number that the caller may use.

    If the service has several character limits, the numbers refer to the limit with the longest time window. If the
    service has no character limit, ``character_count`` is 0 and ``character_limit`` is too large to be reached.
    """

    character_count: int = Field(default=0, description="Characters that the caller has used.")
    character_limit: int = Field(default=NO_LIMIT_CHARS, description="Characters that the caller may use.")


@router.get("/usage", operation_id="deepl_get_usage")
async def usage(request: Request) -> DeeplUsage:
    """Return how many characters the caller has used and how many the caller may use."""
    ask = info_of(request.scope).quota
    quota = None if ask is None else await ask()
    return DeeplUsage() if quota is None else DeeplUsage(character_count=quota[0], character_limit=quota[1])
