"""Requests that are answered later: the work runs in the background, and Redis stores its result for up to an hour.

The stored value of a job is encrypted like the values of the cache. A job belongs to the API key that started it.
"""

import asyncio
import json
import secrets
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from typing import Any, Literal, Self

from service.cache.redis import Shared, SharedUnavailable
from service.errors import DepescheError, Draining, JobLost, JobsUnavailable, JobUnknown, QueueFull
from service.events import JobEnded, Listener
from service.http.schemas import JobOut, Problem
from service.http.webhooks import Webhooks
from service.newsroom.newsroom import Newsroom

KEPT_S = 3_600.0
MOST_RESULT_BYTES = 64 * 2**20
TIMEOUT_S = 10.0
MOST_RUNNING = 64
"""The maximum number of jobs that one process runs at the same time. Further jobs are refused."""
BEAT_S = 15.0
LOST_S = 90.0
"""A running job whose state was last written more than this many seconds ago counts as lost."""
ATTEMPTS = 3
_ID_BYTES = 24
_NO_STORE = "the Redis server that stores the results of jobs does not respond; retry later"
_NOT_STORED = "the result could not be stored, because it is too large, Redis failed or a purge ran"
State = Literal["running", "succeeded", "failed"]
Describe = Callable[[Exception], Problem]


@dataclass(frozen=True, slots=True)
class JobResult:
    """The result of a job: the response as JSON, and the submitted texts and result keys by which it can be purged."""

    response: str
    texts: Sequence[str]
    result_keys: Sequence[str]


@dataclass(frozen=True, slots=True)
class Job:
    """The stored state of a job.

    ``owner`` is the id of the API key that started the job, or None if the service has no keys. ``created_s`` and
    ``written_s`` are Unix times. ``outcome`` is the response or the problem as JSON in UTF-8, or empty while the job is
    running.
    """

    id: str
    owner: str | None
    state: State
    created_s: float
    written_s: float
    outcome: bytes = b""

    def encode(self) -> bytes:
        """Encode the job for storage: a line of JSON without the outcome, followed by the unchanged outcome."""
        head = {one.name: getattr(self, one.name) for one in fields(self) if one.name != "outcome"}
        return json.dumps(head).encode() + b"\n" + self.outcome

    @classmethod
    def decode(cls, stored: bytes) -> Self:
        """Decode a job that `encode` encoded."""
        head, _, outcome = stored.partition(b"\n")
        return cls(**json.loads(head), outcome=outcome)

    def json(self, status_url: str, kept_s: float) -> bytes:
        """Return the description of the job as JSON. It contains the result or the problem if the job has ended."""
        head = JobOut(
            id=self.id,
            status=self.state,
            status_url=status_url,
            created_at=_time(self.created_s),
            expires_at=_time(self.written_s + kept_s),
            result=None,
            problem=None,
        ).model_dump(exclude={"result", "problem"})
        result = self.outcome if self.state == "succeeded" else b"null"
        problem = self.outcome if self.state == "failed" else b"null"
        return b'%b, "result": %b, "problem": %b}' % (json.dumps(head)[:-1].encode(), result, problem)


def _time(unix_s: float) -> str:
    return datetime.fromtimestamp(unix_s, UTC).isoformat(timespec="seconds")


class Jobs:
    """The jobs of one process, and the store of all jobs.

    ``store`` is a store in the Redis server of the cache. Its entries must expire after ``kept_s`` seconds.
    ``root_path`` is the path prefix of the service. ``webhooks`` is None if the operator allows no webhooks.
    """

    def __init__(
        self,
        store: Shared,
        newsroom: Newsroom,
        listener: Listener,
        *,
        kept_s: float,
        root_path: str = "",
        webhooks: Webhooks | None = None,
    ) -> None:
        self.root_path = root_path
        self.kept_s = kept_s
        self.webhooks = webhooks
        self._store = store
        self._newsroom = newsroom
        self._listener = listener
        self._running: dict[asyncio.Task[None], asyncio.Future[JobResult]] = {}

    async def begin(
        self,
        work: Callable[[Callable[[], None]], Awaitable[JobResult]],
        *,
        owner: str | None,
        describe: Describe,
        webhook: str | None,
    ) -> Job:
        """Start a job, and return it as soon as it has passed all checks.

        ``work`` calls its argument when the request has passed all checks. If ``work`` raises an error before that,
        this method raises the error. ``describe`` converts a later error to a problem. ``webhook`` is a URL that is
        notified when the job ends, or None.

        Raises:
            QueueFull: the process runs too many jobs.
            JobsUnavailable: Redis does not respond.
        """
        if len(self._running) >= MOST_RUNNING:
            raise QueueFull(f"this process already runs {MOST_RUNNING} jobs, which is the maximum; retry later")
        started_s = time.monotonic()
        job = Job(secrets.token_urlsafe(_ID_BYTES), owner, "running", time.time(), time.time())
        if not await self._write(job):
            raise JobsUnavailable(_NO_STORE)
        accepted = asyncio.Event()
        working = asyncio.ensure_future(work(accepted.set))
        try:
            await _first(working, accepted)
            if not accepted.is_set():
                working.result()
        except (Exception, asyncio.CancelledError):
            working.cancel()
            await self._store.delete(self._newsroom.job_key(job.id))
            raise
        task = asyncio.create_task(self._follow(job, working, describe, webhook, started_s), name="job")
        self._running[task] = working
        task.add_done_callback(self._running.pop)
        return job

    async def read(self, name: str, owner: str | None, describe: Describe) -> Job:
        """Return the job with the id ``name``, which must belong to ``owner``.

        If the job is running but its state was last written more than `LOST_S` seconds ago, the process that ran it is
        assumed to have ended. The returned job has then failed with the error `JobLost`, which ``describe`` converts to
        a problem.

        Raises:
            JobUnknown: there is no such job, or it belongs to another key.
            JobsUnavailable: Redis does not respond.
        """
        try:
            stored = await self._store.read(self._newsroom.job_key(name))
        except SharedUnavailable:
            raise JobsUnavailable(_NO_STORE) from None
        job = None if stored is None else await asyncio.to_thread(Job.decode, stored)
        if job is None or job.owner != owner:
            raise JobUnknown("there is no such job; its result may have expired")
        if job.state == "running" and time.time() - job.written_s > LOST_S:
            lost = JobLost("the process that ran this job has ended; send the request again")
            return replace(job, state="failed", outcome=describe(lost).model_dump_json().encode())
        return job

    async def close(self) -> None:
        """Cancel the running jobs, store that they have failed, and close the connections."""
        for working in self._running.values():
            working.cancel()
        await asyncio.gather(*list(self._running), return_exceptions=True)
        await self._store.close()
        if self.webhooks is not None:
            await self.webhooks.close()

    async def _follow(
        self,
        job: Job,
        working: "asyncio.Future[JobResult]",
        describe: Describe,
        webhook: str | None,
        started_s: float,
    ) -> None:
        """Write the state of the job every `BEAT_S` seconds until the work has ended, and then store the outcome.

        If ``webhook`` is not None, notify this URL afterwards.
        """
        while not (await asyncio.wait({working}, timeout=BEAT_S))[0]:
            await self._write(replace(job, written_s=time.time()))
        error = (
            Draining("the process shut down before the job ended; send the request again")
            if working.cancelled()
            else working.exception()
        )
        if error is None:
            stored = await self._write_result(job, working.result(), started_s)
            error = None if stored else JobLost(_NOT_STORED)
        if error is not None:
            problem = describe(error if isinstance(error, Exception) else DepescheError("the job was interrupted"))
            await self._write(_ended(job, "failed", problem.model_dump_json().encode()))
        state: Literal["succeeded", "failed"] = "succeeded" if error is None else "failed"
        self._listener(JobEnded(state))
        if webhook is not None and self.webhooks is not None:
            await self.webhooks.send(webhook, job.id, state)

    async def _write_result(self, job: Job, result: JobResult, started_s: float) -> bool:
        tags = self._newsroom.tags(texts=result.texts, results=result.result_keys)
        # A result may have 64 MiB, which would keep the event loop busy.
        value = await asyncio.to_thread(lambda: _ended(job, "succeeded", result.response.encode()).encode())
        key = self._newsroom.job_key(job.id)
        if len(value) > MOST_RESULT_BYTES:
            return False
        for attempt in range(ATTEMPTS):
            if attempt:
                await asyncio.sleep(attempt)
            if await self._newsroom.cache.put_result(self._store, key, value, tags, started_s=started_s):
                return True
        return False

    async def _write(self, job: Job) -> bool:
        return await self._store.put_many({self._newsroom.job_key(job.id): job.encode()}, {})


def _ended(job: Job, state: State, outcome: bytes) -> Job:
    return replace(job, state=state, written_s=time.time(), outcome=outcome)


async def _first(working: "asyncio.Future[Any]", accepted: asyncio.Event) -> None:
    """Wait until the work has ended or has been accepted."""
    waiting = asyncio.ensure_future(accepted.wait())
    try:
        await asyncio.wait({working, waiting}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()
