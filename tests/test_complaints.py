"""Tests of the table in docs/complaints.md: every complaint has a source and names tests that exist."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in (ROOT / "docs/complaints.md").read_text("utf-8").splitlines()
    if line.startswith("|")
][2:]
NAMED = re.compile(r"`([\w/]+\.py)::(test_\w+)`")
SOURCE = re.compile(r"\[[^\]]*#(\d+)\]\(https://github\.com/[\w.-]+/[\w.-]+/issues/\1\)")
CASES = 16


def named_in(path: Path) -> set[str]:
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in ast.parse(path.read_text("utf-8")).body if isinstance(node, functions)}


def test_table_is_complete() -> None:
    assert len(ROWS) >= CASES


@pytest.mark.parametrize(("complaint", "sources"), [(row[0], row[1]) for row in ROWS])
def test_complaint_has_a_source(complaint: str, sources: str) -> None:
    assert all(SOURCE.fullmatch(one) for one in sources.split(", ")), complaint


@pytest.mark.parametrize(("complaint", "tests"), [(row[0], row[2]) for row in ROWS])
def test_named_tests_exist(complaint: str, tests: str) -> None:
    named = NAMED.findall(tests)
    assert named, complaint
    for file, name in named:
        assert name in named_in(ROOT / "tests" / file), (complaint, name)


def test_every_test_is_in_the_table() -> None:
    named = {name for row in ROWS for _, name in NAMED.findall(row[2])}
    there = {name for path in (ROOT / "tests/complaints").glob("test_*.py") for name in named_in(path)}
    assert {name for name in there if name.startswith("test_")} <= named
