"""Probes, metrics and administration endpoints."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

from service.http.admission import Requires
from service.http.mapping import model_out
from service.http.responses import PROBLEMS, require_json
from service.http.schemas import ModelListResponse
from service.http.state import NewsroomDep, RuntimeDep

router = APIRouter(tags=["health"])


class Liveness(BaseModel):
    """``dead``: an engine call hangs beyond rescue and the process is about to exit."""

    status: Literal["alive", "dead"]


class ModelState(BaseModel):
    """One model's part in readiness."""

    name: str
    state: str
    quality: str


class Readiness(BaseModel):
    """Ready when every model is loaded, verified, warmed up and its worker lives, and the process is not draining.

    ``notice`` says where a starter model serves, whose outputs are not for publication.
    """

    status: Literal["ready", "loading", "draining", "failed"]
    detail: str = ""
    notice: str = ""
    models: list[ModelState]


@router.get("/livez", responses={503: {"model": Liveness}})
async def livez(newsroom: NewsroomDep, response: Response) -> Liveness:
    """The process is alive; says nothing of load."""
    dead = newsroom.dead
    response.status_code = 503 if dead else 200
    return Liveness(status="dead" if dead else "alive")


@router.get("/readyz", responses={503: {"model": Readiness}})
@router.get("/health", responses={503: {"model": Readiness}})
async def readyz(newsroom: NewsroomDep, response: Response) -> Readiness:
    """The service can take work. A full queue does not change this."""
    status = newsroom.status
    response.status_code = 200 if status == "ready" else 503
    if status != "ready":
        response.headers["Retry-After"] = "1"
    models = [ModelState(name=m.name, state=m.health, quality=m.manifest.quality) for m in newsroom.models]
    return Readiness(status=status, detail=newsroom.lifecycle.detail, notice=newsroom.notice, models=models)


metrics_router = APIRouter(tags=["health"])


@metrics_router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
async def metrics(runtime: RuntimeDep) -> Response:
    """All metrics of this process."""
    return Response(generate_latest(runtime.registry), media_type=CONTENT_TYPE_LATEST)


MOST_TEXTS = 10_000
admin_router = APIRouter(
    prefix="/admin",
    dependencies=[Depends(Requires("admin")), Depends(require_json)],
    responses=PROBLEMS,
    tags=["administration"],
)


_PLACES = ("text", "result_key", "all")
_EXACTLY_ONE: list[JsonValue] = [
    {
        "required": [name],
        "properties": {one: {"not": {"type": "null"}} if one == name else {"type": "null"} for one in _PLACES},
    }
    for name in _PLACES
]


class PurgeRequest(BaseModel):
    """What to forget: submitted texts, letter for letter; or a result's texts; or everything. Exactly one of them."""

    model_config = ConfigDict(extra="forbid", strict=True, json_schema_extra={"oneOf": _EXACTLY_ONE})

    text: str | Annotated[list[str], Field(min_length=1, max_length=MOST_TEXTS)] | None = None
    result_key: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None = None
    all: Literal[True] | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> "PurgeRequest":
        if [self.text, self.result_key, self.all].count(None) != len(type(self).model_fields) - 1:
            raise ValueError("exactly one of text, result_key and all")
        return self


class ReloadRequest(BaseModel):
    """An empty object: a page of another site can send a POST without a body, but no JSON."""

    model_config = ConfigDict(extra="forbid")


class PurgedOut(BaseModel):
    """How many entries were forgotten, by tier; ``shared`` is null where there is no shared tier."""

    memory: int
    shared: int | None


class PurgeResponse(BaseModel):
    """What a purge did."""

    purged: PurgedOut


@admin_router.post("/cache/purge")
async def purge(body: PurgeRequest, newsroom: NewsroomDep) -> PurgeResponse:
    """Forget a withdrawn story: what was made from a text is not served from the cache again.

    In the memory of this process and in the shared cache. Requests that are under way meanwhile keep nothing.
    503 `purge_incomplete`: the shared cache was not reached; try again.
    """
    if body.all:
        purged = await newsroom.clear()
    elif body.result_key is not None:
        purged = await newsroom.purge(results=[body.result_key])
    else:
        purged = await newsroom.purge(texts=[body.text] if isinstance(body.text, str) else body.text or [])
    return PurgeResponse(purged=PurgedOut(memory=purged.memory, shared=purged.shared))


@admin_router.post("/reload")
async def reload(_: ReloadRequest, newsroom: NewsroomDep) -> ModelListResponse:
    """Load models and glossaries anew: those of the profile and of the folders as they are now. No request is dropped.

    Answers when the new models serve. 503 `not_ready`: a load is under way. A model that cannot be loaded is a 500
    that says why (`model_invalid`, `weights_mismatch`, `engine_failed`), and the models from before go on.
    """
    await newsroom.reload()
    return ModelListResponse(models=[model_out(model) for model in newsroom.models])
