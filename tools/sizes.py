"""Check the sizes of the modules and functions in `service`.

A module may have up to 600 lines, and a function up to 60. A module of fewer than 150 lines needs at least two
importers, unless it is a program or a plug-in.
"""

import ast
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MOST_LINES, MOST_FUNCTION_LINES = 600, 60
LEAST_IMPORTERS, ENOUGH_LINES = 2, 150
PLUG_INS = {"documents", "languages", "engines", "compat"}  # a registry imports the modules of these packages
PROGRAMS = {"__init__", "__main__"}


def imported(tree: ast.Module, modules: set[str]) -> set[str]:
    """Return those of ``modules`` that a file imports, including imports of the form ``from package import module``."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found & modules


def faults(path: Path, tree: ast.Module, lines: int, importers: int) -> Iterator[str]:
    """Yield a message for each size rule that the file violates.

    ``tree`` is the parsed file, ``lines`` is the number of its lines, and ``importers`` is the number of modules that
    import it.
    """
    if lines > MOST_LINES:
        yield f"{path}: {lines} lines; the maximum is {MOST_LINES}"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > MOST_FUNCTION_LINES:
                yield f"{path}:{node.lineno}: {node.name} has {length} lines; the maximum is {MOST_FUNCTION_LINES}"
    exempt = path.stem in PROGRAMS or PLUG_INS & set(path.parts)
    if not exempt and importers < LEAST_IMPORTERS and lines < ENOUGH_LINES:
        yield f"{path}: {importers} importer and {lines} lines: merge it into the module that imports it"


def main() -> int:
    """Print each violation. Return 1 if there is a violation, otherwise 0."""
    texts = {path.relative_to(ROOT): path.read_text("utf-8") for path in sorted((ROOT / "service").rglob("*.py"))}
    trees = {path: ast.parse(text) for path, text in texts.items()}
    names = {".".join(path.with_suffix("").parts).removesuffix(".__init__"): path for path in texts}
    importers: Counter[Path] = Counter()
    for path, tree in trees.items():
        importers.update({names[name] for name in imported(tree, set(names))} - {path})
    found = [
        one for path, text in texts.items() for one in faults(path, trees[path], text.count("\n"), importers[path])
    ]
    print(*found, sep="\n", end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
