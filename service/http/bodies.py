"""Parsing and validation of JSON bodies. A worker process handles large bodies."""

import asyncio
import json
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError

from service.bounded import MAX_ERRORS
from service.errors import DepescheError, InvalidInput
from service.generation.call import TEXT_THREADS, in_time
from service.http.admission import SMALL_BYTES
from service.http.state import info_of, runtime_of

_MILLISECONDS = re.compile(r"[1-9][0-9]{0,8}")
MAX_VALUES = 50_000
"""The maximum number of values (members, items and the containers themselves) in a large JSON body."""


@dataclass(frozen=True, slots=True)
class Invalid:
    """The validation errors of a body, in the same format as the errors of FastAPI's `RequestValidationError`.

    At most `MAX_ERRORS` + 1 errors are included.
    """

    errors: list[dict[str, Any]]


def parse_json(body: bytes, model: type[BaseModel]) -> BaseModel | Invalid:
    """Parse a JSON body, and validate it against ``model``.

    Return the validated model, or the errors if the body is not valid JSON or violates the model.

    Raises:
        InvalidInput: the body contains more than `MAX_VALUES` values.
    """
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return Invalid([{"type": "json_invalid", "loc": ("body",), "msg": "JSON decode error"}])
    require_few_values(value)
    try:
        return model.model_validate(value)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=True, include_input=False)[: MAX_ERRORS + 1]
        return Invalid([{**one, "loc": ("body", *one["loc"]), "ctx": _plain(one.get("ctx", {}))} for one in found])


def _plain(context: dict[str, Any]) -> dict[str, Any]:
    """Return only the numbers and strings in ``context``, the additional data of a validation error.

    Other values, such as exceptions, may not be picklable, so a worker process could not return them.
    """
    return {name: value for name, value in context.items() if isinstance(value, int | float | str)}


def require_few_values(value: object) -> None:
    """Check that the parsed JSON document ``value`` contains at most `MAX_VALUES` values.

    Each value costs memory and time wherever the document is copied or searched.

    Raises:
        InvalidInput: the document contains more values.
    """
    count, waiting = 0, [value]
    while waiting:
        one = waiting.pop()
        count += 1
        if isinstance(one, dict):
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one
        if count + len(waiting) > MAX_VALUES:
            detail = f"the body contains more than {MAX_VALUES:,} JSON values; split the request"
            raise InvalidInput("too_many_values", detail, limit=MAX_VALUES)


async def in_worker(request: Request, work: Callable[..., Any], *args: Any) -> Any:
    """Run ``work`` with ``args`` in a worker process, and return its result.

    The time limit of ``request`` starts when its head has arrived.

    Raises:
        DeadlineExceeded: the work did not finish in time.
        DepescheError: see `Workers.run`.
    """
    left_s = info_of(request.scope).started_s + _limit_s(request) - time.monotonic()
    return await in_time(asyncio.get_running_loop().time() + left_s, TEXT_THREADS.workers.run(work, *args))


def _limit_s(request: Request) -> float:
    """Return the time limit of the request in seconds.

    The body is parsed before FastAPI validates the headers. An invalid header is ignored here and rejected later.
    """
    given = request.headers.get("request-timeout-ms", "")
    return int(given) / 1000 if _MILLISECONDS.fullmatch(given) else runtime_of(request).timeout_s


class LargeBodyRoute(APIRoute):
    """A route that parses and validates JSON bodies of more than `SMALL_BYTES` bytes in a worker process."""

    def get_route_handler(self) -> Callable[[Request], Awaitable[Response]]:  # type: ignore[override]  # a coroutine is awaitable
        """Return a handler that calls FastAPI's handler with a `_ParsedRequest`."""
        handler = super().get_route_handler()
        model: Any = None if self.body_field is None else self.body_field.field_info.annotation

        async def handle(request: Request) -> Response:
            parsed = _ParsedRequest(request, model)
            try:
                return await handler(parsed)
            except RequestValidationError:
                if parsed.failure is None:
                    raise
                raise parsed.failure from None

        return handle


class _ParsedRequest(Request):
    """A request whose ``json`` method validates a large body in a worker process.

    If the body is not valid, ``failure`` is set to the error, and ``json`` returns an object that FastAPI cannot
    validate. FastAPI first checks the dependencies of the route and then raises its own error, which `LargeBodyRoute`
    replaces with ``failure``. If ``json`` raised an error instead, FastAPI would respond with status 400.
    """

    def __init__(self, request: Request, model: type[BaseModel] | None) -> None:
        super().__init__(request.scope, request.receive)
        self._model = model
        self.failure: DepescheError | RequestValidationError | None = None

    async def json(self) -> Any:
        """Return the parsed JSON of a small body, or the validated model of a large body.

        If a large body is not valid, return an object that FastAPI cannot validate. If the route has no model, return
        the parsed JSON of any body.
        """
        body = await self.body()
        if self._model is None or len(body) <= SMALL_BYTES:
            return await super().json()
        try:
            found = await in_worker(self, parse_json, body, self._model)
        except DepescheError as error:
            self.failure = error
            return error
        if isinstance(found, Invalid):
            self.failure = RequestValidationError(found.errors)
        return found
