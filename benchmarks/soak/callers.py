"""The callers of a soak: one function a kind, each of which asks once and says what came of it."""

import asyncio
import json
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

import httpx

from benchmarks.soak.texts import Newsroom

LEAVES_AFTER_S = 0.15
LEFT = "left"
BROKEN = "broken stream"
STREAM = {"Accept": "text/event-stream"}
HTML = '<p>{}</p><!-- wp:paragraph --><p class="lead">Mehr in <a href="/kiel">Kiel</a> &amp; <b>Lübeck</b>.</p>'


@dataclass(frozen=True, slots=True)
class Caller:
    """Whom callers ask, and with which texts; ``admin`` is the administration port's address."""

    http: httpx.AsyncClient
    admin: str
    texts: Newsroom
    rng: random.Random


async def article(caller: Caller) -> str:
    """An article with its summary and translation."""
    return await _post(caller, "/v1/articles", {"body": caller.texts.fresh()})


async def repeated(caller: Caller) -> str:
    """An article that was asked for a short while ago."""
    return await _post(caller, "/v1/articles", {"body": caller.texts.again()})


async def translation(caller: Caller) -> str:
    """A list of texts, with a glossary and alignment, past the cache every other time."""
    body = {"text": [caller.texts.fresh(), ""], "glossary": {"Meldung": "report"}, "alignment": True}
    headers = {"Cache-Control": "no-store"} if caller.rng.random() < 0.5 else {}
    return await _post(caller, "/v1/translate", body, headers)


async def summary(caller: Caller) -> str:
    """A summary of some length and style."""
    style = caller.rng.choice(["abstract", "teaser", "bullets", "seo"])
    return await _post(caller, "/v1/summarize", {"text": caller.texts.fresh(), "length": "short", "style": style})


async def markup(caller: Caller) -> str:
    """HTML as an editor writes it."""
    blocks = "".join(map(HTML.format, caller.texts.fresh().split("\n\n")))
    return await _post(caller, "/v1/translate", {"text": blocks, "format": "html"})


async def stream(caller: Caller) -> str:
    """A stream, read to its result."""
    body = {"text": caller.texts.fresh()}
    async with caller.http.stream("POST", "/v1/translate", json=body, headers=STREAM) as answer:
        events = {line async for line in answer.aiter_lines() if line.startswith("event: ")}
    return str(answer.status_code) if "event: result" in events else BROKEN


async def leaver(caller: Caller) -> str:
    """One that hangs up before its answer is there, in a stream or not."""
    body = {"body": "\n\n".join(caller.texts.fresh() for _ in range(4))}
    headers = STREAM if caller.rng.random() < 0.5 else {}
    try:
        async with asyncio.timeout(LEAVES_AFTER_S):
            return await _post(caller, "/v1/articles", body, headers)
    except TimeoutError:
        return LEFT


async def malformed(caller: Caller) -> str:
    """Input of a kind that has to be refused."""
    bodies = ['{"text": ', json.dumps({"text": "Ein Satz.", "unknown": 1}), json.dumps({"text": " "}), "[" * 500]
    headers = {"Content-Type": "application/json"}
    answer = await caller.http.post("/v1/translate", content=caller.rng.choice(bodies), headers=headers)
    return str(answer.status_code)


async def purge(caller: Caller) -> str:
    """An operator who withdraws a recent story."""
    return await _post(caller, f"{caller.admin}/admin/cache/purge", {"text": caller.texts.again()})


async def probe(caller: Caller) -> str:
    """The readiness probe and a scrape."""
    answers = [await caller.http.get(path) for path in ("/readyz", "/metrics")]
    return str(max(answer.status_code for answer in answers))


async def _post(caller: Caller, path: str, body: object, headers: Mapping[str, str] | None = None) -> str:
    return str((await caller.http.post(path, json=body, headers=headers)).status_code)


Ask = Callable[[Caller], Awaitable[str]]
# How often each kind comes, and what may come of it.
KINDS: Mapping[Ask, tuple[int, frozenset[str]]] = {
    article: (20, frozenset({"200"})),
    repeated: (15, frozenset({"200"})),
    translation: (15, frozenset({"200"})),
    summary: (12, frozenset({"200"})),
    markup: (10, frozenset({"200"})),
    stream: (10, frozenset({"200"})),
    leaver: (8, frozenset({"200", LEFT})),
    malformed: (6, frozenset({"400", "422"})),
    purge: (2, frozenset({"200"})),
    probe: (2, frozenset({"200"})),
}
