"""Tests of the command ``depesche keys``, which creates API keys: the key file, the output and the errors."""

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from service.cli.main import app
from service.http.keys import digest_of, read


def keys(*arguments: str | Path, stdin: str | None = None, **environment: str) -> Result:
    return CliRunner().invoke(app, ["keys", *map(str, arguments)], input=stdin, env=environment)


def test_new_key_is_shown_once(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    tokens = []
    for holder in ("cms", "archive"):
        done = keys("new", holder, "--file", file)
        assert done.exit_code == 0, done.output
        tokens.append(done.stdout.strip())
    assert [key.digest for key in read(file)] == [digest_of(token) for token in tokens]
    assert [(key.id, len(key.scopes)) for key in read(file)] == [("cms", 3), ("archive", 3)]
    assert not [token for token in tokens if token in file.read_text("utf-8")]
    assert file.stat().st_mode & 0o777 == 0o600
    assert len(set(tokens)) == 2
    assert all(token.startswith("depesche_") and len(token) == 52 for token in tokens)


def test_key_is_added_to_configured_file(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text("# ours", "utf-8")
    assert keys("new", "cms", "--scopes", "admin", DEPESCHE_KEYS_FILE=str(file)).exit_code == 0
    assert read(file)[0].scopes == {"admin"}
    listed = keys("list", DEPESCHE_KEYS_FILE=str(file))
    assert "cms" in listed.stdout
    assert read(file)[0].digest.hex()[:12] in listed.stdout


def test_missing_file_prints_the_line(tmp_path: Path) -> None:
    done = keys("new", "cms", "--until", "2027-03-31")
    file = tmp_path / "keys"
    file.write_text(done.stderr.splitlines()[1], "utf-8")
    (key,) = read(file)
    assert key.digest == digest_of(done.stdout.strip())
    assert str(key.until) == "2027-03-31"


def test_existing_key_is_hashed() -> None:
    token = "k" * 40
    assert digest_of(token).hex() in keys("hash", "cms", stdin=f"{token}\n").stdout


@pytest.mark.parametrize("token", ["", "geheim", "k" * 31, "mit leerzeichen " * 4, "ü" * 40])
def test_weak_key_is_refused(token: str) -> None:
    done = keys("hash", "cms", stdin=f"{token}\n")
    assert done.exit_code == 2
    assert "sha256" not in done.output


@pytest.mark.parametrize("arguments", [("new", "c ms"), ("new", "cms", "--scopes", "root"), ("hash", "")])
def test_invalid_id_or_scope_is_refused(arguments: tuple[str, ...]) -> None:
    assert keys(*arguments, stdin="k" * 40).exit_code == 2


def test_invalid_file_is_a_short_error(tmp_path: Path) -> None:
    for done in (keys("list", "--file", tmp_path / "none"), keys("new", "cms", "--file", tmp_path / "no" / "keys")):
        assert done.exit_code == 1
        assert done.stderr.startswith("depesche: ")
        assert done.stdout == ""
