"""The victim of an attack: another caller in a separate process, whose requests are measured.

``python -m tests.attack.victim URL`` sends short requests until it is killed, and prints each measurement as a line of
JSON: its kind, its start on the monotonic clock, its duration in seconds, and the status of the response. The kinds are
``new`` (a sentence that the service has not seen), ``cached`` (a sentence that it has seen), ``probe`` (``/livez``),
``pause`` and ``slowdown``. The last two show how much a busy machine delays every program: how much longer than
`PAUSE_S` a pause took, and the ratio of the duration of some work to its processor time.
"""

import contextlib
import hashlib
import http.client
import itertools
import json
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Literal, NamedTuple, Self, get_args
from urllib.parse import urlsplit

PATIENCE_S = 300.0
PAUSE_S = 0.01
STEP_S = 0.01
WORK_BYTES = 16_000_000
WORK_PAUSE_S = 0.2
Kind = Literal["new", "cached", "probe", "pause", "slowdown"]
KINDS: tuple[Kind, ...] = get_args(Kind)


class Measurement(NamedTuple):
    """The duration of a request, and the status of its response or 0. ``begun_s`` is on the monotonic clock.

    For a slowdown, ``seconds`` is a ratio.
    """

    begun_s: float
    seconds: float
    status: int


class Window:
    """A period of time, and the measurements that overlap it. They are complete when the `Victim.window` block ends."""

    def __init__(self, begun_s: float) -> None:
        self.begun_s = begun_s
        self.ended_s = float("inf")
        self.found: dict[Kind, list[Measurement]] = {kind: [] for kind in KINDS}

    def seconds(self, kind: Kind) -> list[float]:
        """Return the durations of one kind."""
        return [one.seconds for one in self.found[kind]]

    @property
    def statuses(self) -> set[int]:
        """The statuses of all responses."""
        return {one.status for kind in KINDS for one in self.found[kind] if one.status}

    def slowest_s(self, kind: Kind, begun_s: float, ended_s: float) -> float:
        """Return the longest duration of one kind among the measurements that overlap a part of the window."""
        return max((one.seconds for one in self.found[kind] if _overlaps(one, begun_s, ended_s)), default=0.0)


def _overlaps(one: Measurement, begun_s: float, ended_s: float) -> bool:
    return one.begun_s <= ended_s and one.begun_s + one.seconds >= begun_s


class Victim:
    """A process that uses the service at ``url`` until the ``with`` block ends."""

    def __init__(self, url: str) -> None:
        self._command = [sys.executable, "-m", "tests.attack.victim", url]
        self._found: dict[Kind, list[Measurement]] = defaultdict(list)

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(self._command, stdout=subprocess.PIPE, text=True)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self._wait(time.monotonic())
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        self._reader.join()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                with contextlib.suppress(ValueError):  # the last line may be incomplete
                    kind, *values = json.loads(line)
                    self._found[kind].append(Measurement(*values))

    def _wait(self, after_s: float) -> None:
        """Wait until there is a complete measurement of each kind that began after ``after_s``."""
        end_s = time.monotonic() + PATIENCE_S
        while any(not self._found[kind] or self._found[kind][-1].begun_s <= after_s for kind in KINDS):
            assert self._process.poll() is None, "the victim ended"
            assert time.monotonic() < end_s, "the victim got no response"
            time.sleep(STEP_S)

    @contextlib.contextmanager
    def window(self) -> Iterator[Window]:
        """Collect the measurements that overlap the ``with`` block."""
        window = Window(time.monotonic())
        yield window
        window.ended_s = time.monotonic()
        self._wait(window.ended_s)
        for kind in KINDS:
            window.found[kind] = [one for one in self._found[kind] if _overlaps(one, window.begun_s, window.ended_s)]


def percentile(times_s: Sequence[float], share: float) -> float:
    """Return the smallest duration, in seconds, that at least ``share`` (0 to 1) of the durations do not exceed."""
    return sorted(times_s)[min(len(times_s) - 1, int(len(times_s) * share))]


def at_a_steady_rate(times_s: Sequence[float], period_s: float) -> list[float]:
    """Return the durations that requests at a steady rate, one every ``period_s`` seconds, would have had.

    A client that waits for each response sends few requests while the service is slow, so its percentiles look better
    than those of many clients ("coordinated omission"). A duration therefore also counts for every request that would
    have been waiting at the same time.
    """
    return [one - late * period_s for one in times_s for late in range(1 + int(one / period_s))]


def family(pid: int) -> list[int]:
    """Return the process id ``pid`` and the ids of all processes that descend from it."""
    found, waiting = [], [pid]
    while waiting:
        one = waiting.pop()
        found.append(one)
        for children in Path(f"/proc/{one}/task").glob("*/children"):
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                waiting += map(int, children.read_text("ascii").split())
    return found


def memory_bytes(pid: int) -> int:
    """Return the memory of a process and all its descendants, in bytes. Shared pages are counted once."""
    total = 0
    for one in family(pid):
        try:
            lines = Path(f"/proc/{one}/smaps_rollup").read_text("ascii").splitlines()
        except (FileNotFoundError, ProcessLookupError):
            continue
        total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total * 1_024


class _Client:
    """A connection to the service, which prints the duration of each of its requests."""

    def __init__(self, url: str) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=PATIENCE_S)

    def send(self, kind: Kind, method: str, path: str, body: object = None) -> None:
        """Send one request, and then pause."""
        content = None if body is None else json.dumps(body)
        begun_s = time.monotonic()
        self._connection.request(method, path, content, {"content-type": "application/json"})
        response = self._connection.getresponse()
        response.read()
        _print(kind, begun_s, time.monotonic() - begun_s, response.status)
        time.sleep(PAUSE_S)


def _print(kind: Kind, begun_s: float, seconds: float, status: int) -> None:
    sys.stdout.write(json.dumps([kind, begun_s, seconds, status]) + "\n")
    sys.stdout.flush()


def _translation(client: _Client, kind: Kind, number: int) -> None:
    client.send(kind, "POST", "/v1/translate", {"text": f"Der Zug {number} fährt heute nicht."})


def _forever(url: str, send: Callable[[_Client, int], None]) -> None:
    client = _Client(url)
    for number in itertools.count():
        send(client, number)


def _work() -> None:
    content = bytes(WORK_BYTES)
    while True:
        begun_s, processor_s = time.monotonic(), time.thread_time()
        hashlib.sha256(content)  # without the interpreter lock
        _print("slowdown", begun_s, (time.monotonic() - begun_s) / (time.thread_time() - processor_s), 0)
        time.sleep(WORK_PAUSE_S)


def main() -> None:
    """Send requests from one thread for each kind, and measure the machine in two more threads."""
    (url,) = sys.argv[1:]
    sends: tuple[Callable[[_Client, int], None], ...] = (
        lambda client, number: _translation(client, "new", number + 1_000),
        lambda client, _: _translation(client, "cached", 0),
        lambda client, _: client.send("probe", "GET", "/livez"),
    )
    for send in sends:
        threading.Thread(target=_forever, args=(url, send), daemon=True).start()
    threading.Thread(target=_work, daemon=True).start()
    while True:
        begun_s = time.monotonic()
        time.sleep(PAUSE_S)
        _print("pause", begun_s, time.monotonic() - begun_s - PAUSE_S, 0)


if __name__ == "__main__":
    main()
