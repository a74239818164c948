"""A fake causal summary model: the real tokenizer, batcher and prompts, with an engine that follows a script."""

import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from service.cache.memory import Memory
from service.cache.tiers import Cache
from service.domain import EngineInput, FinishReason, Hypothesis, Tokens
from service.generation.engines.tokenizers import Tokenizer
from service.generation.local import LocalGenerator
from service.registry.manifest import Manifest
from service.summarization.headlines import Headliner
from service.summarization.summarizer import Summarizer
from tests.batching.rig import WARM_UP, Engines, running
from tests.tiny_causal import causal_entry
from tests.train.tiny import full_tokenizer

SCORE = -0.2
LIKELY_END = -1.0
FOLLOWS = 4.0


def nothing_written(_task: str, _text: str) -> list[str]:
    return []


@dataclass
class Script:
    """The scripted outputs and scores of the model.

    ``write`` returns the outputs for a task and its text. ``end`` returns the log-probability of the closing
    punctuation after a sentence. ``follows`` returns log P(ja) - log P(nein) for the question of whether a hypothesis
    follows from a premise.
    """

    write: Callable[[str, str], list[str]] = nothing_written
    end: Callable[[str], float] = lambda _: LIKELY_END
    follows: Callable[[str, str], float] = lambda _premise, _hypothesis: FOLLOWS
    reason: FinishReason = "eos"
    asked: list[tuple[str, str]] = field(default_factory=list)
    """The tasks and texts that reached the model, in order."""


class ScriptedEngine:
    """A handler for `FakeEngine` that produces the outputs and scores of a `Script`."""

    def __init__(self, script: Script, manifest: Manifest, tokenizer: Tokenizer) -> None:
        assert manifest.prompts is not None
        self.script = script
        self._names = {piece: name for name, piece in manifest.prompts.marks.items()}
        self._pieces = manifest.prompts.marks
        self._tokenizer = tokenizer

    def __call__(self, items: Sequence[EngineInput]) -> list[list[Hypothesis]]:
        return [
            [Hypothesis(item.tokens[:1], SCORE, "eos")]
            if item == WARM_UP
            else self._written(item)
            if item.target is None
            else [Hypothesis(item.target, self._scored(item.tokens, item.target), "eos")]
            for item in items
        ]

    def _written(self, item: EngineInput) -> list[Hypothesis]:
        task, text = self._names[item.tokens[-1]], self._tokenizer.decode(item.tokens)
        self.script.asked.append((task, text))
        outputs = self.script.write(task, text) or [""]
        return [Hypothesis(self._tokenizer.encode_target(one), SCORE, self.script.reason) for one in outputs]

    def _scored(self, tokens: Tokens, target: Tokens) -> float:
        verdict, entail = self._pieces["verdict"], self._pieces["entail"]
        if verdict not in tokens:
            return self.script.end(self._tokenizer.decode(tokens))
        at = tokens.index(entail)
        premise, hypothesis = self._tokenizer.decode(tokens[:at]), self._tokenizer.decode(tokens[at:])
        return self.script.follows(premise, hypothesis) if self._tokenizer.decode(target) == "ja" else 0.0


@cache
def _tokenizer_file() -> str:
    return json.dumps(full_tokenizer())


@dataclass(frozen=True)
class CausalStand:
    """A running generator for a causal model, with its script and its cache."""

    generator: LocalGenerator
    cache: Cache
    script: Script

    def summarizer(self) -> Summarizer:
        """Create a summarizer with this generator and cache."""
        return Summarizer(self.generator, self.cache, None, scorer=self.generator)

    def headliner(self, max_chars: int = 70) -> Headliner:
        """Create a headline writer with this generator and cache. ``max_chars`` is the maximum length of a headline."""
        return Headliner(self.generator, self.cache, None, scorer=self.generator, max_chars=max_chars)


@asynccontextmanager
async def causal_stand(folder: Path, script: Script, *, max_source_tokens: int = 1_000) -> AsyncIterator[CausalStand]:
    """Start a generator whose engine follows ``script``.

    The tokenizer is written to ``folder``, which must be empty.
    """
    (folder / "tokenizer.json").write_text(_tokenizer_file(), "utf-8")
    entry = causal_entry(folder, "summary", "shorten")
    limits = entry.manifest.tokens.model_copy(update={"max_source_tokens": max_source_tokens})
    manifest = entry.manifest.model_copy(update={"tokens": limits})
    tokenizer = Tokenizer(manifest, folder)
    engines = Engines(ScriptedEngine(script, manifest, tokenizer))
    async with running(engines) as batcher:
        generator = LocalGenerator("fake", manifest, "ctranslate2", tokenizer, batcher)
        yield CausalStand(generator, Cache(Memory(max_bytes=2**20, ttl_s=3_600)), script)
