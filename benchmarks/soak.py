"""Watch the memory of a service under a mixed load: ``python -m benchmarks.soak [--minutes 6] [--trace]``.

The load consists of new articles as text and as web pages, repeated articles, long texts, invalid input, purges, and
clients that disconnect. The translation model is the small starter model, and the cache is small, so that it fills
soon. The table gives, for each sixth of the time, the requests, the highest resident memory of the service, the highest
memory of all its processes together, and the size of the memory tier of the cache at the end.

With ``--trace``, the service records the place of each allocation by Python code (``tracemalloc``). It is then about
three times slower and needs about three times as much memory. The program prints the places whose memory grew most from
the end of the second sixth to the end of the load. Both snapshots are taken after memory for requests has been freed.
"""

import argparse
import asyncio
import contextlib
import itertools
import os
import random
import signal
import sys
import tempfile
import time
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from benchmarks import record
from benchmarks.articles import Articles
from benchmarks.server import Server, free_port
from service.cli.main import main as service

PARTS = 6
CLIENTS = 4
LOOK_S = 0.5
PATIENCE_S = 1.0
LONG_SENTENCES = 220
PLACES = 30
CACHE_BYTES = 2 * 2**20
SNAPSHOTS = "SOAK_SNAPSHOTS"
REPEATED = 32
SETTLE_S = 12.0  # longer than the pause between two calls of malloc_trim

Request = tuple[str, Any, float | None]
"""A path, a JSON body, and the seconds after which the client disconnects, or None."""


class Part(NamedTuple):
    """The results for one sixth of the time. All sizes are in MiB. ``resident_mib`` and ``family_mib`` are maxima."""

    requests: int
    statuses: dict[str, int]
    resident_mib: float
    family_mib: float
    cache_mib: float


def requests(seed: int) -> Iterator[Request]:
    """Yield an endless sequence of requests. The same seed produces the same sequence."""
    rng, articles = random.Random(seed), Articles.of(None, seed)
    earlier: list[str] = ["Der Hund schläft."]
    for number in itertools.count():
        (article,) = articles.take(f"{number}", 1, 6, 14)
        kind = rng.random()
        if kind < 0.45:
            earlier = [*earlier[-REPEATED:], article.text]
            yield "/v1/translate", {"text": article.text, "alignment": kind < 0.1}, None
        elif kind < 0.6:
            yield "/v1/articles", {"body": article.text, "headlines": 2}, None
        elif kind < 0.7:
            paragraphs = "".join(f"<p>{one}</p>" for one in article.sentences)
            page = f"<html><body><nav>Start Politik</nav><article><h1>Titel</h1>{paragraphs}</article></body></html>"
            yield "/v1/articles", {"document": page, "outputs": ["summary"], "method": "extractive"}, None
        elif kind < 0.85:
            yield "/v1/translate", {"text": rng.choice(earlier)}, None
        elif kind < 0.87:
            (long,) = articles.take(f"long {number}", 1, LONG_SENTENCES, LONG_SENTENCES)
            yield "/v1/summarize", {"text": long.text, "method": "extractive"}, None
        elif kind < 0.95:
            yield "/v1/translate", {"text": [number] * rng.choice((1, 30_000)), f"unknown{number}": 1}, None
        else:
            yield "/v1/translate", {"text": article.text}, PATIENCE_S * rng.random()


async def _client(http: httpx.AsyncClient, work: Iterator[Request], statuses: Counter[str]) -> None:
    for path, body, leaves_s in work:
        try:
            async with asyncio.timeout(leaves_s):
                answer = await http.post(path, json=body)
            statuses[f"{answer.status_code}"] += 1
        except TimeoutError:
            statuses["left"] += 1


def _mib(pid: int, file: str, field: str) -> float:
    lines = Path(f"/proc/{pid}/{file}").read_text("ascii").splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith(f"{field}:")) / 1_024


def _family(pid: int) -> Iterator[int]:
    yield pid
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in children.read_text("ascii").split():
            yield from _family(int(child))


def _family_mib(pid: int) -> float:
    """Return the memory of a process and its descendants in MiB. A page that they share is counted once."""
    total = 0.0
    for one in _family(pid):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            total += _mib(one, "smaps_rollup", "Pss")
    return total


async def _part(server: Server, statuses: Counter[str], seconds: float) -> Part:
    """Watch a running service for ``seconds``, and return the results for this time."""
    end_s, before = time.monotonic() + seconds, statuses.copy()
    resident = family = 0.0
    while time.monotonic() < end_s:
        resident = max(resident, _mib(server.pid, "status", "VmRSS"))
        family = max(family, _family_mib(server.pid))
        await asyncio.sleep(LOOK_S)
    done = statuses - before
    cache = await server.sample("depesche_cache_memory_bytes") / 2**20
    return Part(done.total(), dict(done), resident, family, cache)


async def soak(minutes: float, *, trace: bool, snapshots: Path) -> list[Part]:
    """Start the service, put it under load for ``minutes``, and return the results for each part of the time.

    If ``trace`` is True, the service writes two snapshots to the folder ``snapshots``.
    """
    port = free_port()
    program = "benchmarks.soak" if trace else "service"
    command = [sys.executable, "-m", program, "serve", "--port", str(port)]
    extra = {
        "DEPESCHE_TRANSLATION_MODEL": "starter-de-en",
        "DEPESCHE_CACHE_BYTES": str(CACHE_BYTES),
        SNAPSHOTS: str(snapshots),
        **({"PYTHONTRACEMALLOC": "1"} if trace else {}),
    }
    found: list[Part] = []
    async with Server(command, port, "/readyz", extra=extra) as server:
        statuses: Counter[str] = Counter()
        work = requests(1)
        for number in range(PARTS):
            clients = [asyncio.create_task(_client(server.http, work, statuses)) for _ in range(CLIENTS)]
            found.append(await _part(server, statuses, 60 * minutes / PARTS))
            print(found[-1], flush=True)
            if trace and number in {1, PARTS - 1}:
                await _stop(clients)
                await asyncio.sleep(SETTLE_S)
                os.kill(server.pid, signal.SIGUSR1)
                await asyncio.to_thread(_wait_for, snapshots / ("1" if number > 1 else "0"))
            await _stop(clients)
    return found


async def _stop(clients: list["asyncio.Task[None]"]) -> None:
    for client in clients:
        client.cancel()
    await asyncio.gather(*clients, return_exceptions=True)


def _wait_for(path: Path) -> None:
    while not path.exists():
        time.sleep(LOOK_S)


def table(parts: list[Part]) -> str:
    """Return the parts as a table in Markdown."""
    lines = [
        "| part | requests | resident memory | all processes | cache |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| {number} | {one.requests:,} | {one.resident_mib:.0f} MiB | {one.family_mib:.0f} MiB "
        f"| {one.cache_mib:.1f} MiB |"
        for number, one in enumerate(parts, 1)
    ]
    return "\n".join(lines)


def growth(snapshots: Path) -> str:
    """Return the places whose memory grew most between the two snapshots in a folder, with the growth in KiB."""
    first, last = (tracemalloc.Snapshot.load(str(snapshots / name)) for name in ("0", "1"))
    found = last.compare_to(first, "lineno")
    total = sum(one.size_diff for one in found)
    lines = [f"allocated by Python: {total / 1_024:,.0f} KiB more, {sum(one.size for one in found) / 1_024:,.0f} KiB"]
    for one in found[:PLACES]:
        frame = one.traceback[0]
        place = "/".join(Path(frame.filename).parts[-3:])
        lines.append(f"{one.size_diff / 1_024:+,.0f} KiB, {one.count_diff:+,} blocks: {place}:{frame.lineno}")
    return "\n".join(lines)


def serve() -> None:
    """Run the service, which writes a snapshot of its memory whenever it receives SIGUSR1.

    The environment variable `SNAPSHOTS` contains the folder for the snapshots.
    """
    folder = Path(os.environ.pop(SNAPSHOTS))

    def write(*_: object) -> None:
        path = folder / f"{len(list(folder.iterdir()))}"
        partial = path.parent.parent / "partial"
        tracemalloc.take_snapshot().dump(str(partial))
        partial.rename(path)

    signal.signal(signal.SIGUSR1, write)
    service()


def main() -> None:
    """Run the soak and print the results."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=6.0)
    parser.add_argument("--trace", action="store_true", help="print where Python code allocated more memory")
    parser.add_argument("--record", action="store_true", help="write the result to benchmarks/results/soak.json")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        snapshots = Path(folder) / "snapshots"
        snapshots.mkdir()
        parts = asyncio.run(soak(given.minutes, trace=given.trace, snapshots=snapshots))
        print(table(parts))
        if given.trace:
            print(growth(snapshots))
    if given.record:
        print(record.write("soak", {"minutes": given.minutes, "parts": [one._asdict() for one in parts]}))


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        serve()
    else:
        main()
