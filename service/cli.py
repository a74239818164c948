"""The command line: serve, translate or summarise a file, run an archive; the models have commands of their own."""

import asyncio
import contextlib
import os
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from service import events, logs, server
from service.access.command import keys
from service.app import create_app, plan_of
from service.backfill.command import Workplace, backfill
from service.errors import DepescheError
from service.hub.installed import Installed
from service.models_command import Store, models_app
from service.pipeline.article import Submission, understand
from service.pipeline.call import Call
from service.pipeline.service import Service
from service.registry.catalog import Catalog
from service.settings import Settings
from service.summary.lengths import from_request
from service.types import Notice

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
    help="German news articles in, a German summary and an English translation out.",
)
app.add_typer(keys, name="keys")
_messages = Console(stderr=True)
OWN: dict[str, Any] = {"keys_file": None, "rate_requests": None, "rate_chars": None}
"""Settings that are turned off for an application that only this process asks."""

File = Annotated[Path, typer.Argument(help="UTF-8 text file; - for standard input.")]
Clean = Annotated[bool, typer.Option(help="Take page furniture off first.")]


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
) -> None:
    """Serve HTTP until interrupted."""
    given = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    settings = _settings(**given)
    logs.configure(settings.log_level)
    _greet(settings)
    with _told():
        server.run(settings)


def _settings(**given: Any) -> Settings:
    with _told():
        try:
            return Settings(**given)
        except ValidationError as error:
            fields = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
            raise DepescheError(f"settings: {fields}") from error


def _greet(settings: Settings) -> None:
    url = f"http://{settings.host}:{settings.port}"
    _messages.print(f"Depesche serves {url} (documentation: {url}/docs). Try:", highlight=False, soft_wrap=True)
    text = '{"text": "Der Bundestag stimmt am Freitag über den Haushalt ab."}'
    _messages.print(
        f"  curl -s {url}/v1/translate -H 'Content-Type: application/json' -d '{text}'",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )


@app.command()
def translate(file: File, *, clean: Clean = True) -> None:
    """Translate a German text into English, to standard output."""
    asyncio.run(_translate(_read(file), clean=clean))


async def _translate(text: str, *, clean: bool) -> None:
    async with _service() as service:
        article = understand(Submission(text, None, None, clean))
        parts = [part for part in (article.headline, article.lead, article.body) if part]
        with _bar("translating") as progress:
            translations = await service.translator.translate(parts, Call(progress=progress))
        typer.echo("\n\n".join(translation.text for translation in translations))
        _warn([*article.notices, *(notice for translation in translations for notice in translation.notices)])


@app.command()
def summarize(
    file: File,
    *,
    length: Annotated[Literal["short", "medium", "long"], typer.Option(help="Length of the summary.")] = "medium",
    method: Annotated[
        Literal["abstractive", "extractive", "lead"], typer.Option(help="How the summary is made.")
    ] = "abstractive",
    clean: Clean = True,
) -> None:
    """Summarise a German text, to standard output."""
    asyncio.run(_summarize(_read(file), length, method, clean=clean))


async def _summarize(
    text: str, length: str, method: Literal["abstractive", "extractive", "lead"], *, clean: bool
) -> None:
    async with _service() as service:
        article = understand(Submission(text, None, None, clean))
        with _bar("summarising") as progress:
            call = Call(progress=progress)
            (summary,) = await service.summariser.summarise(
                [article.body], from_request(length), method, call, headline=article.headline
            )
        typer.echo(summary.text)
        _warn([*article.notices, *summary.notices])


@contextlib.contextmanager
def _workplace() -> Iterator[Workplace]:
    with _told():
        # An archive asks its own application, over no network: nobody is there to be kept out or held back.
        settings = _settings().model_copy(update=OWN)
        yield Workplace(create_app(settings), settings.max_body_bytes, _messages)


app.command(context_settings={"obj": _workplace})(backfill)


@contextlib.contextmanager
def _store() -> Iterator[Store]:
    with _told():
        settings = _settings()
        yield Store(Catalog(settings.models_dir, settings.installed_dir), Installed(settings.installed_dir), _messages)


app.add_typer(models_app, name="models", context_settings={"obj": _store})


def _warn(notices: Sequence[Notice]) -> None:
    """Show each kind of notice once, with how often it came."""
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
            raise DepescheError(f"{file} is not UTF-8: byte {error.start}") from error
        if not text.strip():
            raise DepescheError(f"{file} holds no text")
        return text


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """Show an error of ours as one line, not as a traceback."""
    try:
        yield
    except DepescheError as error:
        _messages.print(f"depesche: {error}", style="red", highlight=False, markup=False, soft_wrap=True)
        raise typer.Exit(1) from error


@contextlib.asynccontextmanager
async def _service() -> AsyncIterator[Service]:
    """The service without HTTP, for one command."""
    with _told():
        service = Service(plan_of(_settings()), events.ignore, lambda: os.kill(os.getpid(), signal.SIGTERM))
        await service.start()
        try:
            yield service
        finally:
            await service.stop()


@contextlib.contextmanager
def _bar(title: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar on standard error; yields what `Call.progress` takes."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=_messages, transient=True) as progress:
        task = progress.add_task(title, total=None)

        def advance(done: int, of: int) -> None:
            progress.update(task, completed=done, total=of)

        yield advance


def main() -> None:
    """Entry point of the command ``depesche``."""
    app()
