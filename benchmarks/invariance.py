"""Measure batch invariance of the default translation model: ``python -m benchmarks.invariance --data DIR``.

A sentence should have the same translation alone and in a batch with other sentences. The program translates the first
lines of a test set one by one, and then all of them in a single request. It counts the lines whose translations differ.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks import record
from benchmarks.checkout import Checkout
from benchmarks.server import NO_STORE, Server
from benchmarks.texts import TIME, lines_of, one_line

SET = "flores-dev"


def compare(sources: Sequence[str], alone: Sequence[str], together: Sequence[str]) -> dict[str, Any]:
    """Return the number of lines, the number of lines whose two translations differ, and these lines."""
    rows = zip(sources, alone, together, strict=True)
    different = [{"source": source, "alone": one, "together": other} for source, one, other in rows if one != other]
    return {"lines": len(sources), "different": len(different), "differences": different}


async def _translated(server: Server, sources: Sequence[str]) -> list[str]:
    answer = await server.post("/v1/translate", {"text": list(sources)}, NO_STORE | TIME)
    return [one_line(one["text"]) for one in answer["translations"]]


async def measure(sources: Sequence[str]) -> dict[str, Any]:
    """Translate each of the texts ``sources`` alone and all of them together, and return the comparison."""
    async with Checkout.here().server() as server:
        models = (await server.http.get("/v1/models")).raise_for_status().json()["models"]
        alone = [line for source in sources for line in await _translated(server, [source])]
        together = await _translated(server, sources)
    named = [f"{one['name']} {one['revision']} {one['engine']}" for one in models if one["task"] == "translation"]
    return {"models": named, "set": SET, **compare(sources, alone, together)}


def main(
    data: Annotated[Path, typer.Option(exists=True, file_okay=False, help="Folder of the data sets.")],
    lines: Annotated[int, typer.Option(min=1, help="Number of lines to translate.")] = 200,
    *,
    save: Annotated[bool, typer.Option("--record", help="Write results/invariance.json.")] = False,
) -> None:
    """Count the lines whose translation depends on the other lines of the request."""
    result = asyncio.run(measure(lines_of(data / "eval" / f"{SET}.de")[:lines]))
    print(f"{result['different']} of {result['lines']} lines differ")
    if save:
        print(record.write("invariance", result))


if __name__ == "__main__":
    typer.run(main)
