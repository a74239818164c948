"""Tests that the key file is parsed, and that error messages name the invalid line but do not quote it."""

import datetime as dt
import hashlib
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.http.keys import ID, SCOPES, Key, KeyFileInvalid, digest_of, parse, read

HASH = f"sha256:{'ab' * 32}"
GOOD = f"cms translate,summarize {HASH}"

keys = st.builds(
    Key,
    st.from_regex(ID, fullmatch=True),
    st.frozensets(st.sampled_from(SCOPES), min_size=1),
    st.binary(min_size=32, max_size=32),
    st.none() | st.dates(),
)


@given(st.lists(keys, min_size=1, unique_by=lambda key: key.digest))
def test_written_line_is_parsed(written: list[Key]) -> None:
    assert parse("\n".join(key.line() for key in written)) == tuple(written)


def test_comments_and_empty_lines_are_ignored() -> None:
    (key,) = parse(f"# the CMS\n\n  {GOOD} 2027-03-31 # until the contract ends\n")
    assert (key.id, set(key.scopes)) == ("cms", {"translate", "summarize"})
    assert key.until == dt.date(2027, 3, 31)


def test_one_id_may_have_two_keys() -> None:
    assert len(parse(f"{GOOD}\ncms translate sha256:{'cd' * 32}")) == 2


def test_hash_matches_sha256sum() -> None:
    assert digest_of("geheim").hex() == hashlib.sha256(b"geheim").hexdigest()


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("cms translate", "2 fields"),
        (f"{GOOD} 2027-03-31 more", "5 fields"),
        (f"c/ms translate {HASH}", "an id must consist of"),
        (f"{'c' * 65} translate {HASH}", "an id must consist of"),
        (f"cms translate,root {HASH}", "valid scopes are translate, summarize, articles, admin"),
        (f"cms translate, {HASH}", "valid scopes are"),
        ("cms translate geheim", "the hash must be"),
        (f"cms translate {HASH.upper()}", "the hash must be"),
        (f"{GOOD} 31.03.2027", "in the form YYYY-MM-DD"),
        (GOOD, "duplicate key"),
    ],
)
def test_invalid_line_is_named_not_quoted(line: str, words: str) -> None:
    with pytest.raises(KeyFileInvalid, match="line 3: ") as refused:
        parse(f"{GOOD}\n\n{line}")
    assert words in str(refused.value)
    assert not [word for word in ("geheim", "root", "c/ms", "31.03", "ab" * 32) if word in str(refused.value)]


@pytest.mark.parametrize("content", [b"", b"# nothing\n", b"\xff\xfe"])
def test_file_without_key_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "keys"
    file.write_bytes(content)
    with pytest.raises(KeyFileInvalid):
        read(file)
    with pytest.raises(KeyFileInvalid, match="No such file"):
        read(tmp_path / "none")


@pytest.mark.parametrize("separator", ["\u2028", "\u0085", "\x0b", "\x0c"])
def test_only_a_line_feed_ends_a_comment(separator: str) -> None:
    assert len(parse(f"{GOOD}\n# old:{separator}root admin sha256:{'cd' * 32}")) == 1


def test_named_pipe_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "keys")
    with pytest.raises(KeyFileInvalid, match="not a regular file"):
        read(tmp_path / "keys")


def test_key_file_that_others_may_write_is_reported(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (file := tmp_path / "keys").write_text(GOOD, "utf-8")
    for mode, warnings in ((0o644, 0), (0o666, 1)):
        file.chmod(mode)
        read(file)
        assert len(caplog.records) == warnings
