"""Parsing and validation of JSON bodies. Large bodies are processed in a worker process."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError

from service.bounded import MAX_ERRORS
from service.errors import DeadlineExceeded, DepescheError, InvalidInput
from service.generation.call import TEXT_THREADS
from service.http.admission import SMALL_BYTES
from service.http.state import info_of, runtime_of

MAX_VALUES = 50_000
"""The maximum number of values (members, items and the containers themselves) in a large JSON body."""


@dataclass(frozen=True, slots=True)
class Invalid:
    """The validation errors of a body, in the form of `RequestValidationError`. There are at most `MAX_ERRORS` + 1."""

    errors: list[dict[str, Any]]


def parse_json(body: bytes, model: type[BaseModel]) -> BaseModel | Invalid:
    """Parse and validate a JSON body.

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
    """Return the numbers and strings of an error's context. It may also contain exceptions, which need no pickling."""
    return {name: value for name, value in context.items() if isinstance(value, int | float | str)}


def require_few_values(value: object) -> None:
    """Raise `InvalidInput` if a parsed JSON document contains more than `MAX_VALUES` values.

    Each value costs memory and time wherever the document is copied or searched.
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
            detail = f"the body contains more than {MAX_VALUES:,} JSON values"
            raise InvalidInput("too_many_values", detail, limit=MAX_VALUES)


async def in_worker(request: Request, work: Callable[..., Any], *args: Any) -> Any:
    """Run ``work`` in a worker process until the default deadline of a request, counted from its first byte.

    Raises:
        DeadlineExceeded: the deadline passed.
        DepescheError: see `Workers.run`.
    """
    left_s = info_of(request.scope).started_s + runtime_of(request).timeout_s - time.monotonic()
    try:
        async with asyncio.timeout(left_s):
            return await TEXT_THREADS.workers.run(work, *args)
    except TimeoutError as error:
        raise DeadlineExceeded("the request's deadline passed before its body was read") from error


class LargeBodyRoute(APIRoute):
    """A route that parses and validates JSON bodies of more than `SMALL_BYTES` bytes in a worker process."""

    def get_route_handler(self) -> Callable[[Request], Awaitable[Response]]:  # type: ignore[override]  # a coroutine is awaitable
        """Return the handler of the route. It gets a request whose body may have been validated already."""
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
    """A request whose ``json`` method returns the validated model if the body is large and valid.

    If the body is not valid, the method returns an object that FastAPI rejects after it has checked the dependencies of
    the route, and ``failure`` is the error to raise instead. An error that the method raised would become a 400.
    """

    def __init__(self, request: Request, model: type[BaseModel] | None) -> None:
        super().__init__(request.scope, request.receive)
        self._model = model
        self.failure: DepescheError | RequestValidationError | None = None

    async def json(self) -> Any:
        """Return the parsed or validated body."""
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
