"""Failures in the shape that clients of other services read: ``message`` and ``error`` beside the stable code."""

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
from service.http.schemas import whole
from service.http.state import info_of

UNSUPPORTED = "unsupported"
"""The type of the validation error of a parameter that is known and has no meaning here."""
REFUSALS = (400, 403, 408, 413, 415, 429, 500, 503, 504)
MOST_NAME_CHARS = 100
DEEPL, DEEPL_QUOTA = "/v2/", 456


FAILURES: dict[int | str, dict[str, Any]] = {
    status: {"description": "Failure", "content": {"application/json": {"schema": whole(Failure)}}}
    for status in REFUSALS
}


class CompatibleRoute(APIRoute):
    """A route whose failures are told the way its clients expect."""

    def get_route_handler(self) -> Callable[[Request], Awaitable[Response]]:  # type: ignore[override]  # a coroutine is awaitable
        """The handler, with every failure that is foreseen turned into an answer."""
        handler = super().get_route_handler()

        async def answered(request: Request) -> Response:
            try:
                return await handler(request)
            except ClientGone:
                raise
            except DepescheError as error:
                return of_service(request, error)
            except ValidationError as error:
                return _refusal(request, 400, "invalid_request", _first_fault(error))
            except HTTPException as error:
                code = problems.CODES.get(error.status_code, "http_error")
                return _refusal(request, error.status_code, code, str(error.detail))

        return answered


def _refusal(request: Request, status: int, code: str, detail: str) -> JSONResponse:
    return problems.answer_of(request, problems.problem_body(info_of(request.scope).request_id, status, code, detail))


def of_service(request: Request, error: DepescheError) -> JSONResponse:
    """The answer to an error of ours."""
    answer = _refusal(request, _status_of(request, error), error.code, _detail(error))
    answer.headers.update(problems.headers_of(error))
    return answer


def _status_of(request: Request, error: DepescheError) -> int:
    """Both peers answer a wrong value with 400, and a missing or wrong key with 403: their clients know no 401.

    A used up quota is 456 for DeepL's clients, which try again after a 429.
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
    """What is wrong, with the limit, for which these answers have no field."""
    detail, limit = str(error), error.limit if isinstance(error, InvalidInput) else None
    return detail if limit is None or str(limit) in detail else f"{detail} (at most {limit})"


def _first_fault(error: ValidationError) -> str:
    first = error.errors(include_input=False, include_url=False)[0]
    field = _named(first["loc"]) or "body"
    if first["type"] in {"extra_forbidden", UNSUPPORTED}:
        return f"Parameter '{field}' is not supported."
    if first["type"] == "missing":
        return f"Parameter '{field}' is missing."
    return f"Value for '{field}' not supported: {first['msg']}"


def _named(path: tuple[int | str, ...]) -> str:
    """A field's name; that of an unknown one is the caller's, so it may be of any length and no Unicode."""
    # pydantic names the branch of a union behind its field.
    parts = [str(part) for n, part in enumerate(path) if not (n and part in problems.UNION_BRANCHES)]
    return ".".join(parts)[:MOST_NAME_CHARS].encode("utf-8", "backslashreplace").decode()
