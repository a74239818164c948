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
    starts = range(0, len(sources), TEXTS_A_REQUEST)
    parts = [await _translated(server, sources[start : start + TEXTS_A_REQUEST]) for start in starts]
    return [one for part in parts for one in part]


async def kept_translations(server: Server, sources: Sequence[str], file: Path) -> list[str]:
    """Return the translation of each of the texts ``sources``, as one line each. The cache is not used.

    Each request appends its translations to ``file``. Texts whose translations are in ``file`` are not translated
    again, so an interrupted run continues where it stopped. The file must come from the same texts and the same model.

    Raises:
        httpx.HTTPError: a request failed. The translations of the earlier requests stay in ``file``.
    """
    while len(made := _appended(file, [])) < len(sources):
        new = await _translated(server, sources[len(made) : len(made) + TEXTS_A_REQUEST])
        _appended(file, [one_line(one["text"]) for one in new])
    return made[: len(sources)]


def _appended(file: Path, lines: Sequence[str]) -> list[str]:
    """Append ``lines`` to ``file``, which is created if necessary, and return all its lines."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a", encoding="utf-8") as added:
        added.writelines(f"{line}\n" for line in lines)
    return lines_of(file)


async def _translated(server: Server, sources: Sequence[str]) -> list[dict[str, Any]]:
    body = {"text": list(sources), "priority": "bulk"}
    answer = await server.post("/v1/translate", body, NO_STORE | TIME)
    return list(answer["translations"])


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
