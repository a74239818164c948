"""What the tests of the pipeline share: a decoder over a real batcher and a fake engine that reads real pieces."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sentencepiece

from service.cache.memory import Memory
from service.cache.tiers import Cache
from service.domain import DecodingOptions, Tokens
from service.generation.batcher import Batcher
from service.generation.decoder import Decoder, Source
from service.generation.engines.fake import FakeEngine, Handler, writing
from service.generation.engines.tokenizers import Tokenizer
from service.generation.model import ServedModel
from service.generation.scheduler import Limits
from service.registry.manifest import Manifest
from tests.batching.rig import Engines, running

SENTENCES = (Path(__file__).parent.parent / "data" / "sentences.txt").read_text("utf-8").splitlines()
PIECES_FILE = "pieces.model"


def train_pieces(folder: Path) -> Path:
    """A tiny SentencePiece model in ``folder``."""
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
    """The manifest of a model that nobody trained."""
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


@dataclass(frozen=True)
class Stand:
    """A decoder and what is under it."""

    decoder: Decoder
    engines: Engines
    batcher: Batcher
    cache: Cache

    @property
    def memory(self) -> Memory:
        return self.cache.memory

    @property
    def engine(self) -> FakeEngine:
        return self.engines.first

    @property
    def tokenizer(self) -> Tokenizer:
        return self.decoder.model.tokenizer

    @property
    def reached(self) -> list[str]:
        """The texts that came to the engine, in order; what only keeps it busy is left out."""
        items = [item for batch in self.engines.batches() for item in batch]
        return [self.tokenizer.decode(item.tokens) for item in items if item.tokens != ("busy",)]

    def source(self, text: str, origin: str | None = None) -> Source:
        """``text`` as the decoder takes it, made from the submitted ``origin`` or from itself."""
        (tag,) = self.decoder.tags([text if origin is None else origin])
        return Source(text, self.tokenizer.encode(text), DecodingOptions(), tag)

    def answer(self, answers: Mapping[str, str], *, other: str | None = None) -> None:
        """From now on the engine writes the answer whose key the source holds, else ``other`` or the source itself."""

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
) -> AsyncIterator[Stand]:
    """A decoder at work over an engine that writes what it reads, or what ``handler`` says."""
    found = manifest(task, max_source_tokens=max_source_tokens, hypotheses=hypotheses, acceptance=acceptance)
    engines, cache = Engines(handler), Cache(Memory(max_bytes=2**20, ttl_s=3_600))
    async with running(engines, limits) as batcher:
        model = ServedModel("fake", found, "ctranslate2", Tokenizer(found, pieces), batcher)
        yield Stand(Decoder(model, cache, None), engines, batcher, cache)


def codes(result: Any) -> list[str]:
    """The codes of a result's notices, in order."""
    return [notice.code for notice in result.notices]


def now_s() -> float:
    """The running loop's time."""
    return asyncio.get_running_loop().time()
