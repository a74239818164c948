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
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table

from service import __version__, events, server
from service.app import create_newsroom, plan_of, text_limits
from service.backfill.runner import BackfillContext, backfill
from service.cli.models import RECOMMENDED, Store, models_app
from service.domain import Notice
from service.errors import DepescheError, ModelError
from service.evaluation.command import EvaluationContext, evaluate
from service.evaluation.runner import SystemSpec
from service.http.keys import EMBARGO, ID, SCOPES, TOKEN, Key, KeyFileInvalid, digest_of, read, scopes_in
from service.hub.installed import InstalledModels
from service.languages.base import LanguagePair
from service.newsroom.article import ArticleResult
from service.newsroom.commands import ArticleCommand, CallContext, SummaryForm
from service.newsroom.newsroom import Newsroom
from service.observability import logs
from service.registry.catalog import Catalog, choose
from service.results import Method
from service.settings import Settings
from service.summarization.lengths import from_request
from service.terms.corrections import read_corrections, suggest_terms

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

    If the file is invalid, the command fails with the error that the service reports.
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
        bool | None, typer.Option(help="Keep running if the models cannot be loaded, and wait for a reload.")
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
    documentation = f" (documentation: {url}/docs)" if settings.docs else ""
    _messages.print(
        f"Depesche is listening on {url} and loading its models{documentation}. Try:",
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
            "The included models write drafts. To install a translation model for publication, run: "
            f"make production, and then: depesche models pull {RECOMMENDED}",
            highlight=False,
            markup=False,
            soft_wrap=True,
        )


def _serves_a_draft(settings: Settings) -> bool:
    """Return whether the translation model of the service is an embedded one.

    The result is False if no model can be chosen. In that case, the service fails to start.
    """
    catalog = Catalog(settings.models_dir, settings.installed_dir, settings.weights_dir)
    try:
        entry = choose(catalog, "translation", "de", "en", settings.profile, settings.translation_model)
    except ModelError:
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

    A term is suggested if editors replaced the model's words with the same translation in at least two sentences.
    """
    settings = _settings()
    with _told():
        languages = LanguagePair.of(settings.source_lang, settings.target_lang)
        known = read_corrections(_read(file), languages)
    terms = suggest_terms(known, languages)
    for term, translation, count in terms:
        typer.echo(f"# {count} corrections\n{term}\t{translation}")
    compared = sum(one.machine is not None for one in known)
    _messages.print(f"{len(terms)} terms from {compared} corrections that contain the model's text", highlight=False)


async def _done(command: ArticleCommand, title: str) -> ArticleResult:
    """Start a newsroom for a single article, process the article with ``command``, and return the result.

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
    """Create the newsroom for one of the systems that an evaluation compares.

    The newsroom uses a remote server only if the model of the system is remote.
    """
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
