"""The commands `pack` and `unpack`, which split data and weights into parts for transfer and join them again."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from models.train import parts

PartsDir = Annotated[Path, typer.Argument(file_okay=False, help="Folder of the parts.")]
MIB = 1 << 20


def pack_folder(
    folder: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="Folder of data or weights.")],
    to: PartsDir,
    part_mib: Annotated[float, typer.Option(help="Size of each part in MiB.")] = 16.0,
) -> None:
    """Split a folder into parts of equal size for transfer, and write a manifest with checksums."""
    with _explained():
        packed = parts.pack(folder, to, int(part_mib * MIB))
    typer.echo(f"{len(packed.files)} files in {len(packed.parts)} parts")


def unpack_folder(
    packed: PartsDir, folder: Annotated[Path, typer.Argument(file_okay=False, help="New folder for the files.")]
) -> None:
    """Restore a folder from the parts that `pack` wrote.

    The command fails if a part is missing, damaged or not in the manifest.
    """
    with _explained():
        made = parts.unpack(packed, folder)
    typer.echo(f"{len(made.files)} files from {len(made.parts)} parts")


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except parts.PartsError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error
