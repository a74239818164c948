"""A helper for fixtures that runs the applications of both ports with fake engines on one event loop.

The service has a main port and an administration port.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient, Response

from service.app import create_admin, create_app
from service.generation.local import LocalGenerator
from service.newsroom.newsroom import Newsroom
from service.settings import Settings
from tests.fake_engine import FakeEngine, Handler

READY_S = 300.0


@dataclass(frozen=True)
class Both:
    """HTTP clients for the main and the administration port, the service, and its fake engines."""

    main: AsyncClient
    admin: AsyncClient
    service: Newsroom
    engines: list[FakeEngine]

    @property
    def translator(self) -> LocalGenerator:
        """Return the translation model of the service."""
        model = self.service.models[0]
        assert isinstance(model, LocalGenerator)
        return model

    def handle(self, handler: Handler) -> None:
        """Use ``handler`` in every engine. A handler returns the outputs for the inputs of an engine call."""
        for engine in self.engines:
            engine.handler = handler

    async def translate(self, text: str | list[str], **headers: str) -> Response:
        return await self.main.post("/v1/translate", json={"text": text}, headers=headers)

    async def cached(self, text: str) -> int:
        """Translate ``text`` and return how many of its sentences came from the cache."""
        (translation,) = (await self.translate(text)).json()["translations"]
        return int(translation["cached"]["sentences"])

    async def purge(self, **what: Any) -> Response:
        return await self.admin.post("/admin/cache/purge", json=what)


def _client(app: FastAPI) -> AsyncClient:
    return AsyncClient(transport=ASGITransport(app), base_url="http://localhost")


@asynccontextmanager
async def both(patch: pytest.MonkeyPatch, handler: Handler | None = None, **given: Any) -> AsyncIterator[Both]:
    """Start the applications of both ports with the settings ``given``, and wait until the service is ready.

    ``handler`` returns the outputs of the fake engines. If it is None, the fake engines use their default handler.
    """
    engines: list[FakeEngine] = []

    def load(*_: object, **__: object) -> FakeEngine:
        engines.append(FakeEngine(handler))
        return engines[-1]

    patch.setattr("service.generation.local.load_engine", load)
    settings = Settings(**{"admin_port": 1, "cache_seal_key": "none", **given})
    app = create_app(settings)
    async with app.router.lifespan_context(app), _client(app) as main, _client(create_admin(app, settings)) as admin:
        async with asyncio.timeout(READY_S):
            while (probe := await main.get("/readyz")).status_code != 200:
                assert probe.json()["status"] != "failed", probe.text
                await asyncio.sleep(0.02)
        yield Both(main, admin, app.state.runtime.newsroom, engines)
