"""One application for both ports of the service, so that Schemathesis can test them together.

Its OpenAPI document contains links from results to the endpoint that removes them from the cache.
"""

from copy import deepcopy
from typing import Any

from fastapi import FastAPI
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from service.app import create_admin, create_app
from service.http.schemas import link
from service.settings import Settings

DOCUMENT = "/openapi.json"
KEYED = ("/v1/translate", "/v1/summarize", "/v1/articles")
PURGE = link(
    "purge_cache",
    "Forget what was made for this result.",
    body={"result_key": "$response.body#/result_key"},
)


def application() -> ASGIApp:
    """Return an application that passes a request to the real application of the main or the administration port.

    Its startup and shutdown are those of the main port.
    """
    settings = Settings(admin_port=1, metrics_port="both", log_level="warning")
    main = create_app(settings)
    admin = create_admin(main, settings)
    document = JSONResponse(merged(main, admin))

    async def whole(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        answering = admin if path.startswith("/admin/") else main
        await (document if path == DOCUMENT else answering)(scope, receive, send)

    return whole


def merged(main: FastAPI, admin: FastAPI) -> dict[str, Any]:
    """Return one OpenAPI document for the applications of both ports, with links from results to their removal."""
    document, other = deepcopy(main.openapi()), admin.openapi()
    document["paths"] |= {path: one for path, one in other["paths"].items() if path.startswith("/admin/")}
    document["components"]["schemas"] |= other["components"]["schemas"]
    for path in KEYED:
        document["paths"][path]["post"]["responses"]["200"].setdefault("links", {})["purge"] = PURGE
    return document
