"""Error responses that clients of DeepL's API and of LibreTranslate's API understand."""

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import Request, Response
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from pydantic import ValidationError
from starlette.exceptions import HTTPException

from service.errors import AccessDenied, ClientGone, DepescheError, InvalidInput, QuotaExceeded
from service.http import problems
from service.http.problems import Failure
from service.http.schemas import reference
from service.http.state import info_of

UNSUPPORTED = "unsupported"
"""The type of validation errors for parameters that the original API has but this service does not support."""
MAX_NAME_CHARS = 100
DEEPL, DEEPL_QUOTA = ("/v2/", "/v3/"), 456


_MEANINGS = {
    400: "A parameter is invalid or not supported. `message` names it.",
    403: "The API key is missing or not valid, or it lacks the scope `translate`.",
    408: "The body did not arrive in time.",
    413: "The body exceeds the size limit.",
    415: "The media type or the encoding of the body is not supported.",
    429: "The caller has exceeded its rate limit.",
    500: "The service or a model failed.",
    503: "The service cannot accept work at the moment.",
    504: "The work was not finished within the time limit.",
}
FAILURES: dict[int | str, dict[str, Any]] = {
    status: {"description": meaning, "content": {"application/json": {"schema": reference(Failure)}}}
    for status, meaning in _MEANINGS.items()
}


class CompatibleRoute(APIRoute):
    """A route that reports errors in the format that clients of DeepL and LibreTranslate expect (see `Failure`)."""

    def get_route_handler(self) -> Callable[[Request], Awaitable[Response]]:  # type: ignore[override]  # a coroutine is awaitable
        """Return a handler that calls FastAPI's handler and converts the expected exceptions to error responses."""
        handler = super().get_route_handler()

        async def answer_errors(request: Request) -> Response:
            try:
                return await handler(request)
            except ClientGone:
                raise
            except DepescheError as error:
                return failure_response(request, error)
            except ValidationError as error:
                return _refusal(request, 400, "invalid_request", first_fault(error))
            except HTTPException as error:
                code = problems.CODES.get(error.status_code, "http_error")
                return _refusal(request, error.status_code, code, str(error.detail))

        return answer_errors


def _refusal(request: Request, status: int, code: str, detail: str) -> JSONResponse:
    return problems.problem_response(
        request, problems.problem_body(info_of(request.scope).request_id, status, code, detail)
    )


def failure_response(request: Request, error: DepescheError) -> JSONResponse:
    """Build the response to a `DepescheError` in the format of DeepL and LibreTranslate (see `Failure`)."""
    answer = _refusal(request, _status_of(request, error), error.code, _detail(error))
    answer.headers.update(problems.headers_of(error))
    return answer


def _status_of(request: Request, error: DepescheError) -> int:
    """Return the HTTP status that clients of DeepL and LibreTranslate expect for an error.

    Both APIs use status 400 for an invalid value, and 403 (not 401) for a missing or invalid key. Clients of DeepL get
    status 456 for an exhausted quota, because they would retry after a 429.
    """
    match error:
        case QuotaExceeded() if request.url.path.startswith(DEEPL):
            return DEEPL_QUOTA
        case InvalidInput():
            return 400
        case AccessDenied():
            return 403
        case _:
            return problems.status_of(error)


def _detail(error: DepescheError) -> str:
    """Return the message of an error with its limit, if the error has one.

    The message must contain the limit, because `Failure` has no field for it.
    """
    detail, limit = str(error), error.limit if isinstance(error, InvalidInput) else None
    return detail if limit is None or str(limit) in detail else f"{detail} (limit: {limit})"


def first_fault(error: ValidationError) -> str:
    """Return a message that describes the first error in ``error`` and names the parameter."""
    first = error.errors(include_input=False, include_url=False)[0]
    field = _field_name(first["loc"]) or "body"
    if first["type"] in {"extra_forbidden", UNSUPPORTED}:
        return f"Parameter '{field}' is not supported."
    if first["type"] == "missing":
        return f"Parameter '{field}' is missing."
    return f"Value for '{field}' not supported: {first['msg']}"


def _field_name(path: tuple[int | str, ...]) -> str:
    """Return the name of the field at ``path``, the location in a validation error.

    Callers can send fields with any name, so the name is truncated and escaped.
    """
    # pydantic appends the branch of a union to the path.
    parts = [str(part) for n, part in enumerate(path) if not (n and part in problems.UNION_BRANCHES)]
    return ".".join(parts)[:MAX_NAME_CHARS].encode("utf-8", "backslashreplace").decode()
