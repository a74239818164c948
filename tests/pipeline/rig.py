"""Helpers for tests of translation and summarisation: a generator with a real tokenizer and queue but a fake engine."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sentencepiece

from service.cache import entries as codec
from service.cache.memory import Memory
from service.cache.tiers import Cache
from service.domain import Tokens
from service.events import Listener, ignore
from service.generation.base import Source, TextHypothesis
from service.generation.batcher import Batcher
from service.generation.cached import CachedGenerator, Search
from service.generation.call import Call
from service.generation.engines.tokenizers import Tokenizer
from service.generation.local import LocalGenerator
from service.generation.scheduler import Limits
from service.registry.manifest import Manifest
from service.summarization.summarizer import Summarizer
from service.translation.translator import Translator
from tests.batching.rig import Engines, running
from tests.fake_engine import FakeEngine, Handler, writing

SENTENCES = (Path(__file__).parent.parent / "data" / "sentences.txt").read_text("utf-8").splitlines()
PIECES_FILE = "pieces.model"


def train_pieces(folder: Path) -> Path:
    """Train a tiny SentencePiece model, write it to ``folder``, and return ``folder``."""
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(SENTENCES * 3),
        model_prefix=str(folder / "pieces"),
        vocab_size=180,
        hard_vocab_limit=False,
        minloglevel=2,
        bos_id=-1,
    )
    return folder


def manifest(
    task: str, *, max_source_tokens: int, hypotheses: int, acceptance: Mapping[str, Any] | None = None
) -> Manifest:
    """Return a manifest for ``task`` whose model has no weights. The beam size equals ``hypotheses``."""
    return Manifest.model_validate(
        {
            "id": "test/fake",
            "revision": "1",
            "task": task,
            "architecture": "marian",
            "source_lang": "de",
            "target_lang": "en" if task == "translation" else "de",
            "licence": "Apache-2.0",
            "commercial_use": "yes",
            "quality": "starter",
            "weights": ".",
            "tokens": {
                "source": PIECES_FILE,
                "target": PIECES_FILE,
                "max_source_tokens": max_source_tokens,
                "max_output_tokens": 512,
            },
            "decoding": {"beam_size": hypotheses, "hypotheses": hypotheses},
            "acceptance": acceptance or {},
            "engines": {"ctranslate2": {"folder": ".", "compute_type": "float32"}},
            "files": {PIECES_FILE: "0" * 64},
        }
    )


class BestTexts:
    """A kind of cached result that consists of the text of the best output for each source."""

    versions = ("1",)

    def key(self, wanted: str) -> str:
        return wanted

    def source(self, wanted: str) -> Source:
        return Source(wanted)

    async def make(self, outputs: Sequence[tuple[str, list[TextHypothesis]]], search: Search) -> list[str]:
        del search
        return [hypotheses[0].text for _, hypotheses in outputs]

    def cacheable(self, result: str) -> bool:
        del result
        return True

    def encode(self, result: str) -> bytes:
        return codec.encode(result)

    def decode(self, entry: bytes, wanted: str) -> str:
        del wanted
        return codec.text(codec.decode(entry))


@dataclass(frozen=True)
class Stand:
    """A generator with its fake engines, its queue and a cache, and a `CachedGenerator` for the best outputs."""

    generator: LocalGenerator
    engines: Engines
    batcher: Batcher
    cache: Cache
    cached: CachedGenerator[str, str]

    def translator(self) -> Translator:
        """Return a new translator that uses this generator and cache."""
        return Translator(self.generator, self.cache, None)

    def summarizer(self) -> Summarizer:
        """Return a new summariser that uses this generator and cache."""
        return Summarizer(self.generator, self.cache, None)

    async def decode(self, *texts: str, origin: str | None = None, call: Call | None = None) -> list[tuple[str, bool]]:
        """Return the best output for each text, and whether it came from the cache.

        ``origin`` is the text from which the sentences were taken. If it is None, each text is its own origin.
        """
        tags = self.cached.tags([text if origin is None else origin for text in texts])
        found = await self.cached.results(texts, tags, call or Call())
        return [(one.value, one.cached) for one in found]

    @property
    def memory(self) -> Memory:
        return self.cache.memory

    @property
    def engine(self) -> FakeEngine:
        return self.engines.first

    @property
    def tokenizer(self) -> Tokenizer:
        return self.generator.tokenizer

    @property
    def reached(self) -> list[str]:
        """Return the texts that the engine received, in order, except the placeholders that keep the engine busy."""
        items = [item for batch in self.engines.batches() for item in batch]
        return [self.tokenizer.decode(item.tokens) for item in items if item.tokens != ("busy",)]

    def answer(self, answers: Mapping[str, str], *, other: str | None = None) -> None:
        """Set the outputs of the engine.

        If a source contains a key of ``answers``, the output is the value of this key. Otherwise the output is
        ``other``, or the source itself if ``other`` is None.
        """

        def write(tokens: Tokens) -> Tokens:
            text = self.tokenizer.decode(tokens)
            rest = text if other is None else other
            return self.tokenizer.encode(next((answers[key] for key in answers if key in text), rest))[:-1]

        self.engine.handler = writing(write)


def _copied(tokens: Tokens) -> Tokens:
    return tokens


COPYING: Handler = writing(_copied)


@asynccontextmanager
async def stand(
    pieces: Path,
    task: str = "translation",
    *,
    limits: Limits | None = None,
    max_source_tokens: int = 128,
    hypotheses: int = 1,
    acceptance: Mapping[str, Any] | None = None,
    handler: Handler = COPYING,
    listener: Listener = ignore,
) -> AsyncIterator[Stand]:
    """Start a generator and yield it with its cache. Its fake engine returns the outputs of ``handler``.

    By default, the output is a copy of the source. ``pieces`` is the folder of the SentencePiece model. The other
    arguments are limits of the queue, fields of the manifest, and the listener for events of the cache.
    """
    found = manifest(task, max_source_tokens=max_source_tokens, hypotheses=hypotheses, acceptance=acceptance)
    engines, cache = Engines(handler), Cache(Memory(max_bytes=2**20, ttl_s=3_600), listener=listener)
    async with running(engines, limits) as batcher:
        generator = LocalGenerator("fake", found, "ctranslate2", Tokenizer(found, pieces), batcher)
        yield Stand(generator, engines, batcher, cache, CachedGenerator(generator, BestTexts(), cache, None))


def codes(result: Any) -> list[str]:
    """Return the codes of the notices of ``result``, in order."""
    return [notice.code for notice in result.notices]


def now_s() -> float:
    """Return the time of the running event loop, in seconds."""
    return asyncio.get_running_loop().time()
