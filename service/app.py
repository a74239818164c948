"""The application factory, which combines settings, models, cache and middleware into a FastAPI application."""

import asyncio
import contextlib
import logging
import os
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from typing import Any
from urllib.parse import quote, urlsplit

from fastapi import APIRouter, FastAPI
from pydantic import SecretStr
from redis.asyncio.connection import parse_url
from starlette.requests import Request
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from service import __version__
from service.cache.redis import Breaker, Shared
from service.cache.seal import Seal, secrets_in
from service.errors import DepescheError
from service.events import Listener, broadcast
from service.generation.remote.generator import RemoteChoice
from service.generation.scheduler import Limits
from service.http import openapi, probes, problems, routes, status
from service.http.admission import Bounds
from service.http.compat import deepl, deepl_v3, libretranslate, libretranslate_files
from service.http.compat import errors as failures
from service.http.jobs import KEPT_S, MOST_RESULT_BYTES, TIMEOUT_S, Jobs
from service.http.keys import ApiKeyStore
from service.http.middleware import middlewares
from service.http.ratelimit import DeniedAttempts, Rates, policies
from service.http.state import History, Runtime, info_of
from service.http.webhooks import Webhooks
from service.newsroom.commands import TextLimits
from service.newsroom.models import Plan
from service.newsroom.newsroom import Newsroom
from service.observability import logs, tracing
from service.observability.metrics import Metrics
from service.process import available_cores, trim_malloc_periodically, trimmer
from service.registry.manifest import Task
from service.settings import NO_LIMIT, Settings

COMPATIBLE = frozenset(
    route.path
    for router in (deepl.router, deepl_v3.router, libretranslate.router, libretranslate_files.router)
    for route in router.routes
    if isinstance(route, Route)
)

KNOWN = COMPATIBLE | {
    route.path
    for router in (routes.router, routes.work, probes.admin_router, status.status_router)
    for route in router.routes
    if isinstance(route, Route)
}


async def refuse(scope: Scope, receive: Receive, send: Send, error: DepescheError) -> None:
    """Send an error response for ``error`` to the client.

    The response is a problem details object (RFC 9457). On a path of the DeepL or LibreTranslate API, it has the error
    format of that API instead.
    """
    request = Request(scope, receive)
    if scope["path"] in KNOWN:  # other paths are arbitrary input and must not become metric labels
        info_of(scope).path = scope["path"]
    if scope["path"] in COMPATIBLE:
        answer = failures.failure_response(request, error)
    else:
        answer = await problems.on_error(request, error)
    await answer(scope, receive, send)


EXIT_DEAD = 70
EXIT_GRACE_S = 1.0
_log = logging.getLogger("depesche")


def plan_of(settings: Settings) -> Plan:
    """Convert the settings to a `Plan`, the startup configuration of the newsroom.

    Raises:
        SealMissing: see `Settings.seal_secrets`.
    """
    return Plan(
        models_dir=settings.models_dir,
        installed_dir=settings.installed_dir,
        weights_dir=settings.weights_dir,
        profile=settings.profile,
        names=_model_names(settings),
        source_lang=settings.source_lang,
        target_lang=settings.target_lang,
        engine=None if settings.engine == "auto" else settings.engine,
        device=settings.device,
        compute_type=settings.compute_type,
        headline_chars=settings.headline_chars,
        threads=settings.threads or available_cores(),
        replicas=settings.engine_replicas,
        limits=Limits(
            token_budget=settings.batch_tokens,
            batch_items=settings.batch_items,
            queue_items=settings.queue_items,
            queue_tokens=settings.queue_tokens,
            engine_hang_s=settings.engine_hang_s,
        ),
        cache_bytes=settings.cache_bytes,
        cache_ttl_s=settings.cache_ttl_s,
        cache_secret=None if settings.cache_key is None else settings.cache_key.get_secret_value().encode(),
        redis_url=_redis_url(settings.redis_url, settings.redis_password),
        redis_timeout_s=settings.redis_timeout_ms / 1000,
        drain_s=settings.drain_s,
        glossaries_dir=settings.glossaries_dir,
        house_styles_file=settings.house_styles_file,
        memory_file=settings.memory_file,
        seal_secrets=settings.seal_secrets,
        remote=_remote_of(settings),
        embargo_models=settings.embargo_models,
    )


def _redis_url(url: SecretStr | None, password: SecretStr | None) -> str | None:
    """Return ``url`` with ``password`` inserted, unless ``password`` is None or the URL already contains a password."""
    if url is None or password is None:
        return None if url is None else url.get_secret_value()
    parts = urlsplit(url.get_secret_value())
    if parse_url(url.get_secret_value()).get("password"):
        return url.get_secret_value()
    user, _, host = parts.netloc.rpartition("@")
    return parts._replace(netloc=f"{user.rstrip(':')}:{quote(password.get_secret_value(), safe='')}@{host}").geturl()


def _remote_of(settings: Settings) -> RemoteChoice | None:
    if settings.remote_url is None:
        return None
    return RemoteChoice(
        settings.remote_url,
        settings.remote_model,
        settings.remote_key_file,
        settings.remote_style_file,
        settings.remote_timeout_s,
        settings.remote_concurrency,
        None if settings.remote_host == "auto" else settings.remote_host,
    )


def _model_names(settings: Settings) -> dict[Task, str]:
    names: dict[Task, str | None] = {"translation": settings.translation_model, "summary": settings.summary_model}
    return {task: name for task, name in names.items() if name is not None}


def exit_dead() -> None:
    """Exit the process with the code `EXIT_DEAD` after a short delay.

    The process must exit, because the engine cannot be recovered in it. For example, a hung call cannot be stopped.
    During the delay, the probes can still report that the engine is dead.
    """
    _log.critical("engine_dead", extra={"exit_code": EXIT_DEAD})
    asyncio.get_running_loop().call_later(EXIT_GRACE_S, os._exit, EXIT_DEAD)


def text_limits(settings: Settings) -> TextLimits:
    """Return the configured limits on the number and length of texts, and on the nesting depth of JSON bodies."""
    return TextLimits(settings.max_texts, settings.max_text_chars, settings.max_json_depth)


def create_newsroom(settings: Settings, listener: Listener, on_settled: Callable[[], None] = lambda: None) -> Newsroom:
    """Create the newsroom, which implements the use cases of the service, from ``settings``.

    The newsroom passes its events to ``listener``. It calls ``on_settled`` after the first models have been loaded, and
    after each later reload, once the old models have been closed.

    Raises:
        SealMissing: see `plan_of`.
        ModelError: there is no language package for one of the configured languages.
    """
    return Newsroom(plan_of(settings), listener, exit_dead, on_settled, limits=text_limits(settings))


def create_app(
    settings: Settings | None = None,
    *,
    on_settled: Callable[[], None] = lambda: None,
    on_failed: Callable[[str], None] = lambda _: None,
) -> FastAPI:
    """Create the main application.

    Its lifespan loads the models in the background, so that probes are answered from the start. For ``on_settled``, see
    `create_newsroom`. ``on_failed`` is called with the reason if the models cannot be loaded at startup. If
    ``settings`` is None, the settings are read from the environment.

    Raises:
        ValidationError: ``settings`` is None, and the settings in the environment are invalid.
        KeyFileInvalid: the key file cannot be read or is invalid.
        TracingUnavailable: the environment variables turn on tracing, but tracing cannot start.
        SealMissing: a Redis server is configured, but encryption of its values is neither configured nor turned off.
        ModelError: there is no language package for one of the configured languages.
    """
    settings = settings or Settings()
    listeners: list[Listener] = [logs.listen]
    listener = broadcast(listeners)
    newsroom = create_newsroom(settings, listener, on_settled)
    source, target = newsroom.languages
    metrics = Metrics(newsroom)
    history = History()
    listeners += [metrics.listen, history.listen]
    traces = tracing.from_environment(os.environ)
    listeners += [] if traces is None else [traces.listen]
    keys = None if settings.keys_file is None else ApiKeyStore(settings.keys_file, listener=listener)
    rates = _rates(settings, listener)
    app = FastAPI(
        title="Depesche",
        version=__version__,
        summary=f"Summarises {source.name} news articles and translates them into {target.name}.",
        lifespan=partial(_lifespan, rates=rates, traces=traces, on_failed=on_failed),
        docs_url=None,  # FastAPI's pages load scripts from other hosts
        redoc_url=None,
        openapi_url="/openapi.json" if settings.docs else None,
        redirect_slashes=False,  # a redirect URL would be built from the caller's Host header
    )
    app.state.runtime = Runtime(
        newsroom=newsroom,
        limits=text_limits(settings),
        timeout_s=settings.request_timeout_ms / 1000,
        listener=listener,
        registry=metrics.registry,
        keys=keys,
        tracer=traces,
        history=history,
        jobs=_jobs(settings, newsroom, listener),
    )
    for router in _routers(settings):
        app.include_router(router)
    origins = _split_list(settings.cors_origins)
    _add_middlewares(app, settings, rates=rates, cancels=True, origins=origins, root_path=settings.root_path)
    openapi.install(app, newsroom.languages, needs_keys=keys is not None, server=settings.root_path or "/")
    return app


def _routers(settings: Settings) -> Iterator[APIRouter]:
    yield from (routes.router, probes.router, probes.page_router)
    yield from (deepl.router, deepl_v3.router, libretranslate.router, libretranslate_files.router)
    if settings.docs:
        yield probes.docs_router
    if settings.metrics_port != "admin":
        yield probes.metrics_router


def _jobs(settings: Settings, newsroom: Newsroom, listener: Listener) -> Jobs | None:
    """Create the object that runs jobs, or return None if no Redis server is configured to store their results."""
    url = _redis_url(settings.redis_url, settings.redis_password)
    if url is None:
        return None
    kept_s = min(KEPT_S, settings.cache_ttl_s)  # a purge finds a result by its tags, which must not expire first
    store = Shared(
        url,
        ttl_s=kept_s,
        timeout_s=TIMEOUT_S,
        breaker=Breaker(),
        seal=Seal(settings.seal_secrets) if settings.seal_secrets else None,
        listener=listener,
        most_entry_bytes=MOST_RESULT_BYTES,
    )
    webhooks = None
    if settings.webhook_origins is not None and settings.webhook_secret is not None:
        (secret,) = secrets_in(settings.webhook_secret.get_secret_value())
        webhooks = Webhooks(_split_list(settings.webhook_origins), secret, listener)
    return Jobs(store, newsroom, listener, kept_s=kept_s, root_path=settings.root_path, webhooks=webhooks)


def _rates(settings: Settings, listener: Listener) -> Rates | None:
    """Create the configured rate limits, or return None if there are none."""
    limits = policies("requests", settings.rate_requests) + policies("characters", settings.rate_chars)
    if not limits:
        return None
    url = _redis_url(settings.rate_redis_url or settings.redis_url, settings.redis_password)
    return Rates(limits, url, timeout_s=settings.redis_timeout_ms / 1000, listener=listener)


def create_admin(app: FastAPI, settings: Settings) -> FastAPI:
    """Create the application for the administration port.

    The administration application uses the runtime of ``app``, which the lifespan of ``app`` starts and stops.
    """
    admin_app = FastAPI(title="Depesche administration", version=__version__, openapi_url=None, redirect_slashes=False)
    admin_app.state.runtime = app.state.runtime
    admin_app.include_router(probes.admin_router)
    admin_app.include_router(status.status_router)
    if settings.metrics_port != "main":
        admin_app.include_router(probes.metrics_router)
    _add_middlewares(admin_app, settings)
    runtime: Runtime = app.state.runtime
    openapi.install(admin_app, runtime.newsroom.languages, needs_keys=runtime.keys is not None)
    return admin_app


def _add_middlewares(app: FastAPI, settings: Settings, **options: Any) -> None:
    """Add the middleware and the error handlers to ``app``. All ``options`` are passed to `middlewares`."""
    problems.install(app)
    runtime: Runtime = app.state.runtime
    stack = middlewares(
        bounds=Bounds(settings.max_body_bytes, settings.body_timeout_s, settings.max_json_depth),
        refuse=refuse,
        listener=runtime.listener,
        lifecycle=runtime.newsroom.lifecycle,
        keys=runtime.keys,
        denied=DeniedAttempts(policies("requests", None if settings.rate_denied == NO_LIMIT else settings.rate_denied)),
        tracer=runtime.tracer,
        trusted_proxies=_split_list(settings.trusted_proxies),
        **options,
    )
    for one in reversed(stack):  # the middleware added last is the outermost
        app.add_middleware(one.cls, *one.args, **one.kwargs)


def _split_list(setting: str | None) -> list[str]:
    """Split a comma-separated setting and strip each item. Return an empty list if the setting is None."""
    return [] if setting is None else [one.strip() for one in setting.split(",")]


@contextlib.asynccontextmanager
async def _lifespan(
    app: FastAPI, *, rates: Rates | None, traces: tracing.Tracing | None, on_failed: Callable[[str], None]
) -> AsyncIterator[None]:
    runtime: Runtime = app.state.runtime
    newsroom, keys = runtime.newsroom, runtime.keys
    stopped = threading.Event()
    threading.Thread(target=trim_malloc_periodically, args=(trimmer(), stopped), name="heap", daemon=True).start()
    tasks = [asyncio.create_task(_load(newsroom, on_failed))]
    if keys is not None:
        tasks.append(asyncio.create_task(keys.watch(), name="keys"))
    try:
        yield
    finally:
        stopped.set()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await newsroom.stop()  # waits for accepted requests, which include jobs
        if runtime.jobs is not None:
            await runtime.jobs.close()
        if rates is not None:
            await rates.close()
        if traces is not None:
            await asyncio.to_thread(traces.close)


async def _load(newsroom: Newsroom, on_failed: Callable[[str], None]) -> None:
    try:
        await newsroom.start()
        if newsroom.notice:
            _log.warning("starter_models", extra={"detail": newsroom.notice})
    except DepescheError as error:
        _log.error("models_not_loaded", extra={"detail": str(error)})
        on_failed(str(error))
    except Exception as error:  # noqa: BLE001 - otherwise the probe would report "loading" forever
        newsroom.lifecycle.fail(f"loading the models failed with {type(error).__name__}")
        _log.exception("models_not_loaded")
        on_failed(newsroom.lifecycle.detail)
