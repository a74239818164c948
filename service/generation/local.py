"""Generators whose models run in this process. Each has a tokenizer, a batcher and an engine."""

import asyncio
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from service.domain import DecodingOptions, EngineInput, Hypothesis, Tokens
from service.events import LayoutFound, Listener
from service.generation.base import (
    FreeWords,
    GenerationOptions,
    GivenOutput,
    Health,
    Host,
    PieceAttention,
    Source,
    TextFuture,
    TextHypothesis,
)
from service.generation.batcher import Batcher
from service.generation.call import Priority
from service.generation.engines.base import (
    PROMPT_STEP_TOKENS,
    Engine,
    ParallelConfig,
    layouts,
    padded_length,
    resolve_compute_type,
)
from service.generation.engines.loading import Probe, TunedConfig, TunedFactory, load_engine
from service.generation.engines.tokenizers import EOS, Tokenizer
from service.generation.scheduler import Limits
from service.languages.base import language
from service.registry.catalog import Entry
from service.registry.joining import ready
from service.registry.manifest import EngineKind, Manifest, Prompts

SMALL_BYTES = 2**25
SENTENCES_OF_SMALL, SENTENCES = 32, 64
FIRST_SENTENCES = 8
"""Maximum number of sentences in a call to an idle causal model. Such a call takes one or two seconds."""
SCORED = DecodingOptions()
CHARS_A_TOKEN = 16
"""A text with more than this many characters per token of the limit counts as too long without being encoded."""


@dataclass(frozen=True, slots=True)
class EngineChoice:
    """The engine for a model, with its configuration.

    ``kind`` is the kind of engine, and ``device`` is "cpu" or "cuda". ``threads`` is the number of CPU cores to use.
    ``replicas`` is the number of engine calls that CTranslate2 runs in parallel on a CPU. If it is 0, the service
    measures several configurations at startup and uses the fastest one. Any other engine or device has one replica.
    `service.generation.engines.base` describes the values of ``compute_type``.
    """

    kind: EngineKind
    device: str
    threads: int
    replicas: int = 0
    compute_type: str = "auto"

    def layouts(self) -> tuple[ParallelConfig, ...]:
        """Return the candidate configurations.

        If there are several, the caller measures them and uses the fastest one.
        """
        divisible = self.kind == "ctranslate2" and self.device == "cpu"
        return layouts(self.threads, self.replicas) if divisible else (ParallelConfig(1, self.threads),)


@dataclass(frozen=True, slots=True)
class TokenLimit:
    """An `InputLimit` that counts tokens with the model's tokenizer."""

    max_source_tokens: int
    tokenizer: Tokenizer

    def fits(self, text: str) -> bool:
        """Return whether ``text`` has at most ``max_source_tokens`` tokens.

        The result is also False if ``text`` has more than `CHARS_A_TOKEN` characters per token of the limit.
        """
        limit = self.max_source_tokens
        if self.tokenizer.most_tokens(text) <= limit:
            return True
        return len(text) <= limit * CHARS_A_TOKEN and len(self.tokenizer.encode(text)) <= limit


@dataclass(frozen=True)
class LocalGenerator:
    """A `TextGenerator` whose model runs in this process.

    The fields do not change after the generator is created. The queue and the state of the engine are in ``batcher``.
    """

    name: str
    manifest: Manifest
    engine: EngineKind
    tokenizer: Tokenizer
    batcher: Batcher
    compute_type: str = ""
    _free: dict[FreeWords, frozenset[str]] = field(default_factory=dict, init=False, repr=False, compare=False)
    _options: dict[tuple[int, bool], DecodingOptions] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def sharing(self, entry: Entry) -> "LocalGenerator":
        """Return a generator for ``entry``, a model that has the same weights as this one but another manifest.

        The returned generator uses the engine and the queue of this generator.

        Raises:
            ModelError: see `ready` and `Tokenizer`.
        """
        tokenizer = Tokenizer(entry.manifest, ready(entry, self.engine).folder)
        return replace(self, name=entry.name, manifest=entry.manifest, tokenizer=tokenizer)

    @property
    def host(self) -> Host:
        """The string "process", because the model runs in this process."""
        return "process"

    @property
    def version(self) -> str:
        """The revision of the weights, the engine, the compute type and the device, as one string.

        Models with different versions may return different outputs for the same text.
        """
        return f"{self.manifest.revision}/{self.engine}/{self.compute_type}"

    @property
    def search(self) -> str:
        """The options from the manifest that affect the search for outputs, as one string.

        A new manifest can change these options even if the weights stay the same.
        """
        manifest = self.manifest
        options = [f"{name}={value}" for name, value in manifest.decoding]
        options += [f"thorough.{name}={value}" for name, value in manifest.thorough or ()]
        if manifest.prompts is not None:
            options.append(f"hints={manifest.prompts.hints} pad={manifest.prompts.pad}")
        return " ".join(options)

    @cached_property
    def fingerprint(self) -> str:
        """The ``version`` and the ``search`` of the model as one string. The keys of cached results contain it."""
        return f"{self.version} {self.search}"

    @property
    def identity(self) -> str:
        """A string that changes whenever the same text may get a different output (see `TextGenerator.identity`)."""
        return f"{self.manifest.id} {self.version} {self.search} {self.manifest.tokens!r}"

    @property
    def health(self) -> Health:
        """The state of the batcher and its engine: "loading", "ready", "hung" or "dead".

        It is also "loading" while the batcher is draining.
        """
        state = self.batcher.state
        if state.dead:
            return "dead"
        if state.hung:
            return "hung"
        return "ready" if state.ready else "loading"

    async def start(self) -> None:
        """Load and warm up the model.

        Raises:
            ModelError: the model's files cannot be loaded.
            EngineError: the engine cannot be built or fails its warm-up.
        """
        await self.batcher.start()

    async def close(self, drain_s: float) -> None:
        """Refuse new requests, wait up to ``drain_s`` seconds for admitted work, and close the engine.

        The futures of work that is not finished by then raise `Draining`.
        """
        await self.batcher.drain(drain_s)

    @cached_property
    def limit(self) -> TokenLimit:
        """The maximum length of one input of the model."""
        return TokenLimit(self.manifest.tokens.max_source_tokens, self.tokenizer)

    def fits(self, text: str) -> bool:
        """Return whether the normalised ``text`` fits into one input of the model."""
        return self.limit.fits(text)

    def prepare(self, source: Source) -> Source:
        """Return ``source`` with its tokens and decoding options (see `TextGenerator.prepare`)."""
        return replace(source, prepared=self._item(source))

    def generate(
        self,
        sources: Sequence[Source],
        *,
        priority: Priority = "interactive",
        deadline_s: float | None = None,
        admitted: bool = False,
    ) -> list[TextFuture]:
        """Queue all ``sources`` or none of them, and return one future for each (see `TextGenerator.generate`)."""
        items = [self._item(source) if source.prepared is None else source.prepared for source in sources]
        return self.batcher.submit_many(
            items, priority=priority, deadline_s=deadline_s, convert=self._texts, admitted=admitted
        )

    def _item(self, source: Source) -> EngineInput:
        tokens, asked = self.tokenizer.encode(source.text), source.options
        own = self._decoding_options(len(tokens), asked)
        if asked.hypotheses:
            own = replace(own, hypotheses=asked.hypotheses, beam_size=max(own.beam_size, asked.hypotheses))
        texts = [source.text] if isinstance(source.text, str) else source.text
        options = replace(
            own,
            allowed=self._allowed(" ".join(text for text in texts if isinstance(text, str)), asked),
            alignment=asked.attention and not self.manifest.causal,  # causal models give no attention to a source
            min_output_tokens=asked.min_output_tokens,
            # Beam search computes scores anyway. Greedy search is faster without them.
            scored=asked.scored or own.beam_size > 1,
        )
        return EngineInput(padded(tokens, self.manifest.prompts), options)

    def _decoding_options(self, source_tokens: int, asked: GenerationOptions) -> DecodingOptions:
        """Return the decoding options of the manifest for a source of ``source_tokens`` tokens.

        Computing the options takes 30 µs, so they are stored for each length.
        """
        key = (source_tokens, asked.thorough)
        if key not in self._options:
            self._options[key] = self.manifest.decoding_options(source_tokens, thorough=asked.thorough)
        return self._options[key]

    def _allowed(self, text: str, options: GenerationOptions) -> frozenset[str] | None:
        """Return the tokenizer's pieces that an output for ``text`` may contain, or None if all pieces are allowed.

        The words and marks in ``options.source_only`` are allowed even if ``text`` does not contain them. A word that
        consists of several pieces is an exception, because its pieces could form words that are not in ``text``.
        """
        free = options.source_only
        if free is None:
            return None
        pieces = self.tokenizer.pieces
        if free not in self._free:
            single = (found for word in free.words if len(found := pieces(word)) == 1)
            self._free[free] = pieces(free.marks).union(*single)
        return pieces(text) | self._free[free]

    def _texts(self, item: EngineInput, hypotheses: list[Hypothesis]) -> list[TextHypothesis]:
        return [self._text(item.tokens, one) for one in hypotheses]

    def _text(self, source: Tokens, one: Hypothesis) -> TextHypothesis:
        attention = None
        if one.alignment is not None:
            attention = PieceAttention(tuple(piece for piece in source if piece != EOS), one.tokens, one.alignment)
        return TextHypothesis(self.tokenizer.decode(one.tokens), one.score, one.finish_reason, attention)

    async def force(self, pairs: Sequence[tuple[str, str]]) -> list[PieceAttention]:
        """Return the model's attention for existing outputs, using forced decoding.

        Each pair consists of a source and its output. Each of these texts must fit into one input of the model (see
        `fits`). The pairs belong to a request that was already admitted, so the limits of the queue do not apply to
        them.

        Raises:
            NotReady, Draining, EngineError: see `TextGenerator.generate`.
        """
        options = DecodingOptions(alignment=True, target_prefix=self.manifest.tokens.target_prefix, scored=False)
        encoded = [(self.tokenizer.encode(source), self.tokenizer.encode_target(output)) for source, output in pairs]
        answers = self.batcher.submit_many(
            [EngineInput(source, options, target) for source, target in encoded], admitted=True
        )
        try:
            found = await asyncio.gather(*answers)
        finally:
            for answer in answers:
                answer.cancel()
        texts = [self._text(source, outputs[0]) for (source, _), outputs in zip(encoded, found, strict=True)]
        return [text.attention for text in texts if text.attention is not None]

    async def log_probs(self, outputs: Sequence[GivenOutput]) -> list[float]:
        """Return the log-probability of each output (see `Scorer.log_probs`).

        The mean of an encoder-decoder model always includes the end of the output, even if ``ended`` is False. Its
        total is this mean times the number of tokens without the end.
        """
        causal, tokens = self.manifest.causal, self.manifest.tokens
        end = (self.tokenizer.end,) if causal else ()
        items = [
            EngineInput(
                self.tokenizer.encode(one.source),
                replace(SCORED, target_prefix=tokens.target_prefix),
                self.tokenizer.encode_target(one.output) + (end if one.ended else ()),
            )
            for one in outputs
        ]
        longest = (tokens.max_source_tokens, tokens.max_output_tokens)

        def fits(item: EngineInput) -> bool:
            lengths = (len(item.tokens), len(item.target or ()))
            return sum(lengths) <= sum(longest) if causal else lengths[0] <= longest[0] and lengths[1] < longest[1]

        short = [n for n, item in enumerate(items) if fits(item)]
        answers = self.batcher.submit_many([items[n] for n in short], admitted=True)
        try:
            found = dict(zip(short, await asyncio.gather(*answers), strict=True))
        finally:
            for answer in answers:
                answer.cancel()
        ends = 0 if causal else 1  # the score of an encoder-decoder model includes the end token
        return [
            (found[n][0].score or 0.0) * (len(items[n].target or ()) + ends if one.total else 1)
            if n in found
            else -math.inf
            for n, one in enumerate(outputs)
        ]


def padded(prompt: Tokens, prompts: Prompts | None) -> Tokens:
    """Return ``prompt`` with the padding that ``prompts`` specifies before it, or unchanged if there is no padding.

    The padded length is a multiple of `PROMPT_STEP_TOKENS`. The engine reads prompts of equal length in one step, and
    the output for a prompt then does not depend on the other prompts of the call.
    """
    if prompts is None or not prompts.pad:
        return prompt
    return (prompts.pad,) * (padded_length(len(prompt), PROMPT_STEP_TOKENS) - len(prompt)) + prompt


async def load_generator(
    entry: Entry, choice: EngineChoice, limits: Limits, listener: Listener, on_dead: Callable[[], None]
) -> LocalGenerator:
    """Verify the files of a model, and create its generator. `LocalGenerator.start` loads the model later.

    If the weights are stored in parts, the parts are joined first (see `ready`). If ``limits.batch_items`` is 0,
    `call_sentences` determines the maximum number of items in a batch. For a causal model, `FIRST_SENTENCES` replaces
    ``limits.first_items``. The generator calls ``on_dead`` if its engine fails permanently.

    Raises:
        ModelError: see `ready` and `Tokenizer`; or the engine or the model does not support the compute type.
    """
    made = await asyncio.to_thread(ready, entry, choice.kind)
    tokenizer = await asyncio.to_thread(Tokenizer, entry.manifest, made.folder)
    factory = _factory(entry, choice, tokenizer, listener)
    tokens = tokenizer.encode(language(entry.manifest.source_lang).warm_up)
    warm_up = EngineInput(tokens, entry.manifest.decoding_options(len(tokens)))
    compute_type = (
        f"{resolve_compute_type(entry.manifest, choice.kind, choice.device, choice.compute_type)}/{choice.device}"
    )
    if not limits.batch_items:
        limits = replace(limits, batch_items=call_sentences(made, choice.kind))
    if entry.manifest.causal:
        limits = replace(limits, first_items=FIRST_SENTENCES)
    batcher = Batcher(entry.name, factory, warm_up, limits=limits, listener=listener, on_dead=on_dead)
    return LocalGenerator(entry.name, entry.manifest, choice.kind, tokenizer, batcher, compute_type)


def call_sentences(entry: Entry, kind: EngineKind) -> int:
    """Return the number of sentences per engine call at which a model is fastest: 32 for a small model, otherwise 64.

    Each decoding step reads the weights once for all sentences of the call. A large model spends most of its time on
    these reads, so large calls are efficient. The weights of a small model stay in the CPU cache, and large calls would
    evict them. docs/adr/0006 has the measurements.
    """
    folder = entry.folder / entry.manifest.engines[kind].folder
    size = sum(path.stat().st_size for path in folder.iterdir() if path.is_file())
    return SENTENCES_OF_SMALL if size <= SMALL_BYTES else SENTENCES


def _factory(entry: Entry, choice: EngineChoice, tokenizer: Tokenizer, listener: Listener) -> TunedFactory:
    """Create the engine factory of a model.

    If ``choice`` has several configurations, the first call of the factory measures which of them is fastest.
    """
    loop, manifest = asyncio.get_running_loop(), entry.manifest

    def load(layout: ParallelConfig) -> Engine:
        made = ready(entry, choice.kind)  # before each rebuild, because the files may have been replaced
        return load_engine(
            manifest,
            made.folder,
            choice.kind,
            device=choice.device,
            threads=layout.threads,
            replicas=layout.replicas,
            compute_type=choice.compute_type,
        )

    def tell(found: TunedConfig) -> None:
        layout, seconds = found.layout, found.seconds
        event = LayoutFound(entry.name, layout.replicas, layout.threads, seconds[layout], max(seconds.values()))
        loop.call_soon_threadsafe(listener, event)

    tokens = tokenizer.encode(language(manifest.source_lang).probe)
    probe = Probe.of(tokenizer.framed(tokens), manifest.decoding_options(len(tokens)))
    return TunedFactory(load, choice.layouts(), probe, tell)
