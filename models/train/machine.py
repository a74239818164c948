"""Settings that speed up training on this machine: the dtype, and how memory is allocated."""

import ctypes
import ctypes.util
import time

import torch

M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_MAX, M_ARENA_MAX = -1, -2, -4, -8
KEPT_BYTES = 1 << 28


def probe_dtype(device: torch.device) -> torch.dtype:
    """Return bfloat16 if ``device`` multiplies matrices faster in bfloat16 than in float32, or else float32.

    The speed is measured, because some CPUs only emulate bfloat16.
    """
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
    """Configure glibc to keep freed memory for reuse. Return whether the C library is glibc and accepted the settings.

    By default, glibc requests new memory from the kernel for each large tensor, and the kernel fills this memory with
    zeros. Filling memory takes a third of the training time.
    """
    name = ctypes.util.find_library("c")
    mallopt = getattr(ctypes.CDLL(name), "mallopt", None) if name else None
    if mallopt is None:
        return False
    settings = ((M_ARENA_MAX, 1), (M_MMAP_MAX, 0), (M_TRIM_THRESHOLD, 2**31 - 1), (M_TOP_PAD, KEPT_BYTES))
    return all(mallopt(ctypes.c_int(name), ctypes.c_int(value)) == 1 for name, value in settings)
