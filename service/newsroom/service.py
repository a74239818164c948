"""The service: models loaded, reloaded, drained and closed."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Literal, get_args

from service.cache.keys import tag_key
from service.cache.memory import Memory
from service.cache.redis import Breaker, Shared
from service.cache.seal import Seal
from service.cache.tiers import Cache, Purged
from service.errors import DepescheError, Draining, InvalidInput, NotReady
from service.events import Listener
from service.generation.local import EngineChoice, LocalGenerator, load_generator
from service.generation.scheduler import Limits
from service.newsroom.article import ArticlePipeline
from service.registry.catalog import Catalog
from service.registry.choice import Profile, choose
from service.registry.manifest import EngineKind, Task
from service.summarization.summarizer import Summarizer
from service.terms.glossary import Glossary, Terms, read_glossaries
from service.text.language_id import load_detector
from service.translation.translator import Translator


@dataclass(frozen=True, slots=True)
class Plan:
    """What to serve, and within which bounds.

    ``names`` are those of the models that are asked for by name; the profile chooses for the other tasks. ``engine`` is
    None for the one that suits each model.
    """

    models_dir: Path
    installed_dir: Path
    profile: Profile
    names: Mapping[Task, str]
    engine: EngineKind | None
    device: str
    threads: int
    replicas: int
    limits: Limits
    cache_bytes: int
    cache_ttl_s: float
    cache_secret: bytes | None
    redis_url: str | None = field(repr=False)  # it may hold a password
    redis_timeout_s: float
    drain_s: float
    glossaries_dir: Path | None = None
    compute_type: str = "auto"
    seal_secrets: Sequence[bytes] = field(default=(), repr=False)


def cache_of(plan: Plan, listener: Listener) -> Cache:
    """The memory tier, and Redis behind it where the plan names one."""
    memory = Memory(max_bytes=plan.cache_bytes, ttl_s=plan.cache_ttl_s)
    if plan.redis_url is None:
        return Cache(memory, listener=listener)
    shared = Shared(
        plan.redis_url,
        ttl_s=plan.cache_ttl_s,
        timeout_s=plan.redis_timeout_s,
        breaker=Breaker(),
        seal=Seal(plan.seal_secrets) if plan.seal_secrets else None,
        listener=listener,
    )
    return Cache(memory, shared, listener=listener)


class Generation:
    """Models that serve together, and what is done with them. Used from the event loop.

    ``models`` holds one model of each task. A request holds a generation from its start to its answer, so that the
    models that it began with are there to its end.
    """

    def __init__(self, models: Mapping[Task, LocalGenerator], cache: Cache, secret: bytes | None) -> None:
        self.models = models
        self.translator = Translator(models["translation"], cache, secret)
        self.summariser = Summarizer(models["summary"], cache, secret)
        self.editor = ArticlePipeline(self.translator, self.summariser, cache)
        self._holders = 0
        self._let_go = asyncio.Event()
        self._let_go.set()

    @contextmanager
    def held(self) -> Iterator["Generation"]:
        """Keep its models open meanwhile."""
        self._holders += 1
        self._let_go.clear()
        try:
            yield self
        finally:
            self._holders -= 1
            if not self._holders:
                self._let_go.set()

    @property
    def ready(self) -> bool:
        """Whether every model takes work."""
        return all(model.health == "ready" for model in self.models.values())

    async def retire(self) -> None:
        """Close the models when nobody holds them any more: a later generation serves."""
        await self._let_go.wait()
        await self.close(0.0)

    async def close(self, drain_s: float) -> None:
        """Take no new work, finish what was accepted within ``drain_s``, free the engines."""
        await asyncio.gather(*(model.close(drain_s) for model in self.models.values()))


Status = Literal["loading", "ready", "draining", "failed"]


class Service:
    """Starts empty; `start` loads the models, `reload` others in their place, `stop` lets accepted work finish.

    ``on_settled`` is called when models have been loaded, before they serve, and when those of before are gone.
    """

    def __init__(
        self, plan: Plan, listener: Listener, on_dead: Callable[[], None], on_settled: Callable[[], None] = lambda: None
    ) -> None:
        self._plan, self._listener = plan, listener
        self._on_dead, self._on_settled = on_dead, on_settled
        self._loading: dict[Task, LocalGenerator] = {}
        self._current: Generation | None = None
        self._retiring: dict[Generation, asyncio.Task[None]] = {}
        self._changing = asyncio.Lock()
        self._glossaries: dict[str, Terms] = {}
        self.cache = cache_of(plan, listener)
        self.status: Status = "loading"
        self._open, self.detail = True, ""

    async def start(self) -> None:
        """Verify, load and warm up both models; a failure is kept for the readiness probe and raised.

        Raises:
            ModelError: a model cannot be loaded.
            EngineError: a model failed its warm-up.
        """
        try:
            async with self._changing:
                await asyncio.to_thread(load_detector)
                self._current = await self._loaded()
        except DepescheError as error:
            self.fail(str(error))
            raise
        self._on_settled()
        if self.status == "loading":
            self.status = "ready"

    async def reload(self) -> None:
        """Read glossaries and load models anew; requests that come later get these, and no request is dropped.

        The models that serve now go on until the last request that began with them is answered; for a while both are in
        memory. Where the new ones cannot be loaded, nothing changes.

        Raises:
            NotReady: models are being loaded already.
            Draining: the process is about to end.
            ModelError: a model, or a glossary, cannot be loaded.
            EngineError: a model failed its warm-up.
        """
        self._check_staying()
        if self._changing.locked():
            raise NotReady("models are being loaded already")
        if self._current is None:
            self.status, self.detail = "loading", ""
            await self.start()
            return
        async with self._changing:
            new, old = await self._loaded(), self._current
            if self.status == "draining":
                await new.close(0.0)
                self._check_staying()
            self._current = new
            self._retiring[old] = retiring = asyncio.create_task(self._retire(old), name="retiring")
            retiring.add_done_callback(lambda _: self._on_settled())

    async def _retire(self, generation: Generation) -> None:
        try:
            await generation.retire()
        finally:
            del self._retiring[generation]

    def held(self) -> AbstractContextManager[Generation]:
        """The models of now, held for one request; raises `NotReady` until they are loaded."""
        return self._generation.held()

    def glossary(self, translated: Mapping[str, str], kept: Sequence[str], name: str | None) -> Glossary:
        """The terms of a request: its own, and those of the named glossary that it does not give itself.

        Raises:
            InvalidInput: there is no glossary of that name, or a term cannot be looked for.
        """
        if name is None:
            return Glossary(translated, kept)
        terms = self._glossaries.get(name)
        if terms is None:
            detail = "there is no glossary of this name"
            raise InvalidInput("glossary_unknown", detail, pointer="/glossary_name")
        return terms.beside(translated, kept)

    def fail(self, detail: str) -> None:
        """Never become ready; ``detail`` is what the readiness probe says."""
        self.status, self.detail = "failed", detail

    def begin_drain(self) -> None:
        """Say on the readiness probe that the process is about to end; work is taken until `refuse_work`."""
        self.status = "draining"

    def refuse_work(self) -> None:
        """Take no new work; what was begun is finished."""
        self.begin_drain()
        self._open = False

    def check_open(self) -> None:
        """Raise `Draining` when new requests are not taken any more."""
        if not self._open:
            raise Draining("the process is about to end; another one takes the work")

    def _check_staying(self) -> None:
        if self.status == "draining":
            raise Draining("the process is about to end")

    def glossary_version(self, name: str | None) -> str:
        """What a result depends on of the glossary of that name: its terms; empty where there is none."""
        terms = None if name is None else self._glossaries.get(name)
        return "" if terms is None else terms.digest

    async def purge(self, *, texts: Sequence[str] = (), results: Sequence[str] = ()) -> Purged:
        """Forget what these submitted texts, and the texts of results of these keys, were answered with.

        Raises:
            PurgeIncomplete: the shared cache was not reached.
        """
        secret = self._plan.cache_secret
        tags = [tag_key("text", text, secret) for text in texts]
        return await self.cache.purge([*tags, *(tag_key("result", key, secret) for key in results)])

    async def clear(self) -> Purged:
        """Forget everything; raises as `purge` does."""
        return await self.cache.clear()

    async def _loaded(self) -> Generation:
        """A new generation, ready; what a failure leaves is closed."""
        plan, self._loading = self._plan, {}
        try:
            for task in get_args(Task):
                await self._load(task)
            if plan.glossaries_dir is not None:
                self._glossaries = await asyncio.to_thread(read_glossaries, plan.glossaries_dir)
            return Generation(self._loading, self.cache, plan.cache_secret)
        except BaseException:
            await asyncio.gather(*(model.close(0.0) for model in self._loading.values()))
            raise

    async def _load(self, task: Task) -> None:
        plan = self._plan
        catalog = Catalog(plan.models_dir, plan.installed_dir)
        entry = await asyncio.to_thread(choose, catalog, task, plan.profile, plan.names.get(task))
        kind = plan.engine or entry.manifest.engine
        choice = EngineChoice(kind, plan.device, plan.threads, plan.replicas, plan.compute_type)
        on_dead = partial(self._died, self._loading)
        model = await load_generator(entry, choice, plan.limits, self._listener, on_dead)
        self._loading[task] = model
        await model.start()

    def _died(self, models: Mapping[Task, LocalGenerator]) -> None:
        """An engine of these models is lost: the end of the process where they serve, or none do yet."""
        if self._current is None or self._current.models is models:
            self._on_dead()

    async def stop(self) -> None:
        """Take no new work, finish what was accepted, free the engines."""
        self.refuse_work()
        try:
            await asyncio.gather(*(one.close(self._plan.drain_s) for one in self._generations()))
        finally:
            for task in self._retiring.values():
                task.cancel()
            await self.cache.close()

    def _generations(self) -> Sequence[Generation]:
        """All that work now: the one that serves, and those that finish what was begun with them."""
        return [*([self._current] if self._current is not None else []), *self._retiring]

    @property
    def condition(self) -> Status:
        """The status, with an engine that is being rebuilt counted as loading."""
        if self.status == "ready" and not (self._current is not None and self._current.ready):
            return "loading"
        return self.status

    @property
    def dead(self) -> bool:
        """Whether an engine is lost beyond rescue."""
        return any(model.health == "dead" for model in self.models)

    @property
    def models(self) -> Sequence[LocalGenerator]:
        """The models that serve, or until there are any those that load; translation first."""
        return tuple((self._loading if self._current is None else self._current.models).values())

    @property
    def notice(self) -> str:
        """What to tell whoever runs starter models; empty where none serves."""
        starters = [model.name for model in self.models if model.manifest.quality == "starter"]
        return f"{' and '.join(starters)}: starter models, whose outputs are not for publication" if starters else ""

    @property
    def _generation(self) -> Generation:
        if self._current is None:
            raise NotReady("the models are not loaded yet")
        return self._current

    @property
    def translator(self) -> Translator:
        """That of now; raises `NotReady` until the models are loaded."""
        return self._generation.translator

    @property
    def summariser(self) -> Summarizer:
        """That of now; raises `NotReady` until the models are loaded."""
        return self._generation.summariser
