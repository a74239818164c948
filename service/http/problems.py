"""Error responses in the problem details format (RFC 9457). This package calls them problems."""

import math
import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from service import errors
from service.bounded import MAX_ERRORS
from service.events import ProblemGiven
from service.http.schemas import CODE_MARK, FieldProblem, Problem
from service.http.state import info_of, runtime_of

STATUS: dict[type[errors.DepescheError], int] = {
    errors.InvalidInput: 422,
    errors.BodyTooLarge: 413,
    errors.BodyTooSlow: 408,
    errors.MalformedJson: 400,
    errors.EncodingUnsupported: 415,
    errors.KeyMissing: 401,
    errors.KeyUnknown: 401,
    errors.AccessDenied: 403,
    errors.RateExceeded: 429,
    errors.JobUnknown: 404,
    errors.AsyncUnavailable: 501,
    errors.Unavailable: 503,
    errors.DeadlineExceeded: 504,
    errors.EngineHung: 504,
    errors.DepescheError: 500,
}
CODES = {
    400: "malformed_json",
    404: "not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    415: "unsupported_media_type",
}
TITLES = {456: "Quota Exceeded"}  # DeepL's status code, which HTTP does not define
LIMIT_KEYS = ("max_length", "min_length", "ge", "le", "gt", "lt", "expected")
# pydantic rejects invalid Unicode in strings with a length limit. Other texts are checked when they are processed.
FIELD_CODES = {
    "string_unicode": "text_not_unicode",
    "too_many_texts": "too_many_texts",
    "too_many_articles": "too_many_articles",
}
UNION_BRANCHES = ("str", "list[str]", "list[CorrectionFields]")
MEDIA_TYPE = "application/problem+json"


def problem_body(
    request_id: str, status: int, code: str, detail: str, *, fields: tuple[FieldProblem, ...] = ()
) -> Problem:
    """Build the body of an error response.

    ``code`` is a code from `service.http.codes`. ``detail`` is an explanation for a person. ``fields`` lists the
    invalid fields of the request.
    """
    return Problem(
        title=TITLES.get(status) or HTTPStatus(status).phrase,
        status=status,
        code=code,
        detail=detail,
        request_id=request_id,
        errors=list(fields),
    )


def problem(request: Request, status: int, code: str, detail: str) -> JSONResponse:
    """Build the error response to ``request``, and report the error to the listener."""
    return problem_response(request, problem_body(info_of(request.scope).request_id, status, code, detail))


def problem_response(request: Request, body: Problem, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """Build the response with the body ``body`` and the additional ``headers``, and report the error to the listener.

    On paths of the DeepL- and LibreTranslate-compatible APIs, the response has the format of `Failure`.
    """
    report_problem(request, body)
    if is_compatible_path(request.scope["path"]):
        return JSONResponse(failure_of(body).model_dump(), body.status, headers)
    return JSONResponse(body.model_dump(), body.status, headers, media_type=MEDIA_TYPE)


def report_problem(request: Request, body: Problem) -> Problem:
    """Report the error in ``body`` to the listener, and return ``body``."""
    runtime_of(request).listener(ProblemGiven(body.code, body.status))
    return body


def problem_of(request_id: str, error: Exception) -> Problem:
    """Convert an exception to the body of an error response.

    An exception that the service does not expect gets the code `internal`. The body then omits the message of the
    exception, which may contain text from the request.
    """
    match error:
        case errors.InvalidInput():
            field = FieldProblem(pointer=error.pointer, code=error.code, detail=error.detail, limit=error.limit)
            return problem_body(request_id, 422, error.code, error.detail, fields=(field,))
        case errors.BodyTooLarge():
            field = FieldProblem(pointer="", code=error.code, detail=str(error), limit=error.limit)
            return problem_body(request_id, 413, error.code, str(error), fields=(field,))
        case errors.DepescheError():
            return problem_body(request_id, status_of(error), error.code, str(error))
        case RequestValidationError():
            return _invalid(request_id, error.errors())
        case HTTPException():
            code = CODES.get(error.status_code, "http_error")
            return problem_body(request_id, error.status_code, code, str(error.detail))
        case _:
            detail = "internal error; see the log entry for this request id"
            return problem_body(request_id, 500, "internal", detail)


def status_of(error: errors.DepescheError) -> int:
    """Return the HTTP status for an error: the entry in `STATUS` for its class or for the nearest base class."""
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


async def on_error(request: Request, error: Exception) -> JSONResponse:
    """Convert an exception to an error response. The response omits the message of an unexpected exception."""
    return problem_response(request, problem_of(info_of(request.scope).request_id, error), headers_of(error))


def headers_of(error: Exception) -> dict[str, str]:
    """Return the additional headers of the response to ``error``, such as Retry-After."""
    match error:
        case errors.AccessDenied():
            return {"WWW-Authenticate": error.challenge}
        case errors.Unavailable() | errors.RateExceeded():
            return {"Retry-After": str(max(1, math.ceil(error.retry_after_s)))}
        case errors.EncodingUnsupported():
            return {"Accept-Encoding": "identity"}
        case HTTPException():
            return dict(error.headers or {})
        case _:
            return {}


def _invalid(request_id: str, found: Sequence[Any]) -> Problem:
    """Build the error body for a request that is not JSON (400) or violates its schema (422).

    ``found`` contains the validation errors. The error body never quotes the request.
    """
    if any(e["type"] == "json_invalid" or (e["loc"] == ("body",) and e["type"] == "missing") for e in found):
        return problem_body(request_id, 400, "malformed_json", "the body is not valid JSON")
    # FastAPI validates a header again for each dependency that uses it.
    every = [_field(e) for e in found[:MAX_ERRORS]]
    fields = tuple(one for n, one in enumerate(every) if one not in every[:n])
    more = ", and more" if len(found) > MAX_ERRORS else ""
    places = ", ".join(sorted({f.pointer or "the body" for f in fields}))
    codes = {f.code for f in fields} & set(FIELD_CODES.values())
    code = codes.pop() if codes else "invalid_request"
    return problem_body(request_id, 422, code, f"invalid value: {places}{more}", fields=fields)


def _field(error: Any) -> FieldProblem:
    place, *path = error["loc"]
    # pydantic appends the branch of a union to the path, but the pointer must not contain it.
    parts = [str(part) for n, part in enumerate(path) if not (n and part in UNION_BRANCHES)]
    pointer = "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in parts)
    if place == "header":
        pointer = f"header:{'/'.join(parts)}"
    context = error.get("ctx", {})
    limit = next((context[key] for key in LIMIT_KEYS if key in context), None)
    code = FIELD_CODES.get(error["type"], error["type"])
    return FieldProblem(pointer=pointer, code=code, detail=error["msg"], limit=limit)


def install(app: FastAPI) -> None:
    """Register handlers that turn the expected errors of ``app`` into problem responses.

    These are the errors of the service, validation errors, and the HTTP errors of the framework.
    `RequestContextMiddleware` handles all other errors.
    """
    for kind in (errors.DepescheError, RequestValidationError, HTTPException):
        app.add_exception_handler(kind, on_error)


# Includes endpoints that the service does not have, so that clients can parse the error.
_PATHS = re.compile(
    r"/(?:v[23](?:/.*)?|translate|translate_file|detect|languages|suggest|frontend/settings)/?", re.DOTALL
)


class Failure(BaseModel):
    """An error in the format of DeepL (``message``) and LibreTranslate (``error``). Both fields have the same text."""

    message: str = Field(description="Explanation for a person. Its wording may change.")
    error: str = Field(description="The same text as `message`.")
    code: str = Field(
        description="A stable error code. The endpoints of /v1 use the same codes.",
        json_schema_extra={CODE_MARK: "ErrorCode"},
    )
    request_id: str = Field(description="Id of the request, which the log of the service contains.")


def is_compatible_path(path: str) -> bool:
    """Return whether ``path`` belongs to the API of DeepL or LibreTranslate, even if the service does not have it."""
    return _PATHS.fullmatch(path) is not None


def failure_of(problem: Problem) -> Failure:
    """Convert the body of an error response to the format of DeepL and LibreTranslate."""
    return Failure(message=problem.detail, error=problem.detail, code=problem.code, request_id=problem.request_id)
