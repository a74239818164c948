"""Tests of the files of a backfill: input lines have a size limit, and saved work survives any interruption."""

import json
import os
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.backfill import journal as journals
from service.backfill.journal import CannotResume, FilePosition, InputLine, InputLines, Journal, checkpoint_path, load
from service.errors import DepescheError

WITH = {"models": ["one"], "options": {"length": "short"}}
LIMIT_BYTES = 8


def read(path: Path, max_line_bytes: int = LIMIT_BYTES) -> list[InputLine]:
    with closing(InputLines(path, max_line_bytes)) as lines:
        return list(lines)


def resumed(archive: Path, output: Path, *, made_with: dict[str, Any] = WITH, restart: bool = False) -> list[InputLine]:
    """Resume a backfill run, and return the input lines that the run has not processed yet.

    ``made_with`` describes the job and must be the same as in the last run. If ``restart`` is True, the last run is
    ignored.
    """
    with closing(InputLines(archive, LIMIT_BYTES)) as lines, closing(Journal(output)) as journal:
        journal.resume(lines, made_with, restart=restart)
        return list(lines)


def worked_off(archive: Path, output: Path, *, committed: int, written: int) -> None:
    """Simulate a run that was killed after it had written ``written`` lines.

    The run had committed only the first ``committed`` of these lines.
    """
    with closing(InputLines(archive, LIMIT_BYTES)) as lines, closing(Journal(output)) as journal:
        journal.resume(lines, WITH, restart=False)
        for number, line in enumerate(lines, 1):
            if number > written:
                break
            journal.append(line.data or b"")
            if number == committed:
                journal.commit(line.end)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "in.jsonl"
    path.write_bytes(b"one\ntwo\nthree\nfour\n")
    return path


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "out.jsonl"


def test_a_line_of_just_the_limit_is_read_and_a_longer_one_comes_without_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    path.write_bytes(b"12345678\n123456789\n" + b"x" * 3_000_000 + b"\nshort\n12345678")
    assert [(line.number, line.data) for line in read(path)] == [
        (1, b"12345678\n"),
        (2, None),
        (3, None),
        (4, b"short\n"),
        (5, b"12345678"),
    ]


def test_blank_lines_are_counted_and_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    path.write_bytes(b"\none\n \r\ntwo\n\n")
    assert [(line.number, line.data) for line in read(path)] == [(2, b"one\n"), (4, b"two\n")]


@settings(max_examples=60)
@given(content=st.lists(st.sampled_from([b"a", b"bcd", b"\n", b"\n", b"\r\n", b" ", b"0123456789"])).map(b"".join))
def test_reading_on_at_any_line_gives_the_lines_behind_it(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.mktemp("archive") / "in.jsonl"
    path.write_bytes(content)
    everything = read(path)
    for count, line in enumerate(everything, 1):
        with closing(InputLines(path, LIMIT_BYTES)) as lines:
            lines.skip(line.end)
            assert list(lines) == everything[count:]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tail=st.binary(max_size=40), committed=st.integers(1, 4))
def test_whatever_a_crash_left_behind_the_commit_is_cut_off(
    tmp_path_factory: pytest.TempPathFactory, archive: Path, tail: bytes, committed: int
) -> None:
    output = tmp_path_factory.mktemp("output") / "out.jsonl"
    worked_off(archive, output, committed=committed, written=committed)
    whole = output.read_bytes()
    with output.open("ab") as file:
        file.write(tail)
    assert [line.number for line in resumed(archive, output)] == list(range(committed + 1, 5))
    assert output.read_bytes() == whole


def test_lines_that_were_written_but_not_committed_are_done_again(archive: Path, output: Path) -> None:
    worked_off(archive, output, committed=2, written=4)
    assert output.read_bytes() == archive.read_bytes()
    assert [line.number for line in resumed(archive, output)] == [3, 4]
    assert output.read_bytes() == b"one\ntwo\n"


@pytest.mark.parametrize("changed", [b"ONE\ntwo\nthree\nfour\n", b"one\n", b"zero\none\ntwo\nthree\n"])
def test_another_archive_is_refused_and_the_output_stays(archive: Path, output: Path, changed: bytes) -> None:
    worked_off(archive, output, committed=2, written=3)
    before = output.read_bytes()
    archive.write_bytes(changed)
    with pytest.raises(CannotResume, match=r"in\.jsonl has changed"):
        resumed(archive, output)
    assert output.read_bytes() == before


def test_an_archive_that_grew_is_gone_on_with(archive: Path, output: Path) -> None:
    worked_off(archive, output, committed=4, written=4)
    with archive.open("ab") as file:
        file.write(b"five\n")
    assert [line.data for line in resumed(archive, output)] == [b"five\n"]


def test_a_last_line_that_grew_is_a_change(archive: Path, output: Path) -> None:
    archive.write_bytes(b"one\ntwo")
    worked_off(archive, output, committed=2, written=2)
    archive.write_bytes(b"one\ntwo\n")
    assert resumed(archive, output) == []
    archive.write_bytes(b"one\ntwofold\n")
    with pytest.raises(CannotResume, match="since the last run: line 2 is now longer"):
        resumed(archive, output)


@pytest.mark.parametrize("damage", [b"", b"one\n", b"ONE\ntwo\n"])
def test_an_output_that_lost_or_changed_committed_lines_is_refused(archive: Path, output: Path, damage: bytes) -> None:
    worked_off(archive, output, committed=2, written=2)
    output.write_bytes(damage)
    with pytest.raises(CannotResume, match=r"out\.jsonl has changed"):
        resumed(archive, output)
    assert output.read_bytes() == damage


def test_a_file_of_somebody_else_is_not_overwritten(archive: Path, output: Path) -> None:
    output.write_bytes(b"precious\n")
    with pytest.raises(CannotResume, match=r"out\.jsonl is not empty"):
        resumed(archive, output)
    assert output.read_bytes() == b"precious\n"


def test_a_checkpoint_that_is_none_is_refused(archive: Path, output: Path) -> None:
    checkpoint_path(output).write_text('{"format": 2}')
    with pytest.raises(CannotResume, match="is not a checkpoint"):
        resumed(archive, output)


def test_other_models_or_options_are_refused_by_name(archive: Path, output: Path) -> None:
    worked_off(archive, output, committed=2, written=2)
    with pytest.raises(CannotResume, match=r"these properties of the job have changed since the last run: models;"):
        resumed(archive, output, made_with={**WITH, "models": ["two"]})


def test_a_restart_begins_anew_whatever_is_there(archive: Path, output: Path) -> None:
    output.write_bytes(b"precious\n")
    assert len(resumed(archive, output, made_with={"models": []}, restart=True)) == 4
    assert output.read_bytes() == b""
    assert resumed(archive, output, made_with={"models": []})


def test_two_runs_do_not_write_one_output(archive: Path, output: Path) -> None:
    with closing(Journal(output)), pytest.raises(DepescheError, match="another backfill"):
        Journal(output)
    assert len(resumed(archive, output)) == 4


def test_what_cannot_be_read_twice_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DepescheError, match="not a regular file"):
        InputLines(tmp_path / "pipe", LIMIT_BYTES)
    with pytest.raises(DepescheError, match="not a regular file"):
        Journal(tmp_path / "pipe")
    with pytest.raises(DepescheError, match="No such file"):
        InputLines(tmp_path / "nothing", LIMIT_BYTES)


def test_the_first_line_is_committed_at_once_and_later_ones_now_and_then(
    archive: Path, output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(InputLines(archive, LIMIT_BYTES)) as lines, closing(Journal(output)) as journal:
        journal.resume(lines, WITH, restart=False)
        assert journal.due
        journal.commit(FilePosition())
        assert not journal.due
        monkeypatch.setattr(journals, "COMMIT_EVERY_S", 0.0)
        assert journal.due


def test_a_checkpoint_says_what_was_read_and_written(archive: Path, output: Path) -> None:
    worked_off(archive, output, committed=2, written=2)
    found = load(checkpoint_path(output))
    assert found is not None
    assert (found.read.lines, found.read.size_bytes, found.written.size_bytes) == (2, 8, 8)
    assert json.loads(checkpoint_path(output).read_text("utf-8"))["made_with"] == WITH
    assert not list(output.parent.glob("*.tmp"))
