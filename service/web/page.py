"""The page for trying the service."""

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException

FOLDER = Path(__file__).parent / "static"
INDEX = "index.html"
MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
}


@dataclass(frozen=True, slots=True)
class Asset:
    """One file; ``tag`` is its quoted entity tag, which changes with its content alone."""

    content: bytes
    media_type: str
    tag: str


@cache
def assets() -> dict[str, Asset]:
    """All files by name, so that no request can name one outside the folder."""
    return {path.name: _read(path) for path in FOLDER.iterdir() if path.suffix in MEDIA_TYPES}


def _read(path: Path) -> Asset:
    content = path.read_bytes()
    return Asset(content, MEDIA_TYPES[path.suffix], f'"{hashlib.sha256(content).hexdigest()[:32]}"')


METHODS = ["GET", "HEAD"]
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    # Names carry no version: browsers keep the files and ask each time whether they are still the same.
    "Cache-Control": "no-cache",
}
router = APIRouter(include_in_schema=False)


@router.api_route("/", methods=METHODS)
def page(request: Request) -> Response:
    """The page."""
    return _answer(request, assets()[INDEX])


@router.api_route("/static/{name:path}", methods=METHODS)
def static(request: Request, name: str) -> Response:
    """A file of the page, 404 where there is none of this name."""
    asset = assets().get(name)
    if asset is None:
        raise HTTPException(404, "the page has no such file")
    return _answer(request, asset)


def _answer(request: Request, asset: Asset) -> Response:
    headers = HEADERS | {"ETag": asset.tag}
    if _is_known(request.headers.get("if-none-match", ""), asset.tag):
        return Response(status_code=304, headers=headers)
    return Response(asset.content, headers=headers, media_type=asset.media_type)


def _is_known(given: str, tag: str) -> bool:
    """Whether an ``If-None-Match`` names the tag; the comparison is weak, as RFC 9110 asks for."""
    tags = {one.strip().removeprefix("W/") for one in given.split(",")}
    return bool(tags & {tag, "*"})
