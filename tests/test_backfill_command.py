"""Tests of the command ``depesche backfill``: a resumed run writes the same file as an uninterrupted one.

The report of failed lines is also tested.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from service.cli.main import app

SENTENCES = (Path(__file__).parent / "data" / "sentences.txt").read_text("utf-8").splitlines()
PATIENCE_S = 300.0
FAST = ("--outputs", "summary", "--method", "lead", "--no-clean")


def depesche(*arguments: str | Path, **environment: str) -> Result:
    return CliRunner().invoke(app, ["backfill", *map(str, arguments)], env=environment)


def process(*arguments: str | Path) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "service", "backfill", *map(str, arguments)]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, encoding="utf-8")


def written(path: Path, *lines: Any) -> Path:
    path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), "utf-8")
    return path


def records(path: Path) -> list[dict[str, Any]]:
    """Return the records in an output file, without their timestamps."""
    found = [json.loads(line) for line in path.read_bytes().splitlines()]
    for record in found:
        if "result" in record:
            del record["result"]["provenance"]["generated_at"]
            del record["result"]["provenance"]["jsonld"]["endTime"]
    return found


def committed_lines(output: Path) -> int:
    """Return the number of output lines that the checkpoint file of ``output`` records."""
    path = output.with_name(output.name + ".checkpoint")
    return int(json.loads(path.read_bytes())["written"]["lines"]) if path.exists() else 0


def wait_until(wanted: Callable[[], bool], running: "subprocess.Popen[str]") -> None:
    end = time.monotonic() + PATIENCE_S
    while not wanted():
        assert running.poll() is None, running.communicate()
        assert time.monotonic() < end
        time.sleep(0.002)


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "out.jsonl"


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """Write an archive of four lines, of which the second and third are invalid, and return its path."""
    good = {"body": " ".join(SENTENCES[:3])}
    return written(tmp_path / "in.jsonl", {"id": "a", **good}, {"body": ""}, {**good, "colour": 1}, {"id": 4, **good})


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write an archive of 40 articles and one invalid line, and return its path.

    Several articles contain the same sentences.
    """
    bodies = [" ".join(SENTENCES[n % 20] for n in range(start, start + 3)) for start in range(40)]
    lines = [{"id": f"article-{n}", "body": body} for n, body in enumerate(bodies)]
    return written(tmp_path_factory.mktemp("archive") / "in.jsonl", *lines[:5], {"body": 5}, *lines[5:])


@pytest.fixture(scope="module")
def uninterrupted(archive: Path) -> list[dict[str, Any]]:
    output = archive.with_name("whole.jsonl")
    assert depesche(archive, output, "--outputs", "translation").exit_code == 3
    return records(output)


def test_every_line_is_answered_in_order_and_a_bad_one_stops_nothing(mixed: Path, output: Path) -> None:
    result = depesche(mixed, output, *FAST)
    assert result.exit_code == 3, result.output
    found = records(output)
    assert [(record["id"], record["line"]) for record in found] == [("a", 1), (2, 2), (3, 3), (4, 4)]
    assert [record.get("error", {}).get("code") for record in found] == [None, "text_empty", "invalid_request", None]
    assert found[0]["result"]["summary"]["method"] == "lead"
    assert "4 lines: 2 done, 2 failed (text_empty 1, invalid_request 1)" in result.stderr
    assert result.stdout == ""


def test_the_report_counts_and_names_lines_but_holds_no_text(mixed: Path, output: Path, tmp_path: Path) -> None:
    depesche(mixed, output, *FAST, "--report", tmp_path / "report.json")
    text = (tmp_path / "report.json").read_text("utf-8")
    report = json.loads(text)
    assert (report["lines"], report["done"], report["failed"], report["complete"]) == (4, 2, 2, True)
    assert report["errors_by_code"] == {"text_empty": 1, "invalid_request": 1}
    assert report["failures"] == [{"line": 2, "code": "text_empty"}, {"line": 3, "code": "invalid_request"}]
    assert report["this_run"]["lines"] == 4
    assert report["this_run"]["articles_per_s"] > 0
    assert "shorter_than_asked" in report["warnings_by_code"] or report["warnings_by_code"] == {}
    assert not [word for word in (*SENTENCES[0].split()[:3], "colour") if word in text]


def test_a_second_run_skips_what_is_there_and_counts_it(mixed: Path, output: Path, tmp_path: Path) -> None:
    depesche(mixed, output, *FAST)
    before = output.read_bytes()
    with mixed.open("a", encoding="utf-8") as file:
        file.write(json.dumps({"id": "new", "body": SENTENCES[0]}) + "\n")
    result = depesche(mixed, output, *FAST, "--report", tmp_path / "report.json")
    assert result.exit_code == 3
    assert "resumed: earlier runs processed 4 lines, which will be skipped" in result.stderr
    assert output.read_bytes().startswith(before)
    assert records(output)[4]["id"] == "new"
    report = json.loads((tmp_path / "report.json").read_text("utf-8"))
    assert (report["lines"], report["failed"], report["this_run"]["lines"]) == (5, 2, 1)


def test_all_lines_done_is_exit_code_zero(tmp_path: Path, output: Path) -> None:
    assert depesche(written(tmp_path / "in.jsonl", {"body": SENTENCES[0]}), output, *FAST).exit_code == 0
    assert depesche(written(tmp_path / "empty.jsonl"), tmp_path / "none.jsonl").exit_code == 0


def test_other_options_models_or_lines_are_refused_until_a_restart(mixed: Path, output: Path) -> None:
    depesche(mixed, output, *FAST)
    before = output.read_bytes()
    refused = depesche(mixed, output, *FAST, "--length", "short")
    assert refused.exit_code == 1
    assert "these properties of the job have changed since the last run: options" in refused.stderr
    assert "--restart" in refused.stderr
    checkpoint = output.with_name("out.jsonl.checkpoint")
    trained_again = json.loads(checkpoint.read_bytes())
    trained_again["made_with"]["models"][0]["revision"] = "another"
    checkpoint.write_text(json.dumps(trained_again), "utf-8")
    assert (
        "these properties of the job have changed since the last run: models" in depesche(mixed, output, *FAST).stderr
    )
    assert output.read_bytes() == before
    assert depesche(mixed, output, *FAST, "--length", "short", "--restart").exit_code == 3
    mixed.write_bytes(b"{}\n" + mixed.read_bytes())
    assert "has changed" in depesche(mixed, output, *FAST, "--length", "short").stderr


def test_a_line_over_the_body_limit_is_one_error(tmp_path: Path, output: Path) -> None:
    archive = written(tmp_path / "in.jsonl", {"id": "long", "body": "x" * 5_000}, {"id": "next", "body": SENTENCES[0]})
    assert depesche(archive, output, *FAST, DEPESCHE_MAX_BODY_BYTES="1000").exit_code == 3
    first, second = records(output)
    assert (first["id"], first["error"]["code"]) == (1, "body_too_large")
    assert second["id"] == "next"


@pytest.mark.parametrize("file", ["-", "nothing.jsonl", "in.jsonl"])
def test_what_cannot_be_worked_on_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str) -> None:
    monkeypatch.chdir(tmp_path)
    written(tmp_path / "in.jsonl", {"body": SENTENCES[0]})
    result = depesche(file, "in.jsonl")
    assert result.exit_code == 1
    (line,) = result.stderr.splitlines()
    assert line.startswith("depesche: ")
    assert records(tmp_path / "in.jsonl") == [{"body": SENTENCES[0]}]


def test_an_output_that_does_not_exist_is_named(mixed: Path, output: Path) -> None:
    result = depesche(mixed, output, "--outputs", "summary,poem")
    assert result.exit_code == 2
    assert "poem" in result.stderr
    assert not output.exists()


@pytest.mark.slow
def test_killed_again_and_again_it_gives_the_same_file(
    archive: Path, output: Path, uninterrupted: list[dict[str, Any]]
) -> None:
    # No two runs have the same lines in progress together.
    for concurrency in ("3", "2"):
        before = committed_lines(output)
        running = process(archive, output, "--outputs", "translation", "--concurrency", concurrency)
        wait_until(lambda: committed_lines(output) > before, running)  # noqa: B023 called before the next round
        running.kill()
        running.communicate()
        assert running.returncode == -signal.SIGKILL
        assert 0 < committed_lines(output) < len(uninterrupted)
    # A line that was cut off in the middle.
    with output.open("ab") as file:
        file.write(b'{"id":"article-9","line":10,"res')
    result = depesche(archive, output, "--outputs", "translation")
    assert result.exit_code == 3, result.output
    assert "were discarded" in result.stderr
    assert records(output) == uninterrupted


@pytest.mark.slow
def test_a_signal_lets_what_is_in_flight_finish(
    archive: Path, output: Path, uninterrupted: list[dict[str, Any]]
) -> None:
    for stop in (signal.SIGTERM, signal.SIGINT):
        before = committed_lines(output)
        running = process(archive, output, "--outputs", "translation", "--concurrency", "1")
        wait_until(lambda: committed_lines(output) > before, running)  # noqa: B023 called before the next round
        os.kill(running.pid, stop)
        _, told = running.communicate(timeout=PATIENCE_S)
        assert running.returncode == 75, told
        assert "run the same command again to resume" in told
        found = records(output)
        assert found == uninterrupted[: len(found)]
        assert before < len(found) == committed_lines(output) < len(uninterrupted)
