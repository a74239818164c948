"""The endpoints of the administration port: what operators do, and callers must not."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

from service.access.guard import Requires
from service.api.answers import model_out
from service.api.negotiation import require_json
from service.api.responses import PROBLEMS
from service.api.schemas import ModelListResponse
from service.api.state import ServiceDep

MOST_TEXTS = 10_000
router = APIRouter(
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


@router.post("/cache/purge")
async def purge(body: PurgeRequest, service: ServiceDep) -> PurgeResponse:
    """Forget a withdrawn story: what was made from a text is not served from the cache again.

    In the memory of this process and in the shared cache. Requests that are under way meanwhile keep nothing.
    503 `purge_incomplete`: the shared cache was not reached; try again.
    """
    if body.all:
        purged = await service.clear()
    elif body.result_key is not None:
        purged = await service.purge(results=[body.result_key])
    else:
        purged = await service.purge(texts=[body.text] if isinstance(body.text, str) else body.text or [])
    return PurgeResponse(purged=PurgedOut(memory=purged.memory, shared=purged.shared))


@router.post("/reload")
async def reload(_: ReloadRequest, service: ServiceDep) -> ModelListResponse:
    """Load models and glossaries anew: those of the profile and of the folders as they are now. No request is dropped.

    Answers when the new models serve. 503 `not_ready`: a load is under way. A model that cannot be loaded is a 500
    that says why (`model_invalid`, `weights_mismatch`, `engine_failed`), and the models from before go on.
    """
    await service.reload()
    return ModelListResponse(models=[model_out(model) for model in service.models])
