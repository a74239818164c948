"""Sentences to hypotheses: from the cache, from the same work in flight, or from the engine's queue."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from service.cache.cache import Cache
from service.cache.codec import decode_hypotheses, encode_hypotheses
from service.cache.flight import Flight
from service.cache.keys import cache_key
from service.errors import DeadlineExceeded
from service.pipeline.call import Call
from service.pipeline.served import ServedModel
from service.text.normalise import NORMALISER_VERSION
from service.types import DecodingOptions, EngineInput, FinishReason, Hypothesis, Tokens


@dataclass(frozen=True, slots=True)
class Source:
    """One text for the model: as the model gets it, as tokens, and how to decode it."""

    text: str
    tokens: Tokens
    options: DecodingOptions


@dataclass(frozen=True, slots=True)
class Candidate:
    """One hypothesis as text."""

    text: str
    score: float
    finish_reason: FinishReason


@dataclass(frozen=True, slots=True)
class Decoded:
    """The hypotheses of one source, best first; ``cached`` when no engine ran for this request."""

    candidates: tuple[Candidate, ...]
    cached: bool

    @property
    def best(self) -> Candidate:
        """The first hypothesis."""
        return self.candidates[0]


class Decoder:
    """One model behind its cache; identical work in flight is done once."""

    def __init__(self, model: ServedModel, cache: Cache, secret: bytes | None) -> None:
        self.model = model
        self._cache = cache
        self._secret = secret
        self._flight: Flight[list[Hypothesis]] = Flight()

    async def decode(self, sources: Sequence[Source], call: Call) -> list[Decoded]:
        """One result a source, in order. What is new is admitted to the queue as a whole or not at all.

        Raises:
            QueueFull, NotReady, Draining: no work can be taken now.
            DeadlineExceeded: the call's time was over first.
            EngineError: the model failed on one of the sources.
        """
        call.check()
        by_key = {self._key(source): source for source in sources}
        found = await self._look_up(by_key.keys(), call)
        missing = {key: source for key, source in by_key.items() if key not in found}
        fresh = await self._work(missing, call)
        results = {key: self._decoded(hypotheses, cached=True) for key, hypotheses in found.items()}
        results |= {key: self._decoded(hypotheses, cached=False) for key, hypotheses in fresh.items()}
        return [results[self._key(source)] for source in sources]

    async def _look_up(self, keys: Collection[bytes], call: Call) -> dict[bytes, list[Hypothesis]]:
        if not call.read_cache:
            return {}
        entries = await self._cache.get_many(keys, task=self.model.manifest.task)
        return {key: decode_hypotheses(entry) for key, entry in entries.items()}

    async def _work(self, missing: dict[bytes, Source], call: Call) -> dict[bytes, list[Hypothesis]]:
        if not missing:
            return {}

        def start(keys: list[bytes]) -> Sequence[asyncio.Future[list[Hypothesis]]]:
            items = [EngineInput(missing[key].tokens, missing[key].options) for key in keys]
            return self.model.batcher.submit_many(items, priority=call.priority)

        tickets = self._flight.join(list(missing), start)
        _follow(tickets, call)
        try:
            # The time is the caller's own, not the work's: whoever joined it may have longer.
            async with asyncio.timeout_at(call.deadline_s):
                return dict(zip(missing, await asyncio.gather(*tickets), strict=True))
        except TimeoutError as error:
            raise DeadlineExceeded("the request's time was over before its work was done") from error
        finally:
            # What is done is kept, also when the rest is not: a second try need not begin anew.
            await self._keep(dict(zip(missing, tickets, strict=True)), call)
            for ticket in tickets:
                ticket.cancel()

    async def _keep(self, tickets: Mapping[bytes, asyncio.Future[list[Hypothesis]]], call: Call) -> None:
        if not call.write_cache:
            return
        done = {key: t for key, t in tickets.items() if t.done() and not t.cancelled() and t.exception() is None}
        await self._cache.put_many({key: encode_hypotheses(ticket.result()) for key, ticket in done.items()})

    def _key(self, source: Source) -> bytes:
        manifest = self.model.manifest
        return cache_key(
            task=manifest.task,
            model_id=manifest.id,
            revision=f"{manifest.revision}/{self.model.engine}",
            options=source.options,
            normaliser_version=NORMALISER_VERSION,
            glossary={},
            text=source.text,
            secret=self._secret,
        )

    def _decoded(self, hypotheses: Sequence[Hypothesis], *, cached: bool) -> Decoded:
        decode = self.model.tokenizer.decode
        return Decoded(tuple(Candidate(decode(h.tokens), h.score, h.finish_reason) for h in hypotheses), cached)


def _follow(tickets: Sequence[asyncio.Future[list[Hypothesis]]], call: Call) -> None:
    done = 0

    def count(_: object) -> None:
        nonlocal done
        done += 1
        call.progress(done, len(tickets))

    for ticket in tickets:
        ticket.add_done_callback(count)
