"""Translate texts with a running service, and measure how much of a source text is copied to an output."""

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
    """Return the lines of a UTF-8 file that ends with a newline."""
    return path.read_text("utf-8").split("\n")[:-1]


async def translations(server: Server, sources: Sequence[str]) -> list[dict[str, Any]]:
    """Return the results of ``/v1/translate`` in the order of the texts ``sources``. The cache is not used.

    Raises:
        httpx.HTTPError: a request failed.
    """
    found: list[dict[str, Any]] = []
    for start in range(0, len(sources), TEXTS_A_REQUEST):
        body = {"text": list(sources[start : start + TEXTS_A_REQUEST]), "priority": "bulk"}
        found += (await server.post("/v1/translate", body, NO_STORE | TIME))["translations"]
    return found


def one_line(text: str) -> str:
    """Return the text with all white space collapsed to single spaces, as in the test sets."""
    return " ".join(text.split())


def words(text: str) -> list[str]:
    """Return the words of the text in lower case."""
    return [word.lower() for word in _WORD.findall(text)]


def copied_percent(output: str, source: str) -> float:
    """Return the percentage of word 4-grams in the output that also occur in the source.

    The result is 100 if the output has fewer than four words.
    """
    ours, theirs = _ngrams(words(output)), set(_ngrams(words(source)))
    return 100 * sum(ngram in theirs for ngram in ours) / len(ours) if ours else 100.0


def _ngrams(tokens: Sequence[str]) -> list[tuple[str, ...]]:
    return [tuple(tokens[start : start + NGRAM_WORDS]) for start in range(len(tokens) - NGRAM_WORDS + 1)]
