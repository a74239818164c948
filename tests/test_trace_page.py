"""Tests that the files and functions named on the page "Trace of a request" exist."""

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "contributing" / "trace-of-a-request.md").read_text("utf-8")
FILE = re.compile(r"`(service/[\w/]+\.py)`")
FUNCTION = re.compile(r"`([\w.]+)\(\)`")
ROW = re.compile(r"^\|.*`(service/[\w/]+\.py)` \|([^|]*)\|(.*)\|$", re.MULTILINE)


@cache
def functions_of(path: Path) -> frozenset[str]:
    """Return the names of the functions in a file. The name of a method includes its class."""
    found = set()
    for node in ast.parse(path.read_text("utf-8")).body:
        for one in node.body if isinstance(node, ast.ClassDef) else [node]:
            if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef):
                found.add(f"{node.name}.{one.name}" if isinstance(node, ast.ClassDef) else one.name)
    return frozenset(found)


def test_each_row_names_functions_of_its_file() -> None:
    rows = ROW.findall(PAGE)
    assert len(rows) > 40
    named = [(file, name) for file, functions, _ in rows for name in FUNCTION.findall(functions)]
    assert {file for file, _ in named} == {file for file, *_ in rows}
    assert not [(file, name) for file, name in named if name not in functions_of(ROOT / file)]


def test_functions_in_the_third_column_are_in_a_file_that_the_row_names() -> None:
    for file, _, text in ROW.findall(PAGE):
        known = frozenset.union(*(functions_of(ROOT / one) for one in (file, *FILE.findall(text))))
        assert not [name for name in FUNCTION.findall(text) if name not in known], text


def test_prose_names_files_and_functions_that_exist() -> None:
    assert not [file for file in FILE.findall(PAGE) if not (ROOT / file).is_file()]
    known = frozenset.union(*map(functions_of, (ROOT / "service").rglob("*.py")))
    assert not [name for name in FUNCTION.findall(PAGE) if name not in known]
