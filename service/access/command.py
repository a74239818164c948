"""``depesche keys``: make a key, hash one that there is, and list those of a key file."""

import datetime as dt
import os
import secrets
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from service.access.keyfile import ID, SCOPES, TOKEN, Key, KeyFileInvalid, digest_of, read, scopes_in

PREFIX = "depesche_"  # so that scanners for secrets, and people, see what it is
RANDOM_BYTES = 32
FILE_MODE = 0o600
DEFAULT_SCOPES = ",".join(scope for scope in SCOPES if scope != "admin")

keys = typer.Typer(no_args_is_help=True, help="API keys, which are kept as hashes in a file (DEPESCHE_KEYS_FILE).")
_messages = Console(stderr=True)

Id = Annotated[str, typer.Argument(metavar="ID", help="Who holds the key: its name in logs and limits.")]
Scopes = Annotated[str, typer.Option(help=f"With commas between them: {', '.join(SCOPES)}.")]
Until = Annotated[
    dt.datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The last day on which it is good, in UTC.")
]
Append = Annotated[
    Path | None, typer.Option("--file", envvar="DEPESCHE_KEYS_FILE", help="Key file to append the line to.")
]


@keys.command()
def new(holder: Id, *, scopes: Scopes = DEFAULT_SCOPES, until: Until = None, file: Append = None) -> None:
    """Make a key: it goes to standard output, once; only its hash is kept."""
    token = PREFIX + secrets.token_urlsafe(RANDOM_BYTES)
    line = _key(holder, scopes, until, token).line()
    if file is None:
        _say(f"Add this line to the key file:\n{line}")
    else:
        _append(file, line)
        _say(f"Added to {file}; running services read it within seconds. The key is shown only now:")
    typer.echo(token)


@keys.command("hash")
def hash_(holder: Id, *, scopes: Scopes = DEFAULT_SCOPES, until: Until = None) -> None:
    """Give the key file's line for a key that there is, from standard input: arguments are seen by other users."""
    token = sys.stdin.readline().strip()
    if TOKEN.fullmatch(token) is None:
        # Also a guard against passwords, for which the hash of the file is not made.
        raise typer.BadParameter("a key has 32 to 512 visible ASCII characters, drawn at random")
    typer.echo(_key(holder, scopes, until, token).line())


@keys.command("list")
def list_(file: Annotated[Path, typer.Option("--file", envvar="DEPESCHE_KEYS_FILE", help="Key file.")]) -> None:
    """List the keys of a file, and whether they are still good; a broken file is refused as by the service."""
    table = Table("id", "scopes", "good until", "hash")
    for key in _keys(file):
        until = "for ever" if key.until is None else key.until.isoformat()
        table.add_row(key.id, ",".join(s for s in SCOPES if s in key.scopes), until, key.digest.hex()[:12] + "…")
    Console(width=None if sys.stdout.isatty() else 160).print(table)


def _key(holder: str, scopes: str, until: dt.datetime | None, token: str) -> Key:
    if ID.fullmatch(holder) is None:
        raise typer.BadParameter("1 to 64 letters, digits, dots, dashes and underscores", param_hint="ID")
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
    """Add a line in one write: a service that reads meanwhile sees all of it or nothing."""
    try:
        begun = b"" if not file.exists() or file.read_bytes().endswith(b"\n") or not file.stat().st_size else b"\n"
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, FILE_MODE), "wb", buffering=0) as out:
            out.write(begun + line.encode() + b"\n")
    except OSError as error:
        raise _failed(f"{file} cannot be written: {error.strerror}") from error


def _failed(message: str) -> typer.Exit:
    """One line says what is wrong, as for every other command."""
    _say(f"depesche: {message}")
    return typer.Exit(1)


def _say(message: str) -> None:
    _messages.print(message, highlight=False, markup=False, soft_wrap=True)
