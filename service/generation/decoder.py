"""The decoder: sentences to hypotheses, from the cache, from identical work in flight, or from the engine."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Generic, NamedTuple, TypeVar

from cachetools import LRUCache

from service.cache.codec import decode_hypotheses, encode_hypotheses
from service.cache.keys import cache_key, options_digest, tag_key
from service.cache.tiers import Cache
from service.domain import Attention, DecodingOptions, EngineInput, FinishReason, Hypothesis, Span, Tokens
from service.generation.call import Call, Interval, Timings
from service.generation.model import ServedModel
from service.generation.scheduler import ResultFuture
from service.text.normalization import NORMALISER_VERSION


class SaidAgain(NamedTuple):
    """Words of a text that the model wrote ``times`` more in a row."""

    span: Span
    times: int


@dataclass(frozen=True, slots=True)
class Candidate:
    """One hypothesis as text, and its pieces with the model's attention where that was asked for.

    ``said_again`` are words of the text that the model wrote more than once in a row, and stand once.
    """

    text: str
    score: float | None
    finish_reason: FinishReason
    tokens: Tokens = ()
    attention: Attention | None = None
    said_again: tuple[SaidAgain, ...] = ()


Mend = Callable[[str, Candidate], Candidate]


@dataclass(frozen=True)
class Candidates:
    """The hypotheses of one source, best first, each read when it is first asked for: most are never.

    Equal where the hypotheses are. Any thread may ask; two that ask at once read the same.
    """

    hypotheses: tuple[Hypothesis, ...]
    read: Callable[[Hypothesis], Candidate] = field(compare=False)
    _known: dict[int, Candidate] = field(default_factory=dict, compare=False, repr=False)

    def __iter__(self) -> Iterator[Candidate]:
        for rank, hypothesis in enumerate(self.hypotheses):
            if rank not in self._known:
                self._known[rank] = self.read(hypothesis)
            yield self._known[rank]


def as_it_is(_: str, candidate: Candidate) -> Candidate:
    """How a candidate is mended that stands as the model wrote it."""
    return candidate


T = TypeVar("T")


@dataclass(slots=True, eq=False)
class _Work(Generic[T]):
    future: asyncio.Future[T]
    tickets: set[asyncio.Future[T]] = field(default_factory=set)


class SingleFlight(Generic[T]):
    """Work under way, by key. Used from one event loop.

    Each caller holds a ticket of its own: cancelling it leaves the others alone, and cancelling the last one cancels
    the work. A result or an error reaches every ticket, and nothing is remembered afterwards. A caller's deadline
    belongs on its ticket, not into the work: another caller's may be later.
    """

    def __init__(self) -> None:
        self._under_way: dict[bytes, _Work[T]] = {}

    def __len__(self) -> int:
        return len(self._under_way)

    def join(
        self, keys: Sequence[bytes], start: Callable[[list[bytes]], Sequence[Awaitable[T]]]
    ) -> list[asyncio.Future[T]]:
        """Tickets in the order of ``keys``, which may repeat.

        ``start`` is called once, with those keys that are not under way, each once, and gives their work in the same
        order; it is not called when there are none. What it raises leaves everything as it was: so a request's new
        work can be admitted as a whole.
        """
        missing = [key for key in dict.fromkeys(keys) if key not in self._under_way]
        if missing:
            for key, awaitable in zip(missing, start(missing), strict=True):
                self._begin(key, _Work(asyncio.ensure_future(awaitable)))
        return [self._ticket(key) for key in keys]

    def _begin(self, key: bytes, work: _Work[T]) -> None:
        self._under_way[key] = work
        work.future.add_done_callback(lambda _: self._land(key, work))

    def _ticket(self, key: bytes) -> asyncio.Future[T]:
        work = self._under_way[key]
        ticket: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        work.tickets.add(ticket)
        ticket.add_done_callback(lambda ticket: self._leave(key, work, ticket))
        return ticket

    def _leave(self, key: bytes, work: _Work[T], ticket: asyncio.Future[T]) -> None:
        work.tickets.discard(ticket)
        if not ticket.cancelled():
            ticket.exception()  # a caller that stopped listening is no reason for asyncio to log the error
        if not work.tickets and not work.future.done():
            self._forget(key, work)
            work.future.cancel()

    def _land(self, key: bytes, work: _Work[T]) -> None:
        self._forget(key, work)
        for ticket in work.tickets:
            if not ticket.done():
                _pass_on(work.future, ticket)
        if not work.future.cancelled():
            work.future.exception()  # seen, also when all callers have left

    def _forget(self, key: bytes, work: _Work[T]) -> None:
        if self._under_way.get(key) is work:  # work that is being cancelled may have a successor
            del self._under_way[key]


def _pass_on(source: asyncio.Future[T], ticket: asyncio.Future[T]) -> None:
    if source.cancelled():
        ticket.cancel()
    elif error := source.exception():
        ticket.set_exception(error)
    else:
        ticket.set_result(source.result())


def note_calls(timings: Timings, answers: Sequence[ResultFuture], since_s: float, now_s: float, model: str) -> None:
    """Note the wait from ``since_s`` to the first call, and each call; both times are on the event loop's clock."""
    to_perf_s = time.perf_counter() - now_s  # the loop's clock may be another one
    calls = {
        one.batch: (one.taken_s, now_s if one.given_s is None else one.given_s)
        for one in answers
        if one.taken_s is not None
    }
    first_s = min((taken_s for taken_s, _ in calls.values()), default=now_s)
    timings.ran(Interval("queue", since_s + to_perf_s, first_s - since_s))
    for number, (taken_s, given_s) in calls.items():
        timings.ran(Interval("inference", taken_s + to_perf_s, given_s - taken_s, ((model, number),)))


Ticket = asyncio.Future[list[Hypothesis]]
Land = Callable[[Mapping[bytes, Sequence[Hypothesis]]], None]


async def wait_for_results(tickets: Mapping[bytes, Ticket], call: Call, land: Land) -> None:
    """Wait for all tickets and tell of each as it lands; the first that fails is raised, and the others are given up.

    The time is the caller's own, not the work's: whoever joined it may have longer.
    """
    try:
        await call.in_time(_all_landed(tickets, call, land))
    finally:
        for ticket in tickets.values():
            ticket.cancel()  # before the wait for the cache, which may be cut short; nothing where it is done


async def _all_landed(tickets: Mapping[bytes, Ticket], call: Call, land: Land) -> None:
    """Wait for all tickets and tell of them as they land; the first that fails is raised."""
    keys = {ticket: key for key, ticket in tickets.items()}
    landed: list[Ticket] = []
    arrival = asyncio.Event()

    def arrived(ticket: Ticket) -> None:
        landed.append(ticket)
        arrival.set()

    # Each is listened to once, where asyncio.wait would begin anew with all that are left at every landing.
    for ticket in keys:
        ticket.add_done_callback(arrived)
    landings = 0
    while landings < len(keys):
        await arrival.wait()
        arrival.clear()
        done = landed.copy()
        landed.clear()
        land({keys[ticket]: ticket.result() for ticket in done})
        for _ in done:
            landings += 1
            call.progress(landings, len(tickets))


class ResultListeners(Generic[T]):
    """Tells of results as they land: the numbers of all sources that wait for one, with it."""

    def __init__(
        self,
        keys: Sequence[bytes],
        results: Mapping[bytes, T],
        landed: Callable[[Sequence[tuple[int, T]]], None],
    ) -> None:
        self._results = results
        self._landed = landed
        self._numbers: dict[bytes, list[int]] = {}
        for number, key in enumerate(keys):
            self._numbers.setdefault(key, []).append(number)

    def tell(self, landed: Collection[bytes]) -> None:
        """Tell of these keys, whose results are there now."""
        if landed:
            self._landed([(number, self._results[key]) for key in landed for number in self._numbers[key]])


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
        self._flight: SingleFlight[list[Hypothesis]] = SingleFlight()
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
        followers = ResultListeners(keys, results, landed)
        followers.tell(hits)

        def land(found: Mapping[bytes, Sequence[Hypothesis]]) -> None:
            results.update((key, self._decoded(by_key[key], one, cached=False)) for key, one in found.items())
            followers.tell(found)

        begun = self._begin({key: one for key, one in by_key.items() if key not in hits}, call)
        try:
            await wait_for_results(begun.tickets, call, land)
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
        begun: list[ResultFuture] = []

        def start(keys: list[bytes]) -> Sequence[ResultFuture]:
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
    answers: list[ResultFuture]
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
