"""Load tests with the program wrk. The script ``articles.lua`` gives each request a different body."""

import asyncio
import json
import shutil
import signal
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROGRAM = "wrk"
SCRIPT = Path(__file__).parent / "articles.lua"
MOST_TIME = "1h"
TIMEOUT = "120s"  # the service's own limit for a request; wrk allocates memory in proportion to it


class Failed(Exception):
    """A benchmark failed, for example because a request failed or a translation is missing."""


@dataclass(frozen=True, slots=True)
class Load:
    """The result of a load test: the number of requests answered in ``seconds``, and latency percentiles."""

    requests: int
    seconds: float
    p50_s: float
    p99_s: float

    @property
    def requests_per_s(self) -> float:
        """The throughput in requests per second."""
        return self.requests / self.seconds


async def closed_loop(
    url: str, bodies: Sequence[Any], clients: int, answers: int, enough: asyncio.Event | None = None
) -> Load:
    """Send ``bodies`` to ``url`` from ``clients`` parallel clients, and return the measured load.

    Each client sends the next body as soon as it receives a response. The loop ends after ``answers`` responses or when
    the event ``enough`` is set. It does not end after a fixed time, because a slow system responds in waves of
    ``clients`` responses, and a fixed time would cut off the last wave.

    Raises:
        FileNotFoundError: wrk is not installed.
        Failed: a request failed, none was answered, or there were too few bodies for all requests to differ.
    """
    if shutil.which(PROGRAM) is None:
        raise FileNotFoundError(f"{PROGRAM} is not installed (Debian: apt-get install {PROGRAM})")
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl", encoding="utf-8") as file:
        file.writelines(json.dumps(body) + "\n" for body in bodies)
        file.flush()
        numbers = ["--threads", "1", "--connections", str(clients), "--duration", MOST_TIME, "--timeout", TIMEOUT]
        process = await asyncio.create_subprocess_exec(
            *(PROGRAM, *numbers, "--script", str(SCRIPT), url, "--", file.name, str(answers)),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            output = await _output(process, enough or asyncio.Event())
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
    return load_of(output, len(bodies))


async def _output(process: asyncio.subprocess.Process, enough: asyncio.Event) -> str:
    """Wait until wrk ends, and return its output.

    wrk is interrupted when the Lua script `SCRIPT` prints ``enough`` or the event ``enough`` is set.
    """
    lines: list[str] = []

    async def read() -> None:
        assert process.stdout is not None  # noqa: S101 - it is a pipe
        async for line in process.stdout:
            lines.append(line.decode())
            if lines[-1] == "enough\n":
                enough.set()

    reading, waiting = asyncio.create_task(read()), asyncio.create_task(enough.wait())
    try:
        await asyncio.wait({reading, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if not reading.done():
            process.send_signal(signal.SIGINT)
        await reading
        await process.wait()
    finally:
        reading.cancel()
        waiting.cancel()
    return "".join(lines)


def load_of(output: str, bodies: int) -> Load:
    """Parse the line that the Lua script `SCRIPT` prints at the end of ``output``.

    ``bodies`` is the number of different request bodies.

    Raises:
        Failed: a request failed, none was answered, there were too few bodies for all requests to differ, or the output
            contains no such line.
    """
    lines = [line for line in output.splitlines() if line.startswith("{")]
    if not lines:
        raise Failed(f"{PROGRAM} printed no result:\n{output}")
    told = json.loads(lines[-1])
    if told["failed"]:
        raise Failed(f"{told['failed']} of {told['requests']} requests failed")
    if not told["requests"]:
        raise Failed(f"no request was answered in {told['seconds']:.0f} s")
    if told["sent"] > bodies:
        raise Failed(f"{told['sent']} requests were sent, but there were only {bodies} different bodies")
    return Load(told["requests"], told["seconds"], told["p50_s"], told["p99_s"])
