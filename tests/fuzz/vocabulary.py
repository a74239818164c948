"""Words from which the fuzzer builds inputs, taken from the service's word lists."""

from pathlib import Path

import service.languages.de

FOLDER = Path(service.languages.de.__file__).parent / "data"
EVERY = 4  # every fourth line of a list: enough to reach each rule


def phrases() -> tuple[str, ...]:
    """Return some entries of each German word list of the service."""
    found: list[str] = []
    for path in sorted(FOLDER.glob("*.txt")):
        lines = [line for line in path.read_text("utf-8").splitlines() if line and not line.startswith("#")]
        found += lines[:: max(EVERY, len(lines) // 40)]
    return tuple(dict.fromkeys(found))
