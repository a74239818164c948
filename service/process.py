"""Process-wide functions that count usable cores, tune garbage collection, and return freed memory to the system."""

import ctypes
import gc
import math
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import cast

CGROUPS = Path("/sys/fs/cgroup")
MEMBERSHIP = Path("/proc/self/cgroup")


def available_cores() -> int:
    """Return the number of cores that this process may use: its CPU affinity or, if it is lower, its CPU quota.

    The quota is rounded up. The result is at least 1.
    """
    pinned = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    granted = granted_cores()
    return pinned if granted is None else max(1, min(pinned, math.ceil(granted)))


def granted_cores(cgroups: Path = CGROUPS, membership: Path = MEMBERSHIP) -> float | None:
    """Return the smallest CPU quota, in cores, of this process's control groups and their ancestors.

    The result is None if there is no quota, or if none can be read. The quota is read from ``cpu.max`` in version 2 of
    cgroups, and from ``cpu.cfs_quota_us`` and ``cpu.cfs_period_us`` in version 1 (Linux kernel,
    Documentation/admin-guide/cgroup-v2.rst and scheduler/sched-bwc.rst).
    """
    folders = {folder for path in _groups(membership) for mount in _mounts(cgroups) for folder in _upward(mount, path)}
    quotas = [quota for folder in folders if (quota := _quota(folder)) is not None]
    return min(quotas, default=None)


def _groups(membership: Path) -> list[str]:
    """Return the paths of this process's control groups, and "/".

    Inside a container, the root of the mounted hierarchy is usually the process's own group.
    """
    return ["/", *(line.split(":", 2)[2] for line in _lines(membership) if line.count(":") > 1)]


def _mounts(cgroups: Path) -> tuple[Path, ...]:
    return (cgroups, cgroups / "cpu", cgroups / "cpu,cpuacct", cgroups / "unified")


def _upward(mount: Path, path: str) -> list[Path]:
    """Return the folders of the control group at ``path`` and of all its ancestors, starting with ``mount``."""
    steps = [step for step in path.split("/") if step not in {"", ".."}]
    return [mount.joinpath(*steps[:depth]) for depth in range(len(steps) + 1)]


def _quota(folder: Path) -> float | None:
    """Return the CPU quota, in cores, of the control group in ``folder``, or None if it has no quota."""
    values = " ".join(_lines(folder / "cpu.max")).split()
    if not values:
        values = [*_lines(folder / "cpu.cfs_quota_us"), *_lines(folder / "cpu.cfs_period_us")]
    try:
        quota_us, period_us = map(int, values)
    except ValueError:  # the value is "max" (no limit), or a file is missing
        return None
    return quota_us / period_us if quota_us > 0 and period_us > 0 else None


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text("ascii").splitlines()
    except OSError:
        return []


def freeze_gc_heap() -> None:
    """Collect garbage, and freeze all remaining objects, so that later garbage collections skip them.

    Otherwise, each full collection pauses the process for about 30 ms.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()


GC_THRESHOLDS = (10_000, 20, 10)
"""The thresholds of the three generations.

They are a number of objects (allocations minus deallocations), of collections of generation 0, and of collections of
generation 1.
"""


def collect_garbage_less_often() -> None:
    """Raise the thresholds of the garbage collector to `GC_THRESHOLDS`.

    A result for a long text consists of up to a million objects. With the default thresholds, the collector examines
    these objects many times while they are created, and each full collection stops the process for up to 150 ms.
    The function that `trimmer` returns collects garbage as well.
    """
    gc.set_threshold(*GC_THRESHOLDS)


PERIOD_S = 10.0
BUSY_S = 0.1
"""A period with at least this much processor time, in seconds, ends with a trim.

After a period with less processor time, there is almost no memory to return.
"""


def trimmer() -> Callable[[], object] | None:
    """Return a function that releases unused memory to the system, or None if the C library does not provide one.

    The function collects garbage and calls ``malloc_trim``, which musl lacks. A call takes a few milliseconds. Other
    threads that allocate memory have to wait until the call returns.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    return None if trim is None else lambda: (gc.collect(), cast("object", trim(0)))


def trim_malloc_periodically(
    trim: Callable[[], object] | None,
    stopped: threading.Event,
    *,
    period_s: float = PERIOD_S,
    clock: Callable[[], float] = time.process_time,
) -> None:
    """Call ``trim`` after each period in which the process used at least `BUSY_S` seconds of processor time.

    Run this function in a separate thread. It returns when ``stopped`` is set or, if ``trim`` is None, immediately.
    ``clock`` returns the processor time of the process in seconds. Without trims, glibc returns memory to the system
    only from the end of a heap, and retains free memory between blocks in use. For measurements, see docs/adr/0018.
    """
    if trim is None:
        return
    before_s = clock()
    while not stopped.wait(period_s):
        if clock() - before_s >= BUSY_S:
            trim()
        before_s = clock()
