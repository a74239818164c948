"""Which media types are taken and given."""

from fastapi import Request
from starlette.exceptions import HTTPException

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
