"""The import rule: data flows one way, so rooms import downward only."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SERVICE = Path(__file__).parent.parent / "service"
# From top to bottom; rooms on one line are siblings and do not import each other.
LAYERS = (
    ("__main__",),
    ("cli",),
    ("app",),
    ("settings", "metrics", "logs"),
    ("api", "access", "web"),
    ("pipeline",),
    ("text", "documents", "terms", "summary", "cache", "batching", "trust"),
    ("store",),
    ("engines",),
    ("manifest", "events"),
    ("types", "errors"),
)
LEVEL = {room: level for level, rooms in enumerate(LAYERS) for room in rooms}
READERS_OF_SETTINGS = {"app", "cli", "settings", "__main__"}


def room_of(path: Path) -> str:
    return path.relative_to(SERVICE).parts[0].removesuffix(".py")


def imported_rooms(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module == "service":
            names = [f"service.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module]
        else:
            continue
        yield from (name.split(".")[1] for name in names if name.startswith("service.") and name.count("."))


MODULES = sorted(path for path in SERVICE.rglob("*.py") if path != SERVICE / "__init__.py")


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SERVICE)))
def test_a_module_imports_downward_only(path: Path) -> None:
    room = room_of(path)
    for other in set(imported_rooms(path)) - {room, "__version__"}:
        assert LEVEL[room] < LEVEL[other], f"{room} may not import {other}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SERVICE)))
def test_only_app_and_cli_read_settings(path: Path) -> None:
    assert "settings" not in imported_rooms(path) or room_of(path) in READERS_OF_SETTINGS


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SERVICE)))
def test_the_service_never_imports_the_models_programs(path: Path) -> None:
    tree = ast.parse(path.read_text("utf-8"))
    froms = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert not {module for module in froms if module.split(".")[0] == "models"}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SERVICE)))
def test_a_module_says_in_one_line_what_it_is_for_and_stays_small(path: Path) -> None:
    text = path.read_text("utf-8")
    first = (ast.get_docstring(ast.parse(text)) or "").partition("\n")[0]
    assert first.endswith((".", ":", "?"))
    assert text.count("\n") <= 300


@pytest.mark.parametrize("module", ["service.app", "service.cli"])
def test_importing_the_app_imports_no_torch_and_reads_no_model(module: str) -> None:
    program = f"import sys, {module}; assert not {{'torch', 'transformers'}} & set(sys.modules), 'torch is imported'"
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True)
