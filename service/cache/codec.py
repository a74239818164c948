"""Hypotheses as the bytes of a cache entry, and back."""

import json
import sys
import zlib
from base64 import b64decode, b64encode

from service.types import Attention, Hypothesis

FASTEST = 1
MOST_BYTES = 2**24
"""Of an inflated entry: others write to a shared store, too, and a few bytes can inflate to gigabytes."""


def encode_hypotheses(hypotheses: list[Hypothesis]) -> bytes:
    """JSON, one array a hypothesis, deflated; any change of its shape must raise ``keys.ENTRY_FORMAT``.

    The hypotheses of a beam are much alike: four of them take no more bytes so than one does as it is.
    """
    rows = [(one.tokens, one.score, one.finish_reason, _packed(one.alignment)) for one in hypotheses]
    whole = json.dumps(rows, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
    return zlib.compress(whole, FASTEST)


def decode_hypotheses(entry: bytes) -> list[Hypothesis]:
    """What ``encode_hypotheses`` was given.

    Raises:
        ValueError: these bytes are not an entry of this format.
    """
    try:
        rows = json.loads(_inflated(entry).decode("utf-8", "surrogatepass"))
        return [_hypothesis(*row) for row in rows]
    except TypeError as error:
        raise ValueError("not an entry of hypotheses") from error


def _inflated(entry: bytes) -> bytes:
    inflating = zlib.decompressobj()
    try:
        whole = inflating.decompress(entry, MOST_BYTES)
    except zlib.error as error:
        raise ValueError("not an entry of hypotheses") from error
    if not inflating.eof:
        raise ValueError("an entry that was cut, or is longer than any of ours")
    return whole


def _hypothesis(
    tokens: list[str], score: float | None, finish_reason: str, attention: tuple[int, str] | None
) -> Hypothesis:
    if finish_reason not in {"eos", "length"}:
        raise ValueError(f"unknown finish reason {finish_reason!r}")
    alignment = None if attention is None else _unpacked(*attention)
    pieces = tuple(map(sys.intern, tokens))  # hundreds of a sentence's hypotheses, out of a vocabulary of thousands
    return Hypothesis(pieces, score, "eos" if finish_reason == "eos" else "length", alignment)


def _packed(attention: Attention | None) -> tuple[int, str] | None:
    """A sharp attention, mostly zeros, shrinks to a tenth."""
    if attention is None:
        return None
    return attention.columns, b64encode(zlib.compress(attention.levels, FASTEST)).decode()


def _unpacked(columns: int, packed: str) -> Attention:
    try:
        return Attention(columns, zlib.decompress(b64decode(packed, validate=True)))
    except zlib.error as error:
        raise ValueError("not an entry of hypotheses") from error
