"""Hypotheses as the bytes of a cache entry, and back."""

import json

from service.types import Hypothesis


def encode_hypotheses(hypotheses: list[Hypothesis]) -> bytes:
    """Compact JSON, one array a hypothesis; any change of its shape must raise ``keys.ENTRY_FORMAT``."""
    rows = [(one.tokens, one.score, one.finish_reason, one.alignment) for one in hypotheses]
    return json.dumps(rows, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")


def decode_hypotheses(entry: bytes) -> list[Hypothesis]:
    """What ``encode_hypotheses`` was given.

    Raises:
        ValueError: these bytes are not an entry of this format.
    """
    try:
        rows = json.loads(entry.decode("utf-8", "surrogatepass"))
        return [_hypothesis(*row) for row in rows]
    except TypeError as error:
        raise ValueError("not an entry of hypotheses") from error


def _hypothesis(tokens: list[str], score: float, finish_reason: str, alignment: list[list[float]] | None) -> Hypothesis:
    if finish_reason not in {"eos", "length"}:
        raise ValueError(f"unknown finish reason {finish_reason!r}")
    rows = None if alignment is None else tuple(map(tuple, alignment))
    return Hypothesis(tuple(tokens), score, "eos" if finish_reason == "eos" else "length", rows)
