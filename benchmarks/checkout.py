"""The checkouts of the service that a benchmark measures: the current one and, optionally, another one."""

import contextlib
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Self

import typer

from benchmarks import record
from benchmarks.server import ROOT, Server, free_port

Against = Annotated[
    Path | None,
    typer.Option(exists=True, file_okay=False, resolve_path=True, help="Another checkout to compare with."),
]
Python = Annotated[
    Path | None,
    typer.Option(
        exists=True, dir_okay=False, help="Interpreter of the other checkout (default: its .venv/bin/python)."
    ),
]
Data = Annotated[
    Path | None,
    typer.Option(exists=True, file_okay=False, help="Folder with eval/*.de (default: generated articles)."),
]

Threads = Annotated[
    int | None,
    typer.Option(min=1, help="Cores per engine call. By default, the server measures which number is best."),
]


def settings_of(threads: int | None) -> dict[str, str]:
    """Return the server setting for ``threads``, the number of cores per engine call.

    If ``threads`` is None, the result is empty, and the server chooses the number.
    """
    return {} if threads is None else {"threads": str(threads)}


@dataclass(frozen=True, slots=True)
class Checkout:
    """A folder that contains the package ``service``, its commit, and the Python interpreter that runs the service.

    ``name`` identifies the checkout in the results.
    """

    name: str
    folder: Path
    python: Path
    commit: str

    @classmethod
    def here(cls) -> Self:
        """Return the current checkout, which contains this module."""
        return cls("here", ROOT, Path(sys.executable), record.commit(ROOT))

    @classmethod
    def at(cls, folder: Path, python: Path | None) -> Self:
        """Return the checkout in ``folder``, whose service is run with the interpreter ``python``.

        If ``python`` is None, the interpreter is ``.venv/bin/python`` in that folder.

        Raises:
            typer.BadParameter: the folder contains no service, or there is no interpreter.
        """
        python = python or folder / ".venv" / "bin" / "python"
        for needed in (folder / "service" / "__main__.py", python):
            if not needed.exists():
                raise typer.BadParameter(f"{needed} does not exist")
        return cls("other", folder, python, record.commit(folder))

    def server(self, **settings: str) -> Server:
        """Return a server that runs this checkout with ``settings``.

        The names of the settings are in lower case and without the prefix ``DEPESCHE_``.
        """
        port = free_port()
        given = {f"DEPESCHE_{name.upper()}": value for name, value in settings.items()}
        extra = {
            "DEPESCHE_PORT": str(port),
            "DEPESCHE_LOG_LEVEL": "warning",
            "PYTHONPATH": str(self.folder),
            "PYTHONDONTWRITEBYTECODE": "1",  # the benchmark must not write into the other checkout
            **given,
        }
        command = [str(self.python), "-m", "service", "serve"]
        return Server(command, port, "/readyz", extra=extra, folder=self.folder)


def checkouts(against: Path | None, python: Path | None) -> list[Checkout]:
    """Return the checkout in the folder ``against``, and then the current checkout.

    If ``against`` is None, return only the current checkout.

    ``python`` is the interpreter for the checkout in ``against``.
    """
    others = [] if against is None else [Checkout.at(against, python)]
    return [*others, Checkout.here()]


Measure = Callable[[Checkout, Server, int], Awaitable[dict[str, float]]]
"""A function that measures a running server and returns figures by name. The last argument is the round number."""


async def in_turns(
    measured: Sequence[Checkout], measure: Measure, rounds: int, **settings: str
) -> dict[str, list[dict[str, float]]]:
    """Call ``measure`` once for every checkout in each round, and return all figures by name of the checkout.

    A server with ``settings`` is started for each checkout. All servers run during all rounds. The order of the
    checkouts is reversed in every second round.
    """
    found: dict[str, list[dict[str, float]]] = {one.name: [] for one in measured}
    async with contextlib.AsyncExitStack() as stack:
        running = [(one, await stack.enter_async_context(one.server(**settings))) for one in measured]
        for number in range(rounds):
            for checkout, server in running if number % 2 == 0 else reversed(running):
                found[checkout.name].append(await measure(checkout, server, number))
    return found
