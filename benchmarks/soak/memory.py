"""Memory of the server's process over time, and how much it grew from the first quarter of a run to the last."""

import asyncio
import itertools
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.latency.subject import sample
from benchmarks.load.server import Server

MIB = 2**20
KIB_A_MIB = 1024
LEAST_SAMPLES = 4


@dataclass(frozen=True, slots=True)
class Sample:
    """``at_s`` after the start: resident memory, and what of it the memory tier of the cache holds by its own count."""

    at_s: float
    resident_mib: float
    cached_mib: float


def resident_mib(pid: int) -> float:
    """Resident memory of a process (proc(5): ``VmRSS``)."""
    lines = Path(f"/proc/{pid}/status").read_text("ascii").splitlines()
    (kib,) = (line.split()[1] for line in lines if line.startswith("VmRSS:"))
    return int(kib) / KIB_A_MIB


async def watch(server: Server, pid: int, every_s: float, into: list[Sample]) -> None:
    """A sample every ``every_s``, until cancelled."""
    start_s = time.monotonic()
    while True:
        cached = await sample(server, "depesche_cache_memory_bytes") / MIB
        into.append(Sample(round(time.monotonic() - start_s, 1), round(resident_mib(pid), 1), round(cached, 2)))
        await asyncio.sleep(every_s)


@dataclass(frozen=True, slots=True)
class Growth:
    """Medians of resident memory, in MiB: in each quarter of the run."""

    quarters_mib: tuple[float, ...]
    most_mib: float

    @classmethod
    def of(cls, samples: Sequence[Sample]) -> "Growth":
        """The growth of these samples.

        Raises:
            ValueError: there are fewer than four.
        """
        if len(samples) < LEAST_SAMPLES:
            raise ValueError(f"{len(samples)} samples have no four quarters")
        cuts = [len(samples) * quarter // 4 for quarter in range(5)]
        resident = [one.resident_mib for one in samples]
        parts = (resident[start:end] for start, end in itertools.pairwise(cuts))
        return cls(tuple(round(statistics.median(part), 1) for part in parts), max(resident))

    @property
    def mib(self) -> float:
        """From the first quarter to the last."""
        return round(self.quarters_mib[-1] - self.quarters_mib[0], 1)

    @property
    def percent(self) -> float:
        """The same, of the first quarter."""
        return round(100 * self.mib / self.quarters_mib[0], 2)
