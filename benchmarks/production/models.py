"""The installed models that are measured; each is made once and kept."""

import gc
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from benchmarks.production import snapshots
from service.cores import available_cores
from service.engines.base import Engine
from service.engines.layout import Layout, layouts
from service.engines.load import load_engine
from service.engines.tokenizer import EOS, Tokenizer
from service.engines.tuning import Found, Probe, TunedFactory
from service.hub.conversion import convert
from service.manifest import EngineKind, Manifest, load
from service.registry.catalog import MANIFEST
from service.types import EngineInput, Tokens

ARTICLE = Path(__file__).parent.parent.parent / "tests" / "data" / "sentences.txt"


@dataclass(frozen=True, slots=True)
class Model:
    """An installed model: its manifest and its folder."""

    manifest: Manifest
    folder: Path

    @property
    def tokenizer(self) -> Tokenizer:
        """Loaded anew."""
        return Tokenizer(self.manifest, self.folder)

    @property
    def bytes_on_disk(self) -> int:
        """Of what CTranslate2 and the tokenizer read."""
        return sum((self.folder / n).stat().st_size for n in self.manifest.files if not n.startswith("torch/"))

    @property
    def rows(self) -> int:
        """Of the vocabulary."""
        return len(json.loads((self.folder / "ct2" / "shared_vocabulary.json").read_text("utf-8")))

    def engine(self, kind: EngineKind, device: str, arithmetic: str = "auto") -> Engine:
        """The engine as the service would run it on this machine: on a CPU in the layout that is fastest."""
        cores = available_cores()

        def build(layout: Layout) -> Engine:
            return load_engine(
                self.manifest,
                self.folder,
                kind,
                device=device,
                threads=layout.threads,
                replicas=layout.replicas,
                arithmetic=arithmetic,
            )

        if kind == "torch" or device == "cuda":
            return build(Layout(1, cores))
        tokens = self.tokenizer.encode(sentences()[0])
        probe = Probe.of(tokens, self.manifest.decoding_options(len(tokens)))
        return TunedFactory(build, layouts(cores), probe, _ignore)()


def _ignore(found: Found) -> None:
    del found


def sentences() -> list[str]:
    """News sentences."""
    return ARTICLE.read_text("utf-8").splitlines()


def work(engine: Engine, items: Sequence[EngineInput], batch: int) -> None:
    """All items, ``batch`` a call, as many at the same time as the engine takes."""
    calls = [items[first : first + batch] for first in range(0, len(items), batch)]
    with ThreadPoolExecutor(engine.replicas + engine.ahead) as pool:
        for _ in pool.map(engine.generate, calls):
            pass


def cut(model: Model, count: int, length: int) -> list[Tokens]:
    """``count`` different sources of ``length`` tokens each, cut out of running text."""
    text = model.tokenizer.encode(" ".join(sentences()))[:-1]
    starts = range(0, len(text), max(1, len(text) // count))
    return [(*islice(cycle(text), start, start + length - 1), EOS) for start in starts][:count]


def opus(work: Path) -> Model:
    """opus-mt-de-en's size."""
    return _installed(work, "opus", "opus-installed", {})


def mt5(work: Path, *, trimmed: bool) -> Model:
    """mt5-small's size; a model of another language than German and English is not trimmed."""
    return (
        _installed(work, "mt5", "mt5-trimmed", {})
        if trimmed
        else _installed(work, "mt5", "mt5-whole", {"source_lang": "fr"})
    )


def _installed(work: Path, snapshot: str, name: str, changed: dict[str, Any]) -> Model:
    folder = work / name
    if not (folder / MANIFEST).is_file():
        made = work / snapshot
        described = made / "described.json"
        if not described.is_file():
            manifest = getattr(snapshots, snapshot)(made)
            described.write_text(manifest.model_dump_json(), "utf-8")
        manifest = Manifest.model_validate_json(described.read_text("utf-8"))
        convert(made, manifest.model_copy(update=changed), folder, keep_checkpoint=True)
        gc.collect()
    return Model(load(folder / MANIFEST), folder)
