"""The subcommands of ``depesche models``, which list, install, check and move models."""

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TransferSpeedColumn
from rich.table import Table

from service.errors import ModelError
from service.hub import bundle
from service.hub.installed import InstalledModels, write_errors
from service.hub.pull import Pull, convert
from service.registry.catalog import Catalog, Entry, recommended
from service.registry.joining import join
from service.registry.manifest import OUTPUTS
from service.registry.verify import verify_whole

RECOMMENDED = "recommended"
models_app = typer.Typer(no_args_is_help=True, help="List, install, check and move models.")

Name = Annotated[str, typer.Argument(help="Name of a model, as `depesche models list` shows it.")]


@dataclass(frozen=True, slots=True)
class Store:
    """The model catalogue, the installed models, and the console on which messages are printed."""

    catalog: Catalog
    installed: InstalledModels
    messages: Console

    def say(self, line: str) -> None:
        """Print a message for the user."""
        self.messages.print(line, highlight=False, markup=False, soft_wrap=True)


Opened = Callable[[], AbstractContextManager[Store]]


@models_app.command("list")
def list_models(context: typer.Context) -> None:
    """List the models in the catalogue and show which are installed."""
    table = Table("name", "task", "languages", "quality", "licence", "commercial use", "checked", "installed")
    with _opened(context) as store:
        for name in store.catalog.names():
            entry = store.catalog.entry(name)
            m = entry.manifest
            languages = f"{m.source_lang} → {m.target_lang}"
            installed = "remote" if m.remote is not None else "yes" if entry.installed else "no"
            checked = "yes" if m.checked else "no"
            table.add_row(name, m.task, languages, m.quality, m.licence, m.commercial_use, checked, installed)
    Console(width=None if sys.stdout.isatty() else 160).print(table)


@models_app.command()
def pull(
    context: typer.Context,
    names: Annotated[
        list[str],
        typer.Argument(metavar="NAME...", help=f"Names of models in the catalogue, or `{RECOMMENDED}`."),
    ],
    *,
    licence_accepted: Annotated[
        bool, typer.Option(help="Confirm that you have read the restricted licence terms and that they allow your use.")
    ] = False,
    keep_checkpoint: Annotated[
        bool,
        typer.Option(
            help="Also keep the published weights (four bytes per parameter), which DEPESCHE_ENGINE=torch needs."
        ),
    ] = False,
    trim: Annotated[
        bool,
        typer.Option(help="Keep only the pieces of a multilingual vocabulary that German and English need."),
    ] = True,
) -> None:
    """Download models from the hub, check them, convert them for CTranslate2 and install them.

    The name `recommended` means the recommended translation model.
    """
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with _opened(context) as store, Progress(*columns, console=store.messages) as progress:
        tasks: dict[str, TaskID] = {}

        def report(file: str, done_bytes: int, total_bytes: int | None) -> None:
            if file not in tasks:
                tasks[file] = progress.add_task(file)
            progress.update(tasks[file], completed=done_bytes, total=total_bytes)

        converter = partial(convert, keep_checkpoint=keep_checkpoint, trim=trim)
        puller = Pull(store.catalog, store.installed, converter, report, store.say, keep_checkpoint)
        for name in names:
            if name == RECOMMENDED:
                name = _recommended(store)  # noqa: PLW2901 - "recommended" is an alias
            _report_installed(store, puller.install(name, licence_accepted=licence_accepted))


def _recommended(store: Store) -> str:
    """Return the name of the recommended translation model, and print a message with this name."""
    name = recommended(store.catalog)
    store.say(
        f"The recommended translation model is {name}. The grammar rules still write the summaries, because no "
        "pretrained summarisation model is known to be better."
    )
    return name


@models_app.command()
def verify(
    context: typer.Context,
    names: Annotated[list[str] | None, typer.Argument(help="Names of models. Default: all installed models.")] = None,
) -> None:
    """Check the files of installed models against their manifests.

    If the outputs of a model for its test inputs were recorded at its installation, the command generates them again
    and compares them with the recorded ones.
    """
    with _opened(context) as store:
        entries = map(store.catalog.entry, names or store.catalog.names())
        wrong = [entry for entry in entries if (names or entry.manifest.complete) and not _verified(store, entry)]
        if wrong:
            raise ModelError(f"{', '.join(entry.name for entry in wrong)} failed the check and must be reinstalled")


def _verified(store: Store, entry: Entry) -> bool:
    from service.hub.acceptance import Installation  # noqa: PLC0415 - imports the engine

    try:
        verify_whole(entry)
        recorded = OUTPUTS in entry.manifest.files
        count = Installation(entry.manifest, entry.folder).replay() if recorded else 0
    except ModelError as error:
        store.messages.print(str(error), style="red", highlight=False, markup=False, soft_wrap=True)
        return False
    outputs = f", and {count} outputs were generated again" if recorded else ""
    typer.echo(f"{entry.name}: {len(entry.manifest.files)} files match the manifest{outputs}")
    return True


@models_app.command("join")
def join_(context: typer.Context) -> None:
    """Join the weights that ship with Depesche in parts, so that the service needs no writable cache folder."""
    with _opened(context) as store:
        for name in filter(store.catalog.embedded, store.catalog.names()):
            entry = store.catalog.entry(name)
            if entry.manifest.joined:
                store.say(f"{name} is ready in {join(entry).folder}")


@models_app.command()
def remove(context: typer.Context, name: Name) -> None:
    """Remove an installed model. The lock file keeps the entry for the model's repository."""
    with _opened(context) as store:
        if name not in store.installed.names():
            embedded = name in store.catalog.names() and store.catalog.embedded(name)
            raise ModelError(
                f"{name} comes with Depesche and cannot be removed" if embedded else f"{name} is not installed"
            )
        with store.installed.changing(), write_errors(str(store.installed.folder)):
            store.installed.remove(name)
        store.say(f"{name} was removed; {store.installed.lock.path} still locks its repository to the pulled version")


@models_app.command()
def export(
    context: typer.Context,
    name: Name,
    file: Annotated[Path, typer.Argument(help="Tar file to write. It must not exist yet.")],
) -> None:
    """Write an installed model and its checksums to a single file, for machines that cannot reach the hub."""
    with _opened(context) as store:
        bundle.export(store.catalog.entry(name), store.installed, file)
        store.say(f"{name} was written to {file}; 'depesche models import {file.name}' installs it on another machine")


@models_app.command("import")
def import_(
    context: typer.Context, file: Annotated[Path, typer.Argument(help="File written by `depesche models export`.")]
) -> None:
    """Install a model from a file that `depesche models export` wrote."""
    with _opened(context) as store:
        _report_installed(store, bundle.install(file, store.catalog, store.installed))


def _opened(context: typer.Context) -> AbstractContextManager[Store]:
    opened: Opened = context.obj
    return opened()


def _report_installed(store: Store, entry: Entry) -> None:
    m = entry.manifest
    terms = f"licence {m.licence}, commercial use: {m.commercial_use}"
    store.say(f"{entry.name} {m.revision} is installed in {entry.folder} ({terms})")
