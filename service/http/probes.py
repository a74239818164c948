"""The endpoints for probes, metrics, administration, and the static files of the web page."""

import os
from pathlib import Path
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from service.cache.redis import PurgeIncomplete
from service.errors import HostRefused
from service.events import CachePurged, PurgeKind
from service.http.admission import Requires
from service.http.bodies import LargeBodyRoute
from service.http.mapping import model_out
from service.http.responses import PROBLEMS, require_json
from service.http.schemas import ModelListResponse
from service.http.state import NewsroomDep, RuntimeDep, info_of

router = APIRouter(tags=["health"])


class Liveness(BaseModel):
    """The state that the liveness probe reports.

    ``dead`` means that an engine has failed permanently and the process is about to exit.
    """

    status: Literal["alive", "dead"] = Field(description="The state of the process.")


class ModelState(BaseModel):
    """The name, state and quality of one model."""

    name: str = Field(description="Name of the model in the catalogue.")
    state: str = Field(description="State of the model, such as `ready` or `loading`.")
    quality: str = Field(description="Quality of the outputs: `starter`, `draft` or `production`.")


class Readiness(BaseModel):
    """The state that the readiness probe reports.

    ``ready`` means that every model accepts work, except for remote models whose server does not respond. ``loading``
    means that a model accepts no work, because it is being loaded, or because its engine hangs or is being rebuilt.
    ``stalled`` means that the processing of a text has been waiting or running for more than a minute. ``draining``
    means that the process is shutting down. ``failed`` means that the models could not be loaded, for the reason in
    ``detail``. ``notice`` is a warning if the service uses starter models, whose outputs
    are not fit for publication, or draft models, whose outputs an editor must compare with the original.
    """

    status: Literal["ready", "loading", "draining", "failed", "stalled"] = Field(
        description="The state of the process. `draining` means that it is shutting down."
    )
    detail: str = Field(default="", description="The reason for a failure.")
    notice: str = Field(default="", description="A warning about the quality of the models.")
    models: list[ModelState] = Field(description="The models of the process.")


@router.get(
    "/livez",
    operation_id="check_liveness",
    responses={503: {"model": Liveness, "description": "The process is not alive."}},
)
async def livez(newsroom: NewsroomDep, response: Response) -> Liveness:
    """Report whether the process is alive. A process under full load is also alive."""
    dead = newsroom.dead
    response.status_code = 503 if dead else 200
    return Liveness(status="dead" if dead else "alive")


@router.get(
    "/readyz",
    operation_id="check_readiness",
    responses={503: {"model": Readiness, "description": "The process is not ready."}},
)
@router.get(
    "/health",
    operation_id="check_health",
    responses={503: {"model": Readiness, "description": "The process is not ready."}},
)
async def readyz(newsroom: NewsroomDep, response: Response) -> Readiness:
    """Report whether the process is ready for work. A process with a full queue is also ready."""
    status = newsroom.status
    response.status_code = 200 if status == "ready" else 503
    if status != "ready":
        response.headers["Retry-After"] = "1"
    models = [ModelState(name=m.name, state=m.health, quality=m.manifest.quality) for m in newsroom.models]
    return Readiness(status=status, detail=newsroom.lifecycle.detail, notice=newsroom.notice, models=models)


# Load balancers and uptime checks send HEAD. The server omits the body of the response.
for _path, _probe in (("/livez", livez), ("/readyz", readyz), ("/health", readyz)):
    router.head(_path, include_in_schema=False)(_probe)

metrics_router = APIRouter(tags=["health"])


@metrics_router.get(
    "/metrics",
    operation_id="get_metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
async def metrics(runtime: RuntimeDep) -> Response:
    """Return all metrics of this process in the Prometheus text format."""
    return Response(generate_latest(runtime.registry), media_type=CONTENT_TYPE_LATEST)


MAX_TEXTS = 10_000
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


async def require_loopback_name(request: Request, runtime: RuntimeDep) -> None:
    """If there are no API keys, check that the Host header names this machine.

    Without this check, a web page could reach the administration port if the domain name of the page resolves to a
    loopback address.

    Raises:
        HostRefused: there are no API keys, and the Host header contains another name.
    """
    if runtime.keys is None and request.url.hostname not in LOOPBACK:
        raise HostRefused(
            "without API keys, the Host header of a request to the administration port must be localhost, 127.0.0.1 or "
            "[::1]; send the request to one of these addresses, or set DEPESCHE_KEYS_FILE"
        )


admin_router = APIRouter(
    route_class=LargeBodyRoute,
    prefix="/admin",
    dependencies=[Depends(require_loopback_name), Depends(Requires("admin")), Depends(require_json)],
    responses=PROBLEMS,
    tags=["administration"],
)


_NULL: JsonValue = {"type": "null"}
_SET: JsonValue = {"not": _NULL}
# See `service.http.requests` for the reason for `if`.
_EXACTLY_ONE: dict[str, JsonValue] = {
    "if": {"required": ["text"], "properties": {"text": _SET}},
    "then": {"properties": {"result_key": _NULL, "all": _NULL}},
    "else": {
        "if": {"required": ["result_key"], "properties": {"result_key": _SET}},
        "then": {"properties": {"all": _NULL}},
        "else": {"required": ["all"], "properties": {"all": _SET}},
    },
}


class PurgeRequest(BaseModel):
    """The cache entries to delete: those of one or more texts, those of one result, or all entries.

    The texts must be exactly as they were submitted. Exactly one field must be set.
    """

    model_config = ConfigDict(extra="forbid", strict=True, json_schema_extra=_EXACTLY_ONE)

    text: str | Annotated[list[str], Field(min_length=1, max_length=MAX_TEXTS)] | None = Field(
        default=None, description="One text, or a list of texts."
    )
    result_key: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None = Field(
        default=None, description="`result_key` of an earlier response."
    )
    all: Literal[True] | None = Field(default=None, description="`true` deletes all entries.")

    @model_validator(mode="after")
    def _exactly_one(self) -> "PurgeRequest":
        if [self.text, self.result_key, self.all].count(None) != len(type(self).model_fields) - 1:
            raise ValueError("exactly one of `text`, `result_key` and `all` is required")
        return self


class ReloadRequest(BaseModel):
    """An empty JSON object.

    Requiring a JSON body prevents cross-site requests. A page on another site can send a POST request, but not one with
    a JSON body.
    """

    model_config = ConfigDict(extra="forbid")


class PurgedOut(BaseModel):
    """The number of deleted entries in the memory of this process and in the shared cache.

    ``shared`` is null if there is no shared cache.
    """

    memory: int = Field(description="Entries that were deleted from the memory of this process.")
    shared: int | None = Field(description="Entries that were deleted from Redis, or null without a shared cache.")


class PurgeResponse(BaseModel):
    """The result of a request to delete cache entries."""

    purged: PurgedOut = Field(description="The numbers of deleted entries.")


@admin_router.post("/cache/purge", operation_id="purge_cache")
async def purge(body: PurgeRequest, request: Request, runtime: RuntimeDep) -> PurgeResponse:
    """Delete cached results, for example those of a withdrawn story.

    Entries are deleted from the memory of this process and from the shared cache. Requests that started before the
    deletion ended do not write to the cache afterwards. If the shared cache does not respond, the response is 503
    `purge_incomplete`, and the caller must repeat the request. The log line `CachePurged` and `/admin/status` record
    each request.
    """
    newsroom, key_id = runtime.newsroom, info_of(request.scope).key_id
    texts = [body.text] if isinstance(body.text, str) else body.text or []
    kind: PurgeKind = "all" if body.all else "texts" if body.result_key is None else "result"
    count = len(texts) or int(kind == "result")
    try:
        if body.all:
            purged = await newsroom.clear()
        elif body.result_key is not None:
            purged = await newsroom.purge(results=[body.result_key])
        else:
            purged = await newsroom.purge(texts=texts)
    except PurgeIncomplete:
        runtime.listener(CachePurged(kind, count, 0, None, complete=False, key_id=key_id))
        raise
    runtime.listener(CachePurged(kind, count, purged.memory, purged.shared, complete=True, key_id=key_id))
    return PurgeResponse(purged=PurgedOut(memory=purged.memory, shared=purged.shared))


@admin_router.post("/reload", operation_id="reload_models")
async def reload(_: ReloadRequest, newsroom: NewsroomDep) -> ModelListResponse:
    """Reload the models, the glossaries, the house styles and the corrections. The reload interrupts no request.

    The response is sent when the new models are in use. If the models are already being loaded, the response is 503
    `not_ready`. If a model fails to load, the response is 500 with the reason (`model_invalid`, `weights_mismatch`,
    `engine_failed`), and the old models stay in use.
    """
    await newsroom.reload()
    return ModelListResponse(models=[model_out(model) for model in newsroom.models])


PAGE_FOLDER = Path(__file__).parents[1] / "web/static"
PAGE_METHODS = ["GET", "HEAD"]
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
PAGE_HEADERS = {
    "Content-Security-Policy": PAGE_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    # File names have no version, so browsers must revalidate their copies.
    "Cache-Control": "no-cache",
}
# Browsers run modules only if they have this media type. The system's media type table may contain an obsolete one.
SCRIPT_TYPE = "text/javascript; charset=utf-8"


class _PageFiles(StaticFiles):
    """Static files of the web page, which are served with the headers in `PAGE_HEADERS`.

    A 304 response also has these headers, because browsers use them to update the headers of their cached copy.
    """

    def file_response(
        self, full_path: str | os.PathLike[str], stat_result: os.stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        """Return the file, or a 304 response if it has not changed."""
        response = super().file_response(full_path, stat_result, scope, status_code)
        response.headers.update(PAGE_HEADERS)
        if "content-type" in response.headers and str(full_path).endswith(".js"):
            response.headers["content-type"] = SCRIPT_TYPE
        return response


_page_files = _PageFiles(directory=PAGE_FOLDER)
page_router = APIRouter(include_in_schema=False)


@page_router.api_route("/", methods=PAGE_METHODS)
async def page(request: Request) -> Response:
    """Serve the start page."""
    return await _page_files.get_response("index.html", request.scope)


docs_router = APIRouter(include_in_schema=False)


@docs_router.api_route("/docs", methods=PAGE_METHODS)
async def docs(request: Request) -> Response:
    """Serve the page that shows the OpenAPI document."""
    return await _page_files.get_response("docs.html", request.scope)


@page_router.api_route("/static/{name}", methods=PAGE_METHODS)
async def static(request: Request, name: str) -> Response:
    """Serve the static file ``name`` of the web page. If there is no such file, the response is 404."""
    return await _page_files.get_response(name, request.scope)
