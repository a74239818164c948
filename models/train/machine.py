"""What this machine trains fastest with: dtype by a probe, threads, and memory that is kept instead of given back."""

import ctypes
import ctypes.util
import time

import torch

M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_MAX, M_ARENA_MAX = -1, -2, -4, -8
KEPT_BYTES = 1 << 28


def probe_dtype(device: torch.device) -> torch.dtype:
    """bfloat16 where this machine multiplies it faster than float32, else float32 (a CPU may only emulate it)."""
    seconds = {}
    for dtype in (torch.float32, torch.bfloat16):
        a, b = torch.ones(1024, 512, dtype=dtype, device=device), torch.ones(512, 512, dtype=dtype, device=device)
        for timed in (False, True):
            start = time.perf_counter()
            for _ in range(4):
                (a @ b).sum().item()
            if timed:
                seconds[dtype] = time.perf_counter() - start
    return min(seconds, key=lambda dtype: seconds[dtype])


def keep_memory() -> bool:
    """Tell glibc to keep freed memory: it else maps and clears every large tensor anew, a third of the time.

    Returns whether this is glibc and it agreed.
    """
    name = ctypes.util.find_library("c")
    mallopt = getattr(ctypes.CDLL(name), "mallopt", None) if name else None
    if mallopt is None:
        return False
    settings = ((M_ARENA_MAX, 1), (M_MMAP_MAX, 0), (M_TRIM_THRESHOLD, 2**31 - 1), (M_TOP_PAD, KEPT_BYTES))
    return all(mallopt(ctypes.c_int(name), ctypes.c_int(value)) == 1 for name, value in settings)
