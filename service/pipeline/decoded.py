"""Sentences to hypotheses: from the cache, from the same work in flight, or from the engine's queue."""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from cachetools import LRUCache

from service.batching.waiting import Answer
from service.cache.cache import Cache
from service.cache.codec import decode_hypotheses, encode_hypotheses
from service.cache.flight import Flight
from service.cache.keys import cache_key, options_digest, tag_key
from service.pipeline.call import Call
from service.pipeline.candidate import Candidate, Candidates, Mend, as_it_is
from service.pipeline.engine_calls import note_calls
from service.pipeline.landing import Followers, Ticket, landing
from service.pipeline.served import ServedModel
from service.text.normalise import NORMALISER_VERSION
from service.types import DecodingOptions, EngineInput, Hypothesis, Tokens

REMEMBERED = 4_096


def _nobody(*_: object) -> None:
    """Follower of whoever has none."""


@dataclass(frozen=True)
class Source:
    """One text for the model: as the model gets it, as tokens, and how to decode it.

    ``origin`` is the tag of the submitted text that it was made from (`Decoder.tags`).
    """

    text: str
    tokens: Tokens
    options: DecodingOptions
    origin: bytes

    @cached_property
    def options_digest(self) -> bytes:
        """What stands for the options in keys. Kept: hundreds of allowed pieces take longer than the rest of a key."""
        return options_digest(self.options)


@dataclass(frozen=True, slots=True)
class Decoded:
    """The hypotheses of one source, best first; ``cached`` when no engine ran for this request."""

    candidates: Candidates
    cached: bool


class Decoder:
    """One model behind its cache; identical work in flight is done once.

    ``mend`` gets each source's text and what it was decoded to; the cache keeps what the model wrote.
    """

    def __init__(self, model: ServedModel, cache: Cache, secret: bytes | None, *, mend: Mend = as_it_is) -> None:
        self.model = model
        self._mend = mend
        self._cache = cache
        self._secret = secret
        self._flight: Flight[list[Hypothesis]] = Flight()
        self._read: LRUCache[tuple[bytes, bytes], Decoded] = LRUCache(REMEMBERED)

    def tags(self, texts: Sequence[str]) -> list[bytes]:
        """The tags under which the cache can be purged of what was made from these submitted texts, in order."""
        tags = {text: tag_key("text", text, self._secret) for text in dict.fromkeys(texts)}
        return [tags[text] for text in texts]

    async def decode(
        self,
        sources: Sequence[Source],
        call: Call,
        *,
        landed: Callable[[Sequence[tuple[int, Decoded]]], None] = _nobody,
    ) -> list[Decoded]:
        """One result a source, in order. What is new is admitted to the queue as a whole or not at all.

        ``landed`` is told the numbers and results of those that have theirs at the same time, in whatever order.

        Raises:
            QueueFull, TooSlow, NotReady, Draining: no work can be taken now.
            DeadlineExceeded: the call's time was over first.
            EngineError: the model failed on one of the sources.
        """
        call.check()
        keys = [self._key(source) for source in sources]
        by_key = dict(zip(keys, sources, strict=True))
        with call.timings.measured("cache"):
            results = await self._look_up(by_key, call)
        hits = set(results)
        followers = Followers(keys, results, landed)
        followers.tell(hits)

        def land(found: Mapping[bytes, Sequence[Hypothesis]]) -> None:
            results.update((key, self._decoded(by_key[key], one, cached=False)) for key, one in found.items())
            followers.tell(found)

        begun = self._begin({key: one for key, one in by_key.items() if key not in hits}, call)
        try:
            await landing(begun.tickets, call, land)
        finally:
            begun.count_waiting(call, self.model.name)
            # What is done is kept, also when the rest is not: a second try need not begin anew.
            with call.timings.measured("cache"):
                await self._keep(keys, sources, hits, begun.tickets, call)
        return [results[key] for key in keys]

    async def _look_up(self, sources: Mapping[bytes, Source], call: Call) -> dict[bytes, Decoded]:
        if not call.read_cache:
            return {}
        found, unreadable = {}, []
        for key, entry in (await self._cache.get_many(list(sources), task=self.model.manifest.task)).items():
            try:
                found[key] = self._read_entry(key, entry, sources[key], call)
            except ValueError:  # of another format, or damaged: others write to a shared store, too
                unreadable.append(key)
        await self._cache.drop(unreadable)
        return found

    def _read_entry(self, key: bytes, entry: bytes, source: Source, call: Call) -> Decoded:
        """What a cache entry holds; a cached article is asked for again and again."""
        found = self._read.get((key, entry))
        if found is None:
            found = self._decoded(source, decode_hypotheses(entry), cached=True)
            if self.may_keep(call):
                self._read[key, entry] = found
        return found

    def may_keep(self, call: Call) -> bool:
        """Whether what is made for the call may stay in memory now: it wants no trace, or began before a purge."""
        return call.write_cache and self._cache.may_keep(call.begun_s)

    @property
    def remembered(self) -> int:
        """How many entries of the cache are remembered as what they hold."""
        return len(self._read)

    def forget(self) -> None:
        """Forget what was read from the cache: a story was withdrawn."""
        self._read.clear()

    def _begin(self, missing: Mapping[bytes, Source], call: Call) -> "_Begun":
        begun: list[Answer] = []

        def start(keys: list[bytes]) -> Sequence[Answer]:
            items = [EngineInput(missing[key].tokens, missing[key].options) for key in keys]
            begun.extend(self.model.batcher.submit_many(items, priority=call.priority, deadline_s=call.deadline_s))
            return begun

        since_s = asyncio.get_running_loop().time()
        return _Begun(dict(zip(missing, self._flight.join(list(missing), start), strict=True)), begun, since_s)

    async def _keep(
        self,
        keys: Sequence[bytes],
        sources: Sequence[Source],
        hits: Collection[bytes],
        tickets: Mapping[bytes, Ticket],
        call: Call,
    ) -> None:
        """Keep what is done, and of each text what it was answered with, whoever asked first for that."""
        if not call.write_cache:
            return
        done = {key: t for key, t in tickets.items() if t.done() and not t.cancelled() and t.exception() is None}
        tags: dict[bytes, set[bytes]] = {}
        for key, source in zip(keys, sources, strict=True):
            if key in hits or key in done:
                tags.setdefault(source.origin, set()).add(key)
        if call.result_key is not None and tags:
            tags[tag_key("result", call.result_key, self._secret)] = set(tags)
        entries = {key: encode_hypotheses(ticket.result()) for key, ticket in done.items()}
        await self._cache.put_many(entries, tags, begun_s=call.begun_s)

    def _key(self, source: Source) -> bytes:
        manifest = self.model.manifest
        return cache_key(
            task=manifest.task,
            model_id=manifest.id,
            revision=self.model.version,
            options=source.options_digest,
            normaliser_version=NORMALISER_VERSION,
            glossary={},
            text=source.text,
            secret=self._secret,
        )

    def _decoded(self, source: Source, hypotheses: Sequence[Hypothesis], *, cached: bool) -> Decoded:
        def read(one: Hypothesis) -> Candidate:
            text = self.model.tokenizer.decode(one.tokens)
            return self._mend(source.text, Candidate(text, one.score, one.finish_reason, one.tokens, one.alignment))

        return Decoded(Candidates(tuple(hypotheses), read), cached)


@dataclass(frozen=True, slots=True)
class _Begun:
    """A ticket for each source that was missing; the queue's answers to those that were not under way already."""

    tickets: dict[bytes, Ticket]
    answers: list[Answer]
    since_s: float

    def count_waiting(self, call: Call, model: str) -> None:
        """Count the time in which the engine had any of the answers as inference, the rest since then as queue.

        What another request is already having done is waited for in the queue's time.
        """
        if not self.tickets:
            return
        now_s = asyncio.get_running_loop().time()
        spans = {
            (one.taken_s, now_s if one.given_s is None else one.given_s)
            for one in self.answers
            if one.taken_s is not None
        }
        inference_s, end_s = 0.0, self.since_s
        for taken_s, given_s in sorted(spans):
            inference_s += max(0.0, given_s - max(taken_s, end_s))
            end_s = max(end_s, given_s)
        call.timings.add("inference", inference_s)
        call.timings.add("queue", max(0.0, now_s - self.since_s - inference_s))
        note_calls(call.timings, self.answers, self.since_s, now_s, model)
