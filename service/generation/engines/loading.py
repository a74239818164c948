"""Functions that read vocabularies, load the engine of a model, and find its fastest parallel configuration."""

import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from service.domain import DecodingOptions, EngineInput, Tokens
from service.errors import ModelError
from service.generation.engines.base import Engine, ParallelConfig, resolve_compute_type
from service.generation.engines.tokenizers import Tokenizer
from service.registry.manifest import EngineKind, Manifest


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The vocabularies of a model. ``source`` and ``target`` map subword pieces to ids, and are usually equal.

    Outputs contain only the pieces in ``written`` and the end-of-sentence token.
    """

    source: dict[str, int]
    target: dict[str, int]
    written: frozenset[str]


def read_vocabulary(manifest: Manifest, folder: Path) -> Vocabulary:
    """Read the vocabulary of the checkpoint in ``folder``.

    Raises:
        ModelError: a file is missing or damaged.
    """
    written = Tokenizer(manifest, folder).writable
    tokens = manifest.tokens
    if manifest.architecture == "fsmt":
        return Vocabulary(_read(folder, tokens.source), _read(folder, tokens.target), written)
    pieces: dict[str, int] = (
        _in_order(manifest, folder) if tokens.vocabulary is None else _read(folder, tokens.vocabulary)
    )
    if tokens.target_vocabulary is not None:
        written &= frozenset(_read(folder, tokens.target_vocabulary))
    return Vocabulary(pieces, pieces, written)


def _in_order(manifest: Manifest, folder: Path) -> dict[str, int]:
    """Return the id of each piece, which is its position in the SentencePiece model."""
    import sentencepiece  # noqa: PLC0415 - needed only for a checkpoint without a vocabulary file

    model = sentencepiece.SentencePieceProcessor(model_file=str(folder / manifest.tokens.source))
    return {model.id_to_piece(number): number for number in range(model.get_piece_size())}


def _read(folder: Path, name: str) -> Any:
    try:
        return json.loads((folder / name).read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"the vocabulary file {name} is missing or is not valid JSON") from error


def load_engine(
    manifest: Manifest,
    folder: Path,
    kind: EngineKind,
    *,
    device: str,
    threads: int,
    replicas: int = 1,
    compute_type: str = "auto",
) -> Engine:
    """Load the model of ``manifest`` from ``folder`` into an engine of the kind ``kind``.

    CTranslate2 runs ``replicas`` replicas with ``threads`` threads each. PyTorch always runs one replica.

    Raises:
        ModelError: the model has no files for this engine, the files cannot be loaded, or the compute type or the
            device is not supported.
    """
    files = manifest.engines.get(kind)
    if files is None:
        offered = ", ".join(manifest.engines)
        raise ModelError(f"{manifest.id} cannot run on {kind}; its manifest lists {offered}")
    computed = resolve_compute_type(manifest, kind, device, compute_type)
    if kind == "ctranslate2":
        from service.generation.engines import ctranslate2  # noqa: PLC0415 - load only the engine in use

        engine = ctranslate2.CausalCTranslate2Engine if manifest.causal else ctranslate2.CTranslate2Engine
        tokenizer = Tokenizer(manifest, folder)
        return engine(
            folder / files.folder,
            written=tokenizer.writable,
            end=tokenizer.end,
            compute_type=computed,
            device=device,
            layout=ParallelConfig(replicas, threads),
        )
    from service.generation.engines.torch import TorchEngine  # noqa: PLC0415 - an optional extra

    if manifest.causal:
        from service.generation.engines.torch_causal import CausalTorchEngine  # noqa: PLC0415

        tokenizer = Tokenizer(manifest, folder)
        return CausalTorchEngine(folder / files.folder, tokenizer, dtype=computed, device=device, threads=threads)
    return TorchEngine(
        folder / files.folder, read_vocabulary(manifest, folder), dtype=computed, device=device, threads=threads
    )


SOURCES = 16
SHORTEST_TOKENS, LONGEST_TOKENS = 8, 40
OUTPUT_TOKENS = 8
LONE_SOURCES = 2
ROUNDS = 3
ENOUGH_TIME_S = 0.05
LEAST_SPEEDUP = 1.25


@dataclass(frozen=True, slots=True)
class Probe:
    """Sample work for measuring the speed of a parallel configuration.

    It consists of one call with all ``items`` and of ``LONE_SOURCES`` calls with one item each.
    """

    items: tuple[EngineInput, ...]

    @classmethod
    def of(cls, framed: tuple[Tokens, Tokens, Tokens], options: DecodingOptions) -> "Probe":
        """Create a probe with ``SOURCES`` sources of different lengths, which repeat a text.

        ``framed`` contains the tokens before the text, those of the text and those after it (see `Tokenizer.framed`).
        ``options`` are the model's decoding options. All outputs are forced to the same length.
        """
        before, text, after = framed
        forced = replace(options, max_output_tokens=OUTPUT_TOKENS, min_output_tokens=OUTPUT_TOKENS)
        spread = LONGEST_TOKENS - SHORTEST_TOKENS
        lengths = [SHORTEST_TOKENS + spread * n // (SOURCES - 1) for n in range(SOURCES)]
        windows = (islice(cycle(text), n, n + length - 1) for n, length in enumerate(lengths))
        return cls(tuple(EngineInput((*before, *window, *after), forced) for window in windows))

    def seconds(self, engine: Engine, give_up_s: float = math.inf) -> float:
        """Return the shortest time, in seconds, that ``engine`` needs for the probe.

        The probe is run once to initialise the libraries, and then up to ``ROUNDS`` times, until these runs have taken
        ``ENOUGH_TIME_S`` seconds in total. If the first run takes longer than ``ROUNDS`` times ``ENOUGH_TIME_S``, its
        time is returned without further runs.

        The calls with a single item are measured first. If they take longer than ``give_up_s`` seconds, their time is
        returned immediately, because further measurements of a slow configuration would delay the start of the service.
        """
        spent_s = self._lone_s(engine)
        if spent_s > give_up_s:
            return spent_s
        spent_s = self._round_s(engine)
        if spent_s > ENOUGH_TIME_S * ROUNDS:
            return spent_s
        times_s = [self._round_s(engine)]
        while len(times_s) < ROUNDS and sum(times_s) < ENOUGH_TIME_S:
            times_s.append(self._round_s(engine))
        return min(times_s)

    def _round_s(self, engine: Engine) -> float:
        started_s = time.perf_counter()
        engine.generate(self.items)
        return time.perf_counter() - started_s + self._lone_s(engine)

    def _lone_s(self, engine: Engine) -> float:
        started_s = time.perf_counter()
        for item in self.items[:: SOURCES // LONE_SOURCES]:
            engine.generate([item])
        return time.perf_counter() - started_s


@dataclass(frozen=True, slots=True)
class TunedConfig:
    """The result of a measurement of several configurations.

    ``layout`` is the chosen configuration (see `fastest`), and ``seconds`` contains the measured time of each
    configuration. If the measurement of a configuration was stopped early, this time covers only a part of the probe.
    """

    layout: ParallelConfig
    seconds: dict[ParallelConfig, float]


class TunedFactory:
    """A factory for the engines of one model, which uses the configuration that `fastest` chooses.

    If there are several ``layouts``, the first call measures the speed of each configuration and then calls
    ``on_tuned`` with the result, in the caller's thread. Later calls use the chosen configuration. If there is only one
    configuration, nothing is measured. ``load`` builds an engine with the configuration that is passed to it.
    """

    def __init__(
        self,
        load: Callable[[ParallelConfig], Engine],
        layouts: Sequence[ParallelConfig],
        probe: Probe,
        on_tuned: Callable[[TunedConfig], None],
    ) -> None:
        self._load = load
        self._layouts = layouts
        self._probe = probe
        self._on_found = on_tuned
        self._layout: ParallelConfig | None = layouts[0] if len(layouts) == 1 else None

    def __call__(self) -> Engine:
        """Build an engine.

        Raises:
            ModelError: ``load`` cannot load the model.
            EngineError: an engine failed during the measurement.
        """
        return self._timed() if self._layout is None else self._load(self._layout)

    def _timed(self) -> Engine:
        """Measure all configurations, and return an engine with the one that `fastest` chooses.

        The configurations are measured one after another, because two engines may not fit into memory.
        """
        seconds: dict[ParallelConfig, float] = {}
        for layout in self._layouts:
            engine = self._load(layout)
            seconds[layout] = self._probe.seconds(engine, give_up_s=min(seconds.values(), default=math.inf))
            engine.close()
        self._layout = fastest(seconds)
        self._on_found(TunedConfig(self._layout, seconds))
        return self._load(self._layout)


def fastest(seconds: Mapping[ParallelConfig, float]) -> ParallelConfig:
    """Return the fastest configuration. ``seconds`` contains the measured time of each configuration.

    A configuration with fewer replicas is chosen only if it is faster by more than the factor ``LEAST_SPEEDUP``. The
    measurement is short and noisy, and replicas have an advantage under load, because they do not wait for each other.
    """
    layouts = sorted(seconds, key=lambda layout: -layout.replicas)
    best = layouts[0]
    for layout in layouts[1:]:
        if seconds[layout] * LEAST_SPEEDUP < seconds[best]:
            best = layout
    return best
