"""A model being served: its manifest, its tokenizer, and the batcher in front of its engine."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from service.batching.batcher import Batcher
from service.batching.limits import Limits
from service.engines.base import Engine
from service.engines.load import load_engine
from service.engines.tokenizer import Tokenizer
from service.events import Listener
from service.manifest import EngineKind, Manifest
from service.store.catalog import Entry
from service.store.verify import verify
from service.types import EngineInput

WARM_UP = "Guten Morgen, Deutschland."


@dataclass(frozen=True, slots=True)
class EngineChoice:
    """Which engine runs a model, on what device, and on how many cores."""

    kind: EngineKind
    device: str
    threads: int


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A model that is loaded or being loaded; `batcher` tells which."""

    name: str
    manifest: Manifest
    engine: EngineKind
    tokenizer: Tokenizer
    batcher: Batcher

    @property
    def condition(self) -> str:
        """What the readiness probe says of this model."""
        state = self.batcher.state
        if state.dead:
            return "dead"
        if state.hung:
            return "hung"
        return "ready" if state.ready else "loading"


async def serve_model(
    entry: Entry, choice: EngineChoice, limits: Limits, listener: Listener, on_dead: Callable[[], None]
) -> ServedModel:
    """Verify the files and prepare the model; `Batcher.start` then loads and warms it up.

    Raises:
        ModelError: a file is missing, is not the manifest's, or cannot be loaded.
    """
    await asyncio.to_thread(verify, entry, choice.kind)
    tokenizer = await asyncio.to_thread(Tokenizer, entry.manifest, entry.folder)

    def factory() -> Engine:
        return load_engine(entry.manifest, entry.folder, choice.kind, device=choice.device, threads=choice.threads)

    tokens = tokenizer.encode(WARM_UP)
    warm_up = EngineInput(tokens, entry.manifest.decoding_options(len(tokens)))
    batcher = Batcher(entry.name, factory, warm_up, limits=limits, listener=listener, on_dead=on_dead)
    return ServedModel(entry.name, entry.manifest, choice.kind, tokenizer, batcher)
