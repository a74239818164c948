"""Application factory: wires settings, models, cache and middleware into a FastAPI app."""

import asyncio
import contextlib
import logging
import os
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from service import __version__
from service.cache.seal import secrets_in
from service.errors import DepescheError
from service.events import Event, Listener
from service.generation.scheduler import Limits
from service.http import probes, problems, routes
from service.http.compat import deepl, libretranslate
from service.http.compat import errors as failures
from service.http.keys import ApiKeyStore
from service.http.limits import Bounds
from service.http.middleware import middlewares
from service.http.ratelimit import Rates, policies
from service.http.state import ApiState, Runtime, TextLimits, info_of
from service.newsroom.service import Plan, Service
from service.observability import logs, tracing
from service.observability.metrics import Metrics
from service.process import available_cores, trim_malloc_periodically, trimmer
from service.registry.manifest import Task
from service.settings import Settings
from service.web import page

COMPATIBLE = frozenset(
    route.path for route in (*deepl.router.routes, *libretranslate.router.routes) if isinstance(route, Route)
)

KNOWN = COMPATIBLE | {
    route.path
    for router in (routes.router, routes.work, probes.admin_router)
    for route in router.routes
    if isinstance(route, Route)
}


async def refuse(scope: Scope, receive: Receive, send: Send, error: DepescheError) -> None:
    """Answer ``error``: as the clients of other services expect it on their paths, as a problem everywhere else."""
    request = Request(scope, receive)
    if scope["path"] in KNOWN:  # nothing that a caller made up
        info_of(scope).path = scope["path"]
    if scope["path"] in COMPATIBLE:
        answer = failures.of_service(request, error)
    else:
        answer = await problems.on_service_error(request, error)
    await answer(scope, receive, send)


EXIT_DEAD = 70
EXIT_GRACE_S = 1.0
_log = logging.getLogger("depesche")


def plan_of(settings: Settings) -> Plan:
    """What the settings ask the service to be."""
    seal = settings.cache_seal_key
    return Plan(
        models_dir=settings.models_dir,
        installed_dir=settings.installed_dir,
        profile=settings.profile,
        names=_names(settings),
        engine=None if settings.engine == "auto" else settings.engine,
        device=settings.device,
        compute_type=settings.compute_type,
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
        redis_url=None if settings.redis_url is None else settings.redis_url.get_secret_value(),
        redis_timeout_s=settings.redis_timeout_ms / 1000,
        drain_s=settings.drain_s,
        glossaries_dir=settings.glossaries_dir,
        seal_secrets=[] if seal is None else secrets_in(seal.get_secret_value()),
    )


def _names(settings: Settings) -> dict[Task, str]:
    given: dict[Task, str | None] = {"translation": settings.translation_model, "summary": settings.summary_model}
    return {task: name for task, name in given.items() if name is not None}


def exit_dead() -> None:
    """Leave the process: a hung engine call cannot be ended from inside. Probes get a moment to see it."""
    _log.critical("engine_dead", extra={"exit_code": EXIT_DEAD})
    asyncio.get_running_loop().call_later(EXIT_GRACE_S, os._exit, EXIT_DEAD)


def broadcast(heard: Sequence[Listener]) -> Listener:
    """One listener that tells all of ``heard``."""

    def tell(event: Event) -> None:
        for listener in heard:
            listener(event)

    return tell


def create_app(settings: Settings | None = None, *, on_settled: Callable[[], None] = lambda: None) -> FastAPI:
    """The application. Models load in the background once it starts, so that probes are answered at once.

    ``on_settled`` is called when they have been loaded, and after a reload when those of before are gone.

    Raises:
        KeyFileInvalid: there is a key file, and it cannot be used.
        TracingUnavailable: the environment asks for traces that cannot be made.
        SealUnavailable: cache values are to be sealed, and the extra for it is not installed.
    """
    settings = settings or Settings()
    heard: list[Listener] = [logs.listen]
    listener = broadcast(heard)
    service = Service(plan_of(settings), listener, exit_dead, on_settled)
    metrics = Metrics(service)
    heard.append(metrics.listen)
    traces = tracing.from_environment(os.environ)
    if traces is not None:
        heard.append(traces.listen)
    app = FastAPI(
        title="Depesche",
        version=__version__,
        summary="German news articles in, a German summary and an English translation out.",
        lifespan=_lifespan,
        redirect_slashes=False,  # the address of a redirect is made from the caller's Host header
    )
    limits = TextLimits(settings.max_texts, settings.max_text_chars, settings.max_json_depth)
    app.state.api = ApiState(service, limits, settings.request_timeout_ms, listener)
    app.state.registry, app.state.traces = metrics.registry, traces
    app.state.ring = None if settings.keys_file is None else ApiKeyStore(settings.keys_file, listener=listener)
    app.state.runtime = Runtime(
        service, limits, settings.request_timeout_ms / 1000, listener, metrics.registry, app.state.ring
    )
    for router in (routes.router, probes.router, page.router, deepl.router, libretranslate.router):
        app.include_router(router)
    if settings.metrics_port != "admin":
        app.include_router(probes.metrics_router)
    app.state.rates = rates = _rates(settings, listener)
    _surround(app, settings, rates=rates, cancels=True, origins=_listed(settings.cors_origins))
    return app


def _rates(settings: Settings, listener: Listener) -> Rates | None:
    """The limits of callers; None where the settings limit neither requests nor characters."""
    limits = policies("requests", settings.rate_requests) + policies("characters", settings.rate_chars)
    if not limits:
        return None
    url = settings.rate_redis_url or settings.redis_url
    secret = None if url is None else url.get_secret_value()
    return Rates(limits, secret, timeout_s=settings.redis_timeout_ms / 1000, listener=listener)


def create_admin(app: FastAPI, settings: Settings) -> FastAPI:
    """The application of the administration port, over the service of ``app``, which starts and stops it."""
    admin_app = FastAPI(
        title="Depesche administration", version=__version__, docs_url=None, redoc_url=None, redirect_slashes=False
    )
    admin_app.state.api, admin_app.state.runtime = app.state.api, app.state.runtime
    admin_app.state.registry = app.state.registry
    admin_app.state.ring, admin_app.state.traces = app.state.ring, app.state.traces
    admin_app.include_router(probes.router)
    admin_app.include_router(probes.admin_router)
    if settings.metrics_port != "main":
        admin_app.include_router(probes.metrics_router)
    _surround(admin_app, settings)
    return admin_app


def _surround(app: FastAPI, settings: Settings, **options: Any) -> None:
    """Put the middlewares around the endpoints of either port; ``options`` are those of `middlewares`."""
    problems.install(app)
    surrounding = middlewares(
        bounds=Bounds(settings.max_body_bytes, settings.body_timeout_s, settings.max_json_depth),
        refuse=refuse,
        listener=app.state.api.listener,
        is_ending=lambda: app.state.api.service.status == "draining",
        keys=app.state.ring,
        tracer=app.state.traces,
        trusted_proxies=_listed(settings.trusted_proxies),
        **options,
    )
    for one in reversed(surrounding):  # the one that is added last is the outermost
        app.add_middleware(one.cls, *one.args, **one.kwargs)


def _listed(setting: str | None) -> list[str]:
    """The members of a setting with commas."""
    return [] if setting is None else [one.strip() for one in setting.split(",")]


@contextlib.asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    service: Service = app.state.api.service
    ring: ApiKeyStore | None = app.state.ring
    tasks = [asyncio.create_task(_load(service)), asyncio.create_task(trim_malloc_periodically(trimmer()), name="heap")]
    if ring is not None:
        tasks.append(asyncio.create_task(ring.watch(), name="keys"))
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await service.stop()
        if app.state.rates is not None:
            await app.state.rates.close()
        if app.state.traces is not None:
            await asyncio.to_thread(app.state.traces.close)


async def _load(service: Service) -> None:
    try:
        await service.start()
        if service.notice:
            _log.warning("starter_models", extra={"detail": service.notice})
    except DepescheError as error:
        # The probe says so, too; the process stays up, so that an operator can ask it.
        _log.error("models_not_loaded", extra={"detail": str(error)})
    except Exception as error:  # noqa: BLE001 - whatever it is, the probe must not say "loading" for ever
        service.fail(f"{type(error).__name__} while the models were loaded")
        _log.exception("models_not_loaded")
