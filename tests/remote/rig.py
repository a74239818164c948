"""Helpers for tests of remote models: a generator and a translator that use a server with prepared answers."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from service.cache.memory import Memory
from service.cache.tiers import Cache
from service.events import Event
from service.generation.call import Call
from service.generation.remote.client import RemoteServer
from service.generation.remote.generator import RemoteGenerator
from service.registry.catalog import Catalog
from service.registry.manifest import Manifest
from service.results import Translation
from service.translation.preparation import PLAIN, TranslationOptions
from service.translation.translator import Translator

CATALOG = Catalog(Path(__file__).parents[2] / "models")


def changed(manifest: Manifest, *, thorough: bool = False, **remote: Any) -> Manifest:
    """Return a copy of the manifest, with a second search only if ``thorough`` is True.

    ``remote`` replaces fields of the manifest's table ``remote``.
    """
    assert manifest.remote is not None
    second = manifest.thorough if thorough else None
    return manifest.model_copy(update={"remote": manifest.remote.model_copy(update=remote), "thorough": second})


@dataclass
class RemoteStand:
    """A generator for a remote model, with a translator, a cache, and the events that the generator has reported."""

    generator: RemoteGenerator
    translator: Translator
    cache: Cache
    events: list[Event] = field(default_factory=list)

    async def translate(self, *texts: str, options: TranslationOptions = PLAIN, **call: Any) -> list[Translation]:
        """Translate ``texts``. ``call`` contains arguments of `Call`, and ``within_s``, the time limit in seconds."""
        return await self.translator.translate(texts, Call.within(call.pop("within_s", 10.0), **call), options=options)

    def of_type(self, kind: type) -> list[Any]:
        """Return the reported events that are instances of ``kind``."""
        return [event for event in self.events if isinstance(event, kind)]


def codes(translation: Translation) -> set[str]:
    """Return the codes of the warnings that require a review."""
    return {notice.code for notice in translation.notices if notice.review}


@asynccontextmanager
async def remote_stand(
    url: str, *, thorough: bool = False, name: str = "remote-de-en", start: bool = True, **options: Any
) -> AsyncIterator[RemoteStand]:
    """Create a generator for the model server at ``url``, and yield it with a translator and a cache.

    The generator uses the manifest ``name`` of the catalogue. It searches again for doubtful sentences only if
    ``thorough`` is True. If ``start`` is False, the generator is not started. ``options`` contains fields of
    `RemoteServer`, fields of the manifest's table ``remote``, and ``referee``, the model that judges the translations.
    """
    own = {key: options.pop(key) for key in ("form", "context_sentences", "logprobs", "body") if key in options}
    referee = options.pop("referee", None)
    entry = CATALOG.entry(name)
    manifest = changed(entry.manifest, thorough=thorough, **own)
    server = RemoteServer(**{"url": url, "model": "m", "pause_s": 0.01, "check_s": 0.05, "timeout_s": 2.0, **options})
    events: list[Event] = []
    generator = RemoteGenerator(replace(entry, manifest=manifest), server, events.append, most_texts=100)
    cache = Cache(Memory(max_bytes=2**20, ttl_s=60))
    if start:
        await generator.start()
    try:
        yield RemoteStand(generator, Translator(generator, cache, None, referee=referee), cache, events)
    finally:
        await generator.close(0.0)


async def until(condition: Callable[[], bool]) -> None:
    """Wait until ``condition`` returns True, for at most 30 seconds."""
    end_s = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end_s
        await asyncio.sleep(0.01)
