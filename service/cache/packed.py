"""A value as the shared tier keeps it: compressed, with the time when it ends."""

import zlib
from typing import NamedTuple

ENDING = b"e"  # the first byte of a value: how the rest is written
SEALED = b"s"  # the first byte of one that is sealed
END_BYTES = 8
FASTEST = 1
MOST_ENTRY_BYTES = 1 << 20


class Found(NamedTuple):
    """An entry, and for how long it may still be used."""

    value: bytes
    left_s: float


def pack(value: bytes, ends_ms: int) -> bytes:
    """``value`` as Redis keeps it: a byte that names the format, when it ends (Unix time), zlib's bytes."""
    return ENDING + ends_ms.to_bytes(END_BYTES, "big") + zlib.compress(value, FASTEST)


def unpack(stored: object, now_ms: int) -> Found | None:
    """What ``pack`` was given; None for all else: no value, another format, damaged, over ``MOST_ENTRY_BYTES``."""
    if not isinstance(stored, bytes) or not stored.startswith(ENDING):
        return None
    unzip = zlib.decompressobj()
    try:
        value = unzip.decompress(stored[len(ENDING) + END_BYTES :], MOST_ENTRY_BYTES + 1)
    except zlib.error:
        return None
    if not unzip.eof or len(value) > MOST_ENTRY_BYTES:
        return None
    ends_ms = int.from_bytes(stored[len(ENDING) :][:END_BYTES], "big")
    return Found(value, max(0, ends_ms - now_ms) / 1000)
