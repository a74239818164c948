"""Tests that unused heap memory is returned to the system while the process is working, but not while it is idle."""

import ctypes
import threading
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path

import pytest

from service.process import BUSY_S, trim_malloc_periodically, trimmer

PAGE_BYTES = 4_096
PIECES = 6_000


def _resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * PAGE_BYTES


@pytest.mark.skipif(trimmer() is None, reason="this C library has no malloc_trim")
def test_pages_between_what_is_still_used_go_back() -> None:
    libc = ctypes.CDLL(None)
    libc.malloc.restype, libc.malloc.argtypes, libc.free.argtypes = (
        ctypes.c_void_p,
        [ctypes.c_size_t],
        [ctypes.c_void_p],
    )
    pieces = [libc.malloc(2 * PAGE_BYTES) for _ in range(PIECES)]
    for piece in pieces:
        ctypes.memset(piece, 1, 2 * PAGE_BYTES)
    for piece in pieces[:-1]:
        libc.free(piece)  # the last piece, at the end of the heap, keeps the others from being returned without a trim
    before = _resident_bytes()
    trim = trimmer()
    assert trim is not None
    trim()
    libc.free(pieces[-1])
    assert before - _resident_bytes() > PIECES * PAGE_BYTES


def _trims(used_s: Sequence[float]) -> int:
    """Return how often the heap is trimmed after periods with these amounts of processor time, in seconds."""
    trims: list[float] = []
    read = iter([0.0, *(now_s for now_s in accumulate(used_s) for _ in range(2))])
    stopped = threading.Event()
    with pytest.raises(StopIteration):
        trim_malloc_periodically(lambda: trims.append(0.0), stopped, period_s=0.0, clock=lambda: next(read))
    return len(trims)


def test_only_periods_of_work_end_with_a_trim() -> None:
    assert _trims([BUSY_S, 0.0, 2 * BUSY_S, BUSY_S / 2]) == 2


def test_without_malloc_trim_there_is_nothing_to_do() -> None:
    trim_malloc_periodically(None, threading.Event())


def test_trims_end_when_they_are_stopped() -> None:
    trims: list[float] = []
    stopped = threading.Event()
    thread = threading.Thread(target=trim_malloc_periodically, args=(lambda: trims.append(0.0), stopped), daemon=True)
    thread.start()
    stopped.set()
    thread.join(60)
    assert not thread.is_alive()
