"""Tests of the command ``depesche evaluate``: its articles, its systems and its messages."""

import base64
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from service.cli.main import app
from service.documents.base import Document, Edition
from service.documents.docx import write_docx
from service.evaluation.command import read_record
from service.evaluation.record import Evaluation
from tests.remote.test_remote_faults import ENGLISH, FIRST, SECOND, THIRD, good
from tests.remote_server import Reply, remote_server, said, sentence_of

ROOT = Path(__file__).parents[2]
TWO_ENGINES = ("--system", "starter-de-en", "--system", "starter-de-en,engine=torch")
TEXTS = {"one": f"{FIRST} {SECOND}", "two": f"{THIRD} {FIRST}"}


def depesche(*arguments: str | Path) -> Result:
    """Run ``depesche evaluate`` with ``arguments``."""
    return CliRunner().invoke(app, ["evaluate", *map(str, arguments)])


def record(folder: Path) -> Evaluation:
    """Return the record that the command wrote to the folder of the articles."""
    return read_record(folder / "evaluation" / "evaluation.json", Evaluation)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with two articles, one of which has references."""
    for name, text in TEXTS.items():
        (tmp_path / f"{name}.txt").write_text(text, "utf-8")
    (tmp_path / "one.en.txt").write_text(f"{ENGLISH[FIRST]} {ENGLISH[SECOND]}", "utf-8")
    (tmp_path / "one.summary.txt").write_text(FIRST, "utf-8")
    return tmp_path


@pytest.fixture
def remote_models(models_dir: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Add the manifest of a remote model to the tiny models."""
    models = tmp_path_factory.mktemp("models")
    shutil.copytree(models_dir / "catalog", models / "catalog")
    (models / "embedded").symlink_to(models_dir / "embedded")
    shutil.copy(ROOT / "models" / "catalog" / "remote-de-en.toml", models / "catalog")
    monkeypatch.setenv("DEPESCHE_MODELS_DIR", str(models))


def test_two_engines_are_compared_and_marks_change_the_report(folder: Path) -> None:
    done = depesche(folder, *TWO_ENGINES)
    assert done.exit_code == 0, done.output
    found = record(folder)
    assert [system.engine for system in found.systems] == ["ctranslate2", "torch"]
    assert [article.name for article in found.articles] == ["one.txt", "two.txt"]
    assert all(output.text and output.seconds > 0 for article in found.articles for output in article.outputs)
    assert found.equal + len(found.pairs) == 4
    report = folder / "evaluation" / "report.html"
    assert "BLEU" in report.read_text("utf-8")
    assert (folder / "evaluation" / "marking.html").is_file()
    marks = folder / "marks.json"
    marks.write_text(json.dumps({"evaluation": found.id, "marks": {p.id: "equal" for p in found.pairs}}), "utf-8")
    assert depesche(folder, "--marks", marks).exit_code == 0
    assert f"Equally good: {len(found.pairs)}" in report.read_text("utf-8")
    again = depesche(folder, *TWO_ENGINES)
    assert again.exit_code == 1
    assert "already contains an evaluation" in again.stderr


def test_two_methods_of_summarisation_are_compared(folder: Path) -> None:
    done = depesche(folder, "--task", "summary", "--system", "lead", "--system", "extractive", "--length", "short")
    assert done.exit_code == 0, done.output
    found = record(folder)
    assert found.articles[0].reference == FIRST
    assert all(output.text in article.source for article in found.articles for output in article.outputs[:1])
    assert "ROUGE-1" in (folder / "evaluation" / "report.html").read_text("utf-8")


def test_pages_and_word_documents_are_read(tmp_path: Path) -> None:
    body = f"<p>{FIRST}</p><p>{SECOND}</p>"
    document = Document("Der Titel", None, body, "html")
    edition = Edition("de", "Der Titel", None, body, None, None, "", "2026-01-01T00:00:00Z", "de")
    (tmp_path / "word.docx").write_bytes(base64.b64decode(write_docx(document, edition)["content"]))
    (tmp_path / "fragment.html").write_text(body, "utf-8")
    (tmp_path / "page.html").write_text(
        f"<!doctype html><html><head><title>T</title></head><body><h1>Der Titel</h1>{body}</body></html>", "utf-8"
    )
    done = depesche(tmp_path, *TWO_ENGINES)
    assert done.exit_code == 0, done.output
    sources = {article.name: article.source for article in record(tmp_path).articles}
    assert sources["fragment.html"] == f"{FIRST}\n\n{SECOND}"
    assert sources["word.docx"].startswith("Der Titel\n\n")
    assert all(FIRST in source and SECOND in source and "<" not in source for source in sources.values())


@pytest.mark.usefixtures("remote_models")
def test_a_remote_system_has_a_price_and_gets_only_its_own_texts(folder: Path) -> None:
    def script(body: dict[str, Any]) -> Reply:
        return said(f"1: {ENGLISH[sentence_of(body)]}", usage={"prompt_tokens": 250_000, "completion_tokens": 125_000})

    with remote_server(script) as server:
        remote = f"remote-de-en,url={server.url},remote-model=m,input-price=1,output-price=4"
        done = depesche(folder, "--system", "starter-de-en", "--system", remote)
    assert done.exit_code == 0, done.output
    local, priced = record(folder).systems
    assert (local.host, local.calls, local.cost) == ("process", 0, None)
    assert (priced.host, priced.calls) == ("private", 4)
    assert priced.cost == pytest.approx(3.0)
    assert {body["model"] for body in server.bodies} == {"m"}
    assert sorted(set(server.sentences())) == sorted(ENGLISH)


@pytest.mark.usefixtures("remote_models")
def test_an_article_that_a_system_cannot_process_is_reported(folder: Path) -> None:
    (folder / "three.txt").write_text(THIRD, "utf-8")

    def script(body: dict[str, Any]) -> Reply:
        return Reply(status=429, headers=(("Retry-After", "100000"),)) if sentence_of(body) == SECOND else good(body)

    with remote_server(script) as server:
        done = depesche(folder, "--system", "starter-de-en", "--system", f"remote-de-en,url={server.url}")
    assert done.exit_code == 0, done.output
    failures = {article.name: article.outputs[1].failure for article in record(folder).articles}
    assert failures == {"one.txt": "engine_unavailable", "three.txt": None, "two.txt": None}
    assert "2 of 3 articles, because a system failed" in (folder / "evaluation" / "report.html").read_text("utf-8")


@pytest.mark.usefixtures("remote_models")
def test_a_system_that_fails_for_all_articles_is_an_error(folder: Path) -> None:
    refused = Reply(status=429, headers=(("Retry-After", "100000"),))
    with remote_server(lambda _: refused) as server:
        done = depesche(folder, "--system", f"remote-de-en,url={server.url}", "--system", "starter-de-en")
    assert done.exit_code == 1
    assert "failed for all articles: engine_unavailable" in done.stderr
    assert not (folder / "evaluation").exists()


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("three.en.txt", b"One.", "contains the reference three.en.txt, but not its article"),
        ("one.html", b"<p>Eins.</p>", "several articles named one"),
        ("three.txt", b" \n", "three.txt: the text is empty"),
        ("three.txt", b"\xfc", "three.txt: the file is not valid UTF-8 at byte 0"),
        ("three.docx", b"no zip", "three.docx: "),
        ("two.en.txt", b"", "two.en.txt: the reference is empty"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(folder: Path, file: str, content: bytes, message: str) -> None:
    (folder / file).write_bytes(content)
    done = depesche(folder, *TWO_ENGINES)
    assert done.exit_code == 1
    assert message in done.stderr
    assert not (folder / "evaluation").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("--system", "starter-de-en"), 2, "compares 2 systems"),
        (("--system", "starter-de-en", "--system", "starter-de-en"), 2, "the systems must differ"),
        (("--system", "starter-de-en", "--system", "x,port=1"), 1, "one of the keys"),
        (("--system", "starter-de-en", "--system", "x,url="), 1, "'url='"),
        (("--system", "starter-de-en", "--system", "x,input-price=-1"), 1, "must be a number that is not negative"),
        (("--system", "starter-de-en", "--system", "x,output-price=nan"), 1, "must be a number that is not negative"),
        (("--system", "starter-de-en", "--system", "starter-de-fr"), 1, "there is no model 'starter-de-fr'"),
        (("--system", "starter-de-en", "--system", "starter-de-en,engine=onnx"), 1, "engine"),
        (("--system", "starter-de-en", "--system", "x,model=y"), 1, "only for summaries"),
        (("--task", "summary", "--system", "lead", "--system", "magic"), 1, "'magic' is not a method"),
        (("--marks", "marks.json", "--system", "starter-de-en"), 2, "cannot be combined"),
        (("--marks", "marks.json"), 1, "evaluation.json cannot be read"),
    ],
)
def test_arguments_that_do_not_fit_are_named(folder: Path, arguments: tuple[str, ...], code: int, message: str) -> None:
    done = depesche(folder, *arguments)
    assert done.exit_code == code, done.output
    assert message in " ".join(done.stderr.replace("│", " ").split())


def test_an_empty_or_missing_folder_is_named(tmp_path: Path) -> None:
    assert "contains 0 articles" in depesche(tmp_path, *TWO_ENGINES).stderr
    assert "nowhere cannot be read: No such file" in depesche(tmp_path / "nowhere", *TWO_ENGINES).stderr
