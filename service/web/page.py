"""The page for trying the service, as static files."""

import os
from pathlib import Path

from fastapi import APIRouter, Request, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

FOLDER = Path(__file__).parent / "static"
INDEX = "index.html"
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
# Browsers run a script of this type alone; the table of the system may have an older one.
SCRIPT_TYPE = "text/javascript; charset=utf-8"


class _PageFiles(StaticFiles):
    """The files with the page's own headers, also where the browser has them: a 304 replaces the headers it kept."""

    def file_response(
        self, full_path: str | os.PathLike[str], stat_result: os.stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        """The file, or that it has not changed."""
        response = super().file_response(full_path, stat_result, scope, status_code)
        response.headers.update(HEADERS)
        if "content-type" in response.headers and str(full_path).endswith(".js"):
            response.headers["content-type"] = SCRIPT_TYPE
        return response


_files = _PageFiles(directory=FOLDER)
router = APIRouter(include_in_schema=False)


@router.api_route("/", methods=METHODS)
async def page(request: Request) -> Response:
    """The page."""
    return await _files.get_response(INDEX, request.scope)


@router.api_route("/static/{name}", methods=METHODS)
async def static(request: Request, name: str) -> Response:
    """A file of the page; 404 if no file has this name."""
    return await _files.get_response(name, request.scope)
