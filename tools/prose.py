"""Report phrases that read as if they were translated from German.

``prose.py PATH...`` exits with 1 if a comment, docstring or page contains such a phrase. CONTRIBUTING.md contains the
rule and examples. Code and text between ``<!-- prose: off -->`` and ``<!-- prose: on -->`` are skipped. In the
architecture decision records 1 to 19, only the title and the summary are checked.
"""

import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

BANNED = re.compile(
    r"\b(stands?|beside|whatever|whoever|nobody|taken off|takes? off|so many|meanwhile|anew|at once|by itself|the like"
    r"|put together|go(es)? on|lies? in|be it|of (then|now)|is none of|to begin with|one's|he who)\b|, too[.;:]",
    re.IGNORECASE,
)
UNREAD = re.compile(r"<!-- prose: off -->.*?<!-- prose: on -->|```.*?```|`[^`\n]*`|\]\([^)]*\)|<[^>\n]*>", re.DOTALL)
READ = frozenset({".py", ".md", ".yaml", ".yml", ".toml", ".env"})
OLD_DECISION = re.compile(r"00(0\d|1\d)-")


def python_prose(text: str) -> Iterator[tuple[int, str]]:
    """Yield (line number, text) for each docstring and each comment in the Python source ``text``."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and ast.get_docstring(
            node
        ):
            yield node.body[0].lineno, ast.get_docstring(node, clean=False) or ""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


def prose(path: Path) -> Iterator[tuple[int, str]]:
    """Yield (line number, text) for each part of the prose of a file."""
    if path.suffix not in READ:
        return
    text = path.read_text("utf-8")
    if path.suffix == ".py":
        yield from python_prose(text)
    elif path.suffix == ".md":
        read = text.partition("\n## ")[0] if OLD_DECISION.match(path.name) else text
        yield 1, UNREAD.sub(lambda unread: "\n" * unread[0].count("\n"), read)
    else:
        yield from ((n, line.partition("#")[2]) for n, line in enumerate(text.splitlines(), 1) if "#" in line)


def main(arguments: list[str]) -> int:
    """Print each phrase that was found in the files and folders ``arguments``.

    Return 1 if a phrase was found, otherwise 0.
    """
    roots = [Path(argument) for argument in arguments]
    files = sorted(path for root in roots for path in ([root] if root.is_file() else root.rglob("*.*")))
    found = [(path, n, text, hit) for path in files for n, text in prose(path) for hit in BANNED.finditer(text)]
    for path, line, text, hit in found:
        print(f"{path}:{line + text.count(chr(10), 0, hit.start())}: {hit[0]}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
