"""The status of a process on the administration port, as JSON and as a page: models, checks, usage and purges."""

import datetime as dt
import time
from collections.abc import Iterator, Sequence
from html import escape
from typing import Annotated, Any, get_args

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, Field

from service.events import PurgeKind
from service.generation.call import Priority
from service.generation.local import LocalGenerator
from service.http.admission import Requires
from service.http.probes import require_loopback_name
from service.http.responses import PROBLEMS
from service.http.state import History, Hour, KeyUsage, PurgeRecord, RuntimeDep
from service.newsroom.lifecycle import Status
from service.newsroom.newsroom import Newsroom

HTML = "text/html"


class ModelStatus(BaseModel):
    """A model that is in use, and its queue. The values of the queue are null for a model without a local queue."""

    name: Annotated[str, Field(description="Name of the model in the catalogue.")]
    revision: Annotated[
        str, Field(description="Revision of the published model or, for a remote model, its name on the remote server.")
    ]
    engine: Annotated[str, Field(description="Software that runs the model.")]
    quality: Annotated[str, Field(description="Quality of the outputs: `starter`, `draft` or `production`.")]
    state: Annotated[str, Field(description="State of the model, such as `ready` or `loading`.")]
    queued_sentences: Annotated[int | None, Field(description="Sentences in the queue.")]
    queued_tokens: Annotated[int | None, Field(description="Source tokens of the sentences in the queue.")]
    oldest_s: Annotated[float | None, Field(description="Age, in seconds, of the oldest sentence in the queue.")]


class HourStatus(BaseModel):
    """The results of one hour. The last 168 hours that had results are kept."""

    begins: Annotated[dt.datetime, Field(description="Start of the hour, in UTC.")]
    results: Annotated[int, Field(description="Number of results, such as translations and summaries.")]
    needing_review: Annotated[int, Field(description="Number of these results that need a review.")]
    sentences: Annotated[int, Field(description="Number of sentences in the translations of this hour.")]
    flagged_sentences: Annotated[
        int, Field(description="Number of these sentences with a warning that requires a review.")
    ]
    flagged_share: Annotated[
        float | None, Field(description="Share of flagged sentences (0 to 1), or null if there were no sentences.")
    ]


class UsageStatus(BaseModel):
    """The requests with one API key since the start of the process. ``key_id`` is null for requests without a key."""

    key_id: Annotated[str | None, Field(description="Id of the API key.")]
    requests: Annotated[int, Field(description="Number of requests.")]
    failed: Annotated[int, Field(description="Requests with an error status.")]
    characters: Annotated[int, Field(description="Characters of the texts that were accepted.")]
    seconds: Annotated[float, Field(description="Total duration of the requests.")]


class PurgeStatus(BaseModel):
    """A purge. ``key_id`` identifies who requested it, and is null if the service has no keys."""

    at: Annotated[dt.datetime, Field(description="Time of the purge, in UTC.")]
    kind: Annotated[PurgeKind, Field(description="What the request named: texts, a result, or all entries.")]
    texts: Annotated[int, Field(description="Number of texts or results in the request; 0 for `all`.")]
    memory: Annotated[int, Field(description="Entries that were deleted from the memory of this process.")]
    shared: Annotated[
        int | None, Field(description="Entries that were deleted from Redis, or null without a shared cache.")
    ]
    complete: Annotated[
        bool,
        Field(
            description=(
                "False if the shared cache did not respond. Then `memory` is always 0, and `shared` is always null."
            )
        ),
    ]
    key_id: Annotated[str | None, Field(description="Id of the API key.")]


class StatusResponse(BaseModel):
    """The status of one process since its start. Other processes of the service are not included."""

    status: Annotated[Status, Field(description="The state of the process.")]
    models: Annotated[list[ModelStatus], Field(description="The models that are in use.")]
    hours: Annotated[list[HourStatus], Field(description="The last hours that had results, oldest first.")]
    usage: Annotated[list[UsageStatus], Field(description="The requests, by API key.")]
    purges: Annotated[list[PurgeStatus], Field(description="The last 100 purges, newest first.")]


# A GET request has no body, so it does not need the check of the media type that the other /admin endpoints have.
status_router = APIRouter(
    prefix="/admin",
    dependencies=[Depends(require_loopback_name), Depends(Requires("admin"))],
    responses={status: PROBLEMS[status] for status in (401, 403, 429, 500)},
    tags=["administration"],
)


@status_router.get(
    "/status",
    operation_id="get_status",
    response_model=StatusResponse,
    responses={200: {"content": {HTML: {"schema": {"type": "string"}}}}},
)
async def status(request: Request, runtime: RuntimeDep) -> Any:
    """Return the models, their queues, the share of flagged sentences by the hour, the usage of keys and the purges.

    The response is an HTML page if the `Accept` header names `text/html`, as browsers do, and otherwise JSON. It covers
    only this process and contains no texts.
    """
    found = report(runtime.newsroom, runtime.history)
    if HTML in request.headers.get("accept", ""):
        return Response(page(found), media_type=HTML)
    return found


def report(newsroom: Newsroom, history: History) -> StatusResponse:
    """Build the status of this process from its newsroom and its history."""
    return StatusResponse(
        status=newsroom.status,
        models=list(_models(newsroom)),
        hours=[_hour(one) for one in history.hours],
        usage=[_usage(key_id, one) for key_id, one in history.keys.items()],
        purges=[_purge(one) for one in reversed(history.purges)],
    )


def _models(newsroom: Newsroom) -> Iterator[ModelStatus]:
    for model in newsroom.models:
        queue = model.batcher.queue if isinstance(model, LocalGenerator) else None
        yield ModelStatus(
            name=model.name,
            revision=model.manifest.revision,
            engine=model.engine,
            quality=model.manifest.quality,
            state=model.health,
            queued_sentences=None if queue is None else len(queue),
            queued_tokens=None if queue is None else queue.tokens,
            oldest_s=None if queue is None else round(max(map(queue.oldest_s, get_args(Priority))), 3),
        )


def _moment(seconds: float) -> dt.datetime:
    return dt.datetime.fromtimestamp(seconds, dt.UTC)


def _hour(one: Hour) -> HourStatus:
    return HourStatus(
        begins=_moment(one.begins_s),
        results=one.results,
        needing_review=one.reviews,
        sentences=one.sentences,
        flagged_sentences=one.flagged,
        flagged_share=round(one.flagged / one.sentences, 4) if one.sentences else None,
    )


def _usage(key_id: str | None, one: KeyUsage) -> UsageStatus:
    return UsageStatus(
        key_id=key_id,
        requests=one.requests,
        failed=one.failed,
        characters=one.characters,
        seconds=round(one.seconds, 3),
    )


def _purge(one: PurgeRecord) -> PurgeStatus:
    purge = one.purge
    return PurgeStatus(
        at=_moment(one.at_s),
        kind=purge.kind,
        texts=purge.texts,
        memory=purge.memory,
        shared=purge.shared,
        complete=purge.complete,
        key_id=purge.key_id,
    )


def page(found: StatusResponse) -> str:
    """Return an HTML page with a table for each part of the status. The page has no scripts and no styles."""
    parts = [
        _table("Models", ModelStatus, found.models),
        _table("Results by the hour (UTC)", HourStatus, found.hours[::-1]),
        _table("Usage of keys since the start", UsageStatus, found.usage),
        _table("Purges", PurgeStatus, found.purges),
    ]
    made = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime())
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Depesche: status</title></head><body>'
        f"<h1>Depesche: {escape(found.status)}</h1><p>This process, at {made} UTC.</p>{''.join(parts)}</body></html>"
    )


def _table(title: str, kind: type[BaseModel], rows: Sequence[BaseModel]) -> str:
    if not rows:
        return f"<h2>{title}</h2><p>None.</p>"
    head = "".join(f"<th>{name.replace('_', ' ')}</th>" for name in kind.model_fields)
    body = "".join(f"<tr>{''.join(map(_cell, row.model_dump(mode='json').values()))}</tr>" for row in rows)
    return f"<h2>{title}</h2><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _cell(value: object) -> str:
    return f"<td>{'–' if value is None else escape(str(value))}</td>"
