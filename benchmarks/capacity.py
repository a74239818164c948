"""Measure the capacity of a service process with the default models: ``python -m benchmarks.capacity --data DIR``.

The recommended sizes of Kubernetes pods and the default limits in `service.settings` are derived from the recorded
results.
"""

import asyncio
import itertools
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks import record
from benchmarks.checkout import Checkout
from benchmarks.server import NO_STORE, Server
from benchmarks.texts import TIME, lines_of

ARTICLE_CHARS = 5_000
LONG_CHARS = 15_000
SET = "wmt19"


def texts(lines: list[str], chars: int) -> Iterator[str]:
    """Yield texts of consecutive whole lines, each text as long as possible with at most ``chars`` characters.

    Each of ``lines`` must be shorter than ``chars``. Lines that remain at the end do not fill a text and are not used.
    """
    text = ""
    for line in lines:
        if len(text) + len(line) >= chars:
            yield text
            text = ""
        text += line + "\n"


async def _seconds(server: Server, path: str, bodies: list[dict[str, Any]]) -> float:
    """Send all ``bodies`` to ``path`` at the same time. Return the seconds until every request has been answered."""
    started_s = time.perf_counter()
    await asyncio.gather(*(server.post(path, body, NO_STORE | TIME) for body in bodies))
    return time.perf_counter() - started_s


def _peak_mib(pid: int) -> float:
    """Return the peak resident memory of a process in MiB, as reported by Linux in /proc."""
    (line,) = (line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


async def measure(lines: list[str], parallel: int) -> dict[str, Any]:
    """Measure the time for one article, for a long text, and for ``parallel`` articles at the same time.

    The texts consist of the German sentences ``lines``. Articles are summarised and translated, but the long text is
    only translated. The maximum length of texts is derived from the speed of this translation.
    """
    articles = list(itertools.islice(texts(lines, ARTICLE_CHARS), parallel + 1))
    long = next(texts(lines[::-1], LONG_CHARS))
    started_s = time.perf_counter()
    async with Checkout.here().server(engine="ctranslate2") as server:
        ready_s = time.perf_counter() - started_s
        models = (await server.http.get("/v1/models")).raise_for_status().json()
        alone_s = await _seconds(server, "/v1/articles", [{"body": articles[0]}])
        together_s = await _seconds(server, "/v1/articles", [{"body": body} for body in articles[1:]])
        long_s = await _seconds(server, "/v1/translate", [{"text": long}])
        return {
            "models": models,
            "ready_s": round(ready_s, 1),
            "article_chars": len(articles[0]),
            "article_s": round(alone_s, 1),
            "parallel": parallel,
            "articles_per_hour": round(3600 * parallel / together_s),
            "chars_per_s": round(len(long) / long_s),
            "peak_mib": round(_peak_mib(server.pid)),
        }


def main(
    data: Annotated[Path, typer.Option(exists=True, file_okay=False, help="Folder of the data sets.")],
    parallel: Annotated[int, typer.Option(min=1, help="Number of articles at the same time.")] = 4,
    *,
    save: Annotated[bool, typer.Option("--record", help="Write results/capacity.json.")] = False,
) -> None:
    """Measure and print the results. With --record, also write them to results/capacity.json."""
    result = asyncio.run(measure(lines_of(data / "eval" / f"{SET}.de"), parallel))
    print({name: value for name, value in result.items() if name != "models"})
    if save:
        print(record.write("capacity", result))


if __name__ == "__main__":
    typer.run(main)
