"""Hypotheses as the bytes of a cache entry, and back."""

import json
import math
import sys
import zlib
from base64 import b64decode, b64encode

from service.domain import Attention, Hypothesis

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
        rows = json.loads(_inflated(entry, MOST_BYTES).decode(), parse_constant=_refused)
        if not isinstance(rows, list) or not rows:
            raise ValueError("no hypotheses")
        return [_hypothesis(*row) for row in rows]
    except (TypeError, RecursionError) as error:
        raise ValueError("not an entry of hypotheses") from error


def _refused(constant: str) -> float:
    raise ValueError(f"{constant} is no score")


def _inflated(entry: bytes, most_bytes: int) -> bytes:
    inflating = zlib.decompressobj()
    try:
        # 0 would be no limit. The last bytes may hold nothing but the checksum, which is read in a second step.
        whole = inflating.decompress(entry, max(1, most_bytes))
        whole += inflating.decompress(inflating.unconsumed_tail, 1)
    except zlib.error as error:
        raise ValueError("not an entry of hypotheses") from error
    if not inflating.eof or len(whole) > most_bytes:
        raise ValueError("an entry that was cut, or is longer than any of ours")
    return whole


def _hypothesis(tokens: object, score: object, finish_reason: object, attention: object) -> Hypothesis:
    if not isinstance(tokens, list) or not all(isinstance(token, str) and _is_unicode(token) for token in tokens):
        raise ValueError("tokens are no strings")
    if score is not None and not (
        isinstance(score, int | float) and not isinstance(score, bool) and math.isfinite(score)
    ):
        raise ValueError("a score is no number")
    if finish_reason not in {"eos", "length"}:
        raise ValueError(f"unknown finish reason {finish_reason!r}")
    alignment = None if attention is None else _unpacked(attention, len(tokens))
    pieces = tuple(map(sys.intern, tokens))  # hundreds of a sentence's hypotheses, out of a vocabulary of thousands
    return Hypothesis(pieces, score, "eos" if finish_reason == "eos" else "length", alignment)


def _packed(attention: Attention | None) -> tuple[int, str] | None:
    """A sharp attention, mostly zeros, shrinks to a tenth."""
    if attention is None:
        return None
    return attention.columns, b64encode(zlib.compress(attention.levels, FASTEST)).decode()


def _unpacked(attention: object, tokens: int) -> Attention:
    """A row for each of the tokens; what inflates to another size is refused, unread beyond that size."""
    match attention:
        case [int(columns), str(packed)] if not isinstance(columns, bool):
            pass
        case _:
            raise ValueError("an attention is no size and bytes")
    if columns < 0 or (tokens > 0) != (columns > 0) or tokens * columns > MOST_BYTES:
        raise ValueError(f"an attention of {tokens} tokens and {columns} columns")
    levels = _inflated(b64decode(packed, validate=True), tokens * columns)
    if len(levels) != tokens * columns:
        raise ValueError(f"{len(levels)} bytes of attention, not {tokens * columns}")
    return Attention(columns, levels)


def _is_unicode(text: str) -> bool:
    return text.isascii() or not any("\ud800" <= char <= "\udfff" for char in text)
