"""The import rule: data flows one way, so rooms import downward only."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SERVICE = ROOT / "service"
# From top to bottom; rooms on one line are siblings and do not import each other.
LAYERS = (
    ("__main__",),
    ("cli",),
    ("backfill", "server", "models_command"),
    ("app",),
    ("settings", "metrics", "logs", "cores", "patience", "heap", "tracing"),
    ("api", "access", "web", "gauges"),
    ("pipeline",),
    ("text", "documents", "terms", "summary", "cache", "batching", "trust"),
    ("store",),
    ("engines",),
    ("manifest", "events"),
    ("types", "errors"),
)
LEVEL = {room: level for level, rooms in enumerate(LAYERS) for room in rooms}
MOST_LINES, MOST_FUNCTION_LINES = 250, 40
READERS_OF_SETTINGS = {"app", "cli", "server", "settings", "__main__"}


def room_of(path: Path) -> str:
    return path.relative_to(SERVICE).parts[0].removesuffix(".py")


def imported_modules(tree: ast.Module) -> Iterator[str]:
    """Full names; those of a relative import begin with a dot."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module == "service" and not node.level:
            yield from (f"service.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or "")


def imported_rooms(path: Path) -> Iterator[str]:
    names = imported_modules(ast.parse(path.read_text("utf-8")))
    yield from (name.split(".")[1] for name in names if name.startswith("service."))


def forbidden(tree: ast.Module) -> list[str]:
    """Imports of the models' programs, and relative ones, which say nothing of the room they lead to."""
    return [name for name in imported_modules(tree) if name.split(".")[0] in {"models", ""}]


def long_functions(tree: ast.Module) -> list[str]:
    functions = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return [node.name for node in functions if (node.end_lineno or 0) - node.lineno >= MOST_FUNCTION_LINES]


MODULES = sorted(path for path in SERVICE.rglob("*.py") if path != SERVICE / "__init__.py")
PROGRAMS = [*MODULES, *sorted((ROOT / "models").rglob("*.py")), *sorted((ROOT / "benchmarks").rglob("*.py"))]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SERVICE)))
def test_a_module_imports_downward_only(path: Path) -> None:
    room = room_of(path)
    for other in set(imported_rooms(path)) - {room, "__version__"}:
        assert LEVEL[room] < LEVEL[other], f"{room} may not import {other}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SERVICE)))
def test_only_app_and_cli_read_settings(path: Path) -> None:
    assert "settings" not in imported_rooms(path) or room_of(path) in READERS_OF_SETTINGS


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SERVICE)))
def test_the_service_imports_neither_the_models_programs_nor_relatively(path: Path) -> None:
    assert not forbidden(ast.parse(path.read_text("utf-8")))


@pytest.mark.parametrize(
    "line",
    ["import models", "import models.train.trainer", "from models import train", "from . import x", "from ..a import b"],
)
def test_every_form_of_a_forbidden_import_is_seen(line: str) -> None:
    assert forbidden(ast.parse(line))


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_says_in_one_line_what_it_is_for_and_stays_small(path: Path) -> None:
    text = path.read_text("utf-8")
    tree = ast.parse(text)
    first = (ast.get_docstring(tree) or "").partition("\n")[0]
    assert first.endswith((".", ":", "?"))
    assert text.count("\n") <= MOST_LINES
    assert not long_functions(tree)


def test_a_function_of_forty_one_lines_is_seen() -> None:
    body = "    x = 1\n"
    assert long_functions(ast.parse("def f():\n" + body * 39)) == []
    assert long_functions(ast.parse("async def f():\n" + body * 40)) == ["f"]


@pytest.mark.parametrize("module", ["service.app", "service.cli"])
def test_importing_the_app_imports_no_torch_and_reads_no_model(module: str) -> None:
    program = f"import sys, {module}; assert not {{'torch', 'transformers'}} & set(sys.modules), 'torch is imported'"
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True)
