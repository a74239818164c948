"""The remote generator, which sends each text to an OpenAI-compatible server in a separate request.

An unusable answer therefore affects only one text, and the cache key of a text covers exactly what was sent for it.
docs/adr/0027 gives the reasons.
"""

import asyncio
import heapq
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from service.domain import DecodingOptions
from service.errors import DeadlineExceeded, Draining, ModelError, QueueFull
from service.events import AnswerInvalid, Listener
from service.generation.base import Health, Host, Source, TextFuture, TextHypothesis
from service.generation.call import Priority
from service.generation.remote.client import Choice, RemoteClient, RemoteServer, TextRefused
from service.generation.remote.prompts import Answer, Example, Prompt, load_prompt, read_answer
from service.registry.catalog import Entry
from service.registry.manifest import Manifest, Remote

BYTES_A_TOKEN = 3
"""The number of UTF-8 bytes per token that is assumed for the limits. German text has 3.5 to 4.5 bytes per token."""
ANSWER_TOKENS = 32
"""The number of tokens that an answer may have in addition to its text, for example for JSON syntax."""
BULK_DELAY_S = 60.0
WITHOUT_DEADLINE_S = 600.0
INVALID = TextHypothesis("", None, "invalid")
_SCHEMA: dict[str, Any] = {
    "type": "json_schema",
    "json_schema": {
        "name": "answer",
        "strict": True,
        "schema": {
            "type": "object",
            "properties": {"text": {"type": "string"}},
            "required": ["text"],
            "additionalProperties": False,
        },
    },
}


class _Slots:
    """A limit on the number of simultaneous requests. Each request occupies one slot.

    Waiting requests get slots in the order of their arrival, except that bulk requests count as having arrived 60
    seconds later.
    """

    def __init__(self, count: int) -> None:
        self._free = count
        self._waiting: list[tuple[float, int, asyncio.Future[None]]] = []
        self._numbers = itertools.count()

    def __len__(self) -> int:
        return len(self._waiting)

    async def acquire(self, priority: Priority) -> None:
        """Wait until a slot is free, and occupy it."""
        if self._free:
            self._free -= 1
            return
        loop = asyncio.get_running_loop()
        ready: asyncio.Future[None] = loop.create_future()
        arrived_s = loop.time() + (BULK_DELAY_S if priority == "bulk" else 0.0)
        heapq.heappush(self._waiting, (arrived_s, next(self._numbers), ready))
        try:
            await ready
        except asyncio.CancelledError:
            if ready.done() and not ready.cancelled():  # the slot was assigned just before the cancellation
                self.release()
            raise

    def release(self) -> None:
        """Pass the slot to the first waiting request. If no request is waiting, mark the slot as free."""
        while self._waiting:
            ready = heapq.heappop(self._waiting)[2]
            if not ready.done():
                ready.set_result(None)
                return
        self._free += 1


@dataclass(frozen=True, slots=True)
class _Work:
    source: Source
    text: str
    options: DecodingOptions
    priority: Priority
    deadline_s: float


class RemoteGenerator:
    """A `TextGenerator` whose model runs on an OpenAI-compatible server.

    Args:
        entry: the model. Its manifest must have a table ``remote``.
        server: the configuration of the server.
        listener: is called with events about requests and failures.
        most_texts: the maximum number of waiting texts, including those of a new request. If ``server.concurrency`` is
            larger, that number applies instead. Texts of a request that was already admitted are not limited.

    Raises:
        ModelError: the manifest has no table ``remote``, the prompt file is missing or invalid, or the house style is
            too long.
    """

    engine = "openai"

    def __init__(self, entry: Entry, server: RemoteServer, listener: Listener, *, most_texts: int) -> None:
        remote = entry.manifest.remote
        if remote is None:
            raise ModelError(f"{entry.name} is not a remote model: its manifest has no table `remote`")
        self.name = entry.name
        self.manifest: Manifest = entry.manifest.model_copy(update={"revision": server.model})
        self.host: Host = server.where
        self._remote: Remote = remote
        self._server = server
        self._listener = listener
        self._prompt: Prompt = load_prompt(remote.prompt, remote.form, server.house_style)
        self._client = RemoteClient(entry.name, server, listener)
        self._slots = _Slots(server.concurrency)
        self._most_texts = most_texts
        self._tasks: dict[asyncio.Task[None], TextFuture] = {}
        self._numbers = itertools.count(1)
        self._started = self._refusing = self._closed = False
        self._reduced = False

    @cached_property
    def fingerprint(self) -> str:
        """The name of the model on the server, the version of the prompt, and settings of the manifest, as one string.

        The settings are those of the search and those in the table ``remote``. The string is part of the keys of cached
        results.
        """
        manifest = self.manifest
        search = [*manifest.decoding, *(manifest.thorough or ())]
        return f"{self._server.model}/openai/{self._prompt.version} {search!r} {self._remote!r}"

    @property
    def identity(self) -> str:
        """A string that changes whenever the configuration of the model changes (see `TextGenerator.identity`)."""
        return f"{self.manifest.id} {self.fingerprint} {self.manifest.tokens!r}"

    @property
    def health(self) -> Health:
        """The state of the generator: "loading", "ready", or "away" if the server does not respond."""
        if not self._started:
            return "loading"
        return "away" if self._client.away else "ready"

    @property
    def waiting(self) -> int:
        """The number of texts that are waiting until a request may be sent for them."""
        return len(self._slots)

    @property
    def running(self) -> int:
        """The number of accepted texts that are not done, including those that are still waiting."""
        return len(self._tasks)

    async def start(self) -> None:
        """Check the server once.

        A server that does not respond causes no error, because it may become available later.
        """
        await self._client.start()
        self._started = True

    async def close(self, drain_s: float) -> None:
        """Refuse new work, wait up to ``drain_s`` seconds for accepted texts, and close the connections.

        The futures of texts that are not done by then raise `Draining`.
        """
        self._refusing = True
        if self._tasks:
            await asyncio.wait(list(self._tasks), timeout=drain_s)
        self._closed = True
        for task, future in list(self._tasks.items()):
            if not future.done():
                future.set_exception(Draining("the process is shutting down; send the request again"))
            task.cancel()
        if self._tasks:
            await asyncio.wait(list(self._tasks))
        await self._client.close()

    @property
    def limit(self) -> "EstimatedLimit":
        """The maximum length of one input of the model."""
        return EstimatedLimit(self.manifest.tokens.max_source_tokens)

    def fits(self, text: str) -> bool:
        """Return whether the normalised ``text`` fits into one input of the model."""
        return self.limit.fits(text)

    def prepare(self, source: Source) -> Source:
        """Return ``source`` unchanged, because the server of the model tokenises it."""
        return source

    def generate(
        self,
        sources: Sequence[Source],
        *,
        priority: Priority = "interactive",
        deadline_s: float | None = None,
        admitted: bool = False,
    ) -> list[TextFuture]:
        """Accept all ``sources`` or none of them, and return one future for each (see `TextGenerator.generate`).

        If the circuit breaker is open, the call raises `EngineUnavailable`, unless the sources are ``admitted``. If the
        server fails later, the futures raise this error. If two requests for a text, the second one with a reminder of
        the form, yield no usable answer, the result for this text is a single hypothesis with the finish reason
        ``invalid``.

        Raises:
            TypeError: a source is a prompt with marks.
        """
        if self._closed or (self._refusing and not admitted):
            raise Draining("the process is shutting down; send the request again")
        loop = asyncio.get_running_loop()
        if deadline_s is not None and deadline_s <= loop.time():
            raise DeadlineExceeded("the request's deadline passed before the work was queued; allow more time")
        if not admitted:
            self._client.require_open()
            if len(self._slots) + len(sources) > max(self._most_texts, self._server.concurrency):
                raise QueueFull(f"{len(self._slots)} texts are already waiting for the model {self.name}; retry later")
        latest_s = loop.time() + WITHOUT_DEADLINE_S if deadline_s is None else deadline_s
        return [self._accept(source, priority, latest_s) for source in sources]

    def _accept(self, source: Source, priority: Priority, deadline_s: float) -> TextFuture:
        if not isinstance(source.text, str):
            raise TypeError("a remote model accepts only texts, not prompts with marks")
        options = self.manifest.decoding_options(_tokens(source.text), thorough=source.options.thorough)
        options = replace(options, hypotheses=source.options.hypotheses or options.hypotheses)
        future = TextFuture()
        task = asyncio.create_task(self._serve(_Work(source, source.text, options, priority, deadline_s), future))
        self._tasks[task] = future
        task.add_done_callback(self._tasks.pop)
        future.add_done_callback(lambda _: task.cancel())  # has no effect on a task that is done
        return future

    async def _serve(self, work: _Work, future: TextFuture) -> None:
        try:
            found = await self._hypotheses(work, future)
        except Exception as error:  # noqa: BLE001 - a bug here must not leave callers waiting forever
            if not future.done():
                future.set_exception(error)
            return
        if not future.done():
            future.finished_s = asyncio.get_running_loop().time()
            future.set_result(found)

    async def _hypotheses(self, work: _Work, future: TextFuture) -> list[TextHypothesis]:
        """Return the usable answers for a text, without duplicates.

        If no answer is usable, send a second request with a reminder of the required form. If there is still no usable
        answer, return the hypothesis `INVALID`. The start time of the work is stored in ``future``.
        """
        answers: list[tuple[Answer, Choice]] = []
        for reminded in (False, True):
            answers = await self._answers(work, future, reminded=reminded)
            usable = [_hypothesis(answer, choice) for answer, choice in answers if answer.fault is None]
            if usable:
                texts = [one.text for one in usable]
                return [one for number, one in enumerate(usable) if one.text not in texts[:number]]
        fault = answers[0][0].fault if answers else None
        self._listener(AnswerInvalid(self.name, fault or "refused"))
        return [INVALID]

    async def _answers(self, work: _Work, future: TextFuture, *, reminded: bool) -> list[tuple[Answer, Choice]]:
        """Return the server's answers for a text, each with its choice.

        Return an empty list if the server rejects the text. If the server rejects the optional fields of a request,
        send the request without them.
        """
        try:
            choices = await self._complete(work, future, self._body(work, reminded=reminded))
        except TextRefused:
            # The server may not know the optional fields. If it accepts the text without them, later requests also
            # omit them.
            if self._reduced:
                return []
            try:
                choices = await self._complete(work, future, self._plain_body(work, reminded=reminded))
            except TextRefused:
                return []
            self._reduced = True
        return [(read_answer(one.content, work.text, self._prompt), one) for one in choices]

    async def _complete(self, work: _Work, future: TextFuture, body: dict[str, Any]) -> list[Choice]:
        loop = asyncio.get_running_loop()
        await self._slots.acquire(work.priority)
        try:
            if future.started_s is None:
                future.started_s, future.batch = loop.time(), next(self._numbers)
            left_s = work.deadline_s - loop.time()
            if left_s <= 0:
                raise DeadlineExceeded(
                    "the request's deadline passed before the text was sent to the model's server; allow more time"
                )
            return await self._client.complete(body, left_s)
        finally:
            self._slots.release()

    def _body(self, work: _Work, *, reminded: bool) -> dict[str, Any]:
        """Return the JSON body of the request for a text.

        It contains the optional fields unless the server has rejected them before.
        """
        body = self._plain_body(work, reminded=reminded)
        if self._reduced:
            return body
        if work.options.hypotheses > 1:
            body |= {"n": work.options.hypotheses, "temperature": self._remote.temperature}
        if self._remote.logprobs:
            body["logprobs"] = True
        if self._remote.form == "json":
            body["response_format"] = _SCHEMA
        return body

    def _plain_body(self, work: _Work, *, reminded: bool) -> dict[str, Any]:
        context = work.source.context[-self._remote.context_sentences :] if self._remote.context_sentences else ()
        request = Example(source=work.text, target="", context=context, terms=work.source.terms)
        return {
            **self._remote.body,
            "model": self._server.model,
            "messages": self._prompt.messages(request, reminded=reminded),
            "max_tokens": work.options.max_output_tokens + ANSWER_TOKENS,
            "temperature": 0,
            "stream": False,
        }


@dataclass(frozen=True, slots=True)
class EstimatedLimit:
    """The `InputLimit` of a remote model. The number of tokens is estimated from the number of UTF-8 bytes."""

    max_source_tokens: int

    def fits(self, text: str) -> bool:
        """Return whether the estimated number of tokens in ``text`` is at most ``max_source_tokens``."""
        return _tokens(text) <= self.max_source_tokens


def _tokens(text: str) -> int:
    return math.ceil(len(text.encode()) / BYTES_A_TOKEN)


def _hypothesis(answer: Answer, choice: Choice) -> TextHypothesis:
    return TextHypothesis(answer.text, choice.log_prob, "length" if choice.cut else "eos")


@dataclass(frozen=True, slots=True)
class RemoteChoice:
    """The settings for the server of the remote models.

    ``url`` is the base URL of the API. ``model`` is the name of the model on the server. If it is None, the id in the
    manifest is used. ``key_file`` contains the API key of the server, and ``style_file`` contains the newsroom's
    house style. Either of them may be None. The files are read whenever the models are loaded. `RemoteServer` describes
    the other fields.
    """

    url: str
    model: str | None = None
    key_file: Path | None = None
    style_file: Path | None = None
    timeout_s: float = 60.0
    concurrency: int = 64
    host: Host | None = None

    def server(self, entry: Entry) -> RemoteServer:
        """Read the key file and the style file, and return the configuration of the server for the model ``entry``.

        Raises:
            ModelError: a file cannot be read, or the key is empty or contains a character other than printable ASCII.
        """
        key = None if self.key_file is None else _read("DEPESCHE_REMOTE_KEY_FILE", self.key_file)
        if key is not None and not (key.isascii() and key.isprintable() and key):
            raise ModelError("the file in DEPESCHE_REMOTE_KEY_FILE must contain one line of visible ASCII characters")
        return RemoteServer(
            self.url,
            self.model or entry.manifest.id,
            key,
            "" if self.style_file is None else _read("DEPESCHE_REMOTE_STYLE_FILE", self.style_file),
            self.timeout_s,
            self.concurrency,
            self.host,
        )


def _read(setting: str, path: Path) -> str:
    try:
        return path.read_text("utf-8").strip()
    except OSError as error:
        raise ModelError(f"the file that {setting} names cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ModelError(f"the file that {setting} names is not valid UTF-8") from error


async def load_remote(
    entry: Entry, choice: RemoteChoice | None, listener: Listener, *, most_texts: int
) -> RemoteGenerator:
    """Create the generator of a remote model. `RemoteGenerator.start` checks the server later.

    Raises:
        ModelError: ``choice`` is None, or `RemoteChoice.server` or `RemoteGenerator` raises this error.
    """
    if choice is None:
        raise ModelError(f"{entry.name} is a remote model; set DEPESCHE_REMOTE_URL to the base URL of its server")
    server = await asyncio.to_thread(choice.server, entry)
    return RemoteGenerator(entry, server, listener, most_texts=most_texts)
