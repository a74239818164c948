"""The cached generator, which converts outputs to cached results, and shares work between identical requests."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from inspect import isawaitable
from typing import Any, Generic, Protocol, TypeVar

from service.cache.entries import Field, entry_key, tag_key
from service.cache.tiers import Cache
from service.generation.base import Source, TextFuture, TextGenerator, TextHypothesis
from service.generation.call import Call, Interval, Timings, in_slices, nothing

T = TypeVar("T")
W = TypeVar("W")
W_contra = TypeVar("W_contra", contravariant=True)
Search = Callable[[Sequence[Source]], list[TextFuture]]
"""A function that adds work to an admitted request (see `TextGenerator.generate`). It returns one future per source."""


class ResultKind(Protocol[W_contra, T]):
    """The interface of a kind of result, such as translated sentences.

    An implementation defines the cache key and the generator's input for each requested item (``wanted``), and converts
    the outputs of the generator to results.
    """

    @property
    def versions(self) -> tuple[str, ...]:
        """Version strings that are part of every cache key of this kind, besides the generator's task and identity."""
        ...

    def key(self, wanted: W_contra) -> Field:
        """Return the part of the cache key that depends on the requested item, that is, on its text and options."""
        ...

    def source(self, wanted: W_contra) -> Source:
        """Return the generator's input for a requested item."""
        ...

    async def make(
        self, outputs: Sequence[tuple[W_contra, list[TextHypothesis]]], search: Search
    ) -> Sequence[T | Awaitable[T]]:
        """Convert a batch of outputs to results, in order. Text processing runs in a thread.

        Each element of ``outputs`` is a requested item with the generator's hypotheses for it. ``search`` requests
        further outputs from the generator. A result that needs further outputs is returned as an awaitable, so the
        other results of the batch do not wait for it.
        """
        ...

    def cacheable(self, result: T) -> bool:
        """Return whether a result may be stored.

        A result must not be stored if a second attempt may give a better one.
        """
        ...

    def encode(self, result: T) -> bytes:
        """Encode a result as a cache entry."""
        ...

    def decode(self, entry: bytes, wanted: W_contra) -> T:
        """Decode the cache entry of the requested item ``wanted``.

        Raises:
            ValueError: the entry is malformed or does not match the item.
        """
        ...


@dataclass(frozen=True, slots=True)
class Result(Generic[T]):
    """A result for one item of a request. ``cached`` is True if it came from the cache."""

    value: T
    cached: bool


@dataclass(slots=True, eq=False)
class _Work(Generic[T]):
    future: asyncio.Future[T]
    waiters: set[asyncio.Future[T]] = field(default_factory=set)


class SingleFlight(Generic[T]):
    """A registry of running work, which lets callers with the same key share one piece of work.

    Each caller gets a future, called a waiter. Every waiter receives the result or the error of the work. Cancelling a
    waiter does not affect the other waiters, but cancelling the last waiter cancels the work. Results are not kept
    after the work has finished. All calls must come from one event loop.
    """

    def __init__(self) -> None:
        self._running: dict[bytes, _Work[T]] = {}

    def __len__(self) -> int:
        return len(self._running)

    def join(
        self, keys: Sequence[bytes], start: Callable[[list[bytes]], Sequence[Awaitable[T]]]
    ) -> list[asyncio.Future[T]]:
        """Return a future (waiter) for the result of each of ``keys``, in order. Keys may repeat.

        ``start`` is called at most once, with the distinct keys for which no work is running. It must start the work
        and return one awaitable for each of these keys, in the same order. If ``start`` raises an exception, no key is
        registered, so a request is admitted as a whole or not at all.
        """
        missing = [key for key in dict.fromkeys(keys) if key not in self._running]
        if missing:
            for key, awaitable in zip(missing, start(missing), strict=True):
                self._start(key, _Work(asyncio.ensure_future(awaitable)))
        return [self._add_waiter(key) for key in keys]

    def _start(self, key: bytes, work: _Work[T]) -> None:
        self._running[key] = work
        work.future.add_done_callback(lambda _: self._complete(key, work))

    def _add_waiter(self, key: bytes) -> asyncio.Future[T]:
        work = self._running[key]
        waiter: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        work.waiters.add(waiter)
        waiter.add_done_callback(lambda waiter: self._leave(key, work, waiter))
        return waiter

    def _leave(self, key: bytes, work: _Work[T], waiter: asyncio.Future[T]) -> None:
        work.waiters.discard(waiter)
        if not waiter.cancelled():
            waiter.exception()  # mark it as retrieved: the caller has left, and asyncio must not log the error
        if not work.waiters and not work.future.done():
            self._forget(key, work)
            work.future.cancel()

    def _complete(self, key: bytes, work: _Work[T]) -> None:
        self._forget(key, work)
        for waiter in work.waiters:
            if not waiter.done():
                _copy_outcome(work.future, waiter)
        if not work.future.cancelled():
            work.future.exception()  # mark it as retrieved, in case all callers have left

    def _forget(self, key: bytes, work: _Work[T]) -> None:
        if self._running.get(key) is work:  # new work may have replaced cancelled work
            del self._running[key]


def _copy_outcome(source: asyncio.Future[T], waiter: asyncio.Future[T]) -> None:
    if source.cancelled():
        waiter.cancel()
    elif error := source.exception():
        waiter.set_exception(error)
    else:
        waiter.set_result(source.result())


class _ResultMaker(Generic[W, T]):
    """A converter that turns the outputs of a generator into results.

    ``results`` contains a future for the result of each output. Cancelling this future cancels the output. An engine
    call completes all of its outputs in one iteration of the event loop. The outputs that complete in the same
    iteration are converted together, which needs one thread call instead of one for each output.
    """

    def __init__(
        self, kind: ResultKind[W, T], wanted: Sequence[W], outputs: Sequence[TextFuture], search: Search
    ) -> None:
        self._kind = kind
        self._wanted = wanted
        self._search = search
        self._loop = asyncio.get_running_loop()
        self._ready: list[tuple[int, list[TextHypothesis]]] = []
        self._tasks: set[asyncio.Future[Any]] = set()
        self.results: list[asyncio.Future[T]] = [self._loop.create_future() for _ in wanted]
        for number, (output, result) in enumerate(zip(outputs, self.results, strict=True)):
            result.add_done_callback(partial(_cancel_output, output))
            output.add_done_callback(partial(self._add_output, number))

    def _add_output(self, number: int, output: "asyncio.Future[list[TextHypothesis]]") -> None:
        result = self.results[number]
        if output.cancelled():
            result.cancel()
        elif error := output.exception():
            if not result.done():
                result.set_exception(error)
        elif not result.done():
            if not self._ready:
                self._loop.call_soon(self._start)
            self._ready.append((number, output.result()))

    def _start(self) -> None:
        ready, self._ready = self._ready, []
        self._keep(asyncio.create_task(self._make(ready)))

    def _keep(self, task: "asyncio.Future[Any]") -> None:
        """Hold a reference to a running task, because the event loop holds only a weak one."""
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _make(self, ready: Sequence[tuple[int, list[TextHypothesis]]]) -> None:
        results = [self.results[number] for number, _ in ready]
        try:
            made = await self._kind.make([(self._wanted[number], outputs) for number, outputs in ready], self._search)
        except Exception as error:  # noqa: BLE001 - a bug here must not leave callers waiting forever
            for result in results:
                if not result.done():
                    result.set_exception(error)
            return
        for result, value in zip(results, made, strict=True):
            if isawaitable(value):
                self._follow(result, value)
            elif not result.done():
                result.set_result(value)

    def _follow(self, result: "asyncio.Future[T]", awaitable: Awaitable[T]) -> None:
        """Complete ``result`` with the outcome of ``awaitable``. Cancelling ``result`` cancels the awaitable."""
        work = asyncio.ensure_future(awaitable)
        self._keep(work)
        work.add_done_callback(lambda done: None if result.done() else _copy_outcome(done, result))
        result.add_done_callback(lambda _: work.cancel())  # has no effect on work that is done


def _cancel_output(output: TextFuture, result: "asyncio.Future[T]") -> None:
    if result.cancelled():
        output.cancel()


@dataclass(frozen=True, slots=True)
class _NewWork(Generic[T]):
    """The work for the results of a request that were not in the cache.

    ``waiters`` maps the key of each missing result to a future for this result. ``outputs`` contains only the outputs
    that this request started itself. ``since_s`` is the time when the request started or joined the work, on the event
    loop's clock.
    """

    waiters: "dict[bytes, asyncio.Future[T]]"
    outputs: list[TextFuture] = field(default_factory=list)
    since_s: float = 0.0

    def count(self, timings: Timings, model: str) -> None:
        """Add the queue, inference and finish times of this request to ``timings``.

        Inference time is the time during which an engine was working on at least one of the outputs. Finish time is the
        time after the last engine call. Queue time is the rest, including the time spent waiting for outputs of another
        request. ``model`` is the model's name in the recorded engine calls.
        """
        if not self.waiters:
            return
        now_s = asyncio.get_running_loop().time()
        calls = {
            one.batch: (one.started_s, now_s if one.finished_s is None else one.finished_s)
            for one in self.outputs
            if one.started_s is not None
        }
        inference_s, end_s = 0.0, self.since_s
        for started_s, finished_s in sorted(calls.values()):
            inference_s += max(0.0, finished_s - max(started_s, end_s))
            end_s = max(end_s, finished_s)
        finish_s = now_s - end_s if calls else 0.0
        timings.add("inference", inference_s)
        timings.add("queue", max(0.0, now_s - self.since_s - inference_s - finish_s))
        if finish_s > 0:  # not positive if the deadline passed during inference
            timings.add("finish", finish_s)
        self._record_intervals(timings, calls, model, now_s)

    def _record_intervals(
        self, timings: Timings, calls: Mapping[int, tuple[float, float]], model: str, now_s: float
    ) -> None:
        """Record an interval for the wait before the first engine call, and one for each engine call.

        ``calls`` maps the number of each engine call to its start and end. These times and ``now_s`` are on the event
        loop's clock.
        """
        to_perf_s = time.perf_counter() - now_s  # the event loop may use another clock
        first_s = min((started_s for started_s, _ in calls.values()), default=now_s)
        timings.ran(Interval("queue", self.since_s + to_perf_s, first_s - self.since_s))
        for number, (started_s, finished_s) in calls.items():
            timings.ran(Interval("inference", started_s + to_perf_s, finished_s - started_s, ((model, number),)))


class CachedGenerator(Generic[W, T]):
    """A generator with a cache for results of one kind.

    A result comes from the cache, from the running work of another request, or from new work of ``generator``. ``kind``
    defines how outputs are converted to results. If ``secret`` is not None, cache keys are HMACs with this secret.
    """

    def __init__(self, generator: TextGenerator, kind: ResultKind[W, T], cache: Cache, secret: bytes | None) -> None:
        self.generator = generator
        self._kind = kind
        self._cache = cache
        self._secret = secret
        self._head = (generator.manifest.task, generator.identity, *kind.versions)
        self._flight: SingleFlight[T] = SingleFlight()

    def tags(self, texts: Sequence[str]) -> list[bytes]:
        """Return the cache tags of submitted texts, in order.

        Purging a tag deletes all results that were used for its text.
        """
        tags = {text: tag_key("text", text, self._secret) for text in dict.fromkeys(texts)}
        return [tags[text] for text in texts]

    async def results(
        self,
        wanted: Sequence[W],
        tags: Sequence[bytes],
        call: Call,
        *,
        on_results: Callable[[Sequence[tuple[int, Result[T]]]], None] = nothing,
    ) -> list[Result[T]]:
        """Return one result for each of ``wanted``, in order. All new work of the call is accepted, or none of it.

        ``tags`` contains, for each item, the tag of the submitted text that the item belongs to. ``on_results`` is
        called with (index, result) pairs: first for the results from the cache, and then whenever a batch of results is
        finished. Batches may finish in any order. If the caller is cancelled, its unfinished work is cancelled, unless
        another request is waiting for it, and its finished results are stored.

        Raises:
            QueueFull, TooSlow, NotReady, EngineUnavailable, Draining: the generator cannot accept work at the moment.
            InvalidInput: the request exceeds the limits of an empty queue.
            DeadlineExceeded: the deadline has passed.
            EngineError: the model failed on one of the items.
            DepescheError: an output could not be converted to a result.
        """
        keys = [
            entry_key(self._head, self._kind.key(one), self._secret) async for some in in_slices(wanted) for one in some
        ]
        by_key = dict(zip(keys, wanted, strict=True))
        numbers: dict[bytes, list[int]] = {}
        for number, key in enumerate(keys):
            numbers.setdefault(key, []).append(number)
        results: dict[bytes, Result[T]] = {}

        def add(new: Mapping[bytes, T], *, cached: bool = False) -> None:
            for key, value in new.items():
                results[key] = Result(value, cached)
            on_results([(number, results[key]) for key in new for number in numbers[key]])

        with call.timings.measured("cache"):
            add(await self._get_cached(by_key, call), cached=True)
        hits = set(results)
        missing = {
            key: self.generator.prepare(self._kind.source(by_key[key]))
            async for some in in_slices([key for key in by_key if key not in hits])
            for key in some
        }
        new_work = self._start(by_key, missing, call)
        try:
            await _wait(new_work.waiters, partial(call.progress, self.generator.manifest.task), add)
        finally:
            new_work.count(call.timings, self.generator.name)
            # Store finished results even after an error, so that a retry does not repeat them.
            with call.timings.measured("cache"):
                await self._store(zip(keys, tags, strict=True), hits, new_work.waiters, call)
        return [results[key] for key in keys]

    async def _get_cached(self, wanted: Mapping[bytes, W], call: Call) -> dict[bytes, T]:
        if not call.read_cache:
            return {}
        found, unreadable = {}, []
        entries = await self._cache.get_many(
            list(wanted), task=self.generator.manifest.task, memory_only=call.memory_only
        )
        async for some in in_slices(list(entries.items())):
            for key, entry in some:
                try:
                    found[key] = self._kind.decode(entry, wanted[key])
                except ValueError:  # the entry is damaged, or another process wrote it in another format
                    unreadable.append(key)
        await self._cache.drop(unreadable)
        return found

    def _start(self, wanted: Mapping[bytes, W], missing: Mapping[bytes, Source], call: Call) -> _NewWork[T]:
        """Start the work for the missing results. ``missing`` maps their keys to the inputs of the generator."""
        if not missing:
            return _NewWork({})
        outputs: list[TextFuture] = []

        def start(keys: list[bytes]) -> Sequence[asyncio.Future[T]]:
            sources = [missing[key] for key in keys]
            first = self.generator.generate(sources, priority=call.priority, deadline_s=call.deadline_s)
            outputs.extend(first)
            return _ResultMaker(self._kind, [wanted[key] for key in keys], first, search).results

        def search(sources: Sequence[Source]) -> list[TextFuture]:
            further = self.generator.generate(sources, priority=call.priority, admitted=True)
            outputs.extend(further)
            return further

        since_s = asyncio.get_running_loop().time()
        return _NewWork(dict(zip(missing, self._flight.join(list(missing), start), strict=True)), outputs, since_s)

    async def _store(
        self,
        asked: Iterable[tuple[bytes, bytes]],
        hits: Collection[bytes],
        waiters: Mapping[bytes, asyncio.Future[T]],
        call: Call,
    ) -> None:
        """Store the finished results that are cacheable, and add their keys and those of ``hits`` to the tags.

        Later purges find the cache entries of a text by these tags. Nothing is stored if ``call.write_cache`` is False.
        ``asked`` contains a (cache key, tag of the text) pair for each item of the request. ``hits`` contains the keys
        that were already in the cache. ``waiters`` maps all other keys to the futures for their results.
        """
        if not call.write_cache:
            return
        done = {
            key: waiter
            for key, waiter in waiters.items()
            if waiter.done()
            and not waiter.cancelled()
            and waiter.exception() is None
            and self._kind.cacheable(waiter.result())
        }
        tags: dict[bytes, set[bytes]] = {}
        for key, tag in asked:
            if key in hits or key in done:
                tags.setdefault(tag, set()).add(key)
        if call.result_key is not None and tags:
            tags[tag_key("result", call.result_key, self._secret)] = set(tags)
        entries = {
            key: self._kind.encode(waiter.result())
            async for some in in_slices(list(done.items()))
            for key, waiter in some
        }
        await self._cache.put_many(entries, tags, started_s=call.started_s, memory_only=call.memory_only)


async def _wait(
    waiters: Mapping[bytes, asyncio.Future[T]],
    progress: Callable[[int, int], None],
    add: Callable[[Mapping[bytes, T]], None],
) -> None:
    """Wait for all futures in ``waiters``, and pass their results to ``add`` in batches.

    ``waiters`` maps cache keys to futures. ``add`` is called with a mapping from cache keys to results. ``progress`` is
    called with the numbers of units that were finished and that were added. If a future raises an exception, this
    function cancels the other futures and raises the exception.
    """
    keys = {waiter: key for key, waiter in waiters.items()}
    done: list[asyncio.Future[T]] = []
    some_done = asyncio.Event()

    def on_done(waiter: "asyncio.Future[T]") -> None:
        done.append(waiter)
        some_done.set()

    # One callback per waiter: asyncio.wait would add a callback to every pending waiter after each batch.
    for waiter in keys:
        waiter.add_done_callback(on_done)
    count = 0
    if waiters:
        progress(0, len(waiters))
    try:
        while count < len(keys):
            await some_done.wait()
            some_done.clear()
            batch = done.copy()
            done.clear()
            add({keys[waiter]: waiter.result() for waiter in batch})
            for _ in batch:
                count += 1
                progress(1, 0)
    finally:
        for waiter in keys:
            waiter.cancel()  # has no effect on a future that is done
