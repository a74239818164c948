"""The client of an OpenAI-compatible server, with retries, a circuit breaker and regular checks of a failed server.

The client sends a request up to four times, until the server returns a valid result or rejects the request with status
400, 413 or 422. After the time limit of the request, a failed attempt is not repeated. After five consecutive failures
(not counting responses with status 429), the circuit breaker opens. Requests then fail immediately, and the client
checks the server every few seconds until the server responds again.
"""

import asyncio
import contextlib
import json
import logging
import math
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import httpx2
import stamina
import stamina.instrumentation

from service.cache.redis import Breaker
from service.errors import EngineUnavailable
from service.events import Listener, RemoteAway, RemoteBack, RemoteCalled, RemoteFailure
from service.generation.base import Host

# The library's own instrumentation would log the exceptions of retries and register metrics in the global registry.
stamina.instrumentation.set_on_retry_hooks([])
# The library would log a line for each sentence. `RemoteCalled` is counted instead.
for _name in ("httpx2", "httpcore2"):
    logging.getLogger(_name).setLevel(logging.WARNING)

MOST_ANSWER_BYTES = 2**20
ATTEMPTS = 4
MOST_PAUSE_S = 5.0
CHECK_TIMEOUT_S = 5.0
RETRY_AFTER_S = 5.0
TOO_MANY, SERVER_ERROR = 429, 500
REFUSED_TEXT = frozenset({400, 413, 422})
"""The response statuses with which a working server rejects a single request."""
PRIVATE_SUFFIXES = (".local", ".internal", ".svc", ".cluster.local", ".lan", ".home.arpa", ".localhost")


@dataclass(frozen=True, slots=True)
class RemoteServer:
    """The configuration of an OpenAI-compatible server.

    ``url`` is the base URL of the API, such as ``http://vllm:8000/v1``. ``model`` is the name of the model on the
    server. ``key`` is sent as a bearer token. ``house_style`` is the newsroom's own text for the prompt. ``timeout_s``
    limits one attempt. ``concurrency`` is the maximum number of simultaneous requests. ``host`` states whether the
    server is in a private or public network. If ``host`` is None, `host_of` determines the network from the URL.
    The pause before the first retry is between ``pause_s`` and 2 × ``pause_s``, unless the server asks for another
    pause. ``check_s`` is the pause between two checks of a server that does not respond.
    """

    url: str
    model: str
    key: str | None = field(default=None, repr=False)
    house_style: str = field(default="", repr=False)
    timeout_s: float = 60.0
    concurrency: int = 64
    host: Host | None = None
    pause_s: float = 0.2
    check_s: float = 5.0

    @property
    def where(self) -> Host:
        """The kind of network that the server is in: ``host`` if it is set, otherwise the result of `host_of`."""
        return self.host or host_of(self.url)


def host_of(url: str) -> Host:
    """Return the kind of network of the host in ``url``: "private" or "public".

    A host counts as private if ``url`` contains an IP address that is not globally reachable, such as a loopback
    address, a name without a dot, or a name with one of the `PRIVATE_SUFFIXES`. Every other host counts as public,
    because its name does not show where it is.
    """
    name = (urlsplit(url).hostname or "").rstrip(".")
    try:
        return "private" if ip_address(name).is_private else "public"
    except ValueError:
        return "private" if "." not in name or name.endswith(PRIVATE_SUFFIXES) else "public"


class TextRefused(Exception):
    """The server rejected a request with status 400, 413 or 422, but may accept other requests."""


class _Failure(Exception):
    """A failed attempt that may be repeated. ``after_s`` is the delay in seconds that the server asked for, if any."""

    def __init__(self, reason: RemoteFailure, after_s: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.after_s = after_s


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the outputs in a response to a chat completion request.

    ``log_prob`` is the mean log-probability per token, or None if the server did not send it. ``cut`` is True if the
    output reached the token limit.
    """

    content: str
    log_prob: float | None
    cut: bool


@dataclass(frozen=True, slots=True)
class _Completion:
    """The choices in a response, and its token counts. Both counts are None if the server did not send both of them."""

    choices: list[Choice]
    prompt_tokens: int | None
    output_tokens: int | None


class RemoteClient:
    """A client that requests chat completions from one server. Use it only from one event loop.

    The client ignores the proxy settings of the environment and ``.netrc`` files, and it does not follow redirects. It
    therefore sends texts only to the configured host.
    """

    def __init__(
        self,
        name: str,
        server: RemoteServer,
        listener: Listener,
        *,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        self._name = name
        self._server = server
        self._listener = listener
        self._breaker = Breaker(pause_s=server.check_s)
        self._watch: asyncio.Task[None] | None = None
        headers = {"Authorization": f"Bearer {server.key}"} if server.key else {}
        self._http = httpx2.AsyncClient(
            base_url=server.url.rstrip("/") + "/",
            headers=headers,
            timeout=httpx2.Timeout(server.timeout_s, connect=min(server.timeout_s, CHECK_TIMEOUT_S), pool=None),
            limits=httpx2.Limits(max_connections=server.concurrency + 1, max_keepalive_connections=server.concurrency),
            trust_env=False,
            follow_redirects=False,
            verify=ssl.create_default_context(),
            transport=transport,
        )

    @property
    def away(self) -> bool:
        """True if the circuit breaker has opened and the server has not responded since.

        Requests then fail immediately.
        """
        return self._breaker.state != "closed"

    async def start(self) -> None:
        """Check once whether the server responds. If it does not, requests fail until a later check succeeds."""
        if not await self._answers():
            self._breaker.open()
            self._report_away("unreachable")

    async def close(self) -> None:
        """Stop checking the server, and close all connections."""
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.wait({self._watch})
        await self._http.aclose()

    def require_open(self) -> None:
        """Check that the circuit breaker is closed.

        Raises:
            EngineUnavailable: ``away`` is True.
        """
        if self.away:
            raise self._unavailable()

    async def complete(self, body: Mapping[str, Any], limit_s: float) -> list[Choice]:
        """Send a chat completion request, and return at least one choice.

        After a failure, the request is repeated, with up to `ATTEMPTS` attempts in total. ``body`` is the JSON body. An
        attempt that fails more than ``limit_s`` seconds after the start of the first one is not repeated.

        Raises:
            EngineUnavailable: no attempt succeeded, or the circuit breaker is open.
            TextRefused: the server rejected this request, so repeating it would not help.
        """
        try:
            async for attempt in stamina.retry_context(
                on=self._backoff_within(limit_s),
                attempts=ATTEMPTS,
                timeout=limit_s,
                wait_initial=self._server.pause_s,
                wait_jitter=self._server.pause_s,
                wait_max=MOST_PAUSE_S,
            ):
                with attempt:
                    self.require_open()
                    return await self._attempt(body)
        except _Failure as failure:
            raise self._unavailable(failure.after_s) from failure
        raise AssertionError("unreachable: a retry context returns or raises")

    def _backoff_within(self, limit_s: float) -> Callable[[Exception], bool | float]:
        """Return a function that decides whether to retry after an exception.

        The function returns False for no retry, True for a retry after the usual pause, or the number of seconds that
        the server asked the client to wait. It returns False if this number is not less than ``limit_s``.
        """

        def backoff(error: Exception) -> bool | float:
            if not isinstance(error, _Failure):
                return False
            if error.after_s is None:
                return True
            return error.after_s if error.after_s < limit_s else False

        return backoff

    async def _attempt(self, body: Mapping[str, Any]) -> list[Choice]:
        clock = asyncio.get_running_loop().time
        started_s = clock()
        try:
            status, headers, content = await self._post(body)
            found = self._completion(status, headers, content)
        except _Failure as failure:
            self._listener(RemoteCalled(self._name, failure.reason, clock() - started_s))
            if failure.reason != "rate_limited" and self._breaker.failed():
                self._report_away(failure.reason)
            raise
        except TextRefused:
            self._breaker.succeeded()
            self._listener(RemoteCalled(self._name, "refused", clock() - started_s))
            raise
        self._breaker.succeeded()
        tokens = found.prompt_tokens, found.output_tokens
        self._listener(RemoteCalled(self._name, "answered", clock() - started_s, *tokens))
        return found.choices

    async def _post(self, body: Mapping[str, Any]) -> tuple[int, Mapping[str, str], bytes]:
        try:
            # httpx limits only the time between two packets, so a server could send one byte at a time forever.
            async with (
                asyncio.timeout(self._server.timeout_s),
                self._http.stream("POST", "chat/completions", json=body) as response,
            ):
                return response.status_code, response.headers, await _limited(response)
        except (TimeoutError, httpx2.TimeoutException) as error:
            raise _Failure("timeout") from error
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise _Failure("unreachable") from error

    def _completion(self, status: int, headers: Mapping[str, str], content: bytes) -> _Completion:
        if status == TOO_MANY:
            raise _Failure("rate_limited", _retry_after_s(headers))
        if status >= SERVER_ERROR:
            raise _Failure("server_error", _retry_after_s(headers))
        if status in REFUSED_TEXT:
            raise TextRefused
        if status != httpx2.codes.OK:  # a wrong key, path or model name, or a redirect
            raise _Failure("not_accepted")
        try:
            answer = json.loads(content)
            found = [_choice(one) for one in answer["choices"]]
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise _Failure("malformed") from error
        if not found:
            raise _Failure("malformed")
        return _Completion(found, *_token_counts(answer.get("usage")))

    def _report_away(self, reason: RemoteFailure) -> None:
        """Tell the listener that the server has failed, and start checking the server until it responds again."""
        self._listener(RemoteAway(self._name, reason))
        if self._watch is None or self._watch.done():
            self._watch = asyncio.create_task(self._wait_until_back(), name=f"remote-{self._name}")

    async def _wait_until_back(self) -> None:
        while self.away:
            await asyncio.sleep(self._server.check_s)
            if await self._answers():
                self._breaker.succeeded()
        self._listener(RemoteBack(self._name))

    async def _answers(self) -> bool:
        """Return whether the server responds to a request for its list of models within `CHECK_TIMEOUT_S` seconds.

        The result is also False if the response has status 401, 403 or 5xx.
        """
        with contextlib.suppress(httpx2.HTTPError, httpx2.InvalidURL, TimeoutError):
            async with asyncio.timeout(CHECK_TIMEOUT_S):
                response = await self._http.get("models")
            return response.status_code < SERVER_ERROR and response.status_code not in {401, 403}
        return False

    def _unavailable(self, after_s: float | None = None) -> EngineUnavailable:
        return EngineUnavailable(
            f"the server of the model {self._name} does not respond; cached results and other models are not affected",
            retry_after_s=after_s or max(RETRY_AFTER_S, self._server.check_s),
        )


async def _limited(response: httpx2.Response) -> bytes:
    """Return the body of a response.

    Raises:
        _Failure: the body has more than `MOST_ANSWER_BYTES` bytes.
    """
    parts, size = [], 0
    async for part in response.aiter_bytes():
        size += len(part)
        if size > MOST_ANSWER_BYTES:
            raise _Failure("malformed")
        parts.append(part)
    return b"".join(parts)


def _retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Return the number of seconds in Retry-After, but at least 0.1.

    Return None if the header is missing or contains no finite number, for example a date.
    """
    try:
        seconds = float(headers.get("retry-after", ""))
    except ValueError:
        return None
    return max(0.1, seconds) if math.isfinite(seconds) else None


def _choice(value: Any) -> Choice:
    content = value["message"]["content"]
    if content is None:
        content = ""
    if not isinstance(content, str):
        raise TypeError("the content of a message must be a string")
    return Choice(content, _log_prob(value.get("logprobs")), cut=value.get("finish_reason") == "length")


def _token_counts(usage: Any) -> tuple[int | None, int | None]:
    """Return the numbers of prompt tokens and output tokens in ``usage``, or None for both if one is not valid."""
    counts = [usage.get(name) for name in ("prompt_tokens", "completion_tokens")] if isinstance(usage, dict) else []
    if len(counts) == 2 and all(type(count) is int and count >= 0 for count in counts):  # noqa: PLR2004 - a pair
        return counts[0], counts[1]
    return None, None


def _log_prob(value: Any) -> float | None:
    """Return the mean log-probability of the tokens in ``value``, which is the ``logprobs`` object of a choice.

    Return None if there are no tokens or a token has no finite log-probability.
    """
    tokens: Sequence[Any] = (value or {}).get("content") or [] if isinstance(value, dict | None) else []
    found = [token.get("logprob") for token in tokens if isinstance(token, dict)]
    numbers = [float(one) for one in found if isinstance(one, int | float) and math.isfinite(one)]
    return sum(numbers) / len(numbers) if numbers and len(numbers) == len(found) else None
