"""A system under load: how it is asked, and the proof that it translated every sentence."""

import asyncio
import contextlib
import json
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, Self

from benchmarks.load.articles import Article
from benchmarks.load.clients import closed_loop
from benchmarks.load.server import ROOT, Server, environment

NO_STORE = {"Cache-Control": "no-store"}  # nothing is to come from a cache; without meaning to those that have none
PIPE_BYTES = 2**26


class Failed(Exception):
    """A system left a sentence without translation, or ended."""


@dataclass(frozen=True, slots=True)
class Round:
    """What one system did in one round: wall time, work, and one latency an article where there are requests."""

    seconds: float
    sentences: int
    chars: int
    latencies_s: tuple[float, ...] = ()

    @property
    def sentences_per_s(self) -> float:
        """The rate, which does not depend on how long the articles happen to be."""
        return self.sentences / self.seconds

    @property
    def latency_s(self) -> float | None:
        """The median latency of an article; None without requests."""
        return statistics.median(self.latencies_s) if self.latencies_s else None


def require_text(article: Article, outputs: Sequence[str]) -> int:
    """The characters of ``outputs``.

    Raises:
        Failed: there is not one for each sentence, or one is blank.
    """
    if len(outputs) != len(article.sentences):
        raise Failed(f"{len(outputs)} translations for {len(article.sentences)} sentences")
    blank = [source for source, output in zip(article.sentences, outputs, strict=True) if not output.strip()]
    if blank:
        raise Failed(f"no translation of: {blank[0]}")
    return sum(map(len, outputs))


class System(Protocol):
    """One system, used with ``async with``; ready inside."""

    name: str
    what: str

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *_: object) -> None: ...

    async def warm_up(self, articles: Sequence[Article]) -> None:
        """Work that is not measured."""
        ...

    async def round(self, articles: Sequence[Article], clients: int) -> Round:
        """Translate all ``articles``, ``clients`` of them at once.

        Raises:
            Failed, httpx.HTTPError: a request failed or a sentence has no translation; in a group, where clients run.
        """
        ...


@dataclass
class Http:
    """A system behind HTTP. ``body`` makes a request's JSON; ``check`` gives an answer's characters or raises `Failed`.

    ``warm_up_articles`` are asked for at once.
    """

    name: str
    what: str
    server: Server
    path: str
    body: Callable[[Article], Any]
    check: Callable[[Article, Any], int]
    warm_up_articles: int = 16

    async def __aenter__(self) -> Self:
        await self.server.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.server.__aexit__()

    async def ask(self, article: Article) -> int:
        """Translate one article; the characters of its translation."""
        return self.check(article, await self.server.post(self.path, self.body(article), NO_STORE))

    async def warm_up(self, articles: Sequence[Article]) -> None:
        """See `System`."""
        await closed_loop(self.ask, articles[: self.warm_up_articles], self.warm_up_articles)

    async def round(self, articles: Sequence[Article], clients: int) -> Round:
        """See `System`."""
        load = await closed_loop(self.ask, articles, clients)
        return Round(load.seconds, sum(len(article.sentences) for article in articles), load.chars, load.latencies_s)


@dataclass
class Ceiling:
    """CTranslate2 in a process of its own, asked over pipes; ``choice`` is what it found fastest in its warm-up."""

    name: str
    what: str
    command: Sequence[str]
    choice: dict[str, int] = field(default_factory=dict)

    async def __aenter__(self) -> Self:
        pipe = asyncio.subprocess.PIPE
        self._process = await asyncio.create_subprocess_exec(
            *self.command, cwd=ROOT, env=environment({}), stdin=pipe, stdout=pipe, limit=PIPE_BYTES
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()
        await self._process.wait()

    async def warm_up(self, articles: Sequence[Article]) -> None:
        """See `System`."""
        self.choice = await self._ask(articles)

    async def round(self, articles: Sequence[Article], clients: int) -> Round:
        """See `System`; several clients are all sentences at once, one is an article after the other.

        Its time is that of the model's calls.
        """
        calls = [[article] for article in articles] if clients == 1 else [articles]
        seconds, sentences, chars = 0.0, 0, 0
        for call in calls:
            answer = await self._ask(call)
            outputs = iter(answer["outputs"])
            chars += sum(require_text(article, [next(outputs) for _ in article.sentences]) for article in call)
            seconds += answer["seconds"]
            sentences += len(answer["outputs"])
        return Round(seconds, sentences, chars)

    async def _ask(self, articles: Sequence[Article]) -> Any:
        to, back = self._process.stdin, self._process.stdout
        assert to is not None  # noqa: S101 - both are pipes
        assert back is not None  # noqa: S101
        to.write(json.dumps([sentence for article in articles for sentence in article.sentences]).encode() + b"\n")
        await to.drain()
        line = await back.readline()
        if not line:
            raise Failed(f"{self.name} ended")
        return json.loads(line)
