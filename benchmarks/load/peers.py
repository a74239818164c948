"""Which systems there are, by their letters, and how each is made for a set of weights."""

import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Literal

import torch

from benchmarks.load import libretranslate
from benchmarks.load.articles import Article
from benchmarks.load.libretranslate import Installed
from benchmarks.load.search import Search
from benchmarks.load.server import Server, free_port
from benchmarks.load.system import Ceiling, Failed, Http, System, require_text
from benchmarks.load.weights import Weights

OUR_BEAM = 1
WIDE_BEAM = 4
BATCHES = (32, 64)
SMALL_BATCHES = (8, 16, 64)  # for an article alone: its sentences in one batch, or divided among the cores
PROGRAMS = "benchmarks.load"
# bfloat16 that is emulated is slower than float32 by two orders of magnitude: no request would end.
MOST_TIMES_SLOWER = 4.0


def depesche(weights: Weights, beam_size: int = OUR_BEAM) -> Http:
    """The service as ``depesche serve`` starts it."""
    port = free_port()
    extra = {
        "DEPESCHE_PORT": str(port),
        "DEPESCHE_MODELS_DIR": str(weights.models_dir),
        "DEPESCHE_TRANSLATION_MODEL": weights.entry(beam_size).name,
        "DEPESCHE_LOG_LEVEL": "warning",
    }
    return Http(
        name=_named("d", beam_size),
        what=f"Depesche, beam {beam_size}",
        server=Server([sys.executable, "-m", "service", "serve"], port, "/readyz", extra=extra),
        path="/v1/translate",
        body=lambda article: {"text": article.text},
        check=_depesche_answer,
    )


def _depesche_answer(article: Article, answer: Any) -> int:
    (translation,) = answer["translations"]
    if translation["cached"]["sentences"]:
        raise Failed("the cache answered, where nothing was to be cached")
    text: str = translation["text"]
    return require_text(article, [text[slice(*sentence["target"])] for sentence in translation["sentences"]])


def naive(
    weights: Weights,
    unit: Literal["sentence", "article"],
    beam_size: int = OUR_BEAM,
    dtype: Literal["float32", "bfloat16"] = "float32",
) -> Http:
    """FastAPI round transformers' ``generate``."""
    port = free_port()
    search = Search.of(weights.entry(beam_size).manifest, beam_size)
    program = [sys.executable, "-m", f"{PROGRAMS}.naive", str(weights.checkpoint), str(port), search.json()]
    name = _named("a1" if unit == "sentence" else "a2", beam_size) + ("" if dtype == "float32" else f"-{dtype}")
    return Http(
        name=name,
        what=f"FastAPI + transformers, one generate a {unit}, {dtype}, beam {beam_size}",
        server=Server([*program, "--unit", unit, "--dtype", dtype], port, "/health", extra={}),
        path="/translate",
        body=lambda article: {"text": article.text},
        check=lambda article, answer: require_text(article, answer["translations"]),
        warm_up_articles=1,
    )


def ceiling(weights: Weights, beam_size: int = OUR_BEAM, batches: Sequence[int] = BATCHES) -> Ceiling:
    """CTranslate2 without a service round it; it takes the one of ``batches`` (sentences) that is fastest."""
    entry = weights.entry(beam_size)
    search = Search.of(entry.manifest, beam_size)
    program = [sys.executable, "-m", f"{PROGRAMS}.ceiling", str(weights.models_dir), entry.name, search.json()]
    what = f"CTranslate2 raw on sorted batches, beam {beam_size}"
    return Ceiling(_named("c", beam_size), what, [*program, *map(str, batches)])


def _named(letter: str, beam_size: int) -> str:
    return letter if beam_size == OUR_BEAM else f"{letter}-beam{beam_size}"


def measured(letters: Sequence[str], weights: Weights, installed: Installed | None) -> list[System]:
    """The systems that have targets, in the order of their turns."""
    made: dict[str, Callable[[], System]] = {
        "a1": partial(naive, weights, "sentence"),
        "a2": partial(naive, weights, "article"),
        "c": partial(ceiling, weights),
        "d": partial(depesche, weights),
    }
    if installed is not None:
        ours = f"LibreTranslate {libretranslate.VERSION}, ARGOS_BEAM_SIZE={OUR_BEAM}"
        made["b"] = partial(libretranslate.system, installed, "b", ours, OUR_BEAM)
        ships = f"LibreTranslate {libretranslate.VERSION} as it ships"
        made["b-ships"] = partial(libretranslate.system, installed, "b-ships", ships, None)
    return [make() for name, make in sorted(made.items()) if name.partition("-")[0] in letters]


def alone(letters: Sequence[str], weights: Weights) -> list[System]:
    """Depesche and the ceiling for articles one at a time, where both are wanted."""
    return [ceiling(weights, batches=SMALL_BATCHES), depesche(weights)] if {"c", "d"} <= set(letters) else []


def beside(letters: Sequence[str], weights: Weights, notes: list[str]) -> list[System]:
    """The systems that have none: a wider beam, and bfloat16 where the processor has it; else ``notes`` says so."""
    made: dict[str, Callable[[], System]] = {
        "a2": partial(naive, weights, "article", WIDE_BEAM),
        "c": partial(ceiling, weights, WIDE_BEAM, BATCHES[:1]),
        "d": partial(depesche, weights, WIDE_BEAM),
    }
    found = [make() for name, make in made.items() if name in letters]
    if "a2" in letters:
        slower = bfloat16_slowness()
        if slower <= MOST_TIMES_SLOWER:
            found.append(naive(weights, "article", dtype="bfloat16"))
        else:
            notes.append(f"bfloat16 left out: its matrix products take {slower:.0f} times float32's on this processor")
    return found


def bfloat16_slowness() -> float:
    """How many times longer a matrix product takes in bfloat16 than in float32 on this processor."""
    seconds = []
    for dtype in (torch.float32, torch.bfloat16):
        left, right = torch.ones(256, 512, dtype=dtype), torch.ones(512, 2048, dtype=dtype)
        left @ right
        start_s = time.perf_counter()
        for _ in range(5):
            left @ right
        seconds.append(time.perf_counter() - start_s)
    return seconds[1] / seconds[0]
