"""The answers of /v1 beside its schemas, for the OpenAPI document: problems, streams, and what leads on."""

from typing import Any

from service.api import schemas
from service.api.documentation import link, linked, whole

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
