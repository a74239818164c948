"""Tests that seeds and regression inputs pass, and that the checks detect a faulty target."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from service.cleaning.boilerplate import read_lines
from tests.fuzz import regression_files
from tests.fuzz.__main__ import _keep
from tests.fuzz.cleaner import check as check_cleaner
from tests.fuzz.target import Target, decoded, encoded
from tests.fuzz.targets import TARGETS


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_regressions_stay_fixed(target: Target) -> None:
    for path in regression_files.regressions(target.name):
        with named(path):
            text = decoded(path.read_bytes())
            target.check(text)
            target.require_linear(text)


@contextmanager
def named(path: Path) -> Iterator[None]:
    """Add the path of an input to each exception that is raised in the block."""
    try:
        yield
    except Exception as error:
        error.add_note(f"by {path}")
        raise


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_seeds_pass_in_linear_work(target: Target) -> None:
    for text in target.seeds:
        target.check(text)
        target.require_linear(text)


@pytest.mark.parametrize("data", [b"", b"Ja \xff\xfe", "M\u00fcller".encode(), b"\xed\xa0\x80"])
def test_input_round_trips(data: bytes) -> None:
    assert encoded(decoded(data)) == data


def test_lost_line_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.cleaning.clean.read_lines", lambda text, language: read_lines(text, language)[:-1])
    with pytest.raises(AssertionError):
        check_cleaner("Ein Satz.\n\nNoch einer.")


def test_slow_work_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.fuzz.target.MOST_S", 0.0)
    with pytest.raises(AssertionError, match="20000 characters"):
        TARGETS["segmenter"].require_linear("Ein Satz. ")


def test_failing_input_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(regression_files, "FOLDER", tmp_path / "regressions")
    broken = tmp_path / "crash-0123"
    broken.write_bytes(b"Ja.")
    assert _keep(TARGETS["segmenter"], [broken], 77) == 1
    (copy,) = regression_files.regressions("segmenter")
    assert (copy.name, copy.read_bytes()) == ("crash-0123", b"Ja.")
