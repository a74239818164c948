"""The endpoint of LibreTranslate's API that translates files.

The service stores no files. The URL in the response is therefore a ``data:`` URL, which contains the translated file.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from service.bounded import Bounded
from service.documents.docx import NAME as DOCX
from service.errors import InvalidInput
from service.http.admission import Requires
from service.http.compat.errors import FAILURES, CompatibleRoute
from service.http.compat.forms import (
    MAX_FORM_FIELDS,
    MULTIPART,
    media_type,
    needs_detection,
    require_target,
    source_languages,
)
from service.http.language_fields import SourceForm, TargetForm
from service.http.responses import PEER_PARAMETERS, PeerContextDep
from service.http.routes import require_open
from service.http.state import RuntimeDep
from service.newsroom.commands import ArticleCommand, CallContext, SummaryForm, TranslateCommand
from service.newsroom.newsroom import Newsroom
from service.summarization.styles import length_of
from service.translation.preparation import Format, TranslationOptions

FORMATS: Mapping[str, Format] = {".txt": "text", ".html": "html", ".htm": "html"}
WORD = ".docx"
SUFFIXES = (*FORMATS, WORD)
_MEDIA_TYPES = {
    ".txt": "text/plain;charset=utf-8",
    ".html": "text/html;charset=utf-8",
    ".htm": "text/html;charset=utf-8",
    WORD: "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
}

router = APIRouter(
    route_class=CompatibleRoute,
    dependencies=[Depends(require_open)],
    responses=FAILURES,
    tags=["LibreTranslate-compatible"],
)


class FileRequest(Bounded):
    """The fields of LibreTranslate's ``translate_file`` endpoint, without the file."""

    model_config = ConfigDict(extra="forbid")

    source: SourceForm = Field(default="auto", description="A language code, or `auto` to detect the language.")
    target: TargetForm = Field(description="The code of the target language.")
    api_key: str | None = Field(default=None, description="The API key, if it is not in a header.")


class LibreTranslatedFile(BaseModel):
    """The translated file as a ``data:`` URL."""

    translatedFileUrl: str = Field(description="The file as a URL.")  # noqa: N815 - LibreTranslate's name


@dataclass(frozen=True, slots=True)
class _File:
    suffix: str
    content: bytes


_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            MULTIPART: {
                "schema": {
                    "type": "object",
                    "required": ["file", "target"],
                    "additionalProperties": False,
                    "properties": {
                        "file": {
                            "type": "string",
                            "format": "binary",
                            "description": f"The file. Its name must end in {', '.join(SUFFIXES)}.",
                        },
                        **FileRequest.model_json_schema()["properties"],
                    },
                }
            }
        },
    },
    "parameters": PEER_PARAMETERS,
}


@router.post(
    "/translate_file",
    operation_id="libretranslate_translate_file",
    openapi_extra=_BODY,
    dependencies=[Depends(Requires("translate"))],
)
async def translate_file(request: Request, runtime: RuntimeDep, context: PeerContextDep) -> LibreTranslatedFile:
    """Translate a text file, a web page or a Word document for clients of LibreTranslate's API.

    The name of the file must end in .txt, .html, .htm or .docx. Text must be encoded in UTF-8.
    """
    fields, file = await _read_form(request)
    newsroom = runtime.newsroom
    source, target = newsroom.languages
    require_target(fields.target, target, "target")
    if file.suffix == WORD:
        needs_detection(fields.source, source, "source")
        content = await _translated_word(newsroom, file, context)
    else:
        text, options = _decoded(file), TranslationOptions(format=FORMATS[file.suffix])
        runtime.limits.require_text(text, "/file")
        await source_languages(fields.source, [text], options, source, "source", context)
        answer = await newsroom.translate(TranslateCommand([text], options), context)
        content = base64.b64encode(answer.translations[0].text.encode()).decode()
    return LibreTranslatedFile(translatedFileUrl=f"data:{_MEDIA_TYPES[file.suffix]};base64,{content}")


async def _translated_word(newsroom: Newsroom, file: _File, context: CallContext) -> str:
    """Return the translated Word document as Base64 text."""
    document = {"format": DOCX, "content": base64.b64encode(file.content).decode()}
    command = ArticleCommand(
        outputs=["translation"],
        form=SummaryForm(length_of("abstract", None)),
        document=document,
        document_bytes=len(file.content),
        write_as=DOCX,
        clean=False,
    )
    answer = await newsroom.article(command, context)
    return str((answer.written or {})["content"])


async def _read_form(request: Request) -> tuple[FileRequest, _File]:
    """Read the fields and the file of a multipart form.

    Raises:
        HTTPException: the body is not a multipart form (415).
        InvalidInput: the form is malformed or has no file, or the name of the file does not end in one of `SUFFIXES`.
        ValidationError: a field is missing, unknown or invalid.
    """
    if media_type(request) != MULTIPART:
        raise HTTPException(415, "the body must be a multipart form")
    size = len(await request.body())
    try:
        async with request.form(max_files=1, max_fields=MAX_FORM_FIELDS, max_part_size=size) as form:
            given = {name: value for name, value in form.multi_items() if isinstance(value, str) and value}
            uploads = [value for name, value in form.multi_items() if name == "file" and not isinstance(value, str)]
            fields = FileRequest.model_validate(given)
            if not uploads:
                raise InvalidInput("invalid_request", "Parameter 'file' is missing.", pointer="/file")
            suffix = PurePath(uploads[0].filename or "").suffix.lower()
            if suffix not in SUFFIXES:
                detail = f"Value for 'file' not supported: the name must end in {', '.join(SUFFIXES)}."
                raise InvalidInput("file_unsupported", detail, pointer="/file")
            return fields, _File(suffix, await uploads[0].read())
    except HTTPException as error:
        raise InvalidInput("malformed_form", f"the form is malformed: {error.detail}") from error


def _decoded(file: _File) -> str:
    try:
        return file.content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidInput("file_unsupported", "the file is not valid UTF-8", pointer="/file") from error
