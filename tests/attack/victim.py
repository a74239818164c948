"""The victim of an attack, which measures the duration of its requests, and functions that measure memory."""

import threading
import time
from pathlib import Path
from typing import Self

import httpx

PATIENCE_S = 300.0
PAUSE_S = 0.05


class Victim:
    """A thread that sends short requests and probes, one after the other, until its ``with`` block ends."""

    def __init__(self, url: str, mark: str) -> None:
        self._url = url
        self._mark = mark
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.new_s: list[float] = []
        self.cached_s: list[float] = []
        self.probe_s: list[float] = []
        self.statuses: set[int] = set()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        with httpx.Client(base_url=self._url, timeout=PATIENCE_S) as client:
            number = 0
            while not (self._stopping.is_set() and number >= 5):
                number += 1
                self._timed(self.new_s, client, f"Der Zug {self._mark}{number} fährt heute nicht.")
                self._timed(self.cached_s, client, f"Der Zug {self._mark}1 fährt heute nicht.")
                begun_s = time.perf_counter()
                self.statuses.add(client.get("/livez").status_code)
                self.probe_s.append(time.perf_counter() - begun_s)
                time.sleep(PAUSE_S)

    def _timed(self, times: list[float], client: httpx.Client, text: str) -> None:
        begun_s = time.perf_counter()
        self.statuses.add(client.post("/v1/translate", json={"text": text}).status_code)
        times.append(time.perf_counter() - begun_s)


def p95(times_s: list[float]) -> float:
    """Return the 95th percentile of the durations ``times_s``, in seconds."""
    return sorted(times_s)[int(len(times_s) * 0.95)]


def family(pid: int) -> list[int]:
    """Return the process id ``pid`` and the ids of all processes that descend from it."""
    found, waiting = [], [pid]
    while waiting:
        one = waiting.pop()
        found.append(one)
        for children in Path(f"/proc/{one}/task").glob("*/children"):
            waiting += map(int, children.read_text("ascii").split())
    return found


def memory_bytes(pid: int) -> int:
    """Return the memory of a process and all its descendants, in bytes. A page that they share is counted once."""
    total = 0
    for one in family(pid):
        try:
            lines = Path(f"/proc/{one}/smaps_rollup").read_text("ascii").splitlines()
        except (FileNotFoundError, ProcessLookupError):
            continue
        total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total * 1_024
