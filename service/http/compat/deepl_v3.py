"""Endpoints that are compatible with version 3 of DeepL's API: the languages, and glossaries that cannot be changed."""

import datetime as dt
from typing import Any, Literal

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field

from service.bounded import Bounded
from service.http.admission import Requires
from service.http.compat.deepl import ONE_GLOSSARY, entries_as_tsv, required_glossary
from service.http.compat.errors import FAILURES, CompatibleRoute
from service.http.compat.forms import Switch, needs_detection, read_parameters, require_target
from service.http.routes import require_open
from service.http.state import NewsroomDep
from service.newsroom.newsroom import Newsroom

Resource = Literal["translate_text", "translate_document", "glossary", "voice", "write", "style_rules"]

router = APIRouter(
    prefix="/v3",
    route_class=CompatibleRoute,
    dependencies=[Depends(Requires("translate")), Depends(require_open)],
    responses=FAILURES,
    tags=["DeepL-compatible"],
)


class LanguagesQueryV3(Bounded):
    """The parameters of DeepL's ``languages`` endpoint. ``product`` is the earlier name of ``resource``."""

    model_config = ConfigDict(extra="forbid")

    resource: Resource | None = None
    product: Resource | None = None
    enable_beta_languages: Switch = False
    auth_key: str | None = None


class DeeplLanguageV3(BaseModel):
    """A language, and the features of a resource that can be used with it.

    The keys of ``features`` are the names of these features.
    """

    lang: str = Field(description="Code of the language.")
    name: str = Field(description="Name of the language.")
    usable_as_source: bool = Field(description="Whether texts can be translated from this language.")
    usable_as_target: bool = Field(description="Whether texts can be translated into this language.")
    features: dict[str, dict[str, str]] = Field(description="The features, by name. The values are empty objects.")


_NAMES: Any = LanguagesQueryV3.model_json_schema()["properties"]["resource"]["anyOf"][0]
_DOCUMENTED = [
    {
        "name": "resource",
        "in": "query",
        "description": "The DeepL resource for which to list languages.",
        "schema": _NAMES,
    },
    {"name": "product", "in": "query", "description": "Earlier name of `resource`.", "schema": _NAMES},
]


@router.get("/languages", operation_id="deepl_list_languages_by_resource", openapi_extra={"parameters": _DOCUMENTED})
async def languages(request: Request, newsroom: NewsroomDep) -> list[DeeplLanguageV3]:
    """List the languages for a resource, which is ``translate_text`` by default.

    Only ``translate_text`` and ``glossary`` have languages. The list is empty for the other resources of DeepL, and for
    ``glossary`` if the server has no glossaries.
    """
    query = await read_parameters(request, LanguagesQueryV3)
    resource = query.resource or query.product or "translate_text"
    if resource not in {"translate_text", "glossary"} or (resource == "glossary" and not newsroom.glossaries):
        return []
    source, target = newsroom.languages
    given: list[str] = [*(["glossary"] if newsroom.glossaries else []), "tag_handling"]
    features: dict[str, dict[str, str]] = {} if resource == "glossary" else {name: {} for name in given}
    of_source = {**features, "auto_detection": {}} if features else {}
    listed = [(target.code, target.name), *((code, name) for code, name in target.regions.items() if name)]
    return [
        DeeplLanguageV3(
            lang=source.code, name=source.name, usable_as_source=True, usable_as_target=False, features=of_source
        ),
        *(
            DeeplLanguageV3(
                lang=_with_region(code), name=name, usable_as_source=False, usable_as_target=True, features=features
            )
            for code, name in listed
        ),
    ]


def _with_region(code: str) -> str:
    language, dash, region = code.partition("-")
    return f"{language}{dash}{region.upper()}"


class DeeplDictionary(BaseModel):
    """The number of entries of a glossary for one language pair."""

    source_lang: str = Field(description="Code of the source language.")
    target_lang: str = Field(description="Code of the target language.")
    entry_count: int = Field(description="Number of entries.")


class DeeplGlossaryV3(BaseModel):
    """A glossary that is stored on the server. ``glossary_id`` and ``name`` are the same."""

    glossary_id: str = Field(description="Name of the glossary.")
    name: str = Field(description="Name of the glossary.")
    dictionaries: list[DeeplDictionary] = Field(description="The only language pair of the glossary.")
    creation_time: dt.datetime = Field(description="Time of the last change to the file.")


class DeeplGlossariesV3(BaseModel):
    """The glossaries that are stored on the server."""

    glossaries: list[DeeplGlossaryV3] = Field(description="The glossaries.")


class DeeplEntries(BaseModel):
    """The entries for one language pair, one per line. A tab separates each term from its translation."""

    source_lang: str = Field(description="Code of the source language.")
    target_lang: str = Field(description="Code of the target language.")
    entries: str = Field(description="The entries, one per line.")
    entries_format: Literal["tsv"] = Field(default="tsv", description="Format of `entries`.")


class DeeplDictionaryEntries(BaseModel):
    """The entries of a glossary for the requested language pair."""

    dictionaries: list[DeeplEntries] = Field(description="The entries, for the only language pair.")


class EntriesQuery(Bounded):
    """The parameters of the endpoint for the entries of a glossary."""

    model_config = ConfigDict(extra="forbid")

    source_lang: str | None = None
    target_lang: str | None = None
    auth_key: str | None = None


def _glossary_out(name: str, newsroom: Newsroom) -> DeeplGlossaryV3:
    source, target = newsroom.languages
    terms = newsroom.glossaries[name]
    pair = DeeplDictionary(source_lang=source.code, target_lang=target.code, entry_count=len(terms.entries))
    changed = dt.datetime.fromtimestamp(terms.changed_s, dt.UTC)
    return DeeplGlossaryV3(glossary_id=name, name=name, dictionaries=[pair], creation_time=changed)


@router.get("/glossaries", operation_id="deepl_list_multilingual_glossaries")
async def glossaries(newsroom: NewsroomDep) -> DeeplGlossariesV3:
    """List the glossaries that are stored on the server. Clients cannot create or delete them."""
    return DeeplGlossariesV3(glossaries=[_glossary_out(name, newsroom) for name in newsroom.glossaries])


@router.get("/glossaries/{glossary_id}", operation_id="deepl_get_multilingual_glossary", **ONE_GLOSSARY)  # noqa: FAST003
async def glossary(request: Request, newsroom: NewsroomDep) -> DeeplGlossaryV3:
    """Return the name, the language pair and the number of entries of a glossary."""
    return _glossary_out(required_glossary(request, newsroom), newsroom)


_PAIR = [
    {
        "name": f"{side}_lang",
        "in": "query",
        "description": f"Code of the {side} language. The default is the {side} language of the service.",
        "schema": {"type": "string"},
    }
    for side in ("source", "target")
]


@router.get(
    "/glossaries/{glossary_id}/entries",  # noqa: FAST003
    operation_id="deepl_get_multilingual_glossary_entries",
    openapi_extra={"parameters": [*ONE_GLOSSARY["openapi_extra"]["parameters"], *_PAIR]},
    responses=ONE_GLOSSARY["responses"],
)
async def glossary_entries(request: Request, newsroom: NewsroomDep) -> DeeplDictionaryEntries:
    """Return the entries of a glossary for a language pair. The default is the pair that the service supports."""
    query = await read_parameters(request, EntriesQuery)
    source, target = newsroom.languages
    needs_detection(query.source_lang, source, "source_lang")
    if query.target_lang is not None:
        require_target(query.target_lang, target, "target_lang")
    entries = entries_as_tsv(newsroom.glossaries[required_glossary(request, newsroom)])
    pair = DeeplEntries(source_lang=source.code, target_lang=target.code, entries=entries)
    return DeeplDictionaryEntries(dictionaries=[pair])
