"""A client for the HTTP interface of Depesche, with a synchronous and an asynchronous class.

Requests are keyword arguments with the names of the API's fields. Results are dictionaries with the fields of the API's
responses. `Refused` is raised for an error response.
"""

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple, Self, TypedDict, Unpack

import httpx

__all__ = ["AsyncDepesche", "Depesche", "Event", "Refused", "passage"]

RETRIED = frozenset({429, 503, 504})
EVENTS = "text/event-stream"
# The service stops after the time limit. The client waits a little longer for the response.
GRACE_S = 5.0
# A stream contains a comment at least every 15 seconds, so a longer silence means that the connection is broken.
SILENCE_S = 45.0
FIRST_WAIT_S = 0.5


class _Terms(TypedDict, total=False):
    format: Literal["text", "html"]
    attribute_texts: bool
    glossary: Mapping[str, str]
    glossary_name: str
    memory: str | Sequence[Mapping[str, str]]
    do_not_translate: Sequence[str]
    source_lang: str
    target_lang: str
    priority: Literal["interactive", "bulk"]
    facts: bool


class _Form(TypedDict, total=False):
    length: Literal["short", "medium", "long"]
    max_chars: int
    max_words: int
    max_sentences: int
    style: Literal["abstract", "teaser", "bullets", "seo"]
    method: Literal["abstractive", "extractive", "lead"]
    variants: int


class TranslateOptions(_Terms, total=False):
    """The options of a translation."""

    alignment: bool


class SummarizeOptions(_Form, total=False):
    """The options of a summary."""

    headline: str
    headlines: int
    target_lang: str
    priority: Literal["interactive", "bulk"]


class _Previous(TypedDict, total=False):
    body: str
    summary: str
    translation: str


class ArticleRequest(_Terms, _Form, total=False):
    """An article, either in ``body`` or in ``document``, and the options of its outputs."""

    headline: str
    lead: str
    body: str
    document: str | Mapping[str, Any]
    write_as: Literal["jsonld", "ninjs"]
    clean: bool
    outputs: Sequence[Literal["summary", "translation", "summary_translation", "headlines"]]
    headlines: int
    previous: _Previous


Result = dict[str, Any]


class Event(NamedTuple):
    """An event of a stream: ``progress``, ``sentence`` or ``result``, with its data."""

    name: str
    data: Result


class Refused(Exception):
    """The service answered with an error.

    Attributes:
        status: the HTTP status.
        code: the stable code of the error. docs/api/codes.md lists the codes.
        detail: an explanation for a person.
        request_id: the id under which the operator finds the request in the log.
        errors: the invalid fields, each with ``pointer``, ``code``, ``detail`` and ``limit``.
    """

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        self.status = status
        self.code = str(problem.get("code", "http_error"))
        self.detail = str(problem.get("detail", ""))
        self.request_id = str(problem.get("request_id", ""))
        self.errors: Sequence[Mapping[str, Any]] = problem.get("errors", [])
        super().__init__(f"{status} {self.code}: {self.detail}")


def passage(text: str, span: Sequence[int]) -> str:
    """Return the part of ``text`` that ``span`` refers to. A span is a half-open range of code points."""
    start, end = span
    return text[start:end]


class _Client:
    """What both clients share: the settings, the requests, and the decision whether to retry."""

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
            url: the address of the service, with its path prefix if it has one.
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

    def _delay_s(self, attempt: int, response: httpx.Response | None) -> float | None:
        """Return the seconds until the next attempt, or None if there must be no other.

        ``response`` is None if the connection failed.
        """
        if attempt >= self._attempts or (response is not None and response.status_code not in RETRIED):
            return None
        growing_s = FIRST_WAIT_S * 2 ** (attempt - 1) * random.uniform(1.0, 1.5)  # noqa: S311 - no secret
        given = "" if response is None else response.headers.get("retry-after", "")
        delay_s = max(float(given), growing_s) if given.isdigit() else growing_s
        return delay_s if delay_s <= self._most_wait_s or not given else None


def _result(response: httpx.Response) -> Result:
    if response.is_success:
        found: Result = response.json()
        return found
    raise _refusal(response)


def _batch(response: httpx.Response) -> list[Result]:
    found: list[Result] = _result(response)["results"]
    return found


def _refusal(response: httpx.Response) -> Refused:
    try:
        problem = response.json()
    except ValueError:
        problem = {"detail": response.text[:200]}
    return Refused(response.status_code, problem if isinstance(problem, dict) else {})


def _article(request: ArticleRequest) -> dict[str, Any]:
    """Return the body of a request. ``as`` is a keyword of Python, so the argument has another name."""
    body: dict[str, Any] = dict(request)
    if "write_as" in body:
        body["as"] = body.pop("write_as")
    return body


class _Events:
    """A parser for server-sent events. Only line feeds end a line."""

    def __init__(self) -> None:
        self._rest = ""

    def feed(self, text: str) -> Iterator[Event]:
        """Add a part of the stream, and yield the events that are complete.

        Raises:
            Refused: the stream reports an error.
        """
        *blocks, self._rest = (self._rest + text).split("\n\n")
        for block in blocks:
            fields = dict(line.split(": ", 1) for line in block.split("\n") if ": " in line and line[0] != ":")
            if "event" in fields:
                data = json.loads(fields["data"])
                if fields["event"] == "error":
                    raise Refused(int(data["status"]), data)
                yield Event(fields["event"], data)


def _require_result(last: str) -> None:
    if last != "result":
        raise httpx.RemoteProtocolError("the stream ended without a result")


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
        return _result(self._answer("/v1/translate", {"text": text, **options}))

    def summarize(self, text: str | Sequence[str], **options: Unpack[SummarizeOptions]) -> Result:
        """Summarise one or more texts. The result lists ``summaries`` in the same order."""
        return _result(self._answer("/v1/summarize", {"text": text, **options}))

    def article(self, **request: Unpack[ArticleRequest]) -> Result:
        """Clean, summarise and translate an article. Raises `Refused` or `httpx.TransportError`."""
        return _result(self._answer("/v1/articles", _article(request)))

    def articles(self, articles: Sequence[ArticleRequest]) -> list[Result]:
        """Process up to 64 articles. Each result has a ``status``, and an ``article`` or a ``problem``."""
        return _batch(self._answer("/v1/articles:batch", {"articles": [*map(_article, articles)]}))

    def stream_article(self, **request: Unpack[ArticleRequest]) -> Iterator[Event]:
        """Yield the events of an article in order. The last one is the ``result``."""
        response = self._answer("/v1/articles", _article(request), stream=True)
        try:
            if not response.is_success:
                response.read()
                raise _refusal(response)
            events, last = _Events(), ""
            for part in response.iter_text():
                for event in events.feed(part):
                    last = event.name
                    yield event
            _require_result(last)
        finally:
            response.close()

    def models(self) -> list[Result]:
        """Return the models that the service uses."""
        found: list[Result] = _result(self._http.get("/v1/models"))["models"]
        return found

    def is_ready(self) -> bool:
        """Return whether the service accepts work."""
        try:
            return self._http.get("/readyz").is_success
        except httpx.TransportError:
            return False

    def _answer(self, path: str, body: Mapping[str, Any], *, stream: bool = False) -> httpx.Response:
        for attempt in range(1, self._attempts + 1):
            try:
                response = self._http.send(_request(self._http, path, body, stream=stream), stream=stream)
            except httpx.ConnectError:
                delay_s = self._delay_s(attempt, None)
                if delay_s is None:
                    raise
            else:
                delay_s = self._delay_s(attempt, response)
                if delay_s is None:
                    return response
                response.close()
            time.sleep(delay_s)
        raise AssertionError("unreachable, because the last attempt returns or raises")


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
        return _result(await self._answer("/v1/translate", {"text": text, **options}))

    async def summarize(self, text: str | Sequence[str], **options: Unpack[SummarizeOptions]) -> Result:
        """Summarise one or more texts. The result lists ``summaries`` in the same order."""
        return _result(await self._answer("/v1/summarize", {"text": text, **options}))

    async def article(self, **request: Unpack[ArticleRequest]) -> Result:
        """Clean, summarise and translate an article. Raises `Refused` or `httpx.TransportError`."""
        return _result(await self._answer("/v1/articles", _article(request)))

    async def articles(self, articles: Sequence[ArticleRequest]) -> list[Result]:
        """Process up to 64 articles. Each result has a ``status``, and an ``article`` or a ``problem``."""
        return _batch(await self._answer("/v1/articles:batch", {"articles": [*map(_article, articles)]}))

    async def stream_article(self, **request: Unpack[ArticleRequest]) -> AsyncIterator[Event]:
        """Yield the events of an article in order. The last one is the ``result``."""
        response = await self._answer("/v1/articles", _article(request), stream=True)
        try:
            if not response.is_success:
                await response.aread()
                raise _refusal(response)
            events, last = _Events(), ""
            async for part in response.aiter_text():
                for event in events.feed(part):
                    last = event.name
                    yield event
            _require_result(last)
        finally:
            await response.aclose()

    async def models(self) -> list[Result]:
        """Return the models that the service uses."""
        found: list[Result] = _result(await self._http.get("/v1/models"))["models"]
        return found

    async def is_ready(self) -> bool:
        """Return whether the service accepts work."""
        try:
            return (await self._http.get("/readyz")).is_success
        except httpx.TransportError:
            return False

    async def _answer(self, path: str, body: Mapping[str, Any], *, stream: bool = False) -> httpx.Response:
        for attempt in range(1, self._attempts + 1):
            try:
                response = await self._http.send(_request(self._http, path, body, stream=stream), stream=stream)
            except httpx.ConnectError:
                delay_s = self._delay_s(attempt, None)
                if delay_s is None:
                    raise
            else:
                delay_s = self._delay_s(attempt, response)
                if delay_s is None:
                    return response
                await response.aclose()
            await asyncio.sleep(delay_s)
        raise AssertionError("unreachable, because the last attempt returns or raises")


def _request(
    client: httpx.Client | httpx.AsyncClient, path: str, body: Mapping[str, Any], *, stream: bool
) -> httpx.Request:
    """Build a request. A stream has no limit for the whole response, but one for its silence."""
    if stream:
        return client.build_request("POST", path, json=body, headers={"Accept": EVENTS}, timeout=SILENCE_S)
    return client.build_request("POST", path, json=body)
