"""The models that the service uses: how they are loaded, lent to requests, replaced during a reload, and closed."""

import asyncio
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import get_args

from pydantic import ConfigDict, TypeAdapter, ValidationError

from service.cache.entries import Field
from service.cache.memory import Memory
from service.cache.redis import Breaker, Shared
from service.cache.seal import Seal
from service.cache.tiers import Cache
from service.domain import Notice
from service.errors import InvalidInput, ModelError, NotReady
from service.events import Listener
from service.generation.aligners import ForcedAligner
from service.generation.base import Scorer, TextGenerator
from service.generation.call import off_loop
from service.generation.local import EngineChoice, LocalGenerator, load_generator
from service.generation.remote.generator import RemoteChoice, load_remote
from service.generation.rules import load_rules
from service.generation.scheduler import Limits
from service.languages.base import LanguagePair
from service.languages.house_style import HouseStyle
from service.newsroom.article import ArticlePipeline
from service.newsroom.commands import GivenCorrections, GlossaryTerms
from service.registry.catalog import Catalog, Entry, Profile, choose
from service.registry.manifest import EngineKind, Task
from service.results import Output
from service.summarization.headlines import MAX_CHARS, Headliner
from service.summarization.summarizer import Summarizer
from service.terms.corrections import Corrections, read_correction_file, read_corrections
from service.terms.glossary import Glossary, Terms, read_glossaries
from service.text.language_id import load_detector
from service.translation.preparation import TranslationOptions
from service.translation.translator import Translator

MOST_TERMS_ON_LOOP = 200
_UNKNOWN_WORD = "xqzv"


@dataclass(frozen=True, slots=True)
class Plan:
    """The startup configuration of the newsroom.

    ``names`` maps tasks to the configured model names. For each other task, the profile determines the model. If
    ``engine`` is None, each model uses the default engine of its manifest. ``remote`` is the server for remote models.
    If ``embargo_models`` is True, local models are loaded in addition to remote ones and serve requests under embargo.
    Texts under embargo must not leave this process.
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
    house_styles_file: Path | None = None
    memory_file: Path | None = None
    compute_type: str = "auto"
    headline_chars: int = MAX_CHARS
    seal_secrets: Sequence[bytes] = field(default=(), repr=False)
    remote: RemoteChoice | None = None
    embargo_models: bool = True


def summary_not_served() -> InvalidInput:
    """Return the error for a request that needs a summary model, although there is none."""
    return InvalidInput("task_not_served", "this service has no summary model")


class ModelSet:
    """The models that serve requests (at most one for each task), the glossaries, house styles and corrections.

    Each request holds a lease on a set until its work is done. During a reload, the old models are therefore not closed
    before their requests have been answered. Use a set only from the event loop.

    ``in_process`` is the set for requests under embargo, whose texts must not leave this process. If this set contains
    no remote model, ``in_process`` is the set itself. If no translation model runs in this process, ``in_process`` is
    None. ``fallbacks`` contains the local models that replace the remote models in ``in_process``.
    """

    def __init__(
        self,
        models: Mapping[Task, TextGenerator],
        glossaries: Mapping[str, Terms],
        cache: Cache,
        secret: bytes | None,
        headline_chars: int = MAX_CHARS,
        fallbacks: Mapping[Task, TextGenerator] | None = None,
        house_styles: Mapping[str, HouseStyle] = MappingProxyType({}),
        corrections: Corrections | None = None,
    ) -> None:
        self.models = models
        self.glossaries = glossaries
        self.house_styles = house_styles
        self.corrections = corrections
        translation, alignment = models["translation"], models.get("alignment")
        attentive = not translation.manifest.causal and translation.manifest.remote is None
        self.translator = Translator(
            translation,
            cache,
            secret,
            aligner=None if attentive or not isinstance(alignment, LocalGenerator) else ForcedAligner(alignment),
            scorer=_scorer(translation),
            referee=alignment if translation.host != "process" and isinstance(alignment, LocalGenerator) else None,
        )
        summary = models.get("summary")
        self.summarizer = None if summary is None else Summarizer(summary, cache, secret, scorer=_scorer(summary))
        self.headliner = (
            None
            if summary is None
            else Headliner(summary, cache, secret, scorer=_scorer(summary), max_chars=headline_chars)
        )
        local: dict[Task, TextGenerator] = {task: model for task, model in models.items() if model.host == "process"}
        local |= fallbacks or {}
        self.in_process: ModelSet | None = None
        if all(model.host == "process" for model in models.values()):
            self.in_process = self
        elif "translation" in local:
            self.in_process = ModelSet(
                local,
                glossaries,
                cache,
                secret,
                headline_chars,
                house_styles=house_styles,
                corrections=corrections,
            )
        self.every = [*models.values(), *(fallbacks or {}).values()]
        self.articles = ArticlePipeline(self.translator, self.summarizer, self.headliner)
        self._leases = 0
        self._unused = asyncio.Event()
        self._unused.set()

    @contextmanager
    def lease(self) -> Iterator["ModelSet"]:
        """Hold a lease on this set until the end of the ``with`` block.

        While a lease is held, `retire` does not close the models.
        """
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
        """True if every model accepts work, except for remote models whose server does not respond.

        Requests that do not need such a remote model are still served.
        """
        return all(model.health in {"ready", "away"} for model in self.every)

    def options(self, options: TranslationOptions, terms: GlossaryTerms) -> TranslationOptions:
        """Return ``options`` with the glossary of a request, and with the stored rules that its house style names.

        The glossary is None if the request has no terms. If ``terms.name`` is set, the terms of the stored glossary
        with this name are added. If a term occurs in both places, the entry of the request is used.

        Raises:
            InvalidInput: there is no glossary or house style with that name, or a term is invalid.
        """
        options = replace(options, house_style=self.house_style(options.house_style))
        glossary: Glossary | None = None
        if terms.name is not None:
            glossary = self._glossary(terms.name).merged_with(terms.translated, terms.kept)
        elif terms.translated or terms.kept:
            glossary = Glossary(terms.translated, terms.kept)
        return replace(options, glossary=glossary)

    async def corrections_of(self, memory: GivenCorrections) -> Corrections | None:
        """Return the corrections that apply to a command, or None if there are none.

        The server's corrections apply to each sentence for which ``memory`` contains no correction.

        Raises:
            InvalidInput: the corrections of the command are not valid.
        """
        if not memory:
            return self.corrections
        chars = len(memory) if isinstance(memory, str) else sum(len(one.source) + len(one.target) for one in memory)
        given = await off_loop(chars, read_corrections, memory, self.translator.languages)
        return Corrections(given, self.corrections)

    @property
    def summary_model(self) -> TextGenerator:
        """The summary model.

        Raises:
            InvalidInput: there is none.
        """
        model = self.models.get("summary")
        if model is None:
            raise summary_not_served()
        return model

    def models_for(self, outputs: Sequence[Output]) -> tuple[TextGenerator | None, TextGenerator | None]:
        """Return the summary model and the translation model, in this order. A model is None if no output needs it.

        Raises:
            InvalidInput: an output needs a summary model, but there is none.
        """
        wanted = set(outputs)
        summary = self.summary_model if wanted & {"summary", "summary_translation", "headlines"} else None
        translation = self.models["translation"] if wanted & {"translation", "summary_translation"} else None
        return summary, translation

    async def request_options(self, options: TranslationOptions, terms: GlossaryTerms) -> TranslationOptions:
        """Return the result of `options`. It is computed in a thread if there are more than `MOST_TERMS_ON_LOOP` terms.

        Raises:
            InvalidInput: see `options`.
        """
        if len(terms.translated) + len(terms.kept) <= MOST_TERMS_ON_LOOP:
            return self.options(options, terms)
        return await asyncio.to_thread(self.options, options, terms)

    def glossary_version(self, name: str | None) -> str:
        """Return the digest of the terms in the stored glossary ``name``, or an empty string if ``name`` is None.

        Raises:
            InvalidInput: there is no glossary with that name.
        """
        return "" if name is None else self._glossary(name).digest

    def house_style(self, style: HouseStyle | None) -> HouseStyle | None:
        """Return ``style`` with the rules of the stored style that ``style.base`` names, if ``style.base`` is set.

        The rules of ``style`` have priority.

        Raises:
            InvalidInput: there is no house style with that name.
        """
        if style is None or style.base is None:
            return style
        base = self.house_styles.get(style.base)
        if base is None:
            raise InvalidInput(
                "house_style_unknown", "there is no house style with this name", pointer="/house_style/base"
            )
        return replace(base.merged_with(style), base=None)

    def house_style_fields(self, style: HouseStyle | None) -> dict[str, Field]:
        """Return the fields of the result key for a house style.

        If there is no style, or if it has no rules, there are no fields, so that older result keys stay valid.

        Raises:
            InvalidInput: see `house_style`.
        """
        merged = self.house_style(style)
        return {"house_style": merged.key} if merged else {}

    def context_fields(self, context: str) -> dict[str, Field]:
        """Return the field of the result key for a context.

        There is no field if the context is empty, or if the translation model does not use it.
        """
        return {"context": context} if context and self.translator.context_sentences else {}

    def context_notices(self, context: str) -> tuple[Notice, ...]:
        """Return a notice if ``context`` is not empty and the translation model does not use it.

        Otherwise, the result is empty.
        """
        if not context or self.translator.context_sentences:
            return ()
        return (Notice("context_unused", "the translation model does not use the context", review=False),)

    def _glossary(self, name: str) -> Terms:
        named = self.glossaries.get(name)
        if named is None:
            raise InvalidInput("glossary_unknown", "there is no glossary with this name", pointer="/glossary_name")
        return named

    async def retire(self) -> None:
        """Wait until no request holds a lease on this set, and then close its models."""
        await self._unused.wait()
        await self.close(0.0)

    async def close(self, drain_s: float) -> None:
        """Wait up to ``drain_s`` seconds for the accepted requests, and release the engines.

        The engines are released when no request holds a lease on this set, or when the time is up.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(drain_s):
                await self._unused.wait()
        await asyncio.gather(*(model.close(0.0) for model in self.every))


def _scorer(model: TextGenerator) -> Scorer | None:
    """Return the model if it can compute the log-probability of existing outputs, and otherwise None.

    Only a causal model in this process can compute it.
    """
    return model if isinstance(model, LocalGenerator) and model.manifest.causal else None


class ModelPool:
    """A pool that loads the models of a plan and replaces them during a reload.

    Each load creates a new `ModelSet`. The old set stays open until its last request has been answered.
    """

    def __init__(self, plan: Plan, cache: Cache, listener: Listener, on_dead: Callable[[], None]) -> None:
        self._plan, self._cache = plan, cache
        self._listener, self._on_dead = listener, on_dead
        self._loading: dict[Task, TextGenerator] = {}
        self._fallbacks: dict[Task, TextGenerator] = {}
        self.current: ModelSet | None = None
        self._retiring: dict[ModelSet, asyncio.Task[None]] = {}

    @property
    def serving(self) -> ModelSet:
        """The set of models that serves new requests.

        Raises:
            NotReady: the first set has not been loaded yet.
        """
        if self.current is None:
            raise NotReady("the models are still loading; retry later")
        return self.current

    @property
    def served(self) -> Sequence[TextGenerator]:
        """All models in use or, during startup, those that have been loaded so far. The translation model comes first.

        The local models that replace remote ones under embargo come last.
        """
        return tuple(
            [*self._loading.values(), *self._fallbacks.values()] if self.current is None else self.current.every
        )

    @property
    def all(self) -> Sequence[ModelSet]:
        """All sets that are open: the set in use, and the old sets whose requests have not all been answered."""
        return [*([] if self.current is None else [self.current]), *self._retiring]

    async def load(self) -> ModelSet:
        """Load and warm up a new set of models, and return it. New requests do not use the set until `serve` is called.

        If an error occurs, all models of the new set are closed.

        Raises:
            ModelError: there is no translation model; a model, a glossary, the house styles or the corrections cannot
                be loaded; or no model uses the configured remote server.
            EngineError: an engine cannot be built or fails its warm-up.
        """
        plan, self._loading, self._fallbacks = self._plan, {}, {}
        try:
            await asyncio.to_thread(load_detector)
            await asyncio.to_thread(_load_dictionaries, plan)
            for task in get_args(Task):
                await self._load(task)
            self._require_use_of_server()
            folder = plan.glossaries_dir
            glossaries = {} if folder is None else await asyncio.to_thread(read_glossaries, folder)
            styles = plan.house_styles_file
            house_styles = {} if styles is None else await asyncio.to_thread(read_house_styles, styles)
            return ModelSet(
                self._loading,
                glossaries,
                self._cache,
                plan.cache_secret,
                plan.headline_chars,
                self._fallbacks,
                house_styles,
                await self._corrections(),
            )
        except BaseException:
            await asyncio.gather(*(m.close(0.0) for m in (*self._loading.values(), *self._fallbacks.values())))
            raise

    async def _corrections(self) -> Corrections | None:
        file = self._plan.memory_file
        if file is None:
            return None
        languages = LanguagePair.of(self._plan.source_lang, self._plan.target_lang)
        return Corrections(await asyncio.to_thread(read_correction_file, file, languages))

    async def _load(self, task: Task) -> None:
        plan = self._plan
        if task == "alignment" and not self._needs_aligner():
            return  # the attention of the translation model aligns words
        entry = await self._entry(task, plan.names.get(task))
        if entry is None and task == "translation":
            raise ModelError(
                f"there is no {task} model for {plan.source_lang}→{plan.target_lang}; install one, or change "
                "DEPESCHE_SOURCE_LANG or DEPESCHE_TARGET_LANG"
            )
        if entry is None:  # the newsroom rejects requests that need this model
            return
        if entry.manifest.remote is None:
            await self._load_local(task, entry, self._loading)
            return
        model = await load_remote(entry, plan.remote, self._listener, most_texts=plan.limits.queue_items)
        self._loading[task] = model
        await model.start()
        fallback = await self._entry(task, None) if plan.embargo_models else None
        if fallback is not None:
            await self._load_local(task, fallback, self._fallbacks)

    def _require_use_of_server(self) -> None:
        """If a server for remote models is configured, check that a model uses it.

        Raises:
            ModelError: no model uses the configured server.
        """
        if self._plan.remote is not None and all(model.host == "process" for model in self._loading.values()):
            raise ModelError(
                "DEPESCHE_REMOTE_URL is set, but neither DEPESCHE_TRANSLATION_MODEL nor DEPESCHE_SUMMARY_MODEL names a "
                "remote model; name one, or unset DEPESCHE_REMOTE_URL"
            )

    def _needs_aligner(self) -> bool:
        """Return whether an alignment model is needed, because a translation model is causal or remote.

        Such models provide no attention weights from outputs to sources. Call this method after loading the
        translation models.
        """
        models = [one.get("translation") for one in (self._loading, self._fallbacks)]
        return any(m is not None and (m.manifest.causal or m.manifest.remote is not None) for m in models)

    async def _entry(self, task: Task, name: str | None) -> Entry | None:
        """Return the catalogue entry of the model ``name`` or, if ``name`` is None, of the model for the profile.

        An alignment model is always chosen for the profile ``auto``. Return None if ``name`` is None and the catalogue
        has no model for the task.
        """
        plan = self._plan
        catalog = Catalog(plan.models_dir, plan.installed_dir, plan.weights_dir)
        target = plan.source_lang if task == "summary" else plan.target_lang
        profile: Profile = "auto" if task == "alignment" else plan.profile
        return await asyncio.to_thread(choose, catalog, task, plan.source_lang, target, profile, name)

    async def _load_local(self, task: Task, entry: Entry, models: dict[Task, TextGenerator]) -> None:
        """Load a model in this process, and add it to ``models`` under its task.

        If the same model with the same engine has already been loaded for another task, the two tasks share the engine.
        """
        if entry.manifest.rules:
            models[task] = await asyncio.to_thread(load_rules, entry)
            return
        plan = self._plan
        kind = plan.engine or entry.manifest.engine
        choice = EngineChoice(kind, plan.device, plan.threads, plan.replicas, plan.compute_type)
        for other in (*self._loading.values(), *self._fallbacks.values()):
            if isinstance(other, LocalGenerator) and (other.manifest.id, other.engine) == (entry.manifest.id, kind):
                models[task] = await asyncio.to_thread(other.sharing, entry)
                return
        on_dead = partial(self._report_dead, self._loading)
        model = await load_generator(entry, choice, plan.limits, self._listener, on_dead)
        models[task] = model
        await model.start()

    def _report_dead(self, models: Mapping[Task, TextGenerator]) -> None:
        """Report that an engine in ``models`` has failed permanently, unless a set with other models is in use."""
        if self.current is None or self.current.models is models:
            self._on_dead()

    def serve(self, new: ModelSet, on_retired: Callable[[], None]) -> None:
        """Use the set ``new`` for all further requests.

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
        """Wait until accepted requests are done, at most for the drain time of the plan, and release the engines."""
        try:
            await asyncio.gather(*(one.close(self._plan.drain_s) for one in self.all))
        finally:
            for task in self._retiring.values():
                task.cancel()


def _load_dictionaries(plan: Plan) -> None:
    """Load the dictionaries that the checks use.

    Loading a dictionary stops all threads of the process for a third of a second. Otherwise, the first request with an
    unknown word would have to wait for it.
    """
    for language in LanguagePair.of(plan.source_lang, plan.target_lang):
        if language.spells is not None:
            language.spells(_UNKNOWN_WORD)


def cache_of(plan: Plan, listener: Listener) -> Cache:
    """Create the cache for a plan.

    The cache has a memory tier and, if a Redis server is configured, a tier that is shared through Redis.
    """
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


def read_house_styles(path: Path) -> Mapping[str, HouseStyle]:
    """Read a TOML file with one table for each house style, and return the styles by name.

    Raises:
        ModelError: the file cannot be read, or a rule or its value is unknown.
    """
    strict = TypeAdapter(dict[str, HouseStyle], config=ConfigDict(extra="forbid"))
    try:
        return strict.validate_python(tomllib.loads(path.read_text("utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ModelError(f"the house styles in {path.name} cannot be read: {error}") from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise ModelError(f"{path.name}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None
