"""Which media types are taken and given, before a body is read."""

from fastapi import Request
from starlette.exceptions import HTTPException

JSON = "application/json"
ACCEPTED = frozenset({JSON, "application/*", "*/*"})


def require_json(request: Request) -> None:
    """Refuse a body that is not said to be JSON (415) and a caller that does not take JSON (406)."""
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if given != JSON:
        raise HTTPException(415, f"Content-Type must be {JSON}")
    if not accepts_json(request.headers.get("accept", "*/*")):
        raise HTTPException(406, f"answers are {JSON}")


def accepts_json(header: str) -> bool:
    """Whether an Accept header allows JSON."""
    for part in header.split(","):
        media, *parameters = [piece.strip().lower() for piece in part.split(";")]
        quality = next((p[2:] for p in parameters if p.startswith("q=")), "1")
        if media in ACCEPTED and quality.strip("0.") != "":
            return True
    return False
