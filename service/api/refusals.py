"""Answers to what is refused before an endpoint is reached, in the shape that the path's clients read."""

from starlette.requests import Request
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from service.api import admin, problems, routes
from service.api.compat import deepl, failures, libretranslate
from service.api.envelope import PLACE
from service.errors import DepescheError

COMPATIBLE = frozenset(
    route.path for route in (*deepl.router.routes, *libretranslate.router.routes) if isinstance(route, Route)
)

KNOWN = COMPATIBLE | {
    route.path
    for router in (routes.router, routes.work, admin.router)
    for route in router.routes
    if isinstance(route, Route)
}


async def refuse(scope: Scope, receive: Receive, send: Send, error: DepescheError) -> None:
    """Answer ``error``: as the clients of other services expect it on their paths, as a problem everywhere else."""
    request = Request(scope, receive)
    if scope["path"] in KNOWN:  # nothing that a caller made up
        scope["state"][PLACE] = scope["path"]
    if scope["path"] in COMPATIBLE:
        answer = failures.of_service(request, error)
    else:
        answer = await problems.on_service_error(request, error)
    await answer(scope, receive, send)
