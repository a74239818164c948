"""Engine loading: vocabulary checks, the engine of a manifest, and the fastest layout of its cores."""

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
from service.generation.engines.base import Engine, ParallelConfig, compute_type
from service.generation.engines.tokenizers import EOS, Tokenizer
from service.registry.manifest import EngineKind, Manifest


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Piece to id of both sides, mostly the same; outputs are written with ``written`` alone, end-of-sentence apart."""

    source: dict[str, int]
    target: dict[str, int]
    written: frozenset[str]


def read_vocabulary(manifest: Manifest, folder: Path) -> Vocabulary:
    """The vocabulary of the checkpoint in ``folder``.

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
    """The order of the SentencePiece model."""
    import sentencepiece  # noqa: PLC0415 - only where a checkpoint has no vocabulary of its own

    model = sentencepiece.SentencePieceProcessor(model_file=str(folder / manifest.tokens.source))
    return {model.id_to_piece(number): number for number in range(model.get_piece_size())}


def _read(folder: Path, name: str) -> Any:
    try:
        return json.loads((folder / name).read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{name} cannot be read") from error


def load_engine(
    manifest: Manifest,
    folder: Path,
    kind: EngineKind,
    *,
    device: str,
    threads: int,
    replicas: int = 1,
    arithmetic: str = "auto",
) -> Engine:
    """Load ``manifest``'s files in ``folder`` with the engine of that kind, to compute in ``arithmetic``.

    CTranslate2 works in ``replicas`` of ``threads`` threads each; torch has one and makes no more of them.

    Raises:
        ModelError: the model has no files for this engine, they cannot be loaded, or it does not work in that
            arithmetic, on this device.
    """
    files = manifest.engines.get(kind)
    if files is None:
        offered = ", ".join(manifest.engines)
        raise ModelError(f"{manifest.id} cannot run on {kind}; its manifest offers {offered}")
    computed = compute_type(manifest, kind, device, arithmetic)
    if kind == "ctranslate2":
        from service.generation.engines.ctranslate2 import CTranslate2Engine  # noqa: PLC0415 - load only the engine in use

        return CTranslate2Engine(
            folder / files.folder,
            written=Tokenizer(manifest, folder).writable,
            compute_type=computed,
            device=device,
            layout=ParallelConfig(replicas, threads),
        )
    from service.generation.engines.torch import TorchEngine  # noqa: PLC0415 - an optional extra

    return TorchEngine(
        folder / files.folder, read_vocabulary(manifest, folder), dtype=computed, device=device, threads=threads
    )


SOURCES = 16
SHORTEST_TOKENS, LONGEST_TOKENS = 8, 40
OUTPUT_TOKENS = 8
LONE_SOURCES = 2
ROUNDS = 3
ENOUGH_S = 0.05
CLEARLY = 1.25


@dataclass(frozen=True, slots=True)
class Probe:
    """Work of a known size: some sentences of an article at once, and ``LONE_SOURCES`` of them one by one."""

    items: tuple[EngineInput, ...]

    @classmethod
    def of(cls, tokens: Tokens, options: DecodingOptions) -> "Probe":
        """``SOURCES`` sources of mixed length out of ``tokens``, again and again; their outputs' length is forced.

        ``options`` are the model's, so that the probe searches as the service will.
        """
        text = [token for token in tokens if token != EOS]
        forced = replace(options, max_output_tokens=OUTPUT_TOKENS, min_output_tokens=OUTPUT_TOKENS)
        spread = LONGEST_TOKENS - SHORTEST_TOKENS
        lengths = [SHORTEST_TOKENS + spread * n // (SOURCES - 1) for n in range(SOURCES)]
        windows = (islice(cycle(text), n, n + length - 1) for n, length in enumerate(lengths))
        return cls(tuple(EngineInput((*window, EOS), forced) for window in windows))

    def seconds(self, engine: Engine, give_up_s: float = math.inf) -> float:
        """The least time that ``engine`` takes for the probe, of ``ROUNDS`` or of as many as ``ENOUGH_S`` allow.

        The first round is not counted where it was quick: libraries set themselves up in it. An engine whose lone
        sentences alone take longer than ``give_up_s`` is not timed further: threads that wait for each other on a busy
        machine would make the start slow.
        """
        spent_s = self._lone_s(engine)
        if spent_s > give_up_s:
            return spent_s
        spent_s = self._round_s(engine)
        if spent_s > ENOUGH_S * ROUNDS:
            return spent_s
        times_s = [self._round_s(engine)]
        while len(times_s) < ROUNDS and sum(times_s) < ENOUGH_S:
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
class Found:
    """The layout that is kept, and the seconds that each took for the probe."""

    layout: ParallelConfig
    seconds: dict[ParallelConfig, float]


class TunedFactory:
    """Builds one model's engines. The first call times all ``layouts``; later ones keep what it found.

    ``load`` builds an engine in a layout; ``on_found`` hears once what was found, in the thread of the first call.
    """

    def __init__(
        self,
        load: Callable[[ParallelConfig], Engine],
        layouts: Sequence[ParallelConfig],
        probe: Probe,
        on_found: Callable[[Found], None],
    ) -> None:
        self._load = load
        self._layouts = layouts
        self._probe = probe
        self._on_found = on_found
        self._layout: ParallelConfig | None = layouts[0] if len(layouts) == 1 else None

    def __call__(self) -> Engine:
        """A loaded engine; raises what ``load`` and the engine raise."""
        return self._timed() if self._layout is None else self._load(self._layout)

    def _timed(self) -> Engine:
        """The fastest layout's engine. No two are loaded at a time: both may not fit into memory."""
        seconds: dict[ParallelConfig, float] = {}
        for layout in self._layouts:
            engine = self._load(layout)
            seconds[layout] = self._probe.seconds(engine, give_up_s=min(seconds.values(), default=math.inf))
            engine.close()
        self._layout = chosen(seconds)
        self._on_found(Found(self._layout, seconds))
        return self._load(self._layout)


def chosen(seconds: Mapping[ParallelConfig, float]) -> ParallelConfig:
    """The fastest layout; one of fewer replicas has to be ``CLEARLY`` faster than one of more.

    A probe is short and noisy, and under load replicas only gain: they never wait for each other.
    """
    layouts = sorted(seconds, key=lambda layout: -layout.replicas)
    best = layouts[0]
    for layout in layouts[1:]:
        if seconds[layout] * CLEARLY < seconds[best]:
            best = layout
    return best
