"""Content negotiation and documented responses."""

from typing import Any

from fastapi import Request
from starlette.exceptions import HTTPException

from service.http import schemas
from service.http.schemas import link, linked, whole

PROBLEM_CODES = (400, 401, 403, 406, 408, 413, 415, 422, 429, 500, 503, 504)
PROBLEMS: dict[int | str, dict[str, Any]] = {
    code: {
        "description": "Problem (RFC 9457)",
        "content": {"application/problem+json": {"schema": whole(schemas.Problem)}},
    }
    for code in PROBLEM_CODES
}
STREAMED: dict[int | str, dict[str, Any]] = {
    200: {
        "description": (
            "The result; with `Accept: text/event-stream` a stream of events: `progress`, `sentence` (each translated "
            "sentence, in order) and `result`, or `error` with the problem's body"
        ),
        "content": {"text/event-stream": {}},
    }
}

_CLEANED = {"text": "$response.body#/article/body"}
STREAMED_WITH_BODY = linked(
    STREAMED,
    translate_cleaned=link("translate_v1_translate_post", "Translate the body as it was cleaned.", body=_CLEANED),
    summarize_cleaned=link("summarize_v1_summarize_post", "Summarise the body as it was cleaned.", body=_CLEANED),
)


JSON = "application/json"
EVENTS = "text/event-stream"
ANY = frozenset({JSON, "application/*", "*/*"})


async def require_json(request: Request) -> None:
    """Refuse a body that is not said to be JSON (415) and a caller that does not take JSON (406)."""
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if given != JSON:
        raise HTTPException(415, f"Content-Type must be {JSON}")
    if not accepted(request) & {*ANY, EVENTS}:
        raise HTTPException(406, f"answers are {JSON} or {EVENTS}")


def wants_events(request: Request) -> bool:
    """Whether the caller asks for a stream: it names it."""
    return EVENTS in accepted(request)


def accepted(request: Request) -> set[str]:
    """The media types that the caller takes."""
    found = set()
    for part in request.headers.get("accept", "*/*").split(","):
        media, *parameters = [piece.strip().lower() for piece in part.split(";")]
        quality = next((p[2:] for p in parameters if p.startswith("q=")), "1")
        if quality.strip("0.") != "":
            found.add(media)
    return found
