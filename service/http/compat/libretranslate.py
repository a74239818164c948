"""Endpoints that are compatible with LibreTranslate's API.

A request with an unsupported parameter is rejected with an error that names the parameter.
"""

from typing import Literal

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field

from service.bounded import Bounded
from service.generation.call import off_loop
from service.http.admission import Requires
from service.http.compat.errors import FAILURES, CompatibleRoute
from service.http.compat.forms import (
    Count,
    Detected,
    documented_body,
    needs_detection,
    read_body,
    require_target,
    source_languages,
    texts_of_parameter,
    translate_texts,
)
from service.http.compat.libretranslate_files import SUFFIXES
from service.http.language_fields import SourceForm, TargetForm
from service.http.requests import Text
from service.http.responses import PEER_PARAMETERS, TIMEOUT_PARAMETER, PeerContextDep
from service.http.routes import require_open
from service.http.schemas import VISIBLE, link, with_links
from service.http.state import NewsroomDep, RuntimeDep
from service.languages.base import Language
from service.text.language_id import foreign_notice, likely_languages
from service.translation.preparation import TranslationOptions

MIN_DETECTED = 0.01

router = APIRouter(
    route_class=CompatibleRoute,
    dependencies=[Depends(require_open)],
    responses=FAILURES,
    tags=["LibreTranslate-compatible"],
)


class LibreRequest(Bounded):
    """The parameters of LibreTranslate's ``translate`` endpoint."""

    model_config = ConfigDict(extra="forbid")

    q: Text = Field(description="One text, or a list of texts.")
    source: SourceForm = Field(default="auto", description="A language code, or `auto` to detect the language.")
    target: TargetForm = Field(description="The code of the target language.")
    format: Literal["text", "html"] = Field(default="text", description="Format of the texts.")
    alternatives: Count = Field(default=0, description="Accepted, but the response never contains alternatives.")
    api_key: str | None = Field(default=None, description="The API key, if it is not in a header.")
    secret: str | None = Field(default=None, description="Accepted, but has no effect.")


class LibreDetected(BaseModel):
    """A detected language and its confidence from 0 to 100."""

    confidence: float = Field(description="Confidence, from 0 to 100.")
    language: str = Field(description="Code of the language.")


class LibreTranslation(BaseModel):
    """The translation of a text, or a list of translations if ``q`` is a list.

    ``detectedLanguage`` is present only if the request asked for detection. ``alternatives`` is present only if
    alternatives were requested, and it is always empty.
    """

    translatedText: str | list[str] = Field(description="The translation.")  # noqa: N815 - LibreTranslate's name
    detectedLanguage: LibreDetected | list[LibreDetected] | None = Field(  # noqa: N815 - LibreTranslate's name
        default=None, description="The language of each text, if the request asks for detection."
    )
    alternatives: list[str] | list[list[str]] | None = Field(default=None, description="Always empty.")


@router.post(
    "/translate",
    operation_id="libretranslate_translate",
    response_model_exclude_none=True,
    openapi_extra={**documented_body(LibreRequest), "parameters": PEER_PARAMETERS},
    dependencies=[Depends(Requires("translate"))],
)
async def translate(request: Request, runtime: RuntimeDep, context: PeerContextDep) -> LibreTranslation:
    """Translate texts for clients of LibreTranslate's API."""
    fields = await read_body(request, LibreRequest)
    source, target = runtime.newsroom.languages
    require_target(fields.target, target, "target")
    texts, options = texts_of_parameter("q", fields.q, runtime.limits), TranslationOptions(format=fields.format)
    sources = await source_languages(fields.source, texts, options, source, "source", context)
    found = await translate_texts(runtime.newsroom, texts, sources, options, context)
    return _answer(fields, found, [_detected_out(one) for one in sources], source)


def _answer(
    fields: LibreRequest, found: list[str], detected: list[LibreDetected], served: Language
) -> LibreTranslation:
    single = isinstance(fields.q, str)
    none: list[list[str]] = [[] for _ in found]
    answer = LibreTranslation(translatedText=found[0] if single else found)
    if needs_detection(fields.source, served, "source"):
        answer.detectedLanguage = detected[0] if single else detected
    if fields.alternatives:
        answer.alternatives = none[0] if single else none
    return answer


def _detection(text: str, source: Language) -> tuple[dict[str, float], bool]:
    """Return the probability of each likely language, and whether the text is clearly not in ``source``."""
    return dict(likely_languages(text, source)), foreign_notice(text, source) is not None


def _detected_out(source: Detected) -> LibreDetected:
    return LibreDetected(language=source[0], confidence=round(100 * source[1], 1))


class DetectRequest(Bounded):
    """The parameters of LibreTranslate's ``detect`` endpoint."""

    model_config = ConfigDict(extra="forbid")

    q: str = Field(description="The text.", json_schema_extra={"pattern": VISIBLE})
    api_key: str | None = Field(default=None, description="The API key, if it is not in a header.")


_TRANSLATE = "libretranslate_translate"
_DETECTED = link(_TRANSLATE, "Translate from the detected language.", body={"source": "$response.body#/0/language"})
_LISTED = link(
    _TRANSLATE,
    "Translate from the first language to the second.",
    body={"source": "$response.body#/0/code", "target": "$response.body#/1/code"},
)


@router.post(
    "/detect",
    operation_id="libretranslate_detect",
    openapi_extra={**documented_body(DetectRequest), "parameters": [TIMEOUT_PARAMETER]},
    responses=with_links(FAILURES, translate=_DETECTED),
    dependencies=[Depends(Requires("translate"))],
)
async def detect(request: Request, runtime: RuntimeDep, context: PeerContextDep) -> list[LibreDetected]:
    """Return the likely languages of a text, most likely first. Only languages that `/languages` lists are returned.

    Unless the text is clearly in another language, the source language comes first. Nothing is cached, so
    `Cache-Control` has no effect.
    """
    fields = await read_body(request, DetectRequest)
    (text,) = texts_of_parameter("q", fields.q, runtime.limits)
    source, target = runtime.newsroom.languages
    await context.charge(len(text))
    ranking, is_foreign = await context.in_time(off_loop(len(text), _detection, text, source))
    found = [(code, ranking.get(code, 0.0)) for code in (source.code, target.code)]
    found.sort(key=lambda one: (one[0] == source.code and not is_foreign, one[1]), reverse=True)
    return [_detected_out(one) for one in found if one[1] >= MIN_DETECTED or one == found[0]]


class FrontendLanguage(BaseModel):
    """A language that a client preselects."""

    code: str = Field(description="Code of the language.")
    name: str = Field(description="Name of the language.")


class FrontendLanguages(BaseModel):
    """The source language and the target language that a client preselects."""

    source: FrontendLanguage = Field(description="The source language.")
    target: FrontendLanguage = Field(description="The target language.")


class FrontendSettings(BaseModel):
    """The settings that clients of LibreTranslate read. ``charLimit`` is the maximum number of characters in a text."""

    charLimit: int = Field(description="Maximum number of characters.")  # noqa: N815 - LibreTranslate's name
    frontendTimeout: int = Field(  # noqa: N815 - LibreTranslate's name
        default=500, description="Milliseconds that a client waits after a change of the text before it translates."
    )
    apiKeys: bool = Field(description="Whether the service uses API keys.")  # noqa: N815 - LibreTranslate's name
    keyRequired: bool = Field(description="Whether requests need an API key.")  # noqa: N815 - LibreTranslate's name
    suggestions: bool = Field(default=False, description="False: clients cannot suggest translations.")
    filesTranslation: bool = Field(  # noqa: N815 - LibreTranslate's name
        default=True, description="True: `/translate_file` translates files."
    )
    supportedFilesFormat: list[str] = Field(  # noqa: N815 - LibreTranslate's name
        default=list(SUFFIXES), description="Endings of the names of files that can be translated."
    )
    language: FrontendLanguages = Field(description="The languages that a client preselects.")


@router.get("/frontend/settings", operation_id="libretranslate_get_settings")
async def settings(runtime: RuntimeDep) -> FrontendSettings:
    """Return the settings that clients of LibreTranslate read when they start."""
    source, target = runtime.newsroom.languages
    return FrontendSettings(
        charLimit=runtime.limits.chars,
        apiKeys=runtime.keys is not None,
        keyRequired=runtime.keys is not None,
        language=FrontendLanguages(
            source=FrontendLanguage(code=source.code, name=source.name),
            target=FrontendLanguage(code=target.code, name=target.name),
        ),
    )


class LibreLanguage(BaseModel):
    """A language, with the codes of the languages into which it can be translated (``targets``)."""

    code: str = Field(description="Code of the language.")
    name: str = Field(description="Name of the language.")
    targets: list[str] = Field(description="Codes of the languages into which it can be translated.")


@router.get(
    "/languages", operation_id="libretranslate_list_languages", responses=with_links(FAILURES, translate=_LISTED)
)
async def languages(newsroom: NewsroomDep) -> list[LibreLanguage]:
    """List the two supported languages: first the source language, then the target language."""
    source, target = newsroom.languages
    return [
        LibreLanguage(code=source.code, name=source.name, targets=[target.code]),
        LibreLanguage(code=target.code, name=target.name, targets=[]),
    ]
