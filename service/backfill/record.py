"""Conversion of archive lines to output records, which contain a response of ``POST /v1/articles`` or an error."""

import asyncio
import contextlib
import json
import logging
import math
from dataclasses import replace
from typing import Any

from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from service.backfill.journal import InputLine
from service.errors import DepescheError, EngineHung, InvalidInput, Unavailable
from service.http import problems
from service.http.admission import is_deeper
from service.http.mapping import article_response
from service.http.requests import ArticleRequest
from service.http.schemas import FieldProblem
from service.newsroom.answers import ArticleAnswer
from service.newsroom.commands import ArticleCommand, CallContext, TextLimits
from service.newsroom.newsroom import Newsroom
from service.observability import logs
from service.text.normalization import check_text

Record = dict[str, Any]
ID_CHARS = 1_000
LENGTHS = ("length", "max_chars", "max_words", "max_sentences")
HANG_ATTEMPTS = 3
HANG_PAUSE_S = 1.0
_log = logging.getLogger("depesche")


class EngineDead(DepescheError):
    """An engine has failed permanently, so this process cannot process any more lines."""


class Worker:
    """A worker that converts archive lines to output records.

    ``newsroom`` must have been started. ``defaults`` contains values for request fields that a line omits. If ``cache``
    is False, the worker neither reads nor writes the cache. Lines have no deadline, because no caller is waiting for
    them.
    """

    def __init__(
        self, newsroom: Newsroom, limits: TextLimits, max_line_bytes: int, defaults: dict[str, Any], *, cache: bool
    ) -> None:
        self._newsroom = newsroom
        self._limits = limits
        self._max_line_bytes = max_line_bytes
        self._defaults = defaults
        self._cache = cache

    async def record(self, line: InputLine) -> Record:
        """Return the output record of a line: ``{id, line, result}`` or ``{id, line, error}``.

        An invalid line produces an error record, not an exception. The request id in the error is derived from the line
        number, so another run would produce the same record.

        Raises:
            EngineDead: an engine has failed permanently.
        """
        name: str | int | float = line.number
        request_id = f"line-{line.number}"
        try:
            body = self._body(line)
            if isinstance(body, dict) and "id" in body:
                name = _checked_id(body.pop("id"))
            return {"id": name, "line": line.number, "result": await self._result(body)}
        except _Refused as refused:
            error = problems.problem_body(request_id, *refused.args, fields=refused.fields)
        except EngineDead:
            raise
        except Exception as failure:  # noqa: BLE001 - one line's failure does not stop the lines after it
            if not isinstance(failure, DepescheError | RequestValidationError):
                _log.error("line %d: %s", line.number, logs.failure(failure))
            error = problems.problem_of(request_id, failure)
        return {"id": name, "line": line.number, "error": error.model_dump()}

    def _body(self, line: InputLine) -> Any:
        if line.data is None:
            raise _TooLong(self._max_line_bytes)
        most = self._limits.depth
        if is_deeper(line.data, most):
            raise InvalidInput(
                "json_too_deep", f"arrays and objects may be nested at most {most} levels deep", limit=most
            )
        try:
            body = json.loads(line.data)
        except (ValueError, RecursionError) as error:
            raise _Refused(400, "malformed_json", "the line is not valid JSON") from error
        return self._with_defaults(body) if isinstance(body, dict) else body

    def _with_defaults(self, body: Record) -> Record:
        defaults = dict(self._defaults)
        if any(body.get(name) is not None for name in LENGTHS):
            defaults.pop("length", None)
        elif "length" in defaults:
            body.pop("length", None)  # null means that the line sets no length
        return defaults | body

    async def _result(self, body: Any) -> Record:
        try:
            article = ArticleRequest.model_validate(body, from_attributes=True)
        except ValidationError as error:
            found = error.errors(include_url=False, include_input=False)
            raise RequestValidationError([{**e, "loc": ("body", *e["loc"])} for e in found]) from error
        answer = await self._answer(replace(article.command(self._newsroom.languages), priority="bulk"))
        result: Record = article_response(answer).model_dump(mode="json")
        return result

    async def _answer(self, command: ArticleCommand) -> ArticleAnswer:
        """Process an article, and retry if the cause of a failure may be temporary.

        If the service is temporarily unavailable, for example because a queue is full, the worker waits and retries
        without a limit. If the engine call hangs, the article gets up to ``HANG_ATTEMPTS`` attempts, because another
        article in the same call may be the cause.

        Raises:
            EngineDead: an engine has failed permanently.
            DepescheError: the article cannot be processed.
        """
        hangs = 0
        while True:
            try:
                context = CallContext(read_cache=self._cache, write_cache=self._cache)
                return await self._newsroom.article(command, context)
            except DepescheError as error:
                if self._newsroom.dead:
                    raise EngineDead(
                        "an engine has failed permanently; run the same command again to resume"
                    ) from error
                hangs += isinstance(error, EngineHung)
                if not isinstance(error, Unavailable | EngineHung) or hangs >= HANG_ATTEMPTS:
                    raise
                await asyncio.sleep(error.retry_after_s if isinstance(error, Unavailable) else HANG_PAUSE_S)


class _Refused(Exception):
    """A line was rejected before validation.

    The arguments are the HTTP status, the code and the detail of the API error.
    """

    fields: tuple[FieldProblem, ...] = ()


class _TooLong(_Refused):
    def __init__(self, max_line_bytes: int) -> None:
        detail = f"the line has more than {max_line_bytes} bytes"
        super().__init__(413, "body_too_large", detail)
        self.fields = (FieldProblem(pointer="", code="body_too_large", detail=detail, limit=max_line_bytes),)


def _checked_id(given: Any) -> str | int | float:
    if isinstance(given, str) and len(given) <= ID_CHARS:
        with contextlib.suppress(InvalidInput):  # the error below has a specific code for ids
            check_text(given)
            return given
    if isinstance(given, int | float) and not isinstance(given, bool) and math.isfinite(given):
        return given
    detail = f"id must be a finite number, or a valid Unicode string of at most {ID_CHARS} characters"
    raise InvalidInput("id_invalid", detail, pointer="/id", limit=ID_CHARS)


def encoded(record: Record) -> bytes:
    """Encode a record as a line of the output. A lone surrogate has no UTF-8 form, so it becomes a JSON escape."""
    text = json.dumps(record, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.encode("utf-8", "backslashreplace") + b"\n"
