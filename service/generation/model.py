"""A model being served: its manifest, its tokenizer, and the batcher in front of its engine."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace

from service.domain import EngineInput
from service.events import LayoutFound, Listener
from service.generation.batcher import Batcher
from service.generation.engines.base import Engine, ParallelConfig, compute_type, layouts
from service.generation.engines.loading import Found, Probe, TunedFactory, load_engine
from service.generation.engines.tokenizers import Tokenizer
from service.generation.scheduler import Limits
from service.registry.catalog import Entry
from service.registry.manifest import EngineKind, Manifest
from service.registry.verify import verify

WARM_UP = "Guten Morgen, Deutschland."
SMALL_BYTES = 2**25
SENTENCES_OF_SMALL, SENTENCES = 32, 64
PROBE = "Der Bundestag hat am Donnerstag über den Haushalt beraten, und viele Städte warten auf das Geld."


@dataclass(frozen=True, slots=True)
class EngineChoice:
    """Which engine runs a model, on what device, on how many cores in how many replicas (0: the fastest), and how.

    ``compute_type`` names the arithmetic; see `service.generation.engines.base`.
    """

    kind: EngineKind
    device: str
    threads: int
    replicas: int = 0
    compute_type: str = "auto"

    def layouts(self) -> tuple[ParallelConfig, ...]:
        """The ways to divide the cores among which the fastest is found; a single one is kept untimed."""
        divisible = self.kind == "ctranslate2" and self.device == "cpu"
        return layouts(self.threads, self.replicas) if divisible else (ParallelConfig(1, self.threads),)


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A model that is loaded or being loaded; `batcher` tells which."""

    name: str
    manifest: Manifest
    engine: EngineKind
    tokenizer: Tokenizer
    batcher: Batcher
    arithmetic: str = ""

    @property
    def version(self) -> str:
        """What the outputs of one text depend on beside the options: weights, engine, arithmetic and its device."""
        return f"{self.manifest.revision}/{self.engine}/{self.arithmetic}"

    @property
    def search(self) -> str:
        """How it searches by its manifest, which may change while the weights stay."""
        return " ".join(f"{name}={value}" for name, value in self.manifest.decoding)

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

    Where ``limits`` name no number of sentences for a call, it is `call_sentences`.

    Raises:
        ModelError: a file is missing, is not the manifest's, or cannot be loaded.
    """
    await asyncio.to_thread(verify, entry, choice.kind)
    tokenizer = await asyncio.to_thread(Tokenizer, entry.manifest, entry.folder)
    factory = _factory(entry, choice, tokenizer, listener)
    tokens = tokenizer.encode(WARM_UP)
    warm_up = EngineInput(tokens, entry.manifest.decoding_options(len(tokens)))
    if not limits.batch_items:
        limits = replace(limits, batch_items=call_sentences(entry, choice.kind))
    batcher = Batcher(entry.name, factory, warm_up, limits=limits, listener=listener, on_dead=on_dead)
    arithmetic = f"{compute_type(entry.manifest, choice.kind, choice.device, choice.compute_type)}/{choice.device}"
    return ServedModel(entry.name, entry.manifest, choice.kind, tokenizer, batcher, arithmetic)


def call_sentences(entry: Entry, kind: EngineKind) -> int:
    """With how many sentences in a call the model is fastest; docs/adr/0006 has the figures.

    The weights are read once a step for all sentences. A large model's are most of what is read, and pay off over more
    of them; a small one's stay in the processor's cache, where more sentences would push them out.
    """
    folder = entry.folder / entry.manifest.engines[kind].folder
    size = sum(path.stat().st_size for path in folder.iterdir() if path.is_file())
    return SENTENCES_OF_SMALL if size <= SMALL_BYTES else SENTENCES


def _factory(entry: Entry, choice: EngineChoice, tokenizer: Tokenizer, listener: Listener) -> TunedFactory:
    """Builds the model's engines in its engine's thread; the first time it finds out how to divide the cores."""
    loop, manifest = asyncio.get_running_loop(), entry.manifest

    def load(layout: ParallelConfig) -> Engine:
        verify(entry, choice.kind)  # also when it is rebuilt: another model may have been installed in its place
        return load_engine(
            manifest,
            entry.folder,
            choice.kind,
            device=choice.device,
            threads=layout.threads,
            replicas=layout.replicas,
            arithmetic=choice.compute_type,
        )

    def tell(found: Found) -> None:
        layout, seconds = found.layout, found.seconds
        event = LayoutFound(entry.name, layout.replicas, layout.threads, seconds[layout], max(seconds.values()))
        loop.call_soon_threadsafe(listener, event)

    probe = Probe.of(tokenizer.encode(PROBE), manifest.decoding_options(len(tokenizer.encode(PROBE))))
    return TunedFactory(load, choice.layouts(), probe, tell)
