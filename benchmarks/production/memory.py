"""Resident memory of a process that serves both models: ``python -m benchmarks.production.memory FOLDER FOLDER``."""

import asyncio
import json
import sys
import threading
from pathlib import Path

import service.app  # noqa: F401 - the process is the service's, so its libraries count
from service.batching.limits import Limits
from service.cores import available_cores
from service.engines.tokenizer import Tokenizer
from service.hub.conversion_check import probe_sentences as sentences
from service.manifest import load
from service.pipeline.served import EngineChoice, ServedModel, serve_model
from service.registry.catalog import MANIFEST, Entry
from service.types import EngineInput


async def served(folder: Path) -> ServedModel:
    """The model, loaded and warm."""
    entry = Entry(folder.name, load(folder / MANIFEST), folder)
    choice = EngineChoice("ctranslate2", "cpu", available_cores())
    limits = Limits()
    model = await serve_model(entry, choice, limits, lambda _: None, lambda: None)
    await model.batcher.start()
    return model


async def worked(model: ServedModel) -> None:
    """A batch as full as the settings allow, and a long source."""
    encode: Tokenizer = model.tokenizer
    texts = [*sentences() * 4, " ".join(sentences() * 3)]
    tokens = [encode.encode(text)[: model.manifest.tokens.max_source_tokens] for text in texts]
    items = [EngineInput(source, model.manifest.decoding_options(len(source))) for source in tokens]
    await asyncio.gather(*model.batcher.submit_many(items))


def resident_bytes() -> dict[str, int]:
    """Now, and at most so far."""
    lines = Path("/proc/self/status").read_text("utf-8").splitlines()
    fields = dict(line.split(":", 1) for line in lines if ":" in line)
    return {name: int(fields[field].split()[0]) * 1024 for name, field in (("now", "VmRSS"), ("peak", "VmHWM"))}


async def main() -> None:
    """Load, work, tell."""
    models = [await served(Path(folder)) for folder in sys.argv[1:]]
    loaded = resident_bytes()
    for model in models:
        await worked(model)
    assert not {"torch", "transformers"} & set(sys.modules), "serving needs no torch"  # noqa: S101
    print(json.dumps({"loaded": loaded, "worked": resident_bytes()}))
    for model in models:
        await model.batcher.drain(5)
    # An interpreter that is taken down round an engine's thread aborts.
    for thread in threading.enumerate():
        if thread is not threading.main_thread():
            thread.join(5)


if __name__ == "__main__":
    asyncio.run(main())
