"""Tests of the command line: standard output, error messages and exit codes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from service import __version__
from service.cli.main import _greet, app
from service.settings import Settings
from service.terms.glossary import read_glossaries

ROOT = Path(__file__).parents[1]
TEXT = (
    "Der Bundestag stimmt am Freitag über den neuen Haushalt ab. Die Regierung rechnet mit einer Mehrheit.\n\n"
    "In Hamburg regnete es am Wochenende stärker als erwartet.\n"
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "article.txt"
    path.write_text(TEXT, "utf-8")
    return path


def depesche(*arguments: str | Path, stdin: bytes | None = None, **environment: str) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments], input=stdin, env=environment)


def assert_told(result: Result, *words: str) -> None:
    """Assert that a command failed with exit code 1 and one line on standard error, which contains ``words``."""
    assert result.exit_code == 1, result.output
    (line,) = result.stderr.splitlines()
    assert line.startswith("depesche: ")
    assert not [word for word in words if word not in line]
    assert result.stdout == ""


def test_file_keeps_its_paragraphs(file: Path) -> None:
    result = depesche("translate", file, "--no-clean")
    assert result.exit_code == 0, result.output
    first, second = result.stdout.strip().split("\n\n")
    assert first != second
    assert "Bundestag stimmt am" not in result.stdout


def test_standard_input_is_translated(file: Path) -> None:
    piped = depesche("translate", "-", stdin=TEXT.encode())
    assert piped.exit_code == 0, piped.output
    assert piped.stdout == depesche("translate", file).stdout


CORRECTIONS = "\n".join(
    json.dumps({"source": source, "target": f"The cabinet {rest}", "machine": f"The government {rest}"})
    for source, rest in (
        ("Die Regierung rechnet mit einer Mehrheit.", "expects a majority."),
        ("Die Regierung tagt.", "meets."),
    )
)


def test_corrections_replace_sentences(file: Path, tmp_path: Path) -> None:
    (tmp_path / "c.jsonl").write_text(CORRECTIONS, "utf-8")
    result = depesche("translate", file, "--no-clean", "--memory", tmp_path / "c.jsonl")
    assert "The cabinet expects a majority." in result.stdout


def test_corrections_suggest_a_glossary(tmp_path: Path) -> None:
    result = depesche("corrections", "-", stdin=CORRECTIONS.encode())
    assert result.exit_code == 0, result.output
    (tmp_path / "news.tsv").write_text(result.stdout, "utf-8")
    assert read_glossaries(tmp_path)["news"].translated == {"Regierung": "cabinet"}
    assert_told(depesche("corrections", "-", stdin=b"no file"), "line 1 is not JSON")


def test_byte_order_mark_is_skipped() -> None:
    result = depesche("summarize", "-", "--method", "lead", "--no-clean", stdin=b"\xef\xbb\xbf" + TEXT.encode())
    assert result.stdout.startswith("Der Bundestag")


def test_summary_has_method_and_length(file: Path) -> None:
    long = TEXT + "Der Zug fährt heute nicht nach Hamburg, sondern am Abend über Lübeck nach Kiel. " * 5
    result = depesche("summarize", "-", "--length", "short", "--method", "lead", "--no-clean", stdin=long.encode())
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("Der Bundestag stimmt am Freitag über den neuen Haushalt ab. Die Regierung")
    assert len(result.stdout.split()) <= 40
    extract = depesche("summarize", file, "--length", "long", "--method", "extractive", "--no-clean")
    assert extract.stdout.split() == TEXT.split()


@pytest.mark.parametrize("option", [("--length", "huge"), ("--method", "magic")])
def test_unknown_option_is_named(file: Path, option: tuple[str, str]) -> None:
    result = depesche("summarize", file, *option)
    assert result.exit_code == 2
    assert option[0] in result.stderr


def test_models_list_their_licences() -> None:
    result = depesche("models", "list")
    assert result.exit_code == 0
    lines = {line.split()[1]: line for line in result.stdout.splitlines() if "starter-" in line}
    assert set(lines) == {"starter-de-en", "starter-sum-de"}
    assert "translation" in lines["starter-de-en"]
    assert "summary" in lines["starter-sum-de"]
    assert all("yes" in line and "Apache-2.0" in line for line in lines.values())


@pytest.mark.parametrize("content", [b"", b" \n\t\n"])
@pytest.mark.parametrize("command", ["translate", "summarize"])
def test_empty_file_is_refused(tmp_path: Path, command: str, content: bytes) -> None:
    path = tmp_path / "empty.txt"
    path.write_bytes(content)
    assert_told(depesche(command, path), "empty.txt", "no text")


def test_invalid_utf_8_is_located(tmp_path: Path) -> None:
    path = tmp_path / "latin1.txt"
    path.write_bytes("Fußgänger".encode("latin-1"))
    assert_told(depesche("translate", path), "latin1.txt", "UTF-8", "byte 2")


def test_missing_file_is_named(tmp_path: Path) -> None:
    assert_told(depesche("translate", tmp_path / "nothing.txt"), "nothing.txt", "No such file")
    assert_told(depesche("translate", tmp_path), "Is a directory")


@pytest.mark.parametrize("command", [("models", "list"), ("serve",), ("translate", "-")])
def test_wrong_setting_is_one_line(command: tuple[str, ...]) -> None:
    assert_told(depesche(*command, stdin=TEXT.encode(), DEPESCHE_PORT="eighty"), "settings", "port", "integer")


def test_unknown_variable_is_one_line() -> None:
    assert_told(depesche("models", "list", DEPESCHE_CACHE_SIZE="1"), "DEPESCHE_CACHE_SIZE", "unknown setting")


def test_mistyped_variable_gets_a_suggestion() -> None:
    result = depesche("models", "list", DEPESCHE_PROT="1")
    assert_told(result, "DEPESCHE_PROT (did you mean DEPESCHE_PORT?)")
    assert ": :" not in result.stderr


def test_version_is_printed() -> None:
    result = depesche("--version")
    assert result.exit_code == 0
    assert result.stdout == f"depesche {__version__}\n"


def test_unknown_model_offers_others(file: Path) -> None:
    assert_told(
        depesche("translate", file, DEPESCHE_TRANSLATION_MODEL="starter-de-fr"), "starter-de-fr", "starter-de-en"
    )


def test_hub_model_must_be_pulled(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEPESCHE_INSTALLED_DIR", str(tmp_path))
    monkeypatch.setenv("DEPESCHE_MODELS_DIR", str(ROOT / "models"))
    (line,) = [line for line in depesche("models", "list").stdout.splitlines() if "opus-mt-de-en" in line]
    assert [cell.strip() for cell in line.strip("│").split("│")][-4:] == ["Apache-2.0", "yes", "no", "no"]
    told = depesche("translate", file, DEPESCHE_TRANSLATION_MODEL="opus-mt-de-en")
    assert_told(told, "opus-mt-de-en is not installed", "depesche models pull opus-mt-de-en")


def test_missing_models_folder_is_one_line(file: Path, tmp_path: Path) -> None:
    assert_told(depesche("translate", file, DEPESCHE_MODELS_DIR=str(tmp_path / "nowhere")), "translation model")


def test_help_names_every_command() -> None:
    result = depesche("--help")
    assert result.exit_code == 0
    assert not [name for name in ("serve", "translate", "summarize", "models") if name not in result.stdout]


@pytest.mark.slow
def test_module_writes_utf_8(file: Path) -> None:
    command = [sys.executable, "-m", "service", "summarize", str(file), "--method", "lead", "--no-clean"]
    done = subprocess.run(command, check=True, capture_output=True, env={**os.environ, "PYTHONUTF8": "1"})
    assert done.stdout.decode("utf-8").split() == TEXT.split()
    assert done.stderr.strip() == b""


def test_start_message_names_the_documentation_only_if_it_is_served(capsys: pytest.CaptureFixture[str]) -> None:
    url = "http://127.0.0.1:8123"
    for docs, named in ((True, f" (documentation: {url}/docs)"), (False, "")):
        _greet(Settings(docs=docs), 8123)
        (first, *_) = capsys.readouterr().err.splitlines()
        assert first == f"Depesche is listening on {url} and loading its models{named}. Try:"
