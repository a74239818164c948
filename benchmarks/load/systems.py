"""The systems to measure under load: the service from a checkout, and other systems with the same weights."""

import asyncio
import contextlib
import json
import sys
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self

from benchmarks.articles import Article
from benchmarks.checkout import Checkout
from benchmarks.load import wrk
from benchmarks.load.wrk import Failed
from benchmarks.server import NO_STORE, ROOT, Server, environment, free_port

PIPE_BYTES = 2**26
WARM_UPS = 3


def require_text(article: Article, outputs: Sequence[str]) -> None:
    """Check that each sentence has exactly one output and that no output is blank.

    Raises:
        Failed: the number of outputs is wrong, or an output is blank.
    """
    if len(outputs) != len(article.sentences):
        raise Failed(f"{len(outputs)} translations were returned for {len(article.sentences)} sentences")
    for source, output in zip(article.sentences, outputs, strict=True):
        if not output.strip():
            raise Failed(f"this sentence has no translation: {source}")


class System(Protocol):
    """A system to measure. Inside ``async with``, it is running and ready.

    ``name`` identifies the system in the results, and ``what`` describes it.
    """

    name: str
    what: str

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *_: object) -> None: ...

    async def warm_up(self, articles: Sequence[Article]) -> None:
        """Translate some articles without measuring, and check the outputs.

        Raises:
            Failed: a sentence has no translation.
        """
        ...

    async def round(self, articles: Sequence[Article], clients: int) -> dict[str, float]:
        """Return the articles per second with ``clients`` clients, and the latencies if the system serves HTTP.

        Only the first half of ``articles`` is counted. The second half sustains the load until the last requests for
        the first half have been answered.

        Raises:
            Failed: a request failed.
        """
        ...


@dataclass
class Http:
    """A system that serves HTTP.

    ``body`` returns the JSON body of a request that translates an article. ``check`` raises `Failed` if the response
    for an article is incomplete.
    """

    name: str
    what: str
    server: Server
    path: str
    body: Callable[[Article], Any]
    check: Callable[[Article, Any], None]

    async def __aenter__(self) -> Self:
        await self.server.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.server.__aexit__()

    async def warm_up(self, articles: Sequence[Article]) -> None:
        """Implement `System.warm_up`."""
        for article in articles[:WARM_UPS]:
            self.check(article, await self.server.post(self.path, self.body(article), NO_STORE))

    async def round(self, articles: Sequence[Article], clients: int) -> dict[str, float]:
        """Implement `System.round`."""
        url = str(self.server.http.base_url.join(self.path))
        bodies = [self.body(article) for article in articles]
        load = await wrk.closed_loop(url, bodies, clients, len(articles) // 2)
        # wrk aborts its last requests. Once the system has answered one more request, it is idle again.
        await self.server.post(self.path, self.body(Article(articles[-1].sentences[:1])), NO_STORE)
        return {"articles a second": load.requests_per_s, "latency p50, s": load.p50_s, "latency p99, s": load.p99_s}


def depesche(checkout: Checkout, **settings: str) -> Http:
    """Return the service from ``checkout`` as a system to measure. ``settings`` override its default settings."""
    return Http(
        name=checkout.name,
        what=f"Depesche, commit {checkout.commit}",
        server=checkout.server(**settings),
        path="/v1/translate",
        body=lambda article: {"text": article.text},
        check=_check_depesche,
    )


def _check_depesche(article: Article, answer: Any) -> None:
    (translation,) = answer["translations"]
    text: str = translation["text"]
    require_text(article, [text[slice(*sentence["target"])] for sentence in translation["sentences"]])


@dataclass(frozen=True, slots=True)
class Weights:
    """The folder of an embedded translation model, and the search settings from its manifest."""

    folder: Path
    search: dict[str, Any]

    @classmethod
    def of(cls, name: str) -> Self:
        """Return the folder and the search settings of the model ``name`` in the catalogue."""
        manifest = tomllib.loads((ROOT / "models" / "catalog" / f"{name}.toml").read_text("utf-8"))
        decoding = manifest["decoding"]
        search = {
            "beam_size": decoding.get("beam_size", 1),
            "max_output_tokens": manifest["tokens"]["max_output_tokens"],
            "no_repeat_ngram": decoding.get("no_repeat_ngram", 0),
            "length_penalty": decoding.get("length_penalty", 1.0),
        }
        return cls(ROOT / "models" / manifest["weights"], search)


def naive(weights: Weights, unit: str) -> Http:
    """Return a system that serves the ``generate`` method of transformers with FastAPI.

    ``unit`` states what each call of the model translates: a ``sentence`` or an ``article``.
    """
    port = free_port()
    program = [sys.executable, "-m", "benchmarks.load.naive", str(weights.folder), str(port)]
    return Http(
        name=f"transformers, {unit}",
        what=f"FastAPI and transformers in float32, one call of generate per {unit}",
        server=Server([*program, json.dumps(weights.search), unit], port, "/health", extra={}),
        path="/translate",
        body=lambda article: {"sentences": article.sentences},
        check=lambda article, answer: require_text(article, answer["translations"]),
    )


@dataclass
class Raw:
    """CTranslate2 without a service, in a separate process that communicates over pipes.

    Its throughput is an upper bound for any service that uses CTranslate2.
    """

    weights: Weights
    name: str = "CTranslate2 raw"
    what: str = "CTranslate2 on sorted batches; only the time of the model's calls counts"

    async def __aenter__(self) -> Self:
        pipe = asyncio.subprocess.PIPE
        command = ("-m", "benchmarks.load.ceiling", str(self.weights.folder), json.dumps(self.weights.search))
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, *command, cwd=ROOT, env=environment({}), stdin=pipe, stdout=pipe, limit=PIPE_BYTES
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()
        await self._process.wait()

    async def warm_up(self, articles: Sequence[Article]) -> None:
        """Implement `System.warm_up`. The first call also chooses the number of threads and the batch size."""
        await self._ask(articles)

    async def round(self, articles: Sequence[Article], clients: int) -> dict[str, float]:
        """Implement `System.round`.

        If ``clients`` is 1, each call of the model translates one article. Otherwise, a single call translates all
        counted articles.
        """
        some = articles[: len(articles) // 2]
        calls = [[article] for article in some] if clients == 1 else [some]
        return {"articles a second": len(some) / sum([await self._ask(call) for call in calls])}

    async def _ask(self, articles: Sequence[Article]) -> float:
        """Translate the articles in one call, and return the seconds that the model took.

        Raises:
            Failed: the process has ended, or a translation is missing.
        """
        to, back = self._process.stdin, self._process.stdout
        if to is None or back is None:
            raise Failed(f"{self.name} has no pipes")
        to.write(json.dumps([sentence for article in articles for sentence in article.sentences]).encode() + b"\n")
        await to.drain()
        line = await back.readline()
        if not line:
            raise Failed(f"the process of {self.name} has ended")
        answer = json.loads(line)
        outputs = iter(answer["outputs"])
        for article in articles:
            require_text(article, [next(outputs) for _ in article.sentences])
        return float(answer["seconds"])
