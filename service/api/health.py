"""Probes: whether the process lives, and whether it can take work."""

from typing import Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel

from service.api.state import ServiceDep

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
async def livez(service: ServiceDep, response: Response) -> Liveness:
    """The process is alive; says nothing of load."""
    dead = service.dead
    response.status_code = 503 if dead else 200
    return Liveness(status="dead" if dead else "alive")


@router.get("/readyz", responses={503: {"model": Readiness}})
@router.get("/health", responses={503: {"model": Readiness}})
async def readyz(service: ServiceDep, response: Response) -> Readiness:
    """The service can take work. A full queue does not change this."""
    status = service.condition
    response.status_code = 200 if status == "ready" else 503
    if status != "ready":
        response.headers["Retry-After"] = "1"
    models = [ModelState(name=m.name, state=m.condition, quality=m.manifest.quality) for m in service.models]
    return Readiness(status=status, detail=service.detail, notice=service.notice, models=models)
