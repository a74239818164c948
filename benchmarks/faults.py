"""Repeat known attacks on a running service, and print the cost of each one: ``python -m benchmarks.faults``.

Each attack is repeated for ``--seconds``. While it runs, probes are sent to ``/livez``. The table gives the number of
repetitions, the status and the size of the last answer, the longest time until an answer arrived, the 99th percentile
and the maximum of the probes, and the peak of the resident memory of the process. The starter models and the default
limits are used, with a key file, a Request-Timeout-Ms of 20 s, and a limit of 250,000 characters. docs/security.md
compares the results with those of the version before the attacks were known.
"""

import argparse
import asyncio
import hashlib
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from benchmarks import record
from benchmarks.server import Server, free_port

KEY = "key-of-the-attacker-" + "x" * 32
SCOPES = "translate"
LIMIT_S = 300.0
TIMEOUT_MS = "20000"
PROBE_PAUSE_S = 0.02
JSON, FORM = "application/json", "application/x-www-form-urlencoded"


class Attack(NamedTuple):
    """A request that once slowed or broke the service. ``keyed`` is False if it is sent without an API key."""

    name: str
    path: str
    body: Callable[[], bytes]
    media_type: str = JSON
    keyed: bool = True


def _json(name: str, path: str, value: Callable[[], Any]) -> Attack:
    return Attack(name, path, lambda: json.dumps(value()).encode())


ATTACKS = (
    _json(
        "10,000 glossary terms with the same first word",
        "/v1/translate",
        lambda: {"text": "Aaa " * 4_975, "glossary": {f"Aaa x{number}": "b" for number in range(10_000)}},
    ),
    Attack("a list of 1.3 million numbers", "/v1/translate", lambda: b'{"text":[' + b"1, " * 1_380_000 + b"1]}"),
    _json("a line break at the end of the path", "/v1/articles%0A", lambda: {"body": "Hund"}),
    Attack("a form of 4 MiB without a key", "/translate", lambda: b"q=" + b"%" * (4 * 2**20 - 2), FORM, keyed=False),
    Attack("a form of 1 MiB without a key", "/translate", lambda: b"q=" + b"%" * (2**20 - 2), FORM, keyed=False),
    _json(
        "150,000 attributes in one tag",
        "/translate",
        lambda: {
            "q": f"<p {' '.join(f'a{number:x}' for number in range(150_000))}>Hund</p>"[:249_000],
            "source": "de",
            "target": "en",
            "format": "html",
        },
    ),
    _json("250,000 sentences", "/v1/translate", lambda: {"text": ["Ja. " * 62_500] * 4, "alignment": True}),
    _json("10,000 sentences", "/v1/translate", lambda: {"text": "Ja. " * 9_999, "alignment": True}),
    _json(
        "27,700 elements in one block",
        "/v1/translate",
        lambda: {"text": "<b>a</b> " * 27_700, "format": "html"},
    ),
    Attack("1.3 million numbers, DeepL API", "/v2/translate", lambda: b'{"text":[' + b"1, " * 1_380_000 + b"1]}"),
)


class Outcome(NamedTuple):
    """The measurements of one attack.

    ``repeated`` is the number of its requests, and ``sent_bytes`` is the size of each body. ``status``, ``code`` and
    ``answer_bytes`` describe the last response. ``answer_s`` is the longest response time. ``probe_p99_s`` and
    ``slowest_probe_s`` are response times of the probes. ``peak_mib`` is the peak resident memory of the service.
    """

    name: str
    repeated: int
    sent_bytes: int
    status: int
    code: str
    answer_bytes: int
    answer_s: float
    probe_p99_s: float
    slowest_probe_s: float
    peak_mib: int


async def measure(server: Server, attack: Attack, seconds: float) -> Outcome:
    """Repeat one attack for ``seconds``, but at least once, and send probes at the same time."""
    body = attack.body()
    headers = {"content-type": attack.media_type, "request-timeout-ms": TIMEOUT_MS}
    if attack.keyed:
        headers["authorization"] = f"Bearer {KEY}"
    _reset_peak(server.pid)
    answers_s: list[float] = []
    probes_s: list[float] = []
    async with httpx.AsyncClient(base_url=server.http.base_url, timeout=LIMIT_S) as http:
        end_s = time.perf_counter() + seconds
        while not answers_s or time.perf_counter() < end_s:
            begun_s = time.perf_counter()
            attacking = asyncio.create_task(http.post(attack.path, content=body, headers=headers))
            while not attacking.done():
                asked_s = time.perf_counter()
                (await http.get("/livez")).raise_for_status()
                probes_s.append(time.perf_counter() - asked_s)
                await asyncio.wait([attacking], timeout=PROBE_PAUSE_S)
            answer = attacking.result()
            answers_s.append(time.perf_counter() - begun_s)
    probes_s.sort()
    return Outcome(
        attack.name,
        len(answers_s),
        len(body),
        answer.status_code,
        "" if answer.is_success else str(answer.json().get("code", "")),
        len(answer.content),
        max(answers_s),
        probes_s[int(len(probes_s) * 0.99)],
        probes_s[-1],
        _peak_mib(server.pid),
    )


def _reset_peak(pid: int) -> None:
    """Reset the peak of the resident memory of a process (see proc(5))."""
    Path(f"/proc/{pid}/clear_refs").write_text("5", "ascii")


def _peak_mib(pid: int) -> int:
    (line,) = (line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) // 1_024


def table(outcomes: list[Outcome]) -> str:
    """Return the outcomes as a table in Markdown."""
    lines = [
        "| attack | repeated | sent | answer | answer after | 99 % of the probes | slowest probe | peak memory |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for one in outcomes:
        answer = f"{one.status} {f'`{one.code}`' if one.code else ''}".strip()
        lines.append(
            f"| {one.name} | {one.repeated} | {one.sent_bytes / 1_000:,.0f} KB "
            f"| {answer}, {one.answer_bytes / 1_000:,.1f} KB | {one.answer_s:.2f} s "
            f"| {one.probe_p99_s:.2f} s | {one.slowest_probe_s:.2f} s | {one.peak_mib:,} MiB |"
        )
    return "\n".join(lines)


async def run(seconds: float) -> list[Outcome]:
    """Start the service, repeat each attack for ``seconds``, and return the outcomes."""
    with tempfile.TemporaryDirectory() as folder:
        keys = Path(folder) / "keys"
        keys.write_text(f"attacker {SCOPES} sha256:{hashlib.sha256(KEY.encode()).hexdigest()}\n", "utf-8")
        port = free_port()
        command = [sys.executable, "-m", "service", "serve", "--port", str(port)]
        extra = {
            "DEPESCHE_KEYS_FILE": str(keys),
            "DEPESCHE_MAX_TEXT_CHARS": "250000",
            "DEPESCHE_TRANSLATION_MODEL": "starter-de-en",
            "DEPESCHE_SUMMARY_MODEL": "rules-sum-de",
            "DEPESCHE_RATE_DENIED": "none",
        }
        found: list[Outcome] = []
        async with Server(command, port, "/readyz", extra=extra) as server:
            for attack in ATTACKS:
                found.append(await measure(server, attack, seconds))
                print(found[-1], flush=True)
        return found


def main() -> None:
    """Run the attacks and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.faults", description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0, help="how long each attack is repeated")
    parser.add_argument("--record", action="store_true", help="write the result to benchmarks/results/faults.json")
    given = parser.parse_args()
    outcomes = asyncio.run(run(given.seconds))
    print(table(outcomes))
    if given.record:
        print(record.write("faults", {"outcomes": [one._asdict() for one in outcomes]}))


if __name__ == "__main__":
    main()
