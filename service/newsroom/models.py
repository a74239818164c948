"""The models that the service uses. They are loaded, leased to requests, replaced during a reload, and closed."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import get_args

from service.cache.tiers import Cache
from service.errors import InvalidInput, ModelError, NotReady
from service.events import Listener
from service.generation.aligners import ForcedAligner
from service.generation.local import EngineChoice, LocalGenerator, load_generator
from service.generation.scheduler import Limits
from service.newsroom.article import ArticlePipeline
from service.newsroom.commands import GlossaryTerms
from service.registry.catalog import Catalog, Profile, choose
from service.registry.manifest import EngineKind, Task
from service.summarization.headlines import MAX_CHARS, Headliner
from service.summarization.summarizer import Summarizer
from service.terms.glossary import Glossary, Terms, read_glossaries
from service.text.language_id import load_detector
from service.translation.preparation import TranslationOptions
from service.translation.translator import Translator


@dataclass(frozen=True, slots=True)
class Plan:
    """The startup configuration of the newsroom.

    ``names`` maps tasks to the configured model names. The profile chooses the models for all other tasks. If
    ``engine`` is None, each model uses the engine in its manifest.
    """

    models_dir: Path
    installed_dir: Path
    weights_dir: Path
    profile: Profile
    names: Mapping[Task, str]
    source_lang: str
    target_lang: str
    engine: EngineKind | None
    device: str
    threads: int
    replicas: int
    limits: Limits
    cache_bytes: int
    cache_ttl_s: float
    cache_secret: bytes | None
    redis_url: str | None = field(repr=False)  # it may contain a password
    redis_timeout_s: float
    drain_s: float
    glossaries_dir: Path | None = None
    compute_type: str = "auto"
    headline_chars: int = MAX_CHARS
    seal_secrets: Sequence[bytes] = field(default=(), repr=False)


class ModelSet:
    """The models that serve requests together, at most one for each task, and the glossaries.

    Each request leases a set until its work is done, so that a reload does not close the models of that request. Use a
    set only from the event loop.
    """

    def __init__(
        self,
        models: Mapping[Task, LocalGenerator],
        glossaries: Mapping[str, Terms],
        cache: Cache,
        secret: bytes | None,
        headline_chars: int = MAX_CHARS,
    ) -> None:
        self.models = models
        self._glossaries = glossaries
        translation, alignment = models["translation"], models.get("alignment")
        self.translator = Translator(
            translation,
            cache,
            secret,
            aligner=None if alignment is None else ForcedAligner(alignment),
            scorer=translation if translation.manifest.causal else None,
        )
        summary = models.get("summary")
        self.summarizer = None if summary is None else Summarizer(summary, cache, secret, scorer=summary)
        self.headliner = (
            None if summary is None else Headliner(summary, cache, secret, scorer=summary, max_chars=headline_chars)
        )
        self.articles = ArticlePipeline(self.translator, self.summarizer, self.headliner)
        self._leases = 0
        self._unused = asyncio.Event()
        self._unused.set()

    @contextmanager
    def lease(self) -> Iterator["ModelSet"]:
        """Keep the models open until the context exits."""
        self._leases += 1
        self._unused.clear()
        try:
            yield self
        finally:
            self._leases -= 1
            if not self._leases:
                self._unused.set()

    @property
    def ready(self) -> bool:
        """True if every model accepts work."""
        return all(model.health == "ready" for model in self.models.values())

    def options(self, options: TranslationOptions, terms: GlossaryTerms) -> TranslationOptions:
        """Return ``options`` with the glossary terms of a request.

        If ``terms.name`` is set, the terms of that glossary are added, but the request's own terms take precedence.

        Raises:
            InvalidInput: there is no glossary with that name, or a term is invalid.
        """
        if terms.name is None:
            return replace(options, glossary=Glossary(terms.translated, terms.kept))
        return replace(options, glossary=self._glossary(terms.name).merged_with(terms.translated, terms.kept))

    def glossary_version(self, name: str | None) -> str:
        """Return the digest of the terms in the glossary ``name``, or an empty string if ``name`` is None.

        Raises:
            InvalidInput: there is no glossary with that name.
        """
        return "" if name is None else self._glossary(name).digest

    def _glossary(self, name: str) -> Terms:
        named = self._glossaries.get(name)
        if named is None:
            raise InvalidInput("glossary_unknown", "there is no glossary with this name", pointer="/glossary_name")
        return named

    async def retire(self) -> None:
        """Wait until no request holds a lease, then close the models."""
        await self._unused.wait()
        await self.close(0.0)

    async def close(self, drain_s: float) -> None:
        """Refuse new work, finish accepted work within ``drain_s`` seconds, and release the engines.

        A request may add searches to its own work, so the engines stay open until the last lease ends.
        """
        for model in self.models.values():
            model.refuse()
        with suppress(TimeoutError):
            async with asyncio.timeout(drain_s):
                await self._unused.wait()
        await asyncio.gather(*(model.close(0.0) for model in self.models.values()))


class ModelPool:
    """A pool that loads the models of a plan and replaces them during a reload."""

    def __init__(self, plan: Plan, cache: Cache, listener: Listener, on_dead: Callable[[], None]) -> None:
        self._plan, self._cache = plan, cache
        self._listener, self._on_dead = listener, on_dead
        self._loading: dict[Task, LocalGenerator] = {}
        self.current: ModelSet | None = None
        self._retiring: dict[ModelSet, asyncio.Task[None]] = {}

    @property
    def serving(self) -> ModelSet:
        """The models in use. Raises `NotReady` until they are loaded."""
        if self.current is None:
            raise NotReady("the models are still loading")
        return self.current

    @property
    def served(self) -> Sequence[LocalGenerator]:
        """The models in use or, during startup, the models that are loading. The translation model comes first."""
        return tuple((self._loading if self.current is None else self.current.models).values())

    @property
    def all(self) -> Sequence[ModelSet]:
        """All open sets: the one in use, and old sets that are finishing their requests."""
        return [*([] if self.current is None else [self.current]), *self._retiring]

    async def load(self) -> ModelSet:
        """Load and warm up a new set of models. It is not used until `serve` is called.

        If an error occurs, all models of the new set are closed.

        Raises:
            ModelError: a model or a glossary cannot be loaded.
            EngineError: a model fails its warm-up.
        """
        plan, self._loading = self._plan, {}
        try:
            await asyncio.to_thread(load_detector)
            for task in get_args(Task):
                await self._load(task)
            folder = plan.glossaries_dir
            glossaries = {} if folder is None else await asyncio.to_thread(read_glossaries, folder)
            return ModelSet(self._loading, glossaries, self._cache, plan.cache_secret, plan.headline_chars)
        except BaseException:
            await asyncio.gather(*(model.close(0.0) for model in self._loading.values()))
            raise

    async def _load(self, task: Task) -> None:
        plan = self._plan
        if task == "alignment" and not self._loading["translation"].manifest.causal:
            return  # the attention of the translation model aligns words
        catalog = Catalog(plan.models_dir, plan.installed_dir, plan.weights_dir)
        target = plan.source_lang if task == "summary" else plan.target_lang
        profile: Profile = "auto" if task == "alignment" else plan.profile
        entry = await asyncio.to_thread(choose, catalog, task, plan.source_lang, target, profile, plan.names.get(task))
        if entry is None and task == "translation":
            raise ModelError(f"there is no {task} model for {plan.source_lang}→{target}")
        if entry is None:  # the newsroom rejects requests that need this model
            return
        kind = plan.engine or entry.manifest.engine
        choice = EngineChoice(kind, plan.device, plan.threads, plan.replicas, plan.compute_type)
        for other in self._loading.values():
            if (other.manifest.id, other.engine) == (entry.manifest.id, kind):
                self._loading[task] = await asyncio.to_thread(other.sharing, entry)
                return
        on_dead = partial(self._report_dead, self._loading)
        model = await load_generator(entry, choice, plan.limits, self._listener, on_dead)
        self._loading[task] = model
        await model.start()

    def _report_dead(self, models: Mapping[Task, LocalGenerator]) -> None:
        """Report that an engine has failed permanently, unless its models have been replaced by another set."""
        if self.current is None or self.current.models is models:
            self._on_dead()

    def serve(self, new: ModelSet, on_retired: Callable[[], None]) -> None:
        """Use ``new`` for all further requests.

        The old set is closed when its last lease ends. Then ``on_retired`` is called.
        """
        old, self.current = self.current, new
        if old is not None:
            self._retiring[old] = retiring = asyncio.create_task(self._retire(old), name="retiring")
            retiring.add_done_callback(lambda _: on_retired())

    async def _retire(self, old: ModelSet) -> None:
        try:
            await old.retire()
        finally:
            del self._retiring[old]

    async def close(self) -> None:
        """Finish accepted work within the plan's drain time, then release the engines."""
        try:
            await asyncio.gather(*(one.close(self._plan.drain_s) for one in self.all))
        finally:
            for task in self._retiring.values():
                task.cancel()
