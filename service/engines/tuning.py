"""Finds the layout in which a model is fastest on this machine, once, by timing a probe; builds its engines."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import cycle, islice

from service.engines.base import Engine
from service.engines.layout import Layout
from service.engines.tokenizer import EOS
from service.types import DecodingOptions, EngineInput, Tokens

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

    layout: Layout
    seconds: dict[Layout, float]


class TunedFactory:
    """Builds one model's engines. The first call times all ``layouts``; later ones keep what it found.

    ``load`` builds an engine in a layout; ``on_found`` hears once what was found, in the thread of the first call.
    """

    def __init__(
        self,
        load: Callable[[Layout], Engine],
        layouts: Sequence[Layout],
        probe: Probe,
        on_found: Callable[[Found], None],
    ) -> None:
        self._load = load
        self._layouts = layouts
        self._probe = probe
        self._on_found = on_found
        self._layout: Layout | None = layouts[0] if len(layouts) == 1 else None

    def __call__(self) -> Engine:
        """A loaded engine; raises what ``load`` and the engine raise."""
        return self._timed() if self._layout is None else self._load(self._layout)

    def _timed(self) -> Engine:
        """The fastest layout's engine. No two are loaded at a time: both may not fit into memory."""
        seconds: dict[Layout, float] = {}
        for layout in self._layouts:
            engine = self._load(layout)
            seconds[layout] = self._probe.seconds(engine, give_up_s=min(seconds.values(), default=math.inf))
            engine.close()
        self._layout = chosen(seconds)
        self._on_found(Found(self._layout, seconds))
        return self._load(self._layout)


def chosen(seconds: Mapping[Layout, float]) -> Layout:
    """The fastest layout; one of fewer replicas has to be ``CLEARLY`` faster than one of more.

    A probe is short and noisy, and under load replicas only gain: they never wait for each other.
    """
    layouts = sorted(seconds, key=lambda layout: -layout.replicas)
    best = layouts[0]
    for layout in layouts[1:]:
        if seconds[layout] * CLEARLY < seconds[best]:
            best = layout
    return best
