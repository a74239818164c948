"""The ``depesche`` command and its subcommands."""

import asyncio
import contextlib
import datetime as dt
import os
import secrets
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TransferSpeedColumn,
)
from rich.table import Table

from service import __version__, events, server
from service.app import create_newsroom, plan_of, text_limits
from service.backfill.runner import BackfillContext, backfill
from service.domain import Notice
from service.errors import DepescheError, ModelError
from service.evaluation.command import EvaluationContext, evaluate
from service.evaluation.runner import SystemSpec
from service.http.keys import EMBARGO, ID, SCOPES, TOKEN, Key, KeyFileInvalid, digest_of, read, scopes_in
from service.hub import bundle
from service.hub.installed import InstalledModels, write_errors
from service.hub.pull import Pull, convert
from service.languages.base import LanguagePair
from service.newsroom.article import ArticleResult
from service.newsroom.commands import ArticleCommand, CallContext, SummaryForm
from service.newsroom.newsroom import Newsroom
from service.observability import logs
from service.registry.catalog import Catalog, Entry, choose, recommended
from service.registry.joining import join
from service.registry.manifest import OUTPUTS
from service.registry.verify import verify_whole
from service.results import Method
from service.settings import Settings
from service.summarization.lengths import from_request
from service.terms.corrections import read_corrections, suggest_terms

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
                name = _recommended(store)  # noqa: PLW2901 - the name means another one
            _report_installed(store, puller.install(name, licence_accepted=licence_accepted))


def _recommended(store: Store) -> str:
    """Return the name of the recommended translation model, and say what the command installs."""
    name = recommended(store.catalog)
    store.say(
        f"The recommended translation model is {name}. Summaries still come from the embedded model, because no "
        "pretrained one is known to be better"
    )
    return name


@models_app.command()
def verify(
    context: typer.Context,
    names: Annotated[list[str] | None, typer.Argument(help="Names of models. Default: all installed models.")] = None,
) -> None:
    """Check every file of the installed models against its manifest, and their outputs against those recorded."""
    with _opened(context) as store:
        entries = map(store.catalog.entry, names or store.catalog.names())
        wrong = [entry for entry in entries if (names or entry.manifest.complete) and not _verified(store, entry)]
        if wrong:
            raise ModelError(f"{', '.join(entry.name for entry in wrong)} must be reinstalled")


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


PREFIX = "depesche_"  # so that secret scanners and people can recognise a key
RANDOM_BYTES = 32
FILE_MODE = 0o600
DEFAULT_SCOPES = ",".join(scope for scope in SCOPES if scope not in {"admin", EMBARGO})

keys = typer.Typer(
    no_args_is_help=True, help="Manage API keys. The key file (DEPESCHE_KEYS_FILE) contains only their hashes."
)
_key_messages = Console(stderr=True)

Id = Annotated[str, typer.Argument(metavar="ID", help="Id of the key's holder, for logs and rate limits.")]
Scopes = Annotated[str, typer.Option(help=f"Comma-separated scopes: {', '.join(SCOPES)}.")]
Until = Annotated[
    dt.datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Last day on which the key is valid, in UTC.")
]
Append = Annotated[
    Path | None, typer.Option("--file", envvar="DEPESCHE_KEYS_FILE", help="Key file to append the line to.")
]


@keys.command()
def new(holder: Id, *, scopes: Scopes = DEFAULT_SCOPES, until: Until = None, file: Append = None) -> None:
    """Create a key and print it once to standard output. Only its hash is stored."""
    token = PREFIX + secrets.token_urlsafe(RANDOM_BYTES)
    line = _key(holder, scopes, until, token).line()
    if file is None:
        _say(f"Add this line to the key file:\n{line}")
    else:
        _append(file, line)
        _say(f"Added to {file}; running services will read it within seconds. The key is shown only once:")
    typer.echo(token)


@keys.command("hash")
def hash_(holder: Id, *, scopes: Scopes = DEFAULT_SCOPES, until: Until = None) -> None:
    """Print the key file line for an existing key.

    The key is read from standard input, because other users of the machine can see command-line arguments.
    """
    token = sys.stdin.readline().strip()
    if TOKEN.fullmatch(token) is None:
        # The fast hash in the key file is unsafe for passwords, so passwords are rejected.
        raise typer.BadParameter("a key must consist of 32 to 512 visible ASCII characters, chosen at random")
    typer.echo(_key(holder, scopes, until, token).line())


@keys.command("list")
def list_(file: Annotated[Path, typer.Option("--file", envvar="DEPESCHE_KEYS_FILE", help="Key file.")]) -> None:
    """List the keys in a file and the last day on which each key is valid.

    If the file is invalid, the command fails, as the service does.
    """
    table = Table("id", "scopes", "valid until", "hash")
    for key in _keys(file):
        until = "no limit" if key.until is None else key.until.isoformat()
        table.add_row(key.id, ",".join(s for s in SCOPES if s in key.scopes), until, key.digest.hex()[:12] + "…")
    Console(width=None if sys.stdout.isatty() else 160).print(table)


def _key(holder: str, scopes: str, until: dt.datetime | None, token: str) -> Key:
    if ID.fullmatch(holder) is None:
        raise typer.BadParameter(
            "an id must consist of 1 to 64 letters, digits, dots, dashes or underscores", param_hint="ID"
        )
    try:
        return Key(holder, scopes_in(scopes), digest_of(token), None if until is None else until.date())
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--scopes") from error


def _keys(file: Path) -> tuple[Key, ...]:
    try:
        return read(file)
    except KeyFileInvalid as error:
        raise _failed(str(error)) from error


def _append(file: Path, line: str) -> None:
    """Append ``line`` to a key file in a single write, so that a running service never reads part of the line."""
    try:
        begun = b"" if not file.exists() or file.read_bytes().endswith(b"\n") or not file.stat().st_size else b"\n"
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, FILE_MODE), "wb", buffering=0) as out:
            out.write(begun + line.encode() + b"\n")
    except OSError as error:
        raise _failed(f"{file} cannot be written: {error.strerror}") from error


def _failed(message: str) -> typer.Exit:
    """Print an error message as one line, and return the exception that exits with code 1."""
    _say(f"depesche: {message}")
    return typer.Exit(1)


def _say(message: str) -> None:
    _key_messages.print(message, highlight=False, markup=False, soft_wrap=True)


app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
    help="Summarise German news articles in German and translate them into English.",
)
app.add_typer(keys, name="keys")


def _print_version(given: bool) -> None:  # noqa: FBT001 - typer passes the value of the option
    if given:
        typer.echo(f"depesche {__version__}")
        raise typer.Exit


@app.callback()
def options(
    *,
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Summarise German news articles in German and translate them into English."""


_messages = Console(stderr=True)
File = Annotated[Path, typer.Argument(help="UTF-8 text file, or - for standard input.")]
Clean = Annotated[bool, typer.Option(help="Remove boilerplate from the article first.")]


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
    *,
    wait: Annotated[
        bool | None, typer.Option(help="Keep running if the models cannot be loaded, until a reload loads them.")
    ] = None,
) -> None:
    """Serve HTTP requests until interrupted."""
    options = {"host": host, "port": port, "wait_for_models": wait}
    settings = _settings(**{name: value for name, value in options.items() if value is not None})
    logs.configure(settings.log_level)
    with _told():
        server.run(settings, partial(_greet, settings))


def _settings(**given: Any) -> Settings:
    with _told():
        try:
            return Settings(**given)
        except ValidationError as error:
            fields = "; ".join(": ".join([*map(str, e["loc"]), e["msg"]]) for e in error.errors())
            raise DepescheError(f"invalid settings: {fields}") from error


def _greet(settings: Settings, port: int) -> None:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    url = f"http://{host}:{port}{settings.root_path}"
    _messages.print(
        f"Depesche listens on {url} and loads its models (documentation: {url}/docs). Try:",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )
    key = "" if settings.keys_file is None else " -H 'Authorization: Bearer YOUR_KEY'"
    text = '{"text": "Der Bundestag stimmt am Freitag über den Haushalt ab."}'
    _messages.print(
        f"  curl -s {url}/v1/translate{key} -H 'Content-Type: application/json' -d '{text}'",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )
    if _serves_a_draft(settings):
        _messages.print(
            "The included models write drafts. These commands install a translation model for publication: "
            f"make production, and then: depesche models pull {RECOMMENDED}",
            highlight=False,
            markup=False,
            soft_wrap=True,
        )


def _serves_a_draft(settings: Settings) -> bool:
    """Return whether the translation model of the service is an embedded one, whose outputs are drafts."""
    catalog = Catalog(settings.models_dir, settings.installed_dir, settings.weights_dir)
    try:
        entry = choose(catalog, "translation", "de", "en", settings.profile, settings.translation_model)
    except ModelError:  # the start of the service fails with this error
        return False
    return entry is not None and bool(entry.manifest.weights)


@app.command()
def translate(
    file: File,
    *,
    clean: Clean = True,
    memory: Annotated[
        Path | None, typer.Option(help="File of corrections (JSON Lines or TMX) that replace the model's sentences.")
    ] = None,
) -> None:
    """Translate a German text into English and print the translation."""
    known = "" if memory is None else _read(memory)
    asyncio.run(_translate(_read(file), known, clean=clean))


async def _translate(text: str, memory: str, *, clean: bool) -> None:
    form = SummaryForm(from_request("medium"))
    command = ArticleCommand(["translation"], form, text, clean=clean, memory=memory)
    result = await _done(command, "translating")
    translated = result.translation
    if translated is not None:
        parts = (translated.headline, translated.lead, translated.body.text)
        typer.echo("\n\n".join(part for part in parts if part))
        _warn([*result.article.notices, *translated.body.notices])


@app.command()
def summarize(
    file: File,
    *,
    length: Annotated[Literal["short", "medium", "long"], typer.Option(help="Length of the summary.")] = "medium",
    method: Annotated[Method, typer.Option(help="Method of the summary.")] = "abstractive",
    clean: Clean = True,
) -> None:
    """Summarise a German text and print the summary."""
    asyncio.run(_summarize(_read(file), length, method, clean=clean))


async def _summarize(text: str, length: str, method: Method, *, clean: bool) -> None:
    command = ArticleCommand(["summary"], SummaryForm(from_request(length), method), text, clean=clean)
    result = await _done(command, "summarising")
    if result.summary is not None:
        typer.echo(result.summary.text)
        _warn([*result.article.notices, *result.summary.notices])


@app.command()
def corrections(file: Annotated[Path, typer.Argument(help="File of corrections, or - for standard input.")]) -> None:
    """Print the glossary terms that a file of corrections (JSON Lines or TMX) suggests, as lines of a glossary file.

    A term is suggested if editors replaced the model's words by the same translation in at least two sentences.
    """
    settings = _settings()
    with _told():
        languages = LanguagePair.of(settings.source_lang, settings.target_lang)
        known = read_corrections(_read(file), languages)
    terms = suggest_terms(known, languages)
    for term, translation, count in terms:
        typer.echo(f"# {count} corrections\n{term}\t{translation}")
    compared = sum(one.machine is not None for one in known)
    _messages.print(f"{len(terms)} terms from {compared} corrections with the model's translation", highlight=False)


async def _done(command: ArticleCommand, title: str) -> ArticleResult:
    """Start a newsroom for a single command, run the command for one article, and return the result.

    ``title`` is the text next to the progress bar.
    """
    async with _newsroom() as newsroom:
        with _bar(title) as progress:
            return (await newsroom.article(command, CallContext(progress=progress))).result


@contextlib.contextmanager
def _workplace() -> Iterator[BackfillContext]:
    with _told():
        settings = _settings()
        limits = text_limits(settings)
        newsroom = create_newsroom(settings, logs.listen)
        yield BackfillContext(newsroom, limits, settings.max_body_bytes, _messages)


app.command(context_settings={"obj": _workplace})(backfill)


@contextlib.contextmanager
def _evaluation() -> Iterator[EvaluationContext]:
    with _told():
        settings = _settings()
        languages = LanguagePair.of(settings.source_lang, settings.target_lang)
        yield EvaluationContext(partial(_newsroom_of, settings), languages, text_limits(settings), _messages)


def _newsroom_of(settings: Settings, spec: SystemSpec, listener: events.Listener) -> Newsroom:
    """Create the newsroom of a system of an evaluation. A server is used only if the model of the system is remote."""
    method, options = spec.name in get_args(Method), spec.options
    name = options.get("model") if method else spec.name
    catalog = Catalog(settings.models_dir, settings.installed_dir, settings.weights_dir)
    remote = name is not None and catalog.entry(name).manifest.remote is not None
    given: dict[str, Any] = {
        "translation_model": None if method else name,
        "summary_model": name if method else None,
        "remote_url": options.get("url", settings.remote_url) if remote else None,
        "remote_model": options.get("remote-model", settings.remote_model) if remote else None,
        "remote_key_file": options.get("key-file", settings.remote_key_file) if remote else None,
        "engine": options.get("engine", settings.engine),
        "embargo_models": False,
        "redis_url": None,
    }
    return create_newsroom(_settings(**given), listener)


app.command(context_settings={"obj": _evaluation})(evaluate)


@contextlib.contextmanager
def _store() -> Iterator[Store]:
    with _told():
        settings = _settings()
        catalog = Catalog(settings.models_dir, settings.installed_dir, settings.weights_dir)
        yield Store(catalog, InstalledModels(settings.installed_dir), _messages)


app.add_typer(models_app, name="models", context_settings={"obj": _store})


def _warn(notices: Sequence[Notice]) -> None:
    """Print each distinct notice once, with its count."""
    for message, count in Counter(f"{notice.code}: {notice.message}" for notice in notices).items():
        times = f" ({count} times)" if count > 1 else ""
        _messages.print(message + times, style="yellow", highlight=False, markup=False, soft_wrap=True)


def _read(file: Path) -> str:
    with _told():
        try:
            data = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
        except OSError as error:
            raise DepescheError(f"{file} cannot be read: {error.strerror}") from error
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise DepescheError(f"{file} is not valid UTF-8 at byte {error.start}") from error
        if not text.strip():
            raise DepescheError(f"{file} contains no text")
        return text


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """Catch a `DepescheError` in the ``with`` block, print it as one line without a traceback, and exit with code 1."""
    try:
        yield
    except DepescheError as error:
        _messages.print(f"depesche: {error}", style="red", highlight=False, markup=False, soft_wrap=True)
        raise typer.Exit(1) from error


@contextlib.asynccontextmanager
async def _newsroom() -> AsyncIterator[Newsroom]:
    """Yield a newsroom that serves no HTTP requests, and stop it at the end of the ``with`` block."""
    with _told():
        newsroom = Newsroom(plan_of(_settings()), events.ignore, lambda: os.kill(os.getpid(), signal.SIGTERM))
        await newsroom.start()
        try:
            yield newsroom
        finally:
            await newsroom.stop()


@contextlib.contextmanager
def _bar(title: str) -> Iterator[Callable[[str, int, int], None]]:
    """Show a progress bar on standard error, and yield a callback for `CallContext.progress`."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=_messages, transient=True) as progress:
        task = progress.add_task(title, total=None)
        total = 0

        def advance(_stage: str, done: int, of: int) -> None:
            nonlocal total
            total += of
            progress.update(task, advance=done, total=total)

        yield advance


def main() -> None:
    """Run the ``depesche`` command."""
    app()
