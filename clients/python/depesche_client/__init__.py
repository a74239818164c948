"""A client for the HTTP interface of Depesche, with a synchronous and an asynchronous class.

Requests are keyword arguments with the names of the API's fields. Results are dictionaries with the fields of the API's
responses. Every method that sends a request raises `Refused` for an error response, and `httpx.TransportError` if the
service cannot be reached.
"""

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator, Generator, Iterator, Mapping, Sequence
from typing import Any, Self, TypeVar, Unpack

import httpx

# The package is installed under its own name, and the tests import it from this folder.
from .events import Event, Events, Refused, Result  # noqa: TID252
from .options import ArticleRequest, BatchArticle, SummarizeOptions, TranslateOptions  # noqa: TID252

__all__ = ["AsyncDepesche", "Depesche", "Event", "Refused", "passage"]

RETRIED = frozenset({429, 503, 504})
EVENTS = "text/event-stream"
LATER = {"Prefer": "respond-async"}
# The service stops after the time limit. The client waits a little longer for the response.
GRACE_S = 5.0
# A stream contains a comment at least every 15 seconds, so a longer silence means that the connection is broken.
SILENCE_S = 45.0
FIRST_WAIT_S = 0.5
JOB_LIMIT_S = 900.0
NONE: Mapping[str, str] = {}
T = TypeVar("T")


def passage(text: str, span: Sequence[int]) -> str:
    """Return the part of ``text`` that ``span`` refers to. A span is a half-open range of code points."""
    start, end = span
    return text[start:end]


class _Client:
    """The settings, requests and retry rules that both clients share."""

    def __init__(
        self,
        url: str = "http://127.0.0.1:8000",
        *,
        key: str | None = None,
        timeout_s: float = 120.0,
        attempts: int = 5,
        most_wait_s: float = 30.0,
    ) -> None:
        """Configure the client.

        Args:
            url: the base URL of the service, including a path prefix if the service is behind one.
            key: the API key, if the service has keys.
            timeout_s: the time limit for each attempt, in seconds.
            attempts: the maximum number of attempts.
            most_wait_s: the longest delay before a retry, in seconds. If `Retry-After` is longer, `Refused` is raised.
        """
        self._attempts = attempts
        self._most_wait_s = most_wait_s
        headers = {"Request-Timeout-Ms": str(int(timeout_s * 1000))}
        if key is not None:
            headers["Authorization"] = f"Bearer {key}"
        self._options: dict[str, Any] = {
            "base_url": url.rstrip("/"),
            "headers": headers,
            "timeout": timeout_s + GRACE_S,
        }

    def _answer(
        self, client: httpx.Client | httpx.AsyncClient, path: str, body: Any = None, headers: Mapping[str, str] = NONE
    ) -> "Steps[httpx.Response]":
        """Yield the requests to send and the seconds to wait, and return the last response.

        The time limit of a stream does not apply to the whole response, but to each period without data.
        """
        options: dict[str, Any] = {"timeout": SILENCE_S} if headers.get("Accept") == EVENTS else {}
        for attempt in range(1, self._attempts + 1):
            method = "GET" if body is None else "POST"
            try:
                response = yield client.build_request(method, path, json=body, headers=headers, **options)
            except httpx.ConnectError:
                delay_s = self._delay_s(attempt, None)
                if delay_s is None:
                    raise
            else:
                delay_s = self._delay_s(attempt, response)
                if delay_s is None and response is not None:
                    return response
            yield delay_s or 0.0
        raise AssertionError("unreachable, because the last attempt returns or raises")

    def _outcome(self, client: httpx.Client | httpx.AsyncClient, job_id: str, limit_s: float) -> "Steps[Result]":
        """Read a job until it has ended, and return its result.

        Raises:
            Refused: the job failed.
            TimeoutError: the job did not end within ``limit_s`` seconds.
        """
        end_s = time.monotonic() + limit_s
        while True:
            response = yield from self._answer(client, f"/v1/jobs/{job_id}")
            job = _result(response)
            if job["status"] == "failed":
                raise Refused(job["problem"]["status"], job["problem"])
            if job["status"] == "succeeded":
                return dict(job["result"])
            wait_s = float(response.headers.get("retry-after", 1))
            if time.monotonic() + wait_s > end_s:
                raise TimeoutError(f"the job {job_id} did not end within {limit_s:.0f} s")
            yield wait_s

    def _delay_s(self, attempt: int, response: httpx.Response | None) -> float | None:
        """Return the seconds until the next attempt, or None if the request must not be repeated.

        ``response`` is None if the connection failed.
        """
        if attempt >= self._attempts or (response is not None and response.status_code not in RETRIED):
            return None
        growing_s = FIRST_WAIT_S * 2 ** (attempt - 1) * random.uniform(1.0, 1.5)  # noqa: S311 - no secret
        given = "" if response is None else response.headers.get("retry-after", "")
        delay_s = max(float(given), growing_s) if given.isdigit() else growing_s
        return delay_s if delay_s <= self._most_wait_s or not given else None


Steps = Generator[httpx.Request | float, httpx.Response | None, T]


def _result(response: httpx.Response) -> Result:
    if response.is_success:
        found: Result = response.json()
        return found
    raise _refusal(response)


def _refusal(response: httpx.Response) -> Refused:
    try:
        problem = response.json()
    except ValueError:
        problem = {"detail": response.text[:200]}
    return Refused(response.status_code, problem if isinstance(problem, dict) else {})


def _article(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return the body of a request. The argument ``write_as`` becomes the field ``as``, which is a Python keyword."""
    return {"as" if name == "write_as" else name: value for name, value in request.items()}


def _batch(articles: Sequence[BatchArticle]) -> dict[str, Any]:
    return {"articles": [_article(one) for one in articles]}


class Depesche(_Client):
    """The synchronous client. Use it as a context manager, or call `close`."""

    def __init__(self, url: str = "http://127.0.0.1:8000", **options: Any) -> None:
        super().__init__(url, **options)
        self._http = httpx.Client(**self._options)

    def __enter__(self) -> Self:
        """Return the client."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connections."""
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def translate(self, text: str | Sequence[str], **options: Unpack[TranslateOptions]) -> Result:
        """Translate one or more texts. The result lists ``translations`` in the same order."""
        return self._asked("/v1/translate", {"text": text, **options})

    def summarize(self, text: str | Sequence[str], **options: Unpack[SummarizeOptions]) -> Result:
        """Summarise one or more texts. The result lists ``summaries`` in the same order."""
        return self._asked("/v1/summarize", {"text": text, **options})

    def article(self, **request: Unpack[ArticleRequest]) -> Result:
        """Clean, summarise and translate an article."""
        return self._asked("/v1/articles", _article(request))

    def articles(self, articles: Sequence[BatchArticle]) -> list[Result]:
        """Process up to 64 articles. Each result has a ``status``, and an ``article`` or a ``problem``."""
        return list((self._asked("/v1/articles:batch", _batch(articles)))["results"])

    def send_article(self, **request: Unpack[ArticleRequest]) -> str:
        """Start a job for an article, and return the id of the job. The service needs a Redis server for jobs."""
        return str((self._asked("/v1/articles", _article(request), LATER))["id"])

    def send_articles(self, articles: Sequence[BatchArticle]) -> str:
        """Start a job for up to 64 articles, and return the id of the job."""
        return str((self._asked("/v1/articles:batch", _batch(articles), LATER))["id"])

    def job(self, job_id: str) -> Result:
        """Return the state of a job: its ``status``, and its ``result`` or ``problem`` if it has ended."""
        return self._asked(f"/v1/jobs/{job_id}")

    def wait(self, job_id: str, limit_s: float = JOB_LIMIT_S) -> Result:
        """Wait until a job has ended, and return its result.

        Raises:
            Refused: the job failed.
            TimeoutError: the job did not end within ``limit_s`` seconds.
        """
        return self._run(self._outcome(self._http, job_id, limit_s))

    def stream_article(self, **request: Unpack[ArticleRequest]) -> Iterator[Event]:
        """Yield the events of an article in order. The last one is the ``result``."""
        return self._stream("/v1/articles", _article(request))

    def stream_articles(self, articles: Sequence[BatchArticle]) -> Iterator[Event]:
        """Yield an event ``article`` for each finished article, and finally the event ``result``.

        The ``result`` contains the numbers of articles that succeeded and that failed.
        """
        return self._stream("/v1/articles:batch", _batch(articles))

    def models(self) -> list[Result]:
        """Return the models that the service uses."""
        return list((self._asked("/v1/models"))["models"])

    def is_ready(self) -> bool:
        """Return whether the service accepts work."""
        try:
            return (self._http.get("/readyz")).is_success
        except httpx.TransportError:
            return False

    def _asked(self, path: str, body: Any = None, headers: Mapping[str, str] = NONE) -> Result:
        return _result(self._run(self._answer(self._http, path, body, headers)))

    def _stream(self, path: str, body: Any) -> Iterator[Event]:
        response, events = self._run(self._answer(self._http, path, body, {"Accept": EVENTS})), Events()
        with contextlib.closing(response):
            if not response.is_success:
                raise _refusal(response)
            for part in response.iter_text():
                yield from events.feed(part)
        events.end()

    def _run(self, steps: Steps[T]) -> T:
        """Send the requests and wait for the seconds that ``steps`` yields. Return the result of ``steps``."""
        try:
            step = next(steps)
            while True:
                if isinstance(step, float):
                    time.sleep(step)
                    step = next(steps)
                    continue
                try:
                    response = self._http.send(step, stream=step.headers["accept"] == EVENTS)
                    if not response.is_success:
                        response.read()
                except httpx.ConnectError as error:
                    step = steps.throw(error)
                else:
                    step = steps.send(response)
        except StopIteration as end:
            found: T = end.value
            return found


class AsyncDepesche(_Client):
    """The asynchronous client. Use it as an asynchronous context manager, or call `close`."""

    def __init__(self, url: str = "http://127.0.0.1:8000", **options: Any) -> None:
        super().__init__(url, **options)
        self._http = httpx.AsyncClient(**self._options)

    async def __aenter__(self) -> Self:
        """Return the client."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the connections."""
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def translate(self, text: str | Sequence[str], **options: Unpack[TranslateOptions]) -> Result:
        """Translate one or more texts. The result lists ``translations`` in the same order."""
        return await self._asked("/v1/translate", {"text": text, **options})

    async def summarize(self, text: str | Sequence[str], **options: Unpack[SummarizeOptions]) -> Result:
        """Summarise one or more texts. The result lists ``summaries`` in the same order."""
        return await self._asked("/v1/summarize", {"text": text, **options})

    async def article(self, **request: Unpack[ArticleRequest]) -> Result:
        """Clean, summarise and translate an article."""
        return await self._asked("/v1/articles", _article(request))

    async def articles(self, articles: Sequence[BatchArticle]) -> list[Result]:
        """Process up to 64 articles. Each result has a ``status``, and an ``article`` or a ``problem``."""
        return list((await self._asked("/v1/articles:batch", _batch(articles)))["results"])

    async def send_article(self, **request: Unpack[ArticleRequest]) -> str:
        """Start a job for an article, and return the id of the job. The service needs a Redis server for jobs."""
        return str((await self._asked("/v1/articles", _article(request), LATER))["id"])

    async def send_articles(self, articles: Sequence[BatchArticle]) -> str:
        """Start a job for up to 64 articles, and return the id of the job."""
        return str((await self._asked("/v1/articles:batch", _batch(articles), LATER))["id"])

    async def job(self, job_id: str) -> Result:
        """Return the state of a job: its ``status``, and its ``result`` or ``problem`` if it has ended."""
        return await self._asked(f"/v1/jobs/{job_id}")

    async def wait(self, job_id: str, limit_s: float = JOB_LIMIT_S) -> Result:
        """Wait until a job has ended, and return its result.

        Raises:
            Refused: the job failed.
            TimeoutError: the job did not end within ``limit_s`` seconds.
        """
        return await self._run(self._outcome(self._http, job_id, limit_s))

    def stream_article(self, **request: Unpack[ArticleRequest]) -> AsyncIterator[Event]:
        """Yield the events of an article in order. The last one is the ``result``."""
        return self._stream("/v1/articles", _article(request))

    def stream_articles(self, articles: Sequence[BatchArticle]) -> AsyncIterator[Event]:
        """Yield an event ``article`` for each finished article, and finally the event ``result``.

        The ``result`` contains the numbers of articles that succeeded and that failed.
        """
        return self._stream("/v1/articles:batch", _batch(articles))

    async def models(self) -> list[Result]:
        """Return the models that the service uses."""
        return list((await self._asked("/v1/models"))["models"])

    async def is_ready(self) -> bool:
        """Return whether the service accepts work."""
        try:
            return (await self._http.get("/readyz")).is_success
        except httpx.TransportError:
            return False

    async def _asked(self, path: str, body: Any = None, headers: Mapping[str, str] = NONE) -> Result:
        return _result(await self._run(self._answer(self._http, path, body, headers)))

    async def _stream(self, path: str, body: Any) -> AsyncIterator[Event]:
        response, events = await self._run(self._answer(self._http, path, body, {"Accept": EVENTS})), Events()
        async with contextlib.aclosing(response):
            if not response.is_success:
                raise _refusal(response)
            async for part in response.aiter_text():
                for event in events.feed(part):
                    yield event
        events.end()

    async def _run(self, steps: Steps[T]) -> T:
        """Send the requests and wait for the seconds that ``steps`` yields. Return the result of ``steps``."""
        try:
            step = next(steps)
            while True:
                if isinstance(step, float):
                    await asyncio.sleep(step)
                    step = next(steps)
                    continue
                try:
                    response = await self._http.send(step, stream=step.headers["accept"] == EVENTS)
                    if not response.is_success:
                        await response.aread()
                except httpx.ConnectError as error:
                    step = steps.throw(error)
                else:
                    step = steps.send(response)
        except StopIteration as end:
            found: T = end.value
            return found
