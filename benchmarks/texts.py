"""Texts through a running service, and what is said of the outputs."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.server import NO_STORE, Server

TEXTS_A_REQUEST = 32
NGRAM_WORDS = 4
TIME = {"Request-Timeout-Ms": "3600000"}
_WORD = re.compile(r"\w+")


def lines_of(path: Path) -> list[str]:
    """Lines of a UTF-8 file."""
    return path.read_text("utf-8").split("\n")[:-1]


async def translations(server: Server, sources: Sequence[str]) -> list[dict[str, Any]]:
    """What ``/v1/translate`` says of each source, in order; nothing is cached.

    Raises:
        httpx.HTTPError: a request failed.
    """
    found: list[dict[str, Any]] = []
    for start in range(0, len(sources), TEXTS_A_REQUEST):
        body = {"text": list(sources[start : start + TEXTS_A_REQUEST]), "priority": "bulk"}
        found += (await server.post("/v1/translate", body, NO_STORE | TIME))["translations"]
    return found


def one_line(text: str) -> str:
    """The text with single blanks, as test sets have it."""
    return " ".join(text.split())


def words(text: str) -> list[str]:
    """Lower-case words."""
    return [word.lower() for word in _WORD.findall(text)]


def copied_percent(output: str, source: str) -> float:
    """Share of the output's word 4-grams that the source has, in per cent; 100 where there is none."""
    ours, theirs = _ngrams(words(output)), set(_ngrams(words(source)))
    return 100 * sum(ngram in theirs for ngram in ours) / len(ours) if ours else 100.0


def _ngrams(tokens: Sequence[str]) -> list[tuple[str, ...]]:
    return [tuple(tokens[start : start + NGRAM_WORDS]) for start in range(len(tokens) - NGRAM_WORDS + 1)]
