"""The kept inputs and regressions break nothing, and a target that is broken is seen to be."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from service.cleaning.boilerplate import read_lines
from tests.fuzz import corpus
from tests.fuzz.__main__ import _keep
from tests.fuzz.cleaner import check as check_cleaner
from tests.fuzz.target import Target, decoded, encoded
from tests.fuzz.targets import TARGETS


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_the_kept_inputs_break_nothing(target: Target) -> None:
    files = corpus.kept(target.name)
    assert files
    for path in files:
        with named(path):
            target.check(decoded(path.read_bytes()))


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_what_broke_a_target_once_breaks_nothing_any_more(target: Target) -> None:
    for path in corpus.regressions(target.name):
        with named(path):
            text = decoded(path.read_bytes())
            target.check(text)
            target.require_linear(text)


@contextmanager
def named(path: Path) -> Iterator[None]:
    """Whatever is raised says by which input."""
    try:
        yield
    except Exception as error:
        error.add_note(f"by {path}")
        raise


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_the_seeds_break_nothing_and_cost_no_more_than_their_length(target: Target) -> None:
    for text in target.seeds:
        target.check(text)
        target.require_linear(text)


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_a_corpus_stays_small(target: Target) -> None:
    sizes = [path.stat().st_size for path in corpus.kept(target.name)]
    assert len(sizes) <= corpus.MOST_FILES
    assert sum(sizes) <= corpus.MOST_BYTES


@pytest.mark.parametrize("data", [b"", b"Ja \xff\xfe", "M\u00fcller".encode(), b"\xed\xa0\x80"])
def test_every_input_is_a_text_and_back(data: bytes) -> None:
    assert encoded(decoded(data)) == data


def test_a_cleaner_that_loses_a_line_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.cleaning.clean.read_lines", lambda text: read_lines(text)[:-1])
    with pytest.raises(AssertionError):
        check_cleaner("Ein Satz.\n\nNoch einer.")


def test_work_that_takes_too_long_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.fuzz.target.MOST_S", 0.0)
    with pytest.raises(AssertionError, match="20000 characters"):
        TARGETS["segmenter"].require_linear("Ein Satz. ")


def test_minimising_keeps_what_reaches_something_new() -> None:
    target = TARGETS["segmenter"]
    few = corpus.minimised(target, [b"Ja.", b"Ja.", b"Nein. Doch nicht.", b"Der 1. FC verlor."])
    assert b"Ja." in few
    assert set(corpus.minimised(target, few)) == set(few)


def test_what_broke_a_target_outlasts_the_making_of_a_corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(corpus, "FOLDER", tmp_path / "corpus")
    monkeypatch.setattr(corpus, "REGRESSIONS", tmp_path / "regressions")
    target = TARGETS["segmenter"]
    broken = tmp_path / "crash-0123"
    broken.write_bytes(b"Ja.")
    assert _keep(target, [broken], 77) == 1
    assert corpus.write(target, [b"Nein."]) != corpus.write(target, [b"Doch."])
    (kept,) = corpus.regressions(target.name)
    assert (kept.name, kept.read_bytes()) == ("crash-0123", b"Ja.")


def test_files_are_named_by_what_they_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(corpus, "FOLDER", tmp_path)
    target = TARGETS["segmenter"]
    corpus.write(target, [b"alt"])
    (file,) = corpus.write(target, [b"neu"])
    assert file.read_bytes() == b"neu"
    assert list(corpus.contents(tmp_path / target.name)) == [b"neu"]
